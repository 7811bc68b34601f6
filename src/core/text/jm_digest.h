
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * SHA-256 and HMAC-SHA256 of data that comes in pieces.
 */


#ifndef _JM_DIGEST_H_INCLUDED_
#define _JM_DIGEST_H_INCLUDED_


#include "jm_base.h"


#define JM_DIGEST_LEN       32


/* ctx is libcrypto's, NULL when there is none to be freed */

typedef struct {
    void            *ctx;
    unsigned         keyed;
} jm_digest_t;


/*
 * Starts the SHA-256 of what is to come (FIPS 180-4), or with a key, which is
 * not NULL then and not empty, its HMAC-SHA256 (RFC 2104).  What is started
 * holds memory of libcrypto's until jm_digest_free().  Returns JM_ERROR when
 * libcrypto fails: nothing is held then.
 */
jm_rc_e jm_digest_init(jm_digest_t *d, const jm_str_t *key);

/* Adds the next piece, of any size.  Returns JM_ERROR when libcrypto fails. */
jm_rc_e jm_digest_add(jm_digest_t *d, jm_str_t piece);

/*
 * Writes the JM_DIGEST_LEN bytes of the digest to dst; nothing can be added
 * behind.  Returns JM_ERROR when libcrypto fails.
 */
jm_rc_e jm_digest_end(jm_digest_t *d, uint8_t *dst);

/* Gives back what jm_digest_init() took; once more it does nothing. */
void jm_digest_free(jm_digest_t *d);

/*
 * Writes the JM_DIGEST_LEN bytes of the digest of n parts, one after the other,
 * to dst; key is as for jm_digest_init().  Returns JM_ERROR when libcrypto
 * fails.
 */
jm_rc_e jm_digest(uint8_t *dst, const jm_str_t *key, const jm_str_t *parts,
    size_t n);


#endif /* _JM_DIGEST_H_INCLUDED_ */
