
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_queue_turn.h"


/* places are counted in shares, as one may be served by other accounts, too */

#define JM_QUEUE_SHARE      256

/* the time that a rate is for: 10^12 microseconds */

#define JM_QUEUE_RATE       1000000000000

#define JM_QUEUE_ENDLESS    UINT64_MAX


static uint64_t jm_queue_room(jm_queue_t *q, uint64_t accounts);
static uint64_t jm_queue_confined(jm_queue_t *q, uint64_t accounts,
    uint64_t *joined);
static uint64_t jm_queue_rate(jm_queue_t *q, uint64_t accounts,
    uint64_t average);
static uint64_t jm_queue_turns(uint64_t shares, uint64_t rate);
static uint64_t jm_queue_ahead(jm_queue_t *q, uint64_t accounts,
    jm_tree_key_t key);
static uint64_t jm_queue_share(jm_queue_t *q, uint64_t theirs, uint64_t mine);
static uint64_t jm_queue_slots_of(jm_queue_t *q, uint64_t accounts);
static uint32_t jm_queue_waits_for(jm_queue_t *q, unsigned account);


/*
 * These accounts are full when the places that only they may serve take all of
 * their room.  So they are when those that only they and accounts they share
 * places with may serve take all of the room of these together.
 */

unsigned
jm_queue_full(jm_queue_t *q, uint64_t accounts)
{
    uint64_t  n, joined, all;

    if (q->shared->waiting < jm_queue_room(q, accounts)) {
        return 0;
    }

    n = jm_queue_confined(q, accounts, &all);

    if (n >= jm_queue_room(q, accounts)) {
        return 1;
    }

    do {
        joined = all;
        n = jm_queue_confined(q, joined, &all);
    } while (all != joined);

    return n >= jm_queue_room(q, joined);
}


static uint64_t
jm_queue_room(jm_queue_t *q, uint64_t accounts)
{
    unsigned  i;
    uint64_t  room;

    room = 0;

    for (i = 0; i < q->shared->naccounts; i++) {

        if (accounts & jm_queue_bit(i)) {
            room += jm_queue_number(q, i)->conf.queue;
        }
    }

    return room;
}


/*
 * Counts the places that wait for nothing but these accounts.  *joined is set
 * to these, and all that other places wait for besides one of these.
 */

static uint64_t
jm_queue_confined(jm_queue_t *q, uint64_t accounts, uint64_t *joined)
{
    uint64_t           n;
    jm_ring_t         *link;
    jm_queue_group_t  *group;

    n = 0;
    *joined = accounts;

    for (link = jm_ring_next(q->store, &q->shared->groups);
         link != &q->shared->groups;
         link = jm_ring_next(q->store, link))
    {
        group = jm_queue_group(link);

        if (!(group->accounts & ~accounts)) {
            n += jm_tree_count(q->store, group->places.root);

        } else if (group->accounts & accounts) {
            *joined |= group->accounts;
        }
    }

    return n;
}


void
jm_queue_foretell(jm_queue_t *q, uint64_t accounts, jm_tree_key_t key,
    uint64_t now, jm_queue_outlook_t *o)
{
    unsigned             i;
    uint64_t             ahead, free, rate, ready;
    jm_queue_account_t  *a;

    free = 0;
    ready = JM_QUEUE_ENDLESS;
    o->average = 0;

    for (i = 0; i < q->shared->naccounts; i++) {

        if (accounts & jm_queue_bit(i)) {
            a = jm_queue_number(q, i);

            free += jm_queue_free_slots(q, a) * JM_QUEUE_SHARE;
            ready = jm_min(ready, jm_queue_ready_in(a, now));

            /* the least that is known of any of them */

            if (o->average == 0
                || (a->average != 0 && a->average < o->average))
            {
                o->average = a->average;
            }
        }
    }

    rate = jm_queue_rate(q, accounts, o->average);
    ahead = jm_queue_ahead(q, accounts, key) + JM_QUEUE_SHARE;

    o->delay = ready + jm_queue_turns(jm_queue_span(free, ahead), rate);

    o->step = (rate == JM_QUEUE_ENDLESS)
              ? JM_QUEUE_GUESS / jm_queue_slots_of(q, accounts)
              : jm_queue_turns(JM_QUEUE_SHARE, rate);
}


/*
 * Places that are served in JM_QUEUE_RATE; JM_QUEUE_ENDLESS: not known.  An
 * account that has served none yet is taken to be as fast as the fastest.
 */

