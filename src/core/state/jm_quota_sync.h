
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Clients come and go with the files of keys.  There may be very many, so it is
 * done in pieces, between which others have the lock.
 */


#ifndef _JM_QUOTA_SYNC_H_INCLUDED_
#define _JM_QUOTA_SYNC_H_INCLUDED_


#include "jm_quota.h"


typedef enum {
    JM_SYNC_MARK = 0,       /* those that are there already are marked */
    JM_SYNC_ROOM,           /* others are forgotten for those that are new */
    JM_SYNC_DROP,           /* who is not marked is forgotten */
    JM_SYNC_ADD,            /* who is new is entered */
    JM_SYNC_DONE
} jm_quota_step_e;


/* the first two are to be set, all others to zeros */

typedef struct {
    const jm_client_t *const  *clients;     /* no two of one name */
    size_t                     n;
    jm_quota_step_e            step;
    size_t                     next;        /* client of the step */
    size_t                     found;       /* that were there already */
    uint32_t                   round;       /* which the marks are of */
} jm_quota_sync_t;


/*
 * To be called when the files of keys were read, until sync->step is
 * JM_SYNC_DONE: of the clients that are in them the counters of those that were
 * there before are kept, the others begin anew, and what is left is forgotten.
 * It does with JM_QUOTA_PIECE of them what is next, and may commit after each.
 *
 * Returns JM_ERROR if there is no room.  No client has changed then, unless
 * others have taken the room since it was found: then some that are new may be
 * there, until the next time.
 */
jm_rc_e jm_quota_sync(jm_quota_t *q, jm_quota_sync_t *sync);


#endif /* _JM_QUOTA_SYNC_H_INCLUDED_ */
