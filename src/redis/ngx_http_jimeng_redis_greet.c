
/*
 * Copyright (C) ngx_http_jimeng_module authors
 */


#include "ngx_http_jimeng_redis.h"


static void ngx_http_jimeng_redis_selected(void *data, redisReply *reply);
static void ngx_http_jimeng_redis_info(void *data, redisReply *reply);
static void ngx_http_jimeng_redis_untold(ngx_http_jimeng_kept_t *k,
    redisReply *reply);
static void ngx_http_jimeng_redis_value(ngx_http_jimeng_redis_word_t *word,
    const u_char *p, const u_char *last);
static ngx_uint_t ngx_http_jimeng_redis_line(redisReply *reply,
    const char *name, ngx_http_jimeng_redis_word_t *word);
static void ngx_http_jimeng_redis_config(void *data, redisReply *reply);
static void ngx_http_jimeng_redis_alive(void *data, redisReply *reply);
static void ngx_http_jimeng_redis_listed(void *data, redisReply *reply);
static void ngx_http_jimeng_redis_loaded(void *data, redisReply *reply);
static void ngx_http_jimeng_redis_fail(ngx_http_jimeng_kept_t *k,
    redisReply *reply);
static ngx_uint_t ngx_http_jimeng_redis_is(
    ngx_http_jimeng_redis_word_t *word, const char *text);


#define ngx_http_jimeng_redis_text(reply)                                     \
    ((reply)->type == REDIS_REPLY_STRING || (reply)->type == REDIS_REPLY_STATUS)


/*
 * What a connection for calls begins with, all of it at once.  An answer to
 * INFO or CONFIG may be refused to us: then it is not known.
 */

void
ngx_http_jimeng_redis_greet(ngx_http_jimeng_kept_t *k)
{
    const char               *argv[4];
    ngx_http_jimeng_redis_t  *redis;

    redis = k->data;

    redis->version.len = 0;
    redis->appendonly.len = 0;
    redis->policy.len = 0;
    redis->loading = 0;

    if (ngx_strcmp(redis->db.data, "0") != 0) {
        argv[0] = "SELECT";
        argv[1] = (const char *) redis->db.data;

        (void) ngx_http_jimeng_kept_ask(k, 2, argv,
                                        ngx_http_jimeng_redis_selected);
    }

    argv[0] = "INFO";
    argv[1] = "server";
    argv[2] = "replication";

    (void) ngx_http_jimeng_kept_ask(k, 3, argv, ngx_http_jimeng_redis_info);

    argv[0] = "CONFIG";
    argv[1] = "GET";
    argv[2] = "appendonly";
    argv[3] = "maxmemory-policy";

    (void) ngx_http_jimeng_kept_ask(k, 4, argv, ngx_http_jimeng_redis_config);

    if (redis->library == NULL) {
        argv[0] = "PING";

        (void) ngx_http_jimeng_kept_ask(k, 1, argv,
                                        ngx_http_jimeng_redis_alive);
        return;
    }

    argv[0] = "FUNCTION";
    argv[1] = "LIST";
    argv[2] = "LIBRARYNAME";
    argv[3] = redis->library;

    (void) ngx_http_jimeng_kept_ask(k, 4, argv, ngx_http_jimeng_redis_listed);
}


static void
ngx_http_jimeng_redis_selected(void *data, redisReply *reply)
{
    if (reply->type == REDIS_REPLY_ERROR) {
        ngx_http_jimeng_redis_fail(data, reply);
    }
}


static void
ngx_http_jimeng_redis_info(void *data, redisReply *reply)
{
    ngx_http_jimeng_kept_t *k = data;

    ngx_http_jimeng_redis_t       *redis;
    ngx_http_jimeng_redis_word_t   role, writes;

    redis = k->data;

    if (!ngx_http_jimeng_redis_text(reply)) {
        ngx_http_jimeng_redis_untold(k, reply);
        return;
    }

    /* Valkey tells the version of Redis that it is like, too */

    if (!ngx_http_jimeng_redis_line(reply, CRLF "valkey_version:",
                                    &redis->version))
    {
        (void) ngx_http_jimeng_redis_line(reply, CRLF "redis_version:",
                                          &redis->version);
    }

    if (ngx_http_jimeng_redis_line(reply, CRLF "role:", &role)
        && ngx_http_jimeng_redis_is(&role, "slave")
        && ngx_http_jimeng_redis_line(reply, CRLF "slave_read_only:", &writes)
        && ngx_http_jimeng_redis_is(&writes, "1"))
    {
        ngx_http_jimeng_kept_down(k, NGX_HTTP_JIMENG_KEPT_REPLICA, 0, "");
    }
}


/* it does not tell this to everybody, but may have another trouble */

static void
ngx_http_jimeng_redis_untold(ngx_http_jimeng_kept_t *k, redisReply *reply)
{
    ngx_uint_t  away;

    away = ngx_http_jimeng_kept_error(reply);

    if (reply->type != REDIS_REPLY_ERROR
        || (away && ngx_http_jimeng_kept_closes(away)))
    {
        ngx_http_jimeng_redis_fail(k, reply);
    }
}


/* the value of a line of INFO */

static ngx_uint_t
ngx_http_jimeng_redis_line(redisReply *reply, const char *name,
    ngx_http_jimeng_redis_word_t *word)
{
    u_char  *p, *last, *end;

    last = (u_char *) reply->str + reply->len;

    p = ngx_strnstr((u_char *) reply->str, (char *) name, reply->len);

    if (p == NULL) {
        return 0;
    }

    p += ngx_strlen(name);

    end = ngx_strlchr(p, last, CR);

    ngx_http_jimeng_redis_value(word, p, end ? end : last);

    return 1;
}


