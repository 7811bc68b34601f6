
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * What processes leave behind: places of those that died, and slots of tasks
 * that nobody follows.
 */


#include "jm_queue_turn.h"


#define JM_QUEUE_REAP   500         /* milliseconds between two walks */
#define JM_QUEUE_SEEN   16          /* processes that a walk remembers */


typedef struct {
    unsigned                n;

    struct {
        uint32_t            pid;
        unsigned            alive;
    } of[JM_QUEUE_SEEN];
} jm_queue_seen_t;


static void jm_queue_reap_held(jm_queue_t *q, jm_queue_account_t *a,
    uint64_t now, jm_queue_seen_t *seen);
static void jm_queue_reap_waiting(jm_queue_t *q, uint64_t now,
    jm_queue_seen_t *seen);
static unsigned jm_queue_lives(jm_queue_t *q, const jm_queue_place_t *place,
    uint64_t now, jm_queue_seen_t *seen);
static jm_queue_place_t *jm_queue_orphan(jm_queue_t *q, unsigned account,
    uint64_t task);


void
jm_queue_join(jm_queue_t *q)
{
    unsigned           i;
    jm_queue_place_t  *place;
    jm_queue_chunk_t  *chunk;

    jm_queue_begin(q);

    for (chunk = q->shared->chunks; chunk != NULL; chunk = chunk->next) {

        for (i = 0; i < JM_QUEUE_PLACES; i++) {
            place = &chunk->places[i];

            if (place->pid == q->pid && place->state != JM_PLACE_FREE
                && place->state != JM_PLACE_LOST)
            {
                jm_queue_lose(q, place);
            }
        }
    }

    jm_queue_done(q);
}


void
jm_queue_lose(jm_queue_t *q, jm_queue_place_t *place)
{
    uint64_t  average;

    if (place->state == JM_PLACE_WAIT || place->state == JM_PLACE_GRANTED) {
        jm_queue_drop(q, place);
        return;
    }

    average = q->shared->accounts[place->account]->average;

    if (average == 0) {
        average = JM_QUEUE_GUESS;
    }

    /* one that had outlived the average when it was last heard of goes on */

    place->lapse = jm_max(place->at + average, place->renewed + average / 2);
    jm_fence();
    place->state = JM_PLACE_LOST;
}


void
jm_queue_reap(jm_queue_t *q, uint64_t now)
{
    unsigned            i;
    jm_queue_seen_t     seen;
    jm_queue_shared_t  *shared;

    shared = q->shared;

    if (jm_queue_span(shared->reaped, now) < JM_QUEUE_REAP) {
        return;
    }

    shared->reaped = now;
    seen.n = 0;

    for (i = 0; i < shared->naccounts; i++) {
        jm_queue_reap_held(q, shared->accounts[i], now, &seen);
    }

    jm_queue_reap_waiting(q, now, &seen);
}


static void
jm_queue_reap_held(jm_queue_t *q, jm_queue_account_t *a, uint64_t now,
    jm_queue_seen_t *seen)
{
    jm_ring_t         *link, *next;
    jm_queue_place_t  *place;

    for (link = a->held.next; link != &a->held; link = next) {
        next = link->next;
        place = jm_queue_place(link);

        if (place->state != JM_PLACE_LOST) {

            if (jm_queue_lives(q, place, now, seen)) {
                continue;
            }

            jm_queue_lose(q, place);
        }

        if (place->state == JM_PLACE_LOST && place->lapse <= now) {
            jm_queue_drop(q, place);
        }
    }
}


static void
jm_queue_reap_waiting(jm_queue_t *q, uint64_t now, jm_queue_seen_t *seen)
{
    jm_ring_t          *l, *p, *next_line, *next;
    jm_queue_line_t    *line;
    jm_queue_shared_t  *shared;

    shared = q->shared;

    for (l = shared->lines.next; l != &shared->lines; l = next_line) {
        next_line = l->next;
        line = jm_queue_line(l);

        /* with its last place the line leaves the ring: its head stays good */

        for (p = line->places.next; p != &line->places; p = next) {
            next = p->next;

            if (!jm_queue_lives(q, jm_queue_place(p), now, seen)) {
                jm_queue_drop(q, jm_queue_place(p));
            }
        }
    }
}


/* asks once for each process, as that takes a system call */

static unsigned
jm_queue_lives(jm_queue_t *q, const jm_queue_place_t *place, uint64_t now,
    jm_queue_seen_t *seen)
{
    unsigned  i, alive;

    if (jm_queue_span(place->renewed, now) >= JM_QUEUE_LEASE) {
        return 0;
    }

    if (place->pid == q->pid) {
        return 1;
    }

    for (i = 0; i < seen->n; i++) {

        if (seen->of[i].pid == place->pid) {
            return seen->of[i].alive;
        }
    }

    alive = q->alive(place->pid);

    if (seen->n < JM_QUEUE_SEEN) {
        seen->of[seen->n].pid = place->pid;
        seen->of[seen->n].alive = alive;
        seen->n++;
    }

    return alive;
}


void
jm_queue_ended(jm_queue_t *q, unsigned account, uint64_t task, uint64_t now)
{
    jm_queue_place_t  *place;

    jm_queue_begin(q);

    place = jm_queue_orphan(q, account, task);

    if (place != NULL) {
        jm_queue_drop(q, place);
        jm_queue_dispatch(q, NULL, now);
    }

    jm_queue_done(q);
}


unsigned
jm_queue_adopt(jm_queue_t *q, jm_place_t *p, unsigned account, uint64_t task,
    uint64_t now)
{
    jm_queue_place_t  *place;

    p->serial = 0;

    jm_queue_begin(q);

    place = jm_queue_orphan(q, account, task);

    if (place != NULL) {

        /* the one that had it may live, and knows it by its old number */

        place->serial = ++q->shared->serial;
        place->adopted = 1;
        place->renewed = now;
        place->pid = q->pid;

        jm_fence();
        place->state = JM_PLACE_RUN;

        p->serial = place->serial;
        p->shared = place;
        p->account = account;
    }

    jm_queue_done(q);

    return place != NULL;
}


/* the slot of a task, if nobody who lives has it */

static jm_queue_place_t *
jm_queue_orphan(jm_queue_t *q, unsigned account, uint64_t task)
{
    jm_ring_t           *link;
    jm_queue_place_t    *place;
    jm_queue_account_t  *a;

    a = q->shared->accounts[account];

    for (link = a->held.next; link != &a->held; link = link->next) {
        place = jm_queue_place(link);

        if (task != 0 && place->task == task
            && (place->state == JM_PLACE_LOST
                || !q->alive(place->pid)))
        {
            return place;
        }
    }

    return NULL;
}
