
/*
 * Distributions of the times of tasks.  None of Volcengine's was measured here:
 * where a number is somebody's, it says whose.
 */


#include <math.h>

#include "series.h"


uint64_t  random_state;


/* xorshift64*, 0 < random < 1 */

static double
uniform(void)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;

    return ((double) ((random_state * 0x2545f4914f6cdd1d) >> 11) + 0.5)
           / 9007199254740992.0;
}


static double
normal(double mean, double deviation)
{
    return mean + deviation * sqrt(-2 * log(uniform()))
                  * cos(6.283185307179586 * uniform());
}


double
lognormal(double median, double sigma)
{
    return median * exp(normal(0, sigma));
}


static double
exponential(double mean)
{
    return -mean * log(uniform());
}


/* of a whole shape: the sum of so many waits */

static double
gamma_of(unsigned shape, double mean)
{
    double    sum;
    unsigned  i;

    sum = 0;

    for (i = 0; i < shape; i++) {
        sum += exponential(mean / shape);
    }

    return sum;
}


static double
pareto(double least, double shape)
{
    return least * pow(uniform(), -1 / shape);
}


static task_t
one(double time)
{
    task_t  task = { time, 0 };

    return task;
}


/* what was published for 2K (5 to 7 s), and for 4K (12 to 18 s) */

static task_t
seedream_2k(double progress)
{
    (void) progress;

    return one(normal(6, 0.5));
}


static task_t
seedream_4k(double progress)
{
    (void) progress;

    return one(normal(15, 1.5));
}


/* three sizes, which the schedule tells apart; the first is as fast as 2K */

static task_t
sizes(double progress)
{
    task_t  task;

    static const double  median[] = { 5, 6, 15 };

    (void) progress;

    task.class = (unsigned) (uniform() * 3);
    task.time = lognormal(median[task.class], 0.2);

    return task;
}


/* the same, and it does not */

static task_t
sizes_unknown(double progress)
{
    task_t  task;

    task = sizes(progress);
    task.class = 0;

    return task;
}


static task_t
lognormal_8(double progress)
{
    (void) progress;

    return one(lognormal(8, 0.25));
}


static task_t
lognormal_12(double progress)
{
    (void) progress;

    return one(lognormal(12, 0.45));
}


static task_t
gamma_16(double progress)
{
    (void) progress;

    return one(gamma_of(16, 16));
}


static task_t
gamma_4(double progress)
{
    (void) progress;

    return one(gamma_of(4, 14));
}


static task_t
normal_25(double progress)
{
    (void) progress;

    return one(normal(25, 3));
}


static task_t
bimodal(double progress)
{
    (void) progress;

    return one(uniform() < 0.75 ? normal(6, 0.8) : normal(24, 2));
}


/* it waits for a worker first, one time in five */

static task_t
queued(double progress)
{
    (void) progress;

    return one(lognormal(7, 0.2) + (uniform() < 0.2 ? exponential(10) : 0));
}


/* one in ten is refused for its content, soon */

static task_t
refused(double progress)
{
    (void) progress;

    return one(uniform() < 0.1 ? lognormal(2.5, 0.3) : lognormal(10, 0.25));
}


static task_t
heavy_tail(double progress)
{
    (void) progress;

    return one(fmin(3 + pareto(3, 2.2), 120));
}


/* the day's load: twice as slow at noon */

static task_t
drift_slow(double progress)
{
    return one(lognormal(8 * (1.5 - 0.5 * cos(6.283185307179586 * progress)),
                         0.2));
}


/* a new version of the model: at once twice as fast, then three times slower */

static task_t
drift_steps(double progress)
{
    double  median;

    median = (progress < 0.33) ? 12 : (progress < 0.66) ? 6 : 18;

    return one(lognormal(median, 0.2));
}


static task_t
memoryless(double progress)
{
    (void) progress;

    return one(exponential(10));
}


/*
 * Measured: image generation in production, of Stable Diffusion, as users saw
 * it (GenTD26 of the Alibaba cluster traces, github.com/alibaba/clusterdata).
 * Of two of its models these are the seconds in which 0, 5, 10 ... 100 per cent
 * of the tasks had ended, the last but for the slowest one in a hundred; what
 * is between them is taken to be even.
 */

static task_t
measured(const double *seconds)
{
    double    place;
    unsigned  i;

    place = uniform() * 20;
    i = (unsigned) place;

    return one(seconds[i] + (place - i) * (seconds[i + 1] - seconds[i]));
}


static task_t
trace_busy(double progress)
{
    (void) progress;

    static const double  seconds[] = {
        5.6, 10.0, 11.5, 12.6, 13.6, 14.3, 15.0,
        15.7, 16.4, 17.1, 17.9, 18.8, 19.7, 20.5,
        21.4, 22.5, 23.8, 25.4, 27.3, 30.3, 39.6
    };

    return measured(seconds);
}


static task_t
trace_steady(double progress)
{
    (void) progress;

    static const double  seconds[] = {
        14.8, 29.5, 31.9, 33.0, 34.2, 34.9, 35.5,
        36.2, 36.9, 37.7, 38.2, 39.3, 40.0, 40.9,
        41.9, 42.9, 44.2, 45.8, 47.9, 51.9, 63.0
    };

    return measured(seconds);
}


const series_t  all_series[] = {
    { "Seedream 4.0, 2K, as published", seedream_2k },
    { "Seedream 4.0, 4K, as published", seedream_4k },
    { "three sizes", sizes },
    { "lognormal, 8 s, sigma 0.25", lognormal_8 },
    { "gamma, 16 s, shape 16", gamma_16 },
    { "normal, 25 s, 3 s", normal_25 },
    { "two modes, 6 s and 24 s", bimodal },
    { "heavy tail, from 6 s", heavy_tail },
    { "slow drift, 8 s to 16 s", drift_slow },
    { "steps, 12 s, 6 s, 18 s", drift_steps },
    { "trace, one model and setting", trace_steady },
    { "trace, its busiest model", trace_busy },
    { "one in five queues", queued },
    { "one in ten is refused", refused },
    { "three sizes, not told apart", sizes_unknown },
    { "lognormal, 12 s, sigma 0.45", lognormal_12 },
    { "gamma, 14 s, shape 4", gamma_4 },
    { "exponential, 10 s", memoryless },
};

const unsigned  nseries = sizeof(all_series) / sizeof(all_series[0]);
