
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_queue_turn.h"


static uint32_t jm_queue_limit(const jm_queue_account_t *a);
static unsigned jm_queue_is_probed(jm_queue_t *q,
    const jm_queue_account_t *a);
static unsigned jm_queue_is_better(const jm_queue_account_t *a,
    const jm_queue_account_t *b);
static unsigned jm_queue_next_account(jm_queue_t *q, uint64_t skip,
    uint64_t now);
static jm_queue_place_t *jm_queue_next_place(jm_queue_t *q, unsigned account,
    uint64_t now);
static void jm_queue_announce(jm_queue_t *q, const jm_queue_place_t *asks,
    uint64_t now);
static void jm_queue_wake(jm_queue_t *q, uint32_t worker);


uint64_t
jm_queue_ready_in(const jm_queue_account_t *a, uint64_t now)
{
    uint64_t  ready;

    ready = a->rest;

    if (a->conf.interval != 0 && a->submitted != 0) {
        ready = jm_max(ready, a->submitted + a->conf.interval);
    }

    return jm_queue_span(now, ready);
}


/* one is enough to see if an account's credentials are accepted again */

uint32_t
jm_queue_slots(const jm_queue_account_t *a)
{
    return (a->aside.times != 0) ? 1 : jm_queue_limit(a);
}


static uint32_t
jm_queue_limit(const jm_queue_account_t *a)
{
    return a->conf.concurrency ? jm_max(a->effective, 1) : UINT32_MAX;
}


uint64_t
jm_queue_free_slots(jm_queue_t *q, const jm_queue_account_t *a)
{
    uint64_t  free;

    free = jm_queue_span(a->running, jm_queue_limit(a));

    if (a->aside.times == 0) {
        return free;
    }

    return jm_queue_is_probed(q, a) ? 0 : jm_min(free, 1);
}


/* older tasks may run for minutes yet, and say nothing about credentials */

static unsigned
jm_queue_is_probed(jm_queue_t *q, const jm_queue_account_t *a)
{
    const jm_ring_t  *link;

    for (link = jm_ring_next(q->store, &a->held); link != &a->held;
         link = jm_ring_next(q->store, link))
    {
        if (jm_queue_place(link)->at >= a->aside.until) {
            return 1;
        }
    }

    return 0;
}


/* whether a has less to do for its weight than b */

static unsigned
jm_queue_is_better(const jm_queue_account_t *a, const jm_queue_account_t *b)
{
    return (uint64_t) a->running * b->conf.weight
           < (uint64_t) b->running * a->conf.weight;
}


unsigned
jm_queue_pick(jm_queue_t *q, const jm_queue_request_t *request, uint64_t now)
{
    unsigned             i, account;
    jm_queue_account_t  *a, *best;

    best = NULL;
    account = JM_QUEUE_ACCOUNTS;

    for (i = 0; i < request->naccounts; i++) {
        a = jm_queue_number(q, request->accounts[i]);

        if (jm_queue_free_slots(q, a) == 0 || jm_queue_ready_in(a, now) != 0
            || jm_queue_is_aside(q, a, request->model, now))
        {
            continue;
        }

        if (best == NULL || jm_queue_is_better(a, best)) {
            best = a;
            account = request->accounts[i];
        }
    }

    return account;
}


void
jm_queue_dispatch(jm_queue_t *q, const jm_queue_place_t *asks, uint64_t now)
{
    unsigned             i;
    uint64_t             skip;
    jm_queue_place_t    *place;
    jm_queue_account_t  *a;

    if (q->shared->waiting == 0) {
        return;
    }

    skip = 0;

    for ( ;; ) {
        i = jm_queue_next_account(q, skip, now);

        if (i == JM_QUEUE_ACCOUNTS) {
            break;
        }

        place = jm_queue_next_place(q, i, now);

        if (place == NULL) {
            skip |= jm_queue_bit(i);
            continue;
        }

        a = jm_queue_number(q, i);
        jm_put(q->store, a->submitted, now);

        jm_queue_hold(q, place, i, JM_PLACE_GRANTED, now);

        if (place != asks) {
            jm_queue_wake(q, place->worker);
        }

        jm_store_commit(q->store);
    }

    jm_queue_announce(q, asks, now);
}


/* the best account that is ready, and that a place waits for */

