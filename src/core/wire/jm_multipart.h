
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * multipart/form-data: where in a body each field's value lies.  The body can
 * be read again by offset, so no value is kept.
 */


#ifndef _JM_MULTIPART_H_INCLUDED_
#define _JM_MULTIPART_H_INCLUDED_


#include "jm_base.h"


#define JM_MULTIPART_PARTS      64
#define JM_MULTIPART_NAME       64      /* bytes of a name that are kept */
#define JM_MULTIPART_BOUNDARY   70      /* RFC 2046, section 5.1.1 */
#define JM_MULTIPART_HEADERS    4096    /* bytes of a part's header lines */


/*
 * A field of the form.  name is a view into space, unescaped; one that is
 * longer is kept cut, to as many bytes as no field's name has.  file is set
 * where a filename was given, an empty one too, where unnamed is set as well:
 * that is how a browser sends a file field with nothing chosen.  foreign is
 * set where the part says a charset that is not UTF-8.  The value is the len
 * bytes of the body from offset on.
 */

typedef struct {
    jm_str_t         name;
    unsigned         file;
    unsigned         unnamed;
    unsigned         foreign;
    uint64_t         offset;
    uint64_t         len;
    uint8_t          space[JM_MULTIPART_NAME];
} jm_multipart_part_t;


typedef enum {
    JM_MULTIPART_VALUE = 0,         /* or what stands before the first part */
    JM_MULTIPART_BOUND,             /* right behind a boundary */
    JM_MULTIPART_DASH,
    JM_MULTIPART_PADDING,
    JM_MULTIPART_CR,
    JM_MULTIPART_LINES,             /* the header lines of a part */
    JM_MULTIPART_EPILOGUE,
    JM_MULTIPART_BAD
} jm_multipart_state_e;


/*
 * parts and nparts are the caller's to read after jm_multipart_end(), in the
 * body's order.  As names point into it, a jm_multipart_t must not be copied.
 */

typedef struct {
    jm_multipart_part_t   parts[JM_MULTIPART_PARTS];
    size_t                nparts;

    jm_multipart_state_e  state;
    const char           *why;
    uint64_t              offset;       /* of the next byte */
    uint64_t              mark;         /* of what may be a delimiter */
    size_t                matched;      /* bytes of the delimiter */
    size_t                delimiter_len;
    size_t                lines_len;
    uint8_t               delimiter[4 + JM_MULTIPART_BOUNDARY];
    uint8_t               lines[JM_MULTIPART_HEADERS];
} jm_multipart_t;


/*
 * Starts a reader for a body of this Content-Type.  Returns JM_INVALID when
 * that is not multipart/form-data, or has no boundary of 1 ... 70 printable
 * characters, quoted or not, that does not end with a space (RFC 2046, section
 * 5.1.1, but for the set of characters, of which many clients know nothing).
 */
jm_rc_e jm_multipart_init(jm_multipart_t *m, jm_str_t content_type);

/*
 * Takes the next piece of the body, of any size.  A delimiter is a line of
 * its own: what only begins like one is a value's.  Names have \" and \\, and
 * %22, %0D and %0A resolved, the two ways in which clients write them (RFC
 * 2183, section 2; HTML, "multipart/form-data encoding algorithm").  Preamble
 * and epilogue are skipped.
 *
 * Returns JM_INVALID, then and ever after, and *why a sentence's end ("has
 * more than 64 parts") when a part has no name, broken or too many header
 * lines, or a Content-Transfer-Encoding, which RFC 7578, section 4.7 rules
 * out, of base64 or the like; or when there are too many parts.
 */
jm_rc_e jm_multipart_add(jm_multipart_t *m, jm_str_t piece, const char **why);

/*
 * Ends the body.  Returns JM_INVALID and *why as jm_multipart_add() does, and
 * when the closing delimiter is missing: a body that was cut.  A form without
 * any part is fine.
 */
jm_rc_e jm_multipart_end(jm_multipart_t *m, const char **why);


#endif /* _JM_MULTIPART_H_INCLUDED_ */
