
/*
 * Text: UTF-8 by the tables of RFC 3629, decimals at every edge, dates against
 * libc's own, JSON's escapes one by one.
 */


#define _POSIX_C_SOURCE  200809L

#include <time.h>

#include "tap.h"
#include "jm_text.h"


typedef struct {
    const char      *text;
    int64_t          length;        /* in code points, -1: invalid */
    const char      *what;
} utf8_case_t;

typedef struct {
    const char      *text;
    unsigned         places;
    jm_rc_e          rc;
    int64_t          value;
    unsigned         exact;
} decimal_case_t;


static const utf8_case_t  utf8_cases[] = {
    { "", 0, "nothing" },
    { "abc", 3, "ASCII" },
    { "\x01\x7f", 2, "control characters" },
    { "0123456789abcdef", 16, "sixteen bytes of ASCII" },
    { "0123456789abcde\xc3\xa9", 16, "two bytes behind ASCII" },
    { "\xc3\xa9" "0123456789abcdef", 17, "two bytes before ASCII" },
    { "\xe4\xb8\x80\xe5\x8f\xaa\xe7\x8c\xab", 3, "three Chinese characters" },
    { "\xc2\x80", 1, "U+0080" },
    { "\xdf\xbf", 1, "U+07FF" },
    { "\xe0\xa0\x80", 1, "U+0800" },
    { "\xe1\x80\x80", 1, "U+1000" },
    { "\xec\xbf\xbf", 1, "U+CFFF" },
    { "\xed\x9f\xbf", 1, "U+D7FF" },
    { "\xee\x80\x80", 1, "U+E000" },
    { "\xef\xbf\xbf", 1, "U+FFFF" },
    { "\xf0\x90\x80\x80", 1, "U+10000" },
    { "\xf3\xbf\xbf\xbf", 1, "U+FFFFF" },
    { "\xf4\x8f\xbf\xbf", 1, "U+10FFFF" },
    { "e\xcc\x81", 2, "a combining accent counts" },

    { "\x80", -1, "a continuation byte alone" },
    { "a\xbf", -1, "one behind ASCII" },
    { "\xc0\x80", -1, "overlong U+0000" },
    { "\xc1\xbf", -1, "overlong U+007F" },
    { "\xe0\x80\x80", -1, "overlong U+0000 of three bytes" },
    { "\xe0\x9f\xbf", -1, "overlong U+07FF" },
    { "\xf0\x80\x80\x80", -1, "overlong U+0000 of four bytes" },
    { "\xf0\x8f\xbf\xbf", -1, "overlong U+FFFF" },
    { "\xed\xa0\x80", -1, "U+D800" },
    { "\xed\xbf\xbf", -1, "U+DFFF" },
    { "\xed\xa0\xbd\xed\xb8\x80", -1, "a pair of surrogates" },
    { "\xf4\x90\x80\x80", -1, "U+110000" },
    { "\xf5\x80\x80\x80", -1, "a first byte F5" },
    { "\xf8\x88\x80\x80\x80", -1, "five bytes" },
    { "\xfc\x84\x80\x80\x80\x80", -1, "six bytes" },
    { "\xfe", -1, "FE" },
    { "\xff", -1, "FF" },
    { "\xc3", -1, "one byte of two" },
    { "\xc3(", -1, "a second byte that is ASCII" },
    { "\xe4\xb8", -1, "two bytes of three" },
    { "\xe4(\x80", -1, "a second byte of three that is ASCII" },
    { "\xe4\xb8(", -1, "a third byte that is ASCII" },
    { "\xe4\xc0\x80", -1, "a second byte that begins another" },
    { "\xe4\xb8\xc0", -1, "a third byte that begins another" },
    { "\xf0\x9f\x98", -1, "three bytes of four" },
    { "\xf0\x9f\x98(", -1, "a fourth byte that is ASCII" },
    { "\xf0(\x8c\xbc", -1, "a second byte of four that is ASCII" },
    { "01234567\xff" "01234567", -1, "a bad byte amid ASCII" }
};


