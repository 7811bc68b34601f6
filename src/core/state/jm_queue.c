
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_queue_process.h"
#include "jm_queue_turn.h"


/* milliseconds, the first time, and doubled up to */

#define JM_QUEUE_REST       500
#define JM_QUEUE_REST_MAX   16000

#define JM_QUEUE_AVERAGE    8       /* the newest task weighs 1 in so many */


static jm_queue_e jm_queue_admit(jm_queue_t *q,
    const jm_queue_request_t *request, uint64_t now, uint64_t *wait);
static uint64_t jm_queue_accounts(const jm_queue_request_t *request);
static uint64_t jm_queue_retry(const jm_queue_outlook_t *o, uint64_t patience,
    uint64_t timeout);
static jm_queue_place_t *jm_queue_make(jm_queue_t *q, jm_place_t *p,
    const jm_queue_request_t *request, uint64_t now);
static void jm_queue_begin(jm_queue_t *q, jm_queue_place_t *place,
    unsigned account, uint64_t now);
static jm_queue_place_t *jm_queue_find(jm_queue_t *q, const jm_place_t *p,
    uint64_t now);
static jm_queue_e jm_queue_tell(jm_queue_t *q, jm_place_t *p,
    jm_queue_place_t *place, uint64_t now, uint64_t *wait);
static jm_queue_e jm_queue_tell_waiting(jm_queue_t *q,
    jm_queue_place_t *place, uint64_t now, uint64_t *wait);
static jm_rc_e jm_queue_back_room(jm_queue_t *q,
    const jm_queue_place_t *place, uint64_t accounts);
static jm_queue_e jm_queue_back(jm_queue_t *q, jm_place_t *p,
    jm_queue_place_t *place, jm_rc_e room, uint64_t now, uint64_t *wait);
static void jm_queue_run(jm_queue_t *q, jm_queue_place_t *place, jm_str_t id);
static void jm_queue_succeeded(jm_queue_t *q, jm_queue_account_t *a,
    const jm_queue_place_t *place);
static void jm_queue_learn(jm_queue_t *q, const jm_queue_place_t *place,
    uint64_t now);


jm_queue_e
jm_queue_enter(jm_queue_t *q, jm_place_t *p,
    const jm_queue_request_t *request, uint64_t now, uint64_t *wait)
{
    jm_rc_e            room;
    unsigned           account;
    jm_queue_e         rc;
    jm_queue_place_t  *place;

    p->serial = 0;
    *wait = 0;

    jm_queue_reap(q, now);

    /* those that wait come first: what is free after this is not for them */

    jm_queue_dispatch(q, NULL, now);

    account = jm_queue_pick(q, request, now);

    if (account != JM_QUEUE_ACCOUNTS) {
        room = jm_store_room(q->store, 1);

    } else {
        rc = jm_queue_admit(q, request, now, wait);

        if (rc != JM_QUEUE_WAIT) {
            return rc;
        }

        room = jm_queue_line_room(q, request->client,
                                  jm_queue_accounts(request), request->model,
                                  1);
    }

    if (room != JM_OK) {
        return JM_QUEUE_NO_ROOM;
    }

    place = jm_queue_make(q, p, request, now);

    jm_queue_begin(q, place, account, now);

    return jm_queue_tell(q, p, place, now, wait);
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

    jm_queue_foretell(q, usable,
                      jm_queue_next_key(q, request->client, usable), now, &o);

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
    jm_store_t        *s;
    jm_queue_place_t  *place;

    s = q->store;

    jm_put(s, s->shared->serial, s->shared->serial + 1);

    place = jm_store_take(s, JM_RECORD_PLACE);

    place->task = request->task;
    place->serial = s->shared->serial;
    place->model = request->model;
    place->entry = request->entry;
    place->billed = request->billed;
    place->price = request->price;
    place->pictures = jm_max(request->pictures, 1);

    memcpy(place->client, request->client, JM_QUEUE_KEY);

    if (request->req_key.len <= JM_QUEUE_REQ_KEY && request->req_key.len != 0) {
        place->key_len = (uint8_t) request->req_key.len;
        memcpy(place->key, request->req_key.data, request->req_key.len);
    }

    jm_store_seal(place, jm_queue_place_sealed);

    place->accounts = jm_queue_accounts(request);
    place->since = request->since;
    place->due = now + jm_min(request->patience, UINT64_MAX - now);
    place->renewed = now;
    place->owner = s->owner;
    place->worker = request->worker;

    p->serial = place->serial;
    p->ref = jm_ref(s, place);
    p->grip = 0;

    return place;
}


