
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng.h"


static ngx_int_t ngx_http_jimeng_error_header_filter(ngx_http_request_t *r);
static ngx_uint_t ngx_http_jimeng_error_is_ours(ngx_http_request_t *r);
static ngx_int_t ngx_http_jimeng_error_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;


/*
 * What nginx itself refuses in a location of ours (a body that is too large,
 * a limit of limit_req, a denied address) is sent as HTML unless it is
 * replaced on its way: a client of an API wants the API's envelope.  An
 * error_page of the operator's leads to another location, and is left alone.
 */

static ngx_int_t
ngx_http_jimeng_error_header_filter(ngx_http_request_t *r)
{
    jm_str_t                none = jm_null_string;
    jm_error_t              e;
    ngx_http_jimeng_ctx_t  *ctx;

    if (r != r->main || r->headers_out.status < NGX_HTTP_BAD_REQUEST
        || !ngx_http_jimeng_error_is_ours(r))
    {
        return ngx_http_next_header_filter(r);
    }

    ctx = ngx_http_jimeng_ctx(r);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    if (ctx->replied) {
        return ngx_http_next_header_filter(r);
    }

    jm_error_set(&e, jm_cause_of_status((unsigned) r->headers_out.status),
                 NULL, NULL);

    /* a reply that could not be made: what it was for may be billed */

    if (ctx->job && ngx_http_jimeng_result_paid(ctx->job)) {
        e.no_retry = 1;
    }

    if (ngx_http_jimeng_error_text(r, &e, none, &ctx->error_page) != NGX_OK
        || ngx_http_jimeng_error_headers(r, &e) != NGX_OK
        || ngx_http_jimeng_request_id_header(r) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_clear_accept_ranges(r);
    ngx_http_clear_last_modified(r);
    ngx_http_clear_etag(r);

    ngx_http_jimeng_json_type(r, ctx->error_page.len);

    return ngx_http_next_header_filter(r);
}


/*
 * In other locations only what nginx itself says is replaced, not what it has
 * from elsewhere: it has r->err_status then, and so has an error_page, which
 * an internal redirect leads to.  Where it came by recursive_error_pages, a
 * file is known by its time.
 */

static ngx_uint_t
ngx_http_jimeng_error_is_ours(ngx_http_request_t *r)
{
    ngx_http_jimeng_loc_conf_t  *jlcf;

    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);

    if (jlcf->uri.data) {
        return 1;
    }

    return (jlcf->error_page
            || jlcf->links->picture != NGX_HTTP_JIMENG_LINK_CLOSED)
           && r->err_status
           && !(r->internal
                && (r->error_page || r->headers_out.last_modified_time != -1));
}


static ngx_int_t
ngx_http_jimeng_error_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_buf_t              *b;
    ngx_chain_t             out, *cl;
    ngx_http_jimeng_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_jimeng_module);

    if (in == NULL || r != r->main || ctx == NULL
        || ctx->error_page.data == NULL)
    {
        return ngx_http_next_body_filter(r, in);
    }

    for (cl = in; cl; cl = cl->next) {
        cl->buf->pos = cl->buf->last;
        cl->buf->file_pos = cl->buf->file_last;
    }

    if (ctx->error_page.len == 0) {
        return NGX_OK;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = ctx->error_page.data;
    b->last = ctx->error_page.data + ctx->error_page.len;
    b->memory = 1;
    b->last_buf = 1;
    b->last_in_chain = 1;

    /* sent once; what else nginx has for this reply is dropped */

    ctx->error_page.len = 0;

    out.buf = b;
    out.next = NULL;

    return ngx_http_next_body_filter(r, &out);
}


ngx_int_t
ngx_http_jimeng_error_page_init(ngx_conf_t *cf)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_jimeng_error_header_filter;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_jimeng_error_body_filter;

    return NGX_OK;
}
