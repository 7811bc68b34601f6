
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_conf.h"

#include "jm_queue.h"
#include "jm_request.h"
#include "jm_schedule.h"


/* milliseconds for which a repeat without a mark is one, by default */

#define NGX_HTTP_JIMENG_UNMARKED  600000


static char *ngx_http_jimeng_needs_zone(ngx_conf_t *cf,
    ngx_http_jimeng_loc_conf_t *conf);
static ngx_int_t ngx_http_jimeng_link_keys(ngx_conf_t *cf,
    ngx_http_jimeng_main_conf_t *jmcf);
static char *ngx_http_jimeng_default_model(ngx_conf_t *cf,
    ngx_http_jimeng_loc_conf_t *conf);
static void ngx_http_jimeng_main_conf_cleanup(void *data);


/* what jimeng_default_model is where it is not set */

static ngx_str_t  ngx_http_jimeng_visual_model = ngx_string("jimeng_t2i_v40");
static ngx_str_t  ngx_http_jimeng_ark_model = ngx_string("jimeng-4.5");


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

    if (cln == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_jimeng_main_conf_cleanup;
    cln->data = jmcf;

    if (ngx_array_init(&jmcf->accounts, cf->pool, 1,
                       sizeof(ngx_http_jimeng_account_t *))
        != NGX_OK
        || ngx_array_init(&jmcf->keys, cf->pool, 1,
                          sizeof(ngx_http_jimeng_keys_t *))
           != NGX_OK
        || ngx_array_init(&jmcf->clients, cf->pool, 1,
                          sizeof(const jm_client_t *))
           != NGX_OK
        || ngx_array_init(&jmcf->passes, cf->pool, 4,
                          sizeof(ngx_http_jimeng_loc_conf_t *))
           != NGX_OK)
    {
        return NULL;
    }

    jmcf->timezone = NGX_CONF_UNSET;
    jmcf->created = ngx_time();

    return jmcf;
}


static void
ngx_http_jimeng_main_conf_cleanup(void *data)
{
    ngx_http_jimeng_main_conf_t *jmcf = data;

    ngx_uint_t  i;

    for (i = 0; i < JM_SEAL_KEYS; i++) {
        jm_link_key_free(&jmcf->link_keys[i]);
        jm_seal_key_free(&jmcf->seal_keys[i]);
    }
}


char *
ngx_http_jimeng_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_jimeng_main_conf_t *jmcf = conf;

    ngx_conf_init_value(jmcf->timezone, 0);

    if (ngx_http_jimeng_secret_init(cf, jmcf) != NGX_OK
        || ngx_http_jimeng_link_keys(cf, jmcf) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (jmcf->keys.nelts && jmcf->zone == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"jimeng_keys\" needs a \"jimeng_zone\"");
        return NGX_CONF_ERROR;
    }

    if (jmcf->redis && jmcf->zone == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"jimeng_store\" needs a \"jimeng_zone\", for what "
                           "is this machine's own");
        return NGX_CONF_ERROR;
    }

    if (ngx_http_jimeng_keys_clients(cf, &jmcf->keys, &jmcf->clients)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return ngx_http_jimeng_accounts_check(cf, jmcf);
}


