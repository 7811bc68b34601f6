
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * What leads to the ledger's records.
 */


#ifndef _JM_LEDGER_ENTRY_H_INCLUDED_
#define _JM_LEDGER_ENTRY_H_INCLUDED_


#include "jm_ledger_record.h"


struct jm_ledger_shared_s {
    uint32_t             entries;
    uint32_t             records;   /* that these take */
    jm_ring_t            running;   /* in each ring the oldest is first */
    jm_ring_t            finished;
    jm_ring_t            free;      /* finished, and it cost nothing */
    jm_ring_t            attended;
    jm_ring_t            retired;   /* and known by their numbers alone */
    jm_ring_t            results;   /* first parts, see jm_ledger_part.h */
    jm_ref_t             loose;     /* parts that are nobody's, by chains */
    uint32_t             attending; /* entries that are attended */
    uint32_t             unseen;    /* of these: may wait for a dead owner */
    uint32_t             died;      /* the store's, when it was seen last */
    uint64_t             watched;   /* when it was looked who lives */
};


#define jm_ledger_at(l, ref)                                                  \
    ((jm_ledger_entry_t *) jm_at((l)->store, ref))

/* the entry of a link in one of the rings */

#define jm_ledger_entry(ring)                                                 \
    ((jm_ledger_entry_t *) (void *)                                           \
     ((uint8_t *) (ring) - offsetof(jm_ledger_entry_t, link)))

#define jm_ledger_attended(ring)                                              \
    ((jm_ledger_entry_t *) (void *)                                           \
     ((uint8_t *) (ring) - offsetof(jm_ledger_entry_t, attended)))


#endif /* _JM_LEDGER_ENTRY_H_INCLUDED_ */
