
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Numbers that some models take, and the upstream gets as the client wrote
 * them.
 */


#include "jm_request_part.h"
#include "jm_text.h"


#define JM_REQUEST_MAX_PIXELS   99999


/* in the order of jm_number_e */

static const struct {
    jm_field_e       field;
    unsigned         takes;         /* what a model must take */
    int64_t          min;
    int64_t          max;           /* 0: no range is documented */
    unsigned         fraction;
} jm_request_number_fields[JM_NUMBER_LAST] = {
    { JM_FIELD_TOP, JM_MODEL_EXPAND, 0, 1, 1 },
    { JM_FIELD_BOTTOM, JM_MODEL_EXPAND, 0, 1, 1 },
    { JM_FIELD_LEFT, JM_MODEL_EXPAND, 0, 1, 1 },
    { JM_FIELD_RIGHT, JM_MODEL_EXPAND, 0, 1, 1 },
    { JM_FIELD_MAX_WIDTH, JM_MODEL_EXPAND, 1, JM_REQUEST_MAX_PIXELS, 0 },
    { JM_FIELD_MAX_HEIGHT, JM_MODEL_EXPAND, 1, JM_REQUEST_MAX_PIXELS, 0 },
    { JM_FIELD_LORA_WEIGHT, JM_MODEL_LORA, 0, 0, 1 },
    { JM_FIELD_GUIDANCE_SCALE, JM_MODEL_GUIDANCE, 1, 10, 1 }
};


static jm_rc_e jm_request_number(jm_request_ctx_t *ctx, jm_number_e number);
static jm_rc_e jm_request_fraction(jm_request_ctx_t *ctx,
    jm_number_e number);


const char *
jm_request_number_name(jm_number_e number)
{
    return jm_request_fields[jm_request_number_fields[number].field].name;
}


jm_rc_e
jm_request_numbers(jm_request_ctx_t *ctx)
{
    unsigned             i;
    const jm_request_t  *r;

    r = ctx->request;

    for (i = 0; i < JM_NUMBER_LAST; i++) {

        if (jm_request_number(ctx, (jm_number_e) i) != JM_OK) {
            return JM_INVALID;
        }
    }

    if (r->nimages < 2) {
        return JM_OK;
    }

    for (i = JM_NUMBER_TOP; i <= JM_NUMBER_RIGHT; i++) {

        if (r->numbers[i].has) {
            return jm_request_refuse(ctx,
                                     jm_request_number_name((jm_number_e) i),
                                     "The mask says where to paint, and "
                                     "\"%s\" as well; leave one of them out.",
                                     jm_request_number_name((jm_number_e) i));
        }
    }

    return JM_OK;
}


static jm_rc_e
jm_request_number(jm_request_ctx_t *ctx, jm_number_e number)
{
    jm_field_e        field;
    jm_number_t      *n;
    const jm_json_t  *node;

    field = jm_request_number_fields[number].field;
    node = ctx->fields[field];
    n = &ctx->request->numbers[number];

    if (node == NULL
        || !(ctx->request->model->takes
             & jm_request_number_fields[number].takes))
    {
        return JM_OK;
    }

    n->has = 1;

    if (!jm_request_number_fields[number].fraction) {
        return jm_request_integer(ctx, node, jm_request_fields[field].name,
                                  jm_request_number_fields[number].min,
                                  jm_request_number_fields[number].max,
                                  &n->value);
    }

    n->text = node->text;

    return jm_request_fraction(ctx, number);
}


static jm_rc_e
jm_request_fraction(jm_request_ctx_t *ctx, jm_number_e number)
{
    int64_t      value, min, max;
    const char  *name;

    min = jm_request_number_fields[number].min;
    max = jm_request_number_fields[number].max;

    if (max == 0
        || (jm_decimal(ctx->request->numbers[number].text, JM_REQUEST_PLACES,
                       &value, NULL)
            == JM_OK
            && value >= min * JM_REQUEST_ONE && value <= max * JM_REQUEST_ONE))
    {
        return JM_OK;
    }

    name = jm_request_number_name(number);

    return jm_request_refuse(ctx, name,
                             "The field \"%s\" must be within %lld and %lld.",
                             name, (long long) min, (long long) max);
}
