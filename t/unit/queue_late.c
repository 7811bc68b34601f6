
/*
 * Who is sent away: those who cannot be served in time, as far as is known,
 * those who were not, and those who find the queue full.
 *
 * Seen failing with each of these taken out: the looks at patience and timeout
 * in jm_queue_admit() and jm_queue_tell_waiting(), both in jm_queue_pause(),
 * both comparisons of jm_queue_full(), the rank in jm_queue_ahead(),
 * jm_queue_share(), the free slots in jm_queue_foretell(), and "at" in
 * jm_queue_tell().
 */


#define _GNU_SOURCE

#include "queue_world.h"


static void
test_late(void)
{
    uint64_t            wait;
    unsigned            number;
    jm_place_t          a, b, c, d;
    jm_queue_t          q, other;
    jm_queue_conf_t     conf = { 1, 9, 1, 0, 0, 25000 };
    jm_queue_request_t  request;

    start(&q, &other);
    (void) account(&q, "main", 1, 9);

    request_init(&request, 'b', NOW);
    request.patience = 20000;

    (void) enter(&q, &a, 'a', NOW);
    is_int(queue_enter(&q, &b, &request, NOW, &wait), JM_QUEUE_WAIT,
           "nothing is known: not late");
    queue_leave(&q, &b, JM_LEAVE_FREE, NOW);
    queue_leave(&q, &a, JM_LEAVE_FREE, NOW);

    run(&q, NOW, NOW + 10000);

    (void) enter(&q, &a, 'a', NOW);
    is_int(queue_enter(&q, &b, &request, NOW, &wait), JM_QUEUE_WAIT,
           "slot and task just fit");
    is_int(queue_enter(&q, &c, &request, NOW, &wait), JM_QUEUE_LATE,
           "one more of the client's");
    is_int((int64_t) wait, 10000, "after one task it would fit");
    request.client[0] = 'x';
    is_int(queue_enter(&q, &c, &request, NOW, &wait), JM_QUEUE_LATE,
           "another client: one of each before");
    request.patience = 30000;
    is_int(queue_enter(&q, &c, &request, NOW, &wait), JM_QUEUE_WAIT,
           "with more time it fits");

    (void) queue_account(&q, str("main"), &conf, &number);
    request.patience = UINT64_MAX;
    is_int(queue_enter(&q, &d, &request, NOW, &wait), JM_QUEUE_LATE,
           "the account's timeout");
    is_int((int64_t) wait, 10000, "its step");

    is_int(queue_look(&q, &b, NOW + 19900, &wait), JM_QUEUE_WAIT,
           "in time still");
    is_int((int64_t) wait, 100, "until it is late");
    is_int(queue_look(&q, &b, NOW + 20000, &wait), JM_QUEUE_LATE,
           "its patience is over");
    is_int((int64_t) b.serial, 0, "it is gone");
    is_int(queue_look(&q, &c, NOW + 24999, &wait), JM_QUEUE_WAIT,
           "before the timeout");
    is_int((int64_t) wait, 1, "just");
    is_int(queue_look(&q, &c, NOW + 25000, &wait), JM_QUEUE_LATE,
           "the timeout");
    is_int(queue_look(&q, &c, NOW + 25000, &wait), JM_QUEUE_LATE,
           "what is gone is late");
    is_int(look(&q, &a, NOW + 100000), JM_QUEUE_GRANTED,
           "what has a slot is not");
    is_view(&q, 1, 0, 0, "late");

    stop();
}


/* what another client's hundred places take of the time */

static void
test_late_turns(void)
{
    unsigned            i;
    uint64_t            wait;
    jm_place_t          a, b;
    jm_queue_t          q, other;
    jm_queue_request_t  request;

    start(&q, &other);
    (void) account(&q, "main", 2, 200);

    run(&q, NOW, NOW + 10000);

    for (i = 0; i < 102; i++) {
        (void) enter(&q, &a, 'a', NOW);
    }

    request_init(&request, 'a', NOW);
    request.patience = 100000;
    is_int(queue_enter(&q, &b, &request, NOW, &wait), JM_QUEUE_LATE,
           "the client itself has to wait for all");
    is_int((int64_t) wait, 101 * 5000 + 10000 - 100000, "so long");
    request.client[0] = 'b';
    is_int(queue_enter(&q, &b, &request, NOW, &wait), JM_QUEUE_WAIT,
           "another one for its first");

    stop();
}


/* a place of so much patience */

static void
patient(jm_queue_t *q, jm_queue_request_t *request, uint64_t patience,
    uint64_t now, jm_queue_e rc, const char *name)
{
    uint64_t    wait;
    jm_place_t  p;

    request->patience = patience;
    is_int(queue_enter(q, &p, request, now, &wait), rc, "%s", name);
}


/* slots that are free, and only may not be used yet */

static void
test_late_interval(void)
{
    unsigned            number;
    jm_place_t          a;
    jm_queue_t          q, other;
    jm_queue_conf_t     conf = { 5, 100, 1, 0, 400, 0 };
    jm_queue_request_t  request;

    start(&q, &other);
    (void) queue_account(&q, str("main"), &conf, &number);

    run(&q, NOW - 1000, NOW + 9000);
    (void) enter(&q, &a, 'a', NOW);

    request_init(&request, 'b', NOW);
    patient(&q, &request, 10300, NOW + 100, JM_QUEUE_WAIT,
            "the interval, and a task");
    request.client[0] = 'c';
    patient(&q, &request, 10300, NOW + 100, JM_QUEUE_WAIT,
            "as if the others came at once");
    patient(&q, &request, 10299, NOW + 100, JM_QUEUE_LATE,
            "less is not enough");

    stop();
}


