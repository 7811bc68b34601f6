
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * The floor "zone": the memory that all workers share, how one of them wakes
 * another, what is counted there, and what is learnt of how long tasks take.
 */


#ifndef _NGX_HTTP_JIMENG_ZONE_H_INCLUDED_
#define _NGX_HTTP_JIMENG_ZONE_H_INCLUDED_


#include "ngx_http_jimeng_conf.h"

#include "jm_ledger.h"
#include "jm_metrics.h"
#include "jm_queue.h"
#include "jm_quota.h"
#include "jm_schedule.h"
#include "jm_visual.h"


#define NGX_HTTP_JIMENG_VERSIONS     6

/* only what sh points to is shared; the rest is this process's own */

struct ngx_http_jimeng_zone_s {
    ngx_str_t                     name;
    ngx_cycle_t                  *cycle;
    ngx_slab_pool_t              *shpool;
    ngx_http_jimeng_main_conf_t  *jmcf;

    jm_ledger_t                   ledger;
    jm_queue_t                    queue;
    jm_quota_t                    quota;
    jm_metrics_t                  metrics;
    jm_schedule_t                 schedule;

    struct {
        uint32_t                  magic;
        uint32_t                  versions[NGX_HTTP_JIMENG_VERSIONS];
        size_t                    size;     /* of this structure */

        jm_ledger_shared_t       *ledger;
        jm_queue_shared_t        *queue;
        jm_quota_shared_t        *quota;
        jm_metrics_shared_t      *metrics;
        jm_schedule_shared_t     *schedule;
        ngx_msec_t                warned;   /* of a full zone; 0: never */
        u_char                    salt[JM_DIGEST_LEN];
    } *sh;
};


/* ngx_http_jimeng_zone.c */

char *ngx_http_jimeng_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
ngx_int_t ngx_http_jimeng_zone_init_module(ngx_cycle_t *cycle);
ngx_int_t ngx_http_jimeng_zone_init_process(ngx_cycle_t *cycle);

ngx_http_jimeng_zone_t *ngx_http_jimeng_zone_get(ngx_http_request_t *r);
void ngx_http_jimeng_zone_unlock(ngx_http_jimeng_zone_t *zone);

#define ngx_http_jimeng_zone_lock(zone)                                       \
    ngx_shmtx_lock(&(zone)->shpool->mutex)

/* ngx_http_jimeng_zone_room.c */

jm_rc_e ngx_http_jimeng_zone_build(ngx_http_jimeng_zone_t *zone,
    size_t size);
jm_rc_e ngx_http_jimeng_zone_reserve(ngx_http_jimeng_zone_t *zone);
jm_rc_e ngx_http_jimeng_zone_register(ngx_http_jimeng_zone_t *zone);
ngx_uint_t ngx_http_jimeng_zone_fits(ngx_http_jimeng_zone_t *zone,
    size_t size, ngx_log_t *log);
ngx_uint_t ngx_http_jimeng_zone_spare(ngx_http_jimeng_zone_t *zone);
void ngx_http_jimeng_zone_small(ngx_http_jimeng_zone_t *zone, size_t size,
    ngx_log_t *log);

/* ngx_http_jimeng_wake.c */

ngx_int_t ngx_http_jimeng_wake_create(ngx_cycle_t *cycle);
ngx_int_t ngx_http_jimeng_wake_init(ngx_cycle_t *cycle,
    ngx_event_handler_pt handler);
void ngx_http_jimeng_wake(uint32_t worker);
void ngx_http_jimeng_wake_all(void);

/* ngx_http_jimeng_metrics.c: they do nothing without a zone */

ngx_int_t ngx_http_jimeng_metrics_init(ngx_conf_t *cf);
void ngx_http_jimeng_metrics_admitted(ngx_http_request_t *r,
    ngx_msec_t waited);
void ngx_http_jimeng_metrics_exchange(ngx_http_request_t *r,
    ngx_http_jimeng_account_t *account, jm_visual_call_e call,
    const jm_answer_t *answer, ngx_msec_t time);
void ngx_http_jimeng_metrics_over(ngx_http_request_t *r, ngx_str_t *account,
    jm_cause_e cause, ngx_int_t polls, ngx_msec_t time);
void ngx_http_jimeng_metrics_images(ngx_http_request_t *r, ngx_uint_t n);

/* ngx_http_jimeng_schedule.c */

ngx_msec_t ngx_http_jimeng_schedule_next(ngx_http_request_t *r,
    uint64_t kind, const jm_task_t *task, ngx_msec_t elapsed);
void ngx_http_jimeng_schedule_learn(ngx_http_request_t *r, uint64_t kind,
    jm_schedule_seen_t *seen);


#endif /* _NGX_HTTP_JIMENG_ZONE_H_INCLUDED_ */
