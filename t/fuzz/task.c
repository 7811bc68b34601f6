
/*
 * The task machine in a simulated world: one clock, one timer, one exchange,
 * a client that may leave at any moment, another request that may have
 * submitted the task, and a remote that bills.  The input decides what happens
 * next.  Whatever it is: a task holds exactly what its state says, is submitted
 * to no effect or once, never again when that is not known, never after the
 * client has left or the deadline, never while it is another's to submit or
 * was submitted there, and once more at most for each task that failed
 * transiently, as often as that was asked for; it is asked for no more often
 * than that was; and it ends by its deadline, or with the exchange that is in
 * flight then, or with errors of the service's own, three in a row over 10
 * seconds.  A submit of which no byte has left is not in flight after the
 * deadline.
 * Where there is a queue it is submitted with a slot only.  One that was
 * given up may be followed, and is never submitted then.
 *
 * Seen failing with each of these taken out of jm_task.c: the look at t->gone
 * in jm_task_refused(), the looks at the deadline in jm_task_pause(),
 * jm_task_backoff(), jm_task_admit() and jm_task_hold(), the one at t->asked;
 * with a failed submit taken for a refused one, with a task that is submitted
 * when it is joined or at the end of a pause in which it is held, and with one
 * that is asked for when it is held.
 */


#include "fuzz.h"
#include "jm_task.h"


#define START     1000000
#define LONGEST   30000         /* milliseconds of one exchange, at most */
#define LATE      75            /* and a timer may be late by */


typedef struct {
    input_t          input;

    jm_task_t        task;
    uint64_t         now;
    uint64_t         begun;         /* its first event */

    unsigned         held;          /* another's to submit, or not begun */
    unsigned         queued;        /* it has a place, and no slot */
    unsigned         slot;
    unsigned         given_up;      /* while the remote is at work on it */
    unsigned         follows;       /* and asked for, for nobody */
    unsigned         timer;
    uint64_t         fires;         /* when the timer does */

    unsigned         exchange;
    unsigned         query;         /* which it is */
    unsigned         sent;          /* whether a byte of it was */
    uint64_t         since;

    unsigned         submits;       /* that the remote took, and bills */
    unsigned         asked;         /* queries for the last of them */
    unsigned         transient;     /* tasks that failed transiently */
    unsigned         internal;      /* errors of the service's own in a row */
    uint64_t         first;         /* of them */
    unsigned         unknown;       /* a submit may have been taken */
    unsigned         gone;
    unsigned         over;
} world_t;


static void happen(world_t *w, jm_event_e event);
static void to_its_end(world_t *w);


static void
arm(world_t *w, uint64_t delay)
{
    check(delay > 0 && w->now + delay <= w->task.deadline);
    check(w->internal == 0 || delay <= JM_TASK_INTERNAL_PAUSE);

    w->timer = 1;
    w->fires = w->now + delay;
}


static void
send_submit(world_t *w, jm_event_e event, uint64_t delay)
{
    if (w->queued) {
        check(event == JM_EVENT_GRANTED);
        w->slot = 1;

    } else {
        check(w->held ? event == JM_EVENT_START
                      : event == JM_EVENT_TIMER
                        || (event == JM_EVENT_TRANSIENT && !w->slot));
    }

    check(w->slot == w->task.limits.queue && !w->follows);

    check(w->submits == 0 && !w->unknown && !w->gone);
    check(w->transient <= w->task.limits.retries);
    check(w->now < w->task.deadline);

    w->held = 0;
    w->queued = 0;
    w->asked = 0;
    w->exchange = 1;
    w->query = 0;
    w->sent = choose(&w->input, 2);
    w->since = w->now;

    arm(w, delay);
    check(w->fires == w->task.deadline);
}


static void
send_query(world_t *w, jm_event_e event)
{
    check(w->held ? event == JM_EVENT_JOINED
                  : event == JM_EVENT_TIMER || event == JM_EVENT_EXITING);

    check(w->submits == 1);
    check(w->now <= jm_max(w->task.deadline, w->begun) + LATE);

    w->asked++;
    check(w->asked <= jm_max(w->task.limits.attempts, 1));

    w->held = 0;
    w->exchange = 1;
    w->query = 1;
    w->sent = 1;
    w->since = w->now;
}


/* the queue grants a slot, or says when to look, or that it is too late */

static void
ask_queue(world_t *w, jm_event_e event)
{
    check(w->task.limits.queue && !w->exchange && !w->timer);
    check(w->queued ? event == JM_EVENT_TIMER || event == JM_EVENT_EXITING
                    : event == JM_EVENT_START || event == JM_EVENT_BUSY
                      || event == JM_EVENT_DENIED
                      || event == JM_EVENT_TRANSIENT);

    w->held = 0;
    w->queued = 1;
    w->slot = 0;

    switch (choose(&w->input, 8)) {

    case 0:
    case 1:
    case 2:
        happen(w, JM_EVENT_GRANTED);
        break;

    case 3:
        happen(w, JM_EVENT_FAILED);
        break;

    default:
        w->task.look = choose(&w->input, 256) * 5;
        happen(w, JM_EVENT_QUEUED);
        break;
    }
}


