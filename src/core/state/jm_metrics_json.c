
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * A report as JSON.
 */


#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "jm_json.h"
#include "jm_metrics_report.h"
#include "jm_text.h"


/* what was counted of one name */

typedef struct {
    uint64_t         succeeded;
    uint64_t         failed;
    uint64_t         images;
} jm_sums_t;


static void jm_status_zone(jm_json_writer_t *w, const jm_report_t *report);
static void jm_status_store(jm_json_writer_t *w,
    const jm_report_store_t *store);
static void jm_status_node(jm_json_writer_t *w, const jm_report_node_t *node);
static void jm_status_accounts(jm_json_writer_t *w, const jm_report_t *report);
static void jm_status_clients(jm_json_writer_t *w, const jm_report_t *report);
static void jm_status_client(jm_json_writer_t *w, jm_str_t name,
    const jm_sums_t *sums, const jm_report_client_t *client);
static void jm_status_others(jm_json_writer_t *w, const jm_report_t *report);
static void jm_status_limits(jm_json_writer_t *w,
    const jm_report_client_t *client);
static void jm_status_workers(jm_json_writer_t *w, const jm_report_t *report);
static void jm_status_sum(const jm_report_t *report, jm_series_e kind,
    jm_str_t name, jm_sums_t *sums);
static const jm_report_client_t *jm_status_find(const jm_report_t *report,
    jm_str_t name);
static int jm_status_compare(const void *one, const void *two);
static int jm_status_order(jm_series_e kind, jm_str_t name,
    const jm_series_t *s);
static int jm_status_names(jm_str_t a, jm_str_t b);
static void jm_status_int(jm_json_writer_t *w, const char *key,
    uint64_t value);
static void jm_status_money(jm_json_writer_t *w, const char *key,
    uint64_t amount);
static void jm_status_time(jm_json_writer_t *w, const char *key,
    uint64_t value);
static void jm_status_decimal(jm_json_writer_t *w, const char *key,
    uint64_t value, int digits);
static void jm_status_known(jm_json_writer_t *w, const char *key,
    jm_str_t value);
static void jm_status_string(jm_json_writer_t *w, const char *key,
    jm_str_t value);


jm_rc_e
jm_metrics_json(jm_buf_t *out, jm_report_t *report)
{
    jm_json_writer_t  w;

    if (report->nsamples != 0) {
        qsort(report->samples, report->nsamples, sizeof(jm_sample_t),
              jm_status_compare);
    }

    jm_json_open(&w, out);
    jm_json_object(&w);

    jm_status_string(&w, "version", report->version);
    jm_status_string(&w, "nginx", report->server);
    jm_status_int(&w, "time", report->now);

    jm_status_zone(&w, report);

    if (report->store != NULL) {
        jm_status_store(&w, report->store);
    }

    jm_status_accounts(&w, report);
    jm_status_clients(&w, report);
    jm_status_workers(&w, report);

    jm_json_end_object(&w);

    return jm_json_close(&w);
}


static void
jm_status_zone(jm_json_writer_t *w, const jm_report_t *report)
{
    jm_json_key(w, "zone");
    jm_json_object(w);

    jm_status_string(w, "name", report->zone);
    jm_status_int(w, "size", report->size);
    jm_status_int(w, "used", report->size - report->free);
    jm_status_int(w, "free", report->free);
    jm_status_int(w, "ledger_entries", report->entries);

    jm_json_end_object(w);
}


static void
jm_status_store(jm_json_writer_t *w, const jm_report_store_t *store)
{
    size_t  i;

    jm_json_key(w, "store");
    jm_json_object(w);

    jm_status_string(w, "name", store->name);

    jm_json_key(w, "reachable");
    jm_json_bool(w, store->reachable);

    jm_status_int(w, "since", store->since);
    jm_status_known(w, "version", store->version);
    jm_status_known(w, "appendonly", store->appendonly);
    jm_status_known(w, "maxmemory_policy", store->policy);

    if (store->latency != 0) {
        jm_status_decimal(w, "latency", store->latency, 6);

    } else {
        jm_json_key(w, "latency");
        jm_json_null(w);
    }

    jm_status_int(w, "pending", store->pending);
    jm_status_int(w, "pending_bytes", store->pending_size);
    jm_status_int(w, "dropped", store->dropped);

    jm_json_key(w, "nodes");
    jm_json_array(w);

    for (i = 0; i < store->nnodes; i++) {
        jm_status_node(w, &store->nodes[i]);
    }

    jm_json_end_array(w);
    jm_json_end_object(w);
}


