
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * A task's pictures are asked for when it is done, all at once.  A single call
 * brings links: each of its pictures is fetched by its own, one at a time, and
 * in a stream while the call goes on and others are made.
 */


#include "ngx_http_jimeng_data.h"


/* how often a task's pictures are asked for, while none of them went on */

#define NGX_HTTP_JIMENG_ATTEMPTS  3

/* the most milliseconds between two attempts: a client waits for them */

#define NGX_HTTP_JIMENG_PAUSE     5000


static void ngx_http_jimeng_data_ask(ngx_http_jimeng_delivery_t *d);
static void ngx_http_jimeng_data_fetch(ngx_http_jimeng_delivery_t *d);
static ngx_uint_t ngx_http_jimeng_data_whole(ngx_http_jimeng_delivery_t *d,
    jm_answer_t *answer);
static void ngx_http_jimeng_data_trouble(ngx_http_jimeng_delivery_t *d,
    jm_answer_t *answer);
static void ngx_http_jimeng_data_lost(ngx_http_jimeng_delivery_t *d,
    jm_error_t *error);
static void ngx_http_jimeng_data_error(ngx_http_jimeng_delivery_t *d,
    jm_answer_t *answer, ngx_uint_t final, jm_error_t *e);


/* pictures of d->task to hand on: a group may have more than were wanted */

ngx_uint_t
ngx_http_jimeng_data_wanted(ngx_http_jimeng_delivery_t *d)
{
    uint32_t  max;

    max = d->job->order.max_images;

    return max ? ngx_min(max, d->task->part.nurls) : d->task->part.nurls;
}


/* how many of a single call's, of those that came, are still to be handed on */

ngx_uint_t
ngx_http_jimeng_data_left(ngx_http_jimeng_delivery_t *d,
    ngx_http_jimeng_task_t *task)
{
    uint32_t    bits, max;
    ngx_uint_t  i, n, handed;

    n = 0;

    for (i = 0; i < task->part.nurls; i++) {
        if (!(task->handed >> task->part.indexes[i] & 1)) {
            n++;
        }
    }

    max = d->job->order.max_images;

    if (max == 0) {
        return n;
    }

    handed = 0;

    for (bits = task->handed; bits; bits &= bits - 1) {
        handed++;
    }

    /* others are handed on in place of those that are lost */

    handed -= d->parts[task - d->job->tasks].nlost;

    return ngx_min(n, max - handed);
}


/*
 * A task is over: what its client is told of it has what of its pictures was
 * lost before.  Where all of them were, that is its error.
 */

ngx_int_t
ngx_http_jimeng_data_over(ngx_http_jimeng_delivery_t *d,
    ngx_http_jimeng_task_t *task)
{
    jm_part_t          *part, lost;
    ngx_uint_t          i;
    const jm_error_t   *error;

    i = task - d->job->tasks;
    part = &d->parts[i];
    lost = *part;

    d->handed |= (uint32_t) 1 << i;

    error = task->part.error;

    for (i = 0; i < lost.nerrors; i++) {

        if (task->part.nurls == 1 && error == NULL) {
            error = &lost.errors[i].error;
            break;
        }

        if (ngx_http_jimeng_part_lose(&task->part, lost.errors[i].index,
                                      &lost.errors[i].error,
                                      d->job->request->pool)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    *part = task->part;
    part->error = error;

    return NGX_OK;
}


/*
 * Begins to fetch the next of a single call's pictures, unless no more than so
 * many of them are left as are to be kept back.
 */

void
ngx_http_jimeng_data_next(ngx_http_jimeng_delivery_t *d,
    ngx_http_jimeng_task_t *task, ngx_uint_t back)
{
    ngx_uint_t   i;
    jm_part_t   *part;

    part = &task->part;

    while (d->exchange == NULL && !d->timer.timer_set && !d->stopped
           && ngx_http_jimeng_data_left(d, task) > back)
    {
        for (i = 0; task->handed >> part->indexes[i] & 1; i++) {
            /* void */
        }

        d->task = task;
        d->linked.index = part->indexes[i];
        d->linked.url = part->urls[i];
        d->linked.size = part->sizes[i];
        d->attempts = 0;

        ngx_http_jimeng_pass_init(&d->pass, 1);
        ngx_http_jimeng_data_ask(d);
    }
}


/* begins to ask for all of a task's pictures that are wanted */

void
ngx_http_jimeng_data_all(ngx_http_jimeng_delivery_t *d,
    ngx_http_jimeng_task_t *task)
{
    d->task = task;
    d->attempts = 0;

    ngx_http_jimeng_data_ask(d);
}


static void
ngx_http_jimeng_data_ask(ngx_http_jimeng_delivery_t *d)
{
    ngx_http_jimeng_job_t      *job;
    ngx_http_jimeng_payload_t   body;

    job = d->job;

    d->attempts++;

    if (d->task->task.limits.single) {
        ngx_http_jimeng_data_fetch(d);
        return;
    }

    ngx_http_jimeng_pass_init(&d->pass, ngx_http_jimeng_data_wanted(d));

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
        ngx_http_jimeng_data_trouble(d, NULL);
    }
}


static void
ngx_http_jimeng_data_fetch(ngx_http_jimeng_delivery_t *d)
{
    ngx_str_t               uri;
    ngx_http_jimeng_job_t  *job;

    job = d->job;

    if (ngx_http_jimeng_link_uri(job->request, job->order.created,
                                 d->linked.url, &uri)
        == NGX_OK
        && ngx_http_jimeng_encode_init(&d->pass, job->request->pool) == NGX_OK)
    {
        d->exchange = ngx_http_jimeng_exchange_fetch(job->request,
                                                     job->account, &uri,
                                                     &d->pass);
    }

    if (d->exchange == NULL) {
        ngx_http_jimeng_data_trouble(d, NULL);
    }
}


/* the exchange that fetches a task's pictures has ended */

void
ngx_http_jimeng_data_asked(ngx_http_jimeng_delivery_t *d)
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
        ngx_http_jimeng_outcome_result(d->task, answer);
    }

    ngx_http_jimeng_log_answer(d->task, answer);

    whole = ngx_http_jimeng_data_whole(d, answer);

    if (whole && d->pass.raw) {
        d->task->handed |= (uint32_t) 1 << d->linked.index;
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

        ngx_http_jimeng_data_trouble(d, answer);
    }

    ngx_http_jimeng_exchange_destroy(x);
}


