
/*
 * What the tests of the ledger share: one in memory of pieces like a slab's,
 * which forks share, and a look at all that is in it.
 */


#ifndef _LEDGER_H_INCLUDED_
#define _LEDGER_H_INCLUDED_


#include "jm_ledger_owed.h"
#include "memory.h"


#define PIECE     256           /* the slab's, of what the ledger takes */
#define TABLES    65536         /* bytes at least for all that is larger */


/* at the start of the memory */

typedef struct {
    memory_t         memory;
    void            *free;
    unsigned         pieces;    /* that may be had */
    unsigned         taken;
} pieces_t;


static inline void *
pieces_alloc(void *ctx, size_t size)
{
    void      *p;
    pieces_t  *m;

    m = ctx;

    if (size <= PIECE) {
        size = PIECE;

        if (m->taken == m->pieces) {
            return NULL;
        }

        m->taken++;

        if (m->free != NULL) {
            p = m->free;
            memcpy(&m->free, p, sizeof(void *));
            memset(p, 0xa5, PIECE);
            return p;
        }
    }

    return memory_alloc(ctx, size);
}


static inline void
pieces_free(void *ctx, void *p)
{
    pieces_t  *m;

    m = ctx;

    memset(p, 0x5a, PIECE);
    memcpy(p, &m->free, sizeof(void *));
    m->free = p;
    m->taken--;
}


/* makes a ledger with room for so many pieces, in memory that forks share */

static inline void
memory_init(jm_ledger_t *l, unsigned pieces)
{
    size_t     size;
    pieces_t  *m;

    size = PIECE + TABLES + (size_t) pieces * (PIECE + 32);

    m = (pieces_t *) (void *) memory_map(&l->mem, size, PIECE);
    m->pieces = UINT32_MAX;

    l->mem.alloc = pieces_alloc;
    l->mem.free = pieces_free;

    if (jm_ledger_create(l, (size_t) pieces * PIECE) != JM_OK) {
        abort();
    }

    m->pieces = m->taken + pieces;
}


static inline void
memory_done(jm_ledger_t *l)
{
    memory_unmap(&l->mem);
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


/* counts a queue's entries, or -1: it is not a ring, or not of that kind */

static inline int
queue_length(jm_ring_t *head, unsigned finished)
{
    int                 n;
    unsigned            i, state, over;
    jm_ring_t          *link;
    jm_ledger_entry_t  *e;

    n = 0;

    for (link = head->next; link != head; link = link->next) {
        e = (jm_ledger_entry_t *) (void *) link;

        for (i = 0, over = 1; i < e->n; i++) {
            state = jm_ledger_slot(e, i)->state;

            over &= (state == JM_SLOT_FREE || state == JM_SLOT_UNKNOWN
                     || state == JM_SLOT_OVER);
        }

        if (link->next->prev != link || link->prev->next != link
            || (e->finished != 0) != finished || over != finished
            || n > 1000000)
        {
            return -1;
        }

        n++;
    }

    return n;
}


/* whether what is owed is in its chain, and nothing else */

static inline int
owed_whole(jm_ledger_t *l)
{
    size_t              i;
    unsigned            owed, there;
    jm_ledger_entry_t  *e, *other;

    owed = 0;
    there = 0;

    for (i = 0; i <= l->shared->mask; i++) {

        for (e = l->shared->keys[i]; e != NULL; e = e->older) {

            if (e->owed_since == 0) {

                if (e->told != NULL) {
                    return 0;
                }

                continue;
            }

            owed++;

            for (other = *jm_ledger_owed_chain(l, e->key); other != NULL;
                 other = other->owed)
            {
                there += (other == e);
            }
        }
    }

    return owed == there;
}


/* counts the entries, or -1: what is in one place is not in another */

static inline int
ledger_length(jm_ledger_t *l)
{
    int                  n, m, running, finished, free;
    size_t               i;
    jm_ledger_claim_t    claim;
    jm_ledger_entry_t   *e;
    jm_ledger_shared_t  *shared;

    shared = l->shared;

    n = 0;
    m = 0;

    for (i = 0; i <= shared->mask; i++) {

        for (e = shared->keys[i]; e != NULL; e = e->older) {
            claim.serial = e->serial;

            if (jm_ledger_find(l, &claim) != e) {
                return -1;
            }

            n++;
        }

        for (e = shared->serials[i]; e != NULL; e = e->next) {
            m++;
        }
    }

    running = queue_length(&shared->running, 0);
    finished = queue_length(&shared->finished, 1);
    free = queue_length(&shared->free, 1);

    return n == m && n == running + finished + free && running >= 0
           && finished >= 0 && free >= 0 && owed_whole(l)
           && n == (int) shared->entries ? n : -1;
}


#endif /* _LEDGER_H_INCLUDED_ */
