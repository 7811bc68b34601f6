
/*
 * Copyright (C) Jimeng module authors
 */


#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "jm_error.h"
#include "jm_text.h"


/* bytes of a time as jm_error_time() writes it */

#define JM_ERROR_TIME       64


typedef struct {
    int64_t          code;
    jm_cause_e       cause;
    unsigned         no_retry;
    unsigned         transient;
    const char      *message;       /* NULL: the cause's own */
} jm_upstream_code_t;


static void jm_error_message(jm_error_t *e, const char *text, size_t len);
static unsigned jm_error_no_retry(jm_cause_e cause);
static void jm_error_time(char *text, uint64_t seconds);


static const jm_cause_t  jm_causes[JM_CAUSE_LAST] = {

    [JM_CAUSE_NONE] = { 0, 0, NULL, NULL, NULL },

    [JM_CAUSE_INVALID_REQUEST] = {
        400, 0, "invalid_request_error", "invalid_request",
        "The request is not valid; correct it before sending it again." },

    [JM_CAUSE_INVALID_KEY] = {
        401, 0, "authentication_error", "invalid_api_key",
        "The API key is missing or not known here; send "
        "\"Authorization: Bearer\" with a valid key." },

    [JM_CAUSE_PERMISSION] = {
        403, 0, "permission_error", "permission_denied",
        "This is not permitted here; ask the operator of this service." },

    [JM_CAUSE_NOT_FOUND] = {
        404, 0, "invalid_request_error", "not_found",
        "There is nothing at this path; pictures are made by "
        "POST images/generations." },

    [JM_CAUSE_MODEL_NOT_FOUND] = {
        404, 0, "invalid_request_error", "model_not_found",
        "The model is not known here; use \"jimeng_t2i_v40\", or leave the "
        "field \"model\" out." },

    [JM_CAUSE_TASK_NOT_FOUND] = {
        404, 0, "invalid_request_error", "task_not_found",
        "There is no such task, or it is older than 12 hours." },

    [JM_CAUSE_METHOD] = {
        405, 0, "invalid_request_error", "method_not_allowed",
        "The method is not allowed here; pictures are made by POST." },

    [JM_CAUSE_REQUEST_TIMEOUT] = {
        408, 0, "invalid_request_error", "request_timeout",
        "The request did not arrive in time; send it again." },

    [JM_CAUSE_REQUEST_TOO_LARGE] = {
        413, 0, "invalid_request_error", "request_too_large",
        "The request body is too large; send a smaller one, with pictures "
        "as URLs." },

    [JM_CAUSE_PROMPT_TOO_LONG] = {
        413, 0, "invalid_request_error", "prompt_too_long",
        "The prompt is too long; shorten it." },

    [JM_CAUSE_MEDIA_TYPE] = {
        415, 0, "invalid_request_error", "unsupported_media_type",
        "The request body must be JSON; send it with "
        "\"Content-Type: application/json\"." },

    [JM_CAUSE_KEY_REUSED] = {
        422, 0, "invalid_request_error", "idempotency_key_reused",
        "The Idempotency-Key was used for another request; use a new one for "
        "each request, and the same one only to repeat it unchanged." },

    [JM_CAUSE_TOO_EARLY] = {
        425, 0, "invalid_request_error", "too_early",
        "The request came before the TLS handshake was over, when it may be a "
        "copy of another one; send it again after the handshake." },

    [JM_CAUSE_RATE_LIMITED] = {
        429, 1, "rate_limit_error", "rate_limit_exceeded",
        "There are too many requests from you; wait before sending the next." },

    [JM_CAUSE_QUOTA] = {
        429, 0, "rate_limit_error", "insufficient_quota",
        "Your budget of pictures is used up; wait until it is renewed, or ask "
        "the operator of this service for a larger one." },

    [JM_CAUSE_BUSY] = {
        429, 5, "rate_limit_error", "concurrency_limit_exceeded",
        "Too many pictures are being made, or waited for, at the moment; "
        "nothing was ordered: try again later." },

    [JM_CAUSE_CONTENT_POLICY] = {
        400, 0, "image_generation_user_error", "content_policy_violation",
        "The request was refused by the provider's content policy; change "
        "the prompt or the pictures." },

    [JM_CAUSE_MODERATION] = {
        400, 0, "image_generation_user_error", "moderation_blocked",
        "The request was refused by the provider's content policy; change "
        "the prompt or the pictures." },

    [JM_CAUSE_UPSTREAM_RATE_LIMITED] = {
        429, 5, "rate_limit_error", "upstream_rate_limited",
        "The image provider has too much to do for this service at the "
        "moment; try again later." },

    [JM_CAUSE_UPSTREAM_AUTH] = {
        502, 0, "api_error", "upstream_auth_failed",
        "The image provider refused this service's access; the operator of "
        "this service has to correct that." },

    [JM_CAUSE_UPSTREAM] = {
        502, 0, "api_error", "upstream_error",
        "The image provider failed, or could not be reached; try again "
        "later." },

    [JM_CAUSE_OUTCOME_UNKNOWN] = {
        502, 0, "api_error", "upstream_error",
        "The image provider's answer was lost: the picture may have been "
        "ordered, and sending the request again may be billed again." },

    [JM_CAUSE_GENERATION_TIMEOUT] = {
        504, 0, "api_error", "generation_timeout",
        "The picture was not ready in time; it may still be made and billed, "
        "so sending the request again may be billed again." },

    [JM_CAUSE_UNAVAILABLE] = {
        503, 1, "api_error", "service_unavailable",
        "The service is not available at the moment; try again later." },

    [JM_CAUSE_NO_ROOM] = {
        503, 1, "api_error", "service_unavailable",
        "The service has too many requests to keep track of at the moment; "
        "nothing was ordered: try again later." },

    [JM_CAUSE_INTERNAL] = {
        500, 0, "api_error", "internal_error",
        "The service failed; try again later, or tell its operator." },

    [JM_CAUSE_CLIENT_LEFT] = {
        499, 0, "api_error", "client_closed_request",
        "The client closed the connection before the picture was ordered." },

    [JM_CAUSE_CANCELED] = {
        409, 0, "invalid_request_error", "canceled",
        "The task was canceled before it was submitted; nothing was ordered." },

    [JM_CAUSE_TASK_RUNNING] = {
        409, 0, "invalid_request_error", "task_running",
        "The task cannot be canceled any more: it is submitted, or over." },

    [JM_CAUSE_ADDRESS] = {
        403, 0, "permission_error", "address_not_allowed",
        "You may not use this service from the address that you have; use it "
        "from one that its operator allows you." }
};