static unsigned
jm_queue_next_account(jm_queue_t *q, uint64_t skip, uint64_t now)
{
    unsigned             i, account;
    jm_queue_account_t  *a, *best;

    best = NULL;
    account = JM_QUEUE_ACCOUNTS;

    for (i = 0; i < q->shared->naccounts; i++) {
        a = jm_queue_number(q, i);

        if (a->waiting == 0 || (skip & jm_queue_bit(i))
            || jm_queue_free_slots(q, a) == 0
            || jm_queue_ready_in(a, now) != 0)
        {
            continue;
        }

        if (best == NULL || jm_queue_is_better(a, best)) {
            best = a;
            account = i;
        }
    }

    return account;
}


/* the oldest place that the account may serve of the next client with one */

static jm_queue_place_t *
jm_queue_next_place(jm_queue_t *q, unsigned account, uint64_t now)
{
    jm_ring_t           *l, *p;
    jm_store_t          *s;
    jm_queue_line_t     *line;
    jm_queue_place_t    *place;
    jm_queue_shared_t   *shared;
    jm_queue_account_t  *a;

    s = q->store;
    shared = q->shared;
    a = jm_queue_number(q, account);

    for (l = jm_ring_next(s, &shared->lines); l != &shared->lines;
         l = jm_ring_next(s, l))
    {
        line = jm_queue_line(l);

        for (p = jm_ring_next(s, &line->places); p != &line->places;
             p = jm_ring_next(s, p))
        {
            place = jm_queue_place(p);

            if ((place->accounts & jm_queue_bit(account))
                && !jm_queue_is_aside(q, a, place->model, now))
            {
                return place;
            }
        }
    }

    return NULL;
}


/*
 * An account with a free slot that is not ready yet will be in a known time:
 * the place that is next there is woken, to look again just then.
 */

static void
jm_queue_announce(jm_queue_t *q, const jm_queue_place_t *asks, uint64_t now)
{
    unsigned             i;
    jm_queue_place_t    *place;
    jm_queue_account_t  *a;

    for (i = 0; i < q->shared->naccounts; i++) {
        a = jm_queue_number(q, i);

        if (a->waiting == 0 || jm_queue_free_slots(q, a) == 0
            || jm_queue_ready_in(a, now) == 0)
        {
            continue;
        }

        place = jm_queue_next_place(q, i, now);

        if (place == NULL || a->next == place->serial) {
            continue;
        }

        jm_put(q->store, a->next, place->serial);

        if (place != asks) {
            jm_queue_wake(q, place->worker);
        }
    }
}


uint64_t
jm_queue_pause(jm_queue_t *q, const jm_queue_place_t *place, uint64_t now)
{
    unsigned             i;
    uint64_t             pause, timeout, ready;
    jm_queue_account_t  *a;

    pause = jm_min(JM_QUEUE_LOOK, jm_queue_span(now, place->due));

    timeout = jm_queue_timeout(q, place->accounts);

    if (timeout != 0) {
        pause = jm_min(pause, jm_queue_span(now, place->since + timeout));
    }

    for (i = 0; i < q->shared->naccounts; i++) {
        a = jm_queue_number(q, i);

        if (!(place->accounts & jm_queue_bit(i))
            || jm_queue_free_slots(q, a) == 0)
        {
            continue;
        }

        ready = jm_queue_ready_in(a, now);

        if (ready < pause && jm_queue_next_place(q, i, now) == place) {
            pause = ready;
        }
    }

    return jm_max(pause, 1);
}


uint64_t
jm_queue_timeout(jm_queue_t *q, uint64_t accounts)
{
    unsigned             i;
    uint64_t             timeout;
    jm_queue_account_t  *a;

    timeout = 0;

    for (i = 0; i < q->shared->naccounts; i++) {

        if (!(accounts & jm_queue_bit(i))) {
            continue;
        }

        a = jm_queue_number(q, i);

        if (a->conf.timeout == 0) {
            return 0;
        }

        timeout = jm_max(timeout, a->conf.timeout);
    }

    return timeout;
}


static void
jm_queue_wake(jm_queue_t *q, uint32_t worker)
{
    unsigned  i;

    if (q->nwoken > JM_QUEUE_WOKEN) {
        return;
    }

    for (i = 0; i < q->nwoken; i++) {

        if (q->woken[i] == worker) {
            return;
        }
    }

    if (q->nwoken < JM_QUEUE_WOKEN) {
        q->woken[q->nwoken] = worker;
    }

    q->nwoken++;
}


void
jm_queue_wake_all(jm_queue_t *q)
{
    q->nwoken = JM_QUEUE_WOKEN + 1;
}
