
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_request_part.h"


#define JM_REQUEST_N            10
#define JM_REQUEST_MAX_IMAGES   15
#define JM_REQUEST_RETRIES      5


/* what a field says of a group of pictures from one task */

typedef enum {
    JM_GROUP_UNSAID,
    JM_GROUP_NO,
    JM_GROUP_YES
} jm_group_e;


static const char *jm_request_group_field(jm_group_e force);
static jm_rc_e jm_request_sequence(jm_request_ctx_t *ctx, jm_group_e *group);
static jm_rc_e jm_request_max_images(jm_request_ctx_t *ctx);
static void jm_request_no_group(jm_request_ctx_t *ctx, unsigned asked);


jm_rc_e
jm_request_group(jm_request_ctx_t *ctx)
{
    int64_t           retries;
    unsigned          asked, group;
    jm_group_e        force, sequence;
    jm_request_t     *r;
    const jm_json_t  *node;

    r = ctx->request;
    r->n = 1;
    retries = 0;

    if (jm_request_count(ctx, JM_FIELD_N, JM_REQUEST_N, &r->n) != JM_OK
        || jm_request_integer(ctx, ctx->fields[JM_FIELD_RETRIES], "retries",
                              0, JM_REQUEST_RETRIES, &retries)
           != JM_OK
        || jm_request_sequence(ctx, &sequence) != JM_OK
        || jm_request_max_images(ctx) != JM_OK)
    {
        return JM_INVALID;
    }

    r->retries = (uint32_t) retries;

    node = ctx->fields[JM_FIELD_FORCE_SINGLE];
    force = node == NULL ? JM_GROUP_UNSAID
            : node->boolean ? JM_GROUP_NO : JM_GROUP_YES;

    if (force != JM_GROUP_UNSAID && sequence != JM_GROUP_UNSAID
        && force != sequence)
    {
        return jm_request_refuse(ctx, "force_single",
                                 "The fields \"force_single\" and "
                                 "\"sequential_image_generation\" contradict "
                                 "each other; leave one of them out.");
    }

    asked = force == JM_GROUP_YES || sequence == JM_GROUP_YES;
    group = asked
            && (r->model->takes & (JM_MODEL_GROUP|JM_MODEL_SERIES));

    /* Ark itself refuses it, so it may not end as one picture in silence */

    if (asked && !group && r->model->provider == JM_PROVIDER_ARK) {
        return jm_request_refuse(ctx, jm_request_group_field(force),
                                 "This model makes one picture at a time, and "
                                 "\"%s\" asks for a group; leave it out, or "
                                 "use \"n\".", jm_request_group_field(force));
    }

    if (r->n > 1 && group) {
        return jm_request_refuse(ctx, "n",
                                 "The field \"n\" asks for %u pictures, and "
                                 "\"%s\" for as many as the model decides; "
                                 "choose one of them.", (unsigned) r->n,
                                 jm_request_group_field(force));
    }

    /* Every picture is billed, and nothing else bounds their number. */

    if (!group) {
        jm_request_no_group(ctx, asked);
    }

    return JM_OK;
}


/* which field asks for a group, where one does */

static const char *
jm_request_group_field(jm_group_e force)
{
    return force == JM_GROUP_YES ? "force_single"
                                 : "sequential_image_generation";
}


static jm_rc_e
jm_request_sequence(jm_request_ctx_t *ctx, jm_group_e *group)
{
    const jm_json_t  *node;

    *group = JM_GROUP_UNSAID;
    node = ctx->fields[JM_FIELD_SEQUENCE];

    if (node == NULL) {
        return JM_OK;
    }

    if (jm_str_eq(&node->text, "auto")) {
        *group = JM_GROUP_YES;
        return JM_OK;
    }

    if (jm_str_eq(&node->text, "disabled")) {
        *group = JM_GROUP_NO;
        return JM_OK;
    }

    return jm_request_refuse(ctx, "sequential_image_generation",
                             "The field \"sequential_image_generation\" must "
                             "be \"auto\" or \"disabled\".");
}


static jm_rc_e
jm_request_max_images(jm_request_ctx_t *ctx)
{
    int64_t           max;
    const jm_json_t  *node;

    max = 0;
    node = jm_json_get(ctx->fields[JM_FIELD_SEQUENCE_OPTIONS], "max_images");

    if (jm_request_integer(ctx, node,
                           "sequential_image_generation_options.max_images",
                           1, JM_REQUEST_MAX_IMAGES, &max)
        != JM_OK)
    {
        return JM_INVALID;
    }

    ctx->request->max_images = (uint32_t) max;

    return JM_OK;
}


/* each task makes one picture: what asked for more has no effect */

static void
jm_request_no_group(jm_request_ctx_t *ctx, unsigned asked)
{
    jm_request_t  *r;

    r = ctx->request;

    r->force_single = 1;

    if (asked) {
        jm_request_ignore(ctx, JM_FIELD_FORCE_SINGLE);
        jm_request_ignore(ctx, JM_FIELD_SEQUENCE);
    }

    if (r->max_images != 0) {
        r->max_images = 0;
        jm_request_ignore(ctx, JM_FIELD_SEQUENCE_OPTIONS);
    }
}
