
/*
 * Submits that the upstream refuses: too many of them, and those of accounts
 * whose credentials it does not take.
 *
 * Seen failing with each of these taken out: the rest, what lowers and what
 * raises "effective" and doubles it, all three looks at what was submitted
 * together, the same in jm_queue_succeeded(), the one slot of an account that
 * is tried again, jm_queue_is_probed(), which counted older tasks as tries
 * before, jm_queue_alarm(), the look at who is set aside in jm_queue_pick()
 * and jm_queue_next_place(), the jm_queue_dispatch() of jm_queue_busy() and
 * jm_queue_accepted(), and what jm_queue_account() clears; of services, "left"
 * and "tried".
 */


#define _GNU_SOURCE

#include "queue_world.h"

#include "jm_queue_service.h"


static void
is_effective(jm_queue_t *q, unsigned effective, uint64_t rest, uint64_t now,
    const char *name)
{
    jm_queue_view_t  v;

    queue_view(q, 0, &v, now);

    is_int(v.effective, effective, "%s: slots", name);
    is_int((int64_t) v.rest, (int64_t) rest, "%s: rest", name);
    ok(queue_is_whole(q), "%s: whole", name);
}


static void
test_busy(void)
{
    unsigned         i;
    uint64_t         wait, now, rest;
    jm_place_t       a, b, c;
    jm_queue_t       q, other;
    jm_queue_view_t  v;

    start(&q, &other);
    (void) account(&q, "main", 2, 9);

    (void) enter(&q, &a, 'a', NOW);
    (void) enter(&q, &b, 'a', NOW);
    (void) enter(&other, &c, 'c', NOW);
    queue_accepted(&q, &a, 1, NOW);

    is_int(queue_busy(&q, &b, 1, NOW + 10, &wait), JM_QUEUE_WAIT,
           "refused: it waits");
    is_effective(&q, 1, 500, NOW + 10, "one else runs");

    is_int(look(&other, &c, NOW + 600), JM_QUEUE_WAIT, "no slot for others");
    queue_leave(&q, &a, JM_LEAVE_OVER, NOW + 1000);
    is_int(look(&other, &c, NOW + 1000), JM_QUEUE_WAIT, "nor now");
    is_int(look(&q, &b, NOW + 1000), JM_QUEUE_GRANTED, "it is the next");

    now = NOW + 1000;

    for (i = 1, rest = 1000; i < 8; i++, rest = jm_min(rest * 2, 16000)) {
        is_int(queue_busy(&q, &b, 0, now, &wait), JM_QUEUE_WAIT,
               "once more");
        is_effective(&q, 1, rest, now, "once more");
        is_int((int64_t) wait, (int64_t) jm_min(rest, JM_QUEUE_LOOK),
               "how long to wait");

        is_int(look(&q, &b, now + rest - 1), JM_QUEUE_WAIT, "not yet");
        now += rest;
        is_int(look(&other, &c, now), JM_QUEUE_WAIT, "not for the other");
        is_int(look(&q, &b, now), JM_QUEUE_GRANTED, "but for this one");
    }

    q.nwoken = 0;
    queue_accepted(&q, &b, 2, now);
    is_effective(&q, 2, 0, now, "taken: one slot more");
    is_int(q.nwoken, 1, "somebody is woken");
    is_int(look(&other, &c, now), JM_QUEUE_GRANTED, "the other's");

    queue_view(&q, 0, &v, now);
    is_int((int64_t) v.busy_tasks, 1, "counted");
    is_int((int64_t) v.busy_rate, 7, "each");
    is_int((int64_t) v.submits, 2, "and the others");

    is_int(queue_busy(&other, &c, 0, now, &wait), JM_QUEUE_WAIT,
           "refused after one that was taken");
    is_effective(&q, 1, 500, now, "a short rest again");

    stop();
}


/* refused together: one refusal; and what is taken of them does not count */

