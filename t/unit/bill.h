
/*
 * Bills for pictures of one model and price.
 */


#ifndef _BILL_H_INCLUDED_
#define _BILL_H_INCLUDED_


#include "jm_bill.h"


#define MODEL    7
#define PRICE    220000     /* millionths for a picture */


/* so many pictures; good for the next few calls */

static inline const jm_bill_t *
bill(uint64_t images)
{
    static unsigned   i;
    static jm_bill_t  bills[4];

    i = (i + 1) % 4;

    bills[i].model = MODEL;
    bills[i].images = images;
    bills[i].cost = images * PRICE;

    return &bills[i];
}


#endif /* _BILL_H_INCLUDED_ */
