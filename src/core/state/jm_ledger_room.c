
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_ledger_part.h"
#include "jm_ledger_room.h"


#define JM_LEDGER_EXPIRE    2       /* old entries looked at for each new one */


static unsigned jm_ledger_has_room(jm_ledger_t *l, uint32_t n);
static unsigned jm_ledger_evict(jm_ledger_t *l, uint64_t now);
static jm_ledger_slot_t *jm_ledger_part_slot(jm_ledger_t *l,
    const jm_ledger_part_t *part);
static unsigned jm_ledger_evict_result(jm_ledger_t *l, uint64_t now);
static void jm_ledger_forget_result(jm_ledger_t *l, jm_ledger_part_t *part,
    uint64_t now);
static jm_ledger_entry_t *jm_ledger_oldest(jm_ledger_t *l, unsigned spare);
static void jm_ledger_forget(jm_ledger_t *l, jm_ledger_entry_t *e,
    uint64_t now);
static void jm_ledger_expire(jm_ledger_t *l, jm_ring_t *ring, uint64_t now);
static void jm_ledger_expire_results(jm_ledger_t *l, uint64_t now);
static unsigned jm_ledger_expire_running(jm_ledger_t *l, uint64_t now);


jm_ledger_entry_t *
jm_ledger_add(jm_ledger_t *l, const jm_ledger_request_t *request,
    uint64_t now)
{
    unsigned            i;
    jm_ledger_slot_t   *slot;
    jm_ledger_entry_t  *e;

    jm_ledger_expire(l, &l->shared->finished, now);
    jm_ledger_expire(l, &l->shared->free, now);
    jm_ledger_expire(l, &l->shared->retired, now);
    jm_ledger_expire_results(l, now);
    (void) jm_ledger_expire_running(l, now);

    if (jm_ledger_room(l, jm_ledger_records(request->n), now) != JM_OK) {
        return NULL;
    }

    e = jm_ledger_new(l, JM_RECORD_ENTRY);

    jm_put(l->store, l->store->shared->serial, l->store->shared->serial + 1);

    e->serial = l->store->shared->serial;
    e->created = now;
    e->keep = request->keep;
    e->who = request->who;
    e->n = (uint8_t) request->n;
    e->named = (uint8_t) request->named;

    memcpy(e->key, request->key, JM_LEDGER_KEY);
    memcpy(e->fingerprint, request->fingerprint, JM_LEDGER_KEY);

    jm_store_seal(e, jm_ledger_entry_sealed);

    jm_ledger_add_tasks(l, e);

    for (i = 0; i < request->n; i++) {
        slot = jm_ledger_slot(l, e, i);

        slot->owner = l->store->owner;
        slot->round = 1;
        slot->state = JM_SLOT_IDLE;
        slot->sum = jm_ledger_sum(slot);
    }

    jm_ledger_link(l, e);

    return e;
}


jm_rc_e
jm_ledger_room(jm_ledger_t *l, uint32_t n, uint64_t now)
{
    while (!jm_ledger_has_room(l, n)) {

        if (!jm_ledger_evict(l, now)) {
            return JM_ERROR;
        }

        jm_store_commit(l->store);
    }

    return JM_OK;
}


static unsigned
jm_ledger_has_room(jm_ledger_t *l, uint32_t n)
{
    jm_store_shared_t  *shared;

    shared = l->store->shared;

    return shared->nfree >= n
           && l->shared->records + n + shared->kept <= shared->records;
}


jm_rc_e
jm_ledger_result_room(jm_ledger_t *l, uint32_t n, unsigned entries,
    uint64_t now)
{
    jm_ledger_entry_t  *e;

    while (!jm_ledger_has_room(l, n)) {

        if (!jm_ledger_part_give(l) && !jm_ledger_evict_result(l, now)) {
            e = entries ? jm_ledger_oldest(l, 1) : NULL;

            if (e == NULL) {
                return JM_ERROR;
            }

            jm_ledger_forget(l, e, now);
        }

        jm_store_commit(l->store);
    }

    return JM_OK;
}


static unsigned
jm_ledger_evict(jm_ledger_t *l, uint64_t now)
{
    return jm_ledger_shrink(l, now) == JM_OK
           || jm_ledger_expire_running(l, now);
}


static jm_ledger_slot_t *
jm_ledger_part_slot(jm_ledger_t *l, const jm_ledger_part_t *part)
{
    return jm_ledger_slot(l, jm_ledger_numbered(l, part->serial), part->task);
}


/* forgets what a task has brought, the oldest first; 0: there is none */

static unsigned
jm_ledger_evict_result(jm_ledger_t *l, uint64_t now)
{
    jm_ring_t  *link;

    link = jm_ring_next(l->store, &l->shared->results);

    if (link == &l->shared->results) {
        return 0;
    }

    jm_ledger_forget_result(l, jm_ledger_part(link), now);

    return 1;
}


