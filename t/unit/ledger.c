
/*
 * The ledger by itself: who submits a task, who joins it, what is found again,
 * what is forgotten, and what it takes.  Other processes are numbers here.
 *
 * Seen failing with each of these taken out: the rounds in jm_ledger_submit(),
 * jm_ledger_take(), jm_ledger_free() and jm_ledger_give_up(), the look at
 * "own" in jm_ledger_own(), the one at alive() in jm_ledger_look_at(), the walk
 * of jm_ledger_join(), both jm_ledger_supersede(), jm_ledger_elapsed(), the
 * looks at owners where time is up, jm_ring_sort(), jm_ledger_repair(), and
 * with what runs evicted.
 */


#define _GNU_SOURCE

#include "tap.h"
#include "ledger.h"


#define NOW      1000000
#define KEEP     1000
#define PIECES   64


/* whom alive() finds dead */

static unsigned  dead[16];


static unsigned
alive(uint32_t pid)
{
    return !dead[pid];
}


static void
start(jm_ledger_t *l, jm_ledger_t *other, unsigned pieces)
{
    memset(dead, 0, sizeof(dead));
    memset(l, 0, sizeof(jm_ledger_t));

    l->alive = alive;
    l->pid = 1;

    memory_init(l, pieces);

    *other = *l;
    other->pid = 2;
}


static jm_str_t
id(const char *text)
{
    return str(text);
}


static void
is_id(jm_ledger_t *l, jm_ledger_claim_t *claim, unsigned i, const char *text,
    const char *name)
{
    jm_str_t  got = jm_null_string;

    is_int(jm_ledger_look(l, claim, i, NOW, &got), JM_LOOK_TAKEN, "%s: taken",
           name);
    is_str(got, text, "%s: the id", name);
}


static void
is_look(jm_ledger_t *l, jm_ledger_claim_t *claim, unsigned i,
    jm_look_e expected, const char *name)
{
    jm_str_t  got;

    is_int(jm_ledger_look(l, claim, i, NOW, &got), expected, "%s", name);
}


/* a request that runs to its end, and is answered */

static void
answered(jm_ledger_t *l, const jm_ledger_request_t *request, const char *text,
    uint64_t now)
{
    unsigned           i;
    jm_ledger_claim_t  claim;

    (void) jm_ledger_open(l, &claim, request, now);

    for (i = 0; i < request->n; i++) {
        (void) jm_ledger_submit(l, &claim, i, 0);
        jm_ledger_accepted(l, &claim, i, id(text));
        jm_ledger_over(l, &claim, i, now);
    }

    jm_ledger_answered(l, &claim, now);
    jm_ledger_close(l, &claim, now);
}


