
/*
 * The events of streams, byte for byte: both forms, generations and edits.
 *
 * Guards against a client's end of a stream that is none, and against an event
 * that a line break takes apart.  Seen failing with a member "error" in
 * OpenAI's form, with the place of the base64 counted from the event's start
 * and one byte further on, without "[DONE]", and with texts that are written
 * as they are.
 */


#include "tap.h"
#include "openai.h"
#include "jm_json.h"
#include "jm_stream.h"


/* how an event is written */

typedef jm_rc_e (*write_pt)(jm_buf_t *out, const jm_stream_t *s, size_t *data);


#define OPENAI  JM_STREAM_OPENAI
#define ARK     JM_STREAM_ARK

#define GENERATION(type)                                                      \
    "event: image_generation." type "\n"                                      \
    "data: {\"type\":\"image_generation." type "\","
#define EDIT(type)                                                            \
    "event: image_edit." type "\n"                                            \
    "data: {\"type\":\"image_edit." type "\","

#define COMMON  "\"model\":\"jimeng_t2i_v40\",\"created\":1735689600"
#define IGNORED "\"ignored\":[\"model\",\"width\"]"

#define BASE64  "/9j+AAQ="


/* the second of three failed */

static jm_error_t  policy;
static jm_part_t   parts[3];


static uint8_t  text[4096];


static void
init_stream(jm_stream_t *s, jm_stream_e dialect, unsigned edit)
{
    memset(s, 0, sizeof(jm_stream_t));

    s->dialect = dialect;
    s->edit = edit;
    s->created = 1735689600;
    s->model = str("jimeng_t2i_v40");
    s->look.size.width = 2304;
    s->look.size.height = 1728;
}


static jm_rc_e
write_url(jm_buf_t *out, const jm_stream_t *s, size_t *data)
{
    return jm_stream_picture(out, s, 3, str("https://h/a?b=c&d=\"e\""), data);
}


static jm_rc_e
write_data(jm_buf_t *out, const jm_stream_t *s, size_t *data)
{
    return jm_stream_picture(out, s, 0, str(""), data);
}


static jm_rc_e
write_last(jm_buf_t *out, const jm_stream_t *s, size_t *data)
{
    jm_stream_t  last;

    jm_error_set(&policy, JM_CAUSE_CONTENT_POLICY, NULL, "No \"cat\".");
    parts[1].error = &policy;

    last = *s;
    last.parts = parts;
    last.nparts = 3;
    last.look.type = JM_PICTURE_JPEG;
    last.look.quality = JM_QUALITY_LOW;

    return jm_stream_picture(out, &last, 2, str(""), data);
}


static jm_rc_e
write_failed(jm_buf_t *out, const jm_stream_t *s, size_t *data)
{
    jm_error_t  e;

    (void) data;

    jm_error_set(&e, JM_CAUSE_CONTENT_POLICY, "prompt", "No \"cat\".");
    e.upstream_code = 50412;

    return jm_stream_failed(out, s, 2, &e);
}


static jm_rc_e
write_end(jm_buf_t *out, const jm_stream_t *s, size_t *data)
{
    (void) data;

    return jm_stream_end(out, s, 4);
}


static jm_rc_e
write_error(jm_buf_t *out, const jm_stream_t *s, size_t *data)
{
    jm_error_t  e;

    (void) s;
    (void) data;

    jm_error_set(&e, JM_CAUSE_UPSTREAM, NULL, "Failed.");
    e.upstream_code = 59999;

    return jm_stream_error(out, &e, str("42"));
}


static const write_pt  writers[] = {
    write_url, write_data, write_last, write_failed, write_end, write_error
};


/* compares an event with what it should be */

static void
is_event(write_pt write, const jm_stream_t *s, const char *expected,
    const char *what)
{
    size_t    data;
    jm_rc_e   rc;
    jm_buf_t  b;

    jm_buf_fixed(&b, text, sizeof(text));

    rc = write(&b, s, &data);

    is_str(jm_buf_view(&b), expected, "%s: %s%s", what,
           s->dialect == ARK ? "Ark's" : "OpenAI's",
           s->edit ? ", of an edit" : "");
    is_int(rc, JM_OK, "JM_OK");
}


