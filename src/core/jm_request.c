
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_request_field.h"
#include "jm_text.h"


#define JM_REQUEST_MODEL_ECHO   64
#define JM_REQUEST_N            10

/* ratios and scale are held against their limits in billionths */

#define JM_REQUEST_PLACES       9
#define JM_REQUEST_ONE          1000000000
#define JM_REQUEST_MIN_RATIO    (JM_REQUEST_ONE / 16)
#define JM_REQUEST_MAX_RATIO    (INT64_C(16) * JM_REQUEST_ONE)


typedef jm_rc_e (*jm_request_part_pt)(jm_request_ctx_t *ctx);


#define jm_type(t)          (1u << (t))

#define JM_TYPE_BOOL        jm_type(JM_JSON_BOOL), "true or false"
#define JM_TYPE_NUMBER      jm_type(JM_JSON_NUMBER), "a number"
#define JM_TYPE_OBJECT      jm_type(JM_JSON_OBJECT), "an object"
#define JM_TYPE_STRING      jm_type(JM_JSON_STRING), "a string"


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
    { "image", jm_type(JM_JSON_STRING)|jm_type(JM_JSON_ARRAY),
      "a URL, or an array of URLs" },
    { "images", jm_type(JM_JSON_ARRAY), "an array of URLs" },
    { "strength", JM_TYPE_NUMBER },
    { "scale", JM_TYPE_NUMBER },
    { "force_single", JM_TYPE_BOOL },
    { "min_ratio", JM_TYPE_NUMBER },
    { "max_ratio", JM_TYPE_NUMBER },
    { "watermark", JM_TYPE_BOOL },
    { "user", JM_TYPE_STRING },
    { "extra_body", JM_TYPE_OBJECT }
};


static jm_rc_e jm_request_collect(jm_request_ctx_t *ctx,
    const jm_json_t *root);
static void jm_request_members(const jm_json_t **fields,
    const jm_json_t *object);
static jm_rc_e jm_request_types(jm_request_ctx_t *ctx);
static jm_rc_e jm_request_model(jm_request_ctx_t *ctx);
static jm_rc_e jm_request_prompt(jm_request_ctx_t *ctx);
static unsigned jm_request_blank(jm_str_t s);
static jm_rc_e jm_request_form(jm_request_ctx_t *ctx);
static jm_rc_e jm_request_scale(jm_request_ctx_t *ctx);
static jm_rc_e jm_request_ratios(jm_request_ctx_t *ctx);
static jm_rc_e jm_request_ratio_limit(jm_request_ctx_t *ctx,
    jm_field_e field, jm_str_t *text, int64_t *value);
static jm_rc_e jm_request_switches(jm_request_ctx_t *ctx);


static const jm_request_part_pt  jm_request_parts[] = {
    jm_request_types,
    jm_request_model,
    jm_request_prompt,
    jm_request_form,
    jm_request_images,
    jm_request_size,
    jm_request_scale,
    jm_request_ratios,
    jm_request_switches
};


jm_rc_e
jm_request_read(jm_request_t *r, jm_str_t body, const jm_rules_t *rules,
    jm_mem_t *mem, jm_error_t *e)
{
    size_t            i;
    jm_rc_e           rc;
    jm_json_t        *root;
    const char       *why;
    jm_json_limits_t  limits;
    jm_request_ctx_t  ctx;

    memset(r, 0, sizeof(jm_request_t));
    memset(&ctx, 0, sizeof(jm_request_ctx_t));

    ctx.request = r;
    ctx.rules = rules;
    ctx.error = e;

    limits.depth = JM_REQUEST_DEPTH;
    limits.nodes = JM_REQUEST_NODES;

    rc = jm_json_read(&root, body, &limits, mem, &why);

    if (rc == JM_INVALID) {
        return jm_request_refuse(&ctx, NULL, "The request body %s.", why);
    }

    if (rc != JM_OK) {
        return rc;
    }

    rc = jm_request_collect(&ctx, root);

    for (i = 0; rc == JM_OK && i < jm_nitems(jm_request_parts); i++) {
        rc = jm_request_parts[i](&ctx);
    }

    return rc;
}


static jm_rc_e
jm_request_collect(jm_request_ctx_t *ctx, const jm_json_t *root)
{
    size_t            i;
    const jm_json_t  *node;
    const jm_json_t  *extra[JM_FIELD_LAST];

    if (root->type != JM_JSON_OBJECT) {
        return jm_request_refuse(ctx, NULL,
                                 "The request body must be a JSON object.");
    }

    jm_request_members(ctx->fields, root);

    node = ctx->fields[JM_FIELD_EXTRA_BODY];

    if (node == NULL || node->type != JM_JSON_OBJECT) {
        return JM_OK;
    }

    memset(extra, 0, sizeof(extra));

    jm_request_members(extra, node);

    for (i = 0; i < JM_FIELD_EXTRA_BODY; i++) {

        if (ctx->fields[i] == NULL) {
            ctx->fields[i] = extra[i];
        }
    }

    return JM_OK;
}