static void
test_busy_together(void)
{
    unsigned         i;
    uint64_t         wait, now;
    jm_place_t       p[6];
    jm_queue_t       q, other;

    start(&q, &other);
    (void) account(&q, "main", 4, 9);

    for (i = 0; i < 4; i++) {
        (void) enter(&q, &p[i], 'a', NOW);
    }

    (void) queue_busy(&q, &p[3], 1, NOW + 5, &wait);
    is_effective(&q, 3, 500, NOW + 5, "the first");
    (void) queue_busy(&q, &p[2], 1, NOW + 6, &wait);
    is_effective(&q, 2, 499, NOW + 6, "the second");
    queue_accepted(&q, &p[0], 1, NOW + 7);
    queue_accepted(&q, &p[1], 2, NOW + 8);
    is_effective(&q, 2, 497, NOW + 8, "the others are taken");

    /* two are needed for all four */

    now = NOW + 1000;
    queue_leave(&q, &p[0], JM_LEAVE_OVER, now);
    is_int(look(&q, &p[2], now), JM_QUEUE_GRANTED, "the older one first");
    queue_accepted(&q, &p[2], 3, now);
    is_effective(&q, 2, 0, now, "one taken");
    queue_leave(&q, &p[1], JM_LEAVE_OVER, now);
    is_int(look(&q, &p[3], now), JM_QUEUE_GRANTED, "then the younger");
    queue_accepted(&q, &p[3], 4, now);
    is_effective(&q, 4, 0, now, "two taken");

    for (i = 0; i < 4; i++) {
        is_int(enter(&q, &p[0], 'a', now), JM_QUEUE_GRANTED, "a third");
        queue_accepted(&q, &p[0], 5, now);
        is_effective(&q, 4, 0, now, "and no more than four");
        queue_leave(&q, &p[0], JM_LEAVE_OVER, now);
    }

    (void) enter(&q, &p[0], 'a', now);
    (void) queue_busy(&q, &p[0], 1, now, &wait);
    (void) account(&q, "main", 4, 9);
    is_effective(&q, 4, 0, now, "configured anew: all is forgotten");
    is_int(look(&q, &p[0], now), JM_QUEUE_GRANTED, "and it is tried again");

    stop();
}


/* from one slot to 50 again: 1, 2, 4, 8, 16 and 32 that are taken */

static void
test_busy_recovers(void)
{
    unsigned         n;
    uint64_t         wait, now;
    jm_place_t       a;
    jm_queue_t       q, other;
    jm_queue_view_t  v;

    start(&q, &other);
    (void) account(&q, "main", 50, 9);

    (void) enter(&q, &a, 'a', NOW);
    (void) queue_busy(&q, &a, 1, NOW, &wait);
    is_effective(&q, 1, 500, NOW, "refused alone");
    queue_leave(&q, &a, JM_LEAVE_FREE, NOW);

    now = NOW + 1000;

    for (n = 0, v.effective = 1; v.effective < 50 && n < 100; n++) {
        (void) enter(&q, &a, 'a', now);
        queue_accepted(&q, &a, 1, now);
        queue_leave(&q, &a, JM_LEAVE_OVER, now);
        queue_view(&q, 0, &v, now);
    }

    is_effective(&q, 50, 0, now, "all of them again");
    is_int(n, 63, "after so many tasks");

    stop();
}


/* a slot is free, and in a while the next may use it, who has to know when */

static void
test_busy_woken(void)
{
    uint64_t    wait;
    jm_place_t  a, b;
    jm_queue_t  q, other;

    start(&q, &other);
    (void) account(&q, "main", 1, 9);

    (void) enter(&q, &a, 'a', NOW);
    (void) enter(&other, &b, 'b', NOW);
    (void) queue_busy(&q, &a, 1, NOW, &wait);
    is_int((int64_t) wait, 500, "the one that was refused knows it");
    is_int(q.nwoken, 0, "nobody else is woken");

    queue_leave(&q, &a, JM_LEAVE_FREE, NOW + 100);
    is_int(q.nwoken, 1, "it goes: the next is woken");
    is_int(q.woken[0], 2, "in its process");

    is_int(queue_look(&other, &b, NOW + 101, &wait), JM_QUEUE_WAIT,
           "not yet");
    is_int((int64_t) wait, 399, "but then");

    stop();
}


