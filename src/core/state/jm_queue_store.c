
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_queue_process.h"
#include "jm_store_layout.h"


static void jm_queue_unlink_waiting(jm_queue_t *q, jm_queue_place_t *place);
static void jm_queue_unlink_held(jm_queue_t *q, jm_queue_place_t *place);
static jm_queue_group_t *jm_queue_group_of(jm_queue_t *q, uint64_t accounts,
    uint64_t model);
static jm_queue_group_t *jm_queue_make_group(jm_queue_t *q,
    uint64_t accounts, uint64_t model);
static jm_queue_line_t *jm_queue_make_line(jm_queue_t *q,
    const uint8_t *client, uint64_t accounts);
static void jm_queue_give_line(jm_queue_t *q, jm_queue_line_t *line);


jm_rc_e
jm_queue_layout(jm_queue_t *q, jm_store_t *s)
{
    uint32_t  chains;

    chains = jm_store_chains(s);

    q->store = s;
    q->mask = chains - 1;
    q->shared = jm_store_head(s, sizeof(jm_queue_shared_t));
    q->lines = jm_store_head(s, chains * sizeof(jm_ref_t));

    if (q->shared == NULL || q->lines == NULL) {
        return JM_ERROR;
    }

    if (s->fresh) {
        jm_ring_init(s, &q->shared->groups);
        jm_ring_init(s, &q->shared->processes);
    }

    return JM_OK;
}


void
jm_queue_drop(jm_queue_t *q, jm_queue_place_t *place)
{
    if (place->state == JM_PLACE_WAIT) {
        jm_queue_unlink_waiting(q, place);
        jm_queue_unlist(q, place);

    } else {
        jm_queue_unlink_held(q, place);

        if (place->state == JM_PLACE_GRANTED) {
            jm_queue_unlist(q, place);
        }
    }

    jm_store_give(q->store, place);
}


jm_rc_e
jm_queue_line_room(jm_queue_t *q, const uint8_t *client, uint64_t accounts,
    uint64_t model, uint32_t n)
{
    n += (jm_queue_line_of(q, client, accounts) == NULL);
    n += (jm_queue_group_of(q, accounts, model) == NULL);
    n += (jm_queue_process_of(q, q->store->owner) == NULL);

    return jm_store_room(q->store, n);
}


void
jm_queue_line_up(jm_queue_t *q, jm_queue_place_t *place)
{
    jm_store_t        *s;
    jm_queue_line_t   *line;
    jm_queue_group_t  *group;

    s = q->store;

    if (place->state == JM_PLACE_WAIT) {
        jm_queue_unlink_waiting(q, place);

    } else if (place->state != JM_PLACE_NEW) {
        jm_queue_unlink_held(q, place);
    }

    group = jm_queue_group_of(q, place->accounts, place->model);

    if (group == NULL) {
        group = jm_queue_make_group(q, place->accounts, place->model);
    }

    line = jm_queue_line_of(q, place->client, place->accounts);

    if (line == NULL) {
        line = jm_queue_make_line(q, place->client, place->accounts);
    }

    jm_tree_insert(s, &group->places, &place->wait.node, jm_queue_key);

    jm_put(s, line->places, line->places + 1);
    jm_put(s, line->last, jm_max(line->last, place->tag));

    jm_put(s, place->group, jm_ref(s, group));
    jm_put(s, place->wait.line, jm_ref(s, line));
    jm_put(s, place->state, JM_PLACE_WAIT);
    jm_put(s, q->shared->waiting, q->shared->waiting + 1);

    jm_queue_enlist(q, place);
}


void
jm_queue_hold(jm_queue_t *q, jm_queue_place_t *place, unsigned account,
    jm_place_e state, uint64_t at)
{
    jm_store_t          *s;
    jm_queue_account_t  *a;

    s = q->store;
    a = jm_queue_number(q, account);

    if (place->state == JM_PLACE_WAIT) {
        jm_queue_unlink_waiting(q, place);
    }

    jm_put(s, place->at, at);
    jm_put(s, place->account, (uint8_t) account);
    jm_put(s, place->state, (uint8_t) state);
    jm_put(s, a->running, a->running + 1);
    jm_put(s, a->turn, jm_max(a->turn, place->tag));

    jm_ring_insert(s, jm_ring_prev(s, &a->held), &place->link);
}


static void
jm_queue_unlink_waiting(jm_queue_t *q, jm_queue_place_t *place)
{
    jm_store_t        *s;
    jm_queue_line_t   *line;
    jm_queue_group_t  *group;

    s = q->store;
    line = jm_to(s, place->wait.line);
    group = jm_to(s, place->group);

    jm_put(s, q->shared->waiting, q->shared->waiting - 1);
    jm_put(s, line->places, line->places - 1);

    if (line->places == 0) {
        jm_queue_give_line(q, line);
    }

    jm_tree_remove(s, &group->places, &place->wait.node, jm_queue_key);

    if (group->places.root == 0) {
        jm_ring_remove(s, &group->link);
        jm_store_give(s, group);
    }
}


static void
jm_queue_unlink_held(jm_queue_t *q, jm_queue_place_t *place)
{
    jm_queue_account_t  *a;

    a = jm_queue_number(q, place->account);

    jm_ring_remove(q->store, &place->link);
    jm_put(q->store, a->running, a->running - 1);
}


