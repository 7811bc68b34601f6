
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * How an operation of a store ends.
 */


#ifndef _JM_DONE_H_INCLUDED_
#define _JM_DONE_H_INCLUDED_


/* who is told that its answer is there */

typedef struct {
    void               (*handler)(void *data);
    void                *data;
} jm_done_t;


/* the same, while one store asks another one for it */

typedef struct {
    jm_done_t            done;
    void                *store;
} jm_asked_t;


#endif /* _JM_DONE_H_INCLUDED_ */
