
/*
 * The store's records: which accounts are given up for others, what is made of
 * a record that is another one's now, and what happens without any.
 *
 * Seen failing with each of these taken out: the rounds, and both looks at
 * what is in use in jm_queue_account.c, the jm_queue_forgive() of what is given
 * up, each comparison of jm_queue_find(), each record of jm_queue_line_room(),
 * the room of who need not wait, and of what comes back, the look of
 * jm_queue_bind() at what waits there already, and what keeps a place from an
 * account that could not be set aside for it.
 */


#define _GNU_SOURCE

#include "queue_world.h"


/* what a configuration takes */

static void
test_records(void)
{
    jm_queue_conf_t  conf;

    memset(&conf, 0, sizeof(jm_queue_conf_t));
    is_int(jm_queue_records(&conf), 2, "an account, and its models");

    conf.concurrency = 3;
    conf.queue = 100;
    is_int(jm_queue_records(&conf), 333,
           "one for each slot, two for a place, and what places share");

    conf.queue = 3;
    is_int(jm_queue_records(&conf), 17, "or four for each place");

    conf.concurrency = UINT32_MAX;
    conf.queue = UINT32_MAX;
    is_int(jm_queue_records(&conf), UINT32_MAX, "all that there may be");
}


/* of 64 accounts, those that are not needed any more make room for others */

static void
test_given_up(void)
{
    char                name[3] = "a0";
    unsigned            i, number;
    uint64_t            wait;
    jm_place_t          runs, had, waits;
    jm_queue_t          q, other;
    jm_queue_view_t     v;
    jm_queue_conf_t     conf = { 1, 9, 1, 0, 0, 0 };
    jm_queue_request_t  request;

    start(&q, &other);

    queue_accounts_begin(&q);

    for (i = 0; i < JM_QUEUE_ACCOUNTS; i++) {
        name[1] = (char) ('0' + i);
        (void) account(&q, name, 1, 9);
    }

    is_int(queue_account(&q, str("z"), &conf, &number), JM_INVALID,
           "all are in the configuration");

    /* 2 is used, 3 is waited for, and what runs on 2 may come to 4 */

    request_init(&request, 'x', NOW);
    request.accounts[0] = 2;
    request.accounts[1] = 4;
    request.naccounts = 2;
    (void) queue_enter(&q, &runs, &request, NOW, &wait);
    request.accounts[0] = 3;
    request.naccounts = 1;
    (void) queue_enter(&q, &had, &request, NOW, &wait);
    (void) queue_enter(&q, &waits, &request, NOW, &wait);
    jm_queue_number(&q, 3)->rest = NOW + 50000;
    queue_leave(&q, &had, JM_LEAVE_OVER, NOW);

    /* the newer configurations have all but some of the first seven */

    queue_accounts_begin(&q);

    for (i = 6; i < JM_QUEUE_ACCOUNTS; i++) {
        name[1] = (char) ('0' + i);
        is_int(account(&q, name, 1, 9), i, "account %u is found", i);
    }

    (void) account(&q, "a0", 1, 9);

    queue_accounts_begin(&q);

    for (i = 7; i < JM_QUEUE_ACCOUNTS; i++) {
        name[1] = (char) ('0' + i);
        (void) account(&q, name, 1, 9);
    }

    is_int(account(&q, "z", 1, 9), 1, "the one that was gone for longest");
    queue_view(&q, 1, &v, NOW);
    ok(v.len == 1 && v.name[0] == 'z', "is another one now");
    is_int((int64_t) v.denied, 0, "which nobody has refused");
    ok(queue_is_whole(&q), "given up: whole");
    is_int(account(&q, "y", 1, 9), 5, "those in use are passed over");
    is_int(account(&q, "x", 1, 9), 0, "one that was gone for less");
    is_int(account(&q, "w", 1, 9), 6, "and the other");
    is_int(queue_account(&q, str("v"), &conf, &number), JM_INVALID,
           "no more are there to be given up");
    is_int(queue_account(&q, str("a3"), &conf, &number), JM_OK,
           "one that is in use");
    is_int(number, 3, "is found");

    is_int(look(&q, &waits, NOW), JM_QUEUE_GRANTED, "who waits for it has it");

    queue_leave(&q, &runs, JM_LEAVE_FREE, NOW);
    is_int(account(&q, "v", 1, 9), 2, "when its task is over it goes");
    is_int(account(&q, "u", 1, 9), 4, "and where that might have gone");
    ok(queue_is_whole(&q), "given up, several: whole");

    stop();
}


/* an account is set aside for a model, and given up with what that takes */

