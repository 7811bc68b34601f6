
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Lists in shared memory, each of which is a ring through its head: links are
 * the first member of what they are in.  A process that died may have left one
 * broken: then it is made anew from what belongs into it.
 */


#ifndef _JM_RING_H_INCLUDED_
#define _JM_RING_H_INCLUDED_


#include "jm_base.h"


typedef struct jm_ring_s  jm_ring_t;

struct jm_ring_s {
    jm_ring_t       *prev;
    jm_ring_t       *next;
};


/* Makes a head the head of an empty ring. */
void jm_ring_init(jm_ring_t *head);

/* Puts a link that is in no ring after another, or after a head. */
void jm_ring_insert(jm_ring_t *prev, jm_ring_t *link);

/* Takes a link out of its ring; it is left as it is. */
void jm_ring_remove(jm_ring_t *link);

/*
 * Sorts a list, which ends in NULL and of which only "next" counts, by what
 * order() says of each, the least first; equals stay as they are.  Returns the
 * first, or NULL.
 */
jm_ring_t *jm_ring_sort(jm_ring_t *list,
    uint64_t (*order)(const jm_ring_t *link));


#endif /* _JM_RING_H_INCLUDED_ */
