
/*
 * An answer taken apart.  The first byte says how the rest is cut, which must
 * make no difference.  Where the answer is JSON, the pictures must be the
 * strings that the reader finds under the key, and the rest must read as the
 * same tree without them; where the rest is JSON, so must be the answer.
 */


#include "fuzz.h"
#include "jm_json.h"
#include "jm_pass.h"


#define MAX    4096
#define KEY    "binary_data_base64"


/* what came out: all has every run, in pictures they are in "()" */

typedef struct {
    jm_buf_t         all;
    jm_buf_t         rest;
    jm_buf_t         pictures;
    unsigned         invalid;
    unsigned         inside;
    uint8_t          space[3][MAX * 2];
} result_t;

/* pictures as the reader sees them; stopped at one that is not base64 */

typedef struct {
    jm_buf_t         pictures;
    unsigned         invalid;
    uint8_t          space[MAX * 2];
} found_t;


static void pass(result_t *r, jm_str_t answer, unsigned cut);
static void take(result_t *r, jm_pass_t *p, jm_str_t piece);
static size_t next_cut(unsigned *cut, size_t len);
static void check_json(jm_str_t answer, result_t *r);
static void find(const jm_json_t *node, found_t *f);
static void find_picture(jm_str_t text, found_t *f);
static unsigned is_pictures(const jm_json_t *node);
static void check_same(const jm_json_t *a, const jm_json_t *b,
    unsigned pictures);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    jm_str_t         answer;
    static result_t  whole, cut;

    if (size < 1 || size > MAX) {
        return 0;
    }

    answer.data = data + 1;
    answer.len = size - 1;

    pass(&whole, answer, 0);
    pass(&cut, answer, data[0] + 1u);

    check(same(jm_buf_view(&whole.rest), jm_buf_view(&cut.rest)));
    check(same(jm_buf_view(&whole.pictures), jm_buf_view(&cut.pictures)));
    check(whole.invalid == cut.invalid && whole.inside == cut.inside);

    /* nothing to be resolved or left out: the runs are the answer */

    if (!whole.invalid && answer.len != 0
        && memchr(answer.data, '\\', answer.len) == NULL
        && memchr(answer.data, ' ', answer.len) == NULL)
    {
        check(same(jm_buf_view(&whole.all), answer));
        check(same(jm_buf_view(&cut.all), answer));
    }

    check_json(answer, &whole);

    return 0;
}


/* cut 0: in one piece */

static void
pass(result_t *r, jm_str_t answer, unsigned cut)
{
    jm_str_t   piece;
    jm_pass_t  p;

    r->invalid = 0;
    jm_buf_fixed(&r->all, r->space[0], sizeof(r->space[0]));
    jm_buf_fixed(&r->rest, r->space[1], sizeof(r->space[1]));
    jm_buf_fixed(&r->pictures, r->space[2], sizeof(r->space[2]));
    jm_pass_init(&p);

    while (answer.len != 0) {
        piece.len = next_cut(&cut, answer.len);

        piece.data = answer.data;
        piece = exact(piece);
        take(r, &p, piece);
        exact_done(piece);

        answer.data += piece.len;
        answer.len -= piece.len;
    }

    r->inside = jm_pass_inside(&p);
    check(r->all.rc == JM_OK && r->pictures.rc == JM_OK);
}


static void
take(result_t *r, jm_pass_t *p, jm_str_t piece)
{
    jm_str_t   run;
    jm_pass_e  rc;

    for ( ;; ) {
        rc = jm_pass_next(p, &piece, &run);

        check((rc == JM_PASS_REST || rc == JM_PASS_TEXT) == (run.len != 0));
        check(!r->invalid || rc == JM_PASS_INVALID);
        jm_buf_str(&r->all, run);

        switch (rc) {

        case JM_PASS_AGAIN:
            check(piece.len == 0);
            return;

        case JM_PASS_REST:
            jm_buf_str(&r->rest, run);
            break;

        case JM_PASS_OPEN:
            check(jm_pass_inside(p));
            jm_buf_literal(&r->pictures, "(");
            break;

        case JM_PASS_TEXT:
            check(jm_pass_inside(p));
            jm_buf_str(&r->pictures, run);
            break;

        case JM_PASS_CLOSE:
            check(!jm_pass_inside(p));
            jm_buf_literal(&r->pictures, ")");
            break;

        case JM_PASS_INVALID:
            r->invalid = 1;
            return;
        }
    }
}


/* pieces of 1 to 7 bytes, or, every now and then, of more */

static size_t
next_cut(unsigned *cut, size_t len)
{
    size_t  n;

    if (*cut == 0) {
        return len;
    }

    *cut = *cut * 1103515245 + 12345;
    n = *cut >> 16 & 7;

    if (n == 0) {
        n = (*cut >> 20 & 255) + 1;
    }

    return jm_min(n, len);
}


static void
check_json(jm_str_t answer, result_t *r)
{
    jm_rc_e            rc, again;
    tap_mem_t          m;
    jm_json_t         *root, *rest;
    const char        *why;
    static found_t     f;
    jm_json_limits_t   limits;

    limits.depth = 64;
    limits.nodes = MAX;

    tap_mem_init(&m, 0);

    rc = jm_json_read(&root, answer, &limits, &m.mem, &why);
    again = jm_json_read(&rest, jm_buf_view(&r->rest), &limits, &m.mem, &why);

    if (!r->invalid && !r->inside) {
        check(rc == again);
    }

    if (rc == JM_OK) {
        f.invalid = 0;
        jm_buf_fixed(&f.pictures, f.space, sizeof(f.space));
        find(root, &f);

        check(f.invalid == r->invalid);
        check(same(jm_buf_view(&f.pictures), jm_buf_view(&r->pictures)));

        if (!f.invalid) {
            check_same(root, rest, 0);
        }
    }

    tap_mem_done(&m);
}


static void
find(const jm_json_t *node, found_t *f)
{
    const jm_json_t  *child;

    for (child = node->child; child != NULL && !f->invalid;
         child = child->next)
    {
        if (child->type == JM_JSON_STRING && is_pictures(node)) {
            find_picture(child->text, f);
        }

        find(child, f);
    }
}


static void
find_picture(jm_str_t text, found_t *f)
{
    size_t   i;
    uint8_t  c;

    jm_buf_literal(&f->pictures, "(");

    for (i = 0; i < text.len; i++) {
        c = text.data[i];

        if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
            continue;
        }

        if (c == '\0'
            || strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                      "0123456789+/=", c) == NULL)
        {
            f->invalid = 1;
            return;
        }

        jm_buf_add(&f->pictures, &c, 1);
    }

    jm_buf_literal(&f->pictures, ")");
}


static unsigned
is_pictures(const jm_json_t *node)
{
    return node->type == JM_JSON_ARRAY && jm_str_eq(&node->key, KEY);
}


/* b is a, but for the text of pictures, which is empty */

static void
check_same(const jm_json_t *a, const jm_json_t *b, unsigned pictures)
{
    const jm_json_t  *x, *y;

    check(a->type == b->type && a->boolean == b->boolean);
    check(a->count == b->count && same(a->key, b->key));

    if (pictures && a->type == JM_JSON_STRING) {
        check(b->text.len == 0);

    } else {
        check(same(a->text, b->text));
    }

    for (x = a->child, y = b->child; x != NULL; x = x->next, y = y->next) {
        check_same(x, y, is_pictures(a));
    }
}
