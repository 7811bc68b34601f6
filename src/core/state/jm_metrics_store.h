
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * What a report tells of the store that several nodes share.
 */


#ifndef _JM_METRICS_STORE_H_INCLUDED_
#define _JM_METRICS_STORE_H_INCLUDED_


#include "jm_base.h"


typedef struct {
    jm_str_t         name;
    jm_str_t         version;       /* of the module */
    uint64_t         processes;     /* that live */
    uint64_t         age;           /* ms since it gave a sign of life */
} jm_report_node_t;


/* a text that is not known is empty */

typedef struct {
    jm_str_t         name;
    unsigned         reachable;
    uint64_t         since;         /* it is or is not; seconds since 1970 */
    jm_str_t         version;
    jm_str_t         appendonly;
    jm_str_t         policy;        /* maxmemory-policy */
    uint64_t         latency;       /* microseconds; 0 is not known */
    uint64_t         pending;       /* what is to be told, */
    uint64_t         pending_size;  /* its bytes, */
    uint64_t         dropped;       /* and what there was no room for */

    jm_report_node_t  *nodes;       /* the last to be heard of first */
    size_t           nnodes;
} jm_report_store_t;


#endif /* _JM_METRICS_STORE_H_INCLUDED_ */
