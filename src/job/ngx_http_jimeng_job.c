
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * A job hangs on the client's request and lives until its last task is over,
 * whether the client waits or has gone: what is being paid for is followed to
 * its end.  It is in one of four states, and there is one function for each
 * way from one to another:
 *
 *     WAITING  -- replied -->  ANSWERED  -- taken -->  ENDED
 *
 *     WAITING, ANSWERED  -- left, cut -->  GONE
 *
 *     any  -- finish -->  the request has ended
 *
 * replied: the reply is whole, if only an id or an error.  taken: the client
 * has all of it.  left: the client closed its connection, or it broke.  cut:
 * the reply broke off, and the client is told so.
 */


#include "ngx_http_jimeng_job.h"


/*
 * Milliseconds between two looks whether the worker is to leave, and how long
 * before its time is over clients are told.
 */

#define NGX_HTTP_JIMENG_TICK     500
#define NGX_HTTP_JIMENG_CLOSING  1500


static void ngx_http_jimeng_job_step(ngx_http_jimeng_job_t *job);
static void ngx_http_jimeng_job_deliver(ngx_http_jimeng_job_t *job);
static void ngx_http_jimeng_job_replied(ngx_http_jimeng_job_t *job,
    ngx_int_t rc);
static void ngx_http_jimeng_job_taken(ngx_http_jimeng_job_t *job,
    ngx_int_t rc);
static void ngx_http_jimeng_job_left(ngx_http_jimeng_job_t *job);
static void ngx_http_jimeng_job_cut(ngx_http_jimeng_job_t *job);
static void ngx_http_jimeng_job_unwaited(ngx_http_jimeng_job_t *job);
static void ngx_http_jimeng_job_gone(ngx_http_jimeng_job_t *job,
    const char *why);
static void ngx_http_jimeng_job_finish(ngx_http_jimeng_job_t *job,
    ngx_int_t rc);
static void ngx_http_jimeng_job_end(ngx_http_jimeng_job_t *job);
static void ngx_http_jimeng_job_stop(ngx_http_jimeng_job_t *job);
static void ngx_http_jimeng_job_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_jimeng_job_send(ngx_http_jimeng_job_t *job);
static void ngx_http_jimeng_job_reading(ngx_http_request_t *r);
static void ngx_http_jimeng_job_watch_shutdown(ngx_http_jimeng_job_t *job);
static void ngx_http_jimeng_job_closing(ngx_event_t *ev);


/*
 * Begins the tasks of an order, for a client whose request was read; claim is
 * NULL where the ledger does not know it.  With NGX_OK the job finalizes the
 * request, which may be gone already; with NGX_ERROR the caller does.
 */

ngx_int_t
ngx_http_jimeng_job_start(ngx_http_request_t *r,
    ngx_http_jimeng_order_t *order, ngx_http_jimeng_claim_t *claim)
{
    ngx_uint_t              i;
    ngx_http_jimeng_ctx_t  *ctx;

    ctx = ngx_http_jimeng_ctx(r);

    /*
     * The request id is made now, in the request's pool: while an exchange is
     * made, r->pool is another one, which goes earlier.
     */

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
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "jimeng: client closed connection, its request was not "
                      "begun");
        ngx_http_finalize_request(r, NGX_HTTP_CLIENT_CLOSED_REQUEST);
        return NGX_OK;
    }

    ngx_http_jimeng_client_watch(r);
    ngx_http_jimeng_job_watch_shutdown(ctx->job);

    for (i = 0; i < order->n; i++) {
        ngx_http_jimeng_task_begin(&ctx->job->tasks[i]);
    }

    ngx_http_jimeng_job_step(ctx->job);

    return NGX_OK;
}


/* does what is next; the request may be gone when this returns */

static void
ngx_http_jimeng_job_step(ngx_http_jimeng_job_t *job)
{
    switch (job->state) {

    case NGX_HTTP_JIMENG_WAITING:
        ngx_http_jimeng_job_deliver(job);
        return;

    case NGX_HTTP_JIMENG_ANSWERED:
    case NGX_HTTP_JIMENG_ENDED:
        ngx_http_jimeng_job_taken(job, ngx_http_jimeng_taken(job));
        return;

    default: /* NGX_HTTP_JIMENG_GONE */
        ngx_http_jimeng_job_unwaited(job);
    }
}


