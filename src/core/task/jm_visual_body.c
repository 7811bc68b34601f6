
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * The bodies of the upstream's two calls.
 */


#include <stdio.h>

#include "jm_json.h"
#include "jm_visual.h"


static void jm_visual_images(jm_json_writer_t *w, const jm_request_t *r,
    size_t *at);
static void jm_visual_size(jm_json_writer_t *w, const jm_request_t *r);
static void jm_visual_single(jm_json_writer_t *w, const jm_request_t *r);
static void jm_visual_numbers(jm_json_writer_t *w, const jm_request_t *r);
static void jm_visual_hundredths(jm_json_writer_t *w, unsigned value);
static void jm_visual_logo(jm_json_writer_t *w, const jm_logo_t *logo);
static void jm_visual_aigc_meta(jm_json_writer_t *w,
    const jm_aigc_meta_t *meta);
static void jm_visual_string(jm_json_writer_t *w, const char *key,
    jm_str_t value);


jm_rc_e
jm_visual_submit(jm_buf_t *out, const jm_request_t *r, size_t *at)
{
    jm_json_writer_t  w;

    jm_json_open(&w, out);
    jm_json_object(&w);

    jm_json_key(&w, "req_key");
    jm_json_string(&w, r->model->req_key);

    jm_visual_string(&w, r->model->prompt, r->prompt);
    jm_visual_images(&w, r, at);
    jm_visual_size(&w, r);

    if (r->has_scale) {
        jm_json_key(&w, "scale");

        if (r->model->scale == JM_SCALE_FRACTION) {
            jm_visual_hundredths(&w, r->scale);

        } else {
            jm_json_int(&w, r->scale);
        }
    }

    jm_visual_single(&w, r);
    jm_visual_numbers(&w, r);

    if (r->has_seed) {
        jm_json_key(&w, "seed");
        jm_json_int(&w, r->seed);
    }

    if (r->has_pre_llm) {
        jm_json_key(&w, "use_pre_llm");
        jm_json_bool(&w, r->pre_llm);
    }

    jm_json_end_object(&w);

    return jm_json_close(&w);
}


static void
jm_visual_images(jm_json_writer_t *w, const jm_request_t *r, size_t *at)
{
    size_t    i;
    unsigned  data;

    if (r->nimages == 0) {
        return;
    }

    data = (r->images[0].type != JM_IMAGE_URL);

    if (data && (at == NULL || !(r->model->takes & JM_MODEL_BASE64))) {
        w->out->rc = JM_ERROR;
        return;
    }

    jm_json_name(w, data ? "binary_data_base64" : "image_urls");
    jm_json_array(w);

    for (i = 0; i < r->nimages; i++) {

        if (data != (r->images[i].type != JM_IMAGE_URL)) {
            w->out->rc = JM_ERROR;
            return;
        }

        if (data) {
            jm_json_cstring(w, "");
            at[i] = w->out->len - 1;

        } else {
            jm_json_string(w, r->images[i].text);
        }
    }

    jm_json_end_array(w);
}


static void
jm_visual_size(jm_json_writer_t *w, const jm_request_t *r)
{
    jm_visual_string(w, "resolution", r->resolution);

    if (r->size.width != 0) {
        jm_json_key(w, "width");
        jm_json_int(w, r->size.width);

        jm_json_key(w, "height");
        jm_json_int(w, r->size.height);

    } else if (r->size.area != 0) {
        jm_json_key(w, "size");
        jm_json_int(w, r->size.area);
    }
}


/* of a model that may make several pictures */

static void
jm_visual_single(jm_json_writer_t *w, const jm_request_t *r)
{
    if (!(r->model->takes & JM_MODEL_GROUP)) {
        return;
    }

    jm_json_key(w, "force_single");
    jm_json_bool(w, r->force_single);

    if (r->min_ratio.len != 0) {
        jm_json_key(w, "min_ratio");
        jm_json_raw(w, r->min_ratio);
    }

    if (r->max_ratio.len != 0) {
        jm_json_key(w, "max_ratio");
        jm_json_raw(w, r->max_ratio);
    }
}


