
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_ark.h"
#include "jm_ark_code.h"
#include "jm_ark_part.h"
#include "jm_text.h"


#define JM_ARK_SIZE         (sizeof("99999x99999") - 1)


static jm_rc_e jm_ark_pictures(jm_answer_t *a, const jm_json_t *data,
    jm_mem_t *mem);
static unsigned jm_ark_known(const jm_answer_t *a, size_t index);
static void jm_ark_made(jm_answer_t *a, size_t index, jm_str_t url,
    jm_str_t size);
static jm_rc_e jm_ark_unmade(jm_answer_t *a, size_t index,
    const jm_json_t *error, jm_mem_t *mem);
static jm_str_t jm_ark_size(const jm_json_t *node);
static uint64_t jm_ark_number(const jm_json_t *node);
static void jm_ark_refused(jm_answer_t *a, unsigned status);
static unsigned jm_ark_told(jm_answer_t *a);


jm_rc_e
jm_ark_read(jm_answer_t *a, jm_transport_e transport, unsigned status,
    jm_str_t body, jm_mem_t *mem)
{
    size_t             made;
    jm_rc_e            rc;
    jm_json_t         *root;
    const char        *why;
    jm_json_limits_t   limits;

    memset(a, 0, sizeof(jm_answer_t));

    if (transport == JM_TRANSPORT_UNSENT) {
        a->event = JM_EVENT_UNSENT;
        return JM_OK;
    }

    jm_answer_fail(a, JM_CAUSE_OUTCOME_UNKNOWN);

    if (transport == JM_TRANSPORT_BROKEN) {
        return JM_OK;
    }

    limits.depth = JM_ARK_DEPTH;
    limits.nodes = JM_ARK_NODES;

    rc = jm_json_read(&root, body, &limits, mem, &why);

    if (rc == JM_ERROR) {
        return JM_ERROR;
    }

    if (rc == JM_INVALID) {
        root = NULL;
    }

    jm_ark_error(a, jm_json_get(root, "error"));

    if (status < 200 || status > 299) {
        jm_ark_refused(a, status);
        return JM_OK;
    }

    if (jm_ark_pictures(a, jm_json_get(root, "data"), mem) != JM_OK) {
        memset(a, 0, sizeof(jm_answer_t));
        jm_answer_fail(a, JM_CAUSE_OUTCOME_UNKNOWN);
        return JM_ERROR;
    }

    made = jm_ark_usage(a, jm_json_get(root, "usage"));

    jm_ark_result(a, made);

    return JM_OK;
}


static jm_rc_e
jm_ark_pictures(jm_answer_t *a, const jm_json_t *data, jm_mem_t *mem)
{
    size_t            i;
    const jm_json_t  *node;

    if (data == NULL || data->type != JM_JSON_ARRAY) {
        return JM_OK;
    }

    for (node = data->child, i = 0; node != NULL; node = node->next, i++) {

        if (jm_ark_picture(a, i, node, mem) != JM_OK) {
            return JM_ERROR;
        }
    }

    return JM_OK;
}


jm_rc_e
jm_ark_picture(jm_answer_t *a, size_t index, const jm_json_t *node,
    jm_mem_t *mem)
{
    jm_str_t  url;

    if (index >= JM_ARK_PICTURES || jm_ark_known(a, index)) {
        return JM_OK;
    }

    url = jm_answer_text(jm_json_get(node, "url"));

    if (jm_answer_is_url(url)) {
        jm_ark_made(a, index, url, jm_ark_size(jm_json_get(node, "size")));
        return JM_OK;
    }

    return jm_ark_unmade(a, index, jm_json_get(node, "error"), mem);
}


static unsigned
jm_ark_known(const jm_answer_t *a, size_t index)
{
    size_t  i;

    for (i = 0; i < a->nurls; i++) {
        if (a->indexes[i] == index) {
            return 1;
        }
    }

    for (i = 0; i < a->nerrors; i++) {
        if (a->errors[i].index == index) {
            return 1;
        }
    }

    return 0;
}


/* those of a stream come in any order */

static void
jm_ark_made(jm_answer_t *a, size_t index, jm_str_t url, jm_str_t size)
{
    size_t  i;

    for (i = a->nurls++; i != 0 && a->indexes[i - 1] > index; i--) {
        a->indexes[i] = a->indexes[i - 1];
        a->urls[i] = a->urls[i - 1];
        a->sizes[i] = a->sizes[i - 1];
    }

    a->indexes[i] = index;
    a->urls[i] = url;
    a->sizes[i] = size;
}


