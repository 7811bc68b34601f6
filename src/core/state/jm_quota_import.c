
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_quota_loose.h"
#include "jm_quota_store.h"
#include "jm_quota_window.h"


/* more pictures than a client gets in a month, in a file that is damaged */

#define JM_QUOTA_MOST       UINT32_MAX


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

    if (was == NULL || was->len == 0 || was->len > JM_KEYS_NAME
        || was->serial == 0 || was->serial > INT64_MAX
        || was->used > JM_QUOTA_MOST)
    {
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

    } else if (window < c->window
               || (window == c->window && was->used <= c->used))
    {
        return JM_OK;
    }

    jm_put(s, c->full, was->full);
    jm_put(s, c->window, window);
    jm_put(s, c->used, was->used);
    jm_put(s, c->period, was->period);

    return JM_OK;
}
