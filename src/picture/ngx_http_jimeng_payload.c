
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_picture.h"

#include "jm_text.h"


struct ngx_http_jimeng_writer_s {
    ngx_http_jimeng_payload_t  *payload;
    jm_digest_t                 digest;
    jm_base64_encoder_t         encoder;
    u_char                     *encoded;
};


static void ngx_http_jimeng_payload_cleanup(void *data);


/*
 * A body that has pictures in it is written to a file while they are read:
 * once, as every task sends the same.  The file has no name any more when it
 * is open, so nothing is left of it, whatever ends the request or the worker.
 * Pictures come in pieces of at most so many bytes.
 */

ngx_http_jimeng_writer_t *
ngx_http_jimeng_payload_open(ngx_http_request_t *r,
    ngx_http_jimeng_payload_t *payload, size_t piece, ngx_pool_t *pool)
{
    ngx_pool_cleanup_t        *cln;
    ngx_http_core_loc_conf_t  *clcf;
    ngx_http_jimeng_writer_t  *w;

    cln = ngx_pool_cleanup_add(pool, sizeof(ngx_http_jimeng_writer_t));
    if (cln == NULL) {
        return NULL;
    }

    w = cln->data;
    ngx_memzero(w, sizeof(ngx_http_jimeng_writer_t));

    w->encoded = ngx_palloc(pool, jm_base64_encoded(piece));
    if (w->encoded == NULL || jm_digest_init(&w->digest, NULL) != JM_OK) {
        return NULL;
    }

    cln->handler = ngx_http_jimeng_payload_cleanup;

    payload->file = ngx_pcalloc(r->pool, sizeof(ngx_file_t));
    if (payload->file == NULL) {
        return NULL;
    }

    payload->file->log = r->connection->log;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (ngx_create_temp_file(payload->file, clcf->client_body_temp_path,
                             r->pool, 0, 0, 0)
        != NGX_OK)
    {
        return NULL;
    }

    w->payload = payload;
    jm_base64_encoder_init(&w->encoder);

    return w;
}


static void
ngx_http_jimeng_payload_cleanup(void *data)
{
    ngx_http_jimeng_writer_t *w = data;

    jm_digest_free(&w->digest);
}


/* adds JSON as it is */

ngx_int_t
ngx_http_jimeng_payload_text(ngx_http_jimeng_writer_t *w, jm_str_t text)
{
    ngx_http_jimeng_payload_t  *payload;

    if (text.len == 0) {
        return NGX_OK;
    }

    payload = w->payload;

    if (jm_digest_add(&w->digest, text) != JM_OK) {
        ngx_log_error(NGX_LOG_CRIT, payload->file->log, 0,
                      "jimeng: a request could not be hashed");
        return NGX_ERROR;
    }

    if (ngx_write_file(payload->file, (u_char *) text.data, text.len,
                       payload->len)
        == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    payload->len += text.len;

    return NGX_OK;
}


/* adds a piece of a picture, as base64; _data_end() is called after the last */

ngx_int_t
ngx_http_jimeng_payload_data(ngx_http_jimeng_writer_t *w, jm_str_t data)
{
    jm_str_t  text;

    text.len = jm_base64_encode(&w->encoder, data, w->encoded);
    text.data = w->encoded;

    return ngx_http_jimeng_payload_text(w, text);
}


ngx_int_t
ngx_http_jimeng_payload_data_end(ngx_http_jimeng_writer_t *w)
{
    jm_str_t  text;

    text.len = jm_base64_encode_end(&w->encoder, w->encoded);
    text.data = w->encoded;

    jm_base64_encoder_init(&w->encoder);

    return ngx_http_jimeng_payload_text(w, text);
}


/* the body is whole: its hash, which was made meanwhile, is set */

ngx_int_t
ngx_http_jimeng_payload_end(ngx_http_jimeng_writer_t *w)
{
    u_char  digest[JM_DIGEST_LEN];

    if (jm_digest_end(&w->digest, digest) != JM_OK) {
        return NGX_ERROR;
    }

    jm_hex(w->payload->hash, digest, JM_DIGEST_LEN);
    w->payload->hashed = 1;

    return NGX_OK;
}
