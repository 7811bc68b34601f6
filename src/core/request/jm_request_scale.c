
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_request_part.h"
#include "jm_text.h"


#define JM_REQUEST_MIN_RATIO    (JM_REQUEST_ONE / 16)
#define JM_REQUEST_MAX_RATIO    (INT64_C(16) * JM_REQUEST_ONE)

/* the defaults of both ratios (Volcengine's document of Jimeng 4.0) */

#define JM_REQUEST_LOW_RATIO    (JM_REQUEST_ONE / 3)
#define JM_REQUEST_HIGH_RATIO   (INT64_C(3) * JM_REQUEST_ONE)


static jm_rc_e jm_request_detail(jm_request_ctx_t *ctx);
static jm_rc_e jm_request_hundredths(jm_request_ctx_t *ctx, jm_field_e field,
    unsigned percent);
static jm_rc_e jm_request_ratio_limit(jm_request_ctx_t *ctx,
    jm_field_e field, jm_str_t *text, int64_t *value);


/* "scale" wins over "strength", and may be an integer as the upstream's is */

jm_rc_e
jm_request_scale(jm_request_ctx_t *ctx)
{
    jm_request_t  *r;

    r = ctx->request;

    if (r->model->scale == JM_SCALE_NONE) {
        jm_request_ignore(ctx, JM_FIELD_STRENGTH);
        jm_request_ignore(ctx, JM_FIELD_SCALE);
        return JM_OK;
    }

    if (r->model->scale == JM_SCALE_DETAIL) {
        jm_request_ignore(ctx, JM_FIELD_STRENGTH);
        return jm_request_detail(ctx);
    }

    if (jm_request_hundredths(ctx, JM_FIELD_STRENGTH, 0) != JM_OK
        || jm_request_hundredths(ctx, JM_FIELD_SCALE,
                                 r->model->scale == JM_SCALE_PERCENT)
           != JM_OK)
    {
        return JM_INVALID;
    }

    if (ctx->fields[JM_FIELD_SCALE] != NULL) {
        jm_request_ignore(ctx, JM_FIELD_STRENGTH);
    }

    if (r->model->scale == JM_SCALE_PERCENT && r->has_scale) {
        r->scale = jm_max(r->scale, 1);
    }

    return JM_OK;
}


static jm_rc_e
jm_request_detail(jm_request_ctx_t *ctx)
{
    int64_t  value;

    value = 0;

    if (jm_request_integer(ctx, ctx->fields[JM_FIELD_SCALE], "scale", 0, 100,
                           &value)
        != JM_OK)
    {
        return JM_INVALID;
    }

    ctx->request->has_scale = (ctx->fields[JM_FIELD_SCALE] != NULL);
    ctx->request->scale = (unsigned) value;

    return JM_OK;
}


/* a fraction of 0 ... 1, or, with percent set, an integer above 1 */

static jm_rc_e
jm_request_hundredths(jm_request_ctx_t *ctx, jm_field_e field,
    unsigned percent)
{
    int64_t           value;
    unsigned          exact;
    jm_request_t     *r;
    const jm_json_t  *node;

    r = ctx->request;
    node = ctx->fields[field];

    if (node == NULL) {
        return JM_OK;
    }

    if (jm_decimal(node->text, JM_REQUEST_PLACES, &value, &exact) != JM_OK
        || value < 0)
    {
        value = INT64_MAX;
    }

    r->has_scale = 1;

    if (value <= JM_REQUEST_ONE) {
        r->scale = (unsigned) jm_request_rounded(value);
        return JM_OK;
    }

    if (percent && value <= INT64_C(100) * JM_REQUEST_ONE && exact
        && value % JM_REQUEST_ONE == 0)
    {
        r->scale = (unsigned) (value / JM_REQUEST_ONE);
        return JM_OK;
    }

    return jm_request_refuse(ctx, jm_request_fields[field].name,
                             "The field \"%s\" must be within 0 and 1%s.",
                             jm_request_fields[field].name,
                             percent ? ", or an integer of 2 to 100" : "");
}


jm_rc_e
jm_request_ratios(jm_request_ctx_t *ctx)
{
    int64_t        min, max;
    jm_request_t  *r;

    r = ctx->request;
    min = JM_REQUEST_LOW_RATIO;
    max = JM_REQUEST_HIGH_RATIO;

    if (!(r->model->takes & JM_MODEL_GROUP)) {
        return JM_OK;
    }

    if (jm_request_ratio_limit(ctx, JM_FIELD_MIN_RATIO, &r->min_ratio, &min)
        != JM_OK
        || jm_request_ratio_limit(ctx, JM_FIELD_MAX_RATIO, &r->max_ratio,
                                  &max)
           != JM_OK)
    {
        return JM_INVALID;
    }

    if (min <= max) {
        return JM_OK;
    }

    if (r->min_ratio.len == 0) {
        return jm_request_refuse(ctx, "max_ratio",
                                 "The field \"max_ratio\" must not be below "
                                 "\"min_ratio\", which is 1/3 unless the "
                                 "request has it.");
    }

    return jm_request_refuse(ctx, "min_ratio",
                             "The field \"min_ratio\" must not be above "
                             "\"max_ratio\"%s.",
                             r->max_ratio.len == 0
                             ? ", which is 3 unless the request has it" : "");
}


static jm_rc_e
jm_request_ratio_limit(jm_request_ctx_t *ctx, jm_field_e field,
    jm_str_t *text, int64_t *value)
{
    const char       *name;
    const jm_json_t  *node;

    node = ctx->fields[field];
    name = jm_request_fields[field].name;

    if (node == NULL) {
        return JM_OK;
    }

    if (jm_decimal(node->text, JM_REQUEST_PLACES, value, NULL) != JM_OK
        || *value < JM_REQUEST_MIN_RATIO || *value >= JM_REQUEST_MAX_RATIO)
    {
        return jm_request_refuse(ctx, name,
                                 "The field \"%s\" must be at least 0.0625 "
                                 "and below 16.", name);
    }

    *text = node->text;

    return JM_OK;
}
