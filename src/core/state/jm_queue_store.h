
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * How the queue lies in shared memory.  What counts is each place by itself:
 * one store of its state moves it on.  Lists and counts are made from the
 * places again after a process has died at work.
 */


#ifndef _JM_QUEUE_STORE_H_INCLUDED_
#define _JM_QUEUE_STORE_H_INCLUDED_


#include "jm_queue.h"
#include "jm_fence.h"
#include "jm_ring.h"


#define JM_QUEUE_MODELS     8       /* that an account is set aside for */
#define JM_QUEUE_PLACES     24      /* of a chunk, which is below 4096 bytes */

/* bytes that tell clients apart: a part of a digest does */

#define JM_QUEUE_KEY        16


typedef enum {
    JM_PLACE_FREE = 0,      /* nobody's */
    JM_PLACE_WAIT,
    JM_PLACE_GRANTED,       /* it has a slot, its owner does not know */
    JM_PLACE_TOLD,          /* and its owner may be submitting */
    JM_PLACE_RUN,           /* the task was taken */
    JM_PLACE_LOST           /* it may run, until lapse; nobody's */
} jm_place_e;


typedef struct jm_queue_line_s   jm_queue_line_t;
typedef struct jm_queue_chunk_s  jm_queue_chunk_t;

/* the places of a client that wait, the oldest first; never empty in use */

struct jm_queue_line_s {
    jm_ring_t            link;      /* of all lines, the next one first */
    jm_ring_t            places;
    jm_queue_line_t     *next;      /* in the table, or of those not in use */
};


/* the state is stored last, and in one store: the rest is there before */

struct jm_queue_place_s {
    jm_ring_t            link;      /* of its line, or its account's */
    jm_queue_line_t     *line;      /* while it waits */
    uint64_t             serial;
    uint64_t             accounts;  /* a bit for each that may serve it */
    uint64_t             model;
    uint64_t             task;
    uint64_t             since;
    uint64_t             due;
    uint64_t             renewed;
    uint64_t             at;        /* when it got its slot, or was told */
    uint64_t             lapse;
    uint8_t              client[JM_QUEUE_KEY];
    uint32_t             pid;
    uint32_t             worker;
    uint8_t              account;
    uint8_t              adopted;   /* when it ended will not be known */
    uint8_t              state;
};

struct jm_queue_chunk_s {
    jm_queue_chunk_t    *next;
    jm_queue_place_t     places[JM_QUEUE_PLACES];
    jm_queue_line_t      lines[JM_QUEUE_PLACES];
};


typedef struct {
    uint64_t             model;
    uint64_t             at;        /* of the last refusal */
    uint64_t             until;
    uint32_t             times;     /* in a row */
} jm_queue_aside_t;


typedef struct {
    jm_ring_t            held;      /* places that have its slots */
    jm_queue_limits_t    limits;
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
    uint64_t             next;      /* serial of who knows when it is ready */
    jm_queue_aside_t     aside;
    jm_queue_aside_t     models[JM_QUEUE_MODELS];
    uint64_t             submits;
    uint64_t             busy_rate;
    uint64_t             busy_tasks;
    uint64_t             denied;
    size_t               len;
    uint8_t              name[JM_QUEUE_NAME];
} jm_queue_account_t;


typedef struct {
    uint32_t             mask;
    jm_queue_line_t     *lines[1];
} jm_queue_table_t;


struct jm_queue_shared_s {
    uint32_t             busy;      /* somebody is at work, or died of it */
    uint32_t             naccounts;
    uint32_t             waiting;   /* places */
    uint32_t             room;      /* places that there are */
    uint64_t             serial;    /* the last */
    uint64_t             reaped;    /* when */
    jm_queue_chunk_t    *chunks;
    jm_ring_t           *free;      /* places, with no way back */
    jm_queue_line_t     *unused;
    jm_queue_table_t    *table;
    jm_ring_t            lines;     /* whose turn it is comes first */
    jm_queue_account_t  *accounts[JM_QUEUE_ACCOUNTS];
};


#define jm_queue_place(l)   ((jm_queue_place_t *) (void *) (l))
#define jm_queue_line(l)    ((jm_queue_line_t *) (void *) (l))
#define jm_queue_bit(i)     ((uint64_t) 1 << (i))


/* Frame what changes anything: what a dead process left is put right. */
void jm_queue_begin(jm_queue_t *q);
void jm_queue_done(jm_queue_t *q);

/*
 * Adds room for so many more places than the accounts have asked for.  Returns
 * JM_ERROR without memory.
 */
jm_rc_e jm_queue_grow(jm_queue_t *q, uint64_t room);

/*
 * Returns a place that is nobody's, or NULL; it has to be made to wait, or to
 * hold.
 */
jm_queue_place_t *jm_queue_take(jm_queue_t *q);

/* The place, in whatever state, is nobody's. */
void jm_queue_drop(jm_queue_t *q, jm_queue_place_t *place);

/*
 * The place, which is free or has a slot, waits: in its client's line by its
 * serial number, and that line comes last, or with first is the next one.
 */
void jm_queue_line_up(jm_queue_t *q, jm_queue_place_t *place, unsigned first);

/*
 * The place, which is free or waits, gets a slot of an account.  If it waited,
 * its client's line comes last.
 */
void jm_queue_hold(jm_queue_t *q, jm_queue_place_t *place, unsigned account,
    uint64_t now);

/* A place that waits may be served by these accounts from now on. */
void jm_queue_narrow(jm_queue_t *q, jm_queue_place_t *place,
    uint64_t accounts);

/* Returns the line of a client, or NULL. */
jm_queue_line_t *jm_queue_line_of(jm_queue_t *q, const uint8_t *client);

/* How much there is from one to the other, 0 if that is not ahead. */
uint64_t jm_queue_span(uint64_t from, uint64_t to);


#endif /* _JM_QUEUE_STORE_H_INCLUDED_ */
