
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * What a process tells, and has not sent yet: it goes as one call, which has a
 * number, one more than the last.  By it and its name, see jm_redis_t, the
 * server knows what it has done, when it is sent again.
 */


#ifndef _JM_REDIS_TOLD_H_INCLUDED_
#define _JM_REDIS_TOLD_H_INCLUDED_


#include "jm_base.h"


#define JM_REDIS_TOLD_ARGS  256     /* what is more is sent at once */
#define JM_REDIS_TOLD_TEXT  4096    /* bytes of them */


typedef struct {
    uint64_t             number;    /* the last one that was sent */
    size_t               n;
    size_t               used;
    size_t               lens[JM_REDIS_TOLD_ARGS];
    uint8_t              text[JM_REDIS_TOLD_TEXT];
} jm_redis_told_t;


#endif /* _JM_REDIS_TOLD_H_INCLUDED_ */
