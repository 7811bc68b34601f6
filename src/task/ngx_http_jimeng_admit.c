
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * Whether a task may be submitted, and to which account: what the ledger says
 * of it, and its slot, or its place in the queue for one.
 */


#include "ngx_http_jimeng_task.h"


#define NGX_HTTP_JIMENG_TOO_MANY_TASKS  50430


static ngx_int_t ngx_http_jimeng_admit_bind(ngx_http_jimeng_job_t *job,
    ngx_uint_t number);
static ngx_uint_t ngx_http_jimeng_admit_is_new(ngx_http_jimeng_task_t *task);
static jm_op_submit_t *ngx_http_jimeng_admit_ahead(
    ngx_http_jimeng_task_t *task, ngx_uint_t bound);
static ngx_uint_t ngx_http_jimeng_admit_fixed(ngx_http_jimeng_task_t *task);
static ngx_uint_t ngx_http_jimeng_admit_bound(ngx_http_jimeng_task_t *task);
static void ngx_http_jimeng_admit_granted(ngx_http_jimeng_task_t *task);
static void ngx_http_jimeng_admit_late(ngx_http_jimeng_task_t *task,
    jm_queue_e rc, ngx_uint_t refused, uint64_t wait, jm_error_t *e);


/* asks whose task this is; the slot's looked is called when that is known */

void
ngx_http_jimeng_admit_look(ngx_http_jimeng_task_t *task)
{
    jm_op_look_t             *op;
    ngx_http_jimeng_job_t    *job;
    ngx_http_jimeng_zone_t   *zone;
    ngx_http_jimeng_order_t  *order;

    job = task->job;
    op = &task->slot.look;
    order = &job->order;
    zone = ngx_http_jimeng_zone_get(job->request);

    op->claim = ngx_http_jimeng_ledger_of(job->claim);
    op->task = (unsigned) (task - job->tasks);
    op->account = JM_LEDGER_ANY;
    op->place = &task->slot.place;
    op->mem = &task->slot.mem;
    op->entry = order->entry;
    op->id.len = 0;
    op->away = 0;

    if (order->ids) {
        ngx_http_jimeng_str(&op->id, &order->ids[op->task]);
        op->account = job->account->queue_number;
        op->look = op->id.len ? JM_LOOK_TAKEN : JM_LOOK_UNKNOWN;

    } else {
        op->look = JM_LOOK_OWN;
    }

    if (zone && (op->claim || op->id.len || op->entry)
        && !ngx_http_jimeng_admit_is_new(task))
    {
        ngx_http_jimeng_await(&task->slot.await, &op->done,
                              task->slot.looked.handler,
                              task->slot.looked.data);

        zone->backend.look(&zone->backend, op);

        ngx_http_jimeng_awaited(&task->slot.await);
        return;
    }

    task->slot.looked.handler(task->slot.looked.data);
}


/* nobody else has anything of a request that was entered just now */

static ngx_uint_t
ngx_http_jimeng_admit_is_new(ngx_http_jimeng_task_t *task)
{
    jm_op_look_t           *op;
    ngx_http_jimeng_ctx_t  *ctx;

    op = &task->slot.look;
    ctx = ngx_http_get_module_ctx(task->job->request, ngx_http_jimeng_module);

    return op->claim && op->claim->slots[op->task].own
           && ctx->entered == JM_ENTERED_NEW;
}


/*
 * Sets the task's id, where it has one, and what queries need.
 * JM_LOOK_UNKNOWN: it was submitted, and cannot be asked for.
 */

jm_look_e
ngx_http_jimeng_admit_looked(ngx_http_jimeng_task_t *task)
{
    jm_op_look_t             *op;
    ngx_pool_t               *pool;
    ngx_http_jimeng_job_t    *job;
    ngx_http_jimeng_order_t  *order;

    job = task->job;
    op = &task->slot.look;
    order = &job->order;
    pool = job->request->pool;

    /* what has an id can be asked for all the same */

    if (op->away && op->id.len == 0) {
        return JM_LOOK_UNKNOWN;
    }

    if (op->id.len) {
        task->id.data = ngx_pnalloc(pool, op->id.len);
        if (task->id.data == NULL) {
            return JM_LOOK_UNKNOWN;
        }

        ngx_memcpy(task->id.data, op->id.data, op->id.len);
        task->id.len = op->id.len;
    }

    /*
     * While another task of this request is on an account, that one counts: the
     * number in the ledger is its, and goes if the submit is refused.
     */

    if (op->account != JM_LEDGER_ANY
        && (order->ids == NULL || order->ids[op->task].len == 0)
        && !ngx_http_jimeng_admit_bound(task)
        && ngx_http_jimeng_admit_bind(job, op->account) != NGX_OK)
    {
        return JM_LOOK_UNKNOWN;
    }

    if (op->look == JM_LOOK_TAKEN
        && ngx_http_jimeng_query(pool, &order->req_key, &task->id,
                                 &order->req_json, &task->query)
           != NGX_OK)
    {
        return JM_LOOK_UNKNOWN;
    }

    return op->look;
}


