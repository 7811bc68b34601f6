
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng.h"


/* a submit's body: a prompt, some URLs, each escaped */

#define NGX_HTTP_JIMENG_SUBMIT_MAX  1048576


/*
 * A path is what a URI ends in: the API may have any prefix, "/v1", "/api/v1",
 * or what a regex matches.  Where it ends in a slash, a name follows, which
 * may have slashes of its own.
 */

typedef struct {
    ngx_str_t   path;
    ngx_uint_t  methods;
    ngx_str_t   allow;      /* the same, as a header */
    ngx_int_t (*handler)(ngx_http_request_t *r, ngx_str_t *name);
} ngx_http_jimeng_route_t;


static ngx_http_jimeng_route_t *ngx_http_jimeng_route(ngx_str_t *uri,
    ngx_str_t *name);
static ngx_uint_t ngx_http_jimeng_route_match(ngx_str_t *path, ngx_str_t *uri,
    ngx_str_t *name);
static ngx_int_t ngx_http_jimeng_not_allowed(ngx_http_request_t *r,
    ngx_http_jimeng_route_t *route);
static ngx_int_t ngx_http_jimeng_generations(ngx_http_request_t *r,
    ngx_str_t *name);
static ngx_uint_t ngx_http_jimeng_is_json(ngx_http_request_t *r);
static void ngx_http_jimeng_body_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_jimeng_read_order(ngx_http_request_t *r,
    ngx_pool_t *pool, ngx_http_jimeng_order_t *order, jm_error_t *e);
static ngx_int_t ngx_http_jimeng_make_order(ngx_http_request_t *r,
    jm_request_t *request, size_t size, ngx_http_jimeng_order_t *order);
static ngx_int_t ngx_http_jimeng_form(ngx_http_request_t *r,
    jm_request_t *request, ngx_uint_t urls, ngx_str_t *text);


static ngx_http_jimeng_route_t  ngx_http_jimeng_routes[] = {

    { ngx_string("/images/generations"),
      NGX_HTTP_POST,
      ngx_string("POST"),
      ngx_http_jimeng_generations },

    { ngx_string("/models"),
      NGX_HTTP_GET|NGX_HTTP_HEAD,
      ngx_string("GET, HEAD"),
      ngx_http_jimeng_models },

    { ngx_string("/models/"),
      NGX_HTTP_GET|NGX_HTTP_HEAD,
      ngx_string("GET, HEAD"),
      ngx_http_jimeng_models },

    { ngx_null_string, 0, ngx_null_string, NULL }
};


ngx_int_t
ngx_http_jimeng_handler(ngx_http_request_t *r)
{
    ngx_str_t                 name;
    jm_error_t                e;
    ngx_http_jimeng_route_t  *route;

    if (r != r->main) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "jimeng: \"jimeng_pass\" serves requests of clients, "
                      "not subrequests such as \"%V\"", &r->uri);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    route = ngx_http_jimeng_route(&r->uri, &name);

    if (route == NULL) {
        jm_error_set(&e, JM_CAUSE_NOT_FOUND, NULL, NULL);
        return ngx_http_jimeng_refuse(r, &e);
    }

    if (!(r->method & route->methods)) {
        return ngx_http_jimeng_not_allowed(r, route);
    }

    return route->handler(r, &name);
}


static ngx_http_jimeng_route_t *
ngx_http_jimeng_route(ngx_str_t *uri, ngx_str_t *name)
{
    ngx_http_jimeng_route_t  *route;

    for (route = ngx_http_jimeng_routes; route->path.len; route++) {

        if (ngx_http_jimeng_route_match(&route->path, uri, name)) {
            return route;
        }
    }

    return NULL;
}


