
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * The queue's accounts: what the configuration says of each, and how it is.
 */


#ifndef _JM_QUEUE_ACCOUNT_H_INCLUDED_
#define _JM_QUEUE_ACCOUNT_H_INCLUDED_


#include "jm_store.h"


#define JM_QUEUE_ACCOUNTS   64
#define JM_QUEUE_NAME       64      /* bytes of an account's name, at most */
#define JM_QUEUE_WOKEN      32


typedef struct jm_queue_shared_s  jm_queue_shared_t;


/*
 * A process's way to the queue, in memory of its own.
 *
 * woken has the numbers of workers that have to ask for what is new now: see
 * jm_queue_news() and jm_queue_alarms().  Any function may add to it, this
 * process's own worker as well, each only once; whoever has woken them sets
 * nwoken to 0.  With nwoken greater than JM_QUEUE_WOKEN it is all workers.
 */

typedef struct {
    jm_store_t          *store;
    jm_queue_shared_t   *shared;
    jm_ref_t            *lines;     /* chains of them, by their clients */
    uint32_t             mask;
    unsigned             nwoken;
    uint32_t             woken[JM_QUEUE_WOKEN];
} jm_queue_t;


/* what the configuration says of an account */

typedef struct {
    uint32_t             concurrency;   /* slots, 0: any number */
    uint32_t             queue;     /* places that may wait, 0: none */
    uint32_t             weight;    /* from 1 */
    uint32_t             pace;      /* ms a picture, at least; 0: none */
    uint64_t             interval;  /* between two submits, at least */
    uint64_t             timeout;   /* of a place that waits, 0: none */
} jm_queue_conf_t;


/* an account as it is now */

typedef struct {
    char                 name[JM_QUEUE_NAME];
    size_t               len;
    jm_queue_conf_t      conf;
    uint32_t             effective; /* slots that may be used now */
    uint32_t             running;   /* slots in use, the lost included */
    uint32_t             lost;      /* slots whose task nobody follows */
    uint32_t             waiting;   /* places that it may serve */
    uint64_t             average;   /* time of a task, 0: not known */
    uint64_t             rest;      /* ms left of its rest, 0: none */
    uint64_t             aside;     /* ms for which it is set aside yet */
    uint64_t             submits;   /* submits that were taken */
    uint64_t             busy_rate; /* submits refused with 50429 */
    uint64_t             busy_tasks;    /* submits refused with 50430 */
    uint64_t             denied;    /* submits refused for credentials */
    uint64_t             queries_denied;    /* and queries */
    uint64_t             cost;      /* of a picture of each that runs */
    uint64_t             cost_lost; /* and of each that is lost; millionths */
} jm_queue_view_t;


/*
 * Places the queue's heads in a store, without accounts where that is fresh.
 * Returns JM_ERROR where there is no room for them.
 */
jm_rc_e jm_queue_layout(jm_queue_t *q, jm_store_t *s);

/*
 * Returns how many of the store's records an account and its places take at
 * most, if these are of at most 64 processes, and of 64 models and sets of
 * accounts; where any number may run, without the places of those.
 */
uint32_t jm_queue_records(const jm_queue_conf_t *conf);

/* A configuration's accounts come next: others may be given up for them. */
void jm_queue_accounts_begin(jm_queue_t *q);

/*
 * Finds the account of that name, or makes it: sets conf, and clears its rest,
 * what it was set aside for, and what lowered its slots.  *account is its
 * number, from 0, until it is given up: only when all numbers are taken, it is
 * not in the newest configuration, and no place may use it.  Returns JM_INVALID
 * for a name that is empty or too long, and one too many; JM_ERROR for no room.
 */
jm_rc_e jm_queue_account(jm_queue_t *q, jm_str_t name,
    const jm_queue_conf_t *conf, unsigned *account);

/* Counts a query that was refused for the account's credentials. */
void jm_queue_query_denied(jm_queue_t *q, unsigned account);

/*
 * Tells how an account is, which has to be there.  What dead processes have
 * left, and what has lapsed, is given back first.
 */
void jm_queue_view(jm_queue_t *q, unsigned account, jm_queue_view_t *v,
    uint64_t now);


#endif /* _JM_QUEUE_ACCOUNT_H_INCLUDED_ */
