
/*
 * What the tests of the ledger share: one in a store of few records, which
 * forks share, its functions as a process calls them, each as a whole, and a
 * look at all that is in it.
 */


#ifndef _LEDGER_H_INCLUDED_
#define _LEDGER_H_INCLUDED_


#include "jm_ledger_import.h"
#include "jm_ledger_owed.h"
#include "jm_ledger_part.h"
#include "jm_ledger_result.h"
#include "jm_ledger_room.h"
#include "store.h"


#define LAYOUT  1           /* any will do: all heads here are the same */


/* a process's way to the ledger in a store */

static inline void
ledger_attach(jm_ledger_t *l, void *memory, size_t size, uint32_t owner,
    unsigned (*alive)(uint32_t owner), unsigned fresh)
{
    jm_store_t  *s;

    s = calloc(1, sizeof(jm_store_t));

    if (s == NULL) {
        abort();
    }

    store_alive_by(s, alive);

    memset(l, 0, sizeof(jm_ledger_t));

    jm_store_attach(s, memory, size, fresh);
    store_own(s, owner);

    if (jm_ledger_layout(l, s) != JM_OK
        || jm_store_records(s, LAYOUT, 1) != JM_OK)
    {
        abort();
    }
}


static inline void
ledger_detach(jm_ledger_t *l)
{
    store_done(l->store);
    free(l->store);
}


/* the size of a store that has room for a ledger of so many records */

static inline size_t
ledger_size(uint32_t records)
{
    size_t  size, heads, before;

    heads = sizeof(jm_store_shared_t) + sizeof(jm_ledger_shared_t) + 8;

    for (size = 0, before = 1; size != before; /* void */ ) {
        before = size;
        size = store_size(heads + 3 * sizeof(jm_ref_t)
                                      * jm_store_chains(&(jm_store_t)
                                                        { .size = size }),
                              records);
    }

    return size;
}


/* the store is not to have more records than these */

static inline void
ledger_bound(jm_ledger_t *l, uint32_t records)
{
    jm_store_shared_t  *shared;

    shared = l->store->shared;

    if (shared->records < records) {
        abort();
    }

    shared->records = records;
    shared->nfree = records;
}


/* makes a ledger with room for so many records, in memory that forks share */

static inline void
ledger_init(jm_ledger_t *l, uint32_t records, uint32_t owner,
    unsigned (*alive)(uint32_t owner))
{
    size_t  size;

    size = ledger_size(records);

    ledger_attach(l, store_memory(size), size, owner, alive, 1);
    ledger_bound(l, records);
}


/* the same store, as another process has it: its memory is mapped once more */

static inline void
ledger_other(jm_ledger_t *other, const jm_ledger_t *l, uint32_t owner)
{
    void              *p;
    const jm_store_t  *s;

    s = l->store;
    p = mremap(s->shared, 0, s->size, MREMAP_MAYMOVE);

    if (p == MAP_FAILED) {
        abort();
    }

    ledger_attach(other, p, s->size, owner, store_asks, 0);
}


static inline void
request_init(jm_ledger_request_t *request, uint8_t key, unsigned n)
{
    memset(request, 0, sizeof(jm_ledger_request_t));
    memset(request->key, key, JM_LEDGER_KEY);
    memset(request->fingerprint, key, JM_LEDGER_KEY);

    request->n = n;
    request->keep = 1000;
}


/* ---- each of the ledger's functions by itself */


static inline jm_ledger_e
ledger_open(jm_ledger_t *l, jm_ledger_claim_t *claim,
    const jm_ledger_request_t *request, uint64_t now)
{
    jm_ledger_e  rc;

    jm_store_begin(l->store);
    rc = jm_ledger_open(l, claim, request, now);
    jm_store_commit(l->store);

    return rc;
}


static inline jm_look_e
ledger_look(jm_ledger_t *l, jm_ledger_claim_t *claim, unsigned i, uint64_t now,
    jm_str_t *id)
{
    jm_look_e  rc;

    jm_store_begin(l->store);
    rc = jm_ledger_look(l, claim, i, now, id);
    jm_store_commit(l->store);

    return rc;
}


static inline jm_rc_e
ledger_submit(jm_ledger_t *l, jm_ledger_claim_t *claim, unsigned i,
    unsigned account)
{
    jm_rc_e  rc;

    jm_store_begin(l->store);
    rc = jm_ledger_submit(l, claim, i, account);
    jm_store_commit(l->store);

    return rc;
}


