
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_hash.h"
#include "jm_quota_store.h"
#include "jm_store_layout.h"


static void jm_quota_link(jm_quota_t *q, jm_ref_t *chain,
    jm_quota_client_t *c, unsigned table);
static void jm_quota_unlink(jm_quota_t *q, jm_ref_t *chain,
    jm_quota_client_t *c, unsigned table);
static void jm_quota_trim(jm_quota_t *q, jm_quota_client_t *c);
static jm_ref_t *jm_quota_by_name(const jm_quota_t *q, jm_str_t name);
static jm_ref_t *jm_quota_by_serial(const jm_quota_t *q, uint64_t serial);


jm_rc_e
jm_quota_layout(jm_quota_t *q, jm_store_t *s)
{
    unsigned  i;
    uint32_t  chains;

    chains = jm_store_chains(s);

    q->store = s;
    q->mask = chains - 1;

    q->shared = jm_store_head(s, sizeof(jm_quota_shared_t));
    if (q->shared == NULL) {
        return JM_ERROR;
    }

    for (i = 0; i < JM_QUOTA_TABLES; i++) {
        q->tables[i] = jm_store_head(s, chains * sizeof(jm_ref_t));
        if (q->tables[i] == NULL) {
            return JM_ERROR;
        }
    }

    if (s->fresh) {
        jm_ring_init(s, &q->shared->clients);
        jm_ring_init(s, &q->shared->loose);
    }

    return JM_OK;
}


jm_quota_client_t *
jm_quota_find(const jm_quota_t *q, jm_str_t name)
{
    jm_ref_t            ref;
    jm_quota_client_t  *c;

    for (ref = *jm_quota_by_name(q, name); ref; ref = c->next[JM_QUOTA_NAMES]) {
        c = jm_at(q->store, ref);

        if (c->len == name.len && memcmp(c->name, name.data, name.len) == 0) {
            return c;
        }
    }

    return NULL;
}


jm_quota_client_t *
jm_quota_numbered(const jm_quota_t *q, uint64_t serial)
{
    jm_quota_client_t  *c;

    c = jm_at(q->store, *jm_quota_by_serial(q, serial));

    while (c != NULL && c->serial != serial) {
        c = jm_at(q->store, c->next[JM_QUOTA_SERIALS]);
    }

    return c;
}


jm_quota_client_t *
jm_quota_add(jm_quota_t *q, jm_str_t name, uint64_t serial)
{
    jm_store_t         *s;
    jm_quota_client_t  *c;

    s = q->store;

    c = jm_store_take(s, JM_RECORD_CLIENT);

    memcpy(c->name, name.data, name.len);
    c->len = (uint32_t) name.len;
    c->serial = serial;

    jm_store_seal(c, jm_quota_client_sealed);

    jm_quota_link(q, jm_quota_by_name(q, name), c, JM_QUOTA_NAMES);
    jm_quota_link(q, jm_quota_by_serial(q, serial), c, JM_QUOTA_SERIALS);

    jm_ring_insert(s, &q->shared->clients, &c->link);

    jm_put(s, q->shared->nclients, q->shared->nclients + 1);
    jm_put(s, s->shared->serial, jm_max(s->shared->serial, serial));

    return c;
}


void
jm_quota_drop(jm_quota_t *q, jm_quota_client_t *c)
{
    jm_ref_t          ref;
    jm_store_t       *s;
    jm_quota_more_t  *more;
    jm_quota_used_t  *used;

    s = q->store;

    for (ref = c->more; ref; ref = more->next) {
        more = jm_at(s, ref);
        jm_store_give(s, more);
    }

    for (ref = c->models; ref; ref = used->next) {
        used = jm_at(s, ref);
        jm_store_give(s, used);
    }

    jm_quota_unlink(q, jm_quota_by_name(q, jm_quota_name(c)), c,
                    JM_QUOTA_NAMES);
    jm_quota_unlink(q, jm_quota_by_serial(q, c->serial), c, JM_QUOTA_SERIALS);

    jm_quota_set_loose(q, c, 0);

    jm_ring_remove(s, &c->link);

    jm_put(s, q->shared->nclients, q->shared->nclients - 1);

    jm_store_give(s, c);
}


/* the ledger leaves loose ones the room that they have, as it does others */

void
jm_quota_set_loose(jm_quota_t *q, jm_quota_client_t *c, unsigned loose)
{
    uint32_t            n;
    jm_store_t         *s;
    jm_quota_shared_t  *shared;

    if (c->loose == loose) {
        return;
    }

    s = q->store;
    shared = q->shared;

    n = loose ? 1 : UINT32_MAX;

    jm_put(s, c->loose, (uint8_t) loose);
    jm_put(s, shared->nloose, shared->nloose + n);
    jm_put(s, shared->nclients, shared->nclients - n);
    jm_put(s, s->shared->kept, s->shared->kept + n * JM_QUOTA_EACH);

    jm_ring_remove(s, &c->link);
    jm_ring_insert(s, loose ? jm_ring_prev(s, &shared->loose)
                            : &shared->clients, &c->link);
}


