
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_gateway.h"
#include "jm_json.h"
#include "jm_text.h"
#include "jm_visual.h"


#define JM_VISUAL_DEPTH     32
#define JM_VISUAL_NODES     4096


/* an answer of the service, or of the gateway before it */

typedef struct {
    unsigned         http;
    unsigned         has_code;
    int64_t          code;          /* of the service */
    jm_str_t         gateway;       /* the gateway's name of an error */
    const jm_json_t *data;
} jm_envelope_t;


/* what an error of the gateway means for a submit */

typedef struct {
    jm_event_e       event;
    jm_cause_e       cause;         /* with JM_EVENT_FAILED */
} jm_gateway_t;


static void jm_visual_envelope(jm_answer_t *a, jm_envelope_t *env,
    const jm_json_t *root);
static unsigned jm_visual_code(jm_answer_t *a, jm_envelope_t *env,
    const jm_json_t *node);
static void jm_visual_task_id(jm_answer_t *a, const jm_json_t *data);
static void jm_visual_urls(jm_answer_t *a, const jm_json_t *data);
static void jm_visual_count(jm_answer_t *a, const jm_json_t *data);

static void jm_visual_submitted(jm_answer_t *a, const jm_envelope_t *env);
static void jm_visual_unaccepted(jm_answer_t *a, const jm_envelope_t *env);
static unsigned jm_visual_no_access(const jm_envelope_t *env);
static const jm_gateway_t *jm_visual_gateway(jm_str_t name);
static void jm_visual_queried(jm_answer_t *a, const jm_envelope_t *env,
    jm_visual_call_e call);
static void jm_visual_ended(jm_answer_t *a, int64_t code);
static void jm_visual_state(jm_answer_t *a);
static unsigned jm_visual_is_busy(int64_t code);
static unsigned jm_visual_is_internal(int64_t code);

static void jm_visual_lost(jm_answer_t *a, jm_visual_call_e call);


/* 4xx that are not here are JM_CAUSE_UPSTREAM, 5xx are not certain */

static const jm_gateway_t  jm_gateway_errors[JM_GATEWAY_LAST] = {
    [JM_GATEWAY_FLOW_LIMIT_EXCEEDED] = { JM_EVENT_BUSY, JM_CAUSE_NONE },
    [JM_GATEWAY_ACCOUNT_FLOW_LIMIT_EXCEEDED] = { JM_EVENT_BUSY, JM_CAUSE_NONE },
    [JM_GATEWAY_FAIL_TO_CONNECT] = { JM_EVENT_UNSENT, JM_CAUSE_NONE },
    [JM_GATEWAY_SERVICE_UNAVAILABLE_TEMP] = { JM_EVENT_UNSENT, JM_CAUSE_NONE },
    [JM_GATEWAY_MISSING_AUTHENTICATION_TOKEN] =
        { JM_EVENT_FAILED, JM_CAUSE_UPSTREAM_AUTH },
    [JM_GATEWAY_MISSING_SIGNATURE] =
        { JM_EVENT_FAILED, JM_CAUSE_UPSTREAM_AUTH },
    [JM_GATEWAY_INVALID_TIMESTAMP] =
        { JM_EVENT_FAILED, JM_CAUSE_UPSTREAM_AUTH },
    [JM_GATEWAY_INVALID_ACCESS_KEY] =
        { JM_EVENT_FAILED, JM_CAUSE_UPSTREAM_AUTH },
    [JM_GATEWAY_SIGNATURE_DOES_NOT_MATCH] =
        { JM_EVENT_FAILED, JM_CAUSE_UPSTREAM_AUTH },
    [JM_GATEWAY_INVALID_AUTHORIZATION] =
        { JM_EVENT_FAILED, JM_CAUSE_UPSTREAM_AUTH },
    [JM_GATEWAY_INVALID_CREDENTIAL] =
        { JM_EVENT_FAILED, JM_CAUSE_UPSTREAM_AUTH },
    [JM_GATEWAY_INVALID_SECRET_TOKEN] =
        { JM_EVENT_FAILED, JM_CAUSE_UPSTREAM_AUTH },
    [JM_GATEWAY_LACK_POLICY] = { JM_EVENT_FAILED, JM_CAUSE_UPSTREAM_AUTH },
    [JM_GATEWAY_ACCESS_DENIED] = { JM_EVENT_FAILED, JM_CAUSE_UPSTREAM_AUTH },
    [JM_GATEWAY_MISSING_PARAMETER] = { JM_EVENT_FAILED, JM_CAUSE_UPSTREAM },
    [JM_GATEWAY_SERVICE_NOT_FOUND] = { JM_EVENT_FAILED, JM_CAUSE_UPSTREAM },
    [JM_GATEWAY_INVALID_ACTION_OR_VERSION] =
        { JM_EVENT_FAILED, JM_CAUSE_UPSTREAM },
    [JM_GATEWAY_METHOD_NOT_ALLOWED] = { JM_EVENT_FAILED, JM_CAUSE_UPSTREAM },
    [JM_GATEWAY_INTERNAL_ERROR] = { JM_EVENT_FAILED, JM_CAUSE_OUTCOME_UNKNOWN },
    [JM_GATEWAY_INTERNAL_SERVICE_ERROR] =
        { JM_EVENT_FAILED, JM_CAUSE_OUTCOME_UNKNOWN },
    [JM_GATEWAY_INTERNAL_SERVICE_TIMEOUT] =
        { JM_EVENT_FAILED, JM_CAUSE_OUTCOME_UNKNOWN }
};


