
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_zone.h"

#include <openssl/rand.h>


#define NGX_HTTP_JIMENG_ZONE_MAGIC    0x474e4d4a      /* "JMNG" */

/* changes with the meaning of what is kept, its parts have their own */

#define NGX_HTTP_JIMENG_ZONE_LAYOUT   2

#define NGX_HTTP_JIMENG_ZONE_TEXT                                             \
    ((NGX_INT32_LEN + 1) * NGX_HTTP_JIMENG_VERSIONS)


static ngx_int_t ngx_http_jimeng_zone_init(ngx_shm_zone_t *shm_zone,
    void *data);
static void ngx_http_jimeng_zone_process(ngx_http_jimeng_zone_t *zone);
static ngx_int_t ngx_http_jimeng_zone_reuse(ngx_http_jimeng_zone_t *zone,
    ngx_shm_zone_t *shm_zone);
static ngx_int_t ngx_http_jimeng_zone_grow(ngx_http_jimeng_zone_t *zone,
    ngx_shm_zone_t *shm_zone);
static ngx_int_t ngx_http_jimeng_zone_create(ngx_http_jimeng_zone_t *zone,
    ngx_shm_zone_t *shm_zone);
static void ngx_http_jimeng_zone_emptied(ngx_http_jimeng_zone_t *zone,
    ngx_shm_zone_t *shm_zone);
static u_char *ngx_http_jimeng_zone_layout(u_char *p,
    const uint32_t *versions);
static void ngx_http_jimeng_zone_master_lock(ngx_http_jimeng_zone_t *zone);
static void *ngx_http_jimeng_zone_alloc(void *ctx, size_t size);
static void *ngx_http_jimeng_zone_alloc_more(void *ctx, size_t size);
static void ngx_http_jimeng_zone_free(void *ctx, void *p);
static unsigned ngx_http_jimeng_zone_alive(uint32_t pid);
static ngx_http_jimeng_zone_t *ngx_http_jimeng_zone_of(ngx_cycle_t *cycle);


static const uint32_t  ngx_http_jimeng_versions[NGX_HTTP_JIMENG_VERSIONS] = {
    NGX_HTTP_JIMENG_ZONE_LAYOUT, JM_LEDGER_VERSION, JM_QUEUE_VERSION,
    JM_QUOTA_VERSION, JM_METRICS_VERSION, JM_SCHEDULE_VERSION
};


char *
ngx_http_jimeng_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_jimeng_main_conf_t *jmcf = conf;

    u_char                  *p;
    ssize_t                  size;
    ngx_str_t               *value, name, s;
    ngx_shm_zone_t          *shm_zone;
    ngx_http_jimeng_zone_t  *zone;

    if (jmcf->zone) {
        return "is duplicate";
    }

    value = cf->args->elts;

    name.data = value[1].data;
    p = (u_char *) ngx_strchr(name.data, ':');

    if (p == NULL || p == name.data) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"jimeng_zone\" takes a name and a size, as "
                           "\"jimeng:10m\", not \"%V\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    name.len = p - name.data;

    s.data = p + 1;
    s.len = value[1].data + value[1].len - s.data;

    size = ngx_parse_size(&s);

    if (size == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid zone size \"%V\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    if (size < (ssize_t) (8 * ngx_pagesize)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone \"%V\" is too small", &value[1]);
        return NGX_CONF_ERROR;
    }

    zone = ngx_pcalloc(cf->pool, sizeof(ngx_http_jimeng_zone_t));
    if (zone == NULL) {
        return NGX_CONF_ERROR;
    }

    shm_zone = ngx_shared_memory_add(cf, &name, size, &ngx_http_jimeng_module);
    if (shm_zone == NULL) {
        return NGX_CONF_ERROR;
    }

    zone->name = name;
    zone->cycle = cf->cycle;
    zone->jmcf = jmcf;

    shm_zone->init = ngx_http_jimeng_zone_init;
    shm_zone->data = zone;

    jmcf->zone = zone;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_jimeng_zone_init(ngx_shm_zone_t *shm_zone, void *data)
{
    jm_mem_t                 mem;
    ngx_http_jimeng_zone_t  *zone;

    zone = shm_zone->data;

    zone->shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    mem.alloc = ngx_http_jimeng_zone_alloc;
    mem.free = ngx_http_jimeng_zone_free;
    mem.ctx = zone;

    zone->ledger.mem = mem;

    mem.alloc = ngx_http_jimeng_zone_alloc_more;

    zone->queue.mem = mem;
    zone->quota.mem = mem;
    zone->metrics.mem = mem;
    zone->schedule.mem = mem;

    zone->ledger.alive = ngx_http_jimeng_zone_alive;
    zone->queue.alive = ngx_http_jimeng_zone_alive;
    zone->quota.alive = ngx_http_jimeng_zone_alive;
    zone->metrics.alive = ngx_http_jimeng_zone_alive;

    ngx_http_jimeng_zone_process(zone);

    if (data || shm_zone->shm.exists) {
        return ngx_http_jimeng_zone_reuse(zone, shm_zone);
    }

    ngx_http_jimeng_zone_emptied(zone, shm_zone);

    return ngx_http_jimeng_zone_create(zone, shm_zone);
}


