
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * All that requests have in common, on a Redis server that several machines
 * share: the operations of jm_backend.h are functions in Lua there, each of
 * which is one call.  How a call gets there is the caller's, who knows hiredis;
 * here are only its replies, of which none is trusted: one that is not as it
 * has to be is as good as none.
 *
 * Without an answer an operation is "away".  What it may have done is undone by
 * telling, see jm_redis_number().
 */


#ifndef _JM_REDIS_H_INCLUDED_
#define _JM_REDIS_H_INCLUDED_


#include <hiredis/hiredis.h>

#include "jm_backend.h"
#include "jm_redis_told.h"


#define JM_REDIS_VERSION    1       /* of functions, and what they keep */
#define JM_REDIS_NEWS       1024    /* places that are told of at a time */
#define JM_REDIS_PREFIX     67      /* bytes of a prefix of keys, at most */
#define JM_REDIS_CHANNEL    (JM_REDIS_PREFIX + 22)  /* bytes of a channel */
#define JM_REDIS_ELEMENTS   1024    /* of any answer: hiredis takes any */
#define JM_REDIS_SERIALS    1000    /* numbers that a process gets at once */


typedef struct jm_redis_s  jm_redis_t;

/* reply is NULL, or good until it returns */

typedef void (*jm_redis_done_pt)(jm_redis_t *redis, void *op,
    const redisReply *reply);


/* an account of the configuration; its number is that of its place there */

typedef struct {
    jm_str_t             name;
    jm_queue_conf_t      conf;
} jm_redis_account_t;


/*
 * A process's way to the server.  Arguments are to be copied before they
 * return: call() has an answer once done is called, exactly once, which it may
 * do before it returns, or returns JM_ERROR, and never calls it; tell() has
 * none, and sends what comes after a call behind that, in the order in which it
 * is told, also once the server is back.  It may do so again: what is told is
 * done once.  later() has jm_redis_flush() called in a moment.
 */

struct jm_redis_s {
    jm_rc_e            (*call)(void *ctx, size_t argc, const char **argv,
                               const size_t *lens, jm_redis_done_pt done,
                               void *op);
    void               (*tell)(void *ctx, size_t argc, const char **argv,
                               const size_t *lens);
    void               (*later)(void *ctx);

    /* whether a file of keys names a client; who has a digest, or nobody */
    unsigned           (*listed)(void *ctx, const jm_client_t *client);
    jm_str_t           (*named)(void *ctx, uint64_t digest);

    void                *ctx;

    jm_str_t             prefix;    /* of keys, JM_REDIS_PREFIX at most */
    int32_t              east;      /* s that days begin before those of UTC */
    uint64_t             name;      /* at random: by it it is known who tells */

    /* what is below is set by the functions here */

    uint64_t             owner;     /* the process's number; 0: it has none */
    uint64_t             serial;    /* the next of left numbers */
    uint64_t             left;
    uint64_t             spare;     /* as many again from here; 0: none */
    unsigned             asking;    /* for these */
    jm_redis_told_t      told;

    uint8_t              salt[JM_STATE_SALT];
    jm_digest_t          salted;

    size_t               naccounts;
    jm_redis_account_t   accounts[JM_QUEUE_ACCOUNTS];
    uint8_t              there[JM_QUEUE_ACCOUNTS];  /* its number of each */
    uint8_t              here[JM_QUEUE_ACCOUNTS];   /* ours of its numbers */

    uint64_t             news[JM_REDIS_NEWS];       /* a ring */
    size_t               first;
    size_t               nnews;
    uint32_t             alarms;
};


/* Sets the operations to those on a server; redis stays the caller's. */
void jm_backend_redis(jm_backend_t *b, jm_redis_t *redis);

/* Gives back what jm_redis_configure() took; again it does nothing. */
void jm_redis_free(jm_redis_t *redis);

/*
 * Writes the name of a channel that the process has to listen to once it has
 * joined, or of the one that all listen to, to dst, of JM_REDIS_CHANNEL bytes,
 * and returns its length.
 */
size_t jm_redis_channel(const jm_redis_t *redis, unsigned all, uint8_t *dst);


#endif /* _JM_REDIS_H_INCLUDED_ */
