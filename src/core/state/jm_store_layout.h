
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Laying out a store: what is where follows from its size alone.
 */


#ifndef _JM_STORE_LAYOUT_H_INCLUDED_
#define _JM_STORE_LAYOUT_H_INCLUDED_


#include "jm_store.h"


/*
 * Begins with size bytes of memory, aligned for 64-bit integers.  With fresh
 * they are zeros, and a store is made of them.  Heads are to be placed next,
 * always the same ones in the same order, then records.
 */
void jm_store_attach(jm_store_t *s, void *memory, size_t size, unsigned fresh);

/* Returns the next head, of size bytes, zeros where fresh; NULL: no room. */
void *jm_store_head(jm_store_t *s, size_t size);

/*
 * The heads are all there, and what was stored in fresh ones is done: what is
 * left is records.  layout is of the heads' and records' structures.  Returns
 * JM_INVALID if there is no room for least records.
 */
jm_rc_e jm_store_records(jm_store_t *s, uint64_t layout, uint32_t least);

/*
 * Whether other processes have made a store of this layout and size here;
 * whether it looks like a store at all.
 */
unsigned jm_store_matches(const jm_store_t *s, uint64_t layout);
unsigned jm_store_looks(const jm_store_t *s);

/*
 * Returns how many chains a table is to have that leads to so many of the
 * records as there are: a power of two, told from the store's size alone.
 */
uint32_t jm_store_chains(const jm_store_t *s);


#endif /* _JM_STORE_LAYOUT_H_INCLUDED_ */
