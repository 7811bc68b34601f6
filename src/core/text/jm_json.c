
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * The JSON reader.
 */


#include "jm_json.h"
#include "jm_text.h"


typedef struct {
    const uint8_t   *p;
    const uint8_t   *end;
    jm_mem_t        *mem;
    jm_json_limits_t limits;    /* what is left of them */
    const char      *why;
} jm_json_reader_t;


static jm_rc_e jm_json_value(jm_json_reader_t *r, jm_json_t **node);
static jm_rc_e jm_json_list(jm_json_reader_t *r, jm_json_t **node,
    jm_json_type_e type);
static jm_rc_e jm_json_members(jm_json_reader_t *r, jm_json_t *list);
static jm_rc_e jm_json_add(jm_json_reader_t *r, jm_json_t **node,
    jm_json_type_e type);
static jm_rc_e jm_json_scalar(jm_json_reader_t *r, jm_json_t **node);
static unsigned jm_json_word(jm_json_reader_t *r, const char *word);
static unsigned jm_json_digits(jm_json_reader_t *r);
static unsigned jm_json_numeral(jm_json_reader_t *r, jm_str_t *text);
static jm_rc_e jm_json_text(jm_json_reader_t *r, jm_str_t *text);
static jm_rc_e jm_json_copy(jm_json_reader_t *r, jm_str_t *text);
static const uint8_t *jm_json_escape(const uint8_t *p, const uint8_t *end,
    uint8_t *dst, size_t *n);
static const uint8_t *jm_json_unit(const uint8_t *p, const uint8_t *end,
    unsigned *unit);
static size_t jm_json_utf8(uint8_t *dst, unsigned code);
static unsigned jm_json_byte(jm_json_reader_t *r);
static unsigned jm_json_take(jm_json_reader_t *r, uint8_t c);


jm_rc_e
jm_json_read(jm_json_t **root, jm_str_t text, const jm_json_limits_t *limits,
    jm_mem_t *mem, const char **why)
{
    size_t            n;
    jm_rc_e           rc;
    jm_json_reader_t  r;

    *root = NULL;

    r.p = text.data;
    r.end = (text.len == 0) ? text.data : text.data + text.len;
    r.mem = mem;
    r.limits = *limits;
    r.why = "is not valid JSON";

    if (jm_json_byte(&r) == 0 && r.p == r.end) {
        *why = "is empty";
        return JM_INVALID;
    }

    if (jm_utf8_length(text, &n) != JM_OK) {
        *why = "is not valid UTF-8";
        return JM_INVALID;
    }

    rc = jm_json_value(&r, root);

    if (rc == JM_OK && (jm_json_byte(&r) != 0 || r.p != r.end)) {
        rc = JM_INVALID;
    }

    if (rc != JM_OK) {
        *root = NULL;
        *why = r.why;
    }

    return rc;
}


static jm_rc_e
jm_json_value(jm_json_reader_t *r, jm_json_t **node)
{
    switch (jm_json_byte(r)) {

    case '{':
        return jm_json_list(r, node, JM_JSON_OBJECT);

    case '[':
        return jm_json_list(r, node, JM_JSON_ARRAY);

    default:
        return jm_json_scalar(r, node);
    }
}


/* as deep as the limit is, and no deeper, this comes back to itself */

static jm_rc_e
jm_json_list(jm_json_reader_t *r, jm_json_t **node, jm_json_type_e type)
{
    jm_rc_e  rc;

    if (r->limits.depth == 0) {
        r->why = "is nested too deeply";
        return JM_INVALID;
    }

    rc = jm_json_add(r, node, type);
    if (rc != JM_OK) {
        return rc;
    }

    r->p++;
    r->limits.depth--;

    rc = jm_json_members(r, *node);

    r->limits.depth++;

    return rc;
}


