
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * The request's line is in the access log: what its tasks have brought needs
 * not be told by who sees their end after a worker was killed.
 */


#include "ngx_http_jimeng.h"


/* nginx's own handler, which writes the log, comes before those of modules */

ngx_int_t
ngx_http_jimeng_logged(ngx_http_request_t *r)
{
    ngx_uint_t               i;
    jm_op_over_t            *over;
    ngx_http_jimeng_job_t   *job;
    ngx_http_jimeng_zone_t  *zone;

    if (r != r->main) {
        return NGX_OK;
    }

    job = ngx_http_jimeng_job_of(r);
    zone = ngx_http_jimeng_zone_get(r);

    for (i = 0; job && zone && i < job->order.n; i++) {
        over = &job->tasks[i].slot.over;

        if (over->billed && over->entry) {
            zone->backend.billed(&zone->backend, over->entry, over->task);
        }
    }

    return NGX_OK;
}