static void
test_busy_elsewhere(void)
{
    uint64_t            wait;
    jm_place_t          a;
    jm_queue_t          q, other;
    jm_queue_request_t  request;

    start(&q, &other);
    (void) account(&q, "a", 1, 9);
    (void) account(&q, "b", 1, 9);

    request_of_two(&request, 'x', NOW);

    (void) queue_enter(&q, &a, &request, NOW, &wait);
    is_int(queue_busy(&q, &a, 1, NOW, &wait), JM_QUEUE_GRANTED,
           "refused by one account");
    is_int(a.account, 1, "it goes to the other");
    is_int(queue_busy(&q, &a, 1, NOW, &wait), JM_QUEUE_WAIT,
           "and by that one");
    is_int((int64_t) wait, 500, "it waits for the first to rest");

    queue_accepted(&q, &a, 1, NOW);
    is_view(&q, 0, 0, 1, "what was not granted is not taken");

    stop();
}


static void
test_denied(void)
{
    unsigned         i, first;
    uint64_t         wait, now, aside;
    jm_place_t       a, b, c;
    jm_queue_t       q, other;
    jm_queue_view_t  v;

    start(&q, &other);
    (void) account(&q, "main", 2, 9);

    (void) enter(&q, &a, 'a', NOW);
    (void) enter(&q, &b, 'a', NOW);
    (void) enter(&other, &c, 'c', NOW);

    is_int(queue_denied(&q, &a, 0, NOW + 1, &wait, &first), JM_QUEUE_ASIDE,
           "there is no other account");
    is_int((int64_t) a.serial, 0, "no place");
    is_int(first, 1, "to be logged");
    ok(q.nwoken > JM_QUEUE_WOKEN, "all are woken");
    is_int(look(&other, &c, NOW + 2), JM_QUEUE_ASIDE, "who waited is told");
    is_int(queue_denied(&q, &b, 0, NOW + 2, &wait, &first), JM_QUEUE_ASIDE,
           "one that was submitted with it");
    is_int(first, 0, "is not logged");

    queue_view(&q, 0, &v, NOW + 2);
    is_int((int64_t) v.aside, 9999, "set aside once");
    is_int((int64_t) v.denied, 2, "counted twice");
    queue_query_denied(&other, 0);
    queue_view(&q, 0, &v, NOW + 2);
    is_int((int64_t) v.queries_denied, 1, "a query is counted by itself");
    is_int((int64_t) v.denied, 2, "and not with the submits");
    is_view(&q, 0, 0, 0, "nothing is left");

    is_int(enter(&q, &a, 'a', NOW + 10000), JM_QUEUE_ASIDE, "set aside");

    now = NOW + 10001;

    for (i = 0, aside = 20000; i < 6; i++, aside = jm_min(aside * 2, 300000)) {
        is_int(enter(&q, &a, 'a', now), JM_QUEUE_GRANTED, "tried again");
        is_int(enter(&q, &b, 'a', now), JM_QUEUE_WAIT, "with one at a time");
        (void) queue_denied(&q, &a, 0, now, &wait, &first);
        is_int(first, 0, "not logged");
        queue_view(&q, 0, &v, now);
        is_int((int64_t) v.aside, (int64_t) aside, "set aside for longer");
        is_int(look(&q, &b, now), JM_QUEUE_ASIDE, "the other is told");
        now += aside;
    }

    (void) enter(&q, &a, 'a', now);
    (void) enter(&q, &b, 'b', now);
    queue_accepted(&q, &a, 1, now);
    is_int(look(&q, &b, now), JM_QUEUE_GRANTED, "taken: all slots again");
    (void) queue_denied(&q, &b, 0, now, &wait, &first);
    is_int(first, 1, "refused anew: logged");
    queue_view(&q, 0, &v, now);
    is_int((int64_t) v.aside, 10000, "for a short time");

    (void) account(&q, "main", 2, 9);
    is_int(enter(&q, &b, 'b', now), JM_QUEUE_GRANTED,
           "configured anew: all is forgotten");

    stop();
}


