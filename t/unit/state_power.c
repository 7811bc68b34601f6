
/*
 * The state's file after a power failure: of each of its pages the disk has
 * what was there at that moment, or some time before, in the middle of a change
 * as well.  A life goes on, and each change leaves pictures of the memory; then
 * files are put together of pages of several of these, and taken over.
 * Whatever is in them: the new state is whole, can be gone on with, and has
 * nothing that was never there: of what tasks have brought each byte is theirs.
 * What was submitted in each picture that has its record is not to be submitted
 * again, and is not forgotten.
 *
 * Seen failing with the log undone though the system has gone down, without the
 * seal of an entry's tasks, without the look at the serial number in them, with
 * a task free that is not there any more, and without the seal of the parts of
 * what tasks have brought.
 */


#define _GNU_SOURCE

#include "jm_hash.h"
#include "state.h"
#include "ledger_text.h"


#define SIZE      65536
#define PAGE      4096
#define PAGES     (SIZE / PAGE)
#define RECORDS   40
#define PLACES    (SIZE / JM_RECORD)
#define STEPS     300
#define PICTURES  (STEPS * 6)
#define FILES     4000
#define ORDERS    6
#define SERIALS   2048
#define FACTS     65536


/* the memory after each change, and somewhere in it */

static uint8_t  (*pictures)[SIZE];
static unsigned  npictures;

static unsigned short  seed[3] = { 7, 392, 6163 };

/* of each record of a picture: whose it is, and what of it cost nothing */

typedef struct {
    uint16_t             serial;    /* 0: it is no entry, and no tasks */
    uint8_t              first;
    uint8_t              n;
    uint8_t              free;      /* a bit for each */
} seen_t;

static seen_t  (*seen)[PLACES];

/* all that is sealed, and all ids, as hashes */

static uint64_t  facts[FACTS];

static jm_client_t  alice, bob;


static unsigned
chance(unsigned n)
{
    return (unsigned) nrand48(seed) % n;
}


/* of a record that was just taken its bytes come one after another, too */

static unsigned
fill_some(uint8_t *memory, const jm_undo_t *u)
{
    size_t    at;
    uint8_t  *record;

    at = u->at / 16;
    record = memory + at / JM_RECORD * JM_RECORD;

    if (u->at % 16 != 1 || at % JM_RECORD != offsetof(jm_record_t, type)
        || u->old != JM_RECORD_FREE || record[at % JM_RECORD] == u->old)
    {
        return 0;
    }

    at = sizeof(jm_record_t) + chance(JM_RECORD - sizeof(jm_record_t));
    memset(record + at, 0, JM_RECORD - at);

    return 1;
}


/* undoes a change only to a point, where the page was written */

static void
undo_some(uint8_t *memory)
{
    uint32_t            n, left;
    uint64_t            old;
    jm_undo_t          *u;
    jm_store_shared_t  *shared;

    shared = (jm_store_shared_t *) (void *) memory;

    if (shared->nundo == 0) {
        return;
    }

    left = chance(shared->nundo);

    for (n = shared->nundo; n > left; n--) {
        u = &shared->undo[n - 1];
        old = u->old;
        memcpy(memory + u->at / 16, &old, u->at % 16);
    }

    shared->nundo = left;

    for (n = left; n != 0 && !fill_some(memory, &shared->undo[n - 1]); n--) {
        /* void */
    }
}


static void
picture(jm_state_t *st)
{
    if (npictures == PICTURES) {
        abort();
    }

    memcpy(pictures[npictures++], st->store.shared, SIZE);
}


static void
before_commit(jm_state_t *st)
{
    picture(st);
    undo_some(pictures[npictures - 1]);
    picture(st);

    jm_store_commit(&st->store);
    picture(st);
}


/* what happens next to an order */

