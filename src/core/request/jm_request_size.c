
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_request_part.h"


#define JM_REQUEST_SIDE         99999


static jm_rc_e jm_request_resolution(jm_request_ctx_t *ctx);
static const char *jm_request_names(const jm_request_ctx_t *ctx);
static jm_rc_e jm_request_size_field(jm_request_ctx_t *ctx, jm_size_t *size);
static jm_rc_e jm_request_ratio(jm_request_ctx_t *ctx, jm_size_t *size);
static jm_field_e jm_request_ratio_field(jm_request_ctx_t *ctx,
    const jm_size_t *size);
static jm_rc_e jm_request_sides(jm_request_ctx_t *ctx, jm_size_t *size);


/*
 * Both sides win over everything; a "size" with sides wins over a ratio, and
 * one without them is the ratio's resolution.
 */

jm_rc_e
jm_request_size(jm_request_ctx_t *ctx)
{
    jm_size_t   *size;
    const char  *param;

    if (!(ctx->request->model->takes & JM_MODEL_SIDES)) {
        return jm_request_resolution(ctx);
    }

    size = &ctx->request->size;
    param = "size";

    if (jm_request_size_field(ctx, size) != JM_OK) {
        return JM_INVALID;
    }

    if (size->width != 0) {
        jm_request_ignore(ctx, JM_FIELD_RATIO);
        jm_request_ignore(ctx, JM_FIELD_ASPECT_RATIO);
        jm_request_ignore(ctx, JM_FIELD_RESOLUTION);

    } else if (ctx->fields[JM_FIELD_RATIO] != NULL
               || ctx->fields[JM_FIELD_ASPECT_RATIO] != NULL
               || ctx->fields[JM_FIELD_RESOLUTION] != NULL)
    {
        if (jm_request_ratio(ctx, size) != JM_OK) {
            return JM_INVALID;
        }
    }

    if (ctx->fields[JM_FIELD_WIDTH] != NULL
        || ctx->fields[JM_FIELD_HEIGHT] != NULL)
    {
        if (jm_request_sides(ctx, size) != JM_OK) {
            return JM_INVALID;
        }

        jm_request_ignore(ctx, JM_FIELD_SIZE);
        jm_request_ignore(ctx, JM_FIELD_RATIO);
        jm_request_ignore(ctx, JM_FIELD_ASPECT_RATIO);
        jm_request_ignore(ctx, JM_FIELD_RESOLUTION);

        param = "width";
    }

    if (jm_size_fit(size, ctx->request->model, ctx->rules->strict_size,
                    ctx->error)
        != JM_OK)
    {
        ctx->error->param = param;
        return JM_INVALID;
    }

    return JM_OK;
}


/* a model that enlarges a picture takes a "resolution" and no other size */

static jm_rc_e
jm_request_resolution(jm_request_ctx_t *ctx)
{
    size_t                 i;
    jm_str_t               s;
    const jm_json_t       *node;
    static const jm_str_t  values[] = { jm_string("4k"), jm_string("8k") };

    node = ctx->fields[JM_FIELD_RESOLUTION];

    if (node == NULL || !(ctx->request->model->takes & JM_MODEL_RESOLUTION)) {
        return JM_OK;
    }

    s = node->text;

    for (i = 0; i < jm_nitems(values); i++) {

        if (s.len == values[i].len && s.data[0] == values[i].data[0]
            && (s.data[1] | 0x20) == values[i].data[1])
        {
            ctx->request->resolution = values[i];
            return JM_OK;
        }
    }

    return jm_request_refuse(ctx, "resolution",
                             "The field \"resolution\" must be \"4k\" or "
                             "\"8k\" for this model.");
}


static jm_rc_e
jm_request_size_field(jm_request_ctx_t *ctx, jm_size_t *size)
{
    const jm_json_t  *node;

    node = ctx->fields[JM_FIELD_SIZE];

    if (node == NULL) {
        return JM_OK;
    }

    if (node->type == JM_JSON_NUMBER) {
        return jm_request_count(ctx, JM_FIELD_SIZE, UINT32_MAX,
                                &size->area);
    }

    if (jm_size_read(size, node->text, ctx->request->model) != JM_OK) {
        return jm_request_refuse(ctx, "size",
                                 "The field \"size\" must be like "
                                 "\"2048x2048\", with sides of 1 to %d, or "
                                 "%s or \"auto\".", JM_REQUEST_SIDE,
                                 jm_request_names(ctx));
    }

    return JM_OK;
}


