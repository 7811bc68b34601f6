
/*
 * The world of a state that is to be damaged, and what is done to its bytes.
 */


#ifndef _FUZZ_STATE_H_INCLUDED_
#define _FUZZ_STATE_H_INCLUDED_


#include "fuzz.h"
#include "../unit/state.h"
#include "../unit/ledger_text.h"


#define SIZE     49152
#define RECORDS  16
#define ORDERS   4
#define MAX      (SIZE + 4096)

/* a first byte from which on tasks are calls, and what they bring is damaged */

#define CALLS    240


typedef struct {
    input_t              input;
    unsigned             calls;
    jm_state_t           old;
    order_t              orders[ORDERS];
    uint32_t             keys;
    uint8_t             *file;
    size_t               size;
    uint8_t             *records;
    unsigned             used;
} world_t;


static jm_client_t        alice, bob;
static const jm_client_t  *clients[] = { &alice, &bob };


static inline unsigned
choose_many(input_t *input, unsigned n)
{
    return (choose(input, 256) * 256 + choose(input, 256)) % n;
}


static inline void
seal(uint8_t *record)
{
    unsigned            i;
    jm_ledger_entry_t  *e;
    jm_ledger_tasks_t  *tasks;

    e = (void *) record;
    tasks = (void *) record;

    e->head.version = JM_STORE_VERSION;

    switch (e->head.type) {

    case JM_RECORD_META:
        jm_store_seal(record, jm_state_meta_sealed);
        break;

    case JM_RECORD_CLIENT:
        jm_store_seal(record, jm_quota_client_sealed);
        break;

    case JM_RECORD_USED:
        jm_store_seal(record, jm_quota_used_sealed);
        break;

    case JM_RECORD_ACCOUNT:
        jm_store_seal(record, jm_queue_account_sealed);
        break;

    case JM_RECORD_PLACE:
        jm_store_seal(record, jm_queue_place_sealed);
        break;

    case JM_RECORD_ENTRY:
        jm_store_seal(record, jm_ledger_entry_sealed);
        e->slot.sum = jm_ledger_sum(&e->slot);
        break;

    case JM_RECORD_TASKS:
        jm_store_seal(record, jm_ledger_tasks_sealed);

        for (i = 0; i < JM_LEDGER_MORE; i++) {
            tasks->slots[i].sum = jm_ledger_sum(&tasks->slots[i]);
        }

        break;

    case JM_RECORD_TOLD:
        jm_store_seal(record, jm_ledger_told_sealed);
        break;

    case JM_RECORD_PART:
        jm_store_seal(record, jm_ledger_part_sealed);
        break;

    default:
        break;
    }
}


/* what is looked at in a record, and what it may be */

#define field(type, of, name)                                                 \
    { type, offsetof(of, name), sizeof(((of *) NULL)->name) }

