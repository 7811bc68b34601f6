
/*
 * What a new ledger takes over from the store of an old one: what became of
 * each task, what is owed to whom, until when, and in which order.
 *
 * Seen failing with each of these taken out of the import: the time that is now
 * where an entry was not over, both looks at times that are to come, the look
 * at entries that are there, the room for what was told, the serial number that
 * is passed on, the map, who waited, and what is of no use.
 */


#define _GNU_SOURCE

#include "tap.h"
#include "jm_ledger_bill.h"
#include "ledger_file.h"


static void
test_states(void)
{
    unsigned             i;
    jm_str_t             id;
    jm_ledger_claim_t    a, b;
    jm_ledger_request_t  r;

    static const struct {
        jm_look_e        look;
        const char      *id;
        unsigned         ends;      /* it is the upstream's still */
    } expected[] = {
        { JM_LOOK_OWN, "", 0 },
        { JM_LOOK_UNKNOWN, "", 0 },
        { JM_LOOK_UNKNOWN, "", 0 },
        { JM_LOOK_TAKEN, "7392616336519610409", 1 },
        { JM_LOOK_TAKEN, "over", 0 },
        { JM_LOOK_OWN, "", 0 },
        { JM_LOOK_UNKNOWN, "", 0 },
        { JM_LOOK_TAKEN, LONG_ID, 1 },
        { JM_LOOK_TAKEN, "8", 0 },
        { JM_LOOK_OWN, "", 0 }
    };

    start();
    enter_ten(&a, 'k');

    is_int(restart(THEN), 1, "ten tasks: entered");
    is_int(ledger_length(&new), 1, "it is whole");

    request(&r, 'k', 10, 1);
    is_int(ledger_open(&new, &b, &r, THEN), JM_LEDGER_FOUND, "found");
    is_int((int64_t) b.serial, (int64_t) a.serial, "its number");
    is_int(jm_ledger_account(&new, &b), 7, "its account");

    for (i = 0; i < 10; i++) {
        id = str("");
        is_int(ledger_look(&new, &b, i, THEN, &id), expected[i].look,
               "task %u", i);

        if (expected[i].look == JM_LOOK_TAKEN) {
            is_str(id, expected[i].id, "its id");
            is_int(ledger_over(&new, &b, i, THEN), expected[i].ends,
                   "whether it has ended");
        }
    }

    is_int(ledger_length(&new), 1, "it is whole");

    r.n = 9;
    is_int(ledger_open(&new, &b, &r, THEN), JM_LEDGER_REUSED,
           "of nine tasks");
    r.n = 10;
    r.fingerprint[0] ^= 1;
    is_int(ledger_open(&new, &b, &r, THEN), JM_LEDGER_REUSED,
           "another request");

    is_int(ledger_import(&new, &file, jm_ref(old.store,
                                             jm_ledger_find(&old, &a)),
                         map, THEN),
           JM_INVALID, "not twice");
    is_int(ledger_length(&new), 1, "it is whole");
    done();

    /* a process has died at work on it */

    start();
    enter_ten(&a, 'k');
    jm_store_begin(old.store);
    (void) jm_ledger_submit(&old, &a, 0, 7);
    (void) restart(THEN);
    (void) ledger_open(&new, &b, &r, THEN);
    r.fingerprint[0] ^= 1;
    (void) ledger_open(&new, &b, &r, THEN);
    is_int(ledger_look(&new, &b, 0, THEN, &id), JM_LOOK_OWN,
           "what was not done is undone first");
    done();

    /* what cost nothing */

    start();
    request(&r, 'k', 4, 0);
    (void) ledger_open(&old, &a, &r, NOW);
    (void) ledger_submit(&old, &a, 3, 7);
    ledger_unsent(&old, &a, 3);
    is_int(restart(THEN), 0, "what cost nothing is of no use");
    is_int(ledger_length(&new), 0, "and not there");
    is_int(new.store->shared->nfree, RECORDS, "nor has it any record");
    is_int((int64_t) new.store->shared->serial, (int64_t) a.serial,
           "but its number is not another's");
    done();
}


/* asks for the same without a mark: what comes of it */

static jm_ledger_e
unmarked(uint8_t key, uint64_t now)
{
    jm_ledger_e          rc;
    jm_ledger_claim_t    claim;
    jm_ledger_request_t  r;

    request(&r, key, 2, 0);
    rc = ledger_open(&new, &claim, &r, now);

    if (rc == JM_LEDGER_NEW) {
        ledger_over(&new, &claim, 0, now);
        ledger_over(&new, &claim, 1, now);
    }

    ledger_answered(&new, &claim, now);
    ledger_close(&new, &claim, now);

    return rc;
}


