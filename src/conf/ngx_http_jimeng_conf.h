
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * The floor "conf": what the configuration says of the module, and of who may
 * use it.  Directives of higher floors (jimeng_zone, jimeng_upload,
 * jimeng_pass, jimeng_status, jimeng_metrics) are read there.
 */


#ifndef _NGX_HTTP_JIMENG_CONF_H_INCLUDED_
#define _NGX_HTTP_JIMENG_CONF_H_INCLUDED_


#include "ngx_http_jimeng_account.h"

#include "jm_link.h"


#define NGX_HTTP_JIMENG_ADAPTIVE     0      /* jimeng_poll_interval */
#define NGX_HTTP_JIMENG_SIZE_FIT     0      /* jimeng_size */
#define NGX_HTTP_JIMENG_SIZE_STRICT  1


typedef struct ngx_http_jimeng_zone_s    ngx_http_jimeng_zone_t;
typedef struct ngx_http_jimeng_redis_s   ngx_http_jimeng_redis_t;
typedef struct ngx_http_jimeng_upload_s  ngx_http_jimeng_upload_t;
typedef struct ngx_http_jimeng_links_s   ngx_http_jimeng_links_t;


typedef struct {
    ngx_array_t                 accounts;   /* ngx_http_jimeng_account_t * */
    ngx_array_t                 keys;       /* ngx_http_jimeng_keys_t * */
    ngx_array_t                 clients;    /* const jm_client_t *, of all */
    ngx_array_t                 passes;     /* locations with jimeng_pass */
    ngx_http_jimeng_zone_t     *zone;       /* NULL: there is none */
    ngx_http_jimeng_redis_t    *redis;      /* jimeng_store, or NULL */
    ngx_int_t                   request_id; /* index of $request_id */
    ngx_int_t                   timezone;   /* s east of UTC */
    time_t                      created;    /* when it was read */
    jm_seal_key_t               seal_keys[JM_SEAL_KEYS];
    ngx_uint_t                  nseal_keys;
    jm_link_key_t               link_keys[JM_SEAL_KEYS];    /* as many */
    unsigned                    seal_random:1;  /* made at the start */
    unsigned                    used:1;     /* it was good */
} ngx_http_jimeng_main_conf_t;


typedef struct {
    ngx_str_t                   uri;        /* of jimeng_pass; empty: none */
    ngx_array_t                *account_names;  /* ngx_str_t */
    ngx_array_t                *accounts;   /* ngx_http_jimeng_account_t * */
    ngx_http_jimeng_account_t  *account;    /* the first of them */
    ngx_array_t                *models;     /* jm_model_t */
    jm_models_t                 table;      /* models, as the core reads it */
    ngx_str_t                   default_model;
    ngx_msec_t                  poll_interval;
    ngx_uint_t                  poll_attempts;
    ngx_msec_t                  timeout;
    ngx_msec_t                  heartbeat;  /* 0: off */
    ngx_msec_t                  dedupe;     /* 0: off */
    ngx_msec_t                  unmarked;   /* jimeng_dedupe; 0: off */
    ngx_uint_t                  size;
    ngx_uint_t                  response_format;    /* jm_format_e */
    ngx_uint_t                  max_prompt;
    ngx_http_jimeng_upload_t   *upload;     /* NULL: URLs only */
    ngx_http_jimeng_links_t    *links;      /* what pictures' links say */
    ngx_flag_t                  error_page; /* without jimeng_pass as well */
    ngx_flag_t                  cross_site; /* forms of any origin */
    ngx_http_jimeng_keys_t     *keys;       /* NULL: clients need no key */
    ngx_uint_t                  dry_run;    /* keys refuse nothing */
    ngx_http_complex_value_t   *client;     /* jimeng_client, or NULL */
    ngx_http_handler_pt         report;     /* jimeng_status, _metrics */
    ngx_str_t                   report_name;
} ngx_http_jimeng_loc_conf_t;


/* ngx_http_jimeng_conf.c */

void *ngx_http_jimeng_create_main_conf(ngx_conf_t *cf);
char *ngx_http_jimeng_init_main_conf(ngx_conf_t *cf, void *conf);
void *ngx_http_jimeng_create_loc_conf(ngx_conf_t *cf);
char *ngx_http_jimeng_merge_conf(ngx_conf_t *cf,
    ngx_http_jimeng_loc_conf_t *prev, ngx_http_jimeng_loc_conf_t *conf);
char *ngx_http_jimeng_poll_interval(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_jimeng_dedupe(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
ngx_msec_t ngx_http_jimeng_poll_fixed(ngx_http_jimeng_loc_conf_t *jlcf);

/* ngx_http_jimeng_conf_value.c */

char *ngx_http_jimeng_model(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_jimeng_timezone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* ngx_http_jimeng_accounts.c */

char *ngx_http_jimeng_accounts(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_jimeng_accounts_check(ngx_conf_t *cf,
    ngx_http_jimeng_main_conf_t *jmcf);
char *ngx_http_jimeng_accounts_merge(ngx_conf_t *cf,
    ngx_http_jimeng_loc_conf_t *conf);

/* ngx_http_jimeng_secret.c */

char *ngx_http_jimeng_task_secret(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_int_t ngx_http_jimeng_secret_init(ngx_conf_t *cf,
    ngx_http_jimeng_main_conf_t *jmcf);

/* ngx_http_jimeng_keys_conf.c */

char *ngx_http_jimeng_keys(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_jimeng_keys_models(ngx_conf_t *cf,
    ngx_http_jimeng_loc_conf_t *conf);


#endif /* _NGX_HTTP_JIMENG_CONF_H_INCLUDED_ */
