
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * When to ask for a task: how long tasks of a class take is learned, in a
 * store, and queries are put where tasks are likely to end.  They are as many
 * as a fixed interval of two seconds would need, or fewer.  What is learned is
 * shared, and outlives nginx; a plan is each process's own, and is made of it
 * when there is need.
 */


#ifndef _JM_SCHEDULE_H_INCLUDED_
#define _JM_SCHEDULE_H_INCLUDED_


#include "jm_schedule_plan.h"
#include "jm_store.h"


#define JM_SCHEDULE_CLASSES  32     /* the one not used for longest goes */
#define JM_SCHEDULE_ENOUGH   8      /* tasks before anything is planned */


typedef struct jm_schedule_shared_s  jm_schedule_shared_t;


/* a process's plan for a class */

typedef struct {
    uint64_t               class;
    uint64_t               epoch;   /* of what was learned; 0: no plan */
    double                 price;   /* see jm_schedule_plan() */
    double                 trip;    /* ms of a query */
    double                 budget;
    unsigned               worth;   /* the plan is used */
    jm_schedule_plan_t     plan;
} jm_schedule_own_t;


/* a process's way to it, in memory of its own, zeros at first */

typedef struct {
    jm_store_t            *store;
    jm_schedule_shared_t  *shared;
    jm_schedule_own_t     *looked;  /* for the next wait, or NULL */
    uint64_t               epoch;   /* that it is to be planned of, from n */
    unsigned               n;       /* samples */
    jm_schedule_sample_t   samples[JM_SCHEDULE_SAMPLES];
    jm_schedule_own_t      own[JM_SCHEDULE_CLASSES];
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


/* Finds its head in a store.  Returns JM_ERROR if there is no room for it. */
jm_rc_e jm_schedule_layout(jm_schedule_t *s, jm_store_t *store);

/*
 * Enters the class that a record of another store is of, and what was learned
 * of it.  Returns JM_INVALID if it is no such record, or damaged, or there
 * already, JM_ERROR if there is no room.
 */
jm_rc_e jm_schedule_import(jm_schedule_t *s, const jm_store_t *old,
    jm_ref_t ref, uint64_t now);

/*
 * Returns the class of tasks with that req_key, and pictures of that many
 * pixels: sizes are told apart by their power of two.  inputs are pictures that
 * come in, group tells whether several may come out.
 */
uint64_t jm_schedule_class(jm_str_t req_key, uint64_t pixels, unsigned inputs,
    unsigned group);

/*
 * A task of the class has ended.  now is of any clock that does not go back.
 * To be called with the lock held; it may commit what was done before.  Without
 * room for one more class the one that was not used for longest gives its own.
 */
void jm_schedule_learn(jm_schedule_t *s, uint64_t class,
    const jm_schedule_seen_t *seen, uint64_t now);

/* To be called with the lock held, for the class that a wait is wanted for. */
void jm_schedule_look(jm_schedule_t *s, uint64_t class);

/*
 * To be called next, when the lock was given back, as it may take long: returns
 * after how many milliseconds a task of the class is to be asked for, which was
 * accepted elapsed milliseconds ago and is known not to have ended.
 */
uint64_t jm_schedule_next(jm_schedule_t *s, uint64_t elapsed);


#endif /* _JM_SCHEDULE_H_INCLUDED_ */
