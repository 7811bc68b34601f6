
/*
 * The life of a task: every event in every state, then the pauses, limits and
 * departures one by one.
 *
 * Guards against a second submit that would be billed; seen failing with
 * jm_task_submit() taking JM_EVENT_FAILED for JM_EVENT_UNSENT, with the look
 * at t->gone taken out of jm_task_refused(), with the one at the deadline
 * taken out of jm_task_pause(), jm_task_admit() and jm_task_hold(), with a task
 * that is submitted when it is joined, or at the end of a pause in which it is
 * held, and with one whose time counts from its start when it was joined.
 */


#include "tap.h"
#include "jm_task.h"


#define TIMEOUT   60000
#define INTERVAL  2000
#define ATTEMPTS  5
#define RETRIES   2
#define NOW       1000000

#define STATES    (JM_TASK_FAILED + 1)
#define EVENTS    (JM_EVENT_FAILED + 1)


/* what an event that does not fit does is not in the table: nothing */

typedef struct {
    jm_task_state_e  state;
    jm_event_e       event;
    jm_task_state_e  next;
    jm_action_e      action;
    jm_cause_e       cause;
    uint64_t         delay;
} step_case_t;


static const step_case_t  step_cases[] = {

    { JM_TASK_ADMIT, JM_EVENT_START,
      JM_TASK_SUBMIT, JM_ACTION_SUBMIT, JM_CAUSE_NONE, TIMEOUT },
    { JM_TASK_ADMIT, JM_EVENT_HELD,
      JM_TASK_HELD, JM_ACTION_TIMER, JM_CAUSE_NONE, 100 },
    { JM_TASK_ADMIT, JM_EVENT_JOINED,
      JM_TASK_ASK, JM_ACTION_QUERY, JM_CAUSE_NONE, 0 },
    { JM_TASK_ADMIT, JM_EVENT_DONE,
      JM_TASK_DONE, JM_ACTION_FINISH, JM_CAUSE_NONE, 0 },
    { JM_TASK_ADMIT, JM_EVENT_EXITING,
      JM_TASK_FAILED, JM_ACTION_FAIL, JM_CAUSE_UNAVAILABLE, 0 },
    { JM_TASK_ADMIT, JM_EVENT_CLOSING,
      JM_TASK_FAILED, JM_ACTION_FAIL, JM_CAUSE_UNAVAILABLE, 0 },
    { JM_TASK_ADMIT, JM_EVENT_LEFT,
      JM_TASK_FAILED, JM_ACTION_FAIL, JM_CAUSE_CLIENT_LEFT, 0 },
    { JM_TASK_ADMIT, JM_EVENT_FAILED,
      JM_TASK_FAILED, JM_ACTION_FAIL, JM_CAUSE_NONE, 0 },

    { JM_TASK_HELD, JM_EVENT_START,
      JM_TASK_SUBMIT, JM_ACTION_SUBMIT, JM_CAUSE_NONE, TIMEOUT },
    { JM_TASK_HELD, JM_EVENT_HELD,
      JM_TASK_HELD, JM_ACTION_TIMER, JM_CAUSE_NONE, 100 },
    { JM_TASK_HELD, JM_EVENT_JOINED,
      JM_TASK_ASK, JM_ACTION_QUERY, JM_CAUSE_NONE, 0 },
    { JM_TASK_HELD, JM_EVENT_DONE,
      JM_TASK_DONE, JM_ACTION_FINISH, JM_CAUSE_NONE, 0 },
    { JM_TASK_HELD, JM_EVENT_EXITING,
      JM_TASK_FAILED, JM_ACTION_FAIL, JM_CAUSE_UNAVAILABLE, 0 },
    { JM_TASK_HELD, JM_EVENT_CLOSING,
      JM_TASK_FAILED, JM_ACTION_FAIL, JM_CAUSE_UNAVAILABLE, 0 },
    { JM_TASK_HELD, JM_EVENT_LEFT,
      JM_TASK_FAILED, JM_ACTION_FAIL, JM_CAUSE_CLIENT_LEFT, 0 },
    { JM_TASK_HELD, JM_EVENT_FAILED,
      JM_TASK_FAILED, JM_ACTION_FAIL, JM_CAUSE_NONE, 0 },

    { JM_TASK_QUEUED, JM_EVENT_GRANTED,
      JM_TASK_SUBMIT, JM_ACTION_SUBMIT, JM_CAUSE_NONE, TIMEOUT },
    { JM_TASK_QUEUED, JM_EVENT_QUEUED,
      JM_TASK_QUEUED, JM_ACTION_TIMER, JM_CAUSE_NONE, 1 },
    { JM_TASK_QUEUED, JM_EVENT_TIMER,
      JM_TASK_QUEUED, JM_ACTION_QUEUE, JM_CAUSE_NONE, 0 },
    { JM_TASK_QUEUED, JM_EVENT_EXITING,
      JM_TASK_QUEUED, JM_ACTION_QUEUE, JM_CAUSE_NONE, 0 },
    { JM_TASK_QUEUED, JM_EVENT_CLOSING,
      JM_TASK_FAILED, JM_ACTION_FAIL, JM_CAUSE_UNAVAILABLE, 0 },
    { JM_TASK_QUEUED, JM_EVENT_LEFT,
      JM_TASK_FAILED, JM_ACTION_FAIL, JM_CAUSE_CLIENT_LEFT, 0 },
    { JM_TASK_QUEUED, JM_EVENT_FAILED,
      JM_TASK_FAILED, JM_ACTION_FAIL, JM_CAUSE_NONE, 0 },

    { JM_TASK_SUBMIT, JM_EVENT_TIMER,
      JM_TASK_SUBMIT, JM_ACTION_TAKE_BACK, JM_CAUSE_NONE, 0 },
    { JM_TASK_SUBMIT, JM_EVENT_EXITING,
      JM_TASK_SUBMIT, JM_ACTION_TAKE_BACK, JM_CAUSE_NONE, 0 },
    { JM_TASK_SUBMIT, JM_EVENT_CLOSING,
      JM_TASK_SUBMIT, JM_ACTION_TAKE_BACK, JM_CAUSE_NONE, 0 },
    { JM_TASK_SUBMIT, JM_EVENT_LEFT,
      JM_TASK_SUBMIT, JM_ACTION_TAKE_BACK, JM_CAUSE_NONE, 0 },
    { JM_TASK_SUBMIT, JM_EVENT_TAKEN_BACK,
      JM_TASK_FAILED, JM_ACTION_FAIL, JM_CAUSE_UNAVAILABLE, 0 },
    { JM_TASK_SUBMIT, JM_EVENT_ACCEPTED,
      JM_TASK_WAIT, JM_ACTION_TIMER, JM_CAUSE_NONE, INTERVAL },
    { JM_TASK_SUBMIT, JM_EVENT_BUSY,
      JM_TASK_BACKOFF, JM_ACTION_TIMER, JM_CAUSE_NONE, 500 },
    { JM_TASK_SUBMIT, JM_EVENT_DENIED,
      JM_TASK_FAILED, JM_ACTION_FAIL, JM_CAUSE_NONE, 0 },
    { JM_TASK_SUBMIT, JM_EVENT_UNSENT,
      JM_TASK_BACKOFF, JM_ACTION_TIMER, JM_CAUSE_NONE, 500 },
    { JM_TASK_SUBMIT, JM_EVENT_DONE,
      JM_TASK_DONE, JM_ACTION_FINISH, JM_CAUSE_NONE, 0 },
    { JM_TASK_SUBMIT, JM_EVENT_TRANSIENT,
      JM_TASK_FAILED, JM_ACTION_FAIL, JM_CAUSE_NONE, 0 },
    { JM_TASK_SUBMIT, JM_EVENT_FAILED,
      JM_TASK_FAILED, JM_ACTION_FAIL, JM_CAUSE_NONE, 0 },

    { JM_TASK_BACKOFF, JM_EVENT_TIMER,
      JM_TASK_SUBMIT, JM_ACTION_SUBMIT, JM_CAUSE_NONE, TIMEOUT },
    { JM_TASK_BACKOFF, JM_EVENT_EXITING,
      JM_TASK_FAILED, JM_ACTION_FAIL, JM_CAUSE_UNAVAILABLE, 0 },
    { JM_TASK_BACKOFF, JM_EVENT_CLOSING,
      JM_TASK_FAILED, JM_ACTION_FAIL, JM_CAUSE_UNAVAILABLE, 0 },
    { JM_TASK_BACKOFF, JM_EVENT_LEFT,
      JM_TASK_FAILED, JM_ACTION_FAIL, JM_CAUSE_CLIENT_LEFT, 0 },

    { JM_TASK_WAIT, JM_EVENT_TIMER,
      JM_TASK_ASK, JM_ACTION_QUERY, JM_CAUSE_NONE, 0 },
    { JM_TASK_WAIT, JM_EVENT_EXITING,
      JM_TASK_ASK, JM_ACTION_QUERY, JM_CAUSE_NONE, 0 },
    { JM_TASK_WAIT, JM_EVENT_CLOSING,
      JM_TASK_FAILED, JM_ACTION_FAIL, JM_CAUSE_UNAVAILABLE, 0 },
    { JM_TASK_WAIT, JM_EVENT_LEFT,
      JM_TASK_WAIT, JM_ACTION_NONE, JM_CAUSE_NONE, 0 },

    { JM_TASK_ASK, JM_EVENT_CLOSING,
      JM_TASK_FAILED, JM_ACTION_FAIL, JM_CAUSE_UNAVAILABLE, 0 },
    { JM_TASK_ASK, JM_EVENT_LEFT,
      JM_TASK_ASK, JM_ACTION_NONE, JM_CAUSE_NONE, 0 },
    { JM_TASK_ASK, JM_EVENT_PENDING,
      JM_TASK_WAIT, JM_ACTION_TIMER, JM_CAUSE_NONE, INTERVAL },
    { JM_TASK_ASK, JM_EVENT_TROUBLE,
      JM_TASK_WAIT, JM_ACTION_TIMER, JM_CAUSE_NONE, INTERVAL },
    { JM_TASK_ASK, JM_EVENT_DONE,
      JM_TASK_DONE, JM_ACTION_FINISH, JM_CAUSE_NONE, 0 },
    { JM_TASK_ASK, JM_EVENT_TRANSIENT,
      JM_TASK_SUBMIT, JM_ACTION_SUBMIT, JM_CAUSE_NONE, TIMEOUT },
    { JM_TASK_ASK, JM_EVENT_FAILED,
      JM_TASK_FAILED, JM_ACTION_FAIL, JM_CAUSE_NONE, 0 }
};


