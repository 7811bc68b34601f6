
/*
 * What the tests of the whole state share: one in memory that forks share, the
 * life of a request in it, by the operations that the glue uses, and a look at
 * all that is in it.
 */


#ifndef _STATE_H_INCLUDED_
#define _STATE_H_INCLUDED_


/* requests to the ledger and to the queue have a function of the same name */

#define request_init  ledger_request_init

#include "ledger.h"

#undef request_init
#define request_init  queue_request_init

#include "queue.h"

#undef request_init

#include "bill.h"
#include "jm_backend.h"
#include "jm_quota_sync.h"
#include "jm_state_shared.h"


#define WALL     UINT64_C(1700000000000)
#define DAY      UINT64_C(86400000)

/* of a request without a name, which may be added to its key */

#define UNNAMED  0x80000000u


/* clocks, and slots whose owners are dead */

static jm_clock_t  state_clock = { .monotonic = 5000, .wall = WALL };
static uint8_t     state_dead[JM_STORE_OWNERS];

/* which boot of the system it is */

static uint64_t  state_boot = 1;

/* called in each change, just before it counts */

static void  (*state_before_commit)(jm_state_t *st);


static inline unsigned
state_alive(void *ctx, uint32_t slot)
{
    (void) ctx;

    return !state_dead[slot];
}


/* a process's way to a state */

static inline void
state_init(jm_state_t *st, uint32_t owner)
{
    memset(st, 0, sizeof(jm_state_t));

    st->store.owner = owner;
    st->store.alive = state_alive;
    st->boot = state_boot;
}


static inline jm_rc_e
state_create(jm_state_t *st, void *memory, size_t size, uint32_t records,
    uint64_t last)
{
    jm_rc_e  rc;
    uint8_t  salt[JM_STATE_SALT];

    state_init(st, 1);
    memset(salt, 's', JM_STATE_SALT);

    rc = jm_state_create(st, memory, size, records, salt, &state_clock, last);

    if (rc == JM_OK) {
        store_own_first(&st->store);
    }

    return rc;
}


/* a new one, in new memory */

static inline void
state_new(jm_state_t *st, size_t size, uint32_t records)
{
    if (state_create(st, store_memory(size), size, records, 0) != JM_OK) {
        abort();
    }
}


static inline void
state_done(jm_state_t *st)
{
    store_done(&st->store);
}


static inline void
state_begin(jm_state_t *st)
{
    jm_state_begin(st, &state_clock);
}


static inline void
state_commit(jm_state_t *st)
{
    if (state_before_commit != NULL) {
        state_before_commit(st);
    }

    jm_state_commit(st);
}


/* ms go by */

static inline void
state_wait(uint64_t ms)
{
    state_clock.monotonic += ms;
    state_clock.wall += ms;
}


static inline jm_rc_e
state_import(jm_state_t *st, void *old, size_t size, jm_state_import_t *n)
{
    jm_rc_e    rc;
    tap_mem_t  m;

    tap_mem_init(&m, 0);

    state_begin(st);
    rc = jm_state_import(st, old, size, &m.mem, n);
    state_commit(st);

    if (m.live != 0) {
        abort();
    }

    return rc;
}


/* ---- a request's life, as the glue has it */


static inline jm_state_t *
state_lock(void *ctx)
{
    state_begin(ctx);

    return ctx;
}


static inline void
state_unlock(void *ctx)
{
    state_commit(ctx);
}


/* where there is one, all that is below goes to this, and none to memory */

static const jm_backend_t  *state_store;


static inline void
state_backend(jm_backend_t *b, jm_state_t *st)
{
    if (state_store != NULL) {
        *b = *state_store;
        return;
    }

    jm_backend_memory(b);

    b->lock = state_lock;
    b->unlock = state_unlock;
    b->ctx = st;
}


/* answers of a state in memory are there when the operation returns */

static inline void
state_is_done(void *data)
{
    (void) data;
}


static const jm_done_t  state_done_with = { .handler = state_is_done };


typedef struct {
    unsigned             n;         /* tasks */
    unsigned             account;
    jm_ledger_claim_t    claim;
    jm_hold_t            hold;
    jm_place_t           places[JM_LEDGER_SLOTS];
} order_t;


/* a client that may have 100 pictures a day */

static inline jm_client_t
state_client(const char *name)
{
    jm_client_t  c;

    memset(&c, 0, sizeof(jm_client_t));

    c.name = str(name);
    c.rate = 60;
    c.rate_period = 60000;
    c.concurrency = 100;
    c.images = 100;
    c.images_period = 86400;

    return c;
}


/* what the ledger is asked; another client is another who */

static inline void
order_request(jm_ledger_request_t *r, uint32_t key, unsigned n,
    const jm_client_t *c)
{
    ledger_request_init(r, (uint8_t) key, n);

    memcpy(r->key, &key, sizeof(uint32_t));

    r->named = (key < UNNAMED);
    r->keep = 1000000;
    r->unmarked = 600000;
    r->who = c->name.data[0];
}