/* the task is known to be over, and its entry stays, if anything finds it */

static void
jm_ledger_forget_result(jm_ledger_t *l, jm_ledger_part_t *part, uint64_t now)
{
    jm_ledger_kept_t    kept;
    jm_ledger_slot_t   *slot;
    jm_ledger_entry_t  *e;

    e = jm_ledger_numbered(l, part->serial);
    slot = jm_ledger_part_slot(l, part);
    kept = jm_ledger_kept(slot);

    if (kept.until > now) {
        l->evicted++;
    }

    jm_ledger_part_drop(l, kept.first);
    jm_ledger_become(l, slot, JM_SLOT_OVER);

    if (e->retired && e->finished && !jm_ledger_keeps(l, e)) {
        jm_ledger_drop(l, e);
    }
}


/*
 * The entry to be forgotten first, NULL: all run; with spare one that cost
 * nothing, or that nobody is owed or waits for.
 */

static jm_ledger_entry_t *
jm_ledger_oldest(jm_ledger_t *l, unsigned spare)
{
    unsigned            i;
    jm_ring_t          *ring, *link;
    jm_ledger_entry_t  *e;

    ring = &l->shared->free;
    link = jm_ring_next(l->store, ring);

    if (link != ring) {
        return jm_ledger_entry(link);
    }

    ring = &l->shared->finished;

    for (i = 0; i < JM_LEDGER_NEAR; i++) {
        link = jm_ring_next(l->store, i ? link : ring);

        if (link == ring) {
            break;
        }

        e = jm_ledger_entry(link);

        if (!spare || (e->owed_since == 0 && e->waits == 0)) {
            return e;
        }
    }

    return NULL;
}


jm_rc_e
jm_ledger_shrink(jm_ledger_t *l, uint64_t now)
{
    jm_ledger_entry_t  *e;

    if (jm_ledger_part_give(l) || jm_ledger_evict_result(l, now)) {
        return JM_OK;
    }

    e = jm_ledger_oldest(l, 0);

    if (e == NULL) {
        return JM_INVALID;
    }

    jm_ledger_forget(l, e, now);

    return JM_OK;
}


static void
jm_ledger_forget(jm_ledger_t *l, jm_ledger_entry_t *e, uint64_t now)
{
    if (!jm_ledger_expired(l, e, now)) {
        l->evicted++;
    }

    jm_ledger_drop(l, e);
}


/* drops some of what has expired, not all: the lock is held */

static void
jm_ledger_expire(jm_ledger_t *l, jm_ring_t *ring, uint64_t now)
{
    unsigned            i;
    jm_ring_t          *link;
    jm_ledger_entry_t  *e;

    for (i = 0; i < JM_LEDGER_EXPIRE; i++) {
        link = jm_ring_next(l->store, ring);

        if (link == ring) {
            break;
        }

        e = jm_ledger_entry(link);

        if (e->retired ? jm_ledger_keeps(l, e)
                       : !jm_ledger_expired(l, e, now))
        {
            break;
        }

        jm_ledger_retire(l, e);
    }
}


static void
jm_ledger_expire_results(jm_ledger_t *l, uint64_t now)
{
    unsigned           i;
    jm_ring_t         *link;
    jm_ledger_kept_t   kept;
    jm_ledger_part_t  *part;

    for (i = 0; i < JM_LEDGER_EXPIRE; i++) {
        link = jm_ring_next(l->store, &l->shared->results);

        if (link == &l->shared->results) {
            break;
        }

        part = jm_ledger_part(link);
        kept = jm_ledger_kept(jm_ledger_part_slot(l, part));

        if (kept.until > now) {
            break;
        }

        jm_ledger_forget_result(l, part, now);
    }

    (void) jm_ledger_part_give(l);
}


/* drops an entry that runs and is stale; returns whether there was one */

static unsigned
jm_ledger_expire_running(jm_ledger_t *l, uint64_t now)
{
    unsigned            i;
    jm_ring_t          *running, *link;
    jm_ledger_entry_t  *e;

    running = &l->shared->running;

    for (i = 0; i < JM_LEDGER_EXPIRE; i++) {
        link = jm_ring_next(l->store, running);

        if (link == running) {
            return 0;
        }

        e = jm_ledger_entry(link);

        if (jm_ledger_elapsed(e->created, now) < JM_LEDGER_STALE) {
            return 0;
        }

        if (jm_ledger_expired(l, e, now)) {
            jm_ledger_drop(l, e);
            return 1;
        }

        /* it is followed still, and must not hide the others */

        jm_ring_remove(l->store, link);
        jm_ring_insert(l->store, jm_ring_prev(l->store, running), link);
    }

    return 0;
}
