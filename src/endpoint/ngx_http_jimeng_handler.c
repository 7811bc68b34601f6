
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_endpoint.h"


/* a sealed id is longer: a shorter name is none, and its path is not found */

#define NGX_HTTP_JIMENG_ID_MIN  40


/*
 * A path is what a URI ends in: the API may have any prefix, "/v1", "/api/v1",
 * or what a regex matches.  Where one here ends in a slash, a name follows: a
 * model's, which may have slashes of its own, or a task's id, which has none.
 */

typedef struct {
    ngx_str_t   path;
    ngx_uint_t  methods;
    ngx_str_t   allow;      /* methods, as the header's value */
    ngx_uint_t  id;         /* the name that follows is a task's */
    ngx_int_t (*handler)(ngx_http_request_t *r, ngx_str_t *name);
} ngx_http_jimeng_route_t;


static ngx_int_t ngx_http_jimeng_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_jimeng_handler_run(ngx_http_request_t *r);
static ngx_int_t ngx_http_jimeng_handler_post(ngx_http_request_t *r,
    jm_error_t *e);
static void ngx_http_jimeng_handler_rated(ngx_http_request_t *r,
    ngx_int_t rc);
static ngx_http_jimeng_route_t *ngx_http_jimeng_route(ngx_str_t *uri,
    ngx_str_t *name);
static ngx_uint_t ngx_http_jimeng_route_match(ngx_http_jimeng_route_t *route,
    ngx_str_t *uri, ngx_str_t *name);
static ngx_int_t ngx_http_jimeng_not_allowed(ngx_http_request_t *r,
    ngx_http_jimeng_route_t *route);
static ngx_int_t ngx_http_jimeng_generations(ngx_http_request_t *r,
    ngx_str_t *name);
static ngx_int_t ngx_http_jimeng_edits(ngx_http_request_t *r,
    ngx_str_t *name);
static ngx_int_t ngx_http_jimeng_read(ngx_http_request_t *r);
static ngx_uint_t ngx_http_jimeng_is_type(ngx_http_request_t *r,
    ngx_str_t *type);


static ngx_http_jimeng_route_t  ngx_http_jimeng_routes[] = {

    { ngx_string("/images/generations"),
      NGX_HTTP_POST,
      ngx_string("POST"), 0,
      ngx_http_jimeng_generations },

    { ngx_string("/images/edits"),
      NGX_HTTP_POST,
      ngx_string("POST"), 0,
      ngx_http_jimeng_edits },

    { ngx_string("/images/generations/"),
      NGX_HTTP_GET|NGX_HTTP_HEAD|NGX_HTTP_DELETE,
      ngx_string("GET, HEAD, DELETE"), 1,
      ngx_http_jimeng_retrieve },

    { ngx_string("/images/"),
      NGX_HTTP_GET|NGX_HTTP_HEAD|NGX_HTTP_DELETE,
      ngx_string("GET, HEAD, DELETE"), 1,
      ngx_http_jimeng_retrieve },

    { ngx_string("/usage"),
      NGX_HTTP_GET|NGX_HTTP_HEAD,
      ngx_string("GET, HEAD"), 0,
      ngx_http_jimeng_usage },

    { ngx_string("/models"),
      NGX_HTTP_GET|NGX_HTTP_HEAD,
      ngx_string("GET, HEAD"), 0,
      ngx_http_jimeng_models },

    { ngx_string("/models/"),
      NGX_HTTP_GET|NGX_HTTP_HEAD,
      ngx_string("GET, HEAD"), 0,
      ngx_http_jimeng_models },

    { ngx_null_string, 0, ngx_null_string, 0, NULL }
};


static ngx_str_t  ngx_http_jimeng_json = ngx_string("application/json");
static ngx_str_t  ngx_http_jimeng_form = ngx_string("multipart/form-data");


static ngx_int_t
ngx_http_jimeng_handler(ngx_http_request_t *r)
{
    return ngx_http_jimeng_store_early(r, ngx_http_jimeng_handler_run);
}


