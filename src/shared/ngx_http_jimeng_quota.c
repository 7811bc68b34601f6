
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_shared.h"

#include "jm_text.h"


#define NGX_HTTP_JIMENG_WHEN  sizeof("2026-01-01T00:00:00Z")


/* a request that is to count for its client's rate */

typedef struct {
    ngx_http_request_t         *request;
    void                      (*handler)(ngx_http_request_t *r, ngx_int_t rc);
    jm_op_rate_t                op;
    ngx_http_jimeng_await_t     await;
} ngx_http_jimeng_rate_t;


static void ngx_http_jimeng_rated(void *data);
static ngx_int_t ngx_http_jimeng_rated_over(ngx_http_request_t *r,
    jm_op_rate_t *op);
static void ngx_http_jimeng_hold_images(ngx_http_jimeng_hold_t *hold,
    const jm_quota_view_t *view, jm_error_t *e);
static void ngx_http_jimeng_hold_budget(ngx_http_jimeng_hold_t *hold,
    const jm_quota_budget_t *budget, jm_error_t *e);
static void ngx_http_jimeng_hold_when(char *text, size_t size, int64_t reset);
static void ngx_http_jimeng_quota_log(ngx_log_t *log, ngx_uint_t dry_run,
    const jm_client_t *client, jm_error_t *e);
static void ngx_http_jimeng_hold_cleanup(void *data);


/*
 * Counts a request against its client's rate; the handler is called with NGX_OK
 * or NGX_ERROR.  One that is over it is not refused here but by
 * ngx_http_jimeng_rate_check(), when it is known what it asks for: by then the
 * ledger has it, and does not take a repeat of it for a repeat of an older one.
 * Returns NGX_ERROR when the handler is not called.
 */

ngx_int_t
ngx_http_jimeng_rate(ngx_http_request_t *r,
    void (*handler)(ngx_http_request_t *r, ngx_int_t rc))
{
    ngx_http_jimeng_ctx_t   *ctx;
    ngx_http_jimeng_zone_t  *zone;
    ngx_http_jimeng_rate_t  *rate;

    ctx = ngx_http_get_module_ctx(r, ngx_http_jimeng_module);

    if (ctx == NULL || ctx->client == NULL || ctx->client->rate == 0) {
        handler(r, NGX_OK);
        return NGX_OK;
    }

    rate = ngx_palloc(r->pool, sizeof(ngx_http_jimeng_rate_t));
    if (rate == NULL) {
        return NGX_ERROR;
    }

    rate->request = r;
    rate->handler = handler;

    rate->op.client = ctx->client;

    ngx_http_jimeng_await_init(&rate->await, r, NULL);
    ngx_http_jimeng_await(&rate->await, &rate->op.done, ngx_http_jimeng_rated,
                          rate);

    zone = ngx_http_jimeng_zone_get(r);

    zone->backend.rate(&zone->backend, &rate->op);

    ngx_http_jimeng_awaited(&rate->await);

    return NGX_OK;
}


static void
ngx_http_jimeng_rated(void *data)
{
    ngx_http_jimeng_rate_t *rate = data;

    ngx_int_t            rc;
    ngx_http_request_t  *r;

    r = rate->request;

    if (rate->await.torn) {
        return;
    }

    rc = rate->op.away ? NGX_OK
                       : ngx_http_jimeng_rate_headers(r, &rate->op.rate);

    if (rc == NGX_OK && (rate->op.away || rate->op.rc != JM_OK)) {
        rc = ngx_http_jimeng_rated_over(r, &rate->op);
    }

    rate->handler(r, rc);
}


static ngx_int_t
ngx_http_jimeng_rated_over(ngx_http_request_t *r, jm_op_rate_t *op)
{
    ngx_http_jimeng_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_jimeng_module);

    ctx->rate_error = ngx_palloc(r->pool, sizeof(jm_error_t));
    if (ctx->rate_error == NULL) {
        return NGX_ERROR;
    }

    if (op->away) {
        ngx_http_jimeng_away(ctx->rate_error);
        return NGX_OK;
    }

    if (op->rc == JM_ERROR) {
        jm_error_set(ctx->rate_error, JM_CAUSE_NO_ROOM, NULL, NULL);
        return NGX_OK;
    }

    jm_error_set(ctx->rate_error, JM_CAUSE_RATE_LIMITED, NULL,
                 "Your limit of requests, %llu %s, is reached; wait before "
                 "sending the next.", (unsigned long long) op->client->rate,
                 op->client->rate_period == 1000 ? "a second"
                 : op->client->rate_period == 60000 ? "a minute" : "an hour");

    jm_error_wait(ctx->rate_error, (op->rate.retry + 999) / 1000);

    return NGX_OK;
}