static void
jm_visual_numbers(jm_json_writer_t *w, const jm_request_t *r)
{
    unsigned            i;
    const jm_number_t  *number;

    for (i = 0; i < JM_NUMBER_LAST; i++) {
        number = &r->numbers[i];

        if (!number->has) {
            continue;
        }

        jm_json_name(w, jm_request_number_name((jm_number_e) i));

        if (number->text.len != 0) {
            jm_json_raw(w, number->text);

        } else {
            jm_json_int(w, number->value);
        }
    }
}


/* as the shortest fraction */

static void
jm_visual_hundredths(jm_json_writer_t *w, unsigned value)
{
    int       n;
    char      text[sizeof("4294967295.99")];
    jm_str_t  number;

    if (value % 100 == 0) {
        jm_json_int(w, value / 100);
        return;
    }

    n = snprintf(text, sizeof(text), "%u.%02u", value / 100, value % 100);

    if (n > 0 && text[n - 1] == '0') {
        n--;
    }

    number.len = (size_t) jm_max(n, 0);
    number.data = (const uint8_t *) text;

    jm_json_raw(w, number);
}


jm_rc_e
jm_visual_req_json(jm_buf_t *out, const jm_request_t *r, unsigned return_url)
{
    jm_json_writer_t  w;

    jm_json_open(&w, out);
    jm_json_object(&w);

    jm_json_key(&w, "return_url");
    jm_json_bool(&w, return_url);

    if (r->watermark) {
        jm_visual_logo(&w, &r->logo);
    }

    if (r->aigc_meta.producer_id.len != 0) {
        jm_visual_aigc_meta(&w, &r->aigc_meta);
    }

    jm_json_end_object(&w);

    return jm_json_close(&w);
}


static void
jm_visual_logo(jm_json_writer_t *w, const jm_logo_t *logo)
{
    jm_json_key(w, "logo_info");
    jm_json_object(w);

    jm_json_key(w, "add_logo");
    jm_json_bool(w, 1);

    if (logo->position >= 0) {
        jm_json_key(w, "position");
        jm_json_int(w, logo->position);
    }

    if (logo->language >= 0) {
        jm_json_key(w, "language");
        jm_json_int(w, logo->language);
    }

    if (logo->opacity >= 0) {
        jm_json_key(w, "opacity");
        jm_visual_hundredths(w, (unsigned) logo->opacity);
    }

    jm_visual_string(w, "logo_text_content", logo->text);

    jm_json_end_object(w);
}


static void
jm_visual_aigc_meta(jm_json_writer_t *w, const jm_aigc_meta_t *meta)
{
    jm_json_key(w, "aigc_meta");
    jm_json_object(w);

    jm_visual_string(w, "content_producer", meta->content_producer);
    jm_visual_string(w, "producer_id", meta->producer_id);
    jm_visual_string(w, "content_propagator", meta->content_propagator);
    jm_visual_string(w, "propagate_id", meta->propagate_id);

    jm_json_end_object(w);
}


/* a member, unless it is empty */

static void
jm_visual_string(jm_json_writer_t *w, const char *key, jm_str_t value)
{
    if (value.len != 0) {
        jm_json_name(w, key);
        jm_json_string(w, value);
    }
}


jm_rc_e
jm_visual_query(jm_buf_t *out, jm_str_t req_key, jm_str_t task_id,
    jm_str_t req_json)
{
    jm_json_writer_t  w;

    jm_json_open(&w, out);
    jm_json_object(&w);

    jm_json_key(&w, "req_key");
    jm_json_string(&w, req_key);

    jm_json_key(&w, "task_id");
    jm_json_string(&w, task_id);

    /* JSON within a string of JSON is what this call takes */

    jm_json_key(&w, "req_json");
    jm_json_string(&w, req_json);

    jm_json_end_object(&w);

    return jm_json_close(&w);
}
