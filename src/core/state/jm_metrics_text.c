
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * A report for Prometheus: text exposition format 0.0.4
 * (prometheus.io/docs/instrumenting/exposition_formats).
 */


#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#include "jm_metrics_report.h"
#include "jm_metrics_series.h"
#include "jm_text.h"


/* a metric of accounts: a member of jm_report_account_t, by its offset */

typedef struct {
    const char      *name;
    const char      *type;
    const char      *help;
    size_t           offset;
    unsigned         time;
} jm_gauge_t;


typedef struct {
    const char      *name;
    const char      *help;
    const char      *call;          /* of an exchange, or NULL */
    jm_histogram_e   histogram;
    unsigned         time;
} jm_distribution_t;


typedef struct {
    const char      *name;
    const char      *help;
    jm_series_e      kind;
    const char      *labels[2];     /* of the names */
    unsigned         result;
} jm_family_t;


/* a line that is being written */

typedef struct {
    jm_buf_t        *out;
    unsigned         labels;
} jm_line_t;


/* 20 digits, a point, and a zero */

#define JM_TEXT_NUMBER      24


static void jm_text_process(jm_buf_t *out, const jm_report_t *report);
static void jm_text_family(jm_buf_t *out, const jm_family_t *family,
    const jm_report_t *report);
static void jm_text_others(jm_buf_t *out, const jm_family_t *family,
    const jm_counters_t *counters, unsigned empty);
static void jm_text_series(jm_buf_t *out, const jm_family_t *family,
    const jm_str_t *names, jm_cause_e result, uint64_t value);
static void jm_text_accounts(jm_buf_t *out, const jm_gauge_t *gauge,
    const jm_report_t *report);
static void jm_text_histogram(jm_buf_t *out, const jm_distribution_t *d,
    const jm_histogram_t *h);
static void jm_text_bucket(jm_buf_t *out, const jm_distribution_t *d,
    const char *le, uint64_t count);
static void jm_text_part(jm_line_t *line, jm_buf_t *out,
    const jm_distribution_t *d, const char *suffix);
static void jm_text_codes(jm_buf_t *out, const jm_counters_t *counters);
static void jm_text_head(jm_buf_t *out, const char *name, const char *type,
    const char *help);
static void jm_text_begin(jm_line_t *line, jm_buf_t *out, const char *name,
    const char *suffix);
static void jm_text_label(jm_line_t *line, const char *name, jm_str_t value);
static void jm_text_label_cstring(jm_line_t *line, const char *name,
    const char *value);
static void jm_text_end(jm_line_t *line, uint64_t value, unsigned time);
static void jm_text_number(char *dst, uint64_t value, unsigned time);
static void jm_text_cstring(jm_buf_t *out, const char *s);


static const jm_family_t  jm_families[] = {

    { "jimeng_requests_total",
      "Requests that are over, by what their client was told.",
      JM_SERIES_REQUEST, { "client", "model" }, 1 },

    { "jimeng_tasks_total",
      "Tasks that are over, by what became of them.",
      JM_SERIES_TASK, { "account", NULL }, 1 },

    { "jimeng_images_total",
      "Pictures that the upstream made.",
      JM_SERIES_IMAGES, { "client", NULL }, 0 }
};


#define jm_gauge(field)  offsetof(jm_report_account_t, field)

