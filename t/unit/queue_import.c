
/*
 * What is taken over from an older store, which may be damaged: accounts with
 * what is known of them, and slots of tasks that may be running.
 *
 * Seen failing with each of these taken out: the map, the states, the looks at
 * an id's length and at a serial that is there, what limits the average and the
 * times, and what raises the store's serial; and, under ASan, with the looks at
 * numbers and lengths that are above their limits.
 */


#define _GNU_SOURCE

#include "queue_world.h"
#include "jm_queue_import.h"
#include "jm_queue_turn.h"


#define OLD  3000000            /* the old store's time, which was ahead */


typedef struct {
    jm_ref_t             accounts[2];
    jm_ref_t             run;
    jm_ref_t             told;
    jm_ref_t             lost;
    jm_ref_t             granted;
    jm_ref_t             waits;
} old_t;


/* one more slot of the second account, with all that a request has */

static jm_ref_t
place(jm_queue_t *q, uint8_t client, uint64_t task)
{
    uint64_t            wait;
    jm_place_t          p;
    jm_queue_request_t  request;

    request_init(&request, client, OLD);
    request.accounts[0] = 1;
    request.model = 5;
    request.entry = 600;
    request.billed = 700;
    request.task = 8;

    (void) queue_enter(q, &p, &request, OLD, &wait);

    if (task != 0) {
        queue_accepted(q, &p, task, OLD);
    }

    return p.ref;
}


static void
make_old(jm_queue_t *q, jm_queue_t *other, old_t *old)
{
    unsigned             i;
    jm_place_t           p, next;
    jm_queue_account_t  *a;

    start(q, other);
    (void) account(q, "a", 1, 9);
    (void) account(q, "b", 3, 9);

    for (i = 0; i < 2; i++) {
        old->accounts[i] = q->shared->accounts[i];
    }

    a = jm_queue_number(q, 1);
    a->average = 20000;
    a->submits = 11;
    a->busy_rate = 12;
    a->busy_tasks = 13;
    a->denied = 14;
    a->queries_denied = 15;

    old->run = place(q, 'r', 71);
    old->told = place(q, 't', 0);
    old->lost = place(q, 'l', 72);

    jm_store_begin(q->store);
    jm_queue_lose(q, jm_at(q->store, old->lost));
    jm_store_commit(q->store);

    old->waits = place(q, 'w', 0);

    (void) enter(q, &p, 'x', OLD);
    (void) enter(q, &next, 'y', OLD);
    queue_leave(q, &p, JM_LEAVE_FREE, OLD);
    old->granted = next.ref;
}


static jm_rc_e
import_account(jm_queue_t *q, const jm_store_t *old, jm_ref_t ref,
    uint8_t *map)
{
    jm_rc_e  rc;

    jm_store_begin(q->store);
    rc = jm_queue_import_account(q, old, ref, map);
    jm_store_commit(q->store);

    return rc;
}


static jm_rc_e
import_place(jm_queue_t *q, const jm_store_t *old, jm_ref_t ref,
    const uint8_t *map)
{
    jm_rc_e  rc;

    jm_store_begin(q->store);
    rc = jm_queue_import_place(q, old, ref, map, NOW);
    jm_store_commit(q->store);

    return rc;
}


