
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_task.h"


static void ngx_http_jimeng_task_looked(void *data);
static void ngx_http_jimeng_task_placed(void *data);
static void ngx_http_jimeng_task_not_let_in(ngx_http_jimeng_task_t *task);
static ngx_uint_t ngx_http_jimeng_task_awaits(ngx_http_jimeng_task_t *task);
static ngx_uint_t ngx_http_jimeng_task_later(ngx_http_jimeng_task_t *task,
    jm_event_e event);
static ngx_uint_t ngx_http_jimeng_task_meanwhile(ngx_http_jimeng_task_t *task);
static void ngx_http_jimeng_task_step(ngx_http_jimeng_task_t *task,
    jm_event_e event, const jm_answer_t *answer);
#if (NGX_DEBUG)
static void ngx_http_jimeng_task_check(ngx_http_jimeng_task_t *task);
#endif
static void ngx_http_jimeng_task_submitted(void *data);
static ngx_int_t ngx_http_jimeng_task_take_back(ngx_http_jimeng_task_t *task);
static ngx_int_t ngx_http_jimeng_task_exchange(ngx_http_jimeng_task_t *task,
    jm_visual_call_e call);
static void ngx_http_jimeng_task_refused(void *data);
static void ngx_http_jimeng_task_answered(ngx_http_jimeng_task_t *task);
static void ngx_http_jimeng_task_timer(ngx_event_t *ev);
static void ngx_http_jimeng_task_timer_later(ngx_http_jimeng_task_t *task);
static ngx_int_t ngx_http_jimeng_task_cancel(ngx_http_jimeng_task_t *task);


/* comes with the events that no answer of the upstream has caused */

static const jm_answer_t  ngx_http_jimeng_no_answer;


ngx_int_t
ngx_http_jimeng_task_init(ngx_http_jimeng_task_t *task,
    ngx_http_jimeng_job_t *job, const jm_task_limits_t *limits)
{
    ngx_http_jimeng_slot_t  *slot;

    slot = &task->slot;

    task->job = job;
    task->log = job->request->connection->log;
    task->ident = (ngx_socket_t) -1;

    task->timer.handler = ngx_http_jimeng_task_timer;
    task->timer.data = task;
    task->timer.log = task->log;

    jm_task_init(&task->task, limits, ngx_current_msec);

    slot->looked.handler = ngx_http_jimeng_task_looked;
    slot->placed.handler = ngx_http_jimeng_task_placed;
    slot->submitted.handler = ngx_http_jimeng_task_submitted;
    slot->refused.handler = ngx_http_jimeng_task_refused;

    slot->looked.data = task;
    slot->placed.data = task;
    slot->submitted.data = task;
    slot->refused.data = task;

    return ngx_http_jimeng_slot_init(slot, job->request, &task->timer,
                                     &job->posted);
}


/*
 * A task that is followed has failed for its client: it keeps only its slot.
 * One that has asked for its place, and has not waited yet, or whether it may
 * be submitted, was not let in so far: its client may be told that it is not.
 */

jm_task_state_e
ngx_http_jimeng_task_state(ngx_http_jimeng_task_t *task)
{
    if (task->follows) {
        return JM_TASK_FAILED;
    }

    if (ngx_http_jimeng_task_awaits(task)
        && (task->task.state == JM_TASK_SUBMIT
            || (task->task.state == JM_TASK_QUEUED && !task->slot.waited)))
    {
        return JM_TASK_ADMIT;
    }

    return task->task.state;
}


/*
 * A task is submitted here, unless another request does or did so: then it is
 * joined as soon as its id is known.
 */

void
ngx_http_jimeng_task_begin(ngx_http_jimeng_task_t *task)
{
    ngx_http_jimeng_admit_look(task);
}


static void
ngx_http_jimeng_task_looked(void *data)
{
    ngx_http_jimeng_task_t *task = data;

    jm_look_e    look;
    jm_event_e   event;
    ngx_uint_t   asked;
    jm_answer_t  answer;

    /* a slot that was adopted is nobody's again */

    if (task->job->ending) {
        ngx_http_jimeng_slot_leave(&task->slot, JM_LEAVE_LOST);
        return;
    }

    ngx_memzero(&answer, sizeof(jm_answer_t));

    asked = (task->job->order.ids != NULL);
    look = ngx_http_jimeng_admit_looked(task);
    event = JM_EVENT_FAILED;

    switch (look) {

    case JM_LOOK_OWN:

        if (asked) {
            ngx_http_jimeng_admit_unknown(task, look, &answer.error);
            break;
        }

        task->own = 1;
        event = JM_EVENT_START;
        break;

    case JM_LOOK_WAIT:
        task->held = 1;
        task->pending = asked;

        /* a single call is at work as long as its submit is */

        task->running = asked && task->slot.look.sending
                        && task->task.limits.single;
        event = JM_EVENT_HELD;
        break;

    case JM_LOOK_TAKEN:
        task->accepted = ngx_current_msec;
        event = JM_EVENT_JOINED;
        break;

    case JM_LOOK_RESULT:
        task->accepted = ngx_current_msec;

        if (ngx_http_jimeng_part_kept(task->slot.look.result, &answer,
                                      &task->slot.mem)
            == NGX_OK
            && ngx_http_jimeng_outcome_pictures(task, &answer) == NGX_OK)
        {
            event = JM_EVENT_DONE;
            break;
        }

        ngx_http_jimeng_admit_unknown(task, JM_LOOK_LOST, &answer.error);
        break;

    default:
        ngx_http_jimeng_admit_unknown(task, look, &answer.error);
    }

    ngx_http_jimeng_task_step(task, event, &answer);

    (void) ngx_http_jimeng_task_meanwhile(task);
}


