/*
 * Requests that two services may serve, in both stores: which of them is asked
 * next when the first refuses its accounts, and one that was entered in the
 * words of the other.  All that there is to it in memory is in queue_refused.c
 * and ledger_service.c.
 *
 * Seen failing on Redis with a service of 0 for all, without the look at "left"
 * and at "tried", without read_other() in ledger.open, and spare() there and in
 * ledger.served.
 */


#define _GNU_SOURCE

#include "stores.h"


#define SIZE     (512 * 1024)
#define LAST     (JM_LEDGER_KEY - 1)
#define FIRST    4                  /* the services, in a fingerprint */
#define OTHER    5


static jm_state_t    st;
static jm_backend_t  b;
static jm_client_t   alice;


static const stores_account_t  accounts[] = {
    { "ark", 4 }, { "ark too", 4 }, { "main", 4 }
};


static void
begin(void)
{
    const jm_client_t  *clients[] = { &alice };

    stores_begin(&b, &st, SIZE, accounts, 3, clients, 1);
}


/* the first has two accounts, the other one */

static jm_op_service_t
ask(uint32_t key, unsigned kept)
{
    jm_op_service_t  op;

    memset(&op, 0, sizeof(jm_op_service_t));

    order_request(&op.request, key, 0, &alice);

    op.done = state_done_with;
    op.request.several = 1;
    op.kept = kept;
    op.services[0].accounts = 3;
    op.services[0].model = 7;
    op.services[1].accounts = 4;
    op.services[1].model = 8;
    op.kinds[0] = FIRST;
    op.kinds[1] = OTHER;
    op.n = 2;

    b.service(&b, &op);

    return op;
}


static void
is_served(unsigned service, jm_service_news_e news, const char *name)
{
    jm_op_service_t  op;

    op = ask(1, 0);
    is_int(op.service, service, "%s: the service", name);
    is_int(op.news, news, "%s: its news", name);
}


/* a submit there is refused, or taken */

static void
submit(unsigned account, uint64_t model, unsigned refused)
{
    jm_place_t        p;
    jm_op_place_t     op;
    jm_op_refused_t   refusal;

    memset(&p, 0, sizeof(jm_place_t));
    memset(&op, 0, sizeof(jm_op_place_t));
    memset(&refusal, 0, sizeof(jm_op_refused_t));

    queue_request_init(&op.request, 'a', 0);

    op.request.accounts[0] = (uint8_t) account;
    op.request.model = model;
    op.request.worker = st.store.owner;
    op.done = state_done_with;
    op.place = &p;

    b.place(&b, &op);
    is_int(op.rc, JM_QUEUE_GRANTED, "a submit to %u", account);

    if (refused) {
        refusal.done = state_done_with;
        refusal.place = &p;
        refusal.why = JM_REFUSED_MODEL;
        b.refused(&b, &refusal);

    } else {
        b.sent(&b, NULL, 0, &p, JM_SENT_TAKEN, str("id"));
        b.leave(&b, &p, JM_LEAVE_OVER);
    }
}


static void
test_service(void)
{
    begin();

    is_served(0, JM_SERVICE_NO_NEWS, "all is well");

    submit(0, 7, 1);
    is_served(0, JM_SERVICE_NO_NEWS, "one of two is set aside");

    submit(1, 7, 1);
    is_served(1, JM_SERVICE_LEFT, "both are");
    is_served(1, JM_SERVICE_NO_NEWS, "that is told once");

    /* when the time is over one request tries each */

    stores_wait(10001);
    is_served(0, JM_SERVICE_NO_NEWS, "one tries the first account");
    is_served(0, JM_SERVICE_NO_NEWS, "one the second");
    is_served(1, JM_SERVICE_NO_NEWS, "the others do not");

    submit(0, 7, 1);
    is_served(1, JM_SERVICE_NO_NEWS, "it is refused still");

    stores_wait(20001);
    is_served(0, JM_SERVICE_NO_NEWS, "it is tried again");
    submit(0, 7, 0);
    is_served(0, JM_SERVICE_BACK, "it is taken");
    is_served(0, JM_SERVICE_NO_NEWS, "that is told once as well");

    /* with nothing left it is the first, which gives the error */

    stores_wait(1000);
    submit(0, 7, 1);
    stores_wait(1);
    submit(1, 7, 1);
    submit(2, 8, 1);
    is_served(0, JM_SERVICE_NO_NEWS, "nobody makes it");

    stores_end(&st);
}


