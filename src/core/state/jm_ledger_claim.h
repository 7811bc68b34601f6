
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * What a request asks of the ledger, and the claim on an entry that it gets.
 */


#ifndef _JM_LEDGER_CLAIM_H_INCLUDED_
#define _JM_LEDGER_CLAIM_H_INCLUDED_


#include "jm_error.h"
#include "jm_store.h"


#define JM_LEDGER_KEY       32      /* bytes of a key, and a fingerprint */
#define JM_LEDGER_SLOTS     10      /* tasks of a request, at most */
#define JM_LEDGER_ID        64      /* bytes of an upstream's id, at most */
#define JM_LEDGER_ANY       255     /* no account's number: those are less */
#define JM_RESULT_MAX       16384   /* bytes of what a task has brought */

/* milliseconds after which what runs is forgotten, if nobody runs it */

#define JM_LEDGER_STALE     86400000

/* milliseconds for which an error is told again, at most */

#define JM_LEDGER_TOLD_FOR  60000

/* and for which what a task has brought is kept, at most */

#define JM_RESULT_FOR       UINT64_C(2592000000)


typedef struct jm_ledger_shared_s  jm_ledger_shared_t;


/*
 * A process's way to the ledger, in memory of its own.  Whoever has told the
 * operator sets evicted to 0.
 */

typedef struct {
    jm_store_t          *store;
    jm_ledger_shared_t  *shared;
    jm_ref_t            *keys;      /* tables, of mask + 1 chains each */
    jm_ref_t            *serials;
    jm_ref_t            *owed;
    uint32_t             mask;
    unsigned             evicted;   /* forgotten before its time: entries, */
                                    /* and what tasks have brought */
    jm_error_t           told;      /* by the last open, if it was _TOLD */
    unsigned             service;   /* of what it found, if it was _OTHER */
} jm_ledger_t;


/*
 * The key tells clients, and what they ask for, apart; no client can choose it.
 * A named request, to which its client has given an Idempotency-Key, is known
 * by that key: another one under it has another fingerprint.  A request without
 * any mark may be a repeat, too: of what is owed to the same client, which who
 * tells further apart, and of nothing else.  With several the last byte of the
 * fingerprint, alone, is the service's in whose words the request was read.
 */

typedef struct {
    uint8_t          key[JM_LEDGER_KEY];
    uint8_t          fingerprint[JM_LEDGER_KEY];
    unsigned         n;             /* tasks, 1 ... JM_LEDGER_SLOTS */
    unsigned         several;       /* services may serve it */
    unsigned         named;
    unsigned         repeat;        /* not named, but it has come before */
    unsigned         patient;       /* it may be opened again a moment later */
    uint64_t         waited;        /* ms since it was told to be, 0: never */
    uint32_t         who;
    uint64_t         keep;          /* ms for which it is kept when over */
    uint64_t         unmarked;      /* ms for which it is owed, 0: it is not */
} jm_ledger_request_t;


/*
 * A request's hold on its entry.  Nothing in shared memory points to it: what a
 * process that was killed held would be held for ever.
 */

typedef struct {
    uint64_t         serial;        /* of the entry */
    unsigned         attached;      /* its client waits */
    unsigned         told;          /* an error is told again, no task is run */
    unsigned         n;
    uint16_t         turn;          /* of the entry's clients, which this is */

    struct {
        uint16_t     round;         /* the submit that this claim knows of */
        uint16_t     own;           /* that submit is this claim's */
        uint16_t     over;          /* no claim followed it any more */
    } slots[JM_LEDGER_SLOTS];
} jm_ledger_claim_t;


#endif /* _JM_LEDGER_CLAIM_H_INCLUDED_ */
