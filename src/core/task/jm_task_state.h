
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * A task's states, and what is known of it.
 *
 *     ADMIT -> SUBMIT -> WAIT -> ASK -> WAIT ... -> DONE | FAILED
 *       |       ^ |  ^            ^
 *       v       | v  |            |
 *      HELD ----+ BACKOFF         |
 *       |                         |
 *       +-------------------------+
 *
 * A task that another request submits is HELD until it may be submitted here,
 * or its id is known and it can be asked for.  One that failed transiently goes
 * from ASK to SUBMIT once more, as often as limits.retries says.
 *
 * Where its account has a queue, a task is QUEUED before it is in SUBMIT, and
 * goes back there when its submit was refused for load: then there is a BACKOFF
 * only after a submit that found no connection.
 *
 * Where limits.single is set there is one long call, the submit, and its answer
 * is the result: from SUBMIT a task is DONE or FAILED.  What another request
 * has brought so is not asked for: from ADMIT or HELD it is DONE.
 */


#ifndef _JM_TASK_STATE_H_INCLUDED_
#define _JM_TASK_STATE_H_INCLUDED_


#include "jm_error.h"


typedef enum {
    JM_TASK_ADMIT = 0,
    JM_TASK_HELD,           /* another request's so far; a timer, then a look */
    JM_TASK_QUEUED,         /* it has a place; a timer, then a look */
    JM_TASK_SUBMIT,         /* the submit is in flight */
    JM_TASK_BACKOFF,        /* nothing was taken; a timer, then a submit */
    JM_TASK_WAIT,           /* taken; a timer, then a query */
    JM_TASK_ASK,            /* the query is in flight */
    JM_TASK_DONE,
    JM_TASK_FAILED
} jm_task_state_e;


#define JM_TASK_UNLIMITED       UINT32_MAX

typedef struct {
    uint64_t         timeout;       /* ms, until the deadline */
    uint64_t         interval;      /* ms, between two queries */
    uint32_t         attempts;      /* queries of one submit, at most */
    uint32_t         retries;       /* submits after those failed transiently */
    unsigned         queue;         /* a submit needs a slot */
    unsigned         single;        /* a submit's answer is the result */
} jm_task_limits_t;


/* times are in milliseconds, on the clock of jm_task_init()'s now */

typedef struct {
    jm_task_limits_t  limits;
    jm_task_state_e   state;
    uint64_t          deadline;
    uint64_t          accepted;     /* when the last submit was taken */
    uint64_t          look;         /* until the next look at the queue */
    uint32_t          polls;        /* queries sent */
    uint32_t          asked;        /* queries since the last submit */
    uint32_t          retried;      /* submits that failed transiently */
    uint32_t          refusals;     /* submits refused for load */
    uint32_t          unsent;       /* submits that found no connection */
    jm_cause_e        refused;      /* why there is a pause before a submit */
    uint32_t          internal;     /* answers in a row, see jm_task_hear() */
    uint64_t          internal_at;  /* when the first of these came */
    unsigned          gone;         /* nobody waits for the task's end */
} jm_task_t;


#endif /* _JM_TASK_STATE_H_INCLUDED_ */
