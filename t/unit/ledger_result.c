
/*
 * What tasks have brought: who finds it, and until when.  What was taken out to
 * see each test fail is said there.
 */


#define _GNU_SOURCE

#include "tap.h"
#include "ledger.h"
#include "ledger_text.h"
#include "jm_ledger_bill.h"
#include "jm_ledger_handed.h"


#define NOW      1000000
#define KEEP     1000
#define OWED     500
#define LIVES    (NOW + 10 * KEEP)
#define RECORDS  400


static uint32_t             dead;
static jm_ledger_t          l;
static jm_ledger_request_t  r;


static unsigned
alive(uint32_t owner)
{
    return owner != 0 && owner != dead;
}


static void
start(uint32_t records)
{
    dead = 0;
    ledger_init(&l, records, 1, alive);
}


/* a request of n tasks; without a name it has this key as well */

static jm_ledger_e
ask(jm_ledger_claim_t *claim, uint8_t key, unsigned n, unsigned named,
    uint64_t now)
{
    request_init(&r, key, n);

    r.keep = KEEP;
    r.named = named;
    r.unmarked = OWED;

    return ledger_open(&l, claim, &r, now);
}


static unsigned
brings(jm_ledger_claim_t *claim, unsigned i, size_t len, uint64_t until)
{
    unsigned  kept;

    (void) ledger_submit(&l, claim, i, 7);

    if (ledger_brought(&l, claim, i, text_of(claim->serial + i, len), until,
                       NOW, &kept)
        != 1)
    {
        abort();
    }

    return kept;
}


/* one by itself that was answered; returns its number */

static uint64_t
one(uint8_t key, size_t len, unsigned answered)
{
    uint64_t           serial;
    jm_ledger_claim_t  a;

    if (ask(&a, key, 1, 0, NOW) != JM_LEDGER_NEW) {
        abort();
    }

    (void) brings(&a, 0, len, LIVES);

    serial = a.serial;

    if (answered) {
        ledger_answered(&l, &a, NOW);
    }

    ledger_close(&l, &a, NOW);

    return serial;
}


static jm_look_e
peek(uint64_t serial, unsigned i)
{
    jm_ledger_peek_t  p;

    jm_ledger_peek(&l, serial, i, &p);

    return p.look;
}


static size_t
length(uint64_t serial, unsigned i, uint64_t now)
{
    return jm_ledger_result(&l, serial, i, now, NULL, 0);
}


/*
 * Of any length, found by a repeat, and by its entry's number; seen failing
 * with parts of another length, with "<" for the room in jm_ledger_result(),
 * and without JM_SLOT_KEPT in jm_ledger_look_at() and jm_ledger_peek().
 */

static void
test_found(void)
{
    size_t             i;
    jm_str_t           id;
    jm_ledger_claim_t  a, b;

    static const size_t  lengths[] = { 1, 219, 220, 221, 440, 441, 700, 16383,
                                       JM_RESULT_MAX };

    for (i = 0; i < jm_nitems(lengths); i++) {
        start(RECORDS);

        (void) ask(&a, 'k', 3, 1, NOW);
        is_int(ask(&b, 'k', 3, 1, NOW), JM_LEDGER_FOUND, "somebody waits");
        (void) ledger_submit(&l, &a, 1, 7);
        is_int(ledger_look(&l, &b, 1, NOW, &id), JM_LOOK_WAIT, "for a task");

        is_int(brings(&a, 1, lengths[i], LIVES), 1, "%zu bytes are kept",
               lengths[i]);

        is_int(ledger_look(&l, &b, 1, NOW, &id), JM_LOOK_RESULT, "who waits");
        is_int(b.slots[1].over, 1, "is told that it is over");
        is_int(ledger_look(&l, &a, 1, NOW, &id), JM_LOOK_RESULT, "itself");
        is_int(peek(a.serial, 1), JM_LOOK_RESULT, "who has its number");
        is_int(jm_ledger_account(&l, &b), 7, "it has an account");
        is_int(peek(a.serial, 2), JM_LOOK_WAIT, "another task is as it was");

        is_text(&l, a.serial, 1, NOW, lengths[i]);
        is_int((int64_t) length(a.serial, 0, NOW), 0, "another has none");
        is_int((int64_t) length(a.serial, 3, NOW), 0, "nor has none of all");
        is_int((int64_t) length(a.serial + 1, 1, NOW), 0, "nor another one");

        is_int(ledger_submit(&l, &a, 1, 7), JM_INVALID, "it is not submitted");
        is_int(ledger_over(&l, &a, 1, NOW), 0, "nor has it an end again");
        is_int(ledger_over(&l, &b, 1, NOW), 0, "whoever says so");
        is_int(peek(a.serial, 1), JM_LOOK_RESULT, "and it is there");

        ledger_close(&l, &a, NOW);
        ledger_close(&l, &b, NOW);
        is_int(results_length(&l), 1, "still");
        is_int(ledger_length(&l), 1, "it is whole");

        ledger_detach(&l);
    }
}


