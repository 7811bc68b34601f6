
/*
 * The times of tasks that the simulation runs over.
 */


#ifndef _SERIES_H_INCLUDED_
#define _SERIES_H_INCLUDED_


#include <stdint.h>


#define CLASSES  3              /* of tasks in a mixture */


/* seconds */

typedef struct {
    double           time;
    unsigned         class;
} task_t;


/* progress: how much of a run is over, 0 <= progress < 1 */

typedef struct {
    const char      *name;
    task_t         (*task)(double progress);
} series_t;


extern const series_t  all_series[];
extern const unsigned  nseries;

extern uint64_t        random_state;            /* not 0 */


double lognormal(double median, double sigma);


#endif /* _SERIES_H_INCLUDED_ */
