
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * With "jimeng_store" what requests have in common lies on a server: a worker
 * comes to it, says now and then that it lives, and listens to what concerns
 * its tasks.  Until it has come, and while the server is away, each operation
 * is away.
 */


#include "ngx_http_jimeng_zone.h"
#include "ngx_http_jimeng_redis.h"

#include "jm_quota_loose.h"
#include "jm_redis_args.h"
#include "jm_redis_process.h"


/* milliseconds between two signs of life, and before one more attempt */

#define NGX_HTTP_JIMENG_STORE_RENEW  1000
#define NGX_HTTP_JIMENG_STORE_AGAIN  200


typedef enum {
    NGX_HTTP_JIMENG_STORE_CONFIGURE = 0,
    NGX_HTTP_JIMENG_STORE_JOIN,
    NGX_HTTP_JIMENG_STORE_RENEWS,
    NGX_HTTP_JIMENG_STORE_REFUSED       /* it is of another version */
} ngx_http_jimeng_store_state_e;


/* of this worker alone */

struct ngx_http_jimeng_store_s {
    jm_redis_t                     redis;
    ngx_http_jimeng_zone_t        *zone;
    ngx_http_jimeng_redis_t       *calls;
    ngx_pool_t                    *pool;
    ngx_log_t                     *log;
    ngx_event_t                    timer;
    ngx_queue_t                    asked;
    ngx_event_t                    open;        /* as long as any is */
    ngx_http_jimeng_store_state_e  state;
    jm_op_configure_t              configure;
    jm_op_join_t                   join;
    jm_redis_account_t            *accounts;
    u_char                         says[JM_REDIS_SAYS];
    ngx_str_t                      channel;
    ngx_queue_t                    waiting;     /* until it has joined */
    ngx_event_t                    patience;
    unsigned                       asking:1;
    unsigned                       listens:1;
    unsigned                       begun:1;     /* nobody waits any more */
};


/* a call without an answer yet */

typedef struct {
    ngx_queue_t                    queue;
    ngx_http_jimeng_store_t       *store;
    jm_redis_done_pt               done;
    void                          *op;
} ngx_http_jimeng_store_call_t;


static ngx_int_t ngx_http_jimeng_store_accounts(
    ngx_http_jimeng_store_t *store);
static ngx_int_t ngx_http_jimeng_store_prefix(ngx_http_jimeng_store_t *store);
static jm_rc_e ngx_http_jimeng_store_call(void *ctx, size_t argc,
    const char **argv, const size_t *lens, jm_redis_done_pt done, void *op);
static void ngx_http_jimeng_store_answered(void *data, redisReply *reply);
static void ngx_http_jimeng_store_open(ngx_event_t *ev);
static void ngx_http_jimeng_store_tell(void *ctx, size_t argc,
    const char **argv, const size_t *lens);
static unsigned ngx_http_jimeng_store_listed(void *ctx,
    const jm_client_t *client);
static jm_str_t ngx_http_jimeng_store_named(void *ctx, uint64_t digest);
static void ngx_http_jimeng_store_begun(ngx_event_t *ev);
static void ngx_http_jimeng_store_timer(ngx_event_t *ev);
static void ngx_http_jimeng_store_configured(void *data);
static void ngx_http_jimeng_store_joined(void *data);
static void ngx_http_jimeng_store_renewed(void *data);
static void ngx_http_jimeng_store_bury(ngx_http_jimeng_store_t *store);
static void ngx_http_jimeng_store_listen(ngx_http_jimeng_store_t *store);
static void ngx_http_jimeng_store_all(void *data, ngx_str_t *message);
static void ngx_http_jimeng_store_own(void *data, ngx_str_t *message);
static void ngx_http_jimeng_store_message(ngx_http_jimeng_store_t *store,
    unsigned all, ngx_str_t *message);


/* a worker starts: the connections do */

