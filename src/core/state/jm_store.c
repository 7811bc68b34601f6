
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_store_layout.h"
#include "jm_hash.h"


#define JM_STORE_CHAIN      512         /* bytes of a store for each chain */
#define JM_STORE_CHAINS     16          /* of the smallest table */

_Static_assert(sizeof(jm_record_t) == 12, "a record's head has no holes");


static const uint8_t  jm_store_magic[8] = { 'J', 'M', 'N', 'G', '\r', '\n',
                                            0x1a, '\n' };


static void jm_store_merge(jm_store_t *s);
static uint32_t jm_store_sum(const void *record, size_t from, size_t to);


void
jm_store_attach(jm_store_t *s, void *memory, size_t size, unsigned fresh)
{
    s->shared = memory;
    s->size = size;
    s->heads = sizeof(jm_store_shared_t);
    s->fresh = fresh;
}


void *
jm_store_head(jm_store_t *s, size_t size)
{
    void  *head;

    size = (size + 7) & ~(size_t) 7;

    if (s->heads > s->size || size > s->size - s->heads) {
        return NULL;
    }

    head = (uint8_t *) s->shared + s->heads;
    s->heads += size;

    return head;
}


jm_rc_e
jm_store_records(jm_store_t *s, uint64_t layout, uint32_t least)
{
    size_t              first, records;
    jm_store_shared_t  *shared;

    first = (s->heads + JM_RECORD - 1) / JM_RECORD * JM_RECORD;

    if (first > s->size) {
        return JM_INVALID;
    }

    records = jm_min((s->size - first) / JM_RECORD, UINT32_MAX / JM_RECORD);

    if (records < least) {
        return JM_INVALID;
    }

    if (!s->fresh) {
        return JM_OK;
    }

    shared = s->shared;

    shared->layout = layout;
    shared->size = s->size;
    shared->first = (jm_ref_t) (first / 4);
    shared->records = (uint32_t) records;
    shared->nfree = (uint32_t) records;

    memcpy(shared->magic, jm_store_magic, sizeof(jm_store_magic));

    /* also what was stored in the heads: the next process must not undo it */

    jm_store_commit(s);

    return JM_OK;
}


unsigned
jm_store_looks(const jm_store_t *s)
{
    return memcmp(s->shared->magic, jm_store_magic, sizeof(jm_store_magic))
           == 0;
}


unsigned
jm_store_matches(const jm_store_t *s, uint64_t layout)
{
    return jm_store_looks(s) && s->shared->layout == layout
           && s->shared->size == s->size;
}


uint32_t
jm_store_chains(const jm_store_t *s)
{
    uint32_t  n;

    n = JM_STORE_CHAINS;

    while (n <= s->size / JM_STORE_CHAIN / 2 && n < UINT32_MAX / 4) {
        n *= 2;
    }

    return n;
}


void
jm_store_begin(jm_store_t *s)
{
    if (s->shared->nundo != 0) {
        jm_store_recover(s);
    }

    if (s->shared->given != 0) {
        jm_store_merge(s);
    }

    jm_fence();
}


void
jm_store_commit(jm_store_t *s)
{
    jm_fence();
    s->shared->nundo = 0;
    jm_fence();

    if (s->shared->given != 0) {
        jm_store_merge(s);
    }
}


/* the newest first; whoever dies of this, too, leaves it to be done again */

void
jm_store_recover(jm_store_t *s)
{
    size_t              size;
    uint32_t            n;
    uint64_t            at, old;
    jm_undo_t          *u;
    jm_store_shared_t  *shared;

    shared = s->shared;

    for (n = jm_min(shared->nundo, JM_STORE_UNDO); n != 0; n--) {
        u = &shared->undo[n - 1];
        at = u->at / 16;
        size = jm_min(u->at % 16, 8);

        /* one that is damaged may lead to the log itself */

        old = u->old;

        if (at <= s->size - size) {
            memcpy((uint8_t *) shared + at, &old, size);
        }

        jm_fence();
        shared->nundo = n - 1;
    }
}


/*
 * What was given back must not be taken again before it is certain that it will
 * not be undone: it would come back with other bytes.
 */

static void
jm_store_merge(jm_store_t *s)
{
    jm_record_t        *last;
    jm_store_shared_t  *shared;

    shared = s->shared;
    last = jm_to(s, shared->given_last);

    jm_put(s, last->next, shared->free);
    jm_put(s, shared->free, shared->given);
    jm_put(s, shared->nfree, shared->nfree + shared->ngiven);
    jm_put(s, shared->given, 0);
    jm_put(s, shared->given_last, 0);
    jm_put(s, shared->ngiven, 0);

    jm_fence();
    shared->nundo = 0;
    jm_fence();
}


