
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_ledger_owed.h"
#include "jm_ledger_room.h"
#include "jm_text.h"


static unsigned jm_ledger_hopeless(jm_ledger_t *l, jm_ledger_entry_t *e);
static void jm_ledger_detach(jm_ledger_t *l, jm_ledger_claim_t *claim,
    jm_ledger_entry_t *e);
static unsigned jm_ledger_brings(jm_ledger_t *l, jm_ledger_entry_t *e,
    const jm_str_t *ids, size_t n);
static unsigned jm_ledger_has_brought(const jm_ledger_slot_t *slot);
static void jm_ledger_watch_all(jm_ledger_t *l, uint64_t now);
static void jm_ledger_watch_next(jm_ledger_t *l, uint64_t now);
static void jm_ledger_died_of(jm_ledger_t *l, jm_ledger_entry_t *e,
    uint64_t now);


jm_ledger_entry_t *
jm_ledger_owed(jm_ledger_t *l, const jm_ledger_request_t *request,
    uint64_t now, unsigned *told)
{
    uint64_t            least;
    jm_ledger_entry_t  *e, *next, *owed, *error;

    owed = NULL;
    error = NULL;

    if (request->unmarked == 0) {
        return NULL;
    }

    for (e = jm_ledger_at(l, *jm_ledger_owed_chain(l, request->key));
         e != NULL;
         e = next)
    {
        next = jm_ledger_at(l, e->owed);

        if (memcmp(e->key, request->key, JM_LEDGER_KEY) != 0
            || e->who != request->who
            || (request->n != 0 && e->n != request->n))
        {
            continue;
        }

        if (jm_ledger_expired(l, e, now)) {
            jm_ledger_retire(l, e);
            jm_store_commit(l->store);
            continue;
        }

        least = e->tell ? jm_min(request->unmarked, JM_LEDGER_TOLD_FOR)
                        : request->unmarked;

        if (jm_ledger_elapsed(e->owed_since, now) >= least) {

            if (e->waits == 0) {
                jm_ledger_forgive(l, e);
                jm_ledger_settle(l, e, now);
                jm_store_commit(l->store);
            }

            continue;
        }

        if (e->tell) {
            error = e;

        } else if (e->waits == 0
                   && (owed == NULL || e->serial > owed->serial))
        {
            owed = e;
        }
    }

    if (owed == NULL && error != NULL) {
        jm_ledger_recall(&l->told, jm_at(l->store, error->told));
        *told = 1;

        return error;
    }

    return owed;
}


unsigned
jm_ledger_twin(jm_ledger_t *l, const jm_ledger_request_t *request)
{
    unsigned            i;
    jm_ledger_entry_t  *e;

    if (request->named || request->repeat || request->unmarked == 0
        || !request->patient)
    {
        return 0;
    }

    e = jm_ledger_newest(l, request->key);

    for (i = 0; e != NULL && i < JM_LEDGER_NEAR; i++) {

        if (e->waits != 0 && e->who == request->who && e->n == request->n
            && memcmp(e->key, request->key, JM_LEDGER_KEY) == 0)
        {
            return 1;
        }

        e = jm_ledger_at(l, e->older);
    }

    return 0;
}


void
jm_ledger_attach(jm_ledger_t *l, jm_ledger_claim_t *claim,
    jm_ledger_entry_t *e)
{
    jm_put(l->store, e->clients, e->clients + 1);
    jm_put(l->store, e->turn, (uint16_t) (e->turn + 1));

    jm_ledger_attend(l, e);

    claim->serial = e->serial;
    claim->turn = e->turn;
    claim->n = e->n;
    claim->attached = 1;
}


static void
jm_ledger_detach(jm_ledger_t *l, jm_ledger_claim_t *claim,
    jm_ledger_entry_t *e)
{
    claim->attached = 0;

    if (claim->turn == e->turn) {
        jm_ledger_unattend(l, e);
    }

    jm_put(l->store, e->clients, e->clients - 1);
}


void
jm_ledger_leave_owed(jm_ledger_t *l, jm_ledger_claim_t *claim,
    jm_ledger_entry_t *e, uint64_t now)
{
    if (!claim->attached) {
        return;
    }

    if (claim->turn == e->turn) {
        jm_ledger_owe(l, e, now);
    }

    jm_ledger_detach(l, claim, e);
}


