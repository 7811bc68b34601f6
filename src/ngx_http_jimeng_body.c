
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng.h"

#include <sys/mman.h>


typedef struct {
    void       *addr;
    size_t      len;
    ngx_log_t  *log;
} ngx_http_jimeng_map_t;


static ngx_int_t ngx_http_jimeng_body_map(ngx_http_request_t *r,
    ngx_http_jimeng_body_t *body);
static void ngx_http_jimeng_body_unmap(void *data);


/*
 * A body is one view for the core: as it lies when nginx kept it in one
 * buffer, copied when it is in several, mapped when it is in a file.  Copies
 * are bounded by client_body_buffer_size.
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
        return ngx_http_jimeng_body_map(r, body);
    }

    cl = r->request_body->bufs;

    if (cl->next == NULL) {
        body->text.data = cl->buf->pos;
        body->text.len = cl->buf->last - cl->buf->pos;
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

    for (cl = r->request_body->bufs; cl; cl = cl->next) {

        /* the buffer that ends a chunked body points nowhere */

        if (cl->buf->pos != cl->buf->last) {
            p = ngx_cpymem(p, cl->buf->pos, cl->buf->last - cl->buf->pos);
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_jimeng_body_map(ngx_http_request_t *r, ngx_http_jimeng_body_t *body)
{
    ngx_file_t             *file;
    ngx_pool_cleanup_t     *cln;
    ngx_http_jimeng_map_t  *map;

    /* nginx moves a body to its file as a whole */

    file = &r->request_body->temp_file->file;

    if (file->offset == 0) {
        return NGX_OK;
    }

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_jimeng_map_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    map = cln->data;
    map->log = r->connection->log;
    map->len = (size_t) file->offset;
    map->addr = mmap(NULL, map->len, PROT_READ, MAP_PRIVATE, file->fd, 0);

    if (map->addr == MAP_FAILED) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, ngx_errno,
                      "mmap() of the request body \"%V\" failed", &file->name);
        return NGX_ERROR;
    }

    cln->handler = ngx_http_jimeng_body_unmap;

    body->text.data = map->addr;
    body->text.len = map->len;
    body->cleanup = cln;

    return NGX_OK;
}


static void
ngx_http_jimeng_body_unmap(void *data)
{
    ngx_http_jimeng_map_t *map = data;

    if (munmap(map->addr, map->len) == -1) {
        ngx_log_error(NGX_LOG_ALERT, map->log, ngx_errno,
                      "munmap() of a request body failed");
    }
}


void
ngx_http_jimeng_body_close(ngx_http_jimeng_body_t *body)
{
    ngx_str_null(&body->text);

    if (body->cleanup) {
        body->cleanup->handler(body->cleanup->data);
        body->cleanup->handler = NULL;
        body->cleanup = NULL;
    }
}
