
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_show.h"


/* characters of a link in the name of a file: enough to tell files apart */

#define NGX_HTTP_JIMENG_SHOW_NAME   12


static ngx_uint_t ngx_http_jimeng_show_keeps(ngx_str_t *name);


/*
 * What a client asks with is between it and us: neither its key nor where it
 * comes from is a picture's server's to know, and what it wants of a whole
 * picture nginx itself gives.  What nginx has read of these is kept.
 */

ngx_int_t
ngx_http_jimeng_show_asked(ngx_http_request_t *r)
{
    ngx_uint_t        i;
    ngx_list_t        list;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h, *copy;

    if (ngx_list_init(&list, r->pool, 8, sizeof(ngx_table_elt_t)) != NGX_OK) {
        return NGX_ERROR;
    }

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (!ngx_http_jimeng_show_keeps(&h[i].key)) {
                continue;
            }

            copy = ngx_list_push(&list);
            if (copy == NULL) {
                return NGX_ERROR;
            }

            *copy = h[i];
        }
    }

    r->headers_in.headers = list;

    /* it points to its only part while there is no other */

    if (list.last == &list.part) {
        r->headers_in.headers.last = &r->headers_in.headers.part;
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_jimeng_show_keeps(ngx_str_t *name)
{
    ngx_str_t  *n;

    static ngx_str_t  names[] = {
        ngx_string("Authorization"),
        ngx_string("Proxy-Authorization"),
        ngx_string("Cookie"),
        ngx_string("GeekAI-API-Key"),
        ngx_string("api-key"),
        ngx_string("x-api-key"),
        ngx_string("Referer"),
        ngx_string("Range"),
        ngx_string("If-Range"),
        ngx_string("If-Match"),
        ngx_string("If-None-Match"),
        ngx_string("If-Modified-Since"),
        ngx_string("If-Unmodified-Since"),
        ngx_string("Accept-Encoding"),
        ngx_null_string
    };

    for (n = names; n->len; n++) {
        if (name->len == n->len
            && ngx_strncasecmp(name->data, n->data, n->len) == 0)
        {
            return 0;
        }
    }

    return 1;
}


/* of what a picture's server says, its time and its tag are for clients */

void
ngx_http_jimeng_show_strip(ngx_http_request_t *r)
{
    ngx_uint_t           i;
    ngx_list_part_t     *part;
    ngx_table_elt_t     *h;
    ngx_http_headers_out_t  *out;

    out = &r->headers_out;
    part = &out->headers.part;

    do {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (&h[i] != out->etag && &h[i] != out->last_modified
                && &h[i] != out->content_range)
            {
                h[i].hash = 0;
            }
        }

        part = part->next;

    } while (part);

    out->server = NULL;
    out->location = NULL;
    out->refresh = NULL;
    out->content_encoding = NULL;
    out->accept_ranges = NULL;
    out->www_authenticate = NULL;
    out->expires = NULL;

    ngx_memzero(&out->cache_control, sizeof(out->cache_control));
    ngx_memzero(&out->link, sizeof(out->link));
}


/* the header of a picture whose type is known */

ngx_int_t
ngx_http_jimeng_show_headers(ngx_http_request_t *r,
    ngx_http_jimeng_shown_t *shown)
{
    u_char                  *p;
    ngx_uint_t               i, n;
    ngx_http_headers_out_t  *out;

    struct {
        const char  *name;
        ngx_str_t    value;
    } headers[] = {
        { "X-Content-Type-Options", ngx_string("nosniff") },
        { "Content-Disposition", ngx_null_string },
        { "Cache-Control", ngx_string("private") }
    };

    ngx_http_jimeng_show_strip(r);

    out = &r->headers_out;

    out->content_type.len = shown->media->type.len;
    out->content_type.data = (u_char *) shown->media->type.data;
    out->content_type_len = shown->media->type.len;
    out->content_type_lowcase = NULL;
    ngx_str_null(&out->charset);

    p = ngx_pnalloc(r->pool, sizeof("inline; filename=\"picture-\"") - 1
                             + NGX_HTTP_JIMENG_SHOW_NAME
                             + shown->media->suffix.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    /* behind the first two is a digest of all that is sealed */

    headers[1].value.data = p;

    p = ngx_sprintf(p, "inline; filename=\"picture-%*s%*s\"",
                    (size_t) NGX_HTTP_JIMENG_SHOW_NAME, shown->name.data + 2,
                    shown->media->suffix.len, shown->media->suffix.data);

    headers[1].value.len = p - headers[1].value.data;

    n = shown->owned ? 3 : 2;

    for (i = 0; i < n; i++) {
        if (ngx_http_jimeng_reply_header(r, headers[i].name,
                                         headers[i].value.data,
                                         headers[i].value.len)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    /* what was asked of a whole picture nginx itself sees to */

    r->disable_not_modified = 0;
    r->allow_ranges = 1;

#if (NGX_HTTP_CACHE)

    if (r->cached) {
        return NGX_OK;
    }

#endif

    r->single_range = 1;

    return NGX_OK;
}


/*
 * Makes the reply an error with the API's envelope, whose body takes the place
 * of what comes.  The header is the caller's to send.
 */

ngx_int_t
ngx_http_jimeng_show_error(ngx_http_request_t *r, jm_error_t *e,
    ngx_uint_t status)
{
    jm_str_t                none = jm_null_string;
    ngx_http_jimeng_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_jimeng_module);

    if (ngx_http_jimeng_error_text(r, e, none, &ctx->error_page) != NGX_OK
        || ngx_http_jimeng_error_headers(r, e) != NGX_OK
        || ngx_http_jimeng_request_id_header(r) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ctx->replied = 1;

    r->headers_out.status = status;
    r->headers_out.status_line.len = 0;

    ngx_http_clear_accept_ranges(r);
    ngx_http_clear_last_modified(r);
    ngx_http_clear_etag(r);

    ngx_http_jimeng_json_type(r, ctx->error_page.len);

    r->allow_ranges = 0;

    return NGX_OK;
}
