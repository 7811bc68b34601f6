
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng.h"
#include "jm_hash.h"


/* business codes, of which it matters what was refused */

#define NGX_HTTP_JIMENG_TOO_MANY_TASKS  50430
#define NGX_HTTP_JIMENG_ACCESS_DENIED   50400
#define NGX_HTTP_JIMENG_KEY_DENIED      50204


static jm_event_e ngx_http_jimeng_slot_enter(ngx_http_jimeng_task_t *task,
    jm_error_t *e);
static ngx_int_t ngx_http_jimeng_slot_client(ngx_http_request_t *r,
    u_char *client);
static void ngx_http_jimeng_slot_request(ngx_http_jimeng_task_t *task,
    jm_queue_request_t *request);
static jm_event_e ngx_http_jimeng_slot_result(ngx_http_jimeng_task_t *task,
    jm_queue_e rc, uint64_t wait, jm_error_t *e);
static void ngx_http_jimeng_slot_late(ngx_http_jimeng_task_t *task,
    jm_queue_e rc, ngx_uint_t refused, uint64_t wait, jm_error_t *e);
static jm_queue_e ngx_http_jimeng_slot_busy(ngx_http_jimeng_task_t *task,
    uint64_t *wait);
static jm_queue_e ngx_http_jimeng_slot_denied(ngx_http_jimeng_task_t *task,
    jm_answer_t *answer, uint64_t *wait);
static jm_queue_e ngx_http_jimeng_slot_choose(ngx_http_jimeng_task_t *task,
    jm_queue_e rc, uint64_t *wait);
static ngx_uint_t ngx_http_jimeng_slot_fixed(ngx_http_jimeng_task_t *task);
static uint64_t ngx_http_jimeng_slot_hash(ngx_str_t *text);
static void ngx_http_jimeng_slots_woken(ngx_event_t *ev);


/* the tasks of this process that wait for a slot */

static ngx_queue_t  ngx_http_jimeng_waiting;

/* counts the times that they looked, all of them */

static ngx_uint_t   ngx_http_jimeng_turn;


ngx_int_t
ngx_http_jimeng_slots_init_process(ngx_cycle_t *cycle)
{
    ngx_queue_init(&ngx_http_jimeng_waiting);

    return ngx_http_jimeng_wake_init(cycle, ngx_http_jimeng_slots_woken);
}


/*
 * Takes a slot for a task, or a place in the queue, or looks at it.  Returns
 * the event that it is to the task; with JM_EVENT_FAILED *e is what its client
 * is told.
 */

jm_event_e
ngx_http_jimeng_slot_look(ngx_http_jimeng_task_t *task, jm_error_t *e)
{
    uint64_t                 wait;
    jm_queue_e               rc;
    ngx_http_jimeng_zone_t  *zone;

    if (task->place.serial == 0) {
        return ngx_http_jimeng_slot_enter(task, e);
    }

    zone = ngx_http_jimeng_zone_get(task->job->request);

    ngx_http_jimeng_zone_lock(zone);

    rc = jm_queue_look(&zone->queue, &task->place, ngx_current_msec, &wait);
    rc = ngx_http_jimeng_slot_choose(task, rc, &wait);

    ngx_http_jimeng_zone_unlock(zone);

    if (rc == JM_QUEUE_ASIDE && !ngx_http_jimeng_slot_fixed(task)) {

        /* it may have waited for this account only because others did */

        return ngx_http_jimeng_slot_enter(task, e);
    }

    return ngx_http_jimeng_slot_result(task, rc, wait, e);
}


