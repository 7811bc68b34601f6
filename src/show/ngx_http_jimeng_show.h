
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * The floor "show": the location of jimeng_picture, which opens a link and
 * shows what it leads to, and nothing else.
 */


#ifndef _NGX_HTTP_JIMENG_SHOW_H_INCLUDED_
#define _NGX_HTTP_JIMENG_SHOW_H_INCLUDED_


#include "ngx_http_jimeng_reply.h"

#include "jm_media.h"


struct ngx_http_jimeng_shown_s {
    ngx_str_t                   name;       /* the link */
    ngx_str_t                   url;        /* that it leads to */
    jm_error_t                 *error;      /* why not, or NULL */
    const jm_media_t           *media;      /* what it is; NULL: not known */
    size_t                      nhead;
    u_char                      head[JM_MEDIA_HEAD];    /* its first bytes */
    unsigned                    owned:1;    /* for its owner alone */
    unsigned                    held:1;     /* the header waits for them */
    unsigned                    sent:1;     /* it was sent */
    unsigned                    refused:1;  /* in place of what came */
};


/* ngx_http_jimeng_show.c */

ngx_int_t ngx_http_jimeng_show_precontent(ngx_http_request_t *r);
ngx_int_t ngx_http_jimeng_show_redirected(ngx_http_request_t *r);
ngx_int_t ngx_http_jimeng_show_url_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
ngx_int_t ngx_http_jimeng_show_type_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);

/* ngx_http_jimeng_show_filter.c */

void ngx_http_jimeng_show_first(void);

/* ngx_http_jimeng_show_header.c */

ngx_int_t ngx_http_jimeng_show_headers(ngx_http_request_t *r,
    ngx_http_jimeng_shown_t *shown);
ngx_int_t ngx_http_jimeng_show_error(ngx_http_request_t *r, jm_error_t *e,
    ngx_uint_t status);
void ngx_http_jimeng_show_strip(ngx_http_request_t *r);
ngx_int_t ngx_http_jimeng_show_asked(ngx_http_request_t *r);


#endif /* _NGX_HTTP_JIMENG_SHOW_H_INCLUDED_ */
