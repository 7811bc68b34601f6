/*
 * Processes of several nodes on a server: how many of these live, and accounts
 * that have other numbers on each.
 *
 * Seen failing without the lease in nodes(), and, with a number that has no
 * account, without jm_redis_has() in jm_redis_put_accounts().
 */


#define _GNU_SOURCE

#include "stores.h"


#define SIZE  (512 * 1024)


static jm_state_t    st;
static jm_backend_t  b;
static jm_client_t   alice, bob;


static const stores_account_t  accounts[] = { { "main", 1 }, { "backup", 1 } };


static void
begin(void)
{
    const jm_client_t  *clients[] = { &alice, &bob };

    stores_begin(&b, &st, SIZE, accounts, 2, clients, 2);
}


/* nodes of which a process has said so, not long ago */

static unsigned
nodes_of(redis_t *r, const char *node)
{
    jm_op_join_t  join;

    memset(&join, 0, sizeof(jm_op_join_t));

    join.done.handler = redis_is_done;
    join.node = str(node);

    jm_redis_renew(&r->redis, &join);

    return join.away || join.lost ? 0 : join.nodes;
}


static void
test_living(void)
{
    redis_t  other;

    begin();

    is_int(nodes_of(&stores_redis, "node"), 1, "a node is alone");

    redis_begin(&other, stores_accounts, 2);
    is_int(nodes_of(&other, "node"), 1, "with two processes, too");
    is_int(nodes_of(&other, "second"), 2, "two nodes");
    is_int(nodes_of(&stores_redis, "node"), 2, "which both know");

    state_wait(JM_REDIS_LEASE - 1);
    redis_set_clock(other.c, state_clock.wall);
    is_int(nodes_of(&other, "second"), 2, "for as long as a process has");

    state_wait(1);
    redis_set_clock(other.c, state_clock.wall);
    is_int(nodes_of(&other, "second"), 1, "and not longer");

    redis_end(&other);
    stores_end(&st);
}


/* a number without an account: one that the configuration has no more */

static void
test_gap(void)
{
    size_t              n;
    order_t             o;
    redis_t             other;
    jm_op_orphan_t      op;
    jm_redis_account_t  accounts[3];

    begin();

    memset(accounts, 0, sizeof(accounts));

    accounts[0] = stores_accounts[1];
    accounts[2] = stores_accounts[0];

    redis_begin(&other, accounts, 3);

    n = other.redis.naccounts;
    ok(n == 3 && other.redis.there[0] == stores_redis.redis.there[1]
       && other.redis.there[1] == JM_LEDGER_ANY
       && other.redis.there[2] == stores_redis.redis.there[0],
       "accounts are known by their names");
    is_int(nodes_of(&other, "node"), 1, "and renewed");
    is_int(redis_command(other.c, 2,
                         (const char *[]) { "ZCARD", REDIS_PREFIX "x" }, NULL),
           2, "but for the one that is none");

    b = other.b;
    state_store = &b;

    order_running(&st, &o, 1, "far", 2, &alice);
    is_int(stores_account(&stores_redis.b, 0).running, 1, "it runs there");
    order_lose(&st, &o, 0);
    order_close(&st, &o, 0);

    (void) order_open(&st, &o, 2, 1, &alice);
    (void) order_enter(&st, &o, 0, 1, &alice);
    is_int((int64_t) o.places[0].serial, 0, "there is no place on none");
    order_close(&st, &o, 0);

    memset(&op, 0, sizeof(jm_op_orphan_t));

    op.done = state_done_with;
    op.accounts = 7;
    b.orphan(&b, &op);
    ok(op.found && op.orphan.account == 2, "a task that nobody follows");

    redis_end(&other);
    stores_end(&st);
}


int
main(void)
{
    if (getenv("JIMENG_REDIS") == NULL) {
        printf("1..0 # SKIP no redis-server here\n");
        return 0;
    }

    on_redis = 1;
    alice = state_client("alice");
    bob = state_client("bob");

    test_living();
    test_gap();

    return done_testing();
}
