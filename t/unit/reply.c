
/* What clients read, byte for byte. */


#include "tap.h"
#include "jm_reply.h"


static uint8_t  text[1024];


static void
test_result(void)
{
    size_t       i, len;
    jm_buf_t     b;
    jm_str_t     urls[2];
    jm_result_t  result;

    urls[0] = str("https://h/a?b=c&d=\"e\"");
    urls[1] = str("https://h/2");

    memset(&result, 0, sizeof(result));

    result.created = 1735689600;
    result.model = str("jimeng_t2i_v40");
    result.task_id = str("7392616336519610409");
    result.size.width = 2304;
    result.size.height = 1728;
    result.urls = urls;
    result.nurls = 1;

    jm_buf_fixed(&b, text, sizeof(text));
    is_int(jm_reply_result(&b, &result), JM_OK, "a result");
    is_str(jm_buf_view(&b),
           "{\"created\":1735689600,\"model\":\"jimeng_t2i_v40\","
           "\"task_id\":\"7392616336519610409\",\"task_status\":\"succeed\","
           "\"data\":[{\"url\":\"https://h/a?b=c&d=\\\"e\\\"\"}],"
           "\"size\":\"2304x1728\",\"usage\":{\"generated_images\":1}}",
           "as a client reads it");

    len = b.len;

    for (i = 0; i < len; i++) {
        jm_buf_fixed(&b, text, i);

        if (jm_reply_result(&b, &result) != JM_ERROR) {
            break;
        }
    }

    is_int((int64_t) i, (int64_t) len, "a buffer too small is an error");

    result.nurls = 2;
    result.size.width = 0;
    result.size.height = 0;
    result.task_id = str("");

    jm_buf_fixed(&b, text, sizeof(text));
    jm_reply_result(&b, &result);
    is_str(jm_buf_view(&b),
           "{\"created\":1735689600,\"model\":\"jimeng_t2i_v40\","
           "\"task_status\":\"succeed\","
           "\"data\":[{\"url\":\"https://h/a?b=c&d=\\\"e\\\"\"},"
           "{\"url\":\"https://h/2\"}],\"usage\":{\"generated_images\":2}}",
           "two pictures, no size, no task_id");

    result.size.area = 4194304;
    result.nurls = 0;

    jm_buf_fixed(&b, text, sizeof(text));
    jm_reply_result(&b, &result);
    is_str(jm_buf_view(&b),
           "{\"created\":1735689600,\"model\":\"jimeng_t2i_v40\","
           "\"task_status\":\"succeed\",\"data\":[],\"size\":\"2K\","
           "\"usage\":{\"generated_images\":0}}", "no picture, an area");
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
    test_error();
    test_memory();

    return done_testing();
}
