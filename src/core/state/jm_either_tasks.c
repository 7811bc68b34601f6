
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * The operations of tasks on two stores.  All that is given to one of them is
 * of the same store, but for a hold, see jm_either_over().
 */


#include "jm_either_part.h"


static void jm_either_look(jm_backend_t *b, jm_op_look_t *op);
static void jm_either_cancel(jm_backend_t *b, jm_op_cancel_t *op);
static void jm_either_place(jm_backend_t *b, jm_op_place_t *op);
static void jm_either_placed(void *data);
static void jm_either_place_near(jm_either_t *e, jm_op_place_t *op);
static void jm_either_submit(jm_backend_t *b, jm_op_submit_t *op);
static void jm_either_refused(jm_backend_t *b, jm_op_refused_t *op);
static void jm_either_sent(jm_backend_t *b, jm_ledger_claim_t *claim,
    unsigned task, jm_place_t *place, jm_sent_e what, jm_str_t id);
static void jm_either_renew(jm_backend_t *b, jm_place_t *place);
static size_t jm_either_news(jm_backend_t *b, uint64_t *serials, size_t n,
    uint32_t *alarms);
static void jm_either_leave(jm_backend_t *b, jm_place_t *place,
    jm_leave_e how);
static void jm_either_over(jm_backend_t *b, jm_op_over_t *op);
static jm_backend_t *jm_either_over_of(jm_either_t *e,
    const jm_op_over_t *op);
static void jm_either_billed(jm_backend_t *b, uint64_t entry, unsigned task);
static void jm_either_orphan(jm_backend_t *b, jm_op_orphan_t *op);
static void jm_either_asked(jm_backend_t *b, jm_op_orphan_t *op);
static void jm_either_flip_claim(const jm_either_t *e,
    jm_ledger_claim_t *claim);


void
jm_backend_either_tasks(jm_backend_t *b)
{
    b->look = jm_either_look;
    b->cancel = jm_either_cancel;
    b->place = jm_either_place;
    b->submit = jm_either_submit;
    b->refused = jm_either_refused;
    b->sent = jm_either_sent;
    b->renew = jm_either_renew;
    b->news = jm_either_news;
    b->leave = jm_either_leave;
    b->over = jm_either_over;
    b->billed = jm_either_billed;
    b->orphan = jm_either_orphan;
    b->asked = jm_either_asked;
}


static void
jm_either_flip_claim(const jm_either_t *e, jm_ledger_claim_t *claim)
{
    if (claim != NULL) {
        jm_either_flip(e, &claim->serial);
    }
}


/* an id alone does not tell */

static void
jm_either_look(jm_backend_t *b, jm_op_look_t *op)
{
    jm_done_t      told;
    jm_either_t   *e = b->ctx;
    jm_backend_t  *store;

    store = op->claim ? jm_either_of(e, op->claim->serial)
            : op->entry ? jm_either_of(e, op->entry)
            : jm_either_now(e);

    if (store == &e->far) {
        store->look(store, op);
        return;
    }

    jm_either_flip_claim(e, op->claim);
    jm_either_flip(e, &op->entry);
    jm_either_flip(e, &op->place->serial);

    told = jm_either_hush(&op->done);

    store->look(store, op);

    jm_either_flip_claim(e, op->claim);
    jm_either_flip(e, &op->entry);
    jm_either_flip(e, &op->place->serial);

    op->done = told;
    op->done.handler(op->done.data);
}


static void
jm_either_cancel(jm_backend_t *b, jm_op_cancel_t *op)
{
    jm_done_t      told;
    jm_either_t   *e = b->ctx;
    jm_backend_t  *store;

    store = jm_either_of(e, op->entry);

    if (store == &e->far) {
        store->cancel(store, op);
        return;
    }

    jm_either_flip(e, &op->entry);

    told = jm_either_hush(&op->done);

    store->cancel(store, op);

    jm_either_flip(e, &op->entry);

    op->done = told;
    op->done.handler(op->done.data);
}