static void
ngx_http_jimeng_zone_process(ngx_http_jimeng_zone_t *zone)
{
    zone->ledger.pid = (uint32_t) ngx_pid;
    zone->queue.pid = (uint32_t) ngx_pid;
    zone->quota.pid = (uint32_t) ngx_pid;
    zone->metrics.pid = (uint32_t) ngx_pid;
}


/* another cycle made what is in the zone, perhaps with another version of us */

static ngx_int_t
ngx_http_jimeng_zone_reuse(ngx_http_jimeng_zone_t *zone,
    ngx_shm_zone_t *shm_zone)
{
    u_char  has[NGX_HTTP_JIMENG_ZONE_TEXT], needs[NGX_HTTP_JIMENG_ZONE_TEXT];

    zone->sh = zone->shpool->data;

    if (zone->sh->magic != NGX_HTTP_JIMENG_ZONE_MAGIC
        || ngx_memcmp(zone->sh->versions, ngx_http_jimeng_versions,
                      sizeof(ngx_http_jimeng_versions))
           != 0
        || zone->sh->size != sizeof(*zone->sh))
    {
        ngx_http_jimeng_zone_layout(has, zone->sh->versions);
        ngx_http_jimeng_zone_layout(needs, ngx_http_jimeng_versions);

        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "zone \"%V\" has layout %s of %uz bytes, this module "
                      "needs layout %s of %uz bytes: restart nginx, or give "
                      "the zone another name", &zone->name, has,
                      zone->sh->size, needs, sizeof(*zone->sh));
        return NGX_ERROR;
    }

    zone->ledger.shared = zone->sh->ledger;
    zone->queue.shared = zone->sh->queue;
    zone->quota.shared = zone->sh->quota;
    zone->metrics.shared = zone->sh->metrics;
    zone->schedule.shared = zone->sh->schedule;

    return ngx_http_jimeng_zone_grow(zone, shm_zone);
}


static ngx_int_t
ngx_http_jimeng_zone_grow(ngx_http_jimeng_zone_t *zone,
    ngx_shm_zone_t *shm_zone)
{
    jm_rc_e  rc;

    if (!ngx_http_jimeng_zone_fits(zone, shm_zone->shm.size,
                                   shm_zone->shm.log))
    {
        ngx_http_jimeng_zone_small(zone, shm_zone->shm.size,
                                   shm_zone->shm.log);
        return NGX_ERROR;
    }

    ngx_http_jimeng_zone_master_lock(zone);

    rc = ngx_http_jimeng_zone_reserve(zone);

    ngx_http_jimeng_zone_unlock(zone);

    if (rc == JM_OK) {
        return NGX_OK;
    }

    if (rc == JM_INVALID) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "zone \"%V\" has seen more than %d accounts since it "
                      "was made: restart nginx, or give it another name",
                      &zone->name, JM_QUEUE_ACCOUNTS);
        return NGX_ERROR;
    }

    ngx_http_jimeng_zone_small(zone, shm_zone->shm.size, shm_zone->shm.log);

    return NGX_ERROR;
}


