
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_schedule_plan.h"


/* a sample's weight is that of the next newer one times this */

#define JM_SCHEDULE_DECAY    0.985

/* the weight, in samples, of tasks ending where no sample has shown it */

#define JM_SCHEDULE_PRIOR    0.5

/* how often samples are moved within their bounds to where others end */

#define JM_SCHEDULE_REFINE   3

/* of so many samples one is the distance that a sample is spread over, */

#define JM_SCHEDULE_NEAR     6

/* which is this many milliseconds at least */

#define JM_SCHEDULE_NEAREST  20

/* pieces of the density behind the last sample */

#define JM_SCHEDULE_TAIL     6

/* the part of the plan's steps that is spread evenly over all times */

#define JM_SCHEDULE_EVEN     0.3

/* halvings of the interval in which the price of a query is searched for */

#define JM_SCHEDULE_SEARCH   6

/* the bounds of that price, in milliseconds of delay */

#define JM_SCHEDULE_CHEAP    20
#define JM_SCHEDULE_DEAR     1e7

/* a begin and an end of each piece: samples, all before the last, the tail */

#define JM_SCHEDULE_EDGES    (2 * (JM_SCHEDULE_SAMPLES + 2 + JM_SCHEDULE_TAIL))


/* where a sample is thought to have ended */

typedef struct {
    double               from;
    double               to;
    double               at;
    double               weight;
} jm_schedule_spot_t;


/* a time to be sorted, and the index of what it is the time of */

typedef struct {
    double               at;
    unsigned             i;
} jm_schedule_key_t;


typedef struct {
    jm_schedule_spot_t   spots[JM_SCHEDULE_SAMPLES];
    unsigned             nspots;

    /* the density of a task's end is constant from edge to edge */

    jm_schedule_key_t    edges[JM_SCHEDULE_EDGES];
    double               rise[JM_SCHEDULE_EDGES];
    unsigned             nedges;

    uint32_t             trip;
    double               even;      /* is added for the steps, not the tasks */

    double               at[JM_SCHEDULE_STEPS + 1];
    double               ended[JM_SCHEDULE_STEPS + 1];  /* probability */
    double               first[JM_SCHEDULE_STEPS + 1];  /* moment of these */
    double               cost[JM_SCHEDULE_STEPS + 1];   /* from there on */
    double               queries[JM_SCHEDULE_STEPS + 1];
    uint8_t              next[JM_SCHEDULE_STEPS];
} jm_schedule_model_t;


static void jm_schedule_spots(jm_schedule_model_t *m,
    const jm_schedule_sample_t *samples, unsigned n);
static void jm_schedule_refine(jm_schedule_model_t *m);
static double jm_schedule_upto(const jm_schedule_model_t *m,
    const double *sum, double at);
static void jm_schedule_density(jm_schedule_model_t *m);
static double jm_schedule_tail(jm_schedule_model_t *m, double last,
    double weight);
static void jm_schedule_piece(jm_schedule_model_t *m, double from, double to,
    double weight);
static void jm_schedule_sort(jm_schedule_key_t *keys, unsigned n);
static void jm_schedule_sift(jm_schedule_key_t *keys, unsigned i,
    unsigned n);
static void jm_schedule_steps(jm_schedule_model_t *m);
static double jm_schedule_usual(const jm_schedule_model_t *m);
static double jm_schedule_best(jm_schedule_model_t *m, double price);
static void jm_schedule_best_next(jm_schedule_model_t *m, unsigned i,
    double price);


