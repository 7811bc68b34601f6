
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Volcengine's V4 signature (HMAC-SHA256).
 */


#include "jm_sign.h"

#include <openssl/crypto.h>


#define JM_SIGN_ALGORITHM   "HMAC-SHA256"
#define JM_SIGN_REQUEST     "request"


static int jm_sign_compare(const jm_str_t *a, const jm_str_t *b);
static jm_str_t jm_sign_trim(jm_str_t s);
static void jm_sign_headers(jm_buf_t *b, const jm_sign_request_t *sr);
static void jm_sign_scope(jm_buf_t *b, const jm_sign_request_t *sr,
    const jm_credential_t *credential);
static jm_rc_e jm_sign_hash(jm_signer_t *signer, uint8_t *hash, jm_str_t text);
static jm_rc_e jm_sign_begin(jm_signer_t *signer, const uint8_t *head);
static jm_rc_e jm_sign_day(jm_signer_t *signer, const uint8_t *day,
    const jm_credential_t *credential);


void
jm_signer_free(jm_signer_t *signer)
{
    jm_digest_free(&signer->begun);
    jm_digest_free(&signer->key);

    memset(signer, 0, sizeof(jm_signer_t));
}


void
jm_sign_query(jm_buf_t *b, jm_pair_t *params, size_t n)
{
    size_t     i, j;
    jm_pair_t  param;

    /* there are few, and equal names have to keep their order */

    for (i = 1; i < n; i++) {
        param = params[i];

        for (j = i;
             j > 0 && jm_sign_compare(&params[j - 1].name, &param.name) > 0;
             j--)
        {
            params[j] = params[j - 1];
        }

        params[j] = param;
    }

    for (i = 0; i < n; i++) {
        if (i != 0) {
            jm_buf_literal(b, "&");
        }

        jm_uri_escape(b, params[i].name);
        jm_buf_literal(b, "=");
        jm_uri_escape(b, params[i].value);
    }
}


static int
jm_sign_compare(const jm_str_t *a, const jm_str_t *b)
{
    int     rc;
    size_t  n;

    n = jm_min(a->len, b->len);
    rc = (n == 0) ? 0 : memcmp(a->data, b->data, n);

    if (rc == 0) {
        rc = (a->len > b->len) - (a->len < b->len);
    }

    return rc;
}


void
jm_sign_canonical(jm_buf_t *b, const jm_sign_request_t *sr, unsigned mask)
{
    size_t            i;
    const jm_pair_t  *h;

    jm_buf_str(b, sr->method);
    jm_buf_literal(b, "\n");
    jm_buf_str(b, sr->uri);
    jm_buf_literal(b, "\n");
    jm_buf_str(b, sr->query);
    jm_buf_literal(b, "\n");

    for (i = 0; i < sr->nheaders; i++) {
        h = &sr->headers[i];

        jm_buf_str(b, h->name);
        jm_buf_literal(b, ":");

        if (mask && jm_str_eq(&h->name, "x-security-token")) {
            jm_buf_literal(b, "***");

        } else {
            jm_buf_str(b, jm_sign_trim(h->value));
        }

        jm_buf_literal(b, "\n");
    }

    jm_buf_literal(b, "\n");
    jm_sign_headers(b, sr);
    jm_buf_literal(b, "\n");
    jm_buf_str(b, sr->body_hash);
}


