
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng.h"


/*
 * Milliseconds between two looks whether the worker is to leave, and how long
 * before its time is over clients are told.
 */

#define NGX_HTTP_JIMENG_TICK     500
#define NGX_HTTP_JIMENG_CLOSING  1500


static ngx_http_jimeng_job_t *ngx_http_jimeng_job_create(
    ngx_http_request_t *r, ngx_http_jimeng_order_t *order);
static void ngx_http_jimeng_job_limits(ngx_http_request_t *r,
    ngx_http_jimeng_order_t *order, jm_task_limits_t *limits);
static void ngx_http_jimeng_job_finish(ngx_http_jimeng_job_t *job,
    ngx_int_t rc);
static void ngx_http_jimeng_job_stop(ngx_http_jimeng_job_t *job);
static void ngx_http_jimeng_job_end(ngx_http_jimeng_job_t *job);
static void ngx_http_jimeng_job_leave(ngx_http_jimeng_job_t *job);
static ngx_int_t ngx_http_jimeng_job_sent(ngx_http_jimeng_job_t *job);
static void ngx_http_jimeng_job_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_jimeng_job_write(ngx_http_jimeng_job_t *job);
static void ngx_http_jimeng_job_reading(ngx_http_request_t *r);
static void ngx_http_jimeng_job_watch(ngx_http_jimeng_job_t *job);
static void ngx_http_jimeng_job_closing(ngx_event_t *ev);
static void ngx_http_jimeng_job_cleanup(void *data);


/*
 * A job hangs on the client's request and lives until its last task is over,
 * whether the client waits or has gone: what is being paid for is followed
 * to its end.
 */

ngx_int_t
ngx_http_jimeng_job_start(ngx_http_request_t *r,
    ngx_http_jimeng_order_t *order, ngx_http_jimeng_claim_t *claim)
{
    ngx_uint_t              i;
    ngx_http_jimeng_ctx_t  *ctx;

    ctx = ngx_http_jimeng_ctx(r);

    /* cached here: while an exchange is made, the pool is another one */

    if (ctx == NULL || ngx_http_jimeng_request_id(r) == NULL) {
        return NGX_ERROR;
    }

    ctx->job = ngx_http_jimeng_job_create(r, order);
    if (ctx->job == NULL) {
        return NGX_ERROR;
    }

    ctx->job->claim = claim;
    ctx->job->hold = ctx->hold;

    r->read_event_handler = ngx_http_jimeng_job_reading;
    r->write_event_handler = ngx_http_jimeng_job_handler;

    if (ngx_handle_read_event(r->connection->read, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_http_jimeng_client_left(r)) {
        ngx_http_finalize_request(r, NGX_HTTP_CLIENT_CLOSED_REQUEST);
        return NGX_OK;
    }

    ngx_http_jimeng_client_watch(r);
    ngx_http_jimeng_job_watch(ctx->job);

    for (i = 0; i < order->n; i++) {
        ngx_http_jimeng_task_begin(&ctx->job->tasks[i]);
    }

    ngx_http_jimeng_job_step(ctx->job);

    return NGX_OK;
}


static ngx_http_jimeng_job_t *
ngx_http_jimeng_job_create(ngx_http_request_t *r,
    ngx_http_jimeng_order_t *order)
{
    ngx_uint_t                   i;
    jm_task_limits_t             limits;
    ngx_pool_cleanup_t          *cln;
    ngx_http_jimeng_job_t       *job;
    ngx_http_jimeng_task_t      *task;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    task = ngx_pcalloc(r->pool, order->n * sizeof(ngx_http_jimeng_task_t));
    if (task == NULL) {
        return NULL;
    }

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_jimeng_job_t));
    if (cln == NULL) {
        return NULL;
    }

    job = cln->data;
    ngx_memzero(job, sizeof(ngx_http_jimeng_job_t));

    cln->handler = ngx_http_jimeng_job_cleanup;

    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);

    job->request = r;
    job->account = order->account ? order->account : jlcf->account;
    job->order = *order;
    job->tasks = task;
    job->created = order->created ? order->created : ngx_time();
    job->left = order->n;

    ngx_http_jimeng_job_limits(r, order, &limits);

    for (i = 0; i < order->n; i++) {
        task[i].job = job;
        task[i].log = r->connection->log;
        task[i].ident = (ngx_socket_t) -1;

        task[i].timer.handler = ngx_http_jimeng_task_timer;
        task[i].timer.data = &task[i];
        task[i].timer.log = r->connection->log;

        jm_task_init(&task[i].task, &limits, ngx_current_msec);
    }

    if ((order->stream || order->data_json.len)
        && ngx_http_jimeng_deliver_create(job) != NGX_OK)
    {
        return NULL;
    }

    return job;
}