/* older tasks run on: it is tried all the same, by one, if there is a slot */

static void
test_denied_running(void)
{
    unsigned         i, first;
    uint64_t         wait;
    jm_place_t       p[5], b, c;
    jm_queue_t       q, other;

    start(&q, &other);
    (void) account(&q, "main", 5, 9);

    for (i = 0; i < 5; i++) {
        (void) enter(&q, &p[i], 'a', NOW);
    }

    for (i = 0; i < 4; i++) {
        queue_accepted(&q, &p[i], i + 1, NOW);
    }

    (void) queue_denied(&q, &p[4], 0, NOW + 1, &wait, &first);
    is_int(enter(&q, &b, 'b', NOW + 10000), JM_QUEUE_ASIDE,
           "four run: set aside");
    is_int(enter(&q, &b, 'b', NOW + 10001), JM_QUEUE_GRANTED,
           "four run: tried");
    is_int(enter(&q, &c, 'c', NOW + 10001), JM_QUEUE_WAIT,
           "four run: by one");
    (void) queue_denied(&q, &b, 0, NOW + 10002, &wait, &first);
    is_int(look(&q, &c, NOW + 10002), JM_QUEUE_ASIDE, "four run: in vain");

    is_int(enter(&q, &b, 'b', NOW + 30002), JM_QUEUE_GRANTED,
           "four run: tried again");
    is_int(enter(&q, &c, 'c', NOW + 30002), JM_QUEUE_WAIT,
           "four run: by one again");
    queue_leave(&q, &p[0], JM_LEAVE_OVER, NOW + 30003);
    is_int(look(&q, &c, NOW + 30003), JM_QUEUE_WAIT,
           "an older task's slot is nothing to go by");
    queue_accepted(&q, &b, 5, NOW + 30004);
    is_int(look(&q, &c, NOW + 30004), JM_QUEUE_GRANTED, "taken: all slots");
    ok(queue_is_whole(&q), "four run: whole");

    (void) queue_denied(&q, &c, 0, NOW + 30005, &wait, &first);
    (void) enter(&q, &c, 'c', NOW + 40005);
    is_int(enter(&q, &p[0], 'a', NOW + 40005), JM_QUEUE_WAIT, "one is tried");
    queue_accepted(&q, &c, 6, NOW + 40006);
    is_int(look(&q, &p[0], NOW + 40006), JM_QUEUE_WAIT, "five run: no slot");

    stop();
}


/* what was submitted before the refusal, and taken, does not make up for it */

static void
test_denied_together(void)
{
    unsigned    first;
    uint64_t    wait;
    jm_place_t  a, b;
    jm_queue_t  q, other;

    start(&q, &other);
    (void) account(&q, "main", 2, 9);

    (void) enter(&q, &a, 'a', NOW);
    (void) enter(&q, &b, 'a', NOW);
    (void) queue_denied(&q, &a, 0, NOW + 1, &wait, &first);
    queue_accepted(&q, &b, 1, NOW + 2);
    queue_leave(&q, &b, JM_LEAVE_OVER, NOW + 2);

    (void) enter(&q, &a, 'a', NOW + 10001);
    (void) queue_denied(&q, &a, 0, NOW + 10001, &wait, &first);
    is_int(first, 0, "the second in a row");
    is_int(enter(&q, &a, 'a', NOW + 30000), JM_QUEUE_ASIDE, "for 20 s");
    is_int(enter(&q, &a, 'a', NOW + 30001), JM_QUEUE_GRANTED, "no longer");

    stop();
}


