
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_ledger_import.h"
#include "jm_ledger_owed.h"
#include "jm_ledger_part.h"
#include "jm_ledger_room.h"


static const jm_ledger_entry_t *jm_ledger_import_entry(const jm_store_t *old,
    jm_ref_t ref);
static void jm_ledger_import_fixed(jm_ledger_entry_t *e,
    const jm_ledger_entry_t *old, uint64_t now);
static unsigned jm_ledger_import_slots(jm_ledger_t *l, jm_ledger_entry_t *e,
    const jm_store_t *store, const jm_ledger_entry_t *old);
static const jm_ledger_slot_t *jm_ledger_import_find(const jm_store_t *store,
    const jm_ledger_entry_t *old, unsigned i);
static void jm_ledger_import_slot(jm_ledger_slot_t *slot,
    const jm_ledger_slot_t *old);
static void jm_ledger_import_results(jm_ledger_t *l, jm_ledger_entry_t *e,
    const jm_store_t *store, const jm_ledger_entry_t *old, uint64_t now);
static void jm_ledger_import_owed(jm_ledger_t *l, jm_ledger_entry_t *e,
    const jm_store_t *store, const jm_ledger_entry_t *old, uint64_t now);
static const jm_ledger_told_t *jm_ledger_import_told(const jm_store_t *store,
    const jm_ledger_entry_t *old);
static void jm_ledger_import_keep(jm_ledger_t *l, jm_ledger_entry_t *e,
    const jm_ledger_told_t *was);


uint64_t
jm_ledger_imports(const jm_store_t *old, jm_ref_t ref)
{
    const jm_ledger_entry_t  *e;

    e = jm_ledger_import_entry(old, ref);

    return e ? e->serial : 0;
}


static const jm_ledger_entry_t *
jm_ledger_import_entry(const jm_store_t *old, jm_ref_t ref)
{
    const jm_ledger_entry_t  *e;

    e = jm_store_believed(old, ref, JM_RECORD_ENTRY, jm_ledger_entry_sealed);

    /* no process ever comes to half of all numbers */

    if (e == NULL || e->n == 0 || e->n > JM_LEDGER_SLOTS
        || e->serial == 0 || e->serial > UINT64_MAX / 2)
    {
        return NULL;
    }

    return e;
}


jm_rc_e
jm_ledger_import(jm_ledger_t *l, const jm_store_t *old, jm_ref_t ref,
    const uint8_t *map, uint64_t now)
{
    uint64_t                  finished;
    jm_ledger_entry_t        *e;
    const jm_ledger_entry_t  *from;

    from = jm_ledger_import_entry(old, ref);

    if (from == NULL || jm_ledger_numbered(l, from->serial) != NULL) {
        return JM_INVALID;
    }

    /* one record more, for what it has been told */

    if (jm_ledger_room(l, jm_ledger_records(from->n) + 1, now) != JM_OK) {
        return JM_ERROR;
    }

    e = jm_ledger_new(l, JM_RECORD_ENTRY);

    jm_ledger_import_fixed(e, from, now);
    jm_ledger_add_tasks(l, e);

    if (jm_ledger_import_slots(l, e, old, from)) {
        finished = from->finished ? from->finished : now;
        e->finished = jm_max(jm_min(finished, now), 1);
    }

    e->account = map[from->account];
    e->handed = (from->handed != 0);

    jm_ledger_link(l, e);
    jm_ledger_import_owed(l, e, old, from, now);

    if (from->serial > l->store->shared->serial) {
        jm_put(l->store, l->store->shared->serial, from->serial);
    }

    /* nobody waits: what was to be submitted, and no more, is of no use */

    if (jm_ledger_useless(l, e)) {
        jm_ledger_drop(l, e);
        return JM_INVALID;
    }

    jm_ledger_import_results(l, e, old, from, now);

    return JM_OK;
}


static void
jm_ledger_import_fixed(jm_ledger_entry_t *e, const jm_ledger_entry_t *old,
    uint64_t now)
{
    e->who = old->who;
    e->serial = old->serial;
    e->created = jm_min(old->created, now);
    e->keep = old->keep;
    e->n = old->n;
    e->named = old->named;

    memcpy(e->key, old->key, JM_LEDGER_KEY);
    memcpy(e->fingerprint, old->fingerprint, JM_LEDGER_KEY);

    jm_store_seal(e, jm_ledger_entry_sealed);
}


/* returns whether the entry is over */

static unsigned
jm_ledger_import_slots(jm_ledger_t *l, jm_ledger_entry_t *e,
    const jm_store_t *store, const jm_ledger_entry_t *old)
{
    unsigned           i, over;
    jm_ledger_slot_t  *slot;

    over = 1;

    for (i = 0; i < e->n; i++) {
        slot = jm_ledger_slot(l, e, i);

        jm_ledger_import_slot(slot, jm_ledger_import_find(store, old, i));

        over &= (slot->state != JM_SLOT_TAKEN);
    }

    return over;
}


static const jm_ledger_slot_t *
jm_ledger_import_find(const jm_store_t *store, const jm_ledger_entry_t *old,
    unsigned i)
{
    unsigned                  n;
    jm_ref_t                  ref;
    const jm_ledger_tasks_t  *tasks;

    if (i == 0) {
        return &old->slot;
    }

    ref = old->more;

    for (n = 0; n < JM_LEDGER_SLOTS; n++) {
        tasks = jm_store_believed(store, ref, JM_RECORD_TASKS,
                                  jm_ledger_tasks_sealed);

        if (tasks == NULL || tasks->serial != old->serial) {
            return NULL;
        }

        if (i - tasks->first < JM_LEDGER_MORE) {
            return &tasks->slots[i - tasks->first];
        }

        ref = tasks->next;
    }

    return NULL;
}


