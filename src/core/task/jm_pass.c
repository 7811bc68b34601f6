
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Strings are found by brackets, quotes and escapes alone: whether the answer
 * is JSON at all, jm_json_read() finds out from what is handed on.
 */


#include "jm_pass.h"


/* bytes that are looked at together: a cache line */

#define JM_PASS_BLOCK       64
#define JM_PASS_PART        16

/* the highest bit of a byte is set when x is less than n, which is <= 128 */

#define jm_pass_below(x, n)  ((uint8_t) ((x) - (n)) & ~(x))

/* p->matched of a string that is not "binary_data_base64" */

#define JM_PASS_NO_KEY      sizeof(jm_pass_key)


typedef enum {
    JM_PASS_PLAIN = 0,      /* outside of strings */
    JM_PASS_STRING,
    JM_PASS_STRING_ESCAPE,
    JM_PASS_BEGIN,          /* behind the quote that opens a picture */
    JM_PASS_PICTURE,
    JM_PASS_PICTURE_ESCAPE,
    JM_PASS_END,            /* before the quote that closes it */
    JM_PASS_BAD
} jm_pass_state_e;


/* what p->after tells of the last token */

typedef enum {
    JM_PASS_OTHER = 0,
    JM_PASS_KEY,            /* a string that may turn out to be the key */
    JM_PASS_COLON           /* the key, and a colon */
} jm_pass_after_e;


static jm_pass_e jm_pass_rest(jm_pass_t *p, jm_str_t *in, jm_str_t *run);
static void jm_pass_plain(jm_pass_t *p, uint8_t c);
static void jm_pass_string(jm_pass_t *p, uint8_t c);
static void jm_pass_string_escape(jm_pass_t *p, uint8_t c);
static void jm_pass_match(jm_pass_t *p, int unit);
static jm_pass_e jm_pass_picture(jm_pass_t *p, jm_str_t *in, jm_str_t *run);
static jm_pass_e jm_pass_picture_escape(jm_pass_t *p, jm_str_t *in,
    jm_str_t *run);
static void jm_pass_take(jm_str_t *in, jm_str_t *run, size_t len);
static size_t jm_pass_span(jm_str_t s);
static unsigned jm_pass_block(const uint8_t *s);
static unsigned jm_pass_part(const uint8_t *s);
static inline uint8_t jm_pass_alphabet(uint8_t c);


static const char  jm_pass_key[] = "binary_data_base64";


void
jm_pass_init(jm_pass_t *p)
{
    memset(p, 0, sizeof(jm_pass_t));
}


jm_pass_e
jm_pass_next(jm_pass_t *p, jm_str_t *in, jm_str_t *run)
{
    run->len = 0;
    run->data = NULL;

    switch (p->state) {

    case JM_PASS_BEGIN:
        p->state = JM_PASS_PICTURE;
        return JM_PASS_OPEN;

    case JM_PASS_PICTURE:
    case JM_PASS_PICTURE_ESCAPE:
        return jm_pass_picture(p, in, run);

    case JM_PASS_BAD:
        return JM_PASS_INVALID;

    default:
        return jm_pass_rest(p, in, run);
    }
}


unsigned
jm_pass_inside(const jm_pass_t *p)
{
    return p->state == JM_PASS_PICTURE || p->state == JM_PASS_PICTURE_ESCAPE;
}


static jm_pass_e
jm_pass_rest(jm_pass_t *p, jm_str_t *in, jm_str_t *run)
{
    size_t  n;

    for (n = 0; n < in->len && p->state != JM_PASS_BEGIN; n++) {

        switch (p->state) {

        case JM_PASS_STRING:
            jm_pass_string(p, in->data[n]);
            break;

        case JM_PASS_STRING_ESCAPE:
            jm_pass_string_escape(p, in->data[n]);
            break;

        case JM_PASS_END:
            p->state = JM_PASS_PLAIN;
            break;

        default:
            jm_pass_plain(p, in->data[n]);
        }
    }

    if (n == 0) {
        return JM_PASS_AGAIN;
    }

    jm_pass_take(in, run, n);

    return JM_PASS_REST;
}


static void
jm_pass_plain(jm_pass_t *p, uint8_t c)
{
    unsigned  after;

    after = JM_PASS_OTHER;

    switch (c) {

    case ' ':
    case '\t':
    case '\n':
    case '\r':
        return;

    case '"':
        p->state = (p->arrays & 1) ? JM_PASS_BEGIN : JM_PASS_STRING;
        p->matched = 0;
        break;

    case ':':
        after = (p->after == JM_PASS_KEY) ? JM_PASS_COLON : JM_PASS_OTHER;
        break;

    case '[':
        p->arrays = p->arrays << 1 | (p->after == JM_PASS_COLON);
        break;

    case '{':
        p->arrays <<= 1;
        break;

    case ']':
    case '}':
        p->arrays >>= 1;
        break;

    default:
        break;
    }

    p->after = after;
}


static void
jm_pass_string(jm_pass_t *p, uint8_t c)
{
    switch (c) {

    case '"':
        p->state = JM_PASS_PLAIN;

        if (p->matched == sizeof(jm_pass_key) - 1) {
            p->after = JM_PASS_KEY;
        }

        break;

    case '\\':
        p->state = JM_PASS_STRING_ESCAPE;
        jm_escape_init(&p->escape);
        break;

    default:
        jm_pass_match(p, c);
    }
}


