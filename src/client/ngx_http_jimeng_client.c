
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_client.h"


#if (NGX_HTTP_V3)
static void ngx_http_jimeng_client_event(ngx_event_t *ev);
#endif
static void ngx_http_jimeng_client_gone(ngx_http_request_t *r);


#if (NGX_HTTP_V3)

/* nginx's handler of a stream's events, which is the same for all requests */

static ngx_event_handler_pt  ngx_http_jimeng_request_handler;

#endif


/* whether it comes over HTTP/2 or HTTP/3: its socket is the whole session's */

ngx_uint_t
ngx_http_jimeng_client_is_stream(ngx_http_request_t *r)
{
#if (NGX_HTTP_V2)

    if (r->stream) {
        return 1;
    }

#endif

#if (NGX_HTTP_V3)

    if (r->http_version == NGX_HTTP_VERSION_30) {
        return 1;
    }

#endif

    return 0;
}


/* whether it came as TLS early data: somebody may have sent a copy of it */

ngx_uint_t
ngx_http_jimeng_client_early(ngx_http_request_t *r)
{
#if (NGX_HTTP_SSL)

    ngx_str_t  early;

    if (r->connection->ssl
        && ngx_ssl_get_early_data(r->connection, r->pool, &early) == NGX_OK)
    {
        return early.len != 0;
    }

#endif

    return 0;
}


/*
 * When the connection of an HTTP/3 stream closes, nginx sets c->close and ends
 * the stream's request before it calls any handler of it.  While a client is
 * watched, the request goes on, and its handlers see a client that has left.
 */

void
ngx_http_jimeng_client_watch(ngx_http_request_t *r)
{
#if (NGX_HTTP_V3)

    ngx_connection_t  *c;

    c = r->connection;

    if (c->quic) {
        ngx_http_jimeng_request_handler = c->read->handler;

        c->read->handler = ngx_http_jimeng_client_event;
        c->write->handler = ngx_http_jimeng_client_event;
    }

#endif
}


void
ngx_http_jimeng_client_unwatch(ngx_http_request_t *r)
{
#if (NGX_HTTP_V3)

    ngx_connection_t  *c;

    c = r->connection;

    if (c->quic) {
        c->read->handler = ngx_http_jimeng_request_handler;
        c->write->handler = ngx_http_jimeng_request_handler;
    }

#endif
}


#if (NGX_HTTP_V3)

static void
ngx_http_jimeng_client_event(ngx_event_t *ev)
{
    ngx_connection_t  *c;

    c = ev->data;
    c->close = 0;

    ngx_http_jimeng_request_handler(ev);
}

#endif


/* whether the client has closed its connection, or that has failed */

ngx_uint_t
ngx_http_jimeng_client_left(ngx_http_request_t *r)
{
    char               buf[1];
    ssize_t            n;
    ngx_err_t          err;
    ngx_event_t       *rev;
    ngx_connection_t  *c;

    c = r->connection;
    rev = c->read;

    if (rev->error || ngx_http_jimeng_client_broke(r)) {
        return 1;
    }

    /* a stream's connection is a stand-in, its socket is the whole session's */

    if (ngx_http_jimeng_client_is_stream(r)) {
        return 0;
    }

#if (NGX_HAVE_EPOLLRDHUP)

    if ((ngx_event_flags & NGX_USE_EPOLL_EVENT) && ngx_use_epoll_rdhup) {
        return rev->pending_eof;
    }

#endif

    n = recv(c->fd, buf, 1, MSG_PEEK);

    if (n == 0) {
        return 1;
    }

    if (n == -1) {
        err = ngx_socket_errno;

        return err != NGX_EAGAIN && err != NGX_EINTR;
    }

    /* a pipelined request: its level-triggered event would fire for ever */

    if ((ngx_event_flags & NGX_USE_LEVEL_EVENT) && rev->active) {
        (void) ngx_del_event(rev, NGX_READ_EVENT, 0);
    }

    return 0;
}


/*
 * Whether what is sent reaches nobody: HTTP/2 marks a stream's connection when
 * it is reset, or its session ends; HTTP/3 what is written alone when the
 * client stops it.
 */

ngx_uint_t
ngx_http_jimeng_client_broke(ngx_http_request_t *r)
{
    ngx_connection_t  *c;

    c = r->connection;

#if (NGX_HTTP_V3)

    if (c->quic && c->write->error) {
        return 1;
    }

#endif

    return c->error;
}


/*
 * Whether the client took its reply: the last byte was handed to the system,
 * of a stream to the session's connection, and nothing had failed until then.
 * What a client that is gone by now has not read of it is not known.
 */

ngx_uint_t
ngx_http_jimeng_client_took(ngx_http_request_t *r)
{
    ngx_connection_t  *c;

    c = r->connection;

    if (ngx_http_jimeng_client_broke(r)
        || c->timedout || c->buffered || r->out || r->postponed)
    {
        return 0;
    }

#if (NGX_HTTP_V2)

    if (r->stream) {
        return r->stream->out_closed;
    }

#endif

    return 1;
}


/* the client is not looked at any more, while its request goes on */

void
ngx_http_jimeng_client_ignore(ngx_http_request_t *r)
{
    r->read_event_handler = ngx_http_jimeng_client_gone;
    r->connection->error = 0;
}


/*
 * HTTP/2 marks the stream's connection as failed, when the stream is reset and
 * once more when the session ends; and a subrequest that ends on such a
 * connection takes the whole request with it.
 */

static void
ngx_http_jimeng_client_gone(ngx_http_request_t *r)
{
    r->connection->error = 0;

    if (!ngx_http_jimeng_client_is_stream(r)) {
        ngx_http_block_reading(r);
    }
}


/*
 * Whether worker_shutdown_timeout is over time ms from now, or with 0, whether
 * it is over.  nginx ends requests of HTTP/1 connections then; to those of
 * HTTP/2 streams it looks like a client that has left, and requests whose
 * client left before are not told at all.  So jobs look at the clock.
 */

ngx_uint_t
ngx_http_jimeng_shutdown_within(ngx_msec_t time)
{
    ngx_core_conf_t    *ccf;
    static ngx_msec_t   start;
    static ngx_uint_t   exiting;

    if (!ngx_exiting) {
        return 0;
    }

    if (!exiting) {
        exiting = 1;
        start = ngx_current_msec;
    }

    ccf = (ngx_core_conf_t *) ngx_get_conf(ngx_cycle->conf_ctx,
                                           ngx_core_module);

    return ccf->shutdown_timeout
           && ngx_current_msec - start + time >= ccf->shutdown_timeout;
}
