
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_ledger_part.h"
#include "jm_ledger_result.h"
#include "jm_ledger_room.h"


static unsigned jm_ledger_worth(jm_ledger_t *l, jm_str_t text, uint64_t until,
    uint64_t now);


unsigned
jm_ledger_brought(jm_ledger_t *l, const jm_ledger_claim_t *claim, unsigned i,
    jm_str_t text, uint64_t until, uint64_t now, unsigned *kept)
{
    jm_ledger_kept_t   result;
    jm_ledger_slot_t  *slot;

    *kept = 0;

    slot = jm_ledger_own(l, claim, i);

    if (slot == NULL || slot->state != JM_SLOT_SUBMIT) {
        return 0;
    }

    /* its entry runs: it is not forgotten to make room */

    *kept = jm_ledger_worth(l, text, until, now);

    if (*kept) {
        memset(&result, 0, sizeof(jm_ledger_kept_t));

        result.until = jm_min(until, now + JM_RESULT_FOR);
        result.first = jm_ledger_part_make(l, claim->serial, i, text);
        result.len = (uint32_t) text.len;

        jm_ledger_kept_put(l, slot, &result);
        jm_ledger_become(l, slot, JM_SLOT_KEPT);

    } else {
        jm_put(l->store, slot->len, 0);
        jm_ledger_become(l, slot, JM_SLOT_OVER);
    }

    jm_ledger_settle(l, jm_ledger_find(l, claim), now);

    return 1;
}


/* whether a text is to be kept, and there is room for it */

static unsigned
jm_ledger_worth(jm_ledger_t *l, jm_str_t text, uint64_t until, uint64_t now)
{
    if (text.len == 0 || text.len > JM_RESULT_MAX || until <= now) {
        return 0;
    }

    if (jm_ledger_result_room(l, jm_ledger_parts(text.len), 1, now) == JM_OK) {
        return 1;
    }

    l->evicted++;

    return 0;
}


size_t
jm_ledger_result(jm_ledger_t *l, uint64_t serial, unsigned i, uint64_t now,
    uint8_t *text, size_t size)
{
    jm_ledger_kept_t    kept;
    jm_ledger_slot_t   *slot;
    jm_ledger_entry_t  *e;

    e = jm_ledger_numbered(l, serial);

    if (e == NULL || i >= e->n) {
        return 0;
    }

    slot = jm_ledger_slot(l, e, i);

    if (slot->state != JM_SLOT_KEPT) {
        return 0;
    }

    kept = jm_ledger_kept(slot);

    if (kept.until <= now) {
        return 0;
    }

    if (kept.len <= size) {
        jm_ledger_part_copy(l->store, &kept, text);
    }

    return kept.len;
}
