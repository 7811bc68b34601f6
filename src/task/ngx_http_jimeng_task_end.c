
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * How a task ends: what its client gets, and what becomes of its slot.
 */


#include "ngx_http_jimeng_task.h"


/* seconds that links live (Volcengine's documents of Ark) */

#define NGX_HTTP_JIMENG_LINKS  86400


static void ngx_http_jimeng_task_error(ngx_http_jimeng_task_t *task,
    jm_cause_e cause);
static ngx_uint_t ngx_http_jimeng_task_is_left(ngx_http_jimeng_task_t *task,
    jm_cause_e cause);
static ngx_uint_t ngx_http_jimeng_task_follow(ngx_http_jimeng_task_t *task,
    jm_cause_e cause);
static jm_leave_e ngx_http_jimeng_task_leave_how(ngx_http_jimeng_task_t *task,
    jm_cause_e cause, const jm_error_t *e);
static void ngx_http_jimeng_task_over(ngx_http_jimeng_task_t *task,
    jm_leave_e how, ngx_uint_t images, ngx_uint_t left);
static void ngx_http_jimeng_task_counted(void *data);
static void ngx_http_jimeng_task_fetch(ngx_http_jimeng_task_t *task);


/* it has brought pictures */

void
ngx_http_jimeng_task_done(ngx_http_jimeng_task_t *task,
    const jm_answer_t *answer)
{
    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, task->log, 0,
                   "jimeng task \"%V\" done, pictures:%uz",
                   &task->id, answer->nurls);

    if (!task->task.limits.single || !task->own) {
        ngx_http_jimeng_task_over(task, JM_LEAVE_OVER, answer->nurls, 0);
        return;
    }

    if (task->job->claim) {
        ngx_http_jimeng_part_keep(&task->slot.over.result, answer,
                                  &task->slot.mem);
    }

    ngx_http_jimeng_task_over(task, JM_LEAVE_DONE, answer->nurls, 0);
}


/* it has failed for its client, whatever becomes of the upstream's task */

