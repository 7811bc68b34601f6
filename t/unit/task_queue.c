
/*
 * A task whose account has a queue, and one that is followed after it was given
 * up.
 *
 * Seen failing without the looks at the deadline in jm_task_queued() and
 * jm_task_look(), and without the one at t->gone in jm_task_again().
 */


#include "tap.h"
#include "jm_task.h"


#define NOW       1000000
#define TIMEOUT   60000
#define INTERVAL  2000


static void
start(jm_task_t *t)
{
    static const jm_task_limits_t  limits = { TIMEOUT, INTERVAL, 3, 2, 1,
                                              0 };

    jm_task_init(t, &limits, NOW);

    is_int(jm_task_step(t, JM_EVENT_START, NOW).action, JM_ACTION_QUEUE,
           "a task needs a slot");
}


/* steps on, and says what came of it */

static void
is_step(jm_task_t *t, jm_event_e event, uint64_t now, jm_action_e action,
    jm_cause_e cause, uint64_t delay, const char *name)
{
    jm_step_t  step;

    step = jm_task_step(t, event, now);

    ok(step.action == action && step.cause == cause && step.delay == delay,
       "%s: action %d, cause %d, delay %llu", name, step.action, step.cause,
       (unsigned long long) step.delay);
}


static void
test_wait(void)
{
    jm_task_t  t;

    start(&t);

    t.look = 700;
    is_step(&t, JM_EVENT_QUEUED, NOW, JM_ACTION_TIMER, JM_CAUSE_NONE, 700,
            "it waits as long as the queue says");
    is_int(jm_task_holds(&t, 1, 0), 1, "with a timer");

    is_step(&t, JM_EVENT_TIMER, NOW + 700, JM_ACTION_QUEUE, JM_CAUSE_NONE, 0,
            "then it looks");

    is_step(&t, JM_EVENT_QUEUED, NOW + TIMEOUT - 30, JM_ACTION_TIMER,
            JM_CAUSE_NONE, 30, "not longer than until its deadline");

    is_step(&t, JM_EVENT_TIMER, NOW + TIMEOUT, JM_ACTION_QUEUE, JM_CAUSE_NONE,
            0, "and looks for the last time");
    is_step(&t, JM_EVENT_QUEUED, NOW + TIMEOUT, JM_ACTION_FAIL, JM_CAUSE_BUSY,
            0, "there was no slot in time");

    start(&t);
    is_step(&t, JM_EVENT_GRANTED, NOW + TIMEOUT, JM_ACTION_FAIL,
            JM_CAUSE_BUSY, 0, "a slot that comes too late is not used");

    start(&t);
    is_step(&t, JM_EVENT_GRANTED, NOW + TIMEOUT - 1, JM_ACTION_SUBMIT,
            JM_CAUSE_NONE, 1, "one that comes in time is");
    is_int(t.polls, 0, "nothing was asked so far");
}


