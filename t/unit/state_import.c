
/*
 * A whole state is taken over from the memory of an old one, as a file has it,
 * whole or damaged: what was asked and what became of it, the slots of tasks
 * that run, what clients have used, the salt, and the numbers.
 *
 * Seen failing with each of these taken out of jm_state_import(): the salt, and
 * its seal, the largest serial number where the head is damaged, and the limit
 * of one, the log that is undone, both looks at the boot, the accounts before
 * the places, the order of entries, what is forgotten, missing and not told
 * twice, and the memory that is given back; and, out of jm_ledger_import(), the
 * serial number that is passed on.
 */


#define _GNU_SOURCE

#include "state.h"


#define SIZE   (256 * 1024)
#define SMALL  65536


static jm_client_t        alice, bob;
static const jm_client_t  *clients[] = { &alice, &bob };


/* what was there when nginx ended */

typedef struct {
    jm_state_t           st;
    order_t              runs;
    order_t              unknown;
    order_t              waits;
} old_t;


static void
old_init(old_t *o)
{
    order_t  free;

    state_new(&o->st, SIZE, 20);
    o->st.store.owner = 77;

    (void) state_account(&o->st, "main", 2);
    (void) state_account(&o->st, "other", 2);
    (void) state_sync(&o->st, clients, 2);

    order_all(&o->st, 'd', 0, &alice);
    order_all(&o->st, 'e', 1, &bob);
    order_all(&o->st, 'f', 1, &bob);

    order_running(&o->st, &o->runs, 'r', "runs", 0, &alice);

    (void) order_open(&o->st, &o->unknown, 'u', 5, &alice);
    (void) order_enter(&o->st, &o->unknown, 4, 1, &alice);
    (void) order_submit(&o->st, &o->unknown, 4);

    (void) order_open(&o->st, &o->waits, 'w', 1, &bob);
    (void) order_enter(&o->st, &o->waits, 0, 1, &bob);
    (void) order_open(&o->st, &free, 'x', 1, &bob);
    (void) order_enter(&o->st, &free, 0, 1, &bob);
}


static uint8_t *
copy(const old_t *o)
{
    uint8_t  *bytes;

    bytes = malloc(SIZE);
    memcpy(bytes, o->st.store.shared, SIZE);

    return bytes;
}


/* nginx is started: the old bytes are read, and given back */

static void
import(jm_state_t *st, uint8_t *old, jm_state_import_t *n)
{
    is_int(state_import(st, old, SIZE, n), JM_OK, "taken over");
    free(old);

    is_int(state_is_whole(st), 1, "it is whole");
}


static void
is_count(const jm_state_import_t *n, unsigned entries, unsigned slots,
    unsigned of_clients, unsigned damaged, unsigned missing,
    unsigned forgotten)
{
    is_int(n->entries, entries, "entries");
    is_int(n->slots, slots, "slots");
    is_int(n->clients, of_clients, "clients");
    is_int(n->damaged, damaged, "damaged");
    is_int(n->missing, missing, "missing");
    is_int(n->forgotten, forgotten, "forgotten");
}


/* a repeat of a request, which has a key: what it finds */

static jm_look_e
repeat(jm_state_t *st, uint32_t key, unsigned i, const jm_client_t *c,
    jm_str_t *id)
{
    order_t    o;
    jm_look_e  look;

    id->len = 0;

    (void) order_open(st, &o, key, i ? 5 : 1, c);

    state_begin(st);
    look = jm_ledger_look(&st->ledger, &o.claim, i, st->now, id);
    state_commit(st);

    order_close(st, &o, 0);

    return look;
}


static unsigned
account_of(jm_state_t *st, uint64_t serial)
{
    jm_ledger_claim_t  claim;

    claim.serial = serial;

    return jm_ledger_account(&st->ledger, &claim);
}


/* the salt of a new state is another one */

static void
new_init(jm_state_t *st, size_t size, uint32_t records)
{
    uint8_t  salt[JM_STATE_SALT];

    state_init(st, 1);
    memset(salt, 'n', JM_STATE_SALT);

    if (jm_state_create(st, store_memory(size), size, records, salt,
                        &state_clock, 0)
        != JM_OK)
    {
        abort();
    }
}


