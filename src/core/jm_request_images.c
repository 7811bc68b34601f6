
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_request_field.h"


static jm_rc_e jm_request_list(jm_request_ctx_t *ctx, jm_field_e field);
static jm_rc_e jm_request_image(jm_request_ctx_t *ctx, const char *param,
    const jm_json_t *node, size_t number);
static const jm_json_t *jm_request_url(const jm_json_t *node);
static unsigned jm_request_scheme(jm_str_t url, jm_str_t *rest);
static unsigned jm_request_host(jm_str_t s);


/* the mask comes last, that is how the model tells it from the picture */

jm_rc_e
jm_request_images(jm_request_ctx_t *ctx)
{
    size_t                   i, n, max, nfields;
    const char              *param;
    const jm_json_t         *node;
    const jm_model_t        *model;
    static const jm_field_e  fields[] = {
        JM_FIELD_IMAGE, JM_FIELD_IMAGES, JM_FIELD_MASK
    };

    n = 0;
    param = "image";
    model = ctx->request->model;
    nfields = jm_nitems(fields) - (model->takes & JM_MODEL_MASK ? 0 : 1);

    for (i = 0; i < nfields; i++) {
        node = ctx->fields[fields[i]];

        if (node != NULL) {
            n += node->type == JM_JSON_ARRAY ? node->count : 1;
            param = jm_request_fields[fields[i]].name;
        }
    }

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
                                 model->takes & JM_MODEL_MASK
                                 ? "two pictures, the second of them a mask,"
                                 : "a picture");
    }

    for (i = 0; i < nfields; i++) {

        if (jm_request_list(ctx, fields[i]) != JM_OK) {
            return JM_INVALID;
        }
    }

    return JM_OK;
}


static jm_rc_e
jm_request_list(jm_request_ctx_t *ctx, jm_field_e field)
{
    size_t            number;
    const char       *param;
    const jm_json_t  *node;

    param = jm_request_fields[field].name;
    node = ctx->fields[field];

    if (node == NULL) {
        return JM_OK;
    }

    if (node->type != JM_JSON_ARRAY) {
        return jm_request_image(ctx, param, node, 1);
    }

    number = 1;

    for (node = node->child; node != NULL; node = node->next) {

        if (jm_request_image(ctx, param, node, number++) != JM_OK) {
            return JM_INVALID;
        }
    }

    return JM_OK;
}


static jm_rc_e
jm_request_image(jm_request_ctx_t *ctx, const char *param,
    const jm_json_t *node, size_t number)
{
    size_t         i;
    jm_str_t       url, rest;
    jm_request_t  *r;

    node = jm_request_url(node);

    if (node == NULL) {
        return jm_request_refuse(ctx, param,
                                 "Picture %zu of \"%s\" must be a URL, or an "
                                 "object with a \"url\".", number, param);
    }

    url = node->text;

    if (!jm_request_scheme(url, &rest)) {
        return jm_request_refuse(ctx, param,
                                 "Picture %zu of \"%s\" is no http:// or "
                                 "https:// URL: the field takes URLs only, "
                                 "not data; put the picture on a server and "
                                 "send its URL.", number, param);
    }

    if (url.len > JM_REQUEST_URL) {
        return jm_request_refuse(ctx, param,
                                 "The URL of picture %zu of \"%s\" is longer "
                                 "than %d bytes; use a shorter one.",
                                 number, param, JM_REQUEST_URL);
    }

    for (i = 0; i < url.len; i++) {

        if (url.data[i] <= 0x20 || url.data[i] >= 0x7f) {
            return jm_request_refuse(ctx, param,
                                     "The URL of picture %zu of \"%s\" has "
                                     "characters that no URL has; escape "
                                     "them as %%XX.", number, param);
        }
    }

    if (!jm_request_host(rest)) {
        return jm_request_refuse(ctx, param,
                                 "The URL of picture %zu of \"%s\" has no "
                                 "host; send a whole URL.", number, param);
    }

    r = ctx->request;
    r->images[r->nimages++] = url;

    return JM_OK;
}


/*
 * Returns the string of an element: itself, its "url", its "image_url", or
 * the latter's "url", which is the form that chat clients use.
 */

static const jm_json_t *
jm_request_url(const jm_json_t *node)
{
    const jm_json_t  *url;

    if (node->type != JM_JSON_OBJECT) {
        return node->type == JM_JSON_STRING ? node : NULL;
    }

    url = jm_json_get(node, "url");

    if (url == NULL || url->type == JM_JSON_NULL) {
        url = jm_json_get(node, "image_url");

        if (url != NULL && url->type == JM_JSON_OBJECT) {
            url = jm_json_get(url, "url");
        }
    }

    return url != NULL && url->type == JM_JSON_STRING ? url : NULL;
}


/* sets rest to what follows "http://" or "https://", in either case */

static unsigned
jm_request_scheme(jm_str_t url, jm_str_t *rest)
{
    size_t              i, j, len;
    static const char  *schemes[] = { "http://", "https://" };

    for (i = 0; i < jm_nitems(schemes); i++) {
        len = strlen(schemes[i]);

        if (url.len < len) {
            continue;
        }

        for (j = 0; j < len; j++) {

            if (url.data[j] != schemes[i][j]
                && (url.data[j] < 'A' || url.data[j] > 'Z'
                    || (url.data[j] | 0x20) != schemes[i][j]))
            {
                break;
            }
        }

        if (j == len) {
            rest->data = url.data + len;
            rest->len = url.len - len;
            return 1;
        }
    }

    return 0;
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
