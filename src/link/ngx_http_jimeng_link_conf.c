
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_link.h"


/* seconds for which a link is good, unless its directive says otherwise */

#define NGX_HTTP_JIMENG_LINK_EXPIRES  2592000

/* and the most, of any: links have a length that is known */

#define NGX_HTTP_JIMENG_LINK_LONGEST  315360000
#define NGX_HTTP_JIMENG_LINK_BASE     1024


static ngx_http_jimeng_links_t *ngx_http_jimeng_link_conf(ngx_conf_t *cf,
    ngx_http_jimeng_loc_conf_t *jlcf);
static char *ngx_http_jimeng_link_expires(ngx_http_jimeng_links_t *links,
    ngx_conf_t *cf, ngx_str_t *value);
static char *ngx_http_jimeng_link_where(ngx_http_jimeng_links_t *links,
    ngx_conf_t *cf, ngx_str_t *value);
static ngx_uint_t ngx_http_jimeng_link_is_path(u_char *p, const u_char *last);
static ngx_array_t *ngx_http_jimeng_link_hosts(ngx_conf_t *cf,
    ngx_str_t *names, ngx_uint_t n);


static ngx_str_t  ngx_http_jimeng_link_vendor[] = {
    ngx_string("*.byteimg.com"),
    ngx_string("*.tos-cn-beijing.volces.com")
};


/* made by the first directive of a block that says anything of links */

static ngx_http_jimeng_links_t *
ngx_http_jimeng_link_conf(ngx_conf_t *cf, ngx_http_jimeng_loc_conf_t *jlcf)
{
    if (jlcf->links == NULL) {
        jlcf->links = ngx_pcalloc(cf->pool, sizeof(ngx_http_jimeng_links_t));
    }

    return jlcf->links;
}


char *
ngx_http_jimeng_pictures(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                *value;
    ngx_http_jimeng_links_t  *links;

    links = ngx_http_jimeng_link_conf(cf, conf);
    if (links == NULL) {
        return NGX_CONF_ERROR;
    }

    if (links->base.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        ngx_str_set(&links->base, "");
        return NGX_CONF_OK;
    }

    links->expires = NGX_HTTP_JIMENG_LINK_EXPIRES;

    if (cf->args->nelts == 3
        && ngx_http_jimeng_link_expires(links, cf, &value[2]) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    return ngx_http_jimeng_link_where(links, cf, &value[1]);
}


static char *
ngx_http_jimeng_link_expires(ngx_http_jimeng_links_t *links, ngx_conf_t *cf,
    ngx_str_t *value)
{
    ngx_str_t  s;

    if (ngx_strncmp(value->data, "expires=", 8) != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in \"jimeng_pictures\"",
                           value);
        return NGX_CONF_ERROR;
    }

    s.len = value->len - 8;
    s.data = value->data + 8;

    links->expires = ngx_parse_time(&s, 1);

    if (links->expires <= 0
        || links->expires > NGX_HTTP_JIMENG_LINK_LONGEST)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"expires=\" in \"jimeng_pictures\" takes a time "
                           "above 0, of ten years at most, not \"%V\"", &s);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* the path of a URL names a location of this server, too */

static char *
ngx_http_jimeng_link_where(ngx_http_jimeng_links_t *links, ngx_conf_t *cf,
    ngx_str_t *value)
{
    u_char     *p, *last;
    ngx_str_t   host;

    p = value->data;
    last = p + value->len;

    if (ngx_strncmp(p, "http://", 7) == 0
        || ngx_strncmp(p, "https://", 8) == 0)
    {
        host.data = (u_char *) ngx_strstr(p, "://") + 3;
        p = ngx_strlchr(host.data, last, '/');

        if (p) {
            host.len = p - host.data;
        }

        if (p == NULL || !ngx_http_jimeng_link_is_host(&host)) {
            p = last;
        }
    }

    if (value->len > NGX_HTTP_JIMENG_LINK_BASE
        || !ngx_http_jimeng_link_is_path(p, last))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"jimeng_pictures\" takes the URI of a location "
                           "with \"jimeng_picture\", as \"/pictures/\", or its "
                           "URL, as \"https://example.com/pictures/\", and not "
                           "\"%V\"", value);
        return NGX_CONF_ERROR;
    }

    links->base = *value;
    links->path.data = p;
    links->path.len = last - p;

    return NGX_CONF_OK;
}


