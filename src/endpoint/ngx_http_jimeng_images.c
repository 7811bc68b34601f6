
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_endpoint.h"


/*
 * Milliseconds in which a worker notices that its client has left: so long a
 * request waits for one that is the same, to see whether it is a repeat of it.
 * Clients that send a request several times at once wait for that, too.  Where
 * that client may be another machine's, whose death is not known yet, it is
 * looked again as often.
 */

#define NGX_HTTP_JIMENG_TWIN  250

/* bytes of a model's name, as a client has written it, in the log */

#define NGX_HTTP_JIMENG_MODEL_MAX  128


static void ngx_http_jimeng_images_handler(ngx_http_request_t *r);
static void ngx_http_jimeng_images_run(ngx_http_jimeng_input_t *in);
static ngx_int_t ngx_http_jimeng_images_wait(ngx_http_jimeng_input_t *in,
    ngx_msec_t time);
static void ngx_http_jimeng_images_timer(ngx_event_t *ev);
static void ngx_http_jimeng_images_reading(ngx_http_request_t *r);
static void ngx_http_jimeng_images_asked(void *data);
static void ngx_http_jimeng_images_end(ngx_http_jimeng_input_t *in,
    ngx_int_t rc, jm_error_t *e);
static void ngx_http_jimeng_images_model(ngx_http_jimeng_input_t *in);
static void ngx_http_jimeng_images_opened(void *data);
static void ngx_http_jimeng_images_refuse(ngx_http_jimeng_input_t *in,
    ngx_int_t rc, jm_error_t *e);
static void ngx_http_jimeng_images_unread(ngx_http_jimeng_input_t *in);
static ngx_int_t ngx_http_jimeng_images_param(ngx_http_request_t *r,
    jm_error_t *e);
static void ngx_http_jimeng_images_free(ngx_http_jimeng_input_t *in);
static void ngx_http_jimeng_images_cleanup(void *data);


/* bodies that are read in turns: their number shares a turn's bytes */

static ngx_uint_t  ngx_http_jimeng_inputs;


ngx_int_t
ngx_http_jimeng_images_read(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    r->request_body_in_single_buf = 1;

    rc = ngx_http_read_client_request_body(r, ngx_http_jimeng_images_handler);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    return NGX_DONE;
}


static void
ngx_http_jimeng_images_handler(ngx_http_request_t *r)
{
    ngx_http_jimeng_input_t  *in;

    in = ngx_http_jimeng_input_create(r);

    if (in == NULL) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    ngx_http_jimeng_images_run(in);
}


/* reads as much of a body as a turn may have; the request may be gone then */

static void
ngx_http_jimeng_images_run(ngx_http_jimeng_input_t *in)
{
    size_t      slice;
    ngx_int_t   rc;
    jm_error_t  e;

    in->used = 0;

    slice = NGX_HTTP_JIMENG_SLICE / ngx_max(ngx_http_jimeng_inputs, 1);

    do {
        rc = in->step(in, &e);
    } while (rc == NGX_AGAIN && in->used < slice);

    if (rc == NGX_AGAIN) {
        /*
         * Not 0: a timer that is due when it is set is run by the same loop
         * over the timers, again and again, before any other event.
         */

        rc = ngx_http_jimeng_images_wait(in, 1);

        if (rc == NGX_AGAIN) {
            return;
        }
    }

    if (rc == NGX_DONE) {
        in->service->done.handler = ngx_http_jimeng_images_asked;
        in->service->done.data = in;

        ngx_http_jimeng_service_ask(in->service);
        return;
    }

    ngx_http_jimeng_images_end(in, rc, &e);
}


/* it is known in the words of which service the body is to be read */

static void
ngx_http_jimeng_images_asked(void *data)
{
    ngx_http_jimeng_input_t *in = data;

    jm_error_t  e;

    if (in->service->await.torn) {
        ngx_http_jimeng_images_free(in);
        return;
    }

    if (in->service->op.away) {
        ngx_http_jimeng_away(&e);
        ngx_http_jimeng_images_refuse(in, NGX_DECLINED, &e);
        return;
    }

    ngx_http_jimeng_order_served(in);
    ngx_http_jimeng_images_run(in);
}


