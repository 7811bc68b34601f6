
/*
 * What the tests of the store on Redis share: processes that call a server at
 * JIMENG_REDIS, a unix socket, and wait for its answers.  The server's clock is
 * a key, which the library that is loaded there reads in place of TIME.
 */


#ifndef _REDIS_H_INCLUDED_
#define _REDIS_H_INCLUDED_


#include "tap.h"
#include "jm_redis_args.h"
#include "jm_redis_process.h"


#define REDIS_PREFIX   "{jimeng}:"
#define REDIS_CLIENTS  16


/*
 * What becomes of calls: an answer; none though they are made, or since they
 * are not, or none before they are made after all.
 */

typedef enum {
    REDIS_ANSWERS = 0,
    REDIS_LOSES,
    REDIS_REFUSES,
    REDIS_IS_LATE
} redis_how_e;


typedef struct {
    redisContext    *c;
    redisContext    *subscribed;
    redis_how_e      how;
    unsigned         calls;
    unsigned         tells;
    unsigned         twice;         /* tells are made again */
    unsigned         waits;         /* they wait until they are flushed */
    jm_redis_t       redis;
    jm_backend_t     b;
} redis_t;


/* whom the files name */

static const jm_client_t  *redis_clients[REDIS_CLIENTS];
static size_t              redis_nclients;

/* of processes */

static uint64_t            redis_names;


static inline redisContext *
redis_connect(void)
{
    redisContext  *c;

    c = redisConnectUnix(getenv("JIMENG_REDIS"));

    if (c == NULL || c->err) {
        printf("Bail out! no server at JIMENG_REDIS\n");
        exit(1);
    }

    return c;
}


/* a command by itself, whose reply is an integer, or is not looked at */

static inline long long
redis_command(redisContext *c, size_t argc, const char **argv,
    const size_t *lens)
{
    long long    n;
    redisReply  *reply;

    reply = redisCommandArgv(c, (int) argc, argv, lens);

    if (reply == NULL || reply->type == REDIS_REPLY_ERROR) {
        printf("Bail out! %s: %s\n", argv[0], reply ? reply->str : c->errstr);
        exit(1);
    }

    n = reply->integer;
    freeReplyObject(reply);

    return n;
}


static inline void
redis_wants(redisContext *c, const char *a, const char *b, const char *d)
{
    const char  *argv[] = { a, b, d };

    redis_command(c, d ? 3 : b ? 2 : 1, argv, NULL);
}


static inline jm_rc_e
redis_call(void *ctx, size_t argc, const char **argv, const size_t *lens,
    jm_redis_done_pt done, void *op)
{
    redis_t     *r = ctx;
    redisReply  *reply;

    r->calls++;

    if (r->how == REDIS_REFUSES) {
        return JM_ERROR;
    }

    if (r->how == REDIS_IS_LATE) {
        done(&r->redis, op, NULL);
    }

    reply = redisCommandArgv(r->c, (int) argc, argv, lens);

    if (reply != NULL && reply->type == REDIS_REPLY_ERROR) {
        printf("# %s: %s\n", argv[1], reply->str);
    }

    if (r->how != REDIS_IS_LATE) {
        done(&r->redis, op, r->how == REDIS_LOSES ? NULL : reply);
    }

    freeReplyObject(reply);

    return JM_OK;
}


static inline void
redis_tell(void *ctx, size_t argc, const char **argv, const size_t *lens)
{
    redis_t *r = ctx;

    r->tells++;
    redis_command(r->c, argc, argv, lens);

    if (r->twice) {
        redis_command(r->c, argc, argv, lens);
    }
}


static inline void
redis_later(void *ctx)
{
    redis_t *r = ctx;

    if (!r->waits) {
        jm_redis_flush(&r->redis);
    }
}


