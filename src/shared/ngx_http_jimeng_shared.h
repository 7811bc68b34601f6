
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * The floor "shared": a request's claim in the ledger, its hold on limits.
 */


#ifndef _NGX_HTTP_JIMENG_SHARED_H_INCLUDED_
#define _NGX_HTTP_JIMENG_SHARED_H_INCLUDED_


#include "ngx_http_jimeng_fetch.h"

#include "jm_task.h"


typedef struct {
    ngx_http_jimeng_zone_t     *zone;
    ngx_http_request_t         *request;
    jm_ledger_claim_t           claim;
    jm_error_t                  error;      /* with JM_LEDGER_TOLD */
    unsigned                    entered:1;  /* it has to be closed */
    unsigned                    repeats:1;  /* a repeat would be found */
    unsigned                    owed:1;     /* it has no mark, and was found */
    unsigned                    answered:1; /* once the reply is taken */
    unsigned                    handed:1;   /* its id has no tasks yet */
} ngx_http_jimeng_claim_t;


/* what a request takes of its client's limits, until its pool goes */

struct ngx_http_jimeng_hold_s {
    ngx_http_jimeng_zone_t     *zone;
    ngx_log_t                  *log;
    const jm_client_t          *client;
    jm_bill_t                   most;       /* that it may bring, and cost */
    ngx_uint_t                  attached;   /* all are another request's */
    ngx_uint_t                  dry_run;
    jm_hold_t                   hold;
};


/*
 * A request on its way in.  With NGX_OK claim may be NULL: it is not in the
 * ledger.  NGX_AGAIN: one that is patient is to be opened again a moment later,
 * NGX_BUSY: read for op.service; NGX_DECLINED: error is what its client gets.
 */

typedef struct {
    ngx_http_request_t         *request;
    u_char                     *fingerprint;    /* 32 bytes; NULL: no ledger */
    ngx_uint_t                  several;        /* services serve it */
    ngx_uint_t                  n;              /* tasks */
    jm_bill_t                   most;           /* that they bring, and cost */
    ngx_uint_t                  patient;
    ngx_msec_t                  waited;     /* since it was told so; 0: not */
    jm_done_t                   done;
    jm_op_open_t                op;
    ngx_http_jimeng_await_t     await;
    ngx_int_t                   rc;
    jm_error_t                  error;
    ngx_http_jimeng_claim_t    *claim;
    ngx_http_jimeng_hold_t     *hold;
} ngx_http_jimeng_open_t;


/* ngx_http_jimeng_open.c, and _ledger.c: a claim of NULL is one on nothing */

void ngx_http_jimeng_open(ngx_http_jimeng_open_t *o);
ngx_uint_t ngx_http_jimeng_ledger_kept(ngx_http_request_t *r);
ngx_int_t ngx_http_jimeng_ledger_request(ngx_http_jimeng_open_t *o,
    jm_ledger_request_t *request);
ngx_int_t ngx_http_jimeng_ledger_claim(ngx_http_jimeng_open_t *o);
jm_ledger_claim_t *ngx_http_jimeng_ledger_of(ngx_http_jimeng_claim_t *c);
ngx_uint_t ngx_http_jimeng_ledger_repeats(ngx_http_jimeng_claim_t *c);
ngx_uint_t ngx_http_jimeng_ledger_owed(ngx_http_jimeng_claim_t *c);
const jm_error_t *ngx_http_jimeng_ledger_error(ngx_http_jimeng_claim_t *c);
uint64_t ngx_http_jimeng_ledger_entry(ngx_http_jimeng_claim_t *c);
void ngx_http_jimeng_ledger_hand(ngx_http_jimeng_claim_t *claim);
ngx_uint_t ngx_http_jimeng_ledger_handed(ngx_http_jimeng_claim_t *claim);
void ngx_http_jimeng_ledger_failed(ngx_http_jimeng_claim_t *claim,
    const jm_error_t *e);
void ngx_http_jimeng_ledger_left(ngx_http_jimeng_claim_t *c);
void ngx_http_jimeng_ledger_answered(ngx_http_jimeng_claim_t *c);
void ngx_http_jimeng_ledger_sent(ngx_http_jimeng_claim_t *c);
void ngx_http_jimeng_ledger_told(ngx_http_jimeng_claim_t *claim,
    const jm_error_t *e);
void ngx_http_jimeng_ledger_fetched(ngx_http_request_t *r, uint64_t entry,
    ngx_str_t *ids, ngx_uint_t n);

/* ngx_http_jimeng_near.c: what a client is told of its limits, and the log */

ngx_int_t ngx_http_jimeng_rate_headers(ngx_http_request_t *r,
    const jm_quota_rate_t *rate);
ngx_int_t ngx_http_jimeng_hold_headers(ngx_http_jimeng_open_t *o);
const char *ngx_http_jimeng_period(uint64_t period);
void ngx_http_jimeng_near_log(ngx_log_t *log, const jm_client_t *client,
    const jm_quota_near_t *near);

/* ngx_http_jimeng_quota.c */

ngx_int_t ngx_http_jimeng_rate(ngx_http_request_t *r,
    void (*handler)(ngx_http_request_t *r, ngx_int_t rc));
ngx_int_t ngx_http_jimeng_rate_check(ngx_http_request_t *r, jm_error_t *e);
ngx_int_t ngx_http_jimeng_hold(ngx_http_jimeng_open_t *o);
void ngx_http_jimeng_hold_refuse(ngx_http_jimeng_hold_t *hold,
    jm_quota_e over, const jm_quota_view_t *view, jm_error_t *e);
void ngx_http_jimeng_hold_log(ngx_http_jimeng_hold_t *hold, jm_error_t *e);
void ngx_http_jimeng_hold_release(ngx_http_jimeng_hold_t *hold);
const jm_client_t *ngx_http_jimeng_client_listed(ngx_http_request_t *r);
void ngx_http_jimeng_client_withdrawn(ngx_http_request_t *r, jm_error_t *e);


#endif /* _NGX_HTTP_JIMENG_SHARED_H_INCLUDED_ */
