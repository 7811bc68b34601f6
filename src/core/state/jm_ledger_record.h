
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * The ledger's records in a store.
 */


#ifndef _JM_LEDGER_RECORD_H_INCLUDED_
#define _JM_LEDGER_RECORD_H_INCLUDED_


#include "jm_ledger.h"
#include "jm_ring.h"


typedef enum {
    JM_SLOT_FREE = 0,       /* it cost nothing, nobody is about to submit */
    JM_SLOT_IDLE,           /* its owner is about to submit */
    JM_SLOT_SUBMIT,         /* its owner submits, or died while it did */
    JM_SLOT_UNKNOWN,
    JM_SLOT_TAKEN,          /* the upstream has it, its id is known */
    JM_SLOT_OVER,           /* it was taken, and has ended or was given up */
    JM_SLOT_CANCELED,       /* it cost nothing, and is never submitted */
    JM_SLOT_KEPT            /* it has ended, and what it brought is here */
} jm_slot_e;


/*
 * Owners that are no process's number, of what is over: it has brought nothing,
 * or its pictures are counted, and are in no log.
 */

#define JM_LEDGER_NOTHING   UINT32_MAX
#define JM_LEDGER_GONE      (UINT32_MAX - 1)


typedef struct {
    uint8_t              id[JM_LEDGER_ID];
    uint8_t              len;
    uint8_t              state;
    uint16_t             round;     /* counts the submits */
    uint32_t             owner;     /* 0: nobody; see jm_ledger_bill() */
    uint32_t             sum;       /* of all that is before the round */
} jm_ledger_slot_t;

#define JM_LEDGER_MORE      3
#define JM_LEDGER_TEXT      224

/* more slots of an entry */

typedef struct {
    jm_record_t          head;
    jm_ref_t             next;
    uint64_t             serial;    /* of the entry */
    uint8_t              first;     /* number of the first */
    uint8_t              unused[3];
    jm_ledger_slot_t     slots[JM_LEDGER_MORE];
} jm_ledger_tasks_t;

/* an error that was told */

typedef struct {
    jm_record_t          head;
    uint32_t             cause;
    uint64_t             serial;    /* of the entry */
    int64_t              code;      /* the upstream's */
    char                 message[JM_LEDGER_TEXT];
} jm_ledger_told_t;

typedef struct {
    jm_record_t          head;
    uint32_t             who;
    uint64_t             serial;
    uint64_t             created;
    uint64_t             keep;
    uint8_t              key[JM_LEDGER_KEY];
    uint8_t              fingerprint[JM_LEDGER_KEY];
    uint8_t              n;
    uint8_t              named;     /* nothing up to here ever changes */
    uint8_t              account;   /* of the tasks that were submitted */
    uint8_t              handed;    /* there is an id without all tasks */
    jm_ring_t            link;      /* in running, finished or free */
    jm_ring_t            attended;  /* in that ring, while waits is not 0 */
    jm_ref_t             older;     /* in the chain of its key */
    jm_ref_t             next;      /* in the chain of its serial number */
    jm_ref_t             owed;      /* in the chain of what is owed */
    jm_ref_t             more;      /* slots but the first */
    uint64_t             finished;  /* 0: it runs */
    uint64_t             owed_since;    /* or told since; 0: neither */
    jm_ref_t             told;      /* why it has failed, or 0 */

    /* that wait; of those in a killed process only the last is taken off */
    uint32_t             clients;

    uint32_t             waits;     /* owner where the last one does, or 0 */
    uint16_t             turn;      /* counts the clients */
    uint8_t              tell;      /* that to who asks for the same */
    uint8_t              retired;   /* it is known by its number alone */
    jm_ledger_slot_t     slot;
} jm_ledger_entry_t;


/* what of each is sealed: from where, and up to where */

#define jm_ledger_entry_sealed                                                \
    offsetof(jm_ledger_entry_t, who), offsetof(jm_ledger_entry_t, account)

#define jm_ledger_tasks_sealed                                                \
    offsetof(jm_ledger_tasks_t, serial), offsetof(jm_ledger_tasks_t, unused)

#define jm_ledger_told_sealed                                                 \
    offsetof(jm_ledger_told_t, cause), sizeof(jm_ledger_told_t)


#endif /* _JM_LEDGER_RECORD_H_INCLUDED_ */
