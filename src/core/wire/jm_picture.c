
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * The type, the size and the end of a picture, from its bytes.
 */


#include "jm_picture.h"

#include <inttypes.h>
#include <stdio.h>


#define JM_PICTURE_MB           1048576

/* a JPEG begins with SOI and the first byte of another marker */

#define JM_PICTURE_SOI_LEN      3

/* a PNG: its signature; length and type of IHDR; the sides in there */

#define JM_PICTURE_PNG_LEN      8
#define JM_PICTURE_IHDR_LEN     16
#define JM_PICTURE_SIDES_LEN    24

/* what is left of IHDR; of any chunk: length and type, and its checksum */

#define JM_PICTURE_IHDR_REST    9
#define JM_PICTURE_CHUNK_LEN    8
#define JM_PICTURE_CRC_LEN      4
#define JM_PICTURE_CHUNK_MAX    0x7fffffff

/* a segment: its length; of a frame also precision, height and width */

#define JM_PICTURE_SEGMENT_LEN  2
#define JM_PICTURE_FRAME_LEN    7


static void jm_picture_start(jm_picture_t *p, uint8_t c);
static const uint8_t *jm_picture_png(jm_picture_t *p, const uint8_t *s,
    const uint8_t *end);
static void jm_picture_chunk(jm_picture_t *p, uint8_t c);
static const uint8_t *jm_picture_jpeg(jm_picture_t *p, const uint8_t *s,
    const uint8_t *end);
static void jm_picture_marker(jm_picture_t *p, uint8_t c);
static void jm_picture_segment(jm_picture_t *p, uint8_t c);
static const uint8_t *jm_picture_skip(jm_picture_t *p, const uint8_t *s,
    const uint8_t *end, jm_picture_state_e next);
static void jm_picture_sides(jm_picture_t *p, uint32_t width, uint32_t height);
static void jm_picture_too_big(jm_picture_t *p);
static void jm_picture_bad(jm_picture_t *p, const char *why);
static uint32_t jm_picture_number(const uint8_t *s, size_t len);


static const char  jm_picture_soi[] = "\xff\xd8\xff";
static const char  jm_picture_ihdr[] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

static const char  jm_picture_unknown[] = "is neither a JPEG nor a PNG";
static const char  jm_picture_bad_jpeg[] = "is a damaged JPEG";
static const char  jm_picture_bad_png[] = "is a damaged PNG";
static const char  jm_picture_cut_jpeg[] =
    "is a JPEG that is cut off: its end is missing; send all of it";
static const char  jm_picture_cut_png[] =
    "is a PNG that is cut off: its end is missing; send all of it";


void
jm_picture_init(jm_picture_t *p, size_t max_bytes)
{
    memset(p, 0, sizeof(jm_picture_t));

    p->max_bytes = max_bytes;
    p->max_ratio = JM_PICTURE_RATIO;
}


jm_rc_e
jm_picture_add(jm_picture_t *p, jm_str_t piece, const char **why)
{
    size_t          room;
    const uint8_t  *s, *end;

    if (piece.len != 0 && p->state != JM_PICTURE_BAD) {

        /* what is over the limit is not looked at, wherever pieces end */

        room = p->max_bytes - (size_t) p->bytes;
        end = piece.data + jm_min(piece.len, room);

        for (s = piece.data; s != end; /* void */) {

            if (p->state == JM_PICTURE_START) {
                jm_picture_start(p, *s++);

            } else if (p->state >= JM_PICTURE_WHOLE) {
                break;

            } else if (p->type == JM_PICTURE_PNG) {
                s = jm_picture_png(p, s, end);

            } else {
                s = jm_picture_jpeg(p, s, end);
            }
        }

        p->bytes += piece.len;

        if (p->bytes > p->max_bytes && p->state != JM_PICTURE_BAD) {
            jm_picture_too_big(p);
        }
    }

    if (p->state == JM_PICTURE_BAD) {
        *why = p->bad;
        return JM_INVALID;
    }

    return JM_OK;
}


jm_rc_e
jm_picture_end(jm_picture_t *p, const char **why)
{
    if (p->state == JM_PICTURE_WHOLE) {
        return JM_OK;
    }

    if (p->bytes == 0) {
        jm_picture_bad(p, "is empty");

    } else if (p->state != JM_PICTURE_BAD) {

        switch (p->type) {

        case JM_PICTURE_JPEG:
            jm_picture_bad(p, jm_picture_cut_jpeg);
            break;

        case JM_PICTURE_PNG:
            jm_picture_bad(p, jm_picture_cut_png);
            break;

        default:
            jm_picture_bad(p, jm_picture_unknown);
        }
    }

    *why = p->bad;

    return JM_INVALID;
}


