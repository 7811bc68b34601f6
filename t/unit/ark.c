
/*
 * What each answer of Ark's call means: every code, every status, groups of
 * which some failed, and everything that is no whole answer.
 *
 * Guards against a call that is sent again although it was billed; seen failing
 * with a 500 taken for a refusal, with an answer without pictures taken for one
 * that took nothing, without the look at what "usage" says was made, and with
 * jm_ark_read() not setting the answer when memory runs out.
 */


#include "tap.h"
#include "jm_ark.h"
#include "jm_ark_code.h"


typedef struct {
    const char      *what;
    unsigned         status;
    const char      *body;
    jm_event_e       event;
    jm_cause_e       cause;         /* with JM_EVENT_FAILED */
    unsigned         no_retry;
    unsigned         service;
} answer_case_t;


#define UNKNOWN  JM_EVENT_FAILED, JM_CAUSE_OUTCOME_UNKNOWN, 1, 0
#define ACCOUNT  JM_EVENT_FAILED, JM_CAUSE_UPSTREAM_AUTH, 1, 0
#define MODEL    JM_EVENT_FAILED, JM_CAUSE_UPSTREAM_AUTH, 1, 1
#define UPSTREAM JM_EVENT_FAILED, JM_CAUSE_UPSTREAM, 0, 0
#define POLICY   JM_EVENT_FAILED, JM_CAUSE_CONTENT_POLICY, 0, 0
#define INVALID  JM_EVENT_FAILED, JM_CAUSE_INVALID_REQUEST, 0, 0
#define LIMITED  JM_EVENT_FAILED, JM_CAUSE_UPSTREAM_RATE_LIMITED, 0, 0
#define BUSY     JM_EVENT_BUSY, JM_CAUSE_NONE, 0, 0
#define DONE     JM_EVENT_DONE, JM_CAUSE_NONE, 0, 0

#define error(code)                                                           \
    "{\"error\":{\"code\":\"" code "\",\"message\":\"secret words\","         \
    "\"param\":\"p\",\"type\":\"t\"}}"
#define failed(code)                                                          \
    "{\"error\":{\"code\":\"" code "\",\"message\":\"secret words\"}}"
#define data(list)  "{\"model\":\"m\",\"created\":1,\"data\":[" list "]}"
#define used(list, n)                                                         \
    "{\"model\":\"m\",\"data\":[" list "],\"usage\":{\"generated_images\":" n \
    ",\"output_tokens\":16384,\"total_tokens\":16390,\"input_tokens\":6}}"

#define PICTURE  "{\"url\":\"https://h/1\",\"size\":\"2048x2048\"}"
#define REFUSED  failed("OutputImageSensitiveContentDetected")
#define BROKEN   failed("InternalServiceError")


