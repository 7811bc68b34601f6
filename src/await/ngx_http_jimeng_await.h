
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * The floor "await": answers that may come later, as those of a store.
 */


#ifndef _NGX_HTTP_JIMENG_AWAIT_H_INCLUDED_
#define _NGX_HTTP_JIMENG_AWAIT_H_INCLUDED_


#include "ngx_http_jimeng_base.h"

#include "jm_backend.h"


/* an operation's answer, for a request that stays until it is there */

typedef struct {
    ngx_http_request_t         *request;
    ngx_http_posted_request_t  *posted;
    jm_done_t                   told;
    ngx_http_cleanup_t          mark;       /* in request's list */
    unsigned                    waits:1;    /* it comes later */
    unsigned                    answered:1;
    unsigned                    torn:1;     /* nginx has ended the request */
} ngx_http_jimeng_await_t;


/* ngx_http_jimeng_await.c */

void ngx_http_jimeng_await_init(ngx_http_jimeng_await_t *a,
    ngx_http_request_t *r, ngx_http_posted_request_t *posted);
void ngx_http_jimeng_await(ngx_http_jimeng_await_t *a, jm_done_t *done,
    void (*handler)(void *data), void *data);
void ngx_http_jimeng_awaited(ngx_http_jimeng_await_t *a);
ngx_uint_t ngx_http_jimeng_awaits(ngx_http_request_t *r);
void ngx_http_jimeng_away(jm_error_t *e);


#endif /* _NGX_HTTP_JIMENG_AWAIT_H_INCLUDED_ */
