
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_picture.h"

#include "jm_ark.h"


static ngx_int_t ngx_http_jimeng_picture_piece(ngx_http_jimeng_picture_t *p,
    jm_str_t *piece);
static ngx_int_t ngx_http_jimeng_picture_decode(ngx_http_jimeng_picture_t *p,
    jm_str_t *piece, jm_error_t *e);
static ngx_int_t ngx_http_jimeng_picture_add(ngx_http_jimeng_picture_t *p,
    jm_str_t data, jm_error_t *e);
static ngx_int_t ngx_http_jimeng_picture_name(ngx_http_jimeng_picture_t *p,
    jm_str_t data);
static ngx_int_t ngx_http_jimeng_picture_end(ngx_http_jimeng_picture_t *p,
    jm_error_t *e);
static ngx_int_t ngx_http_jimeng_picture_refuse(ngx_http_jimeng_picture_t *p,
    jm_error_t *e, const char *why);


/* room for one piece at a time, whatever there is in all */

ngx_int_t
ngx_http_jimeng_picture_create(ngx_http_jimeng_picture_t *p, ngx_pool_t *pool)
{
    if (p->buffer == NULL) {
        p->buffer = ngx_palloc(pool, NGX_HTTP_JIMENG_PIECE);
    }

    p->decoded = ngx_palloc(pool, jm_base64_decoded(NGX_HTTP_JIMENG_PIECE));

    return (p->buffer && p->decoded) ? NGX_OK : NGX_ERROR;
}


/* begins the next picture, which has to be as its model takes them */

void
ngx_http_jimeng_picture_start(ngx_http_jimeng_picture_t *p,
    jm_image_t *image, const jm_model_t *model)
{
    unsigned  flags;

    flags = JM_BASE64_URI;

    if (image->json) {
        flags |= JM_BASE64_JSON;
    }

    p->image = image;
    p->offset = 0;
    p->nheld = 0;
    p->uri = (model->provider == JM_PROVIDER_ARK);
    p->named = 0;

    jm_base64_init(&p->base64, flags);
    jm_picture_init(&p->picture, model->max_bytes);
    p->picture.max_ratio = model->max_skew;
    p->picture.max_pixels = model->max_pixels;
    p->picture.types = model->formats;
}


/*
 * Takes the next piece of the picture.  Returns NGX_AGAIN when there is more,
 * NGX_OK when that was the last and the picture is good; NGX_DECLINED, and the
 * client's error, when it is not or cannot be kept.
 */

ngx_int_t
ngx_http_jimeng_picture_step(ngx_http_jimeng_picture_t *p, size_t *used,
    jm_error_t *e)
{
    size_t     len;
    jm_str_t   piece;
    ngx_int_t  rc;

    if (ngx_http_jimeng_picture_piece(p, &piece) != NGX_OK) {
        return NGX_ERROR;
    }

    len = piece.len;

    if (len == 0) {
        return ngx_http_jimeng_picture_end(p, e);
    }

    *used += len;
    p->offset += len;

    if (p->image->type == JM_IMAGE_BASE64) {
        rc = ngx_http_jimeng_picture_decode(p, &piece, e);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    rc = ngx_http_jimeng_picture_add(p, piece, e);

    return rc == NGX_OK ? NGX_AGAIN : rc;
}


static ngx_int_t
ngx_http_jimeng_picture_piece(ngx_http_jimeng_picture_t *p, jm_str_t *piece)
{
    size_t       len;
    jm_image_t  *image;

    image = p->image;

    if (image->text.data) {
        piece->len = ngx_min(image->text.len - p->offset,
                             NGX_HTTP_JIMENG_PIECE);
        piece->data = image->text.data + p->offset;
        return NGX_OK;
    }

    len = ngx_min(image->len - p->offset, NGX_HTTP_JIMENG_PIECE);

    return ngx_http_jimeng_body_read(p->body, image->offset + p->offset, len,
                                     p->buffer, piece);
}


static ngx_int_t
ngx_http_jimeng_picture_decode(ngx_http_jimeng_picture_t *p, jm_str_t *piece,
    jm_error_t *e)
{
    size_t  n;

    if (jm_base64_decode(&p->base64, *piece, p->decoded, &n) != JM_OK) {
        return ngx_http_jimeng_picture_refuse(p, e, p->base64.why);
    }

    piece->len = n;
    piece->data = p->decoded;

    return NGX_OK;
}


static ngx_int_t
ngx_http_jimeng_picture_add(ngx_http_jimeng_picture_t *p, jm_str_t data,
    jm_error_t *e)
{
    ngx_int_t    rc;
    const char  *why;

    if (data.len == 0) {
        return NGX_OK;
    }

    if (jm_picture_add(&p->picture, data, &why) != JM_OK) {
        return ngx_http_jimeng_picture_refuse(p, e, why);
    }

    rc = p->store ? ngx_http_jimeng_store_add(p->store, data)
         : (p->uri && !p->named) ? ngx_http_jimeng_picture_name(p, data)
         : ngx_http_jimeng_payload_data(p->writer, data);

    return rc == NGX_OK ? NGX_OK : ngx_http_jimeng_picture_unstored(e);
}


/* what there is of a picture is held until it tells its type */

static ngx_int_t
ngx_http_jimeng_picture_name(ngx_http_jimeng_picture_t *p, jm_str_t data)
{
    jm_str_t  held;

    if (p->picture.type == JM_PICTURE_UNKNOWN) {

        if (data.len > JM_PICTURE_KEPT - p->nheld) {
            return NGX_ERROR;
        }

        ngx_memcpy(p->held + p->nheld, data.data, data.len);
        p->nheld += data.len;

        return NGX_OK;
    }

    p->named = 1;

    held.len = p->nheld;
    held.data = p->held;

    if (ngx_http_jimeng_payload_text(p->writer,
                                     jm_ark_data_uri(p->picture.type))
        != NGX_OK
        || ngx_http_jimeng_payload_data(p->writer, held) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_jimeng_payload_data(p->writer, data);
}


static ngx_int_t
ngx_http_jimeng_picture_end(ngx_http_jimeng_picture_t *p, jm_error_t *e)
{
    jm_str_t     rest;
    ngx_int_t    rc;
    const char  *why;

    if (p->image->type == JM_IMAGE_BASE64) {
        rest.data = p->decoded;

        if (jm_base64_decode_end(&p->base64, p->decoded, &rest.len) != JM_OK) {
            return ngx_http_jimeng_picture_refuse(p, e, p->base64.why);
        }

        rc = ngx_http_jimeng_picture_add(p, rest, e);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (jm_picture_end(&p->picture, &why) != JM_OK) {
        return ngx_http_jimeng_picture_refuse(p, e, why);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_jimeng_picture_refuse(ngx_http_jimeng_picture_t *p, jm_error_t *e,
    const char *why)
{
    jm_error_set(e, JM_CAUSE_INVALID_REQUEST, p->image->param,
                 "Picture %zu of the request %s.", p->image->number, why);

    return NGX_DECLINED;
}


/* sets the client's error; what has failed was logged.  NGX_DECLINED */

ngx_int_t
ngx_http_jimeng_picture_unstored(jm_error_t *e)
{
    jm_error_set(e, JM_CAUSE_INTERNAL, NULL,
                 "The pictures of the request could not be stored: this "
                 "service has no room for them, or may not write; nothing "
                 "was ordered. Try again later, or tell its operator.");

    return NGX_DECLINED;
}
