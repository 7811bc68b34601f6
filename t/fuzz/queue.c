
/*
 * The queue in a simulated world: processes that enter, submit, are refused,
 * die, and come back, clients that leave, and time that goes by.  Whatever
 * happens: a slot is given only where one is free and nothing rests, to the
 * oldest place of a client whose turn it is; no slot stays free that somebody
 * waits for; who has one keeps it; in the end all are there again.
 *
 * Seen failing without: the first jm_queue_dispatch() of jm_queue_enter(), the
 * last of its client's tags and the last granted one in jm_queue_next_tag(),
 * what jm_store_begin() undoes.
 */


#define _GNU_SOURCE

#include "fuzz.h"
#include "../unit/queue.h"
#include "jm_queue_turn.h"


#define ACCOUNTS   3
#define CLIENTS    4
#define HOLDERS    20
#define SIZE       (64 * 1024)


typedef struct {
    jm_place_t           p;
    unsigned             process;   /* from 1, 0: nobody's */
    unsigned             client;
    unsigned             waits;     /* as the world knows it */
    unsigned             returned;  /* refused, or bound, while it waits */
    uint64_t             seen;
} holder_t;


typedef struct {
    input_t              input;
    jm_queue_t           q;
    jm_store_t           store;
    uint64_t             now;
    unsigned             uniform;   /* all ask for one account */
    holder_t             holders[HOLDERS];
    uint32_t             running[ACCOUNTS];

    /* how often the one was served while the other waited, in vain */
    int                  served[CLIENTS][CLIENTS];
    unsigned             left[CLIENTS]; /* some that waited, and gave it up */
} world_t;


static jm_queue_t *
as(world_t *w, const holder_t *h)
{
    w->store.owner = owner_of(h->process);

    return &w->q;
}


static void
configure(world_t *w, unsigned i)
{
    char               name[2] = { (char) ('a' + i), '\0' };
    unsigned           number;
    jm_queue_conf_t    conf;

    conf.concurrency = 1 + choose(&w->input, 3);
    conf.queue = choose(&w->input, 8);
    conf.weight = 1 + choose(&w->input, 3);
    conf.pace = choose(&w->input, 4) == 3 ? 200 : 0;
    conf.interval = choose(&w->input, 4) == 3 ? 300 : 0;
    conf.timeout = choose(&w->input, 4) == 3 ? 20000 : 0;

    check(queue_account(&w->q, str(name), &conf, &number) == JM_OK);
    check(number == i);
}


/* where it lies, or NULL when it was taken away */

static jm_queue_place_t *
place_of(const world_t *w, const holder_t *h)
{
    jm_queue_place_t  *place;

    place = jm_at(&w->store, h->p.ref);

    return (place->head.type == JM_RECORD_PLACE
            && place->serial == h->p.serial && place->grip == h->p.grip)
           ? place : NULL;
}


/* nobody of its client waits longer for the same */

static void
in_order(world_t *w, const holder_t *h, const jm_queue_place_t *place)
{
    unsigned                 i;
    const holder_t          *o;
    const jm_queue_place_t  *other;

    for (i = 0; i < HOLDERS; i++) {
        o = &w->holders[i];

        if (o->process == 0 || o->client != h->client || !o->waits) {
            continue;
        }

        other = place_of(w, o);

        if (other == NULL || other->state != JM_PLACE_WAIT) {
            continue;
        }

        check(other->serial > place->serial || !w->uniform);
    }
}


static unsigned
client_waits(const world_t *w, unsigned client)
{
    unsigned  i;

    for (i = 0; i < HOLDERS; i++) {

        if (w->holders[i].process != 0 && w->holders[i].waits
            && w->holders[i].client == client
            && place_of(w, &w->holders[i]) != NULL)
        {
            return 1;
        }
    }

    return 0;
}


/* in turns: the third time another has had its first, whenever it came */

static void
in_turn(world_t *w, holder_t *h)
{
    unsigned  i;

    for (i = 0; i < CLIENTS; i++) {

        if (i == h->client || !client_waits(w, i)) {
            w->served[i][h->client] = 0;
            continue;
        }

        if (!h->returned) {
            check(++w->served[i][h->client] <= 2 || w->left[i] || !w->uniform);
        }
    }

    for (i = 0; i < CLIENTS; i++) {
        w->served[h->client][i] = 0;
    }
}


