
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Whose a task is, how it stands, and that it is not wanted any more.
 */


#ifndef _JM_BACKEND_LOOK_H_INCLUDED_
#define _JM_BACKEND_LOOK_H_INCLUDED_


#include "jm_backend_service.h"
#include "jm_queue_standing.h"


/*
 * Whose a task is.  The slot of one that the upstream has, and that nobody who
 * lives follows, becomes *place.  Without a claim the task is one on account,
 * with id; or if id is empty, of the ledger's entry: JM_LOOK_OWN is then
 * nobody's, which has failed.  over, with JM_LOOK_TAKEN and a claim: its end
 * was seen, or it was given up.
 *
 * With JM_LOOK_RESULT, result is what the task has brought, in memory of mem,
 * which is the caller's then.  Its data is NULL where there is no mem, or that
 * has none left.
 *
 * Away: what was given stays so; JM_LOOK_TAKEN with an id, which can be asked
 * for all the same, or else JM_LOOK_UNKNOWN.
 */

typedef struct {
    jm_done_t            done;
    jm_ledger_claim_t   *claim;
    uint64_t             entry;     /* its serial number */
    unsigned             task;      /* its number in the entry */
    unsigned             account;   /* the ledger's, or JM_LEDGER_ANY */
    jm_place_t          *place;
    const jm_mem_t      *mem;       /* or NULL */
    jm_look_e            look;
    unsigned             over;
    jm_str_t             id;        /* as it was given, or in text */
    jm_turn_t            turn;      /* with JM_LOOK_WAIT, of an entry */
    unsigned             sending;   /* the same: it is being submitted */
    jm_str_t             result;
    unsigned             told;      /* error is why an entry's has failed */
    jm_error_t           error;
    uint8_t              text[JM_LEDGER_ID];
    unsigned             away;
    uint64_t             number;    /* the store's own */
} jm_op_look_t;


/*
 * The n tasks of the ledger's entry with a serial number are not wanted: those
 * that wait are not submitted, by anybody.  Of all of them so many are canceled
 * now, or were before; and so many are submitted, or about to be.
 */

typedef struct {
    jm_done_t            done;
    uint64_t             entry;
    unsigned             n;
    unsigned             canceled;
    unsigned             running;
    unsigned             away;
} jm_op_cancel_t;


#endif /* _JM_BACKEND_LOOK_H_INCLUDED_ */
