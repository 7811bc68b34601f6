
/*
 * The ledger and clients that say nothing of their repeats: what is owed to
 * whom, for how long, what is told again, and what a process that has died
 * leaves behind.  Other processes are numbers here.
 *
 * Seen failing with each of these taken out: the looks at who, at waits and at
 * the time in jm_ledger_owed(), those of jm_ledger_fetched(),
 * jm_ledger_forgive() in jm_ledger_answered(), the turns,
 * jm_ledger_hopeless(), the owing in jm_ledger_close(), what
 * jm_ledger_died_of() and jm_ledger_watch_next() do, the look at told in
 * jm_ledger_settle(), either half of jm_ledger_watch(), and the time and the
 * look at died in jm_ledger_watch_all().
 */


#define _GNU_SOURCE

#include "tap.h"
#include "ledger.h"


#define NOW      1000000
#define OWED     10000
#define RECORDS  64


/* whom alive() finds dead, and how often it was asked */

static unsigned  dead[16];
static unsigned  asked;


static unsigned
alive(uint32_t owner)
{
    asked++;

    return owner >= jm_nitems(dead) || !dead[owner];
}


static void
start(jm_ledger_t *l, jm_ledger_t *other, jm_ledger_request_t *request)
{
    memset(dead, 0, sizeof(dead));

    ledger_init(l, RECORDS, 1, alive);
    ledger_other(other, l, 2);

    request_init(request, 'k', 1);
    request->keep = 1000000;
    request->unmarked = OWED;
}


static unsigned
can_be_first(void *ctx, uint32_t slot)
{
    (void) ctx;

    return slot == 0;
}


/* the process is another one, in the slot of the first */

static void
join(jm_ledger_t *l)
{
    if (jm_store_join(l->store, can_be_first, NULL) != JM_OK) {
        abort();
    }
}


static void
done(jm_ledger_t *l, jm_ledger_t *other)
{
    ledger_detach(other);
    ledger_detach(l);
}


/* a request whose task the upstream has */

static void
taken(jm_ledger_t *l, jm_ledger_claim_t *claim,
    const jm_ledger_request_t *request, const char *text, uint64_t now)
{
    (void) ledger_open(l, claim, request, now);
    (void) ledger_submit(l, claim, 0, 0);
    ledger_accepted(l, claim, 0, str(text));
}


static void
is_joined(jm_ledger_t *l, jm_ledger_claim_t *claim,
    const jm_ledger_request_t *request, uint64_t now, const char *text,
    const char *name)
{
    jm_str_t  got = jm_null_string;

    is_int(ledger_open(l, claim, request, now), JM_LEDGER_FOUND, "%s",
           name);
    is_int(ledger_look(l, claim, 0, now, &got), JM_LOOK_TAKEN,
           "%s: its task", name);
    is_str(got, text, "%s: the id", name);
}


static void
is_new(jm_ledger_t *l, jm_ledger_claim_t *claim,
    const jm_ledger_request_t *request, uint64_t now, const char *name)
{
    is_int(ledger_open(l, claim, request, now), JM_LEDGER_NEW, "%s", name);
    is_int(ledger_length(l) > 0, 1, "%s: it is whole", name);
}


