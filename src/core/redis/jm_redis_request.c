
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * The operations of requests, clients and accounts.
 */


#include "jm_redis_args.h"
#include "jm_redis_part.h"
#include "jm_redis_reply.h"


#define JM_REDIS_RATE       4       /* values of each in a reply */
#define JM_REDIS_VIEW       12
#define JM_REDIS_ACCOUNT    14


static void jm_redis_rate(jm_backend_t *b, jm_op_rate_t *op);
static void jm_redis_service(jm_backend_t *b, jm_op_service_t *op);
static void jm_redis_served(jm_redis_t *redis, void *data,
    const redisReply *reply);
static void jm_redis_rated(jm_redis_t *redis, void *data,
    const redisReply *reply);
static void jm_redis_open(jm_backend_t *b, jm_op_open_t *op);
static void jm_redis_put_request(jm_redis_args_t *args,
    const jm_ledger_request_t *request, uint64_t number);
static void jm_redis_opened(jm_redis_t *redis, void *data,
    const redisReply *reply);
static void jm_redis_get_claim(jm_redis_reader_t *in, jm_ledger_claim_t *claim);
static void jm_redis_open_hold(jm_redis_t *redis, jm_op_open_t *op,
    unsigned held);
static void jm_redis_ended(jm_backend_t *b, jm_ledger_claim_t *claim,
    jm_claim_e how, const jm_error_t *error);
static void jm_redis_fetched(jm_backend_t *b, uint64_t serial,
    const jm_str_t *ids, size_t n);
static void jm_redis_release(jm_backend_t *b, jm_hold_t *hold);
static void jm_redis_query_denied(jm_backend_t *b, unsigned account);
static void jm_redis_usage(jm_backend_t *b, jm_op_usage_t *op);
static void jm_redis_used(jm_redis_t *redis, void *data,
    const redisReply *reply);
static void jm_redis_get_sum(jm_redis_reader_t *in, jm_quota_sum_t *sum);
static void jm_redis_clients(jm_backend_t *b, jm_op_clients_t *op);
static void jm_redis_clients_next(jm_redis_t *redis, jm_op_clients_t *op);
static void jm_redis_clients_seen(jm_redis_t *redis, void *data,
    const redisReply *reply);
static void jm_redis_waits(jm_backend_t *b, jm_op_waits_t *op);
static void jm_redis_waits_next(jm_redis_t *redis, jm_op_waits_t *op);
static void jm_redis_waits_seen(jm_redis_t *redis, void *data,
    const redisReply *reply);
static void jm_redis_accounts(jm_backend_t *b, jm_op_accounts_t *op);
static void jm_redis_accounts_seen(jm_redis_t *redis, void *data,
    const redisReply *reply);
static void jm_redis_get_account_view(jm_redis_reader_t *in,
    const jm_redis_account_t *account, jm_queue_view_t *view);


void
jm_backend_redis(jm_backend_t *b, jm_redis_t *redis)
{
    b->rate = jm_redis_rate;
    b->service = jm_redis_service;
    b->open = jm_redis_open;
    b->ended = jm_redis_ended;
    b->fetched = jm_redis_fetched;
    b->release = jm_redis_release;
    b->query_denied = jm_redis_query_denied;
    b->usage = jm_redis_usage;
    b->clients = jm_redis_clients;
    b->accounts = jm_redis_accounts;
    b->waits = jm_redis_waits;

    jm_backend_redis_tasks(b);
    jm_backend_redis_end(b);

    b->salt = redis->salt;
    b->lock = NULL;
    b->unlock = NULL;
    b->ctx = redis;
}


