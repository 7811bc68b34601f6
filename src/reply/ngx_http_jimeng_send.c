
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_reply.h"


static ngx_int_t ngx_http_jimeng_send_text(ngx_http_request_t *r,
    ngx_uint_t status, ngx_str_t *type, ngx_str_t *text);
static void ngx_http_jimeng_send_unlimited(ngx_http_request_t *r);
static void ngx_http_jimeng_type(ngx_http_request_t *r, ngx_str_t *type,
    off_t len);


static ngx_str_t  ngx_http_jimeng_type_json = ngx_string("application/json");


ngx_int_t
ngx_http_jimeng_request_id_header(ngx_http_request_t *r)
{
    ngx_http_variable_value_t  *vv;

    vv = ngx_http_jimeng_request_id(r);
    if (vv == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_jimeng_reply_header(r, "X-Request-Id", vv->data, vv->len);
}


void
ngx_http_jimeng_json_type(ngx_http_request_t *r, size_t len)
{
    ngx_http_jimeng_type(r, &ngx_http_jimeng_type_json, len);
}


static void
ngx_http_jimeng_type(ngx_http_request_t *r, ngx_str_t *type, off_t len)
{
    u_char  *p;

    r->headers_out.content_type = *type;
    r->headers_out.content_type_len = type->len;
    r->headers_out.content_type_lowcase = NULL;
    ngx_str_null(&r->headers_out.charset);

    /* "gzip_types" and the like have a type without its parameters */

    p = ngx_strlchr(type->data, type->data + type->len, ';');

    if (p) {
        r->headers_out.content_type_len = p - type->data;
        ngx_str_set(&r->headers_out.charset, "utf-8");
    }

    ngx_http_clear_content_length(r);
    r->headers_out.content_length_n = len;
}


/* replies with JSON; returns what the request is to be finalized with */

ngx_int_t
ngx_http_jimeng_send_json(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *text)
{
    return ngx_http_jimeng_send_text(r, status, &ngx_http_jimeng_type_json,
                                     text);
}


/* replies with what was written to out; type is NULL for JSON */

ngx_int_t
ngx_http_jimeng_send_report(ngx_http_request_t *r, ngx_str_t *type,
    jm_buf_t *out)
{
    ngx_int_t  rc;
    ngx_str_t  text;

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    if (out->rc != JM_OK) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "jimeng: a report could not be written");
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_jimeng_str(&text, out);

    return ngx_http_jimeng_send_text(r, NGX_HTTP_OK,
                                     type ? type : &ngx_http_jimeng_type_json,
                                     &text);
}


