
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


/* scale in hundredths; ratios as the client wrote them, empty if absent */

typedef struct {
    const jm_model_t   *model;
    jm_str_t            prompt;
    jm_str_t            images[JM_REQUEST_IMAGES];
    size_t              nimages;
    jm_size_t           size;
    unsigned            has_scale;
    unsigned            scale;
    jm_str_t            min_ratio;
    jm_str_t            max_ratio;
    unsigned            force_single;
    unsigned            watermark;
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


#endif /* _JM_REQUEST_H_INCLUDED_ */
