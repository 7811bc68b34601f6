
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * The values that are counted one by one: series that a few names tell apart,
 * and what no name does.
 */


#ifndef _JM_METRICS_VALUE_H_INCLUDED_
#define _JM_METRICS_VALUE_H_INCLUDED_


#include "jm_error.h"
#include "jm_fetch.h"


#define JM_METRICS_LABEL     256    /* bytes of a name that are kept */
#define JM_METRICS_NAMES     3      /* of a series, at most */

/* series of each kind, at most: what comes then is "other" */

#define JM_METRICS_REQUESTS  2048
#define JM_METRICS_IMAGES    2048
#define JM_METRICS_TASKS     512
#define JM_METRICS_SERIES    (JM_METRICS_REQUESTS + JM_METRICS_IMAGES         \
                              + JM_METRICS_TASKS)


typedef enum {
    JM_SERIES_REQUEST = 0,  /* client, model, result */
    JM_SERIES_IMAGES,       /* client, model, account; with a cost */
    JM_SERIES_TASK,         /* account, result */
    JM_SERIES_LAST
} jm_series_e;


/* how a request said that it may be a repeat */

typedef enum {
    JM_MARK_NONE = 0,
    JM_MARK_KEY,            /* by an Idempotency-Key */
    JM_MARK_RETRY,          /* by a count of its tries */
    JM_MARK_LAST
} jm_mark_e;


/* and what the ledger made of it */

typedef enum {
    JM_ENTERED_NOT = 0,     /* it was not asked, and nothing is counted */
    JM_ENTERED_NEW,
    JM_ENTERED_JOINED,      /* another request's tasks run for it, too */
    JM_ENTERED_REPLAYED,    /* the tasks of its first try were over */
    JM_ENTERED_ANEW,        /* some of them failed, and are submitted again */
    JM_ENTERED_TOLD,        /* the same error */
    JM_ENTERED_REFUSED,     /* its key is another request's */
    JM_ENTERED_FULL,        /* there was no room */
    JM_ENTERED_LAST
} jm_entered_e;


/* what few names or none tell apart */

typedef struct {
    uint64_t         entered[JM_MARK_LAST][JM_ENTERED_LAST];
    uint64_t         refused;       /* configurations */
    uint64_t         fetches[JM_FETCH_LAST];

    /* of the series that there is no room for, by their result */
    uint64_t         others[JM_SERIES_LAST][JM_CAUSE_LAST];
    uint64_t         others_cost;
} jm_counters_t;


/*
 * A series as it is in shared memory: made once, never freed, and nothing of
 * it but its values changes, so that its names may be read without the lock.
 */

typedef struct jm_series_s  jm_series_t;

struct jm_series_s {
    jm_series_t     *next;      /* in its chain of the table */
    uint64_t         value;
    uint64_t         cost;      /* of pictures, see jm_money.h */
    uint32_t         hash;
    uint16_t         len[JM_METRICS_NAMES]; /* of the names, which follow */
    uint8_t          kind;
    uint8_t          result;    /* a jm_cause_e, _NONE is success */
};


/* a series, and its values at a time */

typedef struct {
    const jm_series_t  *series;
    uint64_t            value;
    uint64_t            cost;
} jm_sample_t;


/* Returns a name of a series by its number, less than JM_METRICS_NAMES. */
jm_str_t jm_series_name(const jm_series_t *series, unsigned i);

/* Returns what a result is called: "succeed", or the envelope's code. */
const char *jm_metrics_result(jm_cause_e result);


#endif /* _JM_METRICS_VALUE_H_INCLUDED_ */