static const decimal_case_t  decimal_cases[] = {
    { "0", 0, JM_OK, 0, 1 },
    { "-0", 0, JM_OK, 0, 1 },
    { "-0.0", 2, JM_OK, 0, 1 },
    { "7", 0, JM_OK, 7, 1 },
    { "-7", 0, JM_OK, -7, 1 },
    { "10", 0, JM_OK, 10, 1 },
    { "0.5", 2, JM_OK, 50, 1 },
    { "0.50", 2, JM_OK, 50, 1 },
    { "5e-1", 2, JM_OK, 50, 1 },
    { "5E-1", 2, JM_OK, 50, 1 },
    { "0.05e1", 2, JM_OK, 50, 1 },
    { "0.05e+1", 2, JM_OK, 50, 1 },
    { "0.005e002", 2, JM_OK, 50, 1 },
    { "50e-2", 2, JM_OK, 50, 1 },
    { "0.335", 2, JM_OK, 34, 0 },
    { "-0.335", 2, JM_OK, -34, 0 },
    { "0.334999", 2, JM_OK, 33, 0 },
    { "0.3333333333333333", 2, JM_OK, 33, 0 },
    { "0.5", 0, JM_OK, 1, 0 },
    { "-0.5", 0, JM_OK, -1, 0 },
    { "0.4999999999999999999999", 0, JM_OK, 0, 0 },
    { "-0.4", 0, JM_OK, 0, 0 },
    { "0.05", 0, JM_OK, 0, 0 },
    { "0.09", 0, JM_OK, 0, 0 },
    { "1.5", 0, JM_OK, 2, 0 },
    { "2.5", 0, JM_OK, 3, 0 },
    { "9.9", 0, JM_OK, 10, 0 },
    { "1.000", 0, JM_OK, 1, 1 },
    { "1.0001", 0, JM_OK, 1, 0 },
    { "100e-2", 0, JM_OK, 1, 1 },
    { "4194304", 0, JM_OK, 4194304, 1 },
    { "4194304.0", 0, JM_OK, 4194304, 1 },
    { "4.194304e6", 0, JM_OK, 4194304, 1 },
    { "0.0625", 4, JM_OK, 625, 1 },
    { "0.123456789", 9, JM_OK, 123456789, 1 },
    { "1e-400", 0, JM_OK, 0, 0 },
    { "1e-99999999999999999999999", 0, JM_OK, 0, 0 },
    { "0e99999999999999999999999", 0, JM_OK, 0, 1 },
    { "0.000e400", 9, JM_OK, 0, 1 },
    { "1e18", 0, JM_OK, 1000000000000000000, 1 },
    { "-1e18", 0, JM_OK, -1000000000000000000, 1 },
    { "1000000000000000000", 0, JM_OK, 1000000000000000000, 1 },
    { "999999999999999999.4", 0, JM_OK, 999999999999999999, 0 },
    { "999999999999999999.5", 0, JM_OK, 1000000000000000000, 0 },
    { "1000000000000000000.4", 0, JM_OK, 1000000000000000000, 0 },
    { "1e9", 9, JM_OK, 1000000000000000000, 1 },
    { "0.00000000000000000001e38", 0, JM_OK, 1000000000000000000, 1 },

    { "1000000000000000000.5", 0, JM_INVALID, 0, 0 },
    { "1000000000000000001", 0, JM_INVALID, 0, 0 },
    { "9999999999999999999", 0, JM_INVALID, 0, 0 },
    { "18446744073709551616", 0, JM_INVALID, 0, 0 },
    { "18446744073709551617", 0, JM_INVALID, 0, 0 },
    { "15977608121972527084", 0, JM_INVALID, 0, 0 },
    { "1e19", 0, JM_INVALID, 0, 0 },
    { "1e10", 9, JM_INVALID, 0, 0 },
    { "1e400", 0, JM_INVALID, 0, 0 },
    { "-1e400", 0, JM_INVALID, 0, 0 },
    { "1e99999999999999999999999", 0, JM_INVALID, 0, 0 },

    { "", 0, JM_INVALID, 0, 0 },
    { "-", 0, JM_INVALID, 0, 0 },
    { "+1", 0, JM_INVALID, 0, 0 },
    { "--1", 0, JM_INVALID, 0, 0 },
    { "01", 0, JM_INVALID, 0, 0 },
    { "-01", 0, JM_INVALID, 0, 0 },
    { "00", 0, JM_INVALID, 0, 0 },
    { ".5", 0, JM_INVALID, 0, 0 },
    { "5.", 0, JM_INVALID, 0, 0 },
    { "5.e1", 0, JM_INVALID, 0, 0 },
    { "1e", 0, JM_INVALID, 0, 0 },
    { "1e+", 0, JM_INVALID, 0, 0 },
    { "1e-", 0, JM_INVALID, 0, 0 },
    { "1e+-1", 0, JM_INVALID, 0, 0 },
    { "1e1.5", 0, JM_INVALID, 0, 0 },
    { "1 ", 0, JM_INVALID, 0, 0 },
    { " 1", 0, JM_INVALID, 0, 0 },
    { "1,5", 0, JM_INVALID, 0, 0 },
    { "0x10", 0, JM_INVALID, 0, 0 },
    { "1.2.3", 0, JM_INVALID, 0, 0 },
    { "NaN", 0, JM_INVALID, 0, 0 },
    { "Infinity", 0, JM_INVALID, 0, 0 },
    { "1e5e5", 0, JM_INVALID, 0, 0 }
};


