
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Where a request stands that has no pictures to hand out.
 */


#ifndef _JM_STANDING_H_INCLUDED_
#define _JM_STANDING_H_INCLUDED_


#include "jm_base.h"


typedef enum {
    JM_STATUS_PENDING = 0,      /* not submitted, or not asked for yet */
    JM_STATUS_RUNNING,          /* asked for, and not over */
    JM_STATUS_FAILED
} jm_status_e;


typedef struct {
    jm_status_e        status;
    uint64_t           position;    /* in the queue, from 1; 0: not there */
    uint64_t           of;          /* that wait, this one included */
    uint64_t           eta;         /* s until its pictures; 0: not known */
} jm_standing_t;


#endif /* _JM_STANDING_H_INCLUDED_ */