static void
test_owed(void)
{
    unsigned             i;
    jm_error_t           error;
    jm_ledger_claim_t    a;
    jm_ledger_request_t  r;

    start();

    enter_two(&a, 'a');
    enter_two(&a, 'w');
    enter_two(&a, 'l');
    ledger_left(&old, &a, NOW);
    enter_two(&a, 'm');
    ledger_left(&old, &a, NOW);
    enter_two(&a, 'f');
    ledger_left(&old, &a, THEN + OWED);
    enter_two(&a, 'd');
    ledger_answered(&old, &a, NOW);

    jm_error_upstream(&error, 50520);

    for (i = 'x'; i <= 'z'; i++) {
        request(&r, (uint8_t) i, 2, 0);
        (void) ledger_open(&old, &a, &r, NOW);
        ledger_over(&old, &a, 0, NOW);
        ledger_over(&old, &a, 1, NOW);
        ledger_told(&old, &a, &error, NOW);
        ledger_close(&old, &a, NOW);
    }

    is_int(restart(THEN), 9, "all are entered");
    is_int(ledger_length(&new), 9, "it is whole");

    is_int(unmarked('a', THEN), JM_LEDGER_FOUND, "waited for: owed");
    is_int(unmarked('a', THEN), JM_LEDGER_NEW, "once");
    is_int(unmarked('w', THEN + OWED - 1), JM_LEDGER_FOUND,
           "waited for: from then on");
    is_int(unmarked('l', NOW + OWED - 1), JM_LEDGER_FOUND, "left: owed");
    is_int(unmarked('m', NOW + OWED), JM_LEDGER_NEW, "left: since then");
    is_int(unmarked('f', THEN + OWED), JM_LEDGER_NEW,
           "since a time that is to come: since now");
    is_int(unmarked('d', THEN), JM_LEDGER_NEW, "answered: not owed");

    jm_error_set(&new.told, JM_CAUSE_UPSTREAM, NULL, NULL);
    is_int(unmarked('x', THEN), JM_LEDGER_TOLD, "an error is told again");
    is_int(new.told.cause, error.cause, "its cause");
    is_int(new.told.upstream_code, 50520, "its code");
    is_str(str(new.told.message), error.message, "its message");
    is_int(unmarked('y', NOW + OWED - 1), JM_LEDGER_TOLD, "for a while");
    is_int(unmarked('z', NOW + OWED), JM_LEDGER_NEW, "and no longer");
    is_int(ledger_length(&new) >= 0, 1, "it is whole");
    done();
}


static jm_ledger_e
named(uint8_t key, uint64_t now)
{
    jm_ledger_e          rc;
    jm_ledger_claim_t    claim;
    jm_ledger_request_t  r;

    request(&r, key, 1, 1);
    rc = ledger_open(&new, &claim, &r, now);
    ledger_close(&new, &claim, now);

    return rc;
}


static void
test_time(void)
{
    unsigned             i;
    jm_ledger_claim_t    a;
    jm_ledger_request_t  r;
    static const char    keys[] = "abcSTRQUF";

    start();

    for (i = 0; keys[i] != '\0'; i++) {
        request(&r, (uint8_t) keys[i], 1, 1);
        (void) ledger_open(&old, &a, &r, NOW);
        (void) ledger_submit(&old, &a, 0, 7);

        if (keys[i] == 'S' || keys[i] == 'T') {
            continue;
        }

        ledger_accepted(&old, &a, 0, str("1"));

        if (keys[i] != 'R' && keys[i] != 'Q') {
            ledger_over(&old, &a, 0,
                        keys[i] == 'F' ? THEN + KEEP : NOW);
        }
    }

    is_int(restart(THEN), 9, "all are entered");

    is_int(named('a', NOW + KEEP - 1), JM_LEDGER_FOUND, "over: kept");
    is_int(named('b', NOW + KEEP), JM_LEDGER_NEW, "since then");
    is_int(named('F', THEN + KEEP - 1), JM_LEDGER_FOUND,
           "over at a time that is to come: kept");
    is_int(named('S', THEN + KEEP - 1), JM_LEDGER_FOUND,
           "what was under way is over now: kept");
    is_int(named('F', THEN + KEEP), JM_LEDGER_NEW, "since now");
    is_int(named('T', THEN + KEEP), JM_LEDGER_NEW, "since now");
    is_int(named('R', NOW + JM_LEDGER_STALE - 1), JM_LEDGER_FOUND,
           "what the upstream has runs");
    is_int(named('Q', NOW + JM_LEDGER_STALE), JM_LEDGER_NEW,
           "since it was entered");
    is_int(ledger_length(&new) >= 0, 1, "it is whole");
    done();
}


