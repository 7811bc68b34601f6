
/*
 * The end of a task that its answers do not name: 50500 and 50501, which may be
 * a hiccup, and a deadline without a number of queries.
 */


#include "tap.h"
#include "jm_visual.h"


#define TIMEOUT   60000
#define INTERVAL  2000
#define ATTEMPTS  100
#define NOW       1000000

#define NOTHING   ((jm_event_e) -1)


static void
waits(jm_task_t *t)
{
    static const jm_task_limits_t  limits = {
        TIMEOUT, INTERVAL, ATTEMPTS, 0, 0, 0
    };

    jm_task_init(t, &limits, NOW);

    jm_task_step(t, JM_EVENT_START, NOW);
    jm_task_step(t, JM_EVENT_ACCEPTED, NOW);
}


static void
asked(jm_task_t *t)
{
    waits(t);
    jm_task_step(t, JM_EVENT_TIMER, NOW);
}


/* which answers are such, and that each says what it is if it is the end */

static void
test_answers(void)
{
    size_t       i;
    tap_mem_t    m;
    jm_answer_t  a;
    static const struct {
        const char      *body;
        unsigned         http;
        jm_transport_e   transport;
        unsigned         internal;
    } cases[] = {
        { "{\"code\":50500,\"data\":null}", 500, JM_TRANSPORT_WHOLE, 1 },
        { "{\"code\":50501,\"data\":null}", 500, JM_TRANSPORT_WHOLE, 1 },
        { "{\"code\":50500}", 200, JM_TRANSPORT_WHOLE, 1 },
        { "{\"Result\":{\"code\":\"50501\"}}", 200, JM_TRANSPORT_WHOLE, 1 },
        { "{\"ResponseMetadata\":{\"Error\":{\"Code\":\"50500\"}}}", 500,
          JM_TRANSPORT_WHOLE, 1 },
        { "{\"code\":50500,\"data\":{\"status\":\"generating\"}}", 500,
          JM_TRANSPORT_WHOLE, 1 },

        { "{\"code\":50500,\"data\":null}", 500, JM_TRANSPORT_BROKEN, 0 },
        { "{\"code\":50500", 500, JM_TRANSPORT_WHOLE, 0 },
        { "<html>", 500, JM_TRANSPORT_WHOLE, 0 },
        { "", 502, JM_TRANSPORT_WHOLE, 0 },
        { "{\"ResponseMetadata\":{\"Error\":{\"Code\":\"InternalError\"}}}",
          500, JM_TRANSPORT_WHOLE, 0 },
        { "{\"code\":50429}", 429, JM_TRANSPORT_WHOLE, 0 },
        { "{\"code\":50430}", 429, JM_TRANSPORT_WHOLE, 0 },
        { "{\"code\":10000,\"data\":null}", 200, JM_TRANSPORT_WHOLE, 0 }
    };

    for (i = 0; i < jm_nitems(cases); i++) {
        tap_mem_init(&m, 0);

        jm_visual_read(&a, JM_VISUAL_QUERY, cases[i].transport, cases[i].http,
                       str(cases[i].body), &m.mem);

        ok(a.event == JM_EVENT_TROUBLE && a.internal == cases[i].internal
           && (a.error.cause == JM_CAUSE_UPSTREAM) == cases[i].internal
           && a.error.no_retry == cases[i].internal
           && (a.error.upstream_code != 0) == cases[i].internal,
           "%s, HTTP %u: internal %u", cases[i].body, cases[i].http,
           a.internal);

        tap_mem_done(&m);
    }
}


/* 50500 and 50501: a hiccup, or three in a row over 10 s and more */

