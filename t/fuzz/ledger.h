
/*
 * The ledger's world: what it knows of each request, and of what is owed to
 * whom.
 */


#ifndef _FUZZ_LEDGER_H_INCLUDED_
#define _FUZZ_LEDGER_H_INCLUDED_


#include "fuzz.h"
#include "../unit/ledger_text.h"


#define CLAIMS     8
#define KEYS       3
#define REQUESTS   512          /* after so many all is over */

/* a first byte from which on tasks are calls, some of which bring a text */

#define CALLS      240


/* what the upstream has of a task */

typedef enum {
    HAS_NOTHING = 0,
    HAS_MAYBE,                      /* it is under way, or nobody knows */
    HAS_IT,
    HAS_ENDED
} has_e;


typedef struct {
    has_e                has;
    unsigned             claim;     /* from 1: whose it is, or 0 */
    unsigned             id;        /* 0: it was a call */
    size_t               brought;   /* bytes of a text */
    uint64_t             until;     /* it is kept, unless more is evicted */
    unsigned             evicted;
} task_t;


typedef struct {
    jm_ledger_request_t  request;
    uint64_t             serial;
    uint64_t             since;
    task_t               tasks[JM_LEDGER_SLOTS];

    /* since when it is owed for certain, and since when it may be; 0: not */

    uint64_t             owed;
    uint64_t             may;
    unsigned             last;      /* from 1: who waits for it, or 0 */
    unsigned             told;      /* the error's number, or 0 */
} entered_t;


typedef struct {
    jm_ledger_claim_t    claim;
    unsigned             process;   /* from 1, 0: not open */
    entered_t           *entered;
} holder_t;


typedef struct {
    input_t              input;
    unsigned             calls;

    jm_ledger_t          l;
    uint64_t             now;
    entered_t            entered[REQUESTS];
    unsigned             nentered;
    holder_t             holders[CLAIMS];
    uint32_t             owners[PROCESSES + 1];
    unsigned             ids;
    unsigned             errors;
} world_t;


static inline jm_ledger_t *
as(world_t *w, const holder_t *h)
{
    w->l.store->owner = w->owners[h->process];

    return &w->l;
}


static inline unsigned
number(const world_t *w, const holder_t *h)
{
    return (unsigned) (h - w->holders) + 1;
}


static inline jm_ledger_entry_t *
find(world_t *w, const entered_t *entered)
{
    jm_ledger_claim_t  claim;

    claim.serial = entered->serial;

    return jm_ledger_find(&w->l, &claim);
}


/* what is not there any more is nobody's number */

static inline void
forget(world_t *w)
{
    unsigned  i;

    for (i = 0; i < w->nentered; i++) {

        if (find(w, &w->entered[i]) == NULL) {
            w->entered[i].serial = 0;
        }
    }
}


/* what runs: not ended, and a claim that lives is to see to it */

static inline unsigned
runs(const entered_t *entered)
{
    unsigned  i;

    for (i = 0; i < entered->request.n; i++) {

        if (entered->tasks[i].claim != 0) {
            return 1;
        }
    }

    return 0;
}


/* what the upstream may have of it must not be submitted again */

static inline unsigned
costs(const entered_t *entered)
{
    unsigned  i;

    for (i = 0; i < entered->request.n; i++) {

        if (entered->tasks[i].has != HAS_NOTHING) {
            return 1;
        }
    }

    return 0;
}


/* whether what a call has brought, if it has, is not there any more */

static inline unsigned
is_lost(world_t *w, const entered_t *entered, unsigned i)
{
    jm_ledger_entry_t  *e;

    e = find(w, entered);

    return entered->tasks[i].has == HAS_ENDED && entered->tasks[i].id == 0
           && (e == NULL
               || jm_ledger_slot(&w->l, e, i)->state != JM_SLOT_KEPT);
}


/* what tasks have brought is there, in its time, and nothing else is */

static inline void
look_at_texts(world_t *w, const entered_t *entered)
{
    unsigned       i;
    size_t         len;
    const task_t  *task;

    for (i = 0; i < entered->request.n; i++) {
        task = &entered->tasks[i];
        len = jm_ledger_result(&w->l, entered->serial, i, 0, NULL, 0);

        if (len != 0) {
            check(task->has == HAS_ENDED && task->id == 0);
            check(task->brought == len);
            check(text_length(&w->l, entered->serial, i, 0) == len);

        } else {
            check(task->until <= w->now || task->evicted != w->l.evicted);
        }
    }
}


