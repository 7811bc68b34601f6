
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * The floor "data": pictures that a client gets as data, on their way to it.
 */


#ifndef _NGX_HTTP_JIMENG_DATA_H_INCLUDED_
#define _NGX_HTTP_JIMENG_DATA_H_INCLUDED_


#include "ngx_http_jimeng_task.h"


/* of a single call, which brings links */

typedef struct {
    size_t                      index;      /* its number in the call */
    jm_str_t                    url;
    jm_str_t                    size;       /* may be empty */
} ngx_http_jimeng_linked_t;


/* the part of a task that goes on has nothing but what of it is lost so far */

typedef struct ngx_http_jimeng_delivery_s {
    ngx_http_jimeng_job_t      *job;
    ngx_http_jimeng_exchange_t *exchange;
    ngx_log_t                  *log;
    ngx_socket_t                ident;      /* ngx_event_ident() reads it */
    ngx_event_t                 timer;      /* before one more attempt */
    ngx_event_t                 heartbeat;
    struct ngx_http_jimeng_comment_s  *comment;     /* of a stream */
    ngx_http_jimeng_pass_t      pass;
    jm_part_t                  *parts;      /* each task's, as handed on */
    ngx_http_jimeng_task_t     *task;       /* whose pictures are under way */
    ngx_http_jimeng_linked_t    linked;     /* the one of these that is */
    ngx_uint_t                  attempts;   /* to fetch them */
    uint32_t                    handed;     /* a bit for each task */
    jm_picture_type_e           type;       /* JPEG or PNG: the first one's */
    unsigned                    begun:1;    /* the header was sent */
    unsigned                    any:1;      /* a picture was handed on */
    unsigned                    told:1;     /* the last one told what failed */
    unsigned                    stopped:1;  /* nothing more may be sent */
    unsigned                    client_lost:1;  /* its connection failed */
} ngx_http_jimeng_delivery_t;


/* ngx_http_jimeng_data.c */

ngx_uint_t ngx_http_jimeng_data_wanted(ngx_http_jimeng_delivery_t *d);
ngx_uint_t ngx_http_jimeng_data_left(ngx_http_jimeng_delivery_t *d,
    ngx_http_jimeng_task_t *task);
ngx_int_t ngx_http_jimeng_data_over(ngx_http_jimeng_delivery_t *d,
    ngx_http_jimeng_task_t *task);
void ngx_http_jimeng_data_next(ngx_http_jimeng_delivery_t *d,
    ngx_http_jimeng_task_t *task, ngx_uint_t back);
void ngx_http_jimeng_data_all(ngx_http_jimeng_delivery_t *d,
    ngx_http_jimeng_task_t *task);
void ngx_http_jimeng_data_asked(ngx_http_jimeng_delivery_t *d);
void ngx_http_jimeng_data_timer(ngx_event_t *ev);


#endif /* _NGX_HTTP_JIMENG_DATA_H_INCLUDED_ */
