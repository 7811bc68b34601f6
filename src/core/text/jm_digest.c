
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_digest.h"

#include <openssl/evp.h>


static int jm_digest_start(EVP_MD_CTX *ctx, const jm_str_t *key);


jm_rc_e
jm_digest_init(jm_digest_t *d, const jm_str_t *key)
{
    d->keyed = (key != NULL);

    d->ctx = EVP_MD_CTX_new();
    if (d->ctx == NULL) {
        return JM_ERROR;
    }

    if (jm_digest_start(d->ctx, key) != 1) {
        jm_digest_free(d);
        return JM_ERROR;
    }

    return JM_OK;
}


/* of libcrypto's ways to an HMAC in pieces the one that 1.1.1 and 3.0 have */

static int
jm_digest_start(EVP_MD_CTX *ctx, const jm_str_t *key)
{
    int        rc;
    EVP_PKEY  *pkey;

    if (key == NULL) {
        return EVP_DigestInit_ex(ctx, EVP_sha256(), NULL);
    }

    pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_HMAC, NULL, key->data,
                                        key->len);
    if (pkey == NULL) {
        return 0;
    }

    rc = EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, pkey);

    /* ctx has a reference of its own */

    EVP_PKEY_free(pkey);

    return rc;
}


jm_rc_e
jm_digest_add(jm_digest_t *d, jm_str_t piece)
{
    int  rc;

    if (piece.len == 0) {
        return JM_OK;
    }

    rc = d->keyed ? EVP_DigestSignUpdate(d->ctx, piece.data, piece.len)
                  : EVP_DigestUpdate(d->ctx, piece.data, piece.len);

    return rc == 1 ? JM_OK : JM_ERROR;
}


jm_rc_e
jm_digest_end(jm_digest_t *d, uint8_t *dst)
{
    int       rc;
    size_t    len;
    unsigned  n;

    if (d->keyed) {
        len = JM_DIGEST_LEN;
        rc = EVP_DigestSignFinal(d->ctx, dst, &len);

    } else {
        rc = EVP_DigestFinal_ex(d->ctx, dst, &n);
        len = n;
    }

    return rc == 1 && len == JM_DIGEST_LEN ? JM_OK : JM_ERROR;
}


void
jm_digest_free(jm_digest_t *d)
{
    EVP_MD_CTX_free(d->ctx);
    d->ctx = NULL;
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
