
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_endpoint.h"


static void ngx_http_jimeng_retrieve_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_jimeng_retrieve_order(ngx_http_request_t *r,
    ngx_str_t *name, ngx_http_jimeng_order_t *order, jm_error_t *e);
static ngx_http_jimeng_account_t *ngx_http_jimeng_retrieve_account(
    ngx_http_request_t *r, jm_ticket_t *t);
static ngx_int_t ngx_http_jimeng_retrieve_ticket(ngx_http_request_t *r,
    jm_ticket_t *t, ngx_http_jimeng_order_t *order);
static ngx_int_t ngx_http_jimeng_retrieve_args(ngx_http_request_t *r,
    jm_ticket_t *t, ngx_http_jimeng_order_t *order, jm_error_t *e);
static ngx_int_t ngx_http_jimeng_retrieve_arg(ngx_http_request_t *r,
    const char *name, ngx_str_t *value);
static ngx_int_t ngx_http_jimeng_retrieve_form(ngx_http_request_t *r,
    jm_ticket_t *t, ngx_http_jimeng_order_t *order);


/*
 * All that is needed to ask for the tasks of a request is in the id that its
 * client got: a job that submits nothing joins them.
 */

ngx_int_t
ngx_http_jimeng_retrieve(ngx_http_request_t *r, ngx_str_t *name)
{
    ngx_int_t                 rc;
    jm_error_t                e;
    ngx_http_jimeng_ctx_t    *ctx;
    ngx_http_jimeng_order_t  *order;

    ctx = ngx_http_jimeng_ctx(r);
    order = ngx_pcalloc(r->pool, sizeof(ngx_http_jimeng_order_t));

    if (ctx == NULL || order == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_jimeng_retrieve_order(r, name, order, &e);

    if (rc == NGX_DECLINED) {
        return ngx_http_jimeng_refuse(r, &e);
    }

    if (rc != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->order = order;
    ctx->model = order->req_key;

    if (r->method == NGX_HTTP_DELETE) {
        return ngx_http_jimeng_cancel(r, order);
    }

    /* a body that is not read would look like the client's next request */

    rc = ngx_http_read_client_request_body(r,
                                           ngx_http_jimeng_retrieve_handler);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    return NGX_DONE;
}


static void
ngx_http_jimeng_retrieve_handler(ngx_http_request_t *r)
{
    ngx_http_jimeng_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_jimeng_module);

    if (ngx_http_jimeng_job_start(r, ctx->order, NULL) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
    }
}


/* unseals an id, and reads the arguments.  NGX_DECLINED: *e says why not */

static ngx_int_t
ngx_http_jimeng_retrieve_order(ngx_http_request_t *r, ngx_str_t *name,
    ngx_http_jimeng_order_t *order, jm_error_t *e)
{
    jm_str_t     owner;
    ngx_int_t    rc;
    jm_ticket_t  t;

    rc = ngx_http_jimeng_ticket_unseal(r, name, &t);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    ngx_http_jimeng_owner(r, &owner);

    if (rc == NGX_OK && jm_ticket_owned(&t, owner)) {
        order->account = ngx_http_jimeng_retrieve_account(r, &t);
    }

    if (order->account == NULL) {
        jm_error_set(e, JM_CAUSE_TASK_NOT_FOUND, NULL, NULL);
        return NGX_DECLINED;
    }

    order->task_id = *name;
    order->provider = order->account->provider;

    if (ngx_http_jimeng_retrieve_ticket(r, &t, order) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_jimeng_retrieve_args(r, &t, order, e);
}


/* NULL: there is none, or the task is too old for it to know */

static ngx_http_jimeng_account_t *
ngx_http_jimeng_retrieve_account(ngx_http_request_t *r, jm_ticket_t *t)
{
    time_t                        age;
    ngx_str_t                     name;
    ngx_http_jimeng_account_t    *account;
    ngx_http_jimeng_main_conf_t  *jmcf;

    jmcf = ngx_http_get_module_main_conf(r, ngx_http_jimeng_module);

    name.len = t->account.len;
    name.data = (u_char *) t->account.data;

    account = ngx_http_jimeng_account_find(&jmcf->accounts, &name);

    if (account == NULL) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "jimeng: a task was asked for whose account \"%V\" is "
                      "not configured any more", &name);
        return NULL;
    }

    /* what Ark has made is kept here for as long as its links live */

    age = (account->provider == JM_PROVIDER_ARK) ? JM_TICKET_ARK_AGE
                                                 : JM_TICKET_AGE;

    return ngx_time() - t->created <= age ? account : NULL;
}