static const char  *state_names[] = {
    "ADMIT", "HELD", "QUEUED", "SUBMIT", "BACKOFF", "WAIT", "ASK", "DONE",
    "FAILED"
};

static const char  *event_names[] = {
    "START", "HELD", "JOINED", "QUEUED", "GRANTED", "TIMER", "EXITING",
    "CLOSING", "LEFT", "TAKEN_BACK", "SENT", "ACCEPTED", "BUSY", "DENIED",
    "UNSENT", "PENDING", "TROUBLE", "DONE", "TRANSIENT", "FAILED"
};


/* brings a new task to a state by the shortest way, all of it at NOW */

static void
start(jm_task_t *t, jm_task_state_e state)
{
    size_t                   i;
    static const jm_event_e  ways[STATES][5] = {
        [JM_TASK_ADMIT] = { EVENTS },
        [JM_TASK_HELD] = { JM_EVENT_HELD, EVENTS },
        [JM_TASK_QUEUED] = { JM_EVENT_START, EVENTS },
        [JM_TASK_SUBMIT] = { JM_EVENT_START, EVENTS },
        [JM_TASK_BACKOFF] = { JM_EVENT_START, JM_EVENT_BUSY, EVENTS },
        [JM_TASK_WAIT] = { JM_EVENT_START, JM_EVENT_ACCEPTED, EVENTS },
        [JM_TASK_ASK] = { JM_EVENT_START, JM_EVENT_ACCEPTED,
                          JM_EVENT_TIMER, EVENTS },
        [JM_TASK_DONE] = { JM_EVENT_START, JM_EVENT_ACCEPTED,
                           JM_EVENT_TIMER, JM_EVENT_DONE, EVENTS },
        [JM_TASK_FAILED] = { JM_EVENT_START, JM_EVENT_FAILED, EVENTS }
    };
    jm_task_limits_t         limits = { TIMEOUT, INTERVAL, ATTEMPTS, RETRIES,
                                        0, 0 };

    limits.queue = (state == JM_TASK_QUEUED);

    jm_task_init(t, &limits, NOW);

    for (i = 0; i < 5 && ways[state][i] != (jm_event_e) EVENTS; i++) {
        jm_task_step(t, ways[state][i], NOW);
    }
}


