
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


/* fractions are held against their limits in billionths */

#define JM_REQUEST_PLACES       9
#define JM_REQUEST_ONE          1000000000

/* whether a field is for pictures; those come in the order of the fields */

#define jm_request_is_picture(field)                                          \
    (((field) >= JM_FIELD_IMAGE && (field) <= JM_FIELD_REFERENCE_IMAGES)      \
     || (field) == JM_FIELD_MASK)

/* billionths to hundredths, half rounded up */

#define jm_request_rounded(v)                                                 \
    (((v) + JM_REQUEST_ONE / 200) / (JM_REQUEST_ONE / 100))


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
    JM_FIELD_IMAGE_URLS,
    JM_FIELD_BINARY_DATA_BASE64,
    JM_FIELD_IMAGE_URL,
    JM_FIELD_INPUT_IMAGE,
    JM_FIELD_REFERENCE_IMAGES,
    JM_FIELD_STRENGTH,
    JM_FIELD_SCALE,
    JM_FIELD_FORCE_SINGLE,
    JM_FIELD_MIN_RATIO,
    JM_FIELD_MAX_RATIO,
    JM_FIELD_SEQUENCE,
    JM_FIELD_SEQUENCE_OPTIONS,
    JM_FIELD_RETRIES,
    JM_FIELD_ASYNC,
    JM_FIELD_WATERMARK,
    JM_FIELD_AIGC_META,
    JM_FIELD_SEED,
    JM_FIELD_PRE_LLM,
    JM_FIELD_EDIT_PROMPT,
    JM_FIELD_IMAGE_EDIT_PROMPT,
    JM_FIELD_TOP,
    JM_FIELD_BOTTOM,
    JM_FIELD_LEFT,
    JM_FIELD_RIGHT,
    JM_FIELD_MAX_WIDTH,
    JM_FIELD_MAX_HEIGHT,
    JM_FIELD_LORA_WEIGHT,
    JM_FIELD_MASK,
    JM_FIELD_NEGATIVE_PROMPT,
    JM_FIELD_QUALITY,
    JM_FIELD_STYLE,
    JM_FIELD_STYLE_PRESET,
    JM_FIELD_BACKGROUND,
    JM_FIELD_MODERATION,
    JM_FIELD_OUTPUT_FORMAT,
    JM_FIELD_OUTPUT_COMPRESSION,
    JM_FIELD_PARTIAL_IMAGES,
    JM_FIELD_INPUT_FIDELITY,
    JM_FIELD_COMPLEXITY,
    JM_FIELD_FRAME_COUNT,
    JM_FIELD_FRAME_DURATION,
    JM_FIELD_SVG,
    JM_FIELD_SAFETY_IDENTIFIER,
    JM_FIELD_USER,
    JM_FIELD_EXTRA_BODY,
    JM_FIELD_LAST
} jm_field_e;


typedef struct {
    const char      *name;
    unsigned         types;         /* a bit for each jm_json_type_e */
    const char      *wanted;
} jm_field_t;


/*
 * fields holds what the body has, NULL for what is absent or null.  A text
 * that is not in memory is a string all the same, which stands for it: see
 * jm_request_away().
 */

typedef struct {
    jm_request_t           *request;
    const jm_rules_t       *rules;
    jm_mem_t               *mem;
    jm_error_t             *error;
    const jm_form_field_t  *form;       /* of a form: what it was made of */
    size_t                  nform;
    const jm_json_t        *fields[JM_FIELD_LAST];
} jm_request_ctx_t;


extern const jm_field_t  jm_request_fields[JM_FIELD_LAST];

/* what a body may consist of */

extern const jm_json_limits_t  jm_request_limits;


/* Sets the error to a sentence in printf's form; gives JM_INVALID. */

#define jm_request_refuse(ctx, param, ...)                                    \
    (jm_error_set((ctx)->error, JM_CAUSE_INVALID_REQUEST, param,              \
                  __VA_ARGS__),                                               \
     JM_INVALID)


/* Starts a request of nothing. */
void jm_request_init(jm_request_ctx_t *ctx, jm_request_t *r,
    const jm_rules_t *rules, jm_mem_t *mem, jm_error_t *e);

/* Returns the field of this name, JM_FIELD_LAST where there is none. */
jm_field_e jm_request_find(jm_str_t name);

/*
 * Reads the request from the fields, and from those in "extra_body" that are
 * not there.  Returns JM_INVALID, and the error, if they break a rule.
 */
jm_rc_e jm_request_run(jm_request_ctx_t *ctx);

/*
 * Tells whether the text of a string is in the body and not in memory, and
 * sets the picture's place and type, if image is not NULL, to what it stands
 * for.
 */
unsigned jm_request_away(const jm_request_ctx_t *ctx, jm_str_t text,
    jm_image_t *image);

/*
 * Returns the text of a string, or where it is in the body and not in memory
 * its first bytes, as they are there.
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

/*
 * Reads all that are for pictures, "mask" last and for a model that takes one,
 * into the request's images.  Returns JM_INVALID, and the error, for what
 * cannot be a picture, and for more or fewer than the model takes.
 */
jm_rc_e jm_request_images(jm_request_ctx_t *ctx);

/*
 * Reads "size", "ratio", "aspect_ratio", "resolution", "width" and "height"
 * into the request's size, which is one that its model makes.  Returns
 * JM_INVALID, and the error, for what is none.
 */
jm_rc_e jm_request_size(jm_request_ctx_t *ctx);

/*
 * Reads "scale" and "strength".  Returns JM_INVALID, and the error, for what
 * the model does not take.
 */
jm_rc_e jm_request_scale(jm_request_ctx_t *ctx);

/*
 * Reads "min_ratio" and "max_ratio".  Returns JM_INVALID, and the error, for
 * what is out of range or leaves nothing between them.
 */
jm_rc_e jm_request_ratios(jm_request_ctx_t *ctx);

/*
 * Reads "n", "force_single", "sequential_image_generation" with its options,
 * and "retries": how many tasks, and how many pictures each.  Returns
 * JM_INVALID, and the error, for what is out of range or contradicts itself.
 */
jm_rc_e jm_request_group(jm_request_ctx_t *ctx);

/*
 * Reads "stream", "async", "response_format" and "quality": how the reply is
 * wanted.  Returns JM_INVALID, and the error, for what is none of that.
 */
jm_rc_e jm_request_result(jm_request_ctx_t *ctx);

/*
 * Reads "watermark", as a bool or as the vendor's logo_info, and "aigc_meta".
 * Returns JM_INVALID, and the error, for what the vendor does not take.
 */
jm_rc_e jm_request_marks(jm_request_ctx_t *ctx);

/*
 * Reads the numbers that some models take, and the upstream gets as they are.
 * Returns JM_INVALID, and the error, for what is out of range, or contradicts
 * a mask.
 */
jm_rc_e jm_request_numbers(jm_request_ctx_t *ctx);

/* Puts a field among the ignored ones, if it was sent. */
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
