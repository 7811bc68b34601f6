
/*
 * What the tests of the queue share: one in a store, and a look at all that is
 * in it.
 */


#ifndef _QUEUE_H_INCLUDED_
#define _QUEUE_H_INCLUDED_


#include "jm_queue_process.h"
#include "queue_calls.h"
#include "store.h"


/* the queue of a store that is begun, by its heads */

static inline void
queue_layout(jm_queue_t *q, jm_store_t *s)
{
    memset(q, 0, sizeof(jm_queue_t));

    if (jm_queue_layout(q, s) != JM_OK
        || jm_store_records(s, 1, 1) != JM_OK)
    {
        abort();
    }

    if (s->fresh) {
        jm_store_commit(s);
    }
}


/* a new store of size bytes, and a queue in it */

static inline void
queue_init(jm_queue_t *q, jm_store_t *s, size_t size,
    unsigned (*alive)(uint32_t owner))
{
    store_init(s, size);
    store_own_first(s);
    store_alive_by(s, alive);

    queue_layout(q, s);
}


static inline unsigned
account(jm_queue_t *q, const char *name, uint32_t concurrency, uint32_t queue)
{
    unsigned           number;
    jm_queue_conf_t    conf;

    memset(&conf, 0, sizeof(jm_queue_conf_t));

    conf.concurrency = concurrency;
    conf.queue = queue;
    conf.weight = 1;
    conf.pace = 0;

    number = JM_QUEUE_ACCOUNTS;
    (void) queue_account(q, str(name), &conf, &number);

    return number;
}


/* by which requests may be asked for, while it is not empty */

static const char  *request_key = "";


/* of one client and one account, with all the time there is */

static inline void
request_init(jm_queue_request_t *request, uint8_t client, uint64_t now)
{
    memset(request, 0, sizeof(jm_queue_request_t));
    memset(request->client, client, JM_QUEUE_CLIENT);

    request->naccounts = 1;
    request->patience = UINT64_MAX;
    request->since = now;
    request->req_key = str(request_key);
}


/* the same, of the first two accounts */

static inline void
request_of_two(jm_queue_request_t *request, uint8_t client, uint64_t now)
{
    request_init(request, client, now);

    request->accounts[1] = 1;
    request->naccounts = 2;
}


/* counts what is in a list, or -1: it is broken */

static inline int
list_length(const jm_store_t *s, const jm_ring_t *head)
{
    int               n;
    const jm_ring_t  *link;

    n = 0;

    for (link = jm_ring_next(s, head); link != head;
         link = jm_ring_next(s, link))
    {
        if (jm_ring_prev(s, jm_ring_next(s, link)) != link || n++ > 100000) {
            return -1;
        }
    }

    return n;
}


/* whether a tree is one, of nodes that wait in this group, and counted so */

static inline int
tree_is_whole(jm_queue_t *q, const jm_queue_group_t *group, jm_ref_t ref,
    jm_ref_t parent, jm_tree_key_t *last)
{
    jm_store_t        *s;
    jm_tree_key_t      key;
    jm_tree_node_t    *node;
    jm_queue_place_t  *place;

    if (ref == 0) {
        return 1;
    }

    s = q->store;
    node = jm_to(s, ref);
    place = jm_queue_noded(node);

    if (place->head.type != JM_RECORD_PLACE || node->parent != parent
        || place->state != JM_PLACE_WAIT || jm_at(s, place->group) != group
        || place->accounts != group->accounts || place->model != group->model
        || jm_at(s, place->wait.line)
           != jm_queue_line_of(q, place->client, place->accounts)
        || node->count != jm_tree_count(s, node->left)
                          + jm_tree_count(s, node->right) + 1
        || !tree_is_whole(q, group, node->left, ref, last))
    {
        return 0;
    }

    key = jm_queue_key(node);

    if (key.tag < last->tag
        || (key.tag == last->tag && key.serial <= last->serial))
    {
        return 0;
    }

    *last = key;

    return tree_is_whole(q, group, node->right, ref, last);
}


/* whether groups are as they have to be, and how many places are in them */

static inline int
groups_are_whole(jm_queue_t *q, uint32_t *n)
{
    jm_ref_t           ref, first;
    jm_ring_t         *link;
    jm_store_t        *s;
    jm_tree_key_t      last;
    jm_queue_group_t  *group;

    s = q->store;

    for (link = jm_ring_next(s, &q->shared->groups);
         link != &q->shared->groups;
         link = jm_ring_next(s, link))
    {
        group = jm_queue_group(link);
        first = 0;
        memset(&last, 0, sizeof(jm_tree_key_t));

        for (ref = group->places.root; ref != 0;
             ref = ((jm_tree_node_t *) jm_to(s, ref))->left)
        {
            first = ref;
        }

        if (group->head.type != JM_RECORD_GROUP || group->places.root == 0
            || group->places.first != first
            || !tree_is_whole(q, group, group->places.root, 0, &last))
        {
            return 0;
        }

        *n += jm_tree_count(s, group->places.root);
    }

    return list_length(s, &q->shared->groups)
           == (int) store_count(s, JM_RECORD_GROUP);
}


/* whether a line has as many places as it says, and knows of their tags */

static inline int
line_is_whole(jm_queue_t *q, const jm_queue_line_t *line)
{
    uint32_t           i, n;
    jm_queue_place_t  *place;

    n = 0;

    for (i = 0; i < q->store->shared->used; i++) {
        place = (jm_queue_place_t *) (void *) jm_store_record(q->store, i);

        if (place->head.type == JM_RECORD_PLACE
            && place->state == JM_PLACE_WAIT
            && jm_at(q->store, place->wait.line) == line)
        {
            if (place->tag > line->last
                || memcmp(place->client, line->client, JM_QUEUE_KEY) != 0)
            {
                return 0;
            }

            n++;
        }
    }

    return n != 0 && n == line->places;
}


