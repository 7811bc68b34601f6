
/*
 * An answer of Ark's: 'a' for a whole one, then a digit for the HTTP status and
 * the body; or 'e' for a stream.  Whatever it is, what comes of it keeps its
 * promises: what is sent again was refused with a 429, and by no 5xx; pictures
 * are links, in the order of their numbers, each known once; a body that has
 * lost its last byte is never taken for an answer.  A stream is the same in any
 * pieces, and one that lost its end has no more pictures, and never fewer than
 * it had.
 *
 * Seen failing with a 500 taken for load, with the numbers of pictures not
 * looked at for being there already, with pictures left in the order in which
 * they came, and with what came of a value in an earlier piece lost.
 */


#include "fuzz.h"
#include "jm_ark.h"
#include "jm_ark_events.h"


#define EVENTS  64


typedef struct {
    size_t           n;
    jm_ark_event_e   events[EVENTS];
    size_t           lens[EVENTS];
    unsigned         hash;
} heard_t;


static const unsigned  statuses[] = {
    200, 400, 401, 403, 404, 429, 500, 503, 408, 302
};


static void
check_pictures(const jm_answer_t *a)
{
    size_t  i, k;

    check(a->nurls + a->nerrors <= JM_ARK_PICTURES);

    for (i = 0; i < a->nurls; i++) {
        check(a->urls[i].len > 7 && memcmp(a->urls[i].data, "http", 4) == 0);
        check(a->sizes[i].len <= 11);
        check(a->indexes[i] < JM_ARK_PICTURES);
        check(i == 0 || a->indexes[i] > a->indexes[i - 1]);
    }

    for (i = 0; i < a->nerrors; i++) {
        check(a->errors[i].error.cause > JM_CAUSE_NONE
              && a->errors[i].error.cause < JM_CAUSE_LAST
              && a->errors[i].error.cause != JM_CAUSE_UPSTREAM_AUTH);
        check(a->errors[i].error.message[0] != '\0');

        for (k = 0; k < a->nurls; k++) {
            check(a->errors[i].index != a->indexes[k]);
        }

        for (k = 0; k < i; k++) {
            check(a->errors[i].index != a->errors[k].index);
        }
    }
}


static void
check_answer(const jm_answer_t *a, unsigned status)
{
    check_pictures(a);

    switch (a->event) {

    case JM_EVENT_DONE:
        check(a->nurls != 0 && a->error.cause == JM_CAUSE_NONE);
        check(status == 200);
        break;

    case JM_EVENT_BUSY:
        check(status == 429 && a->nurls == 0);
        break;

    default:
        check(a->event == JM_EVENT_FAILED && a->nurls == 0);
        check(a->error.cause > JM_CAUSE_NONE
              && a->error.cause < JM_CAUSE_LAST);
        check(a->error.message[0] != '\0');

        if (status >= 500 || status == 302 || status == 408) {
            check(a->error.cause == JM_CAUSE_OUTCOME_UNKNOWN);
        }

        if (a->error.cause == JM_CAUSE_OUTCOME_UNKNOWN) {
            check(a->error.no_retry && status != 429);
        }
    }
}


static void
run_answer(unsigned status, jm_str_t body, size_t fail)
{
    jm_rc_e      rc;
    tap_mem_t    m;
    jm_answer_t  a;

    tap_mem_init(&m, fail);
    memset(&a, 0xa5, sizeof(a));

    rc = jm_ark_read(&a, JM_TRANSPORT_WHOLE, status, body, &m.mem);

    check(rc == (tap_mem_unfailed(&m) ? JM_OK : JM_ERROR));

    if (rc == JM_OK) {
        check_answer(&a, status);

    } else {
        check(a.event == JM_EVENT_FAILED && a.nurls == 0 && a.nerrors == 0
              && a.error.cause == JM_CAUSE_OUTCOME_UNKNOWN);
    }

    tap_mem_done(&m);
}


/* an object that is not whole is none */

static void
check_cut(jm_str_t body)
{
    tap_mem_t    m;
    jm_answer_t  a;

    if (body.len < 2 || body.data[body.len - 1] != '}'
        || body.data[0] != '{')
    {
        return;
    }

    tap_mem_init(&m, 0);

    (void) jm_ark_read(&a, JM_TRANSPORT_WHOLE, 200, body, &m.mem);

    if (a.event == JM_EVENT_DONE) {
        body.len--;
        (void) jm_ark_read(&a, JM_TRANSPORT_WHOLE, 200, body, &m.mem);
        check(a.error.cause == JM_CAUSE_OUTCOME_UNKNOWN && a.error.no_retry);
    }

    tap_mem_done(&m);
}


