
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * The arguments of a call, in memory of a fixed size: what does not fit is an
 * error that stays, and the call is not made.
 */


#ifndef _JM_REDIS_ARGS_H_INCLUDED_
#define _JM_REDIS_ARGS_H_INCLUDED_


#include "jm_redis.h"


#define JM_REDIS_ARGS       512
#define JM_REDIS_TEXT       12288   /* bytes of numbers, and names of them */


typedef struct {
    jm_redis_t          *redis;
    size_t               n;
    size_t               used;
    unsigned             bad;
    const char          *argv[JM_REDIS_ARGS];
    size_t               lens[JM_REDIS_ARGS];
    char                 text[JM_REDIS_TEXT];
} jm_redis_args_t;


/*
 * Begins a call of a function, with the number that it is undone by, or 0: see
 * jm_redis_number().
 */
void jm_redis_begin(jm_redis_args_t *args, jm_redis_t *redis,
    const char *function, uint64_t number);

/* Begins what is told by itself, to be said. */
void jm_redis_begin_told(jm_redis_args_t *args, jm_redis_t *redis,
    const char *function);

/* Add an argument: a text, which stays the caller's until the call is made, */
void jm_redis_put(jm_redis_args_t *args, jm_str_t text);
void jm_redis_put_bytes(jm_redis_args_t *args, const uint8_t *data,
    size_t len);

/* a number, and one that is the digest of a client's name, or 0 for nobody, */
void jm_redis_put_number(jm_redis_args_t *args, uint64_t n);
void jm_redis_put_digest(jm_redis_args_t *args, uint64_t digest);

/* and several: a client, which may be NULL; a bill; a place; an error or NULL;
 * all of a claim, or task i of it; whether there is one, and that. */
void jm_redis_put_client(jm_redis_args_t *args, const jm_client_t *client);
void jm_redis_put_bill(jm_redis_args_t *args, const jm_bill_t *bill);
void jm_redis_put_place(jm_redis_args_t *args, const jm_place_t *place);
void jm_redis_put_error(jm_redis_args_t *args, const jm_error_t *error);
void jm_redis_put_claim(jm_redis_args_t *args,
    const jm_ledger_claim_t *claim);
void jm_redis_put_task(jm_redis_args_t *args, const jm_ledger_claim_t *claim,
    unsigned i);

/* who tells something that is to be done once, and the number of that */
void jm_redis_put_once(jm_redis_args_t *args, uint64_t number);

/* an account, by our number, or JM_LEDGER_ANY */
void jm_redis_put_account(jm_redis_args_t *args, unsigned account);

/* Makes the call; without an answer done is called with a reply of NULL. */
void jm_redis_send(jm_redis_args_t *args, jm_redis_done_pt done, void *op);

/*
 * Tell it, once whatever becomes of connections: soon, with what else is told
 * until then, or at once.
 */
void jm_redis_say(jm_redis_args_t *args);
void jm_redis_say_now(jm_redis_args_t *args);

/* Sends what was said, and has not been sent yet. */
void jm_redis_flush(jm_redis_t *redis);

/*
 * Returns a number that nothing else has: of an entry, of a place, or of a call
 * that may have to be undone; 0 while the server has none for this process.
 */
uint64_t jm_redis_number(jm_redis_t *redis);

/* What the call of this number did, if it was made, did not happen. */
void jm_redis_undo(jm_redis_t *redis, uint64_t number);

/* Returns the digest that stands for a client's name; 0: libcrypto fails. */
uint64_t jm_redis_digest(const jm_redis_t *redis, jm_str_t name);

/* Sets *hold to what is held for a client, or to none. */
void jm_redis_hold(const jm_redis_t *redis, jm_hold_t *hold,
    const jm_client_t *client, const jm_bill_t *most, unsigned held);


#endif /* _JM_REDIS_ARGS_H_INCLUDED_ */
