
/*
 * Base64 both ways.  Every text is also fed in two pieces, cut at every point,
 * and byte by byte, to memory of just the size that is asked for.
 */


#include <openssl/evp.h>

#include "tap.h"
#include "jm_base64.h"


#define PLAIN   0
#define URI     JM_BASE64_URI
#define JSON    JM_BASE64_JSON
#define BOTH    (JM_BASE64_URI | JM_BASE64_JSON)


typedef struct {
    const char      *text;
    unsigned         flags;
    const char      *bytes;         /* NULL: invalid */
} case_t;


static const case_t  cases[] = {
    { "", PLAIN, "" },
    { "", BOTH, "" },
    { "Zm9vYmFy", PLAIN, "foobar" },
    { "Zm9vYmE=", PLAIN, "fooba" },
    { "Zm9vYg==", PLAIN, "foob" },
    { "Zm9vYmE", PLAIN, "fooba" },
    { "Zm9vYg", PLAIN, "foob" },
    { "Zm9vYh", PLAIN, "foob" },
    { "Zm9vYh==", PLAIN, "foob" },
    { "+/-_", PLAIN, "\xfb\xff\xbf" },
    { "Zm9v\r\nYmFy\n", PLAIN, "foobar" },
    { "Zm9\r\nv\nYg\r=\n=", PLAIN, "foob" },
    { " \t\r\n Zm9vYg== \t\r\n ", PLAIN, "foob" },
    { " \t\r\n Zm9vYg \t\r\n ", PLAIN, "foob" },
    { "Zm9vZm9vZm9vZm9v\nZm9vZm9vZm9vZm9v", PLAIN,
      "foofoofoofoofoofoofoofoo" },

    { "Zm9v YmFy", PLAIN, NULL },
    { "Zm9vYm Fy", PLAIN, NULL },
    { "Zm9v\tYmFy", PLAIN, NULL },
    { "Zm9v \nYmFy", PLAIN, NULL },
    { "Zm9v\n YmFy", PLAIN, NULL },
    { "Z m9v", PLAIN, NULL },
    { "Zg ==", PLAIN, NULL },
    { "Zg= =", PLAIN, NULL },
    { "Z", PLAIN, NULL },
    { "Zm9vY", PLAIN, NULL },
    { "Zm9vYg=", PLAIN, NULL },
    { "Zm9vYmE==", PLAIN, NULL },
    { "Zm9vYg===", PLAIN, NULL },
    { "Zm9v=", PLAIN, NULL },
    { "Zm9vY===", PLAIN, NULL },
    { "=", PLAIN, NULL },
    { "Zg==Zg==", PLAIN, NULL },
    { "Zg==Z", PLAIN, NULL },
    { "Zm9v!", PLAIN, NULL },
    { "Zm9vYmF!", PLAIN, NULL },
    { "Zm9v\x0b", PLAIN, NULL },
    { "Zm9v\xc3\xa4", PLAIN, NULL },
    { "Zm9v\\/", PLAIN, NULL },
    { "Zm9v.Zm9v", PLAIN, NULL },
    { "data:;base64,Zm9v", PLAIN, NULL },

    { "data:image/png;base64,Zm9v", URI, "foo" },
    { "data:;base64,Zm9v", URI, "foo" },
    { "data:;base64,", URI, "" },
    { "DATA:Image/PNG;Base64,Zm9v", URI, "foo" },
    { "\n data:;base64, Zm9v", URI, "foo" },
    { "data:a/b;c=\"d\";;base64,Zm9v", URI, "foo" },
    { "data:a/b;base6;base64,Zm9v", URI, "foo" },
    { "data:a/b;base64;base64,Zm9v", URI, "foo" },
    { "data:a/b; charset=x;base64,Zm9v", URI, "foo" },
    { "Zm9v", URI, "foo" },
    { "data", URI, "\x75\xab\x5a" },
    { "DATA", URI, "\x0c\x04\xc0" },
    { "dat", URI, "\x75\xab" },
    { "da", URI, "\x75" },
    { "datadata", URI, "\x75\xab\x5a\x75\xab\x5a" },
    { "dataZm9v", URI, "\x75\xab\x5a" "foo" },
    { "da\nta", URI, "\x75\xab\x5a" },
    { "dat=", URI, "\x75\xab" },
    { "da==", URI, "\x75" },

    { "da ta", URI, NULL },
    { "data:;base64,Zm9v Zm9v", URI, NULL },
    { "d", URI, NULL },
    { "data:", URI, NULL },
    { "data:,Zm9v", URI, NULL },
    { "data:image/png,Zm9v", URI, NULL },
    { "data:image/png;base64", URI, NULL },
    { "data:image/png;base64x,Zm9v", URI, NULL },
    { "data:image/png;base64 ,Zm9v", URI, NULL },
    { "data:base64,Zm9v", URI, NULL },
    { "data:;\x02" "ase64,Zm9v", URI, NULL },
    { "data:\xc3\xa4;base64,Zm9v", URI, NULL },
    { "data:;\nbase64,Zm9v", URI, NULL },
    { "data\x1a;base64,Zm9v", URI, NULL },
    { "da ta:;base64,Zm9v", URI, NULL },
    { "data :;base64,Zm9v", URI, NULL },
    { "data:;base64,data:;base64,Zm9v", URI, NULL },
    { "data:;base64,Z", URI, NULL },
    { "http://a/b.png", URI, NULL },

    { "Zm9v\\nYmFy\\r\\n", JSON, "foobar" },
    { "\\t Zm9v\\u0020\\u000A", JSON, "foo" },
    { "\\/\\/\\/\\/", JSON, "\xff\xff\xff" },
    { "\\u002b\\u002F-_", JSON, "\xfb\xff\xbf" },
    { "Zg\\u003d=", JSON, "f" },
    { "data:image\\/png;base64,Zm9v", BOTH, "foo" },
    { "\\u0064ata\\u003a;base64\\u002CZm9v", BOTH, "foo" },
    { "dat\\u0061", JSON, "\x75\xab\x5a" },
    { "\\ndat\\u0061", BOTH, "\x75\xab\x5a" },

    { "Zm9v\\u0020Zm9v", JSON, NULL },
    { "Zm9v\\tZm9v", JSON, NULL },
    { "Zm9v\n", JSON, NULL },
    { "Zm9v\t", JSON, NULL },
    { "Zm9v\\", JSON, NULL },
    { "Zm9v\\u00", JSON, NULL },
    { "Zm9v\\u00g0", JSON, NULL },
    { "Zm9v\\x", JSON, NULL },
    { "Zm9v\\\"", JSON, NULL },
    { "Zm9v\\\\", JSON, NULL },
    { "Zm9v\\b", JSON, NULL },
    { "Zm9v\\f", JSON, NULL },
    { "Zm9\\u0000", JSON, NULL },
    { "Zm9\\u0176", JSON, NULL },
    { "Zm9\\uff36", JSON, NULL },
    { "Zm9\\ud83d\\ude00", JSON, NULL },
    { "dat\\u0061:;base64,Zm9v", JSON, NULL },
    { "data:;\\u0020base64,Zm9v", BOTH, NULL }
};


