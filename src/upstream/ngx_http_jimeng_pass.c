
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_upstream.h"


/* base64 that lies in one of the upstream's buffers, closed up in place */

typedef struct {
    u_char                     *start;
    u_char                     *last;
} ngx_http_jimeng_run_t;


static ngx_int_t ngx_http_jimeng_pass_buf(ngx_http_jimeng_pass_t *p,
    ngx_buf_t *b, jm_buf_t *rest, ngx_chain_t ***ll);
static ngx_int_t ngx_http_jimeng_pass_begin(ngx_http_jimeng_pass_t *p,
    jm_str_t text, ngx_chain_t ***ll);
static void ngx_http_jimeng_pass_text(ngx_http_jimeng_run_t *run,
    ngx_buf_t *b, jm_str_t *text, jm_str_t *piece);
static ngx_int_t ngx_http_jimeng_pass_close(ngx_http_jimeng_pass_t *p,
    ngx_http_jimeng_run_t *run, ngx_buf_t **last, ngx_chain_t ***ll);
static ngx_int_t ngx_http_jimeng_pass_run(ngx_http_jimeng_pass_t *p,
    ngx_http_jimeng_run_t *run, ngx_buf_t **last, ngx_chain_t ***ll);
static void ngx_http_jimeng_pass_sent(ngx_http_jimeng_pass_t *p);


/* begins an answer of which the first wanted pictures are passed on */

void
ngx_http_jimeng_pass_init(ngx_http_jimeng_pass_t *p, ngx_uint_t wanted)
{
    jm_pass_init(&p->scan);

    p->wanted = wanted;
    p->pictures = 0;
    p->raw = 0;
    p->begun = 0;
    p->inside = 0;
    p->empty = 0;
}


/*
 * The body filter of an exchange that asks for pictures: their base64 goes
 * from the upstream's buffers into the client's reply, and is not kept; what
 * is around it is added to rest.  As long as the client has not taken all of a
 * buffer, it is not emptied, and nginx does not read into it.
 */

