
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * What a client has asked for, as its body says.
 */


#ifndef _JM_REQUEST_TYPE_H_INCLUDED_
#define _JM_REQUEST_TYPE_H_INCLUDED_


#include "jm_image.h"
#include "jm_model.h"
#include "jm_request_detail.h"
#include "jm_size.h"


/* whose dialect the events of a stream are in */

typedef enum {
    JM_STREAM_NONE = 0,
    JM_STREAM_OPENAI,
    JM_STREAM_ARK
} jm_stream_e;


/* told again in the reply: no model of Volcengine's knows of it */

typedef enum {
    JM_QUALITY_HIGH = 0,
    JM_QUALITY_MEDIUM,
    JM_QUALITY_LOW
} jm_quality_e;


/*
 * force_single is set when each of the n tasks makes one picture.  Else there
 * is one task, its model decides how many, and at most max_images of them (0:
 * all) are handed on.  requested is what the client wrote, and known when its
 * model is not.  ignored has a bit for each field that was sent and has
 * no effect, see jm_request_field_name().
 */

typedef struct {
    const jm_model_t   *model;
    jm_str_t            requested;      /* the model's name, or empty */
    jm_str_t            prompt;
    jm_image_t          images[JM_REQUEST_IMAGES];
    size_t              nimages;
    jm_size_t           size;
    jm_str_t            resolution;     /* "4k", "8k", or empty */
    unsigned            has_scale;
    unsigned            scale;          /* hundredths, or the model's integer */
    jm_str_t            min_ratio;      /* as the client wrote it, or empty */
    jm_str_t            max_ratio;
    jm_number_t         numbers[JM_NUMBER_LAST];
    uint32_t            n;
    unsigned            force_single;
    uint32_t            max_images;
    uint32_t            retries;        /* new submits of a task that failed */
    unsigned            has_seed;
    int64_t             seed;
    unsigned            has_pre_llm;
    unsigned            pre_llm;
    unsigned            watermark;
    jm_logo_t           logo;           /* of the watermark */
    jm_aigc_meta_t      aigc_meta;
    jm_ark_params_t     ark;
    unsigned            b64;            /* the pictures are wanted as data */
    jm_quality_e        quality;
    jm_stream_e         stream;
    unsigned            async;          /* answered when it was submitted */
    uint64_t            ignored;
} jm_request_t;


#endif /* _JM_REQUEST_TYPE_H_INCLUDED_ */
