
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_queue_store.h"
#include "jm_store_layout.h"


static void jm_queue_unlink_waiting(jm_queue_t *q, jm_queue_place_t *place,
    unsigned served);
static void jm_queue_unlink_held(jm_queue_t *q, jm_queue_place_t *place);
static void jm_queue_count(jm_queue_t *q, uint64_t accounts, uint32_t add);
static jm_queue_line_t *jm_queue_make_line(jm_queue_t *q,
    const uint8_t *client);
static jm_ref_t *jm_queue_chain(jm_queue_t *q, const uint8_t *client);


jm_rc_e
jm_queue_layout(jm_queue_t *q, jm_store_t *s)
{
    uint32_t  chains;

    chains = jm_store_chains(s);

    q->store = s;
    q->mask = chains - 1;
    q->shared = jm_store_head(s, sizeof(jm_queue_shared_t));
    q->lines = jm_store_head(s, chains * sizeof(jm_ref_t));

    if (q->shared == NULL || q->lines == NULL) {
        return JM_ERROR;
    }

    if (s->fresh) {
        jm_ring_init(s, &q->shared->lines);
    }

    return JM_OK;
}


void
jm_queue_drop(jm_queue_t *q, jm_queue_place_t *place)
{
    if (place->state == JM_PLACE_WAIT) {
        jm_queue_unlink_waiting(q, place, 0);

    } else {
        jm_queue_unlink_held(q, place);
    }

    jm_store_give(q->store, place);
}


jm_rc_e
jm_queue_line_room(jm_queue_t *q, const jm_queue_place_t *place)
{
    if (jm_queue_line_of(q, place->client) != NULL) {
        return JM_OK;
    }

    return jm_store_room(q->store, 1);
}


void
jm_queue_line_up(jm_queue_t *q, jm_queue_place_t *place, unsigned first)
{
    jm_ring_t          *prev, *next;
    jm_store_t         *s;
    jm_queue_line_t    *line;
    jm_queue_shared_t  *shared;

    s = q->store;
    shared = q->shared;

    if (place->state != JM_PLACE_NEW) {
        jm_queue_unlink_held(q, place);
    }

    line = jm_queue_line_of(q, place->client);

    if (line == NULL) {
        line = jm_queue_make_line(q, place->client);
    }

    if (first) {
        jm_ring_remove(s, &line->link);
        jm_ring_insert(s, &shared->lines, &line->link);
    }

    /* a new place is the newest; one that comes back is among the oldest */

    prev = jm_ring_prev(s, &line->places);

    if (first) {
        prev = &line->places;

        for (next = jm_ring_next(s, prev);
             next != &line->places
             && jm_queue_place(next)->serial < place->serial;
             next = jm_ring_next(s, prev))
        {
            prev = next;
        }
    }

    jm_ring_insert(s, prev, &place->link);

    jm_put(s, place->line, jm_ref(s, line));
    jm_put(s, place->state, JM_PLACE_WAIT);
    jm_put(s, shared->waiting, shared->waiting + 1);

    jm_queue_count(q, place->accounts, 1);
}


void
jm_queue_hold(jm_queue_t *q, jm_queue_place_t *place, unsigned account,
    jm_place_e state, uint64_t at)
{
    jm_store_t          *s;
    jm_queue_account_t  *a;

    s = q->store;
    a = jm_queue_number(q, account);

    if (place->state == JM_PLACE_WAIT) {
        jm_queue_unlink_waiting(q, place, 1);
    }

    jm_put(s, place->at, at);
    jm_put(s, place->account, (uint8_t) account);
    jm_put(s, place->state, (uint8_t) state);
    jm_put(s, a->running, a->running + 1);

    jm_ring_insert(s, jm_ring_prev(s, &a->held), &place->link);
}


void
jm_queue_narrow(jm_queue_t *q, jm_queue_place_t *place, uint64_t accounts)
{
    jm_queue_count(q, place->accounts, UINT32_MAX);
    jm_put(q->store, place->accounts, accounts);
    jm_queue_count(q, place->accounts, 1);
}


static void
jm_queue_unlink_waiting(jm_queue_t *q, jm_queue_place_t *place,
    unsigned served)
{
    jm_ref_t           *chain;
    jm_store_t         *s;
    jm_queue_line_t    *line;
    jm_queue_shared_t  *shared;

    s = q->store;
    shared = q->shared;
    line = jm_at(s, place->line);

    jm_ring_remove(s, &place->link);

    jm_put(s, shared->waiting, shared->waiting - 1);
    jm_queue_count(q, place->accounts, UINT32_MAX);

    if (jm_ring_next(s, &line->places) != &line->places) {

        if (served) {
            jm_ring_remove(s, &line->link);
            jm_ring_insert(s, jm_ring_prev(s, &shared->lines), &line->link);
        }

        return;
    }

    for (chain = jm_queue_chain(q, line->client); *chain != place->line;
         chain = &((jm_queue_line_t *) jm_at(s, *chain))->next)
    {
        /* void */
    }

    jm_put(s, *chain, line->next);

    jm_ring_remove(s, &line->link);
    jm_store_give(s, line);
}


static void
jm_queue_unlink_held(jm_queue_t *q, jm_queue_place_t *place)
{
    jm_queue_account_t  *a;

    a = jm_queue_number(q, place->account);

    jm_ring_remove(q->store, &place->link);
    jm_put(q->store, a->running, a->running - 1);
}


/* to add UINT32_MAX is to take 1 away */

static void
jm_queue_count(jm_queue_t *q, uint64_t accounts, uint32_t add)
{
    unsigned             i;
    jm_queue_account_t  *a;

    for (i = 0; accounts != 0; i++, accounts >>= 1) {

        if (accounts & 1) {
            a = jm_queue_number(q, i);
            jm_put(q->store, a->waiting, a->waiting + add);
        }
    }
}


jm_queue_line_t *
jm_queue_line_of(jm_queue_t *q, const uint8_t *client)
{
    jm_queue_line_t  *line;

    for (line = jm_at(q->store, *jm_queue_chain(q, client)); line != NULL;
         line = jm_at(q->store, line->next))
    {
        if (memcmp(line->client, client, JM_QUEUE_KEY) == 0) {
            return line;
        }
    }

    return NULL;
}


static jm_queue_line_t *
jm_queue_make_line(jm_queue_t *q, const uint8_t *client)
{
    jm_ref_t         *chain;
    jm_store_t       *s;
    jm_queue_line_t  *line;

    s = q->store;
    chain = jm_queue_chain(q, client);

    line = jm_store_take(s, JM_RECORD_LINE);

    memcpy(line->client, client, JM_QUEUE_KEY);
    line->next = *chain;

    jm_ring_init(s, &line->places);
    jm_ring_insert(s, jm_ring_prev(s, &q->shared->lines), &line->link);

    jm_put(s, *chain, jm_ref(s, line));

    return line;
}


static jm_ref_t *
jm_queue_chain(jm_queue_t *q, const uint8_t *client)
{
    uint32_t  hash;

    /* a client is a digest: any of its bytes are as good as a hash */

    memcpy(&hash, client, sizeof(uint32_t));

    return &q->lines[hash & q->mask];
}


uint64_t
jm_queue_span(uint64_t from, uint64_t to)
{
    return to > from ? to - from : 0;
}
