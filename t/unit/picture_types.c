
/*
 * Pictures of the types that Ark takes beside JPEG and PNG.  Each is read at
 * once, in two pieces cut at every point, and byte by byte: with the same
 * result, written as "GIF 5x3 of 38", whose last number is how many bytes are
 * needed, or as "! why".
 *
 * Seen failing with each of these taken out of the reader: the look at the
 * types that may be, at the number of pixels, at a picture among a GIF's
 * blocks, at a WebP's chunk against RIFF, at a BMP's offset, at a TIFF's strip,
 * at a HEIC's brand and at either of its boxes.
 */


#include "tap.h"
#include "jm_picture.h"


typedef struct {
    const char      *what;
    jm_str_t         bytes;
    const char      *expected;
} picture_case_t;


#define UNKNOWN                                                               \
    "! is no picture of a type that this model takes: JPEG, PNG, WebP, GIF, " \
    "BMP, TIFF, HEIC"
#define BAD(t)   "! is a damaged " t
#define CUT(t)                                                                \
    "! is a " t " that is cut off: its end is missing; send all of it"

#define GIF      "GIF89a" "\5\0\3\0" "\x80\0\0" "\0\0\0\1\1\1"
#define GIF_IN   "," "\0\0\0\0\5\0\3\0\0" "\2" "\2\x8c\1" "\0"
#define GIF_OWN  "," "\0\0\0\0\5\0\3\0\x81" "\0\0\0\0\0\0\0\0\0\0\0\0"        \
                 "\2" "\2\x8c\1" "\0"
#define GIF_EXT  "!\xf9" "\4\0\0\0\0" "\0"

#define BMP      "BM" "????" "\0\0\0\0"
#define INFO     "\x28\0\0\0"
#define TWO_BY   "\2\0\0\0" "\1\0\0\0"
#define RGB                                                                   \
    "\1\0" "\x18\0" "\0\0\0\0" "\0\0\0\0" "\0\0\0\0\0\0\0\0" "\0\0\0\0\0\0\0\0"

#define RIFF(n)  "RIFF" n "\0\0\0" "WEBP"
#define LOSSY    "\0\0\0" "\x9d\1\x2a" "\5\0\3\0" "????"

#define II       "II*\0" "\x0c\0\0\0" "data"
#define WIDTH    "\0\1" "\3\0" "\1\0\0\0" "\5\0??"
#define HEIGHT   "\1\1" "\4\0" "\1\0\0\0" "\3\0\0\0"
#define STRIP(n) "\x11\1" "\4\0" "\1\0\0\0" n "\0\0\0"
#define LENGTH   "\x17\1" "\4\0" "\1\0\0\0" "\4\0\0\0"

#define FTYP     "\0\0\0\x14" "ftyp" "heic" "\0\0\0\0" "mif1"
#define META     "\0\0\0\x0c" "meta" "\0\0\0\0"
#define MDAT     "\0\0\0\x0a" "mdat" "xx"


/* libgd's, of 5 times 3 */

static const uint8_t  gd_gif[] = {
    0x47, 0x49, 0x46, 0x38, 0x37, 0x61, 0x05, 0x00, 0x03, 0x00, 0x80, 0x00,
    0x00, 0x04, 0x02, 0x04, 0xfc, 0x02, 0x04, 0x2c, 0x00, 0x00, 0x00, 0x00,
    0x05, 0x00, 0x03, 0x00, 0x00, 0x02, 0x05, 0x8c, 0x01, 0x16, 0xa8, 0x58,
    0x00, 0x3b
};

static const uint8_t  gd_webp[] = {
    0x52, 0x49, 0x46, 0x46, 0x46, 0x00, 0x00, 0x00, 0x57, 0x45, 0x42, 0x50,
    0x56, 0x50, 0x38, 0x20, 0x3a, 0x00, 0x00, 0x00, 0xf0, 0x01, 0x00, 0x9d,
    0x01, 0x2a, 0x05, 0x00, 0x03, 0x00, 0x01, 0x40, 0x26, 0x25, 0xa8, 0x02,
    0x74, 0x47, 0x00, 0x01, 0xe8, 0x80, 0x56, 0xbc, 0x00, 0xfe, 0xfb, 0xa1,
    0x97, 0x17, 0xde, 0xc2, 0x0b, 0x4f, 0x7b, 0xbe, 0x8f, 0xed, 0xf6, 0x51,
    0x7f, 0xf9, 0xcc, 0x7f, 0xf0, 0xf5, 0x28, 0x64, 0xff, 0xd5, 0xdf, 0xf0,
    0xf5, 0x28, 0x00, 0x00, 0x00, 0x00
};


