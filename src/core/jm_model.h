
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * The model table: what a client calls a model, the req_key Volcengine knows
 * it by, and what it takes.
 */


#ifndef _JM_MODEL_H_INCLUDED_
#define _JM_MODEL_H_INCLUDED_


#include "jm_base.h"


typedef enum {
    JM_SCALE_NONE,
    JM_SCALE_FRACTION,      /* 0 ... 1, two decimals */
    JM_SCALE_PERCENT        /* 1 ... 100, an integer */
} jm_scale_e;


typedef struct {
    jm_str_t         name;
    jm_str_t         req_key;
    uint32_t         images;        /* input pictures it takes at most */
    uint32_t         min_area;      /* pixels of a picture it makes */
    uint32_t         max_area;
    jm_scale_e       scale;
    unsigned         watermark;     /* what an absent "watermark" means */
} jm_model_t;


/* a table of an operator's rows, searched before the built-in ones */

typedef struct {
    const jm_model_t  *rows;
    size_t             n;
} jm_models_t;


/*
 * Returns the row of this name, byte for byte: the last of extra's where it
 * has one, else the built-in one, else NULL.  extra may be NULL.
 */
const jm_model_t *jm_model_find(const jm_models_t *extra, jm_str_t name);

/* Sets *m to the row of Jimeng 4.0 under another name and req_key. */
void jm_model_init(jm_model_t *m, jm_str_t name, jm_str_t req_key);


#endif /* _JM_MODEL_H_INCLUDED_ */