jm_str_t
jm_visual_action(jm_visual_call_e call)
{
    static const jm_str_t  submit = jm_string("CVSync2AsyncSubmitTask");
    static const jm_str_t  query = jm_string("CVSync2AsyncGetResult");

    return call == JM_VISUAL_SUBMIT ? submit : query;
}


jm_rc_e
jm_visual_read(jm_answer_t *a, jm_visual_call_e call,
    jm_transport_e transport, unsigned status, jm_str_t body, jm_mem_t *mem)
{
    jm_rc_e           rc;
    jm_json_t        *root;
    const char       *why;
    jm_envelope_t     env;
    jm_json_limits_t  limits;

    memset(a, 0, sizeof(jm_answer_t));

    if (transport == JM_TRANSPORT_UNSENT) {
        a->event = call == JM_VISUAL_SUBMIT ? JM_EVENT_UNSENT
                                            : JM_EVENT_TROUBLE;
        return JM_OK;
    }

    if (transport == JM_TRANSPORT_BROKEN) {
        jm_visual_lost(a, call);
        return JM_OK;
    }

    limits.depth = JM_VISUAL_DEPTH;
    limits.nodes = JM_VISUAL_NODES;

    rc = jm_json_read(&root, body, &limits, mem, &why);

    if (rc == JM_ERROR) {
        jm_visual_lost(a, call);
        return JM_ERROR;
    }

    memset(&env, 0, sizeof(jm_envelope_t));

    env.http = status;

    if (rc == JM_OK) {
        jm_visual_envelope(a, &env, root);
    }

    if (call == JM_VISUAL_SUBMIT) {
        jm_visual_submitted(a, &env);

    } else {
        jm_visual_queried(a, &env, call);
    }

    return JM_OK;
}


/*
 * The envelope is the whole answer, or its "Result"; the gateway's own errors
 * are in "ResponseMetadata".
 */

static void
jm_visual_envelope(jm_answer_t *a, jm_envelope_t *env, const jm_json_t *root)
{
    size_t            i;
    const jm_json_t  *metadata, *error;
    const jm_json_t  *places[2];

    places[0] = root;
    places[1] = jm_json_get(root, "Result");

    metadata = jm_json_get(root, "ResponseMetadata");
    error = jm_json_get(metadata, "Error");

    for (i = 0; i < jm_nitems(places); i++) {

        if (!env->has_code) {
            (void) jm_visual_code(a, env, jm_json_get(places[i], "code"));
        }

        if (env->data == NULL || env->data->type == JM_JSON_NULL) {
            env->data = jm_json_get(places[i], "data");
        }

        if (a->message.len == 0) {
            a->message = jm_answer_text(jm_json_get(places[i], "message"));
        }

        if (a->request_id.len == 0) {
            a->request_id = jm_answer_text(jm_json_get(places[i],
                                                       "request_id"));
        }
    }

    if (!env->has_code && !jm_visual_code(a, env, jm_json_get(error, "Code"))) {
        env->gateway = jm_answer_text(jm_json_get(error, "Code"));
        a->code = env->gateway;
        a->number = (a->code.len != 0) ? -1 : 0;
    }

    if (a->message.len == 0) {
        a->message = jm_answer_text(jm_json_get(error, "Message"));
    }

    if (a->request_id.len == 0) {
        a->request_id = jm_answer_text(jm_json_get(metadata, "RequestId"));
    }

    a->status = jm_answer_text(jm_json_get(env->data, "status"));

    jm_visual_task_id(a, env->data);
    jm_visual_urls(a, env->data);
    jm_visual_count(a, env->data);
}


