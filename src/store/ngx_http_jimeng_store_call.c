
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_store.h"

#include "jm_quota_loose.h"


/* a call without an answer yet */

typedef struct {
    ngx_queue_t                queue;
    ngx_http_jimeng_store_t   *store;
    jm_redis_done_pt           done;
    void                      *op;
} ngx_http_jimeng_store_call_t;


static jm_rc_e ngx_http_jimeng_store_call(void *ctx, size_t argc,
    const char **argv, const size_t *lens, jm_redis_done_pt done, void *op);
static void ngx_http_jimeng_store_answered(void *data, redisReply *reply);
static void ngx_http_jimeng_store_open(ngx_event_t *ev);
static void ngx_http_jimeng_store_tell(void *ctx, size_t argc,
    const char **argv, const size_t *lens);
static void ngx_http_jimeng_store_later(void *ctx);
static void ngx_http_jimeng_store_flush(ngx_event_t *ev);
static unsigned ngx_http_jimeng_store_listed(void *ctx,
    const jm_client_t *client);
static jm_str_t ngx_http_jimeng_store_named(void *ctx, uint64_t digest);


void
ngx_http_jimeng_store_calls(ngx_http_jimeng_store_t *store)
{
    ngx_queue_init(&store->asked);

    store->open.handler = ngx_http_jimeng_store_open;
    store->open.data = store;
    store->open.log = store->log;

    store->flush.handler = ngx_http_jimeng_store_flush;
    store->flush.data = store;
    store->flush.log = store->log;

    store->redis.call = ngx_http_jimeng_store_call;
    store->redis.tell = ngx_http_jimeng_store_tell;
    store->redis.later = ngx_http_jimeng_store_later;
    store->redis.listed = ngx_http_jimeng_store_listed;
    store->redis.named = ngx_http_jimeng_store_named;
    store->redis.ctx = store;
}


/* handlers are not called any more */

void
ngx_http_jimeng_store_drop(ngx_http_jimeng_store_t *store)
{
    ngx_queue_t  *q, *next;

    if (store->flush.posted) {
        ngx_delete_posted_event(&store->flush);
    }

    for (q = ngx_queue_head(&store->asked);
         q != ngx_queue_sentinel(&store->asked);
         q = next)
    {
        next = ngx_queue_next(q);

        ngx_free(ngx_queue_data(q, ngx_http_jimeng_store_call_t, queue));
    }

    ngx_queue_init(&store->asked);
}


static jm_rc_e
ngx_http_jimeng_store_call(void *ctx, size_t argc, const char **argv,
    const size_t *lens, jm_redis_done_pt done, void *op)
{
    ngx_http_jimeng_store_t *store = ctx;

    ngx_http_jimeng_store_call_t  *call;

    call = ngx_alloc(sizeof(ngx_http_jimeng_store_call_t), store->log);
    if (call == NULL) {
        return JM_ERROR;
    }

    call->store = store;
    call->done = done;
    call->op = op;

    if (ngx_http_jimeng_redis_call(store->calls, argc, argv, lens,
                                   ngx_http_jimeng_store_answered, call)
        != NGX_OK)
    {
        ngx_free(call);
        return JM_ERROR;
    }

    ngx_queue_insert_tail(&store->asked, &call->queue);

    /* a worker that is to exit waits for answers */

    if (!store->open.timer_set) {
        ngx_add_timer(&store->open, NGX_HTTP_JIMENG_STORE_RENEW);
    }

    return JM_OK;
}


static void
ngx_http_jimeng_store_answered(void *data, redisReply *reply)
{
    ngx_http_jimeng_store_call_t *call = data;

    void                     *op;
    jm_redis_done_pt          done;
    ngx_http_jimeng_store_t  *store;

    store = call->store;
    done = call->done;
    op = call->op;

    ngx_queue_remove(&call->queue);
    ngx_free(call);

    if (ngx_queue_empty(&store->asked) && store->open.timer_set) {
        ngx_del_timer(&store->open);
    }

    done(&store->redis, op, reply);
}


static void
ngx_http_jimeng_store_open(ngx_event_t *ev)
{
    ngx_http_jimeng_store_t  *store;

    store = ev->data;

    if (!ngx_queue_empty(&store->asked)) {
        ngx_add_timer(ev, NGX_HTTP_JIMENG_STORE_RENEW);
    }
}


static void
ngx_http_jimeng_store_tell(void *ctx, size_t argc, const char **argv,
    const size_t *lens)
{
    ngx_http_jimeng_store_t *store = ctx;

    ngx_http_jimeng_redis_tell(store->calls, argc, argv, lens);
}


/* what is told in one turn of the worker goes as one call at its end */

static void
ngx_http_jimeng_store_later(void *ctx)
{
    ngx_http_jimeng_store_t *store = ctx;

    ngx_post_event(&store->flush, &ngx_posted_events);
}


static void
ngx_http_jimeng_store_flush(ngx_event_t *ev)
{
    ngx_http_jimeng_store_t  *store;

    store = ev->data;

    jm_redis_flush(&store->redis);
}


/* what the zone knows of this node's configuration */

static unsigned
ngx_http_jimeng_store_listed(void *ctx, const jm_client_t *client)
{
    ngx_http_jimeng_store_t *store = ctx;

    unsigned     listed;
    jm_state_t  *state;

    state = ngx_http_jimeng_zone_lock(store->zone);

    listed = jm_quota_listed(&state->quota, client);

    ngx_http_jimeng_zone_unlock(store->zone);

    return listed;
}


static jm_str_t
ngx_http_jimeng_store_named(void *ctx, uint64_t digest)
{
    ngx_http_jimeng_store_t *store = ctx;

    return ngx_http_jimeng_names_find(store->names, &store->redis, digest);
}
