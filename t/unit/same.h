
/*
 * Two stores that have to be the same: processes that have a way to each, what
 * they know, and how answers are compared.
 */


#ifndef _SAME_H_INCLUDED_
#define _SAME_H_INCLUDED_


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


/* what a process has told goes before another one does anything */

static void
flush(unsigned but)
{
    unsigned  p;

    for (p = 0; p < PROCESSES; p++) {
        if (p != but) {
            jm_redis_flush(&processes[p].redis);
        }
    }
}


static jm_backend_t *
store(unsigned i, unsigned process)
{
    if (i == RED) {
        flush(process);
    }

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
 * What has outlived its time is forgotten by the memory when others come, and
 * by Redis when that has passed on the clock of the machine, which no test
 * waits for: here it is as soon as it may be.
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

    flush(PROCESSES);

    snprintf(key, sizeof(key), REDIS_PREFIX "e%" PRIu64, entry);
    redis_command(processes[0].c, 2, argv, NULL);
}


#endif /* _SAME_H_INCLUDED_ */
