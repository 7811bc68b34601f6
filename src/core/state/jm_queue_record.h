
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * How places lie in the store.
 */


#ifndef _JM_QUEUE_RECORD_H_INCLUDED_
#define _JM_QUEUE_RECORD_H_INCLUDED_


#include "jm_queue.h"
#include "jm_ring.h"
#include "jm_tree.h"


#define JM_QUEUE_KEY        16      /* bytes that are kept of a client */


/* the numbers are kept in files */

typedef enum {
    JM_PLACE_NEW = 0,
    JM_PLACE_WAIT,
    JM_PLACE_GRANTED,       /* it has a slot, its owner does not know yet */
    JM_PLACE_TOLD,          /* its owner knows, and may be submitting */
    JM_PLACE_RUN,           /* the task was taken */
    JM_PLACE_LOST           /* nobody's; the task may run until lapse */
} jm_place_e;


/* what a place has until the upstream's id is known */

typedef struct {
    jm_tree_node_t       node;      /* in its group */
    jm_ref_t             line;
    jm_ref_t             process;   /* in one of its rings; 0: in none */
    jm_ring_t            link;      /* there */
    uint32_t             news;      /* it is the ring of news */
} jm_queue_wait_t;


/* JM_RECORD_PLACE */

typedef struct {
    jm_record_t          head;
    uint8_t              task;      /* in the entry */
    uint8_t              key_len;   /* 0: its req_key is not known */
    uint8_t              pictures;  /* it may bring so many */
    uint8_t              unused;
    uint64_t             serial;
    uint64_t             model;
    uint64_t             entry;     /* serial of the ledger's, 0: none */
    uint64_t             billed;    /* serial of who pays, 0: nobody */
    uint64_t             price;
    uint8_t              client[JM_QUEUE_KEY];
    uint8_t              key[JM_QUEUE_REQ_KEY];

    /* what is above is sealed */

    jm_ring_t            link;      /* in its account's held */
    uint64_t             accounts;  /* a bit for each that may serve it */
    uint64_t             since;
    uint64_t             renewed;
    uint64_t             at;        /* when it was granted, or told so */

    union {
        uint64_t         due;       /* while it waits */
        uint64_t         lapse;     /* when it is lost */
    };

    union {
        uint64_t         tag;       /* its turn, while its id is not known */
        uint64_t         asked;     /* when, the last time, as an orphan */
    };

    jm_ref_t             group;     /* while it waits */
    uint32_t             grip;      /* who has it now knows it by */
    uint32_t             owner;
    uint32_t             worker;
    uint8_t              account;
    uint8_t              adopted;   /* its end is seen late, if at all */
    uint8_t              state;
    uint8_t              id_len;    /* 0: not known */

    union {
        jm_queue_wait_t  wait;      /* while it has no slot, or just got it */
        uint8_t          id[JM_QUEUE_ID];
    };

    uint32_t             doubts;    /* answers in a row that say nothing */
} jm_queue_place_t;


_Static_assert(sizeof(jm_queue_wait_t) <= JM_QUEUE_ID, "it fits there");
_Static_assert(sizeof(jm_queue_place_t) <= JM_RECORD, "a place is a record");


#define jm_queue_place_sealed                                                 \
    offsetof(jm_queue_place_t, task), offsetof(jm_queue_place_t, link)

/* what a link, and a node, is in */

#define jm_queue_in(type, member, p)                                          \
    ((type *) (void *) ((uint8_t *) (p) - offsetof(type, member)))

#define jm_queue_place(l)    jm_queue_in(jm_queue_place_t, link, l)
#define jm_queue_waiting(l)  jm_queue_in(jm_queue_place_t, wait.link, l)
#define jm_queue_noded(n)    jm_queue_in(jm_queue_place_t, wait.node, n)


#endif /* _JM_QUEUE_RECORD_H_INCLUDED_ */
