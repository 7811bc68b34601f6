
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_hash.h"
#include "jm_ledger_part.h"
#include "jm_quota_loose.h"
#include "jm_state_shared.h"
#include "jm_store_layout.h"


#define JM_STATE_STEP       65536

/* clients that are looked at for one to forget */

#define JM_STATE_LOOSE      8

/* in ms since 1970: what is later, in the year 2500, is no time */

#define JM_STATE_LATEST     UINT64_C(16700000000000)

/* bits of a number that count on within the millisecond in which it began */

#define JM_STATE_NUMBERS    10


static jm_rc_e jm_state_layout(jm_state_t *st, void *memory, size_t size,
    unsigned fresh, uint32_t least);
static uint64_t jm_state_digest(void);
static void jm_state_set_clock(jm_state_t *st, const jm_clock_t *clock,
    uint64_t last);
static jm_rc_e jm_state_forget(void *ctx);


jm_rc_e
jm_state_create(jm_state_t *st, void *memory, size_t size, uint32_t records,
    const uint8_t *salt, const jm_clock_t *clock, uint64_t last)
{
    jm_rc_e           rc;
    jm_state_meta_t  *meta;

    rc = jm_state_layout(st, memory, size, 1, records + JM_STATE_LEAST);

    if (rc != JM_OK) {
        return rc;
    }

    /* the last record is nobody else's */

    st->store.shared->records--;
    st->store.shared->nfree--;

    meta = jm_store_take(&st->store, JM_RECORD_META);

    jm_state_set_salt(st, salt);

    st->salt = meta->salt;
    st->store.shared->kept = records;
    st->shared->boot = st->boot;

    jm_state_set_clock(st, clock, last);

    /* an id that was made in the days of another state names nothing here */

    st->store.shared->serial = jm_min(st->shared->last, JM_STATE_LATEST)
                               << JM_STATE_NUMBERS;

    jm_store_commit(&st->store);

    return JM_OK;
}


void
jm_state_set_salt(jm_state_t *st, const uint8_t *salt)
{
    jm_state_meta_t  *meta;

    meta = (jm_state_meta_t *) (void *) jm_store_record(&st->store, 0);

    memcpy(meta->salt, salt, JM_STATE_SALT);
    jm_store_seal(meta, jm_state_meta_sealed);

    /* in another page: without it all keys are lost */

    memcpy(jm_store_record(&st->store, st->store.shared->records), meta,
           sizeof(jm_state_meta_t));
}


jm_rc_e
jm_state_attach(jm_state_t *st, void *memory, size_t size)
{
    const jm_state_meta_t  *meta;

    if (size < sizeof(jm_store_shared_t)
        || jm_state_layout(st, memory, size, 0, 0) != JM_OK
        || !jm_store_matches(&st->store, jm_state_digest()))
    {
        return JM_INVALID;
    }

    /* it is the first one that was taken */

    meta = (const jm_state_meta_t *) (const void *)
           jm_store_record(&st->store, 0);

    st->salt = meta->salt;

    return JM_OK;
}


static jm_rc_e
jm_state_layout(jm_state_t *st, void *memory, size_t size, unsigned fresh,
    uint32_t least)
{
    jm_store_t  *s;

    s = &st->store;

    s->forget = jm_state_forget;
    s->ctx = st;

    jm_store_attach(s, memory, size, fresh);

    st->lock = jm_store_head(s, JM_STATE_LOCK);
    st->shared = jm_store_head(s, sizeof(jm_state_shared_t));

    if (st->shared == NULL
        || jm_ledger_layout(&st->ledger, s) != JM_OK
        || jm_queue_layout(&st->queue, s) != JM_OK
        || jm_quota_layout(&st->quota, s) != JM_OK
        || jm_schedule_layout(&st->schedule, s) != JM_OK)
    {
        return JM_INVALID;
    }

    /* and one that has the salt once more */

    return jm_store_records(s, jm_state_digest(), least + 1);
}