static inline unsigned
ledger_over(jm_ledger_t *l, jm_ledger_claim_t *claim, unsigned i, uint64_t now)
{
    unsigned  ended;

    jm_store_begin(l->store);
    ended = jm_ledger_over(l, claim, i, now);
    jm_store_commit(l->store);

    return ended;
}


static inline unsigned
ledger_brought(jm_ledger_t *l, const jm_ledger_claim_t *claim, unsigned i,
    jm_str_t text, uint64_t until, uint64_t now, unsigned *kept)
{
    unsigned  first;

    jm_store_begin(l->store);
    first = jm_ledger_brought(l, claim, i, text, until, now, kept);
    jm_store_commit(l->store);

    return first;
}


static inline jm_rc_e
ledger_shrink(jm_ledger_t *l, uint64_t now)
{
    jm_rc_e  rc;

    jm_store_begin(l->store);
    rc = jm_ledger_shrink(l, now);
    jm_store_commit(l->store);

    return rc;
}


static inline jm_rc_e
ledger_import(jm_ledger_t *l, const jm_store_t *old, jm_ref_t ref,
    const uint8_t *map, uint64_t now)
{
    jm_rc_e  rc;

    jm_store_begin(l->store);
    rc = jm_ledger_import(l, old, ref, map, now);
    jm_store_commit(l->store);

    return rc;
}


/*
 * What a new ledger takes over from the store of an old one, of which all that
 * is known is its size.  Returns how many entries.
 */

static inline unsigned
ledger_restart(jm_ledger_t *l, jm_store_t *old, const uint8_t *map,
    uint64_t now)
{
    unsigned  n;
    uint64_t  serial, last, least;
    jm_ref_t  ref, end, next;

    jm_store_recover(old);

    n = 0;
    last = 0;
    end = (jm_ref_t) (old->size / 4);

    for ( ;; ) {
        least = UINT64_MAX;
        next = 0;

        for (ref = 0; ref < end; ref += JM_RECORD / 4) {
            serial = jm_ledger_imports(old, ref);

            if (serial > last && serial < least) {
                least = serial;
                next = ref;
            }
        }

        if (next == 0) {
            return n;
        }

        n += (ledger_import(l, old, next, map, now) == JM_OK);
        last = least;
    }
}


/* one that returns nothing: its name without jm_ledger_, and what follows l */

#define ledger_do(what, l, ...)                                               \
    do {                                                                      \
        jm_store_begin((l)->store);                                           \
        jm_ledger_##what(l, __VA_ARGS__);                                     \
        jm_store_commit((l)->store);                                          \
    } while (0)

#define ledger_unsent(...)    ledger_do(unsent, __VA_ARGS__)
#define ledger_accepted(...)  ledger_do(accepted, __VA_ARGS__)
#define ledger_unknown(...)   ledger_do(unknown, __VA_ARGS__)
#define ledger_free(...)      ledger_do(free, __VA_ARGS__)
#define ledger_left(...)      ledger_do(left, __VA_ARGS__)
#define ledger_answered(...)  ledger_do(answered, __VA_ARGS__)
#define ledger_told(...)      ledger_do(told, __VA_ARGS__)
#define ledger_fetched(...)   ledger_do(fetched, __VA_ARGS__)
#define ledger_close(...)     ledger_do(close, __VA_ARGS__)


/* ---- whether it is whole */


/* counts a ring's entries, or -1: it is none, or not of that kind */

static inline int
ring_length(jm_ledger_t *l, jm_ring_t *head, unsigned finished)
{
    int                 n;
    unsigned            i, state, over;
    jm_ring_t          *link;
    jm_ledger_entry_t  *e;

    n = 0;

    for (link = jm_ring_next(l->store, head); link != head;
         link = jm_ring_next(l->store, link))
    {
        e = jm_ledger_entry(link);

        for (i = 0, over = 1; i < e->n; i++) {
            state = jm_ledger_slot(l, e, i)->state;

            over &= (state == JM_SLOT_FREE || state == JM_SLOT_UNKNOWN
                     || state == JM_SLOT_OVER || state == JM_SLOT_KEPT
                     || state == JM_SLOT_CANCELED);
        }

        if (jm_ring_prev(l->store, jm_ring_next(l->store, link)) != link
            || jm_ring_next(l->store, jm_ring_prev(l->store, link)) != link
            || (e->finished != 0) != finished || over != finished
            || n > 1000000)
        {
            return -1;
        }

        n++;
    }

    return n;
}


