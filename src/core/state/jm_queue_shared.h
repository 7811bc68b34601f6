
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * How the accounts, and what leads to all places, lie in shared memory.
 */


#ifndef _JM_QUEUE_SHARED_H_INCLUDED_
#define _JM_QUEUE_SHARED_H_INCLUDED_


#include "jm_queue_line.h"


#define JM_QUEUE_MODELS     8       /* that an account is set aside for */


typedef struct {
    uint64_t             model;
    uint64_t             at;        /* of the last refusal */
    uint64_t             until;
    uint32_t             times;     /* in a row */
} jm_queue_aside_t;


typedef struct {
    jm_ring_t            held;      /* places that have its slots */
    jm_queue_conf_t      conf;
    uint32_t             room;      /* places it has made room for */
    uint32_t             running;
    uint32_t             waiting;
    uint32_t             effective;
    uint32_t             taken;     /* submits in a row, since it changed */
    uint32_t             refusals;  /* in a row */
    uint64_t             refused;   /* when */
    uint64_t             rest;      /* until when */
    uint64_t             submitted; /* when, the last */
    uint64_t             average;
    uint64_t             next;      /* serial of the place told when to look */
    jm_queue_aside_t     aside;
    jm_queue_aside_t     models[JM_QUEUE_MODELS];
    uint64_t             submits;
    uint64_t             busy_rate;
    uint64_t             busy_tasks;
    uint64_t             denied;
    uint64_t             queries_denied;
    size_t               len;
    uint8_t              name[JM_QUEUE_NAME];
} jm_queue_account_t;


typedef struct {
    uint32_t             mask;
    jm_queue_line_t     *lines[1];
} jm_queue_table_t;


struct jm_queue_shared_s {
    uint32_t             busy;      /* somebody is at work, or died at it */
    uint32_t             naccounts;
    uint32_t             waiting;   /* places */
    uint32_t             room;      /* places that there are */
    uint64_t             serial;    /* the last */
    uint64_t             reaped;    /* when */
    jm_queue_chunk_t    *chunks;
    jm_ring_t           *free;      /* places, a list by their next */
    jm_queue_line_t     *unused;
    jm_queue_table_t    *table;
    jm_ring_t            lines;     /* whose turn it is comes first */
    jm_queue_account_t  *accounts[JM_QUEUE_ACCOUNTS];
};


/* an account in a set of them */

#define jm_queue_bit(i)     ((uint64_t) 1 << (i))


#endif /* _JM_QUEUE_SHARED_H_INCLUDED_ */
