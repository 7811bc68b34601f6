
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_hash.h"
#include "jm_ledger_store.h"
#include "jm_store_layout.h"


#define JM_LEDGER_EXPIRE    2       /* old entries looked at for each new one */

_Static_assert(sizeof(jm_ledger_entry_t) <= JM_RECORD, "it is a record");
_Static_assert(sizeof(jm_ledger_tasks_t) <= JM_RECORD, "it is a record");
_Static_assert(sizeof(jm_ledger_told_t) <= JM_RECORD, "it is a record");


static jm_ring_t *jm_ledger_ring(jm_ledger_t *l, jm_ledger_entry_t *e,
    unsigned over);
static unsigned jm_ledger_is_over(jm_ledger_t *l, jm_ledger_entry_t *e);
static unsigned jm_ledger_is_running(const jm_ledger_slot_t *slot);
static unsigned jm_ledger_is_void(jm_ledger_t *l, jm_ledger_entry_t *e);
static jm_ledger_entry_t *jm_ledger_oldest(jm_ledger_t *l);
static unsigned jm_ledger_evict(jm_ledger_t *l, uint64_t now);
static void jm_ledger_expire(jm_ledger_t *l, jm_ring_t *ring, uint64_t now);
static unsigned jm_ledger_expire_running(jm_ledger_t *l, uint64_t now);
static void jm_ledger_give(jm_ledger_t *l, void *record);
static void jm_ledger_give_told(jm_ledger_t *l, jm_ledger_entry_t *e);
static void jm_ledger_give_tasks(jm_ledger_t *l, jm_ledger_entry_t *e);
static jm_ref_t *jm_ledger_key_chain(jm_ledger_t *l, const uint8_t *key);
static jm_ref_t *jm_ledger_serial_chain(jm_ledger_t *l, uint64_t serial);


jm_rc_e
jm_ledger_layout(jm_ledger_t *l, jm_store_t *s)
{
    size_t    size;
    uint32_t  chains;

    chains = jm_store_chains(s);
    size = chains * sizeof(jm_ref_t);

    l->store = s;
    l->mask = chains - 1;

    l->shared = jm_store_head(s, sizeof(jm_ledger_shared_t));
    l->keys = jm_store_head(s, size);
    l->serials = jm_store_head(s, size);
    l->owed = jm_store_head(s, size);

    if (l->shared == NULL || l->owed == NULL) {
        return JM_ERROR;
    }

    if (s->fresh) {
        jm_ring_init(s, &l->shared->running);
        jm_ring_init(s, &l->shared->finished);
        jm_ring_init(s, &l->shared->free);
        jm_ring_init(s, &l->shared->attended);
    }

    return JM_OK;
}


jm_ledger_entry_t *
jm_ledger_newest(jm_ledger_t *l, const uint8_t *key)
{
    return jm_ledger_at(l, *jm_ledger_key_chain(l, key));
}


jm_ledger_entry_t *
jm_ledger_find(jm_ledger_t *l, const jm_ledger_claim_t *claim)
{
    return jm_ledger_numbered(l, claim->serial);
}


jm_ledger_entry_t *
jm_ledger_numbered(jm_ledger_t *l, uint64_t serial)
{
    jm_ledger_entry_t  *e;

    for (e = jm_ledger_at(l, *jm_ledger_serial_chain(l, serial)); e != NULL;
         e = jm_ledger_at(l, e->next))
    {
        if (e->serial == serial) {
            return e;
        }
    }

    return NULL;
}


jm_ledger_slot_t *
jm_ledger_slot(jm_ledger_t *l, jm_ledger_entry_t *e, unsigned i)
{
    jm_ledger_tasks_t  *tasks;

    if (i == 0) {
        return &e->slot;
    }

    tasks = jm_at(l->store, e->more);

    while (i - tasks->first >= JM_LEDGER_MORE) {
        tasks = jm_at(l->store, tasks->next);
    }

    return &tasks->slots[i - tasks->first];
}


void
jm_ledger_become(jm_ledger_t *l, jm_ledger_slot_t *slot, jm_slot_e state)
{
    jm_put(l->store, slot->state, (uint8_t) state);
    jm_put(l->store, slot->sum, jm_ledger_sum(slot));
}


uint32_t
jm_ledger_sum(const jm_ledger_slot_t *slot)
{
    return (uint32_t) jm_sum(JM_HASH_START, slot,
                              offsetof(jm_ledger_slot_t, round));
}


