
/*
 * What is counted in memory of this process, and a report of it.
 */


#ifndef _METRICS_H_INCLUDED_
#define _METRICS_H_INCLUDED_


#include "tap.h"
#include "jm_metrics_report.h"
#include "jm_metrics_series.h"
#include "jm_metrics_tally.h"


#define TEXT    1048576
#define NOW     1795000000


typedef struct {
    jm_metrics_t         m;
    tap_mem_t            mem;
    jm_counters_t        counters;
    jm_sample_t          samples[JM_METRICS_SERIES];
    jm_grouped_t         pairs[JM_METRICS_PAIRS + 1];
    jm_grouped_t         accounts[JM_METRICS_ACCOUNTS + 1];
    jm_metrics_worker_t  workers[8];
    jm_report_t          report;
    jm_buf_t             out;
    char                 text[TEXT];
} counted_t;


static uint32_t  dead;          /* the process that is */


static inline unsigned
alive(uint32_t pid)
{
    return pid != dead;
}


/* there is one at a time, too large for the stack */

static inline counted_t *
start(void)
{
    counted_t         *c;
    static counted_t   counted;

    c = &counted;
    memset(c, 0, sizeof(counted_t));
    tap_mem_init(&c->mem, 0);

    c->m.mem = c->mem.mem;
    c->m.alive = alive;
    c->m.pid = 100;
    dead = 0;

    if (jm_metrics_create(&c->m) != JM_OK) {
        abort();
    }

    return c;
}


static inline size_t
collect_groups(counted_t *c, jm_group_e kind, jm_grouped_t *groups, size_t max,
    size_t piece)
{
    size_t             n, all;
    const jm_group_t  *last;

    all = 0;
    last = NULL;

    do {
        n = jm_metrics_groups(&c->m, kind, &last, groups + all,
                              jm_min(piece, max - all));
        all += n;
    } while (n == piece);

    return all;
}


/* copies everything, so many series, and groups, at a time */

static inline void
collect(counted_t *c, size_t piece)
{
    size_t              n;
    const jm_series_t  *last;

    memset(&c->report, 0, sizeof(jm_report_t));

    jm_metrics_counters(&c->m, &c->counters);

    last = NULL;

    do {
        n = jm_metrics_samples(&c->m, &last, c->samples + c->report.nsamples,
                               piece);
        c->report.nsamples += n;
    } while (n == piece);

    c->report.groups[JM_GROUP_TIMES] = c->pairs;
    c->report.ngroups[JM_GROUP_TIMES] =
        collect_groups(c, JM_GROUP_TIMES, c->pairs, jm_nitems(c->pairs),
                       piece);

    c->report.groups[JM_GROUP_ACCOUNT] = c->accounts;
    c->report.ngroups[JM_GROUP_ACCOUNT] =
        collect_groups(c, JM_GROUP_ACCOUNT, c->accounts,
                       jm_nitems(c->accounts), piece);

    c->report.version = str("1.2.3");
    c->report.server = str("1.22.1");
    c->report.zone = str("shared");
    c->report.now = NOW;
    c->report.size = 65536;
    c->report.free = 16384;
    c->report.entries = 7;
    c->report.loaded = NOW;
    c->report.waiting = 5;
    c->report.counters = &c->counters;
    c->report.samples = c->samples;
    c->report.workers = c->workers;
    c->report.nworkers = jm_metrics_workers(&c->m, c->workers,
                                            jm_nitems(c->workers));
}


/* a C string, good until the next one */

static inline const char *
text(counted_t *c)
{
    jm_buf_fixed(&c->out, c->text, TEXT - 1);

    if (jm_metrics_text(&c->out, &c->report) != JM_OK) {
        return "an error";
    }

    c->text[c->out.len] = '\0';

    return c->text;
}


static inline int
has(const char *where, const char *line)
{
    size_t       len;
    const char  *p;

    len = strlen(line);

    for (p = strstr(where, line); p != NULL; p = strstr(p + 1, line)) {
        if ((p == where || p[-1] == '\n') && p[len] == '\n') {
            return 1;
        }
    }

    return 0;
}


static inline void
id_set(jm_series_id_t *id, jm_series_e kind, jm_cause_e result, const char *a,
    const char *b)
{
    id->kind = kind;
    id->result = result;
    id->names[0] = str(a);
    id->names[1] = str(b);
    id->names[2] = str("");
}


#endif /* _METRICS_H_INCLUDED_ */
