
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_base.h"

#include <openssl/rand.h>


/*
 * A few random bytes for what must not come twice and is no secret: ids and
 * nonces.  OpenSSL's generator takes hardly less time for a few than for a
 * thousand, so there is a stock.  A process that was forked leaves that of its
 * parent.
 */

ngx_int_t
ngx_http_jimeng_random(u_char *dst, size_t len, ngx_log_t *log)
{
    static u_char     stock[1024];
    static size_t     left;
    static ngx_pid_t  owner;

    if (left < len || owner != ngx_pid) {

        if (RAND_bytes(stock, sizeof(stock)) != 1) {
            ngx_log_error(NGX_LOG_ERR, log, 0,
                          "jimeng: OpenSSL has no random numbers");
            return NGX_ERROR;
        }

        left = sizeof(stock);
        owner = ngx_pid;
    }

    left -= len;
    ngx_memcpy(dst, stock + left, len);

    return NGX_OK;
}
