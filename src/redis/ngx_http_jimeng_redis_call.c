
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_redis.h"


/* bytes of what is to be told, as long as nobody listens */

#define NGX_HTTP_JIMENG_REDIS_TOLD     ((size_t) 4 * 1024 * 1024)

/* milliseconds without an error of the server's after which it is well */

#define NGX_HTTP_JIMENG_REDIS_TROUBLE  1000

/* bytes of an error that are logged */

#define NGX_HTTP_JIMENG_REDIS_ERROR    200


static ngx_http_jimeng_resp_command_t *ngx_http_jimeng_redis_command(
    ngx_http_jimeng_redis_t *redis, ngx_uint_t n, const char **argv,
    const size_t *lens);
static void ngx_http_jimeng_redis_ready(ngx_http_jimeng_kept_t *k);
static void ngx_http_jimeng_redis_answer(ngx_http_jimeng_kept_t *k,
    ngx_http_jimeng_resp_command_t *command, redisReply *reply);
static ngx_uint_t ngx_http_jimeng_redis_again(ngx_http_jimeng_redis_t *redis,
    ngx_http_jimeng_resp_command_t *command, redisReply *reply);
static void ngx_http_jimeng_redis_trouble(ngx_http_jimeng_redis_t *redis,
    ngx_http_jimeng_resp_command_t *command, ngx_uint_t away);
static void ngx_http_jimeng_redis_refused(ngx_http_jimeng_redis_t *redis,
    redisReply *reply);
static void ngx_http_jimeng_redis_left(ngx_http_jimeng_kept_t *k,
    ngx_http_jimeng_resp_command_t *command);
static void ngx_http_jimeng_redis_over(ngx_http_jimeng_redis_t *redis,
    ngx_http_jimeng_resp_command_t *command, redisReply *reply);
static size_t ngx_http_jimeng_redis_size(
    ngx_http_jimeng_resp_command_t *command);


/* makes the connection that calls go over ready to be started */

void
ngx_http_jimeng_redis_calls(ngx_http_jimeng_redis_t *redis)
{
    ngx_http_jimeng_kept_t  *k;

    k = &redis->calls;

    k->conf = &redis->conf;
    k->data = redis;
    k->what = "";
    k->greet = ngx_http_jimeng_redis_greet;
    k->ready = ngx_http_jimeng_redis_ready;
    k->answer = ngx_http_jimeng_redis_answer;
    k->left = ngx_http_jimeng_redis_left;

    ngx_queue_init(&redis->told);
}


ngx_int_t
ngx_http_jimeng_redis_call(ngx_http_jimeng_redis_t *redis, ngx_uint_t n,
    const char **argv, const size_t *lens,
    ngx_http_jimeng_resp_handler_pt handler, void *data)
{
    ngx_http_jimeng_resp_command_t  *command;

    if (!redis->calls.greeted || redis->calls.silent) {
        return NGX_ERROR;
    }

    command = ngx_http_jimeng_redis_command(redis, n, argv, lens);

    if (command == NULL) {
        return NGX_ERROR;
    }

    command->handler = handler;
    command->data = data;

    ngx_http_jimeng_kept_send(&redis->calls, command);

    return NGX_OK;
}


void
ngx_http_jimeng_redis_tell(ngx_http_jimeng_redis_t *redis, ngx_uint_t n,
    const char **argv, const size_t *lens)
{
    size_t                           size;
    ngx_http_jimeng_resp_command_t  *command;

    command = ngx_http_jimeng_redis_command(redis, n, argv, lens);

    size = command ? ngx_http_jimeng_redis_size(command) : 0;

    if (command == NULL || size > NGX_HTTP_JIMENG_REDIS_TOLD - redis->size) {
        redis->dropped++;

        if (!redis->overflowed) {
            redis->overflowed = 1;
            ngx_log_error(NGX_LOG_ERR, redis->calls.log, 0,
                          "jimeng: %V is not told all that it should be: %ui "
                          "messages of %uz bytes wait for it, and there is no "
                          "room for more", &redis->conf.name, redis->pending,
                          redis->size);
        }

        if (command) {
            ngx_free(command);
        }

        return;
    }

    command->told = 1;

    redis->pending++;
    redis->size += size;

    if (redis->calls.greeted) {
        ngx_http_jimeng_kept_send(&redis->calls, command);

    } else {
        ngx_queue_insert_tail(&redis->told, &command->queue);
    }
}


static ngx_http_jimeng_resp_command_t *
ngx_http_jimeng_redis_command(ngx_http_jimeng_redis_t *redis, ngx_uint_t n,
    const char **argv, const size_t *lens)
{
    ngx_http_jimeng_resp_command_t  *command;

    command = ngx_http_jimeng_resp_command(n, argv, lens, redis->calls.log);

    if (command) {
        command->user = 1;
    }

    return command;
}


/*
 * What is to be told comes before any call.  An error that a connection's
 * beginning does not show is over when something was told.
 */

static void
ngx_http_jimeng_redis_ready(ngx_http_jimeng_kept_t *k)
{
    ngx_queue_t              *q;
    ngx_http_jimeng_redis_t  *redis;

    redis = k->data;

    ngx_http_jimeng_redis_durable(redis);

    if (ngx_queue_empty(&redis->told) || ngx_http_jimeng_kept_closes(k->away)) {
        ngx_http_jimeng_kept_back(k);
    }

    while (!ngx_queue_empty(&redis->told)) {
        q = ngx_queue_head(&redis->told);
        ngx_queue_remove(q);

        ngx_http_jimeng_kept_send(k, ngx_http_jimeng_resp_get(q));
    }
}


