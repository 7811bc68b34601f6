
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * Values that directives have in common.
 */


#include "ngx_http_jimeng_account.h"


static char *ngx_http_jimeng_or_off(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf, char *(*set)(ngx_conf_t *cf, ngx_command_t *cmd, void *conf));


char *
ngx_http_jimeng_positive(ngx_conf_t *cf, void *post, void *data)
{
    /* ngx_msec_t and ngx_int_t are of one width */

    ngx_int_t *np = data;

    if (*np <= 0) {
        return "must be greater than 0";
    }

    return NGX_CONF_OK;
}


char *
ngx_http_jimeng_msec_or_off(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return ngx_http_jimeng_or_off(cf, cmd, conf, ngx_conf_set_msec_slot);
}


char *
ngx_http_jimeng_number_or_off(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return ngx_http_jimeng_or_off(cf, cmd, conf, ngx_conf_set_num_slot);
}


/* "off" is kept as 0, and a 0 that is written is refused */

static char *
ngx_http_jimeng_or_off(ngx_conf_t *cf, ngx_command_t *cmd, void *conf,
    char *(*set)(ngx_conf_t *cf, ngx_command_t *cmd, void *conf))
{
    char       *rv;
    ngx_int_t  *np;
    ngx_str_t  *value;

    value = cf->args->elts;

    /* ngx_msec_t and ngx_int_t are of one width */

    np = (ngx_int_t *) ((char *) conf + cmd->offset);

    if (value[1].len == 3 && ngx_strncmp(value[1].data, "off", 3) == 0) {

        if (*np != NGX_CONF_UNSET) {
            return "is duplicate";
        }

        *np = 0;

        return NGX_CONF_OK;
    }

    rv = set(cf, cmd, conf);

    if (rv == NGX_CONF_OK && *np == 0) {
        return "must be greater than 0, or \"off\"";
    }

    return rv;
}