static void
test_import(void)
{
    old_t             refs;
    uint8_t           map[JM_QUEUE_ACCOUNTS];
    jm_place_t        p;
    jm_store_t        s, old;
    jm_queue_t        q, before, other;
    jm_orphan_t       o;
    jm_queue_view_t   v;
    jm_queue_place_t *place;

    make_old(&before, &other, &refs);

    /* of the old one no more is known than where it is */

    memset(&old, 0, sizeof(jm_store_t));
    old.shared = stores[0].shared;
    old.size = stores[0].size;

    queue_init(&q, &s, SIZE, alive);
    memset(map, JM_QUEUE_UNKNOWN, sizeof(map));

    is_int(import_place(&q, &old, refs.run, map), JM_INVALID,
           "a place whose account is not there");
    is_int(import_account(&q, &old, refs.accounts[1], map), JM_OK,
           "an account");
    is_int(map[1], 0, "has another number");
    is_int(import_account(&q, &old, refs.accounts[1], map), JM_INVALID,
           "once");
    is_int(import_account(&q, &old, refs.run, map), JM_INVALID,
           "a place is no account");
    is_int(import_account(&q, &old, refs.accounts[0], map), JM_OK,
           "another account");

    queue_view(&q, 0, &v, NOW);
    ok(v.len == 1 && v.name[0] == 'b', "its name");
    is_int((int64_t) v.average, 20000, "its average");
    ok(v.submits == 0 && v.busy_rate == 0 && v.busy_tasks == 0
       && v.denied == 0 && v.queries_denied == 0, "its counts begin anew");
    ok(v.conf.concurrency == 0 && v.conf.weight == 0, "no conf");
    ok(v.running == 0 && v.waiting == 0, "nothing else");

    is_int(account(&q, "b", 9, 9), 0, "the configuration has it");
    queue_view(&q, 0, &v, NOW);
    is_int((int64_t) v.average, 20000, "the average is kept");

    is_int(import_place(&q, &old, refs.run, map), JM_OK, "a task that ran");
    is_int(import_place(&q, &old, refs.told, map), JM_OK,
           "one that may have been submitted");
    is_int(import_place(&q, &old, refs.lost, map), JM_OK, "a lost one");
    is_int(import_place(&q, &old, refs.waits, map), JM_INVALID,
           "one that waited");
    is_int(import_place(&q, &old, refs.granted, map), JM_INVALID,
           "one that did not know of its slot");
    is_int(import_place(&q, &old, refs.run, map), JM_INVALID,
           "a second with a serial");
    is_int(import_place(&q, &old, refs.accounts[0], map), JM_INVALID,
           "an account is no place");
    is_int(import_place(&q, &old, 0, map), JM_INVALID, "nothing");
    is_int(import_place(&q, &old, refs.run + 1, map), JM_INVALID, "between");
    is_int(import_place(&q, &old, UINT32_MAX, map), JM_INVALID, "behind");
    is_view(&q, 3, 3, 0, "imported");

    place = jm_at(before.store, refs.lost);
    ok(s.shared->serial >= place->serial, "new numbers are not old ones");

    is_int(queue_orphan_next(&q, 1, 1, NOW, &o), 1, "it is asked about");
    ok(o.len == 7 && memcmp(o.id, "task-71", 7) == 0, "by its id");
    ok(o.entry == 600 && o.billed == 700 && o.task == 8 && o.model == 5,
       "all that is known of it");
    is_int((int64_t) o.since, NOW, "times that are ahead are now");

    is_int(queue_adopt(&q, &p, 0, 72, NOW), 1, "one is followed again");
    is_int((int64_t) p.serial, (int64_t) place->serial, "by its number");
    queue_leave(&q, &p, JM_LEAVE_OVER, NOW);
    queue_ended(&q, 0, 71, NOW);
    is_view(&q, 1, 1, 0, "one is over");
    queue_view(&q, 0, &v, NOW + 19999);
    is_int(v.running, 1, "the last is there for the average");
    queue_view(&q, 0, &v, NOW + 20499);
    is_int(v.running, 0, "from now on");
    ok(queue_is_whole(&q), "imported: whole");

    store_done(&s);
    stop();
}


/* what has lapsed in the meantime is free, and what is out of all bounds */

static void
test_times(void)
{
    old_t                refs;
    uint8_t              map[JM_QUEUE_ACCOUNTS];
    jm_store_t           s;
    jm_queue_t           q, before, other;
    jm_queue_view_t      v;
    jm_queue_place_t    *place;
    jm_queue_account_t  *a;

    make_old(&before, &other, &refs);
    queue_init(&q, &s, SIZE, alive);
    memset(map, JM_QUEUE_UNKNOWN, sizeof(map));

    a = jm_at(before.store, refs.accounts[1]);
    a->average = UINT64_MAX;
    place = jm_at(before.store, refs.told);
    place->at = 10;
    place->renewed = 20;

    (void) import_account(&q, before.store, refs.accounts[1], map);
    queue_view(&q, 0, &v, NOW);
    is_int((int64_t) v.average, 86400000, "an average of a day");

    (void) account(&q, "b", 1, 9);
    jm_queue_number(&q, 0)->average = 1000;

    (void) import_place(&q, before.store, refs.told, map);
    (void) import_place(&q, before.store, refs.run, map);
    queue_view(&q, 0, &v, NOW + 1);
    is_int(v.running, 2, "two slots are taken over, though there is but one");
    queue_view(&q, 0, &v, NOW + 999);
    is_int(v.running, 1, "one that has lapsed is free");
    queue_view(&q, 0, &v, NOW + 1500);
    is_int(v.running, 0, "then the other");

    store_done(&s);
    stop();
}


