
/*
 * The ledger by itself: who submits a task, who joins it, what is found again,
 * what is forgotten, and what it takes.  Other processes are numbers here.
 *
 * Seen failing with each of these taken out: the rounds in jm_ledger_submit(),
 * jm_ledger_take(), jm_ledger_free() and jm_ledger_give_up(), the look at
 * "own" in jm_ledger_own(), the one at alive() in jm_ledger_look_at(), both
 * jm_ledger_supersede(), jm_ledger_elapsed(), the looks at owners where time is
 * up, jm_store_recover(), and with what runs evicted.
 */


#define _GNU_SOURCE

#include "tap.h"
#include "ledger.h"


#define NOW      1000000
#define KEEP     1000
#define RECORDS  64


/* whom alive() finds dead */

static unsigned  dead[16];


static unsigned
alive(uint32_t owner)
{
    return !dead[owner];
}


static void
start(jm_ledger_t *l, jm_ledger_t *other, uint32_t records)
{
    memset(dead, 0, sizeof(dead));

    ledger_init(l, records, 1, alive);
    ledger_other(other, l, 2);
}


static void
done(jm_ledger_t *l, jm_ledger_t *other)
{
    ledger_detach(other);
    ledger_detach(l);
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

    is_int(ledger_look(l, claim, i, NOW, &got), JM_LOOK_TAKEN, "%s: taken",
           name);
    is_str(got, text, "%s: the id", name);
}


static void
is_look(jm_ledger_t *l, jm_ledger_claim_t *claim, unsigned i,
    jm_look_e expected, const char *name)
{
    jm_str_t  got;

    is_int(ledger_look(l, claim, i, NOW, &got), expected, "%s", name);
}


/* a request that runs to its end, and is answered */

static void
answered(jm_ledger_t *l, const jm_ledger_request_t *request, const char *text,
    uint64_t now)
{
    unsigned           i;
    jm_ledger_claim_t  claim;

    (void) ledger_open(l, &claim, request, now);

    for (i = 0; i < request->n; i++) {
        (void) ledger_submit(l, &claim, i, 0);
        ledger_accepted(l, &claim, i, id(text));
        ledger_over(l, &claim, i, now);
    }

    ledger_answered(l, &claim, now);
    ledger_close(l, &claim, now);
}


