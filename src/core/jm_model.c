
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_model.h"


#define JM_MODEL_MIN_AREA   1048576
#define JM_MODEL_MAX_AREA   16777216


/* the first row is the one that jm_model_init() copies */

static const jm_model_t  jm_models[] = {

    { jm_string("jimeng_t2i_v40"), jm_string("jimeng_t2i_v40"),
      10, JM_MODEL_MIN_AREA, JM_MODEL_MAX_AREA, JM_SCALE_FRACTION, 0 },

    { jm_string("jimeng-4.0"), jm_string("jimeng_t2i_v40"),
      10, JM_MODEL_MIN_AREA, JM_MODEL_MAX_AREA, JM_SCALE_FRACTION, 0 },

    /* The API that has this name puts a watermark on unless told not to. */

    { jm_string("doubao-seedream-4-0-250828"), jm_string("jimeng_t2i_v40"),
      10, JM_MODEL_MIN_AREA, JM_MODEL_MAX_AREA, JM_SCALE_FRACTION, 1 },

    { jm_string("jimeng-4.6"), jm_string("jimeng_seedream46_cvtob"),
      14, JM_MODEL_MIN_AREA, JM_MODEL_MAX_AREA, JM_SCALE_PERCENT, 0 },

    { jm_string("jimeng_seedream46_cvtob"),
      jm_string("jimeng_seedream46_cvtob"),
      14, JM_MODEL_MIN_AREA, JM_MODEL_MAX_AREA, JM_SCALE_PERCENT, 0 }
};


static const jm_model_t *jm_model_last(const jm_model_t *rows, size_t n,
    jm_str_t name);


const jm_model_t *
jm_model_find(const jm_models_t *extra, jm_str_t name)
{
    const jm_model_t  *m;

    if (extra != NULL) {
        m = jm_model_last(extra->rows, extra->n, name);

        if (m != NULL) {
            return m;
        }
    }

    return jm_model_last(jm_models, jm_nitems(jm_models), name);
}


void
jm_model_init(jm_model_t *m, jm_str_t name, jm_str_t req_key)
{
    *m = jm_models[0];

    m->name = name;
    m->req_key = req_key;
}


static const jm_model_t *
jm_model_last(const jm_model_t *rows, size_t n, jm_str_t name)
{
    while (n > 0) {
        n--;

        if (rows[n].name.len == name.len
            && (name.len == 0
                || memcmp(rows[n].name.data, name.data, name.len) == 0))
        {
            return &rows[n];
        }
    }

    return NULL;
}
