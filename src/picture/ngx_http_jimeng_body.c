
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_picture.h"


/* the largest body that is copied, to have it in one piece */

#define NGX_HTTP_JIMENG_BODY_COPY  65536


static ngx_int_t ngx_http_jimeng_body_copy(ngx_http_jimeng_body_t *body,
    uint64_t at, size_t len, u_char *p);
static ngx_int_t ngx_http_jimeng_body_file(ngx_buf_t *b, uint64_t at,
    size_t len, u_char *p);


/*
 * A body that is in memory, in one buffer, is one view.  So is a small one
 * that nginx keeps in several, which are copied.  What is large or in a file
 * stays where it is, and is read by offset.
 *
 * How long it is, its buffers tell: the offset of its file is moved by all who
 * read from it, and a body may come here after it was sent elsewhere.
 */

ngx_int_t
ngx_http_jimeng_body_open(ngx_http_request_t *r, ngx_http_jimeng_body_t *body)
{
    u_char       *p;
    ngx_uint_t    in_file;
    ngx_chain_t  *cl;

    ngx_memzero(body, sizeof(ngx_http_jimeng_body_t));

    body->whole = 1;

    if (r->request_body == NULL || r->request_body->bufs == NULL) {
        return NGX_OK;
    }

    body->bufs = r->request_body->bufs;
    body->cl = body->bufs;

    in_file = 0;

    for (cl = body->bufs; cl; cl = cl->next) {
        body->len += ngx_buf_size(cl->buf);

        if (!ngx_buf_in_memory(cl->buf) && cl->buf->in_file) {
            in_file = 1;
        }
    }

    cl = body->bufs;

    if (!in_file && cl->next == NULL) {
        body->text.data = cl->buf->pos;
        body->text.len = body->len;
        return NGX_OK;
    }

    body->whole = 0;

    if (in_file || body->len > NGX_HTTP_JIMENG_BODY_COPY) {
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, body->len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_jimeng_body_read(body, 0, body->len, p, &body->text)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    body->whole = 1;

    return NGX_OK;
}


/*
 * Sets piece to len bytes of the body: a view into it, or into the buffer, to
 * which they are copied or read.  They have to be there.
 */

ngx_int_t
ngx_http_jimeng_body_read(ngx_http_jimeng_body_t *body, uint64_t offset,
    size_t len, u_char *buffer, jm_str_t *piece)
{
    uint64_t    at, size;
    ngx_buf_t  *b;

    piece->len = len;
    piece->data = buffer;

    if (len == 0) {
        return NGX_OK;
    }

    if (body->whole) {
        piece->data = body->text.data + offset;
        return NGX_OK;
    }

    /* most go on where the one before has ended */

    if (offset < body->start) {
        body->cl = body->bufs;
        body->start = 0;
    }

    for ( /* void */ ; body->cl; body->cl = body->cl->next) {
        size = ngx_buf_size(body->cl->buf);

        if (offset - body->start < size) {
            break;
        }

        body->start += size;
    }

    if (body->cl == NULL) {
        return NGX_ERROR;
    }

    b = body->cl->buf;
    at = offset - body->start;
    size = ngx_buf_size(b);

    if (ngx_buf_in_memory(b) && len <= size - at) {
        piece->data = b->pos + at;
        return NGX_OK;
    }

    return ngx_http_jimeng_body_copy(body, at, len, buffer);
}


static ngx_int_t
ngx_http_jimeng_body_copy(ngx_http_jimeng_body_t *body, uint64_t at,
    size_t len, u_char *p)
{
    size_t        n;
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    for (cl = body->cl; cl && len; cl = cl->next) {
        b = cl->buf;
        n = ngx_min(len, (uint64_t) ngx_buf_size(b) - at);

        if (ngx_buf_in_memory(b)) {
            ngx_memcpy(p, b->pos + at, n);

        } else if (n && ngx_http_jimeng_body_file(b, at, n, p) != NGX_OK) {
            return NGX_ERROR;
        }

        p += n;
        len -= n;
        at = 0;
    }

    return len ? NGX_ERROR : NGX_OK;
}


static ngx_int_t
ngx_http_jimeng_body_file(ngx_buf_t *b, uint64_t at, size_t len, u_char *p)
{
    off_t       offset;
    ssize_t     n;
    ngx_file_t  file;

    /* reading moves an offset in there that is not ours to move */

    file = *b->file;
    offset = b->file_pos + (off_t) at;

    while (len) {
        n = ngx_read_file(&file, p, len, offset);

        if (n == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (n == 0) {
            ngx_log_error(NGX_LOG_CRIT, file.log, 0,
                          "jimeng: the request body \"%V\" has become shorter",
                          &file.name);
            return NGX_ERROR;
        }

        p += n;
        len -= n;
        offset += n;
    }

    return NGX_OK;
}
