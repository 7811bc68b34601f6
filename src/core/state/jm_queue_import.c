
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_queue_import.h"
#include "jm_queue_turn.h"


#define JM_QUEUE_DAY        86400000    /* milliseconds */


static unsigned jm_queue_is_there(jm_queue_t *q, uint64_t serial);


jm_rc_e
jm_queue_import_account(jm_queue_t *q, const jm_store_t *old, jm_ref_t ref,
    uint8_t *map)
{
    jm_rc_e                    rc;
    jm_str_t                   name;
    unsigned                   i;
    jm_store_t                *s;
    jm_queue_account_t        *a;
    const jm_queue_account_t  *o;

    o = jm_store_believed(old, ref, JM_RECORD_ACCOUNT, jm_queue_account_sealed);

    if (o == NULL || o->number >= JM_QUEUE_ACCOUNTS
        || map[o->number] != JM_QUEUE_UNKNOWN)
    {
        return JM_INVALID;
    }

    name.data = o->name;
    name.len = o->len;

    rc = jm_queue_find_account(q, name, &i);

    if (rc != JM_OK) {
        return rc;
    }

    s = q->store;
    a = jm_queue_number(q, i);

    /* what is counted for jimeng_metrics begins anew, as all of that does */

    jm_put(s, a->average, jm_min(o->average, JM_QUEUE_DAY));

    map[o->number] = (uint8_t) i;

    return JM_OK;
}


jm_rc_e
jm_queue_import_place(jm_queue_t *q, const jm_store_t *old, jm_ref_t ref,
    const uint8_t *map, uint64_t now)
{
    unsigned                 account;
    jm_store_t              *s;
    jm_queue_place_t        *place;
    const jm_queue_place_t  *o;

    o = jm_store_believed(old, ref, JM_RECORD_PLACE, jm_queue_place_sealed);

    /* no process ever comes to half of all numbers */

    if (o == NULL || o->serial == 0 || o->serial > UINT64_MAX / 2
        || o->state < JM_PLACE_TOLD || o->state > JM_PLACE_LOST
        || o->account >= JM_QUEUE_ACCOUNTS
        || map[o->account] == JM_QUEUE_UNKNOWN || o->id_len > JM_QUEUE_ID
        || o->key_len > JM_QUEUE_REQ_KEY
        || jm_queue_is_there(q, o->serial))
    {
        return JM_INVALID;
    }

    s = q->store;

    if (jm_store_room(s, 1) != JM_OK) {
        return JM_ERROR;
    }

    account = map[o->account];

    place = jm_store_take(s, JM_RECORD_PLACE);

    place->task = o->task;
    place->serial = o->serial;
    place->model = o->model;
    place->entry = o->entry;
    place->billed = o->billed;
    place->price = o->price;
    place->pictures = o->pictures;

    place->key_len = o->key_len;

    memcpy(place->client, o->client, JM_QUEUE_KEY);
    memcpy(place->key, o->key, JM_QUEUE_REQ_KEY);
    memcpy(place->id, o->id, o->id_len);
    place->id_len = o->id_len;

    jm_store_seal(place, jm_queue_place_sealed);

    place->accounts = jm_queue_bit(account);
    place->since = jm_min(o->since, now);
    place->renewed = jm_min(o->renewed, now);

    jm_queue_hold(q, place, account, JM_PLACE_RUN, jm_min(o->at, now));
    jm_queue_lose(q, place);

    if (s->shared->serial < place->serial) {
        jm_put(s, s->shared->serial, place->serial);
    }

    return JM_OK;
}


static unsigned
jm_queue_is_there(jm_queue_t *q, uint64_t serial)
{
    unsigned             i;
    jm_ring_t           *link;
    jm_queue_account_t  *a;

    for (i = 0; i < q->shared->naccounts; i++) {
        a = jm_queue_number(q, i);

        for (link = jm_ring_next(q->store, &a->held); link != &a->held;
             link = jm_ring_next(q->store, link))
        {
            if (jm_queue_place(link)->serial == serial) {
                return 1;
            }
        }
    }

    return 0;
}
