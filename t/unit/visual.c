
/*
 * The bodies of the upstream's two calls, byte for byte, and what each of its
 * answers means: every business code, every error of the gateway, and
 * everything that is no whole answer.
 *
 * Guards against a second submit that would be billed; seen failing with the
 * look at an id beside an error taken out of jm_visual_submitted(), and with
 * jm_visual_read() not setting the answer when memory runs out.
 */


#include "tap.h"
#include "jm_visual.h"


typedef struct {
    const char      *body;          /* the client's */
    const char      *sent;
} submit_case_t;

typedef struct {
    const char      *what;
    unsigned         http;
    const char      *body;
    jm_event_e       event;
    jm_cause_e       cause;         /* with JM_EVENT_FAILED */
    unsigned         no_retry;
} answer_case_t;


#define KEY  "{\"req_key\":\"jimeng_t2i_v40\",\"prompt\":"
#define KEY6 "{\"req_key\":\"jimeng_seedream46_cvtob\",\"prompt\":"
#define ONE  "\"force_single\":true}"

#define UNKNOWN  JM_EVENT_FAILED, JM_CAUSE_OUTCOME_UNKNOWN, 1
#define AUTH     JM_EVENT_FAILED, JM_CAUSE_UPSTREAM_AUTH, 1
#define UPSTREAM JM_EVENT_FAILED, JM_CAUSE_UPSTREAM, 0
#define FINAL    JM_EVENT_FAILED, JM_CAUSE_UPSTREAM, 1
#define POLICY   JM_EVENT_FAILED, JM_CAUSE_CONTENT_POLICY, 0
#define TRANSIENT  JM_EVENT_TRANSIENT, JM_CAUSE_CONTENT_POLICY, 0
#define BUSY     JM_EVENT_BUSY, JM_CAUSE_NONE, 0
#define UNSENT   JM_EVENT_UNSENT, JM_CAUSE_NONE, 0
#define TAKEN    JM_EVENT_ACCEPTED, JM_CAUSE_NONE, 0
#define TROUBLE  JM_EVENT_TROUBLE, JM_CAUSE_NONE, 0
#define INTERNAL JM_EVENT_TROUBLE, JM_CAUSE_UPSTREAM, 1
#define PENDING  JM_EVENT_PENDING, JM_CAUSE_NONE, 0
#define DONE     JM_EVENT_DONE, JM_CAUSE_NONE, 0

#define code(n)    "{\"code\":" #n ",\"data\":null,\"message\":\"m\","        \
                   "\"request_id\":\"r\",\"status\":" #n "}"
#define gateway(s) "{\"ResponseMetadata\":{\"RequestId\":\"r\",\"Action\":"   \
                   "\"A\",\"Error\":{\"CodeN\":100,\"Code\":\"" s "\","       \
                   "\"Message\":\"m\"}}}"
#define state(s)   "{\"code\":10000,\"data\":{\"status\":\"" s "\","          \
                   "\"image_urls\":null,\"binary_data_base64\":[]},"          \
                   "\"message\":\"m\",\"request_id\":\"r\"}"


