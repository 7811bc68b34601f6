
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_link.h"


static ngx_int_t ngx_http_jimeng_link_url(ngx_http_request_t *r,
    ngx_str_t *base, jm_link_t *link, jm_str_t *url);
static ngx_int_t ngx_http_jimeng_link_base(ngx_http_request_t *r,
    ngx_str_t *base);
static ngx_int_t ngx_http_jimeng_link_host(ngx_http_request_t *r,
    ngx_uint_t tls, ngx_str_t *host);
static ngx_uint_t ngx_http_jimeng_link_listed(ngx_http_request_t *r,
    jm_str_t url);
static void ngx_http_jimeng_link_unlisted(ngx_http_request_t *r, jm_str_t url);


/*
 * Puts links in place of the URLs of pictures that a request, which was begun
 * at created, has brought.  What leads to a server that is not listed stays as
 * it is.
 */

ngx_int_t
ngx_http_jimeng_link_urls(ngx_http_request_t *r, time_t created,
    jm_str_t *urls, ngx_uint_t n)
{
    jm_link_t                    link;
    ngx_str_t                    base;
    ngx_uint_t                   i;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);

    if (jlcf->links->base.len == 0) {
        return NGX_OK;
    }

    if (ngx_http_jimeng_link_owner(r, &link) != NGX_OK
        || ngx_http_jimeng_link_base(r, &base) != NGX_OK)
    {
        return NGX_ERROR;
    }

    link.end = jm_link_end(created, jlcf->links->expires);

    for (i = 0; i < n; i++) {

        if (urls[i].len > JM_LINK_URL
            || !ngx_http_jimeng_link_listed(r, urls[i]))
        {
            ngx_http_jimeng_link_unlisted(r, urls[i]);
            continue;
        }

        link.url = urls[i];

        if (ngx_http_jimeng_link_url(r, &base, &link, &urls[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_jimeng_link_url(ngx_http_request_t *r, ngx_str_t *base,
    jm_link_t *link, jm_str_t *url)
{
    jm_buf_t                      b;
    jm_mem_t                      mem;
    ngx_http_jimeng_main_conf_t  *jmcf;

    jmcf = ngx_http_get_module_main_conf(r, ngx_http_jimeng_module);

    ngx_http_jimeng_mem(&mem, r->pool);
    jm_buf_init(&b, &mem, base->len + 2 * link->url.len,
                base->len + JM_LINK_MAX);

    jm_buf_add(&b, base->data, base->len);

    if (jm_link_seal(&b, &jmcf->link_keys[0], link) != JM_OK) {
        return NGX_ERROR;
    }

    *url = jm_buf_view(&b);

    return NGX_OK;
}


/*
 * Sets the URI of this server under which there is the picture of a URL.
 * NGX_DECLINED: its server is not listed.
 */

ngx_int_t
ngx_http_jimeng_link_uri(ngx_http_request_t *r, time_t created, jm_str_t url,
    ngx_str_t *uri)
{
    jm_str_t   link;
    ngx_str_t  text, name;

    link = url;

    if (ngx_http_jimeng_link_urls(r, created, &link, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    if (link.data == url.data) {
        return NGX_DECLINED;
    }

    text.len = link.len;
    text.data = (u_char *) link.data;

    ngx_http_jimeng_link_name(&text, &name);

    return ngx_http_jimeng_link_path(r, r->pool, &name, uri);
}


/* the URI of this server for a link's name, out of a pool */

ngx_int_t
ngx_http_jimeng_link_path(ngx_http_request_t *r, ngx_pool_t *pool,
    ngx_str_t *name, ngx_str_t *uri)
{
    u_char                      *p;
    ngx_str_t                   *path;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);
    path = &jlcf->links->path;

    p = ngx_pnalloc(pool, path->len + name->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    uri->len = path->len + name->len;
    uri->data = p;

    p = ngx_cpymem(p, path->data, path->len);
    ngx_memcpy(p, name->data, name->len);

    return NGX_OK;
}


/* sets whose a link is: of a client that has no name and no key, nobody's */

ngx_int_t
ngx_http_jimeng_link_owner(ngx_http_request_t *r, jm_link_t *link)
{
    u_char  id[JM_DIGEST_LEN];

    static const u_char  nobody[JM_DIGEST_LEN];

    if (ngx_http_jimeng_identity(r, id) != NGX_OK) {
        return NGX_ERROR;
    }

    link->owned = (ngx_memcmp(id, nobody, JM_DIGEST_LEN) != 0);
    ngx_memcpy(link->owner, id, JM_LINK_OWNER);

    return NGX_OK;
}


/* what links of a request begin with, up to the slash before their name */

static ngx_int_t
ngx_http_jimeng_link_base(ngx_http_request_t *r, ngx_str_t *base)
{
    u_char                      *p;
    ngx_str_t                    host;
    ngx_uint_t                   tls;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);

    if (jlcf->links->base.data[0] != '/') {
        *base = jlcf->links->base;
        return NGX_OK;
    }

    tls = 0;

#if (NGX_HTTP_SSL)

    if (r->connection->ssl) {
        tls = 1;
    }

#endif

    if (ngx_http_jimeng_link_host(r, tls, &host) != NGX_OK) {
        return NGX_ERROR;
    }

    base->len = sizeof("https://") - 1 + host.len + jlcf->links->base.len;
    base->data = ngx_pnalloc(r->pool, base->len);

    if (base->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(base->data, "%s://%V%V", tls ? "https" : "http", &host,
                    &jlcf->links->base);

    base->len = p - base->data;

    return NGX_OK;
}


/*
 * The name that the client itself has for this server; of one that has sent
 * none, or none that is good in a URL, the server's own.
 */

static ngx_int_t
ngx_http_jimeng_link_host(ngx_http_request_t *r, ngx_uint_t tls,
    ngx_str_t *host)
{
    u_char                    *p;
    in_port_t                  port;
    ngx_str_t                  name, addr;
    ngx_connection_t          *c;
    ngx_http_core_srv_conf_t  *cscf;
    u_char                     text[NGX_SOCKADDR_STRLEN];

    if (r->headers_in.host) {
        *host = r->headers_in.host->value;

        if (ngx_http_jimeng_link_is_host(host)) {
            return NGX_OK;
        }
    }

    c = r->connection;
    cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);

    addr.len = NGX_SOCKADDR_STRLEN;
    addr.data = text;

    if (ngx_connection_local_sockaddr(c, &addr, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    /* HTTP/3 has a client's name for the server here alone */

    name = r->headers_in.server;

    if (!ngx_http_jimeng_link_is_host(&name)) {
        name = cscf->server_name;

        if (!ngx_http_jimeng_link_is_host(&name)) {
            name = addr;
        }
    }

    port = ngx_inet_get_port(c->local_sockaddr);

    host->data = ngx_pnalloc(r->pool, name.len + sizeof("[]:65535") - 1);
    if (host->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(host->data,
                    ngx_strlchr(name.data, name.data + name.len, ':')
                    && name.data[0] != '[' ? "[%V]" : "%V", &name);

    if (port && port != (tls ? 443 : 80)) {
        p = ngx_sprintf(p, ":%ui", (ngx_uint_t) port);
    }

    host->len = p - host->data;

    return NGX_OK;
}


/* names, addresses and ports have these characters, and no others */

ngx_uint_t
ngx_http_jimeng_link_is_host(ngx_str_t *host)
{
    u_char  c;
    size_t  i;

    for (i = 0; i < host->len; i++) {
        c = ngx_tolower(host->data[i]);

        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9')
            && ngx_strchr("-._:[]", c) == NULL)
        {
            return 0;
        }
    }

    return host->len != 0;
}


static ngx_uint_t
ngx_http_jimeng_link_listed(ngx_http_request_t *r, jm_str_t url)
{
    ngx_http_jimeng_loc_conf_t  *jlcf;

    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);

    return jm_host_lists(jlcf->links->hosts->elts, jlcf->links->hosts->nelts,
                         url);
}


/* a URL has what it takes to fetch it: only its host is logged */

static void
ngx_http_jimeng_link_unlisted(ngx_http_request_t *r, jm_str_t url)
{
    u_char     *p, *last;
    ngx_str_t   host;

    p = (u_char *) url.data;
    last = p + url.len;

    host.data = ngx_strlchr(p, last, ':');

    if (host.data == NULL || last - host.data < 3) {
        host.data = last;

    } else {
        host.data += 3;
    }

    for (p = host.data; p < last; p++) {
        if (p - host.data == 253 || *p == '\0'
            || ngx_strchr("/?#@\\", *p) != NULL || *p < '-' || *p > 'z')
        {
            break;
        }
    }

    host.len = p - host.data;

    ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                  "jimeng: a picture is handed on by the URL it has, of host "
                  "\"%V\": that is too long, or not of a host that "
                  "\"jimeng_picture_hosts\" lists", &host);
}


/* the last part of a link, or of the URI of its location */

void
ngx_http_jimeng_link_name(ngx_str_t *url, ngx_str_t *name)
{
    u_char  *p, *last;

    last = url->data + url->len;

    for (p = last; p > url->data && p[-1] != '/'; p--) {
        /* void */
    }

    name->data = p;
    name->len = last - p;
}


/*
 * Opens a link, whose URL is in room of JM_LINK_URL bytes.  NGX_DECLINED: it is
 * none, has ended, or leads to a server that is not listed here.
 */

ngx_int_t
ngx_http_jimeng_link_open(ngx_http_request_t *r, ngx_str_t *name,
    u_char *room, jm_link_t *link)
{
    jm_rc_e                       rc;
    jm_str_t                      text;
    ngx_http_jimeng_main_conf_t  *jmcf;

    jmcf = ngx_http_get_module_main_conf(r, ngx_http_jimeng_module);

    ngx_http_jimeng_str(&text, name);

    rc = jm_link_open(link, jmcf->link_keys, jmcf->nseal_keys, text, room);

    if (rc == JM_ERROR) {
        return NGX_ERROR;
    }

    if (rc != JM_OK || link->end < ngx_time()
        || !ngx_http_jimeng_link_listed(r, link->url))
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}
