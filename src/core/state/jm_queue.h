
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * The slots of each account, and the fair queue for them, in memory that
 * several processes share at the same address.  A slot is the right to have a
 * task running on an account; a place is what a task has here, while it waits
 * for a slot and while it has one.  The places of a client are served in the
 * order they came, and clients that wait turn by turn.
 *
 * Every function is to be called with the one lock of that memory held.  A
 * process may die between any two stores, with the lock held as well: what it
 * left is put right by the next one that comes.
 *
 * All times are in milliseconds.  now is of any clock that all processes share
 * and that does not go back.
 */


#ifndef _JM_QUEUE_H_INCLUDED_
#define _JM_QUEUE_H_INCLUDED_


#include "jm_base.h"


/* changes with the meaning of anything that is kept in shared memory */

#define JM_QUEUE_VERSION    1

#define JM_QUEUE_ACCOUNTS   64
#define JM_QUEUE_NAME       64      /* bytes of an account's name, at most */
#define JM_QUEUE_CLIENT     32      /* bytes that tell clients apart */
#define JM_QUEUE_WOKEN      32

/* the net: how long a place waits at most before its owner has to look */

#define JM_QUEUE_LOOK       1000

/* a place that is not renewed for so long is nobody's, its process lives */

#define JM_QUEUE_LEASE      300000


typedef enum {
    JM_QUEUE_GRANTED = 0,   /* it has a slot of p->account */
    JM_QUEUE_WAIT,
    JM_QUEUE_FULL,          /* too many wait */
    JM_QUEUE_LATE,          /* it cannot be served in time, or was not */
    JM_QUEUE_ASIDE,         /* all its accounts are set aside */
    JM_QUEUE_NO_ROOM        /* there is no memory for one more place */
} jm_queue_e;


typedef enum {
    JM_LEAVE_FREE = 0,      /* nothing runs: not submitted, or not taken */
    JM_LEAVE_OVER,          /* the task has ended upstream just now */
    JM_LEAVE_LOST           /* it may be running, and nobody follows it */
} jm_leave_e;


typedef struct jm_queue_shared_s  jm_queue_shared_t;
typedef struct jm_queue_place_s   jm_queue_place_t;


/*
 * A process's way to the queue, in memory of its own.  mem is the shared
 * memory's.  alive() returns 0 for a process that is certainly no more.
 *
 * woken has the numbers of workers that have to look at their places now:
 * something was granted there, or is to be at another time than they know.
 * Any function may add to it, this process's own worker as well, each only
 * once; whoever has woken them sets nwoken to 0.  With nwoken greater than
 * JM_QUEUE_WOKEN it is all workers.
 */

typedef struct {
    jm_queue_shared_t   *shared;
    jm_mem_t             mem;
    unsigned           (*alive)(uint32_t pid);
    uint32_t             pid;       /* this process, never 0 */
    unsigned             nwoken;
    uint32_t             woken[JM_QUEUE_WOKEN];
} jm_queue_t;


/* what the configuration says of an account */

typedef struct {
    uint32_t             concurrency;   /* slots, 0: no end of them */
    uint32_t             queue;     /* places that may wait, 0: none */
    uint32_t             weight;    /* from 1 */
    uint64_t             interval;  /* between two submits, at least */
    uint64_t             timeout;   /* of a place that waits, 0: none */
} jm_queue_limits_t;


/*
 * A task's place.  With serial 0 there is none.  The account is set once the
 * place was granted.
 */

typedef struct {
    uint64_t             serial;
    jm_queue_place_t    *shared;
    uint32_t             account;
} jm_place_t;


typedef struct {
    uint8_t              accounts[JM_QUEUE_ACCOUNTS];   /* the best first */
    unsigned             naccounts;
    uint8_t              client[JM_QUEUE_CLIENT];   /* a digest */
    uint64_t             model;     /* a hash */
    uint64_t             patience;  /* from now until the reply is due */
    uint64_t             since;     /* when it began to wait */
    uint32_t             worker;    /* who is to be woken */
} jm_queue_request_t;


/* an account as it is now */

typedef struct {
    char                 name[JM_QUEUE_NAME];
    size_t               len;
    jm_queue_limits_t    limits;
    uint32_t             effective; /* slots, of those, that are used now */
    uint32_t             running;   /* that are taken, the lost included */
    uint32_t             lost;      /* nobody follows the task */
    uint32_t             waiting;   /* places that it may serve */
    uint64_t             average;   /* of a task's time, 0: not known */
    uint64_t             rest;      /* until it is used again, 0: it is */
    uint64_t             aside;     /* the same, its credentials refused */
    uint64_t             submits;   /* that were taken */
    uint64_t             busy_rate; /* refused with 50429 */
    uint64_t             busy_tasks;    /* and with 50430 */
    uint64_t             denied;    /* credentials, for a model as well */
} jm_queue_view_t;


/*
 * Makes a queue without accounts in q->mem, and sets q->shared, which other
 * processes are to be handed.  Returns JM_ERROR without memory.
 */
jm_rc_e jm_queue_create(jm_queue_t *q);

/*
 * Makes room for an account of that name and as many places, and changes
 * nothing else: jm_queue_account() cannot fail afterwards.  Returns JM_INVALID
 * and JM_ERROR as that does.
 */
jm_rc_e jm_queue_reserve(jm_queue_t *q, jm_str_t name,
    const jm_queue_limits_t *limits);