static void
test_join(void)
{
    jm_ledger_t          l, other;
    jm_ledger_claim_t    a, b, c;
    jm_ledger_request_t  request;

    start(&l, &other, RECORDS);

    request_init(&request, 'k', 5);
    request.named = 1;

    is_int(ledger_open(&l, &a, &request, NOW), JM_LEDGER_NEW, "the first");
    is_int(ledger_open(&other, &b, &request, NOW), JM_LEDGER_FOUND,
           "the same, elsewhere");
    is_int(ledger_open(&l, &c, &request, NOW), JM_LEDGER_FOUND,
           "the same, in the same process");

    is_look(&l, &a, 0, JM_LOOK_OWN, "the first submits");
    is_look(&other, &b, 0, JM_LOOK_WAIT, "the second waits");
    is_look(&l, &c, 0, JM_LOOK_WAIT, "the third waits");
    is_int(ledger_submit(&other, &b, 0, 0), JM_INVALID,
           "and must not submit");

    is_int(ledger_submit(&l, &a, 0, 0), JM_OK, "a submit");
    is_int(ledger_submit(&l, &a, 0, 0), JM_INVALID, "not twice");
    is_look(&l, &a, 0, JM_LOOK_OWN, "it is its own still");
    is_look(&other, &b, 0, JM_LOOK_WAIT, "under way: wait");

    ledger_accepted(&other, &b, 0, id("forged"));
    ledger_unknown(&other, &b, 0, NOW);
    ledger_unsent(&other, &b, 0);
    ledger_free(&other, &b, 0, NOW);
    ledger_over(&other, &b, 0, NOW);
    is_look(&other, &b, 0, JM_LOOK_WAIT, "the second changes nothing");

    ledger_unsent(&l, &a, 0);
    is_look(&other, &b, 0, JM_LOOK_WAIT, "not taken: wait");
    is_int(ledger_submit(&l, &a, 0, 0), JM_OK, "once more");
    ledger_accepted(&l, &a, 0, id("7392616336519610409"));
    is_id(&other, &b, 0, "7392616336519610409", "elsewhere");
    is_id(&l, &c, 0, "7392616336519610409", "the same process");
    is_int(ledger_submit(&other, &b, 0, 0), JM_INVALID,
           "who knows of it must not submit it again");
    is_id(&l, &a, 0, "7392616336519610409", "the first");

    (void) ledger_submit(&l, &a, 1, 0);
    ledger_unknown(&l, &a, 1, NOW);
    is_look(&other, &b, 1, JM_LOOK_UNKNOWN, "an unknown outcome");
    is_int(ledger_submit(&l, &a, 1, 0), JM_INVALID,
           "is not submitted again");

    (void) ledger_submit(&l, &a, 2, 0);
    ledger_free(&l, &a, 2, NOW);
    is_look(&other, &b, 2, JM_LOOK_OWN, "what cost nothing is taken over");
    is_look(&l, &a, 2, JM_LOOK_WAIT, "the first waits then");
    is_int(ledger_submit(&l, &a, 2, 0), JM_INVALID, "and must not submit");
    is_int(ledger_submit(&other, &b, 2, 0), JM_OK, "the second submits");

    (void) ledger_submit(&l, &a, 4, 0);
    ledger_accepted(&l, &a, 4, id("the-last"));

    ledger_close(&l, &a, NOW);

    is_id(&other, &b, 4, "the-last", "closed");
    is_id(&other, &b, 0, "7392616336519610409", "closed, the first");
    is_look(&other, &b, 3, JM_LOOK_OWN, "what was not submitted is taken over");
    is_look(&l, &c, 2, JM_LOOK_WAIT, "what the second submits");

    ledger_close(&other, &b, NOW);

    is_look(&l, &c, 2, JM_LOOK_UNKNOWN, "closed while submitting");
    is_look(&l, &c, 3, JM_LOOK_OWN, "closed before");

    request.fingerprint[31] ^= 1;
    is_int(ledger_open(&l, &a, &request, NOW), JM_LEDGER_REUSED,
           "another request under the same key");
    request.fingerprint[31] ^= 1;
    request.n = 4;
    is_int(ledger_open(&l, &a, &request, NOW), JM_LEDGER_REUSED,
           "of fewer tasks");

    ledger_close(&l, &a, NOW);
    ledger_close(&l, &c, NOW);
    is_int(ledger_length(&l), 1, "one entry");
    is_int(jm_ledger_entries(&l), 1, "which is counted");
    done(&l, &other);
}


/* what is known of one submit says nothing about the next */

static void
test_rounds(void)
{
    jm_ledger_t          l, other;
    jm_ledger_claim_t    a, b, c;
    jm_ledger_request_t  request;

    start(&l, &other, RECORDS);

    request_init(&request, 'k', 1);
    request.named = 1;

    (void) ledger_open(&l, &a, &request, NOW);
    (void) ledger_open(&other, &b, &request, NOW);
    (void) ledger_submit(&l, &a, 0, 0);
    ledger_accepted(&l, &a, 0, id("one"));

    is_id(&other, &b, 0, "one", "the first task");
    is_int(ledger_submit(&l, &a, 0, 0), JM_OK, "it failed, and once more");
    ledger_accepted(&l, &a, 0, id("two"));

    ledger_free(&other, &b, 0, NOW);
    is_id(&l, &a, 0, "two", "who knows of the first does not free the second");
    ledger_over(&other, &b, 0, NOW);
    is_int(ledger_submit(&l, &a, 0, 0), JM_OK, "nor ends it");
    ledger_accepted(&l, &a, 0, id("three"));

    is_id(&other, &b, 0, "three", "it looks");
    ledger_free(&other, &b, 0, NOW);
    is_look(&other, &b, 0, JM_LOOK_OWN, "and then it does, and takes it");
    is_int(ledger_submit(&l, &a, 0, 0), JM_INVALID, "the first has lost it");

    (void) ledger_submit(&other, &b, 0, 0);
    ledger_accepted(&other, &b, 0, id("four"));
    is_id(&l, &a, 0, "four", "the first looks");
    is_int(ledger_submit(&l, &a, 0, 0), JM_INVALID, "which does not help");
    ledger_over(&other, &b, 0, NOW);
    is_id(&l, &a, 0, "four", "over: the id is there");
    ledger_free(&l, &a, 0, NOW);
    ledger_free(&other, &b, 0, NOW);
    is_id(&l, &a, 0, "four", "what is over stays");
    is_int(ledger_submit(&other, &b, 0, 0), JM_INVALID,
           "also for its owner");

    is_int(ledger_open(&l, &c, &request, NOW), JM_LEDGER_FOUND, "found");
    is_id(&l, &c, 0, "four", "found again");

    ledger_close(&l, &a, NOW);
    ledger_close(&other, &b, NOW);
    ledger_close(&l, &c, NOW);
    done(&l, &other);
}