static void
jm_redis_service(jm_backend_t *b, jm_op_service_t *op)
{
    unsigned          i, account, n;
    uint64_t          accounts;
    jm_redis_t       *redis = b->ctx;
    jm_redis_args_t   args;

    jm_redis_begin(&args, redis, "service", 0);
    jm_redis_put_number(&args, op->kept != 0);

    if (op->kept) {
        jm_redis_put_request(&args, &op->request, 0);
    }

    jm_redis_put_number(&args, op->n);

    for (i = 0; i < op->n; i++) {
        accounts = op->services[i].accounts;
        n = 0;

        for (account = 0; account < redis->naccounts; account++) {
            n += (unsigned) (accounts >> account) & 1;
        }

        jm_redis_put_number(&args, op->kinds[i]);
        jm_redis_put_number(&args, op->services[i].model);
        jm_redis_put_number(&args, n);

        for (account = 0; account < redis->naccounts; account++) {
            if ((accounts >> account) & 1) {
                jm_redis_put_account(&args, account);
            }
        }
    }

    jm_redis_send(&args, jm_redis_served, op);
}


static void
jm_redis_served(jm_redis_t *redis, void *data, const redisReply *reply)
{
    jm_op_service_t    *op = data;
    jm_redis_reader_t   in;

    (void) redis;

    jm_redis_read(&in, reply, 2);

    op->service = (unsigned) jm_redis_get(&in, op->n - 1);
    op->news = (jm_service_news_e) jm_redis_get(&in, JM_SERVICE_BACK);

    op->away = in.bad;
    op->done.handler(op->done.data);
}


static void
jm_redis_rate(jm_backend_t *b, jm_op_rate_t *op)
{
    jm_redis_args_t  args;

    jm_redis_begin(&args, b->ctx, "rate", 0);
    jm_redis_put_client(&args, op->client);
    jm_redis_send(&args, jm_redis_rated, op);
}


static void
jm_redis_rated(jm_redis_t *redis, void *data, const redisReply *reply)
{
    jm_op_rate_t       *op = data;
    jm_redis_reader_t   in;

    (void) redis;

    jm_redis_read(&in, reply, 1 + JM_REDIS_RATE);

    op->rc = jm_redis_get(&in, 1) ? JM_INVALID : JM_OK;
    jm_redis_get_rate(&in, &op->rate);

    op->away = in.bad;
    op->done.handler(op->done.data);
}


static void
jm_redis_open(jm_backend_t *b, jm_op_open_t *op)
{
    jm_redis_t       *redis = b->ctx;
    jm_redis_args_t   args;

    op->number = jm_redis_number(redis);

    if (op->number == 0) {
        jm_redis_opened(redis, op, NULL);
        return;
    }

    jm_redis_begin(&args, redis, "open", op->number);
    jm_redis_put_number(&args, op->claim != NULL);

    if (op->claim != NULL) {
        jm_redis_put_request(&args, &op->request, op->number);
    }

    jm_redis_put_client(&args, op->client);
    jm_redis_put_bill(&args, &op->most);
    jm_redis_put_number(&args, op->hold != NULL);
    jm_redis_put_number(&args, op->force != 0);
    jm_redis_send(&args, jm_redis_opened, op);
}


static void
jm_redis_put_request(jm_redis_args_t *args,
    const jm_ledger_request_t *request, uint64_t number)
{
    jm_redis_put_number(args, number);
    jm_redis_put_bytes(args, request->key, JM_LEDGER_KEY);
    jm_redis_put_bytes(args, request->fingerprint, JM_LEDGER_KEY);
    jm_redis_put_number(args, request->n);
    jm_redis_put_number(args, request->several != 0);
    jm_redis_put_number(args, request->named != 0);
    jm_redis_put_number(args, request->repeat != 0);
    jm_redis_put_number(args, request->patient != 0);
    jm_redis_put_number(args, jm_min(request->waited, JM_REDIS_EVER));
    jm_redis_put_number(args, request->who);
    jm_redis_put_number(args, jm_min(request->keep, JM_REDIS_EVER));
    jm_redis_put_number(args, jm_min(request->unmarked, JM_REDIS_EVER));
}


