
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * The operations of tasks on a state in memory: what changes the ledger, the
 * queue and a client's limits at the same time.
 */


#include "jm_backend.h"
#include "jm_ledger_bill.h"
#include "jm_ledger_handed.h"
#include "jm_ledger_result.h"
#include "jm_quota_loose.h"


static void jm_memory_place(jm_backend_t *b, jm_op_place_t *op);
static unsigned jm_memory_canceled(jm_state_t *st, uint64_t entry,
    unsigned task);
static void jm_memory_enter(jm_state_t *st, jm_op_place_t *op);
static void jm_memory_bind(jm_state_t *st, jm_op_place_t *op);
static void jm_memory_submit(jm_backend_t *b, jm_op_submit_t *op);
static void jm_memory_may(jm_state_t *st, jm_op_submit_t *op);
static void jm_memory_refused(jm_backend_t *b, jm_op_refused_t *op);
static void jm_memory_sent(jm_backend_t *b, jm_ledger_claim_t *claim,
    unsigned task, jm_place_t *place, jm_sent_e what, jm_str_t id);
static void jm_memory_sent_claim(jm_state_t *st, jm_ledger_claim_t *claim,
    unsigned task, const jm_place_t *place, jm_sent_e what, jm_str_t id);
static void jm_memory_renew(jm_backend_t *b, jm_place_t *place);
static size_t jm_memory_news(jm_backend_t *b, uint64_t *serials, size_t n,
    uint32_t *alarms);
static void jm_memory_leave(jm_backend_t *b, jm_place_t *place,
    jm_leave_e how);
static void jm_memory_over(jm_backend_t *b, jm_op_over_t *op);
static uint64_t jm_memory_until(jm_state_t *st, const jm_op_over_t *op);
static unsigned jm_memory_seen(jm_state_t *st, jm_op_over_t *op);
static void jm_memory_count(jm_state_t *st, jm_op_over_t *op);
static void jm_memory_billed(jm_backend_t *b, uint64_t entry, unsigned task);
static void jm_memory_orphan(jm_backend_t *b, jm_op_orphan_t *op);
static void jm_memory_asked(jm_backend_t *b, jm_op_orphan_t *op);
static void jm_memory_orphan_over(jm_state_t *st, jm_op_orphan_t *op,
    jm_str_t id);


void
jm_backend_memory_tasks(jm_backend_t *b)
{
    b->place = jm_memory_place;
    b->submit = jm_memory_submit;
    b->refused = jm_memory_refused;
    b->sent = jm_memory_sent;
    b->renew = jm_memory_renew;
    b->news = jm_memory_news;
    b->leave = jm_memory_leave;
    b->over = jm_memory_over;
    b->billed = jm_memory_billed;
    b->orphan = jm_memory_orphan;
    b->asked = jm_memory_asked;
}


static unsigned
jm_memory_canceled(jm_state_t *st, uint64_t entry, unsigned task)
{
    jm_ledger_peek_t  peek;

    if (entry == 0) {
        return 0;
    }

    jm_ledger_peek(&st->ledger, entry, task, &peek);

    return peek.look == JM_LOOK_CANCELED;
}


static void
jm_memory_place(jm_backend_t *b, jm_op_place_t *op)
{
    jm_state_t  *st;

    op->gone = 0;
    op->canceled = 0;
    op->submitted = 0;
    op->orphans = 1;

    st = b->lock(b->ctx);

    if (op->listed != NULL && !jm_quota_listed(&st->quota, op->listed)) {
        op->gone = 1;
        goto done;
    }

    if (op->place->serial == 0) {
        jm_memory_enter(st, op);
        goto done;
    }

    op->rc = jm_queue_look(&st->queue, op->place, st->now, &op->wait);

    if (op->rc == JM_QUEUE_LATE) {
        op->canceled = jm_memory_canceled(st, op->request.entry,
                                          op->request.task);
    }

    jm_memory_bind(st, op);

    /* it was bound only while others were: now any account will do */

    if (op->rc == JM_QUEUE_ASIDE && !op->fixed) {
        jm_memory_enter(st, op);
    }

done:

    op->turn.position = 0;

    if (op->rc == JM_QUEUE_WAIT && op->place->serial != 0) {
        jm_queue_standing(&st->queue, op->place->ref, op->request.entry,
                          op->request.task, st->now, &op->turn);
    }

    if (op->submit != NULL && op->rc == JM_QUEUE_GRANTED && !op->gone) {
        op->submitted = 1;
        op->submit->account = op->place->account;
        op->submit->away = 0;

        jm_memory_may(st, op->submit);
    }

    b->unlock(b->ctx);

    op->away = 0;
    op->done.handler(op->done.data);
}


