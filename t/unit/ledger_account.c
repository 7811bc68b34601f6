
/*
 * The account that a request's tasks are on, all on one: the id that its
 * client gets names it once.
 *
 * Seen failing without the look at "bound" in jm_ledger_submit().
 */


#define _GNU_SOURCE

#include "tap.h"
#include "ledger.h"


#define NOW  1000000


static unsigned
alive(uint32_t owner)
{
    return owner != 0;
}


int
main(void)
{
    jm_ledger_t          l;
    jm_ledger_claim_t    a, b;
    jm_ledger_request_t  request;

    ledger_init(&l, 64, 1, alive);

    request_init(&request, 'k', 3);
    request.named = 1;

    (void) ledger_open(&l, &a, &request, NOW);

    is_int(jm_ledger_account(&l, &a), JM_LEDGER_ANY, "nothing was submitted");

    is_int(ledger_submit(&l, &a, 0, 7), JM_OK, "a submit");
    is_int(jm_ledger_account(&l, &a), 7, "its account");
    is_int(ledger_submit(&l, &a, 1, 8), JM_INVALID,
           "the others must not be on another account");
    is_int(ledger_submit(&l, &a, 1, 7), JM_OK, "but on the same");

    ledger_unsent(&l, &a, 0);
    is_int(jm_ledger_account(&l, &a), 7, "one was not taken, and one may be");

    ledger_unsent(&l, &a, 1);
    is_int(jm_ledger_account(&l, &a), JM_LEDGER_ANY, "none was taken");

    is_int(ledger_submit(&l, &a, 2, 8), JM_OK, "another account");
    ledger_accepted(&l, &a, 2, str("1"));
    ledger_over(&l, &a, 2, NOW);
    is_int(jm_ledger_account(&l, &a), 8, "of what is over");

    (void) ledger_open(&l, &b, &request, NOW);
    is_int(jm_ledger_account(&l, &b), 8, "a repeat is told of it");

    ledger_close(&l, &b, NOW);
    ledger_close(&l, &a, NOW);

    is_int(jm_ledger_account(&l, &a), JM_LEDGER_ANY, "nor of what is no more");

    ledger_detach(&l);

    return done_testing();
}
