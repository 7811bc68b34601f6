
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_queue_turn.h"


/* milliseconds, the first time, and doubled up to */

#define JM_QUEUE_REST       500
#define JM_QUEUE_REST_MAX   16000
#define JM_QUEUE_ASIDE_FOR  10000
#define JM_QUEUE_ASIDE_MAX  300000

#define JM_QUEUE_AVERAGE    8       /* the newest task weighs 1 in so many */


static jm_queue_e jm_queue_admit(jm_queue_t *q,
    const jm_queue_request_t *request, uint64_t now, uint64_t *wait);
static uint64_t jm_queue_accounts(const jm_queue_request_t *request);
static uint64_t jm_queue_retry(const jm_queue_outlook_t *o, uint64_t patience,
    uint64_t timeout);
static jm_queue_place_t *jm_queue_make(jm_queue_t *q, jm_place_t *p,
    const jm_queue_request_t *request, uint64_t now);
static jm_queue_place_t *jm_queue_find(const jm_place_t *p, uint64_t now);
static jm_queue_e jm_queue_tell(jm_queue_t *q, jm_place_t *p,
    jm_queue_place_t *place, uint64_t now, uint64_t *wait);
static jm_queue_e jm_queue_tell_waiting(jm_queue_t *q,
    jm_queue_place_t *place, uint64_t now, uint64_t *wait);
static void jm_queue_succeeded(jm_queue_account_t *a,
    const jm_queue_place_t *place);
static unsigned jm_queue_set_aside(jm_queue_aside_t *aside,
    const jm_queue_place_t *place, uint64_t now);
static jm_queue_aside_t *jm_queue_model(jm_queue_account_t *a,
    uint64_t model);
static void jm_queue_learn(jm_queue_account_t *a,
    const jm_queue_place_t *place, uint64_t now);


jm_queue_e
jm_queue_enter(jm_queue_t *q, jm_place_t *p,
    const jm_queue_request_t *request, uint64_t now, uint64_t *wait)
{
    unsigned           account;
    jm_queue_e         rc;
    jm_queue_place_t  *place;

    p->serial = 0;
    *wait = 0;

    jm_queue_begin(q);

    jm_queue_reap(q, now);

    /* those that wait come first: what is free after this is not for them */

    jm_queue_dispatch(q, NULL, now);

    account = jm_queue_pick(q, request, now);

    if (account == JM_QUEUE_ACCOUNTS) {
        rc = jm_queue_admit(q, request, now, wait);

        if (rc != JM_QUEUE_WAIT) {
            goto done;
        }
    }

    place = jm_queue_make(q, p, request, now);

    if (place == NULL) {
        rc = JM_QUEUE_NO_ROOM;
        goto done;
    }

    if (account != JM_QUEUE_ACCOUNTS) {
        jm_queue_hold(q, place, account, now);

    } else {
        jm_queue_line_up(q, place, 0);
        jm_queue_dispatch(q, place, now);
    }

    rc = jm_queue_tell(q, p, place, now, wait);

done:

    jm_queue_done(q);

    return rc;
}


/* whether a new place may wait; if not, *wait is when a retry may */

static jm_queue_e
jm_queue_admit(jm_queue_t *q, const jm_queue_request_t *request, uint64_t now,
    uint64_t *wait)
{
    uint64_t            accounts, usable, timeout, waited;
    jm_queue_outlook_t  o;

    accounts = jm_queue_accounts(request);
    usable = jm_queue_usable(q, accounts, request->model, now);

    if (usable == 0) {
        return JM_QUEUE_ASIDE;
    }

    timeout = jm_queue_timeout(q, accounts);
    waited = jm_queue_span(request->since, now);

    jm_queue_foretell(q, usable, request->client, now, &o);

    *wait = jm_queue_retry(&o, request->patience, timeout);

    if (jm_queue_full(q, accounts)) {
        return JM_QUEUE_FULL;
    }

    if (o.delay + o.average > request->patience
        || (timeout != 0 && waited + o.delay > timeout))
    {
        return JM_QUEUE_LATE;
    }

    *wait = 0;

    return JM_QUEUE_WAIT;
}


