
/*
 * What is left of tasks that nobody follows: those a process gave up, those of
 * one that died, or was stopped, and who takes them over.
 *
 * Seen failing with each of these taken out: alive() in jm_queue_lives() and in
 * jm_queue_orphan(), the lease, the average, its half and what was only granted
 * in jm_queue_lose(), the lapse, the walk of jm_queue_join(), the new serial of
 * jm_queue_adopt(), "adopted" in jm_queue_learn(), and the two things that
 * jm_queue_find() does to a place.
 */


#define _GNU_SOURCE

#include "queue_world.h"


static void
test_lost(void)
{
    jm_place_t  a, b, c;
    jm_queue_t  q, other;

    start(&q, &other);
    (void) account(&q, "main", 1, 9);

    (void) enter(&q, &a, 'a', NOW);
    jm_queue_accepted(&q, &a, 77, NOW);
    jm_queue_leave(&q, &a, JM_LEAVE_LOST, NOW + 100);
    is_view(&q, 1, 1, 0, "left to itself");

    is_int(enter(&q, &b, 'b', NOW + 1000), JM_QUEUE_WAIT, "it has its slot");
    is_int(look(&q, &b, NOW + 29000), JM_QUEUE_WAIT, "for 30 s");
    is_int(look(&q, &b, NOW + 30000), JM_QUEUE_GRANTED, "no longer");
    jm_queue_accepted(&q, &b, 78, NOW + 30000);
    jm_queue_leave(&q, &b, JM_LEAVE_OVER, NOW + 35000);

    (void) enter(&q, &a, 'a', NOW + 40000);
    jm_queue_leave(&q, &a, JM_LEAVE_LOST, NOW + 40000);
    (void) enter(&q, &b, 'b', NOW + 41000);
    is_int(look(&q, &b, NOW + 44999), JM_QUEUE_WAIT, "for the average");
    is_int(look(&q, &b, NOW + 45499), JM_QUEUE_GRANTED, "then no longer");

    jm_queue_accepted(&q, &b, 79, NOW + 45499);
    (void) enter(&q, &c, 'c', NOW + 45500);
    jm_queue_ended(&q, 0, 79, NOW + 45500);
    is_int(look(&q, &c, NOW + 45500), JM_QUEUE_WAIT, "it is followed");
    jm_queue_leave(&q, &b, JM_LEAVE_LOST, NOW + 45500);
    jm_queue_ended(&q, 0, 80, NOW + 45500);
    jm_queue_ended(&q, 0, 0, NOW + 45500);
    is_int(look(&q, &c, NOW + 45500), JM_QUEUE_WAIT, "not the task");
    jm_queue_ended(&q, 0, 79, NOW + 45500);
    is_int(look(&q, &c, NOW + 45500), JM_QUEUE_GRANTED, "it is over");

    jm_queue_leave(&q, &c, JM_LEAVE_LOST, NOW + 45500);
    jm_queue_ended(&q, 0, 0, NOW + 45500);
    is_view(&q, 1, 1, 0, "one whose id is not known stays");

    memory_done(&q);
}


