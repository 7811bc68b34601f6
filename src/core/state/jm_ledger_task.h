
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * The tasks of a claim: who may submit one, and what became of it.
 */


#ifndef _JM_LEDGER_TASK_H_INCLUDED_
#define _JM_LEDGER_TASK_H_INCLUDED_


#include "jm_ledger_claim.h"


typedef enum {
    JM_LOOK_OWN = 0,        /* the task is this claim's to submit */
    JM_LOOK_WAIT,           /* another one is about to submit it, or does */
    JM_LOOK_TAKEN,          /* the upstream has it */
    JM_LOOK_TOLD,           /* it is not run: the error is told again */
    JM_LOOK_UNKNOWN,        /* it was submitted, and may have been taken */
    JM_LOOK_CANCELED,       /* its client does not want it any more */
    JM_LOOK_GONE,           /* there is no such task */
    JM_LOOK_RESULT,         /* it is over, and what it brought is kept */
    JM_LOOK_LOST            /* it is over, what it brought is not kept */
} jm_look_e;


/*
 * Looks at task i.  What cost nothing, and what nobody that lives has begun to
 * submit, becomes the claim's own.  With JM_LOOK_TAKEN *id is set to the
 * upstream's, a view into the shared memory: to be copied under the lock.  With
 * JM_LOOK_TOLD as well, or to nothing.  An entry that is no more is
 * JM_LOOK_UNKNOWN, unless its error is told again.
 */
jm_look_e jm_ledger_look(jm_ledger_t *l, jm_ledger_claim_t *claim, unsigned i,
    uint64_t now, jm_str_t *id);

/*
 * Returns the number of the account that the request's tasks are on, or
 * JM_LEDGER_ANY while none of them was submitted, or all cost nothing.
 */
unsigned jm_ledger_account(jm_ledger_t *l, const jm_ledger_claim_t *claim);

/*
 * Has to be called before a byte of a task goes to the upstream, again for
 * each time it is submitted, with the number of the account it goes to.
 * Returns JM_INVALID when the task is not the claim's own, or others of its
 * request are on another account: it must not be submitted then.
 */
jm_rc_e jm_ledger_submit(jm_ledger_t *l, jm_ledger_claim_t *claim, unsigned i,
    unsigned account);

/*
 * What became of a submit: unsent, when the upstream did not take the task,
 * which stays the claim's own; accepted, with the upstream's id of 1 ...
 * JM_LEDGER_ID bytes; or unknown.  They do nothing for a task that the claim
 * is not submitting.
 */
void jm_ledger_unsent(jm_ledger_t *l, jm_ledger_claim_t *claim, unsigned i);
void jm_ledger_accepted(jm_ledger_t *l, jm_ledger_claim_t *claim, unsigned i,
    jm_str_t id);
void jm_ledger_unknown(jm_ledger_t *l, jm_ledger_claim_t *claim, unsigned i,
    uint64_t now);

/*
 * A task has ended, and cost nothing: whoever looks next submits it anew.  Does
 * nothing when the task was submitted again since the claim last looked.
 */
void jm_ledger_free(jm_ledger_t *l, jm_ledger_claim_t *claim, unsigned i,
    uint64_t now);

/*
 * The claim does no more about a task.  One that the upstream took is over and
 * keeps its id, unless a process that lives follows it for another claim.  One
 * that was being submitted is unknown, one that was not is free.  Returns 1 to
 * one of all claims on a task: the one that ends what the upstream had.
 */
unsigned jm_ledger_over(jm_ledger_t *l, jm_ledger_claim_t *claim, unsigned i,
    uint64_t now);

/*
 * The claim does not follow a task any more that the upstream has, which goes
 * on: whoever sees its end is the first, though this process lives.
 */
void jm_ledger_unfollow(jm_ledger_t *l, jm_ledger_claim_t *claim, unsigned i);

/*
 * Somebody who holds no claim has seen that a task is over, whose id this is.
 * Returns 1 to the first who sees the end of what the upstream had, as
 * jm_ledger_over() does; 0 as well if a process that lives follows it, or there
 * is no such task any more, when *known is set to 0.
 */
unsigned jm_ledger_ended(jm_ledger_t *l, uint64_t serial, unsigned i,
    jm_str_t id, uint64_t now, unsigned *known);


#endif /* _JM_LEDGER_TASK_H_INCLUDED_ */
