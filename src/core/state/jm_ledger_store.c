
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_ledger_store.h"


#define JM_LEDGER_TABLE     16      /* chains of the smallest table */
#define JM_LEDGER_SHARE     512     /* bytes of memory for each chain */
#define JM_LEDGER_EXPIRE    2       /* old entries looked at for each new one */


static void jm_ledger_repair(jm_ledger_t *l);
static uint64_t jm_ledger_since(const jm_ring_t *link);
static jm_ring_t *jm_ledger_ring(jm_ledger_t *l, jm_ledger_entry_t *e,
    unsigned over);
static void jm_ledger_insert(jm_ring_t *ring, jm_ring_t *links);
static unsigned jm_ledger_is_over(jm_ledger_entry_t *e);
static unsigned jm_ledger_is_running(const jm_ledger_slot_t *slot);
static unsigned jm_ledger_is_free(jm_ledger_entry_t *e);
static jm_ledger_entry_t *jm_ledger_oldest(jm_ledger_t *l);
static unsigned jm_ledger_evict(jm_ledger_t *l, uint64_t now);
static void jm_ledger_expire(jm_ledger_t *l, jm_ring_t *ring, uint64_t now);
static unsigned jm_ledger_expire_running(jm_ledger_t *l, uint64_t now);
static void jm_ledger_give_back(jm_ledger_t *l, jm_ledger_entry_t *e);
static jm_ledger_entry_t **jm_ledger_key_chain(jm_ledger_t *l,
    const uint8_t *key);
static jm_ledger_entry_t **jm_ledger_serial_chain(jm_ledger_t *l,
    uint64_t serial);


jm_rc_e
jm_ledger_create(jm_ledger_t *l, size_t size)
{
    size_t               places;
    jm_ledger_shared_t  *shared;

    places = JM_LEDGER_TABLE;

    while (places <= size / JM_LEDGER_SHARE / 2 && places < UINT32_MAX / 2) {
        places *= 2;
    }

    shared = l->mem.alloc(l->mem.ctx, sizeof(jm_ledger_shared_t));
    if (shared == NULL) {
        return JM_ERROR;
    }

    memset(shared, 0, sizeof(jm_ledger_shared_t));

    shared->mask = (uint32_t) (places - 1);

    places *= sizeof(jm_ledger_entry_t *);

    shared->keys = l->mem.alloc(l->mem.ctx, places);
    shared->serials = l->mem.alloc(l->mem.ctx, places);
    shared->owed = l->mem.alloc(l->mem.ctx, places);

    if (shared->keys == NULL || shared->serials == NULL
        || shared->owed == NULL)
    {
        return JM_ERROR;
    }

    memset(shared->keys, 0, places);
    memset(shared->serials, 0, places);
    memset(shared->owed, 0, places);

    jm_ring_init(&shared->running);
    jm_ring_init(&shared->finished);
    jm_ring_init(&shared->free);

    l->shared = shared;

    return JM_OK;
}


void
jm_ledger_enter(jm_ledger_t *l)
{
    if (l->shared->busy) {
        jm_ledger_repair(l);
    }

    l->shared->busy = 1;
    jm_fence();
}


void
jm_ledger_leave(jm_ledger_t *l)
{
    jm_fence();
    l->shared->busy = 0;
}


/*
 * All but the chains of the keys is made anew from these.  The memory of an
 * entry that was just being added or dropped is lost: a piece or two for each
 * process that dies right there.
 */

