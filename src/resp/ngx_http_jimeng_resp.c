
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_resp.h"


static void ngx_http_jimeng_resp_read_handler(ngx_event_t *rev);
static void ngx_http_jimeng_resp_write_handler(ngx_event_t *wev);
static ngx_err_t ngx_http_jimeng_resp_error(ngx_connection_t *c);


void
ngx_http_jimeng_resp_init(ngx_http_jimeng_resp_t *resp, ngx_log_t *log)
{
    ngx_queue_init(&resp->out);
    ngx_queue_init(&resp->asked);

    /* what happens to a connection is told once, by its owner */

    resp->log = *log;
    resp->log.log_level = ngx_min(log->log_level, NGX_LOG_ALERT);

    resp->peer.log = &resp->log;
    resp->peer.log_error = NGX_ERROR_INFO;
    resp->peer.get = ngx_event_get_peer;
}


/* opened(), or lost() that may be called before this returns */

void
ngx_http_jimeng_resp_open(ngx_http_jimeng_resp_t *resp, ngx_addr_t *addr)
{
    ngx_int_t          rc;
    ngx_connection_t  *c;

    resp->peer.sockaddr = addr->sockaddr;
    resp->peer.socklen = addr->socklen;
    resp->peer.name = &addr->name;

    resp->connected = 0;
    resp->unread = 0;

    resp->reader = ngx_http_jimeng_resp_reader();

    if (resp->reader == NULL) {
        resp->lost(resp, 0, NGX_ENOMEM, "there is no connection to it");
        return;
    }

    ngx_set_socket_errno(0);

    rc = ngx_event_connect_peer(&resp->peer);

    if (rc != NGX_OK && rc != NGX_AGAIN) {
        resp->lost(resp, 0, ngx_socket_errno, "there is no connection to it");
        return;
    }

    c = resp->peer.connection;

    c->data = resp;
    c->read->handler = ngx_http_jimeng_resp_read_handler;
    c->write->handler = ngx_http_jimeng_resp_write_handler;

    if (rc == NGX_OK) {
        ngx_post_event(c->write, &ngx_posted_events);
    }
}


static void
ngx_http_jimeng_resp_read_handler(ngx_event_t *rev)
{
    ngx_connection_t  *c;

    c = rev->data;

    (void) ngx_http_jimeng_resp_read(c->data);
}


static void
ngx_http_jimeng_resp_write_handler(ngx_event_t *wev)
{
    ngx_err_t                err;
    ngx_connection_t        *c;
    ngx_http_jimeng_resp_t  *resp;

    c = wev->data;
    resp = c->data;

    if (!resp->connected) {
        err = ngx_http_jimeng_resp_error(c);

        if (err) {
            resp->lost(resp, 0, err, "there is no connection to it");
            return;
        }

        resp->connected = 1;

        /* commands are small, and each is waited for */

        if (c->tcp_nodelay == NGX_TCP_NODELAY_UNSET
            && ngx_tcp_nodelay(c) != NGX_OK)
        {
            resp->lost(resp, 0, ngx_socket_errno, "the connection broke");
            return;
        }

        resp->opened(resp);
    }

    if (ngx_http_jimeng_resp_write(resp) != NGX_OK) {
        resp->lost(resp, 0, ngx_socket_errno, "the connection broke");
    }
}


static ngx_err_t
ngx_http_jimeng_resp_error(ngx_connection_t *c)
{
    int        err;
    socklen_t  len;

    err = 0;
    len = sizeof(int);

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, (void *) &err, &len) == -1) {
        err = ngx_socket_errno;
    }

    return err;
}


/* goes out with all that is sent in this round of the event loop */

void
ngx_http_jimeng_resp_send(ngx_http_jimeng_resp_t *resp,
    ngx_http_jimeng_resp_command_t *command)
{
    ngx_connection_t  *c;

    c = resp->peer.connection;

    ngx_queue_insert_tail(&resp->out, &command->queue);

    if (resp->connected && c->write->ready) {
        ngx_post_event(c->write, &ngx_posted_events);
    }
}


/* commands stay in their queues */

void
ngx_http_jimeng_resp_close(ngx_http_jimeng_resp_t *resp)
{
    if (resp->peer.connection) {
        ngx_close_connection(resp->peer.connection);
        resp->peer.connection = NULL;
    }

    if (resp->reader) {
        redisReaderFree(resp->reader);
        resp->reader = NULL;
    }

    resp->connected = 0;
}