static void
test_join(void)
{
    jm_ledger_t          l, other;
    jm_ledger_claim_t    a, b, c;
    jm_ledger_request_t  request;

    start(&l, &other, PIECES);

    request_init(&request, 'k', 5);
    request.named = 1;

    is_int(jm_ledger_open(&l, &a, &request, NOW), JM_LEDGER_NEW, "the first");
    is_int(jm_ledger_open(&other, &b, &request, NOW), JM_LEDGER_FOUND,
           "the same, elsewhere");
    is_int(jm_ledger_open(&l, &c, &request, NOW), JM_LEDGER_FOUND,
           "the same, in the same process");

    is_look(&l, &a, 0, JM_LOOK_OWN, "the first submits");
    is_look(&other, &b, 0, JM_LOOK_WAIT, "the second waits");
    is_look(&l, &c, 0, JM_LOOK_WAIT, "the third waits");
    is_int(jm_ledger_submit(&other, &b, 0, 0), JM_INVALID,
           "and must not submit");

    is_int(jm_ledger_submit(&l, &a, 0, 0), JM_OK, "a submit");
    is_int(jm_ledger_submit(&l, &a, 0, 0), JM_INVALID, "not twice");
    is_look(&l, &a, 0, JM_LOOK_OWN, "it is its own still");
    is_look(&other, &b, 0, JM_LOOK_WAIT, "under way: wait");

    jm_ledger_accepted(&other, &b, 0, id("forged"));
    jm_ledger_unknown(&other, &b, 0, NOW);
    jm_ledger_unsent(&other, &b, 0);
    jm_ledger_free(&other, &b, 0, NOW);
    jm_ledger_over(&other, &b, 0, NOW);
    is_look(&other, &b, 0, JM_LOOK_WAIT, "the second changes nothing");

    jm_ledger_unsent(&l, &a, 0);
    is_look(&other, &b, 0, JM_LOOK_WAIT, "not taken: wait");
    is_int(jm_ledger_submit(&l, &a, 0, 0), JM_OK, "once more");
    jm_ledger_accepted(&l, &a, 0, id("7392616336519610409"));
    is_id(&other, &b, 0, "7392616336519610409", "elsewhere");
    is_id(&l, &c, 0, "7392616336519610409", "the same process");
    is_int(jm_ledger_submit(&other, &b, 0, 0), JM_INVALID,
           "who knows of it must not submit it again");
    is_id(&l, &a, 0, "7392616336519610409", "the first");

    (void) jm_ledger_submit(&l, &a, 1, 0);
    jm_ledger_unknown(&l, &a, 1, NOW);
    is_look(&other, &b, 1, JM_LOOK_UNKNOWN, "an unknown outcome");
    is_int(jm_ledger_submit(&l, &a, 1, 0), JM_INVALID,
           "is not submitted again");

    (void) jm_ledger_submit(&l, &a, 2, 0);
    jm_ledger_free(&l, &a, 2, NOW);
    is_look(&other, &b, 2, JM_LOOK_OWN, "what cost nothing is taken over");
    is_look(&l, &a, 2, JM_LOOK_WAIT, "the first waits then");
    is_int(jm_ledger_submit(&l, &a, 2, 0), JM_INVALID, "and must not submit");
    is_int(jm_ledger_submit(&other, &b, 2, 0), JM_OK, "the second submits");

    (void) jm_ledger_submit(&l, &a, 4, 0);
    jm_ledger_accepted(&l, &a, 4, id("the-last"));

    jm_ledger_close(&l, &a, NOW);

    is_id(&other, &b, 4, "the-last", "closed");
    is_id(&other, &b, 0, "7392616336519610409", "closed, the first");
    is_look(&other, &b, 3, JM_LOOK_OWN, "what was not submitted is taken over");
    is_look(&l, &c, 2, JM_LOOK_WAIT, "what the second submits");

    jm_ledger_close(&other, &b, NOW);

    is_look(&l, &c, 2, JM_LOOK_UNKNOWN, "closed while submitting");
    is_look(&l, &c, 3, JM_LOOK_OWN, "closed before");

    request.fingerprint[31] ^= 1;
    is_int(jm_ledger_open(&l, &a, &request, NOW), JM_LEDGER_REUSED,
           "another request under the same key");
    request.fingerprint[31] ^= 1;
    request.n = 4;
    is_int(jm_ledger_open(&l, &a, &request, NOW), JM_LEDGER_REUSED,
           "of fewer tasks");

    jm_ledger_close(&l, &a, NOW);
    jm_ledger_close(&l, &c, NOW);
    is_int(ledger_length(&l), 1, "one entry");
    is_int(jm_ledger_entries(&l), 1, "which is counted");
    memory_done(&l);
}


/* what is known of one submit says nothing about the next */

static void
test_rounds(void)
{
    jm_ledger_t          l, other;
    jm_ledger_claim_t    a, b, c;
    jm_ledger_request_t  request;

    start(&l, &other, PIECES);

    request_init(&request, 'k', 1);
    request.named = 1;

    (void) jm_ledger_open(&l, &a, &request, NOW);
    (void) jm_ledger_open(&other, &b, &request, NOW);
    (void) jm_ledger_submit(&l, &a, 0, 0);
    jm_ledger_accepted(&l, &a, 0, id("one"));

    is_id(&other, &b, 0, "one", "the first task");
    is_int(jm_ledger_submit(&l, &a, 0, 0), JM_OK, "it failed, and once more");
    jm_ledger_accepted(&l, &a, 0, id("two"));

    jm_ledger_free(&other, &b, 0, NOW);
    is_id(&l, &a, 0, "two", "who knows of the first does not free the second");
    jm_ledger_over(&other, &b, 0, NOW);
    is_int(jm_ledger_submit(&l, &a, 0, 0), JM_OK, "nor ends it");
    jm_ledger_accepted(&l, &a, 0, id("three"));

    is_id(&other, &b, 0, "three", "it looks");
    jm_ledger_free(&other, &b, 0, NOW);
    is_look(&other, &b, 0, JM_LOOK_OWN, "and then it does, and takes it");
    is_int(jm_ledger_submit(&l, &a, 0, 0), JM_INVALID, "the first has lost it");

    (void) jm_ledger_submit(&other, &b, 0, 0);
    jm_ledger_accepted(&other, &b, 0, id("four"));
    is_id(&l, &a, 0, "four", "the first looks");
    is_int(jm_ledger_submit(&l, &a, 0, 0), JM_INVALID, "which does not help");
    jm_ledger_over(&other, &b, 0, NOW);
    is_id(&l, &a, 0, "four", "over: the id is there");
    jm_ledger_free(&l, &a, 0, NOW);
    jm_ledger_free(&other, &b, 0, NOW);
    is_id(&l, &a, 0, "four", "what is over stays");
    is_int(jm_ledger_submit(&other, &b, 0, 0), JM_INVALID,
           "also for its owner");

    is_int(jm_ledger_open(&l, &c, &request, NOW), JM_LEDGER_FOUND, "found");
    is_id(&l, &c, 0, "four", "found again");

    jm_ledger_close(&l, &a, NOW);
    jm_ledger_close(&other, &b, NOW);
    jm_ledger_close(&l, &c, NOW);
    memory_done(&l);
}


