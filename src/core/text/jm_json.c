
/*
 * Copyright (C) Jimeng module authors
 */


/*
 * The JSON reader, over yajl.
 *
 * What yajl 2.1 takes for JSON and is none is refused before it gets to see
 * the text: overlong UTF-8 and surrogates; escaped surrogates without their
 * other half, which it decodes into broken UTF-8; VT and FF as white space;
 * and an unterminated string behind the value.
 */


#include "jm_json.h"
#include "jm_text.h"

#include <setjmp.h>

#include <yajl/yajl_parse.h>


/* memory that yajl holds: it is told of failure by a jump, as it checks none */

typedef struct jm_json_block_s  jm_json_block_t;

struct jm_json_block_s {
    jm_json_block_t  *prev;
    jm_json_block_t  *next;
    size_t            size;
};


/* an array or object that is not closed yet */

typedef struct {
    jm_json_t       *node;
    jm_json_t       *last;
} jm_json_frame_t;


typedef struct {
    jm_str_t          text;
    jm_mem_t         *mem;
    jm_json_limits_t  limits;
    jm_json_t        *root;
    jm_json_frame_t  *frames;
    size_t            depth;
    size_t            nodes;
    jm_str_t          key;
    const char       *why;
    jm_json_block_t   blocks;
    jmp_buf           out_of_memory;
} jm_json_reader_t;


static const char *jm_json_check(jm_str_t text);
static unsigned jm_json_blank(const uint8_t *p, const uint8_t *end);
static const uint8_t *jm_json_escape(const uint8_t *p, const uint8_t *end);
static unsigned jm_json_unit(const uint8_t *p, const uint8_t *end);
static jm_rc_e jm_json_parse(jm_json_reader_t *r);
static jm_json_t *jm_json_add(jm_json_reader_t *r, jm_json_type_e type);
static int jm_json_open_node(jm_json_reader_t *r, jm_json_type_e type);
static jm_str_t jm_json_text(jm_json_reader_t *r, const uint8_t *s,
    size_t len);

static int jm_json_on_null(void *ctx);
static int jm_json_on_bool(void *ctx, int value);
static int jm_json_on_number(void *ctx, const char *s, size_t len);
static int jm_json_on_string(void *ctx, const unsigned char *s, size_t len);
static int jm_json_on_object(void *ctx);
static int jm_json_on_key(void *ctx, const unsigned char *s, size_t len);
static int jm_json_on_array(void *ctx);
static int jm_json_on_end(void *ctx);

static void *jm_json_alloc(jm_json_reader_t *r, size_t size);
static void *jm_json_malloc(void *ctx, size_t size);
static void *jm_json_realloc(void *ctx, void *p, size_t size);
static void jm_json_free(void *ctx, void *p);


static const char  jm_json_not_json[] = "is not valid JSON";

static const yajl_callbacks  jm_json_callbacks = {
    jm_json_on_null,
    jm_json_on_bool,
    NULL,
    NULL,
    jm_json_on_number,
    jm_json_on_string,
    jm_json_on_object,
    jm_json_on_key,
    jm_json_on_end,
    jm_json_on_array,
    jm_json_on_end
};


jm_rc_e
jm_json_read(jm_json_t **root, jm_str_t text, const jm_json_limits_t *limits,
    jm_mem_t *mem, const char **why)
{
    jm_rc_e           rc;
    jm_json_reader_t  r;

    *root = NULL;

    *why = jm_json_check(text);
    if (*why != NULL) {
        return JM_INVALID;
    }

    memset(&r, 0, sizeof(jm_json_reader_t));

    r.text = text;
    r.mem = mem;
    r.limits = *limits;
    r.why = jm_json_not_json;
    r.blocks.prev = &r.blocks;
    r.blocks.next = &r.blocks;

    rc = jm_json_parse(&r);

    while (r.blocks.next != &r.blocks) {
        jm_json_free(&r, r.blocks.next + 1);
    }

    if (rc == JM_OK) {
        *root = r.root;

    } else if (rc == JM_INVALID) {
        *why = r.why;
    }

    return rc;
}


/* why text cannot be JSON, as far as yajl does not find out itself; or NULL */

