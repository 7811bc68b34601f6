
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_zone.h"


/* milliseconds between two lines of the log about a zone that is full */

#define NGX_HTTP_JIMENG_WARN_INTERVAL  60000


static jm_state_t *ngx_http_jimeng_zone_begin(void *ctx);
static void ngx_http_jimeng_zone_end(void *ctx);


/* what requests have in common lies in the zone's memory */

void
ngx_http_jimeng_zone_backend(ngx_http_jimeng_zone_t *zone)
{
    jm_backend_memory(&zone->backend);

    zone->backend.lock = ngx_http_jimeng_zone_begin;
    zone->backend.unlock = ngx_http_jimeng_zone_end;
    zone->backend.ctx = zone;
    zone->backend.salt = zone->memory.state.salt;
}


static jm_state_t *
ngx_http_jimeng_zone_begin(void *ctx)
{
    ngx_http_jimeng_zone_t *zone = ctx;

    return ngx_http_jimeng_zone_lock(zone);
}


static void
ngx_http_jimeng_zone_end(void *ctx)
{
    ngx_http_jimeng_zone_unlock(ctx);
}


/*
 * Wakes the workers whose tasks were granted a slot while the zone was locked:
 * after the lock, as they need it.
 */

void
ngx_http_jimeng_zone_unlock(ngx_http_jimeng_zone_t *zone)
{
    uint32_t      woken[JM_QUEUE_WOKEN];
    ngx_uint_t    i, n;
    jm_state_t   *state;

    ngx_http_jimeng_memory_unlock(&zone->memory);

    state = &zone->memory.state;

    if (state->ledger.evicted) {
        state->ledger.evicted = 0;
        ngx_http_jimeng_zone_full(zone, "what was asked is forgotten before "
                                        "its time");
    }

    n = state->queue.nwoken;
    state->queue.nwoken = 0;

    if (n > JM_QUEUE_WOKEN) {
        ngx_http_jimeng_wake_all();
        return;
    }

    ngx_memcpy(woken, state->queue.woken, n * sizeof(uint32_t));

    for (i = 0; i < n; i++) {
        ngx_http_jimeng_wake(woken[i]);
    }
}


/* logs that the zone is full, now and then */

void
ngx_http_jimeng_zone_full(ngx_http_jimeng_zone_t *zone, const char *what)
{
    if (zone->sh->warned
        && (ngx_msec_int_t) (ngx_current_msec - zone->sh->warned)
           < NGX_HTTP_JIMENG_WARN_INTERVAL)
    {
        return;
    }

    zone->sh->warned = ngx_current_msec;

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  "jimeng: zone \"%V\" is full, %s", &zone->memory.name, what);
}


/* the zone of a request's configuration, or NULL */

ngx_http_jimeng_zone_t *
ngx_http_jimeng_zone_get(ngx_http_request_t *r)
{
    ngx_http_jimeng_main_conf_t  *jmcf;

    jmcf = ngx_http_get_module_main_conf(r, ngx_http_jimeng_module);

    return jmcf->zone;
}
