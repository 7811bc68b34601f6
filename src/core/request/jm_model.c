
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_hash.h"
#include "jm_model.h"
#include "jm_picture.h"
#include "jm_text.h"


#define JM_MODEL_ECHO       64      /* bytes of a name in a message */

/* bytes of an input picture; an operator's row may take some, where none do */

#define JM_MODEL_15M        JM_PICTURE_BYTES
#define JM_MODEL_4700K      4928307     /* 4.7 MB */

/* what the rows of one req_key have in common, from min_images to prompt */

#define JM_MODEL_V40(more)                                                    \
    0, 10, JM_MODEL_15M, 3, 1048576, 16777216, 0, 0, 16, 4194304,             \
    JM_MODEL_PROMPT|JM_MODEL_SIDES|JM_MODEL_AREA|JM_MODEL_GROUP|(more),       \
    JM_SCALE_FRACTION, "prompt"

#define JM_MODEL_V46                                                          \
    0, 14, JM_MODEL_15M, 0, 1048576, 16777216, 0, 0, 16, 4194304,             \
    JM_MODEL_PROMPT|JM_MODEL_SIDES|JM_MODEL_AREA|JM_MODEL_GROUP               \
    |JM_MODEL_4K_46,                                                          \
    JM_SCALE_PERCENT, "prompt"

#define JM_MODEL_T2I                                                          \
    JM_MODEL_PROMPT|JM_MODEL_SIDES|JM_MODEL_SEED|JM_MODEL_PRE_LLM,            \
    JM_SCALE_NONE, "prompt"

#define JM_MODEL_V31                                                          \
    0, 0, JM_MODEL_15M, 3, 512 * 512, 2048 * 2048, 0, 0, 3, 1328 * 1328,      \
    JM_MODEL_T2I

#define JM_MODEL_V30                                                          \
    0, 0, JM_MODEL_15M, 3, 512 * 512, 2048 * 2048, 512, 2048, 16,             \
    1328 * 1328, JM_MODEL_T2I

#define JM_MODEL_I2I                                                          \
    1, 1, JM_MODEL_4700K, 3, 512 * 512, 2016 * 2016, 512, 2016, 16,           \
    1328 * 1328,                                                              \
    JM_MODEL_PROMPT|JM_MODEL_SIDES|JM_MODEL_SEED|JM_MODEL_BASE64,             \
    JM_SCALE_FRACTION, "prompt"

#define JM_MODEL_INPAINT                                                      \
    2, 2, JM_MODEL_4700K, 0, 0, 0, 0, 0, 0, 0,                                \
    JM_MODEL_PROMPT|JM_MODEL_MASK|JM_MODEL_SEED|JM_MODEL_BASE64,              \
    JM_SCALE_NONE, "prompt"

#define JM_MODEL_TILES                                                        \
    1, 1, JM_MODEL_4700K, 3, 0, 0, 0, 0, 0, 0,                                \
    JM_MODEL_RESOLUTION|JM_MODEL_BASE64,                                      \
    JM_SCALE_DETAIL, NULL

#define JM_MODEL_OUTPAINT                                                     \
    1, 2, JM_MODEL_15M, 0, 0, 0, 0, 0, 0, 0,                                  \
    JM_MODEL_PROMPT|JM_MODEL_NO_PROMPT|JM_MODEL_MASK|JM_MODEL_EXPAND          \
    |JM_MODEL_SEED|JM_MODEL_BASE64,                                           \
    JM_SCALE_NONE, "prompt"

#define JM_MODEL_EXTRACT(prompt)                                              \
    1, 1, JM_MODEL_15M, 0, 1024 * 1024, 4096 * 4096, 1024, 4096, 16,          \
    2048 * 2048,                                                              \
    JM_MODEL_PROMPT|JM_MODEL_SIDES|JM_MODEL_LORA|JM_MODEL_SEED,               \
    JM_SCALE_NONE, prompt


/*
 * The first row is the one that jm_model_init() copies.  A row with a 1 before
 * its price has a name whose API puts a watermark on unless told not to.
 */

