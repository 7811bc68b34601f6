
/*
 * What the tests of the queue by itself share.  Other processes are numbers
 * here, and there are two of them, which have the store at two addresses.
 */


#ifndef _QUEUE_WORLD_H_INCLUDED_
#define _QUEUE_WORLD_H_INCLUDED_


#include "tap.h"
#include "queue.h"


#define NOW     1000000
#define SIZE    (1024 * 1024)


static jm_store_t  stores[2];

/* whom alive() finds dead */

static unsigned  dead[16];


static inline unsigned
alive(uint32_t owner)
{
    return !dead[owner];
}


static inline void
start_of(jm_queue_t *q, jm_queue_t *other, size_t size)
{
    void  *again;

    memset(dead, 0, sizeof(dead));

    queue_init(q, &stores[0], size, alive);

    again = mremap(stores[0].shared, 0, size, MREMAP_MAYMOVE);

    if (again == MAP_FAILED) {
        abort();
    }

    stores[1] = stores[0];
    stores[1].owner = 2;

    jm_store_attach(&stores[1], again, size, 0);
    queue_layout(other, &stores[1]);
}


static inline void
start(jm_queue_t *q, jm_queue_t *other)
{
    start_of(q, other, SIZE);
}


static inline void
stop(void)
{
    store_done(&stores[0]);
    store_done(&stores[1]);
}


static inline jm_queue_e
enter(jm_queue_t *q, jm_place_t *p, uint8_t client, uint64_t now)
{
    uint64_t            wait;
    jm_queue_request_t  request;

    request_init(&request, client, now);
    request.worker = q->store->owner;

    return queue_enter(q, p, &request, now, &wait);
}


static inline jm_queue_e
look(jm_queue_t *q, jm_place_t *p, uint64_t now)
{
    uint64_t  wait;

    return queue_look(q, p, now, &wait);
}


/* a task that has a slot from one time to another */

static inline void
run(jm_queue_t *q, uint64_t from, uint64_t to)
{
    jm_place_t  p;

    (void) enter(q, &p, 'r', from);
    queue_accepted(q, &p, 1, from);
    queue_leave(q, &p, JM_LEAVE_OVER, to);
}


static inline void
is_view(jm_queue_t *q, unsigned running, unsigned lost, unsigned waiting,
    const char *name)
{
    jm_queue_view_t  v;

    queue_view(q, 0, &v, NOW);

    ok(v.running == running && v.lost == lost && v.waiting == waiting,
       "%s: %u run, %u lost, %u wait", name, v.running, v.lost, v.waiting);
    ok(queue_is_whole(q), "%s: whole", name);
}


#endif /* _QUEUE_WORLD_H_INCLUDED_ */
