/*
 * What the store on Redis does over time that the one in memory need not, or
 * does by other means: its clock may be set back, a call may fail half-way, and
 * what nobody asks for must neither pile up nor go too early.
 *
 * Seen failing: test_clock() without tick(), test_half() without "begins",
 * test_shares() without reap() in quota.hold, test_keys() with a time of its
 * own for each entry, and test_group() without leave_group() in dispatch().
 */


#define _GNU_SOURCE

#include "stores.h"
#include "jm_redis_args.h"


#define SIZE  (512 * 1024)
#define HOUR  3600000


static jm_state_t    st;
static jm_backend_t  b;
static jm_client_t   alice, bob;


static const stores_account_t  accounts[] = { { "main", 1 }, { "backup", 9 } };


static void
begin(void)
{
    const jm_client_t  *clients[] = { &alice, &bob };

    stores_begin(&b, &st, SIZE, accounts, 2, clients, 2);
}


/* ms go by, of which a process is heard each second */

static void
renewed(redis_t *r, uint64_t ms)
{
    uint64_t  piece;

    for ( /* void */ ; ms != 0; ms -= piece) {
        piece = jm_min(ms, 1000);

        state_wait(piece);
        redis_set_clock(r->c, state_clock.wall);
        redis_renew(r);
    }
}


/* leases go on, and so does the queue, when the clock is set back, and on */

static void
test_clock(int64_t jump)
{
    order_t   a, o;
    redis_t   other;

    begin();
    redis_begin(&other, stores_accounts, 2);
    stores_wait(5000);
    redis_renew(&other);

    order_running(&st, &a, 1, "runs", 0, &alice);

    state_clock.wall += (uint64_t) jump;
    stores_wait(0);
    redis_renew(&other);

    is_int(stores_account(&other.b, 0).lost, 0, "it is followed");

    /* the first is silent, and dead after its lease */

    renewed(&other, JM_REDIS_LEASE - 1);
    is_int(stores_account(&other.b, 0).lost, 0, "for all of its lease");

    renewed(&other, 1000);
    is_int(stores_account(&other.b, 0).lost, 1, "and then by nobody");

    /* another client's place in the other account comes and goes */

    (void) order_open(&st, &o, 2, 1, &bob);
    is_int(order_enter(&st, &o, 0, 1, &bob), JM_QUEUE_GRANTED, "a slot");
    order_over(&st, &o, 0, 1, JM_LEAVE_OVER);
    order_close(&st, &o, 1);
    order_close(&st, &a, 1);

    redis_end(&other);
    stores_end(&st);
}


static unsigned
accounts_away(void)
{
    jm_op_accounts_t  op;

    static const unsigned  first[] = { 0 };

    memset(&op, 0, sizeof(jm_op_accounts_t));

    op.done = state_done_with;
    op.accounts = first;
    op.n = 1;
    op.each = stores_see_account;

    b.accounts(&b, &op);

    return op.away;
}


/* a call that fails has an account that is not there, as after a FLUSHALL */

static void
test_half(void)
{
    redisReply  *reply;
    char         owner[32];

    begin();

    is_int(accounts_away(), 0, "the account is there");

    snprintf(owner, sizeof(owner), "%" PRIu64, stores_redis.redis.owner);

    reply = redisCommand(stores_redis.c, "FCALL jimeng1_accounts 1 %s %s 0 2 "
                         "0 63", REDIS_PREFIX, owner);
    is_int(reply->type, REDIS_REPLY_ERROR, "a call fails half-way");
    freeReplyObject(reply);

    redis_wants(stores_redis.c, "DEL", REDIS_PREFIX "a", NULL);
    is_int(accounts_away(), 1, "nothing that it knew is known to the next");

    stores_end(&st);
}


static int64_t
size_of(const char *key)
{
    const char  *argv[] = { "STRLEN", key };

    return redis_command(stores_redis.c, 2, argv, NULL);
}


/* processes that die with a request of a client that reaches no limit */

static void
test_shares(void)
{
    char      key[64];
    size_t    i;
    int64_t   first;
    order_t   o;
    redis_t   r;

    begin();
    first = 0;

    snprintf(key, sizeof(key), REDIS_PREFIX "u%016" PRIx64,
             jm_redis_digest(&stores_redis.redis, alice.name));

    for (i = 0; i < 20; i++) {
        redis_begin(&r, stores_accounts, 2);
        state_store = &r.b;

        (void) order_open(&st, &o, (uint32_t) (10 + i), 1, &alice);
        jm_redis_quit(&r.redis);

        if (i == 2) {
            first = size_of(key);
        }

        state_store = &b;
        redis_end(&r);
        stores_wait(10);
    }

    ok(first != 0, "the client is known");
    ok(size_of(key) <= first, "what dead processes had does not pile up");

    stores_end(&st);
}


/* a repeat with less time does not cut that of what came before */

static void
test_keys(void)
{
    char                key[128];
    size_t              n;
    jm_op_open_t        op;
    jm_ledger_claim_t   claim;
    const char         *argv[] = { "PTTL", key };
    size_t              lens[2];

    begin();

    memset(&op, 0, sizeof(jm_op_open_t));
    memset(&claim, 0, sizeof(jm_ledger_claim_t));

    order_request(&op.request, UNNAMED, 1, &alice);

    op.done = state_done_with;
    op.claim = &claim;
    op.request.keep = 10 * DAY;
    b.open(&b, &op);

    n = (size_t) snprintf(key, sizeof(key), REDIS_PREFIX "k");
    memcpy(key + n, op.request.key, JM_LEDGER_KEY);
    lens[0] = 4;
    lens[1] = n + JM_LEDGER_KEY;

    ok(redis_command(stores_redis.c, 2, argv, lens) > (long long) (10 * DAY),
       "it is found for its time");

    op.request.keep = HOUR;
    b.open(&b, &op);

    ok(redis_command(stores_redis.c, 2, argv, lens) > (long long) (10 * DAY),
       "whatever comes after it");

    stores_end(&st);
}


/* a place that a server has lost, which then has none of its group's */

static void
test_group(void)
{
    char         key[64];
    order_t      a, o;
    const char  *argv[] = { "HLEN", REDIS_PREFIX "g" };

    begin();

    order_running(&st, &a, 1, "runs", 0, &alice);
    (void) order_open(&st, &o, 2, 1, &bob);
    is_int(order_enter(&st, &o, 0, 0, &bob), JM_QUEUE_WAIT, "one waits");
    is_int(redis_command(stores_redis.c, 2, argv, NULL), 1, "in a group");

    snprintf(key, sizeof(key), REDIS_PREFIX "p%" PRIu64, o.places[0].serial);
    redis_wants(stores_redis.c, "DEL", key, NULL);

    order_over(&st, &a, 0, 1, JM_LEAVE_OVER);
    is_int(redis_command(stores_redis.c, 2, argv, NULL), 0,
           "which goes with the last of its places");

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
    alice.images = 1000000;
    bob = state_client("bob");

    test_clock(0);
    test_clock(-HOUR);
    test_half();
    test_shares();
    test_keys();
    test_group();

    return done_testing();
}
