
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * How the reply is wanted.
 */


#include "jm_request_part.h"


static void jm_request_quality(jm_request_ctx_t *ctx);
static jm_rc_e jm_request_format(jm_request_ctx_t *ctx);


/*
 * In which form the pictures are wanted.  A group, and a model by the name it
 * has there, are asked for by clients of Ark, who read no other events.
 */

jm_rc_e
jm_request_result(jm_request_ctx_t *ctx)
{
    jm_request_t     *r;
    const jm_json_t  *node;

    r = ctx->request;
    node = ctx->fields[JM_FIELD_STREAM];

    if (node != NULL && node->boolean) {
        r->stream = (r->model->takes & JM_MODEL_ARK)
                    || ctx->fields[JM_FIELD_SEQUENCE] != NULL
                    ? JM_STREAM_ARK : JM_STREAM_OPENAI;
    }

    node = ctx->fields[JM_FIELD_ASYNC];

    r->async = node != NULL && node->boolean;

    if (r->async && r->stream != JM_STREAM_NONE) {
        return jm_request_refuse(ctx, "async",
                                 "The fields \"async\" and \"stream\" exclude "
                                 "each other; leave one of them out.");
    }

    jm_request_quality(ctx);

    return jm_request_format(ctx);
}


/*
 * URLs, unless the client, the model's row or the location says otherwise; but
 * who reads OpenAI's events knows nothing but data.
 */

static jm_rc_e
jm_request_format(jm_request_ctx_t *ctx)
{
    jm_format_e       format;
    jm_request_t     *r;
    const jm_json_t  *node;

    r = ctx->request;
    node = ctx->fields[JM_FIELD_RESPONSE_FORMAT];

    if (node != NULL) {
        format = jm_str_eq(&node->text, "b64_json") ? JM_FORMAT_B64
                                                    : JM_FORMAT_URL;

        if (format == JM_FORMAT_URL && !jm_str_eq(&node->text, "url")) {
            return jm_request_refuse(ctx, "response_format",
                                     "The field \"response_format\" must be "
                                     "\"url\" or \"b64_json\".");
        }

    } else if (r->model->takes & (JM_MODEL_URL|JM_MODEL_DATA)) {
        format = (r->model->takes & JM_MODEL_DATA) ? JM_FORMAT_B64
                                                   : JM_FORMAT_URL;

    } else {
        format = ctx->rules->format;
    }

    r->b64 = format == JM_FORMAT_B64
             || (format == JM_FORMAT_UNSAID && r->stream == JM_STREAM_OPENAI);

    return JM_OK;
}


/* the quality as OpenAI's replies tell it: DALL-E's "hd" is "high" */

static void
jm_request_quality(jm_request_ctx_t *ctx)
{
    const jm_json_t  *node;

    node = ctx->fields[JM_FIELD_QUALITY];

    if (node == NULL || node->type != JM_JSON_STRING
        || jm_request_away(ctx, node->text, NULL))
    {
        return;
    }

    if (jm_str_eq(&node->text, "low")) {
        ctx->request->quality = JM_QUALITY_LOW;

    } else if (jm_str_eq(&node->text, "medium")
               || jm_str_eq(&node->text, "standard"))
    {
        ctx->request->quality = JM_QUALITY_MEDIUM;
    }
}
