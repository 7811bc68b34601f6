
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_zone.h"


/* pages that are left for the ledger, in a zone that is new */

#define NGX_HTTP_JIMENG_ZONE_SPARE  4

/* pages for a slab pool's own structures, and one for each size of its slots */

#define NGX_HTTP_JIMENG_ZONE_SLABS  10


/* counts the memory of the zone's parts, by making them outside the zone */

typedef struct {
    ngx_pool_t                 *pool;
    size_t                      shared;     /* bytes, several to a page */
    size_t                      pages;
} ngx_http_jimeng_probe_t;


static void ngx_http_jimeng_zone_account(ngx_http_jimeng_account_t *account,
    jm_str_t *name, jm_queue_conf_t *conf);
static size_t ngx_http_jimeng_zone_needs(ngx_http_jimeng_zone_t *zone,
    size_t size, ngx_log_t *log);
static jm_rc_e ngx_http_jimeng_zone_probe(ngx_http_jimeng_zone_t *zone,
    size_t size, size_t *pages, ngx_log_t *log);
static void *ngx_http_jimeng_probe_alloc(void *ctx, size_t size);
static void ngx_http_jimeng_probe_free(void *ctx, void *p);


/* makes all that is in the zone, in memory that is empty */

jm_rc_e
ngx_http_jimeng_zone_build(ngx_http_jimeng_zone_t *zone, size_t size)
{
    if (jm_ledger_create(&zone->ledger, size) != JM_OK
        || jm_queue_create(&zone->queue) != JM_OK
        || jm_quota_create(&zone->quota) != JM_OK
        || jm_metrics_create(&zone->metrics) != JM_OK
        || jm_schedule_create(&zone->schedule) != JM_OK)
    {
        return JM_ERROR;
    }

    return ngx_http_jimeng_zone_reserve(zone);
}


/*
 * Room for what the configuration names, from the start: no request depends on
 * what is left.  JM_INVALID: there have been too many accounts.
 */

jm_rc_e
ngx_http_jimeng_zone_reserve(ngx_http_jimeng_zone_t *zone)
{
    jm_rc_e                      rc;
    jm_str_t                     name;
    ngx_uint_t                   i;
    ngx_core_conf_t             *ccf;
    jm_queue_conf_t              conf;
    ngx_http_jimeng_account_t  **account;

    account = zone->jmcf->accounts.elts;

    for (i = 0; i < zone->jmcf->accounts.nelts; i++) {
        ngx_http_jimeng_zone_account(account[i], &name, &conf);

        rc = jm_queue_reserve(&zone->queue, name, &conf);

        if (rc != JM_OK) {
            return rc;
        }
    }

    ccf = (ngx_core_conf_t *) ngx_get_conf(zone->cycle->conf_ctx,
                                           ngx_core_module);

    /* while nginx is reloaded there are the old workers as well */

    return jm_quota_reserve(&zone->quota, zone->jmcf->clients.nelts,
                            2 * (size_t) jm_max(ccf->worker_processes, 1));
}


/* puts what the configuration says into use, which there is room for */

jm_rc_e
ngx_http_jimeng_zone_register(ngx_http_jimeng_zone_t *zone)
{
    jm_rc_e                      rc;
    jm_str_t                     name;
    ngx_uint_t                   i;
    jm_queue_conf_t              conf;
    ngx_http_jimeng_account_t  **account;

    account = zone->jmcf->accounts.elts;

    for (i = 0; i < zone->jmcf->accounts.nelts; i++) {
        ngx_http_jimeng_zone_account(account[i], &name, &conf);

        rc = jm_queue_account(&zone->queue, name, &conf,
                              &account[i]->queue_number);

        if (rc != JM_OK) {
            return rc;
        }
    }

    return jm_quota_sync(&zone->quota, zone->jmcf->clients.elts,
                         zone->jmcf->clients.nelts);
}


static void
ngx_http_jimeng_zone_account(ngx_http_jimeng_account_t *account,
    jm_str_t *name, jm_queue_conf_t *conf)
{
    name->len = account->name.len;
    name->data = account->name.data;

    ngx_memzero(conf, sizeof(jm_queue_conf_t));

    conf->weight = (uint32_t) account->limits.weight;

    if (account->limits.concurrency) {
        conf->concurrency = (uint32_t) account->limits.concurrency;
        conf->queue = (uint32_t) account->limits.queue;
        conf->interval = account->limits.interval;
        conf->timeout = account->limits.timeout;
    }
}