static void
jm_status_node(jm_json_writer_t *w, const jm_report_node_t *node)
{
    jm_json_object(w);

    jm_status_string(w, "name", node->name);
    jm_status_known(w, "version", node->version);
    jm_status_int(w, "processes", node->processes);
    jm_status_time(w, "age", node->age);

    jm_json_end_object(w);
}


static void
jm_status_accounts(jm_json_writer_t *w, const jm_report_t *report)
{
    size_t                      i;
    jm_sums_t                   sums;
    const jm_report_account_t  *a;

    jm_json_key(w, "accounts");
    jm_json_array(w);

    for (i = 0; i < report->naccounts; i++) {
        a = &report->accounts[i];

        jm_status_sum(report, JM_SERIES_TASK, a->name, &sums);

        jm_json_object(w);
        jm_status_string(w, "name", a->name);

        jm_json_key(w, "tasks");
        jm_json_object(w);
        jm_status_int(w, "succeeded", sums.succeeded);
        jm_status_int(w, "failed", sums.failed);
        jm_json_end_object(w);

        if (a->slots) {
            jm_status_int(w, "concurrency", a->concurrency);
            jm_status_int(w, "effective", a->effective);
            jm_status_int(w, "running", a->running);
            jm_status_int(w, "lost", a->lost);
            jm_status_int(w, "waiting", a->waiting);
            jm_status_int(w, "queue", a->queue);
            jm_status_time(w, "average_time", a->average);
            jm_status_time(w, "rest", a->rest);
            jm_status_time(w, "aside", a->aside);
            jm_status_int(w, "submits", a->submits);
            jm_status_int(w, "refusals", a->refusals);
            jm_status_int(w, "denials", a->denied);
            jm_status_int(w, "query_denials", a->queries_denied);
        }

        jm_json_end_object(w);
    }

    jm_json_end_array(w);
}


/* the clients that have a key, then all others that were counted */

static void
jm_status_clients(jm_json_writer_t *w, const jm_report_t *report)
{
    size_t              i;
    jm_str_t            name, last;
    unsigned            any;
    jm_sums_t           sums;
    const jm_series_t  *s;

    jm_json_key(w, "clients");
    jm_json_array(w);

    for (i = 0; i < report->nclients; i++) {
        name = report->clients[i].name;

        jm_status_sum(report, JM_SERIES_REQUEST, name, &sums);
        jm_status_sum(report, JM_SERIES_IMAGES, name, &sums);
        jm_status_client(w, name, &sums, &report->clients[i]);
    }

    any = 0;
    jm_str_set(&last, "");

    for (i = 0; i < report->nsamples; i++) {
        s = report->samples[i].series;
        name = jm_series_name(s, 0);

        if (s->kind != JM_SERIES_REQUEST
            || (any && jm_status_names(name, last) == 0))
        {
            continue;
        }

        any = 1;
        last = name;

        if (jm_status_find(report, name) != NULL) {
            continue;
        }

        jm_status_sum(report, JM_SERIES_REQUEST, name, &sums);
        jm_status_sum(report, JM_SERIES_IMAGES, name, &sums);

        if (sums.succeeded != 0 || sums.failed != 0 || sums.images != 0) {
            jm_status_client(w, name, &sums, NULL);
        }
    }

    jm_status_others(w, report);

    jm_json_end_array(w);
}


