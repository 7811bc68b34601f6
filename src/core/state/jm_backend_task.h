
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * What is asked, and told, about a task: from its place to its end.
 */


#ifndef _JM_BACKEND_TASK_H_INCLUDED_
#define _JM_BACKEND_TASK_H_INCLUDED_


#include "jm_backend_look.h"


/*
 * May a task be submitted?  A client that joined another's request, and is held
 * for nothing yet, is held now: most has no pictures for all others.  rc is
 * JM_INVALID when the task is another one's; it has not to be submitted either
 * when over is not JM_QUOTA_OK, unless force was set.
 */

typedef struct {
    jm_done_t            done;
    jm_ledger_claim_t   *claim;     /* NULL: none in the ledger */
    unsigned             task;
    unsigned             account;
    const jm_client_t   *client;
    jm_hold_t           *hold;
    jm_bill_t            most;
    unsigned             force;
    unsigned             canceled;  /* with JM_INVALID: that is why */
    jm_rc_e              rc;
    jm_quota_e           over;
    jm_quota_view_t      view;
    unsigned             away;
    uint64_t             number;    /* the store's own */
} jm_op_submit_t;


/*
 * A place is entered where there is none (serial 0), or looked at.  One that is
 * bound has to be on account; unless that is fixed any other will do when this
 * one is set aside, and as long as there is no place yet JM_QUEUE_WAIT says
 * to look again in JM_QUEUE_AGAIN ms.  It gets none, and gone is set, if listed
 * is a client that no file of keys names any more; nor does a task that was
 * canceled.
 *
 * With submit, whose most has no pictures and which has a claim, a place that
 * is granted is submitted as well: then submitted is set, and it is answered,
 * but its done is not called.  Its account is set to the place's.  orphans is 0
 * when there is no task that nobody follows: jm_op_orphan_t would find none.
 */

#define JM_QUEUE_AGAIN      100

typedef struct {
    jm_done_t            done;
    jm_queue_request_t   request;   /* but since and billed */
    const jm_client_t   *client;    /* who pays, or NULL */
    const jm_client_t   *listed;    /* or NULL */
    jm_place_t          *place;
    unsigned             account;
    unsigned             bound;
    unsigned             fixed;
    jm_op_submit_t      *submit;    /* or NULL */
    unsigned             submitted;
    unsigned             orphans;
    unsigned             gone;
    unsigned             canceled;
    jm_queue_e           rc;        /* as of jm_queue_enter() */
    uint64_t             wait;
    jm_turn_t            turn;      /* with JM_QUEUE_WAIT */
    unsigned             away;
    uint64_t             number;    /* the store's own */
} jm_op_place_t;


/* the upstream has refused a submit */

typedef enum {
    JM_REFUSED_RATE = 0,    /* too many submits */
    JM_REFUSED_TASKS,       /* too many tasks run */
    JM_REFUSED_ACCOUNT,     /* its credentials */
    JM_REFUSED_MODEL        /* the model, to that account */
} jm_refused_e;

typedef struct {
    jm_done_t            done;
    jm_place_t          *place;
    jm_refused_e         why;
    jm_queue_e           rc;        /* as of jm_queue_busy() and _denied() */
    uint64_t             wait;
    unsigned             first;     /* credentials: since a submit was taken */
    unsigned             away;
} jm_op_refused_t;


/* what became of a submit */

typedef enum {
    JM_SENT_TAKEN = 0,
    JM_SENT_BACK,           /* nothing was taken: it may be made again */
    JM_SENT_UNKNOWN,
    JM_SENT_FREE            /* it has failed for good, and costs nothing */
} jm_sent_e;


#endif /* _JM_BACKEND_TASK_H_INCLUDED_ */