/* whether the entry is in its chain of what is owed, if it is, once */

static inline unsigned
owed_whole(jm_ledger_t *l, jm_ledger_entry_t *e)
{
    unsigned            there;
    jm_ledger_entry_t  *other;

    there = 0;

    for (other = jm_ledger_at(l, *jm_ledger_owed_chain(l, e->key));
         other != NULL;
         other = jm_ledger_at(l, other->owed))
    {
        there += (other == e);
    }

    return there == (e->owed_since != 0)
           && (e->owed_since != 0 || e->told == 0 || e->handed)
           && (!e->tell || (e->owed_since != 0 && e->told != 0));
}


/* whether the entry is in the ring of those with clients, if it has, once */

static inline unsigned
attended_whole(jm_ledger_t *l, jm_ledger_entry_t *e)
{
    unsigned    there;
    jm_ring_t  *link, *head;

    there = 0;
    head = &l->shared->attended;

    for (link = jm_ring_next(l->store, head); link != head;
         link = jm_ring_next(l->store, link))
    {
        if (jm_ring_prev(l->store, jm_ring_next(l->store, link)) != link) {
            return 0;
        }

        there += (jm_ledger_attended(link) == e);
    }

    return there == (e->waits != 0) && (e->waits == 0 || e->clients != 0);
}


/* counts the records that an entry has, itself included; 0: it is not whole */

static inline uint32_t
entry_records(jm_ledger_t *l, jm_ledger_entry_t *e)
{
    unsigned                  i;
    uint32_t                  n;
    jm_ref_t                  ref;
    const jm_store_t         *s;
    jm_ledger_kept_t          kept;
    const jm_ledger_slot_t   *slot;
    const jm_ledger_told_t   *told;
    const jm_ledger_tasks_t  *tasks;

    n = 1;
    s = l->store;

    if (jm_store_believed(s, jm_ref(s, e), JM_RECORD_ENTRY,
                          jm_ledger_entry_sealed)
        != e)
    {
        return 0;
    }

    for (ref = e->more; ref != 0; ref = tasks->next) {
        tasks = jm_store_believed(s, ref, JM_RECORD_TASKS,
                                  jm_ledger_tasks_sealed);

        if (tasks == NULL || tasks->serial != e->serial || n++ > e->n) {
            return 0;
        }
    }

    if (n != jm_ledger_records(e->n)) {
        return 0;
    }

    for (i = 0; i < e->n; i++) {
        slot = jm_ledger_slot(l, e, i);

        if (slot->sum != jm_ledger_sum(slot)) {
            return 0;
        }

        if (slot->state == JM_SLOT_KEPT) {
            kept = jm_ledger_kept(slot);

            if (slot->len != 0
                || !jm_ledger_part_believed(s, &kept, e->serial, i))
            {
                return 0;
            }

            n += jm_ledger_parts(kept.len);
        }
    }

    if (e->told != 0) {
        told = jm_store_believed(s, e->told, JM_RECORD_TOLD,
                                 jm_ledger_told_sealed);

        if (told == NULL || told->serial != e->serial) {
            return 0;
        }

        n++;
    }

    return n;
}


/* how many are in use in all, none but the entries' */

static inline uint32_t
ledger_records(const jm_ledger_t *l)
{
    return store_count(l->store, JM_RECORD_ENTRY)
           + store_count(l->store, JM_RECORD_TASKS)
           + store_count(l->store, JM_RECORD_TOLD)
           + store_count(l->store, JM_RECORD_PART);
}


/* counts what tasks have brought, the oldest first; -1: it is nobody's */

static inline int
results_length(jm_ledger_t *l)
{
    int                 n;
    jm_ring_t          *link, *head;
    jm_ledger_part_t   *part;
    jm_ledger_slot_t   *slot;
    jm_ledger_entry_t  *e;

    n = 0;
    head = &l->shared->results;

    for (link = jm_ring_next(l->store, head); link != head;
         link = jm_ring_next(l->store, link))
    {
        part = jm_ledger_part(link);
        e = jm_ledger_numbered(l, part->serial);

        if (jm_ring_prev(l->store, jm_ring_next(l->store, link)) != link
            || part->head.type != JM_RECORD_PART || part->number != 0
            || e == NULL || part->task >= e->n || n > 1000000)
        {
            return -1;
        }

        slot = jm_ledger_slot(l, e, part->task);

        if (slot->state != JM_SLOT_KEPT
            || jm_ledger_kept(slot).first != jm_ref(l->store, part))
        {
            return -1;
        }

        n++;
    }

    return n;
}


