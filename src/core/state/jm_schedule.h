
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * When to ask for a task: how long tasks of a class take is learned, in memory
 * that several processes share at the same address, and queries are put where
 * tasks are likely to end.  They are as many as a fixed interval of two
 * seconds would need, or fewer.
 *
 * Every function is to be called with the one lock of that memory held.  A
 * process may die between any two stores, with the lock held as well: at worst
 * a class is asked for every two seconds until it has learned anew.
 */


#ifndef _JM_SCHEDULE_H_INCLUDED_
#define _JM_SCHEDULE_H_INCLUDED_


#include "jm_base.h"


/* changes with the meaning of anything that is kept in shared memory */

#define JM_SCHEDULE_VERSION  1

#define JM_SCHEDULE_CLASSES  32     /* the one not used for longest goes */
#define JM_SCHEDULE_SAMPLES  128    /* tasks of a class that count */
#define JM_SCHEDULE_ENOUGH   8      /* tasks before anything is planned */

/* milliseconds between two queries: without a plan, and at least and most */

#define JM_SCHEDULE_FIXED    2000
#define JM_SCHEDULE_LEAST    200
#define JM_SCHEDULE_MOST     20000


typedef struct jm_schedule_shared_s  jm_schedule_shared_t;


/* a process's way to it, in memory of its own; mem is the shared memory's */

typedef struct {
    jm_schedule_shared_t  *shared;
    jm_mem_t               mem;
} jm_schedule_t;


/*
 * What was seen of a task, in milliseconds: the answer that it is over came at
 * over, trip after it was asked for, and the last one that it is not at open,
 * both since it was accepted; 0 where there was none.
 */

typedef struct {
    uint64_t               open;
    uint64_t               over;
    uint64_t               trip;
    uint32_t               queries;
} jm_schedule_seen_t;


/*
 * Makes a schedule that knows nothing in s->mem, and sets s->shared, which
 * other processes are to be handed.  Returns JM_ERROR without memory.
 */
jm_rc_e jm_schedule_create(jm_schedule_t *s);

/*
 * Returns the class of tasks with that req_key, and pictures of that many
 * pixels: sizes are told apart by their power of two.  inputs are pictures that
 * come in, group tells whether several may come out.
 */
uint64_t jm_schedule_class(jm_str_t req_key, uint64_t pixels, unsigned inputs,
    unsigned group);

/*
 * A task of the class has ended.  now is of any clock that does not go back.
 * Without memory for one more class the one that was not used for longest
 * gives its own.
 */
void jm_schedule_learn(jm_schedule_t *s, uint64_t class,
    const jm_schedule_seen_t *seen, uint64_t now);

/*
 * Returns after how many milliseconds a task of the class is to be asked for,
 * which was accepted elapsed milliseconds ago and is known not to have ended.
 */
uint64_t jm_schedule_next(jm_schedule_t *s, uint64_t class, uint64_t elapsed);


#endif /* _JM_SCHEDULE_H_INCLUDED_ */