/* sizes that have a name; those that a model does not make become others */

static const char *
jm_request_names(const jm_request_ctx_t *ctx)
{
    return ctx->request->model->provider == JM_PROVIDER_ARK
           ? "\"1K\", \"1.5K\", \"2K\", \"3K\", \"4K\""
           : "\"1K\", \"2K\", \"4K\"";
}


static jm_rc_e
jm_request_ratio(jm_request_ctx_t *ctx, jm_size_t *size)
{
    char              text[sizeof("4294967295") - 1];
    jm_rc_e           rc;
    jm_buf_t          b;
    jm_str_t          resolution;
    jm_size_t         area;
    jm_field_e        field;
    const jm_json_t  *node;

    jm_str_set(&resolution, "2k");

    /* "size" was read before, and stands for a "resolution" left out */

    jm_buf_fixed(&b, text, sizeof(text));
    jm_size_write(&b, size);

    if (b.len != 0) {
        resolution = jm_buf_view(&b);
    }

    node = ctx->fields[JM_FIELD_RESOLUTION];

    if (node != NULL) {
        resolution = node->text;
    }

    if (jm_size_read(&area, resolution, ctx->request->model) != JM_OK
        || area.area == 0) {
        return jm_request_refuse(ctx, node != NULL ? "resolution" : "size",
                                 "The resolution that goes with a ratio must "
                                 "be %s.",
                                 ctx->request->model->provider
                                 == JM_PROVIDER_ARK
                                 ? "\"1k\", \"1.5k\", \"2k\", \"3k\" or "
                                   "\"4k\""
                                 : "\"1k\", \"2k\" or \"4k\"");
    }

    if (ctx->fields[JM_FIELD_RATIO] == NULL
        && ctx->fields[JM_FIELD_ASPECT_RATIO] == NULL)
    {
        if (size->area == 0) {
            *size = area;

        } else {
            jm_request_ignore(ctx, JM_FIELD_RESOLUTION);
        }

        return JM_OK;
    }

    field = jm_request_ratio_field(ctx, size);

    if (node == NULL && size->area == 0
        && !(ctx->request->model->takes & JM_MODEL_AREA))
    {
        rc = jm_size_ratio_alone(size, ctx->fields[field]->text,
                                 ctx->request->model);

    } else {
        rc = jm_size_ratio(size, ctx->fields[field]->text, resolution,
                           ctx->request->model);
    }

    if (rc != JM_OK) {
        return jm_request_refuse(ctx, jm_request_fields[field].name,
                                 "The field \"%s\" must be a ratio like "
                                 "\"16:9\", within 1:16 and 16:1.",
                                 jm_request_fields[field].name);
    }

    return JM_OK;
}


/* "ratio" or "aspect_ratio"; what they and "resolution" override is ignored */

static jm_field_e
jm_request_ratio_field(jm_request_ctx_t *ctx, const jm_size_t *size)
{
    if (size->area != 0 && ctx->fields[JM_FIELD_RESOLUTION] != NULL) {
        jm_request_ignore(ctx, JM_FIELD_SIZE);
    }

    if (ctx->fields[JM_FIELD_RATIO] == NULL) {
        return JM_FIELD_ASPECT_RATIO;
    }

    jm_request_ignore(ctx, JM_FIELD_ASPECT_RATIO);

    return JM_FIELD_RATIO;
}


static jm_rc_e
jm_request_sides(jm_request_ctx_t *ctx, jm_size_t *size)
{
    const char  *absent;

    absent = ctx->fields[JM_FIELD_WIDTH] == NULL ? "width"
             : ctx->fields[JM_FIELD_HEIGHT] == NULL ? "height" : NULL;

    if (absent != NULL) {
        return jm_request_refuse(ctx, absent,
                                 "The fields \"width\" and \"height\" go "
                                 "together, and \"%s\" is missing.", absent);
    }

    memset(size, 0, sizeof(jm_size_t));

    if (jm_request_count(ctx, JM_FIELD_WIDTH, JM_REQUEST_SIDE,
                         &size->width)
        != JM_OK)
    {
        return JM_INVALID;
    }

    return jm_request_count(ctx, JM_FIELD_HEIGHT, JM_REQUEST_SIDE,
                            &size->height);
}
