
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * The floor "exchange": one exchange with the upstream, by a subrequest in a
 * pool of its own.  Nothing above knows subrequests.
 */


#ifndef _NGX_HTTP_JIMENG_EXCHANGE_H_INCLUDED_
#define _NGX_HTTP_JIMENG_EXCHANGE_H_INCLUDED_


#include "ngx_http_jimeng_upstream.h"


/* the largest answer that is kept, and what it begins with */

#define NGX_HTTP_JIMENG_ANSWER_MAX  262144
#define NGX_HTTP_JIMENG_ANSWER      1024


typedef struct {
    ngx_pool_t                 *pool;
    ngx_pool_t                 *outer;      /* request's, while pool is there */
    ngx_http_request_t         *request;    /* the client's */
    ngx_socket_t                ident;      /* ngx_event_ident() reads it */
    ngx_event_t                 delay;      /* by limit_req or perl */
    ngx_http_request_t         *subrequest;
    ngx_http_posted_request_t   posted;     /* runs request at the end */
    ngx_http_cleanup_t          mark;       /* in request's list, see _pool.c */
    ngx_http_handler_pt         handler;    /* ours, and the location's own */
    ngx_http_handler_pt         content_handler;
    jm_mem_t                    mem;
    ngx_http_jimeng_account_t  *account;
    jm_visual_call_e            call;
    jm_buf_t                    answer;     /* all but pictures passed on */
    jm_answer_t                 result;     /* what it means, once read */
    ngx_http_jimeng_pass_t     *pass;       /* NULL: it brings no pictures */
    ngx_chain_t                *deferred;   /* buffers to pass on later */
    struct ngx_http_jimeng_events_s  *events;   /* NULL: it is no stream */
    ngx_str_t                   request_id; /* of a header, or empty */
    ngx_int_t                   rc;         /* the subrequest ended with */
    ngx_uint_t                  status;     /* HTTP's; 0: no answer came */
    ngx_msec_t                  start;
    ngx_msec_t                  time;       /* that it took */

    /* the client's write event, as it was before the subrequest had it */
    ngx_msec_t                  write_timer;
    unsigned                    write_timer_set:1;
    unsigned                    write_delayed:1;

    unsigned                    run:1;      /* the subrequest has begun */
    unsigned                    ended:1;    /* it has ended, or was stopped */
    unsigned                    complete:1; /* the answer's last byte came */
    unsigned                    truncated:1;    /* not all of it was read */
} ngx_http_jimeng_exchange_t;


/* ngx_http_jimeng_exchange_pool.c */

void ngx_http_jimeng_exchange_mark(ngx_http_jimeng_exchange_t *x);
void ngx_http_jimeng_exchange_clean(ngx_http_jimeng_exchange_t *x);
void ngx_http_jimeng_exchange_destroy(ngx_http_jimeng_exchange_t *x);
ngx_int_t ngx_http_jimeng_exchange_keep(ngx_http_jimeng_exchange_t *x);

/* ngx_http_jimeng_exchange_end.c */

ngx_int_t ngx_http_jimeng_exchange_end(ngx_http_request_t *sr, void *data,
    ngx_int_t rc);
ngx_http_jimeng_exchange_t *ngx_http_jimeng_exchange_of(
    ngx_http_request_t *r);
void ngx_http_jimeng_exchange_inactive(ngx_http_jimeng_exchange_t *x);
ngx_uint_t ngx_http_jimeng_exchange_ended(ngx_http_jimeng_exchange_t *x);
ngx_uint_t ngx_http_jimeng_exchange_sent(ngx_http_jimeng_exchange_t *x);
ngx_uint_t ngx_http_jimeng_exchange_waits(ngx_http_jimeng_exchange_t *x);
ngx_int_t ngx_http_jimeng_exchange_take_back(ngx_http_jimeng_exchange_t *x);
ngx_int_t ngx_http_jimeng_exchange_cancel(ngx_http_jimeng_exchange_t *x);

/* ngx_http_jimeng_answer.c */

void ngx_http_jimeng_answer_first(void);
ngx_int_t ngx_http_jimeng_answer_restrict(ngx_http_jimeng_exchange_t *x);
void ngx_http_jimeng_answer_deferred(ngx_http_jimeng_exchange_t *x);
jm_rc_e ngx_http_jimeng_answer_read(ngx_http_jimeng_exchange_t *x);

/* ngx_http_jimeng_answer_ark.c */

ngx_int_t ngx_http_jimeng_answer_ark_begin(ngx_http_jimeng_exchange_t *x);
void ngx_http_jimeng_answer_ark_add(ngx_http_jimeng_exchange_t *x,
    ngx_buf_t *b);
jm_rc_e ngx_http_jimeng_answer_ark_read(ngx_http_jimeng_exchange_t *x,
    jm_transport_e transport);

/* ngx_http_jimeng_exchange_enter.c */

ngx_uint_t ngx_http_jimeng_exchange_enter(ngx_http_jimeng_exchange_t *x);
void ngx_http_jimeng_exchange_leave(ngx_http_jimeng_exchange_t *x,
    ngx_uint_t entered);

/* ngx_http_jimeng_exchange.c */

ngx_int_t ngx_http_jimeng_exchange_precontent(ngx_http_request_t *r);
ngx_http_jimeng_exchange_t *ngx_http_jimeng_exchange_start(
    ngx_http_request_t *r, ngx_http_jimeng_account_t *account,
    jm_visual_call_e call, ngx_http_jimeng_payload_t *body,
    ngx_http_jimeng_pass_t *pass);
ngx_http_jimeng_exchange_t *ngx_http_jimeng_exchange_fetch(
    ngx_http_request_t *r, ngx_http_jimeng_account_t *account, ngx_str_t *uri,
    ngx_http_jimeng_pass_t *pass);
void ngx_http_jimeng_exchange_wake(ngx_http_jimeng_exchange_t *x);
ngx_uint_t ngx_http_jimeng_exchange_passes(ngx_http_jimeng_exchange_t *x);


#endif /* _NGX_HTTP_JIMENG_EXCHANGE_H_INCLUDED_ */
