
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_fetch.h"


/* bytes: what an attempt itself takes, the request has a pool of its own */

#define NGX_HTTP_JIMENG_ATTEMPT_POOL  2048


static void ngx_http_jimeng_attempt_connection(
    ngx_http_jimeng_attempt_t *a, ngx_http_jimeng_where_t *where);
static ngx_int_t ngx_http_jimeng_attempt_request(
    ngx_http_jimeng_attempt_t *a, ngx_http_jimeng_where_t *where,
    ngx_str_t *uri);
static ngx_socket_t ngx_http_jimeng_attempt_fd(void);
static void ngx_http_jimeng_attempt_event(ngx_event_t *ev);
static ngx_int_t ngx_http_jimeng_attempt_end(ngx_http_request_t *sr,
    void *data, ngx_int_t rc);
static void ngx_http_jimeng_attempt_first(void);
static ngx_int_t ngx_http_jimeng_attempt_header_filter(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_jimeng_attempt_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);


/*
 * To be called from a clean stack, and never by a request.  The event is posted
 * when the attempt has ended.  NULL: it could not be begun.
 */

ngx_http_jimeng_attempt_t *
ngx_http_jimeng_attempt_start(ngx_http_jimeng_where_t *where, ngx_str_t *uri,
    ngx_event_t *event)
{
    ngx_pool_t                 *pool;
    ngx_http_jimeng_attempt_t  *a;

    pool = ngx_create_pool(NGX_HTTP_JIMENG_ATTEMPT_POOL, ngx_cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    a = ngx_pcalloc(pool, sizeof(ngx_http_jimeng_attempt_t));
    if (a == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    a->pool = pool;
    a->event = event;

    ngx_http_jimeng_attempt_first();
    ngx_http_jimeng_attempt_connection(a, where);

    if (ngx_http_jimeng_attempt_request(a, where, uri) != NGX_OK) {
        ngx_http_jimeng_attempt_free(a);
        return NULL;
    }

    ngx_http_run_posted_requests(&a->connection);

    return a;
}


/*
 * Nothing is ever read from it or sent to it.  Its events are active, so that
 * nginx does not add them, and what may be written is written.
 */

static void
ngx_http_jimeng_attempt_connection(ngx_http_jimeng_attempt_t *a,
    ngx_http_jimeng_where_t *where)
{
    ngx_connection_t  *c;

    c = &a->connection;

    a->http.addr_conf = where->http.addr_conf;
    a->http.conf_ctx = where->http.conf_ctx;

    a->log = where->log;
    a->log.data = &a->log_ctx;
    a->log.action = NULL;
    a->log_ctx.connection = c;

    /* no address is what nginx has for clients of a UNIX-domain socket */

    a->sockaddr.sockaddr.sa_family = AF_UNIX;

    a->read.data = c;
    a->read.log = &a->log;
    a->read.handler = ngx_http_jimeng_attempt_event;
    a->read.active = 1;

    a->write = a->read;
    a->write.write = 1;
    a->write.ready = 1;

    c->fd = ngx_http_jimeng_attempt_fd();
    c->data = &a->http;
    c->read = &a->read;
    c->write = &a->write;
    c->log = &a->log;
    c->pool = a->pool;
    c->number = where->number;
    c->start_time = ngx_current_msec;
    c->listening = where->listening;
    c->sockaddr = &a->sockaddr.sockaddr;
    c->socklen = sizeof(struct sockaddr);
    c->local_sockaddr = where->listening->sockaddr;
    c->local_socklen = where->listening->socklen;
    c->tcp_nodelay = NGX_TCP_NODELAY_DISABLED;
    c->tcp_nopush = NGX_TCP_NOPUSH_DISABLED;

    ngx_str_set(&c->addr_text, "unix:");
}


/*
 * Without one Lua takes a connection for a timer's, which has no variables.  It
 * is open as long as the process.
 */

static ngx_socket_t
ngx_http_jimeng_attempt_fd(void)
{
    static ngx_fd_t  fd = NGX_INVALID_FILE;

    if (fd == NGX_INVALID_FILE) {
        fd = ngx_open_file("/dev/null", NGX_FILE_RDWR, NGX_FILE_OPEN, 0);
    }

    return (ngx_socket_t) fd;
}


static ngx_int_t
ngx_http_jimeng_attempt_request(ngx_http_jimeng_attempt_t *a,
    ngx_http_jimeng_where_t *where, ngx_str_t *uri)
{
    ngx_connection_t            *c;
    ngx_http_request_t          *r, *sr;
    ngx_http_post_subrequest_t  *ps;

    c = &a->connection;

    r = ngx_http_create_request(c);
    if (r == NULL) {
        return NGX_ERROR;
    }

    a->request = r;

    c->data = r;

    /* it is no request of a client's, and none that the log is to have */

    r->logged = 1;
    r->srv_conf = where->srv_conf;
    r->loc_conf = where->loc_conf;
    r->method = NGX_HTTP_GET;
    ngx_str_set(&r->method_name, "GET");
    r->http_version = NGX_HTTP_VERSION_11;
    r->uri = *uri;
    r->unparsed_uri = *uri;

    ps = ngx_palloc(r->pool, sizeof(ngx_http_post_subrequest_t));

    if (ps == NULL
        || ngx_list_init(&r->headers_in.headers, r->pool, 1,
                         sizeof(ngx_table_elt_t))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ps->handler = ngx_http_jimeng_attempt_end;
    ps->data = a;

    if (ngx_http_subrequest(r, uri, NULL, &sr, ps,
                            NGX_HTTP_SUBREQUEST_BACKGROUND)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* what it brings is taken as it comes, and not when all of it is there */

    c->data = sr;

    return NGX_OK;
}


/* limit_req and the like have a request wait by its connection's timer */

static void
ngx_http_jimeng_attempt_event(ngx_event_t *ev)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    c = ev->data;
    r = c->data;

    if (ev->delayed && ev->timedout) {
        ev->delayed = 0;
        ev->timedout = 0;
    }

    ngx_http_set_log_request(c->log, r);

    if (ev->write) {
        r->write_event_handler(r);

    } else {
        r->read_event_handler(r);
    }

    ngx_http_run_posted_requests(c);
}


/*
 * Called once, or twice when nginx has an error page: as of a file that is not
 * there, and is fetched.  Nothing may be freed from here.  An error that stays
 * on the connection, and some that are returned, would have nginx close it.
 */

static ngx_int_t
ngx_http_jimeng_attempt_end(ngx_http_request_t *sr, void *data, ngx_int_t rc)
{
    ngx_http_jimeng_attempt_t *a = data;

    ngx_http_jimeng_loc_conf_t  *jlcf;

    a->connection.error = 0;
    a->connection.timedout = 0;

    if (!a->refused && rc >= NGX_HTTP_SPECIAL_RESPONSE
        && rc != NGX_HTTP_REQUEST_TIME_OUT && rc != NGX_HTTP_CLOSE
        && rc != NGX_HTTP_CLIENT_CLOSED_REQUEST)
    {
        a->refused = 1;
        return rc;
    }

    if (!a->ended) {
        jlcf = ngx_http_get_module_loc_conf(sr, ngx_http_jimeng_module);

        a->ended = 1;
        a->rc = rc;
        a->opens = (jlcf->links->picture != NGX_HTTP_JIMENG_LINK_CLOSED);

        a->connection.data = a->request;
    }

    ngx_post_event(a->event, &ngx_posted_events);

    return NGX_OK;
}


/* whether nothing of nginx's refers to it: a mirror, or a thread, may run on */

ngx_uint_t
ngx_http_jimeng_attempt_over(ngx_http_jimeng_attempt_t *a)
{
    return a->ended && a->request->count == 1 && !a->request->blocked;
}


void
ngx_http_jimeng_attempt_free(ngx_http_jimeng_attempt_t *a)
{
    if (a->request) {
        ngx_http_free_request(a->request, 0);
    }

    if (a->read.timer_set) {
        ngx_del_timer(&a->read);
    }

    if (a->write.timer_set) {
        ngx_del_timer(&a->write);
    }

    if (a->read.posted) {
        ngx_delete_posted_event(&a->read);
    }

    if (a->write.posted) {
        ngx_delete_posted_event(&a->write);
    }

    ngx_destroy_pool(a->pool);
}


/* the attempt whose subrequest this is, or NULL */

ngx_http_jimeng_attempt_t *
ngx_http_jimeng_attempt_of(ngx_http_request_t *r)
{
    if (r == r->main || r->post_subrequest == NULL
        || r->post_subrequest->handler != ngx_http_jimeng_attempt_end)
    {
        return NULL;
    }

    return r->post_subrequest->data;
}


/* whatever comes, from whichever location: nothing of it is to be sent */

static void
ngx_http_jimeng_attempt_first(void)
{
    static ngx_http_jimeng_filter_t  filter = {
        ngx_http_jimeng_attempt_header_filter,
        ngx_http_jimeng_attempt_body_filter
    };

    ngx_http_jimeng_first(NGX_HTTP_JIMENG_FILTER_ATTEMPT, &filter);
}


static ngx_int_t
ngx_http_jimeng_attempt_header_filter(ngx_http_request_t *r)
{
    ngx_http_jimeng_attempt_t  *a;

    a = ngx_http_jimeng_attempt_of(r);

    return a ? ngx_http_jimeng_attempt_header(a, r) : NGX_DECLINED;
}


static ngx_int_t
ngx_http_jimeng_attempt_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_http_jimeng_attempt_t  *a;

    a = ngx_http_jimeng_attempt_of(r);

    return a ? ngx_http_jimeng_attempt_body(a, in) : NGX_DECLINED;
}


ngx_int_t
ngx_http_jimeng_attempt_header(ngx_http_jimeng_attempt_t *a,
    ngx_http_request_t *r)
{
    a->status = r->headers_out.status;

    return NGX_OK;
}


/* all of it is let go: the cache has it from the upstream */

ngx_int_t
ngx_http_jimeng_attempt_body(ngx_http_jimeng_attempt_t *a, ngx_chain_t *in)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    for (cl = in; cl; cl = cl->next) {
        b = cl->buf;

        if (b->last_buf || b->last_in_chain) {
            a->complete = 1;
        }

        b->pos = b->last;
        b->file_pos = b->file_last;
    }

    return NGX_OK;
}
