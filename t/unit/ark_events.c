
/*
 * Ark's streams: events in any pieces, and the answer that they make, whole or
 * broken off after any of its bytes.
 *
 * Guards against pictures that were paid and are lost with the rest of the
 * stream; seen failing with an answer that broke off taken for a lost one, and
 * with one that has no "completed" taken for whole.
 */


#include "tap.h"
#include "jm_ark_events.h"


#define T        "image_generation."
#define event(name, rest)                                                     \
    "event: " T name "\ndata: {\"type\":\"" T name "\"" rest "}\n\n"
#define picture(i)                                                            \
    event("partial_succeeded", ",\"image_index\":" i ",\"url\":\"https://h/"  \
          i "\",\"size\":\"2048x1024\"")
#define unmade(i)                                                             \
    event("partial_failed", ",\"image_index\":" i ",\"error\":{\"code\":"     \
          "\"OutputImageSensitiveContentDetected\",\"message\":\"m\"}")
#define COMPLETED                                                             \
    event("completed", ",\"usage\":{\"generated_images\":2,"                  \
          "\"output_tokens\":8,\"total_tokens\":9}")
#define DONE     "data: [DONE]\n\n"

#define GROUP    picture("0") unmade("2") picture("1") COMPLETED DONE


typedef struct {
    size_t           n;
    jm_rc_e          rc;            /* of the next event */
    jm_ark_event_e   events[16];
    size_t           lens[16];
    char             text[4096];
    size_t           len;
} heard_t;


static jm_rc_e
hear(void *ctx, jm_ark_event_e event, jm_str_t json)
{
    heard_t  *h = ctx;

    if (h->n < jm_nitems(h->events)) {
        h->events[h->n] = event;
        h->lens[h->n++] = json.len;
    }

    if (json.len + h->len < sizeof(h->text)) {
        memcpy(h->text + h->len, json.data, json.len);
        h->len += json.len;
        h->text[h->len] = '\0';
    }

    return h->rc;
}


/* in pieces of so many bytes */

static jm_rc_e
listen(heard_t *h, jm_str_t text, size_t most)
{
    size_t            at;
    jm_rc_e           rc;
    jm_str_t          piece;
    tap_mem_t         m;
    jm_ark_events_t   s;

    tap_mem_init(&m, 0);
    memset(h, 0, sizeof(heard_t));

    rc = JM_OK;
    jm_ark_events_init(&s, hear, h, &m.mem);

    for (at = 0; at < text.len; at += piece.len) {
        piece.len = jm_min(most, text.len - at);
        piece.data = text.data + at;

        piece = exact(piece);
        rc = jm_ark_events_add(&s, piece);
        exact_done(piece);
    }

    tap_mem_done(&m);

    return rc;
}


static void
test_events(void)
{
    size_t   most;
    heard_t  h;

    for (most = 1; most < 40; most += 3) {
        ok(listen(&h, str(GROUP), most) == JM_OK && h.n == 5
           && h.events[0] == JM_ARK_EVENT_SUCCEEDED
           && h.events[1] == JM_ARK_EVENT_FAILED
           && h.events[2] == JM_ARK_EVENT_SUCCEEDED
           && h.events[3] == JM_ARK_EVENT_COMPLETED
           && h.events[4] == JM_ARK_EVENT_DONE,
           "events in pieces of %zu", most);
    }

    for (most = 1; most < 4; most++) {
        (void) listen(&h, str(": x\r\rdata:a\r\rdata:  b\r\ndata\r\ndata: c\r\n"
                              "id: 1\r\n\r\n\n\nevent: error\ndata:{}\n\n"
                              "event: error\n\ndata: d\n"), most);
        ok(h.n == 3 && strcmp(h.text, "a b\nc{}") == 0
           && h.events[0] == JM_ARK_EVENT_OTHER
           && h.events[2] == JM_ARK_EVENT_ERROR,
           "ends of lines, comments and what has no data: %s", h.text);
    }

    (void) listen(&h, str("data: {\"type\":\"" T "completed\"}\n\n"
                          "data: {\"error\":{\"code\":\"x\"}}\n\n"
                          "data: {\"type\":\"new\"}\n\n"
                          "data: x\n\n"
                          "event: " T "partial_image\ndata: {}\n\n"
                          "event: new\ndata: {\"type\":\"" T "completed\"}\n\n"
                          ), 1000);
    ok(h.n == 6 && h.events[0] == JM_ARK_EVENT_COMPLETED
       && h.events[1] == JM_ARK_EVENT_ERROR
       && h.events[2] == JM_ARK_EVENT_OTHER
       && h.events[3] == JM_ARK_EVENT_OTHER
       && h.events[4] == JM_ARK_EVENT_PARTIAL_IMAGE
       && h.events[5] == JM_ARK_EVENT_OTHER, "names, and types without one");
}


/* an event with len bytes of data, and one behind it */