void
jm_quota_set_period(jm_quota_t *q, jm_quota_client_t *c, uint64_t period)
{
    if (c->period != period) {
        jm_put(q->store, c->period, (uint32_t) period);
        jm_put(q->store, c->window, 0);
        jm_put(q->store, c->used, 0);
        jm_put(q->store, c->told, c->told & (uint8_t) ~JM_QUOTA_TOLD);
    }
}


static void
jm_quota_link(jm_quota_t *q, jm_ref_t *chain, jm_quota_client_t *c,
    unsigned table)
{
    c->next[table] = *chain;
    jm_put(q->store, *chain, jm_ref(q->store, c));
}


static void
jm_quota_unlink(jm_quota_t *q, jm_ref_t *chain, jm_quota_client_t *c,
    unsigned table)
{
    jm_quota_client_t  *other;

    while (*chain != jm_ref(q->store, c)) {
        other = jm_at(q->store, *chain);
        chain = &other->next[table];
    }

    jm_put(q->store, *chain, c->next[table]);
}


jm_quota_share_t *
jm_quota_share_at(const jm_quota_t *q, jm_quota_client_t *c, uint32_t i)
{
    jm_ref_t          ref;
    jm_quota_more_t  *more;

    if (i < JM_QUOTA_SHARES) {
        return &c->shares[i];
    }

    i -= JM_QUOTA_SHARES;

    for (ref = c->more; ref; ref = more->next) {
        more = jm_at(q->store, ref);

        if (i < JM_QUOTA_MORE) {
            return &more->shares[i];
        }

        i -= JM_QUOTA_MORE;
    }

    return NULL;
}


jm_quota_share_t *
jm_quota_share(const jm_quota_t *q, jm_quota_client_t *c, uint32_t owner)
{
    uint32_t           i;
    jm_quota_share_t  *share;

    for (i = 0; (share = jm_quota_share_at(q, c, i)) != NULL; i++) {

        if (share->owner == owner) {
            break;
        }
    }

    return share;
}


/* dead processes' shares go first: a client has no more than live processes */

jm_quota_share_t *
jm_quota_share_add(jm_quota_t *q, jm_quota_client_t *c)
{
    jm_store_t        *s;
    jm_quota_more_t   *more;
    jm_quota_share_t  *share;

    s = q->store;

    share = jm_quota_share(q, c, 0);

    if (share == NULL) {
        jm_quota_reap(q, c);

        share = jm_quota_share(q, c, 0);
    }

    if (share == NULL) {

        if (jm_store_room(s, 1) != JM_OK) {
            return NULL;
        }

        more = jm_store_take(s, JM_RECORD_SHARES);

        more->next = c->more;
        jm_put(s, c->more, jm_ref(s, more));

        share = &more->shares[0];
    }

    jm_put(s, share->owner, s->owner);
    jm_put(s, share->running, 0);
    jm_put(s, share->images, 0);
    jm_put(s, share->cost, 0);

    return share;
}


void
jm_quota_share_drop(jm_quota_t *q, jm_quota_client_t *c,
    jm_quota_share_t *share)
{
    jm_put(q->store, share->owner, 0);

    jm_quota_trim(q, c);
}


void
jm_quota_reap(jm_quota_t *q, jm_quota_client_t *c)
{
    uint32_t           i;
    jm_store_t        *s;
    jm_quota_share_t  *share;

    s = q->store;

    for (i = 0; (share = jm_quota_share_at(q, c, i)) != NULL; i++) {

        if (share->owner != 0 && !jm_store_lives(s, share->owner)) {
            jm_put(s, share->owner, 0);
        }
    }

    jm_quota_trim(q, c);
}


/* gives back the records of shares that are all free */

static void
jm_quota_trim(jm_quota_t *q, jm_quota_client_t *c)
{
    uint32_t          i;
    jm_ref_t         *ref;
    jm_quota_more_t  *more;

    ref = &c->more;

    while (*ref != 0) {
        more = jm_at(q->store, *ref);

        for (i = 0; i < JM_QUOTA_MORE && more->shares[i].owner == 0; i++) {
            /* void */
        }

        if (i < JM_QUOTA_MORE) {
            ref = &more->next;
            continue;
        }

        jm_put(q->store, *ref, more->next);
        jm_store_give(q->store, more);
    }
}


static jm_ref_t *
jm_quota_by_name(const jm_quota_t *q, jm_str_t name)
{
    uint64_t  hash;

    hash = jm_hash(JM_HASH_START, name.data, name.len);

    return &q->tables[JM_QUOTA_NAMES][hash & q->mask];
}


static jm_ref_t *
jm_quota_by_serial(const jm_quota_t *q, uint64_t serial)
{
    return &q->tables[JM_QUOTA_SERIALS][serial & q->mask];
}


jm_str_t
jm_quota_name(const jm_quota_client_t *c)
{
    jm_str_t  name;

    name.len = c->len;
    name.data = c->name;

    return name;
}