static const submit_case_t  submit_cases[] = {
    { "{\"prompt\":\"\xe4\xb8\x80\xe5\x8f\xaa\xe7\x8c\xab\"}",
      KEY "\"\xe4\xb8\x80\xe5\x8f\xaa\xe7\x8c\xab\"," ONE },
    { "{\"prompt\":\"\\\"\\\\\\/\\n\\u0001\\u00e9\"}",
      KEY "\"\\\"\\\\/\\n\\u0001\xc3\xa9\"," ONE },
    { "{\"prompt\":\"p\",\"size\":\"2304x1728\"}",
      KEY "\"p\",\"width\":2304,\"height\":1728," ONE },
    { "{\"prompt\":\"p\",\"size\":\"2K\"}",
      KEY "\"p\",\"size\":4194304," ONE },
    { "{\"prompt\":\"p\",\"image\":[\"http://h/a?b=c&d\",\"https://h/2\"]}",
      KEY "\"p\",\"image_urls\":[\"http://h/a?b=c&d\",\"https://h/2\"]," ONE },
    { "{\"prompt\":\"p\",\"scale\":0.5}", KEY "\"p\",\"scale\":0.5," ONE },
    { "{\"prompt\":\"p\",\"scale\":0.55}", KEY "\"p\",\"scale\":0.55," ONE },
    { "{\"prompt\":\"p\",\"scale\":0.05}", KEY "\"p\",\"scale\":0.05," ONE },
    { "{\"prompt\":\"p\",\"scale\":1}", KEY "\"p\",\"scale\":1," ONE },
    { "{\"prompt\":\"p\",\"scale\":0.0}", KEY "\"p\",\"scale\":0," ONE },
    { "{\"prompt\":\"p\",\"force_single\":false}",
      KEY "\"p\",\"force_single\":false}" },
    { "{\"prompt\":\"p\",\"max_ratio\":3.0,\"min_ratio\":5e-1,"
      "\"scale\":0.25,\"size\":\"1K\",\"image\":\"http://h/\"}",
      KEY "\"p\",\"image_urls\":[\"http://h/\"],\"size\":1048576,"
      "\"scale\":0.25,\"force_single\":true,\"min_ratio\":5e-1,"
      "\"max_ratio\":3.0}" },
    { "{\"model\":\"jimeng-4.6\",\"prompt\":\"p\",\"strength\":0.5}",
      KEY6 "\"p\",\"scale\":50," ONE },
    { "{\"model\":\"jimeng-4.6\",\"prompt\":\"p\",\"strength\":0}",
      KEY6 "\"p\",\"scale\":1," ONE },
    { "{\"model\":\"jimeng-4.6\",\"prompt\":\"p\",\"strength\":1}",
      KEY6 "\"p\",\"scale\":100," ONE },
    { "{\"prompt\":\"p\",\"watermark\":true,\"user\":\"u\",\"seed\":1}",
      KEY "\"p\"," ONE },
    { "{\"model\":\"jimeng_seedream46_cvtob\",\"prompt\":\"p\",\"scale\":7}",
      KEY6 "\"p\",\"scale\":7," ONE },
    { "{\"prompt\":\"p\",\"n\":3}", KEY "\"p\"," ONE },
    { "{\"prompt\":\"p\",\"sequential_image_generation\":\"auto\"}",
      KEY "\"p\",\"force_single\":false}" },
    { "{\"model\":\"jimeng_t2i_v31\",\"prompt\":\"p\",\"seed\":-1,"
      "\"use_pre_llm\":false,\"size\":\"1024x512\",\"scale\":0.5,"
      "\"force_single\":false,\"min_ratio\":1}",
      "{\"req_key\":\"jimeng_t2i_v31\",\"prompt\":\"p\",\"width\":1024,"
      "\"height\":512,\"seed\":-1,\"use_pre_llm\":false}" },
    { "{\"model\":\"jimeng_t2i_v30\",\"prompt\":\"p\"}",
      "{\"req_key\":\"jimeng_t2i_v30\",\"prompt\":\"p\"}" },
    { "{\"model\":\"jimeng_i2i_v30\",\"prompt\":\"p\",\"image\":\"http://h/\","
      "\"scale\":0.5,\"seed\":7,\"use_pre_llm\":true}",
      "{\"req_key\":\"jimeng_i2i_v30\",\"prompt\":\"p\",\"image_urls\":["
      "\"http://h/\"],\"scale\":0.5,\"seed\":7}" },
    { "{\"model\":\"jimeng_image2image_dream_inpaint\",\"prompt\":\"p\","
      "\"mask\":\"http://h/m\",\"image\":\"http://h/i\",\"size\":\"2K\"}",
      "{\"req_key\":\"jimeng_image2image_dream_inpaint\",\"prompt\":\"p\","
      "\"image_urls\":[\"http://h/i\",\"http://h/m\"]}" },
    { "{\"model\":\"jimeng_i2i_seed3_tilesr_cvtob\",\"prompt\":\"p\","
      "\"image\":\"http://h/\",\"resolution\":\"8K\",\"size\":\"1x1\"}",
      "{\"req_key\":\"jimeng_i2i_seed3_tilesr_cvtob\",\"image_urls\":["
      "\"http://h/\"],\"resolution\":\"8k\"}" },
    { "{\"model\":\"jimeng_i2i_seed3_tilesr_cvtob\",\"image\":\"http://h/\"}",
      "{\"req_key\":\"jimeng_i2i_seed3_tilesr_cvtob\",\"image_urls\":["
      "\"http://h/\"]}" }
};


/* what a query says of the form of the result */

