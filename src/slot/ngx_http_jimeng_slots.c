
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_slot.h"

#include "jm_hash.h"


static ngx_int_t ngx_http_jimeng_slot_client(ngx_http_request_t *r,
    u_char *client);
static jm_queue_e ngx_http_jimeng_slot_enter(ngx_http_jimeng_slot_t *slot,
    ngx_http_jimeng_slot_wish_t *wish, uint64_t *wait);
static void ngx_http_jimeng_slot_request(ngx_http_jimeng_slot_t *slot,
    ngx_http_jimeng_slot_wish_t *wish, jm_queue_request_t *request);
static jm_queue_e ngx_http_jimeng_slot_bind(ngx_http_jimeng_slot_t *slot,
    ngx_http_jimeng_slot_wish_t *wish, jm_state_t *state, jm_queue_e rc,
    uint64_t *wait);
static void ngx_http_jimeng_slot_wait(ngx_http_jimeng_slot_t *slot);
static uint64_t ngx_http_jimeng_slot_hash(ngx_str_t *text);
static void ngx_http_jimeng_slots_woken(ngx_event_t *ev);


/* slots that this worker's tasks wait for */

static ngx_queue_t  ngx_http_jimeng_waiting;

/* how often all of them have looked */

static ngx_uint_t   ngx_http_jimeng_turn;


ngx_int_t
ngx_http_jimeng_slots_init_process(ngx_cycle_t *cycle)
{
    ngx_queue_init(&ngx_http_jimeng_waiting);

    return ngx_http_jimeng_wake_init(cycle, ngx_http_jimeng_slots_woken);
}


/* event's handler is called when the slot is to be looked at again */

ngx_int_t
ngx_http_jimeng_slot_init(ngx_http_jimeng_slot_t *slot, ngx_http_request_t *r,
    ngx_event_t *event)
{
    ngx_http_jimeng_loc_conf_t  *jlcf;

    slot->request = r;
    slot->zone = ngx_http_jimeng_zone_get(r);
    slot->event = event;

    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);

    if (jlcf->account->limits.concurrency == 0) {
        return NGX_OK;
    }

    return ngx_http_jimeng_slot_client(r, slot->client);
}


/* a client that has not said who it is, is told apart by its address */

static ngx_int_t
ngx_http_jimeng_slot_client(ngx_http_request_t *r, u_char *client)
{
    jm_str_t  addr;

    static u_char  nobody[JM_QUEUE_CLIENT];

    if (ngx_http_jimeng_identity(r, client) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_memcmp(client, nobody, JM_QUEUE_CLIENT) != 0) {
        return NGX_OK;
    }

    ngx_http_jimeng_str(&addr, &r->connection->addr_text);

    return ngx_http_jimeng_digest(client, &addr, 1);
}


/*
 * Takes a slot, or a place in the queue, or looks at the one that there is.
 * JM_QUEUE_GRANTED: slot->place.account is the account's number, and that of
 * wish->account where it is bound.  JM_QUEUE_WAIT: it is to be looked at again
 * in *wait milliseconds, and slot->event is called when it is another's turn
 * before.  JM_QUEUE_LATE and _FULL: *wait milliseconds from now it might be
 * served.  JM_QUEUE_ASIDE: none of its accounts is to be used.
 */

jm_queue_e
ngx_http_jimeng_slot_look(ngx_http_jimeng_slot_t *slot,
    ngx_http_jimeng_slot_wish_t *wish, uint64_t *wait)
{
    jm_queue_e   rc;
    jm_state_t  *state;

    if (slot->place.serial == 0) {
        rc = ngx_http_jimeng_slot_enter(slot, wish, wait);
        goto done;
    }

    state = ngx_http_jimeng_zone_lock(slot->zone);

    rc = jm_queue_look(&state->queue, &slot->place, state->now, wait);
    rc = ngx_http_jimeng_slot_bind(slot, wish, state, rc, wait);

    ngx_http_jimeng_zone_unlock(slot->zone);

    if (rc == JM_QUEUE_ASIDE && !wish->fixed) {

        /* it was bound only while others were: now any account will do */

        rc = ngx_http_jimeng_slot_enter(slot, wish, wait);
    }

done:

    switch (rc) {

    case JM_QUEUE_GRANTED:
        ngx_http_jimeng_slot_stop(slot);
        slot->granted = ngx_current_msec;
        break;

    case JM_QUEUE_WAIT:
        ngx_http_jimeng_slot_wait(slot);
        break;

    default:
        break;
    }

    return rc;
}