static void
jm_redis_opened(jm_redis_t *redis, void *data, const redisReply *reply)
{
    unsigned            held;
    jm_op_open_t       *op = data;
    jm_redis_reader_t   in;
    jm_ledger_claim_t   claim;

    jm_redis_read(&in, reply, 1);

    op->found = (jm_ledger_e) jm_redis_get(&in, JM_LEDGER_REUSED);
    op->joins = (unsigned) jm_redis_get(&in, 1);
    op->over = (jm_quota_e) jm_redis_get(&in, JM_QUOTA_BUDGET);
    held = (unsigned) jm_redis_get(&in, 1);

    jm_redis_get_claim(&in, &claim);

    in.bad |= (jm_redis_get_error(&in, &op->told)
               != (op->found == JM_LEDGER_TOLD));

    jm_redis_get_view(&in, &op->view);
    jm_redis_get_near(&in, &op->near);

    op->service = (unsigned) jm_redis_get(&in, UINT8_MAX);

    in.bad |= (claim.n != 0 && claim.n != op->request.n);
    in.bad |= (op->claim != NULL && op->found <= JM_LEDGER_TOLD
               && claim.n == 0);

    if (in.bad) {
        jm_redis_undo(redis, op->number);

    } else {
        if (op->claim != NULL) {
            *op->claim = claim;
        }

        jm_redis_open_hold(redis, op, held);
    }

    op->away = in.bad;
    op->done.handler(op->done.data);
}


static void
jm_redis_get_claim(jm_redis_reader_t *in, jm_ledger_claim_t *claim)
{
    unsigned  i;

    memset(claim, 0, sizeof(jm_ledger_claim_t));

    claim->serial = jm_redis_get(in, JM_REDIS_MOST);
    claim->turn = (uint16_t) jm_redis_get(in, UINT16_MAX);
    claim->attached = (unsigned) jm_redis_get(in, 1);
    claim->told = (unsigned) jm_redis_get(in, 1);
    claim->n = (unsigned) jm_redis_get(in, JM_LEDGER_SLOTS);

    for (i = 0; i < claim->n; i++) {
        claim->slots[i].round = (uint16_t) jm_redis_get(in, UINT16_MAX);
        claim->slots[i].own = (uint16_t) jm_redis_get(in, 1);
        claim->slots[i].over = (uint16_t) jm_redis_get(in, 1);
    }
}


static void
jm_redis_open_hold(jm_redis_t *redis, jm_op_open_t *op, unsigned held)
{
    if (op->hold == NULL || op->client == NULL || op->found > JM_LEDGER_TOLD) {
        return;
    }

    jm_redis_hold(redis, op->hold, op->client, &op->most, held);

    if (op->joins) {
        op->hold->serial = jm_redis_digest(redis, op->client->name);
    }
}


static void
jm_redis_ended(jm_backend_t *b, jm_ledger_claim_t *claim, jm_claim_e how,
    const jm_error_t *error)
{
    jm_redis_args_t  args;

    if (claim->serial != 0) {
        jm_redis_begin_told(&args, b->ctx, "ended");
        jm_redis_put_claim(&args, claim);
        jm_redis_put_number(&args, how);
        jm_redis_put_error(&args, error);

        /* the request is closed in a moment, and that goes with it */

        if (how == JM_CLAIM_ANSWERED || how == JM_CLAIM_TOLD) {
            jm_redis_say(&args);

        } else {
            jm_redis_say_now(&args);
        }
    }

    if (how == JM_CLAIM_HANDED || how == JM_CLAIM_FAILED) {
        return;
    }

    claim->attached = 0;

    if (how == JM_CLAIM_CLOSED || how == JM_CLAIM_OVER) {
        claim->serial = 0;
    }
}


static void
jm_redis_fetched(jm_backend_t *b, uint64_t serial, const jm_str_t *ids,
    size_t n)
{
    size_t           i;
    jm_redis_args_t  args;

    jm_redis_begin_told(&args, b->ctx, "fetched");
    jm_redis_put_number(&args, serial);
    jm_redis_put_number(&args, n);

    for (i = 0; i < n; i++) {
        jm_redis_put(&args, ids[i]);
    }

    jm_redis_say_now(&args);
}


static void
jm_redis_release(jm_backend_t *b, jm_hold_t *hold)
{
    jm_redis_args_t  args;

    if (hold->running) {
        jm_redis_begin_told(&args, b->ctx, "release");
        jm_redis_put_digest(&args, hold->serial);
        jm_redis_put_number(&args, hold->running);
        jm_redis_put_number(&args, hold->images);
        jm_redis_put_number(&args, hold->cost);
        jm_redis_say_now(&args);
    }

    hold->running = 0;
    hold->images = 0;
    hold->cost = 0;
}


