
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_hash.h"


#define JM_HASH_PRIME       UINT64_C(0x100000001b3)
#define JM_SUM_PRIME        UINT64_C(0x9e3779b97f4a7c15)


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


uint64_t
jm_sum(uint64_t sum, const void *data, size_t len)
{
    uint64_t        word;
    const uint8_t  *p;

    for (p = data; len >= sizeof(word); p += sizeof(word)) {
        memcpy(&word, p, sizeof(word));
        len -= sizeof(word);

        sum = (sum ^ word) * JM_SUM_PRIME;
        sum ^= sum >> 32;
    }

    word = 0;
    memcpy(&word, p, len);

    sum = (sum ^ word ^ (uint64_t) len << 56) * JM_SUM_PRIME;

    return sum ^ sum >> 32;
}
