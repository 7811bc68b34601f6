
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_metrics_text.h"


typedef struct {
    const char      *name;
    const char      *help;          /* NULL: it is that of the one before */
    const char      *call;          /* of an exchange, or NULL */
    jm_histogram_e   histogram;
    jm_unit_e        unit;
} jm_distribution_t;


static void jm_text_histogram(jm_buf_t *out, const jm_distribution_t *d,
    const jm_grouped_t *g);
static void jm_text_bucket(jm_buf_t *out, const jm_distribution_t *d,
    const jm_grouped_t *g, const char *le, uint64_t count);
static void jm_text_part(jm_line_t *line, jm_buf_t *out,
    const jm_distribution_t *d, const jm_grouped_t *g, const char *suffix);
static void jm_text_codes(jm_buf_t *out, const jm_report_t *report);
static void jm_text_outcomes(jm_buf_t *out, const jm_report_t *report);
static void jm_text_tallies(jm_buf_t *out, const char *name, const char *help,
    jm_tally_e what, const jm_report_t *report);
static unsigned jm_text_shown(const jm_report_t *report, jm_group_e kind,
    size_t i);


static const jm_distribution_t  jm_distributions[] = {

    { "jimeng_request_seconds",
      "From a request that reached the upstream until its end.",
      NULL, JM_HISTOGRAM_REQUEST, JM_UNIT_MS },

    { "jimeng_queue_seconds",
      "How long tasks that the upstream took had waited for a slot.",
      NULL, JM_HISTOGRAM_QUEUE, JM_UNIT_MS },

    { "jimeng_task_seconds",
      "From a submit until it was known that its pictures are there.",
      NULL, JM_HISTOGRAM_TASK, JM_UNIT_MS },

    { "jimeng_task_queries", "Queries of a task until its end.",
      NULL, JM_HISTOGRAM_QUERIES, JM_UNIT_ONE },

    { "jimeng_upstream_seconds", "Exchanges with the upstream.",
      "submit", JM_HISTOGRAM_SUBMIT, JM_UNIT_MS },

    { "jimeng_upstream_seconds", NULL, "query", JM_HISTOGRAM_QUERY,
      JM_UNIT_MS },

    { "jimeng_upstream_seconds", NULL, "result", JM_HISTOGRAM_RESULT,
      JM_UNIT_MS }
};


static const char  *jm_outcomes[JM_TALLY_OUTCOMES] = {
    [JM_TALLY_TAKEN] = "taken",
    [JM_TALLY_BUSY] = "busy",
    [JM_TALLY_DENIED] = "denied",
    [JM_TALLY_REFUSED] = "refused",
    [JM_TALLY_UNKNOWN] = "unknown",
    [JM_TALLY_UNSENT] = "unsent"
};


void
jm_text_groups(jm_buf_t *out, const jm_report_t *report)
{
    size_t                    i, k;
    const jm_distribution_t  *d;

    for (i = 0; i < jm_nitems(jm_distributions); i++) {
        d = &jm_distributions[i];

        if (d->help != NULL) {
            jm_line_head(out, d->name, "histogram", d->help);
        }

        for (k = 0; k < report->ngroups[JM_GROUP_TIMES]; k++) {
            if (jm_text_shown(report, JM_GROUP_TIMES, k)) {
                jm_text_histogram(out, d, &report->groups[JM_GROUP_TIMES][k]);
            }
        }
    }

    jm_text_codes(out, report);
    jm_text_outcomes(out, report);

    jm_text_tallies(out, "jimeng_submit_retries_total",
                    "Submits of a task that was submitted before.",
                    JM_TALLY_AGAIN, report);
    jm_text_tallies(out, "jimeng_tasks_left_total",
                    "Tasks that were left as their worker had to exit.",
                    JM_TALLY_LEFT, report);
}


static void
jm_text_histogram(jm_buf_t *out, const jm_distribution_t *d,
    const jm_grouped_t *g)
{
    char                   le[JM_LINE_NUMBER];
    size_t                 i, n;
    uint64_t               count;
    jm_line_t              line;
    const uint64_t        *bounds;
    const jm_histogram_t  *h;

    h = &g->copy.histograms[d->histogram];

    /* Prometheus' buckets count all that is in those below as well */

    count = 0;
    bounds = jm_metrics_bounds(d->histogram, &n);

    for (i = 0; i < n; i++) {
        count += h->buckets[i];

        jm_line_number(le, bounds[i], d->unit);
        jm_text_bucket(out, d, g, le, count);
    }

    count += h->buckets[n];
    jm_text_bucket(out, d, g, "+Inf", count);

    jm_text_part(&line, out, d, g, "_sum");
    jm_line_end(&line, h->sum, d->unit);

    jm_text_part(&line, out, d, g, "_count");
    jm_line_end(&line, count, JM_UNIT_ONE);
}


