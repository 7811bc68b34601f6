
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * A report for Prometheus: text exposition format 0.0.4
 * (prometheus.io/docs/instrumenting/exposition_formats).
 */


#include <stddef.h>

#include "jm_metrics_series.h"
#include "jm_metrics_text.h"


/* a metric of accounts: a member of jm_report_account_t, by its offset */

typedef struct {
    const char      *name;
    const char      *type;
    const char      *help;
    size_t           offset;
    jm_unit_e        unit;
} jm_gauge_t;


typedef struct {
    const char      *name;
    const char      *help;
    jm_series_e      kind;
    const char      *labels[JM_METRICS_NAMES];  /* of the names */
    unsigned         result;
    unsigned         cost;          /* that is its value */
} jm_family_t;


/* a limit of clients: members of jm_report_client_t, by their offsets */

typedef struct {
    const char      *name;
    size_t           limit;
    size_t           used;
    jm_unit_e        unit;
} jm_limit_t;


static void jm_text_family(jm_buf_t *out, const jm_family_t *family,
    const jm_report_t *report);
static void jm_text_others(jm_buf_t *out, const jm_family_t *family,
    const jm_counters_t *counters, unsigned empty);
static void jm_text_series(jm_buf_t *out, const jm_family_t *family,
    const jm_str_t *names, jm_cause_e result, uint64_t value);
static void jm_text_accounts(jm_buf_t *out, const jm_gauge_t *gauge,
    const jm_report_t *report);
static void jm_text_limits(jm_buf_t *out, const char *name, const char *help,
    unsigned used, const jm_report_t *report);
static void jm_text_waiting(jm_buf_t *out, const jm_report_t *report);
static void jm_text_ledger(jm_buf_t *out, const jm_report_t *report);
static void jm_text_fetches(jm_buf_t *out, const jm_report_t *report);
static void jm_text_process(jm_buf_t *out, const jm_report_t *report);
static void jm_text_zone(jm_buf_t *out, const char *state, uint64_t bytes);
static uint64_t jm_text_member(const void *of, size_t offset);


static const jm_family_t  jm_families[] = {

    { "jimeng_requests_total",
      "Requests that are over, by what their client was told.",
      JM_SERIES_REQUEST, { "client", "model" }, 1, 0 },

    { "jimeng_tasks_total",
      "Tasks that are over, by what became of them.",
      JM_SERIES_TASK, { "account" }, 1, 0 },

    { "jimeng_images_total",
      "Pictures that the upstream made.",
      JM_SERIES_IMAGES, { "client", "model", "account" }, 0, 0 },

    { "jimeng_cost_total",
      "What these pictures cost, by the prices of the configuration.",
      JM_SERIES_IMAGES, { "client", "model", "account" }, 0, 1 }
};


#define jm_gauge(field)  offsetof(jm_report_account_t, field)

static const jm_gauge_t  jm_gauges[] = {

    { "jimeng_slots", "gauge", "Tasks that an account may run.",
      jm_gauge(concurrency), JM_UNIT_ONE },

    { "jimeng_slots_effective", "gauge",
      "Tasks that an account may run as the upstream has it.",
      jm_gauge(effective), JM_UNIT_ONE },

    { "jimeng_slots_used", "gauge",
      "Slots that are taken, those of processes that are no more included.",
      jm_gauge(running), JM_UNIT_ONE },

    { "jimeng_slots_lost", "gauge",
      "Slots of tasks that nobody follows any more, until they lapse.",
      jm_gauge(lost), JM_UNIT_ONE },

    { "jimeng_cost_running", "gauge",
      "What a picture of each of these tasks costs.", jm_gauge(cost),
      JM_UNIT_MONEY },

    { "jimeng_cost_lost", "gauge",
      "The part of it that nobody follows.", jm_gauge(cost_lost),
      JM_UNIT_MONEY },

    { "jimeng_queue_places", "gauge", "Tasks that may wait for a slot.",
      jm_gauge(queue), JM_UNIT_ONE },

    { "jimeng_queue_waiting", "gauge", "Tasks that wait for a slot.",
      jm_gauge(waiting), JM_UNIT_ONE },

    { "jimeng_task_average_seconds", "gauge",
      "How long tasks have taken of late.", jm_gauge(average), JM_UNIT_MS },

    { "jimeng_account_rest_seconds", "gauge",
      "How long an account rests yet that was refused for load.",
      jm_gauge(rest), JM_UNIT_MS },

    { "jimeng_account_aside_seconds", "gauge",
      "How long an account is set aside yet that was refused access.",
      jm_gauge(aside), JM_UNIT_MS },

    { "jimeng_submits_total", "counter", "Submits that the upstream took.",
      jm_gauge(submits), JM_UNIT_ONE },

    { "jimeng_refusals_total", "counter",
      "Submits that the upstream refused for load.",
      jm_gauge(refusals), JM_UNIT_ONE },

    { "jimeng_denials_total", "counter",
      "Submits that the upstream refused for their credentials.",
      jm_gauge(denied), JM_UNIT_ONE },

    { "jimeng_query_denials_total", "counter",
      "Queries that the upstream refused for their credentials.",
      jm_gauge(queries_denied), JM_UNIT_ONE }
};