static void
jm_status_client(jm_json_writer_t *w, jm_str_t name, const jm_sums_t *sums,
    const jm_report_client_t *client)
{
    jm_json_object(w);
    jm_status_string(w, "name", name);

    jm_json_key(w, "requests");
    jm_json_object(w);
    jm_status_int(w, "succeeded", sums->succeeded);
    jm_status_int(w, "failed", sums->failed);
    jm_json_end_object(w);

    jm_status_int(w, "images", sums->images);

    if (client != NULL) {
        jm_status_limits(w, client);
    }

    jm_json_end_object(w);
}


static void
jm_status_others(jm_json_writer_t *w, const jm_report_t *report)
{
    size_t           i;
    jm_sums_t        sums;
    const uint64_t  *n;

    jm_str_t  other = jm_string("other");

    n = report->counters->others[JM_SERIES_REQUEST];

    sums.succeeded = n[JM_CAUSE_NONE];
    sums.failed = 0;
    sums.images = report->counters->others[JM_SERIES_IMAGES][JM_CAUSE_NONE];

    for (i = JM_CAUSE_NONE + 1; i < JM_CAUSE_LAST; i++) {
        sums.failed += n[i];
    }

    if (sums.succeeded != 0 || sums.failed != 0 || sums.images != 0) {
        jm_status_client(w, other, &sums, NULL);
    }
}


static void
jm_status_limits(jm_json_writer_t *w, const jm_report_client_t *client)
{
    jm_json_key(w, "limits");
    jm_json_object(w);

    if (client->rate != 0) {
        jm_json_key(w, "requests");
        jm_json_object(w);
        jm_status_int(w, "limit", client->rate);
        jm_status_int(w, "period", client->rate_period);
        jm_status_int(w, "remaining", client->rate_remaining);
        jm_json_end_object(w);
    }

    if (client->concurrency != 0) {
        jm_json_key(w, "concurrency");
        jm_json_object(w);
        jm_status_int(w, "limit", client->concurrency);
        jm_status_int(w, "used", client->running);
        jm_json_end_object(w);
    }

    if (client->images != 0) {
        jm_json_key(w, "images");
        jm_json_object(w);
        jm_status_int(w, "limit", client->images);
        jm_status_int(w, "period", client->images_period);
        jm_status_int(w, "used", client->images_used);
        jm_status_int(w, "reserved", client->images_reserved);
        jm_status_int(w, "remaining", client->images_remaining);
        jm_status_int(w, "reset_at", client->images_reset);
        jm_json_end_object(w);
    }

    if (client->budget.limit != 0) {
        jm_json_key(w, "budget");
        jm_json_object(w);
        jm_status_money(w, "limit", client->budget.limit);
        jm_status_int(w, "period", client->budget_period);
        jm_status_money(w, "spent", client->budget.spent);
        jm_status_money(w, "reserved", client->budget.reserved);
        jm_status_money(w, "remaining", client->budget.remaining);
        jm_status_int(w, "reset_at", (uint64_t) client->budget.reset);
        jm_json_end_object(w);
    }

    jm_json_end_object(w);
}


static void
jm_status_workers(jm_json_writer_t *w, const jm_report_t *report)
{
    size_t                      i;
    const jm_metrics_worker_t  *worker;

    jm_json_key(w, "workers");
    jm_json_array(w);

    for (i = 0; i < report->nworkers; i++) {
        worker = &report->workers[i];

        jm_json_object(w);
        jm_status_int(w, "worker", worker->number);
        jm_status_int(w, "pid", worker->pid);
        jm_status_int(w, "started", worker->started);
        jm_status_int(w, "requests", worker->requests);
        jm_json_end_object(w);
    }

    jm_json_end_array(w);
}


/* the samples are in order: those of a name lie together */

