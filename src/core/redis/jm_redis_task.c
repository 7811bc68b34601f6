
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * The operations of tasks, from their places to their submits.
 */


#include "jm_redis_args.h"
#include "jm_redis_part.h"
#include "jm_redis_reply.h"


/* why a task is not served: 1, or that the server has lost its request */

#define JM_REDIS_FORGOTTEN  2


static void jm_redis_place(jm_backend_t *b, jm_op_place_t *op);
static void jm_redis_put_place_request(jm_redis_args_t *args,
    const jm_op_place_t *op);
static void jm_redis_placed(jm_redis_t *redis, void *data,
    const redisReply *reply);
static void jm_redis_get_submitted(jm_redis_reader_t *in, jm_op_place_t *op);
static jm_queue_e jm_redis_get_place(jm_redis_reader_t *in,
    const jm_redis_t *redis, jm_place_t *place, uint64_t *wait);
static void jm_redis_submit(jm_backend_t *b, jm_op_submit_t *op);
static void jm_redis_submitted(jm_redis_t *redis, void *data,
    const redisReply *reply);
static void jm_redis_refused(jm_backend_t *b, jm_op_refused_t *op);
static void jm_redis_refused_told(jm_redis_t *redis, void *data,
    const redisReply *reply);
static void jm_redis_sent(jm_backend_t *b, jm_ledger_claim_t *claim,
    unsigned task, jm_place_t *place, jm_sent_e what, jm_str_t id);
static void jm_redis_renew_place(jm_backend_t *b, jm_place_t *place);
static void jm_redis_leave(jm_backend_t *b, jm_place_t *place,
    jm_leave_e how);


void
jm_backend_redis_tasks(jm_backend_t *b)
{
    b->place = jm_redis_place;
    b->submit = jm_redis_submit;
    b->refused = jm_redis_refused;
    b->sent = jm_redis_sent;
    b->renew = jm_redis_renew_place;
    b->leave = jm_redis_leave;
}


static void
jm_redis_place(jm_backend_t *b, jm_op_place_t *op)
{
    jm_redis_t       *redis = b->ctx;
    jm_redis_args_t   args;

    op->gone = 0;
    op->canceled = 0;
    op->submitted = 0;
    op->orphans = 0;
    op->away = 0;

    if (op->listed != NULL && !redis->listed(redis->ctx, op->listed)) {
        op->gone = 1;
        op->turn.position = 0;
        op->done.handler(op->done.data);
        return;
    }

    op->number = jm_redis_number(redis);

    if (op->number == 0) {
        jm_redis_placed(redis, op, NULL);
        return;
    }

    jm_redis_begin(&args, redis, "place", op->number);
    jm_redis_put_place(&args, op->place);
    jm_redis_put_place_request(&args, op);
    jm_redis_put_number(&args, op->bound != 0);
    jm_redis_put_account(&args, op->account);
    jm_redis_put_number(&args, op->fixed != 0);
    jm_redis_put_number(&args, op->submit != NULL);

    if (op->submit != NULL) {
        jm_redis_put_task(&args, op->submit->claim, op->submit->task);
    }

    jm_redis_send(&args, jm_redis_placed, op);
}


static void
jm_redis_put_place_request(jm_redis_args_t *args, const jm_op_place_t *op)
{
    size_t                     i, n;
    uint64_t                   billed;
    jm_str_t                   key;
    const jm_queue_request_t  *request;

    request = &op->request;

    n = jm_min(request->naccounts, JM_QUEUE_ACCOUNTS);
    billed = 0;

    if (op->client != NULL) {
        billed = jm_redis_digest(args->redis, op->client->name);
        args->bad |= (billed == 0);
    }

    key = request->req_key;

    if (key.len > JM_QUEUE_REQ_KEY) {
        key.len = 0;
    }

    jm_redis_put_number(args, op->number);
    jm_redis_put_number(args, n);

    for (i = 0; i < n; i++) {
        jm_redis_put_account(args, request->accounts[i]);

        args->bad |= (request->accounts[i] >= args->redis->naccounts);
    }

    jm_redis_put_bytes(args, request->client, JM_QUEUE_CLIENT);
    jm_redis_put(args, key);
    jm_redis_put_number(args, request->model);
    jm_redis_put_number(args, jm_min(request->patience, JM_REDIS_EVER));
    jm_redis_put_number(args, request->entry);
    jm_redis_put_digest(args, billed);
    jm_redis_put_number(args, request->price);
    jm_redis_put_number(args, request->task);
    jm_redis_put_number(args, request->pictures);
}


static void
jm_redis_placed(jm_redis_t *redis, void *data, const redisReply *reply)
{
    uint64_t            gone;
    jm_place_t          place;
    jm_op_place_t      *op = data;
    jm_redis_reader_t   in;

    place = *op->place;

    jm_redis_read(&in, reply, 10);

    op->rc = jm_redis_get_place(&in, redis, &place, &op->wait);
    gone = jm_redis_get(&in, JM_REDIS_FORGOTTEN);
    op->orphans = (unsigned) jm_redis_get(&in, 1);

    jm_redis_get_turn(&in, &op->turn);

    op->canceled = (gone == 1);

    if (op->submit != NULL && op->rc == JM_QUEUE_GRANTED) {
        op->submit->account = place.account;
        jm_redis_get_submitted(&in, op);
    }

    if (in.bad) {
        jm_redis_undo(redis, op->number);

    } else {
        *op->place = place;
    }

    op->away = (in.bad || gone == JM_REDIS_FORGOTTEN);
    op->done.handler(op->done.data);
}


