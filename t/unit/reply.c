
/* What clients read, byte for byte. */


#include "tap.h"
#include "jm_reply.h"


static uint8_t  text[2048];


static void
test_result(void)
{
    size_t       i, len;
    jm_buf_t     b;
    jm_str_t     urls[2];
    jm_part_t    part;
    jm_result_t  result;

    urls[0] = str("https://h/a?b=c&d=\"e\"");
    urls[1] = str("https://h/2");

    memset(&result, 0, sizeof(result));

    result.created = 1735689600;
    result.model = str("jimeng_t2i_v40");
    result.task_id = str("7392616336519610409");
    result.size.width = 2304;
    result.size.height = 1728;
    result.parts = &part;
    result.nparts = 1;

    part.urls = urls;
    part.nurls = 1;
    part.error = NULL;

    jm_buf_fixed(&b, text, sizeof(text));
    is_int(jm_reply_result(&b, &result, NULL), JM_OK, "a result");
    is_str(jm_buf_view(&b),
           "{\"created\":1735689600,\"model\":\"jimeng_t2i_v40\","
           "\"task_id\":\"7392616336519610409\",\"task_status\":\"succeed\","
           "\"data\":[{\"url\":\"https://h/a?b=c&d=\\\"e\\\"\"}],"
           "\"size\":\"2304x1728\",\"usage\":{\"generated_images\":1}}",
           "as a client reads it");

    len = b.len;

    for (i = 0; i < len; i++) {
        jm_buf_fixed(&b, text, i);

        if (jm_reply_result(&b, &result, NULL) != JM_ERROR) {
            break;
        }
    }

    is_int((int64_t) i, (int64_t) len, "a buffer too small is an error");

    part.nurls = 2;
    result.size.width = 0;
    result.size.height = 0;
    result.task_id = str("");

    jm_buf_fixed(&b, text, sizeof(text));
    jm_reply_result(&b, &result, NULL);
    is_str(jm_buf_view(&b),
           "{\"created\":1735689600,\"model\":\"jimeng_t2i_v40\","
           "\"task_status\":\"succeed\","
           "\"data\":[{\"url\":\"https://h/a?b=c&d=\\\"e\\\"\"},"
           "{\"url\":\"https://h/2\"}],\"usage\":{\"generated_images\":2}}",
           "two pictures, no size, no task_id");

    result.size.area = 4194304;
    part.nurls = 0;

    jm_buf_fixed(&b, text, sizeof(text));
    jm_reply_result(&b, &result, NULL);
    is_str(jm_buf_view(&b),
           "{\"created\":1735689600,\"model\":\"jimeng_t2i_v40\","
           "\"task_status\":\"succeed\",\"data\":[],\"size\":\"2K\","
           "\"usage\":{\"generated_images\":0}}", "no picture, an area");
}


/* several tasks, of which some failed; more pictures than are handed on */

static void
test_parts(void)
{
    size_t       i, len;
    jm_buf_t     b;
    jm_str_t     first[1], last[3];
    jm_part_t    parts[4];
    jm_error_t   policy, upstream;
    jm_result_t  result;

    first[0] = str("https://h/1");
    last[0] = str("https://h/2");
    last[1] = str("https://h/3");
    last[2] = str("https://h/4");

    memset(&result, 0, sizeof(result));
    memset(parts, 0, sizeof(parts));

    jm_error_set(&policy, JM_CAUSE_CONTENT_POLICY, NULL, "No \"cat\".");
    jm_error_set(&upstream, JM_CAUSE_UPSTREAM, NULL, "Failed.");

    parts[0].error = &policy;
    parts[0].urls = first;
    parts[0].nurls = 1;
    parts[1].urls = first;
    parts[1].nurls = 1;
    parts[2].error = &upstream;
    parts[3].urls = last;
    parts[3].nurls = 3;

    result.created = 1;
    result.model = str("m");
    result.parts = parts;
    result.nparts = 4;
    result.ignored = UINT64_C(1) << 0 | UINT64_C(1) << 3 | UINT64_C(1) << 63;

    jm_buf_fixed(&b, text, sizeof(text));
    is_int(jm_reply_result(&b, &result, NULL), JM_OK, "several tasks");
    is_str(jm_buf_view(&b),
           "{\"created\":1,\"model\":\"m\",\"task_status\":\"succeed\","
           "\"data\":[{\"url\":\"https://h/1\"},{\"url\":\"https://h/2\"},"
           "{\"url\":\"https://h/3\"},{\"url\":\"https://h/4\"}],"
           "\"usage\":{\"generated_images\":4},\"errors\":[{\"index\":0,"
           "\"code\":\"content_policy_violation\",\"message\":"
           "\"No \\\"cat\\\".\"},{\"index\":2,\"code\":\"upstream_error\","
           "\"message\":\"Failed.\"}],\"ignored\":[\"model\",\"width\"]}",
           "pictures in order, errors, ignored fields");

    len = b.len;

    for (i = 0; i < len; i++) {
        jm_buf_fixed(&b, text, i);

        if (jm_reply_result(&b, &result, NULL) != JM_ERROR) {
            break;
        }
    }

    is_int((int64_t) i, (int64_t) len, "a buffer too small is an error");

    result.max_images = 2;
    result.ignored = 0;
    result.nparts = 1;
    result.parts = &parts[3];

    jm_buf_fixed(&b, text, sizeof(text));
    jm_reply_result(&b, &result, NULL);
    is_str(jm_buf_view(&b),
           "{\"created\":1,\"model\":\"m\",\"task_status\":\"succeed\","
           "\"data\":[{\"url\":\"https://h/2\"},{\"url\":\"https://h/3\"}],"
           "\"usage\":{\"generated_images\":3}}",
           "two of three pictures are handed on, three were made");
}