static const step_case_t *
find(jm_task_state_e state, jm_event_e event)
{
    size_t  i;

    for (i = 0; i < jm_nitems(step_cases); i++) {
        if (step_cases[i].state == state && step_cases[i].event == event) {
            return &step_cases[i];
        }
    }

    return NULL;
}


static void
test_table(void)
{
    jm_task_t           t, before;
    jm_step_t           step;
    jm_event_e          event;
    jm_task_state_e     state;
    const step_case_t  *c;

    for (state = JM_TASK_ADMIT; state <= JM_TASK_FAILED; state++) {
        for (event = JM_EVENT_START; event <= JM_EVENT_FAILED; event++) {

            start(&t, state);
            before = t;

            if (!ok(t.state == state, "a task in %s", state_names[state])) {
                continue;
            }

            step = jm_task_step(&t, event, NOW);
            c = find(state, event);

            if (c == NULL) {
                ok(step.action == JM_ACTION_NONE
                   && memcmp(&t, &before, sizeof(jm_task_t)) == 0,
                   "%s does nothing in %s", event_names[event],
                   state_names[state]);
                continue;
            }

            ok(t.state == c->next && step.action == c->action
               && step.cause == c->cause && step.delay == c->delay,
               "%s in %s leads to %s, action %d: %s, action %d, cause %d, "
               "delay %llu", event_names[event], state_names[state],
               state_names[c->next], c->action, state_names[t.state],
               step.action, step.cause, (unsigned long long) step.delay);
        }
    }
}


