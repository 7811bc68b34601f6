
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * What a client is told of its limits with each reply, and the log when it has
 * used most of them.
 */


#include "ngx_http_jimeng_shared.h"

#include "jm_text.h"


/* the headers of a limit */

typedef struct {
    const char  *limit;
    const char  *remaining;
    const char  *reset;
    ngx_uint_t   money;
} ngx_http_jimeng_near_t;


static ngx_int_t ngx_http_jimeng_near_headers(ngx_http_request_t *r,
    const ngx_http_jimeng_near_t *near, uint64_t limit, uint64_t remaining,
    uint64_t reset);
static ngx_int_t ngx_http_jimeng_near_amount(ngx_http_request_t *r,
    const char *name, uint64_t amount, ngx_uint_t money);
static uint64_t ngx_http_jimeng_near_until(int64_t seconds);


static const ngx_http_jimeng_near_t  ngx_http_jimeng_near_requests = {
    "x-ratelimit-limit-requests", "x-ratelimit-remaining-requests",
    "x-ratelimit-reset-requests", 0
};

static const ngx_http_jimeng_near_t  ngx_http_jimeng_near_images = {
    "x-ratelimit-limit-images", "x-ratelimit-remaining-images",
    "x-ratelimit-reset-images", 0
};

static const ngx_http_jimeng_near_t  ngx_http_jimeng_near_cost = {
    "x-ratelimit-limit-cost", "x-ratelimit-remaining-cost",
    "x-ratelimit-reset-cost", 1
};


ngx_int_t
ngx_http_jimeng_rate_headers(ngx_http_request_t *r,
    const jm_quota_rate_t *rate)
{
    return ngx_http_jimeng_near_headers(r, &ngx_http_jimeng_near_requests,
                                        rate->limit, rate->remaining,
                                        rate->reset);
}


/* what remains once a request is held, or refused that was to be */

ngx_int_t
ngx_http_jimeng_hold_headers(ngx_http_jimeng_open_t *o)
{
    jm_bill_t           most;
    ngx_int_t           rc;
    jm_quota_view_t    *view;
    jm_quota_budget_t  *budget;

    view = &o->op.view;
    budget = &view->budget;

    ngx_memzero(&most, sizeof(jm_bill_t));

    if (o->hold->hold.running) {
        most = o->hold->most;
    }

    rc = NGX_OK;

    if (view->limit) {
        rc = ngx_http_jimeng_near_headers(
                 o->request, &ngx_http_jimeng_near_images, view->limit,
                 view->remaining - jm_min(most.images, view->remaining),
                 ngx_http_jimeng_near_until(view->reset));
    }

    if (rc == NGX_OK && budget->limit) {
        rc = ngx_http_jimeng_near_headers(
                 o->request, &ngx_http_jimeng_near_cost, budget->limit,
                 budget->remaining - jm_min(most.cost, budget->remaining),
                 ngx_http_jimeng_near_until(budget->reset));
    }

    return rc;
}


static ngx_int_t
ngx_http_jimeng_near_headers(ngx_http_request_t *r,
    const ngx_http_jimeng_near_t *near, uint64_t limit, uint64_t remaining,
    uint64_t reset)
{
    u_char  *p;

    if (ngx_http_jimeng_near_amount(r, near->limit, limit, near->money)
        != NGX_OK
        || ngx_http_jimeng_near_amount(r, near->remaining, remaining,
                                       near->money)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(r->pool, JM_DURATION_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_jimeng_reply_header(r, near->reset, p,
                                        jm_duration(p, reset));
}


static ngx_int_t
ngx_http_jimeng_near_amount(ngx_http_request_t *r, const char *name,
    uint64_t amount, ngx_uint_t money)
{
    u_char  *p;
    size_t   len;

    p = ngx_pnalloc(r->pool, ngx_max(NGX_INT64_LEN, JM_MONEY_LEN));
    if (p == NULL) {
        return NGX_ERROR;
    }

    len = money ? jm_money_write(p, amount)
                : (size_t) (ngx_sprintf(p, "%uL", amount) - p);

    return ngx_http_jimeng_reply_header(r, name, p, len);
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