static void
test_refused(void)
{
    unsigned   i;
    jm_task_t  t;

    start(&t);

    for (i = 0; i < 20; i++) {
        is_step(&t, JM_EVENT_GRANTED, NOW + i, JM_ACTION_SUBMIT,
                JM_CAUSE_NONE, TIMEOUT - i, "a slot");
        is_step(&t, JM_EVENT_BUSY, NOW + i, JM_ACTION_QUEUE, JM_CAUSE_NONE, 0,
                "refused for load: back to the queue");
    }

    is_step(&t, JM_EVENT_QUEUED, NOW + TIMEOUT, JM_ACTION_FAIL,
            JM_CAUSE_UPSTREAM_RATE_LIMITED, 0,
            "the upstream's word is told when the time is over");

    start(&t);
    (void) jm_task_step(&t, JM_EVENT_GRANTED, NOW);
    is_step(&t, JM_EVENT_DENIED, NOW, JM_ACTION_QUEUE, JM_CAUSE_NONE, 0,
            "access was refused: back to the queue");
    is_step(&t, JM_EVENT_QUEUED, NOW + TIMEOUT, JM_ACTION_FAIL, JM_CAUSE_BUSY,
            0, "where it was not served");

    start(&t);
    (void) jm_task_step(&t, JM_EVENT_GRANTED, NOW);
    (void) jm_task_step(&t, JM_EVENT_LEFT, NOW);
    is_step(&t, JM_EVENT_BUSY, NOW, JM_ACTION_FAIL, JM_CAUSE_CLIENT_LEFT, 0,
            "a client that has left does not go back there");

    start(&t);
    (void) jm_task_step(&t, JM_EVENT_GRANTED, NOW);
    (void) jm_task_step(&t, JM_EVENT_LEFT, NOW);
    is_step(&t, JM_EVENT_DENIED, NOW, JM_ACTION_FAIL, JM_CAUSE_CLIENT_LEFT, 0,
            "nor for another account");

    start(&t);
    (void) jm_task_step(&t, JM_EVENT_GRANTED, NOW);
    is_step(&t, JM_EVENT_UNSENT, NOW, JM_ACTION_TIMER, JM_CAUSE_NONE, 500,
            "one that found no connection keeps its slot");
    is_step(&t, JM_EVENT_TIMER, NOW + 500, JM_ACTION_SUBMIT, JM_CAUSE_NONE,
            TIMEOUT - 500, "and is sent again");

    is_step(&t, JM_EVENT_ACCEPTED, NOW + 600, JM_ACTION_TIMER, JM_CAUSE_NONE,
            INTERVAL, "taken");
    (void) jm_task_step(&t, JM_EVENT_TIMER, NOW + 700);
    is_step(&t, JM_EVENT_TRANSIENT, NOW + 800, JM_ACTION_QUEUE, JM_CAUSE_NONE,
            0, "one that failed transiently needs a slot again");
}


static void
test_follow(void)
{
    unsigned   i;
    jm_task_t  t;
    jm_step_t  step;

    start(&t);
    (void) jm_task_step(&t, JM_EVENT_GRANTED, NOW);
    (void) jm_task_step(&t, JM_EVENT_ACCEPTED, NOW);
    (void) jm_task_step(&t, JM_EVENT_TIMER, NOW + TIMEOUT);
    is_step(&t, JM_EVENT_PENDING, NOW + TIMEOUT, JM_ACTION_FAIL,
            JM_CAUSE_GENERATION_TIMEOUT, 0, "given up");
    is_int(jm_task_holds(&t, 0, 0), 1, "it holds nothing");

    step = jm_task_follow(&t, NOW + TIMEOUT);
    ok(step.action == JM_ACTION_TIMER && step.delay == INTERVAL
       && jm_task_holds(&t, 1, 0), "but it is followed");

    for (i = 0; i < 100; i++) {
        is_step(&t, JM_EVENT_TIMER, NOW + TIMEOUT, JM_ACTION_QUERY,
                JM_CAUSE_NONE, 0, "asked for");
        is_step(&t, JM_EVENT_PENDING, NOW + TIMEOUT, JM_ACTION_TIMER,
                JM_CAUSE_NONE, INTERVAL, "as often as it takes");
    }

    (void) jm_task_step(&t, JM_EVENT_TIMER, NOW + TIMEOUT);
    is_step(&t, JM_EVENT_TRANSIENT, NOW + TIMEOUT, JM_ACTION_FAIL,
            JM_CAUSE_NONE, 0, "and never submitted again");

    (void) jm_task_follow(&t, NOW);
    (void) jm_task_step(&t, JM_EVENT_TIMER, NOW + JM_TASK_FOLLOW);
    is_step(&t, JM_EVENT_PENDING, NOW + JM_TASK_FOLLOW, JM_ACTION_FAIL,
            JM_CAUSE_GENERATION_TIMEOUT, 0, "not for ever");
}


int
main(void)
{
    test_wait();
    test_refused();
    test_follow();

    return done_testing();
}
