
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * The floor "picture": the pictures in a client's body, on their way to where
 * the upstream finds them: a file under a URL, or the body of the submit.
 */


#ifndef _NGX_HTTP_JIMENG_PICTURE_H_INCLUDED_
#define _NGX_HTTP_JIMENG_PICTURE_H_INCLUDED_


#include "ngx_http_jimeng_orphan.h"

#include "jm_base64.h"
#include "jm_request.h"


/* bytes of a body that are read at a time */

#define NGX_HTTP_JIMENG_PIECE        65536

/* characters of a file's name: its digest, or random ones until it is whole */

#define NGX_HTTP_JIMENG_UPLOAD_NAME  JM_DIGEST_HEX_LEN
#define NGX_HTTP_JIMENG_UPLOAD_TEMP  32
#define NGX_HTTP_JIMENG_UPLOAD_EXT   4      /* ".jpg", ".png", ".tmp" */


typedef struct ngx_http_jimeng_store_s   ngx_http_jimeng_store_t;
typedef struct ngx_http_jimeng_writer_s  ngx_http_jimeng_writer_t;


typedef struct {
    jm_str_t                    text;       /* all of it, if it is whole */
    ngx_chain_t                *bufs;
    ngx_chain_t                *cl;         /* the buffer last read from */
    uint64_t                    start;      /* where cl begins in the body */
    uint64_t                    len;
    unsigned                    whole:1;    /* it is in one piece, in memory */
} ngx_http_jimeng_body_t;


/* jimeng_upload; what follows expires is the cache manager's */

struct ngx_http_jimeng_upload_s {
    ngx_path_t                 *path;
    ngx_str_t                   url;        /* without a slash at its end */
    time_t                      expires;
    ngx_dir_t                   dir;
    time_t                      oldest;     /* of the files that stay */
    ngx_msec_t                  next;       /* when to read dir again */
    unsigned                    open:1;     /* dir is */
};


typedef struct {
    ngx_http_jimeng_body_t     *body;
    ngx_http_jimeng_store_t    *store;      /* NULL: it goes to the writer */
    ngx_http_jimeng_writer_t   *writer;
    jm_image_t                 *image;
    uint64_t                    offset;     /* of the next piece of it */
    jm_base64_t                 base64;
    jm_picture_t                picture;
    size_t                      nheld;      /* bytes of it before its type */
    u_char                      held[JM_PICTURE_KEPT];
    u_char                     *buffer;     /* for a piece of the body, */
    u_char                     *decoded;    /* and one for it, decoded */
    unsigned                    uri:1;      /* its type goes before it */
    unsigned                    named:1;    /* it has */
} ngx_http_jimeng_picture_t;


/* ngx_http_jimeng_body.c */

ngx_int_t ngx_http_jimeng_body_open(ngx_http_request_t *r,
    ngx_http_jimeng_body_t *body);
ngx_int_t ngx_http_jimeng_body_read(ngx_http_jimeng_body_t *body,
    uint64_t offset, size_t len, u_char *buffer, jm_str_t *piece);

/* ngx_http_jimeng_expire.c, ngx_http_jimeng_upload.c */

ngx_msec_t ngx_http_jimeng_expire(void *data);
char *ngx_http_jimeng_upload(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
ngx_http_jimeng_store_t *ngx_http_jimeng_store_create(
    ngx_http_jimeng_upload_t *upload, ngx_pool_t *pool, ngx_log_t *log);
ngx_int_t ngx_http_jimeng_store_open(ngx_http_jimeng_store_t *store,
    ngx_http_jimeng_account_t *account);
ngx_int_t ngx_http_jimeng_store_add(ngx_http_jimeng_store_t *store,
    jm_str_t data);
ngx_int_t ngx_http_jimeng_store_end(ngx_http_jimeng_store_t *store,
    jm_picture_type_e type, ngx_pool_t *pool, jm_str_t *url);

/* ngx_http_jimeng_payload.c */

ngx_http_jimeng_writer_t *ngx_http_jimeng_payload_open(ngx_http_request_t *r,
    ngx_http_jimeng_payload_t *payload, size_t piece, ngx_pool_t *pool);
ngx_int_t ngx_http_jimeng_payload_text(ngx_http_jimeng_writer_t *w,
    jm_str_t text);
ngx_int_t ngx_http_jimeng_payload_data(ngx_http_jimeng_writer_t *w,
    jm_str_t data);
ngx_int_t ngx_http_jimeng_payload_data_end(ngx_http_jimeng_writer_t *w);
ngx_int_t ngx_http_jimeng_payload_end(ngx_http_jimeng_writer_t *w);

/* ngx_http_jimeng_picture.c */

ngx_int_t ngx_http_jimeng_picture_create(ngx_http_jimeng_picture_t *p,
    ngx_pool_t *pool);
void ngx_http_jimeng_picture_start(ngx_http_jimeng_picture_t *p,
    jm_image_t *image, const jm_model_t *model);
ngx_int_t ngx_http_jimeng_picture_step(ngx_http_jimeng_picture_t *p,
    size_t *used, jm_error_t *e);
ngx_int_t ngx_http_jimeng_picture_unstored(jm_error_t *e);


#endif /* _NGX_HTTP_JIMENG_PICTURE_H_INCLUDED_ */
