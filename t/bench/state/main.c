
/*
 * How long what is done under the lock of the zone takes, by how many tasks
 * wait, beside ENTRIES of the ledger and CLIENTS with limits.
 *
 *     state REPEATS WAITING...
 *
 * For each number that wait, and each kind of call, it prints one line:
 *
 *     waiting, call, calls measured, their median, the longest
 *
 * with tabs between, in microseconds of CPU time, from the beginning of what is
 * undone together to its end.  The same calls are made in REPEATS equal worlds,
 * and of each the shortest time counts: what else the machine did is not in it.
 */


#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "calls.h"


#define MOST        5000        /* calls of a kind */
#define BUDGET      200000000   /* ns for all of them in a world, about */


static void measure(world_t *w, const call_t *call);
static unsigned run(world_t *w, const call_t *call, unsigned n, unsigned again);
static int64_t cpu_time(void);
static int compare(const void *one, const void *two);


static unsigned  repeats;
static int64_t   overhead;
static int64_t   times[MOST];


int
main(int argc, char **argv)
{
    int       n;
    int64_t   from, least;
    unsigned  i;
    world_t   w;

    if (argc < 3 || (repeats = (unsigned) atoi(argv[1])) == 0) {
        die("REPEATS WAITING... are needed");
    }

    /* what it takes to look at the clock */

    overhead = INT64_MAX;

    for (i = 0; i < MOST; i++) {
        from = cpu_time();
        least = cpu_time() - from;
        overhead = least < overhead ? least : overhead;
    }

    for (n = 2; n < argc; n++) {
        world_create(&w, (unsigned) atoi(argv[n]));

        for (i = 0; i < nqueue_calls; i++) {
            measure(&w, &queue_calls[i]);
        }

        for (i = 0; i < nledger_calls; i++) {
            measure(&w, &ledger_calls[i]);
        }

        world_free(&w);
    }

    return 0;
}


static void
measure(world_t *w, const call_t *call)
{
    unsigned  i, n;

    n = jm_min(call->most, MOST);
    n = call->once ? jm_min(n, w->waiting) : n;
    n = run(w, call, n, 0);

    for (i = 1; i < repeats; i++) {
        (void) run(w, call, n, 1);
    }

    qsort(times, n, sizeof(times[0]), compare);

    printf("%u\t%s\t%u\t%.3f\t%.3f\n", w->waiting, call->name, n,
           (double) times[n / 2] / 1000, (double) times[n - 1] / 1000);
    fflush(stdout);
}


/* returns how many calls there were: the first time they may take too long */

static unsigned
run(world_t *w, const call_t *call, unsigned n, unsigned again)
{
    int64_t   from, took, sum;
    unsigned  i;

    world_restore(w);

    jm_state_begin(&w->state, &w->clock);

    if (call->prepare) {
        call->prepare(w);
    }

    jm_state_commit(&w->state);

    sum = 0;

    for (i = 0; i < n && (again || i == 0 || sum < BUDGET); i++) {

        if (call->before) {
            call->before(w, i);
        }

        from = cpu_time();

        jm_state_begin(&w->state, &w->clock);
        call->call(w, i);
        jm_state_commit(&w->state);

        took = cpu_time() - from - overhead;
        took = took > 0 ? took : 0;
        sum += took;

        times[i] = (again && times[i] < took) ? times[i] : took;
    }

    return i;
}


static int64_t
cpu_time(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);

    return (int64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;
}


static int
compare(const void *one, const void *two)
{
    int64_t  a, b;

    a = *(const int64_t *) one;
    b = *(const int64_t *) two;

    return (a > b) - (a < b);
}
