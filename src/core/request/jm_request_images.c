
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_request_part.h"


/* characters of a string that are checked for being base64 */

#define JM_REQUEST_BASE64   64


/* where a picture stands in the request, and what it is called there */

typedef struct {
    const char       *field;
    const char       *param;
    size_t            number;       /* in its field, from 1 */
} jm_request_place_t;


static jm_rc_e jm_request_images_count(jm_request_ctx_t *ctx, size_t n,
    const char *param);
static jm_rc_e jm_request_list(jm_request_ctx_t *ctx, jm_field_e field,
    const char *const *params);
static jm_rc_e jm_request_image(jm_request_ctx_t *ctx,
    const jm_request_place_t *place, const jm_json_t *node);
static const jm_json_t *jm_request_string(const jm_json_t *node);
static jm_rc_e jm_request_url(jm_request_ctx_t *ctx,
    const jm_request_place_t *place, jm_str_t url, jm_str_t rest);
static jm_rc_e jm_request_data(jm_request_ctx_t *ctx,
    const jm_request_place_t *place, const jm_image_t *image);
static unsigned jm_request_base64(jm_str_t s);
static unsigned jm_request_scheme(jm_str_t url, const char *scheme,
    jm_str_t *rest);
static unsigned jm_request_host(jm_str_t s);
static jm_rc_e jm_request_alike(jm_request_ctx_t *ctx);


#define jm_request_params(field)                                              \
    { field "[0]", field "[1]", field "[2]", field "[3]", field "[4]",        \
      field "[5]", field "[6]", field "[7]", field "[8]", field "[9]",        \
      field "[10]", field "[11]", field "[12]", field "[13]" }

/* the mask comes last: by that the model tells it from the picture */

static const struct {
    jm_field_e       field;
    const char      *params[JM_REQUEST_IMAGES];
} jm_request_pictures[] = {
    { JM_FIELD_IMAGE, jm_request_params("image") },
    { JM_FIELD_IMAGES, jm_request_params("images") },
    { JM_FIELD_IMAGE_URLS, jm_request_params("image_urls") },
    { JM_FIELD_BINARY_DATA_BASE64, jm_request_params("binary_data_base64") },
    { JM_FIELD_IMAGE_URL, jm_request_params("image_url") },
    { JM_FIELD_INPUT_IMAGE, jm_request_params("input_image") },
    { JM_FIELD_REFERENCE_IMAGES, jm_request_params("reference_images") },
    { JM_FIELD_MASK, jm_request_params("mask") }
};


jm_rc_e
jm_request_images(jm_request_ctx_t *ctx)
{
    size_t             i, n, nfields;
    const char        *param;
    const jm_json_t   *node;
    const jm_model_t  *model;

    n = 0;
    param = "image";
    model = ctx->request->model;

    nfields = jm_nitems(jm_request_pictures)
              - (model->takes & JM_MODEL_MASK ? 0 : 1);

    for (i = 0; i < nfields; i++) {
        node = ctx->fields[jm_request_pictures[i].field];

        if (node != NULL) {
            n += node->type == JM_JSON_ARRAY ? node->count : 1;
            param = jm_request_fields[jm_request_pictures[i].field].name;
        }
    }

    if (jm_request_images_count(ctx, n, param) != JM_OK) {
        return JM_INVALID;
    }

    for (i = 0; i < nfields; i++) {

        if (jm_request_list(ctx, jm_request_pictures[i].field,
                            jm_request_pictures[i].params)
            != JM_OK)
        {
            return JM_INVALID;
        }
    }

    return jm_request_alike(ctx);
}


