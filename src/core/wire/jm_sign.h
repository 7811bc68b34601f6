
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Volcengine's V4 signature (HMAC-SHA256), as its document "Signature
 * method" of the public API describes it.
 */


#ifndef _JM_SIGN_H_INCLUDED_
#define _JM_SIGN_H_INCLUDED_


#include "jm_digest.h"
#include "jm_text.h"


typedef struct {
    jm_str_t         name;
    jm_str_t         value;
} jm_pair_t;


/*
 * Who signs, and for what: the access key and the secret as raw text (a
 * secret that ends in "==" is not decoded), region and service.
 */

typedef struct {
    jm_str_t         access_key;
    jm_str_t         secret_key;
    jm_str_t         region;
    jm_str_t         service;
} jm_credential_t;


/* two blocks of SHA-256: so much is alike in all requests of one call */

#define JM_SIGN_HEAD        128


/*
 * What signs the requests of one credential that begin alike: what its key of a
 * UTC day has made of an HMAC, and what the head of a canonical request has
 * made of a hash.  jm_sign() makes them anew when a request is of another day,
 * or has another head.  All of it is zeroed until then.
 */

typedef struct {
    uint8_t          day[JM_DAY_LEN];
    uint8_t          head[JM_SIGN_HEAD];
    jm_digest_t      key;
    jm_digest_t      begun;     /* SHA-256 of head */
} jm_signer_t;


/*
 * What is signed.  headers are signed in the order given, names in lower
 * case, values as they will be sent; query is in canonical form, see
 * jm_sign_query(); date is YYYYMMDDTHHMMSSZ and must be among the headers as
 * x-date; body_hash is lower-case hex.
 */

typedef struct {
    jm_str_t         method;
    jm_str_t         uri;
    jm_str_t         query;
    jm_str_t         date;
    jm_str_t         body_hash;
    const jm_pair_t *headers;
    size_t           nheaders;
} jm_sign_request_t;


/* Gives back what a signer holds, and forgets its key. */
void jm_signer_free(jm_signer_t *signer);

/*
 * Appends the canonical query string of n parameters: sorted by the bytes of
 * their names (equal names keep their order), names and values escaped by
 * RFC 3986, "name=" for an empty value.  Sorts params in place.
 */
void jm_sign_query(jm_buf_t *b, jm_pair_t *params, size_t n);

/*
 * Appends the canonical request, six parts joined by LF.  Blanks around a
 * header's value are left out, blanks within are kept.  The values of
 * headers that carry a secret (x-security-token) are replaced by "***" when
 * mask is set: that form is for a log, not for signing.
 */
void jm_sign_canonical(jm_buf_t *b, const jm_sign_request_t *sr,
    unsigned mask);

/*
 * Appends the value of the Authorization header.  The key is derived from the
 * secret only when the date's day is not signer->day, so one signer belongs to
 * one credential; it may sign anything, and is fast where heads are alike.
 * Returns JM_ERROR when libcrypto fails, or b has, or the canonical request
 * exceeds JM_SIGN_MAX bytes, and JM_INVALID when the date is no date.
 */
jm_rc_e jm_sign(jm_buf_t *b, const jm_sign_request_t *sr,
    const jm_credential_t *credential, jm_signer_t *signer);


#define JM_SIGN_MAX         8192


#endif /* _JM_SIGN_H_INCLUDED_ */
