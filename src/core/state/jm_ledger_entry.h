
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * How the ledger's entries lie in shared memory.  The chains of the keys are
 * what counts: one store enters an entry there, and one store takes it out.
 * The rest is made from them again after a process has died at work.
 */


#ifndef _JM_LEDGER_ENTRY_H_INCLUDED_
#define _JM_LEDGER_ENTRY_H_INCLUDED_


#include "jm_ledger.h"
#include "jm_ring.h"


typedef enum {
    JM_SLOT_FREE = 0,       /* it cost nothing, nobody is about to submit */
    JM_SLOT_IDLE,           /* its owner is about to submit */
    JM_SLOT_SUBMIT,         /* its owner submits, or died while it did */
    JM_SLOT_UNKNOWN,
    JM_SLOT_TAKEN,          /* the upstream has it, its id is known */
    JM_SLOT_OVER            /* it was taken, and has ended or was given up */
} jm_slot_e;


/* the state is stored last, and in one store */

typedef struct {
    uint8_t          id[JM_LEDGER_ID];
    uint32_t         pid;           /* of the owner, 0: nobody */
    uint16_t         round;         /* counts the submits */
    uint8_t          len;
    uint8_t          state;
} jm_ledger_slot_t;


/*
 * An entry, more of its slots, and what was told are pieces of memory of one
 * size, just below one of a slab allocator's: what one entry gives back is
 * always of use to another.
 */

#define JM_LEDGER_MORE      3
#define JM_LEDGER_TEXT      236

typedef struct jm_ledger_more_s   jm_ledger_more_t;
typedef struct jm_ledger_entry_s  jm_ledger_entry_t;

struct jm_ledger_more_s {
    jm_ledger_more_t    *next;
    jm_ledger_slot_t     slots[JM_LEDGER_MORE];
};

/* an error that was told */

typedef struct {
    int64_t              code;      /* the upstream's */
    uint32_t             cause;
    char                 message[JM_LEDGER_TEXT];
} jm_ledger_told_t;

struct jm_ledger_entry_s {
    jm_ring_t            link;      /* in running, finished or free */
    jm_ledger_entry_t   *older;     /* in the chain of its key */
    jm_ledger_entry_t   *next;      /* in the chain of its serial number */
    jm_ledger_entry_t   *owed;      /* in the chain of what is owed */
    jm_ledger_more_t    *more;      /* slots but the first */
    jm_ledger_told_t    *told;      /* or NULL */
    uint64_t             serial;
    uint64_t             created;
    uint64_t             finished;  /* 0: it runs */
    uint64_t             keep;
    uint64_t             owed_since;    /* or told since; 0: neither */
    uint8_t              key[JM_LEDGER_KEY];
    uint8_t              fingerprint[JM_LEDGER_KEY];

    /* that wait; of those in a killed process only the last is taken off */
    uint32_t             clients;

    uint32_t             who;
    uint32_t             waits;     /* pid where the last one does, or 0 */
    uint16_t             turn;      /* counts the clients */
    uint8_t              n;
    uint8_t              account;   /* of the tasks that were submitted */
    uint8_t              named;
    jm_ledger_slot_t     slot;
};

struct jm_ledger_shared_s {
    uint32_t             busy;      /* somebody is at work, or died at it */
    uint32_t             mask;      /* of the tables */
    uint32_t             entries;
    uint64_t             serial;    /* the last */
    jm_ledger_entry_t  **keys;
    jm_ledger_entry_t  **serials;
    jm_ledger_entry_t  **owed;      /* by their keys */
    jm_ring_t            running;   /* in each ring the oldest is first */
    jm_ring_t            finished;
    jm_ring_t            free;      /* finished, and it cost nothing */
    uint64_t             watched;   /* when it was looked who lives */
    uint32_t             processes[JM_LEDGER_PROCESSES];
};


/* an entry's link is its first member */

#define jm_ledger_entry(l)  ((jm_ledger_entry_t *) (void *) (l))


#endif /* _JM_LEDGER_ENTRY_H_INCLUDED_ */
