
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_show.h"

#include <openssl/crypto.h>


static ngx_int_t ngx_http_jimeng_show_opened(ngx_http_request_t *r,
    ngx_http_jimeng_shown_t *shown, ngx_http_jimeng_link_e how);
static ngx_int_t ngx_http_jimeng_show_owner(ngx_http_request_t *r,
    jm_link_t *link, jm_error_t *e);
static ngx_int_t ngx_http_jimeng_show_mark(ngx_http_request_t *r);
static void ngx_http_jimeng_show_marked(void *data);
static ngx_int_t ngx_http_jimeng_show_refuse(ngx_http_request_t *r);
static ngx_int_t ngx_http_jimeng_show_not_allowed(ngx_http_request_t *r);


/*
 * The link is opened when a request has passed all phases before its content,
 * so that the operator's limits count for it; a content handler, which most
 * often is proxy_pass, asks for where it leads to by a variable.
 */

ngx_int_t
ngx_http_jimeng_show_precontent(ngx_http_request_t *r)
{
    ngx_int_t                    rc;
    ngx_http_jimeng_ctx_t       *ctx;
    ngx_http_jimeng_shown_t     *shown;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);

    if (jlcf->links->picture == NGX_HTTP_JIMENG_LINK_CLOSED) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_jimeng_ctx(r);
    shown = ngx_pcalloc(r->pool, sizeof(ngx_http_jimeng_shown_t));

    if (ctx == NULL || shown == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->shown = shown;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        r->content_handler = ngx_http_jimeng_show_not_allowed;
        return NGX_DECLINED;
    }

    rc = ngx_http_jimeng_show_opened(r, shown, jlcf->links->picture);

    if (rc == NGX_DECLINED) {
        r->content_handler = ngx_http_jimeng_show_refuse;
        return NGX_DECLINED;
    }

    if (rc != NGX_OK
        || ngx_http_jimeng_show_asked(r) != NGX_OK
        || ngx_http_jimeng_show_mark(r) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_jimeng_show_first();

    return NGX_DECLINED;
}


/* NGX_DECLINED: shown->error says why not */

static ngx_int_t
ngx_http_jimeng_show_opened(ngx_http_request_t *r,
    ngx_http_jimeng_shown_t *shown, ngx_http_jimeng_link_e how)
{
    u_char     *room;
    jm_link_t   link;
    ngx_int_t   rc;

    room = ngx_pnalloc(r->pool, JM_LINK_URL);
    shown->error = ngx_palloc(r->pool, sizeof(jm_error_t));

    if (room == NULL || shown->error == NULL) {
        return NGX_ERROR;
    }

    ngx_http_jimeng_link_name(&r->uri, &shown->name);

    rc = ngx_http_jimeng_link_open(r, &shown->name, room, &link);

    /* it is we who fetch it when its task ends, or for a reply with data */

    if (rc == NGX_OK && how == NGX_HTTP_JIMENG_LINK_OWNED
        && ngx_http_jimeng_attempt_of(r) == NULL
        && ngx_http_jimeng_exchange_of(r) == NULL)
    {
        shown->owned = 1;

        rc = ngx_http_jimeng_show_owner(r, &link, shown->error);

        if (rc == NGX_ABORT) {
            return NGX_DECLINED;
        }
    }

    if (rc == NGX_DECLINED) {
        jm_error_set(shown->error, JM_CAUSE_NOT_FOUND, NULL,
                     "There is no such picture, or it is not there any more.");
    }

    if (rc == NGX_OK) {
        shown->error = NULL;
        shown->url.len = link.url.len;
        shown->url.data = room;
    }

    return rc;
}


/*
 * NGX_DECLINED: it is another's.  NGX_ABORT: *e says why the client may see
 * nothing at all.
 */

static ngx_int_t
ngx_http_jimeng_show_owner(ngx_http_request_t *r, jm_link_t *link,
    jm_error_t *e)
{
    ngx_int_t  rc;
    jm_link_t  own;

    rc = ngx_http_jimeng_keys_check(r, e);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_ABORT : NGX_ERROR;
    }

    if (ngx_http_jimeng_link_owner(r, &own) != NGX_OK) {
        return NGX_ERROR;
    }

    return (link->owned && own.owned
            && CRYPTO_memcmp(link->owner, own.owner, JM_LINK_OWNER) == 0)
           ? NGX_OK : NGX_DECLINED;
}


static ngx_int_t
ngx_http_jimeng_show_mark(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_jimeng_show_marked;
    cln->data = r;

    return NGX_OK;
}


static void
ngx_http_jimeng_show_marked(void *data)
{
}


/*
 * X-Accel-Redirect of a picture's server would lead anywhere in here, to what
 * is internal as well.  It clears all contexts: the mark says where a request
 * comes from.
 */

ngx_int_t
ngx_http_jimeng_show_redirected(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t  *cln;

    if (!r->internal || r->upstream == NULL || r->error_page) {
        return NGX_DECLINED;
    }

    for (cln = r->pool->cleanup; cln; cln = cln->next) {

        if (cln->handler == ngx_http_jimeng_show_marked && cln->data == r) {
            ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                          "jimeng: X-Accel-Redirect of a picture's server was "
                          "not followed");

            return NGX_HTTP_BAD_GATEWAY;
        }
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_jimeng_show_refuse(ngx_http_request_t *r)
{
    ngx_http_jimeng_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_jimeng_module);

    return ngx_http_jimeng_refuse(r, ctx->shown->error);
}


static ngx_int_t
ngx_http_jimeng_show_not_allowed(ngx_http_request_t *r)
{
    jm_error_t  e;

    if (ngx_http_jimeng_reply_header(r, "Allow", (u_char *) "GET, HEAD", 9)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    jm_error_set(&e, JM_CAUSE_METHOD, NULL,
                 "The method is not allowed here; use GET.");

    return ngx_http_jimeng_refuse(r, &e);
}


/* nothing where no link was opened */

ngx_int_t
ngx_http_jimeng_show_url_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_jimeng_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_jimeng_module);

    if (ctx == NULL || ctx->shown == NULL || ctx->shown->url.len == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->len = ctx->shown->url.len;
    v->data = ctx->shown->url.data;

    return NGX_OK;
}


/* and nothing before its bytes have said what it is */

ngx_int_t
ngx_http_jimeng_show_type_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_jimeng_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_jimeng_module);

    if (ctx == NULL || ctx->shown == NULL || ctx->shown->media == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->len = ctx->shown->media->type.len;
    v->data = (u_char *) ctx->shown->media->type.data;

    return NGX_OK;
}