static void
jm_status_sum(const jm_report_t *report, jm_series_e kind, jm_str_t name,
    jm_sums_t *sums)
{
    size_t              first, last, i;
    const jm_sample_t  *samples;

    samples = report->samples;

    first = 0;
    last = report->nsamples;

    while (first < last) {
        i = first + (last - first) / 2;

        if (jm_status_order(kind, name, samples[i].series) > 0) {
            first = i + 1;

        } else {
            last = i;
        }
    }

    if (kind == JM_SERIES_IMAGES) {
        sums->images = 0;

    } else {
        memset(sums, 0, sizeof(jm_sums_t));
    }

    for (i = first; i < report->nsamples; i++) {

        if (jm_status_order(kind, name, samples[i].series) != 0) {
            break;
        }

        if (kind == JM_SERIES_IMAGES) {
            sums->images += samples[i].value;

        } else if (samples[i].series->result == JM_CAUSE_NONE) {
            sums->succeeded += samples[i].value;

        } else {
            sums->failed += samples[i].value;
        }
    }
}


static const jm_report_client_t *
jm_status_find(const jm_report_t *report, jm_str_t name)
{
    int     rc;
    size_t  first, last, i;

    first = 0;
    last = report->nclients;

    while (first < last) {
        i = first + (last - first) / 2;

        rc = jm_status_names(name, report->clients[i].name);

        if (rc == 0) {
            return &report->clients[i];
        }

        if (rc > 0) {
            first = i + 1;

        } else {
            last = i;
        }
    }

    return NULL;
}


static int
jm_status_compare(const void *one, const void *two)
{
    const jm_sample_t *a = one;
    const jm_sample_t *b = two;

    return jm_status_order(a->series->kind, jm_series_name(a->series, 0),
                           b->series);
}


static int
jm_status_order(jm_series_e kind, jm_str_t name, const jm_series_t *s)
{
    if (kind != s->kind) {
        return kind < s->kind ? -1 : 1;
    }

    return jm_status_names(name, jm_series_name(s, 0));
}


static int
jm_status_names(jm_str_t a, jm_str_t b)
{
    int     rc;
    size_t  n;

    n = jm_min(a.len, b.len);
    rc = (n != 0) ? memcmp(a.data, b.data, n) : 0;

    return rc != 0 ? rc : (a.len > b.len) - (a.len < b.len);
}


static void
jm_status_int(jm_json_writer_t *w, const char *key, uint64_t value)
{
    jm_json_name(w, key);
    jm_json_int(w, (int64_t) value);
}


static void
jm_status_money(jm_json_writer_t *w, const char *key, uint64_t amount)
{
    jm_json_name(w, key);
    jm_money_json(w, amount);
}


/* milliseconds, shown as seconds */

static void
jm_status_time(jm_json_writer_t *w, const char *key, uint64_t value)
{
    jm_status_decimal(w, key, value, 3);
}


/* in units of so many decimal places */

static void
jm_status_decimal(jm_json_writer_t *w, const char *key, uint64_t value,
    int digits)
{
    int       i, len;
    char      text[48];
    uint64_t  one;
    jm_str_t  number;

    one = 1;

    for (i = 0; i < digits; i++) {
        one *= 10;
    }

    len = snprintf(text, sizeof(text), "%" PRIu64 ".%0*" PRIu64, value / one,
                   digits, value % one);

    number.len = (size_t) len;
    number.data = (const uint8_t *) text;

    jm_json_name(w, key);
    jm_json_raw(w, number);
}


static void
jm_status_known(jm_json_writer_t *w, const char *key, jm_str_t value)
{
    if (value.len != 0) {
        jm_status_string(w, key, value);
        return;
    }

    jm_json_name(w, key);
    jm_json_null(w);
}


static void
jm_status_string(jm_json_writer_t *w, const char *key, jm_str_t value)
{
    size_t    i, n;
    uint8_t   text[JM_METRICS_LABEL];
    jm_str_t  s;

    s.len = jm_min(value.len, JM_METRICS_LABEL);
    s.data = value.data;

    /* a name may be cut within a character, or not be UTF-8 at all */

    if (jm_utf8_length(s, &n) != JM_OK) {

        for (i = 0; i < s.len; i++) {
            text[i] = (value.data[i] < 0x80) ? value.data[i] : '?';
        }

        s.data = text;
    }

    jm_json_name(w, key);
    jm_json_string(w, s);
}
