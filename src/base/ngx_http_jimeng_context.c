
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_base.h"


static void *ngx_http_jimeng_alloc(void *ctx, size_t size);
static void ngx_http_jimeng_free(void *ctx, void *p);


/* the request's context, which is made if there is none; NULL: no memory */

ngx_http_jimeng_ctx_t *
ngx_http_jimeng_ctx(ngx_http_request_t *r)
{
    ngx_http_jimeng_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_jimeng_module);

    if (ctx == NULL) {
        ctx = ngx_pcalloc(r->pool, sizeof(ngx_http_jimeng_ctx_t));

        if (ctx) {
            ngx_http_set_ctx(r, ctx, ngx_http_jimeng_module);
        }
    }

    return ctx;
}


/* the URI without a slash at its end; nginx has merged several into one */

void
ngx_http_jimeng_path(ngx_http_request_t *r, ngx_str_t *path)
{
    *path = r->uri;

    if (path->len && path->data[path->len - 1] == '/') {
        path->len--;
    }
}


/* notes the error that the client was sent, for the counters */

void
ngx_http_jimeng_told(ngx_http_request_t *r, jm_cause_e cause)
{
    ngx_http_jimeng_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_jimeng_module);

    if (ctx) {
        ctx->cause = cause;
    }
}


/* the core's memory, from a pool */

void
ngx_http_jimeng_mem(jm_mem_t *mem, ngx_pool_t *pool)
{
    mem->alloc = ngx_http_jimeng_alloc;
    mem->free = ngx_http_jimeng_free;
    mem->ctx = pool;
}


static void *
ngx_http_jimeng_alloc(void *ctx, size_t size)
{
    return ngx_palloc(ctx, size);
}


static void
ngx_http_jimeng_free(void *ctx, void *p)
{
    /* only large blocks go back before the pool does */

    (void) ngx_pfree(ctx, p);
}


/*
 * Has nginx call the write handler of a request once more, when what runs now
 * is done.  ngx_http_post_request() alone would take memory of the request's
 * each time.
 */

void
ngx_http_jimeng_post(ngx_http_request_t *r, ngx_http_posted_request_t *posted)
{
    ngx_http_posted_request_t  *p;

    for (p = r->main->posted_requests; p; p = p->next) {
        if (p == posted) {
            return;
        }
    }

    (void) ngx_http_post_request(r, posted);
}
