
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_zone.h"


/*
 * A worker that has granted a slot to a task in another one wakes that one: an
 * eventfd for each worker's number, made by the master before it forks, and
 * kept over reloads.  Where there is none, the timers of those that wait do.
 *
 * With events that are edge-triggered it is never read: each write is an edge
 * for whoever has it, which is the old worker and the new one of a number
 * while nginx is reloaded.  Sums of 1 do not come near the end of 64 bits.
 */

static ngx_uint_t  ngx_http_jimeng_wake_n;
static ngx_fd_t    ngx_http_jimeng_wake_fds[NGX_MAX_PROCESSES];

static ngx_event_t           ngx_http_jimeng_wake_read;
static ngx_event_t           ngx_http_jimeng_wake_write;
static ngx_connection_t      ngx_http_jimeng_wake_conn;

static ngx_event_handler_pt  ngx_http_jimeng_wake_next;


static ngx_connection_t *ngx_http_jimeng_wake_connection(ngx_cycle_t *cycle,
    ngx_fd_t fd);
static void ngx_http_jimeng_wake_handler(ngx_event_t *ev);


#if (NGX_HAVE_EVENTFD && NGX_HAVE_SYS_EVENTFD_H)

static void ngx_http_jimeng_wake_cleanup(void *data);


static ngx_uint_t  ngx_http_jimeng_wake_cycles;


ngx_int_t
ngx_http_jimeng_wake_create(ngx_cycle_t *cycle)
{
    ngx_fd_t             fd;
    ngx_uint_t           n;
    ngx_core_conf_t     *ccf;
    ngx_pool_cleanup_t  *cln;

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    n = ccf->master ? (ngx_uint_t) ccf->worker_processes : 1;

    cln = ngx_pool_cleanup_add(cycle->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_jimeng_wake_cleanup;

    ngx_http_jimeng_wake_cycles++;

    while (ngx_http_jimeng_wake_n < ngx_min(n, NGX_MAX_PROCESSES)) {

        fd = eventfd(0, EFD_NONBLOCK|EFD_CLOEXEC);

        if (fd == -1) {
            ngx_log_error(NGX_LOG_WARN, cycle->log, ngx_errno,
                          "jimeng: eventfd() failed, tasks that wait for a "
                          "slot may get it a second late");
            break;
        }

        ngx_http_jimeng_wake_fds[ngx_http_jimeng_wake_n++] = fd;
    }

    return NGX_OK;
}


/* the eventfds are closed with the last cycle that has this module */

static void
ngx_http_jimeng_wake_cleanup(void *data)
{
    if (--ngx_http_jimeng_wake_cycles) {
        return;
    }

    while (ngx_http_jimeng_wake_n) {
        ngx_http_jimeng_wake_n--;

        if (close(ngx_http_jimeng_wake_fds[ngx_http_jimeng_wake_n]) == -1) {
            ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, ngx_errno,
                          "jimeng: close() of an eventfd failed");
        }
    }
}

#else

ngx_int_t
ngx_http_jimeng_wake_create(ngx_cycle_t *cycle)
{
    return NGX_OK;
}

#endif


/*
 * Listens on this worker's own eventfd.  It is marked as the channel to the
 * master is: a worker that is to exit does not wait for it to be closed.
 */

ngx_int_t
ngx_http_jimeng_wake_init(ngx_cycle_t *cycle, ngx_event_handler_pt handler)
{
    ngx_int_t          flags;
    ngx_event_t       *rev;
    ngx_connection_t  *c;

    if (ngx_worker >= ngx_http_jimeng_wake_n) {
        return NGX_OK;
    }

    c = ngx_http_jimeng_wake_connection(cycle,
                                        ngx_http_jimeng_wake_fds[ngx_worker]);
    if (c == NULL) {
        return NGX_ERROR;
    }

    c->pool = cycle->pool;

    rev = c->read;

    rev->log = cycle->log;
    rev->channel = 1;
    rev->handler = ngx_http_jimeng_wake_handler;

    c->write->log = cycle->log;
    c->write->channel = 1;

    ngx_http_jimeng_wake_next = handler;

    flags = (ngx_event_flags & NGX_USE_CLEAR_EVENT) ? NGX_CLEAR_EVENT
                                                    : NGX_LEVEL_EVENT;

    return ngx_add_event(rev, NGX_READ_EVENT, flags);
}


/*
 * Epoll takes any connection, as that of its own eventfd, which is none of
 * worker_connections.  Others have room for these, and find them by number.
 */

static ngx_connection_t *
ngx_http_jimeng_wake_connection(ngx_cycle_t *cycle, ngx_fd_t fd)
{
    ngx_connection_t  *c;

    if (!(ngx_event_flags & NGX_USE_EPOLL_EVENT)) {
        return ngx_get_connection(fd, cycle->log);
    }

    c = &ngx_http_jimeng_wake_conn;

    c->fd = fd;
    c->log = cycle->log;
    c->read = &ngx_http_jimeng_wake_read;
    c->write = &ngx_http_jimeng_wake_write;

    c->read->data = c;
    c->read->index = NGX_INVALID_INDEX;

    c->write->data = c;
    c->write->index = NGX_INVALID_INDEX;
    c->write->write = 1;

    return c;
}


static void
ngx_http_jimeng_wake_handler(ngx_event_t *ev)
{
    uint64_t           count;
    ngx_connection_t  *c;

    c = ev->data;

    if (!(ngx_event_flags & NGX_USE_CLEAR_EVENT)
        && read(c->fd, &count, sizeof(uint64_t)) == -1
        && ngx_errno != NGX_EAGAIN)
    {
        ngx_log_error(NGX_LOG_ALERT, ev->log, ngx_errno,
                      "jimeng: read() of an eventfd failed");
    }

    ngx_http_jimeng_wake_next(ev);
}


/* workers that were there before a reload do not know those that it added */

void
ngx_http_jimeng_wake(uint32_t worker)
{
    uint64_t  one;

    if (worker >= ngx_http_jimeng_wake_n) {
        return;
    }

    one = 1;

    if (write(ngx_http_jimeng_wake_fds[worker], &one, sizeof(uint64_t)) == -1
        && ngx_errno != NGX_EAGAIN)
    {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, ngx_errno,
                      "jimeng: write() to an eventfd failed");
    }
}


void
ngx_http_jimeng_wake_all(void)
{
    uint32_t  worker;

    for (worker = 0; worker < ngx_http_jimeng_wake_n; worker++) {
        ngx_http_jimeng_wake(worker);
    }
}