static void
test_utf8(void)
{
    size_t              i, n;
    jm_rc_e             rc;
    jm_str_t            s;
    const utf8_case_t  *c;

    for (i = 0; i < jm_nitems(utf8_cases); i++) {
        c = &utf8_cases[i];
        n = 0;
        rc = jm_utf8_length(str(c->text), &n);

        is_int(rc == JM_OK ? (int64_t) n : -1, c->length, "UTF-8: %s",
               c->what);
    }

    s.len = 3;
    s.data = (const uint8_t *) "a\0b";
    n = 0;
    is_int(jm_utf8_length(s, &n), JM_OK, "a zero is a character");
    is_int((int64_t) n, 3, "of its own");

    is_int(jm_utf8_length(str(NULL), &n), JM_OK, "no text at all is UTF-8");
    is_int((int64_t) n, 0, "of no length");
}


/* every code point, and for each the same bits in too many bytes */

static void
test_utf8_all(void)
{
    size_t    n, bad;
    uint32_t  c;
    uint8_t   p[4];
    jm_str_t  s;

    bad = 0;
    s.data = p;

    for (c = 0; c < 0x200000; c++) {
        p[0] = (uint8_t) (0xf0 | c >> 18);
        p[1] = (uint8_t) (0x80 | (c >> 12 & 0x3f));
        p[2] = (uint8_t) (0x80 | (c >> 6 & 0x3f));
        p[3] = (uint8_t) (0x80 | (c & 0x3f));
        s.len = 4;

        bad += (jm_utf8_length(s, &n) == JM_OK)
               != (c >= 0x10000 && c < 0x110000);

        if (c >= 0x10000) {
            continue;
        }

        p[0] = (uint8_t) (0xe0 | c >> 12);
        p[1] = (uint8_t) (0x80 | (c >> 6 & 0x3f));
        p[2] = (uint8_t) (0x80 | (c & 0x3f));
        s.len = 3;

        bad += (jm_utf8_length(s, &n) == JM_OK)
               != (c >= 0x800 && (c < 0xd800 || c > 0xdfff));

        if (c >= 0x800) {
            continue;
        }

        p[0] = (uint8_t) (0xc0 | c >> 6);
        p[1] = (uint8_t) (0x80 | (c & 0x3f));
        s.len = 2;

        bad += (jm_utf8_length(s, &n) == JM_OK) != (c >= 0x80);
    }

    is_int((int64_t) bad, 0, "every code point in 2, 3 and 4 bytes");
}


static void
test_utf8_prefix(void)
{
    size_t    i, n, max;
    jm_str_t  s, v;

    /* 1, 2, 3, 4 and 1 bytes */
    s = str("a\xc3\xa9\xe4\xb8\x80\xf0\x9f\x98\x80z");

    static const size_t  expected[] = { 0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11,
                                        11, 11 };

    for (i = 0; i < jm_nitems(expected); i++) {
        v = jm_utf8_prefix(s, i);
        is_int((int64_t) v.len, (int64_t) expected[i], "prefix of %zu bytes",
               i);
    }

    is_int((int64_t) jm_utf8_prefix(s, SIZE_MAX).len, 11,
           "no limit, no prefix");
    is_int((int64_t) jm_utf8_prefix(str(NULL), 5).len, 0,
           "the prefix of nothing");

    is_str(jm_utf8_prefix(str("ab\xe4\xb8"), 100), "ab",
           "text that was cut already loses its half character");
    is_str(jm_utf8_prefix(str("\x80\x80\x80\x80\x80"), 4), "\x80\x80\x80\x80",
           "what is no UTF-8 is cut anywhere");

    for (max = 0, n = 0; max <= s.len; max++) {
        v = jm_utf8_prefix(s, max);
        n += (v.len > max || jm_utf8_length(v, &i) != JM_OK);
    }

    is_int((int64_t) n, 0, "all prefixes are UTF-8");
}


