
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Texts of a request that are too long for memory: they were left in the body,
 * and a short string stands for each.
 */


#include "jm_request_field.h"


static const jm_form_field_t *jm_request_part(const jm_request_ctx_t *ctx,
    jm_str_t text);
static const jm_skeleton_string_t *jm_request_taken(
    const jm_request_ctx_t *ctx, jm_str_t text);


unsigned
jm_request_away(const jm_request_ctx_t *ctx, jm_str_t text,
    jm_image_t *image)
{
    const jm_form_field_t       *part;
    const jm_skeleton_string_t  *string;

    part = jm_request_part(ctx, text);

    if (part != NULL) {

        if (image != NULL) {
            image->type = part->file ? JM_IMAGE_BYTES : JM_IMAGE_BASE64;
            image->offset = part->offset;
            image->len = part->len;
        }

        return 1;
    }

    string = jm_request_taken(ctx, text);

    if (string == NULL) {
        return 0;
    }

    if (image != NULL) {
        image->type = JM_IMAGE_BASE64;
        image->json = 1;
        image->offset = string->offset;
        image->len = string->len;
    }

    return 1;
}


jm_str_t
jm_request_head(const jm_request_ctx_t *ctx, jm_str_t text)
{
    const jm_form_field_t       *part;
    const jm_skeleton_string_t  *string;

    part = jm_request_part(ctx, text);

    if (part != NULL) {
        return part->head;
    }

    string = jm_request_taken(ctx, text);

    if (string != NULL) {
        text.data = string->head;
        text.len = string->head_len;
    }

    return text;
}


static const jm_form_field_t *
jm_request_part(const jm_request_ctx_t *ctx, jm_str_t text)
{
    size_t  i;

    for (i = 0; i < ctx->nform; i++) {

        if (text.data == (const uint8_t *) &ctx->form[i]) {
            return &ctx->form[i];
        }
    }

    return NULL;
}


static const jm_skeleton_string_t *
jm_request_taken(const jm_request_ctx_t *ctx, jm_str_t text)
{
    return ctx->form == NULL && ctx->rules->skeleton != NULL
           ? jm_skeleton_find(ctx->rules->skeleton, text) : NULL;
}