/* of a task that is not there any more nobody knows what became */

static void
jm_ledger_import_slot(jm_ledger_slot_t *slot, const jm_ledger_slot_t *old)
{
    slot->round = 1;
    slot->state = JM_SLOT_UNKNOWN;

    if (old != NULL && jm_ledger_sum(old) == old->sum) {

        switch (old->state) {

        case JM_SLOT_FREE:
        case JM_SLOT_IDLE:
            slot->state = JM_SLOT_FREE;
            break;

        case JM_SLOT_CANCELED:
            slot->state = JM_SLOT_CANCELED;
            break;

        case JM_SLOT_TAKEN:
        case JM_SLOT_OVER:
        case JM_SLOT_KEPT:

            if (old->state != JM_SLOT_TAKEN && old->len == 0) {
                slot->state = JM_SLOT_OVER;

            } else if (old->state != JM_SLOT_KEPT && old->len != 0
                       && old->len <= JM_LEDGER_ID)
            {
                memcpy(slot->id, old->id, old->len);

                slot->len = old->len;
                slot->state = old->state;
            }

            /* what nobody had billed, or was about to, is yet to be billed */

            if (slot->state == JM_SLOT_OVER && old->owner != 0) {
                slot->owner = (old->owner == JM_LEDGER_NOTHING)
                              ? JM_LEDGER_NOTHING : JM_LEDGER_GONE;
            }

            break;

        default:
            break;
        }
    }

    slot->sum = jm_ledger_sum(slot);
}


/*
 * What tasks have brought, as far as it is whole, and of use yet.  An entry is
 * not forgotten for it, which may be this one.
 */

static void
jm_ledger_import_results(jm_ledger_t *l, jm_ledger_entry_t *e,
    const jm_store_t *store, const jm_ledger_entry_t *old, uint64_t now)
{
    uint8_t                  bytes[JM_RESULT_MAX];
    jm_str_t                 text;
    unsigned                 i;
    jm_ledger_slot_t        *slot;
    jm_ledger_kept_t         kept;
    const jm_ledger_slot_t  *was;

    for (i = 0; i < e->n; i++) {
        slot = jm_ledger_slot(l, e, i);
        was = jm_ledger_import_find(store, old, i);

        if (was == NULL || was->state != JM_SLOT_KEPT
            || slot->state != JM_SLOT_OVER)
        {
            continue;
        }

        kept = jm_ledger_kept(was);

        if (kept.until <= now
            || !jm_ledger_part_believed(store, &kept, old->serial, i))
        {
            continue;
        }

        if (jm_ledger_result_room(l, jm_ledger_parts(kept.len), 0, now)
            != JM_OK)
        {
            l->evicted++;
            continue;
        }

        jm_ledger_part_copy(store, &kept, bytes);

        text.len = kept.len;
        text.data = bytes;

        kept.until = jm_min(kept.until, now + JM_RESULT_FOR);
        kept.first = jm_ledger_part_make(l, e->serial, i, text);

        jm_ledger_kept_put(l, slot, &kept);
        jm_ledger_become(l, slot, JM_SLOT_KEPT);

        /* the log has room for one, not for all of them */

        jm_store_commit(l->store);
    }
}


static void
jm_ledger_import_owed(jm_ledger_t *l, jm_ledger_entry_t *e,
    const jm_store_t *store, const jm_ledger_entry_t *old, uint64_t now)
{
    const jm_ledger_told_t  *told;

    if (old->waits != 0) {
        jm_ledger_owe(l, e, now);
        return;
    }

    told = jm_ledger_import_told(store, old);

    /* an error that is lost is not owed: to try again is free */

    if (old->owed_since != 0 && (told != NULL || !old->tell)) {
        jm_ledger_owe(l, e, jm_min(old->owed_since, now));
    }

    if (told != NULL && (e->owed_since != 0 || e->handed)) {
        e->tell = (e->owed_since != 0 && old->tell);
        jm_ledger_import_keep(l, e, told);
    }
}


/* the error that was kept, or NULL if there is none to be believed */

static const jm_ledger_told_t *
jm_ledger_import_told(const jm_store_t *store, const jm_ledger_entry_t *old)
{
    const jm_ledger_told_t  *told;

    if (old->told == 0) {
        return NULL;
    }

    told = jm_store_believed(store, old->told, JM_RECORD_TOLD,
                             jm_ledger_told_sealed);

    if (told == NULL || told->serial != old->serial
        || told->cause >= JM_CAUSE_LAST
        || told->message[JM_LEDGER_TEXT - 1] != '\0')
    {
        return NULL;
    }

    return told;
}


static void
jm_ledger_import_keep(jm_ledger_t *l, jm_ledger_entry_t *e,
    const jm_ledger_told_t *was)
{
    jm_ledger_told_t  *told;

    told = jm_ledger_new(l, JM_RECORD_TOLD);

    memcpy(&told->cause, &was->cause,
           sizeof(jm_ledger_told_t) - offsetof(jm_ledger_told_t, cause));

    jm_store_seal(told, jm_ledger_told_sealed);

    jm_put(l->store, e->told, jm_ref(l->store, told));
}
