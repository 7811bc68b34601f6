
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * The lock of the state, which lies in it, and who lives of those that share
 * it.  Both are the kernel's to say, also of the processes of another nginx: a
 * number of a process may be used again, and is another one in a container.
 */


#include "ngx_http_jimeng_memory.h"

#include <pthread.h>


/* the bytes of the file that stand for slots: beyond any that it has */

#define NGX_HTTP_JIMENG_OWNERS         ((off_t) 1 << 40)


_Static_assert(sizeof(pthread_mutex_t) <= JM_STATE_LOCK, "the lock has room");


static unsigned ngx_http_jimeng_memory_own(void *ctx, uint32_t slot);
static void ngx_http_jimeng_memory_byte(struct flock *fl, uint32_t slot);


/* a lock that the kernel takes from a process that dies with it */

ngx_int_t
ngx_http_jimeng_memory_lock_create(ngx_http_jimeng_memory_t *m)
{
    ngx_int_t            rc;
    pthread_mutexattr_t  attr;

    if (pthread_mutexattr_init(&attr) != 0) {
        return NGX_ERROR;
    }

    rc = NGX_ERROR;

    if (pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED) == 0
        && pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST) == 0
        && pthread_mutex_init(m->state.lock, &attr) == 0)
    {
        rc = NGX_OK;
    }

    pthread_mutexattr_destroy(&attr);

    return rc;
}


jm_state_t *
ngx_http_jimeng_memory_lock(ngx_http_jimeng_memory_t *m)
{
    jm_clock_t  clock;

    if (pthread_mutex_lock(m->state.lock) == EOWNERDEAD) {

        /* what it had begun is undone below */

        (void) pthread_mutex_consistent(m->state.lock);
    }

    ngx_http_jimeng_memory_clock(&clock);

    jm_state_begin(&m->state, &clock);

    return &m->state;
}


void
ngx_http_jimeng_memory_unlock(ngx_http_jimeng_memory_t *m)
{
    jm_state_commit(&m->state);

    (void) pthread_mutex_unlock(m->state.lock);
}


void
ngx_http_jimeng_memory_clock(jm_clock_t *clock)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    clock->monotonic = ngx_current_msec;
    clock->wall = (uint64_t) tp->sec * 1000 + tp->msec;
}


/* this process is one of those that share the state from now on */

ngx_int_t
ngx_http_jimeng_memory_join(ngx_http_jimeng_memory_t *m)
{
    jm_rc_e  rc;

    ngx_http_jimeng_memory_lock(m);

    rc = jm_state_join(&m->state, ngx_http_jimeng_memory_own, m->mapping);

    ngx_http_jimeng_memory_unlock(m);

    if (rc != JM_OK) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                      "jimeng: zone \"%V\" is shared by too many processes",
                      &m->name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static unsigned
ngx_http_jimeng_memory_own(void *ctx, uint32_t slot)
{
    ngx_http_jimeng_mapping_t *map = ctx;

    struct flock  fl;

    ngx_http_jimeng_memory_byte(&fl, slot);

    return fcntl(map->fd, F_SETLK, &fl) == 0;
}


unsigned
ngx_http_jimeng_memory_alive(void *ctx, uint32_t slot)
{
    ngx_http_jimeng_mapping_t *map = ctx;

    struct flock  fl;

    ngx_http_jimeng_memory_byte(&fl, slot);

    return fcntl(map->fd, F_GETLK, &fl) == -1 || fl.l_type != F_UNLCK;
}


static void
ngx_http_jimeng_memory_byte(struct flock *fl, uint32_t slot)
{
    ngx_memzero(fl, sizeof(struct flock));

    fl->l_type = F_WRLCK;
    fl->l_whence = SEEK_SET;
    fl->l_start = NGX_HTTP_JIMENG_OWNERS + slot;
    fl->l_len = 1;
}
