
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * The operations that ask how a task stands, and of its end.
 */


#include "jm_redis_args.h"
#include "jm_redis_part.h"
#include "jm_redis_reply.h"


static void jm_redis_look(jm_backend_t *b, jm_op_look_t *op);
static void jm_redis_looked(jm_redis_t *redis, void *data,
    const redisReply *reply);
static void jm_redis_look_at(jm_redis_reader_t *in, jm_redis_t *redis,
    jm_op_look_t *op);
static void jm_redis_look_place(const jm_op_look_t *op, uint64_t serial,
    uint32_t grip);
static void jm_redis_look_result(jm_op_look_t *op, uint64_t len,
    jm_str_t text);
static void jm_redis_cancel(jm_backend_t *b, jm_op_cancel_t *op);
static void jm_redis_canceled(jm_redis_t *redis, void *data,
    const redisReply *reply);
static void jm_redis_over(jm_backend_t *b, jm_op_over_t *op);
static void jm_redis_put_over(jm_redis_args_t *args,
    const jm_op_over_t *op);
static void jm_redis_over_hold(jm_op_over_t *op, uint64_t images,
    uint64_t cost);
static void jm_redis_overed(jm_redis_t *redis, void *data,
    const redisReply *reply);
static void jm_redis_over_alone(jm_redis_t *redis, jm_op_over_t *op);
static void jm_redis_billed(jm_backend_t *b, uint64_t entry, unsigned task);
static void jm_redis_orphan(jm_backend_t *b, jm_op_orphan_t *op);
static void jm_redis_orphan_found(jm_redis_t *redis, void *data,
    const redisReply *reply);
static void jm_redis_orphan_id(jm_redis_reader_t *in, jm_orphan_t *orphan);
static void jm_redis_orphan_asked(jm_backend_t *b, jm_op_orphan_t *op);
static void jm_redis_orphan_told(jm_redis_t *redis, void *data,
    const redisReply *reply);


void
jm_backend_redis_end(jm_backend_t *b)
{
    b->look = jm_redis_look;
    b->cancel = jm_redis_cancel;
    b->over = jm_redis_over;
    b->billed = jm_redis_billed;
    b->orphan = jm_redis_orphan;
    b->asked = jm_redis_orphan_asked;
    b->news = jm_redis_news;
}


static void
jm_redis_look(jm_backend_t *b, jm_op_look_t *op)
{
    jm_str_t          id;
    jm_redis_t       *redis = b->ctx;
    jm_redis_args_t   args;

    static const jm_str_t  none = jm_null_string;

    op->number = jm_redis_number(redis);

    if (op->number == 0) {
        jm_redis_looked(redis, op, NULL);
        return;
    }

    id = op->claim ? none : op->id;

    jm_redis_begin(&args, redis, "look", op->number);
    jm_redis_put_task(&args, op->claim, op->task);
    jm_redis_put_number(&args, op->entry);
    jm_redis_put_account(&args, op->account);
    jm_redis_put(&args, id);
    jm_redis_put_number(&args, op->mem != NULL);
    jm_redis_send(&args, jm_redis_looked, op);
}


static void
jm_redis_looked(jm_redis_t *redis, void *data, const redisReply *reply)
{
    unsigned            account;
    jm_op_look_t       *op = data;
    jm_redis_reader_t   in;

    account = op->account;

    op->result.len = 0;
    op->result.data = NULL;

    jm_redis_read(&in, reply, 18);
    jm_redis_look_at(&in, redis, op);

    if (in.bad) {
        jm_redis_undo(redis, op->number);

        op->account = account;
        op->look = (op->claim == NULL && op->id.len != 0) ? JM_LOOK_TAKEN
                                                          : JM_LOOK_UNKNOWN;
    }

    op->away = in.bad;
    op->done.handler(op->done.data);
}