static void
jm_request_members(const jm_json_t **fields, const jm_json_t *object)
{
    size_t            i;
    const char       *name;
    const jm_json_t  *node;

    for (node = object->child; node != NULL; node = node->next) {

        for (i = 0; i < JM_FIELD_LAST; i++) {
            name = jm_request_fields[i].name;

            if (strlen(name) == node->key.len
                && memcmp(name, node->key.data, node->key.len) == 0)
            {
                fields[i] = node->type == JM_JSON_NULL ? NULL : node;
                break;
            }
        }
    }
}


static jm_rc_e
jm_request_types(jm_request_ctx_t *ctx)
{
    size_t             i;
    const jm_field_t  *field;

    for (i = 0; i < JM_FIELD_LAST; i++) {
        field = &jm_request_fields[i];

        if (ctx->fields[i] != NULL
            && !(field->types & jm_type(ctx->fields[i]->type)))
        {
            return jm_request_refuse(ctx, field->name,
                                     "The field \"%s\" must be %s.",
                                     field->name, field->wanted);
        }
    }

    return JM_OK;
}


static jm_rc_e
jm_request_model(jm_request_ctx_t *ctx)
{
    jm_str_t          name, echo;
    const char       *advice;
    const jm_json_t  *node;

    node = ctx->fields[JM_FIELD_MODEL];
    name = node != NULL ? node->text : ctx->rules->default_model;

    ctx->request->model = jm_model_find(ctx->rules->models, name);

    if (ctx->request->model != NULL) {
        return JM_OK;
    }

    if (jm_str_eq(&name, "jimeng-4.5")
        || jm_str_eq(&name, "doubao-seedream-4-5-251128"))
    {
        advice = "is not offered by this upstream, which has no Jimeng 4.5; "
                 "use \"jimeng-4.0\" or \"jimeng-4.6\"";

    } else {
        advice = "is not known here; use \"jimeng_t2i_v40\", or leave the "
                 "field \"model\" out";
    }

    echo = jm_utf8_prefix(name, JM_REQUEST_MODEL_ECHO);

    jm_error_set(ctx->error, JM_CAUSE_MODEL_NOT_FOUND, "model",
                 "The model \"%.*s%s\" %s.", (int) echo.len,
                 echo.len != 0 ? (const char *) echo.data : "",
                 echo.len < name.len ? "..." : "", advice);

    return JM_INVALID;
}


static jm_rc_e
jm_request_prompt(jm_request_ctx_t *ctx)
{
    size_t            n;
    const jm_json_t  *node;

    node = ctx->fields[JM_FIELD_PROMPT];

    if (node == NULL || jm_request_blank(node->text)) {
        return jm_request_refuse(ctx, "prompt",
                                 "The field \"prompt\" is %s; say what the "
                                 "picture is to show.",
                                 node == NULL ? "missing" : "empty");
    }

    if (jm_utf8_length(node->text, &n) != JM_OK) {
        return jm_request_refuse(ctx, "prompt",
                                 "The field \"prompt\" must be UTF-8.");
    }

    if (n > ctx->rules->max_prompt) {
        jm_error_set(ctx->error, JM_CAUSE_PROMPT_TOO_LONG, "prompt",
                     "The prompt has %zu characters, and the limit is %zu; "
                     "shorten it.", n, ctx->rules->max_prompt);
        return JM_INVALID;
    }

    ctx->request->prompt = node->text;

    return JM_OK;
}


/* whether there is nothing but controls, spaces, and their wide forms */

static unsigned
jm_request_blank(jm_str_t s)
{
    size_t  i;

    for (i = 0; i < s.len; i++) {

        if (s.data[i] <= 0x20 || s.data[i] == 0x7f) {
            continue;
        }

        /* U+00A0 */

        if (s.len - i >= 2 && memcmp(&s.data[i], "\xc2\xa0", 2) == 0) {
            i += 1;
            continue;
        }

        /* U+3000 */

        if (s.len - i >= 3 && memcmp(&s.data[i], "\xe3\x80\x80", 3) == 0) {
            i += 2;
            continue;
        }

        return 0;
    }

    return 1;
}


/* how many pictures, and in which form */

