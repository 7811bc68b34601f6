
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Who says in a log what a task has brought, once: whoever sees its end first,
 * or if that process died before its line was written, whoever sees it next.
 */


#ifndef _JM_LEDGER_BILL_H_INCLUDED_
#define _JM_LEDGER_BILL_H_INCLUDED_


#include "jm_ledger.h"


/*
 * This process has seen the end of task i of the entry with a serial number, or
 * has given it up.  brought: there are pictures.  *first says whether it is the
 * first, and is set when those before have given the task up, and pictures came
 * after all.  Returns whether it is to say so, and no other will.  Of an entry
 * that is no more the first says it.
 */
unsigned jm_ledger_bill(jm_ledger_t *l, uint64_t serial, unsigned i,
    unsigned brought, unsigned *first);

/* It has said so. */
void jm_ledger_billed(jm_ledger_t *l, uint64_t serial, unsigned i);


#endif /* _JM_LEDGER_BILL_H_INCLUDED_ */