static jm_rc_e
hear(void *ctx, jm_ark_event_e event, jm_str_t json)
{
    size_t    i;
    heard_t  *h = ctx;

    check(json.len <= JM_ARK_EVENT_MAX);

    if (h->n < EVENTS) {
        h->events[h->n] = event;
        h->lens[h->n] = json.len;
    }

    h->n++;

    for (i = 0; i < json.len; i++) {
        h->hash = h->hash * 33 + json.data[i];
    }

    return JM_OK;
}


/* in pieces of at most so many bytes, each in memory of its own */

static jm_rc_e
read_events(jm_ark_events_t *s, jm_str_t text, size_t most)
{
    size_t    at, seed;
    jm_rc_e   rc;
    jm_str_t  piece;

    rc = JM_OK;
    seed = most;

    for (at = 0; at < text.len; at += piece.len) {
        seed = seed * 1103515245 + 12345;
        piece.len = (most == 0) ? text.len : (seed >> 16) % most + 1;
        piece.len = jm_min(piece.len, text.len - at);
        piece.data = text.data + at;

        piece = exact(piece);
        rc = jm_ark_events_add(s, piece);
        exact_done(piece);
    }

    return rc;
}


static jm_rc_e
listen(heard_t *h, jm_str_t text, size_t most)
{
    jm_rc_e          rc;
    tap_mem_t        m;
    jm_ark_events_t  s;

    tap_mem_init(&m, 0);
    memset(h, 0, sizeof(heard_t));

    jm_ark_events_init(&s, hear, h, &m.mem);
    rc = read_events(&s, text, most);

    tap_mem_done(&m);

    return rc;
}


static void
gather(jm_answer_t *a, jm_str_t text, size_t most, tap_mem_t *m)
{
    tap_mem_t        own;
    jm_ark_events_t  s;
    jm_ark_gather_t  g;

    tap_mem_init(&own, 0);
    memset(a, 0xa5, sizeof(jm_answer_t));

    jm_ark_gather_init(&g, a, &m->mem);
    jm_ark_events_init(&s, jm_ark_gather, &g, &own.mem);

    (void) read_events(&s, text, most);
    tap_mem_done(&own);

    jm_ark_gather_end(&g);

    check_answer(a, 200);
    check(!a->cut || a->event == JM_EVENT_DONE);
}


static void
run_events(jm_str_t text, size_t hash)
{
    size_t       n;
    heard_t      whole, pieces;
    tap_mem_t    m;
    jm_answer_t  a;

    n = listen(&whole, text, 0) == JM_OK;
    check(n == (listen(&pieces, text, 1) == JM_OK));
    check(memcmp(&whole, &pieces, sizeof(heard_t)) == 0);

    (void) listen(&pieces, text, 2 + hash % 61);
    check(memcmp(&whole, &pieces, sizeof(heard_t)) == 0);

    tap_mem_init(&m, 0);
    gather(&a, text, 1 + hash % 61, &m);
    n = a.nurls;

    /* what came before an end that was lost is what there is then */

    text.len = text.len == 0 ? 0 : hash % text.len;
    gather(&a, text, 0, &m);
    check(a.nurls <= n);

    tap_mem_done(&m);

    tap_mem_init(&m, 1 + hash % 8);
    gather(&a, text, 0, &m);
    check(a.nurls <= n);
    tap_mem_done(&m);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t    i, hash;
    jm_str_t  body;

    for (i = 0, hash = 5381; i < size; i++) {
        hash = hash * 33 + data[i];
    }

    if (size < 1 || (data[0] != 'a' && data[0] != 'e')) {
        return 0;
    }

    if (data[0] == 'e') {
        body.data = data + 1;
        body.len = size - 1;
        run_events(body, hash);
        return 0;
    }

    if (size < 2 || data[1] < '0' || data[1] > '9') {
        return 0;
    }

    body.data = data + 2;
    body.len = size - 2;
    body = exact(body);

    run_answer(statuses[data[1] - '0'], body, 0);
    run_answer(statuses[data[1] - '0'], body, 1 + hash % 16);
    check_cut(body);

    exact_done(body);

    return 0;
}