static void
test_openai(void)
{
    jm_stream_t  s;

    init_stream(&s, OPENAI, 0);

    is_event(write_url, &s,
             GENERATION("completed") "\"created_at\":1735689600,"
             LOOK("png", "high", "2304x1728") "," USAGE("1") ","
             "\"url\":\"https://h/a?b=c&d=\\\"e\\\"\",\"b64_json\":\"\"}\n\n",
             "a picture's URL");
    is_event(write_data, &s,
             GENERATION("completed") "\"created_at\":1735689600,"
             LOOK("png", "high", "2304x1728") "," USAGE("1")
             ",\"b64_json\":\"\"}\n\n", "a picture's data");
    is_event(write_last, &s,
             GENERATION("completed") "\"created_at\":1735689600,"
             LOOK("jpeg", "low", "2304x1728") "," USAGE("1") ","
             "\"errors\":[{\"index\":1,\"code\":"
             "\"content_policy_violation\",\"message\":\"No \\\"cat\\\".\"}],"
             "\"b64_json\":\"\"}\n\n", "the last, and what failed");
    is_event(write_end, &s, "", "the end");

    s.ignored = UINT64_C(1) << 0 | UINT64_C(1) << 3;
    s.look.size.width = 0;
    s.look.size.height = 0;

    is_event(write_data, &s,
             GENERATION("completed") "\"created_at\":1735689600,"
             LOOK("png", "high", "auto") "," USAGE("1") "," IGNORED
             ",\"b64_json\":\"\"}\n\n", "ignored fields, no size");
    is_event(write_end, &s, "", "the end, with ignored fields");

    init_stream(&s, OPENAI, 1);

    is_event(write_url, &s,
             EDIT("completed") "\"created_at\":1735689600,"
             LOOK("png", "high", "2304x1728") "," USAGE("1") ","
             "\"url\":\"https://h/a?b=c&d=\\\"e\\\"\",\"b64_json\":\"\"}\n\n",
             "a picture's URL");
    is_event(write_end, &s, "", "the end");
}


static void
test_ark(void)
{
    jm_stream_t  s;

    init_stream(&s, ARK, 0);

    is_event(write_url, &s,
             GENERATION("partial_succeeded") COMMON ",\"image_index\":3,"
             "\"size\":\"2304x1728\","
             "\"url\":\"https://h/a?b=c&d=\\\"e\\\"\"}\n\n",
             "a picture's URL");
    is_event(write_data, &s,
             GENERATION("partial_succeeded") COMMON ",\"image_index\":0,"
             "\"size\":\"2304x1728\",\"b64_json\":\"\"}\n\n",
             "a picture's data");
    is_event(write_failed, &s,
             GENERATION("partial_failed") COMMON ",\"image_index\":2,"
             "\"error\":{\"code\":\"content_policy_violation\","
             "\"message\":\"No \\\"cat\\\".\"}}\n\n",
             "a picture that failed");
    is_event(write_end, &s,
             GENERATION("completed") COMMON ","
             USAGE("4") "}\n\n"
             "data: [DONE]\n\n", "the end");

    s.ignored = UINT64_C(1) << 0 | UINT64_C(1) << 3;
    s.look.size.width = 0;
    s.look.size.height = 0;
    s.look.size.area = 4194304;

    is_event(write_data, &s,
             GENERATION("partial_succeeded") COMMON ",\"image_index\":0,"
             "\"size\":\"2K\",\"b64_json\":\"\"}\n\n",
             "ignored fields are not each picture's; an area");
    is_event(write_end, &s,
             GENERATION("completed") COMMON ","
             USAGE("4") "," IGNORED "}\n\n"
             "data: [DONE]\n\n", "but the end's");

    init_stream(&s, ARK, 1);

    is_event(write_data, &s,
             EDIT("partial_succeeded") COMMON ",\"image_index\":0,"
             "\"size\":\"2304x1728\",\"b64_json\":\"\"}\n\n",
             "a picture's data");
    is_event(write_failed, &s,
             EDIT("partial_failed") COMMON ",\"image_index\":2,"
             "\"error\":{\"code\":\"content_policy_violation\","
             "\"message\":\"No \\\"cat\\\".\"}}\n\n",
             "a picture that failed");
    is_event(write_end, &s,
             EDIT("completed") COMMON ","
             USAGE("4") "}\n\n"
             "data: [DONE]\n\n", "the end");
}


