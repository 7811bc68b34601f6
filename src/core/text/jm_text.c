
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Text: UTF-8, hex, decimal numbers, dates, escapes of URIs and JSON.
 */


#include <inttypes.h>
#include <stdio.h>

#include "jm_calendar.h"
#include "jm_text.h"


/* what *value of jm_decimal() has to stay within */

#define JM_DECIMAL_MAX      1000000000000000000

/* digits of JM_DECIMAL_MAX; any number of so many fits into an uint64_t */

#define JM_DECIMAL_DIGITS   19

/* larger exponents need not be told apart, and this one cannot overflow */

#define JM_EXPONENT_MAX     1000000000000000


/*
 * A JSON number taken apart: digits are those of integer and fraction, with
 * the point between them; whole counts the ones before it.
 */

typedef struct {
    unsigned         negative;
    jm_str_t         digits;
    int64_t          whole;
    int64_t          exponent;
} jm_number_t;


static size_t jm_utf8_sequence(const uint8_t *p, size_t len);
static uint64_t jm_decimal_round(jm_str_t digits, int64_t whole,
    unsigned *rest);
static jm_rc_e jm_number_split(jm_number_t *n, jm_str_t s);
static const uint8_t *jm_skip_digits(const uint8_t *p, const uint8_t *end);
static void jm_date_digits(uint8_t *dst, int64_t n, unsigned width);


jm_rc_e
jm_utf8_length(jm_str_t s, size_t *n)
{
    size_t          count, len;
    uint64_t        word;
    const uint8_t  *p, *end;

    if (s.len == 0) {
        *n = 0;
        return JM_OK;
    }

    count = 0;
    end = s.data + s.len;

    for (p = s.data; p != end; p += len, count++) {

        /* bodies are ASCII for the most part */

        while (end - p > 8) {
            memcpy(&word, p, 8);

            if (word & 0x8080808080808080) {
                break;
            }

            p += 8;
            count += 8;
        }

        len = jm_utf8_sequence(p, (size_t) (end - p));
        if (len == 0) {
            return JM_INVALID;
        }
    }

    *n = count;

    return JM_OK;
}


/* the length of the well-formed sequence at p, 0 if there is none */

static size_t
jm_utf8_sequence(const uint8_t *p, size_t len)
{
    size_t   n, i;
    uint8_t  low, high;

    /* the table of RFC 3629, section 4: only the second byte's range varies */

    low = 0x80;
    high = 0xbf;

    if (p[0] < 0x80) {
        return 1;
    }

    /* Chinese, for the most part; among the rows of E1 to EC all are alike */

    if (p[0] >= 0xe1 && p[0] <= 0xec && len >= 3
        && ((p[1] ^ 0x80) | (p[2] ^ 0x80)) < 0x40)
    {
        return 3;
    }

    if (p[0] >= 0xc2 && p[0] <= 0xdf) {
        n = 2;

    } else if (p[0] >= 0xe0 && p[0] <= 0xef) {
        n = 3;
        low = (p[0] == 0xe0) ? 0xa0 : 0x80;
        high = (p[0] == 0xed) ? 0x9f : 0xbf;

    } else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        n = 4;
        low = (p[0] == 0xf0) ? 0x90 : 0x80;
        high = (p[0] == 0xf4) ? 0x8f : 0xbf;

    } else {
        return 0;
    }

    if (len < n || p[1] < low || p[1] > high) {
        return 0;
    }

    for (i = 2; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
    }

    return n;
}


jm_str_t
jm_utf8_prefix(jm_str_t s, size_t max)
{
    size_t  i, need;

    s.len = jm_min(s.len, max);

    /* a first byte among the last three may want more than there is */

    for (i = 1; i <= 3 && i <= s.len; i++) {
        if ((s.data[s.len - i] & 0xc0) == 0x80) {
            continue;
        }

        if (s.data[s.len - i] < 0xc0) {
            need = 1;

        } else if (s.data[s.len - i] < 0xe0) {
            need = 2;

        } else {
            need = (s.data[s.len - i] < 0xf0) ? 3 : 4;
        }

        if (need > i) {
            s.len -= i;
        }

        break;
    }

    return s;
}