static void
test_holds(void)
{
    unsigned               i;
    jm_task_t              t;
    jm_task_state_e        state;
    static const unsigned  wanted[STATES] = { 0, 1, 1, 2, 1, 1, 2, 0, 0 };

    /* a submit may have both: its deadline is to come */


    for (state = JM_TASK_ADMIT; state <= JM_TASK_FAILED; state++) {
        start(&t, state);

        for (i = 0; i < 4; i++) {
            is_int(jm_task_holds(&t, i & 1, i >> 1 & 1),
                   i == wanted[state] || (state == JM_TASK_SUBMIT && i == 3),
                   "%s with%s a timer, with%s an exchange",
                   state_names[state], i & 1 ? "" : "out",
                   i & 2 ? "" : "out");
        }
    }
}


/* a task that may be another's to submit, before and at its deadline */

static void
test_held(void)
{
    jm_task_t        t;
    jm_step_t        step;
    jm_task_state_e  state;

    for (state = JM_TASK_ADMIT; state <= JM_TASK_HELD; state++) {
        start(&t, state);
        step = jm_task_step(&t, JM_EVENT_START, NOW + TIMEOUT - 1);
        is_int(step.action, JM_ACTION_SUBMIT,
               "%s: submitted as long as there is time", state_names[state]);

        start(&t, state);
        step = jm_task_step(&t, JM_EVENT_START, NOW + TIMEOUT);
        ok(step.action == JM_ACTION_FAIL
           && step.cause == JM_CAUSE_REQUEST_TIMEOUT,
           "%s: at the deadline no more", state_names[state]);

        start(&t, state);
        step = jm_task_step(&t, JM_EVENT_HELD, NOW + TIMEOUT - 7);
        ok(step.action == JM_ACTION_TIMER && step.delay == 7
           && t.state == JM_TASK_HELD,
           "%s: the last pause ends at the deadline", state_names[state]);

        step = jm_task_step(&t, JM_EVENT_HELD, NOW + TIMEOUT);
        ok(step.action == JM_ACTION_FAIL
           && step.cause == JM_CAUSE_UNAVAILABLE,
           "%s: nothing was submitted here until then", state_names[state]);

        start(&t, state);
        step = jm_task_step(&t, JM_EVENT_JOINED, NOW + TIMEOUT + 7);
        ok(step.action == JM_ACTION_QUERY && t.polls == 1,
           "%s: a task that there is is asked for even then",
           state_names[state]);

        step = jm_task_step(&t, JM_EVENT_TROUBLE, NOW + TIMEOUT + 8);
        ok(step.action == JM_ACTION_FAIL
           && step.cause == JM_CAUSE_GENERATION_TIMEOUT, "%s: once",
           state_names[state]);
    }

    start(&t, JM_TASK_HELD);
    step = jm_task_step(&t, JM_EVENT_TIMER, NOW + JM_TASK_LOOK);
    ok(step.action == JM_ACTION_NONE && t.state == JM_TASK_HELD,
       "the end of a pause does not make it ours");
    step = jm_task_step(&t, JM_EVENT_HELD, NOW + JM_TASK_LOOK);
    ok(step.action == JM_ACTION_TIMER && step.delay == JM_TASK_LOOK,
       "it is held on");
    step = jm_task_step(&t, JM_EVENT_START, NOW + 2 * JM_TASK_LOOK);
    is_int(step.action, JM_ACTION_SUBMIT, "until it is");
    step = jm_task_step(&t, JM_EVENT_HELD, NOW + 2 * JM_TASK_LOOK);
    is_int(step.action, JM_ACTION_NONE, "and then is not held again");
}


