
/*
 * The worlds that calls are measured in.  They are made by calls as nginx makes
 * them, in an order in which none takes long.
 */


#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "world.h"


#define SPARE       40000       /* records */
#define TASK        10000       /* ms */
#define NAME        16          /* bytes of a client's name */


static void world_lay_out(world_t *w);
static void world_join(world_t *w);
static void world_clients(world_t *w);
static void world_average(world_t *w);
static void world_fill_ledger(world_t *w);
static void world_fill_queue(world_t *w);
static void world_enter(world_t *w, unsigned i);
static unsigned can_be(void *ctx, uint32_t slot);
static unsigned alive(void *ctx, uint32_t slot);
static void *allocate(size_t size);
static void *map(size_t size);
static void fill(uint8_t *p, size_t len, uint64_t number);


unsigned  dead[WORKERS + 2];


void
world_create(world_t *w, unsigned waiting)
{
    memset(w, 0, sizeof(world_t));

    w->waiting = waiting;
    w->waiters = allocate((waiting + RUNNING) * sizeof(waiter_t));
    w->saved_waiters = allocate((waiting + RUNNING) * sizeof(waiter_t));

    w->clock.monotonic = 1000000;
    w->clock.wall = UINT64_C(1795204361000);

    memset(dead, 0, sizeof(dead));

    world_lay_out(w);

    jm_state_begin(&w->state, &w->clock);

    world_join(w);
    world_clients(w);
    world_configure(w, 0, 0, 0);
    world_average(w);
    world_fill_ledger(w);
    world_configure(w, SLOTS, 2 * waiting + SPARE, 0);
    world_fill_queue(w);

    jm_state_commit(&w->state);

    /* what was never used is not looked at */

    w->nsaved = (size_t) w->state.store.shared->first * 4
                + (size_t) w->state.store.shared->used * JM_RECORD;

    w->saved = map(w->nsaved);

    memcpy(w->saved, w->state.store.shared, w->nsaved);
    memcpy(w->saved_waiters, w->waiters,
           (waiting + RUNNING) * sizeof(waiter_t));

    w->saved_clock = w->clock;
}


/* a waiter has a place, and may have a line; half of all entries are theirs */

static void
world_lay_out(world_t *w)
{
    uint8_t   salt[JM_STATE_SALT];
    uint32_t  others;

    others = 2 * (w->waiting + RUNNING) + jm_quota_records(CLIENTS + MORE)
             + 3 * ACCOUNTS + SPARE;

    memset(salt, 's', sizeof(salt));

    w->kept = others;
    w->size = jm_state_needs(others + ENTRIES + SPARE);

    w->state.store.alive = alive;

    if (jm_state_create(&w->state, map(w->size), w->size, others, salt,
                        &w->clock, 0)
        != JM_OK)
    {
        die("no state was made");
    }
}


static void
world_join(world_t *w)
{
    uint32_t  owner;

    for (owner = 1; owner <= WORKERS; owner++) {

        if (jm_state_join(&w->state, can_be, &owner) != JM_OK) {
            die("no owner is free");
        }
    }
}


static unsigned
can_be(void *ctx, uint32_t slot)
{
    return slot == jm_store_slot(*(uint32_t *) ctx);
}


static unsigned
alive(void *ctx, uint32_t slot)
{
    (void) ctx;

    return slot <= WORKERS && !dead[slot + 1];
}


static void
world_clients(world_t *w)
{
    char          *name;
    unsigned       i;
    jm_client_t   *c;

    w->clients = allocate((CLIENTS + MORE) * sizeof(jm_client_t));
    w->names = allocate((CLIENTS + MORE) * sizeof(jm_client_t *));
    name = allocate((CLIENTS + MORE) * NAME);

    for (i = 0; i < CLIENTS + MORE; i++) {
        c = &w->clients[i];

        c->name.data = (uint8_t *) name + i * NAME;
        c->name.len = (size_t) snprintf(name + i * NAME, NAME, "client-%u", i);

        c->rate = 60;
        c->rate_period = 60000;
        c->concurrency = 100;
        c->images = 1000;
        c->images_period = 86400;

        w->names[i] = c;
    }

    world_sync(w, CLIENTS);

    while (w->sync.step != JM_SYNC_DONE) {

        if (jm_quota_sync(&w->state.quota, &w->sync) != JM_OK) {
            die("there is no room for clients");
        }

        jm_state_commit(&w->state);
    }
}


