
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_exchange.h"


/* what pictures are read into: larger gains nothing, smaller costs calls */

#define NGX_HTTP_JIMENG_ANSWER_BUFFER  65536

/* bytes of a picture alone that may wait in a file, nginx's own default */

#define NGX_HTTP_JIMENG_ANSWER_FILE    1073741824


static ngx_int_t ngx_http_jimeng_answer_alone(ngx_http_jimeng_exchange_t *x);
static ngx_uint_t ngx_http_jimeng_answer_kept(ngx_http_upstream_t *u);
static ngx_int_t ngx_http_jimeng_answer_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_jimeng_answer_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static ngx_int_t ngx_http_jimeng_answer_pass(ngx_http_jimeng_exchange_t *x,
    ngx_chain_t *in);
static void ngx_http_jimeng_answer_file(ngx_http_jimeng_exchange_t *x,
    ngx_buf_t *b);
static ngx_uint_t ngx_http_jimeng_answer_passes(
    ngx_http_jimeng_exchange_t *x);


/*
 * "proxy_next_upstream non_idempotent" would send a submit that was sent and
 * not answered to another server, and have it paid twice;
 * "proxy_intercept_errors" would take the upstream's reason away.  A cache's
 * key knows nothing of the body: "proxy_cache_methods POST" would give one
 * client's task to the next.  Pictures go on from the one buffer they are read
 * into: nginx's own buffering would put them into a file.
 */

ngx_int_t
ngx_http_jimeng_answer_restrict(ngx_http_jimeng_exchange_t *x)
{
    ngx_uint_t                 live;
    ngx_http_upstream_t       *u;
    ngx_http_upstream_conf_t  *conf;

    u = x->subrequest->upstream;

    if (u == NULL) {
        return NGX_OK;
    }

    if (x->pass && x->pass->raw) {
        return ngx_http_jimeng_answer_alone(x);
    }

#if (NGX_HTTP_CACHE)

    u->cacheable = 0;

#endif

    /* what comes in pieces goes on in pieces, as events of Ark's do */

    live = (x->pass || x->account->provider == JM_PROVIDER_ARK);

    if (!live
        && !u->conf->intercept_errors
        && !(u->conf->next_upstream & NGX_HTTP_UPSTREAM_FT_NON_IDEMPOTENT))
    {
        return NGX_OK;
    }

    conf = ngx_palloc(x->pool, sizeof(ngx_http_upstream_conf_t));
    if (conf == NULL) {
        return NGX_ERROR;
    }

    *conf = *u->conf;
    conf->intercept_errors = 0;
    conf->next_upstream &= ~NGX_HTTP_UPSTREAM_FT_NON_IDEMPOTENT;

    if (live) {
        u->buffering = 0;
        conf->change_buffering = 0;
    }

    if (x->pass) {
        conf->buffer_size = ngx_max(conf->buffer_size,
                                    NGX_HTTP_JIMENG_ANSWER_BUFFER);
    }

    u->conf = conf;

    return NGX_OK;
}


/*
 * A picture alone is its location's, with its cache and its buffers.  From them
 * nginx hands nothing on before it has all, as the client's connection is not
 * the exchange's: what does not fit would never come.  Where it is not kept it
 * comes without them, by one buffer.
 */

static ngx_int_t
ngx_http_jimeng_answer_alone(ngx_http_jimeng_exchange_t *x)
{
    ngx_http_upstream_t       *u;
    ngx_http_upstream_conf_t  *conf;

    u = x->subrequest->upstream;

    conf = ngx_palloc(x->pool, sizeof(ngx_http_upstream_conf_t));
    if (conf == NULL) {
        return NGX_ERROR;
    }

    *conf = *u->conf;
    conf->max_temp_file_size = ngx_max(conf->max_temp_file_size,
                                       NGX_HTTP_JIMENG_ANSWER_FILE);

    if (!ngx_http_jimeng_answer_kept(u)) {
        conf->buffer_size = ngx_max(conf->buffer_size,
                                    NGX_HTTP_JIMENG_ANSWER_BUFFER);
    }

    u->conf = conf;

    return NGX_OK;
}


