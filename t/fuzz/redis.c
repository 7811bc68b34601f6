
/*
 * Answers of a server that is not to be trusted, as hiredis parses them: the
 * first byte says to which operation, the rest is what the server sends.  What
 * is believed is within its range, and nothing is read behind its end.
 *
 * Seen failing without make_list(): hiredis took all memory for a list of which
 * only the length had come.
 */


#include "fuzz.h"
#include "jm_redis_args.h"
#include "jm_redis_process.h"
#include "jm_redis_reply.h"


#define ACCOUNTS  3


static redisReader  *reader;
static jm_redis_t    redis;
static jm_backend_t  b;
static jm_client_t   alice;


static redisReplyObjectFunctions  functions;

static void  *(*lists)(const redisReadTask *task, int n);


static void *
make_list(const redisReadTask *task, int n)
{
    return n > JM_REDIS_ELEMENTS ? NULL : lists(task, n);
}


static jm_rc_e
call(void *ctx, size_t argc, const char **argv, const size_t *lens,
    jm_redis_done_pt done, void *op)
{
    void  *reply;

    (void) ctx;
    (void) argc;
    (void) argv;
    (void) lens;

    reply = NULL;

    if (redisReaderGetReply(reader, &reply) != REDIS_OK || reply == NULL) {
        return JM_ERROR;
    }

    done(&redis, op, reply);
    freeReplyObject(reply);

    return JM_OK;
}


static void
tell(void *ctx, size_t argc, const char **argv, const size_t *lens)
{
    (void) ctx;
    (void) argc;
    (void) argv;
    (void) lens;
}


static void
later(void *ctx)
{
    (void) ctx;

    jm_redis_flush(&redis);
}


static jm_str_t
named(void *ctx, uint64_t digest)
{
    (void) ctx;
    (void) digest;

    return alice.name;
}


static void
is_done(void *data)
{
    (void) data;
}


static const jm_done_t  done_with = { .handler = is_done };


static void *
taken(void *ctx, size_t size)
{
    (void) ctx;

    check(size <= JM_RESULT_MAX);

    return malloc(size);
}


static void
given(void *ctx, void *p)
{
    (void) ctx;

    free(p);
}


static void
open_one(void)
{
    unsigned           i;
    jm_hold_t          hold;
    jm_op_open_t       op;
    jm_ledger_claim_t  claim;

    memset(&op, 0, sizeof(jm_op_open_t));
    memset(&claim, 0, sizeof(jm_ledger_claim_t));
    memset(&hold, 0, sizeof(jm_hold_t));

    op.done = done_with;
    op.request.n = 2;
    op.claim = &claim;
    op.client = &alice;
    op.hold = &hold;

    b.open(&b, &op);

    check(claim.n == 0 || (claim.n == 2 && !op.away));

    for (i = 0; i < claim.n; i++) {
        check(claim.slots[i].own <= 1);
    }

    if (!op.away && op.found == JM_LEDGER_TOLD) {
        check(op.told.cause > JM_CAUSE_NONE && op.told.cause < JM_CAUSE_LAST);
        check(strlen(op.told.message) < JM_ERROR_MESSAGE);
    }

    b.ended(&b, &claim, JM_CLAIM_CLOSED, NULL);
    b.release(&b, &hold);
}


static void
place(void)
{
    jm_place_t         p;
    jm_op_place_t      op;
    jm_op_submit_t     submit;
    jm_op_refused_t    refused;
    jm_ledger_claim_t  claim;

    memset(&p, 0, sizeof(jm_place_t));
    memset(&op, 0, sizeof(jm_op_place_t));
    memset(&submit, 0, sizeof(jm_op_submit_t));
    memset(&refused, 0, sizeof(jm_op_refused_t));
    memset(&claim, 0, sizeof(jm_ledger_claim_t));

    claim.n = 1;
    submit.claim = &claim;

    op.done = done_with;
    op.place = &p;
    op.request.naccounts = 1;
    op.submit = &submit;

    b.place(&b, &op);
    check(op.away || op.rc != JM_QUEUE_GRANTED || p.account < ACCOUNTS);
    check(op.away || op.submitted == (op.rc == JM_QUEUE_GRANTED));
    check(claim.slots[0].own <= 1);

    refused.done = done_with;
    refused.place = &p;

    b.refused(&b, &refused);
    check(refused.away || refused.rc != JM_QUEUE_GRANTED
          || p.account < ACCOUNTS);
}


