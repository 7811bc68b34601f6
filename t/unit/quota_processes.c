
/*
 * Quotas between processes.  Processes that are killed while they work leave
 * counters that are whole, and nothing held.  Then one is run an instruction at
 * a time: after each that has changed the shared memory another one takes
 * over, as if the first had died there, which it may do with the lock held.
 *
 * Seen failing without jm_quota_rebuild(), with the serial number of a share
 * stored first in jm_quota_share_add() and not at all in jm_quota_share_drop(),
 * with the window stored first in jm_quota_roll(), and with dead processes
 * taken for alive.
 */


#include "processes.h"

#include "jm_quota_store.h"


#define SIZE       65536
#define CLIENTS    20
#define WORKERS    4
#define KILLS      60

#define DAY        20000
#define SECONDS    ((int64_t) DAY * 86400 + 100)


typedef struct {
    pthread_mutex_t      lock;
    unsigned             pids[WORKERS];
} world_t;


/* what the stepped one has begun to deliver, and has delivered */

typedef struct {
    volatile unsigned    begun;
    volatile unsigned    done;
} story_t;


static char         names[CLIENTS][8];
static jm_client_t  clients[CLIENTS];


static story_t *
story(jm_quota_t *q)
{
    return memory_end(&q->mem, sizeof(story_t));
}


static void
quota_init(jm_quota_t *q, unsigned (*alive)(uint32_t pid))
{
    unsigned            i;
    const jm_client_t  *all[CLIENTS];

    memset(q, 0, sizeof(jm_quota_t));

    (void) memory_map(&q->mem, SIZE, 64);
    q->alive = alive;
    q->pid = (uint32_t) getpid();

    for (i = 0; i < CLIENTS; i++) {
        snprintf(names[i], sizeof(names[i]), "c%u", i);

        memset(&clients[i], 0, sizeof(jm_client_t));

        clients[i].name = str(names[i]);
        clients[i].rate = 100;
        clients[i].rate_period = 1000;
        clients[i].concurrency = 3;
        clients[i].images = 1000000;
        clients[i].images_period = 86400;

        all[i] = &clients[i];
    }

    if (jm_quota_create(q) != JM_OK
        || jm_quota_reserve(q, CLIENTS, 2) != JM_OK
        || jm_quota_sync(q, all, CLIENTS - 1) != JM_OK)
    {
        abort();
    }
}


/* whether each is in one list, and in the right one */

static unsigned
is_whole(jm_quota_t *q)
{
    size_t              i, n, m;
    jm_quota_share_t   *share;
    jm_quota_client_t  *c;
    jm_quota_shared_t  *shared;

    shared = q->shared;
    n = 0;
    m = 0;

    for (i = 0; i <= shared->table->mask; i++) {

        for (c = shared->table->chains[i]; c != NULL; c = c->next) {

            if (c->serial == 0 || n++ == shared->nclients) {
                return 0;
            }

            for (share = c->shares; share != NULL; share = share->next) {

                if (share->serial != c->serial || share->client != c
                    || share->pid == 0 || m++ == shared->nshares)
                {
                    return 0;
                }
            }
        }
    }

    for (c = shared->free_clients; c != NULL; c = c->next) {
        if (c->serial != 0 || n++ == shared->nclients) {
            return 0;
        }
    }

    for (share = shared->free_shares; share != NULL; share = share->next) {
        if (share->serial != 0 || m++ == shared->nshares) {
            return 0;
        }
    }

    return n == shared->nclients && m == shared->nshares;
}


/* for ever: requests of all clients, and now and then a reload */

static void
run(world_t *w, jm_quota_t *q)
{
    size_t              n;
    unsigned            i;
    jm_hold_t           holds[4];
    unsigned short      seed[3] = { 1, (unsigned short) q->pid, 3 };
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

        (void) jm_quota_rate(q, &clients[n % CLIENTS], 1000000 + n % 1000,
                             &rate);

        jm_quota_delivered(q, &holds[n % 4], 1, SECONDS);
        jm_quota_release(q, &holds[n % 4]);

        (void) jm_quota_hold(q, &clients[n % CLIENTS], 2, 0, SECONDS,
                             &holds[n % 4], &view);

        if (n % 97 == 0) {
            (void) jm_quota_sync(q, all, CLIENTS - n % 3);
        }

        unlock(&w->lock);
    }
}