/* NGX_DECLINED: the client has sent too many requests */

ngx_int_t
ngx_http_jimeng_rate_check(ngx_http_request_t *r, jm_error_t *e)
{
    ngx_http_jimeng_ctx_t       *ctx;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_jimeng_module);

    if (ctx == NULL || ctx->rate_error == NULL) {
        return NGX_OK;
    }

    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);

    ngx_http_jimeng_quota_log(r->connection->log, jlcf->dry_run, ctx->client,
                              ctx->rate_error);

    if (jlcf->dry_run) {
        ctx->rate_error = NULL;
        return NGX_OK;
    }

    *e = *ctx->rate_error;

    return NGX_DECLINED;
}


/*
 * Makes the hold, and what is asked for it, of a request that is to be opened:
 * for a client with limits, but for one that is over its rate.  Any other one
 * is only made known, for what it uses to be counted.
 */

ngx_int_t
ngx_http_jimeng_hold(ngx_http_jimeng_open_t *o)
{
    ngx_http_request_t          *r;
    ngx_pool_cleanup_t          *cln;
    ngx_http_jimeng_ctx_t       *ctx;
    ngx_http_jimeng_zone_t      *zone;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    r = o->request;

    ctx = ngx_http_get_module_ctx(r, ngx_http_jimeng_module);
    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);
    zone = ngx_http_jimeng_zone_get(r);

    /* who has a name without limits may have it without a zone */

    if (ctx == NULL || ctx->client == NULL || zone == NULL
        || (ctx->rate_error && !jlcf->dry_run))
    {
        return NGX_OK;
    }

    o->op.client = ctx->client;

    if (ctx->client->concurrency == 0 && ctx->client->images == 0
        && ctx->client->budget == 0)
    {
        return NGX_OK;
    }

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_jimeng_hold_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    o->hold = cln->data;

    ngx_memzero(o->hold, sizeof(ngx_http_jimeng_hold_t));

    o->hold->zone = zone;
    o->hold->log = r->connection->log;
    o->hold->client = ctx->client;
    o->hold->most = o->most;
    o->hold->dry_run = jlcf->dry_run;

    o->op.most = o->most;
    o->op.hold = &o->hold->hold;
    o->op.force = jlcf->dry_run ? 1 : 0;

    cln->handler = ngx_http_jimeng_hold_cleanup;

    return NGX_OK;
}


/* what the client is told, whose request would be over one of its limits */

void
ngx_http_jimeng_hold_refuse(ngx_http_jimeng_hold_t *hold, jm_quota_e over,
    const jm_quota_view_t *view, jm_error_t *e)
{
    switch (over) {

    case JM_QUOTA_REQUESTS:
        jm_error_set(e, JM_CAUSE_RATE_LIMITED, NULL,
                     "Your limit of requests at a time, %u, is reached; wait "
                     "until one of them is over.",
                     (unsigned) hold->client->concurrency);
        break;

    case JM_QUOTA_IMAGES:
        ngx_http_jimeng_hold_images(hold, view, e);
        break;

    case JM_QUOTA_BUDGET:
        ngx_http_jimeng_hold_budget(hold, &view->budget, e);
        break;

    default: /* JM_QUOTA_NO_ROOM */
        jm_error_set(e, JM_CAUSE_NO_ROOM, NULL, NULL);
    }
}


static void
ngx_http_jimeng_hold_images(ngx_http_jimeng_hold_t *hold,
    const jm_quota_view_t *view, jm_error_t *e)
{
    char  when[NGX_HTTP_JIMENG_WHEN];

    ngx_http_jimeng_hold_when(when, sizeof(when), view->reset);

    jm_error_set(e, JM_CAUSE_QUOTA, NULL,
                 "You may have %llu pictures %s: %llu are made, requests that "
                 "run may bring %llu, and this one %llu; it begins anew at %s.",
                 (unsigned long long) view->limit,
                 ngx_http_jimeng_period(hold->client->images_period),
                 (unsigned long long) view->used,
                 (unsigned long long) view->reserved,
                 (unsigned long long) hold->most.images, when);

    jm_error_wait(e, (uint64_t) ngx_max(view->reset - ngx_time(), 1));
}