void
jm_ledger_owe(jm_ledger_t *l, jm_ledger_entry_t *e, uint64_t now)
{
    jm_ref_t  *chain;

    now = jm_max(now, 1);

    if (e->owed_since) {

        if (!jm_ledger_hopeless(l, e)) {
            jm_put(l->store, e->owed_since, now);
        }

        return;
    }

    chain = jm_ledger_owed_chain(l, e->key);

    jm_put(l->store, e->owed_since, now);
    jm_put(l->store, e->owed, *chain);
    jm_put(l->store, *chain, jm_ref(l->store, e));
}


/* whether no task has an id or a result: nothing can be got of it ever again */

static unsigned
jm_ledger_hopeless(jm_ledger_t *l, jm_ledger_entry_t *e)
{
    unsigned           i;
    jm_ledger_slot_t  *slot;

    for (i = 0; i < e->n; i++) {
        slot = jm_ledger_slot(l, e, i);

        if (slot->state != JM_SLOT_FREE && slot->state != JM_SLOT_UNKNOWN
            && jm_ledger_slot_look(slot) != JM_LOOK_LOST)
        {
            return 0;
        }
    }

    return 1;
}


void
jm_ledger_left(jm_ledger_t *l, jm_ledger_claim_t *claim, uint64_t now)
{
    jm_ledger_entry_t  *e;

    e = jm_ledger_find(l, claim);

    if (e != NULL) {
        jm_ledger_leave_owed(l, claim, e, now);
        jm_ledger_settle(l, e, now);
    }

    claim->attached = 0;
}


void
jm_ledger_answered(jm_ledger_t *l, jm_ledger_claim_t *claim, uint64_t now)
{
    jm_ledger_entry_t  *e;

    e = jm_ledger_find(l, claim);

    if (e != NULL && claim->attached) {

        if (claim->turn == e->turn) {
            jm_ledger_forgive(l, e);
        }

        jm_ledger_detach(l, claim, e);
        jm_ledger_settle(l, e, now);
    }

    claim->attached = 0;
}


void
jm_ledger_told(jm_ledger_t *l, jm_ledger_claim_t *claim,
    const jm_error_t *error, uint64_t now)
{
    jm_ledger_entry_t  *e;

    e = jm_ledger_find(l, claim);

    if (e == NULL || e->named || !claim->attached || claim->turn != e->turn
        || jm_ledger_room(l, 1, now) != JM_OK)
    {
        error = NULL;
    }

    /* to make room, the entry itself may have been forgotten */

    e = jm_ledger_find(l, claim);

    if (e != NULL && claim->attached) {

        if (claim->turn == e->turn) {
            jm_ledger_forgive(l, e);

            if (error != NULL) {
                jm_ledger_owe(l, e, now);
                jm_put(l->store, e->tell, 1);

                if (e->told == 0) {
                    jm_put(l->store, e->told, jm_ledger_keep(l, e, error));
                }
            }
        }

        jm_ledger_detach(l, claim, e);
        jm_ledger_settle(l, e, now);
    }

    claim->attached = 0;
}


void
jm_ledger_fetched(jm_ledger_t *l, uint64_t serial, const jm_str_t *ids,
    size_t n)
{
    jm_ledger_entry_t  *e;

    e = jm_ledger_numbered(l, serial);

    if (e != NULL && jm_ledger_brings(l, e, ids, n)) {
        jm_ledger_forgive(l, e);
    }
}


/* whether the entry's tasks have just these ids: none was submitted again */

static unsigned
jm_ledger_brings(jm_ledger_t *l, jm_ledger_entry_t *e, const jm_str_t *ids,
    size_t n)
{
    unsigned           i;
    jm_ledger_slot_t  *slot;

    if (e->n != n) {
        return 0;
    }

    for (i = 0; i < e->n; i++) {
        slot = jm_ledger_slot(l, e, i);

        if (!jm_ledger_slot_has(slot, ids[i]) || !jm_ledger_has_brought(slot)) {
            return 0;
        }
    }

    return 1;
}