/*
 * Finds the account of that name, or makes it, when the configuration was
 * read: sets its limits, makes room for as many places, and clears its rest,
 * what it was set aside for, and what lowered its slots.  *account is its
 * number, from 0, for as long as the memory lives; accounts are never
 * forgotten.  Returns JM_INVALID for a name that is empty or too long, and for
 * one account too many; JM_ERROR without memory, when nothing has changed.
 */
jm_rc_e jm_queue_account(jm_queue_t *q, jm_str_t name,
    const jm_queue_limits_t *limits, unsigned *account);

/*
 * To be called once by a process before it enters its first place: what was
 * left by an older one that had the same pid is nobody's from then on.
 */
void jm_queue_join(jm_queue_t *q);

/*
 * Enters a place.  Of the request's accounts that have a free slot it gets the
 * one with the fewest that run for its weight, of equals the first; without
 * any it waits.  With JM_QUEUE_GRANTED and _WAIT *p is set, and has to be left
 * before its process ends; else p->serial is 0.  Granted again each time it is
 * looked at, it is to be submitted once.
 *
 * *wait is with JM_QUEUE_WAIT the time after which the place is to be looked
 * at, if nothing wakes its worker before; with _FULL and _LATE the time after
 * which a retry may be served; else 0.
 *
 * _FULL: as many wait as the queues of its accounts hold together.  _LATE: by
 * the average time of their tasks it would not have its slot and its task's
 * end within its patience, or not its slot within their timeout (of several
 * the longest).  Where no average is known yet, nothing is late.
 */
jm_queue_e jm_queue_enter(jm_queue_t *q, jm_place_t *p,
    const jm_queue_request_t *request, uint64_t now, uint64_t *wait);

/*
 * Looks at a place that was entered, with the same results.  With
 * JM_QUEUE_LATE, when it has waited longer than its patience or the timeout,
 * and with _ASIDE the place is gone, p->serial is 0.  One that has a slot is
 * granted, however late it is.  A place that is not there any more is late.
 */
jm_queue_e jm_queue_look(jm_queue_t *q, jm_place_t *p, uint64_t now,
    uint64_t *wait);

/*
 * The place may be served by this account only from now on, which another
 * task of its request has a slot of.  A slot of another account that it had
 * got is given back: nothing may have been submitted there.  Returns as
 * jm_queue_look() does.
 */
jm_queue_e jm_queue_bind(jm_queue_t *q, jm_place_t *p, unsigned account,
    uint64_t now, uint64_t *wait);

/*
 * The submit of a granted place was taken.  task is a hash of the upstream's
 * id by which jm_queue_ended() and jm_queue_adopt() know it, 0: not known.
 */
void jm_queue_accepted(jm_queue_t *q, jm_place_t *p, uint64_t task,
    uint64_t now);

/*
 * The submit of a granted place was refused because too much is submitted
 * (50429), or with tasks because too much runs (50430).  The place is the next
 * again; its account rests for 500 ms, doubled with each refusal in a row, to
 * 16 s, and is used for no more than what else runs there, at least 1, until
 * submits are taken again: as many in a row as it is used for add one.
 * Returns as jm_queue_look() does.
 */
jm_queue_e jm_queue_busy(jm_queue_t *q, jm_place_t *p, unsigned tasks,
    uint64_t now, uint64_t *wait);

/*
 * The submit of a granted place was refused for its account's credentials,
 * which is set aside, for 10 s, doubled with each time in a row, to 300 s, and
 * then tried with one task at a time; with model_only it is set aside for the
 * request's model alone.  The place is the next again, on another account:
 * returns as jm_queue_look() does.  *first is set to 1 when it is the first
 * refusal since a submit was taken, else to 0.
 */
jm_queue_e jm_queue_denied(jm_queue_t *q, jm_place_t *p, unsigned model_only,
    uint64_t now, uint64_t *wait, unsigned *first);

/*
 * Keeps a place from being taken for forgotten, to be called now and then for
 * as long as it is held: much more often than JM_QUEUE_LEASE.  Looking at one
 * does the same.
 */
void jm_queue_renew(jm_queue_t *q, jm_place_t *p, uint64_t now);

/*
 * Gives a place back, and sets p->serial to 0.  JM_LEAVE_OVER: the time since
 * it was granted counts for the average.  JM_LEAVE_LOST: its slot is taken for
 * as long as the task would by the average have run, 30 s without one.  Does
 * nothing where there is no place.
 */
void jm_queue_leave(jm_queue_t *q, jm_place_t *p, jm_leave_e how,
    uint64_t now);

/*
 * Somebody has seen that a task is over: its slot is free, unless a process
 * that lives has it.
 */
void jm_queue_ended(jm_queue_t *q, unsigned account, uint64_t task,
    uint64_t now);

/*
 * The slot of a task that nobody who lives has becomes this process's: *p is
 * set as after jm_queue_accepted(), and 1 is returned.  Else 0, and p->serial
 * is 0.
 */
unsigned jm_queue_adopt(jm_queue_t *q, jm_place_t *p, unsigned account,
    uint64_t task, uint64_t now);

/*
 * Tells how an account is, which has to be there.  What dead processes have
 * left, and what has lapsed, is given back first.
 */
void jm_queue_view(jm_queue_t *q, unsigned account, jm_queue_view_t *v,
    uint64_t now);


#endif /* _JM_QUEUE_H_INCLUDED_ */
