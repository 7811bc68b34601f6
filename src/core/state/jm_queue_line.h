
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * How places, and the lines that they wait in, lie in shared memory.  What
 * counts is each place by itself: one store of its state moves it on.  Lists
 * and counts are made from the places again after a process has died at work.
 */


#ifndef _JM_QUEUE_LINE_H_INCLUDED_
#define _JM_QUEUE_LINE_H_INCLUDED_


#include "jm_queue.h"
#include "jm_ring.h"


#define JM_QUEUE_PLACES     24      /* of a chunk, which is below 4096 bytes */
#define JM_QUEUE_KEY        16      /* bytes that are kept of a client */


typedef enum {
    JM_PLACE_FREE = 0,      /* nobody's */
    JM_PLACE_WAIT,
    JM_PLACE_GRANTED,       /* it has a slot, its owner does not know yet */
    JM_PLACE_TOLD,          /* its owner knows, and may be submitting */
    JM_PLACE_RUN,           /* the task was taken */
    JM_PLACE_LOST           /* nobody's; the task may run until lapse */
} jm_place_e;


typedef struct jm_queue_line_s   jm_queue_line_t;
typedef struct jm_queue_chunk_s  jm_queue_chunk_t;

/* the places of a client that wait, the oldest first; never empty in use */

struct jm_queue_line_s {
    jm_ring_t            link;      /* in shared->lines, while in use */
    jm_ring_t            places;
    jm_queue_line_t     *next;      /* in the table, or in shared->unused */
};


/* the state is stored last, and in one store */

struct jm_queue_place_s {
    jm_ring_t            link;      /* in its line, or its account's held */
    jm_queue_line_t     *line;      /* while it waits */
    uint64_t             serial;
    uint64_t             accounts;  /* a bit for each that may serve it */
    uint64_t             model;
    uint64_t             task;
    uint64_t             since;
    uint64_t             due;
    uint64_t             renewed;
    uint64_t             at;        /* when it was granted, or told so */
    uint64_t             lapse;
    uint8_t              client[JM_QUEUE_KEY];
    uint32_t             pid;
    uint32_t             worker;
    uint8_t              account;
    uint8_t              adopted;   /* its end is seen late, if at all */
    uint8_t              state;
};

struct jm_queue_chunk_s {
    jm_queue_chunk_t    *next;
    jm_queue_place_t     places[JM_QUEUE_PLACES];
    jm_queue_line_t      lines[JM_QUEUE_PLACES];
};


/* a link is the first member of what it is in */

#define jm_queue_place(l)   ((jm_queue_place_t *) (void *) (l))
#define jm_queue_line(l)    ((jm_queue_line_t *) (void *) (l))


#endif /* _JM_QUEUE_LINE_H_INCLUDED_ */
