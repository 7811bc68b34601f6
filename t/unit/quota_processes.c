
/*
 * Quotas between processes.  Processes that are killed while they work leave
 * counters that are whole, and nothing held.  Then one is run an instruction at
 * a time: after each that has changed the store another one takes over what is
 * there, at another address, as if the first had died.
 *
 * Seen failing without the undo in jm_store_begin(), with one plain store in
 * place of a jm_put() to a counter, a window, a chain, the number of clients,
 * and the list of more shares, and with dead processes taken for alive.
 */


#include "processes.h"

#include "quota.h"


#define SIZE       32768
#define CLIENTS    20
#define OTHERS     10           /* the first of those that hold something */
#define WORKERS    4
#define KILLS      60


typedef struct {
    pthread_mutex_t      lock;
    unsigned             pids[WORKERS];
} world_t;


/* what the stepped one has begun to deliver, and has delivered */

typedef struct {
    volatile unsigned    begun;
    volatile unsigned    done;
} story_t;


/* where it does, and what takes over from it */

typedef struct {
    jm_quota_t           q;
    jm_store_t           store;
    jm_quota_t           follower;
    jm_store_t           other;
} steppers_t;


static char         names[CLIENTS][8];
static jm_client_t  clients[CLIENTS];


/* behind the store */

static story_t *
story(jm_store_t *s)
{
    return (void *) ((uint8_t *) s->shared + SIZE);
}


static void
world_init(jm_quota_t *q, jm_store_t *s, unsigned (*alive)(uint32_t owner))
{
    unsigned            i;
    const jm_client_t  *all[CLIENTS];

    memset(s, 0, sizeof(jm_store_t));

    store_alive_by(s, alive);

    quota_attach(q, s, store_memory(SIZE + sizeof(story_t)), SIZE, 1);
    store_own(s, (uint32_t) getpid());

    for (i = 0; i < CLIENTS; i++) {
        snprintf(names[i], sizeof(names[i]), "c%u", i);

        clients[i] = client(names[i], 100, 3, 1000000);
        clients[i].rate_period = 1000;

        all[i] = &clients[i];
    }

    clients[1].concurrency = 100;

    if (quota_sync(q, all, CLIENTS - 1) != JM_OK) {
        abort();
    }
}


/* whether each is in one list, and in the right one */

static unsigned
is_whole(jm_quota_t *q)
{
    uint32_t            i, t, n, more, used;
    jm_ref_t            ref;
    jm_ring_t          *link;
    jm_store_t         *s;
    jm_quota_more_t    *m;
    jm_quota_used_t    *u;
    jm_quota_client_t  *c;

    s = q->store;
    n = 0;
    more = 0;
    used = 0;

    for (t = 0; t < JM_QUOTA_TABLES; t++) {

        for (i = 0; i <= q->mask; i++) {

            for (ref = q->tables[t][i]; ref; ref = c->next[t]) {
                c = jm_at(s, ref);

                if (n++ > s->shared->records
                    || c != jm_quota_numbered(q, c->serial))
                {
                    return 0;
                }
            }
        }
    }

    if (n != JM_QUOTA_TABLES * q->shared->nclients) {
        return 0;
    }

    for (link = jm_ring_next(s, &q->shared->clients);
         link != &q->shared->clients;
         link = jm_ring_next(s, link))
    {
        c = jm_quota_linked(link);

        if (n-- == 0 || jm_ring_prev(s, jm_ring_next(s, link)) != link
            || !jm_store_believed(s, jm_ref(s, c), JM_RECORD_CLIENT,
                                  offsetof(jm_quota_client_t, len),
                                  offsetof(jm_quota_client_t, next)))
        {
            return 0;
        }

        for (ref = c->more; ref; ref = m->next) {
            m = jm_at(s, ref);
            more++;
        }

        for (ref = c->models; ref; ref = u->next) {
            u = jm_at(s, ref);

            if (u->serial != c->serial || used++ > s->shared->records) {
                return 0;
            }
        }
    }

    return n == (JM_QUOTA_TABLES - 1) * q->shared->nclients
           && store_count(s, JM_RECORD_CLIENT) == q->shared->nclients
           && store_count(s, JM_RECORD_SHARES) == more
           && store_count(s, JM_RECORD_USED) == used
           && store_is_whole(s);
}


