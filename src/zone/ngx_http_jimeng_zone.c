
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_zone.h"


#define NGX_HTTP_JIMENG_ZONE_MAGIC    0x474e4d4a      /* "JMNG" */

/* changes with the meaning of what is kept, its parts have their own */

#define NGX_HTTP_JIMENG_ZONE_LAYOUT   4

/* of the state */

#define NGX_HTTP_JIMENG_ZONE_MIN      65536
#define NGX_HTTP_JIMENG_ZONE_MAX      ((ssize_t) 16 << 30)

/*
 * Bytes of what is counted, which the zone has besides the state, of whatever
 * size that is.  All series that there may be take 200k with short names, and
 * 1.1m with the longest ones.  A page that nothing was written to takes no
 * memory.
 */

#define NGX_HTTP_JIMENG_COUNTED       ((size_t) 2 * 1024 * 1024)


static ngx_int_t ngx_http_jimeng_zone_size(ngx_conf_t *cf, ngx_str_t *value,
    ngx_str_t *name, ssize_t *size);
static ngx_int_t ngx_http_jimeng_zone_param(ngx_conf_t *cf,
    ngx_http_jimeng_zone_t *zone, ngx_str_t *value);
static ngx_int_t ngx_http_jimeng_zone_init(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_int_t ngx_http_jimeng_zone_reuse(ngx_http_jimeng_zone_t *zone,
    ngx_shm_zone_t *shm_zone);
static ngx_int_t ngx_http_jimeng_zone_create(ngx_http_jimeng_zone_t *zone,
    ngx_shm_zone_t *shm_zone);
static void *ngx_http_jimeng_zone_alloc(void *ctx, size_t size);
static void ngx_http_jimeng_zone_free(void *ctx, void *p);
static unsigned ngx_http_jimeng_zone_exists(uint32_t pid);


static const uint32_t  ngx_http_jimeng_versions[NGX_HTTP_JIMENG_VERSIONS] = {
    NGX_HTTP_JIMENG_ZONE_LAYOUT, JM_METRICS_VERSION
};


char *
ngx_http_jimeng_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_jimeng_main_conf_t *jmcf = conf;

    ssize_t                  size;
    ngx_str_t               *value, name;
    ngx_uint_t               i;
    ngx_shm_zone_t          *shm_zone;
    ngx_http_jimeng_zone_t  *zone;

    if (jmcf->zone) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_http_jimeng_zone_size(cf, &value[1], &name, &size) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    zone = ngx_pcalloc(cf->pool, sizeof(ngx_http_jimeng_zone_t));
    if (zone == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {
        if (ngx_http_jimeng_zone_param(cf, zone, &value[i]) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    shm_zone = ngx_shared_memory_add(cf, &name, NGX_HTTP_JIMENG_COUNTED,
                                     &ngx_http_jimeng_module);
    if (shm_zone == NULL) {
        return NGX_CONF_ERROR;
    }

    zone->memory.name = name;
    zone->memory.size = (size_t) size;
    zone->memory.pool = cf->cycle->pool;
    zone->cycle = cf->cycle;
    zone->jmcf = jmcf;

    shm_zone->init = ngx_http_jimeng_zone_init;
    shm_zone->data = zone;

    jmcf->zone = zone;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_jimeng_zone_size(ngx_conf_t *cf, ngx_str_t *value, ngx_str_t *name,
    ssize_t *size)
{
    u_char     *p;
    ngx_str_t   s;

    p = (u_char *) ngx_strchr(value->data, ':');

    if (p == NULL || p == value->data) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"jimeng_zone\" takes a name and a size, as "
                           "\"jimeng:10m\", not \"%V\"", value);
        return NGX_ERROR;
    }

    name->data = value->data;
    name->len = p - value->data;

    s.data = p + 1;
    s.len = value->data + value->len - s.data;

    *size = ngx_parse_size(&s);

    if (*size == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid zone size \"%V\"",
                           value);
        return NGX_ERROR;
    }

    if (*size < NGX_HTTP_JIMENG_ZONE_MIN) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "zone \"%V\" is too small",
                           value);
        return NGX_ERROR;
    }

    if (*size > NGX_HTTP_JIMENG_ZONE_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "zone \"%V\" is too large",
                           value);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_jimeng_zone_param(ngx_conf_t *cf, ngx_http_jimeng_zone_t *zone,
    ngx_str_t *value)
{
    if (ngx_strncmp(value->data, "file=", 5) != 0 || value->len == 5
        || zone->memory.file.len)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"jimeng_zone\" takes one \"file=path\" after its "
                           "size, not \"%V\"", value);
        return NGX_ERROR;
    }

    zone->memory.file.data = value->data + 5;
    zone->memory.file.len = value->len - 5;

    return ngx_conf_full_name(cf->cycle, &zone->memory.file, 0);
}


