
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng.h"


static ngx_int_t ngx_http_jimeng_result_error(ngx_http_jimeng_job_t *job);


/*
 * The reply of a job whose tasks are all over: the pictures that came, or
 * where none did an error, the first that forbids a retry if there is one.
 */

ngx_int_t
ngx_http_jimeng_result_send(ngx_http_jimeng_job_t *job)
{
    jm_part_t                *parts;
    ngx_uint_t                i;
    jm_result_t               result;
    ngx_http_jimeng_task_t   *task, *done;
    ngx_http_jimeng_order_t  *order;

    order = &job->order;
    done = NULL;

    parts = ngx_palloc(job->request->pool, order->n * sizeof(jm_part_t));
    if (parts == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    for (i = 0; i < order->n; i++) {
        task = &job->tasks[i];
        parts[i] = task->part;

        if (done == NULL && task->task.state == JM_TASK_DONE) {
            done = task;
        }
    }

    if (done == NULL) {
        return ngx_http_jimeng_result_error(job);
    }

    result.created = ngx_time();
    result.model.len = order->req_key.len;
    result.model.data = order->req_key.data;
    result.task_id.len = done->id.len;
    result.task_id.data = done->id.data;
    result.size = order->size;
    result.parts = parts;
    result.nparts = order->n;
    result.max_images = order->max_images;
    result.ignored = order->ignored;

    return ngx_http_jimeng_send_result(job->request, &result);
}


static ngx_int_t
ngx_http_jimeng_result_error(ngx_http_jimeng_job_t *job)
{
    jm_str_t                 task_id;
    ngx_uint_t               i;
    ngx_http_jimeng_task_t  *task;

    task = job->tasks;

    /* a retry is one of all the tasks: what forbids it is what is told */

    for (i = 0; i < job->order.n; i++) {
        if (job->tasks[i].error.no_retry) {
            task = &job->tasks[i];
            break;
        }
    }

    task_id.len = task->id.len;
    task_id.data = task->id.data;

    return ngx_http_jimeng_send_error(job->request, &task->error, task_id);
}


/* whether there was any task that may cost something */

ngx_uint_t
ngx_http_jimeng_result_paid(ngx_http_jimeng_job_t *job)
{
    ngx_uint_t               i;
    ngx_http_jimeng_task_t  *task;

    for (i = 0; i < job->order.n; i++) {
        task = &job->tasks[i];

        if (task->id.len || task->task.retried) {
            return 1;
        }
    }

    return 0;
}
