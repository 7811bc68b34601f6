
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Lines of Prometheus' text exposition format 0.0.4
 * (prometheus.io/docs/instrumenting/exposition_formats).
 */


#ifndef _JM_METRICS_LINE_H_INCLUDED_
#define _JM_METRICS_LINE_H_INCLUDED_


#include "jm_buf.h"


/* 20 digits, a point, and a zero */

#define JM_LINE_NUMBER      24


/* what a value is in, and how it is shown */

typedef enum {
    JM_UNIT_ONE = 0,
    JM_UNIT_MS,             /* as seconds */
    JM_UNIT_MONEY           /* millionths, as what they are of */
} jm_unit_e;


/* a line that is being written */

typedef struct {
    jm_buf_t        *out;
    unsigned         labels;
} jm_line_t;


/* Appends what is to be told of a metric before its first line. */
void jm_line_head(jm_buf_t *out, const char *name, const char *type,
    const char *help);

/* Appends a metric without labels: all of it. */
void jm_line_value(jm_buf_t *out, const char *name, const char *type,
    const char *help, uint64_t value);

/* Begins a line with a metric's name and a suffix, which may be "". */
void jm_line_begin(jm_line_t *line, jm_buf_t *out, const char *name,
    const char *suffix);

/* Appends a label; a value that is not UTF-8 has "?" for what is not ASCII. */
void jm_line_label(jm_line_t *line, const char *name, jm_str_t value);
void jm_line_label_cstring(jm_line_t *line, const char *name,
    const char *value);

/* Ends the line with its value. */
void jm_line_end(jm_line_t *line, uint64_t value, jm_unit_e unit);

/* Writes a value, and a zero, to JM_LINE_NUMBER bytes at dst. */
void jm_line_number(char *dst, uint64_t value, jm_unit_e unit);


#endif /* _JM_METRICS_LINE_H_INCLUDED_ */
