
/*
 * The queue between processes: however they are killed, no more than the slots
 * that there are run at the same time, and all of them come back.  Each has the
 * store at an address of its own.
 *
 * The first is run by processes that are killed while they work.  The second
 * is run one instruction at a time: after each that has changed the store
 * another process takes over, as if the first had died there, which it may do
 * with the lock held.
 *
 * Seen failing without what jm_store_begin() undoes, and with one store of
 * jm_queue_hold(), jm_queue_line_up(), jm_queue_make_line(), jm_queue_move(),
 * jm_queue_model() and jm_queue_find_account() that is not entered in the log,
 * and with a commit in the middle of jm_queue_line_up().
 */


#include "processes.h"
#include "queue.h"


#define NOW        1000000
#define SIZE       (256 * 1024)
#define SMALL      (32 * 1024)
#define WORKERS    4
#define SLOTS      3
#define PLACES     4            /* of each worker */
#define KILLS      60

/* their accounts, the last of which is made on the way */

#define OTHER      0
#define FIRST      1
#define SECOND     2


/* under the lock, as the queue */

typedef struct {
    pthread_mutex_t      lock;
    unsigned             submitted[WORKERS];    /* what may run upstream */
    unsigned             most;
    unsigned             grants;
    unsigned             pids[WORKERS];
} world_t;


static world_t *
world_init(void)
{
    world_t  *w;

    w = shared_zeros(sizeof(world_t));
    lock_init(&w->lock);

    return w;
}


/* a hundred times as fast as it is */

static uint64_t
fast(void)
{
    struct timespec  now;

    clock_gettime(CLOCK_MONOTONIC, &now);

    return (uint64_t) now.tv_sec * 100000 + (uint64_t) now.tv_nsec / 10000;
}


/* ---- processes that are killed */


/* what is submitted from the time it is granted on */

static void
submit(world_t *w, unsigned number)
{
    unsigned  i, n;

    w->submitted[number]++;
    w->grants++;

    for (i = 0, n = 0; i < WORKERS; i++) {
        n += w->submitted[i];
    }

    w->most = jm_max(w->most, n);
}


static void
step(world_t *w, jm_queue_t *q, jm_place_t *p, unsigned *submitted,
    unsigned number, unsigned chance)
{
    uint64_t            wait, now;
    jm_queue_e          rc;
    jm_queue_request_t  request;

    now = fast();

    if (p->serial == 0) {
        *submitted = 0;
        request_init(&request, (uint8_t) (number % 3), now);
        request.worker = number;

        rc = jm_queue_enter(q, p, &request, now, &wait);

    } else if (*submitted) {
        jm_queue_renew(q, p, now);

        if (chance % 4 == 0) {
            jm_queue_accepted(q, p, task_id(chance + 1), now);

        } else if (chance % 4 == 1) {
            w->submitted[number]--;
            jm_queue_leave(q, p, chance & 64 ? JM_LEAVE_OVER : JM_LEAVE_FREE,
                           now);
        }

        return;

    } else {
        rc = jm_queue_look(q, p, now, &wait);
    }

    if (rc == JM_QUEUE_GRANTED) {
        *submitted = 1;
        submit(w, number);
    }
}


/* for ever: tasks, each with its place */

static void
run(world_t *w, jm_queue_t *q, unsigned number)
{
    unsigned        i, submitted[PLACES];
    jm_place_t      p[PLACES];
    unsigned short  seed[3];

    memset(p, 0, sizeof(p));
    memset(submitted, 0, sizeof(submitted));

    seed[0] = (unsigned short) number;
    seed[1] = (unsigned short) q->store->owner;
    seed[2] = 0;

    for ( ;; ) {
        i = (unsigned) nrand48(seed) % PLACES;

        lock(&w->lock);
        jm_store_begin(q->store);
        step(w, q, &p[i], &submitted[i], number, (unsigned) nrand48(seed));
        jm_store_commit(q->store);
        unlock(&w->lock);
    }
}


static void
child(world_t *w, const jm_store_t *store, unsigned number)
{
    void        *again;
    pid_t        pid;
    jm_queue_t   q;
    jm_store_t   s;

    pid = fork();

    if (pid == 0) {
        again = mremap(store->shared, 0, SIZE, MREMAP_MAYMOVE);

        s = *store;
        store_own(&s, (uint32_t) getpid());

        lock(&w->lock);
        jm_store_attach(&s, again, SIZE, 0);
        queue_layout(&q, &s);
        unlock(&w->lock);

        run(w, &q, number);
    }

    w->pids[number] = (unsigned) pid;
}


