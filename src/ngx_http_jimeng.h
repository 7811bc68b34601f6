
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
#include "jm_seal.h"
#include "jm_sign.h"
#include "jm_visual.h"


#define NGX_HTTP_JIMENG_VERSION      "0.1.0"

#define NGX_HTTP_JIMENG_CALLS        3

/* bytes of an account's name, which the zone keeps */

#define NGX_HTTP_JIMENG_ACCOUNT_NAME 64

/* ten answers are not too large for their reply: they have been paid for */

#define NGX_HTTP_JIMENG_REPLY_MAX    4194304

#define NGX_HTTP_JIMENG_SIZE_FIT     0
#define NGX_HTTP_JIMENG_SIZE_STRICT  1


typedef struct ngx_http_jimeng_main_conf_s  ngx_http_jimeng_main_conf_t;
typedef struct ngx_http_jimeng_job_s       ngx_http_jimeng_job_t;
typedef struct ngx_http_jimeng_input_s     ngx_http_jimeng_input_t;
typedef struct ngx_http_jimeng_exchange_s  ngx_http_jimeng_exchange_t;
typedef struct ngx_http_jimeng_delivery_s  ngx_http_jimeng_delivery_t;
typedef struct ngx_http_jimeng_claim_s     ngx_http_jimeng_claim_t;
typedef struct ngx_http_jimeng_order_s     ngx_http_jimeng_order_t;
typedef struct ngx_http_jimeng_hold_s      ngx_http_jimeng_hold_t;


typedef struct {
    ngx_uint_t                  concurrency;    /* 0: it has no slots */
    ngx_uint_t                  weight;
    ngx_uint_t                  queue;          /* 0: nobody waits */
    ngx_msec_t                  timeout;        /* of who waits, or 0 */
    ngx_msec_t                  interval;       /* between two submits */
} ngx_http_jimeng_limits_t;


/* the day key is a cache of this worker's, the rest is configuration */

typedef struct {
    ngx_str_t                   name;
    ngx_uint_t                  number;         /* in the configuration, */
    unsigned                    queue_number;   /* and in the zone */
    ngx_http_jimeng_limits_t    limits;
    jm_credential_t             credential;
    jm_str_t                    security_token;
    jm_str_t                    host;
    ngx_str_t                   args[NGX_HTTP_JIMENG_CALLS];
    jm_day_key_t                day_key;
} ngx_http_jimeng_account_t;


#define NGX_HTTP_JIMENG_VERSIONS     5

/* the shared memory; all but what sh points to is this process's own */

typedef struct {
    ngx_str_t                   name;
    ngx_cycle_t                *cycle;
    ngx_slab_pool_t            *shpool;
    ngx_http_jimeng_main_conf_t  *jmcf;

    jm_ledger_t                 ledger;
    jm_queue_t                  queue;
    jm_quota_t                  quota;
    jm_metrics_t                metrics;

    struct {
        uint32_t                magic;
        uint32_t                versions[NGX_HTTP_JIMENG_VERSIONS];
        size_t                  size;       /* of this */

        jm_ledger_shared_t     *ledger;
        jm_queue_shared_t      *queue;
        jm_quota_shared_t      *quota;
        jm_metrics_shared_t    *metrics;
        ngx_msec_t              warned;     /* that it is full; or 0 */
        u_char                  salt[JM_DIGEST_LEN];
    } *sh;
} ngx_http_jimeng_zone_t;


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


typedef struct {
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
    ngx_uint_t                  size;
    ngx_uint_t                  max_prompt;
    ngx_http_jimeng_upload_t   *upload;     /* NULL: URLs only */
    ngx_flag_t                  error_page; /* without jimeng_pass as well */
    ngx_http_jimeng_keys_t     *keys;       /* NULL: whoever comes */
    ngx_uint_t                  dry_run;    /* of their limits */
    ngx_http_handler_pt         report;     /* instead of jimeng_pass */
    ngx_str_t                   report_name;
} ngx_http_jimeng_loc_conf_t;