static void
ngx_http_jimeng_job_limits(ngx_http_request_t *r,
    ngx_http_jimeng_order_t *order, jm_task_limits_t *limits)
{
    uint64_t                     elapsed;
    ngx_time_t                  *tp;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);

    /* the client's patience began when its request did */

    tp = ngx_timeofday();
    elapsed = ngx_max(0, (tp->sec - r->start_sec) * 1000
                         + (ngx_msec_int_t) (tp->msec - r->start_msec));

    limits->timeout = jlcf->timeout - ngx_min(jlcf->timeout, elapsed);
    limits->interval = ngx_http_jimeng_schedule_fixed(jlcf);
    limits->attempts = JM_TASK_UNLIMITED;
    limits->retries = order->retries;

    limits->queue = (jlcf->account->limits.concurrency != 0);

    /* one who asks for a task does not give it up */

    if (order->ids) {
        limits->timeout = ngx_min(limits->timeout, order->wait);

    } else if (jlcf->poll_attempts) {
        limits->attempts = (uint32_t) ngx_min(jlcf->poll_attempts,
                                              JM_TASK_UNLIMITED);
    }
}


/*
 * Hands on what there is, and ends the request when that was all, and nothing
 * is to be followed any more.  The request may be gone when this returns.
 */

void
ngx_http_jimeng_job_step(ngx_http_jimeng_job_t *job)
{
    ngx_int_t     rc;
    ngx_event_t  *wev;

    rc = NGX_HTTP_CLIENT_CLOSED_REQUEST;

    /* a filter that refused the reply has answered itself: so does nginx */

    if (job->request->filter_finalize) {
        ngx_http_jimeng_job_finish(job, NGX_ERROR);
        return;
    }

    if (job->ended) {

        if (job->following == 0) {
            ngx_http_jimeng_job_end(job);
        }

        return;
    }

    /* before the reply: the client's next request may come with its end */

    if (job->left == 0 && job->following == 0) {
        ngx_http_jimeng_hold_release(job->hold);
    }

    if (!job->gone) {
        rc = ngx_http_jimeng_deliver(job);

        if (job->request->filter_finalize) {
            ngx_http_jimeng_job_finish(job, NGX_ERROR);
            return;
        }

        if (rc == NGX_DONE) {

            if (job->answered) {
                ngx_http_jimeng_taken_reply(job, NGX_OK);

                if (ngx_http_jimeng_job_sent(job) == NGX_ERROR
                    || ngx_http_jimeng_job_write(job) != NGX_OK)
                {
                    ngx_http_jimeng_job_leave(job);
                }
            }

            return;
        }

        if (rc == NGX_ERROR && job->left) {
            ngx_http_jimeng_job_leave(job);
        }
    }

    if (job->gone && job->left && job->order.ids == NULL) {
        return;
    }

    ngx_http_jimeng_taken_reply(job, rc);

    if (job->following == 0 && ngx_http_jimeng_taken(job) != NGX_AGAIN) {
        ngx_http_jimeng_job_finish(job, rc);
        return;
    }

    /* a connection that failed, and a reply that could not be made */

    if (rc != NGX_OK && rc != NGX_AGAIN && !job->gone) {
        ngx_http_jimeng_job_finish(job, rc);
        return;
    }

    job->ended = 1;

    /* nothing comes after the end, which has all of its time yet */

    if (job->delivery && job->delivery->heartbeat.timer_set) {
        ngx_del_timer(&job->delivery->heartbeat);
    }

    wev = job->request->connection->write;

    if (wev->timer_set && !wev->delayed) {
        ngx_del_timer(wev);
    }

    if (ngx_http_jimeng_job_write(job) != NGX_OK) {
        ngx_http_jimeng_job_left(job);
    }
}


/* the reply is on its way, or was taken; NGX_ERROR: its connection broke */

static ngx_int_t
ngx_http_jimeng_job_sent(ngx_http_jimeng_job_t *job)
{
    ngx_int_t  rc;

    rc = ngx_http_jimeng_taken(job);

    if (rc == NGX_OK) {
        ngx_http_jimeng_ledger_sent(job->claim);
    }

    return rc;
}


