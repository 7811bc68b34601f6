
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Which of the services that make a model is asked for its next picture.
 */


#ifndef _JM_QUEUE_SERVICE_H_INCLUDED_
#define _JM_QUEUE_SERVICE_H_INCLUDED_


#include "jm_queue_account.h"


#define JM_QUEUE_SERVICES   2       /* of one model, at most */


/* accounts has a bit for each number; model is as of jm_model_hash() */

typedef struct {
    uint64_t             accounts;
    uint64_t             model;
} jm_queue_service_t;


/* what is new about the first service, told once to all processes together */

typedef enum {
    JM_SERVICE_NO_NEWS = 0,
    JM_SERVICE_LEFT,        /* another one stands in for it */
    JM_SERVICE_BACK         /* it takes the model's submits again */
} jm_service_news_e;


/*
 * Returns the number, from 0, of the first of n services that has an account
 * which is not set aside, for all or for the model.  What was set aside is
 * tried by one request each JM_QUEUE_TRY ms when its time is over, until a
 * submit was taken there.  If none is left it is the first.  Sets *news.
 * To be called as the functions of jm_queue.h.
 */
#define JM_QUEUE_TRY        10000

unsigned jm_queue_service(jm_queue_t *q, const jm_queue_service_t *services,
    unsigned n, uint64_t now, jm_service_news_e *news);


#endif /* _JM_QUEUE_SERVICE_H_INCLUDED_ */