/*
 * Without its text it is over all the same; seen failing without JM_LOOK_LOST,
 * with each of the limits taken out of jm_ledger_worth(), and without the look
 * at the slot's state in jm_ledger_brought().
 */

static void
test_lost(void)
{
    unsigned           kept;
    jm_str_t           id;
    jm_ledger_claim_t  a, b;

    start(RECORDS);

    (void) ask(&a, 'k', 4, 1, NOW);
    (void) ask(&b, 'k', 4, 1, NOW);

    is_int(ledger_brought(&l, &a, 0, text_of(1, 9), LIVES, NOW, &kept), 0,
           "what was not submitted has brought nothing");
    is_int(ledger_look(&l, &a, 0, NOW, &id), JM_LOOK_OWN, "and is as it was");

    (void) ledger_submit(&l, &a, 0, 7);
    is_int(ledger_brought(&l, &b, 0, text_of(1, 9), LIVES, NOW, &kept), 0,
           "nor does anybody else say so");
    is_int(kept, 0, "it is not kept");
    is_int(ledger_look(&l, &b, 0, NOW, &id), JM_LOOK_WAIT, "it goes on");

    is_int(brings(&a, 0, 0, LIVES), 0, "nothing");
    is_int(brings(&a, 1, JM_RESULT_MAX + 1, LIVES), 0, "too much");
    is_int(brings(&a, 2, 9, NOW), 0, "what is of no use any more");

    is_int(ledger_look(&l, &a, 0, NOW, &id), JM_LOOK_LOST, "it is over");
    is_int(ledger_look(&l, &b, 0, NOW, &id), JM_LOOK_LOST, "for all");
    is_int(b.slots[0].over, 1, "that is known");
    is_int(peek(a.serial, 1), JM_LOOK_LOST, "the other");
    is_int(peek(a.serial, 2), JM_LOOK_LOST, "the third");
    is_int((int64_t) length(a.serial, 0, NOW), 0, "without a text");
    is_int(ledger_submit(&l, &a, 0, 7), JM_INVALID, "and not submitted again");
    is_int(ledger_brought(&l, &a, 0, text_of(1, 9), LIVES, NOW, &kept), 0,
           "nor does it bring more");
    is_int(jm_ledger_account(&l, &b), 7, "it has an account");
    is_int((int64_t) l.evicted, 0, "nothing was forgotten");

    is_int(brings(&a, 3, 9, UINT64_MAX), 1, "what is of use for ever");
    is_int((int64_t) length(a.serial, 3, NOW + JM_RESULT_FOR - 1), 9,
           "is for 30 days");
    is_int((int64_t) length(a.serial, 3, NOW + JM_RESULT_FOR), 0, "at most");

    is_int(ledger_length(&l), 1, "it is whole");
    ledger_detach(&l);
}


/*
 * Who says in a log what it has brought, after a death too; seen failing
 * without JM_SLOT_KEPT in jm_ledger_bill_slot().
 */

static void
test_billed(void)
{
    unsigned           kept, first;
    jm_ledger_claim_t  a;

    start(RECORDS);

    (void) ask(&a, 'k', 1, 1, NOW);
    (void) ledger_submit(&l, &a, 0, 7);

    jm_store_begin(l.store);
    first = jm_ledger_brought(&l, &a, 0, text_of(1, 9), LIVES, NOW, &kept);
    is_int(first, 1, "the first to see its end");
    is_int(jm_ledger_bill(&l, a.serial, 0, 1, &first), 1, "says it");
    jm_store_commit(l.store);

    store_own(l.store, 2);
    first = 0;
    is_int(jm_ledger_bill(&l, a.serial, 0, 1, &first), 0, "while it lives");

    dead = 1;
    is_int(jm_ledger_bill(&l, a.serial, 0, 1, &first), 1, "else the next");
    is_int(first, 0, "its pictures were counted");
    jm_ledger_billed(&l, a.serial, 0);
    is_int(jm_ledger_bill(&l, a.serial, 0, 1, &first), 0, "and once");
    jm_store_commit(l.store);

    is_int((int64_t) length(a.serial, 0, NOW), 9, "it is there still");
    is_int(ledger_length(&l), 1, "it is whole");
    ledger_detach(&l);
}