static void
test_all(void)
{
    int64_t              serials[2];
    old_t                o;
    unsigned             i;
    uint64_t             last;
    jm_str_t             id;
    jm_state_t           st;
    jm_orphan_t          orphan;
    jm_queue_view_t      view;
    jm_quota_rate_t      rate;
    jm_state_import_t    n;
    jm_schedule_seen_t   seen = { 0, 9000, 50, 4 };

    old_init(&o);

    serials[0] = (int64_t) jm_quota_serial(&o.st.quota, &alice);
    serials[1] = (int64_t) jm_quota_serial(&o.st.quota, &bob);
    last = o.st.store.shared->serial;

    state_begin(&o.st);
    (void) jm_quota_rate(&o.st.quota, &bob, o.st.now, &rate);
    jm_schedule_learn(&o.st.schedule, 5, &seen, o.st.now);
    state_commit(&o.st);

    new_init(&st, SIZE, 30);

    /* the accounts have other numbers */

    is_int(state_account(&st, "first", 1), 0, "another account");
    is_int(state_account(&st, "other", 2), 1, "one of those");

    import(&st, copy(&o), &n);
    is_count(&n, 5, 3, 2, 0, 0, 0);

    is_int(state_account(&st, "main", 2), 2, "the other");
    is_int(state_sync(&st, clients, 2), JM_OK, "the clients");
    is_int(st.store.shared->kept, 30, "records that are left free");

    ok(memcmp(st.salt, o.st.salt, JM_STATE_SALT) == 0, "the salt");

    /* what was asked */

    is_int(repeat(&st, 'd', 0, &alice, &id), JM_LOOK_TAKEN, "what was done");
    is_str(id, "7392616336519610409", "its id");
    is_int(repeat(&st, 'r', 0, &alice, &id), JM_LOOK_TAKEN, "what runs");
    is_str(id, "runs", "its id");
    is_int(account_of(&st, o.runs.claim.serial), 2, "its account");
    is_int(repeat(&st, 'u', 4, &alice, &id), JM_LOOK_UNKNOWN,
           "what was submitted");
    is_int(repeat(&st, 'u', 3, &alice, &id), JM_LOOK_OWN, "what was not");
    is_int(repeat(&st, 'w', 0, &bob, &id), JM_LOOK_OWN, "who waited");

    /* the slots */

    state_begin(&st);
    jm_queue_view(&st.queue, 2, &view, st.now);
    state_commit(&st);
    ok(view.running == 1 && view.lost == 1, "a slot of its account");
    state_begin(&st);
    jm_queue_view(&st.queue, 1, &view, st.now);
    state_commit(&st);
    ok(view.running == 2 && view.lost == 2 && view.waiting == 0,
       "two of the other, and nobody waits");

    state_begin(&st);
    is_int(jm_queue_orphan_next(&st.queue, UINT64_MAX, 1000, st.now, &orphan),
           1, "who may be asked for");
    state_commit(&st);
    is_int((int64_t) orphan.entry, (int64_t) o.runs.claim.serial,
           "is of its entry");
    is_int((int64_t) orphan.billed, serials[0], "and who pays");

    state_begin(&st);
    (void) jm_quota_made(&st.quota, orphan.billed, bill(1), st.seconds);
    state_commit(&st);

    /* the clients */

    is_int((int64_t) state_view(&st, &alice).used, 2, "pictures, and that one");
    is_int((int64_t) state_view(&st, &bob).used, 2, "of the other client");
    is_int((int64_t) jm_quota_serial(&st.quota, &alice), serials[0],
           "the number of one");
    is_int((int64_t) jm_quota_serial(&st.quota, &bob), serials[1],
           "and of the other");

    state_begin(&st);
    jm_quota_rate_view(&st.quota, &bob, st.now, &rate);
    state_commit(&st);
    is_int((int64_t) rate.remaining, 59, "its bucket");

    ok(jm_schedule_find(&st.schedule, 5, &i) != NULL, "how long tasks take");
    ok(st.store.shared->serial >= last, "no number is used again");
    ok(state_is_whole(&st) != 0, "it is whole");

    state_done(&o.st);
    state_done(&st);
}