static const answer_case_t  answer_cases[] = {
    { "a picture", 200, data(PICTURE), DONE },
    { "with usage", 200, used(PICTURE, "1"), DONE },
    { "and one that failed", 200, data(REFUSED "," PICTURE), DONE },
    { "one that failed", 200, data(REFUSED), POLICY },
    { "two that failed", 200, used(REFUSED "," BROKEN, "0"), POLICY },
    { "by an error of its own", 200, data(BROKEN), UPSTREAM },
    { "for load", 200, data(failed("ServerOverloaded")), LIMITED },
    { "for the account", 200, data(failed("AccessDenied")), UPSTREAM },
    { "for the model", 200, data(failed("ModelNotOpen")), UPSTREAM },
    { "for no reason", 200, data("{\"error\":{}}"), UPSTREAM },
    { "all failed, one made", 200, used(REFUSED, "1"), UNKNOWN },
    { "no picture, one made", 200, used("", "1"), UNKNOWN },
    { "no picture", 200, used("", "0"), UNKNOWN },
    { "no list", 200, "{\"model\":\"m\"}", UNKNOWN },
    { "no URL", 200, data("{\"url\":\"file:///x\"}"), UNKNOWN },
    { "no object", 200, data("1"), UNKNOWN },
    { "data", 200, data("{\"b64_json\":\"AAAA\"}"), UNKNOWN },
    { "a failure, and who knows", 200, data(REFUSED ",1"), UNKNOWN },
    { "nothing", 200, "", UNKNOWN },
    { "a page", 200, "<html>", UNKNOWN },
    { "a list", 200, "[]", UNKNOWN },
    { "a cut answer", 200, "{\"data\":[" PICTURE "]", UNKNOWN },
    { "an error in a 200", 200, error("InputTextRiskDetection"), POLICY },
    { "an account's", 200, error("AuthenticationError"), ACCOUNT },
    { "one for load", 200, error("ServerOverloaded"), UNKNOWN },
    { "one of its own", 200, error("InternalServiceError"), UNKNOWN },

    { "400", 400, error("InvalidParameter"), INVALID },
    { "400.", 400, error("InvalidParameter.UnsupportedSize"), INVALID },
    { "400 m", 400, error("MissingParameter"), INVALID },
    { "400 .", 400, error("MissingParameter.prompt"), INVALID },
    { "400 prefix", 400, error("InvalidParameters"), UPSTREAM },
    { "400 else", 400, error("BadThing"), UPSTREAM },
    { "400 none", 400, "", UPSTREAM },
    { "400 load", 400, error("ServerOverloaded"), UPSTREAM },
    { "400 it", 400, error("InputTextSensitiveContentDetected"), POLICY },
    { "400 itr", 400, error("InputTextRiskDetection"), POLICY },
    { "400 ii", 400, error("InputImageSensitiveContentDetected"), POLICY },
    { "400 iip", 400,
      error("InputImageSensitiveContentDetected.PrivacyInformation"), POLICY },
    { "400 iir", 400, error("InputImageRiskDetection"), POLICY },
    { "400 ot", 400, error("OutputTextSensitiveContentDetected"), POLICY },
    { "400 otr", 400, error("OutputTextRiskDetection"), POLICY },
    { "400 oi", 400, error("OutputImageSensitiveContentDetected"), POLICY },
    { "400 oir", 400, error("OutputImageRiskDetection"), POLICY },
    { "400 s", 400, error("SensitiveContentDetected.Violence"), POLICY },

    { "401", 401, error("AuthenticationError"), ACCOUNT },
    { "401 none", 401, "", ACCOUNT },
    { "403 overdue", 403, error("AccountOverdueError"), ACCOUNT },
    { "403 denied", 403, error("AccessDenied"), ACCOUNT },
    { "403 operation", 403, error("OperationDenied.ServiceNotOpen"), ACCOUNT },
    { "403 none", 403, "<html>", ACCOUNT },
    { "404", 404, error("InvalidEndpointOrModel.NotFound"), MODEL },
    { "404 open", 404, error("ModelNotOpen"), MODEL },
    { "404 none", 404, "", UPSTREAM },
    { "405", 405, "", UPSTREAM },
    { "408", 408, "", UNKNOWN },
    { "413", 413, "<html>", UPSTREAM },
    { "499", 499, "", UNKNOWN },

    { "429", 429, "", BUSY },
    { "429 cut", 429, "{\"error\":{\"code\":\"Quo", BUSY },
    { "429 rpm", 429, error("RateLimitExceeded.EndpointRPMExceeded"), BUSY },
    { "429 model", 429, error("ModelAccountRpmRateLimitExceeded"), BUSY },
    { "429 ipm", 429, error("ModelAccountIpmRateLimitExceeded"), BUSY },
    { "429 account", 429, error("AccountRateLimitExceeded"), BUSY },
    { "429 burst", 429, error("RequestBurstTooFast"), BUSY },
    { "429 load", 429, error("ServerOverloaded"), BUSY },
    { "429 else", 429, error("SomethingNew"), BUSY },
    { "429 quota", 429, error("QuotaExceeded"), ACCOUNT },
    { "429 limit", 429, error("SetLimitExceeded"), ACCOUNT },

    { "500", 500, error("InternalServiceError"), UNKNOWN },
    { "500 else", 500, error("ServerOverloaded"), UNKNOWN },
    { "500 auth", 500, error("AuthenticationError"), UNKNOWN },
    { "500 none", 500, "", UNKNOWN },
    { "502", 502, "<html>", UNKNOWN },
    { "503", 503, error("ServerOverloaded"), UNKNOWN },
    { "504", 504, "", UNKNOWN },
    { "302", 302, "", UNKNOWN },
    { "0", 0, data(PICTURE), UNKNOWN }
};


