
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_exchange.h"


static ngx_int_t ngx_http_jimeng_answer_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_jimeng_answer_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;


static ngx_int_t
ngx_http_jimeng_answer_header_filter(ngx_http_request_t *r)
{
    ngx_http_jimeng_exchange_t  *x;

    x = ngx_http_jimeng_exchange_of(r);

    if (x == NULL) {
        return ngx_http_next_header_filter(r);
    }

    x->status = r->headers_out.status;

    return NGX_OK;
}


/* nginx's own buffer for a subrequest in memory fails when it is too small */

static ngx_int_t
ngx_http_jimeng_answer_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_buf_t                   *b;
    ngx_chain_t                 *cl;
    ngx_http_jimeng_exchange_t  *x;

    x = ngx_http_jimeng_exchange_of(r);

    if (x == NULL) {
        return ngx_http_next_body_filter(r, in);
    }

    for (cl = in; cl; cl = cl->next) {
        b = cl->buf;

        if (ngx_buf_size(b) && !ngx_buf_in_memory(b)) {
            x->lost = 1;
        }

        if (b->last_buf || b->last_in_chain) {
            x->complete = 1;
        }
    }

    if (x->pass && x->status == NGX_HTTP_OK && !x->lost) {
        return ngx_http_jimeng_pass_filter(x->pass, in, &x->answer);
    }

    for (cl = in; cl; cl = cl->next) {
        b = cl->buf;

        if (ngx_buf_in_memory(b)) {
            jm_buf_add(&x->answer, b->pos, b->last - b->pos);
        }

        b->pos = b->last;
        b->file_pos = b->file_last;
    }

    return NGX_OK;
}


void
ngx_http_jimeng_answer_init(void)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_jimeng_answer_header_filter;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_jimeng_answer_body_filter;
}


jm_rc_e
ngx_http_jimeng_answer_read(ngx_http_jimeng_exchange_t *x,
    jm_visual_call_e call, jm_answer_t *answer)
{
    jm_transport_e  transport;

    if (x->status && x->complete && !x->lost && x->answer.rc == JM_OK
        && x->rc == NGX_OK)
    {
        transport = JM_TRANSPORT_WHOLE;

    } else if (x->status || ngx_http_jimeng_exchange_sent(x->subrequest)) {
        transport = JM_TRANSPORT_BROKEN;

    } else {
        transport = JM_TRANSPORT_UNSENT;

        if (x->rc >= NGX_HTTP_BAD_REQUEST
            && x->rc < NGX_HTTP_INTERNAL_SERVER_ERROR)
        {
            ngx_log_error(NGX_LOG_ERR, x->request->connection->log, 0,
                          "jimeng: the location \"%V\" itself refused a "
                          "request with %i, check its configuration",
                          &x->subrequest->uri, x->rc);
        }
    }

    if (x->answer.rc != JM_OK) {
        ngx_log_error(NGX_LOG_ERR, x->request->connection->log, 0,
                      "jimeng: an answer of over %d bytes was dropped",
                      NGX_HTTP_JIMENG_ANSWER_MAX);
    }

    return jm_visual_read(answer, call, transport, (unsigned) x->status,
                          jm_buf_view(&x->answer), &x->mem);
}
