
/*
 * What is done with entries of the ledger, and clients.
 */


#include "calls.h"


#define NEW         0x1000000   /* requests that the ledger does not have */
#define WATCH       100         /* ms between two looks for dead workers */

/* pieces of n clients, and of all steps of a sync */

#define PIECES(n)   (((n) + JM_QUOTA_PIECE - 1) / JM_QUOTA_PIECE)
#define SAME        (2 * PIECES(CLIENTS) + 2)
#define GROWN       (2 * PIECES(CLIENTS + MORE) + 2)
#define FULL        (GROWN + PIECES(MORE))


static jm_ledger_claim_t
open_entry(world_t *w, const jm_ledger_request_t *order, jm_ledger_e expected)
{
    jm_ledger_claim_t  claim;

    if (jm_ledger_open(&w->state.ledger, &claim, order, w->state.now)
        != expected)
    {
        die("opened otherwise");
    }

    return claim;
}


static void
open_new(world_t *w, unsigned i)
{
    jm_ledger_request_t  order;

    order_of(&order, NEW + i, 1);

    (void) open_entry(w, &order, JM_LEDGER_NEW);
}


static void
open_full(world_t *w, unsigned i)
{
    w->state.ledger.evicted = 0;

    open_new(w, i);

    if (w->state.ledger.evicted == 0) {
        die("the ledger is not full");
    }
}


static void
open_long(world_t *w, unsigned i)
{
    jm_ledger_request_t  order;

    order_of(&order, NEW + i, JM_LEDGER_SLOTS);

    (void) open_entry(w, &order, JM_LEDGER_NEW);
}


static waiter_t *
waiter(world_t *w, unsigned i)
{
    return &w->waiters[i % (RUNNING + w->waiting)];
}


static void
open_repeat(world_t *w, unsigned i)
{
    jm_ledger_request_t  order;

    order = waiter(w, i)->request;
    order.repeat = 1;

    (void) open_entry(w, &order, JM_LEDGER_FOUND);
}


/* all waiters' clients have left: each finds what it is owed */

static void
owe(world_t *w)
{
    unsigned  i;

    for (i = 0; i < RUNNING + w->waiting; i++) {
        jm_ledger_left(&w->state.ledger, &w->waiters[i].claim, w->state.now);
        jm_state_commit(&w->state);
    }
}


static void
open_owed(world_t *w, unsigned i)
{
    (void) open_entry(w, &waiter(w, i)->request, JM_LEDGER_FOUND);
}


/* the ledger may have no more records than it has: each entry is one */

static void
fill_up(world_t *w)
{
    jm_state_keep(&w->state, w->state.store.shared->records
                             - jm_ledger_entries(&w->state.ledger));
}


/* the ledger has all that others do not use */

static void
take_all(world_t *w)
{
    unsigned  i;

    jm_state_keep(&w->state, 0);

    for (i = 0; w->state.store.shared->nfree != 0; i++) {
        open_new(w, i);
        jm_state_commit(&w->state);
    }
}


static void
later(world_t *w, unsigned i)
{
    (void) i;

    w->clock.monotonic += WATCH;
}


static void
kill_worker(world_t *w)
{
    (void) w;

    dead[DIES] = 1;
}


/* as the one that owns it */

static void
be_owner(world_t *w, unsigned i)
{
    i %= RUNNING + w->waiting;

    world_be(w, i % 2 ? DIES : i % 4 + 1);
}


static void
told(world_t *w, unsigned i)
{
    jm_error_t  e;

    jm_error_set(&e, JM_CAUSE_UPSTREAM, NULL, "The upstream has failed.");
    jm_ledger_told(&w->state.ledger, &waiter(w, i)->claim, &e, w->state.now);
}


static void
answered(world_t *w, unsigned i)
{
    jm_ledger_answered(&w->state.ledger, &waiter(w, i)->claim, w->state.now);
}


static void
close_entry(world_t *w, unsigned i)
{
    jm_ledger_close(&w->state.ledger, &waiter(w, i)->claim, w->state.now);
}


