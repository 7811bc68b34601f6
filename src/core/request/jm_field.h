
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * The fields that a body may have, by their names in the dialects in use.
 */


#ifndef _JM_FIELD_H_INCLUDED_
#define _JM_FIELD_H_INCLUDED_


#include "jm_json.h"


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
    JM_FIELD_OPTIMIZE_OPTIONS,
    JM_FIELD_TOOLS,
    JM_FIELD_LAYERS,
    JM_FIELD_GUIDANCE_SCALE,
    JM_FIELD_EXTRA_BODY,
    JM_FIELD_LAST
} jm_field_e;


typedef struct {
    const char      *name;
    unsigned         types;         /* a bit for each jm_json_type_e */
    const char      *wanted;        /* these types, in words */
} jm_field_t;


#define jm_type(t)          (1u << (t))

/* whether a field is for pictures; those come in the order of the fields */

#define jm_request_is_picture(field)                                          \
    (((field) >= JM_FIELD_IMAGE && (field) <= JM_FIELD_REFERENCE_IMAGES)      \
     || (field) == JM_FIELD_MASK)


/* indexed by jm_field_e */

extern const jm_field_t  jm_request_fields[JM_FIELD_LAST];


/* Returns the field of this name, JM_FIELD_LAST where there is none. */
jm_field_e jm_request_find(jm_str_t name);


#endif /* _JM_FIELD_H_INCLUDED_ */
