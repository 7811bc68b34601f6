
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_reply.h"


/* how often a task's pictures are asked for, while none of them went on */

#define NGX_HTTP_JIMENG_ATTEMPTS  3

/* the most milliseconds between two attempts: a client waits for them */

#define NGX_HTTP_JIMENG_PAUSE     5000


static ngx_int_t ngx_http_jimeng_deliver_end(ngx_http_jimeng_job_t *job);
static ngx_int_t ngx_http_jimeng_deliver_failed(ngx_http_jimeng_job_t *job);
static ngx_int_t ngx_http_jimeng_deliver_task(ngx_http_jimeng_delivery_t *d,
    ngx_uint_t i);
static ngx_int_t ngx_http_jimeng_deliver_made(ngx_http_jimeng_delivery_t *d,
    ngx_http_jimeng_task_t *task);
static ngx_int_t ngx_http_jimeng_deliver_picture(void *data,
    ngx_uint_t number, jm_picture_type_e type, ngx_str_t *before,
    ngx_str_t *after);
static ngx_uint_t ngx_http_jimeng_deliver_wanted(
    ngx_http_jimeng_delivery_t *d);
static void ngx_http_jimeng_deliver_ask(ngx_http_jimeng_delivery_t *d);
static void ngx_http_jimeng_deliver_fetch(ngx_http_jimeng_delivery_t *d);
static ngx_uint_t ngx_http_jimeng_deliver_encodes(
    ngx_http_jimeng_delivery_t *d);
static void ngx_http_jimeng_deliver_asked(ngx_http_jimeng_delivery_t *d);
static ngx_uint_t ngx_http_jimeng_deliver_whole(
    ngx_http_jimeng_delivery_t *d, jm_answer_t *answer);
static void ngx_http_jimeng_deliver_trouble(ngx_http_jimeng_delivery_t *d,
    jm_answer_t *answer);
static ngx_uint_t ngx_http_jimeng_deliver_last(ngx_http_jimeng_delivery_t *d);
static void ngx_http_jimeng_deliver_lost(ngx_http_jimeng_delivery_t *d,
    jm_error_t *error);
static void ngx_http_jimeng_deliver_error(ngx_http_jimeng_delivery_t *d,
    jm_answer_t *answer, ngx_uint_t final, jm_error_t *e);
static void ngx_http_jimeng_deliver_timer(ngx_event_t *ev);


/* for a stream, or pictures as data; URLs in one reply need none of it */

ngx_int_t
ngx_http_jimeng_deliver_create(ngx_http_jimeng_job_t *job)
{
    ngx_log_t                   *log;
    ngx_pool_t                  *pool;
    ngx_http_jimeng_delivery_t  *d;

    pool = job->request->pool;
    log = job->request->connection->log;

    d = ngx_pcalloc(pool, sizeof(ngx_http_jimeng_delivery_t));
    if (d == NULL) {
        return NGX_ERROR;
    }

    d->parts = ngx_pcalloc(pool, job->order.n * sizeof(jm_part_t));
    if (d->parts == NULL) {
        return NGX_ERROR;
    }

    d->job = job;
    d->log = log;
    d->ident = (ngx_socket_t) -1;

    d->timer.handler = ngx_http_jimeng_deliver_timer;
    d->timer.data = d;
    d->timer.log = log;

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
    ngx_http_jimeng_task_t  *task;

    task = &d->job->tasks[i];

    if (d->handed >> i & 1) {
        return NGX_OK;
    }

    if (ngx_http_jimeng_task_state(task) != JM_TASK_DONE
        && ngx_http_jimeng_task_state(task) != JM_TASK_FAILED)
    {
        return ngx_http_jimeng_deliver_made(d, task);
    }

    /*
     * In OpenAI's form the last picture's event tells which tasks failed: while
     * others run, one picture is kept back, which may turn out to be the last.
     */

    if (task->part.error == NULL && d->job->unfinished
        && d->job->order.stream == JM_STREAM_OPENAI
        && !ngx_http_jimeng_stream_others(d, i))
    {
        return NGX_OK;
    }

    d->handed |= (uint32_t) 1 << i;
    d->parts[i] = task->part;
    d->task = task;

    if (task->part.error) {
        return NGX_OK;
    }

    if (d->job->order.data_json.len) {
        d->attempts = 0;
        ngx_http_jimeng_pass_init(&d->pass, ngx_http_jimeng_deliver_wanted(d));
        ngx_http_jimeng_deliver_ask(d);

        return NGX_OK;
    }

    return ngx_http_jimeng_stream_urls(d, ngx_http_jimeng_deliver_wanted(d), 1);
}


/* what there is of a task's pictures while it goes on */

static ngx_int_t
ngx_http_jimeng_deliver_made(ngx_http_jimeng_delivery_t *d,
    ngx_http_jimeng_task_t *task)
{
    if (task->part.nurls == 0 || !d->begun || d->job->order.data_json.len) {
        return NGX_OK;
    }

    d->task = task;

    return ngx_http_jimeng_stream_urls(d, ngx_http_jimeng_deliver_wanted(d), 0);
}