/* opens a request in the words of a service */

static jm_op_open_t
open_in(unsigned words, jm_ledger_claim_t *claim, uint32_t key,
    unsigned repeat)
{
    jm_op_open_t  op;

    memset(&op, 0, sizeof(jm_op_open_t));
    memset(claim, 0, sizeof(jm_ledger_claim_t));

    order_request(&op.request, key, 2, &alice);

    op.done = state_done_with;
    op.claim = claim;
    op.request.several = 1;
    op.request.repeat = repeat;
    op.request.fingerprint[LAST] = (uint8_t) words;

    b.open(&b, &op);

    return op;
}


/* what is being made for the one is not to be made by the other */

static void
test_other(uint32_t key)
{
    jm_op_open_t       op;
    jm_ledger_claim_t  claim, again;

    begin();

    is_int(ask(key, 1).service, 0, "nothing is there");
    is_int(open_in(OTHER, &claim, key, 0).found, JM_LEDGER_NEW, "entered");
    b.sent(&b, &claim, 0, &(jm_place_t) { 0 }, JM_SENT_BACK, str(""));
    b.ended(&b, &claim, JM_CLAIM_LEFT, NULL);

    is_int(ask(key, 1).service, 1, "in the words of the other");
    is_int(ask(key, 0).service, 0, "not without a ledger");
    is_int(ask(key + 1, 1).service, 0, "another one is not there");

    op = open_in(FIRST, &again, key, 0);
    is_int(op.found, JM_LEDGER_OTHER, "the other one");
    is_int(op.service, OTHER, "which");
    is_int((int64_t) again.serial, 0, "nothing was entered");

    is_int(open_in(OTHER, &again, key, 0).found, JM_LEDGER_FOUND,
           "in its own words");
    b.ended(&b, &again, JM_CLAIM_CLOSED, NULL);
    b.ended(&b, &claim, JM_CLAIM_CLOSED, NULL);

    stores_end(&st);
}


/* what was refused, whose client was told so */

static void
test_spare(unsigned handed)
{
    jm_error_t         e;
    jm_ledger_claim_t  claim, again;

    begin();

    (void) open_in(OTHER, &claim, UNNAMED, 0);

    if (handed) {
        b.ended(&b, &claim, JM_CLAIM_HANDED, NULL);
    }

    is_int(open_in(FIRST, &again, UNNAMED, 1).found, JM_LEDGER_OTHER,
           "it is to be submitted");
    b.sent(&b, &claim, 0, &(jm_place_t) { 0 }, JM_SENT_FREE, str(""));
    is_int(open_in(FIRST, &again, UNNAMED, 1).found, JM_LEDGER_OTHER,
           "another of its tasks is");
    b.sent(&b, &claim, 1, &(jm_place_t) { 0 }, JM_SENT_FREE, str(""));
    is_int(open_in(FIRST, &again, UNNAMED, 1).found, JM_LEDGER_OTHER,
           "its client waits");

    jm_error_set(&e, JM_CAUSE_UPSTREAM_AUTH, NULL, NULL);
    b.ended(&b, &claim, JM_CLAIM_TOLD, &e);
    b.ended(&b, &claim, JM_CLAIM_CLOSED, NULL);

    if (handed) {
        is_int(ask(UNNAMED, 1).service, 1, "handed: it is there");
        is_int(open_in(FIRST, &again, UNNAMED, 0).found, JM_LEDGER_OTHER,
               "handed: the other one");

    } else {
        is_int(ask(UNNAMED, 1).service, 0, "it cost nothing: not there");
        is_int(open_in(OTHER, &again, UNNAMED, 0).found, JM_LEDGER_TOLD,
               "it is told in its words");
        is_int(open_in(FIRST, &again, UNNAMED, 0).found, JM_LEDGER_NEW,
               "it is new in others");
        is_int(open_in(OTHER, &claim, UNNAMED, 1).found, JM_LEDGER_OTHER,
               "and the first is no more");
        b.ended(&b, &again, JM_CLAIM_CLOSED, NULL);
    }

    stores_end(&st);
}


static void
test(void)
{
    test_service();
    test_other(UNNAMED);
    test_other(10);
    test_spare(0);
    test_spare(1);
}


int
main(void)
{
    alice = state_client("alice");

    return stores_test(test);
}
