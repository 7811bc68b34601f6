
/*
 * What a process is told of its places, and what becomes of those of one that
 * is dead while they wait.
 *
 * Seen failing with each of these taken out: jm_queue_notify() in
 * jm_queue_grant() and in jm_queue_announce(), jm_queue_told() in
 * jm_queue_news(), jm_queue_tell() and jm_queue_tell_waiting(), what counts
 * alarms, and both that cause one, the look at who is dead in
 * jm_queue_is_left(), in jm_queue_walk() and in jm_queue_process_of(), the
 * lease, the limits of what is given back in one call, jm_queue_bury() in
 * jm_queue_reap(), and both looks of jm_queue_pause().
 */


#define _GNU_SOURCE

#include "queue_world.h"
#include "jm_queue_turn.h"


#define MANY       10000
#define MANY_SIZE  (8 * 1024 * 1024)


static jm_place_t  many[MANY];


static void
test_granted(void)
{
    jm_place_t  a, b[3], c;
    jm_queue_t  q, other;

    start(&q, &other);
    (void) account(&q, "main", 1, 9);

    (void) enter(&q, &a, 'a', NOW);
    (void) enter(&other, &b[0], 'b', NOW);
    (void) enter(&other, &b[1], 'b', NOW);
    (void) enter(&other, &b[2], 'b', NOW);
    (void) enter(&q, &c, 'c', NOW);

    is_int((int64_t) queue_news(&other), 0, "nothing is new");

    queue_leave(&q, &a, JM_LEAVE_OVER, NOW);
    is_int((int64_t) queue_news(&q), 0, "nothing of its own is");
    is_int((int64_t) queue_news(&other), (int64_t) b[0].serial,
           "one has a slot");
    is_int((int64_t) queue_news(&other), 0, "which is told once");
    ok(queue_is_whole(&q), "granted: whole");
    is_int(look(&other, &b[0], NOW), JM_QUEUE_GRANTED, "it has");
    is_int((int64_t) queue_news(&other), 0, "and that is not told again");

    /* who is told by a look need not be told */

    queue_leave(&other, &b[0], JM_LEAVE_OVER, NOW);
    is_int(look(&q, &c, NOW), JM_QUEUE_GRANTED, "one that looks");
    is_int((int64_t) queue_news(&q), 0, "knows");

    (void) enter(&q, &a, 'c', NOW);
    queue_leave(&q, &c, JM_LEAVE_OVER, NOW);
    (void) account(&q, "main", 2, 9);
    is_int(look(&q, &a, NOW), JM_QUEUE_GRANTED, "one that asks, and gets it");
    is_int((int64_t) queue_news(&q), 0, "knows as well");

    /* and one that has gone is not told of */

    queue_leave(&q, &a, JM_LEAVE_OVER, NOW);
    queue_leave(&other, &b[1], JM_LEAVE_FREE, NOW);
    is_int((int64_t) queue_news(&other), (int64_t) b[2].serial, "who is there");
    is_int((int64_t) queue_news(&other), 0, "and nobody else");
    is_int(store_count(q.store, JM_RECORD_PROCESS), 0, "no process waits");
    ok(queue_is_whole(&q), "granted: whole at the end");

    stop();
}


static void
test_announced(void)
{
    uint64_t         wait;
    unsigned         number;
    jm_place_t       a, b, c;
    jm_queue_t       q, other;
    jm_queue_conf_t  conf = { 3, 9, 1, 0, 400, 0 };

    start(&q, &other);
    (void) queue_account(&q, str("main"), &conf, &number);

    (void) enter(&q, &a, 'a', NOW);
    (void) enter(&q, &b, 'b', NOW);
    (void) enter(&other, &c, 'c', NOW);
    is_int((int64_t) queue_news(&q), 0, "it knows when to look");

    queue_leave(&q, &b, JM_LEAVE_FREE, NOW + 100);
    is_int((int64_t) queue_news(&other), (int64_t) c.serial,
           "the next is to look at another time");
    is_int((int64_t) queue_news(&other), 0, "once");
    ok(queue_is_whole(&q), "announced: whole");

    /* by a look it is told, too, and then it gets its slot */

    (void) enter(&q, &b, 'b', NOW + 100);
    queue_leave(&other, &c, JM_LEAVE_FREE, NOW + 150);
    (void) queue_look(&q, &b, NOW + 200, &wait);
    is_int((int64_t) wait, 200, "one that looks is told when");
    is_int((int64_t) queue_news(&q), 0, "and no more");
    is_int(enter(&other, &c, 'c', NOW + 400), JM_QUEUE_WAIT, "another one");
    is_int((int64_t) queue_news(&q), (int64_t) b.serial, "now it has it");
    is_int((int64_t) queue_news(&q), 0, "that is all");

    stop();
}


