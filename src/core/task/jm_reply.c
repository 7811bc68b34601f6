
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_reply_field.h"


static const char  *jm_reply_statuses[] = { "pending", "running", "failed" };


static void jm_reply_head(jm_json_writer_t *w, const jm_result_t *result);
static size_t jm_reply_data(jm_json_writer_t *w, const jm_result_t *result,
    unsigned write);
static void jm_reply_failure(jm_json_writer_t *w, unsigned *any,
    size_t index, const jm_error_t *e);
static void jm_reply_model_object(jm_json_writer_t *w, const jm_model_t *model,
    int64_t created);
static void jm_reply_error_object(jm_json_writer_t *w, const jm_error_t *e,
    jm_str_t task_id);


jm_rc_e
jm_reply_result(jm_buf_t *out, const jm_result_t *result, size_t *pictures)
{
    size_t            made;
    jm_json_writer_t  w;

    jm_json_open(&w, out);
    jm_json_object(&w);

    jm_reply_head(&w, result);

    jm_json_key(&w, "task_status");
    jm_json_cstring(&w, "succeed");

    jm_json_key(&w, "data");
    jm_json_array(&w);

    if (pictures != NULL) {
        *pictures = out->len;
    }

    made = jm_reply_data(&w, result, pictures == NULL);

    jm_json_end_array(&w);

    jm_reply_look(&w, &result->look);
    jm_reply_usage(&w, made, result->parts, result->nparts);
    jm_reply_errors(&w, result->parts, result->nparts);
    jm_reply_ignored(&w, result->ignored);

    jm_json_end_object(&w);

    return jm_json_close(&w);
}


static void
jm_reply_head(jm_json_writer_t *w, const jm_result_t *result)
{
    jm_json_key(w, "created");
    jm_json_int(w, result->created);

    jm_json_key(w, "model");
    jm_json_string(w, result->model);

    if (result->task_id.len != 0) {
        jm_json_key(w, "task_id");
        jm_json_string(w, result->task_id);
    }
}


/* returns how many pictures were made */

static size_t
jm_reply_data(jm_json_writer_t *w, const jm_result_t *result, unsigned write)
{
    size_t            i, j, made, left;
    const jm_part_t  *part;

    made = 0;
    left = result->max_images != 0 ? result->max_images : SIZE_MAX;

    for (i = 0; i < result->nparts; i++) {
        part = &result->parts[i];

        made += part->nurls + part->nlost;

        if (!write || part->error != NULL) {
            continue;
        }

        for (j = 0; j < part->nurls && left != 0; j++, left--) {
            jm_json_object(w);
            jm_json_key(w, "url");
            jm_json_string(w, part->urls[j]);

            if (part->sizes != NULL && part->sizes[j].len != 0) {
                jm_json_key(w, "size");
                jm_json_string(w, part->sizes[j]);
            }

            jm_json_end_object(w);
        }
    }

    return made;
}


void
jm_reply_errors(jm_json_writer_t *w, const jm_part_t *parts, size_t n)
{
    size_t            i, j;
    unsigned          any;
    const jm_part_t  *part;

    any = 0;

    for (i = 0; i < n; i++) {
        part = &parts[i];

        if (part->error != NULL) {
            jm_reply_failure(w, &any, i, part->error);
            continue;
        }

        for (j = 0; j < part->nerrors; j++) {
            jm_reply_failure(w, &any, i + part->errors[j].index,
                             &part->errors[j].error);
        }
    }

    if (any) {
        jm_json_end_array(w);
    }
}


static void
jm_reply_failure(jm_json_writer_t *w, unsigned *any, size_t index,
    const jm_error_t *e)
{
    if (!*any) {
        *any = 1;
        jm_json_key(w, "errors");
        jm_json_array(w);
    }

    jm_json_object(w);

    jm_json_key(w, "index");
    jm_json_int(w, (int64_t) index);

    jm_reply_why(w, e);

    jm_json_end_object(w);
}


jm_rc_e
jm_reply_status(jm_buf_t *out, const jm_result_t *result,
    const jm_standing_t *standing, const jm_error_t *e)
{
    jm_str_t          beside = jm_null_string;
    jm_json_writer_t  w;

    jm_json_open(&w, out);
    jm_json_object(&w);

    jm_reply_head(&w, result);
    jm_reply_standing(&w, standing);

    if (standing->status == JM_STATUS_FAILED) {
        jm_reply_error_object(&w, e, beside);
    }

    jm_json_end_object(&w);

    return jm_json_close(&w);
}


void
jm_reply_standing(jm_json_writer_t *w, const jm_standing_t *standing)
{
    jm_json_key(w, "task_status");
    jm_json_cstring(w, jm_reply_statuses[standing->status]);

    if (standing->position == 0) {
        return;
    }

    jm_json_key(w, "position");
    jm_json_int(w, (int64_t) standing->position);

    jm_json_key(w, "of");
    jm_json_int(w, (int64_t) standing->of);

    if (standing->eta != 0) {
        jm_json_key(w, "eta");
        jm_json_int(w, (int64_t) standing->eta);
    }
}


void
jm_reply_size(jm_json_writer_t *w, const jm_size_t *size)
{
    char      text[JM_SIZE_TEXT];
    jm_buf_t  b;

    jm_buf_fixed(&b, text, sizeof(text));
    jm_size_write(&b, size);

    if (b.len != 0) {
        jm_json_key(w, "size");
        jm_json_string(w, jm_buf_view(&b));
    }
}


