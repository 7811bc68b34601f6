
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * A large JSON body without its long strings: they stay where they are, and
 * what is kept is small enough to be read as a whole.
 */


#ifndef _JM_SKELETON_H_INCLUDED_
#define _JM_SKELETON_H_INCLUDED_


#include "jm_buf.h"


#define JM_SKELETON_STRINGS  32
#define JM_SKELETON_HEAD     32     /* bytes of a string that are kept */


/*
 * A string that was taken out, where in the skeleton its stand-in is, and the
 * string's first bytes, as many as fit.
 */

typedef struct {
    uint64_t         offset;        /* of its raw inside, in the body */
    uint64_t         len;           /* of its raw inside, with all escapes */
    size_t           at;
    size_t           head_len;
    uint8_t          head[JM_SKELETON_HEAD];
} jm_skeleton_string_t;


/* start and at are the open string's places in the body and in out */

typedef struct {
    jm_buf_t              *out;
    size_t                 max;
    uint64_t               offset;      /* of the next piece */
    uint64_t               start;
    size_t                 at;
    unsigned               inside;
    unsigned               escaped;     /* the next byte belongs to a \ */
    unsigned               taken;       /* the open string was taken out */
    jm_rc_e                rc;
    size_t                 nstrings;
    jm_skeleton_string_t   strings[JM_SKELETON_STRINGS];
} jm_skeleton_t;


/*
 * Starts a skeleton that is appended to out.  Strings of more than max bytes
 * between their quotes, as they are in the body, are taken out: keys, too.
 */
void jm_skeleton_init(jm_skeleton_t *s, jm_buf_t *out, size_t max);

/*
 * Takes the next piece of the body, of any size.  A whole JSON text (RFC 8259)
 * becomes one that has the same tree, where each string that was taken out is
 * a short one without escapes.  Text that is none is not found out here: it
 * becomes something that is none, or a JSON text if all that is wrong with it
 * is within a string that was taken out.
 *
 * Returns JM_INVALID when there are more than JM_SKELETON_STRINGS such
 * strings; JM_ERROR when out has an error, which may be that its cap is not
 * enough for all the rest and max bytes more.  Either stays so: later pieces
 * are ignored.
 */
jm_rc_e jm_skeleton_add(jm_skeleton_t *s, jm_str_t piece);

/*
 * Returns what a string of the tree stands for that jm_json_read() made of
 * out, or NULL when the string is the client's own.  It is told by its
 * address, so that no client can write one that is taken for a stand-in.
 */
const jm_skeleton_string_t *jm_skeleton_find(const jm_skeleton_t *s,
    jm_str_t text);


#endif /* _JM_SKELETON_H_INCLUDED_ */