static const picture_case_t  picture_cases[] = {
    { "libgd's GIF", { sizeof(gd_gif), gd_gif }, "GIF 5x3 of 38" },
    { "libgd's WebP", { sizeof(gd_webp), gd_webp }, "WebP 5x3 of 78" },

    { "a GIF", jm_string(GIF GIF_IN ";"), "GIF 5x3 of 35" },
    { "more behind it", jm_string(GIF GIF_IN ";more"), "GIF 5x3 of 35" },
    { "an extension", jm_string(GIF GIF_EXT GIF_IN ";"), "GIF 5x3 of 43" },
    { "two pictures", jm_string(GIF GIF_IN GIF_EXT GIF_OWN ";"),
      "GIF 5x3 of 70" },
    { "no table", jm_string("GIF87a" "\5\0\3\0" "\7\0\0" GIF_OWN ";"),
      "GIF 5x3 of 41" },
    { "no picture", jm_string(GIF GIF_EXT ";"), BAD("GIF") },
    { "no block", jm_string(GIF "x"), BAD("GIF") },
    { "no sides", jm_string("GIF89a" "\0\0\3\0" "\0\0\0" GIF_IN ";"),
      "! is 0x3: it has to have 1 to 36000000 pixels" },
    { "too narrow", jm_string("GIF89a" "\x11\0\1\0" "\0\0\0" GIF_IN ";"),
      "! is 17x1: width/height has to be within 1/16 to 16" },
    { "too many pixels",
      jm_string("GIF89a" "\x71\x17\x70\x17" "\0\0\0" GIF_IN ";"),
      "! is 6001x6000: it has to have 1 to 36000000 pixels" },
    { "as many as can be",
      jm_string("GIF89a" "\x70\x17\x70\x17" "\0\0\0" GIF_IN ";"),
      "GIF 6000x6000 of 29" },
    { "a GIF of 88", jm_string("GIF88a" "\5\0\3\0"), UNKNOWN },

    { "a BMP", jm_string(BMP "\x36\0\0\0" INFO TWO_BY RGB "12345678"),
      "BMP 2x1 of 62" },
    { "a palette before it",
      jm_string(BMP "\x3a\0\0\0" INFO TWO_BY RGB "????12345678"),
      "BMP 2x1 of 66" },
    { "upside down",
      jm_string(BMP "\x36\0\0\0" INFO "\2\0\0\0" "\xff\xff\xff\xff" RGB
                "12345678"),
      "BMP 2x1 of 62" },
    { "of OS/2",
      jm_string(BMP "\x1a\0\0\0" "\x0c\0\0\0" "\2\0\1\0" "\1\0" "\x18\0"
                "12345678"),
      "BMP 2x1 of 34" },
    { "packed",
      jm_string(BMP "\x36\0\0\0" INFO TWO_BY "\1\0" "\x8\0" "\1\0\0\0"
                "\3\0\0\0" "\0\0\0\0\0\0\0\0" "\0\0\0\0\0\0\0\0" "123"),
      "BMP 2x1 of 57" },
    { "packed into nothing",
      jm_string(BMP "\x36\0\0\0" INFO TWO_BY "\1\0" "\x8\0" "\1\0\0\0"
                "\0\0\0\0" "????????" "????????"),
      BAD("BMP") },
    { "another header",
      jm_string(BMP "\x36\0\0\0" "\x27\0\0\0" TWO_BY RGB "12345678"),
      BAD("BMP") },
    { "pixels within the header",
      jm_string(BMP "\x35\0\0\0" INFO TWO_BY RGB "12345678"), BAD("BMP") },
    { "too many bits",
      jm_string(BMP "\x36\0\0\0" INFO TWO_BY "\1\0" "\x40\0" "\0\0\0\0"
                "????????????"),
      BAD("BMP") },
    { "a side below 0",
      jm_string(BMP "\x36\0\0\0" INFO "\xff\xff\xff\xff" "\1\0\0\0" RGB),
      "! is 4294967295x1: it has to have 1 to 36000000 pixels" },

    { "a lossy WebP", jm_string(RIFF("\x1a") "VP8 " "\xe\0\0\0" LOSSY),
      "WebP 5x3 of 34" },
    { "a lossless one",
      jm_string(RIFF("\x1a") "VP8L" "\xe\0\0\0" "\x2f" "\x04\x80\0\0"
                "?????????"),
      "WebP 5x3 of 34" },
    { "one with more",
      jm_string(RIFF("\x1a") "VP8X" "\xa\0\0\0" "\0\0\0\0" "\4\0\0\2\0\0"
                "????"),
      "WebP 5x3 of 34" },
    { "RIFF of less", jm_string(RIFF("\x15") "VP8 " "\1\0\0\0" LOSSY),
      BAD("WebP") },
    { "a chunk of more", jm_string(RIFF("\x1a") "VP8 " "\xf\0\0\0" LOSSY),
      BAD("WebP") },
    { "another chunk", jm_string(RIFF("\x1a") "ALPH" "\xe\0\0\0" LOSSY),
      BAD("WebP") },
    { "no key frame",
      jm_string(RIFF("\x1a") "VP8 " "\xe\0\0\0" "\1\0\0" "\x9d\1\x2a"
                "\5\0\3\0" "????"),
      BAD("WebP") },
    { "no frame",
      jm_string(RIFF("\x1a") "VP8 " "\xe\0\0\0" "\0\0\0" "\x9d\1\x2b"
                "\5\0\3\0" "????"),
      BAD("WebP") },
    { "another RIFF", jm_string("RIFF" "\x1a\0\0\0" "WAVE" "fmt "), UNKNOWN },

    { "a TIFF", jm_string(II "\3\0" WIDTH HEIGHT STRIP("\x8")),
      "TIFF 5x3 of 50" },
    { "its strip behind the directory",
      jm_string(II "\4\0" WIDTH HEIGHT STRIP("\x42") LENGTH "????1234"),
      "TIFF 5x3 of 70" },
    { "several strips",
      jm_string(II "\3\0" WIDTH HEIGHT "\x11\1" "\4\0" "\2\0\0\0" "????"),
      "TIFF 5x3 of 50" },
    { "the high byte first",
      jm_string("MM\0*" "\0\0\0\x08" "\0\3"
                "\1\0" "\0\3" "\0\0\0\1" "\0\5??"
                "\1\1" "\0\4" "\0\0\0\1" "\0\0\0\3"
                "\1\x44" "\0\4" "\0\0\0\1" "\0\0\0\x08"),
      "TIFF 5x3 of 46" },
    { "no height", jm_string(II "\2\0" WIDTH STRIP("\x8")),
      "! is 5x0: it has to have 1 to 36000000 pixels" },
    { "no pixels", jm_string(II "\2\0" WIDTH HEIGHT), BAD("TIFF") },
    { "no entries", jm_string(II "\0\0"), BAD("TIFF") },
    { "a directory in the header", jm_string("II*\0" "\7\0\0\0"),
      BAD("TIFF") },
    { "a big TIFF", jm_string("II+\0" "\x8\0\0\0"), UNKNOWN },

    { "a HEIC", jm_string(FTYP META MDAT), "HEIC 0x0 of 42" },
    { "the other way round", jm_string(FTYP MDAT META "????"),
      "HEIC 0x0 of 42" },
    { "data to the end", jm_string(FTYP META "\0\0\0\0" "mdat" "xx"),
      "HEIC 0x0 of 40" },
    { "a long size",
      jm_string(FTYP META "\0\0\0\1" "mdat" "\0\0\0\0\0\0\0\x12" "xx"),
      "HEIC 0x0 of 50" },
    { "another box", jm_string(FTYP "\0\0\0\x8" "free" META MDAT),
      "HEIC 0x0 of 50" },
    { "only what it is", jm_string(FTYP META), CUT("HEIC") },
    { "only data", jm_string(FTYP MDAT), CUT("HEIC") },
    { "no end of what it is", jm_string(FTYP "\0\0\0\0" "meta"),
      BAD("HEIC") },
    { "a box of nothing", jm_string(FTYP "\0\0\0\7" "free"), BAD("HEIC") },
    { "a long box of nothing",
      jm_string(FTYP "\0\0\0\1" "free" "\0\0\0\0\0\0\0\x0f"), BAD("HEIC") },
    { "a brand of nothing", jm_string("\0\0\0\xb" "ftyp" "heic"),
      BAD("HEIC") },
    { "an AVIF", jm_string("\0\0\0\x14" "ftyp" "avif" "????????"), UNKNOWN },
    { "a film", jm_string("\0\0\0\x14" "ftyp" "isom" "????????"), UNKNOWN },

    { "a page", jm_string("<!doctype html>"), UNKNOWN },
    { "four bytes", jm_string("abcd"), UNKNOWN },
    { "one byte", jm_string("G"), UNKNOWN },
    { "nothing", jm_null_string, "! is empty" }
};


