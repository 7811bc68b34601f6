
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_task.h"


static jm_step_t jm_task_admit(jm_task_t *t, jm_event_e event,
    uint64_t now);
static jm_step_t jm_task_hold(jm_task_t *t, uint64_t now);
static jm_step_t jm_task_start(jm_task_t *t, uint64_t now);
static jm_step_t jm_task_queued(jm_task_t *t, jm_event_e event,
    uint64_t now);
static jm_step_t jm_task_leave(jm_task_t *t, jm_event_e event);
static jm_step_t jm_task_look(jm_task_t *t, uint64_t now);
static jm_step_t jm_task_submit(jm_task_t *t, jm_event_e event,
    uint64_t now);
static jm_step_t jm_task_taken_back(jm_task_t *t, uint64_t now);
static jm_step_t jm_task_again(jm_task_t *t, uint64_t now);
static jm_step_t jm_task_refused(jm_task_t *t, jm_cause_e cause,
    uint32_t times, uint64_t now);
static jm_step_t jm_task_backoff(jm_task_t *t, jm_event_e event,
    uint64_t now);
static jm_step_t jm_task_wait(jm_task_t *t, jm_event_e event);
static jm_step_t jm_task_query(jm_task_t *t);
static jm_step_t jm_task_ask(jm_task_t *t, jm_event_e event, uint64_t now);
static jm_step_t jm_task_pause(jm_task_t *t, uint64_t now);
static jm_step_t jm_task_done(jm_task_t *t);
static jm_step_t jm_task_transient(jm_task_t *t, uint64_t now);
static unsigned jm_task_may_retry(const jm_task_t *t, uint64_t now);
static jm_step_t jm_task_send(jm_task_t *t, uint64_t now);
static jm_step_t jm_task_fail(jm_task_t *t, jm_cause_e cause);
static jm_step_t jm_task_do(jm_action_e action);


void
jm_task_init(jm_task_t *t, const jm_task_limits_t *limits, uint64_t now)
{
    memset(t, 0, sizeof(jm_task_t));

    t->limits = *limits;
    t->state = JM_TASK_ADMIT;
    t->deadline = now + limits->timeout;
}


jm_step_t
jm_task_step(jm_task_t *t, jm_event_e event, uint64_t now)
{
    switch (t->state) {

    case JM_TASK_ADMIT:
    case JM_TASK_HELD:
        return jm_task_admit(t, event, now);

    case JM_TASK_QUEUED:
        return jm_task_queued(t, event, now);

    case JM_TASK_SUBMIT:
        return jm_task_submit(t, event, now);

    case JM_TASK_BACKOFF:
        return jm_task_backoff(t, event, now);

    case JM_TASK_WAIT:
        return jm_task_wait(t, event);

    case JM_TASK_ASK:
        return jm_task_ask(t, event, now);

    case JM_TASK_DONE:
    case JM_TASK_FAILED:
        break;
    }

    return jm_task_do(JM_ACTION_NONE);
}


jm_event_e
jm_task_hear(jm_task_t *t, jm_event_e event, unsigned internal, uint64_t now)
{
    if (event != JM_EVENT_TROUBLE) {
        t->internal = 0;
        return event;
    }

    if (!internal) {
        return event;
    }

    if (t->internal == 0) {
        t->internal_at = now;
    }

    t->internal++;

    if (t->internal < JM_TASK_INTERNAL_MAX
        || now - t->internal_at < JM_TASK_INTERNAL_TIME)
    {
        return event;
    }

    return JM_EVENT_FAILED;
}


jm_step_t
jm_task_follow(jm_task_t *t, uint64_t now)
{
    t->gone = 1;
    t->deadline = now + JM_TASK_FOLLOW;
    t->limits.attempts = JM_TASK_UNLIMITED;
    t->limits.retries = 0;

    if (t->limits.single) {
        t->state = JM_TASK_SUBMIT;
        return jm_task_do(JM_ACTION_NONE);
    }

    return jm_task_pause(t, now);
}