/* the reply was made, and nothing is followed any more */

static void
ngx_http_jimeng_job_end(ngx_http_jimeng_job_t *job)
{
    ngx_int_t  rc;

    rc = ngx_http_jimeng_taken(job);

    if (rc == NGX_AGAIN) {
        return;
    }

    if (rc == NGX_ERROR) {
        ngx_http_jimeng_job_leave(job);
    }

    ngx_http_jimeng_job_finish(job, job->gone ? NGX_HTTP_CLIENT_CLOSED_REQUEST
                                              : NGX_OK);
}


static void
ngx_http_jimeng_job_finish(ngx_http_jimeng_job_t *job, ngx_int_t rc)
{
    ngx_http_request_t  *r;

    r = job->request;

    ngx_http_jimeng_deliver_stop(job);
    ngx_http_jimeng_taken_stop(job);
    ngx_http_jimeng_job_stop(job);

    if (job->closing.timer_set) {
        ngx_del_timer(&job->closing);
    }

    ngx_http_jimeng_client_unwatch(r);

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    ngx_http_finalize_request(r, rc);
}


/*
 * An error_page leads to another location, whose configuration is not ours,
 * and clears the context.  A task that is not over does no more; its slot goes
 * with the request.
 */

static void
ngx_http_jimeng_job_stop(ngx_http_jimeng_job_t *job)
{
    ngx_uint_t               i;
    ngx_http_jimeng_task_t  *task;

    for (i = 0; i < job->order.n; i++) {
        task = &job->tasks[i];

        if (task->timer.timer_set) {
            ngx_del_timer(&task->timer);
        }

        if (task->exchange
            && ngx_http_jimeng_exchange_cancel(task->exchange) == NGX_OK)
        {
            ngx_http_jimeng_exchange_destroy(task->exchange);
            task->exchange = NULL;
        }
    }
}


/* the ledger knows the account of a request, which may have several */

ngx_int_t
ngx_http_jimeng_job_bind(ngx_http_jimeng_job_t *job, ngx_uint_t number)
{
    ngx_http_jimeng_account_t    *account;
    ngx_http_jimeng_main_conf_t  *jmcf;

    jmcf = ngx_http_get_module_main_conf(job->request, ngx_http_jimeng_module);

    account = ngx_http_jimeng_account_numbered(jmcf, number);

    if (account == NULL) {
        ngx_log_error(NGX_LOG_ERR, job->request->connection->log, 0,
                      "jimeng: a request came again whose account is not "
                      "configured any more");
        return NGX_DECLINED;
    }

    job->account = account;
    job->bound = 1;

    return NGX_OK;
}


/* the request may be gone when this returns */

void
ngx_http_jimeng_job_left(ngx_http_jimeng_job_t *job)
{
    ngx_http_jimeng_job_leave(job);
    ngx_http_jimeng_job_step(job);
}


/* nobody waits for the reply any more, or it broke off */

static void
ngx_http_jimeng_job_leave(ngx_http_jimeng_job_t *job)
{
    ngx_uint_t               i;
    ngx_http_jimeng_task_t  *task;

    job->gone = 1;

    ngx_http_jimeng_client_ignore(job->request);
    ngx_http_jimeng_deliver_stop(job);
    ngx_http_jimeng_taken_stop(job);

    ngx_http_jimeng_ledger_left(job->claim);

    for (i = 0; i < job->order.n; i++) {
        task = &job->tasks[i];

        if (ngx_http_jimeng_task_state(task) == JM_TASK_DONE
            || ngx_http_jimeng_task_state(task) == JM_TASK_FAILED)
        {
            continue;
        }

        ngx_log_error(NGX_LOG_INFO, task->log, 0,
                      "jimeng: client closed connection, task \"%V\"%s",
                      &task->id, (task->id.len && job->order.ids == NULL)
                                 ? " is followed to its end" : "");

        ngx_http_jimeng_task_left(task);
    }
}


/*
 * The request's write handler: called when an exchange has ended, and for any
 * event of the client's connection.
 */