/* what is no word of plain letters is not shown to anybody */

static void
ngx_http_jimeng_redis_value(ngx_http_jimeng_redis_word_t *word,
    const u_char *p, const u_char *last)
{
    word->len = 0;

    if (last - p > NGX_HTTP_JIMENG_REDIS_WORD) {
        return;
    }

    for ( /* void */ ; p < last; p++) {

        if (*p <= ' ' || *p > '~') {
            word->len = 0;
            return;
        }

        word->data[word->len++] = *p;
    }
}


static void
ngx_http_jimeng_redis_config(void *data, redisReply *reply)
{
    ngx_http_jimeng_kept_t *k = data;

    size_t                         i;
    redisReply                    *name, *value;
    ngx_http_jimeng_redis_t       *redis;
    ngx_http_jimeng_redis_word_t  *word;

    redis = k->data;

    if (reply->type != REDIS_REPLY_ARRAY) {
        ngx_http_jimeng_redis_untold(k, reply);
        return;
    }

    for (i = 0; i + 1 < reply->elements; i += 2) {
        name = reply->element[i];
        value = reply->element[i + 1];

        if (!ngx_http_jimeng_redis_text(name)
            || !ngx_http_jimeng_redis_text(value))
        {
            return;
        }

        if (ngx_strcmp(name->str, "appendonly") == 0) {
            word = &redis->appendonly;

        } else if (ngx_strcmp(name->str, "maxmemory-policy") == 0) {
            word = &redis->policy;

        } else {
            continue;
        }

        ngx_http_jimeng_redis_value(word, (u_char *) value->str,
                                    (u_char *) value->str + value->len);
    }
}


static void
ngx_http_jimeng_redis_alive(void *data, redisReply *reply)
{
    if (reply->type == REDIS_REPLY_STATUS) {
        ngx_http_jimeng_kept_greeted(data);

    } else {
        ngx_http_jimeng_redis_fail(data, reply);
    }
}


static void
ngx_http_jimeng_redis_listed(void *data, redisReply *reply)
{
    ngx_http_jimeng_kept_t *k = data;

    if (reply->type != REDIS_REPLY_ARRAY) {
        ngx_http_jimeng_redis_fail(k, reply);
        return;
    }

    if (reply->elements) {
        ngx_http_jimeng_kept_greeted(k);
        return;
    }

    ngx_http_jimeng_redis_load(k->data);
}


void
ngx_http_jimeng_redis_load(ngx_http_jimeng_redis_t *redis)
{
    const char  *argv[3];

    argv[0] = "FUNCTION";
    argv[1] = "LOAD";
    argv[2] = redis->code;

    if (ngx_http_jimeng_kept_ask(&redis->calls, 3, argv,
                                 ngx_http_jimeng_redis_loaded))
    {
        redis->loading = 1;
    }
}


/* another worker may have been faster */

static void
ngx_http_jimeng_redis_loaded(void *data, redisReply *reply)
{
    ngx_http_jimeng_kept_t *k = data;

    ngx_http_jimeng_redis_t  *redis;

    redis = k->data;

    redis->loading = 0;

    if (!ngx_http_jimeng_redis_text(reply)
        && (reply->type != REDIS_REPLY_ERROR
            || ngx_strstr(reply->str, "already exists") == NULL))
    {
        ngx_http_jimeng_redis_fail(k, reply);
        return;
    }

    if (!k->greeted) {
        ngx_http_jimeng_kept_greeted(k);
    }
}


static void
ngx_http_jimeng_redis_fail(ngx_http_jimeng_kept_t *k, redisReply *reply)
{
    ngx_uint_t  away;

    if (reply->type != REDIS_REPLY_ERROR) {
        ngx_http_jimeng_kept_down(k, NGX_HTTP_JIMENG_KEPT_GARBAGE, 0, "");
        return;
    }

    away = ngx_http_jimeng_kept_error(reply);

    ngx_http_jimeng_kept_down(k, away ? away : NGX_HTTP_JIMENG_KEPT_REFUSED,
                              0, "");
}


/* one worker says whether what the server is told is kept, when that changes */

void
ngx_http_jimeng_redis_durable(ngx_http_jimeng_redis_t *redis)
{
    ngx_int_t   durable;
    ngx_uint_t  level;

    if (ngx_worker != 0
        || redis->appendonly.len == 0 || redis->policy.len == 0)
    {
        return;
    }

    durable = ngx_http_jimeng_redis_is(&redis->appendonly, "yes")
              && ngx_http_jimeng_redis_is(&redis->policy, "noeviction");

    if (durable == redis->durable) {
        return;
    }

    redis->durable = durable;

    level = durable ? NGX_LOG_NOTICE : NGX_LOG_WARN;

    ngx_log_error(level, redis->calls.log, 0,
                  "jimeng: %V has appendonly \"%*s\" and maxmemory-policy "
                  "\"%*s\"%s", &redis->conf.name,
                  redis->appendonly.len, redis->appendonly.data,
                  redis->policy.len, redis->policy.data,
                  durable ? ", it keeps what it is told"
                          : ": what it forgets may be paid twice, set "
                            "\"appendonly yes\" and \"maxmemory-policy "
                            "noeviction\" in its configuration");
}


static ngx_uint_t
ngx_http_jimeng_redis_is(ngx_http_jimeng_redis_word_t *word, const char *text)
{
    return word->len == ngx_strlen(text)
           && ngx_strncmp(word->data, text, word->len) == 0;
}
