
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * A request's job: what was ordered, its tasks, what they hold and are counted
 * in, and how their results are handed on.  Included by ngx_http_jimeng.h.
 */


#ifndef _NGX_HTTP_JIMENG_JOB_H_INCLUDED_
#define _NGX_HTTP_JIMENG_JOB_H_INCLUDED_


/* ngx_http_jimeng_job.c */

struct ngx_http_jimeng_order_s {
    ngx_str_t                   req_key;
    ngx_http_jimeng_payload_t   submit;     /* the body to be sent */
    ngx_str_t                   req_json;   /* the form of the result */
    ngx_str_t                   data_json;  /* the same, as data; or empty */
    jm_stream_e                 stream;
    ngx_uint_t                  edit;
    ngx_uint_t                  async;      /* answered when submitted */
    unsigned                    gpt;        /* errors as OpenAI's models' */
    ngx_str_t                  *ids;        /* of a retrieval, or NULL */
    ngx_str_t                   task_id;    /* of that, sealed */
    ngx_http_jimeng_account_t  *account;    /* of that, or NULL */
    time_t                      created;    /* of that, or 0 */
    uint64_t                    entry;      /* of that, in the ledger, or 0 */
    ngx_msec_t                  wait;       /* of that, for its end */
    jm_look_t                   look;       /* type: not known yet */
    uint64_t                    kind;       /* of tasks, to the schedule */
    uint32_t                    n;          /* tasks */
    uint32_t                    pictures;   /* that they bring, at most */
    uint32_t                    retries;
    uint32_t                    max_images; /* 0: all */
    uint64_t                    ignored;    /* fields, as jm_request_t's */
};

/* one task: it has an upstream id, and a place in the cycle, of its own */

typedef struct {
    ngx_http_jimeng_job_t      *job;
    ngx_http_jimeng_exchange_t *exchange;
    ngx_log_t                  *log;

    /* ngx_event_ident() reads here, as in ngx_connection_t */
    ngx_socket_t                ident;

    ngx_event_t                 timer;
    jm_task_t                   task;

    ngx_str_t                   id;         /* the upstream's */
    ngx_http_jimeng_payload_t   query;      /* the body to be sent */
    jm_part_t                   part;       /* what became of it */
    jm_error_t                  error;

    jm_place_t                  place;      /* serial 0: it has none */
    ngx_queue_t                 queue;      /* of those that wait for a slot */
    ngx_uint_t                  turn;       /* when it last looked for one */

    int64_t                     code;       /* the upstream's last number */
    ngx_msec_t                  queued;
    ngx_msec_t                  admitted;
    ngx_msec_t                  accepted;
    ngx_msec_t                  asked;      /* last, when it was not over */
    ngx_msec_t                  over;
    unsigned                    own:1;      /* submitted here, or to be */
    unsigned                    waits:1;    /* for a slot */
    unsigned                    follows:1;  /* given up, and asked for */
    unsigned                    quiet:1;    /* refused access was logged */
    unsigned                    pending:1;  /* the upstream says so */
    unsigned                    running:1;
    unsigned                    strange:1;  /* logged once */
} ngx_http_jimeng_task_t;


/* one that is followed has failed, and only its slot is not free */

#define ngx_http_jimeng_task_state(t)                                         \
    ((t)->follows ? JM_TASK_FAILED : (t)->task.state)


struct ngx_http_jimeng_job_s {
    ngx_http_request_t         *request;
    ngx_http_jimeng_account_t  *account;
    ngx_http_jimeng_order_t     order;
    ngx_http_jimeng_task_t     *tasks;
    ngx_http_jimeng_delivery_t *delivery;   /* or NULL: URLs, as one reply */
    ngx_http_jimeng_claim_t    *claim;      /* of the ledger, or NULL */
    ngx_http_jimeng_hold_t     *hold;       /* of limits, or NULL */
    ngx_event_t                 closing;
    ngx_event_t                 taken;      /* looks whether it was */
    time_t                      created;
    ngx_uint_t                  left;       /* tasks that are not over, */
    ngx_uint_t                  following;  /* and that are but upstream */
    ngx_msec_t                  upstream_time;
    ngx_msec_t                  moved;      /* when unsent was less, last */
    ngx_msec_t                  look;       /* the pause until the next */
    ngx_uint_t                  unsent;     /* bytes, or not acknowledged */
    unsigned                    said:1;     /* what it is to the ledger */
    unsigned                    taking:1;   /* the reply is on its way */
    unsigned                    fetched:1;  /* when the client took it */
    unsigned                    gone:1;     /* nobody waits for the reply */
    unsigned                    answered:1; /* before it is over */
    unsigned                    ended:1;    /* but for what it follows */
    unsigned                    shut:1;     /* the client knows the end */
    unsigned                    bound:1;    /* the account is the ledger's */
};