static ngx_uint_t
ngx_http_jimeng_data_whole(ngx_http_jimeng_delivery_t *d,
    jm_answer_t *answer)
{
    return answer->event == JM_EVENT_DONE
           && d->pass.pictures == d->pass.wanted && !d->pass.empty;
}


/* none of a task's pictures went on: they are fetched again, or given up */

static void
ngx_http_jimeng_data_trouble(ngx_http_jimeng_delivery_t *d,
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

    ngx_http_jimeng_data_error(d, answer, final, error);

    ngx_log_error(NGX_LOG_ERR, d->log, 0,
                  "jimeng: the pictures of task \"%V\" could not be fetched, "
                  "after %ui attempts", &d->task->id, d->attempts);

    if (d->task->task.limits.single) {
        ngx_http_jimeng_data_lost(d, error);
        return;
    }

    d->parts[d->task - d->job->tasks].error = error;
}


/*
 * One of a single call's is lost: it goes on with the others.  If it is the
 * last that can be had, that is the task's error, which in OpenAI's form takes
 * the place of a stream's last picture.
 */

static void
ngx_http_jimeng_data_lost(ngx_http_jimeng_delivery_t *d, jm_error_t *error)
{
    jm_part_t               *told;
    ngx_uint_t               i, over;
    ngx_http_jimeng_task_t  *task;

    task = d->task;
    i = task - d->job->tasks;
    told = &d->parts[i];
    over = d->handed >> i & 1;

    task->handed |= (uint32_t) 1 << d->linked.index;

    if (over
        && (task->part.nurls == 1
            || (d->job->order.stream == JM_STREAM_OPENAI
                && ngx_http_jimeng_data_left(d, task) == 0)))
    {
        told->error = error;
        return;
    }

    if (ngx_http_jimeng_part_lose(over ? &task->part : told, d->linked.index,
                                  error, d->job->request->pool)
        != NGX_OK)
    {
        d->stopped = 1;
        return;
    }

    if (over) {
        *told = task->part;
    }
}


/* final: the upstream itself said that it will not give the pictures */

static void
ngx_http_jimeng_data_error(ngx_http_jimeng_delivery_t *d,
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


void
ngx_http_jimeng_data_timer(ngx_event_t *ev)
{
    ngx_connection_t            *c;
    ngx_http_jimeng_job_t       *job;
    ngx_http_jimeng_delivery_t  *d;

    d = ev->data;
    job = d->job;
    c = job->request->connection;

    ngx_http_set_log_request(c->log, job->request);

    ngx_http_jimeng_data_ask(d);

    if (d->exchange == NULL) {
        ngx_http_jimeng_post(job->request, &job->posted);
    }

    ngx_http_run_posted_requests(c);
}
