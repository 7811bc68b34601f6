
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_input.h"


/* of a JSON body, what is not in strings that are longer than a prompt */

#define NGX_HTTP_JIMENG_REST_MAX    4194304

/* bytes of bodies after which other requests get their turn */

#define NGX_HTTP_JIMENG_SLICE       524288

/*
 * Milliseconds in which a worker notices that its client has left.  Who
 * wants the same picture several times at once waits as long, each time.
 */

#define NGX_HTTP_JIMENG_TWIN        250


static void ngx_http_jimeng_input_handler(ngx_http_request_t *r);
static ngx_http_jimeng_input_t *ngx_http_jimeng_input_create(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_jimeng_input_first(ngx_http_jimeng_input_t *in,
    ngx_http_jimeng_ctx_t *ctx);
static void ngx_http_jimeng_input_run(ngx_http_jimeng_input_t *in);
static ngx_int_t ngx_http_jimeng_input_wait(ngx_http_jimeng_input_t *in,
    ngx_msec_t time);
static void ngx_http_jimeng_input_timer(ngx_event_t *ev);
static void ngx_http_jimeng_input_reading(ngx_http_request_t *r);
static void ngx_http_jimeng_input_end(ngx_http_jimeng_input_t *in,
    ngx_int_t rc, jm_error_t *e);
static ngx_int_t ngx_http_jimeng_input_param(ngx_http_request_t *r,
    jm_error_t *e);
static ngx_int_t ngx_http_jimeng_input_start(ngx_http_request_t *r,
    ngx_http_jimeng_order_t *order, ngx_http_jimeng_claim_t *claim,
    jm_error_t *e);
static void ngx_http_jimeng_input_free(ngx_http_jimeng_input_t *in);
static void ngx_http_jimeng_input_cleanup(void *data);

static ngx_int_t ngx_http_jimeng_input_text(ngx_http_jimeng_input_t *in,
    jm_error_t *e);
static ngx_int_t ngx_http_jimeng_input_skeleton(ngx_http_jimeng_input_t *in,
    jm_error_t *e);
static ngx_int_t ngx_http_jimeng_input_form(ngx_http_jimeng_input_t *in,
    jm_error_t *e);
static ngx_int_t ngx_http_jimeng_input_fields(ngx_http_jimeng_input_t *in,
    jm_error_t *e);
static ngx_int_t ngx_http_jimeng_input_value(ngx_http_jimeng_input_t *in,
    jm_multipart_part_t *part, size_t len, jm_str_t *value);
static ngx_int_t ngx_http_jimeng_input_piece(ngx_http_jimeng_input_t *in,
    jm_str_t *piece);


/* bodies that have to wait: they are due at the same time, and share a turn */

static ngx_uint_t  ngx_http_jimeng_inputs;


ngx_int_t
ngx_http_jimeng_input_read(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    r->request_body_in_single_buf = 1;

    rc = ngx_http_read_client_request_body(r, ngx_http_jimeng_input_handler);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    return NGX_DONE;
}


static void
ngx_http_jimeng_input_handler(ngx_http_request_t *r)
{
    ngx_http_jimeng_input_t  *in;

    in = ngx_http_jimeng_input_create(r);

    if (in == NULL) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    ngx_http_jimeng_input_run(in);
}


static ngx_http_jimeng_input_t *
ngx_http_jimeng_input_create(ngx_http_request_t *r)
{
    ngx_pool_t                  *pool;
    ngx_http_jimeng_ctx_t       *ctx;
    ngx_http_jimeng_input_t     *in;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    ctx = ngx_http_jimeng_ctx(r);
    if (ctx == NULL) {
        return NULL;
    }

    pool = ngx_create_pool(8192, r->connection->log);
    if (pool == NULL) {
        return NULL;
    }

    in = ngx_pcalloc(pool, sizeof(ngx_http_jimeng_input_t));
    if (in == NULL) {
        goto failed;
    }

    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);

    in->request = r;
    in->pool = pool;

    ngx_http_jimeng_mem(&in->mem, pool);

    in->rules.models = &jlcf->table;
    ngx_http_jimeng_str(&in->rules.default_model, &jlcf->default_model);
    in->rules.max_prompt = jlcf->max_prompt;
    in->rules.strict_size = (jlcf->size == NGX_HTTP_JIMENG_SIZE_STRICT);
    in->rules.format = (jm_format_e) jlcf->response_format;
    in->rules.edit = ctx->edit;
    in->rules.upload = (jlcf->upload != NULL);

    /* a character may be written in twelve, a URL's in six */

    in->max_string = ngx_max(12 * jlcf->max_prompt,
                             (size_t) 6 * JM_REQUEST_URL);

    if (ngx_http_jimeng_body_open(r, &in->body) != NGX_OK
        || ngx_http_jimeng_input_first(in, ctx) != NGX_OK)
    {
        goto failed;
    }

    return in;

failed:

    ngx_destroy_pool(pool);

    return NULL;
}