static const submit_case_t  req_json_cases[] = {
    { "{\"prompt\":\"p\"}", "{\"return_url\":true}" },
    { "{\"prompt\":\"p\",\"watermark\":false}", "{\"return_url\":true}" },
    { "{\"prompt\":\"p\",\"watermark\":true}",
      "{\"return_url\":true,\"logo_info\":{\"add_logo\":true}}" },
    { "{\"prompt\":\"p\",\"watermark\":{}}",
      "{\"return_url\":true,\"logo_info\":{\"add_logo\":true}}" },
    { "{\"prompt\":\"p\",\"watermark\":{\"add_logo\":false,\"position\":1}}",
      "{\"return_url\":true}" },
    { "{\"prompt\":\"p\",\"watermark\":{\"position\":3,\"language\":1,"
      "\"opacity\":0.5,\"logo_text_content\":\"\\\"\\\\\\n\\u732b\"}}",
      "{\"return_url\":true,\"logo_info\":{\"add_logo\":true,\"position\":3,"
      "\"language\":1,\"opacity\":0.5,\"logo_text_content\":"
      "\"\\\"\\\\\\n\xe7\x8c\xab\"}}" },
    { "{\"prompt\":\"p\",\"watermark\":{\"position\":0,\"language\":0,"
      "\"opacity\":0,\"logo_text_content\":\"\"}}",
      "{\"return_url\":true,\"logo_info\":{\"add_logo\":true,\"position\":0,"
      "\"language\":0,\"opacity\":0}}" },
    { "{\"prompt\":\"p\",\"aigc_meta\":{\"propagate_id\":\"d\","
      "\"content_propagator\":\"c\",\"producer_id\":\"b\","
      "\"content_producer\":\"a\",\"x\":1}}",
      "{\"return_url\":true,\"aigc_meta\":{\"content_producer\":\"a\","
      "\"producer_id\":\"b\",\"content_propagator\":\"c\","
      "\"propagate_id\":\"d\"}}" },
    { "{\"prompt\":\"p\",\"watermark\":true,\"aigc_meta\":{"
      "\"producer_id\":\"\\u0001\",\"content_producer\":null}}",
      "{\"return_url\":true,\"logo_info\":{\"add_logo\":true},"
      "\"aigc_meta\":{\"producer_id\":\"\\u0001\"}}" }
};


