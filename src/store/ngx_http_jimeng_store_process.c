
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_store.h"


static void ngx_http_jimeng_store_timer(ngx_event_t *ev);
static void ngx_http_jimeng_store_next(ngx_http_jimeng_store_t *store,
    ngx_msec_t pause);
static void ngx_http_jimeng_store_configure(ngx_http_jimeng_store_t *store);
static void ngx_http_jimeng_store_configured(void *data);
static void ngx_http_jimeng_store_neighbour(void *data, uint64_t owner,
    uint64_t pid, uint64_t start);
static void ngx_http_jimeng_store_joined(void *data);
static void ngx_http_jimeng_store_renewed(void *data);
static void ngx_http_jimeng_store_listen(ngx_http_jimeng_store_t *store);
static void ngx_http_jimeng_store_all(void *data, ngx_str_t *message);
static void ngx_http_jimeng_store_own(void *data, ngx_str_t *message);
static void ngx_http_jimeng_store_message(ngx_http_jimeng_store_t *store,
    unsigned all, ngx_str_t *message);


void
ngx_http_jimeng_store_process(ngx_http_jimeng_store_t *store,
    ngx_cycle_t *cycle)
{
    store->configure.done.data = store;

    store->join.done.data = store;
    store->join.each = ngx_http_jimeng_store_neighbour;

    jm_str_set(&store->join.says, NGX_HTTP_JIMENG_VERSION);

    ngx_http_jimeng_store_place(store, cycle);

    store->timer.handler = ngx_http_jimeng_store_timer;
    store->timer.data = store;
    store->timer.log = cycle->log;
    store->timer.cancelable = 1;

    ngx_add_timer(&store->timer, 1);
}


static void
ngx_http_jimeng_store_timer(ngx_event_t *ev)
{
    ngx_http_jimeng_store_t  *store;

    store = ev->data;

    if (store->asking) {
        ngx_add_timer(ev, NGX_HTTP_JIMENG_STORE_AGAIN);
        return;
    }

    store->asking = 1;

    switch (store->state) {

    case NGX_HTTP_JIMENG_STORE_CONFIGURE:
        ngx_http_jimeng_store_configure(store);
        break;

    case NGX_HTTP_JIMENG_STORE_JOIN:
        store->join.done.handler = ngx_http_jimeng_store_joined;
        jm_redis_join(&store->redis, &store->join);
        break;

    default: /* NGX_HTTP_JIMENG_STORE_RENEWS */
        store->join.done.handler = ngx_http_jimeng_store_renewed;
        jm_redis_renew(&store->redis, &store->join);
    }
}


static void
ngx_http_jimeng_store_next(ngx_http_jimeng_store_t *store, ngx_msec_t pause)
{
    store->asking = 0;

    ngx_add_timer(&store->timer, pause);
}


/*
 * A new configuration is tried at once, as by a reload after a key has been
 * changed; a worker that takes the place of another one changes nothing.
 */

static void
ngx_http_jimeng_store_configure(ngx_http_jimeng_store_t *store)
{
    ngx_http_jimeng_zone_t  *zone;

    zone = store->zone;

    store->configure.done.handler = ngx_http_jimeng_store_configured;
    store->configure.again = (zone->sh->configured >= zone->generation);

    jm_redis_configure(&store->redis, &store->configure);
}


static void
ngx_http_jimeng_store_configured(void *data)
{
    ngx_http_jimeng_store_t *store = data;

    if (store->configure.away) {
        ngx_http_jimeng_store_next(store, NGX_HTTP_JIMENG_STORE_AGAIN);
        return;
    }

    if (store->configure.rc != JM_OK) {
        ngx_log_error(NGX_LOG_ERR, store->log, 0,
                      "jimeng: %V has been used by another version of the "
                      "module, or has as many accounts as there may be: give "
                      "\"jimeng_store\" another prefix=",
                      &store->calls->conf.name);

        ngx_http_jimeng_store_next(store, NGX_HTTP_JIMENG_STORE_RENEW);
        return;
    }

    if (!store->configure.again) {
        store->zone->sh->configured = store->zone->generation;
    }

    ngx_http_jimeng_store_salted(store);

    store->state = NGX_HTTP_JIMENG_STORE_JOIN;

    ngx_http_jimeng_store_next(store, 1);
}


