
/*
 * Stores for tests, in memory that forks share.
 */


#ifndef _STORE_H_INCLUDED_
#define _STORE_H_INCLUDED_


#include <sys/mman.h>

#include "tap.h"
#include "jm_store_layout.h"


/* zeros that forks share */

static inline void *
store_memory(size_t size)
{
    void  *p;

    p = mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED) {
        abort();
    }

    return p;
}


/* bytes of a store with so many records, and heads of so many bytes */

static inline size_t
store_size(size_t heads, size_t records)
{
    return heads + JM_RECORD + records * JM_RECORD;
}


/* the test's own alive(), which knows owners, not slots */

static unsigned  (*store_asks)(uint32_t owner);


static inline unsigned
store_alive(void *ctx, uint32_t slot)
{
    const jm_store_t  *s = ctx;

    return store_asks(s->shared->owners[slot]);
}


static inline void
store_alive_by(jm_store_t *s, unsigned (*alive)(uint32_t owner))
{
    store_asks = alive;
    s->alive = store_alive;
    s->alive_ctx = s;
}


/* the process has joined as this owner */

static inline void
store_own(jm_store_t *s, uint32_t owner)
{
    s->owner = owner;
    s->shared->owners[jm_store_slot(owner)] = owner;
    s->shared->owner = jm_max(s->shared->owner, owner);
}


/* the owners that are the first in their slots have all joined */

static inline void
store_own_first(jm_store_t *s)
{
    uint32_t  i;

    for (i = 0; i < JM_STORE_OWNERS; i++) {
        s->shared->owners[i] = i + 1;
    }

    s->shared->owner = JM_STORE_OWNERS;
}


/* begins a new store of size bytes: heads and records are to follow */

static inline void
store_init(jm_store_t *s, size_t size)
{
    memset(s, 0, sizeof(jm_store_t));

    s->owner = 1;

    jm_store_attach(s, store_memory(size), size, 1);
}


static inline void
store_done(jm_store_t *s)
{
    munmap(s->shared, s->size);
}


/* how many records there are of a type, which is not one of the free ones */

static inline uint32_t
store_count(const jm_store_t *s, jm_record_e type)
{
    uint32_t  i, n;

    n = 0;

    for (i = 0; i < s->shared->used; i++) {
        n += (jm_store_record(s, i)->type == type);
    }

    return n;
}


/* whether each record is in use, or free, and counted so */

static inline unsigned
store_is_whole(const jm_store_t *s)
{
    uint32_t            n;
    const jm_record_t  *r;

    if (s->shared->nundo != 0 || s->shared->given != 0
        || s->shared->ngiven != 0)
    {
        return 0;
    }

    n = s->shared->records - s->shared->used;

    for (r = jm_at(s, s->shared->free); r != NULL; r = jm_at(s, r->next)) {

        if (r->type != JM_RECORD_FREE || n++ > s->shared->records) {
            return 0;
        }
    }

    return n == s->shared->nfree
           && n == s->shared->records - s->shared->used
                   + store_count(s, JM_RECORD_FREE);
}


#endif /* _STORE_H_INCLUDED_ */
