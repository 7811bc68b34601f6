
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * The model table: what a client calls a model, the req_key Volcengine knows
 * it by, and what it takes.
 */


#ifndef _JM_MODEL_H_INCLUDED_
#define _JM_MODEL_H_INCLUDED_


#include "jm_error.h"


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

/* what an absent "response_format" means; the location says where neither is */

#define JM_MODEL_URL         0x10000
#define JM_MODEL_DATA        0x20000

#define JM_MODEL_GPT         0x40000    /* the name is OpenAI's, with errors */


typedef enum {
    JM_SCALE_NONE,
    JM_SCALE_FRACTION,      /* 0 ... 1, two decimals */
    JM_SCALE_PERCENT,       /* a fraction, sent as an integer of 1 ... 100 */
    JM_SCALE_DETAIL         /* 0 ... 100, an integer, of something else */
} jm_scale_e;


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
} jm_model_t;


/* a table of an operator's rows, searched before the built-in ones */

typedef struct {
    const jm_model_t  *rows;
    size_t             n;
} jm_models_t;


/*
 * Returns the row of this name, byte for byte: the last of extra's where it
 * has one, else the built-in one, else NULL.  Any other name of BytePlus'
 * editions of Seedream 4.0, "seedream-4-0-...", has the row of
 * "seedream-4-0-250828".  extra may be NULL.
 */
const jm_model_t *jm_model_find(const jm_models_t *extra, jm_str_t name);

/*
 * Sets *m to the built-in row that has this req_key, or where there is none to
 * that of Jimeng 4.0, under another name and req_key.  A name that begins with
 * "doubao-", "seedream-" or "dola-seedream-" is Ark's, whose API puts a
 * watermark on unless told not to; one with "gpt-image-" or "chatgpt-image-" is
 * OpenAI's, whose models of these names give data whatever they are asked for.
 */
void jm_model_init(jm_model_t *m, jm_str_t name, jm_str_t req_key);

/*
 * Returns JM_INVALID, and *why a sentence's end ("needs a picture, and
 * "images=0" forbids it"), for a row that no request can meet.
 */
jm_rc_e jm_model_check(const jm_model_t *m, const char **why);

/*
 * Returns row number i, from 0, of those that jm_model_find() can return, each
 * name once: extra's first, if it is not NULL.  Behind the last comes NULL.
 */
const jm_model_t *jm_model_list(const jm_models_t *extra, size_t i);

/*
 * Sets *e to JM_CAUSE_MODEL_NOT_FOUND for a name that jm_model_find() did not
 * find.  The message says when the model needs an account of Ark: that is
 * where Jimeng 4.5, 4.7 and 5.0 and all models named "doubao-...",
 * "seedream-..." and "dola-seedream-..." are to be had (Volcengine's documents
 * of Ark).  A name that is not UTF-8 is not repeated in it.
 */
void jm_model_unknown(jm_error_t *e, jm_str_t name);


#endif /* _JM_MODEL_H_INCLUDED_ */
