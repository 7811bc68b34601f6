
/*
 * How much the ledger does between two commits, which the store's log has to
 * have room for: a little, however many entries there are.
 *
 * Seen failing without jm_store_commit() in each of jm_ledger_search(),
 * jm_ledger_owed(), jm_ledger_watch() and jm_ledger_watch_all(), and with all
 * that wait looked at by jm_ledger_watch_all() at once.
 */


#define _GNU_SOURCE

#include "tap.h"
#include "ledger.h"


#define NOW   1000000
#define KEEP  1000
#define MANY  120


typedef enum {
    FREED,          /* and its client waits */
    TOLD,
    LEFT,           /* and it is over */
    ANSWERED
} many_e;


static uint32_t  dead;


static unsigned
alive(uint32_t owner)
{
    return owner != dead;
}


/* many that ask for ten tasks of the same, of the process that is to die */

static void
start_many(jm_ledger_t *l, jm_ledger_t *other, jm_ledger_request_t *request,
    many_e how)
{
    unsigned            i, n;
    jm_error_t          error;
    jm_ledger_claim_t  *claim;

    static jm_ledger_claim_t  claims[MANY];

    dead = 0;

    ledger_init(l, MANY * 5 + 50, 1, alive);
    ledger_other(other, l, 2);

    request_init(request, 'k', JM_LEDGER_SLOTS);
    request->unmarked = KEEP / 2;

    jm_error_set(&error, JM_CAUSE_UPSTREAM, NULL, NULL);

    for (i = 0; i < MANY; i++) {
        (void) ledger_open(other, &claims[i], request, NOW);
    }

    for (i = 0; i < MANY; i++) {
        claim = &claims[i];

        for (n = 0; n < JM_LEDGER_SLOTS; n++) {

            if (how == LEFT || how == ANSWERED) {
                (void) ledger_submit(other, claim, n, 0);
                ledger_accepted(other, claim, n, str("id"));
                (void) ledger_over(other, claim, n, NOW);

            } else {
                ledger_free(other, claim, n, NOW);
            }
        }

        if (how == TOLD) {
            ledger_told(other, claim, &error, NOW);

        } else if (how == LEFT) {
            ledger_left(other, claim, NOW);

        } else if (how == ANSWERED) {
            ledger_answered(other, claim, NOW);
        }
    }
}


static void
is_shallow(jm_ledger_t *l, jm_ledger_t *other, int length, const char *name)
{
    is_int(ledger_length(l), length, "%s: what is left", name);

    printf("# %u deep\n", ledger_deepest(l));
    ok(ledger_deepest(l) < JM_STORE_UNDO / 2, "%s: the log has room for twice",
       name);

    ledger_detach(other);
    ledger_detach(l);
}


/* one by itself, from its first byte to its answer */

static void
test_one(void)
{
    unsigned             i;
    jm_ledger_t          l;
    jm_ledger_claim_t    claim;
    jm_ledger_request_t  request;

    ledger_init(&l, 64, 1, alive);
    request_init(&request, 'k', JM_LEDGER_SLOTS);

    (void) ledger_open(&l, &claim, &request, NOW);

    for (i = 0; i < JM_LEDGER_SLOTS; i++) {
        (void) ledger_submit(&l, &claim, i, 0);
        ledger_accepted(&l, &claim, i, str("7392616336519610409"));
        (void) ledger_over(&l, &claim, i, NOW);
    }

    ledger_answered(&l, &claim, NOW);
    ledger_close(&l, &claim, NOW);

    printf("# %u deep\n", ledger_deepest(&l));
    ok(ledger_deepest(&l) < 64, "one request needs little of the log");

    ledger_detach(&l);
}


static void
test_many(void)
{
    jm_ledger_t          l, other;
    jm_ledger_claim_t    a;
    jm_ledger_request_t  request;

    start_many(&l, &other, &request, LEFT);
    request.repeat = 1;
    (void) ledger_open(&l, &a, &request, NOW + KEEP);
    is_shallow(&l, &other, 1, "a repeat, all have expired");

    start_many(&l, &other, &request, LEFT);
    (void) ledger_open(&l, &a, &request, NOW + KEEP);
    is_shallow(&l, &other, 1, "one without a mark, all have expired");

    start_many(&l, &other, &request, TOLD);
    (void) ledger_open(&l, &a, &request, NOW + KEEP);
    is_shallow(&l, &other, 1, "an error that is too old");

    start_many(&l, &other, &request, ANSWERED);
    (void) ledger_open(&l, &a, &request, NOW + KEEP);
    is_shallow(&l, &other, MANY - 2 - JM_LEDGER_NEAR + 1,
               "two have expired, and some are of no use");

    start_many(&l, &other, &request, FREED);
    dead = 2;
    (void) ledger_open(&l, &a, &request, NOW);
    is_shallow(&l, &other, MANY - JM_LEDGER_NEAR + 1, "a death, seen at once");

    start_many(&l, &other, &request, FREED);
    dead = 2;
    request.key[0] ^= 1;
    (void) ledger_open(&l, &a, &request, NOW + JM_LEDGER_WATCH);
    is_int(ledger_length(&l), MANY - JM_LEDGER_PIECE + 1,
           "a death, seen in time: some at first");
    (void) ledger_open(&l, &a, &request, NOW + JM_LEDGER_WATCH);
    (void) ledger_open(&l, &a, &request, NOW + JM_LEDGER_WATCH);
    (void) ledger_open(&l, &a, &request, NOW + JM_LEDGER_WATCH);
    is_shallow(&l, &other, 4, "a death, seen in time");
}


int
main(void)
{
    test_one();
    test_many();

    return done_testing();
}