ngx_int_t
ngx_http_jimeng_store_init_process(ngx_http_jimeng_zone_t *zone,
    ngx_cycle_t *cycle)
{
    ngx_http_jimeng_store_t  *store;

    if (zone == NULL || zone->jmcf->redis == NULL) {
        return NGX_OK;
    }

    store = ngx_pcalloc(cycle->pool, sizeof(ngx_http_jimeng_store_t));
    if (store == NULL) {
        return NGX_ERROR;
    }

    store->zone = zone;
    store->calls = zone->jmcf->redis;
    store->pool = cycle->pool;
    store->log = cycle->log;

    ngx_queue_init(&store->asked);
    ngx_queue_init(&store->waiting);

    store->open.handler = ngx_http_jimeng_store_open;
    store->open.data = store;
    store->open.log = cycle->log;

    store->patience.handler = ngx_http_jimeng_store_begun;
    store->patience.data = store;
    store->patience.log = cycle->log;

    store->redis.call = ngx_http_jimeng_store_call;
    store->redis.tell = ngx_http_jimeng_store_tell;
    store->redis.listed = ngx_http_jimeng_store_listed;
    store->redis.named = ngx_http_jimeng_store_named;
    store->redis.ctx = store;
    store->redis.east = (int32_t) zone->jmcf->timezone;

    if (ngx_http_jimeng_store_prefix(store) != NGX_OK
        || ngx_http_jimeng_store_accounts(store) != NGX_OK
        || ngx_http_jimeng_random(store->configure.salt, JM_STATE_SALT,
                                  cycle->log)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_jimeng_str(&store->join.node, &cycle->hostname);
    store->join.node.len = ngx_min(store->join.node.len, JM_REDIS_NODE);

    store->join.says.data = store->says;
    store->join.says.len = ngx_snprintf(store->says, JM_REDIS_SAYS,
                                        NGX_HTTP_JIMENG_VERSION)
                           - store->says;

    store->timer.handler = ngx_http_jimeng_store_timer;
    store->timer.data = store;
    store->timer.log = cycle->log;
    store->timer.cancelable = 1;

    jm_backend_redis(&zone->backend, &store->redis);

    zone->store = store;

    ngx_add_timer(&store->timer, 1);

    return NGX_OK;
}


/* a worker that begins answers nobody at once that its store is away */

ngx_uint_t
ngx_http_jimeng_store_ready(ngx_http_jimeng_zone_t *zone)
{
    return zone->store == NULL || zone->store->begun;
}


void
ngx_http_jimeng_store_wait(ngx_http_jimeng_zone_t *zone,
    ngx_http_jimeng_store_wait_t *wait)
{
    ngx_http_jimeng_store_t  *store;

    store = zone->store;

    ngx_queue_insert_tail(&store->waiting, &wait->queue);

    if (!store->patience.timer_set) {
        ngx_add_timer(&store->patience, store->calls->conf.timeout);
    }
}


static void
ngx_http_jimeng_store_begun(ngx_event_t *ev)
{
    ngx_queue_t                   *q;
    ngx_http_jimeng_store_t       *store;
    ngx_http_jimeng_store_wait_t  *wait;

    store = ev->data;
    store->begun = 1;

    if (ev->timer_set) {
        ngx_del_timer(ev);
    }

    while (!ngx_queue_empty(&store->waiting)) {
        q = ngx_queue_head(&store->waiting);
        ngx_queue_remove(q);

        wait = ngx_queue_data(q, ngx_http_jimeng_store_wait_t, queue);
        wait->done.handler(wait->done.data);
    }
}


/* what it has is a dead process's at once; handlers are not called any more */

void
ngx_http_jimeng_store_exit_process(ngx_http_jimeng_zone_t *zone)
{
    ngx_queue_t              *q;
    ngx_http_jimeng_store_t  *store;

    store = zone ? zone->store : NULL;

    if (store == NULL) {
        return;
    }

    if (store->redis.owner != 0) {
        jm_redis_quit(&store->redis);
    }

    while (!ngx_queue_empty(&store->asked)) {
        q = ngx_queue_head(&store->asked);
        ngx_queue_remove(q);

        ngx_free(ngx_queue_data(q, ngx_http_jimeng_store_call_t, queue));
    }

    jm_redis_free(&store->redis);
}


/* an account's number is its place in the configuration */

static ngx_int_t
ngx_http_jimeng_store_accounts(ngx_http_jimeng_store_t *store)
{
    jm_str_t                     name;
    ngx_uint_t                   i;
    ngx_array_t                 *accounts;
    ngx_http_jimeng_account_t  **account;

    accounts = &store->zone->jmcf->accounts;
    account = accounts->elts;

    if (accounts->nelts > JM_QUEUE_ACCOUNTS) {
        return NGX_ERROR;
    }

    store->accounts = ngx_pcalloc(store->pool, accounts->nelts
                                               * sizeof(jm_redis_account_t));
    if (store->accounts == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < accounts->nelts; i++) {
        ngx_http_jimeng_zone_account(account[i], &name,
                                     &store->accounts[i].conf);

        store->accounts[i].name = name;
        account[i]->queue_number = i;
    }

    store->configure.accounts = store->accounts;
    store->configure.n = accounts->nelts;

    return NGX_OK;
}


/* a cluster has all keys with the same text in braces on one node */

static ngx_int_t
ngx_http_jimeng_store_prefix(ngx_http_jimeng_store_t *store)
{
    u_char     *p;
    ngx_str_t  *prefix;

    prefix = &store->calls->prefix;

    p = ngx_pnalloc(store->pool, prefix->len + sizeof("{}:"));
    if (p == NULL) {
        return NGX_ERROR;
    }

    prefix->len = ngx_sprintf(p, "{%V}:%Z", prefix) - p - 1;
    prefix->data = p;

    ngx_http_jimeng_str(&store->redis.prefix, prefix);

    store->calls->library = "jimeng1";
    store->calls->code = (const char *) jm_redis_library.data;

    return NGX_OK;
}


/* ---- calls */


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


/* ---- what the zone knows of this node's configuration */


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

    ngx_uint_t           i, n;
    const jm_client_t  **client;

    static const jm_str_t  nobody = jm_null_string;

    client = store->zone->jmcf->clients.elts;
    n = store->zone->jmcf->clients.nelts;

    for (i = 0; i < n; i++) {
        if (jm_redis_digest(&store->redis, client[i]->name) == digest) {
            return client[i]->name;
        }
    }

    return nobody;
}