static void
end(world_t *w, jm_step_t step, jm_event_e event)
{
    w->over = 1;
    w->timer = 0;

    check(w->now <= jm_max(w->task.deadline, w->begun) + LATE + LONGEST);

    if (step.action == JM_ACTION_FINISH) {
        check(w->submits == 1 && event == JM_EVENT_DONE);
        return;
    }

    check((step.cause == JM_CAUSE_NONE)
          == (event == JM_EVENT_FAILED || event == JM_EVENT_TRANSIENT));

    if (event == JM_EVENT_CLOSING) {
        check(step.cause == JM_CAUSE_UNAVAILABLE);

    } else if (step.cause == JM_CAUSE_GENERATION_TIMEOUT) {
        check(w->submits == 1);
        w->given_up = 1;

    } else if (step.cause != JM_CAUSE_NONE) {
        check(w->submits == 0);
        check((step.cause == JM_CAUSE_CLIENT_LEFT) == w->gone);
    }

    /* what was never begun ends for a reason */

    if (event == JM_EVENT_START || event == JM_EVENT_HELD
        || event == JM_EVENT_QUEUED || event == JM_EVENT_GRANTED)
    {
        check(w->now >= w->task.deadline);
    }
}


static void
happen(world_t *w, jm_event_e event)
{
    jm_step_t  step;

    step = jm_task_step(&w->task, event, w->now);

    switch (step.action) {

    case JM_ACTION_QUEUE:
        ask_queue(w, event);
        break;

    case JM_ACTION_SUBMIT:
        send_submit(w, event, step.delay);
        break;

    case JM_ACTION_QUERY:
        send_query(w, event);
        break;

    case JM_ACTION_TIMER:
        check(w->held == (event == JM_EVENT_HELD));
        check(w->queued == (event == JM_EVENT_QUEUED));
        arm(w, step.delay);
        break;

    case JM_ACTION_TAKE_BACK:
        check(w->exchange && !w->query);

        if (!w->sent) {
            w->exchange = 0;
            w->timer = 0;
            happen(w, JM_EVENT_TAKEN_BACK);
            check(w->over);
        }

        break;

    case JM_ACTION_FINISH:
    case JM_ACTION_FAIL:
        end(w, step, event);
        break;

    case JM_ACTION_NONE:
        break;
    }

    check(jm_task_holds(&w->task, w->timer, w->exchange));
}


static void
end_submit(world_t *w)
{
    switch (choose(&w->input, 7)) {

    case 0:
        w->submits++;
        happen(w, JM_EVENT_ACCEPTED);
        break;

    case 1:
        happen(w, JM_EVENT_BUSY);
        break;

    case 2:
        happen(w, JM_EVENT_UNSENT);
        break;

    case 3:
        /* taken, and the answer was lost */
        w->submits++;
        w->unknown = 1;
        happen(w, JM_EVENT_FAILED);
        break;

    case 4:
        w->unknown = 1;
        happen(w, JM_EVENT_FAILED);
        break;

    case 5:
        happen(w, w->slot ? JM_EVENT_DENIED : JM_EVENT_FAILED);
        break;

    default:
        happen(w, JM_EVENT_FAILED);
        break;
    }
}


/* what the service says, and what that is to the task */

static jm_event_e
hear(world_t *w, jm_event_e said, unsigned internal)
{
    unsigned    ended;
    jm_event_e  event;

    event = jm_task_hear(&w->task, said, internal, w->now);

    if (!internal) {
        check(event == said);

        if (event != JM_EVENT_TROUBLE) {
            w->internal = 0;
        }

        return event;
    }

    if (w->internal++ == 0) {
        w->first = w->now;
    }

    ended = w->internal >= 3 && w->now - w->first >= 10000;

    check(event == (ended ? JM_EVENT_FAILED : JM_EVENT_TROUBLE));

    return event;
}


static void
end_query(world_t *w)
{
    static const jm_event_e  events[] = {
        JM_EVENT_PENDING, JM_EVENT_TROUBLE, JM_EVENT_DONE, JM_EVENT_FAILED,
        JM_EVENT_TRANSIENT, JM_EVENT_TROUBLE, JM_EVENT_TROUBLE
    };
    unsigned    i;
    jm_event_e  event;

    i = choose(&w->input, jm_nitems(events));
    event = hear(w, events[i], i > 4);

    /* a task that failed is not billed, and is over for the remote */

    if (event == JM_EVENT_TRANSIENT) {
        w->submits--;
        w->transient++;
    }

    happen(w, event);
}


/* whether the task is to be submitted here, or what has become of it */

static void
look(world_t *w, unsigned what)
{
    switch (what) {

    case 1:
        w->gone = 1;
        happen(w, JM_EVENT_LEFT);
        break;

    case 2:
        happen(w, JM_EVENT_HELD);
        break;

    case 3:
        w->submits++;
        happen(w, JM_EVENT_JOINED);
        break;

    case 4:
        /* another has submitted it, and does not know what came of it */
        w->unknown = 1;
        happen(w, JM_EVENT_FAILED);
        break;

    case 5:
        happen(w, JM_EVENT_EXITING);
        break;

    case 8:
        happen(w, JM_EVENT_CLOSING);
        break;

    default:
        happen(w, JM_EVENT_START);
        break;
    }
}