static jm_event_e
ngx_http_jimeng_slot_enter(ngx_http_jimeng_task_t *task, jm_error_t *e)
{
    uint64_t                 wait;
    jm_queue_e               rc;
    jm_queue_request_t       request;
    ngx_http_request_t      *r;
    ngx_http_jimeng_zone_t  *zone;

    r = task->job->request;
    zone = ngx_http_jimeng_zone_get(r);

    task->queued = ngx_current_msec;

    if (ngx_http_jimeng_slot_client(r, request.client) != NGX_OK) {
        jm_error_set(e, JM_CAUSE_INTERNAL, NULL, NULL);
        return JM_EVENT_FAILED;
    }

    ngx_http_jimeng_slot_request(task, &request);

    ngx_http_jimeng_zone_lock(zone);

    rc = jm_queue_enter(&zone->queue, &task->place, &request, ngx_current_msec,
                        &wait);
    rc = ngx_http_jimeng_slot_choose(task, rc, &wait);

    ngx_http_jimeng_zone_unlock(zone);

    if (rc == JM_QUEUE_ASIDE && ngx_http_jimeng_slot_bound(task)
        && !ngx_http_jimeng_slot_fixed(task))
    {
        /* what the other in flight is told says which account it will be */

        rc = JM_QUEUE_WAIT;
        wait = JM_TASK_LOOK;
    }

    return ngx_http_jimeng_slot_result(task, rc, wait, e);
}


/* who has not said who it is, is where it comes from */

static ngx_int_t
ngx_http_jimeng_slot_client(ngx_http_request_t *r, u_char *client)
{
    jm_str_t  addr;

    static u_char  nobody[JM_QUEUE_CLIENT];

    if (ngx_http_jimeng_identity(r, client) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_memcmp(client, nobody, JM_QUEUE_CLIENT) != 0) {
        return NGX_OK;
    }

    ngx_http_jimeng_str(&addr, &r->connection->addr_text);

    return ngx_http_jimeng_digest(r, client, &addr, 1);
}


static void
ngx_http_jimeng_slot_request(ngx_http_jimeng_task_t *task,
    jm_queue_request_t *request)
{
    ngx_uint_t                   i;
    ngx_http_jimeng_job_t       *job;
    ngx_http_jimeng_account_t  **account;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    job = task->job;
    jlcf = ngx_http_get_module_loc_conf(job->request, ngx_http_jimeng_module);

    account = jlcf->accounts->elts;

    for (i = 0; i < jlcf->accounts->nelts; i++) {
        request->accounts[i] = (uint8_t) account[i]->queue_number;
    }

    request->naccounts = (unsigned) i;

    if (ngx_http_jimeng_slot_bound(task)) {
        request->accounts[0] = (uint8_t) job->account->queue_number;
        request->naccounts = 1;
    }

    request->model = ngx_http_jimeng_slot_hash(&job->order.req_key);
    request->worker = (uint32_t) ngx_worker;
    request->since = ngx_current_msec;

    request->patience = (task->task.deadline > ngx_current_msec)
                        ? task->task.deadline - ngx_current_msec : 0;
}


/* with the zone locked: all tasks of a request are on one account */

static jm_queue_e
ngx_http_jimeng_slot_choose(ngx_http_jimeng_task_t *task, jm_queue_e rc,
    uint64_t *wait)
{
    ngx_http_jimeng_job_t        *job;
    ngx_http_jimeng_account_t    *account;
    ngx_http_jimeng_main_conf_t  *jmcf;

    job = task->job;

    if (rc != JM_QUEUE_GRANTED
        || task->place.account == job->account->queue_number)
    {
        return rc;
    }

    jmcf = ngx_http_get_module_main_conf(job->request, ngx_http_jimeng_module);

    if (ngx_http_jimeng_slot_bound(task)) {
        return jm_queue_bind(&jmcf->zone->queue, &task->place,
                             job->account->queue_number, ngx_current_msec,
                             wait);
    }

    account = ngx_http_jimeng_account_numbered(jmcf, task->place.account);

    if (account) {
        job->account = account;
    }

    return rc;
}


/* a task of the request is on its account for good */

static ngx_uint_t
ngx_http_jimeng_slot_fixed(ngx_http_jimeng_task_t *task)
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


/* another task of the request is on its account, or is about to be */