static jm_rc_e
jm_ark_unmade(jm_answer_t *a, size_t index, const jm_json_t *error,
    jm_mem_t *mem)
{
    jm_answer_error_t    *e;
    const jm_ark_code_t  *row;

    if (a->errors == NULL) {
        a->errors = mem->alloc(mem->ctx, JM_ARK_PICTURES
                                         * sizeof(jm_answer_error_t));
        if (a->errors == NULL) {
            return JM_ERROR;
        }
    }

    e = &a->errors[a->nerrors++];

    e->index = index;
    e->code = jm_answer_text(jm_json_get(error, "code"));

    row = jm_ark_code(e->code);

    if (error == NULL || error->type != JM_JSON_OBJECT) {
        jm_error_set(&e->error, JM_CAUSE_OUTCOME_UNKNOWN, NULL, NULL);

    } else if (row == NULL || row->about == JM_ARK_ACCOUNT
               || row->about == JM_ARK_MODEL)
    {
        /* nothing that a call brought pictures by was refused */

        jm_error_set(&e->error, JM_CAUSE_UPSTREAM, NULL, NULL);

    } else {
        jm_ark_code_error(&e->error, row);
    }

    return JM_OK;
}


/* "WxH", and nothing else */

static jm_str_t
jm_ark_size(const jm_json_t *node)
{
    size_t                 i, separators;
    jm_str_t               s;
    static const jm_str_t  none = jm_null_string;

    s = jm_answer_text(node);
    separators = 0;

    for (i = 0; i < s.len; i++) {

        if (s.data[i] == 'x' && i != 0 && i != s.len - 1) {
            separators++;

        } else if (s.data[i] < '0' || s.data[i] > '9') {
            return none;
        }
    }

    return separators == 1 && s.len <= JM_ARK_SIZE ? s : none;
}


size_t
jm_ark_usage(jm_answer_t *a, const jm_json_t *usage)
{
    a->input_tokens = jm_ark_number(jm_json_get(usage, "input_tokens"));
    a->output_tokens = jm_ark_number(jm_json_get(usage, "output_tokens"));
    a->total_tokens = jm_ark_number(jm_json_get(usage, "total_tokens"));

    return (size_t) jm_ark_number(jm_json_get(usage, "generated_images"));
}


static uint64_t
jm_ark_number(const jm_json_t *node)
{
    int64_t  value;

    if (node == NULL || node->type != JM_JSON_NUMBER
        || jm_decimal(node->text, 0, &value, NULL) != JM_OK || value < 0)
    {
        return 0;
    }

    return (uint64_t) value;
}


void
jm_ark_error(jm_answer_t *a, const jm_json_t *error)
{
    a->code = jm_answer_text(jm_json_get(error, "code"));
    a->number = a->code.len != 0 ? -1 : 0;
    a->message = jm_answer_text(jm_json_get(error, "message"));
}


void
jm_ark_result(jm_answer_t *a, size_t made)
{
    size_t  i;

    if (a->nurls != 0) {
        a->event = JM_EVENT_DONE;
        a->cut = (made > a->nurls);
        memset(&a->error, 0, sizeof(jm_error_t));
        return;
    }

    /* pictures that were made, and are not there, were billed */

    jm_answer_fail(a, JM_CAUSE_OUTCOME_UNKNOWN);

    if (made != 0) {
        return;
    }

    if (a->nerrors == 0) {
        (void) jm_ark_told(a);
        return;
    }

    for (i = 0; i < a->nerrors; i++) {
        if (a->errors[i].error.cause == JM_CAUSE_OUTCOME_UNKNOWN) {
            return;
        }
    }

    a->error = a->errors[0].error;

    if (a->code.len == 0) {
        a->code = a->errors[0].code;
        a->number = a->code.len != 0 ? -1 : 0;
    }
}


/* a call that was refused; what is not known to be is left as it was set */

static void
jm_ark_refused(jm_answer_t *a, unsigned status)
{
    const jm_ark_code_t  *row;

    /* with 408 and 499 somebody on the way just lost patience */

    if (status < 400 || status > 499 || status == 408 || status == 499) {
        return;
    }

    if (jm_ark_told(a)) {
        return;
    }

    row = jm_ark_code(a->code);

    if (status == 429) {
        a->event = JM_EVENT_BUSY;
        memset(&a->error, 0, sizeof(jm_error_t));

    } else if (row == NULL && (status == 401 || status == 403)) {
        jm_answer_fail(a, JM_CAUSE_UPSTREAM_AUTH);

    } else {
        jm_answer_fail(a, JM_CAUSE_UPSTREAM);
    }
}


/* whether the code alone tells that nothing was made, and why */

static unsigned
jm_ark_told(jm_answer_t *a)
{
    const jm_ark_code_t  *row;

    row = jm_ark_code(a->code);

    if (row == NULL || row->about == JM_ARK_BUSY) {
        return 0;
    }

    a->event = JM_EVENT_FAILED;
    a->model = (row->about == JM_ARK_MODEL);

    jm_ark_code_error(&a->error, row);

    return 1;
}
