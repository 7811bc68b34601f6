
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * The floor "access": who a request's client is, and what it may do.
 */


#ifndef _NGX_HTTP_JIMENG_ACCESS_H_INCLUDED_
#define _NGX_HTTP_JIMENG_ACCESS_H_INCLUDED_


#include "ngx_http_jimeng_conf.h"


/* whom a request is of, and why that client may not be served */

typedef struct {
    jm_str_t                    name;       /* of jimeng_client, or empty */
    const jm_client_t          *line;       /* that it goes by, or NULL */
    const jm_client_t          *key;        /* whose key it sent, or NULL */
    jm_cause_e                  cause;      /* JM_CAUSE_NONE: it may */
    const char                 *why;
    const char                 *message;    /* NULL: the cause's own */
    unsigned                    sent:1;     /* it sent a key */
} ngx_http_jimeng_who_t;


/* ngx_http_jimeng_who.c */

ngx_int_t ngx_http_jimeng_who(ngx_http_request_t *r,
    ngx_http_jimeng_who_t *who);
ngx_int_t ngx_http_jimeng_who_client(ngx_http_request_t *r,
    ngx_http_jimeng_who_t *who, const jm_client_t **client);
ngx_int_t ngx_http_jimeng_client_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);

/* ngx_http_jimeng_access.c */

ngx_int_t ngx_http_jimeng_keys_check(ngx_http_request_t *r, jm_error_t *e);
ngx_int_t ngx_http_jimeng_keys_model(ngx_http_request_t *r,
    const jm_model_t *model, jm_error_t *e);
ngx_http_variable_value_t *ngx_http_jimeng_request_id(ngx_http_request_t *r);


#endif /* _NGX_HTTP_JIMENG_ACCESS_H_INCLUDED_ */
