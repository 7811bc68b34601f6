
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_json.h"
#include "jm_reply.h"


/* "99999x99999", or an area */

#define JM_REPLY_SIZE       16


jm_rc_e
jm_reply_result(jm_buf_t *out, const jm_result_t *result)
{
    size_t            i;
    char              text[JM_REPLY_SIZE];
    jm_buf_t          size;
    jm_json_writer_t  w;

    jm_buf_fixed(&size, text, sizeof(text));
    jm_size_write(&size, &result->size);

    jm_json_open(&w, out);
    jm_json_object(&w);

    jm_json_key(&w, "created");
    jm_json_int(&w, result->created);

    jm_json_key(&w, "model");
    jm_json_string(&w, result->model);

    if (result->task_id.len != 0) {
        jm_json_key(&w, "task_id");
        jm_json_string(&w, result->task_id);
    }

    jm_json_key(&w, "task_status");
    jm_json_cstring(&w, "succeed");

    jm_json_key(&w, "data");
    jm_json_array(&w);

    for (i = 0; i < result->nurls; i++) {
        jm_json_object(&w);
        jm_json_key(&w, "url");
        jm_json_string(&w, result->urls[i]);
        jm_json_end_object(&w);
    }

    jm_json_end_array(&w);

    if (size.len != 0) {
        jm_json_key(&w, "size");
        jm_json_string(&w, jm_buf_view(&size));
    }

    jm_json_key(&w, "usage");
    jm_json_object(&w);
    jm_json_key(&w, "generated_images");
    jm_json_int(&w, (int64_t) result->nurls);
    jm_json_end_object(&w);

    jm_json_end_object(&w);

    return jm_json_close(&w);
}


jm_rc_e
jm_reply_error(jm_buf_t *out, const jm_error_t *e, jm_str_t task_id)
{
    jm_json_writer_t   w;
    const jm_cause_t  *cause;

    cause = jm_cause(e->cause);

    jm_json_open(&w, out);
    jm_json_object(&w);

    jm_json_key(&w, "error");
    jm_json_object(&w);

    jm_json_key(&w, "message");
    jm_json_cstring(&w, e->message);

    jm_json_key(&w, "type");
    jm_json_cstring(&w, cause->type);

    jm_json_key(&w, "param");

    if (e->param != NULL) {
        jm_json_cstring(&w, e->param);

    } else {
        jm_json_null(&w);
    }

    jm_json_key(&w, "code");
    jm_json_cstring(&w, cause->code);

    if (e->upstream_code != 0) {
        jm_json_key(&w, "upstream_code");
        jm_json_int(&w, e->upstream_code);
    }

    jm_json_end_object(&w);

    jm_json_key(&w, "code");
    jm_json_cstring(&w, cause->code);

    jm_json_key(&w, "message");
    jm_json_cstring(&w, e->message);

    if (task_id.len != 0) {
        jm_json_key(&w, "task_id");
        jm_json_string(&w, task_id);
    }

    jm_json_end_object(&w);

    return jm_json_close(&w);
}