/* the client has gone */

void
ngx_http_jimeng_task_left(ngx_http_jimeng_task_t *task)
{
    if (!ngx_http_jimeng_task_later(task, JM_EVENT_LEFT)) {
        ngx_http_jimeng_task_step(task, JM_EVENT_LEFT,
                                  &ngx_http_jimeng_no_answer);
    }
}


static void
ngx_http_jimeng_task_placed(void *data)
{
    ngx_http_jimeng_task_t *task = data;

    jm_event_e   event;
    jm_answer_t  failure;

    if (task->slot.op.submitted
        && (task->job->ending || task->slot.meanwhile != JM_EVENT_START
            || ngx_current_msec >= task->task.deadline))
    {
        ngx_http_jimeng_task_not_let_in(task);
    }

    if (task->job->ending) {
        ngx_http_jimeng_slot_stop(&task->slot);
        return;
    }

    /* who waits for it no longer gives its place back */

    if (ngx_http_jimeng_task_meanwhile(task)) {
        return;
    }

    if (ngx_http_jimeng_admit_elsewhere(task)) {
        ngx_http_jimeng_admit(task);
        return;
    }

    event = ngx_http_jimeng_admitted(task, &failure.error);

    ngx_http_jimeng_task_step(task, event, &failure);
}


/* nobody waits for it any more, or it is too late: it is not submitted */

static void
ngx_http_jimeng_task_not_let_in(ngx_http_jimeng_task_t *task)
{
    task->slot.op.submitted = 0;

    if (task->slot.submit.rc == JM_OK) {
        ngx_http_jimeng_submit_unsent(task);
    }
}


/* whether the task goes on only with an answer, which is not there yet */

static ngx_uint_t
ngx_http_jimeng_task_awaits(ngx_http_jimeng_task_t *task)
{
    return task->slot.await.waits || task->slot.parked;
}


/*
 * Keeps an event that came before an answer; of several the one that counts
 * most, which is the last of them in jm_event_e.  Returns whether it was kept.
 */

static ngx_uint_t
ngx_http_jimeng_task_later(ngx_http_jimeng_task_t *task, jm_event_e event)
{
    if (!ngx_http_jimeng_task_awaits(task)) {
        return 0;
    }

    task->slot.meanwhile = ngx_max(task->slot.meanwhile, event);

    return 1;
}


/* returns whether there was one; the task has taken its step */

static ngx_uint_t
ngx_http_jimeng_task_meanwhile(ngx_http_jimeng_task_t *task)
{
    jm_event_e  event;

    event = task->slot.meanwhile;

    if (event == JM_EVENT_START || ngx_http_jimeng_task_awaits(task)) {
        return 0;
    }

    task->slot.meanwhile = JM_EVENT_START;

    ngx_http_jimeng_task_step(task, event, &ngx_http_jimeng_no_answer);

    return 1;
}


/*
 * Does what the core says that comes next, until it is to wait for an event.
 * What is asked of the store goes on in another step, within this one or later.
 */

static void
ngx_http_jimeng_task_step(ngx_http_jimeng_task_t *task, jm_event_e event,
    const jm_answer_t *answer)
{
    jm_step_t  step;

again:

    step = jm_task_step(&task->task, event, ngx_current_msec);

    switch (step.action) {

    case JM_ACTION_QUEUE:
        ngx_http_jimeng_admit(task);
        break;

    case JM_ACTION_SUBMIT:

        /* a submit that has not left when this is over is taken back */

        ngx_add_timer(&task->timer, (ngx_msec_t) step.delay);

        ngx_http_jimeng_submit(task);
        break;

    case JM_ACTION_QUERY:

        if (ngx_http_jimeng_task_exchange(task, JM_VISUAL_QUERY) != NGX_OK) {
            event = JM_EVENT_TROUBLE;
            goto again;
        }

        break;

    case JM_ACTION_TIMER:
        ngx_add_timer(&task->timer, (ngx_msec_t) step.delay);
        break;

    case JM_ACTION_TAKE_BACK:

        event = (ngx_http_jimeng_task_take_back(task) == NGX_OK)
                ? JM_EVENT_TAKEN_BACK : JM_EVENT_SENT;
        goto again;

    case JM_ACTION_FINISH:
        ngx_http_jimeng_task_done(task, answer);
        break;

    case JM_ACTION_FAIL:
        ngx_http_jimeng_task_failed(task, step.cause, answer);
        break;

    default: /* JM_ACTION_NONE */
        break;
    }

#if (NGX_DEBUG)
    ngx_http_jimeng_task_check(task);
#endif
}