static void
jm_memory_enter(jm_state_t *st, jm_op_place_t *op)
{
    op->canceled = jm_memory_canceled(st, op->request.entry, op->request.task);

    if (op->canceled) {
        op->rc = JM_QUEUE_LATE;
        return;
    }

    op->request.since = st->now;
    op->request.billed = op->client ? jm_quota_serial(&st->quota, op->client)
                                    : 0;

    op->rc = jm_queue_enter(&st->queue, op->place, &op->request, st->now,
                            &op->wait);

    jm_memory_bind(st, op);

    if (op->rc == JM_QUEUE_WAIT && op->request.entry != 0) {
        jm_ledger_placed(&st->ledger, op->request.entry, op->request.task,
                         op->place->ref);
    }

    /* the answer to the other's submit says which account it will be */

    if (op->rc == JM_QUEUE_ASIDE && op->bound && !op->fixed) {
        op->rc = JM_QUEUE_WAIT;
        op->wait = JM_QUEUE_AGAIN;
    }
}


/* moves it to the account that it is bound to */

static void
jm_memory_bind(jm_state_t *st, jm_op_place_t *op)
{
    if (op->rc == JM_QUEUE_GRANTED && op->bound
        && op->place->account != op->account)
    {
        op->rc = jm_queue_bind(&st->queue, op->place, op->account, st->now,
                               &op->wait);
    }
}


static void
jm_memory_submit(jm_backend_t *b, jm_op_submit_t *op)
{
    jm_state_t  *st;

    st = b->lock(b->ctx);

    jm_memory_may(st, op);

    b->unlock(b->ctx);

    op->away = 0;
    op->done.handler(op->done.data);
}


static void
jm_memory_may(jm_state_t *st, jm_op_submit_t *op)
{
    op->rc = JM_OK;
    op->over = JM_QUOTA_OK;
    op->canceled = 0;

    if (op->most.images != 0) {
        op->over = jm_quota_enter_hold(&st->quota, op->client, &op->most,
                                       op->force, st->now, st->seconds,
                                       op->hold, &op->view);
    }

    if (op->claim != NULL && (op->over == JM_QUOTA_OK || op->force)) {
        op->rc = jm_ledger_submit(&st->ledger, op->claim, op->task,
                                  op->account);

        op->canceled = op->rc != JM_OK
                       && jm_memory_canceled(st, op->claim->serial, op->task);
    }
}


static void
jm_memory_refused(jm_backend_t *b, jm_op_refused_t *op)
{
    jm_state_t  *st;

    op->first = 0;

    st = b->lock(b->ctx);

    if (op->why == JM_REFUSED_RATE || op->why == JM_REFUSED_TASKS) {
        op->rc = jm_queue_busy(&st->queue, op->place,
                               op->why == JM_REFUSED_TASKS, st->now,
                               &op->wait);

    } else {
        op->rc = jm_queue_denied(&st->queue, op->place,
                                 op->why == JM_REFUSED_MODEL, st->now,
                                 &op->wait, &op->first);
    }

    b->unlock(b->ctx);

    op->away = 0;
    op->done.handler(op->done.data);
}


