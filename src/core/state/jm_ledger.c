
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_ledger_owed.h"
#include "jm_ledger_room.h"


static jm_ledger_entry_t *jm_ledger_first(jm_ledger_t *l,
    const jm_ledger_request_t *request, uint64_t now, unsigned *told);
static unsigned jm_ledger_read_other(const jm_ledger_entry_t *e,
    const jm_ledger_request_t *request);
static unsigned jm_ledger_spare(jm_ledger_t *l, jm_ledger_entry_t *e);
static jm_ledger_e jm_ledger_open_new(jm_ledger_t *l,
    jm_ledger_claim_t *claim, const jm_ledger_request_t *request,
    uint64_t now);
static jm_ledger_entry_t *jm_ledger_search(jm_ledger_t *l,
    const jm_ledger_request_t *request, uint64_t now);
static unsigned jm_ledger_rank(jm_ledger_t *l, jm_ledger_entry_t *e);
static void jm_ledger_supersede(jm_ledger_t *l, jm_ledger_entry_t *e);
static jm_ledger_entry_t *jm_ledger_next_same(jm_ledger_t *l,
    jm_ledger_entry_t *e, const uint8_t *key);
static void jm_ledger_look_told(jm_ledger_t *l,
    const jm_ledger_claim_t *claim, unsigned i, jm_str_t *id);
static jm_look_e jm_ledger_look_at(jm_ledger_t *l, jm_ledger_claim_t *claim,
    unsigned i, jm_ledger_slot_t *slot);
static void jm_ledger_take(jm_ledger_t *l, jm_ledger_claim_t *claim,
    unsigned i, jm_ledger_slot_t *slot);
static void jm_ledger_give_up(jm_ledger_t *l, const jm_ledger_claim_t *claim,
    unsigned i, jm_ledger_slot_t *slot, unsigned over);


jm_ledger_e
jm_ledger_open(jm_ledger_t *l, jm_ledger_claim_t *claim,
    const jm_ledger_request_t *request, uint64_t now)
{
    jm_ledger_entry_t  *e;

    memset(claim, 0, sizeof(jm_ledger_claim_t));

    jm_ledger_watch(l, request->key, now);

    e = jm_ledger_first(l, request, now, &claim->told);

    while (e != NULL && jm_ledger_read_other(e, request)) {
        claim->told = 0;

        if (!jm_ledger_spare(l, e)) {
            l->service = e->fingerprint[JM_LEDGER_KEY - 1];
            return JM_LEDGER_OTHER;
        }

        jm_ledger_drop(l, e);
        jm_store_commit(l->store);

        e = jm_ledger_first(l, request, now, &claim->told);
    }

    if (e == NULL) {
        return jm_ledger_twin(l, request)
               ? JM_LEDGER_TWIN
               : jm_ledger_open_new(l, claim, request, now);
    }

    if (claim->told) {
        claim->serial = e->serial;
        claim->n = e->n;

        return JM_LEDGER_TOLD;
    }

    if (e->n != request->n
        || memcmp(e->fingerprint, request->fingerprint, JM_LEDGER_KEY) != 0)
    {
        return JM_LEDGER_REUSED;
    }

    jm_ledger_attach(l, claim, e);

    return JM_LEDGER_FOUND;
}


unsigned
jm_ledger_served(jm_ledger_t *l, const jm_ledger_request_t *request,
    uint64_t now, unsigned *service)
{
    unsigned            told;
    jm_ledger_entry_t  *e;

    jm_ledger_watch(l, request->key, now);

    e = jm_ledger_first(l, request, now, &told);

    if (e == NULL || jm_ledger_spare(l, e)
        || memcmp(e->fingerprint, request->fingerprint, JM_LEDGER_KEY - 1) != 0)
    {
        return 0;
    }

    *service = e->fingerprint[JM_LEDGER_KEY - 1];

    return 1;
}


/* the entry that a request finds, or NULL */

static jm_ledger_entry_t *
jm_ledger_first(jm_ledger_t *l, const jm_ledger_request_t *request,
    uint64_t now, unsigned *told)
{
    return (request->named || request->repeat)
           ? jm_ledger_search(l, request, now)
           : jm_ledger_owed(l, request, now, told);
}


static unsigned
jm_ledger_read_other(const jm_ledger_entry_t *e,
    const jm_ledger_request_t *request)
{
    return request->several
           && e->fingerprint[JM_LEDGER_KEY - 1]
              != request->fingerprint[JM_LEDGER_KEY - 1]
           && memcmp(e->fingerprint, request->fingerprint, JM_LEDGER_KEY - 1)
              == 0;
}


/* whether nothing was made, is made, or can be asked for, of an entry */

