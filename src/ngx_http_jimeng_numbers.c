
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * Variables that are numbers.
 */


#include "ngx_http_jimeng.h"


static ngx_uint_t ngx_http_jimeng_variable_count(
    ngx_http_jimeng_task_t *task, uintptr_t data);
static ngx_int_t ngx_http_jimeng_variable_set_number(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, ngx_uint_t n);
static ngx_msec_t ngx_http_jimeng_variable_queue_time(
    ngx_http_jimeng_job_t *job);
static ngx_msec_t ngx_http_jimeng_variable_task_time(
    ngx_http_jimeng_job_t *job);


/*
 * Numbers are there for all requests, whatever became of them: in a line of
 * JSON they stand without quotes.
 */

ngx_int_t
ngx_http_jimeng_number_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_uint_t              i, n;
    ngx_http_jimeng_job_t  *job;

    n = 0;
    job = ngx_http_jimeng_job_of(r->main);

    for (i = 0; job && i < job->order.n; i++) {
        n += ngx_http_jimeng_variable_count(&job->tasks[i], data);
    }

    return ngx_http_jimeng_variable_set_number(r, v, n);
}


static ngx_uint_t
ngx_http_jimeng_variable_count(ngx_http_jimeng_task_t *task, uintptr_t data)
{
    switch (data) {

    case NGX_HTTP_JIMENG_N:
        return 1;

    case NGX_HTTP_JIMENG_TRIES:
        return task->tries;

    case NGX_HTTP_JIMENG_POLLS:
        return task->task.polls;

    case NGX_HTTP_JIMENG_BILLED:
        return task->slot.over.billed ? task->slot.over.bill.images : 0;

    default: /* NGX_HTTP_JIMENG_IMAGES */
        return task->part.nurls;
    }
}


/* what was made for the request alone, in the currency of the prices */

ngx_int_t
ngx_http_jimeng_cost_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                 *p;
    uint64_t                cost;
    ngx_uint_t              i;
    jm_op_over_t           *over;
    ngx_http_jimeng_job_t  *job;

    cost = 0;
    job = ngx_http_jimeng_job_of(r->main);

    for (i = 0; job && i < job->order.n; i++) {
        over = &job->tasks[i].slot.over;
        cost += over->billed ? over->bill.cost : 0;
    }

    p = ngx_pnalloc(r->pool, JM_MONEY_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_http_jimeng_variable_set(v, p, jm_money_write(p, cost));

    return NGX_OK;
}


/* of several tasks, the one that came last */

ngx_int_t
ngx_http_jimeng_position_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_uint_t              i, n;
    ngx_http_jimeng_job_t  *job;

    n = 0;
    job = ngx_http_jimeng_job_of(r->main);

    for (i = 0; job && i < job->order.n; i++) {
        n = ngx_max(n, job->tasks[i].slot.position);
    }

    return ngx_http_jimeng_variable_set_number(r, v, n);
}


static ngx_int_t
ngx_http_jimeng_variable_set_number(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, ngx_uint_t n)
{
    u_char  *p;

    p = ngx_pnalloc(r->pool, NGX_INT_T_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_http_jimeng_variable_set(v, p, ngx_sprintf(p, "%ui", n) - p);

    return NGX_OK;
}


ngx_int_t
ngx_http_jimeng_time_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                 *p;
    ngx_msec_t              ms;
    ngx_http_jimeng_job_t  *job;

    ms = 0;
    job = ngx_http_jimeng_job_of(r->main);

    if (job) {

        switch (data) {

        case NGX_HTTP_JIMENG_UPSTREAM_TIME:
            ms = job->upstream_time;
            break;

        case NGX_HTTP_JIMENG_QUEUE_TIME:
            ms = ngx_http_jimeng_variable_queue_time(job);
            break;

        default: /* NGX_HTTP_JIMENG_TASK_TIME */
            ms = ngx_http_jimeng_variable_task_time(job);
        }
    }

    p = ngx_pnalloc(r->pool, NGX_TIME_T_LEN + 4);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_http_jimeng_variable_set(v, p,
                                 ngx_sprintf(p, "%T.%03M", (time_t) ms / 1000,
                                             ms % 1000)
                                 - p);

    return NGX_OK;
}


/* of several tasks, the one that waited longest */

static ngx_msec_t
ngx_http_jimeng_variable_queue_time(ngx_http_jimeng_job_t *job)
{
    ngx_msec_t               end, ms;
    ngx_uint_t               i;
    ngx_http_jimeng_task_t  *task;

    ms = 0;

    for (i = 0; i < job->order.n; i++) {
        task = &job->tasks[i];

        if (task->slot.queued) {
            end = task->slot.granted ? task->slot.granted
                  : task->finished ? task->finished : ngx_current_msec;

            ms = ngx_max(ms, end - task->slot.queued);
        }
    }

    return ms;
}


/* one that was asked for by its id ran before, and is not timed here */

static ngx_msec_t
ngx_http_jimeng_variable_task_time(ngx_http_jimeng_job_t *job)
{
    ngx_msec_t               end, ms;
    ngx_uint_t               i;
    ngx_http_jimeng_task_t  *task;

    ms = 0;

    if (job->order.ids) {
        return ms;
    }

    for (i = 0; i < job->order.n; i++) {
        task = &job->tasks[i];

        if (task->id.len || task->part.nurls) {
            end = task->finished ? task->finished : ngx_current_msec;
            ms = ngx_max(ms, end - task->accepted);
        }
    }

    return ms;
}


/* one without a value is not found */

void
ngx_http_jimeng_variable_set(ngx_http_variable_value_t *v, u_char *data,
    size_t len)
{
    if (len == 0) {
        v->not_found = 1;
        return;
    }

    v->data = data;
    v->len = len;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
}
