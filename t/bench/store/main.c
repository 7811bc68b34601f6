
/*
 * How much a server can bear: nodes of two workers, and clients that each have
 * one job at a time, one after the other, on a few accounts.  What they call is
 * what a worker of nginx calls, and what it waits for.
 *
 *     store SOCKET NODES CLIENTS ENTRIES SECONDS
 *
 * For each world (few wait; all but a few wait; the same with that many entries
 * in the ledger) and what was measured there a line is printed, and for each
 * function one with the times of its calls on the server:
 *
 *     world, figure, value
 *     world, function, calls, their median, 99th percentile, the longest
 *
 * with tabs between, in microseconds; those of functions are CPU time.  The
 * longest is the least of that of several rounds.
 */


#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>

#include "job.h"
#include "server.h"


#define WAITING_SLOTS  8        /* of an account, where the others wait */
#define FREE_SLOTS     100000   /* where none has to */


static void begin(const char *path, unsigned slots);
static void end(void);
static void measure(const char *world, int seconds);
static void at_rest(int seconds, const char *world);
static void settle(void);
static void paced(const char *world, int seconds, double rate);
static int compare(const void *one, const void *two);


static unsigned    nworkers, nclients;
static worker_t   *workers;
static server_t    server;

/* the CPU time that all looks take, in parts of a core */

static double      resting;


int
main(int argc, char **argv)
{
    int       seconds;
    unsigned  entries;
    double    before, after;
    uint64_t  jobs;

    if (argc != 6) {
        die("SOCKET NODES CLIENTS ENTRIES SECONDS are needed");
    }

    nworkers = 2 * (unsigned) atoi(argv[2]);
    nclients = (unsigned) atoi(argv[3]);
    entries = (unsigned) atoi(argv[4]);
    seconds = atoi(argv[5]);

    server_begin(&server, argv[1]);

    /* nobody waits: first each client is made known */

    begin(argv[1], FREE_SLOTS);
    jobs_run(workers, nworkers, seconds, 0);
    jobs_stop(workers, nworkers);

    before = server_info(&server, "used_memory:");
    jobs = jobs_done();

    measure("few", seconds);
    jobs_stop(workers, nworkers);

    after = server_info(&server, "used_memory:");

    printf("few\tbytes\t%.0f\n",
           (after - before) / (double) (jobs_done() - jobs));

    end();

    begin(argv[1], WAITING_SLOTS);

    while (jobs_waiting() + JOBS_ACCOUNTS * WAITING_SLOTS < nclients) {
        jobs_run(workers, nworkers, 1, JOBS_NONE);
    }

    at_rest(seconds, "many");
    measure("many", seconds);

    before = server_info(&server, "used_memory:");
    server_entries(&server, entries);
    after = server_info(&server, "used_memory:");

    printf("entries\tbytes\t%.0f\n", (after - before) / entries);

    measure("entries", seconds);
    end();

    server_end(&server);

    return 0;
}


static void
begin(const char *path, unsigned slots)
{
    unsigned  i;

    workers = calloc(nworkers, sizeof(worker_t));

    if (workers == NULL) {
        die("no memory");
    }

    jobs_accounts(slots, nclients);

    for (i = 0; i < nworkers; i++) {
        worker_begin(&workers[i], path, i, jobs_conf, JOBS_ACCOUNTS);
    }

    jobs_begin(workers, nworkers, nclients);
}


static void
end(void)
{
    unsigned  i;

    jobs_end();

    for (i = 0; i < nworkers; i++) {
        jm_redis_quit(&workers[i].redis);
    }

    workers_run(workers, nworkers, 100);

    for (i = 0; i < nworkers; i++) {
        worker_end(&workers[i]);
    }

    free(workers);
}


/*
 * As fast as they can, then half as fast as a whole core could, how long calls
 * take; then how long each function does.  Those that wait look now and then,
 * however many jobs there are: for jobs there is what these leave.
 */

static void
measure(const char *world, int seconds)
{
    double    cpu, job, rests;
    uint64_t  jobs, calls;

    settle();

    jobs_look = 0;

    cpu = server_cpu(&server);
    jobs = jobs_done();
    calls = tally.calls;

    jobs_run(workers, nworkers, seconds, 0);
    settle();

    cpu = server_cpu(&server) - cpu;
    jobs = jobs_done() - jobs;
    calls = tally.calls - calls;

    if (jobs == 0) {
        die("there were no jobs");
    }

    jobs_look = 1;

    job = cpu / (double) jobs;
    rests = 1 - resting;

    printf("%s\tcalls of a job\t%.2f\n", world,
           (double) calls / (double) jobs);
    printf("%s\tcalls\t%.0f\n", world, (double) calls / cpu);
    printf("%s\tjob\t%.0f\n", world, job * 1e6);
    printf("%s\tfull\t%.0f\n", world, rests / job);

    paced(world, seconds, jm_max(rests / job / 2, 1));

    server_functions(&server, world, workers, nworkers);
}


/* what has begun is where it has to wait, or runs: there is no crowd left */

static void
settle(void)
{
    do {
        jobs_run(workers, nworkers, 1, JOBS_NONE);
    } while (jobs_asking() > nworkers);
}


/* how long calls take where there are so many jobs a second */

static void
paced(const char *world, int seconds, double rate)
{
    size_t  n;

    jobs_run(workers, nworkers, 1, rate);
    tally.n = 0;
    jobs_run(workers, nworkers, seconds, rate);

    n = jm_min(tally.n, TIMES);

    if (n == 0) {
        die("there were no calls");
    }

    qsort(tally.times, n, sizeof(int64_t), compare);

    printf("%s\tlatency\t%.0f\n", world, (double) tally.times[n / 2] / 1e3);
    printf("%s\tlatency 99\t%.0f\n", world,
           (double) tally.times[n - 1 - n / 100] / 1e3);
}


/* what it takes that they wait, when no slot becomes free */

static void
at_rest(int seconds, const char *world)
{
    double    cpu;
    uint64_t  calls;

    cpu = server_cpu(&server);
    calls = tally.calls;

    jobs_run(workers, nworkers, seconds, JOBS_NONE);

    cpu = server_cpu(&server) - cpu;
    calls = tally.calls - calls;
    resting = cpu / seconds;

    printf("%s\tlook\t%.0f\n", world, cpu / (double) calls * 1e6);
    printf("%s\tlooks\t%.0f\n", world, (double) calls / seconds);
    printf("%s\tresting\t%.3f\n", world, resting);
}


static int
compare(const void *one, const void *two)
{
    const int64_t *a = one, *b = two;

    return (*a > *b) - (*a < *b);
}