#if (NGX_DEBUG)

static void
ngx_http_jimeng_task_check(ngx_http_jimeng_task_t *task)
{
    if (ngx_http_jimeng_task_awaits(task)
        || jm_task_holds(&task->task, task->timer.timer_set,
                         task->exchange != NULL))
    {
        return;
    }

    ngx_log_error(NGX_LOG_ALERT, task->log, 0,
                  "jimeng: task in state %d holds timer:%d exchange:%p",
                  (int) task->task.state, (int) task->timer.timer_set,
                  task->exchange);
}

#endif


static void
ngx_http_jimeng_task_submitted(void *data)
{
    ngx_http_jimeng_task_t *task = data;

    ngx_int_t    rc;
    jm_answer_t  failure;

    rc = ngx_http_jimeng_submit_may(task, &failure.error);

    if (task->job->ending) {

        if (rc == NGX_OK) {
            ngx_http_jimeng_submit_unsent(task);
        }

        return;
    }

    if (rc != NGX_OK) {

        if (task->timer.timer_set) {
            ngx_del_timer(&task->timer);
        }

        ngx_http_jimeng_task_step(task, JM_EVENT_FAILED, &failure);
        return;
    }

    /* what came before its first byte takes it back */

    if (ngx_http_jimeng_task_meanwhile(task)) {
        return;
    }

    if (task->task.limits.single) {
        task->accepted = ngx_current_msec;
    }

    if (ngx_http_jimeng_task_exchange(task, JM_VISUAL_SUBMIT) != NGX_OK) {
        ngx_del_timer(&task->timer);
        ngx_http_jimeng_submit_unsent(task);
        ngx_http_jimeng_task_step(task, JM_EVENT_UNSENT,
                                  &ngx_http_jimeng_no_answer);
        return;
    }

    task->slot.unsent = 0;
}


static ngx_int_t
ngx_http_jimeng_task_take_back(ngx_http_jimeng_task_t *task)
{
    /* there is none yet if it was asked meanwhile whether it may be sent */

    if (task->exchange) {

        if (ngx_http_jimeng_exchange_take_back(task->exchange) != NGX_OK) {
            return NGX_DECLINED;
        }

        ngx_http_jimeng_exchange_destroy(task->exchange);
        task->exchange = NULL;
    }

    ngx_http_jimeng_submit_unsent(task);

    return NGX_OK;
}


static ngx_int_t
ngx_http_jimeng_task_exchange(ngx_http_jimeng_task_t *task,
    jm_visual_call_e call)
{
    ngx_http_jimeng_job_t      *job;
    ngx_http_jimeng_payload_t  *body;

    job = task->job;

    body = (call == JM_VISUAL_SUBMIT) ? &job->order.submit : &task->query;

    task->exchange = ngx_http_jimeng_exchange_start(job->request, job->account,
                                                    call, body, NULL);

    return task->exchange ? NGX_OK : NGX_ERROR;
}


/* the task's exchange has ended */

void
ngx_http_jimeng_task_exchanged(ngx_http_jimeng_task_t *task)
{
    ngx_http_jimeng_exchange_t  *x;

    x = task->exchange;

    if (ngx_http_jimeng_answer_read(x) != JM_OK) {
        ngx_log_error(NGX_LOG_ERR, task->log, 0,
                      "jimeng: no memory to read an answer");
    }

    task->answered = x;
    task->exchange = NULL;

    if (task->timer.timer_set) {
        ngx_del_timer(&task->timer);
    }

    task->job->upstream_time += x->time;

    if (!ngx_http_jimeng_outcome_read(task)) {
        ngx_http_jimeng_task_answered(task);
    }
}


/* it was a submit that was refused, and the queue says how it goes on */

static void
ngx_http_jimeng_task_refused(void *data)
{
    ngx_http_jimeng_task_t *task = data;

    ngx_http_jimeng_admit_again(task);
    ngx_http_jimeng_task_answered(task);

    (void) ngx_http_jimeng_task_meanwhile(task);
}


