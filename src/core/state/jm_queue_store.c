
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_queue_store.h"


#define JM_QUEUE_TABLE  16          /* the smallest */

_Static_assert(sizeof(jm_queue_chunk_t) <= 4096, "a chunk is a page");


static void jm_queue_grow_table(jm_queue_t *q);
static jm_queue_table_t *jm_queue_table(jm_queue_t *q, uint32_t places);
static void jm_queue_unlink_waiting(jm_queue_t *q, jm_queue_place_t *place,
    unsigned served);
static void jm_queue_unlink_held(jm_queue_t *q, jm_queue_place_t *place);
static void jm_queue_count(jm_queue_t *q, uint64_t accounts, uint32_t add);
static void jm_queue_enroll(jm_queue_t *q, jm_queue_line_t *line,
    const uint8_t *client);
static jm_queue_line_t **jm_queue_chain(jm_queue_t *q, const uint8_t *client);


jm_rc_e
jm_queue_create(jm_queue_t *q)
{
    jm_queue_shared_t  *shared;

    shared = q->mem.alloc(q->mem.ctx, sizeof(jm_queue_shared_t));
    if (shared == NULL) {
        return JM_ERROR;
    }

    memset(shared, 0, sizeof(jm_queue_shared_t));
    jm_ring_init(&shared->lines);

    shared->table = jm_queue_table(q, JM_QUEUE_TABLE);

    if (shared->table == NULL) {
        q->mem.free(q->mem.ctx, shared);
        return JM_ERROR;
    }

    q->shared = shared;

    return JM_OK;
}


jm_rc_e
jm_queue_grow(jm_queue_t *q, uint64_t room)
{
    unsigned             i;
    jm_queue_chunk_t    *chunk;
    jm_queue_shared_t   *shared;

    shared = q->shared;

    for (i = 0; i < shared->naccounts; i++) {
        room += shared->accounts[i]->room;
    }

    if (room > INT32_MAX) {
        return JM_ERROR;
    }

    while (shared->room < room) {
        chunk = q->mem.alloc(q->mem.ctx, sizeof(jm_queue_chunk_t));

        if (chunk == NULL) {
            return JM_ERROR;
        }

        memset(chunk, 0, sizeof(jm_queue_chunk_t));

        chunk->next = shared->chunks;
        jm_fence();
        shared->chunks = chunk;

        for (i = 0; i < JM_QUEUE_PLACES; i++) {
            chunk->places[i].link.next = shared->free;
            shared->free = &chunk->places[i].link;

            chunk->lines[i].next = shared->unused;
            shared->unused = &chunk->lines[i];
        }

        shared->room += JM_QUEUE_PLACES;
    }

    jm_queue_grow_table(q);

    return JM_OK;
}


/* without memory the old table stays: its chains are longer */

static void
jm_queue_grow_table(jm_queue_t *q)
{
    jm_ring_t          *link;
    jm_queue_line_t    *line;
    jm_queue_table_t   *table, *old;
    jm_queue_shared_t  *shared;

    shared = q->shared;
    old = shared->table;

    if (old->mask >= shared->room / 2) {
        return;
    }

    table = jm_queue_table(q, shared->room);

    if (table == NULL) {
        return;
    }

    shared->table = table;

    for (link = shared->lines.next; link != &shared->lines; link = link->next)
    {
        line = jm_queue_line(link);
        jm_queue_enroll(q, line, jm_queue_place(line->places.next)->client);
    }

    q->mem.free(q->mem.ctx, old);
}


static jm_queue_table_t *
jm_queue_table(jm_queue_t *q, uint32_t places)
{
    size_t             n, size;
    jm_queue_table_t  *table;

    for (n = JM_QUEUE_TABLE; n < places; n *= 2) { /* void */ }

    size = offsetof(jm_queue_table_t, lines) + n * sizeof(jm_queue_line_t *);

    table = q->mem.alloc(q->mem.ctx, size);

    if (table != NULL) {
        memset(table, 0, size);
        table->mask = (uint32_t) (n - 1);
    }

    return table;
}


jm_queue_place_t *
jm_queue_take(jm_queue_t *q)
{
    jm_queue_place_t  *place;

    if (q->shared->free == NULL) {
        return NULL;
    }

    place = jm_queue_place(q->shared->free);
    q->shared->free = place->link.next;

    place->serial = ++q->shared->serial;

    return place;
}


void
jm_queue_drop(jm_queue_t *q, jm_queue_place_t *place)
{
    unsigned  waited;

    waited = (place->state == JM_PLACE_WAIT);

    place->state = JM_PLACE_FREE;
    jm_fence();

    if (waited) {
        jm_queue_unlink_waiting(q, place, 0);

    } else {
        jm_queue_unlink_held(q, place);
    }

    place->link.next = q->shared->free;
    q->shared->free = &place->link;
}


