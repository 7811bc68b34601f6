
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng.h"

static ngx_int_t ngx_http_jimeng_request_id_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_jimeng_text_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static void ngx_http_jimeng_variable_status(ngx_http_jimeng_job_t *job,
    ngx_str_t *text);
static ngx_int_t ngx_http_jimeng_list_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_jimeng_number_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_jimeng_time_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_uint_t ngx_http_jimeng_variable_queue_time(
    ngx_http_jimeng_job_t *job, ngx_msec_t *ms);
static ngx_uint_t ngx_http_jimeng_variable_task_time(
    ngx_http_jimeng_job_t *job, ngx_msec_t *ms);
static void ngx_http_jimeng_variable_set(ngx_http_variable_value_t *v,
    u_char *data, size_t len);
static ngx_http_jimeng_job_t *ngx_http_jimeng_variable_job(
    ngx_http_request_t *r, ngx_http_variable_value_t *v);


enum {
    NGX_HTTP_JIMENG_ACCOUNT,
    NGX_HTTP_JIMENG_MODEL,
    NGX_HTTP_JIMENG_TASK_ID,
    NGX_HTTP_JIMENG_STATUS,
    NGX_HTTP_JIMENG_CODE,
    NGX_HTTP_JIMENG_POLLS,
    NGX_HTTP_JIMENG_IMAGES,
    NGX_HTTP_JIMENG_QUEUE_TIME,
    NGX_HTTP_JIMENG_TASK_TIME,
    NGX_HTTP_JIMENG_UPSTREAM_TIME
};


static ngx_http_variable_t  ngx_http_jimeng_vars[] = {

    { ngx_string("jimeng_request_id"), NULL,
      ngx_http_jimeng_request_id_variable, 0, 0, 0 },

    { ngx_string("jimeng_client"), NULL,
      ngx_http_jimeng_client_variable, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("jimeng_account"), NULL, ngx_http_jimeng_text_variable,
      NGX_HTTP_JIMENG_ACCOUNT, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("jimeng_model"), NULL, ngx_http_jimeng_text_variable,
      NGX_HTTP_JIMENG_MODEL, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("jimeng_task_id"), NULL, ngx_http_jimeng_list_variable,
      NGX_HTTP_JIMENG_TASK_ID, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("jimeng_status"), NULL, ngx_http_jimeng_text_variable,
      NGX_HTTP_JIMENG_STATUS, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("jimeng_code"), NULL, ngx_http_jimeng_list_variable,
      NGX_HTTP_JIMENG_CODE, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("jimeng_polls"), NULL, ngx_http_jimeng_number_variable,
      NGX_HTTP_JIMENG_POLLS, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("jimeng_images"), NULL, ngx_http_jimeng_number_variable,
      NGX_HTTP_JIMENG_IMAGES, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("jimeng_queue_time"), NULL, ngx_http_jimeng_time_variable,
      NGX_HTTP_JIMENG_QUEUE_TIME, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("jimeng_task_time"), NULL, ngx_http_jimeng_time_variable,
      NGX_HTTP_JIMENG_TASK_TIME, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("jimeng_upstream_time"), NULL, ngx_http_jimeng_time_variable,
      NGX_HTTP_JIMENG_UPSTREAM_TIME, NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


/*
 * The same as the client's $request_id, so that other log lines are found by
 * it: a subrequest has a $request_id of its own.
 */

static ngx_int_t
ngx_http_jimeng_request_id_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_variable_value_t  *vv;

    vv = ngx_http_jimeng_request_id(r->main);
    if (vv == NULL) {
        return NGX_ERROR;
    }

    *v = *vv;

    return NGX_OK;
}


static ngx_int_t
ngx_http_jimeng_text_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t               text;
    ngx_http_jimeng_job_t  *job;

    job = ngx_http_jimeng_variable_job(r, v);
    if (job == NULL) {
        return NGX_OK;
    }

    switch (data) {

    case NGX_HTTP_JIMENG_ACCOUNT:
        text = job->account->name;
        break;

    case NGX_HTTP_JIMENG_MODEL:
        text = job->order.req_key;
        break;

    default: /* NGX_HTTP_JIMENG_STATUS */
        ngx_http_jimeng_variable_status(job, &text);
    }

    ngx_http_jimeng_variable_set(v, text.data, text.len);

    return NGX_OK;
}


/* of several tasks, the best: one that is done is what was asked for */

static void
ngx_http_jimeng_variable_status(ngx_http_jimeng_job_t *job, ngx_str_t *text)
{
    ngx_uint_t               i, open, running, unseen;
    ngx_http_jimeng_task_t  *task;
    ngx_http_jimeng_seen_e   seen;

    open = 0;
    running = 0;
    unseen = 0;

    for (i = 0; i < job->order.n; i++) {
        task = &job->tasks[i];

        if (ngx_http_jimeng_task_state(task) == JM_TASK_DONE) {
            ngx_str_set(text, "succeed");
            return;
        }

        seen = ngx_http_jimeng_retrieved_seen(task);

        if (seen == NGX_HTTP_JIMENG_SEEN_NOTHING) {
            unseen = 1;

        } else if (ngx_http_jimeng_task_state(task) != JM_TASK_FAILED
                   || seen == NGX_HTTP_JIMENG_SEEN_OPEN)
        {
            open = 1;
            running |= task->running;
        }
    }

    if (open) {
        if (running) {
            ngx_str_set(text, "running");

        } else {
            ngx_str_set(text, "pending");
        }

    } else if (unseen) {
        ngx_str_null(text);

    } else {
        ngx_str_set(text, "failed");
    }
}