static const jm_gauge_t  jm_gauges[] = {

    { "jimeng_slots", "gauge", "Tasks that an account may run.",
      jm_gauge(concurrency), 0 },

    { "jimeng_slots_effective", "gauge",
      "Tasks that an account may run as the upstream has it.",
      jm_gauge(effective), 0 },

    { "jimeng_slots_used", "gauge",
      "Slots that are taken, those of processes that are no more included.",
      jm_gauge(running), 0 },

    { "jimeng_slots_lost", "gauge",
      "Slots of tasks that nobody follows any more, until they lapse.",
      jm_gauge(lost), 0 },

    { "jimeng_queue_places", "gauge", "Tasks that may wait for a slot.",
      jm_gauge(queue), 0 },

    { "jimeng_queue_waiting", "gauge", "Tasks that wait for a slot.",
      jm_gauge(waiting), 0 },

    { "jimeng_task_average_seconds", "gauge",
      "How long tasks have taken of late.", jm_gauge(average), 1 },

    { "jimeng_account_rest_seconds", "gauge",
      "How long an account rests yet that was refused for load.",
      jm_gauge(rest), 1 },

    { "jimeng_account_aside_seconds", "gauge",
      "How long an account is set aside yet that was refused access.",
      jm_gauge(aside), 1 },

    { "jimeng_submits_total", "counter", "Submits that the upstream took.",
      jm_gauge(submits), 0 },

    { "jimeng_refusals_total", "counter",
      "Submits that the upstream refused for load.", jm_gauge(refusals), 0 },

    { "jimeng_denials_total", "counter",
      "Submits that the upstream refused for their credentials.",
      jm_gauge(denied), 0 },

    { "jimeng_query_denials_total", "counter",
      "Queries that the upstream refused for their credentials.",
      jm_gauge(queries_denied), 0 }
};


static const jm_distribution_t  jm_distributions[] = {

    { "jimeng_queue_seconds",
      "How long tasks that the upstream took had waited for a slot.",
      NULL, JM_HISTOGRAM_QUEUE, 1 },

    { "jimeng_task_seconds",
      "From a submit until it was known that its pictures are there.",
      NULL, JM_HISTOGRAM_TASK, 1 },

    { "jimeng_task_queries", "Queries of a task until its end.",
      NULL, JM_HISTOGRAM_QUERIES, 0 },

    { "jimeng_upstream_seconds", "Exchanges with the upstream.",
      "submit", JM_HISTOGRAM_SUBMIT, 1 },

    { "jimeng_upstream_seconds", NULL, "query", JM_HISTOGRAM_QUERY, 1 },
    { "jimeng_upstream_seconds", NULL, "result", JM_HISTOGRAM_RESULT, 1 }
};


jm_rc_e
jm_metrics_text(jm_buf_t *out, jm_report_t *report)
{
    size_t                    i;
    const jm_distribution_t  *d;

    for (i = 0; i < jm_nitems(jm_families); i++) {
        jm_text_family(out, &jm_families[i], report);
    }

    for (i = 0; i < jm_nitems(jm_gauges); i++) {
        jm_text_accounts(out, &jm_gauges[i], report);
    }

    for (i = 0; i < jm_nitems(jm_distributions); i++) {
        d = &jm_distributions[i];
        jm_text_histogram(out, d, &report->counters->histograms[d->histogram]);
    }

    jm_text_codes(out, report->counters);
    jm_text_process(out, report);

    return out->rc;
}


static void
jm_text_process(jm_buf_t *out, const jm_report_t *report)
{
    jm_line_t  line;

    jm_text_head(out, "jimeng_zone_bytes", "gauge",
                 "Shared memory: pages that are free, and the rest.");

    jm_text_begin(&line, out, "jimeng_zone_bytes", "");
    jm_text_label_cstring(&line, "state", "used");
    jm_text_end(&line, report->size - report->free, 0);

    jm_text_begin(&line, out, "jimeng_zone_bytes", "");
    jm_text_label_cstring(&line, "state", "free");
    jm_text_end(&line, report->free, 0);

    jm_text_head(out, "jimeng_ledger_entries", "gauge",
                 "Requests that a repeat of theirs would find.");

    jm_text_begin(&line, out, "jimeng_ledger_entries", "");
    jm_text_end(&line, report->entries, 0);

    jm_text_head(out, "jimeng_workers", "gauge",
                 "Processes that serve requests, or end those they have.");

    jm_text_begin(&line, out, "jimeng_workers", "");
    jm_text_end(&line, report->nworkers, 0);

    jm_text_head(out, "jimeng_build_info", "gauge",
                 "Versions of the module and of nginx; 1.");

    jm_text_begin(&line, out, "jimeng_build_info", "");
    jm_text_label(&line, "version", report->version);
    jm_text_label(&line, "nginx", report->server);
    jm_text_end(&line, 1, 0);
}