static const struct {
    jm_record_e          type;
    size_t               at;
    size_t               size;
} fields[] = {
    field(JM_RECORD_ENTRY, jm_ledger_entry_t, who),
    field(JM_RECORD_ENTRY, jm_ledger_entry_t, serial),
    field(JM_RECORD_ENTRY, jm_ledger_entry_t, created),
    field(JM_RECORD_ENTRY, jm_ledger_entry_t, keep),
    field(JM_RECORD_ENTRY, jm_ledger_entry_t, n),
    field(JM_RECORD_ENTRY, jm_ledger_entry_t, account),
    field(JM_RECORD_ENTRY, jm_ledger_entry_t, more),
    field(JM_RECORD_ENTRY, jm_ledger_entry_t, finished),
    field(JM_RECORD_ENTRY, jm_ledger_entry_t, owed_since),
    field(JM_RECORD_ENTRY, jm_ledger_entry_t, told),
    field(JM_RECORD_ENTRY, jm_ledger_entry_t, waits),
    field(JM_RECORD_ENTRY, jm_ledger_entry_t, slot.len),
    field(JM_RECORD_ENTRY, jm_ledger_entry_t, slot.state),
    field(JM_RECORD_TASKS, jm_ledger_tasks_t, next),
    field(JM_RECORD_TASKS, jm_ledger_tasks_t, serial),
    field(JM_RECORD_TASKS, jm_ledger_tasks_t, first),
    field(JM_RECORD_TASKS, jm_ledger_tasks_t, slots[0].len),
    field(JM_RECORD_TASKS, jm_ledger_tasks_t, slots[0].state),
    field(JM_RECORD_TOLD, jm_ledger_told_t, cause),
    field(JM_RECORD_TOLD, jm_ledger_told_t, serial),
    field(JM_RECORD_TOLD, jm_ledger_told_t, message),
    field(JM_RECORD_PLACE, jm_queue_place_t, serial),
    field(JM_RECORD_PLACE, jm_queue_place_t, task),
    field(JM_RECORD_PLACE, jm_queue_place_t, key_len),
    field(JM_RECORD_PLACE, jm_queue_place_t, entry),
    field(JM_RECORD_PLACE, jm_queue_place_t, billed),
    field(JM_RECORD_PLACE, jm_queue_place_t, since),
    field(JM_RECORD_PLACE, jm_queue_place_t, renewed),
    field(JM_RECORD_PLACE, jm_queue_place_t, at),
    field(JM_RECORD_PLACE, jm_queue_place_t, account),
    field(JM_RECORD_PLACE, jm_queue_place_t, state),
    field(JM_RECORD_PLACE, jm_queue_place_t, id_len),
    field(JM_RECORD_ACCOUNT, jm_queue_account_t, number),
    field(JM_RECORD_ACCOUNT, jm_queue_account_t, len),
    field(JM_RECORD_ACCOUNT, jm_queue_account_t, name),
    field(JM_RECORD_ACCOUNT, jm_queue_account_t, average),
    field(JM_RECORD_CLIENT, jm_quota_client_t, len),
    field(JM_RECORD_CLIENT, jm_quota_client_t, serial),
    field(JM_RECORD_CLIENT, jm_quota_client_t, full),
    field(JM_RECORD_CLIENT, jm_quota_client_t, window),
    field(JM_RECORD_CLIENT, jm_quota_client_t, used),
    field(JM_RECORD_CLIENT, jm_quota_client_t, period),
    field(JM_RECORD_CLIENT, jm_quota_client_t, models),
    field(JM_RECORD_CLIENT, jm_quota_client_t, told),
    field(JM_RECORD_CLIENT, jm_quota_client_t, budget),
    field(JM_RECORD_CLIENT, jm_quota_client_t, sums.windows[0]),
    field(JM_RECORD_CLIENT, jm_quota_client_t, sums.windows[1]),
    field(JM_RECORD_CLIENT, jm_quota_client_t, sums.images[0]),
    field(JM_RECORD_CLIENT, jm_quota_client_t, sums.cost[1]),
    field(JM_RECORD_USED, jm_quota_used_t, next),
    field(JM_RECORD_USED, jm_quota_used_t, serial),
    field(JM_RECORD_USED, jm_quota_used_t, slots[0].model),
    field(JM_RECORD_USED, jm_quota_used_t, slots[0].sums.windows[0]),
    field(JM_RECORD_USED, jm_quota_used_t, slots[0].sums.windows[1]),
    field(JM_RECORD_USED, jm_quota_used_t, slots[0].sums.images[0]),
    field(JM_RECORD_USED, jm_quota_used_t, slots[0].sums.cost[1])
};

/* the same of what a task has brought */

#define kept(type, of, slot, name)                                            \
    { type, offsetof(of, slot) + offsetof(jm_ledger_kept_t, name),            \
      sizeof(((jm_ledger_kept_t *) NULL)->name) }

static const struct {
    jm_record_e          type;
    size_t               at;
    size_t               size;
} kept_fields[] = {
    kept(JM_RECORD_ENTRY, jm_ledger_entry_t, slot, until),
    kept(JM_RECORD_ENTRY, jm_ledger_entry_t, slot, first),
    kept(JM_RECORD_ENTRY, jm_ledger_entry_t, slot, len),
    kept(JM_RECORD_TASKS, jm_ledger_tasks_t, slots[0], first),
    kept(JM_RECORD_TASKS, jm_ledger_tasks_t, slots[0], len),
    field(JM_RECORD_ENTRY, jm_ledger_entry_t, serial),
    field(JM_RECORD_ENTRY, jm_ledger_entry_t, slot.len),
    field(JM_RECORD_ENTRY, jm_ledger_entry_t, slot.state),
    field(JM_RECORD_ENTRY, jm_ledger_entry_t, retired),
    field(JM_RECORD_PART, jm_ledger_part_t, next),
    field(JM_RECORD_PART, jm_ledger_part_t, serial),
    field(JM_RECORD_PART, jm_ledger_part_t, task),
    field(JM_RECORD_PART, jm_ledger_part_t, number),
    field(JM_RECORD_PART, jm_ledger_part_t, len)
};

