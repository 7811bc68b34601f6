
/*
 * What is left of tasks that nobody follows: those a process gave up, those of
 * one that died, or was stopped, and who takes them over.
 *
 * Seen failing with each of these taken out: alive() in jm_queue_lives() and
 * in jm_queue_orphan(), the lease, the average, its half and what was only
 * granted in jm_queue_lose(), the lapse, "asked" in jm_queue_accepted(), the
 * new grip of jm_queue_adopt(), "adopted" in jm_queue_learn(), the two things
 * that jm_queue_find() does to a place, the length of an id, and in
 * jm_queue_orphan_next() the pause, the order, and the reap; and the least
 * time of jm_queue_alive().
 */


#define _GNU_SOURCE

#include "queue_world.h"


/* ms for which an orphan is asked for */

#define DAY  86400000


static void
test_lost(void)
{
    jm_place_t  a, b, c;
    jm_queue_t  q, other;

    start(&q, &other);
    (void) account(&q, "main", 1, 9);

    (void) enter(&q, &a, 'a', NOW);
    queue_accepted(&q, &a, 77, NOW);
    queue_leave(&q, &a, JM_LEAVE_LOST, NOW + 100);
    is_view(&q, 1, 1, 0, "left to itself");

    is_int(enter(&q, &b, 'b', NOW + 1000), JM_QUEUE_WAIT, "it has its slot");
    is_int(look(&q, &b, NOW + 29000), JM_QUEUE_WAIT, "for 30 s");
    is_int(look(&q, &b, NOW + 30000), JM_QUEUE_GRANTED, "no longer");
    queue_accepted(&q, &b, 78, NOW + 30000);
    queue_leave(&q, &b, JM_LEAVE_OVER, NOW + 35000);

    (void) enter(&q, &a, 'a', NOW + 40000);
    queue_leave(&q, &a, JM_LEAVE_LOST, NOW + 40000);
    (void) enter(&q, &b, 'b', NOW + 41000);
    is_int(look(&q, &b, NOW + 44999), JM_QUEUE_WAIT, "for the average");
    is_int(look(&q, &b, NOW + 45499), JM_QUEUE_GRANTED, "then no longer");

    queue_accepted(&q, &b, 79, NOW + 45499);
    (void) enter(&q, &c, 'c', NOW + 45500);
    queue_ended(&q, 0, 79, NOW + 45500);
    is_int(look(&q, &c, NOW + 45500), JM_QUEUE_WAIT, "it is followed");
    queue_leave(&q, &b, JM_LEAVE_LOST, NOW + 45500);
    queue_ended(&q, 0, 80, NOW + 45500);
    queue_ended(&q, 0, 0, NOW + 45500);
    is_int(look(&q, &c, NOW + 45500), JM_QUEUE_WAIT, "not the task");
    queue_ended(&q, 0, 79, NOW + 45500);
    is_int(look(&q, &c, NOW + 45500), JM_QUEUE_GRANTED, "it is over");

    queue_leave(&q, &c, JM_LEAVE_LOST, NOW + 45500);
    queue_ended(&q, 0, 0, NOW + 45500);
    is_view(&q, 1, 1, 0, "one whose id is not known stays");

    stop();
}