ngx_int_t ngx_http_jimeng_job_start(ngx_http_request_t *r,
    ngx_http_jimeng_order_t *order, ngx_http_jimeng_claim_t *claim);
void ngx_http_jimeng_job_step(ngx_http_jimeng_job_t *job);
void ngx_http_jimeng_job_left(ngx_http_jimeng_job_t *job);
ngx_int_t ngx_http_jimeng_job_bind(ngx_http_jimeng_job_t *job,
    ngx_uint_t number);

/* ngx_http_jimeng_order.c */

ngx_int_t ngx_http_jimeng_query(ngx_pool_t *pool, ngx_str_t *req_key,
    ngx_str_t *id, ngx_str_t *form, ngx_http_jimeng_payload_t *body);
ngx_int_t ngx_http_jimeng_order_fingerprint(ngx_http_request_t *r,
    ngx_http_jimeng_order_t *order, u_char *fingerprint);

/* ngx_http_jimeng_task.c */

void ngx_http_jimeng_task_begin(ngx_http_jimeng_task_t *task);
void ngx_http_jimeng_task_exchanged(ngx_http_jimeng_task_t *task);
void ngx_http_jimeng_task_left(ngx_http_jimeng_task_t *task);
void ngx_http_jimeng_task_close(ngx_http_jimeng_task_t *task);
void ngx_http_jimeng_task_timer(ngx_event_t *ev);
void ngx_http_jimeng_task_drop(ngx_http_jimeng_task_t *task);

/* ngx_http_jimeng_outcome.c */

jm_event_e ngx_http_jimeng_outcome(ngx_http_jimeng_task_t *task,
    jm_visual_call_e call, jm_answer_t *answer);

/* ngx_http_jimeng_slots.c */

ngx_int_t ngx_http_jimeng_slots_init_process(ngx_cycle_t *cycle);
ngx_uint_t ngx_http_jimeng_slot_bound(ngx_http_jimeng_task_t *task);
jm_event_e ngx_http_jimeng_slot_look(ngx_http_jimeng_task_t *task,
    jm_error_t *e);
void ngx_http_jimeng_slot_accepted(ngx_http_jimeng_task_t *task);
void ngx_http_jimeng_slot_refused(ngx_http_jimeng_task_t *task,
    jm_answer_t *answer);
void ngx_http_jimeng_slot_renew(ngx_http_jimeng_task_t *task);
void ngx_http_jimeng_slot_adopt(ngx_http_jimeng_task_t *task);
void ngx_http_jimeng_slot_leave(ngx_http_jimeng_task_t *task,
    jm_leave_e how);

/* ngx_http_jimeng_ledger.c */