static const answer_case_t  submit_answers[] = {
    { "accepted", 200, "{\"code\":10000,\"data\":{\"task_id\":"
      "\"7392616336519610409\"},\"message\":\"Success\",\"request_id\":\"r\","
      "\"status\":10000,\"time_elapsed\":\"104.852309ms\"}", TAKEN },
    { "accepted, a number", 200,
      "{\"code\":10000,\"data\":{\"task_id\":15977608121972527084}}", TAKEN },
    { "accepted, strings", 200,
      "{\"code\":\"10000\",\"data\":{\"task_id\":\"a-B_9\"}}", TAKEN },
    { "accepted, within Result", 200, "{\"ResponseMetadata\":{\"RequestId\":"
      "\"r\"},\"Result\":{\"code\":10000,\"data\":{\"task_id\":\"1\"}}}",
      TAKEN },
    { "accepted, whatever the status", 500,
      "{\"code\":10000,\"data\":{\"task_id\":\"1\"}}", TAKEN },
    { "an id of 64 bytes", 200, "{\"code\":10000,\"data\":{\"task_id\":\""
      "0123456789012345678901234567890123456789012345678901234567890123"
      "\"}}", TAKEN },

    { "an id of 65 bytes", 200, "{\"code\":10000,\"data\":{\"task_id\":\""
      "01234567890123456789012345678901234567890123456789012345678901234"
      "\"}}", UNKNOWN },
    { "an empty id", 200, "{\"code\":10000,\"data\":{\"task_id\":\"\"}}",
      UNKNOWN },
    { "an id of other bytes", 200,
      "{\"code\":10000,\"data\":{\"task_id\":\"a/b\"}}", UNKNOWN },
    { "an id that is no integer", 200,
      "{\"code\":10000,\"data\":{\"task_id\":1.5}}", UNKNOWN },
    { "an id of another type", 200,
      "{\"code\":10000,\"data\":{\"task_id\":[\"1\"]}}", UNKNOWN },
    { "no id", 200, "{\"code\":10000,\"data\":{}}", UNKNOWN },
    { "no data", 200, "{\"code\":10000}", UNKNOWN },
    { "an id beside an error", 200,
      "{\"code\":50500,\"data\":{\"task_id\":\"1\"}}", UNKNOWN },
    { "an id beside 50430", 429,
      "{\"code\":50430,\"data\":{\"task_id\":\"1\"}}", UNKNOWN },
    { "an id without a code", 429, "{\"data\":{\"task_id\":\"1\"}}",
      UNKNOWN },

    { "50411", 400, code(50411), POLICY },
    { "50412", 400, code(50412), POLICY },
    { "50413", 400, code(50413), POLICY },
    { "50413 with resp_data", 400,
      "{\"code\":50413,\"data\":{\"resp_data\":\"\"}}", POLICY },
    { "50511", 400, code(50511), POLICY },
    { "50512", 400, code(50512), POLICY },
    { "50518", 400, code(50518), POLICY },
    { "50519", 400, code(50519), POLICY },
    { "50218", 400, code(50218), POLICY },
    { "50520", 400, code(50520), FINAL },
    { "50521", 400, code(50521), FINAL },
    { "50522", 400, code(50522), FINAL },
    { "50500", 500, code(50500), FINAL },
    { "50501", 500, code(50501), FINAL },
    { "50215", 400, code(50215), JM_EVENT_FAILED, JM_CAUSE_INVALID_REQUEST,
      0 },
    { "50400", 401, code(50400), AUTH },
    { "50204", 400, code(50204), AUTH },
    { "another code", 200, code(51234), FINAL },
    { "50429", 429, code(50429), BUSY },
    { "50430", 429, code(50430), BUSY },
    { "50430, a string", 200, code("50430"), BUSY },
    { "50430 within Result", 200, "{\"Result\":" code(50430) "}", BUSY },
    { "a task within Result, beside null", 200, "{\"code\":50429,\"data\":"
      "null,\"Result\":{\"data\":{\"task_id\":\"1\"}}}", UNKNOWN },
    { "50430 in Error.Code", 400, gateway("50430"), BUSY },
    { "50215 in Error.Code", 400, gateway("50215"), JM_EVENT_FAILED,
      JM_CAUSE_INVALID_REQUEST, 0 },

    { "MissingParameter", 400, gateway("MissingParameter"), UPSTREAM },
    { "MissingAuthenticationToken", 401,
      gateway("MissingAuthenticationToken"), AUTH },
    { "MissingSignature", 401, gateway("MissingSignature"), AUTH },
    { "InvalidTimestamp", 403, gateway("InvalidTimestamp"), AUTH },
    { "InvalidTimestamp", 400, gateway("InvalidTimestamp"), AUTH },
    { "ServiceNotFound", 404, gateway("ServiceNotFound"), UPSTREAM },
    { "InvalidActionOrVersion", 404, gateway("InvalidActionOrVersion"),
      UPSTREAM },
    { "InvalidAccessKey", 401, gateway("InvalidAccessKey"), AUTH },
    { "SignatureDoesNotMatch", 401, gateway("SignatureDoesNotMatch"), AUTH },
    { "InvalidAuthorization", 400, gateway("InvalidAuthorization"), AUTH },
    { "InvalidCredential", 400, gateway("InvalidCredential"), AUTH },
    { "InvalidSecretToken", 401, gateway("InvalidSecretToken"), AUTH },
    { "LackPolicy", 403, gateway("LackPolicy"), AUTH },
    { "AccessDenied", 403, gateway("AccessDenied"), AUTH },
    { "MethodNotAllowed", 405, gateway("MethodNotAllowed"), UPSTREAM },
    { "FlowLimitExceeded", 429, gateway("FlowLimitExceeded"), BUSY },
    { "AccountFlowLimitExceeded", 429, gateway("AccountFlowLimitExceeded"),
      BUSY },
    { "InternalError", 500, gateway("InternalError"), UNKNOWN },
    { "FailToConnect", 502, gateway("FailToConnect"), UNSENT },
    { "InternalServiceError", 502, gateway("InternalServiceError"), UNKNOWN },
    { "ServiceUnavailableTemp", 503, gateway("ServiceUnavailableTemp"),
      UNSENT },
    { "InternalServiceTimeout", 504, gateway("InternalServiceTimeout"),
      UNKNOWN },
    { "another error of the gateway, 4xx", 400, gateway("Whatever"),
      UPSTREAM },
    { "another error of the gateway, 401", 401, gateway("Whatever"), AUTH },
    { "another error of the gateway, 403", 403, gateway("Whatever"), AUTH },
    { "another error of the gateway, 429", 429, gateway("Whatever"), BUSY },
    { "another error of the gateway, 5xx", 500, gateway("Whatever"),
      UNKNOWN },
    { "another error of the gateway, 200", 200, gateway("Whatever"),
      UNKNOWN },

    { "nothing, 200", 200, "", UNKNOWN },
    { "nothing, 204", 204, "", UNKNOWN },
    { "cut off", 200, "{\"code\":10000,\"data\":{\"task_id\":\"1", UNKNOWN },
    { "garbage behind it", 200, "{\"code\":50413} x", UNKNOWN },
    { "HTML, 200", 200, "<html>", UNKNOWN },
    { "HTML, 302", 302, "<html>", UNKNOWN },
    { "HTML, 400", 400, "<html>", UPSTREAM },
    { "HTML, 401", 401, "<html>", AUTH },
    { "HTML, 403", 403, "<html>", AUTH },
    { "HTML, 408", 408, "<html>", UNKNOWN },
    { "HTML, 413", 413, "<html>", UPSTREAM },
    { "HTML, 499", 499, "<html>", UNKNOWN },
    { "HTML, 429", 429, "<html>", BUSY },
    { "HTML, 500", 500, "<html>", UNKNOWN },
    { "HTML, 502", 502, "<html>", UNKNOWN },
    { "HTML, 503", 503, "<html>", UNKNOWN },
    { "HTML, 504", 504, "<html>", UNKNOWN },
    { "no object", 200, "[10000]", UNKNOWN },
    { "an empty object", 200, "{}", UNKNOWN },
    { "a code that is no number", 200, "{\"code\":\"ok\"}", UNKNOWN },
    { "a code that is no integer", 200, code(10000.5), UNKNOWN },
    { "a code of another type", 200, "{\"code\":[10000]}", UNKNOWN }
};