static void
test_adopt(void)
{
    jm_ref_t         b_ref;
    jm_place_t       a, b, c;
    jm_queue_t       q, other;
    jm_queue_view_t  v;

    start(&q, &other);
    (void) account(&q, "main", 2, 9);

    run(&q, NOW, NOW + 1000);

    (void) enter(&q, &a, 'a', NOW);
    queue_accepted(&q, &a, 77, NOW);
    (void) enter(&q, &b, 'b', NOW);
    queue_accepted(&q, &b, 78, NOW);

    is_int(queue_adopt(&other, &c, 0, 77, NOW), 0, "its owner lives");
    is_int((int64_t) c.serial, 0, "no place");

    b_ref = b.ref;
    queue_leave(&q, &b, JM_LEAVE_LOST, NOW);
    is_int(queue_adopt(&other, &c, 0, 78, NOW), 1, "one that was lost");
    is_int(c.account, 0, "its account");
    is_int(c.ref, b_ref, "its record");
    ok(queue_is_whole(&other), "its seal is good");
    is_int(look(&other, &c, NOW + 5000), JM_QUEUE_GRANTED, "it stays");
    is_view(&q, 2, 0, 0, "adopted");
    queue_leave(&other, &c, JM_LEAVE_OVER, NOW + 50000);
    queue_view(&q, 0, &v, NOW);
    is_int((int64_t) v.average, 1000, "who knows when it ended");

    dead[1] = 1;
    is_int(queue_adopt(&other, &c, 0, 77, NOW), 1, "a dead one's");
    queue_leave(&q, &a, JM_LEAVE_OVER, NOW);
    is_view(&other, 1, 0, 0, "is not its own any more");
    queue_leave(&other, &c, JM_LEAVE_OVER, NOW);
    is_view(&other, 0, 0, 0, "but the new one's");

    stop();
}


/* nobody comes any more, and somebody watches */

static void
test_watched(void)
{
    jm_place_t       a, b;
    jm_queue_t       q, other;
    jm_queue_view_t  v;

    start(&q, &other);
    (void) account(&q, "main", 2, 9);

    run(&q, NOW, NOW + 1000);

    (void) enter(&q, &a, 'a', NOW + 1000);
    queue_accepted(&q, &a, 77, NOW + 1000);
    queue_leave(&q, &a, JM_LEAVE_LOST, NOW + 1500);
    (void) enter(&other, &b, 'b', NOW + 1500);
    queue_accepted(&other, &b, 78, NOW + 1500);

    queue_view(&q, 0, &v, NOW + 1999);
    ok(v.running == 2 && v.lost == 1, "watched: one is lost");
    queue_view(&q, 0, &v, NOW + 2600);
    ok(v.running == 1 && v.lost == 0, "watched: it has lapsed");

    dead[2] = 1;
    queue_view(&q, 0, &v, NOW + 9000);
    is_int(v.running, 0, "watched: and a dead process's");
    ok(queue_is_whole(&q), "watched: whole");
    dead[2] = 0;

    stop();
}


/* tasks that had run for longer than the average when they were left */

static void
test_outlived(void)
{
    jm_place_t       a, b;
    jm_queue_t       q, other;
    jm_queue_view_t  v;

    start(&q, &other);
    (void) account(&q, "main", 2, 9);

    run(&q, NOW, NOW + 10000);

    (void) enter(&q, &a, 'a', NOW);
    queue_accepted(&q, &a, 77, NOW);
    (void) enter(&other, &b, 'b', NOW);
    queue_accepted(&other, &b, 78, NOW);

    queue_leave(&q, &a, JM_LEAVE_LOST, NOW + 12000);
    queue_renew(&other, &b, NOW + 14000);
    dead[2] = 1;

    queue_view(&q, 0, &v, NOW + 16900);
    ok(v.running == 2 && v.lost == 2, "outlived: both may run yet");
    queue_view(&q, 0, &v, NOW + 18900);
    ok(v.running == 1 && v.lost == 1, "outlived: for half the average");
    queue_view(&q, 0, &v, NOW + 19500);
    is_int(v.running, 0, "outlived: since each was heard of");
    ok(queue_is_whole(&q), "outlived: whole");

    dead[2] = 0;

    stop();
}


