
/*
 * The reader of forms.  The first line is the Content-Type, the rest is the
 * body.  Wherever pieces end, the outcome must be the same; values must lie
 * in the body, one behind the other, each from the end of header lines to a
 * delimiter, and with none inside.
 */


#include "fuzz.h"
#include "jm_multipart.h"


typedef struct {
    jm_multipart_t   m;
    jm_rc_e          rc;
    const char      *why;
} reading_t;


static void read_form(reading_t *r, jm_str_t type, jm_str_t body, size_t most);
static void check_parts(const jm_multipart_t *m, jm_str_t body);
static size_t delimiter(const jm_multipart_t *m, jm_str_t body, size_t at,
    size_t skip);
static void check_same(const reading_t *a, const reading_t *b);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t            i, hash;
    jm_str_t          type, body;
    const uint8_t    *lf;
    static reading_t  whole, pieces;

    lf = (size == 0) ? NULL : memchr(data, '\n', size);
    if (lf == NULL) {
        return 0;
    }

    type.data = data;
    type.len = (size_t) (lf - data);
    body.data = lf + 1;
    body.len = size - type.len - 1;

    if (jm_multipart_init(&whole.m, type) != JM_OK) {
        return 0;
    }

    read_form(&whole, type, body, 0);

    if (whole.rc == JM_OK) {
        check_parts(&whole.m, body);

    } else {
        check(whole.rc == JM_INVALID && strlen(whole.why) > 10);
    }

    for (i = 0, hash = 5381; i < size; i++) {
        hash = hash * 33 + data[i];
    }

    read_form(&pieces, type, body, 1);
    check_same(&whole, &pieces);

    read_form(&pieces, type, body, 2 + hash % 7);
    check_same(&whole, &pieces);

    read_form(&pieces, type, body, 2 + hash % 251);
    check_same(&whole, &pieces);

    return 0;
}


/* in pieces of at most so many bytes, or at once; each in memory of its own */

static void
read_form(reading_t *r, jm_str_t type, jm_str_t body, size_t most)
{
    size_t       at, seed;
    jm_str_t     piece;
    const char  *why;

    r->why = NULL;
    seed = most;

    check(jm_multipart_init(&r->m, type) == JM_OK);

    for (at = 0, r->rc = JM_OK; at < body.len; at += piece.len) {
        seed = seed * 1103515245 + 12345;
        piece.len = (most == 0) ? body.len : (seed >> 16) % most + 1;
        piece.len = jm_min(piece.len, body.len - at);

        piece.data = body.data + at;
        piece = exact(piece);

        why = NULL;
        check(r->rc == JM_OK
              || jm_multipart_add(&r->m, piece, &why) == JM_INVALID);
        check(r->rc == JM_OK || why == r->why);

        if (r->rc == JM_OK) {
            r->rc = jm_multipart_add(&r->m, piece, &r->why);
        }

        exact_done(piece);
    }

    if (r->rc == JM_OK) {
        r->rc = jm_multipart_end(&r->m, &r->why);

    } else {
        check(jm_multipart_end(&r->m, &why) == JM_INVALID && why == r->why);
    }
}


static void
check_parts(const jm_multipart_t *m, jm_str_t body)
{
    size_t                      i, from, to, at;
    const jm_multipart_part_t  *part;

    check(m->nparts <= JM_MULTIPART_PARTS);

    for (i = 0, at = 0; i < m->nparts; i++) {
        part = &m->parts[i];

        check(part->name.data == part->space);
        check(part->name.len <= JM_MULTIPART_NAME);
        check(part->file <= 1 && part->unnamed <= part->file);
        check(part->foreign <= 1);

        check(part->offset <= body.len);
        check(part->len <= body.len - part->offset);

        from = (size_t) part->offset;
        to = from + (size_t) part->len;

        check(from >= at + 4);
        check(memcmp(body.data + from - 4, "\r\n\r\n", 4) == 0);

        /* the first delimiter there is, with or without its CRLF */

        if (from == to && delimiter(m, body, from, 2) != 0) {
            at = to;
            continue;
        }

        check(delimiter(m, body, from, 2) == 0);

        for (at = from; at < to; at++) {
            check(body.data[at] != '\r' || delimiter(m, body, at, 0) == 0);
        }

        check(delimiter(m, body, to, 0) != 0);
    }
}


/* the length of the delimiter, but for its first bytes, that is there, or 0 */

static size_t
delimiter(const jm_multipart_t *m, jm_str_t body, size_t at, size_t skip)
{
    size_t  n;

    n = m->delimiter_len - skip;

    if (body.len - at < n
        || memcmp(body.data + at, m->delimiter + skip, n) != 0)
    {
        return 0;
    }

    at += n;

    if (body.len - at >= 2 && memcmp(body.data + at, "--", 2) == 0) {
        return n + 2;
    }

    while (at < body.len && (body.data[at] == ' ' || body.data[at] == '\t')) {
        at++;
        n++;
    }

    if (body.len - at >= 2 && memcmp(body.data + at, "\r\n", 2) == 0) {
        return n + 2;
    }

    return 0;
}


static void
check_same(const reading_t *a, const reading_t *b)
{
    size_t                      i;
    const jm_multipart_part_t  *x, *y;

    check(a->rc == b->rc && a->why == b->why);
    check(a->m.nparts == b->m.nparts);

    for (i = 0; i < a->m.nparts && a->rc == JM_OK; i++) {
        x = &a->m.parts[i];
        y = &b->m.parts[i];

        check(x->offset == y->offset && x->len == y->len);
        check(x->file == y->file && x->name.len == y->name.len);
        check(x->unnamed == y->unnamed && x->foreign == y->foreign);
        check(memcmp(x->space, y->space, x->name.len) == 0);
    }
}