static void
granted(world_t *w, holder_t *h, const jm_queue_place_t *place)
{
    h->waits = 0;

    in_order(w, h, place);
    in_turn(w, h);

    h->returned = 0;
}


/* those that have got a slot since, in the order they have */

static void
look_at_slots(world_t *w, jm_queue_account_t *a)
{
    unsigned           i;
    holder_t          *h;
    jm_ring_t         *link;
    jm_queue_place_t  *place;

    for (link = jm_ring_next(&w->store, &a->held); link != &a->held;
         link = jm_ring_next(&w->store, link))
    {
        place = jm_queue_place(link);

        for (i = 0; i < HOLDERS; i++) {
            h = &w->holders[i];

            if (h->process != 0 && h->waits && place_of(w, h) == place) {
                granted(w, h, place);
            }
        }
    }
}


/* what waits has no slot to go to */

static void
look_at_waiting(world_t *w, const jm_queue_place_t *place)
{
    unsigned             i;
    uint64_t             usable;
    jm_queue_account_t  *a;

    usable = jm_queue_usable(&w->q, place->accounts, place->model, w->now);

    for (i = 0; i < ACCOUNTS; i++) {
        a = jm_queue_number(&w->q, i);

        check(!(usable & jm_queue_bit(i)) || jm_queue_free_slots(&w->q, a) == 0
              || jm_queue_ready_in(a, w->now) != 0);
    }
}


/* after each event: the lists are whole, and whoever was granted, rightly */

static void
look_around(world_t *w, unsigned dispatched)
{
    unsigned             i;
    uint32_t             limit;
    holder_t            *h;
    jm_queue_place_t    *place;
    jm_queue_account_t  *a;

    check(queue_is_whole(&w->q));

    for (i = 0; i < ACCOUNTS; i++) {
        a = jm_queue_number(&w->q, i);

        limit = a->conf.concurrency ? jm_max(a->effective, 1) : UINT32_MAX;

        check(a->running <= limit || a->running <= w->running[i]);

        w->running[i] = a->running;

        look_at_slots(w, a);
    }

    for (i = 0; i < HOLDERS; i++) {
        h = &w->holders[i];

        if (h->process == 0) {
            continue;
        }

        place = place_of(w, h);

        if (place == NULL) {

            /* it did nothing for so long that it was taken for forgotten */

            check(w->now - h->seen >= JM_QUEUE_LEASE);
            w->left[h->client] |= h->waits;
            h->process = 0;
            continue;
        }

        check(h->waits == (place->state == JM_PLACE_WAIT));

        if (dispatched && h->waits) {
            look_at_waiting(w, place);
        }
    }
}


/* what a function has said of a place, and what the place says */

static void
told(world_t *w, holder_t *h, jm_queue_e rc, uint64_t wait)
{
    jm_queue_place_t  *place;

    h->seen = w->now;

    switch (rc) {

    case JM_QUEUE_GRANTED:
        place = place_of(w, h);
        check(place != NULL && place->owner == owner_of(h->process));
        check(place->state == JM_PLACE_TOLD || place->state == JM_PLACE_RUN);
        check(h->p.account == place->account && wait == 0);
        check(place->accounts & jm_queue_bit(place->account));
        break;

    case JM_QUEUE_WAIT:
        place = place_of(w, h);
        check(place != NULL && place->state == JM_PLACE_WAIT);
        check(wait > 0 && wait <= JM_QUEUE_LOOK);
        break;

    case JM_QUEUE_FULL:
    case JM_QUEUE_LATE:
        check(wait > 0);
        /* fall through */

    default:
        check(h->p.serial == 0);
        w->left[h->client] |= h->waits;
        h->process = 0;
    }
}


