
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * The limits of pictures, and why one cannot be used.
 */


#include "jm_picture_part.h"

#include <inttypes.h>
#include <stdio.h>


#define JM_PICTURE_MB           1048576


static const char *const  jm_picture_names[JM_PICTURE_TYPES] = {
    [JM_PICTURE_JPEG] = "JPEG",
    [JM_PICTURE_PNG] = "PNG",
    [JM_PICTURE_WEBP] = "WebP",
    [JM_PICTURE_GIF] = "GIF",
    [JM_PICTURE_BMP] = "BMP",
    [JM_PICTURE_TIFF] = "TIFF",
    [JM_PICTURE_HEIC] = "HEIC"
};


void
jm_picture_damaged(jm_picture_t *p)
{
    (void) snprintf(p->why, sizeof(p->why), "is a damaged %s",
                    jm_picture_names[p->type]);

    jm_picture_bad(p, p->why);
}


void
jm_picture_cut(jm_picture_t *p)
{
    if (p->type != JM_PICTURE_UNKNOWN) {
        (void) snprintf(p->why, sizeof(p->why),
                        "is a %s that is cut off: its end is missing; send "
                        "all of it", jm_picture_names[p->type]);
        jm_picture_bad(p, p->why);

    } else if (p->types == JM_PICTURE_USUAL) {
        jm_picture_bad(p, "is neither a JPEG nor a PNG");

    } else {
        jm_picture_bad(p, "is no picture of a type that this model takes: "
                       "JPEG, PNG, WebP, GIF, BMP, TIFF, HEIC");
    }
}


void
jm_picture_sides(jm_picture_t *p, uint32_t width, uint32_t height)
{
    uint64_t  pixels;

    p->width = width;
    p->height = height;

    if (p->max_pixels != 0) {
        pixels = (uint64_t) width * height;

        if (pixels == 0 || pixels > p->max_pixels) {
            (void) snprintf(p->why, sizeof(p->why),
                            "is %" PRIu32 "x%" PRIu32 ": it has to have 1 to "
                            "%" PRIu32 " pixels", width, height,
                            p->max_pixels);
            jm_picture_bad(p, p->why);
            return;
        }

    } else if (width == 0 || width > JM_PICTURE_SIDE
               || height == 0 || height > JM_PICTURE_SIDE)
    {
        (void) snprintf(p->why, sizeof(p->why),
                        "is %" PRIu32 "x%" PRIu32 ": each side has to be 1 to "
                        "%d pixels", width, height, JM_PICTURE_SIDE);
        jm_picture_bad(p, p->why);
        return;
    }

    if (p->max_ratio != 0
        && (width > (uint64_t) p->max_ratio * height
            || height > (uint64_t) p->max_ratio * width))
    {
        (void) snprintf(p->why, sizeof(p->why),
                        "is %" PRIu32 "x%" PRIu32 ": width/height has to be "
                        "within 1/%" PRIu32 " to %" PRIu32, width, height,
                        p->max_ratio, p->max_ratio);
        jm_picture_bad(p, p->why);
    }
}


void
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


void
jm_picture_bad(jm_picture_t *p, const char *why)
{
    p->state = JM_PICTURE_BAD;
    p->bad = why;
}


/* a number of the picture's, its high byte first */

uint32_t
jm_picture_number(const uint8_t *s, size_t len)
{
    uint32_t  n;

    for (n = 0; len != 0; len--) {
        n = n << 8 | *s++;
    }

    return n;
}


uint32_t
jm_picture_little(const uint8_t *s, size_t len)
{
    uint32_t  n;

    for (n = 0; len != 0; /* void */) {
        n = n << 8 | s[--len];
    }

    return n;
}
