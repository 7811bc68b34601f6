
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_base.h"


static ngx_int_t ngx_http_jimeng_file_text(ngx_conf_t *cf, ngx_str_t *name,
    ngx_file_t *file, size_t max, jm_str_t *text);


/*
 * Reads a file that the configuration names, of max bytes at most.  What is
 * wrong is logged with the name of the directive, and without what is in it.
 */

ngx_int_t
ngx_http_jimeng_file_read(ngx_conf_t *cf, ngx_str_t *name, ngx_str_t *path,
    size_t max, jm_str_t *text)
{
    ngx_int_t   rc;
    ngx_file_t  file;

    if (ngx_conf_full_name(cf->cycle, path, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_memzero(&file, sizeof(ngx_file_t));

    file.name = *path;
    file.log = cf->log;

    /* a pipe without a writer would never open */

    file.fd = ngx_open_file(path->data, NGX_FILE_RDONLY|NGX_FILE_NONBLOCK,
                            NGX_FILE_OPEN, 0);

    if (file.fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "\"%V\": " ngx_open_file_n " \"%V\" failed",
                           name, path);
        return NGX_ERROR;
    }

    rc = ngx_http_jimeng_file_text(cf, name, &file, max, text);

    if (ngx_close_file(file.fd) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, cf->log, ngx_errno,
                      ngx_close_file_n " \"%V\" failed", path);
    }

    return rc;
}


static ngx_int_t
ngx_http_jimeng_file_text(ngx_conf_t *cf, ngx_str_t *name, ngx_file_t *file,
    size_t max, jm_str_t *text)
{
    off_t    size;
    u_char  *p;

    if (ngx_fd_info(file->fd, &file->info) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "\"%V\": " ngx_fd_info_n " \"%V\" failed",
                           name, &file->name);
        return NGX_ERROR;
    }

    size = ngx_file_size(&file->info);

    if (!ngx_is_file(&file->info) || size > (off_t) max) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\": \"%V\" is no regular file, or is over %uz "
                           "bytes", name, &file->name, max);
        return NGX_ERROR;
    }

    p = ngx_pnalloc(cf->pool, (size_t) size + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    if (ngx_read_file(file, p, (size_t) size, 0) != (ssize_t) size) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\": \"%V\" cannot be read, or has become "
                           "shorter meanwhile", name, &file->name);
        return NGX_ERROR;
    }

    text->len = (size_t) size;
    text->data = p;

    return NGX_OK;
}