static const jm_model_t  jm_models[] = {

    { jm_string("jimeng_t2i_v40"), jm_string("jimeng_t2i_v40"),
      JM_MODEL_V40(0), 0, 0 },

    { jm_string("jimeng-4.0"), jm_string("jimeng_t2i_v40"),
      JM_MODEL_V40(0), 0, 0 },

    { jm_string("doubao-seedream-4-0-250828"), jm_string("jimeng_t2i_v40"),
      JM_MODEL_V40(JM_MODEL_ARK), 1, 0 },

    { jm_string("doubao-seedream-4-0-20260415"), jm_string("jimeng_t2i_v40"),
      JM_MODEL_V40(JM_MODEL_ARK), 1, 0 },

    { jm_string("seedream-4-0-250828"), jm_string("jimeng_t2i_v40"),
      JM_MODEL_V40(JM_MODEL_ARK), 1, 0 },

    { jm_string("jimeng-4.6"), jm_string("jimeng_seedream46_cvtob"),
      JM_MODEL_V46, 0, 0 },

    { jm_string("jimeng_seedream46_cvtob"),
      jm_string("jimeng_seedream46_cvtob"),
      JM_MODEL_V46, 0, 0 },

    { jm_string("jimeng_t2i_v31"), jm_string("jimeng_t2i_v31"),
      JM_MODEL_V31, 0, 0 },

    { jm_string("jimeng_t2i_v30"), jm_string("jimeng_t2i_v30"),
      JM_MODEL_V30, 0, 0 },

    { jm_string("jimeng_i2i_v30"), jm_string("jimeng_i2i_v30"),
      JM_MODEL_I2I, 0, 0 },

    { jm_string("jimeng_image2image_dream_inpaint"),
      jm_string("jimeng_image2image_dream_inpaint"),
      JM_MODEL_INPAINT, 0, 0 },

    { jm_string("jimeng_i2i_seed3_tilesr_cvtob"),
      jm_string("jimeng_i2i_seed3_tilesr_cvtob"),
      JM_MODEL_TILES, 0, 0 },

    { jm_string("jimeng_img2img_seed3_painting_edit"),
      jm_string("jimeng_img2img_seed3_painting_edit"),
      JM_MODEL_OUTPAINT, 0, 0 },

    { jm_string("i2i_material_extraction"),
      jm_string("i2i_material_extraction"),
      JM_MODEL_EXTRACT("image_edit_prompt"), 0, 0 },

    /* The example of its document has "image_edit_prompt", its table this. */

    { jm_string("jimeng_i2i_extract_tiled_images"),
      jm_string("jimeng_i2i_extract_tiled_images"),
      JM_MODEL_EXTRACT("edit_prompt"), 0, 0 }
};


/* how names begin that are Ark's, and what else is to be had there only */

static const jm_str_t  jm_model_ark[] = {
    jm_string("doubao-"), jm_string("seedream-"), jm_string("dola-seedream-")
};

static const jm_str_t  jm_model_ark_only[] = {
    jm_string("jimeng-4.5"), jm_string("jimeng-4.7"), jm_string("jimeng-5.0")
};

/* the family of one row */

static const jm_str_t  jm_model_family = jm_string("seedream-4-0-");
static const jm_str_t  jm_model_first = jm_string("seedream-4-0-250828");


static const jm_model_t *jm_model_row(const jm_models_t *extra,
    jm_str_t name);
static const jm_model_t *jm_model_last(const jm_model_t *rows, size_t n,
    jm_str_t name);
static unsigned jm_model_same(jm_str_t a, jm_str_t b);
static unsigned jm_model_is_ark(jm_str_t name);
static unsigned jm_model_starts(jm_str_t name, jm_str_t prefix);


const jm_model_t *
jm_model_find(const jm_models_t *extra, jm_str_t name)
{
    const jm_model_t  *m;

    m = jm_model_row(extra, name);

    if (m == NULL && jm_model_starts(name, jm_model_family)) {
        m = jm_model_row(extra, jm_model_first);
    }

    return m;
}


