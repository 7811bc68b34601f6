
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_exchange.h"


/* bytes: a proxied subrequest has room in one piece of so many */

#define NGX_HTTP_JIMENG_POOL    12288


static ngx_http_jimeng_exchange_t *ngx_http_jimeng_exchange_new(
    ngx_http_request_t *r, ngx_http_jimeng_account_t *account,
    jm_visual_call_e call, ngx_http_jimeng_pass_t *pass, ngx_str_t *uri);
static ngx_int_t ngx_http_jimeng_exchange_create(
    ngx_http_jimeng_exchange_t *x, ngx_str_t *uri);
static ngx_int_t ngx_http_jimeng_exchange_request(
    ngx_http_jimeng_exchange_t *x, off_t len);
static ngx_int_t ngx_http_jimeng_exchange_body(ngx_http_request_t *sr,
    ngx_http_jimeng_payload_t *body);
static void ngx_http_jimeng_exchange_run(ngx_http_request_t *sr);
static ngx_uint_t ngx_http_jimeng_exchange_handled(
    ngx_http_jimeng_exchange_t *x);
static ngx_int_t ngx_http_jimeng_exchange_content(ngx_http_request_t *sr);


/*
 * One exchange is a background subrequest in a pool of its own.  Whatever
 * nginx allocates for a subrequest comes from r->pool and stays there until
 * the client's request ends: a task that is asked for a hundred times would
 * hold the memory of a hundred subrequests.  So r->pool is the exchange's
 * while the subrequest is made, and the exchange's pool goes when it is over.
 *
 * Returns NULL when nothing was begun.  An exchange that could not be signed
 * ends as any other, unsent.  pass is NULL unless pictures are asked for.
 */

ngx_http_jimeng_exchange_t *
ngx_http_jimeng_exchange_start(ngx_http_request_t *r,
    ngx_http_jimeng_account_t *account, jm_visual_call_e call,
    ngx_http_jimeng_payload_t *body, ngx_http_jimeng_pass_t *pass)
{
    ngx_str_t                   *uri;
    ngx_http_jimeng_exchange_t  *x;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);

    uri = account->pass.len ? &account->pass : &jlcf->uri;

    x = ngx_http_jimeng_exchange_new(r, account, call, pass, uri);
    if (x == NULL) {
        return NULL;
    }

    if (ngx_http_jimeng_exchange_request(x, body->len) != NGX_OK
        || ngx_http_jimeng_sign(account, call, body,
                                &x->subrequest->headers_in.headers,
                                r->connection->log)
           != NGX_OK
        || ngx_http_jimeng_exchange_body(x->subrequest, body) != NGX_OK)
    {
        /* the subrequest is there and has to end: it does so unsent */

        x->rc = NGX_ERROR;
    }

    return x;
}


/* the same for a picture, which is there under a URI of this server's */

ngx_http_jimeng_exchange_t *
ngx_http_jimeng_exchange_fetch(ngx_http_request_t *r,
    ngx_http_jimeng_account_t *account, ngx_str_t *uri,
    ngx_http_jimeng_pass_t *pass)
{
    ngx_http_jimeng_exchange_t  *x;

    x = ngx_http_jimeng_exchange_new(r, account, JM_VISUAL_RESULT, pass, uri);

    if (x && ngx_http_jimeng_exchange_request(x, -1) != NGX_OK) {
        x->rc = NGX_ERROR;
    }

    return x;
}


