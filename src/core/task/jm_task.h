
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * The life of one task: (state, event, now) -> action.
 *
 * A submit whose outcome is unknown is never repeated.  A task that is not
 * over has exactly one of {a timer, an exchange in flight}; a submit in flight
 * has a timer as well, for the deadline: if no byte of it has left by then, it
 * is taken back.
 *
 * What a query is answered goes through jm_task_hear() first.
 */


#ifndef _JM_TASK_H_INCLUDED_
#define _JM_TASK_H_INCLUDED_


#include "jm_task_event.h"
#include "jm_task_state.h"


/* pause before it is looked whether a task is still held */

#define JM_TASK_LOOK            100

/* pause before a refused submit is sent again: doubles from first to last */

#define JM_TASK_BACKOFF_FIRST   500
#define JM_TASK_BACKOFF_LAST    8000

/* milliseconds for which a task that was given up is asked for, at most */

#define JM_TASK_FOLLOW          600000

/* submits that found no connection before the task is given up */

#define JM_TASK_UNSENT_MAX      3

/*
 * errors of the service's own that are taken for a task's end: how many in a
 * row, over how many milliseconds at least, and the longest pause between two
 */

#define JM_TASK_INTERNAL_MAX    3
#define JM_TASK_INTERNAL_TIME   10000
#define JM_TASK_INTERNAL_PAUSE  5000


/*
 * Starts a task at now, in milliseconds of any monotonic clock; the deadline
 * is now + limits->timeout.
 */
void jm_task_init(jm_task_t *t, const jm_task_limits_t *limits, uint64_t now);

/*
 * Takes an event and says what to do.  Events that do not fit the state give
 * JM_ACTION_NONE and change nothing.  After JM_ACTION_FINISH and _FAIL the
 * task is over and every event gives JM_ACTION_NONE.
 */
jm_step_t jm_task_step(jm_task_t *t, jm_event_e event, uint64_t now);

/*
 * Says what the answer to a query is to its task, at now.  internal is set when
 * it was an error of the service's own (50500 or 50501), which is a hiccup or
 * the task's end, and nothing tells which: JM_TASK_INTERNAL_MAX of them in a
 * row, over JM_TASK_INTERNAL_TIME at least, are taken for its end.  An answer
 * that tells of the task ends the row; one that does not, JM_EVENT_TROUBLE,
 * neither counts nor ends it.  Meanwhile pauses are no longer than
 * JM_TASK_INTERNAL_PAUSE.  (Volcengine's documents list both numbers as final
 * and as worth a retry, by edition; the rule is this gateway's own.)
 *
 * Returns the event for jm_task_step(): event, or JM_EVENT_FAILED.
 */
jm_event_e jm_task_hear(jm_task_t *t, jm_event_e event, unsigned internal,
    uint64_t now);

/*
 * Goes on with a task that was given up while the upstream worked on it, only
 * to know when its slot is free: it is asked for until it is over, for
 * JM_TASK_FOLLOW ms at most.  Returns the timer to be set; of a single call,
 * which ends by itself, JM_ACTION_NONE.
 */
jm_step_t jm_task_follow(jm_task_t *t, uint64_t now);

/*
 * Returns whether the task holds what its state says: exactly the timer in
 * HELD, QUEUED, BACKOFF and WAIT, exactly the exchange in ASK, the exchange and
 * maybe the timer in SUBMIT, else neither.
 */
unsigned jm_task_holds(const jm_task_t *t, unsigned timer, unsigned exchange);


#endif /* _JM_TASK_H_INCLUDED_ */
