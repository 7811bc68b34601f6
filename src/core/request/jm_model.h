
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
#include "jm_model_type.h"


/*
 * A table of an operator's rows, searched before the built-in ones, and the
 * providers that there are accounts of, as bits: no other row is seen.
 */

typedef struct {
    const jm_model_t  *rows;
    size_t             n;
    unsigned           providers;
} jm_models_t;


/*
 * Returns the row of this name, byte for byte, that is preferred: the
 * operator's where there is one, else the built-in one, else NULL.  Rows of
 * one name and different providers stand side by side, and the provider of the
 * first of them is preferred; of several rows of one provider the last counts.
 * To find those of one provider, search a copy of models that has its bit
 * alone.  Any other name of BytePlus' editions of Seedream 4.0,
 * "seedream-4-0-...", has the row of "seedream-4-0-250828".  Where models is
 * NULL there is no operator's row, and only Visual.
 */
const jm_model_t *jm_model_find(const jm_models_t *models, jm_str_t name);

/*
 * Returns the row that is next in order to one that jm_model_find() returns: of
 * the same name, the operator's too or built-in as well, and another provider
 * that there are accounts of.  NULL: there is none.
 */
const jm_model_t *jm_model_other(const jm_models_t *models,
    const jm_model_t *m);

/*
 * Sets *m to the provider's built-in row that has this req_key, or where there
 * is none to that of Jimeng 4.0, of Ark's Seedream 4.5, under another name and
 * req_key.  A name that begins with "doubao-", "seedream-" or "dola-seedream-"
 * is Ark's, whose API puts a watermark on unless told not to; one with
 * "gpt-image-" or "chatgpt-image-" is OpenAI's, whose models of these names
 * give data whatever they are asked for.
 */
void jm_model_init(jm_model_t *m, jm_str_t name, jm_str_t req_key,
    jm_provider_e provider);

/*
 * Returns JM_INVALID, and *why a sentence's end ("needs a picture, and
 * "images=0" forbids it"), for a row that no request can meet, or that says
 * what its provider has no field for.
 */
jm_rc_e jm_model_check(const jm_model_t *m, const char **why);

/*
 * Returns row number i, from 0, of those that jm_model_find() can return, each
 * name once: the operator's first.  Behind the last comes NULL.
 */
const jm_model_t *jm_model_list(const jm_models_t *models, size_t i);

/*
 * Returns the price of a picture of an order of which the req_key alone is
 * known: that of the first row that has it and a price, or 0.
 */
uint64_t jm_model_price(const jm_models_t *models, jm_str_t req_key);

/*
 * Returns whose a req_key is: as the first built-in row that has it says, and
 * Visual's where there is none.
 */
jm_provider_e jm_model_provider(jm_str_t req_key);

/* Returns what a req_key is known by where there is room for no text. */
uint64_t jm_model_hash(jm_str_t req_key);

/*
 * Sets *e to JM_CAUSE_MODEL_NOT_FOUND for a name that jm_model_find() did not
 * find.  The message says when the model needs an account of Ark, and there is
 * none: that is where Jimeng 4.5, 4.7 and 5.0 and all models named
 * "doubao-...", "seedream-..." and "dola-seedream-..." are to be had
 * (Volcengine's documents of Ark).  A name that is not UTF-8 is not repeated
 * in it.
 */
void jm_model_unknown(jm_error_t *e, const jm_models_t *models,
    jm_str_t name);


#endif /* _JM_MODEL_H_INCLUDED_ */
