
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_reply.h"

#include "jm_stream.h"


/* bytes of a task's events, less base64: enough for all that was paid for */

#define NGX_HTTP_JIMENG_EVENT_MAX  1048576

/* and of a comment, less the task's id */

#define NGX_HTTP_JIMENG_COMMENT    160


struct ngx_http_jimeng_comment_s {
    ngx_buf_t                   buf;
    jm_standing_t               standing;   /* as it was told */
    jm_str_t                    task_id;
    u_char                     *text;
    size_t                      size;
};


static ngx_int_t ngx_http_jimeng_stream_create(ngx_http_jimeng_delivery_t *d);
static ngx_uint_t ngx_http_jimeng_stream_begins(
    ngx_http_jimeng_delivery_t *d);
static ngx_int_t ngx_http_jimeng_stream_begin(ngx_http_jimeng_delivery_t *d);
static void ngx_http_jimeng_stream_heartbeat(ngx_event_t *ev);
static ngx_uint_t ngx_http_jimeng_stream_free(ngx_http_jimeng_delivery_t *d);
static void ngx_http_jimeng_stream_standing(ngx_http_jimeng_delivery_t *d,
    jm_standing_t *standing);
static ngx_int_t ngx_http_jimeng_stream_comment(
    ngx_http_jimeng_delivery_t *d);
static ngx_int_t ngx_http_jimeng_stream_id(ngx_http_jimeng_delivery_t *d);
static jm_rc_e ngx_http_jimeng_stream_tail(ngx_http_jimeng_delivery_t *d,
    jm_buf_t *b);
static void ngx_http_jimeng_stream_failures(jm_buf_t *b, jm_stream_t *s,
    ngx_uint_t i, const jm_part_t *part);
static void ngx_http_jimeng_stream_init(ngx_http_jimeng_delivery_t *d,
    jm_stream_t *s);
static ngx_int_t ngx_http_jimeng_stream_last(ngx_http_jimeng_delivery_t *d,
    jm_stream_t *s);
static ngx_uint_t ngx_http_jimeng_stream_final(
    ngx_http_jimeng_delivery_t *d);
static uint32_t ngx_http_jimeng_stream_index(ngx_http_jimeng_delivery_t *d,
    ngx_uint_t number);


/*
 * A stream begins as soon as a task waits or was accepted, or with the first
 * heartbeat: what fails before has a status of its own.  From then on comments
 * say where the request stands.
 */

ngx_int_t
ngx_http_jimeng_stream_step(ngx_http_jimeng_delivery_t *d)
{
    jm_standing_t  standing;

    if (d->comment == NULL && ngx_http_jimeng_stream_create(d) != NGX_OK) {
        return NGX_ERROR;
    }

    if (!d->begun) {
        return ngx_http_jimeng_stream_begins(d)
               ? ngx_http_jimeng_stream_begin(d) : NGX_OK;
    }

    ngx_http_jimeng_stream_standing(d, &standing);

    if (d->any || !ngx_http_jimeng_stream_free(d)
        || ngx_memcmp(&standing, &d->comment->standing, sizeof(jm_standing_t))
           == 0)
    {
        return NGX_OK;
    }

    return ngx_http_jimeng_stream_comment(d);
}


