
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_exchange.h"


static void ngx_http_jimeng_exchange_delay(ngx_http_jimeng_exchange_t *x);
static void ngx_http_jimeng_exchange_delayed(ngx_event_t *ev);


/*
 * nginx keeps a cleanup for each upstream request, and Lua for each phase, in
 * the pool of the client's request, 24 bytes and more a query: they are put
 * into the exchange's pool as well.  Returns whether it was not entered yet,
 * which ngx_http_jimeng_exchange_leave() has to know.
 */

ngx_uint_t
ngx_http_jimeng_exchange_enter(ngx_http_jimeng_exchange_t *x)
{
    ngx_event_t  *wev;

    if (x->outer) {
        return 0;
    }

    x->outer = x->request->pool;
    x->request->pool = x->pool;

    wev = x->request->connection->write;

    x->write_delayed = wev->delayed;
    x->write_timer_set = wev->timer_set;
    x->write_timer = wev->timer.key;

    wev->delayed = 0;

    if (wev->timer_set) {
        ngx_del_timer(wev);
    }

    return 1;
}


void
ngx_http_jimeng_exchange_leave(ngx_http_jimeng_exchange_t *x,
    ngx_uint_t entered)
{
    if (entered) {
        x->request->pool = x->outer;
        x->outer = NULL;

        ngx_http_jimeng_exchange_delay(x);
        ngx_http_jimeng_answer_deferred(x);
    }
}


/*
 * limit_req, and perl's sleep(), have a subrequest wait by the connection's
 * write event, which is the client's: its reply would wait as well, and the
 * client's send_timeout would take the place of the delay.  So that becomes a
 * timer of the exchange.
 */

static void
ngx_http_jimeng_exchange_delay(ngx_http_jimeng_exchange_t *x)
{
    ngx_event_t  *wev;

    wev = x->request->connection->write;

    if (wev->timer_set) {

        if (wev->delayed) {
            x->delay.handler = ngx_http_jimeng_exchange_delayed;
            x->delay.data = x;
            x->delay.log = wev->log;

            ngx_add_timer(&x->delay, wev->timer.key - ngx_current_msec);
        }

        ngx_del_timer(wev);
    }

    wev->delayed = x->write_delayed;

    if (x->write_timer_set) {
        ngx_add_timer(wev, x->write_timer - ngx_current_msec);
    }
}


static void
ngx_http_jimeng_exchange_delayed(ngx_event_t *ev)
{
    ngx_uint_t                   entered;
    ngx_connection_t            *c;
    ngx_http_request_t          *sr;
    ngx_http_jimeng_exchange_t  *x;

    x = ev->data;
    sr = x->subrequest;
    c = x->request->connection;

    ngx_http_set_log_request(c->log, sr);

    entered = ngx_http_jimeng_exchange_enter(x);

    sr->write_event_handler(sr);

    ngx_http_jimeng_exchange_leave(x, entered);

    ngx_http_run_posted_requests(c);
}
