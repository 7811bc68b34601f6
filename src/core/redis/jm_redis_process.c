
/*
 * Copyright (C) Jimeng module authors
 */


#include <stdio.h>

#include "jm_redis_args.h"
#include "jm_redis_part.h"
#include "jm_redis_process.h"
#include "jm_redis_reply.h"


static void jm_redis_configured(jm_redis_t *redis, void *data,
    const redisReply *reply);
static void jm_redis_set_salt(jm_redis_t *redis, jm_redis_reader_t *in);
static void jm_redis_set_accounts(jm_redis_t *redis, jm_redis_reader_t *in,
    jm_op_configure_t *op);
static void jm_redis_put_node(jm_redis_args_t *args, const jm_op_join_t *op);
static void jm_redis_joined(jm_redis_t *redis, void *data,
    const redisReply *reply);
static void jm_redis_renewed(jm_redis_t *redis, void *data,
    const redisReply *reply);
static void jm_redis_nodes_seen(jm_redis_t *redis, void *data,
    const redisReply *reply);
static void jm_redis_new(jm_redis_t *redis, uint64_t serial);


void
jm_redis_configure(jm_redis_t *redis, jm_op_configure_t *op)
{
    size_t                  i, n;
    jm_redis_args_t         args;
    const jm_queue_conf_t  *conf;

    n = 0;

    for (i = 0; i < op->n; i++) {
        n += (op->accounts[i].name.len != 0);
    }

    jm_redis_begin(&args, redis, "configure", 0);

    /* clients that requests have a hold of have digests with that yet */

    jm_redis_put_bytes(&args, redis->salted.state ? redis->salt : op->salt,
                       JM_STATE_SALT);
    jm_redis_put_number(&args, JM_REDIS_VERSION);
    jm_redis_put_number(&args, !op->again);
    jm_redis_put_number(&args, n);

    args.bad |= (op->n > JM_QUEUE_ACCOUNTS);

    for (i = 0; i < op->n && !args.bad; i++) {

        if (op->accounts[i].name.len == 0) {
            continue;
        }

        conf = &op->accounts[i].conf;

        args.bad |= (op->accounts[i].name.len > JM_QUEUE_NAME);

        jm_redis_put(&args, op->accounts[i].name);
        jm_redis_put_number(&args, conf->concurrency);
        jm_redis_put_number(&args, conf->queue);
        jm_redis_put_number(&args, conf->weight);
        jm_redis_put_number(&args, conf->pace);
        jm_redis_put_number(&args, jm_min(conf->interval, JM_REDIS_EVER));
        jm_redis_put_number(&args, jm_min(conf->timeout, JM_REDIS_EVER));
    }

    jm_redis_send(&args, jm_redis_configured, op);
}


static void
jm_redis_configured(jm_redis_t *redis, void *data, const redisReply *reply)
{
    jm_op_configure_t  *op = data;
    jm_redis_reader_t   in;

    op->rc = JM_OK;

    jm_redis_read(&in, reply, 2);
    jm_redis_set_salt(redis, &in);

    op->version = jm_redis_get(&in, JM_REDIS_MOST);

    if (op->version == JM_REDIS_VERSION) {
        jm_redis_set_accounts(redis, &in, op);

    } else {
        op->rc = JM_INVALID;
    }

    op->away = in.bad;
    op->done.handler(op->done.data);
}


static void
jm_redis_set_salt(jm_redis_t *redis, jm_redis_reader_t *in)
{
    jm_str_t  salt;

    salt = jm_redis_get_text(in, JM_STATE_SALT);

    in->bad |= (salt.len != JM_STATE_SALT);

    if (in->bad) {
        return;
    }

    jm_redis_free(redis);
    memcpy(redis->salt, salt.data, JM_STATE_SALT);

    if (jm_digest_init(&redis->salted, NULL) != JM_OK
        || jm_digest_add(&redis->salted, salt) != JM_OK)
    {
        jm_redis_free(redis);
        in->bad = 1;
    }
}


static void
jm_redis_set_accounts(jm_redis_t *redis, jm_redis_reader_t *in,
    jm_op_configure_t *op)
{
    size_t    i;
    uint64_t  there;

    redis->naccounts = 0;
    memset(redis->there, JM_LEDGER_ANY, JM_QUEUE_ACCOUNTS);
    memset(redis->here, JM_LEDGER_ANY, JM_QUEUE_ACCOUNTS);

    for (i = 0; i < op->n && !in->bad; i++) {

        if (op->accounts[i].name.len == 0) {
            continue;
        }

        there = jm_redis_get(in, JM_LEDGER_ANY);

        if (there >= JM_QUEUE_ACCOUNTS) {
            op->rc = JM_INVALID;
            return;
        }

        redis->accounts[i] = op->accounts[i];
        redis->there[i] = (uint8_t) there;
        redis->here[there] = (uint8_t) i;
    }

    if (!in->bad) {
        redis->naccounts = op->n;
    }
}


void
jm_redis_free(jm_redis_t *redis)
{
    jm_digest_free(&redis->salted);
}


static void
jm_redis_put_node(jm_redis_args_t *args, const jm_op_join_t *op)
{
    args->bad |= (op->node.len > JM_REDIS_NODE
                  || op->says.len > JM_REDIS_SAYS);

    jm_redis_put(args, op->node);
    jm_redis_put(args, op->says);
}


void
jm_redis_join(jm_redis_t *redis, jm_op_join_t *op)
{
    jm_redis_args_t  args;

    jm_redis_flush(redis);

    redis->owner = 0;

    jm_redis_begin(&args, redis, "join", 0);
    jm_redis_put_node(&args, op);

    args.bad |= (op->place.len > JM_REDIS_PLACE);

    jm_redis_put(&args, op->place);
    jm_redis_put_number(&args, op->pid);
    jm_redis_put_number(&args, op->start);
    jm_redis_send(&args, jm_redis_joined, op);
}