static ngx_int_t
ngx_http_jimeng_zone_create(ngx_http_jimeng_zone_t *zone,
    ngx_shm_zone_t *shm_zone)
{
    size_t            len;
    ngx_slab_pool_t  *shpool;

    shpool = zone->shpool;

    zone->sh = ngx_slab_calloc(shpool, sizeof(*zone->sh));
    if (zone->sh == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(zone->sh->versions, ngx_http_jimeng_versions,
               sizeof(ngx_http_jimeng_versions));

    zone->sh->size = sizeof(*zone->sh);

    if (RAND_bytes(zone->sh->salt, JM_DIGEST_LEN) != 1) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "RAND_bytes() failed");
        return NGX_ERROR;
    }

    len = sizeof(" in jimeng_zone \"\"") + zone->name.len;

    shpool->log_ctx = ngx_slab_alloc(shpool, len);
    if (shpool->log_ctx == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(shpool->log_ctx, " in jimeng_zone \"%V\"%Z", &zone->name);

    /* a full zone is no error: the ledger forgets what is oldest */

    shpool->log_nomem = 0;

    if (ngx_http_jimeng_zone_build(zone, shm_zone->shm.size) != JM_OK
        || !ngx_http_jimeng_zone_spare(zone))
    {
        ngx_http_jimeng_zone_small(zone, shm_zone->shm.size,
                                   shm_zone->shm.log);
        return NGX_ERROR;
    }

    zone->sh->ledger = zone->ledger.shared;
    zone->sh->queue = zone->queue.shared;
    zone->sh->quota = zone->quota.shared;
    zone->sh->metrics = zone->metrics.shared;
    zone->sh->schedule = zone->schedule.shared;
    zone->sh->magic = NGX_HTTP_JIMENG_ZONE_MAGIC;

    shpool->data = zone->sh;

    return NGX_OK;
}


static void
ngx_http_jimeng_zone_emptied(ngx_http_jimeng_zone_t *zone,
    ngx_shm_zone_t *shm_zone)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_shm_zone_t   *old;

    part = &zone->cycle->old_cycle->shared_memory.part;
    old = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                break;
            }

            part = part->next;
            old = part->elts;
            i = 0;
        }

        if (old[i].shm.name.len == zone->name.len
            && ngx_memcmp(old[i].shm.name.data, zone->name.data,
                          zone->name.len)
               == 0)
        {
            ngx_log_error(NGX_LOG_NOTICE, shm_zone->shm.log, 0,
                          "zone \"%V\" had %uz bytes and has %uz now: it is "
                          "empty again, and what was asked before is not "
                          "known any more", &zone->name, old[i].shm.size,
                          shm_zone->shm.size);
            return;
        }
    }
}


static u_char *
ngx_http_jimeng_zone_layout(u_char *p, const uint32_t *versions)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_JIMENG_VERSIONS; i++) {
        p = ngx_sprintf(p, i ? ".%uD" : "%uD", versions[i]);
    }

    *p = '\0';

    return p;
}


/*
 * The master works with signals blocked, and it is the master that gives back
 * the lock of a worker that was killed: it must not wait for itself.
 */

static void
ngx_http_jimeng_zone_master_lock(ngx_http_jimeng_zone_t *zone)
{
    ngx_pid_t     pid;
    siginfo_t     info;
    ngx_shmtx_t  *mutex;

    mutex = &zone->shpool->mutex;

    while (!ngx_shmtx_trylock(mutex)) {

        pid = *mutex->lock;

        info.si_pid = 0;

        if (pid
            && waitid(P_PID, pid, &info, WEXITED|WNOHANG|WNOWAIT) == 0
            && info.si_pid == pid)
        {
            ngx_shmtx_force_unlock(mutex, pid);
            continue;
        }

        ngx_msleep(1);
    }
}


/*
 * Wakes the workers whose tasks were granted a slot while the zone was locked:
 * after the lock, as they need it.
 */

