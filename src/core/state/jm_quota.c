
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_quota_used.h"
#include "jm_quota_window.h"


static void jm_quota_bucket(const jm_client_t *client, uint64_t owed,
    jm_quota_rate_t *rate);
static uint64_t jm_quota_cost(const jm_client_t *client);
static uint64_t jm_quota_owed(const jm_quota_client_t *c,
    const jm_client_t *client, uint64_t now);
static uint64_t jm_quota_ms(uint64_t ns);
static jm_quota_e jm_quota_over(const jm_quota_view_t *view,
    const jm_bill_t *most);
static void jm_quota_unreserve(jm_quota_t *q, jm_quota_share_t *share,
    const jm_hold_t *hold);
static void jm_quota_look(const jm_quota_t *q, jm_quota_client_t *c,
    const jm_client_t *client, int64_t seconds, jm_quota_view_t *view);
static void jm_quota_look_budget(const jm_quota_t *q,
    const jm_quota_client_t *c, const jm_client_t *client, int64_t seconds,
    jm_quota_budget_t *budget);


uint64_t
jm_quota_serial(const jm_quota_t *q, const jm_client_t *client)
{
    const jm_quota_client_t  *c;

    c = jm_quota_find(q, client->name);

    return c ? c->serial : 0;
}


/*
 * A bucket is kept as the time at which it is going to be full: each request
 * moves it on by what it costs.
 */

jm_rc_e
jm_quota_rate(jm_quota_t *q, const jm_client_t *client, uint64_t now,
    jm_quota_rate_t *rate)
{
    jm_rc_e             rc;
    uint64_t            owed;
    jm_quota_client_t  *c;

    c = client->rate ? jm_quota_find(q, client->name) : NULL;

    owed = jm_quota_owed(c, client, now);

    jm_quota_bucket(client, owed, rate);

    if (c == NULL) {
        return JM_OK;
    }

    rc = JM_INVALID;

    if (rate->retry == 0) {
        owed += jm_quota_cost(client);

        jm_quota_bucket(client, owed, rate);
        rate->retry = 0;

        rc = JM_OK;
    }

    /* what was owed beyond a bucket is not waited for */

    jm_put(q->store, c->full, now * JM_QUOTA_NS + owed);

    return rc;
}


void
jm_quota_rate_view(jm_quota_t *q, const jm_client_t *client, uint64_t now,
    jm_quota_rate_t *rate)
{
    jm_quota_client_t  *c;

    c = client->rate ? jm_quota_find(q, client->name) : NULL;

    jm_quota_bucket(client, jm_quota_owed(c, client, now), rate);
}


/* what there is in a bucket that will be full in so many nanoseconds */

static void
jm_quota_bucket(const jm_client_t *client, uint64_t owed,
    jm_quota_rate_t *rate)
{
    uint64_t  cost, rest;

    memset(rate, 0, sizeof(jm_quota_rate_t));

    if (client->rate == 0) {
        return;
    }

    cost = jm_quota_cost(client);
    rest = cost * client->rate - owed;

    rate->limit = client->rate;
    rate->remaining = rest / cost;
    rate->reset = jm_quota_ms(owed);

    if (rest < cost) {
        rate->retry = jm_quota_ms(cost - rest);
    }
}


/* nanoseconds for each request: 1 at least, with JM_KEYS_LIMIT in a second */

static uint64_t
jm_quota_cost(const jm_client_t *client)
{
    return client->rate_period * JM_QUOTA_NS / client->rate;
}


/* nanoseconds until the bucket is full, at most those of an empty one */

static uint64_t
jm_quota_owed(const jm_quota_client_t *c, const jm_client_t *client,
    uint64_t now)
{
    uint64_t  most;

    now *= JM_QUOTA_NS;

    if (c == NULL || c->full <= now) {
        return 0;
    }

    most = jm_quota_cost(client) * client->rate;

    return jm_min(c->full - now, most);
}


static uint64_t
jm_quota_ms(uint64_t ns)
{
    return (ns + JM_QUOTA_NS - 1) / JM_QUOTA_NS;
}


jm_quota_e
jm_quota_hold(jm_quota_t *q, const jm_client_t *client, const jm_bill_t *most,
    unsigned force, int64_t seconds, jm_hold_t *hold, jm_quota_view_t *view)
{
    jm_quota_e          rc;
    jm_quota_share_t   *share;
    jm_quota_client_t  *c;

    memset(hold, 0, sizeof(jm_hold_t));

    c = jm_quota_find(q, client->name);

    jm_quota_look(q, c, client, seconds, view);

    if (c == NULL
        || (client->concurrency == 0 && client->images == 0
            && client->budget == 0))
    {
        return JM_QUOTA_OK;
    }

    rc = jm_quota_over(view, most);

    if (rc != JM_QUOTA_OK) {

        /* some of what runs may be of processes that are dead */

        jm_quota_reap(q, c);
        jm_quota_look(q, c, client, seconds, view);

        rc = jm_quota_over(view, most);

        if (rc != JM_QUOTA_OK && !force) {
            return rc;
        }
    }

    share = jm_quota_share(q, c, q->store->owner);

    if (share == NULL) {
        share = jm_quota_share_add(q, c);

        if (share == NULL) {
            return JM_QUOTA_NO_ROOM;
        }
    }

    jm_put(q->store, share->running, share->running + 1);
    jm_put(q->store, share->images, share->images + most->images);
    jm_put(q->store, share->cost, share->cost + most->cost);

    hold->serial = c->serial;
    hold->running = 1;
    hold->images = most->images;
    hold->cost = most->cost;

    return rc;
}