static void
jm_redis_joined(jm_redis_t *redis, void *data, const redisReply *reply)
{
    uint64_t            owner, pid, start;
    jm_op_join_t       *op = data;
    jm_redis_reader_t   in;

    jm_redis_read(&in, reply, 1);
    redis->owner = jm_redis_get(&in, JM_REDIS_MOST);

    while (!in.bad && in.i < in.n) {
        owner = jm_redis_get(&in, JM_REDIS_MOST);
        pid = jm_redis_get(&in, INT32_MAX);
        start = jm_redis_get(&in, JM_REDIS_MOST);

        if (!in.bad) {
            op->each(op->done.data, owner, pid, start);
        }
    }

    op->lost = 0;
    op->away = (in.bad || redis->owner == 0);
    op->done.handler(op->done.data);
}


void
jm_redis_renew(jm_redis_t *redis, jm_op_join_t *op)
{
    jm_redis_args_t  args;

    jm_redis_begin(&args, redis, "renew", 0);
    jm_redis_put_node(&args, op);
    jm_redis_put_accounts(&args, UINT64_MAX);

    jm_redis_send(&args, jm_redis_renewed, op);
}


static void
jm_redis_renewed(jm_redis_t *redis, void *data, const redisReply *reply)
{
    jm_op_join_t       *op = data;
    jm_redis_reader_t   in;

    jm_redis_read(&in, reply, 2);
    op->lost = !jm_redis_get(&in, 1);
    op->nodes = (unsigned) jm_redis_get(&in, UINT16_MAX);

    in.bad |= (!op->lost && op->nodes == 0);

    if (!in.bad && op->lost) {
        jm_redis_flush(redis);
        redis->owner = 0;
    }

    op->away = in.bad;
    op->done.handler(op->done.data);
}


void
jm_redis_nodes(jm_redis_t *redis, jm_op_nodes_t *op)
{
    jm_redis_args_t  args;

    jm_redis_begin(&args, redis, "nodes", 0);
    jm_redis_send(&args, jm_redis_nodes_seen, op);
}


static void
jm_redis_nodes_seen(jm_redis_t *redis, void *data, const redisReply *reply)
{
    jm_op_nodes_t      *op = data;
    jm_redis_node_t     node;
    jm_redis_reader_t   in;

    (void) redis;

    jm_redis_read(&in, reply, 0);

    while (!in.bad && in.i < in.n) {
        node.name = jm_redis_get_text(&in, JM_REDIS_NODE);
        node.processes = jm_redis_get(&in, JM_REDIS_MOST);
        node.age = jm_redis_get(&in, JM_REDIS_MOST);
        node.says = jm_redis_get_text(&in, JM_REDIS_SAYS);

        if (!in.bad) {
            op->each(op->done.data, &node);
        }
    }

    op->away = in.bad;
    op->done.handler(op->done.data);
}


void
jm_redis_quit(jm_redis_t *redis)
{
    jm_redis_args_t  args;

    jm_redis_begin_told(&args, redis, "quit");
    jm_redis_say_now(&args);
}


void
jm_redis_bury(jm_redis_t *redis, uint64_t owner)
{
    jm_redis_args_t  args;

    jm_redis_begin_told(&args, redis, "bury");
    jm_redis_put_number(&args, owner);
    jm_redis_say(&args);
}


size_t
jm_redis_channel(const jm_redis_t *redis, unsigned all, uint8_t *dst)
{
    int     n;
    size_t  len;

    len = jm_min(redis->prefix.len, JM_REDIS_PREFIX);
    memcpy(dst, redis->prefix.data, len);

    n = all ? snprintf((char *) dst + len, JM_REDIS_CHANNEL - len, "w*")
            : snprintf((char *) dst + len, JM_REDIS_CHANNEL - len, "w%llu",
                       (unsigned long long) redis->owner);

    return len + (size_t) n;
}


/* a channel ends with the process that is meant, or with '*': all of them */

void
jm_redis_message(jm_redis_t *redis, jm_str_t channel, jm_str_t text)
{
    size_t    i;
    uint64_t  serial;
    unsigned  digit;

    if (channel.len != 0 && channel.data[channel.len - 1] == '*') {
        redis->alarms++;
        return;
    }

    serial = 0;

    for (i = 0; i <= text.len; i++) {

        if (i == text.len || text.data[i] == ',') {
            jm_redis_new(redis, serial);
            serial = 0;
            continue;
        }

        digit = (unsigned) (text.data[i] - '0');

        if (digit > 9 || serial > JM_REDIS_MOST) {
            return;
        }

        serial = serial * 10 + digit;
    }
}


static void
jm_redis_new(jm_redis_t *redis, uint64_t serial)
{
    if (serial == 0) {
        return;
    }

    /* what there is no room for is found by looking at all of them */

    if (redis->nnews == JM_REDIS_NEWS) {
        redis->alarms++;
        redis->nnews = 0;
        return;
    }

    redis->news[(redis->first + redis->nnews++) % JM_REDIS_NEWS] = serial;
}


size_t
jm_redis_news(jm_backend_t *b, uint64_t *serials, size_t n, uint32_t *alarms)
{
    size_t       i;
    jm_redis_t  *redis = b->ctx;

    *alarms = redis->alarms;

    for (i = 0; i < n && redis->nnews != 0; i++) {
        serials[i] = redis->news[redis->first];

        redis->first = (redis->first + 1) % JM_REDIS_NEWS;
        redis->nnews--;
    }

    return i;
}
