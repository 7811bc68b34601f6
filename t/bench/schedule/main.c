
/*
 * A simulation of jm_schedule: tasks that take so long, one after the other,
 * asked for by a fixed interval and by what the core says, which learns as it
 * goes.  For each series it prints one line:
 *
 *     name, tasks, their mean in seconds, its coefficient of variation,
 *     delay and queries of the fixed interval, of what the core says,
 *     the least delay that is possible, beside the fixed one's
 *
 * with tabs between; delays are those between a task's end and the answer that
 * tells it, in milliseconds, and are sums, as the queries are.
 *
 *     schedule SEED RUNS TASKS
 *
 * Each series is run RUNS times, each time from nothing learned.
 */


#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "jm_schedule.h"
#include "jm_store_layout.h"
#include "series.h"


#define STORE     131072        /* bytes: for all classes */
#define TRIP      60.0          /* milliseconds of a query, the median */
#define TRIPS     16            /* of a task that differ */

/* for the best that is possible: tasks, parts of a run, pieces of one */

#define DRAWN     40000
#define PARTS     20
#define PIECES    250


typedef struct {
    double           delay;
    double           queries;
} outcome_t;


typedef struct {
    double           times[DRAWN];
    unsigned         n;
    double           at[PIECES + 1];
} spread_t;


static int compare(const void *one, const void *two);
static void cut(spread_t *s);
static void best_of(const spread_t *s, double price, double *delay,
    double *queries);


/*
 * The answer to a query says what was so half-way between its sending and its
 * arrival, and the pause before the next begins when it has come.
 */

static outcome_t
ask(const task_t *task, const double *trips, jm_schedule_t *s, uint64_t now)
{
    double              at, end, from, trip;
    unsigned            n;
    uint64_t            wait;
    outcome_t           outcome;
    jm_schedule_seen_t  seen;

    at = 0;
    from = 0;
    end = task->time * 1000;

    for (n = 0; /* void */ ; n++) {
        wait = JM_SCHEDULE_FIXED;

        if (s) {
            jm_schedule_look(s, task->class + 1);
            wait = jm_schedule_next(s, (uint64_t) at);
        }

        trip = trips[n % TRIPS];
        at += (double) wait + trip;

        if (at - trip / 2 >= end) {
            break;
        }

        from = at;
    }

    if (s) {
        seen.open = (uint64_t) from;
        seen.over = (uint64_t) at;
        seen.trip = (uint64_t) trip;
        seen.queries = n + 1;

        jm_schedule_learn(s, task->class + 1, &seen, now);
        jm_store_commit(s->store);
    }

    outcome.delay = at - end;
    outcome.queries = n + 1;

    return outcome;
}


/* nothing is known */

static void
start(jm_schedule_t *s, jm_store_t *store)
{
    static uint64_t  memory[STORE / sizeof(uint64_t)];

    memset(memory, 0, STORE);
    memset(store, 0, sizeof(jm_store_t));
    memset(s, 0, sizeof(jm_schedule_t));

    jm_store_attach(store, memory, STORE, 1);

    if (jm_schedule_layout(s, store) != JM_OK
        || jm_store_records(store, 0, 1) != JM_OK)
    {
        abort();
    }
}


/*
 * The least mean delay, with as many queries as a fixed interval, for who knows
 * how the times are spread, in the part of the run that it is in, but not how
 * long the next task takes: beside a fixed interval's.  Each of these spreads
 * is cut into pieces of equally many tasks; what queries cost is the same for
 * all.
 */

static double
best(const series_t *series)
{
    double       low, high, delay, queries, fixed, needed;
    task_t       task;
    unsigned     i, j, n;
    spread_t    *s, *spreads;

    spreads = calloc(CLASSES * PARTS, sizeof(spread_t));
    if (spreads == NULL) {
        abort();
    }

    fixed = 0;
    needed = 0;

    for (i = 0; i < DRAWN; i++) {
        task = series->task((double) i / DRAWN);
        task.time = fmax(1000 * task.time, 300);

        s = &spreads[task.class * PARTS + i * PARTS / DRAWN];
        s->times[s->n++] = task.time;

        n = (unsigned) ceil((task.time + TRIP / 2)
                            / (JM_SCHEDULE_FIXED + TRIP));
        needed += n;
        fixed += n * (JM_SCHEDULE_FIXED + TRIP) - task.time;
    }

    for (i = 0; i < CLASSES * PARTS; i++) {
        cut(&spreads[i]);
    }

    low = 0.01;
    high = 1e7;

    for (i = 0; i < 25; i++) {
        delay = 0;
        queries = 0;

        for (j = 0; j < CLASSES * PARTS; j++) {
            best_of(&spreads[j], sqrt(low * high), &delay, &queries);
        }

        if (queries > needed) {
            low = sqrt(low * high);

        } else {
            high = sqrt(low * high);
        }
    }

    free(spreads);

    return (delay + TRIP / 2 * DRAWN) / fixed;
}


