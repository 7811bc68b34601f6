
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * What the operations on two stores share.
 */


#ifndef _JM_EITHER_PART_H_INCLUDED_
#define _JM_EITHER_PART_H_INCLUDED_


#include "jm_either.h"


/*
 * Makes a number of memory's one of ours, and the other way round; 0, which is
 * none, stays.
 */
void jm_either_flip(const jm_either_t *e, uint64_t *number);

/* Return the store that a number is of, and the one that decides now. */
jm_backend_t *jm_either_of(jm_either_t *e, uint64_t number);
jm_backend_t *jm_either_now(jm_either_t *e);

/* Lets nobody be told by done until it is set to what is returned. */
jm_done_t jm_either_hush(jm_done_t *done);

/*
 * Sets whom the far store tells about op, and keeps in asked whom done named.
 */
void jm_either_ask(jm_either_t *e, jm_asked_t *asked, jm_done_t *done,
    void (*handler)(void *op), void *op);

/* Sets the operations of tasks. */
void jm_backend_either_tasks(jm_backend_t *b);


#endif /* _JM_EITHER_PART_H_INCLUDED_ */