static const uint64_t  values[] = {
    0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 31, 32, 40, 41, 63, 64, 65, 80, 127, 128,
    200, 255, 256, 512, 1024, INT32_MAX, UINT32_MAX, WALL, WALL + DAY,
    INT64_MAX, UINT64_MAX - 1, UINT64_MAX
};


/* a record of a type, or NULL */

static inline uint8_t *
record_of(world_t *w, jm_record_e type, unsigned skip)
{
    unsigned  i;
    uint8_t  *record;

    for (i = 0; i < w->used; i++) {
        record = w->records + i * JM_RECORD;

        if (record[offsetof(jm_record_t, type)] == type && skip-- == 0) {
            return record;
        }
    }

    return NULL;
}


/* a reference is to some record, or to none at all */

static inline uint64_t
choose_value(world_t *w, size_t size)
{
    uint64_t  value;

    value = values[choose(&w->input, jm_nitems(values))];

    if (w->calls && size == sizeof(jm_ref_t) && value > 4 && value < 256) {
        value = jm_ref(&w->old.store, w->records + value % w->used * JM_RECORD);
    }

    return value;
}


static inline void
damage_field(world_t *w)
{
    size_t       n, at, size, all;
    unsigned     i;
    uint8_t     *record;
    uint64_t     value;
    jm_record_e  type;

    if (w->calls) {
        i = choose(&w->input, jm_nitems(kept_fields));
        type = kept_fields[i].type;
        at = kept_fields[i].at;
        all = kept_fields[i].size;

    } else {
        i = choose(&w->input, jm_nitems(fields));
        type = fields[i].type;
        at = fields[i].at;
        all = fields[i].size;
    }

    record = record_of(w, type, choose(&w->input, 4));
    value = choose_value(w, all);

    if (record == NULL) {
        return;
    }

    size = jm_min(all, sizeof(uint64_t));

    for (n = 0; n + size <= all; n += size) {
        memcpy(record + at + n, &value, size);
    }

    seal(record);
}


/* a record that was in use, most likely, and where it is */

static inline uint8_t *
choose_record(world_t *w)
{
    return w->records + choose_many(&w->input, w->used) * JM_RECORD;
}


static inline void
damage(world_t *w)
{
    uint8_t            *to, *from;
    unsigned            at, n;
    jm_undo_t          *u;
    jm_store_shared_t  *head;

    head = (void *) w->file;

    switch (choose(&w->input, 16)) {

    case 0:
        w->file[choose_many(&w->input, SIZE)] = (uint8_t) choose(&w->input,
                                                                 256);
        break;

    case 1:
    case 2:
    case 3:
    case 4:
        to = choose_record(w);
        at = choose(&w->input, JM_RECORD);
        n = choose(&w->input, 8) + 1;
        memset(to + at, (int) choose(&w->input, 256),
               jm_min(n, JM_RECORD - at));

        if (choose(&w->input, 4) != 3) {
            seal(to);
        }

        break;

    case 5:
        to = choose_record(w);
        to[offsetof(jm_record_t, type)] = (uint8_t) choose(&w->input,
                                                           JM_RECORD_LAST + 1);
        seal(to);
        break;

    case 6:
        to = choose_record(w);
        from = choose_record(w);
        memmove(to, from, JM_RECORD);
        break;

    case 7:
        head->nundo = 1 + choose_many(&w->input, JM_STORE_UNDO + 2);
        n = jm_min(head->nundo, JM_STORE_UNDO);
        u = &head->undo[n - 1];
        u->at = (uint64_t) choose_many(&w->input, 65536) * 16
                + choose(&w->input, 16);
        u->old = choose(&w->input, 256) * UINT64_C(0x0101010101010101);
        break;

    case 8:
        at = choose(&w->input, offsetof(jm_store_shared_t, undo));
        ((uint8_t *) head)[at] = (uint8_t) choose(&w->input, 256);
        break;

    case 9:
        at = choose(&w->input, sizeof(jm_state_shared_t));
        ((uint8_t *) w->old.shared)[at] = (uint8_t) choose(&w->input, 256);
        break;

    default:
        damage_field(w);
        break;
    }
}


#endif /* _FUZZ_STATE_H_INCLUDED_ */