typedef struct {
    ngx_http_jimeng_job_t      *job;
    ngx_http_jimeng_input_t    *input;      /* while it is being read */
    ngx_http_jimeng_order_t    *order;      /* of a retrieval */
    ngx_http_jimeng_hold_t     *hold;       /* of the client's limits */
    const jm_client_t          *client;     /* whose key was sent, or NULL */
    ngx_str_t                   error_page; /* instead of nginx's own */
    ngx_str_t                   model;      /* req_key, when it is known */
    jm_cause_e                  cause;      /* of the error that was told */
    unsigned                    replied:1;  /* the reply is of our making */
    unsigned                    edit:1;     /* images/edits */
    unsigned                    form:1;     /* the body is one */
} ngx_http_jimeng_ctx_t;


/* what is sent upstream: text, or a whole file, and then its hash */

typedef struct {
    ngx_str_t                   text;
    ngx_file_t                 *file;
    off_t                       len;
    u_char                      hash[JM_SHA256_HEX_LEN];
} ngx_http_jimeng_payload_t;


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
char *ngx_http_jimeng_positive(ngx_conf_t *cf, void *post, void *data);

/* ngx_http_jimeng_account.c */

char *ngx_http_jimeng_account_block(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_http_jimeng_account_t *ngx_http_jimeng_account_find(
    ngx_http_jimeng_main_conf_t *jmcf, ngx_str_t *name);
ngx_http_jimeng_account_t *ngx_http_jimeng_account_numbered(
    ngx_http_jimeng_main_conf_t *jmcf, ngx_uint_t number);
char *ngx_http_jimeng_credential_file(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *source, jm_str_t *credential);

/* ngx_http_jimeng_accounts.c */

char *ngx_http_jimeng_accounts(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_jimeng_accounts_check(ngx_conf_t *cf,
    ngx_http_jimeng_main_conf_t *jmcf);
char *ngx_http_jimeng_accounts_merge(ngx_conf_t *cf,
    ngx_http_jimeng_loc_conf_t *conf);

/* ngx_http_jimeng_limits.c */

char *ngx_http_jimeng_limit_count(ngx_conf_t *cf,
    ngx_http_jimeng_account_t *account, void *field);
char *ngx_http_jimeng_limit_queue(ngx_conf_t *cf,
    ngx_http_jimeng_account_t *account, void *field);
char *ngx_http_jimeng_limit_interval(ngx_conf_t *cf,
    ngx_http_jimeng_account_t *account, void *field);
void ngx_http_jimeng_limits_init(ngx_http_jimeng_limits_t *limits);
char *ngx_http_jimeng_limits_check(ngx_conf_t *cf,
    ngx_http_jimeng_account_t *account);

/* ngx_http_jimeng_sign.c */

ngx_int_t ngx_http_jimeng_account_sign(ngx_http_jimeng_account_t *account,
    jm_visual_call_e call, ngx_http_jimeng_payload_t *payload,
    ngx_list_t *headers, ngx_log_t *log);

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
ngx_http_jimeng_ctx_t *ngx_http_jimeng_ctx(ngx_http_request_t *r);

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

#define NGX_HTTP_JIMENG_UPLOAD_NAME  JM_SHA256_HEX_LEN
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
    jm_image_t *image, size_t max_bytes);
ngx_int_t ngx_http_jimeng_picture_step(ngx_http_jimeng_picture_t *p,
    size_t *used, jm_error_t *e);
ngx_int_t ngx_http_jimeng_picture_unstored(jm_error_t *e);

/* ngx_http_jimeng_job.c */

struct ngx_http_jimeng_order_s {
    ngx_str_t                   req_key;
    ngx_http_jimeng_payload_t   submit;     /* the body to be sent */
    ngx_str_t                   req_json;   /* the form of the result */
    ngx_str_t                   data_json;  /* the same, as data; or empty */
    jm_stream_e                 stream;
    ngx_uint_t                  edit;
    ngx_uint_t                  async;      /* answered when submitted */
    ngx_str_t                  *ids;        /* of a retrieval, or NULL */
    ngx_str_t                   task_id;    /* of that, sealed */
    ngx_http_jimeng_account_t  *account;    /* of that, or NULL */
    time_t                      created;    /* of that, or 0 */
    ngx_msec_t                  wait;       /* of that, for its end */
    jm_size_t                   size;
    uint32_t                    n;          /* tasks */
    uint32_t                    pictures;   /* that they bring, at most */
    uint32_t                    retries;
    uint32_t                    max_images; /* 0: all */
    uint64_t                    ignored;    /* fields, as jm_request_t's */
};

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
    ngx_http_jimeng_payload_t   query;      /* the body to be sent */
    jm_part_t                   part;       /* what became of it */
    jm_error_t                  error;

    jm_place_t                  place;      /* serial 0: it has none */
    ngx_queue_t                 queue;      /* of those that wait for a slot */
    ngx_uint_t                  turn;       /* when it last looked for one */

    int64_t                     code;       /* the upstream's last number */
    ngx_msec_t                  queued;
    ngx_msec_t                  admitted;
    ngx_msec_t                  accepted;
    ngx_msec_t                  asked;      /* last, when it was not over */
    ngx_msec_t                  over;
    unsigned                    own:1;      /* submitted here, or to be */
    unsigned                    waits:1;    /* for a slot */
    unsigned                    follows:1;  /* given up, and asked for */
    unsigned                    quiet:1;    /* refused access was logged */
    unsigned                    pending:1;  /* the upstream says so */
    unsigned                    running:1;
    unsigned                    strange:1;  /* logged once */
} ngx_http_jimeng_task_t;


