
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_reply.h"


static ngx_int_t ngx_http_jimeng_deliver_end(ngx_http_jimeng_job_t *job);
static ngx_int_t ngx_http_jimeng_deliver_failed(ngx_http_jimeng_job_t *job);
static ngx_int_t ngx_http_jimeng_deliver_task(ngx_http_jimeng_delivery_t *d,
    ngx_uint_t i);
static ngx_uint_t ngx_http_jimeng_deliver_keeps(ngx_http_jimeng_delivery_t *d,
    ngx_uint_t i);
static ngx_int_t ngx_http_jimeng_deliver_made(ngx_http_jimeng_delivery_t *d,
    ngx_http_jimeng_task_t *task);
static ngx_int_t ngx_http_jimeng_deliver_picture(void *data,
    ngx_uint_t number, jm_picture_type_e type, ngx_str_t *before,
    ngx_str_t *after);
static ngx_uint_t ngx_http_jimeng_deliver_encodes(
    ngx_http_jimeng_delivery_t *d);


/* for a stream, or pictures as data; URLs in one reply need none of it */

ngx_int_t
ngx_http_jimeng_deliver_create(ngx_http_jimeng_job_t *job)
{
    ngx_http_jimeng_delivery_t  *d;

    d = ngx_pcalloc(job->request->pool, sizeof(ngx_http_jimeng_delivery_t));
    if (d == NULL) {
        return NGX_ERROR;
    }

    d->parts = ngx_pcalloc(job->request->pool,
                           job->order.n * sizeof(jm_part_t));
    if (d->parts == NULL) {
        return NGX_ERROR;
    }

    d->job = job;
    d->log = job->request->connection->log;
    d->ident = (ngx_socket_t) -1;

    d->timer.handler = ngx_http_jimeng_data_timer;
    d->timer.data = d;
    d->timer.log = d->log;

    d->pass.request = job->request;
    d->pass.handler = ngx_http_jimeng_deliver_picture;
    d->pass.data = d;

    job->delivery = d;

    return NGX_OK;
}


/*
 * Hands on what there is of a job's results: everything when the last task is
 * over, or in a stream what each task brought.  Returns NGX_DONE when more is
 * to come, else what the request is to be finalized with: that may well be
 * NGX_AGAIN, of a reply the client did not take at once.
 */

