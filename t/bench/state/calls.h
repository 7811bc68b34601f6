
/*
 * The calls that are measured.
 */


#ifndef _CALLS_H_INCLUDED_
#define _CALLS_H_INCLUDED_


#include "world.h"


/*
 * The first ones in a world, most at most: number i, from 0; with once no more
 * than there are that wait.  What prepares them all, and what comes before
 * each, is not measured.
 */

typedef struct {
    const char      *name;
    unsigned         most;
    unsigned         once;
    void           (*prepare)(world_t *w);
    void           (*before)(world_t *w, unsigned i);
    void           (*call)(world_t *w, unsigned i);
} call_t;


extern const call_t    queue_calls[];
extern const call_t    ledger_calls[];
extern const unsigned  nqueue_calls;
extern const unsigned  nledger_calls;


#endif /* _CALLS_H_INCLUDED_ */