/* as a client asks that does not wait: one query of a task that there is */

static void
test_once(void)
{
    size_t                         i;
    jm_task_t                      t;
    jm_step_t                      step;
    static const jm_event_e        ends[] = {
        JM_EVENT_PENDING, JM_EVENT_TROUBLE, JM_EVENT_DONE, JM_EVENT_FAILED,
        JM_EVENT_TRANSIENT
    };
    static const jm_cause_e        causes[] = {
        JM_CAUSE_GENERATION_TIMEOUT, JM_CAUSE_GENERATION_TIMEOUT,
        JM_CAUSE_NONE, JM_CAUSE_NONE, JM_CAUSE_NONE
    };
    static const jm_task_limits_t  limits = { TIMEOUT, INTERVAL, 1, 0, 0,
                                              0 };

    for (i = 0; i < jm_nitems(ends); i++) {
        jm_task_init(&t, &limits, NOW);

        step = jm_task_step(&t, JM_EVENT_JOINED, NOW);
        is_int(step.action, JM_ACTION_QUERY, "one query");

        step = jm_task_step(&t, ends[i], NOW + 1);
        ok(step.action == (ends[i] == JM_EVENT_DONE ? JM_ACTION_FINISH
                                                    : JM_ACTION_FAIL)
           && step.cause == causes[i] && t.polls == 1,
           "whose %s is the end: action %d, cause %d", event_names[ends[i]],
           step.action, step.cause);
    }
}


static void
test_joined(void)
{
    jm_task_t  t;
    jm_step_t  step;

    start(&t, JM_TASK_HELD);
    jm_task_step(&t, JM_EVENT_JOINED, NOW);
    step = jm_task_step(&t, JM_EVENT_PENDING, NOW + 1);
    ok(step.action == JM_ACTION_TIMER && step.delay == INTERVAL,
       "a task that was joined is polled on");

    step = jm_task_step(&t, JM_EVENT_LEFT, NOW + 2);
    ok(step.action == JM_ACTION_NONE && t.state == JM_TASK_WAIT,
       "also when the client has left");

    step = jm_task_step(&t, JM_EVENT_TIMER, NOW + INTERVAL);
    is_int(step.action, JM_ACTION_QUERY, "at the end of the pause");
    step = jm_task_step(&t, JM_EVENT_DONE, NOW + INTERVAL);
    is_int(step.action, JM_ACTION_FINISH, "to its end");

    start(&t, JM_TASK_HELD);
    jm_task_step(&t, JM_EVENT_JOINED, NOW + TIMEOUT / 2);
    step = jm_task_step(&t, JM_EVENT_TRANSIENT, NOW + TIMEOUT / 4 * 3);
    is_int(step.action, JM_ACTION_SUBMIT,
           "its time counts from when it was joined");

    start(&t, JM_TASK_ADMIT);
    jm_task_step(&t, JM_EVENT_JOINED, NOW + TIMEOUT / 2);
    step = jm_task_step(&t, JM_EVENT_TRANSIENT, NOW + TIMEOUT / 4 * 3 + 1);
    ok(step.action == JM_ACTION_FAIL && step.cause == JM_CAUSE_NONE,
       "a next try may take as long");
}