/* whether a cache or a store is to have it, as far as is known by now */

static ngx_uint_t
ngx_http_jimeng_answer_kept(ngx_http_upstream_t *u)
{
#if (NGX_HTTP_CACHE)

    if (u->cacheable) {
        return 1;
    }

#endif

    return u->store;
}


static ngx_int_t
ngx_http_jimeng_answer_header_filter(ngx_http_request_t *r)
{
    ngx_http_jimeng_exchange_t  *x;

    x = ngx_http_jimeng_exchange_of(r);

    if (x == NULL) {
        return NGX_DECLINED;
    }

    x->status = r->headers_out.status;

    /* nginx looks at it next: what is not kept goes on as it comes */

    if (x->pass && x->pass->raw && r->upstream
        && !ngx_http_jimeng_answer_kept(r->upstream))
    {
        r->upstream->buffering = 0;
    }

    if (x->account->provider == JM_PROVIDER_ARK && x->pass == NULL
        && ngx_http_jimeng_answer_ark_begin(x) != NGX_OK)
    {
        x->truncated = 1;
    }

    return NGX_OK;
}


/* nginx's own buffer for a subrequest in memory fails when it is too small */

static ngx_int_t
ngx_http_jimeng_answer_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_buf_t                   *b;
    ngx_chain_t                 *cl;
    ngx_http_jimeng_exchange_t  *x;

    x = ngx_http_jimeng_exchange_of(r);

    if (x == NULL) {
        return NGX_DECLINED;
    }

    for (cl = in; cl; cl = cl->next) {
        b = cl->buf;

        if (x->pass && !x->pass->raw && ngx_buf_size(b)
            && !ngx_buf_in_memory(b))
        {
            x->truncated = 1;
        }

        if (b->last_buf || b->last_in_chain) {
            x->complete = 1;
        }
    }

    if (ngx_http_jimeng_answer_passes(x)) {

        /* meanwhile the pool is not the one of the client's request */

        if (x->outer) {
            return ngx_chain_add_copy(x->pool, &x->deferred, in);
        }

        return ngx_http_jimeng_answer_pass(x, in);
    }

    for (cl = in; cl; cl = cl->next) {
        b = cl->buf;

        if (x->events && ngx_buf_in_memory(b)) {
            ngx_http_jimeng_answer_ark_add(x, b);

        } else if (ngx_buf_in_memory(b)) {
            jm_buf_add(&x->answer, b->pos, b->last - b->pos);

        } else if (ngx_buf_size(b)) {
            ngx_http_jimeng_answer_file(x, b);
        }

        b->pos = b->last;
        b->file_pos = b->file_last;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_jimeng_answer_pass(ngx_http_jimeng_exchange_t *x, ngx_chain_t *in)
{
    ngx_int_t  rc;

    if (!x->pass->raw) {
        return ngx_http_jimeng_pass_filter(x->pass, in, &x->answer);
    }

    rc = ngx_http_jimeng_encode_filter(x->pass, in, x->pool);

#if (NGX_HTTP_CACHE)

    /* what is no picture is none for those who come later either */

    if (x->pass->bad && x->subrequest->upstream) {
        x->subrequest->upstream->cacheable = 0;
    }

#endif

    return rc;
}


static void
ngx_http_jimeng_answer_file(ngx_http_jimeng_exchange_t *x, ngx_buf_t *b)
{
    size_t    size;
    u_char    data[4096];
    off_t     offset;
    ssize_t   n;

    for (offset = b->file_pos; offset < b->file_last; offset += n) {

        size = (size_t) ngx_min(b->file_last - offset, (off_t) sizeof(data));

        n = ngx_read_file(b->file, data, size, offset);

        if (n <= 0) {
            x->truncated = 1;
            return;
        }

        jm_buf_add(&x->answer, data, n);

        if (x->answer.rc != JM_OK) {
            return;
        }
    }
}


static ngx_uint_t
ngx_http_jimeng_answer_passes(ngx_http_jimeng_exchange_t *x)
{
    return x->pass && x->status == NGX_HTTP_OK && !x->truncated;
}


/*
 * Passes on what came while the client's request had the exchange's pool: a
 * content handler without an upstream sends from within.
 */

void
ngx_http_jimeng_answer_deferred(ngx_http_jimeng_exchange_t *x)
{
    if (x->deferred
        && (!ngx_http_jimeng_answer_passes(x)
            || ngx_http_jimeng_answer_pass(x, x->deferred) != NGX_OK))
    {
        x->truncated = 1;
    }

    x->deferred = NULL;
}


/*
 * An exchange's answer reaches us as the upstream has sent it, and no filter
 * of another module sees it.
 */

void
ngx_http_jimeng_answer_first(void)
{
    static ngx_http_jimeng_filter_t  filter = {
        ngx_http_jimeng_answer_header_filter,
        ngx_http_jimeng_answer_body_filter
    };

    ngx_http_jimeng_first(NGX_HTTP_JIMENG_FILTER_ANSWER, &filter);
}


/*
 * Sets an exchange's result to what it has brought now that it has ended, or
 * that it brought nothing.  The strings lie in the exchange's pool.  With
 * JM_ERROR there was no memory, and the result is one that cannot be read.
 */

jm_rc_e
ngx_http_jimeng_answer_read(ngx_http_jimeng_exchange_t *x)
{
    jm_rc_e         rc;
    jm_transport_e  transport;

    if (x->status && x->complete && !x->truncated && x->answer.rc == JM_OK
        && x->rc == NGX_OK)
    {
        transport = JM_TRANSPORT_WHOLE;

    } else if (x->status || ngx_http_jimeng_exchange_sent(x)) {
        transport = JM_TRANSPORT_BROKEN;

    } else {
        transport = JM_TRANSPORT_UNSENT;

        if (x->rc >= NGX_HTTP_BAD_REQUEST
            && x->rc < NGX_HTTP_INTERNAL_SERVER_ERROR)
        {
            ngx_log_error(NGX_LOG_ERR, x->request->connection->log, 0,
                          "jimeng: the location \"%V\" itself refused a "
                          "request with %i, check its configuration",
                          &x->subrequest->uri, x->rc);
        }
    }

    if (x->answer.rc != JM_OK) {
        ngx_log_error(NGX_LOG_ERR, x->request->connection->log, 0,
                      "jimeng: an answer of over %d bytes was dropped",
                      NGX_HTTP_JIMENG_ANSWER_MAX);
    }

    if (x->pass && x->pass->raw) {
        x->result.event = (transport == JM_TRANSPORT_WHOLE
                           && x->status == NGX_HTTP_OK && !x->pass->bad)
                          ? JM_EVENT_DONE : JM_EVENT_TROUBLE;
        return JM_OK;
    }

    rc = (x->account->provider == JM_PROVIDER_ARK)
         ? ngx_http_jimeng_answer_ark_read(x, transport)
         : jm_visual_read(&x->result, x->call, transport, (unsigned) x->status,
                          jm_buf_view(&x->answer), &x->mem);

    if (transport != JM_TRANSPORT_UNSENT && x->result.code.len == 0
        && x->result.event != JM_EVENT_DONE && x->subrequest->upstream == NULL)
    {
        ngx_log_error(NGX_LOG_ERR, x->request->connection->log, 0,
                      "jimeng: the location \"%V\" itself answered with %i, "
                      "and not as Volcengine does, check that it has "
                      "\"proxy_pass\"", &x->subrequest->uri,
                      x->status ? (ngx_int_t) x->status : x->rc);
    }

    return rc;
}
