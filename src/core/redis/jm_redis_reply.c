
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_redis_reply.h"


#define JM_REDIS_DIGEST     16      /* hex digits */


static const redisReply *jm_redis_next(jm_redis_reader_t *in, int type);
static int jm_redis_digit(char c);


void
jm_redis_read(jm_redis_reader_t *in, const redisReply *reply, size_t least)
{
    in->reply = reply;
    in->n = 0;
    in->i = 0;
    in->bad = (reply == NULL || reply->type != REDIS_REPLY_ARRAY
               || reply->elements < least || reply->element == NULL);

    if (!in->bad) {
        in->n = reply->elements;
    }
}


void
jm_redis_read_one(jm_redis_reader_t *in, const redisReply *reply)
{
    in->reply = reply;
    in->n = 0;
    in->i = 0;
    in->bad = (reply == NULL || reply->type == REDIS_REPLY_ARRAY);
}


/* the next value, of this type, or NULL; a reply of its own is the only one */

static const redisReply *
jm_redis_next(jm_redis_reader_t *in, int type)
{
    const redisReply  *value;

    value = NULL;

    if (in->bad) {
        return NULL;
    }

    if (in->n == 0 && in->i == 0 && in->reply->type != REDIS_REPLY_ARRAY) {
        value = in->reply;
        in->i++;

    } else if (in->i < in->n) {
        value = in->reply->element[in->i++];
    }

    if (value == NULL || value->type != type
        || (type == REDIS_REPLY_STRING && value->str == NULL))
    {
        in->bad = 1;
        return NULL;
    }

    return value;
}


uint64_t
jm_redis_get(jm_redis_reader_t *in, uint64_t most)
{
    const redisReply  *value;

    value = jm_redis_next(in, REDIS_REPLY_INTEGER);

    if (value == NULL) {
        return 0;
    }

    if (value->integer < 0 || (uint64_t) value->integer > most) {
        in->bad = 1;
        return 0;
    }

    return (uint64_t) value->integer;
}


jm_str_t
jm_redis_get_text(jm_redis_reader_t *in, size_t most)
{
    jm_str_t           text;
    const redisReply  *value;

    text.len = 0;
    text.data = NULL;

    value = jm_redis_next(in, REDIS_REPLY_STRING);

    if (value != NULL && value->len > most) {
        in->bad = 1;

    } else if (value != NULL) {
        text.len = value->len;
        text.data = (const uint8_t *) value->str;
    }

    return text;
}


uint64_t
jm_redis_get_digest(jm_redis_reader_t *in)
{
    int       digit;
    size_t    i;
    jm_str_t  text;
    uint64_t  n;

    text = jm_redis_get_text(in, JM_REDIS_DIGEST);
    n = 0;

    if (text.len != 0 && text.len != JM_REDIS_DIGEST) {
        in->bad = 1;
        return 0;
    }

    for (i = 0; i < text.len; i++) {
        digit = jm_redis_digit((char) text.data[i]);

        if (digit < 0) {
            in->bad = 1;
            return 0;
        }

        n = n << 4 | (unsigned) digit;
    }

    return n;
}


static int
jm_redis_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    return (c >= 'a' && c <= 'f') ? c - 'a' + 10 : -1;
}


uint64_t
jm_redis_get_hash(jm_redis_reader_t *in)
{
    size_t    i;
    jm_str_t  text;
    uint64_t  n;
    unsigned  digit;

    text = jm_redis_get_text(in, sizeof("18446744073709551615") - 1);
    n = 0;

    for (i = 0; i < text.len; i++) {
        digit = (unsigned) (text.data[i] - '0');

        if (digit > 9 || n > (UINT64_MAX - digit) / 10) {
            in->bad = 1;
            return 0;
        }

        n = n * 10 + digit;
    }

    return n;
}


unsigned
jm_redis_get_account(jm_redis_reader_t *in, const jm_redis_t *redis)
{
    uint64_t  account;

    account = jm_redis_get(in, JM_LEDGER_ANY);

    return account < JM_QUEUE_ACCOUNTS ? redis->here[account] : JM_LEDGER_ANY;
}


unsigned
jm_redis_get_error(jm_redis_reader_t *in, jm_error_t *error)
{
    int64_t            code;
    jm_str_t           text;
    unsigned           told;
    uint64_t           cause;
    const redisReply  *value;

    told = (unsigned) jm_redis_get(in, 1);
    cause = jm_redis_get(in, JM_CAUSE_LAST - 1);

    value = jm_redis_next(in, REDIS_REPLY_INTEGER);
    code = value ? value->integer : 0;

    text = jm_redis_get_text(in, JM_REDIS_MESSAGE);

    if (in->bad || !told) {
        return 0;
    }

    if (cause == JM_CAUSE_NONE) {
        in->bad = 1;
        return 0;
    }

    jm_error_set(error, (jm_cause_e) cause, NULL, "%.*s", (int) text.len,
                 (const char *) text.data);

    error->no_retry = 1;
    error->upstream_code = code;

    return 1;
}


void
jm_redis_get_rate(jm_redis_reader_t *in, jm_quota_rate_t *rate)
{
    rate->limit = jm_redis_get(in, JM_REDIS_MOST);
    rate->remaining = jm_redis_get(in, JM_REDIS_MOST);
    rate->reset = jm_redis_get(in, JM_REDIS_MOST);
    rate->retry = jm_redis_get(in, JM_REDIS_MOST);
}


void
jm_redis_get_view(jm_redis_reader_t *in, jm_quota_view_t *view)
{
    view->concurrency = (uint32_t) jm_redis_get(in, UINT32_MAX);
    view->running = (uint32_t) jm_redis_get(in, UINT32_MAX);
    view->limit = jm_redis_get(in, JM_REDIS_MOST);
    view->used = jm_redis_get(in, JM_REDIS_MOST);
    view->reserved = jm_redis_get(in, JM_REDIS_MOST);
    view->remaining = jm_redis_get(in, JM_REDIS_MOST);
    view->reset = (int64_t) jm_redis_get(in, JM_REDIS_MOST);
    view->budget.limit = jm_redis_get(in, JM_REDIS_MOST);
    view->budget.spent = jm_redis_get(in, JM_REDIS_MOST);
    view->budget.reserved = jm_redis_get(in, JM_REDIS_MOST);
    view->budget.remaining = jm_redis_get(in, JM_REDIS_MOST);
    view->budget.reset = (int64_t) jm_redis_get(in, JM_REDIS_MOST);
}


void
jm_redis_get_near(jm_redis_reader_t *in, jm_quota_near_t *near)
{
    near->images = (unsigned) jm_redis_get(in, 1);
    near->budget = (unsigned) jm_redis_get(in, 1);
    near->used = jm_redis_get(in, JM_REDIS_MOST);
    near->spent = jm_redis_get(in, JM_REDIS_MOST);
}


void
jm_redis_get_turn(jm_redis_reader_t *in, jm_turn_t *turn)
{
    turn->position = jm_redis_get(in, JM_REDIS_MOST);
    turn->of = jm_redis_get(in, JM_REDIS_MOST);
    turn->eta = jm_redis_get(in, JM_REDIS_MOST);
}
