
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * What a client is told of its limits with each reply, and the log when it has
 * used most of them.
 */


#include "ngx_http_jimeng_shared.h"

#include "jm_text.h"


static ngx_int_t ngx_http_jimeng_near_images(ngx_http_request_t *r,
    const jm_quota_view_t *view, uint64_t most);
static ngx_int_t ngx_http_jimeng_near_cost(ngx_http_request_t *r,
    const jm_quota_budget_t *budget, uint64_t most);
static ngx_int_t ngx_http_jimeng_near_number(ngx_http_request_t *r,
    const char *name, uint64_t n);
static ngx_int_t ngx_http_jimeng_near_money(ngx_http_request_t *r,
    const char *name, uint64_t amount);
static ngx_int_t ngx_http_jimeng_near_reset(ngx_http_request_t *r,
    const char *name, uint64_t ms);
static uint64_t ngx_http_jimeng_near_until(int64_t seconds);


ngx_int_t
ngx_http_jimeng_rate_headers(ngx_http_request_t *r,
    const jm_quota_rate_t *rate)
{
    if (ngx_http_jimeng_near_number(r, "x-ratelimit-limit-requests",
                                    rate->limit)
        != NGX_OK
        || ngx_http_jimeng_near_number(r, "x-ratelimit-remaining-requests",
                                       rate->remaining)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_jimeng_near_reset(r, "x-ratelimit-reset-requests",
                                      rate->reset);
}


/* what remains once a request is held, or refused that was to be */

ngx_int_t
ngx_http_jimeng_hold_headers(ngx_http_jimeng_open_t *o)
{
    jm_bill_t         most;
    ngx_int_t         rc;
    jm_quota_view_t  *view;

    view = &o->op.view;

    ngx_memzero(&most, sizeof(jm_bill_t));

    if (o->hold->hold.running) {
        most = o->hold->most;
    }

    rc = NGX_OK;

    if (view->limit) {
        rc = ngx_http_jimeng_near_images(o->request, view, most.images);
    }

    if (rc == NGX_OK && view->budget.limit) {
        rc = ngx_http_jimeng_near_cost(o->request, &view->budget, most.cost);
    }

    return rc;
}


static ngx_int_t
ngx_http_jimeng_near_images(ngx_http_request_t *r,
    const jm_quota_view_t *view, uint64_t most)
{
    uint64_t  left, reset;

    left = view->remaining - jm_min(most, view->remaining);
    reset = ngx_http_jimeng_near_until(view->reset);

    if (ngx_http_jimeng_near_number(r, "x-ratelimit-limit-images", view->limit)
        != NGX_OK
        || ngx_http_jimeng_near_number(r, "x-ratelimit-remaining-images", left)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_jimeng_near_reset(r, "x-ratelimit-reset-images", reset);
}


static ngx_int_t
ngx_http_jimeng_near_cost(ngx_http_request_t *r,
    const jm_quota_budget_t *budget, uint64_t most)
{
    uint64_t  left, reset;

    left = budget->remaining - jm_min(most, budget->remaining);
    reset = ngx_http_jimeng_near_until(budget->reset);

    if (ngx_http_jimeng_near_money(r, "x-ratelimit-limit-cost", budget->limit)
        != NGX_OK
        || ngx_http_jimeng_near_money(r, "x-ratelimit-remaining-cost", left)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_jimeng_near_reset(r, "x-ratelimit-reset-cost", reset);
}


static ngx_int_t
ngx_http_jimeng_near_number(ngx_http_request_t *r, const char *name,
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


static ngx_int_t
ngx_http_jimeng_near_money(ngx_http_request_t *r, const char *name,
    uint64_t amount)
{
    u_char  *p;

    p = ngx_pnalloc(r->pool, JM_MONEY_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_jimeng_reply_header(r, name, p, jm_money_write(p, amount));
}


static ngx_int_t
ngx_http_jimeng_near_reset(ngx_http_request_t *r, const char *name,
    uint64_t ms)
{
    u_char  *p;

    p = ngx_pnalloc(r->pool, JM_DURATION_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_jimeng_reply_header(r, name, p, jm_duration(p, ms));
}


static uint64_t
ngx_http_jimeng_near_until(int64_t seconds)
{
    return (uint64_t) ngx_max(seconds - ngx_time(), 1) * 1000;
}


const char *
ngx_http_jimeng_period(uint64_t period)
{
    return period == JM_CLIENT_HOUR ? "an hour"
           : period == JM_CLIENT_DAY ? "a day" : "a month";
}


void
ngx_http_jimeng_near_log(ngx_log_t *log, const jm_client_t *client,
    const jm_quota_near_t *near)
{
    size_t  spent, budget;
    u_char  text[2][JM_MONEY_LEN];

    if (near->images) {
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "jimeng: client \"%*s\" has used %uL of its %uL pictures "
                      "%s", client->name.len, client->name.data, near->used,
                      client->images,
                      ngx_http_jimeng_period(client->images_period));
    }

    if (near->budget) {
        spent = jm_money_write(text[0], near->spent);
        budget = jm_money_write(text[1], client->budget);

        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "jimeng: client \"%*s\" has spent %*s of its budget of "
                      "%*s %s", client->name.len, client->name.data, spent,
                      text[0], budget, text[1],
                      ngx_http_jimeng_period(client->budget_period));
    }
}
