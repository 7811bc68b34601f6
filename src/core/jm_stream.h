
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Replies as streams of server-sent events (WHATWG HTML, "Server-sent
 * events"), in OpenAI's form ("Image generation streaming") and in that of
 * Volcengine's Ark ("Image generation API", stream).
 */


#ifndef _JM_STREAM_H_INCLUDED_
#define _JM_STREAM_H_INCLUDED_


#include "jm_reply.h"


/*
 * What all the events of a stream have in common: dialect is
 * JM_STREAM_OPENAI or _ARK, edit is set for POST images/edits; the others are
 * jm_result_t's.
 */

typedef struct {
    jm_stream_e      dialect;
    unsigned         edit;
    int64_t          created;
    jm_str_t         model;
    jm_size_t        size;
    uint64_t         ignored;
} jm_stream_t;


/* what keeps the connection open while there is nothing to tell */

#define JM_STREAM_COMMENT   ": running\n\n"


/*
 * Appends the event of a picture, number index of the request from 0.  With a
 * url *data is not touched; with an empty one it becomes the offset in out at
 * which the picture's base64 belongs.  Returns JM_ERROR as out does.
 */
jm_rc_e jm_stream_picture(jm_buf_t *out, const jm_stream_t *s, uint32_t index,
    jm_str_t url, size_t *data);

/*
 * Appends the event of a picture, or a task, that failed while others came.
 * In OpenAI's form it has no member "error": their clients end a stream on
 * one.  Returns JM_ERROR as out does.
 */
jm_rc_e jm_stream_failed(jm_buf_t *out, const jm_stream_t *s, uint32_t index,
    const jm_error_t *e);

/*
 * Appends what ends a stream that had pictures, made of which were billed:
 * nothing in OpenAI's form.  Returns JM_ERROR as out does.
 */
jm_rc_e jm_stream_end(jm_buf_t *out, const jm_stream_t *s, size_t made);

/*
 * Appends the event of an error that ends a stream, with the envelope that
 * jm_reply_error() writes.  Returns JM_ERROR as out does.
 */
jm_rc_e jm_stream_error(jm_buf_t *out, const jm_error_t *e, jm_str_t task_id);


#endif /* _JM_STREAM_H_INCLUDED_ */
