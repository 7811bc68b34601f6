
/*
 * Digests in pieces: SHA-256 by the examples of FIPS 180, HMAC-SHA256 by those
 * of RFC 4231, cut at every place.
 */


#include "tap.h"
#include "jm_digest.h"
#include "jm_text.h"


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
        || jm_digest_add(&d, rest) != JM_OK
        || jm_digest_end(&d, digest) != JM_OK)
    {
        return 0;
    }

    jm_digest_free(&d);
    jm_digest_free(&d);

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


int
main(void)
{
    size_t    i, cut, good;
    jm_str_t  none = jm_null_string;

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
        ok(d.ctx == NULL, "holds nothing");
    }

    return done_testing();
}
