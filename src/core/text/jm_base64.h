
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Base64 (RFC 4648), both ways, in pieces of any size: how the pieces are cut
 * makes no difference to the bytes that come out of all of them.
 */


#ifndef _JM_BASE64_H_INCLUDED_
#define _JM_BASE64_H_INCLUDED_


#include "jm_text.h"


/* "data:<type>;base64," may stand in front of the text (RFC 2397) */

#define JM_BASE64_URI       1

/* the text is the raw inside of a JSON string (RFC 8259, section 7) */

#define JM_BASE64_JSON      2

/* room that jm_base64_decode() and _decode_end(), jm_base64_encode() need */

#define jm_base64_decoded(len)  ((len) / 4 * 3 + 3)

#define JM_BASE64_REST      3

#define jm_base64_encoded(len)  (((len) + 2) / 3 * 4)

#define JM_BASE64_END       4


/*
 * A decoder.  why is the caller's to read after JM_INVALID, a sentence's end:
 * "is neither a URL nor base64".
 *
 * held are the first characters while they may be those of "data:"; matched
 * counts what there is of that, or of ";base64" later; bits has the count
 * characters of a group that is not complete yet; missing is the padding that
 * is due; started is set behind the first character, blank behind a blank
 * that came after it.
 */

typedef struct {
    const char      *why;
    unsigned         flags;
    unsigned         state;
    unsigned         started;
    unsigned         blank;
    unsigned         escaped;
    unsigned         count;
    unsigned         missing;
    uint32_t         bits;
    uint8_t          held[4];
    size_t           matched;
    jm_escape_t      escape;
} jm_base64_t;


/* bytes that do not make a group of three yet */

typedef struct {
    size_t           count;
    uint8_t          held[2];
} jm_base64_encoder_t;


/* Starts a decoder; flags are JM_BASE64_... or 0. */
void jm_base64_init(jm_base64_t *d, unsigned flags);

/*
 * Decodes the next piece of a text to dst, which has room for
 * jm_base64_decoded(text.len) bytes; *n is how many were written.
 *
 * Characters of both alphabets are taken (RFC 4648, sections 4 and 5), padding
 * may be missing, but not in part, and bits of the last character that make no
 * byte may be anything (section 3.5).  CR and LF are skipped wherever they
 * are, blanks around the text and not in it: there, one may have been a "+"
 * that a reader of URL-encoded forms has taken for a space.  In a JSON string
 * all of this may be escaped, and control characters must be.  In front of
 * the text, "data:" up to the comma takes any case and type.
 *
 * Returns JM_INVALID on anything else, from then on to every call.
 */
jm_rc_e jm_base64_decode(jm_base64_t *d, jm_str_t text, uint8_t *dst,
    size_t *n);

/*
 * Ends a text: writes the *n bytes, at most JM_BASE64_REST, that the end of a
 * text without padding makes known.  Returns JM_INVALID when no text ends
 * like this: a character alone in its group, padding in part, an escape or
 * the front of a "data:" URI that is not complete.
 */
jm_rc_e jm_base64_decode_end(jm_base64_t *d, uint8_t *dst, size_t *n);


/* Starts an encoder. */
void jm_base64_encoder_init(jm_base64_encoder_t *e);

/*
 * Encodes the next piece of data (RFC 4648, section 4) to dst, which has room
 * for jm_base64_encoded(data.len) bytes.  Returns how many were written, a
 * multiple of four.
 */
size_t jm_base64_encode(jm_base64_encoder_t *e, jm_str_t data, uint8_t *dst);

/*
 * Ends the data: writes what is left of it, with padding.  Returns the bytes
 * written: none, or JM_BASE64_END of them.
 */
size_t jm_base64_encode_end(jm_base64_encoder_t *e, uint8_t *dst);


#endif /* _JM_BASE64_H_INCLUDED_ */
