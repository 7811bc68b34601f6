
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Sealed ids.
 */


#include "jm_seal.h"

#include "jm_base64url.h"

#include <openssl/crypto.h>


#define JM_SEAL_VERSION     1
#define JM_SEAL_INFO        "jimeng task id v1"

/* the version and the nonce */

#define JM_SEAL_HEAD        (1 + JM_CRYPT_NONCE)

#define JM_SEAL_BYTES       (JM_SEAL_HEAD + JM_TICKET_MAX + JM_CRYPT_TAG)


_Static_assert(jm_base64url_encoded(JM_SEAL_BYTES) == JM_SEAL_MAX,
               "the largest ticket makes the longest id");


static jm_rc_e jm_seal_open(uint8_t *plain, const jm_seal_key_t *keys,
    size_t nkeys, jm_str_t bytes);


jm_rc_e
jm_seal_derive(jm_seal_key_t *key, jm_str_t secret)
{
    jm_rc_e   rc;
    jm_str_t  none = jm_null_string;
    jm_str_t  info = jm_string(JM_SEAL_INFO);

    if (secret.len < JM_SEAL_SECRET_MIN) {
        return JM_INVALID;
    }

    rc = jm_crypt_derive(key->key, JM_CRYPT_KEY, secret, none, info);

    return rc == JM_OK ? jm_crypt_init(&key->crypt, key->key) : rc;
}


jm_rc_e
jm_seal_key_init(jm_seal_key_t *key, const uint8_t *bytes)
{
    memcpy(key->key, bytes, JM_CRYPT_KEY);

    return jm_crypt_init(&key->crypt, key->key);
}


void
jm_seal_key_free(jm_seal_key_t *key)
{
    jm_crypt_free(&key->crypt);
    OPENSSL_cleanse(key->key, JM_CRYPT_KEY);
}


jm_rc_e
jm_seal(jm_buf_t *out, const jm_seal_key_t *key, const uint8_t *nonce,
    const jm_ticket_t *t)
{
    uint8_t   plain[JM_TICKET_MAX], sealed[JM_SEAL_BYTES], text[JM_SEAL_MAX];
    jm_buf_t  b;
    jm_str_t  version, bytes;

    jm_buf_fixed(&b, plain, JM_TICKET_MAX);

    if (jm_ticket_write(&b, t) != JM_OK) {
        return JM_ERROR;
    }

    sealed[0] = JM_SEAL_VERSION;
    memcpy(sealed + 1, nonce, JM_CRYPT_NONCE);

    version.len = 1;
    version.data = sealed;

    if (jm_crypt_seal(&key->crypt, sealed + JM_SEAL_HEAD, nonce, version,
                      jm_buf_view(&b))
        != JM_OK)
    {
        return JM_ERROR;
    }

    bytes.len = JM_SEAL_HEAD + b.len + JM_CRYPT_TAG;
    bytes.data = sealed;

    jm_buf_add(out, text, jm_base64url_encode(text, bytes));

    return out->rc;
}


jm_rc_e
jm_unseal(jm_ticket_t *t, const jm_seal_key_t *keys, size_t nkeys,
    jm_str_t text, jm_mem_t *mem)
{
    jm_rc_e   rc;
    uint8_t   sealed[jm_base64url_decoded(JM_SEAL_MAX)];
    uint8_t   plain[JM_TICKET_MAX];
    jm_str_t  bytes;

    if (text.len > JM_SEAL_MAX
        || jm_base64url_decode(sealed, &bytes.len, text) != JM_OK
        || bytes.len < JM_SEAL_HEAD + JM_CRYPT_TAG)
    {
        return JM_INVALID;
    }

    bytes.data = sealed;

    rc = jm_seal_open(plain, keys, nkeys, bytes);

    if (rc != JM_OK) {
        return rc;
    }

    /* one that is sealed well, but in a way of days to come */

    if (sealed[0] != JM_SEAL_VERSION) {
        return JM_INVALID;
    }

    bytes.len -= JM_SEAL_HEAD + JM_CRYPT_TAG;
    bytes.data = plain;

    return jm_ticket_read(t, bytes, mem);
}


/* a text that none of the keys opens has met them all */

static jm_rc_e
jm_seal_open(uint8_t *plain, const jm_seal_key_t *keys, size_t nkeys,
    jm_str_t bytes)
{
    size_t          i;
    jm_rc_e         rc;
    jm_str_t        version, sealed;
    const uint8_t  *nonce;

    version.len = 1;
    version.data = bytes.data;

    nonce = bytes.data + 1;

    sealed.len = bytes.len - JM_SEAL_HEAD;
    sealed.data = bytes.data + JM_SEAL_HEAD;

    rc = JM_INVALID;

    for (i = 0; i < nkeys && rc == JM_INVALID; i++) {
        rc = jm_crypt_open(&keys[i].crypt, plain, nonce, version, sealed);
    }

    return rc;
}
