
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * What a new ledger takes over from a store that is not trusted: the file that
 * an earlier nginx has left, whole or damaged.
 */


#ifndef _JM_LEDGER_IMPORT_H_INCLUDED_
#define _JM_LEDGER_IMPORT_H_INCLUDED_


#include "jm_ledger.h"


/*
 * Enters the entry at a place in the old store.  Nobody lives who followed its
 * tasks: one that was being submitted is unknown from then on, one that was to
 * be is free, and one that the upstream has is there to be asked for.  Who
 * waited is owed.  map has 256 bytes: the new number of each account by its old
 * one, or JM_LEDGER_ANY.
 *
 * To be called for older entries first, as their serial numbers tell.  Returns
 * JM_INVALID for what is not believed, there already, or of no use to anybody,
 * and JM_ERROR when there is no room for it.
 */
jm_rc_e jm_ledger_import(jm_ledger_t *l, const jm_store_t *old, jm_ref_t ref,
    const uint8_t *map, uint64_t now);

/* Returns the serial number of an entry in the old store; 0: it is none. */
uint64_t jm_ledger_imports(const jm_store_t *old, jm_ref_t ref);


#endif /* _JM_LEDGER_IMPORT_H_INCLUDED_ */
