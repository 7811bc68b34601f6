
/*
 * Groups of numbers: the edges of buckets, the upstream's numbers, what came of
 * submits, whose they are, and how many groups there may be.
 *
 * Seen failing: "another account", with the last group for all names; "names
 * are not run together", with one length compared; "no more than", without the
 * limit; "a quarter is left", with all of them made; "other at 0", shown always
 * and never; "one that is called so", as a group of its own; "the gateway's",
 * without a look at its names.
 */


#include "metrics.h"


#define V40             str("v40")
#define MAIN            str("main")
#define NONE            str("")

#define NAMES           "model=\"v40\",account=\"main\""
#define PAIR            "{" NAMES "} "
#define LE(le)          "{" NAMES ",le=\"" le "\"} "
#define CALL(call)      "{call=\"" call "\"," NAMES "} "
#define CALL_LE(call, le)                                                     \
    "{call=\"" call "\"," NAMES ",le=\"" le "\"} "
#define CODES           "jimeng_upstream_codes_total{account=\"main\","


static void
test_histograms(void)
{
    const char  *s;
    counted_t   *c;

    c = start();

    jm_metrics_observe(&c->m, JM_HISTOGRAM_QUEUE, V40, MAIN, 0);
    jm_metrics_observe(&c->m, JM_HISTOGRAM_QUEUE, V40, MAIN, 10);
    jm_metrics_observe(&c->m, JM_HISTOGRAM_QUEUE, V40, MAIN, 11);
    jm_metrics_observe(&c->m, JM_HISTOGRAM_QUEUE, V40, MAIN, 600000);
    jm_metrics_observe(&c->m, JM_HISTOGRAM_QUEUE, V40, MAIN, 600001);
    jm_metrics_observe(&c->m, JM_HISTOGRAM_QUERIES, V40, MAIN, 1);
    jm_metrics_observe(&c->m, JM_HISTOGRAM_QUERIES, V40, MAIN, 121);
    jm_metrics_observe(&c->m, JM_HISTOGRAM_QUERY, V40, MAIN, 1500);
    jm_metrics_observe(&c->m, JM_HISTOGRAM_TASK, V40, MAIN, 7500);

    collect(c, 64);
    s = text(c);

    ok(has(s, "jimeng_queue_seconds_bucket" LE("0.01") "2"),
       "a bucket has its bound");
    ok(has(s, "jimeng_queue_seconds_bucket" LE("0.1") "3"),
       "and all below it");
    ok(has(s, "jimeng_queue_seconds_bucket" LE("300") "3"), "the last but one");
    ok(has(s, "jimeng_queue_seconds_bucket" LE("600") "4"), "the last");
    ok(has(s, "jimeng_queue_seconds_bucket" LE("+Inf") "5"), "all");
    ok(has(s, "jimeng_queue_seconds_sum" PAIR "1200.022"), "their sum");
    ok(has(s, "jimeng_queue_seconds_count" PAIR "5"), "their number");
    ok(has(s, "jimeng_task_queries_bucket" LE("1") "1"), "a number");
    ok(has(s, "jimeng_task_queries_bucket" LE("120") "1"), "is no time");
    ok(has(s, "jimeng_task_queries_sum" PAIR "122"), "nor is its sum");
    ok(has(s, "jimeng_upstream_seconds_bucket" CALL_LE("query", "1") "0"),
       "of calls, one");
    ok(has(s, "jimeng_upstream_seconds_bucket" CALL_LE("query", "2.5") "1"),
       "one");
    ok(has(s, "jimeng_upstream_seconds_sum" CALL("query") "1.5"), "its sum");
    ok(has(s, "jimeng_upstream_seconds_count" CALL("submit") "0"),
       "and not the other");
    ok(has(s, "jimeng_task_seconds_bucket" LE("5") "0"), "a task");
    ok(has(s, "jimeng_task_seconds_bucket" LE("7.5") "1"), "and its bound");

    tap_mem_done(&c->mem);
}


