
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Two stores that stand for one: a far one, which several machines share, and a
 * near one in memory, which decides alone about what is new while the far one
 * does not answer.
 *
 * What has begun in one ends there: a claim, a place, an entry are of the near
 * one when their number has JM_EITHER_NEAR in it, which none of the far one's
 * has; a hold says it itself.  So a task that began before the far one went
 * away waits for it, or is told to it later, and one that began meanwhile ends
 * near when it is back.  A request that comes again finds its first try where
 * that is, but for one in the far store that is away: it is as good as new, and
 * may be paid for once more.
 *
 * A task that began near runs on when the far one is back, which knows nothing
 * of it: its account may refuse a submit meanwhile, as too many tasks run.
 *
 * The numbers of another node's memory, in ids that clients have, name nothing
 * in this one's: they are mixed with its salt.
 */


#ifndef _JM_EITHER_H_INCLUDED_
#define _JM_EITHER_H_INCLUDED_


#include "jm_backend.h"


#define JM_EITHER_NEAR      (UINT64_C(1) << 62)


/*
 * All but the mask is to be set.  Accounts have the same numbers in both; no
 * number of the far one's has JM_EITHER_NEAR, and none in memory has more bits.
 * there() tells whether the far one answers, as far as is known; alone() is
 * told that something new is decided without it.
 */

typedef struct {
    jm_backend_t         near;
    jm_backend_t         far;
    unsigned           (*there)(void *ctx);
    void               (*alone)(void *ctx);
    void                *ctx;
    uint64_t             mask;
} jm_either_t;


/* Sets the operations to those on both; e stays the caller's. */
void jm_backend_either(jm_backend_t *b, jm_either_t *e);


#endif /* _JM_EITHER_H_INCLUDED_ */