static void
test_dead(void)
{
    jm_ledger_t          l, other;
    jm_ledger_claim_t    a, b;
    jm_ledger_request_t  request;

    start(&l, &other, RECORDS);

    request_init(&request, 'k', 4);
    request.named = 1;

    (void) ledger_open(&l, &a, &request, NOW);
    (void) ledger_submit(&l, &a, 1, 0);
    (void) ledger_submit(&l, &a, 2, 0);
    ledger_accepted(&l, &a, 2, id("taken"));
    (void) ledger_submit(&l, &a, 3, 0);
    ledger_accepted(&l, &a, 3, id("over"));
    ledger_over(&l, &a, 3, NOW);

    (void) ledger_open(&other, &b, &request, NOW);
    is_look(&other, &b, 0, JM_LOOK_WAIT, "it lives, idle");
    is_look(&other, &b, 1, JM_LOOK_WAIT, "it lives, submitting");

    /* whose task is over, is nobody's to submit again: that is how it shows */

    is_id(&other, &b, 2, "taken", "it lives, taken");
    ledger_over(&other, &b, 2, NOW);
    is_int(ledger_submit(&l, &a, 2, 0), JM_OK,
           "it lives: it alone ends its task");
    ledger_accepted(&l, &a, 2, id("taken-2"));

    dead[1] = 1;

    is_look(&other, &b, 0, JM_LOOK_OWN, "dead, idle: taken over");
    is_look(&other, &b, 1, JM_LOOK_UNKNOWN, "dead, submitting: unknown");
    is_id(&other, &b, 2, "taken-2", "dead, taken");
    ledger_over(&other, &b, 2, NOW);
    is_int(ledger_submit(&l, &a, 2, 0), JM_INVALID,
           "dead: whoever joined ends its task");
    is_id(&other, &b, 3, "over", "dead, over");
    ledger_close(&other, &b, NOW);

    done(&l, &other);

    /* the same, and its slot is another process's now */

    start(&l, &other, RECORDS);

    (void) ledger_open(&l, &a, &request, NOW);
    (void) ledger_submit(&l, &a, 1, 0);
    (void) ledger_open(&other, &b, &request, NOW);
    is_look(&other, &b, 0, JM_LOOK_WAIT, "a new process, idle");
    is_look(&other, &b, 1, JM_LOOK_WAIT, "a new process, submitting");
    store_own(l.store, 1 + JM_STORE_OWNERS);
    is_look(&other, &b, 0, JM_LOOK_OWN, "that has its slot, idle");
    is_look(&other, &b, 1, JM_LOOK_UNKNOWN, "that has its slot, submitting");
    ledger_close(&other, &b, NOW);

    done(&l, &other);
}


/* of several that ask for the same without a name */