static const char *
jm_json_check(jm_str_t text)
{
    size_t          n;
    const uint8_t  *p, *end;

    if (text.len == 0 || jm_json_blank(text.data, text.data + text.len)) {
        return "is empty";
    }

    if (jm_utf8_length(text, &n) != JM_OK) {
        return "is not valid UTF-8";
    }

    /* white space to yajl, and to nobody else */

    if (memchr(text.data, '\v', text.len) != NULL
        || memchr(text.data, '\f', text.len) != NULL)
    {
        return jm_json_not_json;
    }

    /* a backslash outside of a string is an error anyway */

    end = text.data + text.len;

    for (p = text.data; p != end; /* void */) {
        p = memchr(p, '\\', (size_t) (end - p));
        if (p == NULL) {
            break;
        }

        p = jm_json_escape(p, end);
        if (p == NULL) {
            return jm_json_not_json;
        }
    }

    return NULL;
}


static unsigned
jm_json_blank(const uint8_t *p, const uint8_t *end)
{
    while (p != end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r')) {
        p++;
    }

    return p == end;
}


/* the end of the escape at p; NULL for a surrogate without its other half */

static const uint8_t *
jm_json_escape(const uint8_t *p, const uint8_t *end)
{
    switch (jm_json_unit(p, end) & 0xfc00) {

    case 0xd800:
        if ((jm_json_unit(p + 6, end) & 0xfc00) != 0xdc00) {
            return NULL;
        }

        return p + 12;

    case 0xdc00:
        return NULL;

    default:
        return (end - p < 2) ? end : p + 2;
    }
}


/* the UTF-16 code unit that \uXXXX at p stands for, 0 if there is no such */

static unsigned
jm_json_unit(const uint8_t *p, const uint8_t *end)
{
    size_t    i;
    uint8_t   c;
    unsigned  unit;

    if (end - p < 6 || p[0] != '\\' || p[1] != 'u') {
        return 0;
    }

    unit = 0;

    for (i = 2; i < 6; i++) {
        c = (uint8_t) (p[i] | 0x20);

        if (p[i] >= '0' && p[i] <= '9') {
            unit = unit << 4 | (unsigned) (p[i] - '0');

        } else if (c >= 'a' && c <= 'f') {
            unit = unit << 4 | (unsigned) (c - 'a' + 10);

        } else {
            return 0;
        }
    }

    return unit;
}


/*
 * The jump out of yajl ends here.  Nothing that is local to this function
 * changes after setjmp(): what does is the caller's.
 */

static jm_rc_e
jm_json_parse(jm_json_reader_t *r)
{
    size_t            used;
    yajl_handle       handle;
    yajl_alloc_funcs  funcs;

    funcs.malloc = jm_json_malloc;
    funcs.realloc = jm_json_realloc;
    funcs.free = jm_json_free;
    funcs.ctx = r;

    if (setjmp(r->out_of_memory)) {
        return JM_ERROR;
    }

    /* nothing nests deeper than it has brackets */

    r->limits.depth = jm_min(r->limits.depth, r->text.len);
    r->frames = jm_json_malloc(r, (r->limits.depth + 1)
                                  * sizeof(jm_json_frame_t));

    handle = yajl_alloc(&jm_json_callbacks, &funcs, r);

    /* what follows the value is looked at here, UTF-8 was above */

    yajl_config(handle, yajl_allow_trailing_garbage, 1);
    yajl_config(handle, yajl_dont_validate_strings, 1);

    if (yajl_parse(handle, r->text.data, r->text.len) != yajl_status_ok) {
        return JM_INVALID;
    }

    used = yajl_get_bytes_consumed(handle);

    if (yajl_complete_parse(handle) != yajl_status_ok) {
        return JM_INVALID;
    }

    if (!jm_json_blank(r->text.data + used, r->text.data + r->text.len)) {
        return JM_INVALID;
    }

    return JM_OK;
}


/* a new node at its place in the tree, NULL over the limit */

static jm_json_t *
jm_json_add(jm_json_reader_t *r, jm_json_type_e type)
{
    jm_json_t        *node;
    jm_json_frame_t  *frame;

    if (r->nodes == r->limits.nodes) {
        r->why = "has too many values";
        return NULL;
    }

    node = jm_json_alloc(r, sizeof(jm_json_t));
    memset(node, 0, sizeof(jm_json_t));

    node->type = type;
    r->nodes++;

    if (r->depth == 0) {
        r->root = node;
        return node;
    }

    frame = &r->frames[r->depth - 1];

    if (frame->node->type == JM_JSON_OBJECT) {
        node->key = r->key;
    }

    if (frame->last == NULL) {
        frame->node->child = node;

    } else {
        frame->last->next = node;
    }

    frame->last = node;
    frame->node->count++;

    return node;
}


