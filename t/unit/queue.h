
/*
 * What the tests of the queue share: one in a store, and a look at all that is
 * in it.
 */


#ifndef _QUEUE_H_INCLUDED_
#define _QUEUE_H_INCLUDED_


#include "jm_queue_store.h"
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


/* whether a line is as it has to be, and how many places are in it */

static inline int
line_is_whole(jm_queue_t *q, jm_queue_line_t *line, uint32_t *n)
{
    uint64_t           serial;
    jm_ring_t         *link;
    jm_store_t        *s;
    jm_queue_place_t  *place;

    s = q->store;
    serial = 0;

    if (line->head.type != JM_RECORD_LINE || list_length(s, &line->places) <= 0
        || jm_queue_line_of(q, line->client) != line)
    {
        return 0;
    }

    for (link = jm_ring_next(s, &line->places); link != &line->places;
         link = jm_ring_next(s, link))
    {
        place = jm_queue_place(link);

        if (place->state != JM_PLACE_WAIT || jm_at(s, place->line) != line
            || place->serial <= serial
            || memcmp(place->client, line->client, JM_QUEUE_KEY) != 0)
        {
            return 0;
        }

        serial = place->serial;
        (*n)++;
    }

    return 1;
}


/* whether an account is as it has to be, and how many places it holds */

static inline int
account_is_whole(jm_queue_t *q, unsigned i, uint32_t *n)
{
    uint32_t             j, waiting, running;
    jm_store_t          *s;
    jm_record_t         *r;
    jm_queue_place_t    *place;
    jm_queue_account_t  *a;

    s = q->store;
    a = jm_queue_number(q, i);
    waiting = 0;
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

        waiting += (place->state == JM_PLACE_WAIT
                    && (place->accounts & jm_queue_bit(i)));

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

    return a->waiting == waiting && a->running == running
           && list_length(s, &a->held) == (int) running;
}


/* how many lines the table leads to, or -1: it leads elsewhere */

static inline int
lines_in_table(const jm_queue_t *q)
{
    int                     n;
    uint32_t                i;
    jm_ref_t                ref;
    const jm_queue_line_t  *line;

    n = 0;

    for (i = 0; i <= q->mask; i++) {

        for (ref = q->lines[i]; ref != 0; ref = line->next) {
            line = jm_at(q->store, ref);

            if (line->head.type != JM_RECORD_LINE || n++ > 100000) {
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
    uint32_t            places, waiting;
    jm_ring_t          *link;
    jm_store_t         *s;
    jm_queue_shared_t  *shared;

    s = q->store;
    shared = q->shared;
    places = 0;

    if (!store_is_whole(s)
        || list_length(s, &shared->lines)
           != (int) store_count(s, JM_RECORD_LINE)
        || lines_in_table(q) != (int) store_count(s, JM_RECORD_LINE)
        || models_of_accounts(q) != (int) store_count(s, JM_RECORD_MODELS))
    {
        return 0;
    }

    for (link = jm_ring_next(s, &shared->lines); link != &shared->lines;
         link = jm_ring_next(s, link))
    {
        if (!line_is_whole(q, jm_queue_line(link), &places)) {
            return 0;
        }
    }

    waiting = places;

    for (i = 0; i < shared->naccounts; i++) {

        if (!account_is_whole(q, i, &places)) {
            return 0;
        }
    }

    return waiting == shared->waiting
           && places == store_count(s, JM_RECORD_PLACE)
           && shared->naccounts == store_count(s, JM_RECORD_ACCOUNT);
}


#endif /* _QUEUE_H_INCLUDED_ */
