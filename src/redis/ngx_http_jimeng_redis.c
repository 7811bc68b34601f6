
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_redis.h"


static ngx_http_jimeng_redis_t *ngx_http_jimeng_redis_of(ngx_cycle_t *cycle);
static void ngx_http_jimeng_redis_forget(ngx_http_jimeng_redis_t *redis);
static void ngx_http_jimeng_redis_known(jm_str_t *s,
    ngx_http_jimeng_redis_word_t *word);


static ngx_http_jimeng_redis_t *
ngx_http_jimeng_redis_of(ngx_cycle_t *cycle)
{
    ngx_http_jimeng_main_conf_t  *jmcf;

    jmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_jimeng_module);

    return jmcf ? jmcf->redis : NULL;
}


ngx_int_t
ngx_http_jimeng_redis_init_process(ngx_cycle_t *cycle)
{
    ngx_http_jimeng_redis_t  *redis;

    redis = ngx_http_jimeng_redis_of(cycle);

    if (redis == NULL) {
        return NGX_OK;
    }

    redis->pool = cycle->pool;
    redis->durable = NGX_ERROR;

    if (ngx_array_init(&redis->channels, cycle->pool, 4,
                       sizeof(ngx_http_jimeng_redis_channel_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_jimeng_redis_calls(redis);

    ngx_http_jimeng_kept_start(&redis->calls, cycle->log);

    return NGX_OK;
}


void
ngx_http_jimeng_redis_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_jimeng_redis_t  *redis;

    redis = ngx_http_jimeng_redis_of(cycle);

    /* of a worker that has not come so far there is nothing */

    if (redis == NULL || redis->calls.log == NULL) {
        return;
    }

    redis->exiting = 1;

    ngx_http_jimeng_kept_stop(&redis->calls);

    if (redis->channels.nelts) {
        ngx_http_jimeng_kept_stop(&redis->messages);
    }

    ngx_http_jimeng_redis_forget(redis);
}


static void
ngx_http_jimeng_redis_forget(ngx_http_jimeng_redis_t *redis)
{
    ngx_uint_t                       n;
    ngx_queue_t                     *q, *next;
    ngx_http_jimeng_resp_command_t  *command;

    n = 0;

    for (q = ngx_queue_head(&redis->told);
         q != ngx_queue_sentinel(&redis->told);
         q = next)
    {
        next = ngx_queue_next(q);
        command = ngx_http_jimeng_resp_get(q);

        n += (command->sent != command->len);

        ngx_free(command);
    }

    ngx_queue_init(&redis->told);

    if (n) {
        ngx_log_error(NGX_LOG_ERR, redis->calls.log, 0,
                      "jimeng: this worker exits before it could tell %V %ui "
                      "messages", &redis->conf.name, n);
    }
}


/* as this worker sees it */

void
ngx_http_jimeng_redis_report(ngx_http_jimeng_redis_t *redis,
    jm_report_store_t *report)
{
    ngx_http_jimeng_kept_t  *k;

    k = &redis->calls;

    ngx_http_jimeng_str(&report->name, &redis->conf.name);
    ngx_http_jimeng_redis_known(&report->version, &redis->version);
    ngx_http_jimeng_redis_known(&report->appendonly, &redis->appendonly);
    ngx_http_jimeng_redis_known(&report->policy, &redis->policy);

    report->reachable = k->greeted && k->away == NGX_HTTP_JIMENG_KEPT_WELL;
    report->since = (uint64_t) k->since;
    report->latency = k->latency;
    report->pending = redis->pending;
    report->pending_size = redis->size;
    report->dropped = redis->dropped;
}


static void
ngx_http_jimeng_redis_known(jm_str_t *s, ngx_http_jimeng_redis_word_t *word)
{
    s->data = word->data;
    s->len = word->len;
}
