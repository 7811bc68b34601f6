
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_ledger_part.h"


_Static_assert(sizeof(jm_ledger_part_t) <= JM_RECORD, "it is a record");
_Static_assert(sizeof(jm_ledger_kept_t) <= JM_LEDGER_ID, "it fits there");
_Static_assert(JM_LEDGER_PART * UINT8_MAX >= JM_RESULT_MAX,
               "parts have numbers");


void
jm_ledger_kept_put(jm_ledger_t *l, jm_ledger_slot_t *slot,
    const jm_ledger_kept_t *kept)
{
    size_t  n;

    for (n = 0; n < sizeof(jm_ledger_kept_t); n += 8) {
        jm_store_log(l->store, slot->id + n, 8);
    }

    memcpy(slot->id, kept, sizeof(jm_ledger_kept_t));

    jm_put(l->store, slot->len, 0);
}


jm_ledger_kept_t
jm_ledger_kept(const jm_ledger_slot_t *slot)
{
    jm_ledger_kept_t  kept;

    memcpy(&kept, slot->id, sizeof(jm_ledger_kept_t));

    return kept;
}


uint32_t
jm_ledger_parts(size_t len)
{
    return (uint32_t) ((len + JM_LEDGER_PART - 1) / JM_LEDGER_PART);
}


/* the last part is made first: each is whole when it is sealed */

jm_ref_t
jm_ledger_part_make(jm_ledger_t *l, uint64_t serial, unsigned task,
    jm_str_t text)
{
    size_t             at;
    uint32_t           n;
    jm_ref_t           next;
    jm_store_t        *s;
    jm_ledger_part_t  *part;

    s = l->store;
    n = jm_ledger_parts(text.len);
    next = 0;
    part = NULL;

    jm_put(s, l->shared->records, l->shared->records + n);

    while (n-- != 0) {
        at = (size_t) n * JM_LEDGER_PART;
        part = jm_store_take(s, JM_RECORD_PART);

        part->next = next;
        part->serial = serial;
        part->task = (uint8_t) task;
        part->number = (uint8_t) n;
        part->len = (uint8_t) jm_min(text.len - at, JM_LEDGER_PART);

        memcpy(part->text, text.data + at, part->len);

        jm_store_seal(part, jm_ledger_part_sealed);

        next = jm_ref(s, part);
    }

    jm_ring_insert(s, jm_ring_prev(s, &l->shared->results), &part->link);

    return next;
}


void
jm_ledger_part_copy(const jm_store_t *s, const jm_ledger_kept_t *kept,
    uint8_t *text)
{
    const jm_ledger_part_t  *part;

    for (part = jm_at(s, kept->first); part != NULL;
         part = jm_at(s, part->next))
    {
        memcpy(text, part->text, part->len);
        text += part->len;
    }
}


void
jm_ledger_part_drop(jm_ledger_t *l, jm_ref_t first)
{
    jm_store_t        *s;
    jm_ledger_part_t  *part;

    s = l->store;
    part = jm_to(s, first);

    jm_ring_remove(s, &part->link);

    jm_put(s, part->head.next, l->shared->loose);
    jm_put(s, l->shared->loose, first);
}


unsigned
jm_ledger_part_give(jm_ledger_t *l)
{
    uint32_t           n;
    jm_ref_t           loose, chains;
    jm_store_t        *s;
    jm_ledger_part_t  *part;

    s = l->store;
    loose = l->shared->loose;

    if (loose == 0) {
        return 0;
    }

    /* only the first of a chain knows the chain that comes next */

    part = jm_to(s, loose);
    chains = part->head.next;

    for (n = 0; n < JM_LEDGER_LOOSE && loose != 0; n++) {
        part = jm_to(s, loose);
        loose = part->next;

        jm_store_give(s, part);

        if (loose == 0 && chains != 0) {
            loose = chains;
            part = jm_to(s, loose);
            chains = part->head.next;
        }
    }

    if (loose != 0) {
        part = jm_to(s, loose);
        jm_put(s, part->head.next, chains);
    }

    jm_put(s, l->shared->loose, loose);
    jm_put(s, l->shared->records, l->shared->records - n);

    return 1;
}


/* each part says whose it is, and which: none is there twice, in any chain */

unsigned
jm_ledger_part_believed(const jm_store_t *old, const jm_ledger_kept_t *kept,
    uint64_t serial, unsigned task)
{
    size_t                   len;
    unsigned                 n;
    jm_ref_t                 ref;
    const jm_ledger_part_t  *part;

    if (kept->len == 0 || kept->len > JM_RESULT_MAX) {
        return 0;
    }

    ref = kept->first;
    n = 0;

    for (len = kept->len; len != 0; len -= part->len) {
        part = jm_store_believed(old, ref, JM_RECORD_PART,
                                 jm_ledger_part_sealed);

        if (part == NULL || part->serial != serial || part->task != task
            || part->number != n++ || part->len != jm_min(len, JM_LEDGER_PART))
        {
            return 0;
        }

        ref = part->next;
    }

    return ref == 0;
}