/* a place of a request that has begun is where that is */

static void
jm_either_place(jm_backend_t *b, jm_op_place_t *op)
{
    uint64_t      number;
    jm_either_t  *e = b->ctx;

    number = op->place->serial ? op->place->serial : op->request.entry;

    if (number != 0) {

        if (jm_either_of(e, number) == &e->near) {
            jm_either_place_near(e, op);

        } else {
            e->far.place(&e->far, op);
        }

        return;
    }

    if (!e->there(e->ctx)) {
        e->alone(e->ctx);
        jm_either_place_near(e, op);
        return;
    }

    jm_either_ask(e, &op->asked, &op->done, jm_either_placed, op);

    e->far.place(&e->far, op);
}


static void
jm_either_placed(void *data)
{
    jm_either_t    *e;
    jm_op_place_t  *op = data;

    e = op->asked.store;
    op->done = op->asked.done;

    if (op->away) {
        e->alone(e->ctx);
        jm_either_place_near(e, op);
        return;
    }

    op->done.handler(op->done.data);
}


static void
jm_either_place_near(jm_either_t *e, jm_op_place_t *op)
{
    jm_done_t           told;
    jm_ledger_claim_t  *claim;

    claim = op->submit ? op->submit->claim : NULL;

    jm_either_flip_claim(e, claim);
    jm_either_flip(e, &op->place->serial);
    jm_either_flip(e, &op->request.entry);

    told = jm_either_hush(&op->done);

    e->near.place(&e->near, op);

    jm_either_flip_claim(e, claim);
    jm_either_flip(e, &op->place->serial);
    jm_either_flip(e, &op->request.entry);

    op->done = told;
    op->done.handler(op->done.data);
}


static void
jm_either_submit(jm_backend_t *b, jm_op_submit_t *op)
{
    jm_done_t      told;
    jm_either_t   *e = b->ctx;
    jm_backend_t  *store;

    store = op->claim ? jm_either_of(e, op->claim->serial)
            : op->hold->near ? &e->near
            : &e->far;

    if (store == &e->far) {
        store->submit(store, op);
        return;
    }

    jm_either_flip_claim(e, op->claim);

    told = jm_either_hush(&op->done);

    store->submit(store, op);

    jm_either_flip_claim(e, op->claim);

    if (op->most.images != 0) {
        op->hold->near = 1;
    }

    op->done = told;
    op->done.handler(op->done.data);
}


static void
jm_either_refused(jm_backend_t *b, jm_op_refused_t *op)
{
    jm_done_t      told;
    jm_either_t   *e = b->ctx;
    jm_backend_t  *store;

    store = jm_either_of(e, op->place->serial);

    if (store == &e->far) {
        store->refused(store, op);
        return;
    }

    jm_either_flip(e, &op->place->serial);

    told = jm_either_hush(&op->done);

    store->refused(store, op);

    jm_either_flip(e, &op->place->serial);

    op->done = told;
    op->done.handler(op->done.data);
}


static void
jm_either_sent(jm_backend_t *b, jm_ledger_claim_t *claim, unsigned task,
    jm_place_t *place, jm_sent_e what, jm_str_t id)
{
    jm_either_t   *e = b->ctx;
    jm_backend_t  *store;

    store = jm_either_of(e, claim ? claim->serial : place->serial);

    if (store == &e->far) {
        store->sent(store, claim, task, place, what, id);
        return;
    }

    jm_either_flip_claim(e, claim);
    jm_either_flip(e, &place->serial);

    store->sent(store, claim, task, place, what, id);

    jm_either_flip_claim(e, claim);
    jm_either_flip(e, &place->serial);
}


static void
jm_either_renew(jm_backend_t *b, jm_place_t *place)
{
    jm_either_t   *e = b->ctx;
    jm_backend_t  *store;

    store = jm_either_of(e, place->serial);

    if (store == &e->far) {
        store->renew(store, place);
        return;
    }

    jm_either_flip(e, &place->serial);

    store->renew(store, place);

    jm_either_flip(e, &place->serial);
}


