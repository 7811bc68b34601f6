
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * The ledger: what was asked before, and what became of each of its tasks, in
 * memory that several processes share at the same address.  A request that
 * comes again finds its first try, whichever process that is in, and whether
 * or not it lives.
 *
 * Every function is to be called with the one lock of that memory held.  A
 * process may die between any two stores, with the lock held as well: what it
 * left is put right by the next one that comes, and a task that it may have
 * submitted is never anybody's to submit again.
 */


#ifndef _JM_LEDGER_H_INCLUDED_
#define _JM_LEDGER_H_INCLUDED_


#include "jm_error.h"


/* changes with the meaning of anything that is kept in shared memory */

#define JM_LEDGER_VERSION   3

#define JM_LEDGER_KEY       32      /* bytes of a key, and a fingerprint */
#define JM_LEDGER_SLOTS     10      /* tasks of a request, at most */
#define JM_LEDGER_ID        64      /* bytes of an upstream's id, at most */
#define JM_LEDGER_ANY       255     /* no account's number: those are less */
#define JM_LEDGER_PROCESSES 192     /* whose death is noticed */

/* milliseconds after which what runs is forgotten, if nobody runs it */

#define JM_LEDGER_STALE     86400000

/* milliseconds for which an error is told again, at most */

#define JM_LEDGER_TOLD_FOR  60000


typedef enum {
    JM_LEDGER_NEW = 0,      /* the request was entered, its tasks are its own */
    JM_LEDGER_FOUND,        /* it is there already */
    JM_LEDGER_TOLD,         /* its error is told again */
    JM_LEDGER_TWIN,         /* a client seems to wait for the same */
    JM_LEDGER_REUSED,       /* its key is another request's */
    JM_LEDGER_FULL          /* there is no room to enter it */
} jm_ledger_e;


typedef enum {
    JM_LOOK_OWN = 0,        /* the task is this claim's to submit */
    JM_LOOK_WAIT,           /* another one is about to submit it, or does */
    JM_LOOK_TAKEN,          /* the upstream has it */
    JM_LOOK_TOLD,           /* nothing is done: its error is told again */
    JM_LOOK_UNKNOWN         /* it was submitted, and may have been taken */
} jm_look_e;


typedef struct jm_ledger_shared_s  jm_ledger_shared_t;


/*
 * A process's way to the ledger, in memory of its own.  mem is the shared
 * memory's.  alive() returns 0 for a process that is certainly no more.
 */

typedef struct {
    jm_ledger_shared_t  *shared;
    jm_mem_t             mem;
    unsigned           (*alive)(uint32_t pid);
    uint32_t             pid;       /* this process, never 0 */
    unsigned             evicted;   /* forgotten early by the last open */
    jm_error_t           told;      /* by the last open, if it was _TOLD */
} jm_ledger_t;


/*
 * What is asked for.  The key tells clients and what they ask for apart, and
 * is not one that a client can choose.  Only where the client has named its
 * request, there may be another one of the same key, which the fingerprint
 * then tells.  A request without any mark may be a repeat, too: it is one of
 * what is owed to the same client, which who tells further apart, and no other.
 */

typedef struct {
    uint8_t          key[JM_LEDGER_KEY];
    uint8_t          fingerprint[JM_LEDGER_KEY];
    unsigned         n;             /* tasks, 1 ... JM_LEDGER_SLOTS */
    unsigned         named;
    unsigned         repeat;        /* not named, but it has come before */
    unsigned         patient;       /* it may be opened again a moment later */
    uint32_t         who;
    uint64_t         keep;          /* milliseconds, after it is over */
    uint64_t         unmarked;      /* so long is owed to it; 0: nothing is */
} jm_ledger_request_t;


/*
 * A request's hold on its entry.  Nothing in it points there: what a process
 * that was killed held would be held for ever.
 */

typedef struct {
    uint64_t         serial;        /* of the entry */
    unsigned         attached;      /* its client waits */
    unsigned         told;          /* nothing is done, or looked at */
    unsigned         n;
    uint16_t         turn;          /* of those that were attached */

    struct {
        uint16_t     round;         /* the submit that this claim knows of */
        uint16_t     own;           /* and it is this claim's */
    } slots[JM_LEDGER_SLOTS];
} jm_ledger_claim_t;


/*
 * Makes a ledger in l->mem, of which there are size bytes, and sets l->shared,
 * which other processes are to be handed.  Returns JM_ERROR without memory.
 */
jm_rc_e jm_ledger_create(jm_ledger_t *l, size_t size);

/*
 * To be called once by a process before it opens its first claim: what was
 * left by an older one that had the same pid is nobody's from then on, and its
 * clients are owed what they waited for.  So are those of a process that has
 * joined, and is found dead by an open.
 */
void jm_ledger_join(jm_ledger_t *l, uint64_t now);

