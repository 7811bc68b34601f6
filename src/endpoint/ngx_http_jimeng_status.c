
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_endpoint.h"

#include "jm_metrics_report.h"


/* series that are copied with the zone locked once, and workers listed */

#define NGX_HTTP_JIMENG_STATUS_PIECE    64
#define NGX_HTTP_JIMENG_STATUS_WORKERS  512


static char *ngx_http_jimeng_status_set(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_http_jimeng_loc_conf_t *jlcf, ngx_http_handler_pt handler);
static ngx_int_t ngx_http_jimeng_status_json(ngx_http_request_t *r);
static ngx_int_t ngx_http_jimeng_status_text(ngx_http_request_t *r);
static ngx_int_t ngx_http_jimeng_status_collect(ngx_http_request_t *r,
    jm_report_t *report);
static void ngx_http_jimeng_status_zone(ngx_http_jimeng_zone_t *zone,
    jm_report_t *report, jm_counters_t *counters,
    jm_metrics_worker_t *workers);
static void ngx_http_jimeng_status_samples(ngx_http_jimeng_zone_t *zone,
    jm_report_t *report);
static void ngx_http_jimeng_status_accounts(ngx_http_jimeng_main_conf_t *jmcf,
    jm_report_account_t *accounts);
static void ngx_http_jimeng_status_account(jm_queue_view_t *view,
    jm_report_account_t *account);
static ngx_int_t ngx_http_jimeng_status_clients(ngx_http_request_t *r,
    jm_report_t *report);
static void ngx_http_jimeng_status_client(const jm_client_t *client,
    jm_quota_rate_t *rate, jm_quota_view_t *view, jm_report_client_t *c);


char *
ngx_http_jimeng_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return ngx_http_jimeng_status_set(cf, cmd, conf,
                                      ngx_http_jimeng_status_json);
}


char *
ngx_http_jimeng_metrics(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return ngx_http_jimeng_status_set(cf, cmd, conf,
                                      ngx_http_jimeng_status_text);
}


static char *
ngx_http_jimeng_status_set(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_http_jimeng_loc_conf_t *jlcf, ngx_http_handler_pt handler)
{
    ngx_http_core_loc_conf_t  *clcf;

    if (jlcf->report) {
        return (jlcf->report == handler)
               ? "is duplicate"
               : "is one too many: a location has \"jimeng_status\" or "
                 "\"jimeng_metrics\"";
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = handler;

    jlcf->report = handler;
    jlcf->report_name = cmd->name;

    return NGX_CONF_OK;
}


/* when all of the configuration was read */

char *
ngx_http_jimeng_status_merge(ngx_conf_t *cf, ngx_http_jimeng_loc_conf_t *prev,
    ngx_http_jimeng_loc_conf_t *conf)
{
    ngx_http_core_loc_conf_t     *clcf;
    ngx_http_jimeng_main_conf_t  *jmcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->noname && clcf->handler == NULL && conf->uri.data == NULL
        && conf->report == NULL)
    {
        conf->report = prev->report;
        conf->report_name = prev->report_name;

        if (clcf->lmt_excpt) {
            clcf->handler = conf->report;
        }
    }

    if (conf->report == NULL) {
        return NGX_CONF_OK;
    }

    jmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_jimeng_module);

    if (jmcf->zone == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" needs a \"jimeng_zone\", where what it "
                           "shows is counted", &conf->report_name);
        return NGX_CONF_ERROR;
    }

    if (conf->uri.data) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" needs a location of its own, without "
                           "\"jimeng_pass\"", &conf->report_name);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_jimeng_status_json(ngx_http_request_t *r)
{
    jm_buf_t     out;
    jm_mem_t     mem;
    ngx_int_t    rc;
    jm_report_t  report;

    rc = ngx_http_jimeng_status_collect(r, &report);

    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_http_jimeng_status_clients(r, &report) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* no larger than series, the configuration and its keys make it */

    ngx_http_jimeng_mem(&mem, r->pool);
    jm_buf_init(&out, &mem, 16384, NGX_MAX_SIZE_T_VALUE);

    (void) jm_metrics_json(&out, &report);

    return ngx_http_jimeng_send_report(r, NULL, &out);
}


/* the counters of clients, without what their limits leave them */

static ngx_int_t
ngx_http_jimeng_status_text(ngx_http_request_t *r)
{
    jm_buf_t     out;
    jm_mem_t     mem;
    ngx_int_t    rc;
    jm_report_t  report;

    static ngx_str_t  type = ngx_string("text/plain; version=0.0.4; "
                                        "charset=utf-8");

    rc = ngx_http_jimeng_status_collect(r, &report);

    if (rc != NGX_OK) {
        return rc;
    }

    /* no larger than series and the configuration make it */

    ngx_http_jimeng_mem(&mem, r->pool);
    jm_buf_init(&out, &mem, 16384, NGX_MAX_SIZE_T_VALUE);

    (void) jm_metrics_text(&out, &report);

    return ngx_http_jimeng_send_report(r, &type, &out);
}


/* copies the zone piece by piece, as others wait for its lock meanwhile */

