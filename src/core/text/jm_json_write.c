
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * The JSON writer.
 */


#include "jm_json.h"
#include "jm_text.h"


/* a byte, in each of eight */

#define jm_json_each(c)     ((uint64_t) (c) * 0x0101010101010101)


static unsigned jm_json_may_key(jm_json_writer_t *w);
static unsigned jm_json_value(jm_json_writer_t *w);
static void jm_json_begin(jm_json_writer_t *w, unsigned object);
static void jm_json_end(jm_json_writer_t *w, unsigned object);
static uint8_t *jm_json_room(jm_json_writer_t *w, size_t len);
static void jm_json_text(jm_json_writer_t *w, jm_str_t s, const char *end,
    size_t n);
static void jm_json_literal(jm_json_writer_t *w, const char *s);
static size_t jm_json_plain(jm_str_t s);
static void jm_json_escape(jm_buf_t *out, jm_str_t s);
static void jm_json_escape_byte(jm_buf_t *out, uint8_t c);


void
jm_json_open(jm_json_writer_t *w, jm_buf_t *out)
{
    w->out = out;
    w->level = 0;
    w->keyed = 0;
    w->comma = 0;
    w->objects = 0;
}


jm_rc_e
jm_json_close(jm_json_writer_t *w)
{
    if (w->level != 0 || !w->comma) {
        w->out->rc = JM_ERROR;
    }

    return w->out->rc;
}


void
jm_json_object(jm_json_writer_t *w)
{
    jm_json_begin(w, 1);
}


void
jm_json_end_object(jm_json_writer_t *w)
{
    jm_json_end(w, 1);
}


void
jm_json_array(jm_json_writer_t *w)
{
    jm_json_begin(w, 0);
}


void
jm_json_end_array(jm_json_writer_t *w)
{
    jm_json_end(w, 0);
}


void
jm_json_member(jm_json_writer_t *w, const char *text, size_t len)
{
    uint8_t  *p;

    if (!jm_json_may_key(w)) {
        return;
    }

    p = jm_json_room(w, len);

    if (p != NULL) {
        memcpy(p, text, len);
    }

    w->keyed = 1;
    w->comma = 0;
}


void
jm_json_name(jm_json_writer_t *w, const char *name)
{
    jm_str_t  s;

    s.len = strlen(name);
    s.data = (const uint8_t *) name;

    jm_json_named(w, s);
}


void
jm_json_named(jm_json_writer_t *w, jm_str_t name)
{
    if (!jm_json_may_key(w)) {
        return;
    }

    jm_json_text(w, name, "\":", 2);

    w->keyed = 1;
    w->comma = 0;
}


static unsigned
jm_json_may_key(jm_json_writer_t *w)
{
    if (!(w->objects & 1) || w->keyed) {
        w->out->rc = JM_ERROR;
    }

    return w->out->rc == JM_OK;
}


void
jm_json_string(jm_json_writer_t *w, jm_str_t s)
{
    if (jm_json_value(w)) {
        jm_json_text(w, s, "\"", 1);
    }
}


void
jm_json_cstring(jm_json_writer_t *w, const char *s)
{
    jm_str_t  v;

    v.len = strlen(s);
    v.data = (const uint8_t *) s;

    jm_json_string(w, v);
}


void
jm_json_raw(jm_json_writer_t *w, jm_str_t raw)
{
    uint8_t  *p;

    if (!jm_json_value(w)) {
        return;
    }

    p = jm_json_room(w, raw.len);

    if (p != NULL) {
        memcpy(p, raw.data, raw.len);
    }
}


void
jm_json_int(jm_json_writer_t *w, int64_t value)
{
    uint8_t   digits[1 + JM_DIGITS_MAX], *p, *end;
    jm_str_t  number;

    end = digits + sizeof(digits);
    p = jm_digits(end, (value < 0) ? 0 - (uint64_t) value : (uint64_t) value);

    if (value < 0) {
        *--p = '-';
    }

    number.len = (size_t) (end - p);
    number.data = p;

    jm_json_raw(w, number);
}


void
jm_json_bool(jm_json_writer_t *w, unsigned value)
{
    jm_json_literal(w, value ? "true" : "false");
}


void
jm_json_null(jm_json_writer_t *w)
{
    jm_json_literal(w, "null");
}


/* whether a value may come now: in an object behind its key, and at most one */

