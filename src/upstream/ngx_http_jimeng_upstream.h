
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * The floor "upstream": what is sent to it, and signed, and the pictures that
 * pass from it to a client.
 */


#ifndef _NGX_HTTP_JIMENG_UPSTREAM_H_INCLUDED_
#define _NGX_HTTP_JIMENG_UPSTREAM_H_INCLUDED_


#include "ngx_http_jimeng_slot.h"

#include "jm_base64.h"
#include "jm_media.h"
#include "jm_part.h"
#include "jm_pass.h"
#include "jm_picture.h"


/* the body of a query or a submit: text, or all of a file */

typedef struct {
    ngx_str_t                   text;
    ngx_file_t                 *file;
    off_t                       len;        /* bytes of the text or the file */
    unsigned                    hashed:1;   /* hash is set */
    u_char                      hash[JM_DIGEST_HEX_LEN];
} ngx_http_jimeng_payload_t;


/*
 * Sets what comes before and after a picture's base64, the number of which
 * counts from 0; the client's reply has to be under way when it returns.
 */

typedef ngx_int_t (*ngx_http_jimeng_picture_pt)(void *data,
    ngx_uint_t number, jm_picture_type_e type, ngx_str_t *before,
    ngx_str_t *after);

/* the pictures of one task on their way from the upstream to the client */

typedef struct {
    ngx_http_request_t         *request;
    ngx_http_jimeng_picture_pt  handler;
    void                       *data;
    jm_pass_t                   scan;       /* finds them in the answer */
    ngx_chain_t                *free;
    ngx_chain_t                *busy;       /* not sent to the client yet */
    ngx_chain_t                *pending;    /* not encoded yet */
    ngx_pool_t                 *pool;       /* that the links of these are of */
    jm_base64_encoder_t         encoder;
    u_char                     *encoded;    /* a piece of the picture */
    u_char                     *piece;      /* and one that lay in a file */
    u_char                      head[JM_MEDIA_HEAD];
    size_t                      nhead;      /* of it, not encoded yet */
    ngx_str_t                   after;      /* goes behind this picture */
    ngx_uint_t                  wanted;     /* pictures; more are dropped */
    ngx_uint_t                  pictures;   /* passed on, to their end */
    unsigned                    raw:1;      /* they come as bytes, each alone */
    unsigned                    last:1;     /* the last of these came */
    unsigned                    bad:1;      /* these are none, or unreadable */
    unsigned                    begun:1;    /* the first is being passed on */
    unsigned                    inside:1;   /* the end of one is to come */
    unsigned                    empty:1;    /* a picture had no base64 */
    unsigned                    client_lost:1;  /* its connection failed */
} ngx_http_jimeng_pass_t;


/* ngx_http_jimeng_sign.c */

ngx_int_t ngx_http_jimeng_sign(ngx_http_jimeng_account_t *account,
    jm_visual_call_e call, ngx_http_jimeng_payload_t *payload,
    ngx_list_t *headers, ngx_log_t *log);
ngx_int_t ngx_http_jimeng_payload_hash(ngx_http_jimeng_payload_t *payload);

/* ngx_http_jimeng_pass.c */

void ngx_http_jimeng_pass_init(ngx_http_jimeng_pass_t *p, ngx_uint_t limit);
ngx_int_t ngx_http_jimeng_pass_filter(ngx_http_jimeng_pass_t *p,
    ngx_chain_t *in, jm_buf_t *rest);
ngx_uint_t ngx_http_jimeng_pass_busy(ngx_http_jimeng_pass_t *p);
ngx_buf_t *ngx_http_jimeng_pass_add(ngx_http_jimeng_pass_t *p, u_char *data,
    size_t len, ngx_chain_t ***ll);
ngx_int_t ngx_http_jimeng_pass_output(ngx_http_jimeng_pass_t *p,
    ngx_chain_t *out);

/* ngx_http_jimeng_encode.c */

ngx_int_t ngx_http_jimeng_encode_init(ngx_http_jimeng_pass_t *p,
    ngx_pool_t *pool);
ngx_int_t ngx_http_jimeng_encode_filter(ngx_http_jimeng_pass_t *p,
    ngx_chain_t *in, ngx_pool_t *pool);
ngx_int_t ngx_http_jimeng_encode(ngx_http_jimeng_pass_t *p);

/* ngx_http_jimeng_part.c */

ngx_int_t ngx_http_jimeng_part(jm_part_t *part, const jm_answer_t *answer,
    ngx_uint_t gpt, ngx_pool_t *pool);
ngx_int_t ngx_http_jimeng_part_lose(jm_part_t *part, size_t index,
    const jm_error_t *error, ngx_pool_t *pool);
void ngx_http_jimeng_part_keep(jm_str_t *kept, const jm_answer_t *answer,
    jm_mem_t *mem);
ngx_int_t ngx_http_jimeng_part_kept(jm_str_t kept, jm_answer_t *answer,
    jm_mem_t *mem);

/* ngx_http_jimeng_query.c */

ngx_int_t ngx_http_jimeng_query(ngx_pool_t *pool, ngx_str_t *req_key,
    ngx_str_t *id, ngx_str_t *form, ngx_http_jimeng_payload_t *body);


#endif /* _NGX_HTTP_JIMENG_UPSTREAM_H_INCLUDED_ */
