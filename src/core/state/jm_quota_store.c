
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_hash.h"
#include "jm_quota_store.h"


#define JM_QUOTA_TABLE      16      /* chains of the smallest table */


static void jm_quota_rebuild(jm_quota_shared_t *shared);
static void jm_quota_rebuild_shares(jm_quota_shared_t *shared);
static jm_rc_e jm_quota_room_table(jm_quota_t *q, size_t clients);
static jm_rc_e jm_quota_room_clients(jm_quota_t *q);
static jm_rc_e jm_quota_room_shares(jm_quota_t *q);
static void jm_quota_reap_all(jm_quota_t *q);
static unsigned jm_quota_dead(jm_quota_t *q, const jm_quota_share_t *share);
static jm_quota_client_t **jm_quota_chain(jm_quota_shared_t *shared,
    jm_str_t name);
static jm_str_t jm_quota_name(const jm_quota_client_t *c);


jm_rc_e
jm_quota_create(jm_quota_t *q)
{
    jm_quota_shared_t  *shared;

    shared = q->mem.alloc(q->mem.ctx, sizeof(jm_quota_shared_t));
    if (shared == NULL) {
        return JM_ERROR;
    }

    memset(shared, 0, sizeof(jm_quota_shared_t));

    q->shared = shared;

    return jm_quota_room_table(q, 0);
}


void
jm_quota_enter(jm_quota_t *q)
{
    if (q->shared->busy) {
        jm_quota_rebuild(q->shared);
    }

    q->shared->busy = 1;
    jm_fence();
}


void
jm_quota_leave(jm_quota_t *q)
{
    jm_fence();
    q->shared->busy = 0;
}


static void
jm_quota_rebuild(jm_quota_shared_t *shared)
{
    size_t               i;
    jm_quota_client_t   *c, **chain;
    jm_quota_clients_t  *room;

    memset(shared->table->chains, 0, (shared->table->mask + 1)
                                     * sizeof(jm_quota_client_t *));
    shared->free_clients = NULL;
    shared->nclients = 0;

    for (room = shared->clients; room != NULL; room = room->next) {

        for (i = 0; i < JM_QUOTA_CLIENTS; i++) {
            c = &room->clients[i];
            c->shares = NULL;

            chain = c->serial ? jm_quota_chain(shared, jm_quota_name(c))
                              : &shared->free_clients;
            c->next = *chain;
            *chain = c;
        }

        shared->nclients += JM_QUOTA_CLIENTS;
    }

    jm_quota_rebuild_shares(shared);
}


static void
jm_quota_rebuild_shares(jm_quota_shared_t *shared)
{
    size_t              i;
    jm_quota_share_t   *share, **list;
    jm_quota_shares_t  *room;

    shared->free_shares = NULL;
    shared->nshares = 0;

    for (room = shared->shares; room != NULL; room = room->next) {

        for (i = 0; i < JM_QUOTA_SHARES; i++) {
            share = &room->shares[i];

            if (share->serial != 0 && share->serial == share->client->serial) {
                list = &share->client->shares;

            } else {
                share->serial = 0;
                list = &shared->free_shares;
            }

            share->next = *list;
            *list = share;
        }

        shared->nshares += JM_QUOTA_SHARES;
    }
}


jm_rc_e
jm_quota_room(jm_quota_t *q, size_t clients, size_t shares)
{
    jm_quota_shared_t  *shared;

    shared = q->shared;

    while (shared->nclients < clients) {
        if (jm_quota_room_clients(q) != JM_OK) {
            return JM_ERROR;
        }
    }

    while (shared->nshares < shares) {
        if (jm_quota_room_shares(q) != JM_OK) {
            return JM_ERROR;
        }
    }

    return jm_quota_room_table(q, clients);
}


static jm_rc_e
jm_quota_room_table(jm_quota_t *q, size_t clients)
{
    size_t             n;
    jm_quota_table_t  *table, *old;

    old = q->shared->table;

    for (n = JM_QUOTA_TABLE; n < clients; n *= 2) {
        /* void */
    }

    if (old != NULL && old->mask >= n - 1) {
        return JM_OK;
    }

    table = q->mem.alloc(q->mem.ctx, sizeof(jm_quota_table_t)
                                     + n * sizeof(jm_quota_client_t *));
    if (table == NULL) {
        return JM_ERROR;
    }

    table->mask = n - 1;

    jm_fence();
    q->shared->table = table;

    jm_quota_rebuild(q->shared);

    if (old != NULL) {
        q->mem.free(q->mem.ctx, old);
    }

    return JM_OK;
}


static jm_rc_e
jm_quota_room_clients(jm_quota_t *q)
{
    jm_quota_clients_t  *room;

    room = q->mem.alloc(q->mem.ctx, sizeof(jm_quota_clients_t));
    if (room == NULL) {
        return JM_ERROR;
    }

    memset(room, 0, sizeof(jm_quota_clients_t));

    room->next = q->shared->clients;
    jm_fence();
    q->shared->clients = room;

    jm_quota_rebuild(q->shared);

    return JM_OK;
}