static int
jm_json_open_node(jm_json_reader_t *r, jm_json_type_e type)
{
    jm_json_t  *node;

    if (r->depth == r->limits.depth) {
        r->why = "is nested too deeply";
        return 0;
    }

    node = jm_json_add(r, type);
    if (node == NULL) {
        return 0;
    }

    r->frames[r->depth].node = node;
    r->frames[r->depth].last = NULL;
    r->depth++;

    return 1;
}


/* a view into the text where yajl gives one, else a copy of its buffer */

static jm_str_t
jm_json_text(jm_json_reader_t *r, const uint8_t *s, size_t len)
{
    uint8_t    *copy;
    jm_str_t    v;
    uintptr_t   p, text;

    p = (uintptr_t) s;
    text = (uintptr_t) r->text.data;

    v.len = len;
    v.data = s;

    if (p < text || p > text + r->text.len) {
        copy = jm_json_alloc(r, jm_max(len, 1));
        memcpy(copy, s, len);
        v.data = copy;
    }

    return v;
}


static int
jm_json_on_null(void *ctx)
{
    return jm_json_add(ctx, JM_JSON_NULL) != NULL;
}


static int
jm_json_on_bool(void *ctx, int value)
{
    jm_json_t  *node;

    node = jm_json_add(ctx, JM_JSON_BOOL);
    if (node == NULL) {
        return 0;
    }

    node->boolean = (value != 0);

    return 1;
}


static int
jm_json_on_number(void *ctx, const char *s, size_t len)
{
    jm_json_t  *node;

    node = jm_json_add(ctx, JM_JSON_NUMBER);
    if (node == NULL) {
        return 0;
    }

    node->text = jm_json_text(ctx, (const uint8_t *) s, len);

    return 1;
}


static int
jm_json_on_string(void *ctx, const unsigned char *s, size_t len)
{
    jm_json_t  *node;

    node = jm_json_add(ctx, JM_JSON_STRING);
    if (node == NULL) {
        return 0;
    }

    node->text = jm_json_text(ctx, s, len);

    return 1;
}


static int
jm_json_on_object(void *ctx)
{
    return jm_json_open_node(ctx, JM_JSON_OBJECT);
}


static int
jm_json_on_key(void *ctx, const unsigned char *s, size_t len)
{
    jm_json_reader_t  *r;

    r = ctx;
    r->key = jm_json_text(r, s, len);

    return 1;
}


static int
jm_json_on_array(void *ctx)
{
    return jm_json_open_node(ctx, JM_JSON_ARRAY);
}


static int
jm_json_on_end(void *ctx)
{
    jm_json_reader_t  *r;

    r = ctx;
    r->depth--;

    return 1;
}


/* memory of the tree, which outlives the reader */

static void *
jm_json_alloc(jm_json_reader_t *r, size_t size)
{
    void  *p;

    p = r->mem->alloc(r->mem->ctx, size);
    if (p == NULL) {
        longjmp(r->out_of_memory, 1);
    }

    return p;
}


static void *
jm_json_malloc(void *ctx, size_t size)
{
    jm_json_block_t   *block;
    jm_json_reader_t  *r;

    r = ctx;

    block = jm_json_alloc(r, sizeof(jm_json_block_t) + size);

    block->size = size;
    block->prev = &r->blocks;
    block->next = r->blocks.next;
    block->next->prev = block;
    r->blocks.next = block;

    return block + 1;
}


static void *
jm_json_realloc(void *ctx, void *p, size_t size)
{
    void             *q;
    jm_json_block_t  *block;

    q = jm_json_malloc(ctx, size);

    if (p != NULL) {
        block = (jm_json_block_t *) p - 1;
        memcpy(q, p, jm_min(block->size, size));
        jm_json_free(ctx, p);
    }

    return q;
}


static void
jm_json_free(void *ctx, void *p)
{
    jm_json_block_t   *block;
    jm_json_reader_t  *r;

    if (p == NULL) {
        return;
    }

    r = ctx;
    block = (jm_json_block_t *) p - 1;

    block->prev->next = block->next;
    block->next->prev = block->prev;

    r->mem->free(r->mem->ctx, block);
}


jm_json_t *
jm_json_get(const jm_json_t *object, const char *name)
{
    size_t      len;
    jm_json_t  *node, *found;

    if (object == NULL || object->type != JM_JSON_OBJECT) {
        return NULL;
    }

    len = strlen(name);
    found = NULL;

    for (node = object->child; node != NULL; node = node->next) {
        if (node->key.len == len && memcmp(node->key.data, name, len) == 0) {
            found = node;
        }
    }

    return found;
}
