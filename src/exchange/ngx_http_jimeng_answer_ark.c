
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * Ark's answers: one that is a stream of events is read as it comes, as its
 * pictures are the client's when they are made, and not when the last one is.
 */


#include "ngx_http_jimeng_exchange.h"

#include "jm_ark.h"
#include "jm_ark_events.h"


struct ngx_http_jimeng_events_s {
    jm_ark_events_t             reader;
    jm_ark_gather_t             gather;
};


/* the answer's header has come: is it a stream, and what is its id? */

ngx_int_t
ngx_http_jimeng_answer_ark_begin(ngx_http_jimeng_exchange_t *x)
{
    ngx_str_t                        *type, *id;
    ngx_uint_t                        n;
    ngx_http_upstream_t              *u;
    struct ngx_http_jimeng_events_s  *events;

    u = x->subrequest->upstream;

    id = u ? ngx_http_jimeng_header(&u->headers_in.headers, "X-Request-Id", &n)
           : NULL;

    if (id) {
        x->request_id.len = id->len;
        x->request_id.data = ngx_pstrdup(x->pool, id);

        if (x->request_id.data == NULL) {
            return NGX_ERROR;
        }
    }

    type = &x->subrequest->headers_out.content_type;

    if (type->len < 17
        || ngx_strncasecmp(type->data, (u_char *) "text/event-stream", 17) != 0
        || x->status != NGX_HTTP_OK)
    {
        return NGX_OK;
    }

    events = ngx_palloc(x->pool, sizeof(struct ngx_http_jimeng_events_s));
    if (events == NULL) {
        return NGX_ERROR;
    }

    jm_ark_gather_init(&events->gather, &x->result, &x->mem);
    jm_ark_events_init(&events->reader, jm_ark_gather, &events->gather,
                       &x->mem);

    x->events = events;

    return NGX_OK;
}


/*
 * The next bytes of a stream.  What cannot be read ends the reading: what came
 * before counts, and the rest is unknown.
 */

void
ngx_http_jimeng_answer_ark_add(ngx_http_jimeng_exchange_t *x, ngx_buf_t *b)
{
    jm_str_t  piece;

    piece.data = b->pos;
    piece.len = b->last - b->pos;

    (void) jm_ark_events_add(&x->events->reader, piece);

    /* whoever waits for a picture looks whether it has come */

    ngx_http_jimeng_post(x->request, &x->posted);
}


jm_rc_e
ngx_http_jimeng_answer_ark_read(ngx_http_jimeng_exchange_t *x,
    jm_transport_e transport)
{
    jm_rc_e  rc;

    if (x->events) {
        jm_ark_gather_end(&x->events->gather);
        rc = JM_OK;

    } else {
        rc = jm_ark_read(&x->result, transport, (unsigned) x->status,
                         jm_buf_view(&x->answer), &x->mem);
    }

    if (x->result.request_id.len == 0) {
        ngx_http_jimeng_str(&x->result.request_id, &x->request_id);
    }

    return rc;
}
