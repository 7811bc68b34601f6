
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * What processes leave behind: places of those that died, and slots of tasks
 * that nobody follows.
 */


#include "jm_queue_process.h"
#include "jm_queue_turn.h"


#define JM_QUEUE_REAP   500         /* milliseconds between two walks */
#define JM_QUEUE_ASKED  86400000    /* ms for which an orphan is asked for */
#define JM_QUEUE_SEEN   16          /* processes that a walk remembers */


typedef struct {
    unsigned                n;

    struct {
        uint32_t            owner;
        unsigned            alive;
    } of[JM_QUEUE_SEEN];
} jm_queue_seen_t;


static void jm_queue_walk(jm_queue_t *q, uint64_t now, jm_queue_seen_t *seen);
static void jm_queue_reap_held(jm_queue_t *q, jm_queue_account_t *a,
    uint64_t now, jm_queue_seen_t *seen);
static void jm_queue_bury(jm_queue_t *q);
static unsigned jm_queue_lives(jm_queue_t *q, uint32_t owner,
    jm_queue_seen_t *seen);
static void jm_queue_lapse(jm_queue_t *q, jm_queue_place_t *place);
static unsigned jm_queue_can_ask(const jm_queue_place_t *place);
static jm_queue_place_t *jm_queue_orphan(jm_queue_t *q, unsigned account,
    jm_str_t id);
static jm_queue_place_t *jm_queue_taken(jm_queue_t *q, unsigned account,
    jm_str_t id);
static jm_queue_place_t *jm_queue_next_orphan(jm_queue_t *q,
    unsigned account, uint64_t pause, uint64_t now);


void
jm_queue_lose(jm_queue_t *q, jm_queue_place_t *place)
{
    if (place->state == JM_PLACE_WAIT || place->state == JM_PLACE_GRANTED) {
        jm_queue_drop(q, place);
        return;
    }

    jm_queue_lapse(q, place);

    jm_put(q->store, place->state, JM_PLACE_LOST);
}


/*
 * Of a task that cannot be asked for only the average tells; one that had
 * outlived it when it was last heard of goes on.
 */

static void
jm_queue_lapse(jm_queue_t *q, jm_queue_place_t *place)
{
    uint64_t  average;

    if (jm_queue_can_ask(place)) {
        jm_put(q->store, place->lapse, place->renewed + JM_QUEUE_ASKED);
        return;
    }

    average = jm_queue_number(q, place->account)->average;

    if (average == 0) {
        average = JM_QUEUE_GUESS;
    }

    jm_put(q->store, place->lapse,
           jm_max(place->at + average, place->renewed + average / 2));
}


static unsigned
jm_queue_can_ask(const jm_queue_place_t *place)
{
    return place->id_len != 0 && place->key_len != 0;
}


void
jm_queue_reap(jm_queue_t *q, uint64_t now)
{
    jm_queue_seen_t  seen;

    if (jm_queue_span(q->shared->reaped, now) >= JM_QUEUE_REAP) {
        jm_put(q->store, q->shared->reaped, now);

        /* this process need not be asked for */

        seen.n = 1;
        seen.of[0].owner = q->store->owner;
        seen.of[0].alive = 1;

        jm_queue_walk(q, now, &seen);
    }

    jm_queue_bury(q);
}


static void
jm_queue_walk(jm_queue_t *q, uint64_t now, jm_queue_seen_t *seen)
{
    unsigned             i;
    jm_ring_t           *link;
    jm_queue_process_t  *process;

    for (i = 0; i < q->shared->naccounts; i++) {
        jm_queue_reap_held(q, jm_queue_number(q, i), now, seen);
    }

    for (link = jm_ring_next(q->store, &q->shared->processes);
         link != &q->shared->processes;
         link = jm_ring_next(q->store, link))
    {
        process = jm_queue_process(link);

        if (!process->dead && !jm_queue_lives(q, process->owner, seen)) {
            jm_queue_died(q, process);
            jm_store_commit(q->store);
        }
    }
}


