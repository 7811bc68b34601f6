
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_reply.h"


static ngx_int_t ngx_http_jimeng_retrieved_trouble(
    ngx_http_jimeng_task_t *task);


/* whether a task whose request gave it up is over upstream, too */

ngx_http_jimeng_seen_e
ngx_http_jimeng_retrieved_seen(ngx_http_jimeng_task_t *task)
{
    if (task->job->order.ids == NULL
        || ngx_http_jimeng_task_state(task) != JM_TASK_FAILED)
    {
        return NGX_HTTP_JIMENG_SEEN_END;
    }

    switch (task->error.cause) {

    case JM_CAUSE_GENERATION_TIMEOUT:
    case JM_CAUSE_UNAVAILABLE:

        if (task->pending) {
            return NGX_HTTP_JIMENG_SEEN_OPEN;
        }

        /* fall through */

    case JM_CAUSE_UPSTREAM_AUTH:
    case JM_CAUSE_OUTCOME_UNKNOWN:

        /* of what was never accepted all is known */

        return task->id.len ? NGX_HTTP_JIMENG_SEEN_NOTHING
                            : NGX_HTTP_JIMENG_SEEN_END;

    default:
        return NGX_HTTP_JIMENG_SEEN_END;
    }
}


/*
 * The reply of a retrieval, or NGX_DECLINED when there are pictures to hand
 * on, as in the reply to the request itself; NGX_DONE: not yet.
 */

ngx_int_t
ngx_http_jimeng_retrieved_reply(ngx_http_jimeng_job_t *job)
{
    ngx_uint_t               i, done, open, running;
    ngx_http_jimeng_task_t  *task, *unseen;

    if (job->unfinished) {
        return NGX_DONE;
    }

    done = 0;
    open = 0;
    running = 0;
    unseen = NULL;

    for (i = 0; i < job->order.n; i++) {
        task = &job->tasks[i];

        if (ngx_http_jimeng_task_state(task) == JM_TASK_DONE) {
            done = 1;
            continue;
        }

        switch (ngx_http_jimeng_retrieved_seen(task)) {

        case NGX_HTTP_JIMENG_SEEN_OPEN:
            open = 1;
            running |= task->running;
            break;

        case NGX_HTTP_JIMENG_SEEN_NOTHING:
            unseen = unseen ? unseen : task;
            break;

        default: /* NGX_HTTP_JIMENG_SEEN_END */
            break;
        }
    }

    if (open) {
        return ngx_http_jimeng_result_status(job, (done || running)
                                                  ? JM_STATUS_RUNNING
                                                  : JM_STATUS_PENDING);
    }

    if (unseen) {
        return ngx_http_jimeng_retrieved_trouble(unseen);
    }

    if (!done) {
        return ngx_http_jimeng_retrieved_failed(job);
    }

    /* the length of data is not known without fetching it */

    if (job->order.data_json.len && job->request->method == NGX_HTTP_HEAD) {
        return ngx_http_jimeng_send_begin(job->request, NULL);
    }

    return NGX_DECLINED;
}


/* the upstream could not be asked for a task: the client may ask again */

static ngx_int_t
ngx_http_jimeng_retrieved_trouble(ngx_http_jimeng_task_t *task)
{
    jm_error_t              e;
    ngx_http_jimeng_job_t  *job;

    job = task->job;
    e = task->error;

    if (e.cause != JM_CAUSE_UPSTREAM_AUTH) {
        jm_error_upstream(&e, task->code);

        if (e.cause != JM_CAUSE_UPSTREAM_RATE_LIMITED) {
            jm_error_set(&e, JM_CAUSE_UPSTREAM, NULL,
                         "The image provider %s; ask for it again%s.",
                         task->task.internal
                         ? "answered with an error of its own, which may be "
                           "passing or the task's end"
                         : "could not be asked for the task",
                         task->task.internal
                         ? ", with a \"wait\" of more than 10 seconds to be "
                           "told which" : "");

            if (task->code != JM_CODE_SUCCESS) {
                e.upstream_code = task->code;
            }
        }

        ngx_log_error(NGX_LOG_ERR, task->log, 0,
                      "jimeng: task \"%V\" of account \"%V\" could not be "
                      "asked for, after %uD queries", &task->id,
                      &job->account->name, task->task.polls);
    }

    return ngx_http_jimeng_result_error(job, &e);
}


/*
 * No task has a picture to hand on.  That is what was asked for, and no error,
 * unless the pictures could not be fetched or nobody knows the tasks.
 */

ngx_int_t
ngx_http_jimeng_retrieved_failed(ngx_http_jimeng_job_t *job)
{
    jm_str_t                 none = jm_null_string;
    jm_error_t               unknown;
    ngx_uint_t               i, known;
    const jm_error_t        *e;
    ngx_http_jimeng_task_t  *task;

    known = 0;

    for (i = 0; i < job->order.n; i++) {
        task = &job->tasks[i];
        e = ngx_http_jimeng_result_part(job, i)->error;

        if (ngx_http_jimeng_task_state(task) == JM_TASK_DONE
            && (e->cause == JM_CAUSE_UPSTREAM_AUTH
                || (e->cause == JM_CAUSE_UPSTREAM && e->transient)))
        {
            return ngx_http_jimeng_result_error(job, e);
        }

        if (e->cause != JM_CAUSE_TASK_NOT_FOUND
            && (task->id.len || job->order.entry))
        {
            known = 1;
        }
    }

    if (known) {
        return ngx_http_jimeng_result_status(job, JM_STATUS_FAILED);
    }

    jm_error_set(&unknown, JM_CAUSE_TASK_NOT_FOUND, NULL, NULL);

    return ngx_http_jimeng_send_error(job->request, &unknown, none);
}