/* a small body in memory, which most are, is read as it is */

static ngx_int_t
ngx_http_jimeng_input_first(ngx_http_jimeng_input_t *in,
    ngx_http_jimeng_ctx_t *ctx)
{
    if (!ctx->form && in->body.whole
        && in->body.len <= NGX_HTTP_JIMENG_SLICE)
    {
        in->step = ngx_http_jimeng_input_text;
        return NGX_OK;
    }

    if (!in->body.whole) {
        in->picture.buffer = ngx_palloc(in->pool, NGX_HTTP_JIMENG_PIECE);
        if (in->picture.buffer == NULL) {
            return NGX_ERROR;
        }
    }

    if (ctx->form) {
        in->step = ngx_http_jimeng_input_form;
        return NGX_OK;
    }

    in->skeleton = ngx_palloc(in->pool, sizeof(jm_skeleton_t));
    if (in->skeleton == NULL) {
        return NGX_ERROR;
    }

    jm_buf_init(&in->rest, &in->mem, 4096, NGX_HTTP_JIMENG_REST_MAX);
    jm_skeleton_init(in->skeleton, &in->rest, in->max_string);

    in->rules.skeleton = in->skeleton;
    in->step = ngx_http_jimeng_input_skeleton;

    return NGX_OK;
}


static void
ngx_http_jimeng_input_run(ngx_http_jimeng_input_t *in)
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

        rc = ngx_http_jimeng_input_wait(in, 1);

        if (rc == NGX_AGAIN) {
            return;
        }
    }

    ngx_http_jimeng_input_end(in, rc, &e);
}


