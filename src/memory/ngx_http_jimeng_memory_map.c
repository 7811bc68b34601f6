
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_memory.h"

#include <sys/mman.h>


static ngx_int_t ngx_http_jimeng_memory_hold(ngx_http_jimeng_memory_t *m,
    ngx_http_jimeng_mapping_t *map);
static void ngx_http_jimeng_memory_cleanup(void *data);


/* fd is closed with the mapping, or at once if there is none */

ngx_int_t
ngx_http_jimeng_memory_map(ngx_http_jimeng_memory_t *m, ngx_fd_t fd,
    ngx_log_t *log)
{
    ngx_http_jimeng_mapping_t  *map;

    map = ngx_alloc(sizeof(ngx_http_jimeng_mapping_t), log);

    if (map == NULL) {
        (void) close(fd);
        return NGX_ERROR;
    }

    map->addr = mmap(NULL, m->size, PROT_READ|PROT_WRITE, MAP_SHARED, fd, 0);

    if (map->addr == MAP_FAILED) {
        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      "mmap(%uz) for zone \"%V\" failed", m->size, &m->name);
        (void) close(fd);
        ngx_free(map);
        return NGX_ERROR;
    }

    map->size = m->size;
    map->fd = fd;
    map->cycles = 0;

    return ngx_http_jimeng_memory_hold(m, map);
}


/* the cycle holds a mapping until its pool goes */

static ngx_int_t
ngx_http_jimeng_memory_hold(ngx_http_jimeng_memory_t *m,
    ngx_http_jimeng_mapping_t *map)
{
    ngx_pool_cleanup_t  *cln;

    map->cycles++;

    cln = ngx_pool_cleanup_add(m->pool, 0);

    if (cln == NULL) {
        ngx_http_jimeng_memory_cleanup(map);
        return NGX_ERROR;
    }

    cln->handler = ngx_http_jimeng_memory_cleanup;
    cln->data = map;

    m->mapping = map;

    m->state.store.alive = ngx_http_jimeng_memory_alive;
    m->state.store.alive_ctx = map;

    return NGX_OK;
}


ngx_uint_t
ngx_http_jimeng_memory_cut(ngx_http_jimeng_memory_t *m)
{
    ngx_file_info_t  fi;

    return ngx_fd_info(m->mapping->fd, &fi) == NGX_FILE_ERROR
           || (size_t) ngx_file_size(&fi) < m->mapping->size;
}


/*
 * Who touches a byte behind the end of a file is killed, and so is each worker
 * that comes in its place: these do not begin, and a reload is refused.
 */

ngx_int_t
ngx_http_jimeng_memory_whole(ngx_http_jimeng_memory_t *m, ngx_log_t *log)
{
    if (ngx_http_jimeng_memory_cut(m)) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "the file of zone \"%V\" was cut short while it was in "
                      "use, stop nginx and start it again", &m->name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* finds the state in the mapping; NGX_DECLINED: it is another version's */

ngx_int_t
ngx_http_jimeng_memory_use(ngx_http_jimeng_memory_t *m)
{
    if (jm_state_attach(&m->state, m->mapping->addr, m->size) != JM_OK) {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/* goes on with the memory of before */

ngx_int_t
ngx_http_jimeng_memory_again(ngx_http_jimeng_memory_t *m,
    ngx_http_jimeng_memory_t *before, ngx_log_t *log)
{
    if (before->size != m->size) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "zone \"%V\" is in use with %uz bytes in \"%V\", and can "
                      "have %uz only when nginx is restarted", &m->name,
                      before->size, &m->file, m->size);
        return NGX_ERROR;
    }

    if (ngx_http_jimeng_memory_whole(before, log) != NGX_OK
        || ngx_http_jimeng_memory_hold(m, before->mapping) != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* without a master it is the same process */

    m->state.store.owner = before->state.store.owner;

    return ngx_http_jimeng_memory_use(m);
}


/* returns what there is at the moment, to be freed, or NULL */

u_char *
ngx_http_jimeng_memory_copy(ngx_http_jimeng_memory_t *m, ngx_log_t *log)
{
    u_char  *copy;

    if (ngx_http_jimeng_memory_whole(m, log) != NGX_OK) {
        return NULL;
    }

    copy = ngx_alloc(m->size, log);
    if (copy == NULL) {
        return NULL;
    }

    ngx_http_jimeng_memory_lock(m);

    ngx_memcpy(copy, m->mapping->addr, m->size);

    ngx_http_jimeng_memory_unlock(m);

    return copy;
}


/* logs what size the zone needs */

void
ngx_http_jimeng_memory_small(ngx_http_jimeng_memory_t *m, ngx_log_t *log)
{
    ngx_log_error(NGX_LOG_EMERG, log, 0,
                  "zone \"%V\" is too small for this configuration: it has "
                  "%uzk and needs %uzk", &m->name, m->size / 1024,
                  jm_state_needs(m->records) / 1024);
}


/* once none of the master's cycles uses it any more */

static void
ngx_http_jimeng_memory_cleanup(void *data)
{
    ngx_http_jimeng_mapping_t *map = data;

    if (--map->cycles) {
        return;
    }

    (void) munmap(map->addr, map->size);
    (void) close(map->fd);

    ngx_free(map);
}
