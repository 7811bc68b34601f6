
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * What became of one of a request's tasks.
 */


#ifndef _JM_PART_H_INCLUDED_
#define _JM_PART_H_INCLUDED_


#include "jm_answer.h"


/*
 * Both URLs and an error where pictures were made and cannot be had.
 * Only Ark tells each picture's size, errors of others beside, and the tokens.
 */

typedef struct {
    const jm_str_t           *urls;
    const jm_str_t           *sizes;    /* NULL, or empty: not known */
    const size_t             *indexes;
    size_t                    nurls;
    size_t                    nlost;    /* were made, and are in errors */
    const jm_answer_error_t  *errors;
    size_t                    nerrors;
    uint64_t                  input_tokens;
    uint64_t                  output_tokens;
    uint64_t                  total_tokens;
    const jm_error_t         *error;    /* NULL: the task is done */
} jm_part_t;


#endif /* _JM_PART_H_INCLUDED_ */