unsigned
jm_text_is(jm_str_t s, const char *lower)
{
    size_t   i;
    uint8_t  c;

    if (s.len != strlen(lower)) {
        return 0;
    }

    for (i = 0; i < s.len; i++) {
        c = s.data[i];

        if (c >= 'A' && c <= 'Z') {
            c |= 0x20;
        }

        if (c != (uint8_t) lower[i]) {
            return 0;
        }
    }

    return 1;
}


unsigned
jm_utf8_charset(jm_str_t name)
{
    size_t             i;
    static const char  *names[] = { "utf-8", "utf8", "us-ascii", "ascii" };

    for (i = 0; i < jm_nitems(names); i++) {

        if (jm_text_is(name, names[i])) {
            return 1;
        }
    }

    return 0;
}


void
jm_hex(uint8_t *dst, const uint8_t *src, size_t len)
{
    size_t             i;
    static const char  hex[] = "0123456789abcdef";

    for (i = 0; i < len; i++) {
        *dst++ = (uint8_t) hex[src[i] >> 4];
        *dst++ = (uint8_t) hex[src[i] & 0xf];
    }
}


uint8_t *
jm_digits(uint8_t *end, uint64_t n)
{
    do {
        *--end = (uint8_t) ('0' + n % 10);
        n /= 10;
    } while (n != 0);

    return end;
}


jm_rc_e
jm_decimal(jm_str_t s, unsigned places, int64_t *value, unsigned *exact)
{
    int64_t      whole;
    uint64_t     v;
    unsigned     rest;
    jm_number_t  n;

    if (jm_number_split(&n, s) != JM_OK) {
        return JM_INVALID;
    }

    /* from here the number is 0.DIGITS times 10^whole */

    whole = n.whole;

    while (n.digits.len != 0
           && (n.digits.data[0] == '0' || n.digits.data[0] == '.'))
    {
        whole -= (n.digits.data[0] == '0');
        n.digits.data++;
        n.digits.len--;
    }

    v = 0;
    rest = 0;

    if (n.digits.len != 0) {
        whole += n.exponent + (int64_t) places;

        if (whole > JM_DECIMAL_DIGITS) {
            return JM_INVALID;
        }

        v = jm_decimal_round(n.digits, whole, &rest);

        if (v > JM_DECIMAL_MAX) {
            return JM_INVALID;
        }
    }

    *value = n.negative ? -(int64_t) v : (int64_t) v;

    if (exact != NULL) {
        *exact = !rest;
    }

    return JM_OK;
}


/* 0.DIGITS times 10^whole, rounded; *rest is set if that changes the number */

static uint64_t
jm_decimal_round(jm_str_t digits, int64_t whole, unsigned *rest)
{
    size_t    k;
    int64_t   i;
    uint64_t  v;
    unsigned  up;

    v = 0;
    up = 0;
    i = 0;

    for (k = 0; k < digits.len; k++) {

        if (digits.data[k] == '.') {
            continue;
        }

        if (i < whole) {
            v = v * 10 + (uint64_t) (digits.data[k] - '0');

        } else {
            up |= (i == whole && digits.data[k] >= '5');
            *rest |= (digits.data[k] != '0');
        }

        i++;
    }

    for ( /* void */ ; i < whole; i++) {
        v *= 10;
    }

    return v + up;
}


static jm_rc_e
jm_number_split(jm_number_t *n, jm_str_t s)
{
    unsigned        minus;
    const uint8_t  *p, *end, *start;

    if (s.len == 0) {
        return JM_INVALID;
    }

    p = s.data;
    end = s.data + s.len;

    n->negative = (p != end && *p == '-');
    p += n->negative;

    /* the integer has no leading zero */

    n->digits.data = p;
    p = jm_skip_digits(p, end);
    n->whole = p - n->digits.data;

    if (n->whole == 0 || (n->whole > 1 && n->digits.data[0] == '0')) {
        return JM_INVALID;
    }

    if (p != end && *p == '.') {
        start = p + 1;
        p = jm_skip_digits(start, end);

        if (p == start) {
            return JM_INVALID;
        }
    }

    n->digits.len = (size_t) (p - n->digits.data);
    n->exponent = 0;

    if (p == end) {
        return JM_OK;
    }

    if (*p != 'e' && *p != 'E') {
        return JM_INVALID;
    }

    p++;
    minus = (p != end && *p == '-');

    if (p != end && (*p == '-' || *p == '+')) {
        p++;
    }

    start = p;
    p = jm_skip_digits(start, end);

    if (p == start || p != end) {
        return JM_INVALID;
    }

    for (p = start; p != end && n->exponent < JM_EXPONENT_MAX; p++) {
        n->exponent = n->exponent * 10 + (*p - '0');
    }

    if (minus) {
        n->exponent = -n->exponent;
    }

    return JM_OK;
}


