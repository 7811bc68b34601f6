
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_task.h"


/* queries refused in a row, and milliseconds between them, at most */

#define NGX_HTTP_JIMENG_DENIED        3
#define NGX_HTTP_JIMENG_DENIED_PAUSE  1000


static jm_event_e ngx_http_jimeng_outcome_event(ngx_http_jimeng_task_t *task);
static ngx_uint_t ngx_http_jimeng_outcome_old_keys(jm_answer_t *answer);
static ngx_uint_t ngx_http_jimeng_outcome_denied(
    ngx_http_jimeng_task_t *task);
static void ngx_http_jimeng_outcome_learn(ngx_http_jimeng_task_t *task,
    ngx_msec_t time);
static ngx_int_t ngx_http_jimeng_outcome_keep(ngx_http_jimeng_task_t *task,
    jm_answer_t *answer);
static ngx_int_t ngx_http_jimeng_outcome_accepted(
    ngx_http_jimeng_task_t *task, jm_answer_t *answer);
static void ngx_http_jimeng_outcome_submit(ngx_http_jimeng_task_t *task,
    jm_answer_t *answer);
static void ngx_http_jimeng_outcome_queued(ngx_http_jimeng_task_t *task);
static void ngx_http_jimeng_outcome_sent(ngx_http_jimeng_task_t *task,
    jm_sent_e what);


/*
 * Takes the answer of the exchange that has ended, and keeps what is needed of
 * it.  Returns whether the queue was asked how to go on, as it is a submit that
 * was refused.
 */

ngx_uint_t
ngx_http_jimeng_outcome_read(ngx_http_jimeng_task_t *task)
{
    jm_answer_t  *answer;

    answer = &task->answered->result;

    if (task->answered->call == JM_VISUAL_QUERY) {
        answer->event = jm_task_hear(&task->task, answer->event,
                                     answer->internal, ngx_current_msec);
    }

    /* of a single call, which nothing has come of */

    if (task->task.limits.single && answer->event == JM_EVENT_FAILED
        && answer->error.transient)
    {
        answer->event = JM_EVENT_TRANSIENT;
    }

    if (ngx_http_jimeng_outcome_keep(task, answer) != NGX_OK) {

        /* there may be a task, and there is no memory to ask for it */

        answer->event = JM_EVENT_FAILED;
        jm_error_set(&answer->error, JM_CAUSE_OUTCOME_UNKNOWN, NULL, NULL);
    }

    if (task->job->order.gpt) {
        jm_error_gpt(&answer->error);
    }

    return task->answered->call == JM_VISUAL_SUBMIT
           && !ngx_http_jimeng_outcome_old_keys(answer)
           && ngx_http_jimeng_admit_refused(task);
}


/*
 * Enters the answer in the ledger, the queue and the counters, before anything
 * else is done about it.  Returns the event that it is to its task.
 */

jm_event_e
ngx_http_jimeng_outcome(ngx_http_jimeng_task_t *task)
{
    jm_event_e              event;
    ngx_msec_t              time;
    ngx_http_jimeng_job_t  *job;

    job = task->job;
    time = task->answered->time;

    event = ngx_http_jimeng_outcome_event(task);

    if (task->denied && task->own) {
        task->task.limits.interval = ngx_min(task->task.limits.interval,
                                             NGX_HTTP_JIMENG_DENIED_PAUSE);

    } else if (event == JM_EVENT_DONE) {
        ngx_http_jimeng_outcome_learn(task, time);

    } else if (task->own) {
        task->task.limits.interval =
            ngx_http_jimeng_schedule_next(job->request, job->order.kind,
                                          &task->task,
                                          ngx_current_msec - task->accepted);
    }

    ngx_http_jimeng_metrics_exchange(job->request, job->account,
                                     task->answered->call,
                                     &task->answered->result, time);

    return event;
}


