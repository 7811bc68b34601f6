/*
 * Two stores that stand for one: what is new while the far one does not answer
 * is decided near, and what has begun in one ends there, wherever the far one
 * is by then.  Here both are in memory; the far one is away when it is told to
 * be, for what is asked before that is known as well.
 *
 * Seen failing: "the far one knows nothing of it", with claims that are told
 * from each other by whether the far one is there; "a repeat when it is back",
 * without jm_either_knows(); "an entry of another node's", with a mask of
 * JM_EITHER_NEAR alone; "a hold of the other store", without the look at it in
 * jm_either_over().
 */


#define _GNU_SOURCE

#include "either.h"


static void
test_there(void)
{
    order_t  o;

    begin();

    order_all(&far_st, 1, 0, &alice);
    is_used(&far_st, 0, 0, 1, "the far one has it all");
    is_used(&near_st, 0, 0, 0, "the near one nothing");
    is_int(alone, 0, "nothing is decided alone");

    (void) order_open(&far_st, &o, 2, 1, &alice);
    ok((o.claim.serial & JM_EITHER_NEAR) == 0, "its numbers are its own");
    is_int(o.hold.near, 0, "so is its hold");
    order_close(&far_st, &o, 0);
    is_str(str((const char *) b.salt), "far salt", "keys have its salt");

    end();
}


/* begun alone, and over when the far one is back, or the other way round */

static void
test_begun(void)
{
    order_t  mine, theirs;

    begin();

    order_running(&far_st, &theirs, 1, "far", 0, &alice);

    away();
    order_running(&near_st, &mine, 2, "near", 0, &alice);

    ok((mine.claim.serial & JM_EITHER_NEAR)
       && (mine.places[0].serial & JM_EITHER_NEAR) && mine.hold.near,
       "what begins is near");
    is_used(&near_st, 1, 1, 0, "it runs near");
    is_int(alone, 1, "that is told");
    is_int((int64_t) calls + told, 0, "the far one is not asked");

    order_over(&near_st, &theirs, 0, 1, JM_LEAVE_OVER);
    is_int(calls, 1, "what began far is over far");
    order_close(&near_st, &theirs, 1);
    is_int(told, 2, "and is closed there");

    back();
    is_used(&near_st, 1, 1, 0, "it runs on near");
    is_used(&far_st, 1, 0, 0, "the far one did not learn of the end");

    b.renew(&b, &mine.places[0]);
    order_over(&near_st, &mine, 0, 1, JM_LEAVE_OVER);
    order_close(&near_st, &mine, 1);
    is_int((int64_t) mine.claim.serial, 0, "it is closed");
    is_int((int64_t) calls + told, 0, "the far one knows nothing of it");
    is_used(&near_st, 0, 0, 1, "its end is near");
    is_int(alone, 0, "nothing is new");

    end();
}


static void
be_done(void *data)
{
    (void) data;

    done++;
}


static void
open_op(jm_op_open_t *op, order_t *o, uint32_t key)
{
    memset(op, 0, sizeof(jm_op_open_t));
    memset(o, 0, sizeof(order_t));

    o->n = 1;

    op->done.handler = be_done;
    op->claim = &o->claim;
    op->client = &alice;
    op->most = *bill(1);
    op->hold = &o->hold;

    order_request(&op->request, key, 1, &alice);

    done = 0;
}


/* the far one does not answer, which is known only then */

static void
test_asked(void)
{
    order_t        o;
    jm_place_t     place;
    jm_op_open_t   op;
    jm_op_rate_t   rate;
    jm_op_place_t  enter;

    begin();
    answers = 0;
    is_late = 1;

    open_op(&op, &o, 1);
    b.open(&b, &op);
    is_int(done, 0, "it is waited for");
    is_int(calls, 1, "as it is asked");

    late.handler(late.data);
    is_int(done, 1, "without an answer there is one");
    is_int(op.away, 0, "of the near one");
    ok(op.done.handler == be_done && (o.claim.serial & JM_EITHER_NEAR)
       && o.hold.near, "where it has begun");
    is_int(alone, 1, "alone");

    memset(&rate, 0, sizeof(jm_op_rate_t));

    rate.done.handler = be_done;
    rate.client = &alice;

    b.rate(&b, &rate);
    late.handler(late.data);
    is_int(done, 2, "a rate");
    ok(!rate.away && rate.rc == JM_OK && rate.rate.remaining == 59,
       "counts near");

    memset(&enter, 0, sizeof(jm_op_place_t));
    memset(&place, 0, sizeof(jm_place_t));

    queue_request_init(&enter.request, 'a', 0);

    enter.done.handler = be_done;
    enter.place = &place;

    b.place(&b, &enter);
    late.handler(late.data);
    is_int(done, 3, "a place");
    ok(!enter.away && enter.rc == JM_QUEUE_GRANTED
       && (place.serial & JM_EITHER_NEAR), "is near");
    b.leave(&b, &place, JM_LEAVE_FREE);

    /* of a request that has begun it is not */

    is_late = 0;
    enter.request.entry = 5;
    b.place(&b, &enter);
    is_int(enter.away, 1, "but for an entry of the far one's");
    is_int((int64_t) place.serial, 0, "none");

    place.serial = 7;
    enter.request.entry = 0;
    b.place(&b, &enter);
    is_int(enter.away, 1, "nor is one that waits");
    is_int((int64_t) place.serial, 7, "which it keeps");

    order_close(&near_st, &o, 0);
    is_used(&near_st, 0, 0, 0, "all is given back");

    end();
}


