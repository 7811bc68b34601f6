
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_quota_loose.h"
#include "jm_quota_used.h"
#include "jm_quota_window.h"


/* ns that the largest bucket takes to fill: what is later is damaged */

#define JM_QUOTA_HOUR       UINT64_C(3600000000000)

/* clients looked at when one is new: more are forgotten than come */

#define JM_QUOTA_SWEEP      2


static jm_rc_e jm_quota_loose_room(jm_quota_t *q, uint64_t now,
    int64_t seconds);
static unsigned jm_quota_idle(const jm_quota_t *q, jm_quota_client_t *c,
    uint64_t now, int64_t seconds);
static unsigned jm_quota_unused(const jm_quota_t *q,
    const jm_quota_client_t *c, unsigned which, int64_t seconds);


jm_rc_e
jm_quota_enter(jm_quota_t *q, const jm_client_t *client, uint64_t now,
    int64_t seconds)
{
    unsigned            budget;
    jm_quota_client_t  *c;

    if (!client->unlisted) {
        return JM_OK;
    }

    c = jm_quota_find(q, client->name);

    if (c == NULL) {

        if (jm_quota_loose_room(q, now, seconds) != JM_OK) {
            return JM_ERROR;
        }

        c = jm_quota_add(q, client->name, q->store->shared->serial + 1);

        jm_quota_set_loose(q, c, 1);
    }

    /* a location without limits says nothing of those that others have */

    if (c->loose && client->images != 0) {
        jm_quota_set_period(q, c, client->images_period);
    }

    if (c->loose && client->budget != 0) {
        budget = 1 + jm_quota_which(client->budget_period);

        if (c->budget != budget) {
            jm_put(q->store, c->budget, (uint8_t) budget);
        }
    }

    return JM_OK;
}


jm_quota_e
jm_quota_enter_hold(jm_quota_t *q, const jm_client_t *client,
    const jm_bill_t *most, unsigned force, uint64_t now, int64_t seconds,
    jm_hold_t *hold, jm_quota_view_t *view)
{
    if (jm_quota_enter(q, client, now, seconds) != JM_OK) {
        return JM_QUOTA_NO_ROOM;
    }

    return jm_quota_hold(q, client, most, force, seconds, hold, view);
}


static jm_rc_e
jm_quota_loose_room(jm_quota_t *q, uint64_t now, int64_t seconds)
{
    (void) jm_quota_shrink(q, JM_QUOTA_SWEEP, 0, now, seconds);

    if (jm_quota_loose_full(q)
        && jm_quota_shrink(q, JM_QUOTA_PIECE, 1, now, seconds) != JM_OK)
    {
        return JM_ERROR;
    }

    return jm_store_room(q->store, 1);
}


/* who is in use goes to the end: others are looked at before it is again */

jm_rc_e
jm_quota_shrink(jm_quota_t *q, unsigned n, unsigned hard, uint64_t now,
    int64_t seconds)
{
    jm_rc_e             rc;
    jm_ring_t          *loose, *link;
    jm_store_t         *s;
    jm_quota_client_t  *c;

    s = q->store;
    loose = &q->shared->loose;

    rc = JM_INVALID;

    for (n = jm_min(n, q->shared->nloose); n != 0; n--) {
        link = jm_ring_next(s, loose);
        c = jm_quota_linked(link);

        if (jm_quota_idle(q, c, now, seconds)
            && (hard || jm_quota_unused(q, c, JM_QUOTA_MONTH, seconds)))
        {
            jm_quota_drop(q, c);
            rc = JM_OK;

        } else {
            jm_ring_remove(s, link);
            jm_ring_insert(s, jm_ring_prev(s, loose), link);
        }

        jm_store_commit(s);
    }

    return rc;
}


static unsigned
jm_quota_idle(const jm_quota_t *q, jm_quota_client_t *c, uint64_t now,
    int64_t seconds)
{
    uint32_t                 i;
    uint64_t                 full;
    const jm_quota_share_t  *share;

    full = now * JM_QUOTA_NS;

    if (c->full > full && c->full - full <= JM_QUOTA_HOUR) {
        return 0;
    }

    if (c->period != 0
        && jm_quota_window(q, c->period, seconds) <= c->window)
    {
        return 0;
    }

    if (c->budget != 0 && c->budget <= JM_QUOTA_SUMS
        && !jm_quota_unused(q, c, c->budget - 1u, seconds))
    {
        return 0;
    }

    for (i = 0; (share = jm_quota_share_at(q, c, i)) != NULL; i++) {

        if (share->owner != 0 && jm_store_lives(q->store, share->owner)) {
            return 0;
        }
    }

    return 1;
}


static unsigned
jm_quota_unused(const jm_quota_t *q, const jm_quota_client_t *c,
    unsigned which, int64_t seconds)
{
    return jm_quota_now(q, which, seconds) > c->sums.windows[which];
}


unsigned
jm_quota_loose_full(const jm_quota_t *q)
{
    return q->shared->nloose >= q->store->shared->records / JM_QUOTA_LOOSE;
}


unsigned
jm_quota_listed(const jm_quota_t *q, const jm_client_t *client)
{
    const jm_quota_client_t  *c;

    c = jm_quota_find(q, client->name);

    return c != NULL && !c->loose;
}