static void
enter(world_t *w, holder_t *h)
{
    unsigned            i;
    uint64_t            wait;
    jm_queue_e          rc;
    jm_queue_request_t  request;

    h->process = 1 + choose(&w->input, PROCESSES);
    h->client = choose(&w->input, CLIENTS);
    h->returned = 0;
    h->waits = 0;

    if (killed[h->process]) {
        h->process = 0;
        return;
    }

    request_init(&request, (uint8_t) h->client, w->now);
    request.worker = h->process;

    if (!w->uniform) {
        i = choose(&w->input, ACCOUNTS);
        request.accounts[0] = (uint8_t) i;
        request.accounts[1] = (uint8_t) ((i + 1) % ACCOUNTS);
        request.naccounts = 1 + choose(&w->input, 2);
        request.model = choose(&w->input, 2);
        request.patience = choose(&w->input, 4) == 3 ? 30000 : UINT64_MAX;
    }

    rc = queue_enter(as(w, h), &h->p, &request, w->now, &wait);

    check(rc != JM_QUEUE_NO_ROOM);

    /* others were served before it came */

    for (i = 0; i < ACCOUNTS; i++) {
        look_at_slots(w, jm_queue_number(&w->q, i));
    }

    if (!client_waits(w, h->client)) {
        memset(w->served[h->client], 0, sizeof(w->served[h->client]));
        w->left[h->client] = 0;
    }

    h->waits = (h->p.serial != 0);

    told(w, h, rc, wait);
}


/* it waits once more, and before others of its client that came later */

static void
again(world_t *w, holder_t *h)
{
    unsigned  i;

    h->waits = 1;
    h->returned = 1;

    /* should it go, another one has its turn */

    for (i = 0; i < CLIENTS; i++) {
        w->served[i][h->client] = -HOLDERS;
    }
}


static void
use(world_t *w, holder_t *h)
{
    unsigned           first, what, has, account;
    uint64_t           wait;
    jm_queue_e         rc;
    jm_queue_place_t  *place;

    place = place_of(w, h);
    has = (place->state == JM_PLACE_TOLD
           || (place->state == JM_PLACE_LOST && place->id_len == 0));
    what = choose(&w->input, 8);

    switch (what) {

    case 0:
    case 1:
        queue_accepted(as(w, h), &h->p, h->p.serial, w->now);
        h->seen = w->now;
        return;

    case 2:
        if (has) {
            again(w, h);
        }

        rc = queue_busy(as(w, h), &h->p, choose(&w->input, 2), w->now,
                           &wait);
        break;

    case 3:
        if (has && !w->uniform) {
            again(w, h);
            rc = queue_denied(as(w, h), &h->p, choose(&w->input, 2), w->now,
                                 &wait, &first);
            break;
        }

        return;

    case 4:
        if (!w->uniform) {

            account = choose(&w->input, ACCOUNTS);

            if ((has || place->state == JM_PLACE_GRANTED)
                && place->account != account)
            {
                again(w, h);
            }

            rc = queue_bind(as(w, h), &h->p, account, w->now, &wait);
            break;
        }

        return;

    case 5:
        queue_renew(as(w, h), &h->p, w->now);
        h->seen = w->now;
        return;

    default:
        rc = queue_look(as(w, h), &h->p, w->now, &wait);
    }

    told(w, h, rc, wait);
}


static void
leave(world_t *w, holder_t *h)
{
    uint64_t    task;
    jm_leave_e  how;

    task = h->p.serial;
    how = (jm_leave_e) choose(&w->input, 3);

    queue_leave(as(w, h), &h->p, how, w->now);
    check(h->p.serial == 0);

    w->left[h->client] |= h->waits;
    h->process = 0;

    if (how != JM_LEAVE_LOST) {
        return;
    }

    switch (choose(&w->input, 3)) {

    case 0:
        look_around(w, 0);
        queue_ended(&w->q, choose(&w->input, ACCOUNTS), task, w->now);
        break;

    case 1:
        look_around(w, 0);

        h->process = 1 + choose(&w->input, PROCESSES);

        if (killed[h->process]
            || !queue_adopt(as(w, h), &h->p, choose(&w->input, ACCOUNTS),
                               task, w->now))
        {
            h->process = 0;
        }

        h->waits = 0;
        h->seen = w->now;
        break;

    default:
        break;
    }
}


