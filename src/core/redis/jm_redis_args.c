
/*
 * Copyright (C) Jimeng module authors
 */


#include <stdio.h>

#include "jm_redis_args.h"
#include "jm_redis_reply.h"
#include "jm_text.h"


#define JM_REDIS_NUMBER     21      /* bytes of any number, and a zero */


static void jm_redis_clear(jm_redis_args_t *args, jm_redis_t *redis);
static char *jm_redis_room(jm_redis_args_t *args, size_t len);


void
jm_redis_begin(jm_redis_args_t *args, jm_redis_t *redis,
    const char *function, uint64_t number)
{
    int    len;
    char  *name;

    jm_redis_clear(args, redis);
    jm_redis_put(args, (jm_str_t) jm_string("FCALL"));

    name = jm_redis_room(args, JM_REDIS_NUMBER + sizeof("jimeng1_"));

    if (name != NULL) {
        len = snprintf(name, JM_REDIS_NUMBER + sizeof("jimeng1_"),
                       "jimeng%d_%s", JM_REDIS_VERSION, function);
        jm_redis_put_bytes(args, (uint8_t *) name, (size_t) len);
    }

    jm_redis_put_number(args, 1);
    jm_redis_put(args, redis->prefix);
    jm_redis_put_number(args, redis->owner);
    jm_redis_put_number(args, number);
}


/* how many follow is set when it is said */

void
jm_redis_begin_told(jm_redis_args_t *args, jm_redis_t *redis,
    const char *function)
{
    jm_redis_clear(args, redis);
    jm_redis_put_bytes(args, (const uint8_t *) function, strlen(function));
    jm_redis_put_bytes(args, NULL, 0);
}


static void
jm_redis_clear(jm_redis_args_t *args, jm_redis_t *redis)
{
    args->redis = redis;
    args->n = 0;
    args->used = 0;
    args->bad = 0;
}


static char *
jm_redis_room(jm_redis_args_t *args, size_t len)
{
    char  *p;

    if (args->bad || len > JM_REDIS_TEXT - args->used) {
        args->bad = 1;
        return NULL;
    }

    p = args->text + args->used;
    args->used += len;

    return p;
}


void
jm_redis_put_bytes(jm_redis_args_t *args, const uint8_t *data, size_t len)
{
    if (args->n == JM_REDIS_ARGS) {
        args->bad = 1;
        return;
    }

    args->argv[args->n] = len ? (const char *) data : "";
    args->lens[args->n++] = len;
}


void
jm_redis_put(jm_redis_args_t *args, jm_str_t text)
{
    jm_redis_put_bytes(args, text.data, text.len);
}


void
jm_redis_put_number(jm_redis_args_t *args, uint64_t n)
{
    int    len;
    char  *p;

    p = jm_redis_room(args, JM_REDIS_NUMBER);

    if (p != NULL) {
        len = snprintf(p, JM_REDIS_NUMBER, "%llu", (unsigned long long) n);
        jm_redis_put_bytes(args, (uint8_t *) p, (size_t) len);
    }
}


void
jm_redis_put_digest(jm_redis_args_t *args, uint64_t digest)
{
    int    len;
    char  *p;

    if (digest == 0) {
        jm_redis_put_bytes(args, NULL, 0);
        return;
    }

    p = jm_redis_room(args, JM_REDIS_NUMBER);

    if (p != NULL) {
        len = snprintf(p, JM_REDIS_NUMBER, "%016llx",
                       (unsigned long long) digest);
        jm_redis_put_bytes(args, (uint8_t *) p, (size_t) len);
    }
}


void
jm_redis_put_client(jm_redis_args_t *args, const jm_client_t *client)
{
    int          len;
    char        *p;
    uint64_t     digest;

    static const jm_client_t  nobody;

    digest = 0;

    if (client != NULL) {
        digest = jm_redis_digest(args->redis, client->name);
        args->bad |= (digest == 0);

    } else {
        client = &nobody;
    }

    jm_redis_put_digest(args, digest);
    jm_redis_put_number(args, client->rate);
    jm_redis_put_number(args, client->rate_period);
    jm_redis_put_number(args, client->concurrency);
    jm_redis_put_number(args, client->images);
    jm_redis_put_number(args, client->images_period);
    jm_redis_put_number(args, client->budget);
    jm_redis_put_number(args, client->budget_period);

    p = jm_redis_room(args, JM_REDIS_NUMBER);

    if (p != NULL) {
        len = snprintf(p, JM_REDIS_NUMBER, "%d", (int) args->redis->east);
        jm_redis_put_bytes(args, (uint8_t *) p, (size_t) len);
    }
}