/* time goes on to the end of the exchange, or to the timer */

static void
go_on(world_t *w)
{
    uint64_t  then;
    unsigned  how;

    then = w->exchange ? w->since + choose(&w->input, 256) * LONGEST / 255
                       : UINT64_MAX;

    if (w->exchange && !(w->timer && w->fires <= then)) {
        w->now = jm_max(w->now, then);
        w->exchange = 0;
        w->timer = 0;

        if (w->query) {
            end_query(w);

        } else {
            check(w->sent || w->now < w->task.deadline);
            end_submit(w);
        }

        return;
    }

    check(w->timer);

    how = choose(&w->input, 64);

    w->timer = 0;
    w->now = jm_max(w->now, w->fires + how / 16 * (LATE / 3));

    if (how % 16 == 1) {
        happen(w, JM_EVENT_EXITING);

    } else if (how % 16 == 2) {
        happen(w, JM_EVENT_CLOSING);
        check(w->over || (w->exchange && w->sent));

    } else if (w->held) {
        look(w, choose(&w->input, 32));

    } else {
        happen(w, JM_EVENT_TIMER);
    }
}


static unsigned
fits(const world_t *w, jm_event_e event)
{
    if (w->over) {
        return 0;
    }

    if (event == JM_EVENT_LEFT
        || ((w->held || w->queued) && event == JM_EVENT_FAILED))
    {
        return 1;
    }

    if (w->queued && (event == JM_EVENT_QUEUED || event == JM_EVENT_GRANTED)) {
        return 1;
    }

    if (w->held) {
        return event <= JM_EVENT_JOINED || event == JM_EVENT_EXITING
               || event == JM_EVENT_CLOSING;
    }

    if (w->timer && !w->exchange) {
        return event >= JM_EVENT_TIMER && event <= JM_EVENT_CLOSING;
    }

    return event == JM_EVENT_FAILED
           || (w->query ? event >= JM_EVENT_PENDING
                          || event == JM_EVENT_CLOSING
                        : event >= JM_EVENT_TIMER
                          && event <= JM_EVENT_UNSENT);
}


/* an event that cannot be now must change nothing */

static void
disturb(world_t *w)
{
    jm_step_t   step;
    jm_task_t   before;
    jm_event_e  event;

    event = choose(&w->input, JM_EVENT_FAILED + 1);

    if (fits(w, event)) {
        return;
    }

    before = w->task;
    step = jm_task_step(&w->task, event, w->now);

    check(step.action == JM_ACTION_NONE);
    check(memcmp(&before, &w->task, sizeof(jm_task_t)) == 0);
}


static void
live(world_t *w)
{
    unsigned          what;
    jm_task_limits_t  limits;

    limits.timeout = 1 + choose(&w->input, 256) * 500;
    limits.interval = choose(&w->input, 256) * 20;
    limits.attempts = choose(&w->input, 256);
    limits.retries = choose(&w->input, 6);
    limits.queue = choose(&w->input, 2);

    w->now = START;
    w->held = 1;
    w->queued = 0;
    w->slot = 0;
    w->given_up = 0;
    w->follows = 0;
    w->timer = 0;
    w->exchange = 0;
    w->submits = 0;
    w->asked = 0;
    w->transient = 0;
    w->internal = 0;
    w->unknown = 0;
    w->gone = 0;
    w->over = 0;

    jm_task_init(&w->task, &limits, w->now);

    check(jm_task_holds(&w->task, 0, 0));

    /* a body may take its time, and be late */

    for ( ;; ) {
        what = choose(&w->input, 32);

        if (what == 6) {
            w->now += choose(&w->input, 256) * 1000;

        } else if (what == 7) {
            disturb(w);

        } else {
            break;
        }
    }

    w->begun = w->now;
    look(w, what);

    to_its_end(w);

    if (w->given_up && choose(&w->input, 2)) {
        w->over = 0;
        w->follows = 1;
        w->gone = 1;
        w->asked = 0;
        w->task.limits.interval += 1000;

        arm(w, jm_task_follow(&w->task, w->now).delay);
        to_its_end(w);

        check(w->now <= w->task.deadline + LATE + LONGEST);
    }

    disturb(w);
}


static void
to_its_end(world_t *w)
{
    while (!w->over) {

        switch (choose(&w->input, 8)) {

        case 6:
            w->gone = 1;
            happen(w, JM_EVENT_LEFT);
            break;

        case 7:
            disturb(w);
            break;

        default:
            go_on(w);
            break;
        }
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    world_t  w;

    memset(&w, 0, sizeof(world_t));

    w.input.data = data;
    w.input.size = size;

    do {
        live(&w);
    } while (w.input.size != 0);

    return 0;
}