static void
jm_redis_query_denied(jm_backend_t *b, unsigned account)
{
    jm_redis_t       *redis = b->ctx;
    jm_redis_args_t   args;

    if (account < redis->naccounts) {
        jm_redis_begin_told(&args, redis, "query_denied");
        jm_redis_put_account(&args, account);
        jm_redis_say(&args);
    }
}


static void
jm_redis_usage(jm_backend_t *b, jm_op_usage_t *op)
{
    jm_redis_args_t  args;

    jm_redis_begin(&args, b->ctx, "usage", 0);
    jm_redis_put_client(&args, op->client);
    jm_redis_send(&args, jm_redis_used, op);
}


static void
jm_redis_used(jm_redis_t *redis, void *data, const redisReply *reply)
{
    uint64_t            n;
    jm_op_usage_t      *op = data;
    jm_quota_usage_t   *usage;
    jm_redis_reader_t   in;

    (void) redis;

    usage = &op->usage;
    memset(usage, 0, sizeof(jm_quota_usage_t));

    jm_redis_read(&in, reply, JM_REDIS_RATE + JM_REDIS_VIEW + 1);

    jm_redis_get_rate(&in, &op->rate);
    jm_redis_get_view(&in, &op->view);

    n = jm_redis_get(&in, JM_QUOTA_MODELS + 1);
    in.bad |= (n == 0);

    jm_redis_get_sum(&in, &usage->all);

    while (!in.bad && usage->n + 1 < n) {
        jm_redis_get_sum(&in, &usage->models[usage->n++]);
    }

    op->away = in.bad;
    op->done.handler(op->done.data);
}


static void
jm_redis_get_sum(jm_redis_reader_t *in, jm_quota_sum_t *sum)
{
    sum->model = jm_redis_get_hash(in);
    sum->images[JM_QUOTA_DAY] = jm_redis_get(in, JM_REDIS_MOST);
    sum->images[JM_QUOTA_MONTH] = jm_redis_get(in, JM_REDIS_MOST);
    sum->cost[JM_QUOTA_DAY] = jm_redis_get(in, JM_REDIS_MOST);
    sum->cost[JM_QUOTA_MONTH] = jm_redis_get(in, JM_REDIS_MOST);
}


/* piece by piece, as others wait for the server meanwhile */

static void
jm_redis_clients(jm_backend_t *b, jm_op_clients_t *op)
{
    op->first = 0;
    op->away = 0;

    jm_redis_clients_next(b->ctx, op);
}


static void
jm_redis_clients_next(jm_redis_t *redis, jm_op_clients_t *op)
{
    size_t           i, n;
    jm_redis_args_t  args;

    n = jm_min(op->n - op->first, JM_QUOTA_PIECE);

    if (n == 0 || op->away) {
        op->done.handler(op->done.data);
        return;
    }

    jm_redis_begin(&args, redis, "clients", 0);
    jm_redis_put_number(&args, n);

    for (i = 0; i < n; i++) {
        jm_redis_put_client(&args, op->clients[op->first + i]);
    }

    jm_redis_send(&args, jm_redis_clients_seen, op);
}


static void
jm_redis_clients_seen(jm_redis_t *redis, void *data, const redisReply *reply)
{
    size_t              i, n;
    jm_op_clients_t    *op = data;
    jm_quota_rate_t     rate;
    jm_quota_view_t     view;
    jm_redis_reader_t   in;

    n = jm_min(op->n - op->first, JM_QUOTA_PIECE);

    jm_redis_read(&in, reply, n * (JM_REDIS_RATE + JM_REDIS_VIEW));

    for (i = 0; i < n && !in.bad; i++) {
        jm_redis_get_rate(&in, &rate);
        jm_redis_get_view(&in, &view);

        if (!in.bad) {
            op->each(op->done.data, op->first + i, &rate, &view);
        }
    }

    op->first += n;
    op->away = in.bad;

    jm_redis_clients_next(redis, op);
}


