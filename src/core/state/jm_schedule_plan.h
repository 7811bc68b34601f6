
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * From the times that some tasks took to the times at which to ask for the
 * next one.  Nothing here is shared, allocated, or kept.
 */


#ifndef _JM_SCHEDULE_PLAN_H_INCLUDED_
#define _JM_SCHEDULE_PLAN_H_INCLUDED_


#include "jm_base.h"


#define JM_SCHEDULE_SAMPLES  128    /* tasks of a class that count */

/* milliseconds between two queries: without a plan, and at least and most */

#define JM_SCHEDULE_FIXED    2000
#define JM_SCHEDULE_LEAST    200
#define JM_SCHEDULE_MOST     20000

#define JM_SCHEDULE_STEPS    128


/* a task ended between these, in milliseconds since it was accepted */

typedef struct {
    uint32_t         from;
    uint32_t         to;
} jm_schedule_sample_t;


/*
 * Times at which a task may be asked for, ascending, the first is 0.  One
 * that has not ended at at[i] is asked for at at[next[i]]; ended[i] of
 * JM_SCHEDULE_ALL have ended by then.
 */

#define JM_SCHEDULE_ALL      65535

typedef struct {
    uint32_t         at[JM_SCHEDULE_STEPS + 1];
    uint16_t         ended[JM_SCHEDULE_STEPS + 1];
    uint8_t          next[JM_SCHEDULE_STEPS];
} jm_schedule_plan_t;


/*
 * Plans for a task that takes about as long as the n samples did, 1 ...
 * JM_SCHEDULE_SAMPLES, the newest of which is first and counts most.  The mean
 * delay between a task's end and the query that finds it is the least for
 * budget times the queries that a fixed interval needs, each of which takes
 * trip milliseconds.
 *
 * *price is what a query costs, in milliseconds of such a delay: any that is
 * not 0 will do, and the one of the plan before is the best to begin with.
 * Returns that mean delay, less what a query takes, in milliseconds.
 */
double jm_schedule_plan(jm_schedule_plan_t *plan,
    const jm_schedule_sample_t *samples, unsigned n, uint32_t trip,
    double budget, double *price);

/* Returns the last step that is not after at. */
unsigned jm_schedule_step(const jm_schedule_plan_t *plan, uint64_t at);

/* Returns which part of the tasks have ended at that time, by the plan. */
double jm_schedule_ended(const jm_schedule_plan_t *plan, uint64_t at);

/*
 * Returns how many queries a fixed interval needs for a task that has ended
 * within the sample, as far as the plan knows of such tasks.
 */
double jm_schedule_fixed(const jm_schedule_plan_t *plan,
    const jm_schedule_sample_t *sample, uint32_t trip);


#endif /* _JM_SCHEDULE_PLAN_H_INCLUDED_ */
