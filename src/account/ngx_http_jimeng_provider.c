
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * Which service an account is one of: its keys say so.  What it does not say
 * else is that service's own.
 */


#include "ngx_http_jimeng_account.h"

#include "jm_ark.h"
#include "jm_visual.h"


static char *ngx_http_jimeng_provider_ark(ngx_conf_t *cf,
    ngx_http_jimeng_account_t *account);
static char *ngx_http_jimeng_provider_visual(ngx_conf_t *cf,
    ngx_http_jimeng_account_t *account);
static ngx_int_t ngx_http_jimeng_provider_args(ngx_conf_t *cf,
    ngx_http_jimeng_account_t *account);


char *
ngx_http_jimeng_provider_check(ngx_conf_t *cf,
    ngx_http_jimeng_account_t *account)
{
    char  *rv;

    rv = account->api_key.len ? ngx_http_jimeng_provider_ark(cf, account)
                              : ngx_http_jimeng_provider_visual(cf, account);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    return ngx_http_jimeng_limits_check(cf, account);
}


static char *
ngx_http_jimeng_provider_ark(ngx_conf_t *cf,
    ngx_http_jimeng_account_t *account)
{
    const char  *visual;

    visual = account->credential.access_key.len ? "access_key"
             : account->credential.secret_key.len ? "secret_key"
             : account->security_token.len ? "security_token"
             : account->credential.region.len ? "region"
             : account->credential.service.len ? "service"
             : account->version.len ? "version"
             : NULL;

    if (visual) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "account \"%V\" has an \"api_key\", which is Ark's, "
                           "and \"%s\", which Ark does not know: make two "
                           "accounts of it", &account->name, visual);
        return NGX_CONF_ERROR;
    }

    account->provider = JM_PROVIDER_ARK;

    if (account->host.len == 0) {
        jm_str_set(&account->host, JM_ARK_HOST);
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_jimeng_provider_visual(ngx_conf_t *cf,
    ngx_http_jimeng_account_t *account)
{
    const char  *missing;

    missing = (account->credential.access_key.len == 0) ? "access_key"
              : (account->credential.secret_key.len == 0) ? "secret_key"
              : NULL;

    if (missing) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "account \"%V\" has no \"%s\"",
                           &account->name, missing);
        return NGX_CONF_ERROR;
    }

    account->provider = JM_PROVIDER_VISUAL;

    if (account->credential.region.len == 0) {
        jm_str_set(&account->credential.region, JM_VISUAL_REGION);
    }

    if (account->credential.service.len == 0) {
        jm_str_set(&account->credential.service, JM_VISUAL_SERVICE);
    }

    if (account->host.len == 0) {
        jm_str_set(&account->host, JM_VISUAL_HOST);
    }

    if (account->version.len == 0) {
        jm_str_set(&account->version, JM_VISUAL_VERSION);
    }

    return ngx_http_jimeng_provider_args(cf, account) == NGX_OK
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static ngx_int_t
ngx_http_jimeng_provider_args(ngx_conf_t *cf,
    ngx_http_jimeng_account_t *account)
{
    jm_mem_t    mem;
    jm_buf_t    b;
    jm_pair_t   params[2];
    ngx_uint_t  call;

    ngx_http_jimeng_mem(&mem, cf->pool);

    for (call = 0; call < NGX_HTTP_JIMENG_CALLS; call++) {

        jm_str_set(&params[0].name, "Action");
        params[0].value = jm_visual_action((jm_visual_call_e) call);

        jm_str_set(&params[1].name, "Version");
        params[1].value = account->version;

        jm_buf_init(&b, &mem, 64, NGX_MAX_SIZE_T_VALUE);
        jm_sign_query(&b, params, 2);

        if (b.rc != JM_OK) {
            return NGX_ERROR;
        }

        ngx_http_jimeng_str(&account->args[call], &b);
    }

    return NGX_OK;
}
