
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * The floor "client": what tells a request's client apart, and whether it is
 * still there.
 */


#ifndef _NGX_HTTP_JIMENG_CLIENT_H_INCLUDED_
#define _NGX_HTTP_JIMENG_CLIENT_H_INCLUDED_


#include "ngx_http_jimeng_base.h"


/* ngx_http_jimeng_identity.c */

ngx_int_t ngx_http_jimeng_key(ngx_http_request_t *r, jm_str_t *key);
ngx_int_t ngx_http_jimeng_digest(u_char *dst, jm_str_t *parts, ngx_uint_t n);
ngx_int_t ngx_http_jimeng_identity(ngx_http_request_t *r, u_char *id);
ngx_int_t ngx_http_jimeng_client_digest(const jm_client_t *c, u_char *id);
void ngx_http_jimeng_owner(ngx_http_request_t *r, jm_str_t *owner);

/* ngx_http_jimeng_client.c */

ngx_uint_t ngx_http_jimeng_client_is_stream(ngx_http_request_t *r);
void ngx_http_jimeng_client_watch(ngx_http_request_t *r);
void ngx_http_jimeng_client_unwatch(ngx_http_request_t *r);
ngx_uint_t ngx_http_jimeng_client_left(ngx_http_request_t *r);
ngx_uint_t ngx_http_jimeng_client_broke(ngx_http_request_t *r);
ngx_uint_t ngx_http_jimeng_client_took(ngx_http_request_t *r);
ngx_uint_t ngx_http_jimeng_client_early(ngx_http_request_t *r);
void ngx_http_jimeng_client_ignore(ngx_http_request_t *r);
ngx_uint_t ngx_http_jimeng_shutdown_within(ngx_msec_t time);

/* ngx_http_jimeng_cut.c */

void ngx_http_jimeng_client_cut(ngx_http_request_t *r);


#endif /* _NGX_HTTP_JIMENG_CLIENT_H_INCLUDED_ */
