
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * What the operations share.
 */


#ifndef _JM_REDIS_PART_H_INCLUDED_
#define _JM_REDIS_PART_H_INCLUDED_


#include "jm_redis.h"


/* ms that are as good as for ever, and exact in Lua when added to a time */

#define JM_REDIS_EVER       UINT64_C(1000000000000)


/* Set the operations of tasks, and those of their ends and looks at them. */
void jm_backend_redis_tasks(jm_backend_t *b);
void jm_backend_redis_end(jm_backend_t *b);

/* see jm_backend_t.news */
size_t jm_redis_news(jm_backend_t *b, uint64_t *serials, size_t n,
    uint32_t *alarms);


#endif /* _JM_REDIS_PART_H_INCLUDED_ */