static void
look(void)
{
    jm_mem_t           mem;
    jm_place_t         p;
    jm_op_look_t       op;
    jm_ledger_claim_t  claim;

    memset(&p, 0, sizeof(jm_place_t));
    memset(&op, 0, sizeof(jm_op_look_t));
    memset(&claim, 0, sizeof(jm_ledger_claim_t));

    mem.alloc = taken;
    mem.free = given;
    mem.ctx = NULL;

    claim.n = 1;

    op.done = done_with;
    op.claim = &claim;
    op.place = &p;
    op.mem = &mem;

    b.look(&b, &op);

    check(op.away || op.id.len <= JM_LEDGER_ID);
    check(op.away || op.account < ACCOUNTS || op.account == JM_LEDGER_ANY);

    free((void *) (uintptr_t) op.result.data);
}


static void
submit_and_over(void)
{
    jm_hold_t          hold;
    jm_place_t         p;
    jm_op_over_t       over;
    jm_op_submit_t     op;
    jm_op_cancel_t     cancel;
    jm_ledger_claim_t  claim;

    memset(&p, 0, sizeof(jm_place_t));
    memset(&op, 0, sizeof(jm_op_submit_t));
    memset(&over, 0, sizeof(jm_op_over_t));
    memset(&hold, 0, sizeof(jm_hold_t));
    memset(&cancel, 0, sizeof(jm_op_cancel_t));
    memset(&claim, 0, sizeof(jm_ledger_claim_t));

    claim.n = 1;

    op.done = done_with;
    op.claim = &claim;
    op.client = &alice;
    op.hold = &hold;
    op.most.images = 1;

    b.submit(&b, &op);

    over.done = done_with;
    over.claim = &claim;
    over.place = &p;
    over.hold = &hold;
    over.bill.images = 1;

    b.over(&b, &over);
    check(hold.images <= 1);

    cancel.done = done_with;
    cancel.n = 2;

    b.cancel(&b, &cancel);
    check(cancel.away || (cancel.canceled <= 2 && cancel.running <= 2));
}


static void
orphan(void)
{
    jm_op_orphan_t  op;

    memset(&op, 0, sizeof(jm_op_orphan_t));

    op.done = done_with;
    op.accounts = 7;

    b.orphan(&b, &op);

    if (op.found) {
        check(op.orphan.account < ACCOUNTS && op.orphan.len <= JM_QUEUE_ID
              && op.orphan.key_len <= JM_QUEUE_REQ_KEY);
        b.asked(&b, &op);
        check(op.client.len <= JM_KEYS_NAME);
    }
}


static void
see_account(void *data, size_t i, const jm_queue_view_t *view)
{
    (void) data;
    (void) view;

    check(i < ACCOUNTS);
}


static void
see_client(void *data, size_t i, const jm_quota_rate_t *rate,
    const jm_quota_view_t *view)
{
    (void) data;
    (void) rate;
    (void) view;

    check(i < 2);
}


static void
views(void)
{
    jm_op_rate_t              rate;
    jm_op_usage_t             usage;
    jm_op_clients_t           clients;
    jm_op_accounts_t          accounts;
    static const unsigned     all[] = { 0, 1, 2 };
    static const jm_client_t  *both[] = { &alice, &alice };

    memset(&rate, 0, sizeof(jm_op_rate_t));
    memset(&usage, 0, sizeof(jm_op_usage_t));
    memset(&clients, 0, sizeof(jm_op_clients_t));
    memset(&accounts, 0, sizeof(jm_op_accounts_t));

    usage.done = done_with;
    usage.client = &alice;
    b.usage(&b, &usage);
    check(usage.usage.n <= JM_QUOTA_MODELS);

    rate.done = done_with;
    rate.client = &alice;
    b.rate(&b, &rate);

    clients.done = done_with;
    clients.clients = both;
    clients.n = 2;
    clients.each = see_client;
    b.clients(&b, &clients);

    accounts.done = done_with;
    accounts.accounts = all;
    accounts.n = ACCOUNTS;
    accounts.each = see_account;
    b.accounts(&b, &accounts);
}


