
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng.h"


static ngx_http_jimeng_job_t *ngx_http_jimeng_job_create(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_jimeng_job_step(ngx_http_jimeng_job_t *job,
    jm_event_e event, jm_answer_t *answer);
#if (NGX_DEBUG)
static void ngx_http_jimeng_job_check(ngx_http_jimeng_job_t *job);
#endif
static ngx_int_t ngx_http_jimeng_job_exchange(ngx_http_jimeng_job_t *job,
    jm_visual_call_e call);
static void ngx_http_jimeng_job_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_jimeng_job_answer(ngx_http_jimeng_job_t *job,
    jm_answer_t *answer);
static void ngx_http_jimeng_job_timer(ngx_event_t *ev);
static ngx_uint_t ngx_http_jimeng_shutdown_timedout(void);
static void ngx_http_jimeng_job_reading(ngx_http_request_t *r);
static void ngx_http_jimeng_job_gone(ngx_http_request_t *r);
static ngx_uint_t ngx_http_jimeng_client_left(ngx_http_request_t *r);
static void ngx_http_jimeng_job_end(ngx_http_request_t *r, ngx_int_t rc);
static ngx_int_t ngx_http_jimeng_job_finish(ngx_http_jimeng_job_t *job,
    jm_answer_t *answer);
static ngx_int_t ngx_http_jimeng_job_fail(ngx_http_jimeng_job_t *job,
    jm_cause_e cause, jm_answer_t *answer);
static void ngx_http_jimeng_job_cleanup(void *data);


/* with an event that is none of an exchange's */

static jm_answer_t  ngx_http_jimeng_no_answer;


/*
 * A job hangs on the client's request and lives until its task is over,
 * whether the client waits or has gone: what is being paid for is followed
 * to its end.
 */

ngx_int_t
ngx_http_jimeng_job_start(ngx_http_request_t *r,
    ngx_http_jimeng_order_t *order)
{
    ngx_int_t               rc;
    ngx_http_jimeng_ctx_t  *ctx;
    ngx_http_jimeng_job_t  *job;

    ctx = ngx_http_jimeng_ctx(r);

    /* cached here: while an exchange is made, the pool is another one */

    if (ctx == NULL || ngx_http_jimeng_request_id(r) == NULL) {
        return NGX_ERROR;
    }

    job = ngx_http_jimeng_job_create(r);
    if (job == NULL) {
        return NGX_ERROR;
    }

    job->order = *order;
    ctx->job = job;

    r->read_event_handler = ngx_http_jimeng_job_reading;
    r->write_event_handler = ngx_http_jimeng_job_handler;

    if (ngx_handle_read_event(r->connection->read, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_http_jimeng_client_left(r)) {
        ngx_http_finalize_request(r, NGX_HTTP_CLIENT_CLOSED_REQUEST);
        return NGX_OK;
    }

    rc = ngx_http_jimeng_job_step(job, JM_EVENT_START,
                                  &ngx_http_jimeng_no_answer);

    ngx_http_jimeng_job_end(r, rc);

    return NGX_OK;
}


static ngx_http_jimeng_job_t *
ngx_http_jimeng_job_create(ngx_http_request_t *r)
{
    uint64_t                     elapsed;
    ngx_time_t                  *tp;
    jm_task_limits_t             limits;
    ngx_pool_cleanup_t          *cln;
    ngx_http_jimeng_job_t       *job;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_jimeng_job_t));
    if (cln == NULL) {
        return NULL;
    }

    job = cln->data;
    ngx_memzero(job, sizeof(ngx_http_jimeng_job_t));

    cln->handler = ngx_http_jimeng_job_cleanup;

    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);

    job->request = r;
    job->log = r->connection->log;
    job->ident = (ngx_socket_t) -1;
    job->account = jlcf->account;

    job->timer.handler = ngx_http_jimeng_job_timer;
    job->timer.data = job;
    job->timer.log = job->log;

    /* the client's patience began when its request did */

    tp = ngx_timeofday();
    elapsed = ngx_max(0, (tp->sec - r->start_sec) * 1000
                         + (ngx_msec_int_t) (tp->msec - r->start_msec));

    limits.timeout = jlcf->timeout - ngx_min(jlcf->timeout, elapsed);
    limits.interval = jlcf->poll_interval;
    limits.attempts = (uint32_t) ngx_min(jlcf->poll_attempts,
                                         NGX_MAX_UINT32_VALUE);

    jm_task_init(&job->task, &limits, ngx_current_msec);

    return job;
}


/* returns NGX_DONE while the job goes on, else what to finalize with */

