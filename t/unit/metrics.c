
/*
 * What is counted: series by their names and how many there may be, the edges
 * of buckets, workers that come and go, and both ways to show it, to the byte.
 *
 * Seen failing: JSON, with a client of whom nothing was counted.
 */


#include "metrics.h"


static void
test_series(void)
{
    const char  *s;
    counted_t   *c;

    c = start();

    jm_metrics_request(&c->m, str("alice"), str("v40"), JM_CAUSE_NONE);
    jm_metrics_request(&c->m, str("alice"), str("v40"), JM_CAUSE_NONE);
    jm_metrics_request(&c->m, str("alicev"), str("40"), JM_CAUSE_NONE);
    jm_metrics_request(&c->m, str(""), str(""), JM_CAUSE_NOT_FOUND);
    jm_metrics_request(&c->m, str("bob"), str("v40"), JM_CAUSE_UPSTREAM);
    jm_metrics_request(&c->m, str("bob"), str("v40"),
                       JM_CAUSE_OUTCOME_UNKNOWN);
    jm_metrics_task(&c->m, str("main"), JM_CAUSE_NONE);
    jm_metrics_task(&c->m, str("main"), JM_CAUSE_CONTENT_POLICY);
    jm_metrics_images(&c->m, str("alice"), 4);
    jm_metrics_images(&c->m, str("alice"), 3);

    collect(c, 2);

    is_int((int64_t) c->report.nsamples, 7, "seven series, two at a time");

    s = text(c);

    ok(has(s, "jimeng_requests_total{client=\"alice\",model=\"v40\","
              "result=\"succeed\"} 2"), "two of one kind");
    ok(has(s, "jimeng_requests_total{client=\"alicev\",model=\"40\","
              "result=\"succeed\"} 1"), "names are not run together");
    ok(has(s, "jimeng_requests_total{client=\"\",model=\"\","
              "result=\"not_found\"} 1"), "no names at all");
    ok(has(s, "jimeng_requests_total{client=\"bob\",model=\"v40\","
              "result=\"upstream_error\"} 2"), "two causes of one code");
    ok(has(s, "jimeng_tasks_total{account=\"main\",result=\"succeed\"} 1"),
       "a task");
    ok(has(s, "jimeng_tasks_total{account=\"main\","
              "result=\"content_policy_violation\"} 1"),
       "and one that failed");
    ok(has(s, "jimeng_images_total{client=\"alice\"} 7"), "pictures");

    tap_mem_done(&c->mem);
}


static void
test_names(void)
{
    char         name[JM_METRICS_LABEL + 2];
    const char  *s;
    counted_t   *c;

    c = start();

    jm_metrics_task(&c->m, str("a\"b\\c\nd\te"), JM_CAUSE_NONE);
    jm_metrics_task(&c->m, str("\xe4\xb8\x80"), JM_CAUSE_NONE);
    jm_metrics_task(&c->m, str("x\xff\"y"), JM_CAUSE_NONE);

    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';

    jm_metrics_task(&c->m, str(name), JM_CAUSE_NONE);
    name[JM_METRICS_LABEL] = '\0';
    jm_metrics_task(&c->m, str(name), JM_CAUSE_NONE);

    collect(c, 64);
    is_int((int64_t) c->report.nsamples, 4, "a name is cut");

    s = text(c);

    ok(has(s, "jimeng_tasks_total{account=\"a\\\"b\\\\c\\nd\te\","
              "result=\"succeed\"} 1"), "a label is escaped");
    ok(has(s, "jimeng_tasks_total{account=\"\xe4\xb8\x80\","
              "result=\"succeed\"} 1"), "a character of UTF-8");
    ok(has(s, "jimeng_tasks_total{account=\"x?\\\"y\",result=\"succeed\"} 1"),
       "and what is none");

    tap_mem_done(&c->mem);
}


/* sums up what is shown of requests */