void
jm_queue_line_up(jm_queue_t *q, jm_queue_place_t *place, unsigned first)
{
    jm_ring_t          *prev;
    jm_queue_line_t    *line;
    jm_queue_shared_t  *shared;

    shared = q->shared;

    if (place->state > JM_PLACE_WAIT) {
        jm_fence();
        place->state = JM_PLACE_WAIT;
        jm_queue_unlink_held(q, place);
    }

    line = jm_queue_line_of(q, place->client);

    if (line == NULL) {
        line = shared->unused;
        shared->unused = line->next;

        jm_ring_init(&line->places);
        jm_ring_insert(shared->lines.prev, &line->link);

        jm_queue_enroll(q, line, place->client);
    }

    if (first) {
        jm_ring_remove(&line->link);
        jm_ring_insert(&shared->lines, &line->link);
    }

    /* a new place is the newest; one that comes back is among the oldest */

    prev = line->places.prev;

    if (first) {
        for (prev = &line->places;
             prev->next != &line->places
             && jm_queue_place(prev->next)->serial < place->serial;
             prev = prev->next)
        {
            /* void */
        }
    }

    jm_ring_insert(prev, &place->link);
    place->line = line;

    shared->waiting++;
    jm_queue_count(q, place->accounts, 1);

    jm_fence();
    place->state = JM_PLACE_WAIT;
}


void
jm_queue_hold(jm_queue_t *q, jm_queue_place_t *place, unsigned account,
    uint64_t now)
{
    unsigned             waited;
    jm_queue_account_t  *a;

    a = q->shared->accounts[account];

    waited = (place->state == JM_PLACE_WAIT);

    a->submitted = now;
    place->at = now;
    place->account = (uint8_t) account;

    jm_fence();
    place->state = JM_PLACE_GRANTED;

    if (waited) {
        jm_queue_unlink_waiting(q, place, 1);
    }

    a->running++;
    jm_ring_insert(a->held.prev, &place->link);
}


void
jm_queue_narrow(jm_queue_t *q, jm_queue_place_t *place, uint64_t accounts)
{
    jm_queue_count(q, place->accounts, UINT32_MAX);
    place->accounts = accounts;
    jm_queue_count(q, place->accounts, 1);
}


static void
jm_queue_unlink_waiting(jm_queue_t *q, jm_queue_place_t *place,
    unsigned served)
{
    jm_queue_line_t    *line, **chain;
    jm_queue_shared_t  *shared;

    shared = q->shared;
    line = place->line;

    jm_ring_remove(&place->link);

    shared->waiting--;
    jm_queue_count(q, place->accounts, UINT32_MAX);

    if (line->places.next != &line->places) {

        if (served) {
            jm_ring_remove(&line->link);
            jm_ring_insert(shared->lines.prev, &line->link);
        }

        return;
    }

    for (chain = jm_queue_chain(q, place->client); *chain != line;
         chain = &(*chain)->next)
    {
        /* void */
    }

    *chain = line->next;

    jm_ring_remove(&line->link);

    line->next = shared->unused;
    shared->unused = line;
}


static void
jm_queue_unlink_held(jm_queue_t *q, jm_queue_place_t *place)
{
    jm_ring_remove(&place->link);
    q->shared->accounts[place->account]->running--;
}


/* to add UINT32_MAX is to take 1 away */

static void
jm_queue_count(jm_queue_t *q, uint64_t accounts, uint32_t add)
{
    unsigned  i;

    for (i = 0; accounts != 0; i++, accounts >>= 1) {

        if (accounts & 1) {
            q->shared->accounts[i]->waiting += add;
        }
    }
}


jm_queue_line_t *
jm_queue_line_of(jm_queue_t *q, const uint8_t *client)
{
    jm_queue_line_t   *line;
    jm_queue_place_t  *place;

    for (line = *jm_queue_chain(q, client); line != NULL; line = line->next) {
        place = jm_queue_place(line->places.next);

        if (memcmp(place->client, client, JM_QUEUE_KEY) == 0) {
            return line;
        }
    }

    return NULL;
}


static void
jm_queue_enroll(jm_queue_t *q, jm_queue_line_t *line, const uint8_t *client)
{
    jm_queue_line_t  **chain;

    chain = jm_queue_chain(q, client);
    line->next = *chain;
    *chain = line;
}


static jm_queue_line_t **
jm_queue_chain(jm_queue_t *q, const uint8_t *client)
{
    uint32_t           hash;
    jm_queue_table_t  *table;

    table = q->shared->table;

    /* a client is a digest: any of its bytes are as good as a hash */

    memcpy(&hash, client, sizeof(uint32_t));

    return &table->lines[hash & table->mask];
}


uint64_t
jm_queue_span(uint64_t from, uint64_t to)
{
    return to > from ? to - from : 0;
}
