
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng.h"

#include "jm_text.h"


/* a query's body has room for it */

#define NGX_HTTP_JIMENG_REQ_KEY_MAX  256


static void ngx_http_jimeng_main_conf_cleanup(void *data);
static char *ngx_http_jimeng_model_option(ngx_conf_t *cf, jm_model_t *model,
    ngx_str_t *value);
static char *ngx_http_jimeng_model_area(ngx_conf_t *cf, jm_model_t *model,
    u_char *p, u_char *last);


void *
ngx_http_jimeng_create_main_conf(ngx_conf_t *cf)
{
    ngx_pool_cleanup_t           *cln;
    ngx_http_jimeng_main_conf_t  *jmcf;

    jmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_jimeng_main_conf_t));
    if (jmcf == NULL) {
        return NULL;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);

    if (cln == NULL || jm_digest_init(&jmcf->sha256, NULL) != JM_OK) {
        return NULL;
    }

    cln->handler = ngx_http_jimeng_main_conf_cleanup;
    cln->data = jmcf;

    if (ngx_array_init(&jmcf->accounts, cf->pool, 1,
                       sizeof(ngx_http_jimeng_account_t *))
        != NGX_OK)
    {
        return NULL;
    }

    if (ngx_http_jimeng_keys_create(cf, jmcf) != NGX_OK) {
        return NULL;
    }

    jmcf->created = ngx_time();

    return jmcf;
}


static void
ngx_http_jimeng_main_conf_cleanup(void *data)
{
    ngx_http_jimeng_main_conf_t *jmcf = data;

    ngx_uint_t  i;

    for (i = 0; i < JM_SEAL_KEYS; i++) {
        jm_seal_key_free(&jmcf->seal_keys[i]);
    }

    jm_digest_free(&jmcf->sha256);
}


