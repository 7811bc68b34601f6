
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Sealed links: a picture's URL as the name of a file that only the holder of
 * a secret can make, or read.
 */


#ifndef _JM_LINK_H_INCLUDED_
#define _JM_LINK_H_INCLUDED_


#include "jm_buf.h"
#include "jm_digest.h"
#include "jm_seal.h"


#define JM_LINK_URL         2048    /* bytes of a URL */
#define JM_LINK_OWNER       16      /* bytes that tell clients apart */
#define JM_LINK_MAX         2803    /* characters of a link */


/* what may be known to it alone; of the second what it holds is libcrypto's */

typedef struct {
    jm_digest_t      nonce;
    jm_crypt_t       crypt;
} jm_link_key_t;


/* end in seconds since 1970, the last that it is good for */

typedef struct {
    jm_str_t         url;
    int64_t          end;
    unsigned         owned;         /* owner is set: nobody else's link */
    uint8_t          owner[JM_LINK_OWNER];
} jm_link_t;


/*
 * Derives a key from one of sealed ids (HKDF-SHA256, without a salt, the infos
 * are "jimeng picture link v1" and "jimeng picture nonce v1"): what is known of
 * links tells nothing of ids.  Returns JM_ERROR when libcrypto fails: nothing
 * is held then.
 */
jm_rc_e jm_link_key_init(jm_link_key_t *key, const jm_seal_key_t *seal);

/* Gives back what a key holds; a zeroed one holds nothing. */
void jm_link_key_free(jm_link_key_t *key);

/*
 * Returns the end of a link that is made at a time, and lives for so many
 * seconds, or up to a thirtieth longer: of the same picture, told at another
 * time, it is most often the same, and so is the link.
 */
int64_t jm_link_end(int64_t now, int64_t seconds);

/*
 * Appends a link, whole or not at all, the same for the same fields: base64url
 * of a version, the nonce, the ciphertext of AES-256-GCM and its tag, and
 * ".png", or ".jpg" where the URL says so.  The nonce is an HMAC-SHA256 of all
 * that is sealed, cut off (a synthetic IV, as of RFC 5297 and RFC 8452): two
 * links have one nonce only when they are the same.
 *
 * Returns JM_ERROR when out has an error, libcrypto fails, the URL is empty or
 * has more than JM_LINK_URL bytes, or the end is none of 40 bits.
 */
jm_rc_e jm_link_seal(jm_buf_t *out, const jm_link_key_t *key,
    const jm_link_t *link);

/*
 * Opens a link that was made with one of the keys: its URL is in room, of
 * JM_LINK_URL bytes.  Returns JM_INVALID for any other text, and JM_ERROR when
 * libcrypto fails.  Whether it has ended is the caller's to see.
 */
jm_rc_e jm_link_open(jm_link_t *link, const jm_link_key_t *keys, size_t nkeys,
    jm_str_t text, uint8_t *room);


#endif /* _JM_LINK_H_INCLUDED_ */