static void
jm_text_family(jm_buf_t *out, const jm_family_t *family,
    const jm_report_t *report)
{
    size_t              i, n;
    jm_str_t            names[2];
    const jm_series_t  *s;

    jm_text_head(out, family->name, "counter", family->help);

    n = 0;

    for (i = 0; i < report->nsamples; i++) {
        s = report->samples[i].series;

        if (s->kind == family->kind) {
            n++;

            names[0] = jm_series_name(s, 0);
            names[1] = jm_series_name(s, 1);

            jm_text_series(out, family, names, s->result,
                           report->samples[i].value);
        }
    }

    /* they are there at 0 as well before the first of them is counted */

    jm_text_others(out, family, report->counters,
                   n >= jm_metrics_limit(family->kind) / 2);
}


static void
jm_text_others(jm_buf_t *out, const jm_family_t *family,
    const jm_counters_t *counters, unsigned empty)
{
    unsigned    i;
    uint64_t    value;
    jm_str_t    names[2];
    jm_cause_e  result;

    jm_str_set(&names[0], "other");
    jm_str_set(&names[1], "other");

    for (i = 0; i < JM_CAUSE_LAST; i++) {
        result = (jm_cause_e) i;
        value = counters->others[family->kind][i];

        if (value != 0
            || (empty && jm_metrics_cause(result) == result
                && (family->result || result == JM_CAUSE_NONE)))
        {
            jm_text_series(out, family, names, result, value);
        }
    }
}


static void
jm_text_series(jm_buf_t *out, const jm_family_t *family, const jm_str_t *names,
    jm_cause_e result, uint64_t value)
{
    jm_line_t  line;

    jm_text_begin(&line, out, family->name, "");
    jm_text_label(&line, family->labels[0], names[0]);

    if (family->labels[1] != NULL) {
        jm_text_label(&line, family->labels[1], names[1]);
    }

    if (family->result) {
        jm_text_label_cstring(&line, "result", jm_metrics_result(result));
    }

    jm_text_end(&line, value, 0);
}


static void
jm_text_accounts(jm_buf_t *out, const jm_gauge_t *gauge,
    const jm_report_t *report)
{
    size_t                      i;
    uint64_t                    value;
    jm_line_t                   line;
    const jm_report_account_t  *account;

    jm_text_head(out, gauge->name, gauge->type, gauge->help);

    for (i = 0; i < report->naccounts; i++) {
        account = &report->accounts[i];

        if (!account->slots) {
            continue;
        }

        memcpy(&value, (const uint8_t *) account + gauge->offset,
               sizeof(uint64_t));

        jm_text_begin(&line, out, gauge->name, "");
        jm_text_label(&line, "account", account->name);
        jm_text_end(&line, value, gauge->time);
    }
}


static void
jm_text_histogram(jm_buf_t *out, const jm_distribution_t *d,
    const jm_histogram_t *h)
{
    char             le[JM_TEXT_NUMBER];
    size_t           i, n;
    uint64_t         count;
    jm_line_t        line;
    const uint64_t  *bounds;

    if (d->help != NULL) {
        jm_text_head(out, d->name, "histogram", d->help);
    }

    /* Prometheus' buckets count all that is in those below as well */

    count = 0;
    bounds = jm_metrics_bounds(d->histogram, &n);

    for (i = 0; i < n; i++) {
        count += h->buckets[i];

        jm_text_number(le, bounds[i], d->time);
        jm_text_bucket(out, d, le, count);
    }

    count += h->buckets[n];
    jm_text_bucket(out, d, "+Inf", count);

    jm_text_part(&line, out, d, "_sum");
    jm_text_end(&line, h->sum, d->time);

    jm_text_part(&line, out, d, "_count");
    jm_text_end(&line, count, 0);
}


static void
jm_text_bucket(jm_buf_t *out, const jm_distribution_t *d, const char *le,
    uint64_t count)
{
    jm_line_t  line;

    jm_text_part(&line, out, d, "_bucket");
    jm_text_label_cstring(&line, "le", le);
    jm_text_end(&line, count, 0);
}


