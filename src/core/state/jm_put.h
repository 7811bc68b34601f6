
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Storing in a store, so that it can be undone, and finding what is in it.
 */


#ifndef _JM_PUT_H_INCLUDED_
#define _JM_PUT_H_INCLUDED_


#include "jm_fence.h"
#include "jm_record.h"


/* Enters what is at an address, of 1, 2, 4 or 8 bytes, into the log. */

static inline void
jm_store_log(jm_store_t *s, const void *at, size_t size)
{
    uint32_t            n;
    jm_undo_t          *u;
    jm_store_shared_t  *shared;

    shared = s->shared;
    n = shared->nundo;

    /* all that is done in one piece is less; more cannot be undone */

    if (n >= JM_STORE_UNDO) {
        n = 0;
    }

    u = &shared->undo[n];

    u->old = 0;
    memcpy(&u->old, at, size);

    u->at = (uint64_t) ((const uint8_t *) at - (const uint8_t *) shared) * 16
            + size;

    jm_fence();
    shared->nundo = n + 1;
    jm_fence();
}


/* Stores a value of 1, 2, 4 or 8 bytes in a field that is in a store. */

#define jm_put(s, field, value)                                               \
    do {                                                                      \
        jm_store_log(s, &(field), sizeof(field));                             \
        (field) = (value);                                                    \
    } while (0)


/* Returns what a reference means that is not 0. */

static inline void *
jm_to(const jm_store_t *s, jm_ref_t ref)
{
    return (uint8_t *) s->shared + (size_t) ref * 4;
}


/* Returns what a reference means, or NULL. */

static inline void *
jm_at(const jm_store_t *s, jm_ref_t ref)
{
    return ref ? jm_to(s, ref) : NULL;
}


/* Returns a reference to what is in the store, or to NULL. */

static inline jm_ref_t
jm_ref(const jm_store_t *s, const void *p)
{
    return p ? (jm_ref_t) (((const uint8_t *) p - (const uint8_t *) s->shared)
                           / 4)
             : 0;
}


#endif /* _JM_PUT_H_INCLUDED_ */