/* a hash is more than a number in Lua can be: it is a text there */

void
jm_redis_put_bill(jm_redis_args_t *args, const jm_bill_t *bill)
{
    jm_redis_put_number(args, bill->model);
    jm_redis_put_number(args, bill->images);
    jm_redis_put_number(args, bill->cost);
}


void
jm_redis_put_place(jm_redis_args_t *args, const jm_place_t *place)
{
    jm_redis_put_number(args, place->serial);
    jm_redis_put_number(args, place->grip);
}


void
jm_redis_put_error(jm_redis_args_t *args, const jm_error_t *error)
{
    int        len;
    char      *p;
    jm_str_t   text;

    p = jm_redis_room(args, JM_REDIS_NUMBER);

    if (error == NULL || p == NULL) {
        jm_redis_put_number(args, 0);
        jm_redis_put_number(args, 0);
        jm_redis_put_bytes(args, NULL, 0);
        return;
    }

    jm_redis_put_number(args, (uint64_t) error->cause);

    len = snprintf(p, JM_REDIS_NUMBER, "%lld",
                   (long long) error->upstream_code);
    jm_redis_put_bytes(args, (uint8_t *) p, (size_t) len);

    text.len = strlen(error->message);
    text.data = (const uint8_t *) error->message;

    jm_redis_put(args, jm_utf8_prefix(text, JM_REDIS_MESSAGE));
}


void
jm_redis_put_claim(jm_redis_args_t *args, const jm_ledger_claim_t *claim)
{
    unsigned  i, n;

    n = jm_min(claim->n, JM_LEDGER_SLOTS);

    jm_redis_put_number(args, claim->serial);
    jm_redis_put_number(args, claim->turn);
    jm_redis_put_number(args, claim->attached);
    jm_redis_put_number(args, claim->told);
    jm_redis_put_number(args, n);

    for (i = 0; i < n; i++) {
        jm_redis_put_number(args, i);
        jm_redis_put_number(args, claim->slots[i].round);
        jm_redis_put_number(args, claim->slots[i].own);
    }
}


void
jm_redis_put_task(jm_redis_args_t *args, const jm_ledger_claim_t *claim,
    unsigned i)
{
    jm_redis_put_number(args, claim != NULL);

    if (claim != NULL) {
        jm_redis_put_number(args, claim->serial);
        jm_redis_put_number(args, claim->turn);
        jm_redis_put_number(args, claim->attached);
        jm_redis_put_number(args, claim->told);
        jm_redis_put_number(args, 1);
        jm_redis_put_number(args, i);
        jm_redis_put_number(args, claim->slots[i].round);
        jm_redis_put_number(args, claim->slots[i].own);
    }

    jm_redis_put_number(args, i);
}


void
jm_redis_put_once(jm_redis_args_t *args, uint64_t number)
{
    jm_redis_put_digest(args, args->redis->name);
    jm_redis_put_number(args, number);
}


void
jm_redis_put_account(jm_redis_args_t *args, unsigned account)
{
    if (account < args->redis->naccounts) {
        jm_redis_put_number(args, args->redis->there[account]);

    } else {
        jm_redis_put_number(args, JM_LEDGER_ANY);
    }
}


uint64_t
jm_redis_digest(const jm_redis_t *redis, jm_str_t name)
{
    size_t    i;
    uint8_t   digest[JM_DIGEST_LEN];
    uint64_t  n;

    if (redis->salted.state == NULL
        || jm_digest_from(&redis->salted, digest, &name, 1) != JM_OK)
    {
        return 0;
    }

    n = 0;

    for (i = 0; i < 8; i++) {
        n = n << 8 | digest[i];
    }

    return jm_max(n, 1);
}


void
jm_redis_hold(const jm_redis_t *redis, jm_hold_t *hold,
    const jm_client_t *client, const jm_bill_t *most, unsigned held)
{
    memset(hold, 0, sizeof(jm_hold_t));

    if (held) {
        hold->serial = jm_redis_digest(redis, client->name);
        hold->images = most->images;
        hold->cost = most->cost;
        hold->running = 1;
    }
}
