
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * The floor "base": what is kept of a request, its memory, its headers, and
 * who sees what it brings first.
 */


#ifndef _NGX_HTTP_JIMENG_BASE_H_INCLUDED_
#define _NGX_HTTP_JIMENG_BASE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "jm_digest.h"
#include "jm_error.h"
#include "jm_keys.h"


/* types of higher floors, which the context points to */

typedef struct ngx_http_jimeng_job_s    ngx_http_jimeng_job_t;
typedef struct ngx_http_jimeng_input_s  ngx_http_jimeng_input_t;
typedef struct ngx_http_jimeng_order_s  ngx_http_jimeng_order_t;
typedef struct ngx_http_jimeng_hold_s   ngx_http_jimeng_hold_t;
typedef struct ngx_http_jimeng_shown_s  ngx_http_jimeng_shown_t;


typedef struct {
    ngx_http_jimeng_job_t      *job;
    ngx_http_jimeng_input_t    *input;      /* while the body is read */
    ngx_http_jimeng_order_t    *order;      /* when asked for by an id */
    ngx_http_jimeng_hold_t     *hold;       /* a share of client's limits */
    ngx_http_jimeng_shown_t    *shown;      /* a link that was opened */
    const jm_client_t          *client;     /* NULL: it is not known */
    const jm_client_t          *key;        /* whose key it sent, or NULL */
    jm_error_t                 *rate_error; /* NULL: not over its rate */
    u_char                      identity[JM_DIGEST_LEN];    /* a client's */
    ngx_str_t                   error_page; /* the body, instead of nginx's */
    ngx_str_t                   model;      /* req_key, once it is known */
    ngx_str_t                   requested;  /* as the client called it */
    ngx_str_t                   account;    /* the last that it had a task of */
    jm_cause_e                  cause;      /* of the error that was sent */
    uint8_t                     mark;       /* a jm_mark_e */
    uint8_t                     entered;    /* a jm_entered_e */
    unsigned                    replied:1;  /* the reply is of our making */
    unsigned                    edit:1;     /* asked for images/edits */
    unsigned                    form:1;     /* the body is a form */
    unsigned                    identified:1;   /* identity is set */
    unsigned                    known:1;    /* client is, as far as it can be */
    unsigned                    unasked:1;  /* no client's: only to be logged */
} ngx_http_jimeng_ctx_t;


/* whose filters come before those of other modules */

typedef enum {
    NGX_HTTP_JIMENG_FILTER_ANSWER = 0,
    NGX_HTTP_JIMENG_FILTER_SHOWN,
    NGX_HTTP_JIMENG_FILTER_ATTEMPT,
    NGX_HTTP_JIMENG_FILTERS
} ngx_http_jimeng_filter_e;


typedef struct {
    ngx_http_output_header_filter_pt  header;
    ngx_http_output_body_filter_pt    body;
} ngx_http_jimeng_filter_t;


/* sets a jm_str_t and an ngx_str_t, or a jm_buf_t, from one another */

#define ngx_http_jimeng_str(v, s)                                             \
    (v)->len = (s)->len;                                                      \
    (v)->data = (s)->data


extern ngx_module_t  ngx_http_jimeng_module;


/* ngx_http_jimeng_context.c */

ngx_http_jimeng_ctx_t *ngx_http_jimeng_ctx(ngx_http_request_t *r);
void ngx_http_jimeng_told(ngx_http_request_t *r, jm_cause_e cause);
void ngx_http_jimeng_path(ngx_http_request_t *r, ngx_str_t *path);
void ngx_http_jimeng_mem(jm_mem_t *mem, ngx_pool_t *pool);
void ngx_http_jimeng_post(ngx_http_request_t *r,
    ngx_http_posted_request_t *posted);

/* ngx_http_jimeng_first.c */

void ngx_http_jimeng_first(ngx_uint_t n, ngx_http_jimeng_filter_t *filter);
ngx_int_t ngx_http_jimeng_next_header(ngx_http_request_t *r);
ngx_int_t ngx_http_jimeng_next_body(ngx_http_request_t *r, ngx_chain_t *in);

/* ngx_http_jimeng_random.c */

ngx_int_t ngx_http_jimeng_random(u_char *dst, size_t len, ngx_log_t *log);

/* ngx_http_jimeng_file.c */

ngx_int_t ngx_http_jimeng_file_read(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *path, size_t max, jm_str_t *text);

/* ngx_http_jimeng_headers.c */

ngx_str_t *ngx_http_jimeng_header(ngx_list_t *headers, char *name,
    ngx_uint_t *n);
ngx_str_t *ngx_http_jimeng_key_header(ngx_http_request_t *r, ngx_uint_t *n);
ngx_int_t ngx_http_jimeng_reply_header(ngx_http_request_t *r,
    const char *name, u_char *value, size_t len);


#endif /* _NGX_HTTP_JIMENG_BASE_H_INCLUDED_ */
