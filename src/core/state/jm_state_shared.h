
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * What the state itself keeps in its store, and the records of all its parts.
 */


#ifndef _JM_STATE_SHARED_H_INCLUDED_
#define _JM_STATE_SHARED_H_INCLUDED_


#include "jm_ledger_entry.h"
#include "jm_queue_shared.h"
#include "jm_quota_store.h"
#include "jm_schedule_store.h"
#include "jm_state.h"


struct jm_state_shared_s {
    uint64_t             base;      /* to be added to a monotonic clock: now */
    uint64_t             wall;      /* and this: the wall clock's time */
    uint64_t             last;      /* the later of both, when last in use */
    uint64_t             boot;      /* when it was made: of the system */
};


/*
 * The first record, and once more behind the last one: it is not in a head, to
 * be found where that is damaged.
 */

typedef struct {
    jm_record_t          head;
    uint8_t              salt[JM_STATE_SALT];
} jm_state_meta_t;

#define jm_state_meta_sealed                                                  \
    offsetof(jm_state_meta_t, salt), sizeof(jm_state_meta_t)


/* Stores the salt, which nobody may have used before. */
void jm_state_set_salt(jm_state_t *st, const uint8_t *salt);


#endif /* _JM_STATE_SHARED_H_INCLUDED_ */
