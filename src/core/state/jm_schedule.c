
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_fence.h"
#include "jm_hash.h"
#include "jm_schedule_plan.h"

/*
 * parts of the queries that a fixed interval needs: what all tasks are to need
 * in the end; what a plan may spend at first, at least and at most
 */

#define JM_SCHEDULE_TARGET   0.98
#define JM_SCHEDULE_START    0.9
#define JM_SCHEDULE_FRUGAL   0.6
#define JM_SCHEDULE_LAVISH   1.3

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

#define JM_SCHEDULE_LONGEST  3600000    /* milliseconds of a task, at most */


typedef struct {
    uint64_t                 class;     /* 0: it is not in use */
    uint64_t                 used;      /* when, the last time */
    double                   price;     /* see jm_schedule_plan() */
    double                   budget;
    double                   fixed;     /* queries of a fixed interval */
    double                   trip;      /* ms of a query */
    double                   off;       /* how far from the plan's middle */
    uint64_t                 n;         /* tasks that were learned from */
    uint64_t                 forgotten; /* tasks before the last change */
    uint32_t                 planned;   /* the plan is whole */
    uint32_t                 worth;     /* the plan is used */
    jm_schedule_plan_t       plan;
    jm_schedule_sample_t     samples[JM_SCHEDULE_SAMPLES];
} jm_schedule_class_t;


struct jm_schedule_shared_s {
    jm_schedule_class_t     *classes[JM_SCHEDULE_CLASSES];
};


static jm_schedule_class_t *jm_schedule_find(jm_schedule_t *s,
    uint64_t class);
static jm_schedule_class_t *jm_schedule_add(jm_schedule_t *s, uint64_t class);
static void jm_schedule_account(jm_schedule_class_t *c,
    const jm_schedule_sample_t *sample, const jm_schedule_seen_t *seen);
static void jm_schedule_watch(jm_schedule_class_t *c,
    const jm_schedule_sample_t *sample);
static void jm_schedule_replan(jm_schedule_class_t *c);


jm_rc_e
jm_schedule_create(jm_schedule_t *s)
{
    s->shared = s->mem.alloc(s->mem.ctx, sizeof(jm_schedule_shared_t));
    if (s->shared == NULL) {
        return JM_ERROR;
    }

    memset(s->shared, 0, sizeof(jm_schedule_shared_t));

    return JM_OK;
}


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

    c = jm_schedule_find(s, class);

    if (c == NULL) {
        c = jm_schedule_add(s, class);

        if (c == NULL) {
            return;
        }
    }

    c->used = now;
    c->samples[c->n % JM_SCHEDULE_SAMPLES] = sample;

    jm_fence();

    c->n++;

    jm_schedule_account(c, &sample, seen);

    if (c->n >= JM_SCHEDULE_ENOUGH
        && (!c->planned || c->n - c->forgotten < JM_SCHEDULE_EAGER
            || c->n % JM_SCHEDULE_SELDOM == 0))
    {
        jm_schedule_replan(c);
    }
}


uint64_t
jm_schedule_next(jm_schedule_t *s, uint64_t class, uint64_t elapsed)
{
    unsigned              i;
    uint64_t              trip, wait;
    jm_schedule_class_t  *c;

    c = jm_schedule_find(s, class);

    if (c == NULL || !c->planned || !c->worth) {
        return JM_SCHEDULE_FIXED;
    }

    /* the plan's times are those at which a query reaches the upstream */

    trip = (uint64_t) c->trip;

    elapsed = (elapsed > trip / 2) ? elapsed - trip / 2 : 0;

    i = jm_schedule_step(&c->plan, elapsed);

    if (i == JM_SCHEDULE_STEPS) {

        /* beyond the plan: the longer it has taken, the less often */

        return jm_min(JM_SCHEDULE_FIXED + elapsed / 16, JM_SCHEDULE_MOST);
    }

    wait = c->plan.at[c->plan.next[i]];
    wait = (wait > elapsed + trip) ? wait - elapsed - trip : 0;
    wait = jm_max(wait, JM_SCHEDULE_LEAST);

    return jm_min(wait, JM_SCHEDULE_MOST);
}


