
/*
 * A task that is one call, by the operations that the glue uses: its end is
 * told once, with all that it brought, and counted then; who asks for it finds
 * that, over a death and a restart.
 *
 * Seen failing without the wall clock in jm_memory_until(), without what a task
 * may be at the second look in jm_memory_look(), and without jm_queue_run() in
 * jm_queue_leave().
 */


#define _GNU_SOURCE

#include "stores.h"
#include "ledger_text.h"

#include "jm_ledger_bill.h"


#define SIZE  (256 * 1024)


static jm_state_t         st;
static jm_backend_t       b;
static jm_client_t        alice;
static const jm_client_t  *clients[] = { &alice };


/* memory for what was brought, and what happens while it is found */

typedef struct {
    jm_mem_t             mem;
    size_t               asked;
    unsigned             live;
    unsigned             none;      /* there is none left */
    unsigned             locked;    /* it was asked for with the lock held */
    unsigned             forgets;
} pool_t;

static unsigned  locks;


static void *
pool_alloc(void *ctx, size_t size)
{
    pool_t *pool = ctx;

    pool->asked = size;
    pool->locked += locks;

    if (pool->forgets) {
        state_begin(&st);
        (void) jm_ledger_shrink(&st.ledger, st.now);
        state_commit(&st);
    }

    if (pool->none) {
        return NULL;
    }

    pool->live++;

    return malloc(size);
}


static void
pool_free(void *ctx, void *p)
{
    pool_t *pool = ctx;

    pool->live--;
    free(p);
}


static void
pool_init(pool_t *pool)
{
    memset(pool, 0, sizeof(pool_t));

    pool->mem.alloc = pool_alloc;
    pool->mem.free = pool_free;
    pool->mem.ctx = pool;
}


static jm_state_t *
counted_lock(void *ctx)
{
    locks++;

    return state_lock(ctx);
}


static void
counted_unlock(void *ctx)
{
    state_unlock(ctx);

    locks--;
}


static void
look(jm_op_look_t *op, jm_ledger_claim_t *claim, uint64_t entry, pool_t *pool)
{
    static jm_place_t  none;

    memset(op, 0, sizeof(jm_op_look_t));

    op->done = state_done_with;
    op->claim = claim;
    op->entry = entry;
    op->account = JM_LEDGER_ANY;
    op->place = &none;
    op->mem = pool ? &pool->mem : NULL;

    b.look(&b, op);
}


static void
start(void)
{
    static const stores_account_t  accounts[] = { { "main", 2 } };

    stores_begin(&b, &st, SIZE, accounts, 1, clients, 1);

    if (!on_redis) {
        b.lock = counted_lock;
        b.unlock = counted_unlock;
    }
}


/* one that is being submitted */

static void
submit(order_t *o, uint32_t key)
{
    (void) order_open(&st, o, key, 1, &alice);

    if (order_enter(&st, o, 0, 0, &alice) != JM_QUEUE_GRANTED
        || order_submit(&st, o, 0) != JM_OK)
    {
        abort();
    }
}


static void
is_result(const jm_op_look_t *op, uint64_t serial, size_t len,
    const char *name)
{
    size_t  i;

    is_int(op->look, JM_LOOK_RESULT, "%s: it is there", name);
    is_int((int64_t) op->result.len, (int64_t) len, "%s: its length", name);

    for (i = 0; op->result.data != NULL && i < len; i++) {
        if (op->result.data[i] != text_byte(serial, i)) {
            break;
        }
    }

    is_int((int64_t) i, (int64_t) len, "%s: all of it", name);
}


/* who waits, who asks by the number, and who counts */

