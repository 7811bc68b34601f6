
/*
 * What clients read, byte for byte.
 *
 * Guards against a reply that pictures that come as data do not fit into; seen
 * failing with their place counted from the reply's start and one byte further
 * on, and with URLs written all the same.
 */


#include "tap.h"
#include "openai.h"
#include "jm_json.h"
#include "jm_reply.h"


static const jm_standing_t  running = { .status = JM_STATUS_RUNNING };
static const jm_standing_t  failed = { .status = JM_STATUS_FAILED };

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
    result.look.size.width = 2304;
    result.look.size.height = 1728;
    result.look.quality = JM_QUALITY_LOW;
    result.look.type = JM_PICTURE_JPEG;
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
           LOOK("jpeg", "low", "2304x1728") "," USAGE("1") "}",
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
    result.look.quality = JM_QUALITY_MEDIUM;
    result.look.type = JM_PICTURE_PNG;
    result.look.size.width = 0;
    result.look.size.height = 0;
    result.task_id = str("");

    jm_buf_fixed(&b, text, sizeof(text));
    jm_reply_result(&b, &result, NULL);
    is_str(jm_buf_view(&b),
           "{\"created\":1735689600,\"model\":\"jimeng_t2i_v40\","
           "\"task_status\":\"succeed\","
           "\"data\":[{\"url\":\"https://h/a?b=c&d=\\\"e\\\"\"},"
           "{\"url\":\"https://h/2\"}]," LOOK("png", "medium", "auto") ","
           USAGE("2") "}",
           "two pictures, no size, no task_id");

    result.look.size.area = 4194304;
    part.nurls = 0;

    jm_buf_fixed(&b, text, sizeof(text));
    jm_reply_result(&b, &result, NULL);
    is_str(jm_buf_view(&b),
           "{\"created\":1735689600,\"model\":\"jimeng_t2i_v40\","
           "\"task_status\":\"succeed\",\"data\":[],"
           LOOK("png", "medium", "2K") "," USAGE("0")
           "}", "no picture, an area");
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
           LOOK("png", "high", "auto") "," USAGE("5")
           ",\"errors\":[{\"index\":0,"
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
           LOOK("png", "high", "auto") "," USAGE("3") "}",
           "two of three pictures are handed on, three were made");
}


/*
 * Appends the reply with n pictures put in where they belong, as they are when
 * they come as data.
 */

static void
add_pictures(jm_buf_t *whole, jm_str_t reply, size_t at, size_t n)
{
    size_t  i;

    jm_buf_add(whole, reply.data, at);

    for (i = 0; i < n; i++) {

        if (i != 0) {
            jm_buf_literal(whole, JM_REPLY_DATA_NEXT);
        }

        jm_buf_literal(whole, JM_REPLY_DATA_OPEN);
        jm_buf_literal(whole, "/9j+AAQ=");
        jm_buf_literal(whole, JM_REPLY_DATA_CLOSE);
    }

    jm_buf_add(whole, reply.data + at, reply.len - at);
}


/* the reply of result with n pictures as data is expected, and is JSON */

static void
is_whole(const jm_result_t *result, size_t n, const char *expected,
    const char *what)
{
    size_t            at, before;
    jm_buf_t          b, whole;
    jm_str_t          reply;
    tap_mem_t         m;
    jm_json_t        *root, *list;
    const char       *why;
    jm_json_limits_t  limits;

    tap_mem_init(&m, 0);

    limits.depth = 4;
    limits.nodes = 64;

    for (before = 0; before < 4; before += 3) {
        jm_buf_fixed(&b, text, sizeof(text));
        jm_buf_add(&b, "xyz", before);

        is_int(jm_reply_result(&b, result, &at), JM_OK, "%s%s", what,
               before ? ", behind something else" : "");

        reply.data = b.data + before;
        reply.len = b.len - before;

        jm_buf_init(&whole, &m.mem, 64, 4096);
        add_pictures(&whole, reply, at - before, n);

        is_str(jm_buf_view(&whole), expected, "as a client reads it");

        is_int(jm_json_read(&root, jm_buf_view(&whole), &limits, &m.mem,
                            &why),
               JM_OK, "it is JSON");

        list = jm_json_get(root, "data");
        is_int(list == NULL ? -1 : (int64_t) list->count, (int64_t) n,
               "with %zu pictures", n);
    }

    tap_mem_done(&m);
}


#define PICTURE  "{\"b64_json\":\"/9j+AAQ=\"}"


