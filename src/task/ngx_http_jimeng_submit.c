
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * Whether the submit of a task, which has a slot, may be sent, and that none
 * was.
 */


#include "ngx_http_jimeng_task.h"


static ngx_uint_t ngx_http_jimeng_submit_park(ngx_http_jimeng_task_t *task);
static ngx_int_t ngx_http_jimeng_submit_allowed(ngx_http_jimeng_task_t *task,
    jm_error_t *e);
static void ngx_http_jimeng_submit_others(ngx_http_jimeng_task_t *task);


/*
 * Before each submit: from now on no other request makes it, whatever comes.  A
 * request that joined another one, and submits after all because that one has
 * failed, counts for its client from now on.
 */

void
ngx_http_jimeng_submit(ngx_http_jimeng_task_t *task)
{
    jm_op_submit_t          *op;
    ngx_http_jimeng_job_t   *job;
    ngx_http_jimeng_zone_t  *zone;
    ngx_http_jimeng_hold_t  *hold;

    job = task->job;
    hold = job->hold;
    op = &task->slot.submit;

    task->slot.unsent = 1;

    if (ngx_http_jimeng_submit_park(task)) {
        return;
    }

    /* a task that failed, and is submitted again, has left these */

    ngx_str_null(&task->id);
    task->request_id.len = 0;
    task->code = 0;
    task->code_name.len = 0;
    task->running = 0;
    task->strange_logged = 0;

    /* it was let in with its place */

    if (task->slot.op.submitted) {
        task->slot.op.submitted = 0;
        task->slot.submitted.handler(task->slot.submitted.data);
        return;
    }

    op->claim = ngx_http_jimeng_ledger_of(job->claim);
    op->task = (unsigned) (task - job->tasks);
    op->account = job->account->queue_number;
    op->rc = JM_OK;
    op->over = JM_QUOTA_OK;
    op->away = 0;
    op->most.images = 0;

    if (hold && hold->attached) {
        op->client = hold->client;
        op->hold = &hold->hold;
        op->most = hold->most;
        op->force = hold->dry_run ? 1 : 0;
    }

    if (op->claim || op->most.images) {
        ngx_http_jimeng_await(&task->slot.await, &op->done,
                              task->slot.submitted.handler,
                              task->slot.submitted.data);

        zone = ngx_http_jimeng_zone_get(job->request);
        zone->backend.submit(&zone->backend, op);

        ngx_http_jimeng_awaited(&task->slot.await);
        return;
    }

    task->slot.submitted.handler(task->slot.submitted.data);
}


/* the client is held once for all tasks: until that is answered others wait */

static ngx_uint_t
ngx_http_jimeng_submit_park(ngx_http_jimeng_task_t *task)
{
    ngx_uint_t               i;
    ngx_http_jimeng_job_t   *job;
    ngx_http_jimeng_slot_t  *slot;

    job = task->job;

    task->slot.parked = 0;

    for (i = 0; i < job->order.n; i++) {
        slot = &job->tasks[i].slot;

        if (slot->await.waits
            && slot->await.told.handler == slot->submitted.handler
            && slot->submit.most.images)
        {
            task->slot.parked = 1;
            return 1;
        }
    }

    return 0;
}


/* NGX_DECLINED: *e is what the client is told */

ngx_int_t
ngx_http_jimeng_submit_may(ngx_http_jimeng_task_t *task, jm_error_t *e)
{
    ngx_int_t  rc;

    rc = ngx_http_jimeng_submit_allowed(task, e);

    if (!task->job->ending) {
        ngx_http_jimeng_submit_others(task);
    }

    return rc;
}


static ngx_int_t
ngx_http_jimeng_submit_allowed(ngx_http_jimeng_task_t *task, jm_error_t *e)
{
    jm_op_submit_t          *op;
    ngx_http_jimeng_hold_t  *hold;

    op = &task->slot.submit;
    hold = task->job->hold;

    if (op->away) {
        ngx_http_jimeng_away(e);
        return NGX_DECLINED;
    }

    if (op->over != JM_QUOTA_OK && !op->force) {
        ngx_http_jimeng_hold_refuse(hold, op->over, &op->view, e);
        return NGX_DECLINED;
    }

    if (op->most.images) {
        hold->attached = 0;
    }

    if (op->rc != JM_OK) {
        jm_error_set(e, op->canceled ? JM_CAUSE_CANCELED
                                     : JM_CAUSE_OUTCOME_UNKNOWN, NULL, NULL);
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static void
ngx_http_jimeng_submit_others(ngx_http_jimeng_task_t *task)
{
    ngx_uint_t              i;
    ngx_http_jimeng_job_t  *job;

    job = task->job;

    for (i = 0; i < job->order.n; i++) {

        if (job->tasks[i].slot.parked) {
            ngx_http_jimeng_submit(&job->tasks[i]);
        }
    }
}


/* no byte of the submit has left, or will: it may be made again */

void
ngx_http_jimeng_submit_unsent(ngx_http_jimeng_task_t *task)
{
    jm_str_t                 none = jm_null_string;
    jm_op_submit_t          *op;
    ngx_http_jimeng_zone_t  *zone;

    op = &task->slot.submit;

    if (op->claim) {
        zone = ngx_http_jimeng_zone_get(task->job->request);
        zone->backend.sent(&zone->backend, op->claim, op->task,
                           &task->slot.place, JM_SENT_BACK, none);
    }
}