static int64_t
total(counted_t *c)
{
    size_t    i;
    int64_t   sum;

    sum = 0;

    for (i = 0; i < c->report.nsamples; i++) {
        if (c->samples[i].series->kind == JM_SERIES_REQUEST) {
            sum += (int64_t) c->samples[i].value;
        }
    }

    for (i = 0; i < JM_CAUSE_LAST; i++) {
        sum += (int64_t) c->counters.others[JM_SERIES_REQUEST][i];
    }

    return sum;
}


static void
test_full(void)
{
    int          i;
    char         name[16];
    const char  *s;
    counted_t   *c;

    c = start();

    for (i = 0; i < JM_METRICS_REQUESTS + 10; i++) {
        (void) snprintf(name, sizeof(name), "c%d", i);
        jm_metrics_request(&c->m, str(name), str("v40"), JM_CAUSE_NONE);
    }

    jm_metrics_request(&c->m, str("c0"), str("v40"), JM_CAUSE_NONE);
    jm_metrics_request(&c->m, str("c0"), str("v40"), JM_CAUSE_BUSY);
    jm_metrics_request(&c->m, str("other"), str("other"), JM_CAUSE_NONE);
    jm_metrics_images(&c->m, str("c0"), 1);
    jm_metrics_task(&c->m, str("main"), JM_CAUSE_NONE);

    collect(c, 64);

    is_int((int64_t) c->report.nsamples, JM_METRICS_REQUESTS + 2,
           "as many series as there may be, and those of other kinds");
    is_int(total(c), JM_METRICS_REQUESTS + 13, "and none is lost");
    is_int((int64_t) c->counters.others[JM_SERIES_REQUEST][JM_CAUSE_NONE], 11,
           "others, and one that is called so");
    is_int((int64_t) c->counters.others[JM_SERIES_REQUEST][JM_CAUSE_BUSY], 1,
           "others, by their result");

    c->report.nsamples = 0;
    s = text(c);

    ok(has(s, "jimeng_requests_total{client=\"other\",model=\"other\","
              "result=\"succeed\"} 11"), "others are shown");
    ok(has(s, "jimeng_requests_total{client=\"other\",model=\"other\","
              "result=\"concurrency_limit_exceeded\"} 1"),
       "with their result");

    tap_mem_done(&c->mem);

    c = start();
    c->mem.fail = c->mem.calls + 1;
    jm_metrics_images(&c->m, str("alice"), 5);
    jm_metrics_images(&c->m, str("alice"), 2);

    collect(c, 64);
    s = text(c);
    ok(has(s, "jimeng_images_total{client=\"other\"} 5"), "without memory");
    ok(has(s, "jimeng_images_total{client=\"alice\"} 2"), "with it again");

    tap_mem_done(&c->mem);
}


