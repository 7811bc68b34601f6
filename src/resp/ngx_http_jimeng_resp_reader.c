
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_resp.h"


/*
 * A length is a claim.  Of a string hiredis allocates nothing before all of it
 * has come, but of an array it does, and newer versions have no end of depth,
 * though what frees a reply calls itself.
 */

#define NGX_HTTP_JIMENG_RESP_ELEMENTS  262144
#define NGX_HTTP_JIMENG_RESP_DEPTH     8


#if (HIREDIS_MAJOR < 1)
typedef int     ngx_http_jimeng_resp_count_t;
#else
typedef size_t  ngx_http_jimeng_resp_count_t;
#endif


static void *ngx_http_jimeng_resp_array(const redisReadTask *task,
    ngx_http_jimeng_resp_count_t n);


static redisReplyObjectFunctions  ngx_http_jimeng_resp_hiredis;
static redisReplyObjectFunctions  ngx_http_jimeng_resp_capped;


/* returns NULL when there is no memory */

redisReader *
ngx_http_jimeng_resp_reader(void)
{
    redisReader  *reader;

    reader = redisReaderCreate();
    if (reader == NULL) {
        return NULL;
    }

    ngx_http_jimeng_resp_hiredis = *reader->fn;

    ngx_http_jimeng_resp_capped = ngx_http_jimeng_resp_hiredis;
    ngx_http_jimeng_resp_capped.createArray = ngx_http_jimeng_resp_array;

    reader->fn = &ngx_http_jimeng_resp_capped;

    return reader;
}


/* no memory is what hiredis knows as a reason to give up */

static void *
ngx_http_jimeng_resp_array(const redisReadTask *task,
    ngx_http_jimeng_resp_count_t n)
{
    ngx_uint_t            depth;
    const redisReadTask  *t;

    if (n > NGX_HTTP_JIMENG_RESP_ELEMENTS) {
        return NULL;
    }

    depth = 0;

    for (t = task->parent; t; t = t->parent) {
        if (++depth == NGX_HTTP_JIMENG_RESP_DEPTH) {
            return NULL;
        }
    }

    return ngx_http_jimeng_resp_hiredis.createArray(task, n);
}
