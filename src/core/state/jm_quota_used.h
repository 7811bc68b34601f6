
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Counting what was made, for its client: in the window of its pictures, and in
 * the day and the month, of all models and of each.
 */


#ifndef _JM_QUOTA_USED_H_INCLUDED_
#define _JM_QUOTA_USED_H_INCLUDED_


#include "jm_quota_store.h"


/* more than anybody gets: it is damaged, and no sum goes on from there */

#define JM_QUOTA_MOST       UINT32_MAX
#define JM_QUOTA_MOST_COST  ((uint64_t) INT64_MAX)

/* Returns which of the sums a budget of this period is of. */

static inline unsigned
jm_quota_which(uint64_t period)
{
    return (period == JM_CLIENT_DAY) ? JM_QUOTA_DAY : JM_QUOTA_MONTH;
}


/* Counts a bill.  Its model has no counters of its own if there is no room. */
void jm_quota_count(jm_quota_t *q, jm_quota_client_t *c, const jm_bill_t *bill,
    int64_t seconds);

/*
 * Return the pictures of the client's window, and the cost of one of its sums,
 * and set *window to which that is; c may be NULL.
 */
uint64_t jm_quota_pictures(const jm_quota_t *q, const jm_quota_client_t *c,
    uint64_t period, int64_t seconds, uint64_t *window);
uint64_t jm_quota_spent(const jm_quota_t *q, const jm_quota_client_t *c,
    unsigned which, int64_t seconds, uint64_t *window);

/* Returns the number of the day, or month, that it is. */
uint64_t jm_quota_now(const jm_quota_t *q, unsigned which, int64_t seconds);

/*
 * Returns a slot for a model of the client's, a free one if it has none; NULL:
 * there is no room, it has too many, or model is 0.
 */
jm_quota_slot_t *jm_quota_slot(jm_quota_t *q, jm_quota_client_t *c,
    uint64_t model, int64_t seconds);


#endif /* _JM_QUOTA_USED_H_INCLUDED_ */
