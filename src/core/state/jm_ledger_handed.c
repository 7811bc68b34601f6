
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_ledger_handed.h"
#include "jm_ledger_owed.h"
#include "jm_ledger_room.h"


void
jm_ledger_hand(jm_ledger_t *l, const jm_ledger_claim_t *claim)
{
    jm_ledger_entry_t  *e;

    e = jm_ledger_find(l, claim);

    if (e != NULL && !e->handed) {
        jm_put(l->store, e->handed, 1);
    }
}


void
jm_ledger_failed(jm_ledger_t *l, const jm_ledger_claim_t *claim,
    const jm_error_t *error, uint64_t now)
{
    jm_ledger_entry_t  *e;

    e = jm_ledger_find(l, claim);

    if (e == NULL || !e->handed || e->told != 0
        || jm_ledger_room(l, 1, now) != JM_OK)
    {
        return;
    }

    /* to make room, the entry itself may have been forgotten */

    e = jm_ledger_find(l, claim);

    if (e != NULL) {
        jm_put(l->store, e->told, jm_ledger_keep(l, e, error));
    }
}


/* as long as there is no task the place lies where its id is going to be */

void
jm_ledger_placed(jm_ledger_t *l, uint64_t serial, unsigned i, jm_ref_t place)
{
    jm_ledger_slot_t   *slot;
    jm_ledger_entry_t  *e;

    e = jm_ledger_numbered(l, serial);

    if (e == NULL) {
        return;
    }

    slot = jm_ledger_slot(l, e, i);

    if (slot->state == JM_SLOT_IDLE) {
        jm_store_log(l->store, slot->id, sizeof(jm_ref_t));
        memcpy(slot->id, &place, sizeof(jm_ref_t));

        jm_ledger_become(l, slot, JM_SLOT_IDLE);
    }
}


void
jm_ledger_peek(jm_ledger_t *l, uint64_t serial, unsigned i,
    jm_ledger_peek_t *peek)
{
    jm_ledger_slot_t   *slot;
    jm_ledger_entry_t  *e;

    memset(peek, 0, sizeof(jm_ledger_peek_t));

    peek->look = JM_LOOK_GONE;
    peek->account = JM_LEDGER_ANY;

    e = jm_ledger_numbered(l, serial);

    if (e == NULL || i >= e->n) {
        return;
    }

    slot = jm_ledger_slot(l, e, i);

    peek->account = jm_ledger_entry_account(l, e);

    switch (slot->state) {

    case JM_SLOT_TAKEN:
    case JM_SLOT_OVER:
    case JM_SLOT_KEPT:
        peek->look = jm_ledger_slot_look(slot);
        peek->id.len = slot->len;
        peek->id.data = slot->id;
        return;

    case JM_SLOT_CANCELED:
        peek->look = JM_LOOK_CANCELED;
        return;

    case JM_SLOT_IDLE:
    case JM_SLOT_SUBMIT:

        if (jm_ledger_followed(l, slot)) {
            peek->look = JM_LOOK_WAIT;
            peek->sending = (slot->state == JM_SLOT_SUBMIT);

            if (slot->state == JM_SLOT_IDLE) {
                memcpy(&peek->place, slot->id, sizeof(jm_ref_t));
            }

            return;
        }

        peek->look = (slot->state == JM_SLOT_IDLE) ? JM_LOOK_OWN
                                                   : JM_LOOK_UNKNOWN;
        return;

    case JM_SLOT_FREE:
        peek->look = JM_LOOK_OWN;

        if (e->told != 0) {
            peek->told = 1;
            jm_ledger_recall(&l->told, jm_at(l->store, e->told));
        }

        return;

    default: /* JM_SLOT_UNKNOWN */
        peek->look = JM_LOOK_UNKNOWN;
    }
}


void
jm_ledger_cancel(jm_ledger_t *l, uint64_t serial, unsigned i, uint64_t now)
{
    jm_ledger_slot_t   *slot;
    jm_ledger_entry_t  *e;

    e = jm_ledger_numbered(l, serial);

    if (e == NULL || i >= e->n) {
        return;
    }

    slot = jm_ledger_slot(l, e, i);

    if (slot->state == JM_SLOT_IDLE) {
        jm_put(l->store, slot->round, (uint16_t) (slot->round + 1));
        jm_ledger_become(l, slot, JM_SLOT_CANCELED);
        jm_ledger_settle(l, e, now);
    }
}