/*
 * A process dies while it submits: nobody knows; seen failing with its task
 * taken over.
 */

static void
test_killed(void)
{
    jm_str_t           id;
    jm_ledger_claim_t  a, b;

    start(RECORDS);

    (void) ask(&a, 'k', 1, 0, NOW);
    (void) ledger_submit(&l, &a, 0, 7);

    store_own(l.store, 2);
    dead = 1;

    is_int(peek(a.serial, 0), JM_LOOK_UNKNOWN, "by its number");
    is_int(ask(&b, 'k', 1, 0, NOW), JM_LEDGER_FOUND, "it is owed");
    is_int(ledger_look(&l, &b, 0, NOW, &id), JM_LOOK_UNKNOWN, "as unknown");
    is_int(ledger_submit(&l, &b, 0, 7), JM_INVALID, "and not submitted again");

    ledger_close(&l, &b, NOW);
    is_int(ledger_length(&l), 1, "it is whole");
    ledger_detach(&l);
}


/*
 * Requests find an entry for its time, its number finds what it keeps; seen
 * failing with jm_ledger_drop() in place of jm_ledger_retire() in
 * jm_ledger_search(), jm_ledger_supersede() and jm_ledger_owed().
 */

static void
test_times(void)
{
    unsigned           i;
    uint64_t           serial;
    jm_str_t           id;
    jm_ledger_claim_t  a, b;

    for (i = 0; i < 3; i++) {
        start(RECORDS);

        /* named, or repeated, or owed */

        (void) ask(&a, 'k', 1, i == 0, NOW);
        (void) brings(&a, 0, 500, LIVES);
        serial = a.serial;

        if (i != 2) {
            ledger_answered(&l, &a, NOW);
        }

        ledger_close(&l, &a, NOW);

        request_init(&r, 'k', 1);
        r.keep = KEEP;
        r.named = (i == 0);
        r.repeat = (i == 1);
        r.unmarked = 2 * KEEP;

        is_int(ledger_open(&l, &b, &r, NOW + KEEP - 1), JM_LEDGER_FOUND,
               "found in its time");
        is_int(ledger_look(&l, &b, 0, NOW, &id), JM_LOOK_RESULT, "with all");
        ledger_close(&l, &b, NOW + KEEP - 1);

        is_int(ledger_open(&l, &b, &r, NOW + KEEP), JM_LEDGER_NEW,
               "a new one then");
        ledger_close(&l, &b, NOW + KEEP);

        is_int(peek(serial, 0), JM_LOOK_RESULT, "by its number it is there");
        is_text(&l, serial, 0, LIVES - 1, 500);
        is_int(ledger_length(&l), 1, "it is whole");

        is_int((int64_t) length(serial, 0, LIVES), 0, "for its time");

        (void) ask(&b, 'o', 1, 1, LIVES - 1);
        ledger_close(&l, &b, LIVES - 1);
        is_int(peek(serial, 0), JM_LOOK_RESULT, "not forgotten before it");
        (void) ask(&b, 'o', 1, 1, LIVES);
        ledger_close(&l, &b, LIVES);
        is_int(peek(serial, 0), JM_LOOK_GONE, "and after it");
        is_int(ledger_length(&l), 0, "nothing is left");
        is_int(l.store->shared->nfree, RECORDS, "but free records");
        is_int((int64_t) l.evicted, 0, "each had its time");

        ledger_detach(&l);
    }
}


/* one that is over, and has nothing to keep */

static void
plain(uint8_t key, uint64_t now)
{
    jm_ledger_claim_t  a;

    (void) ask(&a, key, 1, 1, now);
    (void) ledger_submit(&l, &a, 0, 7);
    ledger_accepted(&l, &a, 0, str("id"));
    (void) ledger_over(&l, &a, 0, now);
    ledger_close(&l, &a, now);
}


/*
 * Nobody asks for the same again, but others come, for whom it is in no way;
 * seen failing with jm_ledger_drop() in place of jm_ledger_retire() in
 * jm_ledger_expire(), and without a ring for what is retired.
 */

