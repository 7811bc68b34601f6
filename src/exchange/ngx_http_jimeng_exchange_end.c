
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_exchange.h"


/* the exchange whose subrequest this is, or NULL */

ngx_http_jimeng_exchange_t *
ngx_http_jimeng_exchange_of(ngx_http_request_t *r)
{
    if (r == r->main || r->post_subrequest == NULL
        || r->post_subrequest->handler != ngx_http_jimeng_exchange_end)
    {
        return NULL;
    }

    return r->post_subrequest->data;
}


/*
 * Called once or twice, and not at all when the request is torn down.  It
 * only records: nothing may be run, finalized or freed from here, the caller
 * still works on the subrequest.  nginx does not wake the parent of a
 * background subrequest.
 */

ngx_int_t
ngx_http_jimeng_exchange_end(ngx_http_request_t *sr, void *data, ngx_int_t rc)
{
    ngx_http_jimeng_exchange_t *x = data;

    /*
     * An error of the body filter's marks the client's connection, and a
     * subrequest that ends on such a connection ends the whole request.
     */

    if (x->pass) {
        sr->connection->error = 0;
    }

    ngx_http_jimeng_exchange_inactive(x);

    if (!x->ended) {
        ngx_log_debug2(NGX_LOG_DEBUG_HTTP, sr->connection->log, 0,
                       "jimeng exchange end rc:%i s:%ui", rc, x->status);

        x->ended = 1;
        x->rc = rc;
        x->time = ngx_current_msec - x->start;
    }

    ngx_http_jimeng_post(x->request, &x->posted);

    return NGX_OK;
}


/*
 * A subrequest of the subrequest, as Lua makes them, leaves the connection to
 * it.  The client's events are the client's request's.
 */

void
ngx_http_jimeng_exchange_inactive(ngx_http_jimeng_exchange_t *x)
{
    ngx_connection_t  *c;

    c = x->request->connection;

    if (c->data == x->subrequest) {
        c->data = x->request;
    }
}


/* whether its answer can be read, and its pool destroyed */

ngx_uint_t
ngx_http_jimeng_exchange_ended(ngx_http_jimeng_exchange_t *x)
{
    ngx_http_request_t  *sr;

    sr = x->subrequest;

    /* a subrequest that it has begun itself may still run */

    return x->ended && sr->postponed == NULL && !sr->buffered;
}


/*
 * Whether the upstream may have got any of it.  nginx writes down how many
 * bytes it has sent to a server when it is done with that one, and a TLS
 * handshake is none of them.
 */

ngx_uint_t
ngx_http_jimeng_exchange_sent(ngx_http_jimeng_exchange_t *x)
{
    ngx_uint_t                  i;
    ngx_http_request_t         *sr;
    ngx_http_upstream_state_t  *state;

    sr = x->subrequest;

    /* a handler without an upstream does not tell what it has sent */

    if (sr->upstream == NULL && sr->content_handler == x->handler) {
        return 1;
    }

    if (sr->upstream_states == NULL) {
        return 0;
    }

    state = sr->upstream_states->elts;

    for (i = 0; i < sr->upstream_states->nelts; i++) {
        if (state[i].bytes_sent) {
            return 1;
        }
    }

    return 0;
}


/* whether it is delayed in a phase before its content handler */

ngx_uint_t
ngx_http_jimeng_exchange_waits(ngx_http_jimeng_exchange_t *x)
{
    return x->run && x->subrequest->upstream == NULL
           && x->subrequest->content_handler != x->handler;
}


/*
 * Stops an exchange of which no byte was sent.  Returns NGX_DECLINED when it
 * is too late for that, and the exchange goes on: what nginx has begun to send
 * may wait for a socket, or be read by a thread, and none of it be counted yet.
 */

ngx_int_t
ngx_http_jimeng_exchange_take_back(ngx_http_jimeng_exchange_t *x)
{
    ngx_http_request_t   *sr;
    ngx_http_upstream_t  *u;

    sr = x->subrequest;
    u = sr->upstream;

    if ((u && u->request_sent) || ngx_http_jimeng_exchange_sent(x)) {
        return NGX_DECLINED;
    }

    return ngx_http_jimeng_exchange_cancel(x);
}


/*
 * Stops an exchange, however far it got: one whose outcome does not matter.
 * Returns NGX_DECLINED when it has ended, or cannot be stopped where it is.
 */

ngx_int_t
ngx_http_jimeng_exchange_cancel(ngx_http_jimeng_exchange_t *x)
{
    ngx_http_request_t   *sr;
    ngx_http_upstream_t  *u;

    sr = x->subrequest;
    u = sr->upstream;

    if (x->ended || sr->postponed) {
        return NGX_DECLINED;
    }

    if (ngx_http_jimeng_exchange_waits(x)) {
        x->ended = 1;
        x->rc = NGX_HTTP_CLIENT_CLOSED_REQUEST;

        ngx_http_finalize_request(sr, NGX_OK);

    } else if (u && u->cleanup) {

        /* as a request's own cleanup does: closes, and drops the reference */

        x->ended = 1;
        x->rc = NGX_HTTP_CLIENT_CLOSED_REQUEST;

        (*u->cleanup)(sr);

    } else {
        return NGX_DECLINED;
    }

    if (x->delay.timer_set) {
        ngx_del_timer(&x->delay);
    }

    ngx_http_jimeng_exchange_clean(x);

    return NGX_OK;
}