/* why there is nothing to ask the upstream for */

void
ngx_http_jimeng_admit_unknown(ngx_http_jimeng_task_t *task, jm_look_e look,
    jm_error_t *e)
{
    if (task->slot.look.away) {
        ngx_http_jimeng_away(e);
        return;
    }

    switch (look) {

    case JM_LOOK_TOLD:
        *e = *ngx_http_jimeng_ledger_error(task->job->claim);
        break;

    case JM_LOOK_CANCELED:
        jm_error_set(e, JM_CAUSE_CANCELED, NULL, NULL);
        break;

    case JM_LOOK_GONE:
        jm_error_set(e, JM_CAUSE_TASK_NOT_FOUND, NULL, NULL);
        break;

    case JM_LOOK_LOST:
        jm_error_set(e, JM_CAUSE_OUTCOME_UNKNOWN, NULL,
                     "The pictures were made and billed, and there was no room "
                     "to keep their links: sending the request again would be "
                     "billed again.");
        break;

    case JM_LOOK_OWN:

        if (task->slot.look.told) {
            *e = task->slot.look.error;
            break;
        }

        jm_error_set(e, JM_CAUSE_UNAVAILABLE, NULL,
                     "This was never submitted to the image provider, and is "
                     "not going to be: nothing was ordered.");
        break;

    default: /* JM_LOOK_UNKNOWN */

        if (task->job->order.ids && task->job->order.entry == 0
            && task->id.len == 0)
        {
            jm_error_set(e, JM_CAUSE_UPSTREAM, NULL,
                         "This part of the request was never accepted by the "
                         "image provider, as far as is known.");
            break;
        }

        jm_error_set(e, JM_CAUSE_OUTCOME_UNKNOWN, NULL, NULL);
    }
}


/* all tasks are on the account that the ledger has for their request */

static ngx_int_t
ngx_http_jimeng_admit_bind(ngx_http_jimeng_job_t *job, ngx_uint_t number)
{
    ngx_http_jimeng_account_t    *account;
    ngx_http_jimeng_main_conf_t  *jmcf;

    jmcf = ngx_http_get_module_main_conf(job->request, ngx_http_jimeng_module);

    account = ngx_http_jimeng_account_numbered(&jmcf->accounts, number);

    if (account == NULL) {
        ngx_log_error(NGX_LOG_ERR, job->request->connection->log, 0,
                      "jimeng: a request came again whose account is not "
                      "configured any more");
        return NGX_DECLINED;
    }

    job->account = account;
    job->bound = 1;

    return NGX_OK;
}


/* takes a slot for a task, or a place in the queue, or looks at it */

void
ngx_http_jimeng_admit(ngx_http_jimeng_task_t *task)
{
    ngx_http_jimeng_job_t        *job;
    ngx_http_jimeng_ctx_t        *ctx;
    ngx_http_jimeng_slot_wish_t   wish;

    job = task->job;
    ctx = ngx_http_get_module_ctx(job->request, ngx_http_jimeng_module);

    wish.account = job->account;
    wish.req_key = &job->order.req_key;
    wish.deadline = task->task.deadline;
    wish.entry = ngx_http_jimeng_ledger_entry(job->claim);
    wish.task = task - job->tasks;
    wish.client = ctx ? ctx->client : NULL;
    wish.price = job->order.price;
    wish.pictures = job->order.pictures / job->order.n;
    wish.fixed = ngx_http_jimeng_admit_fixed(task) ? 1 : 0;
    wish.bound = ngx_http_jimeng_admit_bound(task) ? 1 : 0;
    wish.submit = ngx_http_jimeng_admit_ahead(task, wish.bound);

    ngx_http_jimeng_slot_look(&task->slot, &wish);
}


/*
 * Returns what is asked with the task's place, for one call to the store less:
 * where nothing is to be looked at between both, as another account that a task
 * beside it is on, or a client that has to be held first.  NULL: it is asked
 * for by itself.
 */

