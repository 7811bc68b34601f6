
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * The floor "task": a task of a request, and what a request's tasks share.
 */


#ifndef _NGX_HTTP_JIMENG_TASK_H_INCLUDED_
#define _NGX_HTTP_JIMENG_TASK_H_INCLUDED_


#include "ngx_http_jimeng_request.h"


typedef struct {
    ngx_http_jimeng_job_t      *job;
    ngx_http_jimeng_exchange_t *exchange;   /* NULL: none is under way */
    ngx_http_jimeng_exchange_t *answered;   /* one whose result is taken */
    ngx_log_t                  *log;
    ngx_socket_t                ident;      /* ngx_event_ident() reads it */
    ngx_event_t                 timer;
    jm_task_t                   task;       /* its state */
    ngx_http_jimeng_slot_t      slot;
    ngx_str_t                   id;         /* the upstream's */
    ngx_str_t                   request_id; /* of its last answer */
    ngx_http_jimeng_payload_t   query;
    jm_part_t                   part;       /* its pictures, or its error */
    jm_error_t                  error;
    int64_t                     code;       /* the upstream's last one */
    ngx_str_t                   code_name;  /* Ark's, which has no numbers */
    ngx_uint_t                  tries;      /* submits that were sent */
    uint32_t                    handed;     /* its pictures, in bits: or lost */
    ngx_uint_t                  denied;     /* queries refused, in a row */
    ngx_msec_t                  accepted;   /* when it was; or joined */
    ngx_msec_t                  asked;      /* the last time it still ran */
    ngx_msec_t                  finished;   /* when its result was known */
    unsigned                    own:1;      /* submitted here, or to be */
    unsigned                    follows:1;  /* timed out, keeps its slot */
    unsigned                    denied_logged:1;
    unsigned                    pending:1;  /* the upstream said: not over */
    unsigned                    running:1;  /* and said: "generating" */
    unsigned                    held:1;     /* by another request's task */
    unsigned                    strange_logged:1;
} ngx_http_jimeng_task_t;


typedef enum {      /* ngx_http_jimeng_job.c says how one leads to another */
    NGX_HTTP_JIMENG_WAITING = 0,    /* the client, for more of the reply */
    NGX_HTTP_JIMENG_ANSWERED,       /* the reply is whole, and on its way */
    NGX_HTTP_JIMENG_ENDED,          /* the client took it */
    NGX_HTTP_JIMENG_GONE            /* nobody waits for it any more */
} ngx_http_jimeng_state_e;


struct ngx_http_jimeng_job_s {
    ngx_http_request_t         *request;
    ngx_http_jimeng_task_t     *tasks;
    struct ngx_http_jimeng_delivery_s  *delivery;   /* NULL: only URLs */
    ngx_socket_t                ident;      /* as a task's */
    struct ngx_http_jimeng_watch_s  *watch;     /* what src/job looks at */
    ngx_http_jimeng_state_e     state;
    ngx_http_jimeng_account_t  *account;
    ngx_http_jimeng_order_t     order;
    ngx_http_jimeng_claim_t    *claim;      /* NULL: none in the ledger */
    ngx_http_jimeng_hold_t     *hold;       /* NULL: no limits */
    ngx_http_jimeng_orphan_t   *orphan;     /* NULL: never asked for one */
    ngx_http_posted_request_t   posted;     /* to run request once more */
    ngx_uint_t                  unfinished; /* tasks without a result */
    ngx_uint_t                  following;  /* tasks with "follows" */
    ngx_msec_t                  upstream_time;  /* sum of all exchanges */
    unsigned                    bound:1;    /* the ledger named the account */
    unsigned                    ending:1;   /* nothing is begun any more */
};


/* in the order of these files: log, line, admit, submit, outcome, task_end */

void ngx_http_jimeng_log_answer(ngx_http_jimeng_task_t *t, jm_answer_t *a);
void ngx_http_jimeng_log_denied(ngx_http_jimeng_task_t *task);
void ngx_http_jimeng_line(ngx_http_request_t *r,
    ngx_http_jimeng_account_t *account, const jm_op_orphan_t *op);
void ngx_http_jimeng_admit_look(ngx_http_jimeng_task_t *task);
jm_look_e ngx_http_jimeng_admit_looked(ngx_http_jimeng_task_t *task);
void ngx_http_jimeng_admit_unknown(ngx_http_jimeng_task_t *task,
    jm_look_e look, jm_error_t *e);
void ngx_http_jimeng_admit(ngx_http_jimeng_task_t *task);
ngx_uint_t ngx_http_jimeng_admit_elsewhere(ngx_http_jimeng_task_t *task);
jm_event_e ngx_http_jimeng_admitted(ngx_http_jimeng_task_t *t, jm_error_t *e);
ngx_uint_t ngx_http_jimeng_admit_refused(ngx_http_jimeng_task_t *task);
void ngx_http_jimeng_admit_again(ngx_http_jimeng_task_t *task);
void ngx_http_jimeng_submit(ngx_http_jimeng_task_t *task);
ngx_int_t ngx_http_jimeng_submit_may(ngx_http_jimeng_task_t *t, jm_error_t *e);
void ngx_http_jimeng_submit_unsent(ngx_http_jimeng_task_t *task);
ngx_uint_t ngx_http_jimeng_outcome_read(ngx_http_jimeng_task_t *task);
jm_event_e ngx_http_jimeng_outcome(ngx_http_jimeng_task_t *task);
void ngx_http_jimeng_outcome_progress(ngx_http_jimeng_task_t *task);
ngx_int_t ngx_http_jimeng_outcome_pictures(ngx_http_jimeng_task_t *task,
    const jm_answer_t *answer);
void ngx_http_jimeng_outcome_result(ngx_http_jimeng_task_t *t, jm_answer_t *a);
void ngx_http_jimeng_task_done(ngx_http_jimeng_task_t *t, const jm_answer_t *a);
void ngx_http_jimeng_task_failed(ngx_http_jimeng_task_t *task,
    jm_cause_e cause, const jm_answer_t *answer);
ngx_int_t ngx_http_jimeng_task_init(ngx_http_jimeng_task_t *task,
    ngx_http_jimeng_job_t *job, const jm_task_limits_t *limits);
jm_task_state_e ngx_http_jimeng_task_state(ngx_http_jimeng_task_t *task);
void ngx_http_jimeng_task_begin(ngx_http_jimeng_task_t *task);
void ngx_http_jimeng_task_exchanged(ngx_http_jimeng_task_t *task);
void ngx_http_jimeng_task_left(ngx_http_jimeng_task_t *task);
void ngx_http_jimeng_task_close(ngx_http_jimeng_task_t *task);
void ngx_http_jimeng_task_stop(ngx_http_jimeng_task_t *task);
void ngx_http_jimeng_task_drop(ngx_http_jimeng_task_t *task);


#endif /* _NGX_HTTP_JIMENG_TASK_H_INCLUDED_ */
