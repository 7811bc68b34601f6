
/*
 * A client in a store, and processes that are numbers: the first of them has
 * the store, and all the time.
 */


#ifndef _QUOTA_WORLD_H_INCLUDED_
#define _QUOTA_WORLD_H_INCLUDED_


#include "quota.h"


#define SIZE     262144
#define OWNERS   64


static unsigned    dead[OWNERS];
static uint32_t    last;            /* of higher numbers, the only one alive */
static jm_store_t  stores[2];


static inline unsigned
alive(uint32_t owner)
{
    return owner < OWNERS ? !dead[owner] : owner == last;
}


static inline void
start(jm_quota_t *q, jm_quota_t *other, const jm_client_t *c)
{
    memset(dead, 0, sizeof(dead));

    quota_init(q, &stores[0], SIZE);
    store_alive_by(&stores[0], alive);

    if (quota_sync(q, &c, 1) != JM_OK) {
        abort();
    }

    quota_other(other, &stores[1], q, 2);
}


/* all is committed, and counted */

static inline void
done(void)
{
    jm_store_commit(&stores[0]);

    ok(store_is_whole(&stores[0]) != 0, "no record is lost");

    store_done(&stores[0]);
}


static inline void
is_view(jm_quota_t *q, const jm_client_t *c, uint32_t running, uint64_t used,
    uint64_t reserved, const char *name)
{
    jm_quota_view_t  view;

    jm_quota_view(q, c, SECONDS, &view);
    jm_store_commit(q->store);

    is_int(view.running, running, "%s: so many run", name);
    is_int((int64_t) view.used, (int64_t) used, "%s: used", name);
    is_int((int64_t) view.reserved, (int64_t) reserved, "%s: reserved", name);
}


#endif /* _QUOTA_WORLD_H_INCLUDED_ */