static void
test_done(void)
{
    order_t          o, again;
    pool_t           pool;
    uint64_t         serial;
    jm_op_look_t     op;
    jm_op_over_t     over;
    jm_queue_view_t  view;

    start();
    pool_init(&pool);

    submit(&o, 1);
    serial = o.claim.serial;

    (void) order_open(&st, &again, 1, 1, &alice);
    look(&op, &again.claim, serial, &pool);
    is_int(op.look, JM_LOOK_WAIT, "who joins it waits");

    stores_wait(7000);

    over = order_done(&st, &o, 0, 3, text_of(serial, 5000));
    is_int(over.kept, 1, "what it brought is kept");
    is_int(over.first, 1, "nobody has seen its end before");
    is_int(over.billed, 1, "it is in its line of the log");
    is_int((int64_t) stores_view(&b, &alice).used, 3, "and counted");
    is_int((int64_t) o.places[0].serial, 0, "its slot was given back");

    view = stores_account(&b, 0);
    is_int(view.running, 0, "which is free");
    is_int((int64_t) view.average, 7000, "tasks take as long as it took");
    is_int((int64_t) view.submits, 1, "it was taken");

    look(&op, &again.claim, serial, &pool);
    is_result(&op, serial, 5000, "who waited");
    is_int(op.over, 1, "it is over");
    is_int(op.account, 0, "on that account");
    is_int((int64_t) op.id.len, 0, "without an id");
    is_int((int64_t) pool.asked, 5000, "memory for just that");
    is_int(pool.locked, 0, "is asked for while others go on");
    pool_free(&pool, (void *) (uintptr_t) op.result.data);

    look(&op, NULL, serial, &pool);
    is_result(&op, serial, 5000, "by its number");
    is_int(op.account, 0, "and the account");
    pool_free(&pool, (void *) (uintptr_t) op.result.data);

    look(&op, NULL, serial, NULL);
    is_int(op.look, JM_LOOK_RESULT, "without memory it is told");
    is_int((int64_t) op.result.len, 5000, "with its length");
    ok(op.result.data == NULL, "alone");

    pool.none = 1;
    look(&op, NULL, serial, &pool);
    is_int(op.look, JM_LOOK_RESULT, "and where there is none left");
    ok(op.result.data == NULL, "as well");

    /* whoever sees its end now is not the first */

    over = order_done(&st, &again, 0, 3, text_of(serial, 5000));
    is_int(over.first + over.billed + over.kept, 0, "it ends once");
    order_over(&st, &again, 0, 3, JM_LEAVE_OVER);

    memset(&over, 0, sizeof(jm_op_over_t));
    over.done = state_done_with;
    over.entry = serial;
    over.place = &again.places[0];
    over.how = JM_LEAVE_OVER;
    over.client = &alice;
    over.bill = *bill(3);
    b.over(&b, &over);
    is_int(over.first + over.billed, 0, "for who asks by its number, too");
    is_int((int64_t) stores_view(&b, &alice).used, 3, "it is counted once");

    order_close(&st, &again, 1);
    order_close(&st, &o, 1);
    is_int((int64_t) stores_view(&b, &alice).reserved, 0, "nothing is held");
    is_int(pool.live, 0, "all memory was given back");

    stores_end(&st);
}


/* it is forgotten while memory for it is found: Redis has room for all */

static void
test_forgotten(void)
{
    order_t       o;
    pool_t        pool;
    uint64_t      serial;
    jm_op_look_t  op;

    start();
    pool_init(&pool);

    submit(&o, 1);
    serial = o.claim.serial;
    (void) order_done(&st, &o, 0, 1, text_of(serial, 300));
    order_close(&st, &o, 1);

    pool.forgets = 1;
    look(&op, NULL, serial, &pool);
    is_int(op.look, JM_LOOK_LOST, "forgotten meanwhile");
    ok(op.result.data == NULL, "there is nothing");
    is_int(pool.live, 0, "its memory was given back");

    stores_end(&st);
}


/* nothing was brought that can be kept: it is over, and counted */

static void
test_empty(void)
{
    order_t       o;
    pool_t        pool;
    jm_op_look_t  op;
    jm_op_over_t  over;

    start();
    pool_init(&pool);

    submit(&o, 2);
    over = order_done(&st, &o, 0, 2, str(""));
    is_int(over.first, 1, "the end of what cannot be kept");
    is_int(over.billed, 1, "is billed");
    is_int(over.kept, 0, "though it is not kept");
    is_int((int64_t) stores_view(&b, &alice).used, 2, "and counted");
    look(&op, NULL, o.claim.serial, &pool);
    is_int(op.look, JM_LOOK_LOST, "who asks is told");
    order_close(&st, &o, 1);

    stores_end(&st);
}


