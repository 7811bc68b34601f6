
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_hash.h"
#include "jm_ledger_part.h"
#include "jm_ledger_store.h"
#include "jm_store_layout.h"


_Static_assert(sizeof(jm_ledger_entry_t) <= JM_RECORD, "it is a record");
_Static_assert(sizeof(jm_ledger_tasks_t) <= JM_RECORD, "it is a record");
_Static_assert(sizeof(jm_ledger_told_t) <= JM_RECORD, "it is a record");


static void jm_ledger_unlink_key(jm_ledger_t *l, jm_ledger_entry_t *e);
static void jm_ledger_give_parts(jm_ledger_t *l, jm_ledger_entry_t *e);
static jm_ring_t *jm_ledger_ring(jm_ledger_t *l, jm_ledger_entry_t *e,
    unsigned over);
static unsigned jm_ledger_is_over(jm_ledger_t *l, jm_ledger_entry_t *e);
static unsigned jm_ledger_is_running(const jm_ledger_slot_t *slot);
static unsigned jm_ledger_is_void(jm_ledger_t *l, jm_ledger_entry_t *e);
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
        jm_ring_init(s, &l->shared->retired);
        jm_ring_init(s, &l->shared->results);
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


jm_ledger_slot_t *
jm_ledger_own(jm_ledger_t *l, const jm_ledger_claim_t *claim, unsigned i)
{
    jm_ledger_slot_t   *slot;
    jm_ledger_entry_t  *e;

    e = jm_ledger_find(l, claim);

    if (e == NULL) {
        return NULL;
    }

    slot = jm_ledger_slot(l, e, i);

    if (!claim->slots[i].own || claim->slots[i].round != slot->round) {
        return NULL;
    }

    return slot;
}


unsigned
jm_ledger_entry_account(jm_ledger_t *l, jm_ledger_entry_t *e)
{
    unsigned  i;

    for (i = 0; i < e->n; i++) {

        switch (jm_ledger_slot(l, e, i)->state) {

        case JM_SLOT_SUBMIT:
        case JM_SLOT_TAKEN:
        case JM_SLOT_OVER:
        case JM_SLOT_KEPT:
            return e->account;

        default:
            break;
        }
    }

    return JM_LEDGER_ANY;
}


unsigned
jm_ledger_slot_has(const jm_ledger_slot_t *slot, jm_str_t id)
{
    return slot->len == id.len
           && (id.len == 0 || memcmp(slot->id, id.data, id.len) == 0);
}


jm_look_e
jm_ledger_slot_look(const jm_ledger_slot_t *slot)
{
    if (slot->state == JM_SLOT_KEPT) {
        return JM_LOOK_RESULT;
    }

    return (slot->state == JM_SLOT_OVER && slot->len == 0) ? JM_LOOK_LOST
                                                           : JM_LOOK_TAKEN;
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
jm_ledger_retire(jm_ledger_t *l, jm_ledger_entry_t *e)
{
    if (!jm_ledger_keeps(l, e)) {
        jm_ledger_drop(l, e);
        return;
    }

    jm_ledger_forgive(l, e);

    if (e->retired) {
        return;
    }

    jm_ledger_unlink_key(l, e);

    jm_put(l->store, e->older, 0);
    jm_put(l->store, e->retired, 1);

    jm_ring_remove(l->store, &e->link);
    jm_ring_insert(l->store,
                   jm_ring_prev(l->store,
                                jm_ledger_ring(l, e, e->finished != 0)),
                   &e->link);
}


static void
jm_ledger_unlink_key(jm_ledger_t *l, jm_ledger_entry_t *e)
{
    jm_ref_t  *chain;

    for (chain = jm_ledger_key_chain(l, e->key); jm_ledger_at(l, *chain) != e;
         chain = &jm_ledger_at(l, *chain)->older)
    {
        /* void */
    }

    jm_put(l->store, *chain, e->older);
}


void
jm_ledger_drop(jm_ledger_t *l, jm_ledger_entry_t *e)
{
    jm_ref_t  *chain;

    if (!e->retired) {
        jm_ledger_unlink_key(l, e);
    }

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

    jm_ledger_give_parts(l, e);
    jm_ledger_give_tasks(l, e);
    jm_ledger_give(l, e);
}


static void
jm_ledger_give_parts(jm_ledger_t *l, jm_ledger_entry_t *e)
{
    unsigned           i;
    jm_ledger_slot_t  *slot;

    for (i = 0; i < e->n; i++) {
        slot = jm_ledger_slot(l, e, i);

        if (slot->state == JM_SLOT_KEPT) {
            jm_ledger_part_drop(l, jm_ledger_kept(slot).first);
        }
    }
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

    if (e->retired) {
        return &l->shared->retired;
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
jm_ledger_keeps(jm_ledger_t *l, jm_ledger_entry_t *e)
{
    unsigned  i;

    for (i = 0; i < e->n; i++) {

        if (jm_ledger_slot(l, e, i)->state == JM_SLOT_KEPT) {
            return 1;
        }
    }

    return 0;
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
           && !jm_ledger_keeps(l, e) && !jm_ledger_owned(l, e);
}


uint64_t
jm_ledger_elapsed(uint64_t then, uint64_t now)
{
    return now > then ? now - then : 0;
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