/* a repeat finds its first try where that is */

static void
test_repeat(void)
{
    order_t       o, again;
    jm_op_open_t  op;

    begin();

    away();
    order_running(&near_st, &o, 1, "first", 0, &alice);

    open_op(&op, &again, 1);
    b.open(&b, &op);
    is_int(op.found, JM_LEDGER_FOUND, "a repeat");
    is_int(op.joins, 1, "joins its first try");
    order_close(&near_st, &again, 0);

    back();
    open_op(&op, &again, 1);
    b.open(&b, &op);
    is_int(op.found, JM_LEDGER_FOUND, "a repeat when it is back");
    is_int(op.joins, 1, "joins it as well");
    is_int((int64_t) calls + alone, 0, "and is the far one's business no more");
    order_close(&near_st, &again, 0);

    open_op(&op, &again, 2);
    b.open(&b, &op);
    is_int(op.found, JM_LEDGER_NEW, "another one");
    is_int(calls, 1, "is");
    order_close(&near_st, &again, 0);

    order_over(&near_st, &o, 0, 1, JM_LEAVE_OVER);
    order_close(&near_st, &o, 1);

    end();
}


/* by its number, from an id that a client has */

static void
test_entry(void)
{
    order_t         o;
    uint64_t        entry;
    jm_place_t      place;
    jm_either_t     other;
    jm_backend_t    elsewhere;
    jm_op_look_t    look;
    jm_op_cancel_t  cancel;

    begin();
    away();

    (void) order_open(&near_st, &o, 1, 1, &alice);
    b.ended(&b, &o.claim, JM_CLAIM_HANDED, NULL);
    entry = o.claim.serial;

    memset(&look, 0, sizeof(jm_op_look_t));
    memset(&place, 0, sizeof(jm_place_t));

    look.done = state_done_with;
    look.entry = entry;
    look.account = JM_LEDGER_ANY;
    look.place = &place;

    back();
    b.look(&b, &look);
    is_int(look.look, JM_LOOK_WAIT, "an entry is found by its number");
    ok(look.entry == entry && calls == 0, "which stays, and is near");

    other = e;
    other.near.salt = (const uint8_t *) "of another node this is the salt";
    jm_backend_either(&elsewhere, &other);

    elsewhere.look(&elsewhere, &look);
    is_int(look.look, JM_LOOK_GONE, "an entry of another node's is not");
    is_int(calls, 0, "nor is it asked for far");

    memset(&cancel, 0, sizeof(jm_op_cancel_t));

    cancel.done = state_done_with;
    cancel.entry = entry;
    cancel.n = 1;

    b.cancel(&b, &cancel);
    is_int(cancel.running, 1, "what has no place is not canceled");
    order_close(&near_st, &o, 0);

    /* and of one of the far one's */

    look.entry = 5;
    away();
    b.look(&b, &look);
    is_int(look.away, 1, "the far one's is away");

    look.entry = 0;
    look.id = str("7392616336519610409");
    look.account = 0;
    b.look(&b, &look);
    ok(!look.away && look.look == JM_LOOK_TAKEN, "an id alone is not");

    end();
}


/* whose worker has died, or left it */

static void
test_orphan(void)
{
    order_t         o;
    jm_op_orphan_t  op;

    begin();
    away();

    order_running(&near_st, &o, 1, "orphaned", 0, &alice);
    order_lose(&near_st, &o, 0);
    order_close(&near_st, &o, 0);

    memset(&op, 0, sizeof(jm_op_orphan_t));

    op.done = state_done_with;
    op.accounts = 3;

    back();
    b.orphan(&b, &op);
    is_int(op.found, 1, "what nobody follows near is found");
    ok((op.orphan.entry & JM_EITHER_NEAR) != 0, "as near");

    op.bill.images = 1;
    b.asked(&b, &op);
    is_int(op.first, 1, "its end is seen there");
    is_str(op.client, "alice", "for its client");
    b.billed(&b, op.orphan.entry, op.orphan.task);
    is_int((int64_t) calls + told, 0, "by nobody else");
    is_used(&near_st, 0, 0, 1, "and counted");

    b.orphan(&b, &op);
    is_int(op.found + op.near, 0, "there is no other");
    is_int(calls, 1, "the far one was asked for one");

    away();
    b.orphan(&b, &op);
    is_int(op.found + op.away, 0, "but is not while it is away");
    is_int(calls, 0, "at all");

    end();
}