double
jm_schedule_plan(jm_schedule_plan_t *plan, const jm_schedule_sample_t *samples,
    unsigned n, uint32_t trip, double budget, double *price)
{
    double               low, high, queries;
    unsigned             i;
    jm_schedule_model_t  m;

    jm_schedule_spots(&m, samples, n);

    jm_schedule_density(&m);
    jm_schedule_steps(&m);

    for (i = 0; i < JM_SCHEDULE_REFINE; i++) {
        jm_schedule_refine(&m);
        jm_schedule_density(&m);
        jm_schedule_steps(&m);
    }

    m.trip = trip;
    queries = budget * jm_schedule_usual(&m);

    /* the higher the price, the fewer queries: the one that meets the budget */

    low = *price;

    while (low > JM_SCHEDULE_CHEAP && jm_schedule_best(&m, low) < queries) {
        low /= 2;
    }

    low = jm_max(low, JM_SCHEDULE_CHEAP);
    high = low * 2;

    while (high < JM_SCHEDULE_DEAR && jm_schedule_best(&m, high) > queries) {
        low = high;
        high *= 2;
    }

    for (i = 0; i < JM_SCHEDULE_SEARCH; i++) {
        *price = (low + high) / 2;

        if (jm_schedule_best(&m, *price) > queries) {
            low = *price;

        } else {
            high = *price;
        }
    }

    *price = high;

    queries = jm_schedule_best(&m, high);

    for (i = 0; i <= JM_SCHEDULE_STEPS; i++) {
        plan->at[i] = (uint32_t) m.at[i];
        plan->ended[i] = (uint16_t) (m.ended[i] / m.ended[JM_SCHEDULE_STEPS]
                                     * JM_SCHEDULE_ALL);
    }

    memcpy(plan->next, m.next, sizeof(m.next));

    return m.cost[0] - high * queries;
}


/* at first a sample is taken to have ended in the middle of its bounds */

static void
jm_schedule_spots(jm_schedule_model_t *m, const jm_schedule_sample_t *samples,
    unsigned n)
{
    double    weight;
    unsigned  i;

    weight = 1;
    m->nspots = n;

    for (i = 0; i < n; i++) {
        m->spots[i].from = samples[i].from;
        m->spots[i].to = samples[i].to;
        m->spots[i].at = ((double) samples[i].from + samples[i].to) / 2;
        m->spots[i].weight = weight;

        weight *= JM_SCHEDULE_DECAY;
    }
}


/* moves each sample to the mean of the density within its bounds */

static void
jm_schedule_refine(jm_schedule_model_t *m)
{
    double              share, at;
    unsigned            i;
    jm_schedule_spot_t  *spot;

    for (i = 0; i < m->nspots; i++) {
        spot = &m->spots[i];

        share = jm_schedule_upto(m, m->ended, spot->to)
                - jm_schedule_upto(m, m->ended, spot->from);

        if (share < 1e-6) {
            continue;
        }

        at = (jm_schedule_upto(m, m->first, spot->to)
              - jm_schedule_upto(m, m->first, spot->from)) / share;

        spot->at = jm_min(jm_max(at, spot->from), spot->to);
    }
}


static double
jm_schedule_upto(const jm_schedule_model_t *m, const double *sum, double at)
{
    unsigned  low, high, middle;

    low = 0;
    high = JM_SCHEDULE_STEPS;

    if (at >= m->at[high]) {
        return sum[high];
    }

    while (high - low > 1) {
        middle = (low + high) / 2;

        if (m->at[middle] <= at) {
            low = middle;

        } else {
            high = middle;
        }
    }

    return sum[low] + (sum[high] - sum[low]) * (at - m->at[low])
                      / (m->at[high] - m->at[low]);
}


/*
 * A kernel density estimate: each sample is spread as far as its neighbours
 * are away, and at least over its own bounds.
 */

