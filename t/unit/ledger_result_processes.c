
/*
 * Calls between processes.  Of several that ask for the same at the same time
 * one makes the call, and all get what it has brought; one is the first to see
 * its end.  One that is killed anywhere leaves a ledger that is whole, no call
 * that is made again, and no text but what was brought.
 *
 * Seen failing without jm_store_recover(), and with a call taken over that a
 * dead process was making.
 */


#include "processes.h"
#include "ledger.h"
#include "ledger_text.h"


#define NOW      1000000
#define LIVES    (NOW + 1000000)
#define WORKERS  4
#define KEYS     8
#define KILLS    120
#define RECORDS  500
#define MANY     1000000


/* under the lock, as the ledger: of each key what the upstream has seen */

typedef struct {
    pthread_mutex_t      lock;
    unsigned             pids[WORKERS];
    unsigned             next;      /* key */
    unsigned             twice;     /* called again */
    unsigned             wrong;     /* another text */
    unsigned             texts;     /* that were right */
    unsigned             calls[MANY];
    unsigned             firsts[KEYS];
    unsigned             got[KEYS];
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


static void
request(jm_ledger_request_t *r, uint32_t key)
{
    request_init(r, 'k', 1);
    memcpy(r->key, &key, sizeof(uint32_t));

    r->named = 1;
    r->keep = LIVES;
}


static size_t
length_of(uint64_t serial)
{
    return 1 + serial * 137 % 1000;
}


static unsigned
call_ends(jm_ledger_t *l, jm_ledger_claim_t *claim)
{
    unsigned  kept;

    return ledger_brought(l, claim, 0,
                          text_of(claim->serial, length_of(claim->serial)),
                          LIVES, NOW, &kept);
}


static unsigned
is_right(jm_ledger_t *l, uint64_t serial)
{
    return text_length(l, serial, 0, NOW) == length_of(serial);
}


/* each asks for each key once, all at the same time */

static void
run_same(world_t *w, jm_ledger_t *l, unsigned number)
{
    unsigned             key;
    jm_str_t             id;
    jm_look_e            look;
    jm_ledger_claim_t    claim;
    jm_ledger_request_t  r;

    (void) number;

    for (key = 0; key < KEYS; key++) {
        request(&r, key);

        lock(&w->lock);
        (void) ledger_open(l, &claim, &r, NOW);
        unlock(&w->lock);

        do {
            lock(&w->lock);
            look = ledger_look(l, &claim, 0, NOW, &id);

            if (look == JM_LOOK_OWN
                && ledger_submit(l, &claim, 0, 0) == JM_OK)
            {
                w->calls[key]++;
                unlock(&w->lock);

                /* under way: the others come meanwhile */

                usleep(500);

                lock(&w->lock);
                w->firsts[key] += call_ends(l, &claim);
            }

            unlock(&w->lock);

            usleep(100);

        } while (look == JM_LOOK_OWN || look == JM_LOOK_WAIT);

        lock(&w->lock);
        w->got[key] += (look == JM_LOOK_RESULT && is_right(l, claim.serial));
        w->firsts[key] += ledger_over(l, &claim, 0, NOW);
        ledger_close(l, &claim, NOW);
        unlock(&w->lock);
    }
}


static void
test_same(void)
{
    unsigned     i, ones, firsts, got;
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

    for (i = 0, ones = 0, firsts = 0, got = 0; i < KEYS; i++) {
        ones += (w->calls[i] == 1);
        firsts += (w->firsts[i] == 1);
        got += (w->got[i] == WORKERS);
    }

    is_int(ones, KEYS, "%d processes at the same time: one call", WORKERS);
    is_int(firsts, KEYS, "whose end one is the first to see");
    is_int(got, KEYS, "and all have what it brought");
    is_int(ledger_length(&l), KEYS, "the ledger is whole");

    ledger_detach(&l);
    munmap(w, sizeof(world_t));
}


/* for ever: one of the last keys, or a new one, and what comes of it */

static void
run_killed(world_t *w, jm_ledger_t *l, unsigned number)
{
    unsigned             key;
    jm_str_t             id;
    jm_look_e            look;
    unsigned short       seed[3];
    jm_ledger_claim_t    claim;
    jm_ledger_request_t  r;

    seed[0] = (unsigned short) number;
    seed[1] = (unsigned short) l->store->owner;
    seed[2] = 0;

    while (w->next < MANY - WORKERS) {
        lock(&w->lock);

        if (nrand48(seed) % 4 == 0) {
            w->next++;
        }

        key = w->next - (unsigned) nrand48(seed) % jm_min(w->next + 1, KEYS);

        request(&r, key);

        (void) ledger_open(l, &claim, &r, NOW);
        look = ledger_look(l, &claim, 0, NOW, &id);

        if (look == JM_LOOK_OWN && ledger_submit(l, &claim, 0, 0) == JM_OK) {

            if (w->calls[key]++) {
                w->twice++;
            }

            unlock(&w->lock);
            lock(&w->lock);

            (void) call_ends(l, &claim);
            look = ledger_look(l, &claim, 0, NOW, &id);
        }

        if (look == JM_LOOK_RESULT) {
            w->wrong += !is_right(l, claim.serial);
            w->texts += is_right(l, claim.serial);
        }

        ledger_answered(l, &claim, NOW);
        ledger_close(l, &claim, NOW);

        unlock(&w->lock);
    }
}


static void
test_killed(void)
{
    int              length;
    unsigned         i, n, broken;
    world_t         *w;
    jm_ledger_t      l;
    unsigned short   seed[3] = { 1, 2, 3 };

    w = world_init();

    ledger_init(&l, RECORDS, (uint32_t) getpid(), is_alive);

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
        broken += (length < 0);

        unlock(&w->lock);

        child(run_killed, w, &l, i);
    }

    for (i = 0; i < WORKERS; i++) {
        kill_process(w->pids[i]);
    }

    ok(w->next > KILLS, "%u calls by processes that are killed", w->next);
    is_int(w->twice, 0, "none is made twice");
    is_int(w->wrong, 0, "each text is what was brought");
    ok(w->texts > KILLS, "of %u", w->texts);
    is_int(broken, 0, "the ledger is whole after each");

    ledger_detach(&l);
    munmap(w, sizeof(world_t));
}


int
main(void)
{
    test_same();
    test_killed();

    return done_testing();
}
