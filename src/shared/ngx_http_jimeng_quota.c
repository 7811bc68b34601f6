
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_shared.h"

#include "jm_text.h"


static ngx_int_t ngx_http_jimeng_rate_headers(ngx_http_request_t *r,
    jm_quota_rate_t *rate);
static ngx_int_t ngx_http_jimeng_rate_header(ngx_http_request_t *r,
    const char *name, uint64_t n);
static void ngx_http_jimeng_hold_refuse(jm_quota_e over,
    const jm_client_t *client, ngx_uint_t images, jm_quota_view_t *view,
    jm_error_t *e);
static void ngx_http_jimeng_hold_images(const jm_client_t *client,
    ngx_uint_t images, jm_quota_view_t *view, jm_error_t *e);
static void ngx_http_jimeng_quota_log(ngx_log_t *log, ngx_uint_t dry_run,
    const jm_client_t *client, jm_error_t *e);
static void ngx_http_jimeng_hold_cleanup(void *data);


/*
 * Counts a request against its client's rate.  One that is over it is not
 * refused here but by ngx_http_jimeng_rate_check(), when it is known what it
 * asks for: by then the ledger has it, and does not take a repeat of it for a
 * repeat of an older one.
 */

ngx_int_t
ngx_http_jimeng_rate(ngx_http_request_t *r)
{
    jm_rc_e                  rc;
    jm_state_t              *state;
    jm_quota_rate_t          rate;
    const jm_client_t       *client;
    ngx_http_jimeng_ctx_t   *ctx;
    ngx_http_jimeng_zone_t  *zone;

    ctx = ngx_http_get_module_ctx(r, ngx_http_jimeng_module);

    client = ctx ? ctx->client : NULL;

    if (client == NULL || client->rate == 0) {
        return NGX_OK;
    }

    zone = ngx_http_jimeng_zone_get(r);

    state = ngx_http_jimeng_zone_lock(zone);

    rc = jm_quota_rate(&state->quota, client, state->now, &rate);

    ngx_http_jimeng_zone_unlock(zone);

    if (ngx_http_jimeng_rate_headers(r, &rate) != NGX_OK) {
        return NGX_ERROR;
    }

    if (rc == JM_OK) {
        return NGX_OK;
    }

    ctx->rate_error = ngx_palloc(r->pool, sizeof(jm_error_t));
    if (ctx->rate_error == NULL) {
        return NGX_ERROR;
    }

    jm_error_set(ctx->rate_error, JM_CAUSE_RATE_LIMITED, NULL,
                 "Your limit of requests, %llu %s, is reached; wait before "
                 "sending the next.", (unsigned long long) client->rate,
                 client->rate_period == 1000 ? "a second"
                 : client->rate_period == 60000 ? "a minute" : "an hour");

    jm_error_wait(ctx->rate_error, (rate.retry + 999) / 1000);

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


static ngx_int_t
ngx_http_jimeng_rate_headers(ngx_http_request_t *r, jm_quota_rate_t *rate)
{
    u_char  *p;

    if (ngx_http_jimeng_rate_header(r, "x-ratelimit-limit-requests",
                                    rate->limit)
        != NGX_OK
        || ngx_http_jimeng_rate_header(r, "x-ratelimit-remaining-requests",
                                       rate->remaining)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(r->pool, JM_DURATION_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_jimeng_reply_header(r, "x-ratelimit-reset-requests", p,
                                        jm_duration(p, rate->reset));
}


static ngx_int_t
ngx_http_jimeng_rate_header(ngx_http_request_t *r, const char *name,
    uint64_t n)
{
    u_char  *p;

    p = ngx_pnalloc(r->pool, NGX_INT64_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_jimeng_reply_header(r, name, p,
                                        ngx_sprintf(p, "%uL", n) - p);
}


/*
 * Sets ctx->hold for a client with limits, of a request that brings so many
 * pictures at most; joins is set when all of its tasks are another request's.
 * NGX_DECLINED: it would be over one of the limits.
 */

ngx_int_t
ngx_http_jimeng_hold(ngx_http_request_t *r, ngx_uint_t pictures,
    ngx_uint_t joins, jm_error_t *e)
{
    jm_quota_e                   over;
    jm_state_t                  *state;
    jm_quota_view_t              view;
    ngx_pool_cleanup_t          *cln;
    ngx_http_jimeng_ctx_t       *ctx;
    ngx_http_jimeng_hold_t      *hold;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_jimeng_module);

    if (ctx == NULL || ctx->client == NULL
        || (ctx->client->concurrency == 0 && ctx->client->images == 0))
    {
        return NGX_OK;
    }

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_jimeng_hold_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);

    hold = cln->data;
    ngx_memzero(hold, sizeof(ngx_http_jimeng_hold_t));

    hold->zone = ngx_http_jimeng_zone_get(r);
    hold->client = ctx->client;
    hold->images = pictures;
    hold->dry_run = jlcf->dry_run;
    hold->attached = joins;

    over = JM_QUOTA_OK;
    state = ngx_http_jimeng_zone_lock(hold->zone);

    if (hold->attached) {
        jm_quota_attach(&state->quota, hold->client, &hold->hold);

    } else {
        over = jm_quota_hold(&state->quota, hold->client, hold->images,
                             jlcf->dry_run ? 1 : 0, state->seconds, &hold->hold,
                             &view);
    }

    ngx_http_jimeng_zone_unlock(hold->zone);

    cln->handler = ngx_http_jimeng_hold_cleanup;

    ctx->hold = hold;

    if (over == JM_QUOTA_OK) {
        return NGX_OK;
    }

    ngx_http_jimeng_hold_refuse(over, hold->client, hold->images, &view, e);

    ngx_http_jimeng_quota_log(r->connection->log, jlcf->dry_run, hold->client,
                              e);

    return jlcf->dry_run ? NGX_OK : NGX_DECLINED;
}


static void
ngx_http_jimeng_hold_refuse(jm_quota_e over, const jm_client_t *client,
    ngx_uint_t images, jm_quota_view_t *view, jm_error_t *e)
{
    switch (over) {

    case JM_QUOTA_REQUESTS:
        jm_error_set(e, JM_CAUSE_RATE_LIMITED, NULL,
                     "Your limit of requests at a time, %u, is reached; wait "
                     "until one of them is over.",
                     (unsigned) client->concurrency);
        break;

    case JM_QUOTA_IMAGES:
        ngx_http_jimeng_hold_images(client, images, view, e);
        break;

    default: /* JM_QUOTA_NO_ROOM */
        jm_error_set(e, JM_CAUSE_NO_ROOM, NULL, NULL);
    }
}


static void
ngx_http_jimeng_hold_images(const jm_client_t *client, ngx_uint_t images,
    jm_quota_view_t *view, jm_error_t *e)
{
    time_t    now;
    ngx_tm_t  tm;

    ngx_gmtime((time_t) view->reset, &tm);

    jm_error_set(e, JM_CAUSE_QUOTA, NULL,
                 "You may have %llu pictures %s: %llu are made, requests that "
                 "run may bring %llu, and this one %lu; it begins anew at "
                 "%4d-%02d-%02dT%02d:%02d:%02dZ.",
                 (unsigned long long) view->limit,
                 client->images_period == 3600 ? "an hour" : "a day",
                 (unsigned long long) view->used,
                 (unsigned long long) view->reserved, (unsigned long) images,
                 tm.ngx_tm_year, tm.ngx_tm_mon, tm.ngx_tm_mday,
                 tm.ngx_tm_hour, tm.ngx_tm_min, tm.ngx_tm_sec);

    now = ngx_time();

    jm_error_wait(e, (uint64_t) ngx_max(view->reset - now, 1));
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
 * A worker that is to exit has the keys' files of before: a client whose line
 * was taken out since is served no more.  NGX_DECLINED: this one is.
 */

ngx_int_t
ngx_http_jimeng_client_listed(ngx_http_request_t *r, jm_error_t *e)
{
    unsigned                     known;
    jm_state_t                  *state;
    ngx_http_jimeng_ctx_t       *ctx;
    ngx_http_jimeng_zone_t      *zone;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    if (!ngx_exiting) {
        return NGX_OK;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_jimeng_module);
    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);
    zone = ngx_http_jimeng_zone_get(r);

    if (zone == NULL || ctx == NULL || ctx->client == NULL || jlcf->dry_run) {
        return NGX_OK;
    }

    state = ngx_http_jimeng_zone_lock(zone);

    known = jm_quota_serial(&state->quota, ctx->client) != 0;

    ngx_http_jimeng_zone_unlock(zone);

    if (known) {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "jimeng: client \"%*s\" is in no file of keys any more",
                  ctx->client->name.len, ctx->client->name.data);

    jm_error_set(e, JM_CAUSE_INVALID_KEY, NULL,
                 "The API key was withdrawn; nothing was ordered.");

    return NGX_DECLINED;
}


/*
 * Called before each submit.  A request that joined another one, and submits
 * after all because that one has failed, counts from now on.  NGX_DECLINED: it
 * is one too many.
 */

ngx_int_t
ngx_http_jimeng_hold_submit(ngx_http_jimeng_hold_t *hold, jm_error_t *e)
{
    jm_quota_e       over;
    jm_state_t      *state;
    jm_quota_view_t  view;

    if (hold == NULL || !hold->attached) {
        return NGX_OK;
    }

    state = ngx_http_jimeng_zone_lock(hold->zone);

    over = jm_quota_hold(&state->quota, hold->client, hold->images,
                         hold->dry_run ? 1 : 0, state->seconds, &hold->hold,
                         &view);

    ngx_http_jimeng_zone_unlock(hold->zone);

    if (over == JM_QUOTA_OK || hold->dry_run) {
        hold->attached = 0;
        return NGX_OK;
    }

    ngx_http_jimeng_hold_refuse(over, hold->client, hold->images, &view, e);

    return NGX_DECLINED;
}


/* the request runs no more; its pictures may still be counted */

void
ngx_http_jimeng_hold_release(ngx_http_jimeng_hold_t *hold)
{
    jm_state_t  *state;

    if (hold == NULL || !hold->hold.running) {
        return;
    }

    state = ngx_http_jimeng_zone_lock(hold->zone);

    jm_quota_release(&state->quota, &hold->hold);

    ngx_http_jimeng_zone_unlock(hold->zone);
}


static void
ngx_http_jimeng_hold_cleanup(void *data)
{
    ngx_http_jimeng_hold_release(data);
}
