
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * What each process has in the queue while it waits: what it is to be told of,
 * and what is to be given back when it is dead.
 */


#ifndef _JM_QUEUE_PROCESS_H_INCLUDED_
#define _JM_QUEUE_PROCESS_H_INCLUDED_


#include "jm_queue_store.h"


/* places that are given back in one call, at most */

#define JM_QUEUE_BURIED     64


/* Returns what an owner that lives has, or NULL: nothing. */
jm_queue_process_t *jm_queue_process_of(jm_queue_t *q, uint32_t owner);

/*
 * A place that has begun to wait is its owner's; one that was given back, or
 * whose owner knows of its slot, is in none of its rings any more.
 */
void jm_queue_enlist(jm_queue_t *q, jm_queue_place_t *place);
void jm_queue_unlist(jm_queue_t *q, jm_queue_place_t *place);

/*
 * Something has happened to a place that waited: its owner is to be told, for
 * which its worker is woken; and it has been told.
 */
void jm_queue_notify(jm_queue_t *q, jm_queue_place_t *place);
void jm_queue_told(jm_queue_t *q, jm_queue_place_t *place);

/* All workers are to look at all their places. */
void jm_queue_alarm(jm_queue_t *q);

/* A process is dead: all that it has is to be given back. */
void jm_queue_died(jm_queue_t *q, jm_queue_process_t *process);

/* Whether there is nothing in a ring of a process. */
unsigned jm_queue_is_empty(jm_queue_t *q, const jm_ring_t *ring);


#endif /* _JM_QUEUE_PROCESS_H_INCLUDED_ */
