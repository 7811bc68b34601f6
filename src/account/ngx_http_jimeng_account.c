
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_account.h"

#include "jm_text.h"


#define NGX_HTTP_JIMENG_CREDENTIAL_MAX  4096


typedef struct {
    ngx_str_t                   name;
    ngx_uint_t                  args;       /* at most */
    char                     *(*set)(ngx_conf_t *cf,
                                     ngx_http_jimeng_account_t *account,
                                     void *field);
    size_t                      offset;
} ngx_http_jimeng_account_param_t;


static char *ngx_http_jimeng_account_name(ngx_conf_t *cf,
    ngx_array_t *accounts, ngx_str_t *value);
static void ngx_http_jimeng_account_cleanup(void *data);
static char *ngx_http_jimeng_account_param(ngx_conf_t *cf,
    ngx_command_t *dummy, void *conf);
static char *ngx_http_jimeng_account_text(ngx_conf_t *cf,
    ngx_http_jimeng_account_t *account, void *field);
static char *ngx_http_jimeng_account_secret(ngx_conf_t *cf,
    ngx_http_jimeng_account_t *account, void *field);
static char *ngx_http_jimeng_account_pass(ngx_conf_t *cf,
    ngx_http_jimeng_account_t *account, void *field);
static char *ngx_http_jimeng_credential_env(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *source, jm_str_t *credential);


static ngx_http_jimeng_account_param_t  ngx_http_jimeng_account_params[] = {

    { ngx_string("access_key"), 1,
      ngx_http_jimeng_account_text,
      offsetof(ngx_http_jimeng_account_t, credential.access_key) },

    { ngx_string("secret_key"), 1,
      ngx_http_jimeng_account_secret,
      offsetof(ngx_http_jimeng_account_t, credential.secret_key) },

    { ngx_string("api_key"), 1,
      ngx_http_jimeng_account_text,
      offsetof(ngx_http_jimeng_account_t, api_key) },

    { ngx_string("pass"), 1,
      ngx_http_jimeng_account_pass,
      offsetof(ngx_http_jimeng_account_t, pass) },

    { ngx_string("security_token"), 1,
      ngx_http_jimeng_account_text,
      offsetof(ngx_http_jimeng_account_t, security_token) },

    { ngx_string("region"), 1,
      ngx_http_jimeng_account_text,
      offsetof(ngx_http_jimeng_account_t, credential.region) },

    { ngx_string("service"), 1,
      ngx_http_jimeng_account_text,
      offsetof(ngx_http_jimeng_account_t, credential.service) },

    { ngx_string("host"), 1,
      ngx_http_jimeng_account_text,
      offsetof(ngx_http_jimeng_account_t, host) },

    { ngx_string("version"), 1,
      ngx_http_jimeng_account_text,
      offsetof(ngx_http_jimeng_account_t, version) },

    { ngx_string("concurrency"), 1,
      ngx_http_jimeng_limit_count,
      offsetof(ngx_http_jimeng_account_t, limits.concurrency) },

    { ngx_string("queue"), 2,
      ngx_http_jimeng_limit_queue,
      offsetof(ngx_http_jimeng_account_t, limits) },

    { ngx_string("interval"), 1,
      ngx_http_jimeng_limit_interval,
      offsetof(ngx_http_jimeng_account_t, limits.interval) },

    { ngx_string("rate"), 1,
      ngx_http_jimeng_limit_rate,
      offsetof(ngx_http_jimeng_account_t, limits.rate) },

    { ngx_string("weight"), 1,
      ngx_http_jimeng_limit_count,
      offsetof(ngx_http_jimeng_account_t, limits.weight) }
};


ngx_http_jimeng_account_t *
ngx_http_jimeng_account_find(ngx_array_t *accounts, ngx_str_t *name)
{
    ngx_uint_t                   i;
    ngx_http_jimeng_account_t  **account;

    account = accounts->elts;

    for (i = 0; i < accounts->nelts; i++) {
        if (account[i]->name.len == name->len
            && ngx_memcmp(account[i]->name.data, name->data, name->len) == 0)
        {
            return account[i];
        }
    }

    return NULL;
}


