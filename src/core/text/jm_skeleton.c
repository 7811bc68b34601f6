
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_skeleton.h"


static size_t jm_skeleton_outside(jm_skeleton_t *s, jm_str_t piece);
static size_t jm_skeleton_inside(jm_skeleton_t *s, jm_str_t piece);
static const uint8_t *jm_skeleton_quote(jm_skeleton_t *s, const uint8_t *p,
    const uint8_t *end);
static void jm_skeleton_take(jm_skeleton_t *s, jm_str_t run);
static void jm_skeleton_head(jm_skeleton_string_t *string, const uint8_t *p,
    size_t len);


/* what stands for a string: nothing that a field can have as its value */

static const char  jm_skeleton_text[] = "...";


void
jm_skeleton_init(jm_skeleton_t *s, jm_buf_t *out, size_t max)
{
    memset(s, 0, sizeof(jm_skeleton_t));

    s->out = out;
    s->max = max;
}


jm_rc_e
jm_skeleton_add(jm_skeleton_t *s, jm_str_t piece)
{
    size_t  n;

    while (piece.len != 0 && s->rc == JM_OK) {

        n = s->inside ? jm_skeleton_inside(s, piece)
                      : jm_skeleton_outside(s, piece);

        s->offset += n;
        piece.data += n;
        piece.len -= n;

        if (s->rc == JM_OK) {
            s->rc = s->out->rc;
        }
    }

    return s->rc;
}


/* up to and with the quote that opens a string */

static size_t
jm_skeleton_outside(jm_skeleton_t *s, jm_str_t piece)
{
    size_t          n;
    const uint8_t  *p;

    p = memchr(piece.data, '"', piece.len);

    if (p == NULL) {
        jm_buf_str(s->out, piece);
        return piece.len;
    }

    n = (size_t) (p - piece.data) + 1;

    jm_buf_add(s->out, piece.data, n);

    s->inside = 1;
    s->taken = 0;
    s->start = s->offset + n;
    s->at = s->out->len;

    return n;
}


/* up to the quote that closes the string, and with it */

static size_t
jm_skeleton_inside(jm_skeleton_t *s, jm_str_t piece)
{
    jm_str_t        run;
    const uint8_t  *p, *end;

    end = piece.data + piece.len;
    p = jm_skeleton_quote(s, piece.data, end);

    run.data = piece.data;
    run.len = (size_t) ((p != NULL ? p : end) - piece.data);

    jm_skeleton_take(s, run);

    if (p == NULL) {
        return run.len;
    }

    if (s->taken) {
        s->strings[s->nstrings - 1].len = s->offset + run.len - s->start;
    }

    jm_buf_literal(s->out, "\"");

    s->inside = 0;

    return run.len + 1;
}


/* the first quote that is not escaped, NULL if there is none */

static const uint8_t *
jm_skeleton_quote(jm_skeleton_t *s, const uint8_t *p, const uint8_t *end)
{
    const uint8_t  *quote;

    if (s->escaped) {
        s->escaped = 0;
        p++;
    }

    quote = NULL;

    for ( ;; ) {

        /* either search goes on where it ended: no byte is seen twice */

        if (quote == NULL || quote < p) {
            quote = memchr(p, '"', (size_t) (end - p));

            if (quote == NULL) {
                quote = end;
            }
        }

        p = memchr(p, '\\', (size_t) (quote - p));

        if (p == NULL) {
            return quote == end ? NULL : quote;
        }

        if (end - p == 1) {
            s->escaped = 1;
            return NULL;
        }

        p += 2;
    }
}


/* a string is taken out when it turns out to be too long */

static void
jm_skeleton_take(jm_skeleton_t *s, jm_str_t run)
{
    jm_skeleton_string_t  *string;

    if (s->taken) {
        return;
    }

    if (s->offset - s->start + run.len <= s->max) {
        jm_buf_str(s->out, run);
        return;
    }

    if (s->nstrings == JM_SKELETON_STRINGS) {
        s->rc = JM_INVALID;
        return;
    }

    string = &s->strings[s->nstrings++];

    string->offset = s->start;
    string->len = 0;
    string->at = s->at;
    string->head_len = 0;

    if (s->out->len > s->at) {
        jm_skeleton_head(string, s->out->data + s->at, s->out->len - s->at);
    }

    jm_skeleton_head(string, run.data, run.len);

    s->out->len = s->at;
    jm_buf_literal(s->out, jm_skeleton_text);

    s->taken = 1;
}


static void
jm_skeleton_head(jm_skeleton_string_t *string, const uint8_t *p, size_t len)
{
    len = jm_min(len, JM_SKELETON_HEAD - string->head_len);

    memcpy(string->head + string->head_len, p, len);
    string->head_len += len;
}


const jm_skeleton_string_t *
jm_skeleton_find(const jm_skeleton_t *s, jm_str_t text)
{
    size_t  i;

    for (i = 0; i < s->nstrings; i++) {

        if (text.data == s->out->data + s->strings[i].at) {
            return &s->strings[i];
        }
    }

    return NULL;
}