static void
die(world_t *w, unsigned process)
{
    unsigned  i;

    for (i = 0; i < HOLDERS; i++) {

        if (w->holders[i].process == process) {
            w->left[w->holders[i].client] |= w->holders[i].waits;
            w->holders[i].process = 0;
        }
    }

    killed[process] = !killed[process];

    if (!killed[process]) {
        store_own(&w->store, owner_of(process) + LIFE);
        times[process]++;
        return;
    }

    w->store.owner = PROCESSES + 1;
    jm_store_begin(&w->store);

    /* with the lock held, or without */

    if (choose(&w->input, 2)) {
        jm_put(&w->store, w->q.shared->groups.next, 77);
        jm_put(&w->store, w->q.shared->waiting, 77);
        jm_put(&w->store, jm_queue_number(&w->q, 0)->running, 77);

        jm_store_begin(&w->store);
    }

    if (w->uniform) {

        /* else the dead have their turn until it is seen */

        w->q.shared->reaped = 0;
        jm_queue_reap(&w->q, w->now);
    }

    jm_store_commit(&w->store);
}


/* who waits asks the upstream about a task that nobody follows */

static void
ask(world_t *w)
{
    jm_str_t     id;
    jm_orphan_t  o;

    w->store.owner = PROCESSES + 1;
    jm_store_begin(&w->store);

    if (jm_queue_orphan_next(&w->q, choose(&w->input, 8), 1000, w->now, &o)) {
        id.data = o.id;
        id.len = o.len;
        check(id.len != 0 && jm_queue_number(&w->q, o.account)->running != 0);

        if (choose(&w->input, 2)) {
            jm_queue_alive(&w->q, o.account, id, w->now);

        } else {
            jm_queue_ended(&w->q, o.account, id, w->now);
        }
    }

    jm_store_commit(&w->store);
}


/* returns whether it has served who waits */

static unsigned
happen(world_t *w)
{
    unsigned   what;
    holder_t  *h;

    h = &w->holders[choose(&w->input, HOLDERS)];

    if (h->process == 0) {
        enter(w, h);
        return h->process != 0;
    }

    what = choose(&w->input, 16);

    if (what < 10) {
        use(w, h);
        return 0;
    }

    if (what < 13) {
        leave(w, h);
        return 0;
    }

    if (what < 15) {
        w->now += choose(&w->input, 16) == 15 ? 40000
                                              : choose(&w->input, 250) * 4;
        return 0;
    }

    switch (choose(&w->input, 4)) {

    case 0:
        die(w, 1 + choose(&w->input, PROCESSES));
        break;

    case 1:
        configure(w, choose(&w->input, ACCOUNTS));
        break;

    case 2:
        ask(w);
        break;

    default:
        break;
    }

    return 0;
}


/* everybody is dead, and after a while nothing is left */

static void
end(world_t *w)
{
    unsigned            i;
    uint64_t            wait;
    jm_place_t          p;
    jm_queue_request_t  request;

    for (i = 1; i <= PROCESSES; i++) {
        killed[i] = 1;
    }

    w->now += 2 * JM_QUEUE_LEASE;
    w->store.owner = PROCESSES + 1;

    request_init(&request, 'x', w->now);
    check(queue_enter(&w->q, &p, &request, w->now, &wait)
          == JM_QUEUE_GRANTED);
    queue_leave(&w->q, &p, JM_LEAVE_FREE, w->now);

    check(queue_is_whole(&w->q));
    check(w->q.shared->waiting == 0);

    for (i = 0; i < ACCOUNTS; i++) {
        check(jm_queue_number(&w->q, i)->running == 0);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned        i;
    static world_t  w;

    if (size < 1) {
        return 0;
    }

    memset(&w, 0, sizeof(world_t));
    memset(killed, 0, sizeof(killed));
    memset(times, 0, sizeof(times));

    w.input.data = data;
    w.input.size = size;
    w.now = 1000;

    queue_init(&w.q, &w.store, SIZE, alive);

    w.uniform = choose(&w.input, 2);

    for (i = 0; i < ACCOUNTS; i++) {
        configure(&w, i);
    }

    while (w.input.size != 0) {
        w.q.nwoken = 0;
        i = happen(&w);
        look_around(&w, i);
    }

    end(&w);

    store_done(&w.store);

    return 0;
}