static ngx_int_t
ngx_http_jimeng_stream_create(ngx_http_jimeng_delivery_t *d)
{
    ngx_http_request_t          *r;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    r = d->job->request;

    d->comment = ngx_pcalloc(r->pool,
                             sizeof(struct ngx_http_jimeng_comment_s));
    if (d->comment == NULL) {
        return NGX_ERROR;
    }

    d->heartbeat.handler = ngx_http_jimeng_stream_heartbeat;
    d->heartbeat.data = d;
    d->heartbeat.log = d->log;

    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);

    if (jlcf->heartbeat) {
        ngx_add_timer(&d->heartbeat, jlcf->heartbeat);
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_jimeng_stream_begins(ngx_http_jimeng_delivery_t *d)
{
    ngx_uint_t       i;
    jm_task_state_e  state;

    for (i = 0; i < d->job->order.n; i++) {
        state = ngx_http_jimeng_task_state(&d->job->tasks[i]);

        if (state == JM_TASK_HELD || state == JM_TASK_QUEUED
            || ((d->job->tasks[i].id.len || d->job->tasks[i].part.nurls)
                && state != JM_TASK_FAILED))
        {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_jimeng_stream_begin(ngx_http_jimeng_delivery_t *d)
{
    static ngx_str_t     type = ngx_string("text/event-stream");
    ngx_http_request_t  *r;

    r = d->job->request;

    if (ngx_http_jimeng_reply_header(r, "Cache-Control",
                                     (u_char *) "no-cache", 8)
        != NGX_OK
        || ngx_http_jimeng_reply_header(r, "X-Accel-Buffering",
                                        (u_char *) "no", 2)
           != NGX_OK
        || ngx_http_jimeng_send_begin(r, &type) != NGX_OK)
    {
        return NGX_ERROR;
    }

    d->begun = 1;

    return ngx_http_jimeng_stream_comment(d);
}


static void
ngx_http_jimeng_stream_heartbeat(ngx_event_t *ev)
{
    ngx_int_t                    rc;
    ngx_connection_t            *c;
    ngx_http_jimeng_job_t       *job;
    ngx_http_jimeng_delivery_t  *d;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    d = ev->data;
    job = d->job;
    c = job->request->connection;

    ngx_http_set_log_request(c->log, job->request);

    jlcf = ngx_http_get_module_loc_conf(job->request, ngx_http_jimeng_module);

    ngx_add_timer(ev, jlcf->heartbeat);

    rc = NGX_OK;

    if (!d->begun) {
        rc = ngx_http_jimeng_stream_begin(d);

    } else if (ngx_http_jimeng_stream_free(d)) {
        rc = ngx_http_jimeng_stream_comment(d);
    }

    if (rc != NGX_OK) {
        d->client_lost = 1;
        ngx_http_jimeng_post(job->request, &job->posted);
    }

    ngx_http_run_posted_requests(c);
}


/* whether a comment may be sent: no event is under way, and nothing waits */

static ngx_uint_t
ngx_http_jimeng_stream_free(ngx_http_jimeng_delivery_t *d)
{
    ngx_http_request_t  *r;

    r = d->job->request;

    return !r->connection->buffered && !r->postponed && !d->pass.inside;
}


static void
ngx_http_jimeng_stream_standing(ngx_http_jimeng_delivery_t *d,
    jm_standing_t *standing)
{
    ngx_uint_t               i;
    ngx_http_jimeng_task_t  *task;

    ngx_memzero(standing, sizeof(jm_standing_t));

    standing->status = JM_STATUS_PENDING;

    for (i = 0; i < d->job->order.n; i++) {
        task = &d->job->tasks[i];

        if (task->id.len || task->part.nurls
            || (task->task.limits.single
                && task->task.state == JM_TASK_SUBMIT))
        {
            standing->status = JM_STATUS_RUNNING;
            return;
        }
    }

    ngx_http_jimeng_result_turn(d->job, standing);
}


static ngx_int_t
ngx_http_jimeng_stream_comment(ngx_http_jimeng_delivery_t *d)
{
    jm_buf_t                           b;
    struct ngx_http_jimeng_comment_s  *c;

    c = d->comment;

    if (ngx_http_jimeng_stream_id(d) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_jimeng_stream_standing(d, &c->standing);

    jm_buf_fixed(&b, c->text, c->size);

    if (jm_stream_comment(&b, c->task_id, &c->standing) != JM_OK) {
        return NGX_ERROR;
    }

    /* one buffer will do: the next is sent when nothing waits any more */

    ngx_memzero(&c->buf, sizeof(ngx_buf_t));

    c->buf.pos = b.data;
    c->buf.last = b.data + b.len;
    c->buf.memory = 1;

    return ngx_http_jimeng_send_buf(d->job->request, &c->buf);
}


/* there is none at first, of what is being submitted */

static ngx_int_t
ngx_http_jimeng_stream_id(ngx_http_jimeng_delivery_t *d)
{
    struct ngx_http_jimeng_comment_s  *c;

    c = d->comment;

    if (c->task_id.len) {
        return NGX_OK;
    }

    /* without a ledger an id knows no tasks but those that it is made of */

    if ((d->job->claim || d->job->unfinished == 0)
        && ngx_http_jimeng_result_id(d->job, &c->task_id) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (c->text && c->task_id.len == 0) {
        return NGX_OK;
    }

    c->size = NGX_HTTP_JIMENG_COMMENT + c->task_id.len;
    c->text = ngx_pnalloc(d->job->request->pool, c->size);

    return c->text ? NGX_OK : NGX_ERROR;
}


/*
 * The events of d->task's pictures that are there, up to limit of them, and
 * were not handed on.  While more may come, in OpenAI's form the last is kept
 * back, whose event tells which failed.
 */

ngx_int_t
ngx_http_jimeng_stream_urls(ngx_http_jimeng_delivery_t *d, ngx_uint_t limit,
    ngx_uint_t over)
{
    size_t                   at, index;
    jm_buf_t                 b;
    jm_mem_t                 mem;
    ngx_str_t                text;
    ngx_uint_t               i, last;
    jm_part_t               *part;
    jm_stream_t              s;
    ngx_http_jimeng_task_t  *task;

    task = d->task;
    part = &task->part;

    ngx_http_jimeng_stream_init(d, &s);

    ngx_http_jimeng_mem(&mem, d->job->request->pool);
    jm_buf_init(&b, &mem, 1024, NGX_HTTP_JIMENG_EVENT_MAX);

    last = (over || s.dialect == JM_STREAM_ARK) ? limit : limit - 1;

    for (i = 0; i < last; i++) {
        index = part->indexes[i];

        if (task->handed >> index & 1) {
            continue;
        }

        if (over && i + 1 == limit
            && ngx_http_jimeng_stream_last(d, &s) != NGX_OK)
        {
            return NGX_ERROR;
        }

        s.size = part->sizes[i];

        (void) jm_stream_picture(&b, &s,
                                 ngx_http_jimeng_stream_index(d, index),
                                 part->urls[i], &at);

        task->handed |= (uint32_t) 1 << index;
    }

    if (b.rc != JM_OK) {
        return NGX_ERROR;
    }

    if (b.len == 0) {
        return NGX_OK;
    }

    d->any = 1;

    ngx_http_jimeng_str(&text, &b);

    return ngx_http_jimeng_send_part(d->job->request, &text, 0);
}


/* the event of a picture whose base64 comes from the upstream's buffers */

ngx_int_t
ngx_http_jimeng_stream_picture(ngx_http_jimeng_delivery_t *d,
    ngx_uint_t number, jm_picture_type_e type, ngx_str_t *before,
    ngx_str_t *after)
{
    size_t       at, index;
    jm_buf_t     b;
    jm_mem_t     mem;
    jm_str_t     none = jm_null_string;
    ngx_uint_t   last;
    jm_stream_t  s;

    ngx_http_jimeng_stream_init(d, &s);
    s.look.type = type;

    if (d->pass.raw) {
        index = d->linked.index;
        last = (ngx_http_jimeng_data_left(d, d->task) == 1);
        s.size = d->linked.size;

    } else {
        index = d->task->part.indexes[number];
        last = (number + 1 == d->pass.wanted);
        s.size = d->task->part.sizes[number];
    }

    if (last && ngx_http_jimeng_stream_last(d, &s) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_jimeng_mem(&mem, d->job->request->pool);
    jm_buf_init(&b, &mem, 512, NGX_HTTP_JIMENG_EVENT_MAX);

    if (jm_stream_picture(&b, &s, ngx_http_jimeng_stream_index(d, index),
                          none, &at)
        != JM_OK)
    {
        return NGX_ERROR;
    }

    d->any = 1;

    before->data = b.data;
    before->len = at;

    after->data = b.data + at;
    after->len = b.len - at;

    return NGX_OK;
}


/*
 * What ends a stream: in Ark's form the failures of tasks beside the pictures
 * of others; the error alone where there are no pictures, and in OpenAI's form
 * where the last one could not be fetched, which would have told of it.
 */

ngx_int_t
ngx_http_jimeng_stream_end(ngx_http_jimeng_delivery_t *d)
{
    jm_rc_e                  rc;
    jm_buf_t                 b;
    jm_mem_t                 mem;
    jm_str_t                 task_id;
    ngx_str_t                text;
    const jm_error_t        *e;

    if (!d->begun) {
        return NGX_DECLINED;
    }

    ngx_http_jimeng_mem(&mem, d->job->request->pool);
    jm_buf_init(&b, &mem, 1024, NGX_HTTP_JIMENG_EVENT_MAX);

    if (d->told || (d->any && d->job->order.stream == JM_STREAM_ARK)) {
        rc = ngx_http_jimeng_stream_tail(d, &b);

    } else {
        if (ngx_http_jimeng_result_id(d->job, &task_id) != NGX_OK) {
            return NGX_ERROR;
        }

        e = ngx_http_jimeng_result_why(d->job);
        rc = jm_stream_error(&b, e, task_id);

        ngx_http_jimeng_told(d->job->request, e->cause);
    }

    if (rc != JM_OK) {
        return NGX_ERROR;
    }

    ngx_http_jimeng_str(&text, &b);

    return ngx_http_jimeng_send_part(d->job->request, &text, 1);
}


static jm_rc_e
ngx_http_jimeng_stream_tail(ngx_http_jimeng_delivery_t *d, jm_buf_t *b)
{
    size_t             made;
    ngx_uint_t         i;
    jm_stream_t        s;
    const jm_part_t   *part;

    made = 0;
    ngx_http_jimeng_stream_init(d, &s);

    s.parts = d->parts;
    s.nparts = d->job->order.n;

    for (i = 0; i < d->job->order.n; i++) {
        part = &d->parts[i];

        /* pictures that could not be fetched were billed as well */

        made += part->nurls + part->nlost;

        if (s.dialect == JM_STREAM_ARK) {
            ngx_http_jimeng_stream_failures(b, &s, i, part);
        }
    }

    return jm_stream_end(b, &s, made);
}


static void
ngx_http_jimeng_stream_failures(jm_buf_t *b, jm_stream_t *s, ngx_uint_t i,
    const jm_part_t *part)
{
    ngx_uint_t  k;

    if (part->error) {
        (void) jm_stream_failed(b, s, (uint32_t) i, part->error);
        return;
    }

    for (k = 0; k < part->nerrors; k++) {
        (void) jm_stream_failed(b, s, (uint32_t) (i + part->errors[k].index),
                                &part->errors[k].error);
    }
}


static void
ngx_http_jimeng_stream_init(ngx_http_jimeng_delivery_t *d, jm_stream_t *s)
{
    ngx_http_jimeng_order_t  *order;

    order = &d->job->order;

    s->dialect = order->stream;
    s->edit = order->edit;
    s->created = d->job->order.created;
    ngx_http_jimeng_str(&s->model, &order->req_key);
    s->look = order->look;
    s->size.len = 0;
    s->parts = NULL;
    s->nparts = 0;
    s->ignored = order->ignored;
}


/*
 * OpenAI's form has no event for a task that failed beside others that did not:
 * the last picture's event has the failures.  This is the last of its task.
 */

static ngx_int_t
ngx_http_jimeng_stream_last(ngx_http_jimeng_delivery_t *d, jm_stream_t *s)
{
    jm_part_t   *parts;
    ngx_uint_t   i;

    if (s->dialect == JM_STREAM_ARK || !ngx_http_jimeng_stream_final(d)) {
        return NGX_OK;
    }

    d->told = 1;

    parts = ngx_palloc(d->job->request->pool,
                       d->job->order.n * sizeof(jm_part_t));
    if (parts == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < d->job->order.n; i++) {
        parts[i] = *ngx_http_jimeng_result_part(d->job, i);
    }

    s->parts = parts;
    s->nparts = d->job->order.n;

    return NGX_OK;
}


/* the place of a picture among those of the request */

static uint32_t
ngx_http_jimeng_stream_index(ngx_http_jimeng_delivery_t *d, ngx_uint_t number)
{
    return (uint32_t) (d->task - d->job->tasks + number);
}


/* whether tasks but this one have pictures that are still to be handed on */

ngx_uint_t
ngx_http_jimeng_stream_others(ngx_http_jimeng_delivery_t *d, ngx_uint_t i)
{
    ngx_uint_t               k;
    ngx_http_jimeng_task_t  *task;

    for (k = 0; k < d->job->order.n; k++) {
        task = &d->job->tasks[k];

        if (k != i && !(d->handed >> k & 1) && task->part.error == NULL
            && ngx_http_jimeng_task_state(task) == JM_TASK_DONE)
        {
            return 1;
        }
    }

    return 0;
}


/* whether no picture is to come behind those of the task under way */

static ngx_uint_t
ngx_http_jimeng_stream_final(ngx_http_jimeng_delivery_t *d)
{
    return d->job->unfinished == 0
           && !ngx_http_jimeng_stream_others(d, d->task - d->job->tasks);
}
