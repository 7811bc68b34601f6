
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


#include "jm_reply_field.h"


/*
 * What the events of a stream are made of: dialect is JM_STREAM_OPENAI or _ARK,
 * edit is set for POST images/edits; look.type, and size where that is known,
 * are those of the picture whose event is next; the others are jm_result_t's.
 * The parts are for OpenAI's last picture, whose event tells what failed, and
 * for Ark's end, which has the tokens; nparts is 0 for the others.
 */

typedef struct {
    jm_stream_e      dialect;
    unsigned         edit;
    int64_t          created;
    jm_str_t         model;
    jm_look_t        look;
    jm_str_t         size;
    const jm_part_t *parts;
    size_t           nparts;
    uint64_t         ignored;
} jm_stream_t;


/*
 * Appends a comment, which readers of events skip: it keeps the connection open
 * while there is nothing to tell, and says as JSON where the request stands.
 * task_id may be empty.  There is no blank line behind it, which would be an
 * empty message to readers that take each for one.  Returns JM_ERROR as out
 * does.
 */
jm_rc_e jm_stream_comment(jm_buf_t *out, jm_str_t task_id,
    const jm_standing_t *standing);

/*
 * Appends the event of a picture, number index of the request from 0.  With a
 * url *data is not touched; with an empty one it becomes the offset in out at
 * which the picture's base64 belongs.  In OpenAI's form "b64_json" is there in
 * any case, empty beside a url: their schema requires a string.  Returns
 * JM_ERROR as out does.
 */
jm_rc_e jm_stream_picture(jm_buf_t *out, const jm_stream_t *s, uint32_t index,
    jm_str_t url, size_t *data);

/*
 * Appends Ark's event of a picture, or a task, that failed while others came;
 * OpenAI has none, and their clients end a stream on one that they do not
 * know.  Returns JM_ERROR as out does.
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