static void
test_codes(void)
{
    char         buf[JM_METRICS_CODE_LEN];
    size_t       n;
    const char  *s;
    counted_t   *c;

    c = start();

    jm_metrics_code(&c->m, MAIN, 10000, NONE);
    jm_metrics_code(&c->m, MAIN, 10000, NONE);
    jm_metrics_code(&c->m, MAIN, 50411, NONE);
    jm_metrics_code(&c->m, MAIN, 50218, NONE);
    jm_metrics_code(&c->m, MAIN, 0, NONE);
    jm_metrics_code(&c->m, MAIN, 12345, NONE);
    jm_metrics_code(&c->m, MAIN, -1, str("SignatureDoesNotMatch"));
    jm_metrics_code(&c->m, MAIN, -1, str("InternalServiceTimeout"));
    jm_metrics_code(&c->m, MAIN, -1, str("FlowLimitExceeded"));
    jm_metrics_code(&c->m, MAIN, -1, str("FlowLimitExceedet"));
    jm_metrics_code(&c->m, MAIN, -1, str("ServerOverloaded"));
    jm_metrics_code(&c->m, MAIN, -1, str("InputTextSensitiveContentDetected"));
    jm_metrics_code(&c->m, MAIN, -1, str("RateLimitExceeded.EndpointRPMEx"));
    jm_metrics_code(&c->m, MAIN, -1, str("RateLimitExceeded"));
    jm_metrics_code(&c->m, MAIN, -1, str("MissingParameter.x"));

    collect(c, 64);
    s = text(c);

    ok(has(s, CODES "code=\"10000\"} 2"), "success");
    ok(has(s, CODES "code=\"50411\"} 1"),
       "the table's first");
    ok(has(s, CODES "code=\"50218\"} 1"), "its last");
    ok(has(s, CODES "code=\"50430\"} 0"),
       "one that never came");
    ok(has(s, CODES "code=\"SignatureDoesNotMatch\"} 1"), "the gateway's");
    ok(has(s, CODES "code=\"FlowLimitExceeded\"} 1"), "its first");
    ok(has(s, CODES "code=\"InternalServiceTimeout\"} 1"), "its last");
    ok(has(s, CODES "code=\"LackPolicy\"} 0"), "one that never came");
    ok(has(s, CODES "code=\"InputTextSensitiveContentDetected\"} 1"),
       "Ark's first");
    ok(has(s, CODES "code=\"ServerOverloaded\"} 1"), "its last");
    ok(has(s, CODES "code=\"RateLimitExceeded\"} 2"), "a family of its");
    ok(has(s, CODES "code=\"MissingParameter\"} 1"), "what both have");
    ok(has(s, CODES "code=\"ModelNotOpen\"} 0"), "one that never came");
    ok(has(s, CODES "code=\"none\"} 1"), "no number");
    ok(has(s, CODES "code=\"other\"} 2"),
       "and those of no table");

    for (n = 0; jm_metrics_code_name(n, buf) != NULL; n++) { /* void */ }
    ok(n <= JM_METRICS_CODES, "there is room for all");

    tap_mem_done(&c->mem);
}


static void
test_tallies(void)
{
    const char  *s;
    counted_t   *c;

    c = start();

    jm_metrics_tally(&c->m, MAIN, JM_TALLY_TAKEN);
    jm_metrics_tally(&c->m, MAIN, JM_TALLY_TAKEN);
    jm_metrics_tally(&c->m, MAIN, JM_TALLY_UNSENT);
    jm_metrics_tally(&c->m, MAIN, JM_TALLY_AGAIN);
    jm_metrics_tally(&c->m, str("more"), JM_TALLY_LEFT);
    jm_metrics_tally(&c->m, MAIN, JM_TALLY_UNKNOWN);

    collect(c, 1);
    s = text(c);

    ok(has(s, "jimeng_submit_outcomes_total{account=\"main\","
              "outcome=\"taken\"} 2"), "submits taken");
    ok(has(s, "jimeng_submit_outcomes_total{account=\"main\","
              "outcome=\"unsent\"} 1"), "not sent");
    ok(has(s, "jimeng_submit_outcomes_total{account=\"main\","
              "outcome=\"unknown\"} 1"), "not known");
    ok(has(s, "jimeng_submit_outcomes_total{account=\"more\","
              "outcome=\"taken\"} 0"), "and of another account");
    ok(has(s, "jimeng_submit_retries_total{account=\"main\"} 1"), "again");
    ok(has(s, "jimeng_tasks_left_total{account=\"main\"} 0"), "not left");
    ok(has(s, "jimeng_tasks_left_total{account=\"more\"} 1"), "left");
    ok(strstr(s, "(null)") == NULL, "all of them have names");

    tap_mem_done(&c->mem);
}


