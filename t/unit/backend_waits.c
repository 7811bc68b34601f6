/*
 * Who waits, as it is told by the id of a request: where a task stands in the
 * queue, that it was canceled, and why it has failed, also to the next nginx.
 *
 * Seen failing without jm_ledger_placed() ("its place"), with a slot that
 * jm_ledger_cancel() leaves as it is ("a repeat does not submit it"), without
 * "handed" in jm_ledger_is_void() ("it is known still"), and without either in
 * the import ("after a restart").
 */


#define _GNU_SOURCE

#include "stores.h"


#define SIZE  (512 * 1024)


static jm_state_t    st;
static jm_backend_t  b;
static jm_client_t   alice, bob;


static jm_op_look_t
look(jm_state_t *of, uint64_t entry)
{
    jm_place_t    place;
    jm_op_look_t  op;
    jm_backend_t  backend;

    memset(&op, 0, sizeof(jm_op_look_t));
    memset(&place, 0, sizeof(jm_place_t));

    op.done = state_done_with;
    op.entry = entry;
    op.account = JM_LEDGER_ANY;
    op.place = &place;

    state_backend(&backend, of);
    backend.look(&backend, &op);

    return op;
}


static void
is_turn(uint64_t entry, uint64_t position, uint64_t of, const char *name)
{
    jm_op_look_t  op;

    op = look(&st, entry);

    is_int(op.look, JM_LOOK_WAIT, "%s: it waits", name);
    is_int((int64_t) op.turn.position, (int64_t) position, "%s: its place",
           name);
    is_int((int64_t) op.turn.of, (int64_t) of, "%s: of so many", name);
}


static jm_op_cancel_t
cancel(uint64_t entry, unsigned n)
{
    jm_op_cancel_t  op;

    memset(&op, 0, sizeof(jm_op_cancel_t));

    op.done = state_done_with;
    op.entry = entry;
    op.n = n;

    b.cancel(&b, &op);

    return op;
}


/* the same order comes again, under the same key */

static jm_op_look_t
repeat(uint32_t key, unsigned n)
{
    order_t       o;
    jm_op_look_t  op;

    memset(&op, 0, sizeof(jm_op_look_t));

    (void) order_open(&st, &o, key, n, &alice);

    op.done = state_done_with;
    op.claim = &o.claim;
    op.place = &o.places[0];

    b.look(&b, &op);
    order_close(&st, &o, 0);

    return op;
}


static void
hand(order_t *o)
{
    b.ended(&b, &o->claim, JM_CLAIM_HANDED, NULL);
}


static void
test_turns(unsigned account, order_t *o)
{
    uint64_t        entry;
    jm_op_look_t    op;
    jm_op_cancel_t  c;

    order_running(&st, &o[0], 1, "first", account, &alice);

    (void) order_open(&st, &o[1], 2, 2, &alice);
    (void) order_enter(&st, &o[1], 0, account, &alice);
    (void) order_enter(&st, &o[1], 1, account, &alice);
    (void) order_open(&st, &o[2], 3, 1, &bob);
    (void) order_enter(&st, &o[2], 0, account, &bob);

    hand(&o[1]);
    hand(&o[2]);

    entry = o[1].claim.serial;

    is_turn(entry, 1, 3, "the first");
    is_turn(o[2].claim.serial, 2, 3, "another client");
    is_int((int64_t) look(&st, entry).turn.eta, 0, "no time is known yet");

    op = look(&st, o[0].claim.serial);
    is_int(op.look, JM_LOOK_TAKEN, "one that runs");
    is_int((int64_t) op.turn.position, 0, "does not wait");
    is_int(look(&st, 4711).look, JM_LOOK_GONE, "one that is none");

    /* what waits is canceled, once; what runs is not */

    c = cancel(entry, 2);
    is_int(c.canceled, 2, "both are canceled");
    is_int(c.running, 0, "and neither runs");
    is_int(cancel(entry, 2).canceled, 2, "they stay so");
    is_int(look(&st, entry).look, JM_LOOK_CANCELED, "as is told");
    is_turn(o[2].claim.serial, 1, 1, "who came behind them");

    c = cancel(o[0].claim.serial, 1);
    is_int(c.canceled, 0, "one that runs cannot be");
    is_int(c.running, 1, "as it runs");
    is_int((int64_t) cancel(4711, 1).running, 0, "one that is none neither");
}


/* once a task has taken 10 s on the account */

static void
test_eta(unsigned account)
{
    order_t   o[3];
    unsigned  i;

    order_running(&st, &o[0], 20, "learned", account, &alice);
    stores_wait(10000);
    order_over(&st, &o[0], 0, 1, JM_LEAVE_OVER);
    order_close(&st, &o[0], 1);

    order_running(&st, &o[0], 21, "runs", account, &alice);

    for (i = 1; i < 3; i++) {
        (void) order_open(&st, &o[i], 21 + i, 1, i == 1 ? &alice : &bob);
        (void) order_enter(&st, &o[i], 0, account, i == 1 ? &alice : &bob);
    }

    is_int((int64_t) look(&st, o[1].claim.serial).turn.eta, 20000,
           "the slot's, its own");
    is_int((int64_t) look(&st, o[2].claim.serial).turn.eta, 30000,
           "and one that is before it");

    for (i = 0; i < 3; i++) {
        order_lose(&st, &o[i], 0);
        order_close(&st, &o[i], 0);
    }
}