static void
test_dead(void)
{
    jm_ledger_t          l, other;
    jm_ledger_claim_t    a, b;
    jm_ledger_request_t  request;

    start(&l, &other, PIECES);

    request_init(&request, 'k', 4);
    request.named = 1;

    (void) jm_ledger_open(&l, &a, &request, NOW);
    (void) jm_ledger_submit(&l, &a, 1, 0);
    (void) jm_ledger_submit(&l, &a, 2, 0);
    jm_ledger_accepted(&l, &a, 2, id("taken"));
    (void) jm_ledger_submit(&l, &a, 3, 0);
    jm_ledger_accepted(&l, &a, 3, id("over"));
    jm_ledger_over(&l, &a, 3, NOW);

    (void) jm_ledger_open(&other, &b, &request, NOW);
    is_look(&other, &b, 0, JM_LOOK_WAIT, "it lives, idle");
    is_look(&other, &b, 1, JM_LOOK_WAIT, "it lives, submitting");

    /* whose task is over, is nobody's to submit again: that is how it shows */

    is_id(&other, &b, 2, "taken", "it lives, taken");
    jm_ledger_over(&other, &b, 2, NOW);
    is_int(jm_ledger_submit(&l, &a, 2, 0), JM_OK,
           "it lives: it alone ends its task");
    jm_ledger_accepted(&l, &a, 2, id("taken-2"));

    dead[1] = 1;

    is_look(&other, &b, 0, JM_LOOK_OWN, "dead, idle: taken over");
    is_look(&other, &b, 1, JM_LOOK_UNKNOWN, "dead, submitting: unknown");
    is_id(&other, &b, 2, "taken-2", "dead, taken");
    jm_ledger_over(&other, &b, 2, NOW);
    is_int(jm_ledger_submit(&l, &a, 2, 0), JM_INVALID,
           "dead: whoever joined ends its task");
    is_id(&other, &b, 3, "over", "dead, over");
    jm_ledger_close(&other, &b, NOW);

    memory_done(&l);

    /* the same, and its number is another process's now */

    start(&l, &other, PIECES);

    (void) jm_ledger_open(&l, &a, &request, NOW);
    (void) jm_ledger_submit(&l, &a, 1, 0);
    (void) jm_ledger_open(&other, &b, &request, NOW);
    is_look(&other, &b, 0, JM_LOOK_WAIT, "a new process, idle");
    is_look(&other, &b, 1, JM_LOOK_WAIT, "a new process, submitting");
    jm_ledger_join(&l, NOW);
    is_look(&other, &b, 0, JM_LOOK_OWN, "that has said so, idle");
    is_look(&other, &b, 1, JM_LOOK_UNKNOWN, "that has said so, submitting");
    jm_ledger_close(&other, &b, NOW);

    memory_done(&l);
}


/* of several that ask for the same without a name */