static jm_queue_e
ngx_http_jimeng_slot_enter(ngx_http_jimeng_slot_t *slot,
    ngx_http_jimeng_slot_wish_t *wish, uint64_t *wait)
{
    jm_queue_e          rc;
    jm_state_t         *state;
    jm_queue_request_t  request;

    slot->queued = ngx_current_msec;

    ngx_http_jimeng_slot_request(slot, wish, &request);

    state = ngx_http_jimeng_zone_lock(slot->zone);

    request.since = state->now;
    request.billed = wish->client
                     ? jm_quota_serial(&state->quota, wish->client) : 0;

    rc = jm_queue_enter(&state->queue, &slot->place, &request, state->now,
                        wait);
    rc = ngx_http_jimeng_slot_bind(slot, wish, state, rc, wait);

    ngx_http_jimeng_zone_unlock(slot->zone);

    if (rc == JM_QUEUE_ASIDE && wish->bound && !wish->fixed) {

        /* the answer to the other's submit says which account it will be */

        rc = JM_QUEUE_WAIT;
        *wait = JM_TASK_LOOK;
    }

    return rc;
}


static void
ngx_http_jimeng_slot_request(ngx_http_jimeng_slot_t *slot,
    ngx_http_jimeng_slot_wish_t *wish, jm_queue_request_t *request)
{
    ngx_uint_t                   i;
    ngx_http_jimeng_account_t  **account;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    jlcf = ngx_http_get_module_loc_conf(slot->request,
                                        ngx_http_jimeng_module);

    account = jlcf->accounts->elts;

    for (i = 0; i < jlcf->accounts->nelts; i++) {
        request->accounts[i] = (uint8_t) account[i]->queue_number;
    }

    request->naccounts = (unsigned) i;

    if (wish->bound) {
        request->accounts[0] = (uint8_t) wish->account->queue_number;
        request->naccounts = 1;
    }

    ngx_memcpy(request->client, slot->client, JM_QUEUE_CLIENT);

    ngx_http_jimeng_str(&request->req_key, wish->req_key);

    request->model = ngx_http_jimeng_slot_hash(wish->req_key);
    request->worker = (uint32_t) ngx_worker;
    request->entry = wish->entry;
    request->task = (uint8_t) wish->task;

    request->patience = (wish->deadline > ngx_current_msec)
                        ? wish->deadline - ngx_current_msec : 0;
}


/* moves it to the request's account, if it is bound; the zone is locked */

static jm_queue_e
ngx_http_jimeng_slot_bind(ngx_http_jimeng_slot_t *slot,
    ngx_http_jimeng_slot_wish_t *wish, jm_state_t *state, jm_queue_e rc,
    uint64_t *wait)
{
    if (rc != JM_QUEUE_GRANTED || !wish->bound
        || slot->place.account == wish->account->queue_number)
    {
        return rc;
    }

    return jm_queue_bind(&state->queue, &slot->place,
                         wish->account->queue_number, state->now, wait);
}


static void
ngx_http_jimeng_slot_wait(ngx_http_jimeng_slot_t *slot)
{
    if (!slot->waits) {
        slot->waits = 1;
        slot->turn = ngx_http_jimeng_turn;
        ngx_queue_insert_tail(&ngx_http_jimeng_waiting, &slot->queue);
    }
}


void
ngx_http_jimeng_slot_stop(ngx_http_jimeng_slot_t *slot)
{
    if (slot->waits) {
        slot->waits = 0;
        ngx_queue_remove(&slot->queue);
    }
}


/*
 * The submit was refused for load: tasks is set when it was for the number of
 * tasks at a time.  The task is the first to be submitted next, or with
 * JM_QUEUE_LATE it is too late for that.
 */

jm_queue_e
ngx_http_jimeng_slot_busy(ngx_http_jimeng_slot_t *slot, ngx_uint_t tasks,
    uint64_t *wait)
{
    jm_queue_e   rc;
    jm_state_t  *state;

    state = ngx_http_jimeng_zone_lock(slot->zone);

    rc = jm_queue_busy(&state->queue, &slot->place, (unsigned) tasks,
                       state->now, wait);

    ngx_http_jimeng_zone_unlock(slot->zone);

    return rc;
}


/*
 * The submit was refused for its account's credentials: the account is set
 * aside, for all models or this one.  *first is set if it was not before.
 */

