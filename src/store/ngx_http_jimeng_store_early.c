
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * Requests that come before their worker has come to the store wait for that:
 * a reload is not to be seen.
 */


#include "ngx_http_jimeng_store.h"


typedef struct {
    ngx_http_request_t             *request;
    ngx_http_handler_pt             handler;
    ngx_http_jimeng_await_t         await;
    ngx_http_jimeng_store_wait_t    wait;
} ngx_http_jimeng_store_early_t;


static void ngx_http_jimeng_store_early_done(void *data);
static void ngx_http_jimeng_store_wait(ngx_http_jimeng_store_t *store,
    ngx_http_jimeng_store_wait_t *wait);


void
ngx_http_jimeng_store_begin(ngx_http_jimeng_store_t *store)
{
    ngx_queue_init(&store->waiting);

    store->patience.handler = ngx_http_jimeng_store_begun;
    store->patience.data = store;
    store->patience.log = store->log;
}


/*
 * Calls a handler of contents, at once or later: a worker that begins answers
 * nobody at once that its store is away.
 */

ngx_int_t
ngx_http_jimeng_store_early(ngx_http_request_t *r, ngx_http_handler_pt handler)
{
    ngx_http_jimeng_zone_t         *zone;
    ngx_http_jimeng_store_early_t  *early;

    zone = ngx_http_jimeng_zone_get(r);

    if (zone == NULL || zone->store == NULL || zone->store->begun
        || r != r->main)
    {
        return handler(r);
    }

    early = ngx_palloc(r->pool, sizeof(ngx_http_jimeng_store_early_t));
    if (early == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    early->request = r;
    early->handler = handler;

    ngx_http_jimeng_await_init(&early->await, r, NULL);
    ngx_http_jimeng_await(&early->await, &early->wait.done,
                          ngx_http_jimeng_store_early_done, early);

    r->main->count++;

    ngx_http_jimeng_store_wait(zone->store, &early->wait);
    ngx_http_jimeng_awaited(&early->await);

    return NGX_DONE;
}


static void
ngx_http_jimeng_store_early_done(void *data)
{
    ngx_http_jimeng_store_early_t *early = data;

    if (!early->await.torn) {
        ngx_http_finalize_request(early->request,
                                  early->handler(early->request));
    }
}


static void
ngx_http_jimeng_store_wait(ngx_http_jimeng_store_t *store,
    ngx_http_jimeng_store_wait_t *wait)
{
    ngx_queue_insert_tail(&store->waiting, &wait->queue);

    if (!store->patience.timer_set) {
        ngx_add_timer(&store->patience, store->calls->conf.timeout);
    }
}


void
ngx_http_jimeng_store_begun(ngx_event_t *ev)
{
    ngx_queue_t                   *q, *next;
    ngx_http_jimeng_store_t       *store;
    ngx_http_jimeng_store_wait_t  *wait;

    store = ev->data;
    store->begun = 1;

    if (ev->timer_set) {
        ngx_del_timer(ev);
    }

    for (q = ngx_queue_head(&store->waiting);
         q != ngx_queue_sentinel(&store->waiting);
         q = next)
    {
        next = ngx_queue_next(q);

        wait = ngx_queue_data(q, ngx_http_jimeng_store_wait_t, queue);
        wait->done.handler(wait->done.data);
    }

    ngx_queue_init(&store->waiting);
}
