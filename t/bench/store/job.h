
/*
 * Clients that have one job after the other: each of them is of a worker, and
 * takes the next step when an answer is there, or what it waits for has come.
 */


#ifndef _JOB_H_INCLUDED_
#define _JOB_H_INCLUDED_


#include "node.h"


#define JOBS_ACCOUNTS  8
#define JOBS_NONE      (-1.0)   /* no task comes to its end */


extern jm_redis_account_t  jobs_conf[JOBS_ACCOUNTS];

/* those that wait look when they have to, and not only when they are woken */

extern unsigned            jobs_look;


/* each account has so many slots, and room for so many that wait */

void jobs_accounts(unsigned slots, unsigned queue);

void jobs_begin(worker_t *workers, unsigned nworkers, unsigned n);
void jobs_end(void);

/*
 * Goes on for so many seconds.  rate: tasks come to their end so often a
 * second, 0: each at once.
 */
void jobs_run(worker_t *workers, unsigned nworkers, int seconds, double rate);

/* No client begins another job; until all have ended. */
void jobs_stop(worker_t *workers, unsigned nworkers);

/*
 * Returns how many there were; how many wait for a slot now, and how many for
 * an answer, but to a look.
 */
uint64_t jobs_done(void);
unsigned jobs_waiting(void);
unsigned jobs_asking(void);


#endif /* _JOB_H_INCLUDED_ */
