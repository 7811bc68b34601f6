
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_zone.h"


/* series that are copied with the zone locked once, and workers listed */

#define NGX_HTTP_JIMENG_REPORT_PIECE    64
#define NGX_HTTP_JIMENG_REPORT_WORKERS  512


static void ngx_http_jimeng_report_zone(ngx_http_jimeng_zone_t *zone,
    jm_report_t *report, jm_counters_t *counters,
    jm_metrics_worker_t *workers);
static void ngx_http_jimeng_report_samples(ngx_http_jimeng_zone_t *zone,
    jm_report_t *report);


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
