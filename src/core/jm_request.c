
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_request_field.h"
#include "jm_text.h"


/* of a seed; -1 lets the model choose */

#define JM_REQUEST_MIN_SEED     (-1)
#define JM_REQUEST_MAX_SEED     INT32_MAX

#define JM_REQUEST_MIN_RATIO    (JM_REQUEST_ONE / 16)
#define JM_REQUEST_MAX_RATIO    (INT64_C(16) * JM_REQUEST_ONE)


typedef jm_rc_e (*jm_request_part_pt)(jm_request_ctx_t *ctx);


#define jm_type(t)          (1u << (t))

#define JM_TYPE_ANY         ~0u, ""
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
    { "sequential_image_generation", JM_TYPE_STRING },
    { "sequential_image_generation_options", JM_TYPE_OBJECT },
    { "retries", JM_TYPE_NUMBER },
    { "async", JM_TYPE_ANY },
    { "watermark", jm_type(JM_JSON_BOOL)|jm_type(JM_JSON_OBJECT),
      "true or false, or an object" },
    { "aigc_meta", JM_TYPE_OBJECT },
    { "seed", JM_TYPE_ANY },
    { "use_pre_llm", JM_TYPE_ANY },
    { "mask", JM_TYPE_ANY },
    { "negative_prompt", JM_TYPE_ANY },
    { "quality", JM_TYPE_ANY },
    { "style", JM_TYPE_ANY },
    { "style_preset", JM_TYPE_ANY },
    { "background", JM_TYPE_ANY },
    { "moderation", JM_TYPE_ANY },
    { "output_format", JM_TYPE_ANY },
    { "output_compression", JM_TYPE_ANY },
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
static jm_rc_e jm_request_hundredths(jm_request_ctx_t *ctx, jm_field_e field,
    unsigned percent);
static jm_rc_e jm_request_ratios(jm_request_ctx_t *ctx);
static jm_rc_e jm_request_ratio_limit(jm_request_ctx_t *ctx,
    jm_field_e field, jm_str_t *text, int64_t *value);
static jm_rc_e jm_request_extras(jm_request_ctx_t *ctx);
static jm_rc_e jm_request_unused(jm_request_ctx_t *ctx);


static const jm_request_part_pt  jm_request_parts[] = {
    jm_request_types,
    jm_request_model,
    jm_request_prompt,
    jm_request_group,
    jm_request_form,
    jm_request_images,
    jm_request_size,
    jm_request_scale,
    jm_request_ratios,
    jm_request_extras,
    jm_request_marks,
    jm_request_unused
};


/* what no model takes, and what one must take for a field to have an effect */

static const struct {
    jm_field_e       field;
    unsigned         takes;
} jm_request_effects[] = {
    { JM_FIELD_PROMPT, JM_MODEL_PROMPT },
    { JM_FIELD_SIZE, JM_MODEL_SIDES },
    { JM_FIELD_WIDTH, JM_MODEL_SIDES },
    { JM_FIELD_HEIGHT, JM_MODEL_SIDES },
    { JM_FIELD_RATIO, JM_MODEL_SIDES },
    { JM_FIELD_ASPECT_RATIO, JM_MODEL_SIDES },
    { JM_FIELD_RESOLUTION, JM_MODEL_SIDES|JM_MODEL_RESOLUTION },
    { JM_FIELD_MIN_RATIO, JM_MODEL_GROUP },
    { JM_FIELD_MAX_RATIO, JM_MODEL_GROUP },
    { JM_FIELD_SEED, JM_MODEL_SEED },
    { JM_FIELD_PRE_LLM, JM_MODEL_PRE_LLM },
    { JM_FIELD_MASK, JM_MODEL_MASK },
    { JM_FIELD_NEGATIVE_PROMPT, 0 },
    { JM_FIELD_QUALITY, 0 },
    { JM_FIELD_STYLE, 0 },
    { JM_FIELD_STYLE_PRESET, 0 },
    { JM_FIELD_BACKGROUND, 0 },
    { JM_FIELD_MODERATION, 0 },
    { JM_FIELD_OUTPUT_FORMAT, 0 },
    { JM_FIELD_OUTPUT_COMPRESSION, 0 },
    { JM_FIELD_USER, 0 }
};


