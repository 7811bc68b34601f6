
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Sealed links.  What is sealed: flags, the end, the owner if there is one, and
 * the URL.
 */


#include "jm_link.h"

#include "jm_base64url.h"

#include <openssl/crypto.h>


#define JM_LINK_VERSION     1
#define JM_LINK_INFO        "jimeng picture link v1"
#define JM_LINK_INFO_NONCE  "jimeng picture nonce v1"

#define JM_LINK_OWNED       1       /* the one flag */
#define JM_LINK_END         5       /* bytes */
#define JM_LINK_FRONT       (1 + JM_LINK_END)

/* the version and the nonce */

#define JM_LINK_HEAD        (1 + JM_CRYPT_NONCE)

#define JM_LINK_PLAIN       (JM_LINK_FRONT + JM_LINK_OWNER + JM_LINK_URL)
#define JM_LINK_BYTES       (JM_LINK_HEAD + JM_LINK_PLAIN + JM_CRYPT_TAG)

#define JM_LINK_SUFFIX      4       /* characters of ".png" and ".jpg" */
#define JM_LINK_TEXT        jm_base64url_encoded(JM_LINK_BYTES)

/* parts of a link's time by which its end is rounded up */

#define JM_LINK_PARTS       30


_Static_assert(JM_LINK_TEXT + JM_LINK_SUFFIX == JM_LINK_MAX,
               "the longest URL makes the longest link");


static size_t jm_link_write(uint8_t *dst, const jm_link_t *link);
static jm_rc_e jm_link_read(jm_link_t *link, jm_str_t plain, uint8_t *room);
static jm_rc_e jm_link_decrypt(uint8_t *plain, const jm_link_key_t *keys,
    size_t nkeys, jm_str_t bytes);
static const char *jm_link_suffix(jm_str_t url);
static unsigned jm_link_ends(jm_str_t path, const char *suffix);


jm_rc_e
jm_link_key_init(jm_link_key_t *key, const jm_seal_key_t *seal)
{
    uint8_t   bytes[JM_CRYPT_KEY];
    jm_rc_e   rc;
    jm_str_t  secret, derived;
    jm_str_t  none = jm_null_string;
    jm_str_t  info = jm_string(JM_LINK_INFO);
    jm_str_t  info_nonce = jm_string(JM_LINK_INFO_NONCE);

    memset(key, 0, sizeof(jm_link_key_t));

    secret.len = JM_CRYPT_KEY;
    secret.data = seal->key;

    derived.len = JM_CRYPT_KEY;
    derived.data = bytes;

    rc = jm_crypt_derive(bytes, JM_CRYPT_KEY, secret, none, info_nonce);

    if (rc == JM_OK) {
        rc = jm_digest_init(&key->nonce, &derived);
    }

    if (rc == JM_OK) {
        rc = jm_crypt_derive(bytes, JM_CRYPT_KEY, secret, none, info);
    }

    if (rc == JM_OK) {
        rc = jm_crypt_init(&key->crypt, bytes);
    }

    OPENSSL_cleanse(bytes, JM_CRYPT_KEY);

    if (rc != JM_OK) {
        jm_link_key_free(key);
    }

    return rc;
}


void
jm_link_key_free(jm_link_key_t *key)
{
    jm_digest_free(&key->nonce);
    jm_crypt_free(&key->crypt);
}


int64_t
jm_link_end(int64_t now, int64_t seconds)
{
    int64_t  part;

    part = jm_max(seconds / JM_LINK_PARTS, 1);

    return (now + seconds + part - 1) / part * part;
}


jm_rc_e
jm_link_seal(jm_buf_t *out, const jm_link_key_t *key, const jm_link_t *link)
{
    size_t    n;
    uint8_t   plain[JM_LINK_PLAIN], sealed[JM_LINK_BYTES], text[JM_LINK_MAX];
    uint8_t   digest[JM_DIGEST_LEN];
    jm_str_t  version, bytes, parts[2];

    if (link->url.len == 0 || link->url.len > JM_LINK_URL || link->end < 0
        || link->end >> (8 * JM_LINK_END) != 0)
    {
        return JM_ERROR;
    }

    sealed[0] = JM_LINK_VERSION;

    version.len = 1;
    version.data = sealed;

    bytes.len = jm_link_write(plain, link);
    bytes.data = plain;

    parts[0] = version;
    parts[1] = bytes;

    if (jm_digest_from(&key->nonce, digest, parts, 2) != JM_OK) {
        return JM_ERROR;
    }

    memcpy(sealed + 1, digest, JM_CRYPT_NONCE);

    if (jm_crypt_seal(&key->crypt, sealed + JM_LINK_HEAD, digest, version,
                      bytes)
        != JM_OK)
    {
        return JM_ERROR;
    }

    bytes.len += JM_LINK_HEAD + JM_CRYPT_TAG;
    bytes.data = sealed;

    n = jm_base64url_encode(text, bytes);
    memcpy(text + n, jm_link_suffix(link->url), JM_LINK_SUFFIX);

    jm_buf_add(out, text, n + JM_LINK_SUFFIX);

    return out->rc;
}