jm_queue_e
ngx_http_jimeng_slot_denied(ngx_http_jimeng_slot_t *slot,
    ngx_uint_t model_only, uint64_t *wait, unsigned *first)
{
    jm_queue_e   rc;
    jm_state_t  *state;

    state = ngx_http_jimeng_zone_lock(slot->zone);

    rc = jm_queue_denied(&state->queue, &slot->place,
                         (unsigned) model_only, state->now, wait, first);

    ngx_http_jimeng_zone_unlock(slot->zone);

    return rc;
}


/* tells other workers that this one still looks after the task of the slot */

void
ngx_http_jimeng_slot_renew(ngx_http_jimeng_slot_t *slot)
{
    jm_state_t  *state;

    if (slot->place.serial == 0) {
        return;
    }

    state = ngx_http_jimeng_zone_lock(slot->zone);

    jm_queue_renew(&state->queue, &slot->place, state->now);

    ngx_http_jimeng_zone_unlock(slot->zone);
}


/*
 * Another request has submitted the task.  If that is gone, its slot becomes
 * this request's, which is to see the task's end.
 */

void
ngx_http_jimeng_slot_adopt(ngx_http_jimeng_slot_t *slot,
    ngx_http_jimeng_account_t *account, ngx_str_t *id)
{
    jm_str_t     text;
    jm_state_t  *state;

    if (account->limits.concurrency == 0) {
        return;
    }

    ngx_http_jimeng_str(&text, id);

    state = ngx_http_jimeng_zone_lock(slot->zone);

    (void) jm_queue_adopt(&state->queue, &slot->place,
                          account->queue_number, text, state->now);

    ngx_http_jimeng_zone_unlock(slot->zone);
}


/*
 * Looks for a task of one of the request's accounts that nobody follows, and
 * that has not been asked for in the last pause milliseconds.
 */

ngx_uint_t
ngx_http_jimeng_slot_orphan(ngx_http_jimeng_slot_t *slot, ngx_msec_t pause,
    jm_orphan_t *orphan)
{
    uint64_t                      accounts;
    ngx_uint_t                    i, found;
    jm_state_t                   *state;
    ngx_http_jimeng_account_t   **account;
    ngx_http_jimeng_loc_conf_t   *jlcf;

    jlcf = ngx_http_get_module_loc_conf(slot->request,
                                        ngx_http_jimeng_module);

    accounts = 0;
    account = jlcf->accounts->elts;

    for (i = 0; i < jlcf->accounts->nelts; i++) {
        accounts |= (uint64_t) 1 << account[i]->queue_number;
    }

    state = ngx_http_jimeng_zone_lock(slot->zone);

    found = jm_queue_orphan_next(&state->queue, accounts, pause, state->now,
                                 orphan);

    ngx_http_jimeng_zone_unlock(slot->zone);

    return found;
}


/* gives back the slot, or the place in the queue */

void
ngx_http_jimeng_slot_leave(ngx_http_jimeng_slot_t *slot, jm_leave_e how)
{
    jm_state_t  *state;

    ngx_http_jimeng_slot_stop(slot);

    if (slot->place.serial == 0) {
        return;
    }

    state = ngx_http_jimeng_zone_lock(slot->zone);

    jm_queue_leave(&state->queue, &slot->place, how, state->now);

    ngx_http_jimeng_zone_unlock(slot->zone);
}


static uint64_t
ngx_http_jimeng_slot_hash(ngx_str_t *text)
{
    return jm_hash(JM_HASH_START, text->data, text->len);
}


/*
 * Each slot of the list looks once.  That may take others out of the list, and
 * add new ones at its end: turn tells which have looked.
 */

static void
ngx_http_jimeng_slots_woken(ngx_event_t *ev)
{
    ngx_queue_t             *q;
    ngx_event_t             *event;
    ngx_http_jimeng_slot_t  *slot;

    ngx_http_jimeng_turn++;

    while (!ngx_queue_empty(&ngx_http_jimeng_waiting)) {
        q = ngx_queue_head(&ngx_http_jimeng_waiting);
        slot = ngx_queue_data(q, ngx_http_jimeng_slot_t, queue);

        if (slot->turn == ngx_http_jimeng_turn) {
            return;
        }

        slot->turn = ngx_http_jimeng_turn;

        ngx_queue_remove(q);
        ngx_queue_insert_tail(&ngx_http_jimeng_waiting, q);

        event = slot->event;

        if (event->timer_set) {
            ngx_del_timer(event);
        }

        event->handler(event);
    }
}
