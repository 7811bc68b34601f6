
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_schedule_store.h"
#include "jm_store_layout.h"


static unsigned jm_schedule_free(const jm_schedule_t *s);
static unsigned jm_schedule_drop_oldest(jm_schedule_t *s);
static jm_schedule_class_t *jm_schedule_new(jm_schedule_t *s, uint64_t class);
static uint64_t jm_schedule_sample(const jm_store_t *store,
    const jm_schedule_class_t *c, unsigned i);
static unsigned jm_schedule_unpack(uint64_t packed,
    jm_schedule_sample_t *sample);
static double jm_schedule_within(double value, double least, double most,
    double other);


jm_rc_e
jm_schedule_layout(jm_schedule_t *s, jm_store_t *store)
{
    s->store = store;
    s->shared = jm_store_head(store, sizeof(jm_schedule_shared_t));

    return s->shared ? JM_OK : JM_ERROR;
}


jm_schedule_class_t *
jm_schedule_find(const jm_schedule_t *s, uint64_t class, unsigned *i)
{
    jm_schedule_class_t  *c;

    for (*i = 0; *i < JM_SCHEDULE_CLASSES; (*i)++) {
        c = jm_at(s->store, s->shared->classes[*i]);

        if (c != NULL && c->class == class) {
            return c;
        }
    }

    return NULL;
}


jm_schedule_class_t *
jm_schedule_add(jm_schedule_t *s, uint64_t class, unsigned *i)
{
    jm_schedule_class_t  *c;

    while (jm_schedule_free(s) == JM_SCHEDULE_CLASSES
           || jm_store_room(s->store, 1 + JM_SCHEDULE_RECORDS) != JM_OK)
    {
        if (!jm_schedule_drop_oldest(s)) {
            return NULL;
        }
    }

    c = jm_schedule_new(s, class);
    *i = jm_schedule_free(s);

    jm_put(s->store, s->shared->classes[*i], jm_ref(s->store, c));

    return c;
}


/* a place in the table that no class has, or JM_SCHEDULE_CLASSES */

static unsigned
jm_schedule_free(const jm_schedule_t *s)
{
    unsigned  i;

    for (i = 0; i < JM_SCHEDULE_CLASSES; i++) {

        if (s->shared->classes[i] == 0) {
            break;
        }
    }

    return i;
}


/* returns whether there was one */

static unsigned
jm_schedule_drop_oldest(jm_schedule_t *s)
{
    unsigned              i;
    jm_ref_t             *ref;
    jm_store_t           *store;
    jm_schedule_class_t  *c, *oldest;

    store = s->store;
    ref = NULL;
    oldest = NULL;

    for (i = 0; i < JM_SCHEDULE_CLASSES; i++) {
        c = jm_at(store, s->shared->classes[i]);

        if (c != NULL && (oldest == NULL || c->used < oldest->used)) {
            ref = &s->shared->classes[i];
            oldest = c;
        }
    }

    if (oldest == NULL) {
        return 0;
    }

    for (i = 0; i < JM_SCHEDULE_RECORDS; i++) {
        jm_store_give(store, jm_at(store, oldest->more[i]));
    }

    jm_store_give(store, oldest);
    jm_put(store, *ref, 0);

    /* from now on its records are free */

    jm_store_commit(store);

    return 1;
}


static jm_schedule_class_t *
jm_schedule_new(jm_schedule_t *s, uint64_t class)
{
    unsigned                i;
    jm_schedule_class_t    *c;
    jm_schedule_samples_t  *more;

    c = jm_store_take(s->store, JM_RECORD_CLASS);

    c->class = class;
    c->budget = JM_SCHEDULE_START;
    c->fixed = 1;

    jm_store_seal(c, jm_schedule_class_sealed);

    for (i = 0; i < JM_SCHEDULE_RECORDS; i++) {
        more = jm_store_take(s->store, JM_RECORD_SAMPLES);

        more->number = i;
        more->class = class;

        jm_store_seal(more, jm_schedule_samples_sealed);

        c->more[i] = jm_ref(s->store, more);
    }

    return c;
}


