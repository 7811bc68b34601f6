
/*
 * Streams of whatever the input says: each has the events that were written,
 * each of one line of whole JSON that is named like it (WHATWG HTML,
 * "Interpreting an event stream"), with the pictures that are put into it.
 *
 * Seen failing with texts that are written as they are, with the place of the
 * base64 one byte further on, and with the error of a buffer lost.
 */


#include "reply.h"


#define EVENTS  32


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


/* whether picture number j of task i is the last */

static unsigned
is_last(const world_t *w, size_t i, size_t j)
{
    if (j + 1 < w->parts[i].nurls) {
        return 0;
    }

    while (++i < w->result.nparts) {

        if (w->parts[i].error == NULL && w->parts[i].nurls != 0) {
            return 0;
        }
    }

    return 1;
}


/* writes the stream, and it once more with the pictures in it to whole */

static jm_rc_e
write_stream(const world_t *w, jm_stream_t *s, jm_buf_t *out,
    jm_buf_t *whole)
{
    size_t            i, j, at, before;
    jm_str_t          url;
    const jm_part_t  *part;

    (void) jm_stream_comment(out, w->result.task_id, &(jm_standing_t) { 0 });
    jm_buf_str(whole, jm_buf_view(out));

    for (i = 0; i < w->result.nparts; i++) {
        part = &w->parts[i];

        if (part->error != NULL) {

            if (s->dialect != JM_STREAM_ARK) {
                continue;
            }

            before = out->len;

            if (jm_stream_failed(out, s, (uint32_t) i, part->error) == JM_OK) {
                jm_buf_add(whole, out->data + before, out->len - before);
            }

            continue;
        }

        for (j = 0; j < part->nurls; j++) {
            before = out->len;
            url = w->base64 ? str("") : part->urls[j];

            s->parts = w->parts;
            s->nparts = is_last(w, i, j) ? w->result.nparts : 0;

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


/* a picture's event in OpenAI's form; the last has the errors */

static void
check_openai(const world_t *w, const jm_json_t *root, unsigned last,
    unsigned masked, jm_mem_t *mem)
{
    const jm_json_t  *node;

    check_look(root, &w->result.look, mem);
    check_usage(root, 1);
    check_int(root, "created_at", (size_t) w->result.created);

    node = jm_json_get(root, "b64_json");
    check(node != NULL && node->type == JM_JSON_STRING);
    check(jm_json_get(root, "error") == NULL);

    if (last) {
        check_errors(w, root, masked, mem);

    } else {
        check(jm_json_get(root, "errors") == NULL);
    }
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

            if (ark) {
                root = next_event(w, &list, &n, "partial_failed", &masked,
                                  mem);

                check_int(root, "image_index", i);
                check_why(jm_json_get(root, "error"), w->parts[i].error,
                          masked, mem);
            }

            continue;
        }

        for (j = 0; j < w->parts[i].nurls; j++) {
            url = w->parts[i].urls[j];

            root = next_event(w, &list, &n,
                              ark ? "partial_succeeded" : "completed",
                              &masked, mem);

            if (ark) {
                check_int(root, "image_index", i + j);

            } else {
                check_openai(w, root, is_last(w, i, j), masked, mem);
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
        check_usage(root, w->made);

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
    s.look = w->result.look;
    s.parts = NULL;
    s.nparts = 0;
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


/* an error that ends a stream: an event that has its reply */

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

    run_stream(&w, 0);
    run_error(&w, 0);

    if (w.fail != 0) {
        run_stream(&w, w.fail);
        run_error(&w, w.fail);
    }

    return 0;
}