/* numbers of what was there once are not used again */

static void
test_serials(void)
{
    unsigned           i;
    uint64_t           last;
    jm_state_t         old, st;
    jm_state_import_t  n;

    state_new(&old, SIZE, 20);
    (void) state_account(&old, "main", 2);
    (void) state_sync(&old, clients, 2);

    for (i = 0; i < 100; i++) {
        order_all(&old, i, 0, &alice);
    }

    state_wait(DAY);
    order_all(&old, i, 0, &alice);
    (void) state_sync(&old, clients, 0);

    while (ledger_shrink(&old.ledger, old.now) == JM_OK) {
        /* void */
    }

    last = old.store.shared->serial;
    ok(last > 200, "%u numbers were used", (unsigned) last);

    new_init(&st, SIZE, 20);
    is_int(state_import(&st, old.store.shared, SIZE, &n), JM_OK, "nothing");
    is_count(&n, 0, 0, 0, 0, 0, 0);
    ok(st.store.shared->serial >= last, "but they are known");
    state_done(&st);

    /* a file that is an older one, and has newer numbers */

    old.store.shared->serial = UINT64_C(1) << 52;
    order_all(&old, 1, 0, &alice);
    old.store.shared->serial = 3;
    new_init(&st, SIZE, 20);
    (void) state_import(&st, old.store.shared, SIZE, &n);
    is_int(n.entries, 1, "an entry");
    is_int((int64_t) st.store.shared->serial, (INT64_C(1) << 52) + 1,
           "its number is the last");
    state_done(&st);

    /* the head is no more: nobody ever comes so far */

    old.store.shared->magic[3]++;
    new_init(&st, SIZE, 20);
    (void) state_import(&st, old.store.shared, SIZE, &n);
    is_int(n.entries, 1, "an entry");
    ok(st.store.shared->serial >= UINT32_MAX, "what is not known is large");
    state_done(&st);

    /* or it says what cannot be */

    old.store.shared->magic[3]--;
    old.store.shared->serial = UINT64_MAX - 3;
    new_init(&st, SIZE, 20);
    (void) state_import(&st, old.store.shared, SIZE, &n);
    ok(st.store.shared->serial < UINT64_MAX / 2, "there are others");
    state_done(&st);

    state_done(&old);
}


/* one thing after another is damaged: what is whole is there */

