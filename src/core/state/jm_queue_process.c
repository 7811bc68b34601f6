
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_queue_process.h"


static jm_queue_process_t *jm_queue_make_process(jm_queue_t *q,
    uint32_t owner);
static void jm_queue_move(jm_queue_t *q, jm_queue_place_t *place,
    unsigned news);
static void jm_queue_wake(jm_queue_t *q, uint32_t worker);


/* one that was taken for dead, and lives, has another record from then on */

jm_queue_process_t *
jm_queue_process_of(jm_queue_t *q, uint32_t owner)
{
    jm_ring_t           *link;
    jm_queue_process_t  *process;

    for (link = jm_ring_next(q->store, &q->shared->processes);
         link != &q->shared->processes;
         link = jm_ring_next(q->store, link))
    {
        process = jm_queue_process(link);

        if (process->owner == owner && !process->dead) {
            return process;
        }
    }

    return NULL;
}


static jm_queue_process_t *
jm_queue_make_process(jm_queue_t *q, uint32_t owner)
{
    jm_store_t          *s;
    jm_queue_process_t  *process;

    s = q->store;
    process = jm_store_take(s, JM_RECORD_PROCESS);

    process->owner = owner;

    jm_ring_init(s, &process->waiting);
    jm_ring_init(s, &process->news);
    jm_ring_insert(s, &q->shared->processes, &process->link);

    return process;
}


void
jm_queue_enlist(jm_queue_t *q, jm_queue_place_t *place)
{
    jm_store_t          *s;
    jm_queue_process_t  *process;

    s = q->store;

    if (place->wait.process != 0) {
        jm_queue_told(q, place);
        return;
    }

    process = jm_queue_process_of(q, place->owner);

    if (process == NULL) {
        process = jm_queue_make_process(q, place->owner);
    }

    jm_put(s, place->wait.process, jm_ref(s, process));
    jm_put(s, place->wait.news, 0);

    jm_ring_insert(s, jm_ring_prev(s, &process->waiting), &place->wait.link);
}


void
jm_queue_unlist(jm_queue_t *q, jm_queue_place_t *place)
{
    jm_store_t          *s;
    jm_queue_process_t  *process;

    s = q->store;
    process = jm_at(s, place->wait.process);

    if (process == NULL) {
        return;
    }

    jm_ring_remove(s, &place->wait.link);
    jm_put(s, place->wait.process, 0);

    if (!jm_queue_is_empty(q, &process->waiting)
        || !jm_queue_is_empty(q, &process->news))
    {
        return;
    }

    jm_put(s, q->shared->ndead, q->shared->ndead - process->dead);

    jm_ring_remove(s, &process->link);
    jm_store_give(s, process);
}


unsigned
jm_queue_is_empty(jm_queue_t *q, const jm_ring_t *ring)
{
    return jm_ring_next(q->store, ring) == ring;
}


void
jm_queue_notify(jm_queue_t *q, jm_queue_place_t *place)
{
    jm_queue_move(q, place, 1);
    jm_queue_wake(q, place->worker);
}


void
jm_queue_told(jm_queue_t *q, jm_queue_place_t *place)
{
    if (place->state == JM_PLACE_WAIT) {
        jm_queue_move(q, place, 0);

    } else {
        jm_queue_unlist(q, place);
    }
}


static void
jm_queue_move(jm_queue_t *q, jm_queue_place_t *place, unsigned news)
{
    jm_store_t          *s;
    jm_queue_process_t  *process;

    s = q->store;

    if (place->wait.news == news) {
        return;
    }

    process = jm_to(s, place->wait.process);

    jm_put(s, place->wait.news, news);

    jm_ring_remove(s, &place->wait.link);
    jm_ring_insert(s, jm_ring_prev(s, news ? &process->news
                                           : &process->waiting),
                   &place->wait.link);
}


unsigned
jm_queue_news(jm_queue_t *q, uint64_t *serial)
{
    jm_queue_place_t    *place;
    jm_queue_process_t  *process;

    process = jm_queue_process_of(q, q->store->owner);

    if (process == NULL || jm_queue_is_empty(q, &process->news)) {
        return 0;
    }

    place = jm_queue_waiting(jm_ring_next(q->store, &process->news));
    *serial = place->serial;

    jm_queue_told(q, place);

    return 1;
}


uint32_t
jm_queue_alarms(const jm_queue_t *q)
{
    return q->shared->alarms;
}


void
jm_queue_alarm(jm_queue_t *q)
{
    jm_put(q->store, q->shared->alarms, q->shared->alarms + 1);

    q->nwoken = JM_QUEUE_WOKEN + 1;
}


static void
jm_queue_wake(jm_queue_t *q, uint32_t worker)
{
    unsigned  i;

    if (q->nwoken > JM_QUEUE_WOKEN) {
        return;
    }

    for (i = 0; i < q->nwoken; i++) {

        if (q->woken[i] == worker) {
            return;
        }
    }

    if (q->nwoken < JM_QUEUE_WOKEN) {
        q->woken[q->nwoken] = worker;
    }

    q->nwoken++;
}


void
jm_queue_died(jm_queue_t *q, jm_queue_process_t *process)
{
    jm_put(q->store, process->dead, 1);
    jm_put(q->store, q->shared->ndead, q->shared->ndead + 1);
}