static jm_schedule_class_t *
jm_schedule_find(jm_schedule_t *s, uint64_t class)
{
    unsigned              i;
    jm_schedule_class_t  *c;

    for (i = 0; i < JM_SCHEDULE_CLASSES; i++) {
        c = s->shared->classes[i];

        if (c == NULL) {
            break;
        }

        if (c->class == class) {
            return c;
        }
    }

    return NULL;
}


/* the memory is lost if the process dies before it is in the table */

static jm_schedule_class_t *
jm_schedule_add(jm_schedule_t *s, uint64_t class)
{
    unsigned              i;
    jm_schedule_class_t  *c, *oldest;

    oldest = NULL;

    for (i = 0; i < JM_SCHEDULE_CLASSES; i++) {
        c = s->shared->classes[i];

        if (c == NULL) {
            break;
        }

        if (oldest == NULL || c->used < oldest->used) {
            oldest = c;
        }
    }

    c = NULL;

    if (i < JM_SCHEDULE_CLASSES) {
        c = s->mem.alloc(s->mem.ctx, sizeof(jm_schedule_class_t));
    }

    if (c == NULL) {
        c = oldest;

        if (c == NULL) {
            return NULL;
        }
    }

    c->class = 0;
    jm_fence();

    memset(c, 0, sizeof(jm_schedule_class_t));

    c->price = JM_SCHEDULE_PRICE;
    c->budget = JM_SCHEDULE_START;
    c->fixed = 1;

    jm_fence();
    c->class = class;
    jm_fence();

    if (c != oldest) {
        s->shared->classes[i] = c;
    }

    return c;
}


/*
 * Compares the queries of a task with those that a fixed interval would have
 * needed: the plans to come may spend more if they were fewer, or less.
 */

static void
jm_schedule_account(jm_schedule_class_t *c, const jm_schedule_sample_t *sample,
    const jm_schedule_seen_t *seen)
{
    double  trip, fixed, budget;

    trip = (double) seen->trip;
    trip = (c->n == 1) ? trip : c->trip + (trip - c->trip) / JM_SCHEDULE_SLOW;

    if (c->planned) {
        fixed = jm_schedule_fixed(&c->plan, sample, (uint32_t) trip);
        jm_schedule_watch(c, sample);

    } else {
        fixed = jm_max(seen->queries, 1);
    }

    c->trip = trip;
    c->fixed = (c->n == 1) ? fixed
                           : c->fixed + (fixed - c->fixed) / JM_SCHEDULE_SLOW;

    if (!c->worth) {
        return;
    }

    budget = c->budget + JM_SCHEDULE_GAIN
                         * (JM_SCHEDULE_TARGET * fixed - seen->queries)
                         / c->fixed;

    budget = jm_min(budget, JM_SCHEDULE_LAVISH);
    c->budget = jm_max(budget, JM_SCHEDULE_FRUGAL);
}


/*
 * As many tasks end before the middle of what the plan expects as after it.
 * When that is so no more, what was learned before is of no use.
 */

static void
jm_schedule_watch(jm_schedule_class_t *c, const jm_schedule_sample_t *sample)
{
    double  place;

    place = (jm_schedule_ended(&c->plan, sample->from)
             + jm_schedule_ended(&c->plan, sample->to)) / 2 - 0.5;

    c->off += (place - c->off) / JM_SCHEDULE_SOON;

    if (c->off > JM_SCHEDULE_CHANGED || c->off < -JM_SCHEDULE_CHANGED) {
        c->off = 0;
        c->forgotten = c->n - JM_SCHEDULE_ENOUGH;
        c->planned = 0;
    }
}


static void
jm_schedule_replan(jm_schedule_class_t *c)
{
    double                delay;
    unsigned              i, n;
    jm_schedule_sample_t  samples[JM_SCHEDULE_SAMPLES], *sample;

    n = 0;

    for (i = 1; i <= jm_min(c->n - c->forgotten, JM_SCHEDULE_SAMPLES); i++) {
        sample = &c->samples[(c->n - i) % JM_SCHEDULE_SAMPLES];

        /* a process that died may have stored one of the two only */

        if (sample->from < sample->to) {
            samples[n++] = *sample;
        }
    }

    if (n == 0) {
        return;
    }

    c->planned = 0;
    jm_fence();

    delay = jm_schedule_plan(&c->plan, samples, n, (uint32_t) c->trip,
                             c->budget, &c->price);

    c->worth = (delay < JM_SCHEDULE_WORTH);

    jm_fence();
    c->planned = 1;
}