static jm_quota_e
jm_quota_over(const jm_quota_view_t *view, const jm_bill_t *most)
{
    if (view->concurrency && view->running >= view->concurrency) {
        return JM_QUOTA_REQUESTS;
    }

    if (view->limit && most->images > view->remaining) {
        return JM_QUOTA_IMAGES;
    }

    if (view->budget.limit && most->cost > view->budget.remaining) {
        return JM_QUOTA_BUDGET;
    }

    return JM_QUOTA_OK;
}


void
jm_quota_attach(jm_quota_t *q, const jm_client_t *client, jm_hold_t *hold)
{
    memset(hold, 0, sizeof(jm_hold_t));

    hold->serial = jm_quota_serial(q, client);
}


void
jm_quota_delivered(jm_quota_t *q, jm_hold_t *hold, const jm_bill_t *bill,
    int64_t seconds)
{
    jm_hold_t           part;
    jm_quota_share_t   *share;
    jm_quota_client_t  *c;

    c = jm_quota_numbered(q, hold->serial);

    if (c == NULL) {
        return;
    }

    jm_quota_count(q, c, bill, seconds);

    memset(&part, 0, sizeof(jm_hold_t));

    part.images = jm_min(bill->images, hold->images);
    part.cost = jm_min(bill->cost, hold->cost);

    share = jm_quota_share(q, c, q->store->owner);

    if (share != NULL) {
        jm_quota_unreserve(q, share, &part);
    }

    hold->images -= part.images;
    hold->cost -= part.cost;
}


static void
jm_quota_unreserve(jm_quota_t *q, jm_quota_share_t *share,
    const jm_hold_t *hold)
{
    jm_put(q->store, share->images,
           share->images - jm_min(hold->images, share->images));
    jm_put(q->store, share->cost,
           share->cost - jm_min(hold->cost, share->cost));
}


jm_str_t
jm_quota_made(jm_quota_t *q, uint64_t serial, const jm_bill_t *bill,
    int64_t seconds)
{
    jm_quota_client_t  *c;

    c = jm_quota_numbered(q, serial);

    if (c == NULL) {
        return (jm_str_t) { 0, NULL };
    }

    jm_quota_count(q, c, bill, seconds);

    return jm_quota_name(c);
}


void
jm_quota_release(jm_quota_t *q, jm_hold_t *hold)
{
    jm_quota_share_t   *share;
    jm_quota_client_t  *c;

    c = hold->running ? jm_quota_numbered(q, hold->serial) : NULL;
    share = c ? jm_quota_share(q, c, q->store->owner) : NULL;

    if (share != NULL) {
        jm_put(q->store, share->running, share->running - 1);

        jm_quota_unreserve(q, share, hold);

        if (share->running == 0) {
            jm_quota_share_drop(q, c, share);
        }
    }

    hold->running = 0;
    hold->images = 0;
    hold->cost = 0;
}


void
jm_quota_view(jm_quota_t *q, const jm_client_t *client, int64_t seconds,
    jm_quota_view_t *view)
{
    jm_quota_client_t  *c;

    c = jm_quota_find(q, client->name);

    if (c != NULL) {
        jm_quota_reap(q, c);
    }

    jm_quota_look(q, c, client, seconds, view);
}


size_t
jm_quota_views(jm_quota_t *q, const jm_client_t *const *clients, size_t n,
    uint64_t now, int64_t seconds, jm_quota_rate_t *rates,
    jm_quota_view_t *views)
{
    size_t  i;

    n = jm_min(n, JM_QUOTA_PIECE);

    for (i = 0; i < n; i++) {
        jm_quota_rate_view(q, clients[i], now, &rates[i]);
        jm_quota_view(q, clients[i], seconds, &views[i]);

        jm_store_commit(q->store);
    }

    return n;
}


/* the windows are as long as the last files of keys said */

static void
jm_quota_look(const jm_quota_t *q, jm_quota_client_t *c,
    const jm_client_t *client, int64_t seconds, jm_quota_view_t *view)
{
    uint32_t                 i;
    uint64_t                 taken, period, window;
    const jm_quota_share_t  *share;

    memset(view, 0, sizeof(jm_quota_view_t));

    view->concurrency = client->concurrency;
    view->limit = client->images;

    view->budget.limit = client->budget;

    period = client->images_period;

    if (c != NULL) {

        for (i = 0; (share = jm_quota_share_at(q, c, i)) != NULL; i++) {

            if (share->owner != 0) {
                view->running += share->running;
                view->reserved += share->images;
                view->budget.reserved += share->cost;
            }
        }

        period = c->period ? c->period : period;
    }

    if (client->budget != 0) {
        jm_quota_look_budget(q, c, client, seconds, &view->budget);
    }

    if (client->images == 0) {
        return;
    }

    view->used = jm_quota_pictures(q, c, period, seconds, &window);

    taken = view->used + view->reserved;

    view->remaining = client->images - jm_min(client->images, taken);
    view->reset = jm_quota_window_end(q, period, window);
}


static void
jm_quota_look_budget(const jm_quota_t *q, const jm_quota_client_t *c,
    const jm_client_t *client, int64_t seconds, jm_quota_budget_t *budget)
{
    uint64_t  taken, window;

    budget->spent = jm_quota_spent(q, c, jm_quota_which(client->budget_period),
                                   seconds, &window);

    taken = budget->spent + budget->reserved;

    budget->remaining = budget->limit - jm_min(budget->limit, taken);
    budget->reset = jm_quota_window_end(q, client->budget_period, window);
}


uint32_t
jm_quota_records(size_t n)
{
    return (uint32_t) jm_min(JM_QUOTA_EACH * n + n / 8 + 1, UINT32_MAX);
}