/* pictures of the task to hand on: a group may have more than were wanted */

static ngx_uint_t
ngx_http_jimeng_deliver_wanted(ngx_http_jimeng_delivery_t *d)
{
    uint32_t  max;

    max = d->job->order.max_images;

    return max ? ngx_min(max, d->task->part.nurls) : d->task->part.nurls;
}


/* begins an exchange whose answer has the pictures of d->task */

static void
ngx_http_jimeng_deliver_ask(ngx_http_jimeng_delivery_t *d)
{
    ngx_http_jimeng_job_t      *job;
    ngx_http_jimeng_payload_t   body;

    job = d->job;

    d->attempts++;

    if (d->task->task.limits.single) {
        ngx_http_jimeng_deliver_fetch(d);
        return;
    }

    ngx_http_jimeng_pass_init(&d->pass, ngx_http_jimeng_deliver_wanted(d));

    if (ngx_http_jimeng_query(job->request->pool, &job->order.req_key,
                              &d->task->id, &job->order.data_json, &body)
        == NGX_OK)
    {
        d->exchange = ngx_http_jimeng_exchange_start(job->request,
                                                     job->account,
                                                     JM_VISUAL_RESULT, &body,
                                                     &d->pass);
    }

    if (d->exchange == NULL) {
        ngx_http_jimeng_deliver_trouble(d, NULL);
    }
}


/* begins one that brings the next of these pictures, by its link */

static void
ngx_http_jimeng_deliver_fetch(ngx_http_jimeng_delivery_t *d)
{
    ngx_str_t               uri;
    ngx_http_jimeng_job_t  *job;

    job = d->job;

    if (ngx_http_jimeng_link_uri(job->request, job->order.created,
                                 d->task->part.urls[d->pass.pictures], &uri)
        == NGX_OK
        && ngx_http_jimeng_encode_init(&d->pass, job->request->pool) == NGX_OK)
    {
        d->exchange = ngx_http_jimeng_exchange_fetch(job->request,
                                                     job->account, &uri,
                                                     &d->pass);
    }

    if (d->exchange == NULL) {
        ngx_http_jimeng_deliver_trouble(d, NULL);
    }
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
        ngx_http_jimeng_deliver_asked(d);
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


/* the exchange that fetches a task's pictures has ended */

static void
ngx_http_jimeng_deliver_asked(ngx_http_jimeng_delivery_t *d)
{
    ngx_uint_t                   whole;
    jm_answer_t                 *answer;
    ngx_http_jimeng_exchange_t  *x;

    x = d->exchange;
    answer = &x->result;

    if (ngx_http_jimeng_answer_read(x) != JM_OK) {
        ngx_log_error(NGX_LOG_ERR, d->log, 0,
                      "jimeng: no memory to read an answer");
    }

    d->job->upstream_time += x->time;

    ngx_http_jimeng_metrics_exchange(d->job->request, d->job->account,
                                     JM_VISUAL_RESULT, answer, x->time);

    if (d->job->order.ids) {
        ngx_http_jimeng_outcome_retrieved(d->task, answer);
    }

    ngx_http_jimeng_log_answer(d->task, answer);

    whole = ngx_http_jimeng_deliver_whole(d, answer);

    if (whole && d->pass.raw && d->pass.pictures < d->pass.wanted) {
        ngx_http_jimeng_exchange_destroy(x);

        d->exchange = NULL;
        d->attempts = 0;

        ngx_http_jimeng_deliver_ask(d);
        return;
    }

    if (whole && ngx_http_jimeng_pass_busy(&d->pass)) {

        if (ngx_http_jimeng_exchange_keep(x) != NGX_OK) {
            d->stopped = 1;
            return;
        }

        d->exchange = NULL;
        return;
    }

    if (whole) {
        d->exchange = NULL;

    } else if (d->pass.raw ? d->pass.inside : d->pass.begun) {

        /* the exchange is kept: what the client has yet to take lies in it */

        d->stopped = 1;

        ngx_http_jimeng_told(d->job->request, JM_CAUSE_UPSTREAM);

        ngx_log_error(NGX_LOG_ERR, d->log, 0,
                      "jimeng: the pictures of task \"%V\" broke off, "
                      "%ui of %ui were whole", &d->task->id,
                      d->pass.pictures, d->pass.wanted);
        return;

    } else {
        d->exchange = NULL;

        ngx_http_jimeng_deliver_trouble(d, answer);
    }

    ngx_http_jimeng_exchange_destroy(x);
}


static ngx_uint_t
ngx_http_jimeng_deliver_whole(ngx_http_jimeng_delivery_t *d,
    jm_answer_t *answer)
{
    if (answer->event != JM_EVENT_DONE) {
        return 0;
    }

    return d->pass.raw ? d->pass.pictures == d->pass.number + 1
                       : d->pass.pictures == d->pass.wanted && !d->pass.empty;
}


/* none of a task's pictures went on: they are fetched again, or given up */

static void
ngx_http_jimeng_deliver_trouble(ngx_http_jimeng_delivery_t *d,
    jm_answer_t *answer)
{
    ngx_uint_t                   final;
    ngx_msec_t                   interval;
    jm_error_t                  *error;
    ngx_http_request_t          *r;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    r = d->job->request;

    final = answer && (answer->event == JM_EVENT_FAILED
                       || answer->event == JM_EVENT_TRANSIENT);

    if (!final && d->attempts < NGX_HTTP_JIMENG_ATTEMPTS) {
        jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);

        interval = ngx_http_jimeng_poll_fixed(jlcf);

        ngx_add_timer(&d->timer, ngx_min(interval, NGX_HTTP_JIMENG_PAUSE));
        return;
    }

    error = ngx_palloc(r->pool, sizeof(jm_error_t));
    if (error == NULL) {
        d->stopped = 1;
        return;
    }

    ngx_http_jimeng_deliver_error(d, answer, final, error);

    ngx_log_error(NGX_LOG_ERR, d->log, 0,
                  "jimeng: the pictures of task \"%V\" could not be fetched, "
                  "after %ui attempts", &d->task->id, d->attempts);

    if (d->task->task.limits.single && !ngx_http_jimeng_deliver_last(d)) {
        ngx_http_jimeng_deliver_lost(d, error);
        return;
    }

    d->parts[d->task - d->job->tasks].error = error;
}


