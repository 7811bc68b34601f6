
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_task.h"


static void ngx_http_jimeng_task_step(ngx_http_jimeng_task_t *task,
    jm_event_e event, const jm_answer_t *answer);
#if (NGX_DEBUG)
static void ngx_http_jimeng_task_check(ngx_http_jimeng_task_t *task);
#endif
static ngx_int_t ngx_http_jimeng_task_submit(ngx_http_jimeng_task_t *task,
    jm_event_e *event, jm_error_t *e);
static ngx_int_t ngx_http_jimeng_task_take_back(ngx_http_jimeng_task_t *task);
static ngx_int_t ngx_http_jimeng_task_exchange(ngx_http_jimeng_task_t *task,
    jm_visual_call_e call);
static void ngx_http_jimeng_task_timer(ngx_event_t *ev);
static ngx_int_t ngx_http_jimeng_task_cancel(ngx_http_jimeng_task_t *task);
static void ngx_http_jimeng_task_finish(ngx_http_jimeng_task_t *task,
    const jm_answer_t *answer);
static void ngx_http_jimeng_task_fail(ngx_http_jimeng_task_t *task,
    jm_cause_e cause, const jm_answer_t *answer);
static ngx_uint_t ngx_http_jimeng_task_follow(ngx_http_jimeng_task_t *task,
    jm_cause_e cause);
static jm_leave_e ngx_http_jimeng_task_leave_how(ngx_http_jimeng_task_t *task,
    jm_cause_e cause);
static ngx_uint_t ngx_http_jimeng_task_is_left(ngx_http_jimeng_task_t *task,
    jm_cause_e cause);
static ngx_uint_t ngx_http_jimeng_task_over(ngx_http_jimeng_task_t *task,
    jm_leave_e how, ngx_uint_t images, ngx_uint_t left);


/* comes with the events that no answer of the upstream has caused */

static const jm_answer_t  ngx_http_jimeng_no_answer;


ngx_int_t
ngx_http_jimeng_task_init(ngx_http_jimeng_task_t *task,
    ngx_http_jimeng_job_t *job, const jm_task_limits_t *limits)
{
    task->job = job;
    task->log = job->request->connection->log;
    task->ident = (ngx_socket_t) -1;

    task->timer.handler = ngx_http_jimeng_task_timer;
    task->timer.data = task;
    task->timer.log = task->log;

    jm_task_init(&task->task, limits, ngx_current_msec);

    return ngx_http_jimeng_slot_init(&task->slot, job->request, &task->timer);
}


/*
 * A task is submitted here, unless another request does or did so: then it is
 * joined as soon as its id is known.
 */

void
ngx_http_jimeng_task_begin(ngx_http_jimeng_task_t *task)
{
    jm_event_e   event;
    jm_answer_t  answer;

    ngx_memzero(&answer, sizeof(jm_answer_t));

    switch (ngx_http_jimeng_admit_look(task)) {

    case JM_LOOK_OWN:
        task->own = 1;
        event = JM_EVENT_START;
        break;

    case JM_LOOK_WAIT:
        event = JM_EVENT_HELD;
        break;

    case JM_LOOK_TAKEN:
        task->accepted = ngx_current_msec;
        ngx_http_jimeng_slot_adopt(&task->slot, task->job->account, &task->id);
        event = JM_EVENT_JOINED;
        break;

    case JM_LOOK_TOLD:
        answer.error = *ngx_http_jimeng_ledger_error(task->job->claim);
        event = JM_EVENT_FAILED;
        break;

    default: /* JM_LOOK_UNKNOWN */

        if (task->job->order.ids && task->id.len == 0) {
            jm_error_set(&answer.error, JM_CAUSE_UPSTREAM, NULL,
                         "This part of the request was never accepted by the "
                         "image provider, as far as is known.");

        } else {
            jm_error_set(&answer.error, JM_CAUSE_OUTCOME_UNKNOWN, NULL, NULL);
        }

        event = JM_EVENT_FAILED;
    }

    ngx_http_jimeng_task_step(task, event, &answer);
}


/* the client has gone */

void
ngx_http_jimeng_task_left(ngx_http_jimeng_task_t *task)
{
    ngx_http_jimeng_task_step(task, JM_EVENT_LEFT,
                              &ngx_http_jimeng_no_answer);
}


/* does what the core says that comes next, until it is to wait for an event */

