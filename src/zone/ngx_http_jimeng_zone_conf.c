
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


/*
 * What the configuration says of accounts and clients is put into the state.
 */


#include "ngx_http_jimeng_zone.h"

#include "jm_quota_sync.h"


static void ngx_http_jimeng_zone_divide(ngx_http_jimeng_zone_t *zone,
    jm_queue_conf_t *conf);


/*
 * Records that the configuration may need, besides the ledger's: these are left
 * to it, so that no request depends on what is free.
 */

uint32_t
ngx_http_jimeng_zone_records(ngx_http_jimeng_zone_t *zone)
{
    uint64_t                     n;
    jm_str_t                     name;
    ngx_uint_t                   i;
    jm_queue_conf_t              conf;
    ngx_http_jimeng_account_t  **account;

    n = jm_quota_records(zone->jmcf->clients.nelts);
    account = zone->jmcf->accounts.elts;

    for (i = 0; i < zone->jmcf->accounts.nelts; i++) {
        ngx_http_jimeng_zone_account(account[i], &name, &conf);

        n += jm_queue_records(&conf);
    }

    return (uint32_t) ngx_min(n, INT32_MAX);
}


/* puts what the configuration says into use; JM_INVALID: too many accounts */

jm_rc_e
ngx_http_jimeng_zone_register(ngx_http_jimeng_zone_t *zone)
{
    jm_rc_e          rc;
    jm_quota_sync_t  sync;

    ngx_http_jimeng_zone_lock(zone);

    rc = ngx_http_jimeng_zone_accounts(zone);

    ngx_http_jimeng_zone_unlock(zone);

    ngx_memzero(&sync, sizeof(jm_quota_sync_t));

    sync.clients = zone->jmcf->clients.elts;
    sync.n = zone->jmcf->clients.nelts;

    /* old workers go on meanwhile: who waits for a lock needs time to get it */

    while (rc == JM_OK && sync.step != JM_SYNC_DONE) {
        ngx_http_jimeng_zone_lock(zone);

        rc = jm_quota_sync(&zone->memory.state.quota, &sync);

        ngx_http_jimeng_zone_unlock(zone);

        (void) usleep(1);
    }

    return rc;
}


/* with the zone locked */

jm_rc_e
ngx_http_jimeng_zone_accounts(ngx_http_jimeng_zone_t *zone)
{
    jm_rc_e                      rc;
    jm_str_t                     name;
    ngx_uint_t                   i;
    jm_queue_t                  *queue;
    jm_queue_conf_t              conf;
    ngx_http_jimeng_account_t  **account;

    queue = &zone->memory.state.queue;
    account = zone->jmcf->accounts.elts;

    jm_state_keep(&zone->memory.state, zone->memory.records);

    jm_queue_accounts_begin(queue);

    for (i = 0; i < zone->jmcf->accounts.nelts; i++) {
        ngx_http_jimeng_zone_account(account[i], &name, &conf);
        ngx_http_jimeng_zone_divide(zone, &conf);

        rc = jm_queue_account(queue, name, &conf, &account[i]->queue_number);

        if (rc != JM_OK) {
            return rc;
        }
    }

    return JM_OK;
}


/*
 * Beside a store the zone decides only while that is away, and each of the
 * nodes then has its part of an account: of its tasks at a time at least one,
 * and of its submits, and pictures, a minute.
 */

static void
ngx_http_jimeng_zone_divide(ngx_http_jimeng_zone_t *zone,
    jm_queue_conf_t *conf)
{
    uint64_t  nodes;

    nodes = zone->sh->nodes;

    if (zone->jmcf->redis == NULL || nodes < 2) {
        return;
    }

    if (conf->concurrency) {
        conf->concurrency = (uint32_t) ngx_max(conf->concurrency / nodes, 1);
    }

    conf->pace = (uint32_t) ngx_min(conf->pace * nodes, NGX_MAX_UINT32_VALUE);
    conf->interval *= nodes;
}


/* what the configuration says of an account */

void
ngx_http_jimeng_zone_account(ngx_http_jimeng_account_t *account,
    jm_str_t *name, jm_queue_conf_t *conf)
{
    name->len = account->name.len;
    name->data = account->name.data;

    ngx_memzero(conf, sizeof(jm_queue_conf_t));

    conf->weight = (uint32_t) account->limits.weight;

    if (account->limits.concurrency) {
        conf->concurrency = (uint32_t) account->limits.concurrency;
        conf->queue = (uint32_t) account->limits.queue;
        conf->interval = account->limits.interval;
        conf->timeout = account->limits.timeout;
        conf->pace = account->limits.rate
                     ? (uint32_t) ((60000 + account->limits.rate - 1)
                                   / account->limits.rate)
                     : 0;
    }
}
