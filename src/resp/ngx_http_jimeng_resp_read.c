
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_resp.h"


#define NGX_HTTP_JIMENG_RESP_PIECE   16384

/* pieces that are read before other connections have their turn */

#define NGX_HTTP_JIMENG_RESP_PIECES  16

/* bytes of a reply */

#define NGX_HTTP_JIMENG_RESP_REPLY   ((size_t) 4 * 1024 * 1024)


static ngx_int_t ngx_http_jimeng_resp_feed(ngx_http_jimeng_resp_t *resp,
    const u_char *buf, size_t len);


ngx_int_t
ngx_http_jimeng_resp_read(ngx_http_jimeng_resp_t *resp)
{
    ssize_t            n;
    ngx_uint_t         i;
    ngx_connection_t  *c;

    static u_char      buf[NGX_HTTP_JIMENG_RESP_PIECE];

    c = resp->peer.connection;

    for (i = 0; i < NGX_HTTP_JIMENG_RESP_PIECES; i++) {

        ngx_set_socket_errno(0);

        n = c->recv(c, buf, NGX_HTTP_JIMENG_RESP_PIECE);

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == 0) {
            resp->lost(resp, 0, 0, "it closed the connection");
            return NGX_ERROR;
        }

        if (n < 0) {
            resp->lost(resp, 0, ngx_socket_errno,
                       resp->connected ? "the connection broke"
                                       : "there is no connection to it");
            return NGX_ERROR;
        }

        if (ngx_http_jimeng_resp_feed(resp, buf, (size_t) n) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (i == NGX_HTTP_JIMENG_RESP_PIECES) {
        ngx_post_event(c->read, &ngx_posted_next_events);
    }

    return ngx_handle_read_event(c->read, 0);
}


static ngx_int_t
ngx_http_jimeng_resp_feed(ngx_http_jimeng_resp_t *resp, const u_char *buf,
    size_t len)
{
    void         *reply;
    redisReader  *reader;

    reader = resp->reader;

    if (redisReaderFeed(reader, (const char *) buf, len) != REDIS_OK) {
        goto garbage;
    }

    resp->unread += len;

    for ( ;; ) {

        if (redisReaderGetReply(reader, &reply) != REDIS_OK) {
            goto garbage;
        }

        if (reply == NULL) {
            break;
        }

        resp->unread = reader->len - reader->pos;

        if (resp->reply(resp, reply) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (resp->unread > NGX_HTTP_JIMENG_RESP_REPLY) {
        goto garbage;
    }

    return NGX_OK;

garbage:

    resp->lost(resp, 1, 0, "");

    return NGX_ERROR;
}
