
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_quota_window.h"


static int64_t jm_quota_window_east(const jm_quota_t *q, uint64_t period);


uint64_t
jm_quota_window(const jm_quota_t *q, uint64_t period, int64_t seconds)
{
    seconds += jm_quota_window_east(q, period);

    return (uint64_t) jm_max(seconds, 0) / period;
}


int64_t
jm_quota_window_end(const jm_quota_t *q, uint64_t period, uint64_t window)
{
    return (int64_t) ((window + 1) * period) - jm_quota_window_east(q, period);
}


/*
 * Hours are of no zone: their numbers would go back with one that is further
 * west, and the hour of that time would last for hours.
 */

static int64_t
jm_quota_window_east(const jm_quota_t *q, uint64_t period)
{
    return (period == JM_CLIENT_HOUR) ? 0 : q->east;
}
