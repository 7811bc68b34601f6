
/*
 * What the answers to a query that wants pictures as data mean: the pictures
 * themselves have been taken out of them, and are only counted.
 *
 * Guards against a picture that was billed and never came, and against a
 * client that waits for it for ever; seen failing with an answer judged by its
 * URLs, with a null counted as a picture, and with every other call than
 * JM_VISUAL_QUERY taken for a submit.
 */


#include "tap.h"
#include "jm_pass.h"
#include "jm_visual.h"


typedef struct {
    const char      *what;
    unsigned         http;
    const char      *body;
    size_t           pictures;
    jm_event_e       event;
    jm_cause_e       cause;
    unsigned         no_retry;
} result_case_t;


#define AUTH     JM_CAUSE_UPSTREAM_AUTH, 1
#define FINAL    JM_EVENT_FAILED, JM_CAUSE_UPSTREAM, 1
#define POLICY   JM_EVENT_FAILED, JM_CAUSE_CONTENT_POLICY, 0
#define TRANSIENT  JM_EVENT_TRANSIENT, JM_CAUSE_CONTENT_POLICY, 0
#define TROUBLE  JM_EVENT_TROUBLE, JM_CAUSE_NONE, 0
#define INTERNAL JM_EVENT_TROUBLE, JM_CAUSE_UPSTREAM, 1
#define PENDING  JM_EVENT_PENDING, JM_CAUSE_NONE, 0
#define DONE     JM_EVENT_DONE, JM_CAUSE_NONE, 0

#define code(n)     "{\"code\":" #n ",\"data\":null,\"message\":\"m\"}"
#define gateway(s)  "{\"ResponseMetadata\":{\"RequestId\":\"r\",\"Error\":{"  \
                    "\"Code\":\"" s "\",\"Message\":\"m\"}}}"
#define state(s)    "{\"code\":10000,\"data\":{\"status\":\"" s "\","         \
                    "\"image_urls\":null,\"binary_data_base64\":null}}"
#define done(data)  "{\"code\":10000,\"data\":{\"status\":\"done\","          \
                    "\"image_urls\":null,\"binary_data_base64\":" data "},"   \
                    "\"message\":\"Success\",\"request_id\":\"r\"}"


