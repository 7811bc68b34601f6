
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * What a client has used today and this month, by models, and what that costs:
 * of days and months of the operator's time zone.
 */


#ifndef _JM_QUOTA_USAGE_H_INCLUDED_
#define _JM_QUOTA_USAGE_H_INCLUDED_


#include "jm_bill.h"
#include "jm_quota_view.h"


/* models that are counted for a client; with more only all of them are */

#define JM_QUOTA_MODELS     20


enum {
    JM_QUOTA_DAY = 0,
    JM_QUOTA_MONTH,
    JM_QUOTA_SUMS
};


typedef struct {
    uint64_t             model;     /* as in a bill */
    uint64_t             images[JM_QUOTA_SUMS];
    uint64_t             cost[JM_QUOTA_SUMS];
} jm_quota_sum_t;


/* all is right even where not all of its models are there */

typedef struct {
    jm_quota_sum_t       all;
    jm_quota_sum_t       models[JM_QUOTA_MODELS];
    size_t               n;
} jm_quota_usage_t;


/* who has used 80% of a limit, and how much that was */

typedef struct {
    unsigned             images;    /* of its pictures */
    unsigned             budget;
    uint64_t             used;
    uint64_t             spent;
} jm_quota_near_t;


/* Sets *usage to what the client has used; zeros: it is not known. */
void jm_quota_usage(const jm_quota_t *q, const jm_client_t *client,
    int64_t seconds, jm_quota_usage_t *usage);

/*
 * Sets *near to which of its limits the client is near, and to zeros those that
 * were told before in the same hour, day or month: by any process.
 */
void jm_quota_near(jm_quota_t *q, const jm_client_t *client, int64_t seconds,
    jm_quota_near_t *near);

/*
 * Appends as JSON what the client may do, what is left of that, and what it has
 * used: the reply to one that asks for its own.  Models are those of extra, or
 * NULL, and those that are built in; what was used of any other is "other".
 * JM_ERROR: out has an error.
 */
jm_rc_e jm_quota_write(jm_buf_t *out, const jm_client_t *client,
    const jm_quota_rate_t *rate, const jm_quota_view_t *view,
    const jm_quota_usage_t *usage, const jm_models_t *extra);


#endif /* _JM_QUOTA_USAGE_H_INCLUDED_ */
