
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * What is asked, and told, about the end of a task: by who ordered it, and by
 * who comes for the slot of one that nobody follows.
 */


#ifndef _JM_BACKEND_END_H_INCLUDED_
#define _JM_BACKEND_END_H_INCLUDED_


#include "jm_backend_task.h"


/*
 * The request does no more about a task, whatever became of it.  how is
 * JM_LEAVE_DONE when its submit was one call, whose answer is there: then
 * result, which may be empty, is kept for those who ask for it until then, in
 * ms since 1970, and kept says whether there was room for it.  first is set
 * when nobody else has seen its end, or will: what it made is counted for who
 * is held, or without hold for client.  billed: it is to be in this request's
 * line of the log.  left: others follow it.  joined is the id of a task of
 * another request's, whose end was seen here; without a claim it is one of the
 * ledger's entry.
 */

typedef struct {
    jm_done_t            done;
    jm_ledger_claim_t   *claim;     /* NULL: none in the ledger */
    unsigned             task;
    unsigned             account;
    jm_place_t          *place;
    jm_leave_e           how;
    jm_str_t             result;    /* with JM_LEAVE_DONE, JM_RESULT_MAX */
    uint64_t             until;
    unsigned             kept;
    jm_hold_t           *hold;
    unsigned             release;   /* it runs no more: as release() then */
    const jm_client_t   *client;    /* who pays, or NULL */
    jm_bill_t            bill;
    uint64_t             price;     /* of a picture, by its model's name */
    jm_quota_near_t      near;      /* with client, once that is counted */
    jm_str_t             joined;
    uint64_t             entry;     /* its serial number, 0: none */
    unsigned             left;
    unsigned             first;
    unsigned             billed;
    unsigned             away;
    uint64_t             number;    /* the store's own */
} jm_op_over_t;


/*
 * A task that nobody follows: found if there is one to be asked for, on one of
 * the accounts (bits), about whose tasks nobody has asked for pause ms.  Then
 * the same with what the upstream has said.
 */

typedef struct {
    jm_done_t            done;
    uint64_t             accounts;
    uint64_t             pause;
    unsigned             found;
    jm_orphan_t          orphan;
    unsigned             pending;   /* the upstream says that it runs, */
    unsigned             doubted;   /* or something that may mean its end */
    jm_bill_t            bill;      /* else it is over, and brought these */
    unsigned             first;     /* to see that: these are counted */
    jm_str_t             client;    /* for who ordered it; empty: nobody */
    uint8_t              name[JM_KEYS_NAME];
    unsigned             away;
} jm_op_orphan_t;


/*
 * How many places wait: all, and into waits those of each of n clients, by
 * their digests.
 */

typedef struct {
    jm_done_t            done;
    const uint8_t        (*clients)[JM_QUEUE_CLIENT];
    size_t               n;
    uint64_t            *waits;
    uint64_t             all;
    unsigned             away;
    size_t               first;     /* the store's own */
} jm_op_waits_t;


#endif /* _JM_BACKEND_END_H_INCLUDED_ */