static uint64_t
jm_queue_accounts(const jm_queue_request_t *request)
{
    unsigned  i;
    uint64_t  accounts;

    accounts = 0;

    for (i = 0; i < request->naccounts; i++) {
        accounts |= jm_queue_bit(request->accounts[i]);
    }

    return accounts;
}


/* the time after which a place that came then would be served in time */

static uint64_t
jm_queue_retry(const jm_queue_outlook_t *o, uint64_t patience,
    uint64_t timeout)
{
    uint64_t  wait;

    /* if patience is less than a task takes, the delay has to be none at all */

    wait = jm_queue_span(jm_queue_span(o->average, patience), o->delay);

    if (timeout != 0) {
        wait = jm_max(wait, jm_queue_span(timeout, o->delay));
    }

    wait = jm_max(wait, o->step);

    return jm_max(wait, 1);
}


static jm_queue_place_t *
jm_queue_make(jm_queue_t *q, jm_place_t *p, const jm_queue_request_t *request,
    uint64_t now)
{
    jm_queue_place_t  *place;

    place = jm_queue_take(q);

    if (place == NULL) {
        return NULL;
    }

    place->accounts = jm_queue_accounts(request);
    place->model = request->model;
    place->task = 0;
    place->since = request->since;
    place->due = now + jm_min(request->patience, UINT64_MAX - now);
    place->renewed = now;
    place->pid = q->pid;
    place->worker = request->worker;
    place->adopted = 0;

    memcpy(place->client, request->client, JM_QUEUE_KEY);

    p->serial = place->serial;
    p->shared = place;

    return place;
}


jm_queue_e
jm_queue_look(jm_queue_t *q, jm_place_t *p, uint64_t now, uint64_t *wait)
{
    jm_queue_e         rc;
    jm_queue_place_t  *place;

    jm_queue_begin(q);

    place = jm_queue_find(p, now);

    jm_queue_reap(q, now);
    jm_queue_dispatch(q, place, now);

    rc = jm_queue_tell(q, p, place, now, wait);

    jm_queue_done(q);

    return rc;
}


/*
 * The place that p stands for, or NULL.  If its process was stopped for long
 * others may have taken it away, or for lost: then it is followed again.
 */

static jm_queue_place_t *
jm_queue_find(const jm_place_t *p, uint64_t now)
{
    jm_queue_place_t  *place;

    if (p->serial == 0) {
        return NULL;
    }

    place = p->shared;

    if (place->serial != p->serial || place->state == JM_PLACE_FREE) {
        return NULL;
    }

    place->renewed = now;

    if (place->state == JM_PLACE_LOST) {
        place->state = place->task ? JM_PLACE_RUN : JM_PLACE_TOLD;
    }

    return place;
}


/* what the place's owner is told; a place of NULL is gone */

static jm_queue_e
jm_queue_tell(jm_queue_t *q, jm_place_t *p, jm_queue_place_t *place,
    uint64_t now, uint64_t *wait)
{
    jm_queue_e  rc;

    *wait = 0;

    if (place == NULL) {
        p->serial = 0;
        *wait = 1;
        return JM_QUEUE_LATE;
    }

    if (place->state == JM_PLACE_WAIT) {
        rc = jm_queue_tell_waiting(q, place, now, wait);

        if (rc != JM_QUEUE_WAIT) {
            jm_queue_drop(q, place);
            p->serial = 0;
        }

        return rc;
    }

    if (place->state == JM_PLACE_GRANTED) {

        /* it is submitted now, not when the slot was free */

        place->at = now;
        q->shared->accounts[place->account]->submitted = now;

        jm_fence();
        place->state = JM_PLACE_TOLD;
    }

    p->account = place->account;

    return JM_QUEUE_GRANTED;
}