static void
test_owed(void)
{
    jm_ledger_t          l, other;
    jm_ledger_claim_t    a, b, c, d;
    jm_ledger_request_t  request;

    start(&l, &other, &request);

    taken(&l, &a, &request, "first", NOW);
    is_new(&other, &b, &request, NOW, "its client waits: a new one");
    ledger_over(&other, &b, 0, NOW);
    ledger_close(&other, &b, NOW);

    ledger_left(&l, &a, NOW);
    is_joined(&other, &b, &request, NOW + OWED - 1, "first", "left: owed");
    is_new(&l, &c, &request, NOW, "that is waited for again: a new one");
    ledger_over(&l, &c, 0, NOW);
    ledger_close(&l, &c, NOW);

    ledger_left(&other, &b, NOW + OWED);
    is_joined(&l, &c, &request, NOW + 2 * OWED - 1, "first",
              "left again: owed from then");
    ledger_over(&l, &a, 0, NOW);
    ledger_close(&l, &a, NOW + OWED);
    ledger_answered(&l, &c, NOW + 2 * OWED);
    ledger_left(&l, &c, NOW + 2 * OWED);
    ledger_close(&l, &c, NOW + 2 * OWED);
    is_new(&other, &d, &request, NOW + 2 * OWED, "answered: a new one");
    ledger_close(&other, &d, NOW);
    ledger_close(&other, &b, NOW);
    done(&l, &other);

    /* time is up */

    start(&l, &other, &request);
    taken(&l, &a, &request, "first", NOW);
    ledger_left(&l, &a, NOW);
    ledger_over(&l, &a, 0, NOW);
    request.unmarked = 0;
    is_new(&other, &b, &request, NOW, "off: a new one");
    ledger_over(&other, &b, 0, NOW);
    ledger_close(&other, &b, NOW);
    request.unmarked = OWED;
    is_new(&other, &b, &request, NOW + OWED, "too late: a new one");
    is_int(ledger_length(&l), 1, "and the old one is of no use");
    ledger_over(&other, &b, 0, NOW);
    ledger_close(&other, &b, NOW);
    done(&l, &other);

    /* nobody else's, and not another number of tasks */

    start(&l, &other, &request);
    taken(&l, &a, &request, "first", NOW);
    ledger_left(&l, &a, NOW);
    request.who = 7;
    is_new(&other, &b, &request, NOW, "another one: a new one");
    request.who = 0;
    request.n = 2;
    is_new(&other, &c, &request, NOW, "of two tasks: a new one");
    request.n = 1;
    is_joined(&other, &d, &request, NOW, "first", "the same: owed");
    done(&l, &other);
}


/* what was given to who asked for the ids */

static void
test_fetched(void)
{
    size_t               i;
    jm_str_t             ids[2], got;
    jm_error_t           e;
    jm_ledger_t          l, other;
    jm_ledger_claim_t    a, b, c;
    jm_ledger_request_t  request;
    static const char   *const others[] = { "firsu", "firs", "first ", "" };

    start(&l, &other, &request);
    ids[0] = str("first");

    taken(&l, &a, &request, "first", NOW);
    ledger_fetched(&other, a.serial, ids, 1);
    ledger_left(&l, &a, NOW);
    is_joined(&other, &b, &request, NOW, "first",
              "fetched before it was owed: owed");

    ledger_fetched(&l, a.serial, ids, 1);
    ledger_close(&other, &b, NOW);
    is_joined(&other, &b, &request, NOW, "first",
              "fetched while its client waits: owed");
    ledger_close(&other, &b, NOW);

    ledger_fetched(&l, 0, ids, 1);
    ledger_fetched(&l, a.serial + 1, ids, 1);
    ids[1] = ids[0];
    ledger_fetched(&l, a.serial, ids, 2);

    for (i = 0; i < jm_nitems(others); i++) {
        ids[0] = str(others[i]);
        ledger_fetched(&l, a.serial, ids, 1);
    }

    is_joined(&other, &b, &request, NOW, "first", "other ids: owed");
    ledger_close(&other, &b, NOW);

    ids[0] = str("first");
    ledger_fetched(&other, a.serial, ids, 1);
    ledger_fetched(&other, a.serial, ids, 1);
    is_int(ledger_over(&l, &a, 0, NOW), 1, "its task goes on until then");
    ledger_close(&l, &a, NOW);
    is_new(&other, &c, &request, NOW, "fetched: a new one");

    ledger_close(&other, &c, NOW);
    done(&l, &other);

    /* of several all, as they are now */

    start(&l, &other, &request);
    request.n = 2;
    taken(&l, &a, &request, "first", NOW);
    ids[0] = str("first");
    ids[1] = str("");
    ledger_left(&l, &a, NOW);
    ledger_fetched(&l, a.serial, ids, 2);
    is_joined(&other, &b, &request, NOW, "first", "one of two: owed");
    ledger_close(&other, &b, NOW);

    (void) ledger_submit(&l, &a, 1, 0);
    ledger_accepted(&l, &a, 1, str("second"));
    ids[1] = str("second");
    ledger_over(&l, &a, 0, NOW);
    ledger_free(&l, &a, 1, NOW);
    ledger_fetched(&l, a.serial, ids, 2);
    is_joined(&other, &b, &request, NOW, "first", "one has failed: owed");
    is_int(ledger_look(&other, &b, 1, NOW, &got), JM_LOOK_OWN,
           "it is submitted anew");
    (void) ledger_submit(&other, &b, 1, 0);
    ledger_accepted(&other, &b, 1, str("third"));
    ledger_left(&other, &b, NOW);
    ledger_fetched(&l, a.serial, ids, 2);
    is_joined(&l, &c, &request, NOW, "first", "the failed one's id: owed");
    ledger_close(&l, &c, NOW);

    ids[1] = str("third");
    ledger_fetched(&l, a.serial, ids, 2);
    ledger_close(&other, &b, NOW);
    ledger_close(&l, &a, NOW);
    is_new(&other, &c, &request, NOW, "both: a new one");
    ledger_close(&other, &c, NOW);
    done(&l, &other);

    /* an error that is told again, and was not the end */

    start(&l, &other, &request);
    taken(&l, &a, &request, "first", NOW);
    jm_error_set(&e, JM_CAUSE_UPSTREAM, NULL, NULL);
    ledger_over(&l, &a, 0, NOW);
    ledger_told(&l, &a, &e, NOW);
    ledger_close(&l, &a, NOW);
    is_int(ledger_open(&l, &b, &request, NOW), JM_LEDGER_TOLD,
           "an error is told again");
    ledger_close(&l, &b, NOW);
    ids[0] = str("first");
    ledger_fetched(&l, 1, ids, 1);
    is_new(&l, &b, &request, NOW, "and not after the pictures");
    ledger_close(&l, &b, NOW);
    done(&l, &other);
}


