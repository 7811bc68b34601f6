
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Moving places: what is new, what waits in a client's line, and what has a
 * slot.
 */


#ifndef _JM_QUEUE_STORE_H_INCLUDED_
#define _JM_QUEUE_STORE_H_INCLUDED_


#include "jm_queue_shared.h"


/*
 * Finds the account of that name, or makes it without a conf, for which another
 * one may be given up, and sets *i to its number.  Returns JM_INVALID and
 * JM_ERROR as jm_queue_account() does.
 */
jm_rc_e jm_queue_find_account(jm_queue_t *q, jm_str_t name, unsigned *i);

/* The place, in whatever state, is no more. */
void jm_queue_drop(jm_queue_t *q, jm_queue_place_t *place);

/*
 * Makes room for the line that jm_queue_line_up() needs for a place.  Returns
 * JM_ERROR where there is no record for it.
 */
jm_rc_e jm_queue_line_room(jm_queue_t *q, const jm_queue_place_t *place);

/*
 * The place, which is new or has a slot, waits: in its client's line by its
 * serial number, and that line comes last, or with first is the next one.
 */
void jm_queue_line_up(jm_queue_t *q, jm_queue_place_t *place, unsigned first);

/*
 * The place, which is new or waits, gets a slot of an account.  If it waited,
 * its client's line comes last.
 */
void jm_queue_hold(jm_queue_t *q, jm_queue_place_t *place, unsigned account,
    jm_place_e state, uint64_t at);

/* A place that waits may be served by these accounts from now on. */
void jm_queue_narrow(jm_queue_t *q, jm_queue_place_t *place,
    uint64_t accounts);

/* Returns the line of a client, or NULL. */
jm_queue_line_t *jm_queue_line_of(jm_queue_t *q, const uint8_t *client);

/* How much there is from one to the other, 0 if that is not ahead. */
uint64_t jm_queue_span(uint64_t from, uint64_t to);


#endif /* _JM_QUEUE_STORE_H_INCLUDED_ */