char *ngx_http_jimeng_dedupe(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
ngx_uint_t ngx_http_jimeng_ledger_kept(ngx_http_request_t *r);
ngx_int_t ngx_http_jimeng_ledger_open(ngx_http_request_t *r,
    u_char *fingerprint, ngx_uint_t n, ngx_uint_t patient,
    ngx_http_jimeng_claim_t **claim, jm_error_t *e);
jm_look_e ngx_http_jimeng_ledger_look(ngx_http_jimeng_claim_t *claim,
    ngx_uint_t i, ngx_str_t *id, ngx_uint_t *account);
ngx_uint_t ngx_http_jimeng_ledger_joins(ngx_http_jimeng_claim_t *claim,
    ngx_uint_t n);
ngx_uint_t ngx_http_jimeng_ledger_repeats(ngx_http_jimeng_claim_t *claim);
ngx_int_t ngx_http_jimeng_ledger_submit(ngx_http_jimeng_claim_t *claim,
    ngx_uint_t i, ngx_uint_t account);
void ngx_http_jimeng_ledger_unsent(ngx_http_jimeng_claim_t *claim,
    ngx_uint_t i);
void ngx_http_jimeng_ledger_taken(ngx_http_jimeng_claim_t *claim,
    ngx_uint_t i, ngx_str_t *id);
void ngx_http_jimeng_ledger_unknown(ngx_http_jimeng_claim_t *claim,
    ngx_uint_t i);
void ngx_http_jimeng_ledger_free(ngx_http_jimeng_claim_t *claim,
    ngx_uint_t i);
ngx_uint_t ngx_http_jimeng_ledger_over(ngx_http_jimeng_claim_t *claim,
    ngx_uint_t i);
const jm_error_t *ngx_http_jimeng_ledger_error(
    ngx_http_jimeng_claim_t *claim);
uint64_t ngx_http_jimeng_ledger_entry(ngx_http_jimeng_claim_t *claim);
void ngx_http_jimeng_ledger_left(ngx_http_jimeng_claim_t *claim);
void ngx_http_jimeng_ledger_answered(ngx_http_jimeng_claim_t *claim);
void ngx_http_jimeng_ledger_sent(ngx_http_jimeng_claim_t *claim);
void ngx_http_jimeng_ledger_told(ngx_http_jimeng_claim_t *claim,
    const jm_error_t *e);

/* ngx_http_jimeng_taken.c */

void ngx_http_jimeng_taken_reply(ngx_http_jimeng_job_t *job, ngx_int_t rc);
ngx_int_t ngx_http_jimeng_taken(ngx_http_jimeng_job_t *job);
void ngx_http_jimeng_taken_stop(ngx_http_jimeng_job_t *job);
void ngx_http_jimeng_taken_fetched(ngx_http_jimeng_job_t *job);

/* ngx_http_jimeng_quota.c */

ngx_int_t ngx_http_jimeng_rate(ngx_http_request_t *r);
ngx_int_t ngx_http_jimeng_rate_check(ngx_http_request_t *r, jm_error_t *e);
ngx_int_t ngx_http_jimeng_hold(ngx_http_request_t *r,
    ngx_http_jimeng_order_t *order, ngx_http_jimeng_claim_t *claim,
    jm_error_t *e);
ngx_int_t ngx_http_jimeng_hold_submit(ngx_http_jimeng_hold_t *hold,
    jm_error_t *e);
void ngx_http_jimeng_hold_delivered(ngx_http_jimeng_hold_t *hold,
    ngx_uint_t n);
void ngx_http_jimeng_hold_release(ngx_http_jimeng_hold_t *hold);
ngx_int_t ngx_http_jimeng_usage(ngx_http_request_t *r, ngx_str_t *name);

/* ngx_http_jimeng_metrics.c */

/*
 * What a task is counted by; they do nothing without a zone.  An exchange is
 * counted when its answer was read, and a task when it is over, if this
 * request submitted it, or was to.
 */

ngx_int_t ngx_http_jimeng_metrics_init(ngx_conf_t *cf);
void ngx_http_jimeng_metrics_told(ngx_http_request_t *r, jm_cause_e cause);
void ngx_http_jimeng_metrics_admitted(ngx_http_jimeng_task_t *task,
    ngx_msec_t waited);
void ngx_http_jimeng_metrics_exchange(ngx_http_jimeng_task_t *task,
    jm_visual_call_e call, jm_answer_t *answer, ngx_msec_t time);
void ngx_http_jimeng_metrics_over(ngx_http_jimeng_task_t *task);
void ngx_http_jimeng_metrics_images(ngx_http_jimeng_task_t *task,
    ngx_uint_t n);

/* ngx_http_jimeng_log.c */

void ngx_http_jimeng_log_answer(ngx_http_jimeng_task_t *task,
    jm_answer_t *answer);
void ngx_http_jimeng_log_denied(ngx_http_jimeng_task_t *task,
    jm_answer_t *answer, ngx_uint_t model_only);

/* ngx_http_jimeng_pass.c */

/*
 * Sets what comes before and after a picture's base64, the number of which
 * counts from 0; the client's reply has to be under way when it returns.
 */

typedef ngx_int_t (*ngx_http_jimeng_picture_pt)(void *data,
    ngx_uint_t number, jm_picture_type_e type, ngx_str_t *before,
    ngx_str_t *after);

/* the pictures of one task on their way from the upstream to the client */

typedef struct {
    ngx_http_request_t         *request;
    ngx_http_jimeng_picture_pt  handler;
    void                       *data;

    jm_pass_t                   scan;
    ngx_chain_t                *free;
    ngx_chain_t                *busy;
    ngx_str_t                   after;
    ngx_uint_t                  limit;      /* pictures that are wanted */
    ngx_uint_t                  pictures;   /* that have gone on, whole */
    unsigned                    begun:1;    /* some base64 went on */
    unsigned                    inside:1;   /* and more is to come */
    unsigned                    empty:1;    /* a picture of no bytes */
    unsigned                    lost:1;     /* the client's connection is */
} ngx_http_jimeng_pass_t;

void ngx_http_jimeng_pass_init(ngx_http_jimeng_pass_t *p, ngx_uint_t limit);
ngx_int_t ngx_http_jimeng_pass_filter(ngx_http_jimeng_pass_t *p,
    ngx_chain_t *in, jm_buf_t *rest);
ngx_uint_t ngx_http_jimeng_pass_busy(ngx_http_jimeng_pass_t *p);

/* ngx_http_jimeng_exchange.c */

ngx_int_t ngx_http_jimeng_exchange_init(ngx_conf_t *cf);
ngx_http_jimeng_exchange_t *ngx_http_jimeng_exchange_start(
    ngx_http_request_t *r, ngx_str_t *uri, ngx_http_jimeng_account_t *account,
    jm_visual_call_e call, ngx_http_jimeng_payload_t *body,
    ngx_http_jimeng_pass_t *pass);
void ngx_http_jimeng_exchange_wake(ngx_http_jimeng_exchange_t *x);
ngx_uint_t ngx_http_jimeng_exchange_passes(ngx_http_jimeng_exchange_t *x);
ngx_uint_t ngx_http_jimeng_exchange_ended(ngx_http_jimeng_exchange_t *x);
ngx_msec_t ngx_http_jimeng_exchange_time(ngx_http_jimeng_exchange_t *x);
ngx_int_t ngx_http_jimeng_exchange_take_back(ngx_http_jimeng_exchange_t *x);
ngx_int_t ngx_http_jimeng_exchange_cancel(ngx_http_jimeng_exchange_t *x);
void ngx_http_jimeng_exchange_unlimited(ngx_http_request_t *r);

/* ngx_http_jimeng_exchange_pool.c */

void ngx_http_jimeng_exchange_destroy(ngx_http_jimeng_exchange_t *x);
ngx_int_t ngx_http_jimeng_exchange_keep(ngx_http_jimeng_exchange_t *x);

/* ngx_http_jimeng_answer.c */

jm_rc_e ngx_http_jimeng_answer_read(ngx_http_jimeng_exchange_t *x,
    jm_visual_call_e call, jm_answer_t *answer);

/* ngx_http_jimeng_schedule.c */

char *ngx_http_jimeng_poll_interval(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_jimeng_schedule_merge(ngx_conf_t *cf,
    ngx_http_jimeng_loc_conf_t *conf);
ngx_msec_t ngx_http_jimeng_schedule_fixed(ngx_http_jimeng_loc_conf_t *jlcf);
ngx_msec_t ngx_http_jimeng_schedule_next(ngx_http_jimeng_task_t *task);
void ngx_http_jimeng_schedule_learn(ngx_http_jimeng_task_t *task,
    ngx_msec_t time);

/* ngx_http_jimeng_retrieve.c */

/* what one who only asks for a task that brought no picture has seen of it */

typedef enum {
    NGX_HTTP_JIMENG_SEEN_END = 0,
    NGX_HTTP_JIMENG_SEEN_OPEN,      /* the upstream is at work on it */
    NGX_HTTP_JIMENG_SEEN_NOTHING    /* the upstream could not be asked */
} ngx_http_jimeng_seen_e;

ngx_int_t ngx_http_jimeng_retrieve(ngx_http_request_t *r, ngx_str_t *name);
void ngx_http_jimeng_retrieve_answer(ngx_http_jimeng_task_t *task,
    jm_answer_t *answer);
ngx_http_jimeng_seen_e ngx_http_jimeng_retrieve_seen(
    ngx_http_jimeng_task_t *task);
ngx_int_t ngx_http_jimeng_retrieve_reply(ngx_http_jimeng_job_t *job);
ngx_int_t ngx_http_jimeng_retrieve_failed(ngx_http_jimeng_job_t *job);

/* ngx_http_jimeng_result.c */

ngx_int_t ngx_http_jimeng_result_send(ngx_http_jimeng_job_t *job);
ngx_int_t ngx_http_jimeng_result_picture(ngx_http_jimeng_delivery_t *d,
    jm_picture_type_e type, ngx_str_t *before, ngx_str_t *after);
ngx_int_t ngx_http_jimeng_result_end(ngx_http_jimeng_delivery_t *d);
ngx_int_t ngx_http_jimeng_result_error(ngx_http_jimeng_job_t *job);
ngx_int_t ngx_http_jimeng_result_status(ngx_http_jimeng_job_t *job,
    jm_status_e status);
const jm_error_t *ngx_http_jimeng_result_why(ngx_http_jimeng_job_t *job);
const jm_part_t *ngx_http_jimeng_result_part(ngx_http_jimeng_job_t *job,
    ngx_uint_t i);
ngx_uint_t ngx_http_jimeng_result_paid(ngx_http_jimeng_job_t *job);

/* ngx_http_jimeng_ticket.c */

ngx_int_t ngx_http_jimeng_ticket(ngx_http_jimeng_job_t *job, jm_str_t *id);
ngx_uint_t ngx_http_jimeng_ticket_fits(ngx_http_request_t *r,
    ngx_http_jimeng_order_t *order);

/* ngx_http_jimeng_deliver.c */

struct ngx_http_jimeng_delivery_s {
    ngx_http_jimeng_job_t      *job;
    ngx_http_jimeng_exchange_t *exchange;
    ngx_log_t                  *log;

    /* ngx_event_ident() reads here, as in ngx_connection_t */
    ngx_socket_t                ident;

    ngx_event_t                 timer;      /* before one more attempt */
    ngx_event_t                 heartbeat;
    ngx_buf_t                   comment;    /* what it sends */
    ngx_http_jimeng_pass_t      pass;
    jm_part_t                  *parts;      /* what was handed on of each */
    ngx_http_jimeng_task_t     *task;       /* whose pictures are under way */
    ngx_uint_t                  attempts;
    uint32_t                    handed;     /* a bit for each task */
    jm_picture_type_e           type;       /* of the first as data */
    unsigned                    begun:1;    /* the header was sent */
    unsigned                    any:1;      /* a picture was handed on */
    unsigned                    told:1;     /* and with it what failed */
    unsigned                    cut:1;      /* no more can be sent */
};

ngx_int_t ngx_http_jimeng_deliver_create(ngx_http_jimeng_job_t *job);
ngx_int_t ngx_http_jimeng_deliver(ngx_http_jimeng_job_t *job);
ngx_uint_t ngx_http_jimeng_deliver_last(ngx_http_jimeng_delivery_t *d);
ngx_int_t ngx_http_jimeng_deliver_event(ngx_http_jimeng_job_t *job);
void ngx_http_jimeng_deliver_stop(ngx_http_jimeng_job_t *job);
void ngx_http_jimeng_deliver_destroy(ngx_http_jimeng_job_t *job);

/* ngx_http_jimeng_stream.c */

ngx_int_t ngx_http_jimeng_stream_step(ngx_http_jimeng_delivery_t *d);
ngx_int_t ngx_http_jimeng_stream_urls(ngx_http_jimeng_delivery_t *d,
    ngx_uint_t limit);
ngx_int_t ngx_http_jimeng_stream_picture(ngx_http_jimeng_delivery_t *d,
    ngx_uint_t number, jm_picture_type_e type, ngx_str_t *before,
    ngx_str_t *after);
ngx_int_t ngx_http_jimeng_stream_end(ngx_http_jimeng_delivery_t *d);


#endif /* _NGX_HTTP_JIMENG_JOB_H_INCLUDED_ */