static void
test_given_up_models(void)
{
    char             name[3] = "a0";
    unsigned         i, first;
    uint64_t         wait;
    jm_place_t       p;
    jm_queue_t       q, other;
    jm_queue_view_t  v;

    start(&q, &other);

    for (i = 0; i < JM_QUEUE_ACCOUNTS; i++) {
        name[1] = (char) ('0' + i);
        (void) account(&q, name, 1, 9);
    }

    (void) enter(&q, &p, 'a', NOW);
    (void) queue_denied(&q, &p, 1, NOW, &wait, &first);
    is_int(store_count(q.store, JM_RECORD_MODELS), 1, "of one account");
    is_int(enter(&q, &p, 'a', NOW), JM_QUEUE_ASIDE, "which is set aside");

    queue_accounts_begin(&q);
    is_int(account(&q, "z", 1, 9), 0, "given up");
    is_int(store_count(q.store, JM_RECORD_MODELS), 0, "with its models");
    is_int(enter(&q, &p, 'a', NOW), JM_QUEUE_GRANTED, "the new one is not");
    queue_view(&q, 0, &v, NOW);
    is_int((int64_t) v.denied, 0, "nor has it been");
    ok(queue_is_whole(&q), "models given up: whole");

    stop();
}


/* a record that was a place's is another one's, which it is not taken for */

static void
test_reused(void)
{
    jm_ref_t      ref;
    jm_place_t    a, b, gone;
    jm_queue_t    q, other;
    jm_record_t  *r;

    start(&q, &other);
    (void) account(&q, "main", 1, 9);

    (void) enter(&q, &a, 'a', NOW);
    gone = a;
    ref = a.ref;
    queue_leave(&q, &a, JM_LEAVE_FREE, NOW);
    is_int(look(&q, &gone, NOW), JM_QUEUE_LATE, "a place that is gone");

    gone.serial = 1;
    (void) enter(&q, &b, 'b', NOW);
    is_int(b.ref, ref, "its record is another place's");
    is_int(look(&q, &gone, NOW), JM_QUEUE_LATE, "which is not its own");
    is_view(&q, 1, 0, 0, "reused");

    gone = b;
    queue_leave(&q, &b, JM_LEAVE_FREE, NOW);

    jm_store_begin(q.store);
    (void) jm_store_room(q.store, 1);
    r = jm_store_take(q.store, JM_RECORD_ENTRY);
    ((jm_queue_place_t *) (void *) r)->serial = gone.serial;
    jm_store_commit(q.store);

    is_int(jm_ref(q.store, r), ref, "or no place's at all");
    is_int(look(&q, &gone, NOW), JM_QUEUE_LATE, "whatever is in it");
    ok(((jm_queue_place_t *) (void *) r)->renewed == 0, "and is left alone");

    stop();
}


/* others take all but so many of the records */

static void
leave_free(jm_queue_t *q, uint32_t n)
{
    jm_store_begin(q->store);

    while (q->store->shared->nfree > n) {
        (void) jm_store_take(q->store, JM_RECORD_ENTRY);
        jm_store_commit(q->store);
    }
}


/* a place that waits takes all that it needs, or nothing */

static void
test_room(void)
{
    unsigned    n;
    jm_place_t  a, b;
    jm_queue_t  q, other;

    for (n = 0; n <= 4; n++) {
        start(&q, &other);
        (void) account(&q, "main", 1, 9);
        (void) enter(&q, &a, 'a', NOW);

        leave_free(&q, n);
        is_int(enter(&q, &b, 'b', NOW),
               n < 4 ? JM_QUEUE_NO_ROOM : JM_QUEUE_WAIT, "%u records", n);
        is_int(q.store->shared->nfree, n % 4, "%u records: are left", n);
        ok(queue_is_whole(&q), "%u records: whole", n);

        stop();
    }
}