/* without an entry a request may come to have a place in the other store */

static void
test_hold(void)
{
    order_t        o;
    jm_op_over_t   over;
    jm_op_open_t   op;
    jm_op_place_t  enter;

    begin();

    open_op(&op, &o, 0);
    op.claim = NULL;
    b.open(&b, &op);
    is_used(&far_st, 0, 1, 0, "held far");

    away();
    memset(&enter, 0, sizeof(jm_op_place_t));
    queue_request_init(&enter.request, 'a', 0);
    enter.done = state_done_with;
    enter.place = &o.places[0];
    b.place(&b, &enter);
    b.sent(&b, NULL, 0, &o.places[0], JM_SENT_TAKEN, str("mixed"));
    is_used(&near_st, 1, 0, 0, "its task runs near");

    memset(&over, 0, sizeof(jm_op_over_t));
    over.done = state_done_with;
    over.place = &o.places[0];
    over.how = JM_LEAVE_OVER;
    over.hold = &o.hold;
    over.client = &alice;
    over.bill = *bill(1);
    over.release = 1;
    b.over(&b, &over);
    is_used(&near_st, 0, 0, 1, "a hold of the other store");
    is_int(told, 1, "is given back to it");
    is_used(&far_st, 0, 0, 0, "and takes nothing");

    end();
}


/* news of both, and of all if one says so */

static void
test_news(void)
{
    order_t   mine[3], theirs[3];
    uint32_t  before, alarms;
    uint64_t  serials[4];
    unsigned  i;

    begin();

    for (i = 0; i < 3; i++) {
        (void) order_open(&far_st, &theirs[i], 1 + i, 1, &alice);
        (void) order_enter(&far_st, &theirs[i], 0, 0, &alice);
    }

    away();

    for (i = 0; i < 3; i++) {
        (void) order_open(&near_st, &mine[i], 11 + i, 1, &alice);
        (void) order_enter(&near_st, &mine[i], 0, 0, &alice);
    }

    (void) b.news(&b, serials, 4, &before);

    b.leave(&b, &mine[0].places[0], JM_LEAVE_FREE);
    b.leave(&b, &theirs[0].places[0], JM_LEAVE_FREE);

    is_int((int64_t) b.news(&b, serials, 4, &alarms), 2, "news of both");
    ok(serials[0] == mine[2].places[0].serial
       && serials[1] == theirs[2].places[0].serial, "by their places");
    is_int(alarms, before, "and no alarm");

    state_begin(&near_st);
    jm_queue_accounts_begin(&near_st.queue);
    state_commit(&near_st);
    (void) b.news(&b, serials, 4, &alarms);
    ok(alarms != before, "an alarm near");

    before = alarms;
    state_begin(&far_st);
    jm_queue_accounts_begin(&far_st.queue);
    state_commit(&far_st);
    (void) b.news(&b, serials, 4, &alarms);
    ok(alarms != before, "and one far");

    end();
}


static void
see_account(void *data, size_t i, const jm_queue_view_t *view)
{
    (void) data;
    (void) i;

    done += view->running;
}


static void
see_client(void *data, size_t i, const jm_quota_rate_t *rate,
    const jm_quota_view_t *view)
{
    (void) data;
    (void) i;
    (void) rate;

    done += (unsigned) view->reserved;
}


/* what is shown is of the one that decides */

