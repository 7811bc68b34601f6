
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng.h"

#include <openssl/rand.h>


#define NGX_HTTP_JIMENG_ZONE_MAGIC    0x474e4d4a      /* "JMNG" */

/* changes with the meaning of what is kept, the ledger's own has its own */

#define NGX_HTTP_JIMENG_ZONE_LAYOUT   1
#define NGX_HTTP_JIMENG_ZONE_VERSION                                          \
    (NGX_HTTP_JIMENG_ZONE_LAYOUT << 16 | JM_LEDGER_VERSION)


static ngx_int_t ngx_http_jimeng_zone_init(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_int_t ngx_http_jimeng_zone_reuse(ngx_http_jimeng_zone_t *zone,
    ngx_log_t *log);
static ngx_int_t ngx_http_jimeng_zone_create(ngx_http_jimeng_zone_t *zone,
    ngx_shm_zone_t *shm_zone);
static void ngx_http_jimeng_zone_emptied(ngx_http_jimeng_zone_t *zone,
    ngx_shm_zone_t *shm_zone);
static void *ngx_http_jimeng_zone_alloc(void *ctx, size_t size);
static void ngx_http_jimeng_zone_free(void *ctx, void *p);
static unsigned ngx_http_jimeng_zone_alive(uint32_t pid);


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

    shm_zone->init = ngx_http_jimeng_zone_init;
    shm_zone->data = zone;

    jmcf->zone = zone;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_jimeng_zone_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_http_jimeng_zone_t  *zone;

    zone = shm_zone->data;

    zone->shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    zone->ledger.mem.alloc = ngx_http_jimeng_zone_alloc;
    zone->ledger.mem.free = ngx_http_jimeng_zone_free;
    zone->ledger.mem.ctx = zone->shpool;
    zone->ledger.alive = ngx_http_jimeng_zone_alive;
    zone->ledger.pid = (uint32_t) ngx_pid;

    zone->quota.mem = zone->ledger.mem;
    zone->quota.alive = zone->ledger.alive;
    zone->quota.pid = zone->ledger.pid;
    zone->metrics.mem = zone->ledger.mem;
    zone->metrics.alive = ngx_http_jimeng_zone_alive;
    zone->metrics.pid = (uint32_t) ngx_pid;

    if (data || shm_zone->shm.exists) {
        return ngx_http_jimeng_zone_reuse(zone, shm_zone->shm.log);
    }

    ngx_http_jimeng_zone_emptied(zone, shm_zone);

    return ngx_http_jimeng_zone_create(zone, shm_zone);
}


/* what is in there was put by another cycle, maybe by another module's */

static ngx_int_t
ngx_http_jimeng_zone_reuse(ngx_http_jimeng_zone_t *zone, ngx_log_t *log)
{
    zone->sh = zone->shpool->data;

    if (zone->sh->magic != NGX_HTTP_JIMENG_ZONE_MAGIC
        || zone->sh->version != NGX_HTTP_JIMENG_ZONE_VERSION
        || zone->sh->size != sizeof(*zone->sh))
    {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "zone \"%V\" has layout %uD.%uD of %uz bytes, this "
                      "module needs layout %d.%d of %uz bytes: restart nginx, "
                      "or give the zone another name", &zone->name,
                      zone->sh->version >> 16, zone->sh->version & 0xffff,
                      zone->sh->size, NGX_HTTP_JIMENG_ZONE_LAYOUT,
                      JM_LEDGER_VERSION, sizeof(*zone->sh));
        return NGX_ERROR;
    }

    zone->ledger.shared = zone->sh->ledger;
    zone->quota.shared = zone->sh->quota;
    zone->metrics.shared = zone->sh->metrics;

    return NGX_OK;
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

    zone->sh->version = NGX_HTTP_JIMENG_ZONE_VERSION;
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

    /* a full zone makes room for itself */

    shpool->log_nomem = 0;

    if (jm_ledger_create(&zone->ledger, shm_zone->shm.size) != JM_OK
        || jm_metrics_create(&zone->metrics) != JM_OK)
    {
        return NGX_ERROR;
    }

    if (jm_quota_create(&zone->quota) != JM_OK) {
        return NGX_ERROR;
    }

    zone->sh->quota = zone->quota.shared;
    zone->sh->ledger = zone->ledger.shared;
    zone->sh->metrics = zone->metrics.shared;
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


static void *
ngx_http_jimeng_zone_alloc(void *ctx, size_t size)
{
    return ngx_slab_alloc_locked(ctx, size);
}


static void
ngx_http_jimeng_zone_free(void *ctx, void *p)
{
    ngx_slab_free_locked(ctx, p);
}


static unsigned
ngx_http_jimeng_zone_alive(uint32_t pid)
{
    return kill((ngx_pid_t) pid, 0) == 0 || ngx_errno != NGX_ESRCH;
}


/* a killed process may have had the number that this one has now */

ngx_int_t
ngx_http_jimeng_zone_init_process(ngx_cycle_t *cycle)
{
    ngx_http_jimeng_zone_t       *zone;
    ngx_http_jimeng_main_conf_t  *jmcf;

    jmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_jimeng_module);

    if (jmcf == NULL || jmcf->zone == NULL) {
        return NGX_OK;
    }

    zone = jmcf->zone;

    zone->ledger.pid = (uint32_t) ngx_pid;
    zone->metrics.pid = (uint32_t) ngx_pid;

    ngx_shmtx_lock(&zone->shpool->mutex);

    jm_ledger_join(&zone->ledger);

    zone->quota.pid = (uint32_t) ngx_pid;
    jm_quota_join(&zone->quota);
    if (ngx_process == NGX_PROCESS_WORKER || ngx_process == NGX_PROCESS_SINGLE)
    {
        jm_metrics_join(&zone->metrics, (uint32_t) ngx_worker, ngx_time());
    }

    ngx_shmtx_unlock(&zone->shpool->mutex);

    return NGX_OK;
}


ngx_int_t
ngx_http_jimeng_zone_init_module(ngx_cycle_t *cycle)
{
    jm_rc_e                       rc;
    ngx_http_jimeng_zone_t       *zone;
    ngx_http_jimeng_main_conf_t  *jmcf;

    jmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_jimeng_module);

    if (ngx_test_config || jmcf == NULL || jmcf->zone == NULL) {
        return NGX_OK;
    }

    zone = jmcf->zone;

    ngx_shmtx_lock(&zone->shpool->mutex);

    rc = jm_quota_sync(&zone->quota, jmcf->clients.elts, jmcf->clients.nelts);

    ngx_shmtx_unlock(&zone->shpool->mutex);

    return rc == JM_OK ? NGX_OK : NGX_ERROR;
}