/*
 * What a killed worker had need not wait for the end of its lease: its place is
 * another's, or it is seen by whoever lives.
 */

static void
ngx_http_jimeng_store_neighbour(void *data, uint64_t owner, uint64_t pid,
    uint64_t start)
{
    ngx_http_jimeng_store_t *store = data;

    if (ngx_http_jimeng_store_is_dead(pid, start)) {
        jm_redis_bury(&store->redis, owner);
    }
}


static void
ngx_http_jimeng_store_joined(void *data)
{
    ngx_http_jimeng_store_t *store = data;

    if (store->join.away) {
        ngx_http_jimeng_store_next(store, NGX_HTTP_JIMENG_STORE_AGAIN);
        return;
    }

    store->state = NGX_HTTP_JIMENG_STORE_RENEWS;

    ngx_http_jimeng_store_listen(store);

    ngx_http_jimeng_store_next(store, 1);
}


static void
ngx_http_jimeng_store_renewed(void *data)
{
    ngx_http_jimeng_store_t *store = data;

    if (store->join.away) {
        ngx_http_jimeng_store_next(store, NGX_HTTP_JIMENG_STORE_AGAIN);
        return;
    }

    /* its numbers come with the first answer after that */

    if (!store->begun && jm_redis_number(&store->redis) == 0) {
        ngx_http_jimeng_store_next(store, 1);
        return;
    }

    if (!store->begun) {
        ngx_http_jimeng_store_begun(&store->patience);
    }

    if (store->join.lost) {
        store->state = NGX_HTTP_JIMENG_STORE_CONFIGURE;
        ngx_http_jimeng_store_next(store, 1);
        return;
    }

    ngx_http_jimeng_store_back(store);

    ngx_http_jimeng_store_next(store, NGX_HTTP_JIMENG_STORE_RENEW);
}


static void
ngx_http_jimeng_store_listen(ngx_http_jimeng_store_t *store)
{
    size_t     len;
    u_char     name[JM_REDIS_CHANNEL];
    ngx_str_t  all, own;

    ngx_str_set(&all, "w*");

    len = jm_redis_channel(&store->redis, 0, name);

    own.data = name + store->redis.prefix.len;
    own.len = len - store->redis.prefix.len;

    if (ngx_http_jimeng_redis_subscribe(store->calls, &own,
                                        ngx_http_jimeng_store_own, store)
        != NGX_OK
        || (!store->listens
            && ngx_http_jimeng_redis_subscribe(store->calls, &all,
                                               ngx_http_jimeng_store_all,
                                               store)
               != NGX_OK))
    {
        ngx_log_error(NGX_LOG_ERR, store->log, 0,
                      "jimeng: no memory to listen to %V: tasks that wait for "
                      "a slot may get it a second late",
                      &store->calls->conf.name);
    }

    store->listens = 1;
}


static void
ngx_http_jimeng_store_all(void *data, ngx_str_t *message)
{
    ngx_http_jimeng_store_message(data, 1, message);
}


static void
ngx_http_jimeng_store_own(void *data, ngx_str_t *message)
{
    ngx_http_jimeng_store_message(data, 0, message);
}


/* without a message some may have been missed: all look */

static void
ngx_http_jimeng_store_message(ngx_http_jimeng_store_t *store, unsigned all,
    ngx_str_t *message)
{
    jm_str_t  channel, text;
    uint8_t   name[JM_REDIS_CHANNEL];

    all |= (message == NULL);

    channel.data = name;
    channel.len = jm_redis_channel(&store->redis, all, name);

    text.len = message ? message->len : 0;
    text.data = message ? message->data : NULL;

    jm_redis_message(&store->redis, channel, text);

    ngx_http_jimeng_wake((uint32_t) ngx_worker);
}
