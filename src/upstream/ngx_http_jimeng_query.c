
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_upstream.h"


/*
 * Makes the body of a query for the task of this id.  form is the JSON that
 * says how its result is to come: as URLs or as data, with which watermark.
 */

ngx_int_t
ngx_http_jimeng_query(ngx_pool_t *pool, ngx_str_t *req_key, ngx_str_t *id,
    ngx_str_t *form, ngx_http_jimeng_payload_t *body)
{
    jm_buf_t  b;
    jm_mem_t  mem;
    jm_str_t  key, task_id, req_json;

    ngx_http_jimeng_str(&key, req_key);

    ngx_http_jimeng_str(&task_id, id);

    ngx_http_jimeng_str(&req_json, form);

    ngx_http_jimeng_mem(&mem, pool);
    jm_buf_init(&b, &mem, 256, JM_VISUAL_QUERY_BODY + 6 * key.len);

    if (jm_visual_query(&b, key, task_id, req_json) != JM_OK) {
        return NGX_ERROR;
    }

    ngx_http_jimeng_str(&body->text, &b);
    body->file = NULL;
    body->len = b.len;
    body->hashed = 0;

    return NGX_OK;
}
