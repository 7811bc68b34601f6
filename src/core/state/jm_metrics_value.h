
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * The values that are counted: histograms, codes, and series that a few names
 * tell apart.
 */


#ifndef _JM_METRICS_VALUE_H_INCLUDED_
#define _JM_METRICS_VALUE_H_INCLUDED_


#include "jm_error.h"


#define JM_METRICS_CODES     32     /* numbers of the upstream, at most */
#define JM_METRICS_BUCKETS   16     /* of a histogram, at most */

#define JM_METRICS_LABEL     256    /* bytes of a name that are kept */

/* series of each kind, at most: what comes then is "other" */

#define JM_METRICS_REQUESTS  2048
#define JM_METRICS_CLIENTS   512
#define JM_METRICS_TASKS     512
#define JM_METRICS_SERIES    (JM_METRICS_REQUESTS + JM_METRICS_CLIENTS        \
                              + JM_METRICS_TASKS)


typedef enum {
    JM_SERIES_REQUEST = 0,  /* client, model, result */
    JM_SERIES_IMAGES,       /* client */
    JM_SERIES_TASK,         /* account, result */
    JM_SERIES_LAST
} jm_series_e;


/* times are in milliseconds */

typedef enum {
    JM_HISTOGRAM_QUEUE = 0, /* until a task that was taken had a slot */
    JM_HISTOGRAM_TASK,      /* from its submit until its pictures were there */
    JM_HISTOGRAM_SUBMIT,    /* one exchange with the upstream */
    JM_HISTOGRAM_QUERY,
    JM_HISTOGRAM_RESULT,
    JM_HISTOGRAM_QUERIES,   /* of a task, a number */
    JM_HISTOGRAM_LAST
} jm_histogram_e;


/* each bucket counts what is in it, and in none below; the last has no end */

typedef struct {
    uint64_t         buckets[JM_METRICS_BUCKETS + 1];
    uint64_t         sum;
} jm_histogram_t;


/* what no name tells apart */

typedef struct {
    jm_histogram_t   histograms[JM_HISTOGRAM_LAST];
    uint64_t         codes[JM_METRICS_CODES];

    /* of the series that there is no room for, by their result */
    uint64_t         others[JM_SERIES_LAST][JM_CAUSE_LAST];
} jm_counters_t;


/*
 * A series as it is in shared memory: made once, never freed, and nothing of
 * it but its value changes, so that its names may be read without the lock.
 */

typedef struct jm_series_s  jm_series_t;

struct jm_series_s {
    jm_series_t     *next;      /* in its chain of the table */
    uint64_t         value;
    uint32_t         hash;
    uint16_t         len[2];    /* of the names, which follow */
    uint8_t          kind;
    uint8_t          result;    /* a jm_cause_e, _NONE is success */
};


/* a series, and its value at a time */

typedef struct {
    const jm_series_t  *series;
    uint64_t            value;
} jm_sample_t;


/*
 * Returns the upper bounds of a histogram's buckets, and in *n how many there
 * are.
 */
const uint64_t *jm_metrics_bounds(jm_histogram_e histogram, size_t *n);

/*
 * Returns how many of jm_counters_t.codes are in use, and sets *number to the
 * upstream's number that codes[i] counts.  codes[0] counts answers without a
 * number, and codes[1] all numbers that have no place of their own: for these
 * *number is 0.
 */
size_t jm_metrics_codes(size_t i, int64_t *number);

/* Returns the name number i of a series, 0 or 1. */
jm_str_t jm_series_name(const jm_series_t *series, unsigned i);

/* Returns what a result is called: "succeed", or the envelope's code. */
const char *jm_metrics_result(jm_cause_e result);


#endif /* _JM_METRICS_VALUE_H_INCLUDED_ */
