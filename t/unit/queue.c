
/*
 * The queue by itself: who gets a slot, who waits, and in which turns.
 *
 * Seen failing with each of these taken out: the first jm_queue_dispatch() of
 * jm_queue_enter() and the last of jm_queue_leave(), the interval and the pace,
 * jm_queue_announce() and its look at who knows, "submitted" in
 * jm_queue_tell(), the weight in and the sense of jm_queue_is_better(), what
 * jm_queue_bind() does to a place that has a slot, and its look at what waits.
 */


#define _GNU_SOURCE

#include <time.h>

#include "queue_world.h"


#define CALLS   200000


static void
test_slots(void)
{
    jm_place_t  a, b, c, d, e;
    jm_queue_t  q, other;

    start(&q, &other);
    (void) account(&q, "main", 2, 2);

    is_int(enter(&q, &a, 'a', NOW), JM_QUEUE_GRANTED, "the first");
    is_int(enter(&other, &b, 'b', NOW), JM_QUEUE_GRANTED, "the second");
    is_int(enter(&q, &c, 'c', NOW), JM_QUEUE_WAIT, "the third waits");
    is_int(enter(&other, &d, 'd', NOW), JM_QUEUE_WAIT, "the fourth");
    is_int(enter(&other, &e, 'e', NOW), JM_QUEUE_FULL, "the fifth");
    is_int((int64_t) e.serial, 0, "it has no place");
    is_int(look(&q, &a, NOW), JM_QUEUE_GRANTED, "granted again");
    is_int(look(&q, &c, NOW), JM_QUEUE_WAIT, "and still waiting");
    is_view(&q, 2, 0, 2, "full");

    queue_leave(&other, &b, JM_LEAVE_OVER, NOW);
    is_int((int64_t) b.serial, 0, "left");
    is_int(other.nwoken, 1, "somebody is woken");
    is_int(other.woken[0], 1, "the one whose turn it is");
    is_int(look(&q, &c, NOW), JM_QUEUE_GRANTED, "it has its slot");
    is_int(look(&other, &d, NOW), JM_QUEUE_WAIT, "the other one waits");
    is_int(q.nwoken, 0, "it knew itself");

    queue_leave(&other, &b, JM_LEAVE_OVER, NOW);
    is_view(&q, 2, 0, 1, "left twice");

    queue_leave(&other, &d, JM_LEAVE_FREE, NOW);
    is_view(&q, 2, 0, 0, "one that waited left");

    queue_leave(&q, &a, JM_LEAVE_FREE, NOW);
    queue_leave(&q, &c, JM_LEAVE_FREE, NOW);
    is_view(&q, 0, 0, 0, "all left");

    stop();
}


static void
test_accounts(void)
{
    char                long_name[JM_QUEUE_NAME + 2];
    unsigned            i, number;
    jm_queue_t          q, other;
    jm_queue_view_t     v;
    jm_queue_conf_t     conf;

    start(&q, &other);
    memset(&conf, 0, sizeof(jm_queue_conf_t));
    memset(long_name, 'x', sizeof(long_name));
    long_name[JM_QUEUE_NAME + 1] = '\0';

    is_int(queue_account(&q, str(""), &conf, &number), JM_INVALID,
           "no name");
    is_int(queue_account(&q, str(long_name), &conf, &number), JM_INVALID,
           "a name too long");

    is_int(account(&q, long_name + 1, 1, 1), 0, "the longest name");
    is_int(account(&q, "b", 2, 30), 1, "the second");
    is_int(account(&q, "b", 1, 5), 1, "the same, found");

    queue_view(&other, 1, &v, NOW);
    ok(v.len == 1 && v.name[0] == 'b', "its name");
    is_int(v.conf.concurrency, 1, "its new limits");
    is_int(v.effective, 1, "are used");

    for (i = 2; i < JM_QUEUE_ACCOUNTS; i++) {
        long_name[1] = (char) i;
        is_int(account(&q, long_name + 1, 0, 0), i, "account %u", i);
    }

    is_int(queue_account(&q, str("z"), &conf, &number), JM_INVALID,
           "one too many");
    is_int(account(&q, "b", 1, 5), 1, "those that are there are found");
    ok(queue_is_whole(&q), "accounts: whole");

    stop();
}


/* the lines of many clients, which are in one chain */