/* the order that the id is of, less what only a submit needs */

static ngx_int_t
ngx_http_jimeng_retrieve_ticket(ngx_http_request_t *r, jm_ticket_t *t,
    ngx_http_jimeng_order_t *order)
{
    ngx_uint_t                   i;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);

    order->ids = ngx_palloc(r->pool, t->n * sizeof(ngx_str_t));
    if (order->ids == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < t->n; i++) {
        order->ids[i].len = t->ids[i].len;
        order->ids[i].data = (u_char *) t->ids[i].data;
    }

    order->n = (uint32_t) t->n;
    order->created = (time_t) t->created;
    order->entry = t->entry;
    order->look.size = t->size;
    order->look.quality = t->quality;
    order->look.type = t->jpeg ? JM_PICTURE_JPEG : JM_PICTURE_PNG;
    order->gpt = t->gpt;
    order->max_images = t->max_images;

    order->req_key.len = t->req_key.len;
    order->req_key.data = (u_char *) t->req_key.data;
    order->price = jm_model_price(&jlcf->table, t->req_key);

    order->req_json.len = t->req_json.len;
    order->req_json.data = (u_char *) t->req_json.data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_jimeng_retrieve_args(ngx_http_request_t *r, jm_ticket_t *t,
    ngx_http_jimeng_order_t *order, jm_error_t *e)
{
    ngx_int_t                    rc, wait;
    ngx_str_t                    value;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    rc = ngx_http_jimeng_retrieve_arg(r, "response_format", &value);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_OK) {
        t->b64 = (value.len == 8 && ngx_memcmp(value.data, "b64_json", 8) == 0);

        if (!t->b64 && (value.len != 3
                        || ngx_memcmp(value.data, "url", 3) != 0))
        {
            jm_error_set(e, JM_CAUSE_INVALID_REQUEST, "response_format",
                         "The argument \"response_format\" must be \"url\" "
                         "or \"b64_json\".");
            return NGX_DECLINED;
        }

        jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);

        if (t->b64 && order->provider == JM_PROVIDER_ARK
            && jlcf->links->base.len == 0)
        {
            jm_error_set(e, JM_CAUSE_INVALID_REQUEST, "response_format",
                         "The pictures of this model are links here, and no "
                         "data; leave the argument \"response_format\" out.");
            return NGX_DECLINED;
        }
    }

    rc = ngx_http_jimeng_retrieve_arg(r, "wait", &value);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_OK) {
        jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);

        wait = ngx_parse_time(&value, 0);

        if (wait == NGX_ERROR || (ngx_msec_t) wait > jlcf->timeout) {
            jm_error_set(e, JM_CAUSE_INVALID_REQUEST, "wait",
                         "The argument \"wait\" must be a time such as "
                         "\"20s\", of at most %lums.",
                         (unsigned long) jlcf->timeout);
            return NGX_DECLINED;
        }

        order->wait = wait;
    }

    return t->b64 ? ngx_http_jimeng_retrieve_form(r, t, order) : NGX_OK;
}


/* an argument of the URI, unescaped.  NGX_DECLINED: it is not there */

static ngx_int_t
ngx_http_jimeng_retrieve_arg(ngx_http_request_t *r, const char *name,
    ngx_str_t *value)
{
    u_char  *dst, *src;

    if (ngx_http_arg(r, (u_char *) name, ngx_strlen(name), value) != NGX_OK) {
        return NGX_DECLINED;
    }

    dst = ngx_pnalloc(r->pool, value->len);
    if (dst == NULL) {
        return NGX_ERROR;
    }

    src = value->data;
    value->data = dst;

    ngx_unescape_uri(&dst, &src, value->len, 0);

    value->len = dst - value->data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_jimeng_retrieve_form(ngx_http_request_t *r, jm_ticket_t *t,
    ngx_http_jimeng_order_t *order)
{
    jm_buf_t  b;
    jm_mem_t  mem;

    ngx_http_jimeng_mem(&mem, r->pool);
    jm_buf_init(&b, &mem, t->req_json.len + 1, JM_VISUAL_REQ_JSON);

    if (jm_ticket_data_json(&b, t) != JM_OK) {
        return NGX_ERROR;
    }

    ngx_http_jimeng_str(&order->data_json, &b);

    return NGX_OK;
}
