
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_request_part.h"
#include "jm_text.h"


/* of a seed; -1 lets the model choose */

#define JM_REQUEST_MIN_SEED     (-1)
#define JM_REQUEST_MAX_SEED     INT32_MAX

typedef jm_rc_e (*jm_request_part_pt)(jm_request_ctx_t *ctx);


static jm_rc_e jm_request_extra_body(jm_request_ctx_t *ctx);
static jm_rc_e jm_request_members(jm_request_ctx_t *ctx,
    const jm_json_t **fields, const jm_json_t *object);
static unsigned jm_request_absent(const jm_request_ctx_t *ctx,
    jm_field_e field, const jm_json_t *node);
static jm_rc_e jm_request_types(jm_request_ctx_t *ctx);
static jm_rc_e jm_request_short(jm_request_ctx_t *ctx, jm_field_e field);
static jm_rc_e jm_request_model(jm_request_ctx_t *ctx);
static jm_rc_e jm_request_prompt(jm_request_ctx_t *ctx);
static const jm_json_t *jm_request_prompt_node(jm_request_ctx_t *ctx);
static unsigned jm_request_is_prompt(jm_field_e field);
static unsigned jm_request_blank(jm_str_t s);
static jm_rc_e jm_request_extras(jm_request_ctx_t *ctx);
static jm_rc_e jm_request_unused(jm_request_ctx_t *ctx);


static const jm_request_part_pt  jm_request_parts[] = {
    jm_request_types,
    jm_request_model,
    jm_request_layers,
    jm_request_prompt,
    jm_request_group,
    jm_request_result,
    jm_request_images,
    jm_request_size,
    jm_request_scale,
    jm_request_ratios,
    jm_request_numbers,
    jm_request_extras,
    jm_request_marks,
    jm_request_ark,
    jm_request_unused
};


/* what a model must take for a field to have an effect; 0: none takes it */

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
    { JM_FIELD_TOP, JM_MODEL_EXPAND },
    { JM_FIELD_BOTTOM, JM_MODEL_EXPAND },
    { JM_FIELD_LEFT, JM_MODEL_EXPAND },
    { JM_FIELD_RIGHT, JM_MODEL_EXPAND },
    { JM_FIELD_MAX_WIDTH, JM_MODEL_EXPAND },
    { JM_FIELD_MAX_HEIGHT, JM_MODEL_EXPAND },
    { JM_FIELD_LORA_WEIGHT, JM_MODEL_LORA },
    { JM_FIELD_MASK, JM_MODEL_MASK },
    { JM_FIELD_NEGATIVE_PROMPT, 0 },
    { JM_FIELD_QUALITY, 0 },
    { JM_FIELD_STYLE, 0 },
    { JM_FIELD_STYLE_PRESET, 0 },
    { JM_FIELD_BACKGROUND, JM_MODEL_LAYERS },
    { JM_FIELD_MODERATION, 0 },
    { JM_FIELD_OUTPUT_FORMAT, JM_MODEL_OUTPUT },
    { JM_FIELD_OUTPUT_COMPRESSION, 0 },
    { JM_FIELD_PARTIAL_IMAGES, 0 },
    { JM_FIELD_INPUT_FIDELITY, 0 },
    { JM_FIELD_COMPLEXITY, 0 },
    { JM_FIELD_FRAME_COUNT, 0 },
    { JM_FIELD_FRAME_DURATION, 0 },
    { JM_FIELD_SVG, 0 },
    { JM_FIELD_SAFETY_IDENTIFIER, 0 },
    { JM_FIELD_USER, 0 },
    { JM_FIELD_OPTIMIZE_OPTIONS, JM_MODEL_OPTIMIZE },
    { JM_FIELD_TOOLS, JM_MODEL_TOOLS },
    { JM_FIELD_LAYERS, JM_MODEL_LAYERS },
    { JM_FIELD_GUIDANCE_SCALE, JM_MODEL_GUIDANCE }
};


/* U+FEFF, with which Windows begins what is UTF-8 */

static const char  jm_request_bom[] = "\xef\xbb\xbf";


jm_rc_e
jm_request_read(jm_request_t *r, jm_str_t body, const jm_rules_t *rules,
    jm_mem_t *mem, jm_error_t *e)
{
    jm_rc_e           rc;
    jm_json_t        *root;
    const char       *why;
    jm_request_ctx_t  ctx;

    jm_request_init(&ctx, r, rules, mem, e);

    if (body.len >= sizeof(jm_request_bom) - 1
        && memcmp(body.data, jm_request_bom, sizeof(jm_request_bom) - 1) == 0)
    {
        body.data += sizeof(jm_request_bom) - 1;
        body.len -= sizeof(jm_request_bom) - 1;
    }

    rc = jm_json_read(&root, body, &jm_request_limits, mem, &why);

    if (rc == JM_INVALID) {
        return jm_request_refuse(&ctx, NULL, "The request body %s.", why);
    }

    if (rc != JM_OK) {
        return rc;
    }

    if (root->type != JM_JSON_OBJECT) {
        return jm_request_refuse(&ctx, NULL,
                                 "The request body must be a JSON object.");
    }

    if (jm_request_members(&ctx, ctx.fields, root) != JM_OK) {
        return JM_INVALID;
    }

    return jm_request_run(&ctx);
}


void
jm_request_init(jm_request_ctx_t *ctx, jm_request_t *r,
    const jm_rules_t *rules, jm_mem_t *mem, jm_error_t *e)
{
    memset(r, 0, sizeof(jm_request_t));
    memset(ctx, 0, sizeof(jm_request_ctx_t));

    ctx->request = r;
    ctx->rules = rules;
    ctx->mem = mem;
    ctx->error = e;
}