static inline jm_ledger_e
order_open(jm_state_t *st, order_t *o, uint32_t key, unsigned n,
    const jm_client_t *c)
{
    jm_op_open_t  op;
    jm_backend_t  b;

    memset(o, 0, sizeof(order_t));
    memset(&op, 0, sizeof(jm_op_open_t));

    o->n = n;

    state_backend(&b, st);

    op.done = state_done_with;
    op.claim = &o->claim;
    op.client = c;
    op.most = *bill(n);
    op.hold = &o->hold;
    op.force = 1;

    order_request(&op.request, key, n, c);

    b.open(&b, &op);

    return op.found;
}


/* a place, or a slot, for task i */

static inline jm_queue_e
order_enter(jm_state_t *st, order_t *o, unsigned i, unsigned account,
    const jm_client_t *c)
{
    jm_backend_t   b;
    jm_op_place_t  op;

    memset(&op, 0, sizeof(jm_op_place_t));

    queue_request_init(&op.request, c->name.data[0], 0);

    op.request.req_key = str("jimeng_t2i_v40");
    op.request.accounts[0] = (uint8_t) account;
    op.request.entry = o->claim.serial;
    op.request.task = (uint8_t) i;
    op.request.worker = st->store.owner;

    op.done = state_done_with;
    op.client = c;
    op.place = &o->places[i];

    state_backend(&b, st);
    b.place(&b, &op);

    o->account = account;

    return op.rc;
}


static inline jm_rc_e
order_submit(jm_state_t *st, order_t *o, unsigned i)
{
    jm_backend_t    b;
    jm_op_submit_t  op;

    memset(&op, 0, sizeof(jm_op_submit_t));

    op.done = state_done_with;
    op.claim = &o->claim;
    op.task = i;
    op.account = o->account;

    state_backend(&b, st);
    b.submit(&b, &op);

    return op.rc;
}


static inline void
order_accepted(jm_state_t *st, order_t *o, unsigned i, const char *id)
{
    jm_backend_t  b;

    state_backend(&b, st);
    b.sent(&b, &o->claim, i, &o->places[i], JM_SENT_TAKEN, str(id));
}


static inline void
order_over(jm_state_t *st, order_t *o, unsigned i, unsigned images,
    jm_leave_e how)
{
    jm_op_over_t  op;
    jm_backend_t  b;

    memset(&op, 0, sizeof(jm_op_over_t));

    op.done = state_done_with;
    op.claim = &o->claim;
    op.task = i;
    op.account = o->account;
    op.place = &o->places[i];
    op.how = how;
    op.hold = &o->hold;
    op.bill = *bill(images);

    state_backend(&b, st);
    b.over(&b, &op);
}


/* it was one call, which has brought a text that is of use for a day */

static inline jm_op_over_t
order_done(jm_state_t *st, order_t *o, unsigned i, unsigned images,
    jm_str_t text)
{
    jm_op_over_t  op;
    jm_backend_t  b;

    memset(&op, 0, sizeof(jm_op_over_t));

    op.done = state_done_with;
    op.claim = &o->claim;
    op.task = i;
    op.entry = o->claim.serial;
    op.account = o->account;
    op.place = &o->places[i];
    op.how = JM_LEAVE_DONE;
    op.result = text;
    op.until = state_clock.wall + DAY;
    op.hold = &o->hold;
    op.bill = *bill(images);

    state_backend(&b, st);
    b.over(&b, &op);

    return op;
}


/* the slot of task i is another's to look after */

static inline void
order_lose(jm_state_t *st, order_t *o, unsigned i)
{
    jm_backend_t  b;

    state_backend(&b, st);
    b.leave(&b, &o->places[i], JM_LEAVE_LOST);
}


/* its client is answered, or has left */

static inline void
order_close(jm_state_t *st, order_t *o, unsigned answered)
{
    jm_backend_t  b;

    state_backend(&b, st);

    b.ended(&b, &o->claim, answered ? JM_CLAIM_OVER : JM_CLAIM_CLOSED, NULL);
    b.release(&b, &o->hold);
}


/* all of it, with one task, which brings a picture */

static inline void
order_all(jm_state_t *st, uint32_t key, unsigned account,
    const jm_client_t *c)
{
    order_t  o;

    (void) order_open(st, &o, key, 1, c);
    (void) order_enter(st, &o, 0, account, c);
    (void) order_submit(st, &o, 0);
    order_accepted(st, &o, 0, "7392616336519610409");
    order_over(st, &o, 0, 1, JM_LEAVE_OVER);
    order_close(st, &o, 1);
}


/* one whose task runs, and which its process holds on to */

static inline void
order_running(jm_state_t *st, order_t *o, uint32_t key, const char *id,
    unsigned account, const jm_client_t *c)
{
    (void) order_open(st, o, key, 1, c);
    (void) order_enter(st, o, 0, account, c);
    (void) order_submit(st, o, 0);
    order_accepted(st, o, 0, id);
}