/*
 * Whether it is the last of a task's pictures that can be had; in OpenAI's form
 * an error takes the place of a stream's last one.
 */

static ngx_uint_t
ngx_http_jimeng_deliver_last(ngx_http_jimeng_delivery_t *d)
{
    return d->task->part.nurls == 1
           || (d->job->order.stream == JM_STREAM_OPENAI
               && d->pass.pictures + 1 == ngx_http_jimeng_deliver_wanted(d));
}


/* the next of a single call's is lost: it goes on with the others */

static void
ngx_http_jimeng_deliver_lost(ngx_http_jimeng_delivery_t *d, jm_error_t *error)
{
    ngx_uint_t  n;

    n = d->pass.pictures;

    if (ngx_http_jimeng_part_lose(&d->task->part, n, error,
                                  d->job->request->pool)
        != NGX_OK)
    {
        d->stopped = 1;
        return;
    }

    d->parts[d->task - d->job->tasks] = d->task->part;
    d->pass.wanted = ngx_http_jimeng_deliver_wanted(d);

    /* not at once: it may be lost as well, and so on */

    if (n < d->pass.wanted) {
        d->attempts = 0;
        ngx_add_timer(&d->timer, 1);
    }
}


/* final: the upstream itself said that it will not give the pictures */

static void
ngx_http_jimeng_deliver_error(ngx_http_jimeng_delivery_t *d,
    jm_answer_t *answer, ngx_uint_t final, jm_error_t *e)
{
    int64_t     code;
    ngx_uint_t  repeats;

    repeats = ngx_http_jimeng_ledger_repeats(d->job->claim);

    if (final) {
        *e = answer->error;

        if (d->job->order.gpt) {
            jm_error_gpt(e);
        }

    } else {
        jm_error_set(e, JM_CAUSE_UPSTREAM, NULL,
                     "The picture was made, and could not be fetched from the "
                     "image provider; %s.",
                     d->job->order.ids
                     ? "ask for it again"
                     : repeats ? "send the request again to get it"
                     : "sending the request again would be billed again");

        e->transient = 1;

        code = answer ? answer->number : 0;

        if (code >= 0 && code != JM_CODE_SUCCESS) {
            e->upstream_code = code;
        }
    }

    if (d->job->order.ids == NULL) {
        e->no_retry = (final || !repeats);
    }
}


static void
ngx_http_jimeng_deliver_timer(ngx_event_t *ev)
{
    ngx_connection_t            *c;
    ngx_http_jimeng_job_t       *job;
    ngx_http_jimeng_delivery_t  *d;

    d = ev->data;
    job = d->job;
    c = job->request->connection;

    ngx_http_set_log_request(c->log, job->request);

    ngx_http_jimeng_deliver_ask(d);

    if (d->exchange == NULL) {
        ngx_http_jimeng_post(job->request, &job->posted);
    }

    ngx_http_run_posted_requests(c);
}


/*
 * Nothing more is sent, or fetched.  Buffers of an exchange that is stopped may
 * still be on their way to the client: it is freed with the request.
 */

void
ngx_http_jimeng_deliver_stop(ngx_http_jimeng_job_t *job)
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

    if (d->exchange) {
        (void) ngx_http_jimeng_exchange_cancel(d->exchange);
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