static jm_queue_group_t *
jm_queue_group_of(jm_queue_t *q, uint64_t accounts, uint64_t model)
{
    jm_ring_t         *link;
    jm_queue_group_t  *group;

    for (link = jm_ring_next(q->store, &q->shared->groups);
         link != &q->shared->groups;
         link = jm_ring_next(q->store, link))
    {
        group = jm_queue_group(link);

        if (group->accounts == accounts && group->model == model) {
            return group;
        }
    }

    return NULL;
}


static jm_queue_group_t *
jm_queue_make_group(jm_queue_t *q, uint64_t accounts, uint64_t model)
{
    jm_queue_group_t  *group;

    group = jm_store_take(q->store, JM_RECORD_GROUP);

    group->accounts = accounts;
    group->model = model;

    jm_ring_insert(q->store, &q->shared->groups, &group->link);

    return group;
}


jm_queue_line_t *
jm_queue_line_of(jm_queue_t *q, const uint8_t *client, uint64_t accounts)
{
    jm_queue_line_t  *line;

    for (line = jm_at(q->store, *jm_queue_chain(q, client)); line != NULL;
         line = jm_at(q->store, line->next))
    {
        if (line->accounts == accounts
            && memcmp(line->client, client, JM_QUEUE_KEY) == 0)
        {
            return line;
        }
    }

    return NULL;
}


static jm_queue_line_t *
jm_queue_make_line(jm_queue_t *q, const uint8_t *client, uint64_t accounts)
{
    jm_ref_t         *chain;
    jm_queue_line_t  *line;

    chain = jm_queue_chain(q, client);

    line = jm_store_take(q->store, JM_RECORD_LINE);

    memcpy(line->client, client, JM_QUEUE_KEY);
    line->accounts = accounts;
    line->next = *chain;

    jm_put(q->store, *chain, jm_ref(q->store, line));

    return line;
}


static void
jm_queue_give_line(jm_queue_t *q, jm_queue_line_t *line)
{
    jm_ref_t    *chain;
    jm_store_t  *s;

    s = q->store;

    for (chain = jm_queue_chain(q, line->client); *chain != jm_ref(s, line);
         chain = &((jm_queue_line_t *) jm_to(s, *chain))->next)
    {
        /* void */
    }

    jm_put(s, *chain, line->next);
    jm_store_give(s, line);
}


jm_ref_t *
jm_queue_chain(jm_queue_t *q, const uint8_t *client)
{
    uint32_t  hash;

    /* a client is a digest: any of its bytes are as good as a hash */

    memcpy(&hash, client, sizeof(uint32_t));

    return &q->lines[hash & q->mask];
}


uint64_t
jm_queue_turn_of(jm_queue_t *q, uint64_t accounts)
{
    unsigned  i;
    uint64_t  turn;

    turn = 0;

    for (i = 0; i < q->shared->naccounts; i++) {

        if (accounts & jm_queue_bit(i)) {
            turn = jm_max(turn, jm_queue_number(q, i)->turn);
        }
    }

    return turn;
}


/* what a client has waiting for other accounts alone does not count here */

uint64_t
jm_queue_next_tag(jm_queue_t *q, const uint8_t *client, uint64_t accounts)
{
    uint64_t          tag;
    jm_queue_line_t  *line;

    tag = jm_queue_turn_of(q, accounts);

    for (line = jm_at(q->store, *jm_queue_chain(q, client)); line != NULL;
         line = jm_at(q->store, line->next))
    {
        if ((line->accounts & accounts)
            && memcmp(line->client, client, JM_QUEUE_KEY) == 0)
        {
            tag = jm_max(tag, line->last);
        }
    }

    return tag + 1;
}


/*
 * Where an account is set aside, others serve who waited for it, too.  They may
 * be far behind it: who comes there now must not be before those.
 */

void
jm_queue_level(jm_queue_t *q, unsigned account)
{
    unsigned             i;
    uint64_t             turn, joined;
    jm_ring_t           *link;
    jm_queue_account_t  *a;

    joined = 0;
    turn = jm_queue_number(q, account)->turn;

    for (link = jm_ring_next(q->store, &q->shared->groups);
         link != &q->shared->groups;
         link = jm_ring_next(q->store, link))
    {
        if (jm_queue_group(link)->accounts & jm_queue_bit(account)) {
            joined |= jm_queue_group(link)->accounts;
        }
    }

    for (i = 0; i < q->shared->naccounts; i++) {
        a = jm_queue_number(q, i);

        if ((joined & jm_queue_bit(i)) && a->turn < turn) {
            jm_put(q->store, a->turn, turn);
        }
    }
}


jm_tree_key_t
jm_queue_key(const jm_tree_node_t *node)
{
    jm_tree_key_t            key;
    const jm_queue_place_t  *place;

    place = jm_queue_noded(node);

    key.tag = place->tag;
    key.serial = place->serial;

    return key;
}


uint64_t
jm_queue_wanted(jm_queue_t *q)
{
    uint64_t    wanted;
    jm_ring_t  *link;

    wanted = 0;

    for (link = jm_ring_next(q->store, &q->shared->groups);
         link != &q->shared->groups;
         link = jm_ring_next(q->store, link))
    {
        wanted |= jm_queue_group(link)->accounts;
    }

    return wanted;
}


uint64_t
jm_queue_span(uint64_t from, uint64_t to)
{
    return to > from ? to - from : 0;
}
