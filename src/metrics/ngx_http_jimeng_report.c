
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_metrics.h"

#include "jm_metrics_tally.h"


/* series and groups with the zone locked once, and workers listed */

#define NGX_HTTP_JIMENG_REPORT_PIECE    64
#define NGX_HTTP_JIMENG_REPORT_GROUPS   8
#define NGX_HTTP_JIMENG_REPORT_WORKERS  512


static void ngx_http_jimeng_report_zone(ngx_http_jimeng_zone_t *zone,
    jm_report_t *report, jm_counters_t *counters,
    jm_metrics_worker_t *workers);
static void ngx_http_jimeng_report_samples(ngx_http_jimeng_zone_t *zone,
    jm_report_t *report);
static size_t ngx_http_jimeng_report_kind(ngx_http_jimeng_zone_t *zone,
    jm_group_e kind, jm_grouped_t *groups, size_t max);


/* what is counted in this nginx, and how full its zone is */

ngx_int_t
ngx_http_jimeng_report(ngx_http_jimeng_zone_t *zone, ngx_pool_t *pool,
    jm_report_t *report)
{
    jm_counters_t        *counters;
    jm_metrics_worker_t  *workers;

    counters = ngx_palloc(pool, sizeof(jm_counters_t));
    workers = ngx_palloc(pool, NGX_HTTP_JIMENG_REPORT_WORKERS
                               * sizeof(jm_metrics_worker_t));
    report->samples = ngx_palloc(pool, JM_METRICS_SERIES
                                       * sizeof(jm_sample_t));

    if (counters == NULL || workers == NULL || report->samples == NULL) {
        return NGX_ERROR;
    }

    report->counters = counters;
    report->workers = workers;

    ngx_http_jimeng_report_zone(zone, report, counters, workers);
    ngx_http_jimeng_report_samples(zone, report);

    return NGX_OK;
}


static void
ngx_http_jimeng_report_zone(ngx_http_jimeng_zone_t *zone, jm_report_t *report,
    jm_counters_t *counters, jm_metrics_worker_t *workers)
{
    ngx_uint_t   i, n;
    jm_state_t  *state;

    ngx_http_jimeng_str(&report->zone, &zone->memory.name);
    report->size = zone->memory.size;
    report->loaded = zone->jmcf->created;

    state = ngx_http_jimeng_zone_lock(zone);

    report->free = (uint64_t) state->store.shared->nfree * JM_RECORD;
    report->entries = jm_ledger_entries(&state->ledger);

    jm_metrics_counters(&zone->metrics, counters);

    n = jm_metrics_workers(&zone->metrics, workers,
                           NGX_HTTP_JIMENG_REPORT_WORKERS);

    ngx_http_jimeng_zone_unlock(zone);

    for (i = 0; i < n; i++) {
        if (zone->metrics.alive(workers[i].pid)) {
            workers[report->nworkers++] = workers[i];
        }
    }
}


/* piece by piece, as others wait for the lock meanwhile */

static void
ngx_http_jimeng_report_samples(ngx_http_jimeng_zone_t *zone,
    jm_report_t *report)
{
    ngx_uint_t          n, piece;
    const jm_series_t  *last;

    last = NULL;

    do {
        piece = ngx_min(JM_METRICS_SERIES - report->nsamples,
                        NGX_HTTP_JIMENG_REPORT_PIECE);

        ngx_http_jimeng_zone_lock(zone);

        n = jm_metrics_samples(&zone->metrics, &last,
                               report->samples + report->nsamples, piece);

        ngx_http_jimeng_zone_unlock(zone);

        report->nsamples += n;

    } while (n == NGX_HTTP_JIMENG_REPORT_PIECE);
}


ngx_int_t
ngx_http_jimeng_report_groups(ngx_http_jimeng_zone_t *zone, ngx_pool_t *pool,
    jm_report_t *report)
{
    size_t         max;
    ngx_uint_t     kind;
    jm_grouped_t  *groups;

    for (kind = 0; kind < JM_GROUP_LAST; kind++) {
        max = 1 + jm_group_limit(kind);

        groups = ngx_palloc(pool, max * sizeof(jm_grouped_t));
        if (groups == NULL) {
            return NGX_ERROR;
        }

        report->groups[kind] = groups;
        report->ngroups[kind] = ngx_http_jimeng_report_kind(zone, kind, groups,
                                                            max);
    }

    return NGX_OK;
}


static size_t
ngx_http_jimeng_report_kind(ngx_http_jimeng_zone_t *zone, jm_group_e kind,
    jm_grouped_t *groups, size_t max)
{
    size_t             n, all, piece;
    const jm_group_t  *last;

    all = 0;
    last = NULL;

    do {
        piece = ngx_min(max - all, NGX_HTTP_JIMENG_REPORT_GROUPS);

        ngx_http_jimeng_zone_lock(zone);

        n = jm_metrics_groups(&zone->metrics, kind, &last, groups + all,
                              piece);

        ngx_http_jimeng_zone_unlock(zone);

        all += n;

    } while (n == NGX_HTTP_JIMENG_REPORT_GROUPS);

    return all;
}


/* for waits(): the clients of a report, by their digests */

ngx_int_t
ngx_http_jimeng_report_waits(ngx_http_jimeng_zone_t *zone, ngx_pool_t *pool,
    size_t n, jm_op_waits_t *op)
{
    u_char              (*ids)[JM_QUEUE_CLIENT];
    ngx_uint_t            i;
    const jm_client_t   **client;

    ids = ngx_pcalloc(pool, (n + 1) * JM_QUEUE_CLIENT);
    op->waits = ngx_pcalloc(pool, (n + 1) * sizeof(uint64_t));

    if (ids == NULL || op->waits == NULL) {
        return NGX_ERROR;
    }

    client = zone->jmcf->clients.elts;

    for (i = 0; i < n; i++) {
        if (ngx_http_jimeng_client_digest(client[i], ids[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    op->clients = (const uint8_t (*)[JM_QUEUE_CLIENT]) ids;
    op->n = n;

    return NGX_OK;
}


/* who waits for a slot: the clients of a report, and all others together */

void
ngx_http_jimeng_report_waiting(jm_report_t *report,
    jm_report_client_t *clients, jm_op_waits_t *op)
{
    uint64_t    listed;
    ngx_uint_t  i;

    listed = 0;

    for (i = 0; i < op->n && !op->away; i++) {
        clients[i].waiting = op->waits[i];
        listed += op->waits[i];
    }

    /* some may have come or gone meanwhile */

    report->waiting = op->away ? 0 : op->all - ngx_min(op->all, listed);
}
