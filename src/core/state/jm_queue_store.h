
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Moving places: what is new, what waits for its turn, and what has a slot.
 *
 * Turns are numbers, tags: a new place has one more than its client's last that
 * waits, and than the last that was granted.  So the next of each client is
 * served before anybody's next but one, and nobody waits for ever.  What had a
 * slot, and comes back, has 0.  A turn stays what it is when others leave.
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
 * Makes room for what jm_queue_line_up() needs for a client's place, besides
 * itself, and n records more.  Returns JM_ERROR where there are not so many.
 */
jm_rc_e jm_queue_line_room(jm_queue_t *q, const uint8_t *client,
    uint64_t accounts, uint64_t model, uint32_t n);

/*
 * The place, which is new, has a slot, or waited for other accounts, waits for
 * its accounts in the order of its tag.
 */
void jm_queue_line_up(jm_queue_t *q, jm_queue_place_t *place);

/* The place, which is new or waits, gets a slot of an account. */
void jm_queue_hold(jm_queue_t *q, jm_queue_place_t *place, unsigned account,
    jm_place_e state, uint64_t at);

/* Returns the chain that has all lines of a client, and those of others. */
jm_ref_t *jm_queue_chain(jm_queue_t *q, const uint8_t *client);

/* Returns the line of a client for a set of accounts, or NULL. */
jm_queue_line_t *jm_queue_line_of(jm_queue_t *q, const uint8_t *client,
    uint64_t accounts);

/*
 * Return the highest tag that one of the accounts has granted, and the tag of a
 * client's next place that they may serve.
 */
uint64_t jm_queue_turn_of(jm_queue_t *q, uint64_t accounts);
uint64_t jm_queue_next_tag(jm_queue_t *q, const uint8_t *client,
    uint64_t accounts);

/* All accounts that serve what an account does get at least its turn. */
void jm_queue_level(jm_queue_t *q, unsigned account);

/* Returns what places are ordered by. */
jm_tree_key_t jm_queue_key(const jm_tree_node_t *node);

/* Returns all accounts that places wait for, a bit for each. */
uint64_t jm_queue_wanted(jm_queue_t *q);

/* How much there is from one to the other, 0 if that is not ahead. */
uint64_t jm_queue_span(uint64_t from, uint64_t to);


#endif /* _JM_QUEUE_STORE_H_INCLUDED_ */