static void
test_internal(void)
{
    size_t      i;
    uint32_t    n;
    jm_task_t   t;
    jm_step_t   step;
    jm_event_e  event;
    static const struct {
        const char  *what;
        jm_event_e   between;       /* before the last of them, or NOTHING */
        uint32_t     n;
        uint64_t     over;
        jm_event_e   last;
    } cases[] = {
        { "three over 10 s", NOTHING, 3, 10000, JM_EVENT_FAILED },
        { "three over 9.999 s", NOTHING, 3, 9999, JM_EVENT_TROUBLE },
        { "two over 60 s", NOTHING, 2, 60000, JM_EVENT_TROUBLE },
        { "twenty over 9.999 s", NOTHING, 20, 9999, JM_EVENT_TROUBLE },
        { "twenty over 10 s", NOTHING, 20, 10000, JM_EVENT_FAILED },
        { "with no answer between", JM_EVENT_TROUBLE, 3, 10000,
          JM_EVENT_FAILED },
        { "two, and no answer", JM_EVENT_TROUBLE, 2, 10000,
          JM_EVENT_TROUBLE },
        { "with a good answer between", JM_EVENT_PENDING, 3, 60000,
          JM_EVENT_TROUBLE }
    };

    for (i = 0; i < jm_nitems(cases); i++) {
        asked(&t);
        event = JM_EVENT_DONE;

        for (n = 1; n <= cases[i].n; n++) {

            if (n == cases[i].n && cases[i].between != NOTHING) {
                event = jm_task_hear(&t, cases[i].between, 0, NOW);
                is_int(event, cases[i].between, "any other stays what it is");
            }

            event = jm_task_hear(&t, JM_EVENT_TROUBLE, 1,
                                 n == 1 ? NOW : NOW + cases[i].over);

            if (n == 1 || (n == 2 && cases[i].over >= 10000)) {
                is_int(event, JM_EVENT_TROUBLE, "%s: not at once",
                       cases[i].what);
            }

            if (event == JM_EVENT_FAILED) {
                break;
            }
        }

        is_int(event, cases[i].last, "%s", cases[i].what);
    }

    /* one that is asked for seldom is asked for sooner then */

    asked(&t);
    t.limits.interval = 60000;
    step = jm_task_step(&t, jm_task_hear(&t, JM_EVENT_TROUBLE, 1, NOW), NOW);
    is_int((int64_t) step.delay, 5000, "the pause after one of them");

    jm_task_step(&t, JM_EVENT_TIMER, NOW + 5000);
    step = jm_task_step(&t, jm_task_hear(&t, JM_EVENT_PENDING, 0, NOW + 5000),
                        NOW + 5000);
    is_int((int64_t) step.delay, TIMEOUT - 5000, "and after a good answer");

    asked(&t);
    step = jm_task_step(&t, jm_task_hear(&t, JM_EVENT_TROUBLE, 1, NOW), NOW);
    is_int((int64_t) step.delay, INTERVAL, "a short pause stays");

    /* the row goes on when the task is followed */

    asked(&t);
    jm_task_hear(&t, JM_EVENT_TROUBLE, 1, NOW);
    jm_task_hear(&t, JM_EVENT_TROUBLE, 1, NOW + 1);
    step = jm_task_step(&t, JM_EVENT_TROUBLE, NOW + TIMEOUT);
    is_int(step.cause, JM_CAUSE_GENERATION_TIMEOUT, "a task is given up");

    jm_task_follow(&t, NOW + TIMEOUT);
    jm_task_step(&t, JM_EVENT_TIMER, NOW + TIMEOUT + 1);
    event = jm_task_hear(&t, JM_EVENT_TROUBLE, 1, NOW + TIMEOUT + 1);
    step = jm_task_step(&t, event, NOW + TIMEOUT + 1);
    ok(step.action == JM_ACTION_FAIL && step.cause == JM_CAUSE_NONE,
       "and its end is seen by who follows it");
}


/* only the deadline gives up a task without a number of queries */

static void
test_unlimited(void)
{
    uint32_t   i;
    jm_task_t  t;
    jm_step_t  step;

    waits(&t);
    t.limits.attempts = JM_TASK_UNLIMITED;

    for (i = 0; i < 1000; i++) {
        jm_task_step(&t, JM_EVENT_TIMER, NOW);
        step = jm_task_step(&t, JM_EVENT_PENDING, NOW);

        if (step.action != JM_ACTION_TIMER) {
            break;
        }
    }

    is_int(i, 1000, "a thousand queries");

    jm_task_step(&t, JM_EVENT_TIMER, NOW + TIMEOUT);
    step = jm_task_step(&t, JM_EVENT_PENDING, NOW + TIMEOUT);
    is_int(step.cause, JM_CAUSE_GENERATION_TIMEOUT, "and the deadline");
}


int
main(void)
{
    test_answers();
    test_internal();
    test_unlimited();

    return done_testing();
}