static void
test_hex(void)
{
    uint8_t   dst[8];
    jm_str_t  s;

    memset(dst, '#', sizeof(dst));
    s.data = dst;
    s.len = sizeof(dst);

    jm_hex(dst, (const uint8_t *) "\x00\x9a\xff", 3);
    is_str(s, "009aff##", "hex, without a zero");

    jm_hex(dst, NULL, 0);
    is_str(s, "009aff##", "hex of nothing");
}


static void
test_decimal(void)
{
    size_t                 i;
    jm_rc_e                rc;
    int64_t                value;
    unsigned               exact;
    const decimal_case_t  *c;

    for (i = 0; i < jm_nitems(decimal_cases); i++) {
        c = &decimal_cases[i];

        value = 0;
        exact = 0;
        rc = jm_decimal(str(c->text), c->places, &value, &exact);

        if (!is_int(rc, c->rc, "decimal \"%s\" to %u places", c->text,
                    c->places)
            || rc != JM_OK)
        {
            continue;
        }

        is_int(value, c->value, "its value");
        is_int(exact, c->exact, "and exactness");
    }

    is_int(jm_decimal(str("1.5"), 0, &value, NULL), JM_OK,
           "exactness need not be asked for");
    is_int(value, 2, "for the value");
    is_int(jm_decimal(str(NULL), 0, &value, NULL), JM_INVALID,
           "nothing at all is no number");
}


/* a fraction and an exponent as long as a body may be */

static void
test_decimal_long(void)
{
    int64_t          value;
    unsigned         exact;
    jm_str_t         s;
    static uint8_t   text[100020];

    memset(text, '0', sizeof(text));
    text[1] = '.';
    text[100002] = '5';
    memcpy(text + 100003, "e100000", 7);
    s.data = text;
    s.len = 100010;

    is_int(jm_decimal(s, 2, &value, &exact), JM_OK,
           "0.000...5e100000 with 100000 zeros");
    is_int(value, 50, "its value");
    is_int(exact, 1, "is exact");

    s.len = 100003;
    is_int(jm_decimal(s, 9, &value, &exact), JM_OK, "without the exponent");
    is_int(value, 0, "it is 0");
    is_int(exact, 0, "but for what was rounded away");

    text[0] = '1';
    memset(text + 1, '0', 100000);
    memcpy(text + 100001, "e-100000", 8);
    s.len = 100009;
    is_int(jm_decimal(s, 0, &value, &exact), JM_OK,
           "1000...0e-100000 with 100000 zeros");
    is_int(value, 1, "its value");
    is_int(exact, 1, "is exact");
}


static void
is_date(int64_t sec, const char *expected, const char *what)
{
    uint8_t   dst[JM_DATE_LEN + 1];
    jm_str_t  s;

    dst[JM_DATE_LEN] = '#';
    jm_date(dst, sec);

    s.data = dst;
    s.len = JM_DATE_LEN;

    is_str(s, expected, "date: %s", what);
    ok(dst[JM_DATE_LEN] == '#', "without a zero");
}


static void
test_date(void)
{
    size_t     bad;
    time_t     t;
    char       expected[32];
    uint8_t    dst[JM_DATE_LEN];
    struct tm  tm;

    is_date(0, "19700101T000000Z", "the epoch");
    is_date(86399, "19700101T235959Z", "its last second");
    is_date(951782400, "20000229T000000Z", "leap day of a 400th year");
    is_date(951868800, "20000301T000000Z", "the day after");
    is_date(1709164799, "20240228T235959Z", "the second before a leap day");
    is_date(1709164800, "20240229T000000Z", "a leap day");
    is_date(1735689599, "20241231T235959Z", "the end of a leap year");
    is_date(1767225600, "20260101T000000Z", "New Year");
    is_date(2147483647, "20380119T031407Z", "the last second of 32 bits");
    is_date(2147483648, "20380119T031408Z", "the first second after them");
    is_date(4107542399, "21000228T235959Z", "February of a 100th year");
    is_date(4107542400, "21000301T000000Z", "which has no leap day");
    is_date(4294967296, "21060207T062816Z", "the end of unsigned 32 bits");
    is_date(253402300799, "99991231T235959Z", "the end of it all");

    bad = 0;

    /* every day, at an odd second of it */

    for (t = 0; t < 253402300800; t += 86400 + 7) {
        gmtime_r(&t, &tm);
        strftime(expected, sizeof(expected), "%Y%m%dT%H%M%SZ", &tm);
        jm_date(dst, t);
        bad += memcmp(dst, expected, JM_DATE_LEN) != 0;
    }

    is_int((int64_t) bad, 0, "every day up to the year 9999 as libc has it");
}