/* sorted as the vendor lists them */

static const jm_upstream_code_t  jm_upstream_codes[] = {

    { 50411, JM_CAUSE_CONTENT_POLICY, 0, 0,
      "An input picture was refused by the provider's content policy; use "
      "another one." },

    { 50412, JM_CAUSE_CONTENT_POLICY, 0, 0,
      "The prompt was refused by the provider's content policy; change it." },

    { 50413, JM_CAUSE_CONTENT_POLICY, 0, 0,
      "The prompt has words that the provider's content policy refuses; "
      "change it." },

    { 50511, JM_CAUSE_CONTENT_POLICY, 0, 1,
      "The picture that was made was refused by the provider's content "
      "policy; change the prompt, or try again." },

    { 50512, JM_CAUSE_CONTENT_POLICY, 0, 0,
      "The text that was made was refused by the provider's content policy; "
      "change the prompt." },

    { 50518, JM_CAUSE_CONTENT_POLICY, 0, 0,
      "An input picture was refused for copyright; use another one." },

    { 50519, JM_CAUSE_CONTENT_POLICY, 0, 1,
      "The picture that was made was refused for copyright; change the "
      "prompt, or try again." },

    { 50520, JM_CAUSE_UPSTREAM, 1, 0,
      "The image provider's content check failed; try again later." },

    { 50521, JM_CAUSE_UPSTREAM, 1, 0,
      "The image provider's content check failed; try again later." },

    { 50522, JM_CAUSE_UPSTREAM, 1, 0,
      "The image provider's content check failed; try again later." },

    { 50429, JM_CAUSE_UPSTREAM_RATE_LIMITED, 0, 0, NULL },
    { 50430, JM_CAUSE_UPSTREAM_RATE_LIMITED, 0, 0, NULL },

    { 50500, JM_CAUSE_UPSTREAM, 1, 0,
      "The image provider had an error of its own; try again later." },

    { 50501, JM_CAUSE_UPSTREAM, 1, 0,
      "The image provider had an error of its own; try again later." },

    { 50215, JM_CAUSE_INVALID_REQUEST, 0, 0,
      "The image provider could not use the request; see that every "
      "picture's URL can be read from the internet, and is a JPEG or PNG "
      "within its limits." },

    { 50400, JM_CAUSE_UPSTREAM_AUTH, 1, 0, NULL },
    { 50204, JM_CAUSE_UPSTREAM_AUTH, 1, 0, NULL },

    { 50218, JM_CAUSE_CONTENT_POLICY, 0, 0,
      "The image provider holds the request's resources for unsafe; change "
      "the prompt or the pictures." }
};