static ngx_int_t
ngx_http_jimeng_link_keys(ngx_conf_t *cf, ngx_http_jimeng_main_conf_t *jmcf)
{
    ngx_uint_t  i;

    for (i = 0; i < jmcf->nseal_keys; i++) {

        if (jm_link_key_init(&jmcf->link_keys[i], &jmcf->seal_keys[i])
            != JM_OK)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "OpenSSL made no keys for links of pictures");
            return NGX_ERROR;
        }
    }

    return NGX_OK;
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
     *     conf->uri = { 0, NULL };
     *     conf->accounts = NULL;
     *     conf->account = NULL;
     *     conf->table = { NULL, 0 };
     *     conf->report = NULL;
     *     conf->report_name = { 0, NULL };
     *     conf->default_model = { 0, NULL };
     *     conf->dry_run = 0;
     *     conf->client = NULL;
     *     conf->links = NULL;
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
ngx_http_jimeng_merge_conf(ngx_conf_t *cf, ngx_http_jimeng_loc_conf_t *prev,
    ngx_http_jimeng_loc_conf_t *conf)
{
    ngx_http_core_loc_conf_t      *clcf;
    ngx_http_jimeng_loc_conf_t   **pass;
    ngx_http_jimeng_main_conf_t   *jmcf;

    ngx_conf_merge_ptr_value(conf->account_names, prev->account_names, NULL);
    ngx_conf_merge_ptr_value(conf->models, prev->models, NULL);
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

    if (conf->client == NULL) {
        conf->client = prev->client;
    }

    if (conf->default_model.data == NULL
        && prev->default_model.data != ngx_http_jimeng_visual_model.data
        && prev->default_model.data != ngx_http_jimeng_ark_model.data)
    {
        conf->default_model = prev->default_model;
    }

    if (ngx_http_jimeng_needs_zone(cf, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->noname && conf->uri.data == NULL) {
        conf->uri = prev->uri;
    }

    if (conf->uri.data == NULL) {
        return NGX_CONF_OK;
    }

    if (conf->models) {
        conf->table.rows = conf->models->elts;
        conf->table.n = conf->models->nelts;
    }

    jmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_jimeng_module);

    pass = ngx_array_push(&jmcf->passes);
    if (pass == NULL) {
        return NGX_CONF_ERROR;
    }

    *pass = conf;

    if (ngx_http_jimeng_accounts_merge(cf, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_jimeng_default_model(cf, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_jimeng_keys_models(cf, conf);
}


/* where nothing was said it is one that the location has an account for */

static char *
ngx_http_jimeng_default_model(ngx_conf_t *cf,
    ngx_http_jimeng_loc_conf_t *conf)
{
    jm_str_t  name;

    if (conf->default_model.data == NULL) {
        conf->default_model =
            (conf->table.providers & jm_provider_bit(JM_PROVIDER_VISUAL))
            ? ngx_http_jimeng_visual_model : ngx_http_jimeng_ark_model;
    }

    ngx_http_jimeng_str(&name, &conf->default_model);

    if (jm_model_find(&conf->table, name) == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown model \"%V\" in \"jimeng_default_model\", "
                           "add it with \"jimeng_model\"",
                           &conf->default_model);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_jimeng_needs_zone(ngx_conf_t *cf, ngx_http_jimeng_loc_conf_t *conf)
{
    ngx_http_jimeng_main_conf_t  *jmcf;

    jmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_jimeng_module);

    if (conf->poll_interval == NGX_HTTP_JIMENG_ADAPTIVE && jmcf->zone == NULL)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"jimeng_poll_interval adaptive\" needs a "
                           "\"jimeng_zone\"");
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_jimeng_poll_interval(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_jimeng_loc_conf_t *jlcf = conf;

    ngx_str_t  *value;

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "adaptive") != 0) {
        return ngx_conf_set_msec_slot(cf, cmd, conf);
    }

    if (jlcf->poll_interval != NGX_CONF_UNSET_MSEC) {
        return "is duplicate";
    }

    jlcf->poll_interval = NGX_HTTP_JIMENG_ADAPTIVE;

    return NGX_CONF_OK;
}


char *
ngx_http_jimeng_dedupe(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_jimeng_loc_conf_t *jlcf = conf;

    char       *rv;
    ngx_str_t  *value, s;

    rv = ngx_http_jimeng_msec_or_off(cf, cmd, conf);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    /* "unmarked" is not inherited by a directive that does without it */

    jlcf->unmarked = NGX_HTTP_JIMENG_UNMARKED;

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    value = cf->args->elts;

    if (jlcf->dedupe == 0 || ngx_strncmp(value[2].data, "unmarked=", 9) != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in \"jimeng_dedupe\"",
                           &value[2]);
        return NGX_CONF_ERROR;
    }

    s.len = value[2].len - 9;
    s.data = value[2].data + 9;

    if (s.len == 3 && ngx_strncmp(s.data, "off", 3) == 0) {
        jlcf->unmarked = 0;
        return NGX_CONF_OK;
    }

    jlcf->unmarked = ngx_parse_time(&s, 0);

    if (jlcf->unmarked == (ngx_msec_t) NGX_ERROR || jlcf->unmarked == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"unmarked=\" in \"jimeng_dedupe\" takes a time "
                           "above 0, or \"off\", not \"%V\"", &s);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* the interval where a task's age is not known, and "adaptive" cannot be */

ngx_msec_t
ngx_http_jimeng_poll_fixed(ngx_http_jimeng_loc_conf_t *jlcf)
{
    return (jlcf->poll_interval == NGX_HTTP_JIMENG_ADAPTIVE)
           ? JM_SCHEDULE_FIXED
           : jlcf->poll_interval;
}
