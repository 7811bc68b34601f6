
/*
 * A state that opens any file.  The input is the file, or what it is made of: a
 * life that leaves a state, then what is done to its bytes, a record's with or
 * without a new seal, so that what is looked at behind that is looked at, too.
 * Whatever it is: the new state is whole, each part is counted, numbers are not
 * used again, and it can be gone on with, until nothing of the old one runs.
 *
 * Seen failing with each of these taken out: the size in jm_store_recover() and
 * jm_store_believed(); of a place its first state, the lengths of its id and
 * its key, the map of its account, the look whether it is there, the limit of
 * its number and of its time; of a client the length of its name, the limit of
 * its number and its window, and the look for its number; of an entry how many
 * tasks it has, the limits of its number and its times, the look whether it is
 * there, the length of a task's id, the cause and the end of what was told, and
 * the limit of the walk to its tasks; and of what a task has brought whether it
 * is believed, and the limit of its time.
 */


#define _GNU_SOURCE

#include "state.h"


/* memory that is exactly so large */

static void
make(jm_state_t *st, size_t size, uint32_t records, uint64_t last)
{
    void  *memory;

    memory = calloc(1, size);
    check(state_create(st, memory, size, records, last) == JM_OK);
}


/* ---- a life, and what it leaves */


static void
live(world_t *w)
{
    order_t            *o;
    unsigned            i;
    jm_error_t          error;
    const jm_client_t  *c;

    o = &w->orders[choose(&w->input, ORDERS)];
    c = clients[choose(&w->input, 2)];

    if (o->n == 0) {
        (void) order_open(&w->old, o, w->keys + choose(&w->input, 2) * UNNAMED,
                          1 + choose(&w->input, 10), c);
        w->keys++;
        return;
    }

    i = choose(&w->input, o->n);

    switch (choose(&w->input, 8)) {

    case 0:
        (void) order_submit(&w->old, o, i);
        break;

    case 1:
        (void) order_enter(&w->old, o, i, choose(&w->input, 2), c);
        (void) order_submit(&w->old, o, i);
        break;

    case 2:
    case 3:
        order_accepted(&w->old, o, i, i % 2 ? "7392616336519610409" : "id");
        break;

    case 4:

        if (w->calls) {
            (void) order_done(&w->old, o, i, 1,
                              text_of(o->claim.serial + i,
                                      choose(&w->input, 256) * 4));
            break;
        }

        order_over(&w->old, o, i, 1, JM_LEAVE_OVER);
        break;

    case 5:
        order_lose(&w->old, o, i);
        break;

    case 6:
        jm_error_set(&error, JM_CAUSE_UPSTREAM, NULL, NULL);

        state_begin(&w->old);
        jm_ledger_told(&w->old.ledger, &o->claim, &error, w->old.now);
        state_commit(&w->old);
        break;

    default:
        for (i = 0; i < o->n; i++) {
            order_lose(&w->old, o, i);
        }

        order_close(&w->old, o, choose(&w->input, 2));
        o->n = 0;
    }
}


static void
build(world_t *w)
{
    unsigned  n;

    make(&w->old, SIZE, RECORDS, 0);

    (void) state_account(&w->old, "main", 3);
    (void) state_account(&w->old, "other", 2);
    (void) state_sync(&w->old, clients, 2);

    for (n = choose(&w->input, 64); n != 0; n--) {
        live(w);
    }

    /* the last one has died at work, or not */

    if (choose(&w->input, 4) == 0) {
        state_begin(&w->old);
        (void) jm_ledger_shrink(&w->old.ledger, w->old.now);
    }

    w->size = SIZE;
    w->file = (uint8_t *) w->old.store.shared;
    w->records = (uint8_t *) jm_store_record(&w->old.store, 0);
    w->used = jm_min(w->old.store.shared->used + 2,
                     w->old.store.shared->records);
}


/* ---- what becomes of it */


static void
count(const jm_state_t *st, const jm_state_import_t *n)
{
    check(n->entries == store_count(&st->store, JM_RECORD_ENTRY));
    check(n->slots == store_count(&st->store, JM_RECORD_PLACE));
    check(n->clients >= store_count(&st->store, JM_RECORD_CLIENT));
}


/* what a task has brought is what it was, and of use for no longer */