static void
test_alarms(void)
{
    uint32_t    before;
    uint64_t    wait;
    unsigned    first;
    jm_place_t  a, b;
    jm_queue_t  q, other;

    start(&q, &other);
    (void) account(&q, "main", 1, 9);
    (void) enter(&q, &a, 'a', NOW);
    (void) enter(&other, &b, 'b', NOW);

    before = jm_queue_alarms(&other);

    (void) queue_denied(&q, &a, 0, NOW, &wait, &first);
    is_int(jm_queue_alarms(&other), before + 1, "an account was set aside");
    ok(q.nwoken > JM_QUEUE_WOKEN, "which all are to look for");
    is_int((int64_t) queue_news(&other), 0, "it is no news of any place");

    q.nwoken = 0;
    queue_accounts_begin(&q);
    is_int(jm_queue_alarms(&other), before + 2, "another configuration");
    ok(q.nwoken > JM_QUEUE_WOKEN, "as well");

    stop();
}


/* a place of "other" has the slot of one account, and MANY wait, first */

static void
start_many(jm_queue_t *q, jm_queue_t *other, jm_place_t *slot)
{
    unsigned  i;

    start_of(q, other, MANY_SIZE);
    (void) account(q, "main", 1, MANY + 9);
    (void) enter(q, slot, 'a', NOW);

    for (i = 0; i < MANY; i++) {
        (void) enter(other, &many[i], (uint8_t) (i % 3), NOW);
    }
}


/* what a dead process leaves waiting goes in pieces, and gets nothing */

static void
test_dead(void)
{
    unsigned    n;
    uint64_t    wait, now;
    uint32_t    before, most;
    jm_place_t  slot, b;
    jm_queue_t  q, other;

    start_many(&q, &other, &slot);
    (void) enter(&q, &b, 'b', NOW);

    dead[2] = 1;

    (void) queue_look(&q, &b, NOW + 499, &wait);
    is_int(q.shared->waiting, MANY + 1, "nobody has seen it yet");

    most = 0;
    now = NOW + 500;

    for (n = 0; q.shared->waiting > 1 && n < MANY; n++) {
        before = q.shared->waiting;
        is_int(queue_look(&q, &b, now, &wait), JM_QUEUE_WAIT, "it waits");
        most = jm_max(most, before - q.shared->waiting);

        if (q.shared->waiting > 1 && wait != 1) {
            break;
        }

        if (n == 0) {
            ok(queue_is_whole(&q), "dead: whole in between");
        }
    }

    is_int(q.shared->waiting, 1, "all have gone");
    is_int(most, JM_QUEUE_BURIED, "in pieces");
    is_int(n, (MANY + JM_QUEUE_BURIED - 1) / JM_QUEUE_BURIED, "one at once");
    is_int((int64_t) wait, JM_QUEUE_LOOK, "the last look was no haste");
    ok(queue_is_whole(&q), "dead: whole");
    is_view(&q, 1, 0, 1, "dead");

    stop();
}


/* a slot goes past all of them, however many come first */

static void
test_dead_first(void)
{
    unsigned    n;
    uint64_t    wait;
    jm_place_t  slot, b;
    jm_queue_t  q, other;

    start_many(&q, &other, &slot);

    /* of its own client, with the last turn of all */

    (void) enter(&q, &b, 0, NOW);
    dead[2] = 1;
    (void) queue_look(&q, &b, NOW + 500, &wait);
    is_int(q.shared->waiting, MANY + 1 - JM_QUEUE_BURIED, "a piece is gone");

    queue_leave(&q, &slot, JM_LEAVE_OVER, NOW + 500);
    is_int(q.shared->waiting, MANY + 1 - 2 * JM_QUEUE_BURIED,
           "and one with a slot, which nobody gets yet");

    for (n = 0; n < MANY; n++) {

        if (queue_look(&q, &b, NOW + 500, &wait) != JM_QUEUE_WAIT
            || wait != 1)
        {
            break;
        }
    }

    is_int(look(&q, &b, NOW + 500), JM_QUEUE_GRANTED, "who lives gets it");
    ok(n < MANY / JM_QUEUE_BURIED, "in %u pieces", n);
    ok(queue_is_whole(&q), "dead first: whole");

    stop();
}


