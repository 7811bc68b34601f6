
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Takes an answer of Volcengine's apart while it arrives: the pictures, which
 * are the base64 strings of the array "binary_data_base64", and all the rest.
 * A picture is never held: an answer of 80 MB needs no more memory than the
 * pieces it comes in.
 */


#ifndef _JM_PASS_H_INCLUDED_
#define _JM_PASS_H_INCLUDED_


#include "jm_text.h"


typedef enum {
    JM_PASS_AGAIN = 0,      /* the piece is used up */
    JM_PASS_REST,           /* run: JSON around the pictures */
    JM_PASS_OPEN,           /* a picture begins */
    JM_PASS_TEXT,           /* run: base64 of it */
    JM_PASS_CLOSE,          /* the picture ends */
    JM_PASS_INVALID         /* the picture has what is not base64 */
} jm_pass_e;


/*
 * arrays has a bit for each array and object that is open, the innermost one's
 * lowest, which is set for an array of pictures; what is more than 64 levels
 * out is forgotten, and has none.  matched counts the characters of a string
 * that are those of the key.
 */

typedef struct {
    unsigned         state;
    unsigned         after;
    size_t           matched;
    uint64_t         arrays;
    jm_escape_t      escape;
} jm_pass_t;


/* Starts an answer. */
void jm_pass_init(jm_pass_t *p);

/*
 * Takes the next run off the front of *in, which is a piece of the answer of
 * any size; to be called with the same *in until JM_PASS_AGAIN, then with the
 * next piece.  *run is a view into the piece, or one of static memory where a
 * character was escaped.
 *
 * JM_PASS_REST: all these runs together are the answer with its pictures
 * made empty: ..."binary_data_base64":["",""]...  Whether that is JSON is to
 * be judged by jm_json_read(); what is a picture is certain only if it is.
 * Pictures are the strings that stand directly in an array whose key, escaped
 * or not, is "binary_data_base64", wherever it is, however many there are.
 *
 * JM_PASS_OPEN, JM_PASS_CLOSE: *run is empty.
 *
 * JM_PASS_TEXT: *run is not empty and has characters of the standard alphabet
 * and "=" only (RFC 4648, section 4); whether they make sense is not looked
 * at.  White space in the string, which is escaped but for blanks, is left
 * out.
 *
 * JM_PASS_INVALID: the string has anything else; so says every later call.
 */
jm_pass_e jm_pass_next(jm_pass_t *p, jm_str_t *in, jm_str_t *run);

/* Tells whether a picture was opened and not closed yet. */
unsigned jm_pass_inside(const jm_pass_t *p);


#endif /* _JM_PASS_H_INCLUDED_ */
