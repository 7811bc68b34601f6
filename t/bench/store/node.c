
#define _GNU_SOURCE

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "node.h"


#define RENEW   1000000000      /* ns between two signs of life */
#define MOST    256             /* connections */


static jm_rc_e call(void *ctx, size_t argc, const char **argv,
    const size_t *lens, jm_redis_done_pt done, void *op);
static void tell(void *ctx, size_t argc, const char **argv,
    const size_t *lens);
static void later(void *ctx);
static void append(worker_t *w, size_t argc, const char **argv,
    const size_t *lens, jm_redis_done_pt done, void *op);
static unsigned listed(void *ctx, const jm_client_t *client);
static jm_str_t named(void *ctx, uint64_t digest);
static redisContext *connects(const char *path);
static void finish(void *data);
static void subscribe(worker_t *w);
static void answers(worker_t *w);
static void messages(worker_t *w);


tally_t  tally;


int64_t
nanoseconds(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}


void
die(const char *what)
{
    fprintf(stderr, "store: %s\n", what);
    exit(1);
}


void
worker_begin(worker_t *w, const char *path, unsigned i,
    const jm_redis_account_t *accounts, size_t n)
{
    unsigned           done;
    jm_op_configure_t  op;

    static const char  prefix[] = "{jimeng}:";
    static uint64_t    names;

    memset(w, 0, sizeof(worker_t));
    memset(&op, 0, sizeof(jm_op_configure_t));

    w->c = connects(path);
    w->listens = connects(path);

    w->redis.call = call;
    w->redis.tell = tell;
    w->redis.later = later;
    w->redis.name = ++names;
    w->redis.listed = listed;
    w->redis.named = named;
    w->redis.ctx = w;
    w->redis.prefix.data = (const uint8_t *) prefix;
    w->redis.prefix.len = sizeof(prefix) - 1;

    jm_backend_redis(&w->b, &w->redis);

    done = 0;

    op.done.handler = finish;
    op.done.data = &done;
    op.accounts = accounts;
    op.n = n;
    memset(op.salt, 's', JM_STATE_SALT);

    jm_redis_configure(&w->redis, &op);

    while (!done) {
        workers_run(w, 1, 100);
    }

    /* two workers a node */

    snprintf(w->name, sizeof(w->name), "node-%02u", i / 2);

    w->join.node.data = (const uint8_t *) w->name;
    w->join.node.len = strlen(w->name);
    w->join.says = w->join.node;
    w->join.done.handler = finish;
    w->join.done.data = &done;

    done = 0;
    jm_redis_join(&w->redis, &w->join);

    while (!done) {
        workers_run(w, 1, 100);
    }

    if (op.away || op.rc != JM_OK || w->join.away) {
        die("a worker cannot join");
    }

    subscribe(w);

    /* its numbers */

    while (jm_redis_number(&w->redis) == 0) {
        workers_run(w, 1, 100);
    }
}


void
worker_end(worker_t *w)
{
    jm_redis_free(&w->redis);
    redisFree(w->c);
    redisFree(w->listens);
    free(w->calls);
}


void
workers_run(worker_t *workers, size_t n, int ms)
{
    int             done;
    size_t          i;
    int64_t         now;
    worker_t       *w;
    struct pollfd   fds[MOST];

    if (2 * n > MOST) {
        die("too many workers");
    }

    now = nanoseconds();

    for (i = 0; i < n; i++) {
        w = &workers[i];

        if (w->redis.owner != 0 && now - w->renewed > RENEW && w->b.salt) {
            w->renewed = now;
            jm_redis_renew(&w->redis, &w->join);
        }

        if (w->tells) {
            w->tells = 0;
            jm_redis_flush(&w->redis);
        }

        done = 1;

        if (w->n != 0 && redisBufferWrite(w->c, &done) != REDIS_OK) {
            die(w->c->errstr);
        }

        fds[2 * i] = (struct pollfd) { .fd = w->c->fd,
                                       .events = POLLIN };
        fds[2 * i + 1] = (struct pollfd) { .fd = w->listens->fd,
                                           .events = POLLIN };

        if (!done) {
            fds[2 * i].events |= POLLOUT;
        }
    }

    if (poll(fds, 2 * n, ms) <= 0) {
        return;
    }

    for (i = 0; i < n; i++) {
        if (fds[2 * i].revents & (POLLIN|POLLHUP|POLLERR)) {
            answers(&workers[i]);
        }

        if (fds[2 * i + 1].revents) {
            messages(&workers[i]);
        }
    }
}