static unsigned
jm_ledger_spare(jm_ledger_t *l, jm_ledger_entry_t *e)
{
    unsigned  i;

    if (e->clients != 0 || e->handed) {
        return 0;
    }

    for (i = 0; i < e->n; i++) {

        if (jm_ledger_slot(l, e, i)->state != JM_SLOT_FREE) {
            return 0;
        }
    }

    return 1;
}


static jm_ledger_e
jm_ledger_open_new(jm_ledger_t *l, jm_ledger_claim_t *claim,
    const jm_ledger_request_t *request, uint64_t now)
{
    unsigned            i;
    jm_ledger_entry_t  *e;

    e = jm_ledger_add(l, request, now);

    if (e == NULL) {
        return JM_LEDGER_FULL;
    }

    for (i = 0; i < request->n; i++) {
        claim->slots[i].round = 1;
        claim->slots[i].own = 1;
    }

    jm_ledger_supersede(l, e);
    jm_ledger_attach(l, claim, e);

    return JM_LEDGER_NEW;
}


static jm_ledger_entry_t *
jm_ledger_search(jm_ledger_t *l, const jm_ledger_request_t *request,
    uint64_t now)
{
    unsigned            rank, best;
    jm_ledger_entry_t  *e, *next, *found;

    best = 0;
    found = NULL;

    for (e = jm_ledger_next_same(l, jm_ledger_newest(l, request->key),
                                 request->key);
         e != NULL;
         e = next)
    {
        next = jm_ledger_next_same(l, jm_ledger_at(l, e->older),
                                   request->key);

        if (jm_ledger_expired(l, e, now)) {
            jm_ledger_retire(l, e);
            jm_store_commit(l->store);
            continue;
        }

        if (request->named) {
            return e;
        }

        if (request->n != 0 && e->n != request->n) {
            continue;
        }

        rank = jm_ledger_rank(l, e);

        if (rank > best) {
            best = rank;
            found = e;
        }
    }

    return found;
}


/* which of several entries a repeat is most likely of: 1 ... 3 */

static unsigned
jm_ledger_rank(jm_ledger_t *l, jm_ledger_entry_t *e)
{
    if (e->owed_since && e->waits == 0 && !e->tell) {
        return 3;
    }

    if (e->finished) {
        return 1;
    }

    return jm_ledger_owned(l, e) ? 2 : 3;
}


/* a repeat is of the newest: older entries that were answered are not found */

static void
jm_ledger_supersede(jm_ledger_t *l, jm_ledger_entry_t *e)
{
    unsigned            i;
    jm_ledger_entry_t  *older, *next;

    if (e->named) {
        return;
    }

    older = jm_ledger_at(l, e->older);

    for (i = 0; older != NULL && i < JM_LEDGER_NEAR; i++) {
        next = jm_ledger_at(l, older->older);

        if (older->finished && older->clients == 0 && older->owed_since == 0
            && memcmp(older->key, e->key, JM_LEDGER_KEY) == 0)
        {
            jm_ledger_retire(l, older);
        }

        older = next;
    }
}


static jm_ledger_entry_t *
jm_ledger_next_same(jm_ledger_t *l, jm_ledger_entry_t *e, const uint8_t *key)
{
    while (e != NULL && memcmp(e->key, key, JM_LEDGER_KEY) != 0) {
        e = jm_ledger_at(l, e->older);
    }

    return e;
}


jm_look_e
jm_ledger_look(jm_ledger_t *l, jm_ledger_claim_t *claim, unsigned i,
    uint64_t now, jm_str_t *id)
{
    jm_look_e           look;
    jm_ledger_slot_t   *slot;
    jm_ledger_entry_t  *e;

    if (claim->told) {
        jm_ledger_look_told(l, claim, i, id);
        return JM_LOOK_TOLD;
    }

    e = jm_ledger_find(l, claim);

    if (e == NULL) {
        return JM_LOOK_UNKNOWN;
    }

    slot = jm_ledger_slot(l, e, i);
    look = jm_ledger_look_at(l, claim, i, slot);

    if (look == JM_LOOK_TAKEN) {
        id->len = slot->len;
        id->data = slot->id;
    }

    /* a look may make a task the claim's own, or its outcome unknown */

    jm_ledger_settle(l, e, now);

    return look;
}


/* the upstream may know the task though its client was told of an error */

static void
jm_ledger_look_told(jm_ledger_t *l, const jm_ledger_claim_t *claim,
    unsigned i, jm_str_t *id)
{
    jm_ledger_slot_t   *slot;
    jm_ledger_entry_t  *e;

    id->len = 0;
    id->data = NULL;

    e = jm_ledger_find(l, claim);

    if (e == NULL) {
        return;
    }

    slot = jm_ledger_slot(l, e, i);

    if (slot->state == JM_SLOT_TAKEN || slot->state == JM_SLOT_OVER) {
        id->len = slot->len;
        id->data = slot->id;
    }
}


