
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Slots of tasks that nobody who lives follows.  What the upstream says of one
 * is told here, and it may be followed again.
 */


#ifndef _JM_QUEUE_ORPHAN_H_INCLUDED_
#define _JM_QUEUE_ORPHAN_H_INCLUDED_


#include "jm_queue_place.h"


#define JM_QUEUE_DOUBTS     5


/* a task of which the upstream is to be asked */

typedef struct {
    uint64_t             entry;     /* as its request said */
    uint64_t             billed;
    uint64_t             price;
    uint64_t             model;
    uint64_t             since;
    uint32_t             account;
    uint8_t              task;
    uint8_t              len;       /* of the upstream's id */
    uint8_t              id[JM_QUEUE_ID];
    uint8_t              key_len;
    uint8_t              key[JM_QUEUE_REQ_KEY];     /* its req_key */
} jm_orphan_t;


/*
 * Somebody has seen that a task is over: its slot is free, unless a process
 * that lives has it.  What was done before may be committed: what goes with it
 * has to be done first, which jm_queue_is_orphan() tells.
 */
unsigned jm_queue_is_orphan(jm_queue_t *q, unsigned account, jm_str_t id);
unsigned jm_queue_ended(jm_queue_t *q, unsigned account, jm_str_t id,
    uint64_t now);

/*
 * Returns what a picture of a task costs, in millionths, as long as it has its
 * slot; else price.
 */
uint64_t jm_queue_price(jm_queue_t *q, unsigned account, jm_str_t id,
    uint64_t price);

/*
 * Somebody has seen that a task that nobody who lives follows is running: its
 * slot is taken for a day from now on, or until it is known to be over.
 */
void jm_queue_alive(jm_queue_t *q, unsigned account, jm_str_t id,
    uint64_t now);

/*
 * The upstream has answered with an error of its own, which is a hiccup or the
 * task's end: returns 1 when there were JM_QUEUE_DOUBTS of them in a row, which
 * are taken for its end.
 */
unsigned jm_queue_doubted(jm_queue_t *q, unsigned account, jm_str_t id);

/*
 * The slot of a task that nobody who lives has becomes this process's: *p is
 * set as after jm_queue_accepted(), and 1 is returned.  Else 0, and p->serial
 * is 0.
 */
unsigned jm_queue_adopt(jm_queue_t *q, jm_place_t *p, unsigned account,
    jm_str_t id, uint64_t now);

/*
 * For who waits for a slot of these accounts, a bit for each: looks for a task
 * that nobody follows, and whose id is known, on one of whose account's tasks
 * nobody has got here for pause ms.  Returns 1, with *orphan set to the one
 * that was not asked about for longest: the caller is to ask the upstream, and
 * to say what it was told with jm_queue_ended() or jm_queue_alive().  Else 0.
 */
unsigned jm_queue_orphan_next(jm_queue_t *q, uint64_t accounts,
    uint64_t pause, uint64_t now, jm_orphan_t *orphan);


#endif /* _JM_QUEUE_ORPHAN_H_INCLUDED_ */
