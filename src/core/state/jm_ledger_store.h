
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Entries of the ledger: finding and making them, and what becomes of one when
 * its tasks change or its time is up.
 */


#ifndef _JM_LEDGER_STORE_H_INCLUDED_
#define _JM_LEDGER_STORE_H_INCLUDED_


#include "jm_ledger_entry.h"


/*
 * Requests that are not named may have many entries of one key, next to each
 * other in its chain: so many are looked at.
 */

#define JM_LEDGER_NEAR      16


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
jm_ref_t *jm_ledger_owed_chain(jm_ledger_t *l, const uint8_t *key);

/* Returns an entry's task number i, which has to be there. */
jm_ledger_slot_t *jm_ledger_slot(jm_ledger_t *l, jm_ledger_entry_t *e,
    unsigned i);

/* Returns the claim's own task, in whatever state; NULL: it is not its own. */
jm_ledger_slot_t *jm_ledger_own(jm_ledger_t *l, const jm_ledger_claim_t *claim,
    unsigned i);

/* Returns the account that an entry's tasks are on, as jm_ledger_account(). */
unsigned jm_ledger_entry_account(jm_ledger_t *l, jm_ledger_entry_t *e);

/* Whether a task has this id of the upstream's, or with an empty one none. */
unsigned jm_ledger_slot_has(const jm_ledger_slot_t *slot, jm_str_t id);

/* Returns what one finds that the upstream has, or had. */
jm_look_e jm_ledger_slot_look(const jm_ledger_slot_t *slot);

/* Stores a task's state, and the sum that goes with it. */
void jm_ledger_become(jm_ledger_t *l, jm_ledger_slot_t *slot,
    jm_slot_e state);

/* Returns the sum of a task's id and state. */
uint32_t jm_ledger_sum(const jm_ledger_slot_t *slot);

/*
 * Forgets an entry; or, if it keeps what tasks have brought, all but that: it
 * is found by its serial number then, by no request, and owed to nobody.
 */
void jm_ledger_drop(jm_ledger_t *l, jm_ledger_entry_t *e);
void jm_ledger_retire(jm_ledger_t *l, jm_ledger_entry_t *e);

/* Takes an entry out of the chain of what is owed, and drops its error. */
void jm_ledger_forgive(jm_ledger_t *l, jm_ledger_entry_t *e);

/* Takes a record that there is room for. */
void *jm_ledger_new(jm_ledger_t *l, jm_record_e type);

/* Returns how many records an entry of n tasks takes. */
uint32_t jm_ledger_records(unsigned n);

/* Gives a new entry the tasks that it has besides its first. */
void jm_ledger_add_tasks(jm_ledger_t *l, jm_ledger_entry_t *e);

/* Enters a new entry, all of which is set, as the newest of its key. */
void jm_ledger_link(jm_ledger_t *l, jm_ledger_entry_t *e);

/* A client of this process waits for the entry last; nobody does any more. */
void jm_ledger_attend(jm_ledger_t *l, jm_ledger_entry_t *e);
void jm_ledger_unattend(jm_ledger_t *l, jm_ledger_entry_t *e);

/*
 * To be called when a state has changed: whether the entry runs, or is over,
 * is told from its tasks.  One that cost nothing, and nobody waits for, is
 * forgotten, unless it has an error to be told again.
 */
void jm_ledger_settle(jm_ledger_t *l, jm_ledger_entry_t *e, uint64_t now);

/* Whether it cost nothing, and has nothing to be told to anybody. */
unsigned jm_ledger_useless(jm_ledger_t *l, jm_ledger_entry_t *e);

/* Whether it keeps what any of its tasks has brought. */
unsigned jm_ledger_keeps(jm_ledger_t *l, jm_ledger_entry_t *e);

/* Whether the task has an owner that lives. */
unsigned jm_ledger_followed(jm_ledger_t *l, const jm_ledger_slot_t *slot);

/* Whether a process that lives follows one of the tasks that are not over. */
unsigned jm_ledger_owned(jm_ledger_t *l, jm_ledger_entry_t *e);

/* Whether the entry has outlived its time. */
unsigned jm_ledger_expired(jm_ledger_t *l, jm_ledger_entry_t *e, uint64_t now);

/* Milliseconds from then to now; 0 if another process's clock is ahead. */
uint64_t jm_ledger_elapsed(uint64_t then, uint64_t now);


#endif /* _JM_LEDGER_STORE_H_INCLUDED_ */
