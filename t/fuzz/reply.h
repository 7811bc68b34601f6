
/*
 * What the targets of replies and of streams share: the world that the input
 * says, a byte for each choice, and for each text its length before it; and
 * JSON that is held against it.
 *
 * Texts that are not UTF-8 come out as they are: what is left, with an "x"
 * for each byte that is not ASCII, must be sound all the same.
 */


#ifndef _REPLY_H_INCLUDED_
#define _REPLY_H_INCLUDED_


#include "fuzz.h"
#include "jm_json.h"
#include "jm_stream.h"
#include "jm_text.h"


#define PARTS   4
#define URLS    3

#define BASE64  "/9j+AAQ="


/* what the input says */

typedef struct {
    input_t          input;
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


static const jm_json_limits_t  limits = { 8, 256 };


static inline jm_str_t
take(world_t *w)
{
    jm_str_t  s;

    s.len = choose(&w->input, 256);
    s.len = jm_min(s.len, w->input.size);
    s.data = w->input.data;

    w->input.data += s.len;
    w->input.size -= s.len;

    return s;
}


static inline void
take_error(world_t *w, jm_error_t *e)
{
    jm_str_t    s;
    jm_cause_e  cause;

    cause = 1 + choose(&w->input, JM_CAUSE_LAST - 1);
    s = take(w);

    jm_error_set(e, cause, choose(&w->input, 2) ? w->param : NULL, "%.*s",
                 (int) s.len, (const char *) s.data);

    e->upstream_code = choose(&w->input, 2) ? 50411 : 0;
}


static inline void
take_world(world_t *w, const uint8_t *data, size_t size)
{
    size_t      i, j;
    jm_str_t    s;
    jm_part_t  *part;

    memset(w, 0, sizeof(world_t));

    w->input.data = data;
    w->input.size = size;

    w->fail = choose(&w->input, 16);
    w->base64 = choose(&w->input, 2);
    w->dialect = choose(&w->input, 2) ? JM_STREAM_ARK : JM_STREAM_OPENAI;
    w->edit = choose(&w->input, 2);

    w->result.created = choose(&w->input, 256);
    w->result.max_images = choose(&w->input, 4);
    w->result.ignored = choose(&w->input, 2) ? choose(&w->input, 256) : 0;
    w->result.look.size.width = choose(&w->input, 256);
    w->result.look.size.height = w->result.look.size.width * 2;
    w->result.look.quality = w->result.look.size.width % 3;
    w->result.look.type = w->result.look.size.width % 2
                          ? JM_PICTURE_JPEG : JM_PICTURE_PNG;
    w->result.model = take(w);
    w->result.task_id = take(w);

    s = take(w);

    if (s.len != 0) {
        memcpy(w->param, s.data, s.len);
    }

    w->result.parts = w->parts;
    w->result.nparts = choose(&w->input, PARTS + 1);

    for (i = 0; i < w->result.nparts; i++) {
        part = &w->parts[i];
        part->urls = w->urls[i];
        part->nurls = choose(&w->input, URLS + 1);

        for (j = 0; j < part->nurls; j++) {
            w->urls[i][j] = take(w);
        }

        if (choose(&w->input, 2)) {
            take_error(w, &w->errors[i]);
            part->error = &w->errors[i];
        }

        w->made += part->nurls;
        w->had += part->error == NULL ? part->nurls : 0;
    }
}


/* a text as it is, or with an "x" for each byte that is not ASCII */

static inline jm_str_t
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

static inline jm_json_t *
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


static inline void
check_text(const jm_json_t *node, jm_str_t expected, unsigned masked,
    jm_mem_t *mem)
{
    check(node != NULL && node->type == JM_JSON_STRING);

    expected = mask(expected, masked, mem);

    check(node->text.len == expected.len
          && (expected.len == 0
              || memcmp(node->text.data, expected.data, expected.len) == 0));
}


static inline void
check_int(const jm_json_t *object, const char *name, size_t expected)
{
    int64_t           value;
    const jm_json_t  *node;

    node = jm_json_get(object, name);

    check(node != NULL && jm_decimal(node->text, 0, &value, NULL) == JM_OK);
    check(value == (int64_t) expected);
}


/* "code" and "message" of an error */

static inline void
check_why(const jm_json_t *object, const jm_error_t *e, unsigned masked,
    jm_mem_t *mem)
{
    check_text(jm_json_get(object, "code"), str(jm_cause(e->cause)->code),
               masked, mem);
    check_text(jm_json_get(object, "message"), str(e->message), masked, mem);
}


/* the members of a picture's look, which OpenAI's schema requires */

static inline void
check_look(const jm_json_t *root, const jm_look_t *look, jm_mem_t *mem)
{
    char                size[32];
    static const char  *qualities[] = { "high", "medium", "low" };

    snprintf(size, sizeof(size), "%ux%u", look->size.width, look->size.height);

    check_text(jm_json_get(root, "background"), str("opaque"), 0, mem);
    check_text(jm_json_get(root, "quality"), str(qualities[look->quality]), 0,
               mem);
    check_text(jm_json_get(root, "output_format"),
               str(look->type == JM_PICTURE_JPEG ? "jpeg" : "png"), 0, mem);
    check_text(jm_json_get(root, "size"),
               str(look->size.width != 0 ? size : "auto"), 0, mem);
}


static inline void
check_usage(const jm_json_t *root, size_t made)
{
    size_t              i;
    const jm_json_t    *usage, *node;
    static const char  *details[] = {
        "input_tokens_details", "output_tokens_details"
    };

    usage = jm_json_get(root, "usage");

    check_int(usage, "generated_images", made);
    check_int(usage, "input_tokens", 0);
    check_int(usage, "output_tokens", 0);
    check_int(usage, "total_tokens", 0);

    for (i = 0; i < jm_nitems(details); i++) {
        node = jm_json_get(usage, details[i]);
        check_int(node, "text_tokens", 0);
        check_int(node, "image_tokens", 0);
    }
}


static inline void
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


#endif /* _REPLY_H_INCLUDED_ */
