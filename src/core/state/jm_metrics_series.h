
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Series that are there before anything is counted in them.  Prometheus'
 * increase() and rate() see what a series is above its first sample: what made
 * it is lost to them, unless it was there at 0 before.
 */


#ifndef _JM_METRICS_SERIES_H_INCLUDED_
#define _JM_METRICS_SERIES_H_INCLUDED_


#include "jm_metrics.h"


/* of each kind a quarter is left to names that nobody foresees, at least */

#define JM_METRICS_QUARTERS  4


/* names that a kind does not have are empty */

typedef struct {
    jm_series_e      kind;
    jm_cause_e       result;
    jm_str_t         names[JM_METRICS_NAMES];
} jm_series_id_t;


/* Returns how many of n series are not there. */
size_t jm_metrics_missing(jm_metrics_t *m, const jm_series_id_t *ids,
    size_t n);

/*
 * Makes those of n series that are not there, with a value of 0, as long as
 * there is room and memory.  The others keep their values.
 */
void jm_metrics_begin(jm_metrics_t *m, const jm_series_id_t *ids, size_t n);

/*
 * Returns whether with n more series of a kind no more quarters are used of
 * what there may be.
 */
unsigned jm_metrics_fits(jm_metrics_t *m, jm_series_e kind, size_t n,
    unsigned quarters);

/* Returns how many series of a kind there may be. */
size_t jm_metrics_limit(jm_series_e kind);

/* Returns the first of the causes that are told to a client by this code. */
jm_cause_e jm_metrics_cause(jm_cause_e cause);


#endif /* _JM_METRICS_SERIES_H_INCLUDED_ */
