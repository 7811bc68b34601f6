
/*
 * The table of errors: every cause, every business code of the vendor's
 * table, and messages that are cut between code points.
 */


#include "tap.h"
#include "jm_error.h"
#include "jm_text.h"


typedef struct {
    jm_cause_e       cause;
    unsigned         status;
    const char      *type;
    const char      *code;
    unsigned         no_retry;
} cause_case_t;

typedef struct {
    int64_t          code;
    jm_cause_e       cause;
    unsigned         no_retry;
} upstream_case_t;

typedef struct {
    unsigned         status;
    jm_cause_e       cause;
} status_case_t;


static const cause_case_t  cause_cases[] = {
    { JM_CAUSE_INVALID_REQUEST, 400, "invalid_request_error",
      "invalid_request", 0 },
    { JM_CAUSE_INVALID_KEY, 401, "authentication_error",
      "invalid_api_key", 0 },
    { JM_CAUSE_PERMISSION, 403, "permission_error", "permission_denied", 0 },
    { JM_CAUSE_ADDRESS, 403, "permission_error", "address_not_allowed", 0 },
    { JM_CAUSE_NOT_FOUND, 404, "invalid_request_error", "not_found", 0 },
    { JM_CAUSE_MODEL_NOT_FOUND, 404, "invalid_request_error",
      "model_not_found", 0 },
    { JM_CAUSE_TASK_NOT_FOUND, 404, "invalid_request_error",
      "task_not_found", 0 },
    { JM_CAUSE_METHOD, 405, "invalid_request_error",
      "method_not_allowed", 0 },
    { JM_CAUSE_REQUEST_TIMEOUT, 408, "invalid_request_error",
      "request_timeout", 0 },
    { JM_CAUSE_REQUEST_TOO_LARGE, 413, "invalid_request_error",
      "request_too_large", 0 },
    { JM_CAUSE_PROMPT_TOO_LONG, 413, "invalid_request_error",
      "prompt_too_long", 0 },
    { JM_CAUSE_MEDIA_TYPE, 415, "invalid_request_error",
      "unsupported_media_type", 0 },
    { JM_CAUSE_KEY_REUSED, 422, "invalid_request_error",
      "idempotency_key_reused", 0 },
    { JM_CAUSE_TOO_EARLY, 425, "invalid_request_error", "too_early", 0 },
    { JM_CAUSE_RATE_LIMITED, 429, "rate_limit_error",
      "rate_limit_exceeded", 0 },
    { JM_CAUSE_CONTENT_POLICY, 400, "image_generation_user_error",
      "content_policy_violation", 0 },
    { JM_CAUSE_MODERATION, 400, "image_generation_user_error",
      "moderation_blocked", 0 },
    { JM_CAUSE_QUOTA, 429, "rate_limit_error", "insufficient_quota", 1 },
    { JM_CAUSE_BUSY, 429, "rate_limit_error",
      "concurrency_limit_exceeded", 0 },
    { JM_CAUSE_UPSTREAM_RATE_LIMITED, 429, "rate_limit_error",
      "upstream_rate_limited", 0 },
    { JM_CAUSE_UPSTREAM_AUTH, 502, "api_error", "upstream_auth_failed", 1 },
    { JM_CAUSE_UPSTREAM, 502, "api_error", "upstream_error", 0 },
    { JM_CAUSE_OUTCOME_UNKNOWN, 502, "api_error", "upstream_error", 1 },
    { JM_CAUSE_GENERATION_TIMEOUT, 504, "api_error",
      "generation_timeout", 1 },
    { JM_CAUSE_UNAVAILABLE, 503, "api_error", "service_unavailable", 0 },
    { JM_CAUSE_NO_ROOM, 503, "api_error", "service_unavailable", 0 },
    { JM_CAUSE_INTERNAL, 500, "api_error", "internal_error", 0 },
    { JM_CAUSE_CLIENT_LEFT, 499, "api_error", "client_closed_request", 0 },
    { JM_CAUSE_CANCELED, 409, "invalid_request_error", "canceled", 1 },
    { JM_CAUSE_TASK_RUNNING, 409, "invalid_request_error", "task_running", 1 }
};


