
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * What has many numbers for the same names: the histograms of a model on an
 * account, and what came of an account's exchanges.
 */


#ifndef _JM_METRICS_GROUP_H_INCLUDED_
#define _JM_METRICS_GROUP_H_INCLUDED_


#include "jm_metrics_histogram.h"


#define JM_METRICS_CODES     72     /* of the upstream, at most */
#define JM_METRICS_CODE_LEN  24     /* bytes of a number, and a zero */

/* groups of each kind, at most: what comes then is in one of its "other" */

#define JM_METRICS_PAIRS     32
#define JM_METRICS_ACCOUNTS  64
#define JM_METRICS_GROUPS    (JM_METRICS_PAIRS + JM_METRICS_ACCOUNTS          \
                              + JM_GROUP_LAST)


typedef enum {
    JM_GROUP_TIMES = 0,     /* model, account */
    JM_GROUP_ACCOUNT,       /* account */
    JM_GROUP_LAST
} jm_group_e;


/* what may come of a submit, and of a task */

typedef enum {
    JM_TALLY_TAKEN = 0,
    JM_TALLY_BUSY,          /* refused for load */
    JM_TALLY_DENIED,        /* for its credentials */
    JM_TALLY_REFUSED,       /* for anything else */
    JM_TALLY_UNKNOWN,       /* it may be taken */
    JM_TALLY_UNSENT,
    JM_TALLY_OUTCOMES,      /* of a submit, all above */
    JM_TALLY_AGAIN = JM_TALLY_OUTCOMES, /* a submit but the task's first */
    JM_TALLY_LEFT,          /* a task that goes on, and nobody follows it */
    JM_TALLY_LAST
} jm_tally_e;


/*
 * A group as it is in shared memory: made once, never freed.  Its names follow;
 * "other" has none.
 */

typedef struct jm_group_s  jm_group_t;

struct jm_group_s {
    jm_group_t          *next;
    uint16_t             len[2];
    uint32_t             used;      /* something was counted in it */

    union {
        jm_histogram_t   histograms[JM_HISTOGRAM_LAST];

        struct {
            uint64_t     codes[JM_METRICS_CODES];
            uint64_t     tallies[JM_TALLY_LAST];
        };
    };
};


/* what a group had at a time */

typedef struct {
    const jm_group_t    *group;
    unsigned             other;     /* those that there was no room for */
    jm_group_t           copy;      /* of its numbers; it has no names */
} jm_grouped_t;


/*
 * Returns what the upstream calls what codes[i] counts: the name of an error of
 * its gateway or of Ark's, or a number, which is written to JM_METRICS_CODE_LEN
 * bytes at buf.  codes[0], "none", counts answers without either, and codes[1]
 * "other" all that have no place of their own.  NULL: there are no more.
 */
const char *jm_metrics_code_name(size_t i, char *buf);

/* Returns how many groups of a kind there may be, without "other". */
size_t jm_group_limit(jm_group_e kind);

/* Returns the name number i of a group, 0 or 1. */
jm_str_t jm_group_name(const jm_grouped_t *g, unsigned i);


#endif /* _JM_METRICS_GROUP_H_INCLUDED_ */
