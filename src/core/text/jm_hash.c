
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_hash.h"


#define JM_HASH_PRIME       UINT64_C(0x100000001b3)


uint64_t
jm_hash(uint64_t hash, const void *data, size_t len)
{
    size_t          i;
    const uint8_t  *p;

    p = data;

    for (i = 0; i < len; i++) {
        hash = (hash ^ p[i]) * JM_HASH_PRIME;
    }

    return hash;
}
