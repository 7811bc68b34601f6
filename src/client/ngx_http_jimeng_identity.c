
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_client.h"


static ngx_int_t ngx_http_jimeng_identify(ngx_http_request_t *r,
    ngx_http_jimeng_ctx_t *ctx);


/*
 * The key that a client has sent: that of Authorization, or else that of
 * ngx_http_jimeng_key_header().  NGX_DECLINED: there is none, or the header is
 * there twice.
 */

ngx_int_t
ngx_http_jimeng_key(ngx_http_request_t *r, jm_str_t *key)
{
    u_char      *p, *last;
    ngx_str_t   *value;
    ngx_uint_t   n;

    value = ngx_http_jimeng_header(&r->headers_in.headers, "Authorization", &n);

    if (n > 1) {
        return NGX_DECLINED;
    }

    if (value && value->len > 6
        && ngx_strncasecmp(value->data, (u_char *) "Bearer", 6) == 0
        && (value->data[6] == ' ' || value->data[6] == '\t'))
    {
        p = value->data + 6;
        last = value->data + value->len;

        while (p < last && (*p == ' ' || *p == '\t')) {
            p++;
        }

        key->len = last - p;
        key->data = p;

        return key->len ? NGX_OK : NGX_DECLINED;
    }

    value = ngx_http_jimeng_key_header(r, &n);

    if (value == NULL || n > 1) {
        return NGX_DECLINED;
    }

    key->len = value->len;
    key->data = value->data;

    return NGX_OK;
}


/*
 * Sets id, of JM_DIGEST_LEN bytes, to what tells clients apart: a digest of the
 * client's name, where it has one, or else of the key or password that it
 * has sent; zeros if it has sent none.
 */

ngx_int_t
ngx_http_jimeng_identity(ngx_http_request_t *r, u_char *id)
{
    ngx_http_jimeng_ctx_t  *ctx;

    ctx = ngx_http_jimeng_ctx(r);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    /* kept, as the ledger needs it and each of the tasks */

    if (!ctx->identified) {

        if (ngx_http_jimeng_identify(r, ctx) != NGX_OK) {
            return NGX_ERROR;
        }

        ctx->identified = 1;
    }

    ngx_memcpy(id, ctx->identity, JM_DIGEST_LEN);

    return NGX_OK;
}


static ngx_int_t
ngx_http_jimeng_identify(ngx_http_request_t *r, ngx_http_jimeng_ctx_t *ctx)
{
    jm_str_t     text;
    ngx_str_t   *value;
    ngx_uint_t   n;

    if (ctx->client) {
        return ngx_http_jimeng_client_digest(ctx->client, ctx->identity);
    }

    if (ngx_http_jimeng_key(r, &text) != NGX_OK) {

        /* a password, or a key that is there twice, tells clients apart, too */

        value = ngx_http_jimeng_header(&r->headers_in.headers,
                                       "Authorization", &n);

        if (value == NULL) {
            value = ngx_http_jimeng_key_header(r, &n);
        }

        if (value == NULL) {
            ngx_memzero(ctx->identity, JM_DIGEST_LEN);
            return NGX_OK;
        }

        ngx_http_jimeng_str(&text, value);
    }

    return ngx_http_jimeng_digest(ctx->identity, &text, 1);
}


/* what tells a client with a name apart, see ngx_http_jimeng_identity() */

ngx_int_t
ngx_http_jimeng_client_digest(const jm_client_t *client, u_char *id)
{
    u_char    *p;
    u_char     name[sizeof("client ") + JM_KEYS_NAME];
    jm_str_t   text;

    /* "client", a zero, the name: a key that is sent has no zero in it */

    p = ngx_cpymem(name, "client", sizeof("client"));
    p = ngx_cpymem(p, client->name.data, client->name.len);

    text.len = p - name;
    text.data = name;

    return ngx_http_jimeng_digest(id, &text, 1);
}


/*
 * The SHA-256 of n parts, JM_DIGEST_LEN bytes.  OpenSSL takes longer to begin
 * one than to hash a key: this process has one that is begun, for good.
 */

ngx_int_t
ngx_http_jimeng_digest(u_char *dst, jm_str_t *parts, ngx_uint_t n)
{
    static jm_digest_t  sha256;
    static ngx_uint_t   begun;

    if (!begun) {

        if (jm_digest_init(&sha256, NULL) != JM_OK) {
            return NGX_ERROR;
        }

        begun = 1;
    }

    return jm_digest_from(&sha256, dst, parts, n) == JM_OK ? NGX_OK
                                                           : NGX_ERROR;
}


/* the client's name, which its tasks are sealed with; empty: it has none */

void
ngx_http_jimeng_owner(ngx_http_request_t *r, jm_str_t *owner)
{
    ngx_http_jimeng_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_jimeng_module);

    jm_str_set(owner, "");

    if (ctx && ctx->client) {
        *owner = ctx->client->name;
    }
}
