
/*
 * Pictures: type, size and limits from their bytes.  Each is read at once, in
 * two pieces cut at every point, and byte by byte: with the same result,
 * written as "JPEG 3x2", or as "! why".
 *
 * Seen failing with each of these taken out of the reader: the skipping of a
 * segment, the fill bytes, the markers without a segment, DHT, JPG and DAC
 * among the frames' markers, the look at a segment's length, at IHDR's, at
 * either end of both sides' range, at the ratio, at the limit of bytes,
 * at SOI, EOI and SOS before a frame, at a chunk's type and length, at the
 * pixels before either end, at either end.
 */


#include "tap.h"
#include "jm_picture.h"


#define SOI      "\xff\xd8"
#define FRAME    "\x00\x0b\x08\x00\x02\x00\x03\x01\x01\x11\x00"
#define SOF      "\xff\xc0" FRAME
#define SOS      "\xff\xda\x00\x08\1\1\0\0\x3f\0"
#define EOI      "\xff\xd9"
#define TAIL     SOS "\1\2\3" EOI
#define PNG      "\x89PNG\r\n\x1a\n"
#define IHDR     PNG "\0\0\0\x0dIHDR"
#define HEAD     IHDR "\0\0\0\3\0\0\0\2" "\x08\2\0\0\0" "crc "
#define IDAT     "\0\0\0\1IDAT" "x" "crc "
#define IEND     "\0\0\0\0IEND" "crc "

#define UNKNOWN  "! is neither a JPEG nor a PNG"
#define BAD_JPEG "! is a damaged JPEG"
#define BAD_PNG  "! is a damaged PNG"
#define CUT_JPEG "! is a JPEG" CUT
#define CUT_PNG  "! is a PNG" CUT
#define CUT      " that is cut off: its end is missing; send all of it"


typedef struct {
    const char      *what;
    jm_str_t         bytes;
    const char      *expected;
} picture_case_t;

typedef struct {
    uint32_t         width;
    uint32_t         height;
    const char      *why;           /* NULL: can be used */
} sides_case_t;


/* libjpeg-turbo's: a progressive JPEG, of ten scans; libgd's PNG */