static const upstream_case_t  upstream_cases[] = {
    { 50411, JM_CAUSE_CONTENT_POLICY, 0 },
    { 50412, JM_CAUSE_CONTENT_POLICY, 0 },
    { 50413, JM_CAUSE_CONTENT_POLICY, 0 },
    { 50511, JM_CAUSE_CONTENT_POLICY, 0 },
    { 50512, JM_CAUSE_CONTENT_POLICY, 0 },
    { 50518, JM_CAUSE_CONTENT_POLICY, 0 },
    { 50519, JM_CAUSE_CONTENT_POLICY, 0 },
    { 50218, JM_CAUSE_CONTENT_POLICY, 0 },
    { 50520, JM_CAUSE_UPSTREAM, 1 },
    { 50521, JM_CAUSE_UPSTREAM, 1 },
    { 50522, JM_CAUSE_UPSTREAM, 1 },
    { 50500, JM_CAUSE_UPSTREAM, 1 },
    { 50501, JM_CAUSE_UPSTREAM, 1 },
    { 50429, JM_CAUSE_UPSTREAM_RATE_LIMITED, 0 },
    { 50430, JM_CAUSE_UPSTREAM_RATE_LIMITED, 0 },
    { 50215, JM_CAUSE_INVALID_REQUEST, 0 },
    { 50400, JM_CAUSE_UPSTREAM_AUTH, 1 },
    { 50204, JM_CAUSE_UPSTREAM_AUTH, 1 },
    { 59999, JM_CAUSE_UPSTREAM, 1 },
    { -1, JM_CAUSE_UPSTREAM, 1 }
};


static const status_case_t  status_cases[] = {
    { 400, JM_CAUSE_INVALID_REQUEST }, { 401, JM_CAUSE_INVALID_KEY },
    { 402, JM_CAUSE_INVALID_REQUEST }, { 403, JM_CAUSE_PERMISSION },
    { 404, JM_CAUSE_NOT_FOUND }, { 405, JM_CAUSE_METHOD },
    { 408, JM_CAUSE_REQUEST_TIMEOUT }, { 413, JM_CAUSE_REQUEST_TOO_LARGE },
    { 414, JM_CAUSE_INVALID_REQUEST }, { 415, JM_CAUSE_MEDIA_TYPE },
    { 425, JM_CAUSE_TOO_EARLY },
    { 429, JM_CAUSE_RATE_LIMITED }, { 494, JM_CAUSE_INVALID_REQUEST },
    { 499, JM_CAUSE_CLIENT_LEFT }, { 500, JM_CAUSE_INTERNAL },
    { 501, JM_CAUSE_INVALID_REQUEST }, { 502, JM_CAUSE_UPSTREAM },
    { 503, JM_CAUSE_UNAVAILABLE }, { 504, JM_CAUSE_GENERATION_TIMEOUT },
    { 505, JM_CAUSE_INVALID_REQUEST }, { 507, JM_CAUSE_INTERNAL },
    { 599, JM_CAUSE_INTERNAL }
};


static void
test_causes(void)
{
    size_t               i;
    jm_error_t           e;
    const jm_cause_t    *row;
    const cause_case_t  *c;

    is_int(jm_nitems(cause_cases), JM_CAUSE_LAST - 1, "every cause is here");

    for (i = 0; i < jm_nitems(cause_cases); i++) {
        c = &cause_cases[i];
        row = jm_cause(c->cause);

        is_int(row->status, c->status, "%s: status", c->code);
        is_cstr(row->type, c->type, "%s: type", c->code);
        is_cstr(row->code, c->code, "%s: code", c->code);

        memset(&e, 0xa5, sizeof(e));
        jm_error_set(&e, c->cause, NULL, NULL);

        ok(e.cause == c->cause && e.upstream_code == 0 && e.param == NULL,
           "%s: nothing of an earlier error is left", c->code);
        is_int(e.no_retry, c->no_retry, "%s: no_retry", c->code);
        is_cstr(e.message, row->message, "%s: the whole message fits",
                c->code);
        ok(strlen(e.message) > 20
           && e.message[strlen(e.message) - 1] == '.',
           "%s: the message is a sentence", c->code);
    }

    is_int(jm_cause(JM_CAUSE_NONE)->status, 0, "no cause has no status");
    is_int(jm_cause(JM_CAUSE_LAST)->status, 500, "past the end is internal");
}


static void
test_upstream(void)
{
    size_t                  i;
    jm_error_t              e;
    const upstream_case_t  *c;

    for (i = 0; i < jm_nitems(upstream_cases); i++) {
        c = &upstream_cases[i];

        memset(&e, 0xa5, sizeof(e));
        jm_error_upstream(&e, c->code);

        is_int(e.cause, c->cause, "%lld: cause", (long long) c->code);
        is_int(e.no_retry, c->no_retry, "%lld: no_retry",
               (long long) c->code);
        is_int(e.upstream_code, c->code, "%lld: the number is kept",
               (long long) c->code);
        ok(e.param == NULL && strlen(e.message) > 20, "%lld: message",
           (long long) c->code);
    }
}


static void
test_status(void)
{
    size_t  i;

    for (i = 0; i < jm_nitems(status_cases); i++) {
        is_int(jm_cause_of_status(status_cases[i].status),
               status_cases[i].cause, "status %u", status_cases[i].status);
    }
}