/* what it had submitted is over before anybody can know that it is dead */

static void
killed(world_t *w, unsigned number)
{
    siginfo_t  info;

    kill((pid_t) w->pids[number], SIGKILL);
    waitid(P_PID, w->pids[number], &info, WEXITED|WNOWAIT);

    lock(&w->lock);
    w->submitted[number] = 0;
    unlock(&w->lock);

    waitpid((pid_t) w->pids[number], NULL, 0);
}


static void
test_killed(void)
{
    unsigned            i, n, broken;
    uint64_t            wait, now;
    world_t            *w;
    jm_place_t          p[SLOTS];
    jm_queue_t          q;
    jm_store_t          s;
    unsigned short      seed[3] = { 1, 2, 3 };
    jm_queue_request_t  request;

    w = world_init();

    queue_init(&q, &s, SIZE, is_alive);
    store_own(&s, (uint32_t) getpid());
    (void) account(&q, "main", SLOTS, WORKERS * PLACES);

    for (i = 0; i < WORKERS; i++) {
        child(w, &s, i);
    }

    broken = 0;

    for (n = 0; n < KILLS; n++) {
        i = (unsigned) nrand48(seed) % WORKERS;

        pause_a_moment(seed);

        killed(w, i);

        lock(&w->lock);

        jm_store_begin(&s);

        broken += !queue_is_whole(&q);

        unlock(&w->lock);

        child(w, &s, i);
    }

    for (i = 0; i < WORKERS; i++) {
        killed(w, i);
    }

    is_int(w->most, SLOTS, "%d processes were killed: no more than the slots",
           KILLS);
    is_int(broken, 0, "the queue is whole after each");
    ok(w->grants > KILLS, "and went on: %u times", w->grants);

    now = fast() + 100000;

    for (i = 0, n = 0; i < SLOTS; i++) {
        request_init(&request, 'x', now);
        n += (queue_enter(&q, &p[i], &request, now, &wait)
              == JM_QUEUE_GRANTED);
    }

    is_int(n, SLOTS, "all slots come back");
    is_int(q.shared->waiting, 0, "and all who waited are gone");

    store_done(&s);
    munmap(w, sizeof(world_t));
}


/* ---- one instruction at a time */


/* behind the store, and as whole as that */

typedef struct {
    uint32_t             told;      /* it has a slot, and may have submitted */
    uint32_t             task;      /* and it was taken */
    uint32_t             gone;      /* the task is known to be over */
    uint32_t             padding;
    jm_place_t           own;       /* the follower's, which waits */
} story_t;


static story_t *
story(const jm_store_t *s)
{
    return (story_t *) (void *) ((uint8_t *) s->shared + SMALL);
}


/*
 * There is one slot more than the follower's place needs, which waits for one
 * of the first account, and for the one of its other, which is taken.
 */

static void
live(void *data)
{
    unsigned             i, first;
    story_t             *st;
    uint64_t             wait;
    jm_place_t           a, b, c;
    jm_queue_t          *q;
    jm_store_t          *s;
    jm_orphan_t          orphan;
    jm_queue_request_t   request;

    q = data;
    s = q->store;
    s->owner = STEPPED;
    st = story(s);

    queue_accounts_begin(q);
    (void) account(q, "second", 1, 10);
    request_init(&request, 'a', NOW);

    request.accounts[0] = FIRST;
    request.accounts[1] = SECOND;

    for (i = 1; i <= 2; i++) {
        request.model = i;
        request.naccounts = 1;

        jm_store_begin(s);
        (void) jm_queue_enter(q, &a, &request, NOW + i, &wait);
        jm_put(s, st->told, 1);
        jm_store_commit(s);

        request.naccounts = 2;
        (void) queue_enter(q, &b, &request, NOW + i, &wait);
        (void) queue_enter(q, &c, &request, NOW + i, &wait);

        jm_store_begin(s);
        jm_queue_accepted(q, &a, task_id(100 + i), NOW + i);
        jm_put(s, st->task, 100 + i);
        jm_store_commit(s);

        (void) queue_bind(q, &b, FIRST, NOW + i, &wait);
        (void) queue_look(q, &c, NOW + i, &wait);

        if (i == 1) {
            (void) queue_denied(q, &c, 1, NOW + i, &wait, &first);

        } else {
            (void) queue_busy(q, &c, 1, NOW + i, &wait);
        }

        (void) queue_look(q, &b, NOW + i, &wait);
        queue_leave(q, &b, JM_LEAVE_FREE, NOW + i);
        queue_leave(q, &a, JM_LEAVE_LOST, NOW + i);
        (void) queue_orphan_next(q, UINT64_MAX, 1, NOW + i, &orphan);
        queue_alive(q, FIRST, 100 + i, NOW + i);

        if (i == 1) {
            (void) queue_adopt(q, &a, FIRST, 100 + i, NOW + i);

            jm_store_begin(s);
            jm_put(s, st->told, 0);
            jm_put(s, st->task, 0);
            jm_queue_leave(q, &a, JM_LEAVE_FREE, NOW + i);
            jm_store_commit(s);

        } else {
            jm_store_begin(s);
            jm_put(s, st->told, 0);
            jm_put(s, st->task, 0);
            jm_put(s, st->gone, 100 + i);
            jm_queue_ended(q, FIRST, task_id(100 + i), NOW + i);
            jm_store_commit(s);
        }

        queue_leave(q, &c, JM_LEAVE_FREE, NOW + i);
    }
}


