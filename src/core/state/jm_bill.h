
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * What the upstream made, and what that costs.
 */


#ifndef _JM_BILL_H_INCLUDED_
#define _JM_BILL_H_INCLUDED_


#include "jm_money.h"


typedef struct {
    uint64_t             model;     /* a hash of its req_key */
    uint64_t             images;    /* pictures */
    uint64_t             cost;      /* in millionths, see jm_money.h */
} jm_bill_t;


#endif /* _JM_BILL_H_INCLUDED_ */
