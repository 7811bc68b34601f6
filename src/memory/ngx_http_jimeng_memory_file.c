
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * The file of the state.  All processes of an nginx share a lock of it.  Who
 * gets it for itself is alone: then what is in the file is taken over, record
 * by record, into a new one, which takes its name.  Else another nginx lives:
 * with the same layout both share the file.  A reload that names another file
 * goes on there with what there was before.
 */


#include "ngx_http_jimeng_memory.h"

#include <sys/file.h>


/* milliseconds for another nginx to make a new file of the old one */

#define NGX_HTTP_JIMENG_FILE_WAIT  10000

/* what is read of an old file, at most */

#define NGX_HTTP_JIMENG_FILE_MAX   ((off_t) 16 << 30)


typedef struct {
    ngx_http_jimeng_memory_t  *m;
    ngx_http_jimeng_memory_t  *before;  /* of a reload; or NULL */
    ngx_log_t                 *log;
    u_char                    *path;    /* zero terminated, as those below */
    u_char                    *fresh;
    u_char                    *aside;
    ngx_fd_t                   fd;      /* of the file as it is; or -1 */
    u_char                    *old;     /* what is taken over; or NULL */
    size_t                     size;
    ngx_uint_t                 exclusive;
    ngx_uint_t                 seen;    /* that others have it */
} ngx_http_jimeng_memory_file_t;


static ngx_int_t ngx_http_jimeng_memory_file_names(
    ngx_http_jimeng_memory_file_t *f, char *path);
static ngx_int_t ngx_http_jimeng_memory_file_without(
    ngx_http_jimeng_memory_file_t *f);
static ngx_int_t ngx_http_jimeng_memory_file_open(
    ngx_http_jimeng_memory_file_t *f);
static ngx_int_t ngx_http_jimeng_memory_file_try(
    ngx_http_jimeng_memory_file_t *f);
static ngx_int_t ngx_http_jimeng_memory_file_lock(
    ngx_http_jimeng_memory_file_t *f);
static ngx_int_t ngx_http_jimeng_memory_file_share(
    ngx_http_jimeng_memory_file_t *f);
static ngx_int_t ngx_http_jimeng_memory_file_old(
    ngx_http_jimeng_memory_file_t *f);
static ngx_int_t ngx_http_jimeng_memory_file_read(
    ngx_http_jimeng_memory_file_t *f);
static ngx_int_t ngx_http_jimeng_memory_file_renew(
    ngx_http_jimeng_memory_file_t *f);
static ngx_fd_t ngx_http_jimeng_memory_file_create(
    ngx_http_jimeng_memory_file_t *f);
static ngx_int_t ngx_http_jimeng_memory_file_rename(
    ngx_http_jimeng_memory_file_t *f, ngx_fd_t fd, jm_state_import_t *n);
static ngx_uint_t ngx_http_jimeng_memory_file_is_lost(
    ngx_http_jimeng_memory_file_t *f, jm_state_import_t *n);
static void ngx_http_jimeng_memory_file_keep(ngx_http_jimeng_memory_file_t *f);
static ngx_int_t ngx_http_jimeng_memory_file_failed(
    ngx_http_jimeng_memory_file_t *f, const char *what, u_char *path);
static void ngx_http_jimeng_memory_file_close(ngx_http_jimeng_memory_file_t *f);


/*
 * Opens the state's file.  Where that fails nginx runs without, as long as it
 * does, with what could be read of it, and says so: nobody's pictures depend on
 * a disk.  NGX_ERROR: it is another nginx's, or the zone is too small.
 */