static jm_rc_e
long_event(heard_t *h, const char *front, size_t len)
{
    jm_rc_e    rc;
    jm_buf_t   b;
    uint8_t   *p;
    tap_mem_t  m;

    tap_mem_init(&m, 0);
    jm_buf_init(&b, &m.mem, 1024, 4 * JM_ARK_EVENT_MAX);
    jm_buf_add(&b, front, strlen(front));
    jm_buf_literal(&b, "data: ");

    p = jm_buf_take(&b, len);
    memset(p, 'x', len);

    jm_buf_literal(&b, "\n\n" DONE);

    rc = listen(h, jm_buf_view(&b), 1000);
    tap_mem_done(&m);

    return rc;
}


static void
test_long(void)
{
    size_t             i, calls;
    jm_buf_t           b;
    heard_t            h;
    tap_mem_t          m;
    jm_ark_events_t    s;

    is_int(long_event(&h, "event: new\n", JM_ARK_EVENT_MAX), JM_OK,
           "as long as can be");
    ok(h.n == 2 && h.lens[0] == JM_ARK_EVENT_MAX, "is heard");

    is_int(long_event(&h, "event: new\n", JM_ARK_EVENT_MAX + 1), JM_INVALID,
           "longer than that");
    is_int((int64_t) h.n, 0, "nothing is heard then");

    is_int(long_event(&h, "", JM_ARK_EVENT_MAX + 1), JM_INVALID, "no name");

    is_int(long_event(&h, "event: " T "partial_image\n",
                      3 * JM_ARK_EVENT_MAX), JM_OK, "a picture in between");
    ok(h.n == 2 && h.events[0] == JM_ARK_EVENT_PARTIAL_IMAGE
       && h.lens[0] == 0 && h.events[1] == JM_ARK_EVENT_DONE,
       "is left out, and the next is heard");

    tap_mem_init(&m, 0);
    jm_buf_init(&b, &m.mem, 1024, 65536);

    for (i = 0; i < JM_ARK_EVENTS; i++) {
        jm_buf_literal(&b, "data: {}\n\n");
    }

    is_int(listen(&h, jm_buf_view(&b), 100), JM_OK, "many without a name");
    jm_buf_literal(&b, "data: {}\n\n");
    is_int(listen(&h, jm_buf_view(&b), 100), JM_INVALID, "too many");
    tap_mem_done(&m);

    /* what the handler says, and memory */

    tap_mem_init(&m, 0);
    memset(&h, 0, sizeof(h));
    h.rc = JM_INVALID;
    jm_ark_events_init(&s, hear, &h, &m.mem);
    is_int(jm_ark_events_add(&s, str(GROUP)), JM_INVALID, "the handler's no");
    is_int(jm_ark_events_add(&s, str(GROUP)), JM_INVALID, "for good");
    is_int((int64_t) h.n, 1, "is asked once");
    tap_mem_done(&m);

    for (calls = 1; /* void */; calls++) {
        tap_mem_init(&m, calls);
        memset(&h, 0, sizeof(h));
        jm_ark_events_init(&s, hear, &h, &m.mem);

        if (jm_ark_events_add(&s, str("data: {}\n\n" GROUP)) == JM_OK) {
            tap_mem_done(&m);
            break;
        }

        is_int(s.rc, JM_ERROR, "without allocation %zu", calls);
        tap_mem_done(&m);
    }

    ok(calls > 2 && h.n == 6, "enough memory");
}


/* the answer that a stream makes; the events' memory is not the answer's */

static jm_rc_e
gather(jm_answer_t *a, jm_str_t text, tap_mem_t *m)
{
    jm_rc_e           rc;
    tap_mem_t         own;
    jm_ark_events_t   s;
    jm_ark_gather_t   g;

    tap_mem_init(&own, 0);
    memset(a, 0xa5, sizeof(jm_answer_t));

    jm_ark_gather_init(&g, a, &m->mem);
    jm_ark_events_init(&s, jm_ark_gather, &g, &own.mem);

    rc = jm_ark_events_add(&s, text);
    tap_mem_done(&own);

    jm_ark_gather_end(&g);

    return rc;
}