static void
test_repeats(void)
{
    unsigned             n;
    jm_ledger_t          l, other;
    jm_ledger_claim_t    a, b, c, d;
    jm_ledger_request_t  request, again;

    start(&l, &other, RECORDS);

    request_init(&request, 'k', 1);
    again = request;
    again.repeat = 1;

    is_int(ledger_open(&l, &a, &again, NOW), JM_LEDGER_NEW,
           "a repeat of nothing");
    is_int(ledger_open(&l, &b, &request, NOW), JM_LEDGER_NEW,
           "the same is asked for at the same time");
    is_int(ledger_open(&l, &c, &request, NOW), JM_LEDGER_NEW, "and again");

    is_int(ledger_open(&other, &d, &again, NOW), JM_LEDGER_FOUND,
           "a repeat, all are waited for");
    is_int((int64_t) d.serial, (int64_t) c.serial, "is the newest");
    ledger_answered(&other, &d, NOW);
    ledger_close(&other, &d, NOW);

    ledger_left(&l, &a, NOW);
    ledger_left(&l, &b, NOW);
    (void) ledger_open(&other, &d, &again, NOW);
    is_int((int64_t) d.serial, (int64_t) b.serial, "the newest that was left");
    (void) ledger_open(&other, &d, &again, NOW);
    is_int((int64_t) d.serial, (int64_t) a.serial, "and the next");
    (void) ledger_open(&other, &d, &again, NOW);
    is_int((int64_t) d.serial, (int64_t) c.serial, "all are found again");

    again.n = 2;
    is_int(ledger_open(&other, &d, &again, NOW), JM_LEDGER_NEW,
           "not with another number of tasks");
    done(&l, &other);

    start(&l, &other, RECORDS);
    again.n = 1;

    answered(&l, &request, "old", NOW);
    (void) ledger_open(&other, &d, &again, NOW + KEEP - 1);
    is_id(&other, &d, 0, "old", "an answer that did not arrive");
    ledger_answered(&other, &d, NOW);
    ledger_close(&other, &d, NOW);

    is_int(ledger_open(&l, &a, &request, NOW), JM_LEDGER_NEW, "anew");
    is_int(ledger_length(&l), 1, "the old one is of no use any more");
    (void) ledger_submit(&l, &a, 0, 0);
    ledger_free(&l, &a, 0, NOW);
    ledger_close(&l, &a, NOW);
    is_int(ledger_length(&l), 0, "and the new one cost nothing");
    is_int(ledger_open(&l, &a, &again, NOW), JM_LEDGER_NEW,
           "a repeat does not find the old one");
    (void) ledger_submit(&l, &a, 0, 0);

    ledger_close(&l, &a, NOW);
    done(&l, &other);

    start(&l, &other, RECORDS);

    (void) ledger_open(&l, &a, &request, NOW);
    (void) ledger_open(&l, &b, &request, NOW);

    for (n = 0; n < 2; n++) {
        (void) ledger_submit(&l, n ? &b : &a, 0, 0);
        ledger_accepted(&l, n ? &b : &a, 0, id("x"));
        ledger_over(&l, n ? &b : &a, 0, NOW);
        ledger_answered(&l, n ? &b : &a, NOW);
        ledger_close(&l, n ? &b : &a, NOW);
    }

    is_int(ledger_length(&l), 1, "of two that were answered one is enough");
    done(&l, &other);

    start(&l, &other, RECORDS);

    (void) ledger_open(&l, &a, &request, NOW);
    (void) ledger_submit(&l, &a, 0, 0);
    (void) ledger_open(&other, &b, &request, NOW);
    dead[1] = 1;
    (void) ledger_open(&other, &d, &again, NOW);
    is_int((int64_t) d.serial, (int64_t) a.serial, "one whose process died");
    is_look(&other, &d, 0, JM_LOOK_UNKNOWN, "while it was submitted");
    done(&l, &other);
}