/* what is kept has no id; nor has what is lost, of which nothing was got */

static unsigned
jm_ledger_has_brought(const jm_ledger_slot_t *slot)
{
    return slot->state == JM_SLOT_KEPT
           || ((slot->state == JM_SLOT_TAKEN || slot->state == JM_SLOT_OVER)
               && slot->len != 0);
}


jm_ref_t
jm_ledger_keep(jm_ledger_t *l, jm_ledger_entry_t *e, const jm_error_t *error)
{
    jm_str_t           text;
    jm_ledger_told_t  *told;

    told = jm_ledger_new(l, JM_RECORD_TOLD);

    text.len = strlen(error->message);
    text.data = (const uint8_t *) error->message;

    text = jm_utf8_prefix(text, JM_LEDGER_TEXT - 1);

    memcpy(told->message, text.data, text.len);

    told->serial = e->serial;
    told->cause = (uint32_t) error->cause;
    told->code = error->upstream_code;

    jm_store_seal(told, jm_ledger_told_sealed);

    return jm_ref(l->store, told);
}


void
jm_ledger_recall(jm_error_t *error, const jm_ledger_told_t *told)
{
    jm_error_set(error, (jm_cause_e) told->cause, NULL, "%s", told->message);

    error->no_retry = 1;
    error->upstream_code = told->code;
}


/* ---- processes that come and go */


/*
 * A client that comes again as soon as its process has died must not seem to
 * wait there still: it would pay a second time.  So the processes that wait for
 * its key are looked at each time, and all others now and then.
 */

void
jm_ledger_watch(jm_ledger_t *l, const uint8_t *key, uint64_t now)
{
    unsigned            i;
    jm_ledger_entry_t  *e, *older;

    jm_ledger_watch_all(l, now);

    e = jm_ledger_newest(l, key);

    for (i = 0; e != NULL && i < JM_LEDGER_NEAR; i++) {
        older = jm_ledger_at(l, e->older);

        if (e->waits != 0 && memcmp(e->key, key, JM_LEDGER_KEY) == 0
            && !jm_store_lives(l->store, e->waits))
        {
            jm_ledger_died_of(l, e, now);
            jm_store_commit(l->store);
        }

        e = older;
    }
}


static void
jm_ledger_watch_all(jm_ledger_t *l, uint64_t now)
{
    unsigned             i;
    jm_ledger_shared_t  *shared;

    shared = l->shared;

    /* to ask for each request would cost more than to serve it */

    if (jm_ledger_elapsed(shared->watched, now) >= JM_LEDGER_WATCH) {
        jm_put(l->store, shared->watched, now);
        jm_store_bury(l->store);
    }

    if (shared->died != l->store->shared->died) {
        jm_put(l->store, shared->died, l->store->shared->died);
        jm_put(l->store, shared->unseen, shared->attending);
    }

    for (i = 0; i < JM_LEDGER_PIECE && shared->unseen != 0; i++) {
        jm_put(l->store, shared->unseen, shared->unseen - 1);
        jm_ledger_watch_next(l, now);
        jm_store_commit(l->store);
    }
}


/* looks at the entry that was attended first, or not seen for longest */

static void
jm_ledger_watch_next(jm_ledger_t *l, uint64_t now)
{
    jm_ring_t          *link, *attended;
    jm_ledger_entry_t  *e;

    attended = &l->shared->attended;
    link = jm_ring_next(l->store, attended);

    if (link == attended) {
        return;
    }

    e = jm_ledger_attended(link);

    if (!jm_store_listed(l->store, e->waits)) {
        jm_ledger_died_of(l, e, now);
        return;
    }

    jm_ring_remove(l->store, link);
    jm_ring_insert(l->store, jm_ring_prev(l->store, attended), link);
}


/* the last client that waits for the entry waits in a process that has died */

static void
jm_ledger_died_of(jm_ledger_t *l, jm_ledger_entry_t *e, uint64_t now)
{
    jm_ledger_owe(l, e, now);
    jm_ledger_unattend(l, e);

    jm_put(l->store, e->clients, e->clients - 1);

    jm_ledger_settle(l, e, now);
}