static void
ngx_http_jimeng_job_deliver(ngx_http_jimeng_job_t *job)
{
    ngx_int_t  rc;

    /* before the reply: the client's next request may come with its end */

    if (job->unfinished == 0 && job->following == 0) {
        ngx_http_jimeng_hold_release(job->hold);
    }

    rc = ngx_http_jimeng_deliver(job);

    if (job->request->filter_finalize) {
        ngx_http_jimeng_job_finish(job, NGX_ERROR);

    } else if (rc == NGX_OK || rc == NGX_AGAIN) {
        ngx_http_jimeng_job_replied(job, rc);

    } else if (rc == NGX_ERROR && (job->unfinished || job->following)) {
        ngx_http_jimeng_job_cut(job);

    } else if (rc != NGX_DONE) {

        /* a connection that broke, or the status of a reply not made */

        ngx_http_jimeng_job_finish(job, rc);
    }
}


/*
 * Nothing is added to the reply any more.  The time that was spent on pieces of
 * it does not count: send_timeout begins anew for the rest.
 */

static void
ngx_http_jimeng_job_replied(ngx_http_jimeng_job_t *job, ngx_int_t rc)
{
    ngx_event_t  *wev;

    job->state = NGX_HTTP_JIMENG_ANSWERED;

    ngx_http_jimeng_taken_reply(job);

    if (job->unfinished == 0 && job->following == 0
        && ngx_http_jimeng_taken(job) != NGX_AGAIN)
    {
        ngx_http_jimeng_job_finish(job, rc);
        return;
    }

    ngx_http_jimeng_deliver_stop(job);

    wev = job->request->connection->write;

    if (wev->timer_set && !wev->delayed) {
        ngx_del_timer(wev);
    }

    if (ngx_http_jimeng_job_send(job) != NGX_OK) {
        ngx_http_jimeng_job_left(job);
    }
}


/*
 * The reply is on its way, or was taken, as rc of ngx_http_jimeng_taken() says;
 * tasks may go on.
 */

static void
ngx_http_jimeng_job_taken(ngx_http_jimeng_job_t *job, ngx_int_t rc)
{
    if (rc == NGX_AGAIN) {
        return;
    }

    if (rc == NGX_ERROR) {
        ngx_http_jimeng_job_left(job);
        return;
    }

    if (job->unfinished == 0 && job->following == 0) {
        ngx_http_jimeng_job_finish(job, NGX_OK);
        return;
    }

    ngx_http_jimeng_taken_sent(job);

    if (ngx_http_jimeng_client_took(job->request)) {
        job->state = NGX_HTTP_JIMENG_ENDED;
        ngx_http_jimeng_client_ignore(job->request);
    }
}


static void
ngx_http_jimeng_job_left(ngx_http_jimeng_job_t *job)
{
    ngx_http_jimeng_job_gone(job, "client closed connection");
    ngx_http_jimeng_job_unwaited(job);
}


static void
ngx_http_jimeng_job_cut(ngx_http_jimeng_job_t *job)
{
    ngx_http_jimeng_client_cut(job->request);
    ngx_http_jimeng_job_gone(job, "the reply broke off");
    ngx_http_jimeng_job_unwaited(job);
}


/* nobody waits for the reply: the request ends with its last task */

static void
ngx_http_jimeng_job_unwaited(ngx_http_jimeng_job_t *job)
{
    /* a task that was asked for by its id is another request's to follow */

    if (job->following == 0 && (job->unfinished == 0 || job->order.ids)) {
        ngx_http_jimeng_job_finish(job, NGX_HTTP_CLIENT_CLOSED_REQUEST);
    }
}


