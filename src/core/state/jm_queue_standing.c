
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_queue_standing.h"
#include "jm_queue_store.h"
#include "jm_queue_turn.h"


static jm_queue_place_t *jm_queue_of_task(jm_queue_t *q, jm_ref_t ref,
    uint64_t entry, unsigned task);


void
jm_queue_standing(jm_queue_t *q, jm_ref_t ref, uint64_t entry, unsigned task,
    uint64_t now, jm_turn_t *turn)
{
    uint64_t             usable;
    jm_ring_t           *link;
    jm_tree_key_t        key;
    jm_queue_group_t    *group;
    jm_queue_place_t    *place;
    jm_queue_outlook_t   o;

    memset(turn, 0, sizeof(jm_turn_t));

    place = jm_queue_of_task(q, ref, entry, task);

    if (place == NULL || place->state != JM_PLACE_WAIT) {
        return;
    }

    key = jm_queue_key(&place->wait.node);
    turn->position = 1;

    for (link = jm_ring_next(q->store, &q->shared->groups);
         link != &q->shared->groups;
         link = jm_ring_next(q->store, link))
    {
        group = jm_queue_group(link);

        if (group->accounts & place->accounts) {
            turn->position += jm_tree_rank(q->store, &group->places, key,
                                           jm_queue_key);
            turn->of += jm_tree_count(q->store, group->places.root);
        }
    }

    usable = jm_queue_usable(q, place->accounts, place->model, now);

    jm_queue_foretell(q, usable ? usable : place->accounts, key, now, &o);

    if (o.average != 0) {
        turn->eta = o.delay + o.average;
    }
}


unsigned
jm_queue_may_cancel(jm_queue_t *q, jm_ref_t ref, uint64_t entry,
    unsigned task)
{
    jm_queue_place_t  *place;

    place = jm_queue_of_task(q, ref, entry, task);

    return place != NULL
           && (place->state == JM_PLACE_WAIT
               || place->state == JM_PLACE_GRANTED);
}


void
jm_queue_cancel(jm_queue_t *q, jm_ref_t ref, uint64_t now)
{
    jm_queue_drop(q, jm_to(q->store, ref));
    jm_queue_dispatch(q, NULL, now);
}


uint32_t
jm_queue_waits(const jm_queue_t *q)
{
    return q->shared->waiting;
}


uint32_t
jm_queue_client_waits(jm_queue_t *q, const uint8_t *client)
{
    uint32_t          n;
    jm_queue_line_t  *line;

    n = 0;

    for (line = jm_at(q->store, *jm_queue_chain(q, client)); line != NULL;
         line = jm_at(q->store, line->next))
    {
        if (memcmp(line->client, client, JM_QUEUE_KEY) == 0) {
            n += line->places;
        }
    }

    return n;
}


/* the record may be another one's by now, of any type */

static jm_queue_place_t *
jm_queue_of_task(jm_queue_t *q, jm_ref_t ref, uint64_t entry, unsigned task)
{
    jm_queue_place_t  *place;

    place = jm_at(q->store, ref);

    if (place == NULL || place->head.type != JM_RECORD_PLACE
        || place->entry != entry || place->task != task)
    {
        return NULL;
    }

    return place;
}
