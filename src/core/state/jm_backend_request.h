
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * What a request asks of what all requests share, before there are tasks, and
 * what is asked about clients and accounts.
 */


#ifndef _JM_BACKEND_REQUEST_H_INCLUDED_
#define _JM_BACKEND_REQUEST_H_INCLUDED_


#include "jm_bill.h"
#include "jm_done.h"
#include "jm_quota_usage.h"
#include "jm_state.h"


/* rc is JM_INVALID when the client has reached its rate, JM_ERROR: no room */

typedef struct {
    jm_done_t            done;
    const jm_client_t   *client;
    jm_rc_e              rc;
    jm_quota_rate_t      rate;
    unsigned             away;
    jm_asked_t           asked;     /* the store's own */
} jm_op_rate_t;


/*
 * A request is entered in the ledger or found there, unless claim is NULL; one
 * that is let in is then held against its client's limits, unless hold is NULL.
 * force holds it although it is over them.  joins is set when all its tasks
 * are another request's: then hold is only attached.  A client without a hold
 * is made known, for what it uses to be counted.
 */

typedef struct {
    jm_done_t            done;
    jm_ledger_request_t  request;
    jm_ledger_claim_t   *claim;
    const jm_client_t   *client;
    jm_bill_t            most;      /* that it may bring, and cost */
    jm_hold_t           *hold;
    unsigned             force;
    jm_ledger_e          found;     /* JM_LEDGER_NEW without a claim */
    jm_error_t           told;      /* with JM_LEDGER_TOLD */
    unsigned             service;   /* with JM_LEDGER_OTHER */
    unsigned             joins;
    jm_quota_e           over;
    jm_quota_view_t      view;      /* before it was held */
    jm_quota_near_t      near;      /* that it is, with hold */
    unsigned             away;
    uint64_t             number;    /* the store's own, as is asked */
    jm_asked_t           asked;
} jm_op_open_t;


/* how a client's wait for its request has ended, or the request itself */

typedef enum {
    JM_CLAIM_LEFT = 0,
    JM_CLAIM_ANSWERED,
    JM_CLAIM_TOLD,          /* an error, which a repeat is told again */
    JM_CLAIM_CLOSED,
    JM_CLAIM_OVER,          /* answered, and closed */
    JM_CLAIM_HANDED,        /* it goes on: its client has an id without tasks */
    JM_CLAIM_FAILED         /* an error, for who asks by that id */
} jm_claim_e;


/* each() is called for each of n clients, and done after the last */

typedef struct {
    jm_done_t            done;
    const jm_client_t *const  *clients;
    size_t               n;
    void               (*each)(void *data, size_t i,
                               const jm_quota_rate_t *rate,
                               const jm_quota_view_t *view);
    unsigned             away;
    size_t               first;     /* the store's own */
} jm_op_clients_t;


/* all of one client's, and what it has used */

typedef struct {
    jm_done_t            done;
    const jm_client_t   *client;
    jm_quota_rate_t      rate;
    jm_quota_view_t      view;
    jm_quota_usage_t     usage;
    unsigned             away;
} jm_op_usage_t;


/* n accounts, by their numbers, as clients */

typedef struct {
    jm_done_t            done;
    const unsigned      *accounts;
    size_t               n;
    void               (*each)(void *data, size_t i,
                               const jm_queue_view_t *view);
    unsigned             away;
} jm_op_accounts_t;


#endif /* _JM_BACKEND_REQUEST_H_INCLUDED_ */
