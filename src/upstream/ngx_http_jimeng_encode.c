
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * A picture's bytes, as base64 in a client's reply: from the buffers of an
 * upstream, or a cache's file, piece by piece, as the client takes them.
 */


#include "ngx_http_jimeng_upstream.h"


/* bytes that are encoded at a time: those of a buffer without a cache */

#define NGX_HTTP_JIMENG_ENCODE_PIECE  65536


static ngx_int_t ngx_http_jimeng_encode_piece(ngx_http_jimeng_pass_t *p,
    ngx_buf_t *b);
static ngx_int_t ngx_http_jimeng_encode_head(ngx_http_jimeng_pass_t *p,
    ngx_buf_t *b);
static ngx_int_t ngx_http_jimeng_encode_begin(ngx_http_jimeng_pass_t *p);
static void ngx_http_jimeng_encode_used(ngx_buf_t *b, size_t n);
static ngx_int_t ngx_http_jimeng_encode_close(ngx_http_jimeng_pass_t *p);
static ngx_int_t ngx_http_jimeng_encode_read(ngx_http_jimeng_pass_t *p,
    ngx_buf_t *b, size_t max, jm_str_t *piece);


/* begins a picture that comes alone */

ngx_int_t
ngx_http_jimeng_encode_init(ngx_http_jimeng_pass_t *p, ngx_pool_t *pool)
{
    size_t  piece;

    if (p->encoded == NULL) {
        piece = NGX_HTTP_JIMENG_ENCODE_PIECE;

        p->encoded = ngx_palloc(pool, jm_base64_encoded(piece));
        p->piece = ngx_palloc(pool, piece);

        if (p->encoded == NULL || p->piece == NULL) {
            return NGX_ERROR;
        }
    }

    p->raw = 1;
    p->nhead = 0;
    p->inside = 0;
    p->last = 0;
    p->bad = 0;
    p->pending = NULL;

    jm_base64_encoder_init(&p->encoder);

    return NGX_OK;
}


/*
 * The body filter of an exchange that brings a picture: its buffers are held
 * until they are encoded.
 */

ngx_int_t
ngx_http_jimeng_encode_filter(ngx_http_jimeng_pass_t *p, ngx_chain_t *in,
    ngx_pool_t *pool)
{
    p->pool = pool;

    if (ngx_chain_add_copy(pool, &p->pending, in) != NGX_OK) {
        return NGX_ERROR;
    }

    for ( /* void */ ; in; in = in->next) {
        if (in->buf->last_buf || in->buf->last_in_chain) {
            p->last = 1;
        }
    }

    return ngx_http_jimeng_encode(p);
}


/*
 * Encodes as much as the client takes: called for what has come, and for events
 * of the client's connection.  A buffer that was encoded is empty.
 */