static void
ngx_http_jimeng_task_answered(ngx_http_jimeng_task_t *task)
{
    jm_event_e                   event;
    ngx_http_jimeng_exchange_t  *x;

    x = task->answered;

    event = ngx_http_jimeng_outcome(task);

    task->answered = NULL;

    if (!task->job->ending) {
        ngx_http_jimeng_task_step(task, event, &x->result);
    }

    /* not earlier: the answer's strings lie in the exchange's pool */

    ngx_http_jimeng_exchange_destroy(x);
}


static void
ngx_http_jimeng_task_timer(ngx_event_t *ev)
{
    ngx_connection_t        *c;
    ngx_http_request_t      *r;
    ngx_http_jimeng_task_t  *task;

    task = ev->data;

    r = task->job->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, c->log, 0,
                   "jimeng timer, polls:%uD", task->task.polls);

    if (ngx_http_jimeng_task_awaits(task)) {
        ngx_http_jimeng_task_timer_later(task);

    } else if (task->task.state == JM_TASK_HELD && !ngx_exiting) {
        ngx_http_jimeng_task_begin(task);

    } else {
        ngx_http_jimeng_task_step(task, ngx_exiting ? JM_EVENT_EXITING
                                                    : JM_EVENT_TIMER,
                                  &ngx_http_jimeng_no_answer);
    }

    ngx_http_jimeng_post(r, &task->job->posted);

    /* nginx runs posted requests after events, and not after timers */

    ngx_http_run_posted_requests(c);
}


/* one that asks for its place is to look once more */

static void
ngx_http_jimeng_task_timer_later(ngx_http_jimeng_task_t *task)
{
    if (task->task.state == JM_TASK_QUEUED) {
        task->slot.missed = 1;
        return;
    }

    (void) ngx_http_jimeng_task_later(task, JM_EVENT_TIMER);
}


/*
 * The worker is about to exit: the client is told now that its task goes on
 * without it, and how to ask for it.  A submit is waited for until the last
 * moment: without its answer nobody knows whether there is a task.
 */

void
ngx_http_jimeng_task_close(ngx_http_jimeng_task_t *task)
{
    if (task->follows || ngx_http_jimeng_task_later(task, JM_EVENT_CLOSING)) {
        return;
    }

    if (task->task.state != JM_TASK_SUBMIT
        && ngx_http_jimeng_task_cancel(task) != NGX_OK)
    {
        return;
    }

    ngx_http_jimeng_task_step(task, JM_EVENT_CLOSING,
                              &ngx_http_jimeng_no_answer);
}


/* a task that is not over does no more; its slot goes with the request */

void
ngx_http_jimeng_task_stop(ngx_http_jimeng_task_t *task)
{
    if (task->timer.timer_set) {
        ngx_del_timer(&task->timer);
    }

    ngx_http_jimeng_slot_stop(&task->slot);

    (void) ngx_http_jimeng_task_cancel(task);
}


/* NGX_DECLINED: its exchange has ended, or cannot be stopped where it is */

static ngx_int_t
ngx_http_jimeng_task_cancel(ngx_http_jimeng_task_t *task)
{
    if (task->exchange == NULL) {
        return NGX_OK;
    }

    if (ngx_http_jimeng_exchange_cancel(task->exchange) != NGX_OK) {
        return NGX_DECLINED;
    }

    ngx_http_jimeng_exchange_destroy(task->exchange);
    task->exchange = NULL;

    return NGX_OK;
}


/* the request is torn down, whatever the task is at */

void
ngx_http_jimeng_task_drop(ngx_http_jimeng_task_t *task)
{
    if (task->timer.timer_set) {
        ngx_del_timer(&task->timer);
    }

    if (task->job->order.ids == NULL
        && (task->task.state == JM_TASK_WAIT
            || task->task.state == JM_TASK_ASK))
    {
        ngx_log_error(NGX_LOG_ERR, task->log, 0,
                      "jimeng: task \"%V\" of account \"%V\" is not "
                      "followed to its end", &task->id,
                      &task->job->account->name);
    }

    /* its subrequest was cleaned up by the client's request, before its pool */

    if (task->exchange) {
        ngx_http_jimeng_exchange_destroy(task->exchange);
    }

    switch (task->task.state) {

    case JM_TASK_SUBMIT:

        if (task->slot.unsent) {
            ngx_http_jimeng_slot_leave(&task->slot, JM_LEAVE_FREE);
            break;
        }

        /* fall through */

    case JM_TASK_WAIT:
    case JM_TASK_ASK:
        ngx_http_jimeng_slot_leave(&task->slot, JM_LEAVE_LOST);
        break;

    default:
        ngx_http_jimeng_slot_leave(&task->slot, JM_LEAVE_FREE);
    }
}