/* a value for each task, as $upstream_status has one for each server */

static ngx_int_t
ngx_http_jimeng_list_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                  *p, *last;
    ngx_uint_t               i, known;
    ngx_http_jimeng_job_t   *job;
    ngx_http_jimeng_task_t  *task;

    job = ngx_http_jimeng_variable_job(r, v);
    if (job == NULL) {
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, job->order.n * (JM_VISUAL_TASK_ID
                                             + NGX_INT64_LEN + 2));
    if (p == NULL) {
        return NGX_ERROR;
    }

    last = p;
    known = 0;

    for (i = 0; i < job->order.n; i++) {
        task = &job->tasks[i];

        if (i) {
            *last++ = ',';
            *last++ = ' ';
        }

        if (data == NGX_HTTP_JIMENG_TASK_ID && task->id.len) {
            last = ngx_cpymem(last, task->id.data, task->id.len);
            known = 1;

        } else if (data == NGX_HTTP_JIMENG_CODE && task->code) {
            last = ngx_sprintf(last, "%L", task->code);
            known = 1;

        } else {
            *last++ = '-';
        }
    }

    ngx_http_jimeng_variable_set(v, p, known ? last - p : 0);

    return NGX_OK;
}


static ngx_int_t
ngx_http_jimeng_number_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                  *p;
    int64_t                  n;
    ngx_uint_t               i;
    ngx_http_jimeng_job_t   *job;
    ngx_http_jimeng_task_t  *task;

    job = ngx_http_jimeng_variable_job(r, v);
    if (job == NULL) {
        return NGX_OK;
    }

    n = 0;

    for (i = 0; i < job->order.n; i++) {
        task = &job->tasks[i];

        n += (data == NGX_HTTP_JIMENG_POLLS) ? task->task.polls
                                             : task->part.nurls;
    }

    p = ngx_pnalloc(r->pool, NGX_INT64_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_http_jimeng_variable_set(v, p, ngx_sprintf(p, "%L", n) - p);

    return NGX_OK;
}


static ngx_int_t
ngx_http_jimeng_time_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                 *p;
    ngx_msec_t              ms;
    ngx_uint_t              found;
    ngx_http_jimeng_job_t  *job;

    job = ngx_http_jimeng_variable_job(r, v);
    if (job == NULL) {
        return NGX_OK;
    }

    switch (data) {

    case NGX_HTTP_JIMENG_UPSTREAM_TIME:
        found = 1;
        ms = job->upstream_time;
        break;

    case NGX_HTTP_JIMENG_QUEUE_TIME:
        found = ngx_http_jimeng_variable_queue_time(job, &ms);
        break;

    default: /* NGX_HTTP_JIMENG_TASK_TIME */
        found = ngx_http_jimeng_variable_task_time(job, &ms);
    }

    if (!found) {
        v->not_found = 1;
        return NGX_OK;
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

static ngx_uint_t
ngx_http_jimeng_variable_queue_time(ngx_http_jimeng_job_t *job,
    ngx_msec_t *ms)
{
    ngx_msec_t               end;
    ngx_uint_t               i, found;
    ngx_http_jimeng_task_t  *task;

    *ms = 0;
    found = 0;

    for (i = 0; i < job->order.n; i++) {
        task = &job->tasks[i];

        if (task->slot.queued) {
            end = task->slot.granted ? task->slot.granted
                  : task->finished ? task->finished : ngx_current_msec;

            *ms = ngx_max(*ms, end - task->slot.queued);
            found = 1;
        }
    }

    return found;
}


static ngx_uint_t
ngx_http_jimeng_variable_task_time(ngx_http_jimeng_job_t *job, ngx_msec_t *ms)
{
    ngx_msec_t               end;
    ngx_uint_t               i;
    ngx_http_jimeng_task_t  *task;

    *ms = 0;

    for (i = 0; i < job->order.n; i++) {
        task = &job->tasks[i];

        if (task->id.len) {
            end = task->finished ? task->finished : ngx_current_msec;
            *ms = ngx_max(*ms, end - task->accepted);
        }
    }

    return ngx_http_jimeng_result_paid(job);
}


static void
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


static ngx_http_jimeng_job_t *
ngx_http_jimeng_variable_job(ngx_http_request_t *r,
    ngx_http_variable_value_t *v)
{
    ngx_http_jimeng_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r->main, ngx_http_jimeng_module);

    if (ctx == NULL || ctx->job == NULL) {
        v->not_found = 1;
        return NULL;
    }

    return ctx->job;
}


ngx_int_t
ngx_http_jimeng_add_variables(ngx_conf_t *cf)
{
    ngx_str_t                     name;
    ngx_http_variable_t          *var, *v;
    ngx_http_jimeng_main_conf_t  *jmcf;

    for (v = ngx_http_jimeng_vars; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    jmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_jimeng_module);

    ngx_str_set(&name, "request_id");

    jmcf->request_id = ngx_http_get_variable_index(cf, &name);

    return (jmcf->request_id == NGX_ERROR) ? NGX_ERROR : NGX_OK;
}