static jm_queue_e
jm_queue_tell_waiting(jm_queue_t *q, jm_queue_place_t *place, uint64_t now,
    uint64_t *wait)
{
    uint64_t            usable, timeout;
    jm_queue_outlook_t  o;

    usable = jm_queue_usable(q, place->accounts, place->model, now);

    if (usable == 0) {
        return JM_QUEUE_ASIDE;
    }

    timeout = jm_queue_timeout(q, place->accounts);

    if (place->due <= now
        || (timeout != 0 && jm_queue_span(place->since, now) >= timeout))
    {
        jm_queue_foretell(q, usable, place->client, now, &o);
        *wait = jm_queue_retry(&o, jm_queue_span(place->since, place->due),
                               timeout);
        return JM_QUEUE_LATE;
    }

    *wait = jm_queue_pause(q, place, now);

    return JM_QUEUE_WAIT;
}


jm_queue_e
jm_queue_bind(jm_queue_t *q, jm_place_t *p, unsigned account, uint64_t now,
    uint64_t *wait)
{
    jm_queue_e         rc;
    jm_queue_place_t  *place;

    jm_queue_begin(q);

    place = jm_queue_find(p, now);

    if (place != NULL) {

        if ((place->state == JM_PLACE_GRANTED
             || place->state == JM_PLACE_TOLD)
            && place->account != account)
        {
            jm_queue_line_up(q, place, 1);
        }

        if (place->state == JM_PLACE_WAIT) {
            jm_queue_narrow(q, place, jm_queue_bit(account));
            jm_queue_dispatch(q, place, now);

        } else {
            place->accounts = jm_queue_bit(place->account);
        }
    }

    rc = jm_queue_tell(q, p, place, now, wait);

    jm_queue_done(q);

    return rc;
}


void
jm_queue_accepted(jm_queue_t *q, jm_place_t *p, uint64_t task, uint64_t now)
{
    jm_queue_place_t    *place;
    jm_queue_account_t  *a;

    jm_queue_begin(q);

    place = jm_queue_find(p, now);

    if (place != NULL && place->state == JM_PLACE_TOLD) {
        place->task = task;
        jm_fence();
        place->state = JM_PLACE_RUN;

        a = q->shared->accounts[place->account];
        a->submits++;

        jm_queue_succeeded(a, place);
        jm_queue_dispatch(q, NULL, now);
    }

    jm_queue_done(q);
}


/* what was submitted before the last refusal says nothing about now */

static void
jm_queue_succeeded(jm_queue_account_t *a, const jm_queue_place_t *place)
{
    unsigned  i;

    if (place->at > a->aside.at) {
        a->aside.times = 0;
    }

    for (i = 0; i < JM_QUEUE_MODELS; i++) {

        if (a->models[i].model == place->model
            && place->at > a->models[i].at)
        {
            a->models[i].times = 0;
        }
    }

    if (place->at <= a->refused) {
        return;
    }

    a->refusals = 0;

    if (a->effective < a->conf.concurrency && ++a->taken >= a->effective) {
        a->effective += jm_min(a->effective,
                               a->conf.concurrency - a->effective);
        a->taken = 0;
    }
}


jm_queue_e
jm_queue_busy(jm_queue_t *q, jm_place_t *p, unsigned tasks, uint64_t now,
    uint64_t *wait)
{
    uint32_t             others;
    jm_queue_e           rc;
    jm_queue_place_t    *place;
    jm_queue_account_t  *a;

    jm_queue_begin(q);

    place = jm_queue_find(p, now);

    if (place != NULL && place->state == JM_PLACE_TOLD) {
        a = q->shared->accounts[place->account];

        a->busy_tasks += (tasks != 0);
        a->busy_rate += (tasks == 0);

        /* those that were submitted together are one refusal */

        if (a->refusals == 0 || place->at > a->refused) {
            a->rest = now + jm_min((uint64_t) JM_QUEUE_REST
                                   << jm_min(a->refusals, 5),
                                   JM_QUEUE_REST_MAX);
            a->refusals++;
        }

        a->refused = now;

        others = jm_max(a->running - 1, 1);
        a->effective = jm_min(a->effective, others);
        a->taken = 0;

        jm_queue_line_up(q, place, 1);
        jm_queue_dispatch(q, place, now);
    }

    rc = jm_queue_tell(q, p, place, now, wait);

    jm_queue_done(q);

    return rc;
}


