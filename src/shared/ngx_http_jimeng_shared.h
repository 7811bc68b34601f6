
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * The floor "shared": what requests share by the zone: the ledger of what was
 * asked, and the limits of clients.
 */


#ifndef _NGX_HTTP_JIMENG_SHARED_H_INCLUDED_
#define _NGX_HTTP_JIMENG_SHARED_H_INCLUDED_


#include "ngx_http_jimeng_zone.h"

#include "jm_task.h"


typedef struct {
    ngx_http_jimeng_zone_t     *zone;
    ngx_http_request_t         *request;
    jm_ledger_claim_t           claim;
    jm_error_t                  error;      /* with JM_LEDGER_TOLD */
    unsigned                    repeats:1;  /* a repeat would be found */
    unsigned                    found:1;    /* another had entered it */
    unsigned                    answered:1; /* once the reply is taken */
} ngx_http_jimeng_claim_t;


/* what a request takes of its client's limits, until its pool goes */

struct ngx_http_jimeng_hold_s {
    ngx_http_jimeng_zone_t     *zone;
    const jm_client_t          *client;
    ngx_uint_t                  images;     /* the most that it may bring */
    ngx_uint_t                  attached;   /* all are another request's */
    ngx_uint_t                  dry_run;
    jm_hold_t                   hold;
};


/* ngx_http_jimeng_ledger.c: a claim of NULL is one on nothing */

ngx_uint_t ngx_http_jimeng_ledger_kept(ngx_http_request_t *r);
ngx_int_t ngx_http_jimeng_ledger_open(ngx_http_request_t *r,
    u_char *fingerprint, ngx_uint_t n, ngx_uint_t patient,
    ngx_http_jimeng_claim_t **claim, jm_error_t *e);
ngx_uint_t ngx_http_jimeng_ledger_repeats(ngx_http_jimeng_claim_t *c);
ngx_uint_t ngx_http_jimeng_ledger_joins(ngx_http_jimeng_claim_t *claim,
    ngx_uint_t n);
jm_look_e ngx_http_jimeng_ledger_look(ngx_http_jimeng_claim_t *claim,
    ngx_uint_t i, ngx_str_t *id, ngx_uint_t *account);
const jm_error_t *ngx_http_jimeng_ledger_error(ngx_http_jimeng_claim_t *c);
uint64_t ngx_http_jimeng_ledger_entry(ngx_http_jimeng_claim_t *c);

void ngx_http_jimeng_ledger_unsent(ngx_http_jimeng_claim_t *c, ngx_uint_t i);
void ngx_http_jimeng_ledger_unknown(ngx_http_jimeng_claim_t *claim,
    ngx_uint_t i);
void ngx_http_jimeng_ledger_free(ngx_http_jimeng_claim_t *c, ngx_uint_t i);
void ngx_http_jimeng_ledger_left(ngx_http_jimeng_claim_t *c);
void ngx_http_jimeng_ledger_answered(ngx_http_jimeng_claim_t *c);
void ngx_http_jimeng_ledger_sent(ngx_http_jimeng_claim_t *c);
void ngx_http_jimeng_ledger_told(ngx_http_jimeng_claim_t *claim,
    const jm_error_t *e);
void ngx_http_jimeng_ledger_fetched(ngx_http_request_t *r, uint64_t entry,
    ngx_str_t *ids, ngx_uint_t n);

/* ngx_http_jimeng_quota.c */

ngx_int_t ngx_http_jimeng_rate(ngx_http_request_t *r);
ngx_int_t ngx_http_jimeng_rate_check(ngx_http_request_t *r, jm_error_t *e);
ngx_int_t ngx_http_jimeng_client_listed(ngx_http_request_t *r, jm_error_t *e);
ngx_int_t ngx_http_jimeng_hold(ngx_http_request_t *r, ngx_uint_t pictures,
    ngx_uint_t joins, jm_error_t *e);
ngx_int_t ngx_http_jimeng_hold_submit(ngx_http_jimeng_hold_t *hold,
    jm_error_t *e);
void ngx_http_jimeng_hold_release(ngx_http_jimeng_hold_t *hold);


#endif /* _NGX_HTTP_JIMENG_SHARED_H_INCLUDED_ */