/* one that is followed has failed, and only its slot is not free */

#define ngx_http_jimeng_task_state(t)                                         \
    ((t)->follows ? JM_TASK_FAILED : (t)->task.state)


struct ngx_http_jimeng_job_s {
    ngx_http_request_t         *request;
    ngx_http_jimeng_account_t  *account;
    ngx_http_jimeng_order_t     order;
    ngx_http_jimeng_task_t     *tasks;
    ngx_http_jimeng_delivery_t *delivery;   /* or NULL: URLs, as one reply */
    ngx_http_jimeng_claim_t    *claim;      /* of the ledger, or NULL */
    ngx_http_jimeng_hold_t     *hold;       /* of limits, or NULL */
    ngx_event_t                 closing;
    time_t                      created;
    ngx_uint_t                  left;       /* tasks that are not over, */
    ngx_uint_t                  following;  /* and that are but upstream */
    ngx_msec_t                  upstream_time;
    unsigned                    gone:1;     /* nobody waits for the reply */
    unsigned                    answered:1; /* before it is over */
    unsigned                    ended:1;    /* but for what it follows */
    unsigned                    bound:1;    /* the account is the ledger's */
};

ngx_int_t ngx_http_jimeng_job_start(ngx_http_request_t *r,
    ngx_http_jimeng_order_t *order, ngx_http_jimeng_claim_t *claim);
void ngx_http_jimeng_job_step(ngx_http_jimeng_job_t *job);
void ngx_http_jimeng_job_left(ngx_http_jimeng_job_t *job);
ngx_int_t ngx_http_jimeng_job_bind(ngx_http_jimeng_job_t *job,
    ngx_uint_t number);

/* ngx_http_jimeng_task.c */

void ngx_http_jimeng_task_begin(ngx_http_jimeng_task_t *task);
void ngx_http_jimeng_task_exchanged(ngx_http_jimeng_task_t *task);
void ngx_http_jimeng_task_left(ngx_http_jimeng_task_t *task);
void ngx_http_jimeng_task_close(ngx_http_jimeng_task_t *task);
void ngx_http_jimeng_task_timer(ngx_event_t *ev);
void ngx_http_jimeng_task_drop(ngx_http_jimeng_task_t *task);

/* ngx_http_jimeng_outcome.c */

