
/*
 * Copyright (C) Jimeng module authors
 */


#include <stdatomic.h>

#include "jm_queue_store.h"


#define JM_QUEUE_PILES  32          /* of 2^0 ... places, to be sorted */


static void jm_queue_repair(jm_queue_t *q);
static void jm_queue_repair_empty(jm_queue_t *q);
static jm_queue_link_t *jm_queue_sort(jm_queue_link_t *list);
static jm_queue_link_t *jm_queue_merge(jm_queue_link_t *a,
    jm_queue_link_t *b);


void
jm_queue_fence(void)
{
    /* who dies stops between two stores of its own: the order is enough */

    atomic_signal_fence(memory_order_seq_cst);
}


void
jm_queue_begin(jm_queue_t *q)
{
    if (q->shared->busy) {
        jm_queue_repair(q);
    }

    q->shared->busy = 1;
    jm_queue_fence();
}


void
jm_queue_done(jm_queue_t *q)
{
    jm_queue_fence();
    q->shared->busy = 0;
}


/*
 * Only the places are believed.  Whose turn it is among the clients is not
 * written there: they come in the order of their oldest places.
 */

static void
jm_queue_repair(jm_queue_t *q)
{
    unsigned             i;
    jm_queue_link_t     *list, *next;
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
            jm_queue_link_after(a->held.prev, &place->link);
        }

        shared->room += JM_QUEUE_PLACES;
    }

    for (list = jm_queue_sort(list); list != NULL; list = next) {
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
        jm_queue_link_init(&a->held);
    }

    memset(shared->table->lines, 0,
           (shared->table->mask + (size_t) 1) * sizeof(jm_queue_line_t *));

    jm_queue_link_init(&shared->lines);

    shared->free = NULL;
    shared->unused = NULL;
    shared->waiting = 0;
    shared->room = 0;
}


/*
 * Sorts a list, which ends in NULL and has no way back, by serial numbers:
 * piles of 1, 2, 4 ... places are each sorted, and two of a size are made one.
 */

static jm_queue_link_t *
jm_queue_sort(jm_queue_link_t *list)
{
    unsigned          i;
    jm_queue_link_t  *pile, *piles[JM_QUEUE_PILES];

    memset(piles, 0, sizeof(piles));

    while (list != NULL) {
        pile = list;
        list = list->next;
        pile->next = NULL;

        for (i = 0; piles[i] != NULL; i++) {
            pile = jm_queue_merge(piles[i], pile);
            piles[i] = NULL;
        }

        piles[i] = pile;
    }

    for (i = 0; i < JM_QUEUE_PILES; i++) {
        list = jm_queue_merge(piles[i], list);
    }

    return list;
}


static jm_queue_link_t *
jm_queue_merge(jm_queue_link_t *a, jm_queue_link_t *b)
{
    jm_queue_link_t  head, *last;

    head.next = NULL;

    for (last = &head; a != NULL && b != NULL; last = last->next) {

        if (jm_queue_place(b)->serial < jm_queue_place(a)->serial) {
            last->next = b;
            b = b->next;

        } else {
            last->next = a;
            a = a->next;
        }
    }

    last->next = (a != NULL) ? a : b;

    return head.next;
}