static void
test_several(void)
{
    jm_str_t             id;
    jm_ledger_t          l, other;
    jm_ledger_claim_t    a, b, c, d, e;
    jm_ledger_request_t  request, again;

    /* each repeat takes one */

    start(&l, &other, &request);
    taken(&l, &a, &request, "first", NOW);
    taken(&l, &b, &request, "second", NOW);
    ledger_left(&l, &b, NOW);
    ledger_left(&l, &a, NOW);
    is_joined(&other, &c, &request, NOW, "second", "two are owed: the newest");
    is_joined(&other, &d, &request, NOW, "first", "and the other");
    is_new(&other, &e, &request, NOW, "and then a new one");
    done(&l, &other);

    /* one that is torn down has not been answered */

    start(&l, &other, &request);
    taken(&l, &a, &request, "first", NOW);
    ledger_close(&l, &a, NOW);
    is_joined(&other, &b, &request, NOW, "first", "closed: owed");
    done(&l, &other);

    /* a repeat that says so comes before it is noticed that the first left */

    start(&l, &other, &request);
    again = request;
    again.repeat = 1;
    taken(&l, &a, &request, "first", NOW);
    is_joined(&other, &b, &again, NOW, "first", "a marked one");
    ledger_left(&l, &a, NOW);
    is_new(&other, &c, &request, NOW, "has come for it: a new one");
    ledger_over(&other, &c, 0, NOW);
    ledger_close(&other, &c, NOW);
    ledger_left(&other, &b, NOW);
    is_joined(&other, &c, &request, NOW, "first", "the last one counts");
    done(&l, &other);

    start(&l, &other, &request);
    taken(&l, &a, &request, "first", NOW);
    is_joined(&other, &b, &again, NOW, "first", "a marked one once more");
    ledger_answered(&other, &b, NOW);
    ledger_left(&l, &a, NOW);
    is_new(&other, &c, &request, NOW, "was answered before that: a new one");
    done(&l, &other);

    start(&l, &other, &request);
    taken(&l, &a, &request, "first", NOW);
    ledger_left(&l, &a, NOW);
    is_joined(&l, &a, &request, NOW, "first", "it is waited for");
    is_joined(&other, &b, &again, NOW, "first", "and by a marked one, too");
    ledger_left(&l, &a, NOW);
    is_new(&other, &c, &request, NOW, "which waits still: a new one");
    done(&l, &other);

    /* nothing was submitted */

    start(&l, &other, &request);
    (void) ledger_open(&l, &a, &request, NOW);
    ledger_left(&l, &a, NOW);
    ledger_over(&l, &a, 0, NOW);
    ledger_close(&l, &a, NOW);
    is_int(ledger_length(&l), 0, "nothing was sent: nothing is owed");
    done(&l, &other);

    /* what is unknown stays so: it is owed since the first time */

    start(&l, &other, &request);
    (void) ledger_open(&l, &a, &request, NOW);
    (void) ledger_submit(&l, &a, 0, 0);
    ledger_unknown(&l, &a, 0, NOW);
    ledger_left(&l, &a, NOW);
    ledger_close(&l, &a, NOW);
    is_int(ledger_open(&other, &b, &request, NOW + OWED / 2),
           JM_LEDGER_FOUND, "unknown: owed");
    is_int(ledger_look(&other, &b, 0, NOW, &id), JM_LOOK_UNKNOWN,
           "unknown: it is");
    ledger_left(&other, &b, NOW + OWED / 2);
    is_int(ledger_open(&other, &b, &request, NOW + OWED - 1),
           JM_LEDGER_FOUND, "unknown: once more");
    ledger_close(&other, &b, NOW + OWED - 1);
    is_new(&other, &b, &request, NOW + OWED, "unknown: tried anew");
    done(&l, &other);
}