static void
test_models(void)
{
    jm_buf_t     b;
    jm_str_t     view;
    jm_model_t   rows[2];
    jm_models_t  extra;
    const char  *whole;

    jm_model_init(&rows[0], str("a \"house\""), str("k"));
    jm_model_init(&rows[1], str("jimeng-4.6"), str("k"));

    extra.rows = rows;
    extra.n = 2;

    jm_buf_fixed(&b, text, sizeof(text));
    is_int(jm_reply_model(&b, &rows[0], 7), JM_OK, "a model");
    is_str(jm_buf_view(&b),
           "{\"id\":\"a \\\"house\\\"\",\"object\":\"model\","
           "\"created\":7,\"owned_by\":\"volcengine\"}",
           "as a client reads it");

    jm_buf_fixed(&b, text, 20);
    is_int(jm_reply_model(&b, &rows[0], 7), JM_ERROR, "a small buffer");

    jm_buf_fixed(&b, text, sizeof(text));
    is_int(jm_reply_models(&b, &extra, 7), JM_OK, "the models");

    whole = "{\"object\":\"list\",\"data\":["
            "{\"id\":\"a \\\"house\\\"\",\"object\":\"model\","
            "\"created\":7,\"owned_by\":\"volcengine\"},"
            "{\"id\":\"jimeng-4.6\",\"object\":\"model\","
            "\"created\":7,\"owned_by\":\"volcengine\"},"
            "{\"id\":\"jimeng_t2i_v40\",\"object\":\"model\","
            "\"created\":7,\"owned_by\":\"volcengine\"},";

    view = jm_buf_view(&b);
    view.len = jm_min(view.len, strlen(whole));
    is_str(view, whole, "the operator's first, then the built-in ones");

    ok(b.len > 2 && memcmp(&text[b.len - 2], "]}", 2) == 0, "to the end");

    jm_buf_fixed(&b, text, 64);
    is_int(jm_reply_models(&b, NULL, 7), JM_ERROR, "a small buffer");
}


static void
test_error(void)
{
    size_t      i, len;
    jm_buf_t    b;
    jm_error_t  e;

    jm_error_set(&e, JM_CAUSE_INVALID_REQUEST, "n", "The \"n\" is %d.", 2);

    jm_buf_fixed(&b, text, sizeof(text));
    is_int(jm_reply_error(&b, &e, str("")), JM_OK, "an error");
    is_str(jm_buf_view(&b),
           "{\"error\":{\"message\":\"The \\\"n\\\" is 2.\",\"type\":"
           "\"invalid_request_error\",\"param\":\"n\",\"code\":"
           "\"invalid_request\"},\"code\":\"invalid_request\",\"message\":"
           "\"The \\\"n\\\" is 2.\"}", "as a client reads it");

    jm_error_set(&e, JM_CAUSE_UPSTREAM, NULL, "Failed.");
    e.upstream_code = 59999;

    jm_buf_fixed(&b, text, sizeof(text));
    jm_reply_error(&b, &e, str("42"));
    is_str(jm_buf_view(&b),
           "{\"error\":{\"message\":\"Failed.\",\"type\":\"api_error\","
           "\"param\":null,\"code\":\"upstream_error\","
           "\"upstream_code\":59999},\"code\":\"upstream_error\","
           "\"message\":\"Failed.\",\"task_id\":\"42\"}",
           "with the upstream's number and the task");

    len = b.len;

    for (i = 0; i < len; i++) {
        jm_buf_fixed(&b, text, i);

        if (jm_reply_error(&b, &e, str("42")) != JM_ERROR) {
            break;
        }
    }

    is_int((int64_t) i, (int64_t) len, "a buffer too small is an error");
}


/* the same into memory that runs out */

static void
test_memory(void)
{
    size_t      n;
    jm_rc_e     rc;
    unsigned    good;
    jm_buf_t    b;
    tap_mem_t   m;
    jm_error_t  e;

    jm_error_set(&e, JM_CAUSE_INTERNAL, NULL, NULL);
    good = 1;

    for (n = 1; /* void */; n++) {
        tap_mem_init(&m, n);
        jm_buf_init(&b, &m.mem, 64, 4096);

        rc = jm_reply_error(&b, &e, str("42"));

        if (tap_mem_unfailed(&m)) {
            tap_mem_done(&m);
            break;
        }

        good = good && rc == JM_ERROR;
        tap_mem_done(&m);
    }

    ok(good && n > 1 && rc == JM_OK, "each of %zu allocations fails", n - 1);
}


int
main(void)
{
    test_result();
    test_parts();
    test_models();
    test_error();
    test_memory();

    return done_testing();
}
