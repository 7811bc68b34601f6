
/*
 * Tests of what both stores do: each runs on the one in memory, and again on
 * Redis where there is a server.  What a test wants to know it asks through the
 * seam; what looks into memory is for that alone.
 */


#ifndef _STORES_H_INCLUDED_
#define _STORES_H_INCLUDED_


#include "state.h"
#include "redis.h"


#define STORES_CLIENTS  4
#define STORES_ACCOUNTS 4


/* which of both it is */

static unsigned            on_redis;

static redis_t             stores_redis;
static jm_client_t         stores_clients[STORES_CLIENTS];
static jm_redis_account_t  stores_accounts[STORES_ACCOUNTS];


/* the accounts have so many slots each, and their numbers are 0, 1 ... */

typedef struct {
    const char          *name;
    uint32_t             concurrency;
} stores_account_t;


static inline void
stores_begin_memory(jm_backend_t *b, jm_state_t *st, size_t size,
    const stores_account_t *accounts, size_t n,
    const jm_client_t *const *clients, size_t nclients)
{
    size_t  i;

    state_store = NULL;

    state_new(st, size, 100);
    state_backend(b, st);

    for (i = 0; i < n; i++) {
        if (state_account(st, accounts[i].name, accounts[i].concurrency) != i) {
            abort();
        }
    }

    (void) state_sync(st, clients, nclients);
}


static inline void
stores_begin_redis(jm_backend_t *b, const stores_account_t *accounts, size_t n)
{
    size_t             i;
    jm_queue_conf_t   *conf;
    redisContext      *c;

    memset(stores_accounts, 0, sizeof(stores_accounts));

    for (i = 0; i < n; i++) {
        stores_accounts[i].name = str(accounts[i].name);

        conf = &stores_accounts[i].conf;
        conf->concurrency = accounts[i].concurrency;
        conf->queue = 100;
        conf->weight = 1;
    }

    c = redis_connect();
    redis_fresh(c);
    redis_set_clock(c, state_clock.wall);
    redisFree(c);

    redis_begin(&stores_redis, stores_accounts, n);

    *b = stores_redis.b;
    state_store = b;
}


/* a fresh one; who is named by the files is a copy of what is there now */

static inline void
stores_begin(jm_backend_t *b, jm_state_t *st, size_t size,
    const stores_account_t *accounts, size_t n,
    const jm_client_t *const *clients, size_t nclients)
{
    size_t  i;

    for (i = 0; i < nclients; i++) {
        stores_clients[i] = *clients[i];
        redis_clients[i] = &stores_clients[i];
    }

    redis_nclients = nclients;

    if (on_redis) {
        memset(st, 0, sizeof(jm_state_t));
        stores_begin_redis(b, accounts, n);

    } else {
        stores_begin_memory(b, st, size, accounts, n, clients, nclients);
    }
}


static inline void
stores_end(jm_state_t *st)
{
    if (on_redis) {
        redis_end(&stores_redis);
        state_store = NULL;

    } else {
        is_int(state_is_whole(st), 1, "all is whole");
        state_done(st);
    }
}


/* ms go by; or the clock was set, with 0 */

static inline void
stores_wait(uint64_t ms)
{
    state_wait(ms);

    if (on_redis) {
        redis_set_clock(stores_redis.c, state_clock.wall);
        redis_renew(&stores_redis);
    }
}


static jm_quota_view_t  stores_seen;
static jm_queue_view_t  stores_seen_account;


static inline void
stores_see(void *data, size_t i, const jm_quota_rate_t *rate,
    const jm_quota_view_t *view)
{
    (void) data;
    (void) i;
    (void) rate;

    stores_seen = *view;
}


static inline jm_quota_view_t
stores_view(jm_backend_t *b, const jm_client_t *c)
{
    jm_op_clients_t  op;

    memset(&op, 0, sizeof(jm_op_clients_t));

    op.done = state_done_with;
    op.clients = &c;
    op.n = 1;
    op.each = stores_see;

    b->clients(b, &op);

    return stores_seen;
}


static inline void
stores_see_account(void *data, size_t i, const jm_queue_view_t *view)
{
    (void) data;
    (void) i;

    stores_seen_account = *view;
}


static inline jm_queue_view_t
stores_account(jm_backend_t *b, unsigned account)
{
    jm_op_accounts_t  op;

    memset(&op, 0, sizeof(jm_op_accounts_t));

    op.done = state_done_with;
    op.accounts = &account;
    op.n = 1;
    op.each = stores_see_account;

    b->accounts(b, &op);

    return stores_seen_account;
}


/* how task i of an entry stands */

static inline jm_op_look_t
stores_peek(jm_backend_t *b, uint64_t entry, unsigned i)
{
    jm_place_t    none;
    jm_op_look_t  op;

    memset(&op, 0, sizeof(jm_op_look_t));
    memset(&none, 0, sizeof(jm_place_t));

    op.done = state_done_with;
    op.entry = entry;
    op.task = i;
    op.account = JM_LEDGER_ANY;
    op.place = &none;

    b->look(b, &op);

    return op;
}


/* on both; returns what main() does */

static inline int
stores_test(void (*test)(void))
{
    test();

    on_redis = 1;

    if (getenv("JIMENG_REDIS") == NULL) {
        ok(1, "on Redis # SKIP no redis-server here");

    } else {
        printf("# on Redis\n");
        test();
    }

    return done_testing();
}


#endif /* _STORES_H_INCLUDED_ */