static void
test_damaged(void)
{
    unsigned            i;
    old_t               o;
    uint8_t            *bytes;
    jm_str_t            id;
    jm_state_t          st;
    jm_store_t          s;
    jm_record_t        *r;
    jm_state_import_t   n;

    old_init(&o);

    /* the head */

    for (i = 0; i < 6; i++) {
        bytes = copy(&o);
        s.shared = (jm_store_shared_t *) (void *) bytes;

        switch (i) {

        case 0:
            memset(bytes, 0, 4096);
            break;

        case 1:
            s.shared->magic[7] ^= 1;
            break;

        case 2:
            s.shared->nundo = UINT32_MAX;
            break;

        case 3:
            s.shared->first = UINT32_MAX;
            break;

        case 4:
            s.shared->layout++;
            break;

        default:
            s.shared->free = 7;
            s.shared->given = 9;
            s.shared->used = UINT32_MAX;
            s.shared->size = 0;
            break;
        }

        new_init(&st, SIZE, 20);
        import(&st, bytes, &n);

        is_int(n.entries, 5, "%u: entries", i);
        is_int(n.slots, 3, "%u: slots", i);
        is_int(n.clients, 2, "%u: clients", i);
        ok(memcmp(st.salt, o.st.salt, JM_STATE_SALT) == 0, "%u: the salt", i);
        is_int(repeat(&st, 'r', 0, &alice, &id), JM_LOOK_TAKEN,
               "%u: what runs", i);
        state_done(&st);
    }

    /* the salt */

    bytes = copy(&o);
    s.shared = (jm_store_shared_t *) (void *) bytes;
    ((jm_state_meta_t *) (void *) jm_store_record(&s, 0))->salt[5] ^= 4;
    new_init(&st, SIZE, 20);
    import(&st, bytes, &n);
    is_count(&n, 5, 3, 2, 1, 0, 0);
    ok(memcmp(st.salt, o.st.salt, JM_STATE_SALT) == 0, "the other salt");
    state_done(&st);

    bytes = copy(&o);
    s.shared = (jm_store_shared_t *) (void *) bytes;
    ((jm_state_meta_t *) (void *) jm_store_record(&s, 0))->salt[5] ^= 4;
    ((jm_state_meta_t *) (void *) jm_store_record(&s, s.shared->records))
        ->salt[5] ^= 4;
    new_init(&st, SIZE, 20);
    import(&st, bytes, &n);
    is_count(&n, 5, 3, 2, 2, 0, 0);
    ok(st.salt[0] == 'n' && st.salt[5] == 'n', "a new salt");
    state_done(&st);

    /* a client, and an entry */

    bytes = copy(&o);
    s.shared = (jm_store_shared_t *) (void *) bytes;
    s.size = SIZE;

    for (i = 0, id.len = 0; i < s.shared->used; i++) {
        r = jm_store_record(&s, i);

        if (r->type == JM_RECORD_CLIENT && id.len++ == 0) {
            ((uint8_t *) r)[30] ^= 1;
        }

        if (((jm_ledger_entry_t *) (void *) r)->serial == o.runs.claim.serial) {
            ((jm_ledger_entry_t *) (void *) r)->key[0] ^= 1;
        }
    }

    new_init(&st, SIZE, 20);
    import(&st, bytes, &n);
    is_count(&n, 4, 3, 1, 2, 0, 0);
    state_done(&st);

    /* a page is zeros: it says nothing, but the head does */

    bytes = copy(&o);
    s.shared = (jm_store_shared_t *) (void *) bytes;
    memset(jm_store_record(&s, 1), 0, 3 * JM_RECORD);
    new_init(&st, SIZE, 20);
    import(&st, bytes, &n);
    is_int(n.missing, 3, "three records are missing");
    is_int(n.damaged, 0, "and none is damaged");
    state_done(&st);

    /* half of it was read */

    new_init(&st, SIZE, 20);
    bytes = copy(&o);
    is_int(state_import(&st, bytes, SIZE / 2 + 100, &n), JM_OK, "a half");
    is_int(n.entries, 5, "has what was in that");
    is_int(state_is_whole(&st), 1, "it is whole");
    free(bytes);
    state_done(&st);

    state_done(&o.st);
}


/* a process has died at work, and with it all others, or the whole system */

static void
test_log(void)
{
    old_t              o;
    uint8_t           *bytes;
    jm_state_t         st;
    jm_state_import_t  n;

    old_init(&o);

    state_begin(&o.st);
    (void) jm_ledger_over(&o.st.ledger, &o.runs.claim, 0, o.st.now);
    jm_queue_leave(&o.st.queue, &o.runs.places[0], JM_LEAVE_OVER, o.st.now);
    bytes = copy(&o);

    new_init(&st, SIZE, 20);
    import(&st, bytes, &n);
    is_count(&n, 5, 3, 2, 0, 0, 0);
    is_int(state_slot(&st, o.runs.claim.serial, 0)->state, JM_SLOT_TAKEN,
           "what was not done is undone");
    state_done(&st);

    /* pages of other times */

    state_boot = 2;
    new_init(&st, SIZE, 20);
    import(&st, copy(&o), &n);
    is_int(n.slots, 2, "what the disk has counts");
    is_int(state_slot(&st, o.runs.claim.serial, 0)->state, JM_SLOT_OVER,
           "as it is");
    state_done(&st);

    /* nobody knows */

    state_boot = 0;
    new_init(&st, SIZE, 20);
    o.st.shared->boot = 0;
    import(&st, copy(&o), &n);
    is_int(n.slots, 2, "the same");
    state_done(&st);
    o.st.shared->boot = 1;
    state_boot = 1;

    state_commit(&o.st);
    state_done(&o.st);
}


