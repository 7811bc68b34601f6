
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * The operations of requests, clients and accounts on two stores.
 */


#include "jm_either_part.h"


static void jm_either_rate(jm_backend_t *b, jm_op_rate_t *op);
static void jm_either_rated(void *data);
static void jm_either_service(jm_backend_t *b, jm_op_service_t *op);
static void jm_either_served(void *data);
static void jm_either_open(jm_backend_t *b, jm_op_open_t *op);
static unsigned jm_either_knows(jm_either_t *e, const jm_op_open_t *op);
static void jm_either_opened(void *data);
static void jm_either_open_near(jm_either_t *e, jm_op_open_t *op);
static void jm_either_ended(jm_backend_t *b, jm_ledger_claim_t *claim,
    jm_claim_e how, const jm_error_t *error);
static void jm_either_fetched(jm_backend_t *b, uint64_t serial,
    const jm_str_t *ids, size_t n);
static void jm_either_release(jm_backend_t *b, jm_hold_t *hold);
static void jm_either_usage(jm_backend_t *b, jm_op_usage_t *op);
static void jm_either_clients(jm_backend_t *b, jm_op_clients_t *op);
static void jm_either_accounts(jm_backend_t *b, jm_op_accounts_t *op);
static void jm_either_waits(jm_backend_t *b, jm_op_waits_t *op);
static void jm_either_query_denied(jm_backend_t *b, unsigned account);


void
jm_backend_either(jm_backend_t *b, jm_either_t *e)
{
    memset(b, 0, sizeof(jm_backend_t));

    b->rate = jm_either_rate;
    b->service = jm_either_service;
    b->open = jm_either_open;
    b->ended = jm_either_ended;
    b->fetched = jm_either_fetched;
    b->release = jm_either_release;
    b->usage = jm_either_usage;
    b->clients = jm_either_clients;
    b->accounts = jm_either_accounts;
    b->waits = jm_either_waits;
    b->query_denied = jm_either_query_denied;

    jm_backend_either_tasks(b);

    b->salt = e->far.salt;
    b->ctx = e;

    memcpy(&e->mask, e->near.salt, sizeof(uint64_t));

    e->mask &= JM_EITHER_NEAR - 1;
    e->mask |= JM_EITHER_NEAR;
}


static void
jm_either_rate(jm_backend_t *b, jm_op_rate_t *op)
{
    jm_either_t *e = b->ctx;

    if (!e->there(e->ctx)) {
        e->alone(e->ctx);
        e->near.rate(&e->near, op);
        return;
    }

    jm_either_ask(e, &op->asked, &op->done, jm_either_rated, op);

    e->far.rate(&e->far, op);
}


static void
jm_either_rated(void *data)
{
    jm_either_t   *e;
    jm_op_rate_t  *op = data;

    e = op->asked.store;
    op->done = op->asked.done;

    if (op->away) {
        e->alone(e->ctx);
        e->near.rate(&e->near, op);
        return;
    }

    op->done.handler(op->done.data);
}


static void
jm_either_service(jm_backend_t *b, jm_op_service_t *op)
{
    jm_either_t *e = b->ctx;

    if (!e->there(e->ctx)) {
        e->near.service(&e->near, op);
        return;
    }

    jm_either_ask(e, &op->asked, &op->done, jm_either_served, op);

    e->far.service(&e->far, op);
}


static void
jm_either_served(void *data)
{
    jm_either_t      *e;
    jm_op_service_t  *op = data;

    e = op->asked.store;
    op->done = op->asked.done;

    if (op->away) {
        e->near.service(&e->near, op);
        return;
    }

    op->done.handler(op->done.data);
}


static void
jm_either_open(jm_backend_t *b, jm_op_open_t *op)
{
    jm_either_t *e = b->ctx;

    if (!e->there(e->ctx)) {
        e->alone(e->ctx);
        jm_either_open_near(e, op);
        return;
    }

    if (jm_either_knows(e, op)) {
        jm_either_open_near(e, op);
        return;
    }

    jm_either_ask(e, &op->asked, &op->done, jm_either_opened, op);

    e->far.open(&e->far, op);
}


/* whether the first try of the request began near */

static unsigned
jm_either_knows(jm_either_t *e, const jm_op_open_t *op)
{
    unsigned     known, service;
    jm_state_t  *st;

    if (op->claim == NULL) {
        return 0;
    }

    st = e->near.lock(e->near.ctx);

    known = jm_ledger_served(&st->ledger, &op->request, st->now, &service);

    e->near.unlock(e->near.ctx);

    return known;
}


static void
jm_either_opened(void *data)
{
    jm_either_t   *e;
    jm_op_open_t  *op = data;

    e = op->asked.store;
    op->done = op->asked.done;

    if (op->away) {
        e->alone(e->ctx);
        jm_either_open_near(e, op);
        return;
    }

    op->done.handler(op->done.data);
}


static void
jm_either_open_near(jm_either_t *e, jm_op_open_t *op)
{
    jm_done_t  told;

    told = jm_either_hush(&op->done);

    e->near.open(&e->near, op);

    if (op->claim != NULL) {
        jm_either_flip(e, &op->claim->serial);
    }

    if (op->hold != NULL) {
        op->hold->near = 1;
    }

    op->done = told;
    op->done.handler(op->done.data);
}


static void
jm_either_ended(jm_backend_t *b, jm_ledger_claim_t *claim, jm_claim_e how,
    const jm_error_t *error)
{
    jm_either_t   *e = b->ctx;
    jm_backend_t  *store;

    store = jm_either_of(e, claim->serial);

    if (store == &e->far) {
        store->ended(store, claim, how, error);
        return;
    }

    jm_either_flip(e, &claim->serial);

    store->ended(store, claim, how, error);

    jm_either_flip(e, &claim->serial);
}


static void
jm_either_fetched(jm_backend_t *b, uint64_t serial, const jm_str_t *ids,
    size_t n)
{
    jm_either_t   *e = b->ctx;
    jm_backend_t  *store;

    store = jm_either_of(e, serial);

    if (store == &e->near) {
        jm_either_flip(e, &serial);
    }

    store->fetched(store, serial, ids, n);
}


static void
jm_either_release(jm_backend_t *b, jm_hold_t *hold)
{
    jm_either_t   *e = b->ctx;
    jm_backend_t  *store;

    store = hold->near ? &e->near : &e->far;
    store->release(store, hold);
}


static void
jm_either_usage(jm_backend_t *b, jm_op_usage_t *op)
{
    jm_backend_t  *store;

    store = jm_either_now(b->ctx);
    store->usage(store, op);
}


static void
jm_either_clients(jm_backend_t *b, jm_op_clients_t *op)
{
    jm_backend_t  *store;

    store = jm_either_now(b->ctx);
    store->clients(store, op);
}


static void
jm_either_accounts(jm_backend_t *b, jm_op_accounts_t *op)
{
    jm_backend_t  *store;

    store = jm_either_now(b->ctx);
    store->accounts(store, op);
}


static void
jm_either_waits(jm_backend_t *b, jm_op_waits_t *op)
{
    jm_backend_t  *store;

    store = jm_either_now(b->ctx);
    store->waits(store, op);
}


static void
jm_either_query_denied(jm_backend_t *b, unsigned account)
{
    jm_backend_t  *store;

    store = jm_either_now(b->ctx);
    store->query_denied(store, account);
}
