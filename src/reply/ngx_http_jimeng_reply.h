
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * The floor "reply": what a client gets, from the results of its tasks.
 */


#ifndef _NGX_HTTP_JIMENG_REPLY_H_INCLUDED_
#define _NGX_HTTP_JIMENG_REPLY_H_INCLUDED_


#include "ngx_http_jimeng_data.h"


typedef enum {  /* is a task over that was asked for, without a picture? */
    NGX_HTTP_JIMENG_SEEN_END = 0,   /* it is, or was not asked for by an id */
    NGX_HTTP_JIMENG_SEEN_OPEN,      /* the upstream is at work on it */
    NGX_HTTP_JIMENG_SEEN_NOTHING    /* the upstream could not be asked */
} ngx_http_jimeng_seen_e;


/* ngx_http_jimeng_send.c */

ngx_int_t ngx_http_jimeng_send_json(ngx_http_request_t *r,
    ngx_uint_t status, ngx_str_t *text);
ngx_int_t ngx_http_jimeng_send_report(ngx_http_request_t *r, ngx_str_t *type,
    jm_buf_t *out);
ngx_int_t ngx_http_jimeng_send_begin(ngx_http_request_t *r, ngx_str_t *type);
ngx_int_t ngx_http_jimeng_send_part(ngx_http_request_t *r, ngx_str_t *text,
    ngx_uint_t last);
ngx_int_t ngx_http_jimeng_send_buf(ngx_http_request_t *r, ngx_buf_t *b);
ngx_int_t ngx_http_jimeng_send_rest(ngx_http_request_t *r);
void ngx_http_jimeng_send_fin(ngx_http_request_t *r);
ngx_int_t ngx_http_jimeng_request_id_header(ngx_http_request_t *r);
void ngx_http_jimeng_json_type(ngx_http_request_t *r, size_t len);

/* ngx_http_jimeng_send_error.c */

ngx_int_t ngx_http_jimeng_send_error(ngx_http_request_t *r,
    const jm_error_t *e, jm_str_t task_id);
ngx_int_t ngx_http_jimeng_refuse(ngx_http_request_t *r, jm_error_t *e);
ngx_int_t ngx_http_jimeng_error_text(ngx_http_request_t *r,
    const jm_error_t *e, jm_str_t task_id, ngx_str_t *text);
ngx_int_t ngx_http_jimeng_error_headers(ngx_http_request_t *r,
    const jm_error_t *e);

/* ngx_http_jimeng_result.c: NGX_DECLINED: there is no picture to reply with */

ngx_int_t ngx_http_jimeng_result_send(ngx_http_jimeng_job_t *job);
ngx_int_t ngx_http_jimeng_result_picture(ngx_http_jimeng_delivery_t *d,
    jm_picture_type_e type, ngx_str_t *before, ngx_str_t *after);
ngx_int_t ngx_http_jimeng_result_end(ngx_http_jimeng_delivery_t *d);
ngx_int_t ngx_http_jimeng_result_error(ngx_http_jimeng_job_t *job,
    const jm_error_t *e);
ngx_int_t ngx_http_jimeng_result_status(ngx_http_jimeng_job_t *job,
    jm_status_e status);
ngx_int_t ngx_http_jimeng_result_async(ngx_http_jimeng_job_t *job);
ngx_int_t ngx_http_jimeng_result_id(ngx_http_jimeng_job_t *job, jm_str_t *id);
void ngx_http_jimeng_result_turn(ngx_http_jimeng_job_t *job, jm_standing_t *s);
const jm_error_t *ngx_http_jimeng_result_why(ngx_http_jimeng_job_t *job);
const jm_part_t *ngx_http_jimeng_result_part(ngx_http_jimeng_job_t *job,
    ngx_uint_t i);
ngx_uint_t ngx_http_jimeng_result_paid(ngx_http_jimeng_job_t *job);

/* ngx_http_jimeng_retrieved.c */

ngx_int_t ngx_http_jimeng_retrieved_reply(ngx_http_jimeng_job_t *job);
ngx_int_t ngx_http_jimeng_retrieved_failed(ngx_http_jimeng_job_t *job);
ngx_http_jimeng_seen_e ngx_http_jimeng_retrieved_seen(
    ngx_http_jimeng_task_t *task);

/* ngx_http_jimeng_stream.c */

ngx_int_t ngx_http_jimeng_stream_step(ngx_http_jimeng_delivery_t *d);
ngx_int_t ngx_http_jimeng_stream_urls(ngx_http_jimeng_delivery_t *d,
    ngx_uint_t limit, ngx_uint_t over);
ngx_int_t ngx_http_jimeng_stream_picture(ngx_http_jimeng_delivery_t *d,
    ngx_uint_t number, jm_picture_type_e type, ngx_str_t *before,
    ngx_str_t *after);
ngx_int_t ngx_http_jimeng_stream_end(ngx_http_jimeng_delivery_t *d);
ngx_uint_t ngx_http_jimeng_stream_others(ngx_http_jimeng_delivery_t *d,
    ngx_uint_t i);

/* ngx_http_jimeng_deliver.c */

ngx_int_t ngx_http_jimeng_deliver_create(ngx_http_jimeng_job_t *job);
ngx_int_t ngx_http_jimeng_deliver(ngx_http_jimeng_job_t *job);
ngx_int_t ngx_http_jimeng_deliver_event(ngx_http_jimeng_job_t *job);
void ngx_http_jimeng_deliver_stop(ngx_http_jimeng_job_t *job);
void ngx_http_jimeng_deliver_quiet(ngx_http_jimeng_job_t *job);
void ngx_http_jimeng_deliver_destroy(ngx_http_jimeng_job_t *job);


#endif /* _NGX_HTTP_JIMENG_REPLY_H_INCLUDED_ */
