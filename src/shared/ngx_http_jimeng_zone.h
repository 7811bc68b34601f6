
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#ifndef _NGX_HTTP_JIMENG_ZONE_H_INCLUDED_
#define _NGX_HTTP_JIMENG_ZONE_H_INCLUDED_


#define NGX_HTTP_JIMENG_VERSIONS     6

/* the shared memory; all but what sh points to is this process's own */

typedef struct {
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
        size_t                    size;     /* of this */

        jm_ledger_shared_t       *ledger;
        jm_queue_shared_t        *queue;
        jm_quota_shared_t        *quota;
        jm_metrics_shared_t      *metrics;
        jm_schedule_shared_t     *schedule;
        ngx_msec_t                warned;   /* that it is full; or 0 */
        u_char                    salt[JM_DIGEST_LEN];
    } *sh;
} ngx_http_jimeng_zone_t;


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
ngx_uint_t ngx_http_jimeng_zone_holds(ngx_http_jimeng_zone_t *zone,
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


#endif /* _NGX_HTTP_JIMENG_ZONE_H_INCLUDED_ */
