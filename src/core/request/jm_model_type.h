
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * A row of the model table.
 */


#ifndef _JM_MODEL_TYPE_H_INCLUDED_
#define _JM_MODEL_TYPE_H_INCLUDED_


#include "jm_money.h"


/* whose service an account belongs to; those of a location are bits */

typedef enum {
    JM_PROVIDER_VISUAL = 0,     /* tasks: a submit, and queries */
    JM_PROVIDER_ARK             /* one call, whose answer is the result */
} jm_provider_e;

#define jm_provider_bit(p)   (1u << (p))


/* what a model takes, in bits; a prompt that it takes it needs as well */

#define JM_MODEL_PROMPT      0x0001
#define JM_MODEL_SIDES       0x0002     /* "width" and "height" */
#define JM_MODEL_AREA        0x0004     /* "size", beside the sides */
#define JM_MODEL_GROUP       0x0008     /* "force_single", ratios */
#define JM_MODEL_SEED        0x0010
#define JM_MODEL_PRE_LLM     0x0020     /* "use_pre_llm" */
#define JM_MODEL_MASK        0x0040     /* a mask as its last picture */
#define JM_MODEL_RESOLUTION  0x0080     /* "resolution", 4k or 8k */
#define JM_MODEL_BASE64      0x0100     /* pictures as data, beside URLs */
#define JM_MODEL_ARK         0x0200     /* the name is Ark's, as are streams */
#define JM_MODEL_NO_PROMPT   0x0400     /* it may be left out, though */
#define JM_MODEL_EXPAND      0x0800     /* "top" and so on, "max_width" ... */
#define JM_MODEL_LORA        0x1000     /* "lora_weight" */
#define JM_MODEL_4K_46       0x2000     /* 4K sides as of Jimeng 4.6 */
#define JM_MODEL_SERIES      0x4000     /* Ark's groups and streams */
#define JM_MODEL_OUTPUT      0x8000     /* "output_format" */

/* what an absent "response_format" means; the location says where neither is */

#define JM_MODEL_URL         0x10000
#define JM_MODEL_DATA        0x20000

#define JM_MODEL_GPT         0x40000    /* the name is OpenAI's, with errors */

/* more of what it takes */

#define JM_MODEL_TOOLS       0x080000   /* "tools": a search */
#define JM_MODEL_LAYERS      0x100000   /* "layer_decomposition", background */
#define JM_MODEL_OPTIMIZE    0x200000   /* "optimize_prompt_options" */
#define JM_MODEL_GUIDANCE    0x400000   /* "guidance_scale" */

/* sizes that Ark has a name for, by their side */

#define JM_MODEL_1K          0x01       /* 1024 */
#define JM_MODEL_1K5         0x02       /* 1536 */
#define JM_MODEL_2K          0x04
#define JM_MODEL_3K          0x08
#define JM_MODEL_4K          0x10


typedef enum {
    JM_SCALE_NONE,
    JM_SCALE_FRACTION,      /* 0 ... 1, two decimals */
    JM_SCALE_PERCENT,       /* a fraction, sent as an integer of 1 ... 100 */
    JM_SCALE_DETAIL         /* 0 ... 100, an integer, of something else */
} jm_scale_e;


/*
 * req_key is what the upstream calls the model: Visual's req_key, Ark's model
 * or endpoint.  max_pixels of an input picture is 0 where its sides have a
 * limit (JM_PICTURE_SIDE) instead; formats has a bit for each
 * jm_picture_type_e that it may be of.
 */

typedef struct {
    jm_str_t         name;
    jm_str_t         req_key;
    uint32_t         min_images;    /* input pictures it needs */
    uint32_t         images;        /* input pictures it takes at most */
    uint32_t         max_bytes;     /* of such a picture's file */
    uint32_t         max_skew;      /* its longer side to the other; 0: any */
    uint32_t         min_area;      /* pixels of a picture it makes */
    uint32_t         max_area;
    uint32_t         min_side;      /* of such a picture; 0 and 0: any */
    uint32_t         max_side;
    uint32_t         max_ratio;     /* of its sides, longer to shorter */
    uint32_t         area;          /* what a ratio alone is made into */
    unsigned         takes;
    jm_scale_e       scale;
    const char      *prompt;        /* what the upstream calls it */
    unsigned         watermark;     /* what an absent "watermark" means */
    uint64_t         price;         /* of a picture, see jm_money.h; 0: none */
    jm_provider_e    provider;
    unsigned         formats;       /* of an input picture */
    uint32_t         max_pixels;    /* of such a picture */
    unsigned         sizes;         /* that it is asked for by their names */
} jm_model_t;


#endif /* _JM_MODEL_TYPE_H_INCLUDED_ */