static jm_rc_e
jm_json_members(jm_json_reader_t *r, jm_json_t *list)
{
    uint8_t      close;
    jm_rc_e      rc;
    jm_str_t     key = jm_null_string;
    jm_json_t  **next;

    next = &list->child;
    close = (list->type == JM_JSON_OBJECT) ? '}' : ']';

    if (jm_json_take(r, close)) {
        return JM_OK;
    }

    do {
        if (list->type == JM_JSON_OBJECT) {

            if (!jm_json_take(r, '"')) {
                return JM_INVALID;
            }

            rc = jm_json_text(r, &key);
            if (rc != JM_OK) {
                return rc;
            }

            if (!jm_json_take(r, ':')) {
                return JM_INVALID;
            }
        }

        rc = jm_json_value(r, next);
        if (rc != JM_OK) {
            return rc;
        }

        (*next)->key = key;
        next = &(*next)->next;
        list->count++;

    } while (jm_json_take(r, ','));

    return jm_json_take(r, close) ? JM_OK : JM_INVALID;
}


static jm_rc_e
jm_json_add(jm_json_reader_t *r, jm_json_t **node, jm_json_type_e type)
{
    jm_json_t  *added;

    if (r->limits.nodes == 0) {
        r->why = "has too many values";
        return JM_INVALID;
    }

    added = r->mem->alloc(r->mem->ctx, sizeof(jm_json_t));
    if (added == NULL) {
        return JM_ERROR;
    }

    memset(added, 0, sizeof(jm_json_t));
    added->type = type;

    *node = added;
    r->limits.nodes--;

    return JM_OK;
}


static jm_rc_e
jm_json_scalar(jm_json_reader_t *r, jm_json_t **node)
{
    jm_rc_e         rc;
    jm_str_t        text = jm_null_string;
    unsigned        boolean;
    jm_json_type_e  type;

    rc = JM_OK;
    boolean = 0;

    if (jm_json_take(r, '"')) {
        type = JM_JSON_STRING;
        rc = jm_json_text(r, &text);

    } else if (jm_json_word(r, "null")) {
        type = JM_JSON_NULL;

    } else if (jm_json_word(r, "false")) {
        type = JM_JSON_BOOL;

    } else if (jm_json_word(r, "true")) {
        type = JM_JSON_BOOL;
        boolean = 1;

    } else if (jm_json_numeral(r, &text)) {
        type = JM_JSON_NUMBER;

    } else {
        return JM_INVALID;
    }

    if (rc == JM_OK) {
        rc = jm_json_add(r, node, type);
    }

    if (rc == JM_OK) {
        (*node)->text = text;
        (*node)->boolean = boolean;
    }

    return rc;
}


/* what comes behind a word, or a number, is looked at by whoever goes on */

static unsigned
jm_json_word(jm_json_reader_t *r, const char *word)
{
    size_t  len;

    len = strlen(word);

    if ((size_t) (r->end - r->p) < len || memcmp(r->p, word, len) != 0) {
        return 0;
    }

    r->p += len;

    return 1;
}


static unsigned
jm_json_numeral(jm_json_reader_t *r, jm_str_t *text)
{
    const uint8_t  *start;

    start = r->p;

    (void) jm_json_word(r, "-");

    /* a zero is the first digit of no other number */

    if (!jm_json_word(r, "0") && !jm_json_digits(r)) {
        return 0;
    }

    if (jm_json_word(r, ".") && !jm_json_digits(r)) {
        return 0;
    }

    if (jm_json_word(r, "e") || jm_json_word(r, "E")) {

        if (!jm_json_word(r, "+")) {
            (void) jm_json_word(r, "-");
        }

        if (!jm_json_digits(r)) {
            return 0;
        }
    }

    text->len = (size_t) (r->p - start);
    text->data = start;

    return 1;
}


static unsigned
jm_json_digits(jm_json_reader_t *r)
{
    const uint8_t  *start;

    for (start = r->p; r->p != r->end && *r->p >= '0' && *r->p <= '9'; r->p++) {
        /* void */
    }

    return r->p != start;
}


/* behind its first quote; a view where there is no escape in it, else a copy */

static jm_rc_e
jm_json_text(jm_json_reader_t *r, jm_str_t *text)
{
    size_t          n;
    uint8_t         bytes[4];
    jm_str_t        rest;
    unsigned        escaped;
    const uint8_t  *start;

    start = r->p;
    escaped = 0;

    for ( ;; ) {
        rest.len = (size_t) (r->end - r->p);
        rest.data = r->p;

        r->p += jm_json_plain(rest);

        if (r->p == r->end) {
            return JM_INVALID;
        }

        if (*r->p == '"') {
            break;
        }

        r->p = jm_json_escape(r->p, r->end, bytes, &n);
        if (r->p == NULL) {
            return JM_INVALID;
        }

        escaped = 1;
    }

    text->len = (size_t) (r->p - start);
    text->data = start;

    r->p++;

    return escaped ? jm_json_copy(r, text) : JM_OK;
}


