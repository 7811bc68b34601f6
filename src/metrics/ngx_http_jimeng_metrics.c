
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_metrics.h"

#include "jm_metrics_tally.h"


static void ngx_http_jimeng_metrics_request(ngx_http_request_t *r,
    ngx_http_jimeng_ctx_t *ctx, ngx_http_jimeng_zone_t *zone);
static jm_cause_e ngx_http_jimeng_metrics_result(ngx_http_request_t *r,
    ngx_http_jimeng_ctx_t *ctx);
static void ngx_http_jimeng_metrics_call(ngx_http_jimeng_zone_t *zone,
    jm_str_t model, ngx_http_jimeng_account_t *account, jm_visual_call_e call,
    const jm_answer_t *answer, ngx_msec_t time);
static ngx_http_jimeng_zone_t *ngx_http_jimeng_metrics_of(
    ngx_http_request_t *r, jm_str_t *model);
static jm_tally_e ngx_http_jimeng_metrics_outcome(const jm_answer_t *answer);


/*
 * A request is counted when it is over, which an async one's job may delay.
 * Only names of a file of keys tell clients apart: what one sends may be
 * anything.
 */

ngx_int_t
ngx_http_jimeng_metrics_handler(ngx_http_request_t *r)
{
    ngx_http_jimeng_zone_t      *zone;
    ngx_http_jimeng_ctx_t       *ctx;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);

    if (jlcf->uri.data == NULL || r != r->main) {
        return NGX_OK;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_jimeng_module);
    zone = ngx_http_jimeng_zone_get(r);

    if (zone && (ctx == NULL || !ctx->unasked)) {
        ngx_http_jimeng_metrics_request(r, ctx, zone);
    }

    return NGX_OK;
}


/* how long it took is counted of those that had a task */

static void
ngx_http_jimeng_metrics_request(ngx_http_request_t *r,
    ngx_http_jimeng_ctx_t *ctx, ngx_http_jimeng_zone_t *zone)
{
    jm_str_t         client, model, account, none = jm_null_string;
    jm_cause_e       cause;
    ngx_time_t      *tp;
    ngx_msec_int_t   ms;

    ngx_http_jimeng_owner(r, &client);
    cause = ngx_http_jimeng_metrics_result(r, ctx);

    if (ctx == NULL) {
        ngx_http_jimeng_zone_lock(zone);

        jm_metrics_request(&zone->metrics, client, none, cause);

        ngx_http_jimeng_zone_unlock(zone);
        return;
    }

    tp = ngx_timeofday();
    ms = (ngx_msec_int_t) ((tp->sec - r->start_sec) * 1000
                           + (tp->msec - r->start_msec));

    ngx_http_jimeng_str(&model, &ctx->model);
    ngx_http_jimeng_str(&account, &ctx->account);

    ngx_http_jimeng_zone_lock(zone);

    jm_metrics_request(&zone->metrics, client, model, cause);

    if (account.len) {
        jm_metrics_observe(&zone->metrics, JM_HISTOGRAM_REQUEST, model, account,
                           (uint64_t) ngx_max(ms, 0));
    }

    if (ctx->entered != JM_ENTERED_NOT) {
        jm_metrics_entered(&zone->metrics, ctx->mark, ctx->entered);
    }

    ngx_http_jimeng_zone_unlock(zone);
}


/* what the client was told, whatever became of its tasks later on */

static jm_cause_e
ngx_http_jimeng_metrics_result(ngx_http_request_t *r,
    ngx_http_jimeng_ctx_t *ctx)
{
    ngx_uint_t  status;

    if (ctx && ctx->cause != JM_CAUSE_NONE) {
        return ctx->cause;
    }

    status = r->headers_out.status;

    if (status == 0) {
        return JM_CAUSE_CLIENT_LEFT;
    }

    return (status < NGX_HTTP_BAD_REQUEST)
           ? JM_CAUSE_NONE : jm_cause_of_status((unsigned) status);
}


/*
 * An exchange of one of the request's own tasks took time ms, and brought this
 * answer.
 */

void
ngx_http_jimeng_metrics_exchange(ngx_http_request_t *r,
    ngx_http_jimeng_account_t *account, jm_visual_call_e call,
    const jm_answer_t *answer, ngx_msec_t time)
{
    jm_str_t                 model;
    ngx_http_jimeng_ctx_t   *ctx;
    ngx_http_jimeng_zone_t  *zone;

    zone = ngx_http_jimeng_zone_get(r);
    ctx = ngx_http_get_module_ctx(r, ngx_http_jimeng_module);

    if (zone && ctx) {
        ctx->account = account->name;
        ngx_http_jimeng_str(&model, &ctx->model);

        ngx_http_jimeng_metrics_call(zone, model, account, call, answer, time);
    }
}


/* a query for a task that nobody follows */

void
ngx_http_jimeng_metrics_orphan(ngx_http_request_t *r, jm_str_t model,
    ngx_http_jimeng_account_t *account, const jm_answer_t *answer,
    ngx_msec_t time)
{
    ngx_http_jimeng_zone_t  *zone;

    zone = ngx_http_jimeng_zone_get(r);

    if (zone) {
        ngx_http_jimeng_metrics_call(zone, model, account, JM_VISUAL_QUERY,
                                     answer, time);
    }
}


/* what is refused of submits the queue counts as well: jm_queue_denied() */