ngx_uint_t
ngx_http_jimeng_slot_bound(ngx_http_jimeng_task_t *task)
{
    ngx_uint_t               i;
    ngx_http_jimeng_job_t   *job;
    ngx_http_jimeng_task_t  *other;

    if (ngx_http_jimeng_slot_fixed(task)) {
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


static jm_event_e
ngx_http_jimeng_slot_result(ngx_http_jimeng_task_t *task, jm_queue_e rc,
    uint64_t wait, jm_error_t *e)
{
    switch (rc) {

    case JM_QUEUE_GRANTED:

        if (task->waits) {
            task->waits = 0;
            ngx_queue_remove(&task->queue);
        }

        task->admitted = ngx_current_msec;

        return JM_EVENT_GRANTED;

    case JM_QUEUE_WAIT:

        if (!task->waits) {
            task->waits = 1;
            task->turn = ngx_http_jimeng_turn;
            ngx_queue_insert_tail(&ngx_http_jimeng_waiting, &task->queue);
        }

        task->task.look = wait;

        return JM_EVENT_QUEUED;

    case JM_QUEUE_ASIDE:
        jm_error_set(e, JM_CAUSE_UPSTREAM_AUTH, NULL, NULL);
        break;

    case JM_QUEUE_NO_ROOM:
        jm_error_set(e, JM_CAUSE_NO_ROOM, NULL, NULL);
        break;

    default: /* JM_QUEUE_FULL, JM_QUEUE_LATE */
        ngx_http_jimeng_slot_late(task, rc, task->task.refusals, wait, e);
    }

    /* the retry came to nothing, and the error is what it was for */

    if (task->task.retried) {
        *e = task->error;
    }

    return JM_EVENT_FAILED;
}


static void
ngx_http_jimeng_slot_late(ngx_http_jimeng_task_t *task, jm_queue_e rc,
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


/* the submit was taken, and has an id */

void
ngx_http_jimeng_slot_accepted(ngx_http_jimeng_task_t *task)
{
    ngx_http_jimeng_zone_t  *zone;

    if (task->place.serial == 0) {
        return;
    }

    zone = ngx_http_jimeng_zone_get(task->job->request);

    ngx_http_jimeng_zone_lock(zone);

    jm_queue_accepted(&zone->queue, &task->place,
                      ngx_http_jimeng_slot_hash(&task->id), ngx_current_msec);

    ngx_http_jimeng_zone_unlock(zone);

    ngx_http_jimeng_metrics_admitted(task, task->admitted - task->queued);
}


/*
 * The submit was refused for load, or for its account's credentials: the task
 * is the next again, there or on another account, unless it is too late.
 */

void
ngx_http_jimeng_slot_refused(ngx_http_jimeng_task_t *task,
    jm_answer_t *answer)
{
    uint64_t                     wait;
    jm_queue_e                   rc;
    jm_event_e                   event;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    if (task->place.serial == 0) {
        return;
    }

    jlcf = ngx_http_get_module_loc_conf(task->job->request,
                                        ngx_http_jimeng_module);

    if (answer->event == JM_EVENT_BUSY) {
        event = JM_EVENT_BUSY;
        rc = ngx_http_jimeng_slot_busy(task, &wait);

    } else if (answer->event == JM_EVENT_FAILED
               && answer->error.cause == JM_CAUSE_UPSTREAM_AUTH)
    {
        event = JM_EVENT_DENIED;
        rc = ngx_http_jimeng_slot_denied(task, answer, &wait);

    } else {
        return;
    }

    switch (rc) {

    case JM_QUEUE_GRANTED:
    case JM_QUEUE_WAIT:
        answer->event = event;
        break;

    case JM_QUEUE_ASIDE:

        if (jlcf->accounts->nelts > 1 && !ngx_http_jimeng_slot_fixed(task)) {
            answer->event = event;
        }

        break;

    default: /* JM_QUEUE_LATE */
        answer->event = JM_EVENT_FAILED;
        ngx_http_jimeng_slot_late(task, rc, event == JM_EVENT_BUSY, wait,
                                  &answer->error);
    }
}


static jm_queue_e
ngx_http_jimeng_slot_busy(ngx_http_jimeng_task_t *task, uint64_t *wait)
{
    jm_queue_e               rc;
    ngx_http_jimeng_zone_t  *zone;

    zone = ngx_http_jimeng_zone_get(task->job->request);

    ngx_http_jimeng_zone_lock(zone);

    rc = jm_queue_busy(&zone->queue, &task->place,
                       task->code == NGX_HTTP_JIMENG_TOO_MANY_TASKS,
                       ngx_current_msec, wait);

    ngx_http_jimeng_zone_unlock(zone);

    return rc;
}


static jm_queue_e
ngx_http_jimeng_slot_denied(ngx_http_jimeng_task_t *task,
    jm_answer_t *answer, uint64_t *wait)
{
    unsigned                 first, model_only;
    jm_queue_e               rc;
    ngx_http_jimeng_zone_t  *zone;

    zone = ngx_http_jimeng_zone_get(task->job->request);

    model_only = (task->code == NGX_HTTP_JIMENG_ACCESS_DENIED
                  || task->code == NGX_HTTP_JIMENG_KEY_DENIED);

    ngx_http_jimeng_zone_lock(zone);

    rc = jm_queue_denied(&zone->queue, &task->place, model_only,
                         ngx_current_msec, wait, &first);

    ngx_http_jimeng_zone_unlock(zone);

    /* an operator is told once, until it is accepted again */

    if (first) {
        ngx_http_jimeng_log_denied(task, answer, model_only);
    }

    task->quiet = 1;

    return rc;
}


/* the upstream has answered: the task's process lives, and so does its slot */

void
ngx_http_jimeng_slot_renew(ngx_http_jimeng_task_t *task)
{
    ngx_http_jimeng_zone_t  *zone;

    if (task->place.serial == 0) {
        return;
    }

    zone = ngx_http_jimeng_zone_get(task->job->request);

    ngx_http_jimeng_zone_lock(zone);

    jm_queue_renew(&zone->queue, &task->place, ngx_current_msec);

    ngx_http_jimeng_zone_unlock(zone);
}


/*
 * Another request has submitted the task, and nobody may be left to see its
 * end but this one.
 */

void
ngx_http_jimeng_slot_adopt(ngx_http_jimeng_task_t *task)
{
    ngx_http_jimeng_zone_t     *zone;
    ngx_http_jimeng_account_t  *account;

    account = task->job->account;

    if (account->limits.concurrency == 0) {
        return;
    }

    zone = ngx_http_jimeng_zone_get(task->job->request);

    ngx_http_jimeng_zone_lock(zone);

    (void) jm_queue_adopt(&zone->queue, &task->place, account->queue_number,
                          ngx_http_jimeng_slot_hash(&task->id),
                          ngx_current_msec);

    ngx_http_jimeng_zone_unlock(zone);
}


/* gives back what the task has, or has been seen not to need any more */

void
ngx_http_jimeng_slot_leave(ngx_http_jimeng_task_t *task, jm_leave_e how)
{
    ngx_http_jimeng_zone_t     *zone;
    ngx_http_jimeng_account_t  *account;

    if (task->waits) {
        task->waits = 0;
        ngx_queue_remove(&task->queue);
    }

    zone = ngx_http_jimeng_zone_get(task->job->request);
    account = task->job->account;

    if (task->place.serial) {
        ngx_http_jimeng_zone_lock(zone);

        jm_queue_leave(&zone->queue, &task->place, how, ngx_current_msec);

    } else if (how == JM_LEAVE_OVER && !task->own
               && account->limits.concurrency)
    {
        ngx_http_jimeng_zone_lock(zone);

        jm_queue_ended(&zone->queue, account->queue_number,
                       ngx_http_jimeng_slot_hash(&task->id),
                       ngx_current_msec);

    } else {
        return;
    }

    ngx_http_jimeng_zone_unlock(zone);
}


static uint64_t
ngx_http_jimeng_slot_hash(ngx_str_t *text)
{
    return jm_hash(JM_HASH_START, text->data, text->len);
}


/*
 * Each task looks once.  While one does, others may go, and new ones come, to
 * the end of the queue.
 */

static void
ngx_http_jimeng_slots_woken(ngx_event_t *ev)
{
    ngx_queue_t             *q;
    ngx_http_jimeng_task_t  *task;

    ngx_http_jimeng_turn++;

    while (!ngx_queue_empty(&ngx_http_jimeng_waiting)) {
        q = ngx_queue_head(&ngx_http_jimeng_waiting);
        task = ngx_queue_data(q, ngx_http_jimeng_task_t, queue);

        if (task->turn == ngx_http_jimeng_turn) {
            return;
        }

        task->turn = ngx_http_jimeng_turn;

        ngx_queue_remove(q);
        ngx_queue_insert_tail(&ngx_http_jimeng_waiting, q);

        if (task->timer.timer_set) {
            ngx_del_timer(&task->timer);
        }

        ngx_http_jimeng_task_timer(&task->timer);
    }
}
