
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#ifndef _NGX_HTTP_JIMENG_H_INCLUDED_
#define _NGX_HTTP_JIMENG_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "jm_base64.h"
#include "jm_digest.h"
#include "jm_ledger.h"
#include "jm_metrics.h"
#include "jm_pass.h"
#include "jm_picture.h"
#include "jm_queue.h"
#include "jm_quota.h"
#include "jm_reply.h"
#include "jm_schedule.h"
#include "jm_seal.h"
#include "jm_sign.h"
#include "jm_visual.h"


#define NGX_HTTP_JIMENG_VERSION      "0.2.0"

#define NGX_HTTP_JIMENG_CALLS        3

/* milliseconds for which a repeat without a mark is one, by default */

#define NGX_HTTP_JIMENG_UNMARKED     600000

/* ten answers are not too large for their reply: they have been paid for */

#define NGX_HTTP_JIMENG_REPLY_MAX    4194304

#define NGX_HTTP_JIMENG_SIZE_FIT     0
#define NGX_HTTP_JIMENG_SIZE_STRICT  1

/* a poll interval: what the schedule says */

#define NGX_HTTP_JIMENG_ADAPTIVE     0


typedef struct ngx_http_jimeng_main_conf_s  ngx_http_jimeng_main_conf_t;
typedef struct ngx_http_jimeng_loc_conf_s   ngx_http_jimeng_loc_conf_t;
typedef struct ngx_http_jimeng_payload_s    ngx_http_jimeng_payload_t;
typedef struct ngx_http_jimeng_job_s        ngx_http_jimeng_job_t;
typedef struct ngx_http_jimeng_input_s      ngx_http_jimeng_input_t;
typedef struct ngx_http_jimeng_exchange_s   ngx_http_jimeng_exchange_t;
typedef struct ngx_http_jimeng_delivery_s   ngx_http_jimeng_delivery_t;
typedef struct ngx_http_jimeng_claim_s      ngx_http_jimeng_claim_t;
typedef struct ngx_http_jimeng_order_s      ngx_http_jimeng_order_t;
typedef struct ngx_http_jimeng_hold_s       ngx_http_jimeng_hold_t;


#include "ngx_http_jimeng_account.h"
#include "ngx_http_jimeng_zone.h"


/* a file of client keys; clients of one name have their limits in common */

typedef struct {
    ngx_str_t                   file;
    jm_keys_t                   keys;
} ngx_http_jimeng_keys_t;


struct ngx_http_jimeng_main_conf_s {
    ngx_array_t                 accounts;   /* ngx_http_jimeng_account_t * */
    ngx_array_t                 keys;       /* ngx_http_jimeng_keys_t * */
    ngx_array_t                 clients;    /* const jm_client_t *, of all */
    ngx_http_jimeng_zone_t     *zone;       /* or NULL */
    ngx_int_t                   request_id; /* index of $request_id */
    time_t                      created;    /* when this was read */
    jm_digest_t                 sha256;     /* of nothing yet */

    jm_seal_key_t               seal_keys[JM_SEAL_KEYS];
    ngx_uint_t                  nseal_keys;
    unsigned                    seal_random:1;  /* they are of no file */
};


/* where pictures are put; dir and what follows is the cache manager's */

typedef struct {
    ngx_path_t                 *path;
    ngx_str_t                   url;        /* without a slash at its end */
    time_t                      expires;

    ngx_dir_t                   dir;
    time_t                      oldest;     /* that was found, and left */
    ngx_msec_t                  next;       /* when to begin again */
    unsigned                    open:1;
} ngx_http_jimeng_upload_t;


struct ngx_http_jimeng_loc_conf_s {
    ngx_str_t                   pass;
    ngx_array_t                *account_names;  /* ngx_str_t */
    ngx_array_t                *accounts;   /* ngx_http_jimeng_account_t * */
    ngx_http_jimeng_account_t  *account;    /* the first of them */

    ngx_array_t                *models;     /* jm_model_t */
    jm_models_t                 table;      /* models, as the core reads it */
    ngx_str_t                   default_model;

