
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_hash.h"
#include "jm_schedule_store.h"


/* part of the queries of a fixed interval that all tasks are to need */

#define JM_SCHEDULE_TARGET   0.98

/* the part of a task's deviation from the target that the budget takes up */

#define JM_SCHEDULE_GAIN     0.02

/* ms of mean delay from which a plan is not used: it gains too little */

#define JM_SCHEDULE_WORTH    1000

#define JM_SCHEDULE_PRICE    500        /* where the search for one begins */

/* each of the first tasks leads to a new plan, later on one of so many */

#define JM_SCHEDULE_EAGER    32
#define JM_SCHEDULE_SELDOM   8

/* tasks over which averages go: in general, and to see a change early */

#define JM_SCHEDULE_SLOW     32
#define JM_SCHEDULE_SOON     6

/* how far tasks end off the plan's middle, 0.5 at most, when it has changed */

#define JM_SCHEDULE_CHANGED  0.3


static void jm_schedule_account(jm_schedule_t *s, jm_schedule_class_t *c,
    jm_schedule_own_t *own, const jm_schedule_sample_t *sample,
    const jm_schedule_seen_t *seen);
static void jm_schedule_watch(jm_schedule_t *s, jm_schedule_class_t *c,
    jm_schedule_own_t *own, const jm_schedule_sample_t *sample);
static uint64_t jm_schedule_epoch(const jm_schedule_class_t *c);


uint64_t
jm_schedule_class(jm_str_t req_key, uint64_t pixels, unsigned inputs,
    unsigned group)
{
    uint8_t   kind[3];
    uint64_t  hash;

    memset(kind, 0, sizeof(kind));

    while (pixels > 1) {
        pixels /= 2;
        kind[0]++;
    }

    kind[1] = (uint8_t) inputs;
    kind[2] = (group != 0);

    hash = jm_hash(JM_HASH_START, req_key.data, req_key.len);
    hash = jm_hash(hash, kind, sizeof(kind));

    /* 0 marks what has no class yet */

    return hash ? hash : 1;
}


void
jm_schedule_learn(jm_schedule_t *s, uint64_t class,
    const jm_schedule_seen_t *seen, uint64_t now)
{
    uint64_t               half;
    unsigned               i;
    jm_schedule_class_t   *c;
    jm_schedule_sample_t   sample;

    if (seen->over > JM_SCHEDULE_LONGEST || seen->trip > seen->over) {
        return;
    }

    /* an answer says what was so half-way between question and answer */

    half = seen->trip / 2;

    sample.from = (uint32_t) (seen->open > half ? seen->open - half : 0);
    sample.to = (uint32_t) (seen->over - half);

    if (sample.from >= sample.to) {
        return;
    }

    c = jm_schedule_find(s, class, &i);

    if (c == NULL) {
        c = jm_schedule_add(s, class, &i);

        if (c == NULL) {
            return;
        }
    }

    jm_put(s->store, c->used, now);
    jm_schedule_store(s, c, &sample);

    jm_schedule_account(s, c, &s->own[i], &sample, seen);
}


/* the samples are copied only where a plan is to be made of them */

void
jm_schedule_look(jm_schedule_t *s, uint64_t class)
{
    unsigned              i;
    jm_schedule_own_t    *own;
    jm_schedule_class_t  *c;

    s->looked = NULL;

    c = jm_schedule_find(s, class, &i);

    if (c == NULL) {
        return;
    }

    s->epoch = jm_schedule_epoch(c);

    if (s->epoch == 0) {
        return;
    }

    own = &s->own[i];
    s->looked = own;

    if (own->class != class) {
        own->class = class;
        own->epoch = 0;
        own->price = JM_SCHEDULE_PRICE;
    }

    own->trip = c->trip;

    if (own->epoch != s->epoch) {
        own->budget = c->budget;
        s->n = jm_schedule_samples(s->store, c, s->samples);
    }
}


/*
 * What tells a plan from that before: each of the first tasks leads to a new
 * one, later on one of so many.
 */

