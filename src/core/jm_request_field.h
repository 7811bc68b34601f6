
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * What the readers of a client's fields share with each other, and with
 * nobody else.
 */


#ifndef _JM_REQUEST_FIELD_H_INCLUDED_
#define _JM_REQUEST_FIELD_H_INCLUDED_


#include "jm_json.h"
#include "jm_request.h"


typedef enum {
    JM_FIELD_MODEL = 0,
    JM_FIELD_PROMPT,
    JM_FIELD_SIZE,
    JM_FIELD_WIDTH,
    JM_FIELD_HEIGHT,
    JM_FIELD_RATIO,
    JM_FIELD_ASPECT_RATIO,
    JM_FIELD_RESOLUTION,
    JM_FIELD_N,
    JM_FIELD_RESPONSE_FORMAT,
    JM_FIELD_STREAM,
    JM_FIELD_IMAGE,
    JM_FIELD_IMAGES,
    JM_FIELD_STRENGTH,
    JM_FIELD_SCALE,
    JM_FIELD_FORCE_SINGLE,
    JM_FIELD_MIN_RATIO,
    JM_FIELD_MAX_RATIO,
    JM_FIELD_WATERMARK,
    JM_FIELD_USER,
    JM_FIELD_EXTRA_BODY,
    JM_FIELD_LAST
} jm_field_e;


typedef struct {
    const char      *name;
    unsigned         types;         /* a bit for each jm_json_type_e */
    const char      *wanted;
} jm_field_t;


/* fields holds what the body has, NULL for what is absent or null */

typedef struct {
    jm_request_t      *request;
    const jm_rules_t  *rules;
    jm_error_t        *error;
    const jm_json_t   *fields[JM_FIELD_LAST];
} jm_request_ctx_t;


extern const jm_field_t  jm_request_fields[JM_FIELD_LAST];


/* Sets the error to a sentence in printf's form; gives JM_INVALID. */

#define jm_request_refuse(ctx, param, ...)                                    \
    (jm_error_set((ctx)->error, JM_CAUSE_INVALID_REQUEST, param,              \
                  __VA_ARGS__),                                               \
     JM_INVALID)


/*
 * Reads "image" and "images" into the request's images.  Returns JM_INVALID,
 * and the error, for what is no URL, and for more than the model takes.
 */
jm_rc_e jm_request_images(jm_request_ctx_t *ctx);

/*
 * Reads "size", "ratio", "aspect_ratio", "resolution", "width" and "height"
 * into the request's size, which is one that its model makes.  Returns
 * JM_INVALID, and the error, for what is none.
 */
jm_rc_e jm_request_size(jm_request_ctx_t *ctx);

/*
 * Sets *value to a field's integer of 1 ... max, and leaves it when the field
 * is absent.  Returns JM_INVALID, and the error, for any other number.
 */
jm_rc_e jm_request_integer(jm_request_ctx_t *ctx, jm_field_e field,
    int64_t max, uint32_t *value);


#endif /* _JM_REQUEST_FIELD_H_INCLUDED_ */