static const answer_case_t  query_answers[] = {
    { "in_queue", 200, state("in_queue"), PENDING },
    { "generating", 200, state("generating"), PENDING },
    { "another state", 200, state("dreaming"), PENDING },
    { "not_found", 200, state("not_found"), FINAL },
    { "expired", 200, state("expired"), FINAL },
    { "an empty state", 200, state(""), TROUBLE },
    { "no state", 200, "{\"code\":10000,\"data\":{}}", TROUBLE },
    { "no data", 200, "{\"code\":10000,\"data\":null}", TROUBLE },
    { "done without a picture", 200, state("done"), TROUBLE },
    { "done with what is no URL", 200, "{\"code\":10000,\"data\":{\"status\":"
      "\"done\",\"image_urls\":[\"\",1,null,\"http://\",\"ftp://h/a\"]}}",
      TROUBLE },
    { "done", 200, "{\"code\":10000,\"data\":{\"status\":\"done\","
      "\"image_urls\":[\"http://h/a\"]}}", DONE },
    { "done, whatever the status", 500, "{\"code\":10000,\"data\":{"
      "\"status\":\"done\",\"image_urls\":[\"https://h/a\"]}}", DONE },
    { "done within Result", 200, "{\"Result\":{\"code\":\"10000\",\"data\":{"
      "\"status\":\"done\",\"image_urls\":[\"https://h/a\"]}}}", DONE },
    { "done without a code", 200, "{\"data\":{\"status\":\"done\","
      "\"image_urls\":[\"http://h/a\"]}}", TROUBLE },

    { "done, 50511", 200,
      "{\"code\":50511,\"data\":{\"status\":\"done\"}}", TRANSIENT },
    { "done, 50500", 200,
      "{\"code\":50500,\"data\":{\"status\":\"done\"}}", FINAL },
    { "done, 50501", 200,
      "{\"code\":50501,\"data\":{\"status\":\"done\"}}", FINAL },
    { "done, 50430", 200,
      "{\"code\":50430,\"data\":{\"status\":\"done\"}}", FINAL },
    { "done, another code, with a picture", 200, "{\"code\":51234,\"data\":{"
      "\"status\":\"done\",\"image_urls\":[\"http://h/a\"]}}", FINAL },

    { "50411", 400, code(50411), POLICY },
    { "50412", 400, code(50412), POLICY },
    { "50413", 400, code(50413), POLICY },
    { "50511", 400, code(50511), TRANSIENT },
    { "50512", 400, code(50512), POLICY },
    { "50518", 400, code(50518), POLICY },
    { "50519", 400, code(50519), TRANSIENT },
    { "50218", 400, code(50218), POLICY },
    { "50520", 400, code(50520), FINAL },
    { "50521", 400, code(50521), FINAL },
    { "50522", 400, code(50522), FINAL },
    { "50215", 400, code(50215), JM_EVENT_FAILED, JM_CAUSE_INVALID_REQUEST,
      0 },
    { "50400", 400, code(50400), AUTH },
    { "50204", 400, code(50204), AUTH },
    { "another code", 400, code(51234), FINAL },
    { "50511 in Error.Code", 400, gateway("50511"), TRANSIENT },
    { "50429", 429, code(50429), TROUBLE },
    { "50430", 429, code(50430), TROUBLE },
    { "50500", 500, code(50500), INTERNAL },
    { "50501", 500, code(50501), INTERNAL },

    { "FlowLimitExceeded", 429, gateway("FlowLimitExceeded"), TROUBLE },
    { "SignatureDoesNotMatch", 401, gateway("SignatureDoesNotMatch"),
      JM_EVENT_TROUBLE, JM_CAUSE_UPSTREAM_AUTH, 1 },
    { "InternalError", 500, gateway("InternalError"), TROUBLE },
    { "nothing", 200, "", TROUBLE },
    { "cut off", 200, "{\"code\":10000,\"data\":{\"status\":\"do", TROUBLE },
    { "HTML, 200", 200, "<html>", TROUBLE },
    { "HTML, 404", 404, "<html>", TROUBLE },
    { "HTML, 502", 502, "<html>", TROUBLE },
    { "no object", 200, "\"done\"", TROUBLE }
};


