
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * What the parts of an exchange share with each other, and with nobody else:
 * the subrequest (ngx_http_jimeng_exchange.c), what it runs with
 * (ngx_http_jimeng_exchange_enter.c), its pool
 * (ngx_http_jimeng_exchange_pool.c), and its answer
 * (ngx_http_jimeng_answer.c).
 */


#ifndef _NGX_HTTP_JIMENG_EXCHANGE_H_INCLUDED_
#define _NGX_HTTP_JIMENG_EXCHANGE_H_INCLUDED_


#include "ngx_http_jimeng.h"


struct ngx_http_jimeng_exchange_s {
    ngx_pool_t                 *pool;
    ngx_pool_t                 *outer;      /* r->pool, while ours is there */
    ngx_http_request_t         *request;

    /* ngx_event_ident() reads here, as in ngx_connection_t */
    ngx_socket_t                ident;

    ngx_event_t                 delay;      /* of a phase, or a handler */
    ngx_http_request_t         *subrequest;
    ngx_http_posted_request_t   posted;
    ngx_http_cleanup_t          mark;

    jm_mem_t                    mem;
    jm_buf_t                    answer;
    ngx_http_jimeng_pass_t     *pass;       /* of its pictures, or NULL */
    ngx_chain_t                *held;       /* to be passed on later */
    ngx_int_t                   rc;
    ngx_uint_t                  status;

    ngx_msec_t                  start;
    ngx_msec_t                  time;

    ngx_msec_t                  write_timer;    /* of the client, as below */

    ngx_http_handler_pt         content_handler;

    /* what the client's write event had, while the subrequest has it */
    unsigned                    write_timer_set:1;
    unsigned                    write_delayed:1;

    unsigned                    ended:1;
    unsigned                    complete:1;
    unsigned                    lost:1;     /* a part that was not in memory */
};


/* the largest answer that is kept, and what it begins with */

#define NGX_HTTP_JIMENG_ANSWER_MAX  262144
#define NGX_HTTP_JIMENG_ANSWER      1024


/* ngx_http_jimeng_exchange.c */

ngx_http_jimeng_exchange_t *ngx_http_jimeng_exchange_of(
    ngx_http_request_t *r);
ngx_uint_t ngx_http_jimeng_exchange_sent(ngx_http_request_t *sr);

/* ngx_http_jimeng_exchange_enter.c */

ngx_uint_t ngx_http_jimeng_exchange_enter(ngx_http_jimeng_exchange_t *x);
void ngx_http_jimeng_exchange_leave(ngx_http_jimeng_exchange_t *x,
    ngx_uint_t entered);

/* ngx_http_jimeng_exchange_pool.c */

void ngx_http_jimeng_exchange_mark(ngx_http_jimeng_exchange_t *x);
void ngx_http_jimeng_exchange_clean(ngx_http_jimeng_exchange_t *x);

/* ngx_http_jimeng_answer.c */

void ngx_http_jimeng_answer_first(void);
ngx_int_t ngx_http_jimeng_answer_limit(ngx_http_jimeng_exchange_t *x);
void ngx_http_jimeng_answer_held(ngx_http_jimeng_exchange_t *x);


#endif /* _NGX_HTTP_JIMENG_EXCHANGE_H_INCLUDED_ */
