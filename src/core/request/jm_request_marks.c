
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_request_part.h"
#include "jm_text.h"


/* characters: the vendor names no limits, and the call has to have one */

#define JM_REQUEST_LOGO_TEXT    64
#define JM_REQUEST_META_TEXT    256


static jm_rc_e jm_request_logo(jm_request_ctx_t *ctx, const jm_json_t *logo);
static jm_rc_e jm_request_logo_number(jm_request_ctx_t *ctx,
    const jm_json_t *node, const char *name, int64_t max, int *value);
static jm_rc_e jm_request_opacity(jm_request_ctx_t *ctx,
    const jm_json_t *node);
static jm_rc_e jm_request_aigc_meta(jm_request_ctx_t *ctx);
static jm_rc_e jm_request_text(jm_request_ctx_t *ctx, const jm_json_t *node,
    const char *name, size_t max, jm_str_t *text);


jm_rc_e
jm_request_marks(jm_request_ctx_t *ctx)
{
    jm_request_t     *r;
    const jm_json_t  *node;

    r = ctx->request;

    r->watermark = r->model->watermark;
    r->logo.position = -1;
    r->logo.language = -1;
    r->logo.opacity = -1;

    node = ctx->fields[JM_FIELD_WATERMARK];

    if (node != NULL && node->type == JM_JSON_BOOL) {
        r->watermark = node->boolean;

    } else if (node != NULL && jm_request_logo(ctx, node) != JM_OK) {
        return JM_INVALID;
    }

    /* Ark writes metadata of its own */

    if (r->model->provider == JM_PROVIDER_ARK) {
        jm_request_ignore(ctx, JM_FIELD_AIGC_META);
        return JM_OK;
    }

    return jm_request_aigc_meta(ctx);
}


static jm_rc_e
jm_request_logo(jm_request_ctx_t *ctx, const jm_json_t *logo)
{
    jm_request_t     *r;
    const jm_json_t  *node;

    r = ctx->request;
    r->watermark = 1;

    node = jm_json_get(logo, "add_logo");

    if (node != NULL && node->type != JM_JSON_NULL) {

        if (node->type != JM_JSON_BOOL) {
            return jm_request_refuse(ctx, "watermark.add_logo",
                                     "The field \"watermark.add_logo\" must "
                                     "be true or false.");
        }

        r->watermark = node->boolean;
    }

    if (jm_request_logo_number(ctx, jm_json_get(logo, "position"),
                               "watermark.position", 3, &r->logo.position)
        != JM_OK
        || jm_request_logo_number(ctx, jm_json_get(logo, "language"),
                                  "watermark.language", 1, &r->logo.language)
           != JM_OK
        || jm_request_opacity(ctx, jm_json_get(logo, "opacity")) != JM_OK)
    {
        return JM_INVALID;
    }

    return jm_request_text(ctx, jm_json_get(logo, "logo_text_content"),
                           "watermark.logo_text_content",
                           JM_REQUEST_LOGO_TEXT, &r->logo.text);
}


static jm_rc_e
jm_request_logo_number(jm_request_ctx_t *ctx, const jm_json_t *node,
    const char *name, int64_t max, int *value)
{
    int64_t  v;

    v = *value;

    if (jm_request_integer(ctx, node, name, 0, max, &v) != JM_OK) {
        return JM_INVALID;
    }

    *value = (int) v;

    return JM_OK;
}


static jm_rc_e
jm_request_opacity(jm_request_ctx_t *ctx, const jm_json_t *node)
{
    int64_t  value;

    if (node == NULL || node->type == JM_JSON_NULL) {
        return JM_OK;
    }

    if (node->type != JM_JSON_NUMBER
        || jm_decimal(node->text, JM_REQUEST_PLACES, &value, NULL) != JM_OK
        || value < 0 || value > JM_REQUEST_ONE)
    {
        return jm_request_refuse(ctx, "watermark.opacity",
                                 "The field \"watermark.opacity\" must be "
                                 "within 0 and 1.");
    }

    ctx->request->logo.opacity = (int) jm_request_rounded(value);

    return JM_OK;
}


static jm_rc_e
jm_request_aigc_meta(jm_request_ctx_t *ctx)
{
    jm_aigc_meta_t   *meta;
    const jm_json_t  *node;

    meta = &ctx->request->aigc_meta;
    node = ctx->fields[JM_FIELD_AIGC_META];

    if (node == NULL) {
        return JM_OK;
    }

    if (jm_request_text(ctx, jm_json_get(node, "content_producer"),
                        "aigc_meta.content_producer", JM_REQUEST_META_TEXT,
                        &meta->content_producer)
        != JM_OK
        || jm_request_text(ctx, jm_json_get(node, "producer_id"),
                           "aigc_meta.producer_id", JM_REQUEST_META_TEXT,
                           &meta->producer_id)
           != JM_OK
        || jm_request_text(ctx, jm_json_get(node, "content_propagator"),
                           "aigc_meta.content_propagator",
                           JM_REQUEST_META_TEXT, &meta->content_propagator)
           != JM_OK
        || jm_request_text(ctx, jm_json_get(node, "propagate_id"),
                           "aigc_meta.propagate_id", JM_REQUEST_META_TEXT,
                           &meta->propagate_id)
           != JM_OK)
    {
        return JM_INVALID;
    }

    if (meta->producer_id.len == 0) {
        return jm_request_refuse(ctx, "aigc_meta.producer_id",
                                 "The field \"aigc_meta\" needs a "
                                 "\"producer_id\" in it.");
    }

    return JM_OK;
}


static jm_rc_e
jm_request_text(jm_request_ctx_t *ctx, const jm_json_t *node,
    const char *name, size_t max, jm_str_t *text)
{
    size_t  n;

    if (node == NULL || node->type == JM_JSON_NULL) {
        return JM_OK;
    }

    if (node->type != JM_JSON_STRING
        || jm_request_away(ctx, node->text, NULL)
        || jm_utf8_length(node->text, &n) != JM_OK || n > max)
    {
        return jm_request_refuse(ctx, name,
                                 "The field \"%s\" must be a string of at "
                                 "most %zu characters.", name, max);
    }

    *text = node->text;

    return JM_OK;
}