static unsigned
jm_json_value(jm_json_writer_t *w)
{
    if (w->level == 0 ? w->comma : (w->objects & 1) && !w->keyed) {
        w->out->rc = JM_ERROR;
    }

    return w->out->rc == JM_OK;
}


static void
jm_json_begin(jm_json_writer_t *w, unsigned object)
{
    uint8_t  *p;

    if (!jm_json_value(w)) {
        return;
    }

    if (w->level == JM_JSON_LEVELS) {
        w->out->rc = JM_ERROR;
        return;
    }

    p = jm_json_room(w, 1);
    if (p == NULL) {
        return;
    }

    *p = object ? '{' : '[';

    w->level++;
    w->objects = w->objects << 1 | object;
    w->comma = 0;
}


static void
jm_json_end(jm_json_writer_t *w, unsigned object)
{
    if (w->level == 0 || (w->objects & 1) != object || w->keyed) {
        w->out->rc = JM_ERROR;
        return;
    }

    w->level--;
    w->objects >>= 1;
    w->comma = 1;

    jm_buf_add(w->out, object ? "}" : "]", 1);
}


/* where a key or a value of so many bytes goes, behind a comma if need be */

static uint8_t *
jm_json_room(jm_json_writer_t *w, size_t len)
{
    uint8_t  *p;

    p = jm_buf_take(w->out, len + w->comma);

    if (p != NULL && w->comma) {
        *p++ = ',';
    }

    w->keyed = 0;
    w->comma = 1;

    return p;
}


/* a text in quotes, of which n bytes of end are the second, and what follows */

static void
jm_json_text(jm_json_writer_t *w, jm_str_t s, const char *end, size_t n)
{
    size_t    plain;
    uint8_t  *p;

    plain = jm_json_plain(s);

    p = jm_json_room(w, 1 + plain + (plain == s.len ? n : 0));
    if (p == NULL) {
        return;
    }

    *p++ = '"';

    if (plain != 0) {
        memcpy(p, s.data, plain);
    }

    if (plain == s.len) {
        memcpy(p + plain, end, n);
        return;
    }

    s.len -= plain;
    s.data += plain;

    jm_json_escape(w->out, s);
    jm_buf_add(w->out, end, n);
}


static void
jm_json_literal(jm_json_writer_t *w, const char *s)
{
    jm_str_t  v;

    v.len = strlen(s);
    v.data = (const uint8_t *) s;

    jm_json_raw(w, v);
}


/* how many bytes of s need no escape; eight are looked at at once */

static size_t
jm_json_plain(jm_str_t s)
{
    size_t    i;
    uint64_t  eight, found;

    for (i = 0; s.len - i >= 8; i += 8) {
        memcpy(&eight, s.data + i, 8);

        /* a byte's highest bit, if it is less than the one subtracted */

        found = (eight - jm_json_each(' '))
                | ((eight ^ jm_json_each('"')) - jm_json_each(1))
                | ((eight ^ jm_json_each('\\')) - jm_json_each(1));

        if (found & ~eight & jm_json_each(0x80)) {
            break;
        }
    }

    while (i < s.len && s.data[i] >= ' ' && s.data[i] != '"'
           && s.data[i] != '\\')
    {
        i++;
    }

    return i;
}


static void
jm_json_escape(jm_buf_t *out, jm_str_t s)
{
    size_t  plain;

    while (s.len != 0) {
        plain = jm_json_plain(s);
        jm_buf_add(out, s.data, plain);

        s.len -= plain;
        s.data += plain;

        if (s.len != 0) {
            jm_json_escape_byte(out, *s.data++);
            s.len--;
        }
    }
}


static void
jm_json_escape_byte(jm_buf_t *out, uint8_t c)
{
    uint8_t  text[sizeof("\\u00XX") - 1];

    static const char  hex[] = "0123456789ABCDEF";

    text[0] = '\\';

    switch (c) {

    case '"':
    case '\\':
        text[1] = c;
        break;

    case '\b':
        text[1] = 'b';
        break;

    case '\f':
        text[1] = 'f';
        break;

    case '\n':
        text[1] = 'n';
        break;

    case '\r':
        text[1] = 'r';
        break;

    case '\t':
        text[1] = 't';
        break;

    default:
        text[1] = 'u';
        text[2] = '0';
        text[3] = '0';
        text[4] = (uint8_t) hex[c >> 4];
        text[5] = (uint8_t) hex[c & 0xf];

        jm_buf_add(out, text, 6);
        return;
    }

    jm_buf_add(out, text, 2);
}
