
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_endpoint.h"


/* the model of this name, or when it is empty, all that the location has */

ngx_int_t
ngx_http_jimeng_models(ngx_http_request_t *r, ngx_str_t *name)
{
    jm_buf_t                      out;
    jm_mem_t                      mem;
    jm_str_t                      id;
    jm_error_t                    e;
    const jm_model_t             *model;
    ngx_http_jimeng_ctx_t        *ctx;
    ngx_http_jimeng_loc_conf_t   *jlcf;
    ngx_http_jimeng_main_conf_t  *jmcf;

    jmcf = ngx_http_get_module_main_conf(r, ngx_http_jimeng_module);
    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);

    /* no larger than the configuration makes it */

    ngx_http_jimeng_mem(&mem, r->pool);
    jm_buf_init(&out, &mem, 1024, NGX_MAX_SIZE_T_VALUE);

    if (name->len == 0) {
        ctx = ngx_http_get_module_ctx(r, ngx_http_jimeng_module);

        (void) jm_reply_models(&out, &jlcf->table,
                               (ctx && !jlcf->dry_run) ? ctx->client : NULL,
                               jmcf->created);

    } else {
        ngx_http_jimeng_str(&id, name);

        model = jm_model_find(&jlcf->table, id);

        if (model == NULL) {
            jm_model_unknown(&e, &jlcf->table, id);
            return ngx_http_jimeng_refuse(r, &e);
        }

        if (ngx_http_jimeng_keys_model(r, model, &e) != NGX_OK) {
            return ngx_http_jimeng_refuse(r, &e);
        }

        (void) jm_reply_model(&out, model, jmcf->created);
    }

    return ngx_http_jimeng_send_report(r, NULL, &out);
}
