
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * A job is made, found by its request, and goes with it.
 */


#include "ngx_http_jimeng_job.h"


static void ngx_http_jimeng_job_task_limits(ngx_http_request_t *r,
    ngx_http_jimeng_order_t *order, jm_task_limits_t *limits);
static void ngx_http_jimeng_job_torn(void *data);
static void ngx_http_jimeng_job_cleanup(void *data);


/* NULL: no memory */

ngx_http_jimeng_job_t *
ngx_http_jimeng_job_create(ngx_http_request_t *r,
    ngx_http_jimeng_order_t *order)
{
    ngx_uint_t                   i;
    jm_task_limits_t             limits;
    ngx_pool_cleanup_t          *cln;
    ngx_http_cleanup_t          *torn;
    ngx_http_jimeng_job_t       *job;
    ngx_http_jimeng_task_t      *task;
    ngx_http_jimeng_watch_t     *watch;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    task = ngx_pcalloc(r->pool, order->n * sizeof(ngx_http_jimeng_task_t));
    watch = ngx_pcalloc(r->pool, sizeof(ngx_http_jimeng_watch_t));

    if (task == NULL || watch == NULL) {
        return NULL;
    }

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_jimeng_job_t));
    torn = ngx_http_cleanup_add(r, 0);

    if (cln == NULL || torn == NULL) {
        return NULL;
    }

    job = cln->data;
    ngx_memzero(job, sizeof(ngx_http_jimeng_job_t));

    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);

    job->request = r;
    job->tasks = task;
    job->ident = (ngx_socket_t) -1;
    job->watch = watch;
    job->account = order->account
                   ? order->account
                   : ngx_http_jimeng_account_of(jlcf->accounts,
                                                order->provider);
    job->order = *order;
    job->unfinished = order->n;

    if (order->ids == NULL) {
        job->order.created = ngx_time();
    }

    ngx_http_jimeng_job_task_limits(r, order, &limits);

    for (i = 0; i < order->n; i++) {

        if (ngx_http_jimeng_task_init(&task[i], job, &limits) != NGX_OK) {
            return NULL;
        }
    }

    if ((order->stream || order->data_json.len)
        && ngx_http_jimeng_deliver_create(job) != NGX_OK)
    {
        return NULL;
    }

    cln->handler = ngx_http_jimeng_job_cleanup;

    torn->handler = ngx_http_jimeng_job_torn;
    torn->data = job;

    return job;
}


static void
ngx_http_jimeng_job_task_limits(ngx_http_request_t *r,
    ngx_http_jimeng_order_t *order, jm_task_limits_t *limits)
{
    uint64_t                     elapsed;
    ngx_time_t                  *tp;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);

    /* jimeng_timeout counts from the request's start, not the job's */

    tp = ngx_timeofday();
    elapsed = ngx_max(0, (tp->sec - r->start_sec) * 1000
                         + (ngx_msec_int_t) (tp->msec - r->start_msec));

    limits->timeout = jlcf->timeout - ngx_min(jlcf->timeout, elapsed);
    limits->interval = ngx_http_jimeng_poll_fixed(jlcf);
    limits->attempts = JM_TASK_UNLIMITED;
    limits->retries = order->retries;

    limits->queue = (jlcf->account->limits.concurrency != 0);
    limits->single = (order->provider == JM_PROVIDER_ARK);

    /* asking for a task by its id is not limited by jimeng_poll_attempts */

    if (order->ids) {
        limits->timeout = ngx_min(limits->timeout, order->wait);

    } else if (jlcf->poll_attempts) {
        limits->attempts = (uint32_t) ngx_min(jlcf->poll_attempts,
                                              JM_TASK_UNLIMITED);
    }
}


/*
 * The request's last job, or NULL.  A filter that refuses a reply, an
 * error_page and a post_action have every module's context cleared; then the
 * job is found by its cleanup.
 */

ngx_http_jimeng_job_t *
ngx_http_jimeng_job_of(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t     *cln;
    ngx_http_jimeng_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_jimeng_module);

    if (ctx && ctx->job) {
        return ctx->job;
    }

    for (cln = r->pool->cleanup; cln; cln = cln->next) {

        if (cln->handler == ngx_http_jimeng_job_cleanup) {
            return cln->data;
        }
    }

    return NULL;
}


/*
 * nginx ends the request, and frees it as soon as nothing blocks it: a last
 * answer may still be waited for.
 */

static void
ngx_http_jimeng_job_torn(void *data)
{
    ngx_http_jimeng_job_t *job = data;

    ngx_uint_t               i;
    ngx_http_jimeng_task_t  *task;

    job->ending = 1;

    ngx_http_jimeng_deliver_quiet(job);
    ngx_http_jimeng_taken_stop(job);

    if (job->watch->closing.timer_set) {
        ngx_del_timer(&job->watch->closing);
    }

    for (i = 0; i < job->order.n; i++) {
        task = &job->tasks[i];

        if (task->timer.timer_set) {
            ngx_del_timer(&task->timer);
        }

        if (task->exchange && task->exchange->delay.timer_set) {
            ngx_del_timer(&task->exchange->delay);
        }

        ngx_http_jimeng_slot_stop(&task->slot);
    }
}


static void
ngx_http_jimeng_job_cleanup(void *data)
{
    ngx_http_jimeng_job_t *job = data;

    ngx_uint_t  i;

    ngx_http_jimeng_deliver_destroy(job);
    ngx_http_jimeng_taken_stop(job);

    if (job->watch->fetched) {
        ngx_http_jimeng_taken_sent(job);
    }

    if (job->watch->closing.timer_set) {
        ngx_del_timer(&job->watch->closing);
    }

    ngx_http_jimeng_orphan_drop(job->orphan);

    for (i = 0; i < job->order.n; i++) {
        ngx_http_jimeng_task_drop(&job->tasks[i]);
    }
}
