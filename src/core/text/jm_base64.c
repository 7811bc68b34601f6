
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Base64, both ways, in pieces.
 */


#include "jm_base64.h"


/* what jm_base64_values has for characters of neither alphabet */

#define JM_BASE64_NONE      77

/* whether c is what is expected, in lower case, in any case */

#define jm_base64_match(c, lower)                                             \
    ((c) == (lower) || ((c) >= 'A' && (c) <= 'Z' && ((c) | 0x20) == (lower)))


/* the pairs of characters that begin with a */

#define jm_base64_pairs_of(a)                                                 \
    { a, 'A' }, { a, 'B' }, { a, 'C' }, { a, 'D' },                           \
    { a, 'E' }, { a, 'F' }, { a, 'G' }, { a, 'H' },                           \
    { a, 'I' }, { a, 'J' }, { a, 'K' }, { a, 'L' },                           \
    { a, 'M' }, { a, 'N' }, { a, 'O' }, { a, 'P' },                           \
    { a, 'Q' }, { a, 'R' }, { a, 'S' }, { a, 'T' },                           \
    { a, 'U' }, { a, 'V' }, { a, 'W' }, { a, 'X' },                           \
    { a, 'Y' }, { a, 'Z' }, { a, 'a' }, { a, 'b' },                           \
    { a, 'c' }, { a, 'd' }, { a, 'e' }, { a, 'f' },                           \
    { a, 'g' }, { a, 'h' }, { a, 'i' }, { a, 'j' },                           \
    { a, 'k' }, { a, 'l' }, { a, 'm' }, { a, 'n' },                           \
    { a, 'o' }, { a, 'p' }, { a, 'q' }, { a, 'r' },                           \
    { a, 's' }, { a, 't' }, { a, 'u' }, { a, 'v' },                           \
    { a, 'w' }, { a, 'x' }, { a, 'y' }, { a, 'z' },                           \
    { a, '0' }, { a, '1' }, { a, '2' }, { a, '3' },                           \
    { a, '4' }, { a, '5' }, { a, '6' }, { a, '7' },                           \
    { a, '8' }, { a, '9' }, { a, '+' }, { a, '/' }


typedef enum {
    JM_BASE64_FRONT = 0,    /* text, or "data:" */
    JM_BASE64_TYPE,         /* behind "data:" */
    JM_BASE64_TEXT,
    JM_BASE64_PADDED,       /* behind the first "=" */
    JM_BASE64_BAD
} jm_base64_state_e;


static const char  jm_base64_other[] =
    "is neither an http:// or https:// URL nor base64";

static const char  jm_base64_blank[] =
    "has a blank within its base64: a \"+\" became a space on its way, as it "
    "does in a URL-encoded form; write it as \"%2B\" there";

static const char  jm_base64_cut[] = "is base64 that is cut off";


static unsigned jm_base64_unescape(jm_base64_t *d, uint8_t *c);
static jm_rc_e jm_base64_add(jm_base64_t *d, uint8_t c, uint8_t **dst);
static unsigned jm_base64_front(jm_base64_t *d, uint8_t c, uint8_t **dst);
static jm_rc_e jm_base64_type(jm_base64_t *d, uint8_t c);
static jm_rc_e jm_base64_text(jm_base64_t *d, uint8_t c, uint8_t **dst);
static jm_rc_e jm_base64_bad(jm_base64_t *d, const char *why);
static void jm_base64_bytes(jm_base64_t *d, uint8_t **dst);
static const uint8_t *jm_base64_groups(const uint8_t *p, const uint8_t *end,
    uint8_t **dst);
static void jm_base64_group(const uint8_t *p, uint8_t *dst);
static void jm_base64_two_groups(const uint8_t *p, uint8_t *dst);


/* both alphabets: their characters of value 62 and 63 are all different */

static const uint8_t  jm_base64_values[256] = {
    77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77,
    77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77,
    77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 62, 77, 62, 77, 63,
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 77, 77, 77, 77, 77, 77,
    77,  0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14,
    15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 77, 77, 77, 77, 63,
    77, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
    41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 77, 77, 77, 77, 77,
    77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77,
    77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77,
    77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77,
    77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77,
    77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77,
    77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77,
    77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77,
    77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77, 77
};