static void
jm_redis_get_submitted(jm_redis_reader_t *in, jm_op_place_t *op)
{
    unsigned         canceled;
    uint16_t         round, own;
    uint64_t         refused;
    jm_op_submit_t  *submit;

    submit = op->submit;

    refused = jm_redis_get(in, JM_REDIS_FORGOTTEN);
    in->bad |= (refused == JM_REDIS_FORGOTTEN);

    canceled = (unsigned) jm_redis_get(in, 1);
    round = (uint16_t) jm_redis_get(in, UINT16_MAX);
    own = (uint16_t) jm_redis_get(in, 1);

    if (in->bad) {
        return;
    }

    op->submitted = 1;

    submit->rc = refused ? JM_INVALID : JM_OK;
    submit->canceled = canceled;
    submit->over = JM_QUOTA_OK;
    submit->away = 0;

    submit->claim->slots[submit->task].round = round;
    submit->claim->slots[submit->task].own = own;
}


/* a place that is granted is on an account that we know */

static jm_queue_e
jm_redis_get_place(jm_redis_reader_t *in, const jm_redis_t *redis,
    jm_place_t *place, uint64_t *wait)
{
    unsigned    account;
    jm_queue_e  rc;

    rc = (jm_queue_e) jm_redis_get(in, JM_QUEUE_ASIDE);
    *wait = jm_redis_get(in, JM_REDIS_MOST);

    place->ref = 0;
    place->serial = jm_redis_get(in, JM_REDIS_MOST);
    place->grip = (uint32_t) jm_redis_get(in, UINT32_MAX);

    account = jm_redis_get_account(in, redis);

    if (rc == JM_QUEUE_GRANTED) {
        in->bad |= (account == JM_LEDGER_ANY || place->serial == 0);
        place->account = account;
    }

    return rc;
}


static void
jm_redis_submit(jm_backend_t *b, jm_op_submit_t *op)
{
    jm_redis_t       *redis = b->ctx;
    jm_redis_args_t   args;

    op->number = jm_redis_number(redis);

    if (op->number == 0) {
        jm_redis_submitted(redis, op, NULL);
        return;
    }

    jm_redis_begin(&args, redis, "submit", op->number);
    jm_redis_put_task(&args, op->claim, op->task);
    jm_redis_put_account(&args, op->account);
    jm_redis_put_client(&args, op->most.images ? op->client : NULL);
    jm_redis_put_bill(&args, &op->most);
    jm_redis_put_number(&args, op->force != 0);
    jm_redis_send(&args, jm_redis_submitted, op);
}


static void
jm_redis_submitted(jm_redis_t *redis, void *data, const redisReply *reply)
{
    uint16_t            round, own;
    uint64_t            rc;
    unsigned            held;
    jm_op_submit_t     *op = data;
    jm_redis_reader_t   in;

    jm_redis_read(&in, reply, 6);

    rc = jm_redis_get(&in, JM_REDIS_FORGOTTEN);
    op->rc = rc ? JM_INVALID : JM_OK;
    op->canceled = (unsigned) jm_redis_get(&in, 1);

    round = (uint16_t) jm_redis_get(&in, UINT16_MAX);
    own = (uint16_t) jm_redis_get(&in, 1);

    op->over = (jm_quota_e) jm_redis_get(&in, JM_QUOTA_BUDGET);
    held = (unsigned) jm_redis_get(&in, 1);

    if (op->most.images != 0) {
        jm_redis_get_view(&in, &op->view);
    }

    if (in.bad) {
        jm_redis_undo(redis, op->number);

    } else {
        if (op->claim != NULL) {
            op->claim->slots[op->task].round = round;
            op->claim->slots[op->task].own = own;
        }

        if (op->most.images != 0) {
            jm_redis_hold(redis, op->hold, op->client, &op->most, held);
        }
    }

    op->away = (in.bad || rc == JM_REDIS_FORGOTTEN);
    op->done.handler(op->done.data);
}


static void
jm_redis_refused(jm_backend_t *b, jm_op_refused_t *op)
{
    jm_redis_args_t  args;

    jm_redis_begin(&args, b->ctx, "refused", 0);
    jm_redis_put_place(&args, op->place);
    jm_redis_put_number(&args, op->why);
    jm_redis_send(&args, jm_redis_refused_told, op);
}


static void
jm_redis_refused_told(jm_redis_t *redis, void *data, const redisReply *reply)
{
    jm_place_t          place;
    jm_op_refused_t    *op = data;
    jm_redis_reader_t   in;

    place = *op->place;

    jm_redis_read(&in, reply, 6);

    op->rc = jm_redis_get_place(&in, redis, &place, &op->wait);
    op->first = (unsigned) jm_redis_get(&in, 1);

    if (!in.bad) {
        *op->place = place;
    }

    op->away = in.bad;
    op->done.handler(op->done.data);
}


static void
jm_redis_sent(jm_backend_t *b, jm_ledger_claim_t *claim, unsigned task,
    jm_place_t *place, jm_sent_e what, jm_str_t id)
{
    jm_redis_args_t  args;

    jm_redis_begin_told(&args, b->ctx, "sent");
    jm_redis_put_task(&args, claim, task);
    jm_redis_put_place(&args, place);
    jm_redis_put_number(&args, what);
    jm_redis_put(&args, id);
    jm_redis_say_now(&args);
}


/* all of a process is renewed at once, see jm_redis_renew() */

static void
jm_redis_renew_place(jm_backend_t *b, jm_place_t *place)
{
    (void) b;
    (void) place;
}


static void
jm_redis_leave(jm_backend_t *b, jm_place_t *place, jm_leave_e how)
{
    jm_redis_args_t  args;

    if (place->serial == 0) {
        return;
    }

    jm_redis_begin_told(&args, b->ctx, "leave");
    jm_redis_put_place(&args, place);
    jm_redis_put_number(&args, how);
    jm_redis_say(&args);

    place->serial = 0;
}