/* each of both alarms only counts up */

static size_t
jm_either_news(jm_backend_t *b, uint64_t *serials, size_t n, uint32_t *alarms)
{
    size_t        i, near;
    uint32_t      more;
    jm_either_t  *e = b->ctx;

    near = e->near.news(&e->near, serials, n, alarms);

    for (i = 0; i < near; i++) {
        jm_either_flip(e, &serials[i]);
    }

    n = near + e->far.news(&e->far, serials + near, n - near, &more);

    *alarms += more;

    return n;
}


static void
jm_either_leave(jm_backend_t *b, jm_place_t *place, jm_leave_e how)
{
    jm_either_t   *e = b->ctx;
    jm_backend_t  *store;

    store = jm_either_of(e, place->serial);

    if (store == &e->near) {
        jm_either_flip(e, &place->serial);
    }

    store->leave(store, place, how);
}


/*
 * Where a request has no entry its hold may be of another store than its place:
 * what is made counts for the client where the task is, and the hold is given
 * back with the request.
 */

static void
jm_either_over(jm_backend_t *b, jm_op_over_t *op)
{
    jm_done_t      told;
    jm_either_t   *e = b->ctx;
    jm_backend_t  *store;

    store = jm_either_over_of(e, op);

    if (op->hold != NULL && op->hold->near != (store == &e->near)) {

        if (op->release) {
            b->release(b, op->hold);
        }

        op->hold = NULL;
    }

    if (store == &e->far) {
        store->over(store, op);
        return;
    }

    jm_either_flip_claim(e, op->claim);
    jm_either_flip(e, &op->place->serial);
    jm_either_flip(e, &op->entry);

    told = jm_either_hush(&op->done);

    store->over(store, op);

    jm_either_flip_claim(e, op->claim);
    jm_either_flip(e, &op->place->serial);
    jm_either_flip(e, &op->entry);

    op->done = told;
    op->done.handler(op->done.data);
}


/* who joins a task by its id alone tells the store that may have its slot */

static jm_backend_t *
jm_either_over_of(jm_either_t *e, const jm_op_over_t *op)
{
    if (op->claim != NULL) {
        return jm_either_of(e, op->claim->serial);
    }

    if (op->place->serial != 0) {
        return jm_either_of(e, op->place->serial);
    }

    if (op->entry != 0) {
        return jm_either_of(e, op->entry);
    }

    return (op->joined.len == 0 && op->hold != NULL && op->hold->near)
           ? &e->near : &e->far;
}


static void
jm_either_billed(jm_backend_t *b, uint64_t entry, unsigned task)
{
    jm_either_t   *e = b->ctx;
    jm_backend_t  *store;

    store = jm_either_of(e, entry);

    if (store == &e->near) {
        jm_either_flip(e, &entry);
    }

    store->billed(store, entry, task);
}


/* what nobody follows near is not forgotten when the far one is back */

static void
jm_either_orphan(jm_backend_t *b, jm_op_orphan_t *op)
{
    jm_done_t     told;
    jm_either_t  *e = b->ctx;

    told = jm_either_hush(&op->done);

    e->near.orphan(&e->near, op);

    op->done = told;
    op->near = op->found;

    if (op->found) {
        jm_either_flip(e, &op->orphan.entry);

    } else if (e->there(e->ctx)) {
        e->far.orphan(&e->far, op);
        return;
    }

    op->done.handler(op->done.data);
}


static void
jm_either_asked(jm_backend_t *b, jm_op_orphan_t *op)
{
    jm_done_t     told;
    jm_either_t  *e = b->ctx;

    if (!op->near) {
        e->far.asked(&e->far, op);
        return;
    }

    jm_either_flip(e, &op->orphan.entry);

    told = jm_either_hush(&op->done);

    e->near.asked(&e->near, op);

    jm_either_flip(e, &op->orphan.entry);

    op->done = told;
    op->done.handler(op->done.data);
}