static void
test_data(void)
{
    jm_str_t     urls[3];
    jm_part_t    parts[3];
    jm_error_t   policy;
    jm_result_t  result;

    urls[0] = str("https://h/1");
    urls[1] = str("https://h/2");
    urls[2] = str("https://h/3");

    memset(&result, 0, sizeof(result));
    memset(parts, 0, sizeof(parts));

    parts[0].urls = urls;
    parts[0].nurls = 1;

    result.created = 1735689600;
    result.model = str("jimeng_t2i_v40");
    result.task_id = str("7392616336519610409");
    result.look.size.width = 2304;
    result.look.size.height = 1728;
    result.parts = parts;
    result.nparts = 1;

    is_whole(&result, 1,
             "{\"created\":1735689600,\"model\":\"jimeng_t2i_v40\","
             "\"task_id\":\"7392616336519610409\",\"task_status\":"
             "\"succeed\",\"data\":[" PICTURE "],"
             LOOK("png", "high", "2304x1728") "," USAGE("1") "}",
             "a picture as data");

    jm_error_set(&policy, JM_CAUSE_CONTENT_POLICY, NULL, "No \"cat\".");

    parts[0].error = &policy;
    parts[1].urls = urls;
    parts[1].nurls = 2;
    parts[2].urls = urls;
    parts[2].nurls = 1;

    result.created = 1;
    result.model = str("m");
    result.task_id = str("");
    result.look.size.width = 0;
    result.look.size.height = 0;
    result.nparts = 3;
    result.ignored = UINT64_C(1) << 0 | UINT64_C(1) << 3;

    is_whole(&result, 3,
             "{\"created\":1,\"model\":\"m\",\"task_status\":\"succeed\","
             "\"data\":[" PICTURE "," PICTURE "," PICTURE "],"
             LOOK("png", "high", "auto") "," USAGE("4")
             ",\"errors\":[{\"index\":0,"
             "\"code\":\"content_policy_violation\",\"message\":"
             "\"No \\\"cat\\\".\"}],\"ignored\":[\"model\",\"width\"]}",
             "a task that failed, ignored fields");

    /* what was made is billed, whatever is handed on */

    result.parts = &parts[1];
    result.nparts = 2;
    result.max_images = 2;
    result.ignored = 0;

    is_whole(&result, 2,
             "{\"created\":1,\"model\":\"m\",\"task_status\":\"succeed\","
             "\"data\":[" PICTURE "," PICTURE "],"
             LOOK("png", "high", "auto") "," USAGE("3") "}",
             "two of three pictures");

    result.nparts = 0;
    result.max_images = 0;

    is_whole(&result, 0,
             "{\"created\":1,\"model\":\"m\",\"task_status\":\"succeed\","
             "\"data\":[]," LOOK("png", "high", "auto") "," USAGE("0") "}",
             "no picture");
}


/* tasks that have no pictures, yet or for good */

static void
test_status(void)
{
    size_t       i, len;
    jm_buf_t     b;
    jm_str_t     url;
    jm_part_t    part;
    jm_error_t   e;
    jm_result_t  result;

    memset(&result, 0, sizeof(result));

    url = str("https://h/1");
    part.urls = &url;
    part.nurls = 1;
    part.error = NULL;

    result.created = 1735689600;
    result.model = str("jimeng_t2i_v40");
    result.task_id = str("AQ-\"_");
    result.look.size.width = 2304;
    result.look.size.height = 1728;
    result.parts = &part;
    result.nparts = 1;
    result.ignored = 1;

    jm_buf_fixed(&b, text, sizeof(text));
    is_int(jm_reply_status(&b, &result, &(jm_standing_t) { 0 }, NULL), JM_OK,
           "a task that was submitted");
    is_str(jm_buf_view(&b),
           "{\"created\":1735689600,\"model\":\"jimeng_t2i_v40\","
           "\"task_id\":\"AQ-\\\"_\",\"task_status\":\"pending\"}",
           "as a client reads it, without pictures");

    jm_error_set(&e, JM_CAUSE_CONTENT_POLICY, "prompt", "No \"cat\".");
    e.upstream_code = 50412;

    result.created = 1;
    result.model = str("m");
    result.task_id = str("42");

    jm_buf_fixed(&b, text, sizeof(text));
    jm_reply_status(&b, &result, &running, &e);
    is_str(jm_buf_view(&b),
           "{\"created\":1,\"model\":\"m\",\"task_id\":\"42\","
           "\"task_status\":\"running\"}", "one that runs has no error");

    jm_buf_fixed(&b, text, sizeof(text));
    is_int(jm_reply_status(&b, &result, &failed, &e), JM_OK,
           "one that failed");
    is_str(jm_buf_view(&b),
           "{\"created\":1,\"model\":\"m\",\"task_id\":\"42\","
           "\"task_status\":\"failed\",\"error\":{\"message\":"
           "\"No \\\"cat\\\".\",\"type\":\"image_generation_user_error\","
           "\"param\":\"prompt\",\"code\":\"content_policy_violation\","
           "\"upstream_code\":50412}}", "has the error, as errors have it");

    len = b.len;

    for (i = 0; i < len; i++) {
        jm_buf_fixed(&b, text, i);

        if (jm_reply_status(&b, &result, &failed, &e) != JM_ERROR) {
            break;
        }
    }

    is_int((int64_t) i, (int64_t) len, "a buffer too small is an error");
}