#define jm_limit(field)  offsetof(jm_report_client_t, field)

static const jm_limit_t  jm_limits[] = {
    { "requests", jm_limit(rate), jm_limit(rate_used), JM_UNIT_ONE },
    { "concurrency", jm_limit(concurrency), jm_limit(running), JM_UNIT_ONE },
    { "images", jm_limit(images), jm_limit(images_taken), JM_UNIT_ONE },
    { "budget", jm_limit(budget.limit), jm_limit(budget_taken), JM_UNIT_MONEY }
};


static const char  *jm_marks[JM_MARK_LAST] = {
    [JM_MARK_NONE] = "none",
    [JM_MARK_KEY] = "key",
    [JM_MARK_RETRY] = "retry"
};

static const char  *jm_entered[JM_ENTERED_LAST] = {
    [JM_ENTERED_NEW] = "new",
    [JM_ENTERED_JOINED] = "joined",
    [JM_ENTERED_REPLAYED] = "replayed",
    [JM_ENTERED_ANEW] = "anew",
    [JM_ENTERED_TOLD] = "told",
    [JM_ENTERED_REFUSED] = "refused",
    [JM_ENTERED_FULL] = "full"
};

static const char  *jm_fetches[JM_FETCH_LAST] = {
    [JM_FETCH_SUCCEED] = "succeed",
    [JM_FETCH_FAILED] = "failed",
    [JM_FETCH_LOST] = "lost"
};


jm_rc_e
jm_metrics_text(jm_buf_t *out, jm_report_t *report)
{
    size_t  i;

    for (i = 0; i < jm_nitems(jm_families); i++) {
        jm_text_family(out, &jm_families[i], report);
    }

    for (i = 0; i < jm_nitems(jm_gauges); i++) {
        jm_text_accounts(out, &jm_gauges[i], report);
    }

    jm_text_groups(out, report);

    jm_text_limits(out, "jimeng_client_limit", "What a client may have.", 0,
                   report);
    jm_text_limits(out, "jimeng_client_limit_used",
                   "What of it the client has, or may get by what runs.", 1,
                   report);

    jm_text_waiting(out, report);
    jm_text_ledger(out, report);
    jm_text_fetches(out, report);
    jm_text_process(out, report);

    if (report->store != NULL) {
        jm_text_store(out, report->store);
    }

    return out->rc;
}