static void
test_time(void)
{
    jm_ledger_t          l, other;
    jm_ledger_claim_t    a, b;
    jm_ledger_request_t  request;

    start(&l, &other, RECORDS);

    request_init(&request, 'k', 2);
    request.named = 1;

    answered(&l, &request, "x", NOW);
    is_int(ledger_open(&l, &a, &request, NOW - 5), JM_LEDGER_FOUND,
           "a clock that is a little late");
    ledger_close(&l, &a, NOW);
    is_int(ledger_open(&l, &a, &request, NOW + KEEP - 1), JM_LEDGER_FOUND,
           "just in time");
    ledger_close(&l, &a, NOW);
    is_int(ledger_open(&l, &a, &request, NOW + KEEP), JM_LEDGER_NEW,
           "too late");
    (void) ledger_submit(&l, &a, 0, 0);
    ledger_accepted(&l, &a, 0, id("y"));
    ledger_over(&l, &a, 0, NOW + KEEP);

    is_int(ledger_open(&other, &b, &request, NOW + 100 * KEEP),
           JM_LEDGER_FOUND, "what runs is not forgotten");
    is_int(ledger_open(&other, &b, &request, NOW + 2 * JM_LEDGER_STALE),
           JM_LEDGER_FOUND, "whatever time it takes");
    dead[1] = 1;
    is_int(ledger_open(&other, &b, &request, NOW + JM_LEDGER_STALE),
           JM_LEDGER_FOUND, "nor soon after its process died");
    is_int(ledger_open(&other, &b, &request,
                       NOW + KEEP + JM_LEDGER_STALE),
           JM_LEDGER_NEW, "but at last");

    done(&l, &other);

    /* those that come take away what is too old */

    start(&l, &other, RECORDS);

    for (request.key[5] = 0; request.key[5] < 8; request.key[5]++) {
        answered(&l, &request, "x", NOW);
    }

    is_int(ledger_length(&l), 8, "eight");

    (void) ledger_open(&l, &a, &request, NOW + KEEP);
    is_int(ledger_length(&l), 7, "two are gone, one has come");

    done(&l, &other);

    /* also behind those that run still */

    start(&l, &other, RECORDS);

    for (request.key[5] = 0; request.key[5] < 6; request.key[5]++) {
        (void) ledger_open(request.key[5] < 5 ? &l : &other, &a, &request,
                           NOW);
    }

    dead[2] = 1;

    for ( /* void */ ; request.key[5] < 9; request.key[5]++) {
        (void) ledger_open(&l, &a, &request, NOW + JM_LEDGER_STALE);
    }

    is_int(ledger_length(&l), 8, "five run, one is gone, three have come");

    done(&l, &other);
}


static void
test_full(void)
{
    unsigned             i;
    jm_ledger_t          l, other;
    jm_ledger_claim_t    a, b, runs;
    jm_ledger_request_t  request;

    start(&l, &other, 8);

    request_init(&request, 0, 1);
    request.named = 1;

    request.key[9] = 100;
    (void) ledger_open(&l, &runs, &request, NOW);

    for (request.key[9] = 0; request.key[9] < 7; request.key[9]++) {
        answered(&l, &request, "x", NOW + request.key[9]);
    }

    is_int(l.shared->records, 8, "full");

    is_int(ledger_open(&l, &a, &request, NOW + 8), JM_LEDGER_NEW,
           "one more");
    is_int(l.evicted, 1, "in place of one");

    request.key[9] = 0;
    request.n = 10;
    l.evicted = 0;
    is_int(ledger_open(&l, &b, &request, NOW + 8), JM_LEDGER_NEW,
           "the oldest is that, and here are ten tasks");
    is_int(l.evicted, 4, "in place of four");
    is_int(ledger_length(&l), 5, "of which one runs, and two are left");

    for (i = 0; i < 10; i++) {
        is_look(&l, &b, i, JM_LOOK_OWN, "a task of ten");
    }

    request.key[9] = 1;
    l.evicted = 0;
    is_int(ledger_open(&l, &a, &request, NOW + 8), JM_LEDGER_FULL,
           "but for twenty there is no room");
    is_int(l.evicted, 2, "all was forgotten that may be");
    is_int(ledger_length(&l), 3, "and what runs is not");
    is_int((int64_t) a.serial, 0, "there is no claim");
    ledger_close(&l, &a, NOW);

    request.n = 1;
    is_int(ledger_open(&l, &a, &request, NOW + 8), JM_LEDGER_NEW,
           "there is for one");
    is_int(ledger_submit(&l, &runs, 0, 0), JM_OK, "what runs goes on");
    ledger_accepted(&l, &runs, 0, id("runs"));
    is_id(&l, &runs, 0, "runs", "full");

    done(&l, &other);
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
    (void) ledger_open(&l, &a, &request, NOW);
    request.key[0] = 1;
    answered(&l, &request, "y", NOW);
    request.key[0] = 2;
    (void) ledger_open(&l, &b, &request, NOW);

    is_look(&l, &a, 0, JM_LOOK_UNKNOWN, "forgotten");
    is_int(ledger_submit(&l, &a, 0, 0), JM_INVALID, "forgotten: no submit");
    ledger_unsent(&l, &a, 0);
    ledger_accepted(&l, &a, 0, id("z"));
    ledger_unknown(&l, &a, 0, NOW);
    ledger_free(&l, &a, 0, NOW);
    ledger_over(&l, &a, 0, NOW);
    ledger_left(&l, &a, NOW);
    ledger_close(&l, &a, NOW);
    is_look(&l, &b, 0, JM_LOOK_OWN, "the other is as it was");
    is_int(ledger_length(&l), 2, "two entries");

    ledger_left(&l, &b, NOW);
    is_int(ledger_length(&l), 2, "left, and it may still be submitted");
    ledger_close(&l, &b, NOW);
    is_int(ledger_length(&l), 1, "it was not, and is forgotten");
    is_look(&l, &b, 0, JM_LOOK_UNKNOWN, "a claim that was closed");

    done(&l, &other);
}


