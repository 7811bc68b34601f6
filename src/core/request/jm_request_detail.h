
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * What some models take, or some clients ask for.
 */


#ifndef _JM_REQUEST_DETAIL_H_INCLUDED_
#define _JM_REQUEST_DETAIL_H_INCLUDED_


#include "jm_base.h"


/* how a watermark is to look; what was not said is -1, or an empty text */

typedef struct {
    int              position;      /* 0 ... 3: clockwise from right bottom */
    int              language;      /* 0: Chinese, 1: English */
    int              opacity;       /* 0 ... 100, in hundredths */
    jm_str_t         text;
} jm_logo_t;


/* what is written into a picture's metadata; nothing without a producer_id */

typedef struct {
    jm_str_t         content_producer;
    jm_str_t         producer_id;
    jm_str_t         content_propagator;
    jm_str_t         propagate_id;
} jm_aigc_meta_t;


/* how far to expand a picture, and to what size; how much a LoRA counts */

typedef enum {
    JM_NUMBER_TOP = 0,
    JM_NUMBER_BOTTOM,
    JM_NUMBER_LEFT,
    JM_NUMBER_RIGHT,
    JM_NUMBER_MAX_WIDTH,
    JM_NUMBER_MAX_HEIGHT,
    JM_NUMBER_LORA_WEIGHT,
    JM_NUMBER_GUIDANCE_SCALE,
    JM_NUMBER_LAST
} jm_number_e;


typedef struct {
    unsigned         has;
    int64_t          value;         /* where text is empty */
    jm_str_t         text;
} jm_number_t;


/*
 * What only models of Ark's take.  The texts are Ark's words, and NULL where
 * the request has none; with layers set the one picture that was sent in is
 * taken apart into several.
 */

typedef struct {
    const char      *output_format;
    const char      *background;
    const char      *optimize;
    unsigned         search;
    unsigned         layers;
} jm_ark_params_t;


#endif /* _JM_REQUEST_DETAIL_H_INCLUDED_ */