static void
test_histograms(void)
{
    const char  *s;
    counted_t   *c;

    c = start();

    jm_metrics_observe(&c->m, JM_HISTOGRAM_QUEUE, 0);
    jm_metrics_observe(&c->m, JM_HISTOGRAM_QUEUE, 10);
    jm_metrics_observe(&c->m, JM_HISTOGRAM_QUEUE, 11);
    jm_metrics_observe(&c->m, JM_HISTOGRAM_QUEUE, 600000);
    jm_metrics_observe(&c->m, JM_HISTOGRAM_QUEUE, 600001);
    jm_metrics_observe(&c->m, JM_HISTOGRAM_QUERIES, 1);
    jm_metrics_observe(&c->m, JM_HISTOGRAM_QUERIES, 121);
    jm_metrics_observe(&c->m, JM_HISTOGRAM_QUERY, 1500);
    jm_metrics_observe(&c->m, JM_HISTOGRAM_TASK, 7500);

    collect(c, 64);
    s = text(c);

    ok(has(s, "jimeng_queue_seconds_bucket{le=\"0.01\"} 2"),
       "a bucket has its bound");
    ok(has(s, "jimeng_queue_seconds_bucket{le=\"0.1\"} 3"),
       "and all below it");
    ok(has(s, "jimeng_queue_seconds_bucket{le=\"300\"} 3"), "the last but one");
    ok(has(s, "jimeng_queue_seconds_bucket{le=\"600\"} 4"), "the last");
    ok(has(s, "jimeng_queue_seconds_bucket{le=\"+Inf\"} 5"), "all");
    ok(has(s, "jimeng_queue_seconds_sum 1200.022"), "their sum");
    ok(has(s, "jimeng_queue_seconds_count 5"), "their number");
    ok(has(s, "jimeng_task_queries_bucket{le=\"1\"} 1"), "a number");
    ok(has(s, "jimeng_task_queries_bucket{le=\"120\"} 1"), "is no time");
    ok(has(s, "jimeng_task_queries_sum 122"), "nor is its sum");
    ok(has(s, "jimeng_upstream_seconds_bucket{call=\"query\",le=\"1\"} 0"),
       "of calls, one");
    ok(has(s, "jimeng_upstream_seconds_bucket{call=\"query\",le=\"2.5\"} 1"),
       "one");
    ok(has(s, "jimeng_upstream_seconds_sum{call=\"query\"} 1.5"), "its sum");
    ok(has(s, "jimeng_upstream_seconds_count{call=\"submit\"} 0"),
       "and not the other");
    ok(has(s, "jimeng_task_seconds_bucket{le=\"5\"} 0"), "a task");
    ok(has(s, "jimeng_task_seconds_bucket{le=\"7.5\"} 1"), "and its bound");

    tap_mem_done(&c->mem);
}


static void
test_codes(void)
{
    const char  *s;
    counted_t   *c;

    c = start();

    jm_metrics_code(&c->m, 10000);
    jm_metrics_code(&c->m, 10000);
    jm_metrics_code(&c->m, 50411);
    jm_metrics_code(&c->m, 50218);
    jm_metrics_code(&c->m, 0);
    jm_metrics_code(&c->m, 12345);
    jm_metrics_code(&c->m, -1);

    collect(c, 64);
    s = text(c);

    ok(has(s, "jimeng_upstream_codes_total{code=\"10000\"} 2"), "success");
    ok(has(s, "jimeng_upstream_codes_total{code=\"50411\"} 1"),
       "the table's first");
    ok(has(s, "jimeng_upstream_codes_total{code=\"50218\"} 1"), "its last");
    ok(has(s, "jimeng_upstream_codes_total{code=\"50430\"} 0"),
       "one that never came");
    ok(has(s, "jimeng_upstream_codes_total{code=\"none\"} 1"), "no number");
    ok(has(s, "jimeng_upstream_codes_total{code=\"other\"} 2"),
       "and those of no table");

    tap_mem_done(&c->mem);
}


static void
test_workers(void)
{
    counted_t     *c;
    jm_metrics_t   two, three;

    c = start();

    two = c->m;
    two.pid = 200;
    three = c->m;
    three.pid = 300;

    jm_metrics_join(&c->m, 0, NOW);
    jm_metrics_join(&two, 1, NOW + 1);
    jm_metrics_request(&two, str(""), str(""), JM_CAUSE_NONE);

    collect(c, 64);
    is_int((int64_t) c->report.nworkers, 2, "two workers");
    is_int(c->workers[0].pid, 200, "the last is the first");
    is_int((int64_t) c->workers[0].requests, 1, "and has served one request");
    is_int((int64_t) c->workers[1].requests, 0, "the other none");

    /* number 1 is killed, and another takes its place */

    dead = 200;
    jm_metrics_join(&three, 1, NOW + 2);

    collect(c, 64);
    is_int((int64_t) c->report.nworkers, 2, "one for one");
    is_int(c->workers[0].pid, 300, "the new one");
    is_int((int64_t) c->workers[0].started, NOW + 2, "with its time");
    is_int((int64_t) c->workers[0].requests, 0, "and its own requests");

    /* a process has the pid that another had */

    jm_metrics_join(&three, 5, NOW + 3);
    collect(c, 64);
    is_int((int64_t) c->report.nworkers, 2, "the same pid: the same place");
    is_int(c->workers[0].number, 5, "another worker");

    c->mem.fail = c->mem.calls + 1;
    two.worker = NULL;
    dead = 0;
    two.pid = 400;
    jm_metrics_join(&two, 2, NOW);
    ok(two.worker == NULL, "without memory it is not listed");
    jm_metrics_request(&two, str(""), str(""), JM_CAUSE_NONE);

    is_int((int64_t) jm_metrics_workers(&c->m, c->workers, 1), 1,
           "no more than there is room for");

    tap_mem_done(&c->mem);
}