static ngx_int_t
ngx_http_jimeng_images_wait(ngx_http_jimeng_input_t *in, ngx_msec_t time)
{
    ngx_http_request_t     *r;
    ngx_http_jimeng_ctx_t  *ctx;

    r = in->request;

    if (in->cleanup == NULL) {
        in->cleanup = ngx_pool_cleanup_add(r->pool, 0);
        if (in->cleanup == NULL) {
            return NGX_ERROR;
        }

        in->cleanup->handler = ngx_http_jimeng_images_cleanup;
        in->cleanup->data = in;

        ngx_http_jimeng_inputs++;

        in->ident = (ngx_socket_t) -1;
        in->timer.handler = ngx_http_jimeng_images_timer;
        in->timer.data = in;
        in->timer.log = r->connection->log;

        ctx = ngx_http_jimeng_ctx(r);
        ctx->input = in;

        r->read_event_handler = ngx_http_jimeng_images_reading;
        r->write_event_handler = ngx_http_request_empty_handler;

        if (ngx_handle_read_event(r->connection->read, 0) != NGX_OK) {
            return NGX_ERROR;
        }

        if (ngx_http_jimeng_client_left(r)) {
            return NGX_HTTP_CLIENT_CLOSED_REQUEST;
        }
    }

    ngx_add_timer(&in->timer, time);

    return NGX_AGAIN;
}


static void
ngx_http_jimeng_images_timer(ngx_event_t *ev)
{
    ngx_connection_t         *c;
    ngx_http_request_t       *r;
    ngx_http_jimeng_input_t  *in;

    in = ev->data;

    r = in->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    ngx_http_jimeng_images_run(in);

    /* nginx runs posted requests after events, and not after timers */

    ngx_http_run_posted_requests(c);
}


static void
ngx_http_jimeng_images_reading(ngx_http_request_t *r)
{
    ngx_http_jimeng_ctx_t      *ctx;
    ngx_http_jimeng_service_t  *s;

    ctx = ngx_http_get_module_ctx(r, ngx_http_jimeng_module);
    s = ctx->input->service;

    /* a job is not begun for a client that has left meanwhile */

    if (ctx->input->open.await.waits || (s && s->await.waits)) {
        ngx_http_block_reading(r);
        return;
    }

    if (!ngx_http_jimeng_client_left(r)) {
        return;
    }

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "jimeng: client closed connection, %s",
                  ctx->input->waited
                  ? "the same request of its was waited for"
                  : "its pictures were being read");

    ngx_http_jimeng_images_end(ctx->input, NGX_HTTP_CLIENT_CLOSED_REQUEST,
                              NULL);
}


/*
 * The order is made, or rc says why not: it is opened, or replied to.  The
 * request may be gone when this returns.
 */

static void
ngx_http_jimeng_images_end(ngx_http_jimeng_input_t *in, ngx_int_t rc,
    jm_error_t *e)
{
    ngx_http_jimeng_images_model(in);

    if (rc == NGX_OK) {
        in->open.done.handler = ngx_http_jimeng_images_opened;
        in->open.done.data = in;

        rc = ngx_http_jimeng_order_open(in);

        if (rc == NGX_OK) {
            return;
        }
    }

    ngx_http_jimeng_images_refuse(in, rc, e);
}


/* for the counters and the log; the input's memory goes */

