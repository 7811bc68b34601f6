
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * What clients are owed.  Of those that come for an entry the last one counts:
 * the ones before it have asked again, or were let go.  As long as it waits
 * nothing is owed.  It is owed the entry's end when it was left without it,
 * also by a process that has died: who waits where is in the entry.
 */


#ifndef _JM_LEDGER_OWED_H_INCLUDED_
#define _JM_LEDGER_OWED_H_INCLUDED_


#include "jm_ledger_store.h"


/* how often it is asked which of all processes are dead, in milliseconds */

#define JM_LEDGER_WATCH     100

/* entries that are looked at then, with each request, until all were */

#define JM_LEDGER_PIECE     32


/*
 * Returns the entry that is owed to a request without a mark.  Where there is
 * none, but one whose error is to be told again, returns that, sets *told, and
 * copies the error to l->told; else NULL.
 */
jm_ledger_entry_t *jm_ledger_owed(jm_ledger_t *l,
    const jm_ledger_request_t *request, uint64_t now, unsigned *told);

/* Makes a record of an error, which there has to be room for; and reads it. */
jm_ref_t jm_ledger_keep(jm_ledger_t *l, jm_ledger_entry_t *e,
    const jm_error_t *error);
void jm_ledger_recall(jm_error_t *error, const jm_ledger_told_t *told);

/* Whether a request has to be opened once more, see JM_LEDGER_TWIN. */
unsigned jm_ledger_twin(jm_ledger_t *l, const jm_ledger_request_t *request);

/* A client waits for the entry, and it is the last one that came for it. */
void jm_ledger_attach(jm_ledger_t *l, jm_ledger_claim_t *claim,
    jm_ledger_entry_t *e);

/*
 * The claim's client does not wait any more, if it did.  Was it the last one
 * that came, it is owed the entry.
 */
void jm_ledger_leave_owed(jm_ledger_t *l, jm_ledger_claim_t *claim,
    jm_ledger_entry_t *e, uint64_t now);

/* The entry is owed from now on, or again. */
void jm_ledger_owe(jm_ledger_t *l, jm_ledger_entry_t *e, uint64_t now);

/*
 * The clients of processes that have died are owed what they waited for: those
 * of this key from now on, all others once they are looked at, which begins
 * within JM_LEDGER_WATCH.
 */
void jm_ledger_watch(jm_ledger_t *l, const uint8_t *key, uint64_t now);


#endif /* _JM_LEDGER_OWED_H_INCLUDED_ */