static void
jm_memory_sent(jm_backend_t *b, jm_ledger_claim_t *claim, unsigned task,
    jm_place_t *place, jm_sent_e what, jm_str_t id)
{
    jm_state_t  *st;

    st = b->lock(b->ctx);

    if (claim != NULL) {
        jm_memory_sent_claim(st, claim, task, place, what, id);
    }

    if (what == JM_SENT_TAKEN) {
        jm_queue_accepted(&st->queue, place, id, st->now);
    }

    b->unlock(b->ctx);
}


static void
jm_memory_sent_claim(jm_state_t *st, jm_ledger_claim_t *claim, unsigned task,
    const jm_place_t *place, jm_sent_e what, jm_str_t id)
{
    switch (what) {

    case JM_SENT_TAKEN:
        jm_ledger_accepted(&st->ledger, claim, task, id);
        break;

    case JM_SENT_BACK:
        jm_ledger_unsent(&st->ledger, claim, task);

        /* it waits now, and may never have done so before */

        if (place->serial != 0) {
            jm_ledger_placed(&st->ledger, claim->serial, task, place->ref);
        }

        break;

    case JM_SENT_UNKNOWN:
        jm_ledger_unknown(&st->ledger, claim, task, st->now);
        break;

    default: /* JM_SENT_FREE */
        jm_ledger_free(&st->ledger, claim, task, st->now);
    }
}


static void
jm_memory_renew(jm_backend_t *b, jm_place_t *place)
{
    jm_state_t  *st;

    st = b->lock(b->ctx);

    jm_queue_renew(&st->queue, place, st->now);

    b->unlock(b->ctx);
}


static size_t
jm_memory_news(jm_backend_t *b, uint64_t *serials, size_t n, uint32_t *alarms)
{
    size_t       i;
    jm_state_t  *st;

    st = b->lock(b->ctx);

    *alarms = jm_queue_alarms(&st->queue);

    for (i = 0; i < n; i++) {
        if (!jm_queue_news(&st->queue, &serials[i])) {
            break;
        }
    }

    b->unlock(b->ctx);

    return i;
}


static void
jm_memory_leave(jm_backend_t *b, jm_place_t *place, jm_leave_e how)
{
    jm_state_t  *st;

    st = b->lock(b->ctx);

    jm_queue_leave(&st->queue, place, how, st->now);

    b->unlock(b->ctx);
}


static void
jm_memory_over(jm_backend_t *b, jm_op_over_t *op)
{
    jm_state_t  *st;

    op->first = !op->left;
    op->kept = 0;

    memset(&op->near, 0, sizeof(jm_quota_near_t));

    st = b->lock(b->ctx);

    if (op->left && op->claim != NULL) {
        jm_ledger_unfollow(&st->ledger, op->claim, op->task);

    } else if (op->first && op->claim != NULL && op->how == JM_LEAVE_DONE) {
        op->first = jm_ledger_brought(&st->ledger, op->claim, op->task,
                                      op->result, jm_memory_until(st, op),
                                      st->now, &op->kept);

    } else if (op->first && op->claim != NULL) {
        op->first = jm_ledger_over(&st->ledger, op->claim, op->task, st->now);

    } else if (op->first && (op->joined.len != 0 || op->entry != 0)) {
        op->first = jm_memory_seen(st, op);
    }

    op->billed = !op->left
                 && jm_ledger_bill(&st->ledger, op->entry, op->task,
                                   op->bill.images != 0, &op->first);

    if (op->first && op->bill.images != 0) {
        jm_memory_count(st, op);
    }

    if (op->place->serial != 0) {
        jm_queue_leave(&st->queue, op->place, op->how, st->now);

    } else if (op->first && op->joined.len != 0 && op->how == JM_LEAVE_OVER) {
        (void) jm_queue_ended(&st->queue, op->account, op->joined, st->now);
    }

    if (op->release && op->hold != NULL) {
        jm_quota_release(&st->quota, op->hold);
    }

    b->unlock(b->ctx);

    op->away = 0;
    op->done.handler(op->done.data);
}


/* the ledger's clock goes on from the wall's, and is not set */

static uint64_t
jm_memory_until(jm_state_t *st, const jm_op_over_t *op)
{
    uint64_t  wall;

    wall = (uint64_t) st->seconds * 1000;

    return st->now + (op->until > wall ? jm_min(op->until - wall, JM_RESULT_FOR)
                                       : 0);
}


