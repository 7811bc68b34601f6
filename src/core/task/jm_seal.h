
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Sealed ids: a ticket as a text that only the holder of a secret can make, or
 * read.  Whoever shows one brings all the state there is along.
 */


#ifndef _JM_SEAL_H_INCLUDED_
#define _JM_SEAL_H_INCLUDED_


#include "jm_crypt.h"
#include "jm_ticket.h"


#define JM_SEAL_KEYS        2
#define JM_SEAL_MAX         6144    /* characters of a sealed id */
#define JM_SEAL_SECRET_MIN  16      /* bytes of a secret */


/* crypt is made of the key */

typedef struct {
    uint8_t          key[JM_CRYPT_KEY];
    jm_crypt_t       crypt;
} jm_seal_key_t;


/*
 * Derives the key from a secret (RFC 5869: HKDF-SHA256, no salt, the info is
 * "jimeng task id v1").  Returns JM_INVALID when the secret is shorter than
 * JM_SEAL_SECRET_MIN, and JM_ERROR when libcrypto fails: nothing is held then.
 */
jm_rc_e jm_seal_derive(jm_seal_key_t *key, jm_str_t secret);

/*
 * Makes a key of JM_CRYPT_KEY bytes as they are.  Returns JM_ERROR when
 * libcrypto fails: nothing is held then.
 */
jm_rc_e jm_seal_key_init(jm_seal_key_t *key, const uint8_t *bytes);

/* Gives back what a key holds, and forgets it; a zeroed one holds nothing. */
void jm_seal_key_free(jm_seal_key_t *key);

/*
 * Appends a ticket sealed with AES-256-GCM (NIST SP 800-38D), whole or not at
 * all: base64url without padding (RFC 4648, section 5) of a version, the
 * nonce, the ciphertext, and the tag, which covers the version as well.  No two
 * tickets may ever have one nonce, of JM_CRYPT_NONCE bytes, with one key.
 *
 * Returns JM_ERROR when out has an error or libcrypto fails, or the ticket
 * breaks a rule or makes more than JM_SEAL_MAX characters.
 */
jm_rc_e jm_seal(jm_buf_t *out, const jm_seal_key_t *key,
    const uint8_t *nonce, const jm_ticket_t *t);

/*
 * Reads a sealed id that was made with one of the keys; the strings of *t are
 * in memory of mem.  Returns JM_INVALID for any other text: where it differs
 * makes no difference to the work, as every key is tried, and the tag decides.
 * Returns JM_ERROR when memory runs out or libcrypto fails.
 */
jm_rc_e jm_unseal(jm_ticket_t *t, const jm_seal_key_t *keys, size_t nkeys,
    jm_str_t text, jm_mem_t *mem);


#endif /* _JM_SEAL_H_INCLUDED_ */
