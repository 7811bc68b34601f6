
/*
 * Where room is short: what tasks have brought is the first thing to go, the
 * oldest first, and what is new is kept in place of it, or of what nobody is
 * owed; else it is lost, and its task is over all the same.  And a long text is
 * given back by parts: the store's log has room for each.
 *
 * Seen failing without jm_ledger_evict_result() in jm_ledger_shrink(), with it
 * after jm_ledger_oldest(), without the look at what is owed, with commits left
 * out in jm_ledger_result_room(), with all parts given back at once, and
 * without the entry's drop in jm_ledger_forget_result().
 */


#define _GNU_SOURCE

#include "tap.h"
#include "ledger.h"
#include "ledger_text.h"
#include "jm_ledger_handed.h"


#define NOW    1000000
#define KEEP   1000
#define LIVES  (NOW + 10 * KEEP)


static jm_ledger_t          l;
static jm_ledger_request_t  r;


static unsigned
alive(uint32_t owner)
{
    return owner != 0;
}


static jm_ledger_e
ask(jm_ledger_claim_t *claim, uint8_t key, unsigned n)
{
    request_init(&r, key, n);

    r.keep = KEEP;
    r.named = 1;

    return ledger_open(&l, claim, &r, NOW);
}


static unsigned
brings(jm_ledger_claim_t *claim, unsigned i, size_t len)
{
    unsigned  kept;

    (void) ledger_submit(&l, claim, i, 7);
    (void) ledger_brought(&l, claim, i, text_of(claim->serial + i, len), LIVES,
                          NOW, &kept);

    return kept;
}


/* one that is over: with a text, or if that is empty with an id, or owed */

static uint64_t
one(uint8_t key, size_t len, unsigned owed)
{
    uint64_t           serial;
    jm_ledger_claim_t  a;

    (void) ask(&a, key, 1);

    if (len != 0) {
        (void) brings(&a, 0, len);

    } else {
        (void) ledger_submit(&l, &a, 0, 7);
        ledger_accepted(&l, &a, 0, str("id"));
        (void) ledger_over(&l, &a, 0, NOW);
    }

    serial = a.serial;

    if (!owed) {
        ledger_answered(&l, &a, NOW);
    }

    ledger_close(&l, &a, NOW);

    return serial;
}


static jm_look_e
peek(uint64_t serial)
{
    jm_ledger_peek_t  p;

    jm_ledger_peek(&l, serial, 0, &p);

    return p.look;
}


/* one after another, until nothing is left that may go */

static void
test_order(void)
{
    unsigned            n;
    uint64_t            plain, first, second;
    jm_error_t          error;
    jm_ledger_claim_t   a, runs;

    ledger_init(&l, 100, 1, alive);

    plain = one('p', 0, 0);
    first = one('1', 700, 1);
    second = one('2', 200, 0);

    (void) ask(&runs, 'r', 1);
    (void) brings(&runs, 0, 100);
    (void) ledger_submit(&l, &runs, 0, 7);

    /* what has cost nothing, and says why */

    request_init(&r, 'e', 1);
    r.unmarked = KEEP;
    jm_error_set(&error, JM_CAUSE_UPSTREAM, NULL, NULL);
    (void) ledger_open(&l, &a, &r, NOW);
    ledger_free(&l, &a, 0, NOW);
    ledger_told(&l, &a, &error, NOW);
    ledger_close(&l, &a, NOW);

    is_int(ledger_shrink(&l, NOW), JM_OK, "first the oldest text");
    is_int(peek(first), JM_LOOK_LOST, "whose task is over");
    is_int(peek(second), JM_LOOK_RESULT, "not the next");
    is_int((int64_t) l.evicted, 1, "it is told");
    is_int(ledger_length(&l), 5, "it is whole");

    n = l.store->shared->nfree;
    is_int(ledger_shrink(&l, NOW), JM_OK, "then its records");
    is_int(l.store->shared->nfree - n, 4, "all of them");
    is_int((int64_t) l.evicted, 1, "which is no news");

    is_int(ledger_shrink(&l, NOW), JM_OK, "then the next");
    is_int(peek(second), JM_LOOK_LOST, "text");
    (void) ledger_shrink(&l, NOW);
    is_int(ledger_shrink(&l, NOW), JM_OK, "that of one with a client");
    (void) ledger_shrink(&l, NOW);
    is_int(results_length(&l), 0, "there is no more");
    is_int(ledger_length(&l), 5, "but all entries");

    (void) ledger_shrink(&l, NOW);
    is_int(ledger_length(&l), 4, "what cost nothing");
    is_int(peek(plain), JM_LOOK_TAKEN, "not what did");
    (void) ledger_shrink(&l, NOW);
    is_int(peek(plain), JM_LOOK_GONE, "which is next");
    (void) ledger_shrink(&l, NOW);
    is_int(peek(first), JM_LOOK_GONE, "though it is owed");
    (void) ledger_shrink(&l, NOW);
    is_int(peek(second), JM_LOOK_GONE, "or not");
    (void) ledger_shrink(&l, NOW);
    is_int(ledger_shrink(&l, NOW), JM_INVALID, "nothing is left");
    is_int(l.store->shared->nfree, 100, "all is free");

    ledger_detach(&l);
}


