
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_picture.h"


#define NGX_HTTP_JIMENG_EXPIRE_FILES  500       /* looked at in a row */
#define NGX_HTTP_JIMENG_EXPIRE_PAUSE  20        /* ms until the next ones */
#define NGX_HTTP_JIMENG_EXPIRE_TEMP   3600      /* s that a worker may take */


static ngx_int_t ngx_http_jimeng_expire_open(ngx_http_jimeng_upload_t *upload);
static void ngx_http_jimeng_expire_close(ngx_http_jimeng_upload_t *upload);
static void ngx_http_jimeng_expire_file(ngx_http_jimeng_upload_t *upload);
static void ngx_http_jimeng_expire_delete(ngx_http_jimeng_upload_t *upload,
    u_char *path, time_t age);
static void ngx_http_jimeng_expire_failed(const char *call, u_char *path);
static time_t ngx_http_jimeng_expire_age(ngx_http_jimeng_upload_t *upload,
    u_char *name, size_t len);
static ngx_uint_t ngx_http_jimeng_expire_is(u_char *name, size_t len,
    size_t hex, const char *ext);


/*
 * Called in nginx's cache manager process, where looking through a large
 * directory keeps no client waiting; the caches of nginx, whose process it is,
 * get their turn all the same.  Returns the milliseconds until the next call,
 * or fewer.
 */

ngx_msec_t
ngx_http_jimeng_expire(void *data)
{
    ngx_http_jimeng_upload_t *upload = data;

    ngx_err_t       err;
    ngx_uint_t      n;
    ngx_msec_int_t  wait;

    if (!upload->open) {
        wait = (ngx_msec_int_t) (upload->next - ngx_current_msec);

        if (upload->next && wait > 0) {
            return wait;
        }

        if (ngx_http_jimeng_expire_open(upload) != NGX_OK) {
            return (ngx_msec_t) NGX_HTTP_JIMENG_EXPIRE_TEMP * 1000;
        }
    }

    for (n = 0; n < NGX_HTTP_JIMENG_EXPIRE_FILES; n++) {
        ngx_set_errno(0);

        if (ngx_read_dir(&upload->dir) == NGX_ERROR) {
            err = ngx_errno;

            if (err) {
                ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, err,
                              ngx_read_dir_n " \"%V\" failed",
                              &upload->path->name);
            }

            ngx_http_jimeng_expire_close(upload);

            return upload->next - ngx_current_msec;
        }

        ngx_http_jimeng_expire_file(upload);
    }

    return NGX_HTTP_JIMENG_EXPIRE_PAUSE;
}


static ngx_int_t
ngx_http_jimeng_expire_open(ngx_http_jimeng_upload_t *upload)
{
    if (ngx_open_dir(&upload->path->name, &upload->dir) == NGX_ERROR) {
        ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, ngx_errno,
                      ngx_open_dir_n " \"%V\" failed", &upload->path->name);

        upload->next = ngx_current_msec
                       + (ngx_msec_t) NGX_HTTP_JIMENG_EXPIRE_TEMP * 1000;

        return NGX_ERROR;
    }

    /* files that come while the directory is read expire later than this */

    upload->oldest = ngx_time();
    upload->open = 1;

    return NGX_OK;
}


/*
 * The next time is when the oldest that is left expires, but not so soon that
 * a directory to which pictures come all the time is read all the time.
 */

static void
ngx_http_jimeng_expire_close(ngx_http_jimeng_upload_t *upload)
{
    time_t  left;

    upload->open = 0;

    if (ngx_close_dir(&upload->dir) == NGX_ERROR) {
        ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, ngx_errno,
                      ngx_close_dir_n " \"%V\" failed", &upload->path->name);
    }

    left = upload->oldest + upload->expires - ngx_time();

    left = ngx_max(left, upload->expires / 100);
    left = ngx_max(left, 1);
    left = ngx_min(left, NGX_HTTP_JIMENG_EXPIRE_TEMP);

    upload->next = ngx_current_msec + (ngx_msec_t) left * 1000;
}


