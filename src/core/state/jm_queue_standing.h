
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Who waits: where a task is in the queue, and that it is not to be there any
 * more, for who asks by the request that it is of; and how many there are.
 */


#ifndef _JM_QUEUE_STANDING_H_INCLUDED_
#define _JM_QUEUE_STANDING_H_INCLUDED_


#include "jm_queue_place.h"


typedef struct {
    uint64_t             position;  /* from 1; 0: it does not wait */
    uint64_t             of;        /* that wait, this one included */
    uint64_t             eta;       /* ms until its task's end; 0: not known */
} jm_turn_t;


/*
 * Tells of the place at a reference, if it is that of a task, by its number in
 * the ledger's entry with a serial number, and waits.  position counts those
 * that come before it and wait for one of its accounts, as of does all that do.
 * eta goes by the average time of tasks.
 */
void jm_queue_standing(jm_queue_t *q, jm_ref_t place, uint64_t entry,
    unsigned task, uint64_t now, jm_turn_t *turn);

/*
 * Whether the same place may be taken out of the queue: its owner is not
 * submitting; and takes it out: the owner looks, and finds that it is gone.
 * What was done before may be committed.
 */
unsigned jm_queue_may_cancel(jm_queue_t *q, jm_ref_t place, uint64_t entry,
    unsigned task);
void jm_queue_cancel(jm_queue_t *q, jm_ref_t place, uint64_t now);

/*
 * Return how many places wait: all, or those of the client with a digest, of
 * JM_QUEUE_CLIENT bytes.
 */
uint32_t jm_queue_waits(const jm_queue_t *q);
uint32_t jm_queue_client_waits(jm_queue_t *q, const uint8_t *client);


#endif /* _JM_QUEUE_STANDING_H_INCLUDED_ */