/* what twelve bits become: half as many look-ups as by single characters */

static const uint8_t  jm_base64_pairs[4096][2] = {
    jm_base64_pairs_of('A'), jm_base64_pairs_of('B'),
    jm_base64_pairs_of('C'), jm_base64_pairs_of('D'),
    jm_base64_pairs_of('E'), jm_base64_pairs_of('F'),
    jm_base64_pairs_of('G'), jm_base64_pairs_of('H'),
    jm_base64_pairs_of('I'), jm_base64_pairs_of('J'),
    jm_base64_pairs_of('K'), jm_base64_pairs_of('L'),
    jm_base64_pairs_of('M'), jm_base64_pairs_of('N'),
    jm_base64_pairs_of('O'), jm_base64_pairs_of('P'),
    jm_base64_pairs_of('Q'), jm_base64_pairs_of('R'),
    jm_base64_pairs_of('S'), jm_base64_pairs_of('T'),
    jm_base64_pairs_of('U'), jm_base64_pairs_of('V'),
    jm_base64_pairs_of('W'), jm_base64_pairs_of('X'),
    jm_base64_pairs_of('Y'), jm_base64_pairs_of('Z'),
    jm_base64_pairs_of('a'), jm_base64_pairs_of('b'),
    jm_base64_pairs_of('c'), jm_base64_pairs_of('d'),
    jm_base64_pairs_of('e'), jm_base64_pairs_of('f'),
    jm_base64_pairs_of('g'), jm_base64_pairs_of('h'),
    jm_base64_pairs_of('i'), jm_base64_pairs_of('j'),
    jm_base64_pairs_of('k'), jm_base64_pairs_of('l'),
    jm_base64_pairs_of('m'), jm_base64_pairs_of('n'),
    jm_base64_pairs_of('o'), jm_base64_pairs_of('p'),
    jm_base64_pairs_of('q'), jm_base64_pairs_of('r'),
    jm_base64_pairs_of('s'), jm_base64_pairs_of('t'),
    jm_base64_pairs_of('u'), jm_base64_pairs_of('v'),
    jm_base64_pairs_of('w'), jm_base64_pairs_of('x'),
    jm_base64_pairs_of('y'), jm_base64_pairs_of('z'),
    jm_base64_pairs_of('0'), jm_base64_pairs_of('1'),
    jm_base64_pairs_of('2'), jm_base64_pairs_of('3'),
    jm_base64_pairs_of('4'), jm_base64_pairs_of('5'),
    jm_base64_pairs_of('6'), jm_base64_pairs_of('7'),
    jm_base64_pairs_of('8'), jm_base64_pairs_of('9'),
    jm_base64_pairs_of('+'), jm_base64_pairs_of('/')
};


void
jm_base64_init(jm_base64_t *d, unsigned flags)
{
    memset(d, 0, sizeof(jm_base64_t));

    d->flags = flags;
    d->state = (flags & JM_BASE64_URI) ? JM_BASE64_FRONT : JM_BASE64_TEXT;
}


jm_rc_e
jm_base64_decode(jm_base64_t *d, jm_str_t text, uint8_t *dst, size_t *n)
{
    uint8_t         c, *start;
    const uint8_t  *p, *next, *end;

    *n = 0;

    if (d->state == JM_BASE64_BAD) {
        return JM_INVALID;
    }

    if (text.len == 0) {
        return JM_OK;
    }

    p = text.data;
    end = p + text.len;
    start = dst;

    for ( ;; ) {

        if (d->state == JM_BASE64_TEXT && d->count == 0 && !d->escaped
            && !d->blank)
        {
            next = jm_base64_groups(p, end, &dst);

            d->started |= (next != p);
            p = next;
        }

        if (p == end) {
            break;
        }

        c = *p++;

        if ((d->flags & JM_BASE64_JSON) && !jm_base64_unescape(d, &c)) {
            continue;
        }

        if (jm_base64_add(d, c, &dst) != JM_OK) {
            return jm_base64_bad(d, d->blank ? jm_base64_blank
                                             : jm_base64_other);
        }
    }

    *n = (size_t) (dst - start);

    return JM_OK;
}


