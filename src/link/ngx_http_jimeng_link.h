
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * The floor "link": links to pictures, in place of the upstream's, and where
 * they lead to.
 */


#ifndef _NGX_HTTP_JIMENG_LINK_H_INCLUDED_
#define _NGX_HTTP_JIMENG_LINK_H_INCLUDED_


#include "ngx_http_jimeng_access.h"

#include "jm_host.h"
#include "jm_link.h"


/* seconds for which the upstream has a picture */

#define NGX_HTTP_JIMENG_LINK_DAY  86400


/* what a location does with links: jimeng_picture */

typedef enum {
    NGX_HTTP_JIMENG_LINK_CLOSED = 0,
    NGX_HTTP_JIMENG_LINK_OPEN,
    NGX_HTTP_JIMENG_LINK_OWNED      /* opens those of its client */
} ngx_http_jimeng_link_e;


/* jimeng_pictures, jimeng_picture, jimeng_picture_hosts */

struct ngx_http_jimeng_links_s {
    ngx_str_t                   base;       /* as written; empty: none */
    ngx_str_t                   path;       /* of it, what is no host */
    time_t                      expires;
    ngx_array_t                *hosts;      /* jm_host_t */
    ngx_http_jimeng_link_e      picture;
};


/* ngx_http_jimeng_link.c */

ngx_int_t ngx_http_jimeng_link_urls(ngx_http_request_t *r, time_t created,
    jm_str_t *urls, ngx_uint_t n);
ngx_int_t ngx_http_jimeng_link_uri(ngx_http_request_t *r, time_t created,
    jm_str_t url, ngx_str_t *uri);
ngx_int_t ngx_http_jimeng_link_path(ngx_http_request_t *r, ngx_pool_t *pool,
    ngx_str_t *name, ngx_str_t *uri);
ngx_int_t ngx_http_jimeng_link_open(ngx_http_request_t *r, ngx_str_t *name,
    u_char *room, jm_link_t *link);
ngx_uint_t ngx_http_jimeng_link_is_host(ngx_str_t *host);
void ngx_http_jimeng_link_name(ngx_str_t *url, ngx_str_t *name);
ngx_int_t ngx_http_jimeng_link_owner(ngx_http_request_t *r, jm_link_t *link);

/* ngx_http_jimeng_link_conf.c */

char *ngx_http_jimeng_pictures(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_jimeng_picture(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_jimeng_picture_hosts(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_jimeng_link_merge(ngx_conf_t *cf,
    ngx_http_jimeng_loc_conf_t *prev, ngx_http_jimeng_loc_conf_t *conf);


#endif /* _NGX_HTTP_JIMENG_LINK_H_INCLUDED_ */