static void
jm_queue_bury(jm_queue_t *q)
{
    unsigned             n;
    jm_ring_t           *link, *next, *ring;
    jm_store_t          *s;
    jm_queue_process_t  *process;

    n = 0;
    s = q->store;

    for (link = jm_ring_next(s, &q->shared->processes);
         link != &q->shared->processes && q->shared->ndead != 0;
         link = next)
    {
        next = jm_ring_next(s, link);
        process = jm_queue_process(link);

        /* with its last place it is given back, and is another record then */

        while (process->head.type == JM_RECORD_PROCESS && process->dead) {

            if (n++ == JM_QUEUE_BURIED) {
                return;
            }

            ring = jm_queue_is_empty(q, &process->news) ? &process->waiting
                                                        : &process->news;

            jm_queue_drop(q, jm_queue_waiting(jm_ring_next(s, ring)));
            jm_store_commit(s);
        }
    }
}


static void
jm_queue_reap_held(jm_queue_t *q, jm_queue_account_t *a, uint64_t now,
    jm_queue_seen_t *seen)
{
    jm_ring_t         *link, *next;
    jm_queue_place_t  *place;

    for (link = jm_ring_next(q->store, &a->held); link != &a->held;
         link = next)
    {
        next = jm_ring_next(q->store, link);
        place = jm_queue_place(link);

        if (place->state != JM_PLACE_LOST) {

            if (jm_queue_span(place->renewed, now) < JM_QUEUE_LEASE
                && jm_queue_lives(q, place->owner, seen))
            {
                continue;
            }

            jm_queue_lose(q, place);
            jm_store_commit(q->store);
        }

        if (place->state == JM_PLACE_LOST && place->lapse <= now) {
            jm_queue_drop(q, place);
            jm_store_commit(q->store);
        }
    }
}


/* asks once for each process, as that takes a system call */

static unsigned
jm_queue_lives(jm_queue_t *q, uint32_t owner, jm_queue_seen_t *seen)
{
    unsigned  i, alive;

    for (i = 0; i < seen->n; i++) {

        if (seen->of[i].owner == owner) {
            return seen->of[i].alive;
        }
    }

    alive = jm_store_lives(q->store, owner);

    if (seen->n < JM_QUEUE_SEEN) {
        seen->of[seen->n].owner = owner;
        seen->of[seen->n].alive = alive;
        seen->n++;
    }

    return alive;
}


unsigned
jm_queue_is_orphan(jm_queue_t *q, unsigned account, jm_str_t id)
{
    return jm_queue_orphan(q, account, id) != NULL;
}


uint64_t
jm_queue_price(jm_queue_t *q, unsigned account, jm_str_t id, uint64_t price)
{
    jm_queue_place_t  *place;

    place = jm_queue_taken(q, account, id);

    return place ? place->price : price;
}


unsigned
jm_queue_ended(jm_queue_t *q, unsigned account, jm_str_t id, uint64_t now)
{
    jm_queue_place_t  *place;

    place = jm_queue_orphan(q, account, id);

    if (place == NULL) {
        return 0;
    }

    jm_queue_drop(q, place);
    jm_queue_dispatch(q, NULL, now);

    return 1;
}


void
jm_queue_alive(jm_queue_t *q, unsigned account, jm_str_t id, uint64_t now)
{
    jm_queue_place_t  *place;

    place = jm_queue_orphan(q, account, id);

    if (place != NULL) {
        jm_put(q->store, place->doubts, 0);
        jm_put(q->store, place->renewed, now);
        jm_put(q->store, place->state, JM_PLACE_LOST);
        jm_queue_lapse(q, place);
    }
}


unsigned
jm_queue_doubted(jm_queue_t *q, unsigned account, jm_str_t id)
{
    jm_queue_place_t  *place;

    place = jm_queue_orphan(q, account, id);

    if (place == NULL) {
        return 0;
    }

    jm_put(q->store, place->doubts, place->doubts + 1);

    return place->doubts >= JM_QUEUE_DOUBTS;
}