static int
compare(const void *one, const void *two)
{
    const double  *a = one, *b = two;

    return (*a > *b) - (*a < *b);
}


static void
cut(spread_t *s)
{
    unsigned  i;

    if (s->n == 0) {
        return;
    }

    qsort(s->times, s->n, sizeof(double), compare);

    for (i = 1; i <= PIECES; i++) {
        s->at[i] = s->times[(size_t) i * (s->n - 1) / PIECES];
    }

    s->at[0] = 0;
    s->at[PIECES] += 1;
}


static void
best_of(const spread_t *s, double price, double *delay, double *queries)
{
    double    waited, cost, sum;
    double    least[PIECES + 1], delays[PIECES + 1], asked[PIECES + 1];
    unsigned  i, j, next;

    least[PIECES] = 0;
    delays[PIECES] = 0;
    asked[PIECES] = 0;

    for (i = PIECES; i-- > 0; /* void */ ) {
        next = 0;
        sum = 0;
        least[i] = 0;

        for (j = i + 1; j <= PIECES; j++) {
            sum += (s->at[j - 1] + s->at[j]) / 2;
            waited = (s->at[j] * (j - i) - sum) / PIECES;

            if (next && waited > least[i]) {
                break;
            }

            cost = waited + least[j];

            if ((next == 0 || cost < least[i])
                && (s->at[j] - s->at[i] >= JM_SCHEDULE_LEAST + TRIP
                    || j == PIECES))
            {
                next = j;
                least[i] = cost;
                delays[i] = waited + delays[j];
            }
        }

        asked[i] = asked[next] + (double) (PIECES - i) / PIECES;
        least[i] += price * (PIECES - i) / PIECES;
    }

    *delay += s->n * delays[0];
    *queries += s->n * asked[0];
}


static void
run(const series_t *series, unsigned runs, unsigned tasks, double least)
{
    task_t         task;
    double         sum, squares, trips[TRIPS];
    unsigned       i, j, n;
    outcome_t      outcome, fixed = { 0, 0 }, adaptive = { 0, 0 };
    jm_store_t     store;
    jm_schedule_t  s;

    sum = 0;
    squares = 0;

    for (n = 0; n < runs; n++) {

        start(&s, &store);

        for (i = 0; i < tasks; i++) {
            task = series->task((double) i / tasks);
            task.time = fmax(task.time, 0.3);

            sum += task.time;
            squares += task.time * task.time;

            for (j = 0; j < TRIPS; j++) {
                trips[j] = lognormal(TRIP, 0.4);
            }

            outcome = ask(&task, trips, NULL, i);
            fixed.delay += outcome.delay;
            fixed.queries += outcome.queries;

            outcome = ask(&task, trips, &s, i);
            adaptive.delay += outcome.delay;
            adaptive.queries += outcome.queries;
        }
    }

    n = runs * tasks;
    sum /= n;

    printf("%s\t%u\t%.3f\t%.3f\t%.0f\t%.0f\t%.0f\t%.0f\t%.3f\n",
           series->name, n, sum, sqrt(squares / n - sum * sum) / sum,
           fixed.delay, fixed.queries, adaptive.delay, adaptive.queries,
           least);
}


int
main(int argc, char **argv)
{
    unsigned  k, runs, tasks;

    if (argc != 4) {
        fprintf(stderr, "usage: schedule SEED RUNS TASKS\n");
        return 2;
    }

    random_state = strtoull(argv[1], NULL, 10) * 2 + 1;
    runs = (unsigned) strtoul(argv[2], NULL, 10);
    tasks = (unsigned) strtoul(argv[3], NULL, 10);

    for (k = 0; k < nseries; k++) {
        run(&all_series[k], runs, tasks, best(&all_series[k]));
    }

    return 0;
}