static void
ngx_http_jimeng_images_model(ngx_http_jimeng_input_t *in)
{
    jm_str_t                name;
    ngx_http_jimeng_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(in->request, ngx_http_jimeng_module);

    if (in->params.model) {
        ctx->model.len = in->params.model->req_key.len;
        ctx->model.data = (u_char *) in->params.model->req_key.data;
    }

    name = jm_utf8_prefix(in->params.requested, NGX_HTTP_JIMENG_MODEL_MAX);

    if (name.len == 0 || ctx->requested.len) {
        return;
    }

    ctx->requested.data = ngx_pnalloc(in->request->pool, name.len);

    if (ctx->requested.data) {
        ngx_memcpy(ctx->requested.data, name.data, name.len);
        ctx->requested.len = name.len;
    }
}


/* the order is known, and its client's limits: begins its job */

static void
ngx_http_jimeng_images_opened(void *data)
{
    ngx_http_jimeng_input_t *in = data;

    ngx_int_t                 rc;
    ngx_http_request_t       *r;
    ngx_http_jimeng_order_t   order;
    ngx_http_jimeng_claim_t  *claim;

    r = in->request;
    rc = in->open.rc;

    if (in->open.await.torn) {
        ngx_http_jimeng_images_free(in);
        return;
    }

    if (rc == NGX_AGAIN) {
        ngx_http_jimeng_order_again(in);

        rc = ngx_http_jimeng_images_wait(in, NGX_HTTP_JIMENG_TWIN);

        if (rc == NGX_AGAIN) {
            return;
        }
    }

    if (rc == NGX_BUSY) {
        ngx_http_jimeng_images_asked(in);
        return;
    }

    if (rc != NGX_OK) {
        ngx_http_jimeng_images_refuse(in, rc, &in->open.error);
        return;
    }

    order = in->order;
    claim = in->open.claim;

    ngx_http_jimeng_images_unread(in);
    ngx_http_jimeng_images_free(in);

    if (ngx_http_jimeng_job_start(r, &order, claim) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
    }
}


static void
ngx_http_jimeng_images_refuse(ngx_http_jimeng_input_t *in, ngx_int_t rc,
    jm_error_t *e)
{
    jm_str_t             none = jm_null_string;
    jm_error_t           error;
    ngx_http_request_t  *r;

    r = in->request;

    ngx_http_jimeng_images_unread(in);

    if (rc == NGX_DECLINED) {
        error = *e;

        if (ngx_http_jimeng_images_param(r, &error) != NGX_OK) {
            rc = NGX_ERROR;
        }
    }

    ngx_http_jimeng_images_free(in);

    switch (rc) {

    case NGX_DECLINED:
        rc = ngx_http_jimeng_send_error(r, &error, none);
        break;

    case NGX_ERROR:
        rc = NGX_HTTP_INTERNAL_SERVER_ERROR;
        break;

    default: /* NGX_HTTP_CLIENT_CLOSED_REQUEST */
        break;
    }

    ngx_http_finalize_request(r, rc);
}


/* whether the client has left is not looked at any more */

static void
ngx_http_jimeng_images_unread(ngx_http_jimeng_input_t *in)
{
    if (in->cleanup) {
        in->request->read_event_handler = ngx_http_block_reading;
    }
}


/* the name of the field that is wrong lies in the input's pool, which goes */

static ngx_int_t
ngx_http_jimeng_images_param(ngx_http_request_t *r, jm_error_t *e)
{
    char    *param;
    size_t   size;

    if (e->param == NULL) {
        return NGX_OK;
    }

    size = ngx_strlen(e->param) + 1;

    param = ngx_pnalloc(r->pool, size);
    if (param == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(param, e->param, size);
    e->param = param;

    return NGX_OK;
}


static void
ngx_http_jimeng_images_free(ngx_http_jimeng_input_t *in)
{
    if (in->cleanup) {
        in->cleanup->handler = NULL;
    }

    ngx_http_jimeng_images_cleanup(in);
}


static void
ngx_http_jimeng_images_cleanup(void *data)
{
    ngx_http_jimeng_input_t *in = data;

    if (in->timer.timer_set) {
        ngx_del_timer(&in->timer);
    }

    if (in->cleanup) {
        ngx_http_jimeng_inputs--;
    }

    ngx_destroy_pool(in->pool);
}
