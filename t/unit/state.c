
/*
 * The whole state: that it is made, found by other processes, and the same for
 * all of them; its clock, which goes on whatever the system's are set to; and
 * the numbers of its owners.
 *
 * Seen failing with each of these taken out of jm_state.c: the time that a
 * state goes on from, the latest time that is one, the store of a wall clock
 * that was put forward, the look whether it was, the wall clock in the last
 * time, the look at the layout, the least of records, the records that are
 * kept, the number that is tried first, and the look whether there is one.
 */


#define _GNU_SOURCE

#include "state.h"


#define SIZE  (256 * 1024)

#define LATEST  UINT64_C(16700000000000)


static jm_client_t        alice;
static const jm_client_t  *clients[] = { &alice };

static uint8_t  taken[JM_STORE_OWNERS];


static void
test_create(void)
{
    size_t      i, size, step;
    uint8_t    *memory;
    jm_state_t  st, other;

    static const uint32_t  records[] = { 0, 1, 200, 239, 240, 5000, 100000 };

    for (i = 0; i < jm_nitems(records); i++) {
        size = jm_state_needs(records[i]);

        is_int((int64_t) size % 65536, 0, "%u records: %zu bytes", records[i],
               size);

        memory = store_memory(size);

        is_int(state_create(&st, memory, size, records[i], 0), JM_OK,
               "are enough");
        ok(jm_state_records(&st) >= records[i], "and so many are there");
        is_int(st.store.shared->kept, records[i], "and left free");

        munmap(memory, size);

        if (size > 65536) {
            memory = store_memory(size);
            is_int(state_create(&st, memory, size - 65536, records[i], 0),
                   JM_INVALID, "less is not");
            munmap(memory, size);
        }
    }

    /* the smallest that there are: what is behind is not ours */

    for (size = 0, step = 0; size < 40960; size += 8) {
        memory = malloc(size + 8);
        memset(memory, 0, size);

        if (state_create(&st, memory, size, 0, 0) == JM_OK) {
            step = step ? step : size;

        } else if (step != 0) {
            step = SIZE;
        }

        free(memory);
    }

    ok(step > 16384 && step < 40960, "the smallest has %zu bytes", step);

    /* another process */

    state_new(&st, SIZE, 10);
    (void) state_account(&st, "main", 2);
    (void) state_sync(&st, clients, 1);
    order_all(&st, 'k', 0, &alice);

    state_init(&other, 2);
    is_int(jm_state_attach(&other, st.store.shared, SIZE), JM_OK, "found");
    ok(other.salt == st.salt && other.lock == st.lock
       && other.shared == st.shared, "in the same places");
    ok((uint8_t *) st.lock + JM_STATE_LOCK <= (uint8_t *) st.shared,
       "a lock has its room");
    is_int(jm_ledger_entries(&other.ledger), 1, "what is in the ledger");
    is_int((int64_t) state_view(&other, &alice).used, 1, "and the limits");
    order_all(&other, 'l', 0, &alice);
    is_int(jm_ledger_entries(&st.ledger), 2, "and what comes later");
    ok(state_is_whole(&st) && state_is_whole(&other), "it is whole");

    is_int(jm_state_attach(&other, st.store.shared, SIZE - 256), JM_INVALID,
           "not with another size");
    is_int(jm_state_attach(&other, st.store.shared, 16), JM_INVALID,
           "not in a few bytes");

    st.store.shared->layout++;
    is_int(jm_state_attach(&other, st.store.shared, SIZE), JM_INVALID,
           "not of another version");
    is_int(jm_state_looks(st.store.shared, SIZE), 1, "which is one yet");
    is_int((int64_t) jm_state_last(st.store.shared, SIZE), 0,
           "whose time is not known");
    st.store.shared->magic[0]++;
    is_int(jm_state_looks(st.store.shared, SIZE), 0, "or none at all");
    state_done(&st);

    memory = store_memory(SIZE);
    is_int(jm_state_attach(&other, memory, SIZE), JM_INVALID, "nor are zeros");
    is_int(jm_state_looks(memory, 16), 0, "nor a few bytes");
    munmap(memory, SIZE);
}


/* the ledger has what others leave, and the least of it in any case */

