
/*
 * Replies and streams of whatever the input says: a byte for each choice, and
 * for each text its length before it.  A reply is whole JSON with what was put
 * into it, with URLs as with the pictures that are put at its offset; a stream
 * has the events that were written, each of one line of whole JSON that is
 * named like it (WHATWG HTML, "Interpreting an event stream").
 *
 * Texts that are not UTF-8 come out as they are: what is left, with an "x"
 * for each byte that is not ASCII, must be sound all the same.
 *
 * Seen failing with texts that are written as they are, with the place of the
 * base64 one byte further on, and with the error of a buffer lost.
 */


#include "tap.h"
#include "jm_json.h"
#include "jm_stream.h"
#include "jm_text.h"


#define PARTS   4
#define URLS    3
#define EVENTS  32

#define BASE64  "/9j+AAQ="

#define check(x)                                                              \
    do {                                                                      \
        if (!(x)) {                                                           \
            fprintf(stderr, "%s:%d: BUG: %s\n", __FILE__, __LINE__, #x);      \
            abort();                                                          \
        }                                                                     \
    } while (0)


/* what the input says */

typedef struct {
    const uint8_t   *data;
    size_t           size;
    size_t           fail;          /* the allocation that does, or 0 */
    unsigned         base64;        /* pictures are data */
    jm_stream_e      dialect;
    unsigned         edit;
    size_t           made;          /* and billed */
    size_t           had;           /* and not lost */
    jm_result_t      result;
    jm_part_t        parts[PARTS];
    jm_str_t         urls[PARTS][URLS];
    jm_error_t       errors[PARTS];
    char             param[256];
} world_t;


/* an event as a client has it */

typedef struct {
    jm_str_t         name;
    jm_str_t         data;
    unsigned         lines;         /* of data */
} event_t;

typedef struct {
    size_t           n;
    event_t          events[EVENTS];
} events_t;


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static const jm_json_limits_t  limits = { 8, 256 };


static unsigned
choose(world_t *w, unsigned n)
{
    if (w->size == 0) {
        return 0;
    }

    w->size--;

    return *w->data++ % n;
}


static jm_str_t
take(world_t *w)
{
    jm_str_t  s;

    s.len = choose(w, 256);
    s.len = jm_min(s.len, w->size);
    s.data = w->data;

    w->data += s.len;
    w->size -= s.len;

    return s;
}


static void
take_error(world_t *w, jm_error_t *e)
{
    jm_str_t    s;
    jm_cause_e  cause;

    cause = 1 + choose(w, JM_CAUSE_LAST - 1);
    s = take(w);

    jm_error_set(e, cause, choose(w, 2) ? w->param : NULL, "%.*s",
                 (int) s.len, (const char *) s.data);

    e->upstream_code = choose(w, 2) ? 50411 : 0;
}


static void
take_world(world_t *w, const uint8_t *data, size_t size)
{
    size_t      i, j;
    jm_str_t    s;
    jm_part_t  *part;

    memset(w, 0, sizeof(world_t));

    w->data = data;
    w->size = size;

    w->fail = choose(w, 16);
    w->base64 = choose(w, 2);
    w->dialect = choose(w, 2) ? JM_STREAM_ARK : JM_STREAM_OPENAI;
    w->edit = choose(w, 2);

    w->result.created = choose(w, 256);
    w->result.max_images = choose(w, 4);
    w->result.ignored = choose(w, 2) ? choose(w, 256) : 0;
    w->result.size.width = choose(w, 256);
    w->result.size.height = w->result.size.width * 2;
    w->result.model = take(w);
    w->result.task_id = take(w);

    s = take(w);

    if (s.len != 0) {
        memcpy(w->param, s.data, s.len);
    }

    w->result.parts = w->parts;
    w->result.nparts = choose(w, PARTS + 1);

    for (i = 0; i < w->result.nparts; i++) {
        part = &w->parts[i];
        part->urls = w->urls[i];
        part->nurls = choose(w, URLS + 1);

        for (j = 0; j < part->nurls; j++) {
            w->urls[i][j] = take(w);
        }

        if (choose(w, 2)) {
            take_error(w, &w->errors[i]);
            part->error = &w->errors[i];
        }

        w->made += part->nurls;
        w->had += part->error == NULL ? part->nurls : 0;
    }
}


/* a text as it is, or with an "x" for each byte that is not ASCII */

static jm_str_t
mask(jm_str_t s, unsigned masked, jm_mem_t *mem)
{
    size_t    i;
    uint8_t  *copy;

    if (!masked) {
        return s;
    }

    copy = mem->alloc(mem->ctx, s.len + 1);

    for (i = 0; i < s.len; i++) {
        copy[i] = s.data[i] < 0x80 ? s.data[i] : 'x';
    }

    s.data = copy;

    return s;
}


/* Returns the JSON of text, and whether it had to be masked. */

static jm_json_t *
read_whole(jm_str_t text, unsigned *masked, jm_mem_t *mem)
{
    size_t       n;
    jm_json_t   *root;
    const char  *why;

    *masked = jm_utf8_length(text, &n) != JM_OK;

    check(jm_json_read(&root, mask(text, *masked, mem), &limits, mem, &why)
          == JM_OK);
    check(root->type == JM_JSON_OBJECT);

    return root;
}


static void
check_text(const jm_json_t *node, jm_str_t expected, unsigned masked,
    jm_mem_t *mem)
{
    check(node != NULL && node->type == JM_JSON_STRING);

    expected = mask(expected, masked, mem);

    check(node->text.len == expected.len
          && (expected.len == 0
              || memcmp(node->text.data, expected.data, expected.len) == 0));
}


static void
check_int(const jm_json_t *object, const char *name, size_t expected)
{
    int64_t           value;
    const jm_json_t  *node;

    node = jm_json_get(object, name);

    check(node != NULL && jm_decimal(node->text, 0, &value, NULL) == JM_OK);
    check(value == (int64_t) expected);
}


/* "code" and "message" of an error */

static void
check_why(const jm_json_t *object, const jm_error_t *e, unsigned masked,
    jm_mem_t *mem)
{
    check_text(jm_json_get(object, "code"), str(jm_cause(e->cause)->code),
               masked, mem);
    check_text(jm_json_get(object, "message"), str(e->message), masked, mem);
}


static void
check_errors(const world_t *w, const jm_json_t *root, unsigned masked,
    jm_mem_t *mem)
{
    size_t            i;
    const jm_json_t  *list, *node;

    list = jm_json_get(root, "errors");
    node = list == NULL ? NULL : list->child;

    for (i = 0; i < w->result.nparts; i++) {

        if (w->parts[i].error == NULL) {
            continue;
        }

        check(node != NULL);
        check_int(node, "index", i);
        check_why(node, w->parts[i].error, masked, mem);

        node = node->next;
    }

    check(node == NULL);
}


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
    check((jm_json_get(root, "ignored") != NULL) == (w->result.ignored != 0));

    check_int(jm_json_get(root, "usage"), "generated_images", w->made);

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


/* a line of a stream; returns whether it ended an event, which is *e then */

static unsigned
read_line(event_t *e, jm_str_t line)
{
    if (line.len == 0) {
        return e->lines != 0;
    }

    if (line.data[0] == ':') {
        return 0;
    }

    if (line.len > 6 && memcmp(line.data, "data: ", 6) == 0) {
        e->data.data = line.data + 6;
        e->data.len = line.len - 6;
        e->lines++;

        return 0;
    }

    check(line.len > 7 && memcmp(line.data, "event: ", 7) == 0);

    e->name.data = line.data + 7;
    e->name.len = line.len - 7;

    return 0;
}


/* lines end with CR, LF, or both; what has no blank line behind it is lost */

static void
read_events(events_t *list, jm_str_t text)
{
    event_t   e;
    jm_str_t  line;

    memset(&e, 0, sizeof(event_t));
    list->n = 0;

    while (text.len != 0) {
        line.data = text.data;
        line.len = 0;

        while (line.len < text.len && line.data[line.len] != '\n'
               && line.data[line.len] != '\r')
        {
            line.len++;
        }

        check(line.len < text.len && line.data[line.len] == '\n');

        text.data += line.len + 1;
        text.len -= line.len + 1;

        if (read_line(&e, line)) {
            check(list->n < EVENTS && e.lines == 1);
            list->events[list->n++] = e;
            memset(&e, 0, sizeof(event_t));
        }
    }

    check(e.lines == 0 && e.name.len == 0);
}


/* appends what was added to from after before, with the base64 in its place */

static void
add_data(jm_buf_t *whole, const jm_buf_t *from, size_t before, size_t at)
{
    check(at > before && at < from->len
          && memcmp(from->data + at - 1, "\"\"", 2) == 0);

    jm_buf_add(whole, from->data + before, at - before);
    jm_buf_literal(whole, BASE64);
    jm_buf_add(whole, from->data + at, from->len - at);
}


/* writes the stream, and it once more with the pictures in it to whole */

static jm_rc_e
write_stream(const world_t *w, const jm_stream_t *s, jm_buf_t *out,
    jm_buf_t *whole)
{
    size_t            i, j, at, before;
    jm_str_t          url;
    const jm_part_t  *part;

    jm_buf_literal(out, JM_STREAM_COMMENT);
    jm_buf_str(whole, jm_buf_view(out));

    for (i = 0; i < w->result.nparts; i++) {
        part = &w->parts[i];

        if (part->error != NULL) {
            before = out->len;

            if (jm_stream_failed(out, s, (uint32_t) i, part->error) == JM_OK) {
                jm_buf_add(whole, out->data + before, out->len - before);
            }

            continue;
        }

        for (j = 0; j < part->nurls; j++) {
            before = out->len;
            url = w->base64 ? str("") : part->urls[j];

            if (jm_stream_picture(out, s, (uint32_t) (i + j), url, &at)
                != JM_OK)
            {
                continue;
            }

            if (url.len == 0) {
                add_data(whole, out, before, at);

            } else {
                jm_buf_add(whole, out->data + before, out->len - before);
            }
        }
    }

    before = out->len;

    if (jm_stream_end(out, s, w->made) == JM_OK) {
        jm_buf_add(whole, out->data + before, out->len - before);
    }

    return out->rc;
}


/* Returns the JSON of the next event, which is of this type. */

static const jm_json_t *
next_event(const world_t *w, const events_t *list, size_t *n,
    const char *type, unsigned *masked, jm_mem_t *mem)
{
    char              name[64];
    const event_t    *e;
    const jm_json_t  *root;

    check(*n < list->n);
    e = &list->events[(*n)++];

    snprintf(name, sizeof(name), "image_%s.%s",
             w->edit ? "edit" : "generation", type);

    root = read_whole(e->data, masked, mem);

    check(e->name.len == strlen(name)
          && memcmp(e->name.data, name, e->name.len) == 0);
    check_text(jm_json_get(root, "type"), e->name, 0, mem);

    if (w->dialect == JM_STREAM_ARK) {
        check_text(jm_json_get(root, "model"), w->result.model, *masked, mem);
    }

    return root;
}


static void
check_stream(const world_t *w, jm_str_t text, jm_mem_t *mem)
{
    size_t            i, j, n;
    unsigned          ark, masked;
    jm_str_t          url;
    events_t          list;
    const event_t    *last;
    const jm_json_t  *root;

    ark = (w->dialect == JM_STREAM_ARK);
    n = 0;

    read_events(&list, text);

    for (i = 0; i < w->result.nparts; i++) {

        if (w->parts[i].error != NULL) {
            root = next_event(w, &list, &n, "partial_failed", &masked, mem);
            check((jm_json_get(root, "error") != NULL) == ark);

            check_int(root, "image_index", i);
            check_why(ark ? jm_json_get(root, "error") : root,
                      w->parts[i].error, masked, mem);
            continue;
        }

        for (j = 0; j < w->parts[i].nurls; j++) {
            url = w->parts[i].urls[j];

            root = next_event(w, &list, &n,
                              ark ? "partial_succeeded" : "completed",
                              &masked, mem);

            if (ark) {
                check_int(root, "image_index", i + j);
            }

            if (w->base64 || url.len == 0) {
                check_text(jm_json_get(root, "b64_json"), str(BASE64), 0, mem);

            } else {
                check_text(jm_json_get(root, "url"), url, masked, mem);
            }
        }
    }

    if (ark) {
        root = next_event(w, &list, &n, "completed", &masked, mem);
        check_int(jm_json_get(root, "usage"), "generated_images", w->made);

        last = &list.events[n++];
        check(last->name.len == 0 && jm_str_eq(&last->data, "[DONE]"));
    }

    check(n == list.n);
}


static void
run_stream(const world_t *w, size_t fail)
{
    jm_rc_e      rc;
    jm_buf_t     b, whole;
    tap_mem_t    m, kept;
    jm_stream_t  s;

    s.dialect = w->dialect;
    s.edit = w->edit;
    s.created = w->result.created;
    s.model = w->result.model;
    s.size = w->result.size;
    s.ignored = w->result.ignored;

    tap_mem_init(&m, fail);
    tap_mem_init(&kept, 0);
    jm_buf_init(&b, &m.mem, 16, (size_t) 1 << 20);
    jm_buf_init(&whole, &kept.mem, 4096, (size_t) 1 << 20);

    rc = write_stream(w, &s, &b, &whole);
    check(rc == (tap_mem_unfailed(&m) ? JM_OK : JM_ERROR));

    if (rc == JM_OK) {
        check_stream(w, jm_buf_view(&whole), &kept.mem);
    }

    tap_mem_done(&m);
    tap_mem_done(&kept);
}


/* an error, as a reply, and as what ends a stream */

static void
run_error(const world_t *w, size_t fail)
{
    jm_rc_e            rc;
    jm_buf_t           b;
    unsigned           masked;
    events_t           list;
    tap_mem_t          m;
    const jm_json_t   *root;
    const jm_error_t  *e;

    e = &w->errors[0];

    if (w->parts[0].error == NULL) {
        return;
    }

    tap_mem_init(&m, fail);
    jm_buf_init(&b, &m.mem, 16, (size_t) 1 << 20);

    rc = jm_stream_error(&b, e, w->result.task_id);
    check(rc == (tap_mem_unfailed(&m) ? JM_OK : JM_ERROR));

    m.fail = 0;

    if (rc == JM_OK) {
        read_events(&list, jm_buf_view(&b));
        check(list.n == 1 && jm_str_eq(&list.events[0].name, "error"));

        root = read_whole(list.events[0].data, &masked, &m.mem);

        check_why(root, e, masked, &m.mem);
        check_why(jm_json_get(root, "error"), e, masked, &m.mem);

        if (w->result.task_id.len != 0) {
            check_text(jm_json_get(root, "task_id"), w->result.task_id, masked,
                       &m.mem);
        }
    }

    tap_mem_done(&m);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    world_t  w;

    take_world(&w, data, size);

    run_reply(&w, 0);
    run_stream(&w, 0);
    run_error(&w, 0);
    if (w.fail != 0) {
        run_reply(&w, w.fail);
        run_stream(&w, w.fail);
        run_error(&w, w.fail);
    }

    return 0;
}