static void
test_lines(void)
{
    unsigned            i, found;
    uint64_t            wait;
    jm_place_t          p[40];
    jm_queue_t          q, other;
    jm_queue_request_t  request;

    start(&q, &other);
    (void) account(&q, "main", 1, 39);

    for (i = 0; i < 40; i++) {
        request_init(&request, (uint8_t) i, NOW);
        memset(request.client, 0, sizeof(uint32_t));
        (void) queue_enter(i % 2 ? &q : &other, &p[i], &request, NOW, &wait);
    }

    ok(queue_is_whole(&q), "many lines: whole");

    queue_leave(&q, &p[39], JM_LEAVE_FREE, NOW);
    queue_leave(&q, &p[20], JM_LEAVE_FREE, NOW);
    ok(queue_is_whole(&q), "many lines: whole without two");

    for (i = 0, found = 0; i < 38; i++) {

        if (i != 20 && look(&q, &p[i], NOW) == JM_QUEUE_GRANTED) {
            queue_leave(&q, &p[i], JM_LEAVE_OVER, NOW);
            found++;
        }
    }

    is_int(found, 37, "all get their turn in order");

    stop();
}


/* ends what runs, and returns the number of the place that comes next */

static unsigned
next(jm_queue_t *q, jm_place_t *places, unsigned n, unsigned *running)
{
    unsigned  i;

    queue_leave(q, &places[*running], JM_LEAVE_OVER, NOW);

    for (i = 0; i < n; i++) {

        if (places[i].serial != 0
            && look(q, &places[i], NOW) == JM_QUEUE_GRANTED)
        {
            *running = i;
            return i;
        }
    }

    return n;
}


static void
test_turns(void)
{
    unsigned          i, running;
    jm_place_t        p[12];
    jm_queue_t        q, other;
    static uint8_t    clients[12] = "aaaaabbcbaaa";
    static unsigned   turns[12] = { 0, 1, 5, 7, 2, 6, 3, 8, 4, 9, 10, 11 };

    start(&q, &other);
    (void) account(&q, "main", 1, 100);

    for (i = 0; i < 12; i++) {
        (void) enter(&q, &p[i], clients[i], NOW);
    }

    running = 0;

    for (i = 1; i < 12; i++) {
        is_int(next(&q, p, 12, &running), turns[i], "turn %u", i);
    }

    is_view(&q, 1, 0, 0, "the last runs");

    stop();
}


/* who comes while there is a free slot does not overtake who waits for one */

static void
test_overtake(void)
{
    jm_place_t  a, b, c;
    jm_queue_t  q, other;

    start(&q, &other);
    (void) account(&q, "main", 1, 100);

    (void) enter(&q, &a, 'a', NOW);
    (void) enter(&q, &b, 'b', NOW);
    (void) account(&q, "main", 2, 100);

    is_int(enter(&other, &c, 'c', NOW), JM_QUEUE_WAIT,
           "a slot more: the one that comes waits");
    is_int(look(&q, &b, NOW), JM_QUEUE_GRANTED, "the one that waited has it");
    is_int(other.woken[0], 1, "and is woken");

    stop();
}


/* an account that makes 300 pictures a minute, where a group makes many */

static void
test_pace(void)
{
    uint64_t            wait;
    jm_place_t          a, b, c;
    jm_queue_t          q, other;
    jm_queue_conf_t     conf = { 9, 9, 1, 200, 0, 0 };
    jm_queue_request_t  request;
    unsigned            number;

    start(&q, &other);
    (void) queue_account(&q, str("main"), &conf, &number);

    request_init(&request, 'a', NOW);
    request.pictures = 15;

    is_int(queue_enter(&q, &a, &request, NOW, &wait), JM_QUEUE_GRANTED,
           "a group is the first");

    request.pictures = 0;

    is_int(queue_enter(&q, &b, &request, NOW + 100, &wait), JM_QUEUE_WAIT,
           "the next comes too early");
    is_int(queue_look(&q, &b, NOW + 2999, &wait), JM_QUEUE_WAIT,
           "it waits for all pictures of the group");
    is_int((int64_t) wait, 1, "a little more");

    is_int(queue_look(&q, &b, NOW + 3000, &wait), JM_QUEUE_GRANTED, "now");

    is_int(queue_enter(&q, &c, &request, NOW + 3000, &wait), JM_QUEUE_WAIT,
           "one that makes a picture");
    is_int((int64_t) wait, 200, "is waited for as long as one takes");

    stop();
}


