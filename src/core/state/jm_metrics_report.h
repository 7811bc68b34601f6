
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * What was counted, and what else there is to tell of a zone, as text.
 */


#ifndef _JM_METRICS_REPORT_H_INCLUDED_
#define _JM_METRICS_REPORT_H_INCLUDED_


#include "jm_buf.h"
#include "jm_metrics.h"
#include "jm_metrics_store.h"
#include "jm_quota_view.h"


/* clients whose limits and tasks are shown as text, at most */

#define JM_METRICS_CLIENTS  512


/* an account, as the queue knows it; times in milliseconds */

typedef struct {
    jm_str_t         name;
    unsigned         slots;         /* 0: it has none, all below is 0 */
    uint64_t         concurrency;
    uint64_t         effective;
    uint64_t         running;
    uint64_t         lost;          /* of the running, nobody follows them */
    uint64_t         waiting;
    uint64_t         queue;
    uint64_t         average;
    uint64_t         rest;
    uint64_t         aside;
    uint64_t         submits;
    uint64_t         refusals;
    uint64_t         denied;
    uint64_t         queries_denied;
    uint64_t         cost;          /* of a picture of each that runs */
    uint64_t         cost_lost;     /* of each that is lost; millionths */
} jm_report_account_t;


/* a limit of 0 is none; periods in seconds, reset in seconds since 1970 */

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
    uint64_t         rate_used;
    uint64_t         images_taken;  /* used, and reserved */
    uint64_t         budget_period;
    uint64_t         budget_taken;  /* spent, and reserved */
    uint64_t         waiting;       /* tasks */

    jm_quota_budget_t  budget;
} jm_report_client_t;


typedef struct {
    jm_str_t                    version;    /* of the module */
    jm_str_t                    server;     /* and of nginx */
    uint64_t                    now;        /* seconds since 1970 */

    jm_str_t                    zone;
    uint64_t                    size;       /* bytes */
    uint64_t                    free;
    uint64_t                    entries;    /* of the ledger */
    uint64_t                    loaded;     /* seconds since 1970 */
    uint64_t                    waiting;    /* tasks of no client below */

    const jm_report_store_t    *store;      /* NULL: there is none */
    const jm_counters_t        *counters;
    jm_sample_t                *samples;    /* to be sorted by the report */
    size_t                      nsamples;
    const jm_grouped_t         *groups[JM_GROUP_LAST];  /* "other" first */
    size_t                      ngroups[JM_GROUP_LAST];
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


#endif /* _JM_METRICS_REPORT_H_INCLUDED_ */
