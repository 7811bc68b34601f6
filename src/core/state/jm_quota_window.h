
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * The windows that pictures are counted in, each of which has a number: that of
 * an hour, of a day, or of a month of the calendar.  Days and months are those
 * of the operator's time zone, whole hours are the same in all of them.
 */


#ifndef _JM_QUOTA_WINDOW_H_INCLUDED_
#define _JM_QUOTA_WINDOW_H_INCLUDED_


#include "jm_quota.h"


/*
 * Returns the number of the window that a time is in, which is in s since 1970;
 * period is one of a client's images_period.  The number is never less than an
 * earlier time's.
 */
uint64_t jm_quota_window(const jm_quota_t *q, uint64_t period,
    int64_t seconds);

/* Returns the first second, since 1970, that the window is over in. */
int64_t jm_quota_window_end(const jm_quota_t *q, uint64_t period,
    uint64_t window);


#endif /* _JM_QUOTA_WINDOW_H_INCLUDED_ */
