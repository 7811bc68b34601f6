
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_queue_process.h"
#include "jm_queue_turn.h"


/* groups, and processes, that an account's places are of */

#define JM_QUEUE_SORTS      64


static unsigned jm_queue_free_number(jm_queue_t *q);
static uint64_t jm_queue_in_use(jm_queue_t *q);


uint32_t
jm_queue_records(const jm_queue_conf_t *conf)
{
    uint64_t  n;

    /*
     * Itself and its models, and a line for each place that waits; groups and
     * processes are as many only where few places wait.
     */

    n = 2 + (uint64_t) conf->concurrency + 2 * (uint64_t) conf->queue
        + 2 * (uint64_t) jm_min(conf->queue, JM_QUEUE_SORTS);

    return (uint32_t) jm_min(n, UINT32_MAX);
}


void
jm_queue_accounts_begin(jm_queue_t *q)
{
    jm_put(q->store, q->shared->round, q->shared->round + 1);

    /* those that wait may have slots that are new */

    jm_queue_alarm(q);
}


jm_rc_e
jm_queue_account(jm_queue_t *q, jm_str_t name,
    const jm_queue_conf_t *conf, unsigned *account)
{
    jm_rc_e              rc;
    jm_store_t          *s;
    jm_queue_account_t  *a;

    rc = jm_queue_find_account(q, name, account);

    if (rc != JM_OK) {
        return rc;
    }

    s = q->store;
    a = jm_queue_number(q, *account);

    jm_put(s, a->conf.concurrency, conf->concurrency);
    jm_put(s, a->conf.queue, conf->queue);
    jm_put(s, a->conf.weight, conf->weight);
    jm_put(s, a->conf.interval, conf->interval);
    jm_put(s, a->conf.pace, conf->pace);
    jm_put(s, a->conf.timeout, conf->timeout);

    jm_put(s, a->round, q->shared->round);
    jm_put(s, a->effective, conf->concurrency);
    jm_put(s, a->taken, 0);
    jm_put(s, a->refusals, 0);
    jm_put(s, a->rest, 0);
    jm_put(s, a->next, 0);

    jm_queue_forgive(q, a);

    return JM_OK;
}


void
jm_queue_query_denied(jm_queue_t *q, unsigned account)
{
    jm_queue_account_t  *a;

    a = jm_queue_number(q, account);

    jm_put(q->store, a->queries_denied, a->queries_denied + 1);
}


jm_rc_e
jm_queue_find_account(jm_queue_t *q, jm_str_t name, unsigned *i)
{
    jm_store_t          *s;
    jm_queue_shared_t   *shared;
    jm_queue_account_t  *a;

    s = q->store;
    shared = q->shared;

    if (name.len == 0 || name.len > JM_QUEUE_NAME) {
        return JM_INVALID;
    }

    for (*i = 0; *i < shared->naccounts; (*i)++) {
        a = jm_queue_number(q, *i);

        if (a->len == name.len && memcmp(a->name, name.data, name.len) == 0) {
            return JM_OK;
        }
    }

    *i = jm_queue_free_number(q);

    if (*i == JM_QUEUE_ACCOUNTS) {
        return JM_INVALID;
    }

    if (jm_store_room(s, 1) != JM_OK) {
        return JM_ERROR;
    }

    if (*i == shared->naccounts) {
        jm_put(s, shared->naccounts, *i + 1);

    } else {
        a = jm_queue_number(q, *i);
        jm_queue_forgive(q, a);
        jm_store_give(s, a);
    }

    a = jm_store_take(s, JM_RECORD_ACCOUNT);

    a->number = (uint8_t) *i;
    a->len = (uint8_t) name.len;
    memcpy(a->name, name.data, name.len);

    jm_store_seal(a, jm_queue_account_sealed);

    a->round = shared->round;
    jm_ring_init(s, &a->held);

    jm_put(s, shared->accounts[*i], jm_ref(s, a));

    return JM_OK;
}


/*
 * With all numbers taken it is the one of the account that is not needed, and
 * was in no configuration for longest; JM_QUEUE_ACCOUNTS if each is needed.
 */

static unsigned
jm_queue_free_number(jm_queue_t *q)
{
    unsigned             i, number;
    uint32_t             round;
    uint64_t             used;
    jm_queue_account_t  *a;

    if (q->shared->naccounts < JM_QUEUE_ACCOUNTS) {
        return q->shared->naccounts;
    }

    used = jm_queue_in_use(q);
    round = q->shared->round;
    number = JM_QUEUE_ACCOUNTS;

    for (i = 0; i < JM_QUEUE_ACCOUNTS; i++) {
        a = jm_queue_number(q, i);

        if (a->round < round && !(used & jm_queue_bit(i))) {
            round = a->round;
            number = i;
        }
    }

    return number;
}


/* the accounts that places have slots of, or may come to have */

static uint64_t
jm_queue_in_use(jm_queue_t *q)
{
    unsigned             i;
    uint64_t             used;
    jm_ring_t           *link;
    jm_queue_account_t  *a;

    used = jm_queue_wanted(q);

    for (i = 0; i < q->shared->naccounts; i++) {
        a = jm_queue_number(q, i);

        if (a->running != 0) {
            used |= jm_queue_bit(i);
        }

        for (link = jm_ring_next(q->store, &a->held); link != &a->held;
             link = jm_ring_next(q->store, link))
        {
            used |= jm_queue_place(link)->accounts;
        }
    }

    return used;
}
