
/*
 * The JSON reader and writer.  The first two bytes set the limits, the rest
 * is the text, as it is.  What is read must be a sound tree within its limits,
 * and must come back the same when it is written and read again; memory that
 * fails must leave nothing behind.
 */


#include "fuzz.h"
#include "jm_json.h"
#include "jm_text.h"


typedef struct {
    jm_str_t         text;
    size_t           nodes;
    size_t           depth;
} walk_t;


static void check_read(jm_str_t text, const jm_json_limits_t *limits);
static void check_failure(jm_str_t text, const jm_json_limits_t *limits,
    size_t calls);
static void check_again(const jm_json_t *root, walk_t *walk);
static void check_node(const jm_json_t *node, walk_t *walk, size_t depth);
static void check_same(const jm_json_t *a, const jm_json_t *b);
static void write_node(jm_json_writer_t *w, const jm_json_t *node,
    jm_mem_t *mem);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    jm_str_t          text;
    jm_json_limits_t  limits;

    if (size < 2) {
        return 0;
    }

    limits.depth = data[0] % (JM_JSON_LEVELS + 1);
    limits.nodes = data[1];

    text.data = data + 2;
    text.len = size - 2;

    check_read(text, &limits);

    return 0;
}


static void
check_read(jm_str_t text, const jm_json_limits_t *limits)
{
    size_t       calls;
    walk_t       walk;
    jm_rc_e      rc;
    tap_mem_t    m;
    jm_json_t   *root;
    const char  *why;

    tap_mem_init(&m, 0);

    why = NULL;
    rc = jm_json_read(&root, text, limits, &m.mem, &why);
    calls = m.calls;

    check(rc == JM_OK || rc == JM_INVALID);

    if (rc == JM_INVALID) {
        check(root == NULL && why != NULL && strlen(why) > 4);

    } else {
        memset(&walk, 0, sizeof(walk_t));
        walk.text = text;

        check(root != NULL && root->next == NULL && root->key.len == 0);
        check_node(root, &walk, 0);
        check(walk.nodes <= limits->nodes && walk.depth <= limits->depth);

        check_again(root, &walk);
    }

    tap_mem_done(&m);

    if (calls != 0) {
        check_failure(text, limits, calls);
    }
}


/* one of the allocations fails, which one is the text's to say */

static void
check_failure(jm_str_t text, const jm_json_limits_t *limits, size_t calls)
{
    size_t       i, hash;
    jm_rc_e      rc;
    tap_mem_t    m;
    jm_json_t   *root;
    const char  *why;

    for (i = 0, hash = 5381; i < text.len; i++) {
        hash = hash * 33 + text.data[i];
    }

    tap_mem_init(&m, hash % calls + 1);

    rc = jm_json_read(&root, text, limits, &m.mem, &why);
    check(rc == JM_ERROR && root == NULL);

    tap_mem_done(&m);
}


static void
check_node(const jm_json_t *node, walk_t *walk, size_t depth)
{
    size_t            n, length;
    const jm_json_t  *child;

    walk->nodes++;

    check(jm_utf8_length(node->key, &length) == JM_OK);

    switch (node->type) {

    case JM_JSON_NULL:
    case JM_JSON_BOOL:
        check(node->child == NULL && node->count == 0 && node->text.len == 0);
        check(node->boolean <= 1);
        break;

    case JM_JSON_NUMBER:
        check(node->child == NULL && node->count == 0);
        check(node->text.len != 0 && node->text.len <= walk->text.len);
        break;

    case JM_JSON_STRING:
        check(node->child == NULL && node->count == 0);
        check(node->text.len <= walk->text.len);
        check(jm_utf8_length(node->text, &length) == JM_OK);
        break;

    case JM_JSON_ARRAY:
    case JM_JSON_OBJECT:
        depth++;
        walk->depth = jm_max(walk->depth, depth);

        for (n = 0, child = node->child; child != NULL; child = child->next) {
            check(node->type == JM_JSON_OBJECT || child->key.len == 0);
            check_node(child, walk, depth);
            n++;
        }

        check(n == node->count);
        check(node->text.len == 0);
        break;

    default:
        check(0);
    }
}


static void
check_again(const jm_json_t *root, walk_t *walk)
{
    size_t             length;
    jm_buf_t           b;
    jm_rc_e            rc;
    tap_mem_t          m;
    jm_json_t         *again;
    const char        *why;
    jm_json_limits_t   limits;
    jm_json_writer_t   w;

    tap_mem_init(&m, 0);

    jm_buf_init(&b, &m.mem, 16, walk->text.len * 6 + 16);
    jm_json_open(&w, &b);
    write_node(&w, root, &m.mem);
    check(jm_json_close(&w) == JM_OK);
    check(jm_utf8_length(jm_buf_view(&b), &length) == JM_OK);

    limits.depth = walk->depth;
    limits.nodes = walk->nodes;
    rc = jm_json_read(&again, jm_buf_view(&b), &limits, &m.mem, &why);
    check(rc == JM_OK);
    check_same(root, again);

    /* the limits are exact */

    limits.nodes--;
    rc = jm_json_read(&again, jm_buf_view(&b), &limits, &m.mem, &why);
    check(rc == JM_INVALID);

    if (limits.depth != 0) {
        limits.nodes++;
        limits.depth--;
        rc = jm_json_read(&again, jm_buf_view(&b), &limits, &m.mem, &why);
        check(rc == JM_INVALID);
    }

    tap_mem_done(&m);
}


static void
check_same(const jm_json_t *a, const jm_json_t *b)
{
    const jm_json_t  *x, *y;

    check(a->type == b->type && a->boolean == b->boolean);
    check(a->count == b->count);
    check(same(a->key, b->key) && same(a->text, b->text));

    for (x = a->child, y = b->child; x != NULL; x = x->next, y = y->next) {
        check(y != NULL);
        check_same(x, y);
    }

    check(y == NULL);
}


static void
write_node(jm_json_writer_t *w, const jm_json_t *node, jm_mem_t *mem)
{
    char             *key;
    const jm_json_t  *child;

    switch (node->type) {

    case JM_JSON_NULL:
        jm_json_null(w);
        break;

    case JM_JSON_BOOL:
        jm_json_bool(w, node->boolean);
        break;

    case JM_JSON_NUMBER:
        jm_json_raw(w, node->text);
        break;

    case JM_JSON_STRING:
        jm_json_string(w, node->text);
        break;

    case JM_JSON_ARRAY:
        jm_json_array(w);

        for (child = node->child; child != NULL; child = child->next) {
            write_node(w, child, mem);
        }

        jm_json_end_array(w);
        break;

    case JM_JSON_OBJECT:
        jm_json_object(w);

        for (child = node->child; child != NULL; child = child->next) {
            key = mem->alloc(mem->ctx, child->key.len + 1);

            if (child->key.len != 0) {
                memcpy(key, child->key.data, child->key.len);
            }

            key[child->key.len] = '\0';

            /* a key with a zero in it cannot be written: ours never have */

            if (strlen(key) != child->key.len) {
                memset(key, 'z', child->key.len);
                memcpy((void *) (uintptr_t) child->key.data, key,
                       child->key.len);
            }

            jm_json_name(w, key);
            write_node(w, child, mem);
        }

        jm_json_end_object(w);
        break;
    }
}
