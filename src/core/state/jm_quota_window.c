
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_calendar.h"
#include "jm_quota_window.h"


static int64_t jm_quota_window_east(const jm_quota_t *q, uint64_t period);


uint64_t
jm_quota_window(const jm_quota_t *q, uint64_t period, int64_t seconds)
{
    jm_day_t  day;

    seconds += jm_quota_window_east(q, period);
    seconds = jm_max(seconds, 0);

    if (period != JM_CLIENT_MONTH) {
        return (uint64_t) seconds / period;
    }

    jm_day_set(&day, seconds / JM_CLIENT_DAY);

    return (uint64_t) (day.year * 12 + day.month - 1);
}


int64_t
jm_quota_window_end(const jm_quota_t *q, uint64_t period, uint64_t window)
{
    int64_t   end;
    jm_day_t  day;

    window++;

    if (period == JM_CLIENT_MONTH) {
        day.year = (int64_t) (window / 12);
        day.month = (int64_t) (window % 12 + 1);
        day.day = 1;

        end = jm_day_number(&day) * JM_CLIENT_DAY;

    } else {
        end = (int64_t) (window * period);
    }

    return end - jm_quota_window_east(q, period);
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