static const uint8_t  progressive[] = {
    0xff, 0xd8, 0xff, 0xe0, 0x00, 0x10, 0x4a, 0x46, 0x49, 0x46, 0x00, 0x01,
    0x01, 0x00, 0x00, 0x01, 0x00, 0x01, 0x00, 0x00, 0xff, 0xdb, 0x00, 0x43,
    0x00, 0x10, 0x0b, 0x0c, 0x0e, 0x0c, 0x0a, 0x10, 0x0e, 0x0d, 0x0e, 0x12,
    0x11, 0x10, 0x13, 0x18, 0x28, 0x1a, 0x18, 0x16, 0x16, 0x18, 0x31, 0x23,
    0x25, 0x1d, 0x28, 0x3a, 0x33, 0x3d, 0x3c, 0x39, 0x33, 0x38, 0x37, 0x40,
    0x48, 0x5c, 0x4e, 0x40, 0x44, 0x57, 0x45, 0x37, 0x38, 0x50, 0x6d, 0x51,
    0x57, 0x5f, 0x62, 0x67, 0x68, 0x67, 0x3e, 0x4d, 0x71, 0x79, 0x70, 0x64,
    0x78, 0x5c, 0x65, 0x67, 0x63, 0xff, 0xdb, 0x00, 0x43, 0x01, 0x11, 0x12,
    0x12, 0x18, 0x15, 0x18, 0x2f, 0x1a, 0x1a, 0x2f, 0x63, 0x42, 0x38, 0x42,
    0x63, 0x63, 0x63, 0x63, 0x63, 0x63, 0x63, 0x63, 0x63, 0x63, 0x63, 0x63,
    0x63, 0x63, 0x63, 0x63, 0x63, 0x63, 0x63, 0x63, 0x63, 0x63, 0x63, 0x63,
    0x63, 0x63, 0x63, 0x63, 0x63, 0x63, 0x63, 0x63, 0x63, 0x63, 0x63, 0x63,
    0x63, 0x63, 0x63, 0x63, 0x63, 0x63, 0x63, 0x63, 0x63, 0x63, 0x63, 0x63,
    0x63, 0x63, 0xff, 0xc2, 0x00, 0x11, 0x08, 0x00, 0x02, 0x00, 0x03, 0x03,
    0x01, 0x22, 0x00, 0x02, 0x11, 0x01, 0x03, 0x11, 0x01, 0xff, 0xc4, 0x00,
    0x15, 0x00, 0x01, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0xff, 0xc4, 0x00, 0x15,
    0x01, 0x01, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x04, 0xff, 0xda, 0x00, 0x0c, 0x03,
    0x01, 0x00, 0x02, 0x10, 0x03, 0x10, 0x00, 0x00, 0x01, 0x81, 0x61, 0xff,
    0xc4, 0x00, 0x16, 0x10, 0x01, 0x01, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x02, 0x12, 0xff,
    0xda, 0x00, 0x08, 0x01, 0x01, 0x00, 0x01, 0x05, 0x02, 0x64, 0xd7, 0xff,
    0xc4, 0x00, 0x14, 0x11, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xda, 0x00,
    0x08, 0x01, 0x03, 0x01, 0x01, 0x3f, 0x01, 0x7f, 0xff, 0xc4, 0x00, 0x17,
    0x11, 0x00, 0x03, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x02, 0x32, 0xff, 0xda, 0x00,
    0x08, 0x01, 0x02, 0x01, 0x01, 0x3f, 0x01, 0x8c, 0xa3, 0xff, 0xc4, 0x00,
    0x19, 0x10, 0x00, 0x01, 0x05, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x02, 0x21, 0x32, 0xb1,
    0xff, 0xda, 0x00, 0x08, 0x01, 0x01, 0x00, 0x06, 0x3f, 0x02, 0x74, 0x0b,
    0x1d, 0x5f, 0xff, 0xc4, 0x00, 0x19, 0x10, 0x00, 0x01, 0x05, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01,
    0x00, 0x11, 0x21, 0x31, 0x61, 0xff, 0xda, 0x00, 0x08, 0x01, 0x01, 0x00,
    0x01, 0x3f, 0x21, 0x25, 0xf3, 0x43, 0x5a, 0x5f, 0xff, 0xda, 0x00, 0x0c,
    0x03, 0x01, 0x00, 0x02, 0x00, 0x03, 0x00, 0x00, 0x00, 0x10, 0xf3, 0xff,
    0xc4, 0x00, 0x16, 0x11, 0x00, 0x03, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x31, 0xff,
    0xda, 0x00, 0x08, 0x01, 0x03, 0x01, 0x01, 0x3f, 0x10, 0x74, 0xff, 0xc4,
    0x00, 0x17, 0x11, 0x00, 0x03, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0xa1, 0xb1, 0xff,
    0xda, 0x00, 0x08, 0x01, 0x02, 0x01, 0x01, 0x3f, 0x10, 0x99, 0x61, 0xff,
    0xc4, 0x00, 0x19, 0x10, 0x01, 0x00, 0x02, 0x03, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x11, 0x21,
    0x71, 0x81, 0xff, 0xda, 0x00, 0x08, 0x01, 0x01, 0x00, 0x01, 0x3f, 0x10,
    0xc3, 0x88, 0x4b, 0x2d, 0x00, 0x06, 0x80, 0x0e, 0x4f, 0xff, 0xd9
};


static const uint8_t  gd_png[] = {
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d,
    0x49, 0x48, 0x44, 0x52, 0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00, 0x02,
    0x08, 0x02, 0x00, 0x00, 0x00, 0x12, 0x16, 0xf1, 0x4d, 0x00, 0x00, 0x00,
    0x09, 0x70, 0x48, 0x59, 0x73, 0x00, 0x00, 0x0e, 0xc4, 0x00, 0x00, 0x0e,
    0xc4, 0x01, 0x95, 0x2b, 0x0e, 0x1b, 0x00, 0x00, 0x00, 0x15, 0x49, 0x44,
    0x41, 0x54, 0x08, 0x99, 0x63, 0x3c, 0x21, 0x27, 0xc7, 0xc0, 0xc0, 0xc0,
    0xc0, 0xc0, 0xc0, 0xc4, 0x00, 0x03, 0x00, 0x13, 0x2e, 0x01, 0x08, 0x69,
    0x87, 0xcf, 0xbb, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae,
    0x42, 0x60, 0x82
};


