
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * The order of stores to shared memory, for processes that may die at work.  A
 * process that dies has made all stores up to some point, and none behind it:
 * it is enough that the compiler keeps their order.
 */


#ifndef _JM_FENCE_H_INCLUDED_
#define _JM_FENCE_H_INCLUDED_


#include <stdatomic.h>


/* Keeps the compiler from moving a store over it. */

#define jm_fence()          atomic_signal_fence(memory_order_seq_cst)


#endif /* _JM_FENCE_H_INCLUDED_ */