/* returns whether node is the number of an answer, as one or in a string */

static unsigned
jm_visual_code(jm_answer_t *a, jm_envelope_t *env, const jm_json_t *node)
{
    jm_str_t  text;
    unsigned  exact;

    text = jm_answer_text(node);

    if (text.len == 0
        || jm_decimal(text, 0, &env->code, &exact) != JM_OK || !exact)
    {
        return 0;
    }

    env->has_code = 1;
    a->code = text;
    a->number = jm_max(env->code, -1);

    return 1;
}


static void
jm_visual_task_id(jm_answer_t *a, const jm_json_t *data)
{
    size_t    i;
    uint8_t   c;
    jm_str_t  id;

    id = jm_answer_text(jm_json_get(data, "task_id"));

    if (id.len > JM_VISUAL_TASK_ID) {
        return;
    }

    for (i = 0; i < id.len; i++) {
        c = id.data[i];

        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')
              || (c >= 'A' && c <= 'Z') || c == '-' || c == '_'))
        {
            return;
        }
    }

    a->task_id = id;
}


static void
jm_visual_urls(jm_answer_t *a, const jm_json_t *data)
{
    const jm_json_t  *list, *node;

    list = jm_json_get(data, "image_urls");

    if (list == NULL || list->type != JM_JSON_ARRAY) {
        return;
    }

    for (node = list->child; node != NULL; node = node->next) {

        if (a->nurls == JM_VISUAL_PICTURES) {
            return;
        }

        if (node->type == JM_JSON_STRING && jm_answer_is_url(node->text)) {
            a->indexes[a->nurls] = a->nurls;
            a->urls[a->nurls++] = node->text;
        }
    }
}


static void
jm_visual_count(jm_answer_t *a, const jm_json_t *data)
{
    const jm_json_t  *list, *node;

    list = jm_json_get(data, "binary_data_base64");

    if (list == NULL || list->type != JM_JSON_ARRAY) {
        return;
    }

    for (node = list->child; node != NULL; node = node->next) {

        if (node->type == JM_JSON_STRING) {
            a->ndata++;
        }
    }
}


static void
jm_visual_submitted(jm_answer_t *a, const jm_envelope_t *env)
{
    unsigned  success;

    success = env->has_code && env->code == JM_CODE_SUCCESS;

    if (success && a->task_id.len != 0) {
        a->event = JM_EVENT_ACCEPTED;
        return;
    }

    /* an id beside an error, or none: there may be a task all the same */

    if (success || a->task_id.len != 0) {
        jm_answer_fail(a, JM_CAUSE_OUTCOME_UNKNOWN);
        a->error.upstream_code = env->code;
        return;
    }

    if (!env->has_code) {
        jm_visual_unaccepted(a, env);
        return;
    }

    if (env->code == 50429 || env->code == 50430) {
        a->event = JM_EVENT_BUSY;
        return;
    }

    a->event = JM_EVENT_FAILED;
    jm_error_upstream(&a->error, env->code);
}


/* a submit that the service itself did not answer */

static void
jm_visual_unaccepted(jm_answer_t *a, const jm_envelope_t *env)
{
    const jm_gateway_t  *row;

    row = jm_visual_gateway(env->gateway);

    if (row != NULL) {

        if (row->event == JM_EVENT_FAILED) {
            jm_answer_fail(a, row->cause);

        } else {
            a->event = row->event;
        }

        return;
    }

    if (env->http == 429) {
        a->event = JM_EVENT_BUSY;

    } else if (jm_visual_no_access(env)) {
        jm_answer_fail(a, JM_CAUSE_UPSTREAM_AUTH);

    } else if (env->http >= 400 && env->http < 500
               && env->http != 408 && env->http != 499)
    {
        /* with 408 and 499 somebody on the way just lost patience */

        jm_answer_fail(a, JM_CAUSE_UPSTREAM);

    } else {
        jm_answer_fail(a, JM_CAUSE_OUTCOME_UNKNOWN);
    }
}


