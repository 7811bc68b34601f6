
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_ledger_bill.h"
#include "jm_ledger_store.h"


static jm_ledger_slot_t *jm_ledger_bill_slot(jm_ledger_t *l, uint64_t serial,
    unsigned i);


/* of a task that is over the owner is who has yet to say so */

unsigned
jm_ledger_bill(jm_ledger_t *l, uint64_t serial, unsigned i, unsigned brought,
    unsigned *first)
{
    jm_ledger_slot_t  *slot;

    slot = jm_ledger_bill_slot(l, serial, i);

    if (slot == NULL) {
        return *first && brought;
    }

    if (*first) {
        jm_put(l->store, slot->owner,
               brought ? l->store->owner : JM_LEDGER_NOTHING);

        return brought;
    }

    if (!brought || slot->owner == 0 || jm_ledger_followed(l, slot)) {
        return 0;
    }

    *first = (slot->owner == JM_LEDGER_NOTHING);

    jm_put(l->store, slot->owner, l->store->owner);

    return 1;
}


void
jm_ledger_billed(jm_ledger_t *l, uint64_t serial, unsigned i)
{
    jm_ledger_slot_t  *slot;

    slot = jm_ledger_bill_slot(l, serial, i);

    if (slot != NULL && slot->owner == l->store->owner) {
        jm_put(l->store, slot->owner, 0);
    }
}


static jm_ledger_slot_t *
jm_ledger_bill_slot(jm_ledger_t *l, uint64_t serial, unsigned i)
{
    jm_ledger_slot_t   *slot;
    jm_ledger_entry_t  *e;

    e = jm_ledger_numbered(l, serial);

    if (e == NULL || i >= e->n) {
        return NULL;
    }

    slot = jm_ledger_slot(l, e, i);

    return (slot->state == JM_SLOT_OVER || slot->state == JM_SLOT_KEPT)
           ? slot : NULL;
}