static uint64_t
jm_schedule_epoch(const jm_schedule_class_t *c)
{
    uint64_t  eager;

    if (c->n < JM_SCHEDULE_ENOUGH) {
        return 0;
    }

    eager = c->forgotten + JM_SCHEDULE_EAGER - 1;

    return (c->n <= eager) ? c->n
                           : jm_max(c->n - c->n % JM_SCHEDULE_SELDOM, eager);
}


uint64_t
jm_schedule_next(jm_schedule_t *s, uint64_t elapsed)
{
    double              delay;
    unsigned            i;
    uint64_t            trip, wait;
    jm_schedule_own_t  *own;

    own = s->looked;

    if (own == NULL) {
        return JM_SCHEDULE_FIXED;
    }

    if (own->epoch != s->epoch && s->n != 0) {
        delay = jm_schedule_plan(&own->plan, s->samples, s->n,
                                 (uint32_t) own->trip, own->budget,
                                 &own->price);

        own->worth = (delay < JM_SCHEDULE_WORTH);
        own->epoch = s->epoch;
    }

    if (own->epoch == 0 || !own->worth) {
        return JM_SCHEDULE_FIXED;
    }

    /* the plan's times are those at which a query reaches the upstream */

    trip = (uint64_t) own->trip;

    elapsed = (elapsed > trip / 2) ? elapsed - trip / 2 : 0;

    i = jm_schedule_step(&own->plan, elapsed);

    if (i == JM_SCHEDULE_STEPS) {

        /* beyond the plan: the longer it has taken, the less often */

        return jm_min(JM_SCHEDULE_FIXED + elapsed / 16, JM_SCHEDULE_MOST);
    }

    wait = own->plan.at[own->plan.next[i]];
    wait = (wait > elapsed + trip) ? wait - elapsed - trip : 0;
    wait = jm_max(wait, JM_SCHEDULE_LEAST);

    return jm_min(wait, JM_SCHEDULE_MOST);
}


/*
 * Compares the queries of a task with those that a fixed interval would have
 * needed: the plans to come may spend more if they were fewer, or less.
 */

static void
jm_schedule_account(jm_schedule_t *s, jm_schedule_class_t *c,
    jm_schedule_own_t *own, const jm_schedule_sample_t *sample,
    const jm_schedule_seen_t *seen)
{
    double    trip, fixed, budget;
    unsigned  planned;

    planned = (own->class == c->class && own->epoch != 0);

    trip = (double) seen->trip;
    trip = (c->n == 1) ? trip : c->trip + (trip - c->trip) / JM_SCHEDULE_SLOW;

    if (planned) {
        fixed = jm_schedule_fixed(&own->plan, sample, (uint32_t) trip);
        jm_schedule_watch(s, c, own, sample);

    } else {
        fixed = jm_max(seen->queries, 1);
    }

    jm_put(s->store, c->trip, trip);
    jm_put(s->store, c->fixed,
           (c->n == 1) ? fixed
                       : c->fixed + (fixed - c->fixed) / JM_SCHEDULE_SLOW);

    if (!planned || !own->worth) {
        return;
    }

    budget = c->budget + JM_SCHEDULE_GAIN
                         * (JM_SCHEDULE_TARGET * fixed - seen->queries)
                         / c->fixed;

    budget = jm_min(budget, JM_SCHEDULE_LAVISH);
    jm_put(s->store, c->budget, jm_max(budget, JM_SCHEDULE_FRUGAL));
}


/*
 * As many tasks end before the middle of what the plan expects as after it.
 * When that is so no more, what was learned before is of no use.
 */

static void
jm_schedule_watch(jm_schedule_t *s, jm_schedule_class_t *c,
    jm_schedule_own_t *own, const jm_schedule_sample_t *sample)
{
    double  place, off;

    place = (jm_schedule_ended(&own->plan, sample->from)
             + jm_schedule_ended(&own->plan, sample->to)) / 2 - 0.5;

    off = c->off + (place - c->off) / JM_SCHEDULE_SOON;

    if (off > JM_SCHEDULE_CHANGED || off < -JM_SCHEDULE_CHANGED) {
        off = 0;
        jm_put(s->store, c->forgotten, c->n - JM_SCHEDULE_ENOUGH);
        own->epoch = 0;
    }

    jm_put(s->store, c->off, off);
}
