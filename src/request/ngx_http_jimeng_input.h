
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#ifndef _NGX_HTTP_JIMENG_INPUT_H_INCLUDED_
#define _NGX_HTTP_JIMENG_INPUT_H_INCLUDED_


#include "ngx_http_jimeng.h"

#include "jm_multipart.h"


typedef ngx_int_t (*ngx_http_jimeng_step_pt)(ngx_http_jimeng_input_t *in,
    jm_error_t *e);


/*
 * A body on its way to an order.  All of this is in a pool of its own, which
 * goes when the order is made, or with the request.
 */

struct ngx_http_jimeng_input_s {
    ngx_http_request_t         *request;
    ngx_pool_t                 *pool;
    ngx_http_jimeng_step_pt     step;

    /* ngx_event_ident() reads here, as in ngx_connection_t */
    ngx_socket_t                ident;

    ngx_event_t                 timer;
    ngx_pool_cleanup_t         *cleanup;    /* NULL: never had to wait */

    ngx_http_jimeng_body_t      body;
    uint64_t                    offset;     /* of the next piece */
    size_t                      used;       /* bytes of this slice */

    jm_mem_t                    mem;
    jm_rules_t                  rules;
    jm_request_t                params;

    jm_buf_t                    rest;
    jm_skeleton_t              *skeleton;
    size_t                      max_string;
    jm_multipart_t             *form;

    ngx_uint_t                  image;      /* number of the next one */
    size_t                     *at;         /* where they go in submit */
    size_t                      written;    /* of submit */
    ngx_str_t                   submit;
    ngx_http_jimeng_picture_t   picture;
    ngx_http_jimeng_order_t     order;
    unsigned                    waited:1;   /* for a twin's client to leave */
};


/* ngx_http_jimeng_order.c */

ngx_int_t ngx_http_jimeng_order_read(ngx_http_jimeng_input_t *in, jm_rc_e rc,
    jm_error_t *e);
ngx_int_t ngx_http_jimeng_order_claim(ngx_http_jimeng_input_t *in,
    ngx_http_jimeng_claim_t **claim, jm_error_t *e);


#endif /* _NGX_HTTP_JIMENG_INPUT_H_INCLUDED_ */
