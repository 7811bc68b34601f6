
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Keys from secrets, and sealing with them: libcrypto's HKDF and AES-GCM.
 */


#ifndef _JM_CRYPT_H_INCLUDED_
#define _JM_CRYPT_H_INCLUDED_


#include "jm_base.h"


#define JM_CRYPT_KEY        32
#define JM_CRYPT_NONCE      12
#define JM_CRYPT_TAG        16


/* a state of libcrypto's, NULL when there is none to be freed */

typedef struct {
    void            *ctx;
} jm_crypt_t;


/*
 * Writes len bytes to dst, derived with HKDF-SHA256 (RFC 5869) from a secret;
 * salt and info may be empty.  Returns JM_ERROR when libcrypto fails.
 */
jm_rc_e jm_crypt_derive(uint8_t *dst, size_t len, jm_str_t secret,
    jm_str_t salt, jm_str_t info);

/*
 * Makes AES-256-GCM (NIST SP 800-38D) ready with JM_CRYPT_KEY bytes of key, for
 * any number of texts: this takes longer than to seal a short one.  Returns
 * JM_ERROR when libcrypto fails: nothing is held then.
 */
jm_rc_e jm_crypt_init(jm_crypt_t *c, const uint8_t *key);

/* Gives back what jm_crypt_init() took, and forgets the key. */
void jm_crypt_free(jm_crypt_t *c);

/*
 * Writes the plain.len bytes of the ciphertext and the JM_CRYPT_TAG of the tag
 * to dst; nonce has JM_CRYPT_NONCE bytes.  The tag covers extra as well, which
 * is not written.  Returns JM_ERROR when libcrypto fails.
 */
jm_rc_e jm_crypt_seal(const jm_crypt_t *c, uint8_t *dst, const uint8_t *nonce,
    jm_str_t extra, jm_str_t plain);

/*
 * Turns what jm_crypt_seal() wrote into plain text again: sealed.len -
 * JM_CRYPT_TAG bytes at dst, which are good only when JM_OK is returned.
 * Returns JM_INVALID when the tag does not fit, and JM_ERROR when libcrypto
 * fails.
 */
jm_rc_e jm_crypt_open(const jm_crypt_t *c, uint8_t *dst, const uint8_t *nonce,
    jm_str_t extra, jm_str_t sealed);


#endif /* _JM_CRYPT_H_INCLUDED_ */
