
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * The top: what the module is to nginx, and what is about all of it.
 */


#ifndef _NGX_HTTP_JIMENG_H_INCLUDED_
#define _NGX_HTTP_JIMENG_H_INCLUDED_


#include "ngx_http_jimeng_endpoint.h"


/* ngx_http_jimeng_variables.c */

ngx_int_t ngx_http_jimeng_add_variables(ngx_conf_t *cf);

/* ngx_http_jimeng_error_page.c */

ngx_int_t ngx_http_jimeng_error_page_init(ngx_conf_t *cf);


#endif /* _NGX_HTTP_JIMENG_H_INCLUDED_ */
