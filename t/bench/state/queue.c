
/*
 * What is done with places and slots.
 */


#include "calls.h"


#define NEW         0x1000000   /* clients that the world does not know */
#define REAP        500         /* ms between two walks */
#define ALL         ((1u << ACCOUNTS) - 1)
#define LAST        (1u << (ACCOUNTS - 1))


static void
enter(world_t *w, uint32_t client, unsigned accounts, jm_queue_e expected)
{
    uint64_t            wait;
    jm_place_t          place;
    jm_queue_request_t  request;

    request_of(w, &request, client, accounts);

    if (jm_queue_enter(&w->state.queue, &place, &request, w->state.now, &wait)
        != expected)
    {
        die("entered otherwise");
    }
}


static void
enter_new(world_t *w, unsigned i)
{
    enter(w, NEW + i, ALL, JM_QUEUE_WAIT);
}


static void
enter_again(world_t *w, unsigned i)
{
    (void) i;

    enter(w, 0, 1, JM_QUEUE_WAIT);
}


/* the room of all accounts is taken */

static void
take_room(world_t *w)
{
    world_configure(w, SLOTS, w->waiting / ACCOUNTS, 0);
}


static void
enter_full(world_t *w, unsigned i)
{
    enter(w, i % 4 == 0 ? 0 : NEW + i, i % 2 ? LAST : ALL, JM_QUEUE_FULL);
}


/* after empty() */

static void
enter_free(world_t *w, unsigned i)
{
    enter(w, NEW + i, ALL, JM_QUEUE_GRANTED);
}


/* nobody waits any more, and any number may run */

static void
empty(world_t *w)
{
    unsigned  i;

    world_configure(w, SLOTS, 0, 0);

    for (i = RUNNING; i < RUNNING + w->waiting; i++) {
        jm_queue_leave(&w->state.queue, &w->waiters[i].place, JM_LEAVE_FREE,
                       w->state.now);
        jm_state_commit(&w->state);
    }

    world_configure(w, 0, 0, 0);
}


static waiter_t *
waiter(world_t *w, unsigned i)
{
    return &w->waiters[RUNNING + (uint64_t) i * 7919 % w->waiting];
}


static void
look(world_t *w, unsigned i, jm_queue_e expected)
{
    uint64_t  wait;

    if (jm_queue_look(&w->state.queue, &waiter(w, i)->place, w->state.now,
                      &wait)
        != expected)
    {
        die("looked otherwise");
    }
}


static void
look_waits(world_t *w, unsigned i)
{
    look(w, i, JM_QUEUE_WAIT);
}


/* a reload has given the accounts a timeout, which is over for all */

static void
be_late(world_t *w)
{
    world_configure(w, SLOTS, 2 * w->waiting + RUNNING, 1);

    w->clock.monotonic += 2;
}


/* those of the client with half of all have most to walk over */

static void
look_late(world_t *w, unsigned i)
{
    uint64_t  wait;

    if (jm_queue_look(&w->state.queue, &w->waiters[RUNNING + i].place,
                      w->state.now, &wait)
        != JM_QUEUE_LATE)
    {
        die("looked otherwise");
    }
}


static void
later(world_t *w, unsigned i)
{
    (void) i;

    w->clock.monotonic += REAP;
}


static void
kill_worker(world_t *w)
{
    (void) w;

    dead[DIES] = 1;
}


static void
look_next(world_t *w, unsigned i)
{
    uint64_t  wait;

    (void) i;

    (void) jm_queue_look(&w->state.queue, &w->waiters[RUNNING].place,
                         w->state.now, &wait);
}


/* the last account's first, whose next one is far from the first that waits */

static void
leave(world_t *w, unsigned i)
{
    jm_queue_leave(&w->state.queue, &w->waiters[RUNNING - 1 - i].place,
                   JM_LEAVE_OVER, w->state.now);
}


/* it is known who has died, and most of what that left is there yet */

static void
find_dead(world_t *w)
{
    kill_worker(w);
    later(w, 0);

    jm_state_begin(&w->state, &w->clock);
    look_next(w, 0);
}


static void
leave_waiting(world_t *w, unsigned i)
{
    jm_queue_leave(&w->state.queue, &w->waiters[RUNNING + i].place,
                   JM_LEAVE_FREE, w->state.now);
}


static void
renew(world_t *w, unsigned i)
{
    jm_queue_renew(&w->state.queue, &waiter(w, i)->place, w->state.now);
}


static void
view(world_t *w, unsigned i)
{
    jm_queue_view_t  v;

    jm_queue_view(&w->state.queue, w->accounts[i % ACCOUNTS], &v,
                  w->state.now);
}


const call_t  queue_calls[] = {
    { "enter, a slot is free", 1000, 0, empty, NULL, enter_free },
    { "enter, one more client waits", 1000, 1, NULL, NULL, enter_new },
    { "enter, the client with half of all", 1000, 1, NULL, NULL, enter_again },
    { "enter, the queue is full", 1000, 0, take_room, NULL, enter_full },
    { "look of one that waits", 1000, 0, NULL, NULL, look_waits },
    { "look of one that is late", 1000, 1, be_late, NULL, look_late },
    { "look, the walk of each 500 ms", 200, 0, NULL, later, look_next },
    { "look, half of all have died", 200, 0, kill_worker, later, look_next },
    { "leave, the next gets the slot", RUNNING, 0, NULL, NULL, leave },
    { "leave, half of all have died", RUNNING, 0, find_dead, NULL, leave },
    { "leave of one that waits", 1000, 1, NULL, NULL, leave_waiting },
    { "renew", 1000, 0, NULL, NULL, renew },
    { "view of an account", 200, 0, NULL, later, view },
};

const unsigned  nqueue_calls = sizeof(queue_calls) / sizeof(queue_calls[0]);
