
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_endpoint.h"

#include "jm_origin.h"


static ngx_uint_t ngx_http_jimeng_asked(ngx_http_request_t *r);
static ngx_uint_t ngx_http_jimeng_attached(ngx_str_t *authorization);
static ngx_uint_t ngx_http_jimeng_foreign(ngx_http_request_t *r);
static ngx_uint_t ngx_http_jimeng_foreign_origin(ngx_http_request_t *r,
    ngx_str_t *origin);


/*
 * A browser sends a form for a page of whatever origin, and only keeps the
 * answer from it: who pays for pictures has paid by then.  NGX_DECLINED: it is
 * such a form, and *e says so.
 */

ngx_int_t
ngx_http_jimeng_origin_check(ngx_http_request_t *r, jm_error_t *e)
{
    ngx_http_jimeng_loc_conf_t  *jlcf;

    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);

    if (jlcf->cross_site || ngx_http_jimeng_asked(r)
        || !ngx_http_jimeng_foreign(r))
    {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "jimeng: a form of a page of another origin, without a key");

    jm_error_set(e, JM_CAUSE_PERMISSION, NULL,
                 "A form from a page of another origin needs a key; send "
                 "\"Authorization: Bearer\" with one, or ask the operator of "
                 "this service to set \"jimeng_cross_site on\".");

    return NGX_DECLINED;
}


/*
 * Whether the browser had to ask first (a preflight), as it does for headers
 * that the page itself has set.
 */

static ngx_uint_t
ngx_http_jimeng_asked(ngx_http_request_t *r)
{
    ngx_str_t   *value;
    ngx_uint_t   n;

    value = ngx_http_jimeng_header(&r->headers_in.headers, "Authorization", &n);

    if (value && !ngx_http_jimeng_attached(value)) {
        return 1;
    }

    return ngx_http_jimeng_key_header(r, &n) != NULL;
}


/* whether a browser sends it of its own accord, having a user's password */

static ngx_uint_t
ngx_http_jimeng_attached(ngx_str_t *authorization)
{
    u_char      *p, *last;
    size_t       len;
    ngx_uint_t   i;

    static ngx_str_t  schemes[] = {
        ngx_string("Basic"),
        ngx_string("Digest"),
        ngx_string("Negotiate"),
        ngx_string("NTLM")
    };

    p = authorization->data;
    last = p + authorization->len;

    while (p < last && *p != ' ' && *p != '\t') {
        p++;
    }

    len = p - authorization->data;

    for (i = 0; i < sizeof(schemes) / sizeof(ngx_str_t); i++) {
        if (len == schemes[i].len
            && ngx_strncasecmp(authorization->data, schemes[i].data, len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/*
 * Where the browser says whose page it is, that counts: a proxy may have put
 * another Host in place of the page's.  It does not say so without TLS.
 */

static ngx_uint_t
ngx_http_jimeng_foreign(ngx_http_request_t *r)
{
    ngx_str_t   *value;
    ngx_uint_t   n;

    value = ngx_http_jimeng_header(&r->headers_in.headers,
                                   "Sec-Fetch-Site", &n);

    if (n > 1) {
        return 1;
    }

    if (value) {

        if (value->len == 11
            && ngx_strncmp(value->data, "same-origin", 11) == 0)
        {
            return 0;
        }

        if (value->len == 4 && ngx_strncmp(value->data, "none", 4) == 0) {
            return 0;
        }

        if (value->len == 10
            && ngx_strncmp(value->data, "cross-site", 10) == 0)
        {
            return 1;
        }
    }

    value = ngx_http_jimeng_header(&r->headers_in.headers, "Origin", &n);

    return n > 1 || (value && ngx_http_jimeng_foreign_origin(r, value));
}


static ngx_uint_t
ngx_http_jimeng_foreign_origin(ngx_http_request_t *r, ngx_str_t *value)
{
    jm_str_t  origin, host;

    ngx_http_jimeng_str(&origin, value);

    if (r->headers_in.host) {
        ngx_http_jimeng_str(&host, &r->headers_in.host->value);

    } else {

        /* HTTP/3's ":authority"; nothing before HTTP/1.1 */

        host.data = r->host_start;
        host.len = r->host_end - r->host_start;
    }

    return !jm_origin_is_host(origin, host);
}