static void
jm_pass_string_escape(jm_pass_t *p, uint8_t c)
{
    int  unit;

    unit = jm_escape_add(&p->escape, c);

    if (unit != JM_ESCAPE_AGAIN) {
        p->state = JM_PASS_STRING;
        jm_pass_match(p, unit);
    }
}


static void
jm_pass_match(jm_pass_t *p, int unit)
{
    if (p->matched < sizeof(jm_pass_key) - 1
        && unit == jm_pass_key[p->matched])
    {
        p->matched++;

    } else {
        p->matched = JM_PASS_NO_KEY;
    }
}


static jm_pass_e
jm_pass_picture(jm_pass_t *p, jm_str_t *in, jm_str_t *run)
{
    size_t     n;
    jm_pass_e  rc;

    while (in->len != 0) {

        if (p->state == JM_PASS_PICTURE_ESCAPE) {
            rc = jm_pass_picture_escape(p, in, run);
            if (rc != JM_PASS_AGAIN) {
                return rc;
            }

            continue;
        }

        n = jm_pass_span(*in);

        if (n != 0) {
            jm_pass_take(in, run, n);
            return JM_PASS_TEXT;
        }

        switch (in->data[0]) {

        case '"':
            p->state = JM_PASS_END;
            return JM_PASS_CLOSE;

        case '\\':
            p->state = JM_PASS_PICTURE_ESCAPE;
            jm_escape_init(&p->escape);
            break;

        case ' ':
            break;

        default:
            p->state = JM_PASS_BAD;
            return JM_PASS_INVALID;
        }

        in->data++;
        in->len--;
    }

    return JM_PASS_AGAIN;
}


/* the next byte of an escape: JM_PASS_AGAIN when there is no run of it */

static jm_pass_e
jm_pass_picture_escape(jm_pass_t *p, jm_str_t *in, jm_str_t *run)
{
    int                unit;
    uint8_t            c;
    static const char  chars[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";

    c = in->data[0];

    /* it stands for itself: the next run may as well begin with it */

    if (p->escape.digits == 0 && c == '/') {
        p->state = JM_PASS_PICTURE;
        return JM_PASS_AGAIN;
    }

    in->data++;
    in->len--;

    unit = jm_escape_add(&p->escape, c);

    switch (unit) {

    case JM_ESCAPE_AGAIN:
        return JM_PASS_AGAIN;

    case ' ':
    case '\t':
    case '\n':
    case '\r':
        p->state = JM_PASS_PICTURE;
        return JM_PASS_AGAIN;
    }

    run->data = (unit > 0 && unit < 0x80)
                ? memchr(chars, unit, sizeof(chars) - 1) : NULL;

    if (run->data == NULL) {
        p->state = JM_PASS_BAD;
        return JM_PASS_INVALID;
    }

    p->state = JM_PASS_PICTURE;
    run->len = 1;

    return JM_PASS_TEXT;
}


static void
jm_pass_take(jm_str_t *in, jm_str_t *run, size_t len)
{
    run->data = in->data;
    run->len = len;

    in->data += len;
    in->len -= len;
}


/* how many characters at the beginning of s are of the alphabet */

static size_t
jm_pass_span(jm_str_t s)
{
    size_t  n;

    n = 0;

    while (s.len - n >= JM_PASS_BLOCK && jm_pass_block(s.data + n)) {
        n += JM_PASS_BLOCK;
    }

    while (s.len - n >= JM_PASS_PART && jm_pass_part(s.data + n)) {
        n += JM_PASS_PART;
    }

    while (n < s.len && (jm_pass_alphabet(s.data[n]) || s.data[n] == '=')) {
        n++;
    }

    return n;
}


/*
 * Whether a block is of the alphabet: this is where the time goes.  With a
 * fixed length and nothing but arithmetic of bytes in it, this loop becomes
 * vector instructions at gcc's -O2; a comparison would keep it from that.
 */

static unsigned
jm_pass_block(const uint8_t *s)
{
    size_t   i;
    uint8_t  all;

    all = 0x80;

    for (i = 0; i < JM_PASS_BLOCK; i++) {
        all &= jm_pass_alphabet(s[i]);
    }

    return all;
}


/* the same for fewer bytes, where a block has the end of the text in it */

static unsigned
jm_pass_part(const uint8_t *s)
{
    size_t   i;
    uint8_t  all;

    all = 0x80;

    for (i = 0; i < JM_PASS_PART; i++) {
        all &= jm_pass_alphabet(s[i]);
    }

    return all;
}


/* 0x80 for a character of the alphabet, which "=" is not, else 0 */

static inline uint8_t
jm_pass_alphabet(uint8_t c)
{
    uint8_t  letter, digit, plus;

    letter = (uint8_t) ((c | 0x20) - 'a');
    digit = (uint8_t) (c - '/');
    plus = (uint8_t) (c - '+');

    /* the slash stands right before the digits */

    return (jm_pass_below(letter, 26) | jm_pass_below(digit, 11)
            | jm_pass_below(plus, 1)) & 0x80;
}
