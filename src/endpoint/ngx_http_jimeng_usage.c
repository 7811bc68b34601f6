
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_endpoint.h"


typedef struct {
    ngx_http_request_t         *request;
    jm_op_clients_t             op;
    jm_quota_rate_t             rate;
    jm_quota_view_t             view;
} ngx_http_jimeng_usage_t;


static void ngx_http_jimeng_usage_client(void *data, size_t i,
    const jm_quota_rate_t *rate, const jm_quota_view_t *view);
static void ngx_http_jimeng_usage_reply(void *data);


/* replies with the client's limits, and with what is left of them */

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

    usage->op.done.handler = ngx_http_jimeng_usage_reply;
    usage->op.done.data = usage;
    usage->op.clients = &ctx->client;
    usage->op.n = 1;
    usage->op.each = ngx_http_jimeng_usage_client;

    r->main->count++;

    zone = ngx_http_jimeng_zone_get(r);

    zone->backend.clients(&zone->backend, &usage->op);

    return NGX_DONE;
}


static void
ngx_http_jimeng_usage_client(void *data, size_t i,
    const jm_quota_rate_t *rate, const jm_quota_view_t *view)
{
    ngx_http_jimeng_usage_t *usage = data;

    usage->rate = *rate;
    usage->view = *view;
}


static void
ngx_http_jimeng_usage_reply(void *data)
{
    ngx_http_jimeng_usage_t *usage = data;

    jm_buf_t             out;
    jm_mem_t             mem;
    ngx_http_request_t  *r;

    r = usage->request;

    /* no larger than the file of keys makes it */

    ngx_http_jimeng_mem(&mem, r->pool);
    jm_buf_init(&out, &mem, 512, NGX_MAX_SIZE_T_VALUE);

    (void) jm_quota_write(&out, usage->op.clients[0], &usage->rate,
                          &usage->view);

    ngx_http_finalize_request(r, ngx_http_jimeng_send_report(r, NULL, &out));
}