/* the one that has this number in the zone */

ngx_http_jimeng_account_t *
ngx_http_jimeng_account_numbered(ngx_array_t *accounts, ngx_uint_t number)
{
    ngx_uint_t                   i;
    ngx_http_jimeng_account_t  **account;

    account = accounts->elts;

    for (i = 0; i < accounts->nelts; i++) {
        if (account[i]->queue_number == number) {
            return account[i];
        }
    }

    return NULL;
}


/* the first of a service, or NULL */

ngx_http_jimeng_account_t *
ngx_http_jimeng_account_of(ngx_array_t *accounts, jm_provider_e provider)
{
    ngx_uint_t                   i;
    ngx_http_jimeng_account_t  **account;

    account = accounts->elts;

    for (i = 0; i < accounts->nelts; i++) {
        if (account[i]->provider == provider) {
            return account[i];
        }
    }

    return NULL;
}


char *
ngx_http_jimeng_account_block(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                       *rv;
    ngx_str_t                  *value;
    ngx_conf_t                  save;
    ngx_array_t                *accounts;
    ngx_pool_cleanup_t         *cln;
    ngx_http_jimeng_account_t  *account, **pa;

    value = cf->args->elts;
    accounts = (ngx_array_t *) ((char *) conf + cmd->offset);

    rv = ngx_http_jimeng_account_name(cf, accounts, &value[1]);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    account = ngx_pcalloc(cf->pool, sizeof(ngx_http_jimeng_account_t));
    if (account == NULL) {
        return NGX_CONF_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    pa = ngx_array_push(accounts);

    if (cln == NULL || pa == NULL) {
        return NGX_CONF_ERROR;
    }

    cln->handler = ngx_http_jimeng_account_cleanup;
    cln->data = account;

    *pa = account;

    account->name = value[1];

    ngx_http_jimeng_limits_init(&account->limits);

    save = *cf;
    cf->handler = ngx_http_jimeng_account_param;
    cf->handler_conf = (char *) account;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    return ngx_http_jimeng_provider_check(cf, account);
}


static char *
ngx_http_jimeng_account_name(ngx_conf_t *cf, ngx_array_t *accounts,
    ngx_str_t *value)
{
    size_t    n;
    jm_str_t  name;

    if (value->len == 0) {
        return "needs a name";
    }

    if (value->len > NGX_HTTP_JIMENG_ACCOUNT_NAME) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "name of account \"%V\" has more than %d bytes",
                           value, NGX_HTTP_JIMENG_ACCOUNT_NAME);
        return NGX_CONF_ERROR;
    }

    ngx_http_jimeng_str(&name, value);

    if (jm_utf8_length(name, &n) != JM_OK) {
        return "needs a name in UTF-8";
    }

    if (ngx_http_jimeng_account_find(accounts, value)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate account \"%V\"", value);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static void
ngx_http_jimeng_account_cleanup(void *data)
{
    ngx_http_jimeng_account_t *account = data;

    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_JIMENG_CALLS; i++) {
        jm_signer_free(&account->signers[i]);
    }
}


static char *
ngx_http_jimeng_account_param(ngx_conf_t *cf, ngx_command_t *dummy, void *conf)
{
    ngx_http_jimeng_account_t *account = conf;

    char                             *rv;
    ngx_str_t                        *value;
    ngx_uint_t                        n;
    ngx_http_jimeng_account_param_t  *param;

    value = cf->args->elts;
    param = ngx_http_jimeng_account_params;

    for (n = 0; n < jm_nitems(ngx_http_jimeng_account_params); n++) {
        if (param[n].name.len == value[0].len
            && ngx_strcmp(param[n].name.data, value[0].data) == 0)
        {
            goto found;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "unknown directive \"%V\" in \"jimeng_account\"",
                       &value[0]);
    return NGX_CONF_ERROR;

found:

    if (cf->args->nelts < 2 || cf->args->nelts - 1 > param[n].args) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid number of arguments in \"%V\" directive",
                           &value[0]);
        return NGX_CONF_ERROR;
    }

    rv = param[n].set(cf, account, (u_char *) account + param[n].offset);

    if (rv == NGX_CONF_OK || rv == NGX_CONF_ERROR) {
        return rv;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" directive %s",
                       &value[0], rv);
    return NGX_CONF_ERROR;
}