static jm_look_e
jm_ledger_look_at(jm_ledger_t *l, jm_ledger_claim_t *claim, unsigned i,
    jm_ledger_slot_t *slot)
{
    switch (slot->state) {

    case JM_SLOT_TAKEN:
    case JM_SLOT_OVER:
    case JM_SLOT_KEPT:

        if (claim->slots[i].round != slot->round) {
            claim->slots[i].round = slot->round;
            claim->slots[i].own = 0;
        }

        claim->slots[i].over = (slot->state != JM_SLOT_TAKEN);

        return jm_ledger_slot_look(slot);

    case JM_SLOT_UNKNOWN:
        return JM_LOOK_UNKNOWN;

    case JM_SLOT_CANCELED:
        return JM_LOOK_CANCELED;

    case JM_SLOT_FREE:
        jm_ledger_take(l, claim, i, slot);
        return JM_LOOK_OWN;

    default: /* JM_SLOT_IDLE, JM_SLOT_SUBMIT */
        break;
    }

    if (claim->slots[i].own && claim->slots[i].round == slot->round) {
        return JM_LOOK_OWN;
    }

    if (jm_ledger_followed(l, slot)) {
        return JM_LOOK_WAIT;
    }

    if (slot->state == JM_SLOT_IDLE) {
        jm_ledger_take(l, claim, i, slot);
        return JM_LOOK_OWN;
    }

    jm_ledger_become(l, slot, JM_SLOT_UNKNOWN);

    return JM_LOOK_UNKNOWN;
}


static void
jm_ledger_take(jm_ledger_t *l, jm_ledger_claim_t *claim, unsigned i,
    jm_ledger_slot_t *slot)
{
    jm_put(l->store, slot->owner, l->store->owner);
    jm_put(l->store, slot->round, (uint16_t) (slot->round + 1));
    jm_ledger_become(l, slot, JM_SLOT_IDLE);

    claim->slots[i].round = slot->round;
    claim->slots[i].own = 1;
}


unsigned
jm_ledger_account(jm_ledger_t *l, const jm_ledger_claim_t *claim)
{
    jm_ledger_entry_t  *e;

    e = jm_ledger_find(l, claim);

    return (e == NULL) ? JM_LEDGER_ANY : jm_ledger_entry_account(l, e);
}


jm_rc_e
jm_ledger_submit(jm_ledger_t *l, jm_ledger_claim_t *claim, unsigned i,
    unsigned account)
{
    unsigned            bound;
    jm_store_t         *s;
    jm_ledger_slot_t   *slot;
    jm_ledger_entry_t  *e;

    s = l->store;
    slot = jm_ledger_own(l, claim, i);

    if (slot == NULL
        || (slot->state != JM_SLOT_IDLE && slot->state != JM_SLOT_TAKEN))
    {
        return JM_INVALID;
    }

    e = jm_ledger_find(l, claim);
    bound = jm_ledger_entry_account(l, e);

    if (bound != account && bound != JM_LEDGER_ANY) {
        return JM_INVALID;
    }

    jm_put(s, e->account, (uint8_t) account);

    /* claims that know the submit before this one are not of this one */

    jm_put(s, slot->round, (uint16_t) (slot->round + 1));
    jm_ledger_become(l, slot, JM_SLOT_SUBMIT);

    claim->slots[i].round = slot->round;

    return JM_OK;
}


void
jm_ledger_unsent(jm_ledger_t *l, jm_ledger_claim_t *claim, unsigned i)
{
    jm_ledger_slot_t  *slot;

    slot = jm_ledger_own(l, claim, i);

    if (slot != NULL && slot->state == JM_SLOT_SUBMIT) {
        jm_ledger_become(l, slot, JM_SLOT_IDLE);
    }
}


void
jm_ledger_accepted(jm_ledger_t *l, jm_ledger_claim_t *claim, unsigned i,
    jm_str_t id)
{
    size_t             n;
    jm_ledger_slot_t  *slot;

    slot = jm_ledger_own(l, claim, i);

    if (slot != NULL && slot->state == JM_SLOT_SUBMIT) {

        for (n = 0; n < id.len; n += 8) {
            jm_store_log(l->store, slot->id + n, 8);
        }

        memcpy(slot->id, id.data, id.len);

        jm_put(l->store, slot->len, (uint8_t) id.len);
        jm_ledger_become(l, slot, JM_SLOT_TAKEN);
    }
}