/* ---- a process among others */


static void
ngx_http_jimeng_store_timer(ngx_event_t *ev)
{
    ngx_http_jimeng_store_t  *store;

    store = ev->data;

    if (store->asking) {
        ngx_add_timer(ev, NGX_HTTP_JIMENG_STORE_AGAIN);
        return;
    }

    store->asking = 1;

    store->configure.done.data = store;
    store->join.done.data = store;

    switch (store->state) {

    case NGX_HTTP_JIMENG_STORE_CONFIGURE:
        store->configure.done.handler = ngx_http_jimeng_store_configured;
        jm_redis_configure(&store->redis, &store->configure);
        break;

    case NGX_HTTP_JIMENG_STORE_JOIN:
        store->join.done.handler = ngx_http_jimeng_store_joined;
        jm_redis_join(&store->redis, &store->join);
        break;

    default: /* NGX_HTTP_JIMENG_STORE_RENEWS */
        store->join.done.handler = ngx_http_jimeng_store_renewed;
        jm_redis_renew(&store->redis, &store->join);
    }
}


static void
ngx_http_jimeng_store_next(ngx_http_jimeng_store_t *store, ngx_msec_t pause)
{
    store->asking = 0;

    ngx_add_timer(&store->timer, pause);
}


static void
ngx_http_jimeng_store_configured(void *data)
{
    ngx_http_jimeng_store_t *store = data;

    if (store->configure.away) {
        ngx_http_jimeng_store_next(store, NGX_HTTP_JIMENG_STORE_AGAIN);
        return;
    }

    if (store->configure.rc != JM_OK) {
        ngx_log_error(NGX_LOG_ERR, store->log, 0,
                      "jimeng: %V has been used by another version of the "
                      "module, or has as many accounts as there may be: give "
                      "\"jimeng_store\" another prefix=",
                      &store->calls->conf.name);

        ngx_http_jimeng_store_next(store, NGX_HTTP_JIMENG_STORE_RENEW);
        return;
    }

    store->state = NGX_HTTP_JIMENG_STORE_JOIN;

    ngx_http_jimeng_store_next(store, 1);
}


static void
ngx_http_jimeng_store_joined(void *data)
{
    ngx_http_jimeng_store_t *store = data;

    if (store->join.away) {
        ngx_http_jimeng_store_next(store, NGX_HTTP_JIMENG_STORE_AGAIN);
        return;
    }

    store->state = NGX_HTTP_JIMENG_STORE_RENEWS;

    ngx_http_jimeng_store_bury(store);
    ngx_http_jimeng_store_listen(store);

    ngx_http_jimeng_store_next(store, 1);
}