static void
jm_text_family(jm_buf_t *out, const jm_family_t *family,
    const jm_report_t *report)
{
    size_t              i, n;
    unsigned            k;
    jm_str_t            names[JM_METRICS_NAMES];
    const jm_sample_t  *sample;
    const jm_series_t  *s;

    jm_line_head(out, family->name, "counter", family->help);

    n = 0;

    for (i = 0; i < report->nsamples; i++) {
        sample = &report->samples[i];
        s = sample->series;

        if (s->kind == family->kind) {
            n++;

            for (k = 0; k < JM_METRICS_NAMES; k++) {
                names[k] = jm_series_name(s, k);
            }

            jm_text_series(out, family, names, s->result,
                           family->cost ? sample->cost : sample->value);
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
    unsigned         i;
    uint64_t         value;
    jm_cause_e       result;
    const uint64_t  *others;

    static const jm_str_t  names[JM_METRICS_NAMES] = {
        jm_string("other"), jm_string("other"), jm_string("other")
    };

    others = counters->others[family->kind];

    for (i = 0; i < JM_CAUSE_LAST; i++) {
        result = (jm_cause_e) i;

        if (others[i] != 0
            || (empty && jm_metrics_cause(result) == result
                && (family->result || result == JM_CAUSE_NONE)))
        {
            value = family->cost ? counters->others_cost : others[i];

            jm_text_series(out, family, names, result, value);
        }
    }
}


static void
jm_text_series(jm_buf_t *out, const jm_family_t *family, const jm_str_t *names,
    jm_cause_e result, uint64_t value)
{
    unsigned   i;
    jm_line_t  line;

    jm_line_begin(&line, out, family->name, "");

    for (i = 0; i < JM_METRICS_NAMES && family->labels[i] != NULL; i++) {
        jm_line_label(&line, family->labels[i], names[i]);
    }

    if (family->result) {
        jm_line_label_cstring(&line, "result", jm_metrics_result(result));
    }

    jm_line_end(&line, value, family->cost ? JM_UNIT_MONEY : JM_UNIT_ONE);
}


static void
jm_text_accounts(jm_buf_t *out, const jm_gauge_t *gauge,
    const jm_report_t *report)
{
    size_t                      i;
    jm_line_t                   line;
    const jm_report_account_t  *account;

    jm_line_head(out, gauge->name, gauge->type, gauge->help);

    for (i = 0; i < report->naccounts; i++) {
        account = &report->accounts[i];

        if (account->slots) {
            jm_line_begin(&line, out, gauge->name, "");
            jm_line_label(&line, "account", account->name);
            jm_line_end(&line, jm_text_member(account, gauge->offset),
                        gauge->unit);
        }
    }
}


static void
jm_text_limits(jm_buf_t *out, const char *name, const char *help,
    unsigned used, const jm_report_t *report)
{
    size_t                     i, k;
    jm_line_t                  line;
    const jm_limit_t          *l;
    const jm_report_client_t  *c;

    jm_line_head(out, name, "gauge", help);

    for (i = 0; i < report->nclients; i++) {
        c = &report->clients[i];

        for (k = 0; k < jm_nitems(jm_limits); k++) {
            l = &jm_limits[k];

            if (jm_text_member(c, l->limit) == 0) {
                continue;
            }

            jm_line_begin(&line, out, name, "");
            jm_line_label(&line, "client", c->name);
            jm_line_label_cstring(&line, "limit", l->name);
            jm_line_end(&line, jm_text_member(c, used ? l->used : l->limit),
                        l->unit);
        }
    }
}


static void
jm_text_waiting(jm_buf_t *out, const jm_report_t *report)
{
    size_t     i;
    jm_line_t  line;

    jm_str_t  none = jm_string("");

    jm_line_head(out, "jimeng_client_waiting", "gauge",
                 "Tasks of a client that wait for a slot, \"\" has those of "
                 "all others.");

    for (i = 0; i < report->nclients; i++) {
        jm_line_begin(&line, out, "jimeng_client_waiting", "");
        jm_line_label(&line, "client", report->clients[i].name);
        jm_line_end(&line, report->clients[i].waiting, JM_UNIT_ONE);
    }

    jm_line_begin(&line, out, "jimeng_client_waiting", "");
    jm_line_label(&line, "client", none);
    jm_line_end(&line, report->waiting, JM_UNIT_ONE);
}


static void
jm_text_ledger(jm_buf_t *out, const jm_report_t *report)
{
    unsigned    mark, how;
    jm_line_t   line;

    jm_line_value(out, "jimeng_ledger_entries", "gauge",
                  "Requests that a repeat of theirs would find.",
                  report->entries);

    jm_line_head(out, "jimeng_ledger_requests_total", "counter",
                 "Requests by what marks them as repeats, and what the ledger "
                 "made of them.");

    for (mark = 0; mark < JM_MARK_LAST; mark++) {
        for (how = JM_ENTERED_NEW; how < JM_ENTERED_LAST; how++) {
            jm_line_begin(&line, out, "jimeng_ledger_requests_total", "");
            jm_line_label_cstring(&line, "mark", jm_marks[mark]);
            jm_line_label_cstring(&line, "result", jm_entered[how]);
            jm_line_end(&line, report->counters->entered[mark][how],
                        JM_UNIT_ONE);
        }
    }
}


static void
jm_text_fetches(jm_buf_t *out, const jm_report_t *report)
{
    unsigned   how;
    jm_line_t  line;

    jm_line_head(out, "jimeng_picture_fetches_total", "counter",
                 "Attempts to fetch a picture as its task has ended; \"lost\" "
                 "counts pictures that were given up.");

    for (how = 0; how < JM_FETCH_LAST; how++) {
        jm_line_begin(&line, out, "jimeng_picture_fetches_total", "");
        jm_line_label_cstring(&line, "result", jm_fetches[how]);
        jm_line_end(&line, report->counters->fetches[how], JM_UNIT_ONE);
    }
}


static void
jm_text_process(jm_buf_t *out, const jm_report_t *report)
{
    jm_line_t  line;

    jm_line_head(out, "jimeng_zone_bytes", "gauge",
                 "Shared memory: pages that are free, and the rest.");

    jm_text_zone(out, "used", report->size - report->free);
    jm_text_zone(out, "free", report->free);

    jm_line_value(out, "jimeng_workers", "gauge",
                  "Processes that serve requests, or end those they have.",
                  report->nworkers);

    jm_line_value(out, "jimeng_config_load_timestamp_seconds", "gauge",
                  "When the configuration was read that is in use.",
                  report->loaded);

    jm_line_value(out, "jimeng_config_reloads_refused_total", "counter",
                  "Configurations that were read since, and not taken.",
                  report->counters->refused);

    jm_line_head(out, "jimeng_build_info", "gauge",
                 "Versions of the module and of nginx; 1.");

    jm_line_begin(&line, out, "jimeng_build_info", "");
    jm_line_label(&line, "version", report->version);
    jm_line_label(&line, "nginx", report->server);
    jm_line_end(&line, 1, JM_UNIT_ONE);
}


static void
jm_text_zone(jm_buf_t *out, const char *state, uint64_t bytes)
{
    jm_line_t  line;

    jm_line_begin(&line, out, "jimeng_zone_bytes", "");
    jm_line_label_cstring(&line, "state", state);
    jm_line_end(&line, bytes, JM_UNIT_ONE);
}


static uint64_t
jm_text_member(const void *of, size_t offset)
{
    uint64_t  value;

    memcpy(&value, (const uint8_t *) of + offset, sizeof(uint64_t));

    return value;
}