static const result_case_t  cases[] = {
    { "a picture", 200, done("[\"\"]"), 1, DONE },
    { "three", 200, done("[\"\",\"\",\"\"]"), 3, DONE },
    { "with what is none between them", 200,
      done("[null,\"\",1,{\"a\":\"\"},[\"\"],true,\"\"]"), 2, DONE },
    { "one that was not taken out", 200, done("[\"/9j+AAQ=\"]"), 1, DONE },
    { "more than a task makes", 200, done("[\"\",\"\",\"\",\"\",\"\",\"\","
      "\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\"]"), 17, DONE },
    { "whatever the status", 500, done("[\"\"]"), 1, DONE },
    { "within Result", 200, "{\"Result\":{\"code\":\"10000\",\"data\":{"
      "\"binary_data_base64\":[\"\"],\"status\":\"done\"}}}", 1, DONE },
    { "beside URLs", 200, "{\"code\":10000,\"data\":{\"status\":\"done\","
      "\"binary_data_base64\":[\"\"],\"image_urls\":[\"http://h/a\","
      "\"http://h/b\"]}}", 1, DONE },

    { "none", 200, done("[]"), 0, TROUBLE },
    { "null", 200, done("null"), 0, TROUBLE },
    { "null within", 200, done("[null]"), 0, TROUBLE },
    { "no list", 200, done("\"\""), 0, TROUBLE },
    { "an object", 200, done("{\"a\":\"\"}"), 0, TROUBLE },
    { "not there", 200, "{\"code\":10000,\"data\":{\"status\":\"done\"}}", 0,
      TROUBLE },
    { "elsewhere", 200, "{\"code\":10000,\"binary_data_base64\":[\"\"],"
      "\"data\":{\"status\":\"done\"}}", 0, TROUBLE },
    { "URLs in its place", 200, "{\"code\":10000,\"data\":{"
      "\"status\":\"done\",\"binary_data_base64\":[],"
      "\"image_urls\":[\"http://h/a\"]}}", 0, TROUBLE },
    { "a picture without a code", 200, "{\"data\":{\"status\":\"done\","
      "\"binary_data_base64\":[\"\"]}}", 1, TROUBLE },
    { "a picture without a state", 200, "{\"code\":10000,\"data\":{"
      "\"binary_data_base64\":[\"\"]}}", 1, TROUBLE },
    { "a picture of a task that goes on", 200, "{\"code\":10000,\"data\":{"
      "\"status\":\"generating\",\"binary_data_base64\":[\"\"]}}", 1,
      PENDING },

    { "in_queue", 200, state("in_queue"), 0, PENDING },
    { "another state", 200, state("dreaming"), 0, PENDING },
    { "not_found", 200, state("not_found"), 0, FINAL },
    { "expired", 200, state("expired"), 0, FINAL },
    { "no data", 200, "{\"code\":10000,\"data\":null}", 0, TROUBLE },

    { "50411", 400, code(50411), 0, POLICY },
    { "50511", 400, code(50511), 0, TRANSIENT },
    { "50511, with a picture", 200, "{\"code\":50511,\"data\":{\"status\":"
      "\"done\",\"binary_data_base64\":[\"\"]}}", 1, TRANSIENT },
    { "50429", 429, code(50429), 0, TROUBLE },
    { "50430", 429, code(50430), 0, TROUBLE },
    { "50500", 500, code(50500), 0, INTERNAL },
    { "50501", 500, code(50501), 0, INTERNAL },
    { "50430, done", 200, "{\"code\":50430,\"data\":{\"status\":\"done\","
      "\"binary_data_base64\":[\"\"]}}", 1, FINAL },
    { "50215", 400, code(50215), 0, JM_EVENT_FAILED,
      JM_CAUSE_INVALID_REQUEST, 0 },
    { "50400", 400, code(50400), 0, JM_EVENT_FAILED, AUTH },
    { "another code", 400, code(51234), 0, FINAL },

    { "FlowLimitExceeded", 429, gateway("FlowLimitExceeded"), 0, TROUBLE },
    { "SignatureDoesNotMatch", 401, gateway("SignatureDoesNotMatch"), 0,
      JM_EVENT_TROUBLE, AUTH },
    { "InternalError", 500, gateway("InternalError"), 0, TROUBLE },
    { "nothing", 200, "", 0, TROUBLE },
    { "garbage behind it", 200, done("[\"\"]") "x", 0, TROUBLE },
    { "HTML, 404", 404, "<html>", 0, TROUBLE },
    { "HTML, 502", 502, "<html>", 0, TROUBLE },
    { "no object", 200, "[\"\"]", 0, TROUBLE }
};


static void
test_cases(void)
{
    size_t                i;
    jm_rc_e               rc;
    tap_mem_t             m;
    jm_answer_t           a;
    const result_case_t  *c;

    for (i = 0; i < jm_nitems(cases); i++) {
        c = &cases[i];

        tap_mem_init(&m, 0);
        memset(&a, 0xa5, sizeof(a));

        rc = jm_visual_read(&a, JM_VISUAL_RESULT, JM_TRANSPORT_WHOLE, c->http,
                            str(c->body), &m.mem);

        ok(rc == JM_OK && a.event == c->event && a.ndata == c->pictures
           && a.error.cause == c->cause && a.error.no_retry == c->no_retry
           && (a.event != JM_EVENT_FAILED || a.error.message[0] != '\0'),
           "%s, HTTP %u: event %d, %zu pictures, cause %d, no_retry %u",
           c->what, c->http, a.event, a.ndata, a.error.cause,
           a.error.no_retry);
        is_int(a.lost, strcmp(c->what, "not_found") == 0
                       || strcmp(c->what, "expired") == 0, "lost or not");

        tap_mem_done(&m);
    }
}


/* each of the two kinds of query is done with what it asked for */

