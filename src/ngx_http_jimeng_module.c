
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng.h"


static char *ngx_http_jimeng_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static ngx_int_t ngx_http_jimeng_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_jimeng_postconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_jimeng_phase(ngx_conf_t *cf, ngx_http_phases phase,
    ngx_http_handler_pt handler);
static ngx_int_t ngx_http_jimeng_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_jimeng_init_process(ngx_cycle_t *cycle);
static void ngx_http_jimeng_exit_process(ngx_cycle_t *cycle);

#if !(NGX_JIMENG_REDIS)
static char *ngx_http_jimeng_store(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
#endif


static ngx_conf_post_t  ngx_http_jimeng_positive_post =
    { ngx_http_jimeng_positive };

/* a submit is of 1 MB at most, and a character is a byte at least */

static ngx_conf_num_bounds_t  ngx_http_jimeng_prompt_bounds =
    { ngx_conf_check_num_bounds, 1, 1000000 };


static ngx_conf_enum_t  ngx_http_jimeng_sizes[] = {
    { ngx_string("fit"), NGX_HTTP_JIMENG_SIZE_FIT },
    { ngx_string("strict"), NGX_HTTP_JIMENG_SIZE_STRICT },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_jimeng_formats[] = {
    { ngx_string("url"), JM_FORMAT_URL },
    { ngx_string("b64_json"), JM_FORMAT_B64 },
    { ngx_null_string, 0 }
};


static ngx_command_t  ngx_http_jimeng_commands[] = {

    { ngx_string("jimeng_pass"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_jimeng_pass,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("jimeng_account"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_http_jimeng_account_block,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_jimeng_main_conf_t, accounts),
      NULL },

    { ngx_string("jimeng_task_secret"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_jimeng_task_secret,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("jimeng_accounts"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_jimeng_accounts,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("jimeng_model"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_2MORE,
      ngx_http_jimeng_model,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("jimeng_default_model"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_jimeng_loc_conf_t, default_model),
      NULL },

    { ngx_string("jimeng_poll_interval"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_jimeng_poll_interval,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_jimeng_loc_conf_t, poll_interval),
      &ngx_http_jimeng_positive_post },

    { ngx_string("jimeng_poll_attempts"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_jimeng_number_or_off,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_jimeng_loc_conf_t, poll_attempts),
      NULL },

    { ngx_string("jimeng_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_jimeng_loc_conf_t, timeout),
      &ngx_http_jimeng_positive_post },

    { ngx_string("jimeng_heartbeat"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_jimeng_msec_or_off,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_jimeng_loc_conf_t, heartbeat),
      NULL },

    { ngx_string("jimeng_size"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_jimeng_loc_conf_t, size),
      &ngx_http_jimeng_sizes },

    { ngx_string("jimeng_response_format"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_jimeng_loc_conf_t, response_format),
      &ngx_http_jimeng_formats },

    { ngx_string("jimeng_max_prompt"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_jimeng_loc_conf_t, max_prompt),
      &ngx_http_jimeng_prompt_bounds },

    { ngx_string("jimeng_upload"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE123,
      ngx_http_jimeng_upload,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("jimeng_pictures"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_http_jimeng_pictures,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("jimeng_picture"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_http_jimeng_picture,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("jimeng_picture_hosts"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_jimeng_picture_hosts,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("jimeng_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE12,
      ngx_http_jimeng_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("jimeng_store"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_jimeng_store,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("jimeng_timezone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_jimeng_timezone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("jimeng_keys"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_http_jimeng_keys,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("jimeng_client"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_set_complex_value_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_jimeng_loc_conf_t, client),
      NULL },

    { ngx_string("jimeng_dedupe"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_http_jimeng_dedupe,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_jimeng_loc_conf_t, dedupe),
      NULL },

    { ngx_string("jimeng_cross_site"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_jimeng_loc_conf_t, cross_site),
      NULL },

    { ngx_string("jimeng_error_page"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_jimeng_loc_conf_t, error_page),
      NULL },

    { ngx_string("jimeng_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_jimeng_status,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("jimeng_metrics"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_jimeng_metrics,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_jimeng_module_ctx = {
    ngx_http_jimeng_preconfiguration,      /* preconfiguration */
    ngx_http_jimeng_postconfiguration,     /* postconfiguration */

    ngx_http_jimeng_create_main_conf,      /* create main configuration */
    ngx_http_jimeng_init_main_conf,        /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_jimeng_create_loc_conf,       /* create location configuration */
    ngx_http_jimeng_merge_loc_conf         /* merge location configuration */
};


ngx_module_t  ngx_http_jimeng_module = {
    NGX_MODULE_V1,
    &ngx_http_jimeng_module_ctx,           /* module context */
    ngx_http_jimeng_commands,              /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_http_jimeng_init_module,           /* init module */
    ngx_http_jimeng_init_process,          /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_jimeng_exit_process,          /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_jimeng_preconfiguration(ngx_conf_t *cf)
{
    if (ngx_http_jimeng_reload_begin(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_jimeng_add_variables(cf);
}


static ngx_int_t
ngx_http_jimeng_postconfiguration(ngx_conf_t *cf)
{
    if (ngx_http_jimeng_error_page_init(cf) != NGX_OK
        || ngx_http_jimeng_phase(cf, NGX_HTTP_LOG_PHASE,
                                 ngx_http_jimeng_metrics_handler)
           != NGX_OK
        || ngx_http_jimeng_phase(cf, NGX_HTTP_LOG_PHASE,
                                 ngx_http_jimeng_logged)
           != NGX_OK
        || ngx_http_jimeng_phase(cf, NGX_HTTP_SERVER_REWRITE_PHASE,
                                 ngx_http_jimeng_show_redirected)
           != NGX_OK
        || ngx_http_jimeng_phase(cf, NGX_HTTP_REWRITE_PHASE,
                                 ngx_http_jimeng_show_redirected)
           != NGX_OK
        || ngx_http_jimeng_phase(cf, NGX_HTTP_PRECONTENT_PHASE,
                                 ngx_http_jimeng_show_precontent)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_jimeng_phase(cf, NGX_HTTP_PRECONTENT_PHASE,
                                 ngx_http_jimeng_exchange_precontent);
}


static ngx_int_t
ngx_http_jimeng_phase(ngx_conf_t *cf, ngx_http_phases phase,
    ngx_http_handler_pt handler)
{
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[phase].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = handler;

    return NGX_OK;
}


static char *
ngx_http_jimeng_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    char  *rv;

    rv = ngx_http_jimeng_merge_conf(cf, parent, child);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    rv = ngx_http_jimeng_link_merge(cf, parent, child);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    ngx_http_jimeng_handler_merge(cf, child);

    return ngx_http_jimeng_status_merge(cf, parent, child);
}


static ngx_int_t
ngx_http_jimeng_init_module(ngx_cycle_t *cycle)
{
    if (ngx_http_jimeng_zone_init_module(cycle) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_jimeng_reload_used(cycle);

    return ngx_http_jimeng_series_init_module(cycle);
}


static ngx_int_t
ngx_http_jimeng_init_process(ngx_cycle_t *cycle)
{
    if (ngx_http_jimeng_zone_init_process(cycle) != NGX_OK) {
        return NGX_ERROR;
    }

    /* the cache manager serves nobody */

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

#if (NGX_JIMENG_REDIS)

    if (ngx_http_jimeng_redis_init_process(cycle) != NGX_OK
        || ngx_http_jimeng_store_init_process(cycle) != NGX_OK)
    {
        return NGX_ERROR;
    }

#endif

    return ngx_http_jimeng_slots_init_process(cycle);
}


static void
ngx_http_jimeng_exit_process(ngx_cycle_t *cycle)
{
#if (NGX_JIMENG_REDIS)
    ngx_http_jimeng_store_exit_process(cycle);
    ngx_http_jimeng_redis_exit_process(cycle);
#endif
}


#if !(NGX_JIMENG_REDIS)

static char *
ngx_http_jimeng_store(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return "needs hiredis, which was not there when this module was built: "
           "install it (Debian's package is libhiredis-dev), and build the "
           "module again";
}

#endif
