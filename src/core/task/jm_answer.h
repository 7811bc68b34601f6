
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * What came of an exchange with the upstream, and what it means.
 */


#ifndef _JM_ANSWER_H_INCLUDED_
#define _JM_ANSWER_H_INCLUDED_


#include "jm_task.h"


#define JM_VISUAL_TASK_ID   64      /* bytes of an upstream's id, at most */
#define JM_VISUAL_PICTURES  15      /* that one task makes at most */


/* how far an exchange got */

typedef enum {
    JM_TRANSPORT_UNSENT,        /* no byte of the request was sent */
    JM_TRANSPORT_BROKEN,        /* sent, but no whole answer came back */
    JM_TRANSPORT_WHOLE
} jm_transport_e;


/*
 * event is for jm_task_step().  error is set with
 *
 *   JM_EVENT_FAILED and _TRANSIENT: why the task failed;
 *   JM_EVENT_TROUBLE and internal: what it fails with if that was its end, see
 *       jm_task_hear();
 *   any event, to JM_CAUSE_UPSTREAM_AUTH, when access was refused: message may
 *       then hold what was signed, and must not be logged.
 *
 * code, message, request_id and status are the upstream's, for the log, and may
 * be empty.  They, task_id and urls are views into the answer's body or memory
 * that was handed in.
 */

typedef struct {
    jm_event_e       event;
    jm_error_t       error;
    jm_str_t         code;          /* a number or the gateway's name */
    int64_t          number;        /* of code; 0: no code, -1: a name */
    jm_str_t         message;
    jm_str_t         request_id;
    jm_str_t         status;
    unsigned         strange;       /* status is none of the documented */
    unsigned         lost;          /* the upstream knows no such task */
    unsigned         internal;      /* a hiccup, or the end of the task */
    jm_str_t         task_id;
    jm_str_t         urls[JM_VISUAL_PICTURES];
    size_t           nurls;
    size_t           ndata;         /* pictures that came as data */
} jm_answer_t;


/*
 * Whether the service itself has answered, and not the gateway before it.  What
 * it refuses access to is a model: it knows the account.
 */

#define jm_answer_of_service(a)  ((a)->number > 0)


#endif /* _JM_ANSWER_H_INCLUDED_ */