static ngx_int_t
ngx_http_jimeng_job_step(ngx_http_jimeng_job_t *job, jm_event_e event,
    jm_answer_t *answer)
{
    jm_step_t  step;

again:

    step = jm_task_step(&job->task, event, ngx_current_msec);

    switch (step.action) {

    case JM_ACTION_SUBMIT:

        if (ngx_http_jimeng_job_exchange(job, JM_VISUAL_SUBMIT) != NGX_OK) {
            event = JM_EVENT_UNSENT;
            goto again;
        }

        break;

    case JM_ACTION_QUERY:

        if (ngx_http_jimeng_job_exchange(job, JM_VISUAL_QUERY) != NGX_OK) {
            event = JM_EVENT_TROUBLE;
            goto again;
        }

        break;

    case JM_ACTION_TIMER:
        ngx_add_timer(&job->timer, (ngx_msec_t) step.delay);
        break;

    case JM_ACTION_TAKE_BACK:

        if (ngx_http_jimeng_exchange_take_back(job->exchange) == NGX_OK) {
            ngx_http_jimeng_exchange_destroy(job->exchange);
            job->exchange = NULL;

            event = JM_EVENT_TAKEN_BACK;
            goto again;
        }

        break;

    case JM_ACTION_FINISH:
        return ngx_http_jimeng_job_finish(job, answer);

    case JM_ACTION_FAIL:
        return ngx_http_jimeng_job_fail(job, step.cause, answer);

    default: /* JM_ACTION_NONE */
        break;
    }

#if (NGX_DEBUG)
    ngx_http_jimeng_job_check(job);
#endif

    return NGX_DONE;
}


#if (NGX_DEBUG)

static void
ngx_http_jimeng_job_check(ngx_http_jimeng_job_t *job)
{
    if (jm_task_holds(&job->task, job->timer.timer_set,
                      job->exchange != NULL))
    {
        return;
    }

    ngx_log_error(NGX_LOG_ALERT, job->log, 0,
                  "jimeng: task in state %d holds timer:%d exchange:%p",
                  (int) job->task.state, (int) job->timer.timer_set,
                  job->exchange);
}

#endif


static void
ngx_http_jimeng_job_end(ngx_http_request_t *r, ngx_int_t rc)
{
    if (rc != NGX_DONE) {

        /* an error_page leads elsewhere, and clears the context */

        r->read_event_handler = ngx_http_block_reading;
        r->write_event_handler = ngx_http_request_empty_handler;

        ngx_http_finalize_request(r, rc);
    }
}


static ngx_int_t
ngx_http_jimeng_job_exchange(ngx_http_jimeng_job_t *job, jm_visual_call_e call)
{
    ngx_str_t                   *body;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    jlcf = ngx_http_get_module_loc_conf(job->request, ngx_http_jimeng_module);

    body = (call == JM_VISUAL_SUBMIT) ? &job->order.submit : &job->query;

    job->exchange = ngx_http_jimeng_exchange_start(job->request, &jlcf->pass,
                                                   job->account, call, body);

    return job->exchange ? NGX_OK : NGX_ERROR;
}


/*
 * The request's write handler: called when an exchange has ended, and for any
 * event of the client's connection.
 */

static void
ngx_http_jimeng_job_handler(ngx_http_request_t *r)
{
    ngx_int_t                    rc;
    jm_answer_t                  answer;
    jm_visual_call_e             call;
    ngx_http_jimeng_ctx_t       *ctx;
    ngx_http_jimeng_job_t       *job;
    ngx_http_jimeng_exchange_t  *x;

    ctx = ngx_http_get_module_ctx(r, ngx_http_jimeng_module);

    job = ctx->job;
    x = job->exchange;

    if (x == NULL) {
        return;
    }

    if (!ngx_http_jimeng_exchange_ended(x)) {
        ngx_http_jimeng_exchange_wake(x);
        return;
    }

    call = (job->task.state == JM_TASK_SUBMIT) ? JM_VISUAL_SUBMIT
                                               : JM_VISUAL_QUERY;

    if (ngx_http_jimeng_exchange_read(x, call, &answer) != JM_OK) {
        ngx_log_error(NGX_LOG_ERR, job->log, 0,
                      "jimeng: no memory to read an answer");
    }

    job->exchange = NULL;
    job->upstream_time += ngx_http_jimeng_exchange_time(x);

    if (ngx_http_jimeng_job_answer(job, &answer) != NGX_OK) {

        /* there is a task, and no memory to ask for it */

        answer.event = JM_EVENT_FAILED;
        jm_error_set(&answer.error, JM_CAUSE_OUTCOME_UNKNOWN, NULL, NULL);
    }

    ngx_http_jimeng_log_answer(job, &answer);

    if (answer.strange) {
        job->strange = 1;
    }

    rc = ngx_http_jimeng_job_step(job, answer.event, &answer);

    /* the answer's views were needed until here, the pool's log is r's */

    ngx_http_jimeng_exchange_destroy(x);

    ngx_http_jimeng_job_end(r, rc);
}


