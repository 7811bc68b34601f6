
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_queue_store.h"


static void jm_queue_repair(jm_queue_t *q);
static void jm_queue_repair_empty(jm_queue_t *q);
static uint64_t jm_queue_order(const jm_ring_t *link);


void
jm_queue_begin(jm_queue_t *q)
{
    if (q->shared->busy) {
        jm_queue_repair(q);
    }

    q->shared->busy = 1;
    jm_fence();
}


void
jm_queue_done(jm_queue_t *q)
{
    jm_fence();
    q->shared->busy = 0;
}


/*
 * All but the places is made anew from these.  They do not tell whose turn it
 * was among the clients: these come in the order of their oldest places.
 */

static void
jm_queue_repair(jm_queue_t *q)
{
    unsigned             i;
    jm_ring_t           *list, *next;
    jm_queue_place_t    *place;
    jm_queue_chunk_t    *chunk;
    jm_queue_shared_t   *shared;
    jm_queue_account_t  *a;

    shared = q->shared;

    jm_queue_repair_empty(q);

    list = NULL;

    for (chunk = shared->chunks; chunk != NULL; chunk = chunk->next) {

        for (i = 0; i < JM_QUEUE_PLACES; i++) {
            place = &chunk->places[i];

            chunk->lines[i].next = shared->unused;
            shared->unused = &chunk->lines[i];

            if (place->state == JM_PLACE_FREE) {
                place->link.next = shared->free;
                shared->free = &place->link;
                continue;
            }

            if (place->state == JM_PLACE_WAIT) {
                place->link.next = list;
                list = &place->link;
                continue;
            }

            a = shared->accounts[place->account];
            a->running++;
            jm_ring_insert(a->held.prev, &place->link);
        }

        shared->room += JM_QUEUE_PLACES;
    }

    list = jm_ring_sort(list, jm_queue_order);

    for ( /* void */ ; list != NULL; list = next) {
        next = list->next;
        jm_queue_line_up(q, jm_queue_place(list), 0);
    }
}


static void
jm_queue_repair_empty(jm_queue_t *q)
{
    unsigned             i;
    jm_queue_shared_t   *shared;
    jm_queue_account_t  *a;

    shared = q->shared;

    for (i = 0; i < shared->naccounts; i++) {
        a = shared->accounts[i];

        a->running = 0;
        a->waiting = 0;
        jm_ring_init(&a->held);
    }

    memset(shared->table->lines, 0,
           (shared->table->mask + (size_t) 1) * sizeof(jm_queue_line_t *));

    jm_ring_init(&shared->lines);

    shared->free = NULL;
    shared->unused = NULL;
    shared->waiting = 0;
    shared->room = 0;
}


static uint64_t
jm_queue_order(const jm_ring_t *link)
{
    return ((const jm_queue_place_t *) (const void *) link)->serial;
}