ngx_int_t
ngx_http_jimeng_encode(ngx_http_jimeng_pass_t *p)
{
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    for ( ;; ) {

        if (p->busy
            && (ngx_http_jimeng_pass_output(p, NULL) != NGX_OK || p->busy))
        {
            return p->client_lost ? NGX_ERROR : NGX_OK;
        }

        if (p->pending == NULL) {
            break;
        }

        b = p->pending->buf;

        if (ngx_buf_special(b) || ngx_buf_size(b) == 0) {
            cl = p->pending;
            p->pending = cl->next;
            ngx_free_chain(p->pool, cl);
            continue;
        }

        rc = p->inside ? ngx_http_jimeng_encode_piece(p, b)
                       : ngx_http_jimeng_encode_head(p, b);

        if (rc != NGX_OK) {
            p->bad = 1;
            return NGX_ERROR;
        }
    }

    if (p->last && p->nhead && ngx_http_jimeng_encode_begin(p) != NGX_OK) {
        p->bad = 1;
        return NGX_ERROR;
    }

    if (p->last && p->inside && !p->busy) {
        return ngx_http_jimeng_encode_close(p);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_jimeng_encode_piece(ngx_http_jimeng_pass_t *p, ngx_buf_t *b)
{
    size_t        n;
    jm_str_t      piece;
    ngx_chain_t  *out, **ll;

    if (ngx_http_jimeng_encode_read(p, b, NGX_HTTP_JIMENG_ENCODE_PIECE, &piece)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    out = NULL;
    ll = &out;

    n = jm_base64_encode(&p->encoder, piece, p->encoded);

    if (n && ngx_http_jimeng_pass_add(p, p->encoded, n, &ll) == NULL) {
        return NGX_ERROR;
    }

    *ll = NULL;

    ngx_http_jimeng_encode_used(b, piece.len);

    return ngx_http_jimeng_pass_output(p, out);
}


/* what lies in a file is read as it is needed */

static ngx_int_t
ngx_http_jimeng_encode_read(ngx_http_jimeng_pass_t *p, ngx_buf_t *b,
    size_t max, jm_str_t *piece)
{
    ssize_t  n;

    piece->len = (size_t) ngx_min(ngx_buf_size(b), (off_t) max);

    if (ngx_buf_in_memory(b)) {
        piece->data = b->pos;
        return NGX_OK;
    }

    n = ngx_read_file(b->file, p->piece, piece->len, b->file_pos);

    if (n <= 0) {
        return NGX_ERROR;
    }

    piece->len = n;
    piece->data = p->piece;

    return NGX_OK;
}


static void
ngx_http_jimeng_encode_used(ngx_buf_t *b, size_t n)
{
    if (ngx_buf_in_memory(b)) {
        b->pos += n;

    } else {
        b->file_pos += n;
    }
}


/* a chunk, or what came with a header, may well be shorter than that */

static ngx_int_t
ngx_http_jimeng_encode_head(ngx_http_jimeng_pass_t *p, ngx_buf_t *b)
{
    jm_str_t  piece;

    if (ngx_http_jimeng_encode_read(p, b, JM_MEDIA_HEAD - p->nhead, &piece)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_memcpy(p->head + p->nhead, piece.data, piece.len);
    p->nhead += piece.len;

    ngx_http_jimeng_encode_used(b, piece.len);

    return p->nhead == JM_MEDIA_HEAD ? ngx_http_jimeng_encode_begin(p) : NGX_OK;
}


/* what begins as no picture does is not handed on as one */

static ngx_int_t
ngx_http_jimeng_encode_begin(ngx_http_jimeng_pass_t *p)
{
    size_t              n;
    jm_str_t            head;
    ngx_str_t           before;
    ngx_chain_t        *out, **ll;
    jm_picture_type_e   type;

    head.len = p->nhead;
    head.data = p->head;

    p->nhead = 0;

    if (jm_media_of(head) == NULL) {
        return NGX_ERROR;
    }

    type = (head.data[0] == 0xff) ? JM_PICTURE_JPEG : JM_PICTURE_PNG;

    p->begun = 1;
    p->inside = 1;

    out = NULL;
    ll = &out;

    if (p->handler(p->data, p->pictures, type, &before, &p->after) != NGX_OK
        || ngx_http_jimeng_pass_add(p, before.data, before.len, &ll) == NULL)
    {
        return NGX_ERROR;
    }

    n = jm_base64_encode(&p->encoder, head, p->encoded);

    if (n && ngx_http_jimeng_pass_add(p, p->encoded, n, &ll) == NULL) {
        return NGX_ERROR;
    }

    *ll = NULL;

    return ngx_http_jimeng_pass_output(p, out);
}


static ngx_int_t
ngx_http_jimeng_encode_close(ngx_http_jimeng_pass_t *p)
{
    size_t        n;
    ngx_chain_t  *out, **ll;

    out = NULL;
    ll = &out;

    n = jm_base64_encode_end(&p->encoder, p->encoded);

    if ((n && ngx_http_jimeng_pass_add(p, p->encoded, n, &ll) == NULL)
        || ngx_http_jimeng_pass_add(p, p->after.data, p->after.len, &ll)
           == NULL)
    {
        return NGX_ERROR;
    }

    *ll = NULL;

    p->inside = 0;
    p->pictures++;

    return ngx_http_jimeng_pass_output(p, out);
}
