
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_stream.h"


/* "image_generation.partial_succeeded" */

#define JM_STREAM_TYPE      40


static void jm_stream_open(jm_json_writer_t *w, jm_buf_t *out,
    const jm_stream_t *s, const char *event);
static void jm_stream_created(jm_json_writer_t *w, const jm_stream_t *s);
static jm_rc_e jm_stream_close(jm_json_writer_t *w, jm_buf_t *out);


jm_rc_e
jm_stream_comment(jm_buf_t *out, jm_str_t task_id,
    const jm_standing_t *standing)
{
    jm_json_writer_t  w;

    jm_buf_literal(out, ": ");

    jm_json_open(&w, out);
    jm_json_object(&w);

    if (task_id.len != 0) {
        jm_json_key(&w, "task_id");
        jm_json_string(&w, task_id);
    }

    jm_reply_standing(&w, standing);

    jm_json_end_object(&w);

    (void) jm_json_close(&w);

    jm_buf_literal(out, "\n");

    return out->rc;
}


jm_rc_e
jm_stream_picture(jm_buf_t *out, const jm_stream_t *s, uint32_t index,
    jm_str_t url, size_t *data)
{
    unsigned          ark;
    jm_json_writer_t  w;

    ark = (s->dialect == JM_STREAM_ARK);

    jm_stream_open(&w, out, s, ark ? "partial_succeeded" : "completed");
    jm_stream_created(&w, s);

    if (ark) {
        jm_json_key(&w, "image_index");
        jm_json_int(&w, index);
    }

    if (ark && s->size.len != 0) {
        jm_json_key(&w, "size");
        jm_json_string(&w, s->size);

    } else if (ark) {
        jm_reply_size(&w, &s->look.size);

    } else {
        jm_reply_look(&w, &s->look);
        jm_reply_usage(&w, 1, s->parts, s->nparts);
        jm_reply_errors(&w, s->parts, s->nparts);
        jm_reply_ignored(&w, s->ignored);
    }

    if (url.len != 0) {
        jm_json_key(&w, "url");
        jm_json_string(&w, url);
    }

    if (url.len == 0 || !ark) {
        jm_json_key(&w, "b64_json");
        jm_json_cstring(&w, "");
    }

    if (url.len == 0) {
        *data = out->len - 1;
    }

    return jm_stream_close(&w, out);
}


jm_rc_e
jm_stream_failed(jm_buf_t *out, const jm_stream_t *s, uint32_t index,
    const jm_error_t *e)
{
    jm_json_writer_t  w;

    jm_stream_open(&w, out, s, "partial_failed");
    jm_stream_created(&w, s);

    jm_json_key(&w, "image_index");
    jm_json_int(&w, index);

    jm_json_key(&w, "error");
    jm_json_object(&w);
    jm_reply_why(&w, e);
    jm_json_end_object(&w);

    return jm_stream_close(&w, out);
}


jm_rc_e
jm_stream_end(jm_buf_t *out, const jm_stream_t *s, size_t made)
{
    jm_json_writer_t  w;

    if (s->dialect != JM_STREAM_ARK) {
        return out->rc;
    }

    jm_stream_open(&w, out, s, "completed");
    jm_stream_created(&w, s);
    jm_reply_usage(&w, made, s->parts, s->nparts);
    jm_reply_ignored(&w, s->ignored);

    (void) jm_stream_close(&w, out);

    jm_buf_literal(out, "data: [DONE]\n\n");

    return out->rc;
}


jm_rc_e
jm_stream_error(jm_buf_t *out, const jm_error_t *e, jm_str_t task_id)
{
    jm_buf_literal(out, "event: error\ndata: ");

    (void) jm_reply_error(out, e, task_id);

    jm_buf_literal(out, "\n\n");

    return out->rc;
}


static void
jm_stream_open(jm_json_writer_t *w, jm_buf_t *out, const jm_stream_t *s,
    const char *event)
{
    char      text[JM_STREAM_TYPE];
    jm_buf_t  type;

    jm_buf_fixed(&type, text, sizeof(text));

    if (s->edit) {
        jm_buf_literal(&type, "image_edit.");

    } else {
        jm_buf_literal(&type, "image_generation.");
    }

    jm_buf_add(&type, event, strlen(event));

    jm_buf_literal(out, "event: ");
    jm_buf_str(out, jm_buf_view(&type));
    jm_buf_literal(out, "\ndata: ");

    jm_json_open(w, out);
    jm_json_object(w);

    jm_json_key(w, "type");
    jm_json_string(w, jm_buf_view(&type));
}


static void
jm_stream_created(jm_json_writer_t *w, const jm_stream_t *s)
{
    if (s->dialect == JM_STREAM_ARK) {
        jm_json_key(w, "model");
        jm_json_string(w, s->model);

        jm_json_key(w, "created");

    } else {
        jm_json_key(w, "created_at");
    }

    jm_json_int(w, s->created);
}


static jm_rc_e
jm_stream_close(jm_json_writer_t *w, jm_buf_t *out)
{
    jm_json_end_object(w);

    (void) jm_json_close(w);

    jm_buf_literal(out, "\n\n");

    return out->rc;
}
