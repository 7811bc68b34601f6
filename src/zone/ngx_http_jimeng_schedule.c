
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_zone.h"


/* the last quarter of a task's queries is spread over the rest of its time */

#define NGX_HTTP_JIMENG_RATION  4


static ngx_msec_t ngx_http_jimeng_schedule_ration(const jm_task_t *task,
    ngx_msec_t elapsed);


/*
 * The milliseconds until a task is asked for, which was accepted elapsed ms
 * ago and has not ended as far as is known.
 */

ngx_msec_t
ngx_http_jimeng_schedule_next(ngx_http_request_t *r, uint64_t kind,
    const jm_task_t *task, ngx_msec_t elapsed)
{
    jm_state_t                  *state;
    ngx_msec_t                   wait, ration;
    ngx_http_jimeng_zone_t      *zone;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);

    if (jlcf->poll_interval != NGX_HTTP_JIMENG_ADAPTIVE) {
        return ngx_http_jimeng_poll_fixed(jlcf);
    }

    zone = ngx_http_jimeng_zone_get(r);

    state = ngx_http_jimeng_zone_lock(zone);

    jm_schedule_look(&state->schedule, kind);

    ngx_http_jimeng_zone_unlock(zone);

    wait = (ngx_msec_t) jm_schedule_next(&state->schedule, elapsed);
    ration = ngx_http_jimeng_schedule_ration(task, elapsed);

    return ngx_max(wait, ration);
}


/*
 * jimeng_poll_attempts also says how long a task may take: it is not given up
 * earlier because it was asked for more often.
 */

static ngx_msec_t
ngx_http_jimeng_schedule_ration(const jm_task_t *task, ngx_msec_t elapsed)
{
    uint64_t  time;
    uint32_t  left;

    if (task->asked >= task->limits.attempts) {
        return 0;
    }

    left = task->limits.attempts - task->asked;
    time = (uint64_t) task->limits.attempts * JM_SCHEDULE_FIXED;

    if (left > task->limits.attempts / NGX_HTTP_JIMENG_RATION
        || elapsed >= time)
    {
        return 0;
    }

    return (ngx_msec_t) ((time - elapsed) / left);
}


/* how long a task took, which this request has followed from its submit */

void
ngx_http_jimeng_schedule_learn(ngx_http_request_t *r, uint64_t kind,
    jm_schedule_seen_t *seen)
{
    jm_state_t                  *state;
    ngx_http_jimeng_zone_t      *zone;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);

    if (jlcf->poll_interval != NGX_HTTP_JIMENG_ADAPTIVE) {
        return;
    }

    zone = ngx_http_jimeng_zone_get(r);

    state = ngx_http_jimeng_zone_lock(zone);

    jm_schedule_learn(&state->schedule, kind, seen, state->now);

    ngx_http_jimeng_zone_unlock(zone);
}