void
world_sync(world_t *w, size_t n)
{
    memset(&w->sync, 0, sizeof(jm_quota_sync_t));

    w->sync.clients = w->names;
    w->sync.n = n;
}


void
world_configure(world_t *w, uint32_t concurrency, uint32_t queue,
    uint64_t timeout)
{
    char             text[] = "account-0";
    unsigned         i;
    jm_str_t         name;
    jm_queue_conf_t  conf;

    name.data = (uint8_t *) text;
    name.len = sizeof(text) - 1;

    memset(&conf, 0, sizeof(jm_queue_conf_t));

    conf.concurrency = concurrency;
    conf.queue = queue;
    conf.timeout = timeout;
    conf.weight = 1;

    jm_queue_accounts_begin(&w->state.queue);

    for (i = 0; i < ACCOUNTS; i++) {
        text[sizeof(text) - 2] = (char) ('0' + i);

        if (jm_queue_account(&w->state.queue, name, &conf, &w->accounts[i])
            != JM_OK)
        {
            die("there is no room for accounts");
        }
    }

    jm_state_commit(&w->state);
}


/* how long a task takes is known of each */

static void
world_average(world_t *w)
{
    unsigned            i;
    uint64_t            wait;
    jm_str_t            id;
    jm_place_t          place;
    jm_queue_request_t  request;

    id.data = (const uint8_t *) "first";
    id.len = 5;

    for (i = 0; i < ACCOUNTS; i++) {
        request_of(w, &request, 0, 1u << i);

        if (jm_queue_enter(&w->state.queue, &place, &request, w->state.now,
                           &wait)
            != JM_QUEUE_GRANTED)
        {
            die("a slot is not free");
        }

        jm_queue_accepted(&w->state.queue, &place, id, w->state.now);
        jm_queue_leave(&w->state.queue, &place, JM_LEAVE_OVER,
                       w->state.now + TASK);
        jm_state_commit(&w->state);
    }

    w->clock.monotonic += TASK;
    w->clock.wall += TASK;

    jm_state_begin(&w->state, &w->clock);
}


static void
world_fill_ledger(world_t *w)
{
    char                 text[NAME];
    unsigned             i, n;
    jm_str_t             id;
    waiter_t            *waiter;
    jm_ledger_t         *l;
    jm_ledger_claim_t    claim;
    jm_ledger_request_t  order;

    l = &w->state.ledger;
    n = w->waiting + RUNNING;

    id.data = (uint8_t *) text;

    for (i = n; i < ENTRIES; i++) {
        id.len = (size_t) snprintf(text, NAME, "task-%u", i);

        order_of(&order, i, 1);

        if (jm_ledger_open(l, &claim, &order, w->state.now) != JM_LEDGER_NEW
            || jm_ledger_submit(l, &claim, 0, 0) != JM_OK)
        {
            die("there is no room for entries");
        }

        jm_ledger_accepted(l, &claim, 0, id);
        (void) jm_ledger_over(l, &claim, 0, w->state.now);
        jm_ledger_answered(l, &claim, w->state.now);
        jm_ledger_close(l, &claim, w->state.now);

        jm_state_commit(&w->state);
    }

    for (i = 0; i < n; i++) {
        waiter = &w->waiters[i];

        world_be(w, i % 2 ? DIES : i % 4 + 1);
        order_of(&waiter->request, i, 1);

        if (jm_ledger_open(l, &waiter->claim, &waiter->request, w->state.now)
            != JM_LEDGER_NEW)
        {
            die("there is no room for entries");
        }

        jm_state_commit(&w->state);
    }

    world_be(w, 1);
}


static void
world_fill_queue(world_t *w)
{
    unsigned   i;
    jm_str_t   id;
    waiter_t  *waiter;

    id.data = (const uint8_t *) "first";
    id.len = 5;

    for (i = 0; i < w->waiting + RUNNING; i++) {
        waiter = &w->waiters[i];

        world_be(w, i % 2 ? DIES : i % 4 + 1);
        world_enter(w, i);

        if (i < RUNNING) {

            if (jm_ledger_submit(&w->state.ledger, &waiter->claim, 0, 0)
                != JM_OK)
            {
                die("a task is not its own");
            }

            jm_ledger_accepted(&w->state.ledger, &waiter->claim, 0, id);
            jm_queue_accepted(&w->state.queue, &waiter->place, id,
                              w->state.now);
        }

        jm_state_commit(&w->state);
    }

    world_be(w, 1);

    w->state.queue.nwoken = 0;
}


