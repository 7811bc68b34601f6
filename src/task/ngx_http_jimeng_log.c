
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_task.h"


/* bytes of the upstream's texts in a line of the log */

#define NGX_HTTP_JIMENG_TEXT_MAX  200

/* bytes of its request id in the access log */

#define NGX_HTTP_JIMENG_ID_MAX    128

/* and of its name of an error, of which the variable has as many */

#define NGX_HTTP_JIMENG_CODE_MAX  JM_VISUAL_TASK_ID


static void ngx_http_jimeng_log_keep(ngx_http_jimeng_task_t *task,
    ngx_str_t *dst, size_t max, jm_str_t text);
static ngx_uint_t ngx_http_jimeng_log_level(ngx_http_jimeng_task_t *task,
    jm_answer_t *answer);
static void ngx_http_jimeng_log_text(ngx_str_t *dst, u_char *text,
    jm_str_t src);


/* logs an answer that is not as it should be, and keeps any one's id */

void
ngx_http_jimeng_log_answer(ngx_http_jimeng_task_t *task, jm_answer_t *answer)
{
    u_char       code[NGX_HTTP_JIMENG_TEXT_MAX];
    u_char       text[NGX_HTTP_JIMENG_TEXT_MAX];
    u_char       request_id[NGX_HTTP_JIMENG_TEXT_MAX];
    ngx_str_t    c, t, id;
    ngx_uint_t   level;
    const char  *what;

    ngx_http_jimeng_log_keep(task, &task->request_id, NGX_HTTP_JIMENG_ID_MAX,
                             answer->request_id);

    if (task->task.limits.single) {
        ngx_http_jimeng_log_keep(task, &task->code_name,
                                 NGX_HTTP_JIMENG_CODE_MAX, answer->code);
    }

    switch (answer->event) {

    case JM_EVENT_TRANSIENT:
    case JM_EVENT_FAILED:
        what = (answer->error.cause == JM_CAUSE_OUTCOME_UNKNOWN)
               ? "was submitted and not answered, it is not submitted again"
               : "failed";
        break;

    case JM_EVENT_BUSY:
        what = "was refused for load";
        break;

    case JM_EVENT_DENIED:
        what = "goes to another account";
        break;

    case JM_EVENT_UNSENT:
        what = "could not be submitted, the service was not reached";
        break;

    case JM_EVENT_TROUBLE:
        what = "was asked for and not answered";
        break;

    default:

        if (answer->cut) {
            what = "broke off: what came of it is handed on, and more may have "
                   "been billed";
            break;
        }

        if (!answer->strange || task->strange_logged) {
            return;
        }

        what = "is in an undocumented state";
    }

    level = ngx_http_jimeng_log_level(task, answer);

    ngx_http_jimeng_log_text(&c, code, answer->code);
    ngx_http_jimeng_log_text(&t, text, answer->strange ? answer->status
                                                       : answer->message);
    ngx_http_jimeng_log_text(&id, request_id, answer->request_id);

    /* the gateway's text on a refused signature may hold what was signed */

    if (answer->error.cause == JM_CAUSE_UPSTREAM_AUTH) {
        ngx_str_set(&t, "check the keys, the clock, that the service is "
                        "opened for the account, and that the proxied Host "
                        "is its \"host\"");
    }

    ngx_log_error(level, task->log, 0,
                  "jimeng: task \"%V\" of account \"%V\" %s, "
                  "upstream code: \"%V\", text: \"%V\", request id: \"%V\"",
                  &task->id, &task->job->account->name, what, &c, &t, &id);
}


/*
 * For the access log, which machines read: what comes from elsewhere is made
 * printable.  Of a task that is followed the client was told before.
 */

static void
ngx_http_jimeng_log_keep(ngx_http_jimeng_task_t *task, ngx_str_t *dst,
    size_t max, jm_str_t text)
{
    size_t  i;

    if (text.len == 0 || task->follows) {
        return;
    }

    if (dst->data == NULL) {
        dst->data = ngx_pnalloc(task->job->request->pool, max);
        if (dst->data == NULL) {
            return;
        }
    }

    dst->len = ngx_min(text.len, max);

    for (i = 0; i < dst->len; i++) {
        dst->data[i] = (text.data[i] < ' ' || text.data[i] > '~')
                       ? '?' : text.data[i];
    }
}


/*
 * The one line about an account that is set aside.  The gateway's own refusals
 * have names for numbers, and these tell a wrong key from a wrong clock.
 */

void
ngx_http_jimeng_log_denied(ngx_http_jimeng_task_t *task)
{
    u_char        code[NGX_HTTP_JIMENG_TEXT_MAX];
    u_char        request_id[NGX_HTTP_JIMENG_TEXT_MAX];
    ngx_str_t     c, id, req_key;
    ngx_uint_t    model_only;
    jm_answer_t  *answer;

    ngx_str_null(&req_key);

    answer = &task->answered->result;
    model_only = (task->slot.refusal.why == JM_REFUSED_MODEL);

    if (model_only) {
        req_key = task->job->order.req_key;
    }

    ngx_http_jimeng_log_text(&c, code, answer->code);
    ngx_http_jimeng_log_text(&id, request_id, answer->request_id);

    ngx_log_error(NGX_LOG_ERR, task->log, 0,
                  "jimeng: account \"%V\" was refused access%s%V and is set "
                  "aside for a while, check its keys, the clock, that the "
                  "service is opened for it, and that the proxied Host is its "
                  "\"host\", upstream code: \"%V\", request id: \"%V\"",
                  &task->job->account->name, model_only ? " to " : "",
                  &req_key, &c, &id);
}


/* a request that the client should not have made is no error of the server */

static ngx_uint_t
ngx_http_jimeng_log_level(ngx_http_jimeng_task_t *task, jm_answer_t *answer)
{
    if (answer->error.cause == JM_CAUSE_UPSTREAM_AUTH && task->denied_logged) {
        return NGX_LOG_INFO;
    }

    if (answer->cut) {
        return NGX_LOG_ERR;
    }

    if (answer->event != JM_EVENT_FAILED
        && answer->event != JM_EVENT_TRANSIENT)
    {
        return NGX_LOG_WARN;
    }

    switch (answer->error.cause) {

    case JM_CAUSE_CONTENT_POLICY:
    case JM_CAUSE_MODERATION:
    case JM_CAUSE_INVALID_REQUEST:
    case JM_CAUSE_TASK_NOT_FOUND:
        return NGX_LOG_INFO;

    default:
        return NGX_LOG_ERR;
    }
}


static void
ngx_http_jimeng_log_text(ngx_str_t *dst, u_char *text, jm_str_t src)
{
    size_t  i;

    src = jm_utf8_prefix(src, NGX_HTTP_JIMENG_TEXT_MAX);

    for (i = 0; i < src.len; i++) {
        text[i] = (src.data[i] < ' ' || src.data[i] == 0x7f) ? '?'
                                                              : src.data[i];
    }

    dst->len = src.len;
    dst->data = text;
}
