
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
#include "jm_model.h"
#include "jm_size.h"


#define JM_REQUEST_IMAGES   14      /* the most that any model takes */
#define JM_REQUEST_URL      8192    /* bytes of a picture's URL */
#define JM_REQUEST_DEPTH    32
#define JM_REQUEST_NODES    4096


/* what the place of the request says about it */

typedef struct {
    const jm_models_t  *models;         /* the operator's, or NULL */
    jm_str_t            default_model;
    size_t              max_prompt;     /* code points */
    unsigned            strict_size;
} jm_rules_t;


/*
 * How a watermark is to look, as far as it was said: a number is -1, the text
 * is empty when it was not.  opacity is in hundredths.
 */

typedef struct {
    int              position;      /* 0 ... 3: right bottom, left bottom,
                                       left top, right top */
    int              language;      /* 0: Chinese, 1: English */
    int              opacity;       /* 0 ... 100 */
    jm_str_t         text;
} jm_logo_t;


/* what is written into a picture's metadata; nothing without a producer_id */

typedef struct {
    jm_str_t         content_producer;
    jm_str_t         producer_id;
    jm_str_t         content_propagator;
    jm_str_t         propagate_id;
} jm_aigc_meta_t;


/*
 * scale in hundredths; ratios as the client wrote them, empty if absent.
 *
 * n tasks are to be run.  force_single is set when each makes one picture;
 * else there is one task, its model decides how many, and at most max_images
 * of them (0: all) are handed on.  A task that failed may be submitted again
 * retries times.
 *
 * ignored has a bit for each field that was sent and has no effect, see
 * jm_request_field_name().
 */

typedef struct {
    const jm_model_t   *model;
    jm_str_t            prompt;
    jm_str_t            images[JM_REQUEST_IMAGES];
    size_t              nimages;
    jm_size_t           size;
    jm_str_t            resolution;     /* "4k", "8k", or empty */
    unsigned            has_scale;
    unsigned            scale;
    jm_str_t            min_ratio;
    jm_str_t            max_ratio;
    uint32_t            n;
    unsigned            force_single;
    uint32_t            max_images;
    uint32_t            retries;
    unsigned            has_seed;
    int64_t             seed;
    unsigned            has_pre_llm;
    unsigned            pre_llm;
    unsigned            watermark;
    jm_logo_t           logo;           /* of the watermark */
    jm_aigc_meta_t      aigc_meta;
    uint64_t            ignored;
} jm_request_t;


/*
 * Reads a body into *r, whose strings are views into body or memory of mem.
 * Fields may stand at the top level or in "extra_body", the top level wins;
 * of equal keys the last wins; nulls and unknown fields are ignored.
 *
 * Returns JM_INVALID, and in *e what the client is told, when the body breaks
 * a rule (OpenAI API reference, "Create image"; Volcengine's document of
 * Jimeng 4.0); JM_ERROR when memory runs out.
 */
jm_rc_e jm_request_read(jm_request_t *r, jm_str_t body,
    const jm_rules_t *rules, jm_mem_t *mem, jm_error_t *e);

/*
 * Returns the name of the field that a bit of jm_request_t.ignored stands for,
 * counted from 0; NULL behind the last.
 */
const char *jm_request_field_name(unsigned bit);


#endif /* _JM_REQUEST_H_INCLUDED_ */