static void
ngx_http_jimeng_job_handler(ngx_http_request_t *r)
{
    ngx_uint_t               i, left;
    ngx_http_jimeng_ctx_t   *ctx;
    ngx_http_jimeng_job_t   *job;
    ngx_http_jimeng_task_t  *task;

    ctx = ngx_http_get_module_ctx(r, ngx_http_jimeng_module);

    job = ctx->job;
    task = job->tasks;

    /* so is a stream with frames in the queue told that its session ended */

    left = ngx_http_jimeng_client_broke(r) && !job->gone;
    r->connection->error = 0;

    for (i = 0; i < job->order.n; i++) {

        if (task[i].exchange == NULL) {
            continue;
        }

        if (ngx_http_jimeng_exchange_ended(task[i].exchange)) {
            ngx_http_jimeng_task_exchanged(&task[i]);

        } else {
            ngx_http_jimeng_exchange_wake(task[i].exchange);
        }
    }

    if (left || ngx_http_jimeng_job_write(job) != NGX_OK) {
        ngx_http_jimeng_job_left(job);
        return;
    }

    ngx_http_jimeng_job_step(job);
}


static ngx_int_t
ngx_http_jimeng_job_write(ngx_http_jimeng_job_t *job)
{
    if (job->gone) {
        return NGX_OK;
    }

    if (!job->answered && !job->ended) {
        return ngx_http_jimeng_deliver_event(job);
    }

    if (ngx_http_jimeng_send_rest(job->request) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_jimeng_ledger_sent(job->claim);

    if (!job->shut && !job->request->connection->buffered
        && !job->request->postponed)
    {
        job->shut = 1;
        ngx_http_jimeng_send_fin(job->request);
    }

    return NGX_OK;
}


/* nginx looks at a client's socket between exchanges only when it is told */

static void
ngx_http_jimeng_job_reading(ngx_http_request_t *r)
{
    ngx_int_t               rc;
    ngx_http_jimeng_ctx_t  *ctx;
    ngx_http_jimeng_job_t  *job;

    ctx = ngx_http_get_module_ctx(r, ngx_http_jimeng_module);

    rc = NGX_AGAIN;
    job = ctx->job;

    /* who has all of its reply may leave, or send the next request */

    if (job->ended || job->answered) {
        rc = ngx_http_jimeng_job_sent(job);
    }

    if (rc == NGX_OK && job->ended && job->following == 0) {
        ngx_http_jimeng_job_step(job);
        return;
    }

    if (rc == NGX_ERROR || ngx_http_jimeng_client_left(r)) {
        ngx_http_jimeng_job_left(job);
    }
}


/* nginx ends a worker's requests without a word when its time is over */

static void
ngx_http_jimeng_job_watch(ngx_http_jimeng_job_t *job)
{
    ngx_core_conf_t  *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(ngx_cycle->conf_ctx,
                                           ngx_core_module);

    if (ccf->shutdown_timeout == 0) {
        return;
    }

    job->closing.handler = ngx_http_jimeng_job_closing;
    job->closing.data = job->tasks;
    job->closing.log = job->request->connection->log;
    job->closing.cancelable = 1;

    ngx_add_timer(&job->closing, NGX_HTTP_JIMENG_TICK);
}


static void
ngx_http_jimeng_job_closing(ngx_event_t *ev)
{
    ngx_uint_t               i;
    ngx_connection_t        *c;
    ngx_http_jimeng_job_t   *job;
    ngx_http_jimeng_task_t  *task;

    task = ev->data;
    job = task->job;
    c = job->request->connection;

    ngx_http_set_log_request(c->log, job->request);

    ngx_add_timer(ev, NGX_HTTP_JIMENG_TICK);

    if (ngx_http_jimeng_shutdown_within(NGX_HTTP_JIMENG_CLOSING)
        && !job->gone && !job->answered && !job->ended)
    {
        for (i = 0; i < job->order.n; i++) {
            ngx_http_jimeng_task_close(&job->tasks[i]);
        }

        ngx_http_jimeng_job_step(job);
    }

    ngx_http_run_posted_requests(c);
}


static void
ngx_http_jimeng_job_cleanup(void *data)
{
    ngx_http_jimeng_job_t *job = data;

    ngx_uint_t  i;

    ngx_http_jimeng_deliver_destroy(job);
    ngx_http_jimeng_taken_stop(job);
    ngx_http_jimeng_taken_fetched(job);

    if (job->closing.timer_set) {
        ngx_del_timer(&job->closing);
    }

    for (i = 0; i < job->order.n; i++) {
        ngx_http_jimeng_task_drop(&job->tasks[i]);
    }
}