/* for ever: requests of all clients, and now and then a reload */

static void
run(world_t *w, jm_quota_t *q)
{
    size_t              n;
    unsigned            i;
    jm_hold_t           holds[4];
    unsigned short      seed[3] = { 1, (unsigned short) q->store->owner, 3 };
    jm_quota_rate_t     rate;
    jm_quota_view_t     view;
    const jm_client_t  *all[CLIENTS];

    for (i = 0; i < CLIENTS; i++) {
        all[i] = &clients[i];
    }

    memset(holds, 0, sizeof(holds));

    for ( ;; ) {
        n = (size_t) nrand48(seed);

        lock(&w->lock);
        jm_store_begin(q->store);

        (void) jm_quota_rate(q, &clients[n % CLIENTS], 1000000 + n % 1000,
                             &rate);

        jm_quota_delivered(q, &holds[n % 4], bill(1), SECONDS);
        jm_quota_release(q, &holds[n % 4]);

        (void) jm_quota_hold(q, &clients[n % CLIENTS], bill(2), 0, SECONDS,
                             &holds[n % 4], &view);

        if (n % 97 == 0) {
            (void) quota_sync(q, all, CLIENTS - n % 3);
        }

        jm_store_commit(q->store);
        unlock(&w->lock);
    }
}


static void
child(world_t *w, jm_quota_t *q, unsigned number)
{
    pid_t  pid;

    pid = fork();

    if (pid == 0) {
        store_own(q->store, (uint32_t) getpid());

        run(w, q);
    }

    w->pids[number] = (unsigned) pid;
}


static void
test_killed(void)
{
    unsigned          i, n, broken, held;
    world_t          *w;
    jm_quota_t        q;
    jm_store_t        s;
    unsigned short    seed[3] = { 1, 2, 3 };
    jm_quota_view_t   view;

    w = shared_zeros(sizeof(world_t));
    lock_init(&w->lock);
    world_init(&q, &s, is_alive);

    for (i = 0; i < WORKERS; i++) {
        child(w, &q, i);
    }

    broken = 0;
    held = 0;

    for (n = 0; n < KILLS; n++) {
        i = (unsigned) nrand48(seed) % WORKERS;

        pause_a_moment(seed);

        kill_process(w->pids[i]);

        lock(&w->lock);

        jm_store_begin(&s);

        broken += !is_whole(&q);

        unlock(&w->lock);

        child(w, &q, i);
    }

    for (i = 0; i < WORKERS; i++) {
        kill_process(w->pids[i]);
    }

    lock(&w->lock);
    jm_store_begin(&s);

    for (i = 0; i < CLIENTS; i++) {
        jm_quota_view(&q, &clients[i], SECONDS, &view);
        jm_store_commit(&s);
        held += view.running != 0 || view.reserved != 0;
    }

    broken += !is_whole(&q);

    unlock(&w->lock);

    is_int(broken, 0, "%d processes were killed: all is whole", KILLS);
    is_int(held, 0, "and nobody holds anything");

    munmap(s.shared, SIZE + sizeof(story_t));
    munmap(w, sizeof(world_t));
}


/* ---- one instruction at a time */


/* all that a process does; the second client's other shares are all in use */

