
/*
 * A state with many requests that wait, a long ledger, and many clients, as
 * three workers have left it: one of them is this process.
 */


#ifndef _WORLD_H_INCLUDED_
#define _WORLD_H_INCLUDED_


#include "jm_quota_sync.h"
#include "jm_state.h"


#define ENTRIES     250000      /* of the ledger, those that run included */
#define CLIENTS     50000       /* with limits */
#define MORE        10000       /* that a reload brings */
#define ACCOUNTS    4
#define SLOTS       16          /* of each account, all in use */
#define RUNNING     (ACCOUNTS * SLOTS)
#define WORKERS     3
#define DIES        2           /* the worker that has half of all */
#define WAIT        1000000000  /* ms: nobody leaves */


/* a task, which waits for its slot or has it: its place, and its entry */

typedef struct {
    jm_place_t           place;
    jm_ledger_claim_t    claim;
    jm_ledger_request_t  request;
} waiter_t;


/*
 * Waiter 0 to RUNNING - 1 have slots, those of account 0 first; the others
 * wait: every other one is the same client's, and can be on account 0 only.
 */

typedef struct {
    jm_state_t           state;
    size_t               size;
    jm_clock_t           clock;
    uint32_t             kept;      /* records that the ledger leaves free */
    unsigned             waiting;
    waiter_t            *waiters;
    unsigned             accounts[ACCOUNTS];
    jm_client_t         *clients;
    const jm_client_t  **names;
    jm_quota_sync_t      sync;      /* of the first so many */
    void                *saved;     /* what there was in the store at first */
    size_t               nsaved;
    waiter_t            *saved_waiters;
    jm_clock_t           saved_clock;
} world_t;


extern unsigned  dead[WORKERS + 2];     /* by owners */


void world_create(world_t *w, unsigned waiting);

/* all is again as it was made */

void world_restore(world_t *w);
void world_free(world_t *w);

/* what the configuration says of each account; a concurrency of 0: any */

void world_configure(world_t *w, uint32_t concurrency, uint32_t queue,
    uint64_t timeout);

/* a task of a client, which is told by its number, on accounts of a bit set */

void request_of(world_t *w, jm_queue_request_t *request, uint32_t client,
    unsigned accounts);

/* a request for the ledger that is nobody else's, of n tasks */

void order_of(jm_ledger_request_t *order, uint64_t number, unsigned n);

/* the files of keys are read, and have the first n clients */

void world_sync(world_t *w, size_t n);

/* the process does what follows as this owner */

void world_be(world_t *w, uint32_t owner);

void die(const char *what);


#endif /* _WORLD_H_INCLUDED_ */