static void
test_keep(void)
{
    unsigned    i;
    order_t     o;
    jm_state_t  st;

    state_new(&st, 65536, 10);
    (void) state_sync(&st, clients, 1);

    state_begin(&st);
    jm_state_keep(&st, jm_state_records(&st));
    state_commit(&st);

    for (i = 0; i < 30; i++) {

        if (order_open(&st, &o, i, 1, &alice) != JM_LEDGER_NEW) {
            break;
        }
    }

    is_int(i, JM_STATE_LEAST, "so many run at a time");
    is_int(st.store.shared->kept, jm_state_records(&st), "all others are kept");
    ok(state_is_whole(&st) != 0, "it is whole");
    state_done(&st);
}


/* a state that goes on from a time */

static void
restart(jm_state_t *st, uint64_t last)
{
    memset(st->store.shared, 0, SIZE);

    if (state_create(st, st->store.shared, SIZE, 10, last) != JM_OK) {
        abort();
    }

    state_begin(st);
    state_commit(st);
}


static void
is_time(jm_state_t *st, uint64_t now, uint64_t wall, const char *name)
{
    state_begin(st);
    state_commit(st);

    is_int((int64_t) st->now, (int64_t) now, "%s: now", name);
    is_int(st->seconds, (int64_t) (wall / 1000), "%s: the time of day", name);
    is_int((int64_t) jm_state_last(st->store.shared, SIZE),
           (int64_t) jm_max(now, wall), "%s: the last", name);
}


static void
test_clock(void)
{
    jm_clock_t  before;
    jm_state_t  st;

    before = state_clock;
    state_new(&st, SIZE, 10);

    is_time(&st, WALL, WALL, "at first");
    state_wait(1500);
    is_time(&st, WALL + 1500, WALL + 1500, "later");

    state_clock.wall -= 3600000;
    is_time(&st, WALL + 1500, WALL + 1500, "an hour set back");
    state_wait(2000);
    is_time(&st, WALL + 3500, WALL + 3500, "goes on");

    state_clock.wall += 7200000;
    is_time(&st, WALL + 3500, WALL + 3603500, "two hours put forward");
    state_wait(1000);
    is_time(&st, WALL + 4500, WALL + 3604500, "goes on");

    state_clock.wall -= 3600000;
    is_time(&st, WALL + 4500, WALL + 3604500, "and an hour set back");
    state_clock.wall += 3600000;

    /* the next nginx */

    restart(&st, jm_state_last(st.store.shared, SIZE));
    is_time(&st, WALL + 3604500, WALL + 3604500, "started again");

    state_clock.monotonic = 3;
    state_clock.wall = 1000;
    restart(&st, jm_state_last(st.store.shared, SIZE));
    is_time(&st, WALL + 3604500, WALL + 3604500, "in 1970");
    state_wait(DAY);
    is_time(&st, WALL + 3604500 + DAY, WALL + 3604500 + DAY, "a day of 1970");

    state_clock.wall = WALL + 2 * DAY;
    is_time(&st, WALL + 3604500 + DAY, WALL + 2 * DAY, "then it is put right");
    restart(&st, jm_state_last(st.store.shared, SIZE));
    is_time(&st, WALL + 2 * DAY, WALL + 2 * DAY, "and for all");

    /* a file that is damaged, or of a time that was wrong */

    st.shared->last = LATEST;
    is_int((int64_t) jm_state_last(st.store.shared, SIZE), (int64_t) LATEST,
           "the latest time");
    st.shared->last = LATEST + 1;
    is_int((int64_t) jm_state_last(st.store.shared, SIZE), 0,
           "what is later is none");
    restart(&st, LATEST - 10);
    state_wait(10);
    is_time(&st, LATEST, LATEST, "and it goes on");

    /* without a file in 1970 */

    memset(&state_clock, 0, sizeof(jm_clock_t));
    restart(&st, 0);
    is_time(&st, 0, 0, "no time at all");
    (void) state_account(&st, "main", 2);
    (void) state_sync(&st, clients, 1);
    order_all(&st, 'k', 0, &alice);
    is_int((int64_t) state_view(&st, &alice).used, 1, "a picture is counted");
    ok(state_is_whole(&st) != 0, "and it is whole");

    state_done(&st);
    state_clock = before;
}