static void
look_at_slot(jm_state_t *st, jm_ledger_entry_t *e, unsigned i)
{
    jm_ledger_slot_t  *slot;

    slot = jm_ledger_slot(&st->ledger, e, i);

    check(slot->len <= JM_LEDGER_ID);
    check(slot->owner == 0 || slot->owner >= JM_LEDGER_GONE);
    check(slot->owner == 0 || slot->state == JM_SLOT_OVER
          || slot->state == JM_SLOT_KEPT);

    if (slot->state == JM_SLOT_KEPT) {
        check(jm_ledger_kept(slot).until > st->now);
        check(jm_ledger_kept(slot).until <= st->now + JM_RESULT_FOR);
        check(jm_ledger_kept(slot).len <= JM_RESULT_MAX);
    }
}


static void
look_at_entry(jm_state_t *st, jm_ledger_entry_t *e)
{
    unsigned           i;
    jm_ledger_told_t  *told;

    check(e->n >= 1 && e->n <= JM_LEDGER_SLOTS);
    check(e->created <= st->now && e->finished <= jm_max(st->now, 1));
    check(e->owed_since <= jm_max(st->now, 1));
    check(e->waits == 0 && e->clients == 0);
    check(e->account == JM_LEDGER_ANY
          || e->account < st->queue.shared->naccounts);

    for (i = 0; i < e->n; i++) {
        look_at_slot(st, e, i);
    }

    told = jm_at(&st->store, e->told);

    if (told != NULL) {
        check(told->cause < JM_CAUSE_LAST);
        check(memchr(told->message, '\0', JM_LEDGER_TEXT) != NULL);
    }
}


static void
look_at_place(jm_state_t *st, jm_queue_place_t *place)
{
    unsigned           n;
    uint32_t           i;
    jm_queue_place_t  *other;

    check(place->state == JM_PLACE_LOST);
    check(place->lapse <= st->now + DAY);
    check(place->account < st->queue.shared->naccounts);
    check(place->id_len <= JM_QUEUE_ID && place->key_len <= JM_QUEUE_REQ_KEY);

    for (i = 0, n = 0; i < st->store.shared->used; i++) {
        other = (void *) jm_store_record(&st->store, i);

        n += (other->head.type == JM_RECORD_PLACE
              && other->serial == place->serial);
    }

    check(n == 1);
}


/* all that is numbered has a number that was used */

static void
look_around(jm_state_t *st)
{
    uint32_t            i;
    uint64_t            last;
    jm_record_t        *r;
    jm_queue_place_t   *place;
    jm_ledger_entry_t  *e;

    last = st->store.shared->serial;

    check(last < UINT64_MAX / 2 + 1000);

    for (i = 0; i < st->store.shared->used; i++) {
        r = jm_store_record(&st->store, i);

        e = (void *) r;
        place = (void *) r;

        switch (r->type) {

        case JM_RECORD_ENTRY:
            check(e->serial != 0 && e->serial <= last);
            look_at_entry(st, e);
            break;

        case JM_RECORD_PLACE:
            check(place->serial != 0 && place->serial <= last);
            look_at_place(st, place);
            break;

        case JM_RECORD_CLIENT:
            check(((jm_quota_client_t *) (void *) r)->serial <= last);
            break;

        default:
            break;
        }
    }
}


static void
ask_for_orphans(jm_state_t *st)
{
    unsigned     n;
    jm_str_t     id;
    unsigned     known;
    jm_orphan_t  o;

    for (n = 0; n < 100; n++) {
        state_begin(st);

        if (!jm_queue_orphan_next(&st->queue, UINT64_MAX, 0, st->now, &o)) {
            state_commit(st);
            return;
        }

        id.data = o.id;
        id.len = o.len;

        (void) jm_ledger_ended(&st->ledger, o.entry, o.task, id, st->now,
                               &known);
        (void) jm_quota_made(&st->quota, o.billed, bill(1), st->seconds);
        check(jm_queue_is_orphan(&st->queue, o.account, id));
        check(jm_queue_ended(&st->queue, o.account, id, st->now));

        state_commit(st);
    }

    check(0);
}


/* the same again, named or not, by either client */

static void
ask_again(jm_state_t *st, uint32_t key, unsigned n)
{
    unsigned             i, j;
    jm_str_t             id;
    jm_ledger_claim_t    claim;
    jm_ledger_request_t  r;

    for (i = 0; i < 4; i++) {
        order_request(&r, key + i / 2 * UNNAMED, n, clients[i % 2]);

        state_begin(st);

        (void) jm_ledger_open(&st->ledger, &claim, &r, st->now);

        for (j = 0; j < claim.n; j++) {
            (void) jm_ledger_look(&st->ledger, &claim, j, st->now, &id);
        }

        jm_ledger_close(&st->ledger, &claim, st->now);

        state_commit(st);
    }
}