void
ngx_http_jimeng_zone_unlock(ngx_http_jimeng_zone_t *zone)
{
    uint32_t     woken[JM_QUEUE_WOKEN];
    ngx_uint_t   i, n;
    jm_queue_t  *queue;

    queue = &zone->queue;

    n = queue->nwoken;
    queue->nwoken = 0;

    ngx_memcpy(woken, queue->woken,
               ngx_min(n, JM_QUEUE_WOKEN) * sizeof(uint32_t));

    ngx_shmtx_unlock(&zone->shpool->mutex);

    if (n > JM_QUEUE_WOKEN) {
        ngx_http_jimeng_wake_all();
        return;
    }

    for (i = 0; i < n; i++) {
        ngx_http_jimeng_wake(woken[i]);
    }
}


/* the zone of a request's configuration, or NULL */

ngx_http_jimeng_zone_t *
ngx_http_jimeng_zone_get(ngx_http_request_t *r)
{
    ngx_http_jimeng_main_conf_t  *jmcf;

    jmcf = ngx_http_get_module_main_conf(r, ngx_http_jimeng_module);

    return jmcf->zone;
}


static void *
ngx_http_jimeng_zone_alloc(void *ctx, size_t size)
{
    ngx_http_jimeng_zone_t *zone = ctx;

    return ngx_slab_alloc_locked(zone->shpool, size);
}


/* memory for all others: the ledger, which fills the zone, forgets for it */

static void *
ngx_http_jimeng_zone_alloc_more(void *ctx, size_t size)
{
    ngx_http_jimeng_zone_t *zone = ctx;

    void  *p;

    do {
        p = ngx_slab_alloc_locked(zone->shpool, size);
    } while (p == NULL && jm_ledger_shrink(&zone->ledger) == JM_OK);

    return p;
}


static void
ngx_http_jimeng_zone_free(void *ctx, void *p)
{
    ngx_http_jimeng_zone_t *zone = ctx;

    ngx_slab_free_locked(zone->shpool, p);
}


static unsigned
ngx_http_jimeng_zone_alive(uint32_t pid)
{
    return kill((ngx_pid_t) pid, 0) == 0 || ngx_errno != NGX_ESRCH;
}


static ngx_http_jimeng_zone_t *
ngx_http_jimeng_zone_of(ngx_cycle_t *cycle)
{
    ngx_http_jimeng_main_conf_t  *jmcf;

    jmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_jimeng_module);

    return jmcf ? jmcf->zone : NULL;
}


/* the configuration is good, and is used from now on */

ngx_int_t
ngx_http_jimeng_zone_init_module(ngx_cycle_t *cycle)
{
    jm_rc_e                  rc;
    ngx_http_jimeng_zone_t  *zone;

    zone = ngx_http_jimeng_zone_of(cycle);

    if (zone == NULL) {
        return NGX_OK;
    }

    ngx_http_jimeng_zone_master_lock(zone);

    rc = ngx_http_jimeng_zone_register(zone);

    ngx_http_jimeng_zone_unlock(zone);

    if (rc != JM_OK) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "zone \"%V\" has lost the room it had", &zone->name);
        return NGX_ERROR;
    }

    if (ngx_http_jimeng_wake_create(cycle) != NGX_OK) {
        return NGX_ERROR;
    }

    /* tasks that wait in old workers may have slots that are new by now */

    ngx_http_jimeng_wake_all();

    return NGX_OK;
}


/*
 * Gives up what the zone has of an earlier process with this one's pid, which
 * was killed.  The cache manager and other helpers of nginx serve nobody, and
 * are not counted as workers.
 */

ngx_int_t
ngx_http_jimeng_zone_init_process(ngx_cycle_t *cycle)
{
    ngx_http_jimeng_zone_t  *zone;

    zone = ngx_http_jimeng_zone_of(cycle);

    if (zone == NULL) {
        return NGX_OK;
    }

    ngx_http_jimeng_zone_process(zone);

    ngx_http_jimeng_zone_lock(zone);

    jm_ledger_join(&zone->ledger, ngx_current_msec);
    jm_queue_join(&zone->queue);
    jm_quota_join(&zone->quota);

    if (ngx_process == NGX_PROCESS_WORKER || ngx_process == NGX_PROCESS_SINGLE)
    {
        jm_metrics_join(&zone->metrics, (uint32_t) ngx_worker, ngx_time());
    }

    ngx_http_jimeng_zone_unlock(zone);

    return NGX_OK;
}