static ngx_int_t
ngx_http_jimeng_job_answer(ngx_http_jimeng_job_t *job, jm_answer_t *answer)
{
    jm_str_t     req_key, req_json, id;
    jm_buf_t     query;
    jm_mem_t     mem;
    ngx_int_t    code;
    ngx_pool_t  *pool;

    if (answer->code.len) {
        code = ngx_atoi((u_char *) answer->code.data, answer->code.len);
        job->code = (code == NGX_ERROR) ? 0 : code;
    }

    if (jm_str_eq(&answer->status, "generating")) {
        job->running = 1;
    }

    if (answer->event != JM_EVENT_ACCEPTED) {
        return NGX_OK;
    }

    pool = job->request->pool;
    job->accepted = ngx_current_msec;

    job->task_id.data = ngx_pnalloc(pool, answer->task_id.len);
    if (job->task_id.data == NULL) {
        return NGX_ERROR;
    }

    job->task_id.len = answer->task_id.len;
    ngx_memcpy(job->task_id.data, answer->task_id.data, answer->task_id.len);

    req_key.len = job->order.req_key.len;
    req_key.data = job->order.req_key.data;

    id.len = job->task_id.len;
    id.data = job->task_id.data;

    req_json.len = job->order.req_json.len;
    req_json.data = job->order.req_json.data;

    /* the model's name is the operator's, and has no limit */

    ngx_http_jimeng_mem(&mem, pool);
    jm_buf_init(&query, &mem, 256, JM_VISUAL_QUERY_BODY + 6 * req_key.len);

    if (jm_visual_query(&query, req_key, id, req_json) != JM_OK) {
        return NGX_ERROR;
    }

    job->query.len = query.len;
    job->query.data = query.data;

    return NGX_OK;
}


static void
ngx_http_jimeng_job_timer(ngx_event_t *ev)
{
    ngx_int_t               rc;
    ngx_connection_t       *c;
    ngx_http_request_t     *r;
    ngx_http_jimeng_job_t  *job;

    job = ev->data;

    r = job->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, c->log, 0,
                   "jimeng timer, polls:%uD", job->task.polls);

    if (job->task.state == JM_TASK_WAIT
        && ngx_http_jimeng_shutdown_timedout())
    {
        rc = NGX_HTTP_CLIENT_CLOSED_REQUEST;

    } else {
        rc = ngx_http_jimeng_job_step(job, ngx_exiting ? JM_EVENT_EXITING
                                                       : JM_EVENT_TIMER,
                                      &ngx_http_jimeng_no_answer);
    }

    ngx_http_jimeng_job_end(r, rc);

    /* nginx runs posted requests after events, and not after timers */

    ngx_http_run_posted_requests(c);
}


/*
 * worker_shutdown_timeout ends the requests of HTTP/1 connections, and their
 * jobs with them.  To HTTP/2 streams it looks like a client that has left,
 * and one that left before is not told at all: their jobs see to the clock.
 */

static ngx_uint_t
ngx_http_jimeng_shutdown_timedout(void)
{
    ngx_core_conf_t    *ccf;
    static ngx_msec_t   start;
    static ngx_uint_t   exiting;

    if (!ngx_exiting) {
        return 0;
    }

    if (!exiting) {
        exiting = 1;
        start = ngx_current_msec;
    }

    ccf = (ngx_core_conf_t *) ngx_get_conf(ngx_cycle->conf_ctx,
                                           ngx_core_module);

    return ccf->shutdown_timeout
           && ngx_current_msec - start >= ccf->shutdown_timeout;
}


/* nginx looks at a client's socket between exchanges only when it is told */

static void
ngx_http_jimeng_job_reading(ngx_http_request_t *r)
{
    ngx_int_t               rc;
    ngx_connection_t       *c;
    ngx_http_jimeng_ctx_t  *ctx;
    ngx_http_jimeng_job_t  *job;

    if (!ngx_http_jimeng_client_left(r)) {
        return;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_jimeng_module);

    job = ctx->job;
    c = r->connection;

    ngx_log_error(NGX_LOG_INFO, c->log, 0,
                  "jimeng: client closed connection, task \"%V\"%s",
                  &job->task_id,
                  job->task_id.len ? " is followed to its end" : "");

    r->read_event_handler = ngx_http_jimeng_job_gone;
    c->error = 0;

    rc = ngx_http_jimeng_job_step(job, JM_EVENT_LEFT,
                                  &ngx_http_jimeng_no_answer);

    ngx_http_jimeng_job_end(r, rc);
}


