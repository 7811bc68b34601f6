
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_store.h"


#define NGX_HTTP_JIMENG_STORE_STAT   1024   /* bytes of /proc/PID/stat */
#define NGX_HTTP_JIMENG_STORE_START  20     /* fields from the state to it */


static ngx_int_t ngx_http_jimeng_store_read(const char *name, u_char *buf,
    size_t *len);
static uint64_t ngx_http_jimeng_store_start(uint64_t pid, char *state);


/*
 * A pid means the same to processes of one boot and one namespace; one that is
 * used again began at another time.  Where the system does not tell, what a
 * killed process had waits for the end of its lease.
 */

void
ngx_http_jimeng_store_place(ngx_http_jimeng_store_t *store,
    ngx_cycle_t *cycle)
{
    char      state;
    u_char   *p;
    size_t    len, host, conf;
    ssize_t   n;

    /* several nginx on a machine differ by their files */

    host = ngx_min(cycle->hostname.len, JM_REDIS_NODE / 2);
    conf = ngx_min(cycle->conf_file.len, JM_REDIS_NODE - host - 1);

    p = ngx_cpymem(store->node, cycle->hostname.data, host);
    *p++ = ':';
    p = ngx_cpymem(p, cycle->conf_file.data + cycle->conf_file.len - conf,
                   conf);

    store->join.node.data = store->node;
    store->join.node.len = p - store->node;

    len = JM_REDIS_PLACE / 2;

    if (ngx_http_jimeng_store_read("/proc/sys/kernel/random/boot_id",
                                   store->place, &len)
        != NGX_OK)
    {
        return;
    }

    n = readlink("/proc/self/ns/pid", (char *) store->place + len,
                 JM_REDIS_PLACE - len);

    store->join.pid = ngx_pid;
    store->join.start = ngx_http_jimeng_store_start(ngx_pid, &state);

    if (n == -1 || store->join.start == 0) {
        return;
    }

    store->join.place.data = store->place;
    store->join.place.len = len + n;
}


static ngx_int_t
ngx_http_jimeng_store_read(const char *name, u_char *buf, size_t *len)
{
    ssize_t   n;
    ngx_fd_t  fd;

    fd = open(name, O_RDONLY|O_CLOEXEC);

    if (fd == -1) {
        return NGX_ERROR;
    }

    n = read(fd, buf, *len);

    (void) close(fd);

    if (n <= 0) {
        return NGX_ERROR;
    }

    *len = n;

    return NGX_OK;
}


/* also one that nobody has waited for */

ngx_uint_t
ngx_http_jimeng_store_is_dead(uint64_t pid, uint64_t start)
{
    char      state;
    uint64_t  its;

    if (kill((ngx_pid_t) pid, 0) == -1 && ngx_errno == NGX_ESRCH) {
        return 1;
    }

    its = ngx_http_jimeng_store_start(pid, &state);

    return its != 0 && (its != start || state == 'Z' || state == 'X');
}


/*
 * Returns when a process began, in ticks since the system did, and sets its
 * state; 0: it is not known.  Its name, in parentheses, may have any bytes.
 */

static uint64_t
ngx_http_jimeng_store_start(uint64_t pid, char *state)
{
    char       *p, name[sizeof("/proc//stat") + NGX_INT64_LEN];
    size_t      len;
    u_char      stat[NGX_HTTP_JIMENG_STORE_STAT];
    ngx_uint_t  i;

    (void) ngx_sprintf((u_char *) name, "/proc/%uL/stat%Z", pid);

    len = sizeof(stat) - 1;

    if (ngx_http_jimeng_store_read(name, stat, &len) != NGX_OK) {
        return 0;
    }

    stat[len] = '\0';

    p = strrchr((char *) stat, ')');

    if (p == NULL || p[1] != ' ') {
        return 0;
    }

    *state = p[2];

    for (i = 0; p != NULL && i < NGX_HTTP_JIMENG_STORE_START; i++) {
        p = strchr(p + 1, ' ');
    }

    return p ? strtoull(p, NULL, 10) : 0;
}