/* no character that is ever escaped, and nothing that nginx makes shorter */

static ngx_uint_t
ngx_http_jimeng_link_is_path(u_char *p, const u_char *last)
{
    u_char  *start, c;

    start = p;

    for ( /* void */ ; p < last; p++) {
        c = ngx_tolower(*p);

        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9')
            && ngx_strchr("-._~/", c) == NULL)
        {
            return 0;
        }

        if (p > start && p[-1] == '/' && (c == '/' || c == '.')) {
            return 0;
        }
    }

    return start < last && *start == '/' && last[-1] == '/';
}


char *
ngx_http_jimeng_picture(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                *value;
    ngx_http_jimeng_links_t  *links;

    links = ngx_http_jimeng_link_conf(cf, conf);
    if (links == NULL) {
        return NGX_CONF_ERROR;
    }

    if (links->picture != NGX_HTTP_JIMENG_LINK_CLOSED) {
        return "is duplicate";
    }

    links->picture = NGX_HTTP_JIMENG_LINK_OPEN;

    value = cf->args->elts;

    if (cf->args->nelts == 2) {

        if (ngx_strcmp(value[1].data, "owner") != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" in "
                               "\"jimeng_picture\"", &value[1]);
            return NGX_CONF_ERROR;
        }

        links->picture = NGX_HTTP_JIMENG_LINK_OWNED;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_jimeng_picture_hosts(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                *value;
    ngx_http_jimeng_links_t  *links;

    links = ngx_http_jimeng_link_conf(cf, conf);
    if (links == NULL) {
        return NGX_CONF_ERROR;
    }

    if (links->hosts) {
        return "is duplicate";
    }

    value = cf->args->elts;

    links->hosts = ngx_http_jimeng_link_hosts(cf, &value[1],
                                              cf->args->nelts - 1);

    return links->hosts ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static ngx_array_t *
ngx_http_jimeng_link_hosts(ngx_conf_t *cf, ngx_str_t *names, ngx_uint_t n)
{
    jm_str_t      text;
    jm_host_t    *host;
    ngx_uint_t    i;
    ngx_array_t  *hosts;

    hosts = ngx_array_create(cf->pool, n, sizeof(jm_host_t));
    if (hosts == NULL) {
        return NULL;
    }

    for (i = 0; i < n; i++) {
        host = ngx_array_push(hosts);
        if (host == NULL) {
            return NULL;
        }

        ngx_http_jimeng_str(&text, &names[i]);

        if (jm_host_read(host, text) != JM_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"jimeng_picture_hosts\" takes names, "
                               "\"*.name\" and addresses, each with a port or "
                               "without, not \"%V\"", &names[i]);
            return NULL;
        }
    }

    return hosts;
}


/* "if" and "limit_except" are blocks of their location: its links open there */

char *
ngx_http_jimeng_link_merge(ngx_conf_t *cf, ngx_http_jimeng_loc_conf_t *prev,
    ngx_http_jimeng_loc_conf_t *conf)
{
    ngx_http_jimeng_links_t   *links, *from;
    ngx_http_core_loc_conf_t  *clcf;

    links = ngx_http_jimeng_link_conf(cf, conf);
    from = ngx_http_jimeng_link_conf(cf, prev);

    if (links == NULL || from == NULL) {
        return NGX_CONF_ERROR;
    }

    if (from->hosts == NULL) {
        from->hosts = ngx_http_jimeng_link_hosts(cf,
                                    ngx_http_jimeng_link_vendor,
                                    sizeof(ngx_http_jimeng_link_vendor)
                                    / sizeof(ngx_str_t));
        if (from->hosts == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    if (links->hosts == NULL) {
        links->hosts = from->hosts;
    }

    if (links->base.data == NULL) {
        links->base = from->base;
        links->path = from->path;
        links->expires = from->expires;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->noname && links->picture == NGX_HTTP_JIMENG_LINK_CLOSED) {
        links->picture = from->picture;
    }

    return NGX_CONF_OK;
}