void
jm_reply_look(jm_json_writer_t *w, const jm_look_t *look)
{
    static const char  *qualities[] = { "high", "medium", "low" };

    jm_json_key(w, "background");
    jm_json_cstring(w, "opaque");

    jm_json_key(w, "output_format");
    jm_json_cstring(w, look->type == JM_PICTURE_JPEG ? "jpeg" : "png");

    jm_json_key(w, "quality");
    jm_json_cstring(w, qualities[look->quality]);

    if (look->size.width == 0 && look->size.area == 0) {
        jm_json_key(w, "size");
        jm_json_cstring(w, "auto");

    } else {
        jm_reply_size(w, &look->size);
    }
}


void
jm_reply_usage(jm_json_writer_t *w, size_t made, const jm_part_t *parts,
    size_t n)
{
    size_t                 i;
    uint64_t               input, output, total;
    static const jm_str_t  none =
        jm_string("{\"text_tokens\":0,\"image_tokens\":0}");

    input = 0;
    output = 0;
    total = 0;

    for (i = 0; i < n; i++) {
        input += parts[i].input_tokens;
        output += parts[i].output_tokens;
        total += parts[i].total_tokens;
    }

    jm_json_key(w, "usage");
    jm_json_object(w);

    jm_json_key(w, "generated_images");
    jm_json_int(w, (int64_t) made);

    jm_json_key(w, "input_tokens");
    jm_json_int(w, (int64_t) input);

    jm_json_key(w, "output_tokens");
    jm_json_int(w, (int64_t) output);

    jm_json_key(w, "total_tokens");
    jm_json_int(w, (int64_t) total);

    jm_json_key(w, "input_tokens_details");
    jm_json_raw(w, none);

    jm_json_key(w, "output_tokens_details");
    jm_json_raw(w, none);

    jm_json_end_object(w);
}


void
jm_reply_why(jm_json_writer_t *w, const jm_error_t *e)
{
    jm_json_key(w, "code");
    jm_json_cstring(w, jm_cause(e->cause)->code);

    jm_json_key(w, "message");
    jm_json_cstring(w, e->message);
}


void
jm_reply_ignored(jm_json_writer_t *w, uint64_t ignored)
{
    unsigned     bit;
    const char  *name;

    if (ignored == 0) {
        return;
    }

    jm_json_key(w, "ignored");
    jm_json_array(w);

    for (bit = 0; bit < 64; bit++) {
        name = jm_request_field_name(bit);

        if (name != NULL && (ignored >> bit & 1)) {
            jm_json_cstring(w, name);
        }
    }

    jm_json_end_array(w);
}


jm_rc_e
jm_reply_models(jm_buf_t *out, const jm_models_t *extra,
    const jm_client_t *client, int64_t created)
{
    size_t             i;
    jm_json_writer_t   w;
    const jm_model_t  *model;

    jm_json_open(&w, out);
    jm_json_object(&w);

    jm_json_key(&w, "object");
    jm_json_cstring(&w, "list");

    jm_json_key(&w, "data");
    jm_json_array(&w);

    for (i = 0; (model = jm_model_list(extra, i)) != NULL; i++) {

        if (client == NULL || jm_client_may(client, extra, model)) {
            jm_reply_model_object(&w, model, created);
        }
    }

    jm_json_end_array(&w);
    jm_json_end_object(&w);

    return jm_json_close(&w);
}


jm_rc_e
jm_reply_model(jm_buf_t *out, const jm_model_t *model, int64_t created)
{
    jm_json_writer_t  w;

    jm_json_open(&w, out);
    jm_reply_model_object(&w, model, created);

    return jm_json_close(&w);
}


static void
jm_reply_model_object(jm_json_writer_t *w, const jm_model_t *model,
    int64_t created)
{
    jm_json_object(w);

    jm_json_key(w, "id");
    jm_json_string(w, model->name);

    jm_json_key(w, "object");
    jm_json_cstring(w, "model");

    jm_json_key(w, "created");
    jm_json_int(w, created);

    jm_json_key(w, "owned_by");
    jm_json_cstring(w, "volcengine");

    jm_json_end_object(w);
}


jm_rc_e
jm_reply_error(jm_buf_t *out, const jm_error_t *e, jm_str_t task_id)
{
    jm_json_writer_t  w;

    jm_json_open(&w, out);
    jm_json_object(&w);

    jm_reply_error_object(&w, e, task_id);
    jm_reply_why(&w, e);

    if (task_id.len != 0) {
        jm_json_key(&w, "task_id");
        jm_json_string(&w, task_id);
    }

    jm_json_end_object(&w);

    return jm_json_close(&w);
}


/* also in the object: OpenAI's packages hand on nothing that is beside it */

static void
jm_reply_error_object(jm_json_writer_t *w, const jm_error_t *e,
    jm_str_t task_id)
{
    const jm_cause_t  *cause;

    cause = jm_cause(e->cause);

    jm_json_key(w, "error");
    jm_json_object(w);

    jm_json_key(w, "message");
    jm_json_cstring(w, e->message);

    jm_json_key(w, "type");
    jm_json_cstring(w, cause->type);

    jm_json_key(w, "param");

    if (e->param != NULL) {
        jm_json_cstring(w, e->param);

    } else {
        jm_json_null(w);
    }

    jm_json_key(w, "code");
    jm_json_cstring(w, cause->code);

    if (e->upstream_code != 0) {
        jm_json_key(w, "upstream_code");
        jm_json_int(w, e->upstream_code);
    }

    if (e->cause == JM_CAUSE_MODERATION) {
        jm_json_key(w, "moderation_details");
        jm_json_object(w);

        jm_json_key(w, "moderation_stage");
        jm_json_cstring(w, jm_error_stage(e));

        /* Volcengine does not tell any */

        jm_json_key(w, "categories");
        jm_json_array(w);
        jm_json_end_array(w);

        jm_json_end_object(w);
    }

    if (task_id.len != 0) {
        jm_json_key(w, "task_id");
        jm_json_string(w, task_id);
    }

    jm_json_end_object(w);
}
