/*
 * What is told is done once, however often it is sent, and in whatever order:
 * an answer may be lost with its connection, and one that was refused comes
 * after the next.  What is told in one turn is one call.
 *
 * Seen failing without is_new() in "many" ("once"), and in "over" ("released
 * once"); with n > last alone in place of gaps_of() ("the one between", "before
 * it forgot"); with a name that all processes have ("another process's"); and
 * without pcall() ("what is next").
 */


#define _GNU_SOURCE

#include "stores.h"


#define SIZE  (512 * 1024)
#define KEPT  16


static jm_state_t    st;
static jm_backend_t  b;
static jm_client_t   alice;
static uint32_t      keys;

static struct {
    char            *bytes;
    size_t           len;
}                    kept[KEPT];
static size_t        nkept;


/* what is told is kept, for the test to send */

static void
keep(void *ctx, size_t argc, const char **argv, const size_t *lens)
{
    long long  len;

    (void) ctx;

    if (nkept == KEPT) {
        abort();
    }

    len = redisFormatCommandArgv(&kept[nkept].bytes, (int) argc, argv, lens);

    if (len <= 0) {
        abort();
    }

    kept[nkept++].len = (size_t) len;
}


static void
begin_keeping(void)
{
    nkept = 0;
    stores_redis.redis.tell = keep;
}


static void
end_keeping(void)
{
    while (nkept != 0) {
        free(kept[--nkept].bytes);
    }

    stores_redis.redis.tell = redis_tell;
}


/* returns whether it was taken */

static unsigned
send_kept(size_t i)
{
    void         *reply;
    unsigned      taken;
    redisReply   *r;

    if (i >= nkept
        || redisAppendFormattedCommand(stores_redis.c, kept[i].bytes,
                                       kept[i].len)
           != REDIS_OK
        || redisGetReply(stores_redis.c, &reply) != REDIS_OK)
    {
        abort();
    }

    r = reply;
    taken = (r->type != REDIS_REPLY_ERROR);

    if (!taken) {
        printf("# %s\n", r->str);
    }

    freeReplyObject(reply);

    return taken;
}


static void
begin(void)
{
    const jm_client_t              *clients[] = { &alice };
    static const stores_account_t   accounts[] = { { "main", 8 } };

    stores_begin(&b, &st, SIZE, accounts, 1, clients, 1);
}


static unsigned
running(void)
{
    return stores_view(&b, &alice).running;
}


static void
open_all(order_t *orders, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        (void) order_open(&st, &orders[i], ++keys, 1, &alice);
    }
}


static void
test_again(void)
{
    order_t  o[3];

    begin();
    open_all(o, 3);
    is_int(running(), 3, "three run");

    begin_keeping();
    b.release(&b, &o[0].hold);

    is_int(send_kept(0), 1, "one is released, without an answer");
    is_int(send_kept(0), 1, "it is told again");
    is_int(running(), 2, "and done once");

    b.release(&b, &o[1].hold);

    is_int(send_kept(0), 1, "all is told again");
    is_int(send_kept(1), 1, "with the next");
    is_int(running(), 1, "which is done");

    end_keeping();
    stores_end(&st);
}


/* as of commands that are under way some may be refused, and others not */

static void
test_order(void)
{
    size_t   i;
    order_t  o[7];

    begin();
    open_all(o, 7);

    begin_keeping();

    for (i = 0; i < 6; i++) {
        b.release(&b, &o[i].hold);
    }

    (void) send_kept(0);
    (void) send_kept(4);
    is_int(running(), 5, "three were refused between two");

    (void) send_kept(2);
    is_int(running(), 4, "the one between comes after all");
    (void) send_kept(1);
    (void) send_kept(3);
    is_int(running(), 2, "and those beside it");

    for (i = 0; i < 6; i++) {
        (void) send_kept(i);
    }

    is_int(running(), 1, "each is done once");

    for (i = 0; i < 6; i++) {
        (void) send_kept(5 - i);
    }

    is_int(running(), 1, "whatever is sent");

    end_keeping();
    stores_end(&st);
}


/* what it does not know any more it may not have done */