static void
test_names(void)
{
    const char  *s;
    counted_t   *c;

    c = start();

    jm_metrics_observe(&c->m, JM_HISTOGRAM_REQUEST, V40, MAIN, 7);
    jm_metrics_observe(&c->m, JM_HISTOGRAM_REQUEST, V40, str("more"), 8);
    jm_metrics_observe(&c->m, JM_HISTOGRAM_REQUEST, str("v40m"), str("ain"), 9);
    jm_metrics_observe(&c->m, JM_HISTOGRAM_REQUEST, V40, MAIN, 3);
    jm_metrics_observe(&c->m, JM_HISTOGRAM_REQUEST, str(""), MAIN, 1);

    collect(c, 2);
    is_int((int64_t) c->report.ngroups[JM_GROUP_TIMES], 5,
           "four pairs and \"other\", two at a time");

    s = text(c);

    ok(has(s, "jimeng_request_seconds_sum" PAIR "0.01"), "a pair");
    ok(has(s, "jimeng_request_seconds_sum{model=\"v40\",account=\"more\"} "
              "0.008"), "another account");
    ok(has(s, "jimeng_request_seconds_sum{model=\"v40m\",account=\"ain\"} "
              "0.009"), "names are not run together");
    ok(has(s, "jimeng_request_seconds_sum{model=\"\",account=\"main\"} "
              "0.001"), "a name that is empty");
    ok(strstr(s, "other\",account") == NULL, "nothing is in \"other\"");

    jm_metrics_observe(&c->m, JM_HISTOGRAM_REQUEST, str("other"), str("other"),
                       4);
    jm_metrics_observe(&c->m, JM_HISTOGRAM_REQUEST, V40, str("other"), 5);
    jm_metrics_code(&c->m, str("other"), 10000, NONE);

    collect(c, 64);
    is_int((int64_t) c->report.ngroups[JM_GROUP_TIMES], 6,
           "one that is called so is not made");
    s = text(c);

    ok(has(s, "jimeng_request_seconds_sum{model=\"other\","
              "account=\"other\"} 0.004"), "but counted");
    ok(has(s, "jimeng_request_seconds_sum{model=\"v40\","
              "account=\"other\"} 0.005"), "half of it is a name");
    ok(has(s, "jimeng_upstream_codes_total{account=\"other\","
              "code=\"10000\"} 1"), "an account");

    tap_mem_done(&c->mem);
}


static void
test_full(void)
{
    int          i;
    char         name[16];
    counted_t   *c;

    static const char  count[] = "jimeng_task_seconds_count{model=\"other\","
                                 "account=\"other\"} ";

    c = start();

    for (i = 0; i < 2 * JM_METRICS_PAIRS; i++) {
        (void) snprintf(name, sizeof(name), "a%d", i);
        jm_metrics_begin_group(&c->m, JM_GROUP_TIMES, V40, str(name));
        jm_metrics_begin_group(&c->m, JM_GROUP_TIMES, V40, str(name));

        if (i == JM_METRICS_PAIRS / 2 - 2) {
            collect(c, 8);
            ok(strstr(text(c), count) == NULL, "no others yet");
        }
    }

    collect(c, 8);
    is_int((int64_t) c->report.ngroups[JM_GROUP_TIMES],
           1 + JM_METRICS_PAIRS / 4 * 3, "a quarter is left");
    ok(strstr(text(c), count) != NULL, "other at 0 before any is needed");

    for (i = 0; i < 2 * JM_METRICS_PAIRS; i++) {
        (void) snprintf(name, sizeof(name), "b%d", i);
        jm_metrics_observe(&c->m, JM_HISTOGRAM_TASK, V40, str(name), 1);
    }

    collect(c, 8);
    is_int((int64_t) c->report.ngroups[JM_GROUP_TIMES], 1 + JM_METRICS_PAIRS,
           "no more than there may be");
    ok(has(text(c), "jimeng_task_seconds_count{model=\"other\","
                    "account=\"other\"} 56"), "and none is lost");

    tap_mem_done(&c->mem);

    c = start();

    for (i = 0; i < JM_METRICS_ACCOUNTS + 3; i++) {
        (void) snprintf(name, sizeof(name), "a%d", i);
        jm_metrics_begin_group(&c->m, JM_GROUP_ACCOUNT, str(name), str(""));
        jm_metrics_code(&c->m, str(name), 50429, NONE);
    }

    collect(c, 64);
    is_int((int64_t) c->report.ngroups[JM_GROUP_ACCOUNT],
           1 + JM_METRICS_ACCOUNTS, "accounts: all of them");
    ok(has(text(c), "jimeng_upstream_codes_total{account=\"other\","
                    "code=\"50429\"} 3"), "accounts: others");

    tap_mem_done(&c->mem);

    c = start();
    c->mem.fail = c->mem.calls + 1;
    jm_metrics_code(&c->m, MAIN, 0, NONE);
    jm_metrics_code(&c->m, MAIN, 0, NONE);

    collect(c, 64);
    ok(has(text(c), "jimeng_upstream_codes_total{account=\"other\","
                    "code=\"none\"} 1"), "without memory");
    ok(has(text(c), CODES "code=\"none\"} 1"), "with it again");

    tap_mem_done(&c->mem);
}


int
main(void)
{
    test_histograms();
    test_codes();
    test_tallies();
    test_names();
    test_full();

    return done_testing();
}
