
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_endpoint.h"


typedef struct {
    ngx_http_request_t         *request;
    ngx_http_jimeng_order_t    *order;
    jm_op_cancel_t              op;
    ngx_http_jimeng_await_t     await;
} ngx_http_jimeng_cancel_t;


static void ngx_http_jimeng_canceled(void *data);
static ngx_int_t ngx_http_jimeng_cancel_reply(ngx_http_jimeng_cancel_t *c);


/*
 * Takes those tasks of an order out of the queue that wait there.  What is
 * submitted cannot be stopped, and is billed: it is followed to its end.
 */

ngx_int_t
ngx_http_jimeng_cancel(ngx_http_request_t *r, ngx_http_jimeng_order_t *order)
{
    ngx_int_t                  rc;
    ngx_http_jimeng_zone_t    *zone;
    ngx_http_jimeng_cancel_t  *c;

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    c = ngx_pcalloc(r->pool, sizeof(ngx_http_jimeng_cancel_t));
    if (c == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    c->request = r;
    c->order = order;

    zone = ngx_http_jimeng_zone_get(r);

    /* without a ledger all that has an id is submitted */

    if (zone == NULL || order->entry == 0) {
        return ngx_http_jimeng_cancel_reply(c);
    }

    ngx_http_jimeng_await_init(&c->await, r, NULL);
    ngx_http_jimeng_await(&c->await, &c->op.done, ngx_http_jimeng_canceled, c);

    c->op.entry = order->entry;
    c->op.n = order->n;

    r->main->count++;

    zone->backend.cancel(&zone->backend, &c->op);

    ngx_http_jimeng_awaited(&c->await);

    return NGX_DONE;
}


static void
ngx_http_jimeng_canceled(void *data)
{
    ngx_http_jimeng_cancel_t *c = data;

    ngx_log_error(NGX_LOG_INFO, c->request->connection->log, 0,
                  "jimeng: a request was canceled by its client: %ui of its "
                  "tasks are not submitted, %ui were",
                  (ngx_uint_t) c->op.canceled, (ngx_uint_t) c->op.running);

    if (!c->await.torn) {
        ngx_http_finalize_request(c->request, ngx_http_jimeng_cancel_reply(c));
    }
}


static ngx_int_t
ngx_http_jimeng_cancel_reply(ngx_http_jimeng_cancel_t *c)
{
    jm_buf_t             out;
    jm_mem_t             mem;
    ngx_str_t            text;
    jm_error_t           e;
    jm_result_t          result;
    jm_standing_t        standing;
    ngx_http_request_t  *r;

    r = c->request;

    if (c->op.away) {
        ngx_http_jimeng_away(&e);

        return ngx_http_jimeng_refuse(r, &e);
    }

    if (c->op.canceled == 0) {
        jm_error_set(&e, JM_CAUSE_TASK_RUNNING, NULL, NULL);

        return ngx_http_jimeng_refuse(r, &e);
    }

    jm_error_set(&e, JM_CAUSE_CANCELED, NULL, NULL);

    ngx_memzero(&result, sizeof(jm_result_t));
    ngx_memzero(&standing, sizeof(jm_standing_t));

    result.created = c->order->created;
    ngx_http_jimeng_str(&result.model, &c->order->req_key);
    ngx_http_jimeng_str(&result.task_id, &c->order->task_id);

    standing.status = c->op.running ? JM_STATUS_RUNNING : JM_STATUS_FAILED;

    ngx_http_jimeng_mem(&mem, r->pool);
    jm_buf_init(&out, &mem, 512, NGX_MAX_SIZE_T_VALUE);

    if (jm_reply_status(&out, &result, &standing, &e) != JM_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_jimeng_str(&text, &out);

    return ngx_http_jimeng_send_json(r, NGX_HTTP_OK, &text);
}
