
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * What accounts are set aside for: their credentials were refused, for all, or
 * for one model.
 */


#include "jm_queue_turn.h"


/* milliseconds, the first time, and doubled up to */

#define JM_QUEUE_ASIDE_FOR  10000
#define JM_QUEUE_ASIDE_MAX  300000


static void jm_queue_trust_for(jm_queue_t *q, jm_queue_aside_t *aside,
    const jm_queue_place_t *place);


unsigned
jm_queue_is_aside(jm_queue_t *q, const jm_queue_account_t *a, uint64_t model,
    uint64_t now)
{
    const jm_queue_aside_t  *aside;

    if (a->aside.until > now) {
        return 1;
    }

    aside = jm_queue_find_model(q, a, model);

    return aside != NULL && aside->until > now;
}


uint64_t
jm_queue_usable(jm_queue_t *q, uint64_t accounts, uint64_t model,
    uint64_t now)
{
    unsigned  i;
    uint64_t  usable;

    usable = 0;

    for (i = 0; i < q->shared->naccounts; i++) {

        if ((accounts & jm_queue_bit(i))
            && !jm_queue_is_aside(q, jm_queue_number(q, i), model, now))
        {
            usable |= jm_queue_bit(i);
        }
    }

    return usable;
}


unsigned
jm_queue_set_aside(jm_queue_t *q, jm_queue_aside_t *aside,
    const jm_queue_place_t *place, uint64_t now)
{
    unsigned  known;
    uint64_t  time;

    known = (aside->times != 0 && place->at <= aside->at);

    if (!known) {
        time = jm_min((uint64_t) JM_QUEUE_ASIDE_FOR << jm_min(aside->times, 5),
                      JM_QUEUE_ASIDE_MAX);

        jm_put(q->store, aside->until, now + time);
        jm_put(q->store, aside->times, aside->times + 1);
        jm_put(q->store, aside->tried, (uint16_t) (now / JM_QUEUE_SECOND));

        jm_queue_level(q, place->account);
    }

    jm_put(q->store, aside->at, now);

    return !known;
}


jm_queue_aside_t *
jm_queue_model(jm_queue_t *q, jm_queue_account_t *a, uint64_t model)
{
    unsigned            i, oldest;
    jm_store_t         *s;
    jm_queue_aside_t   *aside;
    jm_queue_models_t  *models;

    s = q->store;

    aside = jm_queue_find_model(q, a, model);

    if (aside != NULL) {
        return aside;
    }

    if (a->models == 0) {

        if (jm_store_room(s, 1) != JM_OK) {
            return NULL;
        }

        models = jm_store_take(s, JM_RECORD_MODELS);
        jm_put(s, a->models, jm_ref(s, models));
    }

    models = jm_at(s, a->models);
    oldest = 0;

    for (i = 1; i < JM_QUEUE_MODELS; i++) {

        if (models->aside[i].until < models->aside[oldest].until) {
            oldest = i;
        }
    }

    jm_put(s, models->model[oldest], model);
    jm_put(s, models->aside[oldest].at, 0);
    jm_put(s, models->aside[oldest].until, 0);
    jm_put(s, models->aside[oldest].times, 0);
    jm_put(s, models->aside[oldest].left, 0);

    return &models->aside[oldest];
}


jm_queue_aside_t *
jm_queue_find_model(jm_queue_t *q, const jm_queue_account_t *a, uint64_t model)
{
    unsigned            i;
    jm_queue_models_t  *models;

    models = jm_at(q->store, a->models);

    for (i = 0; models != NULL && i < JM_QUEUE_MODELS; i++) {

        if (models->model[i] == model) {
            return &models->aside[i];
        }
    }

    return NULL;
}


/* what was submitted before the last refusal says nothing about now */

void
jm_queue_trust(jm_queue_t *q, jm_queue_account_t *a,
    const jm_queue_place_t *place)
{
    jm_queue_aside_t  *aside;

    jm_queue_trust_for(q, &a->aside, place);

    aside = jm_queue_find_model(q, a, place->model);

    if (aside != NULL) {
        jm_queue_trust_for(q, aside, place);
    }
}


static void
jm_queue_trust_for(jm_queue_t *q, jm_queue_aside_t *aside,
    const jm_queue_place_t *place)
{
    if (place->at > aside->at) {
        jm_put(q->store, aside->times, 0);
    }
}


void
jm_queue_forgive(jm_queue_t *q, jm_queue_account_t *a)
{
    jm_put(q->store, a->aside.at, 0);
    jm_put(q->store, a->aside.until, 0);
    jm_put(q->store, a->aside.times, 0);
    jm_put(q->store, a->aside.left, 0);

    if (a->models != 0) {
        jm_store_give(q->store, jm_at(q->store, a->models));
        jm_put(q->store, a->models, 0);
    }
}