static void
test_others(void)
{
    unsigned           i;
    uint64_t           serials[3];
    jm_ledger_claim_t  a;

    start(RECORDS);

    for (i = 0; i < 3; i++) {
        serials[i] = one((uint8_t) i, 300, i != 1);
    }

    plain('a', NOW);

    is_int(found_length(&l), 4, "requests find all");

    for (i = 0; i < 3; i++) {
        (void) ask(&a, (uint8_t) (100 + i), 1, 1, NOW + KEEP);
        ledger_close(&l, &a, NOW + KEEP);
    }

    is_int(found_length(&l), 0, "after their time they find none");
    is_int(ledger_length(&l), 3, "what has nothing to keep is gone");

    plain('b', NOW + KEEP);
    is_int(ledger_length(&l), 4, "nor is it kept");
    (void) ask(&a, 'o', 1, 1, NOW + 2 * KEEP);
    ledger_close(&l, &a, NOW + 2 * KEEP);
    is_int(ledger_length(&l), 3, "behind what is");

    for (i = 0; i < 3; i++) {
        is_text(&l, serials[i], 0, NOW + KEEP, 300);
    }

    (void) ask(&a, 'o', 1, 1, LIVES);
    ledger_close(&l, &a, LIVES);
    (void) ask(&a, 'o', 1, 1, LIVES);
    ledger_close(&l, &a, LIVES);
    is_int(ledger_length(&l), 0, "as all is in the end");
    is_int(l.store->shared->nfree, RECORDS, "with its records");
    ledger_detach(&l);
}


/* another request, at that time */

static void
another(uint8_t key, uint64_t now)
{
    jm_ledger_claim_t  a;

    (void) ask(&a, key, 1, 1, now);
    ledger_close(&l, &a, now);
}


/*
 * What no request finds any more is still somebody's, who waits for it, leaves,
 * or submits another task of it; seen failing without the looks at retired in
 * jm_ledger_retire() and jm_ledger_drop(), and without jm_ledger_expire() of
 * what is retired.
 */

static void
test_retired(void)
{
    unsigned           i;
    uint64_t           serial;
    jm_str_t           id;
    jm_ledger_claim_t  a, b;

    start(RECORDS);

    (void) ask(&a, 'k', 2, 0, NOW);
    (void) brings(&a, 0, 300, LIVES);
    ledger_free(&l, &a, 1, NOW);
    serial = a.serial;
    ledger_close(&l, &a, NOW);

    is_int(ask(&a, 'k', 2, 0, NOW), JM_LEDGER_FOUND, "it is waited for again");

    /* twice it is owed when its time is over */

    for (i = 0; i < 2; i++) {
        request_init(&r, 'k', 2);
        r.unmarked = 10 * KEEP;
        is_int(ledger_open(&l, &b, &r, NOW + KEEP), JM_LEDGER_NEW,
               "and not found after its time");
        ledger_close(&l, &b, NOW + KEEP);
        is_int(ledger_length(&l), 1, "it is whole");

        if (i == 0) {
            ledger_left(&l, &a, NOW + KEEP);
        }
    }

    is_int(ledger_look(&l, &a, 1, NOW + KEEP, &id), JM_LOOK_OWN,
           "a task of it");
    is_int(ledger_submit(&l, &a, 1, 7), JM_OK, "is submitted");
    is_int(ledger_length(&l), 1, "it is whole");

    another('o', LIVES);
    is_int(peek(serial, 0), JM_LOOK_LOST, "its text goes");
    is_int(peek(serial, 1), JM_LOOK_WAIT, "not what runs");

    ledger_accepted(&l, &a, 1, str("id"));
    (void) ledger_over(&l, &a, 1, LIVES);
    is_int(ledger_length(&l), 1, "it is whole");
    ledger_close(&l, &a, LIVES);

    another('o', LIVES);
    is_int(peek(serial, 1), JM_LOOK_GONE, "until it is over");
    is_int(ledger_length(&l), 0, "nothing is left");
    ledger_detach(&l);
}


/*
 * What nobody follows is forgotten after a day, unless it keeps anything; seen
 * failing without jm_ledger_keeps() in jm_ledger_expired().
 */

