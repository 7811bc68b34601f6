
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng.h"


/*
 * A body in memory is one view: as it lies when nginx kept it in one buffer,
 * copied when it is in several.  Copies are bounded by
 * client_body_buffer_size.  One that is in a file stays there, and is read by
 * offset.
 */

ngx_int_t
ngx_http_jimeng_body_open(ngx_http_request_t *r, ngx_http_jimeng_body_t *body)
{
    u_char       *p;
    size_t        len;
    ngx_chain_t  *cl;

    ngx_memzero(body, sizeof(ngx_http_jimeng_body_t));

    if (r->request_body == NULL || r->request_body->bufs == NULL) {
        return NGX_OK;
    }

    if (r->request_body->temp_file) {

        /*
         * nginx moves a body to its file as a whole.  The structure is copied:
         * reading moves its offset, which is the body's length.
         */

        body->file = r->request_body->temp_file->file;
        body->file.log = r->connection->log;
        body->len = body->file.offset;
        body->in_file = 1;

        return NGX_OK;
    }

    cl = r->request_body->bufs;

    if (cl->next == NULL) {
        body->text.data = cl->buf->pos;
        body->text.len = cl->buf->last - cl->buf->pos;
        body->len = body->text.len;
        return NGX_OK;
    }

    for (len = 0; cl; cl = cl->next) {
        len += cl->buf->last - cl->buf->pos;
    }

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    body->text.data = p;
    body->text.len = len;
    body->len = len;

    for (cl = r->request_body->bufs; cl; cl = cl->next) {

        /* the buffer that ends a chunked body points nowhere */

        if (cl->buf->pos != cl->buf->last) {
            p = ngx_cpymem(p, cl->buf->pos, cl->buf->last - cl->buf->pos);
        }
    }

    return NGX_OK;
}


/*
 * Sets piece to len bytes of the body: a view into it, or into the buffer, to
 * which they are read.  They have to be there.
 */

ngx_int_t
ngx_http_jimeng_body_read(ngx_http_jimeng_body_t *body, uint64_t offset,
    size_t len, u_char *buffer, jm_str_t *piece)
{
    ssize_t  n;

    piece->len = len;

    if (!body->in_file) {
        piece->data = body->text.data + offset;
        return NGX_OK;
    }

    piece->data = buffer;

    while (len) {
        n = ngx_read_file(&body->file, buffer, len, (off_t) offset);

        if (n == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (n == 0) {
            ngx_log_error(NGX_LOG_CRIT, body->file.log, 0,
                          "jimeng: the request body \"%V\" has become shorter",
                          &body->file.name);
            return NGX_ERROR;
        }

        buffer += n;
        offset += n;
        len -= n;
    }

    return NGX_OK;
}