static ngx_uint_t
ngx_http_jimeng_route_match(ngx_str_t *path, ngx_str_t *uri, ngx_str_t *name)
{
    u_char      *p;
    ngx_uint_t   named;

    if (uri->len < path->len) {
        return 0;
    }

    named = (path->data[path->len - 1] == '/');
    p = uri->data + uri->len - path->len;

    /* of several such paths the last is it, the others are the prefix */

    while (ngx_memcmp(p, path->data, path->len) != 0) {

        if (!named || p == uri->data) {
            return 0;
        }

        p--;
    }

    name->data = p + path->len;
    name->len = uri->data + uri->len - name->data;

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


ngx_int_t
ngx_http_jimeng_refuse(ngx_http_request_t *r, jm_error_t *e)
{
    jm_str_t   none = jm_null_string;
    ngx_int_t  rc;

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_http_jimeng_send_error(r, e, none);
}


static ngx_int_t
ngx_http_jimeng_generations(ngx_http_request_t *r, ngx_str_t *name)
{
    ngx_int_t   rc;
    jm_error_t  e;

    if (!ngx_http_jimeng_is_json(r)) {
        jm_error_set(&e, JM_CAUSE_MEDIA_TYPE, NULL, NULL);
        return ngx_http_jimeng_refuse(r, &e);
    }

    r->request_body_in_single_buf = 1;

    rc = ngx_http_read_client_request_body(r, ngx_http_jimeng_body_handler);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    return NGX_DONE;
}


static ngx_uint_t
ngx_http_jimeng_is_json(ngx_http_request_t *r)
{
    u_char            *p, *last;
    ngx_table_elt_t   *type;
    static ngx_str_t   json = ngx_string("application/json");

    type = r->headers_in.content_type;

    if (type == NULL || type->value.len < json.len
        || ngx_strncasecmp(type->value.data, json.data, json.len) != 0)
    {
        return 0;
    }

    p = type->value.data + json.len;
    last = type->value.data + type->value.len;

    while (p < last && (*p == ' ' || *p == '\t')) {
        p++;
    }

    return p == last || *p == ';';
}


static void
ngx_http_jimeng_body_handler(ngx_http_request_t *r)
{
    jm_str_t                  none = jm_null_string;
    ngx_int_t                 rc;
    jm_error_t                e;
    ngx_pool_t               *pool;
    ngx_http_jimeng_order_t   order;

    /* what is read from the body lives until the order is made of it */

    pool = ngx_create_pool(4096, r->connection->log);
    if (pool == NULL) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    rc = ngx_http_jimeng_read_order(r, pool, &order, &e);

    ngx_destroy_pool(pool);

    if (rc == NGX_DECLINED) {
        ngx_http_finalize_request(r, ngx_http_jimeng_send_error(r, &e, none));
        return;
    }

    if (rc == NGX_ERROR || ngx_http_jimeng_job_start(r, &order) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
    }
}


static ngx_int_t
ngx_http_jimeng_read_order(ngx_http_request_t *r, ngx_pool_t *pool,
    ngx_http_jimeng_order_t *order, jm_error_t *e)
{
    jm_rc_e                      rc;
    jm_mem_t                     mem;
    ngx_int_t                    done;
    jm_rules_t                   rules;
    jm_request_t                 request;
    ngx_http_jimeng_body_t       body;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);

    rules.models = &jlcf->table;
    rules.default_model.len = jlcf->default_model.len;
    rules.default_model.data = jlcf->default_model.data;
    rules.max_prompt = jlcf->max_prompt;
    rules.strict_size = (jlcf->size == NGX_HTTP_JIMENG_SIZE_STRICT);
    rules.edit = 0;
    rules.upload = 0;
    rules.skeleton = NULL;

    if (ngx_http_jimeng_body_open(r, &body) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_jimeng_mem(&mem, pool);

    rc = jm_request_read(&request, body.text, &rules, &mem, e);

    switch (rc) {

    case JM_OK:
        done = ngx_http_jimeng_make_order(r, &request, body.text.len, order);
        break;

    case JM_INVALID:
        done = NGX_DECLINED;
        break;

    default:
        done = NGX_ERROR;
    }

    ngx_http_jimeng_body_close(&body);

    return done;
}


static ngx_int_t
ngx_http_jimeng_make_order(ngx_http_request_t *r, jm_request_t *request,
    size_t size, ngx_http_jimeng_order_t *order)
{
    jm_buf_t  b;
    jm_mem_t  mem;

    ngx_http_jimeng_mem(&mem, r->pool);

    /* a guess that is seldom too small; the buffer grows when it is */

    jm_buf_init(&b, &mem, ngx_min(size, 4096) + 128,
                NGX_HTTP_JIMENG_SUBMIT_MAX);

    if (jm_visual_submit(&b, request, NULL) != JM_OK) {
        return NGX_ERROR;
    }

    ngx_str_null(&order->data_json);

    if (ngx_http_jimeng_form(r, request, 1, &order->req_json) != NGX_OK
        || (request->b64
            && ngx_http_jimeng_form(r, request, 0, &order->data_json)
               != NGX_OK))
    {
        return NGX_ERROR;
    }

    order->submit.len = b.len;
    order->submit.data = b.data;

    /* of the model table, which outlives the request */

    order->req_key.len = request->model->req_key.len;
    order->req_key.data = (u_char *) request->model->req_key.data;

    order->stream = request->stream;
    order->edit = 0;
    order->size = request->size;
    order->n = request->n;
    order->retries = request->retries;
    order->max_images = request->max_images;
    order->ignored = request->ignored;

    return NGX_OK;
}


/* what a query says of the form of the result */

static ngx_int_t
ngx_http_jimeng_form(ngx_http_request_t *r, jm_request_t *request,
    ngx_uint_t urls, ngx_str_t *text)
{
    jm_buf_t  b;
    jm_mem_t  mem;

    ngx_http_jimeng_mem(&mem, r->pool);
    jm_buf_init(&b, &mem, 64, JM_VISUAL_REQ_JSON);

    if (jm_visual_req_json(&b, request, urls ? 1 : 0) != JM_OK) {
        return NGX_ERROR;
    }

    text->len = b.len;
    text->data = b.data;

    return NGX_OK;
}


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
