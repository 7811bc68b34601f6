
/*
 * Digests in pieces: SHA-256 by the examples of FIPS 180, HMAC-SHA256 by those
 * of RFC 4231, cut at every place, and from each place on once more.
 */


#include "tap.h"
#include "crypto_memory.h"
#include "jm_digest.h"
#include "jm_text.h"


#define BLOCK_KEY  "0123456789abcdef0123456789abcdef"                         \
                   "0123456789abcdef0123456789abcdef"

#define LONG_KEY  "\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa"   \
                  "\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa"   \
                  "\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa"   \
                  "\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa"   \
                  "\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa"   \
                  "\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa"   \
                  "\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa"   \
                  "\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa"   \
                  "\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa\xaa"   \
                  "\xaa\xaa\xaa\xaa\xaa"


typedef struct {
    const char      *name;
    const char      *key;           /* NULL: SHA-256 */
    const char      *text;
    const char      *digest;
} digest_case_t;


static const digest_case_t  cases[] = {

    { "nothing", NULL, "",
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },

    { "abc", NULL, "abc",
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },

    { "two blocks", NULL,
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },

    { "RFC 4231, 2", "Jefe", "what do ya want for nothing?",
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },

    { "a key of a block", BLOCK_KEY, "abc",
      "4094e954bda3fa079826b9a1353886ed680ee45577c7405a18ad4004562f2e33" },

    { "an empty key", "", "abc",
      "fd7adb152c05ef80dccf50a1fa4c05d5a3ec6da95575fc312ae7c5d091836351" },

    { "RFC 4231, 6", LONG_KEY,
      "Test Using Larger Than Block-Size Key - Hash Key First",
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54" }
};


static jm_str_t
view(const char *text)
{
    jm_str_t  s;

    s.len = strlen(text);
    s.data = (const uint8_t *) text;

    return s;
}


static unsigned
digest_is(const digest_case_t *c, size_t cut)
{
    uint8_t      digest[JM_DIGEST_LEN], again[JM_DIGEST_LEN];
    uint8_t      hex[2 * JM_DIGEST_LEN];
    jm_str_t     key, text, rest, parts[2];
    jm_digest_t  d;

    key = view(c->key != NULL ? c->key : "");
    text = view(c->text);

    rest.len = text.len - cut;
    rest.data = text.data + cut;
    text.len = cut;

    if (jm_digest_init(&d, c->key != NULL ? &key : NULL) != JM_OK
        || jm_digest_add(&d, text) != JM_OK
        || jm_digest_from(&d, again, &rest, 1) != JM_OK
        || jm_digest_hex(&d, hex, rest) != JM_OK
        || jm_digest_add(&d, rest) != JM_OK
        || jm_digest_end(&d, digest) != JM_OK)
    {
        return 0;
    }

    jm_digest_free(&d);
    jm_digest_free(&d);

    if (memcmp(again, digest, JM_DIGEST_LEN) != 0
        || memcmp(hex, c->digest, JM_DIGEST_HEX_LEN) != 0)
    {
        return 0;
    }

    jm_hex(hex, digest, JM_DIGEST_LEN);

    parts[0] = text;
    parts[1] = rest;

    if (jm_digest(again, c->key != NULL ? &key : NULL, parts, 2) != JM_OK
        || memcmp(again, digest, JM_DIGEST_LEN) != 0)
    {
        return 0;
    }

    return memcmp(hex, c->digest, sizeof(hex)) == 0;
}


static void
test_memory(const jm_str_t *key, const char *name)
{
    size_t       n;
    uint8_t      first[JM_DIGEST_LEN], digest[JM_DIGEST_LEN];
    jm_rc_e      rc;
    jm_str_t     text = jm_string("some text of ours");
    unsigned     bad;
    jm_digest_t  d;

    is_int(jm_digest(first, key, &text, 1), JM_OK, "%s", name);

    bad = 0;

    for (n = 1; /* void */; n++) {
        calls = 0;
        failing = n;
        rc = jm_digest(digest, key, &text, 1);
        failing = 0;

        if (calls < n) {
            break;
        }

        bad += (rc == JM_OK && memcmp(first, digest, JM_DIGEST_LEN) != 0);
    }

    ok(n > 1, "%zu allocations of libcrypto's", n - 1);
    is_int(bad, 0, "one that fails makes no other digest");

    bad = (jm_digest_init(&d, key) != JM_OK);

    for (n = 1; /* void */; n++) {
        calls = 0;
        failing = n;
        (void) jm_digest_from(&d, digest, &text, 1);
        failing = 0;

        bad += (jm_digest_from(&d, digest, &text, 1) != JM_OK
                || memcmp(first, digest, JM_DIGEST_LEN) != 0);

        if (calls < n) {
            break;
        }
    }

    is_int(bad, 0, "nor does it harm what is kept");
    jm_digest_free(&d);
}


int
main(void)
{
    size_t    i, cut, good;
    jm_str_t  none = jm_null_string;
    jm_str_t  key = jm_string(LONG_KEY);

    if (!crypto_memory_init()) {
        return 1;
    }

    for (i = 0; i < jm_nitems(cases); i++) {
        good = 0;

        for (cut = 0; cut <= strlen(cases[i].text); cut++) {
            good += digest_is(&cases[i], cut);
        }

        is_int((int64_t) good, (int64_t) strlen(cases[i].text) + 1,
               "%s, cut anywhere", cases[i].name);
    }

    {
        jm_digest_t  d;

        is_int(jm_digest_init(&d, NULL), JM_OK, "a digest that is left");
        is_int(jm_digest_add(&d, none), JM_OK, "with a piece of nothing");
        jm_digest_free(&d);
        ok(d.state == NULL && d.copy == NULL, "holds nothing");
    }

    test_memory(NULL, "a digest");
    test_memory(&key, "an HMAC");

    return done_testing();
}