static void
jm_redis_look_at(jm_redis_reader_t *in, jm_redis_t *redis, jm_op_look_t *op)
{
    jm_str_t  id, text;
    uint16_t  round, own;
    uint32_t  grip;
    uint64_t  serial, len;

    op->look = (jm_look_e) jm_redis_get(in, JM_LOOK_LOST);
    op->over = (unsigned) jm_redis_get(in, 1);
    op->account = jm_redis_get_account(in, redis);

    id = jm_redis_get_text(in, JM_LEDGER_ID);

    op->sending = (unsigned) jm_redis_get(in, 1);
    op->told = jm_redis_get_error(in, &op->error);

    jm_redis_get_turn(in, &op->turn);

    serial = jm_redis_get(in, JM_REDIS_MOST);
    grip = (uint32_t) jm_redis_get(in, UINT32_MAX);
    round = (uint16_t) jm_redis_get(in, UINT16_MAX);
    own = (uint16_t) jm_redis_get(in, 1);
    len = jm_redis_get(in, JM_RESULT_MAX);
    text = jm_redis_get_text(in, JM_RESULT_MAX);

    in->bad |= (op->look == JM_LOOK_RESULT
                && (len == 0 || (op->mem != NULL && text.len != len)));

    if (in->bad) {
        return;
    }

    if (op->claim != NULL) {
        op->claim->slots[op->task].round = round;
        op->claim->slots[op->task].own = own;
        op->claim->slots[op->task].over = (uint16_t) op->over;
    }

    /* who asks by an id has it, where it is */

    if (op->claim != NULL || op->id.len == 0) {
        op->id.len = id.len;
        op->id.data = op->text;

        if (id.len != 0) {
            memcpy(op->text, id.data, id.len);
        }
    }

    jm_redis_look_place(op, serial, grip);
    jm_redis_look_result(op, len, text);
}


static void
jm_redis_look_place(const jm_op_look_t *op, uint64_t serial, uint32_t grip)
{
    if (op->look != JM_LOOK_TAKEN || op->account == JM_LEDGER_ANY) {
        return;
    }

    op->place->serial = serial;

    if (serial != 0) {
        op->place->ref = 0;
        op->place->grip = grip;
        op->place->account = op->account;
    }
}


static void
jm_redis_look_result(jm_op_look_t *op, uint64_t len, jm_str_t text)
{
    uint8_t  *copy;

    if (op->look != JM_LOOK_RESULT) {
        return;
    }

    op->result.len = (size_t) len;

    if (op->mem == NULL) {
        return;
    }

    copy = op->mem->alloc(op->mem->ctx, text.len);

    if (copy != NULL) {
        memcpy(copy, text.data, text.len);
        op->result.data = copy;
    }
}


static void
jm_redis_cancel(jm_backend_t *b, jm_op_cancel_t *op)
{
    jm_redis_args_t  args;

    jm_redis_begin(&args, b->ctx, "cancel", 0);
    jm_redis_put_number(&args, op->entry);
    jm_redis_put_number(&args, op->n);
    jm_redis_send(&args, jm_redis_canceled, op);
}


static void
jm_redis_canceled(jm_redis_t *redis, void *data, const redisReply *reply)
{
    jm_op_cancel_t     *op = data;
    jm_redis_reader_t   in;

    (void) redis;

    jm_redis_read(&in, reply, 2);

    op->canceled = (unsigned) jm_redis_get(&in, op->n);
    op->running = (unsigned) jm_redis_get(&in, op->n);

    op->away = in.bad;
    op->done.handler(op->done.data);
}


static void
jm_redis_over(jm_backend_t *b, jm_op_over_t *op)
{
    jm_redis_t       *redis = b->ctx;
    jm_redis_args_t   args;

    if (op->hold == NULL || !op->hold->running) {
        op->release = 0;
    }

    /* what is told before it has a number before it */

    jm_redis_flush(redis);

    op->number = op->release ? ++redis->told.number : 0;

    jm_redis_begin(&args, redis, "over", 0);
    jm_redis_put_over(&args, op);
    jm_redis_send(&args, jm_redis_overed, op);
}


