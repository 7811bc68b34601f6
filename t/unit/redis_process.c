/*
 * Processes on a server: they configure it, come, live and go, and are told of
 * what happens to their places.  A server that has lost all says so, and never
 * gives out a number again that somebody has.
 *
 * Seen failing without the counter's beginning in numbers(), without the look
 * at the version in configure, without lives() in reap(), without the alarm in
 * jm_redis_new(), without the look at heard() in twin(), and with lives() alone
 * in follows().
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


/* each node has accounts in an order of its own, and some that others lack */

static void
test_accounts(void)
{
    order_t               o;
    redis_t               other;
    jm_op_orphan_t        op;
    jm_op_look_t          look;
    jm_redis_account_t    theirs[2];

    begin();

    memset(theirs, 0, sizeof(theirs));

    theirs[0] = stores_accounts[1];
    theirs[1] = stores_accounts[0];
    theirs[0].name = str("third");

    redis_begin(&other, theirs, 2);

    order_running(&st, &o, 1, "in main", 0, &alice);
    order_lose(&st, &o, 0);
    order_close(&st, &o, 0);

    memset(&op, 0, sizeof(jm_op_orphan_t));

    op.done = state_done_with;
    op.accounts = 1;
    other.b.orphan(&other.b, &op);
    is_int(op.found, 0, "another node's first account has no task");

    op.accounts = 3;
    other.b.orphan(&other.b, &op);
    is_int(op.found, 1, "its second one has");
    is_int(op.orphan.account, 1, "by its own number");

    op.bill.images = 1;
    other.b.asked(&other.b, &op);
    is_int(op.first, 1, "whose end it sees");
    is_str(op.client, "alice", "for who ordered it, by the name");

    other.b.query_denied(&other.b, 1);
    other.b.query_denied(&other.b, 2);
    is_int((int64_t) stores_account(&b, 0).queries_denied, 1,
           "a refused query counts for the account that it was sent with");
    is_int((int64_t) stores_account(&b, 1).queries_denied, 0, "not another");

    /* on an account that the other one does not have */

    order_running(&st, &o, 2, "in backup", 1, &alice);
    order_lose(&st, &o, 0);

    look = stores_peek(&other.b, o.claim.serial, 0);
    is_int(look.look, JM_LOOK_TAKEN, "what runs elsewhere is known");
    is_int(look.account, JM_LEDGER_ANY, "but not where");

    order_close(&st, &o, 1);
    redis_end(&other);
    stores_end(&st);
}


static void
test_version(void)
{
    jm_op_configure_t  op;
    jm_redis_account_t many[65];

    const char  *argv[] = { "HSET", REDIS_PREFIX "s", "version", "7" };
    const char  *exists[] = { "HEXISTS", REDIS_PREFIX "A", "new" };

    begin();

    memset(&op, 0, sizeof(jm_op_configure_t));

    op.done.handler = redis_is_done;
    op.accounts = many;
    op.n = 65;

    jm_redis_configure(&stores_redis.redis, &op);
    is_int(op.away, 1, "more accounts than there may be");

    op.accounts = stores_accounts;
    op.n = 2;
    memset(op.salt, 'x', JM_STATE_SALT);

    jm_redis_configure(&stores_redis.redis, &op);
    is_int(op.rc, JM_OK, "configured again");
    is_int(stores_redis.redis.salt[0], 's', "the salt that is there counts");

    redis_command(stores_redis.c, 4, argv, NULL);

    memset(many, 0, sizeof(many));
    many[0] = stores_accounts[0];
    many[0].name = str("new");
    op.accounts = many;
    op.n = 1;

    jm_redis_configure(&stores_redis.redis, &op);
    is_int(op.away, 0, "what is of another version");
    is_int(op.rc, JM_INVALID, "is no good");
    is_int((int64_t) op.version, 7, "which is said");
    is_int(redis_command(stores_redis.c, 3, exists, NULL), 0,
           "and not touched");

    stores_end(&st);
}


/* numbers for 64 accounts; those that are used no more go first */