/*
 * Finds the entry of a request, or makes it, for the client that waits.  now
 * is in milliseconds of any clock that all processes share and that does not
 * go back.  With JM_LEDGER_NEW and _FOUND *claim is set, and has to be closed
 * before its process ends; l->evicted tells how many entries were forgotten
 * before their time to make room.
 *
 * A request that is named finds the entry of its key.  One that is not has
 * an entry of its own for each time it is asked; repeat finds, of those with
 * its key, the newest that nobody got the end of, else the newest that runs,
 * else the newest.  One without a mark finds the newest that is owed: the last
 * client that waited for it was left without its end, no longer ago than
 * unmarked, and nobody has come for it since.  Where nothing is owed, and an
 * error was told, it is JM_LEDGER_TOLD: *claim is set, and l->told.
 *
 * A client that repeats at once may be faster than the news that it has left,
 * most of all in another process.  Where one without a mark would be new, and a
 * client waits for the same, a patient one is JM_LEDGER_TWIN: nothing was
 * entered, and *claim is none.
 */
jm_ledger_e jm_ledger_open(jm_ledger_t *l, jm_ledger_claim_t *claim,
    const jm_ledger_request_t *request, uint64_t now);

/*
 * Looks at a task.  What cost nothing, and what nobody that lives has begun to
 * submit, becomes the claim's own.  With JM_LOOK_TAKEN *id is set to the
 * upstream's, a view into the shared memory: to be copied under the lock.  With
 * JM_LOOK_TOLD as well, or to nothing.  An entry that is no more is
 * JM_LOOK_UNKNOWN, unless its error is told again.
 */
jm_look_e jm_ledger_look(jm_ledger_t *l, jm_ledger_claim_t *claim, unsigned i,
    uint64_t now, jm_str_t *id);

/*
 * Returns the number of the account that the request's tasks are on, or
 * JM_LEDGER_ANY while none of them was submitted, or all cost nothing.
 */
unsigned jm_ledger_account(jm_ledger_t *l, const jm_ledger_claim_t *claim);

/*
 * Has to be called before a byte of a task goes to the upstream, again for
 * each time it is submitted, with the number of the account it goes to.
 * Returns JM_INVALID when the task is not the claim's own, or others of its
 * request are on another account: it must not be submitted then.
 */
jm_rc_e jm_ledger_submit(jm_ledger_t *l, jm_ledger_claim_t *claim, unsigned i,
    unsigned account);

/*
 * What became of a submit: unsent, when the upstream did not take the task,
 * which stays the claim's own; taken, with the upstream's id of 1 ...
 * JM_LEDGER_ID bytes; or unknown.  They do nothing for a task that the claim
 * is not submitting.
 */
void jm_ledger_unsent(jm_ledger_t *l, jm_ledger_claim_t *claim, unsigned i);
void jm_ledger_taken(jm_ledger_t *l, jm_ledger_claim_t *claim, unsigned i,
    jm_str_t id);
void jm_ledger_unknown(jm_ledger_t *l, jm_ledger_claim_t *claim, unsigned i,
    uint64_t now);

/*
 * A task has ended, and cost nothing: whoever looks next submits it anew.  Does
 * nothing when the task was submitted again since the claim last looked.
 */
void jm_ledger_free(jm_ledger_t *l, jm_ledger_claim_t *claim, unsigned i,
    uint64_t now);

/*
 * The claim does no more about a task: one that the upstream took is over, and
 * keeps its id, unless it is another's who lives.  One that was being submitted
 * is unknown, one that was not is free.  Returns 1 when it was the upstream's
 * until now, and is over; of all claims on a task one is told so.
 */
unsigned jm_ledger_over(jm_ledger_t *l, jm_ledger_claim_t *claim, unsigned i,
    uint64_t now);

/*
 * How a client that waits has ended; the claim stays.  They do nothing for one
 * that does not wait any more, and say nothing of the entry when another client
 * has come for it since.
 *
 * left: without what it has ordered, which is owed to it from now on.  An
 * outcome that is unknown, and is told once more, is owed since the first time.
 * answered: it has its reply, and nothing is owed.  told: with an error, which
 * is told again to who asks for the same without a mark, for the time that is
 * owed, and JM_LEDGER_TOLD_FOR at most: its cause, its upstream_code, and as
 * much of its message as there is room for.
 */
void jm_ledger_left(jm_ledger_t *l, jm_ledger_claim_t *claim, uint64_t now);
void jm_ledger_answered(jm_ledger_t *l, jm_ledger_claim_t *claim,
    uint64_t now);
void jm_ledger_told(jm_ledger_t *l, jm_ledger_claim_t *claim,
    const jm_error_t *error, uint64_t now);

/*
 * A client was given what all n tasks of an entry brought by asking for their
 * ids: it is not owed to it any more, until one that waits for it has left.
 * Does nothing when there is no entry of this serial number with just these
 * ids: they may be from another life of the shared memory.
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
 * Forgets what has been over for longest, though its time is not up, so that
 * others may have its memory.  Returns JM_INVALID when all that is left runs.
 */
jm_rc_e jm_ledger_shrink(jm_ledger_t *l);

/* Returns how many entries there are. */
unsigned jm_ledger_entries(jm_ledger_t *l);


#endif /* _JM_LEDGER_H_INCLUDED_ */
