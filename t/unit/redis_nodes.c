/*
 * Processes of several nodes on a server: how many of these live, and accounts
 * that have other numbers on each.
 *
 * Seen failing without the lease in nodes(), and, with a number that has no
 * account, without jm_redis_has() in jm_redis_put_accounts(), without
 * is_silent() in dispatch(), without recall(), without the gap in it, and
 * without queue.remind().
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


static struct {
    int64_t  owner, pid, start;
} neighbours[4];

static int64_t  nneighbours;


static void
see_neighbour(void *data, uint64_t owner, uint64_t pid, uint64_t start)
{
    (void) data;

    neighbours[nneighbours].owner = (int64_t) owner;
    neighbours[nneighbours].pid = (int64_t) pid;
    neighbours[nneighbours++].start = (int64_t) start;
}


static uint64_t
neighbour(redis_t *r, const char *node, const char *place, uint64_t pid)
{
    jm_op_join_t  join;

    memset(&join, 0, sizeof(jm_op_join_t));

    join.done.handler = redis_is_done;
    join.each = see_neighbour;
    join.node = str(node);
    join.says = str("1.2.3");
    join.place = str(place);
    join.pid = pid;
    join.start = pid + 1000;

    nneighbours = 0;
    jm_redis_join(&r->redis, &join);
    is_int(join.away, 0, "it joins");

    return r->redis.owner;
}


/* processes of one machine are known by their pids, to be buried */

static void
test_neighbours(void)
{
    size_t   i;
    redis_t  r[4];
    uint64_t first, second;

    begin();

    for (i = 0; i < 4; i++) {
        redis_begin(&r[i], stores_accounts, 2);
    }

    first = neighbour(&r[0], "one", "boot 1", 7);
    is_int(nneighbours, 0, "the first of a machine");
    (void) neighbour(&r[1], "two", "boot 2", 7);
    is_int(nneighbours, 0, "and of another one");

    second = neighbour(&r[2], "three", "boot 1", 8);
    is_int(nneighbours, 1, "the second sees the first");
    is_int(neighbours[0].owner, (int64_t) first, "its number");
    is_int(neighbours[0].pid, 7, "its pid");
    is_int(neighbours[0].start, 1007, "when it began");

    jm_redis_bury(&r[2].redis, first);

    (void) neighbour(&r[3], "three", "boot 1", 9);
    is_int(nneighbours, 1, "one that is buried is there no more");
    is_int(neighbours[0].owner, (int64_t) second, "but the other one is");

    (void) neighbour(&r[3], "three", "", 9);
    is_int(nneighbours, 0, "without a place nobody is known");

    for (i = 0; i < 4; i++) {
        redis_end(&r[i]);
    }

    stores_end(&st);
}


static struct {
    char      name[16], says[16];
    uint64_t  processes, age;
} nodes[4];

static size_t  nnodes;


static void
see_node(void *data, const jm_redis_node_t *node)
{
    (void) data;

    snprintf(nodes[nnodes].name, 16, "%.*s", (int) node->name.len,
             (const char *) node->name.data);
    snprintf(nodes[nnodes].says, 16, "%.*s", (int) node->says.len,
             (const char *) node->says.data);

    nodes[nnodes].processes = node->processes;
    nodes[nnodes++].age = node->age;
}


static void
see_nodes(void)
{
    jm_op_nodes_t  op;

    memset(&op, 0, sizeof(jm_op_nodes_t));

    op.done.handler = redis_is_done;
    op.each = see_node;

    nnodes = 0;
    jm_redis_nodes(&stores_redis.redis, &op);
    is_int(op.away, 0, "nodes are told of");
}


static void
test_nodes(void)
{
    redis_t  other, third;

    begin();

    redis_begin(&other, stores_accounts, 2);
    redis_begin(&third, stores_accounts, 2);
    (void) neighbour(&other, "web2", "", 1);
    (void) neighbour(&third, "web2", "", 2);

    state_wait(JM_REDIS_LEASE - 1000);
    redis_set_clock(stores_redis.c, state_clock.wall);
    redis_renew(&stores_redis);

    see_nodes();
    is_int((int64_t) nnodes, 2, "two of them");
    is_str(str(nodes[0].name), "node", "the last to give a sign");
    is_int((int64_t) nodes[0].age, 0, "just now");
    is_str(str(nodes[1].name), "web2", "the other one");
    is_str(str(nodes[1].says), "1.2.3", "and what it said");
    is_int((int64_t) nodes[1].processes, 2, "with two processes");
    is_int((int64_t) nodes[1].age, JM_REDIS_LEASE - 1000, "long ago");

    state_wait(1001);
    redis_set_clock(stores_redis.c, state_clock.wall);
    redis_renew(&stores_redis);

    see_nodes();
    is_int((int64_t) nnodes, 2, "a dead one is told of");
    is_int((int64_t) nodes[1].processes, 0, "without any");

    state_wait(86400000);
    redis_set_clock(stores_redis.c, state_clock.wall);
    redis_renew(&stores_redis);
    (void) neighbour(&third, "web3", "", 2);

    see_nodes();
    is_int((int64_t) nnodes, 2, "for a day");
    is_str(str(nodes[1].name), "web3", "which was heard of as well just now");

    redis_end(&other);
    redis_end(&third);
    stores_end(&st);
}