/* whether a zone that is new has pages left for the ledger's entries */

ngx_uint_t
ngx_http_jimeng_zone_spare(ngx_http_jimeng_zone_t *zone)
{
    return zone->shpool->pfree >= NGX_HTTP_JIMENG_ZONE_SPARE;
}


/*
 * Whether a zone that is new would hold the configuration.  One that is in use
 * has all of that and more, and must not be tried: the ledger gives way to
 * what is put there, and nothing that was put there is taken out again.
 */

ngx_uint_t
ngx_http_jimeng_zone_fits(ngx_http_jimeng_zone_t *zone, size_t size,
    ngx_log_t *log)
{
    size_t  pages;

    if (ngx_http_jimeng_zone_probe(zone, size, &pages, log) != JM_OK) {

        /* no verdict: if it fails in the zone as well, that says why */

        return 1;
    }

    return pages + NGX_HTTP_JIMENG_ZONE_SPARE
           <= (size_t) (zone->shpool->last - zone->shpool->pages);
}


/* logs what size the zone needs */

void
ngx_http_jimeng_zone_small(ngx_http_jimeng_zone_t *zone, size_t size,
    ngx_log_t *log)
{
    size_t  needs, assumed;

    /* a larger zone has a larger table */

    needs = size;

    do {
        assumed = needs;
        needs = ngx_http_jimeng_zone_needs(zone, assumed, log);

        if (needs == 0) {
            return;
        }

    } while (needs > assumed);

    needs = jm_max(needs, size + 1);

    ngx_log_error(NGX_LOG_EMERG, log, 0,
                  "zone \"%V\" is too small for this configuration: it has "
                  "%uzk and needs %uzk", &zone->name, size / 1024,
                  ngx_align(needs, 65536) / 1024);
}


/* returns 0 when there is no memory to try it in */

static size_t
ngx_http_jimeng_zone_needs(ngx_http_jimeng_zone_t *zone, size_t size,
    ngx_log_t *log)
{
    size_t  pages;

    if (ngx_http_jimeng_zone_probe(zone, size, &pages, log) != JM_OK) {
        return 0;
    }

    pages += NGX_HTTP_JIMENG_ZONE_SLABS + NGX_HTTP_JIMENG_ZONE_SPARE;

    return pages * (ngx_pagesize + sizeof(ngx_slab_page_t));
}


/* the pages that all of it takes at least */

static jm_rc_e
ngx_http_jimeng_zone_probe(ngx_http_jimeng_zone_t *zone, size_t size,
    size_t *pages, ngx_log_t *log)
{
    jm_mem_t                 mem;
    jm_rc_e                  rc;
    ngx_http_jimeng_zone_t   copy;
    ngx_http_jimeng_probe_t  probe;

    probe.shared = 0;
    probe.pages = 0;
    probe.pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, log);

    if (probe.pool == NULL) {
        return JM_ERROR;
    }

    mem.alloc = ngx_http_jimeng_probe_alloc;
    mem.free = ngx_http_jimeng_probe_free;
    mem.ctx = &probe;

    copy = *zone;
    copy.ledger.mem = mem;
    copy.queue.mem = mem;
    copy.quota.mem = mem;
    copy.metrics.mem = mem;
    copy.schedule.mem = mem;

    rc = ngx_http_jimeng_zone_build(&copy, size);

    ngx_destroy_pool(probe.pool);

    *pages = probe.pages + probe.shared / ngx_pagesize;

    return rc;
}


/* as ngx_slab_alloc() rounds sizes */

static void *
ngx_http_jimeng_probe_alloc(void *ctx, size_t size)
{
    ngx_http_jimeng_probe_t *probe = ctx;

    size_t  n;

    if (size > ngx_pagesize / 2) {
        probe->pages += (size + ngx_pagesize - 1) / ngx_pagesize;

    } else {
        for (n = 8; n < size; n *= 2) { /* void */ }

        probe->shared += n;
    }

    return ngx_palloc(probe->pool, size);
}


static void
ngx_http_jimeng_probe_free(void *ctx, void *p)
{
    /* all of it is freed with the pool */
}
