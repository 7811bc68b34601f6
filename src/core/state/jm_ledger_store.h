
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * How the ledger's entries lie in shared memory.  The chains of the keys are
 * what counts: one store enters an entry there, and one store takes it out.
 * The rest is made from them again after a process has died at work.
 */


#ifndef _JM_LEDGER_STORE_H_INCLUDED_
#define _JM_LEDGER_STORE_H_INCLUDED_


#include "jm_ledger.h"
#include "jm_fence.h"
#include "jm_ring.h"


typedef enum {
    JM_SLOT_FREE = 0,       /* it cost nothing, nobody is about to submit */
    JM_SLOT_IDLE,           /* its owner is about to, nothing was sent */
    JM_SLOT_SUBMIT,         /* its owner does, or died of it */
    JM_SLOT_UNKNOWN,
    JM_SLOT_TAKEN,          /* the upstream has it, its id is known */
    JM_SLOT_OVER            /* and it has ended there, or was given up */
} jm_slot_e;


/* the state is stored last, and in one store: the rest is there before */

typedef struct {
    uint8_t          id[JM_LEDGER_ID];
    uint32_t         pid;           /* of the owner, 0: nobody */
    uint16_t         round;         /* counts the submits */
    uint8_t          len;
    uint8_t          state;
} jm_ledger_slot_t;


/*
 * All pieces are of one size, which is just below one of a slab allocator's:
 * what one entry gives back is always of use to another.
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
    jm_ring_t            link;      /* of what runs, or what is over */
    jm_ledger_entry_t   *older;     /* in the chain of its key */
    jm_ledger_entry_t   *next;      /* in the chain of its serial number */
    jm_ledger_entry_t   *owed;      /* in the chain of what is owed */
    jm_ledger_more_t    *more;      /* slots but the first */
    jm_ledger_told_t    *told;      /* or NULL */
    uint64_t             serial;
    uint64_t             created;
    uint64_t             finished;  /* 0: it runs */
    uint64_t             keep;
    uint64_t             owed_since;    /* or told; 0: in no such chain */
    uint8_t              key[JM_LEDGER_KEY];
    uint8_t              fingerprint[JM_LEDGER_KEY];

    /* a killed process's are never given back: nothing is kept for them */
    uint32_t             clients;

    uint32_t             who;
    uint32_t             waits;     /* the pid of the last client's, or 0 */
    uint16_t             turn;      /* counts the clients */
    uint8_t              n;
    uint8_t              account;   /* of the tasks that were submitted */
    uint8_t              named;
    jm_ledger_slot_t     slot;
};

struct jm_ledger_shared_s {
    uint32_t             busy;      /* somebody is at work, or died of it */
    uint32_t             mask;      /* of both tables */
    uint32_t             entries;
    uint64_t             serial;    /* the last */
    jm_ledger_entry_t  **keys;
    jm_ledger_entry_t  **serials;
    jm_ledger_entry_t  **owed;      /* by their keys */
    jm_ring_t            running;   /* the oldest is first */
    jm_ring_t            finished;
    jm_ring_t            free;      /* the same, of what cost nothing */
    uint64_t             watched;   /* when it was looked who lives */
    uint32_t             processes[JM_LEDGER_PROCESSES];
};


/* Frame what changes anything: what a dead process left is put right. */
void jm_ledger_enter(jm_ledger_t *l);
void jm_ledger_leave(jm_ledger_t *l);

/*
 * There may be many entries with the key of a request that is not named, next
 * to each other: so many are looked at.
 */

#define JM_LEDGER_NEAR      16

/* how often all processes are asked for, in milliseconds */

#define JM_LEDGER_WATCH     100

/* Returns the newest entry of the key's chain, which has other keys as well. */
jm_ledger_entry_t *jm_ledger_newest(jm_ledger_t *l, const uint8_t *key);

/* Returns the entry of a claim, or NULL when it is no more. */
jm_ledger_entry_t *jm_ledger_find(jm_ledger_t *l,
    const jm_ledger_claim_t *claim);

/* Returns the entry of a serial number, or NULL when it is no more. */
jm_ledger_entry_t *jm_ledger_numbered(jm_ledger_t *l, uint64_t serial);

/* Returns the head of the chain of what is owed, which has other keys, too. */
jm_ledger_entry_t **jm_ledger_owed_chain(jm_ledger_t *l, const uint8_t *key);

/* Returns the task number i, which has to be there. */
jm_ledger_slot_t *jm_ledger_slot(jm_ledger_entry_t *e, unsigned i);

/*
 * Enters a request, all tasks of which are this process's to submit.  Returns
 * NULL when there is no room, even with all forgotten that may be.
 */
jm_ledger_entry_t *jm_ledger_add(jm_ledger_t *l,
    const jm_ledger_request_t *request, uint64_t now);

/* Forgets an entry. */
void jm_ledger_drop(jm_ledger_t *l, jm_ledger_entry_t *e);

/* Zeroed, in place of what is over if need be; or NULL. */
void *jm_ledger_alloc(jm_ledger_t *l, size_t size, uint64_t now);

/*
 * To be called when a state has changed: whether the entry runs, or is over,
 * is told from its tasks.  One that cost nothing, and nobody waits for, is
 * forgotten, unless it has an error to be told again.
 */
void jm_ledger_settle(jm_ledger_t *l, jm_ledger_entry_t *e, uint64_t now);

/* Whether the task's owner, if it has one, is a process that lives. */
unsigned jm_ledger_followed(jm_ledger_t *l, const jm_ledger_slot_t *slot);

/* Whether a process that lives follows one of the tasks that are not over. */
unsigned jm_ledger_owned(jm_ledger_t *l, jm_ledger_entry_t *e);

/* Whether the entry has outlived its time. */
unsigned jm_ledger_expired(jm_ledger_t *l, jm_ledger_entry_t *e, uint64_t now);

/* Milliseconds from then to now; processes do not look at the same time. */
uint64_t jm_ledger_elapsed(uint64_t then, uint64_t now);

/*
 * Finds what is owed to a request without a mark, or else, and then sets *told,
 * what has an error to be told again; or NULL.
 */
jm_ledger_entry_t *jm_ledger_owed(jm_ledger_t *l,
    const jm_ledger_request_t *request, uint64_t now, unsigned *told);

/* Whether a request has to be opened once more, see JM_LEDGER_TWIN. */
unsigned jm_ledger_twin(jm_ledger_t *l, const jm_ledger_request_t *request);

/* Takes an entry out of the chain of what is owed, and drops its error. */
void jm_ledger_forgive(jm_ledger_t *l, jm_ledger_entry_t *e);

/* A client waits for the entry, and it is the last one that came for it. */
void jm_ledger_attach(jm_ledger_t *l, jm_ledger_claim_t *claim,
    jm_ledger_entry_t *e);

/* The client does not wait any more, and it, if the last one, is owed it. */
void jm_ledger_leave_owed(jm_ledger_t *l, jm_ledger_claim_t *claim,
    jm_ledger_entry_t *e, uint64_t now);

/*
 * The clients of processes that have died are owed what they waited for:
 * those of this key from now on, all others within JM_LEDGER_WATCH.
 */
void jm_ledger_watch(jm_ledger_t *l, const uint8_t *key, uint64_t now);


#endif /* _JM_LEDGER_STORE_H_INCLUDED_ */