/*
 * Who asks for a task by its id, and sees its end, is the first if nobody
 * follows it: its slot, if it has one, was adopted then.  Who has not been told
 * of a task has seen nothing, though it may be over by now.
 */

static unsigned
jm_memory_seen(jm_state_t *st, jm_op_over_t *op)
{
    unsigned  first, known;

    if (op->how != JM_LEAVE_OVER) {
        return 0;
    }

    /* of two names of one model its slot knows which was ordered */

    op->bill.cost = op->bill.images
                    * jm_queue_price(&st->queue, op->account, op->joined,
                                     op->price);

    first = jm_ledger_ended(&st->ledger, op->entry, op->task, op->joined,
                            st->now, &known);

    return known ? first : (op->place->serial != 0);
}


static void
jm_memory_count(jm_state_t *st, jm_op_over_t *op)
{
    uint64_t  serial;

    if (op->hold != NULL) {
        jm_quota_delivered(&st->quota, op->hold, &op->bill, st->seconds);

    } else if (op->client != NULL) {
        serial = jm_quota_serial(&st->quota, op->client);

        (void) jm_quota_made(&st->quota, serial, &op->bill, st->seconds);
    }

    if (op->client != NULL) {
        jm_quota_near(&st->quota, op->client, st->seconds, &op->near);
    }
}


static void
jm_memory_billed(jm_backend_t *b, uint64_t entry, unsigned task)
{
    jm_state_t  *st;

    st = b->lock(b->ctx);

    jm_ledger_billed(&st->ledger, entry, task);

    b->unlock(b->ctx);
}


static void
jm_memory_orphan(jm_backend_t *b, jm_op_orphan_t *op)
{
    jm_state_t  *st;

    st = b->lock(b->ctx);

    op->found = jm_queue_orphan_next(&st->queue, op->accounts, op->pause,
                                     st->now, &op->orphan);

    b->unlock(b->ctx);

    op->away = 0;
    op->done.handler(op->done.data);
}


static void
jm_memory_asked(jm_backend_t *b, jm_op_orphan_t *op)
{
    jm_str_t      id;
    jm_state_t   *st;
    jm_orphan_t  *orphan;

    orphan = &op->orphan;

    id.len = orphan->len;
    id.data = orphan->id;

    op->first = 0;
    op->client.len = 0;

    st = b->lock(b->ctx);

    if (op->pending) {
        jm_queue_alive(&st->queue, orphan->account, id, st->now);

    } else if (!op->doubted
               || jm_queue_doubted(&st->queue, orphan->account, id))
    {
        jm_memory_orphan_over(st, op, id);
    }

    b->unlock(b->ctx);

    op->away = 0;
    op->done.handler(op->done.data);
}


static void
jm_memory_orphan_over(jm_state_t *st, jm_op_orphan_t *op, jm_str_t id)
{
    jm_str_t      client;
    unsigned      known;
    jm_orphan_t  *orphan;

    orphan = &op->orphan;

    op->first = jm_ledger_ended(&st->ledger, orphan->entry, orphan->task, id,
                                st->now, &known);

    /* a task that the ledger does not know is over when its slot is free */

    if (!known) {
        op->first = jm_queue_is_orphan(&st->queue, orphan->account, id);
    }

    op->bill.model = orphan->model;
    op->bill.cost = op->bill.images * orphan->price;

    (void) jm_ledger_bill(&st->ledger, orphan->entry, orphan->task,
                          op->bill.images != 0, &op->first);

    if (op->first && op->bill.images != 0) {
        client = jm_quota_made(&st->quota, orphan->billed, &op->bill,
                               st->seconds);

        op->client.len = client.len;
        op->client.data = op->name;

        if (client.len != 0) {
            memcpy(op->name, client.data, client.len);
        }
    }

    /* comes last: the next waiter may be granted the slot at once */

    (void) jm_queue_ended(&st->queue, orphan->account, id, st->now);
}
