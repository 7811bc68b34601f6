
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_redis.h"


static ngx_http_jimeng_redis_channel_t *ngx_http_jimeng_redis_channel(
    ngx_http_jimeng_redis_t *redis, ngx_http_jimeng_redis_message_pt handler);
static void ngx_http_jimeng_redis_listen(ngx_http_jimeng_kept_t *k);
static void ngx_http_jimeng_redis_subscribed(void *data, redisReply *reply);
static void ngx_http_jimeng_redis_listens(ngx_http_jimeng_kept_t *k);
static ngx_uint_t ngx_http_jimeng_redis_push(ngx_http_jimeng_kept_t *k,
    redisReply *reply);
static ngx_uint_t ngx_http_jimeng_redis_kind(redisReply *reply,
    const char *kind);


/* the handler gets each message once at most, and those of one channel alone */

ngx_int_t
ngx_http_jimeng_redis_subscribe(ngx_http_jimeng_redis_t *redis,
    ngx_str_t *name, ngx_http_jimeng_redis_message_pt handler, void *data)
{
    u_char                           *p;
    ngx_http_jimeng_kept_t           *k;
    ngx_http_jimeng_redis_channel_t  *channel;

    channel = ngx_http_jimeng_redis_channel(redis, handler);
    if (channel == NULL) {
        return NGX_ERROR;
    }

    channel->name.len = redis->prefix.len + name->len;

    p = ngx_pnalloc(redis->pool, channel->name.len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    channel->name.data = p;

    p = ngx_cpymem(p, redis->prefix.data, redis->prefix.len);
    p = ngx_cpymem(p, name->data, name->len);
    *p = '\0';

    channel->handler = handler;
    channel->data = data;

    k = &redis->messages;

    if (ngx_http_jimeng_resp_is(&k->resp)) {
        ngx_http_jimeng_kept_drop(k);
        ngx_add_timer(&k->timer, 1);

    } else if (k->conf == NULL) {
        k->conf = &redis->conf;
        k->data = redis;
        k->what = " (messages)";
        k->greet = ngx_http_jimeng_redis_listen;
        k->ready = ngx_http_jimeng_redis_listens;
        k->push = ngx_http_jimeng_redis_push;

        ngx_http_jimeng_kept_start(k, redis->calls.log);
    }

    return NGX_OK;
}


/* a handler that has one gets another in its place */

static ngx_http_jimeng_redis_channel_t *
ngx_http_jimeng_redis_channel(ngx_http_jimeng_redis_t *redis,
    ngx_http_jimeng_redis_message_pt handler)
{
    ngx_uint_t                        i;
    ngx_http_jimeng_redis_channel_t  *channel;

    channel = redis->channels.elts;

    for (i = 0; i < redis->channels.nelts; i++) {
        if (channel[i].handler == handler) {
            return &channel[i];
        }
    }

    if (redis->channels.nelts == NGX_HTTP_JIMENG_RESP_ARGS - 1) {
        return NULL;
    }

    return ngx_array_push(&redis->channels);
}


static void
ngx_http_jimeng_redis_listen(ngx_http_jimeng_kept_t *k)
{
    const char                       *argv[NGX_HTTP_JIMENG_RESP_ARGS];
    ngx_uint_t                        i, n;
    ngx_http_jimeng_redis_t          *redis;
    ngx_http_jimeng_resp_command_t   *command;
    ngx_http_jimeng_redis_channel_t  *channel;

    redis = k->data;
    channel = redis->channels.elts;
    n = redis->channels.nelts;

    argv[0] = "SUBSCRIBE";

    for (i = 0; i < n; i++) {
        argv[i + 1] = (const char *) channel[i].name.data;
    }

    command = ngx_http_jimeng_kept_ask(k, n + 1, argv,
                                       ngx_http_jimeng_redis_subscribed);
    if (command) {
        command->replies = n;
    }
}


/* an answer for each channel, with the number of those that there are */

static void
ngx_http_jimeng_redis_subscribed(void *data, redisReply *reply)
{
    ngx_http_jimeng_kept_t *k = data;

    ngx_uint_t                away;
    ngx_http_jimeng_redis_t  *redis;

    redis = k->data;

    if (!ngx_http_jimeng_redis_kind(reply, "subscribe")
        || reply->element[2]->type != REDIS_REPLY_INTEGER)
    {
        away = NGX_HTTP_JIMENG_KEPT_GARBAGE;

        if (reply->type == REDIS_REPLY_ERROR) {
            away = ngx_http_jimeng_kept_error(reply);
            away = away ? away : NGX_HTTP_JIMENG_KEPT_REFUSED;
        }

        ngx_http_jimeng_kept_down(k, away, 0, "");
        return;
    }

    if (reply->element[2]->integer == (long long) redis->channels.nelts) {
        ngx_http_jimeng_kept_greeted(k);
    }
}


static void
ngx_http_jimeng_redis_listens(ngx_http_jimeng_kept_t *k)
{
    ngx_uint_t                        i;
    ngx_http_jimeng_redis_t          *redis;
    ngx_http_jimeng_redis_channel_t  *channel;

    redis = k->data;
    channel = redis->channels.elts;

    ngx_http_jimeng_kept_back(k);

    for (i = 0; i < redis->channels.nelts; i++) {
        channel[i].handler(channel[i].data, NULL);
    }
}


static ngx_uint_t
ngx_http_jimeng_redis_push(ngx_http_jimeng_kept_t *k, redisReply *reply)
{
    ngx_str_t                         message;
    ngx_uint_t                        i;
    redisReply                       *name, *text;
    ngx_http_jimeng_redis_t          *redis;
    ngx_http_jimeng_redis_channel_t  *channel;

    if (!ngx_http_jimeng_redis_kind(reply, "message")
        || reply->element[1]->type != REDIS_REPLY_STRING
        || reply->element[2]->type != REDIS_REPLY_STRING)
    {
        return 0;
    }

    name = reply->element[1];
    text = reply->element[2];

    message.len = text->len;
    message.data = (u_char *) text->str;

    redis = k->data;
    channel = redis->channels.elts;

    for (i = 0; i < redis->channels.nelts; i++) {
        if (channel[i].name.len == name->len
            && ngx_memcmp(channel[i].name.data, name->str, name->len) == 0)
        {
            channel[i].handler(channel[i].data, &message);
            break;
        }
    }

    return 1;
}


static ngx_uint_t
ngx_http_jimeng_redis_kind(redisReply *reply, const char *kind)
{
    return reply->type == REDIS_REPLY_ARRAY
           && reply->elements == 3
           && reply->element[0]->type == REDIS_REPLY_STRING
           && ngx_strcmp(reply->element[0]->str, kind) == 0;
}
