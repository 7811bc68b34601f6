
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * The floor "shared": what requests share by the zone: the slots of accounts
 * and who waits for them, the ledger of what was asked, the limits of clients.
 */


#ifndef _NGX_HTTP_JIMENG_SHARED_H_INCLUDED_
#define _NGX_HTTP_JIMENG_SHARED_H_INCLUDED_


#include "ngx_http_jimeng_zone.h"

#include "jm_task.h"


typedef struct ngx_http_jimeng_claim_s  ngx_http_jimeng_claim_t;


/* a task's slot of an account, or its place in the queue for one */

typedef struct {
    ngx_http_request_t         *request;
    ngx_http_jimeng_zone_t     *zone;
    ngx_event_t                *event;      /* called to look again */
    u_char                      client[JM_QUEUE_CLIENT];
    jm_place_t                  place;      /* serial 0: no place */
    ngx_queue_t                 queue;      /* slots this worker waits for */
    ngx_uint_t                  turn;       /* the last it looked in */
    ngx_msec_t                  queued;     /* a time; 0: it never was */
    ngx_msec_t                  granted;    /* a time; 0: not yet */
    unsigned                    waits:1;    /* queue is in that list */
} ngx_http_jimeng_slot_t;

typedef struct {
    ngx_http_jimeng_account_t  *account;    /* the request's, so far */
    ngx_str_t                  *req_key;
    uint64_t                    deadline;   /* on ngx_current_msec's clock */
    unsigned                    bound:1;    /* as another task has it */
    unsigned                    fixed:1;    /* bound, and for good */
} ngx_http_jimeng_slot_wish_t;


/* ngx_http_jimeng_slots.c */

ngx_int_t ngx_http_jimeng_slots_init_process(ngx_cycle_t *cycle);
ngx_int_t ngx_http_jimeng_slot_init(ngx_http_jimeng_slot_t *slot,
    ngx_http_request_t *r, ngx_event_t *event);
jm_queue_e ngx_http_jimeng_slot_look(ngx_http_jimeng_slot_t *slot,
    ngx_http_jimeng_slot_wish_t *wish, uint64_t *wait);
void ngx_http_jimeng_slot_accepted(ngx_http_jimeng_slot_t *s, ngx_str_t *id);
jm_queue_e ngx_http_jimeng_slot_busy(ngx_http_jimeng_slot_t *slot,
    ngx_uint_t tasks, uint64_t *wait);
jm_queue_e ngx_http_jimeng_slot_denied(ngx_http_jimeng_slot_t *slot,
    ngx_uint_t model_only, uint64_t *wait, unsigned *first);
void ngx_http_jimeng_slot_renew(ngx_http_jimeng_slot_t *slot);
void ngx_http_jimeng_slot_adopt(ngx_http_jimeng_slot_t *slot,
    ngx_http_jimeng_account_t *account, ngx_str_t *id);
void ngx_http_jimeng_slot_leave(ngx_http_jimeng_slot_t *s, jm_leave_e how);
void ngx_http_jimeng_slot_ended(ngx_http_jimeng_slot_t *slot,
    ngx_http_jimeng_account_t *account, ngx_str_t *id);

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

ngx_int_t ngx_http_jimeng_ledger_submit(ngx_http_jimeng_claim_t *claim,
    ngx_uint_t i, ngx_uint_t account);
void ngx_http_jimeng_ledger_unsent(ngx_http_jimeng_claim_t *c, ngx_uint_t i);
void ngx_http_jimeng_ledger_accepted(ngx_http_jimeng_claim_t *claim,
    ngx_uint_t i, ngx_str_t *id);
void ngx_http_jimeng_ledger_unknown(ngx_http_jimeng_claim_t *claim,
    ngx_uint_t i);
void ngx_http_jimeng_ledger_free(ngx_http_jimeng_claim_t *c, ngx_uint_t i);
ngx_uint_t ngx_http_jimeng_ledger_over(ngx_http_jimeng_claim_t *claim,
    ngx_uint_t i);
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
void ngx_http_jimeng_hold_delivered(ngx_http_jimeng_hold_t *hold,
    ngx_uint_t n);
void ngx_http_jimeng_hold_release(ngx_http_jimeng_hold_t *hold);


#endif /* _NGX_HTTP_JIMENG_SHARED_H_INCLUDED_ */
