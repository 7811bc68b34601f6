
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng.h"


/* the last of so many parts of a task's queries have to last to its end */

#define NGX_HTTP_JIMENG_RATION  4


static ngx_msec_t ngx_http_jimeng_schedule_ration(
    ngx_http_jimeng_task_t *task, ngx_msec_t elapsed);


char *
ngx_http_jimeng_poll_interval(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_jimeng_loc_conf_t *jlcf = conf;

    ngx_str_t  *value;

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "adaptive") != 0) {
        return ngx_conf_set_msec_slot(cf, cmd, conf);
    }

    if (jlcf->poll_interval != NGX_CONF_UNSET_MSEC) {
        return "is duplicate";
    }

    jlcf->poll_interval = NGX_HTTP_JIMENG_ADAPTIVE;

    return NGX_CONF_OK;
}


char *
ngx_http_jimeng_schedule_merge(ngx_conf_t *cf,
    ngx_http_jimeng_loc_conf_t *conf)
{
    ngx_http_jimeng_main_conf_t  *jmcf;

    jmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_jimeng_module);

    if (conf->poll_interval == NGX_HTTP_JIMENG_ADAPTIVE && jmcf->zone == NULL)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"jimeng_poll_interval adaptive\" needs a "
                           "\"jimeng_zone\"");
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* where nothing is known of when it began */

ngx_msec_t
ngx_http_jimeng_schedule_fixed(ngx_http_jimeng_loc_conf_t *jlcf)
{
    return (jlcf->poll_interval == NGX_HTTP_JIMENG_ADAPTIVE)
           ? JM_SCHEDULE_FIXED
           : jlcf->poll_interval;
}


/* the time until a task is asked for, which has not ended as far as is known */

ngx_msec_t
ngx_http_jimeng_schedule_next(ngx_http_jimeng_task_t *task)
{
    ngx_msec_t                    elapsed, wait, ration;
    ngx_http_jimeng_zone_t       *zone;
    ngx_http_jimeng_loc_conf_t   *jlcf;
    ngx_http_jimeng_main_conf_t  *jmcf;

    jlcf = ngx_http_get_module_loc_conf(task->job->request,
                                        ngx_http_jimeng_module);

    if (jlcf->poll_interval != NGX_HTTP_JIMENG_ADAPTIVE || !task->own) {
        return ngx_http_jimeng_schedule_fixed(jlcf);
    }

    jmcf = ngx_http_get_module_main_conf(task->job->request,
                                         ngx_http_jimeng_module);
    zone = jmcf->zone;

    elapsed = ngx_current_msec - task->accepted;

    ngx_http_jimeng_zone_lock(zone);

    wait = (ngx_msec_t) jm_schedule_next(&zone->schedule,
                                         task->job->order.kind, elapsed);

    ngx_http_jimeng_zone_unlock(zone);

    ration = ngx_http_jimeng_schedule_ration(task, elapsed);

    return ngx_max(wait, ration);
}


/*
 * jimeng_poll_attempts also says how long a task may take: it is not given up
 * earlier because it was asked for more often.
 */

static ngx_msec_t
ngx_http_jimeng_schedule_ration(ngx_http_jimeng_task_t *task,
    ngx_msec_t elapsed)
{
    uint64_t    time;
    uint32_t    left;
    jm_task_t  *t;

    t = &task->task;

    if (t->asked >= t->limits.attempts) {
        return 0;
    }

    left = t->limits.attempts - t->asked;
    time = (uint64_t) t->limits.attempts * JM_SCHEDULE_FIXED;

    if (left > t->limits.attempts / NGX_HTTP_JIMENG_RATION || elapsed >= time)
    {
        return 0;
    }

    return (ngx_msec_t) ((time - elapsed) / left);
}


/* an answer with pictures, which came time after it was asked for */

void
ngx_http_jimeng_schedule_learn(ngx_http_jimeng_task_t *task, ngx_msec_t time)
{
    ngx_msec_int_t                open;
    jm_schedule_seen_t            seen;
    ngx_http_jimeng_zone_t       *zone;
    ngx_http_jimeng_loc_conf_t   *jlcf;
    ngx_http_jimeng_main_conf_t  *jmcf;

    jlcf = ngx_http_get_module_loc_conf(task->job->request,
                                        ngx_http_jimeng_module);

    if (jlcf->poll_interval != NGX_HTTP_JIMENG_ADAPTIVE || !task->own) {
        return;
    }

    jmcf = ngx_http_get_module_main_conf(task->job->request,
                                         ngx_http_jimeng_module);
    zone = jmcf->zone;

    seen.over = ngx_current_msec - task->accepted;
    seen.trip = time;
    seen.queries = task->task.asked;

    /* the first query since this submit may have found it */

    open = task->asked - task->accepted;
    seen.open = ngx_max(open, 0);

    ngx_http_jimeng_zone_lock(zone);

    jm_schedule_learn(&zone->schedule, task->job->order.kind, &seen,
                      ngx_current_msec);

    ngx_http_jimeng_zone_unlock(zone);
}
