
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * The floor "fetch": pictures are asked for once when their task ends, by way
 * of the location that clients get them from, so that its cache has them.
 */


#ifndef _NGX_HTTP_JIMENG_FETCH_H_INCLUDED_
#define _NGX_HTTP_JIMENG_FETCH_H_INCLUDED_


#include "ngx_http_jimeng_link.h"
#include "ngx_http_jimeng_metrics.h"


/* what is known of the server, whichever request it was that had the picture */

typedef struct {
    ngx_http_connection_t       http;
    ngx_listening_t            *listening;
    void                      **srv_conf;
    void                      **loc_conf;
    ngx_log_t                   log;
    ngx_atomic_uint_t           number;     /* of the connection, for the log */
} ngx_http_jimeng_where_t;


/*
 * One attempt, which is all in a pool of its own: a background subrequest of a
 * request that came over no connection, and that no client waits for.
 */

typedef struct {
    ngx_pool_t                 *pool;
    ngx_http_request_t         *request;    /* the subrequest's parent */
    ngx_event_t                *event;      /* is posted at the end */
    ngx_connection_t            connection;
    ngx_event_t                 read;
    ngx_event_t                 write;
    ngx_http_connection_t       http;
    ngx_log_t                   log;
    ngx_http_log_ctx_t          log_ctx;
    ngx_sockaddr_t              sockaddr;
    ngx_int_t                   rc;         /* the subrequest ended with */
    ngx_uint_t                  status;     /* HTTP's; 0: there was none */
    unsigned                    ended:1;
    unsigned                    refused:1;  /* nginx itself has an answer */
    unsigned                    complete:1; /* the last byte came */
    unsigned                    opens:1;    /* its location, any link */
    unsigned                    picture:1;  /* it is one */
} ngx_http_jimeng_attempt_t;


/* ngx_http_jimeng_attempt.c */

ngx_http_jimeng_attempt_t *ngx_http_jimeng_attempt_start(
    ngx_http_jimeng_where_t *where, ngx_str_t *uri, ngx_event_t *event);
ngx_uint_t ngx_http_jimeng_attempt_over(ngx_http_jimeng_attempt_t *a);
void ngx_http_jimeng_attempt_free(ngx_http_jimeng_attempt_t *a);
ngx_http_jimeng_attempt_t *ngx_http_jimeng_attempt_of(ngx_http_request_t *r);
ngx_int_t ngx_http_jimeng_attempt_header(ngx_http_jimeng_attempt_t *a,
    ngx_http_request_t *r);
ngx_int_t ngx_http_jimeng_attempt_body(ngx_http_jimeng_attempt_t *a,
    ngx_chain_t *in);

/* ngx_http_jimeng_fetch.c */

void ngx_http_jimeng_fetch(ngx_http_request_t *r, const jm_str_t *urls,
    ngx_uint_t n);


#endif /* _NGX_HTTP_JIMENG_FETCH_H_INCLUDED_ */