static void
jm_ledger_repair(jm_ledger_t *l)
{
    size_t               i, places;
    jm_ring_t           *running, *finished, *free;
    jm_ledger_entry_t   *e, **chain;
    jm_ledger_shared_t  *shared;

    shared = l->shared;

    places = ((size_t) shared->mask + 1) * sizeof(jm_ledger_entry_t *);

    memset(shared->serials, 0, places);
    memset(shared->owed, 0, places);

    running = NULL;
    finished = NULL;
    free = NULL;
    shared->entries = 0;

    for (i = 0; i <= shared->mask; i++) {

        for (e = shared->keys[i]; e != NULL; e = e->older) {
            shared->entries++;

            chain = jm_ledger_serial_chain(l, e->serial);
            e->next = *chain;
            *chain = e;

            if (e->owed_since) {
                chain = jm_ledger_owed_chain(l, e->key);
                e->owed = *chain;
                *chain = e;
            }

            if (!jm_ledger_is_over(e)) {
                e->finished = 0;
                e->link.next = running;
                running = &e->link;
                continue;
            }

            if (e->finished == 0) {
                e->finished = jm_max(e->created, 1);
            }

            if (jm_ledger_is_free(e)) {
                e->link.next = free;
                free = &e->link;

            } else {
                e->link.next = finished;
                finished = &e->link;
            }
        }
    }

    jm_ledger_insert(&shared->running, running);
    jm_ledger_insert(&shared->finished, finished);
    jm_ledger_insert(&shared->free, free);
}


/* makes a ring of a list of links, the oldest first */

static void
jm_ledger_insert(jm_ring_t *ring, jm_ring_t *links)
{
    jm_ring_t  *next;

    jm_ring_init(ring);

    for (links = jm_ring_sort(links, jm_ledger_since); links != NULL;
         links = next)
    {
        next = links->next;
        jm_ring_insert(ring->prev, links);
    }
}


static uint64_t
jm_ledger_since(const jm_ring_t *link)
{
    const jm_ledger_entry_t  *e;

    e = (const jm_ledger_entry_t *) (const void *) link;

    return e->finished ? e->finished : e->created;
}


jm_ledger_entry_t *
jm_ledger_newest(jm_ledger_t *l, const uint8_t *key)
{
    return *jm_ledger_key_chain(l, key);
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

    for (e = *jm_ledger_serial_chain(l, serial); e != NULL; e = e->next) {

        if (e->serial == serial) {
            return e;
        }
    }

    return NULL;
}


jm_ledger_slot_t *
jm_ledger_slot(jm_ledger_entry_t *e, unsigned i)
{
    jm_ledger_more_t  *more;

    if (i == 0) {
        return &e->slot;
    }

    i--;

    for (more = e->more; i >= JM_LEDGER_MORE; more = more->next) {
        i -= JM_LEDGER_MORE;
    }

    return &more->slots[i];
}


jm_ledger_entry_t *
jm_ledger_add(jm_ledger_t *l, const jm_ledger_request_t *request,
    uint64_t now)
{
    unsigned             i;
    jm_ledger_more_t    *more;
    jm_ledger_slot_t    *slot;
    jm_ledger_entry_t   *e, **chain;

    jm_ledger_expire(l, &l->shared->finished, now);
    jm_ledger_expire(l, &l->shared->free, now);
    (void) jm_ledger_expire_running(l, now);

    e = jm_ledger_alloc(l, sizeof(jm_ledger_entry_t), now);
    if (e == NULL) {
        return NULL;
    }

    e->serial = ++l->shared->serial;
    e->created = now;
    e->keep = request->keep;
    e->who = request->who;
    e->n = (uint8_t) request->n;
    e->named = (uint8_t) request->named;

    memcpy(e->key, request->key, JM_LEDGER_KEY);
    memcpy(e->fingerprint, request->fingerprint, JM_LEDGER_KEY);

    for (i = 1; i < request->n; i += JM_LEDGER_MORE) {
        more = jm_ledger_alloc(l, sizeof(jm_ledger_more_t), now);

        if (more == NULL) {
            jm_ledger_give_back(l, e);
            return NULL;
        }

        more->next = e->more;
        e->more = more;
    }

    for (i = 0; i < request->n; i++) {
        slot = jm_ledger_slot(e, i);

        slot->pid = l->pid;
        slot->round = 1;
        slot->state = JM_SLOT_IDLE;
    }

    chain = jm_ledger_serial_chain(l, e->serial);
    e->next = *chain;
    *chain = e;

    jm_ring_insert(l->shared->running.prev, &e->link);

    chain = jm_ledger_key_chain(l, e->key);
    e->older = *chain;
    jm_fence();
    *chain = e;

    l->shared->entries++;

    return e;
}