/*
 * A new place has a slot, or waits.  Accounts that are set aside say nothing
 * about its turn: they may be far ahead of those that serve it.
 */

static void
jm_queue_begin(jm_queue_t *q, jm_queue_place_t *place, unsigned account,
    uint64_t now)
{
    uint64_t             usable;
    jm_queue_account_t  *a;

    usable = jm_queue_usable(q, place->accounts, place->model, now);

    if (account != JM_QUEUE_ACCOUNTS) {
        place->tag = jm_queue_turn_of(q, usable);

        a = jm_queue_number(q, account);
        jm_queue_submits(q, a, place, now);

        jm_queue_hold(q, place, account, JM_PLACE_TOLD, now);

    } else {
        place->tag = jm_queue_next_tag(q, place->client, usable);

        jm_queue_line_up(q, place);
        jm_queue_dispatch(q, place, now);
    }
}


jm_queue_e
jm_queue_look(jm_queue_t *q, jm_place_t *p, uint64_t now, uint64_t *wait)
{
    jm_queue_place_t  *place;

    jm_queue_renew(q, p, now);
    jm_queue_reap(q, now);

    /* its process may have been taken for dead by others */

    place = jm_queue_find(q, p, now);

    jm_queue_dispatch(q, place, now);

    return jm_queue_tell(q, p, place, now, wait);
}


/*
 * The place that p stands for, or NULL.  If its process was stopped for long
 * others may have taken it away, or for lost: then it is followed again.
 */

static jm_queue_place_t *
jm_queue_find(jm_queue_t *q, const jm_place_t *p, uint64_t now)
{
    jm_queue_place_t  *place;

    if (p->serial == 0) {
        return NULL;
    }

    place = jm_at(q->store, p->ref);

    /* the record may be another one's by now, of any type */

    if (place->head.type != JM_RECORD_PLACE || place->serial != p->serial
        || place->grip != p->grip)
    {
        return NULL;
    }

    jm_put(q->store, place->renewed, now);

    if (place->state == JM_PLACE_LOST) {
        jm_put(q->store, place->state,
               (uint8_t) (place->id_len ? JM_PLACE_RUN : JM_PLACE_TOLD));
    }

    return place;
}


/* what the place's owner is told; a place of NULL is gone */

static jm_queue_e
jm_queue_tell(jm_queue_t *q, jm_place_t *p, jm_queue_place_t *place,
    uint64_t now, uint64_t *wait)
{
    jm_queue_e           rc;
    jm_queue_account_t  *a;

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

        a = jm_queue_number(q, place->account);

        jm_put(q->store, a->submitted, now);
        jm_put(q->store, place->at, now);
        jm_put(q->store, place->state, JM_PLACE_TOLD);

        jm_queue_told(q, place);
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
        jm_queue_foretell(q, usable,
                          jm_queue_next_key(q, place->client, usable), now,
                          &o);
        *wait = jm_queue_retry(&o, jm_queue_span(place->since, place->due),
                               timeout);
        return JM_QUEUE_LATE;
    }

    *wait = jm_queue_pause(q, place, now);

    jm_queue_told(q, place);

    return JM_QUEUE_WAIT;
}