static void
test_no_room(void)
{
    unsigned            number;
    uint64_t            wait;
    jm_place_t          p[4];
    jm_queue_t          q, other;
    jm_queue_conf_t     conf = { 3, 9, 1, 0, 0, 0 };
    jm_queue_request_t  request;

    start(&q, &other);
    (void) account(&q, "a", 1, 1);
    (void) account(&q, "b", 1, 9);
    leave_free(&q, 6);

    (void) enter(&q, &p[0], 'a', NOW);
    (void) enter(&q, &p[1], 'b', NOW);
    is_int(enter(&q, &p[2], 'b', NOW), JM_QUEUE_FULL,
           "full is told in any case");
    (void) account(&q, "a", 1, 9);
    is_int(enter(&q, &p[2], 'c', NOW), JM_QUEUE_NO_ROOM,
           "there is a record for a place, but none for a line");
    is_int((int64_t) p[2].serial, 0, "it has no place");
    leave_free(&q, 0);
    is_int(queue_account(&q, str("c"), &conf, &number), JM_ERROR,
           "nor is there one for an account");
    is_int(queue_account(&q, str("a"), &conf, &number), JM_OK,
           "those that are there are found");
    is_int(look(&q, &p[1], NOW), JM_QUEUE_GRANTED, "and have their limits");
    is_view(&q, 2, 0, 0, "no room");

    /* what it had waited in has gone, and is there again */

    is_int((int64_t) q.store->shared->nfree, 3, "three records are free");
    is_int(queue_busy(&q, &p[1], 1, NOW, &wait), JM_QUEUE_WAIT,
           "refused: they are for its line, its group and its process");
    is_int(queue_bind(&q, &p[1], 0, NOW, &wait), JM_QUEUE_WAIT,
           "bound to what it waits for: it needs none");
    is_int(queue_busy(&q, &p[0], 1, NOW, &wait), JM_QUEUE_NO_ROOM,
           "the next: there is none");
    is_int((int64_t) p[0].serial, 0, "its place is gone");
    is_int((int64_t) wait, 0, "a retry need not wait");
    is_view(&q, 0, 0, 1, "no room for a line");
    queue_leave(&q, &p[1], JM_LEAVE_FREE, NOW);

    (void) account(&q, "a", 3, 9);
    request_of_two(&request, 'x', NOW);
    (void) queue_enter(&q, &p[0], &request, NOW, &wait);
    leave_free(&q, 0);
    is_int(queue_bind(&q, &p[0], 0, NOW, &wait), JM_QUEUE_GRANTED,
           "bound to the account that it has a slot of");
    is_int(enter(&q, &p[2], 'b', NOW), JM_QUEUE_NO_ROOM,
           "a slot is free, but no record");
    is_int(queue_bind(&q, &p[0], 1, NOW, &wait), JM_QUEUE_NO_ROOM,
           "and to another one, without a record");
    is_view(&q, 0, 0, 0, "no room at all");

    stop();
}


/* without a record an account is not set aside for a model */

static void
test_no_room_models(void)
{
    unsigned            first;
    uint64_t            wait;
    jm_place_t          p[4];
    jm_queue_t          q, other;
    jm_queue_view_t     v;
    jm_queue_request_t  request;

    start(&q, &other);
    (void) account(&q, "a", 2, 9);
    (void) account(&q, "b", 1, 9);

    request_of_two(&request, 'x', NOW);
    (void) queue_enter(&q, &p[0], &request, NOW, &wait);
    (void) queue_enter(&q, &p[1], &request, NOW, &wait);
    (void) queue_enter(&q, &p[2], &request, NOW, &wait);
    is_int(p[2].account, 0, "two have slots of the first");
    (void) enter(&q, &p[1], 'x', NOW);

    /* what waits for the second has a line there, and a group */

    request_init(&request, 'x', NOW);
    request.accounts[0] = 1;
    (void) queue_enter(&q, &p[3], &request, NOW, &wait);
    leave_free(&q, 0);

    is_int(queue_denied(&q, &p[2], 1, NOW + 1, &wait, &first), JM_QUEUE_WAIT,
           "refused for its model: it waits for the other");
    is_int(first, 1, "logged");
    queue_view(&q, 0, &v, NOW + 1);
    is_int((int64_t) v.denied, 1, "counted");
    is_int((int64_t) v.aside, 0, "the account is not set aside");
    is_int(v.running, 2, "it serves who was next");
    is_int(store_count(q.store, JM_RECORD_MODELS), 0, "nor is the model known");

    leave_free(&q, 0);
    is_int(queue_denied(&q, &p[0], 1, NOW + 2, &wait, &first), JM_QUEUE_WAIT,
           "another one");
    queue_leave(&q, &p[0], JM_LEAVE_FREE, NOW + 2);

    is_int(look(&q, &p[1], NOW + 2), JM_QUEUE_GRANTED, "the account's only");
    leave_free(&q, 0);
    is_int(queue_denied(&q, &p[1], 1, NOW + 3, &wait, &first), JM_QUEUE_ASIDE,
           "has nowhere to wait for");
    ok(queue_is_whole(&q), "no room for models: whole");

    stop();
}


int
main(void)
{
    test_records();
    test_given_up();
    test_given_up_models();
    test_reused();
    test_room();
    test_no_room();
    test_no_room_models();

    return done_testing();
}