/* what the follower finds where the other one has stopped, NULL: all is well */

static const char *
found(jm_queue_t *q)
{
    unsigned             i;
    story_t             *st;
    uint64_t             wait, now;
    jm_place_t           p;
    jm_queue_account_t  *a;

    st = story(q->store);
    p = st->own;

    /* what may have been submitted has its slot after a look around */

    q->shared->reaped = 0;
    (void) queue_look(q, &p, NOW + 3, &wait);

    if (p.serial == 0) {
        return "who waits is gone";
    }

    if (jm_queue_number(q, OTHER)->running != 1) {
        return "a slot is counted that there is not";
    }

    a = jm_queue_number(q, FIRST);

    if (st->told && a->running != 2) {
        return "the slot of what was submitted is free";
    }

    i = a->running;

    if (st->gone) {
        queue_ended(q, FIRST, st->gone, NOW + 3);

        if (a->running != i) {
            return "the slot of what is over was not free";
        }
    }

    if (st->task) {
        queue_ended(q, FIRST, st->task, NOW + 3);

        if (a->running != i - 1) {
            return "the task is not known";
        }
    }

    now = NOW + 100000;

    if (queue_look(q, &p, now, &wait) != JM_QUEUE_GRANTED) {
        return "who waits is not served at last";
    }

    for (i = 0; i < q->shared->naccounts; i++) {

        if (jm_queue_number(q, i)->running != (i != SECOND)) {
            return "a slot does not come back";
        }
    }

    if (q->shared->waiting != 0) {
        return "the dead wait";
    }

    return queue_is_whole(q) ? NULL : "then the queue is not whole";
}


static void  *copied;


static const char *
take_over(void *data)
{
    jm_queue_t         q;
    jm_store_t         s;
    const jm_queue_t  *first = data;

    s = *first->store;
    s.owner = FOLLOWER;

    jm_store_attach(&s, copied, SMALL + sizeof(story_t), 0);
    queue_layout(&q, &s);

    jm_store_begin(&s);

    if (!queue_is_whole(&q)) {
        return "the queue is not whole";
    }

    return found(&q);
}


static void
test_steps(void)
{
    unsigned            i;
    uint64_t            wait;
    jm_place_t          p[3];
    jm_queue_t          q;
    jm_store_t          s;
    jm_queue_request_t  request;

    steps_t  steps = { NULL, SMALL + sizeof(story_t), NULL, live, take_over,
                       &q };

    steps.memory = store_memory(steps.size);
    steps.at = store_memory(steps.size);
    copied = steps.at;

    memset(&s, 0, sizeof(jm_store_t));
    s.owner = FOLLOWER;
    store_alive_by(&s, stepped_is_dead);

    jm_store_attach(&s, steps.memory, steps.size, 1);
    store_own_first(&s);
    queue_layout(&q, &s);

    (void) account(&q, "other", 1, 9);
    (void) account(&q, "first", 1, 9);

    request_of_two(&request, 'a', NOW);

    for (i = 0; i < 3; i++) {
        (void) queue_enter(&q, &p[i], &request, NOW, &wait);
    }

    story(&s)->own = p[2];

    /* the slots are for whoever looks next */

    jm_queue_number(&q, FIRST)->rest = NOW + 50000;
    queue_leave(&q, &p[1], JM_LEAVE_FREE, NOW);
    (void) account(&q, "first", 2, 9);

    steps_ok(&steps, 1000);

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
