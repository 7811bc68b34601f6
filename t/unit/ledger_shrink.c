
/*
 * The ledger gives memory up to others: what is over, the oldest first, and
 * nothing else.
 *
 * Seen failing without jm_ledger_enter() in jm_ledger_shrink(), and with what
 * runs given up as well.
 */


#define _GNU_SOURCE

#include "tap.h"
#include "ledger.h"


#define NOW      1000000
#define PIECES   64


static unsigned
alive(uint32_t pid)
{
    (void) pid;

    return 1;
}


static void
start(jm_ledger_t *l, jm_ledger_t *other)
{
    memset(l, 0, sizeof(jm_ledger_t));

    l->alive = alive;
    l->pid = 1;

    memory_init(l, PIECES);

    *other = *l;
    other->pid = 2;
}


/* a request that runs to its end, and is answered */

static void
answered(jm_ledger_t *l, uint8_t key, unsigned n, uint64_t now)
{
    unsigned             i;
    jm_ledger_claim_t    claim;
    jm_ledger_request_t  request;

    request_init(&request, key, n);

    (void) jm_ledger_open(l, &claim, &request, now);

    for (i = 0; i < n; i++) {
        (void) jm_ledger_submit(l, &claim, i, 0);
        jm_ledger_accepted(l, &claim, i, str("an-id"));
        jm_ledger_over(l, &claim, i, now);
    }

    jm_ledger_answered(l, &claim, now);
    jm_ledger_close(l, &claim, now);
}


static void
test_shrink(void)
{
    unsigned             taken;
    jm_str_t             id;
    jm_ledger_t          l, other;
    jm_ledger_claim_t    runs, a;
    jm_ledger_request_t  request;

    start(&l, &other);

    taken = ((pieces_t *) l.mem.ctx)->taken;

    is_int(jm_ledger_shrink(&l), JM_INVALID, "nothing there: nothing given");

    request_init(&request, 'r', 1);
    (void) jm_ledger_open(&l, &runs, &request, NOW);

    answered(&l, 'a', 10, NOW + 1);
    answered(&l, 'b', 1, NOW + 2);

    is_int(jm_ledger_shrink(&l), JM_OK, "the oldest that is over is given");
    is_int(ledger_length(&l), 2, "it alone");

    request_init(&request, 'b', 1);
    request.repeat = 1;
    is_int(jm_ledger_open(&other, &a, &request, NOW + 3), JM_LEDGER_FOUND,
           "the newer one is there");
    jm_ledger_close(&other, &a, NOW + 3);

    /* a process died at work */

    l.shared->finished.next = NULL;
    l.shared->busy = 1;

    is_int(jm_ledger_shrink(&other), JM_OK, "then the newer one");
    is_int(jm_ledger_shrink(&other), JM_INVALID, "what runs is kept");
    is_int(ledger_length(&l), 1, "and is whole");
    is_int(jm_ledger_look(&l, &runs, 0, NOW + 4, &id), JM_LOOK_OWN,
           "and known to its client");
    is_int(((pieces_t *) l.mem.ctx)->taken, taken + 1,
           "all other memory was given back");

    jm_ledger_close(&l, &runs, NOW + 4);
    memory_done(&l);
}


int
main(void)
{
    test_shrink();

    return done_testing();
}
