
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * How groups are counted, by the rules of jm_metrics.h.
 */


#ifndef _JM_METRICS_TALLY_H_INCLUDED_
#define _JM_METRICS_TALLY_H_INCLUDED_


#include "jm_metrics.h"


/* Enters a value into a histogram of a model on an account. */
void jm_metrics_observe(jm_metrics_t *m, jm_histogram_e histogram,
    jm_str_t model, jm_str_t account, uint64_t value);

/*
 * Counts an answer of the upstream to an account by its number, 0 for one
 * without, or a negative one for an error of that name, of its gateway or of
 * Ark, where a family counts as one.  What is in no table is counted together.
 */
void jm_metrics_code(jm_metrics_t *m, jm_str_t account, int64_t code,
    jm_str_t name);

/* Counts what has come of an account's submit, or task. */
void jm_metrics_tally(jm_metrics_t *m, jm_str_t account, jm_tally_e what);

/*
 * Makes the group of these names, where it is not there, with zeros: of a kind
 * with one name b is empty.  Of pairs a quarter is left to those that nobody
 * foresees; then it does nothing, nor without memory.
 */
void jm_metrics_begin_group(jm_metrics_t *m, jm_group_e kind, jm_str_t a,
    jm_str_t b);

/*
 * Copies up to n groups of a kind, of those after *last, or if it is NULL of
 * "other" and then the first, and moves *last.  Returns how many: fewer than n
 * when there are no more.  The lock may be given up between two calls.
 */
size_t jm_metrics_groups(jm_metrics_t *m, jm_group_e kind,
    const jm_group_t **last, jm_grouped_t *groups, size_t n);


#endif /* _JM_METRICS_TALLY_H_INCLUDED_ */