static ngx_int_t
ngx_http_jimeng_input_wait(ngx_http_jimeng_input_t *in, ngx_msec_t time)
{
    ngx_http_request_t     *r;
    ngx_http_jimeng_ctx_t  *ctx;

    r = in->request;

    if (in->cleanup == NULL) {
        in->cleanup = ngx_pool_cleanup_add(r->pool, 0);
        if (in->cleanup == NULL) {
            return NGX_ERROR;
        }

        in->cleanup->handler = ngx_http_jimeng_input_cleanup;
        in->cleanup->data = in;

        ngx_http_jimeng_inputs++;

        in->ident = (ngx_socket_t) -1;
        in->timer.handler = ngx_http_jimeng_input_timer;
        in->timer.data = in;
        in->timer.log = r->connection->log;

        ctx = ngx_http_jimeng_ctx(r);
        ctx->input = in;

        r->read_event_handler = ngx_http_jimeng_input_reading;
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
ngx_http_jimeng_input_timer(ngx_event_t *ev)
{
    ngx_connection_t         *c;
    ngx_http_request_t       *r;
    ngx_http_jimeng_input_t  *in;

    in = ev->data;

    r = in->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    ngx_http_jimeng_input_run(in);

    /* nginx runs posted requests after events, and not after timers */

    ngx_http_run_posted_requests(c);
}


static void
ngx_http_jimeng_input_reading(ngx_http_request_t *r)
{
    ngx_http_jimeng_ctx_t  *ctx;

    if (!ngx_http_jimeng_client_left(r)) {
        return;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_jimeng_module);

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "jimeng: client closed connection, %s",
                  ctx->input->waited
                  ? "the same request of its was waited for"
                  : "its pictures were being read");

    ngx_http_jimeng_input_end(ctx->input, NGX_HTTP_CLIENT_CLOSED_REQUEST,
                              NULL);
}


/* the request may be gone when this returns */

static void
ngx_http_jimeng_input_end(ngx_http_jimeng_input_t *in, ngx_int_t rc,
    jm_error_t *e)
{
    jm_str_t                  none = jm_null_string;
    jm_error_t                error;
    ngx_http_request_t       *r;
    ngx_http_jimeng_ctx_t    *ctx;
    ngx_http_jimeng_order_t   order;
    ngx_http_jimeng_claim_t  *claim;

    r = in->request;
    claim = NULL;
    order = in->order;

    if (in->params.model) {
        ctx = ngx_http_get_module_ctx(r, ngx_http_jimeng_module);

        ctx->model.len = in->params.model->req_key.len;
        ctx->model.data = (u_char *) in->params.model->req_key.data;
    }

    if (rc == NGX_OK) {
        rc = ngx_http_jimeng_order_claim(in, &claim, &error);
        e = &error;

        if (rc == NGX_AGAIN) {
            rc = ngx_http_jimeng_input_wait(in, NGX_HTTP_JIMENG_TWIN);

            if (rc == NGX_AGAIN) {
                return;
            }
        }
    }

    if (in->cleanup) {
        r->read_event_handler = ngx_http_block_reading;
    }

    if (rc == NGX_DECLINED && ngx_http_jimeng_input_param(r, e) != NGX_OK) {
        rc = NGX_ERROR;
    }

    ngx_http_jimeng_input_free(in);

    if (rc == NGX_OK) {
        rc = ngx_http_jimeng_input_start(r, &order, claim, &error);
    }

    switch (rc) {

    case NGX_OK:
        return;

    case NGX_DECLINED:
        rc = ngx_http_jimeng_send_error(r, e, none);
        break;

    case NGX_ERROR:
        rc = NGX_HTTP_INTERNAL_SERVER_ERROR;
        break;

    default: /* NGX_HTTP_CLIENT_CLOSED_REQUEST */
        break;
    }

    ngx_http_finalize_request(r, rc);
}


/* the name of the field that an error is about is in the input's memory */

static ngx_int_t
ngx_http_jimeng_input_param(ngx_http_request_t *r, jm_error_t *e)
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


static ngx_int_t
ngx_http_jimeng_input_start(ngx_http_request_t *r,
    ngx_http_jimeng_order_t *order, ngx_http_jimeng_claim_t *claim,
    jm_error_t *e)
{
    ngx_int_t  rc;

    rc = ngx_http_jimeng_rate_check(r, e);

    if (rc == NGX_OK) {
        rc = ngx_http_jimeng_hold(r, order, claim, e);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_http_jimeng_job_start(r, order, claim);
}


static void
ngx_http_jimeng_input_free(ngx_http_jimeng_input_t *in)
{
    if (in->cleanup) {
        in->cleanup->handler = NULL;
    }

    ngx_http_jimeng_input_cleanup(in);
}


static void
ngx_http_jimeng_input_cleanup(void *data)
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


/*
 * A step takes a piece of the body, or of a picture in it.  It returns
 * NGX_AGAIN when it, or the one that it has set, is to be called again; NGX_OK
 * when the order is made; NGX_DECLINED and the client's error; or NGX_ERROR.
 */

static ngx_int_t
ngx_http_jimeng_input_text(ngx_http_jimeng_input_t *in, jm_error_t *e)
{
    jm_rc_e  rc;

    rc = jm_request_read(&in->params, in->body.text, &in->rules, &in->mem, e);

    return ngx_http_jimeng_order_read(in, rc, e);
}


static ngx_int_t
ngx_http_jimeng_input_skeleton(ngx_http_jimeng_input_t *in, jm_error_t *e)
{
    jm_rc_e   rc;
    jm_str_t  piece;

    if (in->offset == in->body.len) {
        rc = jm_request_read(&in->params, jm_buf_view(&in->rest), &in->rules,
                             &in->mem, e);

        return ngx_http_jimeng_order_read(in, rc, e);
    }

    if (ngx_http_jimeng_input_piece(in, &piece) != NGX_OK) {
        return NGX_ERROR;
    }

    switch (jm_skeleton_add(in->skeleton, piece)) {

    case JM_OK:
        return NGX_AGAIN;

    case JM_INVALID:
        jm_error_set(e, JM_CAUSE_INVALID_REQUEST, NULL,
                     "The request has more than %d long strings; send fewer "
                     "pictures.", JM_SKELETON_STRINGS);
        return NGX_DECLINED;

    default:
        jm_error_set(e, JM_CAUSE_REQUEST_TOO_LARGE, NULL,
                     "The JSON of the request is too large even without its "
                     "pictures; send a smaller one.");
        return NGX_DECLINED;
    }
}


static ngx_int_t
ngx_http_jimeng_input_form(ngx_http_jimeng_input_t *in, jm_error_t *e)
{
    jm_rc_e      rc;
    jm_str_t     piece;
    ngx_str_t   *type;
    const char  *why;

    if (in->form == NULL) {
        in->form = ngx_palloc(in->pool, sizeof(jm_multipart_t));
        if (in->form == NULL) {
            return NGX_ERROR;
        }

        type = &in->request->headers_in.content_type->value;

        ngx_http_jimeng_str(&piece, type);

        if (jm_multipart_init(in->form, piece) != JM_OK) {
            jm_error_set(e, JM_CAUSE_INVALID_REQUEST, NULL,
                         "The Content-Type of the form has no valid "
                         "boundary.");
            return NGX_DECLINED;
        }
    }

    if (in->offset == in->body.len) {
        rc = jm_multipart_end(in->form, &why);

        if (rc == JM_OK) {
            return ngx_http_jimeng_input_fields(in, e);
        }

    } else {
        if (ngx_http_jimeng_input_piece(in, &piece) != NGX_OK) {
            return NGX_ERROR;
        }

        rc = jm_multipart_add(in->form, piece, &why);

        if (rc == JM_OK) {
            return NGX_AGAIN;
        }
    }

    jm_error_set(e, JM_CAUSE_INVALID_REQUEST, NULL, "The form %s.", why);

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_jimeng_input_fields(ngx_http_jimeng_input_t *in, jm_error_t *e)
{
    size_t                i;
    jm_rc_e               rc;
    ngx_int_t             kept;
    jm_form_field_t      *field;
    jm_multipart_part_t  *part;

    field = ngx_pcalloc(in->pool, (in->form->nparts + 1)
                                  * sizeof(jm_form_field_t));
    if (field == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < in->form->nparts; i++) {
        part = &in->form->parts[i];

        field[i].name = part->name;
        field[i].file = part->file;
        field[i].unnamed = part->unnamed;
        field[i].foreign = part->foreign;
        field[i].offset = part->offset;
        field[i].len = part->len;

        if (part->file) {
            continue;
        }

        kept = part->len > in->max_string
               ? ngx_http_jimeng_input_value(in, part, JM_SKELETON_HEAD,
                                             &field[i].head)
               : ngx_http_jimeng_input_value(in, part, part->len,
                                             &field[i].value);

        if (kept != NGX_OK) {
            return NGX_ERROR;
        }
    }

    rc = jm_request_read_form(&in->params, field, in->form->nparts,
                              &in->rules, &in->mem, e);

    return ngx_http_jimeng_order_read(in, rc, e);
}


/* the first bytes of a part; an empty value is one that was kept, too */

static ngx_int_t
ngx_http_jimeng_input_value(ngx_http_jimeng_input_t *in,
    jm_multipart_part_t *part, size_t len, jm_str_t *value)
{
    u_char  *p;

    p = NULL;

    if (!in->body.whole || len == 0) {
        p = ngx_pnalloc(in->pool, len + 1);
        if (p == NULL) {
            return NGX_ERROR;
        }
    }

    value->data = p;

    if (len == 0) {
        return NGX_OK;
    }

    return ngx_http_jimeng_body_read(&in->body, part->offset, len, p, value);
}


static ngx_int_t
ngx_http_jimeng_input_piece(ngx_http_jimeng_input_t *in, jm_str_t *piece)
{
    size_t  len;

    len = ngx_min(in->body.len - in->offset, NGX_HTTP_JIMENG_PIECE);

    if (ngx_http_jimeng_body_read(&in->body, in->offset, len,
                                  in->picture.buffer, piece)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    in->offset += len;
    in->used += len;

    return NGX_OK;
}