jm_rc_e
jm_base64_decode_end(jm_base64_t *d, uint8_t *dst, size_t *n)
{
    uint8_t  *start;

    *n = 0;
    start = dst;

    if (d->state == JM_BASE64_FRONT) {
        (void) jm_base64_front(d, '\0', &dst);
    }

    if (d->state == JM_BASE64_BAD) {
        return JM_INVALID;
    }

    if (d->state == JM_BASE64_TYPE || d->escaped || d->missing != 0
        || d->count == 1)
    {
        return jm_base64_bad(d, jm_base64_cut);
    }

    if (d->count != 0) {
        jm_base64_bytes(d, &dst);
    }

    *n = (size_t) (dst - start);

    return JM_OK;
}


/*
 * What c stands for in a JSON string, in its place; 0 when that is not known
 * yet.  A character that no string or no base64 has becomes a zero.
 */

static unsigned
jm_base64_unescape(jm_base64_t *d, uint8_t *c)
{
    int  unit;

    if (d->escaped) {
        unit = jm_escape_add(&d->escape, *c);
        if (unit == JM_ESCAPE_AGAIN) {
            return 0;
        }

        *c = (unit > 0 && unit < 0x80) ? (uint8_t) unit : '\0';
        d->escaped = 0;

        return 1;
    }

    if (*c == '\\') {
        jm_escape_init(&d->escape);
        d->escaped = 1;
        return 0;
    }

    if (*c < 0x20) {
        *c = '\0';
    }

    return 1;
}


static jm_rc_e
jm_base64_add(jm_base64_t *d, uint8_t c, uint8_t **dst)
{
    unsigned  space;

    space = (c == ' ' || c == '\t' || c == '\n' || c == '\r');

    if (d->state == JM_BASE64_TYPE) {
        return jm_base64_type(d, c);
    }

    if (d->state == JM_BASE64_FRONT) {

        if ((space && d->matched == 0) || jm_base64_front(d, c, dst)) {
            return JM_OK;
        }
    }

    if (space) {
        d->blank |= d->started && (c == ' ' || c == '\t');
        return JM_OK;
    }

    return jm_base64_text(d, c, dst);
}


/*
 * The characters of "data" are base64 as well: they are held until it is seen
 * whether a colon follows.  Returns 0 when something else did: c is text then.
 */

static unsigned
jm_base64_front(jm_base64_t *d, uint8_t c, uint8_t **dst)
{
    size_t             i;
    static const char  front[] = "data:";

    if (jm_base64_match(c, front[d->matched])) {

        if (c == ':') {
            d->state = JM_BASE64_TYPE;
            d->matched = 0;

        } else {
            d->held[d->matched++] = c;
        }

        return 1;
    }

    d->state = JM_BASE64_TEXT;

    for (i = 0; i < d->matched; i++) {
        (void) jm_base64_text(d, d->held[i], dst);
    }

    return 0;
}


/* of what stands before the comma only ";base64" at its end matters */

static jm_rc_e
jm_base64_type(jm_base64_t *d, uint8_t c)
{
    static const char  type[] = ";base64";

    if (c < 0x20 || c > 0x7e) {
        return JM_INVALID;
    }

    if (c == ',') {
        d->state = JM_BASE64_TEXT;
        return (d->matched == sizeof(type) - 1) ? JM_OK : JM_INVALID;
    }

    if (d->matched != sizeof(type) - 1
        && jm_base64_match(c, type[d->matched]))
    {
        d->matched++;

    } else {
        d->matched = (c == ';');
    }

    return JM_OK;
}


static jm_rc_e
jm_base64_text(jm_base64_t *d, uint8_t c, uint8_t **dst)
{
    uint8_t  value;

    if (d->blank) {
        return JM_INVALID;
    }

    d->started = 1;

    if (c == '=') {

        if (d->state == JM_BASE64_PADDED) {

            if (d->missing == 0) {
                return JM_INVALID;
            }

            d->missing--;

        } else {

            if (d->count < 2) {
                return JM_INVALID;
            }

            d->state = JM_BASE64_PADDED;
            d->missing = 3 - d->count;
        }

        return JM_OK;
    }

    value = jm_base64_values[c];

    if (value == JM_BASE64_NONE || d->state == JM_BASE64_PADDED) {
        return JM_INVALID;
    }

    d->bits = d->bits << 6 | value;
    d->count++;

    if (d->count == 4) {
        jm_base64_bytes(d, dst);
    }

    return JM_OK;
}


