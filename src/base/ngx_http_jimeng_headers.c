
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_base.h"


/* the first of a header's values, or NULL; sets *n to how many there are */

ngx_str_t *
ngx_http_jimeng_header(ngx_list_t *headers, char *name, ngx_uint_t *n)
{
    size_t            len;
    ngx_str_t        *value;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    *n = 0;
    value = NULL;
    len = ngx_strlen(name);

    part = &headers->part;
    h = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                return value;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        if (h[i].key.len == len
            && ngx_strncasecmp(h[i].key.data, (u_char *) name, len) == 0)
        {
            if (value == NULL) {
                value = &h[i].value;
            }

            (*n)++;
        }
    }
}


/* the first of these headers that has a value, or NULL */

ngx_str_t *
ngx_http_jimeng_key_header(ngx_http_request_t *r, ngx_uint_t *n)
{
    char       **name;
    ngx_str_t   *value;

    static char  *names[] = { "GeekAI-API-Key", "api-key", "x-api-key", NULL };

    for (name = names; *name; name++) {
        value = ngx_http_jimeng_header(&r->headers_in.headers, *name, n);

        if (value && value->len) {
            return value;
        }
    }

    return NULL;
}


/* name and value are not copied */

ngx_int_t
ngx_http_jimeng_reply_header(ngx_http_request_t *r, const char *name,
    u_char *value, size_t len)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->hash = 1;
    h->key.len = ngx_strlen(name);
    h->key.data = (u_char *) name;
    h->value.len = len;
    h->value.data = value;

    return NGX_OK;
}
