
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * What a picture's server, a cache or a file has for a link: shown when its
 * first bytes are a picture's, with a type that they have and a header of our
 * own.  It is asked before all other filters, as those that cut pieces out of
 * it have to see the header first.
 */


#include "ngx_http_jimeng_show.h"


static ngx_int_t ngx_http_jimeng_show_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_jimeng_show_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static ngx_http_jimeng_shown_t *ngx_http_jimeng_show_of(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_jimeng_show_look(ngx_http_request_t *r,
    ngx_http_jimeng_shown_t *shown, ngx_chain_t *in);
static ngx_int_t ngx_http_jimeng_show_peek(ngx_http_jimeng_shown_t *shown,
    ngx_buf_t *b);
static ngx_int_t ngx_http_jimeng_show_begin(ngx_http_request_t *r,
    ngx_http_jimeng_shown_t *shown);
static ngx_int_t ngx_http_jimeng_show_no_range(ngx_http_request_t *r,
    ngx_http_jimeng_shown_t *shown);
static ngx_int_t ngx_http_jimeng_show_status(ngx_http_request_t *r,
    ngx_http_jimeng_shown_t *shown);
static ngx_int_t ngx_http_jimeng_show_refused(ngx_http_request_t *r,
    ngx_http_jimeng_shown_t *shown, jm_error_t *e, ngx_uint_t status);
static void ngx_http_jimeng_show_not_kept(ngx_http_request_t *r);
static ngx_int_t ngx_http_jimeng_show_rest(ngx_http_request_t *r,
    ngx_http_jimeng_shown_t *shown, ngx_chain_t *in);
static void ngx_http_jimeng_show_drop(ngx_chain_t *in);


void
ngx_http_jimeng_show_first(void)
{
    static ngx_http_jimeng_filter_t  filter = {
        ngx_http_jimeng_show_header_filter,
        ngx_http_jimeng_show_body_filter
    };

    ngx_http_jimeng_first(NGX_HTTP_JIMENG_FILTER_SHOWN, &filter);
}


/* what is being shown in reply to a request, or NULL */

static ngx_http_jimeng_shown_t *
ngx_http_jimeng_show_of(ngx_http_request_t *r)
{
    ngx_http_jimeng_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_jimeng_module);

    return (ctx && !ctx->replied) ? ctx->shown : NULL;
}


static ngx_int_t
ngx_http_jimeng_show_header_filter(ngx_http_request_t *r)
{
    ngx_http_jimeng_shown_t  *shown;

    shown = ngx_http_jimeng_show_of(r);

    if (shown && r->headers_out.status == NGX_HTTP_OK) {
        shown->held = 1;

        /* a cache begins with the header, and is not to have it */

        return (r->headers_out.content_length_n == 0
                && r->method != NGX_HTTP_HEAD)
               ? ngx_http_jimeng_show_begin(r, shown) : NGX_OK;
    }

    /* what nginx itself refuses has the envelope by its own filter */

    if (shown == NULL || r->err_status || ngx_http_jimeng_attempt_of(r)) {
        return NGX_DECLINED;
    }

    return ngx_http_jimeng_show_status(r, shown);
}


static ngx_int_t
ngx_http_jimeng_show_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    size_t                    kept;
    ngx_int_t                 rc;
    ngx_buf_t                *b;
    ngx_chain_t              *cl;
    ngx_http_jimeng_ctx_t    *ctx;
    ngx_http_jimeng_shown_t  *shown;

    ctx = ngx_http_get_module_ctx(r, ngx_http_jimeng_module);
    shown = ctx ? ctx->shown : NULL;

    if (shown == NULL || !shown->held) {
        return NGX_DECLINED;
    }

    if (shown->sent) {
        return ngx_http_jimeng_show_rest(r, shown, in);
    }

    if (in == NULL) {
        return NGX_OK;
    }

    kept = shown->nhead;

    rc = ngx_http_jimeng_show_look(r, shown, in);

    if (rc == NGX_AGAIN) {
        ngx_http_jimeng_show_drop(in);
        return NGX_OK;
    }

    if (rc != NGX_OK || ngx_http_jimeng_show_begin(r, shown) != NGX_OK) {
        return NGX_ERROR;
    }

    if (kept == 0) {
        return ngx_http_jimeng_show_rest(r, shown, in);
    }

    b = ngx_calloc_buf(r->pool);
    cl = ngx_alloc_chain_link(r->pool);

    if (b == NULL || cl == NULL) {
        return NGX_ERROR;
    }

    b->pos = shown->head;
    b->last = shown->head + kept;
    b->memory = 1;

    cl->buf = b;
    cl->next = in;

    return ngx_http_jimeng_show_rest(r, shown, cl);
}


/*
 * Looks at the first bytes.  NGX_AGAIN: there are more to come before it is
 * known what they are; those of in are kept.
 */