static void
test_models(void)
{
    jm_buf_t     b;
    jm_str_t     view;
    jm_model_t   rows[2];
    jm_models_t  extra;
    const char  *whole;

    jm_model_init(&rows[0], str("a \"house\""), str("k"), JM_PROVIDER_VISUAL);
    jm_model_init(&rows[1], str("jimeng-4.6"), str("k"), JM_PROVIDER_VISUAL);

    extra.rows = rows;
    extra.n = 2;
    extra.providers = jm_provider_bit(JM_PROVIDER_VISUAL);

    jm_buf_fixed(&b, text, sizeof(text));
    is_int(jm_reply_model(&b, &rows[0], 7), JM_OK, "a model");
    is_str(jm_buf_view(&b),
           "{\"id\":\"a \\\"house\\\"\",\"object\":\"model\","
           "\"created\":7,\"owned_by\":\"volcengine\"}",
           "as a client reads it");

    jm_buf_fixed(&b, text, 20);
    is_int(jm_reply_model(&b, &rows[0], 7), JM_ERROR, "a small buffer");

    jm_buf_fixed(&b, text, sizeof(text));
    is_int(jm_reply_models(&b, &extra, NULL, 7), JM_OK, "the models");

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
    is_int(jm_reply_models(&b, NULL, NULL, 7), JM_ERROR, "a small buffer");
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
           "\"upstream_code\":59999,\"task_id\":\"42\"},"
           "\"code\":\"upstream_error\","
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

    jm_error_upstream(&e, 50511);
    jm_error_gpt(&e);

    jm_buf_fixed(&b, text, sizeof(text));
    jm_reply_error(&b, &e, str(""));
    text[b.len] = '\0';

    ok(strstr((char *) text, "\"code\":\"moderation_blocked\","
              "\"upstream_code\":50511,\"moderation_details\":"
              "{\"moderation_stage\":\"output\",\"categories\":[]}},"
              "\"code\":\"moderation_blocked\",") != NULL,
       "what was refused by OpenAI's name");
}


/* a reply around pictures that does not fit, or finds no memory */

static void
test_short(void)
{
    size_t       i, n, at, len;
    jm_rc_e      rc;
    unsigned     good;
    jm_buf_t     b;
    jm_str_t     url;
    tap_mem_t    m;
    jm_part_t    parts[2];
    jm_error_t   e;
    jm_result_t  result;

    url = str("http://h/");
    jm_error_set(&e, JM_CAUSE_INTERNAL, NULL, NULL);

    memset(&result, 0, sizeof(result));
    memset(parts, 0, sizeof(parts));

    parts[0].urls = &url;
    parts[0].nurls = 1;
    parts[1].error = &e;

    result.model = str("m");
    result.parts = parts;
    result.nparts = 2;
    result.ignored = 1;

    jm_buf_fixed(&b, text, sizeof(text));
    jm_reply_result(&b, &result, &at);
    len = b.len;

    for (i = 0; i < len; i++) {
        tap_mem_init(&m, 0);
        jm_buf_init(&b, &m.mem, 16, i);

        rc = jm_reply_result(&b, &result, &at);
        tap_mem_done(&m);

        if (rc != JM_ERROR) {
            break;
        }
    }

    is_int((int64_t) i, (int64_t) len, "a cap too low is an error");

    for (n = 1, good = 1; /* void */; n++) {
        tap_mem_init(&m, n);
        jm_buf_init(&b, &m.mem, 16, len);

        rc = jm_reply_result(&b, &result, &at);

        if (tap_mem_unfailed(&m)) {
            tap_mem_done(&m);
            break;
        }

        good = good && rc == JM_ERROR;
        tap_mem_done(&m);
    }

    ok(good && n > 3 && rc == JM_OK, "each of %zu allocations fails", n - 1);
}


/* an error, and a task that ended in it, into memory that runs out */

static void
test_memory(void)
{
    size_t       n;
    jm_rc_e      rc;
    unsigned     good, status;
    jm_buf_t     b;
    tap_mem_t    m;
    jm_error_t   e;
    jm_result_t  result;

    memset(&result, 0, sizeof(result));

    result.model = str("m");
    result.task_id = str("42");

    jm_error_set(&e, JM_CAUSE_INTERNAL, NULL, NULL);

    for (status = 0; status < 2; status++) {
        good = 1;

        for (n = 1; /* void */; n++) {
            tap_mem_init(&m, n);
            jm_buf_init(&b, &m.mem, 64, 4096);

            rc = status ? jm_reply_status(&b, &result, &failed, &e)
                        : jm_reply_error(&b, &e, str("42"));

            if (tap_mem_unfailed(&m)) {
                tap_mem_done(&m);
                break;
            }

            good = good && rc == JM_ERROR;
            tap_mem_done(&m);
        }

        ok(good && n > 1 && rc == JM_OK, "each of %zu allocations fails",
           n - 1);
    }
}


int
main(void)
{
    test_result();
    test_parts();
    test_data();
    test_status();
    test_models();
    test_error();
    test_short();
    test_memory();

    return done_testing();
}