void
jm_ledger_drop(jm_ledger_t *l, jm_ledger_entry_t *e)
{
    jm_ledger_entry_t  **chain;

    for (chain = jm_ledger_key_chain(l, e->key); *chain != e;
         chain = &(*chain)->older)
    {
        /* void */
    }

    *chain = e->older;
    jm_fence();

    l->shared->entries--;

    for (chain = jm_ledger_serial_chain(l, e->serial); *chain != e;
         chain = &(*chain)->next)
    {
        /* void */
    }

    *chain = e->next;

    jm_ledger_forgive(l, e);
    jm_ring_remove(&e->link);

    jm_ledger_give_back(l, e);
}


void
jm_ledger_forgive(jm_ledger_t *l, jm_ledger_entry_t *e)
{
    jm_ledger_told_t    *told;
    jm_ledger_entry_t  **chain;

    if (e->owed_since == 0) {
        return;
    }

    for (chain = jm_ledger_owed_chain(l, e->key); *chain != e;
         chain = &(*chain)->owed)
    {
        /* void */
    }

    *chain = e->owed;

    told = e->told;

    e->told = NULL;
    e->owed_since = 0;
    jm_fence();

    if (told != NULL) {
        l->mem.free(l->mem.ctx, told);
    }
}


void
jm_ledger_settle(jm_ledger_t *l, jm_ledger_entry_t *e, uint64_t now)
{
    unsigned  over;

    over = jm_ledger_is_over(e);

    if (over && e->clients == 0 && e->told == NULL && jm_ledger_is_free(e)) {
        jm_ledger_drop(l, e);
        return;
    }

    if (over == (e->finished != 0)) {
        return;
    }

    e->finished = over ? jm_max(now, 1) : 0;

    jm_ring_remove(&e->link);
    jm_ring_insert(jm_ledger_ring(l, e, over)->prev, &e->link);
}


static jm_ring_t *
jm_ledger_ring(jm_ledger_t *l, jm_ledger_entry_t *e, unsigned over)
{
    if (!over) {
        return &l->shared->running;
    }

    return jm_ledger_is_free(e) ? &l->shared->free : &l->shared->finished;
}


