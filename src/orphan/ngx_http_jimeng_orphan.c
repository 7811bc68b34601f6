
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * Tasks that nobody follows, as their workers were killed or nginx was
 * restarted: who comes for a slot of the same account asks the upstream about
 * them, one at a time, with the credentials of today.
 */


#include "ngx_http_jimeng_orphan.h"


/* milliseconds between two looks of those that need not wait */

#define NGX_HTTP_JIMENG_ORPHAN_PAUSE  200


struct ngx_http_jimeng_orphan_s {
    ngx_pool_t                 *pool;       /* of one exchange */
    ngx_http_jimeng_exchange_t *exchange;   /* NULL: none is under way */
    ngx_http_jimeng_account_t  *account;
    ngx_http_jimeng_payload_t   query;
    ngx_http_request_t         *request;
    ngx_http_jimeng_orphan_pt   found;
    ngx_str_t                   id;         /* of what op has found, */
    ngx_str_t                   req_key;    /* and of its model */
    jm_op_orphan_t              op;
    ngx_http_jimeng_await_t     await;
    ngx_http_posted_request_t   posted;     /* runs request after it */
    ngx_uint_t                  stopped;    /* nothing is asked any more */
};


static ngx_int_t ngx_http_jimeng_orphan_pause(jm_queue_e rc);
static void ngx_http_jimeng_orphan_found(void *data);
static ngx_int_t ngx_http_jimeng_orphan_ask(ngx_http_request_t *r,
    ngx_http_jimeng_orphan_t *o);
static void ngx_http_jimeng_orphan_answered(ngx_http_request_t *r,
    ngx_http_jimeng_orphan_t *o);
static void ngx_http_jimeng_orphan_settle(ngx_http_jimeng_orphan_t *o,
    const jm_answer_t *answer);
static void ngx_http_jimeng_orphan_counted(void *data);
static void ngx_http_jimeng_orphan_done(ngx_http_jimeng_orphan_t *o);


/* when one that need not wait has looked in this worker */

static ngx_msec_t  ngx_http_jimeng_orphan_looked;


/*
 * A request has come for a slot: looks for a task to ask for, now and then if
 * it need not wait.  *orphan is NULL at first.  A worker that is to exit may
 * have old keys.
 */

void
ngx_http_jimeng_orphan_look(ngx_http_jimeng_slot_t *slot, jm_queue_e rc,
    ngx_http_jimeng_orphan_t **orphan, ngx_http_jimeng_orphan_pt found)
{
    ngx_uint_t                    i;
    ngx_http_request_t           *r;
    ngx_http_jimeng_zone_t       *zone;
    ngx_http_jimeng_orphan_t     *o;
    ngx_http_jimeng_account_t   **account;
    ngx_http_jimeng_loc_conf_t   *jlcf;

    r = slot->request;
    o = *orphan;

    if (ngx_exiting || (o && (o->exchange || o->await.waits))
        || ngx_http_jimeng_orphan_pause(rc) != NGX_OK)
    {
        return;
    }

    if (o == NULL) {
        o = ngx_pcalloc(r->pool, sizeof(ngx_http_jimeng_orphan_t));
        if (o == NULL) {
            return;
        }

        o->request = r;
        o->found = found;

        ngx_http_jimeng_await_init(&o->await, r, &o->posted);

        *orphan = o;
    }

    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);

    o->op.pause = ngx_http_jimeng_poll_fixed(jlcf);
    o->op.accounts = 0;

    account = jlcf->accounts->elts;

    for (i = 0; i < jlcf->accounts->nelts; i++) {
        o->op.accounts |= (uint64_t) 1 << account[i]->queue_number;
    }

    ngx_http_jimeng_await(&o->await, &o->op.done, ngx_http_jimeng_orphan_found,
                          o);

    zone = slot->zone;

    zone->backend.orphan(&zone->backend, &o->op);

    ngx_http_jimeng_awaited(&o->await);
}


/* NGX_DECLINED: one that came for a slot is not to look now */

static ngx_int_t
ngx_http_jimeng_orphan_pause(jm_queue_e rc)
{
    if (rc != JM_QUEUE_GRANTED) {
        return (rc == JM_QUEUE_WAIT) ? NGX_OK : NGX_DECLINED;
    }

    if (ngx_current_msec - ngx_http_jimeng_orphan_looked
        < NGX_HTTP_JIMENG_ORPHAN_PAUSE)
    {
        return NGX_DECLINED;
    }

    ngx_http_jimeng_orphan_looked = ngx_current_msec;

    return NGX_OK;
}


static void
ngx_http_jimeng_orphan_found(void *data)
{
    ngx_http_jimeng_orphan_t *o = data;

    ngx_http_jimeng_main_conf_t  *jmcf;

    if (o->op.away || !o->op.found || o->stopped || o->await.torn) {
        return;
    }

    jmcf = ngx_http_get_module_main_conf(o->request, ngx_http_jimeng_module);

    o->account = ngx_http_jimeng_account_numbered(&jmcf->accounts,
                                                  o->op.orphan.account);

    if (o->account && ngx_http_jimeng_orphan_ask(o->request, o) != NGX_OK) {
        ngx_http_jimeng_orphan_done(o);
    }
}