static void
test_error(void)
{
    jm_buf_t     b;
    jm_error_t   e;
    jm_stream_t  s;

    init_stream(&s, OPENAI, 0);

    is_event(write_error, &s,
             "event: error\n"
             "data: {\"error\":{\"message\":\"Failed.\",\"type\":"
             "\"api_error\",\"param\":null,\"code\":\"upstream_error\","
             "\"upstream_code\":59999,\"task_id\":\"42\"},"
             "\"code\":\"upstream_error\","
             "\"message\":\"Failed.\",\"task_id\":\"42\"}\n\n",
             "an error, with its task");

    jm_error_set(&e, JM_CAUSE_INVALID_REQUEST, "n", "The \"n\" is 2.");

    jm_buf_fixed(&b, text, sizeof(text));
    is_int(jm_stream_error(&b, &e, str("")), JM_OK, "an error");
    is_str(jm_buf_view(&b),
           "event: error\n"
           "data: {\"error\":{\"message\":\"The \\\"n\\\" is 2.\",\"type\":"
           "\"invalid_request_error\",\"param\":\"n\",\"code\":"
           "\"invalid_request\"},\"code\":\"invalid_request\",\"message\":"
           "\"The \\\"n\\\" is 2.\"}\n\n", "of no task");
}


/*
 * Returns the JSON of the event that begins at text: one line of an event's
 * name, one of its data, and nothing behind.
 */

static jm_json_t *
read_event(jm_str_t event, jm_mem_t *mem)
{
    jm_str_t          line;
    jm_json_t        *root;
    const char       *why;
    const uint8_t    *end;
    jm_json_limits_t  limits;

    end = memchr(event.data, '\n', event.len);

    if (end == NULL || memcmp(event.data, "event: ", 7) != 0
        || memcmp(end, "\ndata: ", 7) != 0)
    {
        return NULL;
    }

    line.data = end + 7;
    line.len = event.len - (size_t) (line.data - event.data) - 2;

    if (memcmp(line.data + line.len, "\n\n", 2) != 0
        || memchr(line.data, '\n', line.len) != NULL
        || memchr(event.data, '\r', event.len) != NULL)
    {
        return NULL;
    }

    limits.depth = 4;
    limits.nodes = 32;

    if (jm_json_read(&root, line, &limits, mem, &why) != JM_OK) {
        return NULL;
    }

    return root;
}


/* what is put where the base64 belongs makes the event whole */

static void
test_data(void)
{
    size_t       at, before;
    unsigned     i;
    jm_buf_t     b, whole;
    jm_str_t     view, data;
    tap_mem_t    m;
    jm_json_t   *root, *node;
    jm_stream_t  s;

    for (i = 0; i < 8; i++) {
        tap_mem_init(&m, 0);
        init_stream(&s, i & 1 ? ARK : OPENAI, i >> 1 & 1);

        s.ignored = 1;
        before = 0;

        jm_buf_fixed(&b, text, sizeof(text));

        if (i & 4) {
            (void) jm_stream_comment(&b, str("id"), &(jm_standing_t) { 0 });
            (void) write_url(&b, &s, NULL);
            before = b.len;
        }

        is_int(jm_stream_picture(&b, &s, 1, str(""), &at), JM_OK,
               "data, %s%s%s", s.dialect == ARK ? "Ark's" : "OpenAI's",
               s.edit ? ", of an edit" : "",
               before ? ", behind something else" : "");

        jm_buf_init(&whole, &m.mem, 16, 4096);
        jm_buf_add(&whole, b.data + before, at - before);
        jm_buf_literal(&whole, BASE64);
        jm_buf_add(&whole, b.data + at, b.len - at);

        view = jm_buf_view(&whole);
        root = read_event(view, &m.mem);
        ok(root != NULL, "is an event of one line of JSON");

        node = jm_json_get(root, "b64_json");
        data = str("");

        if (node != NULL) {
            data = node->text;
        }

        is_str(data, BASE64, "the base64 is where it belongs");

        is_int(jm_json_get(root, "url") == NULL, 1, "there is no URL");
        is_int(jm_json_get(root, "error") == NULL, 1, "and no error");

        tap_mem_done(&m);
    }

    at = 4711;
    init_stream(&s, OPENAI, 0);
    jm_buf_fixed(&b, text, sizeof(text));

    is_int(write_url(&b, &s, &at), JM_OK, "with a URL");
    is_int((int64_t) at, 4711, "there is no place for data");
    is_int(jm_stream_picture(&b, &s, 0, str("http://h/"), NULL), JM_OK,
           "and nobody has to ask for it");
}