static jm_rc_e
jm_quota_room_shares(jm_quota_t *q)
{
    jm_quota_shares_t  *room;

    room = q->mem.alloc(q->mem.ctx, sizeof(jm_quota_shares_t));
    if (room == NULL) {
        return JM_ERROR;
    }

    memset(room, 0, sizeof(jm_quota_shares_t));

    room->next = q->shared->shares;
    jm_fence();
    q->shared->shares = room;

    jm_quota_rebuild(q->shared);

    return JM_OK;
}


jm_quota_client_t *
jm_quota_find(jm_quota_t *q, jm_str_t name)
{
    jm_quota_client_t  *c;

    for (c = *jm_quota_chain(q->shared, name); c != NULL; c = c->next) {

        if (c->len == name.len && memcmp(c->name, name.data, name.len) == 0) {
            return c;
        }
    }

    return NULL;
}


jm_quota_client_t *
jm_quota_add(jm_quota_t *q, jm_str_t name)
{
    jm_quota_client_t  *c, **chain;

    c = q->shared->free_clients;
    q->shared->free_clients = c->next;

    memset(c, 0, sizeof(jm_quota_client_t));

    memcpy(c->name, name.data, name.len);
    c->len = (uint8_t) name.len;
    c->round = q->shared->round;

    jm_fence();
    c->serial = ++q->shared->serial;

    chain = jm_quota_chain(q->shared, name);
    c->next = *chain;
    *chain = c;

    return c;
}


void
jm_quota_drop(jm_quota_t *q, jm_quota_client_t *c)
{
    jm_quota_client_t  **chain;

    while (c->shares != NULL) {
        jm_quota_share_drop(q, c->shares);
    }

    c->serial = 0;
    jm_fence();

    for (chain = jm_quota_chain(q->shared, jm_quota_name(c)); *chain != c;
         chain = &(*chain)->next)
    {
        /* void */
    }

    *chain = c->next;

    c->next = q->shared->free_clients;
    q->shared->free_clients = c;
}


jm_quota_share_t *
jm_quota_share(jm_quota_t *q, jm_quota_client_t *c)
{
    jm_quota_share_t  *share;

    for (share = c->shares; share != NULL; share = share->next) {

        if (share->pid == q->pid) {
            return share;
        }
    }

    return NULL;
}


/* dead processes' shares go first: a client has no more than live processes */

jm_quota_share_t *
jm_quota_share_add(jm_quota_t *q, jm_quota_client_t *c)
{
    jm_quota_share_t  *share;

    jm_quota_reap(q, c);

    if (q->shared->free_shares == NULL && jm_quota_room_shares(q) != JM_OK) {
        jm_quota_reap_all(q);
    }

    share = q->shared->free_shares;

    if (share == NULL) {
        return NULL;
    }

    q->shared->free_shares = share->next;

    share->client = c;
    share->images = 0;
    share->running = 0;
    share->pid = q->pid;

    jm_fence();
    share->serial = c->serial;

    share->next = c->shares;
    c->shares = share;

    return share;
}


void
jm_quota_share_drop(jm_quota_t *q, jm_quota_share_t *share)
{
    jm_quota_share_t  **list;

    share->serial = 0;
    jm_fence();

    for (list = &share->client->shares; *list != share; list = &(*list)->next)
    {
        /* void */
    }

    *list = share->next;

    share->next = q->shared->free_shares;
    q->shared->free_shares = share;
}


void
jm_quota_reap(jm_quota_t *q, jm_quota_client_t *c)
{
    jm_quota_share_t  *share, *next;

    for (share = c->shares; share != NULL; share = next) {
        next = share->next;

        if (jm_quota_dead(q, share)) {
            jm_quota_share_drop(q, share);
        }
    }
}


static void
jm_quota_reap_all(jm_quota_t *q)
{
    size_t              i;
    jm_quota_shares_t  *room;

    for (room = q->shared->shares; room != NULL; room = room->next) {

        for (i = 0; i < JM_QUOTA_SHARES; i++) {

            if (room->shares[i].serial != 0
                && jm_quota_dead(q, &room->shares[i]))
            {
                jm_quota_share_drop(q, &room->shares[i]);
            }
        }
    }
}


void
jm_quota_join(jm_quota_t *q)
{
    size_t              i;
    jm_quota_shares_t  *room;

    jm_quota_enter(q);

    for (room = q->shared->shares; room != NULL; room = room->next) {

        for (i = 0; i < JM_QUOTA_SHARES; i++) {

            if (room->shares[i].serial != 0 && room->shares[i].pid == q->pid) {
                jm_quota_share_drop(q, &room->shares[i]);
            }
        }
    }

    jm_quota_leave(q);
}


static unsigned
jm_quota_dead(jm_quota_t *q, const jm_quota_share_t *share)
{
    return share->pid != q->pid && !q->alive(share->pid);
}


static jm_quota_client_t **
jm_quota_chain(jm_quota_shared_t *shared, jm_str_t name)
{
    uint64_t  hash;

    hash = jm_hash(JM_HASH_START, name.data, name.len);

    return &shared->table->chains[hash & shared->table->mask];
}


static jm_str_t
jm_quota_name(const jm_quota_client_t *c)
{
    jm_str_t  name;

    name.len = c->len;
    name.data = c->name;

    return name;
}