/* a new request goes before any text, and keeps all that is paid */

static void
test_new(void)
{
    unsigned           i;
    jm_ledger_claim_t  a;

    ledger_init(&l, 30, 1, alive);

    for (i = 0; i < 6; i++) {
        (void) one((uint8_t) i, 800, i % 2);
    }

    is_int(l.store->shared->nfree, 0, "full");

    for (i = 6; i < 30; i++) {
        is_int(ask(&a, (uint8_t) i, 1), JM_LEDGER_NEW, "one more");
        is_int(ledger_length(&l), (int) i + 1, "beside all others");
    }

    is_int(results_length(&l), 0, "no text is left");
    is_int((int64_t) l.evicted, 6, "each was told");

    ledger_detach(&l);
}


/* a new text is kept in place of older ones, and of what nobody is owed */

static void
test_text(void)
{
    unsigned           i;
    uint64_t           first, second, owed;
    jm_ledger_claim_t  a, b;

    ledger_init(&l, 30, 1, alive);

    first = one('1', 2200, 0);
    second = one('2', 2200, 0);
    (void) ask(&a, 'a', 1);

    is_int(brings(&a, 0, 2200), 1, "a new one is kept");
    is_int(peek(first), JM_LOOK_LOST, "for the oldest");
    is_int(peek(second), JM_LOOK_RESULT, "alone");
    is_int((int64_t) l.evicted, 1, "which is told");
    is_text(&l, a.serial, 0, NOW, 2200);
    is_text(&l, second, 0, NOW, 2200);
    is_int(ledger_length(&l), 3, "it is whole");
    ledger_detach(&l);

    /* entries alone */

    ledger_init(&l, 30, 1, alive);

    owed = one('o', 0, 1);

    for (i = 0; i < 28; i++) {
        (void) one((uint8_t) i, 0, 0);
    }

    (void) ask(&a, 'a', 1);
    is_int(l.store->shared->nfree, 0, "full");
    is_int(brings(&a, 0, 1000), 1, "a text is kept");
    is_int(ledger_length(&l), 25, "for the oldest entries");
    is_int(peek(owed), JM_LOOK_TAKEN, "but not for one that is owed");
    is_text(&l, a.serial, 0, NOW, 1000);

    (void) ask(&b, 'b', 1);
    (void) brings(&b, 0, 800);
    is_int(ledger_length(&l), 26, "the next one for the text before it");
    is_int(peek(a.serial), JM_LOOK_LOST, "alone");
    ledger_detach(&l);

    /* only what is owed, or runs */

    ledger_init(&l, 30, 1, alive);

    for (i = 0; i < 27; i++) {
        (void) one((uint8_t) i, 0, 1);
    }

    (void) ask(&a, 'a', 1);
    is_int(l.store->shared->nfree, 2, "two are free");
    is_int(brings(&a, 0, 441), 0, "a text of three is not kept");
    is_int(peek(a.serial), JM_LOOK_LOST, "but over");
    is_int((int64_t) l.evicted, 1, "which is told");
    is_int(ledger_length(&l), 28, "nothing has gone for it");

    (void) ask(&b, 'b', 1);
    is_int(brings(&b, 0, 220), 1, "one of one is");
    ledger_detach(&l);

    /* no more than there are at all */

    ledger_init(&l, 30, 1, alive);
    (void) one('1', 100, 0);
    (void) ask(&a, 'a', 1);
    is_int(brings(&a, 0, JM_RESULT_MAX), 0, "one of 75 is not kept");
    is_int(peek(a.serial), JM_LOOK_LOST, "but over");
    is_int(ledger_length(&l), 1, "it is whole");
    ledger_detach(&l);

    /* what the ledger leaves to others */

    ledger_init(&l, 30, 1, alive);
    l.store->shared->kept = 26;
    (void) ask(&a, 'a', 1);
    is_int(brings(&a, 0, 661), 0, "one of four is not kept");
    (void) ask(&b, 'b', 1);
    is_int(brings(&b, 0, 440), 1, "one of two is");
    is_int(ledger_length(&l), 2, "it is whole");
    ledger_detach(&l);
}


