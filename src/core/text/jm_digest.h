
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * SHA-256 and HMAC-SHA256 of data that comes in pieces.  libcrypto takes longer
 * to find an algorithm than to digest a short text, so what begins alike is
 * begun once: a digest that only a key, or nothing, was given to is kept, and
 * each of many goes on from there.
 */


#ifndef _JM_DIGEST_H_INCLUDED_
#define _JM_DIGEST_H_INCLUDED_


#include "jm_base.h"


#define JM_DIGEST_LEN       32
#define JM_DIGEST_HEX_LEN   64


/* states of libcrypto's, NULL when there are none to be freed */

typedef struct {
    void            *state;     /* of what was added */
    void            *outer;     /* an HMAC's other hash, or NULL */
    void            *copy;      /* that jm_digest_from() works on */
} jm_digest_t;


/*
 * Starts the SHA-256 of what is to come (FIPS 180-4), or with a key, which is
 * not NULL then, its HMAC-SHA256 (RFC 2104).  What is started holds memory of
 * libcrypto's until jm_digest_free().  Returns JM_ERROR when libcrypto fails:
 * nothing is held then.
 */
jm_rc_e jm_digest_init(jm_digest_t *d, const jm_str_t *key);

/* Adds the next piece, of any size.  Returns JM_ERROR when libcrypto fails. */
jm_rc_e jm_digest_add(jm_digest_t *d, jm_str_t piece);

/*
 * Writes the JM_DIGEST_LEN bytes of the digest to dst; nothing can be added
 * behind.  Returns JM_ERROR when libcrypto fails.
 */
jm_rc_e jm_digest_end(jm_digest_t *d, uint8_t *dst);

/*
 * Gives back what jm_digest_init() took, with all that tells of the key; once
 * more it does nothing, nor does it for a zeroed structure.
 */
void jm_digest_free(jm_digest_t *d);

/*
 * Writes the JM_DIGEST_LEN bytes of the digest of what was added to d, and of n
 * parts behind it, to dst.  d is as before, and may be used so any number of
 * times, by one thread.  Returns JM_ERROR when libcrypto fails.
 */
jm_rc_e jm_digest_from(const jm_digest_t *d, uint8_t *dst,
    const jm_str_t *parts, size_t n);

/*
 * The same in JM_DIGEST_HEX_LEN lower-case hex digits, without a zero, and of
 * one part.
 */
jm_rc_e jm_digest_hex(const jm_digest_t *d, uint8_t *dst, jm_str_t part);

/*
 * Writes the JM_DIGEST_LEN bytes of the digest of n parts, one after the other,
 * to dst; key is as for jm_digest_init().  For what is not digested often: all
 * is begun for this one.  Returns JM_ERROR when libcrypto fails.
 */
jm_rc_e jm_digest(uint8_t *dst, const jm_str_t *key, const jm_str_t *parts,
    size_t n);


#endif /* _JM_DIGEST_H_INCLUDED_ */
