
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * All that requests have in common, behind one interface: what is above does
 * not know where it lies.  Each operation is done as a whole or not at all,
 * wherever a process may die.
 *
 * Those with a jm_op_* have an answer in it once its done.handler is called:
 * before they return, or later, and then not within a call of another one.
 * Until then all that they were given stays.  The others have none, and take
 * what they need before they return.
 *
 * An answer is away when the store does not answer: nothing else of it is set,
 * and nothing has happened, or is undone once the store is back.  What was not
 * to change is as before, a place that is there as well.  It is 0 where the
 * answer can be given without the store, as that of over for a task that is the
 * claim's own, or without one: it is told then, once more if need be.
 */


#ifndef _JM_BACKEND_H_INCLUDED_
#define _JM_BACKEND_H_INCLUDED_


#include "jm_backend_end.h"


typedef struct jm_backend_s  jm_backend_t;

struct jm_backend_s {
    void  (*rate)(jm_backend_t *b, jm_op_rate_t *op);
    void  (*service)(jm_backend_t *b, jm_op_service_t *op);
    void  (*open)(jm_backend_t *b, jm_op_open_t *op);

    /* error is NULL but with JM_CLAIM_TOLD and _FAILED */
    void  (*ended)(jm_backend_t *b, jm_ledger_claim_t *claim, jm_claim_e how,
                   const jm_error_t *error);

    /* see jm_ledger_fetched() */
    void  (*fetched)(jm_backend_t *b, uint64_t serial, const jm_str_t *ids,
                     size_t n);

    /* the request runs no more; again it does nothing */
    void  (*release)(jm_backend_t *b, jm_hold_t *hold);

    void  (*look)(jm_backend_t *b, jm_op_look_t *op);
    void  (*cancel)(jm_backend_t *b, jm_op_cancel_t *op);
    void  (*place)(jm_backend_t *b, jm_op_place_t *op);
    void  (*submit)(jm_backend_t *b, jm_op_submit_t *op);
    void  (*refused)(jm_backend_t *b, jm_op_refused_t *op);

    /* counts a query that was refused for an account's credentials */
    void  (*query_denied)(jm_backend_t *b, unsigned account);

    /* claim may be NULL, and place without a serial; id with JM_SENT_TAKEN */
    void  (*sent)(jm_backend_t *b, jm_ledger_claim_t *claim, unsigned task,
                  jm_place_t *place, jm_sent_e what, jm_str_t id);

    void  (*renew)(jm_backend_t *b, jm_place_t *place);

    /*
     * Returns how many of this process's places something has happened to, n
     * at most, and their serials; these are not told again.  With each other
     * value of *alarms something has happened to all of them.
     */
    size_t  (*news)(jm_backend_t *b, uint64_t *serials, size_t n,
                    uint32_t *alarms);

    /* the place is given up, of a task that goes on, or is submitted anew */
    void  (*leave)(jm_backend_t *b, jm_place_t *place, jm_leave_e how);

    void  (*over)(jm_backend_t *b, jm_op_over_t *op);

    /* what was billed is in the log, see jm_ledger_bill() */
    void  (*billed)(jm_backend_t *b, uint64_t entry, unsigned task);

    void  (*orphan)(jm_backend_t *b, jm_op_orphan_t *op);
    void  (*asked)(jm_backend_t *b, jm_op_orphan_t *op);

    void  (*usage)(jm_backend_t *b, jm_op_usage_t *op);
    void  (*clients)(jm_backend_t *b, jm_op_clients_t *op);
    void  (*accounts)(jm_backend_t *b, jm_op_accounts_t *op);
    void  (*waits)(jm_backend_t *b, jm_op_waits_t *op);

    const uint8_t       *salt;      /* JM_STATE_SALT bytes, for keys */

    /* a state in memory is used between these */
    jm_state_t        *(*lock)(void *ctx);
    void               (*unlock)(void *ctx);
    void                *ctx;
};


/*
 * Set the operations, and those of tasks alone, and how these stand alone, to
 * those on one in memory.
 */
void jm_backend_memory(jm_backend_t *b);
void jm_backend_memory_tasks(jm_backend_t *b);
void jm_backend_memory_look(jm_backend_t *b);


#endif /* _JM_BACKEND_H_INCLUDED_ */