jm_queue_e
jm_queue_bind(jm_queue_t *q, jm_place_t *p, unsigned account, uint64_t now,
    uint64_t *wait)
{
    jm_rc_e            room;
    uint64_t           bound;
    unsigned           waits;
    jm_queue_place_t  *place;

    place = jm_queue_find(q, p, now);

    if (place == NULL) {
        return jm_queue_tell(q, p, NULL, now, wait);
    }

    waits = (place->state == JM_PLACE_WAIT);
    bound = jm_queue_bit(account);

    if (waits && place->accounts == bound) {
        jm_queue_dispatch(q, place, now);

    } else if (place->state == JM_PLACE_RUN
               || (!waits && place->account == account))
    {
        jm_put(q->store, place->accounts, jm_queue_bit(place->account));

    } else {
        room = jm_queue_back_room(q, place, bound);

        jm_put(q->store, place->accounts, bound);

        return jm_queue_back(q, p, place, room, now, wait);
    }

    return jm_queue_tell(q, p, place, now, wait);
}


static jm_rc_e
jm_queue_back_room(jm_queue_t *q, const jm_queue_place_t *place,
    uint64_t accounts)
{
    return jm_queue_line_room(q, place->client, accounts, place->model, 0);
}


/*
 * What had a slot is the next again, wherever it goes, and what waited waits
 * for other accounts; unless there is no room for that.
 */

static jm_queue_e
jm_queue_back(jm_queue_t *q, jm_place_t *p, jm_queue_place_t *place,
    jm_rc_e room, uint64_t now, uint64_t *wait)
{
    jm_queue_e  rc;

    if (room == JM_OK) {

        if (place->state != JM_PLACE_WAIT) {
            jm_put(q->store, place->tag, 0);
        }

        jm_queue_line_up(q, place);
        jm_queue_dispatch(q, place, now);

        return jm_queue_tell(q, p, place, now, wait);
    }

    rc = place->accounts ? JM_QUEUE_NO_ROOM : JM_QUEUE_ASIDE;

    jm_queue_drop(q, place);
    jm_queue_dispatch(q, NULL, now);

    p->serial = 0;
    *wait = 0;

    return rc;
}


void
jm_queue_accepted(jm_queue_t *q, jm_place_t *p, jm_str_t id, uint64_t now)
{
    jm_queue_place_t  *place;

    place = jm_queue_find(q, p, now);

    if (place == NULL || place->state != JM_PLACE_TOLD) {
        return;
    }

    jm_queue_run(q, place, id);
    jm_queue_dispatch(q, NULL, now);
}


/* its submit was taken */

static void
jm_queue_run(jm_queue_t *q, jm_queue_place_t *place, jm_str_t id)
{
    size_t               i;
    jm_store_t          *s;
    jm_queue_account_t  *a;

    s = q->store;
    a = jm_queue_number(q, place->account);

    if (id.len <= JM_QUEUE_ID) {

        for (i = 0; i < id.len; i++) {
            jm_put(s, place->id[i], id.data[i]);
        }

        jm_put(s, place->id_len, (uint8_t) id.len);
    }

    jm_put(s, place->state, JM_PLACE_RUN);
    jm_put(s, place->asked, 0);
    jm_put(s, a->submits, a->submits + 1);

    jm_queue_succeeded(q, a, place);
}


/* what was submitted before the last refusal says nothing about now */

static void
jm_queue_succeeded(jm_queue_t *q, jm_queue_account_t *a,
    const jm_queue_place_t *place)
{
    jm_store_t  *s;

    s = q->store;

    jm_queue_trust(q, a, place);

    if (place->at <= a->refused) {
        return;
    }

    jm_put(s, a->refusals, 0);

    if (a->effective >= a->conf.concurrency) {
        return;
    }

    jm_put(s, a->taken, a->taken + 1);

    if (a->taken >= a->effective) {
        jm_put(s, a->effective,
               a->effective + jm_min(a->effective,
                                     a->conf.concurrency - a->effective));
        jm_put(s, a->taken, 0);
    }
}