static void
test_size(void)
{
    unsigned            i;
    jm_str_t            id;
    jm_state_t          old, st;
    jm_state_import_t   n;

    /* 300 that are over, and one that runs, before all of them */

    order_t  o;

    state_new(&old, SIZE, 20);
    (void) state_account(&old, "main", 2);
    (void) state_sync(&old, clients, 2);
    order_running(&old, &o, 1000, "runs", 0, &alice);

    for (i = 0; i < 300; i++) {
        order_all(&old, i, 0, &bob);
    }

    new_init(&st, SMALL, 20);
    is_int(state_import(&st, old.store.shared, SIZE, &n), JM_OK, "a small one");
    ok(n.entries > 100 && n.entries < 301, "has %u of them", n.entries);
    is_int(n.forgotten, 301 - n.entries, "and the others are counted");
    is_int(n.clients, 2, "the clients are all there");
    is_int(n.slots, 1, "and the slots");
    is_int(st.ledger.evicted, 0, "nobody is told twice");

    is_int(repeat(&st, 1000, 0, &alice, &id), JM_LOOK_TAKEN, "what runs");
    is_int(repeat(&st, 299, 0, &bob, &id), JM_LOOK_TAKEN, "the newest");
    is_int(repeat(&st, 0, 0, &bob, &id), JM_LOOK_OWN, "not the oldest");
    ok(state_is_whole(&st) != 0, "it is whole");
    state_done(&st);

    new_init(&st, 2 * SIZE, 20);
    is_int(state_import(&st, old.store.shared, SIZE, &n), JM_OK, "a large one");
    is_count(&n, 301, 1, 2, 0, 0, 0);
    ok(state_is_whole(&st) != 0, "it is whole");
    state_done(&st);

    state_done(&old);
}


/* more clients than there is room for, and no memory for a list */

static void
test_room(void)
{
    unsigned            i;
    char                names[400][16];
    tap_mem_t           m;
    jm_state_t          old, st;
    jm_client_t         many[400];
    jm_state_import_t   n;

    const jm_client_t  *all[400];

    for (i = 0; i < 400; i++) {
        snprintf(names[i], sizeof(names[i]), "client-%u", i);
        many[i] = state_client(names[i]);
        all[i] = &many[i];
    }

    state_new(&old, SIZE, 420);
    (void) state_account(&old, "main", 2);
    is_int(state_sync(&old, all, 400), JM_OK, "400 clients");
    order_all(&old, 'k', 0, all[0]);

    new_init(&st, SMALL, 20);
    is_int(state_import(&st, old.store.shared, SIZE, &n), JM_OK, "a small one");
    ok(n.clients > 100 && n.clients < 400, "has room for %u", n.clients);
    is_int(n.forgotten, 400 - n.clients + 2,
           "all others, an entry, and a client's models");
    is_int(n.entries, 0, "for which there is none");
    ok(state_is_whole(&st) != 0, "it is whole");
    is_int(state_sync(&st, all, 10), JM_OK, "fewer clients");
    is_int((int64_t) state_view(&st, all[0]).used, 1, "of these it is known");
    order_all(&st, 'l', 0, all[0]);
    is_int((int64_t) state_view(&st, all[0]).used, 2, "and goes on");
    state_done(&st);

    new_init(&st, SIZE, 420);
    tap_mem_init(&m, 1);
    state_begin(&st);
    is_int(jm_state_import(&st, old.store.shared, SIZE, &m.mem, &n), JM_ERROR,
           "no memory");
    state_commit(&st);
    is_int((int64_t) m.live, 0, "all is given back");
    ok(state_is_whole(&st) != 0, "it is whole");
    state_done(&st);

    state_done(&old);
}


int
main(void)
{
    alice = state_client("alice");
    bob = state_client("bob");

    test_all();
    test_serials();
    test_damaged();
    test_log();
    test_size();
    test_room();

    return done_testing();
}