static void
test_numbers(void)
{
    char                 names[130][8];
    size_t               i;
    order_t              o;
    jm_op_configure_t    op;
    jm_redis_account_t   many[64];

    begin();
    order_running(&st, &o, 1, "runs", 0, &alice);

    memset(&op, 0, sizeof(jm_op_configure_t));
    memset(many, 0, sizeof(many));

    op.done.handler = redis_is_done;
    op.accounts = many;
    op.n = 64;

    for (i = 0; i < 64; i++) {
        snprintf(names[i], 8, "a%zu", i);
        many[i].name = str(names[i]);
        many[i].conf = stores_accounts[0].conf;
    }

    jm_redis_configure(&stores_redis.redis, &op);
    is_int(op.rc, JM_INVALID, "one more than there are numbers");

    /* what others have is theirs until they have not been here for long */

    op.n = 62;
    jm_redis_configure(&stores_redis.redis, &op);
    is_int(op.rc, JM_OK, "beside two there is room for 62");

    stores_wait(2 * JM_REDIS_LEASE + 1);
    op.accounts = many + 1;
    jm_redis_configure(&stores_redis.redis, &op);
    is_int(op.rc, JM_OK, "and one goes that nobody has");

    stores_end(&st);
}


static void
test_news(void)
{
    size_t      i, n;
    order_t     a, c;
    uint32_t    alarms, before;
    uint64_t    serials[JM_REDIS_NEWS + 1], serial;
    char        text[32];
    jm_str_t    channel;

    begin();
    redis_subscribe(&stores_redis);

    order_running(&st, &a, 1, "first", 0, &alice);
    (void) order_open(&st, &c, 2, 1, &bob);
    is_int(order_enter(&st, &c, 0, 0, &bob), JM_QUEUE_WAIT, "one waits");

    serial = c.places[0].serial;
    order_over(&st, &a, 0, 1, JM_LEAVE_OVER);

    redis_messages(&stores_redis);
    n = b.news(&b, serials, 4, &before);
    is_int((int64_t) n, 1, "it is told of its slot");
    is_int((int64_t) (serials[0] - serial), 0, "by its place");
    is_int((int64_t) b.news(&b, serials, 4, &alarms), 0, "once");
    is_int(alarms, before, "nothing else has happened");

    is_int(order_enter(&st, &c, 0, 0, &bob), JM_QUEUE_GRANTED, "it has it");

    /* what is no list of places is nothing; too many are an alarm */

    channel = str(REDIS_PREFIX "w1");

    jm_redis_message(&stores_redis.redis, channel, str(""));
    jm_redis_message(&stores_redis.redis, channel, str("x"));
    jm_redis_message(&stores_redis.redis, channel, str("1x,2"));
    jm_redis_message(&stores_redis.redis, channel,
                     str("99999999999999999999999999999999999"));
    is_int((int64_t) b.news(&b, serials, 4, &alarms), 0, "no places");

    jm_redis_message(&stores_redis.redis, channel, str("5,6,,7"));
    is_int((int64_t) b.news(&b, serials, 2, &alarms), 2, "two of three");
    is_int((int64_t) b.news(&b, serials, 2, &alarms), 1, "and the other");
    is_int((int64_t) serials[0], 7, "in their order");

    for (i = 1; i <= JM_REDIS_NEWS + 1; i++) {
        snprintf(text, sizeof(text), "%zu", i);
        jm_redis_message(&stores_redis.redis, channel, str(text));
    }

    n = b.news(&b, serials, JM_REDIS_NEWS + 1, &alarms);
    ok(n <= JM_REDIS_NEWS && alarms != before,
       "more than there is room for is news of all");

    jm_redis_message(&stores_redis.redis, str(REDIS_PREFIX "w*"), str("*"));
    (void) b.news(&b, serials, 1, &before);
    ok(before != alarms, "and so is an alarm");

    stores_end(&st);
}


/* a process that is stopped for long is dead to others, and comes back */