/* so many of today's, of all models; what one of them has is part of that */

static void
look_at_usage(jm_state_t *st, const jm_client_t *c, uint64_t images)
{
    size_t            i;
    jm_quota_usage_t  usage;

    state_begin(st);
    jm_quota_usage(&st->quota, c, st->seconds, &usage);
    state_commit(st);

    check(usage.all.images[JM_QUOTA_DAY] == images);
    check(usage.n <= JM_QUOTA_MODELS);

    for (i = 0; i < usage.n; i++) {
        check(usage.models[i].images[JM_QUOTA_DAY] <= images);
    }
}


static void
go_on(world_t *w, jm_state_t *st)
{
    jm_rc_e             rc;
    uint32_t            key;
    uint64_t            used;

    (void) state_account(st, "new", 2);
    (void) state_account(st, "main", 1);

    if (state_sync(st, clients, 2) != JM_OK) {
        return;
    }

    if (choose(&w->input, 2) == 0) {
        ask_for_orphans(st);
    }

    for (key = 0; key < jm_min(w->keys, 8); key++) {
        ask_again(st, key, 1 + choose(&w->input, 10));
    }

    used = state_view(st, &alice).used;
    order_all(st, 1000, 0, &alice);
    check(state_view(st, &alice).used >= used);
    check(state_is_whole(st));

    /* whatever there was, it is over in the end */

    state_wait(2 * DAY);

    for (key = 0; key < 3; key++) {
        order_all(st, 2000 + key, 0, &alice);
        state_wait(1000);
    }

    check(store_count(&st->store, JM_RECORD_PLACE) == 0);
    check(state_view(st, &alice).used == 3);
    check(state_view(st, &bob).used == 0);
    look_at_usage(st, &alice, 3);
    look_at_usage(st, &bob, 0);
    check(state_is_whole(st));

    /* all that anything was brought by can be forgotten */

    do {
        state_begin(st);
        rc = jm_ledger_shrink(&st->ledger, st->now);
        state_commit(st);
    } while (rc == JM_OK);

    check(store_count(&st->store, JM_RECORD_PART) == 0);
    check(state_is_whole(st));
}


static void
open_file(world_t *w)
{
    size_t              size;
    uint8_t            *old;
    uint64_t            last;
    jm_state_t          st;
    jm_state_import_t   n;

    /* its end is the memory's */

    old = malloc(w->size);
    memcpy(old, w->file, w->size);

    state_boot = 1 + choose(&w->input, 2);
    state_clock.monotonic = choose(&w->input, 2) ? 0 : DAY;
    state_clock.wall = choose(&w->input, 4) ? WALL : 0;

    size = choose(&w->input, 2) ? SIZE : 27 * 1024;

    last = jm_state_last(old, w->size);

    make(&st, size, 0, last);
    check(state_import(&st, old, w->size, &n) == JM_OK);
    free(old);

    count(&st, &n);
    look_around(&st);
    check(state_is_whole(&st));

    go_on(w, &st);

    free(st.store.shared);
}


static void
start(world_t *w, const uint8_t *data, size_t size)
{
    memset(w, 0, sizeof(world_t));

    alice = state_client("alice");
    bob = state_client("bob");

    state_boot = 1;
    state_clock.monotonic = 5000;
    state_clock.wall = WALL;

    w->input.data = data;
    w->input.size = size;
    w->calls = (data[0] >= CALLS);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned  n;

    static world_t  w;
    static uint8_t  raw[MAX] __attribute__((aligned(8)));

    if (size < 1) {
        return 0;
    }

    start(&w, data, size);

    switch (choose(&w.input, 8)) {

    case 0:
        w.file = raw;
        w.size = jm_min(w.input.size, MAX);
        memcpy(raw, w.input.data, w.size);
        w.input.size = 0;
        open_file(&w);
        return 0;

    case 1:
        /* a head, and what follows */
        build(&w);
        n = choose_many(&w.input, sizeof(jm_store_shared_t));
        w.size = jm_min(w.input.size + n, SIZE);
        memcpy(w.file + n, w.input.data, w.size - jm_min(n, w.size));
        w.input.size = 0;
        break;

    default:
        build(&w);

        for (n = choose(&w.input, 16); n != 0; n--) {
            damage(&w);
        }

        if (choose(&w.input, 8) == 7) {
            w.size = choose_many(&w.input, SIZE);
        }
    }

    open_file(&w);

    free(w.old.store.shared);

    return 0;
}
