
/*
 * What the tests of two stores share that stand for one: both in memory, of
 * which the far one is away when it is told to be.
 */


#ifndef _EITHER_H_INCLUDED_
#define _EITHER_H_INCLUDED_


#include "state.h"

#include "jm_either.h"


#define SIZE  (512 * 1024)


static jm_state_t    near_st, far_st;
static jm_backend_t  b, far_memory;
static jm_either_t   e;
static jm_client_t   alice;
static unsigned      knows, answers, calls, told, alone, done;
static jm_done_t     late;
static unsigned      is_late;


/* ---- the far one */


static inline unsigned
there(void *ctx)
{
    (void) ctx;

    return knows;
}


static inline void
is_alone(void *ctx)
{
    (void) ctx;

    alone++;
}


static inline void
answer(jm_done_t *to)
{
    if (is_late) {
        late = *to;
        return;
    }

    to->handler(to->data);
}


#define far_operation(name, type)                                             \
    static inline void                                                        \
    far_##name(jm_backend_t *f, type *op)                                     \
    {                                                                         \
        (void) f;                                                             \
                                                                              \
        calls++;                                                              \
                                                                              \
        if (answers) {                                                        \
            far_memory.name(&far_memory, op);                                 \
            return;                                                           \
        }                                                                     \
                                                                              \
        op->away = 1;                                                         \
        answer(&op->done);                                                    \
    }


far_operation(rate, jm_op_rate_t)
far_operation(service, jm_op_service_t)
far_operation(open, jm_op_open_t)
far_operation(look, jm_op_look_t)
far_operation(cancel, jm_op_cancel_t)
far_operation(place, jm_op_place_t)
far_operation(submit, jm_op_submit_t)
far_operation(refused, jm_op_refused_t)
far_operation(over, jm_op_over_t)
far_operation(orphan, jm_op_orphan_t)
far_operation(asked, jm_op_orphan_t)
far_operation(usage, jm_op_usage_t)
far_operation(clients, jm_op_clients_t)
far_operation(accounts, jm_op_accounts_t)
far_operation(waits, jm_op_waits_t)


static inline void
far_query_denied(jm_backend_t *f, unsigned account)
{
    (void) f;

    told++;
    far_memory.query_denied(&far_memory, account);
}


static inline void
far_ended(jm_backend_t *f, jm_ledger_claim_t *claim, jm_claim_e how,
    const jm_error_t *error)
{
    (void) f;

    told++;
    far_memory.ended(&far_memory, claim, how, error);
}


static inline void
far_fetched(jm_backend_t *f, uint64_t serial, const jm_str_t *ids, size_t n)
{
    (void) f;

    told++;
    far_memory.fetched(&far_memory, serial, ids, n);
}


static inline void
far_release(jm_backend_t *f, jm_hold_t *hold)
{
    (void) f;

    told++;
    far_memory.release(&far_memory, hold);
}


static inline void
far_sent(jm_backend_t *f, jm_ledger_claim_t *claim, unsigned task,
    jm_place_t *place, jm_sent_e what, jm_str_t id)
{
    (void) f;

    told++;
    far_memory.sent(&far_memory, claim, task, place, what, id);
}


static inline void
far_renew(jm_backend_t *f, jm_place_t *place)
{
    (void) f;

    told++;
    far_memory.renew(&far_memory, place);
}


static inline size_t
far_news(jm_backend_t *f, uint64_t *serials, size_t n, uint32_t *alarms)
{
    (void) f;

    return far_memory.news(&far_memory, serials, n, alarms);
}


static inline void
far_leave(jm_backend_t *f, jm_place_t *place, jm_leave_e how)
{
    (void) f;

    told++;
    far_memory.leave(&far_memory, place, how);
}


static inline void
far_billed(jm_backend_t *f, uint64_t entry, unsigned task)
{
    (void) f;

    told++;
    far_memory.billed(&far_memory, entry, task);
}


static const jm_backend_t  far_backend = {
    .rate = far_rate, .service = far_service, .open = far_open,
    .ended = far_ended, .fetched = far_fetched, .release = far_release,
    .look = far_look, .cancel = far_cancel, .place = far_place,
    .submit = far_submit, .refused = far_refused, .sent = far_sent,
    .renew = far_renew, .news = far_news, .leave = far_leave,
    .over = far_over, .billed = far_billed, .orphan = far_orphan,
    .asked = far_asked, .usage = far_usage, .clients = far_clients,
    .accounts = far_accounts, .waits = far_waits,
    .query_denied = far_query_denied
};


static inline void
away(void)
{
    knows = 0;
    answers = 0;
    calls = 0;
    told = 0;
    alone = 0;
}


static inline void
back(void)
{
    knows = 1;
    answers = 1;
    calls = 0;
    told = 0;
    alone = 0;
}


/* ---- both */


static inline void
begin_one(jm_state_t *st, jm_backend_t *memory, const jm_client_t *const *c)
{
    state_new(st, SIZE, 100);

    (void) state_account(st, "main", 2);
    (void) state_account(st, "other", 2);
    (void) state_sync(st, c, 1);

    state_store = NULL;
    state_backend(memory, st);
}


static inline void
begin(void)
{
    const jm_client_t  *both[] = { &alice };

    alice = state_client("alice");

    memset(&e, 0, sizeof(jm_either_t));

    begin_one(&near_st, &e.near, both);
    state_wait(1000);       /* numbers go by the time when both were made */
    begin_one(&far_st, &far_memory, both);

    e.near.salt = (const uint8_t *) "salt of the one node is this one";
    e.far = far_backend;
    e.far.salt = (const uint8_t *) "far salt";
    e.there = there;
    e.alone = is_alone;

    jm_backend_either(&b, &e);

    state_store = &b;

    back();
}


static inline void
end(void)
{
    state_store = NULL;

    is_int(state_is_whole(&near_st) && state_is_whole(&far_st), 1,
           "both are whole");

    state_done(&near_st);
    state_done(&far_st);
}


static inline jm_queue_view_t
slots(jm_state_t *st)
{
    jm_queue_view_t  v;

    state_begin(st);
    jm_queue_view(&st->queue, 0, &v, st->now);
    state_commit(st);

    return v;
}


static inline jm_quota_view_t
used(jm_state_t *st)
{
    jm_quota_view_t  v;

    state_begin(st);
    jm_quota_view(&st->quota, &alice, st->seconds, &v);
    state_commit(st);

    return v;
}


static inline void
is_used(jm_state_t *st, unsigned running, unsigned reserved, unsigned images,
    const char *what)
{
    jm_queue_view_t  a;
    jm_quota_view_t  c;

    a = slots(st);
    c = used(st);

    ok(a.running == running && c.reserved == reserved && c.used == images,
       "%s: %u run, %u reserved, %u used", what, running, reserved, images);
}


#endif /* _EITHER_H_INCLUDED_ */
