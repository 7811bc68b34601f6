
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Results and errors as a client reads them (OpenAI API reference, "Images"
 * and "Error codes").
 */


#ifndef _JM_REPLY_H_INCLUDED_
#define _JM_REPLY_H_INCLUDED_


#include "jm_buf.h"
#include "jm_error.h"
#include "jm_size.h"


/* created in seconds since 1970; model is the req_key that ran */

typedef struct {
    int64_t          created;
    jm_str_t         model;
    jm_str_t         task_id;
    jm_size_t        size;
    const jm_str_t  *urls;
    size_t           nurls;
} jm_result_t;


/* Appends the reply of a task that is done.  Returns JM_ERROR as out does. */
jm_rc_e jm_reply_result(jm_buf_t *out, const jm_result_t *result);

/*
 * Appends the envelope of an error, with OpenAI's "error" object and "code"
 * and "message" beside it; task_id is left out when empty.  Returns JM_ERROR
 * as out does.
 */
jm_rc_e jm_reply_error(jm_buf_t *out, const jm_error_t *e, jm_str_t task_id);


#endif /* _JM_REPLY_H_INCLUDED_ */
