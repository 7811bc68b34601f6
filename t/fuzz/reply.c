
/*
 * Replies of whatever the input says: each is whole JSON with what was put into
 * it, with URLs as with the pictures that are put at its offset, and for a task
 * that is not done nothing else.
 *
 * Seen failing with texts that are written as they are, with the place of the
 * base64 one byte further on, with the error of a buffer lost, and with an
 * error in the reply of a task that runs.
 */


#include "reply.h"


/* a reply, whose pictures are the URLs or n times the base64 */

static void
check_reply(const world_t *w, jm_str_t text, size_t n, jm_mem_t *mem)
{
    size_t            i, j;
    unsigned          masked;
    const jm_json_t  *root, *list, *node;

    root = read_whole(text, &masked, mem);
    list = jm_json_get(root, "data");

    check_text(jm_json_get(root, "model"), w->result.model, masked, mem);
    check_errors(w, root, masked, mem);
    check_look(root, &w->result.look, mem);
    check((jm_json_get(root, "ignored") != NULL) == (w->result.ignored != 0));

    check_usage(root, w->made);

    check(list != NULL && list->count == n);
    node = list->child;

    for (i = 0; i < w->result.nparts; i++) {

        if (w->parts[i].error != NULL) {
            continue;
        }

        for (j = 0; j < w->parts[i].nurls && node != NULL; j++) {

            if (w->base64) {
                check_text(jm_json_get(node, "b64_json"), str(BASE64), 0, mem);

            } else {
                check_text(jm_json_get(node, "url"), w->urls[i][j], masked,
                           mem);
            }

            node = node->next;
        }
    }

    check(node == NULL);
}


static void
run_reply(const world_t *w, size_t fail)
{
    size_t     i, n, at;
    jm_rc_e    rc;
    jm_buf_t   b, whole;
    tap_mem_t  m;

    tap_mem_init(&m, fail);
    jm_buf_init(&b, &m.mem, 16, (size_t) 1 << 20);

    rc = jm_reply_result(&b, &w->result, w->base64 ? &at : NULL);
    check(rc == (tap_mem_unfailed(&m) ? JM_OK : JM_ERROR));

    m.fail = 0;

    n = w->had;

    if (w->result.max_images != 0) {
        n = jm_min(n, w->result.max_images);
    }

    if (rc == JM_OK && !w->base64) {
        check_reply(w, jm_buf_view(&b), n, &m.mem);

    } else if (rc == JM_OK) {
        check(at < b.len && memcmp(b.data + at, "]", 1) == 0);

        jm_buf_init(&whole, &m.mem, b.len, (size_t) 1 << 20);
        jm_buf_add(&whole, b.data, at);

        for (i = 0; i < n; i++) {

            if (i != 0) {
                jm_buf_literal(&whole, JM_REPLY_DATA_NEXT);
            }

            jm_buf_literal(&whole, JM_REPLY_DATA_OPEN BASE64
                           JM_REPLY_DATA_CLOSE);
        }

        jm_buf_add(&whole, b.data + at, b.len - at);

        check_reply(w, jm_buf_view(&whole), n, &m.mem);
    }

    tap_mem_done(&m);
}


/* the members of an "error" object, and more beside them */

static void
check_error(const jm_json_t *object, const jm_error_t *e, unsigned more,
    unsigned masked, jm_mem_t *mem)
{
    const jm_json_t  *node;

    check(object != NULL && object->type == JM_JSON_OBJECT);
    check(object->count == 4u + (e->upstream_code != 0)
                           + (e->cause == JM_CAUSE_MODERATION) + more);

    check_why(object, e, masked, mem);
    check_text(jm_json_get(object, "type"), str(jm_cause(e->cause)->type),
               masked, mem);

    node = jm_json_get(object, "param");

    if (e->param == NULL) {
        check(node != NULL && node->type == JM_JSON_NULL);

    } else {
        check_text(node, str(e->param), masked, mem);
    }

    if (e->upstream_code != 0) {
        check_int(object, "upstream_code", (size_t) e->upstream_code);
    }
}


static void
check_task(const world_t *w, const jm_json_t *root, unsigned masked,
    jm_mem_t *mem)
{
    const jm_json_t  *node;

    node = jm_json_get(root, "task_id");

    if (w->result.task_id.len != 0) {
        check_text(node, w->result.task_id, masked, mem);

    } else {
        check(node == NULL);
    }
}


/* a task that is not done, or failed if there is an error for it */

static void
run_status(const world_t *w, jm_status_e status, size_t fail)
{
    jm_rc_e             rc;
    jm_buf_t            b;
    unsigned            masked;
    tap_mem_t           m;
    const jm_json_t    *root;
    const jm_error_t   *e;
    static const char  *names[] = { "pending", "running", "failed" };

    e = w->parts[0].error;

    if (status == JM_STATUS_FAILED && e == NULL) {
        return;
    }

    tap_mem_init(&m, fail);
    jm_buf_init(&b, &m.mem, 16, (size_t) 1 << 20);

    rc = jm_reply_status(&b, &w->result,
                         &(jm_standing_t) { .status = status }, e);
    check(rc == (tap_mem_unfailed(&m) ? JM_OK : JM_ERROR));

    m.fail = 0;

    if (rc == JM_OK) {
        root = read_whole(jm_buf_view(&b), &masked, &m.mem);

        check(root->count == 3u + (w->result.task_id.len != 0)
                             + (status == JM_STATUS_FAILED));

        check_int(root, "created", (size_t) w->result.created);
        check_text(jm_json_get(root, "model"), w->result.model, masked,
                   &m.mem);
        check_task(w, root, masked, &m.mem);
        check_text(jm_json_get(root, "task_status"), str(names[status]), 0,
                   &m.mem);

        if (status == JM_STATUS_FAILED) {
            check_error(jm_json_get(root, "error"), e, 0, masked, &m.mem);
        }
    }

    tap_mem_done(&m);
}


static void
run_error(const world_t *w, size_t fail)
{
    jm_rc_e            rc;
    jm_buf_t           b;
    unsigned           masked;
    tap_mem_t          m;
    const jm_json_t   *root;
    const jm_error_t  *e;

    e = w->parts[0].error;

    if (e == NULL) {
        return;
    }

    tap_mem_init(&m, fail);
    jm_buf_init(&b, &m.mem, 16, (size_t) 1 << 20);

    rc = jm_reply_error(&b, e, w->result.task_id);
    check(rc == (tap_mem_unfailed(&m) ? JM_OK : JM_ERROR));

    m.fail = 0;

    if (rc == JM_OK) {
        root = read_whole(jm_buf_view(&b), &masked, &m.mem);

        check_why(root, e, masked, &m.mem);
        check_task(w, root, masked, &m.mem);

        root = jm_json_get(root, "error");

        check_error(root, e, w->result.task_id.len != 0, masked, &m.mem);
        check_task(w, root, masked, &m.mem);
    }

    tap_mem_done(&m);
}


static void
run(const world_t *w, size_t fail)
{
    run_reply(w, fail);
    run_status(w, JM_STATUS_PENDING, fail);
    run_status(w, JM_STATUS_RUNNING, fail);
    run_status(w, JM_STATUS_FAILED, fail);
    run_error(w, fail);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    world_t  w;

    take_world(&w, data, size);

    run(&w, 0);

    if (w.fail != 0) {
        run(&w, w.fail);
    }

    return 0;
}