static void
test_bodies(void)
{
    size_t               i;
    uint8_t              text[1024];
    jm_buf_t             b;
    tap_mem_t            m;
    jm_error_t           e;
    jm_request_t         r;
    static const jm_rules_t  rules = {
        NULL, jm_string("jimeng_t2i_v40"), 800, 0, JM_FORMAT_UNSAID, 0, 0, NULL
    };

    for (i = 0; i < jm_nitems(submit_cases); i++) {
        tap_mem_init(&m, 0);
        jm_buf_fixed(&b, text, sizeof(text));

        ok(jm_request_read(&r, str(submit_cases[i].body), &rules, &m.mem, &e)
           == JM_OK
           && jm_visual_submit(&b, &r, NULL) == JM_OK,
           "submit of %s", submit_cases[i].body);
        is_str(jm_buf_view(&b), submit_cases[i].sent, "what is sent");

        tap_mem_done(&m);
    }

    tap_mem_init(&m, 0);
    jm_request_read(&r, str(submit_cases[11].body), &rules, &m.mem, &e);

    for (i = 0; i < strlen(submit_cases[11].sent); i++) {
        jm_buf_fixed(&b, text, i);

        if (jm_visual_submit(&b, &r, NULL) != JM_ERROR) {
            break;
        }
    }

    is_int((int64_t) i, (int64_t) strlen(submit_cases[11].sent),
           "a buffer too small for the submit is an error");
    tap_mem_done(&m);

    jm_buf_fixed(&b, text, sizeof(text));
    is_int(jm_visual_query(&b, str("jimeng_t2i_v40"),
                           str("15977608121972527084"),
                           str("{\"return_url\":true}")),
           JM_OK, "query");
    is_str(jm_buf_view(&b),
           "{\"req_key\":\"jimeng_t2i_v40\",\"task_id\":"
           "\"15977608121972527084\",\"req_json\":"
           "\"{\\\"return_url\\\":true}\"}", "what is sent");

    jm_buf_fixed(&b, text, sizeof(text));
    jm_visual_query(&b, str("k"), str("1"), str("{\"a\":\"\\\"\\n\"}"));
    is_str(jm_buf_view(&b),
           "{\"req_key\":\"k\",\"task_id\":\"1\",\"req_json\":"
           "\"{\\\"a\\\":\\\"\\\\\\\"\\\\n\\\"}\"}",
           "what was escaped is escaped again");

    jm_buf_fixed(&b, text, 8);
    is_int(jm_visual_query(&b, str("k"), str("1"), str("{}")), JM_ERROR,
           "a buffer too small for the query is an error");

    is_str(jm_visual_action(JM_VISUAL_SUBMIT), "CVSync2AsyncSubmitTask",
           "action of the submit");
    is_str(jm_visual_action(JM_VISUAL_QUERY), "CVSync2AsyncGetResult",
           "action of the query");
}


static void
test_req_json(void)
{
    size_t               i;
    uint8_t              text[1024];
    jm_buf_t             b;
    tap_mem_t            m;
    jm_error_t           e;
    jm_request_t         r;
    static const jm_rules_t  rules = {
        NULL, jm_string("jimeng_t2i_v40"), 800, 0, JM_FORMAT_UNSAID, 0, 0, NULL
    };

    for (i = 0; i < jm_nitems(req_json_cases); i++) {
        tap_mem_init(&m, 0);
        jm_buf_fixed(&b, text, sizeof(text));

        ok(jm_request_read(&r, str(req_json_cases[i].body), &rules, &m.mem,
                           &e)
           == JM_OK
           && jm_visual_req_json(&b, &r, 1) == JM_OK,
           "req_json of %s", req_json_cases[i].body);
        is_str(jm_buf_view(&b), req_json_cases[i].sent, "what is sent");

        jm_buf_fixed(&b, text, 8);
        is_int(jm_visual_req_json(&b, &r, 1), JM_ERROR, "a small buffer");

        jm_buf_fixed(&b, text, sizeof(text));
        jm_visual_req_json(&b, &r, 0);
        ok(memcmp(text, "{\"return_url\":false", 19) == 0, "asks for data");

        tap_mem_done(&m);
    }
}