static void
ngx_http_jimeng_job_gone(ngx_http_jimeng_job_t *job, const char *why)
{
    ngx_uint_t               i, answered;
    ngx_http_jimeng_ctx_t   *ctx;
    ngx_http_jimeng_task_t  *task;

    ctx = ngx_http_get_module_ctx(job->request, ngx_http_jimeng_module);

    /* a client of "async" that has its id has what it waited for */

    answered = job->order.async && job->state == NGX_HTTP_JIMENG_ANSWERED;

    if (ctx->cause == JM_CAUSE_NONE && !answered) {
        ctx->cause = JM_CAUSE_CLIENT_LEFT;
    }

    job->state = NGX_HTTP_JIMENG_GONE;

    ngx_http_jimeng_client_ignore(job->request);
    ngx_http_jimeng_deliver_stop(job);
    ngx_http_jimeng_taken_stop(job);

    ngx_http_jimeng_ledger_left(job->claim);

    /* one that was told an id asks by it for what it has ordered */

    for (i = 0; i < job->order.n && !answered; i++) {
        task = &job->tasks[i];

        if (ngx_http_jimeng_task_state(task) == JM_TASK_DONE
            || ngx_http_jimeng_task_state(task) == JM_TASK_FAILED)
        {
            continue;
        }

        ngx_log_error(NGX_LOG_INFO, task->log, 0, "jimeng: %s, task \"%V\"%s",
                      why, &task->id,
                      (task->id.len && job->order.ids == NULL)
                      ? " is followed to its end" : "");

        ngx_http_jimeng_task_left(task);
    }
}


/*
 * Nothing is begun any more, and what was asked before is waited for: the log
 * tells what was billed, and a slot may just have been granted.
 */

static void
ngx_http_jimeng_job_finish(ngx_http_jimeng_job_t *job, ngx_int_t rc)
{
    if (job->state == NGX_HTTP_JIMENG_WAITING) {
        ngx_http_jimeng_ledger_left(job->claim);
    }

    ngx_http_jimeng_job_stop(job);

    job->ending = 1;
    job->watch->rc = rc;

    job->request->read_event_handler = ngx_http_block_reading;

    ngx_http_jimeng_job_end(job);
}


/*
 * An error_page leads to another location, whose configuration is not ours,
 * and clears the context: nothing of the job may run after this.
 */

static void
ngx_http_jimeng_job_end(ngx_http_jimeng_job_t *job)
{
    ngx_http_request_t  *r;

    r = job->request;

    if (ngx_http_jimeng_awaits(r)) {
        return;
    }

    ngx_http_jimeng_client_unwatch(r);

    r->write_event_handler = ngx_http_request_empty_handler;

    ngx_http_finalize_request(r, job->watch->rc);
}


static void
ngx_http_jimeng_job_stop(ngx_http_jimeng_job_t *job)
{
    ngx_uint_t  i;

    ngx_http_jimeng_deliver_stop(job);
    ngx_http_jimeng_taken_stop(job);

    if (job->watch->closing.timer_set) {
        ngx_del_timer(&job->watch->closing);
    }

    ngx_http_jimeng_orphan_stop(job->orphan);

    for (i = 0; i < job->order.n; i++) {
        ngx_http_jimeng_task_stop(&job->tasks[i]);
    }
}


/*
 * The request's write handler: called when an exchange has ended, when a timer
 * has done something for the job, and for any event of the client's
 * connection.
 */