static ngx_http_jimeng_exchange_t *
ngx_http_jimeng_exchange_new(ngx_http_request_t *r,
    ngx_http_jimeng_account_t *account, jm_visual_call_e call,
    ngx_http_jimeng_pass_t *pass, ngx_str_t *uri)
{
    ngx_pool_t                  *pool;
    ngx_http_jimeng_exchange_t  *x;

    pool = ngx_create_pool(NGX_HTTP_JIMENG_POOL, r->connection->log);
    if (pool == NULL) {
        return NULL;
    }

    x = ngx_pcalloc(pool, sizeof(ngx_http_jimeng_exchange_t));
    if (x == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    x->pool = pool;
    x->account = account;
    x->call = call;
    x->request = r;
    x->ident = (ngx_socket_t) -1;
    x->pass = pass;
    x->handler = ngx_http_jimeng_exchange_content;
    x->start = ngx_current_msec;

    ngx_http_jimeng_answer_first();
    ngx_http_jimeng_exchange_mark(x);

    ngx_http_jimeng_mem(&x->mem, pool);
    jm_buf_init(&x->answer, &x->mem, NGX_HTTP_JIMENG_ANSWER,
                NGX_HTTP_JIMENG_ANSWER_MAX);

    if (ngx_http_jimeng_exchange_create(x, uri) != NGX_OK) {
        ngx_http_jimeng_exchange_destroy(x);
        return NULL;
    }

    return x;
}


static ngx_int_t
ngx_http_jimeng_exchange_create(ngx_http_jimeng_exchange_t *x, ngx_str_t *uri)
{
    ngx_int_t                    rc;
    ngx_uint_t                   flags;
    ngx_pool_t                  *pool;
    ngx_http_request_t          *r, *sr;
    ngx_http_post_subrequest_t  *ps;

    ps = ngx_palloc(x->pool, sizeof(ngx_http_post_subrequest_t));
    if (ps == NULL) {
        return NGX_ERROR;
    }

    ps->handler = ngx_http_jimeng_exchange_end;
    ps->data = x;

    r = x->request;
    sr = NULL;

    flags = NGX_HTTP_SUBREQUEST_BACKGROUND;

    /* pictures are not collected in memory: they are passed on */

    if (x->pass == NULL) {
        flags |= NGX_HTTP_SUBREQUEST_IN_MEMORY;
    }

    pool = r->pool;
    r->pool = x->pool;

    rc = ngx_http_subrequest(r, uri, &x->account->args[x->call], &sr, ps,
                             flags);

    r->pool = pool;

    if (rc != NGX_OK) {

        if (sr) {
            /* counted, but could not be posted */
            r->main->count--;
        }

        return NGX_ERROR;
    }

    x->subrequest = sr;
    sr->write_event_handler = ngx_http_jimeng_exchange_run;

    return NGX_OK;
}


static ngx_int_t
ngx_http_jimeng_exchange_request(ngx_http_jimeng_exchange_t *x, off_t len)
{
    ngx_http_request_t         *sr;
    ngx_http_variable_value_t  *variables;
    ngx_http_core_main_conf_t  *cmcf;

    sr = x->subrequest;

    cmcf = ngx_http_get_module_main_conf(sr, ngx_http_core_module);

    /* values that are cached in the client's array would dangle there */

    variables = ngx_pcalloc(x->pool, cmcf->variables.nelts
                                     * sizeof(ngx_http_variable_value_t));
    if (variables == NULL) {
        return NGX_ERROR;
    }

    sr->variables = variables;

    /* nothing of the client's own headers goes upstream */

    ngx_memzero(&sr->headers_in, sizeof(ngx_http_headers_in_t));

    sr->headers_in.content_length_n = len;
    sr->headers_in.keep_alive_n = -1;

    if (ngx_list_init(&sr->headers_in.headers, x->pool, 6,
                      sizeof(ngx_table_elt_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (len == -1) {
        sr->method = NGX_HTTP_GET;
        ngx_str_set(&sr->method_name, "GET");

    } else {
        sr->method = NGX_HTTP_POST;
        ngx_str_set(&sr->method_name, "POST");
    }

    return NGX_OK;
}


/* each exchange has buffers of its own: sending a body uses them up */

static ngx_int_t
ngx_http_jimeng_exchange_body(ngx_http_request_t *sr,
    ngx_http_jimeng_payload_t *body)
{
    ngx_buf_t                *b;
    ngx_chain_t              *cl;
    ngx_http_request_body_t  *rb;

    rb = ngx_pcalloc(sr->pool, sizeof(ngx_http_request_body_t));
    b = ngx_calloc_buf(sr->pool);
    cl = ngx_alloc_chain_link(sr->pool);

    if (rb == NULL || b == NULL || cl == NULL) {
        return NGX_ERROR;
    }

    if (body->file) {
        b->file = body->file;
        b->file_last = body->len;
        b->in_file = 1;

    } else {
        b->pos = body->text.data;
        b->last = body->text.data + body->text.len;
        b->start = b->pos;
        b->end = b->last;
        b->memory = 1;
    }

    b->last_buf = 1;

    cl->buf = b;
    cl->next = NULL;

    rb->bufs = cl;
    rb->buf = b;

    sr->request_body = rb;

    return NGX_OK;
}


/* the first run of the subrequest */

static void
ngx_http_jimeng_exchange_run(ngx_http_request_t *sr)
{
    ngx_uint_t                   entered;
    ngx_http_jimeng_exchange_t  *x;

    x = sr->post_subrequest->data;

    x->run = 1;

    if (x->rc != NGX_OK) {
        ngx_http_finalize_request(sr, x->rc);
        return;
    }

    entered = ngx_http_jimeng_exchange_enter(x);

    ngx_http_handler(sr);

    ngx_http_jimeng_exchange_leave(x, entered);
}


/*
 * Called for events of the client's connection.  A subrequest that waits in a
 * phase before proxy_pass may wait for one of them; so may a handler without an
 * upstream, and so does one whose pictures the client did not take yet.
 */

void
ngx_http_jimeng_exchange_wake(ngx_http_jimeng_exchange_t *x)
{
    ngx_http_request_t  *sr;

    sr = x->subrequest;

    if (x->delay.timer_set) {
        return;
    }

    /* without a cause it would put the client's send_timeout off */

    if (ngx_http_jimeng_exchange_waits(x)
        || ngx_http_jimeng_exchange_handled(x)
        || (ngx_http_jimeng_exchange_passes(x)
            && sr->connection->write->ready))
    {
        ngx_http_set_log_request(sr->connection->log, sr);
        sr->write_event_handler(sr);
        ngx_http_set_log_request(sr->connection->log, sr->main);
    }
}


/* whether pictures are on their way: then nobody else sends to the client */

ngx_uint_t
ngx_http_jimeng_exchange_passes(ngx_http_jimeng_exchange_t *x)
{
    ngx_http_upstream_t  *u;

    u = x->subrequest->upstream;

    return x->pass && !x->ended && u && u->header_sent;
}


/* whether a content handler is at work that does without an upstream */

static ngx_uint_t
ngx_http_jimeng_exchange_handled(ngx_http_jimeng_exchange_t *x)
{
    return !x->ended
           && x->subrequest->upstream == NULL
           && x->subrequest->content_handler == x->handler;
}


/*
 * The upstream of a subrequest is made by its content handler: at once, or
 * after a phase that waits, or once more after an internal redirect.
 */

ngx_int_t
ngx_http_jimeng_exchange_precontent(ngx_http_request_t *r)
{
    ngx_http_jimeng_exchange_t  *x;
    ngx_http_jimeng_loc_conf_t  *jlcf;

    x = ngx_http_jimeng_exchange_of(r);

    /* a location of ours refuses to be a subrequest's, and sends nothing */

    if (x == NULL || r->content_handler == NULL
        || r->content_handler == x->handler)
    {
        return NGX_DECLINED;
    }

    jlcf = ngx_http_get_module_loc_conf(r, ngx_http_jimeng_module);

    if (jlcf->uri.data == NULL) {
        x->content_handler = r->content_handler;
        r->content_handler = x->handler;
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_jimeng_exchange_content(ngx_http_request_t *sr)
{
    ngx_int_t                    rc;
    ngx_uint_t                   entered;
    ngx_http_jimeng_exchange_t  *x;

    x = sr->post_subrequest->data;

    ngx_http_jimeng_exchange_inactive(x);

    entered = ngx_http_jimeng_exchange_enter(x);

    rc = x->content_handler(sr);

    if (!x->ended && ngx_http_jimeng_answer_restrict(x) != NGX_OK
        && ngx_http_jimeng_exchange_take_back(x) == NGX_OK)
    {
        ngx_http_jimeng_post(x->request, &x->posted);
    }

    ngx_http_jimeng_exchange_leave(x, entered);

    return rc;
}
