
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Text: UTF-8, hex, decimal numbers, dates, escapes of URIs and JSON.
 */


#ifndef _JM_TEXT_H_INCLUDED_
#define _JM_TEXT_H_INCLUDED_


#include "jm_buf.h"


#define JM_DATE_LEN         (sizeof("YYYYMMDDTHHMMSSZ") - 1)
#define JM_DAY_LEN          (sizeof("YYYYMMDD") - 1)
#define JM_DURATION_LEN     (sizeof("5124095576030h59m59.999s") - 1)


/*
 * Counts the code points of s into *n.  Returns JM_INVALID when s is not
 * UTF-8: overlong forms, surrogates and what lies above U+10FFFF included
 * (RFC 3629, section 3).
 */
jm_rc_e jm_utf8_length(jm_str_t s, size_t *n);

/*
 * Returns the longest prefix of s that has at most max bytes and does not
 * end within a code point.
 */
jm_str_t jm_utf8_prefix(jm_str_t s, size_t max);

/* Tells whether s is lower, in any case of the letters A to Z. */
unsigned jm_text_is(jm_str_t s, const char *lower);

/*
 * Tells whether text in the charset of this name is UTF-8: "utf-8", "utf8",
 * and "us-ascii", "ascii", which is part of it, in any case (RFC 3629, section
 * 8; RFC 2046, section 4.1.2).
 */
unsigned jm_utf8_charset(jm_str_t name);

/* Writes 2 * len lower-case hex digits of src to dst, without a zero. */
void jm_hex(uint8_t *dst, const uint8_t *src, size_t len);

/* digits of any uint64_t */

#define JM_DIGITS_MAX       20

/* Writes the decimal digits of n up to end; returns where they begin. */
uint8_t *jm_digits(uint8_t *end, uint64_t n);

/*
 * Reads a JSON number (RFC 8259, section 6) as a fixed-point number: *value
 * is the number times 10^places (places 0 ... 9), rounded half away from
 * zero.  *exact, when not NULL, tells whether nothing was rounded away.
 * Returns JM_INVALID when s is no JSON number or *value would not be within
 * +-10^18.
 */
jm_rc_e jm_decimal(jm_str_t s, unsigned places, int64_t *value,
    unsigned *exact);

/*
 * Writes the UTC date of sec, in seconds since 1970, as YYYYMMDDTHHMMSSZ
 * (JM_DATE_LEN bytes, without a zero) to dst.  sec must lie in the years
 * 1970 ... 9999.
 */
void jm_date(uint8_t *dst, int64_t sec);

/*
 * Writes a time of ms milliseconds to dst as OpenAI's headers have it, "1s",
 * "6m0s", "1h0m0s", "1.5s", "20ms", of at most JM_DURATION_LEN bytes, without
 * a zero, and returns how many.
 */
size_t jm_duration(uint8_t *dst, uint64_t ms);

/*
 * Appends s with all but the unreserved characters A-Za-z0-9-_.~ escaped as
 * %XX in upper case (RFC 3986, section 2.3).
 */
void jm_uri_escape(jm_buf_t *b, jm_str_t s);


/*
 * An escape of a JSON string that arrives byte by byte: digits of \uXXXX are
 * still to come, unit has those that came.
 */

#define JM_ESCAPE_AGAIN     (-1)
#define JM_ESCAPE_INVALID   (-2)

typedef struct {
    unsigned         digits;
    unsigned         unit;
} jm_escape_t;


/* Starts an escape, whose backslash was just seen. */
void jm_escape_init(jm_escape_t *e);

/*
 * Takes the next byte of the escape (RFC 8259, section 7).  Returns the UTF-16
 * code unit that it stands for once that is known, JM_ESCAPE_AGAIN before, and
 * JM_ESCAPE_INVALID when there is no such escape.
 */
int jm_escape_add(jm_escape_t *e, uint8_t c);


#endif /* _JM_TEXT_H_INCLUDED_ */