static void
ngx_http_jimeng_task_step(ngx_http_jimeng_task_t *task, jm_event_e event,
    const jm_answer_t *answer)
{
    jm_step_t    step;
    jm_answer_t  failure;

again:

    step = jm_task_step(&task->task, event, ngx_current_msec);

    switch (step.action) {

    case JM_ACTION_QUEUE:
        event = ngx_http_jimeng_admit(task, &failure.error);
        answer = &failure;
        goto again;

    case JM_ACTION_SUBMIT:

        if (ngx_http_jimeng_task_submit(task, &event, &failure.error)
            != NGX_OK)
        {
            answer = &failure;
            goto again;
        }

        /* a submit that has not left when this is over is taken back */

        ngx_add_timer(&task->timer, (ngx_msec_t) step.delay);
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

        if (ngx_http_jimeng_task_take_back(task) == NGX_OK) {
            event = JM_EVENT_TAKEN_BACK;
            goto again;
        }

        break;

    case JM_ACTION_FINISH:
        ngx_http_jimeng_task_finish(task, answer);
        break;

    case JM_ACTION_FAIL:
        ngx_http_jimeng_task_fail(task, step.cause, answer);
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
    if (jm_task_holds(&task->task, task->timer.timer_set,
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


/*
 * Begins a submit.  NGX_DECLINED: *event says why not, and with JM_EVENT_FAILED
 * *e is what the client is told.
 */

static ngx_int_t
ngx_http_jimeng_task_submit(ngx_http_jimeng_task_t *task, jm_event_e *event,
    jm_error_t *e)
{
    ngx_http_jimeng_settle_t  settle;

    /* a task that failed, and is submitted again, has left these */

    ngx_str_null(&task->id);
    task->code = 0;
    task->running = 0;
    task->strange_logged = 0;

    ngx_http_jimeng_admit_settle(task, &settle);

    if (ngx_http_jimeng_settle_submit(&settle, e) != NGX_OK) {
        *event = JM_EVENT_FAILED;
        return NGX_DECLINED;
    }

    if (ngx_http_jimeng_task_exchange(task, JM_VISUAL_SUBMIT) != NGX_OK) {
        ngx_http_jimeng_ledger_unsent(settle.claim, settle.task);

        *event = JM_EVENT_UNSENT;
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_jimeng_task_take_back(ngx_http_jimeng_task_t *task)
{
    if (ngx_http_jimeng_exchange_take_back(task->exchange) != NGX_OK) {
        return NGX_DECLINED;
    }

    ngx_http_jimeng_exchange_destroy(task->exchange);
    task->exchange = NULL;

    ngx_http_jimeng_ledger_unsent(task->job->claim, task - task->job->tasks);

    return NGX_OK;
}


static ngx_int_t
ngx_http_jimeng_task_exchange(ngx_http_jimeng_task_t *task,
    jm_visual_call_e call)
{
    ngx_http_jimeng_job_t       *job;
    ngx_http_jimeng_payload_t   *body;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    job = task->job;
    jlcf = ngx_http_get_module_loc_conf(job->request, ngx_http_jimeng_module);

    body = (call == JM_VISUAL_SUBMIT) ? &job->order.submit : &task->query;

    task->exchange = ngx_http_jimeng_exchange_start(job->request, &jlcf->uri,
                                                    job->account, call, body,
                                                    NULL);

    return task->exchange ? NGX_OK : NGX_ERROR;
}


/* the task's exchange has ended */

void
ngx_http_jimeng_task_exchanged(ngx_http_jimeng_task_t *task)
{
    jm_event_e                   event;
    jm_answer_t                  answer;
    jm_visual_call_e             call;
    ngx_http_jimeng_exchange_t  *x;

    x = task->exchange;

    call = (task->task.state == JM_TASK_SUBMIT) ? JM_VISUAL_SUBMIT
                                                : JM_VISUAL_QUERY;

    if (ngx_http_jimeng_answer_read(x, call, &answer) != JM_OK) {
        ngx_log_error(NGX_LOG_ERR, task->log, 0,
                      "jimeng: no memory to read an answer");
    }

    task->exchange = NULL;

    if (task->timer.timer_set) {
        ngx_del_timer(&task->timer);
    }

    task->job->upstream_time += x->time;

    event = ngx_http_jimeng_outcome(task, call, &answer, x->time);

    ngx_http_jimeng_task_step(task, event, &answer);

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

    if (task->task.state == JM_TASK_HELD && !ngx_exiting) {
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


/*
 * The worker is about to exit: the client is told now that its task goes on
 * without it, and how to ask for it.  A submit is waited for until the last
 * moment: without its answer nobody knows whether there is a task.
 */

void
ngx_http_jimeng_task_close(ngx_http_jimeng_task_t *task)
{
    if (task->follows) {
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


static void
ngx_http_jimeng_task_finish(ngx_http_jimeng_task_t *task,
    const jm_answer_t *answer)
{
    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, task->log, 0,
                   "jimeng task \"%V\" done, pictures:%uz",
                   &task->id, answer->nurls);

    if (ngx_http_jimeng_task_over(task, JM_LEAVE_OVER, answer->nurls, 0)
        && task->job->order.ids == NULL)
    {
        ngx_http_jimeng_metrics_images(task->job->request, answer->nurls);
    }
}


static void
ngx_http_jimeng_task_fail(ngx_http_jimeng_task_t *task, jm_cause_e cause,
    const jm_answer_t *answer)
{
    ngx_uint_t  left;

    left = ngx_http_jimeng_task_is_left(task, cause);

    if (task->follows) {
        ngx_http_jimeng_task_over(task,
                                  ngx_http_jimeng_task_leave_how(task, cause),
                                  0, left);
        return;
    }

    if (cause == JM_CAUSE_NONE) {
        task->error = answer->error;

    } else if (task->task.retried == 0 || left
               || cause == JM_CAUSE_GENERATION_TIMEOUT)
    {
        ngx_http_jimeng_outcome_error(task, cause);

        /* without a connection there was no number but an older one */

        if (task->code != JM_CODE_SUCCESS && cause != JM_CAUSE_UPSTREAM) {
            task->error.upstream_code = task->code;
        }
    }

    /* else a retry could not be made: the error is that of the task before */

    /* a task that was retried was submitted, and may have been billed */

    if (task->task.retried && !left) {
        task->error.no_retry = 1;
    }

    task->part.error = &task->error;

    if (cause != JM_CAUSE_NONE && cause != JM_CAUSE_CLIENT_LEFT
        && task->job->order.ids == NULL)
    {
        ngx_log_error(NGX_LOG_ERR, task->log, 0,
                      "jimeng: task \"%V\" of account \"%V\" failed after "
                      "%uD queries: %s", &task->id,
                      &task->job->account->name, task->task.polls,
                      task->error.message);
    }

    if (ngx_http_jimeng_task_follow(task, cause)) {
        return;
    }

    ngx_http_jimeng_task_over(task,
                              ngx_http_jimeng_task_leave_how(task, cause), 0,
                              left);
}


/*
 * Whether the upstream's task goes on, and is another worker's to follow; one
 * that is to be submitted again has still got the id of the task before.
 */

static ngx_uint_t
ngx_http_jimeng_task_is_left(ngx_http_jimeng_task_t *task, jm_cause_e cause)
{
    return cause == JM_CAUSE_UNAVAILABLE && task->id.len
           && (task->task.retried == 0 || task->task.asked);
}


/*
 * A task that timed out still takes one of the account's tasks at a time: as
 * long as the upstream is at work on it, it keeps its slot and its share of the
 * client's limits.  Returns whether it is followed for that.
 */

static ngx_uint_t
ngx_http_jimeng_task_follow(ngx_http_jimeng_task_t *task, jm_cause_e cause)
{
    jm_step_t               step;
    ngx_http_jimeng_job_t  *job;

    job = task->job;

    if (cause != JM_CAUSE_GENERATION_TIMEOUT
        || (task->slot.place.serial == 0 && (job->hold == NULL || !task->own)))
    {
        return 0;
    }

    task->follows = 1;
    task->finished = ngx_current_msec;

    job->unfinished--;
    job->following++;

    /* the client's next request would wait for the end of this one */

    job->request->keepalive = 0;

    step = jm_task_follow(&task->task, ngx_current_msec);

    if (task->timer.timer_set) {
        ngx_del_timer(&task->timer);
    }

    ngx_add_timer(&task->timer, (ngx_msec_t) step.delay);

    return 1;
}


/* what becomes of the slot of a task that failed */

static jm_leave_e
ngx_http_jimeng_task_leave_how(ngx_http_jimeng_task_t *task, jm_cause_e cause)
{
    if (task->error.cause == JM_CAUSE_OUTCOME_UNKNOWN) {
        return JM_LEAVE_LOST;
    }

    if (task->id.len == 0) {
        return JM_LEAVE_FREE;
    }

    /* credentials that are refused say nothing of the task */

    return (cause == JM_CAUSE_NONE
            && task->error.cause != JM_CAUSE_UPSTREAM_AUTH)
           ? JM_LEAVE_OVER : JM_LEAVE_LOST;
}


/*
 * Returns whether this was the first to see the end of the upstream's task.
 * One that is left has not ended: who follows it sees that, and counts its
 * pictures.
 */

static ngx_uint_t
ngx_http_jimeng_task_over(ngx_http_jimeng_task_t *task, jm_leave_e how,
    ngx_uint_t images, ngx_uint_t left)
{
    ngx_uint_t                first;
    ngx_http_jimeng_settle_t  settle;

    if (task->follows) {
        task->job->following--;

    } else {
        task->finished = ngx_current_msec;
        task->job->unfinished--;
    }

    if (task->timer.timer_set) {
        ngx_del_timer(&task->timer);
    }

    ngx_http_jimeng_admit_settle(task, &settle);

    settle.how = how;
    settle.images = images;
    settle.left = left ? 1 : 0;

    first = ngx_http_jimeng_settle_over(&settle);

    /* a task that several requests wait for is counted by its submitter */

    if (task->own) {
        ngx_http_jimeng_metrics_over(task->job->request,
                                     &task->job->account->name,
                                     task->part.error ? task->part.error->cause
                                                      : JM_CAUSE_NONE,
                                     task->id.len
                                     ? (ngx_int_t) task->task.polls
                                     : NGX_ERROR,
                                     task->finished - task->accepted);
    }

    return first;
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
    case JM_TASK_WAIT:
    case JM_TASK_ASK:
        ngx_http_jimeng_slot_leave(&task->slot, JM_LEAVE_LOST);
        break;

    default:
        ngx_http_jimeng_slot_leave(&task->slot, JM_LEAVE_FREE);
    }
}
