
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * The built-in rows (Volcengine's documents of each model).
 */


#include "jm_model_table.h"
#include "jm_picture.h"


/* bytes of an input picture; an operator's row may take some, where none do */

#define JM_MODEL_15M        JM_PICTURE_BYTES
#define JM_MODEL_4700K      4928307     /* 4.7 MB */
#define JM_MODEL_30M        31457280

/* pixels of one, at Ark */

#define JM_MODEL_36MP       36000000

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

/* the same of Ark's models, by their versions */

#define JM_MODEL_S(images, min, max, more)                                    \
    0, images, JM_MODEL_30M, 16, min, max, 0, 0, 16, 4194304,                 \
    JM_MODEL_PROMPT|JM_MODEL_SIDES|JM_MODEL_AREA|JM_MODEL_BASE64              \
    |JM_MODEL_OPTIMIZE|(more),                                                \
    JM_SCALE_NONE, "prompt"

#define JM_MODEL_S40                                                          \
    JM_MODEL_S(14, 921600, 16777216, JM_MODEL_SERIES|JM_MODEL_ARK)

#define JM_MODEL_S45(more)                                                    \
    JM_MODEL_S(14, 3686400, 16777216, JM_MODEL_SERIES|(more))

#define JM_MODEL_S50                                                          \
    JM_MODEL_S(14, 3686400, 16777216, JM_MODEL_SERIES|JM_MODEL_OUTPUT         \
               |JM_MODEL_TOOLS|JM_MODEL_ARK)

#define JM_MODEL_S50_PRO                                                      \
    JM_MODEL_S(10, 921600, 4624220, JM_MODEL_OUTPUT|JM_MODEL_LAYERS           \
               |JM_MODEL_ARK)

#define JM_MODEL_S30                                                          \
    0, 0, JM_MODEL_30M, 16, 512 * 512, 2048 * 2048, 0, 0, 16, 1024 * 1024,    \
    JM_MODEL_PROMPT|JM_MODEL_SIDES|JM_MODEL_SEED|JM_MODEL_GUIDANCE            \
    |JM_MODEL_ARK,                                                            \
    JM_SCALE_NONE, "prompt"

/* what they have in common that is of one provider */

#define JM_MODEL_VISUAL                                                       \
    JM_PROVIDER_VISUAL, JM_PICTURE_USUAL, 0, 0

#define JM_MODEL_OF_ARK(sizes)                                                \
    JM_PROVIDER_ARK, JM_PICTURE_ANY, JM_MODEL_36MP, sizes

#define jm_row(name, key, limits, watermark)                                  \
    { jm_string(name), jm_string(key), limits, watermark, 0, JM_MODEL_VISUAL }

/* Ark's own names have a watermark, and its dialect */

#define jm_ark_row(name, key, limits, watermark, sizes)                       \
    { jm_string(name), jm_string(key), limits, watermark, 0,                  \
      JM_MODEL_OF_ARK(sizes) }

#define jm_ark_rows(name, limits, sizes)                                      \
    { jm_string("doubao-" name), jm_string("doubao-" name), limits, 1, 0,     \
      JM_MODEL_OF_ARK(sizes) },                                               \
    { jm_string(name), jm_string(name), limits, 1, 0, JM_MODEL_OF_ARK(sizes) }


/*
 * A provider's first row is the one that jm_model_init() copies.  Where two
 * rows have one name the earlier one is preferred: Ark's own models are Ark's
 * where it has an account.  A row with a 1 has a name whose API puts
 * a watermark on unless told not to.
 */

const jm_model_t  jm_model_rows[] = {

    jm_row("jimeng_t2i_v40", "jimeng_t2i_v40", JM_MODEL_V40(0), 0),
    jm_row("jimeng-4.0", "jimeng_t2i_v40", JM_MODEL_V40(0), 0),

    jm_ark_row("jimeng-4.5", "doubao-seedream-4-5-251128", JM_MODEL_S45(0), 0,
               JM_MODEL_2K|JM_MODEL_4K),

    jm_ark_rows("seedream-4-5-251128", JM_MODEL_S45(JM_MODEL_ARK),
                JM_MODEL_2K|JM_MODEL_4K),

    jm_ark_rows("seedream-4-0-250828", JM_MODEL_S40,
                JM_MODEL_1K|JM_MODEL_2K|JM_MODEL_4K),
    jm_ark_rows("seedream-4-0-20260415", JM_MODEL_S40,
                JM_MODEL_1K|JM_MODEL_2K|JM_MODEL_4K),

    jm_ark_rows("seedream-5-0-260128", JM_MODEL_S50,
                JM_MODEL_2K|JM_MODEL_3K|JM_MODEL_4K),
    jm_ark_rows("seedream-5-0-lite-260128", JM_MODEL_S50,
                JM_MODEL_2K|JM_MODEL_3K|JM_MODEL_4K),

    /* BytePlus has these under a name of its own */

    jm_ark_row("doubao-seedream-5-0-pro-260628",
               "doubao-seedream-5-0-pro-260628", JM_MODEL_S50_PRO, 1,
               JM_MODEL_1K|JM_MODEL_1K5|JM_MODEL_2K),
    jm_ark_row("dola-seedream-5-0-pro-260628",
               "dola-seedream-5-0-pro-260628", JM_MODEL_S50_PRO, 1,
               JM_MODEL_1K|JM_MODEL_1K5|JM_MODEL_2K),
    jm_ark_row("doubao-seedream-5-0-flash-260915",
               "doubao-seedream-5-0-flash-260915", JM_MODEL_S50_PRO, 1,
               JM_MODEL_1K|JM_MODEL_1K5|JM_MODEL_2K),
    jm_ark_row("dola-seedream-5-0-flash-260915",
               "dola-seedream-5-0-flash-260915", JM_MODEL_S50_PRO, 1,
               JM_MODEL_1K|JM_MODEL_1K5|JM_MODEL_2K),

    jm_ark_rows("seedream-3-0-t2i-250415", JM_MODEL_S30, 0),

    jm_row("doubao-seedream-4-0-250828", "jimeng_t2i_v40",
           JM_MODEL_V40(JM_MODEL_ARK), 1),
    jm_row("doubao-seedream-4-0-20260415", "jimeng_t2i_v40",
           JM_MODEL_V40(JM_MODEL_ARK), 1),
    jm_row("seedream-4-0-250828", "jimeng_t2i_v40",
           JM_MODEL_V40(JM_MODEL_ARK), 1),

    jm_row("jimeng-4.6", "jimeng_seedream46_cvtob", JM_MODEL_V46, 0),
    jm_row("jimeng_seedream46_cvtob", "jimeng_seedream46_cvtob",
           JM_MODEL_V46, 0),

    jm_row("jimeng_t2i_v31", "jimeng_t2i_v31", JM_MODEL_V31, 0),
    jm_row("jimeng_t2i_v30", "jimeng_t2i_v30", JM_MODEL_V30, 0),
    jm_row("jimeng_i2i_v30", "jimeng_i2i_v30", JM_MODEL_I2I, 0),

    jm_row("jimeng_image2image_dream_inpaint",
           "jimeng_image2image_dream_inpaint", JM_MODEL_INPAINT, 0),
    jm_row("jimeng_i2i_seed3_tilesr_cvtob", "jimeng_i2i_seed3_tilesr_cvtob",
           JM_MODEL_TILES, 0),
    jm_row("jimeng_img2img_seed3_painting_edit",
           "jimeng_img2img_seed3_painting_edit", JM_MODEL_OUTPAINT, 0),
    jm_row("i2i_material_extraction", "i2i_material_extraction",
           JM_MODEL_EXTRACT("image_edit_prompt"), 0),

    /* The example of its document has "image_edit_prompt", its table this. */

    jm_row("jimeng_i2i_extract_tiled_images",
           "jimeng_i2i_extract_tiled_images",
           JM_MODEL_EXTRACT("edit_prompt"), 0)
};

const size_t  jm_model_nrows = jm_nitems(jm_model_rows);