static void
test_busy(void)
{
    size_t                 i;
    uint64_t               now;
    jm_task_t              t;
    jm_step_t              step;
    static const uint64_t  delays[] = {
        500, 1000, 2000, 4000, 8000, 8000, 8000, 8000, 8000, 8000, 8000
    };

    start(&t, JM_TASK_SUBMIT);
    now = NOW;

    for (i = 0; i < jm_nitems(delays); i++) {
        step = jm_task_step(&t, JM_EVENT_BUSY, now);

        if (now + delays[i] > NOW + TIMEOUT) {
            break;
        }

        is_int((int64_t) step.delay, (int64_t) delays[i],
               "pause %zu before a refused submit", i + 1);

        now += step.delay;
        step = jm_task_step(&t, JM_EVENT_TIMER, now);

        is_int(step.action, JM_ACTION_SUBMIT, "then a submit");
    }

    ok(i == 10 && step.action == JM_ACTION_FAIL
       && step.cause == JM_CAUSE_UPSTREAM_RATE_LIMITED
       && now < NOW + TIMEOUT,
       "no pause that would end past the deadline");

    start(&t, JM_TASK_SUBMIT);
    step = jm_task_step(&t, JM_EVENT_BUSY, NOW + TIMEOUT - 500);
    is_int(step.action, JM_ACTION_TIMER, "one that ends at the deadline");

    step = jm_task_step(&t, JM_EVENT_TIMER, NOW + TIMEOUT);
    ok(step.action == JM_ACTION_FAIL
       && step.cause == JM_CAUSE_UPSTREAM_RATE_LIMITED,
       "after which nothing is sent");

    start(&t, JM_TASK_SUBMIT);
    step = jm_task_step(&t, JM_EVENT_BUSY, NOW + TIMEOUT + 7);
    ok(step.action == JM_ACTION_FAIL
       && step.cause == JM_CAUSE_UPSTREAM_RATE_LIMITED,
       "a refusal past the deadline");
}


static void
test_unsent(void)
{
    jm_task_t  t;
    jm_step_t  step;

    start(&t, JM_TASK_SUBMIT);

    step = jm_task_step(&t, JM_EVENT_UNSENT, NOW);
    is_int((int64_t) step.delay, 500, "no connection: a pause");
    jm_task_step(&t, JM_EVENT_TIMER, NOW + 500);

    step = jm_task_step(&t, JM_EVENT_UNSENT, NOW + 500);
    is_int((int64_t) step.delay, 1000, "again: a longer one");
    step = jm_task_step(&t, JM_EVENT_TIMER, NOW + 1500);
    is_int(step.action, JM_ACTION_SUBMIT, "a third submit");

    step = jm_task_step(&t, JM_EVENT_UNSENT, NOW + 1500);
    ok(step.action == JM_ACTION_FAIL && step.cause == JM_CAUSE_UPSTREAM,
       "was the last");

    start(&t, JM_TASK_SUBMIT);
    jm_task_step(&t, JM_EVENT_UNSENT, NOW);
    step = jm_task_step(&t, JM_EVENT_TIMER, NOW + TIMEOUT);
    ok(step.action == JM_ACTION_FAIL && step.cause == JM_CAUSE_UPSTREAM,
       "a timer past the deadline: no connection was the reason");

    start(&t, JM_TASK_BACKOFF);
    jm_task_step(&t, JM_EVENT_TIMER, NOW + 500);
    jm_task_step(&t, JM_EVENT_UNSENT, NOW + 500);
    jm_task_step(&t, JM_EVENT_TIMER, NOW + 1000);
    jm_task_step(&t, JM_EVENT_BUSY, NOW + 1000);
    step = jm_task_step(&t, JM_EVENT_TIMER, NOW + TIMEOUT);
    is_int(step.cause, JM_CAUSE_UPSTREAM_RATE_LIMITED,
           "the last of several reasons counts");

    start(&t, JM_TASK_SUBMIT);
    step = jm_task_step(&t, JM_EVENT_UNSENT, NOW + TIMEOUT - 499);
    ok(step.action == JM_ACTION_FAIL && step.cause == JM_CAUSE_UPSTREAM,
       "no pause that would end past the deadline");
}


