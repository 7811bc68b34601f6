
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Pictures of types that only some models take.  Of each a few parts are kept,
 * one after the other, and what is between them is passed over.
 */


#include "jm_picture_part.h"


/* a part is kept behind pass bytes; with neither, the picture is whole */

#define JM_PICTURE_GIF_LEN      13      /* up to the first color table */
#define JM_PICTURE_BMP_LEN      18      /* up to the size of the header */
#define JM_PICTURE_BMP_CORE     12      /* sizes of a header */
#define JM_PICTURE_BMP_INFO     40
#define JM_PICTURE_BMP_MOST     124
#define JM_PICTURE_WEBP_LEN     30
#define JM_PICTURE_TIFF_LEN     8
#define JM_PICTURE_TIFF_ENTRY   12
#define JM_PICTURE_FTYP_LEN     12
#define JM_PICTURE_BOX_LEN      8
#define JM_PICTURE_BOX_LONG     16


/* what is kept; each type's first is its header */

typedef enum {
    JM_PART_HEADER = 0,
    JM_PART_GIF_BLOCK,          /* an introducer */
    JM_PART_GIF_IMAGE,
    JM_PART_GIF_DATA,           /* the length of a block of data */
    JM_PART_BMP,                /* the rest of the header */
    JM_PART_TIFF_COUNT,
    JM_PART_TIFF_ENTRY,
    JM_PART_BOX
} jm_part_e;


static void jm_picture_part(jm_picture_t *p);
static void jm_picture_next(jm_picture_t *p, jm_part_e step, uint64_t pass,
    size_t need);
static void jm_picture_gif(jm_picture_t *p);
static size_t jm_picture_gif_table(uint8_t flags);
static void jm_picture_bmp(jm_picture_t *p);
static void jm_picture_bmp_pixels(jm_picture_t *p);
static void jm_picture_webp(jm_picture_t *p);
static void jm_picture_tiff(jm_picture_t *p);
static void jm_picture_tiff_entry(jm_picture_t *p);
static void jm_picture_tiff_end(jm_picture_t *p);
static uint32_t jm_picture_tiff_number(const jm_picture_t *p,
    const uint8_t *s, size_t len);
static void jm_picture_heic(jm_picture_t *p);
static void jm_picture_box(jm_picture_t *p);


/* how a picture begins, where a dot is any byte, and how long a header is */

static const struct {
    jm_picture_type_e   type;
    jm_str_t            begins;
    size_t              len;
} jm_picture_others[] = {
    { JM_PICTURE_GIF, jm_string("GIF87a"), JM_PICTURE_GIF_LEN },
    { JM_PICTURE_GIF, jm_string("GIF89a"), JM_PICTURE_GIF_LEN },
    { JM_PICTURE_BMP, jm_string("BM"), JM_PICTURE_BMP_LEN },
    { JM_PICTURE_WEBP, jm_string("RIFF....WEBP"), JM_PICTURE_WEBP_LEN },
    { JM_PICTURE_TIFF, jm_string("II*\0"), JM_PICTURE_TIFF_LEN },
    { JM_PICTURE_TIFF, jm_string("MM\0*"), JM_PICTURE_TIFF_LEN },
    { JM_PICTURE_HEIC, jm_string("....ftyp"), JM_PICTURE_FTYP_LEN }
};

/* of a HEIC; others are of AVIF, or of films */

static const char  jm_picture_brands[] = "heic heix heim heis hevc hevx "
                                         "hevm hevs mif1 msf1";


unsigned
jm_picture_other(jm_picture_t *p)
{
    size_t    i, k, n;
    jm_str_t  begins;

    for (i = 0; i < jm_nitems(jm_picture_others); i++) {

        if (!(p->types & jm_picture_bit(jm_picture_others[i].type))) {
            continue;
        }

        begins = jm_picture_others[i].begins;
        n = jm_min(p->nkept, begins.len);

        for (k = 0; k < n; k++) {
            if (p->kept[k] != begins.data[k] && begins.data[k] != '.') {
                break;
            }
        }

        if (k != n) {
            continue;
        }

        if (p->nkept == begins.len) {
            p->type = jm_picture_others[i].type;
            p->state = JM_PICTURE_PARTS;
            p->need = jm_picture_others[i].len;
        }

        return 1;
    }

    return 0;
}


