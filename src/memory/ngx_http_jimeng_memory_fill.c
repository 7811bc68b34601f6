
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_memory.h"

#include "jm_hash.h"

#include <openssl/rand.h>
#include <sys/mman.h>


static ngx_int_t ngx_http_jimeng_memory_import(ngx_http_jimeng_memory_t *m,
    u_char *old, size_t size, jm_state_import_t *n, ngx_log_t *log);
static uint64_t ngx_http_jimeng_memory_boot(void);
static void *ngx_http_jimeng_memory_alloc(void *ctx, size_t size);
static void ngx_http_jimeng_memory_free(void *ctx, void *p);


/* makes a state in memory that is new, from what is left of an old one */

ngx_int_t
ngx_http_jimeng_memory_fill(ngx_http_jimeng_memory_t *m, u_char *old,
    size_t size, jm_state_import_t *n, ngx_log_t *log)
{
    u_char      salt[JM_STATE_SALT];
    jm_clock_t  clock;

    if (RAND_bytes(salt, JM_STATE_SALT) != 1) {
        ngx_log_error(NGX_LOG_EMERG, log, 0, "RAND_bytes() failed");
        return NGX_ERROR;
    }

    m->state.boot = ngx_http_jimeng_memory_boot();

    ngx_http_jimeng_memory_clock(&clock);

    if (jm_state_create(&m->state, m->mapping->addr, m->size,
                        m->records, salt, &clock,
                        old ? jm_state_last(old, size) : 0)
        != JM_OK)
    {
        ngx_http_jimeng_memory_small(m, log);
        return NGX_ERROR;
    }

    if (ngx_http_jimeng_memory_lock_create(m) != NGX_OK) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "zone \"%V\" cannot have a lock: this system has no "
                      "robust mutexes", &m->name);
        return NGX_ERROR;
    }

    ngx_memzero(n, sizeof(jm_state_import_t));

    return old ? ngx_http_jimeng_memory_import(m, old, size, n, log) : NGX_OK;
}


static ngx_int_t
ngx_http_jimeng_memory_import(ngx_http_jimeng_memory_t *m, u_char *old,
    size_t size, jm_state_import_t *n, ngx_log_t *log)
{
    jm_rc_e   rc;
    jm_mem_t  mem;

    mem.alloc = ngx_http_jimeng_memory_alloc;
    mem.free = ngx_http_jimeng_memory_free;
    mem.ctx = log;

    ngx_http_jimeng_memory_lock(m);

    rc = jm_state_import(&m->state, old, size, &mem, n);

    ngx_http_jimeng_memory_unlock(m);

    if (rc != JM_OK) {
        return NGX_ERROR;
    }

    ngx_log_error(NGX_LOG_NOTICE, log, 0,
                  "zone \"%V\" goes on with %ui requests, %ui slots and %ui "
                  "clients of %uz bytes", &m->name, (ngx_uint_t) n->entries,
                  (ngx_uint_t) n->slots, (ngx_uint_t) n->clients, size);

    if (n->forgotten) {
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "zone \"%V\" has no room for %ui of what was there, "
                      "which is forgotten: make it larger", &m->name,
                      (ngx_uint_t) n->forgotten);
    }

    return NGX_OK;
}


/* tells apart what was made before the system went down, and after; or 0 */

static uint64_t
ngx_http_jimeng_memory_boot(void)
{
    u_char    id[64];
    ssize_t   n;
    ngx_fd_t  fd;

    fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY|O_CLOEXEC);

    if (fd == -1) {
        return 0;
    }

    n = read(fd, id, sizeof(id));

    (void) close(fd);

    return (n > 0) ? jm_hash(JM_HASH_START, id, (size_t) n) : 0;
}


/* makes a state that is no file, from what is left of an old one, or NULL */

ngx_int_t
ngx_http_jimeng_memory_anonymous(ngx_http_jimeng_memory_t *m, u_char *old,
    size_t size, ngx_log_t *log)
{
    ngx_fd_t           fd;
    jm_state_import_t  n;

    fd = memfd_create("jimeng_zone", MFD_CLOEXEC);

    if (fd == -1) {
        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      "memfd_create() for zone \"%V\" failed", &m->name);
        return NGX_ERROR;
    }

    if (ftruncate(fd, (off_t) m->size) == -1) {
        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      "ftruncate() for zone \"%V\" failed", &m->name);
        (void) close(fd);
        return NGX_ERROR;
    }

    if (ngx_http_jimeng_memory_map(m, fd, log) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_jimeng_memory_fill(m, old, size, &n, log);
}


static void *
ngx_http_jimeng_memory_alloc(void *ctx, size_t size)
{
    return ngx_alloc(size, ctx);
}


static void
ngx_http_jimeng_memory_free(void *ctx, void *p)
{
    ngx_free(p);
}
