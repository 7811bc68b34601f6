
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_quota_store.h"


#define JM_QUOTA_NS         1000000     /* nanoseconds in a millisecond */

/* shares that there is room for at once; more are made when they are needed */

#define JM_QUOTA_READY      4096


static void jm_quota_bucket(const jm_client_t *client, uint64_t owed,
    jm_quota_rate_t *rate);
static uint64_t jm_quota_cost(const jm_client_t *client);
static uint64_t jm_quota_owed(const jm_quota_client_t *c,
    const jm_client_t *client, uint64_t now);
static uint64_t jm_quota_ms(uint64_t ns);
static jm_quota_e jm_quota_over(const jm_quota_view_t *view, uint64_t images);
static void jm_quota_look(const jm_quota_client_t *c,
    const jm_client_t *client, int64_t seconds, jm_quota_view_t *view);
static void jm_quota_roll(jm_quota_client_t *c, const jm_client_t *client,
    int64_t seconds);
static jm_quota_client_t *jm_quota_held(jm_quota_t *q, const jm_hold_t *hold);


jm_rc_e
jm_quota_reserve(jm_quota_t *q, size_t n, size_t processes)
{
    size_t   shares;
    jm_rc_e  rc;

    shares = JM_QUOTA_READY;

    if (n == 0 || processes < JM_QUOTA_READY / n) {
        shares = n * processes;
    }

    jm_quota_enter(q);

    rc = jm_quota_room(q, n, shares);

    jm_quota_leave(q);

    return rc;
}


jm_rc_e
jm_quota_sync(jm_quota_t *q, const jm_client_t *const *clients, size_t n)
{
    size_t               i, j;
    uint32_t             round;
    jm_quota_client_t   *c;
    jm_quota_clients_t  *room;

    jm_quota_enter(q);

    if (jm_quota_room(q, n, 0) != JM_OK) {
        jm_quota_leave(q);
        return JM_ERROR;
    }

    round = ++q->shared->round;

    for (i = 0; i < n; i++) {
        c = jm_quota_find(q, clients[i]->name);

        if (c != NULL) {
            c->round = round;
        }
    }

    for (room = q->shared->clients; room != NULL; room = room->next) {

        for (j = 0; j < JM_QUOTA_CLIENTS; j++) {
            c = &room->clients[j];

            if (c->serial != 0 && c->round != round) {
                jm_quota_drop(q, c);
            }
        }
    }

    for (i = 0; i < n; i++) {

        if (jm_quota_find(q, clients[i]->name) == NULL) {
            (void) jm_quota_add(q, clients[i]->name);
        }
    }

    jm_quota_leave(q);

    return JM_OK;
}


unsigned
jm_quota_knows(jm_quota_t *q, const jm_client_t *client)
{
    unsigned  known;

    jm_quota_enter(q);

    known = (jm_quota_find(q, client->name) != NULL);

    jm_quota_leave(q);

    return known;
}


/*
 * A bucket is kept as the time at which it is going to be full: each request
 * moves it on by what it costs, and one store is all that it takes.
 */

jm_rc_e
jm_quota_rate(jm_quota_t *q, const jm_client_t *client, uint64_t now,
    jm_quota_rate_t *rate)
{
    uint64_t            owed;
    jm_quota_client_t  *c;

    jm_quota_enter(q);

    c = client->rate ? jm_quota_find(q, client->name) : NULL;

    owed = jm_quota_owed(c, client, now);

    jm_quota_bucket(client, owed, rate);

    if (c != NULL && rate->retry == 0) {
        owed += jm_quota_cost(client);

        c->full = now * JM_QUOTA_NS + owed;

        jm_quota_bucket(client, owed, rate);
        rate->retry = 0;

        jm_quota_leave(q);

        return JM_OK;
    }

    jm_quota_leave(q);

    return rate->retry ? JM_INVALID : JM_OK;
}


