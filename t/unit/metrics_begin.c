
/*
 * Series that are there at 0 before anything is counted in them, what room is
 * left to others, and "other" at 0 before it is needed.
 *
 * Seen failing with series made anew that are there, with a look that makes
 * them, without the causes of one code, the place of "other" and what is cut of
 * a name, without an end where there is no memory, with a fit of one series
 * less and without those that are made, with the limit of requests for all
 * kinds, and with "other" at 0 always, never, for each cause, for each code of
 * pictures, or by series of all kinds.
 */


#include "metrics.h"


static void
test_begin(void)
{
    char             name[JM_METRICS_LABEL + 2];
    const char      *s;
    counted_t       *c;
    jm_series_id_t   ids[6];

    c = start();

    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';

    id_set(&ids[0], JM_SERIES_REQUEST, JM_CAUSE_NONE, "alice", "v40");
    id_set(&ids[1], JM_SERIES_REQUEST, JM_CAUSE_OUTCOME_UNKNOWN, "alice",
           "v40");
    id_set(&ids[2], JM_SERIES_IMAGES, JM_CAUSE_NONE, "alice", "v40");
    ids[2].names[2] = str("main");
    id_set(&ids[3], JM_SERIES_TASK, JM_CAUSE_BUSY, name, "");
    id_set(&ids[4], JM_SERIES_REQUEST, JM_CAUSE_NONE, "other", "other");
    id_set(&ids[5], JM_SERIES_TASK, JM_CAUSE_NONE, "other", "");

    jm_metrics_request(&c->m, str("alice"), str("v40"), JM_CAUSE_NONE);

    is_int((int64_t) jm_metrics_missing(&c->m, ids, 6), 3,
           "one is there, and others have their own places");
    collect(c, 64);
    is_int((int64_t) c->report.nsamples, 1, "to look makes none");

    jm_metrics_begin(&c->m, ids, 6);
    is_int((int64_t) jm_metrics_missing(&c->m, ids, 6), 0, "all are there");

    jm_metrics_begin(&c->m, ids, 6);
    collect(c, 64);
    is_int((int64_t) c->report.nsamples, 4, "each of them once");

    s = text(c);
    ok(has(s, "jimeng_requests_total{client=\"alice\",model=\"v40\","
              "result=\"succeed\"} 1"), "what was counted stays");
    ok(has(s, "jimeng_requests_total{client=\"alice\",model=\"v40\","
              "result=\"upstream_error\"} 0"), "a new one begins at 0");
    ok(has(s, "jimeng_images_total{client=\"alice\",model=\"v40\","
              "account=\"main\"} 0"), "pictures, too");

    jm_metrics_request(&c->m, str("alice"), str("v40"), JM_CAUSE_UPSTREAM);
    jm_metrics_task(&c->m, str(name), JM_CAUSE_BUSY);
    jm_metrics_task(&c->m, str("other"), JM_CAUSE_NONE);
    collect(c, 64);
    is_int((int64_t) c->report.nsamples, 4, "and is counted in");
    ok(has(text(c), "jimeng_requests_total{client=\"alice\",model=\"v40\","
                    "result=\"upstream_error\"} 1"), "by its code");

    tap_mem_done(&c->mem);

    c = start();
    c->mem.fail = c->mem.calls + 2;
    jm_metrics_begin(&c->m, ids, 4);
    is_int((int64_t) jm_metrics_missing(&c->m, ids, 4), 3,
           "without memory: those until then");
    tap_mem_done(&c->mem);
}


/* how much of the room is taken, and where "other" begins */

static void
test_room(void)
{
    int             i;
    char            name[16];
    counted_t      *c;
    const char     *first, *s;
    jm_series_id_t  id;

    static const char  images[] = "\njimeng_images_total{client=\"other\","
                                  "model=\"other\",account=\"other\"} 0\n";
    static const char  other[] = "\njimeng_tasks_total{account=\"other\","
                                 "result=\"upstream_error\"} 0\n";

    c = start();

    for (i = 0; i < JM_METRICS_TASKS / 2; i++) {

        if (i == JM_METRICS_TASKS / 2 - 1) {
            collect(c, 64);
            ok(strstr(text(c), "other\",") == NULL, "no others yet");
        }

        (void) snprintf(name, sizeof(name), "a%d", i);
        id_set(&id, JM_SERIES_TASK, JM_CAUSE_NONE, name, "");
        jm_metrics_begin(&c->m, &id, 1);
    }

    collect(c, 64);
    c->report.nsamples = 0;
    ok(strstr(text(c), "other\",") == NULL, "others, by the series");

    c->report.nsamples = JM_METRICS_TASKS / 2;
    s = text(c);
    first = strstr(s, other);

    ok(first != NULL, "others at 0 before any is needed");
    ok(first != NULL && strstr(first + 1, other) == NULL, "once for each code");
    ok(strstr(s, "client=\"other\"") == NULL, "and not of another kind");

    for (i = 0; i < JM_METRICS_IMAGES / 2; i++) {
        (void) snprintf(name, sizeof(name), "c%d", i);
        id_set(&id, JM_SERIES_IMAGES, JM_CAUSE_NONE, name, "");
        jm_metrics_begin(&c->m, &id, 1);
    }

    collect(c, 64);
    first = strstr(text(c), images);
    ok(first != NULL && strstr(first + 1, images) == NULL,
       "pictures have one other");

    is_int((int64_t) jm_metrics_limit(JM_SERIES_TASK), JM_METRICS_TASKS,
           "how many there may be");
    is_int(jm_metrics_fits(&c->m, JM_SERIES_TASK, 0, 2), 1, "half");
    is_int(jm_metrics_fits(&c->m, JM_SERIES_TASK, 1, 2), 0, "one more");
    is_int(jm_metrics_fits(&c->m, JM_SERIES_TASK, JM_METRICS_TASKS / 4, 3), 1,
           "three quarters");
    is_int(jm_metrics_fits(&c->m, JM_SERIES_TASK, JM_METRICS_TASKS / 4 + 1,
                           3), 0, "and one more");
    is_int(jm_metrics_fits(&c->m, JM_SERIES_REQUEST, 1024, 2), 1,
           "another kind has its own room");

    tap_mem_done(&c->mem);
}


int
main(void)
{
    test_begin();
    test_room();

    return done_testing();
}
