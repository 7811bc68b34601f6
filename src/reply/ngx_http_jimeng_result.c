
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_reply.h"


/* bytes of a reply, less base64: enough for all that was paid for */

#define NGX_HTTP_JIMENG_REPLY_MAX  4194304


static ngx_int_t ngx_http_jimeng_result_text(ngx_http_jimeng_job_t *job,
    size_t *pictures, ngx_str_t *text);
static ngx_int_t ngx_http_jimeng_result_head(ngx_http_jimeng_job_t *job,
    jm_result_t *result);
static jm_part_t *ngx_http_jimeng_result_parts(ngx_http_jimeng_job_t *job);
static ngx_uint_t ngx_http_jimeng_result_waited(ngx_http_jimeng_task_t *task);


/* the reply of a job whose tasks are all over: the pictures that came */

ngx_int_t
ngx_http_jimeng_result_send(ngx_http_jimeng_job_t *job)
{
    ngx_int_t  rc;
    ngx_str_t  text;

    rc = ngx_http_jimeng_result_text(job, NULL, &text);

    if (rc != NGX_OK) {
        return rc == NGX_DECLINED ? rc : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_jimeng_send_json(job->request, NGX_HTTP_OK, &text);
}


/*
 * Sets what comes before and after a picture's base64 in a reply with data; the
 * base64 itself is passed on from the upstream's buffers.  The header is sent
 * with the first picture: until then the reply may become an error.
 */

ngx_int_t
ngx_http_jimeng_result_picture(ngx_http_jimeng_delivery_t *d,
    jm_picture_type_e type, ngx_str_t *before, ngx_str_t *after)
{
    u_char     *p;
    size_t      at;
    ngx_str_t   text, next;

    static ngx_str_t  open = ngx_string(JM_REPLY_DATA_OPEN);
    static ngx_str_t  close = ngx_string(JM_REPLY_DATA_CLOSE);

    ngx_str_set(&next, JM_REPLY_DATA_NEXT);
    *after = close;

    if (!d->begun) {

        if (ngx_http_jimeng_result_text(d->job, &at, &text) != NGX_OK
            || ngx_http_jimeng_send_begin(d->job->request, NULL) != NGX_OK)
        {
            return NGX_ERROR;
        }

        d->begun = 1;
        d->type = type;

        next.len = at;
        next.data = text.data;
    }

    before->len = next.len + open.len;
    before->data = ngx_pnalloc(d->job->request->pool, before->len);

    if (before->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(before->data, next.data, next.len);
    ngx_memcpy(p, open.data, open.len);

    return NGX_OK;
}


/* what comes after the last picture of a reply with data */

ngx_int_t
ngx_http_jimeng_result_end(ngx_http_jimeng_delivery_t *d)
{
    size_t     at;
    ngx_str_t  text;

    if (!d->begun) {
        return NGX_DECLINED;
    }

    if (ngx_http_jimeng_result_text(d->job, &at, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    text.data += at;
    text.len -= at;

    return ngx_http_jimeng_send_part(d->job->request, &text, 1);
}


/*
 * The reply's JSON, in which *pictures is where base64 goes, in place of URLs.
 * NGX_DECLINED: no task brought a picture.
 */

static ngx_int_t
ngx_http_jimeng_result_text(ngx_http_jimeng_job_t *job, size_t *pictures,
    ngx_str_t *text)
{
    jm_buf_t                  out;
    jm_mem_t                  mem;
    ngx_uint_t                i;
    jm_result_t               result;
    ngx_http_jimeng_order_t  *order;

    order = &job->order;

    result.parts = ngx_http_jimeng_result_parts(job);
    if (result.parts == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < order->n; i++) {
        if (result.parts[i].error == NULL) {
            break;
        }
    }

    if (i == order->n) {
        return NGX_DECLINED;
    }

    if (ngx_http_jimeng_result_head(job, &result) != NGX_OK) {
        return NGX_ERROR;
    }

    if (job->delivery) {
        result.look.type = job->delivery->type;
    }

    ngx_http_jimeng_mem(&mem, job->request->pool);
    jm_buf_init(&out, &mem, 1024, NGX_HTTP_JIMENG_REPLY_MAX);

    if (jm_reply_result(&out, &result, pictures) != JM_OK) {
        return NGX_ERROR;
    }

    text->len = out.len;
    text->data = out.data;

    return NGX_OK;
}


/* what every reply about a job begins with */

static ngx_int_t
ngx_http_jimeng_result_head(ngx_http_jimeng_job_t *job, jm_result_t *result)
{
    ngx_http_jimeng_order_t  *order;

    order = &job->order;

    result->created = order->created;
    ngx_http_jimeng_str(&result->model, &order->req_key);
    result->look = order->look;
    result->nparts = order->n;
    result->max_images = order->max_images;
    result->ignored = order->ignored;

    return ngx_http_jimeng_result_id(job, &result->task_id);
}


static jm_part_t *
ngx_http_jimeng_result_parts(ngx_http_jimeng_job_t *job)
{
    jm_part_t   *parts;
    ngx_uint_t   i;

    if (job->delivery) {
        return job->delivery->parts;
    }

    parts = ngx_palloc(job->request->pool, job->order.n * sizeof(jm_part_t));

    for (i = 0; parts && i < job->order.n; i++) {
        parts[i] = job->tasks[i].part;
    }

    return parts;
}


ngx_int_t
ngx_http_jimeng_result_error(ngx_http_jimeng_job_t *job, const jm_error_t *e)
{
    jm_str_t  task_id;

    if (ngx_http_jimeng_result_id(job, &task_id) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_jimeng_ledger_failed(job->claim, e);

    return ngx_http_jimeng_send_error(job->request, e, task_id);
}


/*
 * The reply without pictures: the tasks were submitted, by a client that does
 * not wait for them; or they were asked for by their id, and are not over or
 * have failed.
 */

ngx_int_t
ngx_http_jimeng_result_status(ngx_http_jimeng_job_t *job, jm_status_e status)
{
    jm_buf_t       out;
    jm_mem_t       mem;
    ngx_str_t      text;
    jm_result_t    result;
    jm_standing_t  standing;

    ngx_memzero(&result, sizeof(jm_result_t));
    ngx_memzero(&standing, sizeof(jm_standing_t));

    standing.status = status;

    if (status == JM_STATUS_PENDING) {
        ngx_http_jimeng_result_turn(job, &standing);
    }

    if (ngx_http_jimeng_result_head(job, &result) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_jimeng_mem(&mem, job->request->pool);
    jm_buf_init(&out, &mem, 512, NGX_HTTP_JIMENG_REPLY_MAX);

    if (jm_reply_status(&out, &result, &standing,
                        status == JM_STATUS_FAILED
                        ? ngx_http_jimeng_result_why(job) : NULL)
        != JM_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_jimeng_str(&text, &out);

    return ngx_http_jimeng_send_json(job->request, NGX_HTTP_OK, &text);
}


/*
 * The reply comes when all is submitted, or waits for that and the ledger knows
 * of it; and the job goes on.  NGX_DECLINED: there are pictures of single calls
 * that nobody could ask for later, which are the reply.
 */

ngx_int_t
ngx_http_jimeng_result_async(ngx_http_jimeng_job_t *job)
{
    ngx_uint_t       i, accepted, done, waits;
    jm_task_state_e  state;

    accepted = 0;
    done = 0;

    for (i = 0; i < job->order.n; i++) {
        state = ngx_http_jimeng_task_state(&job->tasks[i]);

        /* a single call is answered when it is over */

        waits = job->claim
                && (state == JM_TASK_HELD || state == JM_TASK_QUEUED
                    || (state == JM_TASK_SUBMIT
                        && job->tasks[i].task.limits.single));

        if (state <= JM_TASK_BACKOFF && !waits) {
            return NGX_DONE;
        }

        if (state == JM_TASK_DONE) {
            done = 1;
        }

        if (job->tasks[i].id.len || waits) {
            accepted = 1;
        }
    }

    if (!accepted && job->unfinished) {
        return NGX_DONE;
    }

    if (!accepted && !done) {
        return ngx_http_jimeng_result_error(job,
                                            ngx_http_jimeng_result_why(job));
    }

    if (!accepted && job->claim == NULL) {
        return NGX_DECLINED;
    }

    /* the client's next request would wait for this one's end */

    job->request->keepalive = 0;

    return ngx_http_jimeng_result_status(job, JM_STATUS_PENDING);
}


/* the place in the queue of the first of a job's tasks that waits */

void
ngx_http_jimeng_result_turn(ngx_http_jimeng_job_t *job, jm_standing_t *s)
{
    ngx_uint_t               i;
    jm_turn_t               *turn;
    ngx_http_jimeng_task_t  *task;

    for (i = 0; i < job->order.n; i++) {
        task = &job->tasks[i];

        turn = job->order.ids ? &task->slot.look.turn : &task->slot.op.turn;

        if (turn->position == 0) {
            continue;
        }

        if (s->position == 0 || turn->position < s->position) {
            s->position = turn->position;
            s->eta = (turn->eta + 999) / 1000;
        }

        /* the one that came last knows of the others */

        s->of = ngx_max(s->of, turn->of);
    }
}


/* the error of a job whose tasks brought no picture, or not the last one */

const jm_error_t *
ngx_http_jimeng_result_why(ngx_http_jimeng_job_t *job)
{
    ngx_uint_t         i;
    const jm_error_t  *e, *error;

    error = NULL;

    /* a repeat is one of all tasks: an error that forbids it goes first */

    for (i = 0; i < job->order.n; i++) {
        e = ngx_http_jimeng_result_part(job, i)->error;

        if (error == NULL || (e && e->no_retry && !error->no_retry)) {
            error = e;
        }
    }

    return error;
}


/* what became of a task; its pictures may have been lost on their way */

const jm_part_t *
ngx_http_jimeng_result_part(ngx_http_jimeng_job_t *job, ngx_uint_t i)
{
    ngx_http_jimeng_delivery_t  *d;

    d = job->delivery;

    return (d && (d->handed >> i & 1)) ? &d->parts[i] : &job->tasks[i].part;
}


/* whether there was any task that may cost something */

ngx_uint_t
ngx_http_jimeng_result_paid(ngx_http_jimeng_job_t *job)
{
    ngx_uint_t               i;
    ngx_http_jimeng_task_t  *task;

    for (i = 0; i < job->order.n; i++) {
        task = &job->tasks[i];

        if ((task->id.len && !job->order.ids) || task->task.retried
            || (task->task.limits.single && task->tries))
        {
            return 1;
        }
    }

    return 0;
}


/*
 * Sets *id to what the client gets as its task's id: all that is needed to ask
 * for the result, sealed.  Of a request that waited, and has no task yet, the
 * ledger tells; else it is empty when nothing was submitted.  It is made once,
 * and stays the same in all replies and in the log.
 */

ngx_int_t
ngx_http_jimeng_result_id(ngx_http_jimeng_job_t *job, jm_str_t *id)
{
    ngx_uint_t                i, accepted, waited;
    jm_ticket_t               t;
    ngx_http_jimeng_order_t  *order;

    order = &job->order;

    if (order->task_id.len) {
        ngx_http_jimeng_str(id, &order->task_id);
        return NGX_OK;
    }

    ngx_http_jimeng_ticket_init(&t, job->request, order, job->account);

    t.created = order->created;
    t.entry = ngx_http_jimeng_ledger_entry(job->claim);

    accepted = 0;
    waited = 0;

    for (i = 0; i < order->n; i++) {
        ngx_http_jimeng_str(&t.ids[i], &job->tasks[i].id);

        if (t.ids[i].len) {
            accepted = 1;

        } else if (ngx_http_jimeng_result_waited(&job->tasks[i])) {
            waited = 1;
        }
    }

    if (waited && job->claim) {
        ngx_http_jimeng_ledger_hand(job->claim);
        accepted = 1;
    }

    if (accepted
        && ngx_http_jimeng_ticket_seal(job->request, &t, &order->task_id)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_jimeng_str(id, &order->task_id);

    return NGX_OK;
}


/*
 * Whether a task was let in: it had to wait, is about to be submitted, or goes
 * on without its client.
 */

static ngx_uint_t
ngx_http_jimeng_result_waited(ngx_http_jimeng_task_t *task)
{
    jm_task_state_e  state;

    state = ngx_http_jimeng_task_state(task);

    return task->slot.waited || task->follows
           || (state != JM_TASK_ADMIT && state != JM_TASK_FAILED);
}