/* more accounts than there may be, and more than there are records for */

static void
test_too_many(void)
{
    char        name[3] = "c0";
    old_t       refs;
    uint8_t     map[JM_QUEUE_ACCOUNTS];
    unsigned    i;
    jm_store_t  s;
    jm_queue_t  q, before, other;

    make_old(&before, &other, &refs);
    queue_init(&q, &s, SIZE, alive);
    memset(map, JM_QUEUE_UNKNOWN, sizeof(map));

    for (i = 0; i < JM_QUEUE_ACCOUNTS - 1; i++) {
        name[1] = (char) ('0' + i);
        (void) account(&q, name, 1, 9);
    }

    is_int(import_account(&q, before.store, refs.accounts[0], map), JM_OK,
           "the last account");
    is_int(map[0], JM_QUEUE_ACCOUNTS - 1, "the last number");
    is_int(import_account(&q, before.store, refs.accounts[1], map), JM_INVALID,
           "one too many");
    is_int(map[1], JM_QUEUE_UNKNOWN, "has no number");

    while (s.shared->nfree > 0) {
        (void) jm_store_take(&s, JM_RECORD_ENTRY);
        jm_store_commit(&s);
    }

    map[1] = 0;
    is_int(import_place(&q, before.store, refs.run, map), JM_ERROR,
           "no record for a place");
    ok(queue_is_whole(&q), "too many: whole");

    store_done(&s);

    queue_init(&q, &s, SIZE, alive);
    memset(map, JM_QUEUE_UNKNOWN, sizeof(map));

    while (s.shared->nfree > 0) {
        (void) jm_store_take(&s, JM_RECORD_ENTRY);
        jm_store_commit(&s);
    }

    is_int(import_account(&q, before.store, refs.accounts[0], map), JM_ERROR,
           "no record for an account");
    is_int(map[0], JM_QUEUE_UNKNOWN, "nor a number");

    store_done(&s);
    stop();
}


static void
seal(void *record, jm_record_e type)
{
    if (type == JM_RECORD_ACCOUNT) {
        jm_store_seal(record, jm_queue_account_sealed);

    } else {
        jm_store_seal(record, jm_queue_place_sealed);
    }
}


/* takes over a record with another byte; with again its sum is right */

static void
import_damaged(jm_queue_t *q, const jm_store_t *old, jm_ref_t ref, size_t at,
    uint8_t value, unsigned again)
{
    uint8_t      map[JM_QUEUE_ACCOUNTS];
    uint8_t     *bytes, was;
    jm_record_e  type;

    bytes = jm_at(old, ref);
    type = (jm_record_e) ((jm_record_t *) (void *) bytes)->type;

    was = bytes[at];
    bytes[at] = value;

    if (again) {
        seal(bytes, type);
    }

    memset(map, JM_QUEUE_UNKNOWN, sizeof(map));

    if (type == JM_RECORD_ACCOUNT) {
        (void) import_account(q, old, ref, map);

    } else {
        map[1] = 0;
        (void) import_place(q, old, ref, map);
    }

    bytes[at] = was;
    seal(bytes, type);
}


/* whatever is in a record: what is made of it is whole, and goes its way */

static void
test_damaged(void)
{
    old_t                 refs;
    size_t                at;
    uint8_t               bits[] = { 0x01, 0x10, 0x40, 0x80, 0xff };
    uint8_t              *bytes;
    unsigned              i, j, again, broken, others;
    jm_ref_t              ref;
    jm_store_t            s;
    jm_queue_t            q, before, other;
    jm_orphan_t           o;
    jm_queue_view_t       v;

    make_old(&before, &other, &refs);

    broken = 0;
    others = 0;

    for (i = 0; i < 2; i++) {
        ref = i ? refs.accounts[1] : refs.run;
        bytes = jm_at(before.store, ref);

        for (at = 0; at < JM_RECORD; at++) {

            for (again = 0; again < 2; again++) {
                queue_init(&q, &s, 64 * 1024, alive);
                (void) account(&q, "b", 1, 1);

                for (j = 0; j < sizeof(bits); j++) {
                    import_damaged(&q, before.store, ref, at,
                                   bytes[at] ^ bits[j], again);
                }

                broken += !queue_is_whole(&q);

                while (queue_orphan_next(&q, UINT64_MAX, 1, NOW, &o)) {
                    broken += (o.len == 0 || o.len > JM_QUEUE_ID);
                    jm_store_begin(q.store);
                    jm_queue_ended(&q, o.account,
                                   (jm_str_t) { o.len, o.id }, NOW);
                    jm_store_commit(q.store);
                }

                queue_view(&q, 0, &v, NOW + (uint64_t) 2 * 86400000);
                broken += !queue_is_whole(&q);
                broken += (q.shared->naccounts > 1 + sizeof(bits));
                broken += (v.running != 0);
                broken += (!again && q.shared->naccounts != 1);

                others += q.shared->naccounts - 1;

                store_done(&s);
            }
        }
    }

    is_int(broken, 0, "each byte damaged: what is made of it is whole");
    is_int(others, 6, "with another sum it is another account");

    stop();
}


