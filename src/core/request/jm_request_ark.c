
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * What only Ark's models take.
 */


#include "jm_request_part.h"


static jm_rc_e jm_request_word(jm_request_ctx_t *ctx, const jm_json_t *node,
    const char *name, const char *const *words, const char **word);
static jm_rc_e jm_request_optimize(jm_request_ctx_t *ctx);
static jm_rc_e jm_request_tools(jm_request_ctx_t *ctx);
static jm_rc_e jm_request_one_picture(jm_request_ctx_t *ctx);
static jm_rc_e jm_request_together(jm_request_ctx_t *ctx);


static const char *const  jm_request_outputs[] = { "png", "jpeg", NULL };
static const char *const  jm_request_modes[] = { "standard", "fast", NULL };
static const char *const  jm_request_backgrounds[] = {
    "transparent", "opaque", "auto", NULL
};


jm_rc_e
jm_request_layers(jm_request_ctx_t *ctx)
{
    const jm_json_t  *node;

    node = ctx->fields[JM_FIELD_LAYERS];

    if (node == NULL || !(ctx->request->model->takes & JM_MODEL_LAYERS)) {
        return JM_OK;
    }

    if (node->type != JM_JSON_BOOL) {
        return jm_request_refuse(ctx, "layer_decomposition",
                                 "The field \"layer_decomposition\" must be "
                                 "true or false.");
    }

    ctx->request->ark.layers = node->boolean;

    return JM_OK;
}


jm_rc_e
jm_request_ark(jm_request_ctx_t *ctx)
{
    unsigned          takes;
    jm_ark_params_t  *ark;

    ark = &ctx->request->ark;
    takes = ctx->request->model->takes;

    if (ctx->request->model->provider != JM_PROVIDER_ARK) {
        return JM_OK;
    }

    if (((takes & JM_MODEL_OUTPUT)
         && jm_request_word(ctx, ctx->fields[JM_FIELD_OUTPUT_FORMAT],
                            "output_format", jm_request_outputs,
                            &ark->output_format)
            != JM_OK)
        || ((takes & JM_MODEL_LAYERS)
            && jm_request_word(ctx, ctx->fields[JM_FIELD_BACKGROUND],
                               "background", jm_request_backgrounds,
                               &ark->background)
               != JM_OK)
        || ((takes & JM_MODEL_OPTIMIZE) && jm_request_optimize(ctx) != JM_OK)
        || ((takes & JM_MODEL_TOOLS) && jm_request_tools(ctx) != JM_OK)
        || (ark->layers && jm_request_one_picture(ctx) != JM_OK))
    {
        return JM_INVALID;
    }

    return jm_request_together(ctx);
}


/* a string that is one of the words, of three at most */

static jm_rc_e
jm_request_word(jm_request_ctx_t *ctx, const jm_json_t *node,
    const char *name, const char *const *words, const char **word)
{
    size_t  i;

    if (node == NULL || node->type == JM_JSON_NULL) {
        return JM_OK;
    }

    for (i = 0; words[i] != NULL; i++) {

        if (node->type == JM_JSON_STRING
            && !jm_request_away(ctx, node->text, NULL)
            && node->text.len == strlen(words[i])
            && memcmp(node->text.data, words[i], node->text.len) == 0)
        {
            *word = words[i];
            return JM_OK;
        }
    }

    return jm_request_refuse(ctx, name,
                             "The field \"%s\" must be \"%s\"%s%s%s or "
                             "\"%s\" for this model.", name, words[0],
                             i > 2 ? ", \"" : "", i > 2 ? words[1] : "",
                             i > 2 ? "\"" : "", words[i - 1]);
}


static jm_rc_e
jm_request_optimize(jm_request_ctx_t *ctx)
{
    const jm_json_t  *node;

    node = ctx->fields[JM_FIELD_OPTIMIZE_OPTIONS];

    if (node != NULL && node->type != JM_JSON_OBJECT) {
        return jm_request_refuse(ctx, "optimize_prompt_options",
                                 "The field \"optimize_prompt_options\" must "
                                 "be an object with a \"mode\".");
    }

    return jm_request_word(ctx, jm_json_get(node, "mode"),
                           "optimize_prompt_options.mode", jm_request_modes,
                           &ctx->request->ark.optimize);
}


/* any number of times the only tool that there is */

static jm_rc_e
jm_request_tools(jm_request_ctx_t *ctx)
{
    const jm_json_t  *node, *type;

    node = ctx->fields[JM_FIELD_TOOLS];

    if (node == NULL) {
        return JM_OK;
    }

    if (node->type != JM_JSON_ARRAY) {
        goto invalid;
    }

    for (node = node->child; node != NULL; node = node->next) {
        type = jm_json_get(node, "type");

        if (type == NULL || type->type != JM_JSON_STRING
            || jm_request_away(ctx, type->text, NULL)
            || !jm_str_eq(&type->text, "web_search"))
        {
            goto invalid;
        }

        ctx->request->ark.search = 1;
    }

    return JM_OK;

invalid:

    return jm_request_refuse(ctx, "tools",
                             "The field \"tools\" must be an array, of objects "
                             "whose \"type\" is \"web_search\".");
}


/* layers of one picture: how many, the model decides, and each is billed */

static jm_rc_e
jm_request_one_picture(jm_request_ctx_t *ctx)
{
    jm_request_t  *r;

    r = ctx->request;

    if (r->nimages != 1) {
        return jm_request_refuse(ctx, "layer_decomposition",
                                 "The field \"layer_decomposition\" needs "
                                 "exactly one picture in \"image\", and the "
                                 "request has %zu.", r->nimages);
    }

    if (r->n > 1) {
        return jm_request_refuse(ctx, "n",
                                 "The field \"n\" asks for %u pictures, and "
                                 "\"layer_decomposition\" for as many as "
                                 "there are layers; leave one of them out.",
                                 (unsigned) r->n);
    }

    r->force_single = 0;

    return JM_OK;
}


/* pictures in and out of a group are limited together */

static jm_rc_e
jm_request_together(jm_request_ctx_t *ctx)
{
    const jm_request_t  *r;

    r = ctx->request;

    if (r->max_images + r->nimages <= JM_REQUEST_GROUP) {
        return JM_OK;
    }

    return jm_request_refuse(ctx,
                             "sequential_image_generation_options.max_images",
                             "The request has %zu pictures and asks for up to "
                             "%u, and this model takes and makes %d together; "
                             "ask for fewer.", r->nimages,
                             (unsigned) r->max_images, JM_REQUEST_GROUP);
}