static const jm_model_t *
jm_model_row(const jm_models_t *extra, jm_str_t name)
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
    size_t                 i;
    static const jm_str_t  gpt = jm_string("gpt-image-");
    static const jm_str_t  chatgpt = jm_string("chatgpt-image-");

    *m = jm_models[0];

    for (i = 0; i < jm_nitems(jm_models); i++) {

        if (jm_model_same(jm_models[i].req_key, req_key)) {
            *m = jm_models[i];
            break;
        }
    }

    m->name = name;
    m->req_key = req_key;

    if (jm_model_is_ark(name)) {
        m->takes |= JM_MODEL_ARK;
        m->watermark = 1;
    }

    if (jm_model_starts(name, gpt) || jm_model_starts(name, chatgpt)) {
        m->takes |= JM_MODEL_GPT|JM_MODEL_DATA;
    }
}


jm_rc_e
jm_model_check(const jm_model_t *m, const char **why)
{
    uint64_t  most, least;

    if (m->images < m->min_images) {
        *why = m->images == 0 ? "needs a picture, and \"images=0\" forbids it"
                              : "needs more pictures than \"images=\" allows";
        return JM_INVALID;
    }

    most = (uint64_t) m->max_side * m->max_side;
    least = (uint64_t) m->min_side * m->min_side;

    if (m->max_side != 0 && (m->min_area > most || m->max_area < least)) {
        *why = "makes no picture of this \"area=\", its sides are too "
               "short or too long for it";
        return JM_INVALID;
    }

    return JM_OK;
}


const jm_model_t *
jm_model_list(const jm_models_t *extra, size_t i)
{
    size_t             k, n;
    const jm_model_t  *m;

    n = extra != NULL ? extra->n : 0;

    for (k = 0; k < n + jm_nitems(jm_models); k++) {
        m = k < n ? &extra->rows[k] : &jm_models[k - n];

        if (jm_model_find(extra, m->name) == m && i-- == 0) {
            return m;
        }
    }

    return NULL;
}


uint64_t
jm_model_price(const jm_models_t *models, jm_str_t req_key)
{
    size_t  i;

    for (i = 0; i < models->n; i++) {

        if (models->rows[i].price != 0
            && jm_model_same(models->rows[i].req_key, req_key))
        {
            return models->rows[i].price;
        }
    }

    return 0;
}


uint64_t
jm_model_hash(jm_str_t req_key)
{
    return jm_hash(JM_HASH_START, req_key.data, req_key.len);
}


void
jm_model_unknown(jm_error_t *e, jm_str_t name)
{
    size_t       i, n;
    jm_str_t     echo;
    unsigned     ark;
    const char  *advice;

    if (jm_utf8_length(name, &n) != JM_OK) {
        jm_error_set(e, JM_CAUSE_MODEL_NOT_FOUND, "model", NULL);
        return;
    }

    ark = jm_model_is_ark(name);

    for (i = 0; i < jm_nitems(jm_model_ark_only); i++) {
        ark |= jm_model_same(name, jm_model_ark_only[i]);
    }

    if (ark) {
        advice = "needs an Ark account, which this gateway does not have; use "
                 "\"jimeng-4.0\" or \"jimeng-4.6\"";

    } else {
        advice = "is not known here; use \"jimeng_t2i_v40\", or leave the "
                 "field \"model\" out";
    }

    echo = jm_utf8_prefix(name, JM_MODEL_ECHO);

    jm_error_set(e, JM_CAUSE_MODEL_NOT_FOUND, "model",
                 "The model \"%.*s%s\" %s.", (int) echo.len,
                 echo.len != 0 ? (const char *) echo.data : "",
                 echo.len < name.len ? "..." : "", advice);
}


static const jm_model_t *
jm_model_last(const jm_model_t *rows, size_t n, jm_str_t name)
{
    while (n > 0) {
        n--;

        if (jm_model_same(rows[n].name, name)) {
            return &rows[n];
        }
    }

    return NULL;
}


static unsigned
jm_model_same(jm_str_t a, jm_str_t b)
{
    return a.len == b.len
           && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}


static unsigned
jm_model_is_ark(jm_str_t name)
{
    size_t  i;

    for (i = 0; i < jm_nitems(jm_model_ark); i++) {

        if (jm_model_starts(name, jm_model_ark[i])) {
            return 1;
        }
    }

    return 0;
}


static unsigned
jm_model_starts(jm_str_t name, jm_str_t prefix)
{
    return name.len > prefix.len
           && memcmp(name.data, prefix.data, prefix.len) == 0;
}