static void
test_answers(void)
{
    size_t                i;
    tap_mem_t             m;
    jm_answer_t           a;
    const answer_case_t  *c;

    for (i = 0; i < jm_nitems(answer_cases); i++) {
        c = &answer_cases[i];

        tap_mem_init(&m, 0);
        memset(&a, 0xa5, sizeof(a));

        is_int(jm_ark_read(&a, JM_TRANSPORT_WHOLE, c->status, str(c->body),
                           &m.mem), JM_OK, "%s: is read", c->what);
        is_int(a.event, c->event, "%s: the event", c->what);
        is_int(a.error.cause, c->cause, "%s: the cause", c->what);
        is_int(a.error.no_retry, c->no_retry, "%s: a retry", c->what);
        ok(jm_answer_of_service(&a) == c->service, "%s: who refuses", c->what);
        ok(strstr(a.error.message, "secret") == NULL
           && (c->event != JM_EVENT_FAILED || a.error.message[0] != '\0'),
           "%s: in our words: %s", c->what, a.error.message);

        tap_mem_done(&m);
    }
}


/* what comes beside the outcome */

static void
test_whole(void)
{
    tap_mem_t    m;
    jm_answer_t  a;

    tap_mem_init(&m, 0);

    (void) jm_ark_read(&a, JM_TRANSPORT_WHOLE, 200,
                       str(used(PICTURE "," BROKEN ",{\"url\":\"http://h/3\","
                                "\"size\":\"huge\"}," REFUSED, "2")), &m.mem);

    is_int((int64_t) a.nurls, 2, "two of four");
    is_str(a.urls[0], "https://h/1", "the first");
    is_str(a.sizes[0], "2048x2048", "its size");
    is_str(a.urls[1], "http://h/3", "the third");
    is_str(a.sizes[1], "", "what is no size is none");
    ok(a.indexes[0] == 0 && a.indexes[1] == 2, "their numbers");
    is_int((int64_t) a.nerrors, 2, "two failed");
    ok(a.errors[0].index == 1
       && a.errors[0].error.cause == JM_CAUSE_UPSTREAM, "the second");
    is_str(a.errors[0].code, "InternalServiceError", "its code");
    ok(a.errors[1].index == 3 && a.errors[1].error.transient
       && a.errors[1].error.cause == JM_CAUSE_CONTENT_POLICY, "the fourth");
    ok(strcmp(jm_error_stage(&a.errors[1].error), "output") == 0,
       "what was refused of it");
    ok(a.input_tokens == 6 && a.output_tokens == 16384
       && a.total_tokens == 16390, "tokens");
    ok(!a.cut && a.number == 0 && a.code.len == 0, "nothing else");
    tap_mem_done(&m);

    (void) jm_ark_read(&a, JM_TRANSPORT_WHOLE, 200, str(used(PICTURE, "2")),
                       &m.mem);
    ok(a.event == JM_EVENT_DONE && a.cut, "more were made than are there");
    tap_mem_done(&m);

    (void) jm_ark_read(&a, JM_TRANSPORT_WHOLE, 200,
                       str(used(PICTURE, "-1")), &m.mem);
    ok(a.event == JM_EVENT_DONE && !a.cut, "fewer than none");
    tap_mem_done(&m);

    (void) jm_ark_read(&a, JM_TRANSPORT_WHOLE, 400,
                       str(error("InputImageRiskDetection")), &m.mem);
    is_str(a.code, "InputImageRiskDetection", "a code for the log");
    is_str(a.message, "secret words", "a message for the log");
    is_int(a.number, -1, "a code that is a name");
    ok(strcmp(jm_error_stage(&a.error), "input") == 0, "what was refused");
    tap_mem_done(&m);

    (void) jm_ark_read(&a, JM_TRANSPORT_WHOLE, 200, str(data(REFUSED)),
                       &m.mem);
    is_str(a.code, "OutputImageSensitiveContentDetected",
           "the code of the only picture");
    is_int(a.error.transient, 1, "the next call may end otherwise");
    tap_mem_done(&m);
}


/* more than there can be */

