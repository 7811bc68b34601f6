
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_metrics_histogram.h"


typedef struct {
    size_t           n;
    uint64_t         bounds[JM_METRICS_BUCKETS];
} jm_bounds_t;


static const jm_bounds_t  jm_metrics_times = {
    12, { 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000 }
};

static const jm_bounds_t  jm_metrics_waits = {
    13, { 10, 100, 500, 1000, 2000, 5000, 10000, 20000, 30000, 60000, 120000,
          300000, 600000 }
};

static const jm_bounds_t  jm_metrics_tasks = {
    16, { 500, 1000, 2000, 3000, 5000, 7500, 10000, 15000, 20000, 30000,
          45000, 60000, 90000, 120000, 300000, 600000 }
};

static const jm_bounds_t  jm_metrics_requests = {
    16, { 100, 500, 1000, 2000, 3000, 5000, 7500, 10000, 15000, 20000, 30000,
          45000, 60000, 120000, 300000, 600000 }
};

static const jm_bounds_t  jm_metrics_queries = {
    10, { 1, 2, 3, 5, 8, 13, 21, 34, 60, 120 }
};


const uint64_t *
jm_metrics_bounds(jm_histogram_e histogram, size_t *n)
{
    const jm_bounds_t  *b;

    switch (histogram) {

    case JM_HISTOGRAM_QUEUE:
        b = &jm_metrics_waits;
        break;

    case JM_HISTOGRAM_TASK:
        b = &jm_metrics_tasks;
        break;

    case JM_HISTOGRAM_QUERIES:
        b = &jm_metrics_queries;
        break;

    case JM_HISTOGRAM_REQUEST:
        b = &jm_metrics_requests;
        break;

    default: /* an exchange's */
        b = &jm_metrics_times;
    }

    *n = b->n;

    return b->bounds;
}


void
jm_histogram_add(jm_histogram_t *h, jm_histogram_e histogram, uint64_t value)
{
    size_t           i, n;
    const uint64_t  *bounds;

    bounds = jm_metrics_bounds(histogram, &n);

    for (i = 0; i < n; i++) {
        if (value <= bounds[i]) {
            break;
        }
    }

    h->sum += value;
    h->buckets[i]++;
}
