
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_ring.h"


#define JM_RING_PILES  48           /* sorted lists, of 2^0, 2^1 ... links */


static jm_ring_t *jm_ring_merge(jm_ring_t *a, jm_ring_t *b,
    uint64_t (*order)(const jm_ring_t *link));


void
jm_ring_init(jm_ring_t *head)
{
    head->prev = head;
    head->next = head;
}


void
jm_ring_insert(jm_ring_t *prev, jm_ring_t *link)
{
    link->prev = prev;
    link->next = prev->next;
    link->next->prev = link;
    prev->next = link;
}


void
jm_ring_remove(jm_ring_t *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
}


/* a merge sort from below: two sorted lists of 2^i links are made one */

jm_ring_t *
jm_ring_sort(jm_ring_t *list, uint64_t (*order)(const jm_ring_t *link))
{
    unsigned    i;
    jm_ring_t  *pile, *piles[JM_RING_PILES];

    memset(piles, 0, sizeof(piles));

    while (list != NULL) {
        pile = list;
        list = list->next;
        pile->next = NULL;

        for (i = 0; piles[i] != NULL; i++) {
            pile = jm_ring_merge(piles[i], pile, order);
            piles[i] = NULL;
        }

        piles[i] = pile;
    }

    for (i = 0; i < JM_RING_PILES; i++) {
        list = jm_ring_merge(piles[i], list, order);
    }

    return list;
}


static jm_ring_t *
jm_ring_merge(jm_ring_t *a, jm_ring_t *b,
    uint64_t (*order)(const jm_ring_t *link))
{
    jm_ring_t  head, *last;

    head.next = NULL;

    for (last = &head; a != NULL && b != NULL; last = last->next) {

        if (order(b) < order(a)) {
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
