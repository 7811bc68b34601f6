
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * Ark's answer from the events of its stream.
 */


#include "jm_ark_events.h"
#include "jm_ark_part.h"
#include "jm_text.h"


static jm_rc_e jm_ark_gather_read(jm_ark_gather_t *g, jm_str_t json,
    jm_json_t **root);
static jm_rc_e jm_ark_gather_picture(jm_ark_gather_t *g,
    const jm_json_t *root);
static jm_rc_e jm_ark_gather_error(jm_ark_gather_t *g,
    const jm_json_t *root);


void
jm_ark_gather_init(jm_ark_gather_t *g, jm_answer_t *a, jm_mem_t *mem)
{
    memset(g, 0, sizeof(jm_ark_gather_t));
    memset(a, 0, sizeof(jm_answer_t));

    g->answer = a;
    g->mem = mem;
}


jm_rc_e
jm_ark_gather(void *ctx, jm_ark_event_e event, jm_str_t json)
{
    jm_ark_gather_t *g = ctx;

    jm_rc_e     rc;
    jm_json_t  *root;

    if (g->completed || event == JM_ARK_EVENT_OTHER
        || event == JM_ARK_EVENT_PARTIAL_IMAGE || event == JM_ARK_EVENT_DONE)
    {
        return JM_OK;
    }

    rc = jm_ark_gather_read(g, json, &root);

    if (rc != JM_OK) {
        return rc;
    }

    switch (event) {

    case JM_ARK_EVENT_COMPLETED:
        g->completed = 1;
        g->made = jm_ark_usage(g->answer, jm_json_get(root, "usage"));
        return JM_OK;

    case JM_ARK_EVENT_ERROR:
        return jm_ark_gather_error(g, root);

    default:
        return jm_ark_gather_picture(g, root);
    }
}


/* what is read lives in a copy: the event is gone when the next one comes */

static jm_rc_e
jm_ark_gather_read(jm_ark_gather_t *g, jm_str_t json, jm_json_t **root)
{
    uint8_t           *copy;
    const char        *why;
    jm_json_limits_t   limits;

    if (json.len == 0 || g->events++ == JM_ARK_EVENTS) {
        return JM_INVALID;
    }

    copy = g->mem->alloc(g->mem->ctx, json.len);
    if (copy == NULL) {
        return JM_ERROR;
    }

    memcpy(copy, json.data, json.len);
    json.data = copy;

    limits.depth = JM_ARK_DEPTH;
    limits.nodes = JM_ARK_NODES;

    return jm_json_read(root, json, &limits, g->mem, &why);
}


static jm_rc_e
jm_ark_gather_picture(jm_ark_gather_t *g, const jm_json_t *root)
{
    int64_t           index;
    const jm_json_t  *node;

    node = jm_json_get(root, "image_index");

    if (node == NULL || node->type != JM_JSON_NUMBER
        || jm_decimal(node->text, 0, &index, NULL) != JM_OK || index < 0)
    {
        return JM_INVALID;
    }

    return jm_ark_picture(g->answer, (size_t) index, root, g->mem);
}


/* it is the call's; beside pictures that came it is the next one's as well */

static jm_rc_e
jm_ark_gather_error(jm_ark_gather_t *g, const jm_json_t *root)
{
    size_t             i, next;
    jm_answer_t       *a;
    const jm_json_t   *error;

    a = g->answer;
    error = jm_json_get(root, "error");

    g->failed = 1;

    jm_ark_error(a, error != NULL ? error : root);

    if (a->nurls == 0) {
        return JM_OK;
    }

    next = a->indexes[a->nurls - 1] + 1;

    for (i = 0; i < a->nerrors; i++) {
        next = jm_max(next, a->errors[i].index + 1);
    }

    return jm_ark_picture(a, next, root, g->mem);
}


void
jm_ark_gather_end(jm_ark_gather_t *g)
{
    jm_answer_t  *a;

    a = g->answer;

    if (g->completed || (g->failed && a->nurls == 0 && a->nerrors == 0)) {
        jm_ark_result(a, g->made);
        return;
    }

    if (a->nurls != 0) {
        a->event = JM_EVENT_DONE;
        a->cut = 1;
        return;
    }

    jm_answer_fail(a, JM_CAUSE_OUTCOME_UNKNOWN);
}