static unsigned
can_be(void *ctx, uint32_t slot)
{
    (void) ctx;

    return !taken[slot];
}


static jm_rc_e
join(jm_state_t *st)
{
    jm_rc_e  rc;

    state_begin(st);
    rc = jm_state_join(st, can_be, NULL);
    state_commit(st);

    return rc;
}


static void
test_join(void)
{
    unsigned         i, wrong;
    order_t          o;
    uint32_t         first;
    jm_state_t       st;
    jm_quota_view_t  view;
    jm_queue_view_t  seen;

    state_new(&st, SIZE, 10);
    memset(st.store.shared->owners, 0, sizeof(st.store.shared->owners));
    st.store.shared->owner = 0;
    (void) state_account(&st, "main", 1);
    (void) state_sync(&st, clients, 1);

    is_int(join(&st), JM_OK, "the first");
    is_int(st.store.owner, 1, "is 1");
    is_int(join(&st), JM_OK, "the next, though that is nobody's");
    is_int(st.store.owner, 2, "is 2");

    taken[2] = 1;
    (void) join(&st);
    is_int(st.store.owner, 4, "what is somebody's is not taken");

    order_running(&st, &o, 'k', "id", 0, &alice);
    memset(taken, 0, sizeof(taken));

    /* as the one in slot 3 lives */

    taken[3] = 1;

    for (i = 0, wrong = 0; i < JM_STORE_OWNERS - 1; i++) {
        first = st.store.owner;
        (void) join(&st);
        wrong += taken[jm_store_slot(st.store.owner)];
        wrong += st.store.owner <= first;
        wrong += !jm_store_listed(&st.store, st.store.owner);
        taken[jm_store_slot(st.store.owner)] = 1;
    }

    is_int(wrong, 0, "each slot is given once, and each number is new");
    is_int(st.store.owner, JM_STORE_OWNERS + 3, "the last one's slot is 2");

    view = state_view(&st, &alice);
    is_int(view.running, 1, "what runs elsewhere runs");
    is_int(jm_store_lives(&st.store, 4), 1, "its owner lives");

    /* what was left there is nobody's: its order, its slot, its share */

    taken[3] = 0;
    is_int(join(&st), JM_OK, "one more");
    is_int(st.store.owner, JM_STORE_OWNERS + 4, "is in its slot");
    taken[3] = 1;

    is_int(jm_store_lives(&st.store, 4), 0, "it is no more");
    view = state_view(&st, &alice);
    is_int(view.running, 0, "nothing runs");
    state_wait(500);
    state_begin(&st);
    jm_queue_view(&st.queue, 0, &seen, st.now);
    state_commit(&st);
    is_int(state_place(&st, o.claim.serial, 0)->state, JM_PLACE_LOST,
           "its slot is an orphan's");
    is_int(jm_ledger_followed(&st.ledger,
                              state_slot(&st, o.claim.serial, 0)),
           0, "its task nobody's");
    (void) order_open(&st, &o, 'k', 1, &alice);
    ok(jm_ledger_numbered(&st.ledger, o.claim.serial)->owed_since != 0,
       "and is owed");
    ok(state_is_whole(&st) != 0, "it is whole");

    is_int(join(&st), JM_ERROR, "no more than so many");
    is_int(st.store.owner, JM_STORE_OWNERS + 4, "nothing has changed");
    taken[6] = 0;
    is_int(join(&st), JM_OK, "until one goes");
    is_int(st.store.owner, JM_STORE_OWNERS + 7, "whose slot it was");

    /* in a hundred years */

    memset(taken, 0, sizeof(taken));
    st.store.shared->owner = UINT32_MAX - 1;
    is_int(join(&st), JM_OK, "the last number");
    is_int(st.store.owner, UINT32_MAX, "is given");
    is_int(join(&st), JM_ERROR, "and none after that");
    is_int(st.store.owner, UINT32_MAX, "nor is one given again");

    state_done(&st);
}


int
main(void)
{
    alice = state_client("alice");

    test_create();
    test_keep();
    test_clock();
    test_join();

    return done_testing();
}