static void
answers(worker_t *w)
{
    call_t       call;
    int64_t      now;
    redisReply  *reply;

    if (redisBufferRead(w->c) != REDIS_OK) {
        die(w->c->errstr);
    }

    now = nanoseconds();

    for ( ;; ) {
        if (redisGetReplyFromReader(w->c, (void **) &reply) != REDIS_OK) {
            die(w->c->errstr);
        }

        if (reply == NULL) {
            return;
        }

        if (reply->type == REDIS_REPLY_ERROR) {
            die(reply->str);
        }

        if (w->n == 0) {
            die("an answer that nobody has asked for");
        }

        call = w->calls[w->first];
        w->first = (w->first + 1) % w->room;
        w->n--;

        if (call.done != NULL) {
            tally.times[tally.n++ % TIMES] = now - call.sent;
            call.done(&w->redis, call.op, reply);
        }

        freeReplyObject(reply);
    }
}


static void
messages(worker_t *w)
{
    jm_str_t     channel, text;
    redisReply  *reply, **e;

    if (redisBufferRead(w->listens) != REDIS_OK) {
        die(w->listens->errstr);
    }

    for ( ;; ) {
        if (redisGetReplyFromReader(w->listens, (void **) &reply)
            != REDIS_OK)
        {
            die(w->listens->errstr);
        }

        if (reply == NULL) {
            return;
        }

        e = reply->element;

        if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 3
            && e[2]->type == REDIS_REPLY_STRING)
        {
            channel.data = (uint8_t *) e[1]->str;
            channel.len = e[1]->len;
            text.data = (uint8_t *) e[2]->str;
            text.len = e[2]->len;

            jm_redis_message(&w->redis, channel, text);
        }

        freeReplyObject(reply);
    }
}


static jm_rc_e
call(void *ctx, size_t argc, const char **argv, const size_t *lens,
    jm_redis_done_pt done, void *op)
{
    append(ctx, argc, argv, lens, done, op);

    return JM_OK;
}


static void
tell(void *ctx, size_t argc, const char **argv, const size_t *lens)
{
    append(ctx, argc, argv, lens, NULL, NULL);
}


static void
later(void *ctx)
{
    worker_t *w = ctx;

    w->tells = 1;
}


static void
append(worker_t *w, size_t argc, const char **argv, const size_t *lens,
    jm_redis_done_pt done, void *op)
{
    size_t   i;
    call_t  *calls;

    if (w->n == w->room) {
        calls = calloc(2 * w->room + 64, sizeof(call_t));

        if (calls == NULL) {
            die("no memory");
        }

        for (i = 0; i < w->n; i++) {
            calls[i] = w->calls[(w->first + i) % w->room];
        }

        free(w->calls);

        w->calls = calls;
        w->room = 2 * w->room + 64;
        w->first = 0;
    }

    if (redisAppendCommandArgv(w->c, (int) argc, argv, lens) != REDIS_OK) {
        die("no memory");
    }

    tally.calls++;

    w->calls[(w->first + w->n++) % w->room] = (call_t) {
        .done = done, .op = op, .sent = nanoseconds()
    };
}


static unsigned
listed(void *ctx, const jm_client_t *client)
{
    (void) ctx;
    (void) client;

    return 1;
}


static jm_str_t
named(void *ctx, uint64_t digest)
{
    (void) ctx;
    (void) digest;

    return (jm_str_t) jm_null_string;
}


static redisContext *
connects(const char *path)
{
    redisContext  *c;

    c = redisConnectUnixNonBlock(path);

    if (c == NULL || c->err) {
        die("there is no server");
    }

    return c;
}


static void
finish(void *data)
{
    *(unsigned *) data = 1;
}


static void
subscribe(worker_t *w)
{
    int          done;
    size_t       lens[2];
    unsigned     all;
    uint8_t      channel[JM_REDIS_CHANNEL];
    const char  *argv[] = { "SUBSCRIBE", (const char *) channel };

    lens[0] = strlen(argv[0]);

    for (all = 0; all < 2; all++) {
        lens[1] = jm_redis_channel(&w->redis, all, channel);
        redisAppendCommandArgv(w->listens, 2, argv, lens);
    }

    do {
        if (redisBufferWrite(w->listens, &done) != REDIS_OK) {
            die(w->listens->errstr);
        }
    } while (!done);
}
