
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * A look at what clients have used of their limits.
 */


#ifndef _JM_QUOTA_VIEW_H_INCLUDED_
#define _JM_QUOTA_VIEW_H_INCLUDED_


#include "jm_buf.h"
#include "jm_keys.h"
#include "jm_store.h"


/* clients that one call looks at: others wait for the lock meanwhile */

#define JM_QUOTA_PIECE      32

#define JM_QUOTA_NS         1000000     /* nanoseconds in a millisecond */


typedef struct jm_quota_shared_s  jm_quota_shared_t;


/* what leads to a client */

enum {
    JM_QUOTA_NAMES = 0,
    JM_QUOTA_SERIALS,
    JM_QUOTA_TABLES
};


/* a process's way to the counters, in memory of its own; east is to be set */

typedef struct {
    jm_store_t          *store;
    jm_quota_shared_t   *shared;
    jm_ref_t            *tables[JM_QUOTA_TABLES];
    uint32_t             mask;      /* of the chains in each */
    int32_t              east;      /* s that days begin before those of UTC */
} jm_quota_t;


/* a client's bucket of requests; reset and retry in ms from now */

typedef struct {
    uint64_t             limit;     /* 0: the client has no rate */
    uint64_t             remaining;
    uint64_t             reset;     /* until it is full again */
    uint64_t             retry;     /* until there is one; 0: there is */
} jm_quota_rate_t;


/* a client's money, as of jm_money.h; a limit of 0 is none */

typedef struct {
    uint64_t             limit;
    uint64_t             spent;
    uint64_t             reserved;
    uint64_t             remaining;
    int64_t              reset;     /* s since 1970: spent is 0 again */
} jm_quota_budget_t;


/* a client's running requests, and its pictures; a limit of 0 is none */

typedef struct {
    uint32_t             concurrency;
    uint32_t             running;   /* requests */
    uint64_t             limit;     /* pictures */
    uint64_t             used;
    uint64_t             reserved;  /* that running requests may bring */
    uint64_t             remaining;
    int64_t              reset;     /* s since 1970: used is 0 again */
    jm_quota_budget_t    budget;
} jm_quota_view_t;


/* Returns how many records n clients need, with some for more processes. */
uint32_t jm_quota_records(size_t n);

/*
 * Sets *rate to what is in the client's bucket.  now is in milliseconds of any
 * clock that does not go back.
 */
void jm_quota_rate_view(jm_quota_t *q, const jm_client_t *client, uint64_t now,
    jm_quota_rate_t *rate);

/*
 * Tells what runs and what has been used; seconds are those since 1970, of a
 * clock that does not go back.
 */
void jm_quota_view(jm_quota_t *q, const jm_client_t *client, int64_t seconds,
    jm_quota_view_t *view);

/*
 * Tells both of the first of n clients, and returns how many these are:
 * JM_QUOTA_PIECE at most, which is what rates and views have to have room for.
 * What was done for each is committed.  The lock is to be given up before the
 * next ones are asked for.
 */
size_t jm_quota_views(jm_quota_t *q, const jm_client_t *const *clients,
    size_t n, uint64_t now, int64_t seconds, jm_quota_rate_t *rates,
    jm_quota_view_t *views);


#endif /* _JM_QUOTA_VIEW_H_INCLUDED_ */
