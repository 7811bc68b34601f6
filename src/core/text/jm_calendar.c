
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_calendar.h"


/*
 * Years that start on March 1st have their leap day at the end.  Counted from
 * 0000-03-01, which is so many days before 1970, an era of 400 of them is
 * 146097 days; in the months from March on, month m starts on day
 * (153 * m + 2) / 5.
 */

#define JM_CALENDAR_1970    719468


int64_t
jm_day_number(const jm_day_t *day)
{
    int64_t  year, month;

    year = day->year;
    month = day->month;

    if (month < 3) {
        year--;
        month += 12;
    }

    return 365 * year + year / 4 - year / 100 + year / 400
           + (153 * (month - 3) + 2) / 5 + day->day - 1 - JM_CALENDAR_1970;
}


void
jm_day_set(jm_day_t *day, int64_t number)
{
    int64_t  era, year, month;

    number += JM_CALENDAR_1970;
    era = number / 146097;
    number %= 146097;

    year = (number - number / 1460 + number / 36524 - number / 146096) / 365;
    number -= 365 * year + year / 4 - year / 100;

    month = (5 * number + 2) / 153;

    day->day = number - (153 * month + 2) / 5 + 1;

    year += era * 400;

    if (month < 10) {
        month += 3;

    } else {
        month -= 9;
        year++;
    }

    day->month = month;
    day->year = year;
}