/* no bit of what is sealed may differ, nor of a number be above its limit */

static void
test_refused(void)
{
    old_t                refs;
    size_t               at;
    uint8_t              map[JM_QUEUE_ACCOUNTS];
    uint8_t             *bytes;
    unsigned             taken;
    jm_store_t           s;
    jm_queue_t           q, before, other;
    jm_queue_place_t    *p;
    jm_queue_account_t  *a;

    make_old(&before, &other, &refs);
    queue_init(&q, &s, SIZE, alive);

    memset(map, 0, sizeof(map));
    bytes = jm_at(before.store, refs.run);
    taken = 0;

    for (at = 0; at < offsetof(jm_queue_place_t, link); at++) {

        /* but for what is free's */

        if (at >= offsetof(jm_record_t, next)
            && at < offsetof(jm_record_t, type))
        {
            continue;
        }

        if (at >= offsetof(jm_record_t, unused)
            && at < sizeof(jm_record_t))
        {
            continue;
        }

        bytes[at] ^= 0x10;
        taken += (import_place(&q, before.store, refs.run, map) != JM_INVALID);
        bytes[at] ^= 0x10;
    }

    is_int(taken, 0, "not a bit of what is sealed");

    p = jm_at(before.store, refs.run);

    p->account = JM_QUEUE_ACCOUNTS;
    is_int(import_place(&q, before.store, refs.run, map), JM_INVALID,
           "an account that there cannot be");
    p->account = 1;
    p->id_len = JM_QUEUE_ID + 1;
    is_int(import_place(&q, before.store, refs.run, map), JM_INVALID,
           "an id that is too long");
    p->id_len = 7;
    p->state = JM_PLACE_LOST + 1;
    is_int(import_place(&q, before.store, refs.run, map), JM_INVALID,
           "no state");
    p->state = JM_PLACE_RUN;
    p->serial = UINT64_MAX;
    jm_store_seal(p, jm_queue_place_sealed);
    is_int(import_place(&q, before.store, refs.run, map), JM_INVALID,
           "a serial after which there is none");
    p->serial = 0;
    jm_store_seal(p, jm_queue_place_sealed);
    is_int(import_place(&q, before.store, refs.run, map), JM_INVALID,
           "no serial");

    memset(map, JM_QUEUE_UNKNOWN, sizeof(map));
    a = jm_at(before.store, refs.accounts[0]);

    a->number = JM_QUEUE_ACCOUNTS;
    jm_store_seal(a, jm_queue_account_sealed);
    is_int(import_account(&q, before.store, refs.accounts[0], map), JM_INVALID,
           "a number that there cannot be");
    a->number = 0;
    a->len = JM_QUEUE_NAME + 1;
    jm_store_seal(a, jm_queue_account_sealed);
    is_int(import_account(&q, before.store, refs.accounts[0], map), JM_INVALID,
           "a name that is too long");
    a->len = 0;
    jm_store_seal(a, jm_queue_account_sealed);
    is_int(import_account(&q, before.store, refs.accounts[0], map), JM_INVALID,
           "no name");

    ok(queue_is_whole(&q) && q.shared->naccounts == 0
       && store_count(&s, JM_RECORD_PLACE) == 0, "nothing was taken over");

    store_done(&s);
    stop();
}


int
main(void)
{
    test_times();

    request_key = "jimeng_t2i_v40";

    test_import();
    test_too_many();
    test_damaged();
    test_refused();

    return done_testing();
}