static ngx_int_t
ngx_http_jimeng_orphan_ask(ngx_http_request_t *r,
    ngx_http_jimeng_orphan_t *o)
{
    static ngx_str_t  form = ngx_string("{\"return_url\":true}");

    o->pool = ngx_create_pool(1024, r->pool->log);
    if (o->pool == NULL) {
        return NGX_ERROR;
    }

    o->req_key.len = o->op.orphan.key_len;
    o->req_key.data = o->op.orphan.key;

    o->id.len = o->op.orphan.len;
    o->id.data = o->op.orphan.id;

    if (ngx_http_jimeng_query(o->pool, &o->req_key, &o->id, &form, &o->query)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    o->exchange = ngx_http_jimeng_exchange_start(r, o->account,
                                                 JM_VISUAL_QUERY, &o->query,
                                                 NULL);

    return o->exchange ? NGX_OK : NGX_ERROR;
}


/* the request's write handler was called: the exchange may have ended */

void
ngx_http_jimeng_orphan_event(ngx_http_request_t *r,
    ngx_http_jimeng_orphan_t *o)
{
    if (o == NULL || o->exchange == NULL) {
        return;
    }

    if (!ngx_http_jimeng_exchange_ended(o->exchange)) {
        ngx_http_jimeng_exchange_wake(o->exchange);
        return;
    }

    ngx_http_jimeng_orphan_answered(r, o);
    ngx_http_jimeng_orphan_done(o);
}


static void
ngx_http_jimeng_orphan_answered(ngx_http_request_t *r,
    ngx_http_jimeng_orphan_t *o)
{
    jm_str_t      model;
    ngx_log_t    *log;
    jm_answer_t  *answer;

    log = r->connection->log;
    answer = &o->exchange->result;

    if (ngx_http_jimeng_answer_read(o->exchange) != JM_OK) {
        return;
    }

    ngx_http_jimeng_str(&model, &o->req_key);

    ngx_http_jimeng_metrics_orphan(r, model, o->account, answer,
                                   o->exchange->time);

    if (answer->event == JM_EVENT_TROUBLE) {
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "jimeng: task \"%V\" of account \"%V\", which nobody "
                      "follows, was asked for and not answered, upstream code: "
                      "%L", &o->id, &o->account->name, answer->number);

    } else if (answer->event != JM_EVENT_PENDING) {
        ngx_log_error(NGX_LOG_INFO, log, 0,
                      "jimeng: task \"%V\" of account \"%V\", which nobody "
                      "follows, is over", &o->id, &o->account->name);
    }

    ngx_http_jimeng_orphan_settle(o, answer);
}


/*
 * Is the task over, its slot is free, and its pictures are counted for the
 * client that ordered it.
 */

static void
ngx_http_jimeng_orphan_settle(ngx_http_jimeng_orphan_t *o,
    const jm_answer_t *answer)
{
    ngx_http_jimeng_zone_t  *zone;

    /* no answer, or one that says nothing of the task */

    if (answer->event == JM_EVENT_TROUBLE && !answer->internal) {
        return;
    }

    o->op.pending = (answer->event == JM_EVENT_PENDING);
    o->op.doubted = (answer->event == JM_EVENT_TROUBLE);
    o->op.bill.images = answer->nurls;

    ngx_http_jimeng_await(&o->await, &o->op.done,
                          ngx_http_jimeng_orphan_counted, o);

    zone = ngx_http_jimeng_zone_get(o->request);

    zone->backend.asked(&zone->backend, &o->op);

    ngx_http_jimeng_awaited(&o->await);
}


static void
ngx_http_jimeng_orphan_counted(void *data)
{
    ngx_http_jimeng_orphan_t *o = data;

    ngx_http_jimeng_zone_t  *zone;

    zone = ngx_http_jimeng_zone_get(o->request);

    if (!o->op.away && o->op.first && o->op.bill.images) {
        ngx_http_jimeng_metrics_images(o->request, o->op.client, &o->req_key,
                                       &o->account->name, &o->op.bill);

        o->found(o->request, o->account, &o->op);

        zone->backend.billed(&zone->backend, o->op.orphan.entry,
                             o->op.orphan.task);
    }
}


/* the request ends, or is torn down */

void
ngx_http_jimeng_orphan_stop(ngx_http_jimeng_orphan_t *o)
{
    if (o == NULL) {
        return;
    }

    o->stopped = 1;

    if (o->exchange && ngx_http_jimeng_exchange_cancel(o->exchange) == NGX_OK) {
        ngx_http_jimeng_orphan_done(o);
    }
}


void
ngx_http_jimeng_orphan_drop(ngx_http_jimeng_orphan_t *o)
{
    if (o) {
        ngx_http_jimeng_orphan_done(o);
    }
}


static void
ngx_http_jimeng_orphan_done(ngx_http_jimeng_orphan_t *o)
{
    if (o->exchange) {
        ngx_http_jimeng_exchange_destroy(o->exchange);
        o->exchange = NULL;
    }

    if (o->pool) {
        ngx_destroy_pool(o->pool);
        o->pool = NULL;
    }
}
