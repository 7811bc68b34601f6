
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * The floor "memory": the memory that the state lies in, which may be a file,
 * who shares it, and the lock in it.
 */


#ifndef _NGX_HTTP_JIMENG_MEMORY_H_INCLUDED_
#define _NGX_HTTP_JIMENG_MEMORY_H_INCLUDED_


#include "ngx_http_jimeng_base.h"

#include "jm_state.h"


/* bytes that are shared by processes, and by the cycles of a master */

typedef struct {
    u_char                       *addr;
    size_t                        size;
    ngx_fd_t                      fd;
    ngx_uint_t                    cycles;
} ngx_http_jimeng_mapping_t;


/* all but the mapping is this process's own; the first five are to be set */

typedef struct {
    ngx_str_t                     name;     /* in the log */
    ngx_str_t                     file;     /* ends in a zero; empty: none */
    size_t                        size;
    uint32_t                      records;  /* besides the ledger's least */
    ngx_pool_t                   *pool;     /* a cycle's */
    ngx_http_jimeng_mapping_t    *mapping;
    jm_state_t                    state;
} ngx_http_jimeng_memory_t;


/* ngx_http_jimeng_memory_lock.c */

ngx_int_t ngx_http_jimeng_memory_lock_create(ngx_http_jimeng_memory_t *m);
jm_state_t *ngx_http_jimeng_memory_lock(ngx_http_jimeng_memory_t *m);
void ngx_http_jimeng_memory_unlock(ngx_http_jimeng_memory_t *m);
void ngx_http_jimeng_memory_clock(jm_clock_t *clock);
unsigned ngx_http_jimeng_memory_alive(void *ctx, uint32_t slot);
ngx_int_t ngx_http_jimeng_memory_join(ngx_http_jimeng_memory_t *m);

/* ngx_http_jimeng_memory_map.c */

ngx_int_t ngx_http_jimeng_memory_map(ngx_http_jimeng_memory_t *m, ngx_fd_t fd,
    ngx_log_t *log);
ngx_uint_t ngx_http_jimeng_memory_cut(ngx_http_jimeng_memory_t *m);
ngx_int_t ngx_http_jimeng_memory_whole(ngx_http_jimeng_memory_t *m,
    ngx_log_t *log);
ngx_int_t ngx_http_jimeng_memory_use(ngx_http_jimeng_memory_t *m);
ngx_int_t ngx_http_jimeng_memory_again(ngx_http_jimeng_memory_t *m,
    ngx_http_jimeng_memory_t *before, ngx_log_t *log);
u_char *ngx_http_jimeng_memory_copy(ngx_http_jimeng_memory_t *m,
    ngx_log_t *log);
void ngx_http_jimeng_memory_small(ngx_http_jimeng_memory_t *m, ngx_log_t *log);

/* ngx_http_jimeng_memory_fill.c */

ngx_int_t ngx_http_jimeng_memory_fill(ngx_http_jimeng_memory_t *m,
    u_char *old, size_t size, jm_state_import_t *n, ngx_log_t *log);
ngx_int_t ngx_http_jimeng_memory_anonymous(ngx_http_jimeng_memory_t *m,
    u_char *old, size_t size, ngx_log_t *log);

/* ngx_http_jimeng_memory_file.c */

ngx_int_t ngx_http_jimeng_memory_file(ngx_http_jimeng_memory_t *m,
    ngx_http_jimeng_memory_t *before, ngx_log_t *log);

/* ngx_http_jimeng_memory.c */

ngx_int_t ngx_http_jimeng_memory_open(ngx_http_jimeng_memory_t *m,
    ngx_http_jimeng_memory_t *before, ngx_log_t *log);


#endif /* _NGX_HTTP_JIMENG_MEMORY_H_INCLUDED_ */
