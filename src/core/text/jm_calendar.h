
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Days as numbers, counted from 1970-01-01, and as dates of the Gregorian
 * calendar.
 */


#ifndef _JM_CALENDAR_H_INCLUDED_
#define _JM_CALENDAR_H_INCLUDED_


#include "jm_base.h"


typedef struct {
    int64_t              year;      /* from 1970 on */
    int64_t              month;     /* 1 ... 12 */
    int64_t              day;       /* 1 ... 31 */
} jm_day_t;


/* Returns the number of a day; 0 is 1970-01-01. */
int64_t jm_day_number(const jm_day_t *day);

/* Sets *day to the date of a number, which must not be negative. */
void jm_day_set(jm_day_t *day, int64_t number);


#endif /* _JM_CALENDAR_H_INCLUDED_ */
