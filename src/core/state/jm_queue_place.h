
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * A task's place in the queue, until it is granted a slot.
 */


#ifndef _JM_QUEUE_PLACE_H_INCLUDED_
#define _JM_QUEUE_PLACE_H_INCLUDED_


#include "jm_queue_account.h"


#define JM_QUEUE_CLIENT     32      /* bytes that tell clients apart */
#define JM_QUEUE_REQ_KEY    40      /* bytes of a req_key that are kept */

/* ms after which the owner of a place looks at it, though nothing woke it */

#define JM_QUEUE_LOOK       1000

#define JM_QUEUE_ID         64      /* bytes of the upstream's id, at most */

/* ms without a renewal after which a place is free, though its process lives */

#define JM_QUEUE_LEASE      300000


typedef enum {
    JM_QUEUE_GRANTED = 0,   /* it has a slot of p->account */
    JM_QUEUE_WAIT,
    JM_QUEUE_FULL,          /* too many wait */
    JM_QUEUE_LATE,          /* it cannot be served in time, or was not */
    JM_QUEUE_ASIDE,         /* all its accounts are set aside */
    JM_QUEUE_NO_ROOM        /* the store has no record for the place */
} jm_queue_e;


/* without a place serial is 0; the account is set once it was granted */

typedef struct {
    uint64_t             serial;
    jm_ref_t             ref;
    uint32_t             grip;      /* who adopts it has another one */
    uint32_t             account;
} jm_place_t;


typedef struct {
    uint8_t              accounts[JM_QUEUE_ACCOUNTS];   /* the best first */
    unsigned             naccounts;
    uint8_t              client[JM_QUEUE_CLIENT];   /* a digest */
    jm_str_t             req_key;   /* to ask for the task by */
    uint64_t             model;     /* a hash of it */
    uint64_t             patience;  /* from now until the reply is due */
    uint64_t             since;     /* when it began to wait */
    uint32_t             worker;    /* who is to be woken */
    uint64_t             entry;     /* serial of the ledger's, 0: none */
    uint64_t             billed;    /* serial of who pays, 0: nobody */
    uint64_t             price;     /* of a picture, in millionths */
    uint8_t              task;      /* its number in the entry */
    uint8_t              pictures;  /* it may bring so many; 0 is 1 */
} jm_queue_request_t;


/*
 * Enters a place.  Of the request's accounts that have a free slot it gets the
 * one with the fewest that run for its weight, of equals the first; without
 * any it waits.  With JM_QUEUE_GRANTED and _WAIT *p is set, and has to be left
 * before its process ends; else p->serial is 0.  Granted again each time it is
 * looked at, it is to be submitted once.
 *
 * *wait is with JM_QUEUE_WAIT the time after which the place is to be looked
 * at, if nothing wakes its worker before; with _FULL and _LATE the time after
 * which a retry may be served; else 0.
 *
 * _FULL: as many wait as the queues of its accounts hold together.  _LATE: by
 * the average time of their tasks it would not have its slot and its task's
 * end within its patience, or not its slot within their timeout (of several
 * the longest).  Where no average is known yet, nothing is late.
 */
jm_queue_e jm_queue_enter(jm_queue_t *q, jm_place_t *p,
    const jm_queue_request_t *request, uint64_t now, uint64_t *wait);

/*
 * Looks at a place that was entered, with the same results.  With
 * JM_QUEUE_LATE, when it has waited longer than its patience or the timeout,
 * with _ASIDE and with _NO_ROOM the place is gone, p->serial is 0.  One that
 * has a slot is granted, however late it is.  A place that is not there any
 * more is late.
 */
jm_queue_e jm_queue_look(jm_queue_t *q, jm_place_t *p, uint64_t now,
    uint64_t *wait);

/*
 * The place may be served by this account only from now on, which another
 * task of its request has a slot of.  A slot of another account that it had
 * got is given back: nothing may have been submitted there.  Returns as
 * jm_queue_look() does.
 */
jm_queue_e jm_queue_bind(jm_queue_t *q, jm_place_t *p, unsigned account,
    uint64_t now, uint64_t *wait);


#endif /* _JM_QUEUE_PLACE_H_INCLUDED_ */