static void
ngx_http_jimeng_metrics_call(ngx_http_jimeng_zone_t *zone, jm_str_t model,
    ngx_http_jimeng_account_t *account, jm_visual_call_e call,
    const jm_answer_t *answer, ngx_msec_t time)
{
    jm_str_t       name;
    jm_metrics_t  *m;

    ngx_http_jimeng_str(&name, &account->name);
    m = &zone->metrics;

    ngx_http_jimeng_zone_lock(zone);

    jm_metrics_observe(m, JM_HISTOGRAM_SUBMIT + call, model, name, time);
    jm_metrics_code(m, name, answer->number, answer->code);

    if (call == JM_VISUAL_SUBMIT) {
        jm_metrics_tally(m, name, ngx_http_jimeng_metrics_outcome(answer));
    }

    ngx_http_jimeng_zone_unlock(zone);

    if (call != JM_VISUAL_SUBMIT
        && answer->error.cause == JM_CAUSE_UPSTREAM_AUTH)
    {
        zone->backend.query_denied(&zone->backend, account->queue_number);
    }
}


/* a refusal may be the task's end: see ngx_http_jimeng_admit_again() */

static jm_tally_e
ngx_http_jimeng_metrics_outcome(const jm_answer_t *answer)
{
    switch (answer->event) {

    case JM_EVENT_ACCEPTED:
    case JM_EVENT_DONE:
        return JM_TALLY_TAKEN;

    case JM_EVENT_BUSY:
        return JM_TALLY_BUSY;

    case JM_EVENT_DENIED:
        return JM_TALLY_DENIED;

    case JM_EVENT_UNSENT:
        return JM_TALLY_UNSENT;

    default: /* JM_EVENT_FAILED */
        break;
    }

    switch (answer->error.cause) {

    case JM_CAUSE_OUTCOME_UNKNOWN:
        return JM_TALLY_UNKNOWN;

    case JM_CAUSE_UPSTREAM_RATE_LIMITED:
        return JM_TALLY_BUSY;

    case JM_CAUSE_UPSTREAM_AUTH:
    case JM_CAUSE_BUSY:
        return JM_TALLY_DENIED;

    default:
        return JM_TALLY_REFUSED;
    }
}


/*
 * A task of the request is over: cause is why it has failed, polls how often it
 * was asked for or NGX_ERROR if it was never accepted, time how long a good one
 * took; left: it goes on upstream, and its worker exits.
 */

void
ngx_http_jimeng_metrics_over(ngx_http_request_t *r, ngx_str_t *account,
    jm_cause_e cause, ngx_int_t polls, ngx_msec_t time, ngx_uint_t left)
{
    jm_str_t                 name, model;
    jm_metrics_t            *m;
    ngx_http_jimeng_zone_t  *zone;

    zone = ngx_http_jimeng_metrics_of(r, &model);
    if (zone == NULL) {
        return;
    }

    ngx_http_jimeng_str(&name, account);
    m = &zone->metrics;

    ngx_http_jimeng_zone_lock(zone);

    jm_metrics_task(m, name, cause);

    if (polls != NGX_ERROR) {
        jm_metrics_observe(m, JM_HISTOGRAM_QUERIES, model, name,
                           (uint64_t) polls);
    }

    if (cause == JM_CAUSE_NONE) {
        jm_metrics_observe(m, JM_HISTOGRAM_TASK, model, name, time);
    }

    if (left) {
        jm_metrics_tally(m, name, JM_TALLY_LEFT);
    }

    ngx_http_jimeng_zone_unlock(zone);
}


/* where a request is counted, with its model, or NULL */

static ngx_http_jimeng_zone_t *
ngx_http_jimeng_metrics_of(ngx_http_request_t *r, jm_str_t *model)
{
    ngx_http_jimeng_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_jimeng_module);

    if (ctx == NULL) {
        return NULL;
    }

    ngx_http_jimeng_str(model, &ctx->model);

    return ngx_http_jimeng_zone_get(r);
}


/* a submit was taken, time ms after its task began to wait for a slot */

void
ngx_http_jimeng_metrics_queue(ngx_http_request_t *r, ngx_str_t *account,
    ngx_msec_t time)
{
    jm_str_t                 name, model;
    ngx_http_jimeng_zone_t  *zone;

    zone = ngx_http_jimeng_metrics_of(r, &model);
    if (zone == NULL) {
        return;
    }

    ngx_http_jimeng_str(&name, account);

    ngx_http_jimeng_zone_lock(zone);

    jm_metrics_observe(&zone->metrics, JM_HISTOGRAM_QUEUE, model, name, time);

    ngx_http_jimeng_zone_unlock(zone);
}


/* a task that was submitted before was submitted again */

void
ngx_http_jimeng_metrics_again(ngx_http_request_t *r, ngx_str_t *account)
{
    jm_str_t                 name;
    ngx_http_jimeng_zone_t  *zone;

    zone = ngx_http_jimeng_zone_get(r);

    if (zone) {
        ngx_http_jimeng_str(&name, account);

        ngx_http_jimeng_zone_lock(zone);

        jm_metrics_tally(&zone->metrics, name, JM_TALLY_AGAIN);

        ngx_http_jimeng_zone_unlock(zone);
    }
}


/* pictures that the upstream made, counted once: see jm_op_over_t */

void
ngx_http_jimeng_metrics_images(ngx_http_request_t *r, jm_str_t client,
    ngx_str_t *model, ngx_str_t *account, const jm_bill_t *bill)
{
    jm_str_t                 key, name;
    ngx_http_jimeng_zone_t  *zone;

    zone = ngx_http_jimeng_zone_get(r);

    if (zone == NULL) {
        return;
    }

    ngx_http_jimeng_str(&key, model);
    ngx_http_jimeng_str(&name, account);

    ngx_http_jimeng_zone_lock(zone);

    jm_metrics_images(&zone->metrics, client, key, name, bill->images,
                      bill->cost);

    ngx_http_jimeng_zone_unlock(zone);
}