/* ms go by, of which this process is heard each second */

static void
heard(redis_t *r, uint64_t ms)
{
    uint64_t  piece;

    for ( /* void */ ; ms != 0; ms -= piece) {
        piece = jm_min(ms, 1000);

        state_wait(piece);
        redis_set_clock(r->c, state_clock.wall);
        redis_renew(r);
    }
}


/* what a request of this process's is told of its place */

static jm_queue_e
turn(redis_t *r, order_t *o, const jm_client_t *client)
{
    jm_queue_e  rc;

    state_store = &r->b;
    rc = order_enter(&st, o, 0, 0, client);
    state_store = &b;

    return rc;
}


/* a process that is silent loses its turn, and what it did not come for */

static void
test_silent(void)
{
    order_t  first, o, second, third;
    redis_t  other;

    begin();
    redis_begin(&other, stores_accounts, 2);

    order_running(&st, &first, 1, "runs", 0, &alice);

    (void) order_open(&st, &o, 2, 1, &bob);
    (void) order_open(&st, &second, 3, 1, &alice);

    is_int(turn(&other, &o, &bob), JM_QUEUE_WAIT, "bob waits elsewhere");
    is_int(turn(&stores_redis, &second, &alice), JM_QUEUE_WAIT,
           "alice's next one waits behind him");

    heard(&stores_redis, 6000);
    order_over(&st, &first, 0, 1, JM_LEAVE_OVER);
    is_int(turn(&stores_redis, &second, &alice), JM_QUEUE_GRANTED,
           "a free slot does not wait for a silent process");

    redis_renew(&other);
    is_int(turn(&other, &o, &bob), JM_QUEUE_WAIT, "which comes again");

    /* it is granted, and not come for */

    order_over(&st, &second, 0, 1, JM_LEAVE_FREE);
    order_close(&st, &second, 1);
    (void) order_open(&st, &second, 4, 1, &alice);
    is_int(turn(&stores_redis, &second, &alice), JM_QUEUE_WAIT,
           "bob has the slot");

    heard(&stores_redis, 4500);
    is_int(turn(&stores_redis, &second, &alice), JM_QUEUE_WAIT, "for a while");
    heard(&stores_redis, 1500);
    is_int(turn(&stores_redis, &second, &alice), JM_QUEUE_GRANTED,
           "that he does not come for");

    /* while nobody could say that he lives nobody was silent */

    redis_renew(&other);
    is_int(turn(&other, &o, &bob), JM_QUEUE_WAIT, "he comes once more");
    (void) order_open(&st, &third, 5, 1, &alice);
    is_int(turn(&stores_redis, &third, &alice), JM_QUEUE_WAIT,
           "alice is behind him");

    state_wait(6000);
    redis_set_clock(stores_redis.c, state_clock.wall);
    redis_renew(&stores_redis);
    order_over(&st, &second, 0, 1, JM_LEAVE_FREE);
    is_int(turn(&stores_redis, &third, &alice), JM_QUEUE_WAIT,
           "it is his turn");
    is_int(turn(&other, &o, &bob), JM_QUEUE_GRANTED, "and his slot");

    redis_end(&other);
    stores_end(&st);
}


/* how many of its places a process is told of, a moment later */

static size_t
told(redis_t *r, uint64_t ms)
{
    uint32_t  alarms;
    uint64_t  serials[4];

    state_wait(ms);
    redis_set_clock(r->c, state_clock.wall);
    redis_renew(r);
    redis_messages(r);

    return r->b.news(&r->b, serials, 4, &alarms);
}


/* a message that got lost is sent again */

static void
test_lost_message(void)
{
    order_t  first, o;
    redis_t  other;

    begin();
    redis_begin(&other, stores_accounts, 2);
    redis_subscribe(&other);

    order_running(&st, &first, 1, "runs", 0, &alice);
    (void) order_open(&st, &o, 2, 1, &bob);
    is_int(turn(&other, &o, &bob), JM_QUEUE_WAIT, "bob waits elsewhere");
    is_int((int64_t) told(&other, 300), 0, "nothing to tell");

    order_over(&st, &first, 0, 1, JM_LEAVE_OVER);
    is_int((int64_t) told(&other, 299), 1, "it is his turn");
    is_int((int64_t) told(&other, 1), 1, "and still is");

    is_int(turn(&other, &o, &bob), JM_QUEUE_GRANTED, "he comes");
    is_int((int64_t) told(&other, 300), 0, "and is told no more");

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
    test_neighbours();
    test_nodes();
    test_silent();
    test_lost_message();

    return done_testing();
}