static void
test_message(void)
{
    size_t       i, n;
    char         text[JM_ERROR_MESSAGE * 2];
    jm_error_t   e;
    const char  *snow;

    jm_error_set(&e, JM_CAUSE_INVALID_REQUEST, "n", "%s is %d", "n", 7);

    is_cstr(e.message, "n is 7", "printf's form");
    is_cstr(e.param, "n", "param");

    memset(text, 'x', sizeof(text));
    text[JM_ERROR_MESSAGE - 1] = '\0';

    jm_error_set(&e, JM_CAUSE_INVALID_REQUEST, NULL, "%s", text);
    is_int((int64_t) strlen(e.message), JM_ERROR_MESSAGE - 1,
           "a message that just fits is not cut");

    text[JM_ERROR_MESSAGE - 1] = 'x';
    text[JM_ERROR_MESSAGE] = '\0';

    jm_error_set(&e, JM_CAUSE_INVALID_REQUEST, NULL, "%s", text);
    is_int((int64_t) strlen(e.message), JM_ERROR_MESSAGE - 1,
           "a byte more is");

    snow = "\xf0\x9f\x8c\xa8";

    for (i = 0; i < 8; i++) {
        memset(text, 'x', sizeof(text));
        memcpy(&text[JM_ERROR_MESSAGE - 6 + i], snow, 4);
        text[JM_ERROR_MESSAGE - 6 + i + 4] = '\0';

        jm_error_set(&e, JM_CAUSE_INVALID_REQUEST, NULL, "%s", text);

        ok(jm_utf8_length(str(e.message), &n) == JM_OK
           && strlen(e.message) < JM_ERROR_MESSAGE
           && strlen(e.message) >= JM_ERROR_MESSAGE - 6 + jm_min(i, 2),
           "four bytes from %zu on are cut whole or not at all",
           JM_ERROR_MESSAGE - 6 + i);
    }
}


/* a long wait is told by the message, as the header has a limit */

static void
test_wait(void)
{
    size_t      i;
    char        text[JM_ERROR_MESSAGE];
    jm_error_t  e;

    static const struct {
        uint64_t     seconds;
        const char  *message;
    } cases[] = {
        { 1, "Wait." },
        { 60, "Wait." },
        { 61, "Wait. Send it again in 1 min 1 s." },
        { 120, "Wait. Send it again in 2 min." },
        { 3599, "Wait. Send it again in 59 min 59 s." },
        { 3600, "Wait. Send it again in 1 h." },
        { 3601, "Wait. Send it again in 1 h 1 min." },
        { 11999, "Wait. Send it again in 3 h 20 min." },
        { 86399, "Wait. Send it again in 24 h." },
        { 86400, "Wait. Send it again in 1 d." },
        { 97200, "Wait. Send it again in 1 d 3 h." }
    };

    for (i = 0; i < jm_nitems(cases); i++) {
        jm_error_set(&e, JM_CAUSE_BUSY, NULL, "Wait.");
        jm_error_wait(&e, cases[i].seconds);

        is_cstr(e.message, cases[i].message, "%llu s",
                (unsigned long long) cases[i].seconds);
        is_int(e.retry_after, (int64_t) cases[i].seconds, "are kept");
    }

    jm_error_set(&e, JM_CAUSE_BUSY, NULL, "Wait.");
    jm_error_wait(&e, UINT64_MAX);
    is_int(e.retry_after, UINT32_MAX, "more than a number holds");
    is_cstr(e.message, "Wait. Send it again in 49710 d 7 h.",
            "is told as far as it goes");

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';

    jm_error_set(&e, JM_CAUSE_BUSY, NULL, "%s", text);
    jm_error_wait(&e, 3600);
    is_cstr(e.message, text, "no part of it, where the whole has no room");
}


/* what a policy refused, in the words of OpenAI's models */

static void
test_gpt(void)
{
    size_t       i;
    jm_error_t   e;
    const char  *stage;

    for (i = 0; i < jm_nitems(upstream_cases); i++) {
        jm_error_upstream(&e, upstream_cases[i].code);
        jm_error_gpt(&e);

        is_int(e.cause,
               upstream_cases[i].cause == JM_CAUSE_CONTENT_POLICY
               ? JM_CAUSE_MODERATION : upstream_cases[i].cause,
               "%lld: cause", (long long) e.upstream_code);

        switch (e.upstream_code) {

        case 50411:
        case 50412:
        case 50413:
        case 50518:
            stage = "input";
            break;

        case 50511:
        case 50512:
        case 50519:
            stage = "output";
            break;

        default:
            stage = "unknown";
        }

        is_cstr(jm_error_stage(&e), stage, "its stage");
    }
}


int
main(void)
{
    test_causes();
    test_upstream();
    test_wait();
    test_gpt();
    test_status();
    test_message();

    return done_testing();
}