jm_event_e ngx_http_jimeng_outcome(ngx_http_jimeng_task_t *task,
    jm_visual_call_e call, jm_answer_t *answer);

/* ngx_http_jimeng_slots.c */

ngx_int_t ngx_http_jimeng_slots_init_process(ngx_cycle_t *cycle);
jm_event_e ngx_http_jimeng_slot_look(ngx_http_jimeng_task_t *task,
    jm_error_t *e);
void ngx_http_jimeng_slot_accepted(ngx_http_jimeng_task_t *task);
void ngx_http_jimeng_slot_refused(ngx_http_jimeng_task_t *task,
    jm_answer_t *answer);
void ngx_http_jimeng_slot_renew(ngx_http_jimeng_task_t *task);
void ngx_http_jimeng_slot_adopt(ngx_http_jimeng_task_t *task);
void ngx_http_jimeng_slot_leave(ngx_http_jimeng_task_t *task,
    jm_leave_e how);

/* ngx_http_jimeng_retrieve.c */

/* what one who only asks for a task that brought no picture has seen of it */

typedef enum {
    NGX_HTTP_JIMENG_SEEN_END = 0,
    NGX_HTTP_JIMENG_SEEN_OPEN,      /* the upstream is at work on it */
    NGX_HTTP_JIMENG_SEEN_NOTHING    /* the upstream could not be asked */
} ngx_http_jimeng_seen_e;

ngx_int_t ngx_http_jimeng_retrieve(ngx_http_request_t *r, ngx_str_t *name);
void ngx_http_jimeng_retrieve_answer(ngx_http_jimeng_task_t *task,
    jm_answer_t *answer);
ngx_http_jimeng_seen_e ngx_http_jimeng_retrieve_seen(
    ngx_http_jimeng_task_t *task);
ngx_int_t ngx_http_jimeng_retrieve_reply(ngx_http_jimeng_job_t *job);
ngx_int_t ngx_http_jimeng_retrieve_failed(ngx_http_jimeng_job_t *job);

/* ngx_http_jimeng_zone.c */

char *ngx_http_jimeng_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
ngx_int_t ngx_http_jimeng_zone_init_module(ngx_cycle_t *cycle);
ngx_int_t ngx_http_jimeng_zone_init_process(ngx_cycle_t *cycle);

/* ngx_http_jimeng_zone_room.c */

jm_rc_e ngx_http_jimeng_zone_build(ngx_http_jimeng_zone_t *zone,
    size_t size);
jm_rc_e ngx_http_jimeng_zone_reserve(ngx_http_jimeng_zone_t *zone);
jm_rc_e ngx_http_jimeng_zone_register(ngx_http_jimeng_zone_t *zone);
ngx_uint_t ngx_http_jimeng_zone_spare(ngx_http_jimeng_zone_t *zone);
void ngx_http_jimeng_zone_small(ngx_http_jimeng_zone_t *zone, size_t size,
    ngx_log_t *log);

/* ngx_http_jimeng_wake.c */

ngx_int_t ngx_http_jimeng_wake_create(ngx_cycle_t *cycle);
ngx_int_t ngx_http_jimeng_wake_init(ngx_cycle_t *cycle,
    ngx_event_handler_pt handler);
void ngx_http_jimeng_wake(uint32_t worker);
void ngx_http_jimeng_wake_all(void);

/* ngx_http_jimeng_ledger.c */

ngx_uint_t ngx_http_jimeng_ledger_kept(ngx_http_request_t *r);
ngx_int_t ngx_http_jimeng_ledger_digest(ngx_http_request_t *r,
    jm_digest_t *digest);
ngx_int_t ngx_http_jimeng_ledger_open(ngx_http_request_t *r,
    u_char *fingerprint, ngx_uint_t n, ngx_http_jimeng_claim_t **claim,
    jm_error_t *e);
jm_look_e ngx_http_jimeng_ledger_look(ngx_http_jimeng_claim_t *claim,
    ngx_uint_t i, ngx_str_t *id, ngx_uint_t *account);