static void
test_adopt(void)
{
    jm_place_t       a, b, c;
    jm_queue_t       q, other;
    jm_queue_view_t  v;

    start(&q, &other);
    (void) account(&q, "main", 2, 9);

    run(&q, NOW, NOW + 1000);

    (void) enter(&q, &a, 'a', NOW);
    jm_queue_accepted(&q, &a, 77, NOW);
    (void) enter(&q, &b, 'b', NOW);
    jm_queue_accepted(&q, &b, 78, NOW);

    is_int(jm_queue_adopt(&other, &c, 0, 77, NOW), 0, "its owner lives");
    is_int((int64_t) c.serial, 0, "no place");

    jm_queue_leave(&q, &b, JM_LEAVE_LOST, NOW);
    is_int(jm_queue_adopt(&other, &c, 0, 78, NOW), 1, "one that was lost");
    is_int(c.account, 0, "its account");
    is_int(look(&other, &c, NOW + 5000), JM_QUEUE_GRANTED, "it stays");
    is_view(&q, 2, 0, 0, "adopted");
    jm_queue_leave(&other, &c, JM_LEAVE_OVER, NOW + 50000);
    jm_queue_view(&q, 0, &v, NOW);
    is_int((int64_t) v.average, 1000, "who knows when it ended");

    dead[1] = 1;
    is_int(jm_queue_adopt(&other, &c, 0, 77, NOW), 1, "a dead one's");
    jm_queue_leave(&q, &a, JM_LEAVE_OVER, NOW);
    is_view(&other, 1, 0, 0, "is not its own any more");
    jm_queue_leave(&other, &c, JM_LEAVE_OVER, NOW);
    is_view(&other, 0, 0, 0, "but the new one's");

    memory_done(&q);
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
    jm_queue_accepted(&q, &a, 77, NOW + 1000);
    jm_queue_leave(&q, &a, JM_LEAVE_LOST, NOW + 1500);
    (void) enter(&other, &b, 'b', NOW + 1500);
    jm_queue_accepted(&other, &b, 78, NOW + 1500);

    jm_queue_view(&q, 0, &v, NOW + 1999);
    ok(v.running == 2 && v.lost == 1, "watched: one is lost");
    jm_queue_view(&q, 0, &v, NOW + 2600);
    ok(v.running == 1 && v.lost == 0, "watched: it has lapsed");

    dead[2] = 1;
    jm_queue_view(&q, 0, &v, NOW + 9000);
    is_int(v.running, 0, "watched: and a dead process's");
    ok(queue_is_whole(&q), "watched: whole");
    dead[2] = 0;

    memory_done(&q);
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
    jm_queue_accepted(&q, &a, 77, NOW);
    (void) enter(&other, &b, 'b', NOW);
    jm_queue_accepted(&other, &b, 78, NOW);

    jm_queue_leave(&q, &a, JM_LEAVE_LOST, NOW + 12000);
    jm_queue_renew(&other, &b, NOW + 14000);
    dead[2] = 1;

    jm_queue_view(&q, 0, &v, NOW + 16900);
    ok(v.running == 2 && v.lost == 2, "outlived: both may run yet");
    jm_queue_view(&q, 0, &v, NOW + 18900);
    ok(v.running == 1 && v.lost == 1, "outlived: for half the average");
    jm_queue_view(&q, 0, &v, NOW + 19500);
    is_int(v.running, 0, "outlived: since each was heard of");
    ok(queue_is_whole(&q), "outlived: whole");

    dead[2] = 0;

    memory_done(&q);
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
    jm_queue_accepted(&other, &runs, 77, NOW);
    (void) enter(&q, &next_one, 'b', NOW);
    (void) enter(&other, &granted, 'a', NOW);
    (void) enter(&other, &waiting, 'a', NOW);
    jm_queue_leave(&q, &next_one, JM_LEAVE_FREE, NOW);

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

    memory_done(&q);
}


/* a process that has a dead one's number */

static void
test_join(void)
{
    jm_place_t  waiting, told;
    jm_queue_t  q, other;

    start(&q, &other);
    (void) account(&q, "main", 1, 9);

    (void) enter(&other, &told, 'a', NOW);
    (void) enter(&other, &waiting, 'a', NOW);
    (void) enter(&q, &waiting, 'b', NOW);

    jm_queue_join(&other);
    is_view(&q, 1, 1, 1, "joined");

    is_int(look(&q, &waiting, NOW + 29999), JM_QUEUE_WAIT, "it has its time");
    is_int(look(&q, &waiting, NOW + 30499), JM_QUEUE_GRANTED, "no more");

    memory_done(&q);
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
    jm_queue_accepted(&q, &a, 77, NOW);
    (void) enter(&q, &b, 'b', NOW);
    jm_queue_accepted(&q, &b, 78, NOW);
    (void) enter(&q, &c, 'c', NOW + JM_QUEUE_LEASE - 1);

    jm_queue_renew(&q, &a, NOW + JM_QUEUE_LEASE - 1);
    is_int(look(&q, &c, NOW + JM_QUEUE_LEASE), JM_QUEUE_WAIT,
           "looked after too soon to see it");
    is_int(look(&q, &c, NOW + JM_QUEUE_LEASE + 500), JM_QUEUE_GRANTED,
           "the one that was not renewed lapses");
    is_view(&q, 2, 0, 0, "the other one stays");

    is_int(look(&q, &b, NOW), JM_QUEUE_LATE, "who had it has it no more");
    is_int((int64_t) b.serial, 0, "nor a place");

    /* lost, but its time is not over: it is its owner's again */

    run(&q, NOW, NOW);
    jm_queue_leave(&q, &a, JM_LEAVE_OVER, NOW + 100 * JM_QUEUE_LEASE);
    jm_queue_leave(&q, &c, JM_LEAVE_FREE, NOW);
    (void) enter(&q, &a, 'a', NOW);
    jm_queue_accepted(&q, &a, 79, NOW);
    (void) enter(&other, &b, 'b', NOW + 2 * JM_QUEUE_LEASE);
    is_view(&q, 2, 1, 0, "lost again");
    jm_queue_renew(&q, &a, NOW + 2 * JM_QUEUE_LEASE);
    is_view(&q, 2, 0, 0, "and back");

    memory_done(&q);
}


int
main(void)
{
    test_lost();
    test_adopt();
    test_watched();
    test_outlived();
    test_dead();
    test_join();
    test_lease();

    return done_testing();
}