const uint8_t *
jm_picture_parts(jm_picture_t *p, const uint8_t *s, const uint8_t *end)
{
    size_t  n;

    if (p->pass != 0) {
        n = (size_t) jm_min(p->pass, (uint64_t) (end - s));
        p->pass -= n;

        if (p->pass == 0 && p->need == 0) {
            p->state = JM_PICTURE_WHOLE;
        }

        return s + n;
    }

    p->kept[p->nkept++] = *s++;

    if (p->nkept == p->need) {
        jm_picture_part(p);
    }

    return s;
}


static void
jm_picture_part(jm_picture_t *p)
{
    switch (p->type) {

    case JM_PICTURE_GIF:
        jm_picture_gif(p);
        break;

    case JM_PICTURE_BMP:
        jm_picture_bmp(p);
        break;

    case JM_PICTURE_WEBP:
        jm_picture_webp(p);
        break;

    case JM_PICTURE_TIFF:
        jm_picture_tiff(p);
        break;

    default:
        jm_picture_heic(p);
    }
}


static void
jm_picture_next(jm_picture_t *p, jm_part_e step, uint64_t pass, size_t need)
{
    if (p->state == JM_PICTURE_BAD) {
        return;
    }

    p->step = step;
    p->pass = pass;
    p->need = need;
    p->nkept = 0;

    if (pass == 0 && need == 0) {
        p->state = JM_PICTURE_WHOLE;
    }
}


/* blocks up to a trailer, which a picture has to be among (GIF89a) */

static void
jm_picture_gif(jm_picture_t *p)
{
    switch (p->step) {

    case JM_PART_HEADER:
        jm_picture_sides(p, jm_picture_little(p->kept + 6, 2),
                         jm_picture_little(p->kept + 8, 2));
        jm_picture_next(p, JM_PART_GIF_BLOCK,
                        jm_picture_gif_table(p->kept[10]), 1);
        return;

    case JM_PART_GIF_IMAGE:
        p->drawn = 1;
        jm_picture_next(p, JM_PART_GIF_DATA,
                        jm_picture_gif_table(p->kept[8]) + 1, 1);
        return;

    case JM_PART_GIF_DATA:
        jm_picture_next(p, p->kept[0] == 0 ? JM_PART_GIF_BLOCK
                                           : JM_PART_GIF_DATA,
                        p->kept[0], 1);
        return;
    }

    switch (p->kept[0]) {

    case 0x21:
        jm_picture_next(p, JM_PART_GIF_DATA, 1, 1);
        return;

    case 0x2c:
        jm_picture_next(p, JM_PART_GIF_IMAGE, 0, 9);
        return;

    case 0x3b:

        if (p->drawn) {
            jm_picture_next(p, JM_PART_GIF_BLOCK, 0, 0);
            return;
        }

        break;
    }

    jm_picture_damaged(p);
}


static size_t
jm_picture_gif_table(uint8_t flags)
{
    return (flags & 0x80) ? (size_t) 3 << ((flags & 7) + 1) : 0;
}


static void
jm_picture_bmp(jm_picture_t *p)
{
    uint32_t  size;

    if (p->step != JM_PART_HEADER) {
        jm_picture_bmp_pixels(p);
        return;
    }

    size = jm_picture_little(p->kept + 14, 4);

    if (size != JM_PICTURE_BMP_CORE
        && (size < JM_PICTURE_BMP_INFO || size > JM_PICTURE_BMP_MOST))
    {
        jm_picture_damaged(p);
        return;
    }

    /* what is needed of it, behind what is kept already */

    p->step = JM_PART_BMP;
    p->need = size == JM_PICTURE_BMP_CORE ? 26 : 38;
}


/* as long as rows of so many bits, each a multiple of 32, or as it says */

