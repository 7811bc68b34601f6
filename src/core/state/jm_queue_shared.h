
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * How the accounts, and what leads to all places, lie in the store.
 */


#ifndef _JM_QUEUE_SHARED_H_INCLUDED_
#define _JM_QUEUE_SHARED_H_INCLUDED_


#include "jm_queue_line.h"


#define JM_QUEUE_MODELS     7       /* that an account is set aside for */
#define JM_QUEUE_SECOND     1000    /* ms: tried has the lower bits of it */


typedef struct {
    uint64_t             at;        /* of the last refusal */
    uint64_t             until;
    uint32_t             times;     /* in a row */
    uint16_t             tried;     /* s: for whom there are other services */
    uint8_t              left;      /* another service stands in for it */
    uint8_t              unused;
} jm_queue_aside_t;


/* JM_RECORD_MODELS: what an account is set aside for, of each model */

typedef struct {
    jm_record_t          head;
    uint32_t             unused;
    uint64_t             model[JM_QUEUE_MODELS];
    jm_queue_aside_t     aside[JM_QUEUE_MODELS];
} jm_queue_models_t;


/* JM_RECORD_ACCOUNT */

typedef struct {
    jm_record_t          head;
    uint8_t              number;
    uint8_t              len;
    uint8_t              unused[2];
    uint8_t              name[JM_QUEUE_NAME];

    /* what is above is sealed */

    jm_ring_t            held;      /* places that have its slots */
    jm_queue_conf_t      conf;
    uint32_t             running;
    uint32_t             effective;
    uint32_t             taken;     /* submits in a row, since it changed */
    uint16_t             refusals;  /* in a row */
    uint16_t             pictures;  /* that the last submit may bring */
    uint32_t             round;     /* of the last configuration with it */
    jm_ref_t             models;    /* 0: none yet */
    uint64_t             turn;      /* the highest tag that it has granted */
    uint64_t             refused;   /* when */
    uint64_t             rest;      /* until when */
    uint64_t             submitted; /* when, the last */
    uint64_t             average;
    uint64_t             next;      /* serial of the place told when to look */
    jm_queue_aside_t     aside;
    uint64_t             submits;
    uint64_t             busy_rate;
    uint64_t             busy_tasks;
    uint64_t             denied;
    uint64_t             queries_denied;
} jm_queue_account_t;


struct jm_queue_shared_s {
    uint64_t             reaped;    /* when */
    jm_ring_t            groups;
    jm_ring_t            processes;
    uint32_t             waiting;   /* places */
    uint32_t             ndead;     /* processes that have left places */
    uint32_t             stuck;     /* more is to be given back at once */
    uint32_t             alarms;
    uint32_t             round;     /* of configurations */
    uint32_t             naccounts;
    jm_ref_t             accounts[JM_QUEUE_ACCOUNTS];
};


_Static_assert(sizeof(jm_queue_models_t) <= JM_RECORD, "models are a record");
_Static_assert(sizeof(jm_queue_account_t) <= JM_RECORD,
               "an account is a record");


#define jm_queue_account_sealed                                               \
    offsetof(jm_queue_account_t, number), offsetof(jm_queue_account_t, held)

/* an account in a set of them, and in the store */

#define jm_queue_bit(i)     ((uint64_t) 1 << (i))

#define jm_queue_number(q, i)                                                 \
    ((jm_queue_account_t *) jm_to((q)->store, (q)->shared->accounts[i]))


#endif /* _JM_QUEUE_SHARED_H_INCLUDED_ */