static jm_op_submit_t *
ngx_http_jimeng_admit_ahead(ngx_http_jimeng_task_t *task, ngx_uint_t bound)
{
    jm_op_submit_t         *op;
    ngx_http_jimeng_job_t  *job;

    job = task->job;
    op = &task->slot.submit;

    if (job->claim == NULL || (job->order.n > 1 && !bound)
        || (job->hold && job->hold->attached))
    {
        return NULL;
    }

    op->claim = ngx_http_jimeng_ledger_of(job->claim);
    op->task = (unsigned) (task - job->tasks);
    op->most.images = 0;

    return op;
}


/*
 * Returns the event that it is to the task; with JM_EVENT_FAILED *e is what its
 * client is told.
 */

jm_event_e
ngx_http_jimeng_admitted(ngx_http_jimeng_task_t *task, jm_error_t *e)
{
    jm_op_place_t          *op;
    ngx_http_jimeng_job_t  *job;

    job = task->job;
    op = &task->slot.op;

    if (op->away) {
        ngx_http_jimeng_away(e);
        goto failed;
    }

    if (op->gone) {
        ngx_http_jimeng_client_withdrawn(job->request, e);
        goto failed;
    }

    if (op->canceled) {
        jm_error_set(e, JM_CAUSE_CANCELED, NULL, NULL);
        goto failed;
    }

    if (op->orphans) {
        ngx_http_jimeng_orphan_look(&task->slot, op->rc, &job->orphan,
                                    ngx_http_jimeng_line);
    }

    switch (op->rc) {

    case JM_QUEUE_GRANTED:
        ngx_http_jimeng_admit_granted(task);
        return JM_EVENT_GRANTED;

    case JM_QUEUE_WAIT:
        task->task.look = op->wait;
        return JM_EVENT_QUEUED;

    case JM_QUEUE_ASIDE:
        jm_error_set(e, JM_CAUSE_UPSTREAM_AUTH, NULL, NULL);
        break;

    case JM_QUEUE_NO_ROOM:
        jm_error_set(e, JM_CAUSE_NO_ROOM, NULL, NULL);
        break;

    default: /* JM_QUEUE_FULL, JM_QUEUE_LATE */
        ngx_http_jimeng_admit_late(task, op->rc, task->task.refusals, op->wait,
                                   e);
    }

failed:

    /* a retry could not be made: the error is that of the task before */

    if (task->task.retried) {
        *e = task->error;
    }

    return JM_EVENT_FAILED;
}


/*
 * Whether a task that has a slot has to look once more: while it was asked for,
 * another one of the request has settled that it is on another account.
 */

ngx_uint_t
ngx_http_jimeng_admit_elsewhere(ngx_http_jimeng_task_t *task)
{
    return task->slot.op.rc == JM_QUEUE_GRANTED && !task->slot.op.gone
           && !task->slot.op.canceled && !task->slot.op.bound
           && task->slot.place.account != task->job->account->queue_number
           && ngx_http_jimeng_admit_bound(task);
}


/* the first task of a request says which account all of them are on */

static void
ngx_http_jimeng_admit_granted(ngx_http_jimeng_task_t *task)
{
    ngx_http_jimeng_job_t        *job;
    ngx_http_jimeng_account_t    *account;
    ngx_http_jimeng_main_conf_t  *jmcf;

    job = task->job;

    if (task->slot.op.bound
        || task->slot.place.account == job->account->queue_number)
    {
        return;
    }

    jmcf = ngx_http_get_module_main_conf(job->request, ngx_http_jimeng_module);

    account = ngx_http_jimeng_account_numbered(&jmcf->accounts,
                                               task->slot.place.account);
    if (account) {
        job->account = account;
    }
}


/* whether the request's account is settled: one of its tasks is there */

static ngx_uint_t
ngx_http_jimeng_admit_fixed(ngx_http_jimeng_task_t *task)
{
    ngx_uint_t              i;
    ngx_http_jimeng_job_t  *job;

    job = task->job;

    if (job->bound || task->task.retried) {
        return 1;
    }

    for (i = 0; i < job->order.n; i++) {

        if (&job->tasks[i] != task && job->tasks[i].id.len) {
            return 1;
        }
    }

    return 0;
}


/* whether it is settled, or will be by a submit that is under way */