static void
error_init(jm_error_t *error)
{
    jm_error_upstream(error, 50520);
    error->no_retry = 1;
}


static void
test_told(void)
{
    unsigned             i, told;
    jm_str_t             id;
    jm_error_t           error;
    jm_ledger_t          l, other;
    jm_ledger_claim_t    a, b, c;
    jm_ledger_request_t  request;

    /* a submit that was refused: there is no task */

    start(&l, &other, &request);
    request.unmarked = 10 * JM_LEDGER_TOLD_FOR;
    error_init(&error);

    (void) ledger_open(&l, &a, &request, NOW);
    (void) ledger_submit(&l, &a, 0, 0);
    ledger_free(&l, &a, 0, NOW);
    ledger_told(&l, &a, &error, NOW);
    ledger_close(&l, &a, NOW);

    for (i = 0, told = 0; i < 3; i++) {
        told += (ledger_open(&other, &b, &request,
                             NOW + JM_LEDGER_TOLD_FOR - 1)
                 == JM_LEDGER_TOLD);
        told += (ledger_look(&other, &b, 0, NOW, &id) == JM_LOOK_TOLD
                 && id.len == 0);
        told += (ledger_submit(&other, &b, 0, 0) == JM_INVALID);
        ledger_over(&other, &b, 0, NOW);
        ledger_left(&other, &b, NOW);
        ledger_close(&other, &b, NOW + JM_LEDGER_TOLD_FOR - 1);
    }

    is_int(told, 9, "refused: the error is told again, to all that come");
    is_int(other.told.cause, error.cause, "refused: the cause");
    is_int(other.told.upstream_code, 50520, "refused: the code");
    is_int(other.told.no_retry, 1, "refused: do not retry");
    is_str(str(other.told.message), error.message, "refused: the message");
    is_new(&other, &b, &request, NOW + JM_LEDGER_TOLD_FOR,
           "refused: tried anew");
    is_int(ledger_length(&l), 1, "refused: it is forgotten then");
    ledger_over(&other, &b, 0, NOW);
    ledger_close(&other, &b, NOW);
    is_int(ledger_length(&l), 0, "refused: nothing is left");
    done(&l, &other);

    /* a task that has ended; with a repeat that says so it is asked anew */

    start(&l, &other, &request);
    taken(&l, &a, &request, "first", NOW);
    ledger_over(&l, &a, 0, NOW);
    memset(error.message, 'm', sizeof(error.message) - 1);
    error.message[sizeof(error.message) - 1] = '\0';
    ledger_told(&l, &a, &error, NOW);
    ledger_close(&l, &a, NOW);

    is_int(ledger_open(&other, &b, &request, NOW + OWED - 1),
           JM_LEDGER_TOLD, "ended: it is told again");
    is_int(ledger_look(&other, &b, 0, NOW, &id), JM_LOOK_TOLD,
           "ended: nothing is asked");
    is_str(id, "first", "ended: the task's id");
    is_int((int64_t) strlen(other.told.message), JM_LEDGER_TEXT - 1,
           "ended: as much of a message as there is room for");
    ledger_close(&other, &b, NOW);

    request.repeat = 1;
    is_joined(&other, &b, &request, NOW, "first", "ended: a marked one");
    request.repeat = 0;
    ledger_answered(&other, &b, NOW);
    ledger_close(&other, &b, NOW);
    is_new(&other, &b, &request, NOW, "ended: then it is a new one");
    ledger_over(&other, &b, 0, NOW);
    ledger_close(&other, &b, NOW);
    done(&l, &other);

    start(&l, &other, &request);
    request.unmarked = 10 * JM_LEDGER_TOLD_FOR;
    taken(&l, &a, &request, "first", NOW);
    ledger_over(&l, &a, 0, NOW);
    ledger_told(&l, &a, &error, NOW);
    ledger_close(&l, &a, NOW);
    is_new(&other, &b, &request, NOW + JM_LEDGER_TOLD_FOR,
           "ended: no longer than a minute");
    done(&l, &other);
    request.unmarked = OWED;

    /* it is not told for longer than what is owed, and what is owed is first */

    start(&l, &other, &request);
    taken(&l, &a, &request, "first", NOW);
    ledger_over(&l, &a, 0, NOW);
    ledger_told(&l, &a, &error, NOW);
    ledger_close(&l, &a, NOW);
    is_new(&other, &b, &request, NOW + OWED, "shorter: tried anew");
    done(&l, &other);

    start(&l, &other, &request);
    taken(&l, &a, &request, "first", NOW);
    taken(&l, &b, &request, "second", NOW);
    ledger_left(&l, &a, NOW);
    ledger_told(&l, &b, &error, NOW);
    is_joined(&other, &c, &request, NOW, "first", "a picture before an error");
    done(&l, &other);

    /* many of them do not stay */

    start(&l, &other, &request);
    request.unmarked = 10 * JM_LEDGER_TOLD_FOR;

    for (i = 0; i < 200; i++) {
        request.key[9] = (uint8_t) i;
        (void) ledger_open(&l, &a, &request, NOW + i * 5000);
        ledger_free(&l, &a, 0, NOW + i * 5000);
        ledger_told(&l, &a, &error, NOW + i * 5000);
        ledger_close(&l, &a, NOW + i * 5000);
    }

    is_int(ledger_length(&l) <= 14, 1, "many: a minute's are there");
    done(&l, &other);
}