static void
test_many(void)
{
    size_t       i;
    jm_buf_t     b;
    tap_mem_t    m;
    jm_answer_t  a;

    tap_mem_init(&m, 0);
    jm_buf_init(&b, &m.mem, 1024, 65536);

    jm_buf_literal(&b, "{\"data\":[");

    for (i = 0; i < 2 * JM_ARK_PICTURES; i++) {
        jm_buf_literal(&b, PICTURE "," BROKEN ",");
    }

    jm_buf_literal(&b, PICTURE "]}");

    is_int(jm_ark_read(&a, JM_TRANSPORT_WHOLE, 200, jm_buf_view(&b), &m.mem),
           JM_OK, "many pictures");
    is_int((int64_t) (a.nurls + a.nerrors), JM_ARK_PICTURES,
           "as many as there can be");
    tap_mem_done(&m);
}


static void
test_transport(void)
{
    size_t       fail;
    jm_rc_e      rc;
    tap_mem_t    m;
    jm_answer_t  a;

    tap_mem_init(&m, 0);

    is_int(jm_ark_read(&a, JM_TRANSPORT_UNSENT, 0, str(""), &m.mem), JM_OK,
           "nothing was sent");
    is_int(a.event, JM_EVENT_UNSENT, "and may be sent again");

    (void) jm_ark_read(&a, JM_TRANSPORT_BROKEN, 200, str(data(PICTURE)),
                       &m.mem);
    ok(a.event == JM_EVENT_FAILED && a.error.no_retry
       && a.error.cause == JM_CAUSE_OUTCOME_UNKNOWN, "the answer was lost");

    (void) jm_ark_read(&a, JM_TRANSPORT_BROKEN, 429, str(""), &m.mem);
    is_int(a.error.cause, JM_CAUSE_OUTCOME_UNKNOWN, "whatever its status");

    for (fail = 1; /* void */; fail++) {
        tap_mem_init(&m, fail);
        memset(&a, 0xa5, sizeof(a));

        rc = jm_ark_read(&a, JM_TRANSPORT_WHOLE, 200,
                         str(data(PICTURE "," REFUSED)), &m.mem);

        if (tap_mem_unfailed(&m)) {
            ok(rc == JM_OK && a.event == JM_EVENT_DONE, "enough memory");
            tap_mem_done(&m);
            break;
        }

        ok(rc == JM_ERROR && a.event == JM_EVENT_FAILED && a.nurls == 0
           && a.nerrors == 0 && a.error.cause == JM_CAUSE_OUTCOME_UNKNOWN,
           "without allocation %zu: as lost", fail);
        tap_mem_done(&m);
    }
}


static void
test_codes(void)
{
    size_t                i;
    jm_error_t            e;
    const jm_ark_code_t  *row;

    for (i = 0; (row = jm_ark_code_row(i)) != NULL; i++) {
        jm_ark_code_error(&e, row);

        ok(jm_ark_code(row->name) == row && e.cause != JM_CAUSE_NONE
           && strstr(e.message, (const char *) row->name.data) == NULL,
           "%s: %s", (const char *) row->name.data, e.message);
    }

    is_int((int64_t) i, 25, "rows");
    ok(jm_ark_code(str("InternalServiceError")) == NULL, "nothing is known");
    ok(jm_ark_code(str("")) == NULL, "no code");
    ok(jm_ark_code(str("AccessDenie")) == NULL, "less than a code");
    ok(jm_ark_code(str("AccessDeniedx")) == NULL, "more than a code");
}


static void
test_uris(void)
{
    is_str(jm_ark_data_uri(JM_PICTURE_PNG), "data:image/png;base64,", "PNG");
    is_str(jm_ark_data_uri(JM_PICTURE_JPEG), "data:image/jpeg;base64,",
           "JPEG");
    is_str(jm_ark_data_uri(JM_PICTURE_WEBP), "data:image/webp;base64,",
           "WebP");
    is_str(jm_ark_data_uri(JM_PICTURE_GIF), "data:image/gif;base64,", "GIF");
    is_str(jm_ark_data_uri(JM_PICTURE_BMP), "data:image/bmp;base64,", "BMP");
    is_str(jm_ark_data_uri(JM_PICTURE_TIFF), "data:image/tiff;base64,",
           "TIFF");
    is_str(jm_ark_data_uri(JM_PICTURE_HEIC), "data:image/heic;base64,",
           "HEIC");
    is_str(jm_ark_data_uri(JM_PICTURE_UNKNOWN), "", "none");
    is_str(jm_ark_data_uri(JM_PICTURE_TYPES), "", "nor what is no type");
}


int
main(void)
{
    test_answers();
    test_whole();
    test_many();
    test_transport();
    test_codes();
    test_uris();

    return done_testing();
}
