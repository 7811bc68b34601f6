
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


#include "jm_buf.h"
#include "jm_keys.h"


/* changes with the meaning of anything that is kept in shared memory */

#define JM_QUOTA_VERSION    1

/* clients that one call looks at: others wait for the lock meanwhile */

#define JM_QUOTA_PIECE      32


typedef enum {
    JM_QUOTA_OK = 0,
    JM_QUOTA_REQUESTS,      /* as many requests run as the client may have */
    JM_QUOTA_IMAGES,        /* its pictures are used up, or may be by then */
    JM_QUOTA_NO_ROOM        /* nothing can be counted: memory is full */
} jm_quota_e;


typedef struct jm_quota_shared_s  jm_quota_shared_t;


/*
 * A process's way to the counters, in memory of its own.  mem is the shared
 * memory's.  alive() returns 0 for a process that is certainly no more.
 */

typedef struct {
    jm_quota_shared_t   *shared;
    jm_mem_t             mem;
    unsigned           (*alive)(uint32_t pid);
    uint32_t             pid;       /* this process, never 0 */
} jm_quota_t;


/* the bucket of requests; reset and retry in ms from now */

typedef struct {
    uint64_t             limit;     /* 0: the client has no rate */
    uint64_t             remaining;
    uint64_t             reset;     /* until it is full again */
    uint64_t             retry;     /* until there is one; 0: there is */
} jm_quota_rate_t;


/* what runs, and pictures; a limit of 0 is none */

typedef struct {
    uint32_t             concurrency;
    uint32_t             running;   /* requests */
    uint64_t             limit;     /* pictures */
    uint64_t             used;
    uint64_t             reserved;  /* those that run may bring so many */
    uint64_t             remaining;
    int64_t              reset;     /* s since 1970: used is 0 again */
} jm_quota_view_t;


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

/* The same, without taking one. */
void jm_quota_rate_view(jm_quota_t *q, const jm_client_t *client, uint64_t now,
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

/* Tells what runs and what has been used. */
void jm_quota_view(jm_quota_t *q, const jm_client_t *client, int64_t seconds,
    jm_quota_view_t *view);

/*
 * Tells both of the first of n clients, and returns how many these are:
 * JM_QUOTA_PIECE at most, which is what rates and views have to have room for.
 * The lock is to be given up before the next ones are asked for.
 */
size_t jm_quota_views(jm_quota_t *q, const jm_client_t *const *clients,
    size_t n, uint64_t now, int64_t seconds, jm_quota_rate_t *rates,
    jm_quota_view_t *views);

/*
 * Appends both as JSON, with what the client may do: the reply to one that asks
 * for its own.  JM_ERROR: out has an error.
 */
jm_rc_e jm_quota_write(jm_buf_t *out, const jm_client_t *client,
    const jm_quota_rate_t *rate, const jm_quota_view_t *view);


#endif /* _JM_QUOTA_H_INCLUDED_ */