static const picture_case_t  picture_cases[] = {
    { "a progressive JPEG", { sizeof(progressive), progressive }, "JPEG 3x2" },
    { "libgd's PNG", { sizeof(gd_png), gd_png }, "PNG 3x2" },

    { "SOF1", jm_string(SOI "\xff\xc1" FRAME TAIL), "JPEG 3x2" },
    { "SOF2", jm_string(SOI "\xff\xc2" FRAME TAIL), "JPEG 3x2" },
    { "SOF3", jm_string(SOI "\xff\xc3" FRAME TAIL), "JPEG 3x2" },
    { "SOF9", jm_string(SOI "\xff\xc9" FRAME TAIL), "JPEG 3x2" },
    { "SOF15", jm_string(SOI "\xff\xcf" FRAME TAIL), "JPEG 3x2" },
    { "DHT is no frame",
      jm_string(SOI "\xff\xc4\x00\x09\1\2\3\4\5\6\7" SOF TAIL), "JPEG 3x2" },
    { "JPG is none",
      jm_string(SOI "\xff\xc8\x00\x09\1\2\3\4\5\6\7" SOF TAIL), "JPEG 3x2" },
    { "DAC is none",
      jm_string(SOI "\xff\xcc\x00\x09\1\2\3\4\5\6\7" SOF TAIL), "JPEG 3x2" },
    { "a frame in a comment",
      jm_string(SOI "\xff\xfe\x00\x0f\xff\xc0\x00\x0b\x08\x10\x00\x10\x00\1\1"
                "\x11\x00" SOF TAIL),
      "JPEG 3x2" },
    { "an empty comment", jm_string(SOI "\xff\xfe\x00\x02" SOF TAIL),
      "JPEG 3x2" },
    { "fill bytes",
      jm_string(SOI "\xff\xff\xff\xfe\x00\x03x\xff\xff" SOF "\xff" SOS
                "\xff\xff" EOI),
      "JPEG 3x2" },
    { "markers that are without a segment",
      jm_string(SOI "\xff\x01\xff\xd0\xff\xd7" SOF TAIL), "JPEG 3x2" },
    { "bytes between the segments",
      jm_string(SOI "\xff\xfe\x00\x02\0\1\2\xff\x00\3" SOF TAIL),
      "JPEG 3x2" },
    { "only the first frame counts",
      jm_string(SOI SOF "\xff\xc0\x00\x0b\x08\x50\x00\x50\x00\1\1\x11\x00"
                TAIL),
      "JPEG 3x2" },
    { "a frame that is longer than it need be",
      jm_string(SOI "\xff\xc0\x00\x0d\x08\x00\x02\x00\x03\1\1\xff\xd9\1\1"
                TAIL),
      "JPEG 3x2" },
    { "pixels of 0xff, and restarts",
      jm_string(SOI SOF SOS "\xff\x00\xff\xd0\xff\x00\x00\xff\xd7\xd9" EOI),
      "JPEG 3x2" },
    { "two scans, tables between them",
      jm_string(SOI SOF SOS "\1\xff\xc4\x00\x05\xff\xd9\1" TAIL), "JPEG 3x2" },
    { "zeros behind the end", jm_string(SOI SOF TAIL "\0\0\0\0"),
      "JPEG 3x2" },
    { "another picture behind it", jm_string(SOI SOF TAIL SOI "\xff\xd8"),
      "JPEG 3x2" },

    { "a JPEG of SOI alone", jm_string(SOI), UNKNOWN },
    { "SOI, and no marker", jm_string(SOI "\x00\xc0" FRAME), UNKNOWN },
    { "half a SOI", jm_string("\xff"), UNKNOWN },
    { "SOI and half a marker", jm_string(SOI "\xff"), CUT_JPEG },
    { "half a frame", jm_string(SOI "\xff\xc0\x00\x0b\x08\x00\x02\x00"),
      CUT_JPEG },
    { "a frame alone", jm_string(SOI SOF), CUT_JPEG },
    { "a frame and half of SOS", jm_string(SOI SOF "\xff\xda\x00"), CUT_JPEG },
    { "a scan without end", jm_string(SOI SOF SOS "\1\2\3"), CUT_JPEG },
    { "half an end", jm_string(SOI SOF SOS "\1\2\3\xff"), CUT_JPEG },
    { "an end within the pixels' 0xff",
      jm_string(SOI SOF SOS "\1\xff\x00\xd9"), CUT_JPEG },
    { "an end within the scan's own segment",
      jm_string(SOI SOF "\xff\xda\x00\x08" EOI EOI EOI "\1\2"), CUT_JPEG },
    { "a segment without end", jm_string(SOI "\xff\xfe\xff\xff" SOF TAIL),
      CUT_JPEG },
    { "a segment that ends the JPEG", jm_string(SOI "\xff\xfe\x00\x02"),
      CUT_JPEG },
    { "a second SOI", jm_string(SOI "\xff\xd8\x00\x02" SOF TAIL), BAD_JPEG },
    { "one within a scan", jm_string(SOI SOF SOS "\1" SOI SOF TAIL),
      BAD_JPEG },
    { "EOI before a frame", jm_string(SOI "\xff\xd9\x00\x02" SOF TAIL),
      BAD_JPEG },
    { "EOI before a scan", jm_string(SOI SOF EOI TAIL), BAD_JPEG },
    { "SOS before a frame", jm_string(SOI SOS SOF TAIL), BAD_JPEG },
    { "a segment's length of 1", jm_string(SOI "\xff\xfe\x00\x01" SOF TAIL),
      BAD_JPEG },
    { "a segment's length of 0", jm_string(SOI "\xff\xfe\x00\x00" SOF TAIL),
      BAD_JPEG },
    { "a frame that is too short",
      jm_string(SOI "\xff\xc0\x00\x06\x08\x00\x02\x00\x03" TAIL), BAD_JPEG },
    { "a frame without a height",
      jm_string(SOI "\xff\xc0\x00\x0b\x08\0\0\0\3"),
      "! is 3x0: each side has to be 1 to 4096 pixels" },

    { "a PNG", jm_string(HEAD IDAT IEND), "PNG 3x2" },
    { "one of several chunks",
      jm_string(HEAD "\0\0\0\0tEXtcrc \0\0\0\x08prIV" IEND IDAT IDAT IEND),
      "PNG 3x2" },
    { "bytes behind its end", jm_string(HEAD IDAT IEND "more"), "PNG 3x2" },
    { "a PNG that ends behind its sides",
      jm_string(IHDR "\0\0\0\3\0\0\0\2"), CUT_PNG },
    { "one that ends in them", jm_string(IHDR "\0\0\0\3\0\0\0"), CUT_PNG },
    { "one of a header alone", jm_string(HEAD), CUT_PNG },
    { "one that ends within its pixels", jm_string(HEAD "\0\0\0\1IDATxcrc"),
      CUT_PNG },
    { "one without an end", jm_string(HEAD IDAT), CUT_PNG },
    { "one that ends in the last checksum",
      jm_string(HEAD IDAT "\0\0\0\0IENDcrc"), CUT_PNG },
    { "a chunk longer than the file",
      jm_string(HEAD "\x7f\xff\xff\xffIDAT" IDAT IEND), CUT_PNG },
    { "an end within a chunk", jm_string(HEAD "\0\0\0\x10IDAT" IEND "crc"),
      CUT_PNG },
    { "a chunk longer than any may be",
      jm_string(HEAD "\x80\0\0\0IDAT" IDAT IEND), BAD_PNG },
    { "a chunk whose type is none",
      jm_string(HEAD IDAT "\0\0\0\0IEN\0crc " IEND), BAD_PNG },
    { "an end with data in it", jm_string(HEAD IDAT "\0\0\0\1IENDxcrc "),
      BAD_PNG },
    { "a PNG without pixels", jm_string(HEAD IEND), BAD_PNG },
    { "a signature", jm_string(PNG), CUT_PNG },
    { "half a signature", jm_string("\x89PNG\r\n\x1a"), UNKNOWN },
    { "a signature that a transfer as text changed",
      jm_string("\x89PNG\n\x1a\n\0\0\0\x0dIHDR\0\0\0\3\0\0\0\2"), UNKNOWN },
    { "a PNG with another chunk first",
      jm_string(PNG "\0\0\0\4CgBI\0\0\0\0\0\0\0\0\0\0\0\x0dIHDR"), BAD_PNG },
    { "an IHDR of another length",
      jm_string(PNG "\0\0\0\x0eIHDR\0\0\0\3\0\0\0\2"), BAD_PNG },
    { "sides of 32 bits", jm_string(IHDR "\xff\xff\xff\xff\xff\xff\xff\xfe"),
      "! is 4294967295x4294967294: each side has to be 1 to 4096 pixels" },
    { "a side whose double does not fit into 32 bits",
      jm_string(IHDR "\x55\x55\x55\x56\0\0\0\2"),
      "! is 1431655766x2: each side has to be 1 to 4096 pixels" },

    { "nothing", jm_null_string, "! is empty" },
    { "a zero", jm_string("\0"), UNKNOWN },
    { "a GIF", jm_string("GIF89a\2\0\2\0"), UNKNOWN },
    { "a WebP", jm_string("RIFF\x24\0\0\0WEBPVP8 "), UNKNOWN },
    { "text", jm_string("https://example.com/a.png"), UNKNOWN }
};


