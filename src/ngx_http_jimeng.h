
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#ifndef _NGX_HTTP_JIMENG_H_INCLUDED_
#define _NGX_HTTP_JIMENG_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "jm_pass.h"
#include "jm_reply.h"
#include "jm_sign.h"
#include "jm_visual.h"


#define NGX_HTTP_JIMENG_CALLS        3

/* ten answers are not too large for their reply: they have been paid for */

#define NGX_HTTP_JIMENG_REPLY_MAX    4194304

#define NGX_HTTP_JIMENG_SIZE_FIT     0
#define NGX_HTTP_JIMENG_SIZE_STRICT  1


typedef struct ngx_http_jimeng_job_s       ngx_http_jimeng_job_t;
typedef struct ngx_http_jimeng_exchange_s  ngx_http_jimeng_exchange_t;
typedef struct ngx_http_jimeng_delivery_s  ngx_http_jimeng_delivery_t;


/* the day key is a cache of this worker's, the rest is configuration */

typedef struct {
    ngx_str_t                   name;
    jm_credential_t             credential;
    jm_str_t                    security_token;
    jm_str_t                    host;
    ngx_str_t                   args[NGX_HTTP_JIMENG_CALLS];
    jm_day_key_t                day_key;
} ngx_http_jimeng_account_t;


typedef struct {
    ngx_array_t                 accounts;   /* ngx_http_jimeng_account_t * */
    ngx_int_t                   request_id; /* index of $request_id */
    time_t                      created;    /* when this was read */
} ngx_http_jimeng_main_conf_t;


typedef struct {
    ngx_str_t                   pass;
    ngx_str_t                   account_name;
    ngx_http_jimeng_account_t  *account;

    ngx_array_t                *models;     /* jm_model_t */
    jm_models_t                 table;      /* models, as the core reads it */
    ngx_str_t                   default_model;

    ngx_msec_t                  poll_interval;
    ngx_uint_t                  poll_attempts;
    ngx_msec_t                  timeout;
    ngx_msec_t                  heartbeat;
    ngx_uint_t                  size;
    ngx_uint_t                  max_prompt;
} ngx_http_jimeng_loc_conf_t;


typedef struct {
    ngx_http_jimeng_job_t      *job;
    ngx_str_t                   error_page; /* instead of nginx's own */
    unsigned                    replied:1;  /* the reply is of our making */
} ngx_http_jimeng_ctx_t;


extern ngx_module_t  ngx_http_jimeng_module;


/* ngx_http_jimeng_conf.c */

