
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * The floor "job": a request's tasks and its client, together, from the first
 * task's start to the last one's end.
 */


#ifndef _NGX_HTTP_JIMENG_JOB_H_INCLUDED_
#define _NGX_HTTP_JIMENG_JOB_H_INCLUDED_


#include "ngx_http_jimeng_show.h"


/* what timers of a job look at: is the worker to exit, is the reply taken */

typedef struct ngx_http_jimeng_watch_s {
    ngx_event_t                 closing;    /* is the worker to exit? */
    ngx_event_t                 look;       /* has the client all of it? */
    ngx_msec_t                  moved;      /* when unsent last changed */
    ngx_msec_t                  pause;      /* before the next look */
    ngx_uint_t                  unsent;     /* bytes not acknowledged */
    ngx_int_t                   rc;         /* what the request ends with */
    unsigned                    unread:1;   /* some of it is not, yet */
    unsigned                    fetched:1;  /* owed no more, once taken */
    unsigned                    fin:1;      /* the client was sent its end */
} ngx_http_jimeng_watch_t;


/* ngx_http_jimeng_taken.c */

void ngx_http_jimeng_taken_reply(ngx_http_jimeng_job_t *job);
ngx_int_t ngx_http_jimeng_taken(ngx_http_jimeng_job_t *job);
void ngx_http_jimeng_taken_stop(ngx_http_jimeng_job_t *job);
void ngx_http_jimeng_taken_sent(ngx_http_jimeng_job_t *job);

/* ngx_http_jimeng_job_create.c */

ngx_http_jimeng_job_t *ngx_http_jimeng_job_create(ngx_http_request_t *r,
    ngx_http_jimeng_order_t *order);
ngx_http_jimeng_job_t *ngx_http_jimeng_job_of(ngx_http_request_t *r);

/* ngx_http_jimeng_job.c */

ngx_int_t ngx_http_jimeng_job_start(ngx_http_request_t *r,
    ngx_http_jimeng_order_t *order, ngx_http_jimeng_claim_t *claim);


#endif /* _NGX_HTTP_JIMENG_JOB_H_INCLUDED_ */