/* whether what is in a process's ring is its own, and how many wait there */

static inline int
ring_is_whole(jm_queue_t *q, const jm_queue_process_t *process, unsigned news,
    uint32_t *n)
{
    jm_ring_t         *link;
    jm_store_t        *s;
    const jm_ring_t   *ring;
    jm_queue_place_t  *place;

    s = q->store;
    ring = news ? &process->news : &process->waiting;

    if (list_length(s, ring) < 0) {
        return 0;
    }

    for (link = jm_ring_next(s, ring); link != ring;
         link = jm_ring_next(s, link))
    {
        place = jm_queue_waiting(link);

        if (place->head.type != JM_RECORD_PLACE
            || place->owner != process->owner
            || jm_at(s, place->wait.process) != process
            || place->wait.news != news
            || (place->state != JM_PLACE_WAIT
                && place->state != JM_PLACE_GRANTED))
        {
            return 0;
        }

        *n += (place->state == JM_PLACE_WAIT);
    }

    return 1;
}


/* whether processes are as they have to be, and how many of theirs wait */

static inline int
processes_are_whole(jm_queue_t *q, uint32_t *n)
{
    uint32_t             ndead;
    jm_ring_t           *link;
    jm_store_t          *s;
    jm_queue_process_t  *process;

    ndead = 0;
    s = q->store;

    for (link = jm_ring_next(s, &q->shared->processes);
         link != &q->shared->processes;
         link = jm_ring_next(s, link))
    {
        process = jm_queue_process(link);

        if (process->head.type != JM_RECORD_PROCESS
            || !ring_is_whole(q, process, 0, n)
            || !ring_is_whole(q, process, 1, n)
            || list_length(s, &process->waiting)
               + list_length(s, &process->news) == 0)
        {
            return 0;
        }

        ndead += process->dead;
    }

    return ndead == q->shared->ndead
           && list_length(s, &q->shared->processes)
              == (int) store_count(s, JM_RECORD_PROCESS);
}


/* whether an account is as it has to be, and how many places it holds */

static inline int
account_is_whole(jm_queue_t *q, unsigned i, uint32_t *n)
{
    uint32_t             j, running;
    jm_store_t          *s;
    jm_record_t         *r;
    jm_queue_place_t    *place;
    jm_queue_account_t  *a;

    s = q->store;
    a = jm_queue_number(q, i);
    running = 0;

    if (jm_store_believed(s, q->shared->accounts[i], JM_RECORD_ACCOUNT,
                          jm_queue_account_sealed) != a
        || a->number != i)
    {
        return 0;
    }

    for (j = 0; j < s->shared->used; j++) {
        r = jm_store_record(s, j);
        place = (jm_queue_place_t *) (void *) r;

        if (r->type != JM_RECORD_PLACE) {
            continue;
        }

        if (place->state == JM_PLACE_TOLD && place->wait.process != 0) {
            return 0;
        }

        if (place->state > JM_PLACE_WAIT && place->account == i) {
            running++;

            if (jm_store_believed(s, jm_ref(s, r), JM_RECORD_PLACE,
                                  jm_queue_place_sealed)
                == NULL)
            {
                return 0;
            }
        }
    }

    *n += running;

    return a->running == running
           && list_length(s, &a->held) == (int) running;
}


/* how many lines the table leads to, or -1: to what is none */

static inline int
lines_in_table(jm_queue_t *q)
{
    int                     n;
    uint32_t                i;
    jm_ref_t                ref;
    const jm_queue_line_t  *line;

    n = 0;

    for (i = 0; i <= q->mask; i++) {

        for (ref = q->lines[i]; ref != 0; ref = line->next) {
            line = jm_at(q->store, ref);

            if (line->head.type != JM_RECORD_LINE || !line_is_whole(q, line)
                || n++ > 100000)
            {
                return -1;
            }
        }
    }

    return n;
}


/* of the accounts, how many have models; -1: what is none */

static inline int
models_of_accounts(const jm_queue_t *q)
{
    int                  n;
    unsigned             i;
    const jm_record_t   *r;

    n = 0;

    for (i = 0; i < JM_QUEUE_ACCOUNTS; i++) {

        if (i >= q->shared->naccounts) {

            if (q->shared->accounts[i] != 0) {
                return -1;
            }

            continue;
        }

        r = jm_at(q->store, jm_queue_number(q, i)->models);

        if (r != NULL && r->type != JM_RECORD_MODELS) {
            return -1;
        }

        n += (r != NULL);
    }

    return n;
}


/* whether lists and counts are what the records say, and each is in use */

static inline int
queue_is_whole(jm_queue_t *q)
{
    unsigned            i;
    uint32_t            places, waiting, owned;
    jm_store_t         *s;
    jm_queue_shared_t  *shared;

    s = q->store;
    shared = q->shared;
    waiting = 0;
    owned = 0;

    if (!store_is_whole(s)
        || !groups_are_whole(q, &waiting) || !processes_are_whole(q, &owned)
        || lines_in_table(q) != (int) store_count(s, JM_RECORD_LINE)
        || models_of_accounts(q) != (int) store_count(s, JM_RECORD_MODELS))
    {
        return 0;
    }

    places = waiting;

    for (i = 0; i < shared->naccounts; i++) {

        if (!account_is_whole(q, i, &places)) {
            return 0;
        }
    }

    return waiting == shared->waiting && waiting == owned
           && places == store_count(s, JM_RECORD_PLACE)
           && shared->naccounts == store_count(s, JM_RECORD_ACCOUNT);
}


#endif /* _QUEUE_H_INCLUDED_ */