unsigned
jm_task_holds(const jm_task_t *t, unsigned timer, unsigned exchange)
{
    switch (t->state) {

    case JM_TASK_HELD:
    case JM_TASK_QUEUED:
    case JM_TASK_BACKOFF:
    case JM_TASK_WAIT:
        return timer && !exchange;

    case JM_TASK_SUBMIT:
        return exchange;

    case JM_TASK_ASK:
        return !timer && exchange;

    default:
        return !timer && !exchange;
    }
}


static jm_step_t
jm_task_admit(jm_task_t *t, jm_event_e event, uint64_t now)
{
    switch (event) {

    case JM_EVENT_START:

        /* its task would be paid for, and nobody would ask for it */

        if (now >= t->deadline) {
            return jm_task_fail(t, JM_CAUSE_REQUEST_TIMEOUT);
        }

        return jm_task_start(t, now);

    case JM_EVENT_HELD:
        return jm_task_hold(t, now);

    case JM_EVENT_JOINED:
        t->accepted = now;
        return jm_task_query(t);

    case JM_EVENT_DONE:
        return jm_task_done(t);

    case JM_EVENT_FAILED:
        return jm_task_fail(t, JM_CAUSE_NONE);

    default:
        return jm_task_leave(t, event);
    }
}


static jm_step_t
jm_task_hold(jm_task_t *t, uint64_t now)
{
    jm_step_t  step;

    /* another request submits it: a repeat finds what became of it */

    if (now >= t->deadline) {
        return jm_task_fail(t, JM_CAUSE_UNAVAILABLE);
    }

    t->state = JM_TASK_HELD;

    step = jm_task_do(JM_ACTION_TIMER);
    step.delay = jm_min(JM_TASK_LOOK, t->deadline - now);

    return step;
}


static jm_step_t
jm_task_start(jm_task_t *t, uint64_t now)
{
    if (!t->limits.queue) {
        return jm_task_send(t, now);
    }

    t->state = JM_TASK_QUEUED;

    return jm_task_do(JM_ACTION_QUEUE);
}


static jm_step_t
jm_task_queued(jm_task_t *t, jm_event_e event, uint64_t now)
{
    switch (event) {

    case JM_EVENT_GRANTED:

        if (now >= t->deadline) {
            return jm_task_look(t, now);
        }

        return jm_task_send(t, now);

    case JM_EVENT_QUEUED:
        return jm_task_look(t, now);

    case JM_EVENT_TIMER:
    case JM_EVENT_EXITING:

        /* a process that shuts down serves those that wait in it */

        return jm_task_do(JM_ACTION_QUEUE);

    case JM_EVENT_FAILED:
        return jm_task_fail(t, JM_CAUSE_NONE);

    default:
        return jm_task_leave(t, event);
    }
}


/* the client or the process goes while nothing is in flight or taken */

static jm_step_t
jm_task_leave(jm_task_t *t, jm_event_e event)
{
    switch (event) {

    case JM_EVENT_EXITING:
    case JM_EVENT_CLOSING:
        return jm_task_fail(t, JM_CAUSE_UNAVAILABLE);

    case JM_EVENT_LEFT:
        t->gone = 1;
        return jm_task_fail(t, JM_CAUSE_CLIENT_LEFT);

    default:
        return jm_task_do(JM_ACTION_NONE);
    }
}


static jm_step_t
jm_task_look(jm_task_t *t, uint64_t now)
{
    jm_step_t  step;

    if (now >= t->deadline) {
        return jm_task_fail(t, t->refusals ? JM_CAUSE_UPSTREAM_RATE_LIMITED
                                           : JM_CAUSE_BUSY);
    }

    step = jm_task_do(JM_ACTION_TIMER);
    step.delay = jm_min(t->look, t->deadline - now);
    step.delay = jm_max(step.delay, 1);

    return step;
}