static const char  alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";


/*
 * Decodes text in pieces: the first of first bytes, then step at a time.  What
 * comes out is in dst, and *n of it.
 */

static jm_rc_e
decode(jm_str_t text, unsigned flags, size_t first, size_t step, uint8_t *dst,
    size_t *n)
{
    size_t       len, room, bad;
    jm_rc_e      rc;
    uint8_t     *space;
    jm_str_t     piece;
    jm_base64_t  d;

    *n = 0;
    rc = JM_OK;
    bad = 0;
    piece.len = first;

    jm_base64_init(&d, flags);

    for ( ;; ) {
        piece.len = jm_min(piece.len, text.len);
        piece.data = text.data;

        /* just what the header asks for, so that ASan sees a byte more */

        room = (text.len == 0) ? JM_BASE64_REST : jm_base64_decoded(piece.len);
        space = malloc(room);

        len = 77;
        rc = (text.len == 0) ? jm_base64_decode_end(&d, space, &len)
                             : jm_base64_decode(&d, piece, space, &len);

        bad += rc != JM_OK && len != 0;
        memcpy(dst + *n, space, len);
        *n += len;
        free(space);

        if (rc != JM_OK || text.len == 0) {
            break;
        }

        text.data += piece.len;
        text.len -= piece.len;
        piece.len = step;
    }

    /* it stays as bad as it was */

    if (rc != JM_OK) {
        piece = str("Zm9v");
        bad += jm_base64_decode(&d, piece, dst + *n, &len) != rc || len != 0;
        piece.len = 0;
        bad += jm_base64_decode(&d, piece, dst + *n, &len) != rc || len != 0;
        bad += jm_base64_decode_end(&d, dst + *n, &len) != rc || len != 0;
    }

    return (bad == 0) ? rc : JM_ERROR;
}


