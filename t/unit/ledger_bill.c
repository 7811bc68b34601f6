
/*
 * Who says in a log what a task has brought: one at a time, and once.
 *
 * Seen failing without the look at whether the owner lives ("while the first
 * lives"), without jm_ledger_billed(), and with 0 in place of
 * JM_LEDGER_NOTHING.
 */


#define _GNU_SOURCE

#include "tap.h"
#include "ledger.h"
#include "jm_ledger_bill.h"


#define NOW  1000000


static uint32_t  dead;


static unsigned
alive(uint32_t owner)
{
    return owner != 0 && owner != dead;
}


/* a request's task ends; the same memory is then another process's */

static uint64_t
ended(jm_ledger_t *l, jm_ledger_claim_t *claim, uint8_t tag, unsigned brought,
    unsigned *billed)
{
    unsigned             first;
    uint64_t             serial;
    jm_ledger_request_t  request;

    request_init(&request, tag, 1);
    request.named = 1;

    (void) ledger_open(l, claim, &request, NOW);
    (void) ledger_submit(l, claim, 0, 7);
    ledger_accepted(l, claim, 0, str("1"));

    serial = claim->serial;
    first = jm_ledger_over(l, claim, 0, NOW);

    is_int(first, 1, "it is the first to see its end");

    *billed = jm_ledger_bill(l, serial, 0, brought, &first);
    jm_store_commit(l->store);

    return serial;
}


static unsigned
bill(jm_ledger_t *l, uint64_t serial, unsigned brought, unsigned *first)
{
    unsigned  billed;

    *first = 0;
    billed = jm_ledger_bill(l, serial, 0, brought, first);
    jm_store_commit(l->store);

    return billed;
}


int
main(void)
{
    unsigned           billed, first;
    uint64_t           serial, given_up;
    jm_ledger_t        l, other;
    jm_ledger_claim_t  a, b;

    ledger_init(&l, 64, 1, alive);
    ledger_other(&other, &l, 2);

    serial = ended(&l, &a, 'k', 1, &billed);

    is_int(billed, 1, "the first says it");
    is_int(bill(&other, serial, 1, &first), 0, "while the first lives");
    is_int(bill(&l, serial, 1, &first), 0, "nor does itself again");

    dead = l.store->owner;

    is_int(bill(&other, serial, 0, &first), 0,
           "it died: who sees no pictures does not say it");
    is_int(bill(&other, serial, 1, &first), 1, "who sees them does");
    is_int(first, 0, "they were counted by the first");
    is_int(bill(&other, serial, 1, &first), 0, "and once");

    dead = other.store->owner;

    jm_ledger_billed(&other, serial, 0);
    jm_store_commit(other.store);

    is_int(bill(&l, serial, 1, &first), 0, "it has said so, and died");

    dead = 0;

    given_up = ended(&l, &b, 'g', 0, &billed);

    is_int(billed, 0, "one that is given up has brought nothing");
    is_int(bill(&other, given_up, 0, &first), 0, "as long as it has");
    is_int(bill(&other, given_up, 1, &first), 1, "then whoever sees it");
    is_int(first, 1, "and it is the first to count");
    is_int(bill(&l, given_up, 1, &first), 0, "but once");

    first = 1;
    is_int(jm_ledger_bill(&l, 12345, 0, 1, &first), 1, "of no entry the first");
    first = 0;
    is_int(jm_ledger_bill(&l, 12345, 0, 1, &first), 0, "and no other");
    is_int(jm_ledger_bill(&l, serial, 9, 1, &first), 0, "nor of no task");

    ledger_detach(&other);
    ledger_detach(&l);

    return done_testing();
}