static jm_rc_e
jm_request_images_count(jm_request_ctx_t *ctx, size_t n, const char *param)
{
    size_t             max;
    const jm_model_t  *model;

    model = ctx->request->model;
    max = jm_min(model->images, JM_REQUEST_IMAGES);

    if (n > max) {
        return jm_request_refuse(ctx, param,
                                 "The request has %zu pictures, and this "
                                 "model takes at most %zu; send fewer.",
                                 n, max);
    }

    if (n < model->min_images) {
        return jm_request_refuse(ctx, param,
                                 "This model needs %s in \"image\".",
                                 model->min_images > 1
                                 ? "two pictures, the second of them a mask,"
                                 : "a picture");
    }

    if (n == 0 && ctx->rules->edit) {

        if (max == 0) {
            return jm_request_refuse(ctx, "model",
                                     "This model takes no pictures, so it "
                                     "cannot edit one; use another.");
        }

        return jm_request_refuse(ctx, "image",
                                 "An edit needs a picture in \"image\".");
    }

    return JM_OK;
}


static jm_rc_e
jm_request_list(jm_request_ctx_t *ctx, jm_field_e field,
    const char *const *params)
{
    const jm_json_t     *node;
    jm_request_place_t   place;

    node = ctx->fields[field];

    if (node == NULL) {
        return JM_OK;
    }

    place.field = jm_request_fields[field].name;
    place.param = place.field;
    place.number = 1;

    if (node->type != JM_JSON_ARRAY) {
        return jm_request_image(ctx, &place, node);
    }

    for (node = node->child; node != NULL; node = node->next) {
        place.param = params[place.number - 1];

        if (jm_request_image(ctx, &place, node) != JM_OK) {
            return JM_INVALID;
        }

        place.number++;
    }

    return JM_OK;
}


static jm_rc_e
jm_request_image(jm_request_ctx_t *ctx, const jm_request_place_t *place,
    const jm_json_t *node)
{
    jm_rc_e        rc;
    jm_str_t       rest;
    jm_image_t    *image;
    jm_request_t  *r;

    node = jm_request_string(node);

    if (node == NULL) {
        return jm_request_refuse(ctx, place->param,
                                 "Picture %zu of \"%s\" must be a URL or "
                                 "base64, or an object with a \"url\" or a "
                                 "\"b64_json\".", place->number,
                                 place->field);
    }

    r = ctx->request;
    image = &r->images[r->nimages++];

    image->param = place->param;
    image->number = r->nimages;

    if (jm_request_away(ctx, node->text, image)) {
        return jm_request_data(ctx, place, image);
    }

    image->text = node->text;

    if (jm_request_scheme(image->text, "http://", &rest)
        || jm_request_scheme(image->text, "https://", &rest))
    {
        image->type = JM_IMAGE_URL;
        rc = jm_request_url(ctx, place, image->text, rest);

    } else {
        image->type = JM_IMAGE_BASE64;
        rc = jm_request_data(ctx, place, image);
    }

    return rc;
}


/*
 * Returns the string of an element: itself, its "url", its "image_url" or the
 * latter's "url", which is the form that chat clients use, or its "b64_json".
 */

static const jm_json_t *
jm_request_string(const jm_json_t *node)
{
    size_t              i;
    const jm_json_t    *text;
    static const char  *members[] = { "url", "image_url", "b64_json" };

    if (node->type != JM_JSON_OBJECT) {
        return node->type == JM_JSON_STRING ? node : NULL;
    }

    for (i = 0; i < jm_nitems(members); i++) {
        text = jm_json_get(node, members[i]);

        if (text == NULL || text->type == JM_JSON_NULL) {
            continue;
        }

        if (text->type == JM_JSON_OBJECT) {
            text = jm_json_get(text, "url");
        }

        return text != NULL && text->type == JM_JSON_STRING ? text : NULL;
    }

    return NULL;
}


static jm_rc_e
jm_request_url(jm_request_ctx_t *ctx, const jm_request_place_t *place,
    jm_str_t url, jm_str_t rest)
{
    size_t  i;

    if (url.len > JM_REQUEST_URL) {
        return jm_request_refuse(ctx, place->param,
                                 "The URL of picture %zu of \"%s\" is longer "
                                 "than %d bytes; use a shorter one.",
                                 place->number, place->field,
                                 JM_REQUEST_URL);
    }

    for (i = 0; i < url.len; i++) {

        if (url.data[i] <= 0x20 || url.data[i] >= 0x7f) {
            return jm_request_refuse(ctx, place->param,
                                     "The URL of picture %zu of \"%s\" has "
                                     "characters that no URL has; escape "
                                     "them as %%XX.", place->number,
                                     place->field);
        }
    }

    if (!jm_request_host(rest)) {
        return jm_request_refuse(ctx, place->param,
                                 "The URL of picture %zu of \"%s\" has no "
                                 "host; send a whole URL.", place->number,
                                 place->field);
    }

    return JM_OK;
}