static void
test_dead(void)
{
    jm_place_t  waiting, granted, told, runs, next_one;
    jm_queue_t  q, other;

    start(&q, &other);
    (void) account(&q, "main", 3, 9);

    (void) enter(&other, &told, 'a', NOW);
    (void) enter(&other, &runs, 'a', NOW);
    queue_accepted(&other, &runs, 77, NOW);
    (void) enter(&q, &next_one, 'b', NOW);
    (void) enter(&other, &granted, 'a', NOW);
    (void) enter(&other, &waiting, 'a', NOW);
    queue_leave(&q, &next_one, JM_LEAVE_FREE, NOW);

    is_view(&q, 3, 0, 1, "before");
    (void) enter(&q, &next_one, 'b', NOW);

    dead[2] = 1;
    is_int(look(&q, &next_one, NOW + 499), JM_QUEUE_WAIT, "not seen yet");
    is_int(look(&q, &next_one, NOW + 500), JM_QUEUE_GRANTED,
           "what was granted, and not known, is free");
    is_view(&q, 3, 2, 0, "what may run is lost, who waited is gone");

    (void) look(&q, &next_one, NOW + 30000);
    is_view(&q, 1, 0, 0, "and lapses");

    (void) told;
    (void) granted;
    (void) waiting;

    stop();
}


/* a process that lives, and was stopped, or has lost count */

static void
test_lease(void)
{
    jm_place_t  a, b, c;
    jm_queue_t  q, other;

    start(&q, &other);
    (void) account(&q, "main", 2, 9);

    (void) enter(&q, &a, 'a', NOW);
    queue_accepted(&q, &a, 77, NOW);
    (void) enter(&q, &b, 'b', NOW);
    queue_accepted(&q, &b, 78, NOW);
    (void) enter(&q, &c, 'c', NOW + JM_QUEUE_LEASE - 1);

    queue_renew(&q, &a, NOW + JM_QUEUE_LEASE - 1);
    is_int(look(&q, &c, NOW + JM_QUEUE_LEASE), JM_QUEUE_WAIT,
           "looked after too soon to see it");
    is_int(look(&q, &c, NOW + JM_QUEUE_LEASE + 500), JM_QUEUE_GRANTED,
           "the one that was not renewed lapses");
    is_view(&q, 2, 0, 0, "the other one stays");

    is_int(look(&q, &b, NOW), JM_QUEUE_LATE, "who had it has it no more");
    is_int((int64_t) b.serial, 0, "nor a place");

    /* lost, but its time is not over: it is its owner's again */

    run(&q, NOW, NOW);
    queue_leave(&q, &a, JM_LEAVE_OVER, NOW + 100 * JM_QUEUE_LEASE);
    queue_leave(&q, &c, JM_LEAVE_FREE, NOW);
    (void) enter(&q, &a, 'a', NOW);
    queue_accepted(&q, &a, 79, NOW);
    (void) enter(&other, &b, 'b', NOW + 2 * JM_QUEUE_LEASE);
    is_view(&q, 2, 1, 0, "lost again");
    queue_renew(&q, &a, NOW + 2 * JM_QUEUE_LEASE);
    is_view(&q, 2, 0, 0, "and back");

    stop();
}


/* whether this is the next to be asked about of the first two accounts */

static void
is_next(jm_queue_t *q, uint64_t now, uint64_t task, const char *name)
{
    jm_str_t     id;
    jm_orphan_t  o;

    memset(&o, 0x5a, sizeof(jm_orphan_t));

    if (task == 0) {
        is_int(queue_orphan_next(q, 3, 1000, now, &o), 0, "%s", name);
        return;
    }

    is_int(queue_orphan_next(q, 3, 1000, now, &o), 1, "%s", name);

    id.data = o.id;
    id.len = o.len;
    is_bytes(id, task_id(task), "%s: its id", name);
}


/* a task of an account, which the first process gives up at once */

static void
orphan(jm_queue_t *q, unsigned account, uint64_t task, uint64_t now)
{
    uint64_t            wait;
    jm_place_t          p;
    jm_queue_request_t  request;

    request_init(&request, 'o', now);
    request.accounts[0] = (uint8_t) account;
    request.model = 5;
    request.entry = 600 + task;
    request.billed = 700 + task;
    request.task = 8;

    (void) queue_enter(q, &p, &request, now, &wait);
    queue_accepted(q, &p, task, now);

    if (q->store->owner == 1) {
        queue_leave(q, &p, JM_LEAVE_LOST, now);
    }
}