static void
go_on(jm_state_t *st, order_t *o, uint32_t *keys)
{
    char      id[32];
    unsigned  i;

    if (o->n == 0) {

        if (order_open(st, o, ++*keys, 1 + chance(5), &alice)
            != JM_LEDGER_NEW)
        {
            abort();
        }

        return;
    }

    i = chance(o->n);

    switch (chance(7)) {

    case 0:
    case 1:
        if (o->places[i].serial == 0) {
            (void) order_enter(st, o, i, chance(2), &alice);
        }

        (void) order_submit(st, o, i);
        break;

    case 2:
    case 3:
        snprintf(id, sizeof(id), "%u-%u-%u", *keys, i, chance(1000000));
        order_accepted(st, o, i, id);
        break;

    case 4:
        order_over(st, o, i, 1, JM_LEAVE_OVER);
        break;

    case 5:
        (void) order_done(st, o, i, 1,
                          text_of(o->claim.serial + i, 1 + chance(700)));
        break;

    default:
        for (i = 0; i < o->n; i++) {
            order_lose(st, o, i);
        }

        order_close(st, o, chance(2));
        o->n = 0;
        break;
    }
}


static void
live(jm_state_t *st)
{
    unsigned            i;
    order_t             orders[ORDERS];
    uint32_t            keys;
    const jm_client_t  *clients[] = { &alice, &bob };

    state_before_commit = before_commit;

    keys = 0;
    memset(orders, 0, sizeof(orders));

    (void) state_account(st, "main", 4);
    (void) state_account(st, "other", 4);

    for (i = 0; i < STEPS; i++) {

        /* records are given up, and are others' then */

        if (i % 50 == 0) {
            (void) state_sync(st, clients, 1 + i / 50 % 2);
            state_wait(DAY / 10);
        }

        go_on(st, &orders[chance(ORDERS)], &keys);
        state_wait(chance(3000));
    }

    state_before_commit = NULL;
}


/* ---- what is in a picture, or a file, record by record */


/* whether something was there in a picture; what is looked at is from now on */

static unsigned
is_fact(const void *data, size_t len, uint64_t more, unsigned looked_at)
{
    unsigned  i;
    uint64_t  hash;

    hash = jm_hash(jm_hash(JM_HASH_START, &more, 8), data, len) | 1;

    for (i = (unsigned) (hash >> 32) % FACTS; facts[i] != 0;
         i = (i + 1) % FACTS)
    {
        if (facts[i] == hash) {
            return 1;
        }
    }

    if (looked_at) {
        facts[i] = hash;
    }

    return 0;
}


/* the sealed bytes of a record, if it is believed */

static unsigned
is_fact_of(const jm_store_t *s, jm_ref_t ref, jm_record_e type, size_t from,
    size_t to, unsigned looked_at)
{
    const uint8_t  *r;

    r = jm_store_believed(s, ref, type, from, to);

    return r != NULL && is_fact(r + from, to - from, type, looked_at);
}


static void
look_at_slots(seen_t *record, const jm_ledger_slot_t *slots)
{
    unsigned  i;

    for (i = 0; i < record->n; i++) {

        if (slots[i].state == JM_SLOT_FREE || slots[i].state == JM_SLOT_IDLE) {
            record->free |= (uint8_t) (1 << i);
        }

        (void) is_fact(slots[i].id, slots[i].len,
                       record->serial * 16u + record->first + i, 1);
    }
}


static void
look_at_record(const jm_store_t *s, jm_ref_t ref, seen_t *record)
{
    const jm_ledger_entry_t  *e;
    const jm_ledger_tasks_t  *tasks;

    (void) is_fact_of(s, ref, JM_RECORD_CLIENT, jm_quota_client_sealed, 1);
    (void) is_fact_of(s, ref, JM_RECORD_PLACE, jm_queue_place_sealed, 1);
    (void) is_fact_of(s, ref, JM_RECORD_ENTRY, jm_ledger_entry_sealed, 1);

    memset(record, 0, sizeof(seen_t));

    e = jm_store_believed(s, ref, JM_RECORD_ENTRY, jm_ledger_entry_sealed);

    if (e != NULL) {
        record->serial = (uint16_t) e->serial;
        record->n = 1;
        look_at_slots(record, &e->slot);
    }

    tasks = jm_store_believed(s, ref, JM_RECORD_TASKS, jm_ledger_tasks_sealed);

    if (tasks != NULL) {
        record->serial = (uint16_t) tasks->serial;
        record->first = tasks->first;
        record->n = JM_LEDGER_MORE;
        look_at_slots(record, tasks->slots);
    }
}


