
/*
 * What the tests of the queue by itself share.  Other processes are numbers
 * here, and there are two of them.
 */


#ifndef _QUEUE_WORLD_H_INCLUDED_
#define _QUEUE_WORLD_H_INCLUDED_


#include "tap.h"
#include "queue.h"


#define NOW     1000000
#define SIZE    (1024 * 1024)


/* whom alive() finds dead */

static unsigned  dead[16];


static inline unsigned
alive(uint32_t pid)
{
    return !dead[pid];
}


static inline void
start(jm_queue_t *q, jm_queue_t *other)
{
    memset(dead, 0, sizeof(dead));
    memset(q, 0, sizeof(jm_queue_t));

    q->alive = alive;
    q->pid = 1;

    memory_init(q, SIZE);

    *other = *q;
    other->pid = 2;
}


static inline jm_queue_e
enter(jm_queue_t *q, jm_place_t *p, uint8_t client, uint64_t now)
{
    uint64_t            wait;
    jm_queue_request_t  request;

    request_init(&request, client, now);
    request.worker = q->pid;

    return jm_queue_enter(q, p, &request, now, &wait);
}


static inline jm_queue_e
look(jm_queue_t *q, jm_place_t *p, uint64_t now)
{
    uint64_t  wait;

    return jm_queue_look(q, p, now, &wait);
}


/* a task that has a slot from one time to another */

static inline void
run(jm_queue_t *q, uint64_t from, uint64_t to)
{
    jm_place_t  p;

    (void) enter(q, &p, 'r', from);
    jm_queue_accepted(q, &p, 1, from);
    jm_queue_leave(q, &p, JM_LEAVE_OVER, to);
}


static inline void
is_view(jm_queue_t *q, unsigned running, unsigned lost, unsigned waiting,
    const char *name)
{
    jm_queue_view_t  v;

    jm_queue_view(q, 0, &v, NOW);

    ok(v.running == running && v.lost == lost && v.waiting == waiting,
       "%s: %u run, %u lost, %u wait", name, v.running, v.lost, v.waiting);
    ok(queue_is_whole(q), "%s: whole", name);
}


#endif /* _QUEUE_WORLD_H_INCLUDED_ */