static jm_str_t
jm_sign_trim(jm_str_t s)
{
    while (s.len != 0 && (s.data[0] == ' ' || s.data[0] == '\t')) {
        s.data++;
        s.len--;
    }

    while (s.len != 0
           && (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t'))
    {
        s.len--;
    }

    return s;
}


static void
jm_sign_headers(jm_buf_t *b, const jm_sign_request_t *sr)
{
    size_t  i;

    for (i = 0; i < sr->nheaders; i++) {
        if (i != 0) {
            jm_buf_literal(b, ";");
        }

        jm_buf_str(b, sr->headers[i].name);
    }
}


jm_rc_e
jm_sign(jm_buf_t *b, const jm_sign_request_t *sr,
    const jm_credential_t *credential, jm_signer_t *signer)
{
    jm_buf_t  text;
    uint8_t   hash[JM_DIGEST_HEX_LEN], space[JM_SIGN_MAX];

    if (sr->date.len != JM_DATE_LEN) {
        return JM_INVALID;
    }

    if (memcmp(signer->day, sr->date.data, JM_DAY_LEN) != 0
        && jm_sign_day(signer, sr->date.data, credential) != JM_OK)
    {
        return JM_ERROR;
    }

    jm_buf_fixed(&text, space, JM_SIGN_MAX);
    jm_sign_canonical(&text, sr, 0);

    if (text.rc != JM_OK
        || jm_sign_hash(signer, hash, jm_buf_view(&text)) != JM_OK)
    {
        return JM_ERROR;
    }

    jm_buf_fixed(&text, space, JM_SIGN_MAX);
    jm_buf_literal(&text, JM_SIGN_ALGORITHM "\n");
    jm_buf_str(&text, sr->date);
    jm_buf_literal(&text, "\n");
    jm_sign_scope(&text, sr, credential);
    jm_buf_literal(&text, "\n");
    jm_buf_add(&text, hash, JM_DIGEST_HEX_LEN);

    if (text.rc != JM_OK
        || jm_digest_hex(&signer->key, hash, jm_buf_view(&text)) != JM_OK)
    {
        return JM_ERROR;
    }

    jm_buf_literal(b, JM_SIGN_ALGORITHM " Credential=");
    jm_buf_str(b, credential->access_key);
    jm_buf_literal(b, "/");
    jm_sign_scope(b, sr, credential);
    jm_buf_literal(b, ", SignedHeaders=");
    jm_sign_headers(b, sr);
    jm_buf_literal(b, ", Signature=");
    jm_buf_add(b, hash, JM_DIGEST_HEX_LEN);

    return b->rc;
}


static void
jm_sign_scope(jm_buf_t *b, const jm_sign_request_t *sr,
    const jm_credential_t *credential)
{
    jm_buf_add(b, sr->date.data, JM_DAY_LEN);
    jm_buf_literal(b, "/");
    jm_buf_str(b, credential->region);
    jm_buf_literal(b, "/");
    jm_buf_str(b, credential->service);
    jm_buf_literal(b, "/" JM_SIGN_REQUEST);
}


static jm_rc_e
jm_sign_hash(jm_signer_t *signer, uint8_t *hash, jm_str_t text)
{
    uint8_t  digest[JM_DIGEST_LEN];

    /* none of this service's is so short */

    if (text.len < JM_SIGN_HEAD) {

        if (jm_digest(digest, NULL, &text, 1) != JM_OK) {
            return JM_ERROR;
        }

        jm_hex(hash, digest, JM_DIGEST_LEN);

        return JM_OK;
    }

    if (memcmp(signer->head, text.data, JM_SIGN_HEAD) != 0
        && jm_sign_begin(signer, text.data) != JM_OK)
    {
        return JM_ERROR;
    }

    text.len -= JM_SIGN_HEAD;
    text.data += JM_SIGN_HEAD;

    return jm_digest_hex(&signer->begun, hash, text);
}


static jm_rc_e
jm_sign_begin(jm_signer_t *signer, const uint8_t *head)
{
    jm_str_t     s;
    jm_digest_t  begun;

    s.len = JM_SIGN_HEAD;
    s.data = head;

    if (jm_digest_init(&begun, NULL) != JM_OK) {
        return JM_ERROR;
    }

    if (jm_digest_add(&begun, s) != JM_OK) {
        jm_digest_free(&begun);
        return JM_ERROR;
    }

    jm_digest_free(&signer->begun);
    signer->begun = begun;
    memcpy(signer->head, head, JM_SIGN_HEAD);

    return JM_OK;
}


/* the secret, as it is, is the first key: this scheme puts no prefix to it */

static jm_rc_e
jm_sign_day(jm_signer_t *signer, const uint8_t *day,
    const jm_credential_t *credential)
{
    size_t       i;
    uint8_t      digest[JM_DIGEST_LEN];
    jm_rc_e      rc;
    jm_str_t     k, steps[4];
    jm_digest_t  key;

    steps[0].len = JM_DAY_LEN;
    steps[0].data = day;
    steps[1] = credential->region;
    steps[2] = credential->service;
    jm_str_set(&steps[3], JM_SIGN_REQUEST);

    rc = JM_OK;
    k = credential->secret_key;

    for (i = 0; i < jm_nitems(steps) && rc == JM_OK; i++) {
        rc = jm_digest(digest, &k, &steps[i], 1);

        k.len = JM_DIGEST_LEN;
        k.data = digest;
    }

    if (rc == JM_OK) {
        rc = jm_digest_init(&key, &k);

        if (rc == JM_OK) {
            jm_digest_free(&signer->key);
            signer->key = key;
            memcpy(signer->day, day, JM_DAY_LEN);
        }
    }

    OPENSSL_cleanse(digest, JM_DIGEST_LEN);

    return rc;
}