static void
test_forgotten(void)
{
    char          text[32];
    order_t       o[4];
    jm_op_join_t  join;
    const char   *argv[] = { "DEL", text };

    begin();
    open_all(o, 4);

    begin_keeping();
    b.release(&b, &o[0].hold);
    b.release(&b, &o[1].hold);
    (void) send_kept(0);

    snprintf(text, sizeof(text), REDIS_PREFIX "T%016x",
             (unsigned) stores_redis.redis.name);
    is_int(redis_command(stores_redis.c, 2, argv, NULL), 1, "it forgets");

    b.release(&b, &o[2].hold);
    (void) send_kept(2);
    (void) send_kept(1);
    is_int(running(), 1, "what is from before it forgot is done");
    (void) send_kept(2);
    (void) send_kept(1);
    is_int(running(), 1, "once");

    /* a process that joins anew goes on with its numbers */

    memset(&join, 0, sizeof(jm_op_join_t));

    join.done.handler = redis_is_done;
    join.node = str("node");

    b.release(&b, &o[3].hold);
    jm_redis_join(&stores_redis.redis, &join);
    open_all(o, 2);
    is_int(running(), 3, "it has joined anew, and two run more");

    (void) send_kept(3);
    (void) send_kept(3);
    is_int(running(), 2, "what it kept is of the process that it was");

    b.release(&b, &o[0].hold);
    (void) send_kept(4);
    (void) send_kept(4);
    is_int(running(), 1, "and once");

    end_keeping();
    stores_end(&st);
}


static void
test_others(void)
{
    redis_t       other;
    order_t       o, theirs;
    jm_op_open_t  op;

    begin();
    redis_begin(&other, stores_accounts, 1);

    open_all(&o, 1);

    memset(&op, 0, sizeof(jm_op_open_t));
    memset(&theirs, 0, sizeof(order_t));

    op.done = state_done_with;
    op.claim = &theirs.claim;
    op.client = &alice;
    op.hold = &theirs.hold;
    op.force = 1;
    order_request(&op.request, ++keys, 1, &alice);

    other.b.open(&other.b, &op);
    is_int(running(), 2, "one each");

    b.release(&b, &o.hold);
    other.b.release(&other.b, &theirs.hold);

    is_int((int64_t) (other.redis.told.number
                      - stores_redis.redis.told.number), 0,
           "both tell the same number");
    is_int(running(), 0, "which is not another process's");

    redis_end(&other);
    stores_end(&st);
}


static void
over_op(jm_op_over_t *op, order_t *o)
{
    memset(op, 0, sizeof(jm_op_over_t));

    op->done = state_done_with;
    op->claim = &o->claim;
    op->entry = o->claim.serial;
    op->place = &o->places[0];
    op->how = JM_LEAVE_OVER;
    op->hold = &o->hold;
    op->bill = *bill(1);
    op->release = 1;
}


/* the last task's end frees its client, and has an answer */

static void
test_over(redis_how_e how, const char *name)
{
    order_t          o, beside;
    uint64_t         used;
    jm_op_over_t     op;
    jm_quota_view_t  v;

    begin();

    order_running(&st, &o, ++keys, "over", 0, &alice);
    open_all(&beside, 1);
    used = stores_view(&b, &alice).used;

    over_op(&op, &o);

    stores_redis.how = how;
    b.over(&b, &op);
    stores_redis.how = REDIS_ANSWERS;

    is_int(op.away, 0, "%s: its own end is known", name);
    is_int(o.hold.running + (int64_t) o.hold.images, 0,
           "%s: nothing is held", name);

    v = stores_view(&b, &alice);
    is_int(v.running, 1, "%s: its client is released once", name);
    is_int((int64_t) v.reserved, 1, "%s: the other one may bring one", name);
    is_int((int64_t) (v.used - used), 1, "%s: it has brought one", name);

    b.release(&b, &o.hold);
    is_int(running(), 1, "%s: there is nothing more to release", name);

    stores_end(&st);
}


/* what is told in one turn, and what a call is made before */