static const sides_case_t  sides_cases[] = {
    { 1, 1, NULL },
    { 1, 3, NULL },
    { 3, 1, NULL },
    { 4096, 4096, NULL },
    { 4096, 1366, NULL },
    { 1366, 4096, NULL },
    { 300, 100, NULL },
    { 100, 300, NULL },

    { 0, 1, "each side has to be 1 to 4096 pixels" },
    { 1, 0, "each side has to be 1 to 4096 pixels" },
    { 4097, 4096, "each side has to be 1 to 4096 pixels" },
    { 4096, 4097, "each side has to be 1 to 4096 pixels" },
    { 65535, 65535, "each side has to be 1 to 4096 pixels" },
    { 1, 4, "width/height has to be within 1/3 to 3" },
    { 4, 1, "width/height has to be within 1/3 to 3" },
    { 301, 100, "width/height has to be within 1/3 to 3" },
    { 100, 301, "width/height has to be within 1/3 to 3" },
    { 4096, 1365, "width/height has to be within 1/3 to 3" },
    { 1365, 4096, "width/height has to be within 1/3 to 3" }
};


static jm_picture_t  p;


/* the piece ends where its memory does: a read beyond it is ASan's to see */

static jm_rc_e
add(jm_str_t bytes, size_t from, size_t to, const char **why)
{
    jm_rc_e   rc;
    jm_str_t  piece;

    piece.data = bytes.data + from;
    piece.len = to - from;

    piece = exact(piece);
    rc = jm_picture_add(&p, piece, why);
    exact_done(piece);

    return rc;
}