static void
test_until(void)
{
    order_t       o;
    uint64_t      serial;
    jm_op_look_t  op;

    /* the ledger's clock is ahead of the wall's, which was put forward */

    start();
    state_clock.wall += 5 * DAY;
    stores_wait(0);

    submit(&o, 1);
    serial = o.claim.serial;
    (void) order_done(&st, &o, 0, 1, text_of(serial, 300));
    order_close(&st, &o, 1);

    stores_wait(DAY - 2000);
    look(&op, NULL, serial, NULL);
    is_int(op.look, JM_LOOK_RESULT, "there for a day");
    stores_wait(4000);
    look(&op, NULL, serial, NULL);
    is_int(op.look, JM_LOOK_LOST, "and no longer");

    state_clock.wall -= 5 * DAY;
    stores_end(&st);
}


/* without the ledger it is counted all the same */

static void
test_alone(void)
{
    order_t       o;
    jm_op_over_t  over;

    start();
    (void) order_open(&st, &o, 1, 1, &alice);
    (void) order_enter(&st, &o, 0, 0, &alice);

    memset(&over, 0, sizeof(jm_op_over_t));
    over.done = state_done_with;
    over.place = &o.places[0];
    over.how = JM_LEAVE_DONE;
    over.result = text_of(1, 10);
    over.until = state_clock.wall + DAY;
    over.hold = &o.hold;
    over.bill = *bill(2);

    b.over(&b, &over);
    is_int(over.first, 1, "nobody else sees its end");
    is_int(over.billed, 1, "or bills it");
    is_int(over.kept, 0, "nothing is kept");
    is_int((int64_t) stores_view(&b, &alice).used, 2, "it is counted");

    if (!on_redis) {
        is_int(results_length(&st.ledger), 0, "there is nothing");
    }

    order_close(&st, &o, 0);
    stores_end(&st);
}


/* nginx ends after the call, or in the middle, and is started again */

static void
test_restart(void)
{
    order_t             o, sent;
    pool_t              pool;
    uint64_t            serial;
    uint8_t            *old;
    jm_op_look_t        op;
    jm_op_over_t        over;
    jm_state_import_t   n;

    start();
    pool_init(&pool);

    submit(&o, 1);
    serial = o.claim.serial;
    (void) order_done(&st, &o, 0, 3, text_of(serial, 5000));
    submit(&sent, 2);

    old = malloc(SIZE);
    memcpy(old, st.store.shared, SIZE);
    state_done(&st);

    state_wait(60000);
    start();
    is_int(state_import(&st, old, SIZE, &n), JM_OK, "taken over");
    is_int(n.entries, 2, "both");
    is_int(n.damaged + n.missing + n.forgotten, 0, "whole");
    free(old);

    look(&op, NULL, serial, &pool);
    is_result(&op, serial, 5000, "over a restart");
    pool_free(&pool, (void *) (uintptr_t) op.result.data);

    /* the line of the log was not written; its pictures were counted */

    (void) order_open(&st, &o, 1, 1, &alice);
    look(&op, &o.claim, serial, &pool);
    is_result(&op, serial, 5000, "a repeat");
    pool_free(&pool, (void *) (uintptr_t) op.result.data);

    memset(&over, 0, sizeof(jm_op_over_t));
    over.done = state_done_with;
    over.claim = &o.claim;
    over.entry = serial;
    over.place = &o.places[0];
    over.how = JM_LEAVE_OVER;
    over.hold = &o.hold;
    over.bill = *bill(3);
    b.over(&b, &over);
    is_int(over.first, 0, "is not the first");
    is_int(over.billed, 1, "but its line is");
    is_int((int64_t) stores_view(&b, &alice).used, 3, "it is counted once");
    b.over(&b, &over);
    is_int(over.billed, 0, "once");
    order_close(&st, &o, 1);

    look(&op, NULL, sent.claim.serial, &pool);
    is_int(op.look, JM_LOOK_UNKNOWN, "the call that was under way is unknown");
    (void) order_open(&st, &o, 2, 1, &alice);
    is_int(order_submit(&st, &o, 0), JM_INVALID, "and not made again");

    is_int(pool.live, 0, "all memory was given back");

    stores_end(&st);
}


static void
test_all(void)
{
    alice = state_client("alice");

    test_done();
    test_empty();
    test_until();
    test_alone();

    if (!on_redis) {
        test_forgotten();
        test_restart();
    }
}


int
main(void)
{
    return stores_test(test_all);
}