jm_rc_e
jm_store_join(jm_store_t *s, unsigned (*can_be)(void *ctx, uint32_t slot),
    void *ctx)
{
    uint32_t            i, owner, *place;
    jm_store_shared_t  *shared;

    shared = s->shared;

    /* numbers that are left out, or that 32 bits have no more of, are lost */

    for (i = 1; i <= JM_STORE_OWNERS && shared->owner <= UINT32_MAX - i; i++) {
        owner = shared->owner + i;

        if (!can_be(ctx, jm_store_slot(owner))) {
            continue;
        }

        place = &shared->owners[jm_store_slot(owner)];

        if (*place != 0) {
            jm_put(s, shared->died, shared->died + 1);
        }

        jm_put(s, shared->owner, owner);
        jm_put(s, *place, owner);

        /* from now on it is known to others */

        jm_store_commit(s);

        s->owner = owner;

        return JM_OK;
    }

    return JM_ERROR;
}


unsigned
jm_store_lives(const jm_store_t *s, uint32_t owner)
{
    return owner != 0
           && (owner == s->owner
               || (jm_store_listed(s, owner)
                   && s->alive(s->alive_ctx, jm_store_slot(owner))));
}


unsigned
jm_store_listed(const jm_store_t *s, uint32_t owner)
{
    return s->shared->owners[jm_store_slot(owner)] == owner;
}


void
jm_store_bury(jm_store_t *s)
{
    uint32_t            i;
    jm_store_shared_t  *shared;

    shared = s->shared;

    for (i = 0; i < JM_STORE_OWNERS; i++) {

        if (shared->owners[i] != 0 && !jm_store_lives(s, shared->owners[i])) {
            jm_put(s, shared->owners[i], 0);
            jm_put(s, shared->died, shared->died + 1);
            jm_store_commit(s);
        }
    }
}


jm_rc_e
jm_store_room(jm_store_t *s, uint32_t n)
{
    while (s->shared->nfree < n) {

        if (s->forget == NULL || s->forget(s->ctx) != JM_OK) {
            return JM_ERROR;
        }

        jm_store_commit(s);
    }

    return JM_OK;
}


void *
jm_store_take(jm_store_t *s, jm_record_e type)
{
    jm_record_t        *r;
    jm_store_shared_t  *shared;

    shared = s->shared;

    if (shared->free != 0) {
        r = jm_at(s, shared->free);
        jm_put(s, shared->free, r->next);

    } else {
        r = jm_store_record(s, shared->used);
        jm_put(s, shared->used, shared->used + 1);
    }

    jm_put(s, shared->nfree, shared->nfree - 1);
    jm_put(s, r->type, (uint8_t) type);
    r->version = JM_STORE_VERSION;

    memset(r + 1, 0, JM_RECORD - sizeof(jm_record_t));

    return r;
}


void
jm_store_give(jm_store_t *s, void *record)
{
    jm_record_t        *r;
    jm_store_shared_t  *shared;

    r = record;
    shared = s->shared;

    jm_put(s, r->type, JM_RECORD_FREE);
    jm_put(s, r->next, shared->given);

    if (shared->given == 0) {
        jm_put(s, shared->given_last, jm_ref(s, r));
    }

    jm_put(s, shared->given, jm_ref(s, r));
    jm_put(s, shared->ngiven, shared->ngiven + 1);
}


jm_record_t *
jm_store_record(const jm_store_t *s, uint32_t i)
{
    return jm_to(s, s->shared->first + i * (JM_RECORD / 4));
}


void
jm_store_seal(void *record, size_t from, size_t to)
{
    ((jm_record_t *) record)->sum = jm_store_sum(record, from, to);
}


const void *
jm_store_believed(const jm_store_t *s, jm_ref_t ref, jm_record_e type,
    size_t from, size_t to)
{
    uint64_t            at;
    const jm_record_t  *r;

    at = (uint64_t) ref * 4;

    if (at % JM_RECORD != 0 || at + JM_RECORD > s->size) {
        return NULL;
    }

    r = jm_to(s, ref);

    if (r->type != type || r->version != JM_STORE_VERSION
        || r->sum != jm_store_sum(r, from, to))
    {
        return NULL;
    }

    return r;
}


static uint32_t
jm_store_sum(const void *record, size_t from, size_t to)
{
    uint64_t            hash;
    const jm_record_t  *r;

    r = record;

    hash = jm_sum(JM_HASH_START, &r->type, 2);
    hash = jm_sum(hash, (const uint8_t *) record + from, to - from);

    return (uint32_t) hash;
}
