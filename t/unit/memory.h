
/*
 * Memory that forks share, for tests of what lies in it: a process may leave it
 * at any moment.
 */


#ifndef _MEMORY_H_INCLUDED_
#define _MEMORY_H_INCLUDED_


#include <sys/mman.h>

#include "tap.h"


/* at the start of it; what is beyond "used" was never given */

typedef struct {
    size_t           used;
    size_t           size;
} memory_t;


/* what is freed is not given again */

static inline void *
memory_alloc(void *ctx, size_t size)
{
    void      *p;
    memory_t  *m;

    m = ctx;

    if (m->used + size > m->size) {
        return NULL;
    }

    p = (uint8_t *) m + m->used;
    m->used += (size + 63) / 64 * 64;

    memset(p, 0xa5, size);

    return p;
}


static inline void
memory_free(void *ctx, void *p)
{
    (void) ctx;
    memset(p, 0x5a, sizeof(void *));
}


/* size bytes, of which the first are somebody's already */

static inline memory_t *
memory_map(jm_mem_t *mem, size_t size, size_t first)
{
    memory_t  *m;

    m = mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS, -1, 0);

    if (m == MAP_FAILED) {
        abort();
    }

    m->used = first;
    m->size = size;

    mem->alloc = memory_alloc;
    mem->free = memory_free;
    mem->ctx = m;

    return m;
}


static inline void
memory_unmap(jm_mem_t *mem)
{
    memory_t  *m;

    m = mem->ctx;
    munmap(m, m->size);
}


#endif /* _MEMORY_H_INCLUDED_ */