static void
test_gather(void)
{
    tap_mem_t    m;
    jm_answer_t  a;

    tap_mem_init(&m, 0);

    is_int(gather(&a, str(picture("1") unmade("2") picture("0") COMPLETED
                          DONE), &m), JM_OK, "a group");
    ok(a.event == JM_EVENT_DONE && !a.cut && a.nurls == 2, "is done");
    is_str(a.urls[0], "https://h/0", "in their order");
    is_str(a.urls[1], "https://h/1", "both");
    is_str(a.sizes[1], "2048x1024", "their size");
    ok(a.indexes[0] == 0 && a.indexes[1] == 1, "their numbers");
    ok(a.nerrors == 1 && a.errors[0].index == 2
       && a.errors[0].error.cause == JM_CAUSE_CONTENT_POLICY, "the third");
    ok(a.output_tokens == 8 && a.total_tokens == 9, "tokens");
    tap_mem_done(&m);

    (void) gather(&a, str(picture("0") picture("0") COMPLETED picture("5")
                          DONE), &m);
    ok(a.nurls == 1 && a.cut, "a picture twice is one, of two that were made");
    tap_mem_done(&m);

    (void) gather(&a, str(unmade("0") unmade("1")
                          event("completed", ",\"usage\":{}") DONE), &m);
    ok(a.event == JM_EVENT_FAILED && !a.error.no_retry
       && a.error.cause == JM_CAUSE_CONTENT_POLICY, "all failed");
    is_str(a.code, "OutputImageSensitiveContentDetected", "the first's code");
    tap_mem_done(&m);

    (void) gather(&a, str("event: error\ndata: {\"error\":{\"code\":"
                          "\"InputTextRiskDetection\",\"message\":\"m\"}}\n\n"),
                  &m);
    ok(a.event == JM_EVENT_FAILED && a.error.cause == JM_CAUSE_CONTENT_POLICY,
       "an error, and nothing before it");
    is_str(a.message, "m", "its message");
    tap_mem_done(&m);

    (void) gather(&a, str("event: error\ndata: {\"error\":{\"code\":"
                          "\"InternalServiceError\",\"message\":\"m\"}}\n\n"),
                  &m);
    ok(a.event == JM_EVENT_FAILED && a.error.no_retry
       && a.error.cause == JM_CAUSE_OUTCOME_UNKNOWN, "one that tells nothing");
    tap_mem_done(&m);

    (void) gather(&a, str(unmade("1") picture("0") "event: error\ndata: "
                          "{\"error\":{\"code\":\"OutputImageRiskDetection\"}}"
                          "\n\n"), &m);
    ok(a.event == JM_EVENT_DONE && a.cut && a.nurls == 1 && a.nerrors == 2
       && a.errors[1].index == 2
       && a.errors[1].error.cause == JM_CAUSE_CONTENT_POLICY,
       "one behind a picture is the next one's");
    tap_mem_done(&m);

    (void) gather(&a, str(unmade("0") "event: error\ndata: {\"error\":{"
                          "\"code\":\"InputTextRiskDetection\"}}\n\n"), &m);
    is_int(a.error.cause, JM_CAUSE_OUTCOME_UNKNOWN, "one behind a failure");
    tap_mem_done(&m);

    is_int(gather(&a, str(event("partial_succeeded", ",\"url\":\"http://h/\"")),
                  &m), JM_INVALID, "a picture without a number");
    is_int(a.error.cause, JM_CAUSE_OUTCOME_UNKNOWN, "who knows");
    tap_mem_done(&m);

    is_int(gather(&a, str(picture("0") "event: " T "completed\ndata: {\n\n"),
                  &m), JM_INVALID, "an event that is no JSON");
    ok(a.event == JM_EVENT_DONE && a.cut && a.nurls == 1, "as cut there");
    tap_mem_done(&m);

    (void) gather(&a, str(DONE), &m);
    is_int(a.error.cause, JM_CAUSE_OUTCOME_UNKNOWN, "an end of nothing");
    tap_mem_done(&m);
}


/* cut behind any byte: what came is there, and nothing is sent again */

static void
test_cut(void)
{
    size_t       len, bad, whole;
    jm_str_t     text;
    tap_mem_t    m;
    jm_answer_t  a;

    bad = 0;
    whole = strlen(picture("0") unmade("2") picture("1") COMPLETED);
    text = str(GROUP);

    for (len = 0; len <= strlen(GROUP); len++) {
        text.len = len;

        tap_mem_init(&m, 0);
        (void) gather(&a, text, &m);

        if (len < strlen(picture("0"))) {
            bad += a.event != JM_EVENT_FAILED || !a.error.no_retry
                   || a.error.cause != JM_CAUSE_OUTCOME_UNKNOWN;

        } else {
            bad += a.event != JM_EVENT_DONE || a.cut != (len < whole)
                   || a.nurls < 1;
        }

        tap_mem_done(&m);
    }

    is_int((int64_t) bad, 0, "cut anywhere");
}


static void
test_memory(void)
{
    size_t       fail;
    jm_rc_e      rc;
    tap_mem_t    m;
    jm_answer_t  a;

    for (fail = 1; /* void */; fail++) {
        tap_mem_init(&m, fail);

        rc = gather(&a, str(GROUP), &m);

        if (tap_mem_unfailed(&m)) {
            ok(rc == JM_OK && !a.cut, "enough memory");
            tap_mem_done(&m);
            return;
        }

        ok(rc == JM_ERROR
           && (a.nurls != 0 ? a.event == JM_EVENT_DONE && a.cut
                            : a.error.cause == JM_CAUSE_OUTCOME_UNKNOWN),
           "without allocation %zu", fail);
        tap_mem_done(&m);
    }
}


int
main(void)
{
    test_events();
    test_long();
    test_gather();
    test_cut();
    test_memory();

    return done_testing();
}