static jm_picture_t  p;
static char          outcome[160];


static jm_rc_e
add(jm_str_t bytes, const char **why)
{
    jm_rc_e  rc;

    bytes = exact(bytes);
    rc = jm_picture_add(&p, bytes, why);
    exact_done(bytes);

    return rc;
}


/* in two pieces, or byte by byte where cut is behind the end */

static const char *
outcome_of(jm_str_t bytes, size_t cut, unsigned types)
{
    size_t       i, n;
    jm_rc_e      rc;
    jm_str_t     piece;
    const char  *why;

    static const char *const  names[] = {
        "?", "JPEG", "PNG", "WebP", "GIF", "BMP", "TIFF", "HEIC"
    };

    jm_picture_init(&p, 1000000);
    p.types = types;
    p.max_pixels = 36000000;
    p.max_ratio = 16;

    rc = JM_OK;
    why = "";

    for (i = 0; i < bytes.len && rc == JM_OK; i += n) {
        n = cut > bytes.len ? 1 : i < cut ? cut : bytes.len - i;
        piece.len = n;
        piece.data = bytes.data + i;
        rc = add(piece, &why);
    }

    if (rc == JM_OK) {
        rc = jm_picture_end(&p, &why);
    }

    if (rc == JM_OK) {
        (void) snprintf(outcome, sizeof(outcome), "%s %ux%u", names[p.type],
                        (unsigned) p.width, (unsigned) p.height);

    } else {
        (void) snprintf(outcome, sizeof(outcome), "! %s", why);
    }

    return outcome;
}


