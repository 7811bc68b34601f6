
/*
 * A task that is one long call: its answer is its end, and nobody can ask for
 * it later.
 *
 * Seen failing where jm_task_follow() has it wait for a query, and with
 * JM_EVENT_SENT taken for the end of a task whose client has left.
 */


#include "tap.h"
#include "jm_task.h"


#define TIMEOUT   60000
#define NOW       1000000


static void
start(jm_task_t *t, uint32_t retries)
{
    jm_task_limits_t  limits;

    memset(&limits, 0, sizeof(jm_task_limits_t));

    limits.timeout = TIMEOUT;
    limits.attempts = JM_TASK_UNLIMITED;
    limits.retries = retries;
    limits.single = 1;

    jm_task_init(t, &limits, NOW);
    jm_task_step(t, JM_EVENT_START, NOW);
}


static void
test_ends(void)
{
    jm_task_t  t;
    jm_step_t  step;

    start(&t, 0);
    is_int(t.state, JM_TASK_SUBMIT, "the call is under way");

    step = jm_task_step(&t, JM_EVENT_DONE, NOW + 9000);
    ok(step.action == JM_ACTION_FINISH && t.state == JM_TASK_DONE,
       "its answer has the pictures");
    is_int(t.polls, 0, "no query was made");

    start(&t, 0);
    step = jm_task_step(&t, JM_EVENT_TRANSIENT, NOW + 9000);
    ok(step.action == JM_ACTION_FAIL && step.cause == JM_CAUSE_NONE,
       "it failed, and is not to be retried");

    start(&t, 1);
    step = jm_task_step(&t, JM_EVENT_TRANSIENT, NOW + 9000);
    ok(step.action == JM_ACTION_SUBMIT && step.delay == TIMEOUT - 9000,
       "it is, for the time that is left");
    is_int(t.retried, 1, "that is counted");

    start(&t, 1);
    step = jm_task_step(&t, JM_EVENT_TRANSIENT, NOW + 31000);
    ok(step.action == JM_ACTION_FAIL && step.cause == JM_CAUSE_NONE,
       "there is no time for another of this length");
}


/* what another request has brought is there at once, or after a wait */

static void
test_joined(void)
{
    jm_task_t         t;
    jm_step_t         step;
    jm_task_limits_t  limits;

    memset(&limits, 0, sizeof(jm_task_limits_t));

    limits.timeout = TIMEOUT;
    limits.single = 1;

    jm_task_init(&t, &limits, NOW);
    step = jm_task_step(&t, JM_EVENT_DONE, NOW);
    ok(step.action == JM_ACTION_FINISH && t.state == JM_TASK_DONE,
       "it was kept");

    jm_task_init(&t, &limits, NOW);
    jm_task_step(&t, JM_EVENT_HELD, NOW);
    step = jm_task_step(&t, JM_EVENT_DONE, NOW + 5000);
    ok(step.action == JM_ACTION_FINISH && t.state == JM_TASK_DONE,
       "it was waited for");
}


static void
test_late(void)
{
    jm_task_t  t;
    jm_step_t  step;

    start(&t, 3);

    step = jm_task_step(&t, JM_EVENT_TIMER, NOW + TIMEOUT);
    is_int(step.action, JM_ACTION_TAKE_BACK, "it is late");

    step = jm_task_step(&t, JM_EVENT_SENT, NOW + TIMEOUT);
    ok(step.action == JM_ACTION_FAIL
       && step.cause == JM_CAUSE_GENERATION_TIMEOUT,
       "its client is told when it cannot be taken back");

    step = jm_task_follow(&t, NOW + TIMEOUT);
    is_int(step.action, JM_ACTION_NONE, "the call goes on by itself");
    is_int(jm_task_holds(&t, 0, 1), 1, "without a timer");

    step = jm_task_step(&t, JM_EVENT_TIMER, NOW + TIMEOUT + 1);
    is_int(step.action, JM_ACTION_TAKE_BACK, "the worker is to exit");
    step = jm_task_step(&t, JM_EVENT_SENT, NOW + TIMEOUT + 1);
    is_int(step.action, JM_ACTION_NONE, "its client is not told again");

    step = jm_task_step(&t, JM_EVENT_BUSY, NOW + TIMEOUT + 2);
    ok(step.action == JM_ACTION_FAIL && step.cause == JM_CAUSE_CLIENT_LEFT,
       "nobody waits for another call");

    start(&t, 3);
    jm_task_step(&t, JM_EVENT_TIMER, NOW + TIMEOUT);
    jm_task_step(&t, JM_EVENT_SENT, NOW + TIMEOUT);
    jm_task_follow(&t, NOW + TIMEOUT);
    step = jm_task_step(&t, JM_EVENT_DONE, NOW + TIMEOUT + 30000);
    is_int(step.action, JM_ACTION_FINISH, "what it brings is seen");
}


static void
test_left(void)
{
    jm_task_t  t;
    jm_step_t  step;

    start(&t, 3);

    step = jm_task_step(&t, JM_EVENT_LEFT, NOW + 1000);
    is_int(step.action, JM_ACTION_TAKE_BACK, "the client has left");

    step = jm_task_step(&t, JM_EVENT_SENT, NOW + 1000);
    is_int(step.action, JM_ACTION_NONE, "the call goes on");

    step = jm_task_step(&t, JM_EVENT_TIMER, NOW + TIMEOUT);
    is_int(step.action, JM_ACTION_TAKE_BACK, "its time is over");
    step = jm_task_step(&t, JM_EVENT_SENT, NOW + TIMEOUT);
    is_int(step.action, JM_ACTION_NONE, "and it goes on");

    step = jm_task_step(&t, JM_EVENT_TRANSIENT, NOW + TIMEOUT);
    is_int(step.action, JM_ACTION_FAIL, "it is not made again");
}


int
main(void)
{
    test_ends();
    test_joined();
    test_late();
    test_left();

    return done_testing();
}