/* the gateway refused the keys, the signature or the account */

static unsigned
jm_visual_no_access(const jm_envelope_t *env)
{
    const jm_gateway_t  *row;

    row = jm_visual_gateway(env->gateway);

    if (row != NULL) {
        return row->cause == JM_CAUSE_UPSTREAM_AUTH;
    }

    return env->http == 401 || env->http == 403;
}


static const jm_gateway_t *
jm_visual_gateway(jm_str_t name)
{
    jm_gateway_e  error;

    error = jm_gateway(name);

    return (error == JM_GATEWAY_NONE) ? NULL : &jm_gateway_errors[error];
}


static void
jm_visual_queried(jm_answer_t *a, const jm_envelope_t *env,
    jm_visual_call_e call)
{
    size_t    pictures;
    unsigned  done;

    if (!env->has_code) {
        a->event = JM_EVENT_TROUBLE;

        if (jm_visual_no_access(env)) {
            jm_error_set(&a->error, JM_CAUSE_UPSTREAM_AUTH, NULL, NULL);
        }

        return;
    }

    done = jm_str_eq(&a->status, "done");

    if (env->code != JM_CODE_SUCCESS) {

        if (!done && jm_visual_is_busy(env->code)) {
            a->event = JM_EVENT_TROUBLE;
            return;
        }

        jm_visual_ended(a, env->code);

        if (!done && jm_visual_is_internal(env->code)) {
            a->event = JM_EVENT_TROUBLE;
            a->internal = 1;
        }

        return;
    }

    if (done) {
        pictures = call == JM_VISUAL_RESULT ? a->ndata : a->nurls;
        a->event = pictures != 0 ? JM_EVENT_DONE : JM_EVENT_TROUBLE;
        return;
    }

    jm_visual_state(a);
}


static void
jm_visual_ended(jm_answer_t *a, int64_t code)
{
    a->event = JM_EVENT_FAILED;
    jm_error_upstream(&a->error, code);

    /* "busy" invites to send the request again: this one had a task */

    if (a->error.cause == JM_CAUSE_UPSTREAM_RATE_LIMITED) {
        jm_error_set(&a->error, JM_CAUSE_UPSTREAM, NULL, NULL);
        a->error.upstream_code = code;
    }

    /* The task was taken: what it cost is not known, a retry costs more. */

    if (a->error.cause == JM_CAUSE_UPSTREAM) {
        a->error.no_retry = 1;
    }

    if (a->error.transient) {
        a->event = JM_EVENT_TRANSIENT;
    }
}


/* the state of a task that is not done */

static void
jm_visual_state(jm_answer_t *a)
{
    if (a->status.len == 0) {
        a->event = JM_EVENT_TROUBLE;
        return;
    }

    if (jm_str_eq(&a->status, "not_found")
        || jm_str_eq(&a->status, "expired"))
    {
        a->event = JM_EVENT_FAILED;
        a->lost = 1;

        jm_error_set(&a->error, JM_CAUSE_UPSTREAM, NULL,
                     "The image provider no longer knows the task; the "
                     "picture may have been made and billed, so sending the "
                     "request again may be billed again.");

        a->error.no_retry = 1;
        return;
    }

    a->event = JM_EVENT_PENDING;

    a->strange = !jm_str_eq(&a->status, "in_queue")
                 && !jm_str_eq(&a->status, "generating");
}


/* codes that speak of the query rather than of the task */

static unsigned
jm_visual_is_busy(int64_t code)
{
    return code == 50429 || code == 50430;
}


/* codes that may speak of either */

static unsigned
jm_visual_is_internal(int64_t code)
{
    return code == 50500 || code == 50501;
}


/* an exchange that was sent and has no answer */

static void
jm_visual_lost(jm_answer_t *a, jm_visual_call_e call)
{
    if (call == JM_VISUAL_SUBMIT) {
        jm_answer_fail(a, JM_CAUSE_OUTCOME_UNKNOWN);

    } else {
        a->event = JM_EVENT_TROUBLE;
    }
}
