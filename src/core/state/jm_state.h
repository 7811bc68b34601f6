
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * All that outlives a request: the ledger, the queue, the limits of clients and
 * how long tasks take, in one store, with the clock that they go by.  The store
 * may be a file, which the next nginx takes over.
 */


#ifndef _JM_STATE_H_INCLUDED_
#define _JM_STATE_H_INCLUDED_


#include "jm_ledger.h"
#include "jm_queue.h"
#include "jm_quota.h"
#include "jm_schedule.h"


#define JM_STATE_SALT       32      /* bytes */
#define JM_STATE_LOCK       64      /* bytes for a lock, aligned for pointers */
#define JM_STATE_LEAST      16      /* records for the ledger, at least */


typedef struct jm_state_shared_s  jm_state_shared_t;


/* a process's way to it; alive() and east are to be set, boot for a new one */

typedef struct {
    jm_store_t           store;
    jm_ledger_t          ledger;
    jm_queue_t           queue;
    jm_quota_t           quota;
    jm_schedule_t        schedule;
    jm_state_shared_t   *shared;
    void                *lock;      /* JM_STATE_LOCK bytes in the store */
    const uint8_t       *salt;      /* JM_STATE_SALT bytes in the store */
    uint64_t             now;       /* ms, of the last jm_state_begin() */
    int64_t              seconds;   /* since 1970, by the same */
    uint64_t             boot;      /* of this system, 0: not known */
} jm_state_t;


/* clocks of the caller's: ms of one that goes on, of one that may be set */

typedef struct {
    uint64_t             monotonic;
    uint64_t             wall;      /* since 1970 */
} jm_clock_t;


/* what became of an old store's records */

typedef struct {
    unsigned             entries;   /* of the ledger, taken over */
    unsigned             slots;     /* whose tasks may run yet */
    unsigned             clients;
    unsigned             damaged;   /* records that cannot be believed */
    unsigned             missing;   /* that there should be, by the head */
    unsigned             forgotten; /* there was no room for them */
} jm_state_import_t;


/*
 * Makes a state in size bytes of zeros.  The clock goes on from last, as
 * jm_state_last() tells, if that is ahead of the wall's.  Returns JM_INVALID if
 * it has not the records that are asked for, and JM_STATE_LEAST more.
 */
jm_rc_e jm_state_create(jm_state_t *st, void *memory, size_t size,
    uint32_t records, const uint8_t *salt, const jm_clock_t *clock,
    uint64_t last);

/* Finds another process's state; JM_INVALID: of another version, or size. */
jm_rc_e jm_state_attach(jm_state_t *st, void *memory, size_t size);

/* Returns the least size of a state with so many records, in steps of 64k. */
size_t jm_state_needs(uint32_t records);

/* Returns how many records it has for all but the least of the ledger's. */
uint32_t jm_state_records(const jm_state_t *st);

/* Sets how many records the ledger leaves to others. */
void jm_state_keep(jm_state_t *st, uint32_t records);

/*
 * Frame what is done with the lock held: jm_state_begin() undoes what a dead
 * process has left, and sets the times; jm_state_commit() ends it.
 */
void jm_state_begin(jm_state_t *st, const jm_clock_t *clock);
void jm_state_commit(jm_state_t *st);

/*
 * The process becomes an owner, with a number that none had before: can_be() is
 * asked for slots, 0 to JM_STORE_OWNERS - 1, until it takes one, which is
 * nobody else's as long as it lives.  JM_ERROR: there are too many processes.
 */
jm_rc_e jm_state_join(jm_state_t *st,
    unsigned (*can_be)(void *ctx, uint32_t slot), void *ctx);

/*
 * Takes over what is in an old store of size bytes, which is not trusted, and
 * is written to.  Memory of mem is given back.  JM_ERROR: it ran out.
 */
jm_rc_e jm_state_import(jm_state_t *st, void *old, size_t size,
    const jm_mem_t *mem, jm_state_import_t *n);

/* Whether bytes look like a state at all, of whatever version. */
unsigned jm_state_looks(void *old, size_t size);

/* Returns the last time in ms that an old store knows of, or 0. */
uint64_t jm_state_last(void *old, size_t size);


#endif /* _JM_STATE_H_INCLUDED_ */