static void
test_lease(void)
{
    order_t      o;
    uint64_t     ms;
    redis_t      other;
    jm_op_join_t join;

    begin();

    order_running(&st, &o, 3, "its own", 0, &alice);
    state_wait(JM_REDIS_LEASE + 1);
    redis_set_clock(stores_redis.c, state_clock.wall);
    is_int(stores_account(&b, 0).lost, 0, "no process takes itself for dead");
    order_over(&st, &o, 0, 1, JM_LEAVE_OVER);
    order_close(&st, &o, 1);
    redis_renew(&stores_redis);

    redis_begin(&other, stores_accounts, 2);

    order_running(&st, &o, 1, "runs", 0, &alice);
    is_int(stores_account(&other.b, 0).lost, 0, "it is followed");

    state_wait(JM_REDIS_LEASE + 1);
    redis_set_clock(other.c, state_clock.wall);
    redis_renew(&other);

    is_int(stores_account(&other.b, 0).lost, 0, "while nobody could say so");

    for (ms = 0; ms <= JM_REDIS_LEASE; ms += 1000) {
        state_wait(1000);
        redis_set_clock(other.c, state_clock.wall);
        redis_renew(&other);
    }

    is_int(stores_account(&other.b, 0).lost, 1, "for as long as it says so");

    memset(&join, 0, sizeof(jm_op_join_t));

    join.done.handler = redis_is_done;
    join.node = str("node");

    jm_redis_renew(&stores_redis.redis, &join);
    is_int(join.away + join.lost, 0, "it is back");
    order_over(&st, &o, 0, 1, JM_LEAVE_OVER);
    is_int(stores_account(&other.b, 0).running, 0, "and sees the end");
    order_close(&st, &o, 1);

    /* one that says that it ends */

    order_running(&st, &o, 2, "left", 0, &alice);
    jm_redis_quit(&stores_redis.redis);
    state_wait(1000);
    redis_set_clock(other.c, state_clock.wall);
    is_int(stores_account(&other.b, 0).lost, 1, "is dead at once");

    redis_end(&other);
    stores_end(&st);
}


/* opens the same without a mark, which has waited so long */

static jm_ledger_e
open_waited(redis_t *r, order_t *o, unsigned patient, uint64_t waited)
{
    jm_op_open_t  op;

    memset(o, 0, sizeof(order_t));
    memset(&op, 0, sizeof(jm_op_open_t));

    op.done = state_done_with;
    op.claim = &o->claim;
    order_request(&op.request, UNNAMED, 1, &alice);
    op.request.patient = patient;
    op.request.waited = waited;

    r->b.open(&r->b, &op);

    return op.found;
}


static void
wait_unheard(redis_t *heard, const char *node, uint64_t ms)
{
    jm_op_join_t  join;

    state_wait(ms);
    redis_set_clock(heard->c, state_clock.wall);

    memset(&join, 0, sizeof(jm_op_join_t));

    join.done.handler = redis_is_done;
    join.node = str(node);

    jm_redis_renew(&heard->redis, &join);
}


/*
 * A client that waits in another process: it is one more that sends the same
 * once that is known to live, and the same one again once that is dead.
 */

static void
test_unheard(void)
{
    order_t  first, o, same;
    redis_t  other;

    begin();
    redis_begin(&other, stores_accounts, 2);

    order_running(&st, &first, UNNAMED, "runs", 0, &alice);
    wait_unheard(&other, "web2", 900);

    is_int(open_waited(&other, &o, 1, 0), JM_LEDGER_TWIN, "another waits");
    is_int(open_waited(&stores_redis, &o, 0, 250), JM_LEDGER_NEW,
           "its own process knows that it lives");
    order_close(&st, &o, 1);

    wait_unheard(&other, "web2", 250);
    is_int(open_waited(&other, &o, 0, 250), JM_LEDGER_TWIN,
           "it is not known whether it lives");

    wait_unheard(&other, "web2", 50);
    redis_renew(&stores_redis);
    wait_unheard(&other, "web2", 200);
    is_int(open_waited(&other, &same, 0, 500), JM_LEDGER_NEW, "it does");
    order_close(&st, &same, 1);

    wait_unheard(&other, "web2", JM_REDIS_LEASE - 300);
    is_int(open_waited(&other, &same, 1, 0), JM_LEDGER_TWIN, "it is silent");
    wait_unheard(&other, "web2", 99);
    is_int(open_waited(&other, &same, 0, 99), JM_LEDGER_TWIN, "to the end");
    wait_unheard(&other, "web2", 1);
    is_int(open_waited(&other, &same, 0, 100), JM_LEDGER_FOUND,
           "of its lease: what it has ordered is joined");
    order_close(&st, &same, 1);

    /* a process of the same node would be buried */

    redis_renew(&stores_redis);
    order_running(&st, &first, UNNAMED, "runs too", 1, &alice);
    wait_unheard(&other, "node", 250);
    is_int(open_waited(&other, &same, 0, 100), JM_LEDGER_NEW,
           "on the same node it is not waited for");
    order_close(&st, &same, 1);

    wait_unheard(&other, "node", 2500);
    is_int(open_waited(&other, &same, 0, 100), JM_LEDGER_TWIN,
           "but when it is silent there as well");

    redis_end(&other);
    stores_end(&st);
}