jm_picture_type_e
jm_picture_of_base64(jm_str_t text)
{
    if (text.len == 0) {
        return JM_PICTURE_UNKNOWN;
    }

    switch (text.data[0]) {

    case '/':
        return JM_PICTURE_JPEG;

    case 'i':
        return JM_PICTURE_PNG;

    default:
        return JM_PICTURE_UNKNOWN;
    }
}


/* one byte of what tells the type, and of a PNG the size */

static void
jm_picture_start(jm_picture_t *p, uint8_t c)
{
    size_t  n;

    p->kept[p->nkept++] = c;
    n = p->nkept;

    if (n <= JM_PICTURE_SOI_LEN && memcmp(p->kept, jm_picture_soi, n) == 0) {

        if (n == JM_PICTURE_SOI_LEN) {
            p->type = JM_PICTURE_JPEG;
            p->state = JM_PICTURE_MARKER;
        }

        return;
    }

    if (memcmp(p->kept, jm_picture_ihdr, jm_min(n, JM_PICTURE_IHDR_LEN))
        != 0)
    {
        jm_picture_bad(p, n <= JM_PICTURE_PNG_LEN ? jm_picture_unknown
                                                  : jm_picture_bad_png);
        return;
    }

    if (n == JM_PICTURE_PNG_LEN) {
        p->type = JM_PICTURE_PNG;

    } else if (n == JM_PICTURE_SIDES_LEN) {
        p->need = JM_PICTURE_IHDR_REST;
        p->state = JM_PICTURE_DATA;

        jm_picture_sides(p, jm_picture_number(p->kept + 16, 4),
                         jm_picture_number(p->kept + 20, 4));
    }
}


/* takes one step of a PNG, of as many bytes as that has */

static const uint8_t *
jm_picture_png(jm_picture_t *p, const uint8_t *s, const uint8_t *end)
{
    if (p->state == JM_PICTURE_CHUNK) {
        jm_picture_chunk(p, *s);
        return s + 1;
    }

    p->nkept = 0;

    return jm_picture_skip(p, s, end, p->last ? JM_PICTURE_WHOLE
                                              : JM_PICTURE_CHUNK);
}


/* one byte of a chunk's beginning (PNG, 5.3) */

static void
jm_picture_chunk(jm_picture_t *p, uint8_t c)
{
    size_t    i;
    uint8_t   letter;
    uint32_t  len;

    p->kept[p->nkept++] = c;

    if (p->nkept != JM_PICTURE_CHUNK_LEN) {
        return;
    }

    len = jm_picture_number(p->kept, 4);

    for (i = 4; i < JM_PICTURE_CHUNK_LEN; i++) {
        letter = p->kept[i] | 0x20;

        if (letter < 'a' || letter > 'z') {
            break;
        }
    }

    p->last = (memcmp(p->kept + 4, "IEND", 4) == 0);
    p->drawn |= (memcmp(p->kept + 4, "IDAT", 4) == 0);

    if (i != JM_PICTURE_CHUNK_LEN || len > JM_PICTURE_CHUNK_MAX
        || (p->last && (len != 0 || !p->drawn)))
    {
        jm_picture_bad(p, jm_picture_bad_png);
        return;
    }

    p->need = (size_t) len + JM_PICTURE_CRC_LEN;
    p->state = JM_PICTURE_DATA;
}


/* takes one step of a JPEG, of as many bytes as that has */

static const uint8_t *
jm_picture_jpeg(jm_picture_t *p, const uint8_t *s, const uint8_t *end)
{
    switch (p->state) {

    case JM_PICTURE_MARKER:
        jm_picture_marker(p, *s);
        return s + 1;

    case JM_PICTURE_SEGMENT:
        jm_picture_segment(p, *s);
        return s + 1;

    case JM_PICTURE_SKIP:
        return jm_picture_skip(p, s, end, JM_PICTURE_SCAN);

    default:

        /* pixels, or what belongs nowhere, and every decoder skips */

        s = memchr(s, 0xff, (size_t) (end - s));
        if (s == NULL) {
            return end;
        }

        p->state = JM_PICTURE_MARKER;

        return s + 1;
    }
}


/* the byte behind 0xFF; any number of them may be there to fill up */