static void
live(void *data)
{
    unsigned            i;
    story_t            *s;
    jm_hold_t           a, b;
    jm_quota_t         *q;
    steppers_t         *steppers;
    jm_quota_rate_t     rate;
    jm_quota_view_t     view;
    const jm_client_t  *all[CLIENTS];

    steppers = data;
    q = &steppers->q;
    s = story(q->store);

    q->store->owner = STEPPED;

    for (i = 0; i < CLIENTS; i++) {
        all[i] = &clients[i];
    }

    for (i = 1; i <= 2; i++) {
        jm_store_begin(q->store);

        (void) jm_quota_rate(q, &clients[0], 1000000, &rate);
        (void) jm_quota_hold(q, &clients[0], bill(2), 0, SECONDS, &a, &view);
        (void) jm_quota_hold(q, &clients[1], bill(1), 0, SECONDS, &b, &view);

        jm_store_commit(q->store);

        s->begun = i;

        jm_store_begin(q->store);

        jm_quota_delivered(q, &a, bill(2), SECONDS);
        (void) jm_quota_made(q, jm_quota_serial(q, &clients[1]), bill(2),
                             SECONDS);

        jm_store_commit(q->store);

        s->done = i;

        jm_store_begin(q->store);

        jm_quota_release(q, &a);
        (void) quota_sync(q, all, CLIENTS - 1 + i % 2);
        jm_quota_release(q, &b);

        jm_store_commit(q->store);
    }
}


/* what the follower finds where the other one has stopped, NULL: all is well */

static const char *
take_over(void *data)
{
    story_t          *s;
    uint64_t          used;
    jm_hold_t         hold;
    jm_quota_t       *q;
    steppers_t       *steppers;
    jm_quota_view_t   view;

    steppers = data;
    q = &steppers->follower;
    s = story(q->store);

    jm_store_begin(q->store);

    if (!is_whole(q)) {
        return "the lists are not whole";
    }

    jm_quota_view(q, &clients[2], SECONDS, &view);

    if (view.used != 7) {
        return "another client's counter is gone";
    }

    if (jm_quota_hold(q, &clients[0], bill(999990), 0, SECONDS, &hold, &view)
        != JM_QUOTA_OK)
    {
        return "what a dead one has reserved is in the way";
    }

    jm_quota_release(q, &hold);
    jm_quota_view(q, &clients[1], SECONDS, &view);

    if (view.running != JM_QUOTA_SHARES || view.reserved != JM_QUOTA_SHARES) {
        return "what others hold is not what they held";
    }

    used = view.used;
    jm_quota_view(q, &clients[0], SECONDS, &view);

    if (view.running != 0 || view.reserved != 0) {
        return "something is held";
    }

    if (view.used < 2 * s->done || view.used > 2 * s->begun) {
        return "what was delivered is not counted";
    }

    if (view.used != used) {
        return "one was counted, and the other was not";
    }

    jm_store_commit(q->store);

    return is_whole(q) ? NULL : "then the lists are not whole";
}


static void
test_steps(void)
{
    unsigned          i;
    steps_t           steps;
    jm_hold_t         hold;
    jm_quota_t       *q;
    jm_store_t       *s;
    steppers_t        steppers;
    jm_quota_view_t   view;

    q = &steppers.q;
    s = &steppers.store;

    world_init(q, s, stepped_is_dead);

    (void) jm_quota_made(q, jm_quota_serial(q, &clients[2]), bill(7), SECONDS);
    (void) jm_quota_made(q, jm_quota_serial(q, &clients[0]), bill(100),
                         SECONDS - 86400);

    for (i = 0; i < JM_QUOTA_SHARES; i++) {
        s->owner = OTHERS + i;
        (void) jm_quota_hold(q, &clients[1], bill(1), 0, SECONDS, &hold, &view);
    }

    jm_store_commit(s);

    steps.memory = s->shared;
    steps.size = SIZE + sizeof(story_t);
    steps.at = store_memory(steps.size);
    steps.live = live;
    steps.take_over = take_over;
    steps.data = &steppers;

    memcpy(steps.at, steps.memory, steps.size);

    memset(&steppers.other, 0, sizeof(jm_store_t));

    steppers.other.owner = FOLLOWER;
    store_alive_by(&steppers.other, stepped_is_dead);

    quota_attach(&steppers.follower, &steppers.other, steps.at, SIZE, 0);

    steps_ok(&steps, 150);

    munmap(steps.memory, steps.size);
    munmap(steps.at, steps.size);
}


int
main(void)
{
    test_killed();
    test_steps();

    return done_testing();
}