/* what a reading came to; an error must stay */

static const char *
result(jm_rc_e rc, const char *why)
{
    const char   *again;
    static char   got[256];

    if (rc == JM_OK) {
        rc = jm_picture_end(&p, &why);
    }

    if (rc == JM_OK) {
        (void) snprintf(got, sizeof(got), "%s %ux%u",
                        p.type == JM_PICTURE_JPEG ? "JPEG"
                        : p.type == JM_PICTURE_PNG ? "PNG" : "?",
                        p.width, p.height);
        return got;
    }

    again = NULL;

    if (rc != JM_INVALID || add(str(SOI SOF), 0, 2, &again) != rc
        || again != why || jm_picture_end(&p, &again) != rc || again != why)
    {
        why = "it did not last";
    }

    (void) snprintf(got, sizeof(got), "! %s", why);

    return got;
}


static void
is_picture(jm_str_t bytes, size_t max, const char *expected, const char *what)
{
    size_t       i, bad;
    jm_rc_e      rc;
    const char  *why;

    why = NULL;

    jm_picture_init(&p, max);
    rc = add(bytes, 0, bytes.len, &why);
    is_cstr(result(rc, why), expected, "%s", what);

    for (i = 0, bad = 0; i <= bytes.len; i++) {
        jm_picture_init(&p, max);

        rc = add(bytes, 0, i, &why);

        if (rc == JM_OK) {
            rc = add(bytes, i, bytes.len, &why);
        }

        bad += strcmp(result(rc, why), expected) != 0;
    }

    is_int((int64_t) bad, 0, "%s: cut at every point", what);

    jm_picture_init(&p, max);

    for (i = 0, rc = JM_OK; i < bytes.len && rc == JM_OK; i++) {
        rc = add(bytes, i, i + 1, &why);
    }

    is_cstr(result(rc, why), expected, "%s: byte by byte", what);
}