/* whether a place that is told to wait is there */

static unsigned
is_there(jm_queue_t *q, const jm_place_t *p)
{
    const jm_queue_place_t  *place;

    place = jm_at(q->store, p->ref);

    return place->head.type == JM_RECORD_PLACE && place->serial == p->serial
           && place->state == JM_PLACE_WAIT;
}


/* one that was only taken for dead has lost what it had, and nothing else */

static void
test_taken_for_dead(void)
{
    unsigned    i, n, missing, granted;
    jm_place_t  slot;
    jm_queue_t  q, other;
    jm_queue_e  rc;

    start_many(&q, &other, &slot);

    dead[2] = 1;
    (void) look(&q, &slot, NOW + 500);
    dead[2] = 0;

    queue_leave(&q, &slot, JM_LEAVE_OVER, NOW + 500);
    missing = 0;
    granted = 0;

    /* the first of all, which goes by its own look, and the next that stays */

    for (n = 0; n < MANY; n++) {

        for (i = 0; i < MANY && !is_there(&other, &many[i]); i++) {
            /* void */
        }

        if (i == MANY) {
            break;
        }

        i = jm_min(i + (n == 1 ? JM_QUEUE_BURIED : 0), MANY - 1);
        rc = look(&other, &many[i], NOW + 500);
        missing += (rc == JM_QUEUE_WAIT && !is_there(&other, &many[i]));
        granted += (rc == JM_QUEUE_GRANTED);
    }

    is_int(missing, 0, "taken for dead: who is told to wait is there");
    is_int(granted, 1, "taken for dead: and one has the slot");
    is_int(q.shared->waiting, 0, "taken for dead: nobody else");
    ok(queue_is_whole(&q), "taken for dead: whole");

    stop();
}


/* one that lapsed is passed over, and no reason to hurry */

static void
test_lease_of_one(void)
{
    uint64_t    wait, late;
    jm_place_t  slot, a, b, c;
    jm_queue_t  q, other;

    start(&q, &other);
    (void) account(&q, "main", 1, 9);
    late = NOW + JM_QUEUE_LEASE;

    (void) enter(&q, &slot, 'a', NOW);
    (void) enter(&other, &a, 'b', NOW);
    queue_renew(&q, &slot, late);
    (void) enter(&q, &b, 'c', late);
    (void) enter(&q, &c, 'd', late);

    (void) account(&q, "main", 2, 9);
    (void) queue_look(&q, &c, late, &wait);
    is_int((int64_t) wait, JM_QUEUE_LOOK, "there is nothing left to be done");
    is_int((int64_t) queue_news(&other), 0, "one that lapsed has no slot");
    is_int((int64_t) queue_news(&q), (int64_t) b.serial, "but the next");
    is_view(&q, 2, 0, 1, "lapsed");

    stop();
}


/* a place that nobody looks after any more waits, but gets no slot */

static void
test_lease(void)
{
    unsigned    i;
    uint64_t    wait, late;
    jm_place_t  slot, b;
    jm_queue_t  q, other;

    start_many(&q, &other, &slot);
    late = NOW + JM_QUEUE_LEASE;

    queue_renew(&q, &slot, late);
    (void) enter(&q, &b, 0, late);
    is_int(q.shared->waiting, MANY + 1, "leases: over");

    queue_leave(&q, &slot, JM_LEAVE_OVER, late);
    is_int(q.shared->waiting, MANY + 1 - JM_QUEUE_BURIED, "leases: a piece");

    for (i = 0; queue_look(&q, &b, late, &wait) == JM_QUEUE_WAIT; i++) {

        if (wait != 1) {
            break;
        }
    }

    is_int(look(&q, &b, late), JM_QUEUE_GRANTED, "leases: who looks gets it");
    is_int(i, MANY / JM_QUEUE_BURIED - 1, "leases: at once");
    ok(queue_is_whole(&q), "leases: whole");
    is_int(look(&other, &many[0], late), JM_QUEUE_LATE, "leases: late");

    stop();
}


int
main(void)
{
    test_granted();
    test_announced();
    test_alarms();
    test_dead();
    test_dead_first();
    test_taken_for_dead();
    test_lease_of_one();
    test_lease();

    return done_testing();
}