unsigned
jm_queue_adopt(jm_queue_t *q, jm_place_t *p, unsigned account, jm_str_t id,
    uint64_t now)
{
    jm_store_t        *s;
    jm_queue_place_t  *place;

    p->serial = 0;

    place = jm_queue_orphan(q, account, id);

    if (place == NULL) {
        return 0;
    }

    s = q->store;

    /* the one that had it may live, and knows it by its old grip */

    jm_put(s, place->grip, place->grip + 1);
    jm_put(s, place->adopted, 1);
    jm_put(s, place->renewed, now);
    jm_put(s, place->owner, s->owner);
    jm_put(s, place->state, JM_PLACE_RUN);

    p->serial = place->serial;
    p->ref = jm_ref(s, place);
    p->grip = place->grip;
    p->account = account;

    return 1;
}


/* the slot of a task, if nobody who lives has it */

static jm_queue_place_t *
jm_queue_orphan(jm_queue_t *q, unsigned account, jm_str_t id)
{
    jm_queue_place_t  *place;

    place = jm_queue_taken(q, account, id);

    if (place == NULL
        || (place->state != JM_PLACE_LOST
            && jm_store_lives(q->store, place->owner)))
    {
        return NULL;
    }

    return place;
}


static jm_queue_place_t *
jm_queue_taken(jm_queue_t *q, unsigned account, jm_str_t id)
{
    jm_ring_t           *link;
    jm_store_t          *s;
    jm_queue_place_t    *place;
    jm_queue_account_t  *a;

    s = q->store;
    a = jm_queue_number(q, account);

    for (link = jm_ring_next(s, &a->held); link != &a->held;
         link = jm_ring_next(s, link))
    {
        place = jm_queue_place(link);

        if (id.len != 0 && place->id_len == id.len
            && memcmp(place->id, id.data, id.len) == 0)
        {
            return place;
        }
    }

    return NULL;
}


unsigned
jm_queue_orphan_next(jm_queue_t *q, uint64_t accounts, uint64_t pause,
    uint64_t now, jm_orphan_t *orphan)
{
    unsigned           i;
    jm_queue_place_t  *place;

    /* what dead processes had is lost first */

    jm_queue_reap(q, now);

    place = NULL;

    for (i = 0; i < q->shared->naccounts && place == NULL; i++) {

        if (accounts & jm_queue_bit(i)) {
            place = jm_queue_next_orphan(q, i, pause, now);
        }
    }

    if (place == NULL) {
        return 0;
    }

    jm_put(q->store, place->asked, now);

    orphan->entry = place->entry;
    orphan->billed = place->billed;
    orphan->price = place->price;
    orphan->model = place->model;
    orphan->since = place->since;
    orphan->account = place->account;
    orphan->task = place->task;
    orphan->len = place->id_len;
    orphan->key_len = place->key_len;

    memcpy(orphan->id, place->id, place->id_len);
    memcpy(orphan->key, place->key, place->key_len);

    return 1;
}


/* the one of the account that is to be asked about now, or NULL */

static jm_queue_place_t *
jm_queue_next_orphan(jm_queue_t *q, unsigned account, uint64_t pause,
    uint64_t now)
{
    jm_ring_t           *link;
    jm_queue_place_t    *place, *next;
    jm_queue_account_t  *a;

    next = NULL;
    a = jm_queue_number(q, account);

    for (link = jm_ring_next(q->store, &a->held); link != &a->held;
         link = jm_ring_next(q->store, link))
    {
        place = jm_queue_place(link);

        if (place->state != JM_PLACE_LOST || !jm_queue_can_ask(place)) {
            continue;
        }

        if (place->asked != 0 && jm_queue_span(place->asked, now) < pause) {
            return NULL;
        }

        if (next == NULL || place->asked < next->asked) {
            next = place;
        }
    }

    return next;
}