static jm_event_e
ngx_http_jimeng_outcome_event(ngx_http_jimeng_task_t *task)
{
    jm_answer_t  *answer;

    answer = &task->answered->result;

    if (task->answered->call == JM_VISUAL_SUBMIT) {
        ngx_http_jimeng_outcome_submit(task, answer);

    } else if (answer->event == JM_EVENT_PENDING
               || answer->event == JM_EVENT_TROUBLE)
    {
        ngx_http_jimeng_slot_renew(&task->slot);
    }

    ngx_http_jimeng_log_answer(task, answer);

    if (answer->strange) {
        task->strange_logged = 1;
    }

    if (ngx_http_jimeng_outcome_denied(task)) {
        return JM_EVENT_CLOSING;
    }

    switch (answer->event) {

    case JM_EVENT_PENDING:
        task->asked = ngx_current_msec;
        break;

    case JM_EVENT_TRANSIENT:
        task->error = answer->error;

        /* the task has ended, and another one needs a slot of its own */

        ngx_http_jimeng_slot_leave(&task->slot, JM_LEAVE_OVER);

        /*
         * A worker that is to exit submits nothing, and a task that another
         * request has submitted is that one's to submit again.
         */

        if (ngx_exiting || !task->own) {
            return JM_EVENT_FAILED;
        }

        break;

    default:
        break;
    }

    return answer->event;
}


/*
 * Whether this worker's keys were refused, and may be those of yesterday: keys
 * that were replaced are known to the new workers, and one that is to exit has
 * the old ones.  That says nothing of the account.
 */

static ngx_uint_t
ngx_http_jimeng_outcome_old_keys(jm_answer_t *answer)
{
    return ngx_exiting && answer->error.cause == JM_CAUSE_UPSTREAM_AUTH
           && !jm_answer_of_service(answer);
}


/*
 * When old keys are refused a repeat of the request, which a new worker gets,
 * is the way.  Returns whether a task is left to that, after several refusals
 * in a row.
 */

static ngx_uint_t
ngx_http_jimeng_outcome_denied(ngx_http_jimeng_task_t *task)
{
    jm_answer_t  *answer;

    answer = &task->answered->result;

    if (!ngx_http_jimeng_outcome_old_keys(answer)) {
        task->denied = 0;
        return 0;
    }

    if (task->answered->call == JM_VISUAL_SUBMIT) {

        if (task->task.retried) {
            answer->error = task->error;
            return 0;
        }

        jm_error_set(&answer->error, JM_CAUSE_UNAVAILABLE, NULL,
                     "This worker is shutting down; nothing was ordered: try "
                     "again.");
        return 0;
    }

    if (answer->event != JM_EVENT_TROUBLE
        || ++task->denied < NGX_HTTP_JIMENG_DENIED)
    {
        return 0;
    }

    ngx_log_error(NGX_LOG_ERR, task->log, 0,
                  "jimeng: task \"%V\" of account \"%V\" is left by this "
                  "worker, which is to exit, as its keys are refused; a repeat "
                  "of the request is followed with the keys of today",
                  &task->id, &task->job->account->name);

    return 1;
}


/* the schedule learns from how long the pictures took */

static void
ngx_http_jimeng_outcome_learn(ngx_http_jimeng_task_t *task, ngx_msec_t time)
{
    ngx_msec_int_t      open;
    jm_schedule_seen_t  seen;

    if (!task->own) {
        return;
    }

    seen.over = ngx_current_msec - task->accepted;
    seen.trip = time;
    seen.queries = task->task.asked;

    /* below 0 if the first query since this submit has found it done */

    open = task->asked - task->accepted;
    seen.open = ngx_max(open, 0);

    ngx_http_jimeng_schedule_learn(task->job->request, task->job->order.kind,
                                   &seen);
}


static ngx_int_t
ngx_http_jimeng_outcome_keep(ngx_http_jimeng_task_t *task,
    jm_answer_t *answer)
{
    if (answer->code.len) {
        task->code = ngx_max(answer->number, 0);
    }

    if (jm_str_eq(&answer->status, "generating")) {
        task->running = 1;
    }

    if (task->job->order.ids) {
        ngx_http_jimeng_outcome_result(task, answer);
    }

    if (answer->event == JM_EVENT_ACCEPTED) {
        return ngx_http_jimeng_outcome_accepted(task, answer);
    }

    if (answer->event != JM_EVENT_DONE) {
        return NGX_OK;
    }

    /* its client was told that it failed, and gets none of its pictures */

    if (task->follows && !task->task.limits.single) {
        task->part.nurls = answer->nurls;
        return NGX_OK;
    }

    return ngx_http_jimeng_outcome_pictures(task, answer);
}


/* sets a task's pictures as its client is told of them */

