
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Taking over what an older store has of the queue, which may be damaged, a
 * record at a time: the accounts before the places.
 */


#ifndef _JM_QUEUE_IMPORT_H_INCLUDED_
#define _JM_QUEUE_IMPORT_H_INCLUDED_


#include "jm_queue.h"


#define JM_QUEUE_UNKNOWN    255     /* an old account that was not taken over */


/*
 * Makes the account that is at a place in the old store, if it is not there
 * yet, with its average, and sets map[its old number] to its number here.  It
 * serves nobody until the configuration has it, too.  What is counted of it
 * begins at 0.  The map is of JM_QUEUE_ACCOUNTS bytes, all JM_QUEUE_UNKNOWN at
 * first.  Returns JM_INVALID for what is no account, or damaged, or one too
 * many; JM_ERROR where there is no record for it.
 */
jm_rc_e jm_queue_import_account(jm_queue_t *q, const jm_store_t *old,
    jm_ref_t ref, uint8_t *map);

/*
 * Takes over the place at a place in the old store whose task may be running:
 * it is lost, and keeps its serial, which the store's last one is at least.
 * Returns JM_INVALID for any other place, one of an account that the map does
 * not have, one that is there already, and what is no place, or damaged;
 * JM_ERROR where there is no record for it.
 */
jm_rc_e jm_queue_import_place(jm_queue_t *q, const jm_store_t *old,
    jm_ref_t ref, const uint8_t *map, uint64_t now);


#endif /* _JM_QUEUE_IMPORT_H_INCLUDED_ */