static void
child(world_t *w, jm_quota_t *q, unsigned number)
{
    pid_t  pid;

    pid = fork();

    if (pid == 0) {
        q->pid = (uint32_t) getpid();

        lock(&w->lock);
        jm_quota_join(q);
        unlock(&w->lock);

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
    unsigned short    seed[3] = { 1, 2, 3 };
    jm_quota_view_t   view;

    w = shared_zeros(sizeof(world_t));
    lock_init(&w->lock);
    quota_init(&q, is_alive);

    for (i = 0; i < WORKERS; i++) {
        child(w, &q, i);
    }

    broken = 0;
    held = 0;

    for (n = 0; n < KILLS; n++) {
        i = (unsigned) nrand48(seed) % WORKERS;

        pause_a_moment(seed);

        kill((pid_t) w->pids[i], SIGKILL);
        waitpid((pid_t) w->pids[i], NULL, 0);

        lock(&w->lock);

        jm_quota_enter(&q);
        jm_quota_leave(&q);

        broken += !is_whole(&q);

        unlock(&w->lock);

        child(w, &q, i);
    }

    for (i = 0; i < WORKERS; i++) {
        kill((pid_t) w->pids[i], SIGKILL);
        waitpid((pid_t) w->pids[i], NULL, 0);
    }

    lock(&w->lock);

    for (i = 0; i < CLIENTS; i++) {
        jm_quota_view(&q, &clients[i], SECONDS, &view);
        held += view.running != 0 || view.reserved != 0;
    }

    broken += !is_whole(&q);

    unlock(&w->lock);

    is_int(broken, 0, "%d processes were killed: all is whole", KILLS);
    is_int(held, 0, "and nobody holds anything");

    memory_unmap(&q.mem);
    munmap(w, sizeof(world_t));
}


/* ---- one instruction at a time */


/* all that a process does, with two clients of one chain or more */

static void
live(void *data)
{
    unsigned            i;
    story_t            *s;
    jm_hold_t           a, b;
    jm_quota_t         *q;
    jm_quota_rate_t     rate;
    jm_quota_view_t     view;
    const jm_client_t  *all[CLIENTS];

    q = data;
    q->pid = STEPPED;
    s = story(q);

    for (i = 0; i < CLIENTS; i++) {
        all[i] = &clients[i];
    }

    for (i = 1; i <= 2; i++) {
        (void) jm_quota_rate(q, &clients[0], 1000000, &rate);
        (void) jm_quota_hold(q, &clients[0], 2, 0, SECONDS, &a, &view);
        (void) jm_quota_hold(q, &clients[1], 1, 0, SECONDS, &b, &view);

        s->begun = i;
        jm_quota_delivered(q, &a, 2, SECONDS);
        s->done = i;

        jm_quota_release(q, &a);

        (void) jm_quota_sync(q, all, CLIENTS - 1 + i % 2);
        jm_quota_release(q, &b);
    }

    (void) jm_quota_reserve(q, 2 * CLIENTS, 2);
}


/* what the follower finds where the other one has stopped, NULL: all is well */

static const char *
take_over(void *data)
{
    story_t            *s;
    jm_hold_t           hold;
    jm_quota_t         *q;
    jm_quota_view_t     view;
    jm_quota_client_t  *c;

    q = data;
    s = story(q);

    jm_quota_enter(q);
    jm_quota_leave(q);

    if (!is_whole(q)) {
        return "the lists are not whole";
    }

    c = jm_quota_find(q, clients[2].name);

    if (c == NULL || c->used != 7) {
        return "another client's counter is gone";
    }

    if (jm_quota_hold(q, &clients[0], 999990, 0, SECONDS, &hold, &view)
        != JM_QUOTA_OK)
    {
        return "what a dead one has reserved is in the way";
    }

    jm_quota_release(q, &hold);
    jm_quota_view(q, &clients[0], SECONDS, &view);

    if (view.running != 0 || view.reserved != 0) {
        return "something is held";
    }

    if (view.used < 2 * s->done || view.used > 2 * s->begun) {
        return "what was delivered is not counted";
    }

    return is_whole(q) ? NULL : "then the lists are not whole";
}


static void
test_steps(void)
{
    jm_hold_t   hold;
    jm_quota_t  q;

    const steps_t  steps = { live, take_over, &q };

    quota_init(&q, stepped_is_dead);

    q.pid = FOLLOWER;

    jm_quota_attach(&q, &clients[2], &hold);
    jm_quota_delivered(&q, &hold, 7, SECONDS);

    jm_quota_attach(&q, &clients[0], &hold);
    jm_quota_delivered(&q, &hold, 100, SECONDS - 86400);

    steps_ok(&q.mem, &steps, 150);

    memory_unmap(&q.mem);
}


int
main(void)
{
    test_killed();
    test_steps();

    return done_testing();
}
