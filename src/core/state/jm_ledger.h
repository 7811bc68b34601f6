
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * The ledger: what was asked before, and what became of each of its tasks, in
 * a store.  A request that comes again finds its first try, whichever process
 * that is in, and whether or not it lives.  A task that a dead process may have
 * submitted is never anybody's to submit again.
 *
 * Every function is to be called with the store's lock held, between
 * jm_store_begin() and jm_store_commit(); open and told may commit what was
 * done before them.  now is in milliseconds of any clock that all processes
 * share and that does not go back.
 */


#ifndef _JM_LEDGER_H_INCLUDED_
#define _JM_LEDGER_H_INCLUDED_


#include "jm_ledger_task.h"


typedef enum {
    JM_LEDGER_NEW = 0,      /* the request was entered, its tasks are its own */
    JM_LEDGER_FOUND,        /* it is there already */
    JM_LEDGER_TOLD,         /* its error is told again */
    JM_LEDGER_TWIN,         /* a client seems to wait for the same */
    JM_LEDGER_OTHER,        /* it is there in another service's words */
    JM_LEDGER_REUSED,       /* its key is another request's */
    JM_LEDGER_FULL          /* there is no room to enter it */
} jm_ledger_e;


/*
 * Finds the ledger's heads in a store, and makes them where it is fresh.
 * Returns JM_ERROR if there is no room for them.
 */
jm_rc_e jm_ledger_layout(jm_ledger_t *l, jm_store_t *s);

/*
 * Finds the entry of a request, or makes it, for the client that waits.  With
 * JM_LEDGER_NEW and _FOUND *claim is set, and has to be closed before its
 * process ends.  l->evicted is moved on by the entries that were forgotten
 * before their time to make room.
 *
 * A named request finds the entry of its key.  Any other has an entry for each
 * time it is asked; repeat finds, of those with its key, the newest that nobody
 * got the end of, else the newest that runs, else the newest.  One without a
 * mark finds the newest that is owed: the last client that waited for it was
 * left without its end, no longer ago than unmarked, and nobody has come for it
 * since.  Where nothing is owed, and an error was told, it is JM_LEDGER_TOLD:
 * *claim is set, and l->told.
 *
 * A client that repeats at once may be faster than the news that it has left,
 * most of all in another process.  Where one without a mark would be new, and a
 * client waits for the same, a patient one is JM_LEDGER_TWIN: nothing was
 * entered, and *claim is all zeros.  So is, with other machines, one that has
 * waited since, until that client's process is known to live, or to be dead.
 *
 * So it is with JM_LEDGER_OTHER: the request has to be read for l->service.
 * What cost nothing, and nobody waits for or has an id of, is dropped instead.
 */
jm_ledger_e jm_ledger_open(jm_ledger_t *l, jm_ledger_claim_t *claim,
    const jm_ledger_request_t *request, uint64_t now);

/* Returns 1, and *service, if such a request is there; its n may be 0. */
unsigned jm_ledger_served(jm_ledger_t *l, const jm_ledger_request_t *request,
    uint64_t now, unsigned *service);

/*
 * How a client that waits has ended; the claim stays.  They do nothing for one
 * that does not wait any more, and change nothing in the entry when another
 * client has come for it since.
 *
 * left: without what it has ordered, which is owed to it from now on; of an
 * unknown outcome that is told once more, since the first time.
 * answered: it has its reply, and nothing is owed.
 * told: it got an error, which is told again to who asks for the same without a
 * mark, for the time that is owed, and JM_LEDGER_TOLD_FOR at most: its cause,
 * its upstream_code, and as much of its message as there is room for.
 */
void jm_ledger_left(jm_ledger_t *l, jm_ledger_claim_t *claim, uint64_t now);
void jm_ledger_answered(jm_ledger_t *l, jm_ledger_claim_t *claim,
    uint64_t now);
void jm_ledger_told(jm_ledger_t *l, jm_ledger_claim_t *claim,
    const jm_error_t *error, uint64_t now);

/*
 * A client got what all n tasks of an entry brought by asking for their ids: it
 * is not owed to it any more, until one that waits for it has left.  Does
 * nothing unless the entry of this serial number has just these ids: it may be
 * of another life of the shared memory.
 */
void jm_ledger_fetched(jm_ledger_t *l, uint64_t serial, const jm_str_t *ids,
    size_t n);

/*
 * Gives the claim back: its tasks that were being submitted are unknown,
 * those that were not are free, and those the upstream has are nobody's.  A
 * client that waits has left.
 */
void jm_ledger_close(jm_ledger_t *l, jm_ledger_claim_t *claim, uint64_t now);

/*
 * Forgets what is to go first, so that others may have its records, and moves
 * l->evicted on if its time was not up.  Returns JM_INVALID when all that is
 * left runs.  The records may be free only after some calls: a long text is
 * given back by parts.
 */
jm_rc_e jm_ledger_shrink(jm_ledger_t *l, uint64_t now);

/* Returns how many entries there are. */
unsigned jm_ledger_entries(jm_ledger_t *l);


#endif /* _JM_LEDGER_H_INCLUDED_ */
