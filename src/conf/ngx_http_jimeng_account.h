
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#ifndef _NGX_HTTP_JIMENG_ACCOUNT_H_INCLUDED_
#define _NGX_HTTP_JIMENG_ACCOUNT_H_INCLUDED_


/* bytes of an account's name, which the zone keeps */

#define NGX_HTTP_JIMENG_ACCOUNT_NAME 64


typedef struct {
    ngx_uint_t                  concurrency;    /* 0: it has no slots */
    ngx_uint_t                  weight;
    ngx_uint_t                  queue;          /* 0: nobody waits */
    ngx_msec_t                  timeout;        /* of who waits, or 0 */
    ngx_msec_t                  interval;       /* between two submits */
} ngx_http_jimeng_limits_t;


/* the signer's key is a cache of this worker's, the rest is configuration */

typedef struct {
    ngx_str_t                   name;
    unsigned                    queue_number;   /* in the zone */
    ngx_http_jimeng_limits_t    limits;
    jm_credential_t             credential;
    jm_str_t                    security_token;
    jm_str_t                    host;
    jm_str_t                    version;        /* of the upstream's calls */
    ngx_str_t                   args[NGX_HTTP_JIMENG_CALLS];
    jm_signer_t                 signer;
} ngx_http_jimeng_account_t;


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


#endif /* _NGX_HTTP_JIMENG_ACCOUNT_H_INCLUDED_ */
