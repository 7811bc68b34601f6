
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Tasks that are one call, whose answer is all there ever is of them: no id,
 * and nothing to ask for.  What one has brought is kept here, as a text.
 */


#ifndef _JM_LEDGER_RESULT_H_INCLUDED_
#define _JM_LEDGER_RESULT_H_INCLUDED_


#include "jm_ledger.h"


/*
 * The submit of task i has ended, which was all of it, and brought a text that
 * is of use until then.  It is kept until then, and its entry with it, to be
 * found by its serial number at least; *kept is set.  Without room for it, and
 * where it is empty, longer than JM_RESULT_MAX or of no use any more, *kept is
 * 0 and the task is over all the same: no claim ever submits it again.  Returns
 * 1, as jm_ledger_over() does; or 0, and nothing has changed, for a task that
 * the claim is not submitting.
 *
 * What was done before may be committed, to make room.
 */
unsigned jm_ledger_brought(jm_ledger_t *l, const jm_ledger_claim_t *claim,
    unsigned i, jm_str_t text, uint64_t until, uint64_t now, unsigned *kept);

/*
 * Returns how many bytes task i of the entry with a serial number has brought,
 * 1 ... JM_RESULT_MAX, or 0 if that is not kept, or no longer of use.  They are
 * copied to text, if there is room for all of them.
 */
size_t jm_ledger_result(jm_ledger_t *l, uint64_t serial, unsigned i,
    uint64_t now, uint8_t *text, size_t size);


#endif /* _JM_LEDGER_RESULT_H_INCLUDED_ */
