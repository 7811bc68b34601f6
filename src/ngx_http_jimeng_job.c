
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng.h"


static ngx_http_jimeng_job_t *ngx_http_jimeng_job_create(
    ngx_http_request_t *r, ngx_http_jimeng_order_t *order);
static void ngx_http_jimeng_job_limits(ngx_http_request_t *r,
    ngx_http_jimeng_order_t *order, jm_task_limits_t *limits);
static void ngx_http_jimeng_job_leave(ngx_http_jimeng_job_t *job);
static void ngx_http_jimeng_job_handler(ngx_http_request_t *r);
static void ngx_http_jimeng_job_reading(ngx_http_request_t *r);
static void ngx_http_jimeng_job_cleanup(void *data);

static void ngx_http_jimeng_task_step(ngx_http_jimeng_task_t *task,
    jm_event_e event, jm_answer_t *answer);
#if (NGX_DEBUG)
static void ngx_http_jimeng_task_check(ngx_http_jimeng_task_t *task);
#endif
static ngx_int_t ngx_http_jimeng_task_exchange(ngx_http_jimeng_task_t *task,
    jm_visual_call_e call);
static void ngx_http_jimeng_task_exchanged(ngx_http_jimeng_task_t *task);
static ngx_int_t ngx_http_jimeng_task_answer(ngx_http_jimeng_task_t *task,
    jm_answer_t *answer);
static ngx_int_t ngx_http_jimeng_task_accepted(ngx_http_jimeng_task_t *task,
    jm_answer_t *answer);
static void ngx_http_jimeng_task_timer(ngx_event_t *ev);
static void ngx_http_jimeng_task_finish(ngx_http_jimeng_task_t *task,
    jm_answer_t *answer);
static void ngx_http_jimeng_task_fail(ngx_http_jimeng_task_t *task,
    jm_cause_e cause, jm_answer_t *answer);
static void ngx_http_jimeng_task_over(ngx_http_jimeng_task_t *task);


/* with an event that is none of an exchange's */

static jm_answer_t  ngx_http_jimeng_no_answer;


/*
 * A job hangs on the client's request and lives until its last task is over,
 * whether the client waits or has gone: what is being paid for is followed
 * to its end.
 */

