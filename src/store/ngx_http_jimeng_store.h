
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * The floor "store": with "jimeng_store" what requests have in common lies on a
 * server.  A worker comes to it, says now and then that it lives, and listens
 * to what concerns its tasks.  Until it has come, and while the server is away,
 * each operation is away.
 */


#ifndef _NGX_HTTP_JIMENG_STORE_H_INCLUDED_
#define _NGX_HTTP_JIMENG_STORE_H_INCLUDED_


#include "ngx_http_jimeng_redis.h"
#include "ngx_http_jimeng_zone.h"

#include "jm_redis_args.h"
#include "jm_redis_process.h"


/* milliseconds between two signs of life, and before one more attempt */

#define NGX_HTTP_JIMENG_STORE_RENEW  1000
#define NGX_HTTP_JIMENG_STORE_AGAIN  200


typedef enum {
    NGX_HTTP_JIMENG_STORE_CONFIGURE = 0,
    NGX_HTTP_JIMENG_STORE_JOIN,
    NGX_HTTP_JIMENG_STORE_RENEWS
} ngx_http_jimeng_store_state_e;


/* who waits until a worker that has just begun has come to the store */

typedef struct {
    ngx_queue_t                    queue;
    jm_done_t                      done;
} ngx_http_jimeng_store_wait_t;


typedef struct ngx_http_jimeng_names_s  ngx_http_jimeng_names_t;


/* of this worker alone */

struct ngx_http_jimeng_store_s {
    jm_redis_t                     redis;
    ngx_http_jimeng_zone_t        *zone;
    ngx_http_jimeng_redis_t       *calls;
    ngx_pool_t                    *pool;
    ngx_log_t                     *log;
    ngx_event_t                    timer;
    ngx_event_t                    flush;       /* of what was told */
    ngx_queue_t                    asked;
    ngx_event_t                    open;        /* as long as any is */
    ngx_http_jimeng_store_state_e  state;
    jm_op_configure_t              configure;
    jm_op_join_t                   join;
    jm_redis_account_t            *accounts;
    ngx_http_jimeng_names_t       *names;       /* of clients */
    ngx_str_t                      channel;
    ngx_queue_t                    waiting;     /* until it has joined */
    ngx_event_t                    patience;
    u_char                         node[JM_REDIS_NODE];
    u_char                         place[JM_REDIS_PLACE];
    unsigned                       asking:1;
    unsigned                       listens:1;
    unsigned                       begun:1;     /* nobody waits any more */
};


/* ngx_http_jimeng_store_early.c */

void ngx_http_jimeng_store_begin(ngx_http_jimeng_store_t *store);
ngx_int_t ngx_http_jimeng_store_early(ngx_http_request_t *r,
    ngx_http_handler_pt handler);
void ngx_http_jimeng_store_begun(ngx_event_t *ev);

/* ngx_http_jimeng_store.c */

ngx_int_t ngx_http_jimeng_store_init_process(ngx_cycle_t *cycle);
void ngx_http_jimeng_store_exit_process(ngx_cycle_t *cycle);

/* ngx_http_jimeng_store_call.c: see jm_redis_t */

void ngx_http_jimeng_store_calls(ngx_http_jimeng_store_t *store);
void ngx_http_jimeng_store_drop(ngx_http_jimeng_store_t *store);

/* ngx_http_jimeng_store_names.c */

ngx_http_jimeng_names_t *ngx_http_jimeng_names_create(ngx_pool_t *pool,
    ngx_array_t *clients);
jm_str_t ngx_http_jimeng_names_find(ngx_http_jimeng_names_t *names,
    const jm_redis_t *redis, uint64_t digest);

/* ngx_http_jimeng_store_process.c */

void ngx_http_jimeng_store_process(ngx_http_jimeng_store_t *store,
    ngx_cycle_t *cycle);

/* ngx_http_jimeng_store_place.c */

void ngx_http_jimeng_store_place(ngx_http_jimeng_store_t *store,
    ngx_cycle_t *cycle);
ngx_uint_t ngx_http_jimeng_store_is_dead(uint64_t pid, uint64_t start);


#endif /* _NGX_HTTP_JIMENG_STORE_H_INCLUDED_ */
