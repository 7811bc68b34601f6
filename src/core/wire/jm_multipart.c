
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * multipart/form-data: where in a body each field's value lies.
 */


#include "jm_multipart.h"
#include "jm_multipart_line.h"


static const uint8_t *jm_multipart_search(jm_multipart_t *m, const uint8_t *p,
    const uint8_t *end);
static const uint8_t *jm_multipart_cr(const uint8_t *p, const uint8_t *end);
static const uint8_t *jm_multipart_bound(jm_multipart_t *m, const uint8_t *p);
static void jm_multipart_close(jm_multipart_t *m);
static const uint8_t *jm_multipart_lines(jm_multipart_t *m, const uint8_t *p,
    const uint8_t *end);
static void jm_multipart_part(jm_multipart_t *m);


jm_rc_e
jm_multipart_init(jm_multipart_t *m, jm_str_t content_type)
{
    jm_str_t  boundary;

    if (jm_multipart_boundary(&boundary, content_type) != JM_OK) {
        return JM_INVALID;
    }

    memcpy(m->delimiter, "\r\n--", 4);
    memcpy(m->delimiter + 4, boundary.data, boundary.len);
    m->delimiter_len = 4 + boundary.len;

    m->nparts = 0;
    m->state = JM_MULTIPART_VALUE;
    m->why = NULL;
    m->offset = 0;
    m->lines_len = 0;

    /* before the first delimiter, its CRLF counts as matched */

    m->mark = 0;
    m->matched = 2;

    return JM_OK;
}


jm_rc_e
jm_multipart_add(jm_multipart_t *m, jm_str_t piece, const char **why)
{
    const uint8_t  *p, *next, *end;

    end = (piece.len == 0) ? piece.data : piece.data + piece.len;

    for (p = piece.data; p != end; p = next) {

        switch (m->state) {

        case JM_MULTIPART_VALUE:
            next = jm_multipart_search(m, p, end);
            break;

        case JM_MULTIPART_LINES:
            next = jm_multipart_lines(m, p, end);
            break;

        case JM_MULTIPART_EPILOGUE:
        case JM_MULTIPART_BAD:
            next = end;
            break;

        default:
            next = jm_multipart_bound(m, p);
        }

        m->offset += (uint64_t) (next - p);
    }

    if (m->state == JM_MULTIPART_BAD) {
        *why = m->why;
        return JM_INVALID;
    }

    return JM_OK;
}


jm_rc_e
jm_multipart_end(jm_multipart_t *m, const char **why)
{
    switch (m->state) {

    case JM_MULTIPART_EPILOGUE:
        return JM_OK;

    case JM_MULTIPART_BAD:
        break;

    case JM_MULTIPART_VALUE:
        if (m->nparts == 0) {
            m->why = "has no line with the boundary that its Content-Type "
                     "names";
            break;
        }

        /* fall through */

    default:
        m->why = "ends before its closing boundary";
    }

    m->state = JM_MULTIPART_BAD;
    *why = m->why;

    return JM_INVALID;
}


/* in a value: goes up to behind what may be a delimiter, or to the end */

static const uint8_t *
jm_multipart_search(jm_multipart_t *m, const uint8_t *p, const uint8_t *end)
{
    const uint8_t  *cr;

    if (m->matched == 0) {
        cr = jm_multipart_cr(p, end);
        if (cr == end) {
            return end;
        }

        m->mark = m->offset + (uint64_t) (cr - p);
        m->matched = 1;
        p = cr + 1;
    }

    while (p != end && m->matched < m->delimiter_len) {

        /* a byte that ends one match may be the CR that begins another */

        if (*p != m->delimiter[m->matched]) {
            m->matched = 0;
            return p;
        }

        m->matched++;
        p++;
    }

    if (m->matched == m->delimiter_len) {
        m->state = JM_MULTIPART_BOUND;
    }

    return p;
}


/* the next CR, which may begin a delimiter, or end */

static const uint8_t *
jm_multipart_cr(const uint8_t *p, const uint8_t *end)
{
    while (p != end) {
        p = memchr(p, '\r', (size_t) (end - p));
        if (p == NULL) {
            return end;
        }

        if (end - p < 3 || (p[1] == '\n' && p[2] == '-')) {
            return p;
        }

        p++;
    }

    return end;
}


/* one byte of what follows the boundary: "--", or blanks and CRLF */

static const uint8_t *
jm_multipart_bound(jm_multipart_t *m, const uint8_t *p)
{
    switch (m->state) {

    case JM_MULTIPART_DASH:
        if (*p == '-') {
            jm_multipart_close(m);
            m->state = JM_MULTIPART_EPILOGUE;
            return p + 1;
        }

        break;

    case JM_MULTIPART_CR:
        if (*p == '\n') {
            jm_multipart_close(m);
            m->state = JM_MULTIPART_LINES;
            m->lines_len = 0;
            return p + 1;
        }

        break;

    default:
        if (*p == '-' && m->state == JM_MULTIPART_BOUND) {
            m->state = JM_MULTIPART_DASH;
            return p + 1;
        }

        if (*p == '\r') {
            m->state = JM_MULTIPART_CR;
            return p + 1;
        }

        if (jm_multipart_blank(*p)) {
            m->state = JM_MULTIPART_PADDING;
            return p + 1;
        }
    }

    /* not a delimiter: a line of the value that only begins like one */

    m->state = JM_MULTIPART_VALUE;
    m->matched = 0;

    return p;
}


/* ends the open part, if there is one, at the delimiter, which is at mark */

static void
jm_multipart_close(jm_multipart_t *m)
{
    jm_multipart_part_t  *part;

    if (m->nparts != 0) {
        part = &m->parts[m->nparts - 1];
        part->len = m->mark - part->offset;
    }
}


/* gathers header lines up to the end of one; an empty one is the last */

static const uint8_t *
jm_multipart_lines(jm_multipart_t *m, const uint8_t *p, const uint8_t *end)
{
    size_t          n;
    const uint8_t  *lf, *next, *last;

    lf = memchr(p, '\n', (size_t) (end - p));
    next = (lf == NULL) ? end : lf + 1;
    n = (size_t) (next - p);

    if (n > sizeof(m->lines) - m->lines_len) {
        m->why = "has a part with more than 4 KB of header lines";
        m->state = JM_MULTIPART_BAD;
        return end;
    }

    memcpy(m->lines + m->lines_len, p, n);
    m->lines_len += n;

    last = m->lines + m->lines_len;

    if ((m->lines_len == 2 && memcmp(last - 2, "\r\n", 2) == 0)
        || (m->lines_len >= 4 && memcmp(last - 4, "\r\n\r\n", 4) == 0))
    {
        m->lines_len -= 2;
        m->mark = m->offset + n;

        jm_multipart_part(m);
    }

    return next;
}


/* begins a part: its header lines are complete, its value is at mark */

static void
jm_multipart_part(jm_multipart_t *m)
{
    jm_multipart_part_t  *part;

    m->state = JM_MULTIPART_BAD;

    if (m->nparts == JM_MULTIPART_PARTS) {
        m->why = "has more than 64 parts";
        return;
    }

    part = &m->parts[m->nparts];

    part->offset = m->mark;
    part->len = 0;

    m->why = jm_multipart_headers(part, m->lines, m->lines_len);
    if (m->why != NULL) {
        return;
    }

    m->nparts++;
    m->state = JM_MULTIPART_VALUE;

    /* the CRLF of the empty line may be that of a delimiter: an empty value */

    m->matched = 2;
}
