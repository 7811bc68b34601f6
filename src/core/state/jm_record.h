
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * How a store lies in memory, and what a process needs to find its way there.
 */


#ifndef _JM_RECORD_H_INCLUDED_
#define _JM_RECORD_H_INCLUDED_


#include "jm_base.h"


#define JM_RECORD           256     /* bytes; none crosses a page */
#define JM_STORE_UNDO       1024    /* stores between two commits, at most */
#define JM_STORE_OWNERS     1024    /* processes at a time, at most */

/* changes with the meaning of any record */

#define JM_STORE_VERSION    1


/* what a record is; the numbers are kept in files */

typedef enum {
    JM_RECORD_FREE = 0,
    JM_RECORD_META,         /* what the whole store has, once */
    JM_RECORD_CLIENT,
    JM_RECORD_SHARES,       /* more of a client's */
    JM_RECORD_ACCOUNT,
    JM_RECORD_MODELS,       /* that an account is set aside for */
    JM_RECORD_PLACE,
    JM_RECORD_LINE,
    JM_RECORD_ENTRY,
    JM_RECORD_TASKS,        /* more of an entry's */
    JM_RECORD_TOLD,
    JM_RECORD_CLASS,        /* of tasks, and how long they take */
    JM_RECORD_SAMPLES,      /* more of a class's */
    JM_RECORD_GROUP,        /* of places that wait for the same */
    JM_RECORD_PROCESS,      /* whose places wait */
    JM_RECORD_USED,         /* what a client has used, of some models */
    JM_RECORD_PART,         /* of what a task of an entry has brought */
    JM_RECORD_LAST
} jm_record_e;


/*
 * Where something is in a store, which need not be a record: its distance from
 * the beginning in units of 4 bytes.  0 is nothing.
 */

typedef uint32_t  jm_ref_t;


/* how each record begins */

typedef struct {
    uint32_t             sum;       /* of what never changes, see _seal() */
    jm_ref_t             next;      /* of the free ones */
    uint8_t              type;
    uint8_t              version;
    uint8_t              unused[2];
} jm_record_t;


typedef struct {
    uint64_t             old;
    uint64_t             at;        /* bytes from the beginning, times 16, */
} jm_undo_t;                        /* and how many: 1, 2, 4 or 8 */


typedef struct {
    uint8_t              magic[8];
    uint64_t             layout;    /* tells layouts apart */
    uint64_t             size;      /* of all of it, in bytes */
    uint32_t             nundo;     /* entries of undo; 0: all is whole */
    uint32_t             records;
    jm_ref_t             first;     /* record, the others follow */
    uint32_t             used;      /* records that ever were, the first */
    uint32_t             nfree;     /* records, the never used included */
    jm_ref_t             free;      /* a list */
    jm_ref_t             given;     /* a list, of what is free when committed */
    jm_ref_t             given_last;
    uint32_t             ngiven;
    uint32_t             kept;      /* records that the ledger leaves free */
    uint64_t             serial;    /* the last number */
    jm_undo_t            undo[JM_STORE_UNDO];
    uint32_t             owner;     /* the last number of a process */
    uint32_t             died;      /* counts the owners that were taken off */
    uint32_t             owners[JM_STORE_OWNERS];   /* by slots; 0: nobody */
} jm_store_shared_t;


/*
 * A process's way to a store, in memory of its own.  alive() returns 0 for a
 * slot whose owner is certainly no more, and is asked of others only.  forget()
 * gives up at least one record for others, or returns JM_INVALID when there is
 * none that can be.
 */

typedef struct {
    jm_store_shared_t   *shared;
    size_t               size;      /* bytes */
    size_t               heads;     /* bytes in use */
    unsigned             fresh;     /* it is made now */
    uint32_t             owner;     /* this process; 0: it never joined */
    unsigned           (*alive)(void *ctx, uint32_t slot);
    void                *alive_ctx;
    jm_rc_e            (*forget)(void *ctx);
    void                *ctx;
} jm_store_t;


#endif /* _JM_RECORD_H_INCLUDED_ */