static void
jm_text_bucket(jm_buf_t *out, const jm_distribution_t *d,
    const jm_grouped_t *g, const char *le, uint64_t count)
{
    jm_line_t  line;

    jm_text_part(&line, out, d, g, "_bucket");
    jm_line_label_cstring(&line, "le", le);
    jm_line_end(&line, count, JM_UNIT_ONE);
}


static void
jm_text_part(jm_line_t *line, jm_buf_t *out, const jm_distribution_t *d,
    const jm_grouped_t *g, const char *suffix)
{
    jm_line_begin(line, out, d->name, suffix);

    if (d->call != NULL) {
        jm_line_label_cstring(line, "call", d->call);
    }

    jm_line_label(line, "model", jm_group_name(g, 0));
    jm_line_label(line, "account", jm_group_name(g, 1));
}


static void
jm_text_codes(jm_buf_t *out, const jm_report_t *report)
{
    char                 buf[JM_METRICS_CODE_LEN];
    size_t               i, k;
    jm_line_t            line;
    const char          *name;
    const jm_grouped_t  *g;

    jm_line_head(out, "jimeng_upstream_codes_total", "counter",
                 "Answers of the upstream by its number, or its name of an "
                 "error; \"none\" has neither.");

    for (k = 0; k < report->ngroups[JM_GROUP_ACCOUNT]; k++) {
        g = &report->groups[JM_GROUP_ACCOUNT][k];

        if (!jm_text_shown(report, JM_GROUP_ACCOUNT, k)) {
            continue;
        }

        for (i = 0; (name = jm_metrics_code_name(i, buf)) != NULL; i++) {
            jm_line_begin(&line, out, "jimeng_upstream_codes_total", "");
            jm_line_label(&line, "account", jm_group_name(g, 0));
            jm_line_label_cstring(&line, "code", name);
            jm_line_end(&line, g->copy.codes[i], JM_UNIT_ONE);
        }
    }
}


static void
jm_text_outcomes(jm_buf_t *out, const jm_report_t *report)
{
    size_t               i, k;
    jm_line_t            line;
    const jm_grouped_t  *g;

    jm_line_head(out, "jimeng_submit_outcomes_total", "counter",
                 "Submits by what came of them, each try of a task.");

    for (k = 0; k < report->ngroups[JM_GROUP_ACCOUNT]; k++) {
        g = &report->groups[JM_GROUP_ACCOUNT][k];

        if (!jm_text_shown(report, JM_GROUP_ACCOUNT, k)) {
            continue;
        }

        for (i = 0; i < JM_TALLY_OUTCOMES; i++) {
            jm_line_begin(&line, out, "jimeng_submit_outcomes_total", "");
            jm_line_label(&line, "account", jm_group_name(g, 0));
            jm_line_label_cstring(&line, "outcome", jm_outcomes[i]);
            jm_line_end(&line, g->copy.tallies[i], JM_UNIT_ONE);
        }
    }
}


static void
jm_text_tallies(jm_buf_t *out, const char *name, const char *help,
    jm_tally_e what, const jm_report_t *report)
{
    size_t               k;
    jm_line_t            line;
    const jm_grouped_t  *g;

    jm_line_head(out, name, "counter", help);

    for (k = 0; k < report->ngroups[JM_GROUP_ACCOUNT]; k++) {
        g = &report->groups[JM_GROUP_ACCOUNT][k];

        if (jm_text_shown(report, JM_GROUP_ACCOUNT, k)) {
            jm_line_begin(&line, out, name, "");
            jm_line_label(&line, "account", jm_group_name(g, 0));
            jm_line_end(&line, g->copy.tallies[what], JM_UNIT_ONE);
        }
    }
}


/* "other" is there at 0 as well before anything is counted in it */

static unsigned
jm_text_shown(const jm_report_t *report, jm_group_e kind, size_t i)
{
    const jm_grouped_t  *g;

    g = &report->groups[kind][i];

    return !g->other || g->copy.used
           || report->ngroups[kind] > jm_group_limit(kind) / 2;
}