static void
test_lost(void)
{
    order_t        o;
    uint64_t       owner, serial;
    jm_op_join_t   join;
    jm_op_rate_t   rate;

    begin();

    (void) order_open(&st, &o, 1, 1, &alice);

    owner = stores_redis.redis.owner;
    serial = o.claim.serial;

    redis_wants(stores_redis.c, "DEL", REDIS_PREFIX "n", NULL);
    redis_wants(stores_redis.c, "DEL", REDIS_PREFIX "o", NULL);
    stores_wait(1000);

    memset(&join, 0, sizeof(jm_op_join_t));

    join.done.handler = redis_is_done;
    join.node = str("node");

    jm_redis_renew(&stores_redis.redis, &join);
    is_int(join.lost, 1, "a server that has lost all says so");

    jm_redis_join(&stores_redis.redis, &join);
    is_int(join.away, 0, "the process joins anew");
    ok(stores_redis.redis.owner > owner + JM_REDIS_SERIALS * 2
       && stores_redis.redis.owner > serial,
       "with a number behind all that there were");

    redis_wants(stores_redis.c, "FUNCTION", "FLUSH", NULL);

    memset(&rate, 0, sizeof(jm_op_rate_t));

    rate.done = state_done_with;
    rate.client = &alice;
    b.rate(&b, &rate);
    is_int(rate.away, 1, "without its functions it does not answer");

    stores_end(&st);
}


/* whoever sees the end of a task whose process is silent frees its slot */

static void
test_silent(void)
{
    order_t       o;
    redis_t       other;
    jm_place_t    none;
    jm_op_over_t  over;

    begin();
    redis_begin(&other, stores_accounts, 2);

    order_running(&st, &o, 4, "7392616336519610410", 0, &alice);

    memset(&none, 0, sizeof(jm_place_t));
    memset(&over, 0, sizeof(jm_op_over_t));

    over.done = state_done_with;
    over.entry = o.claim.serial;
    over.place = &none;
    over.how = JM_LEAVE_OVER;
    over.bill.images = 1;
    over.joined = str("7392616336519610410");

    state_wait(2499);
    redis_set_clock(other.c, state_clock.wall);
    other.b.over(&other.b, &over);
    is_int(over.first, 0, "who was heard of just now sees it itself");
    is_int(stores_account(&other.b, 0).running, 1, "and has its slot");

    state_wait(1);
    redis_set_clock(other.c, state_clock.wall);
    other.b.over(&other.b, &over);
    is_int(over.first, 1, "who is silent does not");
    is_int(over.billed, 1, "it is billed");
    is_int(stores_account(&other.b, 0).running, 0, "its slot is free");

    order_over(&st, &o, 0, 1, JM_LEAVE_OVER);
    is_int(stores_account(&b, 0).running, 0, "and stays so when it is back");

    order_close(&st, &o, 1);
    redis_end(&other);
    stores_end(&st);
}


/* a new configuration is tried at once, one that is known changes nothing */

static void
test_again(void)
{
    jm_op_configure_t   op;
    jm_redis_account_t  more[2];

    begin();

    memset(&op, 0, sizeof(jm_op_configure_t));
    memcpy(more, stores_accounts, sizeof(more));

    more[0].conf.concurrency = 5;

    op.done.handler = redis_is_done;
    op.accounts = more;
    op.n = 2;
    op.again = 1;

    jm_redis_configure(&stores_redis.redis, &op);
    is_int(op.rc, JM_OK, "configured again");
    is_int(stores_account(&b, 0).effective, 1, "it is as it was");

    op.again = 0;

    jm_redis_configure(&stores_redis.redis, &op);
    is_int(stores_account(&b, 0).effective, 5, "until it is new");

    redis_wants(stores_redis.c, "DEL", REDIS_PREFIX "a", NULL);
    redis_wants(stores_redis.c, "DEL", REDIS_PREFIX "A", NULL);

    op.again = 1;

    jm_redis_configure(&stores_redis.redis, &op);
    is_int(stores_account(&b, 0).effective, 5,
           "to a server that has lost all it is");

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

    test_accounts();
    test_version();
    test_numbers();
    test_news();
    test_lease();
    test_unheard();
    test_lost();
    test_silent();
    test_again();

    return done_testing();
}