jm_queue_e
jm_queue_denied(jm_queue_t *q, jm_place_t *p, unsigned model_only,
    uint64_t now, uint64_t *wait, unsigned *first)
{
    jm_queue_e           rc;
    jm_queue_place_t    *place;
    jm_queue_aside_t    *aside;
    jm_queue_account_t  *a;

    *first = 0;

    jm_queue_begin(q);

    place = jm_queue_find(p, now);

    if (place != NULL && place->state == JM_PLACE_TOLD) {
        a = q->shared->accounts[place->account];
        a->denied++;

        aside = model_only ? jm_queue_model(a, place->model) : &a->aside;

        *first = (aside->times == 0);

        if (jm_queue_set_aside(aside, place, now)) {

            /* some have no other account to wait for */

            jm_queue_wake_all(q);
        }

        jm_queue_line_up(q, place, 1);
        jm_queue_dispatch(q, place, now);
    }

    rc = jm_queue_tell(q, p, place, now, wait);

    jm_queue_done(q);

    return rc;
}


/* returns 0 when it was known: those submitted together are one refusal */

static unsigned
jm_queue_set_aside(jm_queue_aside_t *aside, const jm_queue_place_t *place,
    uint64_t now)
{
    unsigned  known;

    known = (aside->times != 0 && place->at <= aside->at);

    if (!known) {
        aside->until = now + jm_min((uint64_t) JM_QUEUE_ASIDE_FOR
                                    << jm_min(aside->times, 5),
                                    JM_QUEUE_ASIDE_MAX);
        aside->times++;
    }

    aside->at = now;

    return !known;
}


/* the entry of the model, or else the one that may be overwritten first */

static jm_queue_aside_t *
jm_queue_model(jm_queue_account_t *a, uint64_t model)
{
    unsigned           i;
    jm_queue_aside_t  *aside;

    aside = &a->models[0];

    for (i = 0; i < JM_QUEUE_MODELS; i++) {

        if (a->models[i].model == model && a->models[i].times != 0) {
            return &a->models[i];
        }

        if (a->models[i].until < aside->until) {
            aside = &a->models[i];
        }
    }

    memset(aside, 0, sizeof(jm_queue_aside_t));
    aside->model = model;

    return aside;
}


void
jm_queue_renew(jm_queue_t *q, jm_place_t *p, uint64_t now)
{
    jm_queue_begin(q);
    (void) jm_queue_find(p, now);
    jm_queue_done(q);
}


void
jm_queue_leave(jm_queue_t *q, jm_place_t *p, jm_leave_e how, uint64_t now)
{
    jm_queue_place_t  *place;

    jm_queue_begin(q);

    place = jm_queue_find(p, now);
    p->serial = 0;

    if (place != NULL) {

        if (how == JM_LEAVE_OVER && place->state == JM_PLACE_RUN) {
            jm_queue_learn(q->shared->accounts[place->account], place, now);
        }

        if (how == JM_LEAVE_LOST) {
            jm_queue_lose(q, place);

        } else {
            jm_queue_drop(q, place);
        }

        jm_queue_dispatch(q, NULL, now);
    }

    jm_queue_done(q);
}


static void
jm_queue_learn(jm_queue_account_t *a, const jm_queue_place_t *place,
    uint64_t now)
{
    uint64_t  time;

    if (place->adopted) {
        return;
    }

    time = jm_max(jm_queue_span(place->at, now), 1);

    if (a->average != 0) {
        time = (a->average * (JM_QUEUE_AVERAGE - 1) + time
                + JM_QUEUE_AVERAGE / 2)
               / JM_QUEUE_AVERAGE;
    }

    a->average = time;
}