static void
ngx_http_jimeng_store_renewed(void *data)
{
    ngx_http_jimeng_store_t *store = data;

    if (store->join.away) {
        ngx_http_jimeng_store_next(store, NGX_HTTP_JIMENG_STORE_AGAIN);
        return;
    }

    ngx_http_jimeng_store_bury(store);

    /* its numbers come with the first answer after that */

    if (!store->begun && jm_redis_number(&store->redis) == 0) {
        ngx_http_jimeng_store_next(store, 1);
        return;
    }

    if (!store->begun) {
        ngx_http_jimeng_store_begun(&store->patience);
    }

    if (store->join.lost) {
        store->state = NGX_HTTP_JIMENG_STORE_CONFIGURE;
        ngx_http_jimeng_store_next(store, 1);
        return;
    }

    ngx_http_jimeng_store_next(store, NGX_HTTP_JIMENG_STORE_RENEW);
}


/*
 * What a killed worker had need not wait for the end of its lease: its place is
 * another's, or it is seen by whoever lives.
 */

static void
ngx_http_jimeng_store_bury(ngx_http_jimeng_store_t *store)
{
    ngx_int_t                mine;
    ngx_uint_t               i;
    ngx_http_jimeng_zone_t  *zone;

    zone = store->zone;
    mine = NGX_ERROR;

    ngx_http_jimeng_zone_lock(zone);

    for (i = 0; i < NGX_HTTP_JIMENG_OWNERS; i++) {

        if (zone->sh->owners[i].pid == ngx_pid) {
            zone->sh->owners[i].pid = 0;
        }

        if (zone->sh->owners[i].pid != 0
            && kill(zone->sh->owners[i].pid, 0) == -1 && ngx_errno == NGX_ESRCH)
        {
            jm_redis_bury(&store->redis, zone->sh->owners[i].owner);
            zone->sh->owners[i].pid = 0;
        }

        if (zone->sh->owners[i].pid == 0 && mine == NGX_ERROR) {
            mine = (ngx_int_t) i;
        }
    }

    if (mine != NGX_ERROR) {
        zone->sh->owners[mine].pid = ngx_pid;
        zone->sh->owners[mine].owner = store->redis.owner;
    }

    ngx_http_jimeng_zone_unlock(zone);
}


/* ---- what others tell */


static void
ngx_http_jimeng_store_listen(ngx_http_jimeng_store_t *store)
{
    size_t     len;
    u_char     name[JM_REDIS_CHANNEL];
    ngx_str_t  all, own;

    ngx_str_set(&all, "w*");

    len = jm_redis_channel(&store->redis, 0, name);

    own.data = name + store->redis.prefix.len;
    own.len = len - store->redis.prefix.len;

    if (ngx_http_jimeng_redis_subscribe(store->calls, &own,
                                        ngx_http_jimeng_store_own, store)
        != NGX_OK
        || (!store->listens
            && ngx_http_jimeng_redis_subscribe(store->calls, &all,
                                               ngx_http_jimeng_store_all,
                                               store)
               != NGX_OK))
    {
        ngx_log_error(NGX_LOG_ERR, store->log, 0,
                      "jimeng: no memory to listen to %V: tasks that wait for "
                      "a slot may get it a second late",
                      &store->calls->conf.name);
    }

    store->listens = 1;
}


static void
ngx_http_jimeng_store_all(void *data, ngx_str_t *message)
{
    ngx_http_jimeng_store_message(data, 1, message);
}


static void
ngx_http_jimeng_store_own(void *data, ngx_str_t *message)
{
    ngx_http_jimeng_store_message(data, 0, message);
}


/* without a message some may have been missed: all look */

static void
ngx_http_jimeng_store_message(ngx_http_jimeng_store_t *store, unsigned all,
    ngx_str_t *message)
{
    jm_str_t  channel, text;
    uint8_t   name[JM_REDIS_CHANNEL];

    all |= (message == NULL);

    channel.data = name;
    channel.len = jm_redis_channel(&store->redis, all, name);

    text.len = message ? message->len : 0;
    text.data = message ? message->data : NULL;

    jm_redis_message(&store->redis, channel, text);

    ngx_http_jimeng_wake((uint32_t) ngx_worker);
}