static void
test_turn(void)
{
    char      big[8000];
    order_t   o[2];
    unsigned  tells;

    begin();

    order_running(&st, &o[0], ++keys, "one", 0, &alice);
    order_running(&st, &o[1], ++keys, "other", 0, &alice);

    stores_redis.waits = 1;
    tells = stores_redis.tells;

    b.ended(&b, &o[0].claim, JM_CLAIM_ANSWERED, NULL);
    b.billed(&b, o[0].claim.serial, 0);
    is_int(stores_redis.tells - tells, 0, "it is told in a moment");
    b.ended(&b, &o[0].claim, JM_CLAIM_CLOSED, NULL);
    is_int(stores_redis.tells - tells, 1, "all of it at once");

    b.leave(&b, &o[0].places[0], JM_LEAVE_OVER);
    is_int(stores_account(&b, 0).running, 1, "a call comes after it");
    is_int(stores_redis.tells - tells, 2, "as one more");

    /* what there is no room for beside it */

    memset(big, 'x', sizeof(big));

    b.leave(&b, &o[1].places[0], JM_LEAVE_OVER);
    b.sent(&b, NULL, 0, &o[1].places[0], JM_SENT_TAKEN,
           (jm_str_t) { .data = (uint8_t *) big, .len = sizeof(big) });
    is_int(stores_redis.tells - tells, 4, "what is large goes by itself");
    is_int(stores_account(&b, 0).running, 0, "and after what was before it");

    b.release(&b, &o[0].hold);
    b.release(&b, &o[1].hold);

    stores_end(&st);
}


/* who comes for a place is told whether it is worth asking for orphans */

static void
test_orphans(void)
{
    order_t         o, next;
    jm_op_place_t   op;
    jm_op_orphan_t  orphan;

    begin();

    order_running(&st, &o, ++keys, "lost", 0, &alice);
    (void) order_open(&st, &next, ++keys, 1, &alice);

    memset(&op, 0, sizeof(jm_op_place_t));
    memset(&orphan, 0, sizeof(jm_op_orphan_t));

    queue_request_init(&op.request, 'a', 0);

    op.done = state_done_with;
    op.request.entry = next.claim.serial;
    op.request.req_key = str("jimeng_t2i_v40");
    op.place = &next.places[0];
    orphan.done = state_done_with;
    orphan.accounts = 1;

    b.place(&b, &op);
    is_int(op.orphans, 0, "what runs is followed");
    b.orphan(&b, &orphan);
    is_int(orphan.found, 0, "there is none to be found");

    order_lose(&st, &o, 0);
    b.place(&b, &op);
    is_int(op.orphans, 1, "one is not, any more");
    b.orphan(&b, &orphan);
    is_int(orphan.found, 1, "it is found");

    b.leave(&b, &next.places[0], JM_LEAVE_FREE);
    order_close(&st, &o, 1);
    order_close(&st, &next, 1);
    stores_end(&st);
}


/* one that the server cannot do, as by a bug, keeps no other from being done */

static void
test_failed(void)
{
    char          name[32];
    order_t       o;
    const char   *owner, *digest;
    redisReply   *reply;
    char          of[32], client[32];

    begin();
    open_all(&o, 1);

    snprintf(of, sizeof(of), "%" PRIu64, stores_redis.redis.owner);
    snprintf(name, sizeof(name), "%016x", 99);
    snprintf(client, sizeof(client), "%016" PRIx64, o.hold.serial);

    owner = of;
    digest = client;

    const char *argv[] = {
        "FCALL", "jimeng1_many", "1", REDIS_PREFIX, owner, "0", name, "1",
        "nothing", "1", "x",
        "leave", "3", "none", "0", "0",
        "release", "4", digest, "1", "0", "0"
    };

    reply = redisCommandArgv(stores_redis.c, (int) jm_nitems(argv), argv, NULL);

    ok(reply != NULL && reply->type == REDIS_REPLY_ERROR, "it says so");
    is_int(running(), 0, "what is next is done");

    freeReplyObject(reply);
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

    test_again();
    test_order();
    test_forgotten();
    test_others();

    test_over(REDIS_ANSWERS, "answered");
    test_over(REDIS_LOSES, "made");
    test_over(REDIS_REFUSES, "not made");
    test_over(REDIS_IS_LATE, "made later");

    test_turn();
    test_orphans();
    test_failed();

    return done_testing();
}
