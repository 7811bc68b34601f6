
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * What clients have used of their limits, in memory that several processes
 * share at the same address: a bucket of requests, the requests that are not
 * over, and the pictures of a day or an hour.  Counters go by a client's name,
 * and are kept when the file of keys is read anew.
 *
 * Every function is to be called with the one lock of that memory held.  A
 * process may die between any two stores, with the lock held as well: what it
 * held is given back by the next one that needs it.
 */


#ifndef _JM_QUOTA_H_INCLUDED_
#define _JM_QUOTA_H_INCLUDED_


#include "jm_quota_view.h"


/* changes with the meaning of anything that is kept in shared memory */

#define JM_QUOTA_VERSION    2


typedef enum {
    JM_QUOTA_OK = 0,
    JM_QUOTA_REQUESTS,      /* as many requests run as the client may have */
    JM_QUOTA_IMAGES,        /* its pictures are used up, or may be by then */
    JM_QUOTA_NO_ROOM        /* nothing can be counted: memory is full */
} jm_quota_e;


/* a request's share, in its process's own memory; zeros hold nothing */

typedef struct {
    const jm_client_t   *client;
    uint64_t             serial;
    uint64_t             images;    /* that it may still bring */
    uint32_t             running;
} jm_hold_t;


/* Makes empty counters in q->mem and sets q->shared; JM_ERROR: no memory. */
jm_rc_e jm_quota_create(jm_quota_t *q);

/*
 * Makes room for n clients whose requests run in so many processes, and
 * changes nothing else: jm_quota_sync() cannot fail afterwards for so many.
 * Returns JM_ERROR without memory.
 */
jm_rc_e jm_quota_reserve(jm_quota_t *q, size_t n, size_t processes);

/*
 * To be called when the files of keys were read: of these n clients, no two of
 * one name, the counters of those that were there before are kept, the others
 * begin anew, and what is left is forgotten.  Returns JM_ERROR without memory:
 * nothing has changed then.
 */
jm_rc_e jm_quota_sync(jm_quota_t *q, const jm_client_t *const *clients,
    size_t n);

/* Tells whether the last jm_quota_sync() was handed a client of this name. */
unsigned jm_quota_knows(jm_quota_t *q, const jm_client_t *client);

/*
 * To be called once by a process before it holds anything: what an older one
 * of the same pid held is given back.
 */
void jm_quota_join(jm_quota_t *q);

/*
 * Takes a request out of the client's bucket, and sets *rate to what is there
 * then.  Returns JM_INVALID when it is empty; a client without a rate, and
 * one that is not known (any more), is JM_OK.  now is in milliseconds of any
 * clock that all processes share and that does not go back.
 */
jm_rc_e jm_quota_rate(jm_quota_t *q, const jm_client_t *client, uint64_t now,
    jm_quota_rate_t *rate);

/*
 * Takes a place for a request that may bring so many pictures; seconds is the
 * time since 1970.  *view tells what there was before.  Anything but
 * JM_QUOTA_OK has taken nothing, unless force is set: then what is over a
 * limit is told, and taken.  *hold has to be given back.
 */
jm_quota_e jm_quota_hold(jm_quota_t *q, const jm_client_t *client,
    uint64_t images, unsigned force, int64_t seconds, jm_hold_t *hold,
    jm_quota_view_t *view);

/*
 * Sets *hold to one that takes nothing: for a request that only joins another
 * one, but may be the first to see its pictures.
 */
void jm_quota_attach(jm_quota_t *q, const jm_client_t *client,
    jm_hold_t *hold);

/*
 * The upstream has delivered so many pictures of those that the hold was for:
 * they are used now.
 */
void jm_quota_delivered(jm_quota_t *q, jm_hold_t *hold, uint64_t images,
    int64_t seconds);

/*
 * Gives back what a hold has; again it does nothing.  What is delivered later
 * is counted still.
 */
void jm_quota_release(jm_quota_t *q, jm_hold_t *hold);


#endif /* _JM_QUOTA_H_INCLUDED_ */
