
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * With "fallback=local" the node's own zone decides about new requests while
 * the store does not answer: each worker goes by its own connection.  Of each
 * account it has the part that is this node's, by the nodes that were there
 * when the store was asked last, see ngx_http_jimeng_zone_accounts(); clients
 * have their limits on each node.
 *
 * A request whose first try is in the store is not known meanwhile, and is paid
 * for once more: so the operator wants it.  And when the store is back, the
 * account runs tasks that it does not count: a submit that is refused for that
 * waits, as any other.
 */


#include "ngx_http_jimeng_store.h"


static unsigned ngx_http_jimeng_store_there(void *ctx);
static void ngx_http_jimeng_store_alone(void *ctx);
static void ngx_http_jimeng_store_log(ngx_http_jimeng_store_t *store,
    ngx_uint_t nodes);
static ngx_uint_t ngx_http_jimeng_store_workers(ngx_http_jimeng_zone_t *zone,
    ngx_pid_t pid);


/*
 * The zone's operations are those on both from now on.  All workers have to
 * make the same keys: with the store's salt if that ever was known, and until
 * then with the zone's.
 */

void
ngx_http_jimeng_store_local(ngx_http_jimeng_store_t *store)
{
    ngx_http_jimeng_zone_t  *zone;

    zone = store->zone;

    ngx_http_jimeng_zone_lock(zone);

    ngx_memcpy(store->redis.salt, zone->sh->salted ? zone->sh->salt
                                                   : zone->backend.salt,
               JM_STATE_SALT);

    ngx_http_jimeng_zone_unlock(zone);

    store->either.near = zone->backend;
    store->either.there = ngx_http_jimeng_store_there;
    store->either.alone = ngx_http_jimeng_store_alone;
    store->either.ctx = store;

    jm_backend_redis(&store->either.far, &store->redis);
    jm_backend_either(&zone->backend, &store->either);
}


static unsigned
ngx_http_jimeng_store_there(void *ctx)
{
    ngx_http_jimeng_store_t *store = ctx;

    return store->state == NGX_HTTP_JIMENG_STORE_RENEWS
           && store->calls->calls.greeted && !store->calls->calls.silent;
}


/* logged by the first of this node's workers */

static void
ngx_http_jimeng_store_alone(void *ctx)
{
    ngx_http_jimeng_store_t *store = ctx;

    ngx_uint_t               first, nodes;
    ngx_http_jimeng_zone_t  *zone;

    if (store->alone) {
        return;
    }

    store->alone = 1;

    zone = store->zone;

    ngx_http_jimeng_zone_lock(zone);

    (void) ngx_http_jimeng_store_workers(zone, ngx_pid);

    first = (zone->sh->since == 0);
    nodes = zone->sh->nodes;

    if (first) {
        zone->sh->since = ngx_time();
    }

    ngx_http_jimeng_zone_unlock(zone);

    if (first) {
        ngx_http_jimeng_store_log(store, nodes);
    }
}


static void
ngx_http_jimeng_store_log(ngx_http_jimeng_store_t *store, ngx_uint_t nodes)
{
    if (nodes == 0) {
        ngx_log_error(NGX_LOG_ERR, store->log, 0,
                      "jimeng: %V does not answer, this node decides alone "
                      "(fallback=local): it has seen no other one yet, and "
                      "takes all of each account's concurrency; what was asked "
                      "before is not known, and is paid for again when it is "
                      "repeated", &store->calls->conf.name);
        return;
    }

    ngx_log_error(NGX_LOG_ERR, store->log, 0,
                  "jimeng: %V does not answer, this node decides alone "
                  "(fallback=local): one of %ui that there were, with that "
                  "part of each account's concurrency; what was asked before "
                  "is not known, and is paid for again when it is repeated",
                  &store->calls->conf.name, nodes);
}


/* enters pid, if it is not 0; returns how many that live decide alone */

static ngx_uint_t
ngx_http_jimeng_store_workers(ngx_http_jimeng_zone_t *zone, ngx_pid_t pid)
{
    ngx_uint_t  i, n;
    ngx_pid_t  *alone;

    n = 0;
    alone = zone->sh->alone;

    for (i = 0; i < NGX_HTTP_JIMENG_ALONE; i++) {

        if (alone[i] == ngx_pid
            || (alone[i] && kill(alone[i], 0) == -1 && ngx_errno == NGX_ESRCH))
        {
            alone[i] = 0;
        }

        if (alone[i] == 0 && pid) {
            alone[i] = pid;
            pid = 0;
        }

        n += (alone[i] != 0);
    }

    return n;
}


/* the store has told its salt: new workers may need that while it is away */

void
ngx_http_jimeng_store_salted(ngx_http_jimeng_store_t *store)
{
    ngx_http_jimeng_zone_t  *zone;

    if (store->calls->fallback != NGX_HTTP_JIMENG_REDIS_LOCAL) {
        return;
    }

    zone = store->zone;

    ngx_http_jimeng_zone_lock(zone);

    ngx_memcpy(zone->sh->salt, store->redis.salt, JM_STATE_SALT);
    zone->sh->salted = 1;

    ngx_http_jimeng_zone_unlock(zone);
}


/*
 * It has answered this worker, and told how many nodes there are.  That it
 * decides again is logged by the last worker that it is back for.  A worker of
 * an older cycle has accounts that may not be those of today.
 */

void
ngx_http_jimeng_store_back(ngx_http_jimeng_store_t *store)
{
    time_t                   since;
    ngx_uint_t               nodes;
    ngx_http_jimeng_zone_t  *zone;

    if (store->calls->fallback != NGX_HTTP_JIMENG_REDIS_LOCAL) {
        return;
    }

    store->alone = 0;

    zone = store->zone;
    nodes = store->join.nodes;

    if (zone->sh->since == 0 && zone->sh->nodes == nodes) {
        return;
    }

    ngx_http_jimeng_zone_lock(zone);

    if (zone->sh->nodes != nodes && zone->sh->generation == zone->generation) {
        zone->sh->nodes = (uint32_t) nodes;

        (void) ngx_http_jimeng_zone_accounts(zone);
    }

    since = zone->sh->since;

    if (since && ngx_http_jimeng_store_workers(zone, 0) == 0) {
        zone->sh->since = 0;

    } else {
        since = 0;
    }

    ngx_http_jimeng_zone_unlock(zone);

    if (since) {
        ngx_log_error(NGX_LOG_WARN, store->log, 0,
                      "jimeng: %V answers again, and decides about new "
                      "requests, after %T s", &store->calls->conf.name,
                      ngx_time() - since);
    }
}