static void
world_enter(world_t *w, unsigned i)
{
    unsigned            accounts;
    uint32_t            client;
    uint64_t            wait;
    jm_queue_request_t  request;

    if (i < RUNNING) {
        client = i + 1;
        accounts = 1u << i / SLOTS;

    } else if (i % 2 == 0) {
        client = 0;
        accounts = 1;

    } else {
        client = i;
        accounts = i % 8 == 1 ? 1u << (ACCOUNTS - 1) : (1u << ACCOUNTS) - 1;
    }

    request_of(w, &request, client, accounts);
    request.entry = w->waiters[i].claim.serial;

    if (jm_queue_enter(&w->state.queue, &w->waiters[i].place, &request,
                       w->state.now, &wait)
        != (i < RUNNING ? JM_QUEUE_GRANTED : JM_QUEUE_WAIT))
    {
        die("entered otherwise");
    }
}


void
request_of(world_t *w, jm_queue_request_t *request, uint32_t client,
    unsigned accounts)
{
    unsigned  i;

    memset(request, 0, sizeof(jm_queue_request_t));

    for (i = 0; i < ACCOUNTS; i++) {

        if (accounts & 1u << i) {
            request->accounts[request->naccounts++] = (uint8_t) w->accounts[i];
        }
    }

    fill(request->client, JM_QUEUE_CLIENT, client);

    request->req_key.data = (const uint8_t *) "jimeng_t2i_v40";
    request->req_key.len = 14;
    request->model = 40;
    request->patience = WAIT;
    request->since = w->state.now;
    request->worker = w->state.store.owner;
}


void
order_of(jm_ledger_request_t *order, uint64_t number, unsigned n)
{
    memset(order, 0, sizeof(jm_ledger_request_t));

    fill(order->key, JM_LEDGER_KEY, number);
    fill(order->fingerprint, JM_LEDGER_KEY, number);

    order->n = n;
    order->keep = 43200000;
    order->unmarked = 600000;
}


/* as good as a digest */

static void
fill(uint8_t *p, size_t len, uint64_t number)
{
    size_t    i;
    uint64_t  x;

    for (i = 0; i < len; i += sizeof(uint64_t)) {
        number += UINT64_C(0x9e3779b97f4a7c15);
        x = number;
        x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
        x ^= x >> 31;

        memcpy(p + i, &x, sizeof(uint64_t));
    }
}


void
world_be(world_t *w, uint32_t owner)
{
    w->state.store.owner = owner;
}


void
world_restore(world_t *w)
{
    memcpy(w->state.store.shared, w->saved, w->nsaved);
    memcpy(w->waiters, w->saved_waiters,
           (w->waiting + RUNNING) * sizeof(waiter_t));

    memset(dead, 0, sizeof(dead));

    w->clock = w->saved_clock;
    w->state.queue.nwoken = 0;
    w->state.ledger.evicted = 0;

    world_be(w, 1);
}


void
world_free(world_t *w)
{
    munmap(w->state.store.shared, w->size);
    munmap(w->saved, w->nsaved);

    free(w->waiters);
    free(w->saved_waiters);
    free((void *) (uintptr_t) w->clients[0].name.data);
    free(w->clients);
    free(w->names);
}


static void *
allocate(size_t size)
{
    void  *p;

    p = calloc(1, size);

    if (p == NULL) {
        die("no memory");
    }

    return p;
}


/* as nginx has it: shared; all of it is there before anything is measured */

static void *
map(size_t size)
{
    void  *p;

    p = mmap(NULL, size, PROT_READ|PROT_WRITE,
             MAP_SHARED|MAP_ANONYMOUS|MAP_POPULATE, -1, 0);

    if (p == MAP_FAILED) {
        die("no memory");
    }

    return p;
}


void
die(const char *what)
{
    fprintf(stderr, "state: %s\n", what);
    exit(1);
}
