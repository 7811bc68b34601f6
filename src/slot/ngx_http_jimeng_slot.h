
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * The floor "slot": the slots of accounts and who waits for them, and what
 * becomes of a task in all that is shared, as one change.
 */


#ifndef _NGX_HTTP_JIMENG_SLOT_H_INCLUDED_
#define _NGX_HTTP_JIMENG_SLOT_H_INCLUDED_


#include "ngx_http_jimeng_shared.h"


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
    uint64_t                    entry;      /* in the ledger, 0: none */
    ngx_uint_t                  task;       /* its number there */
    const jm_client_t          *client;     /* who pays, or NULL */
    unsigned                    bound:1;    /* as another task has it */
    unsigned                    fixed:1;    /* bound, and for good */
} ngx_http_jimeng_slot_wish_t;

/* a task, and all that its request has of what is shared */

typedef struct {
    ngx_http_jimeng_claim_t    *claim;
    ngx_uint_t                  task;       /* its number in the claim */
    ngx_http_jimeng_slot_t     *slot;
    ngx_http_jimeng_account_t  *account;
    ngx_http_jimeng_hold_t     *hold;

    /* with _over(): */

    jm_leave_e                  how;
    ngx_uint_t                  images;     /* that the task brought */
    ngx_str_t                  *joined;     /* id of another one's, or NULL */
    unsigned                    left:1;     /* who follows it sees its end */
} ngx_http_jimeng_settle_t;


/* ngx_http_jimeng_slots.c */

ngx_int_t ngx_http_jimeng_slots_init_process(ngx_cycle_t *cycle);
ngx_int_t ngx_http_jimeng_slot_init(ngx_http_jimeng_slot_t *slot,
    ngx_http_request_t *r, ngx_event_t *event);
jm_queue_e ngx_http_jimeng_slot_look(ngx_http_jimeng_slot_t *slot,
    ngx_http_jimeng_slot_wish_t *wish, uint64_t *wait);
jm_queue_e ngx_http_jimeng_slot_busy(ngx_http_jimeng_slot_t *slot,
    ngx_uint_t tasks, uint64_t *wait);
jm_queue_e ngx_http_jimeng_slot_denied(ngx_http_jimeng_slot_t *slot,
    ngx_uint_t model_only, uint64_t *wait, unsigned *first);
void ngx_http_jimeng_slot_renew(ngx_http_jimeng_slot_t *slot);
void ngx_http_jimeng_slot_stop(ngx_http_jimeng_slot_t *slot);
void ngx_http_jimeng_slot_adopt(ngx_http_jimeng_slot_t *slot,
    ngx_http_jimeng_account_t *account, ngx_str_t *id);
ngx_uint_t ngx_http_jimeng_slot_orphan(ngx_http_jimeng_slot_t *slot,
    ngx_msec_t pause, jm_orphan_t *orphan);
void ngx_http_jimeng_slot_leave(ngx_http_jimeng_slot_t *s, jm_leave_e how);

/* ngx_http_jimeng_settle.c */

ngx_int_t ngx_http_jimeng_settle_submit(ngx_http_jimeng_settle_t *s,
    jm_error_t *e);
void ngx_http_jimeng_settle_accepted(ngx_http_jimeng_settle_t *s,
    ngx_str_t *id);
ngx_uint_t ngx_http_jimeng_settle_over(ngx_http_jimeng_settle_t *s);
void ngx_http_jimeng_settle_leave(ngx_http_jimeng_settle_t *s);
void ngx_http_jimeng_settle_orphan(ngx_http_request_t *r, jm_orphan_t *orphan,
    const jm_answer_t *answer);


#endif /* _NGX_HTTP_JIMENG_SLOT_H_INCLUDED_ */