static ngx_int_t
ngx_http_jimeng_show_look(ngx_http_request_t *r,
    ngx_http_jimeng_shown_t *shown, ngx_chain_t *in)
{
    jm_str_t      head, type;
    ngx_uint_t    last;
    ngx_chain_t  *cl;

    last = 0;

    for (cl = in; cl; cl = cl->next) {

        if (ngx_http_jimeng_show_peek(shown, cl->buf) != NGX_OK) {
            return NGX_ERROR;
        }

        if (cl->buf->last_buf || cl->buf->last_in_chain) {
            last = 1;
        }
    }

    /* with buffers of its own nginx flushes nothing when an upstream fails */

    if (shown->nhead < JM_MEDIA_HEAD && !last
        && (off_t) shown->nhead != r->headers_out.content_length_n
        && (shown->nhead || r->upstream == NULL || !r->upstream->buffering))
    {
        return NGX_AGAIN;
    }

    head.len = shown->nhead;
    head.data = shown->head;

    shown->media = jm_media_of(head);

    /* of a picture that is not in the cache HEAD brings no bytes */

    if (head.len == 0 && last && r->method == NGX_HTTP_HEAD) {
        type.len = r->headers_out.content_type_len;
        type.data = r->headers_out.content_type.data;

        shown->media = jm_media_named(type);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_jimeng_show_peek(ngx_http_jimeng_shown_t *shown, ngx_buf_t *b)
{
    size_t   n;
    u_char  *dst;

    n = JM_MEDIA_HEAD - shown->nhead;
    dst = shown->head + shown->nhead;

    if (n == 0 || ngx_buf_special(b)) {
        return NGX_OK;
    }

    n = (size_t) ngx_min(ngx_buf_size(b), (off_t) n);

    if (ngx_buf_in_memory(b)) {
        ngx_memcpy(dst, b->pos, n);

    } else if (ngx_read_file(b->file, dst, n, b->file_pos) != (ssize_t) n) {
        return NGX_ERROR;
    }

    shown->nhead += n;

    return NGX_OK;
}


/* sends the header, whatever it is */

static ngx_int_t
ngx_http_jimeng_show_begin(ngx_http_request_t *r,
    ngx_http_jimeng_shown_t *shown)
{
    ngx_int_t                   rc;
    jm_error_t                  e;
    ngx_http_jimeng_attempt_t  *a;

    shown->sent = 1;

    a = ngx_http_jimeng_attempt_of(r);

    if (shown->media == NULL) {
        ngx_http_jimeng_show_not_kept(r);

        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "jimeng: what a link to a picture leads to is none, and "
                      "was not shown");

        if (a) {
            return ngx_http_jimeng_attempt_header(a, r);
        }

        jm_error_set(&e, JM_CAUSE_UPSTREAM, NULL,
                     "The image provider has something else in the place of "
                     "this picture.");

        return ngx_http_jimeng_show_refused(r, shown, &e,
                                            NGX_HTTP_BAD_GATEWAY);
    }

    if (a) {
        a->picture = 1;
        return ngx_http_jimeng_attempt_header(a, r);
    }

    if (ngx_http_jimeng_show_headers(r, shown) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_http_jimeng_next_header(r);

    if (rc == NGX_HTTP_RANGE_NOT_SATISFIABLE) {
        return ngx_http_jimeng_show_no_range(r, shown);
    }

    return (rc == NGX_ERROR || rc > NGX_OK) ? NGX_ERROR : NGX_OK;
}


static ngx_int_t
ngx_http_jimeng_show_no_range(ngx_http_request_t *r,
    ngx_http_jimeng_shown_t *shown)
{
    jm_error_t  e;

    jm_error_set(&e, JM_CAUSE_INVALID_REQUEST, NULL,
                 "The picture has no bytes in the range that was asked for.");

    return ngx_http_jimeng_show_refused(r, shown, &e,
                                        NGX_HTTP_RANGE_NOT_SATISFIABLE);
}


/* in place of what a picture's server has to say */

static ngx_int_t
ngx_http_jimeng_show_status(ngx_http_request_t *r,
    ngx_http_jimeng_shown_t *shown)
{
    jm_error_t  e;
    ngx_uint_t  status;

    status = r->headers_out.status;

    if (status == NGX_HTTP_FORBIDDEN || status == NGX_HTTP_NOT_FOUND
        || status == 410)
    {
        status = NGX_HTTP_NOT_FOUND;

        jm_error_set(&e, JM_CAUSE_NOT_FOUND, NULL,
                     "The picture is not there any more.");

    } else {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "jimeng: a picture's server answered with status %ui",
                      status);

        status = NGX_HTTP_BAD_GATEWAY;

        jm_error_set(&e, JM_CAUSE_UPSTREAM, NULL,
                     "The image provider did not hand the picture out; try "
                     "again.");
    }

    shown->held = 1;
    shown->sent = 1;

    return ngx_http_jimeng_show_refused(r, shown, &e, status);
}


/* an operator's own subrequest has a status, and no body */

static ngx_int_t
ngx_http_jimeng_show_refused(ngx_http_request_t *r,
    ngx_http_jimeng_shown_t *shown, jm_error_t *e, ngx_uint_t status)
{
    shown->refused = 1;

    ngx_http_jimeng_show_strip(r);

    if (r != r->main) {
        r->headers_out.status = status;

    } else if (ngx_http_jimeng_show_error(r, e, status) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_jimeng_next_header(r);
}


/* no cache and no store is to have it */

static void
ngx_http_jimeng_show_not_kept(ngx_http_request_t *r)
{
    ngx_http_upstream_t  *u;

    u = r->upstream;

    if (u == NULL) {
        return;
    }

    u->store = 0;

#if (NGX_HTTP_CACHE)

    u->cacheable = 0;

#endif
}


static ngx_int_t
ngx_http_jimeng_show_rest(ngx_http_request_t *r,
    ngx_http_jimeng_shown_t *shown, ngx_chain_t *in)
{
    ngx_http_jimeng_attempt_t  *a;

    a = ngx_http_jimeng_attempt_of(r);

    if (a) {
        return ngx_http_jimeng_attempt_body(a, in);
    }

    /* nginx's own HEAD, and what has not changed, have a header only */

    if (r->header_only || (shown->refused && r != r->main)) {
        ngx_http_jimeng_show_drop(in);
        return NGX_OK;
    }

    return ngx_http_jimeng_next_body(r, in);
}


static void
ngx_http_jimeng_show_drop(ngx_chain_t *in)
{
    for ( /* void */ ; in; in = in->next) {
        in->buf->pos = in->buf->last;
        in->buf->file_pos = in->buf->file_last;
    }
}