static void
see_neighbour(void *ctx, uint64_t owner, uint64_t pid, uint64_t start)
{
    (void) ctx;

    check(owner <= JM_REDIS_MOST && pid <= INT32_MAX);
    check(start <= JM_REDIS_MOST);
}


static void
read_text(jm_str_t text)
{
    size_t             i;
    volatile uint8_t   byte;

    for (i = 0; i < text.len; i++) {
        byte = text.data[i];
        (void) byte;
    }
}


static void
see_node(void *ctx, const jm_redis_node_t *node)
{
    (void) ctx;

    check(node->name.len <= JM_REDIS_NODE && node->says.len <= JM_REDIS_SAYS);

    read_text(node->name);
    read_text(node->says);
}


static void
configure(void)
{
    size_t                     i;
    jm_op_join_t               join;
    jm_op_nodes_t              nodes;
    jm_op_configure_t          op;
    static jm_redis_account_t  accounts[ACCOUNTS];

    memset(&op, 0, sizeof(jm_op_configure_t));
    memset(&join, 0, sizeof(jm_op_join_t));

    op.done = done_with;
    for (i = 0; i < ACCOUNTS; i++) {
        accounts[i].name = alice.name;
    }

    op.accounts = accounts;
    op.n = ACCOUNTS;

    jm_redis_configure(&redis, &op);

    for (i = 0; i < redis.naccounts; i++) {
        check(redis.there[i] < JM_QUEUE_ACCOUNTS);
    }

    join.done = done_with;
    join.each = see_neighbour;
    jm_redis_join(&redis, &join);
    jm_redis_renew(&redis, &join);

    memset(&nodes, 0, sizeof(jm_op_nodes_t));

    nodes.done = done_with;
    nodes.each = see_node;
    jm_redis_nodes(&redis, &nodes);
}


static void
world_begin(void)
{
    size_t  i;

    static const jm_str_t  name = jm_string("alice");

    memset(&redis, 0, sizeof(jm_redis_t));
    memset(&alice, 0, sizeof(jm_client_t));

    alice.name = name;

    redis.call = call;
    redis.tell = tell;
    redis.later = later;
    redis.named = named;
    redis.owner = 1;
    redis.serial = 1;
    redis.left = 100;
    redis.spare = 1000;
    redis.naccounts = ACCOUNTS;

    memset(redis.here, JM_LEDGER_ANY, JM_QUEUE_ACCOUNTS);

    for (i = 0; i < ACCOUNTS; i++) {
        redis.accounts[i].name = name;
        redis.there[i] = (uint8_t) i;
        redis.here[i] = (uint8_t) i;
    }

    if (jm_digest_init(&redis.salted, NULL) != JM_OK) {
        abort();
    }

    jm_backend_redis(&b, &redis);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t    n;
    jm_str_t  text;

    static void  (*const ops[])(void) = {
        open_one, place, look, submit_and_over, orphan, views, configure
    };

    if (size == 0) {
        return 0;
    }

    world_begin();

    reader = redisReaderCreate();

    if (reader == NULL) {
        abort();
    }

    /* hiredis 0.14 makes a list of as many as it is told that there will be */

    lists = reader->fn->createArray;
    functions = *reader->fn;
    functions.createArray = make_list;
    reader->fn = &functions;

    redisReaderFeed(reader, (const char *) data + 1, size - 1);

    ops[data[0] % jm_nitems(ops)]();

    text.len = size - 1;
    text.data = data + 1;

    jm_redis_message(&redis, text, text);
    n = redis.nnews;
    check(n <= JM_REDIS_NEWS);

    redisReaderFree(reader);
    jm_redis_free(&redis);

    return 0;
}