static ngx_int_t
ngx_http_jimeng_zone_init(ngx_shm_zone_t *shm_zone, void *data)
{
    jm_mem_t                 mem;
    ngx_int_t                rc;
    ngx_http_jimeng_zone_t  *zone, *before;

    zone = shm_zone->data;

    zone->shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    mem.alloc = ngx_http_jimeng_zone_alloc;
    mem.free = ngx_http_jimeng_zone_free;
    mem.ctx = zone;

    zone->metrics.mem = mem;
    zone->metrics.alive = ngx_http_jimeng_zone_exists;
    zone->metrics.pid = (uint32_t) ngx_pid;

    if (data || shm_zone->shm.exists) {
        rc = ngx_http_jimeng_zone_reuse(zone, shm_zone);

    } else {
        rc = ngx_http_jimeng_zone_create(zone, shm_zone);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    before = ngx_http_jimeng_zone_before(zone->cycle);

    zone->memory.records = ngx_http_jimeng_zone_records(zone);
    zone->memory.state.quota.east = (int32_t) zone->jmcf->timezone;

    if (ngx_http_jimeng_memory_open(&zone->memory,
                                    before ? &before->memory : NULL,
                                    shm_zone->shm.log)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (zone->memory.records > jm_state_records(&zone->memory.state)) {
        ngx_http_jimeng_memory_small(&zone->memory, shm_zone->shm.log);
        return NGX_ERROR;
    }

    ngx_http_jimeng_zone_backend(zone);

    return NGX_OK;
}


/* the zone of the cycle before, if that is this very module's */

ngx_http_jimeng_zone_t *
ngx_http_jimeng_zone_before(ngx_cycle_t *cycle)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_shm_zone_t   *old;

    part = &cycle->old_cycle->shared_memory.part;
    old = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                return NULL;
            }

            part = part->next;
            old = part->elts;
            i = 0;
        }

        if (old[i].tag == &ngx_http_jimeng_module) {
            return old[i].data;
        }
    }
}


/* another cycle made what is in the zone, perhaps with another version of us */

static ngx_int_t
ngx_http_jimeng_zone_reuse(ngx_http_jimeng_zone_t *zone,
    ngx_shm_zone_t *shm_zone)
{
    zone->sh = zone->shpool->data;

    if (zone->sh->magic != NGX_HTTP_JIMENG_ZONE_MAGIC
        || ngx_memcmp(zone->sh->versions, ngx_http_jimeng_versions,
                      sizeof(ngx_http_jimeng_versions))
           != 0
        || zone->sh->size != sizeof(*zone->sh))
    {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "zone \"%V\" was made by another version of the module: "
                      "restart nginx, or give the zone another name",
                      &zone->memory.name);
        return NGX_ERROR;
    }

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

    ngx_memcpy(zone->sh->versions, ngx_http_jimeng_versions,
               sizeof(ngx_http_jimeng_versions));

    zone->sh->size = sizeof(*zone->sh);

    len = sizeof(" in jimeng_zone \"\"") + zone->memory.name.len;

    shpool->log_ctx = ngx_slab_alloc(shpool, len);
    if (shpool->log_ctx == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(shpool->log_ctx, " in jimeng_zone \"%V\"%Z",
                &zone->memory.name);

    /* without memory series are counted together */

    shpool->log_nomem = 0;

    if (jm_metrics_create(&zone->metrics) != JM_OK) {
        return NGX_ERROR;
    }

    zone->sh->metrics = zone->metrics.shared;
    zone->sh->magic = NGX_HTTP_JIMENG_ZONE_MAGIC;

    shpool->data = zone->sh;

    return NGX_OK;
}


static void *
ngx_http_jimeng_zone_alloc(void *ctx, size_t size)
{
    ngx_http_jimeng_zone_t *zone = ctx;

    return ngx_slab_alloc_locked(zone->shpool, size);
}


static void
ngx_http_jimeng_zone_free(void *ctx, void *p)
{
    ngx_http_jimeng_zone_t *zone = ctx;

    ngx_slab_free_locked(zone->shpool, p);
}


static unsigned
ngx_http_jimeng_zone_exists(uint32_t pid)
{
    return kill((ngx_pid_t) pid, 0) == 0 || ngx_errno != NGX_ESRCH;
}


ngx_http_jimeng_zone_t *
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

    zone->generation = ++zone->sh->generation;

    rc = ngx_http_jimeng_zone_register(zone);

    if (rc == JM_INVALID) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "zone \"%V\" has tasks of accounts that are not "
                      "configured any more, and no room for more than %d "
                      "accounts until these are over", &zone->memory.name,
                      JM_QUEUE_ACCOUNTS);
        return NGX_ERROR;
    }

    if (rc != JM_OK) {
        ngx_http_jimeng_memory_small(&zone->memory, cycle->log);
        return NGX_ERROR;
    }

    return ngx_http_jimeng_wake_create(cycle);
}


/*
 * The cache manager and other helpers of nginx serve nobody: they own nothing,
 * and are not counted as workers.
 */

ngx_int_t
ngx_http_jimeng_zone_init_process(ngx_cycle_t *cycle)
{
    ngx_http_jimeng_zone_t  *zone;

    zone = ngx_http_jimeng_zone_of(cycle);

    if (zone == NULL
        || (ngx_process != NGX_PROCESS_WORKER
            && ngx_process != NGX_PROCESS_SINGLE))
    {
        return NGX_OK;
    }

    if (ngx_http_jimeng_memory_whole(&zone->memory, cycle->log) != NGX_OK
        || ngx_http_jimeng_memory_join(&zone->memory) != NGX_OK)
    {
        return NGX_ERROR;
    }

    zone->metrics.pid = (uint32_t) ngx_pid;

    ngx_http_jimeng_zone_lock(zone);

    jm_metrics_join(&zone->metrics, (uint32_t) ngx_worker, ngx_time());

    ngx_http_jimeng_zone_unlock(zone);

    return NGX_OK;
}