static void
test_denied_model(void)
{
    unsigned            first;
    uint64_t            wait;
    jm_place_t          a, b, c;
    jm_queue_t          q, other;
    jm_queue_request_t  request;

    start(&q, &other);
    (void) account(&q, "a", 2, 9);
    (void) account(&q, "b", 1, 9);

    request_of_two(&request, 'x', NOW);
    request.model = 7;

    (void) queue_enter(&q, &a, &request, NOW, &wait);
    (void) queue_enter(&q, &b, &request, NOW, &wait);
    (void) queue_enter(&q, &c, &request, NOW, &wait);
    is_int(c.account, 0, "the first's second slot");

    is_int(queue_denied(&q, &a, 1, NOW + 1, &wait, &first), JM_QUEUE_WAIT,
           "the other account has no slot");
    is_int(first, 1, "logged");
    queue_leave(&q, &b, JM_LEAVE_OVER, NOW + 1);
    is_int(queue_look(&q, &a, NOW + 1, &wait), JM_QUEUE_GRANTED,
           "until it has");
    is_int(a.account, 1, "that one");

    is_int(queue_enter(&q, &b, &request, NOW + 2, &wait), JM_QUEUE_WAIT,
           "not on the first");
    queue_leave(&q, &b, JM_LEAVE_FREE, NOW + 2);
    request.model = 8;
    is_int(queue_enter(&other, &b, &request, NOW + 2, &wait),
           JM_QUEUE_GRANTED, "where another model is");
    is_int(b.account, 0, "served");

    queue_accepted(&q, &c, 5, NOW + 3);
    is_int(queue_denied(&q, &a, 1, NOW + 4, &wait, &first), JM_QUEUE_ASIDE,
           "both have refused it");
    is_int(first, 1, "each is logged");

    request.model = 7;
    is_int(queue_enter(&q, &a, &request, NOW + 5, &wait), JM_QUEUE_ASIDE,
           "nobody serves it");
    queue_leave(&other, &b, JM_LEAVE_OVER, NOW + 10001);
    is_int(queue_enter(&q, &a, &request, NOW + 10001, &wait),
           JM_QUEUE_GRANTED, "for 10 s");
    (void) queue_denied(&q, &a, 1, NOW + 10002, &wait, &first);
    is_int(first, 0, "not logged again");

    stop();
}


/* more models than are remembered */

static void
test_denied_models(void)
{
    unsigned            i, first;
    uint64_t            wait;
    jm_place_t          a;
    jm_queue_t          q, other;
    jm_queue_request_t  request;

    start(&q, &other);
    (void) account(&q, "a", 2, 9);

    for (i = 1; i <= JM_QUEUE_MODELS + 1; i++) {
        request_init(&request, 'x', NOW);
        request.model = i;
        is_int(queue_enter(&q, &a, &request, NOW + i, &wait),
               JM_QUEUE_GRANTED, "model %u", i);
        (void) queue_denied(&q, &a, 1, NOW + i, &wait, &first);
    }

    is_int(queue_enter(&q, &a, &request, NOW + i, &wait), JM_QUEUE_ASIDE,
           "the last is known");
    request.model = 2;
    is_int(queue_enter(&q, &a, &request, NOW + i, &wait), JM_QUEUE_ASIDE,
           "the second too");
    request.model = 1;
    is_int(queue_enter(&q, &a, &request, NOW + i, &wait), JM_QUEUE_GRANTED,
           "the first had to go");

    stop();
}


static unsigned
service(jm_queue_t *q, const jm_queue_service_t *services, uint64_t now,
    jm_service_news_e *news)
{
    unsigned  i;

    jm_store_begin(q->store);
    i = jm_queue_service(q, services, 2, now, news);
    jm_store_commit(q->store);

    return i;
}