static void
ngx_http_jimeng_redis_answer(ngx_http_jimeng_kept_t *k,
    ngx_http_jimeng_resp_command_t *command, redisReply *reply)
{
    ngx_uint_t                away;
    ngx_http_jimeng_redis_t  *redis;

    redis = k->data;

    away = ngx_http_jimeng_kept_error(reply);

    if (away) {
        ngx_http_jimeng_redis_trouble(redis, command, away);
        freeReplyObject(reply);
        return;
    }

    if (ngx_http_jimeng_redis_again(redis, command, reply)) {
        freeReplyObject(reply);
        return;
    }

    if (k->away
        && (command->told
            || (ngx_msec_int_t) (ngx_current_msec - redis->troubled)
               > NGX_HTTP_JIMENG_REDIS_TROUBLE))
    {
        ngx_http_jimeng_kept_back(k);
    }

    if (command->told && reply->type == REDIS_REPLY_ERROR) {
        ngx_http_jimeng_redis_refused(redis, reply);
    }

    ngx_http_jimeng_redis_over(redis, command, reply);

    freeReplyObject(reply);
}


/*
 * The library is gone, as after a restart of a server that keeps nothing.  It
 * is sent again, once for all that were sent without it, and these after it.
 */

static ngx_uint_t
ngx_http_jimeng_redis_again(ngx_http_jimeng_redis_t *redis,
    ngx_http_jimeng_resp_command_t *command, redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ERROR
        || ngx_strcmp(reply->str, "ERR Function not found") != 0
        || redis->library == NULL
        || command->again
        || (command->late && !command->told))
    {
        return 0;
    }

    if (!redis->loading) {
        ngx_log_error(NGX_LOG_WARN, redis->calls.log, 0,
                      "jimeng: %V has lost the library \"%s\", and perhaps "
                      "all that it was told: it is loaded again",
                      &redis->conf.name, redis->library);

        ngx_http_jimeng_redis_load(redis);
    }

    command->again = 1;
    command->replies = 1;
    command->sent = 0;

    ngx_http_jimeng_resp_send(&redis->calls.resp, command);

    return 1;
}


/*
 * A call is not asked for again.  What is told is, in its order: therefore by
 * another connection.
 */

static void
ngx_http_jimeng_redis_trouble(ngx_http_jimeng_redis_t *redis,
    ngx_http_jimeng_resp_command_t *command, ngx_uint_t away)
{
    ngx_uint_t               closes;
    ngx_http_jimeng_kept_t  *k;

    k = &redis->calls;

    redis->troubled = ngx_current_msec;

    closes = ngx_http_jimeng_kept_closes(away);

    ngx_http_jimeng_kept_away(k, away, 0, "");

    if (command->told) {
        ngx_queue_insert_head(&k->resp.asked, &command->queue);
        closes = 1;

    } else {
        ngx_http_jimeng_redis_over(redis, command, NULL);
    }

    if (closes) {
        ngx_http_jimeng_kept_down(k, away, 0, "");
    }
}


/* as an error of a function is: it would be the same again */

static void
ngx_http_jimeng_redis_refused(ngx_http_jimeng_redis_t *redis,
    redisReply *reply)
{
    size_t   i;
    u_char  *args;

    /* the command itself, which is of no use here */

    args = (u_char *) ngx_strstr(reply->str, "with args beginning with");

    reply->len = ngx_min(reply->len, NGX_HTTP_JIMENG_REDIS_ERROR);

    if (args) {
        reply->len = ngx_min(reply->len, (size_t) (args
                                                   - (u_char *) reply->str));
    }

    for (i = 0; i < reply->len; i++) {
        if ((u_char) reply->str[i] < ' ' || (u_char) reply->str[i] > '~') {
            reply->str[i] = '?';
        }
    }

    ngx_log_error(NGX_LOG_ERR, redis->calls.log, 0,
                  "jimeng: %V did not take what it was told: \"%*s\"",
                  &redis->conf.name, reply->len, reply->str);
}


/* the connection is closed; what is told comes first and in order */

static void
ngx_http_jimeng_redis_left(ngx_http_jimeng_kept_t *k,
    ngx_http_jimeng_resp_command_t *command)
{
    ngx_http_jimeng_redis_t  *redis;

    redis = k->data;

    if (!command->told) {
        ngx_http_jimeng_redis_over(redis, command, NULL);
        return;
    }

    if (!redis->exiting) {
        command->sent = 0;
    }

    command->replies = 1;
    command->late = 0;
    command->again = 0;

    ngx_queue_insert_tail(&redis->told, &command->queue);
}


static void
ngx_http_jimeng_redis_over(ngx_http_jimeng_redis_t *redis,
    ngx_http_jimeng_resp_command_t *command, redisReply *reply)
{
    if (command->told) {
        redis->pending--;
        redis->size -= ngx_http_jimeng_redis_size(command);

        if (redis->pending == 0) {
            redis->overflowed = 0;
        }

    } else if (command->handler && !redis->exiting) {
        command->handler(command->data, reply);
    }

    ngx_free(command);
}


static size_t
ngx_http_jimeng_redis_size(ngx_http_jimeng_resp_command_t *command)
{
    return sizeof(ngx_http_jimeng_resp_command_t) + command->len;
}