/* what a process has begun that died with the lock held is not done */

static void
test_undone(void)
{
    jm_ledger_t          l, other;
    jm_ledger_claim_t    a, b;
    jm_ledger_request_t  request;

    start(&l, &other, RECORDS);

    request_init(&request, 'k', 10);
    request.named = 1;

    jm_store_begin(l.store);
    is_int(jm_ledger_open(&l, &a, &request, NOW), JM_LEDGER_NEW, "begun");
    is_int(jm_ledger_submit(&l, &a, 9, 0), JM_OK, "and submitted");

    jm_store_begin(other.store);
    is_int(ledger_length(&l), 0, "the next one comes: nothing is there");
    is_int(ledger_open(&other, &b, &request, NOW), JM_LEDGER_NEW,
           "it may ask for the same");
    is_look(&other, &b, 9, JM_LOOK_OWN, "and submit it");
    is_int(ledger_length(&l), 1, "one entry");

    ledger_close(&other, &b, NOW);

    /* with an id of another one's half in its place */

    (void) ledger_open(&l, &a, &request, NOW);
    (void) ledger_submit(&l, &a, 0, 0);
    ledger_accepted(&l, &a, 0, id("7392616336519610409"));

    jm_store_begin(l.store);
    (void) jm_ledger_submit(&l, &a, 0, 0);
    jm_ledger_accepted(&l, &a, 0, id("1234567890123456789-1234567890"));
    jm_store_begin(l.store);

    (void) ledger_open(&other, &b, &request, NOW);
    is_id(&other, &b, 0, "7392616336519610409", "as it was");

    done(&l, &other);
}


static void
test_size(void)
{
    size_t               size;
    uint32_t             i;
    jm_ledger_t          l, other;
    jm_ledger_request_t  request;

    start(&l, &other, 100000);

    request_init(&request, 0, 1);
    request.named = 1;

    for (i = 0; i < 100000; i++) {
        memcpy(request.key, &i, sizeof(uint32_t));
        answered(&l, &request, "7392616336519610409", NOW);
    }

    size = l.store->size;

    is_int(ledger_length(&l), 100000, "100000 requests of one task");

    printf("# %u bytes an entry, of which %zu are used; %zu with the tables\n",
           JM_RECORD, sizeof(jm_ledger_entry_t), size / 100000);

    ok(size <= 64 * 1024 * 1024 / 100 * 42, "fit in 42%% of 64 MiB");

    done(&l, &other);
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
    test_undone();
    test_size();

    return done_testing();
}
