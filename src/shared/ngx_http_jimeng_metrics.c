
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng.h"


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
    ngx_http_jimeng_ctx_t       *ctx;
    ngx_http_jimeng_zone_t      *zone;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);

    if (jlcf->pass.data == NULL || r != r->main) {
        return NGX_OK;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_jimeng_module);

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

    if (ctx && ctx->job && ctx->job->gone && !ctx->job->answered) {
        return JM_CAUSE_CLIENT_LEFT;
    }

    status = r->headers_out.status;

    if (status == 0) {
        return JM_CAUSE_CLIENT_LEFT;
    }

    return (status < NGX_HTTP_BAD_REQUEST)
           ? JM_CAUSE_NONE : jm_cause_of_status((unsigned) status);
}


void
ngx_http_jimeng_metrics_told(ngx_http_request_t *r, jm_cause_e cause)
{
    ngx_http_jimeng_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_jimeng_module);

    if (ctx) {
        ctx->cause = cause;
    }
}


void
ngx_http_jimeng_metrics_admitted(ngx_http_jimeng_task_t *task,
    ngx_msec_t waited)
{
    ngx_http_jimeng_zone_t  *zone;

    zone = ngx_http_jimeng_zone_get(task->job->request);

    if (zone) {
        ngx_http_jimeng_zone_lock(zone);

        jm_metrics_observe(&zone->metrics, JM_HISTOGRAM_QUEUE, waited);

        ngx_http_jimeng_zone_unlock(zone);
    }
}


void
ngx_http_jimeng_metrics_exchange(ngx_http_jimeng_task_t *task,
    jm_visual_call_e call, jm_answer_t *answer, ngx_msec_t time)
{
    ngx_http_jimeng_zone_t  *zone;

    zone = ngx_http_jimeng_zone_get(task->job->request);

    if (zone) {
        ngx_http_jimeng_zone_lock(zone);

        jm_metrics_observe(&zone->metrics, JM_HISTOGRAM_SUBMIT + call, time);
        jm_metrics_code(&zone->metrics, jm_answer_code(answer));

        ngx_http_jimeng_zone_unlock(zone);
    }
}


/* a task that several requests follow is the one's that submitted it */

void
ngx_http_jimeng_metrics_over(ngx_http_jimeng_task_t *task)
{
    jm_str_t                 account;
    ngx_http_jimeng_job_t   *job;
    ngx_http_jimeng_zone_t  *zone;

    if (!task->own) {
        return;
    }

    job = task->job;

    ngx_http_jimeng_str(&account, &job->account->name);

    zone = ngx_http_jimeng_zone_get(job->request);
    if (zone == NULL) {
        return;
    }

    ngx_http_jimeng_zone_lock(zone);

    jm_metrics_task(&zone->metrics, account,
                    task->part.error ? task->part.error->cause
                                     : JM_CAUSE_NONE);

    if (task->id.len) {
        jm_metrics_observe(&zone->metrics, JM_HISTOGRAM_QUERIES,
                           task->task.polls);
    }

    if (task->part.error == NULL) {
        jm_metrics_observe(&zone->metrics, JM_HISTOGRAM_TASK,
                           task->over - task->accepted);
    }

    ngx_http_jimeng_zone_unlock(zone);
}


/* what the upstream made, when a request is the first to see it */

void
ngx_http_jimeng_metrics_images(ngx_http_jimeng_task_t *task, ngx_uint_t n)
{
    jm_str_t                 client;
    ngx_http_request_t      *r;
    ngx_http_jimeng_zone_t  *zone;

    if (task->job->order.ids) {
        return;
    }

    r = task->job->request;

    ngx_http_jimeng_owner(r, &client);

    zone = ngx_http_jimeng_zone_get(r);

    if (zone) {
        ngx_http_jimeng_zone_lock(zone);

        jm_metrics_images(&zone->metrics, client, n);

        ngx_http_jimeng_zone_unlock(zone);
    }
}


ngx_int_t
ngx_http_jimeng_metrics_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt          *h;
    ngx_http_core_main_conf_t    *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_LOG_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_jimeng_metrics_handler;

    return NGX_OK;
}