ngx_uint_t ngx_http_jimeng_ledger_joins(ngx_http_jimeng_claim_t *claim,
    ngx_uint_t n);
void ngx_http_jimeng_ledger_hold(ngx_http_jimeng_claim_t *claim,
    ngx_http_jimeng_hold_t *hold);
ngx_uint_t ngx_http_jimeng_ledger_repeats(ngx_http_jimeng_claim_t *claim);
ngx_int_t ngx_http_jimeng_ledger_submit(ngx_http_jimeng_claim_t *claim,
    ngx_uint_t i, ngx_uint_t account);
void ngx_http_jimeng_ledger_unsent(ngx_http_jimeng_claim_t *claim,
    ngx_uint_t i);
void ngx_http_jimeng_ledger_taken(ngx_http_jimeng_claim_t *claim,
    ngx_uint_t i, ngx_str_t *id);
void ngx_http_jimeng_ledger_unknown(ngx_http_jimeng_claim_t *claim,
    ngx_uint_t i);
void ngx_http_jimeng_ledger_free(ngx_http_jimeng_claim_t *claim,
    ngx_uint_t i);
ngx_uint_t ngx_http_jimeng_ledger_over(ngx_http_jimeng_claim_t *claim,
    ngx_uint_t i);
void ngx_http_jimeng_ledger_left(ngx_http_jimeng_claim_t *claim);

/* ngx_http_jimeng_order.c */

ngx_int_t ngx_http_jimeng_query(ngx_pool_t *pool, ngx_str_t *req_key,
    ngx_str_t *id, ngx_str_t *form, ngx_http_jimeng_payload_t *body);
ngx_int_t ngx_http_jimeng_order_fingerprint(ngx_http_request_t *r,
    ngx_http_jimeng_order_t *order, u_char *fingerprint);

/* ngx_http_jimeng_keys.c */

char *ngx_http_jimeng_keys(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
ngx_int_t ngx_http_jimeng_keys_create(ngx_conf_t *cf,
    ngx_http_jimeng_main_conf_t *jmcf);
ngx_int_t ngx_http_jimeng_keys_init(ngx_conf_t *cf,
    ngx_http_jimeng_main_conf_t *jmcf);

/* ngx_http_jimeng_identity.c */

ngx_str_t *ngx_http_jimeng_header(ngx_http_request_t *r, char *name,
    ngx_uint_t *n);
ngx_int_t ngx_http_jimeng_sha256(jm_str_t text, u_char *dst);
ngx_int_t ngx_http_jimeng_identity(ngx_http_request_t *r, u_char *id);
void ngx_http_jimeng_owner(ngx_http_request_t *r, jm_str_t *owner);
ngx_int_t ngx_http_jimeng_keys_check(ngx_http_request_t *r, jm_error_t *e);
ngx_int_t ngx_http_jimeng_keys_model(ngx_http_request_t *r,
    const jm_model_t *model, jm_error_t *e);
ngx_int_t ngx_http_jimeng_client_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);

/* ngx_http_jimeng_quota.c */

ngx_int_t ngx_http_jimeng_rate(ngx_http_request_t *r, jm_error_t *e);
ngx_int_t ngx_http_jimeng_hold(ngx_http_request_t *r,
    ngx_http_jimeng_order_t *order, ngx_http_jimeng_claim_t *claim,
    jm_error_t *e);
void ngx_http_jimeng_hold_submit(ngx_http_jimeng_hold_t *hold);
void ngx_http_jimeng_hold_delivered(ngx_http_jimeng_hold_t *hold,
    ngx_uint_t n);
void ngx_http_jimeng_hold_release(ngx_http_jimeng_hold_t *hold);
ngx_int_t ngx_http_jimeng_usage(ngx_http_request_t *r, ngx_str_t *name);

/* ngx_http_jimeng_client.c */