ngx_int_t
ngx_http_jimeng_deliver(ngx_http_jimeng_job_t *job)
{
    ngx_int_t                    rc;
    ngx_uint_t                   i;
    ngx_http_jimeng_delivery_t  *d;

    if (job->order.async) {
        rc = ngx_http_jimeng_result_async(job);

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    if (job->order.ids) {
        rc = ngx_http_jimeng_retrieved_reply(job);

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    d = job->delivery;

    if (d == NULL) {
        return job->unfinished ? NGX_DONE : ngx_http_jimeng_deliver_end(job);
    }

    if (job->order.stream) {

        if (ngx_http_jimeng_stream_step(d) != NGX_OK) {
            return NGX_ERROR;
        }

    } else if (job->unfinished) {
        return NGX_DONE;
    }

    for (i = 0; i < job->order.n; i++) {

        if (d->stopped) {
            return NGX_ERROR;
        }

        if (d->exchange || d->timer.timer_set) {
            return NGX_DONE;
        }

        if (ngx_http_jimeng_deliver_task(d, i) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (d->stopped) {
        return NGX_ERROR;
    }

    if (job->unfinished || d->exchange || d->timer.timer_set) {
        return NGX_DONE;
    }

    return ngx_http_jimeng_deliver_end(job);
}


/*
 * All is handed on.  Where there was no picture it is an error that is told,
 * the first that forbids a retry if there is one.
 */

static ngx_int_t
ngx_http_jimeng_deliver_end(ngx_http_jimeng_job_t *job)
{
    ngx_int_t                    rc;
    ngx_http_jimeng_delivery_t  *d;

    d = job->delivery;

    rc = (d == NULL) ? ngx_http_jimeng_result_send(job)
         : job->order.stream ? ngx_http_jimeng_stream_end(d)
         : ngx_http_jimeng_result_end(d);

    return rc == NGX_DECLINED ? ngx_http_jimeng_deliver_failed(job) : rc;
}


static ngx_int_t
ngx_http_jimeng_deliver_failed(ngx_http_jimeng_job_t *job)
{
    if (job->order.ids) {
        return ngx_http_jimeng_retrieved_failed(job);
    }

    return ngx_http_jimeng_result_error(job, ngx_http_jimeng_result_why(job));
}


static ngx_int_t
ngx_http_jimeng_deliver_task(ngx_http_jimeng_delivery_t *d, ngx_uint_t i)
{
    ngx_uint_t               data, single;
    ngx_http_jimeng_task_t  *task;

    task = &d->job->tasks[i];

    data = (d->job->order.data_json.len != 0);
    single = task->task.limits.single;

    if (!(d->handed >> i & 1)) {

        if (ngx_http_jimeng_deliver_keeps(d, i)) {
            return ngx_http_jimeng_deliver_made(d, task);
        }

        if (ngx_http_jimeng_data_over(d, task) != NGX_OK) {
            return NGX_ERROR;
        }

        if (d->parts[i].error) {
            return NGX_OK;
        }

        if (!data) {
            d->task = task;
            return ngx_http_jimeng_stream_urls(d,
                                               ngx_http_jimeng_data_wanted(d),
                                               1);
        }

        if (!single) {
            ngx_http_jimeng_data_all(d, task);
        }
    }

    if (data && single && d->parts[i].error == NULL) {
        ngx_http_jimeng_data_next(d, task, 0);
    }

    return NGX_OK;
}


/*
 * Whether more may come of a task, or of others behind it: in OpenAI's form the
 * last picture's event tells which tasks failed, and while others run one
 * picture is kept back, which may turn out to be the last.
 */

static ngx_uint_t
ngx_http_jimeng_deliver_keeps(ngx_http_jimeng_delivery_t *d, ngx_uint_t i)
{
    ngx_http_jimeng_task_t  *task;

    task = &d->job->tasks[i];

    if (ngx_http_jimeng_task_state(task) != JM_TASK_DONE
        && ngx_http_jimeng_task_state(task) != JM_TASK_FAILED)
    {
        return 1;
    }

    return task->part.error == NULL && d->job->unfinished
           && d->job->order.stream == JM_STREAM_OPENAI
           && !ngx_http_jimeng_stream_others(d, i);
}


/* what may be handed on of a task's pictures while it, or another, goes on */

static ngx_int_t
ngx_http_jimeng_deliver_made(ngx_http_jimeng_delivery_t *d,
    ngx_http_jimeng_task_t *task)
{
    if (task->part.nurls == 0 || !d->begun) {
        return NGX_OK;
    }

    if (d->job->order.data_json.len == 0) {
        d->task = task;
        return ngx_http_jimeng_stream_urls(d, ngx_http_jimeng_data_wanted(d),
                                           0);
    }

    if (task->task.limits.single) {
        ngx_http_jimeng_data_next(d, task,
                                  d->job->order.stream == JM_STREAM_OPENAI);
    }

    return NGX_OK;
}


/* sets what comes before and after a picture's base64 in the reply */

static ngx_int_t
ngx_http_jimeng_deliver_picture(void *data, ngx_uint_t number,
    jm_picture_type_e type, ngx_str_t *before, ngx_str_t *after)
{
    ngx_http_jimeng_delivery_t *d = data;

    return d->job->order.stream
           ? ngx_http_jimeng_stream_picture(d, number, type, before, after)
           : ngx_http_jimeng_result_picture(d, type, before, after);
}


/*
 * Called for events of the client's connection, and when an exchange has
 * ended.  Returns NGX_ERROR when the client's connection is lost.
 */

ngx_int_t
ngx_http_jimeng_deliver_event(ngx_http_jimeng_job_t *job)
{
    ngx_connection_t            *c;
    ngx_http_jimeng_delivery_t  *d;

    c = job->request->connection;
    d = job->delivery;

    if (d == NULL) {
        return NGX_OK;
    }

    if (c->write->timedout) {
        c->timedout = 1;
        return NGX_ERROR;
    }

    if (d->exchange && !ngx_http_jimeng_exchange_ended(d->exchange)) {
        ngx_http_jimeng_exchange_wake(d->exchange);
    }

    if (d->exchange && d->pass.raw && !d->pass.bad) {
        (void) ngx_http_jimeng_encode(&d->pass);
    }

    if (d->pass.client_lost || d->client_lost) {
        return NGX_ERROR;
    }

    if (d->exchange && ngx_http_jimeng_exchange_ended(d->exchange)
        && !d->stopped && !ngx_http_jimeng_deliver_encodes(d))
    {
        ngx_http_jimeng_data_asked(d);
    }

    if (d->exchange && ngx_http_jimeng_exchange_passes(d->exchange)) {
        return NGX_OK;
    }

    if (!d->begun || d->stopped) {
        return NGX_OK;
    }

    return ngx_http_jimeng_send_rest(job->request);
}


/* whether some of a picture that has come is not in the reply yet */

static ngx_uint_t
ngx_http_jimeng_deliver_encodes(ngx_http_jimeng_delivery_t *d)
{
    return d->pass.raw && !d->pass.bad
           && (d->pass.pending
               || (d->pass.last && (d->pass.inside || d->pass.nhead)));
}


/*
 * Nothing more is sent, or fetched.  Buffers of an exchange that is stopped may
 * still be on their way to the client: it is freed with the request.
 */

void
ngx_http_jimeng_deliver_stop(ngx_http_jimeng_job_t *job)
{
    ngx_http_jimeng_deliver_quiet(job);

    if (job->delivery && job->delivery->exchange) {
        (void) ngx_http_jimeng_exchange_cancel(job->delivery->exchange);
    }
}


/* the same, where nginx stops the exchange itself */

void
ngx_http_jimeng_deliver_quiet(ngx_http_jimeng_job_t *job)
{
    ngx_http_jimeng_delivery_t  *d;

    d = job->delivery;

    if (d == NULL) {
        return;
    }

    d->stopped = 1;

    if (d->timer.timer_set) {
        ngx_del_timer(&d->timer);
    }

    if (d->heartbeat.timer_set) {
        ngx_del_timer(&d->heartbeat);
    }
}


void
ngx_http_jimeng_deliver_destroy(ngx_http_jimeng_job_t *job)
{
    ngx_http_jimeng_deliver_stop(job);

    if (job->delivery && job->delivery->exchange) {
        ngx_http_jimeng_exchange_destroy(job->delivery->exchange);
    }
}