/* nginx is to be started again: what is there now is to be there then */

static inline void
save_texts(world_t *w)
{
    unsigned   i, k;
    task_t    *task;

    for (i = 0; i < w->nentered; i++) {

        for (k = 0; k < w->entered[i].request.n; k++) {
            task = &w->entered[i].tasks[k];

            if (jm_ledger_result(&w->l, w->entered[i].serial, k, w->now, NULL,
                                 0)
                == 0)
            {
                task->until = 0;
            }

            task->evicted = 0;
        }
    }
}


/* a task's submit was all of it; said by anybody */

static inline void
call(world_t *w, holder_t *h, unsigned i, unsigned under_way)
{
    size_t     len;
    uint64_t   until;
    unsigned   first, kept;
    task_t    *task;

    task = &h->entered->tasks[i];
    len = choose(&w->input, 256) * 3;
    until = w->now + 100 * choose(&w->input, 16);

    first = ledger_brought(as(w, h), &h->claim, i,
                           text_of(h->entered->serial + i, len), until,
                           w->now, &kept);

    check(first == under_way && (first || !kept));

    if (first) {
        task->has = HAS_ENDED;
        task->claim = 0;
        task->id = 0;
        task->brought = len;
        task->until = kept ? until : 0;
        task->evicted = w->l.evicted;

        check(is_lost(w, h->entered, i) == !kept);
    }
}


/* nobody waits for it any more, and the last has had no answer */

static inline void
owe(world_t *w, entered_t *e)
{
    unsigned  i, more;
    uint64_t  now;

    now = w->now;

    for (i = 0, more = 0; i < e->request.n; i++) {
        more |= (e->tasks[i].claim != 0 || e->tasks[i].has == HAS_IT
                 || (e->tasks[i].has == HAS_ENDED && !is_lost(w, e, i)));
    }

    /* what is unknown is owed since the first time */

    if (e->may == 0 || more) {
        e->owed = now;
    }

    e->may = now;
    e->last = 0;
}


/* of what is the same, and may be owed: for how long is up to the request */

static inline unsigned
same_owed(world_t *w, const jm_ledger_request_t *request, unsigned told)
{
    unsigned    i, n;
    uint64_t    least;
    entered_t  *e;

    for (i = 0, n = 0; i < w->nentered; i++) {
        e = &w->entered[i];

        /* what a shorter time has ended, a longer one does not bring back */

        if (find(w, e) == NULL || find(w, e)->told == 0) {
            e->told = 0;
        }

        if (memcmp(e->request.key, request->key, JM_LEDGER_KEY) != 0
            || e->request.who != request->who
            || e->request.n != request->n
            || e->owed == 0 || find(w, e) == NULL
            || (e->told != 0) != told || (e->last != 0 && !told))
        {
            continue;
        }

        least = told ? jm_min(request->unmarked, JM_LEDGER_TOLD_FOR)
                     : request->unmarked;

        if (w->now - e->owed >= least) {

            if (e->last == 0) {
                e->owed = 0;
                e->may = (w->now - e->may >= least) ? 0 : e->may;
            }

            continue;
        }

        n += !jm_ledger_expired(&w->l, find(w, e), w->now);
    }

    return n;
}


/* whether a client waits for the same */

static inline unsigned
same_waits(world_t *w, const jm_ledger_request_t *request)
{
    unsigned            i;
    jm_ledger_entry_t  *e;

    for (i = 0; i < w->nentered; i++) {
        e = find(w, &w->entered[i]);

        if (e != NULL && e->waits != 0 && e->who == request->who
            && e->n == request->n
            && memcmp(e->key, request->key, JM_LEDGER_KEY) == 0)
        {
            return 1;
        }
    }

    return 0;
}


static inline void
found_owed(world_t *w, holder_t *h, const jm_ledger_request_t *request,
    unsigned told)
{
    uint64_t    least;
    entered_t  *e;

    e = h->entered;

    least = told ? jm_min(request->unmarked, JM_LEDGER_TOLD_FOR)
                 : request->unmarked;

    check(e->request.who == request->who);
    check(e->may != 0 && w->now - e->may < least);
    check((e->told != 0) == told && (told || e->last == 0));
    check(!told || w->l.told.upstream_code == e->told);
}


#endif /* _FUZZ_LEDGER_H_INCLUDED_ */
