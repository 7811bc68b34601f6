
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_digest.h"
#include "jm_text.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>


#define JM_DIGEST_BLOCK     64


static jm_rc_e jm_digest_start(jm_digest_t *d);
static jm_rc_e jm_digest_key(jm_digest_t *d, const jm_str_t *key);
static jm_rc_e jm_digest_pad(EVP_MD_CTX *ctx, const uint8_t *key, uint8_t pad);
static jm_rc_e jm_digest_update(EVP_MD_CTX *ctx, jm_str_t piece);
static jm_rc_e jm_digest_last(const jm_digest_t *d, EVP_MD_CTX *ctx,
    uint8_t *dst);


jm_rc_e
jm_digest_init(jm_digest_t *d, const jm_str_t *key)
{
    jm_rc_e  rc;

    d->state = EVP_MD_CTX_new();
    d->copy = EVP_MD_CTX_new();
    d->outer = NULL;

    rc = jm_digest_start(d);

    if (rc == JM_OK && key != NULL) {
        rc = jm_digest_key(d, key);
    }

    if (rc != JM_OK) {
        jm_digest_free(d);
    }

    return rc;
}


static jm_rc_e
jm_digest_start(jm_digest_t *d)
{
    return d->state != NULL && d->copy != NULL
           && EVP_DigestInit_ex(d->state, EVP_sha256(), NULL) == 1
           ? JM_OK : JM_ERROR;
}


/*
 * The two hashes that RFC 2104 makes an HMAC of, each begun with the key.
 * libcrypto's own cannot be copied in 1.1.1 and in 3.0 by the same calls, and
 * in 3.0 it takes four times as long to copy, or to begin anew.
 */

static jm_rc_e
jm_digest_key(jm_digest_t *d, const jm_str_t *key)
{
    uint8_t  block[JM_DIGEST_BLOCK];
    jm_rc_e  rc;

    rc = JM_OK;
    memset(block, 0, JM_DIGEST_BLOCK);

    if (key->len > JM_DIGEST_BLOCK) {
        rc = jm_digest_from(d, block, key, 1);

    } else if (key->len != 0) {
        memcpy(block, key->data, key->len);
    }

    d->outer = EVP_MD_CTX_new();

    if (rc == JM_OK
        && (d->outer == NULL || EVP_MD_CTX_copy_ex(d->outer, d->state) != 1))
    {
        rc = JM_ERROR;
    }

    if (rc == JM_OK) {
        rc = jm_digest_pad(d->state, block, 0x36);
    }

    if (rc == JM_OK) {
        rc = jm_digest_pad(d->outer, block, 0x5c);
    }

    OPENSSL_cleanse(block, JM_DIGEST_BLOCK);

    return rc;
}


static jm_rc_e
jm_digest_pad(EVP_MD_CTX *ctx, const uint8_t *key, uint8_t pad)
{
    int      rc;
    size_t   i;
    uint8_t  block[JM_DIGEST_BLOCK];

    for (i = 0; i < JM_DIGEST_BLOCK; i++) {
        block[i] = key[i] ^ pad;
    }

    rc = EVP_DigestUpdate(ctx, block, JM_DIGEST_BLOCK);

    OPENSSL_cleanse(block, JM_DIGEST_BLOCK);

    return rc == 1 ? JM_OK : JM_ERROR;
}


jm_rc_e
jm_digest_add(jm_digest_t *d, jm_str_t piece)
{
    return jm_digest_update(d->state, piece);
}


static jm_rc_e
jm_digest_update(EVP_MD_CTX *ctx, jm_str_t piece)
{
    return piece.len == 0
           || EVP_DigestUpdate(ctx, piece.data, piece.len) == 1
           ? JM_OK : JM_ERROR;
}


jm_rc_e
jm_digest_end(jm_digest_t *d, uint8_t *dst)
{
    return jm_digest_last(d, d->state, dst);
}


static jm_rc_e
jm_digest_last(const jm_digest_t *d, EVP_MD_CTX *ctx, uint8_t *dst)
{
    if (EVP_DigestFinal_ex(ctx, dst, NULL) != 1) {
        return JM_ERROR;
    }

    if (d->outer == NULL) {
        return JM_OK;
    }

    return EVP_MD_CTX_copy_ex(ctx, d->outer) == 1
           && EVP_DigestUpdate(ctx, dst, JM_DIGEST_LEN) == 1
           && EVP_DigestFinal_ex(ctx, dst, NULL) == 1
           ? JM_OK : JM_ERROR;
}


void
jm_digest_free(jm_digest_t *d)
{
    EVP_MD_CTX_free(d->state);
    EVP_MD_CTX_free(d->outer);
    EVP_MD_CTX_free(d->copy);

    memset(d, 0, sizeof(jm_digest_t));
}


jm_rc_e
jm_digest_from(const jm_digest_t *d, uint8_t *dst, const jm_str_t *parts,
    size_t n)
{
    size_t  i;

    if (EVP_MD_CTX_copy_ex(d->copy, d->state) != 1) {
        return JM_ERROR;
    }

    for (i = 0; i < n; i++) {
        if (jm_digest_update(d->copy, parts[i]) != JM_OK) {
            return JM_ERROR;
        }
    }

    return jm_digest_last(d, d->copy, dst);
}


jm_rc_e
jm_digest_hex(const jm_digest_t *d, uint8_t *dst, jm_str_t part)
{
    uint8_t  digest[JM_DIGEST_LEN];

    if (jm_digest_from(d, digest, &part, 1) != JM_OK) {
        return JM_ERROR;
    }

    jm_hex(dst, digest, JM_DIGEST_LEN);

    return JM_OK;
}


jm_rc_e
jm_digest(uint8_t *dst, const jm_str_t *key, const jm_str_t *parts, size_t n)
{
    size_t       i;
    jm_rc_e      rc;
    jm_digest_t  d;

    rc = jm_digest_init(&d, key);

    if (rc != JM_OK) {
        return rc;
    }

    for (i = 0; rc == JM_OK && i < n; i++) {
        rc = jm_digest_add(&d, parts[i]);
    }

    if (rc == JM_OK) {
        rc = jm_digest_end(&d, dst);
    }

    jm_digest_free(&d);

    return rc;
}