/* what no request finds is forgotten with its last text */

static void
test_retired(void)
{
    uint64_t           serial;
    jm_ledger_claim_t  a, b;

    ledger_init(&l, 100, 1, alive);

    (void) ask(&a, 'a', 2);
    (void) brings(&a, 0, 300);
    (void) brings(&a, 1, 300);
    serial = a.serial;
    ledger_answered(&l, &a, NOW);
    ledger_close(&l, &a, NOW);

    request_init(&r, 'a', 2);
    r.keep = KEEP;
    r.named = 1;
    (void) ledger_open(&l, &b, &r, NOW + KEEP);

    (void) ledger_shrink(&l, NOW + KEEP);
    is_int(peek(serial), JM_LOOK_LOST, "one text is forgotten");
    is_int((int64_t) text_length(&l, serial, 1, NOW), 300, "not the other");

    (void) ledger_shrink(&l, NOW + KEEP);
    (void) ledger_shrink(&l, NOW + KEEP);
    is_int(peek(serial), JM_LOOK_GONE, "with that its entry");
    is_int(ledger_length(&l), 1, "it is whole");

    ledger_detach(&l);
}


/* ten of the longest texts, at once */

static void
test_depth(void)
{
    unsigned           i;
    uint64_t           serial;
    jm_ledger_claim_t  a;

    ledger_init(&l, 800, 1, alive);

    (void) ask(&a, 'a', JM_LEDGER_SLOTS);

    for (i = 0; i < JM_LEDGER_SLOTS; i++) {
        is_int(brings(&a, i, JM_RESULT_MAX), 1, "one of the longest");
    }

    for (i = 0; i < JM_LEDGER_SLOTS; i++) {
        is_int((int64_t) text_length(&l, a.serial, i, NOW), JM_RESULT_MAX,
               "is there");
    }

    printf("# %u deep\n", ledger_deepest(&l));
    ok(ledger_deepest(&l) < JM_STORE_UNDO / 2, "the log has room for twice");

    serial = a.serial;
    ledger_answered(&l, &a, NOW);
    ledger_close(&l, &a, NOW);

    jm_store_begin(l.store);
    jm_ledger_drop(&l, jm_ledger_numbered(&l, serial));
    jm_store_commit(l.store);
    is_int(ledger_length(&l), 0, "all are dropped");
    is_int(store_count(l.store, JM_RECORD_PART), 750, "their parts are there");

    jm_store_begin(l.store);
    is_int(jm_ledger_room(&l, 800, NOW), JM_OK, "until there is no room");
    jm_store_commit(l.store);
    is_int(ledger_length(&l), 0, "it is whole");
    is_int(l.store->shared->nfree, 800, "all is free");

    printf("# %u deep\n", ledger_deepest(&l));
    ok(ledger_deepest(&l) < JM_STORE_UNDO / 2, "the log has room for twice");

    ledger_detach(&l);
}


int
main(void)
{
    test_order();
    test_new();
    test_text();
    test_retired();
    test_depth();

    return done_testing();
}
