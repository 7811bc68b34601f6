
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Of a process that dies at work in shared memory.  It stops between two of
 * its own stores, and all before have been made: their order is enough, which
 * the compiler has to keep where it counts.
 */


#ifndef _JM_FENCE_H_INCLUDED_
#define _JM_FENCE_H_INCLUDED_


#include <stdatomic.h>


/* Keeps the compiler from moving a store over it. */

#define jm_fence()          atomic_signal_fence(memory_order_seq_cst)


#endif /* _JM_FENCE_H_INCLUDED_ */
