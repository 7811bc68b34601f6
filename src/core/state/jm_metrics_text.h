
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * The parts of a report for Prometheus.
 */


#ifndef _JM_METRICS_TEXT_H_INCLUDED_
#define _JM_METRICS_TEXT_H_INCLUDED_


#include "jm_metrics_line.h"
#include "jm_metrics_report.h"


/* Appends what has come in groups: histograms, and what accounts were told. */
void jm_text_groups(jm_buf_t *out, const jm_report_t *report);

/* Appends what there is to tell of the store of several nodes. */
void jm_text_store(jm_buf_t *out, const jm_report_store_t *store);


#endif /* _JM_METRICS_TEXT_H_INCLUDED_ */