static unsigned
jm_ledger_is_over(jm_ledger_entry_t *e)
{
    unsigned  i;

    for (i = 0; i < e->n; i++) {

        if (jm_ledger_is_running(jm_ledger_slot(e, i))) {
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


static unsigned
jm_ledger_is_free(jm_ledger_entry_t *e)
{
    unsigned  i;

    for (i = 0; i < e->n; i++) {

        if (jm_ledger_slot(e, i)->state != JM_SLOT_FREE) {
            return 0;
        }
    }

    return 1;
}


unsigned
jm_ledger_followed(jm_ledger_t *l, const jm_ledger_slot_t *slot)
{
    return slot->pid != 0 && (slot->pid == l->pid || l->alive(slot->pid));
}


unsigned
jm_ledger_owned(jm_ledger_t *l, jm_ledger_entry_t *e)
{
    unsigned           i;
    jm_ledger_slot_t  *slot;

    for (i = 0; i < e->n; i++) {
        slot = jm_ledger_slot(e, i);

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
               >= (jm_ledger_is_free(e) ? JM_LEDGER_TOLD_FOR : e->keep);
    }

    return jm_ledger_elapsed(e->created, now) >= JM_LEDGER_STALE
           && !jm_ledger_owned(l, e);
}


uint64_t
jm_ledger_elapsed(uint64_t then, uint64_t now)
{
    return now > then ? now - then : 0;
}


void *
jm_ledger_alloc(jm_ledger_t *l, size_t size, uint64_t now)
{
    void  *p;

    do {
        p = l->mem.alloc(l->mem.ctx, size);
    } while (p == NULL && jm_ledger_evict(l, now));

    if (p != NULL) {
        memset(p, 0, size);
    }

    return p;
}


static unsigned
jm_ledger_evict(jm_ledger_t *l, uint64_t now)
{
    jm_ledger_entry_t  *e;

    e = jm_ledger_oldest(l);

    if (e == NULL) {
        return jm_ledger_expire_running(l, now);
    }

    if (!jm_ledger_expired(l, e, now)) {
        l->evicted++;
    }

    jm_ledger_drop(l, e);

    return 1;
}


/* the entry to be forgotten first, NULL: all run */

static jm_ledger_entry_t *
jm_ledger_oldest(jm_ledger_t *l)
{
    jm_ledger_shared_t  *shared;

    shared = l->shared;

    if (shared->free.next != &shared->free) {
        return jm_ledger_entry(shared->free.next);
    }

    if (shared->finished.next != &shared->finished) {
        return jm_ledger_entry(shared->finished.next);
    }

    return NULL;
}


jm_rc_e
jm_ledger_shrink(jm_ledger_t *l)
{
    jm_rc_e             rc;
    jm_ledger_entry_t  *e;

    rc = JM_INVALID;

    jm_ledger_enter(l);

    e = jm_ledger_oldest(l);

    if (e != NULL) {
        jm_ledger_drop(l, e);
        rc = JM_OK;
    }

    jm_ledger_leave(l);

    return rc;
}


/* drops some of what has expired, not all: the lock is held */

static void
jm_ledger_expire(jm_ledger_t *l, jm_ring_t *ring, uint64_t now)
{
    unsigned            i;
    jm_ledger_entry_t  *e;

    for (i = 0; i < JM_LEDGER_EXPIRE; i++) {

        if (ring->next == ring) {
            break;
        }

        e = jm_ledger_entry(ring->next);

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
    unsigned             i;
    jm_ledger_entry_t   *e;
    jm_ledger_shared_t  *shared;

    shared = l->shared;

    for (i = 0; i < JM_LEDGER_EXPIRE; i++) {

        if (shared->running.next == &shared->running) {
            return 0;
        }

        e = jm_ledger_entry(shared->running.next);

        if (jm_ledger_elapsed(e->created, now) < JM_LEDGER_STALE) {
            return 0;
        }

        if (jm_ledger_expired(l, e, now)) {
            jm_ledger_drop(l, e);
            return 1;
        }

        /* it is followed still, and must not hide the others */

        jm_ring_remove(&e->link);
        jm_ring_insert(shared->running.prev, &e->link);
    }

    return 0;
}


static void
jm_ledger_give_back(jm_ledger_t *l, jm_ledger_entry_t *e)
{
    jm_ledger_more_t  *more, *next;

    for (more = e->more; more != NULL; more = next) {
        next = more->next;
        l->mem.free(l->mem.ctx, more);
    }

    l->mem.free(l->mem.ctx, e);
}


static jm_ledger_entry_t **
jm_ledger_key_chain(jm_ledger_t *l, const uint8_t *key)
{
    uint32_t  hash;

    /* a key is a digest: any of its bytes are as good as a hash */

    memcpy(&hash, key, sizeof(uint32_t));

    return &l->shared->keys[hash & l->shared->mask];
}


static jm_ledger_entry_t **
jm_ledger_serial_chain(jm_ledger_t *l, uint64_t serial)
{
    return &l->shared->serials[serial & l->shared->mask];
}


jm_ledger_entry_t **
jm_ledger_owed_chain(jm_ledger_t *l, const uint8_t *key)
{
    uint32_t  hash;

    memcpy(&hash, key, sizeof(uint32_t));

    return &l->shared->owed[hash & l->shared->mask];
}