static void
test_polling(void)
{
    uint32_t   i;
    uint64_t   now;
    jm_task_t  t;
    jm_step_t  step;

    start(&t, JM_TASK_WAIT);
    now = NOW;

    for (i = 0; i < ATTEMPTS; i++) {
        now += INTERVAL;
        jm_task_step(&t, JM_EVENT_TIMER, now);
        step = jm_task_step(&t, i % 2 ? JM_EVENT_PENDING : JM_EVENT_TROUBLE,
                            now);
    }

    ok(t.polls == ATTEMPTS && step.action == JM_ACTION_FAIL
       && step.cause == JM_CAUSE_GENERATION_TIMEOUT,
       "given up after so many queries");

    start(&t, JM_TASK_ASK);
    step = jm_task_step(&t, JM_EVENT_PENDING, NOW + TIMEOUT - 1);
    ok(step.action == JM_ACTION_TIMER && step.delay == 1,
       "the last pause ends at the deadline");
    step = jm_task_step(&t, JM_EVENT_TIMER, NOW + TIMEOUT);
    is_int(step.action, JM_ACTION_QUERY, "when one more query is sent");
    step = jm_task_step(&t, JM_EVENT_TROUBLE, NOW + TIMEOUT + 100);
    ok(step.action == JM_ACTION_FAIL
       && step.cause == JM_CAUSE_GENERATION_TIMEOUT, "which is the last");

    start(&t, JM_TASK_ASK);
    jm_task_step(&t, JM_EVENT_PENDING, NOW + TIMEOUT - 1);
    jm_task_step(&t, JM_EVENT_TIMER, NOW + TIMEOUT);
    step = jm_task_step(&t, JM_EVENT_DONE, NOW + TIMEOUT + 100);
    is_int(step.action, JM_ACTION_FINISH, "a picture past the deadline");

    start(&t, JM_TASK_SUBMIT);
    step = jm_task_step(&t, JM_EVENT_ACCEPTED, NOW + TIMEOUT - 10);
    is_int((int64_t) step.delay, 10, "accepted shortly before the deadline");

    start(&t, JM_TASK_SUBMIT);
    step = jm_task_step(&t, JM_EVENT_ACCEPTED, NOW + TIMEOUT);
    ok(step.action == JM_ACTION_FAIL
       && step.cause == JM_CAUSE_GENERATION_TIMEOUT, "accepted at it");

    start(&t, JM_TASK_SUBMIT);
    t.limits.interval = 0;
    step = jm_task_step(&t, JM_EVENT_ACCEPTED, NOW);
    is_int((int64_t) step.delay, 1, "a pause is never nothing");
}


static void
test_leaving(void)
{
    size_t                   i;
    jm_task_t                t;
    jm_step_t                step;
    static const jm_event_e  ends[] = {
        JM_EVENT_TAKEN_BACK, JM_EVENT_BUSY, JM_EVENT_UNSENT
    };

    for (i = 0; i < jm_nitems(ends); i++) {
        start(&t, JM_TASK_SUBMIT);
        jm_task_step(&t, JM_EVENT_LEFT, NOW);
        step = jm_task_step(&t, ends[i], NOW);

        ok(step.action == JM_ACTION_FAIL
           && step.cause == JM_CAUSE_CLIENT_LEFT,
           "%s after the client has left is the end",
           event_names[ends[i]]);
    }

    start(&t, JM_TASK_SUBMIT);
    jm_task_step(&t, JM_EVENT_UNSENT, NOW);
    jm_task_step(&t, JM_EVENT_TIMER, NOW + 500);
    jm_task_step(&t, JM_EVENT_UNSENT, NOW + 500);
    jm_task_step(&t, JM_EVENT_TIMER, NOW + 1500);
    jm_task_step(&t, JM_EVENT_LEFT, NOW + 1500);
    step = jm_task_step(&t, JM_EVENT_UNSENT, NOW + 1500);
    is_int(step.cause, JM_CAUSE_CLIENT_LEFT, "the last UNSENT too");

    start(&t, JM_TASK_SUBMIT);
    jm_task_step(&t, JM_EVENT_LEFT, NOW);
    step = jm_task_step(&t, JM_EVENT_ACCEPTED, NOW);
    ok(t.gone && step.action == JM_ACTION_TIMER && t.state == JM_TASK_WAIT,
       "what was accepted is polled on");
    jm_task_step(&t, JM_EVENT_TIMER, NOW + INTERVAL);
    step = jm_task_step(&t, JM_EVENT_DONE, NOW + INTERVAL);
    is_int(step.action, JM_ACTION_FINISH, "to its end");

    start(&t, JM_TASK_SUBMIT);
    jm_task_step(&t, JM_EVENT_LEFT, NOW);
    step = jm_task_step(&t, JM_EVENT_FAILED, NOW);
    ok(step.action == JM_ACTION_FAIL && step.cause == JM_CAUSE_NONE,
       "what failed failed");
}


