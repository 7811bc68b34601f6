
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_zone.h"


static ngx_int_t ngx_http_jimeng_metrics_handler(ngx_http_request_t *r);
static jm_cause_e ngx_http_jimeng_metrics_result(ngx_http_request_t *r,
    ngx_http_jimeng_ctx_t *ctx);


/*
 * A request is counted when it is over, which an async one's job may delay.
 * Only names of a file of keys tell clients apart: what one sends may be
 * anything.
 */

static ngx_int_t
ngx_http_jimeng_metrics_handler(ngx_http_request_t *r)
{
    jm_str_t                     client, model;
    jm_cause_e                   cause;
    ngx_http_jimeng_zone_t      *zone;
    ngx_http_jimeng_ctx_t       *ctx;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);

    if (jlcf->uri.data == NULL || r != r->main) {
        return NGX_OK;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_jimeng_module);

    if (ctx && ctx->unasked) {
        return NGX_OK;
    }

    model.len = ctx ? ctx->model.len : 0;
    model.data = ctx ? ctx->model.data : NULL;

    ngx_http_jimeng_owner(r, &client);
    cause = ngx_http_jimeng_metrics_result(r, ctx);

    zone = ngx_http_jimeng_zone_get(r);

    if (zone) {
        ngx_http_jimeng_zone_lock(zone);

        jm_metrics_request(&zone->metrics, client, model, cause);

        ngx_http_jimeng_zone_unlock(zone);
    }

    return NGX_OK;
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
 * An exchange took time ms, and brought this answer.  What is refused of
 * submits the queue counts itself, see jm_queue_denied().
 */

void
ngx_http_jimeng_metrics_exchange(ngx_http_request_t *r,
    ngx_http_jimeng_account_t *account, jm_visual_call_e call,
    const jm_answer_t *answer, ngx_msec_t time)
{
    jm_state_t              *state;
    ngx_http_jimeng_zone_t  *zone;

    zone = ngx_http_jimeng_zone_get(r);

    if (zone) {
        state = ngx_http_jimeng_zone_lock(zone);

        jm_metrics_observe(&zone->metrics, JM_HISTOGRAM_SUBMIT + call, time);
        jm_metrics_code(&zone->metrics, answer->number);

        if (call != JM_VISUAL_SUBMIT
            && answer->error.cause == JM_CAUSE_UPSTREAM_AUTH)
        {
            jm_queue_query_denied(&state->queue, account->queue_number);
        }

        ngx_http_jimeng_zone_unlock(zone);
    }
}


/*
 * A task is over: cause is why it has failed, polls how often it was asked for
 * or NGX_ERROR if it was never accepted, time how long a good one took.
 */

void
ngx_http_jimeng_metrics_over(ngx_http_request_t *r, ngx_str_t *account,
    jm_cause_e cause, ngx_int_t polls, ngx_msec_t time)
{
    jm_str_t                 name;
    ngx_http_jimeng_zone_t  *zone;

    ngx_http_jimeng_str(&name, account);

    zone = ngx_http_jimeng_zone_get(r);
    if (zone == NULL) {
        return;
    }

    ngx_http_jimeng_zone_lock(zone);

    jm_metrics_task(&zone->metrics, name, cause);

    if (polls != NGX_ERROR) {
        jm_metrics_observe(&zone->metrics, JM_HISTOGRAM_QUERIES,
                           (uint64_t) polls);
    }

    if (cause == JM_CAUSE_NONE) {
        jm_metrics_observe(&zone->metrics, JM_HISTOGRAM_TASK, time);
    }

    ngx_http_jimeng_zone_unlock(zone);
}


/* a submit was taken, time ms after its task began to wait for a slot */

void
ngx_http_jimeng_metrics_queue(ngx_http_request_t *r, ngx_msec_t time)
{
    ngx_http_jimeng_zone_t  *zone;

    zone = ngx_http_jimeng_zone_get(r);

    ngx_http_jimeng_zone_lock(zone);

    jm_metrics_observe(&zone->metrics, JM_HISTOGRAM_QUEUE, time);

    ngx_http_jimeng_zone_unlock(zone);
}


/* pictures that the upstream made, counted once: see jm_op_over_t */

void
ngx_http_jimeng_metrics_images(ngx_http_request_t *r, jm_str_t client,
    ngx_str_t *model, ngx_str_t *account, const jm_bill_t *bill)
{
    ngx_http_jimeng_zone_t  *zone;

    zone = ngx_http_jimeng_zone_get(r);

    if (zone == NULL) {
        return;
    }

    ngx_http_jimeng_zone_lock(zone);

    jm_metrics_images(&zone->metrics, client, bill->images);

    ngx_http_jimeng_zone_unlock(zone);
}


ngx_int_t
ngx_http_jimeng_metrics_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_LOG_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_jimeng_metrics_handler;

    return NGX_OK;
}