    ngx_msec_t                  poll_interval;
    ngx_uint_t                  poll_attempts;
    ngx_msec_t                  timeout;
    ngx_msec_t                  heartbeat;
    ngx_msec_t                  dedupe;     /* 0: off */
    ngx_msec_t                  unmarked;   /* of it, 0: off */
    ngx_uint_t                  size;
    ngx_uint_t                  response_format;    /* jm_format_e */
    ngx_uint_t                  max_prompt;
    ngx_http_jimeng_upload_t   *upload;     /* NULL: URLs only */
    ngx_flag_t                  error_page; /* without jimeng_pass as well */
    ngx_flag_t                  cross_site; /* forms of any page's */
    ngx_http_jimeng_keys_t     *keys;       /* NULL: whoever comes */
    ngx_uint_t                  dry_run;    /* of their limits */
    ngx_http_handler_pt         report;     /* instead of jimeng_pass */
    ngx_str_t                   report_name;
};


typedef struct {
    ngx_http_jimeng_job_t      *job;
    ngx_http_jimeng_input_t    *input;      /* while it is being read */
    ngx_http_jimeng_order_t    *order;      /* of a retrieval */
    ngx_http_jimeng_hold_t     *hold;       /* of the client's limits */
    const jm_client_t          *client;     /* whose key was sent, or NULL */
    jm_error_t                 *over;       /* its rate, or NULL */
    u_char                      identity[JM_DIGEST_LEN];
    ngx_str_t                   error_page; /* instead of nginx's own */
    ngx_str_t                   model;      /* req_key, when it is known */
    jm_cause_e                  cause;      /* of the error that was told */
    unsigned                    replied:1;  /* the reply is of our making */
    unsigned                    edit:1;     /* images/edits */
    unsigned                    form:1;     /* the body is one */
    unsigned                    identified:1;   /* identity is set */
} ngx_http_jimeng_ctx_t;


/* what is sent upstream: text, or a whole file, and its hash */

struct ngx_http_jimeng_payload_s {
    ngx_str_t                   text;
    ngx_file_t                 *file;
    off_t                       len;
    unsigned                    hashed:1;   /* there is a hash */
    u_char                      hash[JM_DIGEST_HEX_LEN];
};


/* the core's view of nginx's */

#define ngx_http_jimeng_str(v, s)                                             \
    (v)->len = (s)->len;                                                      \
    (v)->data = (s)->data


extern ngx_module_t  ngx_http_jimeng_module;


/* ngx_http_jimeng_conf.c */