/* those who wait for another account as well take little of this one */

static void
test_late_shares(void)
{
    unsigned            i;
    uint64_t            wait;
    jm_place_t          p;
    jm_queue_t          q, other;
    jm_queue_request_t  request;

    start(&q, &other);
    (void) account(&q, "a", 1, 100);
    (void) account(&q, "b", 9, 100);
    run(&q, NOW, NOW + 10000);

    request_init(&request, 'x', NOW);
    request.accounts[0] = 1;
    request.accounts[1] = 0;
    request.naccounts = 2;

    for (i = 0; i < 30; i++) {
        (void) queue_enter(&q, &p, &request, NOW, &wait);
    }

    /* 20 wait, of which the first account has two */

    request.naccounts = 1;
    request.accounts[0] = 0;
    patient(&q, &request, 40000, NOW, JM_QUEUE_WAIT,
            "two, and itself");
    patient(&q, &request, 39000, NOW, JM_QUEUE_LATE,
            "no less");

    stop();
}


/* an account that has served nobody yet says nothing against being late */

static void
test_late_unknown(void)
{
    unsigned            i;
    uint64_t            wait;
    jm_place_t          p;
    jm_queue_t          q, other;
    jm_queue_request_t  request;

    start(&q, &other);
    (void) account(&q, "a", 1, 100);
    (void) account(&q, "b", 1, 100);
    run(&q, NOW, NOW + 10000);

    request_of_two(&request, 'x', NOW);

    for (i = 0; i < 5; i++) {
        (void) queue_enter(&q, &p, &request, NOW, &wait);
    }

    /* three wait for two slots that are free every 10 s */

    patient(&q, &request, 29999, NOW, JM_QUEUE_LATE,
            "beside one without an average");
    patient(&q, &request, 30000, NOW, JM_QUEUE_WAIT,
            "which is taken to be as fast");

    request.accounts[0] = 1;
    request.naccounts = 1;
    patient(&q, &request, 1, NOW, JM_QUEUE_WAIT,
            "alone it makes nobody late");

    stop();
}


/* a task's time begins when its owner knows that it may submit it */

static void
test_average(void)
{
    jm_place_t       a, b;
    jm_queue_t       q, other;
    jm_queue_view_t  v;

    start(&q, &other);
    (void) account(&q, "main", 1, 9);

    (void) enter(&q, &a, 'a', NOW);
    (void) enter(&q, &b, 'a', NOW);
    queue_leave(&q, &a, JM_LEAVE_OVER, NOW);
    queue_view(&q, 0, &v, NOW);
    is_int((int64_t) v.average, 0, "one that was not taken does not count");

    (void) look(&q, &b, NOW + 700);
    queue_accepted(&q, &b, 1, NOW + 1000);
    queue_leave(&q, &b, JM_LEAVE_OVER, NOW + 8700);
    queue_view(&q, 0, &v, NOW);
    is_int((int64_t) v.average, 8000, "the first");

    run(&q, NOW, NOW + 16000);
    queue_view(&q, 0, &v, NOW);
    is_int((int64_t) v.average, 9000, "the next is an eighth");

    stop();
}


static void
test_full(void)
{
    unsigned            i;
    uint64_t            wait;
    jm_place_t          p;
    jm_queue_t          q, other;
    jm_queue_request_t  request;

    start(&q, &other);
    (void) account(&q, "a", 1, 2);
    (void) account(&q, "b", 1, 3);
    (void) account(&q, "c", 1, 1);

    /* three clients' worth of places that only "a" and "b" may serve */

    request_of_two(&request, 'x', NOW);

    for (i = 0; i < 7; i++) {
        ok(queue_enter(&q, &p, &request, NOW, &wait) <= JM_QUEUE_WAIT,
           "place %u of both", i);
    }

    is_int(queue_enter(&q, &p, &request, NOW, &wait), JM_QUEUE_FULL,
           "the queues of both are full");
    ok(wait != 0, "a retry is worth while later");
    is_int(enter(&q, &p, 'x', NOW), JM_QUEUE_FULL, "and so is each");

    request.accounts[0] = 2;
    request.naccounts = 1;
    is_int(queue_enter(&q, &p, &request, NOW, &wait), JM_QUEUE_GRANTED,
           "the third has its own slot");
    is_int(queue_enter(&q, &p, &request, NOW, &wait), JM_QUEUE_WAIT,
           "and its queue");
    is_int(queue_enter(&q, &p, &request, NOW, &wait), JM_QUEUE_FULL,
           "of one");
    ok(queue_is_whole(&q), "whole");

    stop();
}


/* the queue of one account is no larger for those that have it and another */

static void
test_full_one(void)
{
    unsigned            i;
    uint64_t            wait;
    jm_place_t          p;
    jm_queue_t          q, other;
    jm_queue_request_t  request;

    start(&q, &other);
    (void) account(&q, "a", 1, 2);
    (void) account(&q, "b", 1, 9);

    request_of_two(&request, 'x', NOW);

    for (i = 0; i < 3; i++) {
        (void) queue_enter(&q, &p, &request, NOW, &wait);
    }

    request.naccounts = 1;
    is_int(queue_enter(&q, &p, &request, NOW, &wait), JM_QUEUE_WAIT,
           "the first of its own");
    is_int(queue_enter(&q, &p, &request, NOW, &wait), JM_QUEUE_WAIT,
           "the second");
    is_int(queue_enter(&q, &p, &request, NOW, &wait), JM_QUEUE_FULL,
           "no third");

    stop();
}


int
main(void)
{
    test_late();
    test_late_turns();
    test_late_interval();
    test_late_shares();
    test_late_unknown();
    test_average();
    test_full();
    test_full_one();

    return done_testing();
}