void
jm_ledger_unknown(jm_ledger_t *l, jm_ledger_claim_t *claim, unsigned i,
    uint64_t now)
{
    jm_ledger_slot_t  *slot;

    slot = jm_ledger_own(l, claim, i);

    if (slot != NULL && slot->state == JM_SLOT_SUBMIT) {
        jm_ledger_become(l, slot, JM_SLOT_UNKNOWN);
        jm_ledger_settle(l, jm_ledger_find(l, claim), now);
    }
}


void
jm_ledger_free(jm_ledger_t *l, jm_ledger_claim_t *claim, unsigned i,
    uint64_t now)
{
    jm_ledger_slot_t   *slot;
    jm_ledger_entry_t  *e;

    e = jm_ledger_find(l, claim);

    if (e == NULL) {
        return;
    }

    slot = jm_ledger_slot(l, e, i);

    if (claim->slots[i].round == slot->round
        && (slot->state == JM_SLOT_TAKEN
            || (claim->slots[i].own && (slot->state == JM_SLOT_IDLE
                                        || slot->state == JM_SLOT_SUBMIT))))
    {
        jm_ledger_become(l, slot, JM_SLOT_FREE);
        jm_ledger_settle(l, e, now);
    }
}


unsigned
jm_ledger_over(jm_ledger_t *l, jm_ledger_claim_t *claim, unsigned i,
    uint64_t now)
{
    unsigned            ended;
    jm_ledger_slot_t   *slot;
    jm_ledger_entry_t  *e;

    e = jm_ledger_find(l, claim);

    if (e == NULL) {
        return 0;
    }

    slot = jm_ledger_slot(l, e, i);

    ended = (slot->state == JM_SLOT_TAKEN);
    jm_ledger_give_up(l, claim, i, slot, 1);
    ended &= (slot->state == JM_SLOT_OVER);

    jm_ledger_settle(l, e, now);

    return ended;
}


void
jm_ledger_unfollow(jm_ledger_t *l, jm_ledger_claim_t *claim, unsigned i)
{
    jm_ledger_entry_t  *e;

    e = jm_ledger_find(l, claim);

    if (e != NULL) {
        jm_ledger_give_up(l, claim, i, jm_ledger_slot(l, e, i), 0);
    }
}


unsigned
jm_ledger_ended(jm_ledger_t *l, uint64_t serial, unsigned i, jm_str_t id,
    uint64_t now, unsigned *known)
{
    jm_ledger_slot_t   *slot;
    jm_ledger_entry_t  *e;

    *known = 0;

    e = jm_ledger_numbered(l, serial);

    if (e == NULL || i >= e->n) {
        return 0;
    }

    slot = jm_ledger_slot(l, e, i);

    if (!jm_ledger_slot_has(slot, id)) {
        return 0;
    }

    *known = 1;

    if (slot->state != JM_SLOT_TAKEN || jm_ledger_followed(l, slot)) {
        return 0;
    }

    jm_ledger_become(l, slot, JM_SLOT_OVER);
    jm_ledger_settle(l, e, now);

    return 1;
}


static void
jm_ledger_give_up(jm_ledger_t *l, const jm_ledger_claim_t *claim, unsigned i,
    jm_ledger_slot_t *slot, unsigned over)
{
    if (claim->slots[i].round != slot->round) {
        return;
    }

    /* a claim that only joined a task ends it when its owner is no more */

    if (slot->state == JM_SLOT_TAKEN && over
        && (claim->slots[i].own || !jm_ledger_followed(l, slot)))
    {
        jm_ledger_become(l, slot, JM_SLOT_OVER);
        return;
    }

    if (!claim->slots[i].own) {
        return;
    }

    switch (slot->state) {

    case JM_SLOT_IDLE:
        jm_ledger_become(l, slot, JM_SLOT_FREE);
        break;

    case JM_SLOT_SUBMIT:
        jm_ledger_become(l, slot, JM_SLOT_UNKNOWN);
        break;

    case JM_SLOT_TAKEN:
        jm_put(l->store, slot->owner, 0);
        break;

    default:
        break;
    }
}


void
jm_ledger_close(jm_ledger_t *l, jm_ledger_claim_t *claim, uint64_t now)
{
    unsigned            i;
    jm_ledger_entry_t  *e;

    e = jm_ledger_find(l, claim);

    if (e != NULL) {

        for (i = 0; i < claim->n; i++) {
            jm_ledger_give_up(l, claim, i, jm_ledger_slot(l, e, i), 0);
        }

        jm_ledger_leave_owed(l, claim, e, now);
        jm_ledger_supersede(l, e);
        jm_ledger_settle(l, e, now);
    }

    claim->serial = 0;
}


unsigned
jm_ledger_entries(jm_ledger_t *l)
{
    return l->shared->entries;
}