static void
test_orphans(void)
{
    jm_queue_t   q, other;
    jm_orphan_t  o;

    start(&q, &other);
    (void) account(&q, "a", 9, 9);
    (void) account(&q, "b", 9, 9);
    (void) account(&q, "c", 9, 9);

    is_next(&q, NOW, 0, "no orphans");

    orphan(&q, 0, 71, NOW);
    orphan(&q, 0, 0, NOW);
    orphan(&q, 2, 73, NOW);
    orphan(&other, 1, 74, NOW);

    is_int(queue_orphan_next(&q, 1, 1000, NOW, &o), 1, "an orphan");
    is_int(o.account, 0, "its account");
    is_int((int64_t) o.entry, 671, "its entry");
    is_int((int64_t) o.billed, 771, "who pays");
    is_int(o.task, 8, "its number");
    is_int((int64_t) o.model, 5, "its model");
    is_int((int64_t) o.since, NOW, "when it came");
    is_int(o.len, 7, "the length of its id");

    is_next(&q, NOW + 1, 0, "it was asked about, the others are no orphans");
    is_next(&other, NOW + 499, 0, "not by another process either");
    dead[2] = 1;
    is_next(&q, NOW + 500, 74, "that was found dead");
    is_next(&q, NOW + 999, 0, "one of each account");
    is_next(&q, NOW + 1000, 71, "again");

    orphan(&q, 0, 75, NOW + 1500);
    is_next(&q, NOW + 1600, 74, "of the other account");
    is_next(&q, NOW + 1700, 0, "one at a time");
    is_next(&q, NOW + 2000, 75, "the one that nobody has asked about");
    is_next(&q, NOW + 3000, 71, "then the other");
    is_int(queue_orphan_next(&q, 4, 1000, NOW + 3000, &o), 1, "and an account");
    is_int(o.account, 2, "that nobody waited for");

    queue_ended(&q, 0, 71, NOW + 3100);
    is_next(&q, NOW + 3100, 75, "one has ended: no answer is waited for");
    is_next(&q, NOW + 3200, 74, "the other account's");
    ok(queue_is_whole(&q), "orphans: whole");

    stop();
}


/* when one has waited it was not asked about then */

static void
test_waited(void)
{
    jm_place_t   a, b;
    jm_queue_t   q, other;
    jm_orphan_t  o;

    start(&q, &other);
    (void) account(&q, "a", 1, 9);

    (void) enter(&q, &a, 'a', NOW);
    (void) enter(&q, &b, 'b', NOW);
    queue_leave(&q, &a, JM_LEAVE_OVER, NOW);
    is_int(look(&q, &b, NOW), JM_QUEUE_GRANTED, "one that has waited");
    queue_accepted(&q, &b, 71, NOW);
    queue_leave(&q, &b, JM_LEAVE_LOST, NOW);
    is_int(queue_orphan_next(&q, 1, 2 * NOW, NOW, &o), 1, "is asked about");

    stop();
}


/* a task that may be asked for has its slot until somebody has seen its end */

