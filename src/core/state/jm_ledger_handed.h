
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Ids that clients have got before there are tasks.  An entry with such an id
 * is kept for its time like one that has cost something: who asks by the id is
 * told how it stands, why it has failed, or that it was canceled.
 */


#ifndef _JM_LEDGER_HANDED_H_INCLUDED_
#define _JM_LEDGER_HANDED_H_INCLUDED_


#include "jm_ledger_store.h"


/* what is known of a task; as far as look says, views into shared memory */

typedef struct {
    jm_look_e            look;
    unsigned             account;   /* number, or JM_LEDGER_ANY */
    jm_ref_t             place;     /* with JM_LOOK_WAIT, see _placed(); or 0 */
    unsigned             sending;   /* with JM_LOOK_WAIT: it is submitted now */
    jm_str_t             id;        /* with JM_LOOK_TAKEN */
    unsigned             told;      /* why it has failed is in l->told */
} jm_ledger_peek_t;


/* The claim's client gets an id, which some of the tasks have no part in. */
void jm_ledger_hand(jm_ledger_t *l, const jm_ledger_claim_t *claim);

/*
 * Keeps the error that the client of a claim is told, for who asks by the id;
 * the first one counts.  Does nothing if no id was handed out.  What was done
 * before may be committed, to make room.
 */
void jm_ledger_failed(jm_ledger_t *l, const jm_ledger_claim_t *claim,
    const jm_error_t *error, uint64_t now);

/* Task i of an entry, which is not submitted yet, waits in this place. */
void jm_ledger_placed(jm_ledger_t *l, uint64_t serial, unsigned i,
    jm_ref_t place);

/*
 * Tells of task i of the entry with a serial number, and changes nothing:
 * JM_LOOK_WAIT is one that a process that lives is going to submit, JM_LOOK_OWN
 * one that nobody is going to, JM_LOOK_GONE that there is no such task.
 */
void jm_ledger_peek(jm_ledger_t *l, uint64_t serial, unsigned i,
    jm_ledger_peek_t *peek);

/*
 * Task i, which is not submitted yet, is not to be submitted by anybody, ever.
 * Does nothing for others.
 */
void jm_ledger_cancel(jm_ledger_t *l, uint64_t serial, unsigned i,
    uint64_t now);


#endif /* _JM_LEDGER_HANDED_H_INCLUDED_ */