static jm_step_t
jm_task_submit(jm_task_t *t, jm_event_e event, uint64_t now)
{
    switch (event) {

    case JM_EVENT_ACCEPTED:
        t->accepted = now;
        return jm_task_pause(t, now);

    case JM_EVENT_BUSY:
        t->refusals++;

        if (t->limits.queue) {
            return jm_task_again(t, now);
        }

        return jm_task_refused(t, JM_CAUSE_UPSTREAM_RATE_LIMITED,
                               t->refusals, now);

    case JM_EVENT_DENIED:

        if (!t->limits.queue) {
            return jm_task_fail(t, JM_CAUSE_NONE);
        }

        return jm_task_again(t, now);

    case JM_EVENT_UNSENT:
        t->unsent++;

        if (t->unsent >= JM_TASK_UNSENT_MAX && !t->gone) {
            return jm_task_fail(t, JM_CAUSE_UPSTREAM);
        }

        return jm_task_refused(t, JM_CAUSE_UPSTREAM, t->unsent, now);

    case JM_EVENT_FAILED:
        return jm_task_fail(t, JM_CAUSE_NONE);

    case JM_EVENT_LEFT:
        t->gone = 1;
        return jm_task_do(JM_ACTION_TAKE_BACK);

    case JM_EVENT_TIMER:
    case JM_EVENT_EXITING:
    case JM_EVENT_CLOSING:
        return jm_task_do(JM_ACTION_TAKE_BACK);

    case JM_EVENT_TAKEN_BACK:
        return jm_task_taken_back(t, now);

    case JM_EVENT_SENT:

        /* a submit is answered in a moment, a single call when it is over */

        if (!t->limits.single || t->gone) {
            return jm_task_do(JM_ACTION_NONE);
        }

        return jm_task_fail(t, JM_CAUSE_GENERATION_TIMEOUT);

    case JM_EVENT_DONE:
        return jm_task_done(t);

    case JM_EVENT_TRANSIENT:
        return jm_task_transient(t, now);

    default:
        return jm_task_do(JM_ACTION_NONE);
    }
}


/* nobody waits for it, or it is late, or the process is about to be gone */

static jm_step_t
jm_task_taken_back(jm_task_t *t, uint64_t now)
{
    if (t->gone) {
        return jm_task_fail(t, JM_CAUSE_CLIENT_LEFT);
    }

    return jm_task_fail(t, now >= t->deadline ? JM_CAUSE_UPSTREAM
                                              : JM_CAUSE_UNAVAILABLE);
}


/* the submit was refused, and the queue says when it may be tried again */

static jm_step_t
jm_task_again(jm_task_t *t, uint64_t now)
{
    if (t->gone) {
        return jm_task_fail(t, JM_CAUSE_CLIENT_LEFT);
    }

    return jm_task_start(t, now);
}


/* refused so many times: a pause, or the end if the deadline comes first */

static jm_step_t
jm_task_refused(jm_task_t *t, jm_cause_e cause, uint32_t times, uint64_t now)
{
    jm_step_t  step;

    if (t->gone) {
        return jm_task_fail(t, JM_CAUSE_CLIENT_LEFT);
    }

    step = jm_task_do(JM_ACTION_TIMER);
    step.delay = JM_TASK_BACKOFF_FIRST;

    while (--times > 0 && step.delay < JM_TASK_BACKOFF_LAST) {
        step.delay *= 2;
    }

    step.delay = jm_min(step.delay, JM_TASK_BACKOFF_LAST);

    if (now >= t->deadline || step.delay > t->deadline - now) {
        return jm_task_fail(t, cause);
    }

    t->state = JM_TASK_BACKOFF;
    t->refused = cause;

    return step;
}


static jm_step_t
jm_task_backoff(jm_task_t *t, jm_event_e event, uint64_t now)
{
    switch (event) {

    case JM_EVENT_TIMER:

        if (now >= t->deadline) {
            return jm_task_fail(t, t->refused);
        }

        return jm_task_send(t, now);

    default:
        return jm_task_leave(t, event);
    }
}


