
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_store.h"


static ngx_int_t ngx_http_jimeng_store_accounts(
    ngx_http_jimeng_store_t *store);
static ngx_int_t ngx_http_jimeng_store_prefix(ngx_http_jimeng_store_t *store);


/* a worker starts: the connections do */

ngx_int_t
ngx_http_jimeng_store_init_process(ngx_cycle_t *cycle)
{
    ngx_http_jimeng_zone_t   *zone;
    ngx_http_jimeng_store_t  *store;

    zone = ngx_http_jimeng_zone_of(cycle);

    if (zone == NULL || zone->jmcf->redis == NULL) {
        return NGX_OK;
    }

    store = ngx_pcalloc(cycle->pool, sizeof(ngx_http_jimeng_store_t));
    if (store == NULL) {
        return NGX_ERROR;
    }

    store->zone = zone;
    store->calls = zone->jmcf->redis;
    store->pool = cycle->pool;
    store->log = cycle->log;

    store->redis.east = (int32_t) zone->jmcf->timezone;

    ngx_http_jimeng_store_calls(store);
    ngx_http_jimeng_store_begin(store);

    store->names = ngx_http_jimeng_names_create(cycle->pool,
                                                &zone->jmcf->clients);
    if (store->names == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_jimeng_store_prefix(store) != NGX_OK
        || ngx_http_jimeng_store_accounts(store) != NGX_OK
        || ngx_http_jimeng_random(store->configure.salt, JM_STATE_SALT,
                                  cycle->log)
           != NGX_OK
        || ngx_http_jimeng_random((u_char *) &store->redis.name,
                                  sizeof(uint64_t), cycle->log)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    jm_backend_redis(&zone->backend, &store->redis);

    zone->store = store;

    ngx_http_jimeng_store_process(store, cycle);

    return NGX_OK;
}


/* what it has is a dead process's at once */

void
ngx_http_jimeng_store_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_jimeng_zone_t   *zone;
    ngx_http_jimeng_store_t  *store;

    zone = ngx_http_jimeng_zone_of(cycle);
    store = zone ? zone->store : NULL;

    if (store == NULL) {
        return;
    }

    if (store->redis.owner != 0) {
        jm_redis_quit(&store->redis);
    }

    jm_redis_flush(&store->redis);

    ngx_http_jimeng_store_drop(store);

    jm_redis_free(&store->redis);
}


/* an account's number is its place in the configuration */

static ngx_int_t
ngx_http_jimeng_store_accounts(ngx_http_jimeng_store_t *store)
{
    jm_str_t                     name;
    ngx_uint_t                   i;
    ngx_array_t                 *accounts;
    ngx_http_jimeng_account_t  **account;

    accounts = &store->zone->jmcf->accounts;
    account = accounts->elts;

    if (accounts->nelts > JM_QUEUE_ACCOUNTS) {
        return NGX_ERROR;
    }

    store->accounts = ngx_pcalloc(store->pool, accounts->nelts
                                               * sizeof(jm_redis_account_t));
    if (store->accounts == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < accounts->nelts; i++) {
        ngx_http_jimeng_zone_account(account[i], &name,
                                     &store->accounts[i].conf);

        store->accounts[i].name = name;
        account[i]->queue_number = i;
    }

    store->configure.accounts = store->accounts;
    store->configure.n = accounts->nelts;

    return NGX_OK;
}


/* a cluster has all keys with the same text in braces on one node */

static ngx_int_t
ngx_http_jimeng_store_prefix(ngx_http_jimeng_store_t *store)
{
    u_char     *p;
    ngx_str_t  *prefix;

    prefix = &store->calls->prefix;

    p = ngx_pnalloc(store->pool, prefix->len + sizeof("{}:"));
    if (p == NULL) {
        return NGX_ERROR;
    }

    prefix->len = ngx_sprintf(p, "{%V}:%Z", prefix) - p - 1;
    prefix->data = p;

    ngx_http_jimeng_str(&store->redis.prefix, prefix);

    store->calls->library = "jimeng1";
    store->calls->code = (const char *) jm_redis_library.data;

    return NGX_OK;
}
