
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * The floor "slot": which service makes a request's model, and a task's slot of
 * an account, or its place in the queue for one.
 */


#ifndef _NGX_HTTP_JIMENG_SLOT_H_INCLUDED_
#define _NGX_HTTP_JIMENG_SLOT_H_INCLUDED_


#include "ngx_http_jimeng_shared.h"


/*
 * Besides its place: what is asked about the task, and who is told the answers
 * when they are there.
 */

typedef struct {
    ngx_http_request_t         *request;
    ngx_http_jimeng_zone_t     *zone;
    ngx_event_t                *event;      /* called to look again */
    ngx_http_jimeng_await_t     await;      /* for one operation at a time */
    jm_done_t                   looked;
    jm_done_t                   placed;
    jm_done_t                   submitted;
    jm_done_t                   refused;
    jm_mem_t                    mem;        /* of the request's pool */
    u_char                      client[JM_QUEUE_CLIENT];
    jm_place_t                  place;      /* serial 0: no place */
    jm_op_place_t               op;
    jm_op_refused_t             refusal;
    jm_op_look_t                look;
    jm_op_submit_t              submit;
    jm_op_over_t                over;
    ngx_rbtree_node_t           node;       /* by the place's serial */
    ngx_queue_t                 asking;     /* while its place is asked for */
    ngx_uint_t                  turn;       /* the last it looked in */
    ngx_uint_t                  position;   /* at arrival; 0: no wait */
    ngx_msec_t                  queued;     /* a time; 0: it never was */
    ngx_msec_t                  granted;    /* a time; 0: not yet */
    jm_event_e                  meanwhile;  /* of its task, before an answer */
    unsigned                    missed:1;   /* it was to look, and asks */
    unsigned                    parked:1;   /* another task asks for the hold */
    unsigned                    unsent:1;   /* its submit was not sent */
    unsigned                    waits:1;    /* node is in the tree */
    unsigned                    waited:1;   /* it had a place there, once */
} ngx_http_jimeng_slot_t;

typedef struct {
    ngx_http_jimeng_account_t  *account;    /* the request's, so far */
    ngx_str_t                  *req_key;
    uint64_t                    deadline;   /* on ngx_current_msec's clock */
    uint64_t                    entry;      /* in the ledger, 0: none */
    ngx_uint_t                  task;       /* its number there */
    const jm_client_t          *client;     /* who pays, or NULL */
    uint64_t                    price;      /* of a picture, in millionths */
    ngx_uint_t                  pictures;   /* that it may bring */
    jm_op_submit_t             *submit;     /* once it is granted; or NULL */
    unsigned                    bound:1;    /* as another task has it */
    unsigned                    fixed:1;    /* bound, and for good */
} ngx_http_jimeng_slot_wish_t;


/*
 * A request of a model that both services make.  What it is known by is not in
 * the words of either: the digest is of what its client has sent.
 */

typedef struct {
    ngx_http_request_t         *request;
    const jm_model_t           *rows[JM_QUEUE_SERVICES];    /* in order */
    jm_models_t                 table;      /* of the one it is read for */
    jm_done_t                   done;
    jm_op_service_t             op;
    ngx_http_jimeng_await_t     await;
    jm_digest_t                 digest;
    ngx_uint_t                  part;       /* of its body, and how much */
    uint64_t                    offset;     /* of that was digested */
    unsigned                    good:1;     /* it was read without error */
} ngx_http_jimeng_service_t;


/* ngx_http_jimeng_service.c */

ngx_http_jimeng_service_t *ngx_http_jimeng_service_create(
    ngx_http_request_t *r, ngx_pool_t *pool, const jm_model_t *first,
    const jm_model_t *second);
void ngx_http_jimeng_service_ask(ngx_http_jimeng_service_t *s);
void ngx_http_jimeng_service_log(ngx_http_jimeng_service_t *s);

/* ngx_http_jimeng_slots.c */

ngx_int_t ngx_http_jimeng_slots_init_process(ngx_cycle_t *cycle);
ngx_int_t ngx_http_jimeng_slot_init(ngx_http_jimeng_slot_t *slot,
    ngx_http_request_t *r, ngx_event_t *event,
    ngx_http_posted_request_t *posted);
void ngx_http_jimeng_slot_look(ngx_http_jimeng_slot_t *slot,
    ngx_http_jimeng_slot_wish_t *wish);
void ngx_http_jimeng_slot_refused(ngx_http_jimeng_slot_t *slot,
    jm_refused_e why);
void ngx_http_jimeng_slot_renew(ngx_http_jimeng_slot_t *slot);
void ngx_http_jimeng_slot_stop(ngx_http_jimeng_slot_t *slot);
void ngx_http_jimeng_slot_leave(ngx_http_jimeng_slot_t *s, jm_leave_e how);


#endif /* _NGX_HTTP_JIMENG_SLOT_H_INCLUDED_ */
