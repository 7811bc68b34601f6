
/*
 * Copyright (C) Jimeng module authors
 */


#include "jm_ark_events.h"
#include "jm_ark_part.h"


static size_t jm_ark_events_value(jm_ark_events_t *s, const uint8_t *p,
    size_t len);
static void jm_ark_events_field(jm_ark_events_t *s, uint8_t c);
static void jm_ark_events_line(jm_ark_events_t *s);
static void jm_ark_events_end(jm_ark_events_t *s);
static jm_ark_event_e jm_ark_events_kind(jm_ark_events_t *s);
static jm_ark_event_e jm_ark_events_named(jm_str_t name);
static jm_ark_event_e jm_ark_events_unnamed(jm_ark_events_t *s);


static const struct {
    jm_str_t         name;
    jm_ark_event_e   event;
} jm_ark_event_names[] = {
    { jm_string("image_generation.partial_image"),
      JM_ARK_EVENT_PARTIAL_IMAGE },
    { jm_string("image_generation.partial_succeeded"),
      JM_ARK_EVENT_SUCCEEDED },
    { jm_string("image_generation.partial_failed"), JM_ARK_EVENT_FAILED },
    { jm_string("image_generation.completed"), JM_ARK_EVENT_COMPLETED },
    { jm_string("error"), JM_ARK_EVENT_ERROR }
};

static const jm_str_t  jm_ark_field_data = jm_string("data");
static const jm_str_t  jm_ark_field_event = jm_string("event");

#define jm_ark_field_is(s, name)                                              \
    ((s)->nfield == (name).len                                                \
     && memcmp((s)->field, (name).data, (name).len) == 0)


void
jm_ark_events_init(jm_ark_events_t *s, jm_ark_event_pt handler, void *ctx,
    jm_mem_t *mem)
{
    memset(s, 0, sizeof(jm_ark_events_t));

    s->handler = handler;
    s->ctx = ctx;
    s->mem = mem;

    jm_buf_init(&s->data, mem, 1024, JM_ARK_EVENT_MAX);
}


jm_rc_e
jm_ark_events_add(jm_ark_events_t *s, jm_str_t piece)
{
    size_t   i;
    uint8_t  c;

    for (i = 0; i < piece.len && s->rc == JM_OK; /* void */) {
        c = piece.data[i];

        if (c == '\r' || c == '\n') {

            if (c == '\r' || !s->cr) {
                jm_ark_events_line(s);
            }

            s->cr = (c == '\r');
            i++;
            continue;
        }

        s->cr = 0;

        if (s->value) {
            i += jm_ark_events_value(s, piece.data + i, piece.len - i);

        } else {
            jm_ark_events_field(s, c);
            i++;
        }
    }

    return s->rc;
}


/* takes what there is of a value up to the line's end; returns how much */

static size_t
jm_ark_events_value(jm_ark_events_t *s, const uint8_t *p, size_t len)
{
    size_t  n, used;

    for (used = 0; used < len; used++) {
        if (p[used] == '\r' || p[used] == '\n') {
            break;
        }
    }

    n = used;

    if (s->blank && *p == ' ') {
        p++;
        n--;
    }

    s->blank = 0;

    if (jm_ark_field_is(s, jm_ark_field_event)) {
        n = jm_min(n, JM_ARK_EVENT_NAME - s->nname);
        memcpy(s->name + s->nname, p, n);
        s->nname += n;

    } else if (jm_ark_field_is(s, jm_ark_field_data)) {

        if (n > JM_ARK_EVENT_MAX - s->data.len) {
            s->over = 1;
            n = 0;
        }

        jm_buf_add(&s->data, p, n);
    }

    return used;
}


/* a byte of the name of a line's field; only what may be known is kept */

static void
jm_ark_events_field(jm_ark_events_t *s, uint8_t c)
{
    if (c != ':') {

        if (s->nfield < sizeof(s->field)) {
            s->field[s->nfield++] = c;
        }

        return;
    }

    s->value = 1;
    s->blank = 1;

    if (jm_ark_field_is(s, jm_ark_field_event)) {
        s->nname = 0;

    } else if (jm_ark_field_is(s, jm_ark_field_data) && s->lines++ != 0) {

        if (s->data.len == JM_ARK_EVENT_MAX) {
            s->over = 1;

        } else {
            jm_buf_literal(&s->data, "\n");
        }
    }
}


static void
jm_ark_events_line(jm_ark_events_t *s)
{
    unsigned  empty;

    empty = (!s->value && s->nfield == 0);

    s->nfield = 0;
    s->value = 0;
    s->blank = 0;

    if (s->data.rc != JM_OK) {
        s->rc = JM_ERROR;

    } else if (empty) {
        jm_ark_events_end(s);
    }
}


static void
jm_ark_events_end(jm_ark_events_t *s)
{
    jm_ark_event_e  event;

    if (s->lines != 0) {
        event = jm_ark_events_kind(s);

        if (s->rc == JM_OK && s->over && event != JM_ARK_EVENT_PARTIAL_IMAGE) {
            s->rc = JM_INVALID;
        }

        if (s->over) {
            s->data.len = 0;
        }

        if (s->rc == JM_OK) {
            s->rc = s->handler(s->ctx, event, jm_buf_view(&s->data));
        }
    }

    s->data.len = 0;
    s->lines = 0;
    s->nname = 0;
    s->over = 0;
}


static jm_ark_event_e
jm_ark_events_kind(jm_ark_events_t *s)
{
    jm_str_t  name, data;

    data = jm_buf_view(&s->data);

    if (jm_str_eq(&data, "[DONE]")) {
        return JM_ARK_EVENT_DONE;
    }

    if (s->nname == 0 && !s->over) {
        return jm_ark_events_unnamed(s);
    }

    name.data = s->name;
    name.len = s->nname;

    return jm_ark_events_named(name);
}


static jm_ark_event_e
jm_ark_events_named(jm_str_t name)
{
    size_t  i;

    for (i = 0; i < jm_nitems(jm_ark_event_names); i++) {

        if (name.len == jm_ark_event_names[i].name.len
            && memcmp(name.data, jm_ark_event_names[i].name.data, name.len)
               == 0)
        {
            return jm_ark_event_names[i].event;
        }
    }

    return JM_ARK_EVENT_OTHER;
}


/* some that stand between send on the data alone, and errors have no type */

static jm_ark_event_e
jm_ark_events_unnamed(jm_ark_events_t *s)
{
    jm_rc_e            rc;
    jm_str_t           type;
    jm_json_t         *root;
    const char        *why;
    jm_json_limits_t   limits;

    if (s->unnamed++ == JM_ARK_EVENTS) {
        s->rc = JM_INVALID;
        return JM_ARK_EVENT_OTHER;
    }

    limits.depth = JM_ARK_DEPTH;
    limits.nodes = JM_ARK_NODES;

    rc = jm_json_read(&root, jm_buf_view(&s->data), &limits, s->mem, &why);

    if (rc == JM_ERROR) {
        s->rc = JM_ERROR;
    }

    if (rc != JM_OK) {
        return JM_ARK_EVENT_OTHER;
    }

    type = jm_answer_text(jm_json_get(root, "type"));

    if (type.len != 0) {
        return jm_ark_events_named(type);
    }

    return jm_json_get(root, "error") != NULL ? JM_ARK_EVENT_ERROR
                                              : JM_ARK_EVENT_OTHER;
}