static ngx_int_t
ngx_http_jimeng_send_text(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *type, ngx_str_t *text)
{
    ngx_int_t                rc;
    ngx_buf_t               *b;
    ngx_chain_t              out;
    ngx_http_jimeng_ctx_t   *ctx;

    ctx = ngx_http_jimeng_ctx(r);

    b = ngx_calloc_buf(r->pool);

    if (ctx == NULL || b == NULL
        || ngx_http_jimeng_request_id_header(r) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->replied = 1;

    r->headers_out.status = status;
    ngx_http_jimeng_type(r, type, text->len);

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b->pos = text->data;
    b->last = text->data + text->len;
    b->memory = 1;
    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


/*
 * Sends the header of a reply whose length is not known; type is NULL for JSON.
 * NGX_ERROR: it could not be sent, and the client has gone.
 */

ngx_int_t
ngx_http_jimeng_send_begin(ngx_http_request_t *r, ngx_str_t *type)
{
    ngx_int_t               rc;
    ngx_http_jimeng_ctx_t  *ctx;

    ctx = ngx_http_jimeng_ctx(r);

    if (ctx == NULL || ngx_http_jimeng_request_id_header(r) != NGX_OK) {
        return NGX_ERROR;
    }

    ctx->replied = 1;

    r->headers_out.status = NGX_HTTP_OK;
    ngx_http_jimeng_type(r, type ? type : &ngx_http_jimeng_type_json, -1);

    ngx_http_jimeng_send_unlimited(r);

    rc = ngx_http_send_header(r);

    return (rc == NGX_ERROR || rc > NGX_OK) ? NGX_ERROR : NGX_OK;
}


/* without limit_rate, as nginx has it for upstreams without buffering */

static void
ngx_http_jimeng_send_unlimited(ngx_http_request_t *r)
{
    r->limit_rate = 0;

#if (nginx_version >= 1017000)
    r->limit_rate_set = 1;
#endif
}


/* sends a piece of such a reply; text has to live as long as the request */

ngx_int_t
ngx_http_jimeng_send_part(ngx_http_request_t *r, ngx_str_t *text,
    ngx_uint_t last)
{
    ngx_buf_t  *b;

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = text->data;
    b->last = text->data + text->len;
    b->memory = text->len ? 1 : 0;
    b->last_buf = last;
    b->last_in_chain = last;

    return ngx_http_jimeng_send_buf(r, b);
}


/* sends a buffer of such a reply: the caller's, until it was sent */

ngx_int_t
ngx_http_jimeng_send_buf(ngx_http_request_t *r, ngx_buf_t *b)
{
    ngx_int_t                  rc;
    ngx_chain_t                out;
    ngx_connection_t          *c;
    ngx_http_core_loc_conf_t  *clcf;

    b->flush = 1;

    out.buf = b;
    out.next = NULL;

    rc = ngx_http_output_filter(r, &out);

    /* at the reply's end nginx sends the rest, once it is finalized */

    if (rc == NGX_ERROR || b->last_buf) {
        return rc;
    }

    c = r->connection;

    if (c->buffered) {
        clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

        /* a delay has the timer, and what is left is sent when it is over */

        if (!c->write->delayed) {
            ngx_add_timer(c->write, clcf->send_timeout);
        }

        return ngx_handle_write_event(c->write, clcf->send_lowat);
    }

    return NGX_OK;
}


/*
 * Sends what the client did not take at once: called for events of its
 * connection.  NGX_ERROR: it has failed, or send_timeout is over.
 */

ngx_int_t
ngx_http_jimeng_send_rest(ngx_http_request_t *r)
{
    ngx_uint_t                 ready;
    ngx_event_t               *wev;
    ngx_connection_t          *c;
    ngx_http_core_loc_conf_t  *clcf;

    c = r->connection;
    wev = c->write;

    if (wev->timedout) {
        c->timedout = 1;
        return NGX_ERROR;
    }

    ready = wev->ready;

    /* r->postponed: a filter's subrequest, as of add_after_body, goes first */

    if (ready && (c->buffered || r->postponed)
        && ngx_http_output_filter(r, NULL) == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    /* a delay, of limit_rate or limit_req, has the timer */

    if (wev->delayed) {
        return ngx_handle_write_event(wev, clcf->send_lowat);
    }

    /* as long as nothing can be sent its timer is not to be put off */

    if (c->buffered && (ready || !wev->timer_set)) {
        ngx_add_timer(wev, clcf->send_timeout);

    } else if (!c->buffered && wev->timer_set) {
        ngx_del_timer(wev);
    }

    return ngx_handle_write_event(wev, clcf->send_lowat);
}


/*
 * The reply is whole, and its request is not over: it ends for the client
 * here.  In HTTP/2 its last frame has said so, and on a connection that is
 * kept its length or last chunk.
 */

void
ngx_http_jimeng_send_fin(ngx_http_request_t *r)
{
    ngx_connection_t  *c;

    c = r->connection;

#if (NGX_HTTP_V3)

    if (c->quic) {
        if (ngx_quic_shutdown_stream(c, NGX_WRITE_SHUTDOWN) != NGX_OK) {
            ngx_log_debug0(NGX_LOG_DEBUG_HTTP, c->log, 0,
                           "jimeng: ngx_quic_shutdown_stream() failed");
        }

        return;
    }

#endif

    if (ngx_http_jimeng_client_is_stream(r) || r->keepalive) {
        return;
    }

#if (NGX_HTTP_SSL)

    if (c->ssl) {
        (void) SSL_shutdown(c->ssl->connection);
        ERR_clear_error();
    }

#endif

    if (ngx_shutdown_socket(c->fd, NGX_WRITE_SHUTDOWN) == -1) {
        ngx_log_debug0(NGX_LOG_DEBUG_HTTP, c->log, ngx_socket_errno,
                       "jimeng: shutdown() failed");
    }
}