/* a submit that has not left at its deadline is taken back */

static void
test_taken_back(void)
{
    jm_task_t  t;
    jm_step_t  step;

    start(&t, JM_TASK_BACKOFF);
    step = jm_task_step(&t, JM_EVENT_TIMER, NOW + TIMEOUT - 7);
    ok(step.action == JM_ACTION_SUBMIT && step.delay == 7,
       "a submit has the time that is left");

    step = jm_task_step(&t, JM_EVENT_TIMER, NOW + TIMEOUT);
    is_int(step.action, JM_ACTION_TAKE_BACK, "when that is over");

    step = jm_task_step(&t, JM_EVENT_TAKEN_BACK, NOW + TIMEOUT);
    ok(step.action == JM_ACTION_FAIL && step.cause == JM_CAUSE_UPSTREAM,
       "nothing was ordered");

    start(&t, JM_TASK_SUBMIT);
    jm_task_step(&t, JM_EVENT_TIMER, NOW + TIMEOUT);
    step = jm_task_step(&t, JM_EVENT_ACCEPTED, NOW + TIMEOUT + 1);
    ok(step.action == JM_ACTION_FAIL
       && step.cause == JM_CAUSE_GENERATION_TIMEOUT,
       "what has left is waited for");
}


/* a task that failed transiently is submitted again, as often as was asked */

static void
test_transient(void)
{
    size_t     i;
    jm_task_t  t;
    jm_step_t  step;

    start(&t, JM_TASK_ASK);

    for (i = 0; i < RETRIES; i++) {
        step = jm_task_step(&t, JM_EVENT_TRANSIENT, NOW);
        ok(step.action == JM_ACTION_SUBMIT && t.state == JM_TASK_SUBMIT,
           "retry %zu: submitted again", i + 1);

        jm_task_step(&t, JM_EVENT_ACCEPTED, NOW);
        jm_task_step(&t, JM_EVENT_TIMER, NOW);
    }

    step = jm_task_step(&t, JM_EVENT_TRANSIENT, NOW);
    ok(step.action == JM_ACTION_FAIL && step.cause == JM_CAUSE_NONE,
       "no retry is left: the answer's error");
    is_int(t.polls, RETRIES + 1, "all queries are counted");

    start(&t, JM_TASK_ASK);

    for (i = 1; i < ATTEMPTS; i++) {
        jm_task_step(&t, JM_EVENT_PENDING, NOW);
        jm_task_step(&t, JM_EVENT_TIMER, NOW);
    }

    jm_task_step(&t, JM_EVENT_TRANSIENT, NOW);
    jm_task_step(&t, JM_EVENT_ACCEPTED, NOW);
    jm_task_step(&t, JM_EVENT_TIMER, NOW);
    step = jm_task_step(&t, JM_EVENT_PENDING, NOW);
    is_int(step.action, JM_ACTION_TIMER, "each submit has all its queries");

    start(&t, JM_TASK_ASK);
    jm_task_step(&t, JM_EVENT_LEFT, NOW);
    step = jm_task_step(&t, JM_EVENT_TRANSIENT, NOW);
    is_int(step.action, JM_ACTION_FAIL, "the client has left: no retry");

    start(&t, JM_TASK_ASK);
    step = jm_task_step(&t, JM_EVENT_TRANSIENT, NOW + TIMEOUT);
    ok(step.action == JM_ACTION_FAIL && step.cause == JM_CAUSE_NONE,
       "no time is left: no retry");
}


int
main(void)
{
    test_table();
    test_holds();
    test_held();
    test_once();
    test_joined();
    test_busy();
    test_unsent();
    test_polling();
    test_leaving();
    test_taken_back();
    test_transient();

    return done_testing();
}