/* appends max characters, each of which takes the most bytes there are */

static void
add_worst(jm_buf_t *b, const char *key, size_t max)
{
    size_t  i;

    jm_buf_add(b, key, strlen(key));
    jm_buf_literal(b, "\":\"");

    for (i = 0; i < max; i++) {
        jm_buf_literal(b, "\\u0001");
    }

    jm_buf_literal(b, "\",\"");
}


/*
 * The longest texts fit the buffers that a caller is told of: what does not
 * fit is found out when the task is paid for.
 */

static void
test_longest(void)
{
    jm_buf_t      body, form, query;
    tap_mem_t     m;
    jm_error_t    e;
    jm_request_t  r;
    static const jm_rules_t  rules = {
        NULL, jm_string("jimeng_t2i_v40"), 800, 0, JM_FORMAT_UNSAID, 0, 0, NULL
    };

    memset(&e, 0, sizeof(jm_error_t));

    tap_mem_init(&m, 0);
    jm_buf_init(&body, &m.mem, 1024, 65536);
    jm_buf_init(&form, &m.mem, 64, JM_VISUAL_REQ_JSON);
    jm_buf_init(&query, &m.mem, 64, JM_VISUAL_QUERY_BODY);

    jm_buf_literal(&body, "{\"prompt\":\"p\",\"watermark\":{\"position\":3,"
                   "\"language\":1,\"opacity\":0.55,\"");
    add_worst(&body, "logo_text_content", 64);
    jm_buf_literal(&body, "\":0},\"aigc_meta\":{\"");
    add_worst(&body, "content_producer", 256);
    add_worst(&body, "producer_id", 256);
    add_worst(&body, "content_propagator", 256);
    add_worst(&body, "propagate_id", 256);
    jm_buf_literal(&body, "\":0}}");

    is_int(jm_request_read(&r, jm_buf_view(&body), &rules, &m.mem, &e),
           JM_OK, "the longest texts: %s", e.message);
    is_int(jm_visual_req_json(&form, &r, 0), JM_OK, "fit into req_json");
    is_int(jm_visual_query(&query, str("jimeng_image2image_dream_inpaint"),
                           str("01234567890123456789012345678901"
                               "23456789012345678901234567890123"),
                           jm_buf_view(&form)),
           JM_OK, "and into the query, %zu bytes", query.len);

    tap_mem_done(&m);
}


static void
test_answers(jm_visual_call_e call, const answer_case_t *cases, size_t n)
{
    size_t                i;
    jm_rc_e               rc;
    tap_mem_t             m;
    jm_answer_t           a;
    const answer_case_t  *c;

    for (i = 0; i < n; i++) {
        c = &cases[i];

        tap_mem_init(&m, 0);
        memset(&a, 0xa5, sizeof(a));

        rc = jm_visual_read(&a, call, JM_TRANSPORT_WHOLE, c->http,
                            str(c->body), &m.mem);

        ok(rc == JM_OK && a.event == c->event
           && a.error.cause == c->cause && a.error.no_retry == c->no_retry
           && (a.event != JM_EVENT_FAILED || a.error.message[0] != '\0'),
           "%s: %s, HTTP %u: event %d, cause %d, no_retry %u",
           call == JM_VISUAL_SUBMIT ? "submit" : "query", c->what, c->http,
           a.event, a.error.cause, a.error.no_retry);

        tap_mem_done(&m);
    }
}


static void
test_transport(void)
{
    tap_mem_t    m;
    jm_answer_t  a;

    tap_mem_init(&m, 0);

    jm_visual_read(&a, JM_VISUAL_SUBMIT, JM_TRANSPORT_UNSENT, 0, str(""),
                   &m.mem);
    is_int(a.event, JM_EVENT_UNSENT, "a submit that was not sent");

    jm_visual_read(&a, JM_VISUAL_SUBMIT, JM_TRANSPORT_BROKEN, 200,
                   str(code(50413)), &m.mem);
    ok(a.event == JM_EVENT_FAILED
       && a.error.cause == JM_CAUSE_OUTCOME_UNKNOWN && a.error.no_retry,
       "a submit without a whole answer, whatever came of it");

    jm_visual_read(&a, JM_VISUAL_QUERY, JM_TRANSPORT_UNSENT, 0, str(""),
                   &m.mem);
    is_int(a.event, JM_EVENT_TROUBLE, "a query that was not sent");

    jm_visual_read(&a, JM_VISUAL_QUERY, JM_TRANSPORT_BROKEN, 200,
                   str(code(50413)), &m.mem);
    is_int(a.event, JM_EVENT_TROUBLE, "a query without a whole answer");

    tap_mem_done(&m);
}