static void
test_stale(void)
{
    uint64_t           serial, end;
    jm_ledger_claim_t  a;

    start(RECORDS);
    end = NOW + JM_LEDGER_STALE + 1000;

    (void) ask(&a, 'k', 2, 1, NOW);
    (void) brings(&a, 0, 300, end);
    (void) ledger_submit(&l, &a, 1, 7);
    ledger_accepted(&l, &a, 1, str("id"));
    serial = a.serial;
    ledger_close(&l, &a, NOW);

    another('o', end - 1);
    is_int(peek(serial, 0), JM_LOOK_RESULT, "a text that is of use");
    another('o', end);
    is_int(peek(serial, 0), JM_LOOK_GONE, "is kept so long");
    is_int(ledger_length(&l), 0, "it is whole");
    ledger_detach(&l);
}


/*
 * The text's time is over before the request's: that is paid stays known; seen
 * failing without jm_ledger_expire_results().
 */

static void
test_short(void)
{
    jm_str_t           id;
    jm_ledger_claim_t  a, b;

    start(RECORDS);

    (void) ask(&a, 'k', 1, 1, NOW);
    (void) brings(&a, 0, 5000, NOW + 10);
    ledger_answered(&l, &a, NOW);
    ledger_close(&l, &a, NOW);

    (void) ask(&b, 'o', 1, 0, NOW + 10);
    is_int(results_length(&l), 0, "its text is gone");
    is_int(store_count(l.store, JM_RECORD_PART), 0, "with all parts");
    ledger_close(&l, &b, NOW + 10);

    is_int(ask(&a, 'k', 1, 1, NOW + 10), JM_LEDGER_FOUND, "it is not");
    is_int(ledger_look(&l, &a, 0, NOW + 10, &id), JM_LOOK_LOST, "and over");
    is_int((int64_t) l.evicted, 0, "it had its time");
    is_int(ledger_length(&l), 1, "it is whole");
    ledger_detach(&l);
}


/* the same again and again, without a mark: each is found by its number */

static void
test_same(void)
{
    unsigned           i;
    uint64_t           serials[40];
    jm_str_t           id;
    jm_ledger_claim_t  b;

    start(RECORDS);

    for (i = 0; i < 40; i++) {
        serials[i] = one('k', 300, 1);
    }

    for (i = 0; i < 40 && peek(serials[i], 0) == JM_LOOK_RESULT; i++) {
        /* void */
    }

    is_int(i, 40, "each is there");
    is_int(found_length(&l), 1, "requests find the last one");

    request_init(&r, 'k', 1);
    r.keep = KEEP;
    r.repeat = 1;
    is_int(ledger_open(&l, &b, &r, NOW), JM_LEDGER_FOUND, "as a repeat does");
    is_int((int64_t) b.serial, (int64_t) serials[39], "of the last");
    is_int(ledger_look(&l, &b, 0, NOW, &id), JM_LOOK_RESULT, "with all");
    ledger_close(&l, &b, NOW);

    is_int(ledger_length(&l), 40, "it is whole");
    ledger_detach(&l);
}


/*
 * What a client got by asking for it is owed no more; seen failing without
 * JM_SLOT_KEPT in jm_ledger_brings(), and with what is lost there.
 */

static void
test_owed(void)
{
    uint64_t           serial;
    jm_str_t           none;
    jm_ledger_claim_t  a;

    none.len = 0;
    none.data = NULL;

    start(RECORDS);

    serial = one('k', 300, 0);
    is_int(ask(&a, 'k', 1, 0, NOW + 1), JM_LEDGER_FOUND, "it is owed");
    ledger_close(&l, &a, NOW + 1);

    ledger_fetched(&l, serial, &none, 1);
    is_int(ask(&a, 'k', 1, 0, NOW + 1), JM_LEDGER_NEW, "until it was got");
    ledger_close(&l, &a, NOW + 1);

    serial = one('l', 0, 0);
    ledger_fetched(&l, serial, &none, 1);
    is_int(ask(&a, 'l', 1, 0, NOW + OWED - 1), JM_LEDGER_FOUND,
           "what is lost nobody got");
    ledger_close(&l, &a, NOW + OWED - 1);
    is_int(ask(&a, 'l', 1, 0, NOW + OWED), JM_LEDGER_NEW,
           "which is told for its time");
    ledger_close(&l, &a, NOW + OWED);

    is_int(ledger_length(&l), 1, "it is whole");
    ledger_detach(&l);
}


int
main(void)
{
    test_found();
    test_lost();
    test_billed();
    test_killed();
    test_times();
    test_others();
    test_retired();
    test_stale();
    test_short();
    test_same();
    test_owed();

    return done_testing();
}