ngx_int_t
ngx_http_jimeng_memory_file(ngx_http_jimeng_memory_t *m,
    ngx_http_jimeng_memory_t *before, ngx_log_t *log)
{
    ngx_int_t                      rc;
    ngx_http_jimeng_memory_file_t  f;

    ngx_memzero(&f, sizeof(ngx_http_jimeng_memory_file_t));

    f.m = m;
    f.before = before;
    f.log = log;
    f.fd = -1;

    if (ngx_http_jimeng_memory_file_names(&f, (char *) m->file.data)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_http_jimeng_memory_file_open(&f);

    if (rc == NGX_OK && !f.exclusive) {
        return ngx_http_jimeng_memory_file_share(&f);
    }

    if (rc == NGX_OK || rc == NGX_DECLINED) {

        if (ngx_http_jimeng_memory_file_old(&f) != NGX_OK) {
            rc = NGX_DECLINED;
        }
    }

    if (rc == NGX_OK) {
        rc = ngx_http_jimeng_memory_file_renew(&f);
    }

    if (rc == NGX_DECLINED) {
        rc = ngx_http_jimeng_memory_file_without(&f);
    }

    ngx_http_jimeng_memory_file_close(&f);

    return rc;
}


static ngx_int_t
ngx_http_jimeng_memory_file_without(ngx_http_jimeng_memory_file_t *f)
{
    ngx_http_jimeng_memory_t  *m;

    m = f->m;

    ngx_log_error(NGX_LOG_ERR, f->log, 0,
                  "zone \"%V\" is not in \"%V\": what it knows is lost when "
                  "nginx stops", &m->name, &m->file);

    /* it may be in another file, or in none */

    if (f->before && f->before->size == m->size) {
        return ngx_http_jimeng_memory_again(m, f->before, f->log);
    }

    return ngx_http_jimeng_memory_anonymous(m, f->old, f->size, f->log);
}


static ngx_int_t
ngx_http_jimeng_memory_file_names(ngx_http_jimeng_memory_file_t *f, char *path)
{
    size_t       len;
    ngx_pool_t  *pool;

    pool = f->m->pool;

    len = ngx_strlen(path) + sizeof(".replaced.") + NGX_TIME_T_LEN;

    f->path = ngx_pnalloc(pool, len);
    f->fresh = ngx_pnalloc(pool, len);
    f->aside = ngx_pnalloc(pool, len);

    if (f->path == NULL || f->fresh == NULL || f->aside == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(f->path, "%s%Z", path);
    ngx_sprintf(f->fresh, "%s.new%Z", path);
    ngx_sprintf(f->aside, "%s.%s.%T%Z", path,
                f->before ? "replaced" : "damaged", ngx_time());

    return NGX_OK;
}


/* NGX_DECLINED: it cannot be opened, and the log says why */

static ngx_int_t
ngx_http_jimeng_memory_file_open(ngx_http_jimeng_memory_file_t *f)
{
    ngx_int_t   rc;
    ngx_uint_t  waited;

    for (waited = 0; waited < NGX_HTTP_JIMENG_FILE_WAIT; waited += 10) {

        rc = ngx_http_jimeng_memory_file_try(f);

        if (rc != NGX_AGAIN) {
            return rc;
        }

        if (f->fd != -1) {
            (void) close(f->fd);
            f->fd = -1;
        }

        ngx_msleep(10);
    }

    ngx_log_error(NGX_LOG_EMERG, f->log, 0,
                  "\"%s\" is locked by another process, which does not give it "
                  "up", f->path);

    return NGX_ERROR;
}


/* NGX_AGAIN: another nginx makes a new file just now, or has just done so */

static ngx_int_t
ngx_http_jimeng_memory_file_try(ngx_http_jimeng_memory_file_t *f)
{
    char             real[PATH_MAX];
    ngx_int_t        rc;
    ngx_file_info_t  fi, named;

    f->fd = open((char *) f->path, O_RDWR|O_CREAT|O_NONBLOCK|O_CLOEXEC, 0600);

    if (f->fd == -1) {
        return ngx_http_jimeng_memory_file_failed(f, "open()", f->path);
    }

    if (ngx_fd_info(f->fd, &fi) == NGX_FILE_ERROR) {
        return ngx_http_jimeng_memory_file_failed(f, ngx_fd_info_n, f->path);
    }

    if (!S_ISREG(fi.st_mode)) {
        ngx_log_error(NGX_LOG_ERR, f->log, 0, "\"%s\" is no regular file",
                      f->path);
        return NGX_DECLINED;
    }

    /* a new file is to take the place of this one, not of a link to it */

    if (realpath((char *) f->path, real) != NULL
        && ngx_strcmp(real, f->path) != 0
        && ngx_http_jimeng_memory_file_names(f, real) != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_http_jimeng_memory_file_lock(f);

    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_file_info(f->path, &named) == NGX_FILE_ERROR
        || named.st_dev != fi.st_dev || named.st_ino != fi.st_ino)
    {
        return NGX_AGAIN;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_jimeng_memory_file_lock(ngx_http_jimeng_memory_file_t *f)
{
    f->exclusive = 1;

    if (flock(f->fd, LOCK_EX|LOCK_NB) == 0) {
        return NGX_OK;
    }

    if (ngx_errno != EWOULDBLOCK) {
        return ngx_http_jimeng_memory_file_failed(f, "flock()", f->path);
    }

    f->exclusive = 0;

    if (flock(f->fd, LOCK_SH|LOCK_NB) == -1) {
        return NGX_AGAIN;
    }

    /* who had it may be gone between the two: nobody shares it then */

    if (!f->seen) {
        f->seen = 1;
        return NGX_AGAIN;
    }

    return NGX_OK;
}


/* an nginx that is to be upgraded, or workers of one that were left behind */

static ngx_int_t
ngx_http_jimeng_memory_file_share(ngx_http_jimeng_memory_file_t *f)
{
    ngx_int_t                  rc;
    ngx_file_info_t            fi;
    ngx_http_jimeng_memory_t  *m;

    m = f->m;

    /* what old workers run would not be known there */

    if (f->before) {
        ngx_log_error(NGX_LOG_EMERG, f->log, 0,
                      "\"%s\" is in use by another nginx, or by old workers: "
                      "zone \"%V\" can share it only when nginx is restarted",
                      f->path, &m->name);
        (void) close(f->fd);
        return NGX_ERROR;
    }

    rc = NGX_DECLINED;

    if (ngx_fd_info(f->fd, &fi) != NGX_FILE_ERROR
        && (size_t) fi.st_size == m->size)
    {
        if (ngx_http_jimeng_memory_map(m, f->fd, f->log) != NGX_OK) {
            return NGX_ERROR;
        }

        rc = ngx_http_jimeng_memory_use(m);

    } else {
        (void) close(f->fd);
    }

    if (rc != NGX_OK) {
        ngx_log_error(NGX_LOG_EMERG, f->log, 0,
                      "\"%s\" is in use by another nginx, with another size or "
                      "by another version of the module: zone \"%V\" cannot "
                      "share it, stop that one first", f->path, &m->name);
        return NGX_ERROR;
    }

    ngx_log_error(NGX_LOG_NOTICE, f->log, 0,
                  "zone \"%V\" shares \"%s\" with another nginx", &m->name,
                  f->path);

    return NGX_OK;
}


static ngx_int_t
ngx_http_jimeng_memory_file_old(ngx_http_jimeng_memory_file_t *f)
{
    if (f->before == NULL) {
        return ngx_http_jimeng_memory_file_read(f);
    }

    f->old = ngx_http_jimeng_memory_copy(f->before, f->log);
    if (f->old == NULL) {
        return NGX_DECLINED;
    }

    f->size = f->before->size;

    return NGX_OK;
}


/* reads what there is; of a file that cannot be written, too */

static ngx_int_t
ngx_http_jimeng_memory_file_read(ngx_http_jimeng_memory_file_t *f)
{
    ssize_t          n;
    ngx_fd_t         fd;
    ngx_int_t        rc;
    ngx_file_info_t  fi;

    fd = f->fd;

    if (fd == -1) {
        fd = open((char *) f->path, O_RDONLY|O_NONBLOCK|O_CLOEXEC);
    }

    if (fd == -1) {
        return NGX_DECLINED;
    }

    rc = NGX_DECLINED;

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR || !S_ISREG(fi.st_mode)) {
        goto done;
    }

    if (fi.st_size > NGX_HTTP_JIMENG_FILE_MAX) {
        ngx_log_error(NGX_LOG_ERR, f->log, 0, "\"%s\" is too large: %O bytes",
                      f->path, fi.st_size);
        goto done;
    }

    if (fi.st_size == 0) {
        rc = NGX_OK;
        goto done;
    }

    f->old = ngx_alloc((size_t) fi.st_size, f->log);
    if (f->old == NULL) {
        goto done;
    }

    while (f->size < (size_t) fi.st_size) {
        n = pread(fd, f->old + f->size, (size_t) fi.st_size - f->size,
                  (off_t) f->size);

        if (n <= 0) {
            break;
        }

        f->size += (size_t) n;
    }

    rc = NGX_OK;

    if (f->size < (size_t) fi.st_size) {
        ngx_log_error(NGX_LOG_ERR, f->log, ngx_errno,
                      "\"%s\" was read only up to %uz bytes", f->path, f->size);
    }

done:

    if (fd != f->fd) {
        (void) close(fd);
    }

    return rc;
}


static ngx_int_t
ngx_http_jimeng_memory_file_renew(ngx_http_jimeng_memory_file_t *f)
{
    ngx_fd_t            fd;
    ngx_int_t           rc;
    jm_state_import_t   n;

    fd = ngx_http_jimeng_memory_file_create(f);

    if (fd == -1) {
        (void) unlink((char *) f->fresh);
        return NGX_DECLINED;
    }

    if (ngx_http_jimeng_memory_map(f->m, fd, f->log) != NGX_OK) {
        (void) unlink((char *) f->fresh);
        return NGX_ERROR;
    }

    rc = ngx_http_jimeng_memory_fill(f->m, f->old, f->size, &n, f->log);

    if (rc == NGX_OK) {
        rc = ngx_http_jimeng_memory_file_rename(f, fd, &n);
    }

    if (rc != NGX_OK) {
        (void) unlink((char *) f->fresh);
    }

    return rc;
}


/* a file whose every byte has its place on the disk: to store never fails */

static ngx_fd_t
ngx_http_jimeng_memory_file_create(ngx_http_jimeng_memory_file_t *f)
{
    int       err;
    ngx_fd_t  fd;

    (void) unlink((char *) f->fresh);

    fd = open((char *) f->fresh, O_RDWR|O_CREAT|O_EXCL|O_CLOEXEC, 0600);

    if (fd == -1) {
        (void) ngx_http_jimeng_memory_file_failed(f, "open()", f->fresh);
        return -1;
    }

    do {
        err = posix_fallocate(fd, 0, (off_t) f->m->size);
    } while (err == EINTR);

    if (err == EOPNOTSUPP || err == EINVAL) {
        err = (ftruncate(fd, (off_t) f->m->size) == -1) ? ngx_errno : 0;
    }

    if (err != 0) {
        ngx_set_errno(err);
        (void) ngx_http_jimeng_memory_file_failed(f, "posix_fallocate()",
                                                  f->fresh);
        (void) close(fd);
        return -1;
    }

    if (flock(fd, LOCK_SH|LOCK_NB) == -1) {
        (void) ngx_http_jimeng_memory_file_failed(f, "flock()", f->fresh);
        (void) close(fd);
        return -1;
    }

    return fd;
}


static ngx_int_t
ngx_http_jimeng_memory_file_rename(ngx_http_jimeng_memory_file_t *f,
    ngx_fd_t fd, jm_state_import_t *n)
{
    /* if the power fails now, one of the two files has to be whole */

    if (fsync(fd) == -1) {
        return ngx_http_jimeng_memory_file_failed(f, "fsync()", f->fresh);
    }

    if (ngx_http_jimeng_memory_file_is_lost(f, n)) {
        ngx_http_jimeng_memory_file_keep(f);
    }

    if (ngx_rename_file(f->fresh, f->path) == NGX_FILE_ERROR) {
        return ngx_http_jimeng_memory_file_failed(f, ngx_rename_file_n,
                                                  f->fresh);
    }

    return NGX_OK;
}


/* whether there is more in the file than what was taken over; it is logged */

static ngx_uint_t
ngx_http_jimeng_memory_file_is_lost(ngx_http_jimeng_memory_file_t *f,
    jm_state_import_t *n)
{
    ngx_file_info_t  fi;

    if (f->before) {

        if (ngx_fd_info(f->fd, &fi) == NGX_FILE_ERROR || fi.st_size == 0) {
            return 0;
        }

        ngx_log_error(NGX_LOG_WARN, f->log, 0,
                      "\"%s\" is replaced by what zone \"%V\" has at the "
                      "moment; what was there is moved to \"%s\"", f->path,
                      &f->m->name, f->aside);

        return 1;
    }

    if (f->size == 0
        || (n->damaged == 0 && n->missing == 0
            && jm_state_looks(f->old, f->size)))
    {
        return 0;
    }

    ngx_log_error(NGX_LOG_ERR, f->log, 0,
                  "\"%s\" is damaged, or not of this version: %ui records "
                  "cannot be read and %ui are missing; it is moved to "
                  "\"%s\"", f->path, (ngx_uint_t) n->damaged,
                  (ngx_uint_t) n->missing, f->aside);

    return 1;
}


/*
 * Keeps a file under another name for whoever wants to look at it.  Its own
 * name is not free at any time: another nginx that starts would make a file.
 */

static void
ngx_http_jimeng_memory_file_keep(ngx_http_jimeng_memory_file_t *f)
{
    if (link((char *) f->path, (char *) f->aside) == 0) {
        return;
    }

    /* there are disks without links */

    if (ngx_rename_file(f->path, f->aside) == NGX_FILE_ERROR) {
        (void) ngx_http_jimeng_memory_file_failed(f, ngx_rename_file_n,
                                                  f->path);
    }
}


static ngx_int_t
ngx_http_jimeng_memory_file_failed(ngx_http_jimeng_memory_file_t *f,
    const char *what, u_char *path)
{
    ngx_log_error(NGX_LOG_ERR, f->log, ngx_errno, "%s \"%s\" failed", what,
                  path);

    return NGX_DECLINED;
}


static void
ngx_http_jimeng_memory_file_close(ngx_http_jimeng_memory_file_t *f)
{
    if (f->fd != -1) {
        (void) close(f->fd);
    }

    if (f->old) {
        ngx_free(f->old);
    }
}