static void
jm_picture_bmp_pixels(jm_picture_t *p)
{
    uint32_t  size, offset, width, height, bits, packing;
    uint64_t  len;

    offset = jm_picture_little(p->kept + 10, 4);
    size = jm_picture_little(p->kept + 14, 4);

    if (size == JM_PICTURE_BMP_CORE) {
        width = jm_picture_little(p->kept + 18, 2);
        height = jm_picture_little(p->kept + 20, 2);
        bits = jm_picture_little(p->kept + 24, 2);
        packing = 0;

    } else {
        width = jm_picture_little(p->kept + 18, 4);
        height = jm_picture_little(p->kept + 22, 4);
        bits = jm_picture_little(p->kept + 28, 2);
        packing = jm_picture_little(p->kept + 30, 4);

        /* from top to bottom, where it is below 0 */

        if (height > INT32_MAX) {
            height = 0 - height;
        }
    }

    jm_picture_sides(p, width, height);

    if (p->state == JM_PICTURE_BAD) {
        return;
    }

    /* RLE, and a JPEG or PNG within, have the length; no number is none */

    if (packing == 1 || packing == 2 || packing == 4 || packing == 5) {
        len = jm_picture_little(p->kept + 34, 4);

    } else {
        len = ((uint64_t) width * bits + 31) / 32 * 4 * height;
    }

    if (offset < 14 + size || bits > 32 || len == 0) {
        jm_picture_damaged(p);
        return;
    }

    jm_picture_next(p, JM_PART_BMP, offset + len - p->nkept, 0);
}


/* the first chunk tells the size, RIFF the length (RFC 9649, 2.3 to 2.7) */

static void
jm_picture_webp(jm_picture_t *p)
{
    uint32_t        riff, chunk, sides;
    const uint8_t  *s;

    s = p->kept;

    riff = jm_picture_little(s + 4, 4);
    chunk = jm_picture_little(s + 16, 4);

    if (riff < JM_PICTURE_WEBP_LEN - 8 || chunk > riff - 12) {
        jm_picture_damaged(p);
        return;
    }

    if (memcmp(s + 12, "VP8 ", 4) == 0 && !(s[20] & 1)
        && memcmp(s + 23, "\x9d\x01\x2a", 3) == 0)
    {
        jm_picture_sides(p, jm_picture_little(s + 26, 2) & 0x3fff,
                         jm_picture_little(s + 28, 2) & 0x3fff);

    } else if (memcmp(s + 12, "VP8L", 4) == 0 && s[20] == 0x2f) {
        sides = jm_picture_little(s + 21, 4);

        jm_picture_sides(p, (sides & 0x3fff) + 1,
                         (sides >> 14 & 0x3fff) + 1);

    } else if (memcmp(s + 12, "VP8X", 4) == 0 && chunk >= 10) {
        jm_picture_sides(p, jm_picture_little(s + 24, 3) + 1,
                         jm_picture_little(s + 27, 3) + 1);

    } else {
        jm_picture_damaged(p);
        return;
    }

    jm_picture_next(p, JM_PART_HEADER,
                    (uint64_t) riff + 8 - JM_PICTURE_WEBP_LEN, 0);
}


/* the first directory, wherever it is (TIFF 6.0, section 2) */

static void
jm_picture_tiff(jm_picture_t *p)
{
    uint32_t  n;

    switch (p->step) {

    case JM_PART_HEADER:
        n = jm_picture_tiff_number(p, p->kept + 4, 4);

        if (n < JM_PICTURE_TIFF_LEN) {
            jm_picture_damaged(p);
            return;
        }

        p->directory = n;
        p->last = (p->kept[0] == 'I');

        jm_picture_next(p, JM_PART_TIFF_COUNT, n - JM_PICTURE_TIFF_LEN, 2);
        return;

    case JM_PART_TIFF_COUNT:
        p->entries = jm_picture_tiff_number(p, p->kept, 2);
        p->directory += 2 + (uint64_t) p->entries * JM_PICTURE_TIFF_ENTRY;

        if (p->entries == 0) {
            jm_picture_damaged(p);
            return;
        }

        break;

    default:
        jm_picture_tiff_entry(p);

        if (--p->entries == 0) {
            jm_picture_tiff_end(p);
            return;
        }
    }

    jm_picture_next(p, JM_PART_TIFF_ENTRY, 0, JM_PICTURE_TIFF_ENTRY);
}