static void
test_pictures(void)
{
    size_t                 i;
    const picture_case_t  *c;

    for (i = 0; i < jm_nitems(picture_cases); i++) {
        c = &picture_cases[i];
        is_picture(c->bytes, JM_PICTURE_BYTES, c->expected, c->what);
    }
}


static void
test_sides(void)
{
    size_t               i;
    uint8_t              jpeg[] = SOI SOF TAIL, png[] = HEAD IDAT IEND;
    jm_str_t             s;
    char                 size[32], expected[128];
    const sides_case_t  *c;

    for (i = 0; i < jm_nitems(sides_cases); i++) {
        c = &sides_cases[i];

        (void) snprintf(size, sizeof(size), "%ux%u", c->width, c->height);

        jpeg[7] = (uint8_t) (c->height >> 8);
        jpeg[8] = (uint8_t) c->height;
        jpeg[9] = (uint8_t) (c->width >> 8);
        jpeg[10] = (uint8_t) c->width;

        png[18] = (uint8_t) (c->width >> 8);
        png[19] = (uint8_t) c->width;
        png[22] = (uint8_t) (c->height >> 8);
        png[23] = (uint8_t) c->height;

        s.data = jpeg;
        s.len = sizeof(jpeg) - 1;
        (void) snprintf(expected, sizeof(expected),
                        c->why == NULL ? "JPEG %s" : "! is %s: %s", size,
                        c->why);
        is_picture(s, JM_PICTURE_BYTES, expected, size);

        s.data = png;
        s.len = sizeof(png) - 1;
        (void) snprintf(expected, sizeof(expected),
                        c->why == NULL ? "PNG %s" : "! is %s: %s", size,
                        c->why);
        is_picture(s, JM_PICTURE_BYTES, expected, size);
    }
}


/* EXIF with a thumbnail in it, a JPEG too, and an ICC profile in pieces */

static void
test_segments(void)
{
    size_t          n;
    jm_str_t        s;
    const char     *why;
    static uint8_t  data[200000];

    static const char  exif[] = "Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0";
    static const char  thumbnail[] = SOI "\xff\xc0\x00\x0b\x08\x50\x00\x50\x00"
                                     "\1\1\x11\x00\xff\xda\x00\x02\xff\xd9";

    memcpy(data, SOI "\xff\xe1\x10\x00", 6);
    n = 6;
    memcpy(data + n, exif, sizeof(exif) - 1);
    memcpy(data + n + sizeof(exif) - 1, thumbnail, sizeof(thumbnail) - 1);
    n += 0x1000 - 2;
    memcpy(data + n, SOF TAIL, sizeof(SOF TAIL) - 1);
    n += sizeof(SOF TAIL) - 1;

    s.data = data;
    s.len = n;
    is_picture(s, JM_PICTURE_BYTES, "JPEG 3x2", "EXIF with a thumbnail");

    /* the longest segments there are, of bytes that look like markers */

    for (n = 2; n < 180000; n += 65537) {
        memset(data + n, 0xff, 65537);
        memcpy(data + n, "\xff\xe2\xff\xff", 4);
        memcpy(data + n + 1000, thumbnail, sizeof(thumbnail) - 1);
    }

    memcpy(data + n, SOF TAIL, sizeof(SOF TAIL) - 1);
    n += sizeof(SOF TAIL) - 1;

    jm_picture_init(&p, JM_PICTURE_BYTES);

    for (s.data = data, s.len = 0; s.data != data + n; s.data += s.len) {
        s.len = (s.len * 7 + 3) % 4099;
        s.len = jm_min(s.len, (size_t) (data + n - s.data));
        s.len = jm_max(s.len, 1);
        (void) jm_picture_add(&p, s, &why);
    }

    is_cstr(result(JM_OK, NULL), "JPEG 3x2", "segments of 64 KB");
    is_int((int64_t) p.bytes, (int64_t) n, "and so many bytes");
}


/* however little is missing of a picture, it is missed */

static void
test_cut(void)
{
    size_t      i, k, bad;
    jm_rc_e     rc;
    jm_str_t    s;
    const char  *why;

    static const jm_str_t  whole[] = {
        { sizeof(progressive), progressive }, { sizeof(gd_png), gd_png }
    };

    for (i = 0; i < jm_nitems(whole); i++) {
        bad = 0;

        for (k = 0; k < whole[i].len; k++) {
            s = whole[i];
            s.len = k;

            jm_picture_init(&p, JM_PICTURE_BYTES);
            rc = add(s, 0, k, &why);
            bad += rc != JM_OK || jm_picture_end(&p, &why) != JM_INVALID;
        }

        is_int((int64_t) bad, 0, "%zu bytes of a picture are needed", k);
    }
}


