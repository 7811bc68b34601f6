
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Lists in a store, each of which is a ring through its head.
 */


#ifndef _JM_RING_H_INCLUDED_
#define _JM_RING_H_INCLUDED_


#include "jm_store.h"


typedef struct {
    jm_ref_t         prev;
    jm_ref_t         next;
} jm_ring_t;


/* Makes a head the head of an empty ring. */
void jm_ring_init(jm_store_t *s, jm_ring_t *head);

/* Puts a link that is in no ring after another, or after a head. */
void jm_ring_insert(jm_store_t *s, jm_ring_t *prev, jm_ring_t *link);

/* Takes a link out of its ring; it is left as it is. */
void jm_ring_remove(jm_store_t *s, jm_ring_t *link);


/* Return the link, or the head, before one, and after it. */

static inline jm_ring_t *
jm_ring_prev(const jm_store_t *s, const jm_ring_t *link)
{
    return jm_to(s, link->prev);
}


static inline jm_ring_t *
jm_ring_next(const jm_store_t *s, const jm_ring_t *link)
{
    return jm_to(s, link->next);
}


#endif /* _JM_RING_H_INCLUDED_ */