jm_queue_e
jm_queue_busy(jm_queue_t *q, jm_place_t *p, unsigned tasks, uint64_t now,
    uint64_t *wait)
{
    jm_rc_e              room;
    uint32_t             others;
    uint64_t             rest;
    jm_store_t          *s;
    jm_queue_place_t    *place;
    jm_queue_account_t  *a;

    place = jm_queue_find(q, p, now);

    if (place == NULL || place->state != JM_PLACE_TOLD) {
        return jm_queue_tell(q, p, place, now, wait);
    }

    s = q->store;
    a = jm_queue_number(q, place->account);
    room = jm_queue_back_room(q, place, place->accounts);

    jm_put(s, a->busy_tasks, a->busy_tasks + (tasks != 0));
    jm_put(s, a->busy_rate, a->busy_rate + (tasks == 0));

    /* those that were submitted together are one refusal */

    if (a->refusals == 0 || place->at > a->refused) {
        rest = jm_min((uint64_t) JM_QUEUE_REST << jm_min(a->refusals, 5),
                      JM_QUEUE_REST_MAX);

        jm_put(s, a->rest, now + rest);
        jm_put(s, a->refusals, jm_min(a->refusals, UINT16_MAX - 1) + 1);
    }

    others = jm_max(a->running - 1, 1);

    jm_put(s, a->refused, now);
    jm_put(s, a->effective, jm_min(a->effective, others));
    jm_put(s, a->taken, 0);

    return jm_queue_back(q, p, place, room, now, wait);
}


jm_queue_e
jm_queue_denied(jm_queue_t *q, jm_place_t *p, unsigned model_only,
    uint64_t now, uint64_t *wait, unsigned *first)
{
    jm_rc_e              room;
    uint64_t             accounts;
    jm_store_t          *s;
    jm_queue_place_t    *place;
    jm_queue_aside_t    *aside;
    jm_queue_account_t  *a;

    *first = 0;

    place = jm_queue_find(q, p, now);

    if (place == NULL || place->state != JM_PLACE_TOLD) {
        return jm_queue_tell(q, p, place, now, wait);
    }

    s = q->store;
    a = jm_queue_number(q, place->account);

    aside = model_only ? jm_queue_model(q, a, place->model) : &a->aside;

    /* if nobody remembers it, this place at least must not try again */

    accounts = place->accounts;

    if (aside == NULL) {
        accounts &= ~jm_queue_bit(place->account);
    }

    room = jm_queue_back_room(q, place, accounts);

    jm_put(s, a->denied, a->denied + 1);
    jm_put(s, place->accounts, accounts);

    *first = 1;

    if (aside != NULL) {
        *first = (aside->times == 0);

        if (jm_queue_set_aside(q, aside, place, now)) {

            /* some have no other account to wait for */

            jm_queue_alarm(q);
        }
    }

    return jm_queue_back(q, p, place, room, now, wait);
}


void
jm_queue_renew(jm_queue_t *q, jm_place_t *p, uint64_t now)
{
    (void) jm_queue_find(q, p, now);
}


void
jm_queue_leave(jm_queue_t *q, jm_place_t *p, jm_leave_e how, uint64_t now)
{
    jm_queue_place_t  *place;

    static const jm_str_t  none = jm_null_string;

    place = jm_queue_find(q, p, now);
    p->serial = 0;

    if (place == NULL) {
        return;
    }

    if (how == JM_LEAVE_DONE && place->state == JM_PLACE_TOLD) {
        jm_queue_run(q, place, none);
    }

    if ((how == JM_LEAVE_OVER || how == JM_LEAVE_DONE)
        && place->state == JM_PLACE_RUN)
    {
        jm_queue_learn(q, place, now);
    }

    if (how == JM_LEAVE_LOST) {
        jm_queue_lose(q, place);

    } else {
        jm_queue_drop(q, place);
    }

    jm_queue_dispatch(q, NULL, now);
}


static void
jm_queue_learn(jm_queue_t *q, const jm_queue_place_t *place, uint64_t now)
{
    uint64_t             time;
    jm_queue_account_t  *a;

    if (place->adopted) {
        return;
    }

    a = jm_queue_number(q, place->account);
    time = jm_max(jm_queue_span(place->at, now), 1);

    if (a->average != 0) {
        time = (a->average * (JM_QUEUE_AVERAGE - 1) + time
                + JM_QUEUE_AVERAGE / 2)
               / JM_QUEUE_AVERAGE;
    }

    jm_put(q->store, a->average, time);
}