static void
test_decode(void)
{
    size_t         i, k, n;
    jm_rc_e        rc, again;
    int64_t        bad;
    uint8_t        whole[256], dst[256];
    jm_str_t       text, got;
    const case_t  *c;

    for (i = 0; i < jm_nitems(cases); i++) {
        c = &cases[i];
        text = str(c->text);

        rc = decode(text, c->flags, text.len, 1, whole, &got.len);
        got.data = whole;

        is_int(rc, c->bytes == NULL ? JM_INVALID : JM_OK,
               "case %zu, flags %u: %s", i, c->flags,
               c->bytes == NULL ? "invalid" : "decoded");

        if (c->bytes != NULL) {
            is_str(got, c->bytes, "its bytes");
        }

        bad = 0;

        for (k = 0; k <= text.len; k++) {
            again = decode(text, c->flags, k, text.len + 1, dst, &n);
            bad += again != rc;
            bad += rc == JM_OK && (n != got.len || memcmp(dst, whole, n) != 0);
        }

        again = decode(text, c->flags, 1, 1, dst, &n);
        bad += again != rc;
        bad += rc == JM_OK && (n != got.len || memcmp(dst, whole, n) != 0);

        is_int(bad, 0, "and the same however it is cut");
    }
}


/* what is wrong whatever follows is known before the end */

static void
test_at_once(void)
{
    size_t              i, n;
    uint8_t             dst[64];
    jm_base64_t         d;
    static const char  *texts[] = {
        "=", "Z=", "Zm9v=", "Zm9vYmE==", "Zg===", "Zg==Z", "Zm9v!", "data:,",
        "data:\n", "http:", "Zm9v Z", "Zm 9", "Zg =", "d t"
    };

    for (i = 0; i < jm_nitems(texts); i++) {
        jm_base64_init(&d, URI);
        is_int(jm_base64_decode(&d, str(texts[i]), dst, &n), JM_INVALID,
               "%zu: invalid at once", i);
    }
}


/* what is wrong, in a sentence's end */

static void
test_why(void)
{
    size_t       i, n;
    uint8_t      dst[64];
    jm_base64_t  d;

    static const struct {
        const char  *text;
        const char  *why;
    } texts[] = {
        { "Zm9v Zm9v", "has a blank within its base64: a \"+\" became" },
        { "Zm9v\tZm9v", "has a blank within" },
        { "data:;base64,Zm 9v", "has a blank within" },
        { "Zm9v!", "is neither" },
        { "http:", "is neither" },
        { "data:,", "is neither" },
        { "Zm9vY", "is base64 that is cut off" },
        { "Zg=", "is base64 that is cut off" },
        { "data:;base64", "is base64 that is cut off" }
    };

    for (i = 0; i < jm_nitems(texts); i++) {
        jm_base64_init(&d, URI);

        ok((jm_base64_decode(&d, str(texts[i].text), dst, &n) != JM_OK
            || jm_base64_decode_end(&d, dst, &n) != JM_OK)
           && d.why != NULL
           && strncmp(d.why, texts[i].why, strlen(texts[i].why)) == 0,
           "%s: %s", texts[i].text, texts[i].why);
    }
}


