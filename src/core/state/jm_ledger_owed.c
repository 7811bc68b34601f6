
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_ledger_owed.h"
#include "jm_text.h"


/* entries looked at for those whose reply a dead process was still sending */

#define JM_LEDGER_SENT      65536


static unsigned jm_ledger_hopeless(jm_ledger_entry_t *e);
static void jm_ledger_owe(jm_ledger_t *l, jm_ledger_entry_t *e, uint64_t now);
static void jm_ledger_detach(jm_ledger_claim_t *claim, jm_ledger_entry_t *e);
static unsigned jm_ledger_brings(jm_ledger_entry_t *e, const jm_str_t *ids,
    size_t n);
static jm_ledger_told_t *jm_ledger_keep(jm_ledger_t *l,
    const jm_error_t *error, uint64_t now);
static void jm_ledger_recall(jm_error_t *error, const jm_ledger_told_t *told);
static void jm_ledger_nobodys(jm_ledger_t *l, uint32_t pid);
static void jm_ledger_watch_all(jm_ledger_t *l, uint64_t now);
static void jm_ledger_died(jm_ledger_t *l, uint32_t pid, uint64_t now);
static void jm_ledger_died_of(jm_ledger_t *l, jm_ledger_entry_t *e,
    uint32_t pid, uint64_t now);


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

    for (e = *jm_ledger_owed_chain(l, request->key); e != NULL; e = next) {
        next = e->owed;

        if (memcmp(e->key, request->key, JM_LEDGER_KEY) != 0
            || e->who != request->who || e->n != request->n)
        {
            continue;
        }

        if (jm_ledger_expired(l, e, now)) {
            jm_ledger_drop(l, e);
            continue;
        }

        least = e->told ? jm_min(request->unmarked, JM_LEDGER_TOLD_FOR)
                        : request->unmarked;

        if (jm_ledger_elapsed(e->owed_since, now) >= least) {

            if (e->waits == 0) {
                jm_ledger_forgive(l, e);
                jm_ledger_settle(l, e, now);
            }

            continue;
        }

        if (e->told) {
            error = e;

        } else if (e->waits == 0
                   && (owed == NULL || e->serial > owed->serial))
        {
            owed = e;
        }
    }

    if (owed == NULL && error != NULL) {
        jm_ledger_recall(&l->told, error->told);
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

        e = e->older;
    }

    return 0;
}


void
jm_ledger_attach(jm_ledger_t *l, jm_ledger_claim_t *claim,
    jm_ledger_entry_t *e)
{
    e->clients++;
    e->turn++;
    jm_fence();
    e->waits = l->pid;

    claim->serial = e->serial;
    claim->turn = e->turn;
    claim->n = e->n;
    claim->attached = 1;
}


static void
jm_ledger_detach(jm_ledger_claim_t *claim, jm_ledger_entry_t *e)
{
    claim->attached = 0;

    if (claim->turn == e->turn) {
        jm_fence();
        e->waits = 0;
    }

    jm_fence();
    e->clients--;
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

    jm_ledger_detach(claim, e);
}


static void
jm_ledger_owe(jm_ledger_t *l, jm_ledger_entry_t *e, uint64_t now)
{
    jm_ledger_entry_t  **chain;

    now = jm_max(now, 1);

    if (e->owed_since) {

        if (!jm_ledger_hopeless(e)) {
            e->owed_since = now;
        }

        return;
    }

    e->owed_since = now;

    chain = jm_ledger_owed_chain(l, e->key);
    e->owed = *chain;
    *chain = e;
}


/* whether no task has an id, so that nothing can be asked for ever again */

static unsigned
jm_ledger_hopeless(jm_ledger_entry_t *e)
{
    unsigned           i;
    jm_ledger_slot_t  *slot;

    for (i = 0; i < e->n; i++) {
        slot = jm_ledger_slot(e, i);

        if (slot->state != JM_SLOT_FREE && slot->state != JM_SLOT_UNKNOWN) {
            return 0;
        }
    }

    return 1;
}


void
jm_ledger_left(jm_ledger_t *l, jm_ledger_claim_t *claim, uint64_t now)
{
    jm_ledger_entry_t  *e;

    jm_ledger_enter(l);

    e = jm_ledger_find(l, claim);

    if (e != NULL) {
        jm_ledger_leave_owed(l, claim, e, now);
        jm_ledger_settle(l, e, now);
    }

    claim->attached = 0;

    jm_ledger_leave(l);
}


void
jm_ledger_answered(jm_ledger_t *l, jm_ledger_claim_t *claim, uint64_t now)
{
    jm_ledger_entry_t  *e;

    jm_ledger_enter(l);

    e = jm_ledger_find(l, claim);

    if (e != NULL && claim->attached) {

        if (claim->turn == e->turn) {
            jm_ledger_forgive(l, e);
        }

        jm_ledger_detach(claim, e);
        jm_ledger_settle(l, e, now);
    }

    claim->attached = 0;

    jm_ledger_leave(l);
}


void
jm_ledger_told(jm_ledger_t *l, jm_ledger_claim_t *claim,
    const jm_error_t *error, uint64_t now)
{
    jm_ledger_told_t   *told, *before;
    jm_ledger_entry_t  *e;

    jm_ledger_enter(l);

    /* this first: to make room for it, the entry itself may be forgotten */

    told = jm_ledger_keep(l, error, now);

    e = jm_ledger_find(l, claim);

    if (e == NULL || !claim->attached) {
        goto done;
    }

    if (claim->turn == e->turn) {

        if (told == NULL || e->named) {
            jm_ledger_forgive(l, e);

        } else {
            jm_ledger_owe(l, e, now);

            before = e->told;

            e->owed_since = jm_max(now, 1);
            jm_fence();
            e->told = told;
            jm_fence();

            told = before;
        }
    }

    jm_ledger_detach(claim, e);
    jm_ledger_settle(l, e, now);

done:

    if (told != NULL) {
        l->mem.free(l->mem.ctx, told);
    }

    claim->attached = 0;

    jm_ledger_leave(l);
}


