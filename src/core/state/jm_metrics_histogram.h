
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * How often a value was how large.
 */


#ifndef _JM_METRICS_HISTOGRAM_H_INCLUDED_
#define _JM_METRICS_HISTOGRAM_H_INCLUDED_


#include "jm_base.h"


#define JM_METRICS_BUCKETS   16     /* of a histogram, at most */


/* times are in milliseconds */

typedef enum {
    JM_HISTOGRAM_QUEUE = 0, /* until a task that was taken had a slot */
    JM_HISTOGRAM_TASK,      /* from its submit until its pictures were there */
    JM_HISTOGRAM_SUBMIT,    /* one exchange with the upstream */
    JM_HISTOGRAM_QUERY,
    JM_HISTOGRAM_RESULT,
    JM_HISTOGRAM_QUERIES,   /* of a task, a number */
    JM_HISTOGRAM_REQUEST,   /* all of a client's request */
    JM_HISTOGRAM_LAST
} jm_histogram_e;


/* each bucket counts what is in it, and in none below; the last has no end */

typedef struct {
    uint64_t         buckets[JM_METRICS_BUCKETS + 1];
    uint64_t         sum;
} jm_histogram_t;


/*
 * Returns the upper bounds of a histogram's buckets, and in *n how many there
 * are.
 */
const uint64_t *jm_metrics_bounds(jm_histogram_e histogram, size_t *n);

/* Enters a value into a histogram that is of this kind. */
void jm_histogram_add(jm_histogram_t *h, jm_histogram_e histogram,
    uint64_t value);


#endif /* _JM_METRICS_HISTOGRAM_H_INCLUDED_ */