/* a text that goes into headers as it is */

static char *
ngx_http_jimeng_account_text(ngx_conf_t *cf,
    ngx_http_jimeng_account_t *account, void *field)
{
    jm_str_t *text = field;

    char       *rv;
    size_t      i;
    ngx_str_t  *value;

    rv = ngx_http_jimeng_account_secret(cf, account, field);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    value = cf->args->elts;

    for (i = 0; i < text->len; i++) {
        if (text->data[i] <= ' ' || text->data[i] >= 0x7f) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" has a blank, a control or a "
                               "non-ASCII character in it", &value[0]);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/* a secret: any bytes */

static char *
ngx_http_jimeng_account_secret(ngx_conf_t *cf,
    ngx_http_jimeng_account_t *account, void *field)
{
    jm_str_t *secret = field;

    char       *rv;
    ngx_str_t  *value;

    value = cf->args->elts;

    if (secret->data) {
        return "is duplicate";
    }

    rv = ngx_http_jimeng_credential(cf, &value[0], &value[1], secret);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (secret->len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is empty", &value[0]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* an internal location, which leads to the account's service */

static char *
ngx_http_jimeng_account_pass(ngx_conf_t *cf,
    ngx_http_jimeng_account_t *account, void *field)
{
    ngx_str_t *uri = field;

    ngx_str_t  *value;

    if (uri->data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (value[1].len == 0 || value[1].data[0] != '/'
        || ngx_strlchr(value[1].data, value[1].data + value[1].len, '?'))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"pass\" takes the URI of an internal location, "
                           "as \"/_ark\", not \"%V\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    *uri = value[1];

    return NGX_CONF_OK;
}


/* messages name where a value comes from, and never the value */

char *
ngx_http_jimeng_credential(ngx_conf_t *cf, ngx_str_t *name, ngx_str_t *value,
    jm_str_t *credential)
{
    ngx_str_t  source;

    if (ngx_strncmp(value->data, "env:", 4) == 0) {
        source.len = value->len - 4;
        source.data = value->data + 4;

        return ngx_http_jimeng_credential_env(cf, name, &source, credential);
    }

    if (ngx_strncmp(value->data, "file:", 5) == 0) {
        source.len = value->len - 5;
        source.data = value->data + 5;

        return ngx_http_jimeng_credential_file(cf, name, &source, credential);
    }

    credential->len = value->len;
    credential->data = value->data;

    return NGX_CONF_OK;
}


static char *
ngx_http_jimeng_credential_env(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *source, jm_str_t *credential)
{
    char    *env;
    size_t   len;
    u_char  *p;

    env = getenv((char *) source->data);

    if (env == NULL || *env == '\0') {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" takes its value from the environment "
                           "variable \"%V\", which is %s",
                           name, source, env ? "empty" : "not set");
        return NGX_CONF_ERROR;
    }

    len = ngx_strlen(env);

    p = ngx_pnalloc(cf->pool, len);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memcpy(p, env, len);

    credential->len = len;
    credential->data = p;

    return NGX_CONF_OK;
}


char *
ngx_http_jimeng_credential_file(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *source, jm_str_t *credential)
{
    u_char    *p;
    size_t     n;
    jm_str_t   text;

    if (ngx_http_jimeng_file_read(cf, name, source,
                                  NGX_HTTP_JIMENG_CREDENTIAL_MAX, &text)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    p = (u_char *) text.data;
    n = text.len;

    while (n && (p[n - 1] == LF || p[n - 1] == CR || p[n - 1] == ' ')) {
        n--;
    }

    if (n == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\": file \"%V\" is empty", name, source);
        return NGX_CONF_ERROR;
    }

    credential->len = n;
    credential->data = p;

    return NGX_CONF_OK;
}
