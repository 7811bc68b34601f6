
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * The floor "zone": the memory that all workers share, and how one of them
 * wakes another.
 */


#ifndef _NGX_HTTP_JIMENG_ZONE_H_INCLUDED_
#define _NGX_HTTP_JIMENG_ZONE_H_INCLUDED_


#include "ngx_http_jimeng_await.h"
#include "ngx_http_jimeng_link.h"
#include "ngx_http_jimeng_memory.h"

#include "jm_backend.h"
#include "jm_metrics_report.h"
#include "jm_visual.h"


#define NGX_HTTP_JIMENG_VERSION   "0.3.0"
#define NGX_HTTP_JIMENG_VERSIONS  2
#define NGX_HTTP_JIMENG_ALONE     256       /* workers that are known of */


typedef struct ngx_http_jimeng_store_s  ngx_http_jimeng_store_t;

/*
 * Only what sh points to, and the state in the store are shared; the rest is
 * this process's own.  The state may outlive nginx, the rest does not.
 */

struct ngx_http_jimeng_zone_s {
    ngx_cycle_t                  *cycle;
    ngx_slab_pool_t              *shpool;
    ngx_http_jimeng_main_conf_t  *jmcf;

    ngx_http_jimeng_memory_t      memory;
    jm_backend_t                  backend;
    ngx_http_jimeng_store_t      *store;    /* or NULL */
    jm_metrics_t                  metrics;
    uint64_t                      generation;

    struct {
        uint32_t                  magic;
        uint32_t                  versions[NGX_HTTP_JIMENG_VERSIONS];
        size_t                    size;     /* of this structure */

        jm_metrics_shared_t      *metrics;
        ngx_msec_t                warned;   /* of a full zone; 0: never */
        uint64_t                  generation;   /* of the last cycle */
        uint64_t                  configured;   /* that the store knows */

        /* see ngx_http_jimeng_store_local.c */

        uint32_t                  nodes;    /* that lived; 0: not known */
        uint32_t                  salted;
        u_char                    salt[JM_STATE_SALT];  /* the store's */
        time_t                    since;    /* some decide alone; 0: none */
        ngx_pid_t                 alone[NGX_HTTP_JIMENG_ALONE];
    } *sh;
};


/* ngx_http_jimeng_zone.c */

char *ngx_http_jimeng_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
ngx_http_jimeng_zone_t *ngx_http_jimeng_zone_of(ngx_cycle_t *cycle);
ngx_http_jimeng_zone_t *ngx_http_jimeng_zone_before(ngx_cycle_t *cycle);
ngx_int_t ngx_http_jimeng_zone_init_module(ngx_cycle_t *cycle);
ngx_int_t ngx_http_jimeng_zone_init_process(ngx_cycle_t *cycle);

/* ngx_http_jimeng_zone_use.c */

ngx_http_jimeng_zone_t *ngx_http_jimeng_zone_get(ngx_http_request_t *r);
void ngx_http_jimeng_zone_unlock(ngx_http_jimeng_zone_t *zone);
void ngx_http_jimeng_zone_backend(ngx_http_jimeng_zone_t *zone);
void ngx_http_jimeng_zone_full(ngx_http_jimeng_zone_t *zone, const char *what);

/* returns the state, which is to be used until it is unlocked */

#define ngx_http_jimeng_zone_lock(zone)                                       \
    ngx_http_jimeng_memory_lock(&(zone)->memory)

/* ngx_http_jimeng_zone_conf.c */

void ngx_http_jimeng_zone_account(ngx_http_jimeng_account_t *account,
    jm_str_t *name, jm_queue_conf_t *conf);

uint32_t ngx_http_jimeng_zone_records(ngx_http_jimeng_zone_t *zone);
jm_rc_e ngx_http_jimeng_zone_accounts(ngx_http_jimeng_zone_t *zone);
jm_rc_e ngx_http_jimeng_zone_register(ngx_http_jimeng_zone_t *zone);

/* ngx_http_jimeng_wake.c */

ngx_int_t ngx_http_jimeng_wake_create(ngx_cycle_t *cycle);
ngx_int_t ngx_http_jimeng_wake_init(ngx_cycle_t *cycle,
    ngx_event_handler_pt handler);
void ngx_http_jimeng_wake(uint32_t worker);
void ngx_http_jimeng_wake_all(void);

/* ngx_http_jimeng_schedule.c */

ngx_msec_t ngx_http_jimeng_schedule_next(ngx_http_request_t *r,
    uint64_t kind, const jm_task_t *task, ngx_msec_t elapsed);
void ngx_http_jimeng_schedule_learn(ngx_http_request_t *r, uint64_t kind,
    jm_schedule_seen_t *seen);


#endif /* _NGX_HTTP_JIMENG_ZONE_H_INCLUDED_ */