const jm_cause_t *
jm_cause(jm_cause_e cause)
{
    if ((unsigned) cause >= JM_CAUSE_LAST) {
        return &jm_causes[JM_CAUSE_INTERNAL];
    }

    return &jm_causes[cause];
}


jm_cause_e
jm_cause_of_status(unsigned status)
{
    switch (status) {

    case 401:
        return JM_CAUSE_INVALID_KEY;

    case 403:
        return JM_CAUSE_PERMISSION;

    case 404:
        return JM_CAUSE_NOT_FOUND;

    case 405:
        return JM_CAUSE_METHOD;

    case 408:
        return JM_CAUSE_REQUEST_TIMEOUT;

    case 413:
        return JM_CAUSE_REQUEST_TOO_LARGE;

    case 415:
        return JM_CAUSE_MEDIA_TYPE;

    case 425:
        return JM_CAUSE_TOO_EARLY;

    case 429:
        return JM_CAUSE_RATE_LIMITED;

    case 499:
        return JM_CAUSE_CLIENT_LEFT;

    case 502:
        return JM_CAUSE_UPSTREAM;

    case 503:
        return JM_CAUSE_UNAVAILABLE;

    case 504:
        return JM_CAUSE_GENERATION_TIMEOUT;

    case 501:
    case 505:

        /* nginx answers 501 and 505 to a coding or version it does not know */

        return JM_CAUSE_INVALID_REQUEST;
    }

    if (status >= 400 && status < 500) {
        return JM_CAUSE_INVALID_REQUEST;
    }

    return JM_CAUSE_INTERNAL;
}


void
jm_error_set(jm_error_t *e, jm_cause_e cause, const char *param,
    const char *fmt, ...)
{
    int          n;
    char         text[JM_ERROR_MESSAGE + 4];
    va_list      args;
    const char  *message;

    e->cause = cause;
    e->no_retry = jm_error_no_retry(cause);
    e->transient = 0;
    e->retry_after = 0;
    e->upstream_code = 0;
    e->stage = JM_STAGE_UNSAID;
    e->param = param;

    if (fmt != NULL) {

        /*
         * One code point more than fits, so that the cut can tell whether
         * it falls within one.
         */

        va_start(args, fmt);
        n = vsnprintf(text, sizeof(text), fmt, args);
        va_end(args);

        if (n >= 0) {
            jm_error_message(e, text, jm_min((size_t) n, sizeof(text) - 1));
            return;
        }
    }

    message = jm_cause(cause)->message;

    if (message == NULL) {
        message = "";
    }

    jm_error_message(e, message, strlen(message));
}


