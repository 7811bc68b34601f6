
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * What is counted, in memory that several processes share at the same
 * address: counters, and series that a few names tell apart.  For what comes in
 * groups see jm_metrics_tally.h.
 *
 * Every function is to be called with the one lock of that memory held.  A
 * process may die between any two stores, with the lock held as well: what it
 * was counting may be lost, and nothing else.
 */


#ifndef _JM_METRICS_H_INCLUDED_
#define _JM_METRICS_H_INCLUDED_


#include "jm_metrics_group.h"
#include "jm_metrics_value.h"


/* changes with the meaning of anything that is kept in shared memory */

#define JM_METRICS_LAYOUT    4
#define JM_METRICS_VERSION   (JM_METRICS_LAYOUT << 8 | JM_CAUSE_LAST)


typedef struct jm_metrics_shared_s  jm_metrics_shared_t;
typedef struct jm_metrics_worker_s  jm_metrics_worker_t;


/* a process that serves requests */

struct jm_metrics_worker_s {
    jm_metrics_worker_t  *next;
    uint32_t              pid;
    uint32_t              number;
    uint64_t              started;      /* seconds since 1970 */
    uint64_t              requests;
};


/*
 * A process's way to what is counted, in memory of its own.  mem is the shared
 * memory's.  alive() returns 0 for a process that is certainly no more.
 */

typedef struct {
    jm_metrics_shared_t  *shared;
    jm_mem_t              mem;
    unsigned            (*alive)(uint32_t pid);
    uint32_t              pid;          /* this process, never 0 */
    jm_metrics_worker_t  *worker;       /* set by jm_metrics_join(), or NULL */
    jm_group_t           *group[JM_GROUP_LAST];     /* the last used, or NULL */
} jm_metrics_t;


/*
 * Makes counters in m->mem, and sets m->shared, which other processes are to
 * be handed.  Returns JM_ERROR without memory.
 */
jm_rc_e jm_metrics_create(jm_metrics_t *m);

/*
 * To be called once by a process that serves requests: number is the worker's,
 * now in seconds since 1970.  Without memory it is not listed.
 */
void jm_metrics_join(jm_metrics_t *m, uint32_t number, uint64_t now);

/*
 * Counts a request.  client and model may be empty, result is what its client
 * was told, JM_CAUSE_NONE for success.  Names are to come from configuration:
 * there are as many series as there are of them.
 */
void jm_metrics_request(jm_metrics_t *m, jm_str_t client, jm_str_t model,
    jm_cause_e result);

/* Counts a task that is over. */
void jm_metrics_task(jm_metrics_t *m, jm_str_t account, jm_cause_e result);

/*
 * Counts n pictures that the upstream made for a client, and what they cost in
 * millionths, see jm_money.h.
 */
void jm_metrics_images(jm_metrics_t *m, jm_str_t client, jm_str_t model,
    jm_str_t account, uint64_t n, uint64_t cost);

/* Counts what the ledger made of a request. */
void jm_metrics_entered(jm_metrics_t *m, jm_mark_e mark, jm_entered_e how);

/* Counts an attempt to fetch a picture, or one that there will not be. */
void jm_metrics_fetch(jm_metrics_t *m, jm_fetch_e how);

/* Counts a configuration that was not taken. */
void jm_metrics_refused(jm_metrics_t *m);

/* Copies the counters. */
void jm_metrics_counters(jm_metrics_t *m, jm_counters_t *counters);

/*
 * Copies up to n samples, of the series after *last, or from the first if it is
 * NULL, and moves *last.  Returns how many: fewer than n when there are no
 * more.  The lock may be given up between two calls, what is made meanwhile may
 * be missed.
 */
size_t jm_metrics_samples(jm_metrics_t *m, const jm_series_t **last,
    jm_sample_t *samples, size_t n);

/* Copies up to n workers; some of them may have been killed. */
size_t jm_metrics_workers(jm_metrics_t *m, jm_metrics_worker_t *workers,
    size_t n);


#endif /* _JM_METRICS_H_INCLUDED_ */