static void
look_at_pictures(void)
{
    unsigned    i;
    jm_ref_t    r;
    jm_store_t  s;

    s.size = SIZE;

    for (i = 0; i < npictures; i++) {
        s.shared = (jm_store_shared_t *) (void *) pictures[i];

        for (r = 0; r < PLACES; r++) {
            look_at_record(&s, r * (JM_RECORD / 4), &seen[i][r]);
        }
    }
}


/* of each task, whether it cost nothing in any of the pictures */

static void
free_between(uint8_t nothing[SERIALS][16], unsigned from, unsigned to)
{
    unsigned       i, r, n;
    const seen_t  *record;

    memset(nothing, 0, SERIALS * 16);

    for (i = from; i <= to; i++) {

        for (r = 0; r < PLACES; r++) {
            record = &seen[i][r];

            for (n = 0; n < record->n; n++) {
                if (record->free & (1 << n)) {
                    nothing[record->serial][record->first + n] = 1;
                }
            }
        }
    }
}


/* whether all that was taken over was there once */

static unsigned
was_there(jm_state_t *st)
{
    unsigned            i, n;
    uint32_t            r;
    jm_ref_t            ref;
    jm_store_t         *s;
    jm_record_t        *record;
    jm_ledger_slot_t   *slot;
    jm_ledger_entry_t  *e;

    s = &st->store;

    for (r = 1, n = 0; r < s->shared->used; r++) {
        record = jm_store_record(s, r);
        ref = jm_ref(s, record);

        switch (record->type) {

        case JM_RECORD_CLIENT:
            n += !is_fact_of(s, ref, JM_RECORD_CLIENT, jm_quota_client_sealed,
                             0);
            break;

        case JM_RECORD_PLACE:
            n += !is_fact_of(s, ref, JM_RECORD_PLACE, jm_queue_place_sealed,
                             0);
            break;

        case JM_RECORD_ENTRY:
            n += !is_fact_of(s, ref, JM_RECORD_ENTRY, jm_ledger_entry_sealed,
                             0);

            e = (jm_ledger_entry_t *) (void *) record;

            for (i = 0; i < e->n; i++) {
                slot = jm_ledger_slot(&st->ledger, e, i);

                n += (slot->len != 0
                      && !is_fact(slot->id, slot->len, e->serial * 16 + i, 0));

                if (slot->state == JM_SLOT_KEPT) {
                    n += (text_length(&st->ledger, e->serial, i, st->now)
                          != jm_ledger_kept(slot).len);
                }
            }

            break;

        default:
            break;
        }
    }

    return n == 0;
}


/* whether an entry's tasks that always cost something are not for anybody */

static unsigned
is_safe(jm_state_t *st, uint64_t serial, const uint8_t *nothing, unsigned n)
{
    unsigned           i;
    jm_ledger_slot_t  *slot;

    for (i = 0; i < n; i++) {

        if (nothing[i]) {
            continue;
        }

        slot = state_slot(st, serial, i);

        if (slot == NULL || slot->state == JM_SLOT_FREE
            || slot->state == JM_SLOT_IDLE)
        {
            return 0;
        }
    }

    return 1;
}


/* ---- files */


typedef struct {
    unsigned             broken;
    unsigned             unsafe;
    unsigned             invented;
    unsigned             stuck;
    unsigned             entries;   /* that cost something, and were there */
    unsigned             forgotten;
    unsigned             logs;      /* files with one of a change */
    unsigned             texts;     /* that tasks had brought */
} found_t;


/* nginx takes up its work: whatever there was, a request is served */