ngx_int_t
ngx_http_jimeng_outcome_pictures(ngx_http_jimeng_task_t *task,
    const jm_answer_t *answer)
{
    ngx_http_jimeng_job_t  *job;

    job = task->job;

    if (ngx_http_jimeng_part(&task->part, answer, job->order.gpt,
                             job->request->pool)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* who wants data is told no URL */

    if (job->order.data_json.len) {
        return NGX_OK;
    }

    return ngx_http_jimeng_link_urls(job->request, job->order.created,
                                     (jm_str_t *) task->part.urls,
                                     task->part.nurls);
}


static ngx_int_t
ngx_http_jimeng_outcome_accepted(ngx_http_jimeng_task_t *task,
    jm_answer_t *answer)
{
    ngx_pool_t               *pool;
    ngx_http_jimeng_order_t  *order;

    pool = task->job->request->pool;
    order = &task->job->order;

    task->accepted = ngx_current_msec;

    task->id.data = ngx_pnalloc(pool, answer->task_id.len);
    if (task->id.data == NULL) {
        return NGX_ERROR;
    }

    task->id.len = answer->task_id.len;
    ngx_memcpy(task->id.data, answer->task_id.data, answer->task_id.len);

    return ngx_http_jimeng_query(pool, &order->req_key, &task->id,
                                 &order->req_json, &task->query);
}


static void
ngx_http_jimeng_outcome_submit(ngx_http_jimeng_task_t *task,
    jm_answer_t *answer)
{
    if (answer->event != JM_EVENT_UNSENT && task->tries++) {
        ngx_http_jimeng_metrics_again(task->job->request,
                                      &task->job->account->name);
    }

    switch (answer->event) {

    case JM_EVENT_ACCEPTED:
        ngx_http_jimeng_outcome_sent(task, JM_SENT_TAKEN);
        ngx_http_jimeng_outcome_queued(task);
        break;

    case JM_EVENT_BUSY:
    case JM_EVENT_DENIED:
    case JM_EVENT_UNSENT:
    case JM_EVENT_TRANSIENT:

        /* it is this task's to make again */

        ngx_http_jimeng_outcome_sent(task, JM_SENT_BACK);
        break;

    case JM_EVENT_DONE:

        /* the rest is done when it is over, in one */

        ngx_http_jimeng_outcome_queued(task);
        break;

    default: /* JM_EVENT_FAILED */
        ngx_http_jimeng_outcome_sent(task, answer->error.cause
                                           == JM_CAUSE_OUTCOME_UNKNOWN
                                           ? JM_SENT_UNKNOWN : JM_SENT_FREE);
    }
}


static void
ngx_http_jimeng_outcome_queued(ngx_http_jimeng_task_t *task)
{
    if (task->slot.place.serial) {
        ngx_http_jimeng_metrics_queue(task->job->request,
                                      &task->job->account->name,
                                      task->slot.granted - task->slot.queued);
    }
}


static void
ngx_http_jimeng_outcome_sent(ngx_http_jimeng_task_t *task, jm_sent_e what)
{
    jm_str_t                 id;
    jm_ledger_claim_t       *claim;
    ngx_http_jimeng_zone_t  *zone;

    claim = ngx_http_jimeng_ledger_of(task->job->claim);

    if (claim == NULL && task->slot.place.serial == 0) {
        return;
    }

    zone = ngx_http_jimeng_zone_get(task->job->request);

    ngx_http_jimeng_str(&id, &task->id);

    zone->backend.sent(&zone->backend, claim,
                       (unsigned) (task - task->job->tasks),
                       &task->slot.place, what, id);
}


/* the call goes on, and there may be pictures: a stream has them at once */

void
ngx_http_jimeng_outcome_progress(ngx_http_jimeng_task_t *task)
{
    ngx_http_jimeng_exchange_t  *x;

    x = task->exchange;

    if (x->events && task->job->order.stream && !task->follows
        && x->result.nurls > task->part.nurls)
    {
        (void) ngx_http_jimeng_outcome_pictures(task, &x->result);
    }
}


/* what an answer means for a task that is asked for by its id */

void
ngx_http_jimeng_outcome_result(ngx_http_jimeng_task_t *task,
    jm_answer_t *answer)
{
    if (answer->event == JM_EVENT_PENDING) {
        task->pending = 1;
    }

    if (answer->lost) {
        jm_error_set(&answer->error, JM_CAUSE_TASK_NOT_FOUND, NULL, NULL);
    }

    /*
     * Credentials that are refused are not put right while a client waits, but
     * by a new worker, see ngx_http_jimeng_outcome_denied().
     */

    if (answer->event == JM_EVENT_TROUBLE
        && answer->error.cause == JM_CAUSE_UPSTREAM_AUTH
        && !ngx_http_jimeng_outcome_old_keys(answer))
    {
        answer->event = JM_EVENT_FAILED;
    }
}
