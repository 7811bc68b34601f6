
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Ark's names of errors.
 */


#ifndef _JM_ARK_CODE_H_INCLUDED_
#define _JM_ARK_CODE_H_INCLUDED_


#include "jm_error.h"


/* what a code is about, and so what becomes of the call that it answers */

typedef enum {
    JM_ARK_CONTENT,
    JM_ARK_REQUEST,
    JM_ARK_ACCOUNT,
    JM_ARK_MODEL,
    JM_ARK_BUSY
} jm_ark_about_e;


typedef struct {
    jm_str_t         name;
    jm_ark_about_e   about;
    jm_stage_e       stage;
    unsigned         transient;     /* the next try may end otherwise */
    const char      *message;       /* NULL: the cause's own */
} jm_ark_code_t;


/*
 * Returns the row of a code, by all of its name or by what is before a dot:
 * "InvalidParameter" also for "InvalidParameter.UnsupportedSize".  NULL where
 * there is none: InternalServiceError has none, as nothing is known with it.
 */
const jm_ark_code_t *jm_ark_code(jm_str_t code);

/* Returns row number i, from 0, or NULL behind the last. */
const jm_ark_code_t *jm_ark_code_row(size_t i);

/*
 * Sets *e to what a row means for a client, in our own words: nothing of what
 * the upstream said is in it.
 */
void jm_ark_code_error(jm_error_t *e, const jm_ark_code_t *row);


#endif /* _JM_ARK_CODE_H_INCLUDED_ */
