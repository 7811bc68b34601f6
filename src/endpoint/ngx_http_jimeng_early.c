
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * Requests that come before their worker has come to the store wait for that:
 * a reload is not to be seen.
 */


#include "ngx_http_jimeng_endpoint.h"


typedef struct {
    ngx_http_request_t            *request;
    ngx_http_handler_pt            handler;
    ngx_http_jimeng_await_t        await;
    ngx_http_jimeng_store_wait_t   wait;
} ngx_http_jimeng_early_t;


static void ngx_http_jimeng_early_done(void *data);


/* calls a handler of contents, at once or later */

ngx_int_t
ngx_http_jimeng_early(ngx_http_request_t *r, ngx_http_handler_pt handler)
{
    ngx_http_jimeng_zone_t   *zone;
    ngx_http_jimeng_early_t  *early;

    zone = ngx_http_jimeng_zone_get(r);

    if (zone == NULL || r != r->main || ngx_http_jimeng_store_ready(zone)) {
        return handler(r);
    }

    early = ngx_palloc(r->pool, sizeof(ngx_http_jimeng_early_t));
    if (early == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    early->request = r;
    early->handler = handler;

    ngx_http_jimeng_await_init(&early->await, r, NULL);
    ngx_http_jimeng_await(&early->await, &early->wait.done,
                          ngx_http_jimeng_early_done, early);

    r->main->count++;

    ngx_http_jimeng_store_wait(zone, &early->wait);
    ngx_http_jimeng_awaited(&early->await);

    return NGX_DONE;
}


static void
ngx_http_jimeng_early_done(void *data)
{
    ngx_http_jimeng_early_t *early = data;

    if (!early->await.torn) {
        ngx_http_finalize_request(early->request,
                                  early->handler(early->request));
    }
}