void
jm_error_upstream(jm_error_t *e, int64_t code)
{
    size_t                     i;
    const jm_upstream_code_t  *row;

    for (i = 0; i < jm_nitems(jm_upstream_codes); i++) {
        row = &jm_upstream_codes[i];

        if (row->code != code) {
            continue;
        }

        if (row->message == NULL) {
            jm_error_set(e, row->cause, NULL, NULL);

        } else {
            jm_error_set(e, row->cause, NULL, "%s", row->message);
        }

        e->no_retry = row->no_retry;
        e->transient = row->transient;
        e->upstream_code = code;

        return;
    }

    /* whether a task with this code was billed is not known */

    jm_error_set(e, JM_CAUSE_UPSTREAM, NULL, NULL);
    e->no_retry = 1;
    e->upstream_code = code;
}


void
jm_error_wait(jm_error_t *e, uint64_t seconds)
{
    int     n;
    char    text[JM_ERROR_MESSAGE + 64];
    char    time[JM_ERROR_TIME];
    size_t  len;

    e->retry_after = (unsigned) jm_min(seconds, UINT32_MAX);

    if (seconds <= JM_ERROR_RETRY_MAX) {
        return;
    }

    jm_error_time(time, e->retry_after);

    n = snprintf(text, sizeof(text), "%s Send it again in %s.", e->message,
                 time);

    len = n > 0 ? (size_t) n : 0;

    /* a time that does not fit whole is left out */

    if (len != 0 && len < JM_ERROR_MESSAGE) {
        jm_error_message(e, text, len);
    }
}


/* in its two largest units, the smaller one rounded up: "3 h 20 min" */

static void
jm_error_time(char *text, uint64_t seconds)
{
    size_t    i;
    uint64_t  large, small;

    /* a large unit is so many small ones, of so many seconds each */

    static const struct {
        const char  *large;
        const char  *small;
        unsigned     many;
        unsigned     each;
    } units[] = {
        { "d", "h", 24, 3600 }, { "h", "min", 60, 60 }, { "min", "s", 60, 1 }
    };

    for (i = 0; i < jm_nitems(units) - 1; i++) {
        if (seconds >= (uint64_t) units[i].many * units[i].each) {
            break;
        }
    }

    small = (seconds + units[i].each - 1) / units[i].each;
    large = small / units[i].many;
    small -= large * units[i].many;

    if (small == 0) {
        (void) snprintf(text, JM_ERROR_TIME, "%" PRIu64 " %s", large,
                        units[i].large);

    } else {
        (void) snprintf(text, JM_ERROR_TIME, "%" PRIu64 " %s %" PRIu64 " %s",
                        large, units[i].large, small, units[i].small);
    }
}


void
jm_error_gpt(jm_error_t *e)
{
    if (e->cause == JM_CAUSE_CONTENT_POLICY) {
        e->cause = JM_CAUSE_MODERATION;
    }
}


const char *
jm_error_stage(const jm_error_t *e)
{
    if (e->stage != JM_STAGE_UNSAID) {
        return e->stage == JM_STAGE_INPUT ? "input" : "output";
    }

    switch (e->upstream_code) {

    case 50411:
    case 50412:
    case 50413:
    case 50518:
        return "input";

    case 50511:
    case 50512:
    case 50519:
        return "output";

    default:
        return "unknown";
    }
}


int64_t
jm_error_code(size_t i)
{
    return i < jm_nitems(jm_upstream_codes) ? jm_upstream_codes[i].code : 0;
}


static void
jm_error_message(jm_error_t *e, const char *text, size_t len)
{
    jm_str_t  s;

    s.len = len;
    s.data = (const uint8_t *) text;

    s = jm_utf8_prefix(s, JM_ERROR_MESSAGE - 1);

    memcpy(e->message, s.data, s.len);
    e->message[s.len] = '\0';
}


static unsigned
jm_error_no_retry(jm_cause_e cause)
{
    return cause == JM_CAUSE_QUOTA
           || cause == JM_CAUSE_UPSTREAM_AUTH
           || cause == JM_CAUSE_OUTCOME_UNKNOWN
           || cause == JM_CAUSE_GENERATION_TIMEOUT
           || cause == JM_CAUSE_CANCELED
           || cause == JM_CAUSE_TASK_RUNNING;
}