static size_t
jm_link_write(uint8_t *dst, const jm_link_t *link)
{
    size_t    i;
    uint8_t  *p;

    p = dst;

    *p++ = link->owned ? JM_LINK_OWNED : 0;

    for (i = JM_LINK_END; i != 0; i--) {
        *p++ = (uint8_t) (link->end >> (8 * (i - 1)));
    }

    if (link->owned) {
        memcpy(p, link->owner, JM_LINK_OWNER);
        p += JM_LINK_OWNER;
    }

    memcpy(p, link->url.data, link->url.len);
    p += link->url.len;

    return (size_t) (p - dst);
}


jm_rc_e
jm_link_open(jm_link_t *link, const jm_link_key_t *keys, size_t nkeys,
    jm_str_t text, uint8_t *room)
{
    uint8_t   sealed[jm_base64url_decoded(JM_LINK_TEXT)];
    uint8_t   plain[sizeof(sealed)];
    jm_rc_e   rc;
    jm_str_t  bytes, suffix;

    if (text.len > JM_LINK_MAX || text.len < JM_LINK_SUFFIX) {
        return JM_INVALID;
    }

    text.len -= JM_LINK_SUFFIX;

    suffix.len = JM_LINK_SUFFIX;
    suffix.data = text.data + text.len;

    if (jm_base64url_decode(sealed, &bytes.len, text) != JM_OK
        || bytes.len < JM_LINK_HEAD + JM_LINK_FRONT + JM_CRYPT_TAG)
    {
        return JM_INVALID;
    }

    bytes.data = sealed;

    rc = jm_link_decrypt(plain, keys, nkeys, bytes);

    if (rc != JM_OK) {
        return rc;
    }

    /* one that is sealed well, but in a way of days to come */

    if (sealed[0] != JM_LINK_VERSION) {
        return JM_INVALID;
    }

    bytes.len -= JM_LINK_HEAD + JM_CRYPT_TAG;
    bytes.data = plain;

    if (jm_link_read(link, bytes, room) != JM_OK
        || memcmp(suffix.data, jm_link_suffix(link->url), JM_LINK_SUFFIX) != 0)
    {
        return JM_INVALID;
    }

    return JM_OK;
}


/* a text that none of the keys opens has met them all */

static jm_rc_e
jm_link_decrypt(uint8_t *plain, const jm_link_key_t *keys, size_t nkeys,
    jm_str_t bytes)
{
    size_t    i;
    jm_rc_e   rc;
    jm_str_t  version, sealed;

    version.len = 1;
    version.data = bytes.data;

    sealed.len = bytes.len - JM_LINK_HEAD;
    sealed.data = bytes.data + JM_LINK_HEAD;

    rc = JM_INVALID;

    for (i = 0; i < nkeys && rc == JM_INVALID; i++) {
        rc = jm_crypt_open(&keys[i].crypt, plain, bytes.data + 1, version,
                           sealed);
    }

    return rc;
}


static jm_rc_e
jm_link_read(jm_link_t *link, jm_str_t plain, uint8_t *room)
{
    size_t          i;
    const uint8_t  *p, *last;

    p = plain.data;
    last = p + plain.len;

    if (plain.len < JM_LINK_FRONT || *p > JM_LINK_OWNED) {
        return JM_INVALID;
    }

    link->owned = *p++;
    link->end = 0;

    for (i = 0; i < JM_LINK_END; i++) {
        link->end = link->end << 8 | *p++;
    }

    if (link->owned) {

        if (last - p < JM_LINK_OWNER) {
            return JM_INVALID;
        }

        memcpy(link->owner, p, JM_LINK_OWNER);
        p += JM_LINK_OWNER;
    }

    link->url.len = (size_t) (last - p);
    link->url.data = room;

    if (link->url.len == 0 || link->url.len > JM_LINK_URL) {
        return JM_INVALID;
    }

    memcpy(room, p, link->url.len);

    return JM_OK;
}


/* a name for people: what the picture is, its bytes say */

static const char *
jm_link_suffix(jm_str_t url)
{
    size_t  len;

    for (len = 0; len < url.len && url.data[len] != '?'; len++) {
        /* void */
    }

    url.len = len;

    return jm_link_ends(url, ".jpg") || jm_link_ends(url, ".jpeg") ? ".jpg"
                                                                   : ".png";
}


static unsigned
jm_link_ends(jm_str_t path, const char *suffix)
{
    size_t  len;

    len = strlen(suffix);

    return path.len >= len
           && memcmp(path.data + path.len - len, suffix, len) == 0;
}
