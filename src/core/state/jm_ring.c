
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_ring.h"


void
jm_ring_init(jm_store_t *s, jm_ring_t *head)
{
    jm_put(s, head->prev, jm_ref(s, head));
    jm_put(s, head->next, jm_ref(s, head));
}


void
jm_ring_insert(jm_store_t *s, jm_ring_t *prev, jm_ring_t *link)
{
    jm_ring_t  *next;

    next = jm_ring_next(s, prev);

    jm_put(s, link->prev, jm_ref(s, prev));
    jm_put(s, link->next, jm_ref(s, next));
    jm_put(s, next->prev, jm_ref(s, link));
    jm_put(s, prev->next, jm_ref(s, link));
}


void
jm_ring_remove(jm_store_t *s, jm_ring_t *link)
{
    jm_ring_t  *prev, *next;

    prev = jm_ring_prev(s, link);
    next = jm_ring_next(s, link);

    jm_put(s, prev->next, jm_ref(s, next));
    jm_put(s, next->prev, jm_ref(s, prev));
}