static const uint8_t *
jm_skip_digits(const uint8_t *p, const uint8_t *end)
{
    while (p != end && *p >= '0' && *p <= '9') {
        p++;
    }

    return p;
}


void
jm_date(uint8_t *dst, int64_t sec)
{
    jm_day_t  day;

    jm_day_set(&day, sec / 86400);
    sec %= 86400;

    jm_date_digits(dst, day.year, 4);
    jm_date_digits(dst + 4, day.month, 2);
    jm_date_digits(dst + 6, day.day, 2);
    dst[8] = 'T';
    jm_date_digits(dst + 9, sec / 3600, 2);
    jm_date_digits(dst + 11, sec / 60 % 60, 2);
    jm_date_digits(dst + 13, sec % 60, 2);
    dst[15] = 'Z';
}


static void
jm_date_digits(uint8_t *dst, int64_t n, unsigned width)
{
    while (width != 0) {
        dst[--width] = (uint8_t) ('0' + n % 10);
        n /= 10;
    }
}


size_t
jm_duration(uint8_t *dst, uint64_t ms)
{
    int       n;
    char      text[64];
    size_t    len;
    uint64_t  s, m, h;

    s = ms / 1000;
    m = s / 60;
    h = m / 60;

    if (h != 0) {
        n = snprintf(text, sizeof(text), "%" PRIu64 "h%" PRIu64 "m%" PRIu64,
                     h, m % 60, s % 60);

    } else if (m != 0) {
        n = snprintf(text, sizeof(text), "%" PRIu64 "m%" PRIu64, m, s % 60);

    } else if (s != 0 || ms == 0) {
        n = snprintf(text, sizeof(text), "%" PRIu64, s);

    } else {
        n = snprintf(text, sizeof(text), "%" PRIu64 "m", ms);
        ms = 0;
    }

    len = (size_t) n;

    if (ms % 1000 != 0) {
        n = snprintf(text + len, sizeof(text) - len, ".%03u",
                     (unsigned) (ms % 1000));

        for (len += (size_t) n; text[len - 1] == '0'; len--) {
            /* void */
        }
    }

    text[len++] = 's';

    memcpy(dst, text, len);

    return len;
}


void
jm_uri_escape(jm_buf_t *b, jm_str_t s)
{
    size_t             i;
    uint8_t            c, escape[3];
    static const char  hex[] = "0123456789ABCDEF";

    escape[0] = '%';

    for (i = 0; i < s.len; i++) {
        c = s.data[i];

        if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')
            || (c >= '0' && c <= '9')
            || c == '-' || c == '_' || c == '.' || c == '~')
        {
            jm_buf_add(b, &c, 1);
            continue;
        }

        escape[1] = (uint8_t) hex[c >> 4];
        escape[2] = (uint8_t) hex[c & 0xf];
        jm_buf_add(b, escape, 3);
    }
}


void
jm_escape_init(jm_escape_t *e)
{
    e->digits = 0;
    e->unit = 0;
}


int
jm_escape_add(jm_escape_t *e, uint8_t c)
{
    uint8_t  lower;

    if (e->digits == 0) {

        switch (c) {

        case '"':
        case '\\':
        case '/':
            return c;

        case 'b':
            return '\b';

        case 'f':
            return '\f';

        case 'n':
            return '\n';

        case 'r':
            return '\r';

        case 't':
            return '\t';

        case 'u':
            e->digits = 4;
            return JM_ESCAPE_AGAIN;

        default:
            return JM_ESCAPE_INVALID;
        }
    }

    lower = (uint8_t) (c | 0x20);

    if (c >= '0' && c <= '9') {
        e->unit = e->unit << 4 | (unsigned) (c - '0');

    } else if (lower >= 'a' && lower <= 'f') {
        e->unit = e->unit << 4 | (unsigned) (lower - 'a' + 10);

    } else {
        return JM_ESCAPE_INVALID;
    }

    e->digits--;

    return (e->digits == 0) ? (int) e->unit : JM_ESCAPE_AGAIN;
}