_Static_assert(JM_FIELD_LAST <= 64, "a bit for each field");


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
    jm_str_t          name;
    const jm_json_t  *node;

    node = ctx->fields[JM_FIELD_MODEL];
    name = node != NULL ? node->text : ctx->rules->default_model;

    ctx->request->model = jm_model_find(ctx->rules->models, name);

    if (ctx->request->model == NULL) {
        jm_model_unknown(ctx->error, name);
        return JM_INVALID;
    }

    return JM_OK;
}


static jm_rc_e
jm_request_prompt(jm_request_ctx_t *ctx)
{
    size_t            n;
    const jm_json_t  *node;

    if (!(ctx->request->model->takes & JM_MODEL_PROMPT)) {
        return JM_OK;
    }

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


/* in which form the pictures are wanted */

static jm_rc_e
jm_request_form(jm_request_ctx_t *ctx)
{
    const jm_json_t  *node;

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

    node = ctx->fields[JM_FIELD_ASYNC];

    if (node != NULL && (node->type != JM_JSON_BOOL || node->boolean)) {
        jm_request_ignore(ctx, JM_FIELD_ASYNC);
    }

    return JM_OK;
}


/* "scale" wins, and may be the integer that the upstream takes, if it does */

static jm_rc_e
jm_request_scale(jm_request_ctx_t *ctx)
{
    jm_request_t  *r;

    r = ctx->request;

    if (r->model->scale == JM_SCALE_NONE) {
        jm_request_ignore(ctx, JM_FIELD_STRENGTH);
        jm_request_ignore(ctx, JM_FIELD_SCALE);
        return JM_OK;
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


/* up to 1 it is a fraction, where percents are taken an integer above that */

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


static jm_rc_e
jm_request_ratios(jm_request_ctx_t *ctx)
{
    int64_t        min, max;
    jm_request_t  *r;

    r = ctx->request;
    min = 0;
    max = JM_REQUEST_MAX_RATIO;

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
jm_request_extras(jm_request_ctx_t *ctx)
{
    jm_request_t     *r;
    const jm_json_t  *node;

    r = ctx->request;
    node = ctx->fields[JM_FIELD_SEED];

    if (node != NULL && (r->model->takes & JM_MODEL_SEED)) {
        r->has_seed = 1;

        if (jm_request_integer(ctx, node, "seed", JM_REQUEST_MIN_SEED,
                               JM_REQUEST_MAX_SEED, &r->seed)
            != JM_OK)
        {
            return JM_INVALID;
        }

        if (r->n > 1 && r->seed != -1) {
            return jm_request_refuse(ctx, "seed",
                                     "With a \"seed\" every picture is the "
                                     "same, and is billed; leave \"seed\" "
                                     "or \"n\" out.");
        }
    }

    node = ctx->fields[JM_FIELD_PRE_LLM];

    if (node != NULL && (r->model->takes & JM_MODEL_PRE_LLM)) {

        if (node->type != JM_JSON_BOOL) {
            return jm_request_refuse(ctx, "use_pre_llm",
                                     "The field \"use_pre_llm\" must be true "
                                     "or false.");
        }

        r->has_pre_llm = 1;
        r->pre_llm = node->boolean;
    }

    return JM_OK;
}


static jm_rc_e
jm_request_unused(jm_request_ctx_t *ctx)
{
    size_t    i;
    unsigned  takes;

    takes = ctx->request->model->takes;

    for (i = 0; i < jm_nitems(jm_request_effects); i++) {

        if (!(takes & jm_request_effects[i].takes)) {
            jm_request_ignore(ctx, jm_request_effects[i].field);
        }
    }

    return JM_OK;
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