/* OpenAI's clients end a stream on a member "error" of any event */

static void
test_failed(void)
{
    unsigned     i;
    jm_buf_t     b;
    size_t       at;
    tap_mem_t    m;
    jm_json_t   *root, *e;
    jm_stream_t  s;

    for (i = 0; i < 2; i++) {
        tap_mem_init(&m, 0);
        init_stream(&s, ARK, i);

        jm_buf_fixed(&b, text, sizeof(text));
        (void) write_failed(&b, &s, NULL);

        root = read_event(jm_buf_view(&b), &m.mem);
        e = jm_json_get(root, "error");

        ok(jm_json_get(e, "code") != NULL && jm_json_get(e, "message") != NULL
           && jm_json_get(root, "code") == NULL, "Ark's error");

        s.dialect = OPENAI;

        jm_buf_fixed(&b, text, sizeof(text));
        (void) write_last(&b, &s, &at);

        root = read_event(jm_buf_view(&b), &m.mem);

        ok(root != NULL && jm_json_get(root, "error") == NULL
           && jm_json_get(root, "errors") != NULL, "OpenAI's no error");

        tap_mem_done(&m);
    }
}


/* line breaks end lines only where they are the stream's own */

static void
test_lines(void)
{
    jm_buf_t      b;
    tap_mem_t     m;
    jm_json_t    *root;
    jm_error_t    e;
    jm_stream_t   s;
    const char   *breaks;

    breaks = "a\nb\rc\r\n\r\ndata: [DONE]\n\n\xe2\x80\xa8\x01\xc2\x85";

    tap_mem_init(&m, 0);
    init_stream(&s, ARK, 0);
    s.model = str(breaks);

    jm_error_set(&e, JM_CAUSE_UPSTREAM, breaks, "%s", breaks);

    jm_buf_fixed(&b, text, sizeof(text));
    is_int(jm_stream_picture(&b, &s, 0, str(breaks), NULL), JM_OK, "a URL");
    root = read_event(jm_buf_view(&b), &m.mem);

    if (ok(root != NULL, "with line breaks is one line")) {
        is_str(jm_json_get(root, "url")->text, breaks, "none is lost");
        is_str(jm_json_get(root, "model")->text, breaks, "as of the model");
    }

    jm_buf_fixed(&b, text, sizeof(text));
    is_int(jm_stream_failed(&b, &s, 0, &e), JM_OK, "a message");
    root = read_event(jm_buf_view(&b), &m.mem);

    if (ok(root != NULL, "with line breaks is one line")) {
        is_str(jm_json_get(jm_json_get(root, "error"), "message")->text,
               breaks, "none is lost");
    }

    jm_buf_fixed(&b, text, sizeof(text));
    is_int(jm_stream_error(&b, &e, str(breaks)), JM_OK, "an error");
    root = read_event(jm_buf_view(&b), &m.mem);

    if (ok(root != NULL, "with line breaks is one line")) {
        is_str(jm_json_get(root, "message")->text, breaks,
               "none is lost");
        is_str(jm_json_get(root, "task_id")->text, breaks, "as of the task");
        is_str(jm_json_get(jm_json_get(root, "error"), "param")->text, breaks,
               "as of the param");
    }

    tap_mem_done(&m);

}