void
jm_schedule_store(jm_schedule_t *s, jm_schedule_class_t *c,
    const jm_schedule_sample_t *sample)
{
    unsigned                i;
    uint64_t                packed;
    jm_schedule_samples_t  *more;

    i = c->n % JM_SCHEDULE_SAMPLES;
    packed = (uint64_t) sample->to << 32 | sample->from;

    if (i < JM_SCHEDULE_FIRST) {
        jm_put(s->store, c->samples[i], packed);

    } else {
        i -= JM_SCHEDULE_FIRST;
        more = jm_at(s->store, c->more[i / JM_SCHEDULE_MORE]);

        jm_put(s->store, more->samples[i % JM_SCHEDULE_MORE], packed);
    }

    jm_put(s->store, c->n, c->n + 1);
}


/* whatever is in an old store, no wait may be out of bounds */

jm_rc_e
jm_schedule_import(jm_schedule_t *s, const jm_store_t *old, jm_ref_t ref,
    uint64_t now)
{
    unsigned                    i, n;
    jm_schedule_class_t        *c;
    jm_schedule_sample_t        samples[JM_SCHEDULE_SAMPLES];
    const jm_schedule_class_t  *was;

    was = jm_store_believed(old, ref, JM_RECORD_CLASS,
                            jm_schedule_class_sealed);

    if (was == NULL || jm_schedule_find(s, was->class, &i) != NULL) {
        return JM_INVALID;
    }

    n = jm_schedule_samples(old, was, samples);

    if (n == 0) {
        return JM_INVALID;
    }

    c = jm_schedule_add(s, was->class, &i);

    if (c == NULL) {
        return JM_ERROR;
    }

    c->used = jm_min(was->used, now);
    c->budget = jm_schedule_within(was->budget, JM_SCHEDULE_FRUGAL,
                                   JM_SCHEDULE_LAVISH, JM_SCHEDULE_START);
    c->fixed = jm_schedule_within(was->fixed, 1, JM_SCHEDULE_LONGEST, 1);
    c->trip = jm_schedule_within(was->trip, 0, JM_SCHEDULE_LONGEST, 0);
    c->off = jm_schedule_within(was->off, -0.5, 0.5, 0);

    while (n != 0) {
        jm_schedule_store(s, c, &samples[--n]);
    }

    return JM_OK;
}


unsigned
jm_schedule_samples(const jm_store_t *store, const jm_schedule_class_t *c,
    jm_schedule_sample_t *samples)
{
    unsigned  i, n, most;
    uint64_t  packed;

    n = 0;
    most = (unsigned) jm_min(c->n - c->forgotten, JM_SCHEDULE_SAMPLES);

    for (i = 1; i <= most; i++) {
        packed = jm_schedule_sample(store, c, (c->n - i) % JM_SCHEDULE_SAMPLES);

        n += jm_schedule_unpack(packed, &samples[n]);
    }

    return n;
}


/* 0, which is none, if it is in a record that is not believed */

static uint64_t
jm_schedule_sample(const jm_store_t *store, const jm_schedule_class_t *c,
    unsigned i)
{
    unsigned                      number;
    const jm_schedule_samples_t  *more;

    if (i < JM_SCHEDULE_FIRST) {
        return c->samples[i];
    }

    i -= JM_SCHEDULE_FIRST;
    number = i / JM_SCHEDULE_MORE;

    more = jm_store_believed(store, c->more[number], JM_RECORD_SAMPLES,
                             jm_schedule_samples_sealed);

    if (more == NULL || more->number != number || more->class != c->class) {
        return 0;
    }

    return more->samples[i % JM_SCHEDULE_MORE];
}


/* returns whether it is a sample: *sample is set in any case */

static unsigned
jm_schedule_unpack(uint64_t packed, jm_schedule_sample_t *sample)
{
    sample->from = (uint32_t) packed;
    sample->to = (uint32_t) (packed >> 32);

    return sample->from < sample->to && sample->to <= JM_SCHEDULE_LONGEST;
}


/* what is no number is within nothing */

static double
jm_schedule_within(double value, double least, double most, double other)
{
    return (value >= least && value <= most) ? value : other;
}
