
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * The type, the size and the end of a picture, from its bytes.
 */


#include "jm_picture.h"
#include "jm_picture_part.h"


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


static const char  jm_picture_soi[] = "\xff\xd8\xff";
static const char  jm_picture_ihdr[] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR";


void
jm_picture_init(jm_picture_t *p, size_t max_bytes)
{
    memset(p, 0, sizeof(jm_picture_t));

    p->max_bytes = max_bytes;
    p->max_ratio = JM_PICTURE_RATIO;
    p->types = JM_PICTURE_USUAL;
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

            } else if (p->state == JM_PICTURE_PARTS) {
                s = jm_picture_parts(p, s, end);

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
        jm_picture_cut(p);
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
        if (p->type == JM_PICTURE_PNG) {
            jm_picture_damaged(p);

        } else if (!jm_picture_other(p)) {
            jm_picture_cut(p);
        }

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
        jm_picture_damaged(p);
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
        jm_picture_damaged(p);
        return;

    /* EOI, and SOS, of which a picture may have several */

    case 0xd9:
        if (!p->drawn) {
            jm_picture_damaged(p);
            return;
        }

        p->state = JM_PICTURE_WHOLE;
        return;

    case 0xda:
        if (p->width == 0) {
            jm_picture_damaged(p);
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
        jm_picture_damaged(p);
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