/* the limit of bytes, and how it is written */

static void
test_bytes(void)
{
    size_t           i, max;
    jm_rc_e          rc;
    jm_str_t         rest;
    const char      *why;
    char             expected[64];
    static uint8_t   zeros[JM_PICTURE_BYTES];

    static const struct {
        size_t       max;
        const char  *text;
    } limits[] = {
        { JM_PICTURE_BYTES, "15" },
        { 4928307, "4.7" },
        { 1048576, "1" },
        { 1100000, "1" },
        { 1153434, "1.1" }
    };

    for (i = 0; i < jm_nitems(limits); i++) {
        max = limits[i].max;
        (void) snprintf(expected, sizeof(expected), "! has more than %s MB",
                        limits[i].text);

        jm_picture_init(&p, max);
        rest.data = gd_png;
        rest.len = sizeof(gd_png);
        rc = jm_picture_add(&p, rest, &why);
        rest.data = zeros;
        rest.len = max - sizeof(gd_png);
        rc |= jm_picture_add(&p, rest, &why);
        is_int((int64_t) p.bytes, (int64_t) max, "all bytes are counted");
        is_cstr(result(rc, NULL), "PNG 3x2", "as many as may be");

        rest.len = 1;
        rc = jm_picture_add(&p, rest, &why);
        is_int(rc, JM_INVALID, "one more is too many");
        is_cstr(result(rc, why), expected, "which it says");
    }

    /* a limit within the header: no piece's end makes a difference */

    rest.data = gd_png;
    rest.len = sizeof(gd_png);
    is_picture(rest, 23, "! has more than 0 MB", "a limit before the size");
    is_picture(rest, sizeof(gd_png), "PNG 3x2", "a limit that is just met");
    is_picture(rest, 0, "! has more than 0 MB", "a limit of nothing");

    rest.data = (const uint8_t *) IHDR "\0\0\0\4\0\0\0\1";
    rest.len = 24;
    is_picture(rest, 23, "! has more than 0 MB", "a limit before bad sides");
    is_picture(rest, 24, "! is 4x1: width/height has to be within 1/3 to 3",
               "a limit behind bad sides");

    rest = str("GIF89a");
    is_picture(rest, 3, UNKNOWN, "what is none is so whatever its length");
}


/* what is known when: as soon as it can be */

static void
test_soon(void)
{
    size_t       i;
    jm_str_t     s;
    const char  *why;

    s.len = 1;
    jm_picture_init(&p, JM_PICTURE_BYTES);

    for (i = 0; i < 24; i++) {
        ok(p.width == 0 && p.height == 0, "%zu bytes of a PNG: no size", i);
        is_int(p.type, i < 8 ? JM_PICTURE_UNKNOWN : JM_PICTURE_PNG,
               "and the type");

        s.data = gd_png + i;
        (void) jm_picture_add(&p, s, &why);
    }

    ok(p.width == 3 && p.height == 2, "24 bytes of a PNG: its size");

    jm_picture_init(&p, JM_PICTURE_BYTES);
    is_int(jm_picture_add(&p, str("G"), &why), JM_INVALID,
           "a byte that neither begins with");
}


static void
test_base64(void)
{
    is_int(jm_picture_of_base64(str("/")), JM_PICTURE_JPEG, "FF is a JPEG's");
    is_int(jm_picture_of_base64(str("/9j/4AAQ")), JM_PICTURE_JPEG, "as here");
    is_int(jm_picture_of_base64(str("iVBORw0KGgo")), JM_PICTURE_PNG, "a PNG");
    is_int(jm_picture_of_base64(str("UklGR")), JM_PICTURE_UNKNOWN, "neither");
    is_int(jm_picture_of_base64(str("")), JM_PICTURE_UNKNOWN, "nothing");
}


int
main(void)
{
    test_pictures();
    test_sides();
    test_segments();
    test_cut();
    test_bytes();
    test_soon();
    test_base64();

    return done_testing();
}