static jm_rc_e
jm_base64_bad(jm_base64_t *d, const char *why)
{
    d->state = JM_BASE64_BAD;
    d->why = why;

    return JM_INVALID;
}


/* the bytes of a group, which is complete or the last */

static void
jm_base64_bytes(jm_base64_t *d, uint8_t **dst)
{
    unsigned  i;
    uint32_t  bits;

    bits = d->bits << 6 * (4 - d->count);

    for (i = 1; i < d->count; i++) {
        *(*dst)++ = (uint8_t) (bits >> 16);
        bits <<= 8;
    }

    d->bits = 0;
    d->count = 0;
}


/* text is complete groups for the most part; the end of those at p */

static const uint8_t *
jm_base64_groups(const uint8_t *p, const uint8_t *end, uint8_t **dst)
{
    uint8_t         *out;
    uint32_t         a, b, c, d, bits;
    const uint8_t   *values;

    out = *dst;
    values = jm_base64_values;

    while (end - p >= 4) {
        a = values[p[0]];
        b = values[p[1]];
        c = values[p[2]];
        d = values[p[3]];

        if ((a | b | c | d) > 63) {
            break;
        }

        bits = a << 18 | b << 12 | c << 6 | d;

        *out++ = (uint8_t) (bits >> 16);
        *out++ = (uint8_t) (bits >> 8);
        *out++ = (uint8_t) bits;
        p += 4;
    }

    *dst = out;

    return p;
}


void
jm_base64_encoder_init(jm_base64_encoder_t *e)
{
    e->count = 0;
}


size_t
jm_base64_encode(jm_base64_encoder_t *e, jm_str_t data, uint8_t *dst)
{
    uint8_t         group[3], *start;
    const uint8_t  *p, *end;

    if (data.len == 0) {
        return 0;
    }

    p = data.data;
    end = p + data.len;
    start = dst;

    if (e->count + data.len >= 3 && e->count != 0) {
        memcpy(group, e->held, e->count);
        memcpy(group + e->count, p, 3 - e->count);
        jm_base64_group(group, dst);
        p += 3 - e->count;
        dst += 4;
        e->count = 0;
    }

    for ( /* void */ ; end - p >= 8; p += 6, dst += 8) {
        jm_base64_two_groups(p, dst);
    }

    for ( /* void */ ; end - p >= 3; p += 3, dst += 4) {
        jm_base64_group(p, dst);
    }

    while (p != end) {
        e->held[e->count++] = *p++;
    }

    return (size_t) (dst - start);
}


size_t
jm_base64_encode_end(jm_base64_encoder_t *e, uint8_t *dst)
{
    uint8_t  group[3] = { 0, 0, 0 };

    if (e->count == 0) {
        return 0;
    }

    memcpy(group, e->held, e->count);
    jm_base64_group(group, dst);
    dst[3] = '=';

    if (e->count == 1) {
        dst[2] = '=';
    }

    e->count = 0;

    return JM_BASE64_END;
}


static void
jm_base64_group(const uint8_t *p, uint8_t *dst)
{
    uint32_t  bits;

    bits = (uint32_t) p[0] << 16 | (uint32_t) p[1] << 8 | p[2];

    memcpy(dst, jm_base64_pairs[bits >> 12], 2);
    memcpy(dst + 2, jm_base64_pairs[bits & 4095], 2);
}


/* all eight bytes are read, though six are encoded: that is one instruction */

static void
jm_base64_two_groups(const uint8_t *p, uint8_t *dst)
{
    uint64_t  bits;

    bits = (uint64_t) p[0] << 56 | (uint64_t) p[1] << 48
           | (uint64_t) p[2] << 40 | (uint64_t) p[3] << 32
           | (uint64_t) p[4] << 24 | (uint64_t) p[5] << 16
           | (uint64_t) p[6] << 8 | p[7];

    memcpy(dst, jm_base64_pairs[bits >> 52], 2);
    memcpy(dst + 2, jm_base64_pairs[bits >> 40 & 4095], 2);
    memcpy(dst + 4, jm_base64_pairs[bits >> 28 & 4095], 2);
    memcpy(dst + 6, jm_base64_pairs[bits >> 16 & 4095], 2);
}