ngx_int_t
ngx_http_jimeng_job_start(ngx_http_request_t *r,
    ngx_http_jimeng_order_t *order)
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

    r->read_event_handler = ngx_http_jimeng_job_reading;
    r->write_event_handler = ngx_http_jimeng_job_handler;

    if (ngx_handle_read_event(r->connection->read, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_http_jimeng_client_left(r)) {
        ngx_http_finalize_request(r, NGX_HTTP_CLIENT_CLOSED_REQUEST);
        return NGX_OK;
    }

    for (i = 0; i < order->n; i++) {
        ngx_http_jimeng_task_step(&ctx->job->tasks[i], JM_EVENT_START,
                                  &ngx_http_jimeng_no_answer);
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
    job->account = jlcf->account;
    job->order = *order;
    job->tasks = task;
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
    limits->interval = jlcf->poll_interval;
    limits->attempts = (uint32_t) ngx_min(jlcf->poll_attempts,
                                          NGX_MAX_UINT32_VALUE);
    limits->retries = order->retries;
}


/*
 * Hands on what there is, and ends the request when that was all.  The request
 * may be gone when this returns.
 */

void
ngx_http_jimeng_job_step(ngx_http_jimeng_job_t *job)
{
    ngx_int_t            rc;
    ngx_http_request_t  *r;

    r = job->request;
    rc = NGX_HTTP_CLIENT_CLOSED_REQUEST;

    if (!job->gone) {
        rc = ngx_http_jimeng_deliver(job);

        if (rc == NGX_DONE) {
            return;
        }

        if (rc == NGX_ERROR && job->left) {
            ngx_http_jimeng_job_leave(job);
        }
    }

    if (job->gone && job->left) {
        return;
    }

    ngx_http_jimeng_deliver_stop(job);

    /* an error_page leads elsewhere, and clears the context */

    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    ngx_http_finalize_request(r, rc);
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

    for (i = 0; i < job->order.n; i++) {
        task = &job->tasks[i];

        if (task->task.state == JM_TASK_DONE
            || task->task.state == JM_TASK_FAILED)
        {
            continue;
        }

        ngx_log_error(NGX_LOG_INFO, task->log, 0,
                      "jimeng: client closed connection, task \"%V\"%s",
                      &task->id,
                      task->id.len ? " is followed to its end" : "");

        ngx_http_jimeng_task_step(task, JM_EVENT_LEFT,
                                  &ngx_http_jimeng_no_answer);
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

    left = r->connection->error && !job->gone;
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

    if (left || ngx_http_jimeng_deliver_event(job) != NGX_OK) {
        ngx_http_jimeng_job_left(job);
        return;
    }

    ngx_http_jimeng_job_step(job);
}


/* nginx looks at a client's socket between exchanges only when it is told */

static void
ngx_http_jimeng_job_reading(ngx_http_request_t *r)
{
    ngx_http_jimeng_ctx_t  *ctx;

    if (ngx_http_jimeng_client_left(r)) {
        ctx = ngx_http_get_module_ctx(r, ngx_http_jimeng_module);

        ngx_http_jimeng_job_left(ctx->job);
    }
}


static void
ngx_http_jimeng_job_cleanup(void *data)
{
    ngx_http_jimeng_job_t *job = data;

    ngx_uint_t               i;
    ngx_http_jimeng_task_t  *task;

    ngx_http_jimeng_deliver_destroy(job);

    for (i = 0; i < job->order.n; i++) {
        task = &job->tasks[i];

        if (task->timer.timer_set) {
            ngx_del_timer(&task->timer);
        }

        if (task->task.state == JM_TASK_WAIT
            || task->task.state == JM_TASK_ASK)
        {
            ngx_log_error(NGX_LOG_ERR, task->log, 0,
                          "jimeng: task \"%V\" of account \"%V\" is not "
                          "followed to its end", &task->id,
                          &job->account->name);
        }

        /* torn down with an exchange in flight: it was cleaned up before */

        if (task->exchange) {
            ngx_http_jimeng_exchange_destroy(task->exchange);
        }
    }
}


static void
ngx_http_jimeng_task_step(ngx_http_jimeng_task_t *task, jm_event_e event,
    jm_answer_t *answer)
{
    jm_step_t  step;

again:

    step = jm_task_step(&task->task, event, ngx_current_msec);

    switch (step.action) {

    case JM_ACTION_SUBMIT:

        /* of a task that failed, when it is submitted again */

        ngx_str_null(&task->id);
        task->code = 0;
        task->running = 0;
        task->strange = 0;

        if (ngx_http_jimeng_task_exchange(task, JM_VISUAL_SUBMIT) != NGX_OK) {
            event = JM_EVENT_UNSENT;
            goto again;
        }

        break;

    case JM_ACTION_QUERY:

        if (ngx_http_jimeng_task_exchange(task, JM_VISUAL_QUERY) != NGX_OK) {
            event = JM_EVENT_TROUBLE;
            goto again;
        }

        break;

    case JM_ACTION_TIMER:
        ngx_add_timer(&task->timer, (ngx_msec_t) step.delay);
        break;

    case JM_ACTION_TAKE_BACK:

        if (ngx_http_jimeng_exchange_take_back(task->exchange) == NGX_OK) {
            ngx_http_jimeng_exchange_destroy(task->exchange);
            task->exchange = NULL;

            event = JM_EVENT_TAKEN_BACK;
            goto again;
        }

        break;

    case JM_ACTION_FINISH:
        ngx_http_jimeng_task_finish(task, answer);
        break;

    case JM_ACTION_FAIL:
        ngx_http_jimeng_task_fail(task, step.cause, answer);
        break;

    default: /* JM_ACTION_NONE */
        break;
    }

#if (NGX_DEBUG)
    ngx_http_jimeng_task_check(task);
#endif
}


#if (NGX_DEBUG)

static void
ngx_http_jimeng_task_check(ngx_http_jimeng_task_t *task)
{
    if (jm_task_holds(&task->task, task->timer.timer_set,
                      task->exchange != NULL))
    {
        return;
    }

    ngx_log_error(NGX_LOG_ALERT, task->log, 0,
                  "jimeng: task in state %d holds timer:%d exchange:%p",
                  (int) task->task.state, (int) task->timer.timer_set,
                  task->exchange);
}

#endif


static ngx_int_t
ngx_http_jimeng_task_exchange(ngx_http_jimeng_task_t *task,
    jm_visual_call_e call)
{
    ngx_http_jimeng_job_t       *job;
    ngx_http_jimeng_payload_t   *body;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    job = task->job;
    jlcf = ngx_http_get_module_loc_conf(job->request, ngx_http_jimeng_module);

    body = (call == JM_VISUAL_SUBMIT) ? &job->order.submit : &task->query;

    task->exchange = ngx_http_jimeng_exchange_start(job->request, &jlcf->pass,
                                                    job->account, call, body,
                                                    NULL);

    return task->exchange ? NGX_OK : NGX_ERROR;
}


static void
ngx_http_jimeng_task_exchanged(ngx_http_jimeng_task_t *task)
{
    jm_answer_t                  answer;
    jm_visual_call_e             call;
    ngx_http_jimeng_exchange_t  *x;

    x = task->exchange;

    call = (task->task.state == JM_TASK_SUBMIT) ? JM_VISUAL_SUBMIT
                                                : JM_VISUAL_QUERY;

    if (ngx_http_jimeng_answer_read(x, call, &answer) != JM_OK) {
        ngx_log_error(NGX_LOG_ERR, task->log, 0,
                      "jimeng: no memory to read an answer");
    }

    task->exchange = NULL;
    task->job->upstream_time += ngx_http_jimeng_exchange_time(x);

    if (ngx_http_jimeng_task_answer(task, &answer) != NGX_OK) {

        /* there is a task, and no memory to follow it */

        answer.event = JM_EVENT_FAILED;
        jm_error_set(&answer.error, JM_CAUSE_OUTCOME_UNKNOWN, NULL, NULL);
    }

    ngx_http_jimeng_log_answer(task, &answer);

    if (answer.strange) {
        task->strange = 1;
    }

    if (answer.event == JM_EVENT_PASSING) {
        task->error = answer.error;

        /* a process that is to leave begins nothing new */

        if (ngx_exiting) {
            answer.event = JM_EVENT_FAILED;
        }
    }

    ngx_http_jimeng_task_step(task, answer.event, &answer);

    /* the answer's views were needed until here, the pool's log is r's */

    ngx_http_jimeng_exchange_destroy(x);
}


static ngx_int_t
ngx_http_jimeng_task_answer(ngx_http_jimeng_task_t *task, jm_answer_t *answer)
{
    jm_str_t    *urls;
    ngx_int_t    code;
    ngx_uint_t   i;
    ngx_pool_t  *pool;

    if (answer->code.len) {
        code = ngx_atoi((u_char *) answer->code.data, answer->code.len);
        task->code = (code == NGX_ERROR) ? 0 : code;
    }

    if (jm_str_eq(&answer->status, "generating")) {
        task->running = 1;
    }

    if (answer->event == JM_EVENT_ACCEPTED) {
        return ngx_http_jimeng_task_accepted(task, answer);
    }

    if (answer->event != JM_EVENT_DONE) {
        return NGX_OK;
    }

    /* other tasks may take longer than the answer lives */

    pool = task->job->request->pool;

    urls = ngx_palloc(pool, answer->nurls * sizeof(jm_str_t));
    if (urls == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < answer->nurls; i++) {
        urls[i].len = answer->urls[i].len;
        urls[i].data = ngx_pnalloc(pool, urls[i].len);

        if (urls[i].data == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy((u_char *) urls[i].data, answer->urls[i].data, urls[i].len);
    }

    task->part.urls = urls;
    task->part.nurls = answer->nurls;

    return NGX_OK;
}


static ngx_int_t
ngx_http_jimeng_task_accepted(ngx_http_jimeng_task_t *task,
    jm_answer_t *answer)
{
    ngx_pool_t               *pool;
    ngx_http_jimeng_order_t  *order;

    pool = task->job->request->pool;
    order = &task->job->order;

    task->accepted = ngx_current_msec;

    task->id.data = ngx_pnalloc(pool, answer->task_id.len);
    if (task->id.data == NULL) {
        return NGX_ERROR;
    }

    task->id.len = answer->task_id.len;
    ngx_memcpy(task->id.data, answer->task_id.data, answer->task_id.len);

    return ngx_http_jimeng_query(pool, &order->req_key, &task->id,
                                 &order->req_json, &task->query);
}


static void
ngx_http_jimeng_task_timer(ngx_event_t *ev)
{
    ngx_connection_t        *c;
    ngx_http_request_t      *r;
    ngx_http_jimeng_task_t  *task;

    task = ev->data;

    r = task->job->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, c->log, 0,
                   "jimeng timer, polls:%uD", task->task.polls);

    if (task->task.state == JM_TASK_WAIT
        && ngx_http_jimeng_shutdown_timedout())
    {
        ngx_http_finalize_request(r, NGX_HTTP_CLIENT_CLOSED_REQUEST);

    } else {
        ngx_http_jimeng_task_step(task, ngx_exiting ? JM_EVENT_EXITING
                                                    : JM_EVENT_TIMER,
                                  &ngx_http_jimeng_no_answer);

        ngx_http_jimeng_job_step(task->job);
    }

    /* nginx runs posted requests after events, and not after timers */

    ngx_http_run_posted_requests(c);
}


static void
ngx_http_jimeng_task_finish(ngx_http_jimeng_task_t *task, jm_answer_t *answer)
{
    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, task->log, 0,
                   "jimeng task \"%V\" done, pictures:%uz",
                   &task->id, answer->nurls);

    ngx_http_jimeng_task_over(task);
}


static void
ngx_http_jimeng_task_fail(ngx_http_jimeng_task_t *task, jm_cause_e cause,
    jm_answer_t *answer)
{
    if (cause == JM_CAUSE_NONE) {
        task->error = answer->error;

    } else if (task->task.retried == 0
               || cause == JM_CAUSE_GENERATION_TIMEOUT)
    {
        jm_error_set(&task->error, cause, NULL, NULL);

        /* without a connection there was no number but an older one */

        if (task->code != JM_VISUAL_SUCCESS && cause != JM_CAUSE_UPSTREAM) {
            task->error.upstream_code = task->code;
        }
    }

    /* else the retry came to nothing, and the error is what it was for */

    /* what the tasks before this one have cost is not known */

    if (task->task.retried) {
        task->error.no_retry = 1;
    }

    task->part.error = &task->error;

    if (cause != JM_CAUSE_NONE && cause != JM_CAUSE_CLIENT_LEFT) {
        ngx_log_error(NGX_LOG_ERR, task->log, 0,
                      "jimeng: task \"%V\" of account \"%V\" failed: %s, "
                      "after %uD queries", &task->id,
                      &task->job->account->name, task->error.message,
                      task->task.polls);
    }

    ngx_http_jimeng_task_over(task);
}


static void
ngx_http_jimeng_task_over(ngx_http_jimeng_task_t *task)
{
    task->over = ngx_current_msec;
    task->job->left--;

    if (task->timer.timer_set) {
        ngx_del_timer(&task->timer);
    }
}
