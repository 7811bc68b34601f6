
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * The floor "endpoint": what clients may ask for, path by path, and what an
 * operator may.
 */


#ifndef _NGX_HTTP_JIMENG_ENDPOINT_H_INCLUDED_
#define _NGX_HTTP_JIMENG_ENDPOINT_H_INCLUDED_


#include "ngx_http_jimeng_job.h"

#if (NGX_JIMENG_REDIS)

#include "ngx_http_jimeng_store.h"

#else

#define ngx_http_jimeng_store_early(r, handler)  (handler)(r)

#endif


/* ngx_http_jimeng_origin.c */

ngx_int_t ngx_http_jimeng_origin_check(ngx_http_request_t *r, jm_error_t *e);

/* ngx_http_jimeng_images.c */

ngx_int_t ngx_http_jimeng_images_read(ngx_http_request_t *r);

/* ngx_http_jimeng_retrieve.c */

ngx_int_t ngx_http_jimeng_retrieve(ngx_http_request_t *r, ngx_str_t *name);

/* ngx_http_jimeng_cancel.c */

ngx_int_t ngx_http_jimeng_cancel(ngx_http_request_t *r,
    ngx_http_jimeng_order_t *order);

/* ngx_http_jimeng_models.c */

ngx_int_t ngx_http_jimeng_models(ngx_http_request_t *r, ngx_str_t *name);

/* ngx_http_jimeng_usage.c */

ngx_int_t ngx_http_jimeng_usage(ngx_http_request_t *r, ngx_str_t *name);

/* ngx_http_jimeng_status.c */

char *ngx_http_jimeng_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_jimeng_metrics(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_jimeng_status_merge(ngx_conf_t *cf,
    ngx_http_jimeng_loc_conf_t *prev, ngx_http_jimeng_loc_conf_t *conf);

/* ngx_http_jimeng_handler.c */

char *ngx_http_jimeng_pass(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
void ngx_http_jimeng_handler_merge(ngx_conf_t *cf,
    ngx_http_jimeng_loc_conf_t *conf);


#endif /* _NGX_HTTP_JIMENG_ENDPOINT_H_INCLUDED_ */
