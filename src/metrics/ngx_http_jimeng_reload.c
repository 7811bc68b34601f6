
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * Counts configurations that are not taken, where nginx goes on with the one
 * before: the pool of a cycle that comes to nothing goes away at once.  What
 * breaks before nginx has come to "http" is not seen here.
 */


#include "ngx_http_jimeng_metrics.h"


typedef struct {
    ngx_http_jimeng_main_conf_t  *jmcf;
    ngx_http_jimeng_zone_t       *before;   /* of the cycle that is in use */
} ngx_http_jimeng_reload_t;


static void ngx_http_jimeng_reload_cleanup(void *data);


/* a configuration is about to be read */

ngx_int_t
ngx_http_jimeng_reload_begin(ngx_conf_t *cf)
{
    ngx_pool_cleanup_t        *cln;
    ngx_http_jimeng_zone_t    *before;
    ngx_http_jimeng_reload_t  *reload;

    before = ngx_http_jimeng_zone_before(cf->cycle);

    if (before == NULL) {
        return NGX_OK;
    }

    cln = ngx_pool_cleanup_add(cf->cycle->pool,
                               sizeof(ngx_http_jimeng_reload_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_jimeng_reload_cleanup;

    reload = cln->data;
    reload->jmcf = ngx_http_conf_get_module_main_conf(cf,
                                                      ngx_http_jimeng_module);
    reload->before = before;

    return NGX_OK;
}


/* the configuration is good */

void
ngx_http_jimeng_reload_used(ngx_cycle_t *cycle)
{
    ngx_http_jimeng_main_conf_t  *jmcf;

    jmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_jimeng_module);

    if (jmcf) {
        jmcf->used = 1;
    }
}


/* one that was used ends after the next has begun, or with its process */

static void
ngx_http_jimeng_reload_cleanup(void *data)
{
    ngx_http_jimeng_reload_t *reload = data;

    ngx_http_jimeng_zone_t  *zone;

    zone = reload->before;

    /* a file that was cut would end the master, which is to go on */

    if (reload->jmcf->used || ngx_http_jimeng_memory_cut(&zone->memory)) {
        return;
    }

    ngx_http_jimeng_zone_lock(zone);

    jm_metrics_refused(&zone->metrics);

    ngx_http_jimeng_zone_unlock(zone);
}
