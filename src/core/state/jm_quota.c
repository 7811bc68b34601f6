
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_quota_store.h"
#include "jm_quota_window.h"


static void jm_quota_bucket(const jm_client_t *client, uint64_t owed,
    jm_quota_rate_t *rate);
static uint64_t jm_quota_cost(const jm_client_t *client);
static uint64_t jm_quota_owed(const jm_quota_client_t *c,
    const jm_client_t *client, uint64_t now);
static uint64_t jm_quota_ms(uint64_t ns);
static jm_quota_e jm_quota_over(const jm_quota_view_t *view, uint64_t images);
static void jm_quota_count(jm_quota_t *q, jm_quota_client_t *c,
    uint64_t images, int64_t seconds);
static void jm_quota_look(const jm_quota_t *q, jm_quota_client_t *c,
    const jm_client_t *client, int64_t seconds, jm_quota_view_t *view);
static uint64_t jm_quota_used(const jm_quota_t *q, const jm_quota_client_t *c,
    uint64_t period, int64_t seconds, uint64_t *window);


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
jm_quota_hold(jm_quota_t *q, const jm_client_t *client, uint64_t images,
    unsigned force, int64_t seconds, jm_hold_t *hold, jm_quota_view_t *view)
{
    jm_quota_e          rc;
    jm_quota_share_t   *share;
    jm_quota_client_t  *c;

    memset(hold, 0, sizeof(jm_hold_t));

    c = jm_quota_find(q, client->name);

    jm_quota_look(q, c, client, seconds, view);

    if (c == NULL || (client->concurrency == 0 && client->images == 0)) {
        return JM_QUOTA_OK;
    }

    rc = jm_quota_over(view, images);

    if (rc != JM_QUOTA_OK) {

        /* some of what runs may be of processes that are dead */

        jm_quota_reap(q, c);
        jm_quota_look(q, c, client, seconds, view);

        rc = jm_quota_over(view, images);

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
    jm_put(q->store, share->images, share->images + images);

    hold->serial = c->serial;
    hold->running = 1;
    hold->images = images;

    return rc;
}


static jm_quota_e
jm_quota_over(const jm_quota_view_t *view, uint64_t images)
{
    if (view->concurrency && view->running >= view->concurrency) {
        return JM_QUOTA_REQUESTS;
    }

    if (view->limit && images > view->remaining) {
        return JM_QUOTA_IMAGES;
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
jm_quota_delivered(jm_quota_t *q, jm_hold_t *hold, uint64_t images,
    int64_t seconds)
{
    uint64_t            n;
    jm_quota_share_t   *share;
    jm_quota_client_t  *c;

    c = jm_quota_numbered(q, hold->serial);

    if (c == NULL || c->period == 0) {
        return;
    }

    jm_quota_count(q, c, images, seconds);

    n = jm_min(images, hold->images);
    share = jm_quota_share(q, c, q->store->owner);

    if (share != NULL) {
        jm_put(q->store, share->images,
               share->images - jm_min(n, share->images));
    }

    hold->images -= n;
}


jm_str_t
jm_quota_made(jm_quota_t *q, uint64_t serial, uint64_t images,
    int64_t seconds)
{
    jm_quota_client_t  *c;

    c = jm_quota_numbered(q, serial);

    if (c == NULL) {
        return (jm_str_t) { 0, NULL };
    }

    if (c->period != 0) {
        jm_quota_count(q, c, images, seconds);
    }

    return jm_quota_name(c);
}


static void
jm_quota_count(jm_quota_t *q, jm_quota_client_t *c, uint64_t images,
    int64_t seconds)
{
    uint64_t  used, window;

    used = jm_quota_used(q, c, c->period, seconds, &window);

    jm_put(q->store, c->used, used + images);
    jm_put(q->store, c->window, window);
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
        jm_put(q->store, share->images,
               share->images - jm_min(hold->images, share->images));

        if (share->running == 0) {
            jm_quota_share_drop(q, c, share);
        }
    }

    hold->running = 0;
    hold->images = 0;
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

    period = client->images_period;

    if (c != NULL) {

        for (i = 0; (share = jm_quota_share_at(q, c, i)) != NULL; i++) {

            if (share->owner != 0) {
                view->running += share->running;
                view->reserved += share->images;
            }
        }

        period = c->period ? c->period : period;
    }

    if (client->images == 0) {
        return;
    }

    view->used = jm_quota_used(q, c, period, seconds, &window);

    taken = view->used + view->reserved;

    view->remaining = client->images - jm_min(client->images, taken);
    view->reset = jm_quota_window_end(q, period, window);
}


/*
 * Processes do not look at the clock at the same time, nor in the same time
 * zone: one that is behind does not begin the last window again.
 */

static uint64_t
jm_quota_used(const jm_quota_t *q, const jm_quota_client_t *c,
    uint64_t period, int64_t seconds, uint64_t *window)
{
    *window = jm_quota_window(q, period, seconds);

    if (c == NULL || *window > c->window) {
        return 0;
    }

    *window = c->window;

    return c->used;
}


uint32_t
jm_quota_records(size_t n)
{
    return (uint32_t) jm_min(n + n / 8 + 1, UINT32_MAX);
}
