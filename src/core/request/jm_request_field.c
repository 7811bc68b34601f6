
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * The fields that a body may have, and what all readers of them need.
 */


#include "jm_request_field.h"
#include "jm_text.h"


#define JM_TYPE_ANY         ~0u, ""
#define JM_TYPE_BOOL        jm_type(JM_JSON_BOOL), "true or false"
#define JM_TYPE_NUMBER      jm_type(JM_JSON_NUMBER), "a number"
#define JM_TYPE_OBJECT      jm_type(JM_JSON_OBJECT), "an object"
#define JM_TYPE_STRING      jm_type(JM_JSON_STRING), "a string"
#define JM_TYPE_PICTURES                                                      \
    jm_type(JM_JSON_STRING)|jm_type(JM_JSON_ARRAY)|jm_type(JM_JSON_OBJECT),   \
    "a URL or base64, or an array of such"


/* in the order of jm_field_e */

const jm_field_t  jm_request_fields[JM_FIELD_LAST] = {
    { "model", JM_TYPE_STRING },
    { "prompt", JM_TYPE_STRING },
    { "size", jm_type(JM_JSON_STRING)|jm_type(JM_JSON_NUMBER),
      "a string like \"2048x2048\" or \"2K\", or a number of pixels" },
    { "width", JM_TYPE_NUMBER },
    { "height", JM_TYPE_NUMBER },
    { "ratio", JM_TYPE_STRING },
    { "aspect_ratio", JM_TYPE_STRING },
    { "resolution", JM_TYPE_STRING },
    { "n", JM_TYPE_NUMBER },
    { "response_format", JM_TYPE_STRING },
    { "stream", JM_TYPE_BOOL },
    { "image", JM_TYPE_PICTURES },
    { "images", JM_TYPE_PICTURES },
    { "image_urls", JM_TYPE_PICTURES },
    { "binary_data_base64", JM_TYPE_PICTURES },
    { "image_url", JM_TYPE_PICTURES },
    { "input_image", JM_TYPE_PICTURES },
    { "reference_images", JM_TYPE_PICTURES },
    { "strength", JM_TYPE_NUMBER },
    { "scale", JM_TYPE_NUMBER },
    { "force_single", JM_TYPE_BOOL },
    { "min_ratio", JM_TYPE_NUMBER },
    { "max_ratio", JM_TYPE_NUMBER },
    { "sequential_image_generation", JM_TYPE_STRING },
    { "sequential_image_generation_options", JM_TYPE_OBJECT },
    { "retries", JM_TYPE_NUMBER },
    { "async", JM_TYPE_BOOL },
    { "watermark", jm_type(JM_JSON_BOOL)|jm_type(JM_JSON_OBJECT),
      "true or false, or an object" },
    { "aigc_meta", JM_TYPE_OBJECT },
    { "seed", JM_TYPE_ANY },
    { "use_pre_llm", JM_TYPE_ANY },
    { "edit_prompt", JM_TYPE_STRING },
    { "image_edit_prompt", JM_TYPE_STRING },
    { "top", JM_TYPE_NUMBER },
    { "bottom", JM_TYPE_NUMBER },
    { "left", JM_TYPE_NUMBER },
    { "right", JM_TYPE_NUMBER },
    { "max_width", JM_TYPE_NUMBER },
    { "max_height", JM_TYPE_NUMBER },
    { "lora_weight", JM_TYPE_NUMBER },
    { "mask", JM_TYPE_ANY },
    { "negative_prompt", JM_TYPE_ANY },
    { "quality", JM_TYPE_ANY },
    { "style", JM_TYPE_ANY },
    { "style_preset", JM_TYPE_ANY },
    { "background", JM_TYPE_ANY },
    { "moderation", JM_TYPE_ANY },
    { "output_format", JM_TYPE_ANY },
    { "output_compression", JM_TYPE_ANY },
    { "partial_images", JM_TYPE_ANY },
    { "input_fidelity", JM_TYPE_ANY },
    { "complexity", JM_TYPE_ANY },
    { "frame_count", JM_TYPE_ANY },
    { "frame_duration_ms", JM_TYPE_ANY },
    { "svg", JM_TYPE_ANY },
    { "safety_identifier", JM_TYPE_ANY },
    { "user", JM_TYPE_STRING },
    { "optimize_prompt_options", JM_TYPE_ANY },
    { "tools", JM_TYPE_ANY },
    { "layer_decomposition", JM_TYPE_ANY },
    { "guidance_scale", JM_TYPE_ANY },
    { "extra_body", JM_TYPE_OBJECT }
};


const jm_json_limits_t  jm_request_limits = {
    JM_REQUEST_DEPTH, JM_REQUEST_NODES
};


_Static_assert(JM_FIELD_LAST <= 64, "a bit for each field");


jm_field_e
jm_request_find(jm_str_t name)
{
    unsigned     i;
    const char  *known;

    for (i = 0; i < JM_FIELD_LAST; i++) {
        known = jm_request_fields[i].name;

        if (strlen(known) == name.len
            && memcmp(known, name.data, name.len) == 0)
        {
            break;
        }
    }

    return (jm_field_e) i;
}


void
jm_request_ignore(jm_request_ctx_t *ctx, jm_field_e field)
{
    if (ctx->fields[field] != NULL) {
        ctx->request->ignored |= UINT64_C(1) << field;
    }
}


const char *
jm_request_field_name(unsigned bit)
{
    return bit < JM_FIELD_LAST ? jm_request_fields[bit].name : NULL;
}


jm_rc_e
jm_request_count(jm_request_ctx_t *ctx, jm_field_e field, int64_t max,
    uint32_t *value)
{
    int64_t  v;

    v = *value;

    if (jm_request_integer(ctx, ctx->fields[field],
                           jm_request_fields[field].name, 1, max, &v)
        != JM_OK)
    {
        return JM_INVALID;
    }

    *value = (uint32_t) v;

    return JM_OK;
}


jm_rc_e
jm_request_integer(jm_request_ctx_t *ctx, const jm_json_t *node,
    const char *name, int64_t min, int64_t max, int64_t *value)
{
    int64_t   v;
    unsigned  exact;

    if (node == NULL || node->type == JM_JSON_NULL) {
        return JM_OK;
    }

    if (node->type != JM_JSON_NUMBER
        || jm_decimal(node->text, 0, &v, &exact) != JM_OK || !exact
        || v < min || v > max)
    {
        return jm_request_refuse(ctx, name,
                                 "The field \"%s\" must be an integer of "
                                 "%lld to %lld.", name, (long long) min,
                                 (long long) max);
    }

    *value = v;

    return JM_OK;
}
