
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_memory.h"


static ngx_uint_t ngx_http_jimeng_memory_same(ngx_http_jimeng_memory_t *m,
    ngx_http_jimeng_memory_t *before);
static ngx_int_t ngx_http_jimeng_memory_moved(ngx_http_jimeng_memory_t *m,
    ngx_http_jimeng_memory_t *before, ngx_log_t *log);


/*
 * Finds the zone's state, or makes it: a reload goes on with what there was
 * before, and a file is what another nginx has left, or shares.  nginx -t
 * touches no file.
 */

ngx_int_t
ngx_http_jimeng_memory_open(ngx_http_jimeng_memory_t *m,
    ngx_http_jimeng_memory_t *before, ngx_log_t *log)
{
    if (before && ngx_http_jimeng_memory_same(m, before)) {
        return ngx_http_jimeng_memory_again(m, before, log);
    }

    if (m->file.len && !ngx_test_config) {
        return ngx_http_jimeng_memory_file(m, before, log);
    }

    if (before) {
        return ngx_http_jimeng_memory_moved(m, before, log);
    }

    return ngx_http_jimeng_memory_anonymous(m, NULL, 0, log);
}


/* a file may have been removed, or replaced, and may have several names */

static ngx_uint_t
ngx_http_jimeng_memory_same(ngx_http_jimeng_memory_t *m,
    ngx_http_jimeng_memory_t *before)
{
    ngx_file_info_t  fi, used;

    if (m->file.len == 0) {
        return before->file.len == 0 && before->size == m->size;
    }

    if (ngx_file_info(m->file.data, &fi) == NGX_FILE_ERROR
        || ngx_fd_info(before->mapping->fd, &used) == NGX_FILE_ERROR)
    {
        return 0;
    }

    return fi.st_dev == used.st_dev && fi.st_ino == used.st_ino;
}


/*
 * Takes over what old workers have at the moment, who go on with it: what they
 * run is known here as what nobody follows.
 */

static ngx_int_t
ngx_http_jimeng_memory_moved(ngx_http_jimeng_memory_t *m,
    ngx_http_jimeng_memory_t *before, ngx_log_t *log)
{
    u_char     *copy;
    ngx_int_t   rc;

    copy = ngx_http_jimeng_memory_copy(before, log);
    if (copy == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_http_jimeng_memory_anonymous(m, copy, before->size, log);

    ngx_free(copy);

    return rc;
}
