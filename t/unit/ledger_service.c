
/*
 * Requests that several services may serve: one that was entered in the words
 * of another is not joined but named, and what has cost nothing is not there.
 *
 * Seen failing without jm_ledger_read_other().
 */


#define _GNU_SOURCE

#include "tap.h"
#include "ledger.h"
#include "jm_ledger_handed.h"


#define NOW   1000000
#define LAST  (JM_LEDGER_KEY - 1)


static unsigned
alive(uint32_t owner)
{
    return owner != 0;
}


static unsigned
served(jm_ledger_t *l, const jm_ledger_request_t *request, uint64_t now)
{
    unsigned  found, service;

    service = 99;

    jm_store_begin(l->store);
    found = jm_ledger_served(l, request, now, &service);
    jm_store_commit(l->store);

    return found ? service : 99;
}


static void
start(jm_ledger_t *l, jm_ledger_request_t *request, unsigned named)
{
    ledger_init(l, 64, 1, alive);
    request_init(request, 'k', 2);

    request->keep = 1000000;
    request->unmarked = 10000;
    request->several = 1;
    request->named = named;
    request->fingerprint[LAST] = 4;
}


static void
test_other(unsigned named)
{
    jm_ledger_t          l;
    jm_ledger_claim_t    a, b;
    jm_ledger_request_t  first, other;

    start(&l, &first, named);

    other = first;
    other.fingerprint[LAST] = 5;

    is_int(served(&l, &first, NOW), 99, "nothing is there");
    is_int(ledger_open(&l, &a, &first, NOW), JM_LEDGER_NEW, "entered");
    is_int(ledger_submit(&l, &a, 1, 3), JM_OK, "a task is submitted");
    ledger_accepted(&l, &a, 1, str("1"));
    ledger_left(&l, &a, NOW);

    is_int(served(&l, &other, NOW), 4, "in these words");
    other.n = 0;
    is_int(served(&l, &other, NOW), 4, "of however many tasks");
    other.n = 2;
    is_int(ledger_open(&l, &b, &other, NOW), JM_LEDGER_OTHER, "the other one");
    is_int(l.service, 4, "which");
    is_int((int64_t) b.serial, 0, "nothing was entered");
    is_int(ledger_open(&l, &b, &first, NOW), JM_LEDGER_FOUND, "in its own");
    ledger_left(&l, &b, NOW);
    ledger_close(&l, &b, NOW);

    ledger_over(&l, &a, 0, NOW);
    ledger_over(&l, &a, 1, NOW);
    ledger_close(&l, &a, NOW);
    is_int(ledger_open(&l, &b, &other, NOW), JM_LEDGER_OTHER, "it is over");

    other.fingerprint[0] ^= 1;
    is_int(served(&l, &other, NOW), 99, "something else is not there");

    if (named) {
        is_int(ledger_open(&l, &b, &other, NOW), JM_LEDGER_REUSED,
               "its key is another's");
    }

    is_int(ledger_length(&l), 1, "one entry");
    ledger_detach(&l);
}


/* what was refused, whose client was told so */

static void
test_spare(unsigned handed)
{
    jm_error_t           e;
    jm_ledger_t          l;
    jm_ledger_claim_t    a, b;
    jm_ledger_request_t  first, other;

    start(&l, &first, 0);

    other = first;
    other.fingerprint[LAST] = 5;

    (void) ledger_open(&l, &a, &first, NOW);
    (void) ledger_submit(&l, &a, 0, 3);

    if (handed) {
        ledger_do(hand, &l, &a);
    }

    other.repeat = 1;
    is_int(ledger_open(&l, &b, &other, NOW), JM_LEDGER_OTHER,
           "it is being submitted");
    ledger_free(&l, &a, 0, NOW);
    is_int(ledger_open(&l, &b, &other, NOW), JM_LEDGER_OTHER,
           "another is not yet");
    other.repeat = 0;

    jm_error_set(&e, JM_CAUSE_UPSTREAM_AUTH, NULL, NULL);
    ledger_over(&l, &a, 0, NOW);
    ledger_over(&l, &a, 1, NOW);

    other.repeat = 1;
    is_int(ledger_open(&l, &b, &other, NOW), JM_LEDGER_OTHER,
           "its client waits");
    other.repeat = 0;

    ledger_told(&l, &a, &e, NOW);
    ledger_close(&l, &a, NOW);
    is_int(ledger_length(&l), 1, "it is to be told again");

    if (handed) {
        is_int(served(&l, &other, NOW), 4, "handed: it is there");
        is_int(ledger_open(&l, &b, &other, NOW), JM_LEDGER_OTHER,
               "handed: the other one");

    } else {
        is_int(served(&l, &other, NOW), 99, "it cost nothing: not there");
        is_int(ledger_open(&l, &b, &first, NOW), JM_LEDGER_TOLD,
               "it is told in its words");
        ledger_close(&l, &b, NOW);
        is_int(ledger_open(&l, &b, &other, NOW), JM_LEDGER_NEW,
               "it is new in others");
        is_int(ledger_length(&l), 1, "the first is no more");
    }

    ledger_detach(&l);
}


int
main(void)
{
    test_other(0);
    test_other(1);
    test_spare(0);
    test_spare(1);

    return done_testing();
}
