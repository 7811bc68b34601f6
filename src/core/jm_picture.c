
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * The type and the size of a picture, from its bytes.
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

/* a segment: its length; of a frame also precision, height and width */

#define JM_PICTURE_SEGMENT_LEN  2
#define JM_PICTURE_FRAME_LEN    7


static void jm_picture_start(jm_picture_t *p, uint8_t c);
static const uint8_t *jm_picture_jpeg(jm_picture_t *p, const uint8_t *s,
    const uint8_t *end);
static void jm_picture_marker(jm_picture_t *p, uint8_t c);
static void jm_picture_segment(jm_picture_t *p, uint8_t c);
static void jm_picture_sides(jm_picture_t *p, uint32_t width, uint32_t height);
static void jm_picture_too_big(jm_picture_t *p);
static void jm_picture_bad(jm_picture_t *p, const char *why);
static uint32_t jm_picture_number(const uint8_t *s, size_t len);


static const char  jm_picture_soi[] = "\xff\xd8\xff";
static const char  jm_picture_ihdr[] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

static const char  jm_picture_unknown[] = "is neither a JPEG nor a PNG";
static const char  jm_picture_bad_jpeg[] = "is a damaged JPEG";
static const char  jm_picture_bad_png[] = "is a damaged PNG";


void
jm_picture_init(jm_picture_t *p, size_t max_bytes)
{
    memset(p, 0, sizeof(jm_picture_t));

    p->max_bytes = max_bytes;
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

            } else if (p->state < JM_PICTURE_KNOWN) {
                s = jm_picture_jpeg(p, s, end);

            } else {
                break;
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
    if (p->state == JM_PICTURE_KNOWN) {
        return JM_OK;
    }

    if (p->bytes == 0) {
        jm_picture_bad(p, "is empty");

    } else if (p->state != JM_PICTURE_BAD) {

        switch (p->type) {

        case JM_PICTURE_JPEG:
            jm_picture_bad(p, jm_picture_bad_jpeg);
            break;

        case JM_PICTURE_PNG:
            jm_picture_bad(p, jm_picture_bad_png);
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


/* one byte of what tells the type, which of a PNG is all there is to know */

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
        jm_picture_sides(p, jm_picture_number(p->kept + 16, 4),
                         jm_picture_number(p->kept + 20, 4));
    }
}


/* takes one step of a JPEG, of as many bytes as that has */

static const uint8_t *
jm_picture_jpeg(jm_picture_t *p, const uint8_t *s, const uint8_t *end)
{
    size_t  n;

    switch (p->state) {

    case JM_PICTURE_MARKER:
        jm_picture_marker(p, *s);
        return s + 1;

    case JM_PICTURE_SEGMENT:
        jm_picture_segment(p, *s);
        return s + 1;

    case JM_PICTURE_SKIP:
        n = jm_min(p->need, (size_t) (end - s));
        p->need -= n;

        if (p->need == 0) {
            p->state = JM_PICTURE_SCAN;
        }

        return s + n;

    default:

        /* nothing else belongs here, but every decoder skips it */

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

    /* no marker, TEM, RST0 ... RST7: nothing belongs to them */

    case 0x00: case 0x01:
    case 0xd0: case 0xd1: case 0xd2: case 0xd3:
    case 0xd4: case 0xd5: case 0xd6: case 0xd7:
        p->state = JM_PICTURE_SCAN;
        return;

    /* SOI, EOI, SOS: the frame should have come first */

    case 0xd8: case 0xd9: case 0xda:
        jm_picture_bad(p, jm_picture_bad_jpeg);
        return;

    /* DHT, JPG and DAC have numbers amid those of the frames */

    case 0xc4: case 0xc8: case 0xcc:
        p->frame = 0;
        break;

    default:
        p->frame = (c >= 0xc0 && c <= 0xcf);
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

    if (p->frame) {
        jm_picture_sides(p, jm_picture_number(p->kept + 5, 2),
                         jm_picture_number(p->kept + 3, 2));
        return;
    }

    p->need = len - JM_PICTURE_SEGMENT_LEN;
    p->state = (p->need == 0) ? JM_PICTURE_SCAN : JM_PICTURE_SKIP;
}


static void
jm_picture_sides(jm_picture_t *p, uint32_t width, uint32_t height)
{
    const char  *rule;

    p->width = width;
    p->height = height;
    p->state = JM_PICTURE_KNOWN;

    if (width == 0 || width > JM_PICTURE_SIDE
        || height == 0 || height > JM_PICTURE_SIDE)
    {
        rule = "each side has to be 1 to 4096 pixels";

    } else if (width > 3 * height || height > 3 * width) {
        rule = "width/height has to be within 1/3 to 3";

    } else {
        return;
    }

    (void) snprintf(p->why, sizeof(p->why), "is %" PRIu32 "x%" PRIu32 ": %s",
                    width, height, rule);

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
