
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
#include "jm_keys.h"
#include "jm_part.h"
#include "jm_picture.h"
#include "jm_request.h"
#include "jm_standing.h"


/*
 * What pictures are like: the size that was asked of the model, the quality
 * that was asked for here, and what they were found to be.
 */

typedef struct {
    jm_size_t          size;
    jm_quality_e       quality;
    jm_picture_type_e  type;
} jm_look_t;


/*
 * created in seconds since 1970; model is the req_key that ran; the parts are
 * in the order of the tasks.  Of the pictures at most max_images are handed
 * on, 0 is all of them; ignored is jm_request_t's.
 */

typedef struct {
    int64_t            created;
    jm_str_t           model;
    jm_str_t           task_id;
    jm_look_t          look;
    const jm_part_t   *parts;
    size_t             nparts;
    uint32_t           max_images;
    uint64_t           ignored;
} jm_result_t;


/*
 * Appends the reply of a request of which at least one task is done; those
 * that failed are listed as "errors", by their number from 0, as are single
 * pictures of a group.
 * "generated_images" counts what was made, and so billed: also the pictures
 * that are over max_images.
 *
 * Where pictures is not NULL none is written, and *pictures is the offset in
 * out at which they belong: for each JM_REPLY_DATA_OPEN, its base64 and
 * JM_REPLY_DATA_CLOSE, with JM_REPLY_DATA_NEXT between two.  Returns JM_ERROR
 * as out does.
 */
jm_rc_e jm_reply_result(jm_buf_t *out, const jm_result_t *result,
    size_t *pictures);

#define JM_REPLY_DATA_OPEN   "{\"b64_json\":\""
#define JM_REPLY_DATA_CLOSE  "\"}"
#define JM_REPLY_DATA_NEXT   ","

/*
 * Appends the reply of a request that has no pictures, yet or for good:
 * "created", "model" and "task_id" of result, nothing else of which is read,
 * and where it stands; for JM_STATUS_FAILED "error" of e, as jm_reply_error()
 * has it, while e is not read for the others.  Returns JM_ERROR as out does.
 */
jm_rc_e jm_reply_status(jm_buf_t *out, const jm_result_t *result,
    const jm_standing_t *standing, const jm_error_t *e);

/*
 * Appends the list of the models that jm_model_find() finds with extra, which
 * may be NULL, the operator's rows first (OpenAI API reference, "List models"),
 * and that the client may use, which may be NULL.  created, in seconds since
 * 1970, is given for each of them.  Returns JM_ERROR as out does.
 */
jm_rc_e jm_reply_models(jm_buf_t *out, const jm_models_t *extra,
    const jm_client_t *client, int64_t created);

/* Appends one model, as the list has it ("Retrieve model"). */
jm_rc_e jm_reply_model(jm_buf_t *out, const jm_model_t *model,
    int64_t created);

/*
 * Appends the envelope of an error, with OpenAI's "error" object and "code"
 * and "message" beside it; task_id, which is in both places, is left out when
 * empty.  Returns JM_ERROR as out does.
 */
jm_rc_e jm_reply_error(jm_buf_t *out, const jm_error_t *e, jm_str_t task_id);


#endif /* _JM_REPLY_H_INCLUDED_ */