/* the first service has accounts 0 and 1, the other one account 2 */

static void
test_service(void)
{
    unsigned            first;
    uint64_t            wait;
    jm_place_t          a, b;
    jm_queue_t          q, other;
    jm_service_news_e   news;
    jm_queue_request_t  request;
    jm_queue_service_t  s[2] = { { 3, 7 }, { 4, 8 } };

    start(&q, &other);
    (void) account(&q, "one", 2, 9);
    (void) account(&q, "two", 2, 9);
    (void) account(&q, "three", 2, 9);

    is_int(service(&q, s, NOW, &news), 0, "service: the first");
    is_int(news, JM_SERVICE_NO_NEWS, "service: no news");

    request_init(&request, 'a', NOW);
    request.naccounts = 1;
    request.model = 7;
    (void) queue_enter(&q, &a, &request, NOW, &wait);
    request.accounts[0] = 1;
    (void) queue_enter(&q, &b, &request, NOW, &wait);

    (void) queue_denied(&q, &a, 1, NOW + 1, &wait, &first);
    is_int(service(&q, s, NOW + 2, &news), 0, "service: one is left");
    is_int(news, JM_SERVICE_NO_NEWS, "service: no news of that");

    (void) queue_denied(&q, &b, 0, NOW + 3, &wait, &first);
    is_int(service(&q, s, NOW + 4, &news), 1, "service: none is left");
    is_int(news, JM_SERVICE_LEFT, "service: that is news");
    is_int(service(&other, s, NOW + 4, &news), 1, "service: none elsewhere");
    is_int(news, JM_SERVICE_NO_NEWS, "service: no more news");

    s[0].model = 9;
    is_int(service(&q, s, NOW + 4, &news), 0, "service: of another model");
    s[0].model = 7;

    is_int(service(&q, s, NOW + 10000, &news), 1, "service: not yet");
    is_int(service(&q, s, NOW + 10001, &news), 0, "service: one tries it");
    is_int(service(&other, s, NOW + 10001, &news), 1, "service: and no other");
    is_int(service(&other, s, NOW + 10003, &news), 0,
           "service: but the other account");
    is_int(service(&q, s, NOW + 19999, &news), 1, "service: nobody any more");
    is_int(service(&q, s, NOW + 20001, &news), 0, "service: one more");
    is_int(news, JM_SERVICE_NO_NEWS, "service: it is not known yet");

    request.accounts[0] = 0;
    is_int(queue_enter(&q, &a, &request, NOW + 20001, &wait),
           JM_QUEUE_GRANTED, "service: it is tried");
    queue_accepted(&q, &a, 1, NOW + 20002);
    is_int(service(&other, s, NOW + 20003, &news), 0, "service: it is back");
    is_int(news, JM_SERVICE_BACK, "service: that is news, too");
    is_int(service(&q, s, NOW + 20003, &news), 0, "service: for all");
    is_int(news, JM_SERVICE_NO_NEWS, "service: once");

    s[0].accounts = 2;
    s[1].accounts = 2;
    request.accounts[0] = 1;
    (void) queue_enter(&q, &b, &request, NOW + 40001, &wait);
    (void) queue_denied(&q, &b, 0, NOW + 40002, &wait, &first);
    is_int(service(&q, s, NOW + 40003, &news), 0, "service: neither");
    is_int(news, JM_SERVICE_NO_NEWS, "service: no news of neither");
    ok(queue_is_whole(&q), "service: whole");

    stop();
}


int
main(void)
{
    test_busy();
    test_busy_together();
    test_busy_recovers();
    test_busy_woken();
    test_busy_elsewhere();
    test_denied();
    test_denied_running();
    test_denied_together();
    test_denied_model();
    test_denied_models();
    test_service();

    return done_testing();
}
