
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * The text that a task has brought, where the upstream keeps none: a chain of
 * records, each with a part of it.  They are written once, and never change.
 */


#ifndef _JM_LEDGER_PART_H_INCLUDED_
#define _JM_LEDGER_PART_H_INCLUDED_


#include "jm_ledger_entry.h"


#define JM_LEDGER_PART      220     /* bytes of a text in each record */
#define JM_LEDGER_LOOSE     32      /* parts that are given back at a time */


/* all but the last are full; head.next of the first leads to another chain */

typedef struct {
    jm_record_t          head;
    jm_ref_t             next;
    uint64_t             serial;    /* of the entry */
    uint8_t              task;
    uint8_t              number;    /* of the part */
    uint8_t              len;
    uint8_t              unused;
    uint8_t              text[JM_LEDGER_PART];
    jm_ring_t            link;      /* of the first, in results */
} jm_ledger_part_t;

#define jm_ledger_part_sealed                                                 \
    offsetof(jm_ledger_part_t, next), offsetof(jm_ledger_part_t, link)

/* the first part of a link in results */

#define jm_ledger_part(ring)                                                  \
    ((jm_ledger_part_t *) (void *)                                            \
     ((uint8_t *) (ring) - offsetof(jm_ledger_part_t, link)))


/* what a slot in JM_SLOT_KEPT has in the place of an id */

typedef struct {
    uint64_t             until;     /* by the ledger's clock */
    jm_ref_t             first;
    uint32_t             len;       /* of the text, 1 ... JM_RESULT_MAX */
} jm_ledger_kept_t;


/* Store, and return, what such a slot has; its sum is not set. */
void jm_ledger_kept_put(jm_ledger_t *l, jm_ledger_slot_t *slot,
    const jm_ledger_kept_t *kept);
jm_ledger_kept_t jm_ledger_kept(const jm_ledger_slot_t *slot);

/* Returns how many records a text of len bytes takes. */
uint32_t jm_ledger_parts(size_t len);

/*
 * Makes a chain of a text of 1 ... JM_RESULT_MAX bytes, which there has to be
 * room for, the newest in results.  Returns its first part.
 */
jm_ref_t jm_ledger_part_make(jm_ledger_t *l, uint64_t serial, unsigned task,
    jm_str_t text);

/* Copies the text to where there are kept->len bytes. */
void jm_ledger_part_copy(const jm_store_t *s, const jm_ledger_kept_t *kept,
    uint8_t *text);

/* Makes a chain nobody's.  It is given back later: it may be a long one. */
void jm_ledger_part_drop(jm_ledger_t *l, jm_ref_t first);

/* Gives back JM_LEDGER_LOOSE parts that are nobody's; 0: there were none. */
unsigned jm_ledger_part_give(jm_ledger_t *l);

/*
 * Whether a store that is not trusted has the whole chain of a task, which is
 * in no other one then.
 */
unsigned jm_ledger_part_believed(const jm_store_t *old,
    const jm_ledger_kept_t *kept, uint64_t serial, unsigned task);


#endif /* _JM_LEDGER_PART_H_INCLUDED_ */
