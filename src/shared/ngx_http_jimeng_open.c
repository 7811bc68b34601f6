
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_shared.h"


static ngx_int_t ngx_http_jimeng_open_make(ngx_http_jimeng_open_t *o);
static void ngx_http_jimeng_opened(void *data);
static ngx_int_t ngx_http_jimeng_opened_claim(ngx_http_jimeng_open_t *o);
static void ngx_http_jimeng_opened_count(ngx_http_jimeng_open_t *o);
static ngx_uint_t ngx_http_jimeng_opened_over(ngx_http_jimeng_open_t *o);
static ngx_int_t ngx_http_jimeng_opened_hold(ngx_http_jimeng_open_t *o);


/*
 * Enters a request in the ledger, or finds it there, and holds it against its
 * client's limits.  done is called when o has all that came of it.
 */

void
ngx_http_jimeng_open(ngx_http_jimeng_open_t *o)
{
    ngx_http_jimeng_zone_t  *zone;

    o->claim = NULL;
    o->hold = NULL;
    o->await.torn = 0;

    o->rc = ngx_http_jimeng_open_make(o);

    if (o->rc != NGX_OK) {
        o->done.handler(o->done.data);
        return;
    }

    if (o->claim == NULL && o->op.client == NULL) {
        o->rc = ngx_http_jimeng_rate_check(o->request, &o->error);
        o->done.handler(o->done.data);
        return;
    }

    zone = ngx_http_jimeng_zone_get(o->request);

    ngx_http_jimeng_await_init(&o->await, o->request, NULL);
    ngx_http_jimeng_await(&o->await, &o->op.done, ngx_http_jimeng_opened, o);

    zone->backend.open(&zone->backend, &o->op);

    ngx_http_jimeng_awaited(&o->await);
}


static ngx_int_t
ngx_http_jimeng_open_make(ngx_http_jimeng_open_t *o)
{
    ngx_int_t  rc;

    ngx_memzero(&o->op, sizeof(jm_op_open_t));

    rc = o->fingerprint ? ngx_http_jimeng_ledger_claim(o) : NGX_OK;

    return (rc == NGX_OK) ? ngx_http_jimeng_hold(o) : rc;
}


static void
ngx_http_jimeng_opened(void *data)
{
    ngx_http_jimeng_open_t *o = data;

    if (o->op.away) {
        ngx_http_jimeng_away(&o->error);

        o->claim = NULL;
        o->hold = NULL;
        o->rc = NGX_DECLINED;

        o->done.handler(o->done.data);
        return;
    }

    if (o->claim) {
        ngx_http_jimeng_opened_count(o);
    }

    o->rc = ngx_http_jimeng_opened_claim(o);

    if (o->rc == NGX_OK) {
        o->rc = ngx_http_jimeng_rate_check(o->request, &o->error);
    }

    if (o->rc == NGX_OK && o->hold) {
        o->rc = ngx_http_jimeng_opened_hold(o);
    }

    o->done.handler(o->done.data);
}


/* it is counted when the request is over, see ngx_http_jimeng_metrics.c */

static void
ngx_http_jimeng_opened_count(ngx_http_jimeng_open_t *o)
{
    ngx_http_jimeng_ctx_t  *ctx;

    static const uint8_t  entered[] = {
        [JM_LEDGER_NEW] = JM_ENTERED_NEW,
        [JM_LEDGER_FOUND] = JM_ENTERED_ANEW,
        [JM_LEDGER_TOLD] = JM_ENTERED_TOLD,
        [JM_LEDGER_TWIN] = JM_ENTERED_NOT,
        [JM_LEDGER_OTHER] = JM_ENTERED_NOT,
        [JM_LEDGER_REUSED] = JM_ENTERED_REFUSED,
        [JM_LEDGER_FULL] = JM_ENTERED_FULL
    };

    ctx = ngx_http_get_module_ctx(o->request, ngx_http_jimeng_module);

    ctx->mark = o->op.request.named ? JM_MARK_KEY
                : o->op.request.repeat ? JM_MARK_RETRY : JM_MARK_NONE;

    ctx->entered = entered[o->op.found];

    if (o->op.found == JM_LEDGER_FOUND && o->op.joins) {
        ctx->entered = ngx_http_jimeng_opened_over(o) ? JM_ENTERED_REPLAYED
                                                      : JM_ENTERED_JOINED;
    }
}


/* whether all tasks of the request that was found are over */

static ngx_uint_t
ngx_http_jimeng_opened_over(ngx_http_jimeng_open_t *o)
{
    unsigned  i;

    for (i = 0; i < o->op.request.n; i++) {
        if (!o->claim->claim.slots[i].over) {
            return 0;
        }
    }

    return 1;
}


static ngx_int_t
ngx_http_jimeng_opened_claim(ngx_http_jimeng_open_t *o)
{
    switch (o->op.found) {

    case JM_LEDGER_REUSED:
        jm_error_set(&o->error, JM_CAUSE_KEY_REUSED, NULL, NULL);
        return NGX_DECLINED;

    case JM_LEDGER_FULL:
        o->claim = NULL;

        ngx_http_jimeng_zone_full(ngx_http_jimeng_zone_get(o->request),
                                  "and what is in there still runs");

        /* an Idempotency-Key has to work; other requests are served without */

        if (o->op.request.named) {
            jm_error_set(&o->error, JM_CAUSE_NO_ROOM, NULL, NULL);
            return NGX_DECLINED;
        }

        return NGX_OK;

    case JM_LEDGER_TWIN:
        return NGX_AGAIN;

    case JM_LEDGER_OTHER:
        return NGX_BUSY;

    default: /* JM_LEDGER_NEW, JM_LEDGER_FOUND, JM_LEDGER_TOLD */
        break;
    }

    if (o->claim) {
        o->claim->error = o->op.told;
        o->claim->entered = 1;
        o->claim->owed = (o->op.found == JM_LEDGER_FOUND
                          && !o->op.request.named && !o->op.request.repeat);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_jimeng_opened_hold(ngx_http_jimeng_open_t *o)
{
    ngx_http_jimeng_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(o->request, ngx_http_jimeng_module);

    ctx->hold = o->hold;
    o->hold->attached = o->op.joins;

    ngx_http_jimeng_near_log(o->hold->log, o->hold->client, &o->op.near);

    if (!o->op.joins && ngx_http_jimeng_hold_headers(o) != NGX_OK) {
        return NGX_ERROR;
    }

    if (o->op.over == JM_QUOTA_OK) {
        return NGX_OK;
    }

    ngx_http_jimeng_hold_refuse(o->hold, o->op.over, &o->op.view, &o->error);
    ngx_http_jimeng_hold_log(o->hold, &o->error);

    return o->hold->dry_run ? NGX_OK : NGX_DECLINED;
}
