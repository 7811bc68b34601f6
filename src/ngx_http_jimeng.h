
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * The top: what the module is to nginx, and what is about all of it.
 */


#ifndef _NGX_HTTP_JIMENG_H_INCLUDED_
#define _NGX_HTTP_JIMENG_H_INCLUDED_


#include "ngx_http_jimeng_endpoint.h"


/* what a variable of the request's tasks tells: its data */

enum {
    NGX_HTTP_JIMENG_ACCOUNT,
    NGX_HTTP_JIMENG_MODEL,
    NGX_HTTP_JIMENG_TASK_ID,
    NGX_HTTP_JIMENG_TASK,
    NGX_HTTP_JIMENG_STATUS,
    NGX_HTTP_JIMENG_JOIN,
    NGX_HTTP_JIMENG_UPSTREAM_ID,
    NGX_HTTP_JIMENG_CODE,
    NGX_HTTP_JIMENG_N,
    NGX_HTTP_JIMENG_TRIES,
    NGX_HTTP_JIMENG_POLLS,
    NGX_HTTP_JIMENG_IMAGES,
    NGX_HTTP_JIMENG_BILLED,
    NGX_HTTP_JIMENG_QUEUE_TIME,
    NGX_HTTP_JIMENG_TASK_TIME,
    NGX_HTTP_JIMENG_UPSTREAM_TIME
};


/* ngx_http_jimeng_variables.c */

ngx_int_t ngx_http_jimeng_add_variables(ngx_conf_t *cf);

/* ngx_http_jimeng_numbers.c */

ngx_int_t ngx_http_jimeng_number_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
ngx_int_t ngx_http_jimeng_cost_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
ngx_int_t ngx_http_jimeng_position_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
ngx_int_t ngx_http_jimeng_time_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
void ngx_http_jimeng_variable_set(ngx_http_variable_value_t *v, u_char *data,
    size_t len);

/* ngx_http_jimeng_logged.c */

ngx_int_t ngx_http_jimeng_logged(ngx_http_request_t *r);

/* ngx_http_jimeng_error_page.c */

ngx_int_t ngx_http_jimeng_error_page_init(ngx_conf_t *cf);


#endif /* _NGX_HTTP_JIMENG_H_INCLUDED_ */
