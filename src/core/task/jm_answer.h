
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * What came of an exchange with the upstream, and what it means.
 */


#ifndef _JM_ANSWER_H_INCLUDED_
#define _JM_ANSWER_H_INCLUDED_


#include "jm_json.h"
#include "jm_task.h"


#define JM_VISUAL_TASK_ID   64      /* bytes of an upstream's id, at most */
#define JM_VISUAL_PICTURES  15      /* that one task makes at most */
#define JM_ARK_PICTURES     17      /* that one call does: 16 layers, a base */


/* how far an exchange got */

typedef enum {
    JM_TRANSPORT_UNSENT,        /* no byte of the request was sent */
    JM_TRANSPORT_BROKEN,        /* sent, but no whole answer came back */
    JM_TRANSPORT_WHOLE
} jm_transport_e;


/* a picture of several that was not made; index is its number, from 0 */

typedef struct {
    size_t           index;
    jm_str_t         code;          /* the upstream's, may be empty */
    jm_error_t       error;
} jm_answer_error_t;


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
 * be empty.  They, task_id, urls and sizes are views into the answer's body or
 * memory that was handed in, in which errors is, too.
 *
 * Each picture has its number among all that were asked for in indexes, in
 * rising order.  Only Ark tells its size, "2048x2048" or empty; which failed,
 * in errors, in any order; and the tokens.  cut is set where it broke off, or
 * tells of more pictures than there are: what came is there, and more may have
 * been made, and billed.
 */

typedef struct {
    jm_event_e         event;
    jm_error_t         error;
    jm_str_t           code;        /* a number or the upstream's name */
    int64_t            number;      /* of code; 0: no code, -1: a name */
    jm_str_t           message;
    jm_str_t           request_id;
    jm_str_t           status;
    unsigned           strange;     /* status is none of the documented */
    unsigned           lost;        /* the upstream knows no such task */
    unsigned           internal;    /* a hiccup, or the end of the task */
    unsigned           model;       /* it is the model that is refused */
    unsigned           cut;
    jm_str_t           task_id;
    jm_str_t           urls[JM_ARK_PICTURES];
    jm_str_t           sizes[JM_ARK_PICTURES];
    size_t             indexes[JM_ARK_PICTURES];
    size_t             nurls;
    size_t             ndata;       /* pictures that came as data */
    jm_answer_error_t *errors;
    size_t             nerrors;
    uint64_t           input_tokens;
    uint64_t           output_tokens;
    uint64_t           total_tokens;
} jm_answer_t;


/*
 * Whether the service itself has answered, and not the gateway before it.  What
 * it refuses access to is a model: it knows the account.
 */

#define jm_answer_of_service(a)  ((a)->number > 0 || (a)->model)


/* Sets a to JM_EVENT_FAILED, with a cause and its own words. */
void jm_answer_fail(jm_answer_t *a, jm_cause_e cause);

/* Returns the text of a string or a number, empty for anything else or NULL. */
jm_str_t jm_answer_text(const jm_json_t *node);

/* Tells whether a text of an answer is a link, to be handed on as one. */
unsigned jm_answer_is_url(jm_str_t s);


#endif /* _JM_ANSWER_H_INCLUDED_ */