static ngx_int_t
ngx_http_jimeng_status_collect(ngx_http_request_t *r, jm_report_t *report)
{
    jm_counters_t                *counters;
    jm_metrics_worker_t          *workers;
    jm_report_account_t          *accounts;
    ngx_http_jimeng_zone_t       *zone;
    ngx_http_jimeng_main_conf_t  *jmcf;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    jmcf = ngx_http_get_module_main_conf(r, ngx_http_jimeng_module);
    zone = jmcf->zone;

    ngx_memzero(report, sizeof(jm_report_t));

    report->naccounts = jmcf->accounts.nelts;

    counters = ngx_palloc(r->pool, sizeof(jm_counters_t));
    accounts = ngx_pcalloc(r->pool, (report->naccounts + 1)
                                    * sizeof(jm_report_account_t));
    workers = ngx_palloc(r->pool, NGX_HTTP_JIMENG_STATUS_WORKERS
                                  * sizeof(jm_metrics_worker_t));
    report->samples = ngx_palloc(r->pool, JM_METRICS_SERIES
                                          * sizeof(jm_sample_t));

    if (counters == NULL || accounts == NULL || workers == NULL
        || report->samples == NULL)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    report->accounts = accounts;

    jm_str_set(&report->version, NGX_HTTP_JIMENG_VERSION);
    jm_str_set(&report->server, NGINX_VERSION);

    report->now = ngx_time();

    ngx_http_jimeng_status_zone(zone, report, counters, workers);
    ngx_http_jimeng_status_samples(zone, report);
    ngx_http_jimeng_status_accounts(jmcf, accounts);

    return NGX_OK;
}


static void
ngx_http_jimeng_status_zone(ngx_http_jimeng_zone_t *zone, jm_report_t *report,
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
                           NGX_HTTP_JIMENG_STATUS_WORKERS);

    ngx_http_jimeng_zone_unlock(zone);

    report->counters = counters;
    report->workers = workers;

    for (i = 0; i < n; i++) {
        if (zone->metrics.alive(workers[i].pid)) {
            workers[report->nworkers++] = workers[i];
        }
    }
}


static void
ngx_http_jimeng_status_samples(ngx_http_jimeng_zone_t *zone,
    jm_report_t *report)
{
    ngx_uint_t          n, piece;
    const jm_series_t  *last;

    last = NULL;

    do {
        piece = ngx_min(JM_METRICS_SERIES - report->nsamples,
                        NGX_HTTP_JIMENG_STATUS_PIECE);

        ngx_http_jimeng_zone_lock(zone);

        n = jm_metrics_samples(&zone->metrics, &last,
                               report->samples + report->nsamples, piece);

        ngx_http_jimeng_zone_unlock(zone);

        report->nsamples += n;

    } while (n == NGX_HTTP_JIMENG_STATUS_PIECE);
}


static void
ngx_http_jimeng_status_accounts(ngx_http_jimeng_main_conf_t *jmcf,
    jm_report_account_t *accounts)
{
    ngx_uint_t                   i;
    jm_state_t                  *state;
    jm_queue_view_t              view;
    ngx_http_jimeng_zone_t      *zone;
    ngx_http_jimeng_account_t  **account;

    zone = jmcf->zone;
    account = jmcf->accounts.elts;

    for (i = 0; i < jmcf->accounts.nelts; i++) {
        ngx_http_jimeng_str(&accounts[i].name, &account[i]->name);

        if (account[i]->limits.concurrency == 0) {
            continue;
        }

        state = ngx_http_jimeng_zone_lock(zone);

        jm_queue_view(&state->queue, account[i]->queue_number, &view,
                      state->now);

        ngx_http_jimeng_zone_unlock(zone);

        ngx_http_jimeng_status_account(&view, &accounts[i]);
    }
}


static void
ngx_http_jimeng_status_account(jm_queue_view_t *view,
    jm_report_account_t *account)
{
    account->slots = 1;
    account->concurrency = view->conf.concurrency;
    account->effective = view->effective;
    account->running = view->running;
    account->lost = view->lost;
    account->waiting = view->waiting;
    account->queue = view->conf.queue;
    account->average = view->average;
    account->rest = view->rest;
    account->aside = view->aside;
    account->submits = view->submits;
    account->refusals = view->busy_rate + view->busy_tasks;
    account->denied = view->denied;
    account->queries_denied = view->queries_denied;
}


static ngx_int_t
ngx_http_jimeng_status_clients(ngx_http_request_t *r, jm_report_t *report)
{
    ngx_uint_t                    i, n;
    jm_state_t                   *state;
    jm_quota_rate_t               rates[JM_QUOTA_PIECE];
    jm_quota_view_t               views[JM_QUOTA_PIECE];
    const jm_client_t           **client;
    jm_report_client_t           *clients, *last;
    ngx_http_jimeng_zone_t       *zone;
    ngx_http_jimeng_main_conf_t  *jmcf;

    jmcf = ngx_http_get_module_main_conf(r, ngx_http_jimeng_module);
    zone = jmcf->zone;

    report->nclients = jmcf->clients.nelts;

    clients = ngx_palloc(r->pool, (report->nclients + 1)
                                  * sizeof(jm_report_client_t));
    if (clients == NULL) {
        return NGX_ERROR;
    }

    report->clients = clients;

    client = jmcf->clients.elts;
    last = clients + report->nclients;

    while (clients < last) {

        state = ngx_http_jimeng_zone_lock(zone);

        n = jm_quota_views(&state->quota, client, last - clients,
                           state->now, state->seconds, rates, views);

        ngx_http_jimeng_zone_unlock(zone);

        for (i = 0; i < n; i++) {
            ngx_http_jimeng_status_client(*client++, &rates[i], &views[i],
                                          clients++);
        }
    }

    return NGX_OK;
}


static void
ngx_http_jimeng_status_client(const jm_client_t *client,
    jm_quota_rate_t *rate, jm_quota_view_t *view, jm_report_client_t *c)
{
    c->name = client->name;
    c->rate = rate->limit;
    c->rate_period = client->rate_period / 1000;
    c->rate_remaining = rate->remaining;
    c->concurrency = view->concurrency;
    c->running = view->running;
    c->images = view->limit;
    c->images_period = client->images_period;
    c->images_used = view->used;
    c->images_reserved = view->reserved;
    c->images_remaining = view->remaining;
    c->images_reset = view->reset;
}
