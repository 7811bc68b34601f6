
/*
 * Clients whose use of their limits a world counts beside the quotas, in its
 * own way, and the requests that hold something of these.
 */


#ifndef _COUNTED_H_INCLUDED_
#define _COUNTED_H_INCLUDED_


#include "fuzz.h"
#include "quota.h"


#define SIZE       32768
#define CLIENTS    5
#define OWNERS     10           /* processes: more than a record has room for */
#define HOLDS      48
#define PERIOD     86400
#define MODELS     7            /* more than a record has room for */


typedef struct {
    jm_hold_t            hold;
    unsigned             process;   /* from 1, 0: there is none */
    unsigned             client;
    unsigned             era;       /* of the client: it may be another one */
    unsigned             running;
    uint64_t             images;
    uint64_t             cost;
} holder_t;


typedef struct {
    jm_client_t          client;
    unsigned             known;
    unsigned             era;
    uint64_t             serial;    /* of the last era */
    uint64_t             day;
    uint64_t             used;
    uint64_t             spent;     /* in the same day, whatever the limits */
    uint64_t             pictures;
    uint64_t             models[MODELS];
    unsigned             told;      /* of that day */
    uint64_t             since;     /* of the bucket: what was in it then, */
    uint64_t             tokens;    /* in requests times its period */
} counted_t;


typedef struct {
    input_t              input;

    jm_quota_t           q;
    jm_store_t           store;
    unsigned             memory;    /* which of both */
    unsigned             room;      /* records, but for the first few */
    uint64_t             now;       /* ms */
    uint64_t             day;
    counted_t            counted[CLIENTS];
    holder_t             holders[HOLDS];
    uint32_t             owners[OWNERS + 1];
} world_t;


static unsigned  died[OWNERS + 1];

/* where the store is, and where it is next */

static uint64_t  memory[2][SIZE / sizeof(uint64_t)];


static inline unsigned
lives(uint32_t owner)
{
    return !died[1 + jm_store_slot(owner)];
}


/* what follows is done by this process */

static inline void
be(world_t *w, unsigned process)
{
    w->store.owner = w->owners[process];
}


static inline int64_t
seconds(const world_t *w)
{
    return (int64_t) (w->day * PERIOD + 7);
}


static inline void
sums(const world_t *w, unsigned client, uint64_t *running, uint64_t *images,
    uint64_t *cost)
{
    unsigned         i;
    const holder_t  *h;

    *running = 0;
    *images = 0;
    *cost = 0;

    for (i = 0; i < HOLDS; i++) {
        h = &w->holders[i];

        if (h->process && h->client == client
            && h->era == w->counted[client].era)
        {
            *running += h->running;
            *images += h->images;
            *cost += h->cost;
        }
    }
}


/* the client's counters, which begin anew with each day */

static inline counted_t *
today(world_t *w, unsigned client)
{
    counted_t  *c;

    c = &w->counted[client];

    if (c->day != w->day) {
        c->day = w->day;
        c->used = 0;
        c->spent = 0;
        c->pictures = 0;
        c->told = 0;
        memset(c->models, 0, sizeof(c->models));
    }

    return c;
}


static inline uint64_t
used(world_t *w, unsigned client)
{
    return today(w, client)->used;
}


/* so many pictures of some model, each of which has a price of its own */

static inline const jm_bill_t *
billed(world_t *w, uint64_t n)
{
    static unsigned   i;
    static jm_bill_t  bills[4];

    i = (i + 1) % 4;

    bills[i].model = 1 + choose(&w->input, MODELS);
    bills[i].images = n;
    bills[i].cost = n * (bills[i].model - 1) * 10;

    return &bills[i];
}


static inline void
count(world_t *w, unsigned client, const jm_bill_t *b)
{
    counted_t  *c;

    c = today(w, client);

    if (!c->known) {
        return;
    }

    if (c->client.images != 0) {
        c->used += b->images;
    }

    c->spent += b->cost;
    c->pictures += b->images;
    c->models[b->model - 1] += b->images;
}


/* all is right, and what is told of models is, unless there was no room */

static inline void
look_at_usage(world_t *w, unsigned client)
{
    size_t             i;
    uint64_t           images;
    counted_t         *c;
    jm_quota_usage_t   usage;

    c = today(w, client);

    jm_quota_usage(&w->q, &c->client, seconds(w), &usage);

    check(usage.all.images[JM_QUOTA_DAY] == c->pictures);
    check(usage.all.cost[JM_QUOTA_DAY] == c->spent);
    check(usage.all.images[JM_QUOTA_MONTH] >= c->pictures);
    check(usage.n <= JM_QUOTA_MODELS);

    for (i = 0, images = 0; i < usage.n; i++) {
        check(usage.models[i].images[JM_QUOTA_DAY]
              <= c->models[usage.models[i].model - 1]);

        images += usage.models[i].images[JM_QUOTA_DAY];
    }

    check(images <= c->pictures);
}


#endif /* _COUNTED_H_INCLUDED_ */