static void
jm_schedule_density(jm_schedule_model_t *m)
{
    double               half, last, sum;
    unsigned             i, n, near;
    jm_schedule_key_t    keys[JM_SCHEDULE_SAMPLES];
    jm_schedule_spot_t  *spot;

    n = m->nspots;
    sum = JM_SCHEDULE_PRIOR;
    last = JM_SCHEDULE_LEAST;
    near = 1 + n / JM_SCHEDULE_NEAR;

    for (i = 0; i < n; i++) {
        keys[i].at = m->spots[i].at;
        keys[i].i = i;

        sum += m->spots[i].weight;
        last = jm_max(last, m->spots[i].to);
    }

    jm_schedule_sort(keys, n);

    m->nedges = 0;

    for (i = 0; i < n; i++) {
        spot = &m->spots[keys[i].i];

        half = 0;

        if (i + near < n) {
            half = keys[i + near].at - spot->at;
        }

        if (i >= near && (half == 0 || spot->at - keys[i - near].at < half)) {
            half = spot->at - keys[i - near].at;
        }

        half = jm_max(half, jm_min(spot->at - spot->from,
                                   spot->to - spot->at));
        half = jm_max(half, JM_SCHEDULE_NEAREST);

        jm_schedule_piece(m, spot->at - half, spot->at + half,
                          spot->weight / sum);
    }

    jm_schedule_piece(m, 0, last, JM_SCHEDULE_PRIOR / sum / 2);
    last = jm_schedule_tail(m, last, JM_SCHEDULE_PRIOR / sum / 2);

    m->even = JM_SCHEDULE_EVEN / last;

    jm_schedule_sort(m->edges, m->nedges);
}


/* beyond all samples: pieces that get longer and, but for the last, lower */

static double
jm_schedule_tail(jm_schedule_model_t *m, double last, double weight)
{
    unsigned  i;

    for (i = 0; i < JM_SCHEDULE_TAIL; i++) {
        weight = (i == JM_SCHEDULE_TAIL - 1) ? weight : weight / 2;
        jm_schedule_piece(m, last, last * 1.25, weight);
        last *= 1.25;
    }

    return last;
}


static void
jm_schedule_piece(jm_schedule_model_t *m, double from, double to,
    double weight)
{
    unsigned  i;

    from = jm_max(from, 0);
    weight /= to - from;

    i = m->nedges;
    m->nedges += 2;

    m->edges[i].at = from;
    m->edges[i].i = i;
    m->rise[i] = weight;

    m->edges[i + 1].at = to;
    m->edges[i + 1].i = i + 1;
    m->rise[i + 1] = -weight;
}


/* a heap sort: it needs no other memory */

static void
jm_schedule_sort(jm_schedule_key_t *keys, unsigned n)
{
    unsigned           i;
    jm_schedule_key_t  key;

    for (i = n / 2; i > 0; i--) {
        jm_schedule_sift(keys, i - 1, n);
    }

    for (i = n; i > 1; i--) {
        key = keys[0];
        keys[0] = keys[i - 1];
        keys[i - 1] = key;

        jm_schedule_sift(keys, 0, i - 1);
    }
}


static void
jm_schedule_sift(jm_schedule_key_t *keys, unsigned i, unsigned n)
{
    unsigned           child;
    jm_schedule_key_t  key;

    key = keys[i];

    for ( ;; ) {
        child = 2 * i + 1;

        if (child + 1 < n && keys[child + 1].at > keys[child].at) {
            child++;
        }

        if (child >= n || keys[child].at <= key.at) {
            break;
        }

        keys[i] = keys[child];
        i = child;
    }

    keys[i] = key;
}


/* more steps where more tasks end, and JM_SCHEDULE_EVEN of them everywhere */

static void
jm_schedule_steps(jm_schedule_model_t *m)
{
    double    at, step, density, passed, ended, first, left, until;
    unsigned  i, k;

    at = 0;
    density = 0;
    ended = 0;
    first = 0;
    passed = 0;
    i = 0;

    step = (1 + JM_SCHEDULE_EVEN) / JM_SCHEDULE_STEPS;

    m->at[0] = 0;
    m->ended[0] = 0;
    m->first[0] = 0;

    for (k = 1; k <= JM_SCHEDULE_STEPS; k++) {
        left = k * step - passed;

        for ( ;; ) {

            while (i < m->nedges && m->edges[i].at <= at) {
                density = jm_max(density + m->rise[m->edges[i].i], 0);
                i++;
            }

            if (i == m->nedges) {
                break;
            }

            until = at + left / (density + m->even);
            until = jm_min(until, m->edges[i].at);

            left -= (until - at) * (density + m->even);
            ended += (until - at) * density;
            first += (until - at) * density * (until + at) / 2;
            at = until;

            if (at < m->edges[i].at) {
                break;
            }
        }

        passed = k * step;

        m->at[k] = at;
        m->ended[k] = ended;
        m->first[k] = first;
    }
}


