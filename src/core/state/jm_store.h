
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

/* Whether an owner is this process, or another one that lives. */
unsigned jm_store_lives(const jm_store_t *s, uint32_t owner);

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
