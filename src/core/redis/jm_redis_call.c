
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * How a call, or what is told, goes to the server; and the numbers of both.
 */


#include <stdio.h>

#include "jm_redis_args.h"
#include "jm_redis_reply.h"


static unsigned jm_redis_keep(jm_redis_told_t *told,
    const jm_redis_args_t *args);
static void jm_redis_begin_many(jm_redis_args_t *many, jm_redis_t *redis);
static void jm_redis_tell(jm_redis_args_t *many);
static void jm_redis_ask(jm_redis_t *redis);
static void jm_redis_asked(jm_redis_t *redis, void *op,
    const redisReply *reply);


void
jm_redis_send(jm_redis_args_t *args, jm_redis_done_pt done, void *op)
{
    jm_redis_t *redis = args->redis;

    jm_redis_flush(redis);

    if (args->bad
        || redis->call(redis->ctx, args->n, args->argv, args->lens, done, op)
           != JM_OK)
    {
        done(redis, op, NULL);
    }
}


void
jm_redis_say(jm_redis_args_t *args)
{
    size_t           i;
    jm_redis_t      *redis = args->redis;
    jm_redis_args_t  many;

    /* how many follow stands before them */

    jm_redis_put_number(args, args->n - 2);

    if (args->bad) {
        return;
    }

    args->n--;
    args->argv[1] = args->argv[args->n];
    args->lens[1] = args->lens[args->n];

    if (!jm_redis_keep(&redis->told, args)) {
        jm_redis_flush(redis);

        /* such as what a call has brought */

        if (!jm_redis_keep(&redis->told, args)) {
            jm_redis_begin_many(&many, redis);

            for (i = 0; i < args->n; i++) {
                jm_redis_put_bytes(&many, (const uint8_t *) args->argv[i],
                                   args->lens[i]);
            }

            jm_redis_tell(&many);
            return;
        }
    }

    if (redis->told.n == args->n) {
        redis->later(redis->ctx);
    }
}


void
jm_redis_say_now(jm_redis_args_t *args)
{
    jm_redis_say(args);
    jm_redis_flush(args->redis);
}


/* returns whether there is room for it */

static unsigned
jm_redis_keep(jm_redis_told_t *told, const jm_redis_args_t *args)
{
    size_t  i, size;

    size = 0;

    for (i = 0; i < args->n; i++) {
        size += args->lens[i];
    }

    if (args->n > JM_REDIS_TOLD_ARGS - told->n
        || size > JM_REDIS_TOLD_TEXT - told->used)
    {
        return 0;
    }

    for (i = 0; i < args->n; i++) {
        memcpy(told->text + told->used, args->argv[i], args->lens[i]);

        told->used += args->lens[i];
        told->lens[told->n++] = args->lens[i];
    }

    return 1;
}


void
jm_redis_flush(jm_redis_t *redis)
{
    size_t            i;
    const uint8_t    *p;
    jm_redis_args_t   many;

    if (redis->told.n == 0) {
        return;
    }

    jm_redis_begin_many(&many, redis);

    p = redis->told.text;

    for (i = 0; i < redis->told.n; i++) {
        jm_redis_put_bytes(&many, p, redis->told.lens[i]);
        p += redis->told.lens[i];
    }

    redis->told.n = 0;
    redis->told.used = 0;

    jm_redis_tell(&many);
}


static void
jm_redis_begin_many(jm_redis_args_t *many, jm_redis_t *redis)
{
    jm_redis_begin(many, redis, "many", 0);
    jm_redis_put_once(many, ++redis->told.number);
}


static void
jm_redis_tell(jm_redis_args_t *many)
{
    jm_redis_t *redis = many->redis;

    if (!many->bad) {
        redis->tell(redis->ctx, many->n, many->argv, many->lens);
    }
}


uint64_t
jm_redis_number(jm_redis_t *redis)
{
    if (redis->spare == 0 && !redis->asking) {
        jm_redis_ask(redis);
    }

    if (redis->left == 0 && redis->spare != 0) {
        redis->serial = redis->spare;
        redis->left = JM_REDIS_SERIALS;
        redis->spare = 0;
    }

    if (redis->left == 0) {
        return 0;
    }

    redis->left--;

    return redis->serial++;
}


static void
jm_redis_ask(jm_redis_t *redis)
{
    jm_redis_args_t  args;

    redis->asking = 1;

    jm_redis_begin(&args, redis, "serials", 0);
    jm_redis_put_number(&args, JM_REDIS_SERIALS);
    jm_redis_send(&args, jm_redis_asked, NULL);
}


static void
jm_redis_asked(jm_redis_t *redis, void *op, const redisReply *reply)
{
    jm_redis_reader_t  in;

    (void) op;

    redis->asking = 0;

    jm_redis_read_one(&in, reply);
    redis->spare = jm_redis_get(&in, JM_REDIS_MOST);

    if (in.bad) {
        redis->spare = 0;
    }
}


void
jm_redis_undo(jm_redis_t *redis, uint64_t number)
{
    jm_redis_args_t  args;

    if (number != 0) {
        jm_redis_begin_told(&args, redis, "undo");
        jm_redis_put_number(&args, number);
        jm_redis_say(&args);
    }
}