void
jm_ledger_fetched(jm_ledger_t *l, uint64_t serial, const jm_str_t *ids,
    size_t n)
{
    jm_ledger_entry_t  *e;

    jm_ledger_enter(l);

    e = jm_ledger_numbered(l, serial);

    if (e != NULL && jm_ledger_brings(e, ids, n)) {
        jm_ledger_forgive(l, e);
    }

    jm_ledger_leave(l);
}


/* whether the entry's tasks have just these ids: none was submitted again */

static unsigned
jm_ledger_brings(jm_ledger_entry_t *e, const jm_str_t *ids, size_t n)
{
    unsigned           i;
    jm_ledger_slot_t  *slot;

    if (e->n != n) {
        return 0;
    }

    for (i = 0; i < e->n; i++) {
        slot = jm_ledger_slot(e, i);

        if ((slot->state != JM_SLOT_TAKEN && slot->state != JM_SLOT_OVER)
            || slot->len != ids[i].len
            || memcmp(slot->id, ids[i].data, slot->len) != 0)
        {
            return 0;
        }
    }

    return 1;
}


static jm_ledger_told_t *
jm_ledger_keep(jm_ledger_t *l, const jm_error_t *error, uint64_t now)
{
    jm_str_t           text;
    jm_ledger_told_t  *told;

    told = jm_ledger_alloc(l, sizeof(jm_ledger_told_t), now);

    if (told == NULL) {
        return NULL;
    }

    text.len = strlen(error->message);
    text.data = (const uint8_t *) error->message;

    text = jm_utf8_prefix(text, JM_LEDGER_TEXT - 1);

    memcpy(told->message, text.data, text.len);

    told->cause = (uint32_t) error->cause;
    told->code = error->upstream_code;

    return told;
}


static void
jm_ledger_recall(jm_error_t *error, const jm_ledger_told_t *told)
{
    jm_error_set(error, (jm_cause_e) told->cause, NULL, "%s", told->message);

    error->no_retry = 1;
    error->upstream_code = told->code;
}


/* ---- processes that come and go */


void
jm_ledger_join(jm_ledger_t *l, uint64_t now)
{
    unsigned   i;
    uint32_t  *pids, *place;

    jm_ledger_enter(l);

    jm_ledger_nobodys(l, l->pid);
    jm_ledger_died(l, l->pid, now);

    pids = l->shared->processes;
    place = NULL;

    for (i = 0; i < JM_LEDGER_PROCESSES; i++) {

        if (pids[i] == l->pid || (pids[i] == 0 && place == NULL)) {
            place = &pids[i];
        }
    }

    if (place != NULL) {
        *place = l->pid;
    }

    jm_ledger_leave(l);
}


static void
jm_ledger_nobodys(jm_ledger_t *l, uint32_t pid)
{
    unsigned            i;
    jm_ring_t          *link;
    jm_ledger_slot_t   *slot;
    jm_ledger_entry_t  *e;

    for (link = l->shared->running.next; link != &l->shared->running;
         link = link->next)
    {
        e = jm_ledger_entry(link);

        for (i = 0; i < e->n; i++) {
            slot = jm_ledger_slot(e, i);

            if (slot->pid == pid) {
                slot->pid = 0;
            }
        }
    }
}


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
        older = e->older;

        if (e->waits != 0 && e->waits != l->pid
            && memcmp(e->key, key, JM_LEDGER_KEY) == 0 && !l->alive(e->waits))
        {
            jm_ledger_died_of(l, e, e->waits, now);
        }

        e = older;
    }
}


static void
jm_ledger_watch_all(jm_ledger_t *l, uint64_t now)
{
    unsigned   i;
    uint32_t  *pids;

    /* to ask for each request would cost more than to serve it */

    if (jm_ledger_elapsed(l->shared->watched, now) < JM_LEDGER_WATCH) {
        return;
    }

    l->shared->watched = now;

    pids = l->shared->processes;

    for (i = 0; i < JM_LEDGER_PROCESSES; i++) {

        if (pids[i] != 0 && pids[i] != l->pid && !l->alive(pids[i])) {
            jm_ledger_died(l, pids[i], now);
            pids[i] = 0;
        }
    }
}


static void
jm_ledger_died(jm_ledger_t *l, uint32_t pid, uint64_t now)
{
    unsigned             n;
    jm_ring_t           *link, *next;
    jm_ledger_shared_t  *shared;

    shared = l->shared;

    for (link = shared->running.next; link != &shared->running; link = next) {
        next = link->next;
        jm_ledger_died_of(l, jm_ledger_entry(link), pid, now);
    }

    for (link = shared->free.next; link != &shared->free; link = next) {
        next = link->next;
        jm_ledger_died_of(l, jm_ledger_entry(link), pid, now);
    }

    /* the newest first: a reply that is being sent was over a moment ago */

    link = shared->finished.prev;

    for (n = 0; link != &shared->finished && n < JM_LEDGER_SENT; n++) {
        next = link->prev;
        jm_ledger_died_of(l, jm_ledger_entry(link), pid, now);
        link = next;
    }
}


static void
jm_ledger_died_of(jm_ledger_t *l, jm_ledger_entry_t *e, uint32_t pid,
    uint64_t now)
{
    if (e->waits != pid) {
        return;
    }

    jm_ledger_owe(l, e, now);
    jm_fence();
    e->waits = 0;
    jm_fence();
    e->clients--;

    jm_ledger_settle(l, e, now);
}