char *
ngx_http_jimeng_init_main_conf(ngx_conf_t *cf, void *conf)
{
    if (ngx_http_jimeng_secret_init(cf, conf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_jimeng_keys_init(cf, conf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_jimeng_accounts_check(cf, conf);
}


void *
ngx_http_jimeng_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_jimeng_loc_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_jimeng_loc_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     conf->pass = { 0, NULL };
     *     conf->accounts = NULL;
     *     conf->account = NULL;
     *     conf->table = { NULL, 0 };
     *     conf->report = NULL;
     *     conf->report_name = { 0, NULL };
     *     conf->default_model = { 0, NULL };
     *     conf->dry_run = 0;
     */

    conf->account_names = NGX_CONF_UNSET_PTR;
    conf->models = NGX_CONF_UNSET_PTR;
    conf->poll_interval = NGX_CONF_UNSET_MSEC;
    conf->poll_attempts = NGX_CONF_UNSET_UINT;
    conf->timeout = NGX_CONF_UNSET_MSEC;
    conf->heartbeat = NGX_CONF_UNSET_MSEC;
    conf->dedupe = NGX_CONF_UNSET_MSEC;
    conf->unmarked = NGX_CONF_UNSET_MSEC;
    conf->size = NGX_CONF_UNSET_UINT;
    conf->response_format = NGX_CONF_UNSET_UINT;
    conf->max_prompt = NGX_CONF_UNSET_UINT;
    conf->upload = NGX_CONF_UNSET_PTR;
    conf->error_page = NGX_CONF_UNSET;
    conf->cross_site = NGX_CONF_UNSET;
    conf->keys = NGX_CONF_UNSET_PTR;

    return conf;
}


char *
ngx_http_jimeng_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_jimeng_loc_conf_t *prev = parent;
    ngx_http_jimeng_loc_conf_t *conf = child;

    jm_str_t                   name;
    ngx_http_core_loc_conf_t  *clcf;

    ngx_conf_merge_ptr_value(conf->account_names, prev->account_names, NULL);
    ngx_conf_merge_ptr_value(conf->models, prev->models, NULL);
    ngx_conf_merge_str_value(conf->default_model, prev->default_model,
                             "jimeng_t2i_v40");
    ngx_conf_merge_msec_value(conf->poll_interval, prev->poll_interval, 2000);
    ngx_conf_merge_uint_value(conf->poll_attempts, prev->poll_attempts, 0);
    ngx_conf_merge_msec_value(conf->timeout, prev->timeout, 300000);
    ngx_conf_merge_msec_value(conf->heartbeat, prev->heartbeat, 15000);
    ngx_conf_merge_msec_value(conf->dedupe, prev->dedupe, 43200000);
    ngx_conf_merge_msec_value(conf->unmarked, prev->unmarked,
                              NGX_HTTP_JIMENG_UNMARKED);
    ngx_conf_merge_uint_value(conf->size, prev->size,
                              NGX_HTTP_JIMENG_SIZE_FIT);
    ngx_conf_merge_uint_value(conf->response_format, prev->response_format,
                              JM_FORMAT_UNSAID);
    ngx_conf_merge_uint_value(conf->max_prompt, prev->max_prompt, 800);
    ngx_conf_merge_ptr_value(conf->upload, prev->upload, NULL);
    ngx_conf_merge_value(conf->error_page, prev->error_page, 0);
    ngx_conf_merge_value(conf->cross_site, prev->cross_site, 0);

    if (conf->keys == NGX_CONF_UNSET_PTR) {
        conf->dry_run = prev->dry_run;
    }

    ngx_conf_merge_ptr_value(conf->keys, prev->keys, NULL);

    if (ngx_http_jimeng_schedule_merge(cf, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->noname && conf->pass.data == NULL) {
        conf->pass = prev->pass;
    }

    if (ngx_http_jimeng_status_merge(cf, prev, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (conf->pass.data == NULL) {
        return NGX_CONF_OK;
    }

    if (clcf->lmt_excpt && clcf->handler == NULL) {
        clcf->handler = ngx_http_jimeng_handler;
    }

    if (conf->models) {
        conf->table.rows = conf->models->elts;
        conf->table.n = conf->models->nelts;
    }

    ngx_http_jimeng_str(&name, &conf->default_model);

    if (jm_model_find(&conf->table, name) == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown model \"%V\" in \"jimeng_default_model\", "
                           "add it with \"jimeng_model\"",
                           &conf->default_model);
        return NGX_CONF_ERROR;
    }

    return ngx_http_jimeng_accounts_merge(cf, conf);
}


char *
ngx_http_jimeng_pass(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_jimeng_loc_conf_t *jlcf = conf;

    ngx_str_t                 *value;
    ngx_http_core_loc_conf_t  *clcf;

    if (jlcf->pass.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (value[1].len == 0 || value[1].data[0] != '/'
        || ngx_strlchr(value[1].data, value[1].data + value[1].len, '?'))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"jimeng_pass\" takes the URI of an internal "
                           "location, as \"/_volcengine\", not \"%V\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_jimeng_handler;

    jlcf->pass = value[1];

    return NGX_CONF_OK;
}


char *
ngx_http_jimeng_model(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_jimeng_loc_conf_t *jlcf = conf;

    char        *rv;
    size_t       n;
    jm_str_t     name, req_key;
    ngx_str_t   *value;
    ngx_uint_t   i;
    const char  *why;
    jm_model_t  *model;

    if (jlcf->models == NGX_CONF_UNSET_PTR) {
        jlcf->models = ngx_array_create(cf->pool, 4, sizeof(jm_model_t));
        if (jlcf->models == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    value = cf->args->elts;

    if (value[1].len == 0 || value[2].len == 0) {
        return "needs a name and a req_key";
    }

    if (value[2].len > NGX_HTTP_JIMENG_REQ_KEY_MAX) {
        return "has a req_key that is too long";
    }

    ngx_http_jimeng_str(&name, &value[1]);

    ngx_http_jimeng_str(&req_key, &value[2]);

    if (jm_utf8_length(name, &n) != JM_OK
        || jm_utf8_length(req_key, &n) != JM_OK)
    {
        return "needs a name and a req_key in UTF-8";
    }

    model = jlcf->models->elts;

    for (i = 0; i < jlcf->models->nelts; i++) {
        if (model[i].name.len == value[1].len
            && ngx_memcmp(model[i].name.data, value[1].data, value[1].len)
               == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate model \"%V\"", &value[1]);
            return NGX_CONF_ERROR;
        }
    }

    model = ngx_array_push(jlcf->models);
    if (model == NULL) {
        return NGX_CONF_ERROR;
    }

    jm_model_init(model, name, req_key);

    for (i = 3; i < cf->args->nelts; i++) {
        rv = ngx_http_jimeng_model_option(cf, model, &value[i]);

        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    if (jm_model_check(model, &why) != JM_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "model \"%V\" can never work: \"%V\" %s",
                           &value[1], &value[2], why);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_jimeng_model_option(ngx_conf_t *cf, jm_model_t *model,
    ngx_str_t *value)
{
    ngx_int_t  n;

    if (ngx_strncmp(value->data, "images=", 7) == 0) {
        n = ngx_atoi(value->data + 7, value->len - 7);

        if (n == NGX_ERROR || n > JM_REQUEST_IMAGES) {
            goto invalid;
        }

        model->images = (uint32_t) n;
        return NGX_CONF_OK;
    }

    if (ngx_strncmp(value->data, "area=", 5) == 0) {
        return ngx_http_jimeng_model_area(cf, model, value->data + 5,
                                          value->data + value->len);
    }

    if (ngx_strcmp(value->data, "response_format=url") == 0) {
        model->takes &= ~JM_MODEL_DATA;
        model->takes |= JM_MODEL_URL;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value->data, "response_format=b64_json") == 0) {
        model->takes &= ~JM_MODEL_URL;
        model->takes |= JM_MODEL_DATA;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value->data, "scale=fraction") == 0) {
        model->scale = JM_SCALE_FRACTION;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value->data, "scale=percent") == 0) {
        model->scale = JM_SCALE_PERCENT;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value->data, "scale=detail") == 0) {
        model->scale = JM_SCALE_DETAIL;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value->data, "scale=none") == 0) {
        model->scale = JM_SCALE_NONE;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value->data, "watermark=on") == 0) {
        model->watermark = 1;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value->data, "watermark=off") == 0) {
        model->watermark = 0;
        return NGX_CONF_OK;
    }

invalid:

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" in \"jimeng_model\"", value);
    return NGX_CONF_ERROR;
}


