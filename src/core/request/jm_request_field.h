
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * What the readers of a client's fields share with each other, and with
 * nobody else.
 */


#ifndef _JM_REQUEST_FIELD_H_INCLUDED_
#define _JM_REQUEST_FIELD_H_INCLUDED_


#include "jm_field.h"
#include "jm_request.h"


/*
 * A body while it is read.  fields holds what it has, NULL for what is absent
 * or null.  A text that was left in the body is a string all the same, which
 * stands for it: see jm_request_away().
 */

typedef struct {
    jm_request_t           *request;
    const jm_rules_t       *rules;
    jm_mem_t               *mem;
    jm_error_t             *error;
    const jm_form_field_t  *form;       /* its parts; NULL: the body is JSON */
    size_t                  nform;
    const jm_json_t        *fields[JM_FIELD_LAST];
} jm_request_ctx_t;


/* what JSON of a body may consist of */

extern const jm_json_limits_t  jm_request_limits;


/* Sets the error to a sentence in printf's form; gives JM_INVALID. */

#define jm_request_refuse(ctx, param, ...)                                    \
    (jm_error_set((ctx)->error, JM_CAUSE_INVALID_REQUEST, param,              \
                  __VA_ARGS__),                                               \
     JM_INVALID)


/* Starts a request of nothing. */
void jm_request_init(jm_request_ctx_t *ctx, jm_request_t *r,
    const jm_rules_t *rules, jm_mem_t *mem, jm_error_t *e);

/*
 * Reads the request from the fields, and from those in "extra_body" that are
 * not there.  Returns JM_INVALID, and the error, if they break a rule.
 */
jm_rc_e jm_request_run(jm_request_ctx_t *ctx);

/*
 * Tells whether a string's text was left in the body.  If so, and image is not
 * NULL, sets the picture's type and its place there.
 */
unsigned jm_request_away(const jm_request_ctx_t *ctx, jm_str_t text,
    jm_image_t *image);

/*
 * Returns a string's text; of one that was left in the body the first bytes,
 * as they are there.
 */
jm_str_t jm_request_head(const jm_request_ctx_t *ctx, jm_str_t text);

/*
 * Returns JM_INVALID, and the error, for a field of any name but those for
 * pictures that looks like a picture: by its name, as "ref_image", "photos[0]"
 * or "imageUrl" and not "image_size", with a value that may be one, as is no
 * number and no bool; or by its value, which is a data: URI or base64 of a
 * picture, or a URL that ends as a picture's does.  What is within an array or
 * an object counts, too.  A reference that is dropped is a picture that is paid
 * for in vain.
 */
jm_rc_e jm_request_looks(jm_request_ctx_t *ctx, jm_str_t name,
    const jm_json_t *node);

/*
 * Returns the name of a field as an error's param, cut where it is long: NULL
 * where it is not UTF-8, or memory runs out.
 */
const char *jm_request_param(jm_request_ctx_t *ctx, jm_str_t name);

/* Notes in the request that a field has no effect, if it was sent. */
void jm_request_ignore(jm_request_ctx_t *ctx, jm_field_e field);

/*
 * Sets *value to an integer of min ... max, and leaves it when node is NULL or
 * a null.  Returns JM_INVALID, and the error, which calls it name, for
 * anything else.
 */
jm_rc_e jm_request_integer(jm_request_ctx_t *ctx, const jm_json_t *node,
    const char *name, int64_t min, int64_t max, int64_t *value);

/* The same for a field that is an integer of 1 ... max. */
jm_rc_e jm_request_count(jm_request_ctx_t *ctx, jm_field_e field,
    int64_t max, uint32_t *value);


#endif /* _JM_REQUEST_FIELD_H_INCLUDED_ */