static void
ngx_http_jimeng_expire_file(ngx_http_jimeng_upload_t *upload)
{
    u_char           path[NGX_MAX_PATH], *name;
    size_t           len;
    time_t           age, mtime;
    ngx_file_info_t  fi;

    name = ngx_de_name(&upload->dir);
    len = ngx_de_namelen(&upload->dir);

    age = ngx_http_jimeng_expire_age(upload, name, len);

    if (age == 0 || upload->path->name.len + len + 2 > sizeof(path)) {
        return;
    }

    (void) ngx_sprintf(path, "%V/%s%Z", &upload->path->name, name);

    /* the file may have been renamed or deleted by now */

    if (ngx_link_info(path, &fi) == NGX_FILE_ERROR || !ngx_is_file(&fi)) {
        return;
    }

    mtime = ngx_file_mtime(&fi);

    if (ngx_time() - mtime < age) {

        if (age == upload->expires) {
            upload->oldest = ngx_min(upload->oldest, mtime);
        }

        return;
    }

    ngx_http_jimeng_expire_delete(upload, path, age);
}


/*
 * Since a file was looked at, a worker may have put the same picture in its
 * place, the URL of which is being handed out: it is taken aside, and comes
 * back when it is no longer the one that has expired.
 */

static void
ngx_http_jimeng_expire_delete(ngx_http_jimeng_upload_t *upload, u_char *path,
    time_t age)
{
    u_char           aside[NGX_MAX_PATH], *p;
    ngx_file_info_t  fi;

    /* if this process were to end here, it would go as a worker's does */

    p = ngx_cpymem(aside, path, upload->path->name.len + 1
                                + NGX_HTTP_JIMENG_UPLOAD_TEMP);
    ngx_memcpy(p, ".tmp", sizeof(".tmp"));

    if (ngx_rename_file(path, aside) == NGX_FILE_ERROR) {
        ngx_http_jimeng_expire_failed(ngx_rename_file_n, path);
        return;
    }

    if (ngx_link_info(aside, &fi) != NGX_FILE_ERROR
        && ngx_time() - ngx_file_mtime(&fi) < age)
    {
        if (ngx_rename_file(aside, path) == NGX_FILE_ERROR) {
            ngx_http_jimeng_expire_failed(ngx_rename_file_n, aside);
        }

        return;
    }

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "jimeng expired: \"%s\"", path);

    if (ngx_delete_file(aside) == NGX_FILE_ERROR) {
        ngx_http_jimeng_expire_failed(ngx_delete_file_n, aside);
    }
}


static void
ngx_http_jimeng_expire_failed(const char *call, u_char *path)
{
    ngx_err_t  err;

    err = ngx_errno;

    if (err != NGX_ENOENT) {
        ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, err,
                      "%s \"%s\" failed", call, path);
    }
}


/* seconds that a file of this name stays; 0 when it is none of ours */

static time_t
ngx_http_jimeng_expire_age(ngx_http_jimeng_upload_t *upload, u_char *name,
    size_t len)
{
    if (ngx_http_jimeng_expire_is(name, len, NGX_HTTP_JIMENG_UPLOAD_NAME,
                                  ".jpg")
        || ngx_http_jimeng_expire_is(name, len, NGX_HTTP_JIMENG_UPLOAD_NAME,
                                     ".png"))
    {
        return upload->expires;
    }

    /* what a worker that was killed has left */

    if (ngx_http_jimeng_expire_is(name, len, NGX_HTTP_JIMENG_UPLOAD_TEMP,
                                  ".tmp"))
    {
        return NGX_HTTP_JIMENG_EXPIRE_TEMP;
    }

    return 0;
}


static ngx_uint_t
ngx_http_jimeng_expire_is(u_char *name, size_t len, size_t hex,
    const char *ext)
{
    size_t  i;

    if (len != hex + NGX_HTTP_JIMENG_UPLOAD_EXT
        || ngx_memcmp(name + hex, ext, NGX_HTTP_JIMENG_UPLOAD_EXT) != 0)
    {
        return 0;
    }

    for (i = 0; i < hex; i++) {

        if ((name[i] < '0' || name[i] > '9')
            && (name[i] < 'a' || name[i] > 'f'))
        {
            return 0;
        }
    }

    return 1;
}