static void
jm_redis_put_over(jm_redis_args_t *args, const jm_op_over_t *op)
{
    jm_redis_put_task(args, op->claim, op->task);
    jm_redis_put_account(args, op->account);
    jm_redis_put_place(args, op->place);
    jm_redis_put_number(args, op->how);
    jm_redis_put_bytes(args, op->result.data,
                       op->how == JM_LEAVE_DONE
                       && op->result.len <= JM_RESULT_MAX
                       ? op->result.len : 0);
    jm_redis_put_number(args, jm_min(op->until, JM_REDIS_MOST));
    jm_redis_put_number(args, op->hold != NULL);

    if (op->hold != NULL) {
        jm_redis_put_digest(args, op->hold->serial);
        jm_redis_put_number(args, op->hold->images);
        jm_redis_put_number(args, op->hold->cost);
    }

    jm_redis_put_client(args, op->client);
    jm_redis_put_bill(args, &op->bill);
    jm_redis_put_number(args, op->price);
    jm_redis_put(args, op->joined);
    jm_redis_put_number(args, op->entry);
    jm_redis_put_number(args, op->left != 0);
    jm_redis_put_once(args, op->number);
}


static void
jm_redis_overed(jm_redis_t *redis, void *data, const redisReply *reply)
{
    uint64_t            images, money, cost;
    jm_op_over_t       *op = data;
    jm_redis_reader_t   in;

    jm_redis_read(&in, reply, 10);

    op->first = (unsigned) jm_redis_get(&in, 1);
    op->kept = (unsigned) jm_redis_get(&in, 1);
    op->billed = (unsigned) jm_redis_get(&in, 1);

    images = jm_redis_get(&in, JM_REDIS_MOST);
    money = jm_redis_get(&in, JM_REDIS_MOST);
    cost = jm_redis_get(&in, JM_REDIS_MOST);

    jm_redis_get_near(&in, &op->near);

    if (in.bad) {
        jm_redis_over_alone(redis, op);

    } else {
        op->away = 0;
        op->bill.cost = cost;

        jm_redis_over_hold(op, images, money);
    }

    op->place->serial = 0;

    op->done.handler(op->done.data);
}


static void
jm_redis_over_hold(jm_op_over_t *op, uint64_t images, uint64_t cost)
{
    jm_hold_t  *hold;

    hold = op->hold;

    if (hold == NULL) {
        return;
    }

    hold->images -= jm_min(images, hold->images);
    hold->cost -= jm_min(cost, hold->cost);

    if (op->release) {
        hold->running = 0;
        hold->images = 0;
        hold->cost = 0;
    }
}


/*
 * A task that is the claim's own, and one that is in no ledger, has no other
 * end than this: it is told again, and counted once whatever became of the
 * call.
 */

static void
jm_redis_over_alone(jm_redis_t *redis, jm_op_over_t *op)
{
    unsigned         own;
    jm_redis_args_t  args;

    own = (op->claim != NULL) ? op->claim->slots[op->task].own
                              : (op->joined.len == 0 && op->entry == 0);

    op->kept = 0;
    op->first = own && !op->left;
    op->billed = op->first && op->bill.images != 0;
    op->away = !own;

    memset(&op->near, 0, sizeof(jm_quota_near_t));

    jm_redis_begin_told(&args, redis, "over");
    jm_redis_put_over(&args, op);
    jm_redis_say(&args);

    if (op->billed) {
        jm_redis_over_hold(op, op->bill.images, op->bill.cost);

    } else {
        jm_redis_over_hold(op, 0, 0);
    }
}


static void
jm_redis_billed(jm_backend_t *b, uint64_t entry, unsigned task)
{
    jm_redis_args_t  args;

    jm_redis_begin_told(&args, b->ctx, "billed");
    jm_redis_put_number(&args, entry);
    jm_redis_put_number(&args, task);
    jm_redis_say(&args);
}