static void
test_alive(void)
{
    unsigned    i;
    jm_place_t  p;
    jm_queue_t  q, other;

    start(&q, &other);
    (void) account(&q, "a", 1, 9);
    (void) account(&q, "b", 1, 9);
    run(&q, NOW, NOW + 2000);

    orphan(&q, 0, 71, NOW);
    (void) enter(&other, &p, 'p', NOW);

    for (i = 1; i < 20; i++) {
        queue_alive(&q, 0, 71, NOW + i * 1900);
        is_int(look(&other, &p, NOW + i * 1900), JM_QUEUE_WAIT,
               "it runs, and has its slot");
    }

    queue_renew(&other, &p, NOW + 19 * 1900 + DAY - 1000);
    is_int(look(&other, &p, NOW + 19 * 1900 + DAY - 500), JM_QUEUE_WAIT,
           "for a day");
    is_int(look(&other, &p, NOW + 19 * 1900 + DAY), JM_QUEUE_GRANTED,
           "when nobody asks any more it lapses");

    /* a living process's task is its own affair */

    queue_accepted(&other, &p, 72, NOW);
    queue_alive(&q, 0, 72, NOW);
    is_view(&q, 1, 0, 0, "alive, and followed");
    dead[2] = 1;
    queue_alive(&q, 0, 72, NOW + 100000);
    is_view(&q, 1, 1, 0, "alive, and nobody's");
    queue_alive(&q, 0, 0, NOW + 100000);
    queue_alive(&q, 0, 73, NOW + 100000);
    is_next(&q, NOW + 100000 + DAY - 1, 72, "for a day from then");
    is_next(&q, NOW + 100500 + DAY, 0, "no more");
    is_view(&q, 0, 0, 0, "alive no more");

    stop();
}


/* answers that say nothing are taken for the end, if there are none else */

static void
test_doubted(void)
{
    unsigned    i;
    jm_queue_t  q, other;

    start(&q, &other);
    (void) account(&q, "a", 1, 9);

    orphan(&q, 0, 71, NOW);

    for (i = 1; i < JM_QUEUE_DOUBTS; i++) {
        is_int(queue_doubted(&q, 0, 71), 0, "doubted");
    }

    queue_alive(&q, 0, 71, NOW);

    for (i = 1; i < JM_QUEUE_DOUBTS; i++) {
        is_int(queue_doubted(&q, 0, 71), 0, "doubted again");
    }

    is_int(queue_doubted(&q, 0, 72), 0, "another one");
    is_int(queue_doubted(&q, 0, 71), 1, "doubted for too long");
    is_view(&q, 1, 1, 0, "it is for the caller to say that it is over");

    stop();
}


/* an id of 64 bytes is known, one of 65 is not */

static void
test_long_id(void)
{
    jm_str_t     id;
    uint8_t      bytes[JM_QUEUE_ID + 1];
    jm_place_t   p;
    jm_queue_t   q, other;
    jm_orphan_t  o;

    start(&q, &other);
    (void) account(&q, "a", 9, 9);

    memset(bytes, 'i', sizeof(bytes));
    id.data = bytes;

    for (id.len = JM_QUEUE_ID; id.len <= JM_QUEUE_ID + 1; id.len++) {
        (void) enter(&q, &p, 'a', NOW);

        jm_store_begin(q.store);
        jm_queue_accepted(&q, &p, id, NOW);
        jm_queue_leave(&q, &p, JM_LEAVE_LOST, NOW);
        jm_store_commit(q.store);
    }

    is_int(queue_orphan_next(&q, 1, 0, NOW, &o), 1, "a long id");
    is_int(o.len, JM_QUEUE_ID, "as long as it may be");

    jm_store_begin(q.store);
    id.len = JM_QUEUE_ID - 1;
    is_int(jm_queue_adopt(&q, &p, 0, id, NOW), 0, "less is another one");
    id.len = JM_QUEUE_ID;
    jm_queue_ended(&q, 0, id, NOW);
    jm_store_commit(q.store);

    is_view(&q, 1, 1, 0, "the longer one is not known");
    is_int(queue_orphan_next(&q, 1, 0, NOW, &o), 0, "nor asked about");

    stop();
}


int
main(void)
{
    test_lost();
    test_adopt();
    test_watched();
    test_outlived();
    test_dead();
    test_lease();

    request_key = "jimeng_t2i_v40";

    test_orphans();
    test_waited();
    test_alive();
    test_doubted();
    test_long_id();

    return done_testing();
}