jm_ledger_entry_t *
jm_ledger_add(jm_ledger_t *l, const jm_ledger_request_t *request,
    uint64_t now)
{
    unsigned            i;
    jm_ledger_slot_t   *slot;
    jm_ledger_entry_t  *e;

    jm_ledger_expire(l, &l->shared->finished, now);
    jm_ledger_expire(l, &l->shared->free, now);
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


uint32_t
jm_ledger_records(unsigned n)
{
    return 1 + (n - 1 + JM_LEDGER_MORE - 1) / JM_LEDGER_MORE;
}


void
jm_ledger_add_tasks(jm_ledger_t *l, jm_ledger_entry_t *e)
{
    unsigned            i;
    jm_ledger_tasks_t  *tasks;

    for (i = 1; i < e->n; i += JM_LEDGER_MORE) {
        tasks = jm_ledger_new(l, JM_RECORD_TASKS);

        tasks->serial = e->serial;
        tasks->first = (uint8_t) i;
        tasks->next = e->more;

        jm_store_seal(tasks, jm_ledger_tasks_sealed);

        e->more = jm_ref(l->store, tasks);
    }
}


void
jm_ledger_link(jm_ledger_t *l, jm_ledger_entry_t *e)
{
    jm_ref_t  *chain;

    chain = jm_ledger_serial_chain(l, e->serial);
    e->next = *chain;
    jm_put(l->store, *chain, jm_ref(l->store, e));

    chain = jm_ledger_key_chain(l, e->key);
    e->older = *chain;
    jm_put(l->store, *chain, jm_ref(l->store, e));

    jm_ring_insert(l->store,
                   jm_ring_prev(l->store,
                                jm_ledger_ring(l, e, e->finished != 0)),
                   &e->link);

    jm_put(l->store, l->shared->entries, l->shared->entries + 1);
}


void
jm_ledger_drop(jm_ledger_t *l, jm_ledger_entry_t *e)
{
    jm_ref_t  *chain;

    for (chain = jm_ledger_key_chain(l, e->key); jm_ledger_at(l, *chain) != e;
         chain = &jm_ledger_at(l, *chain)->older)
    {
        /* void */
    }

    jm_put(l->store, *chain, e->older);

    for (chain = jm_ledger_serial_chain(l, e->serial);
         jm_ledger_at(l, *chain) != e;
         chain = &jm_ledger_at(l, *chain)->next)
    {
        /* void */
    }

    jm_put(l->store, *chain, e->next);
    jm_put(l->store, l->shared->entries, l->shared->entries - 1);

    jm_ledger_forgive(l, e);
    jm_ledger_give_told(l, e);
    jm_ledger_unattend(l, e);
    jm_ring_remove(l->store, &e->link);

    jm_ledger_give_tasks(l, e);
    jm_ledger_give(l, e);
}


static void
jm_ledger_give_tasks(jm_ledger_t *l, jm_ledger_entry_t *e)
{
    jm_ledger_tasks_t  *tasks, *next;

    for (tasks = jm_at(l->store, e->more); tasks != NULL; tasks = next) {
        next = jm_at(l->store, tasks->next);
        jm_ledger_give(l, tasks);
    }
}


void
jm_ledger_forgive(jm_ledger_t *l, jm_ledger_entry_t *e)
{
    jm_ref_t  *chain;

    if (e->owed_since == 0) {
        return;
    }

    for (chain = jm_ledger_owed_chain(l, e->key);
         jm_ledger_at(l, *chain) != e;
         chain = &jm_ledger_at(l, *chain)->owed)
    {
        /* void */
    }

    jm_put(l->store, *chain, e->owed);
    jm_put(l->store, e->owed_since, 0);
    jm_put(l->store, e->tell, 0);

    if (!e->handed) {
        jm_ledger_give_told(l, e);
    }
}


static void
jm_ledger_give_told(jm_ledger_t *l, jm_ledger_entry_t *e)
{
    if (e->told != 0) {
        jm_ledger_give(l, jm_at(l->store, e->told));
        jm_put(l->store, e->told, 0);
    }
}


void
jm_ledger_attend(jm_ledger_t *l, jm_ledger_entry_t *e)
{
    if (e->waits == 0) {
        jm_ring_insert(l->store, jm_ring_prev(l->store, &l->shared->attended),
                       &e->attended);
        jm_put(l->store, l->shared->attending, l->shared->attending + 1);
    }

    jm_put(l->store, e->waits, l->store->owner);
}


void
jm_ledger_unattend(jm_ledger_t *l, jm_ledger_entry_t *e)
{
    if (e->waits != 0) {
        jm_ring_remove(l->store, &e->attended);
        jm_put(l->store, l->shared->attending, l->shared->attending - 1);
        jm_put(l->store, e->waits, 0);
    }
}


void
jm_ledger_settle(jm_ledger_t *l, jm_ledger_entry_t *e, uint64_t now)
{
    unsigned  over;

    if (jm_ledger_useless(l, e)) {
        jm_ledger_drop(l, e);
        return;
    }

    over = jm_ledger_is_over(l, e);

    if (over == (e->finished != 0)) {
        return;
    }

    jm_put(l->store, e->finished, over ? jm_max(now, 1) : 0);

    jm_ring_remove(l->store, &e->link);
    jm_ring_insert(l->store,
                   jm_ring_prev(l->store, jm_ledger_ring(l, e, over)),
                   &e->link);
}


unsigned
jm_ledger_useless(jm_ledger_t *l, jm_ledger_entry_t *e)
{
    return e->clients == 0 && e->told == 0 && jm_ledger_is_void(l, e);
}


static jm_ring_t *
jm_ledger_ring(jm_ledger_t *l, jm_ledger_entry_t *e, unsigned over)
{
    if (!over) {
        return &l->shared->running;
    }

    return jm_ledger_is_void(l, e) ? &l->shared->free : &l->shared->finished;
}


static unsigned
jm_ledger_is_over(jm_ledger_t *l, jm_ledger_entry_t *e)
{
    unsigned  i;

    for (i = 0; i < e->n; i++) {

        if (jm_ledger_is_running(jm_ledger_slot(l, e, i))) {
            return 0;
        }
    }

    return 1;
}


static unsigned
jm_ledger_is_running(const jm_ledger_slot_t *slot)
{
    return slot->state == JM_SLOT_IDLE || slot->state == JM_SLOT_SUBMIT
           || slot->state == JM_SLOT_TAKEN;
}


/* it cost nothing, and nobody has an id of it */

static unsigned
jm_ledger_is_void(jm_ledger_t *l, jm_ledger_entry_t *e)
{
    unsigned  i, state;

    for (i = 0; i < e->n && !e->handed; i++) {
        state = jm_ledger_slot(l, e, i)->state;

        if (state != JM_SLOT_FREE && state != JM_SLOT_CANCELED) {
            return 0;
        }
    }

    return !e->handed;
}


unsigned
jm_ledger_followed(jm_ledger_t *l, const jm_ledger_slot_t *slot)
{
    return jm_store_lives(l->store, slot->owner);
}


unsigned
jm_ledger_owned(jm_ledger_t *l, jm_ledger_entry_t *e)
{
    unsigned           i;
    jm_ledger_slot_t  *slot;

    for (i = 0; i < e->n; i++) {
        slot = jm_ledger_slot(l, e, i);

        if (jm_ledger_is_running(slot) && jm_ledger_followed(l, slot)) {
            return 1;
        }
    }

    return 0;
}


unsigned
jm_ledger_expired(jm_ledger_t *l, jm_ledger_entry_t *e, uint64_t now)
{
    if (e->finished) {
        return jm_ledger_elapsed(e->finished, now)
               >= (jm_ledger_is_void(l, e) ? JM_LEDGER_TOLD_FOR : e->keep);
    }

    return jm_ledger_elapsed(e->created, now) >= JM_LEDGER_STALE
           && !jm_ledger_owned(l, e);
}


uint64_t
jm_ledger_elapsed(uint64_t then, uint64_t now)
{
    return now > then ? now - then : 0;
}


jm_rc_e
jm_ledger_room(jm_ledger_t *l, uint32_t n, uint64_t now)
{
    jm_store_shared_t  *shared;

    shared = l->store->shared;

    while (shared->nfree < n
           || l->shared->records + n + shared->kept > shared->records)
    {
        if (!jm_ledger_evict(l, now)) {
            return JM_ERROR;
        }

        jm_store_commit(l->store);
    }

    return JM_OK;
}


void *
jm_ledger_new(jm_ledger_t *l, jm_record_e type)
{
    jm_put(l->store, l->shared->records, l->shared->records + 1);

    return jm_store_take(l->store, type);
}


static void
jm_ledger_give(jm_ledger_t *l, void *record)
{
    jm_put(l->store, l->shared->records, l->shared->records - 1);

    jm_store_give(l->store, record);
}


static unsigned
jm_ledger_evict(jm_ledger_t *l, uint64_t now)
{
    return jm_ledger_shrink(l, now) == JM_OK
           || jm_ledger_expire_running(l, now);
}


/* the entry to be forgotten first, NULL: all run */

static jm_ledger_entry_t *
jm_ledger_oldest(jm_ledger_t *l)
{
    jm_ring_t  *ring, *link;

    ring = &l->shared->free;
    link = jm_ring_next(l->store, ring);

    if (link == ring) {
        ring = &l->shared->finished;
        link = jm_ring_next(l->store, ring);
    }

    return (link == ring) ? NULL : jm_ledger_entry(link);
}


jm_rc_e
jm_ledger_shrink(jm_ledger_t *l, uint64_t now)
{
    jm_ledger_entry_t  *e;

    e = jm_ledger_oldest(l);

    if (e == NULL) {
        return JM_INVALID;
    }

    if (!jm_ledger_expired(l, e, now)) {
        l->evicted++;
    }

    jm_ledger_drop(l, e);

    return JM_OK;
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

        if (!jm_ledger_expired(l, e, now)) {
            break;
        }

        jm_ledger_drop(l, e);
    }
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


static jm_ref_t *
jm_ledger_key_chain(jm_ledger_t *l, const uint8_t *key)
{
    uint32_t  hash;

    /* a key is a digest: any of its bytes are as good as a hash */

    memcpy(&hash, key, sizeof(uint32_t));

    return &l->keys[hash & l->mask];
}


static jm_ref_t *
jm_ledger_serial_chain(jm_ledger_t *l, uint64_t serial)
{
    return &l->serials[serial & l->mask];
}


jm_ref_t *
jm_ledger_owed_chain(jm_ledger_t *l, const uint8_t *key)
{
    uint32_t  hash;

    memcpy(&hash, key, sizeof(uint32_t));

    return &l->owed[hash & l->mask];
}