/* counts the parts that are to be given back */

static inline uint32_t
loose_length(const jm_ledger_t *l)
{
    uint32_t                 n;
    const jm_store_t        *s;
    const jm_ledger_part_t  *chain, *part;

    n = 0;
    s = l->store;

    for (chain = jm_at(s, l->shared->loose); chain != NULL;
         chain = jm_at(s, chain->head.next))
    {
        for (part = chain; part != NULL && n < 1000000;
             part = jm_at(s, part->next))
        {
            n++;
        }
    }

    return n;
}


/* counts what leads to entries, whether or not they are there */

static inline int
ledger_leads(jm_ledger_t *l)
{
    int                 n;
    uint32_t            i;
    jm_ring_t          *link, *head;
    jm_ledger_entry_t  *e;

    n = 0;

    for (i = 0; i <= l->mask; i++) {

        for (e = jm_ledger_at(l, l->serials[i]); e != NULL;
             e = jm_ledger_at(l, e->next))
        {
            n++;
        }

        for (e = jm_ledger_at(l, l->owed[i]); e != NULL;
             e = jm_ledger_at(l, e->owed))
        {
            n++;
        }
    }

    head = &l->shared->attended;

    for (link = jm_ring_next(l->store, head); link != head;
         link = jm_ring_next(l->store, link))
    {
        n++;
    }

    return n;
}


/* counts those that requests find, or -1: one is that none is to find */

static inline int
found_length(jm_ledger_t *l)
{
    int                 n;
    uint32_t            i;
    jm_ledger_entry_t  *e;

    for (i = 0, n = 0; i <= l->mask; i++) {

        for (e = jm_ledger_at(l, l->keys[i]); e != NULL;
             e = jm_ledger_at(l, e->older))
        {
            if (e->retired || jm_ledger_numbered(l, e->serial) != e) {
                return -1;
            }

            n++;
        }
    }

    return n;
}


/* counts the entries, or -1: what is in one place is not in another */

static inline int
ledger_length(jm_ledger_t *l)
{
    int                  n, leads, running, finished, free, retired, kept;
    int                  found;
    uint32_t             i, records, attending, own, task;
    jm_ledger_entry_t   *e;
    jm_ledger_shared_t  *shared;

    shared = l->shared;

    n = 0;
    kept = 0;
    found = 0;
    leads = 0;
    records = loose_length(l);
    attending = 0;

    for (i = 0; i <= l->mask; i++) {

        for (e = jm_ledger_at(l, l->serials[i]); e != NULL;
             e = jm_ledger_at(l, e->next))
        {
            own = entry_records(l, e);

            if (own == 0 || !owed_whole(l, e) || !attended_whole(l, e)) {
                return -1;
            }

            for (task = 0; task < e->n; task++) {
                kept += (jm_ledger_slot(l, e, task)->state == JM_SLOT_KEPT);
            }

            records += own;
            attending += (e->waits != 0);
            leads += 1 + (e->owed_since != 0) + (e->waits != 0);
            found += !e->retired;
            n++;
        }
    }

    running = ring_length(l, &shared->running, 0);
    finished = ring_length(l, &shared->finished, 1);
    free = ring_length(l, &shared->free, 1);
    retired = ring_length(l, &shared->retired, 1);

    return leads == ledger_leads(l) && found == found_length(l)
           && n == running + finished + free + retired
           && running >= 0 && finished >= 0 && free >= 0 && retired >= 0
           && kept == results_length(l)
           && n == (int) shared->entries && attending == shared->attending
           && n == (int) store_count(l->store, JM_RECORD_ENTRY)
           && records == shared->records && records == ledger_records(l)
           && store_is_whole(l->store) ? n : -1;
}


/* how deep the store's log ever was, between two commits */

static inline uint32_t
ledger_deepest(const jm_ledger_t *l)
{
    uint32_t  n;

    n = JM_STORE_UNDO;

    while (n != 0 && l->store->shared->undo[n - 1].at == 0) {
        n--;
    }

    return n;
}


#endif /* _LEDGER_H_INCLUDED_ */