static ngx_uint_t
ngx_http_jimeng_admit_bound(ngx_http_jimeng_task_t *task)
{
    ngx_uint_t               i;
    ngx_http_jimeng_job_t   *job;
    ngx_http_jimeng_task_t  *other;

    if (ngx_http_jimeng_admit_fixed(task)) {
        return 1;
    }

    job = task->job;

    for (i = 0; i < job->order.n; i++) {
        other = &job->tasks[i];

        if (other != task
            && (other->task.state == JM_TASK_SUBMIT
                || other->task.state == JM_TASK_BACKOFF))
        {
            return 1;
        }
    }

    return 0;
}


/* the client's error when its task would have to wait for too long */

static void
ngx_http_jimeng_admit_late(ngx_http_jimeng_task_t *task, jm_queue_e rc,
    ngx_uint_t refused, uint64_t wait, jm_error_t *e)
{
    if (refused) {
        jm_error_set(e, JM_CAUSE_UPSTREAM_RATE_LIMITED, NULL, NULL);
        e->upstream_code = task->code;

    } else {
        jm_error_set(e, JM_CAUSE_BUSY, NULL, rc == JM_QUEUE_FULL
                     ? "No more requests can wait for a picture at the moment; "
                       "nothing was ordered: try again later."
                     : "Too many pictures are waited for to make this one in "
                       "time; nothing was ordered: try again later.");
    }

    jm_error_wait(e, ngx_max(1, (wait + 999) / 1000));

    ngx_log_error(NGX_LOG_WARN, task->log, 0,
                  "jimeng: a request to account \"%V\" was refused, its queue "
                  "%s, try again in %uis", &task->job->account->name,
                  rc == JM_QUEUE_FULL ? "is full" : "is too slow",
                  (ngx_uint_t) e->retry_after);
}


/*
 * Whether a submit was refused for load, or for its account's credentials: then
 * the queue is asked how it goes on, see ngx_http_jimeng_admit_again().
 */

ngx_uint_t
ngx_http_jimeng_admit_refused(ngx_http_jimeng_task_t *task)
{
    jm_answer_t   *answer;
    jm_refused_e   why;

    answer = &task->answered->result;

    if (task->slot.place.serial == 0) {
        return 0;
    }

    if (answer->event == JM_EVENT_BUSY) {
        why = (task->code == NGX_HTTP_JIMENG_TOO_MANY_TASKS)
              ? JM_REFUSED_TASKS : JM_REFUSED_RATE;

    } else if (answer->event == JM_EVENT_FAILED
               && answer->error.cause == JM_CAUSE_UPSTREAM_AUTH)
    {
        why = jm_answer_of_service(answer) ? JM_REFUSED_MODEL
                                           : JM_REFUSED_ACCOUNT;

    } else {
        return 0;
    }

    task->slot.unsent = 1;

    ngx_http_jimeng_slot_refused(&task->slot, why);

    return 1;
}


/*
 * The task is the first in the queue again, there or on another account, and
 * the answer's event says so; or it is too late for that.
 */

void
ngx_http_jimeng_admit_again(ngx_http_jimeng_task_t *task)
{
    jm_event_e                   event;
    jm_answer_t                 *answer;
    jm_op_refused_t             *op;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    op = &task->slot.refusal;
    answer = &task->answered->result;

    event = JM_EVENT_BUSY;

    /* its slot is still the task's, which finds it so */

    if (op->away) {
        op->first = 0;
        op->rc = JM_QUEUE_WAIT;
    }

    if (op->why == JM_REFUSED_ACCOUNT || op->why == JM_REFUSED_MODEL) {
        event = JM_EVENT_DENIED;

        /* logged once, until the account's requests are accepted again */

        if (op->first) {
            ngx_http_jimeng_log_denied(task);
        }

        task->denied_logged = 1;
    }

    jlcf = ngx_http_get_module_loc_conf(task->job->request,
                                        ngx_http_jimeng_module);

    switch (op->rc) {

    case JM_QUEUE_GRANTED:
    case JM_QUEUE_WAIT:
        answer->event = event;
        break;

    case JM_QUEUE_ASIDE:

        if (jlcf->accounts->nelts > 1 && !ngx_http_jimeng_admit_fixed(task)) {
            answer->event = event;
        }

        break;

    default: /* JM_QUEUE_LATE */
        answer->event = JM_EVENT_FAILED;
        ngx_http_jimeng_admit_late(task, op->rc, event == JM_EVENT_BUSY,
                                   op->wait, &answer->error);
    }
}
