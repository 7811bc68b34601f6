
/*
 * Workers of many nodes, all of them in this process: each has a connection to
 * the server for its calls, which go behind one another, and one to listen on.
 */


#ifndef _NODE_H_INCLUDED_
#define _NODE_H_INCLUDED_


#include "jm_redis_args.h"
#include "jm_redis_process.h"


#define TIMES       (1 << 20)       /* of calls, that are kept */


/* a call without an answer yet; without done nobody waits for it */

typedef struct {
    jm_redis_done_pt     done;
    void                *op;
    int64_t              sent;
} call_t;

typedef struct {
    jm_redis_t           redis;
    jm_backend_t         b;
    redisContext        *c;
    redisContext        *listens;
    call_t              *calls;     /* a ring of that many */
    size_t               room;
    size_t               first;
    size_t               n;
    uint32_t             alarms;
    unsigned             tells;     /* something that is not said yet */
    int64_t              renewed;
    jm_op_join_t         join;
    char                 name[32];
} worker_t;

/* times of calls with an answer, in nanoseconds, of the last that were made */

typedef struct {
    uint64_t             calls;     /* of all functions */
    size_t               n;
    int64_t              times[TIMES];
} tally_t;

extern tally_t  tally;


int64_t nanoseconds(void);
void die(const char *what);

/* Connects worker number i, configures, and joins; then all is there. */

void worker_begin(worker_t *w, const char *path, unsigned i,
    const jm_redis_account_t *accounts, size_t n);
void worker_end(worker_t *w);

/* Sends, receives, and calls what has an answer; waits for ms at most. */
void workers_run(worker_t *workers, size_t n, int ms);


#endif /* _NODE_H_INCLUDED_ */
