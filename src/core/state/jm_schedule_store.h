
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * How what is learned lies in the store: a class has a record, and more of them
 * for most of its samples.
 */


#ifndef _JM_SCHEDULE_STORE_H_INCLUDED_
#define _JM_SCHEDULE_STORE_H_INCLUDED_


#include "jm_schedule.h"


/* samples in a class's record, in each of the others, and these others */

#define JM_SCHEDULE_FIRST    12
#define JM_SCHEDULE_MORE     29
#define JM_SCHEDULE_RECORDS  4

#define JM_SCHEDULE_LONGEST  3600000    /* milliseconds of a task, at most */

/* what a budget is at first, at least and at most, see jm_schedule_plan() */

#define JM_SCHEDULE_START    0.9
#define JM_SCHEDULE_FRUGAL   0.6
#define JM_SCHEDULE_LAVISH   1.3


typedef struct {
    jm_record_t          head;
    uint32_t             unused;
    uint64_t             class;
    uint64_t             used;      /* when, the last time */
    uint64_t             n;         /* tasks that were learned from */
    uint64_t             forgotten; /* tasks before the last change */
    double               budget;
    double               fixed;     /* queries of a fixed interval */
    double               trip;      /* ms of a query */
    double               off;       /* how far from the plan's middle */
    jm_ref_t             more[JM_SCHEDULE_RECORDS];
    uint64_t             samples[JM_SCHEDULE_FIRST];
} jm_schedule_class_t;


/* a sample is stored as a whole: to, times 2 to the power of 32, and from */

typedef struct {
    jm_record_t          head;
    uint32_t             number;    /* in more */
    uint64_t             class;
    uint64_t             samples[JM_SCHEDULE_MORE];
} jm_schedule_samples_t;


struct jm_schedule_shared_s {
    jm_ref_t             classes[JM_SCHEDULE_CLASSES];  /* 0: none */
};


_Static_assert(sizeof(jm_schedule_class_t) <= JM_RECORD, "it is a record");
_Static_assert(sizeof(jm_schedule_samples_t) <= JM_RECORD, "it is a record");
_Static_assert(JM_SCHEDULE_FIRST + JM_SCHEDULE_MORE * JM_SCHEDULE_RECORDS
               == JM_SCHEDULE_SAMPLES, "there is room for all samples");


/* what of each is sealed: from where, and up to where */

#define jm_schedule_class_sealed                                              \
    offsetof(jm_schedule_class_t, class), offsetof(jm_schedule_class_t, used)

#define jm_schedule_samples_sealed                                            \
    offsetof(jm_schedule_samples_t, number),                                  \
    offsetof(jm_schedule_samples_t, samples)


/* Returns the class, and sets *i to its place in the table, or NULL. */
jm_schedule_class_t *jm_schedule_find(const jm_schedule_t *s, uint64_t class,
    unsigned *i);

/*
 * Enters a class that knows nothing, and sets *i; what was done before may be
 * committed.  NULL: there is no room, and no other class that could give its.
 */
jm_schedule_class_t *jm_schedule_add(jm_schedule_t *s, uint64_t class,
    unsigned *i);

/* Stores a sample, which is the next one. */
void jm_schedule_store(jm_schedule_t *s, jm_schedule_class_t *c,
    const jm_schedule_sample_t *sample);

/*
 * Copies a class's samples since the last change, the newest first, of which
 * there are JM_SCHEDULE_SAMPLES at most, and returns how many.  The store need
 * not be trusted.
 */
unsigned jm_schedule_samples(const jm_store_t *store,
    const jm_schedule_class_t *c, jm_schedule_sample_t *samples);


#endif /* _JM_SCHEDULE_STORE_H_INCLUDED_ */