static jm_report_account_t  accounts[] = {
    { jm_string("main"), 1, 2, 1, 2, 1, 3, 100, 12345, 500, 0, 9, 2, 1, 4 },
    { jm_string("plain"), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
};

static jm_report_client_t  clients[] = {
    { jm_string("alice"), 60, 60, 59, 4, 1, 100, 86400, 3, 1, 96, NOW },
    { jm_string("bob"), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
};


static void
test_accounts(void)
{
    const char  *s;
    counted_t   *c;

    c = start();
    collect(c, 64);

    c->report.accounts = accounts;
    c->report.naccounts = jm_nitems(accounts);

    s = text(c);

    ok(has(s, "jimeng_slots{account=\"main\"} 2"), "slots");
    ok(has(s, "jimeng_slots_effective{account=\"main\"} 1"), "effective");
    ok(has(s, "jimeng_slots_used{account=\"main\"} 2"), "used");
    ok(has(s, "jimeng_slots_lost{account=\"main\"} 1"), "lost");
    ok(has(s, "jimeng_queue_waiting{account=\"main\"} 3"), "waiting");
    ok(has(s, "jimeng_queue_places{account=\"main\"} 100"), "places");
    ok(has(s, "jimeng_task_average_seconds{account=\"main\"} 12.345"),
       "the average");
    ok(has(s, "jimeng_account_rest_seconds{account=\"main\"} 0.5"), "rest");
    ok(has(s, "jimeng_account_aside_seconds{account=\"main\"} 0"), "aside");
    ok(has(s, "jimeng_submits_total{account=\"main\"} 9"), "submits");
    ok(has(s, "jimeng_refusals_total{account=\"main\"} 2"), "refusals");
    ok(has(s, "jimeng_denials_total{account=\"main\"} 1"), "denials");
    ok(has(s, "jimeng_query_denials_total{account=\"main\"} 4"),
       "and of queries");
    ok(strstr(s, "plain") == NULL, "an account without slots is not shown");

    ok(has(s, "jimeng_zone_bytes{state=\"used\"} 49152"), "bytes used");
    ok(has(s, "jimeng_zone_bytes{state=\"free\"} 16384"), "bytes free");
    ok(has(s, "jimeng_ledger_entries 7"), "entries");
    ok(has(s, "jimeng_workers 0"), "workers");
    ok(has(s, "jimeng_build_info{version=\"1.2.3\",nginx=\"1.22.1\"} 1"),
       "versions");
    ok(has(s, "# TYPE jimeng_slots gauge"), "a gauge's type");
    ok(has(s, "# TYPE jimeng_queue_seconds histogram"), "a histogram's type");
    ok(has(s, "# HELP jimeng_slots Tasks that an account may run."), "a help");

    tap_mem_done(&c->mem);
}


static void
test_json(void)
{
    size_t           i, len;
    jm_buf_t         small;
    counted_t       *c;
    jm_series_id_t   nobody[2];

    c = start();

    /* of whom nothing is counted is not listed without a key */

    id_set(&nobody[0], JM_SERIES_REQUEST, JM_CAUSE_NONE, "", "v40");
    id_set(&nobody[1], JM_SERIES_IMAGES, JM_CAUSE_NONE, "", "");
    jm_metrics_begin(&c->m, nobody, 2);

    jm_metrics_join(&c->m, 0, NOW);
    jm_metrics_request(&c->m, str("bob"), str("v40"), JM_CAUSE_NONE);
    jm_metrics_request(&c->m, str("alice"), str("v40"), JM_CAUSE_BUSY);
    jm_metrics_request(&c->m, str("alice"), str("v40"), JM_CAUSE_NONE);
    jm_metrics_request(&c->m, str("alice"), str("v30"), JM_CAUSE_NONE);
    jm_metrics_request(&c->m, str("gone\"\xff"), str(""), JM_CAUSE_QUOTA);
    jm_metrics_images(&c->m, str("alice"), 3);
    jm_metrics_task(&c->m, str("main"), JM_CAUSE_NONE);
    jm_metrics_task(&c->m, str("plain"), JM_CAUSE_BUSY);

    collect(c, 3);

    c->report.accounts = accounts;
    c->report.naccounts = jm_nitems(accounts);
    c->report.clients = clients;
    c->report.nclients = jm_nitems(clients);

    jm_buf_fixed(&c->out, c->text, TEXT);
    is_int(jm_metrics_json(&c->out, &c->report), JM_OK, "JSON");

    is_str(jm_buf_view(&c->out),
           "{\"version\":\"1.2.3\",\"nginx\":\"1.22.1\",\"time\":1795000000,"
           "\"zone\":{\"name\":\"shared\",\"size\":65536,\"used\":49152,"
           "\"free\":16384,\"ledger_entries\":7},"
           "\"accounts\":[{\"name\":\"main\","
           "\"tasks\":{\"succeeded\":1,\"failed\":0},"
           "\"concurrency\":2,\"effective\":1,\"running\":2,\"lost\":1,"
           "\"waiting\":3,\"queue\":100,\"average_time\":12.345,"
           "\"rest\":0.500,\"aside\":0.000,\"submits\":9,\"refusals\":2,"
           "\"denials\":1,\"query_denials\":4},"
           "{\"name\":\"plain\",\"tasks\":{\"succeeded\":0,\"failed\":1}}],"
           "\"clients\":[{\"name\":\"alice\","
           "\"requests\":{\"succeeded\":2,\"failed\":1},\"images\":3,"
           "\"limits\":{\"requests\":{\"limit\":60,\"period\":60,"
           "\"remaining\":59},\"concurrency\":{\"limit\":4,\"used\":1},"
           "\"images\":{\"limit\":100,\"period\":86400,\"used\":3,"
           "\"reserved\":1,\"remaining\":96,\"reset_at\":1795000000}}},"
           "{\"name\":\"bob\",\"requests\":{\"succeeded\":1,\"failed\":0},"
           "\"images\":0,\"limits\":{}},"
           "{\"name\":\"gone\\\"?\",\"requests\":{\"succeeded\":0,"
           "\"failed\":1},\"images\":0}],"
           "\"workers\":[{\"worker\":0,\"pid\":100,\"started\":1795000000,"
           "\"requests\":5}]}",
           "to the byte");

    /* a buffer that is too small anywhere is an error, and no more */

    len = c->out.len;

    for (i = 0; i < len; i += 7) {
        jm_buf_fixed(&small, c->text, i);

        if (jm_metrics_json(&small, &c->report) == JM_OK
            || jm_metrics_text(&small, &c->report) == JM_OK)
        {
            break;
        }
    }

    ok(i >= len, "no report where there is no room for it");

    tap_mem_done(&c->mem);
}


int
main(void)
{
    tap_mem_t     mem;
    jm_metrics_t  m;

    test_series();
    test_names();
    test_full();
    test_histograms();
    test_codes();
    test_workers();
    test_accounts();
    test_json();

    memset(&m, 0, sizeof(jm_metrics_t));
    tap_mem_init(&mem, 1);
    m.mem = mem.mem;
    is_int(jm_metrics_create(&m), JM_ERROR, "no memory: no counters");
    tap_mem_done(&mem);

    return done_testing();
}
