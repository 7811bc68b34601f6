
/*
 * The skeleton of a JSON text.  The first byte says how long a string may be
 * that stays, the second how the rest, which is the text, is split.  Where the
 * text is JSON, so is its skeleton, with the same tree but for the strings
 * that were taken out; each of those is found once, and what lies at its place
 * in the text is the string.
 */


#include "fuzz.h"
#include "jm_json.h"
#include "jm_skeleton.h"


typedef struct {
    jm_skeleton_t    skeleton;
    jm_str_t         text;
    size_t           found;
    jm_mem_t        *mem;
} walk_t;


static const jm_json_limits_t  limits = { 64, 4096 };


/* a string of the text, and the one at its place in the skeleton */

static void
check_string(walk_t *walk, jm_str_t whole, jm_str_t got)
{
    jm_buf_t                     b;
    jm_str_t                     raw;
    jm_json_t                   *node;
    const char                  *why;
    const jm_skeleton_string_t  *s;

    s = jm_skeleton_find(&walk->skeleton, got);

    if (s == NULL) {
        check(same(whole, got));
        check(got.len <= walk->skeleton.max);
        return;
    }

    walk->found++;

    check(s->len > walk->skeleton.max);
    check(s->offset <= walk->text.len
          && s->len <= walk->text.len - s->offset);

    raw.data = walk->text.data + s->offset;
    raw.len = (size_t) s->len;

    jm_buf_init(&b, walk->mem, 64, raw.len + 2);
    jm_buf_literal(&b, "\"");
    jm_buf_str(&b, raw);
    jm_buf_literal(&b, "\"");

    check(jm_json_read(&node, jm_buf_view(&b), &limits, walk->mem, &why)
          == JM_OK);
    check(node->type == JM_JSON_STRING && same(node->text, whole));
}


static void
check_same(walk_t *walk, const jm_json_t *a, const jm_json_t *b)
{
    const jm_json_t  *x, *y;

    check(a->type == b->type && a->boolean == b->boolean);
    check(a->count == b->count);

    if (a->type == JM_JSON_STRING) {
        check_string(walk, a->text, b->text);

    } else {
        check(same(a->text, b->text));
    }

    for (x = a->child, y = b->child; x != NULL; x = x->next, y = y->next) {
        check(y != NULL);

        if (a->type == JM_JSON_OBJECT) {
            check_string(walk, x->key, y->key);
        }

        check_same(walk, x, y);
    }

    check(y == NULL);
}


static jm_rc_e
make(walk_t *walk, jm_buf_t *b, size_t max, size_t split)
{
    jm_rc_e   rc;
    jm_str_t  rest, piece;

    jm_buf_init(b, walk->mem, 16, walk->text.len * 4 + 16);
    jm_skeleton_init(&walk->skeleton, b, max);

    rc = JM_OK;
    rest = walk->text;

    while (rest.len != 0) {
        piece.data = rest.data;
        piece.len = jm_min(split, rest.len);

        rc = jm_skeleton_add(&walk->skeleton, piece);

        rest.data += piece.len;
        rest.len -= piece.len;
    }

    return rc;
}


static void
run(walk_t *walk, size_t max, size_t split)
{
    jm_rc_e      rc;
    jm_buf_t     whole, b;
    jm_json_t   *root, *got;
    const char  *why;

    (void) make(walk, &whole, max, jm_max(walk->text.len, 1));
    rc = make(walk, &b, max, split);

    check(rc == JM_OK || rc == JM_INVALID);

    if (rc == JM_INVALID) {
        check(walk->skeleton.nstrings == JM_SKELETON_STRINGS);
        return;
    }

    check(same(jm_buf_view(&whole), jm_buf_view(&b)));

    if (jm_json_read(&root, walk->text, &limits, walk->mem, &why) != JM_OK) {
        return;
    }

    check(jm_json_read(&got, jm_buf_view(&b), &limits, walk->mem, &why)
          == JM_OK);
    check_same(walk, root, got);
    check(walk->found == walk->skeleton.nstrings);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    walk_t     walk;
    tap_mem_t  m;

    if (size < 2) {
        return 0;
    }

    tap_mem_init(&m, 0);
    memset(&walk, 0, sizeof(walk_t));

    walk.mem = &m.mem;
    walk.text.data = data + 2;
    walk.text.len = size - 2;

    run(&walk, data[0] % 32, data[1] % 16 + 1u);

    tap_mem_done(&m);

    return 0;
}