static void
test_dead(void)
{
    jm_str_t             id;
    jm_ledger_t          l, other;
    jm_ledger_claim_t    a, b, c;
    jm_ledger_request_t  request;

    start(&l, &other, &request);
    taken(&l, &a, &request, "first", NOW);
    dead[1] = 1;
    is_joined(&other, &b, &request, NOW + 1, "first",
              "its process is dead: owed");
    is_new(&other, &c, &request, NOW + 1, "once");
    done(&l, &other);

    /* on its way to the client */

    start(&l, &other, &request);
    taken(&l, &a, &request, "first", NOW);
    ledger_over(&l, &a, 0, NOW);
    dead[1] = 1;
    is_joined(&other, &b, &request, NOW + 1, "first", "over: owed");
    done(&l, &other);

    /* while it was submitted */

    start(&l, &other, &request);
    (void) ledger_open(&l, &a, &request, NOW);
    (void) ledger_submit(&l, &a, 0, 0);
    dead[1] = 1;
    is_int(ledger_open(&other, &b, &request, NOW + 1), JM_LEDGER_FOUND,
           "under way: owed");
    is_int(ledger_look(&other, &b, 0, NOW + 1, &id), JM_LOOK_UNKNOWN,
           "under way: unknown");
    done(&l, &other);

    /* it is owed since it was noticed */

    start(&l, &other, &request);
    taken(&l, &a, &request, "first", NOW);
    dead[1] = 1;
    request.key[3] ^= 1;
    (void) ledger_open(&other, &b, &request, NOW + JM_LEDGER_WATCH);
    request.key[3] ^= 1;
    is_new(&other, &c, &request, NOW + JM_LEDGER_WATCH + OWED,
           "too late: a new one");
    done(&l, &other);

    /* all are asked for now and then, and who waits for the same at once */

    start(&l, &other, &request);
    taken(&l, &a, &request, "first", NOW);
    request.key[3] ^= 1;
    asked = 0;
    is_new(&other, &b, &request, NOW + JM_LEDGER_WATCH - 1, "another's");
    is_int(asked, 0, "nobody is asked for yet");
    is_new(&other, &b, &request, NOW + JM_LEDGER_WATCH, "another's, then");
    is_int(asked, 1, "the other one is");
    request.key[3] ^= 1;
    is_new(&other, &b, &request, NOW + JM_LEDGER_WATCH + 1, "it waits");
    is_int(asked, 2, "it is asked for, as it waits for the same");
    dead[1] = 1;
    is_joined(&other, &b, &request, NOW + JM_LEDGER_WATCH + 2, "first",
              "it has died since: owed at once");
    done(&l, &other);

    /* its slot is another one's now */

    start(&l, &other, &request);
    taken(&l, &a, &request, "first", NOW);
    taken(&l, &b, &request, "second", NOW);
    ledger_answered(&l, &b, NOW);
    join(&l);
    is_joined(&other, &c, &request, NOW, "first", "joined anew: owed");
    is_new(&other, &b, &request, NOW, "what was answered is not");
    done(&l, &other);

    /* the same, and all is seen before the client comes: since then */

    start(&l, &other, &request);
    request.key[3] ^= 1;
    taken(&other, &b, &request, "second", NOW);
    request.key[3] ^= 1;
    taken(&l, &a, &request, "first", NOW);
    request.key[3] ^= 1;
    is_new(&other, &c, &request, NOW + JM_LEDGER_WATCH, "nobody has died");
    is_int(l.shared->unseen, 0, "none is looked at");
    join(&l);
    is_new(&other, &c, &request, NOW + JM_LEDGER_WATCH + 1, "one has");
    is_int(l.shared->attending, 3, "who live wait");
    request.key[3] ^= 1;
    is_joined(&other, &c, &request, NOW + JM_LEDGER_WATCH + OWED, "first",
              "what the other one had is owed");
    done(&l, &other);

    start(&l, &other, &request);
    taken(&l, &a, &request, "first", NOW);
    request.key[3] ^= 1;
    join(&l);
    is_new(&other, &c, &request, NOW + 1, "another's, at once");
    request.key[3] ^= 1;
    is_new(&other, &c, &request, NOW + 1 + OWED, "owed no longer than that");
    done(&l, &other);

    /* it has come for what another one was left with */

    start(&l, &other, &request);
    taken(&other, &a, &request, "first", NOW);
    ledger_left(&other, &a, NOW);
    is_joined(&l, &b, &request, NOW, "first", "a dead one's repeat");
    dead[1] = 1;
    is_joined(&other, &c, &request, NOW + OWED, "first",
              "a dead one's repeat: owed");
    done(&l, &other);
}


