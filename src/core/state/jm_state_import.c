
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_ledger_import.h"
#include "jm_ledger_part.h"
#include "jm_queue_import.h"
#include "jm_state_shared.h"

#include <stdlib.h>


/* what is taken over, and from where */

typedef struct {
    jm_state_t          *st;
    jm_store_t           old;
    jm_state_import_t   *n;
    uint8_t              map[256];  /* new numbers of accounts by old ones */
} jm_import_t;


/* an entry of the old ledger */

typedef struct {
    uint64_t             serial;
    jm_ref_t             ref;
} jm_import_entry_t;


static unsigned jm_import_is_one(jm_import_t *im);
static void jm_import_meta(jm_import_t *im);
static void jm_import_serial(jm_import_t *im);
static void jm_import_each(jm_import_t *im, jm_record_e type);
static jm_rc_e jm_import_record(jm_import_t *im, jm_ref_t ref,
    jm_record_e type);
static jm_rc_e jm_import_entries(jm_import_t *im, const jm_mem_t *mem);
static size_t jm_import_list(jm_import_t *im, jm_import_entry_t *list);
static int jm_import_order(const void *one, const void *two);
static void jm_import_count(jm_import_t *im);
static unsigned jm_import_believes(jm_import_t *im, jm_ref_t ref,
    jm_record_e type);
static const jm_record_t *jm_import_at(jm_import_t *im, jm_ref_t ref);


#define jm_import_refs(im)   ((jm_ref_t) ((im)->old.size / JM_RECORD))
#define jm_import_ref(i)     ((jm_ref_t) ((i) * (JM_RECORD / 4)))


jm_rc_e
jm_state_import(jm_state_t *st, void *old, size_t size, const jm_mem_t *mem,
    jm_state_import_t *n)
{
    jm_import_t  im;

    memset(n, 0, sizeof(jm_state_import_t));
    memset(&im, 0, sizeof(jm_import_t));
    memset(im.map, JM_LEDGER_ANY, sizeof(im.map));

    im.st = st;
    im.n = n;
    im.old.shared = old;
    im.old.size = size;

    if (jm_import_is_one(&im)) {
        jm_store_recover(&im.old);
    }

    jm_import_meta(&im);
    jm_import_serial(&im);

    /* places and entries have the numbers of accounts */

    jm_import_each(&im, JM_RECORD_ACCOUNT);
    jm_import_each(&im, JM_RECORD_CLIENT);
    jm_import_each(&im, JM_RECORD_USED);
    jm_import_each(&im, JM_RECORD_PLACE);
    jm_import_each(&im, JM_RECORD_CLASS);

    if (jm_import_entries(&im, mem) != JM_OK) {
        return JM_ERROR;
    }

    jm_import_count(&im);

    return JM_OK;
}


/*
 * Whether all pages are of the same moment, as the last process left them.
 * After the system has gone down the disk has each as it was written once: an
 * old log must not undo what was done and committed since, as that a task was
 * submitted.
 */

static unsigned
jm_import_is_one(jm_import_t *im)
{
    jm_state_t  old;

    return im->st->shared->boot != 0
           && jm_state_attach(&old, im->old.shared, im->old.size) == JM_OK
           && old.shared->boot == im->st->shared->boot;
}


/* keys are digests with the salt: without the old one none would be found */

static void
jm_import_meta(jm_import_t *im)
{
    jm_ref_t                i;
    const jm_state_meta_t  *old;

    for (i = 0; i < jm_import_refs(im); i++) {
        old = jm_store_believed(&im->old, jm_import_ref(i), JM_RECORD_META,
                                jm_state_meta_sealed);

        if (old != NULL) {
            jm_state_set_salt(im->st, old->salt);
            return;
        }
    }
}


/*
 * Numbers of what was forgotten are not used again: somebody may still name
 * them.  A damaged head does not tell the last one.
 */

static void
jm_import_serial(jm_import_t *im)
{
    uint64_t     last;
    jm_store_t  *s;

    s = &im->st->store;
    last = UINT32_MAX;

    if (jm_state_looks(im->old.shared, im->old.size)
        && im->old.shared->serial < UINT64_MAX / 4)
    {
        last = im->old.shared->serial;
    }

    jm_put(s, s->shared->serial, jm_max(s->shared->serial, last));
}


static void
jm_import_each(jm_import_t *im, jm_record_e type)
{
    jm_rc_e   rc;
    jm_ref_t  i;

    for (i = 0; i < jm_import_refs(im); i++) {

        if (jm_import_at(im, jm_import_ref(i))->type != type) {
            continue;
        }

        rc = jm_import_record(im, jm_import_ref(i), type);

        jm_store_commit(&im->st->store);

        if (rc == JM_ERROR) {
            im->n->forgotten++;
        }
    }
}