jm_rc_e
jm_request_run(jm_request_ctx_t *ctx)
{
    size_t   i;
    jm_rc_e  rc;

    rc = jm_request_extra_body(ctx);

    for (i = 0; rc == JM_OK && i < jm_nitems(jm_request_parts); i++) {
        rc = jm_request_parts[i](ctx);
    }

    return rc;
}


static jm_rc_e
jm_request_extra_body(jm_request_ctx_t *ctx)
{
    size_t            i;
    const jm_json_t  *node;
    const jm_json_t  *extra[JM_FIELD_LAST];

    node = ctx->fields[JM_FIELD_EXTRA_BODY];

    if (node == NULL || node->type != JM_JSON_OBJECT) {
        return JM_OK;
    }

    memset(extra, 0, sizeof(extra));

    if (jm_request_members(ctx, extra, node) != JM_OK) {
        return JM_INVALID;
    }

    for (i = 0; i < JM_FIELD_EXTRA_BODY; i++) {

        if (ctx->fields[i] == NULL) {
            ctx->fields[i] = extra[i];
        }
    }

    return JM_OK;
}


static jm_rc_e
jm_request_members(jm_request_ctx_t *ctx, const jm_json_t **fields,
    const jm_json_t *object)
{
    jm_field_e        field;
    const jm_json_t  *node;

    for (node = object->child; node != NULL; node = node->next) {
        field = jm_request_find(node->key);

        if (field != JM_FIELD_LAST) {
            fields[field] = jm_request_absent(ctx, field, node) ? NULL : node;

        } else if (jm_request_looks(ctx, node->key, node) != JM_OK) {
            return JM_INVALID;
        }
    }

    return JM_OK;
}


/* whether a field counts as absent: a null, or a field of no picture at all */

static unsigned
jm_request_absent(const jm_request_ctx_t *ctx, jm_field_e field,
    const jm_json_t *node)
{
    switch (node->type) {

    case JM_JSON_NULL:
        return 1;

    case JM_JSON_STRING:
        return jm_request_is_picture(field)
               && jm_request_head(ctx, node->text).len == 0;

    case JM_JSON_ARRAY:
        return jm_request_is_picture(field) && node->count == 0;

    default:
        return 0;
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

        if (jm_request_short(ctx, (jm_field_e) i) != JM_OK) {
            return JM_INVALID;
        }
    }

    return JM_OK;
}


/* a text that was left in the body is too long for all but a picture */

static jm_rc_e
jm_request_short(jm_request_ctx_t *ctx, jm_field_e field)
{
    const char       *name;
    const jm_json_t  *node;

    node = ctx->fields[field];
    name = jm_request_fields[field].name;

    if (node == NULL || node->type != JM_JSON_STRING
        || jm_request_is_picture(field)
        || jm_request_fields[field].types == ~0u
        || !jm_request_away(ctx, node->text, NULL))
    {
        return JM_OK;
    }

    if (jm_request_is_prompt(field)) {
        jm_error_set(ctx->error, JM_CAUSE_PROMPT_TOO_LONG, name,
                     "The prompt is far longer than %zu characters, which is "
                     "the limit; shorten it.", ctx->rules->max_prompt);
        return JM_INVALID;
    }

    return jm_request_refuse(ctx, name,
                             "The text of the field \"%s\" is too long; "
                             "shorten it.", name);
}


static jm_rc_e
jm_request_model(jm_request_ctx_t *ctx)
{
    jm_str_t          name;
    const jm_json_t  *node;

    name = ctx->rules->default_model;
    node = ctx->fields[JM_FIELD_MODEL];

    if (node != NULL) {
        name = node->text;
        ctx->request->requested = name;
    }

    ctx->request->model = jm_model_find(ctx->rules->models, name);

    if (ctx->request->model == NULL) {
        jm_model_unknown(ctx->error, ctx->rules->models, name);
        return JM_INVALID;
    }

    return JM_OK;
}


static jm_rc_e
jm_request_prompt(jm_request_ctx_t *ctx)
{
    size_t             n;
    const jm_json_t   *node;
    const jm_model_t  *model;

    model = ctx->request->model;
    node = jm_request_prompt_node(ctx);

    if (!(model->takes & JM_MODEL_PROMPT)
        || (node == NULL
            && ((model->takes & JM_MODEL_NO_PROMPT)
                || ctx->request->ark.layers)))
    {
        return JM_OK;
    }

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


/* "edit_prompt" and the like count only for models that name it so upstream */

static const jm_json_t *
jm_request_prompt_node(jm_request_ctx_t *ctx)
{
    size_t                   i;
    const char              *name;
    const jm_json_t         *node;
    static const jm_field_e  others[] = {
        JM_FIELD_EDIT_PROMPT, JM_FIELD_IMAGE_EDIT_PROMPT
    };

    name = ctx->request->model->prompt;
    node = ctx->fields[JM_FIELD_PROMPT];

    for (i = 0; i < jm_nitems(others); i++) {

        if (node == NULL && name != NULL && strcmp(name, "prompt") != 0) {
            node = ctx->fields[others[i]];
            continue;
        }

        jm_request_ignore(ctx, others[i]);
    }

    return node;
}


static unsigned
jm_request_is_prompt(jm_field_e field)
{
    return field == JM_FIELD_PROMPT || field == JM_FIELD_EDIT_PROMPT
           || field == JM_FIELD_IMAGE_EDIT_PROMPT;
}


/* whether a text has nothing but control characters and spaces */

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
