
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * The JSON writer, over yajl_gen.
 */


#include "jm_json.h"


/* room that yajl_gen_alloc() needs for the second of its two allocations */

#define JM_JSON_RESERVE     128


static unsigned jm_json_value(jm_json_writer_t *w);
static void jm_json_begin(jm_json_writer_t *w, unsigned object);
static void jm_json_end(jm_json_writer_t *w, unsigned object);
static void jm_json_status(jm_json_writer_t *w, yajl_gen_status status);
static void jm_json_print(void *ctx, const char *s, size_t len);
static void *jm_json_arena_malloc(void *ctx, size_t size);
static void *jm_json_arena_realloc(void *ctx, void *p, size_t size);
static void jm_json_arena_free(void *ctx, void *p);


void
jm_json_open(jm_json_writer_t *w, jm_buf_t *out)
{
    yajl_alloc_funcs  funcs;

    w->out = out;
    w->used = 0;
    w->level = 0;
    w->keyed = 0;
    w->objects = 0;

    funcs.malloc = jm_json_arena_malloc;
    funcs.realloc = jm_json_arena_realloc;
    funcs.free = jm_json_arena_free;
    funcs.ctx = w;

    w->gen = yajl_gen_alloc(&funcs);

    if (w->gen == NULL
        || !yajl_gen_config(w->gen, yajl_gen_print_callback, jm_json_print,
                            out))
    {
        out->rc = JM_ERROR;
    }
}


jm_rc_e
jm_json_close(jm_json_writer_t *w)
{
    /* only where a value is complete, one more is refused */

    if (w->out->rc == JM_OK
        && yajl_gen_null(w->gen) != yajl_gen_generation_complete)
    {
        w->out->rc = JM_ERROR;
    }

    if (w->gen != NULL) {
        yajl_gen_free(w->gen);
        w->gen = NULL;
    }

    return w->out->rc;
}


void
jm_json_object(jm_json_writer_t *w)
{
    jm_json_begin(w, 1);
}


void
jm_json_end_object(jm_json_writer_t *w)
{
    jm_json_end(w, 1);
}


void
jm_json_array(jm_json_writer_t *w)
{
    jm_json_begin(w, 0);
}


void
jm_json_end_array(jm_json_writer_t *w)
{
    jm_json_end(w, 0);
}


void
jm_json_key(jm_json_writer_t *w, const char *key)
{
    if (w->out->rc != JM_OK) {
        return;
    }

    if (!(w->objects & 1) || w->keyed) {
        w->out->rc = JM_ERROR;
        return;
    }

    jm_json_status(w, yajl_gen_string(w->gen, (const unsigned char *) key,
                                      strlen(key)));
    w->keyed = 1;
}


void
jm_json_string(jm_json_writer_t *w, jm_str_t s)
{
    if (jm_json_value(w)) {
        jm_json_status(w, yajl_gen_string(w->gen, s.data, s.len));
    }
}


void
jm_json_cstring(jm_json_writer_t *w, const char *s)
{
    jm_str_t  v;

    v.len = strlen(s);
    v.data = (const uint8_t *) s;

    jm_json_string(w, v);
}


void
jm_json_number(jm_json_writer_t *w, jm_str_t number)
{
    if (jm_json_value(w)) {
        jm_json_status(w, yajl_gen_number(w->gen, (const char *) number.data,
                                          number.len));
    }
}


void
jm_json_int(jm_json_writer_t *w, int64_t value)
{
    if (jm_json_value(w)) {
        jm_json_status(w, yajl_gen_integer(w->gen, value));
    }
}


void
jm_json_bool(jm_json_writer_t *w, unsigned value)
{
    if (jm_json_value(w)) {
        jm_json_status(w, yajl_gen_bool(w->gen, value != 0));
    }
}


void
jm_json_null(jm_json_writer_t *w)
{
    if (jm_json_value(w)) {
        jm_json_status(w, yajl_gen_null(w->gen));
    }
}


/*
 * Whether a value may come now.  yajl_gen would take one for a key, close an
 * object where an array is open, and count its depth below 0.
 */

static unsigned
jm_json_value(jm_json_writer_t *w)
{
    if (w->out->rc != JM_OK) {
        return 0;
    }

    if ((w->objects & 1) && !w->keyed) {
        w->out->rc = JM_ERROR;
        return 0;
    }

    w->keyed = 0;

    return 1;
}


static void
jm_json_begin(jm_json_writer_t *w, unsigned object)
{
    if (!jm_json_value(w)) {
        return;
    }

    if (w->level == JM_JSON_LEVELS) {
        w->out->rc = JM_ERROR;
        return;
    }

    w->level++;
    w->objects = w->objects << 1 | object;

    jm_json_status(w, object ? yajl_gen_map_open(w->gen)
                             : yajl_gen_array_open(w->gen));
}


static void
jm_json_end(jm_json_writer_t *w, unsigned object)
{
    if (w->out->rc != JM_OK) {
        return;
    }

    if (w->level == 0 || (w->objects & 1) != object || w->keyed) {
        w->out->rc = JM_ERROR;
        return;
    }

    w->level--;
    w->objects >>= 1;

    jm_json_status(w, object ? yajl_gen_map_close(w->gen)
                             : yajl_gen_array_close(w->gen));
}


static void
jm_json_status(jm_json_writer_t *w, yajl_gen_status status)
{
    if (status != yajl_gen_status_ok) {
        w->out->rc = JM_ERROR;
    }
}


static void
jm_json_print(void *ctx, const char *s, size_t len)
{
    jm_buf_add(ctx, s, len);
}


/*
 * yajl_gen_alloc() checks its first allocation, of some 600 bytes, and not
 * its second, of some 30: so what fails is the first.
 */

static void *
jm_json_arena_malloc(void *ctx, size_t size)
{
    size_t             room;
    uint8_t           *p;
    jm_json_writer_t  *w;

    w = ctx;
    room = sizeof(w->arena) - w->used - (w->used == 0 ? JM_JSON_RESERVE : 0);

    if (size > room) {
        return NULL;
    }

    p = w->arena + w->used;
    w->used += jm_min((size + 15) & ~(size_t) 15, room);

    return p;
}


static void *
jm_json_arena_realloc(void *ctx, void *p, size_t size)
{
    (void) ctx;
    (void) p;
    (void) size;

    return NULL;
}


static void
jm_json_arena_free(void *ctx, void *p)
{
    (void) ctx;
    (void) p;
}
