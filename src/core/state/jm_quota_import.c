
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_quota_loose.h"
#include "jm_quota_used.h"
#include "jm_quota_window.h"


static unsigned jm_quota_import_good(const jm_quota_client_t *was);
static void jm_quota_import_client(jm_quota_t *q, jm_quota_client_t *c,
    const jm_quota_client_t *was, uint64_t window);
static void jm_quota_import_sums(jm_quota_t *q, jm_quota_sums_t *sums,
    const jm_quota_sums_t *was, int64_t seconds);


/*
 * A window or a bucket that is far ahead must not shut a client out for ever:
 * jm_quota_rate() sees to the bucket.
 */

jm_rc_e
jm_quota_import(jm_quota_t *q, const jm_store_t *old, jm_ref_t ref,
    int64_t seconds)
{
    jm_str_t                  name;
    uint64_t                  window;
    jm_store_t               *s;
    jm_quota_client_t        *c;
    const jm_quota_client_t  *was;

    s = q->store;

    was = jm_store_believed(old, ref, JM_RECORD_CLIENT, jm_quota_client_sealed);

    if (was == NULL || !jm_quota_import_good(was)) {
        return JM_INVALID;
    }

    name = jm_quota_name(was);

    window = was->window;

    if (was->period != 0) {
        window = jm_min(window, jm_quota_window(q, was->period, seconds));
    }

    c = jm_quota_find(q, name);

    if (c == NULL) {

        if (jm_quota_numbered(q, was->serial) != NULL) {
            return JM_INVALID;
        }

        if (was->loose && jm_quota_loose_full(q)) {
            return JM_ERROR;
        }

        if (jm_store_room(s, 1) != JM_OK) {
            return JM_ERROR;
        }

        c = jm_quota_add(q, name, was->serial);

        jm_quota_set_loose(q, c, was->loose ? 1 : 0);
        jm_quota_import_client(q, c, was, window);

    } else if (window > c->window
               || (window == c->window && was->used > c->used))
    {
        jm_quota_import_client(q, c, was, window);
    }

    jm_quota_import_sums(q, &c->sums, &was->sums, seconds);

    return JM_OK;
}


static unsigned
jm_quota_import_good(const jm_quota_client_t *was)
{
    return was->len != 0 && was->len <= JM_KEYS_NAME
           && was->serial != 0 && was->serial <= INT64_MAX
           && was->used <= JM_QUOTA_MOST;
}


static void
jm_quota_import_client(jm_quota_t *q, jm_quota_client_t *c,
    const jm_quota_client_t *was, uint64_t window)
{
    jm_store_t  *s;

    s = q->store;

    jm_put(s, c->full, was->full);
    jm_put(s, c->window, window);
    jm_put(s, c->used, was->used);
    jm_put(s, c->period, was->period);
    jm_put(s, c->budget, was->budget);
    jm_put(s, c->told, was->told);
}


/* of two the one counts that cost more, as above */

static void
jm_quota_import_sums(jm_quota_t *q, jm_quota_sums_t *sums,
    const jm_quota_sums_t *was, int64_t seconds)
{
    unsigned  i;
    uint64_t  cost;
    uint32_t  window;

    for (i = 0; i < JM_QUOTA_SUMS; i++) {
        window = (uint32_t) jm_min(was->windows[i],
                                   jm_quota_now(q, i, seconds));

        cost = jm_min(was->cost[i], JM_QUOTA_MOST_COST);

        if (window < sums->windows[i]
            || (window == sums->windows[i]
                && (cost < sums->cost[i]
                    || (cost == sums->cost[i]
                        && was->images[i] <= sums->images[i]))))
        {
            continue;
        }

        jm_put(q->store, sums->windows[i], window);
        jm_put(q->store, sums->images[i], was->images[i]);
        jm_put(q->store, sums->cost[i], cost);
    }
}


jm_rc_e
jm_quota_import_used(jm_quota_t *q, const jm_store_t *old, jm_ref_t ref,
    int64_t seconds)
{
    uint32_t                i;
    jm_quota_slot_t        *slot;
    jm_quota_client_t      *c;
    const jm_quota_used_t  *was;

    was = jm_store_believed(old, ref, JM_RECORD_USED, jm_quota_used_sealed);

    if (was == NULL || jm_quota_numbered(q, was->serial) == NULL) {
        return JM_INVALID;
    }

    /* as many slots as a record has are in one more, at most */

    if (jm_store_room(q->store, 1) != JM_OK) {
        return JM_ERROR;
    }

    /* it may have been forgotten for that */

    c = jm_quota_numbered(q, was->serial);

    if (c == NULL) {
        return JM_ERROR;
    }

    for (i = 0; i < JM_QUOTA_SLOTS; i++) {
        slot = jm_quota_slot(q, c, was->slots[i].model, seconds);

        if (slot != NULL) {
            jm_quota_import_sums(q, &slot->sums, &was->slots[i].sums, seconds);
        }
    }

    return JM_OK;
}