static jm_rc_e
jm_request_form(jm_request_ctx_t *ctx)
{
    uint32_t          n;
    const jm_json_t  *node;

    n = 1;

    if (jm_request_integer(ctx, JM_FIELD_N, JM_REQUEST_N, &n) != JM_OK) {
        return JM_INVALID;
    }

    if (n != 1) {
        return jm_request_refuse(ctx, "n",
                                 "The field \"n\" may only be 1 in this "
                                 "version: one request makes one picture; "
                                 "send several requests for more.");
    }

    node = ctx->fields[JM_FIELD_RESPONSE_FORMAT];

    if (node != NULL && !jm_str_eq(&node->text, "url")) {

        if (jm_str_eq(&node->text, "b64_json")) {
            return jm_request_refuse(ctx, "response_format",
                                     "The response format \"b64_json\" is "
                                     "not supported by this version; use "
                                     "\"url\".");
        }

        return jm_request_refuse(ctx, "response_format",
                                 "The field \"response_format\" must be "
                                 "\"url\".");
    }

    node = ctx->fields[JM_FIELD_STREAM];

    if (node != NULL && node->boolean) {
        return jm_request_refuse(ctx, "stream",
                                 "Streams are not supported by this version; "
                                 "leave the field \"stream\" out.");
    }

    return JM_OK;
}


static jm_rc_e
jm_request_scale(jm_request_ctx_t *ctx)
{
    int64_t                  value;
    unsigned                 i;
    jm_request_t            *r;
    const jm_json_t         *node;
    static const jm_field_e  fields[] = { JM_FIELD_STRENGTH, JM_FIELD_SCALE };

    r = ctx->request;

    for (i = 0; i < jm_nitems(fields); i++) {
        node = ctx->fields[fields[i]];

        if (node == NULL) {
            continue;
        }

        if (jm_decimal(node->text, JM_REQUEST_PLACES, &value, NULL) != JM_OK
            || value < 0 || value > JM_REQUEST_ONE)
        {
            return jm_request_refuse(ctx, jm_request_fields[fields[i]].name,
                                     "The field \"%s\" must be within 0 and "
                                     "1.", jm_request_fields[fields[i]].name);
        }

        r->scale = (unsigned) ((value + JM_REQUEST_ONE / 200)
                               / (JM_REQUEST_ONE / 100));
        r->has_scale = r->model->scale != JM_SCALE_NONE;
    }

    if (r->model->scale == JM_SCALE_PERCENT && r->has_scale) {
        r->scale = jm_max(r->scale, 1);
    }

    return JM_OK;
}


static jm_rc_e
jm_request_ratios(jm_request_ctx_t *ctx)
{
    int64_t        min, max;
    jm_request_t  *r;

    r = ctx->request;
    min = 0;
    max = JM_REQUEST_MAX_RATIO;

    if (jm_request_ratio_limit(ctx, JM_FIELD_MIN_RATIO, &r->min_ratio, &min)
        != JM_OK
        || jm_request_ratio_limit(ctx, JM_FIELD_MAX_RATIO, &r->max_ratio,
                                  &max)
           != JM_OK)
    {
        return JM_INVALID;
    }

    if (min > max) {
        return jm_request_refuse(ctx, "min_ratio",
                                 "The field \"min_ratio\" must not be above "
                                 "\"max_ratio\".");
    }

    return JM_OK;
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


static jm_rc_e
jm_request_switches(jm_request_ctx_t *ctx)
{
    jm_request_t     *r;
    const jm_json_t  *node;

    r = ctx->request;

    /* Every picture is billed, and nothing else bounds their number. */

    node = ctx->fields[JM_FIELD_FORCE_SINGLE];
    r->force_single = node != NULL ? node->boolean : 1;

    node = ctx->fields[JM_FIELD_WATERMARK];
    r->watermark = node != NULL ? node->boolean : r->model->watermark;

    return JM_OK;
}


jm_rc_e
jm_request_integer(jm_request_ctx_t *ctx, jm_field_e field, int64_t max,
    uint32_t *value)
{
    int64_t           v;
    unsigned          exact;
    const jm_json_t  *node;

    node = ctx->fields[field];

    if (node == NULL) {
        return JM_OK;
    }

    if (jm_decimal(node->text, 0, &v, &exact) != JM_OK || !exact
        || v < 1 || v > max)
    {
        return jm_request_refuse(ctx, jm_request_fields[field].name,
                                 "The field \"%s\" must be an integer of 1 "
                                 "to %lld.", jm_request_fields[field].name,
                                 (long long) max);
    }

    *value = (uint32_t) v;

    return JM_OK;
}