static void
jm_text_part(jm_line_t *line, jm_buf_t *out, const jm_distribution_t *d,
    const char *suffix)
{
    jm_text_begin(line, out, d->name, suffix);

    if (d->call != NULL) {
        jm_text_label_cstring(line, "call", d->call);
    }
}


static void
jm_text_codes(jm_buf_t *out, const jm_counters_t *counters)
{
    char       code[JM_TEXT_NUMBER];
    size_t     i, n;
    int64_t    number;
    jm_line_t  line;

    jm_text_head(out, "jimeng_upstream_codes_total", "counter",
                 "Answers of the upstream by their number, "
                 "\"none\" has none.");

    n = jm_metrics_codes(0, &number);

    for (i = 0; i < n; i++) {
        (void) jm_metrics_codes(i, &number);

        jm_text_number(code, (uint64_t) number, 0);

        jm_text_begin(&line, out, "jimeng_upstream_codes_total", "");
        jm_text_label_cstring(&line, "code", i == 0 ? "none"
                                             : number == 0 ? "other" : code);
        jm_text_end(&line, counters->codes[i], 0);
    }
}


static void
jm_text_head(jm_buf_t *out, const char *name, const char *type,
    const char *help)
{
    jm_buf_literal(out, "# HELP ");
    jm_text_cstring(out, name);
    jm_buf_literal(out, " ");
    jm_text_cstring(out, help);
    jm_buf_literal(out, "\n# TYPE ");
    jm_text_cstring(out, name);
    jm_buf_literal(out, " ");
    jm_text_cstring(out, type);
    jm_buf_literal(out, "\n");
}


static void
jm_text_begin(jm_line_t *line, jm_buf_t *out, const char *name,
    const char *suffix)
{
    line->out = out;
    line->labels = 0;

    jm_text_cstring(out, name);
    jm_text_cstring(out, suffix);
}


static void
jm_text_label(jm_line_t *line, const char *name, jm_str_t value)
{
    size_t     i, n;
    uint8_t    c;
    unsigned   utf8;
    jm_buf_t  *out;

    out = line->out;
    utf8 = (jm_utf8_length(value, &n) == JM_OK);

    jm_buf_add(out, line->labels++ ? "," : "{", 1);
    jm_text_cstring(out, name);
    jm_buf_literal(out, "=\"");

    for (i = 0; i < value.len; i++) {
        c = value.data[i];

        if (c == '\n') {
            jm_buf_literal(out, "\\n");
            continue;
        }

        if (c == '\\' || c == '"') {
            jm_buf_literal(out, "\\");

        } else if (c >= 0x80 && !utf8) {
            c = '?';
        }

        jm_buf_add(out, &c, 1);
    }

    jm_buf_literal(out, "\"");
}


static void
jm_text_label_cstring(jm_line_t *line, const char *name, const char *value)
{
    jm_str_t  s;

    s.len = strlen(value);
    s.data = (const uint8_t *) value;

    jm_text_label(line, name, s);
}


static void
jm_text_end(jm_line_t *line, uint64_t value, unsigned time)
{
    char  number[JM_TEXT_NUMBER];

    jm_text_number(number, value, time);

    jm_text_cstring(line->out, line->labels ? "} " : " ");
    jm_text_cstring(line->out, number);
    jm_buf_literal(line->out, "\n");
}


/* times are in milliseconds, and are shown in seconds */

static void
jm_text_number(char *dst, uint64_t value, unsigned time)
{
    size_t  len;

    if (!time) {
        (void) snprintf(dst, JM_TEXT_NUMBER, "%" PRIu64, value);
        return;
    }

    (void) snprintf(dst, JM_TEXT_NUMBER, "%" PRIu64 ".%03u", value / 1000,
                    (unsigned) (value % 1000));

    for (len = strlen(dst); dst[len - 1] == '0'; len--) { /* void */ }

    if (dst[len - 1] == '.') {
        len--;
    }

    dst[len] = '\0';
}


static void
jm_text_cstring(jm_buf_t *out, const char *s)
{
    jm_buf_add(out, s, strlen(s));
}