/* what an escape stands for is never longer */

static jm_rc_e
jm_json_copy(jm_json_reader_t *r, jm_str_t *text)
{
    size_t          n;
    uint8_t        *copy, *dst;
    jm_str_t        rest;
    const uint8_t  *end;

    copy = r->mem->alloc(r->mem->ctx, text->len);
    if (copy == NULL) {
        return JM_ERROR;
    }

    dst = copy;
    rest = *text;
    end = rest.data + rest.len;

    while (rest.data != end) {
        rest.len = (size_t) (end - rest.data);

        n = jm_json_plain(rest);
        memcpy(dst, rest.data, n);

        dst += n;
        rest.data += n;

        if (rest.data != end) {
            rest.data = jm_json_escape(rest.data, end, dst, &n);
            dst += n;
        }
    }

    text->len = (size_t) (dst - copy);
    text->data = copy;

    return JM_OK;
}


/*
 * Writes the n bytes, at most 4, that the escape at p stands for, and returns
 * its end; NULL when it is none.  Half a surrogate pair is none.
 */

static const uint8_t *
jm_json_escape(const uint8_t *p, const uint8_t *end, uint8_t *dst, size_t *n)
{
    unsigned  unit, low;

    p = jm_json_unit(p, end, &unit);

    if (p == NULL || (unit & 0xfc00) == 0xdc00) {
        return NULL;
    }

    if ((unit & 0xfc00) == 0xd800) {
        p = jm_json_unit(p, end, &low);

        if (p == NULL || (low & 0xfc00) != 0xdc00) {
            return NULL;
        }

        unit = 0x10000 + ((unit & 0x3ff) << 10) + (low & 0x3ff);
    }

    *n = jm_json_utf8(dst, unit);

    return p;
}


static const uint8_t *
jm_json_unit(const uint8_t *p, const uint8_t *end, unsigned *unit)
{
    int          rc;
    jm_escape_t  e;

    if (p == end || *p++ != '\\') {
        return NULL;
    }

    jm_escape_init(&e);

    do {
        rc = (p == end) ? JM_ESCAPE_INVALID : jm_escape_add(&e, *p++);
    } while (rc == JM_ESCAPE_AGAIN);

    *unit = (unsigned) rc;

    return rc == JM_ESCAPE_INVALID ? NULL : p;
}


static size_t
jm_json_utf8(uint8_t *dst, unsigned code)
{
    size_t  i, n;

    static const uint8_t  first[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

    n = (code < 0x80) ? 1 : (code < 0x800) ? 2 : (code < 0x10000) ? 3 : 4;

    for (i = n - 1; i > 0; i--) {
        dst[i] = (uint8_t) (0x80 | (code & 0x3f));
        code >>= 6;
    }

    dst[0] = (uint8_t) (first[n] | code);

    return n;
}


/* the next byte that is no white space, 0 when there is none */

static unsigned
jm_json_byte(jm_json_reader_t *r)
{
    for ( /* void */ ; r->p != r->end; r->p++) {

        if (*r->p != ' ' && *r->p != '\t' && *r->p != '\n' && *r->p != '\r') {
            return *r->p;
        }
    }

    return 0;
}


static unsigned
jm_json_take(jm_json_reader_t *r, uint8_t c)
{
    if (jm_json_byte(r) != c) {
        return 0;
    }

    r->p++;

    return 1;
}


jm_json_t *
jm_json_get(const jm_json_t *object, const char *name)
{
    size_t      len;
    jm_json_t  *node, *found;

    if (object == NULL || object->type != JM_JSON_OBJECT) {
        return NULL;
    }

    len = strlen(name);
    found = NULL;

    for (node = object->child; node != NULL; node = node->next) {
        if (node->key.len == len && memcmp(node->key.data, name, len) == 0) {
            found = node;
        }
    }

    return found;
}