static void
test_fields(void)
{
    size_t       i;
    char         body[2048];
    tap_mem_t    m;
    jm_answer_t  a;

    tap_mem_init(&m, 0);

    jm_visual_read(&a, JM_VISUAL_SUBMIT, JM_TRANSPORT_WHOLE, 200,
                   str(submit_answers[0].body), &m.mem);
    is_str(a.task_id, "7392616336519610409", "task_id");
    is_str(a.code, "10000", "code");
    is_str(a.message, "Success", "message");
    is_str(a.request_id, "r", "request_id");
    tap_mem_done(&m);

    jm_visual_read(&a, JM_VISUAL_SUBMIT, JM_TRANSPORT_WHOLE, 200,
                   str(submit_answers[1].body), &m.mem);
    is_str(a.task_id, "15977608121972527084", "a number keeps its digits");
    tap_mem_done(&m);

    jm_visual_read(&a, JM_VISUAL_SUBMIT, JM_TRANSPORT_WHOLE, 400,
                   str(code("50413")), &m.mem);
    is_int(a.error.upstream_code, 50413, "the number is in the error");
    tap_mem_done(&m);

    jm_visual_read(&a, JM_VISUAL_SUBMIT, JM_TRANSPORT_WHOLE, 401,
                   str(gateway("InvalidAccessKey")), &m.mem);
    is_str(a.code, "InvalidAccessKey", "the gateway's code");
    is_str(a.message, "m", "its message");
    is_str(a.request_id, "r", "its RequestId");
    is_int(a.error.upstream_code, 0, "which is no number");
    ok(strstr(a.error.message, "InvalidAccessKey") == NULL,
       "the client does not see it");
    tap_mem_done(&m);

    jm_visual_read(&a, JM_VISUAL_QUERY, JM_TRANSPORT_WHOLE, 200,
                   str(state("dreaming")), &m.mem);
    is_str(a.status, "dreaming", "status");
    is_int(a.strange, 1, "which is strange");
    tap_mem_done(&m);

    jm_visual_read(&a, JM_VISUAL_QUERY, JM_TRANSPORT_WHOLE, 200,
                   str(state("in_queue")), &m.mem);
    is_int(a.strange, 0, "another is not");
    tap_mem_done(&m);

    strcpy(body, "{\"code\":10000,\"data\":{\"status\":\"done\","
                 "\"image_urls\":[\"\"");

    for (i = 0; i < JM_VISUAL_PICTURES + 5; i++) {
        snprintf(body + strlen(body), sizeof(body) - strlen(body),
                 ",\"https://h/%zu?a=b\\u0026c\"", i);
    }

    strcat(body, "]}}");

    jm_visual_read(&a, JM_VISUAL_QUERY, JM_TRANSPORT_WHOLE, 200, str(body),
                   &m.mem);
    is_int(a.event, JM_EVENT_DONE, "a group");
    is_int((int64_t) a.nurls, JM_VISUAL_PICTURES, "as many as there can be");
    is_str(a.urls[0], "https://h/0?a=b&c", "the first");
    is_str(a.urls[14], "https://h/14?a=b&c", "the last");
    tap_mem_done(&m);
}


static void
test_memory(void)
{
    size_t       n;
    jm_rc_e      rc;
    unsigned     i, good;
    tap_mem_t    m;
    jm_answer_t  a;

    for (i = 0; i < 2; i++) {
        good = 1;

        for (n = 1; /* void */; n++) {
            tap_mem_init(&m, n);

            rc = jm_visual_read(&a, i == 0 ? JM_VISUAL_SUBMIT
                                           : JM_VISUAL_QUERY,
                                JM_TRANSPORT_WHOLE, 200,
                                str(submit_answers[0].body), &m.mem);

            if (tap_mem_unfailed(&m)) {
                tap_mem_done(&m);
                break;
            }

            good = good && rc == JM_ERROR && a.task_id.len == 0
                   && (i == 0 ? a.event == JM_EVENT_FAILED
                                && a.error.cause == JM_CAUSE_OUTCOME_UNKNOWN
                              : a.event == JM_EVENT_TROUBLE);
            tap_mem_done(&m);
        }

        ok(good && n > 2 && rc == JM_OK,
           "each of %zu allocations fails as a lost answer", n - 1);
    }
}


int
main(void)
{
    test_bodies();
    test_req_json();
    test_longest();
    test_answers(JM_VISUAL_SUBMIT, submit_answers, jm_nitems(submit_answers));
    test_answers(JM_VISUAL_QUERY, query_answers, jm_nitems(query_answers));
    test_transport();
    test_fields();
    test_memory();

    return done_testing();
}
