
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
static void ngx_http_jimeng_variable_join(ngx_http_jimeng_job_t *job,
    ngx_str_t *text);
static void ngx_http_jimeng_variable_found(ngx_http_jimeng_job_t *job,
    ngx_uint_t *joined, ngx_uint_t *replayed);
static void ngx_http_jimeng_variable_upstream_id(ngx_http_jimeng_job_t *job,
    ngx_str_t *text);
static ngx_int_t ngx_http_jimeng_size_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_jimeng_requested_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_jimeng_list_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_http_jimeng_job_t *ngx_http_jimeng_variable_job(
    ngx_http_request_t *r, ngx_http_variable_value_t *v);


static ngx_http_variable_t  ngx_http_jimeng_vars[] = {

    { ngx_string("jimeng_request_id"), NULL,
      ngx_http_jimeng_request_id_variable, 0, 0, 0 },

    { ngx_string("jimeng_client"), NULL,
      ngx_http_jimeng_client_variable, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("jimeng_account"), NULL, ngx_http_jimeng_text_variable,
      NGX_HTTP_JIMENG_ACCOUNT, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("jimeng_model"), NULL, ngx_http_jimeng_text_variable,
      NGX_HTTP_JIMENG_MODEL, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("jimeng_requested_model"), NULL,
      ngx_http_jimeng_requested_variable, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("jimeng_size"), NULL, ngx_http_jimeng_size_variable,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("jimeng_task"), NULL, ngx_http_jimeng_text_variable,
      NGX_HTTP_JIMENG_TASK, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("jimeng_join"), NULL, ngx_http_jimeng_text_variable,
      NGX_HTTP_JIMENG_JOIN, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("jimeng_upstream_request_id"), NULL,
      ngx_http_jimeng_text_variable,
      NGX_HTTP_JIMENG_UPSTREAM_ID, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("jimeng_task_id"), NULL, ngx_http_jimeng_list_variable,
      NGX_HTTP_JIMENG_TASK_ID, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("jimeng_status"), NULL, ngx_http_jimeng_text_variable,
      NGX_HTTP_JIMENG_STATUS, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("jimeng_code"), NULL, ngx_http_jimeng_list_variable,
      NGX_HTTP_JIMENG_CODE, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("jimeng_n"), NULL, ngx_http_jimeng_number_variable,
      NGX_HTTP_JIMENG_N, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("jimeng_tries"), NULL, ngx_http_jimeng_number_variable,
      NGX_HTTP_JIMENG_TRIES, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("jimeng_polls"), NULL, ngx_http_jimeng_number_variable,
      NGX_HTTP_JIMENG_POLLS, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("jimeng_images"), NULL, ngx_http_jimeng_number_variable,
      NGX_HTTP_JIMENG_IMAGES, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("jimeng_billed"), NULL, ngx_http_jimeng_number_variable,
      NGX_HTTP_JIMENG_BILLED, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("jimeng_cost"), NULL, ngx_http_jimeng_cost_variable,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("jimeng_queue_position"), NULL,
      ngx_http_jimeng_position_variable, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("jimeng_queue_time"), NULL, ngx_http_jimeng_time_variable,
      NGX_HTTP_JIMENG_QUEUE_TIME, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("jimeng_task_time"), NULL, ngx_http_jimeng_time_variable,
      NGX_HTTP_JIMENG_TASK_TIME, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("jimeng_upstream_time"), NULL, ngx_http_jimeng_time_variable,
      NGX_HTTP_JIMENG_UPSTREAM_TIME, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("jimeng_picture_url"), NULL,
      ngx_http_jimeng_show_url_variable, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("jimeng_picture_type"), NULL,
      ngx_http_jimeng_show_type_variable, 0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

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

    case NGX_HTTP_JIMENG_TASK:
        text = job->order.task_id;
        break;

    case NGX_HTTP_JIMENG_JOIN:
        ngx_http_jimeng_variable_join(job, &text);
        break;

    case NGX_HTTP_JIMENG_UPSTREAM_ID:
        ngx_http_jimeng_variable_upstream_id(job, &text);
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


/*
 * Of several tasks the one that says most of what the request may have cost:
 * one that was sent makes it new, whatever it had found before.
 */

static void
ngx_http_jimeng_variable_join(ngx_http_jimeng_job_t *job, ngx_str_t *text)
{
    ngx_uint_t  i, joined, replayed;

    for (i = 0; i < job->order.n; i++) {

        if (job->tasks[i].tries) {
            ngx_str_set(text, "new");
            return;
        }
    }

    ngx_http_jimeng_variable_found(job, &joined, &replayed);

    if (job->order.ids) {
        ngx_str_set(text, "retrieved");

    } else if (!joined && !replayed) {
        ngx_str_null(text);

    } else if (ngx_http_jimeng_ledger_owed(job->claim)) {
        ngx_str_set(text, "owed");

    } else if (joined) {
        ngx_str_set(text, "joined");

    } else {
        ngx_str_set(text, "replayed");
    }
}


/* a task that was given up may still run: then the upstream has said so */

static void
ngx_http_jimeng_variable_found(ngx_http_jimeng_job_t *job, ngx_uint_t *joined,
    ngx_uint_t *replayed)
{
    ngx_uint_t               i;
    ngx_http_jimeng_task_t  *task;

    *joined = 0;
    *replayed = 0;

    for (i = 0; i < job->order.n; i++) {
        task = &job->tasks[i];

        switch (task->slot.look.look) {

        case JM_LOOK_OWN:
            break;

        case JM_LOOK_WAIT:
            *joined = 1;
            break;

        case JM_LOOK_TAKEN:

            if (!task->slot.look.over || task->asked) {
                *joined = 1;
                break;
            }

            *replayed = 1;
            break;

        case JM_LOOK_RESULT:
        case JM_LOOK_LOST:

            /* a single call that was waited for has ended since */

            *joined |= task->held;
            *replayed |= !task->held;
            break;

        default: /* JM_LOOK_TOLD, JM_LOOK_UNKNOWN */
            *replayed = 1;
        }
    }
}


/* of several tasks, the first that failed, or else the first */

static void
ngx_http_jimeng_variable_upstream_id(ngx_http_jimeng_job_t *job,
    ngx_str_t *text)
{
    ngx_uint_t  i;

    for (i = 0; i < job->order.n; i++) {

        if (ngx_http_jimeng_result_part(job, i)->error) {
            *text = job->tasks[i].request_id;
            return;
        }
    }

    *text = job->tasks[0].request_id;
}


/* what was asked of the model, as the reply says it */

static ngx_int_t
ngx_http_jimeng_size_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                 *p;
    jm_buf_t                b;
    ngx_http_jimeng_job_t  *job;

    job = ngx_http_jimeng_variable_job(r, v);
    if (job == NULL) {
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, JM_SIZE_TEXT);
    if (p == NULL) {
        return NGX_ERROR;
    }

    jm_buf_fixed(&b, p, JM_SIZE_TEXT);
    jm_size_write(&b, &job->order.look.size);

    if (b.len == 0) {
        jm_buf_literal(&b, "auto");
    }

    ngx_http_jimeng_variable_set(v, b.data, b.len);

    return NGX_OK;
}


/* it is known of a request that was refused, too */

static ngx_int_t
ngx_http_jimeng_requested_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_jimeng_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r->main, ngx_http_jimeng_module);

    if (ctx == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    ngx_http_jimeng_variable_set(v, ctx->requested.data, ctx->requested.len);

    return NGX_OK;
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

        } else if (data == NGX_HTTP_JIMENG_CODE && task->code_name.len) {
            last = ngx_cpymem(last, task->code_name.data,
                              task->code_name.len);
            known = 1;

        } else {
            *last++ = '-';
        }
    }

    ngx_http_jimeng_variable_set(v, p, known ? last - p : 0);

    return NGX_OK;
}


static ngx_http_jimeng_job_t *
ngx_http_jimeng_variable_job(ngx_http_request_t *r,
    ngx_http_variable_value_t *v)
{
    ngx_http_jimeng_job_t  *job;

    job = ngx_http_jimeng_job_of(r->main);

    if (job == NULL) {
        v->not_found = 1;
    }

    return job;
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