void
jm_quota_rate_view(jm_quota_t *q, const jm_client_t *client, uint64_t now,
    jm_quota_rate_t *rate)
{
    jm_quota_client_t  *c;

    jm_quota_enter(q);

    c = client->rate ? jm_quota_find(q, client->name) : NULL;

    jm_quota_bucket(client, jm_quota_owed(c, client, now), rate);

    jm_quota_leave(q);
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

    jm_quota_enter(q);

    c = jm_quota_find(q, client->name);

    jm_quota_look(c, client, seconds, view);

    rc = JM_QUOTA_OK;

    if (c == NULL || (client->concurrency == 0 && client->images == 0)) {
        goto done;
    }

    rc = jm_quota_over(view, images);

    if (rc != JM_QUOTA_OK) {

        /* some of what runs may be of processes that are dead */

        jm_quota_reap(q, c);
        jm_quota_look(c, client, seconds, view);

        rc = jm_quota_over(view, images);

        if (rc != JM_QUOTA_OK && !force) {
            goto done;
        }
    }

    share = jm_quota_share(q, c);

    if (share == NULL) {
        share = jm_quota_share_add(q, c);

        if (share == NULL) {
            rc = JM_QUOTA_NO_ROOM;
            goto done;
        }
    }

    share->running++;
    share->images += images;

    hold->client = client;
    hold->serial = c->serial;
    hold->running = 1;
    hold->images = images;

done:

    jm_quota_leave(q);

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
    jm_quota_client_t  *c;

    memset(hold, 0, sizeof(jm_hold_t));

    jm_quota_enter(q);

    c = jm_quota_find(q, client->name);

    if (c != NULL) {
        hold->client = client;
        hold->serial = c->serial;
    }

    jm_quota_leave(q);
}


void
jm_quota_delivered(jm_quota_t *q, jm_hold_t *hold, uint64_t images,
    int64_t seconds)
{
    uint64_t            n;
    jm_quota_share_t   *share;
    jm_quota_client_t  *c;

    jm_quota_enter(q);

    c = jm_quota_held(q, hold);

    if (c == NULL || hold->client->images == 0) {
        goto done;
    }

    /* counted first: should the process die here, its share is given back */

    jm_quota_roll(c, hold->client, seconds);
    c->used += images;
    jm_fence();

    n = jm_min(images, hold->images);
    share = jm_quota_share(q, c);

    if (share != NULL) {
        share->images -= jm_min(n, share->images);
    }

    hold->images -= n;

done:

    jm_quota_leave(q);
}


void
jm_quota_release(jm_quota_t *q, jm_hold_t *hold)
{
    jm_quota_share_t   *share;
    jm_quota_client_t  *c;

    jm_quota_enter(q);

    c = hold->running ? jm_quota_held(q, hold) : NULL;
    share = c ? jm_quota_share(q, c) : NULL;

    if (share != NULL) {
        share->running--;
        share->images -= jm_min(hold->images, share->images);

        if (share->running == 0) {
            jm_quota_share_drop(q, share);
        }
    }

    jm_quota_leave(q);

    hold->running = 0;
    hold->images = 0;
}


/* the client that the hold is on, NULL: it was forgotten meanwhile */

static jm_quota_client_t *
jm_quota_held(jm_quota_t *q, const jm_hold_t *hold)
{
    jm_quota_client_t  *c;

    if (hold->client == NULL) {
        return NULL;
    }

    c = jm_quota_find(q, hold->client->name);

    return (c != NULL && c->serial == hold->serial) ? c : NULL;
}


void
jm_quota_view(jm_quota_t *q, const jm_client_t *client, int64_t seconds,
    jm_quota_view_t *view)
{
    jm_quota_client_t  *c;

    jm_quota_enter(q);

    c = jm_quota_find(q, client->name);

    if (c != NULL) {
        jm_quota_reap(q, c);
    }

    jm_quota_look(c, client, seconds, view);

    jm_quota_leave(q);
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
    }

    return n;
}


static void
jm_quota_look(const jm_quota_client_t *c, const jm_client_t *client,
    int64_t seconds, jm_quota_view_t *view)
{
    uint64_t                 taken;
    jm_quota_client_t        now;
    const jm_quota_share_t  *share;

    memset(view, 0, sizeof(jm_quota_view_t));
    memset(&now, 0, sizeof(jm_quota_client_t));

    if (c != NULL) {
        now = *c;
    }

    view->concurrency = client->concurrency;
    view->limit = client->images;

    for (share = now.shares; share != NULL; share = share->next) {
        view->running += share->running;
        view->reserved += share->images;
    }

    if (client->images == 0) {
        return;
    }

    jm_quota_roll(&now, client, seconds);

    taken = now.used + view->reserved;

    view->used = now.used;
    view->remaining = client->images - jm_min(client->images, taken);
    view->reset = (int64_t) ((now.window + 1) * client->images_period);
}


/*
 * A new day, or hour, begins.  Processes do not look at the clock at the same
 * time: one that is just behind does not begin the last one again.
 */

static void
jm_quota_roll(jm_quota_client_t *c, const jm_client_t *client,
    int64_t seconds)
{
    uint64_t  window;

    window = (uint64_t) seconds / client->images_period;

    if (window > c->window || window + 1 < c->window) {
        c->used = 0;
        jm_fence();
        c->window = window;
    }
}