static void
test_repeats(void)
{
    unsigned             n;
    jm_ledger_t          l, other;
    jm_ledger_claim_t    a, b, c, d;
    jm_ledger_request_t  request, again;

    start(&l, &other, PIECES);

    request_init(&request, 'k', 1);
    again = request;
    again.repeat = 1;

    is_int(jm_ledger_open(&l, &a, &again, NOW), JM_LEDGER_NEW,
           "a repeat of nothing");
    is_int(jm_ledger_open(&l, &b, &request, NOW), JM_LEDGER_NEW,
           "the same is asked for at the same time");
    is_int(jm_ledger_open(&l, &c, &request, NOW), JM_LEDGER_NEW, "and again");

    is_int(jm_ledger_open(&other, &d, &again, NOW), JM_LEDGER_FOUND,
           "a repeat, all are waited for");
    is_int((int64_t) d.serial, (int64_t) c.serial, "is the newest");
    jm_ledger_answered(&other, &d, NOW);
    jm_ledger_close(&other, &d, NOW);

    jm_ledger_left(&l, &a, NOW);
    jm_ledger_left(&l, &b, NOW);
    (void) jm_ledger_open(&other, &d, &again, NOW);
    is_int((int64_t) d.serial, (int64_t) b.serial, "the newest that was left");
    (void) jm_ledger_open(&other, &d, &again, NOW);
    is_int((int64_t) d.serial, (int64_t) a.serial, "and the next");
    (void) jm_ledger_open(&other, &d, &again, NOW);
    is_int((int64_t) d.serial, (int64_t) c.serial, "all are found again");

    again.n = 2;
    is_int(jm_ledger_open(&other, &d, &again, NOW), JM_LEDGER_NEW,
           "not with another number of tasks");
    memory_done(&l);

    start(&l, &other, PIECES);
    again.n = 1;

    answered(&l, &request, "old", NOW);
    (void) jm_ledger_open(&other, &d, &again, NOW + KEEP - 1);
    is_id(&other, &d, 0, "old", "an answer that did not arrive");
    jm_ledger_answered(&other, &d, NOW);
    jm_ledger_close(&other, &d, NOW);

    is_int(jm_ledger_open(&l, &a, &request, NOW), JM_LEDGER_NEW, "anew");
    is_int(ledger_length(&l), 1, "the old one is of no use any more");
    (void) jm_ledger_submit(&l, &a, 0, 0);
    jm_ledger_free(&l, &a, 0, NOW);
    jm_ledger_close(&l, &a, NOW);
    is_int(ledger_length(&l), 0, "and the new one cost nothing");
    is_int(jm_ledger_open(&l, &a, &again, NOW), JM_LEDGER_NEW,
           "a repeat does not find the old one");
    (void) jm_ledger_submit(&l, &a, 0, 0);

    jm_ledger_close(&l, &a, NOW);
    memory_done(&l);

    start(&l, &other, PIECES);

    (void) jm_ledger_open(&l, &a, &request, NOW);
    (void) jm_ledger_open(&l, &b, &request, NOW);

    for (n = 0; n < 2; n++) {
        (void) jm_ledger_submit(&l, n ? &b : &a, 0, 0);
        jm_ledger_accepted(&l, n ? &b : &a, 0, id("x"));
        jm_ledger_over(&l, n ? &b : &a, 0, NOW);
        jm_ledger_answered(&l, n ? &b : &a, NOW);
        jm_ledger_close(&l, n ? &b : &a, NOW);
    }

    is_int(ledger_length(&l), 1, "of two that were answered one is enough");
    memory_done(&l);

    start(&l, &other, PIECES);

    (void) jm_ledger_open(&l, &a, &request, NOW);
    (void) jm_ledger_submit(&l, &a, 0, 0);
    (void) jm_ledger_open(&other, &b, &request, NOW);
    dead[1] = 1;
    (void) jm_ledger_open(&other, &d, &again, NOW);
    is_int((int64_t) d.serial, (int64_t) a.serial, "one whose process died");
    is_look(&other, &d, 0, JM_LOOK_UNKNOWN, "while it was submitted");
    memory_done(&l);
}