static void
test_uri_escape(void)
{
    unsigned  c;
    uint8_t   text[256];
    char      space[800], expected[800];
    size_t    n;
    jm_buf_t  b;
    jm_str_t  s;

    n = 0;

    for (c = 0; c < 256; c++) {
        text[c] = (uint8_t) c;

        if (c != 0
            && strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                      "0123456789-_.~", (int) c)
               != NULL)
        {
            expected[n++] = (char) c;

        } else {
            n += (size_t) snprintf(expected + n, 4, "%%%02X", c);
        }
    }

    expected[n] = '\0';

    s.data = text;
    s.len = sizeof(text);

    jm_buf_fixed(&b, space, sizeof(space));
    jm_uri_escape(&b, s);
    is_str(jm_buf_view(&b), expected, "URI escapes of all bytes");

    jm_buf_fixed(&b, space, 5);
    jm_uri_escape(&b, str("a b c"));
    is_int(b.rc, JM_ERROR, "an escape that does not fit");
    is_str(jm_buf_view(&b), "a%20b", "is not cut in two");
}


/* what s, the inside of an escape, stands for, and after how many bytes */

static void
is_escape(const char *s, int expected, size_t after)
{
    int          unit;
    size_t       n;
    jm_escape_t  e;

    n = 0;
    jm_escape_init(&e);

    do {
        unit = jm_escape_add(&e, (uint8_t) s[n++]);
    } while (unit == JM_ESCAPE_AGAIN && s[n] != '\0');

    is_int(unit, expected, "escape \\%s", s);
    ok(n == after, "after %zu bytes", after);
}


static void
test_escape(void)
{
    is_escape("\"\"", '"', 1);
    is_escape("\\\\", '\\', 1);
    is_escape("//", '/', 1);
    is_escape("bb", '\b', 1);
    is_escape("ff", '\f', 1);
    is_escape("nn", '\n', 1);
    is_escape("rr", '\r', 1);
    is_escape("tt", '\t', 1);
    is_escape("u0000", 0, 5);
    is_escape("u00410", 'A', 5);
    is_escape("u4e00", 0x4e00, 5);
    is_escape("uaBcD", 0xabcd, 5);
    is_escape("uFfFf", 0xffff, 5);

    is_escape("u004", JM_ESCAPE_AGAIN, 4);
    is_escape("u004g", JM_ESCAPE_INVALID, 5);
    is_escape("u@041", JM_ESCAPE_INVALID, 2);
    is_escape("u:041", JM_ESCAPE_INVALID, 2);
    is_escape("u\x10" "041", JM_ESCAPE_INVALID, 2);
    is_escape("U0041", JM_ESCAPE_INVALID, 1);
    is_escape("x41", JM_ESCAPE_INVALID, 1);
    is_escape("'", JM_ESCAPE_INVALID, 1);
    is_escape("0", JM_ESCAPE_INVALID, 1);
}


static void
test_names(void)
{
    static const jm_str_t  none = jm_null_string;

    ok(jm_text_is(str("a-z09"), "a-z09") && jm_text_is(str("A-Z09"), "a-z09"),
       "a word in any case");
    ok(!jm_text_is(str("a-z0"), "a-z09") && !jm_text_is(str("a-z099"), "a-z09")
       && !jm_text_is(str("a-z08"), "a-z09"), "is not another");
    ok(!jm_text_is(str("@"), "`") && !jm_text_is(str("["), "{")
       && !jm_text_is(str("\x10"), "0"), "nor what is no letter");
    ok(jm_text_is(none, "") && !jm_text_is(none, "a"), "nothing is \"\"");

    ok(jm_utf8_charset(str("UTF-8")) && jm_utf8_charset(str("utf8"))
       && jm_utf8_charset(str("US-ASCII")) && jm_utf8_charset(str("ascii")),
       "charsets that are UTF-8");
    ok(!jm_utf8_charset(str("gbk")) && !jm_utf8_charset(str("utf-16"))
       && !jm_utf8_charset(str("utf-8859-1")) && !jm_utf8_charset(none),
       "charsets that are not");
}


int
main(void)
{
    test_names();
    test_utf8();
    test_utf8_all();
    test_utf8_prefix();
    test_hex();
    test_decimal();
    test_decimal_long();
    test_date();
    test_uri_escape();
    test_escape();

    return done_testing();
}