ngx_uint_t ngx_http_jimeng_client_left(ngx_http_request_t *r);
void ngx_http_jimeng_client_ignore(ngx_http_request_t *r);
ngx_uint_t ngx_http_jimeng_shutdown_timedout(void);
ngx_uint_t ngx_http_jimeng_shutdown_within(ngx_msec_t time);

/* ngx_http_jimeng_result.c */

ngx_int_t ngx_http_jimeng_result_send(ngx_http_jimeng_job_t *job);
ngx_int_t ngx_http_jimeng_result_picture(ngx_http_jimeng_delivery_t *d,
    ngx_str_t *before, ngx_str_t *after);
ngx_int_t ngx_http_jimeng_result_end(ngx_http_jimeng_delivery_t *d);
ngx_int_t ngx_http_jimeng_result_error(ngx_http_jimeng_job_t *job);
ngx_int_t ngx_http_jimeng_result_status(ngx_http_jimeng_job_t *job,
    jm_status_e status);
const jm_error_t *ngx_http_jimeng_result_why(ngx_http_jimeng_job_t *job);
const jm_part_t *ngx_http_jimeng_result_part(ngx_http_jimeng_job_t *job,
    ngx_uint_t i);
ngx_uint_t ngx_http_jimeng_result_paid(ngx_http_jimeng_job_t *job);

/* ngx_http_jimeng_ticket.c */

ngx_int_t ngx_http_jimeng_ticket(ngx_http_jimeng_job_t *job, jm_str_t *id);
ngx_uint_t ngx_http_jimeng_ticket_fits(ngx_http_request_t *r,
    ngx_http_jimeng_order_t *order);

/* ngx_http_jimeng_log.c */

void ngx_http_jimeng_log_answer(ngx_http_jimeng_task_t *task,
    jm_answer_t *answer);

/* ngx_http_jimeng_metrics.c */

/*
 * What a task is counted by; they do nothing without a zone.  An exchange is
 * counted when its answer was read, and a task when it is over, if this
 * request submitted it, or was to.
 */

ngx_int_t ngx_http_jimeng_metrics_init(ngx_conf_t *cf);
void ngx_http_jimeng_metrics_told(ngx_http_request_t *r, jm_cause_e cause);
void ngx_http_jimeng_metrics_admitted(ngx_http_jimeng_task_t *task,
    ngx_msec_t waited);
void ngx_http_jimeng_metrics_exchange(ngx_http_jimeng_task_t *task,
    jm_visual_call_e call, jm_answer_t *answer, ngx_msec_t time);
void ngx_http_jimeng_metrics_over(ngx_http_jimeng_task_t *task);

/* ngx_http_jimeng_status.c */

char *ngx_http_jimeng_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_jimeng_metrics(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_jimeng_status_merge(ngx_conf_t *cf,
    ngx_http_jimeng_loc_conf_t *prev, ngx_http_jimeng_loc_conf_t *conf);

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
ngx_uint_t ngx_http_jimeng_pass_busy(ngx_http_jimeng_pass_t *p);

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
    jm_visual_call_e call, ngx_http_jimeng_payload_t *body,
    ngx_http_jimeng_pass_t *pass);
void ngx_http_jimeng_exchange_wake(ngx_http_jimeng_exchange_t *x);
ngx_uint_t ngx_http_jimeng_exchange_passes(ngx_http_jimeng_exchange_t *x);
ngx_uint_t ngx_http_jimeng_exchange_ended(ngx_http_jimeng_exchange_t *x);
ngx_msec_t ngx_http_jimeng_exchange_time(ngx_http_jimeng_exchange_t *x);
ngx_int_t ngx_http_jimeng_exchange_take_back(ngx_http_jimeng_exchange_t *x);
ngx_int_t ngx_http_jimeng_exchange_cancel(ngx_http_jimeng_exchange_t *x);
void ngx_http_jimeng_exchange_destroy(ngx_http_jimeng_exchange_t *x);
ngx_int_t ngx_http_jimeng_exchange_keep(ngx_http_jimeng_exchange_t *x);
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
ngx_int_t ngx_http_jimeng_send_rest(ngx_http_request_t *r);
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
