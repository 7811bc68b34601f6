
/*
 * HKDF-SHA256 by the examples of RFC 5869, appendix A, and AES-256-GCM by those
 * of the GCM specification (McGrew, Viega), appendix B, which NIST's SP 800-38D
 * refers to.
 */


#include <openssl/err.h>

#include "tap.h"
#include "crypto_memory.h"
#include "jm_crypt.h"
#include "jm_text.h"


#define ROOM  128


typedef struct {
    const char      *name;
    const char      *secret;
    const char      *salt;
    const char      *info;
    const char      *key;
} derive_case_t;


typedef struct {
    const char      *name;
    const char      *key;
    const char      *nonce;
    const char      *extra;
    const char      *plain;
    const char      *sealed;        /* the ciphertext and the tag */
} seal_case_t;


static const derive_case_t  derive_cases[] = {

    { "A.1", "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
      "000102030405060708090a0b0c", "f0f1f2f3f4f5f6f7f8f9",
      "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
      "34007208d5b887185865" },

    { "A.2",
      "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
      "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
      "404142434445464748494a4b4c4d4e4f",
      "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f"
      "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"
      "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
      "b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecf"
      "d0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeef"
      "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
      "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
      "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
      "cc30c58179ec3e87c14c01d5c1f3434f1d87" },

    { "A.3", "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "",
      "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
      "9d201395faa4b61a96c8" }
};


static const seal_case_t  seal_cases[] = {

    { "test case 13",
      "0000000000000000000000000000000000000000000000000000000000000000",
      "000000000000000000000000", "", "",
      "530f8afbc74536b9a963b4f1c4cb738b" },

    { "test case 14",
      "0000000000000000000000000000000000000000000000000000000000000000",
      "000000000000000000000000", "", "00000000000000000000000000000000",
      "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919" },

    { "test case 15",
      "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
      "cafebabefacedbaddecaf888", "",
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
      "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
      "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad"
      "b094dac5d93471bdec1a502270e3cc6c" },

    { "test case 16",
      "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
      "cafebabefacedbaddecaf888",
      "feedfacedeadbeeffeedfacedeadbeefabaddad2",
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
      "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
      "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
      "76fc6ece0f4e1768cddf8853bb2d551b" }
};


static jm_str_t
bytes(uint8_t *dst, const char *hex)
{
    size_t    i;
    unsigned  byte;
    jm_str_t  s;

    s.len = strlen(hex) / 2;
    s.data = dst;

    for (i = 0; i < s.len; i++) {
        sscanf(hex + 2 * i, "%2x", &byte);
        dst[i] = (uint8_t) byte;
    }

    return s;
}


static void
test_derive(void)
{
    size_t    i;
    uint8_t   secret[ROOM], salt[ROOM], info[ROOM], key[ROOM], expected[ROOM];
    jm_str_t  got, want;

    for (i = 0; i < jm_nitems(derive_cases); i++) {
        want = bytes(expected, derive_cases[i].key);

        got.len = want.len;
        got.data = key;

        is_int(jm_crypt_derive(key, want.len,
                               bytes(secret, derive_cases[i].secret),
                               bytes(salt, derive_cases[i].salt),
                               bytes(info, derive_cases[i].info)),
               JM_OK, "RFC 5869, %s", derive_cases[i].name);
        is_bytes(got, want, "its key");
    }

    want = bytes(secret, derive_cases[0].secret);
    got.len = 0;
    got.data = NULL;

    is_int(jm_crypt_derive(key, 255 * 32 + 1, want, got, got), JM_ERROR,
           "more than there can be");
    is_int((int64_t) ERR_peek_error(), 0, "leaves no error in the queue");
}


static jm_rc_e
seal(uint8_t *dst, const uint8_t *key, const uint8_t *nonce, jm_str_t extra,
    jm_str_t plain)
{
    jm_rc_e     rc;
    jm_crypt_t  c;

    rc = jm_crypt_init(&c, key);

    if (rc == JM_OK) {
        rc = jm_crypt_seal(&c, dst, nonce, extra, plain);
        jm_crypt_free(&c);
    }

    return rc;
}


static jm_rc_e
open_sealed(uint8_t *dst, const uint8_t *key, const uint8_t *nonce,
    jm_str_t extra, jm_str_t sealed)
{
    jm_rc_e     rc;
    jm_crypt_t  c;

    rc = jm_crypt_init(&c, key);

    if (rc == JM_OK) {
        rc = jm_crypt_open(&c, dst, nonce, extra, sealed);
        jm_crypt_free(&c);
    }

    return rc;
}


static unsigned
opens(const uint8_t *key, const uint8_t *nonce, jm_str_t extra,
    jm_str_t sealed)
{
    uint8_t  plain[ROOM];

    return open_sealed(plain, key, nonce, extra, sealed) != JM_INVALID;
}


/* every bit of s counts */

static unsigned
flipped(uint8_t *s, size_t len, const uint8_t *key, const uint8_t *nonce,
    jm_str_t extra, jm_str_t sealed)
{
    size_t    i;
    unsigned  n;

    n = 0;

    for (i = 0; i < 8 * len; i++) {
        s[i / 8] ^= (uint8_t) (1 << i % 8);
        n += opens(key, nonce, extra, sealed);
        s[i / 8] ^= (uint8_t) (1 << i % 8);
    }

    return n;
}