void *ngx_http_jimeng_create_main_conf(ngx_conf_t *cf);
char *ngx_http_jimeng_init_main_conf(ngx_conf_t *cf, void *conf);
void *ngx_http_jimeng_create_loc_conf(ngx_conf_t *cf);
char *ngx_http_jimeng_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
char *ngx_http_jimeng_pass(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_jimeng_model(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_jimeng_msec_or_off(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_jimeng_number_or_off(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_jimeng_positive(ngx_conf_t *cf, void *post, void *data);

/* ngx_http_jimeng_secret.c */

char *ngx_http_jimeng_task_secret(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_int_t ngx_http_jimeng_secret_init(ngx_conf_t *cf,
    ngx_http_jimeng_main_conf_t *jmcf);
ngx_int_t ngx_http_jimeng_seal(ngx_http_request_t *r, jm_ticket_t *t,
    ngx_str_t *text);
ngx_int_t ngx_http_jimeng_unseal(ngx_http_request_t *r, ngx_str_t *text,
    jm_ticket_t *t);

/* ngx_http_jimeng_handler.c */

ngx_int_t ngx_http_jimeng_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_jimeng_refuse(ngx_http_request_t *r, jm_error_t *e);
void ngx_http_jimeng_path(ngx_http_request_t *r, ngx_str_t *path);
ngx_http_jimeng_ctx_t *ngx_http_jimeng_ctx(ngx_http_request_t *r);

/* ngx_http_jimeng_origin.c */

ngx_int_t ngx_http_jimeng_origin_check(ngx_http_request_t *r, jm_error_t *e);

/* ngx_http_jimeng_models.c */

ngx_int_t ngx_http_jimeng_models(ngx_http_request_t *r, ngx_str_t *name);

/* ngx_http_jimeng_body.c */

/* the largest body that is copied, to have it in one piece */

#define NGX_HTTP_JIMENG_BODY_COPY  65536

typedef struct {
    jm_str_t                    text;       /* all of it, if whole */
    ngx_chain_t                *bufs;
    ngx_chain_t                *cl;         /* the one that was read last, */
    uint64_t                    start;      /* and where it begins */
    uint64_t                    len;
    unsigned                    whole:1;
} ngx_http_jimeng_body_t;

ngx_int_t ngx_http_jimeng_body_open(ngx_http_request_t *r,
    ngx_http_jimeng_body_t *body);
ngx_int_t ngx_http_jimeng_body_read(ngx_http_jimeng_body_t *body,
    uint64_t offset, size_t len, u_char *buffer, jm_str_t *piece);

/* ngx_http_jimeng_input.c */

ngx_int_t ngx_http_jimeng_input_read(ngx_http_request_t *r);

/* ngx_http_jimeng_upload.c */

#define NGX_HTTP_JIMENG_UPLOAD_NAME  JM_DIGEST_HEX_LEN
#define NGX_HTTP_JIMENG_UPLOAD_TEMP  32
#define NGX_HTTP_JIMENG_UPLOAD_EXT   4      /* ".jpg", ".png", ".tmp" */

typedef struct {
    ngx_http_jimeng_upload_t   *upload;
    ngx_file_t                  file;
    jm_digest_t                 name;
    unsigned                    open:1;
} ngx_http_jimeng_store_t;

char *ngx_http_jimeng_upload(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
ngx_http_jimeng_store_t *ngx_http_jimeng_store_create(
    ngx_http_jimeng_upload_t *upload, ngx_pool_t *pool, ngx_log_t *log);
ngx_int_t ngx_http_jimeng_store_open(ngx_http_jimeng_store_t *store,
    ngx_http_jimeng_account_t *account);
ngx_int_t ngx_http_jimeng_store_add(ngx_http_jimeng_store_t *store,
    jm_str_t data);
ngx_int_t ngx_http_jimeng_store_end(ngx_http_jimeng_store_t *store,
    jm_picture_type_e type, ngx_pool_t *pool, jm_str_t *url);

/* ngx_http_jimeng_expire.c */

ngx_msec_t ngx_http_jimeng_expire(void *data);

/* ngx_http_jimeng_payload.c */

typedef struct {
    ngx_http_jimeng_payload_t  *payload;
    jm_digest_t                 digest;
    jm_base64_encoder_t         encoder;
    u_char                     *encoded;
} ngx_http_jimeng_writer_t;

ngx_http_jimeng_writer_t *ngx_http_jimeng_payload_open(ngx_http_request_t *r,
    ngx_http_jimeng_payload_t *payload, size_t piece, ngx_pool_t *pool);
ngx_int_t ngx_http_jimeng_payload_text(ngx_http_jimeng_writer_t *w,
    jm_str_t text);
ngx_int_t ngx_http_jimeng_payload_data(ngx_http_jimeng_writer_t *w,
    jm_str_t data);
ngx_int_t ngx_http_jimeng_payload_data_end(ngx_http_jimeng_writer_t *w);
ngx_int_t ngx_http_jimeng_payload_end(ngx_http_jimeng_writer_t *w);
ngx_int_t ngx_http_jimeng_payload_hash(ngx_http_jimeng_payload_t *payload,
    jm_digest_t *sha256);

/* ngx_http_jimeng_picture.c */

/* a picture on its way from a body to where the upstream finds it */

typedef struct {
    ngx_http_jimeng_body_t     *body;
    ngx_http_jimeng_store_t    *store;      /* to a file of its own, */
    ngx_http_jimeng_writer_t   *writer;     /* or into the payload */
    jm_image_t                 *image;
    uint64_t                    offset;     /* within it */
    jm_base64_t                 base64;
    jm_picture_t                picture;
    u_char                     *buffer;
    u_char                     *decoded;
} ngx_http_jimeng_picture_t;

/* bytes of a body that are looked at a time */

#define NGX_HTTP_JIMENG_PIECE  65536

ngx_int_t ngx_http_jimeng_picture_create(ngx_http_jimeng_picture_t *p,
    ngx_pool_t *pool);
void ngx_http_jimeng_picture_start(ngx_http_jimeng_picture_t *p,
    jm_image_t *image, const jm_model_t *model);
ngx_int_t ngx_http_jimeng_picture_step(ngx_http_jimeng_picture_t *p,
    size_t *used, jm_error_t *e);
ngx_int_t ngx_http_jimeng_picture_unstored(jm_error_t *e);

/* ngx_http_jimeng_keys.c */

char *ngx_http_jimeng_keys(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
ngx_int_t ngx_http_jimeng_keys_create(ngx_conf_t *cf,
    ngx_http_jimeng_main_conf_t *jmcf);
ngx_int_t ngx_http_jimeng_keys_init(ngx_conf_t *cf,
    ngx_http_jimeng_main_conf_t *jmcf);

/* ngx_http_jimeng_random.c */

ngx_int_t ngx_http_jimeng_random(u_char *dst, size_t len, ngx_log_t *log);

/* ngx_http_jimeng_file.c */

ngx_int_t ngx_http_jimeng_file_read(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *path, size_t max, jm_str_t *text);

/* ngx_http_jimeng_identity.c */

ngx_str_t *ngx_http_jimeng_header(ngx_http_request_t *r, char *name,
    ngx_uint_t *n);
ngx_str_t *ngx_http_jimeng_key_header(ngx_http_request_t *r, ngx_uint_t *n);
ngx_int_t ngx_http_jimeng_digest(ngx_http_request_t *r, u_char *dst,
    jm_str_t *parts, ngx_uint_t n);
ngx_int_t ngx_http_jimeng_identity(ngx_http_request_t *r, u_char *id);
void ngx_http_jimeng_owner(ngx_http_request_t *r, jm_str_t *owner);
ngx_int_t ngx_http_jimeng_keys_check(ngx_http_request_t *r, jm_error_t *e);
ngx_int_t ngx_http_jimeng_keys_model(ngx_http_request_t *r,
    const jm_model_t *model, jm_error_t *e);
ngx_int_t ngx_http_jimeng_client_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);

/* ngx_http_jimeng_client.c */

ngx_uint_t ngx_http_jimeng_client_is_stream(ngx_http_request_t *r);
ngx_uint_t ngx_http_jimeng_client_early(ngx_http_request_t *r);
void ngx_http_jimeng_client_watch(ngx_http_request_t *r);
void ngx_http_jimeng_client_unwatch(ngx_http_request_t *r);
ngx_uint_t ngx_http_jimeng_client_left(ngx_http_request_t *r);
ngx_uint_t ngx_http_jimeng_client_broke(ngx_http_request_t *r);
ngx_uint_t ngx_http_jimeng_client_took(ngx_http_request_t *r);
void ngx_http_jimeng_client_ignore(ngx_http_request_t *r);
ngx_uint_t ngx_http_jimeng_shutdown_within(ngx_msec_t time);

/* ngx_http_jimeng_status.c */

char *ngx_http_jimeng_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_jimeng_metrics(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_jimeng_status_merge(ngx_conf_t *cf,
    ngx_http_jimeng_loc_conf_t *prev, ngx_http_jimeng_loc_conf_t *conf);

/* ngx_http_jimeng_send.c */

void ngx_http_jimeng_mem(jm_mem_t *mem, ngx_pool_t *pool);
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


#include "ngx_http_jimeng_job.h"


#endif /* _NGX_HTTP_JIMENG_H_INCLUDED_ */
