
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * The operations of requests, clients and accounts on a state in memory: each
 * is done with the lock held, and answered when that was given up.
 */


#include "jm_backend.h"
#include "jm_ledger_handed.h"
#include "jm_quota_loose.h"


static void jm_memory_rate(jm_backend_t *b, jm_op_rate_t *op);
static void jm_memory_service(jm_backend_t *b, jm_op_service_t *op);
static unsigned jm_memory_served(jm_state_t *st, jm_op_service_t *op);
static void jm_memory_open(jm_backend_t *b, jm_op_open_t *op);
static unsigned jm_memory_joins(jm_state_t *st, jm_op_open_t *op);
static void jm_memory_hold(jm_state_t *st, jm_op_open_t *op);
static void jm_memory_ended(jm_backend_t *b, jm_ledger_claim_t *claim,
    jm_claim_e how, const jm_error_t *error);
static void jm_memory_fetched(jm_backend_t *b, uint64_t serial,
    const jm_str_t *ids, size_t n);
static void jm_memory_release(jm_backend_t *b, jm_hold_t *hold);
static void jm_memory_query_denied(jm_backend_t *b, unsigned account);
static void jm_memory_usage(jm_backend_t *b, jm_op_usage_t *op);
static void jm_memory_clients(jm_backend_t *b, jm_op_clients_t *op);
static void jm_memory_accounts(jm_backend_t *b, jm_op_accounts_t *op);
static void jm_memory_waits(jm_backend_t *b, jm_op_waits_t *op);


void
jm_backend_memory(jm_backend_t *b)
{
    b->rate = jm_memory_rate;
    b->service = jm_memory_service;
    b->open = jm_memory_open;
    b->ended = jm_memory_ended;
    b->fetched = jm_memory_fetched;
    b->release = jm_memory_release;
    b->query_denied = jm_memory_query_denied;
    b->usage = jm_memory_usage;
    b->clients = jm_memory_clients;
    b->accounts = jm_memory_accounts;
    b->waits = jm_memory_waits;

    jm_backend_memory_tasks(b);
    jm_backend_memory_look(b);
}


static void
jm_memory_rate(jm_backend_t *b, jm_op_rate_t *op)
{
    jm_state_t  *st;

    st = b->lock(b->ctx);

    op->rc = jm_quota_enter(&st->quota, op->client, st->now, st->seconds);

    if (op->rc == JM_OK) {
        op->rc = jm_quota_rate(&st->quota, op->client, st->now, &op->rate);

    } else {
        jm_quota_rate_view(&st->quota, op->client, st->now, &op->rate);
    }

    b->unlock(b->ctx);

    op->away = 0;
    op->done.handler(op->done.data);
}


static void
jm_memory_service(jm_backend_t *b, jm_op_service_t *op)
{
    jm_state_t  *st;

    op->news = JM_SERVICE_NO_NEWS;

    st = b->lock(b->ctx);

    op->service = jm_memory_served(st, op);

    if (op->service == op->n) {
        op->service = jm_queue_service(&st->queue, op->services, op->n,
                                       st->now, &op->news);
    }

    b->unlock(b->ctx);

    op->away = 0;
    op->done.handler(op->done.data);
}


/* the number of the service that the first try is with, or n */

static unsigned
jm_memory_served(jm_state_t *st, jm_op_service_t *op)
{
    unsigned  i, kind;

    if (!op->kept
        || !jm_ledger_served(&st->ledger, &op->request, st->now, &kind))
    {
        return op->n;
    }

    for (i = 0; i < op->n && op->kinds[i] != kind; i++) {
        /* void */
    }

    return i;
}


static void
jm_memory_open(jm_backend_t *b, jm_op_open_t *op)
{
    jm_state_t  *st;

    op->found = JM_LEDGER_NEW;
    op->joins = 0;
    op->over = JM_QUOTA_OK;

    memset(&op->near, 0, sizeof(jm_quota_near_t));

    st = b->lock(b->ctx);

    if (op->claim != NULL) {
        op->found = jm_ledger_open(&st->ledger, op->claim, &op->request,
                                   st->now);
    }

    switch (op->found) {

    case JM_LEDGER_OTHER:
        op->service = st->ledger.service;
        break;

    case JM_LEDGER_TWIN:
    case JM_LEDGER_REUSED:
        break;

    case JM_LEDGER_FULL:

        /* an Idempotency-Key has to work; others are served without */

        if (!op->request.named) {
            jm_memory_hold(st, op);
        }

        break;

    case JM_LEDGER_TOLD:
        op->told = st->ledger.told;

        /* fall through */

    default: /* JM_LEDGER_NEW, JM_LEDGER_FOUND */
        op->joins = jm_memory_joins(st, op);
        jm_memory_hold(st, op);
    }

    b->unlock(b->ctx);

    op->away = 0;
    op->done.handler(op->done.data);
}


/* what is its own is going to be submitted */

static unsigned
jm_memory_joins(jm_state_t *st, jm_op_open_t *op)
{
    jm_str_t  id;
    unsigned  i;

    if (op->found == JM_LEDGER_NEW) {
        return 0;
    }

    for (i = 0; i < op->request.n; i++) {

        if (jm_ledger_look(&st->ledger, op->claim, i, st->now, &id)
            == JM_LOOK_OWN)
        {
            return 0;
        }
    }

    return 1;
}