static void
test_seal(const seal_case_t *c)
{
    uint8_t   key[ROOM], nonce[ROOM], e[ROOM], p[ROOM], s[ROOM], again[ROOM];
    uint8_t   dst[ROOM];
    jm_str_t  extra, plain, sealed, got;
    unsigned  n;

    bytes(key, c->key);
    bytes(nonce, c->nonce);
    extra = bytes(e, c->extra);
    plain = bytes(p, c->plain);
    sealed = bytes(s, c->sealed);

    got.len = sealed.len;
    got.data = dst;

    is_int(seal(dst, key, nonce, extra, plain), JM_OK,
           "GCM, %s", c->name);
    is_bytes(got, sealed, "the ciphertext and the tag");

    got.len = plain.len;
    got.data = again;

    is_int(open_sealed(again, key, nonce, extra, sealed), JM_OK, "opens");
    is_bytes(got, plain, "the plain text");

    n = flipped(s, sealed.len, key, nonce, extra, sealed)
        + flipped(e, extra.len, key, nonce, extra, sealed)
        + flipped(nonce, JM_CRYPT_NONCE, key, nonce, extra, sealed)
        + flipped(key, JM_CRYPT_KEY, key, nonce, extra, sealed);

    is_int(n, 0, "does not, with any bit changed");

    n = 0;

    for (got.data = s, got.len = 0; got.len < sealed.len; got.len++) {
        n += opens(key, nonce, extra, got);
    }

    is_int(n, 0, "does not, cut anywhere");
    is_int((int64_t) ERR_peek_error(), 0, "leaves no error in the queue");
}


/* one key for texts and nonces that differ, opened well and in vain */

static void
test_kept(void)
{
    size_t       i, j;
    uint8_t      key[ROOM], nonce[ROOM], e[ROOM], p[ROOM], s[ROOM], dst[ROOM];
    unsigned     bad;
    jm_str_t     extra, plain, sealed;
    jm_crypt_t   c;

    bytes(key, seal_cases[0].key);
    bad = (jm_crypt_init(&c, key) != JM_OK);

    for (i = 0; i < 2 * jm_nitems(seal_cases); i++) {
        j = i % jm_nitems(seal_cases);

        bytes(nonce, seal_cases[j].nonce);
        extra = bytes(e, seal_cases[j].extra);
        plain = bytes(p, seal_cases[j].plain);

        sealed.len = plain.len + JM_CRYPT_TAG;
        sealed.data = s;

        bad += (seal(s, key, nonce, extra, plain) != JM_OK);

        bad += (jm_crypt_seal(&c, dst, nonce, extra, plain) != JM_OK
                || memcmp(dst, s, sealed.len) != 0);

        bad += (jm_crypt_open(&c, dst, nonce, extra, sealed) != JM_OK
                || memcmp(dst, p, plain.len) != 0);

        s[0] ^= 1;
        bad += (jm_crypt_open(&c, dst, nonce, extra, sealed) != JM_INVALID);
    }

    is_int(bad, 0, "a key that is kept does the same, any number of times");

    jm_crypt_free(&c);
    ok(c.ctx == NULL, "and is gone");
}


static jm_rc_e
run(unsigned what, uint8_t *dst)
{
    static const uint8_t  key[JM_CRYPT_KEY], nonce[JM_CRYPT_NONCE];
    jm_str_t              text = jm_string("some text of ours");
    jm_str_t              sealed;

    if (what == 0) {
        return jm_crypt_derive(dst, JM_CRYPT_KEY, text, text, text);
    }

    if (what == 1) {
        return seal(dst, key, nonce, text, text);
    }

    sealed.len = text.len + JM_CRYPT_TAG;
    sealed.data = dst;

    return open_sealed(dst + ROOM / 2, key, nonce, text, sealed);
}


static void
test_memory(unsigned what, const char *name)
{
    size_t    n;
    uint8_t   dst[ROOM];
    jm_rc_e   rc;
    unsigned  bad, left;

    (void) run(1, dst);
    is_int(run(what, dst), JM_OK, "%s", name);

    bad = 0;
    left = 0;

    for (n = 1; /* void */; n++) {
        calls = 0;
        failing = n;
        rc = run(what, dst);
        failing = 0;

        left += (ERR_peek_error() != 0);
        ERR_clear_error();

        if (calls < n) {
            break;
        }

        bad += (rc == JM_INVALID);
    }

    ok(n > 1, "%zu allocations of libcrypto's", n - 1);
    is_int(bad, 0, "one that fails is no wrong tag");
    is_int(left, 0, "and leaves no error in the queue");
    is_int(rc, JM_OK, "and all is well again");
}


int
main(void)
{
    size_t  i;

    if (!crypto_memory_init()) {
        return 1;
    }

    test_derive();

    for (i = 0; i < jm_nitems(seal_cases); i++) {
        test_seal(&seal_cases[i]);
    }

    test_kept();

    test_memory(0, "a key is derived");
    test_memory(1, "a text is sealed");
    test_memory(2, "a text is opened");

    return done_testing();
}