/* each byte at each place of a group, with groups around it */

static void
test_every_byte(void)
{
    int       c;
    char      text[16];
    size_t    i, n;
    jm_rc_e   rc;
    int64_t   taken, bad;
    uint8_t   dst[64];
    jm_str_t  s;

    for (i = 4; i < 8; i++) {
        taken = 0;
        bad = 0;

        for (c = 0; c < 256; c++) {
            memcpy(text, "AAAAAAAAAAAA", 12);
            text[i] = (char) c;
            s.data = (const uint8_t *) text;
            s.len = 12;

            rc = decode(s, PLAIN, s.len, 1, dst, &n);

            if (c != 0 && strchr(alphabet, c) != NULL) {
                taken++;
                bad += rc != JM_OK || n != 9;

            } else if (c == '-' || c == '_') {
                bad += rc != JM_OK || n != 9;

            } else if (c == '\r' || c == '\n') {
                bad += rc != JM_OK || n != 8;

            } else {
                bad += rc != JM_INVALID;
            }
        }

        is_int(taken, 64, "characters taken at place %zu", i - 4);
        is_int(bad, 0, "nothing else is");
    }
}


static size_t
encode(jm_str_t data, size_t first, size_t step, uint8_t *dst)
{
    size_t               n, len;
    uint8_t             *space;
    jm_str_t             piece;
    jm_base64_encoder_t  e;

    n = 0;
    piece.len = first;
    jm_base64_encoder_init(&e);

    while (data.len != 0) {
        piece.len = jm_min(piece.len, data.len);
        piece.data = data.data;

        space = malloc(jm_base64_encoded(piece.len) + 1);
        len = jm_base64_encode(&e, piece, space);
        memcpy(dst + n, space, len);
        free(space);
        n += (len > jm_base64_encoded(piece.len)) ? 10000 : len;

        data.data += piece.len;
        data.len -= piece.len;
        piece.len = step;
    }

    n += jm_base64_encode_end(&e, dst + n);

    /* it may be used again, for nothing */

    return n + jm_base64_encode_end(&e, dst + n);
}


/* against OpenSSL's, of all lengths up to some blocks, and back */

static void
test_encode(void)
{
    size_t    len, i, k, n;
    int64_t   bad, back;
    uint8_t   data[130], expected[256], dst[256], again[256];
    jm_str_t  s, text;

    bad = 0;
    back = 0;

    for (len = 0; len < sizeof(data); len++) {

        for (i = 0; i < len; i++) {
            data[i] = (uint8_t) (i * 167 + len * 59 + (i >> 3));
        }

        s.data = data;
        s.len = len;
        text.data = expected;
        text.len = (size_t) EVP_EncodeBlock(expected, data, (int) len);

        for (k = 0; k <= len; k++) {
            n = encode(s, k, len + 1, dst);
            bad += n != text.len || memcmp(dst, expected, n) != 0;

            back += decode(text, PLAIN, k, text.len + 1, again, &n) != JM_OK;
            back += n != len || memcmp(again, data, n) != 0;
        }

        n = encode(s, 1, 1, dst);
        bad += n != text.len || memcmp(dst, expected, n) != 0;
    }

    is_int(bad, 0, "encoded as OpenSSL does, however it is cut");
    is_int(back, 0, "and decoded again");
}


int
main(void)
{
    test_decode();
    test_at_once();
    test_why();
    test_every_byte();
    test_encode();

    return done_testing();
}