static jm_rc_e
jm_import_record(jm_import_t *im, jm_ref_t ref, jm_record_e type)
{
    jm_rc_e      rc;
    jm_state_t  *st;

    st = im->st;

    switch (type) {

    case JM_RECORD_ACCOUNT:
        return jm_queue_import_account(&st->queue, &im->old, ref, im->map);

    case JM_RECORD_CLIENT:
        rc = jm_quota_import(&st->quota, &im->old, ref, st->seconds);
        im->n->clients += (rc == JM_OK);
        return rc;

    case JM_RECORD_USED:
        return jm_quota_import_used(&st->quota, &im->old, ref, st->seconds);

    case JM_RECORD_CLASS:
        return jm_schedule_import(&st->schedule, &im->old, ref, st->now);

    default: /* JM_RECORD_PLACE */
        rc = jm_queue_import_place(&st->queue, &im->old, ref, im->map,
                                   st->now);
        im->n->slots += (rc == JM_OK);
        return rc;
    }
}


/* the oldest first: without room for all these are forgotten */

static jm_rc_e
jm_import_entries(jm_import_t *im, const jm_mem_t *mem)
{
    size_t              i, n;
    jm_rc_e             rc;
    jm_state_t         *st;
    jm_import_entry_t  *list;

    n = jm_import_list(im, NULL);

    if (n == 0) {
        return JM_OK;
    }

    list = mem->alloc(mem->ctx, n * sizeof(jm_import_entry_t));

    if (list == NULL) {
        return JM_ERROR;
    }

    (void) jm_import_list(im, list);

    qsort(list, n, sizeof(jm_import_entry_t), jm_import_order);

    st = im->st;

    for (i = 0; i < n; i++) {
        rc = jm_ledger_import(&st->ledger, &im->old, list[i].ref, im->map,
                              st->now);

        jm_store_commit(&st->store);

        im->n->forgotten += (rc == JM_ERROR);
    }

    im->n->entries = jm_ledger_entries(&st->ledger);
    im->n->forgotten += st->ledger.evicted;

    st->ledger.evicted = 0;

    mem->free(mem->ctx, list);

    return JM_OK;
}


/* lists entries, where there is a list, and returns how many there are */

static size_t
jm_import_list(jm_import_t *im, jm_import_entry_t *list)
{
    size_t    n;
    jm_ref_t  i;
    uint64_t  serial;

    n = 0;

    for (i = 0; i < jm_import_refs(im); i++) {
        serial = jm_ledger_imports(&im->old, jm_import_ref(i));

        if (serial == 0) {
            continue;
        }

        if (list != NULL) {
            list[n].serial = serial;
            list[n].ref = jm_import_ref(i);
        }

        n++;
    }

    return n;
}


static int
jm_import_order(const void *one, const void *two)
{
    const jm_import_entry_t  *a, *b;

    a = one;
    b = two;

    return (a->serial > b->serial) - (a->serial < b->serial);
}


/*
 * A page that was lost is zeros, or as it was once: what is in the records says
 * nothing of that, but the head says how many there should be.
 */

static void
jm_import_count(jm_import_t *im)
{
    jm_ref_t                  i, first;
    uint32_t                  used, found;
    jm_record_e               type;
    jm_store_shared_t        *head;

    head = im->old.shared;

    if (!jm_state_looks(head, im->old.size)) {
        head = NULL;
    }

    /* heads are no records, whatever their bytes are like */

    first = head ? head->first / (JM_RECORD / 4) : 0;
    found = 0;

    for (i = first; i < jm_import_refs(im); i++) {
        type = jm_import_at(im, jm_import_ref(i))->type;

        if (type != JM_RECORD_FREE) {
            found++;
            im->n->damaged += !jm_import_believes(im, jm_import_ref(i), type);
        }
    }

    if (head != NULL) {
        used = head->records - head->nfree - head->ngiven;

        /* the last record counts as well */

        if (used++ <= head->records && used > found) {
            im->n->missing = used - found;
        }
    }
}


static unsigned
jm_import_believes(jm_import_t *im, jm_ref_t ref, jm_record_e type)
{
    size_t  from, to;

    static const size_t  sealed[JM_RECORD_LAST][2] = {
        [JM_RECORD_META] = { jm_state_meta_sealed },
        [JM_RECORD_CLIENT] = { jm_quota_client_sealed },
        [JM_RECORD_USED] = { jm_quota_used_sealed },
        [JM_RECORD_ACCOUNT] = { jm_queue_account_sealed },
        [JM_RECORD_PLACE] = { jm_queue_place_sealed },
        [JM_RECORD_ENTRY] = { jm_ledger_entry_sealed },
        [JM_RECORD_TASKS] = { jm_ledger_tasks_sealed },
        [JM_RECORD_TOLD] = { jm_ledger_told_sealed },
        [JM_RECORD_PART] = { jm_ledger_part_sealed },
        [JM_RECORD_CLASS] = { jm_schedule_class_sealed },
        [JM_RECORD_SAMPLES] = { jm_schedule_samples_sealed }
    };

    if (type >= JM_RECORD_LAST) {
        return 0;
    }

    from = sealed[type][0];
    to = sealed[type][1];

    /* the others are made anew, and not sealed */

    return to == 0 || jm_store_believed(&im->old, ref, type, from, to) != NULL;
}


static const jm_record_t *
jm_import_at(jm_import_t *im, jm_ref_t ref)
{
    return jm_to(&im->old, ref);
}
