
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_quota_store.h"
#include "jm_quota_sync.h"


static void jm_quota_sync_mark(jm_quota_t *q, jm_quota_sync_t *sync);
static jm_rc_e jm_quota_sync_room(jm_quota_t *q, jm_quota_sync_t *sync);
static void jm_quota_sync_drop(jm_quota_t *q, jm_quota_sync_t *sync);
static jm_rc_e jm_quota_sync_add(jm_quota_t *q, jm_quota_sync_t *sync);
static size_t jm_quota_sync_end(const jm_quota_sync_t *sync);
static void jm_quota_sync_next(jm_quota_sync_t *sync, jm_quota_step_e step);


jm_rc_e
jm_quota_sync(jm_quota_t *q, jm_quota_sync_t *sync)
{
    switch (sync->step) {

    case JM_SYNC_MARK:
        jm_quota_sync_mark(q, sync);
        return JM_OK;

    case JM_SYNC_ROOM:
        return jm_quota_sync_room(q, sync);

    case JM_SYNC_DROP:
        jm_quota_sync_drop(q, sync);
        return JM_OK;

    case JM_SYNC_ADD:
        return jm_quota_sync_add(q, sync);

    default: /* JM_SYNC_DONE */
        return JM_OK;
    }
}


/* who is marked goes to the end of all: who is not is left at the front */

static void
jm_quota_sync_mark(jm_quota_t *q, jm_quota_sync_t *sync)
{
    size_t              end;
    jm_ring_t          *clients;
    jm_store_t         *s;
    jm_quota_client_t  *c;

    s = q->store;
    clients = &q->shared->clients;

    if (sync->next == 0) {
        sync->round = q->shared->round + 1;
        jm_put(s, q->shared->round, sync->round);
    }

    for (end = jm_quota_sync_end(sync); sync->next < end; sync->next++) {
        c = jm_quota_find(q, sync->clients[sync->next]->name);

        if (c == NULL) {
            continue;
        }

        sync->found++;

        /* one that had no line of its own may have got one */

        jm_quota_set_loose(q, c, 0);

        jm_put(s, c->round, sync->round);
        jm_ring_remove(s, &c->link);
        jm_ring_insert(s, jm_ring_prev(s, clients), &c->link);
    }

    jm_quota_sync_next(sync, JM_SYNC_ROOM);
}


/* those that go make room, too */

static jm_rc_e
jm_quota_sync_room(jm_quota_t *q, jm_quota_sync_t *sync)
{
    size_t    need, have;
    uint32_t  nfree;

    nfree = q->store->shared->nfree;

    need = sync->n - sync->found;
    have = q->shared->nclients - jm_min(sync->found, q->shared->nclients)
           + nfree;

    if (need <= have) {
        sync->step = JM_SYNC_DROP;
        return JM_OK;
    }

    return jm_store_room(q->store,
                         nfree + (uint32_t) jm_min(need - have,
                                                   JM_QUOTA_PIECE));
}


/* a later round is another nginx's, which reads its files at the same time */

static void
jm_quota_sync_drop(jm_quota_t *q, jm_quota_sync_t *sync)
{
    unsigned            i;
    jm_ring_t          *link;
    jm_quota_client_t  *c;

    for (i = 0; i < JM_QUOTA_PIECE; i++) {
        link = jm_ring_next(q->store, &q->shared->clients);
        c = jm_quota_linked(link);

        if (link == &q->shared->clients
            || (int32_t) (c->round - sync->round) >= 0)
        {
            sync->step = JM_SYNC_ADD;
            return;
        }

        jm_quota_drop(q, c);
        jm_store_commit(q->store);
    }
}


static jm_rc_e
jm_quota_sync_add(jm_quota_t *q, jm_quota_sync_t *sync)
{
    size_t              end;
    jm_store_t         *s;
    const jm_client_t  *client;
    jm_quota_client_t  *c;

    s = q->store;

    for (end = jm_quota_sync_end(sync); sync->next < end; sync->next++) {
        client = sync->clients[sync->next];
        c = jm_quota_find(q, client->name);

        if (c == NULL) {

            if (jm_store_room(s, 1) != JM_OK) {
                return JM_ERROR;
            }

            c = jm_quota_add(q, client->name, s->shared->serial + 1);
            c->round = sync->round;
        }

        jm_quota_set_period(q, c, client->images_period);
        jm_store_commit(s);
    }

    jm_quota_sync_next(sync, JM_SYNC_DONE);

    return JM_OK;
}


/* the client before which this piece of the step ends */

static size_t
jm_quota_sync_end(const jm_quota_sync_t *sync)
{
    return jm_min(sync->n, sync->next + JM_QUOTA_PIECE);
}


/* this step is done, if it is with all clients */

static void
jm_quota_sync_next(jm_quota_sync_t *sync, jm_quota_step_e step)
{
    if (sync->next == sync->n) {
        sync->step = step;
        sync->next = 0;
    }
}
