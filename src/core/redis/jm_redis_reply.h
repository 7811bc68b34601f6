
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * A reply, value by value.  What is not there, is of another type, or is out of
 * its range, is an error that stays: all of the reply is no good then.
 */


#ifndef _JM_REDIS_REPLY_H_INCLUDED_
#define _JM_REDIS_REPLY_H_INCLUDED_


#include "jm_redis.h"


/* numbers in Lua are exact up to here */

#define JM_REDIS_MOST       UINT64_C(9007199254740992)

#define JM_REDIS_MESSAGE    223     /* bytes of an error that is told again */


typedef struct {
    const redisReply    *reply;
    size_t               n;         /* values that there are */
    size_t               i;         /* the next one */
    unsigned             bad;
} jm_redis_reader_t;


/* Begins to read a list of least values or more, or a single value. */
void jm_redis_read(jm_redis_reader_t *in, const redisReply *reply,
    size_t least);
void jm_redis_read_one(jm_redis_reader_t *in, const redisReply *reply);

/*
 * Read the next value: an integer of 0 ... most; a text of most bytes at most;
 * a client's digest, 0 for nobody; a number that is written as a text.  An
 * error is 0, or empty.
 */
uint64_t jm_redis_get(jm_redis_reader_t *in, uint64_t most);
jm_str_t jm_redis_get_text(jm_redis_reader_t *in, size_t most);
uint64_t jm_redis_get_digest(jm_redis_reader_t *in);
uint64_t jm_redis_get_hash(jm_redis_reader_t *in);

/* Reads an account, and returns our number of it, or JM_LEDGER_ANY. */
unsigned jm_redis_get_account(jm_redis_reader_t *in, const jm_redis_t *redis);

/* Reads whether there is an error to be told again, and sets *error to it. */
unsigned jm_redis_get_error(jm_redis_reader_t *in, jm_error_t *error);

/* Read several values each. */
void jm_redis_get_rate(jm_redis_reader_t *in, jm_quota_rate_t *rate);
void jm_redis_get_view(jm_redis_reader_t *in, jm_quota_view_t *view);
void jm_redis_get_near(jm_redis_reader_t *in, jm_quota_near_t *near);
void jm_redis_get_turn(jm_redis_reader_t *in, jm_turn_t *turn);


#endif /* _JM_REDIS_REPLY_H_INCLUDED_ */