static void
test_time(void)
{
    jm_ledger_t          l, other;
    jm_ledger_claim_t    a, b;
    jm_ledger_request_t  request;

    start(&l, &other, PIECES);

    request_init(&request, 'k', 2);
    request.named = 1;

    answered(&l, &request, "x", NOW);
    is_int(jm_ledger_open(&l, &a, &request, NOW - 5), JM_LEDGER_FOUND,
           "a clock that is a little late");
    jm_ledger_close(&l, &a, NOW);
    is_int(jm_ledger_open(&l, &a, &request, NOW + KEEP - 1), JM_LEDGER_FOUND,
           "just in time");
    jm_ledger_close(&l, &a, NOW);
    is_int(jm_ledger_open(&l, &a, &request, NOW + KEEP), JM_LEDGER_NEW,
           "too late");
    (void) jm_ledger_submit(&l, &a, 0, 0);
    jm_ledger_accepted(&l, &a, 0, id("y"));
    jm_ledger_over(&l, &a, 0, NOW + KEEP);

    is_int(jm_ledger_open(&other, &b, &request, NOW + 100 * KEEP),
           JM_LEDGER_FOUND, "what runs is not forgotten");
    is_int(jm_ledger_open(&other, &b, &request, NOW + 2 * JM_LEDGER_STALE),
           JM_LEDGER_FOUND, "whatever time it takes");
    dead[1] = 1;
    is_int(jm_ledger_open(&other, &b, &request, NOW + JM_LEDGER_STALE),
           JM_LEDGER_FOUND, "nor soon after its process died");
    is_int(jm_ledger_open(&other, &b, &request,
                          NOW + KEEP + JM_LEDGER_STALE),
           JM_LEDGER_NEW, "but at last");

    memory_done(&l);

    /* those that come take away what is too old */

    start(&l, &other, PIECES);

    for (request.key[5] = 0; request.key[5] < 8; request.key[5]++) {
        answered(&l, &request, "x", NOW);
    }

    is_int(ledger_length(&l), 8, "eight");

    (void) jm_ledger_open(&l, &a, &request, NOW + KEEP);
    is_int(ledger_length(&l), 7, "two are gone, one has come");

    memory_done(&l);

    /* also behind those that run still */

    start(&l, &other, PIECES);

    for (request.key[5] = 0; request.key[5] < 6; request.key[5]++) {
        (void) jm_ledger_open(request.key[5] < 5 ? &l : &other, &a, &request,
                              NOW);
    }

    dead[2] = 1;

    for ( /* void */ ; request.key[5] < 9; request.key[5]++) {
        (void) jm_ledger_open(&l, &a, &request, NOW + JM_LEDGER_STALE);
    }

    is_int(ledger_length(&l), 8, "five run, one is gone, three have come");

    memory_done(&l);
}


static void
test_full(void)
{
    unsigned             i;
    pieces_t            *m;
    jm_ledger_t          l, other;
    jm_ledger_claim_t    a, b, runs;
    jm_ledger_request_t  request;

    start(&l, &other, 8);

    m = l.mem.ctx;
    request_init(&request, 0, 1);
    request.named = 1;

    request.key[9] = 100;
    (void) jm_ledger_open(&l, &runs, &request, NOW);

    for (request.key[9] = 0; request.key[9] < 7; request.key[9]++) {
        answered(&l, &request, "x", NOW + request.key[9]);
    }

    is_int(m->taken, m->pieces, "full");

    is_int(jm_ledger_open(&l, &a, &request, NOW + 8), JM_LEDGER_NEW,
           "one more");
    is_int(l.evicted, 1, "in place of one");

    request.key[9] = 0;
    request.n = 10;
    is_int(jm_ledger_open(&l, &b, &request, NOW + 8), JM_LEDGER_NEW,
           "the oldest is that, and here are ten tasks");
    is_int(l.evicted, 4, "in place of four");
    is_int(ledger_length(&l), 5, "of which one runs, and two are left");

    for (i = 0; i < 10; i++) {
        is_look(&l, &b, i, JM_LOOK_OWN, "a task of ten");
    }

    request.key[9] = 1;
    is_int(jm_ledger_open(&l, &a, &request, NOW + 8), JM_LEDGER_FULL,
           "but for twenty there is no room");
    is_int(l.evicted, 2, "all was forgotten that may be");
    is_int(ledger_length(&l), 3, "and what runs is not");
    is_int((int64_t) a.serial, 0, "there is no claim");
    jm_ledger_close(&l, &a, NOW);

    request.n = 1;
    is_int(jm_ledger_open(&l, &a, &request, NOW + 8), JM_LEDGER_NEW,
           "there is for one");
    is_int(jm_ledger_submit(&l, &runs, 0, 0), JM_OK, "what runs goes on");
    jm_ledger_accepted(&l, &runs, 0, id("runs"));
    is_id(&l, &runs, 0, "runs", "full");

    memory_done(&l);
}


/* a claim of what was forgotten does nothing, and submits nothing */

