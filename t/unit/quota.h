
/*
 * What the tests of the quotas share: a store that has nothing else in it, and
 * clients.
 */


#ifndef _QUOTA_H_INCLUDED_
#define _QUOTA_H_INCLUDED_


#include "bill.h"
#include "jm_quota_store.h"
#include "jm_quota_sync.h"
#include "store.h"


#define NOW      1000000
#define DAY      20000
#define SECONDS  ((int64_t) DAY * 86400 + 100)


/* of a process that has nothing of its own, but for s->owner */

static inline void
quota_attach(jm_quota_t *q, jm_store_t *s, void *memory, size_t size,
    unsigned fresh)
{
    q->east = 0;

    jm_store_attach(s, memory, size, fresh);

    if (jm_quota_layout(q, s) != JM_OK
        || jm_store_records(s, 0, 1) != JM_OK)
    {
        abort();
    }

    if (fresh) {
        store_own_first(s);
        jm_store_commit(s);
    }

    jm_store_begin(s);
}


/* the lock is held from then on */

static inline void
quota_init(jm_quota_t *q, jm_store_t *s, size_t size)
{
    memset(s, 0, sizeof(jm_store_t));

    s->owner = 1;

    quota_attach(q, s, store_memory(size), size, 1);
}


/* another process, at the same address */

static inline void
quota_other(jm_quota_t *other, jm_store_t *s, const jm_quota_t *q,
    uint32_t owner)
{
    *s = *q->store;
    s->owner = owner;

    *other = *q;
    other->store = s;
}


/* all pieces of it */

static inline jm_rc_e
quota_sync(jm_quota_t *q, const jm_client_t *const *clients, size_t n)
{
    jm_rc_e          rc;
    jm_quota_sync_t  sync;

    memset(&sync, 0, sizeof(jm_quota_sync_t));

    sync.clients = clients;
    sync.n = n;

    do {
        rc = jm_quota_sync(q, &sync);
    } while (rc == JM_OK && sync.step != JM_SYNC_DONE);

    return rc;
}


/* a limit of 0 is none */

static inline jm_client_t
client(const char *name, uint64_t rate, uint32_t concurrency, uint64_t images)
{
    jm_client_t  c;

    memset(&c, 0, sizeof(jm_client_t));

    c.name = str(name);
    c.rate = rate;
    c.rate_period = 60000;
    c.concurrency = concurrency;
    c.images = images;
    c.images_period = images ? 86400 : 0;

    return c;
}


/* what is there but for these is in use */

static inline void
fill(jm_store_t *s, uint32_t nfree)
{
    while (s->shared->nfree > nfree) {
        (void) jm_store_take(s, JM_RECORD_TOLD);
        jm_store_commit(s);
    }
}


/* gives up one of those */

static inline jm_rc_e
forget(void *ctx)
{
    uint32_t      i;
    jm_store_t   *s;
    jm_record_t  *r;

    s = ctx;

    for (i = 0; i < s->shared->used; i++) {
        r = jm_store_record(s, i);

        if (r->type == JM_RECORD_TOLD) {
            jm_store_give(s, r);
            return JM_OK;
        }
    }

    return JM_INVALID;
}


#endif /* _QUOTA_H_INCLUDED_ */
