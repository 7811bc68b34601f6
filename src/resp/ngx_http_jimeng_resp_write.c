
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_resp.h"


/* commands that are sent with one call of the system */

#define NGX_HTTP_JIMENG_RESP_CHAIN  32


static ngx_chain_t *ngx_http_jimeng_resp_chain(ngx_http_jimeng_resp_t *resp,
    ngx_chain_t *cl, ngx_buf_t *b);
static void ngx_http_jimeng_resp_written(ngx_http_jimeng_resp_t *resp,
    off_t n);


/* not much more than a socket's buffer takes at a time: it is not bounded */

ngx_int_t
ngx_http_jimeng_resp_write(ngx_http_jimeng_resp_t *resp)
{
    off_t              sent;
    ngx_buf_t          bufs[NGX_HTTP_JIMENG_RESP_CHAIN];
    ngx_chain_t        chain[NGX_HTTP_JIMENG_RESP_CHAIN];
    ngx_connection_t  *c;

    c = resp->peer.connection;

    while (c->write->ready && !ngx_queue_empty(&resp->out)) {

        sent = c->sent;

        ngx_set_socket_errno(0);

        if (c->send_chain(c, ngx_http_jimeng_resp_chain(resp, chain, bufs), 0)
            == NGX_CHAIN_ERROR)
        {
            return NGX_ERROR;
        }

        ngx_http_jimeng_resp_written(resp, c->sent - sent);
    }

    return ngx_handle_write_event(c->write, 0);
}


static ngx_chain_t *
ngx_http_jimeng_resp_chain(ngx_http_jimeng_resp_t *resp, ngx_chain_t *cl,
    ngx_buf_t *b)
{
    ngx_uint_t                       n;
    ngx_queue_t                     *q;
    ngx_http_jimeng_resp_command_t  *command;

    n = 0;

    for (q = ngx_queue_head(&resp->out);
         q != ngx_queue_sentinel(&resp->out) && n < NGX_HTTP_JIMENG_RESP_CHAIN;
         q = ngx_queue_next(q))
    {
        command = ngx_http_jimeng_resp_get(q);

        ngx_memzero(&b[n], sizeof(ngx_buf_t));

        b[n].start = ngx_http_jimeng_resp_bytes(command);
        b[n].end = b[n].start + command->len;
        b[n].pos = b[n].start + command->sent;
        b[n].last = b[n].end;
        b[n].memory = 1;

        cl[n].buf = &b[n];
        cl[n].next = NULL;

        if (n) {
            cl[n - 1].next = &cl[n];
        }

        n++;
    }

    return cl;
}


static void
ngx_http_jimeng_resp_written(ngx_http_jimeng_resp_t *resp, off_t n)
{
    size_t                           left;
    ngx_queue_t                     *q;
    ngx_http_jimeng_resp_command_t  *command;

    while (n) {
        q = ngx_queue_head(&resp->out);
        command = ngx_http_jimeng_resp_get(q);

        left = command->len - command->sent;

        if (n < (off_t) left) {
            command->sent += (size_t) n;
            return;
        }

        n -= left;
        command->sent = command->len;

        ngx_queue_remove(q);
        ngx_queue_insert_tail(&resp->asked, q);
    }
}
