
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * What clients have used of their limits, in a store: a bucket of requests, the
 * requests that are not over, the pictures of an hour, a day or a month, and
 * the money of a day or a month.  Counters go by a client's name, and are kept
 * when the file of keys is read anew.
 *
 * Every function is to be called with the lock held, between jm_store_begin()
 * and jm_store_commit(), and with clocks that do not go back.  What a process
 * that has died held is given back by the next one that needs it.
 */


#ifndef _JM_QUOTA_H_INCLUDED_
#define _JM_QUOTA_H_INCLUDED_


#include "jm_bill.h"
#include "jm_quota_view.h"


typedef enum {
    JM_QUOTA_OK = 0,
    JM_QUOTA_REQUESTS,      /* as many requests run as the client may have */
    JM_QUOTA_IMAGES,        /* its pictures are used up, or may be by then */
    JM_QUOTA_BUDGET,        /* its budget is spent, or may be by then */
    JM_QUOTA_NO_ROOM        /* nothing can be counted: memory is full */
} jm_quota_e;


/* a request's share, in its process's own memory; zeros hold nothing */

typedef struct {
    uint64_t             serial;    /* of the client; 0: of nobody */
    uint64_t             images;    /* that it may still bring */
    uint64_t             cost;      /* of these */
    uint32_t             running;
    uint32_t             near;      /* see jm_either.h; else 0 */
} jm_hold_t;


/*
 * Sets *q to its heads in s, which are the next ones there, and makes them if s
 * is fresh.  Returns JM_ERROR if there is no room.
 */
jm_rc_e jm_quota_layout(jm_quota_t *q, jm_store_t *s);

/*
 * Enters the client that a record of another store is of, with its number and
 * what it has used; of two of one name the one counts that has used more of the
 * later window, and none begins after seconds.  Returns JM_INVALID if it is no
 * such record, or a damaged one, JM_ERROR if there is no room.
 */
jm_rc_e jm_quota_import(jm_quota_t *q, const jm_store_t *old, jm_ref_t ref,
    int64_t seconds);

/*
 * Adds to a client that is there what a record of another store says of its
 * models; returns as above.
 */
jm_rc_e jm_quota_import_used(jm_quota_t *q, const jm_store_t *old,
    jm_ref_t ref, int64_t seconds);

/* Returns the client's number, which no other ever has; 0: it is not known. */
uint64_t jm_quota_serial(const jm_quota_t *q, const jm_client_t *client);

/*
 * Takes a request out of the client's bucket, and sets *rate to what is there
 * then.  Returns JM_INVALID when it is empty; a client without a rate, and
 * one that is not known (any more), is JM_OK.  now is in milliseconds of any
 * clock.
 */
jm_rc_e jm_quota_rate(jm_quota_t *q, const jm_client_t *client, uint64_t now,
    jm_quota_rate_t *rate);

/*
 * Takes a place for a request; most is what it may bring and cost, seconds the
 * time since 1970.  *view tells what there was before.  Anything but
 * JM_QUOTA_OK has taken nothing, unless force is set: then what is over a
 * limit is told, and taken.  *hold has to be given back.  What was done before
 * may be committed: to make room.
 */
jm_quota_e jm_quota_hold(jm_quota_t *q, const jm_client_t *client,
    const jm_bill_t *most, unsigned force, int64_t seconds, jm_hold_t *hold,
    jm_quota_view_t *view);

/*
 * Sets *hold to one that takes nothing, of a request that joins another one.
 */
void jm_quota_attach(jm_quota_t *q, const jm_client_t *client,
    jm_hold_t *hold);

/*
 * The upstream has delivered pictures of those that the hold was for: they are
 * used now, and what they cost is spent.
 */
void jm_quota_delivered(jm_quota_t *q, jm_hold_t *hold, const jm_bill_t *bill,
    int64_t seconds);

/*
 * The same for the client of a number, without a hold; 0 is nobody's.  Returns
 * its name, which is good until the lock is given back; empty: it is nobody's,
 * or of a client that is not known any more.
 */
jm_str_t jm_quota_made(jm_quota_t *q, uint64_t serial, const jm_bill_t *bill,
    int64_t seconds);

/*
 * Gives back what a hold has; again it does nothing.  What is delivered later
 * is counted still.
 */
void jm_quota_release(jm_quota_t *q, jm_hold_t *hold);


#endif /* _JM_QUOTA_H_INCLUDED_ */
