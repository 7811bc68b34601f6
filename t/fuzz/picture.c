
/*
 * The reader of pictures.  The input is a picture, as it is.  Wherever pieces
 * end, the outcome must be the same, and so must it be whatever follows the
 * bytes that were enough; one byte less is not enough.  What can be used is of
 * a type that may be, within the limits, and has pixels and an end.
 */


#include "fuzz.h"
#include "jm_picture.h"


#define MAX_PIXELS  36000000
#define MAX_RATIO   16


typedef struct {
    jm_picture_t     p;
    jm_rc_e          rc;
    size_t           known;         /* bytes taken when the outcome was */
    char             why[128];
} reading_t;


static void check_picture(jm_str_t bytes, size_t max, size_t hash,
    unsigned types);
static void read_picture(reading_t *r, jm_str_t bytes, size_t max,
    size_t most, unsigned types);
static void check_good(const jm_picture_t *p, jm_str_t bytes);
static void check_same(const reading_t *a, const reading_t *b);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t    i, hash;
    jm_str_t  bytes;

    for (i = 0, hash = 5381; i < size; i++) {
        hash = hash * 33 + data[i];
    }

    bytes.data = data;
    bytes.len = size;

    check_picture(bytes, JM_PICTURE_BYTES, hash, JM_PICTURE_USUAL);
    check_picture(bytes, hash % (size + 1), hash, JM_PICTURE_USUAL);

    check_picture(bytes, JM_PICTURE_BYTES, hash, JM_PICTURE_ANY);
    check_picture(bytes, hash % (size + 1), hash, JM_PICTURE_ANY);

    return 0;
}


static void
check_picture(jm_str_t bytes, size_t max, size_t hash, unsigned types)
{
    reading_t  whole, pieces;

    read_picture(&whole, bytes, max, 0, types);

    if (whole.rc == JM_OK) {
        check(bytes.len <= max);
        check_good(&whole.p, bytes);

    } else {
        check(whole.rc == JM_INVALID && strlen(whole.why) > 7);
    }

    read_picture(&pieces, bytes, max, 2 + hash % 13, types);
    check_same(&whole, &pieces);

    read_picture(&pieces, bytes, max, 2 + hash % 509, types);
    check_same(&whole, &pieces);

    read_picture(&pieces, bytes, max, 1, types);
    check_same(&whole, &pieces);

    /* what was known early is known without the rest, too */

    if (pieces.known <= bytes.len && bytes.len <= max) {
        bytes.len = pieces.known;
        read_picture(&pieces, bytes, max, 0, types);
        check_same(&whole, &pieces);

        bytes.len--;
        read_picture(&pieces, bytes, max, 0, types);
        check(pieces.rc == JM_INVALID);
    }
}


/* in pieces of at most so many bytes, or at once; each in memory of its own */

static void
read_picture(reading_t *r, jm_str_t bytes, size_t max, size_t most,
    unsigned types)
{
    size_t       at, seed;
    jm_str_t     piece;
    const char  *why, *again;

    seed = most;
    why = "";
    r->rc = JM_OK;
    r->known = SIZE_MAX;
    jm_picture_init(&r->p, max);

    if (types != JM_PICTURE_USUAL) {
        r->p.types = types;
        r->p.max_pixels = MAX_PIXELS;
        r->p.max_ratio = MAX_RATIO;
    }

    for (at = 0; at < bytes.len && r->rc == JM_OK; at += piece.len) {
        seed = seed * 1103515245 + 12345;
        piece.len = (most == 0) ? bytes.len : (seed >> 16) % most + 1;
        piece.len = jm_min(piece.len, bytes.len - at);

        piece.data = bytes.data + at;
        piece = exact(piece);

        r->rc = jm_picture_add(&r->p, piece, &why);
        check(r->p.bytes == at + piece.len);

        exact_done(piece);

        if (r->known == SIZE_MAX
            && (r->rc != JM_OK || r->p.state == JM_PICTURE_WHOLE))
        {
            r->known = at + piece.len;
        }
    }

    if (r->rc == JM_OK) {
        r->rc = jm_picture_end(&r->p, &why);

    } else {
        check(jm_picture_end(&r->p, &again) == JM_INVALID && again == why);
    }

    check(r->rc == JM_OK || strlen(why) < sizeof(r->why));
    (void) snprintf(r->why, sizeof(r->why), "%s", why);
}


static const uint8_t *
find(jm_str_t bytes, const char *what, size_t len)
{
    size_t  i;

    for (i = 0; i + len <= bytes.len; i++) {
        if (memcmp(bytes.data + i, what, len) == 0) {
            return bytes.data + i;
        }
    }

    return NULL;
}


static void
check_sides(const jm_picture_t *p)
{
    uint64_t  w, h;

    w = p->width;
    h = p->height;

    if (p->type == JM_PICTURE_HEIC) {
        return;
    }

    check(w >= 1 && h >= 1);
    check(w <= p->max_ratio * h && h <= p->max_ratio * w);

    if (p->max_pixels != 0) {
        check(w * h <= MAX_PIXELS);

    } else {
        check(w <= JM_PICTURE_SIDE && h <= JM_PICTURE_SIDE);
    }
}


static void
check_good(const jm_picture_t *p, jm_str_t bytes)
{
    jm_str_t        rest;
    const uint8_t  *pixels;

    check(p->bytes == bytes.len);
    check(p->types & jm_picture_bit(p->type));
    check_sides(p);

    if (p->type != JM_PICTURE_PNG && p->type != JM_PICTURE_JPEG) {
        check(p->type != JM_PICTURE_UNKNOWN && bytes.len > 30);
        return;
    }

    if (p->type == JM_PICTURE_PNG) {
        check(memcmp(bytes.data, "\x89PNG", 4) == 0);
        pixels = find(bytes, "IDAT", 4);

    } else {
        check(p->type == JM_PICTURE_JPEG);
        check(memcmp(bytes.data, "\xff\xd8\xff", 3) == 0);
        pixels = find(bytes, "\xff\xda", 2);
    }

    check(pixels != NULL);

    rest.data = pixels;
    rest.len = bytes.len - (size_t) (pixels - bytes.data);

    check(p->type == JM_PICTURE_PNG ? find(rest, "IEND", 4) != NULL
                                    : find(rest, "\xff\xd9", 2) != NULL);
}


static void
check_same(const reading_t *a, const reading_t *b)
{
    check(a->rc == b->rc && strcmp(a->why, b->why) == 0);
    check(a->p.type == b->p.type);
    check(a->p.width == b->p.width && a->p.height == b->p.height);
}
