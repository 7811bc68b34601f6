
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * What places that wait are in: each in a group, in the order of their turns,
 * in its client's line, and in a ring of its process.
 */


#ifndef _JM_QUEUE_LINE_H_INCLUDED_
#define _JM_QUEUE_LINE_H_INCLUDED_


#include "jm_queue_record.h"


/* JM_RECORD_GROUP: the places that wait for the same */

typedef struct {
    jm_record_t          head;
    jm_ring_t            link;      /* in shared->groups */
    jm_tree_t            places;    /* the next one first */
    uint64_t             accounts;  /* a bit for each that may serve them */
    uint64_t             model;
} jm_queue_group_t;


/* JM_RECORD_LINE: what a client has waiting for a set of accounts */

typedef struct {
    jm_record_t          head;
    jm_ref_t             next;      /* in the table */
    uint64_t             accounts;
    uint64_t             last;      /* the highest tag that was given here */
    uint32_t             places;    /* that wait */
    uint8_t              client[JM_QUEUE_KEY];
} jm_queue_line_t;


/* JM_RECORD_PROCESS: one that has places which wait, or were just granted */

typedef struct {
    jm_record_t          head;
    uint32_t             owner;
    jm_ring_t            link;      /* in shared->processes */
    jm_ring_t            waiting;   /* places */
    jm_ring_t            news;      /* and those it has not been told of */
    uint32_t             dead;      /* all it has is to be given back */
} jm_queue_process_t;


_Static_assert(sizeof(jm_queue_line_t) <= JM_RECORD, "a line is a record");

#define jm_queue_group(l)    jm_queue_in(jm_queue_group_t, link, l)
#define jm_queue_process(l)  jm_queue_in(jm_queue_process_t, link, l)


#endif /* _JM_QUEUE_LINE_H_INCLUDED_ */