static uint64_t
jm_queue_rate(jm_queue_t *q, uint64_t accounts, uint64_t average)
{
    unsigned             i;
    uint64_t             rate, time;
    jm_queue_account_t  *a;

    rate = 0;

    for (i = 0; i < q->shared->naccounts; i++) {

        if (!(accounts & jm_queue_bit(i))) {
            continue;
        }

        a = jm_queue_number(q, i);

        time = a->average ? a->average : average;
        time = jm_max(time * 1000 / jm_queue_slots(a),
                      jm_max(a->conf.interval,
                             (uint64_t) a->conf.pace) * 1000);

        if (time == 0) {
            return JM_QUEUE_ENDLESS;
        }

        rate += JM_QUEUE_RATE / time;
    }

    return jm_max(rate, 1);
}


/* milliseconds until so many shares are served */

static uint64_t
jm_queue_turns(uint64_t shares, uint64_t rate)
{
    return shares * (JM_QUEUE_RATE / JM_QUEUE_SHARE / 1000) / rate;
}


/* it is served behind all that have the same tag already */

jm_tree_key_t
jm_queue_next_key(jm_queue_t *q, const uint8_t *client, uint64_t accounts)
{
    jm_tree_key_t  key;

    key.tag = jm_queue_next_tag(q, client, accounts);
    key.serial = UINT64_MAX;

    return key;
}


/* the places that are served before one, in shares */

static uint64_t
jm_queue_ahead(jm_queue_t *q, uint64_t accounts, jm_tree_key_t key)
{
    uint64_t           ahead;
    jm_ring_t         *link;
    jm_queue_group_t  *group;

    ahead = 0;

    for (link = jm_ring_next(q->store, &q->shared->groups);
         link != &q->shared->groups;
         link = jm_ring_next(q->store, link))
    {
        group = jm_queue_group(link);

        if (group->accounts & accounts) {
            ahead += jm_queue_share(q, group->accounts, accounts)
                     * jm_tree_rank(q->store, &group->places, key,
                                    jm_queue_key);
        }
    }

    return ahead;
}


/* how much of a place, which "theirs" may serve, falls to accounts "mine" */

static uint64_t
jm_queue_share(jm_queue_t *q, uint64_t theirs, uint64_t mine)
{
    if (!(theirs & ~mine)) {
        return JM_QUEUE_SHARE;
    }

    return jm_queue_slots_of(q, theirs & mine) * JM_QUEUE_SHARE
           / jm_queue_slots_of(q, theirs);
}


/* slots that the accounts have together, at least 1 */

static uint64_t
jm_queue_slots_of(jm_queue_t *q, uint64_t accounts)
{
    unsigned  i;
    uint64_t  slots;

    slots = 0;

    for (i = 0; i < q->shared->naccounts; i++) {

        if (accounts & jm_queue_bit(i)) {
            slots += jm_queue_slots(jm_queue_number(q, i));
        }
    }

    return jm_max(slots, 1);
}


static uint32_t
jm_queue_waits_for(jm_queue_t *q, unsigned account)
{
    uint32_t           n;
    jm_ring_t         *link;
    jm_queue_group_t  *group;

    n = 0;

    for (link = jm_ring_next(q->store, &q->shared->groups);
         link != &q->shared->groups;
         link = jm_ring_next(q->store, link))
    {
        group = jm_queue_group(link);

        if (group->accounts & jm_queue_bit(account)) {
            n += jm_tree_count(q->store, group->places.root);
        }
    }

    return n;
}


void
jm_queue_view(jm_queue_t *q, unsigned account, jm_queue_view_t *v,
    uint64_t now)
{
    jm_ring_t           *link;
    jm_queue_place_t    *place;
    jm_queue_account_t  *a;

    /* on an account that nobody uses, nothing else gives back what is over */

    jm_queue_reap(q, now);

    a = jm_queue_number(q, account);

    v->len = a->len;
    v->conf = a->conf;
    v->effective = a->effective;
    v->running = a->running;
    v->waiting = jm_queue_waits_for(q, account);
    v->average = a->average;
    v->rest = jm_queue_span(now, a->rest);
    v->aside = jm_queue_span(now, a->aside.until);
    v->submits = a->submits;
    v->busy_rate = a->busy_rate;
    v->busy_tasks = a->busy_tasks;
    v->denied = a->denied;
    v->queries_denied = a->queries_denied;

    memcpy(v->name, a->name, JM_QUEUE_NAME);

    v->lost = 0;
    v->cost = 0;
    v->cost_lost = 0;

    for (link = jm_ring_next(q->store, &a->held); link != &a->held;
         link = jm_ring_next(q->store, link))
    {
        place = jm_queue_place(link);

        v->cost += place->price;

        if (place->state == JM_PLACE_LOST) {
            v->lost++;
            v->cost_lost += place->price;
        }
    }
}
