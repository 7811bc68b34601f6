
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * How what is counted lies in shared memory.
 */


#ifndef _JM_METRICS_SHARED_H_INCLUDED_
#define _JM_METRICS_SHARED_H_INCLUDED_


#include "jm_metrics.h"


#define JM_METRICS_TABLE    256     /* chains of series */


/*
 * The chains of the table, and of groups, are good after any death: one store
 * enters what is new.  A process that dies before it leaves a piece of memory
 * that nobody has, and room for one less of that kind.
 */

typedef struct {
    uint32_t              made;
    jm_group_t            other;    /* the first, those that are made follow */
} jm_groups_t;


struct jm_metrics_shared_s {
    jm_counters_t         counters;
    uint32_t              made[JM_SERIES_LAST];
    jm_groups_t           groups[JM_GROUP_LAST];
    jm_metrics_worker_t  *workers;
    jm_series_t          *table[JM_METRICS_TABLE];
};


#endif /* _JM_METRICS_SHARED_H_INCLUDED_ */