static inline unsigned
redis_listed(void *ctx, const jm_client_t *client)
{
    size_t  i;

    (void) ctx;

    for (i = 0; i < redis_nclients; i++) {
        if (redis_clients[i]->name.len == client->name.len
            && memcmp(redis_clients[i]->name.data, client->name.data,
                      client->name.len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


static inline jm_str_t
redis_named(void *ctx, uint64_t digest)
{
    size_t    i;
    redis_t  *r = ctx;

    /* as the salt is the server's, there is no other way than to try them */

    for (i = 0; i < redis_nclients; i++) {
        if (jm_redis_digest(&r->redis, redis_clients[i]->name) == digest) {
            return redis_clients[i]->name;
        }
    }

    return (jm_str_t) jm_null_string;
}


/* what state.h says of an answer that is there at once is so here, too */

static inline void
redis_is_done(void *data)
{
    (void) data;
}


/* sets the server's clock, in ms since 1970 */

static inline void
redis_set_clock(redisContext *c, uint64_t now)
{
    char        s[32], us[32];
    const char  *argv[] = { "HSET", "clock", "s", s, "us", us };

    snprintf(s, sizeof(s), "%" PRIu64, now / 1000);
    snprintf(us, sizeof(us), "%" PRIu64, now % 1000 * 1000);

    redis_command(c, 6, argv, NULL);
}


/* empties the server, and loads the library, with a clock of the test's */

static inline void
redis_fresh(redisContext *c)
{
    char        *text, *at;
    size_t       len, lens[4];
    const char  *argv[] = { "FUNCTION", "LOAD", "REPLACE", NULL };

    static const char  theirs[] = "redis.call('TIME')";
    static const char  ours[] = "redis.call('HMGET', 'clock', 's', 'us')";

    redis_wants(c, "FLUSHALL", NULL, NULL);

    len = jm_redis_library.len;
    text = malloc(len + sizeof(ours));
    memcpy(text, jm_redis_library.data, len);
    text[len] = '\0';

    at = strstr(text, theirs);

    if (at == NULL || strstr(at + 1, theirs) != NULL) {
        printf("Bail out! the library asks for the time elsewhere\n");
        exit(1);
    }

    memmove(at + sizeof(ours) - 1, at + sizeof(theirs) - 1,
            len - (size_t) (at - text) - (sizeof(theirs) - 1));
    memcpy(at, ours, sizeof(ours) - 1);

    argv[3] = text;
    lens[0] = 8;
    lens[1] = 4;
    lens[2] = 7;
    lens[3] = len + sizeof(ours) - sizeof(theirs);

    redis_command(c, 4, argv, lens);
    free(text);
}


/* a process, with the configuration's accounts; configures: it is the master */

static inline void
redis_begin(redis_t *r, const jm_redis_account_t *accounts, size_t n)
{
    jm_op_join_t       join;
    jm_op_configure_t  op;

    memset(r, 0, sizeof(redis_t));

    r->c = redis_connect();
    r->redis.call = redis_call;
    r->redis.tell = redis_tell;
    r->redis.later = redis_later;
    r->redis.listed = redis_listed;
    r->redis.named = redis_named;
    r->redis.ctx = r;
    r->redis.prefix = str(REDIS_PREFIX);
    r->redis.name = ++redis_names;

    jm_backend_redis(&r->b, &r->redis);

    memset(&op, 0, sizeof(jm_op_configure_t));

    op.done.handler = redis_is_done;
    op.accounts = accounts;
    op.n = n;
    memset(op.salt, 's', JM_STATE_SALT);

    jm_redis_configure(&r->redis, &op);

    memset(&join, 0, sizeof(jm_op_join_t));

    join.done.handler = redis_is_done;
    join.node = str("node");

    jm_redis_join(&r->redis, &join);

    if (op.away || op.rc != JM_OK || join.away) {
        printf("Bail out! no process begins\n");
        exit(1);
    }
}


static inline void
redis_renew(redis_t *r)
{
    jm_op_join_t  join;

    memset(&join, 0, sizeof(jm_op_join_t));

    join.done.handler = redis_is_done;
    join.node = str("node");

    jm_redis_renew(&r->redis, &join);
}


/* it listens to what happens to its places from now on */

static inline void
redis_subscribe(redis_t *r)
{
    size_t       lens[2];
    unsigned     all;
    uint8_t      channel[JM_REDIS_CHANNEL];
    const char  *argv[] = { "SUBSCRIBE", (char *) channel };

    r->subscribed = redis_connect();

    for (all = 0; all < 2; all++) {
        lens[0] = strlen(argv[0]);
        lens[1] = jm_redis_channel(&r->redis, all, channel);

        redis_command(r->subscribed, 2, argv, lens);
    }
}


/* takes all messages that there are: those before the answer to a ping */

static inline void
redis_messages(redis_t *r)
{
    void        *reply;
    unsigned     more;
    redisReply  *m;

    redisAppendCommand(r->subscribed, "PING");

    for (more = 1; more; /* void */ ) {
        if (redisGetReply(r->subscribed, &reply) != REDIS_OK) {
            abort();
        }

        m = reply;
        more = m->elements == 3;

        if (more) {
            jm_redis_message(&r->redis, str(m->element[1]->str),
                             str(m->element[2]->str));
        }

        freeReplyObject(m);
    }
}


static inline void
redis_end(redis_t *r)
{
    jm_redis_free(&r->redis);
    redisFree(r->c);

    if (r->subscribed != NULL) {
        redisFree(r->subscribed);
    }
}


#endif /* _REDIS_H_INCLUDED_ */
