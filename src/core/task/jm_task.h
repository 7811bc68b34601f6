
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * The life of one task: (state, event, now) -> action.
 *
 *     ADMIT -> SUBMIT -> WAIT -> ASK -> WAIT ... -> DONE | FAILED
 *       |       ^ |  ^            ^
 *       v       | v  |            |
 *      HELD ----+ BACKOFF         |
 *       |                         |
 *       +-------------------------+
 *
 * A task that another request submits is HELD until it may be submitted here,
 * or its id is known and it can be asked for.  One that failed in passing goes
 * from ASK to SUBMIT once more, as often as limits.retries says.
 *
 * Where its account has a queue, a task is QUEUED before it is in SUBMIT, and
 * goes back there when its submit was refused for load: there is no BACKOFF
 * then but for a submit that found no connection.
 *
 * A submit whose outcome is unknown is never repeated.  A task that is not
 * over has exactly one of {a timer, an exchange in flight}.
 *
 * What a query is answered goes through jm_task_hear() first.
 */


#ifndef _JM_TASK_H_INCLUDED_
#define _JM_TASK_H_INCLUDED_


#include "jm_error.h"


typedef enum {
    JM_TASK_ADMIT = 0,
    JM_TASK_HELD,           /* somebody else's so far; a timer, then a look */
    JM_TASK_QUEUED,         /* it has a place; a timer, then a look */
    JM_TASK_SUBMIT,         /* the submit is in flight */
    JM_TASK_BACKOFF,        /* nothing was taken; a timer, then a submit */
    JM_TASK_WAIT,           /* taken; a timer, then a query */
    JM_TASK_ASK,            /* the query is in flight */
    JM_TASK_DONE,
    JM_TASK_FAILED
} jm_task_state_e;


typedef enum {
    JM_EVENT_START,         /* to be submitted here */
    JM_EVENT_HELD,          /* somebody else submits it, or is about to */
    JM_EVENT_JOINED,        /* it was submitted, and its id is known */
    JM_EVENT_QUEUED,        /* no slot is free; t->look says when to look */
    JM_EVENT_GRANTED,       /* it has a slot */
    JM_EVENT_TIMER,
    JM_EVENT_EXITING,       /* a timer, in a process that is to leave */
    JM_EVENT_CLOSING,       /* a process that is about to be gone */
    JM_EVENT_LEFT,          /* the client has gone */
    JM_EVENT_TAKEN_BACK,    /* the submit was stopped before its first byte */

    JM_EVENT_ACCEPTED,      /* a submit: there is a task */
    JM_EVENT_BUSY,          /* a submit: refused for load, nothing taken */
    JM_EVENT_DENIED,        /* a submit: refused, and back in the queue */
    JM_EVENT_UNSENT,        /* a submit: it did not get to the service */

    JM_EVENT_PENDING,       /* a query: not over */
    JM_EVENT_TROUBLE,       /* a query: no answer that says anything */
    JM_EVENT_DONE,          /* a query: there are pictures */

    JM_EVENT_PASSING,       /* a query: failed, and may not the next time */

    JM_EVENT_FAILED         /* either: over, and the answer says why */
} jm_event_e;


typedef enum {
    JM_ACTION_NONE,
    JM_ACTION_QUEUE,        /* see whether it has a slot */
    JM_ACTION_SUBMIT,       /* send the submit */
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


/*
 * timeout and interval in milliseconds; attempts are the queries after which a
 * submit is given up, JM_TASK_UNLIMITED where only the deadline says when;
 * retries are the submits after one that failed in passing
 */

typedef struct {
    uint64_t         timeout;
    uint64_t         interval;
    uint32_t         attempts;
    uint32_t         retries;
    unsigned         queue;         /* a submit needs a slot */
} jm_task_limits_t;


typedef struct {
    jm_task_limits_t  limits;
    jm_task_state_e   state;
    uint64_t          deadline;     /* milliseconds, on now's clock */
    uint64_t          accepted;     /* the last submit, on the same */
    uint64_t          look;         /* until the next look at the queue */
    uint32_t          polls;        /* queries sent */
    uint32_t          asked;        /* of them since the last submit */
    uint32_t          retried;      /* tasks that failed in passing */
    uint32_t          refusals;     /* submits refused for load */
    uint32_t          unsent;       /* submits that found no connection */
    jm_cause_e        refused;      /* why there is a pause before a submit */
    uint32_t          internal;     /* answers in a row, see jm_task_hear() */
    uint64_t          internal_at;  /* when the first of them came */
    unsigned          gone;         /* nobody waits for the answer */
} jm_task_t;


#define JM_TASK_UNLIMITED       UINT32_MAX

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
 * errors of the service's own that end a task, in milliseconds at least over
 * which they came, and the longest pause between two of them
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
 * Goes on with a task that was given up while the upstream worked on it, for
 * nobody but its slot: it is asked for until it is over, for JM_TASK_FOLLOW ms
 * at most.  Returns the timer to be set.
 */
jm_step_t jm_task_follow(jm_task_t *t, uint64_t now);

/*
 * Returns whether the task holds what its state says: exactly the timer in
 * HELD, QUEUED, BACKOFF and WAIT, exactly the exchange in SUBMIT and ASK, else
 * neither.
 */
unsigned jm_task_holds(const jm_task_t *t, unsigned timer, unsigned exchange);


#endif /* _JM_TASK_H_INCLUDED_ */