static ngx_int_t
ngx_http_jimeng_handler_run(ngx_http_request_t *r)
{
    ngx_int_t                    rc;
    ngx_str_t                    path, name;
    jm_error_t                   e;
    ngx_http_jimeng_ctx_t       *ctx;
    ngx_http_jimeng_route_t     *route;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    if (r != r->main) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "jimeng: \"jimeng_pass\" serves requests of clients, "
                      "not subrequests such as \"%V\"", &r->uri);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /*
     * Nothing here has a date or a tag: a condition of the client's would put
     * a 412 or 304 in place of what was paid for, and clear all contexts.
     */

    r->disable_not_modified = 1;

    /* a preflight has no key: by it a browser asks whether it may send one */

    rc = (r->method == NGX_HTTP_OPTIONS) ? NGX_OK
                                         : ngx_http_jimeng_keys_check(r, &e);

    if (rc == NGX_DECLINED) {
        return ngx_http_jimeng_refuse(r, &e);
    }

    if (rc != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_jimeng_path(r, &path);

    route = ngx_http_jimeng_route(&path, &name);

    ctx = ngx_http_get_module_ctx(r, ngx_http_jimeng_module);
    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);

    /* without keys it is there only for who has a name, and is counted */

    if (route && route->handler == ngx_http_jimeng_usage
        && jlcf->keys == NULL
        && (ctx == NULL || ctx->client == NULL
            || ngx_http_jimeng_zone_get(r) == NULL))
    {
        route = NULL;
    }

    if (route && route->id && !(r->method & route->methods)
        && name.len < NGX_HTTP_JIMENG_ID_MIN)
    {
        route = NULL;
    }

    if (route == NULL) {
        jm_error_set(&e, JM_CAUSE_NOT_FOUND, NULL, NULL);
        return ngx_http_jimeng_refuse(r, &e);
    }

    if (!(r->method & route->methods)) {
        return ngx_http_jimeng_not_allowed(r, route);
    }

    if (r->method != NGX_HTTP_POST) {
        return route->handler(r, &name);
    }

    rc = ngx_http_jimeng_handler_post(r, &e);

    return (rc == NGX_DECLINED) ? ngx_http_jimeng_refuse(r, &e) : rc;
}


/*
 * What costs may not be ordered by a copy of a request, or by a page of another
 * origin, and counts against the client's rate.  NGX_DECLINED: *e says why not;
 * NGX_DONE: the request goes on when it was counted.
 */

