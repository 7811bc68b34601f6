
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_endpoint.h"


/* replies with the client's limits, and with what is left of them */

ngx_int_t
ngx_http_jimeng_usage(ngx_http_request_t *r, ngx_str_t *name)
{
    jm_buf_t                 out;
    jm_mem_t                 mem;
    jm_error_t               e;
    jm_state_t              *state;
    jm_quota_rate_t          rate;
    jm_quota_view_t          view;
    ngx_http_jimeng_ctx_t   *ctx;
    ngx_http_jimeng_zone_t  *zone;

    ctx = ngx_http_jimeng_ctx(r);

    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* with "dry_run" a key may be unknown */

    if (ctx->client == NULL) {
        jm_error_set(&e, JM_CAUSE_INVALID_KEY, NULL, NULL);
        return ngx_http_jimeng_refuse(r, &e);
    }

    zone = ngx_http_jimeng_zone_get(r);

    state = ngx_http_jimeng_zone_lock(zone);

    (void) jm_quota_views(&state->quota, &ctx->client, 1, state->now,
                          state->seconds, &rate, &view);

    ngx_http_jimeng_zone_unlock(zone);

    /* no larger than the file of keys makes it */

    ngx_http_jimeng_mem(&mem, r->pool);
    jm_buf_init(&out, &mem, 512, NGX_MAX_SIZE_T_VALUE);

    (void) jm_quota_write(&out, ctx->client, &rate, &view);

    return ngx_http_jimeng_send_report(r, NULL, &out);
}