/* who had it, and who joined it, do not submit it */

static void
test_canceled(unsigned account, order_t *o)
{
    jm_op_place_t   place;
    jm_op_submit_t  submit;

    memset(&place, 0, sizeof(jm_op_place_t));
    memset(&submit, 0, sizeof(jm_op_submit_t));

    queue_request_init(&place.request, 'a', 0);

    place.done = state_done_with;
    place.request.entry = o->claim.serial;
    place.place = &o->places[0];

    b.place(&b, &place);
    is_int(place.canceled, 1, "whose place it was is told");
    is_int((int64_t) o->places[0].serial, 0, "and has none");

    place.canceled = 0;
    b.place(&b, &place);
    is_int(place.canceled, 1, "nor gets it another one");
    is_int((int64_t) o->places[0].serial, 0, "at all");

    submit.done = state_done_with;
    submit.claim = &o->claim;
    submit.account = account;

    b.submit(&b, &submit);
    is_int(submit.rc, JM_INVALID, "it must not be submitted");
    is_int(submit.canceled, 1, "as it was canceled");

    is_int(repeat(2, 2).look, JM_LOOK_CANCELED, "a repeat does not submit it");

    order_close(&st, o, 1);
    is_int(look(&st, place.request.entry).look, JM_LOOK_CANCELED,
           "it is known still");
}


static uint64_t
test_failed(unsigned account)
{
    order_t     o;
    jm_error_t  e;
    uint64_t    entry;

    (void) order_open(&st, &o, 9, 1, &alice);
    (void) order_enter(&st, &o, 0, account, &alice);
    hand(&o);

    entry = o.claim.serial;

    jm_error_set(&e, JM_CAUSE_BUSY, NULL, "Too late.");
    b.ended(&b, &o.claim, JM_CLAIM_FAILED, &e);
    jm_error_set(&e, JM_CAUSE_UPSTREAM, NULL, "Later.");
    b.ended(&b, &o.claim, JM_CLAIM_FAILED, &e);

    b.leave(&b, &o.places[0], JM_LEAVE_FREE);
    order_close(&st, &o, 1);

    is_int(look(&st, entry).look, JM_LOOK_OWN, "failed: nobody submits it");
    is_int(look(&st, entry).told, 1, "failed: why is known");
    is_int(look(&st, entry).error.cause, JM_CAUSE_BUSY, "failed: the first");

    is_int(repeat(9, 1).look, JM_LOOK_OWN, "failed: a repeat may submit it");

    /* one whose id nobody has is forgotten */

    (void) order_open(&st, &o, 10, 1, &alice);
    b.ended(&b, &o.claim, JM_CLAIM_FAILED, &e);
    order_close(&st, &o, 1);
    is_int(look(&st, o.claim.serial).look, JM_LOOK_GONE, "not handed out");

    return entry;
}


static void
test_restart(const uint64_t *entries)
{
    jm_op_look_t       op;
    jm_state_t         next;
    jm_state_import_t  n;

    memset(&n, 0, sizeof(jm_state_import_t));

    state_new(&next, SIZE, 100);
    is_int(state_import(&next, st.store.shared, SIZE, &n), JM_OK, "a restart");

    is_int(look(&next, entries[0]).look, JM_LOOK_CANCELED,
           "after a restart it is canceled");
    is_int(look(&next, entries[1]).look, JM_LOOK_OWN,
           "after a restart nobody submits what waited");

    op = look(&next, entries[2]);
    is_int(op.told, 1, "after a restart it is known why one has failed");
    is_int(op.error.cause, JM_CAUSE_BUSY, "and that is told");

    is_int(state_is_whole(&next), 1, "all is whole");
    state_done(&next);
}


static void
test_all(void)
{
    order_t             o[3];
    uint64_t            entries[3];
    const jm_client_t  *clients[] = { &alice, &bob };

    static const stores_account_t  accounts[] = {
        { "main", 1 }, { "other", 1 }
    };

    alice = state_client("alice");
    bob = state_client("bob");

    stores_begin(&b, &st, SIZE, accounts, 2, clients, 2);

    test_turns(0, o);

    entries[0] = o[1].claim.serial;
    entries[1] = o[2].claim.serial;

    test_canceled(0, &o[1]);
    entries[2] = test_failed(0);

    test_eta(1);

    /* Redis is not taken over: it is there */

    if (!on_redis) {
        is_int(state_is_whole(&st), 1, "all is whole");
        test_restart(entries);
    }

    stores_end(&st);
}


int
main(void)
{
    return stores_test(test_all);
}
