
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * What is counted, in memory that several processes share at the same
 * address: counters, histograms, and series that a few names tell apart.
 *
 * Every function but jm_metrics_text() and jm_metrics_json() is to be called
 * with the one lock of that memory held.  A process may die between any two
 * stores, with the lock held as well: what it was counting may be lost, and
 * nothing else.
 */


#ifndef _JM_METRICS_H_INCLUDED_
#define _JM_METRICS_H_INCLUDED_


#include "jm_buf.h"
#include "jm_error.h"


/* changes with the meaning of anything that is kept in shared memory */

#define JM_METRICS_LAYOUT    2
#define JM_METRICS_VERSION   (JM_METRICS_LAYOUT << 8 | JM_CAUSE_LAST)

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


typedef struct jm_metrics_shared_s  jm_metrics_shared_t;
typedef struct jm_series_s          jm_series_t;


/* each bucket counts what is in it, and in none below; the last has no end */

typedef struct {
    uint64_t         buckets[JM_METRICS_BUCKETS + 1];
    uint64_t         sum;
} jm_histogram_t;


/* what there is in any case, whoever asks */

typedef struct {
    jm_histogram_t   histograms[JM_HISTOGRAM_LAST];
    uint64_t         codes[JM_METRICS_CODES];

    /* of the series that are one too many, by their result */
    uint64_t         others[JM_SERIES_LAST][JM_CAUSE_LAST];
} jm_counters_t;


/*
 * A series as it is in shared memory: made once, never freed, and nothing of
 * it but its value changes, so that its names may be read without the lock.
 */

struct jm_series_s {
    jm_series_t     *next;      /* in its place of the table */
    uint64_t         value;
    uint32_t         hash;
    uint16_t         len[2];    /* of the names, which follow */
    uint8_t          kind;
    uint8_t          result;    /* a jm_cause_e, _NONE is success */
};


typedef struct {
    const jm_series_t  *series;
    uint64_t            value;
} jm_sample_t;


/* a process that serves requests */

typedef struct jm_metrics_worker_s  jm_metrics_worker_t;

struct jm_metrics_worker_s {
    jm_metrics_worker_t  *next;
    uint32_t              pid;
    uint32_t              number;
    uint64_t              started;      /* seconds of the calendar */
    uint64_t              requests;
};


/* a process's way to it, in memory of its own; mem is the shared memory's */

typedef struct {
    jm_metrics_shared_t  *shared;
    jm_mem_t              mem;
    unsigned            (*alive)(uint32_t pid);
    uint32_t              pid;          /* this process, never 0 */
    jm_metrics_worker_t  *worker;       /* set by jm_metrics_join(), or NULL */
} jm_metrics_t;


/*
 * Makes counters in m->mem, and sets m->shared, which other processes are to
 * be handed.  Returns JM_ERROR without memory.
 */
jm_rc_e jm_metrics_create(jm_metrics_t *m);

/*
 * To be called once by a process that serves requests: number is the worker's,
 * now in seconds of the calendar.  Without memory it is not listed.
 */
void jm_metrics_join(jm_metrics_t *m, uint32_t number, uint64_t now);

/*
 * Counts a request.  client and model may be empty, result is what its client
 * was told, JM_CAUSE_NONE for success.  Names are to come from configuration:
 * there are as many series as there are of them.
 */
void jm_metrics_request(jm_metrics_t *m, jm_str_t client, jm_str_t model,
    jm_cause_e result);

/* Counts a task that is over. */
void jm_metrics_task(jm_metrics_t *m, jm_str_t account, jm_cause_e result);

/* Counts pictures that the upstream made for a client. */
void jm_metrics_images(jm_metrics_t *m, jm_str_t client, uint64_t n);

/*
 * Counts an answer of the upstream by its number, 0 for one without.  Numbers
 * that are in no table are counted together.
 */
void jm_metrics_code(jm_metrics_t *m, int64_t code);

/* Enters a value into a histogram. */
void jm_metrics_observe(jm_metrics_t *m, jm_histogram_e histogram,
    uint64_t value);

/* Copies what there is in any case. */
void jm_metrics_counters(jm_metrics_t *m, jm_counters_t *counters);

/*
 * Copies up to n samples, of the series after *last, or from the first if it is
 * NULL, and moves *last.  Returns how many: fewer than n with the last of all.
 * The lock may be given up between two calls, what is made meanwhile may be
 * missed.
 */
size_t jm_metrics_samples(jm_metrics_t *m, const jm_series_t **last,
    jm_sample_t *samples, size_t n);

/* Copies up to n workers; some of them may have been killed. */
size_t jm_metrics_workers(jm_metrics_t *m, jm_metrics_worker_t *workers,
    size_t n);

/*
 * Returns the upper bounds of a histogram's buckets, and in *n how many there
 * are.
 */
const uint64_t *jm_metrics_bounds(jm_histogram_e histogram, size_t *n);

/*
 * Returns how many codes are counted; those from 2 on have a number, which is
 * set in *number, 0 are answers without one, and 1 those of no table.
 */
size_t jm_metrics_codes(size_t i, int64_t *number);

/* Returns the name number i of a series, 0 or 1. */
jm_str_t jm_series_name(const jm_series_t *series, unsigned i);

/* Returns what a result is called: "succeed", or the envelope's code. */
const char *jm_metrics_result(jm_cause_e result);


/* what others know, as it is to be shown; times in milliseconds */

typedef struct {
    jm_str_t         name;
    unsigned         slots;         /* it has some: else all below is 0 */
    uint64_t         concurrency;
    uint64_t         effective;
    uint64_t         running;
    uint64_t         lost;          /* of them, whose process is no more */
    uint64_t         waiting;
    uint64_t         queue;
    uint64_t         average;
    uint64_t         rest;
    uint64_t         aside;
    uint64_t         submits;
    uint64_t         refusals;
    uint64_t         denied;
} jm_report_account_t;


/* a limit of 0 is none; periods in seconds, reset in those of the calendar */

typedef struct {
    jm_str_t         name;
    uint64_t         rate;
    uint64_t         rate_period;
    uint64_t         rate_remaining;
    uint64_t         concurrency;
    uint64_t         running;       /* requests */
    uint64_t         images;
    uint64_t         images_period;
    uint64_t         images_used;
    uint64_t         images_reserved;
    uint64_t         images_remaining;
    uint64_t         images_reset;
} jm_report_client_t;


typedef struct {
    jm_str_t                    version;    /* of the module */
    jm_str_t                    server;     /* and of nginx */
    uint64_t                    now;        /* seconds of the calendar */

    jm_str_t                    zone;
    uint64_t                    size;       /* bytes */
    uint64_t                    free;
    uint64_t                    entries;    /* of the ledger */

    const jm_counters_t        *counters;
    jm_sample_t                *samples;    /* are put in order */
    size_t                      nsamples;
    const jm_report_account_t  *accounts;
    size_t                      naccounts;
    const jm_report_client_t   *clients;    /* sorted by their names */
    size_t                      nclients;
    const jm_metrics_worker_t  *workers;
    size_t                      nworkers;
} jm_report_t;


/*
 * Append the report: as text for Prometheus (its exposition format 0.0.4),
 * or as a JSON object.  Names that are not UTF-8 are shown with "?" in place
 * of what is not ASCII.  Return JM_ERROR when out has an error.
 */
jm_rc_e jm_metrics_text(jm_buf_t *out, jm_report_t *report);
jm_rc_e jm_metrics_json(jm_buf_t *out, jm_report_t *report);


#endif /* _JM_METRICS_H_INCLUDED_ */
