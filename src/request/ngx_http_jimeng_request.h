
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * The floor "request": a client's body becomes an order, and an order's tasks
 * a sealed id.
 */


#ifndef _NGX_HTTP_JIMENG_REQUEST_H_INCLUDED_
#define _NGX_HTTP_JIMENG_REQUEST_H_INCLUDED_


#include "ngx_http_jimeng_picture.h"

#include "jm_multipart.h"
#include "jm_reply.h"
#include "jm_ticket.h"


/* bytes of bodies after which other requests get their turn */

#define NGX_HTTP_JIMENG_SLICE  524288


/* ids are those of tasks that are asked for by one sealed id, or NULL */

struct ngx_http_jimeng_order_s {
    ngx_str_t                   req_key;    /* the model */
    jm_provider_e               provider;   /* of it */
    ngx_http_jimeng_payload_t   submit;
    ngx_str_t                   req_json;   /* of a query that wants URLs */
    ngx_str_t                   data_json;  /* base64; empty: none does */
    jm_stream_e                 stream;
    ngx_uint_t                  edit;
    ngx_uint_t                  async;      /* the reply is an id, at once */
    unsigned                    gpt;        /* errors as OpenAI's models' */
    jm_look_t                   look;       /* size, quality: for replies */
    uint64_t                    kind;       /* for the schedule of queries */
    uint64_t                    price;      /* of a picture, in millionths */
    uint32_t                    n;          /* tasks */
    uint32_t                    pictures;   /* the most that they bring */
    uint32_t                    retries;    /* new submits for a failed task */
    uint32_t                    max_images; /* 0: all */
    uint64_t                    ignored;    /* fields, as jm_request_t's */
    ngx_str_t                  *ids;
    ngx_str_t                   task_id;    /* sealed: asked by, or told */
    ngx_http_jimeng_account_t  *account;
    time_t                      created;
    uint64_t                    entry;      /* in the ledger; 0: none */
    ngx_msec_t                  wait;       /* ms, for the tasks' end */
};


typedef ngx_int_t (*ngx_http_jimeng_step_pt)(ngx_http_jimeng_input_t *in,
    jm_error_t *e);


/* a body on its way to an order, with a pool that goes when this is made */

struct ngx_http_jimeng_input_s {
    ngx_http_request_t         *request;
    ngx_pool_t                 *pool;
    ngx_http_jimeng_step_pt     step;
    ngx_http_jimeng_step_pt     again;      /* that reads it */
    ngx_socket_t                ident;      /* ngx_event_ident() reads it */
    ngx_event_t                 timer;
    ngx_pool_cleanup_t         *cleanup;    /* NULL: never had to wait */
    ngx_http_jimeng_body_t      body;
    uint64_t                    offset;     /* of the next piece */
    size_t                      used;       /* bytes of this slice */
    jm_mem_t                    mem;
    jm_rules_t                  rules;
    jm_request_t                params;     /* what the body says */
    jm_buf_t                    rest;       /* JSON less its long strings */
    jm_skeleton_t              *skeleton;   /* takes these out */
    size_t                      max_string; /* a longer one is taken out */
    jm_multipart_t             *form;       /* NULL: it is JSON */
    ngx_uint_t                  image;      /* number of the next one */
    size_t                     *at;         /* where images go in submit */
    size_t                      written;    /* bytes of submit, to a file */
    ngx_str_t                   submit;     /* the body, less these images */
    ngx_http_jimeng_picture_t   picture;
    ngx_http_jimeng_order_t     order;
    ngx_http_jimeng_open_t      open;
    ngx_http_jimeng_service_t  *service;    /* NULL: there is one */
    u_char                      fingerprint[JM_DIGEST_LEN];
    ngx_msec_t                  since;      /* when it began to wait */
    unsigned                    waited:1;   /* for the same request's client */
};


/* ngx_http_jimeng_ticket.c */

void ngx_http_jimeng_ticket_init(jm_ticket_t *t, ngx_http_request_t *r,
    ngx_http_jimeng_order_t *order, ngx_http_jimeng_account_t *account);
ngx_uint_t ngx_http_jimeng_ticket_fits(ngx_http_request_t *r,
    ngx_http_jimeng_order_t *order);
ngx_int_t ngx_http_jimeng_ticket_seal(ngx_http_request_t *r, jm_ticket_t *t,
    ngx_str_t *text);
ngx_int_t ngx_http_jimeng_ticket_unseal(ngx_http_request_t *r,
    ngx_str_t *text, jm_ticket_t *t);

/* ngx_http_jimeng_order.c */

ngx_int_t ngx_http_jimeng_order_read(ngx_http_jimeng_input_t *in, jm_rc_e rc,
    jm_error_t *e);
void ngx_http_jimeng_order_served(ngx_http_jimeng_input_t *in);
ngx_int_t ngx_http_jimeng_order_open(ngx_http_jimeng_input_t *in);
void ngx_http_jimeng_order_again(ngx_http_jimeng_input_t *in);

/* ngx_http_jimeng_input.c */

ngx_http_jimeng_input_t *ngx_http_jimeng_input_create(ngx_http_request_t *r);


#endif /* _NGX_HTTP_JIMENG_REQUEST_H_INCLUDED_ */
