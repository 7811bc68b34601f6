
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_endpoint.h"


typedef struct {
    ngx_http_request_t         *request;
    jm_op_usage_t               op;
    ngx_http_jimeng_await_t     await;
} ngx_http_jimeng_usage_t;


static void ngx_http_jimeng_usage_reply(void *data);


/* replies with the client's limits, what is left of them, and what it used */

ngx_int_t
ngx_http_jimeng_usage(ngx_http_request_t *r, ngx_str_t *name)
{
    jm_error_t                e;
    ngx_http_jimeng_ctx_t    *ctx;
    ngx_http_jimeng_zone_t   *zone;
    ngx_http_jimeng_usage_t  *usage;

    ctx = ngx_http_jimeng_ctx(r);
    usage = ngx_palloc(r->pool, sizeof(ngx_http_jimeng_usage_t));

    if (ctx == NULL || usage == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* with "dry_run" a key may be unknown */

    if (ctx->client == NULL) {
        jm_error_set(&e, JM_CAUSE_INVALID_KEY, NULL, NULL);
        return ngx_http_jimeng_refuse(r, &e);
    }

    usage->request = r;

    usage->op.client = ctx->client;

    ngx_http_jimeng_await_init(&usage->await, r, NULL);
    ngx_http_jimeng_await(&usage->await, &usage->op.done,
                          ngx_http_jimeng_usage_reply, usage);

    r->main->count++;

    zone = ngx_http_jimeng_zone_get(r);

    zone->backend.usage(&zone->backend, &usage->op);

    ngx_http_jimeng_awaited(&usage->await);

    return NGX_DONE;
}


static void
ngx_http_jimeng_usage_reply(void *data)
{
    ngx_http_jimeng_usage_t *usage = data;

    jm_buf_t                     out;
    jm_mem_t                     mem;
    jm_error_t                   e;
    jm_op_usage_t               *op;
    ngx_http_request_t          *r;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    r = usage->request;
    op = &usage->op;

    if (usage->await.torn) {
        return;
    }

    if (op->away) {
        ngx_http_jimeng_away(&e);
        ngx_http_finalize_request(r, ngx_http_jimeng_refuse(r, &e));
        return;
    }

    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);

    /* no larger than the configuration and the file of keys make it */

    ngx_http_jimeng_mem(&mem, r->pool);
    jm_buf_init(&out, &mem, 1024, NGX_MAX_SIZE_T_VALUE);

    (void) jm_quota_write(&out, op->client, &op->rate, &op->view, &op->usage,
                          &jlcf->table);

    ngx_http_finalize_request(r, ngx_http_jimeng_send_report(r, NULL, &out));
}