static void
test_shown(void)
{
    order_t            o;
    unsigned           round;
    jm_op_usage_t      usage;
    jm_op_waits_t      waits;
    jm_op_clients_t    clients;
    jm_op_service_t    service;
    jm_op_accounts_t   accounts;
    const jm_client_t  *c = &alice;

    static const unsigned  all[] = { 0, 1 };

    begin();

    memset(&usage, 0, sizeof(jm_op_usage_t));
    memset(&clients, 0, sizeof(jm_op_clients_t));
    memset(&service, 0, sizeof(jm_op_service_t));
    memset(&accounts, 0, sizeof(jm_op_accounts_t));

    memset(&waits, 0, sizeof(jm_op_waits_t));

    waits.done = state_done_with;

    usage.done = state_done_with;
    usage.client = c;

    clients.done = state_done_with;
    clients.clients = &c;
    clients.n = 1;
    clients.each = see_client;

    accounts.done = state_done_with;
    accounts.accounts = all;
    accounts.n = 2;
    accounts.each = see_account;

    service.done = state_done_with;
    service.n = 1;

    away();
    order_running(&near_st, &o, 1, "one", 0, &alice);

    for (round = 0; round < 2; round++) {
        done = 0;
        calls = 0;
        told = 0;

        b.usage(&b, &usage);
        b.clients(&b, &clients);
        b.accounts(&b, &accounts);
        b.service(&b, &service);
        b.waits(&b, &waits);
        b.query_denied(&b, 0);

        is_int((int64_t) usage.view.reserved + done, round ? 0 : 3,
               "what is shown, %s", round ? "far" : "near");
        is_int(calls + told, round ? 6 : 0, "is asked for there");

        back();
    }

    order_over(&near_st, &o, 0, 1, JM_LEAVE_OVER);
    order_close(&near_st, &o, 1);

    end();
}


/* a submit that is refused, one that failed, and one that is held late */

static void
test_submit(void)
{
    order_t          o, again, both;
    jm_op_look_t     look;
    jm_op_place_t    enter;
    jm_op_submit_t   submit;
    jm_op_refused_t  refused;

    begin();
    away();

    (void) order_open(&near_st, &o, 1, 1, &alice);
    (void) order_enter(&near_st, &o, 0, 0, &alice);
    back();
    is_int(order_submit(&near_st, &o, 0), JM_OK, "it may be submitted");

    memset(&refused, 0, sizeof(jm_op_refused_t));
    refused.done = state_done_with;
    refused.place = &o.places[0];
    refused.why = JM_REFUSED_TASKS;

    b.sent(&b, &o.claim, 0, &o.places[0], JM_SENT_BACK, str(""));
    b.refused(&b, &refused);
    is_int(refused.rc, JM_QUEUE_WAIT, "refused, it waits near");
    ok((o.places[0].serial & JM_EITHER_NEAR) != 0, "by its number");

    /* a place that is submitted when it is granted */

    memset(&submit, 0, sizeof(jm_op_submit_t));
    memset(&enter, 0, sizeof(jm_op_place_t));

    away();
    (void) order_open(&near_st, &both, 9, 1, &alice);
    queue_request_init(&enter.request, 'a', 0);

    submit.claim = &both.claim;
    enter.done = state_done_with;
    enter.request.accounts[0] = 1;
    enter.request.entry = both.claim.serial;
    enter.place = &both.places[0];
    enter.submit = &submit;

    back();
    b.place(&b, &enter);
    ok(enter.rc == JM_QUEUE_GRANTED && enter.submitted && submit.rc == JM_OK
       && both.claim.serial == enter.request.entry
       && (both.claim.serial & JM_EITHER_NEAR), "granted, and submitted near");
    b.sent(&b, &both.claim, 0, &both.places[0], JM_SENT_TAKEN, str("both"));
    both.account = 1;
    order_over(&near_st, &both, 0, 1, JM_LEAVE_OVER);
    order_close(&near_st, &both, 1);

    /* one that joined it goes on when it is given up */

    away();
    (void) order_open(&near_st, &again, 1, 1, &alice);
    b.leave(&b, &o.places[0], JM_LEAVE_FREE);
    order_close(&near_st, &o, 0);

    memset(&submit, 0, sizeof(jm_op_submit_t));
    submit.done = state_done_with;
    submit.claim = &again.claim;
    submit.client = &alice;
    submit.hold = &again.hold;
    submit.most = *bill(1);

    memset(&look, 0, sizeof(jm_op_look_t));
    look.done = state_done_with;
    look.claim = &again.claim;
    look.place = &again.places[0];

    back();
    b.look(&b, &look);
    is_int(look.look, JM_LOOK_OWN, "the task is its own now");
    b.submit(&b, &submit);
    ok(!submit.away && submit.rc == JM_OK && again.hold.near,
       "who joined is held near");
    is_used(&near_st, 0, 1, 1, "late");

    b.sent(&b, &again.claim, 0, &again.places[0], JM_SENT_FREE, str(""));
    b.fetched(&b, again.claim.serial, (jm_str_t[]) { str("none") }, 1);
    order_close(&near_st, &again, 0);
    is_int((int64_t) calls + told, 0, "far there is nothing");
    is_used(&near_st, 0, 0, 1, "nor near, in the end");

    end();
}


int
main(void)
{
    test_there();
    test_begun();
    test_asked();
    test_repeat();
    test_entry();
    test_orphan();
    test_hold();
    test_news();
    test_shown();
    test_submit();

    return done_testing();
}