/* queries of a fixed interval: one more for each at which it has not ended */

static double
jm_schedule_usual(const jm_schedule_model_t *m)
{
    double    queries;
    uint64_t  at, last;

    queries = 1;
    last = (uint64_t) m->at[JM_SCHEDULE_STEPS];

    for (at = JM_SCHEDULE_FIXED + m->trip / 2;
         at < last;
         at += JM_SCHEDULE_FIXED + m->trip)
    {
        queries += 1 - jm_schedule_upto(m, m->ended, (double) at);
    }

    return queries;
}


/*
 * The plan of the least cost, from its end to its start, for a price of a
 * query.  Returns how many queries it needs.
 */

static double
jm_schedule_best(jm_schedule_model_t *m, double price)
{
    unsigned  i;

    m->cost[JM_SCHEDULE_STEPS] = 0;
    m->queries[JM_SCHEDULE_STEPS] = 0;

    for (i = JM_SCHEDULE_STEPS; i > 0; i--) {
        jm_schedule_best_next(m, i - 1, price);
    }

    return m->queries[0];
}


static void
jm_schedule_best_next(jm_schedule_model_t *m, unsigned i, double price)
{
    double    cost, delay, least;
    unsigned  j, best;

    least = 0;
    best = 0;

    for (j = i + 1; j <= JM_SCHEDULE_STEPS; j++) {

        if (j < JM_SCHEDULE_STEPS
            && m->at[j] - m->at[i] < JM_SCHEDULE_LEAST + m->trip)
        {
            continue;
        }

        delay = m->at[j] * (m->ended[j] - m->ended[i])
                - (m->first[j] - m->first[i]);

        if (best && (delay > least
                     || m->at[j] - m->at[i] > JM_SCHEDULE_MOST))
        {
            break;
        }

        cost = delay + m->cost[j];

        if (best == 0 || cost < least) {
            least = cost;
            best = j;
        }
    }

    m->next[i] = (uint8_t) best;
    m->cost[i] = least + price * (1 - m->ended[i]);
    m->queries[i] = m->queries[best] + 1 - m->ended[i];
}


double
jm_schedule_fixed(const jm_schedule_plan_t *plan,
    const jm_schedule_sample_t *sample, uint32_t trip)
{
    double    from, to, queries;
    uint64_t  at;

    from = jm_schedule_ended(plan, sample->from);
    to = jm_schedule_ended(plan, sample->to);

    queries = 1;

    for (at = JM_SCHEDULE_FIXED + trip / 2;
         at < sample->to;
         at += JM_SCHEDULE_FIXED + trip)
    {
        if (at <= sample->from) {
            queries++;

        } else if (to > from) {
            queries += (to - jm_schedule_ended(plan, at)) / (to - from);

        } else {
            queries += (double) (sample->to - at)
                       / (sample->to - sample->from);
        }
    }

    return queries;
}


double
jm_schedule_ended(const jm_schedule_plan_t *plan, uint64_t at)
{
    double    share;
    unsigned  i;

    i = jm_schedule_step(plan, at);

    if (i == JM_SCHEDULE_STEPS) {
        return 1;
    }

    share = (double) (at - plan->at[i]) / (plan->at[i + 1] - plan->at[i]);

    return (plan->ended[i] + share * (plan->ended[i + 1] - plan->ended[i]))
           / JM_SCHEDULE_ALL;
}


unsigned
jm_schedule_step(const jm_schedule_plan_t *plan, uint64_t at)
{
    unsigned  low, high, middle;

    low = 0;
    high = JM_SCHEDULE_STEPS + 1;

    while (high - low > 1) {
        middle = (low + high) / 2;

        if (plan->at[middle] <= at) {
            low = middle;

        } else {
            high = middle;
        }
    }

    return low;
}