static unsigned
can_be(void *ctx, uint32_t slot)
{
    (void) ctx;

    return slot == WORKERS;
}


static void
join(world_t *w, unsigned i)
{
    (void) i;

    if (jm_state_join(&w->state, can_be, NULL) != JM_OK) {
        die("no owner is free");
    }
}


/* in the place of one that has died, with all it had */

static unsigned
can_die(void *ctx, uint32_t slot)
{
    (void) ctx;

    return slot == jm_store_slot(DIES);
}


static void
join_again(world_t *w, unsigned i)
{
    (void) i;

    if (jm_state_join(&w->state, can_die, NULL) != JM_OK) {
        die("no owner is free");
    }
}


static const jm_client_t *
client(world_t *w, unsigned i)
{
    return w->names[(uint64_t) i * 7919 % CLIENTS];
}


static void
rate(world_t *w, unsigned i)
{
    jm_quota_rate_t  r;

    if (jm_quota_rate(&w->state.quota, client(w, i), w->state.now, &r)
        != JM_OK)
    {
        die("rated otherwise");
    }
}


static void
hold(world_t *w, unsigned i)
{
    jm_hold_t        h;
    jm_bill_t        most;
    jm_quota_view_t  v;

    most.model = 1;
    most.images = 1;
    most.cost = 0;

    if (jm_quota_hold(&w->state.quota, client(w, i), &most, 0,
                      w->state.seconds, &h, &v)
        != JM_QUOTA_OK)
    {
        die("held otherwise");
    }
}


static void
same_clients(world_t *w)
{
    world_sync(w, CLIENTS);
}


static void
more_clients(world_t *w)
{
    world_sync(w, CLIENTS + MORE);
}


static void
more_take_all(world_t *w)
{
    take_all(w);
    more_clients(w);
}


static void
sync_piece(world_t *w, unsigned i)
{
    (void) i;

    if (w->sync.step == JM_SYNC_DONE
        || jm_quota_sync(&w->state.quota, &w->sync) != JM_OK)
    {
        die("synced otherwise");
    }
}


static void
views(world_t *w, unsigned i)
{
    size_t           first;
    jm_quota_rate_t  r[JM_QUOTA_PIECE];
    jm_quota_view_t  v[JM_QUOTA_PIECE];

    first = (size_t) i * JM_QUOTA_PIECE % CLIENTS;

    (void) jm_quota_views(&w->state.quota, w->names + first, CLIENTS - first,
                          w->state.now, w->state.seconds, r, v);
}


const call_t  ledger_calls[] = {
    { "open of a new request", 2000, 0, NULL, NULL, open_new },
    { "open, it is a repeat", 2000, 0, NULL, NULL, open_repeat },
    { "open, it is owed", 2000, 1, owe, NULL, open_owed },
    { "open, the ledger is full", 2000, 0, fill_up, NULL, open_full },
    { "open of 10 tasks, it is full", 2000, 0, fill_up, NULL, open_long },
    { "open, half of all have died", 2000, 0, kill_worker, later, open_new },
    { "told", 2000, 1, NULL, be_owner, told },
    { "told, the ledger is full", 2000, 1, fill_up, be_owner, told },
    { "answered", 2000, 1, NULL, be_owner, answered },
    { "close", 2000, 1, NULL, be_owner, close_entry },
    { "a worker joins", 1, 0, NULL, NULL, join },
    { "a worker joins for a dead one", 1, 0, kill_worker, NULL, join_again },
    { "a request counts for its rate", 2000, 0, NULL, NULL, rate },
    { "a request is held", 2000, 0, NULL, NULL, hold },
    { "sync of the same clients", SAME, 0, same_clients, NULL, sync_piece },
    { "sync of 10,000 more clients", GROWN, 0, more_clients, NULL, sync_piece },
    { "the same, the ledger has all room", FULL, 0, more_take_all, NULL,
      sync_piece },
    { "views of 32 clients", 2000, 0, NULL, NULL, views },
};

const unsigned  nledger_calls = sizeof(ledger_calls) / sizeof(ledger_calls[0]);