void *ngx_http_jimeng_create_main_conf(ngx_conf_t *cf);
void *ngx_http_jimeng_create_loc_conf(ngx_conf_t *cf);
char *ngx_http_jimeng_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
char *ngx_http_jimeng_pass(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_jimeng_model(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_jimeng_heartbeat(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_jimeng_positive(ngx_conf_t *cf, void *post, void *data);

/* ngx_http_jimeng_account.c */

char *ngx_http_jimeng_account_block(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_http_jimeng_account_t *ngx_http_jimeng_account_find(
    ngx_http_jimeng_main_conf_t *jmcf, ngx_str_t *name);
ngx_int_t ngx_http_jimeng_account_sign(ngx_http_jimeng_account_t *account,
    jm_visual_call_e call, ngx_str_t *body, ngx_list_t *headers,
    ngx_log_t *log);

/* ngx_http_jimeng_handler.c */

ngx_int_t ngx_http_jimeng_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_jimeng_refuse(ngx_http_request_t *r, jm_error_t *e);
ngx_http_jimeng_ctx_t *ngx_http_jimeng_ctx(ngx_http_request_t *r);

/* ngx_http_jimeng_models.c */

ngx_int_t ngx_http_jimeng_models(ngx_http_request_t *r, ngx_str_t *name);

/* ngx_http_jimeng_body.c */

typedef struct {
    jm_str_t                    text;
    ngx_pool_cleanup_t         *cleanup;    /* of a mapped file, else NULL */
} ngx_http_jimeng_body_t;

ngx_int_t ngx_http_jimeng_body_open(ngx_http_request_t *r,
    ngx_http_jimeng_body_t *body);
void ngx_http_jimeng_body_close(ngx_http_jimeng_body_t *body);

/* ngx_http_jimeng_job.c */

typedef struct {
    ngx_str_t                   req_key;
    ngx_str_t                   submit;     /* the body to be sent */
    ngx_str_t                   req_json;   /* the form of the result */
    ngx_str_t                   data_json;  /* the same, as data; or empty */
    jm_stream_e                 stream;
    ngx_uint_t                  edit;
    jm_size_t                   size;
    uint32_t                    n;          /* tasks */
    uint32_t                    retries;
    uint32_t                    max_images; /* 0: all */
    uint64_t                    ignored;    /* fields, as jm_request_t's */
} ngx_http_jimeng_order_t;

/* one task: it has an upstream id, and a place in the cycle, of its own */

typedef struct {
    ngx_http_jimeng_job_t      *job;
    ngx_http_jimeng_exchange_t *exchange;
    ngx_log_t                  *log;

    /* ngx_event_ident() reads here, as in ngx_connection_t */
    ngx_socket_t                ident;

    ngx_event_t                 timer;
    jm_task_t                   task;

    ngx_str_t                   id;         /* the upstream's */
    ngx_str_t                   query;      /* the body to be sent */
    jm_part_t                   part;       /* what became of it */
    jm_error_t                  error;

    int64_t                     code;       /* the upstream's last number */
    ngx_msec_t                  accepted;
    ngx_msec_t                  over;
    unsigned                    running:1;
    unsigned                    strange:1;  /* logged once */
} ngx_http_jimeng_task_t;


struct ngx_http_jimeng_job_s {
    ngx_http_request_t         *request;
    ngx_http_jimeng_account_t  *account;
    ngx_http_jimeng_order_t     order;
    ngx_http_jimeng_task_t     *tasks;
    ngx_http_jimeng_delivery_t *delivery;   /* or NULL: URLs, as one reply */
    ngx_uint_t                  left;       /* tasks that are not over */
    ngx_msec_t                  upstream_time;
    unsigned                    gone:1;     /* nobody waits for the reply */
};

ngx_int_t ngx_http_jimeng_job_start(ngx_http_request_t *r,
    ngx_http_jimeng_order_t *order);
void ngx_http_jimeng_job_step(ngx_http_jimeng_job_t *job);
void ngx_http_jimeng_job_left(ngx_http_jimeng_job_t *job);
ngx_int_t ngx_http_jimeng_query(ngx_pool_t *pool, ngx_str_t *req_key,
    ngx_str_t *id, ngx_str_t *form, ngx_str_t *body);

/* ngx_http_jimeng_client.c */

ngx_uint_t ngx_http_jimeng_client_left(ngx_http_request_t *r);
void ngx_http_jimeng_client_ignore(ngx_http_request_t *r);
ngx_uint_t ngx_http_jimeng_shutdown_timedout(void);

/* ngx_http_jimeng_result.c */

ngx_int_t ngx_http_jimeng_result_send(ngx_http_jimeng_job_t *job);
ngx_int_t ngx_http_jimeng_result_picture(ngx_http_jimeng_delivery_t *d,
    ngx_str_t *before, ngx_str_t *after);
ngx_int_t ngx_http_jimeng_result_end(ngx_http_jimeng_delivery_t *d);
ngx_int_t ngx_http_jimeng_result_error(ngx_http_jimeng_job_t *job);
const jm_error_t *ngx_http_jimeng_result_why(ngx_http_jimeng_job_t *job,
    jm_str_t *task_id);
ngx_uint_t ngx_http_jimeng_result_paid(ngx_http_jimeng_job_t *job);

/* ngx_http_jimeng_log.c */

void ngx_http_jimeng_log_answer(ngx_http_jimeng_task_t *task,
    jm_answer_t *answer);

/* ngx_http_jimeng_pass.c */

/*
 * Sets what comes before and after a picture's base64, the number of which
 * counts from 0; the client's reply has to be under way when it returns.
 */

typedef ngx_int_t (*ngx_http_jimeng_picture_pt)(void *data,
    ngx_uint_t number, ngx_str_t *before, ngx_str_t *after);

/* the pictures of one task on their way from the upstream to the client */

typedef struct {
    ngx_http_request_t         *request;
    ngx_http_jimeng_picture_pt  handler;
    void                       *data;

    jm_pass_t                   scan;
    ngx_chain_t                *free;
    ngx_chain_t                *busy;
    ngx_str_t                   after;
    ngx_uint_t                  limit;      /* pictures that are wanted */
    ngx_uint_t                  pictures;   /* that have gone on, whole */
    unsigned                    begun:1;    /* some base64 went on */
    unsigned                    inside:1;   /* and more is to come */
    unsigned                    empty:1;    /* a picture of no bytes */
    unsigned                    lost:1;     /* the client's connection is */
} ngx_http_jimeng_pass_t;

void ngx_http_jimeng_pass_init(ngx_http_jimeng_pass_t *p, ngx_uint_t limit);
ngx_int_t ngx_http_jimeng_pass_filter(ngx_http_jimeng_pass_t *p,
    ngx_chain_t *in, jm_buf_t *rest);

/* ngx_http_jimeng_deliver.c */

struct ngx_http_jimeng_delivery_s {
    ngx_http_jimeng_job_t      *job;
    ngx_http_jimeng_exchange_t *exchange;
    ngx_log_t                  *log;

    /* ngx_event_ident() reads here, as in ngx_connection_t */
    ngx_socket_t                ident;

    ngx_event_t                 timer;      /* before one more attempt */
    ngx_event_t                 heartbeat;
    ngx_buf_t                   comment;    /* what it sends */
    ngx_http_jimeng_pass_t      pass;
    jm_part_t                  *parts;      /* what was handed on of each */
    time_t                      created;
    ngx_http_jimeng_task_t     *task;       /* whose pictures are under way */
    ngx_uint_t                  attempts;
    uint32_t                    handed;     /* a bit for each task */
    unsigned                    begun:1;    /* the header was sent */
    unsigned                    any:1;      /* a picture was handed on */
    unsigned                    cut:1;      /* no more can be sent */
};

ngx_int_t ngx_http_jimeng_deliver_create(ngx_http_jimeng_job_t *job);
ngx_int_t ngx_http_jimeng_deliver(ngx_http_jimeng_job_t *job);
ngx_int_t ngx_http_jimeng_deliver_event(ngx_http_jimeng_job_t *job);
void ngx_http_jimeng_deliver_stop(ngx_http_jimeng_job_t *job);
void ngx_http_jimeng_deliver_destroy(ngx_http_jimeng_job_t *job);

/* ngx_http_jimeng_stream.c */

ngx_int_t ngx_http_jimeng_stream_step(ngx_http_jimeng_delivery_t *d);
ngx_int_t ngx_http_jimeng_stream_urls(ngx_http_jimeng_delivery_t *d,
    ngx_uint_t limit);
ngx_int_t ngx_http_jimeng_stream_picture(ngx_http_jimeng_delivery_t *d,
    ngx_uint_t number, ngx_str_t *before, ngx_str_t *after);
ngx_int_t ngx_http_jimeng_stream_end(ngx_http_jimeng_delivery_t *d);

/* ngx_http_jimeng_exchange.c */

ngx_int_t ngx_http_jimeng_exchange_init(ngx_conf_t *cf);
ngx_http_jimeng_exchange_t *ngx_http_jimeng_exchange_start(
    ngx_http_request_t *r, ngx_str_t *uri, ngx_http_jimeng_account_t *account,
    jm_visual_call_e call, ngx_str_t *body, ngx_http_jimeng_pass_t *pass);
void ngx_http_jimeng_exchange_wake(ngx_http_jimeng_exchange_t *x);
ngx_uint_t ngx_http_jimeng_exchange_ended(ngx_http_jimeng_exchange_t *x);
ngx_msec_t ngx_http_jimeng_exchange_time(ngx_http_jimeng_exchange_t *x);
ngx_int_t ngx_http_jimeng_exchange_take_back(ngx_http_jimeng_exchange_t *x);
ngx_int_t ngx_http_jimeng_exchange_cancel(ngx_http_jimeng_exchange_t *x);
void ngx_http_jimeng_exchange_destroy(ngx_http_jimeng_exchange_t *x);
void ngx_http_jimeng_exchange_unlimited(ngx_http_request_t *r);

/* ngx_http_jimeng_answer.c */

jm_rc_e ngx_http_jimeng_answer_read(ngx_http_jimeng_exchange_t *x,
    jm_visual_call_e call, jm_answer_t *answer);

/* ngx_http_jimeng_send.c */

void ngx_http_jimeng_mem(jm_mem_t *mem, ngx_pool_t *pool);
ngx_int_t ngx_http_jimeng_send_json(ngx_http_request_t *r,
    ngx_uint_t status, ngx_str_t *text);
ngx_int_t ngx_http_jimeng_send_begin(ngx_http_request_t *r, ngx_str_t *type);
ngx_int_t ngx_http_jimeng_send_part(ngx_http_request_t *r, ngx_str_t *text,
    ngx_uint_t last);
ngx_int_t ngx_http_jimeng_send_buf(ngx_http_request_t *r, ngx_buf_t *b);
ngx_int_t ngx_http_jimeng_send_error(ngx_http_request_t *r,
    const jm_error_t *e, jm_str_t task_id);
ngx_int_t ngx_http_jimeng_error_text(ngx_http_request_t *r,
    const jm_error_t *e, jm_str_t task_id, ngx_str_t *text);
ngx_int_t ngx_http_jimeng_error_headers(ngx_http_request_t *r,
    const jm_error_t *e);
ngx_int_t ngx_http_jimeng_request_id_header(ngx_http_request_t *r);
ngx_int_t ngx_http_jimeng_reply_header(ngx_http_request_t *r,
    const char *name, u_char *value, size_t len);
void ngx_http_jimeng_json_type(ngx_http_request_t *r, size_t len);

/* ngx_http_jimeng_variables.c */

ngx_int_t ngx_http_jimeng_add_variables(ngx_conf_t *cf);
ngx_http_variable_value_t *ngx_http_jimeng_request_id(ngx_http_request_t *r);

/* ngx_http_jimeng_error_page.c */

ngx_int_t ngx_http_jimeng_error_page_init(ngx_conf_t *cf);


#endif /* _NGX_HTTP_JIMENG_H_INCLUDED_ */