static void
test_forgotten(void)
{
    jm_ledger_t          l, other;
    jm_ledger_claim_t    a, b;
    jm_ledger_request_t  request;

    start(&l, &other, 2);

    request_init(&request, 0, 1);
    request.named = 1;

    answered(&l, &request, "x", NOW);
    (void) jm_ledger_open(&l, &a, &request, NOW);
    request.key[0] = 1;
    answered(&l, &request, "y", NOW);
    request.key[0] = 2;
    (void) jm_ledger_open(&l, &b, &request, NOW);

    is_look(&l, &a, 0, JM_LOOK_UNKNOWN, "forgotten");
    is_int(jm_ledger_submit(&l, &a, 0, 0), JM_INVALID, "forgotten: no submit");
    jm_ledger_unsent(&l, &a, 0);
    jm_ledger_accepted(&l, &a, 0, id("z"));
    jm_ledger_unknown(&l, &a, 0, NOW);
    jm_ledger_free(&l, &a, 0, NOW);
    jm_ledger_over(&l, &a, 0, NOW);
    jm_ledger_left(&l, &a, NOW);
    jm_ledger_close(&l, &a, NOW);
    is_look(&l, &b, 0, JM_LOOK_OWN, "the other is as it was");
    is_int(ledger_length(&l), 2, "two entries");

    jm_ledger_left(&l, &b, NOW);
    is_int(ledger_length(&l), 2, "left, and it may still be submitted");
    jm_ledger_close(&l, &b, NOW);
    is_int(ledger_length(&l), 1, "it was not, and is forgotten");
    is_look(&l, &b, 0, JM_LOOK_UNKNOWN, "a claim that was closed");

    memory_done(&l);
}


/* somebody died at work: what runs and what is over is found again, in order */

static void
test_repair(void)
{
    unsigned             i, n, sorted;
    uint64_t             since;
    jm_ring_t           *link;
    jm_ledger_t          l, other;
    jm_ledger_entry_t   *e;
    jm_ledger_claim_t    claims[40], a;
    jm_ledger_request_t  request;

    start(&l, &other, PIECES);

    request_init(&request, 0, 1);
    request.named = 1;

    for (i = 0; i < 40; i++) {
        request.key[0] = (uint8_t) (i * 7);
        request.key[1] = (uint8_t) i;

        if (i % 2) {
            answered(&l, &request, "x", NOW + i * 23 % 40);

        } else {
            (void) jm_ledger_open(&l, &claims[i], &request, NOW + i * 17 % 40);
        }
    }

    l.shared->busy = 1;
    memset(&l.shared->running, 0x5a, sizeof(jm_ring_t));
    memset(&l.shared->finished, 0x5a, sizeof(jm_ring_t));
    memset(l.shared->serials, 0x5a, sizeof(jm_ledger_entry_t *));

    is_int(jm_ledger_open(&other, &a, &request, NOW), JM_LEDGER_FOUND,
           "the next one comes");
    is_int(ledger_length(&l), 40, "all are there");

    for (i = 0, n = 0; i < 40; i += 2) {
        n += (jm_ledger_submit(&l, &claims[i], 0, 0) == JM_OK);
    }

    is_int(n, 20, "what ran goes on");

    for (i = 0, sorted = 1; i < 2; i++) {
        link = i ? &l.shared->running : &l.shared->finished;
        since = 0;

        for (n = 0, link = link->next; n < 20; n++, link = link->next) {
            e = (jm_ledger_entry_t *) (void *) link;

            sorted &= (since <= (i ? e->created : e->finished));
            since = i ? e->created : e->finished;
        }
    }

    ok(sorted == 1, "the oldest first");

    memory_done(&l);
}


static void
test_size(void)
{
    size_t               tables, bytes;
    uint32_t             i;
    pieces_t            *m;
    jm_ledger_t          l, other;
    jm_ledger_request_t  request;

    start(&l, &other, 128000);

    m = l.mem.ctx;
    tables = m->memory.used;

    request_init(&request, 0, 1);
    request.named = 1;

    for (i = 0; i < 100000; i++) {
        memcpy(request.key, &i, sizeof(uint32_t));
        answered(&l, &request, "7392616336519610409", NOW);
    }

    bytes = m->memory.used - tables;

    is_int(ledger_length(&l), 100000, "100000 requests of one task");

    printf("# %zu bytes an entry, of which %zu are used; %zu with the tables\n",
           bytes / 100000, sizeof(jm_ledger_entry_t), m->memory.used / 100000);

    ok(sizeof(jm_ledger_entry_t) <= PIECE
       && sizeof(jm_ledger_more_t) <= PIECE,
       "all that an entry has are pieces of one size");
    ok(m->memory.used <= 64 * 1024 * 1024 / 100 * 98, "fit in 64 MiB");

    memory_done(&l);
}


int
main(void)
{
    test_join();
    test_rounds();
    test_dead();
    test_repeats();
    test_time();
    test_full();
    test_forgotten();
    test_repair();
    test_size();

    return done_testing();
}