/* tag, type, count, and the value where that is one */

static void
jm_picture_tiff_entry(jm_picture_t *p)
{
    uint32_t  tag, type, count, value;

    tag = jm_picture_tiff_number(p, p->kept, 2);
    type = jm_picture_tiff_number(p, p->kept + 2, 2);
    count = jm_picture_tiff_number(p, p->kept + 4, 4);
    value = jm_picture_tiff_number(p, p->kept + 8, type == 3 ? 2 : 4);

    /* strips, or tiles: where they are, and how long */

    p->drawn |= (tag == 273 || tag == 324);

    if (count != 1) {
        return;
    }

    switch (tag) {

    case 256:
        p->width = value;
        break;

    case 257:
        p->height = value;
        break;

    case 273:
    case 324:
        p->strip = value;
        break;

    case 279:
    case 325:
        p->strip_len = value;
        break;
    }
}


static void
jm_picture_tiff_end(jm_picture_t *p)
{
    uint64_t  end;

    if (!p->drawn) {
        jm_picture_damaged(p);
        return;
    }

    jm_picture_sides(p, p->width, p->height);

    /* several strips are in a list that is somewhere else */

    end = p->strip + p->strip_len;

    jm_picture_next(p, JM_PART_TIFF_ENTRY,
                    end > p->directory ? end - p->directory : 0, 0);
}


/* last tells which byte comes first, once the header is read */

static uint32_t
jm_picture_tiff_number(const jm_picture_t *p, const uint8_t *s, size_t len)
{
    unsigned  little;

    little = p->step == JM_PART_HEADER ? p->kept[0] == 'I' : p->last;

    return little ? jm_picture_little(s, len) : jm_picture_number(s, len);
}


/* boxes, the first of which has the brand (ISO/IEC 14496-12, 4.2 and 4.3) */

static void
jm_picture_heic(jm_picture_t *p)
{
    size_t    i;
    uint32_t  size;

    if (p->step != JM_PART_HEADER) {
        jm_picture_box(p);
        return;
    }

    size = jm_picture_number(p->kept, 4);

    for (i = 0; i < sizeof(jm_picture_brands) - 1; i += 5) {

        if (memcmp(p->kept + 8, jm_picture_brands + i, 4) != 0) {
            continue;
        }

        if (size < JM_PICTURE_FTYP_LEN) {
            jm_picture_damaged(p);
            return;
        }

        jm_picture_next(p, JM_PART_BOX, size - JM_PICTURE_FTYP_LEN,
                        JM_PICTURE_BOX_LEN);
        return;
    }

    p->type = JM_PICTURE_UNKNOWN;
    jm_picture_cut(p);
}


/* a size of 1 means that it follows, one of 0 that it is all the rest */

static void
jm_picture_box(jm_picture_t *p)
{
    uint64_t  size;

    size = jm_picture_number(p->kept, 4);

    if (size == 1 && p->nkept == JM_PICTURE_BOX_LEN) {
        p->need = JM_PICTURE_BOX_LONG;
        return;
    }

    if (p->nkept == JM_PICTURE_BOX_LONG) {
        size = (uint64_t) jm_picture_number(p->kept + 8, 4) << 32
               | jm_picture_number(p->kept + 12, 4);
    }

    p->frame |= (memcmp(p->kept + 4, "meta", 4) == 0
                 || memcmp(p->kept + 4, "moov", 4) == 0);
    p->drawn |= (memcmp(p->kept + 4, "mdat", 4) == 0);

    if (size == 0 && p->nkept == JM_PICTURE_BOX_LEN && p->frame && p->drawn) {
        jm_picture_next(p, JM_PART_BOX, 0, 0);
        return;
    }

    if (size < p->nkept) {
        jm_picture_damaged(p);
        return;
    }

    jm_picture_next(p, JM_PART_BOX, size - p->nkept,
                    p->frame && p->drawn ? 0 : JM_PICTURE_BOX_LEN);
}
