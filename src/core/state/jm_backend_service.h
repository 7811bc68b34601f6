
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * What is asked before a request is read in the words of a service.
 */


#ifndef _JM_BACKEND_SERVICE_H_INCLUDED_
#define _JM_BACKEND_SERVICE_H_INCLUDED_


#include "jm_backend_request.h"
#include "jm_queue_service.h"


/*
 * In whose words a request is to be read that n services may serve: service is
 * the number, from 0, of the one that its first try is with, see
 * jm_ledger_served(), or else as of jm_queue_service(), as are the news.
 * request is not asked for where kept is 0.
 */

typedef struct {
    jm_done_t            done;
    jm_ledger_request_t  request;   /* but n, keep and patient */
    unsigned             kept;
    jm_queue_service_t   services[JM_QUEUE_SERVICES];
    unsigned             kinds[JM_QUEUE_SERVICES];  /* in a fingerprint */
    unsigned             n;
    unsigned             service;
    jm_service_news_e    news;
    unsigned             away;
} jm_op_service_t;


#endif /* _JM_BACKEND_SERVICE_H_INCLUDED_ */
