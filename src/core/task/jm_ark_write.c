
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_ark.h"


static void jm_ark_write_picture(jm_json_writer_t *w, const jm_answer_t *a,
    size_t i);
static void jm_ark_write_error(jm_json_writer_t *w,
    const jm_answer_error_t *e);


jm_rc_e
jm_ark_write(jm_buf_t *out, const jm_answer_t *a)
{
    size_t             i, k, index;
    jm_json_writer_t   w;

    jm_json_open(&w, out);
    jm_json_object(&w);

    jm_json_key(&w, "data");
    jm_json_array(&w);

    for (index = 0, i = 0; index < JM_ARK_PICTURES; index++) {

        if (i < a->nurls && a->indexes[i] == index) {
            jm_ark_write_picture(&w, a, i++);
            continue;
        }

        for (k = 0; k < a->nerrors; k++) {
            if (a->errors[k].index == index) {
                jm_ark_write_error(&w, &a->errors[k]);
                break;
            }
        }
    }

    jm_json_end_array(&w);

    jm_json_key(&w, "usage");
    jm_json_object(&w);

    jm_json_key(&w, "generated_images");
    jm_json_int(&w, (int64_t) a->nurls);

    jm_json_key(&w, "input_tokens");
    jm_json_int(&w, (int64_t) a->input_tokens);

    jm_json_key(&w, "output_tokens");
    jm_json_int(&w, (int64_t) a->output_tokens);

    jm_json_key(&w, "total_tokens");
    jm_json_int(&w, (int64_t) a->total_tokens);

    jm_json_end_object(&w);
    jm_json_end_object(&w);

    return jm_json_close(&w);
}


static void
jm_ark_write_picture(jm_json_writer_t *w, const jm_answer_t *a, size_t i)
{
    jm_json_object(w);

    jm_json_key(w, "url");
    jm_json_string(w, a->urls[i]);

    if (a->sizes[i].len != 0) {
        jm_json_key(w, "size");
        jm_json_string(w, a->sizes[i]);
    }

    jm_json_end_object(w);
}


static void
jm_ark_write_error(jm_json_writer_t *w, const jm_answer_error_t *e)
{
    jm_json_object(w);

    jm_json_key(w, "error");
    jm_json_object(w);

    jm_json_key(w, "code");
    jm_json_string(w, e->code);

    jm_json_end_object(w);
    jm_json_end_object(w);
}
