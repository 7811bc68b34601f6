
/*
 * Base64 of URLs: of the same bytes there is one text, and no other opens.
 */


#include "tap.h"
#include "jm_base64url.h"


static void
test_text(const char *bytes, const char *text)
{
    size_t    n;
    uint8_t   dst[64];
    jm_str_t  s;

    s.len = jm_base64url_encode(dst, str(bytes));
    s.data = dst;

    is_str(s, text, "\"%s\" as text", bytes);
    is_int((int64_t) s.len, (int64_t) jm_base64url_encoded(strlen(bytes)),
           "its length");

    is_int(jm_base64url_decode(dst, &n, str(text)), JM_OK, "read");
    s.len = n;
    is_str(s, bytes, "as it was");
}


static void
test_bad(const char *text)
{
    size_t   n;
    uint8_t  dst[64];

    is_int(jm_base64url_decode(dst, &n, str(text)), JM_INVALID,
           "%zu characters that are none", strlen(text));
}


/* every pair of characters that opens is the one that its byte makes */

static void
test_pairs(void)
{
    size_t    n;
    uint8_t   text[2], dst[2], again[4];
    unsigned  i, good, other;
    jm_str_t  s;

    good = 0;
    other = 0;

    for (i = 0; i < 65536; i++) {
        text[0] = (uint8_t) (i >> 8);
        text[1] = (uint8_t) i;

        s.len = 2;
        s.data = text;

        if (jm_base64url_decode(dst, &n, s) != JM_OK) {
            continue;
        }

        good++;

        s.len = n;
        s.data = dst;

        other += jm_base64url_encode(again, s) != 2
                 || memcmp(again, text, 2) != 0;
    }

    is_int(good, 256, "pairs for all bytes");
    is_int(other, 0, "each for one");
}


int
main(void)
{
    test_text("", "");
    test_text("f", "Zg");
    test_text("fo", "Zm8");
    test_text("foo", "Zm9v");
    test_text("foob", "Zm9vYg");
    test_text("fooba", "Zm9vYmE");
    test_text("foobar", "Zm9vYmFy");
    test_text("\xfb\xff\xbf", "-_-_");

    test_bad("Z");
    test_bad("Zh");
    test_bad("Zm9");
    test_bad("Zm9vY");
    test_bad("Zg==");
    test_bad("+/+/");
    test_bad("Zm9v\n");
    test_bad("Zm 9");

    test_pairs();

    return done_testing();
}