/*
 * HTTP/2 marks the stream's connection as failed, when the stream is reset and
 * once more when the session ends; and a subrequest that ends on such a
 * connection takes the whole request with it.
 */

static void
ngx_http_jimeng_job_gone(ngx_http_request_t *r)
{
    r->connection->error = 0;

    ngx_http_block_reading(r);
}


static ngx_uint_t
ngx_http_jimeng_client_left(ngx_http_request_t *r)
{
    char               buf[1];
    ssize_t            n;
    ngx_err_t          err;
    ngx_event_t       *rev;
    ngx_connection_t  *c;

    c = r->connection;
    rev = c->read;

    if (c->error || rev->error) {
        return 1;
    }

    /* a stream's connection is a stand-in, its socket is the whole session's */

#if (NGX_HTTP_V2)

    if (r->stream) {
        return 0;
    }

#endif

#if (NGX_HTTP_V3)

    if (r->http_version == NGX_HTTP_VERSION_30) {
        return 0;
    }

#endif

#if (NGX_HAVE_EPOLLRDHUP)

    if ((ngx_event_flags & NGX_USE_EPOLL_EVENT) && ngx_use_epoll_rdhup) {
        return rev->pending_eof;
    }

#endif

    n = recv(c->fd, buf, 1, MSG_PEEK);

    if (n == 0) {
        return 1;
    }

    if (n == -1) {
        err = ngx_socket_errno;

        return err != NGX_EAGAIN && err != NGX_EINTR;
    }

    /* a pipelined request: its level-triggered event would fire for ever */

    if ((ngx_event_flags & NGX_USE_LEVEL_EVENT) && rev->active) {
        (void) ngx_del_event(rev, NGX_READ_EVENT, 0);
    }

    return 0;
}


static ngx_int_t
ngx_http_jimeng_job_finish(ngx_http_jimeng_job_t *job, jm_answer_t *answer)
{
    jm_part_t    part;
    jm_result_t  result;

    job->over = ngx_current_msec;
    job->images = answer->nurls;

    if (job->task.gone) {
        return NGX_HTTP_CLIENT_CLOSED_REQUEST;
    }

    result.created = ngx_time();
    result.model.len = job->order.req_key.len;
    result.model.data = job->order.req_key.data;
    result.task_id.len = job->task_id.len;
    result.task_id.data = job->task_id.data;
    result.size = job->order.size;
    result.parts = &part;
    result.nparts = 1;
    result.max_images = job->order.max_images;
    result.ignored = job->order.ignored;

    part.urls = answer->urls;
    part.nurls = answer->nurls;
    part.error = NULL;

    return ngx_http_jimeng_send_result(job->request, &result);
}


static ngx_int_t
ngx_http_jimeng_job_fail(ngx_http_jimeng_job_t *job, jm_cause_e cause,
    jm_answer_t *answer)
{
    jm_str_t    task_id;
    jm_error_t  e;

    job->over = ngx_current_msec;

    if (job->timer.timer_set) {
        ngx_del_timer(&job->timer);
    }

    if (cause == JM_CAUSE_CLIENT_LEFT) {
        return NGX_HTTP_CLIENT_CLOSED_REQUEST;
    }

    if (cause == JM_CAUSE_NONE) {
        e = answer->error;

    } else {
        jm_error_set(&e, cause, NULL, NULL);

        /* without a connection there was no number but an older one */

        if (job->code != JM_VISUAL_SUCCESS && cause != JM_CAUSE_UPSTREAM) {
            e.upstream_code = job->code;
        }

        ngx_log_error(NGX_LOG_ERR, job->log, 0,
                      "jimeng: task \"%V\" of account \"%V\" failed: %s, "
                      "after %uD queries", &job->task_id, &job->account->name,
                      e.message, job->task.polls);
    }

    if (job->task.gone) {
        return NGX_HTTP_CLIENT_CLOSED_REQUEST;
    }

    task_id.len = job->task_id.len;
    task_id.data = job->task_id.data;

    return ngx_http_jimeng_send_error(job->request, &e, task_id);
}


static void
ngx_http_jimeng_job_cleanup(void *data)
{
    ngx_http_jimeng_job_t *job = data;

    if (job->timer.timer_set) {
        ngx_del_timer(&job->timer);
    }

    if (job->task.state == JM_TASK_WAIT || job->task.state == JM_TASK_ASK) {
        ngx_log_error(NGX_LOG_ERR, job->log, 0,
                      "jimeng: task \"%V\" of account \"%V\" is not followed "
                      "to its end", &job->task_id, &job->account->name);
    }

    /* torn down with an exchange in flight: it has been cleaned up before */

    if (job->exchange) {
        ngx_http_jimeng_exchange_destroy(job->exchange);
    }
}