static void
jm_redis_orphan(jm_backend_t *b, jm_op_orphan_t *op)
{
    unsigned          i, n;
    jm_redis_t       *redis = b->ctx;
    jm_redis_args_t   args;

    n = 0;

    for (i = 0; i < redis->naccounts; i++) {
        n += (unsigned) (op->accounts >> i) & 1;
    }

    jm_redis_begin(&args, redis, "orphan", 0);
    jm_redis_put_number(&args, n);

    for (i = 0; i < redis->naccounts; i++) {
        if ((op->accounts >> i) & 1) {
            jm_redis_put_account(&args, i);
        }
    }

    jm_redis_put_number(&args, jm_min(op->pause, JM_REDIS_EVER));
    jm_redis_send(&args, jm_redis_orphan_found, op);
}


static void
jm_redis_orphan_found(jm_redis_t *redis, void *data, const redisReply *reply)
{
    unsigned            account;
    jm_orphan_t        *orphan;
    jm_op_orphan_t     *op = data;
    jm_redis_reader_t   in;

    op->found = 0;
    orphan = &op->orphan;

    jm_redis_read(&in, reply, 1);

    if (jm_redis_get(&in, 1)) {
        orphan->entry = jm_redis_get(&in, JM_REDIS_MOST);
        orphan->billed = jm_redis_get_digest(&in);
        orphan->price = jm_redis_get(&in, JM_REDIS_MOST);
        orphan->model = jm_redis_get_hash(&in);
        orphan->since = jm_redis_get(&in, JM_REDIS_MOST);

        account = jm_redis_get_account(&in, redis);

        orphan->account = account;
        orphan->task = (uint8_t) jm_redis_get(&in, JM_LEDGER_SLOTS - 1);

        jm_redis_orphan_id(&in, orphan);

        op->found = !in.bad && account != JM_LEDGER_ANY;
    }

    op->away = in.bad;
    op->done.handler(op->done.data);
}


static void
jm_redis_orphan_id(jm_redis_reader_t *in, jm_orphan_t *orphan)
{
    jm_str_t  id, key;

    id = jm_redis_get_text(in, JM_QUEUE_ID);
    key = jm_redis_get_text(in, JM_QUEUE_REQ_KEY);

    in->bad |= (id.len == 0 || key.len == 0);

    if (!in->bad) {
        orphan->len = (uint8_t) id.len;
        orphan->key_len = (uint8_t) key.len;

        memcpy(orphan->id, id.data, id.len);
        memcpy(orphan->key, key.data, key.len);
    }
}


static void
jm_redis_orphan_asked(jm_backend_t *b, jm_op_orphan_t *op)
{
    jm_orphan_t      *orphan;
    jm_redis_args_t   args;

    orphan = &op->orphan;

    if (!op->pending) {
        op->bill.model = orphan->model;
        op->bill.cost = op->bill.images * orphan->price;
    }

    jm_redis_begin(&args, b->ctx, "asked", 0);
    jm_redis_put_number(&args, orphan->entry);
    jm_redis_put_number(&args, orphan->task);
    jm_redis_put_account(&args, orphan->account);
    jm_redis_put_bytes(&args, orphan->id, orphan->len);
    jm_redis_put_number(&args, op->pending != 0);
    jm_redis_put_number(&args, op->doubted != 0);
    jm_redis_put_digest(&args, orphan->billed);
    jm_redis_put_bill(&args, &op->bill);
    jm_redis_send(&args, jm_redis_orphan_told, op);
}


/* the server knows clients by their digests alone */

static void
jm_redis_orphan_told(jm_redis_t *redis, void *data, const redisReply *reply)
{
    jm_str_t            name;
    uint64_t            digest;
    jm_op_orphan_t     *op = data;
    jm_redis_reader_t   in;

    op->client.len = 0;
    op->client.data = op->name;

    jm_redis_read(&in, reply, 2);

    op->first = (unsigned) jm_redis_get(&in, 1);
    digest = jm_redis_get_digest(&in);

    if (!in.bad && digest != 0) {
        name = redis->named(redis->ctx, digest);

        if (name.len <= JM_KEYS_NAME && name.len != 0) {
            memcpy(op->name, name.data, name.len);
            op->client.len = name.len;
        }
    }

    op->away = in.bad;
    op->done.handler(op->done.data);
}
