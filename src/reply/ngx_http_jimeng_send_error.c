
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_reply.h"


/* bytes of an error, with the id of its task: enough for any escaping */

#define NGX_HTTP_JIMENG_ERROR_MAX  65536


ngx_int_t
ngx_http_jimeng_send_error(ngx_http_request_t *r, const jm_error_t *e,
    jm_str_t task_id)
{
    ngx_str_t  text;

    if (ngx_http_jimeng_error_text(r, e, task_id, &text) != NGX_OK
        || ngx_http_jimeng_error_headers(r, e) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_jimeng_send_json(r, jm_cause(e->cause)->status, &text);
}


/* replies with an error, before the request's body was read */

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


/* makes an error's body, and notes for the log and counters what was told */

ngx_int_t
ngx_http_jimeng_error_text(ngx_http_request_t *r, const jm_error_t *e,
    jm_str_t task_id, ngx_str_t *text)
{
    jm_buf_t  out;
    jm_mem_t  mem;

    ngx_http_jimeng_mem(&mem, r->pool);
    jm_buf_init(&out, &mem, 512, NGX_HTTP_JIMENG_ERROR_MAX);

    if (jm_reply_error(&out, e, task_id) != JM_OK) {
        return NGX_ERROR;
    }

    text->len = out.len;
    text->data = out.data;

    ngx_http_jimeng_told(r, e->cause);

    return NGX_OK;
}


/* says when to try again, or not to */

ngx_int_t
ngx_http_jimeng_error_headers(ngx_http_request_t *r, const jm_error_t *e)
{
    u_char      *p;
    ngx_uint_t   after;

    if (e->no_retry
        && ngx_http_jimeng_reply_header(r, "x-should-retry",
                                        (u_char *) "false", 5)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    after = e->retry_after;

    if (after == 0 && !e->no_retry) {
        after = jm_cause(e->cause)->retry_after;
    }

    if (after == 0) {
        return NGX_OK;
    }

    after = ngx_min(after, JM_ERROR_RETRY_MAX);

    p = ngx_pnalloc(r->pool, NGX_INT_T_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_jimeng_reply_header(r, "Retry-After", p,
                                        ngx_sprintf(p, "%ui", after) - p);
}