static uint64_t
jm_state_digest(void)
{
    static const size_t  sizes[] = {
        JM_STORE_VERSION, JM_RECORD_LAST, sizeof(jm_store_shared_t),
        sizeof(jm_state_shared_t), sizeof(struct jm_ledger_shared_s),
        sizeof(struct jm_queue_shared_s), sizeof(struct jm_quota_shared_s),
        sizeof(jm_ledger_entry_t), sizeof(jm_ledger_tasks_t),
        sizeof(jm_ledger_told_t), sizeof(jm_ledger_part_t),
        sizeof(jm_queue_place_t),
        sizeof(jm_queue_line_t), sizeof(jm_queue_group_t),
        sizeof(jm_queue_process_t), sizeof(jm_queue_account_t),
        sizeof(jm_quota_client_t), sizeof(jm_quota_used_t),
        sizeof(jm_schedule_class_t), sizeof(void *), JM_CAUSE_LAST
    };

    return jm_hash(JM_HASH_START, sizes, sizeof(sizes));
}


size_t
jm_state_needs(uint32_t records)
{
    size_t      size;
    jm_state_t  st;

    /* of a store that is not fresh nothing is looked at here */

    memset(&st, 0, sizeof(jm_state_t));

    for (size = JM_STATE_STEP; size != 0; size += JM_STATE_STEP) {

        if (jm_state_layout(&st, &st, size, 0, records + JM_STATE_LEAST)
            == JM_OK)
        {
            break;
        }
    }

    return size;
}


uint32_t
jm_state_records(const jm_state_t *st)
{
    return st->store.shared->records - JM_STATE_LEAST;
}


void
jm_state_keep(jm_state_t *st, uint32_t records)
{
    jm_put(&st->store, st->store.shared->kept,
           records + st->quota.shared->nloose * JM_QUOTA_EACH);
}


/* a wall clock that was set back says nothing: that of before goes on */

static void
jm_state_set_clock(jm_state_t *st, const jm_clock_t *clock, uint64_t last)
{
    uint64_t  now;

    now = jm_max(clock->wall, last);

    jm_put(&st->store, st->shared->base, now - clock->monotonic);
    jm_put(&st->store, st->shared->wall, now - clock->monotonic);
    jm_put(&st->store, st->shared->last, now);
}


void
jm_state_begin(jm_state_t *st, const jm_clock_t *clock)
{
    uint64_t            wall;
    jm_state_shared_t  *shared;

    shared = st->shared;

    jm_store_begin(&st->store);

    st->now = clock->monotonic + shared->base;
    wall = clock->monotonic + shared->wall;

    /* days and hours follow a clock that is put right, but never back */

    if (clock->wall > wall) {
        jm_put(&st->store, shared->wall, clock->wall - clock->monotonic);
        wall = clock->wall;
    }

    st->seconds = (int64_t) (wall / 1000);

    shared->last = jm_max(st->now, wall);
}


void
jm_state_commit(jm_state_t *st)
{
    jm_store_commit(&st->store);
}


jm_rc_e
jm_state_join(jm_state_t *st, unsigned (*can_be)(void *ctx, uint32_t slot),
    void *ctx)
{
    return jm_store_join(&st->store, can_be, ctx);
}


/*
 * What is forgotten, in this order, when there is no record for what is new:
 *
 * - clients of whom nothing would be missed;
 * - parts of what tasks have brought that are nobody's any more;
 * - what tasks have brought, the oldest first, whether or not it is of use yet:
 *   that they are over, and paid, stays known;
 * - requests that cost nothing, with the error that their clients were told;
 * - requests that are over, the longest first, whether or not they are owed;
 * - what clients without limits have used this month.
 *
 * A request that is new may be entered in place of one that has run for a day,
 * and that nobody follows, as well.  What a task brings is kept in place of
 * what is above "whether or not they are owed", or of one that is not.
 */

static jm_rc_e
jm_state_forget(void *ctx)
{
    jm_state_t *st = ctx;

    if (jm_quota_shrink(&st->quota, JM_STATE_LOOSE, 0, st->now, st->seconds)
        == JM_OK
        || jm_ledger_shrink(&st->ledger, st->now) == JM_OK)
    {
        return JM_OK;
    }

    return jm_quota_shrink(&st->quota, JM_STATE_LOOSE, 1, st->now,
                           st->seconds);
}


unsigned
jm_state_looks(void *old, size_t size)
{
    jm_store_t  s;

    s.shared = old;
    s.size = size;

    return size >= sizeof(jm_store_shared_t) && jm_store_looks(&s);
}


uint64_t
jm_state_last(void *old, size_t size)
{
    jm_state_t  st;

    if (jm_state_attach(&st, old, size) != JM_OK
        || st.shared->last > JM_STATE_LATEST)
    {
        return 0;
    }

    return st.shared->last;
}
