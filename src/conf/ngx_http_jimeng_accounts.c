
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_conf.h"

#include "jm_queue.h"


static char *ngx_http_jimeng_accounts_one(ngx_conf_t *cf,
    ngx_http_jimeng_loc_conf_t *conf);
static char *ngx_http_jimeng_accounts_add(ngx_conf_t *cf,
    ngx_array_t *accounts, ngx_str_t *name, ngx_uint_t several);
static void ngx_http_jimeng_accounts_of(ngx_http_jimeng_loc_conf_t *conf,
    ngx_array_t *accounts);


char *
ngx_http_jimeng_accounts(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_jimeng_loc_conf_t *jlcf = conf;

    ngx_str_t   *value, *name;
    ngx_uint_t   i;

    if (jlcf->account_names != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    jlcf->account_names = ngx_array_create(cf->pool, cf->args->nelts - 1,
                                           sizeof(ngx_str_t));
    if (jlcf->account_names == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    /* only names: the accounts may be defined further down */

    for (i = 1; i < cf->args->nelts; i++) {
        name = ngx_array_push(jlcf->account_names);
        if (name == NULL) {
            return NGX_CONF_ERROR;
        }

        *name = value[i];
    }

    return NGX_CONF_OK;
}


char *
ngx_http_jimeng_accounts_check(ngx_conf_t *cf,
    ngx_http_jimeng_main_conf_t *jmcf)
{
    ngx_uint_t                   i;
    ngx_http_jimeng_account_t  **account;

    if (jmcf->zone) {

        if (jmcf->accounts.nelts > JM_QUEUE_ACCOUNTS) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "there are more than %d accounts, which a "
                               "\"jimeng_zone\" has no room for",
                               JM_QUEUE_ACCOUNTS);
            return NGX_CONF_ERROR;
        }

        return NGX_CONF_OK;
    }

    account = jmcf->accounts.elts;

    for (i = 0; i < jmcf->accounts.nelts; i++) {

        if (account[i]->limits.concurrency) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"concurrency\" of account \"%V\" needs a "
                               "\"jimeng_zone\"", &account[i]->name);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


char *
ngx_http_jimeng_accounts_merge(ngx_conf_t *cf,
    ngx_http_jimeng_loc_conf_t *conf)
{
    char         *rv;
    ngx_str_t    *name;
    ngx_uint_t    i, several;
    ngx_array_t  *accounts;

    if (conf->account_names == NULL) {
        return ngx_http_jimeng_accounts_one(cf, conf);
    }

    accounts = ngx_array_create(cf->pool, conf->account_names->nelts,
                                sizeof(ngx_http_jimeng_account_t *));
    if (accounts == NULL) {
        return NGX_CONF_ERROR;
    }

    name = conf->account_names->elts;
    several = (conf->account_names->nelts > 1);

    for (i = 0; i < conf->account_names->nelts; i++) {
        rv = ngx_http_jimeng_accounts_add(cf, accounts, &name[i], several);

        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    ngx_http_jimeng_accounts_of(conf, accounts);

    return NGX_CONF_OK;
}


static char *
ngx_http_jimeng_accounts_one(ngx_conf_t *cf, ngx_http_jimeng_loc_conf_t *conf)
{
    ngx_http_jimeng_main_conf_t  *jmcf;

    jmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_jimeng_module);

    if (jmcf->accounts.nelts == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"jimeng_pass\" needs a \"jimeng_account\"");
        return NGX_CONF_ERROR;
    }

    if (jmcf->accounts.nelts > 1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "there are several accounts: \"jimeng_pass\" needs "
                           "\"jimeng_accounts\" to choose");
        return NGX_CONF_ERROR;
    }

    ngx_http_jimeng_accounts_of(conf, &jmcf->accounts);

    return NGX_CONF_OK;
}


static char *
ngx_http_jimeng_accounts_add(ngx_conf_t *cf, ngx_array_t *accounts,
    ngx_str_t *name, ngx_uint_t several)
{
    ngx_uint_t                     i;
    ngx_http_jimeng_account_t     *account, **pa;
    ngx_http_jimeng_main_conf_t   *jmcf;

    jmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_jimeng_module);

    account = ngx_http_jimeng_account_find(&jmcf->accounts, name);

    if (account == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown account \"%V\" in \"jimeng_accounts\"",
                           name);
        return NGX_CONF_ERROR;
    }

    pa = accounts->elts;

    for (i = 0; i < accounts->nelts; i++) {

        if (pa[i] == account) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate account \"%V\" in "
                               "\"jimeng_accounts\"", name);
            return NGX_CONF_ERROR;
        }
    }

    /* a task goes to the account that has a free slot: each has to have some */

    if (several && account->limits.concurrency == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "account \"%V\" has no \"concurrency\", which "
                           "several accounts in \"jimeng_accounts\" need",
                           name);
        return NGX_CONF_ERROR;
    }

    pa = ngx_array_push(accounts);
    if (pa == NULL) {
        return NGX_CONF_ERROR;
    }

    *pa = account;

    return NGX_CONF_OK;
}


/* a location has the models of those providers that it has accounts of */

static void
ngx_http_jimeng_accounts_of(ngx_http_jimeng_loc_conf_t *conf,
    ngx_array_t *accounts)
{
    ngx_uint_t                   i;
    ngx_http_jimeng_account_t  **account;

    account = accounts->elts;

    conf->accounts = accounts;
    conf->account = account[0];

    for (i = 0; i < accounts->nelts; i++) {
        conf->table.providers |= jm_provider_bit(account[i]->provider);
    }
}