static void
jm_memory_hold(jm_state_t *st, jm_op_open_t *op)
{
    if (op->client == NULL) {
        return;
    }

    if (op->hold != NULL && !op->joins) {
        op->over = jm_quota_enter_hold(&st->quota, op->client, &op->most,
                                       op->force, st->now, st->seconds,
                                       op->hold, &op->view);

        jm_quota_near(&st->quota, op->client, st->seconds, &op->near);
        return;
    }

    /* who has no limits is entered for what it uses to be counted */

    (void) jm_quota_enter(&st->quota, op->client, st->now, st->seconds);

    if (op->hold != NULL) {
        jm_quota_attach(&st->quota, op->client, op->hold);
    }
}


static void
jm_memory_ended(jm_backend_t *b, jm_ledger_claim_t *claim, jm_claim_e how,
    const jm_error_t *error)
{
    jm_state_t  *st;

    st = b->lock(b->ctx);

    switch (how) {

    case JM_CLAIM_LEFT:
        jm_ledger_left(&st->ledger, claim, st->now);
        break;

    case JM_CLAIM_ANSWERED:
        jm_ledger_answered(&st->ledger, claim, st->now);
        break;

    case JM_CLAIM_TOLD:
        jm_ledger_told(&st->ledger, claim, error, st->now);
        break;

    case JM_CLAIM_HANDED:
        jm_ledger_hand(&st->ledger, claim);
        break;

    case JM_CLAIM_FAILED:
        jm_ledger_failed(&st->ledger, claim, error, st->now);
        break;

    case JM_CLAIM_OVER:
        jm_ledger_answered(&st->ledger, claim, st->now);

        /* fall through */

    default: /* JM_CLAIM_CLOSED */
        jm_ledger_close(&st->ledger, claim, st->now);
    }

    b->unlock(b->ctx);
}


static void
jm_memory_fetched(jm_backend_t *b, uint64_t serial, const jm_str_t *ids,
    size_t n)
{
    jm_state_t  *st;

    st = b->lock(b->ctx);

    jm_ledger_fetched(&st->ledger, serial, ids, n);

    b->unlock(b->ctx);
}


static void
jm_memory_release(jm_backend_t *b, jm_hold_t *hold)
{
    jm_state_t  *st;

    st = b->lock(b->ctx);

    jm_quota_release(&st->quota, hold);

    b->unlock(b->ctx);
}


static void
jm_memory_query_denied(jm_backend_t *b, unsigned account)
{
    jm_state_t  *st;

    st = b->lock(b->ctx);

    jm_queue_query_denied(&st->queue, account);

    b->unlock(b->ctx);
}


static void
jm_memory_usage(jm_backend_t *b, jm_op_usage_t *op)
{
    jm_state_t  *st;

    st = b->lock(b->ctx);

    jm_quota_rate_view(&st->quota, op->client, st->now, &op->rate);
    jm_quota_view(&st->quota, op->client, st->seconds, &op->view);
    jm_quota_usage(&st->quota, op->client, st->seconds, &op->usage);

    b->unlock(b->ctx);

    op->away = 0;
    op->done.handler(op->done.data);
}


/* piece by piece, as others wait for the lock meanwhile */

static void
jm_memory_clients(jm_backend_t *b, jm_op_clients_t *op)
{
    size_t            i, first, n;
    jm_state_t       *st;
    jm_quota_rate_t   rates[JM_QUOTA_PIECE];
    jm_quota_view_t   views[JM_QUOTA_PIECE];

    for (first = 0; first < op->n; first += n) {
        st = b->lock(b->ctx);

        n = jm_quota_views(&st->quota, op->clients + first, op->n - first,
                           st->now, st->seconds, rates, views);

        b->unlock(b->ctx);

        for (i = 0; i < n; i++) {
            op->each(op->done.data, first + i, &rates[i], &views[i]);
        }
    }

    op->away = 0;
    op->done.handler(op->done.data);
}


static void
jm_memory_accounts(jm_backend_t *b, jm_op_accounts_t *op)
{
    size_t            i;
    jm_state_t       *st;
    jm_queue_view_t   view;

    for (i = 0; i < op->n; i++) {
        st = b->lock(b->ctx);

        jm_queue_view(&st->queue, op->accounts[i], &view, st->now);

        b->unlock(b->ctx);

        op->each(op->done.data, i, &view);
    }

    op->away = 0;
    op->done.handler(op->done.data);
}


/* piece by piece, too; some may come or go meanwhile */

static void
jm_memory_waits(jm_backend_t *b, jm_op_waits_t *op)
{
    size_t       i, end;
    jm_state_t  *st;

    i = 0;

    do {
        end = i + jm_min(op->n - i, JM_QUOTA_PIECE);

        st = b->lock(b->ctx);

        op->all = jm_queue_waits(&st->queue);

        for ( /* void */ ; i < end; i++) {
            op->waits[i] = jm_queue_client_waits(&st->queue, op->clients[i]);
        }

        b->unlock(b->ctx);

    } while (i < op->n);

    op->away = 0;
    op->done.handler(op->done.data);
}
