/*
 * The store on Redis does what the one in memory does: whatever processes do,
 * and whenever they die, each answer is the same from both.  What is done is
 * chosen at random, from the lives that requests have; a seed that has found
 * something once stays in the list.
 *
 * Seen failing: each of the functions in Lua in its first form.
 */


#define _GNU_SOURCE

#include "state.h"
#include "redis.h"


#define SIZE       (4 * 1024 * 1024)
#define STEPS      1500
#define PROCESSES  3
#define ACCOUNTS   3
#define CLIENTS    4
#define ORDERS     24
#define TASKS      3
#define ENTRIES    64
#define IDS        64

#define MEM        0
#define RED        1


static const uint64_t  seeds[] = { 1, 2, 3, 4, 5, 6, 7, 8 };


typedef enum {
    NONE = 0,
    WAITS,
    GRANTED,
    SUBMITS,
    RUNS,
    ENDED
} state_e;

typedef struct {
    state_e              state;
    unsigned             account;
    char                 id[32];
    unsigned             bills;     /* it is to be in a log */
} task_t;

/* a request, as its process knows it, of both stores */

typedef struct {
    unsigned             used;
    unsigned             process;
    unsigned             client;
    unsigned             n;
    unsigned             claimed;
    unsigned             closed;
    jm_ledger_claim_t    claim[2];
    jm_hold_t            hold[2];
    jm_place_t           place[2][TASKS];
    uint64_t             entry[2];
    task_t               task[TASKS];
} one_t;


static uint64_t      seed;
static unsigned      step;
static const char   *what;
static unsigned      failed;

static jm_state_t    states[PROCESSES];
static jm_backend_t  memories[PROCESSES];
static redis_t       processes[PROCESSES];
static uint32_t      owners;

static jm_client_t   clients[CLIENTS];
static one_t         orders[ORDERS];
static uint64_t      entries[ENTRIES][2];
static size_t        nentries;

/* all that there ever were */

static struct {
    uint64_t         at;
    uint64_t         entry[2];
    unsigned         gone;
}                    made[STEPS];
static size_t        nmade;

static struct {
    char             id[32];
    unsigned         account;
    uint64_t         entry[2];
    unsigned         task;
}                    ids[IDS];
static size_t        nids;

static unsigned      numbers;       /* of ids */
static unsigned      ids_made;

static jm_redis_account_t  accounts[ACCOUNTS];


static void forget(uint64_t entry);


static unsigned
dice(unsigned n)
{
    numbers++;
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);

    return (unsigned) (seed >> 33) % n;
}


static void
same(int64_t memory, int64_t redis, const char *of)
{
    if (memory != redis && failed < 3) {
        printf("# step %u, %s: %s: %" PRId64 ", on Redis %" PRId64 "\n", step,
               what, of, memory, redis);
    }

    failed += (memory != redis);
}

