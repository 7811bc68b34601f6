
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Moving places: what is free, what waits in a client's line, and what has a
 * slot.
 */


#ifndef _JM_QUEUE_STORE_H_INCLUDED_
#define _JM_QUEUE_STORE_H_INCLUDED_


#include "jm_fence.h"
#include "jm_queue_shared.h"


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