static void
jm_redis_accounts(jm_backend_t *b, jm_op_accounts_t *op)
{
    size_t           i;
    jm_redis_args_t  args;

    jm_redis_begin(&args, b->ctx, "accounts", 0);
    jm_redis_put_number(&args, op->n);

    for (i = 0; i < op->n; i++) {
        jm_redis_put_account(&args, op->accounts[i]);
    }

    jm_redis_send(&args, jm_redis_accounts_seen, op);
}


static void
jm_redis_accounts_seen(jm_redis_t *redis, void *data, const redisReply *reply)
{
    size_t              i;
    jm_queue_view_t     view;
    jm_op_accounts_t   *op = data;
    jm_redis_reader_t   in;

    jm_redis_read(&in, reply, op->n * JM_REDIS_ACCOUNT);

    for (i = 0; i < op->n && !in.bad; i++) {
        in.bad |= (op->accounts[i] >= redis->naccounts);

        if (in.bad) {
            break;
        }

        jm_redis_get_account_view(&in, &redis->accounts[op->accounts[i]],
                                  &view);

        if (!in.bad) {
            op->each(op->done.data, i, &view);
        }
    }

    op->away = in.bad;
    op->done.handler(op->done.data);
}


static void
jm_redis_get_account_view(jm_redis_reader_t *in,
    const jm_redis_account_t *account, jm_queue_view_t *view)
{
    memset(view, 0, sizeof(jm_queue_view_t));

    view->len = account->name.len;
    memcpy(view->name, account->name.data, account->name.len);

    view->conf = account->conf;
    view->effective = (uint32_t) jm_redis_get(in, UINT32_MAX);
    view->running = (uint32_t) jm_redis_get(in, UINT32_MAX);
    view->lost = (uint32_t) jm_redis_get(in, UINT32_MAX);
    view->waiting = (uint32_t) jm_redis_get(in, UINT32_MAX);
    view->average = jm_redis_get(in, JM_REDIS_MOST);
    view->rest = jm_redis_get(in, JM_REDIS_MOST);
    view->aside = jm_redis_get(in, JM_REDIS_MOST);
    view->submits = jm_redis_get(in, JM_REDIS_MOST);
    view->busy_rate = jm_redis_get(in, JM_REDIS_MOST);
    view->busy_tasks = jm_redis_get(in, JM_REDIS_MOST);
    view->denied = jm_redis_get(in, JM_REDIS_MOST);
    view->queries_denied = jm_redis_get(in, JM_REDIS_MOST);
    view->cost = jm_redis_get(in, JM_REDIS_MOST);
    view->cost_lost = jm_redis_get(in, JM_REDIS_MOST);
}


static void
jm_redis_waits(jm_backend_t *b, jm_op_waits_t *op)
{
    op->first = 0;

    jm_redis_waits_next(b->ctx, op);
}


static void
jm_redis_waits_next(jm_redis_t *redis, jm_op_waits_t *op)
{
    size_t           i, n;
    jm_redis_args_t  args;

    n = jm_min(op->n - op->first, JM_QUOTA_PIECE);

    jm_redis_begin(&args, redis, "waits", 0);
    jm_redis_put_number(&args, n);

    for (i = 0; i < n; i++) {
        jm_redis_put_bytes(&args, op->clients[op->first + i], JM_QUEUE_CLIENT);
    }

    jm_redis_send(&args, jm_redis_waits_seen, op);
}


static void
jm_redis_waits_seen(jm_redis_t *redis, void *data, const redisReply *reply)
{
    size_t              i, n;
    jm_op_waits_t      *op = data;
    jm_redis_reader_t   in;

    n = jm_min(op->n - op->first, JM_QUOTA_PIECE);

    jm_redis_read(&in, reply, n + 1);

    op->all = jm_redis_get(&in, JM_REDIS_MOST);

    for (i = 0; i < n; i++) {
        op->waits[op->first + i] = jm_redis_get(&in, JM_REDIS_MOST);
    }

    op->first += n;
    op->away = in.bad;

    if (op->away || op->first == op->n) {
        op->done.handler(op->done.data);
        return;
    }

    jm_redis_waits_next(redis, op);
}