static void
test_calls(void)
{
    tap_mem_t    m;
    jm_str_t     data, urls;
    jm_answer_t  a;

    data = str(done("[\"\"]"));
    urls = str("{\"code\":10000,\"data\":{\"status\":\"done\","
               "\"binary_data_base64\":null,\"image_urls\":[\"http://h/\"]}}");

    tap_mem_init(&m, 0);

    jm_visual_read(&a, JM_VISUAL_QUERY, JM_TRANSPORT_WHOLE, 200, data, &m.mem);
    is_int(a.event, JM_EVENT_TROUBLE, "a query is not done with data");

    jm_visual_read(&a, JM_VISUAL_QUERY, JM_TRANSPORT_WHOLE, 200, urls, &m.mem);
    is_int(a.event, JM_EVENT_DONE, "but with URLs");
    is_int((int64_t) a.ndata, 0, "it has no data");

    jm_visual_read(&a, JM_VISUAL_RESULT, JM_TRANSPORT_WHOLE, 200, urls,
                   &m.mem);
    is_int(a.event, JM_EVENT_TROUBLE, "a result is not done with URLs");

    jm_visual_read(&a, JM_VISUAL_RESULT, JM_TRANSPORT_UNSENT, 200, data,
                   &m.mem);
    is_int(a.event, JM_EVENT_TROUBLE, "nor when it was not asked for");

    jm_visual_read(&a, JM_VISUAL_RESULT, JM_TRANSPORT_BROKEN, 200, data,
                   &m.mem);
    is_int(a.event, JM_EVENT_TROUBLE, "nor when it is not whole");

    is_str(jm_visual_action(JM_VISUAL_RESULT), "CVSync2AsyncGetResult",
           "its action is a query's");

    tap_mem_done(&m);
}


/* appends the answer without its pictures; returns how many there were */

static size_t
take_out(jm_buf_t *rest, jm_str_t body, size_t piece)
{
    size_t     n;
    jm_str_t   in, run;
    jm_pass_e  event;
    jm_pass_t  pass;

    n = 0;
    jm_pass_init(&pass);

    while (body.len != 0) {
        in.data = body.data;
        in.len = jm_min(body.len, piece);

        body.data += in.len;
        body.len -= in.len;

        while ((event = jm_pass_next(&pass, &in, &run)) != JM_PASS_AGAIN) {

            if (event == JM_PASS_INVALID) {
                return 0;
            }

            if (event == JM_PASS_REST) {
                jm_buf_str(rest, run);
            }

            n += (event == JM_PASS_OPEN);
        }
    }

    return n;
}


static void
test_passed(void)
{
    size_t       i, n;
    unsigned     good;
    jm_buf_t     rest;
    jm_str_t     body, cut;
    tap_mem_t    m;
    jm_answer_t  a;

    body = str(done(" [ \"\\/9j+AAQ=\\n\", \"iVBORw0KGgo=\",null] "));
    good = 1;

    for (i = 1; i <= body.len; i++) {
        tap_mem_init(&m, 0);
        jm_buf_init(&rest, &m.mem, 256, 4096);

        n = take_out(&rest, body, i);

        jm_visual_read(&a, JM_VISUAL_RESULT, JM_TRANSPORT_WHOLE, 200,
                       jm_buf_view(&rest), &m.mem);

        good = good && n == 2 && a.ndata == 2 && a.event == JM_EVENT_DONE;
        tap_mem_done(&m);
    }

    is_int(good, 1, "what is left without the pictures has as many");

    tap_mem_init(&m, 0);
    cut.data = body.data;
    good = 1;

    for (i = 0; i < body.len; i++) {
        cut.len = i;
        jm_buf_init(&rest, &m.mem, 256, 4096);

        (void) take_out(&rest, cut, i);

        jm_visual_read(&a, JM_VISUAL_RESULT, JM_TRANSPORT_WHOLE, 200,
                       jm_buf_view(&rest), &m.mem);

        good = good && a.event == JM_EVENT_TROUBLE;
    }

    is_int(good, 1, "one that is cut off anywhere is not done");
    tap_mem_done(&m);
}


static void
test_memory(void)
{
    size_t       n;
    jm_rc_e      rc;
    unsigned     good;
    tap_mem_t    m;
    jm_answer_t  a;

    good = 1;

    for (n = 1; /* void */; n++) {
        tap_mem_init(&m, n);

        rc = jm_visual_read(&a, JM_VISUAL_RESULT, JM_TRANSPORT_WHOLE, 200,
                            str(done("[\"\",\"\"]")), &m.mem);

        if (tap_mem_unfailed(&m)) {
            tap_mem_done(&m);
            break;
        }

        good = good && rc == JM_ERROR && a.event == JM_EVENT_TROUBLE
               && a.ndata == 0;
        tap_mem_done(&m);
    }

    ok(good && n > 2 && rc == JM_OK,
       "each of %zu allocations fails as a lost answer", n - 1);
}


int
main(void)
{
    test_cases();
    test_calls();
    test_passed();
    test_memory();

    return done_testing();
}
