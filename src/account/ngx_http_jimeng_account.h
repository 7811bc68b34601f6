
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * The floor "account": the accounts that pay, and the keys of clients, as
 * their blocks and files in the configuration say.
 */


#ifndef _NGX_HTTP_JIMENG_ACCOUNT_H_INCLUDED_
#define _NGX_HTTP_JIMENG_ACCOUNT_H_INCLUDED_


#include "ngx_http_jimeng_client.h"

#include "jm_model_type.h"
#include "jm_sign.h"


#define NGX_HTTP_JIMENG_CALLS         3     /* values of jm_visual_call_e */

/* bytes of an account's name, which the zone keeps */

#define NGX_HTTP_JIMENG_ACCOUNT_NAME  64


/* what the account's queue goes by: not the limits of a client, or a task */

typedef struct {
    ngx_uint_t                  concurrency;    /* 0: it has no slots */
    ngx_uint_t                  weight;
    ngx_uint_t                  queue;          /* 0: nobody waits */
    ngx_msec_t                  timeout;        /* in the queue; 0: none */
    ngx_msec_t                  interval;       /* between two submits */
    ngx_uint_t                  rate;           /* pictures a minute; 0: any */
} ngx_http_jimeng_limits_t;


/* all of it is configuration, but the signers: they cache a key for a day */

typedef struct {
    ngx_str_t                   name;
    unsigned                    queue_number;   /* its number in the zone */
    ngx_http_jimeng_limits_t    limits;
    jm_provider_e               provider;
    ngx_str_t                   pass;           /* empty: the location's */
    jm_str_t                    api_key;        /* of Ark's; else these */
    jm_credential_t             credential;
    jm_str_t                    security_token;
    jm_str_t                    host;
    jm_str_t                    version;        /* of the API, in args */
    ngx_str_t                   args[NGX_HTTP_JIMENG_CALLS];
    jm_signer_t                 signers[NGX_HTTP_JIMENG_CALLS];
} ngx_http_jimeng_account_t;


/* a file of client keys; clients of one name have their limits in common */

typedef struct {
    ngx_str_t                   file;
    jm_keys_t                   keys;
} ngx_http_jimeng_keys_t;


/* ngx_http_jimeng_account.c: accounts is of ngx_http_jimeng_account_t * */

char *ngx_http_jimeng_account_block(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_http_jimeng_account_t *ngx_http_jimeng_account_find(
    ngx_array_t *accounts, ngx_str_t *name);
ngx_http_jimeng_account_t *ngx_http_jimeng_account_numbered(
    ngx_array_t *accounts, ngx_uint_t number);
ngx_http_jimeng_account_t *ngx_http_jimeng_account_of(
    ngx_array_t *accounts, jm_provider_e provider);
char *ngx_http_jimeng_credential(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *value, jm_str_t *credential);
char *ngx_http_jimeng_credential_file(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *source, jm_str_t *credential);

/* ngx_http_jimeng_limits.c */

char *ngx_http_jimeng_limit_count(ngx_conf_t *cf,
    ngx_http_jimeng_account_t *account, void *field);
char *ngx_http_jimeng_limit_queue(ngx_conf_t *cf,
    ngx_http_jimeng_account_t *account, void *field);
char *ngx_http_jimeng_limit_interval(ngx_conf_t *cf,
    ngx_http_jimeng_account_t *account, void *field);
char *ngx_http_jimeng_limit_rate(ngx_conf_t *cf,
    ngx_http_jimeng_account_t *account, void *field);
void ngx_http_jimeng_limits_init(ngx_http_jimeng_limits_t *limits);
char *ngx_http_jimeng_limits_check(ngx_conf_t *cf,
    ngx_http_jimeng_account_t *account);

/* ngx_http_jimeng_provider.c */

char *ngx_http_jimeng_provider_check(ngx_conf_t *cf,
    ngx_http_jimeng_account_t *account);

/* ngx_http_jimeng_keys.c: files is of ngx_http_jimeng_keys_t * */

ngx_http_jimeng_keys_t *ngx_http_jimeng_keys_file(ngx_conf_t *cf,
    ngx_array_t *files, ngx_str_t *name, ngx_str_t *file);
const jm_client_t *ngx_http_jimeng_keys_named(ngx_array_t *files,
    jm_str_t name);
ngx_int_t ngx_http_jimeng_keys_clients(ngx_conf_t *cf, ngx_array_t *files,
    ngx_array_t *clients);

/* ngx_http_jimeng_value.c */

char *ngx_http_jimeng_positive(ngx_conf_t *cf, void *post, void *data);
char *ngx_http_jimeng_msec_or_off(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_jimeng_number_or_off(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


#endif /* _NGX_HTTP_JIMENG_ACCOUNT_H_INCLUDED_ */
