
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * A client's body, in any of the dialects in use: OpenAI's, Volcengine's, and
 * those of other gateways.  What counts is the field, not who invented it.
 */


#ifndef _JM_REQUEST_H_INCLUDED_
#define _JM_REQUEST_H_INCLUDED_


#include "jm_error.h"
#include "jm_request_type.h"
#include "jm_skeleton.h"


#define JM_REQUEST_GROUP    15      /* pictures in and out, of one task */
#define JM_REQUEST_URL      8192    /* bytes of a picture's URL */
#define JM_REQUEST_DEPTH    32
#define JM_REQUEST_NODES    4096


/* in which form pictures are wanted */

typedef enum {
    JM_FORMAT_UNSAID = 0,
    JM_FORMAT_URL,
    JM_FORMAT_B64
} jm_format_e;


/* what the location says of its requests */

typedef struct {
    const jm_models_t    *models;           /* the operator's, or NULL */
    jm_str_t              default_model;
    size_t                max_prompt;       /* code points */
    unsigned              strict_size;
    jm_format_e           format;
    unsigned              edit;             /* a request needs a picture */
    unsigned              upload;           /* pictures may come as data */
    const jm_skeleton_t  *skeleton;         /* the body's, or NULL */
} jm_rules_t;


/*
 * A part of a form.  value is its text.  A file, and a text that is too long
 * for anything but a picture, are left in the body: value.data is NULL then,
 * the part is len bytes from offset, and head has the first JM_SKELETON_HEAD.
 */

typedef struct {
    jm_str_t            name;
    jm_str_t            value;
    jm_str_t            head;
    unsigned            file;           /* it has a filename */
    unsigned            unnamed;        /* the filename is empty */
    unsigned            foreign;        /* its charset is not UTF-8 */
    uint64_t            offset;
    uint64_t            len;
} jm_form_field_t;


/*
 * Reads a body into *r, whose strings are views into body or memory of mem.
 * The body is JSON, or the text of the skeleton that the rules have, and may
 * begin with U+FEFF.  Fields may stand at the top level or in "extra_body", the
 * top level wins; of equal keys the last wins; nulls and unknown fields are
 * ignored.  Pictures may have any of the names that jm_request_is_picture()
 * knows, and come in the order of those; a field that looks like a picture,
 * see jm_request_looks(), and has none of them is refused.
 *
 * Returns JM_INVALID, and in *e what the client is told, when the body breaks
 * a rule (OpenAI API reference, "Create image" and "Create image edit";
 * Volcengine's document of Jimeng 4.0); JM_ERROR when memory runs out.
 * e->param is a literal or in memory of mem.
 */
jm_rc_e jm_request_read(jm_request_t *r, jm_str_t body,
    const jm_rules_t *rules, jm_mem_t *mem, jm_error_t *e);

/*
 * The same for the n fields of a form.  Pictures are in "image", "image[]",
 * "image[0]", and the same of the other names, as files or as text, any number
 * of times, in the order of their numbers where they have some; of equal other
 * names the last wins.  Empty values are ignored, and so is a file of no name
 * and no bytes: a browser's field where nothing was chosen.  A value that is
 * JSON of a type that its field may have is that, and for a bool 1 and 0, on
 * and off, yes and no are, too, in any case; any other is a string.  "a[b]" is
 * member "b" of the object "a".
 *
 * A text in another charset than UTF-8, or such a form ("_charset_", HTML,
 * "constructing the entry list"), is refused.
 */
jm_rc_e jm_request_read_form(jm_request_t *r, const jm_form_field_t *fields,
    size_t n, const jm_rules_t *rules, jm_mem_t *mem, jm_error_t *e);

/*
 * Returns the name of the field that a bit of jm_request_t.ignored stands for,
 * counted from 0; NULL behind the last.
 */
const char *jm_request_field_name(unsigned bit);

/* Returns what the upstream and its clients call a number. */
const char *jm_request_number_name(jm_number_e number);


#endif /* _JM_REQUEST_H_INCLUDED_ */
