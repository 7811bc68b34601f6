
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_client.h"


#if (NGX_HTTP_V2)

/* RFC 9113, section 7 */

#define NGX_HTTP_JIMENG_V2_INTERNAL_ERROR  2
#define NGX_HTTP_JIMENG_V2_SIZE            4


static void ngx_http_jimeng_cut_v2(ngx_http_v2_stream_t *stream);
static u_char *ngx_http_jimeng_cut_v2_write(u_char *p, uint32_t n);
static ngx_int_t ngx_http_jimeng_cut_v2_sent(ngx_http_v2_connection_t *h2c,
    ngx_http_v2_out_frame_t *frame);

#endif


/*
 * Tells the client that its reply is not whole and never will be, while the
 * request goes on: nginx itself has only ways to end both.  Nothing may be
 * sent to the client any more.
 */

void
ngx_http_jimeng_client_cut(ngx_http_request_t *r)
{
    ngx_connection_t  *c;

    c = r->connection;

#if (NGX_HTTP_V2)

    if (r->stream) {
        ngx_http_jimeng_cut_v2(r->stream);
        return;
    }

#endif

#if (NGX_HTTP_V3)

    if (r->http_version == NGX_HTTP_VERSION_30) {
        (void) ngx_quic_reset_stream(c, NGX_HTTP_V3_ERR_INTERNAL_ERROR);
        return;
    }

#endif

    /* without TLS's own end, and without the last chunk */

    if (shutdown(c->fd, SHUT_RDWR) == -1) {
        ngx_log_debug0(NGX_LOG_DEBUG_HTTP, c->log, ngx_socket_errno,
                       "jimeng: shutdown() failed");
    }
}


#if (NGX_HTTP_V2)

static void
ngx_http_jimeng_cut_v2(ngx_http_v2_stream_t *stream)
{
    ngx_buf_t                 *b;
    ngx_pool_t                *pool;
    ngx_http_v2_out_frame_t   *frame;
    ngx_http_v2_connection_t  *h2c;

    h2c = stream->connection;

    /* a session that has ended would be kept by a frame in its queue */

    if (stream->rst_sent || h2c->connection->error) {
        return;
    }

    /* the frame may be sent after the request has ended */

    pool = h2c->pool ? h2c->pool : h2c->connection->pool;

    frame = ngx_pcalloc(pool, sizeof(ngx_http_v2_out_frame_t));
    b = ngx_create_temp_buf(pool, NGX_HTTP_V2_FRAME_HEADER_SIZE
                                  + NGX_HTTP_JIMENG_V2_SIZE);

    if (frame == NULL || b == NULL) {
        return;
    }

    frame->first = ngx_alloc_chain_link(pool);
    if (frame->first == NULL) {
        return;
    }

    frame->first->buf = b;
    frame->last = frame->first;
    frame->handler = ngx_http_jimeng_cut_v2_sent;
    frame->length = NGX_HTTP_JIMENG_V2_SIZE;

    b->last_buf = 1;

    b->last = ngx_http_jimeng_cut_v2_write(b->last,
                                           NGX_HTTP_JIMENG_V2_SIZE << 8
                                           | NGX_HTTP_V2_RST_STREAM_FRAME);
    *b->last++ = NGX_HTTP_V2_NO_FLAG;
    b->last = ngx_http_jimeng_cut_v2_write(b->last, stream->node->id);
    b->last = ngx_http_jimeng_cut_v2_write(b->last,
                                           NGX_HTTP_JIMENG_V2_INTERNAL_ERROR);

    /* nothing of the stream may come after it: frames may still wait */

    ngx_http_v2_queue_ordered_frame(h2c, frame);

    stream->rst_sent = 1;
    stream->skip_data = 1;

    (void) ngx_http_v2_send_output_queue(h2c);
}


/* nginx's own way writes whole numbers to odd addresses */

static u_char *
ngx_http_jimeng_cut_v2_write(u_char *p, uint32_t n)
{
    *p++ = (u_char) (n >> 24);
    *p++ = (u_char) (n >> 16);
    *p++ = (u_char) (n >> 8);
    *p++ = (u_char) n;

    return p;
}


static ngx_int_t
ngx_http_jimeng_cut_v2_sent(ngx_http_v2_connection_t *h2c,
    ngx_http_v2_out_frame_t *frame)
{
    ngx_buf_t  *b;

    b = frame->first->buf;

    return b->pos == b->last ? NGX_OK : NGX_AGAIN;
}

#endif
