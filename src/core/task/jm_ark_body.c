
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * The body of Ark's call.
 */


#include "jm_ark.h"
#include "jm_json.h"


static void jm_ark_images(jm_json_writer_t *w, const jm_request_t *r,
    size_t *at);
static void jm_ark_size(jm_json_writer_t *w, const jm_request_t *r);
static void jm_ark_series(jm_json_writer_t *w, const jm_request_t *r,
    unsigned stream);
static void jm_ark_params(jm_json_writer_t *w, const jm_request_t *r);
static void jm_ark_word(jm_json_writer_t *w, const char *key,
    const char *value);


jm_rc_e
jm_ark_submit(jm_buf_t *out, const jm_request_t *r, unsigned stream,
    size_t *at)
{
    jm_json_writer_t  w;

    jm_json_open(&w, out);
    jm_json_object(&w);

    jm_json_key(&w, "model");
    jm_json_string(&w, r->model->req_key);

    if (r->prompt.len != 0) {
        jm_json_key(&w, "prompt");
        jm_json_string(&w, r->prompt);
    }

    jm_ark_images(&w, r, at);
    jm_ark_size(&w, r);
    jm_ark_series(&w, r, stream);
    jm_ark_params(&w, r);

    /* data would be in memory as a whole, and Ark's default is a watermark */

    jm_json_key(&w, "response_format");
    jm_json_cstring(&w, "url");

    jm_json_key(&w, "watermark");
    jm_json_bool(&w, r->watermark);

    jm_json_end_object(&w);

    return jm_json_close(&w);
}


size_t
jm_ark_most(const jm_request_t *r)
{
    if (r->force_single) {
        return 1;
    }

    if (r->ark.layers) {
        return JM_ARK_PICTURES;
    }

    /* what was sent in counts against what may come out */

    return r->max_images != 0 ? r->max_images
                              : JM_REQUEST_GROUP - r->nimages;
}


jm_str_t
jm_ark_data_uri(jm_picture_type_e type)
{
    static const jm_str_t  none = jm_null_string;
    static const jm_str_t  uris[JM_PICTURE_TYPES] = {
        [JM_PICTURE_JPEG] = jm_string("data:image/jpeg;base64,"),
        [JM_PICTURE_PNG] = jm_string("data:image/png;base64,"),
        [JM_PICTURE_WEBP] = jm_string("data:image/webp;base64,"),
        [JM_PICTURE_GIF] = jm_string("data:image/gif;base64,"),
        [JM_PICTURE_BMP] = jm_string("data:image/bmp;base64,"),
        [JM_PICTURE_TIFF] = jm_string("data:image/tiff;base64,"),
        [JM_PICTURE_HEIC] = jm_string("data:image/heic;base64,")
    };

    return (unsigned) type < JM_PICTURE_TYPES ? uris[type] : none;
}


/* one is a string, several are an array */

static void
jm_ark_images(jm_json_writer_t *w, const jm_request_t *r, size_t *at)
{
    size_t  i;

    if (r->nimages == 0) {
        return;
    }

    jm_json_key(w, "image");

    if (r->nimages > 1) {
        jm_json_array(w);
    }

    for (i = 0; i < r->nimages; i++) {

        if (r->images[i].type == JM_IMAGE_URL) {
            jm_json_string(w, r->images[i].text);

            if (at != NULL) {
                at[i] = 0;
            }

            continue;
        }

        if (at == NULL) {
            w->out->rc = JM_ERROR;
            return;
        }

        jm_json_cstring(w, "");
        at[i] = w->out->len - 1;
    }

    if (r->nimages > 1) {
        jm_json_end_array(w);
    }
}


/* without it the model chooses */

static void
jm_ark_size(jm_json_writer_t *w, const jm_request_t *r)
{
    char      text[JM_SIZE_TEXT];
    jm_buf_t  b;

    jm_buf_fixed(&b, text, sizeof(text));
    jm_size_write(&b, &r->size);

    if (b.len != 0) {
        jm_json_key(w, "size");
        jm_json_string(w, jm_buf_view(&b));
    }
}


/* models that know of neither refuse a call that has them */

static void
jm_ark_series(jm_json_writer_t *w, const jm_request_t *r, unsigned stream)
{
    if (!(r->model->takes & JM_MODEL_SERIES)) {
        return;
    }

    jm_json_key(w, "sequential_image_generation");
    jm_json_cstring(w, r->force_single ? "disabled" : "auto");

    if (!r->force_single) {
        jm_json_key(w, "sequential_image_generation_options");
        jm_json_object(w);
        jm_json_key(w, "max_images");
        jm_json_int(w, (int64_t) jm_ark_most(r));
        jm_json_end_object(w);
    }

    jm_json_key(w, "stream");
    jm_json_bool(w, stream);
}


static void
jm_ark_params(jm_json_writer_t *w, const jm_request_t *r)
{
    const jm_number_t  *guidance;

    jm_ark_word(w, "output_format", r->ark.output_format);
    jm_ark_word(w, "background", r->ark.background);

    if (r->ark.layers) {
        jm_json_key(w, "layer_decomposition");
        jm_json_bool(w, 1);
    }

    if (r->ark.optimize != NULL) {
        jm_json_key(w, "optimize_prompt_options");
        jm_json_object(w);
        jm_ark_word(w, "mode", r->ark.optimize);
        jm_json_end_object(w);
    }

    if (r->ark.search) {
        jm_json_key(w, "tools");
        jm_json_array(w);
        jm_json_object(w);
        jm_ark_word(w, "type", "web_search");
        jm_json_end_object(w);
        jm_json_end_array(w);
    }

    if (r->has_seed) {
        jm_json_key(w, "seed");
        jm_json_int(w, r->seed);
    }

    guidance = &r->numbers[JM_NUMBER_GUIDANCE_SCALE];

    if (guidance->has) {
        jm_json_key(w, "guidance_scale");
        jm_json_raw(w, guidance->text);
    }
}


/* a member, unless nothing was said */

static void
jm_ark_word(jm_json_writer_t *w, const char *key, const char *value)
{
    if (value != NULL) {
        jm_json_name(w, key);
        jm_json_cstring(w, value);
    }
}