/* the fewest bytes that are taken */

static size_t
needed(jm_str_t bytes)
{
    while (bytes.len != 0) {
        bytes.len--;

        if (outcome_of(bytes, 0, JM_PICTURE_ANY)[0] == '!') {
            return bytes.len + 1;
        }
    }

    return 0;
}


static void
test_pictures(void)
{
    char                   text[sizeof(outcome) + 32];
    size_t                 i, cut, bad;
    const picture_case_t  *c;

    for (i = 0; i < jm_nitems(picture_cases); i++) {
        c = &picture_cases[i];

        (void) snprintf(text, sizeof(text), "%s",
                        outcome_of(c->bytes, 0, JM_PICTURE_ANY));

        bad = 0;

        for (cut = 1; cut <= c->bytes.len + 1; cut++) {
            bad += strcmp(outcome_of(c->bytes, cut, JM_PICTURE_ANY), text)
                   != 0;
        }

        is_int((int64_t) bad, 0, "%s: in pieces", c->what);

        if (text[0] != '!') {
            (void) snprintf(text + strlen(text), 32, " of %zu",
                            needed(c->bytes));
        }

        is_cstr(text, c->expected, "%s", c->what);
    }
}


/* what a model does not take it does not know */

static void
test_types(void)
{
    size_t  i;

    static const jm_str_t  others[] = {
        jm_string(GIF GIF_IN ";"), jm_string(RIFF("\x1a") "VP8 "),
        jm_string(BMP), jm_string(II), jm_string("MM\0*" "\0\0\0\x08"),
        jm_string(FTYP META MDAT)
    };

    for (i = 0; i < jm_nitems(others); i++) {
        is_cstr(outcome_of(others[i], 0, JM_PICTURE_USUAL),
                "! is neither a JPEG nor a PNG", "another type, %zu", i);
    }

    jm_picture_init(&p, 1000);
    ok(p.types == JM_PICTURE_USUAL && p.max_pixels == 0
       && p.max_ratio == JM_PICTURE_RATIO, "unless it says otherwise");
}


int
main(void)
{
    test_pictures();
    test_types();

    return done_testing();
}