#define is_same(ops, field)                                                   \
    same((int64_t) ops[MEM].field, (int64_t) ops[RED].field, #field)


static void
same_text(jm_str_t memory, jm_str_t redis, const char *of)
{
    same((int64_t) memory.len, (int64_t) redis.len, of);

    if (memory.len == redis.len && memory.len != 0) {
        same(0, memcmp(memory.data, redis.data, memory.len) != 0, of);
    }
}


static void
same_view(const jm_quota_view_t *m, const jm_quota_view_t *r)
{
    same(m->concurrency, r->concurrency, "view.concurrency");
    same(m->running, r->running, "view.running");
    same((int64_t) m->limit, (int64_t) r->limit, "view.limit");
    same((int64_t) m->used, (int64_t) r->used, "view.used");
    same((int64_t) m->reserved, (int64_t) r->reserved, "view.reserved");
    same((int64_t) m->remaining, (int64_t) r->remaining, "view.remaining");
    same(m->reset, r->reset, "view.reset");
    same((int64_t) m->budget.limit, (int64_t) r->budget.limit, "budget.limit");
    same((int64_t) m->budget.spent, (int64_t) r->budget.spent, "budget.spent");
    same((int64_t) m->budget.reserved, (int64_t) r->budget.reserved,
         "budget.reserved");
    same((int64_t) m->budget.remaining, (int64_t) r->budget.remaining,
         "budget.remaining");
    same(m->budget.reset, r->budget.reset, "budget.reset");
}


static void
same_rate(const jm_quota_rate_t *m, const jm_quota_rate_t *r)
{
    same((int64_t) m->limit, (int64_t) r->limit, "rate.limit");
    same((int64_t) m->remaining, (int64_t) r->remaining, "rate.remaining");
    same((int64_t) m->reset, (int64_t) r->reset, "rate.reset");
    same((int64_t) m->retry, (int64_t) r->retry, "rate.retry");
}


static void
same_near(const jm_quota_near_t *m, const jm_quota_near_t *r)
{
    same(m->images, r->images, "near.images");
    same(m->budget, r->budget, "near.budget");

    if (m->images) {
        same((int64_t) m->used, (int64_t) r->used, "near.used");
    }

    if (m->budget) {
        same((int64_t) m->spent, (int64_t) r->spent, "near.spent");
    }
}


static void
same_hold(const one_t *o)
{
    is_same(o->hold, images);
    is_same(o->hold, cost);
    is_same(o->hold, running);
    same(o->hold[MEM].serial != 0, o->hold[RED].serial != 0, "hold");
}


static void
same_claim(const one_t *o)
{
    unsigned  i;

    is_same(o->claim, attached);
    is_same(o->claim, told);
    is_same(o->claim, n);
    is_same(o->claim, turn);
    same(o->claim[MEM].serial != 0, o->claim[RED].serial != 0, "claim");

    for (i = 0; i < o->n; i++) {
        is_same(o->claim, slots[i].round);
        is_same(o->claim, slots[i].own);
    }
}


static void
same_turn(const jm_turn_t *m, const jm_turn_t *r)
{
    same((int64_t) m->position, (int64_t) r->position, "turn.position");

    if (m->position != 0) {
        same((int64_t) m->of, (int64_t) r->of, "turn.of");
        same((int64_t) m->eta, (int64_t) r->eta, "turn.eta");
    }
}


static jm_backend_t *
store(unsigned i, unsigned process)
{
    return i == MEM ? &memories[process] : &processes[process].b;
}


static void
learn_entry(const one_t *o)
{
    size_t  at;

    if (o->claim[MEM].serial != 0) {
        at = nentries++ % ENTRIES;
        entries[at][MEM] = o->claim[MEM].serial;
        entries[at][RED] = o->claim[RED].serial;
    }
}


static void
learn_id(const one_t *o, unsigned i)
{
    size_t  at;

    at = nids++ % IDS;

    memcpy(ids[at].id, o->task[i].id, 32);
    ids[at].account = o->task[i].account;
    ids[at].entry[MEM] = o->entry[MEM];
    ids[at].entry[RED] = o->entry[RED];
    ids[at].task = i;
}


/*
 * What has outlived its time is forgotten by the memory when others come, and by
 * Redis when that has passed on the clock of the machine, which no test waits
 * for: here it is as soon as it may be.
 */

static void
forget_old(void)
{
    size_t              i;
    jm_state_t         *st;
    jm_ledger_entry_t  *e;

    st = &states[0];

    state_begin(st);

    for (i = 0; i < nmade; i++) {
        e = jm_ledger_numbered(&st->ledger, made[i].entry[MEM]);

        if (made[i].gone
            || (e != NULL && (!jm_ledger_expired(&st->ledger, e, st->now)
                              || jm_ledger_keeps(&st->ledger, e))))
        {
            continue;
        }

        made[i].gone = 1;

        if (e != NULL) {
            jm_ledger_retire(&st->ledger, e);
            forget(made[i].entry[RED]);

        } else if (state_clock.wall - made[i].at >= JM_LEDGER_TOLD_FOR) {
            forget(made[i].entry[RED]);
        }
    }

    state_commit(st);
}


static void
forget(uint64_t entry)
{
    char         key[64];
    const char  *argv[] = { "DEL", key };

    snprintf(key, sizeof(key), REDIS_PREFIX "e%" PRIu64, entry);
    redis_command(processes[0].c, 2, argv, NULL);
}


/* ---- what is done */


static void
do_open(one_t *o)
{
    unsigned       i, key, mode, fingerprint;
    jm_op_open_t   op[2];
    jm_backend_t  *b;

    what = "open";

    memset(o, 0, sizeof(one_t));
    memset(op, 0, sizeof(op));

    o->process = dice(PROCESSES);
    o->client = dice(CLIENTS);
    o->n = 1 + dice(dice(3) + 1);
    o->claimed = (dice(10) != 0);

    key = o->client * 100 + dice(6);
    mode = dice(4);
    fingerprint = (dice(10) == 0);

    op[0].force = (dice(3) == 0);
    op[0].most.images = o->n;
    op[0].most.cost = o->n * PRICE;
    op[0].most.model = MODEL + dice(3);
    op[0].client = dice(8) ? &clients[o->client] : NULL;
    op[0].request.patient = dice(2);
    op[0].request.unmarked = dice(4) ? 600000 : 0;

    i = dice(8);

    op[1] = op[0];

    for (unsigned s = MEM; s <= RED; s++) {
        memset(op[s].request.key, (int) (key & 0xff), JM_LEDGER_KEY);
        memcpy(op[s].request.key, &key, sizeof(key));
        op[s].request.key[31] = (uint8_t) (mode == 0);
        memset(op[s].request.fingerprint, (int) (fingerprint + o->n),
               JM_LEDGER_KEY);

        op[s].request.n = o->n;
        op[s].request.named = (mode == 0);
        op[s].request.repeat = (mode == 1);
        op[s].request.who = o->client + 1;
        op[s].request.keep = 3600000;

        op[s].done = state_done_with;
        op[s].claim = o->claimed ? &o->claim[s] : NULL;
        op[s].hold = i && op[s].client ? &o->hold[s] : NULL;

        b = store(s, o->process);
        b->open(b, &op[s]);
    }

    is_same(op, found);
    is_same(op, joins);
    is_same(op, over);

    if (op[MEM].found == JM_LEDGER_TOLD) {
        is_same(op, told.cause);
        is_same(op, told.upstream_code);
        same_text(str(op[MEM].told.message), str(op[RED].told.message),
                  "told.message");
    }

    same_claim(o);
    same_hold(o);

    if (op[MEM].hold != NULL && !op[MEM].joins
        && op[MEM].found != JM_LEDGER_TWIN
        && op[MEM].found != JM_LEDGER_REUSED)
    {
        same_view(&op[MEM].view, &op[RED].view);
        same_near(&op[MEM].near, &op[RED].near);
    }

    o->used = (op[MEM].found != JM_LEDGER_TWIN
               && op[MEM].found != JM_LEDGER_REUSED);

    o->entry[MEM] = o->claim[MEM].serial;
    o->entry[RED] = o->claim[RED].serial;

    learn_entry(o);

    if (op[MEM].found == JM_LEDGER_NEW && o->claimed) {
        made[nmade].at = state_clock.wall;
        made[nmade].entry[MEM] = o->entry[MEM];
        made[nmade].entry[RED] = o->entry[RED];
        made[nmade++].gone = 0;
    }
}


static void
do_place(one_t *o, unsigned i)
{
    unsigned        s, j, r;
    jm_op_place_t   op[2];
    jm_backend_t   *b;

    what = "place";

    memset(op, 0, sizeof(op));

    queue_request_init(&op[0].request, (uint8_t) ('a' + o->client), 0);

    op[0].request.naccounts = 1 + dice(ACCOUNTS);

    r = dice(ACCOUNTS);

    for (j = 0; j < op[0].request.naccounts; j++) {
        op[0].request.accounts[j] = (uint8_t) ((r + j) % ACCOUNTS);
    }

    op[0].request.model = MODEL + o->client % 2;
    op[0].request.req_key = str(dice(4) ? "jimeng_t2i_v40" : "");
    op[0].request.price = PRICE + o->client;
    op[0].request.pictures = (uint8_t) dice(3);
    op[0].request.task = (uint8_t) i;

    if (dice(2)) {
        op[0].request.patience = 10000 + dice(100000);
    }

    op[0].client = dice(4) ? &clients[o->client] : NULL;
    op[0].bound = (dice(5) == 0);
    op[0].account = dice(ACCOUNTS);
    op[0].fixed = dice(2);
    op[0].done = state_done_with;

    op[1] = op[0];

    for (s = MEM; s <= RED; s++) {
        op[s].request.entry = o->claimed ? o->entry[s] : 0;
        op[s].place = &o->place[s][i];
        op[s].request.worker = states[o->process].store.owner;

        b = store(s, o->process);
        b->place(b, &op[s]);
    }

    is_same(op, rc);
    is_same(op, canceled);
    same(o->place[MEM][i].serial != 0, o->place[RED][i].serial != 0, "serial");

    if (op[MEM].rc == JM_QUEUE_GRANTED) {
        same(o->place[MEM][i].account, o->place[RED][i].account, "account");
        o->task[i].account = o->place[MEM][i].account;

    } else {
        is_same(op, wait);
    }

    if (op[MEM].rc == JM_QUEUE_WAIT) {
        same_turn(&op[MEM].turn, &op[RED].turn);
    }

    o->task[i].state = o->place[MEM][i].serial == 0 ? NONE
                       : op[MEM].rc == JM_QUEUE_GRANTED ? GRANTED : WAITS;
}


static void
do_look(one_t *o, unsigned i)
{
    unsigned       s;
    jm_place_t     none[2];
    jm_op_look_t   op[2];
    jm_backend_t  *b;

    what = "look";

    memset(op, 0, sizeof(op));
    memset(none, 0, sizeof(none));

    for (s = MEM; s <= RED; s++) {
        op[s].done = state_done_with;
        op[s].claim = &o->claim[s];
        op[s].task = i;
        op[s].account = JM_LEDGER_ANY;
        op[s].place = &none[s];

        b = store(s, o->process);
        b->look(b, &op[s]);
    }

    is_same(op, look);
    is_same(op, account);
    is_same(op, result.len);
    same_text(op[MEM].id, op[RED].id, "id");
    same(none[MEM].serial != 0, none[RED].serial != 0, "adopted");
    same_claim(o);

    if (op[MEM].look == JM_LOOK_TAKEN) {
        is_same(op, over);

        if (none[MEM].serial != 0 && o->task[i].state == NONE) {
            o->place[MEM][i] = none[MEM];
            o->place[RED][i] = none[RED];
            o->task[i].state = RUNS;
            o->task[i].account = op[MEM].account;
            memcpy(o->task[i].id, op[MEM].text, 31);
            o->task[i].id[op[MEM].id.len] = '\0';

        } else if (none[MEM].serial != 0) {
            memories[o->process].leave(&memories[o->process], &none[MEM],
                                       JM_LEAVE_LOST);
            processes[o->process].b.leave(&processes[o->process].b,
                                          &none[RED], JM_LEAVE_LOST);
        }
    }
}


static void
leave(one_t *o, unsigned i, jm_leave_e how)
{
    unsigned       s;
    jm_backend_t  *b;

    what = "leave";

    for (s = MEM; s <= RED; s++) {
        b = store(s, o->process);
        b->leave(b, &o->place[s][i], how);
    }

    o->task[i].state = NONE;
}


static void
do_submit(one_t *o, unsigned i)
{
    unsigned         s, most;
    jm_op_submit_t   op[2];
    jm_backend_t    *b;

    what = "submit";

    memset(op, 0, sizeof(op));

    most = (dice(4) == 0 && o->hold[MEM].running == 0);

    for (s = MEM; s <= RED; s++) {
        op[s].done = state_done_with;
        op[s].claim = o->claimed ? &o->claim[s] : NULL;
        op[s].task = i;
        op[s].account = o->task[i].account;
        op[s].client = &clients[o->client];
        op[s].hold = &o->hold[s];
        op[s].most.images = most;
        op[s].most.cost = most * PRICE;

        b = store(s, o->process);
        b->submit(b, &op[s]);
    }

    is_same(op, rc);
    is_same(op, canceled);
    is_same(op, over);

    if (most) {
        same_view(&op[MEM].view, &op[RED].view);
    }

    same_claim(o);
    same_hold(o);

    if (op[MEM].rc == JM_OK && op[MEM].over == JM_QUOTA_OK) {
        o->task[i].state = SUBMITS;

    } else {
        leave(o, i, JM_LEAVE_FREE);
    }
}


static void
do_refused(one_t *o, unsigned i)
{
    unsigned          s, why;
    jm_op_refused_t   op[2];
    jm_backend_t     *b;

    what = "refused";
    why = dice(4);

    memset(op, 0, sizeof(op));

    for (s = MEM; s <= RED; s++) {
        op[s].done = state_done_with;
        op[s].place = &o->place[s][i];
        op[s].why = (jm_refused_e) why;

        b = store(s, o->process);
        b->refused(b, &op[s]);
    }

    is_same(op, rc);
    is_same(op, wait);
    is_same(op, first);
    same(o->place[MEM][i].serial != 0, o->place[RED][i].serial != 0, "serial");

    if (op[MEM].rc == JM_QUEUE_GRANTED) {
        same(o->place[MEM][i].account, o->place[RED][i].account, "account");
        o->task[i].account = o->place[MEM][i].account;
    }

    o->task[i].state = o->place[MEM][i].serial == 0 ? NONE
                       : op[MEM].rc == JM_QUEUE_GRANTED ? GRANTED : WAITS;
}


static void
do_sent(one_t *o, unsigned i)
{
    unsigned       s, r;
    jm_sent_e      how;
    jm_backend_t  *b;

    what = "sent";

    r = dice(10);
    how = r < 6 ? JM_SENT_TAKEN : r < 8 ? JM_SENT_BACK
          : r < 9 ? JM_SENT_UNKNOWN : JM_SENT_FREE;

    snprintf(o->task[i].id, sizeof(o->task[i].id), "id-%u", ids_made++);

    for (s = MEM; s <= RED; s++) {
        b = store(s, o->process);
        b->sent(b, o->claimed ? &o->claim[s] : NULL, i, &o->place[s][i], how,
                how == JM_SENT_TAKEN ? str(o->task[i].id) : str(""));
    }

    switch (how) {

    case JM_SENT_TAKEN:
        o->task[i].state = RUNS;
        learn_id(o, i);
        break;

    case JM_SENT_BACK:
        do_refused(o, i);
        break;

    case JM_SENT_UNKNOWN:
        leave(o, i, JM_LEAVE_LOST);
        o->task[i].state = ENDED;
        break;

    default:
        leave(o, i, JM_LEAVE_FREE);
    }
}


static void
do_over(one_t *o, unsigned i, jm_leave_e how, unsigned left)
{
    unsigned       s, images, held;
    jm_op_over_t   op[2];
    jm_backend_t  *b;

    what = "over";

    memset(op, 0, sizeof(op));

    images = left ? 0 : dice(3);
    held = dice(3);

    for (s = MEM; s <= RED; s++) {
        op[s].done = state_done_with;
        op[s].claim = o->claimed ? &o->claim[s] : NULL;
        op[s].task = i;
        op[s].account = o->task[i].account;
        op[s].place = &o->place[s][i];
        op[s].how = how;
        op[s].result = str(images ? "what it has brought" : "");
        op[s].until = state_clock.wall + 100000;
        op[s].hold = held ? &o->hold[s] : NULL;
        op[s].client = &clients[o->client];
        op[s].bill.model = MODEL + o->client % 2;
        op[s].bill.images = images;
        op[s].bill.cost = images * PRICE;
        op[s].price = PRICE;
        op[s].entry = o->claimed ? o->entry[s] : 0;
        op[s].left = left;

        if (how == JM_LEAVE_OVER) {
            op[s].joined = str(o->task[i].id);
        }

        b = store(s, o->process);
        b->over(b, &op[s]);
    }

    is_same(op, first);
    is_same(op, kept);
    is_same(op, billed);
    is_same(op, bill.cost);
    same_near(&op[MEM].near, &op[RED].near);
    same_hold(o);

    o->task[i].state = ENDED;
    o->task[i].bills = op[MEM].billed;
}


static void
do_ended(one_t *o)
{
    unsigned       s, i, r;
    jm_claim_e     how;
    jm_error_t     error;
    jm_backend_t  *b;

    static const jm_claim_e  hows[] = {
        JM_CLAIM_LEFT, JM_CLAIM_ANSWERED, JM_CLAIM_TOLD, JM_CLAIM_CLOSED,
        JM_CLAIM_OVER, JM_CLAIM_HANDED, JM_CLAIM_FAILED, JM_CLAIM_CLOSED,
        JM_CLAIM_OVER
    };

    how = hows[dice(9)];
    r = dice(2);

    jm_error_set(&error, r ? JM_CAUSE_BUSY : JM_CAUSE_UPSTREAM, NULL,
                 "Error %u.", r);
    error.upstream_code = r ? 50429 : 0;

    if (how == JM_CLAIM_CLOSED || how == JM_CLAIM_OVER || !o->claimed) {

        for (i = 0; i < o->n; i++) {
            if (o->place[MEM][i].serial != 0) {
                leave(o, i, o->task[i].state == RUNS
                            || o->task[i].state == SUBMITS
                            ? JM_LEAVE_LOST : JM_LEAVE_FREE);
            }
        }

        o->closed = 1;
    }

    what = "ended";

    for (s = MEM; s <= RED; s++) {
        b = store(s, o->process);

        if (o->claimed) {
            b->ended(b, &o->claim[s], how,
                     how == JM_CLAIM_TOLD || how == JM_CLAIM_FAILED ? &error
                                                                    : NULL);
        }

        if (o->closed) {
            b->release(b, &o->hold[s]);
        }
    }

    same_hold(o);

    if (o->closed) {
        o->used = 0;
    }
}


static void
do_billed(one_t *o)
{
    unsigned       s, i;
    jm_backend_t  *b;

    what = "billed";

    for (i = 0; i < o->n; i++) {
        for (s = MEM; s <= RED && o->task[i].bills; s++) {
            b = store(s, o->process);
            b->billed(b, o->entry[s], i);
        }

        o->task[i].bills = 0;
    }
}


static void
do_entry(void)
{
    unsigned       s, at, i, p;
    jm_place_t     none[2];
    jm_op_look_t   op[2];
    jm_backend_t  *b;

    what = "look at an entry";

    if (nentries == 0) {
        return;
    }

    at = dice((unsigned) jm_min(nentries, ENTRIES));
    i = dice(2);
    p = dice(PROCESSES);

    memset(op, 0, sizeof(op));
    memset(none, 0, sizeof(none));

    for (s = MEM; s <= RED; s++) {
        op[s].done = state_done_with;
        op[s].entry = entries[at][s];
        op[s].task = i;
        op[s].account = JM_LEDGER_ANY;
        op[s].place = &none[s];

        b = store(s, p);
        b->look(b, &op[s]);
    }

    is_same(op, look);
    is_same(op, account);
    is_same(op, told);
    is_same(op, sending);
    is_same(op, result.len);
    same_text(op[MEM].id, op[RED].id, "id");
    same(none[MEM].serial != 0, none[RED].serial != 0, "adopted");

    if (op[MEM].look == JM_LOOK_WAIT) {
        same_turn(&op[MEM].turn, &op[RED].turn);
    }

    if (op[MEM].told) {
        is_same(op, error.cause);
        is_same(op, error.upstream_code);
    }

    if (none[MEM].serial != 0) {
        for (s = MEM; s <= RED; s++) {
            b = store(s, p);
            b->leave(b, &none[s], JM_LEAVE_LOST);
        }
    }
}


/* who asks by the upstream's id, and sees the end of that */

static void
do_id(void)
{
    unsigned       s, at, p, images, client;
    jm_place_t     none[2];
    jm_op_look_t   look[2];
    jm_op_over_t   op[2];
    jm_backend_t  *b;

    what = "look by an id";

    if (nids == 0) {
        return;
    }

    at = dice((unsigned) jm_min(nids, IDS));
    p = dice(PROCESSES);
    images = dice(3);
    client = dice(CLIENTS);

    memset(look, 0, sizeof(look));
    memset(op, 0, sizeof(op));
    memset(none, 0, sizeof(none));

    for (s = MEM; s <= RED; s++) {
        look[s].done = state_done_with;
        look[s].account = ids[at].account;
        look[s].id = str(ids[at].id);
        look[s].place = &none[s];

        b = store(s, p);
        b->look(b, &look[s]);
    }

    is_same(look, look);
    same(none[MEM].serial != 0, none[RED].serial != 0, "adopted");

    what = "over by an id";

    for (s = MEM; s <= RED; s++) {
        op[s].done = state_done_with;
        op[s].account = ids[at].account;
        op[s].joined = str(ids[at].id);
        op[s].entry = ids[at].entry[s];
        op[s].task = ids[at].task;
        op[s].place = &none[s];
        op[s].how = images == 2 ? JM_LEAVE_LOST : JM_LEAVE_OVER;
        op[s].client = &clients[client];
        op[s].bill.images = images == 2 ? 0 : images;
        op[s].bill.model = MODEL;
        op[s].bill.cost = op[s].bill.images * PRICE;
        op[s].price = PRICE;

        b = store(s, p);
        b->over(b, &op[s]);
    }

    is_same(op, first);
    is_same(op, billed);
    is_same(op, bill.cost);
    same_near(&op[MEM].near, &op[RED].near);

    if (op[MEM].billed) {
        for (s = MEM; s <= RED; s++) {
            b = store(s, p);
            b->billed(b, op[s].entry, op[s].task);
        }
    }
}


static void
do_cancel(void)
{
    unsigned         s, at, p, n;
    jm_op_cancel_t   op[2];
    jm_backend_t    *b;

    what = "cancel";

    if (nentries == 0) {
        return;
    }

    at = dice((unsigned) jm_min(nentries, ENTRIES));
    p = dice(PROCESSES);
    n = 1 + dice(3);

    memset(op, 0, sizeof(op));

    for (s = MEM; s <= RED; s++) {
        op[s].done = state_done_with;
        op[s].entry = entries[at][s];
        op[s].n = n;

        b = store(s, p);
        b->cancel(b, &op[s]);
    }

    is_same(op, canceled);
    is_same(op, running);
}


static void
do_orphan(void)
{
    unsigned         s, p, r;
    jm_op_orphan_t   op[2];
    jm_backend_t    *b;

    what = "orphan";

    memset(op, 0, sizeof(op));

    p = dice(PROCESSES);
    op[0].accounts = 1 + dice(7);
    op[0].pause = dice(2) ? 2000 : 1;
    op[0].done = state_done_with;

    op[1] = op[0];

    for (s = MEM; s <= RED; s++) {
        b = store(s, p);
        b->orphan(b, &op[s]);
    }

    is_same(op, found);

    if (!op[MEM].found || !op[RED].found) {
        return;
    }

    is_same(op, orphan.account);
    is_same(op, orphan.price);
    is_same(op, orphan.model);
    is_same(op, orphan.since);
    is_same(op, orphan.task);
    same(op[MEM].orphan.billed != 0, op[RED].orphan.billed != 0, "billed");
    same_text((jm_str_t) { op[MEM].orphan.len, op[MEM].orphan.id },
              (jm_str_t) { op[RED].orphan.len, op[RED].orphan.id }, "id");
    same_text((jm_str_t) { op[MEM].orphan.key_len, op[MEM].orphan.key },
              (jm_str_t) { op[RED].orphan.key_len, op[RED].orphan.key },
              "req_key");

    what = "asked";
    r = dice(4);

    for (s = MEM; s <= RED; s++) {
        op[s].pending = (r == 0);
        op[s].doubted = (r == 1);
        op[s].bill.images = (r == 2);

        b = store(s, p);
        b->asked(b, &op[s]);
    }

    is_same(op, first);
    same_text(op[MEM].client, op[RED].client, "client");
}


typedef struct {
    jm_queue_view_t      account[ACCOUNTS];
    jm_quota_rate_t      rate[CLIENTS];
    jm_quota_view_t      view[CLIENTS];
} views_t;

static views_t  *seeing;


static void
see_account(void *data, size_t i, const jm_queue_view_t *view)
{
    (void) data;

    seeing->account[i] = *view;
}


static void
see_client(void *data, size_t i, const jm_quota_rate_t *rate,
    const jm_quota_view_t *view)
{
    (void) data;

    seeing->rate[i] = *rate;
    seeing->view[i] = *view;
}


static void
see(unsigned s, unsigned process, views_t *views)
{
    size_t              i;
    jm_backend_t       *b;
    jm_op_clients_t     of_clients;
    jm_op_accounts_t    of_accounts;
    const jm_client_t  *all[CLIENTS];

    static const unsigned  each[] = { 0, 1, 2 };

    for (i = 0; i < CLIENTS; i++) {
        all[i] = &clients[i];
    }

    seeing = views;
    b = store(s, process);

    memset(&of_clients, 0, sizeof(jm_op_clients_t));
    memset(&of_accounts, 0, sizeof(jm_op_accounts_t));

    of_accounts.done = state_done_with;
    of_accounts.accounts = each;
    of_accounts.n = ACCOUNTS;
    of_accounts.each = see_account;

    b->accounts(b, &of_accounts);

    of_clients.done = state_done_with;
    of_clients.clients = all;
    of_clients.n = CLIENTS;
    of_clients.each = see_client;

    b->clients(b, &of_clients);
}


static void
do_see(void)
{
    size_t    i;
    unsigned  p;
    views_t   v[2];

    what = "see";
    p = dice(PROCESSES);

    memset(v, 0, sizeof(v));

    see(MEM, p, &v[MEM]);
    see(RED, p, &v[RED]);

    for (i = 0; i < ACCOUNTS; i++) {
        is_same(v, account[i].conf.concurrency);
        is_same(v, account[i].effective);
        is_same(v, account[i].running);
        is_same(v, account[i].lost);
        is_same(v, account[i].waiting);
        is_same(v, account[i].average);
        is_same(v, account[i].rest);
        is_same(v, account[i].aside);
        is_same(v, account[i].submits);
        is_same(v, account[i].busy_rate);
        is_same(v, account[i].busy_tasks);
        is_same(v, account[i].denied);
        is_same(v, account[i].cost);
        is_same(v, account[i].cost_lost);
    }

    for (i = 0; i < CLIENTS; i++) {
        same_rate(&v[MEM].rate[i], &v[RED].rate[i]);
        same_view(&v[MEM].view[i], &v[RED].view[i]);
    }
}


static int
by_model(const void *a, const void *b)
{
    const jm_quota_sum_t *x = a, *y = b;

    return (x->model > y->model) - (x->model < y->model);
}


static void
do_usage(void)
{
    size_t          i, j;
    unsigned        s, p, c;
    jm_backend_t   *b;
    jm_op_usage_t   op[2];

    what = "usage";

    memset(op, 0, sizeof(op));

    p = dice(PROCESSES);
    c = dice(CLIENTS);

    for (s = MEM; s <= RED; s++) {
        op[s].done = state_done_with;
        op[s].client = &clients[c];

        b = store(s, p);
        b->usage(b, &op[s]);

        qsort(op[s].usage.models, op[s].usage.n, sizeof(jm_quota_sum_t),
              by_model);
    }

    same_rate(&op[MEM].rate, &op[RED].rate);
    same_view(&op[MEM].view, &op[RED].view);
    is_same(op, usage.n);

    for (j = 0; j < JM_QUOTA_SUMS; j++) {
        is_same(op, usage.all.images[j]);
        is_same(op, usage.all.cost[j]);

        for (i = 0; i < op[MEM].usage.n; i++) {
            is_same(op, usage.models[i].model);
            is_same(op, usage.models[i].images[j]);
            is_same(op, usage.models[i].cost[j]);
        }
    }
}


static void
do_rate(void)
{
    unsigned       s, p, c;
    jm_op_rate_t   op[2];
    jm_backend_t  *b;

    what = "rate";

    memset(op, 0, sizeof(op));

    p = dice(PROCESSES);
    c = dice(CLIENTS);

    for (s = MEM; s <= RED; s++) {
        op[s].done = state_done_with;
        op[s].client = &clients[c];

        b = store(s, p);
        b->rate(b, &op[s]);
    }

    is_same(op, rc);
    same_rate(&op[MEM].rate, &op[RED].rate);
}


/* what the memory tells a process of, Redis has told it of as well */

static void
do_news(void)
{
    size_t     i, j, n, m;
    one_t     *o;
    unsigned   p, t, found;
    uint32_t   alarms;
    uint64_t   theirs[64], ours[1100];

    what = "news";

    for (p = 0; p < PROCESSES; p++) {
        n = memories[p].news(&memories[p], theirs, 64, &alarms);

        redis_messages(&processes[p]);
        m = processes[p].b.news(&processes[p].b, ours, 1100, &alarms);

        for (i = 0; i < n; i++) {
            found = 0;

            for (o = orders; o < orders + ORDERS; o++) {
                for (t = 0; t < TASKS; t++) {
                    for (j = 0; j < m && o->used; j++) {
                        found |= (o->place[MEM][t].serial == theirs[i]
                                  && o->place[RED][t].serial == ours[j]);
                    }
                }
            }

            same(1, found, "is told of it");
        }
    }
}


/* ---- the world */


static void
set_clock(uint64_t ms)
{
    size_t       i;
    unsigned     t;
    one_t       *o;

    state_wait(ms);

    redis_set_clock(processes[0].c, state_clock.wall);

    for (i = 0; i < PROCESSES; i++) {
        redis_renew(&processes[i]);
    }

    for (o = orders; o < orders + ORDERS; o++) {
        for (t = 0; t < TASKS && o->used; t++) {
            memories[o->process].renew(&memories[o->process],
                                       &o->place[MEM][t]);
        }
    }
}


static void
begin_process(unsigned i, jm_state_t *st)
{
    if (&states[i] != st) {
        if (jm_state_attach(&states[i], st->store.shared, SIZE) != JM_OK) {
            abort();
        }
    }

    states[i].store.owner = ++owners;
    states[i].store.alive = state_alive;

    state_backend(&memories[i], &states[i]);

    redis_begin(&processes[i], accounts, 0);
}


/* the configuration is the master's, and is read once */

static void
join(unsigned i)
{
    size_t        j;
    uint64_t      owner;
    jm_backend_t  b;

    owner = processes[i].redis.owner;
    b = processes[i].b;
    (void) b;

    if (i != 0) {
        processes[i].redis.naccounts = ACCOUNTS;

        for (j = 0; j < ACCOUNTS; j++) {
            processes[i].redis.accounts[j] = accounts[j];
            processes[i].redis.there[j] = processes[0].redis.there[j];
        }

        memcpy(processes[i].redis.here, processes[0].redis.here,
               JM_QUEUE_ACCOUNTS);
    }

    processes[i].redis.owner = owner;

    redis_subscribe(&processes[i]);
}


static void
do_kill(void)
{
    one_t       *o;
    views_t      views;
    unsigned     i;

    static const uint8_t  nobody[JM_LEDGER_KEY];

    what = "kill";
    i = 1 + dice(PROCESSES - 1);

    set_clock(0);

    state_dead[states[i].store.owner - 1] = 1;
    jm_redis_quit(&processes[i].redis);

    for (o = orders; o < orders + ORDERS; o++) {
        if (o->process == i) {
            o->used = 0;
        }
    }

    redis_end(&processes[i]);

    begin_process(i, &states[0]);
    join(i);

    /*
     * Until it looks who lives the memory grants slots to the dead; shares it
     * takes away now and then, and all when it is asked.  Redis gives back less
     * of them in each call.
     */

    set_clock(500);

    for (i = 0; i < 8; i++) {
        see(RED, 0, &views);
    }

    do_see();

    for (i = 0; i < 8; i++) {
        state_begin(&states[0]);
        jm_ledger_watch(&states[0].ledger, nobody,
                        states[0].now);
        state_commit(&states[0]);
    }
}


static void
world_begin(uint64_t s)
{
    size_t                   i;
    unsigned                 number;
    redisContext            *c;
    jm_queue_conf_t          conf;
    const jm_client_t       *known[CLIENTS];

    static const char       *names[] = { "main", "backup", "third" };
    static const char       *who[] = { "alice", "bob", "carol", "dave" };
    static const uint64_t    periods[] = { 3600, 86400, 2678400 };

    seed = s;
    failed = 0;
    state_clock.monotonic = 5000;
    state_clock.wall = WALL + s % 1000 * 3600000;
    nentries = 0;
    nmade = 0;
    nids = 0;
    owners = 0;
    ids_made = 0;

    memset(orders, 0, sizeof(orders));
    memset(state_dead, 0, sizeof(state_dead));

    for (i = 0; i < CLIENTS; i++) {
        clients[i] = state_client(who[i]);
        clients[i].images = i == 3 ? 0 : 20 + dice(60);
        clients[i].images_period = periods[dice(3)];
        clients[i].concurrency = dice(2) ? 0 : 2 + dice(6);
        clients[i].budget = dice(2) ? 0 : (30 + dice(50)) * PRICE;
        clients[i].budget_period = periods[1 + dice(2)];
        clients[i].rate = 1 + dice(70);
        clients[i].rate_period = dice(2) ? 60000 : 1000;

        known[i] = &clients[i];
        redis_clients[i] = &clients[i];
    }

    redis_nclients = CLIENTS;

    state_new(&states[0], SIZE, 100);

    for (i = 0; i < ACCOUNTS; i++) {
        memset(&conf, 0, sizeof(conf));

        conf.concurrency = dice(8) ? 1 + dice(3) : 0;
        conf.queue = 1 + dice(8);
        conf.weight = 1 + dice(3);
        conf.pace = dice(3) ? 0 : 1000;
        conf.interval = dice(2) ? 0 : 700;
        conf.timeout = dice(3) ? 0 : 60000;

        accounts[i].name = str(names[i]);
        accounts[i].conf = conf;

        state_begin(&states[0]);
        (void) jm_queue_account(&states[0].queue, str(names[i]), &conf,
                                &number);
        state_commit(&states[0]);
    }

    (void) state_sync(&states[0], known, CLIENTS);

    c = redis_connect();
    redis_fresh(c);
    redis_set_clock(c, state_clock.wall);
    redisFree(c);

    states[0].store.owner = ++owners;
    state_backend(&memories[0], &states[0]);
    redis_begin(&processes[0], accounts, ACCOUNTS);
    join(0);

    for (i = 1; i < PROCESSES; i++) {
        begin_process((unsigned) i, &states[0]);
        join((unsigned) i);
    }
}


static void
world_end(void)
{
    size_t  i;

    for (i = 0; i < PROCESSES; i++) {
        redis_end(&processes[i]);
    }

    state_done(&states[0]);
}


static void
do_task(one_t *o)
{
    unsigned  i;

    i = dice(o->n);

    switch (o->task[i].state) {

    case NONE:
        if (o->claimed && dice(2)) {
            do_look(o, i);

        } else if (!o->claimed || (o->claim[MEM].slots[i].own
                                   && o->claim[MEM].serial != 0))
        {
            do_place(o, i);
        }

        break;

    case WAITS:
        if (dice(10) == 0) {
            leave(o, i, JM_LEAVE_FREE);

        } else {
            do_place(o, i);
        }

        break;

    case GRANTED:
        do_submit(o, i);
        break;

    case SUBMITS:
        if (dice(5)) {
            do_sent(o, i);

        } else {
            do_over(o, i, JM_LEAVE_DONE, 0);
        }

        break;

    case RUNS:
        i = i;

        if (dice(4) == 0) {
            do_over(o, i, JM_LEAVE_LOST, dice(2));

        } else if (dice(2)) {
            do_over(o, i, JM_LEAVE_OVER, 0);
        }

        break;

    default: /* ENDED */
        if (o->claimed) {
            do_look(o, i);
        }
    }
}


static void
do_order(void)
{
    one_t     *o;
    unsigned   r;

    o = &orders[dice(ORDERS)];

    if (!o->used) {
        do_open(o);
        return;
    }

    r = dice(12);

    if (r == 0) {
        do_ended(o);

    } else if (r == 1) {
        do_billed(o);

    } else {
        do_task(o);
    }
}


static void
do_step(void)
{
    unsigned  r;

    forget_old();

    r = dice(100);

    if (r < 70) {
        do_order();

    } else if (r < 80) {
        set_clock(dice(4) ? dice(1500) : dice(12000));

    } else if (r < 83) {
        do_entry();

    } else if (r < 86) {
        do_id();

    } else if (r < 88) {
        do_cancel();

    } else if (r < 92) {
        do_orphan();

    } else if (r < 94) {
        do_see();

    } else if (r < 96) {
        do_usage();

    } else if (r < 98) {
        do_rate();

    } else if (r < 99) {
        do_news();

    } else if (dice(4) == 0) {
        do_kill();
    }
}


int
main(int argc, char **argv)
{
    size_t    i, n;
    uint64_t  s;

    if (getenv("JIMENG_REDIS") == NULL) {
        printf("1..0 # SKIP no redis-server here\n");
        return 0;
    }

    n = argc > 2 ? strtoul(argv[2], NULL, 10) : jm_nitems(seeds);

    for (i = 0; i < n; i++) {
        s = argc > 1 ? strtoul(argv[1], NULL, 10) + i : seeds[i];

        world_begin(s);

        for (step = 0; step < STEPS && failed == 0; step++) {
            do_step();
        }

        is_int(failed, 0, "seed %" PRIu64 ": both are the same", s);
        world_end();
    }

    return done_testing();
}