static void
ngx_http_jimeng_hold_budget(ngx_http_jimeng_hold_t *hold,
    const jm_quota_budget_t *budget, jm_error_t *e)
{
    char    when[NGX_HTTP_JIMENG_WHEN];
    size_t  i;
    char    texts[4][JM_MONEY_LEN + 1];

    const uint64_t  amounts[] = {
        budget->limit, budget->spent, budget->reserved, hold->most.cost
    };

    for (i = 0; i < 4; i++) {
        texts[i][jm_money_write((uint8_t *) texts[i], amounts[i])] = '\0';
    }

    ngx_http_jimeng_hold_when(when, sizeof(when), budget->reset);

    jm_error_set(e, JM_CAUSE_QUOTA, NULL,
                 "You may spend %s %s: %s is spent, requests that run may cost "
                 "%s, and this one %s; it begins anew at %s.", texts[0],
                 ngx_http_jimeng_period(hold->client->budget_period),
                 texts[1], texts[2], texts[3], when);

    jm_error_wait(e, (uint64_t) ngx_max(budget->reset - ngx_time(), 1));
}


static void
ngx_http_jimeng_hold_when(char *text, size_t size, int64_t reset)
{
    ngx_tm_t  tm;

    ngx_gmtime((time_t) reset, &tm);

    (void) ngx_snprintf((u_char *) text, size,
                        "%4d-%02d-%02dT%02d:%02d:%02dZ%Z",
                        tm.ngx_tm_year, tm.ngx_tm_mon, tm.ngx_tm_mday,
                        tm.ngx_tm_hour, tm.ngx_tm_min, tm.ngx_tm_sec);
}


void
ngx_http_jimeng_hold_log(ngx_http_jimeng_hold_t *hold, jm_error_t *e)
{
    ngx_http_jimeng_quota_log(hold->log, hold->dry_run, hold->client, e);
}


static void
ngx_http_jimeng_quota_log(ngx_log_t *log, ngx_uint_t dry_run,
    const jm_client_t *client, jm_error_t *e)
{
    ngx_uint_t  level;

    level = dry_run ? NGX_LOG_WARN : NGX_LOG_INFO;

    ngx_log_error(level, log, 0,
                  "jimeng: %sclient \"%*s\" %s %s: %s",
                  dry_run ? "dry run: " : "", client->name.len,
                  client->name.data, dry_run ? "would get" : "gets",
                  jm_cause(e->cause)->code, e->message);
}


/*
 * Whose key has to be known still, or NULL: a worker that is to exit has the
 * keys' files of before, and one whose line was taken out since is served no
 * more.  A name needs no line.
 */

const jm_client_t *
ngx_http_jimeng_client_listed(ngx_http_request_t *r)
{
    ngx_http_jimeng_ctx_t       *ctx;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_jimeng_module);
    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);

    return (ngx_exiting && ctx && !jlcf->dry_run) ? ctx->key : NULL;
}


/* what a client is told that is not */

void
ngx_http_jimeng_client_withdrawn(ngx_http_request_t *r, jm_error_t *e)
{
    ngx_http_jimeng_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_jimeng_module);

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "jimeng: client \"%*s\" is in no file of keys any more",
                  ctx->key->name.len, ctx->key->name.data);

    jm_error_set(e, JM_CAUSE_INVALID_KEY, NULL,
                 "The API key was withdrawn; nothing was ordered.");
}


/* the request runs no more; its pictures may still be counted */

void
ngx_http_jimeng_hold_release(ngx_http_jimeng_hold_t *hold)
{
    jm_backend_t  *b;

    if (hold && hold->hold.running) {
        b = &hold->zone->backend;

        b->release(b, &hold->hold);
    }
}


static void
ngx_http_jimeng_hold_cleanup(void *data)
{
    ngx_http_jimeng_hold_release(data);
}
