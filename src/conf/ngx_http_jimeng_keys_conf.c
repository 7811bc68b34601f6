
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_conf.h"


char *
ngx_http_jimeng_keys(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_jimeng_loc_conf_t *jlcf = conf;

    ngx_str_t                    *value;
    ngx_uint_t                    dry_run;
    ngx_http_jimeng_main_conf_t  *jmcf;

    if (jlcf->keys != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    dry_run = (cf->args->nelts == 3);

    if (dry_run
        && (ngx_strcmp(value[1].data, "off") == 0
            || ngx_strcmp(value[2].data, "dry_run") != 0))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in \"jimeng_keys\"",
                           &value[2]);
        return NGX_CONF_ERROR;
    }

    if (ngx_strcmp(value[1].data, "off") == 0) {
        jlcf->keys = NULL;
        return NGX_CONF_OK;
    }

    jmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_jimeng_module);

    jlcf->dry_run = dry_run;
    jlcf->keys = ngx_http_jimeng_keys_file(cf, &jmcf->keys, &value[0],
                                           &value[1]);

    return jlcf->keys ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* the models that clients' lines name are known here, and may be used */

char *
ngx_http_jimeng_keys_models(ngx_conf_t *cf, ngx_http_jimeng_loc_conf_t *conf)
{
    size_t              i;
    const jm_model_t   *model;
    const jm_client_t  *client;

    if (conf->keys == NULL) {
        return NGX_CONF_OK;
    }

    for (i = 0; i <= conf->keys->keys.nnames; i++) {
        client = (i < conf->keys->keys.nnames) ? conf->keys->keys.names[i]
                                               : conf->keys->keys.others;

        if (client == NULL || client->default_model.len == 0) {
            continue;
        }

        model = jm_model_find(&conf->table, client->default_model);

        if (model == NULL || !jm_client_may(client, &conf->table, model)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "line %V:%uz of \"jimeng_keys\" has a "
                               "\"default_model=\" that is %s",
                               &conf->keys->file, client->line,
                               model ? "none of its \"models=\""
                                     : "unknown, add it with \"jimeng_model\"");
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}
