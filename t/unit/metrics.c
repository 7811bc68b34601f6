
/*
 * What is counted: series by their names and how many there may be, workers
 * that come and go, and both ways to show it, to the byte.
 *
 * Seen failing: JSON, with a client of whom nothing was counted; "three names
 * are not run together", with one length alone compared and hashed; what others
 * cost, not counted; what pictures cost, as a plain number; "a client without
 * limits", without a look at that.
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
    jm_metrics_images(&c->m, str("alice"), str("v40"), str("main"), 4, 880000);
    jm_metrics_images(&c->m, str("alice"), str("v40"), str("main"), 3, 660000);
    jm_metrics_images(&c->m, str("alice"), str("v40m"), str("ain"), 1, 0);
    jm_metrics_images(&c->m, str("alice"), str("v40"), str("more"), 2, 1);

    collect(c, 2);

    is_int((int64_t) c->report.nsamples, 9, "nine series, two at a time");

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
    ok(has(s, "jimeng_images_total{client=\"alice\",model=\"v40\","
              "account=\"main\"} 7"), "pictures");
    ok(has(s, "jimeng_images_total{client=\"alice\",model=\"v40m\","
              "account=\"ain\"} 1"), "three names are not run together");
    ok(has(s, "jimeng_images_total{client=\"alice\",model=\"v40\","
              "account=\"more\"} 2"), "and another account's");
    ok(has(s, "jimeng_cost_total{client=\"alice\",model=\"v40\","
              "account=\"main\"} 1.54"), "what they cost");
    ok(has(s, "jimeng_cost_total{client=\"alice\",model=\"v40m\","
              "account=\"ain\"} 0"), "what has no price");
    ok(has(s, "jimeng_cost_total{client=\"alice\",model=\"v40\","
              "account=\"more\"} 0.000001"), "and the least");

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
    jm_metrics_images(&c->m, str("c0"), str("v40"), str("main"), 1, 0);
    jm_metrics_images(&c->m, str("other"), str("other"), str("other"), 2, 5);
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
    ok(has(s, "jimeng_cost_total{client=\"other\",model=\"other\","
              "account=\"other\"} 0.000005"), "and with what they cost");

    tap_mem_done(&c->mem);

    c = start();
    c->mem.fail = c->mem.calls + 1;
    jm_metrics_images(&c->m, str("alice"), str("v40"), str("main"), 5, 7);
    jm_metrics_images(&c->m, str("alice"), str("v40"), str("main"), 2, 9);

    collect(c, 64);
    s = text(c);
    ok(has(s, "jimeng_images_total{client=\"other\",model=\"other\","
              "account=\"other\"} 5"), "without memory");
    ok(has(s, "jimeng_images_total{client=\"alice\",model=\"v40\","
              "account=\"main\"} 2"), "with it again");

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
    { jm_string("main"), 1, 2, 1, 2, 1, 3, 100, 12345, 500, 0, 9, 2, 1, 4,
      440000, 220000 },
    { jm_string("plain"), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
};

static jm_report_client_t  clients[] = {
    { jm_string("alice"), 60, 60, 59, 4, 1, 100, 86400, 3, 1, 96, NOW, 1, 4,
      86400, 880000, 2, { 50000000, 660000, 220000, 49120000, NOW } },
    { jm_string("bob"), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
      { 0, 0, 0, 0, 0 } }
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
    ok(has(s, "jimeng_cost_running{account=\"main\"} 0.44"), "their cost");
    ok(has(s, "jimeng_cost_lost{account=\"main\"} 0.22"),
       "and of those that are lost");
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
test_clients(void)
{
    const char  *s;
    counted_t   *c;

    c = start();
    collect(c, 64);

    c->report.clients = clients;
    c->report.nclients = jm_nitems(clients);

    s = text(c);

    ok(has(s, "jimeng_client_limit{client=\"alice\",limit=\"requests\"} 60"),
       "a rate");
    ok(has(s, "jimeng_client_limit_used{client=\"alice\","
              "limit=\"requests\"} 1"), "what is used of it");
    ok(has(s, "jimeng_client_limit{client=\"alice\","
              "limit=\"concurrency\"} 4"), "requests at a time");
    ok(has(s, "jimeng_client_limit_used{client=\"alice\","
              "limit=\"concurrency\"} 1"), "how many there are");
    ok(has(s, "jimeng_client_limit{client=\"alice\",limit=\"images\"} 100"),
       "pictures");
    ok(has(s, "jimeng_client_limit_used{client=\"alice\","
              "limit=\"images\"} 4"), "those that are made or may be");
    ok(has(s, "jimeng_client_limit{client=\"alice\",limit=\"budget\"} 50"),
       "money");
    ok(has(s, "jimeng_client_limit_used{client=\"alice\","
              "limit=\"budget\"} 0.88"), "what is spent or may be");
    ok(strstr(s, "jimeng_client_limit{client=\"bob\"") == NULL
       && strstr(s, "jimeng_client_limit_used{client=\"bob\"") == NULL,
       "a client without limits has none");
    ok(has(s, "jimeng_client_waiting{client=\"alice\"} 2"), "who waits");
    ok(has(s, "jimeng_client_waiting{client=\"bob\"} 0"), "and who does not");
    ok(has(s, "jimeng_client_waiting{client=\"\"} 5"), "and all others");

    tap_mem_done(&c->mem);
}


static void
store_of(jm_report_store_t *store, jm_report_node_t *nodes)
{
    memset(store, 0, sizeof(jm_report_store_t));
    memset(nodes, 0, 2 * sizeof(jm_report_node_t));

    store->name = str("redis://r");
    store->reachable = 1;
    store->since = NOW;
    store->version = str("7.0.15");
    store->latency = 1000023;
    store->pending = 3;
    store->pending_size = 210;
    store->dropped = 1;
    store->nodes = nodes;
    store->nnodes = 2;

    nodes[0].name = str("web1:/n.conf");
    nodes[0].version = str("0.3.0");
    nodes[0].processes = 2;
    nodes[0].age = 250;
    nodes[1].name = str("web2");
    nodes[1].age = 61000;
}


static void
test_store(void)
{
    const char         *s;
    counted_t          *c;
    jm_report_node_t    nodes[2];
    jm_report_store_t   store;

    c = start();
    collect(c, 64);

    ok(strstr(text(c), "jimeng_store") == NULL, "without a store");

    store_of(&store, nodes);
    c->report.store = &store;
    s = text(c);

    ok(has(s, "jimeng_store_up 1"), "it is reached");
    ok(has(s, "jimeng_store_latency_seconds 1.000023"), "so fast");
    ok(has(s, "jimeng_store_pending 3"), "what it is to be told");
    ok(has(s, "jimeng_store_dropped_total 1"), "and is not any more");
    ok(has(s, "jimeng_node_processes{node=\"web1:/n.conf\"} 2"), "a node");
    ok(has(s, "jimeng_node_processes{node=\"web2\"} 0"), "a dead one");
    ok(has(s, "jimeng_node_age_seconds{node=\"web1:/n.conf\"} 0.25"),
       "heard of just now");
    ok(has(s, "jimeng_node_age_seconds{node=\"web2\"} 61"),
       "and a minute ago");

    store.latency = 0;
    ok(strstr(text(c), "jimeng_store_latency") == NULL, "before it answers");

    tap_mem_done(&c->mem);
}


static void
test_gateway(void)
{
    const char  *s;
    counted_t   *c;

    c = start();

    jm_metrics_entered(&c->m, JM_MARK_KEY, JM_ENTERED_JOINED);
    jm_metrics_entered(&c->m, JM_MARK_KEY, JM_ENTERED_JOINED);
    jm_metrics_entered(&c->m, JM_MARK_NONE, JM_ENTERED_FULL);
    jm_metrics_refused(&c->m);
    jm_metrics_fetch(&c->m, JM_FETCH_FAILED);
    jm_metrics_fetch(&c->m, JM_FETCH_FAILED);
    jm_metrics_fetch(&c->m, JM_FETCH_SUCCEED);

    collect(c, 64);
    s = text(c);

    ok(has(s, "jimeng_picture_fetches_total{result=\"failed\"} 2"),
       "pictures that were not fetched");
    ok(has(s, "jimeng_picture_fetches_total{result=\"succeed\"} 1"),
       "that were");
    ok(has(s, "jimeng_picture_fetches_total{result=\"lost\"} 0"),
       "and none was given up");
    ok(has(s, "jimeng_ledger_requests_total{mark=\"key\","
              "result=\"joined\"} 2"), "the ledger");
    ok(has(s, "jimeng_ledger_requests_total{mark=\"none\","
              "result=\"full\"} 1"), "its last result");
    ok(has(s, "jimeng_ledger_requests_total{mark=\"retry\","
              "result=\"new\"} 0"), "and one that never was");
    ok(strstr(s, "(null)") == NULL, "all of them have names");
    ok(has(s, "jimeng_config_load_timestamp_seconds 1795000000"),
       "the configuration");
    ok(has(s, "jimeng_config_reloads_refused_total 1"), "and one refused");

    tap_mem_done(&c->mem);
}


static void
test_json(void)
{
    size_t           i, len;

    jm_buf_t           small;
    counted_t         *c;
    jm_series_id_t     nobody[2];
    jm_report_node_t   nodes[2];
    jm_report_store_t  store;

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
    jm_metrics_images(&c->m, str("alice"), str("v40"), str("main"), 2, 9);
    jm_metrics_images(&c->m, str("alice"), str("v30"), str("main"), 1, 0);
    jm_metrics_task(&c->m, str("main"), JM_CAUSE_NONE);
    jm_metrics_task(&c->m, str("plain"), JM_CAUSE_BUSY);

    collect(c, 3);

    c->report.accounts = accounts;
    c->report.naccounts = jm_nitems(accounts);
    c->report.clients = clients;
    c->report.nclients = jm_nitems(clients);
    store_of(&store, nodes);
    c->report.store = &store;

    jm_buf_fixed(&c->out, c->text, TEXT);
    is_int(jm_metrics_json(&c->out, &c->report), JM_OK, "JSON");

    is_str(jm_buf_view(&c->out),
           "{\"version\":\"1.2.3\",\"nginx\":\"1.22.1\",\"time\":1795000000,"
           "\"zone\":{\"name\":\"shared\",\"size\":65536,\"used\":49152,"
           "\"free\":16384,\"ledger_entries\":7},"
           "\"store\":{\"name\":\"redis://r\",\"reachable\":true,"
           "\"since\":1795000000,\"version\":\"7.0.15\","
           "\"appendonly\":null,\"maxmemory_policy\":null,"
           "\"latency\":1.000023,\"pending\":3,\"pending_bytes\":210,"
           "\"dropped\":1,"
           "\"nodes\":[{\"name\":\"web1:/n.conf\",\"version\":\"0.3.0\","
           "\"processes\":2,\"age\":0.250},"
           "{\"name\":\"web2\",\"version\":null,\"processes\":0,"
           "\"age\":61.000}]},"
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
           "\"reserved\":1,\"remaining\":96,\"reset_at\":1795000000},"
           "\"budget\":{\"limit\":50,\"period\":86400,\"spent\":0.66,"
           "\"reserved\":0.22,\"remaining\":49.12,"
           "\"reset_at\":1795000000}}},"
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
    test_workers();
    test_accounts();
    test_clients();
    test_store();
    test_gateway();
    test_json();

    memset(&m, 0, sizeof(jm_metrics_t));
    tap_mem_init(&mem, 1);
    m.mem = mem.mem;
    is_int(jm_metrics_create(&m), JM_ERROR, "no memory: no counters");
    tap_mem_done(&mem);

    return done_testing();
}
