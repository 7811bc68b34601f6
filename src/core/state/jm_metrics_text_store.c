
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_metrics_text.h"


static void jm_text_node(jm_buf_t *out, const char *name,
    const jm_report_node_t *node, uint64_t value, jm_unit_e unit);


void
jm_text_store(jm_buf_t *out, const jm_report_store_t *store)
{
    size_t     i;
    jm_line_t  line;

    jm_line_value(out, "jimeng_store_up", "gauge",
                  "Whether this worker reaches the store.", store->reachable);

    if (store->latency != 0) {
        /* microseconds are millionths */

        jm_line_head(out, "jimeng_store_latency_seconds", "gauge",
                     "How long the store's answers take this worker.");
        jm_line_begin(&line, out, "jimeng_store_latency_seconds", "");
        jm_line_end(&line, store->latency, JM_UNIT_MONEY);
    }

    jm_line_value(out, "jimeng_store_pending", "gauge",
                  "What this worker has to tell the store yet.",
                  store->pending);

    jm_line_value(out, "jimeng_store_dropped_total", "counter",
                  "What it could not tell the store any more.",
                  store->dropped);

    jm_line_head(out, "jimeng_node_processes", "gauge",
                 "Workers of a node that live, by the store.");

    for (i = 0; i < store->nnodes; i++) {
        jm_text_node(out, "jimeng_node_processes", &store->nodes[i],
                     store->nodes[i].processes, JM_UNIT_ONE);
    }

    jm_line_head(out, "jimeng_node_age_seconds", "gauge",
                 "Since the store last heard of a node.");

    for (i = 0; i < store->nnodes; i++) {
        jm_text_node(out, "jimeng_node_age_seconds", &store->nodes[i],
                     store->nodes[i].age, JM_UNIT_MS);
    }
}


static void
jm_text_node(jm_buf_t *out, const char *name, const jm_report_node_t *node,
    uint64_t value, jm_unit_e unit)
{
    jm_line_t  line;

    jm_line_begin(&line, out, name, "");
    jm_line_label(&line, "node", node->name);
    jm_line_end(&line, value, unit);
}
