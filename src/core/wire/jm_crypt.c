
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Keys from secrets, and sealing with them, in calls of libcrypto's that 1.1.1
 * and 3.0 have.  What goes wrong stays here: an error left in libcrypto's queue
 * would be taken for one of the next connection's.
 */


#include "jm_crypt.h"

#include <limits.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>


static unsigned jm_crypt_hkdf(EVP_PKEY_CTX *ctx, uint8_t *dst, size_t len,
    jm_str_t secret, jm_str_t salt, jm_str_t info);
static unsigned jm_crypt_encrypt(EVP_CIPHER_CTX *ctx, uint8_t *dst,
    const uint8_t *nonce, jm_str_t extra, jm_str_t plain);
static jm_rc_e jm_crypt_decrypt(EVP_CIPHER_CTX *ctx, uint8_t *dst,
    const uint8_t *nonce, jm_str_t extra, jm_str_t text, const uint8_t *tag);


jm_rc_e
jm_crypt_derive(uint8_t *dst, size_t len, jm_str_t secret, jm_str_t salt,
    jm_str_t info)
{
    jm_rc_e        rc;
    EVP_PKEY_CTX  *ctx;

    if (secret.len > INT_MAX || salt.len > INT_MAX || info.len > INT_MAX) {
        return JM_ERROR;
    }

    ERR_set_mark();

    rc = JM_ERROR;
    ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);

    if (ctx != NULL && jm_crypt_hkdf(ctx, dst, len, secret, salt, info)) {
        rc = JM_OK;
    }

    EVP_PKEY_CTX_free(ctx);

    ERR_pop_to_mark();

    return rc;
}


static unsigned
jm_crypt_hkdf(EVP_PKEY_CTX *ctx, uint8_t *dst, size_t len, jm_str_t secret,
    jm_str_t salt, jm_str_t info)
{
    size_t  n;

    n = len;

    /* an empty salt or info is one that was not set */

    return EVP_PKEY_derive_init(ctx) == 1
           && EVP_PKEY_CTX_set_hkdf_md(ctx, EVP_sha256()) == 1
           && EVP_PKEY_CTX_set1_hkdf_key(ctx, secret.data, (int) secret.len)
              == 1
           && (salt.len == 0
               || EVP_PKEY_CTX_set1_hkdf_salt(ctx, salt.data, (int) salt.len)
                  == 1)
           && (info.len == 0
               || EVP_PKEY_CTX_add1_hkdf_info(ctx, info.data, (int) info.len)
                  == 1)
           && EVP_PKEY_derive(ctx, dst, &n) == 1
           && n == len;
}


jm_rc_e
jm_crypt_init(jm_crypt_t *c, const uint8_t *key)
{
    jm_rc_e  rc;

    ERR_set_mark();

    rc = JM_OK;
    c->ctx = EVP_CIPHER_CTX_new();

    if (c->ctx == NULL
        || EVP_EncryptInit_ex(c->ctx, EVP_aes_256_gcm(), NULL, key, NULL) != 1)
    {
        jm_crypt_free(c);
        rc = JM_ERROR;
    }

    ERR_pop_to_mark();

    return rc;
}


void
jm_crypt_free(jm_crypt_t *c)
{
    EVP_CIPHER_CTX_free(c->ctx);
    c->ctx = NULL;
}


jm_rc_e
jm_crypt_seal(const jm_crypt_t *c, uint8_t *dst, const uint8_t *nonce,
    jm_str_t extra, jm_str_t plain)
{
    jm_rc_e  rc;

    if (extra.len > INT_MAX || plain.len > INT_MAX) {
        return JM_ERROR;
    }

    ERR_set_mark();

    rc = jm_crypt_encrypt(c->ctx, dst, nonce, extra, plain) ? JM_OK : JM_ERROR;

    ERR_pop_to_mark();

    return rc;
}


/* no text is no call: libcrypto may take one of no bytes for the last */

static unsigned
jm_crypt_encrypt(EVP_CIPHER_CTX *ctx, uint8_t *dst, const uint8_t *nonce,
    jm_str_t extra, jm_str_t plain)
{
    int  n;

    return EVP_EncryptInit_ex(ctx, NULL, NULL, NULL, nonce) == 1
           && (extra.len == 0
               || EVP_EncryptUpdate(ctx, NULL, &n, extra.data,
                                    (int) extra.len)
                  == 1)
           && (plain.len == 0
               || EVP_EncryptUpdate(ctx, dst, &n, plain.data,
                                    (int) plain.len)
                  == 1)
           && EVP_EncryptFinal_ex(ctx, dst + plain.len, &n) == 1
           && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, JM_CRYPT_TAG,
                                  dst + plain.len)
              == 1;
}


jm_rc_e
jm_crypt_open(const jm_crypt_t *c, uint8_t *dst, const uint8_t *nonce,
    jm_str_t extra, jm_str_t sealed)
{
    jm_rc_e   rc;
    jm_str_t  text;

    if (sealed.len < JM_CRYPT_TAG) {
        return JM_INVALID;
    }

    if (extra.len > INT_MAX || sealed.len > INT_MAX) {
        return JM_ERROR;
    }

    text.len = sealed.len - JM_CRYPT_TAG;
    text.data = sealed.data;

    ERR_set_mark();

    rc = jm_crypt_decrypt(c->ctx, dst, nonce, extra, text,
                          sealed.data + text.len);

    ERR_pop_to_mark();

    return rc;
}


static jm_rc_e
jm_crypt_decrypt(EVP_CIPHER_CTX *ctx, uint8_t *dst, const uint8_t *nonce,
    jm_str_t extra, jm_str_t text, const uint8_t *tag)
{
    int      n;
    uint8_t  rest[JM_CRYPT_TAG], expected[JM_CRYPT_TAG];

    /* libcrypto does not write to the tag, but wants it writable */

    memcpy(expected, tag, JM_CRYPT_TAG);

    if (EVP_DecryptInit_ex(ctx, NULL, NULL, NULL, nonce) != 1
        || (extra.len != 0
            && EVP_DecryptUpdate(ctx, NULL, &n, extra.data, (int) extra.len)
               != 1)
        || (text.len != 0
            && EVP_DecryptUpdate(ctx, dst, &n, text.data, (int) text.len)
               != 1)
        || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, JM_CRYPT_TAG,
                               expected)
           != 1)
    {
        return JM_ERROR;
    }

    /* there is nothing left to be written, only the tag to be looked at */

    return EVP_DecryptFinal_ex(ctx, rest, &n) == 1 ? JM_OK : JM_INVALID;
}