static void
test_order(void)
{
    unsigned             i;
    jm_ledger_claim_t    a, b, claims[3];
    jm_ledger_request_t  r;

    start();
    request(&r, 'k', 1, 0);

    for (i = 0; i < 3; i++) {
        (void) ledger_open(&old, &claims[i], &r, NOW);
        taken(&claims[i], 0, "id");
    }

    ledger_left(&old, &claims[0], NOW);

    is_int(restart(THEN), 3, "three of the same");

    for (i = 0; i < 3; i++) {
        is_int(ledger_open(&new, &a, &r, THEN), JM_LEDGER_FOUND, "it is owed");
        is_int((int64_t) a.serial, (int64_t) claims[2 - i].serial,
               "the newest first");
    }

    is_int(ledger_open(&new, &b, &r, THEN), JM_LEDGER_NEW, "a new one");
    ok(b.serial > claims[2].serial, "is the newest");
    done();

    /* accounts have other numbers, or are no more */

    start();
    map[7] = 3;
    map[8] = JM_LEDGER_ANY;

    for (i = 7; i < 9; i++) {
        request(&r, (uint8_t) i, 1, 1);
        (void) ledger_open(&old, &a, &r, NOW);
        (void) ledger_submit(&old, &a, 0, i);
        ledger_accepted(&old, &a, 0, str("id"));
    }

    is_int(restart(THEN), 2, "of two accounts");
    (void) ledger_open(&new, &b, &r, THEN);
    is_int(jm_ledger_account(&new, &b), JM_LEDGER_ANY, "one that is no more");
    request(&r, 7, 1, 1);
    (void) ledger_open(&new, &b, &r, THEN);
    is_int(jm_ledger_account(&new, &b), 3, "another number");
    done();
}


static void
test_full(void)
{
    unsigned             i;
    jm_ledger_claim_t    a;
    jm_ledger_request_t  r;

    /* of ten that are over some have room, with two records for each */

    start();
    ledger_bound(&new, 8);

    for (i = 0; i < 10; i++) {
        request(&r, (uint8_t) i, 1, 1);
        (void) ledger_open(&old, &a, &r, NOW);
        (void) ledger_submit(&old, &a, 0, 7);
    }

    is_int(restart(THEN), 10, "each is entered");
    is_int(ledger_length(&new), 7, "some stay: there is room for an error");
    is_int(new.evicted, 3, "and some had to go");
    is_int(named(9, THEN), JM_LEDGER_FOUND, "the newest is there");
    is_int(named(3, THEN), JM_LEDGER_FOUND, "and the oldest that may be");
    is_int(named(2, THEN), JM_LEDGER_NEW, "but none that is older");
    done();

    start();
    ledger_bound(&new, 8);

    for (i = 0; i < 10; i++) {
        request(&r, (uint8_t) i, 1, 1);
        (void) ledger_open(&old, &a, &r, NOW);
        taken(&a, 0, "id");
    }

    is_int(restart(THEN), 7, "what runs has room, or has not");
    is_int(ledger_length(&new), 7, "it is whole");
    is_int(new.evicted, 0, "and stays");

    is_int(ledger_import(&new, &file, jm_ref(old.store,
                                             jm_ledger_find(&old, &a)),
                         map, THEN),
           JM_ERROR, "there is no room");
    is_int(named(0, THEN), JM_LEDGER_FOUND, "the oldest is there");
    done();
}


/*
 * One task is given up, one has brought pictures that are in a log, and one
 * some that are in none, as its process has ended before that.
 */

static void
test_bill(void)
{
    unsigned             i, first;
    jm_ledger_claim_t    a;
    jm_ledger_request_t  r;

    static const struct {
        unsigned         brought;
        unsigned         logged;
        unsigned         billed;    /* who sees its pictures then */
        unsigned         first;
    } tasks[] = {
        { 0, 0, 1, 1 },
        { 1, 1, 0, 0 },
        { 1, 0, 1, 0 }
    };

    start();
    request(&r, 'b', 3, 1);
    (void) ledger_open(&old, &a, &r, NOW);

    for (i = 0; i < 3; i++) {
        taken(&a, i, "7392616336519610409");
        first = ledger_over(&old, &a, i, NOW);

        jm_store_begin(old.store);
        (void) jm_ledger_bill(&old, a.serial, i, tasks[i].brought, &first);

        if (tasks[i].logged) {
            jm_ledger_billed(&old, a.serial, i);
        }

        jm_store_commit(old.store);
    }

    is_int(restart(THEN), 1, "three that are over");
    jm_store_begin(new.store);

    for (i = 0; i < 3; i++) {
        first = 0;
        is_int(jm_ledger_bill(&new, a.serial, i, 1, &first), tasks[i].billed,
               "task %u: who sees its pictures is billed", i);
        is_int(first, tasks[i].first, "and counted");

        first = 0;
        is_int(jm_ledger_bill(&new, a.serial, i, 1, &first), 0, "nobody else");
    }

    jm_store_commit(new.store);
    done();
}


int
main(void)
{
    test_states();
    test_bill();
    test_owed();
    test_time();
    test_order();
    test_full();

    return done_testing();
}
