
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Memory that several processes share, each at an address of its own, and that
 * may be a file: what is in it refers to each other by offsets.  It is laid out
 * once: heads of fixed size, and records, all of one size, that are taken and
 * given back.
 *
 * There is one lock for all of it, and what is done while a process has it is
 * done as a whole or not at all: each store is entered in a log of what was
 * there before.  A process may die between any two instructions; the next one
 * that has the lock undoes what that one had begun.
 */


#ifndef _JM_STORE_H_INCLUDED_
#define _JM_STORE_H_INCLUDED_


#include "jm_put.h"


/*
 * Frame what is done with the lock held.  jm_store_begin() undoes what a dead
 * process has left; jm_store_commit() may be called in between, too, where all
 * is whole: what was done so far is done.
 */
void jm_store_begin(jm_store_t *s);
void jm_store_commit(jm_store_t *s);

/*
 * Undoes what a dead process has left, of a store that need not be trusted as
 * well: nothing is stored but within its size.
 */
void jm_store_recover(jm_store_t *s);

/*
 * Owners are numbers of processes, from 1, none of which is ever used again.
 * Each has a slot, 0 to JM_STORE_OWNERS - 1, that is an older one's when that
 * is dead.
 */
#define jm_store_slot(owner)  (((owner) - 1) % JM_STORE_OWNERS)

/*
 * The process becomes an owner, in the next slot that can_be() gives to it.
 * Returns JM_ERROR, and nothing has changed, when there is none.
 */
jm_rc_e jm_store_join(jm_store_t *s,
    unsigned (*can_be)(void *ctx, uint32_t slot), void *ctx);

/* Whether an owner is this process, or another one that lives; 0 is nobody. */
unsigned jm_store_lives(const jm_store_t *s, uint32_t owner);

/*
 * Takes those owners off who have died, and moves shared->died on; what was
 * done so far is committed.
 */
void jm_store_bury(jm_store_t *s);

/* Whether an owner, not 0, was not taken off yet: cheaper than asking. */
unsigned jm_store_listed(const jm_store_t *s, uint32_t owner);

/*
 * Makes room for n records, for which others are forgotten if need be, and what
 * was done so far is committed.  Returns JM_ERROR if that is not enough.
 */
jm_rc_e jm_store_room(jm_store_t *s, uint32_t n);

/*
 * Returns a record, zeros but for its head, which there has to be room for.
 * Until the next commit its other bytes may be stored without a log.
 */
void *jm_store_take(jm_store_t *s, jm_record_e type);

/* Gives a record back, which is free for others after the next commit. */
void jm_store_give(jm_store_t *s, void *record);

/* Returns record number i, of shared->records, whatever it is. */
jm_record_t *jm_store_record(const jm_store_t *s, uint32_t i);

/*
 * Sets a record's sum, of its type, version and the bytes between two offsets,
 * none of which changes any more: to be done before the record counts.
 */
void jm_store_seal(void *record, size_t from, size_t to);

/*
 * Returns what is at a place in a store that is not trusted, such as a damaged
 * file, of which only s->shared and s->size are set; NULL if it is no record of
 * that type, this version, and sealed so.
 */
const void *jm_store_believed(const jm_store_t *s, jm_ref_t ref,
    jm_record_e type, size_t from, size_t to);


#endif /* _JM_STORE_H_INCLUDED_ */
