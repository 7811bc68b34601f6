
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * A hash for tables: Fowler, Noll and Vo's FNV-1a, of 64 bits.  It is for what
 * no client chooses: whoever does could have all of it hash alike.
 */


#ifndef _JM_HASH_H_INCLUDED_
#define _JM_HASH_H_INCLUDED_


#include "jm_base.h"


#define JM_HASH_START       UINT64_C(0xcbf29ce484222325)


/*
 * Returns the hash of what has this hash, JM_HASH_START for nothing, followed
 * by len bytes of data.
 */
uint64_t jm_hash(uint64_t hash, const void *data, size_t len);

/*
 * The same for what may be damaged: a sum that any change of one word changes,
 * of eight bytes at a time.  It is another one on machines of another byte
 * order.
 */
uint64_t jm_sum(uint64_t sum, const void *data, size_t len);


#endif /* _JM_HASH_H_INCLUDED_ */