static inline unsigned
state_account(jm_state_t *st, const char *name, uint32_t concurrency)
{
    unsigned  number;

    state_begin(st);
    number = account(&st->queue, name, concurrency, 100);
    state_commit(st);

    return number;
}


static inline jm_rc_e
state_sync(jm_state_t *st, const jm_client_t *const *clients, size_t n)
{
    jm_rc_e          rc;
    jm_quota_sync_t  sync;

    memset(&sync, 0, sizeof(jm_quota_sync_t));

    sync.clients = clients;
    sync.n = n;

    do {
        state_begin(st);
        rc = jm_quota_sync(&st->quota, &sync);
        state_commit(st);
    } while (rc == JM_OK && sync.step != JM_SYNC_DONE);

    return rc;
}


static inline jm_quota_view_t
state_view(jm_state_t *st, const jm_client_t *c)
{
    jm_quota_view_t  view;

    state_begin(st);
    jm_quota_view(&st->quota, c, st->seconds, &view);
    state_commit(st);

    return view;
}


/* ---- whether it is whole */


/* how many clients are in a ring, or -1; adds their other records to *more */

static inline int
quota_ring(jm_quota_t *q, jm_ring_t *ring, unsigned loose, uint32_t *more)
{
    int                 n;
    jm_str_t            name;
    jm_ref_t            ref;
    jm_ring_t          *link;
    jm_store_t         *s;
    jm_quota_client_t  *c;

    n = 0;
    s = q->store;

    if (list_length(s, ring) < 0) {
        return -1;
    }

    for (link = jm_ring_next(s, ring);
         link != ring;
         link = jm_ring_next(s, link))
    {
        c = jm_quota_linked(link);

        name.data = c->name;
        name.len = c->len;

        if (jm_store_believed(s, jm_ref(s, c), JM_RECORD_CLIENT,
                              jm_quota_client_sealed) != c
            || c->loose != loose
            || jm_quota_find(q, name) != c
            || jm_quota_numbered(q, c->serial) != c)
        {
            return -1;
        }

        for (ref = c->more; ref != 0;
             ref = ((jm_quota_more_t *) jm_to(s, ref))->next)
        {
            if (((jm_record_t *) jm_to(s, ref))->type != JM_RECORD_SHARES) {
                return -1;
            }

            (*more)++;
        }

        n++;
    }

    return n;
}


static inline unsigned
quota_is_whole(jm_quota_t *q)
{
    uint32_t            more;
    jm_store_t         *s;
    jm_quota_shared_t  *shared;

    more = 0;
    s = q->store;
    shared = q->shared;

    return quota_ring(q, &shared->clients, 0, &more) == (int) shared->nclients
           && quota_ring(q, &shared->loose, 1, &more) == (int) shared->nloose
           && store_count(s, JM_RECORD_CLIENT)
              == shared->nclients + shared->nloose
           && more == store_count(s, JM_RECORD_SHARES);
}


/* whether each owner is in its slot, and no number is to be given again */

static inline unsigned
owners_whole(const jm_store_shared_t *shared)
{
    uint32_t  i, owner;

    for (i = 0; i < JM_STORE_OWNERS; i++) {
        owner = shared->owners[i];

        if (owner != 0 && (jm_store_slot(owner) != i || owner > shared->owner))
        {
            return 0;
        }
    }

    return 1;
}


static inline unsigned
state_is_whole(jm_state_t *st)
{
    jm_store_t             *s;
    const jm_state_meta_t  *meta;

    s = &st->store;

    meta = jm_store_believed(s, jm_ref(s, jm_store_record(s, 0)),
                             JM_RECORD_META, jm_state_meta_sealed);

    return meta != NULL && meta->salt == st->salt
           && store_count(s, JM_RECORD_META) == 1 && owners_whole(s->shared)
           && ledger_length(&st->ledger) >= 0 && queue_is_whole(&st->queue)
           && quota_is_whole(&st->quota);
}


/* the slot of an entry's task, or NULL */

static inline jm_ledger_slot_t *
state_slot(jm_state_t *st, uint64_t serial, unsigned i)
{
    jm_ledger_entry_t  *e;

    e = jm_ledger_numbered(&st->ledger, serial);

    return e ? jm_ledger_slot(&st->ledger, e, i) : NULL;
}


/* the place of an entry's task, or NULL */

static inline jm_queue_place_t *
state_place(jm_state_t *st, uint64_t serial, unsigned i)
{
    uint32_t           r;
    jm_queue_place_t  *place;

    for (r = 0; r < st->store.shared->used; r++) {
        place = (jm_queue_place_t *) (void *) jm_store_record(&st->store, r);

        if (place->head.type == JM_RECORD_PLACE && place->entry == serial
            && place->task == i)
        {
            return place;
        }
    }

    return NULL;
}


#endif /* _STATE_H_INCLUDED_ */
