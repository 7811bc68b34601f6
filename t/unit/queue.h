
/*
 * What the tests of the queue share: one in memory that forks share, and a
 * look at all that is in it.
 */


#ifndef _QUEUE_H_INCLUDED_
#define _QUEUE_H_INCLUDED_


#include "jm_queue_store.h"
#include "memory.h"


static inline void
memory_init(jm_queue_t *q, size_t size)
{
    (void) memory_map(&q->mem, size, 64);

    if (jm_queue_create(q) != JM_OK) {
        abort();
    }
}


static inline void
memory_done(jm_queue_t *q)
{
    memory_unmap(&q->mem);
}


static inline unsigned
account(jm_queue_t *q, const char *name, uint32_t concurrency, uint32_t queue)
{
    unsigned           number;
    jm_queue_conf_t    conf;

    memset(&conf, 0, sizeof(jm_queue_conf_t));

    conf.concurrency = concurrency;
    conf.queue = queue;
    conf.weight = 1;

    number = JM_QUEUE_ACCOUNTS;
    (void) jm_queue_account(q, str(name), &conf, &number);

    return number;
}


/* of one client and one account, with all the time there is */

static inline void
request_init(jm_queue_request_t *request, uint8_t client, uint64_t now)
{
    memset(request, 0, sizeof(jm_queue_request_t));
    memset(request->client, client, JM_QUEUE_CLIENT);

    request->naccounts = 1;
    request->patience = UINT64_MAX;
    request->since = now;
}


/* the same, of the first two accounts */

static inline void
request_of_two(jm_queue_request_t *request, uint8_t client, uint64_t now)
{
    request_init(request, client, now);

    request->accounts[1] = 1;
    request->naccounts = 2;
}


/* counts what is in a list, or -1: it is broken */

static inline int
list_length(const jm_ring_t *head)
{
    int               n;
    const jm_ring_t  *link;

    n = 0;

    for (link = head->next; link != head; link = link->next) {

        if (link->next->prev != link || n++ > 100000) {
            return -1;
        }
    }

    return n;
}


/* whether a line is as it has to be, and how many places are in it */

static inline int
line_is_whole(jm_queue_t *q, jm_queue_line_t *line, uint32_t *n)
{
    uint64_t           serial;
    jm_ring_t         *link;
    jm_queue_place_t  *place;

    serial = 0;

    if (list_length(&line->places) <= 0) {
        return 0;
    }

    for (link = line->places.next; link != &line->places; link = link->next) {
        place = jm_queue_place(link);

        if (place->state != JM_PLACE_WAIT || place->line != line
            || place->serial <= serial
            || jm_queue_line_of(q, place->client) != line)
        {
            return 0;
        }

        serial = place->serial;
        (*n)++;
    }

    return 1;
}


/* whether lists and counts are what the places say */

static inline int
queue_is_whole(jm_queue_t *q)
{
    unsigned             i, j;
    uint32_t             waiting, running, in_lines, all, unused;
    jm_ring_t           *link;
    jm_queue_line_t     *line;
    jm_queue_place_t    *place;
    jm_queue_chunk_t    *chunk;
    jm_queue_shared_t   *shared;
    jm_queue_account_t  *a;

    shared = q->shared;
    all = 0;
    in_lines = 0;

    if (shared->busy || list_length(&shared->lines) < 0) {
        return 0;
    }

    for (link = shared->lines.next; link != &shared->lines; link = link->next) {

        if (!line_is_whole(q, jm_queue_line(link), &in_lines)) {
            return 0;
        }
    }

    for (i = 0; i < shared->naccounts; i++) {
        a = shared->accounts[i];
        waiting = 0;
        running = 0;

        for (chunk = shared->chunks; chunk != NULL; chunk = chunk->next) {

            for (j = 0; j < JM_QUEUE_PLACES; j++) {
                place = &chunk->places[j];

                waiting += (place->state == JM_PLACE_WAIT
                            && (place->accounts & jm_queue_bit(i)));
                running += (place->state > JM_PLACE_WAIT
                            && place->account == i);
            }
        }

        if (a->waiting != waiting || a->running != running
            || list_length(&a->held) != (int) running)
        {
            return 0;
        }

        all += running;
    }

    if (in_lines != shared->waiting) {
        return 0;
    }

    all += in_lines;

    for (link = shared->free; link != NULL; link = link->next) {

        if (jm_queue_place(link)->state != JM_PLACE_FREE || all++ > 100000) {
            return 0;
        }
    }

    unused = (uint32_t) list_length(&shared->lines);

    for (line = shared->unused; line != NULL; line = line->next) {
        unused++;
    }

    return all == shared->room && unused == shared->room;
}


#endif /* _QUEUE_H_INCLUDED_ */