static jm_step_t
jm_task_wait(jm_task_t *t, jm_event_e event)
{
    switch (event) {

    case JM_EVENT_TIMER:
    case JM_EVENT_EXITING:
        return jm_task_query(t);

    case JM_EVENT_CLOSING:
        return jm_task_fail(t, JM_CAUSE_UNAVAILABLE);

    case JM_EVENT_LEFT:
        t->gone = 1;
        return jm_task_do(JM_ACTION_NONE);

    default:
        return jm_task_do(JM_ACTION_NONE);
    }
}


static jm_step_t
jm_task_query(jm_task_t *t)
{
    t->state = JM_TASK_ASK;
    t->polls++;
    t->asked++;

    return jm_task_do(JM_ACTION_QUERY);
}


static jm_step_t
jm_task_ask(jm_task_t *t, jm_event_e event, uint64_t now)
{
    switch (event) {

    case JM_EVENT_PENDING:
    case JM_EVENT_TROUBLE:

        if (t->asked >= t->limits.attempts) {
            return jm_task_fail(t, JM_CAUSE_GENERATION_TIMEOUT);
        }

        return jm_task_pause(t, now);

    case JM_EVENT_DONE:
        return jm_task_done(t);

    case JM_EVENT_TRANSIENT:
        return jm_task_transient(t, now);

    case JM_EVENT_FAILED:
        return jm_task_fail(t, JM_CAUSE_NONE);

    case JM_EVENT_CLOSING:
        return jm_task_fail(t, JM_CAUSE_UNAVAILABLE);

    case JM_EVENT_LEFT:
        t->gone = 1;
        return jm_task_do(JM_ACTION_NONE);

    default:
        return jm_task_do(JM_ACTION_NONE);
    }
}


/*
 * There is a task that is being worked on: a pause until the next query, the
 * last of which is sent at the deadline.
 */

static jm_step_t
jm_task_pause(jm_task_t *t, uint64_t now)
{
    jm_step_t  step;

    if (now >= t->deadline) {
        return jm_task_fail(t, JM_CAUSE_GENERATION_TIMEOUT);
    }

    t->state = JM_TASK_WAIT;

    step = jm_task_do(JM_ACTION_TIMER);
    step.delay = jm_min(t->limits.interval, t->deadline - now);
    step.delay = jm_max(step.delay, 1);

    if (t->internal != 0) {
        step.delay = jm_min(step.delay, JM_TASK_INTERNAL_PAUSE);
    }

    return step;
}


static jm_step_t
jm_task_done(jm_task_t *t)
{
    t->state = JM_TASK_DONE;

    return jm_task_do(JM_ACTION_FINISH);
}


static jm_step_t
jm_task_transient(jm_task_t *t, uint64_t now)
{
    if (!jm_task_may_retry(t, now)) {
        return jm_task_fail(t, JM_CAUSE_NONE);
    }

    t->retried++;
    t->asked = 0;

    return jm_task_start(t, now);
}


/* what is paid for is to be seen: the next try may take as long as this one */

static unsigned
jm_task_may_retry(const jm_task_t *t, uint64_t now)
{
    return t->retried < t->limits.retries && !t->gone && now < t->deadline
           && t->deadline - now >= now - t->accepted;
}


static jm_step_t
jm_task_send(jm_task_t *t, uint64_t now)
{
    jm_step_t  step;

    t->state = JM_TASK_SUBMIT;

    if (t->limits.single) {
        t->accepted = now;
    }

    step = jm_task_do(JM_ACTION_SUBMIT);
    step.delay = t->deadline - now;

    return step;
}


static jm_step_t
jm_task_fail(jm_task_t *t, jm_cause_e cause)
{
    jm_step_t  step;

    t->state = JM_TASK_FAILED;

    step = jm_task_do(JM_ACTION_FAIL);
    step.cause = cause;

    return step;
}


static jm_step_t
jm_task_do(jm_action_e action)
{
    jm_step_t  step;

    step.action = action;
    step.cause = JM_CAUSE_NONE;
    step.delay = 0;

    return step;
}