static char *
ngx_http_jimeng_model_area(ngx_conf_t *cf, jm_model_t *model, u_char *p,
    u_char *last)
{
    u_char     *dash;
    ngx_int_t   min, max;

    dash = ngx_strlchr(p, last, '-');

    if (dash) {
        min = ngx_atoi(p, dash - p);
        max = ngx_atoi(dash + 1, last - dash - 1);

        if (min > 0 && max >= min && max <= NGX_MAX_INT32_VALUE) {
            model->min_area = (uint32_t) min;
            model->max_area = (uint32_t) max;
            return NGX_CONF_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"area=\" in \"jimeng_model\" takes two numbers of "
                       "pixels, as \"area=1048576-16777216\"");
    return NGX_CONF_ERROR;
}


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
    char        *rv;
    ngx_str_t   *value;
    ngx_msec_t  *msec;

    value = cf->args->elts;
    msec = (ngx_msec_t *) ((char *) conf + cmd->offset);

    if (value[1].len == 3 && ngx_strncmp(value[1].data, "off", 3) == 0) {

        if (*msec != NGX_CONF_UNSET_MSEC) {
            return "is duplicate";
        }

        *msec = 0;

        return NGX_CONF_OK;
    }

    rv = ngx_conf_set_msec_slot(cf, cmd, conf);

    if (rv == NGX_CONF_OK && *msec == 0) {
        return "must be greater than 0, or \"off\"";
    }

    return rv;
}


char *
ngx_http_jimeng_number_or_off(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char       *rv;
    ngx_int_t  *np;
    ngx_str_t  *value;

    value = cf->args->elts;
    np = (ngx_int_t *) ((char *) conf + cmd->offset);

    if (value[1].len == 3 && ngx_strncmp(value[1].data, "off", 3) == 0) {

        if (*np != NGX_CONF_UNSET) {
            return "is duplicate";
        }

        *np = 0;

        return NGX_CONF_OK;
    }

    rv = ngx_conf_set_num_slot(cf, cmd, conf);

    if (rv == NGX_CONF_OK && *np == 0) {
        return "must be greater than 0, or \"off\"";
    }

    return rv;
}
