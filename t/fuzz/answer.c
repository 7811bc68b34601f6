
/*
 * An answer of the upstream: 's', 'q' or 'r' for the call, a digit for the
 * HTTP status, then the body.  Whatever it is, the event fits the call and
 * has with it what it promises; and a body that has lost its last byte is
 * never taken for an answer.
 *
 * Seen failing with the look at an id beside an error taken out of
 * jm_visual_submitted(), and with jm_json_read() not looking whether the text
 * was whole.
 */


#include "fuzz.h"
#include "jm_json.h"
#include "jm_visual.h"


static const unsigned  statuses[] = {
    200, 400, 401, 403, 429, 500, 502, 503, 504, 302
};


static void
check_failed(const jm_answer_t *a)
{
    check(a->error.cause > JM_CAUSE_NONE && a->error.cause < JM_CAUSE_LAST);
    check(a->error.message[0] != '\0');
}


static void
check_submit(const jm_answer_t *a)
{
    size_t  i;

    switch (a->event) {

    case JM_EVENT_ACCEPTED:
        check(a->task_id.len > 0 && a->task_id.len <= JM_VISUAL_TASK_ID);

        for (i = 0; i < a->task_id.len; i++) {
            check(a->task_id.data[i] > ' ' && a->task_id.data[i] < 0x7f
                  && a->task_id.data[i] != '"');
        }

        break;

    case JM_EVENT_BUSY:
    case JM_EVENT_UNSENT:
        /* what is sent again must not have been taken */
        check(a->task_id.len == 0);
        break;

    default:
        check(a->event == JM_EVENT_FAILED);
        check_failed(a);
    }
}


static void
check_query(const jm_answer_t *a, jm_visual_call_e call)
{
    size_t  i;

    switch (a->event) {

    case JM_EVENT_DONE:
        check((call == JM_VISUAL_RESULT ? a->ndata : a->nurls) > 0);
        check(a->nurls <= JM_VISUAL_PICTURES);

        for (i = 0; i < a->nurls; i++) {
            check(a->urls[i].len > 7
                  && memcmp(a->urls[i].data, "http", 4) == 0);
        }

        break;

    case JM_EVENT_TRANSIENT:
        check(a->error.transient);
        check_failed(a);
        break;

    case JM_EVENT_FAILED:
        check(!a->error.transient);
        check_failed(a);
        break;

    default:
        check(a->event == JM_EVENT_PENDING || a->event == JM_EVENT_TROUBLE);
    }

    if (a->internal) {
        check(a->event == JM_EVENT_TROUBLE && a->error.no_retry);
        check(a->error.cause == JM_CAUSE_UPSTREAM);
    }
}


static unsigned
is_object(jm_str_t body)
{
    unsigned          object;
    tap_mem_t         m;
    jm_json_t        *root;
    const char       *why;
    jm_json_limits_t  limits;

    limits.depth = 32;
    limits.nodes = 4096;

    tap_mem_init(&m, 0);

    object = jm_json_read(&root, body, &limits, &m.mem, &why) == JM_OK
             && root->type == JM_JSON_OBJECT;

    tap_mem_done(&m);

    return object;
}


static void
check_cut(jm_visual_call_e call, jm_str_t body)
{
    tap_mem_t    m;
    jm_answer_t  a;

    if (body.len == 0 || body.data[body.len - 1] != '}' || !is_object(body)) {
        return;
    }

    body.len--;

    tap_mem_init(&m, 0);

    check(jm_visual_read(&a, call, JM_TRANSPORT_WHOLE, 200, body, &m.mem)
          == JM_OK);

    if (call != JM_VISUAL_SUBMIT) {
        check(a.event == JM_EVENT_TROUBLE);

    } else {
        check(a.event == JM_EVENT_FAILED
              && a.error.cause == JM_CAUSE_OUTCOME_UNKNOWN
              && a.error.no_retry);
    }

    tap_mem_done(&m);
}


static void
run(jm_visual_call_e call, unsigned status, jm_str_t body, size_t fail)
{
    jm_rc_e      rc;
    tap_mem_t    m;
    jm_answer_t  a;

    tap_mem_init(&m, fail);
    memset(&a, 0xa5, sizeof(a));

    rc = jm_visual_read(&a, call, JM_TRANSPORT_WHOLE, status, body, &m.mem);

    check(rc == (tap_mem_unfailed(&m) ? JM_OK : JM_ERROR));

    if (call == JM_VISUAL_SUBMIT) {
        check_submit(&a);
        check(rc == JM_OK || a.error.cause == JM_CAUSE_OUTCOME_UNKNOWN);

    } else {
        check_query(&a, call);
        check(rc == JM_OK || a.event == JM_EVENT_TROUBLE);
    }

    tap_mem_done(&m);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned          status;
    jm_str_t          body;
    jm_visual_call_e  call;

    if (size < 2) {
        return 0;
    }

    call = JM_VISUAL_QUERY;

    if (data[0] == 's') {
        call = JM_VISUAL_SUBMIT;

    } else if (data[0] == 'r') {
        call = JM_VISUAL_RESULT;
    }

    status = statuses[data[1] % jm_nitems(statuses)];

    body.data = data + 2;
    body.len = size - 2;

    run(call, status, body, 0);
    run(call, status, body, size % 8 + 1);
    check_cut(call, body);

    return 0;
}