static unsigned
goes_on(jm_state_t *st)
{
    unsigned            i;
    uint64_t            used;
    const jm_client_t  *clients[] = { &bob, &alice };

    (void) state_account(st, "new", 3);
    (void) state_account(st, "main", 4);

    if (state_sync(st, clients, 2) != JM_OK) {
        return 0;
    }

    used = state_view(st, &bob).used;

    for (i = 0; i < 3; i++) {
        order_all(st, 100000 + i, 0, &bob);
    }

    if (state_view(st, &bob).used != used + 3 || !state_is_whole(st)) {
        return 0;
    }

    /* what nobody asks for is gone in the end */

    state_wait(2 * DAY);
    order_all(st, 200000, 0, &bob);

    return state_is_whole(st)
           && store_count(&st->store, JM_RECORD_PLACE) == 0
           && state_view(st, &bob).used == 1;
}


static void
take_over(uint8_t *file, uint8_t nothing[SERIALS][16], found_t *found)
{
    unsigned            i;
    uint8_t            *old;
    jm_state_t          st;
    jm_store_t          s;
    jm_state_import_t   n;

    const jm_ledger_entry_t  *e;

    old = malloc(SIZE);
    memcpy(old, file, SIZE);

    state_new(&st, SIZE, RECORDS);

    if (state_import(&st, old, SIZE, &n) != JM_OK) {
        abort();
    }

    free(old);

    found->broken += !state_is_whole(&st);
    found->invented += !was_there(&st);
    found->forgotten += n.forgotten;
    found->texts += (unsigned) results_length(&st.ledger);

    s.shared = (jm_store_shared_t *) (void *) file;
    s.size = SIZE;

    for (i = 0; i < PLACES && n.forgotten == 0; i++) {
        e = jm_store_believed(&s, i * (JM_RECORD / 4), JM_RECORD_ENTRY,
                              jm_ledger_entry_sealed);

        if (e != NULL) {
            found->entries += (memchr(nothing[e->serial], 0, e->n) != NULL);
            found->unsafe += !is_safe(&st, e->serial, nothing[e->serial], e->n);
        }
    }

    found->logs += (s.shared->nundo != 0);
    found->stuck += !goes_on(&st);

    state_done(&st);
}


int
main(void)
{
    unsigned     i, page, now, from, was;
    found_t      found;
    jm_state_t   st;
    jm_clock_t   clock;

    /* of a page on the disk, in pictures, at most */

    static const unsigned  ages[] = { 5, 30, 300 };

    static uint8_t  file[SIZE] __attribute__((aligned(8)));
    static uint8_t  free_then[SERIALS][16];

    alice = state_client("alice");
    bob = state_client("bob");

    pictures = malloc(sizeof(*pictures) * PICTURES);
    seen = malloc(sizeof(*seen) * PICTURES);

    state_new(&st, SIZE, RECORDS);

    /* the records of this test have no room for larger numbers */

    st.store.shared->serial = 0;
    picture(&st);
    live(&st);
    state_done(&st);

    look_at_pictures();

    /* the system starts anew, and so does its monotonic clock */

    state_boot = 2;
    state_clock.monotonic = 0;
    clock = state_clock;

    memset(&found, 0, sizeof(found_t));

    for (i = 0; i < FILES; i++) {
        now = 1 + chance(npictures - 1);
        from = now - chance(jm_min(now, ages[i % jm_nitems(ages)]));

        for (page = 0; page < PAGES; page++) {
            was = chance(2) ? now : from + chance(now - from + 1);
            memcpy(file + page * PAGE, pictures[was] + page * PAGE, PAGE);
        }

        free_between(free_then, from, now);

        state_clock = clock;
        take_over(file, free_then, &found);
    }

    is_int(found.broken, 0, "%u files of %u pictures: each is whole", FILES,
           npictures);
    is_int(found.invented, 0, "and has nothing that was not there");
    is_int(found.unsafe, 0, "what cost something is known, and not free");
    is_int(found.stuck, 0, "and all goes on");

    ok(found.entries > 3 * FILES, "%u entries were looked at", found.entries);
    ok(found.logs > FILES / 10, "%u with a log of a change", found.logs);
    ok(found.texts > FILES / 8, "%u texts that tasks had brought", found.texts);
    is_int(found.forgotten, 0, "and there was room for all");

    free(pictures);
    free(seen);

    return done_testing();
}