static ngx_int_t
ngx_http_jimeng_handler_post(ngx_http_request_t *r, jm_error_t *e)
{
    if (ngx_http_jimeng_client_early(r)) {
        jm_error_set(e, JM_CAUSE_TOO_EARLY, NULL, NULL);
        return NGX_DECLINED;
    }

    if (ngx_http_jimeng_is_type(r, &ngx_http_jimeng_form)
        && ngx_http_jimeng_origin_check(r, e) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    r->main->count++;

    if (ngx_http_jimeng_rate(r, ngx_http_jimeng_handler_rated) != NGX_OK) {
        r->main->count--;
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_DONE;
}


static void
ngx_http_jimeng_handler_rated(ngx_http_request_t *r, ngx_int_t rc)
{
    ngx_str_t                path, name;
    ngx_http_jimeng_route_t  *route;

    if (rc == NGX_OK) {
        ngx_http_jimeng_path(r, &path);

        route = ngx_http_jimeng_route(&path, &name);
        rc = route->handler(r, &name);

    } else {
        rc = NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_finalize_request(r, rc);
}


static ngx_http_jimeng_route_t *
ngx_http_jimeng_route(ngx_str_t *uri, ngx_str_t *name)
{
    ngx_http_jimeng_route_t  *route;

    for (route = ngx_http_jimeng_routes; route->path.len; route++) {

        if (ngx_http_jimeng_route_match(route, uri, name)) {
            return route;
        }
    }

    return NULL;
}


static ngx_uint_t
ngx_http_jimeng_route_match(ngx_http_jimeng_route_t *route, ngx_str_t *uri,
    ngx_str_t *name)
{
    u_char      *p;
    ngx_str_t   *path;
    ngx_uint_t   named;

    path = &route->path;

    if (uri->len < path->len) {
        return 0;
    }

    named = (path->data[path->len - 1] == '/');
    p = uri->data + uri->len - path->len;

    /* the last place where the path occurs; what is before it is the prefix */

    while (ngx_memcmp(p, path->data, path->len) != 0) {

        if (!named || p == uri->data) {
            return 0;
        }

        p--;
    }

    name->data = p + path->len;
    name->len = uri->data + uri->len - name->data;

    if (route->id && ngx_strlchr(name->data, name->data + name->len, '/')) {
        return 0;
    }

    return !named || name->len;
}


static ngx_int_t
ngx_http_jimeng_not_allowed(ngx_http_request_t *r,
    ngx_http_jimeng_route_t *route)
{
    jm_error_t  e;

    if (ngx_http_jimeng_reply_header(r, "Allow", route->allow.data,
                                     route->allow.len)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    jm_error_set(&e, JM_CAUSE_METHOD, NULL,
                 "The method is not allowed here; use %s.",
                 (route->methods & NGX_HTTP_GET) ? "GET" : "POST");

    return ngx_http_jimeng_refuse(r, &e);
}


static ngx_int_t
ngx_http_jimeng_generations(ngx_http_request_t *r, ngx_str_t *name)
{
    jm_error_t  e;

    if (!ngx_http_jimeng_is_type(r, &ngx_http_jimeng_json)) {
        jm_error_set(&e, JM_CAUSE_MEDIA_TYPE, NULL, NULL);
        return ngx_http_jimeng_refuse(r, &e);
    }

    return ngx_http_jimeng_read(r);
}


static ngx_int_t
ngx_http_jimeng_edits(ngx_http_request_t *r, ngx_str_t *name)
{
    jm_error_t              e;
    ngx_http_jimeng_ctx_t  *ctx;

    ctx = ngx_http_jimeng_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->edit = 1;
    ctx->form = ngx_http_jimeng_is_type(r, &ngx_http_jimeng_form);

    if (!ctx->form && !ngx_http_jimeng_is_type(r, &ngx_http_jimeng_json)) {
        jm_error_set(&e, JM_CAUSE_MEDIA_TYPE, NULL,
                     "The request body must be a form or JSON; send it with "
                     "\"Content-Type: multipart/form-data\" or "
                     "\"application/json\".");
        return ngx_http_jimeng_refuse(r, &e);
    }

    return ngx_http_jimeng_read(r);
}


/*
 * A compressed body is refused: it could be of any size, and nginx does not
 * decompress requests.
 */

static ngx_int_t
ngx_http_jimeng_read(ngx_http_request_t *r)
{
    ngx_str_t   *coding;
    jm_error_t   e;
    ngx_uint_t   n;

    coding = ngx_http_jimeng_header(&r->headers_in.headers,
                                    "Content-Encoding", &n);

    if (n > 1
        || (n == 1 && coding->len != 0
            && (coding->len != sizeof("identity") - 1
                || ngx_strncasecmp(coding->data, (u_char *) "identity",
                                   sizeof("identity") - 1)
                   != 0)))
    {
        jm_error_set(&e, JM_CAUSE_MEDIA_TYPE, NULL,
                     "The request body must not be compressed; send it as it "
                     "is, without \"Content-Encoding\".");
        return ngx_http_jimeng_refuse(r, &e);
    }

    return ngx_http_jimeng_images_read(r);
}


static ngx_uint_t
ngx_http_jimeng_is_type(ngx_http_request_t *r, ngx_str_t *type)
{
    u_char           *p, *last;
    ngx_table_elt_t  *h;

    h = r->headers_in.content_type;

    if (h == NULL || h->value.len < type->len
        || ngx_strncasecmp(h->value.data, type->data, type->len) != 0)
    {
        return 0;
    }

    p = h->value.data + type->len;
    last = h->value.data + h->value.len;

    while (p < last && (*p == ' ' || *p == '\t')) {
        p++;
    }

    return p == last || *p == ';';
}


char *
ngx_http_jimeng_pass(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_jimeng_loc_conf_t *jlcf = conf;

    ngx_str_t                 *value;
    ngx_http_core_loc_conf_t  *clcf;

    if (jlcf->uri.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (value[1].len == 0 || value[1].data[0] != '/'
        || ngx_strlchr(value[1].data, value[1].data + value[1].len, '?'))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"jimeng_pass\" takes the URI of an internal "
                           "location, as \"/_volcengine\", not \"%V\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_jimeng_handler;

    jlcf->uri = value[1];

    return NGX_CONF_OK;
}


/* "limit_except" inherits a location's configuration, and not its handler */

void
ngx_http_jimeng_handler_merge(ngx_conf_t *cf, ngx_http_jimeng_loc_conf_t *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (conf->uri.data && clcf->lmt_excpt && clcf->handler == NULL) {
        clcf->handler = ngx_http_jimeng_handler;
    }
}