static void
ngx_http_jimeng_job_handler(ngx_http_request_t *r)
{
    ngx_uint_t               i, left;
    ngx_http_jimeng_job_t   *job;
    ngx_http_jimeng_task_t  *task;

    job = ngx_http_jimeng_job_of(r);

    if (job->ending) {
        ngx_http_jimeng_job_end(job);
        return;
    }

    /* a filter that refused the reply has answered itself: so does nginx */

    if (r->filter_finalize) {
        ngx_http_jimeng_job_finish(job, NGX_ERROR);
        return;
    }

    task = job->tasks;

    /*
     * An HTTP/2 stream that still has frames to send hears of its session's end
     * by its write handler, and not by its read handler.
     */

    left = ngx_http_jimeng_client_broke(r);
    r->connection->error = 0;

    for (i = 0; i < job->order.n; i++) {

        if (task[i].exchange == NULL) {
            continue;
        }

        if (ngx_http_jimeng_exchange_ended(task[i].exchange)) {
            ngx_http_jimeng_task_exchanged(&task[i]);

        } else {
            ngx_http_jimeng_exchange_wake(task[i].exchange);
            ngx_http_jimeng_outcome_progress(&task[i]);
        }
    }

    ngx_http_jimeng_orphan_event(r, job->orphan);

    /* a client that has all of its reply may well close its connection */

    if ((job->state == NGX_HTTP_JIMENG_WAITING
         || job->state == NGX_HTTP_JIMENG_ANSWERED)
        && (left || ngx_http_jimeng_job_send(job) != NGX_OK))
    {
        ngx_http_jimeng_job_left(job);
        return;
    }

    ngx_http_jimeng_job_step(job);
}


/* NGX_ERROR: the client's connection is lost */

static ngx_int_t
ngx_http_jimeng_job_send(ngx_http_jimeng_job_t *job)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = job->request;
    c = r->connection;

    if (job->state == NGX_HTTP_JIMENG_WAITING) {
        return ngx_http_jimeng_deliver_event(job);
    }

    if (ngx_http_jimeng_send_rest(r) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_jimeng_taken_sent(job);

    if (!job->watch->fin && !c->buffered && !r->postponed) {
        job->watch->fin = 1;
        ngx_http_jimeng_send_fin(r);
    }

    return NGX_OK;
}


/* the request's read handler: the client may have left */

static void
ngx_http_jimeng_job_reading(ngx_http_request_t *r)
{
    ngx_int_t               rc;
    ngx_http_jimeng_job_t  *job;

    job = ngx_http_jimeng_job_of(r);

    /*
     * A client that has all of its reply may close its connection, or send the
     * next request: that is no client that has left.
     */

    if (job->state == NGX_HTTP_JIMENG_ANSWERED) {
        rc = ngx_http_jimeng_taken(job);

        if (rc == NGX_ERROR
            || (rc == NGX_OK && ngx_http_jimeng_client_took(r)))
        {
            ngx_http_jimeng_job_taken(job, rc);
            return;
        }
    }

    if (ngx_http_jimeng_client_left(r)) {
        ngx_http_jimeng_job_left(job);
    }
}


/*
 * After worker_shutdown_timeout nginx closes connections without a word to
 * their clients: they are told before.
 */

static void
ngx_http_jimeng_job_watch_shutdown(ngx_http_jimeng_job_t *job)
{
    ngx_event_t      *ev;
    ngx_core_conf_t  *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(ngx_cycle->conf_ctx,
                                           ngx_core_module);

    if (ccf->shutdown_timeout == 0) {
        return;
    }

    ev = &job->watch->closing;

    ev->handler = ngx_http_jimeng_job_closing;
    ev->data = job;
    ev->log = job->request->connection->log;
    ev->cancelable = 1;

    ngx_add_timer(ev, NGX_HTTP_JIMENG_TICK);
}


static void
ngx_http_jimeng_job_closing(ngx_event_t *ev)
{
    ngx_uint_t              i;
    ngx_connection_t       *c;
    ngx_http_jimeng_job_t  *job;

    job = ev->data;
    c = job->request->connection;

    ngx_http_set_log_request(c->log, job->request);

    ngx_add_timer(ev, NGX_HTTP_JIMENG_TICK);

    if (ngx_http_jimeng_shutdown_within(0)) {
        ngx_http_jimeng_job_finish(job, NGX_HTTP_CLIENT_CLOSED_REQUEST);

    } else if (job->state == NGX_HTTP_JIMENG_WAITING
               && ngx_http_jimeng_shutdown_within(NGX_HTTP_JIMENG_CLOSING))
    {
        for (i = 0; i < job->order.n; i++) {
            ngx_http_jimeng_task_close(&job->tasks[i]);
        }

        ngx_http_jimeng_job_step(job);
    }

    ngx_http_run_posted_requests(c);
}