/* a picture that is no URL has to be data, and data allowed */

static jm_rc_e
jm_request_data(jm_request_ctx_t *ctx, const jm_request_place_t *place,
    const jm_image_t *image)
{
    jm_str_t  rest;

    if (!ctx->rules->upload
        && !(ctx->request->model->takes & JM_MODEL_BASE64))
    {
        return jm_request_refuse(ctx, place->param,
                                 "Picture %zu of \"%s\" is no http:// or "
                                 "https:// URL: this gateway takes URLs "
                                 "only, not data; put the picture on a "
                                 "server and send its URL.", place->number,
                                 place->field);
    }

    if (image->text.data != NULL
        && !jm_request_scheme(image->text, "data:", &rest)
        && !jm_request_base64(image->text))
    {
        return jm_request_refuse(ctx, place->param,
                                 "Picture %zu of \"%s\" is neither an "
                                 "http:// or https:// URL nor a picture as "
                                 "base64, with or without \"data:image/png;"
                                 "base64,\" before it.", place->number,
                                 place->field);
    }

    return JM_OK;
}


/* whether a string begins as base64 does, in either alphabet (RFC 4648) */

static unsigned
jm_request_base64(jm_str_t s)
{
    size_t   i;
    uint8_t  c;

    for (i = 0; i < s.len && i < JM_REQUEST_BASE64; i++) {
        c = (uint8_t) (s.data[i] | 0x20);

        if ((c < 'a' || c > 'z') && (s.data[i] < '0' || s.data[i] > '9')
            && (s.data[i] == '\0'
                || strchr("+/-_= \t\r\n", s.data[i]) == NULL))
        {
            return 0;
        }
    }

    return s.len != 0;
}


/* sets rest to what follows the scheme, which is in lower or upper case */

static unsigned
jm_request_scheme(jm_str_t url, const char *scheme, jm_str_t *rest)
{
    size_t   i, len;
    uint8_t  c;

    len = strlen(scheme);

    if (url.len < len) {
        return 0;
    }

    for (i = 0; i < len; i++) {
        c = url.data[i];

        if (c >= 'A' && c <= 'Z') {
            c = (uint8_t) (c | 0x20);
        }

        if (c != (uint8_t) scheme[i]) {
            return 0;
        }
    }

    rest->data = url.data + len;
    rest->len = url.len - len;

    return 1;
}


/* whether a URL, less its scheme, begins with a host (RFC 3986, 3.2) */

static unsigned
jm_request_host(jm_str_t s)
{
    size_t  i, start;

    start = 0;

    for (i = 0; i < s.len; i++) {

        if (s.data[i] == '/' || s.data[i] == '?' || s.data[i] == '#') {
            break;
        }

        if (s.data[i] == '@') {
            start = i + 1;
        }
    }

    return start < i && s.data[start] != ':';
}


/* Visual takes data or URLs in one call, not both */

static jm_rc_e
jm_request_alike(jm_request_ctx_t *ctx)
{
    size_t               i;
    const jm_image_t    *image;
    const jm_request_t  *r;

    r = ctx->request;

    if (!(r->model->takes & JM_MODEL_BASE64)
        || r->model->provider == JM_PROVIDER_ARK)
    {
        return JM_OK;
    }

    for (i = 1; i < r->nimages; i++) {
        image = &r->images[i];

        if ((image->type == JM_IMAGE_URL)
            != (r->images[0].type == JM_IMAGE_URL))
        {
            return jm_request_refuse(ctx, image->param,
                                     "This model takes its pictures all as "
                                     "URLs or all as data; send \"%s\" in the "
                                     "same way as the first.", image->param);
        }
    }

    return JM_OK;
}