static void
test_interval(void)
{
    uint64_t            wait;
    jm_place_t          a, b, c;
    jm_queue_t          q, other;
    jm_queue_conf_t     conf = { 9, 9, 1, 0, 400, 0 };
    jm_queue_request_t  request;
    unsigned            number;

    start(&q, &other);
    (void) queue_account(&q, str("main"), &conf, &number);

    request_init(&request, 'a', NOW);
    request.worker = 7;

    (void) enter(&q, &a, 'a', NOW);
    is_int(queue_enter(&q, &b, &request, NOW + 100, &wait), JM_QUEUE_WAIT,
           "too early");
    is_int((int64_t) wait, 300, "exactly how much");
    is_int(queue_enter(&q, &c, &request, NOW + 100, &wait), JM_QUEUE_WAIT,
           "the one after it");
    is_int((int64_t) wait, JM_QUEUE_LOOK, "looks when it is woken");

    is_int(queue_look(&other, &b, NOW + 399, &wait), JM_QUEUE_WAIT,
           "a little too early");
    is_int((int64_t) wait, 1, "a little more");
    is_int(q.nwoken, 0, "nobody is woken");
    is_int(queue_look(&q, &b, NOW + 400, &wait), JM_QUEUE_GRANTED, "now");
    is_int(q.nwoken, 1, "the next is woken");
    is_int(q.woken[0], 7, "to look how long it has to wait");

    is_int(queue_look(&q, &c, NOW + 450, &wait), JM_QUEUE_WAIT, "the next");
    is_int((int64_t) wait, 350, "exactly how much");

    /* a slot that was granted is not a submit yet */

    queue_leave(&q, &a, JM_LEAVE_OVER, NOW + 800);
    is_int(queue_look(&q, &c, NOW + 900, &wait), JM_QUEUE_GRANTED, "told");
    is_int(enter(&q, &a, 'a', NOW + 1250), JM_QUEUE_WAIT,
           "counted from when it was told");

    stop();
}


static void
test_several(void)
{
    unsigned            i, number;
    uint64_t            wait;
    jm_place_t          p[12];
    jm_queue_t          q, other;
    jm_queue_conf_t     conf = { 9, 9, 2, 0, 0, 0 };
    jm_queue_request_t  request;
    static unsigned     expected[6] = { 1, 0, 1, 1, 0, 1 };

    start(&q, &other);
    (void) account(&q, "a", 2, 9);
    (void) queue_account(&q, str("b"), &conf, &number);

    request_init(&request, 'x', NOW);
    request.accounts[0] = 1;
    request.accounts[1] = 0;
    request.naccounts = 2;

    /* 0:0, 1:0 is a tie; then the least for its weight, of which "b" has 2 */

    for (i = 0; i < 6; i++) {
        (void) queue_enter(&q, &p[i], &request, NOW, &wait);
        is_int(p[i].account, expected[i], "task %u", i);
    }

    for (i = 6; i < 11; i++) {
        (void) queue_enter(&q, &p[i], &request, NOW, &wait);
    }

    is_int(p[10].account, 1, "\"a\" has no slot any more");
    is_int(queue_enter(&q, &p[11], &request, NOW, &wait), JM_QUEUE_WAIT,
           "neither has");

    queue_leave(&q, &p[1], JM_LEAVE_OVER, NOW);
    is_int(queue_look(&q, &p[11], NOW, &wait), JM_QUEUE_GRANTED,
           "one is free");
    is_int(p[11].account, 0, "that one");

    stop();
}


static void
test_bind(void)
{
    uint64_t            wait;
    jm_place_t          a, b, c, d, e;
    jm_queue_t          q, other;
    jm_queue_request_t  request;

    start(&q, &other);
    (void) account(&q, "a", 1, 9);
    (void) account(&q, "b", 1, 9);

    request_of_two(&request, 'x', NOW);
    request.worker = 5;

    (void) queue_enter(&q, &a, &request, NOW, &wait);
    (void) queue_enter(&q, &b, &request, NOW, &wait);
    (void) queue_enter(&q, &c, &request, NOW, &wait);
    request.client[0] = 'y';
    (void) queue_enter(&q, &d, &request, NOW, &wait);

    is_int(b.account, 1, "another account");
    is_int(queue_bind(&q, &b, 0, NOW, &wait), JM_QUEUE_WAIT,
           "bound: it waits for the first's");
    is_int(queue_look(&q, &c, NOW, &wait), JM_QUEUE_GRANTED,
           "what it had is the next one's");
    is_int(c.account, 1, "that");
    is_int(q.woken[0], 5, "who is woken");
    ok(queue_is_whole(&q), "whole");

    (void) queue_enter(&q, &e, &request, NOW, &wait);
    is_int(queue_bind(&q, &e, 0, NOW, &wait), JM_QUEUE_WAIT,
           "one that waits");
    ok(queue_is_whole(&q), "bound: whole");
    queue_leave(&q, &e, JM_LEAVE_FREE, NOW);

    is_int(queue_bind(&q, &d, 1, NOW, &wait), JM_QUEUE_WAIT,
           "and to the other account");
    is_int(queue_bind(&q, &a, 0, NOW, &wait), JM_QUEUE_GRANTED,
           "one that has a slot there");
    is_int(queue_bind(&q, &c, 1, NOW, &wait), JM_QUEUE_GRANTED, "and there");

    queue_leave(&q, &a, JM_LEAVE_OVER, NOW);
    is_int(queue_look(&q, &d, NOW, &wait), JM_QUEUE_WAIT,
           "the other account's is not for it");
    is_int(queue_look(&q, &b, NOW, &wait), JM_QUEUE_GRANTED, "its own is");
    is_int(b.account, 0, "this");

    queue_leave(&q, &b, JM_LEAVE_OVER, NOW);
    is_int(queue_busy(&q, &c, 1, NOW, &wait), JM_QUEUE_WAIT,
           "refused: it does not go where it is not bound to");
    queue_leave(&q, &c, JM_LEAVE_OVER, NOW);
    is_int(queue_look(&q, &d, NOW + 500, &wait), JM_QUEUE_GRANTED,
           "and this");
    is_int(d.account, 1, "the other one's");
    ok(queue_is_whole(&q), "whole at the end");

    stop();
}


