
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Entries of the ledger: finding and making them, and what becomes of one when
 * its tasks change or its time is up.
 */


#ifndef _JM_LEDGER_STORE_H_INCLUDED_
#define _JM_LEDGER_STORE_H_INCLUDED_


#include "jm_fence.h"
#include "jm_ledger_entry.h"


/*
 * Requests that are not named may have many entries of one key, next to each
 * other in its chain: so many are looked at.
 */

#define JM_LEDGER_NEAR      16


/* Frame what changes anything: what a dead process left is put right. */
void jm_ledger_enter(jm_ledger_t *l);
void jm_ledger_leave(jm_ledger_t *l);

/* Returns the newest entry of the key's chain, which has other keys as well. */
jm_ledger_entry_t *jm_ledger_newest(jm_ledger_t *l, const uint8_t *key);

/* Returns the entry of a claim, or NULL when it is no more. */
jm_ledger_entry_t *jm_ledger_find(jm_ledger_t *l,
    const jm_ledger_claim_t *claim);

/* Returns the entry of a serial number, or NULL when it is no more. */
jm_ledger_entry_t *jm_ledger_numbered(jm_ledger_t *l, uint64_t serial);

/*
 * Returns the head of the chain of what is owed to requests of this key, which
 * has other keys as well.
 */
jm_ledger_entry_t **jm_ledger_owed_chain(jm_ledger_t *l, const uint8_t *key);

/* Returns an entry's task number i, which has to be there. */
jm_ledger_slot_t *jm_ledger_slot(jm_ledger_entry_t *e, unsigned i);

/*
 * Enters a request, all tasks of which are this process's to submit.  Returns
 * NULL when there is no room, even with all forgotten that may be.
 */
jm_ledger_entry_t *jm_ledger_add(jm_ledger_t *l,
    const jm_ledger_request_t *request, uint64_t now);

/* Forgets an entry. */
void jm_ledger_drop(jm_ledger_t *l, jm_ledger_entry_t *e);

/* Takes an entry out of the chain of what is owed, and drops its error. */
void jm_ledger_forgive(jm_ledger_t *l, jm_ledger_entry_t *e);

/*
 * Returns zeroed memory, for which what has been over for longest is forgotten
 * if need be; NULL when there is none.
 */
void *jm_ledger_alloc(jm_ledger_t *l, size_t size, uint64_t now);

/*
 * To be called when a state has changed: whether the entry runs, or is over,
 * is told from its tasks.  One that cost nothing, and nobody waits for, is
 * forgotten, unless it has an error to be told again.
 */
void jm_ledger_settle(jm_ledger_t *l, jm_ledger_entry_t *e, uint64_t now);

/* Whether the task has an owner that lives. */
unsigned jm_ledger_followed(jm_ledger_t *l, const jm_ledger_slot_t *slot);

/* Whether a process that lives follows one of the tasks that are not over. */
unsigned jm_ledger_owned(jm_ledger_t *l, jm_ledger_entry_t *e);

/* Whether the entry has outlived its time. */
unsigned jm_ledger_expired(jm_ledger_t *l, jm_ledger_entry_t *e, uint64_t now);

/* Milliseconds from then to now; 0 if another process's clock is ahead. */
uint64_t jm_ledger_elapsed(uint64_t then, uint64_t now);


#endif /* _JM_LEDGER_STORE_H_INCLUDED_ */