ngx_int_t
ngx_http_jimeng_pass_filter(ngx_http_jimeng_pass_t *p, ngx_chain_t *in,
    jm_buf_t *rest)
{
    ngx_chain_t  *out, **ll;

    out = NULL;
    ll = &out;

    for ( /* void */ ; in; in = in->next) {

        if (ngx_http_jimeng_pass_buf(p, in->buf, rest, &ll) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    *ll = NULL;

    return ngx_http_jimeng_pass_output(p, out);
}


static ngx_int_t
ngx_http_jimeng_pass_buf(ngx_http_jimeng_pass_t *p, ngx_buf_t *b,
    jm_buf_t *rest, ngx_chain_t ***ll)
{
    jm_str_t                piece, text;
    ngx_buf_t              *last;
    jm_pass_e               what;
    ngx_http_jimeng_run_t   run;

    if (!ngx_buf_in_memory(b)) {
        return NGX_OK;
    }

    piece.data = b->pos;
    piece.len = b->last - b->pos;

    last = NULL;
    ngx_memzero(&run, sizeof(ngx_http_jimeng_run_t));

    do {
        what = jm_pass_next(&p->scan, &piece, &text);

        switch (what) {

        case JM_PASS_REST:
            jm_buf_str(rest, text);
            break;

        case JM_PASS_TEXT:

            if (p->pictures >= p->wanted) {
                break;
            }

            if (!p->inside
                && ngx_http_jimeng_pass_begin(p, text, ll) != NGX_OK)
            {
                return NGX_ERROR;
            }

            ngx_http_jimeng_pass_text(&run, b, &text, &piece);
            break;

        case JM_PASS_CLOSE:

            if (ngx_http_jimeng_pass_close(p, &run, &last, ll) != NGX_OK) {
                return NGX_ERROR;
            }

            break;

        case JM_PASS_INVALID:
            return NGX_ERROR;

        default: /* JM_PASS_OPEN, JM_PASS_AGAIN */
            break;
        }

    } while (what != JM_PASS_AGAIN);

    if (ngx_http_jimeng_pass_run(p, &run, &last, ll) != NGX_OK) {
        return NGX_ERROR;
    }

    if (last) {
        last->shadow = b;

    } else {
        b->pos = b->last;
    }

    return NGX_OK;
}


/*
 * A picture is announced with the first of its base64, and not before: its
 * type is told from that.
 */

static ngx_int_t
ngx_http_jimeng_pass_begin(ngx_http_jimeng_pass_t *p, jm_str_t text,
    ngx_chain_t ***ll)
{
    ngx_str_t  before;

    p->begun = 1;
    p->inside = 1;

    if (p->handler(p->data, p->pictures, jm_picture_of_base64(text), &before,
                   &p->after)
        != NGX_OK
        || ngx_http_jimeng_pass_add(p, before.data, before.len, ll) == NULL)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* a character that was escaped takes the place of its escape's last byte */

static void
ngx_http_jimeng_pass_text(ngx_http_jimeng_run_t *run, ngx_buf_t *b,
    jm_str_t *text, jm_str_t *piece)
{
    if (run->start == NULL) {
        run->start = (text->data >= b->pos && text->data < b->last)
                     ? (u_char *) text->data
                     : (u_char *) piece->data - text->len;
        run->last = run->start;
    }

    if (run->last != text->data) {
        ngx_memmove(run->last, text->data, text->len);
    }

    run->last += text->len;
}


static ngx_int_t
ngx_http_jimeng_pass_close(ngx_http_jimeng_pass_t *p,
    ngx_http_jimeng_run_t *run, ngx_buf_t **last, ngx_chain_t ***ll)
{
    if (p->pictures >= p->wanted) {
        return NGX_OK;
    }

    if (!p->inside) {
        p->empty = 1;
        return NGX_OK;
    }

    if (ngx_http_jimeng_pass_run(p, run, last, ll) != NGX_OK
        || ngx_http_jimeng_pass_add(p, p->after.data, p->after.len, ll)
           == NULL)
    {
        return NGX_ERROR;
    }

    p->inside = 0;
    p->pictures++;

    return NGX_OK;
}


/*
 * The base64 that was closed up becomes one buffer; *last is the last of these,
 * which frees the upstream's buffer when it is sent.
 */

static ngx_int_t
ngx_http_jimeng_pass_run(ngx_http_jimeng_pass_t *p, ngx_http_jimeng_run_t *run,
    ngx_buf_t **last, ngx_chain_t ***ll)
{
    ngx_buf_t  *b;

    if (run->start == NULL) {
        return NGX_OK;
    }

    b = ngx_http_jimeng_pass_add(p, run->start, run->last - run->start, ll);
    if (b == NULL) {
        return NGX_ERROR;
    }

    run->start = NULL;
    *last = b;

    return NGX_OK;
}


ngx_buf_t *
ngx_http_jimeng_pass_add(ngx_http_jimeng_pass_t *p, u_char *data, size_t len,
    ngx_chain_t ***ll)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    cl = ngx_chain_get_free_buf(p->request->pool, &p->free);
    if (cl == NULL) {
        return NULL;
    }

    b = cl->buf;
    ngx_memzero(b, sizeof(ngx_buf_t));

    b->tag = (ngx_buf_tag_t) &ngx_http_jimeng_module;
    b->memory = 1;
    b->flush = 1;
    b->start = data;
    b->pos = data;
    b->last = data + len;
    b->end = b->last;

    **ll = cl;
    *ll = &cl->next;

    return b;
}


ngx_int_t
ngx_http_jimeng_pass_output(ngx_http_jimeng_pass_t *p, ngx_chain_t *out)
{
    ngx_int_t                  rc;
    ngx_chain_t              **ll;
    ngx_connection_t          *c;
    ngx_http_request_t        *r, *active;
    ngx_http_core_loc_conf_t  *clcf;

    r = p->request;
    c = r->connection;

    if (out == NULL && p->busy == NULL) {
        return NGX_OK;
    }

    /*
     * Lua makes the connection the exchange's, which would hold this up.  A
     * subrequest of the client's own, as a filter makes it, has to.
     */

    active = c->data;

    if (active->pool != r->pool) {
        c->data = r;
    }

    rc = ngx_http_output_filter(r, out);

    if (active->pool != r->pool && c->data == r) {
        c->data = active;
    }

    for (ll = &p->busy; *ll; ll = &(*ll)->next) { /* void */ }

    *ll = out;

    if (rc == NGX_ERROR) {
        p->client_lost = 1;
        return NGX_ERROR;
    }

    ngx_http_jimeng_pass_sent(p);

    if (c->buffered) {
        clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

        return ngx_handle_write_event(c->write, clcf->send_lowat);
    }

    return NGX_OK;
}


/* buffers that were sent are used again, and free those of the upstream */

static void
ngx_http_jimeng_pass_sent(ngx_http_jimeng_pass_t *p)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    while (p->busy) {
        cl = p->busy;
        b = cl->buf;

        if (ngx_buf_size(b)) {
            return;
        }

        if (b->shadow) {
            b->shadow->pos = b->shadow->last;
        }

        p->busy = cl->next;
        cl->next = p->free;
        p->free = cl;
    }
}


/* whether the client has yet to take what lies in an exchange's buffers */

ngx_uint_t
ngx_http_jimeng_pass_busy(ngx_http_jimeng_pass_t *p)
{
    ngx_chain_t  *cl;

    for (cl = p->busy; cl; cl = cl->next) {
        if (cl->buf->shadow && ngx_buf_size(cl->buf)) {
            return 1;
        }
    }

    return 0;
}
