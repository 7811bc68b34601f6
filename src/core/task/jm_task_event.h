
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * What happens to a task, and what is to be done then.
 */


#ifndef _JM_TASK_EVENT_H_INCLUDED_
#define _JM_TASK_EVENT_H_INCLUDED_


#include "jm_error.h"


typedef enum {
    JM_EVENT_START,         /* to be submitted here */
    JM_EVENT_HELD,          /* somebody else submits it, or is about to */
    JM_EVENT_JOINED,        /* it was submitted, and its id is known */
    JM_EVENT_QUEUED,        /* no slot is free; t->look says when to look */
    JM_EVENT_GRANTED,       /* it has a slot */
    JM_EVENT_TIMER,         /* from here to _LEFT the last one counts most */
    JM_EVENT_EXITING,       /* a timer, in a process that shuts down */
    JM_EVENT_CLOSING,       /* another process is to go on with it */
    JM_EVENT_LEFT,          /* the client has gone */
    JM_EVENT_TAKEN_BACK,    /* the submit was stopped before its first byte */
    JM_EVENT_SENT,          /* it was not: some of it may have left */

    JM_EVENT_ACCEPTED,      /* a submit: there is a task */
    JM_EVENT_BUSY,          /* a submit: refused for load, nothing taken */
    JM_EVENT_DENIED,        /* a submit: refused, and back in the queue */
    JM_EVENT_UNSENT,        /* a submit: it did not get to the service */

    JM_EVENT_PENDING,       /* a query: not over */
    JM_EVENT_TROUBLE,       /* a query: no answer that says anything */
    JM_EVENT_DONE,          /* a query, a single call: there are pictures */

    JM_EVENT_TRANSIENT,     /* the same: failed, a new submit may not */

    JM_EVENT_FAILED         /* either: over, and the answer says why */
} jm_event_e;


typedef enum {
    JM_ACTION_NONE,
    JM_ACTION_QUEUE,        /* see whether it has a slot */
    JM_ACTION_SUBMIT,       /* send it; step.delay ms are left for that */
    JM_ACTION_QUERY,        /* send a query */
    JM_ACTION_TIMER,        /* wait step.delay milliseconds */
    JM_ACTION_TAKE_BACK,    /* stop the submit if no byte of it was sent */
    JM_ACTION_FINISH,       /* over: pictures */
    JM_ACTION_FAIL          /* over: step.cause, or the answer's if _NONE */
} jm_action_e;


typedef struct {
    jm_action_e      action;
    jm_cause_e       cause;
    uint64_t         delay;
} jm_step_t;


#endif /* _JM_TASK_EVENT_H_INCLUDED_ */
