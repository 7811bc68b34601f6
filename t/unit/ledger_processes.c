
/*
 * The ledger between processes.  Two that ask for the same in the same instant
 * make one task; one that is killed anywhere leaves a ledger that is whole,
 * and no task that it may have submitted to be submitted again.
 *
 * The first is run by processes that are killed while they work.  The second
 * is run one instruction at a time: after each that has changed the shared
 * memory another process takes over, as if the first had died there, which it
 * may do with the lock held.
 *
 * Seen failing without jm_store_recover(), without jm_ledger_watch() in
 * jm_ledger_open() ("it does not find what is owed"), with a plain store in
 * place of jm_put() in jm_ledger_become(), jm_ledger_link() and
 * jm_ledger_attend(), and with a task taken over that a dead process was
 * submitting.
 */


#include "processes.h"
#include "ledger.h"


#define NOW        1000000
#define WORKERS    4
#define KEYS       8
#define KILLS      60

/* what the second has asked for before the first, which takes over a task */

#define FOLLOWERS  4


/*
 * What the upstream has seen, by key and task; a task that was submitted is
 * not to be again.  Under the lock, as the ledger.
 */

typedef struct {
    pthread_mutex_t      lock;
    unsigned             submits[KEYS];
    unsigned             twice;     /* submitted though it may be taken */
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


static void
child(void (*run)(world_t *w, jm_ledger_t *l, unsigned number), world_t *w,
    jm_ledger_t *l, unsigned number)
{
    pid_t        pid;
    jm_ledger_t  own;

    pid = fork();

    if (pid == 0) {
        ledger_other(&own, l, (uint32_t) getpid());

        run(w, &own, number);
        _exit(0);
    }

    w->pids[number] = (unsigned) pid;
}


/* each asks for each key once, all at the same time */

static void
run_same(world_t *w, jm_ledger_t *l, unsigned number)
{
    unsigned             key;
    jm_str_t             id;
    jm_look_e            look;
    jm_ledger_claim_t    claim;
    jm_ledger_request_t  request;

    (void) number;

    for (key = 0; key < KEYS; key++) {
        request_init(&request, (uint8_t) key, 1);
        request.named = 1;

        lock(&w->lock);
        (void) ledger_open(l, &claim, &request, NOW);
        unlock(&w->lock);

        do {
            lock(&w->lock);
            look = ledger_look(l, &claim, 0, NOW, &id);

            if (look == JM_LOOK_OWN
                && ledger_submit(l, &claim, 0, 0) == JM_OK)
            {
                w->submits[key]++;
                unlock(&w->lock);

                /* under way: the others come meanwhile */

                usleep(500);

                lock(&w->lock);
                ledger_accepted(l, &claim, 0, str("1"));
            }

            unlock(&w->lock);

            usleep(100);

        } while (look == JM_LOOK_WAIT);

        lock(&w->lock);
        ledger_over(l, &claim, 0, NOW);
        ledger_close(l, &claim, NOW);
        unlock(&w->lock);
    }
}


static void
test_same(void)
{
    unsigned     i, ones;
    world_t     *w;
    jm_ledger_t  l;

    w = world_init();

    ledger_init(&l, 64, (uint32_t) getpid(), is_alive);

    for (i = 0; i < WORKERS; i++) {
        child(run_same, w, &l, i);
    }

    for (i = 0; i < WORKERS; i++) {
        waitpid((pid_t) w->pids[i], NULL, 0);
    }

    for (i = 0, ones = 0; i < KEYS; i++) {
        ones += (w->submits[i] == 1);
    }

    is_int(ones, KEYS, "%d processes at the same time: one task", WORKERS);
    is_int(ledger_length(&l), KEYS, "the ledger is whole");

    ledger_detach(&l);
    munmap(w, sizeof(world_t));
}


/*
 * For ever: a key, and what comes of it.  submits[] counts what the upstream
 * may have, and is set back by who knows that it has nothing.
 */

static void
run_killed(world_t *w, jm_ledger_t *l, unsigned number)
{
    unsigned             key, end;
    jm_str_t             id;
    unsigned short       seed[3];
    jm_ledger_claim_t    claim;
    jm_ledger_request_t  request;

    seed[0] = (unsigned short) number;
    seed[1] = (unsigned short) l->store->owner;
    seed[2] = 0;

    for ( ;; ) {
        key = (unsigned) nrand48(seed) % KEYS;

        request_init(&request, (uint8_t) key, 1);
        request.named = 1;

        lock(&w->lock);

        (void) ledger_open(l, &claim, &request, NOW);

        if (ledger_look(l, &claim, 0, NOW, &id) == JM_LOOK_OWN
            && ledger_submit(l, &claim, 0, 0) == JM_OK)
        {
            if (w->submits[key]++) {
                w->twice++;
            }

            unlock(&w->lock);

            end = (unsigned) nrand48(seed) % 8;

            lock(&w->lock);

            if (end == 0) {
                ledger_accepted(l, &claim, 0, str("1"));

            } else {
                w->submits[key] = 0;
                ledger_free(l, &claim, 0, NOW);
            }
        }

        ledger_close(l, &claim, NOW);
        unlock(&w->lock);

        /* forgotten: it may be asked for again */

        lock(&w->lock);

        if ((unsigned) nrand48(seed) % 4 == 0) {
            (void) ledger_open(l, &claim, &request, NOW);
            (void) ledger_look(l, &claim, 0, NOW, &id);
            ledger_over(l, &claim, 0, NOW);
            ledger_close(l, &claim, NOW);
        }

        unlock(&w->lock);
    }
}


static void
test_killed(void)
{
    int                  length;
    unsigned             i, n, broken;
    world_t             *w;
    jm_ledger_t          l;
    unsigned short       seed[3] = { 1, 2, 3 };

    w = world_init();

    ledger_init(&l, 64, (uint32_t) getpid(), is_alive);

    for (i = 0; i < WORKERS; i++) {
        child(run_killed, w, &l, i);
    }

    broken = 0;

    for (n = 0; n < KILLS; n++) {
        i = (unsigned) nrand48(seed) % WORKERS;

        pause_a_moment(seed);

        kill_process(w->pids[i]);

        lock(&w->lock);

        jm_store_begin(l.store);
        length = ledger_length(&l);
        broken += (length < 0 || length > KEYS);

        unlock(&w->lock);

        child(run_killed, w, &l, i);
    }

    for (i = 0; i < WORKERS; i++) {
        kill_process(w->pids[i]);
    }

    is_int(w->twice, 0, "%d processes were killed: nothing submitted twice",
           KILLS);
    is_int(broken, 0, "the ledger is whole after each");

    ledger_detach(&l);
    munmap(w, sizeof(world_t));
}


/* ---- one instruction at a time */


/* in the same memory as the store, behind it: what the upstream may have */

typedef struct {
    volatile unsigned    sent;
    volatile unsigned    asked;     /* opened, and the claim is set */
    volatile unsigned    owed;      /* the same without a mark */
    volatile unsigned    told;      /* an error, which is in there */
} story_t;


static steps_t  steps;


static story_t *
story(jm_ledger_t *l)
{
    return (story_t *) (void *) ((uint8_t *) l->store->shared
                                 + l->store->size);
}


/* all in one chain */

static void
step_request(jm_ledger_request_t *request, unsigned i)
{
    request_init(request, 'k', 2);
    request->key[JM_LEDGER_KEY - 1] = (uint8_t) i;
    request->named = 1;
}


static void
step_unmarked(jm_ledger_request_t *request)
{
    request_init(request, 'u', 1);
    request->unmarked = 1000;
}


/* what is owed, joined, left again, delivered; and an error that is told */

static void
live_unmarked(jm_ledger_t *l, story_t *s)
{
    jm_str_t             id;
    jm_error_t           error;
    jm_ledger_claim_t    a, b;
    jm_ledger_request_t  request;

    step_unmarked(&request);

    (void) ledger_open(l, &a, &request, NOW + 5);
    s->owed = 1;

    if (ledger_submit(l, &a, 0, 0) == JM_OK) {
        s->sent = 5;
    }

    ledger_accepted(l, &a, 0, str("7392616336519610409"));
    ledger_left(l, &a, NOW + 6);
    (void) ledger_open(l, &b, &request, NOW + 6);
    (void) ledger_look(l, &b, 0, NOW + 6, &id);
    ledger_close(l, &b, NOW + 6);
    (void) ledger_open(l, &b, &request, NOW + 7);
    ledger_over(l, &a, 0, NOW + 7);
    (void) ledger_look(l, &b, 0, NOW + 7, &id);
    s->owed = 0;
    s->sent = 0;
    ledger_answered(l, &b, NOW + 7);
    ledger_close(l, &b, NOW + 7);
    ledger_close(l, &a, NOW + 7);

    jm_error_set(&error, JM_CAUSE_UPSTREAM, NULL, NULL);

    (void) ledger_open(l, &a, &request, NOW + 8);
    (void) ledger_submit(l, &a, 0, 0);
    ledger_free(l, &a, 0, NOW + 8);
    ledger_told(l, &a, &error, NOW + 8);
    s->told = 1;
    ledger_close(l, &a, NOW + 8);
}


/* the lives of requests, of their repeats, and of one in place of another */

static void
live(void *data)
{
    unsigned             i;
    story_t             *s;
    jm_str_t             id;
    jm_ledger_t         *l;
    jm_ledger_claim_t    a, b;
    jm_ledger_request_t  request;

    l = data;
    l->store->owner = STEPPED;
    s = story(l);

    for (i = 1; i <= 4; i++) {
        step_request(&request, i);

        (void) ledger_open(l, &a, &request, NOW + i);
        s->asked = i;

        (void) ledger_look(l, &a, 0, NOW + i, &id);

        if (ledger_submit(l, &a, 0, 0) == JM_OK) {
            s->sent = i;
        }

        if (i == 1) {
            s->sent = 0;
            ledger_unsent(l, &a, 0);

            if (ledger_submit(l, &a, 0, 0) == JM_OK) {
                s->sent = i;
            }
        }

        ledger_accepted(l, &a, 0, str("7392616336519610409"));
        (void) ledger_open(l, &b, &request, NOW + i);
        (void) ledger_look(l, &b, 0, NOW + i, &id);
        ledger_left(l, &b, NOW + i);
        ledger_over(l, &a, 0, NOW + i);
        ledger_over(l, &a, 1, NOW + i);
        (void) ledger_look(l, &b, 1, NOW + i, &id);
        ledger_close(l, &b, NOW + i);
        s->sent = 0;
        s->asked = 0;
        ledger_close(l, &a, NOW + i);
    }

    live_unmarked(l, s);
}


/* the other one has died since it was looked who lives */

static const char *
take_over_unmarked(jm_ledger_t *l, story_t *s)
{
    jm_str_t             id;
    jm_look_e            look;
    jm_ledger_e          found;
    jm_ledger_claim_t    claim;
    jm_ledger_request_t  request;

    step_unmarked(&request);

    found = ledger_open(l, &claim, &request, NOW + 9);

    if (s->told) {
        return found == JM_LEDGER_TOLD ? NULL : "it is not told again";
    }

    if (found != JM_LEDGER_FOUND) {
        return "it does not find what is owed";
    }

    look = ledger_look(l, &claim, 0, NOW + 9, &id);

    if (look == JM_LOOK_OWN && s->sent) {
        return "it would submit again what is owed";
    }

    ledger_close(l, &claim, NOW + 9);

    return ledger_length(l) < 0 ? "then what is owed is not whole" : NULL;
}


/* what the follower finds where the other one has stopped */

static const char *
take_over_from(jm_ledger_t *l)
{
    story_t             *s;
    jm_str_t             id;
    jm_look_e            look;
    jm_ledger_e          found;
    jm_ledger_claim_t    claim;
    jm_ledger_request_t  request;

    s = story(l);

    jm_store_begin(l->store);

    if (ledger_length(l) < 0) {
        return "the ledger is not whole";
    }

    step_request(&request, FOLLOWERS);

    if (ledger_open(l, &claim, &request, NOW + 4) != JM_LEDGER_FOUND) {
        return "what it has entered itself is gone";
    }

    ledger_close(l, &claim, NOW + 4);

    if (s->owed || s->told) {
        return take_over_unmarked(l, s);
    }

    if (s->asked == 0) {
        return NULL;
    }

    step_request(&request, s->asked);

    found = ledger_open(l, &claim, &request, NOW + 4);

    if (found != JM_LEDGER_FOUND) {
        return "it does not find the first try";
    }

    look = ledger_look(l, &claim, 0, NOW + 4, &id);

    if (look == JM_LOOK_WAIT) {
        return "it waits for the dead";
    }

    if (look == JM_LOOK_OWN && s->sent) {
        return "it would submit again";
    }

    if (look == JM_LOOK_TAKEN
        && (id.len != 19 || memcmp(id.data, "7392616336519610409", 19) != 0))
    {
        return "the id is not whole";
    }

    ledger_close(l, &claim, NOW + 4);

    return ledger_length(l) < 0 ? "then the ledger is not whole" : NULL;
}


/* as another process does, at another address: 0, if all is well */

static const char *
take_over(void *data)
{
    const char   *why;
    jm_ledger_t   l;

    (void) data;

    ledger_attach(&l, steps.at, steps.size - sizeof(story_t), FOLLOWER,
                  stepped_is_dead, 0);

    why = take_over_from(&l);

    free(l.store);

    return why;
}


static void
test_steps(void)
{
    size_t               size;
    jm_ledger_t          l;
    jm_ledger_claim_t    claim;
    jm_ledger_request_t  request;

    /* so little that the third needs the first one's */

    size = ledger_size(7);

    steps.size = size + sizeof(story_t);
    steps.memory = store_memory(steps.size);
    steps.at = store_memory(steps.size);
    steps.live = live;
    steps.take_over = take_over;
    steps.data = &l;

    ledger_attach(&l, steps.memory, size, STEPPED, stepped_is_dead, 1);
    ledger_bound(&l, 7);
    store_own(l.store, FOLLOWER);

    step_request(&request, FOLLOWERS);
    (void) ledger_open(&l, &claim, &request, NOW);
    ledger_over(&l, &claim, 0, NOW);

    steps_ok(&steps, 300);

    free(l.store);
    munmap(steps.memory, steps.size);
    munmap(steps.at, steps.size);
}


int
main(void)
{
    test_same();
    test_killed();
    test_steps();

    return done_testing();
}