/* a comment is one line, without a blank one, and has JSON for who looks */

static void
test_comment(void)
{
    jm_buf_t       b;
    jm_standing_t  standing = { JM_STATUS_PENDING, 3, 12, 40 };

    jm_buf_fixed(&b, text, sizeof(text));
    is_int(jm_stream_comment(&b, str("id"), &standing), JM_OK, "a comment");
    is_str(jm_buf_view(&b),
           ": {\"task_id\":\"id\",\"task_status\":\"pending\","
           "\"position\":3,\"of\":12,\"eta\":40}\n", "of one that waits");

    standing.eta = 0;
    jm_buf_fixed(&b, text, sizeof(text));
    (void) jm_stream_comment(&b, str("\n\n"), &standing);
    is_str(jm_buf_view(&b),
           ": {\"task_id\":\"\\n\\n\",\"task_status\":\"pending\","
           "\"position\":3,\"of\":12}\n", "of one whose time is not known");

    standing.status = JM_STATUS_RUNNING;
    standing.position = 0;
    jm_buf_fixed(&b, text, sizeof(text));
    (void) jm_stream_comment(&b, str(""), &standing);
    is_str(jm_buf_view(&b), ": {\"task_status\":\"running\"}\n",
           "of one that runs");

    jm_buf_fixed(&b, text, 10);
    is_int(jm_stream_comment(&b, str(""), &standing), JM_ERROR,
           "there is no room for it");
}


/* an event that does not fit is an error, and nothing follows it */

static void
test_caps(void)
{
    size_t       i, k, len, at;
    jm_buf_t     b;
    unsigned     good;
    tap_mem_t    m;
    jm_stream_t  s;

    init_stream(&s, ARK, 1);
    s.ignored = 1;

    for (k = 0; k < jm_nitems(writers); k++) {
        jm_buf_fixed(&b, text, sizeof(text));
        (void) writers[k](&b, &s, &at);

        len = b.len;
        good = 1;

        for (i = 0; i < len; i++) {
            tap_mem_init(&m, 0);
            jm_buf_init(&b, &m.mem, 16, i);

            good = good && writers[k](&b, &s, &at) == JM_ERROR && b.len <= i
                   && write_end(&b, &s, &at) == JM_ERROR && b.len <= i;

            tap_mem_done(&m);
        }

        ok(good && len > 64, "%zu bytes do not fit under a lower cap", len);

        tap_mem_init(&m, 0);
        jm_buf_init(&b, &m.mem, 16, len);

        is_int(writers[k](&b, &s, &at), JM_OK, "they fit under their own");
        is_int((int64_t) b.len, (int64_t) len, "to the last");

        s.dialect = OPENAI;
        is_int(write_end(&b, &s, &at), JM_OK, "with nothing behind it");

        s.dialect = ARK;
        is_int(write_end(&b, &s, &at), JM_ERROR, "where nothing else fits");

        s.dialect = OPENAI;
        is_int(write_end(&b, &s, &at), JM_ERROR, "an error stays");

        s.dialect = ARK;
        tap_mem_done(&m);
    }
}


static void
test_memory(void)
{
    size_t       k, n, at;
    jm_rc_e      rc;
    unsigned     good;
    jm_buf_t     b;
    tap_mem_t    m;
    jm_stream_t  s;

    init_stream(&s, ARK, 0);

    for (k = 0; k < jm_nitems(writers); k++) {
        good = 1;

        for (n = 1; /* void */; n++) {
            tap_mem_init(&m, n);
            jm_buf_init(&b, &m.mem, 16, 4096);

            rc = writers[k](&b, &s, &at);

            if (tap_mem_unfailed(&m)) {
                tap_mem_done(&m);
                break;
            }

            good = good && rc == JM_ERROR;
            tap_mem_done(&m);
        }

        ok(good && n > 3 && rc == JM_OK, "each of %zu allocations fails",
           n - 1);
    }
}


int
main(void)
{
    test_openai();
    test_ark();
    test_error();
    test_data();
    test_failed();
    test_lines();
    test_comment();
    test_caps();
    test_memory();

    return done_testing();
}