void
ngx_http_jimeng_task_failed(ngx_http_jimeng_task_t *task, jm_cause_e cause,
    const jm_answer_t *answer)
{
    ngx_uint_t  left;

    left = ngx_http_jimeng_task_is_left(task, cause);

    if (task->follows) {
        ngx_http_jimeng_task_over(task,
                                  ngx_http_jimeng_task_leave_how(task, cause,
                                                            &answer->error),
                                  0, left);
        return;
    }

    if (cause == JM_CAUSE_NONE) {
        task->error = answer->error;

    } else if (task->task.retried == 0 || left
               || cause == JM_CAUSE_GENERATION_TIMEOUT)
    {
        ngx_http_jimeng_task_error(task, cause);

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

    if (task->id.len == 0) {
        ngx_http_jimeng_ledger_failed(task->job->claim, &task->error);
    }

    if (ngx_http_jimeng_task_follow(task, cause)) {
        return;
    }

    ngx_http_jimeng_task_over(task,
                              ngx_http_jimeng_task_leave_how(task, cause,
                                                             &task->error),
                              0, left);
}


/*
 * Makes the client's error.  A task that has an id goes on without this
 * request, which is to be repeated only where a repeat will find the task.
 */

static void
ngx_http_jimeng_task_error(ngx_http_jimeng_task_t *task, jm_cause_e cause)
{
    jm_error_t  *e;
    ngx_uint_t   repeats;

    e = &task->error;
    repeats = ngx_http_jimeng_ledger_repeats(task->job->claim);

    jm_error_set(e, cause, NULL, NULL);

    if (task->id.len == 0 && cause != JM_CAUSE_GENERATION_TIMEOUT) {

        if (cause == JM_CAUSE_UNAVAILABLE) {
            jm_error_set(e, cause, NULL,
                         "This worker is shutting down; try again.");

        } else if (cause == JM_CAUSE_UPSTREAM
                   && ngx_current_msec >= task->task.deadline)
        {
            jm_error_set(e, cause, NULL,
                         "The request could not be sent to the image provider "
                         "in time; nothing was ordered: try again later.");
        }

        return;
    }

    if (cause == JM_CAUSE_UNAVAILABLE) {
        jm_error_set(e, cause, NULL,
                     "This worker is shutting down. The picture is being made: "
                     "%sask for it by its task_id.",
                     repeats ? "send the request again, or " : "");
        e->no_retry = !repeats;

    } else if (cause == JM_CAUSE_GENERATION_TIMEOUT && repeats) {
        jm_error_set(e, cause, NULL,
                     "The picture was not ready in time, and is being made: "
                     "send the request again to wait for it, or ask for it by "
                     "its task_id.");
        e->no_retry = 0;
    }
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
 * client's limits.  What a single call brings nobody can ask for later.
 * Returns whether it is followed for that.
 */

static ngx_uint_t
ngx_http_jimeng_task_follow(ngx_http_jimeng_task_t *task, jm_cause_e cause)
{
    jm_step_t               step;
    ngx_http_jimeng_job_t  *job;

    job = task->job;

    if (cause != JM_CAUSE_GENERATION_TIMEOUT
        || (task->slot.place.serial == 0 && (job->hold == NULL || !task->own)
            && !task->task.limits.single))
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

    if (step.action == JM_ACTION_TIMER) {
        ngx_add_timer(&task->timer, (ngx_msec_t) step.delay);
    }

    return 1;
}


/*
 * What becomes of the slot of a task that failed with an error: what its client
 * was told of one that is followed is no longer all that is known.
 */

static jm_leave_e
ngx_http_jimeng_task_leave_how(ngx_http_jimeng_task_t *task, jm_cause_e cause,
    const jm_error_t *e)
{
    if (e->cause == JM_CAUSE_OUTCOME_UNKNOWN) {
        return JM_LEAVE_LOST;
    }

    if (task->id.len == 0) {
        return JM_LEAVE_FREE;
    }

    /* credentials that are refused say nothing of the task */

    return (cause == JM_CAUSE_NONE && e->cause != JM_CAUSE_UPSTREAM_AUTH)
           ? JM_LEAVE_OVER : JM_LEAVE_LOST;
}


/*
 * A task that is left has not ended: who follows it sees that, and counts its
 * pictures.
 */

static void
ngx_http_jimeng_task_over(ngx_http_jimeng_task_t *task, jm_leave_e how,
    ngx_uint_t images, ngx_uint_t left)
{
    jm_str_t                 req_key;
    jm_op_over_t            *op;
    ngx_http_jimeng_job_t   *job;
    ngx_http_jimeng_ctx_t   *ctx;
    ngx_http_jimeng_zone_t  *zone;

    job = task->job;
    op = &task->slot.over;
    zone = ngx_http_jimeng_zone_get(job->request);
    ctx = ngx_http_get_module_ctx(job->request, ngx_http_jimeng_module);

    if (!task->follows) {
        task->finished = ngx_current_msec;
    }

    if (task->timer.timer_set) {
        ngx_del_timer(&task->timer);
    }

    ngx_http_jimeng_slot_stop(&task->slot);

    ngx_http_jimeng_str(&req_key, &job->order.req_key);

    op->claim = ngx_http_jimeng_ledger_of(job->claim);
    op->task = (unsigned) (task - job->tasks);
    op->account = job->account->queue_number;
    op->place = &task->slot.place;
    op->how = how;
    op->hold = job->hold ? &job->hold->hold : NULL;
    op->release = (job->unfinished + job->following == 1);
    op->client = ctx ? ctx->client : NULL;
    op->bill.model = jm_model_hash(req_key);
    op->bill.images = images;
    op->bill.cost = images * job->order.price;
    op->price = job->order.price;
    op->entry = job->claim ? ngx_http_jimeng_ledger_entry(job->claim)
                           : job->order.entry;
    op->joined.len = 0;
    op->left = left ? 1 : 0;
    op->until = (uint64_t) (ngx_time() + NGX_HTTP_JIMENG_LINKS) * 1000;

    if (!task->own) {
        ngx_http_jimeng_str(&op->joined, &task->id);
    }

    if (zone) {
        ngx_http_jimeng_await(&task->slot.await, &op->done,
                              ngx_http_jimeng_task_counted, task);

        zone->backend.over(&zone->backend, op);

        ngx_http_jimeng_awaited(&task->slot.await);

    } else {
        op->first = task->own;
        op->billed = task->own;
        ngx_http_jimeng_task_counted(task);
    }

    /* a task that several requests wait for is counted by its submitter */

    if (task->own) {
        ngx_http_jimeng_metrics_over(job->request, &job->account->name,
                                     task->part.error ? task->part.error->cause
                                                      : JM_CAUSE_NONE,
                                     (task->id.len || how == JM_LEAVE_DONE)
                                     ? (ngx_int_t) task->task.polls
                                     : NGX_ERROR,
                                     task->finished - task->accepted, left);
    }
}


/*
 * Pictures are counted by who was the first to see the end of their task.  The
 * reply comes after that: the client's next request finds it so.
 */

static void
ngx_http_jimeng_task_counted(void *data)
{
    ngx_http_jimeng_task_t *task = data;

    jm_str_t                client;
    jm_op_over_t           *op;
    ngx_http_jimeng_job_t  *job;

    job = task->job;
    op = &task->slot.over;

    if (op->away) {
        op->first = 0;
        op->billed = 0;
        op->kept = 1;
        op->near.images = 0;
        op->near.budget = 0;
    }

    if (task->follows) {
        job->following--;

    } else {
        job->unfinished--;
    }

    if (op->how == JM_LEAVE_DONE && op->claim && !op->kept) {
        ngx_log_error(NGX_LOG_ERR, task->log, 0,
                      "jimeng: there was no room to keep what account \"%V\" "
                      "has made, which nobody can ask for again: make the "
                      "zone of \"jimeng_zone\" larger", &job->account->name);
    }

    ngx_http_jimeng_near_log(task->log, op->client, &op->near);

    if (op->first && op->bill.images) {
        ngx_http_jimeng_owner(job->request, &client);
        ngx_http_jimeng_metrics_images(job->request, client,
                                       &job->order.req_key,
                                       &job->account->name, &op->bill);

        if (!task->slot.await.torn) {
            ngx_http_jimeng_task_fetch(task);
        }
    }
}


/* who has its pictures as data has them already */

static void
ngx_http_jimeng_task_fetch(ngx_http_jimeng_task_t *task)
{
    if (task->part.urls && task->job->order.data_json.len == 0) {
        ngx_http_jimeng_fetch(task->job->request, task->part.urls,
                              task->part.nurls);
    }
}
