
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


#endif /* _JM_METRICS_TEXT_H_INCLUDED_ */
