
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * The slots of each account, and the fair queue for them, in a store that
 * several processes share.  A slot is the right to have a
 * task running on an account; a place is what a task has here, while it waits
 * for a slot and while it has one.  The places of a client are served in the
 * order they came, and clients that wait turn by turn.
 *
 * Every function is to be called with the store's lock held, between
 * jm_store_begin() and jm_store_commit().  Those that make room for a record,
 * grant slots or take places away commit in between: what their caller has done
 * so far has to be whole.
 *
 * All times are in milliseconds.  now is of any clock that all processes share
 * and that does not go back.
 */


#ifndef _JM_QUEUE_H_INCLUDED_
#define _JM_QUEUE_H_INCLUDED_


#include "jm_queue_orphan.h"


typedef enum {
    JM_LEAVE_FREE = 0,      /* nothing runs: not submitted, or not taken */
    JM_LEAVE_OVER,          /* the task has ended upstream just now */
    JM_LEAVE_LOST,          /* it may be running, and nobody follows it */
    JM_LEAVE_DONE           /* the answer to its submit was its end */
} jm_leave_e;


/*
 * The submit of a granted place was taken, with the upstream's id.  An id that
 * is empty or longer than JM_QUEUE_ID is not known.
 */
void jm_queue_accepted(jm_queue_t *q, jm_place_t *p, jm_str_t id,
    uint64_t now);

/*
 * The submit of a granted place was refused because too much is submitted
 * (50429), or with tasks because too much runs (50430).  The place is the next
 * again; its account rests for 500 ms, doubled with each refusal in a row, to
 * 16 s, and is used for no more than what else runs there, at least 1, until
 * submits are taken again: as many in a row as it is used for double that.
 * Returns as jm_queue_look() does.
 */
jm_queue_e jm_queue_busy(jm_queue_t *q, jm_place_t *p, unsigned tasks,
    uint64_t now, uint64_t *wait);

/*
 * The submit of a granted place was refused for its account's credentials,
 * which is set aside, for 10 s, doubled with each time in a row, to 300 s, and
 * then tried with one task at a time; with model_only it is set aside for the
 * request's model alone, or where there is no record for that for this place.
 * The place is the next again, on another account: returns as jm_queue_look()
 * does.  *first is set to 1 when it is the first
 * refusal since a submit was taken, else to 0.
 */
jm_queue_e jm_queue_denied(jm_queue_t *q, jm_place_t *p, unsigned model_only,
    uint64_t now, uint64_t *wait, unsigned *first);

/*
 * Keeps a place from being taken for forgotten, to be called now and then for
 * as long as it is held: much more often than JM_QUEUE_LEASE.  Looking at one
 * does the same.
 */
void jm_queue_renew(jm_queue_t *q, jm_place_t *p, uint64_t now);

/*
 * Gives a place back, and sets p->serial to 0.  JM_LEAVE_OVER: the time since
 * it was granted counts for the average.  JM_LEAVE_DONE: the same, and that its
 * submit was taken.  JM_LEAVE_LOST: its slot is taken
 * until somebody has seen the task's end, see jm_queue_orphan_next().  One that
 * cannot be asked for has it for as long as it would by the average have run,
 * 30 s without one, and for half of that since it was last renewed.  Does
 * nothing where there is no place.
 */
void jm_queue_leave(jm_queue_t *q, jm_place_t *p, jm_leave_e how,
    uint64_t now);

/*
 * Takes the next of this process's places that something has happened to: it
 * has a slot, or is to be looked at, at another time than it knows.  Returns 1
 * and sets *serial to its number, or 0 where there is none.
 */
unsigned jm_queue_news(jm_queue_t *q, uint64_t *serial);

/*
 * Returns a number that changes when all places that wait are to be looked at:
 * an account was set aside, or the configuration is another one.
 */
uint32_t jm_queue_alarms(const jm_queue_t *q);


#endif /* _JM_QUEUE_H_INCLUDED_ */
