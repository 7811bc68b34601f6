
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * Filters that come before those of all other modules.  The filters of a module
 * that is loaded later come before those of the modules loaded earlier, and
 * each reading of a configuration, one that nginx refuses as well, puts them in
 * their order anew.  So whoever begins what these are for makes sure of it.
 */


#include "ngx_http_jimeng_base.h"


static ngx_int_t ngx_http_jimeng_first_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_jimeng_first_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);


static ngx_http_jimeng_filter_t  ngx_http_jimeng_filters[
    NGX_HTTP_JIMENG_FILTERS];

static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;


/*
 * From now on it sees whatever any request brings, before others do: its
 * functions return NGX_DECLINED for what is not theirs, and hand on what others
 * are to see by ngx_http_jimeng_next_header() and ngx_http_jimeng_next_body().
 */

void
ngx_http_jimeng_first(ngx_uint_t n, ngx_http_jimeng_filter_t *filter)
{
    ngx_http_jimeng_filters[n] = *filter;

    if (ngx_http_top_header_filter != ngx_http_jimeng_first_header_filter) {
        ngx_http_next_header_filter = ngx_http_top_header_filter;
        ngx_http_top_header_filter = ngx_http_jimeng_first_header_filter;
    }

    if (ngx_http_top_body_filter != ngx_http_jimeng_first_body_filter) {
        ngx_http_next_body_filter = ngx_http_top_body_filter;
        ngx_http_top_body_filter = ngx_http_jimeng_first_body_filter;
    }
}


static ngx_int_t
ngx_http_jimeng_first_header_filter(ngx_http_request_t *r)
{
    ngx_int_t   rc;
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_JIMENG_FILTERS; i++) {

        if (ngx_http_jimeng_filters[i].header == NULL) {
            continue;
        }

        rc = ngx_http_jimeng_filters[i].header(r);

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    return ngx_http_next_header_filter(r);
}


static ngx_int_t
ngx_http_jimeng_first_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_int_t   rc;
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_JIMENG_FILTERS; i++) {

        if (ngx_http_jimeng_filters[i].body == NULL) {
            continue;
        }

        rc = ngx_http_jimeng_filters[i].body(r, in);

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    return ngx_http_next_body_filter(r, in);
}


ngx_int_t
ngx_http_jimeng_next_header(ngx_http_request_t *r)
{
    return ngx_http_next_header_filter(r);
}


ngx_int_t
ngx_http_jimeng_next_body(ngx_http_request_t *r, ngx_chain_t *in)
{
    return ngx_http_next_body_filter(r, in);
}
