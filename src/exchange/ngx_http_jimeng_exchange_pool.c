
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_exchange.h"


static void ngx_http_jimeng_exchange_marked(void *data);
static ngx_http_cleanup_t *ngx_http_jimeng_exchange_cleanup(
    ngx_http_jimeng_exchange_t *x);
static ngx_uint_t ngx_http_jimeng_exchange_shared(
    ngx_http_jimeng_exchange_t *x);
static ngx_uint_t ngx_http_jimeng_exchange_owned(
    ngx_http_jimeng_exchange_t *x, ngx_http_cleanup_t *cln);
static void ngx_http_jimeng_exchange_release(
    ngx_http_jimeng_exchange_t *x);
static void ngx_http_jimeng_exchange_unpost(ngx_http_jimeng_exchange_t *x);
static void ngx_http_jimeng_exchange_kept(void *data);
static ngx_uint_t ngx_http_jimeng_exchange_lies(ngx_pool_t *pool, void *p);


/*
 * What a subrequest has to have cleaned up, nginx and other modules put into
 * the list of the client's request, whose pool they take for the subrequest's.
 * The exchange's pool goes earlier: what refers to it is cleaned up before.
 *
 * A mark in the list tells what was added since the exchange began, and which
 * other exchanges there are.
 */

void
ngx_http_jimeng_exchange_mark(ngx_http_jimeng_exchange_t *x)
{
    x->mark.handler = ngx_http_jimeng_exchange_marked;
    x->mark.data = x;
    x->mark.next = x->request->cleanup;

    x->request->cleanup = &x->mark;
}


static void
ngx_http_jimeng_exchange_marked(void *data)
{
}


/*
 * Runs the cleanups of a subrequest that goes no further.  As they change the
 * list, each is looked for from its start.
 */

void
ngx_http_jimeng_exchange_clean(ngx_http_jimeng_exchange_t *x)
{
    ngx_http_cleanup_t  *cln;

    for ( ;; ) {
        cln = ngx_http_jimeng_exchange_cleanup(x);

        if (cln == NULL) {
            return;
        }

        if (cln->handler) {
            cln->handler(cln->data);
        }
    }
}


static ngx_http_cleanup_t *
ngx_http_jimeng_exchange_cleanup(ngx_http_jimeng_exchange_t *x)
{
    ngx_http_cleanup_t  *cln, **prev;

    for (prev = &x->request->cleanup; *prev; prev = &(*prev)->next) {
        cln = *prev;

        if (cln != &x->mark && ngx_http_jimeng_exchange_owned(x, cln)) {
            *prev = cln->next;
            return cln;
        }
    }

    return NULL;
}


static ngx_uint_t
ngx_http_jimeng_exchange_owned(ngx_http_jimeng_exchange_t *x,
    ngx_http_cleanup_t *cln)
{
    return ngx_http_jimeng_exchange_lies(x->pool, cln)
           || ngx_http_jimeng_exchange_lies(x->pool, cln->data);
}


/*
 * Whether a cleanup that was added meanwhile is nobody's that is known: a
 * socket that Lua has left open lies in Lua's own memory, and refers to its
 * subrequest all the same.
 */

static ngx_uint_t
ngx_http_jimeng_exchange_shared(ngx_http_jimeng_exchange_t *x)
{
    ngx_uint_t           n;
    ngx_http_request_t  *r;
    ngx_http_cleanup_t  *cln, *mark;

    r = x->request;
    n = 0;

    for (cln = r->cleanup; cln; cln = cln->next) {

        if (cln == &x->mark) {
            return n != 0;
        }

        if (cln->handler == NULL
            || cln->handler == ngx_http_jimeng_exchange_marked
            || ngx_http_jimeng_exchange_lies(r->pool, cln->data))
        {
            continue;
        }

        for (mark = r->cleanup; mark; mark = mark->next) {

            if (mark->handler == ngx_http_jimeng_exchange_marked
                && ngx_http_jimeng_exchange_owned(mark->data, cln))
            {
                break;
            }
        }

        if (mark == NULL) {
            n++;
        }
    }

    /* nginx has taken the list to run it: the request ends */

    return 0;
}


/* takes out what the client's request, or its connection, has of the pool */

static void
ngx_http_jimeng_exchange_release(ngx_http_jimeng_exchange_t *x)
{
    ngx_connection_t     *c;
    ngx_http_request_t   *r, *active;
    ngx_http_cleanup_t  **prev;

    r = x->request;
    c = r->connection;

    if (x->delay.timer_set) {
        ngx_del_timer(&x->delay);
    }

    ngx_http_jimeng_exchange_clean(x);
    ngx_http_jimeng_exchange_unpost(x);

    for (prev = &r->cleanup; *prev; prev = &(*prev)->next) {
        if (*prev == &x->mark) {
            *prev = x->mark.next;
            break;
        }
    }

    active = c->data;

    if (active->pool == x->pool) {
        c->data = r;
    }
}


/* frees an exchange, which has ended or is torn down with its request */

void
ngx_http_jimeng_exchange_destroy(ngx_http_jimeng_exchange_t *x)
{
    ngx_http_jimeng_exchange_clean(x);

    if (ngx_http_jimeng_exchange_shared(x)) {
        (void) ngx_http_jimeng_exchange_keep(x);
        return;
    }

    ngx_http_jimeng_exchange_release(x);

    ngx_destroy_pool(x->pool);
}


/*
 * Leaves the exchange's pool to be destroyed with the client's request.  What
 * did not come from an upstream was not held back until the client took it, so
 * buffers in that pool may still have to be sent.
 */

ngx_int_t
ngx_http_jimeng_exchange_keep(ngx_http_jimeng_exchange_t *x)
{
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(x->request->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_jimeng_exchange_kept;
    cln->data = x->pool;

    ngx_http_jimeng_exchange_release(x);

    return NGX_OK;
}


static void
ngx_http_jimeng_exchange_kept(void *data)
{
    ngx_destroy_pool(data);
}


/*
 * No request is run once more for this exchange: not the client's, nor the
 * subrequest or one that the subrequest has begun itself.
 */

static void
ngx_http_jimeng_exchange_unpost(ngx_http_jimeng_exchange_t *x)
{
    ngx_http_posted_request_t  **p;

    p = &x->request->posted_requests;

    while (*p) {

        if (*p == &x->posted || (*p)->request->pool == x->pool) {
            *p = (*p)->next;
            continue;
        }

        p = &(*p)->next;
    }
}


/* whether p lies in the pool; in a large block only its start is found */

static ngx_uint_t
ngx_http_jimeng_exchange_lies(ngx_pool_t *pool, void *p)
{
    ngx_pool_t        *block;
    ngx_pool_large_t  *large;

    if (p == NULL) {
        return 0;
    }

    block = pool;

    do {
        if ((u_char *) p >= (u_char *) block && (u_char *) p < block->d.end) {
            return 1;
        }

        block = block->d.next;
    } while (block);

    for (large = pool->large; large; large = large->next) {
        if (large->alloc == p) {
            return 1;
        }
    }

    return 0;
}
