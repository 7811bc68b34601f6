
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Whose turn it is: which account is ready for a submit, who gets it, how long
 * that will take, and who is no more.
 */


#ifndef _JM_QUEUE_TURN_H_INCLUDED_
#define _JM_QUEUE_TURN_H_INCLUDED_


#include "jm_queue_store.h"


#define JM_QUEUE_GUESS      30000   /* milliseconds of a task, at first */


/* how one that came now would fare */

typedef struct {
    uint64_t         delay;         /* until it had a slot */
    uint64_t         step;          /* until there was room for one more */
    uint64_t         average;       /* of its task, 0: not known */
} jm_queue_outlook_t;


/* How long until there may be a submit, if there is a slot for it. */
uint64_t jm_queue_ready_in(const jm_queue_account_t *a, uint64_t now);

/* A place with a slot there may be submitted: the next waits for a while. */
void jm_queue_submits(jm_queue_t *q, jm_queue_account_t *a,
    const jm_queue_place_t *place, uint64_t now);

/*
 * How many tasks may run on an account now, at least 1; how many more may, be
 * there older ones or not where it is only tried.
 */
uint32_t jm_queue_slots(const jm_queue_account_t *a);
uint64_t jm_queue_free_slots(jm_queue_t *q, const jm_queue_account_t *a);

/*
 * Sets an account aside for a place that it has refused.  With what
 * jm_queue_model() returns it is for the place's model alone, NULL: there is no
 * record for that.  Returns 0 when it was known: those that were submitted
 * together are one refusal.
 */
unsigned jm_queue_set_aside(jm_queue_t *q, jm_queue_aside_t *aside,
    const jm_queue_place_t *place, uint64_t now);
jm_queue_aside_t *jm_queue_model(jm_queue_t *q, jm_queue_account_t *a,
    uint64_t model);

/* Returns what an account was set aside for, of the model alone, or NULL. */
jm_queue_aside_t *jm_queue_find_model(jm_queue_t *q,
    const jm_queue_account_t *a, uint64_t model);

/* It has taken the place's submit, or is to be used again for all. */
void jm_queue_trust(jm_queue_t *q, jm_queue_account_t *a,
    const jm_queue_place_t *place);
void jm_queue_forgive(jm_queue_t *q, jm_queue_account_t *a);

/* Whether an account is set aside for the model. */
unsigned jm_queue_is_aside(jm_queue_t *q, const jm_queue_account_t *a,
    uint64_t model, uint64_t now);

/* Of the accounts, returns those that are not set aside for the model. */
uint64_t jm_queue_usable(jm_queue_t *q, uint64_t accounts, uint64_t model,
    uint64_t now);

/*
 * Returns the number of the best account of a request that is ready for it
 * now, or JM_QUEUE_ACCOUNTS.
 */
unsigned jm_queue_pick(jm_queue_t *q, const jm_queue_request_t *request,
    uint64_t now);

/*
 * Gives the slots that are free to those whose turn it is, and adds to
 * q->woken; commits after each.  Who asks needs not be woken; NULL: nobody
 * does.
 */
void jm_queue_dispatch(jm_queue_t *q, const jm_queue_place_t *asks,
    uint64_t now);

/*
 * Returns how long a place that waits may go without a look: exactly, if one
 * of its accounts is to be ready and it is the next there.
 */
uint64_t jm_queue_pause(jm_queue_t *q, const jm_queue_place_t *place,
    uint64_t now);

/* Returns the longest timeout of the accounts, 0: one of them has none. */
uint64_t jm_queue_timeout(jm_queue_t *q, uint64_t accounts);

/* Whether as many wait as the queues of these accounts hold together. */
unsigned jm_queue_full(jm_queue_t *q, uint64_t accounts);

/*
 * Foretells how a place with this key fares with these accounts; and returns
 * the key that a client's next place would have.
 */
void jm_queue_foretell(jm_queue_t *q, uint64_t accounts, jm_tree_key_t key,
    uint64_t now, jm_queue_outlook_t *o);
jm_tree_key_t jm_queue_next_key(jm_queue_t *q, const uint8_t *client,
    uint64_t accounts);

/* The slot's owner is no more, or does not follow its task any longer. */
void jm_queue_lose(jm_queue_t *q, jm_queue_place_t *place);

/*
 * Takes away, now and then, what dead processes left, and the slots of tasks
 * that are likely to be over; commits after each, and what waits in pieces.
 */
void jm_queue_reap(jm_queue_t *q, uint64_t now);

#endif /* _JM_QUEUE_TURN_H_INCLUDED_ */