static void
jm_picture_marker(jm_picture_t *p, uint8_t c)
{
    switch (c) {

    case 0xff:
        return;

    /* a byte of pixels, TEM, RST0 ... RST7: nothing belongs to them */

    case 0x00: case 0x01:
    case 0xd0: case 0xd1: case 0xd2: case 0xd3:
    case 0xd4: case 0xd5: case 0xd6: case 0xd7:
        p->state = JM_PICTURE_SCAN;
        return;

    /* SOI: that of a thumbnail is in a segment */

    case 0xd8:
        jm_picture_bad(p, jm_picture_bad_jpeg);
        return;

    /* EOI, and SOS, of which a picture may have several */

    case 0xd9:
        if (!p->drawn) {
            jm_picture_bad(p, jm_picture_bad_jpeg);
            return;
        }

        p->state = JM_PICTURE_WHOLE;
        return;

    case 0xda:
        if (p->width == 0) {
            jm_picture_bad(p, jm_picture_bad_jpeg);
            return;
        }

        p->drawn = 1;
        p->frame = 0;
        break;

    /* DHT, JPG and DAC have numbers amid those of the frames */

    case 0xc4: case 0xc8: case 0xcc:
        p->frame = 0;
        break;

    default:
        p->frame = (p->width == 0 && c >= 0xc0 && c <= 0xcf);
    }

    p->state = JM_PICTURE_SEGMENT;
    p->nkept = 0;
    p->need = p->frame ? JM_PICTURE_FRAME_LEN : JM_PICTURE_SEGMENT_LEN;
}


/* one byte of a segment's beginning; its length counts itself */

static void
jm_picture_segment(jm_picture_t *p, uint8_t c)
{
    uint32_t  len;

    p->kept[p->nkept++] = c;

    if (p->nkept != p->need) {
        return;
    }

    len = jm_picture_number(p->kept, 2);

    if (len < p->need) {
        jm_picture_bad(p, jm_picture_bad_jpeg);
        return;
    }

    p->need = len - p->need;
    p->state = (p->need == 0) ? JM_PICTURE_SCAN : JM_PICTURE_SKIP;

    if (p->frame) {
        jm_picture_sides(p, jm_picture_number(p->kept + 5, 2),
                         jm_picture_number(p->kept + 3, 2));
    }
}


/* goes over what is to be skipped, as far as it is there */

static const uint8_t *
jm_picture_skip(jm_picture_t *p, const uint8_t *s, const uint8_t *end,
    jm_picture_state_e next)
{
    size_t  n;

    n = jm_min(p->need, (size_t) (end - s));
    p->need -= n;

    if (p->need == 0) {
        p->state = next;
    }

    return s + n;
}


static void
jm_picture_sides(jm_picture_t *p, uint32_t width, uint32_t height)
{
    p->width = width;
    p->height = height;

    if (width == 0 || width > JM_PICTURE_SIDE
        || height == 0 || height > JM_PICTURE_SIDE)
    {
        (void) snprintf(p->why, sizeof(p->why),
                        "is %" PRIu32 "x%" PRIu32 ": each side has to be 1 to "
                        "%d pixels", width, height, JM_PICTURE_SIDE);

    } else if (p->max_ratio != 0
               && (width > p->max_ratio * height
                   || height > p->max_ratio * width))
    {
        (void) snprintf(p->why, sizeof(p->why),
                        "is %" PRIu32 "x%" PRIu32 ": width/height has to be "
                        "within 1/%" PRIu32 " to %" PRIu32, width, height,
                        p->max_ratio, p->max_ratio);

    } else {
        return;
    }

    jm_picture_bad(p, p->why);
}


static void
jm_picture_too_big(jm_picture_t *p)
{
    uint64_t  tenths;

    tenths = ((uint64_t) p->max_bytes * 10 + JM_PICTURE_MB / 2)
             / JM_PICTURE_MB;

    if (tenths % 10 == 0) {
        (void) snprintf(p->why, sizeof(p->why), "has more than %" PRIu64 " MB",
                        tenths / 10);

    } else {
        (void) snprintf(p->why, sizeof(p->why),
                        "has more than %" PRIu64 ".%u MB", tenths / 10,
                        (unsigned) (tenths % 10));
    }

    jm_picture_bad(p, p->why);
}


static void
jm_picture_bad(jm_picture_t *p, const char *why)
{
    p->state = JM_PICTURE_BAD;
    p->bad = why;
}


/* a number of the picture's, its high byte first */

static uint32_t
jm_picture_number(const uint8_t *s, size_t len)
{
    uint32_t  n;

    for (n = 0; len != 0; len--) {
        n = n << 8 | *s++;
    }

    return n;
}