static void
test_woken(void)
{
    unsigned            i;
    uint64_t            wait;
    jm_place_t          p[80];
    jm_queue_t          q, other;
    jm_queue_request_t  request;

    start(&q, &other);
    (void) account(&q, "main", 40, 40);

    for (i = 0; i < 80; i++) {
        request_init(&request, (uint8_t) i, NOW);
        request.worker = i - 40;
        (void) queue_enter(&q, &p[i], &request, NOW, &wait);
    }

    for (i = 0; i < JM_QUEUE_WOKEN; i++) {
        queue_leave(&q, &p[i], JM_LEAVE_OVER, NOW);
    }

    is_int(q.nwoken, JM_QUEUE_WOKEN, "as many as there is room for");
    is_int(q.woken[JM_QUEUE_WOKEN - 1], JM_QUEUE_WOKEN - 1, "the last");
    queue_leave(&q, &p[i++], JM_LEAVE_OVER, NOW);
    queue_leave(&q, &p[i++], JM_LEAVE_OVER, NOW);
    ok(q.nwoken > JM_QUEUE_WOKEN, "one more: all");

    stop();
}


/* an account that has no slots any more since it was configured anew */

static void
test_endless(void)
{
    unsigned    i, granted;
    jm_place_t  p[20];
    jm_queue_t  q, other;

    start(&q, &other);
    (void) account(&q, "main", 1, 19);

    for (i = 0; i < 20; i++) {
        (void) enter(&q, &p[i], 'a', NOW);
    }

    (void) account(&q, "main", 0, 0);

    for (i = 0, granted = 0; i < 20; i++) {
        granted += (look(&q, &p[i], NOW) == JM_QUEUE_GRANTED);
    }

    is_int(granted, 20, "all are granted");

    while (enter(&q, &p[0], 'a', NOW) == JM_QUEUE_GRANTED) {
        granted++;
    }

    is_int(granted, q.store->shared->records - 1,
           "and more, as long as there are records");
    is_int(enter(&q, &p[0], 'a', NOW), JM_QUEUE_NO_ROOM, "no longer");
    is_view(&q, granted, 0, 0, "without end");

    stop();
}


static void
test_time(void)
{
    double           seconds;
    unsigned         i;
    jm_place_t       p;
    jm_queue_t       q, other;
    struct timespec  from, to;

    start(&q, &other);
    (void) account(&q, "main", 2, 100);

    clock_gettime(CLOCK_MONOTONIC, &from);

    for (i = 0; i < CALLS; i++) {
        (void) enter(&q, &p, 'a', NOW + i);
        queue_accepted(&q, &p, i, NOW + i);
        queue_leave(&q, &p, JM_LEAVE_OVER, NOW + i);
    }

    clock_gettime(CLOCK_MONOTONIC, &to);

    seconds = (double) (to.tv_sec - from.tv_sec)
              + (double) (to.tv_nsec - from.tv_nsec) / 1e9;

    printf("# %.0f ns for a task that need not wait\n", seconds * 1e9 / CALLS);

    is_view(&q, 0, 0, 0, "after many");

    stop();
}


int
main(void)
{
    test_slots();
    test_accounts();
    test_lines();
    test_turns();
    test_overtake();
    test_interval();
    test_pace();
    test_several();
    test_bind();
    test_woken();
    test_endless();
    test_time();

    return done_testing();
}
