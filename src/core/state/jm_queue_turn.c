
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_queue_process.h"
#include "jm_queue_turn.h"


static uint32_t jm_queue_limit(const jm_queue_account_t *a);
static unsigned jm_queue_is_probed(jm_queue_t *q,
    const jm_queue_account_t *a);
static unsigned jm_queue_is_better(const jm_queue_account_t *a,
    const jm_queue_account_t *b);
static void jm_queue_grant(jm_queue_t *q, jm_queue_place_t *place,
    unsigned account, const jm_queue_place_t *asks, uint64_t now);
static unsigned jm_queue_is_left(jm_queue_t *q,
    const jm_queue_place_t *place, uint64_t now);
static unsigned jm_queue_next_account(jm_queue_t *q, uint64_t skip,
    uint64_t now);
static jm_queue_place_t *jm_queue_next_place(jm_queue_t *q, unsigned account,
    uint64_t now);
static void jm_queue_announce(jm_queue_t *q, const jm_queue_place_t *asks,
    uint64_t now);


uint64_t
jm_queue_ready_in(const jm_queue_account_t *a, uint64_t now)
{
    uint64_t  ready, pause;

    ready = a->rest;

    pause = jm_max(a->conf.interval, (uint64_t) a->conf.pace * a->pictures);

    if (pause != 0 && a->submitted != 0) {
        ready = jm_max(ready, a->submitted + pause);
    }

    return jm_queue_span(now, ready);
}


void
jm_queue_submits(jm_queue_t *q, jm_queue_account_t *a,
    const jm_queue_place_t *place, uint64_t now)
{
    jm_put(q->store, a->submitted, now);
    jm_put(q->store, a->pictures, place->pictures);
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
    unsigned           i, left;
    uint64_t           skip;
    jm_queue_place_t  *place;

    if (q->shared->waiting == 0) {
        return;
    }

    left = 0;
    skip = ~jm_queue_wanted(q);

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

        if (place == asks || !jm_queue_is_left(q, place, now)) {
            jm_queue_grant(q, place, i, asks, now);

        } else if (left++ != JM_QUEUE_BURIED) {
            jm_queue_drop(q, place);

        } else {
            break;
        }

        jm_store_commit(q->store);
    }

    jm_put(q->store, q->shared->stuck, left > JM_QUEUE_BURIED);

    jm_queue_announce(q, asks, now);
}


static void
jm_queue_grant(jm_queue_t *q, jm_queue_place_t *place, unsigned account,
    const jm_queue_place_t *asks, uint64_t now)
{
    jm_queue_account_t  *a;

    a = jm_queue_number(q, account);
    jm_queue_submits(q, a, place, now);

    jm_queue_hold(q, place, account, JM_PLACE_GRANTED, now);

    if (place != asks) {
        jm_queue_notify(q, place);
    }
}


/* whether a place that waits is nobody's any more */

static unsigned
jm_queue_is_left(jm_queue_t *q, const jm_queue_place_t *place, uint64_t now)
{
    const jm_queue_process_t  *process;

    process = jm_to(q->store, place->wait.process);

    return process->dead
           || jm_queue_span(place->renewed, now) >= JM_QUEUE_LEASE;
}


/* the best account that is ready, of those that are not to be skipped */

static unsigned
jm_queue_next_account(jm_queue_t *q, uint64_t skip, uint64_t now)
{
    unsigned             i, account;
    jm_queue_account_t  *a, *best;

    best = NULL;
    account = JM_QUEUE_ACCOUNTS;

    for (i = 0; i < q->shared->naccounts; i++) {
        a = jm_queue_number(q, i);

        if ((skip & jm_queue_bit(i)) || jm_queue_free_slots(q, a) == 0
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


/* of the first places of all groups that the account may serve the first */

static jm_queue_place_t *
jm_queue_next_place(jm_queue_t *q, unsigned account, uint64_t now)
{
    jm_ring_t           *link;
    jm_store_t          *s;
    jm_queue_place_t    *place, *next;
    jm_queue_group_t    *group;
    jm_queue_account_t  *a;

    next = NULL;
    s = q->store;
    a = jm_queue_number(q, account);

    for (link = jm_ring_next(s, &q->shared->groups);
         link != &q->shared->groups;
         link = jm_ring_next(s, link))
    {
        group = jm_queue_group(link);

        if (!(group->accounts & jm_queue_bit(account))
            || jm_queue_is_aside(q, a, group->model, now))
        {
            continue;
        }

        place = jm_queue_noded(jm_tree_first(s, &group->places));

        if (next == NULL || place->tag < next->tag
            || (place->tag == next->tag && place->serial < next->serial))
        {
            next = place;
        }
    }

    return next;
}


/*
 * An account with a free slot that is not ready yet will be in a known time:
 * the place that is next there is told, to look again just then.
 */

static void
jm_queue_announce(jm_queue_t *q, const jm_queue_place_t *asks, uint64_t now)
{
    unsigned             i;
    uint64_t             wanted;
    jm_queue_place_t    *place;
    jm_queue_account_t  *a;

    wanted = jm_queue_wanted(q);

    for (i = 0; i < q->shared->naccounts; i++) {
        a = jm_queue_number(q, i);

        if (!(wanted & jm_queue_bit(i)) || jm_queue_free_slots(q, a) == 0
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
            jm_queue_notify(q, place);
        }
    }
}


uint64_t
jm_queue_pause(jm_queue_t *q, const jm_queue_place_t *place, uint64_t now)
{
    unsigned             i;
    uint64_t             pause, timeout, ready;
    jm_queue_account_t  *a;

    /* what the dead have left goes at once, as somebody has to look */

    if (q->shared->ndead != 0 || q->shared->stuck) {
        return 1;
    }

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