/* a client that is here before the process of its first request has noticed */

static void
test_twin(void)
{
    jm_ledger_t          l, other;
    jm_ledger_claim_t    a, b, c;
    jm_ledger_request_t  request, again;

    start(&l, &other, &request);

    again = request;
    again.patient = 1;

    taken(&l, &a, &request, "7", NOW);

    is_int(ledger_open(&l, &b, &again, NOW + 1), JM_LEDGER_TWIN,
           "twin: in the same process");
    is_int(ledger_open(&other, &b, &again, NOW + 1), JM_LEDGER_TWIN,
           "twin: in another one");

    again.who = 1;
    is_new(&other, &b, &again, NOW + 1, "twin: another client's");
    ledger_close(&other, &b, NOW + 1);
    again.who = 0;

    again.n = 2;
    is_new(&other, &b, &again, NOW + 1, "twin: of more tasks");
    ledger_close(&other, &b, NOW + 1);
    again.n = 1;

    is_new(&other, &b, &request, NOW + 1, "twin: it is not patient");
    ledger_close(&other, &b, NOW + 1);

    ledger_left(&l, &a, NOW + 2);
    is_joined(&other, &c, &again, NOW + 3, "7", "twin: its client has left");
    ledger_answered(&other, &c, NOW + 4);
    ledger_close(&other, &c, NOW + 4);

    is_new(&l, &b, &again, NOW + 5, "twin: nobody waits");

    ledger_close(&l, &b, NOW + 6);
    ledger_close(&l, &a, NOW + 6);
    done(&l, &other);
}


int
main(void)
{
    test_owed();
    test_fetched();
    test_several();
    test_told();
    test_dead();
    test_twin();

    return done_testing();
}
